//! Who holds the addresses? One [`Node`] decides for all virtual routers of a machine: when to speak, what others' adverts
//! mean, when to take the addresses and when to let go. Pure: no clock, no socket; it is told what happened and tells what
//! to do.
//!
//! ```text
//!   packets, interfaces, scripts, files, operator        deadlines
//!              │ handle(Input, now)                        │ on_deadline(now)
//!              ▼                                           ▼
//!        ┌───────────────────────────── Node ─────────────────────────────┐
//!        │ tracks, links ──▶ faults, weights ──▶ groups ──▶ instances     │──▶ poll() → Send, Take, Release, Announce,
//!        │                                                 state::judge   │             Notify, RunScript, Probe, Log
//!        └────────────────────────────────────────────────────────────────┘──▶ deadline(), view()
//! ```
//!
//! The driver: drain [`Node::poll`], wait for a packet or [`Node::deadline`], feed [`Node::handle`] or
//! [`Node::on_deadline`].
//!
//! - [`conf`]: a node as configured; [`input`], [`output`], [`view`]: the contract; [`event`]: what happened, and the
//!   original's log lines
//! - [`state`]: the RFC's rules as one pure function; `instance`: acts on them; `advert`: what is sent; `announce`: addresses,
//!   leases, announcements; `codec`: which packets are taken, how ours look; [`refusal`]: why one is dropped
//! - `node`: finds whom an input concerns; `group`: faults, priorities, members that move together; [`track`]: scripts,
//!   files, processes; `link`: interfaces; `reload`: a new configuration by difference; [`timers`]: deadlines
//! - [`doubt`]: split brain, seen and explained; [`recorder`], [`counters`]: what is kept of the past; `quiet`: what is not
//!   said too often
#![forbid(unsafe_code)]

mod advert;
mod announce;
mod codec;
pub mod conf;
pub mod counters;
pub mod doubt;
pub mod event;
mod group;
pub mod input;
mod instance;
mod link;
mod node;
pub mod output;
mod quiet;
pub mod recorder;
pub mod refusal;
mod reload;
pub mod state;
pub mod timers;
pub mod track;
pub mod view;

pub use conf::{InstanceConf, NodeConf, Priority, Vrid};
pub use counters::Counters;
pub use doubt::{Doubt, DoubtKind};
pub use event::{Because, Entered, Event, Fault, What, Whom};
pub use input::{Input, InterfaceState, Received, ScriptOutcome};
pub use instance::Peer;
pub use node::Node;
pub use output::{Became, Notice, Output, Packet, Subject};
pub use recorder::Entry;
pub use refusal::Refusal;
pub use state::StateKind;
pub use timers::{Deadline, Timer};
pub use track::Health;
pub use view::{GroupView, InstanceView, PriorityView, TrackView, View};
