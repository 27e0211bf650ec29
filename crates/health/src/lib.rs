//! Is a server well? One [`Check`] per server decides: when to look, what to say to it, what its answers mean, and what
//! follows from a row of them. Pure: no clock, no socket; it is told what happened and tells what to do.
//!
//! ```text
//!               on_deadline                    Connected / Received / Closed / a timeout
//!   Waiting ───────────────────▶ Running ──────────────────────────────┐
//!      ▲        Connect           │  ▲  Send, Connect: the next step   │
//!      │                          └──┘                                 ▼
//!      └───────────────── verdict ──▶ counter ──▶ Checked, Changed (up, down, stopping)
//! ```
//!
//! The driver is the same 20 lines for every check: drain [`Check::poll`], wait for the socket or [`Check::deadline`],
//! feed [`Check::handle`] or [`Check::on_deadline`].
//!
//! - [`conf`]: a check as configured; [`script`]: its steps; [`preset`]: the steps behind `option …-check`
//! - [`input`], [`output`], [`view`]: the contract; [`state`]: the machine itself; `run`: one pass through the script
//! - [`counter`]: rise and fall; [`timers`]: intervals and the first check's delay
//! - `answer`: the HTTP response as it comes in; `request`: the bytes of a request
//! - [`log`]: the original's log lines, byte for byte; [`agent`]: what an agent says
//!
//! A `Check` never decides on load balancing, sessions or maintenance: it says how the server is, its owner acts.
#![forbid(unsafe_code)]

pub mod agent;
mod answer;
pub mod conf;
pub mod counter;
pub mod input;
pub mod log;
pub mod output;
pub mod preset;
mod request;
mod run;
pub mod script;
pub mod state;
pub mod status;
pub mod timers;
pub mod view;

pub use conf::{CheckConf, Observe, OnError};
pub use counter::{Counter, Health};
pub use input::{ConnectFailure, Forced, Input, StateFacts, TrafficFault};
pub use output::{Cause, Change, Checked, Output, Reason, Verdict};
pub use script::{Connect, Expect, Family, HttpRequest, Pattern, Script, Step};
pub use state::Check;
pub use status::Status;
pub use timers::{Deadline, Timer};
pub use view::View;
