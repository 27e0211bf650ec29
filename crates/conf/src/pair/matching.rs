//! Which instance of one node stands for which of the other: by VRID and family, else by the addresses, else by name.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::finding::{Finding, Node};
use super::{Instance, Side};

/// What belongs together.
pub(super) struct Pairing<'a> {
    pub(super) pairs: Vec<(Instance<'a>, Instance<'a>)>,
    /// What is said of instances without a partner, or with one of another number.
    pub(super) alone: Vec<Finding>,
}

pub(super) fn pair_up<'a>(a: &'a Side<'a>, b: &'a Side<'a>) -> Pairing<'a> {
    let mut pairing = Pairing { pairs: Vec::new(), alone: Vec::new() };
    let mut ours: Vec<Instance<'a>> = a.instances(Node::A).collect();
    let mut theirs: Vec<Instance<'a>> = b.instances(Node::B).collect();
    // The strongest sign first, over all instances, so that a weak one never takes a partner from a strong one.
    let signs: [fn(&Instance<'_>, &Instance<'_>) -> bool; 4] = [
        |x, y| same_router(x, y) && share_address(x, y),
        |x, y| share_address(x, y),
        |x, y| same_router(x, y) && x.conf.name == y.conf.name,
        |x, y| same_router(x, y) && x.conf.addresses.is_empty() == y.conf.addresses.is_empty(),
    ];
    for sign in signs {
        ours.retain(|one| {
            let Some(at) = theirs.iter().position(|other| sign(one, other)) else { return true };
            pairing.pairs.push((*one, theirs.remove(at)));
            false
        });
    }
    pairing.pairs.sort_by_key(|(one, _)| one.plan.span);
    for (one, other) in pairing.pairs.iter().filter(|(one, other)| !same_router(one, other)) {
        pairing.alone.push(other_number(one, other));
    }
    for (lone, elsewhere) in ours.iter().map(|i| (i, b)).chain(theirs.iter().map(|i| (i, a))) {
        pairing.alone.push(without_partner(lone, elsewhere));
    }
    pairing
}

fn same_router(x: &Instance<'_>, y: &Instance<'_>) -> bool {
    x.conf.vrid == y.conf.vrid && x.conf.family == y.conf.family
}

fn share_address(x: &Instance<'_>, y: &Instance<'_>) -> bool {
    let theirs: BTreeSet<&IpAddr> = y.conf.addresses.iter().collect();
    x.conf.addresses.iter().any(|address| theirs.contains(address))
}

fn other_number(one: &Instance<'_>, other: &Instance<'_>) -> Finding {
    let (x, y) = (one.conf.vrid.get(), other.conf.vrid.get());
    let address = one.conf.addresses.iter().find(|ip| other.conf.addresses.contains(ip));
    let address = address.map(IpAddr::to_string).unwrap_or_default();
    Finding::error(
        "pair-vrid",
        format!(
            "{address} is VRID {x} on {} and {y} on {}: both nodes will hold it",
            one.side.name, other.side.name
        ),
        one.spot("virtual_router_id"),
        format!("Write `virtual_router_id {x}` on both nodes; nobody else on this network may use it."),
    )
    .also(other.beside("virtual_router_id", format!("{y} here")))
}

fn without_partner(lone: &Instance<'_>, elsewhere: &Side<'_>) -> Finding {
    let (name, vrid) = (&lone.conf.name, lone.conf.vrid.get());
    Finding::error(
        "instance-alone",
        format!(
            "{name} (VRID {vrid}) of {} has no partner on {}: its addresses have no backup",
            lone.side.name, elsewhere.name
        ),
        lone.spot("virtual_router_id"),
        format!("Give {} a vrrp_instance with VRID {vrid} and the same addresses.", elsewhere.name),
    )
}

/// Groups that bind other instances on one node than on the other.
pub(super) fn groups(a: &Side<'_>, b: &Side<'_>, pairs: &[(Instance<'_>, Instance<'_>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (one, other) in pairs {
        let partners =
            |side: &Side<'_>, of: &Instance<'_>, pick: &dyn Fn(&(Instance<'_>, Instance<'_>)) -> u8| {
                let group = of.conf.group.and_then(|id| side.plan.node.groups.get(id.0 as usize));
                let members = group.map(|g| g.members.as_slice()).unwrap_or_default();
                let numbers = pairs
                    .iter()
                    .filter(|(x, y)| members.iter().any(|id| x.is(side, *id) || y.is(side, *id)))
                    .map(pick);
                numbers.collect::<BTreeSet<u8>>()
            };
        let ours = partners(a, one, &|(x, _)| x.conf.vrid.get());
        let theirs = partners(b, other, &|(x, _)| x.conf.vrid.get());
        if ours != theirs {
            findings.push(
                Finding::warning(
                    "pair-groups",
                    format!(
                        "{} moves together with other instances on {} than on {}",
                        one.conf.name, one.side.name, other.side.name
                    ),
                    one.spot("vrrp_sync_group"),
                    "Write the same vrrp_sync_group on both nodes.",
                )
                .also(other.beside("vrrp_sync_group", "its partner")),
            );
        }
    }
    findings
}
