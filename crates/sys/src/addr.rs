//! Where a socket is: an IP address and port, a path, an abstract name, or a descriptor that was handed over.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// An address to listen on, to connect to, or of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// IPv4 or IPv6 and a port.
    Inet(SocketAddr),
    /// A UNIX socket's path; empty for a peer that has no name.
    Unix(PathBuf),
    /// A Linux abstract name, without its leading zero byte.
    Abstract(Vec<u8>),
    /// An open descriptor (`fd@N`).
    Fd(i32),
}

impl Addr {
    /// The IP address and port, if it has them.
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Addr::Inet(a) => Some(*a),
            Addr::Unix(_) | Addr::Abstract(_) | Addr::Fd(_) => None,
        }
    }

    /// The IP address, IPv4-mapped IPv6 addresses as IPv4: what ACLs and headers show.
    pub fn ip(&self) -> Option<IpAddr> {
        self.inet().map(|a| a.ip().to_canonical())
    }

    /// The port, if it has one.
    pub fn port(&self) -> Option<u16> {
        self.inet().map(|a| a.port())
    }

    /// The same address with another port; those without a port stay as they are.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Addr {
        match self {
            Addr::Inet(a) => Addr::Inet(SocketAddr::new(a.ip(), port)),
            Addr::Unix(_) | Addr::Abstract(_) | Addr::Fd(_) => self.clone(),
        }
    }

    /// `0.0.0.0` or `::`.
    pub fn is_unspecified(&self) -> bool {
        self.inet().is_some_and(|a| a.ip().is_unspecified())
    }

    /// The kernel's form. A descriptor has none.
    pub(crate) fn to_any(&self) -> io::Result<SocketAddrAny> {
        match self {
            Addr::Inet(a) => Ok(SocketAddrAny::from(*a)),
            Addr::Unix(p) => Ok(SocketAddrAny::from(SocketAddrUnix::new(p.as_path())?)),
            Addr::Abstract(name) => Ok(SocketAddrAny::from(SocketAddrUnix::new_abstract_name(name)?)),
            Addr::Fd(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    /// From the kernel's form; families that are neither IP nor UNIX become the unnamed path.
    pub(crate) fn from_any(any: SocketAddrAny) -> Addr {
        match any.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => match SocketAddr::try_from(any) {
                Ok(a) => Addr::Inet(a),
                Err(_) => Addr::Inet(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
            },
            _ => match SocketAddrUnix::try_from(any) {
                Ok(u) => match (u.abstract_name(), u.path_bytes()) {
                    (Some(name), _) if !name.is_empty() => Addr::Abstract(name.to_vec()),
                    (_, Some(path)) => Addr::Unix(PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()))),
                    (_, None) => Addr::Unix(PathBuf::new()),
                },
                Err(_) => Addr::Unix(PathBuf::new()),
            },
        }
    }

    pub(crate) fn family(&self) -> Option<AddressFamily> {
        match self {
            Addr::Inet(SocketAddr::V4(_)) => Some(AddressFamily::INET),
            Addr::Inet(SocketAddr::V6(_)) => Some(AddressFamily::INET6),
            Addr::Unix(_) | Addr::Abstract(_) => Some(AddressFamily::UNIX),
            Addr::Fd(_) => None,
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(a: SocketAddr) -> Addr {
        Addr::Inet(a)
    }
}

/// As HAProxy writes addresses in messages: no brackets round IPv6, `abns@name`, `fd@3`, `unix` for a peer without a name.
impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            Addr::Unix(p) if p.as_os_str().is_empty() => f.write_str("unix"),
            Addr::Unix(p) => f.write_str(&String::from_utf8_lossy(p.as_os_str().as_bytes())),
            Addr::Abstract(name) => write!(f, "abns@{}", String::from_utf8_lossy(name)),
            Addr::Fd(n) => write!(f, "fd@{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_the_original_does_and_back_from_the_kernel() {
        for (addr, text) in [
            (Addr::Inet(([127, 0, 0, 1], 80).into()), "127.0.0.1:80"),
            (Addr::Inet(SocketAddr::new(IpAddr::V6("::5".parse().expect("literal")), 8888)), "::5:8888"),
            (Addr::Unix("/run/x.sock".into()), "/run/x.sock"),
            (Addr::Abstract(b"foo".to_vec()), "abns@foo"),
        ] {
            assert_eq!(addr.to_string(), text);
            assert_eq!(Addr::from_any(addr.to_any().expect("has a kernel form")), addr);
        }
        assert_eq!(Addr::Fd(3).to_string(), "fd@3");
        assert!(Addr::Fd(3).to_any().is_err());
        assert!(Addr::Unix("/x".repeat(60).into()).to_any().is_err(), "longer than sun_path");
    }
}
