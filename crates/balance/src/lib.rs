//! Which server gets the next request. Pure: no clock, no socket, no lock; randomness comes from a seed.
//!
//! One [`Balancer`] per backend. The data path keeps it behind a mutex: [`Balancer::pick`] allocates nothing and walks
//! no more servers than it must. Everything is exact by behaviour: for the same keys, weights, ids and events the same
//! server as HAProxy 2.6 (`tests/twin.rs` compares them).
//!
//! ```text
//! caller: health, drain, maintenance ──set_usable──▶ ┌──────────┐
//!         weights, slow start (slow::…) ─set_weight─▶│ Balancer │──pick(key, load, avoid)──▶ slot, or none: queue
//!         taken / released / queued (leastconn) ────▶ └──────────┘
//! ```
//!
//! A *slot* is a server's position in the backend. A server is *in service* when it is usable and its effective weight
//! is not zero. Servers in service that are not `backup` are used; without any, the first `backup` one, or all of them
//! with `option allbackups`.
//!
//! - [`Algorithm`]: what `balance`, `hash-type` and `hash-balance-factor` say; [`key`]: how hash keys are cut
//! - [`slow`]: `slowstart` and the dynamic `maxconn` as functions of time and load
//! - `wheel` (roundrobin), `map` (static-rr and map-based hashes), `least`, `first`, `ring` (consistent hashes, random):
//!   one file per way of choosing; `line`: the ordered queue that two of them share
#![forbid(unsafe_code)]

mod farm;
mod first;
pub mod key;
mod least;
mod line;
mod map;
mod ring;
pub mod slow;
mod weight;
mod wheel;

pub use evenkeel_base::hash::HashFunction;
pub use farm::{Algorithm, Balancer, Counts, HashConf, HashKind, Key, Load, ServerSpec};
pub use weight::{EffectiveWeight, SCALE, Weight};
