//! What a node wants done.

use std::net::IpAddr;

use evenkeel_base::time::Duration;

use crate::conf::{GroupId, InstanceId, InterfaceId, TrackId};
use crate::event::Event;

/// A deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a VRRP message.
    Send(Packet),
    /// Set the instance's addresses (its own and the excluded ones), routes and rules; already there is fine.
    /// With a lease, addresses get that lifetime.
    Take {
        /// Whose.
        instance: InstanceId,
        /// Lifetime of the addresses.
        lease: Option<Duration>,
    },
    /// Set the lifetimes anew; an address that is gone is set again.
    Refresh {
        /// Whose.
        instance: InstanceId,
        /// Lifetime of the addresses.
        lease: Duration,
    },
    /// Take the instance's addresses, routes and rules away; not there is fine (asked for at the start, for what an earlier
    /// life left behind).
    Release(InstanceId),
    /// Announce all addresses of the instance (gratuitous ARP, unsolicited neighbour adverts), so many times; the hands keep
    /// the intervals between packets (`vrrp_garp_interval`, `garp_group`).
    Announce {
        /// Whose.
        instance: InstanceId,
        /// Rounds.
        repeat: u32,
    },
    /// Tell scripts, FIFOs, D-Bus and mail.
    Notify(Notice),
    /// Start a tracked script; its end comes back as [`crate::Input::ScriptEnded`].
    RunScript(TrackId),
    /// It runs too long and has been counted as failed: end it. Its end is told nevertheless.
    KillScript(TrackId),
    /// From here on ids are those of the new configuration; what came before speaks of the old one. Masters go on: what
    /// they hold and the new configuration does not have any more is for the hands to take away; what is new comes as a
    /// [`Output::Take`].
    Reloaded,
    /// Ask who has this address (ARP or neighbour solicitation, without using it ourselves).
    Probe {
        /// Where.
        interface: InterfaceId,
        /// Which.
        address: IpAddr,
    },
    /// Something happened that people may want to know.
    Log(Event),
}

/// A message ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Whose.
    pub instance: InstanceId,
    /// Where it leaves.
    pub interface: InterfaceId,
    /// Its source; `None`: no address is known (nothing can be sent, the hands log it).
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4: a whole packet with its IP header (AH needs it). IPv6: the payload; the kernel makes the header.
    pub bytes: Vec<u8>,
}

/// Who has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An instance.
    Instance(InstanceId),
    /// A sync group.
    Group(GroupId),
}

/// What it has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// `MASTER`.
    Master,
    /// `BACKUP`.
    Backup,
    /// `FAULT`.
    Fault,
    /// `STOP`.
    Stop,
    /// `DELETED`: it is not in the new file; told before ids change.
    Deleted,
    /// `MASTER_RX_LOWER_PRI`.
    MasterRxLower,
    /// `MASTER_PRIORITY` or `BACKUP_PRIORITY`: only the priority changed.
    Priority,
}

/// A transition to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who.
    pub subject: Subject,
    /// What.
    pub became: Became,
    /// The priority now.
    pub priority: u8,
}
