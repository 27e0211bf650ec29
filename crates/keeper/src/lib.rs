//! The keeper's hands: what the VRRP brain wants done is done here, on one thread.
//!
//! ```text
//! Keeper::new(plan, options) -> (Keeper, Handle)     on the thread, and in the network namespace, that shall run it
//! Keeper::run(self) -> Ended                         returns after Handle::stop
//! Handle                                             for everybody else: reload, stop, look, set_priority, subscribe
//! ```
//!
//! ```text
//! raw sockets, kernel's news, ends of scripts, commands, the brain's deadline
//!   └ path.rs, keeper.rs   evenkeel_vrrp::Input
//!       └ Node             decides
//!           └ deeds.rs     evenkeel_vrrp::Output → holdings (addresses, routes, rules), announce, notify, scripts
//! ```
//!
//! Nothing that may take long (starting processes, mail) runs on this thread.
#![forbid(unsafe_code)]

mod announce;
mod bfd;
mod control;
mod deeds;
mod fifo;
mod files;
mod firewall;
mod hands;
mod hear;
mod holdings;
mod keeper;
mod keys;
mod linkbeat;
mod mail;
mod net;
mod notify;
mod path;
mod processes;
mod reload;
mod scripts;
pub mod snmp;
mod sockets;
mod statics;
mod tend;
mod vmac;

pub use control::{Ended, Handle, HandleError, LogLevel, Logger, Look, Options, StartError, Told};
pub use hands::{Counters, Hands, InterfaceLook};
pub use keeper::Keeper;
