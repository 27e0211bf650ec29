//! The operating system, wrapped: the only room that may say `unsafe`, and it does so in few places.
//!
//! Mechanism only: no policy, no configuration, no log lines. Every call that can fail says how, as data.
//!
//! - the hot path: [`sock`] (stream sockets), [`pipe`] (splice), [`listen`], [`connect`], [`dgram`], [`outfd`] (log sinks)
//! - the process: [`process`] (daemon, pid file, limits), [`user`] (privileges), [`machine`] (cores, names), [`signal`]
//! - the rest: [`addr`], [`clock`], [`fdpass`] (descriptors between processes), [`notify`] (systemd), [`zone`]

pub mod addr;
pub mod clock;
pub mod connect;
pub mod dgram;
pub mod fdpass;
pub mod listen;
pub mod machine;
pub mod notify;
pub mod outfd;
pub mod pipe;
pub mod process;
mod reactor;
pub mod signal;
pub mod sock;
mod sockopt;
pub mod user;
pub mod zone;

pub use addr::Addr;
pub use connect::{ConnectError, ConnectOpts, Connecting, connect};
pub use listen::{AcceptError, BindError, Bound, ListenOpts, Listener};
pub use outfd::OutFd;
pub use pipe::Pipe;
pub use sock::Sock;
pub use sockopt::KeepAlive;
