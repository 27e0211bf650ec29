//! The operating system, wrapped: the only room that may say `unsafe`, and it does so in few places.
//!
//! Mechanism only: no policy, no configuration, no log lines. Every call that can fail says how, as data.
//!
//! - the hot path: [`sock`] (stream sockets), [`pipe`] (splice), [`listen`], [`connect`], [`dgram`], [`outfd`] (log sinks)
//! - the process: [`process`] (daemon, pid file, limits), [`family`] (parent and children), [`user`] (privileges),
//!   [`machine`] (cores, names), [`signal`]
//! - the keeper's: [`poll`] and [`bell`] (waiting without a runtime), [`rawip`] (VRRP), [`hop`] (BFD), [`packet`] (ARP, neighbours),
//!   [`netlink`], [`linkbeat`], [`child`] (scripts), [`sched`] (realtime), [`watch`] (files)
//! - the rest: [`addr`], [`clock`], [`fdpass`] (descriptors between processes), [`notify`] (systemd), [`space`]
//!   (namespaces), [`zone`]

pub mod addr;
pub mod bell;
pub mod child;
pub mod clock;
pub mod connect;
mod control;
pub mod dgram;
pub mod family;
pub mod fdpass;
pub mod hop;
pub mod linkbeat;
pub mod listen;
pub mod machine;
pub mod netlink;
pub mod notify;
pub mod outfd;
pub mod packet;
pub mod pipe;
pub mod poll;
pub mod process;
pub mod rawip;
mod reactor;
pub mod sched;
pub mod signal;
pub mod sock;
mod sockopt;
pub mod space;
pub mod user;
pub mod watch;
pub mod zone;

pub use addr::Addr;
pub use connect::{ConnectError, ConnectOpts, Connecting, connect};
pub use listen::{AcceptError, BindError, Bound, ListenOpts, Listener};
pub use outfd::OutFd;
pub use pipe::Pipe;
pub use sock::Sock;
pub use sockopt::KeepAlive;
