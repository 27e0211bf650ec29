//! The Plan: what will run, made by `conf` from what the user said, and never changed after. Names have become ids,
//! rules are compiled, defaults are resolved; spans stay, so that a fault found at run time (a port that is taken)
//! still points at the user's line.
//!
//! ```text
//! Plan ─ global
//!      ├ proxies[ProxyId]     frontend | backend | listen, in file order
//!      │   ├ front: Option<Front>   binds, frontend rules
//!      │   └ back:  Option<Back>    servers, balance, persistence, checks
//!      ├ servers[ServerId]    of all backends, in file order
//!      └ listeners[ListenerId]
//! ```
#![forbid(unsafe_code)]

pub mod addr;
pub mod back;
pub mod check;
pub mod front;
pub mod global;
pub mod keeper;
pub mod log;
pub mod proxy;
pub mod server;
pub mod stats;

use std::sync::Arc;

pub use addr::{Addr, Host, HostAddr};
pub use back::{Back, BalanceKey, CookieMode, CookiePersistence, HttpReuse};
pub use check::CheckPlan;
use evenkeel_base::{ListenerId, ProxyId, ServerId};
pub use front::{Front, Listener};
pub use global::{Global, StatsSocket};
pub use log::{LogPlan, LogTarget, LogTransport};
pub use proxy::{HttpMode, Mode, Proxy, ProxyKind, ProxyOptions, Timeouts};
pub use server::{Resolve, Server, ServerLine};
pub use stats::StatsPage;

/// Everything that will run.
#[derive(Debug)]
pub struct Plan {
    /// Process-wide settings.
    pub global: Global,
    /// Frontends, backends and listens in file order.
    pub proxies: Vec<Proxy>,
    /// All servers in file order.
    pub servers: Vec<Server>,
    /// All listening addresses in file order.
    pub listeners: Vec<Listener>,
    /// Pages of `http-errors` sections, by name.
    pub http_errors: std::collections::BTreeMap<String, Vec<proxy::ErrorPage>>,
    /// Number of variable slots per exchange, per session and per process.
    pub var_slots: VarSlots,
    /// The files that it came from, so that spans can be named at run time.
    pub sources: Arc<evenkeel_base::SourceMap>,
}

/// How many slots each kind of variable needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VarSlots {
    /// `txn`, `req` and `res` together.
    pub exchange: u32,
    /// `sess`.
    pub session: u32,
    /// `proc`.
    pub process: u32,
}

impl Plan {
    /// A proxy. Ids come from this Plan only.
    pub fn proxy(&self, id: ProxyId) -> &Proxy {
        &self.proxies[id.index()]
    }

    /// A server.
    pub fn server(&self, id: ServerId) -> &Server {
        &self.servers[id.index()]
    }

    /// A listener.
    pub fn listener(&self, id: ListenerId) -> &Listener {
        &self.listeners[id.index()]
    }

    /// The backend face of a proxy, if it has one.
    pub fn back(&self, id: ProxyId) -> Option<&Back> {
        self.proxies.get(id.index())?.back.as_ref()
    }

    /// The frontend face of a proxy, if it has one.
    pub fn front(&self, id: ProxyId) -> Option<&Front> {
        self.proxies.get(id.index())?.front.as_ref()
    }
}
