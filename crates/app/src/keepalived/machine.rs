//! The machine, as the reader of keepalived.conf asks for it.

use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evenkeel_conf::keepalived::{FileFacts, FileKind, Outside, Owner};
use evenkeel_sys::{machine, user};

use crate::say;

/// Names of one folder that are looked at.
const NAMES_MAX: usize = 100_000;

/// Whose machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// The one that will run the configuration.
    This,
    /// Not this one: every interface and address may be there.
    Another,
}

impl Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| say::system_words(&error))
    }

    fn list_folder(&self, path: &str) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(path).ok()?;
        Some(
            entries.flatten().take(NAMES_MAX).map(|e| e.file_name().to_string_lossy().into_owned()).collect(),
        )
    }

    fn look(&self, path: &str) -> Result<FileFacts, String> {
        let found = std::fs::metadata(path).map_err(|error| say::system_words(&error))?;
        let kind = match (found.is_file(), found.is_dir()) {
            (true, _) => FileKind::File,
            (false, true) => FileKind::Folder,
            (false, false) => FileKind::Other,
        };
        Ok(FileFacts { kind, uid: found.uid(), gid: found.gid(), mode: found.mode() & 0o7777 })
    }

    fn real_path(&self, path: &str) -> Option<String> {
        std::fs::canonicalize(path).ok().map(|path| path.to_string_lossy().into_owned())
    }

    fn user(&self, name: &str) -> Option<Owner> {
        let uid = user::uid_of(name).ok()??;
        let gid = user::primary_group_of(name).ok()??;
        Some(Owner { uid, gid })
    }

    fn group(&self, name: &str) -> Option<u32> {
        user::gid_of(name).ok()?
    }

    fn has_interface(&self, name: &str) -> bool {
        if *self == Machine::Another {
            return true;
        }
        // Any socket will do to ask; it belongs to our network namespace.
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
            .or_else(|_| UdpSocket::bind(("0.0.0.0", 0)))
            .is_ok_and(|socket| rustix::net::netdevice::name_to_index(&socket, name).is_ok())
    }

    fn has_address(&self, address: IpAddr) -> bool {
        match address {
            _ if *self == Machine::Another => true,
            // Link-local ones can be bound with their interface only.
            IpAddr::V6(v6) if v6.is_unicast_link_local() => listed(v6),
            other => machine::is_local(other),
        }
    }

    fn resolves(&self, host: &str) -> bool {
        (host, 0).to_socket_addrs().is_ok_and(|mut found| found.next().is_some())
    }

    fn environment(&self, name: &str) -> Option<Vec<u8>> {
        use std::os::unix::ffi::OsStringExt;
        std::env::var_os(name).map(OsStringExt::into_vec)
    }
}

/// True if the kernel lists the address for any interface.
fn listed(address: Ipv6Addr) -> bool {
    let digits: String = address.octets().iter().map(|byte| format!("{byte:02x}")).collect();
    let text = std::fs::read_to_string(Path::new("/proc/thread-self/net/if_inet6")).unwrap_or_default();
    text.lines().any(|line| line.starts_with(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_this_machine() {
        assert!(Machine::This.has_interface("lo") && !Machine::This.has_interface("no-such-if0"));
        assert!(
            Machine::This.has_address([127, 0, 0, 1].into())
                && !Machine::This.has_address([192, 0, 2, 77].into())
        );
        assert_eq!(Machine::This.user("root"), Some(Owner { uid: 0, gid: 0 }));
        assert_eq!(Machine::This.look("/").map(|facts| facts.kind), Ok(FileKind::Folder));
        assert!(
            Machine::Another.has_interface("no-such-if0")
                && Machine::Another.has_address([192, 0, 2, 77].into())
        );
        assert!(Machine::This.look("/nowhere-at-all").is_err());
    }
}
