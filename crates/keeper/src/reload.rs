//! A new plan comes into force: what both have stays untouched, what only the old one had goes, what is new comes.

use std::collections::BTreeMap;

use evenkeel_base::{Instant, Span};
use evenkeel_plan::keeper::{Address, KeeperPlan, Route, Rule};
use evenkeel_vrrp::conf::{Family, InstanceId};
use evenkeel_wire::netlink::Message;

use crate::deeds;
use crate::hands::Hands;
use crate::holdings::{self, Holding};
use crate::net::{address, route, rule};

/// What makes an instance the same virtual router.
type Identity = (String, Family, u8);

fn identity(plan: &KeeperPlan, n: usize) -> Option<Identity> {
    let conf = plan.node.instances.get(n)?;
    let name = plan.node.interfaces.get(conf.interface.0 as usize)?;
    Some((name.clone(), conf.family, conf.vrid.get()))
}

/// Puts `next` in the place of `plan`.
pub(crate) fn swap(hands: &mut Hands, plan: &mut KeeperPlan, next: KeeperPlan, now: Instant) {
    let before = held(hands, plan);
    let old_holdings = std::mem::take(&mut hands.holdings);
    let matched = match_instances(plan, &next);
    let mut kept: BTreeMap<usize, Holding> = old_holdings.into_iter().enumerate().collect();
    hands.holdings = (0..next.instances.len())
        .map(|n| matched.get(&n).and_then(|old| kept.remove(old)).unwrap_or_default())
        .collect();
    for holding in &mut hands.holdings {
        holding.restored = 0;
    }
    *plan = next;
    hands.prepare(plan);
    hands.notifier.configure(plan);
    let after = held(hands, plan);
    let gone: Vec<Message> =
        before.into_iter().filter(|(key, _)| !after.contains_key(key)).map(|(_, unset)| unset).collect();
    // What somebody else took away already needs no word.
    let _ = hands.rtnl.carry_out(gone);
    for n in 0..plan.instances.len() {
        let id = InstanceId(n as u32);
        if !hands.is_held(id) {
            continue;
        }
        let lease = plan.node.instances.get(n).and_then(|i| i.lease).map(|l| l.lifetime);
        for failure in deeds::with(hands, plan, id, |h, tools| h.take(tools, id, lease)) {
            hands.log(crate::control::LogLevel::Warning, &format!("cannot set {failure}"));
        }
    }
    hands.announcer.on_time(now);
}

/// New instance to old one: those of the same name first.
fn match_instances(old: &KeeperPlan, new: &KeeperPlan) -> BTreeMap<usize, usize> {
    let mut free: Vec<usize> = (0..old.node.instances.len()).collect();
    let mut matched = BTreeMap::new();
    for by_name in [true, false] {
        for (n, conf) in new.node.instances.iter().enumerate() {
            if matched.contains_key(&n) {
                continue;
            }
            let wanted = identity(new, n);
            let at = free.iter().position(|o| {
                let name = old.node.instances.get(*o).map(|i| &i.name);
                identity(old, *o) == wanted && (!by_name || name == Some(&conf.name))
            });
            if let Some(at) = at {
                matched.insert(n, free.swap_remove(at));
            }
        }
    }
    matched
}

/// Everything that is held now: the words that tell it from others, and how it is taken away. Rules and routes come before
/// addresses in the order of their keys' first letters: `0` rules, `1` routes, `2` addresses.
fn held(hands: &Hands, plan: &KeeperPlan) -> BTreeMap<String, Message> {
    let mut all = BTreeMap::new();
    let index = |i: evenkeel_vrrp::conf::InterfaceId| hands.index(i);
    for (n, (instance, holding)) in plan.instances.iter().zip(&hands.holdings).enumerate() {
        if !holding.held {
            continue;
        }
        for (at, a) in holdings::addresses(instance).enumerate() {
            if holding.leaves(at) {
                continue;
            }
            if let Some(place) = hands.place(plan, InstanceId(n as u32), a) {
                let plain =
                    Address { span: nowhere(), interface: evenkeel_vrrp::conf::InterfaceId(0), ..a.clone() };
                all.insert(format!("2 {place} {plain:?}"), address::unset(a, place));
            }
        }
        for r in &instance.routes {
            if let Some(unset) = route::del(r, &index) {
                // Interfaces have other numbers in another plan: the request itself has the kernel's.
                let plain = Route { span: nowhere(), hops: Vec::new(), text: String::new(), ..r.clone() };
                all.insert(format!("1 {plain:?} {unset:?}"), unset);
            }
        }
        for r in &instance.rules {
            let plain = Rule { span: nowhere(), text: String::new(), ..r.clone() };
            all.insert(format!("0 {plain:?}"), rule::del(r));
        }
    }
    all
}

fn nowhere() -> Span {
    Span::default()
}
