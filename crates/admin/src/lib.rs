//! What operators use while the proxy runs: the runtime API on the stats sockets ([`socket`], [`cli`]) and the statistics
//! page ([`page`]). Both read the live state through [`rows`] and change it through [`deeds`], so that they cannot differ.
//!
//! ```text
//! stats socket ─ socket::serve ─ cli::line ─ cli::dispatch ─ cli::{show, set, …} ┐
//!                                                                                ├─ rows, info ─▶ stats::{csv, typed, json}
//! HTTP request ─ page::answer ─ page::{query, form, html} ───────────────────────┴─ deeds ─────▶ World, Orders
//! ```
//! Nothing here runs on a shard but [`page::answer`], which waits for nothing.
#![forbid(unsafe_code)]

pub mod cli;
pub mod deeds;
pub mod desk;
pub mod info;
pub mod page;
pub mod rows;
pub mod socket;

pub use desk::Desk;
