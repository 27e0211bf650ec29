//! Samples, fetches, converters, patterns, ACLs and log-format: what configurations say about traffic, compiled once
//! and evaluated per request. Pure: everything a fetch may look at is in [`Env`].
//!
//! ```text
//! words ── Expr::parse ──────▶ Expr       eval(&Env) → Option<Value>
//!       ── AclTable, Cond ───▶ Cond       holds(&Env) → bool
//!       ── LogFormat::parse ─▶ LogFormat  render(&Env, &mut Vec<u8>)
//! ```
//!
//! The registries are tables: [`fetch::ALL`], [`conv::ALL`], [`logformat::ALIASES`], [`acl::derivatives`],
//! [`acl::predefined`], [`pattern::Match::ALL`].
#![forbid(unsafe_code)]

pub mod acl;
pub mod arg;
mod calendar;
pub mod conv;
pub mod env;
pub mod expr;
pub mod facts;
pub mod fetch;
pub mod logformat;
pub mod map;
pub mod needs;
pub mod pattern;
pub mod regex;
pub mod value;

pub use acl::{AclTable, Answer, Cond};
pub use env::{Env, Names, World};
pub use expr::Expr;
pub use facts::{Blame, ConnFacts, Phase, StreamFacts, Termination, Timers};
pub use logformat::{Builtin, LogFormat, Use};
pub use needs::{Needs, Place};
pub use regex::Regex;
pub use value::{Kind, Value};
