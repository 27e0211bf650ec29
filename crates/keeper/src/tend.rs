//! What the hands look after beside the brain's wishes: the start and the end, interfaces that come and go, things that
//! somebody took away, times of their own.

use std::collections::BTreeSet;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::{KeeperPlan, ScriptPlan};
use evenkeel_sys::clock;
use evenkeel_vrrp::conf::{InstanceId, InterfaceId};
use evenkeel_vrrp::{Input, Node, ScriptOutcome};
use evenkeel_wire::netlink::rt::{self, News};

use crate::control::LogLevel;
use crate::hands::Hands;
use crate::holdings;
use crate::net::{route, rule};

impl Hands {
    /// Makes what must be there before the brain starts: interfaces of our own, settings, static things, sockets.
    pub(crate) fn prepare(&mut self, plan: &KeeperPlan) {
        if plan.global.firewall.disable_local_igmp {
            // Linux 4.3.
            let _ = self.sysctls.set("net/ipv4/igmp_link_local_mcast_reports", "0");
        }
        self.relink(plan);
        for (n, instance) in plan.instances.iter().enumerate().filter(|(_, i)| i.promote_secondaries) {
            let indexes: BTreeSet<u32> = holdings::addresses(instance)
                .filter_map(|a| self.place(plan, InstanceId(n as u32), a))
                .collect();
            for index in indexes {
                let Some(name) = self.links.by_index(index).map(|l| l.name.clone()) else { continue };
                let key = format!("net/ipv4/conf/{name}/promote_secondaries");
                if let Err(e) = self.sysctls.set(&key, "1") {
                    self.log(LogLevel::Warning, &format!("cannot set {key}: {e}"));
                }
            }
        }
        let links = &self.links;
        let name = |index: u32| links.by_index(index).map(|l| l.name.clone());
        for spawn in self.firewall.change(plan, &self.vmacs, &name) {
            self.notifier.run_firewall(spawn);
        }
    }

    /// Interfaces came or went, or the plan is new: everything that hangs on their numbers.
    pub(crate) fn relink(&mut self, plan: &KeeperPlan) {
        if self.vmacs.concern(plan) {
            let log = self.options.log.clone();
            if self.vmacs.set(plan, &mut self.rtnl, &self.links, &mut self.sysctls, &log) {
                match crate::net::links::Links::load(&mut self.rtnl) {
                    Ok(links) => self.links = links,
                    Err(e) => self.log(LogLevel::Error, &format!("cannot read the interfaces: {e}")),
                }
            }
        }
        self.settle(plan);
        let indexes = self.indexes.clone();
        let index = |i: InterfaceId| indexes.get(i.0 as usize).copied().flatten();
        self.beats.set(plan, &index, clock::now());
        for (what, _) in self.statics.set(plan, &mut self.rtnl, &index) {
            self.log(LogLevel::Warning, &format!("cannot set static {what}"));
        }
    }

    /// Static things may be gone: set again; who tracks what cannot be, loses it.
    pub(crate) fn restore_statics(&mut self, plan: &KeeperPlan, node: &mut Node, now: Instant) {
        let indexes = self.indexes.clone();
        let index = |i: InterfaceId| indexes.get(i.0 as usize).copied().flatten();
        for (what, trackers) in self.statics.set(plan, &mut self.rtnl, &index) {
            self.log(LogLevel::Warning, &format!("cannot set static {what}"));
            for id in trackers {
                node.handle(Input::Lost(id), now);
            }
        }
    }

    /// What the brain must know before it starts, and after each reload.
    pub(crate) fn first_facts(&mut self, plan: &KeeperPlan, node: &mut Node, now: Instant) {
        self.files.set(&self.poller, plan, node, now);
        self.processes.set(&self.poller, plan, node, now);
        let (seed, log) = (self.options.seed, self.options.log.clone());
        self.bfd.set(&self.poller, plan, node, seed, &log, now);
        self.extra = plan
            .instances
            .iter()
            .enumerate()
            .filter_map(|(n, i)| Some((InstanceId(n as u32), now + i.garp_extra?.0)))
            .collect();
    }

    /// When something is due that the brain does not know of.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let extra = self.extra.values().min().copied();
        let own = [self.announcer.deadline(), self.files.deadline(), self.processes.deadline()];
        own.into_iter().chain([self.beats.deadline(), self.bfd.deadline(), extra]).flatten().min()
    }

    /// Does what is due.
    pub(crate) fn on_time(&mut self, plan: &KeeperPlan, node: &mut Node, now: Instant) {
        let log = self.options.log.clone();
        self.bfd.on_time(node, &log, now);
        self.files.on_time(node, now);
        self.processes.on_time(node, now);
        for interface in self.beats.on_time(now) {
            self.tell_interface(plan, node, interface, now);
        }
        let due: Vec<InstanceId> =
            self.extra.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        for id in due {
            let Some((every, _)) = plan.instances.get(id.0 as usize).and_then(|i| i.garp_extra) else {
                continue;
            };
            self.extra.insert(id, now + every.max(EXTRA_MIN));
            if self.is_held(id) {
                self.announce_extra(plan, id);
            }
        }
    }

    /// Whether a link is new, or has another name or place than we know: then numbers have to be found anew.
    pub(crate) fn is_new(&self, link: &rt::Link) -> bool {
        self.links
            .by_index(link.index)
            .is_none_or(|known| known.name != link.name || known.lower != link.lower)
    }

    /// Notes what may be gone.
    pub(crate) fn suspect(&mut self, plan: &KeeperPlan, news: &News) {
        match news {
            News::AddressGone(gone) => {
                for (n, (instance, holding)) in plan.instances.iter().zip(&self.holdings).enumerate() {
                    let id = InstanceId(n as u32);
                    let ours = |a: &evenkeel_plan::keeper::Address| {
                        a.ip == gone.ip && !a.no_track && self.place(plan, id, a) == Some(gone.index)
                    };
                    if holding.held && holdings::addresses(instance).any(ours) {
                        self.address_suspects.insert(id);
                    }
                }
                self.statics_suspect |= plan.static_addresses.iter().any(|(a, _)| a.ip == gone.ip);
            }
            News::RouteGone(gone) => {
                for (n, (instance, holding)) in plan.instances.iter().zip(&self.holdings).enumerate() {
                    if holding.held && instance.routes.iter().any(|r| !r.no_track && route::is(r, gone)) {
                        self.suspects.insert(InstanceId(n as u32));
                    }
                }
                self.statics_suspect |= plan.static_routes.iter().any(|(r, _)| route::is(r, gone));
            }
            News::RuleGone(gone) => {
                for (n, (instance, holding)) in plan.instances.iter().zip(&self.holdings).enumerate() {
                    if holding.held && instance.rules.iter().any(|r| !r.no_track && rule::is(r, gone)) {
                        self.suspects.insert(InstanceId(n as u32));
                    }
                }
                self.statics_suspect |= plan.static_rules.iter().any(|(r, _)| rule::is(r, gone));
            }
            News::Link(_) | News::LinkGone(_) | News::Address(_) | News::Route(_) | News::Rule(_) => {}
        }
    }

    /// Instances of whose addresses some are not there, though they should be.
    pub(crate) fn missing(&self, plan: &KeeperPlan) -> Vec<InstanceId> {
        let ids = 0..u32::try_from(plan.instances.len()).unwrap_or(u32::MAX);
        ids.map(InstanceId).filter(|id| self.misses(plan, *id)).collect()
    }

    /// Whether an address that an instance holds is not there.
    pub(crate) fn misses(&self, plan: &KeeperPlan, id: InstanceId) -> bool {
        let Some(instance) = plan.instances.get(id.0 as usize) else { return false };
        let gone = |a: &evenkeel_plan::keeper::Address| {
            self.place(plan, id, a).is_none_or(|index| self.links.has(index, a.ip).is_none())
        };
        self.is_held(id) && holdings::addresses(instance).any(|a| !a.no_track && gone(a))
    }

    /// Whether what is heard on an interface of the kernel concerns this one of the plan.
    pub(crate) fn hears_on(&self, interface: InterfaceId, index: u32) -> bool {
        self.index(interface).is_some_and(|own| own == index || self.vmacs.is_above(index, own))
    }

    pub(crate) fn log_global_script(&self, which: &str, script: &ScriptPlan, outcome: Option<ScriptOutcome>) {
        match outcome {
            Some(ScriptOutcome::Success) => {}
            Some(other) => {
                self.log(LogLevel::Warning, &format!("{which} script {} failed: {other:?}", script.text));
            }
            None => self.log(LogLevel::Warning, &format!("{which} script {} does not end", script.text)),
        }
    }

    /// Everything that is left is put back as it was.
    pub(crate) fn leave(&mut self, _plan: &KeeperPlan) {
        let log = self.options.log.clone();
        self.bfd.stop(&log, clock::now());
        if self.options.release_at_end {
            self.statics.clear(&mut self.rtnl);
            self.vmacs.clear(&mut self.rtnl);
        }
        self.sysctls.restore();
        for spawn in self.firewall.clear() {
            self.notifier.run_firewall(spawn);
        }
    }
}

/// `garp_extra_if` is in seconds; a faster one would be a storm.
const EXTRA_MIN: std::time::Duration = std::time::Duration::from_secs(1);
