//! Announcements: gratuitous ARP and unsolicited neighbour adverts, paced as the file wants (`vrrp_garp_interval`,
//! `garp_group`), and a few at a time, so that adverts in between are not late.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_sys::packet::PacketSocket;
use evenkeel_wire::arp::{Arp, Operation};
use evenkeel_wire::ndisc::Neighbour;

/// Frames that leave before the loop looks at its deadlines again.
const SLICE: usize = 64;
/// Frames that wait in one queue; more are dropped (a round repeats them anyway).
const WAITING_MAX: usize = 1 << 16;

/// One announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) index: u32,
    pub(crate) mac: [u8; 6],
    pub(crate) ip: IpAddr,
    /// IPv6: we forward packets.
    pub(crate) router: bool,
}

/// What shares a pace: a `garp_group`, or one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    Group(usize),
    Interface(u32),
}

/// The times between packets of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Pace {
    pub(crate) garp: Duration,
    pub(crate) gna: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Announcement>,
    pace: Pace,
    /// Not before.
    next: Instant,
}

/// All lanes, and the socket.
#[derive(Debug)]
pub(crate) struct Announcer {
    socket: PacketSocket,
    lanes: BTreeMap<Lane, Queue>,
    frame: Vec<u8>,
    pub(crate) sent: u64,
    pub(crate) failed: u64,
}

impl Announcer {
    pub(crate) fn open() -> io::Result<Announcer> {
        let socket = PacketSocket::sender()?;
        Ok(Announcer { socket, lanes: BTreeMap::new(), frame: Vec::with_capacity(128), sent: 0, failed: 0 })
    }

    /// Appends an announcement.
    pub(crate) fn push(&mut self, lane: Lane, pace: Pace, one: Announcement) {
        let queue = self.lanes.entry(lane).or_default();
        queue.pace = pace;
        if queue.waiting.len() < WAITING_MAX {
            queue.waiting.push_back(one);
        }
    }

    /// What waits for these addresses is not sent any more: they are somebody else's now.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&Announcement) -> bool) {
        for queue in self.lanes.values_mut() {
            queue.waiting.retain(|one| !is_gone(one));
        }
    }

    /// Sends what is due, up to a slice.
    pub(crate) fn on_time(&mut self, now: Instant) {
        let mut left = SLICE;
        for queue in self.lanes.values_mut() {
            while left > 0 && queue.next <= now {
                let Some(one) = queue.waiting.pop_front() else { break };
                match one.ip {
                    IpAddr::V4(ip) => {
                        Arp::announcement(Operation::Request, one.mac, ip)
                            .write(evenkeel_wire::ether::BROADCAST, &mut self.frame);
                    }
                    IpAddr::V6(ip) => {
                        Neighbour::announcement(ip, one.mac, one.router)
                            .write_multicast(one.mac, &mut self.frame);
                    }
                }
                match self.socket.send(one.index, &self.frame) {
                    Ok(()) => self.sent += 1,
                    Err(_) => self.failed += 1,
                }
                left -= 1;
                let wait = if one.ip.is_ipv4() { queue.pace.garp } else { queue.pace.gna };
                if !wait.is_zero() {
                    queue.next = now + wait;
                }
            }
        }
        self.lanes.retain(|_, queue| !queue.waiting.is_empty() || queue.next > now);
    }

    /// When the next is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lanes.values().filter(|queue| !queue.waiting.is_empty()).map(|queue| queue.next).min()
    }

    /// Asks who has an address, without saying that we do.
    pub(crate) fn probe(&mut self, index: u32, mac: [u8; 6], ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => {
                Arp::probe(mac, ip).write(evenkeel_wire::ether::BROADCAST, &mut self.frame);
            }
            IpAddr::V6(ip) => {
                Neighbour::solicitation(std::net::Ipv6Addr::UNSPECIFIED, mac, ip)
                    .write_multicast(mac, &mut self.frame);
            }
        }
        if self.socket.send(index, &self.frame).is_err() {
            self.failed += 1;
        }
    }
}
