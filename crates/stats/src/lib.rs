//! Counters and what is told of them: plain numbers, one registry of statistics fields, one of process
//! information, and their text forms (CSV, typed, JSON). No clock, socket or thread: numbers and times are handed in.
//!
//! ```text
//!  one set per shard              read by the admin room            told
//!  FrontendCounters ─┐
//!  FrontendCounters ─┴ add_to ──▶ Totals ─ minus(cleared) ─▶ Row ──▶ fields::ALL ──▶ text::{csv, typed, json}
//!  Rate, Averages ───── now ────▶ numbers ──────────────────▶ Row
//!  the process ─────────────────▶ Info ───────────────────────────▶ info::ALL ─────▶ info::{plain, typed, json}
//! ```
#![forbid(unsafe_code)]

pub mod average;
pub mod counter;
pub mod fields;
pub mod info;
pub mod rate;
pub mod row;
pub mod text;
pub mod value;

pub use average::{Average, Averages};
pub use counter::{BackendCounters, Counter, FrontendCounters, ListenerCounters, ServerCounters, Totals};
pub use rate::Rate;
pub use row::{AgentView, CheckView, Filter, Kind, Mode, Row, ServerStatus};
