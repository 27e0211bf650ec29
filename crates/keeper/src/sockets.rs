//! VRRP's sockets: one per interface, family and protocol, for all instances there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use evenkeel_sys::poll::Poller;
use evenkeel_sys::rawip::{AH, RawIp, VRRP};
use evenkeel_vrrp::conf::InterfaceId;

use crate::keys;

/// Room for packets that wait, for each instance on a socket, beside [`BUFFER_MIN`].
const BUFFER_EACH: usize = 16 << 10;
const BUFFER_MIN: usize = 256 << 10;
const BUFFER_MAX: usize = 8 << 20;

/// What one socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The interface's number in the kernel; 0: any.
    pub(crate) index: u32,
    pub(crate) v6: bool,
    /// Wrapped in AH.
    pub(crate) ah: bool,
}

/// What an instance needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) place: Place,
    /// The interface's name.
    pub(crate) name: String,
    /// What the brain calls the interface.
    pub(crate) interface: InterfaceId,
    pub(crate) vrid: u8,
    /// On a virtual MAC's interface: only its own virtual router is heard there, and nowhere else.
    pub(crate) vmac: bool,
    pub(crate) group: Option<IpAddr>,
    pub(crate) buffer: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) raw: RawIp,
    number: u32,
    pub(crate) place: Place,
    pub(crate) interface: InterfaceId,
    groups: BTreeSet<IpAddr>,
    /// Only these are heard here; `None`: all but `elsewhere`.
    only: Option<BTreeSet<u8>>,
    elsewhere: BTreeSet<u8>,
}

impl Socket {
    /// Whether this socket's copy of a packet is the one that counts.
    pub(crate) fn hears(&self, vrid: Option<u8>) -> bool {
        match (vrid, &self.only) {
            (Some(vrid), Some(only)) => only.contains(&vrid),
            (Some(vrid), None) => !self.elsewhere.contains(&vrid),
            (None, only) => only.is_none(),
        }
    }
}

/// All sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    by_place: BTreeMap<Place, Socket>,
    places: BTreeMap<u32, Place>,
    last: u32,
}

impl Sockets {
    /// Opens what is needed and is not there, closes what is not needed any more. Tells what failed.
    pub(crate) fn set(&mut self, poller: &Poller, needs: &[Need]) -> Vec<(Place, io::Error)> {
        let mut failed = Vec::new();
        let wanted: BTreeSet<Place> = needs.iter().map(|need| need.place).collect();
        // A group that is left needs a new socket: sockets only join.
        let groups = |place: Place| -> BTreeSet<IpAddr> {
            needs.iter().filter(|n| n.place == place).filter_map(|n| n.group).collect()
        };
        self.by_place.retain(|place, s| wanted.contains(place) && s.groups.is_subset(&groups(*place)));
        for place in &wanted {
            let here: Vec<&Need> = needs.iter().filter(|n| n.place == *place).collect();
            let Some(first) = here.first() else { continue };
            if !self.by_place.contains_key(place) {
                match self.open(poller, first) {
                    Ok(socket) => {
                        self.by_place.insert(*place, socket);
                    }
                    Err(e) => {
                        failed.push((*place, e));
                        continue;
                    }
                }
            }
            let Some(socket) = self.by_place.get_mut(place) else { continue };
            socket.interface = first.interface;
            for group in groups(*place) {
                if socket.groups.contains(&group) {
                    continue;
                }
                match socket.raw.join(group) {
                    Ok(()) => {
                        socket.groups.insert(group);
                    }
                    Err(e) => failed.push((*place, e)),
                }
            }
            let vrids = |vmac: bool| here.iter().filter(|n| n.vmac == vmac).map(|n| n.vrid).collect();
            socket.only = first.vmac.then(|| vrids(true));
            let others = needs.iter().filter(|n| n.vmac && n.interface == first.interface);
            socket.elsewhere = if first.vmac {
                BTreeSet::new()
            } else {
                others.filter(|n| n.place.v6 == place.v6).map(|n| n.vrid).collect()
            };
            let asked = here.iter().filter_map(|n| n.buffer).max();
            let size = (BUFFER_MIN + here.len() * BUFFER_EACH).min(BUFFER_MAX);
            let size = asked.map_or(size, |asked| usize::try_from(asked).unwrap_or(BUFFER_MAX));
            // Only more room for bursts.
            let _ = socket.raw.set_receive_buffer(size);
        }
        self.places = self.by_place.values().map(|socket| (socket.number, socket.place)).collect();
        failed
    }

    fn open(&mut self, poller: &Poller, need: &Need) -> io::Result<Socket> {
        let Place { index, v6, ah } = need.place;
        let raw = if v6 {
            RawIp::open_v6(&need.name, index)?
        } else {
            RawIp::open_v4(if ah { AH } else { VRRP }, &need.name, index)?
        };
        self.last = self.last.wrapping_add(1);
        poller.add(&raw, keys::raw(self.last))?;
        Ok(Socket {
            raw,
            number: self.last,
            place: need.place,
            interface: need.interface,
            groups: BTreeSet::new(),
            only: None,
            elsewhere: BTreeSet::new(),
        })
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<&Socket> {
        self.by_place.get(self.places.get(&number)?)
    }

    /// The one that sends at a place, whatever its protocol: IPv4 packets bring their header.
    pub(crate) fn sender(&self, index: u32, v6: bool) -> Option<&RawIp> {
        let at = |ah| self.by_place.get(&Place { index, v6, ah }).map(|socket| &socket.raw);
        at(false).or_else(|| at(true))
    }
}
