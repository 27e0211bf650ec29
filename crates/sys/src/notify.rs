//! Telling systemd how we are (`sd_notify(3)`): one datagram to `$NOTIFY_SOCKET`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::addr::Addr;
use crate::dgram::Datagram;

/// Sends `state` (such as `READY=1`) to the service manager. `Ok(false)` if there is none.
pub fn sd_notify(state: &str) -> io::Result<bool> {
    match std::env::var_os("NOTIFY_SOCKET") {
        Some(name) => sd_notify_to(&name, state),
        None => Ok(false),
    }
}

fn sd_notify_to(name: &OsStr, state: &str) -> io::Result<bool> {
    let to = match name.as_bytes().split_first() {
        None => return Ok(false),
        Some((b'@', rest)) => Addr::Abstract(rest.to_vec()),
        Some(_) => Addr::Unix(PathBuf::from(name)),
    };
    Datagram::open(&to)?.send(state.as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    #[test]
    fn the_manager_hears_us_under_an_abstract_name() {
        let name = format!("ek-notify-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(name.as_bytes()).expect("short name");
        let manager = UnixDatagram::bind_addr(&addr).expect("free name");
        assert!(sd_notify_to(OsStr::new(&format!("@{name}")), "READY=1").expect("sent"));
        let mut buf = [0u8; 32];
        let n = manager.recv(&mut buf).expect("heard");
        assert_eq!(&buf[..n], b"READY=1");
        assert!(!sd_notify_to(OsStr::new(""), "READY=1").expect("nobody to tell"));
    }
}
