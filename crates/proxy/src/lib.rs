//! The proxy: shards, listeners, the path of an exchange, server pools, queues, log sinks.
//!
//! ```text
//! accept → greet → read → judge → route → wait → reach → forward → finish
//! ```
//! Each step is a file of its own; `path.rs` calls them in order. A shard is a thread with a current-thread runtime and
//! its own listeners; what shards share is [`world::World`].

mod books;
mod capture;
pub mod checks;
pub mod conn;
pub mod control;
mod dress;
pub mod exchange;
pub mod faulty;
mod finish;
mod forward;
mod greet;
mod held;
mod inbound;
mod judge;
pub mod logs;
mod path;
mod persist;
mod pool;
mod pump;
mod queue;
mod reach;
mod read;
pub mod resolve;
mod route;
pub mod runtime;
pub mod services;
pub mod session;
pub mod shard;
mod tcp;
mod timer;
pub mod world;
