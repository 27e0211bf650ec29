//! Links: macvlans and ipvlans for virtual MACs; up and down.

use evenkeel_wire::netlink::rt::{self, FLAG_UP};
use evenkeel_wire::netlink::{CREATE, EXCL, Message};

use super::rtnl::request;

// IFLA_… attributes (linux/if_link.h).
const ADDRESS: u16 = 1;
const NAME: u16 = 3;
const LINK: u16 = 5;
const INFO: u16 = 18;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const MACVLAN_MODE: u16 = 1;
const IPVLAN_MODE: u16 = 1;
const IPVLAN_FLAGS: u16 = 2;
const AF_SPEC: u16 = 26;
const AF_INET6: u16 = 10;
const INET6_ADDR_GEN_MODE: u16 = 8;

/// `MACVLAN_MODE_PRIVATE`: no packets between macvlans of one interface.
const PRIVATE: u32 = 1;
/// `IPVLAN_MODE_L2`.
const L2: u16 = 0;
/// `IN6_ADDR_GEN_MODE_NONE`: no link-local address by itself.
const NO_ADDRESSES: u8 = 1;

/// Makes a macvlan above `lower`.
pub(crate) fn add_macvlan(name: &str, lower: u32, mac: [u8; 6]) -> Message {
    let mut message = request(rt::LINK, CREATE | EXCL, &fixed(0, 0));
    message.text(NAME, name).u32(LINK, lower).attr(ADDRESS, &mac);
    message.nest(INFO, |m| {
        m.text(INFO_KIND, "macvlan").nest(INFO_DATA, |m| {
            m.u32(MACVLAN_MODE, PRIVATE);
        });
    });
    message
}

/// Makes an ipvlan above `lower`.
pub(crate) fn add_ipvlan(name: &str, lower: u32) -> Message {
    let mut message = request(rt::LINK, CREATE | EXCL, &fixed(0, 0));
    message.text(NAME, name).u32(LINK, lower);
    message.nest(INFO, |m| {
        m.text(INFO_KIND, "ipvlan").nest(INFO_DATA, |m| {
            m.u16(IPVLAN_MODE, L2).u16(IPVLAN_FLAGS, 0);
        });
    });
    message
}

/// Gives a link its MAC.
pub(crate) fn set_mac(index: u32, mac: [u8; 6]) -> Message {
    let mut message = request(rt::LINK, 0, &fixed(index, 0));
    message.attr(ADDRESS, &mac);
    message
}

/// No IPv6 addresses of the kernel's own choice on it.
pub(crate) fn no_own_addresses(index: u32) -> Message {
    let mut message = request(rt::LINK, 0, &fixed(index, 0));
    message.nest(AF_SPEC, |m| {
        m.nest(AF_INET6, |m| {
            m.u8(INET6_ADDR_GEN_MODE, NO_ADDRESSES);
        });
    });
    message
}

/// Switches it on.
pub(crate) fn up(index: u32) -> Message {
    request(rt::LINK, 0, &fixed(index, FLAG_UP))
}

/// Takes it away.
pub(crate) fn del(index: u32) -> Message {
    request(rt::LINK + rt::DELETE, 0, &fixed(index, 0))
}

/// A `struct ifinfomsg`; of the flags only IFF_UP is ever changed.
fn fixed(index: u32, flags: u32) -> Vec<u8> {
    let change = flags & FLAG_UP;
    let mut bytes = vec![0; 4];
    for n in [index, flags, change] {
        bytes.extend(n.to_ne_bytes());
    }
    bytes
}
