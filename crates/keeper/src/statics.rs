//! `static_ipaddress`, `static_routes`, `static_rules`: set at the start, kept while we run, taken away at the end.

use evenkeel_plan::keeper::{Address, KeeperPlan, Route, Rule};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId};
use evenkeel_wire::netlink::Message;

use crate::net::rtnl::{EXISTS, Rtnl, words};
use crate::net::{address, route, rule};

/// What is set, as requests that take it away, by the words that tell it from others.
#[derive(Debug, Default)]
pub(crate) struct Statics {
    set: Vec<(String, Message)>,
}

/// What could not be set: the words, and who tracks it.
pub(crate) type Failed = (String, Vec<InstanceId>);

struct One<'a> {
    key: String,
    set: Option<Message>,
    unset: Option<Message>,
    trackers: &'a [InstanceId],
}

impl Statics {
    /// Sets what the plan has (again), and takes away what it does not have any more.
    pub(crate) fn set(
        &mut self,
        plan: &KeeperPlan,
        rtnl: &mut Rtnl,
        index: &dyn Fn(InterfaceId) -> Option<u32>,
    ) -> Vec<Failed> {
        let all = all(plan, index);
        let (keep, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.set).into_iter().partition(|(key, _)| all.iter().any(|o| o.key == *key));
        // What is gone already needs no word.
        let _ = rtnl.carry_out(gone.into_iter().map(|(_, unset)| unset).collect());
        self.set = keep;
        let mut failed = Vec::new();
        for one in all {
            let outcome = match one.set {
                Some(message) => rtnl.one(message),
                None => Err(crate::net::rtnl::NO_DEVICE),
            };
            match outcome {
                Ok(()) | Err(EXISTS) => {
                    if let Some(unset) = one.unset
                        && !self.set.iter().any(|(key, _)| *key == one.key)
                    {
                        self.set.push((one.key, unset));
                    }
                }
                Err(errno) => failed.push((format!("{}: {}", one.key, words(errno)), one.trackers.to_vec())),
            }
        }
        failed
    }

    /// Takes everything away.
    pub(crate) fn clear(&mut self, rtnl: &mut Rtnl) {
        let all = std::mem::take(&mut self.set);
        let _ = rtnl.carry_out(all.into_iter().rev().map(|(_, unset)| unset).collect());
    }
}

fn all<'a>(plan: &'a KeeperPlan, index: &dyn Fn(InterfaceId) -> Option<u32>) -> Vec<One<'a>> {
    let addresses = plan.static_addresses.iter().map(|(a, trackers)| {
        let at = index(a.interface);
        One {
            key: address_key(plan, a),
            set: at.map(|i| address::set(a, i, None)),
            unset: at.map(|i| address::unset(a, i)),
            trackers,
        }
    });
    let routes = plan.static_routes.iter().map(|(r, trackers)| One {
        key: route_key(r),
        set: route::add(r, index),
        unset: route::del(r, index),
        trackers,
    });
    let rules = plan.static_rules.iter().map(|(r, trackers)| One {
        key: rule_key(r),
        set: Some(rule::add(r)),
        unset: Some(rule::del(r)),
        trackers,
    });
    addresses.chain(routes).chain(rules).collect()
}

fn address_key(plan: &KeeperPlan, a: &Address) -> String {
    format!("address {}/{} on {}", a.ip, a.prefix, crate::holdings::interface_name(plan, a.interface))
}

fn route_key(r: &Route) -> String {
    format!("route {}", r.text)
}

fn rule_key(r: &Rule) -> String {
    format!("rule {}", r.text)
}
