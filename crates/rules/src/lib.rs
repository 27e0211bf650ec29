//! Actions and the rule engine: what `tcp-request`, `http-request`, `http-response` and their relatives do with an
//! exchange. Pure: the engine edits heads and facts in place and returns a [`Verdict`]; it never sends, waits or looks
//! at a clock.
//!
//! ```text
//! words ── parse_rule / parse_keyword ──▶ Rule ──┐
//!                                                ├─ run ──▶ Verdict (+ Scratch::answer, Effects)
//! request, response, facts, world ──▶ Exchange ──┘
//! ```
//!
//! [`registry`] is the one table of actions; a file per topic in `actions/` holds the entries with their parsers, and
//! [`engine`] says what each does.
#![forbid(unsafe_code)]

pub mod action;
mod actions;
mod edit;
pub mod engine;
pub mod line;
pub mod redirect;
pub mod registry;
pub mod reply;
pub mod route;
pub mod set;

pub use action::Action;
pub use engine::{Effects, Exchange, Outcome, Scratch, Verdict, Writes, run};
pub use registry::{Context, Entry, Rule, parse_rule};
pub use reply::{Answer, Pages, Reply};
pub use route::{UseBackend, UseServer};
pub use set::{RuleSet, Sets, Stage};
