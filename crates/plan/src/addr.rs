//! Addresses as configurations write them, resolved as far as the file alone allows.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A socket address of any family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    /// IPv4 or IPv6 with a port.
    Inet(SocketAddr),
    /// A UNIX socket by path.
    Unix(PathBuf),
    /// A Linux abstract socket (`abns@`), the name without the leading NUL. `abnsz@` names are not padded.
    Abstract {
        /// The name's bytes.
        name: Vec<u8>,
        /// `abnsz@`: the address ends with the name instead of being padded with NULs.
        short: bool,
    },
    /// An inherited file descriptor (`fd@N`).
    Fd(i32),
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Inet(a) => write!(f, "{a}"),
            Addr::Unix(p) => write!(f, "{}", p.display()),
            Addr::Abstract { name, .. } => write!(f, "abns@{}", String::from_utf8_lossy(name)),
            Addr::Fd(n) => write!(f, "fd@{n}"),
        }
    }
}

/// A server's host as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address: nothing to resolve.
    Addr(Addr),
    /// A name to be resolved at start (`init-addr`); `family` narrows the answer (`ipv4@name`).
    Name {
        /// The name.
        name: String,
        /// `Some(4)`, `Some(6)` or any.
        family: Option<u8>,
    },
}

/// A server's address and how its port is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddr {
    /// Where.
    pub host: Host,
    /// Which port.
    pub port: PortRule,
}

/// The port of a server (configuration manual, `server`: a missing port means the client's, `+N`/`-N` are offsets to it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRule {
    /// Fixed. Also for sockets without ports (0).
    Fixed(u16),
    /// The port that the client connected to, plus this (usually 0).
    SameAsClient(i32),
}
