//! What makes one node's adverts worthless to the other: then both hold the addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evenkeel_vrrp::conf::{Auth, Destination, Version};

use super::Instance;
use super::finding::{Finding, Spot};

pub(super) fn check(one: &Instance<'_>, other: &Instance<'_>) -> Vec<Finding> {
    let checks = [version, interval, auth, addresses, excluded, destination, peers, down_timer];
    let mut findings: Vec<Finding> = checks.iter().filter_map(|check| check(one, other)).collect();
    findings.extend([one, other].into_iter().filter_map(own_peer));
    findings
}

fn both(one: &Instance<'_>, other: &Instance<'_>) -> String {
    format!("{} and {}", one.side.name, other.side.name)
}

fn number(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn version(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let (x, y) = (number(one.conf.version), number(other.conf.version));
    let message = format!(
        "{} speaks VRRP version {x} on {} and {y} on {}: neither hears the other",
        one.conf.name, one.side.name, other.side.name
    );
    let help = "Write the same `version` (or `vrrp_version` in global_defs) on both nodes.";
    (x != y).then(|| {
        Finding::error("pair-version", message, one.spot("version"), help)
            .also(other.beside("version", format!("version {y} here")))
    })
}

/// RFC 3768 §7.1: an advert with another interval is discarded. RFC 9568 §6.4.2: a backup takes the master's over.
fn interval(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let (x, y) = (one.conf.advert_interval, other.conf.advert_interval);
    if x == y {
        return None;
    }
    let (x, y) = (x.as_secs_f64(), y.as_secs_f64());
    let there = other.beside("advert_int", format!("{y} s here"));
    let help = format!("Write `advert_int {x}` on both nodes.");
    let names = format!(
        "{}: adverts come every {x} s from {} and every {y} s from {}",
        one.conf.name, one.side.name, other.side.name
    );
    let at = one.spot("advert_int");
    Some(
        match one.conf.version {
            Version::V2 => Finding::error(
                "pair-interval",
                format!(
                    "{names}; version 2 discards adverts of another interval, so both hold the addresses"
                ),
                at,
                help,
            ),
            Version::V3 => Finding::warning(
                "pair-interval",
                format!("{names}; how soon a failure is noticed depends on who is master"),
                at,
                help,
            ),
        }
        .also(there),
    )
}

fn auth(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    // Version 3 has no authentication of its own: a difference of versions has been told, and is the cause.
    if one.conf.version != other.conf.version {
        return None;
    }
    let same = match (&one.conf.auth, &other.conf.auth) {
        (Auth::Hmac(x), Auth::Hmac(y)) => {
            let knows = |keys: &[(u8, Vec<u8>)], id: u8, of: &[(u8, Vec<u8>)]| {
                let key = |all: &[(u8, Vec<u8>)]| all.iter().find(|(n, _)| *n == id).map(|(_, k)| k.clone());
                key(keys).is_some() && key(keys) == key(of)
            };
            knows(&x.keys, x.active_key, &y.keys) && knows(&y.keys, y.active_key, &x.keys)
        }
        (Auth::None | Auth::Pass(_) | Auth::Ah(_) | Auth::Hmac(_), _) => one.conf.auth == other.conf.auth,
    };
    let message = format!(
        "{}: {} authenticate differently, so each discards the other's adverts and both hold the addresses",
        one.conf.name,
        both(one, other)
    );
    (!same).then(|| {
        Finding::error(
            "pair-auth",
            message,
            one.spot("authentication"),
            "Write the same authentication block on both nodes; of auth_pass only the first 8 characters count.",
        )
        .also(other.beside("authentication", "its partner"))
    })
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

fn addresses(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let ours: BTreeSet<IpAddr> = one.conf.addresses.iter().copied().collect();
    let theirs: BTreeSet<IpAddr> = other.conf.addresses.iter().copied().collect();
    if ours == theirs {
        return None;
    }
    let missing =
        |of: &BTreeSet<IpAddr>, from: &BTreeSet<IpAddr>| list(&of.difference(from).copied().collect());
    let (here, there) = (missing(&ours, &theirs), missing(&theirs, &ours));
    let parts: Vec<String> = [(here, one), (there, other)]
        .into_iter()
        .filter(|(text, _)| !text.is_empty())
        .map(|(text, of)| format!("{text} only on {}", of.side.name))
        .collect();
    Some(
        Finding::error(
            "pair-addresses",
            format!(
                "{}: the lists of virtual addresses differ ({}): adverts with another list are discarded",
                one.conf.name,
                parts.join("; ")
            ),
            first_of(one, &theirs),
            "Write the same virtual_ipaddress on both nodes.",
        )
        .also((first_of(other, &ours), "its partner".to_owned())),
    )
}

/// The first address that the other side lacks, else the first of all.
fn first_of(of: &Instance<'_>, theirs: &BTreeSet<IpAddr>) -> Spot {
    let all = &of.plan.addresses;
    let found = all.iter().find(|address| !theirs.contains(&address.ip)).or(all.first());
    found.map_or(of.spot("virtual_ipaddress"), |address| Spot::new(of.node, address.span))
}

fn excluded(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let set = |of: &Instance<'_>| of.plan.excluded.iter().map(|a| a.ip).collect::<BTreeSet<IpAddr>>();
    (set(one) != set(other)).then(|| {
        Finding::warning(
            "pair-excluded",
            format!("{}: virtual_ipaddress_excluded differs between {}", one.conf.name, both(one, other)),
            one.spot("virtual_ipaddress_excluded"),
            "Addresses that one node does not have are lost when it is master: write the same list on both.",
        )
        .also(other.beside("virtual_ipaddress_excluded", "its partner"))
    })
}

fn destination(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let words = |of: &Instance<'_>| match &of.conf.destination {
        Destination::Multicast(group) => format!("to {group}"),
        Destination::Unicast(_) => "to its unicast peers".to_string(),
        Destination::NoPeer => "nowhere: it has no unicast peer".to_string(),
    };
    let (x, y) = (words(one), words(other));
    (x != y).then(|| {
        Finding::error(
            "pair-destination",
            format!("{}: {} sends {x}, {} {y}", one.conf.name, one.side.name, other.side.name),
            one.spot("unicast_peer"),
            "Use multicast with the same group on both nodes, or unicast_peer on both.",
        )
        .also(other.beside("unicast_peer", "its partner"))
    })
}

/// Each node must send to the address that the other speaks from.
fn peers(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    for (from, to) in [(one, other), (other, one)] {
        let (Some(source), Destination::Unicast(peers)) = (from.conf.source, &to.conf.destination) else {
            continue;
        };
        if !peers.iter().any(|peer| peer.address == source) {
            return Some(
                Finding::error(
                    "pair-unicast",
                    format!(
                        "{}: {} speaks from {source}, which is no unicast_peer of {}",
                        from.conf.name, from.side.name, to.side.name
                    ),
                    to.spot("unicast_peer"),
                    format!("Write {source} into the unicast_peer block of {}.", to.side.name),
                )
                .also(from.beside("unicast_src_ip", format!("{source} here"))),
            );
        }
    }
    None
}

fn own_peer(of: &Instance<'_>) -> Option<Finding> {
    let (Some(source), Destination::Unicast(peers)) = (of.conf.source, &of.conf.destination) else {
        return None;
    };
    peers.iter().any(|peer| peer.address == source).then(|| {
        Finding::warning(
            "unicast-self",
            format!("{}: {} lists its own address {source} as a peer", of.conf.name, of.side.name),
            of.spot("unicast_peer"),
            "unicast_peer has the other nodes' addresses only.",
        )
        .also(of.beside("unicast_src_ip", "its own address"))
    })
}

fn down_timer(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let (x, y) = (one.conf.down_timer_adverts, other.conf.down_timer_adverts);
    (x != y).then(|| {
        Finding::warning(
            "pair-down-timer",
            format!(
                "{}: {} waits for {x} adverts, {} for {y}",
                one.conf.name, one.side.name, other.side.name
            ),
            one.spot("down_timer_adverts"),
            "All nodes of a virtual router must use the same down_timer_adverts.",
        )
        .also(other.beside("down_timer_adverts", format!("{y} here")))
    })
}
