//! Who else says to have our addresses: ARP and neighbour adverts of others, filtered in the kernel.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evenkeel_sys::packet::{Heard, PacketSocket};
use evenkeel_sys::poll::Poller;
use evenkeel_wire::arp::Arp;
use evenkeel_wire::ndisc::Neighbour;

use crate::keys;

/// Frames read before the loop goes on.
const FRAMES_MAX: usize = 32;

/// A claim of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) index: u32,
    pub(crate) ip: IpAddr,
    pub(crate) mac: [u8; 6],
}

#[derive(Debug)]
struct Ears {
    wanted: Vec<IpAddr>,
    arp: Option<PacketSocket>,
    neighbours: Option<PacketSocket>,
}

/// Listening sockets, by interface.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    ears: BTreeMap<u32, Ears>,
}

impl Hearing {
    /// Hears these addresses on these interfaces, and no others any more.
    pub(crate) fn set(&mut self, poller: &Poller, wanted: &BTreeMap<u32, Vec<IpAddr>>) {
        self.ears.retain(|index, ears| wanted.get(index).is_some_and(|w| *w == ears.wanted));
        for (index, wanted) in wanted {
            if self.ears.contains_key(index) {
                continue;
            }
            let (v4, v6): (Vec<Ipv4Addr>, Vec<Ipv6Addr>) =
                evenkeel_sys::packet::split(wanted.iter().copied());
            // Without these sockets (no right to them) everything works but the explanation of double masters.
            let open = |heard: Heard, key: u64| {
                let socket = PacketSocket::listener(*index, &heard).ok()?;
                poller.add(&socket, key).ok()?;
                Some(socket)
            };
            let arp = (!v4.is_empty()).then(|| open(Heard::Arp(v4), keys::arp(*index))).flatten();
            let neighbours = (!v6.is_empty())
                .then(|| open(Heard::NeighbourAdverts(v6), keys::neighbours(*index)))
                .flatten();
            self.ears.insert(*index, Ears { wanted: wanted.clone(), arp, neighbours });
        }
    }

    /// What was said on an interface.
    pub(crate) fn claims(&self, index: u32, v6: bool) -> Vec<Claim> {
        let mut claims = Vec::new();
        let Some(ears) = self.ears.get(&index) else { return claims };
        let Some(socket) = (if v6 { &ears.neighbours } else { &ears.arp }) else { return claims };
        let mut buf = [0u8; 1600];
        for _ in 0..FRAMES_MAX {
            let Ok(n) = socket.receive(&mut buf) else { break };
            let frame = buf.get(..n).unwrap_or_default();
            let said = if v6 {
                let claim = Neighbour::parse(frame).ok().and_then(|said| said.claims());
                claim.map(|(ip, mac)| (IpAddr::V6(ip), mac))
            } else {
                let claim = Arp::parse(frame).ok().and_then(|said| said.claims());
                claim.map(|(ip, mac)| (IpAddr::V4(ip), mac))
            };
            if let Some((ip, mac)) = said
                && ears.wanted.contains(&ip)
            {
                claims.push(Claim { index, ip, mac });
            }
        }
        claims
    }
}
