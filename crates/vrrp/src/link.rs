//! Interfaces as the system has them.

use std::net::IpAddr;

use evenkeel_base::time::Duration;

use crate::conf::{Family, LinkDelays};
use crate::event::Name;
use crate::input::InterfaceState;

/// An interface that the file names.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: Name,
    pub(crate) exists: bool,
    /// Carrier, as it counts (after the delays).
    pub(crate) running: bool,
    /// Carrier, as it is.
    pub(crate) carrier: bool,
    pub(crate) mac: Option<[u8; 6]>,
    pub(crate) mtu: u32,
    pub(crate) addresses: Vec<IpAddr>,
    /// False until the system said something.
    pub(crate) known: bool,
    /// How long another carrier must last to count: lost, found.
    pub(crate) delays: LinkDelays,
}

impl Link {
    pub(crate) fn new(name: &str, delays: LinkDelays) -> Self {
        Self {
            name: name.into(),
            exists: false,
            running: false,
            carrier: false,
            mac: None,
            mtu: 0,
            addresses: Vec::new(),
            known: false,
            delays,
        }
    }

    /// All but the carrier.
    pub(crate) fn learn(&mut self, state: &InterfaceState<'_>) {
        self.exists = state.exists;
        self.mac = state.mac;
        self.mtu = state.mtu;
        self.addresses.clear();
        self.addresses.extend_from_slice(state.addresses);
        self.carrier = state.exists && state.running;
        self.known = true;
    }

    /// How long the carrier as it is now must last to count.
    pub(crate) fn delay(&self) -> Duration {
        if self.carrier { self.delays.up } else { self.delays.down }
    }

    /// The address that adverts come from, where the file says none: the first, for IPv6 the first link-local one (RFC
    /// 9568 §5.1.2.1). The addresses that are virtual here do not count.
    pub(crate) fn first(&self, family: Family, is_virtual: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| {
            let fits = match (family, address) {
                (Family::V4, IpAddr::V4(_)) => true,
                (Family::V6, IpAddr::V6(v6)) => v6.is_unicast_link_local(),
                (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => false,
            };
            fits && !is_virtual(address)
        })
    }
}
