//! Addresses: from the plan to requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use evenkeel_plan::keeper::Address;
use evenkeel_wire::netlink::rt::{self, family, octets};
use evenkeel_wire::netlink::{CREATE, Message, REPLACE};

use super::rtnl::request;

// IFA_… attributes (linux/if_addr.h).
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
const LABEL: u16 = 3;
const BROADCAST: u16 = 4;
const CACHEINFO: u16 = 6;
const FLAGS: u16 = 8;
const PROTO: u16 = 11;

/// Who sets our addresses: `RTPROT_KEEPALIVED`, which newer kernels keep with an address (IFA_PROTO, Linux 5.18).
pub(crate) const OURS: u8 = 18;
/// `IFA_F_NOPREFIXROUTE`.
pub(crate) const NO_PREFIX_ROUTE: u32 = 0x200;
const FOREVER: u32 = u32::MAX;

/// Sets it, or its lifetimes where it is there.
pub(crate) fn set(address: &Address, index: u32, lease: Option<Duration>) -> Message {
    let mut message = common(rt::ADDRESS, CREATE | REPLACE, address, index);
    if let Some(broadcast) = address.broadcast {
        message.attr(BROADCAST, &octets(broadcast));
    }
    if let Some(label) = &address.label {
        message.text(LABEL, label);
    }
    if address.flags != 0 {
        message.u32(FLAGS, address.flags);
    }
    let valid = lease.map_or(FOREVER, whole_seconds);
    let preferred = address.preferred_lifetime_s.unwrap_or(FOREVER).min(valid);
    // ifa_cacheinfo: preferred, valid, and two stamps that are the kernel's.
    let info: Vec<u8> = [preferred, valid, 0, 0].iter().flat_map(|n| n.to_ne_bytes()).collect();
    message.attr(CACHEINFO, &info).u8(PROTO, OURS);
    message
}

/// Takes it away.
pub(crate) fn unset(address: &Address, index: u32) -> Message {
    common(rt::ADDRESS + rt::DELETE, 0, address, index)
}

fn common(kind: u16, flags: u16, address: &Address, index: u32) -> Message {
    let prefix = address.peer.map_or(address.prefix, |(_, prefix)| prefix);
    let mut fixed = vec![family(address.ip), prefix, (address.flags & 0xff) as u8, address.scope.0];
    fixed.extend(index.to_ne_bytes());
    let mut message = request(kind, flags, &fixed);
    let far = address.peer.map_or(address.ip, |(peer, _)| peer);
    message.attr(LOCAL, &octets(address.ip)).attr(ADDRESS, &octets(far));
    message
}

/// An address with its host's bits cleared.
pub(crate) fn network(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            Ipv4Addr::from(u32::from(ip) & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            Ipv6Addr::from(u128::from(ip) & mask).into()
        }
    }
}

/// A lease in the kernel's unit; at least one.
fn whole_seconds(lease: Duration) -> u32 {
    let rounded = lease.as_secs() + u64::from(lease.subsec_nanos() > 0);
    u32::try_from(rounded).unwrap_or(FOREVER - 1).clamp(1, FOREVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_whole_seconds() {
        for (ms, want) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (3000, 3), (u64::MAX, FOREVER - 1)] {
            assert_eq!(whole_seconds(Duration::from_millis(ms)), want, "{ms}");
        }
    }

    #[test]
    fn networks_of_any_length() {
        for (ip, prefix, want) in [
            ("10.1.2.3", 24, "10.1.2.0"),
            ("10.1.2.3", 32, "10.1.2.3"),
            ("10.1.2.3", 0, "0.0.0.0"),
            ("10.1.2.3", 200, "10.1.2.3"),
            ("fd77::1:2", 112, "fd77::1:0"),
            ("fd77::1", 128, "fd77::1"),
            ("fd77::1", 0, "::"),
        ] {
            let ip = ip.parse().expect("literal");
            assert_eq!(network(ip, prefix).to_string(), want, "{ip}/{prefix}");
        }
    }
}
