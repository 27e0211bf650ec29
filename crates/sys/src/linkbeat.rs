//! Asking a driver for its carrier: MII registers, ETHTOOL, or the interface's flags.
#![allow(unsafe_code)]

use std::io;
use std::mem::zeroed;
use std::os::fd::AsRawFd;

use libc::{c_char, c_int, c_ulong, ifreq};
use socket2::{Domain, Socket, Type};

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// SIOCGMIIREG.
    Mii,
    /// SIOCETHTOOL.
    Ethtool,
    /// SIOCGIFFLAGS.
    Flags,
}

impl Way {
    /// By its word in a file: `MII`, `ETHTOOL`, `IOCTL`.
    pub fn named(word: &str) -> Option<Way> {
        match word {
            "MII" => Some(Way::Mii),
            "ETHTOOL" => Some(Way::Ethtool),
            "IOCTL" => Some(Way::Flags),
            _ => None,
        }
    }
}

/// A socket for asking.
#[derive(Debug)]
pub struct Carrier {
    socket: Socket,
}

const SIOCETHTOOL: c_ulong = 0x8946;
const SIOCGMIIPHY: c_ulong = 0x8947;
const SIOCGMIIREG: c_ulong = 0x8948;
const ETHTOOL_GLINK: u32 = 0xa;
/// The status register (IEEE 802.3 §22.2.4.2) and its bit for the link.
const MII_STATUS: u16 = 1;
const MII_LINK: u16 = 4;

/// `struct mii_ioctl_data`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct MiiData {
    phy: u16,
    register: u16,
    value_in: u16,
    value_out: u16,
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

impl Carrier {
    /// Opens one.
    pub fn open() -> io::Result<Carrier> {
        Ok(Carrier { socket: Socket::new(Domain::IPV4, Type::DGRAM.cloexec(), None)? })
    }

    /// Whether there is a carrier, asked in this way, or in the first that the driver knows; `None`: it knows none.
    pub fn is_up(&self, name: &str, way: Option<Way>) -> Option<bool> {
        let first = way.and_then(|way| self.ask(name, way));
        first.or_else(|| [Way::Mii, Way::Ethtool, Way::Flags].into_iter().find_map(|way| self.ask(name, way)))
    }

    fn ask(&self, name: &str, way: Way) -> Option<bool> {
        match way {
            Way::Mii => self.mii(name),
            Way::Ethtool => self.ethtool(name),
            Way::Flags => self.flags(name),
        }
    }

    fn mii(&self, name: &str) -> Option<bool> {
        let mut request = request(name)?;
        self.call(SIOCGMIIPHY, &mut request)?;
        // JUSTIFICATION: the kernel's structure lies in the request's union.
        // SAFETY: the union has room for 16 bytes and MiiData is 8 bytes of plain numbers with the union's alignment or less.
        unsafe {
            let data = (&raw mut request.ifr_ifru).cast::<MiiData>();
            (*data).register = MII_STATUS;
            self.call(SIOCGMIIREG, &mut request)?;
            // The bit tells failures since the last look: the second look tells the present.
            self.call(SIOCGMIIREG, &mut request)?;
            let value = (*(&raw const request.ifr_ifru).cast::<MiiData>()).value_out;
            // A bus with nobody on it reads as ones.
            (value != 0xffff).then_some(value & MII_LINK != 0)
        }
    }

    fn ethtool(&self, name: &str) -> Option<bool> {
        let mut value = EthtoolValue { command: ETHTOOL_GLINK, data: 0 };
        let mut request = request(name)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast::<c_char>();
        self.call(SIOCETHTOOL, &mut request)?;
        Some(value.data != 0)
    }

    fn flags(&self, name: &str) -> Option<bool> {
        let mut request = request(name)?;
        self.call(libc::SIOCGIFFLAGS as c_ulong, &mut request)?;
        // SAFETY: the call has filled the union's flags.
        let flags = c_int::from(unsafe { request.ifr_ifru.ifru_flags });
        Some(flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0)
    }

    fn call(&self, what: c_ulong, request: &mut ifreq) -> Option<()> {
        // JUSTIFICATION: no safe crate has these calls.
        // SAFETY: the request is live and whole, and what it points to (ETHTOOL) lives in the caller's frame; the kernel writes
        // no more than the structures' sizes.
        let rc = unsafe { libc::ioctl(self.socket.as_raw_fd(), what as _, request) };
        (rc == 0).then_some(())
    }
}

fn request(name: &str) -> Option<ifreq> {
    // SAFETY: ifreq is plain numbers and a union of them, for which zero is fine.
    let mut request: ifreq = unsafe { zeroed() };
    if name.len() >= request.ifr_name.len() {
        return None;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_a_carrier_and_nothing_else_does() {
        let carrier = Carrier::open().expect("a socket");
        for way in [None, Some(Way::Flags), Some(Way::Ethtool), Some(Way::Mii)] {
            assert_eq!(carrier.is_up("lo", way), Some(true), "{way:?}");
            assert_eq!(carrier.is_up("nowhere0", way), None);
            assert_eq!(carrier.is_up("a-name-that-is-far-too-long", way), None);
        }
    }
}
