//! Routes: from the plan to requests.

use std::net::IpAddr;

use evenkeel_plan::keeper::{NextHop, Route, RouteKind, Scope};
use evenkeel_wire::netlink::rt::{self, V4, V6, family, octets};
use evenkeel_wire::netlink::{APPEND, CREATE, Message};

use super::rtnl::request;

// RTA_… attributes (linux/rtnetlink.h).
const DST: u16 = 1;
const SRC: u16 = 2;
const OIF: u16 = 4;
const GATEWAY: u16 = 5;
const PRIORITY: u16 = 6;
const PREFSRC: u16 = 7;
const METRICS: u16 = 8;
const MULTIPATH: u16 = 9;
const FLOW: u16 = 11;
const TABLE: u16 = 15;
const VIA: u16 = 18;
const PREF: u16 = 20;
const EXPIRES: u16 = 23;
const TTL_PROPAGATE: u16 = 26;
// RTAX_… metrics.
const LOCKED: u16 = 1;
const CONGESTION: u16 = 16;

const MAIN: u32 = 254;
const ONLINK: u8 = 4;
/// `RTPROT_KERNEL`.
const KERNEL: u8 = 2;

/// Where an interface of the plan is: its number in the kernel; `None`: it is not there.
pub(crate) type Index<'a> = &'a dyn Fn(evenkeel_vrrp::conf::InterfaceId) -> Option<u32>;

/// Adds it: before others that match (the kernel's way), or after them with `append`. `None`: an interface is not there.
pub(crate) fn add(route: &Route, index: Index<'_>) -> Option<Message> {
    common(rt::ROUTE, if route.append { CREATE | APPEND } else { CREATE }, route, index)
}

/// Takes it away.
pub(crate) fn del(route: &Route, index: Index<'_>) -> Option<Message> {
    common(rt::ROUTE + rt::DELETE, 0, route, index)
}

/// Takes the kernel's own route to an IPv6 prefix away.
pub(crate) fn del_prefix(ip: IpAddr, prefix: u8, index: u32) -> Message {
    let network = super::address::network(ip, prefix);
    let fixed = [V6, prefix, 0, 0, MAIN as u8, KERNEL, 0, number(RouteKind::Unicast), 0, 0, 0, 0];
    let mut message = request(rt::ROUTE + rt::DELETE, 0, &fixed);
    message.attr(DST, &octets(network)).u32(OIF, index);
    message
}

fn common(kind: u16, flags: u16, route: &Route, index: Index<'_>) -> Option<Message> {
    let table = if route.table == 0 { MAIN } else { route.table };
    let prefix = |net: Option<(IpAddr, u8)>| net.map_or(0, |(_, prefix)| prefix);
    let single = match route.hops.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let fixed = [
        if route.v6 { V6 } else { V4 },
        prefix(route.to),
        prefix(route.from),
        route.tos.unwrap_or(0),
        u8::try_from(table).unwrap_or(0),
        route.protocol,
        scope(route).0,
        number(route.kind),
        if single.is_some_and(|hop| hop.onlink) { ONLINK } else { 0 },
        0,
        0,
        0,
    ];
    let mut message = request(kind, flags, &fixed);
    message.u32(TABLE, table);
    for (attr, net) in [(DST, route.to), (SRC, route.from)] {
        if let Some((ip, _)) = net {
            message.attr(attr, &octets(ip));
        }
    }
    if let Some(ip) = route.source {
        message.attr(PREFSRC, &octets(ip));
    }
    if let Some(metric) = route.metric {
        message.u32(PRIORITY, metric);
    }
    if let Some(hop) = single {
        if let Some(interface) = hop.interface {
            message.u32(OIF, index(interface)?);
        }
        way(&mut message, route.v6, hop);
    } else if !route.hops.is_empty() {
        let mut indexes = Vec::new();
        for hop in &route.hops {
            indexes.push(match hop.interface {
                Some(interface) => index(interface)?,
                None => 0,
            });
        }
        message.group(MULTIPATH, |m| {
            for (hop, index) in route.hops.iter().zip(indexes) {
                one_of_many(m, route.v6, hop, index);
            }
        });
    }
    metrics(&mut message, route);
    if let Some(preference) = route.preference {
        message.u8(PREF, preference);
    }
    if let Some(seconds) = route.expires_s {
        message.u32(EXPIRES, seconds);
    }
    if let Some(on) = route.ttl_propagate {
        message.u8(TTL_PROPAGATE, u8::from(on));
    }
    Some(message)
}

fn way(message: &mut Message, v6: bool, hop: &NextHop) {
    match hop.via {
        Some(via) if via.is_ipv6() == v6 => {
            message.attr(GATEWAY, &octets(via));
        }
        Some(via) => {
            let mut value = u16::from(family(via)).to_ne_bytes().to_vec();
            value.extend(octets(via));
            message.attr(VIA, &value);
        }
        None => {}
    }
    if let Some(realm) = hop.realm {
        message.u32(FLOW, realm);
    }
}

/// A `struct rtnexthop` with its attributes.
fn one_of_many(message: &mut Message, v6: bool, hop: &NextHop, index: u32) {
    let at = message.position();
    let weight = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    let mut fixed = vec![0, 0, if hop.onlink { ONLINK } else { 0 }, weight];
    fixed.extend(index.to_ne_bytes());
    message.raw(&fixed);
    way(message, v6, hop);
    message.set_len_u16(at);
}

fn metrics(message: &mut Message, route: &Route) {
    if route.metrics.is_empty() && route.congestion_control.is_none() {
        return;
    }
    let locked = route.metrics.iter().filter(|(_, _, lock)| *lock);
    let locked = locked.fold(0u32, |bits, (n, _, _)| bits | 1u32.checked_shl(u32::from(*n)).unwrap_or(0));
    message.group(METRICS, |m| {
        if locked != 0 {
            m.u32(LOCKED, locked);
        }
        for (number, value, _) in &route.metrics {
            m.u32(*number, *value);
        }
        if let Some(name) = &route.congestion_control {
            m.text(CONGESTION, name);
        }
    });
}

/// Where the file says nothing, what `ip route` assumes.
fn scope(route: &Route) -> Scope {
    if route.v6 {
        return Scope::GLOBAL;
    }
    let direct = route.hops.iter().all(|hop| hop.via.is_none()) && route.hops.len() <= 1;
    route.scope.unwrap_or(match route.kind {
        RouteKind::Local | RouteKind::Nat => Scope::HOST,
        RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => Scope::LINK,
        RouteKind::Unicast if direct => Scope::LINK,
        RouteKind::Unicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => Scope::GLOBAL,
    })
}

/// `RTN_…`.
fn number(kind: RouteKind) -> u8 {
    match kind {
        RouteKind::Unicast => 1,
        RouteKind::Local => 2,
        RouteKind::Broadcast => 3,
        RouteKind::Anycast => 4,
        RouteKind::Multicast => 5,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
        RouteKind::Nat => 10,
    }
}

/// Whether what the kernel tells is this route, as far as both say.
pub(crate) fn is(route: &Route, told: &rt::Route) -> bool {
    let table = if route.table == 0 { MAIN } else { route.table };
    // Linux gives IPv6 routes without metric 1024.
    let metric = route.metric.unwrap_or(if route.v6 { 1024 } else { 0 });
    route.v6 == told.v6
        && table == told.table
        && route.to.filter(|(_, prefix)| *prefix > 0) == told.to.filter(|(_, prefix)| *prefix > 0)
        && metric == told.metric
        && route.tos.unwrap_or(0) == told.tos
}
