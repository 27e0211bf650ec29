//! Samples, fetches, converters, patterns, ACLs and log-format: what configurations say about traffic, compiled once
//! and evaluated per request. Pure: everything a fetch may look at is in [`Env`].
#![forbid(unsafe_code)]

pub mod env;
pub mod facts;

pub use env::{Env, Names, World};
pub use facts::{Blame, ConnFacts, Phase, StreamFacts, Termination, Timers};
