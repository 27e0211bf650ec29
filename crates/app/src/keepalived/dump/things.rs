//! Addresses, routes, rules and scripts as the original writes them in its dumps.

use std::fmt::Write;
use std::net::IpAddr;

use evenkeel_plan::keeper::{Address, KeeperPlan, NextHop, Route, RouteKind, Rule, Scope, ScriptPlan};
use evenkeel_vrrp::conf::InterfaceId;

/// `IFA_F_…` of linux/if_addr.h.
const ADDRESS_FLAGS: &[(u32, &str)] =
    &[(0x10, "home"), (0x02, "-nodad"), (0x100, "mngtmpaddr"), (0x200, "noprefixroute"), (0x400, "autojoin")];

/// `RTAX_…` of linux/rtnetlink.h.
const METRICS: &[(u16, &str)] = &[
    (2, "mtu"),
    (3, "window"),
    (4, "rtt"),
    (5, "rttvar"),
    (6, "ssthresh"),
    (7, "cwnd"),
    (8, "advmss"),
    (9, "reordering"),
    (10, "hoplimit"),
    (11, "initcwnd"),
    (12, "features"),
    (13, "rto_min"),
    (14, "initrwnd"),
    (15, "quickack"),
    (17, "fastopen_no_cookie"),
];

/// The kernel's main table.
const TABLE_MAIN: u32 = 254;

/// An interface's name.
pub(crate) fn interface(plan: &KeeperPlan, id: InterfaceId) -> &str {
    plan.node.interfaces.get(id.0 as usize).map_or("?", String::as_str)
}

fn network(ip: IpAddr, prefix: u8) -> String {
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    if prefix == whole { ip.to_string() } else { format!("{ip}/{prefix}") }
}

/// One virtual address; `vmac`: the instance's own interface, with the one below.
pub(crate) fn address(plan: &KeeperPlan, a: &Address, vmac: Option<&str>, set: bool) -> String {
    let mut out = network(a.ip, a.prefix);
    if let Some((peer, prefix)) = a.peer {
        let _ = write!(out, " peer {}", network(peer, prefix));
    }
    if let Some(broadcast) = a.broadcast {
        let _ = write!(out, " brd {broadcast}");
    }
    let dev = interface(plan, a.interface);
    match vmac {
        Some(vmac) => drop(write!(out, " dev {vmac}@{dev}")),
        None => drop(write!(out, " dev {dev}")),
    }
    match a.scope {
        Scope::GLOBAL => out.push_str(" scope global"),
        Scope::SITE => out.push_str(" scope site"),
        Scope::LINK => out.push_str(" scope link"),
        Scope::HOST => out.push_str(" scope host"),
        Scope::NOWHERE => out.push_str(" scope nowhere"),
        Scope(other) => drop(write!(out, " scope {other}")),
    }
    if let Some(label) = &a.label {
        let _ = write!(out, " label {label}");
    }
    match a.preferred_lifetime_s {
        None if a.ip.is_ipv6() => out.push_str(" preferred_lft forever"),
        Some(0) if a.ip.is_ipv6() => out.push_str(" deprecated"),
        Some(seconds) if seconds > 0 => drop(write!(out, " preferred_lft {seconds}")),
        Some(_) | None => {}
    }
    for (flag, word) in ADDRESS_FLAGS {
        if a.flags & flag != 0 {
            let _ = write!(out, " {word}");
        }
    }
    if a.no_track {
        out.push_str(" no_track");
    }
    if set {
        out.push_str(" set");
    }
    out
}

/// One virtual route.
pub(crate) fn route(plan: &KeeperPlan, r: &Route) -> String {
    let kind = match r.kind {
        RouteKind::Unicast => None,
        RouteKind::Local => Some("local"),
        RouteKind::Broadcast => Some("broadcast"),
        RouteKind::Anycast => Some("anycast"),
        RouteKind::Multicast => Some("multicast"),
        RouteKind::Blackhole => Some("blackhole"),
        RouteKind::Unreachable => Some("unreachable"),
        RouteKind::Prohibit => Some("prohibit"),
        RouteKind::Throw => Some("throw"),
        RouteKind::Nat => Some("nat"),
    };
    let nowhere = matches!(
        r.kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
    );
    let mut out = match (nowhere, r.append) {
        (true, _) => "add",
        (false, true) => "append",
        (false, false) => "prepend",
    }
    .to_string();
    if let Some(kind) = kind {
        let _ = write!(out, " {kind}");
    }
    match r.to {
        Some((ip, prefix)) => drop(write!(out, " {ip}/{prefix}")),
        None => out.push_str(if r.v6 { " ::/0" } else { " 0.0.0.0/0" }),
    }
    if let Some((ip, prefix)) = r.from {
        let _ = write!(out, " from {ip}/{prefix}");
    }
    if let Some(source) = r.source {
        let _ = write!(out, " src {source}");
    }
    if let Some(tos) = r.tos {
        let _ = write!(out, " tos {tos}");
    }
    let several = r.hops.len() > 1;
    if let (Some(hop), false) = (r.hops.first(), several) {
        out.push_str(&way(plan, hop));
    }
    if r.table != 0 && r.table != TABLE_MAIN {
        let _ = write!(out, " table {}", r.table);
    }
    let _ = write!(out, " proto {}", r.protocol);
    if let Some(scope) = r.scope {
        let _ = write!(out, " scope {}", scope.0);
    }
    if let Some(metric) = r.metric {
        let _ = write!(out, " metric {metric}");
    }
    if let (Some(hop), false) = (r.hops.first(), several)
        && hop.onlink
    {
        out.push_str(" onlink");
    }
    if let Some(seconds) = r.expires_s {
        let _ = write!(out, " expires {seconds}sec");
    }
    for (number, value, lock) in &r.metrics {
        let name = METRICS.iter().find(|(known, _)| known == number).map(|(_, name)| *name);
        let lock = if *lock { " lock" } else { "" };
        match name {
            Some(name) => drop(write!(out, " {name}{lock} {value}")),
            None => drop(write!(out, " metric-{number}{lock} {value}")),
        }
    }
    if let Some(name) = &r.congestion_control {
        let _ = write!(out, " congctl {name}");
    }
    if let Some(preference) = r.preference {
        let word = match preference {
            1 => "high",
            3 => "low",
            _ => "medium",
        };
        let _ = write!(out, " pref {word}");
    }
    if let Some(on) = r.ttl_propagate {
        out.push_str(if on { " ttl-propagate enabled" } else { " ttl-propagate disabled" });
    }
    if several {
        for hop in &r.hops {
            let _ = write!(out, " nexthop{}", way(plan, hop));
            if hop.weight > 1 {
                let _ = write!(out, " weight {}", hop.weight);
            }
            if hop.onlink {
                out.push_str(" onlink");
            }
        }
    }
    if r.no_track {
        out.push_str(" no_track");
    }
    out
}

fn way(plan: &KeeperPlan, hop: &NextHop) -> String {
    let mut out = String::new();
    if let Some(via) = hop.via {
        let _ = write!(out, " via {} {via}", if via.is_ipv4() { "inet" } else { "inet6" });
    }
    if let Some(id) = hop.interface {
        let _ = write!(out, " dev {}", interface(plan, id));
    }
    if let Some(realm) = hop.realm {
        let _ = write!(out, " realms {}/{}", realm >> 16, realm & 0xffff);
    }
    out
}

/// One virtual rule.
pub(crate) fn rule(r: &Rule) -> String {
    let mut out = String::new();
    let inverted = if r.invert { "not " } else { "" };
    match r.from {
        Some((ip, prefix)) => drop(write!(out, "{inverted}from {}", network(ip, prefix))),
        None => drop(write!(out, "{inverted}from all")),
    }
    if let Some((ip, prefix)) = r.to {
        let _ = write!(out, " to {}", network(ip, prefix));
    }
    if let Some(priority) = r.priority {
        let _ = write!(out, " priority {priority}");
    }
    let _ = write!(out, " tos 0x{:x}", r.tos.unwrap_or(0));
    if let Some((mark, mask)) = r.fwmark {
        let _ = write!(out, " fwmark 0x{mark:x}");
        if let Some(mask) = mask {
            let _ = write!(out, "/0x{mask:x}");
        }
    }
    for (word, name) in [("iif", &r.iif), ("oif", &r.oif)] {
        if let Some(name) = name {
            let _ = write!(out, " {word} {name}");
        }
    }
    for (word, value) in
        [("suppress_prefixlength", r.suppress_prefix), ("suppress_ifgroup", r.suppress_group)]
    {
        if let Some(value) = value {
            let _ = write!(out, " {word} {value}");
        }
    }
    if let Some(id) = r.tunnel_id {
        let _ = write!(out, " tun_id {id}");
    }
    if let Some((low, high)) = r.uid_range {
        let _ = write!(out, " uidrange {low}-{high}");
    }
    if r.l3mdev {
        out.push_str(" l3mdev");
    }
    if let Some(protocol) = r.ip_protocol {
        let _ = write!(out, " ipproto {protocol}");
    }
    for (word, ports) in [("sport", r.source_ports), ("dport", r.destination_ports)] {
        if let Some((low, high)) = ports {
            let _ = write!(out, " {word} {low}-{high}");
        }
    }
    if let Some(realms) = r.realms {
        let _ = write!(out, " realms {}/{}", realms >> 16, realms & 0xffff);
    }
    let protocol = r.protocol.unwrap_or(18);
    match (r.action, r.goto, r.table) {
        (2, Some(goto), _) => drop(write!(out, " protocol {protocol} goto {goto}")),
        (6, _, _) => out.push_str(" type blackhole"),
        (7, _, _) => out.push_str(" type unreachable"),
        (8, _, _) => out.push_str(" type prohibit"),
        (3, _, _) => drop(write!(out, " protocol {protocol} type nop")),
        (_, _, Some(table)) => drop(write!(out, " protocol {protocol} lookup {table}")),
        (_, _, None) => drop(write!(out, " protocol {protocol}")),
    }
    if r.no_track {
        out.push_str(" no_track");
    }
    out
}

/// A script's words, each in quotes.
pub(crate) fn words(script: &ScriptPlan) -> String {
    script.args.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

/// The same, with whom it runs as.
pub(crate) fn script(script: &ScriptPlan) -> String {
    let (uid, gid) = script.user.map_or((0, 0), |user| (user.uid, user.gid));
    format!("{}, uid:gid {uid}:{gid}", words(script))
}
