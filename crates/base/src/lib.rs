//! Ground: what every other room stands on. Pure data and functions: no clock, socket, file or thread.
//!
//! - [`span`]: places in the user's files; [`diag`]: what is wrong there, as data
//! - [`word`]: words with places;
//!   [`time`]: durations as users write them, instants as brains take them; [`size`]: byte counts
//! - [`id`]: typed indices; [`near`]: *did you mean*; [`hash`]: the originals' hashes; [`rng`]: seeded randomness;
//!   [`version`]: what we call ourselves
#![forbid(unsafe_code)]

pub mod diag;
pub mod hash;
pub mod id;
pub mod near;
pub mod rng;
pub mod size;
pub mod span;
pub mod support;
pub mod time;
pub mod version;
pub mod word;

pub use diag::{Diagnostic, Level};
pub use id::{ListenerId, ProxyId, ServerId};
pub use span::{FileId, SourceMap, Span};
pub use support::Support;
pub use time::{Instant, WallTime};
pub use word::{Word, Words};
