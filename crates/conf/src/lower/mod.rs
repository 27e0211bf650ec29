//! AST → Plan for HAProxy files. One keyword, one entry, one function; a file per topic.
//!
//! ```text
//! Ast ─▶ names     ids of proxies and servers, userlists, named defaults
//!     ─▶ run       each section in file order, line by line through `keyword::ALL` (a proxy starts as a replay of its
//!                  `defaults` section's lines)
//!     ─▶ draft     a proxy being built; `finish` turns it into the Plan's
//!     ─▶ check     what only the whole can tell: targets, modes, missing timeouts
//! ```
//!
//! Adding a keyword touches the topic's file only. Nothing here prints, exits or touches files: what lies outside comes
//! through [`Outside`].

mod acls;
mod address;
mod args;
mod balance;
mod bind;
mod captures;
mod check;
mod checks;
mod context;
mod cookie;
pub mod coverage;
mod draft;
mod errors;
mod excerpt;
mod global;
mod global_rest;
pub mod keyword;
mod log_format;
mod log_target;
mod logs;
mod names;
mod obsolete;
mod options;
mod others;
mod proxy;
mod reach;
mod routing;
mod rules;
mod run;
mod server;
mod stats;
#[cfg(test)]
mod testing;
mod timeouts;
mod unbuilt;

pub use context::Outside;
pub use run::lower;
