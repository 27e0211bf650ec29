//! A session as configured: one `bfd_instance`.

use std::net::IpAddr;
use std::num::NonZeroU8;

use evenkeel_base::time::Duration;

/// Sessions that are not up send no faster (RFC 5880 §6.8.3).
pub const IDLE_TX_MIN: Duration = Duration::from_secs(1);
/// Nobody sends faster, nor is asked to.
pub const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Hop counts are not looked at.
pub const MAX_HOPS_ANY: u8 = 255;

/// One `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdConf {
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `min_tx`: between packets while up, at least; below [`INTERVAL_MIN`] it counts as that.
    pub min_tx: Duration,
    /// `min_rx`: between the neighbour's packets, at least; below [`INTERVAL_MIN`] it counts as that.
    pub min_rx: Duration,
    /// `idle_tx`: between packets while not up; below [`IDLE_TX_MIN`] it counts as that.
    pub idle_tx: Duration,
    /// `multiplier`: so many of our packets may be missed.
    pub multiplier: NonZeroU8,
    /// `passive`.
    pub role: Role,
    /// `ttl`, `hoplimit`, `max_hops`.
    pub hops: HopCheck,
}

/// Who speaks first (RFC 5880 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We do.
    Active,
    /// The neighbour does; we are silent until we hear it, and when we don't any more.
    Passive,
}

/// How far away a neighbour may be (the Generalized TTL Security Mechanism, RFC 5881 §5, as Keepalived has it: against the
/// hop limit that we send with, since both sides have the same).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HopCheck {
    /// What we send with.
    pub ttl: u8,
    /// What may be missing of that when packets come in; 255: anything.
    pub max_hops: u8,
}

impl HopCheck {
    /// Whether a packet that came with this hop limit is near enough. Where the system does not tell it, only
    /// [`MAX_HOPS_ANY`] is.
    pub fn admits(self, ttl: Option<u8>) -> bool {
        self.max_hops == MAX_HOPS_ANY || ttl.is_some_and(|ttl| ttl >= self.ttl.saturating_sub(self.max_hops))
    }
}

impl BfdConf {
    /// `min_tx`, as it counts.
    pub fn tx(&self) -> Duration {
        self.min_tx.max(INTERVAL_MIN)
    }

    /// `min_rx`, as it counts.
    pub fn rx(&self) -> Duration {
        self.min_rx.max(INTERVAL_MIN)
    }

    /// `idle_tx`, as it counts.
    pub fn idle(&self) -> Duration {
        self.idle_tx.max(IDLE_TX_MIN)
    }
}
