//! What the MIBs are made of.

use std::collections::BTreeMap;

use evenkeel_base::time::Instant;
use evenkeel_plan::keeper::{InstancePlan, KeeperPlan, ScriptPlan};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId, TrackId};
use evenkeel_vrrp::view::InstanceView;
use evenkeel_vrrp::{Node, StateKind};

use crate::{InterfaceLook, Look};

/// A keeper between two events.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The brain.
    pub node: &'a Node,
    /// What it runs.
    pub plan: &'a KeeperPlan,
    /// The interfaces, by [`InterfaceId`].
    pub interfaces: Vec<InterfaceLook>,
    /// Whose addresses, routes and rules are set now, by [`InstanceId`].
    pub held: Vec<bool>,
    /// How many processes there are of each tracked kind.
    pub processes: BTreeMap<TrackId, usize>,
    /// The monotonic clock.
    pub now: Instant,
    /// When the subagent began: SNMP's uptime counts from there.
    pub started: Instant,
}

impl<'a> Facts<'a> {
    /// All of them.
    pub fn of(look: &Look<'a>, started: Instant) -> Self {
        let ids = (0..look.plan.instances.len()).map(|n| InstanceId(n as u32));
        Self {
            node: look.node,
            plan: look.plan,
            interfaces: look.hands.interfaces(look.plan),
            held: ids.map(|id| look.hands.is_held(id)).collect(),
            processes: look.hands.processes().0,
            now: look.now,
            started,
        }
    }

    /// Each instance with what the hands do for it.
    pub(super) fn instances(&self) -> impl Iterator<Item = (InstanceView<'a>, &'a InstancePlan)> {
        self.node.view().instances().zip(&self.plan.instances)
    }

    pub(super) fn interface(&self, id: InterfaceId) -> Option<&InterfaceLook> {
        self.interfaces.get(id.0 as usize)
    }

    /// The kernel's number of an interface; 0: it is not there.
    pub(super) fn interface_index(&self, id: InterfaceId) -> u32 {
        self.interface(id).and_then(|interface| interface.index).unwrap_or(0)
    }

    pub(super) fn is_held(&self, id: InstanceId) -> bool {
        self.held.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// Hundredths of a second from the subagent's start to a moment.
    pub(super) fn ticks(&self, at: Instant) -> u32 {
        // TimeTicks run over by themselves.
        (at.since(self.started).as_millis() / 10) as u32
    }
}

/// VrrpState of KEEPALIVED-MIB.
pub(super) fn state(kind: StateKind) -> i64 {
    match kind {
        StateKind::Init => 0,
        StateKind::Backup => 1,
        StateKind::Master => 2,
        StateKind::Fault => 3,
    }
}

/// A script as the original tells it: each word in quotes.
pub(super) fn script(script: &ScriptPlan) -> String {
    let words: Vec<String> = script.args.iter().map(|word| format!("'{word}'")).collect();
    words.join(" ")
}
