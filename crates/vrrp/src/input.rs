//! What a node is told.

use std::net::IpAddr;

use crate::conf::{InstanceId, InterfaceId, NodeConf, TrackId};

/// An event.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The keeper runs: from now on instances may act. Told once, after the first [`Input::Interface`] of each interface.
    Start,
    /// The date: microseconds since 1970-01-01 UTC. Told before [`Input::Start`], and again before deadlines and packets
    /// where an instance signs with `auth_hmac` ([`crate::Node::signs`]); clocks are set now and then.
    Date(u64),
    /// A VRRP packet that the system delivered.
    Packet(Received<'a>),
    /// An interface as it is now; told at the start and at every change.
    Interface(InterfaceId, InterfaceState<'a>),
    /// A script ran to its end.
    ScriptEnded {
        /// Which.
        track: TrackId,
        /// How.
        outcome: ScriptOutcome,
    },
    /// A tracked file's value; `None`: it is not there or has no number (the original reads that as 0).
    FileValue(TrackId, Option<i64>),
    /// Whether a tracked process's quorum is there (before the delays).
    ProcessQuorum(TrackId, bool),
    /// Whether a BFD session is up.
    Bfd(TrackId, bool),
    /// One of an instance's addresses, routes or rules that are tracked is gone and could not be set again.
    Lost(InstanceId),
    /// Setting addresses failed; the system's words.
    AddressFailed(InstanceId, &'a str),
    /// An answer to [`crate::Output::Probe`], or an ARP/ND packet seen by itself, for one of our addresses.
    Answered {
        /// Where.
        interface: InterfaceId,
        /// Which address.
        address: IpAddr,
        /// Who says to have it.
        mac: [u8; 6],
    },
    /// The operator asks for a priority (`evenkeel`'s command, D-Bus); `None`: back to the file's.
    SetPriority(InstanceId, Option<u8>),
    /// The operator wants the announcements sent again (D-Bus `SendGarp`).
    Announce(InstanceId),
    /// A new configuration; what is not changed goes on without a transition. Ids are those of the new one afterwards.
    Reload(Box<NodeConf>),
    /// The daemon ends: give everything back, say priority 0, notify STOP.
    Stop,
}

/// A packet as received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Where it came in.
    pub interface: InterfaceId,
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// Its TTL or hop limit; `None` where the system does not tell.
    pub ttl: Option<u8>,
    /// IPv4: the whole packet from the IP header on (AH covers it). IPv6: the payload, which begins with the VRRP header.
    pub bytes: &'a [u8],
    /// The date, for `auth_hmac`: microseconds since 1970-01-01 UTC.
    pub wall_us: u64,
}

/// An interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceState<'a> {
    /// False where the system has no interface of this name (any more).
    pub exists: bool,
    /// Carrier and administrative state are both up.
    pub running: bool,
    /// Its MAC address.
    pub mac: Option<[u8; 6]>,
    /// Bytes of payload a packet may have.
    pub mtu: u32,
    /// All of its addresses (IPv6: that are usable), in the system's order, without those that the keeper itself has set.
    pub addresses: &'a [IpAddr],
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptOutcome {
    /// Exit code 0.
    Success,
    /// Another exit code.
    Failed(u8),
    /// It was killed by a signal.
    Signal(u8),
    /// It ran too long.
    TimedOut,
    /// It could not be started.
    NotStarted,
}
