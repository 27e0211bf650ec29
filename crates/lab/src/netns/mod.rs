//! Machines made of network namespaces: nodes on switches, with addresses of their own and processes inside. Nothing of
//! them is visible outside (interfaces are born inside their namespaces), and everything goes when the [`Lab`] is dropped;
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
mod node;
mod process;

pub use build::{Lab, LabBuilder};
pub use ip::{LabError, Why, available};
pub use node::{Node, enter};
pub use process::Proc;
