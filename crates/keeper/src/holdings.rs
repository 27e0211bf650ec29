//! What an instance holds: its addresses, routes and rules, set and taken away together.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::Instant;

use evenkeel_plan::keeper::{Address, InstancePlan, KeeperPlan, Route, Rule};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId};
use evenkeel_wire::netlink::{Message, rt};

use crate::net::links::Links;
use crate::net::rtnl::{EXISTS, NO_ADDRESS, NO_DEVICE, NO_ENTRY, NO_ROUTE, Rtnl, words};
use crate::net::{address, route, rule};

/// What is held, by instance.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    /// It has been taken and not been released.
    pub(crate) held: bool,
    /// Lifetime of the addresses.
    pub(crate) lease: Option<Duration>,
    /// Addresses of an owner that were there before us, by place in the plan: they are left as they are.
    left: BTreeSet<usize>,
    /// How often something was gone and was set again, lately, and since when that is counted.
    pub(crate) restored: u32,
    pub(crate) restored_since: Instant,
}

/// One thing that could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What: `address 10.0.0.1/24 on eth0`.
    pub(crate) what: String,
    pub(crate) errno: i32,
    /// `no_track`: it does not matter.
    pub(crate) no_track: bool,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, words(self.errno))
    }
}

/// Where addresses go: a virtual MAC's interface instead of the one that the file names.
pub(crate) type Places<'a> = &'a dyn Fn(InstanceId, &Address) -> Option<u32>;

/// The tools for one deed.
pub(crate) struct Tools<'a> {
    pub(crate) rtnl: &'a mut Rtnl,
    pub(crate) links: &'a Links,
    pub(crate) plan: &'a KeeperPlan,
    /// The number of an interface of the plan.
    pub(crate) index: &'a dyn Fn(InterfaceId) -> Option<u32>,
    pub(crate) place: Places<'a>,
}

enum What<'a> {
    Address(&'a Address),
    Route(&'a Route),
    Rule(&'a Rule),
}

impl What<'_> {
    fn failure(&self, tools: &Tools<'_>, errno: i32) -> Failure {
        match self {
            What::Address(a) => {
                let name = interface_name(tools.plan, a.interface);
                let what = format!("address {}/{} on {name}", a.ip, a.prefix);
                Failure { what, errno, no_track: a.no_track }
            }
            What::Route(r) => Failure { what: format!("route {}", r.text), errno, no_track: r.no_track },
            What::Rule(r) => Failure { what: format!("rule {}", r.text), errno, no_track: r.no_track },
        }
    }
}

pub(crate) fn interface_name(plan: &KeeperPlan, id: InterfaceId) -> &str {
    plan.node.interfaces.get(id.0 as usize).map_or("?", String::as_str)
}

/// Its own addresses, then the excluded ones.
pub(crate) fn addresses(plan: &InstancePlan) -> impl Iterator<Item = &Address> {
    plan.addresses.iter().chain(&plan.excluded)
}

impl Holding {
    /// Whether the address at this place is an owner's own, which we did not set.
    pub(crate) fn leaves(&self, at: usize) -> bool {
        self.left.contains(&at)
    }

    /// Sets everything; what is there already is fine.
    pub(crate) fn take(
        &mut self,
        tools: &mut Tools<'_>,
        id: InstanceId,
        lease: Option<Duration>,
    ) -> Vec<Failure> {
        let plan = tools.plan;
        let Some(instance) = plan.instances.get(id.0 as usize) else { return Vec::new() };
        if !self.held {
            self.restored = 0;
            self.left = owner_had(tools, id);
        }
        self.held = true;
        self.lease = lease;
        let mut wanted = Vec::new();
        for (n, a) in addresses(instance).enumerate() {
            if !self.left.contains(&n) {
                let message = (tools.place)(id, a).map(|index| address::set(a, index, lease));
                wanted.push((What::Address(a), message));
            }
        }
        for r in &instance.routes {
            wanted.push((What::Route(r), route::add(r, tools.index)));
        }
        for r in &instance.rules {
            wanted.push((What::Rule(r), Some(rule::add(r))));
        }
        carry_out(tools, wanted, &[EXISTS])
    }

    /// Sets the addresses' lifetimes anew.
    pub(crate) fn refresh(&mut self, tools: &mut Tools<'_>, id: InstanceId, lease: Duration) -> Vec<Failure> {
        self.lease = Some(lease);
        let plan = tools.plan;
        let Some(instance) = plan.instances.get(id.0 as usize) else { return Vec::new() };
        let mut wanted = Vec::new();
        for (n, a) in addresses(instance).enumerate() {
            if !self.left.contains(&n) {
                let message = (tools.place)(id, a).map(|index| address::set(a, index, Some(lease)));
                wanted.push((What::Address(a), message));
            }
        }
        carry_out(tools, wanted, &[])
    }

    /// Takes everything away, in the other order. At the start this clears what a killed run left behind; an owner's addresses
    /// that were there before us stay.
    pub(crate) fn release(&mut self, tools: &mut Tools<'_>, id: InstanceId) -> Vec<Failure> {
        let plan = tools.plan;
        let Some(instance) = plan.instances.get(id.0 as usize) else { return Vec::new() };
        let left = if self.held { std::mem::take(&mut self.left) } else { owner_had(tools, id) };
        let held = std::mem::replace(&mut self.held, false);
        let leased = self.lease.take().is_some();
        let mut wanted = Vec::new();
        if held {
            for r in instance.rules.iter().rev() {
                wanted.push((What::Rule(r), Some(rule::del(r))));
            }
            for r in instance.routes.iter().rev() {
                wanted.push((What::Route(r), route::del(r, tools.index)));
            }
        }
        for (n, a) in addresses(instance).enumerate() {
            let Some(index) = (tools.place)(id, a) else { continue };
            // What was held is taken away whatever we believe: news of it may still be under way.
            if !left.contains(&n) && (held || tools.links.has(index, a.ip).is_some()) {
                wanted.push((What::Address(a), Some(address::unset(a, index))));
            }
        }
        // An interface that went took its routes along.
        let mut failures = carry_out(tools, wanted, &[NO_ADDRESS, NO_DEVICE, NO_ROUTE, NO_ENTRY]);
        if leased {
            remove_prefixes(tools, id, instance);
        }
        failures.retain(|f| !(f.what.starts_with("route") && f.errno == NO_DEVICE));
        failures
    }
}

/// The kernel leaves the route to the prefix of an IPv6 address that has a lifetime to its expiry, even when the address is
/// deleted: it goes too, unless another address needs it.
fn remove_prefixes(tools: &mut Tools<'_>, id: InstanceId, instance: &InstancePlan) {
    let mut messages = Vec::new();
    for a in addresses(instance).filter(|a| a.ip.is_ipv6() && a.flags & address::NO_PREFIX_ROUTE == 0) {
        let Some(index) = (tools.place)(id, a) else { continue };
        let same = |b: &rt::Address| {
            b.prefix == a.prefix && address::network(b.ip, b.prefix) == address::network(a.ip, a.prefix)
        };
        let ours = |ip: IpAddr| addresses(instance).any(|own| own.ip == ip);
        if !tools.links.addresses(index).iter().any(|b| same(b) && !ours(b.ip)) {
            messages.push(route::del_prefix(a.ip, a.prefix, index));
        }
    }
    // Where there is none, none has to go.
    let _ = tools.rtnl.carry_out(messages);
}

/// Which addresses of an owner (priority 255) are there, and were not set by us: they are the interface's own.
fn owner_had(tools: &Tools<'_>, id: InstanceId) -> BTreeSet<usize> {
    let n = id.0 as usize;
    let (Some(conf), Some(instance)) = (tools.plan.node.instances.get(n), tools.plan.instances.get(n)) else {
        return BTreeSet::new();
    };
    if !conf.priority.is_owner() {
        return BTreeSet::new();
    }
    let there = |a: &Address| {
        let index = (tools.place)(id, a)?;
        let found = tools.links.has(index, a.ip)?;
        (found.valid_s.is_none() && found.protocol != address::OURS).then_some(())
    };
    addresses(instance).enumerate().filter(|(_, a)| there(a).is_some()).map(|(n, _)| n).collect()
}

fn carry_out(tools: &mut Tools<'_>, wanted: Vec<(What<'_>, Option<Message>)>, fine: &[i32]) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut messages = Vec::new();
    let mut whats = Vec::new();
    for (what, message) in wanted {
        match message {
            Some(message) => {
                messages.push(message);
                whats.push(what);
            }
            None if fine.contains(&NO_DEVICE) => {}
            None => failures.push(what.failure(tools, NO_DEVICE)),
        }
    }
    for (what, outcome) in whats.iter().zip(tools.rtnl.carry_out(messages)) {
        if let Err(errno) = outcome
            && !fine.contains(&errno)
        {
            failures.push(what.failure(tools, errno));
        }
    }
    failures
}
