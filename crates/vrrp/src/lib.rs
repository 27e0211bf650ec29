//! Who holds the addresses? One [`conf::NodeConf`] says what this node keeps.
#![forbid(unsafe_code)]

pub mod conf;
pub mod event;
pub mod input;
pub mod output;

pub use conf::{InstanceConf, NodeConf, Priority, Vrid};
pub use event::Event;
pub use input::{Input, InterfaceState, Received, ScriptOutcome};
pub use output::{Became, Notice, Output, Packet, Subject};
