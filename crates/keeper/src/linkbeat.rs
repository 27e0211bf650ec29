//! Interfaces whose carrier is polled (`linkbeat_interfaces`, `linkbeat_use_polling`), for drivers that tell no changes.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::linkbeat::{Carrier, Way};
use evenkeel_vrrp::conf::InterfaceId;

/// How often, as the original does.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Polled {
    interface: InterfaceId,
    name: String,
    way: Option<Way>,
    down: bool,
}

/// All polled interfaces, by their numbers in the kernel.
#[derive(Debug, Default)]
pub(crate) struct Linkbeat {
    carrier: Option<Carrier>,
    polled: BTreeMap<u32, Polled>,
    look: Option<Instant>,
}

impl Linkbeat {
    /// Polls what the plan wants.
    pub(crate) fn set(
        &mut self,
        plan: &KeeperPlan,
        index: &dyn Fn(InterfaceId) -> Option<u32>,
        now: Instant,
    ) {
        let old = std::mem::take(&mut self.polled);
        let mut want = |interface: InterfaceId, way: Option<&str>| {
            let Some(index) = index(interface).filter(|i| *i != 0) else { return };
            let name = plan.node.interfaces.get(interface.0 as usize).cloned().unwrap_or_default();
            let down = old.get(&index).is_some_and(|p| p.down);
            let way = way.and_then(Way::named);
            self.polled.entry(index).or_insert(Polled { interface, name, way, down });
        };
        for (interface, way) in &plan.global.linkbeat {
            want(*interface, way.as_deref());
        }
        if plan.global.linkbeat_all {
            for n in 0..plan.node.interfaces.len() {
                want(InterfaceId(n as u32), None);
            }
        }
        for (conf, instance) in plan.node.instances.iter().zip(&plan.instances) {
            if instance.linkbeat_polling {
                want(conf.interface, None);
            }
        }
        if self.polled.is_empty() {
            self.carrier = None;
            self.look = None;
        } else {
            if self.carrier.is_none() {
                self.carrier = Carrier::open().ok();
            }
            self.look = Some(now);
        }
    }

    /// Whether polling says that there is no carrier.
    pub(crate) fn is_down(&self, index: u32) -> bool {
        self.polled.get(&index).is_some_and(|p| p.down)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.look
    }

    /// Looks; the interfaces that have changed.
    pub(crate) fn on_time(&mut self, now: Instant) -> Vec<InterfaceId> {
        if self.look.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.look = Some(now + LOOK_EVERY);
        let Some(carrier) = &self.carrier else { return Vec::new() };
        let mut changed = Vec::new();
        for polled in self.polled.values_mut() {
            // What cannot be asked is left to the kernel's news.
            let down = carrier.is_up(&polled.name, polled.way) == Some(false);
            if down != polled.down {
                polled.down = down;
                changed.push(polled.interface);
            }
        }
        changed
    }
}
