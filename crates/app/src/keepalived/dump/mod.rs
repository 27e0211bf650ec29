//! The dumps that signals ask for, in the original's layout, since exporters parse them: `keepalived.data` (USR1),
//! `keepalived.stats` (USR2) and `keepalived.json`. Pure functions of the plan and of what an instance is doing.

pub(crate) mod data;
pub(crate) mod json;
pub(crate) mod place;
pub(crate) mod stats;
mod things;

use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::WallTime;

/// An instance's state, by the original's names and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started yet.
    Init,
    /// Listens.
    Backup,
    /// Holds the addresses.
    Master,
    /// Cannot take part.
    Fault,
}

impl State {
    /// The number in JSON and on D-Bus.
    pub(crate) const fn number(self) -> u8 {
        match self {
            State::Init => 0,
            State::Backup => 1,
            State::Master => 2,
            State::Fault => 3,
        }
    }

    /// As logs and dumps have it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            State::Init => "INIT",
            State::Backup => "BACKUP",
            State::Master => "MASTER",
            State::Fault => "FAULT",
        }
    }
}

/// What one instance is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    /// Its state.
    pub(crate) state: State,
    /// When it came to it.
    pub(crate) since: Option<WallTime>,
    /// When its next timer runs out.
    pub(crate) deadline: Option<WallTime>,
    /// Silence after which the master counts as gone.
    pub(crate) master_down: Duration,
    /// The adverts' source.
    pub(crate) source: Option<IpAddr>,
    /// The priority that is announced.
    pub(crate) priority: u8,
    /// The same before it is cut to 1 to 254.
    pub(crate) total: i64,
    /// The master that is listened to, and its priority.
    pub(crate) master: Option<(IpAddr, u8)>,
    /// The interval of the master's adverts.
    pub(crate) master_interval: Duration,
    /// Reasons for FAULT.
    pub(crate) faults: u32,
    /// Tracked scripts that have not ended yet for the first time.
    pub(crate) scripts_init: u32,
    /// True while the addresses are set.
    pub(crate) addresses_set: bool,
    /// Counters.
    pub(crate) counters: Counters,
}

/// What is counted of one instance, in the order of `keepalived.stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Adverts received.
    pub(crate) adverts_received: u64,
    /// Adverts sent.
    pub(crate) adverts_sent: u64,
    /// Times that it became master.
    pub(crate) became_master: u64,
    /// Times that it ceased to be.
    pub(crate) released_master: u64,
    /// Packets of a wrong length.
    pub(crate) length_errors: u64,
    /// Packets with a wrong TTL.
    pub(crate) ttl_errors: u64,
    /// Packets that are no adverts.
    pub(crate) type_errors: u64,
    /// Adverts with another interval.
    pub(crate) interval_errors: u64,
    /// Adverts with other addresses.
    pub(crate) address_errors: u64,
    /// Unknown kinds of authentication.
    pub(crate) auth_invalid: u64,
    /// Another kind of authentication than ours.
    pub(crate) auth_mismatch: u64,
    /// Wrong passwords and signatures.
    pub(crate) auth_failures: u64,
    /// Adverts of priority 0 received.
    pub(crate) zero_received: u64,
    /// Adverts of priority 0 sent.
    pub(crate) zero_sent: u64,
}

impl Counters {
    /// What was counted since an earlier moment. An instance that is new since then has counted less: it begins at 0.
    pub(crate) fn since(&self, earlier: Option<&Counters>) -> Counters {
        let Some(e) = earlier else { return *self };
        Counters {
            adverts_received: self.adverts_received.saturating_sub(e.adverts_received),
            adverts_sent: self.adverts_sent.saturating_sub(e.adverts_sent),
            became_master: self.became_master.saturating_sub(e.became_master),
            released_master: self.released_master.saturating_sub(e.released_master),
            length_errors: self.length_errors.saturating_sub(e.length_errors),
            ttl_errors: self.ttl_errors.saturating_sub(e.ttl_errors),
            type_errors: self.type_errors.saturating_sub(e.type_errors),
            interval_errors: self.interval_errors.saturating_sub(e.interval_errors),
            address_errors: self.address_errors.saturating_sub(e.address_errors),
            auth_invalid: self.auth_invalid.saturating_sub(e.auth_invalid),
            auth_mismatch: self.auth_mismatch.saturating_sub(e.auth_mismatch),
            auth_failures: self.auth_failures.saturating_sub(e.auth_failures),
            zero_received: self.zero_received.saturating_sub(e.zero_received),
            zero_sent: self.zero_sent.saturating_sub(e.zero_sent),
        }
    }
}

/// What one tracked thing is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrackLive {
    /// Whether it counts as well; `None`: not known yet.
    pub(crate) up: Option<bool>,
    /// A file's value; a script's results in a row (as the original counts: failures from 0 up, then successes).
    pub(crate) value: i64,
    /// A script runs at this moment.
    pub(crate) running: bool,
}

/// What one sync group is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupLive {
    /// Its state.
    pub(crate) state: State,
    /// Members in FAULT.
    pub(crate) faults: u32,
    /// Members that have not started.
    pub(crate) inits: u32,
}

/// What is known of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceLive {
    /// Its name.
    pub(crate) name: String,
    /// The system's number; `None`: it is not there.
    pub(crate) index: Option<u32>,
    /// Whether it is up and has a carrier.
    pub(crate) running: bool,
    /// Its MAC address.
    pub(crate) mac: Option<[u8; 6]>,
    /// Its MTU.
    pub(crate) mtu: u32,
    /// Its addresses.
    pub(crate) addresses: Vec<IpAddr>,
}
