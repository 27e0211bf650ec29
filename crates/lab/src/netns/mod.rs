//! Machines made of namespaces: nodes on switches, with addresses of their own and processes inside; those described as
//! machines have files, processes and a host name of their own too, so that `killall`, `/etc/init.d/…` and pid files mean
//! that node alone. Cables can be pulled on either side, packets dropped on a node or on the switch; [`Prober`] sees an
//! address as a client does, [`Holders`] as its nodes do. Nothing of them is visible outside (interfaces are born inside their namespaces), and everything goes when the [`Lab`] is dropped;
//! what a killed run left behind goes when the next lab is built.
//!
//! ```no_run
//! # use evenkeel_lab::netns::{self, Lab};
//! netns::available()?;
//! let lab = Lab::new()
//!     .node("lb", &["10.0.0.1/24"])
//!     .node("web1", &["10.0.0.11/24", "fd00::11/64"])
//!     .build()?;
//! let out = lab.node("lb").run(&["ping", "-c1", "10.0.0.11"])?;
//! # Ok::<(), netns::LabError>(())
//! ```

mod build;
mod ip;
mod machine;
mod node;
mod process;
mod watch;

pub use build::{Lab, LabBuilder};
pub use ip::{LabError, Why, available};
pub use node::{Node, Way, enter};
pub use process::Proc;
pub use watch::{Answer, Echo, Held, Holders, Prober, Seen, holds};
