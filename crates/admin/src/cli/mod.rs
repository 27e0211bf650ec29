//! The runtime API: lines in, answers out.
//!
//! ```text
//! bytes ─ line::Reader ─▶ Command line (words, payload) ─ dispatch::run ─▶ Reply ─▶ bytes
//!                                                             │
//!                                              command::ALL: own · show · set · switch · refused
//! ```
//! A command is a function of the world, the desk and its session: it waits for nothing. What needs answers from the
//! shards returns a [`command::Question`], which the socket asks.

pub mod command;
pub mod dispatch;
pub mod line;
mod own;
mod refused;
pub(crate) mod schema;
mod servers;
mod set;
pub mod show;
mod switch;

pub use command::{Call, Command, Question, Reply, Session};
pub use dispatch::run;
