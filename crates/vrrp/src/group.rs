//! What instances have in common: faults and priorities out of tracks and interfaces, and sync groups, whose members
//! change state together. An instance without a group is a unit of one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evenkeel_base::time::Instant;

use crate::codec;
use crate::conf::{Destination, GroupConf, GroupId, InstanceId};
use crate::event::{Because, Entered, Fault, Name, What, Whom};
use crate::instance::Turn;
use crate::node::Node;
use crate::output::{Became, Notice, Output, Subject};
use crate::state::StateKind;
use crate::track::Worth;

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) conf: GroupConf,
    pub(crate) name: Name,
    /// What was told last.
    pub(crate) told: Option<Entered>,
}

impl Group {
    pub(crate) fn new(conf: GroupConf) -> Self {
        Self { name: conf.name.as_str().into(), conf, told: None }
    }
}

/// Instances that change state together.
struct Unit {
    members: Vec<InstanceId>,
    group: Option<GroupId>,
}

/// What an instance's surroundings say.
struct Circumstances {
    faults: Vec<Fault>,
    pending: bool,
    weights: i32,
    source: Option<IpAddr>,
}

impl Node {
    /// Looks anew at what instances depend on, and draws the conclusions.
    pub(crate) fn reconsider(&mut self, ids: impl IntoIterator<Item = InstanceId>, now: Instant) {
        if self.phase != crate::node::Phase::Running {
            return;
        }
        let mut units = Vec::new();
        let mut groups = BTreeSet::new();
        for id in ids {
            let Some(circumstances) = self.circumstances(id) else { continue };
            self.with(id, now, |instance, cx| {
                instance.faults = circumstances.faults;
                instance.pending = circumstances.pending;
                instance.weights = circumstances.weights;
                if circumstances.source.is_some() || !instance.faults.is_empty() {
                    // The last source serves for the farewell of who loses it.
                    instance.source = circumstances.source.or(instance.source);
                }
                instance.set_priority(cx);
            });
            match self.instances.get(id.0 as usize).and_then(|instance| instance.conf.group) {
                Some(group) if groups.insert(group) => units.push(self.unit(group)),
                Some(_) => {}
                None => units.push(Unit { members: vec![id], group: None }),
            }
        }
        for unit in units {
            self.settle(&unit, now);
        }
    }

    fn unit(&self, group: GroupId) -> Unit {
        let members = self.groups.get(group.0 as usize).map(|group| group.conf.members.clone());
        Unit { members: members.unwrap_or_default(), group: Some(group) }
    }

    fn unit_of(&self, id: InstanceId) -> Unit {
        match self.instances.get(id.0 as usize).and_then(|instance| instance.conf.group) {
            Some(group) => self.unit(group),
            None => Unit { members: vec![id], group: None },
        }
    }

    fn circumstances(&self, id: InstanceId) -> Option<Circumstances> {
        let instance = self.instances.get(id.0 as usize)?;
        let conf = &instance.conf;
        let link = self.links.get(conf.interface.0 as usize)?;
        let mut faults = Vec::new();
        let mut source = conf.source;
        if !link.known {
            // New in the file: the system will say in a moment.
        } else if !link.exists {
            faults.push(Fault::NoInterface(link.name.clone()));
        } else {
            if !link.running && !conf.dont_track_primary {
                faults.push(Fault::LinkDown(link.name.clone()));
            }
            match conf.source {
                Some(wanted) if conf.track_source && !link.addresses.contains(&wanted) => {
                    source = None;
                    faults.push(Fault::NoSource(wanted));
                }
                Some(_) => {}
                None => {
                    let is_virtual = |address: &IpAddr| self.maps.virtuals.contains_key(address);
                    source = link.first(conf.family, is_virtual);
                    if source.is_none() && instance.base() == u8::MAX {
                        // The owner's addresses are the interface's own (RFC 9568 §1.7).
                        source = link.first(conf.family, |_| false);
                    }
                    if source.is_none() {
                        faults.push(Fault::NoAddress(link.name.clone(), conf.family));
                    }
                }
            }
            let len = codec::packet_len(conf);
            if link.mtu > 0 && len > link.mtu {
                faults.push(Fault::TooLong(len));
            }
        }
        if conf.destination == Destination::NoPeer {
            faults.push(Fault::NoPeer);
        }
        let (mut pending, mut weights) = (!link.known, 0_i32);
        for by in self.maps.uses.get(id.0 as usize)? {
            let Some(track) = self.tracks.get(by.track.0 as usize) else { continue };
            match track.worth(by) {
                Worth::Weight(weight) => weights = weights.saturating_add(weight),
                Worth::Fault => faults.push(Fault::Track(track.name.clone())),
                Worth::Pending => pending = true,
            }
        }
        Some(Circumstances { faults, pending, weights, source })
    }

    /// Brings a unit where its faults want it: all to FAULT, or out of it.
    fn settle(&mut self, unit: &Unit, now: Instant) {
        let instances = |node: &Node, what: fn(&crate::instance::Instance) -> bool| -> Option<InstanceId> {
            unit.members.iter().copied().find(|id| node.instances.get(id.0 as usize).is_some_and(what))
        };
        if let Some(faulty) = instances(self, |instance| !instance.faults.is_empty()) {
            self.fault(unit, faulty, now);
            return;
        }
        if instances(self, |instance| instance.pending).is_some() {
            for id in &unit.members {
                self.with(*id, now, |instance, _| instance.waited = true);
            }
            return;
        }
        let waiting: Vec<InstanceId> = unit
            .members
            .iter()
            .copied()
            .filter(|id| {
                let kind = self.instances.get(id.0 as usize).map(|instance| instance.kind());
                matches!(kind, Some(StateKind::Init | StateKind::Fault))
            })
            .collect();
        let Some(first) = waiting.first().copied() else { return };
        self.each(unit, first, waiting, Entered::Backup, |node, id| {
            node.with(id, now, |instance, cx| {
                let fresh = instance.kind() == StateKind::Init && !instance.waited;
                instance.listen(cx, if fresh { Because::Start } else { Because::Recovered });
            });
        });
    }

    /// A reload may make a group of masters and backups. Where nobody else is master of the backups, they become masters,
    /// too; where one speaks, the group is backup as a whole, and the other's takes over at once.
    fn unite(&mut self, unit: &Unit, now: Instant) {
        let masters = self.masters_of(unit);
        let Some(first) = masters.first().copied().filter(|_| masters.len() < unit.members.len()) else {
            return;
        };
        let backup = unit.members.iter().find(|id| !masters.contains(id)).map_or(first, |id| *id);
        let name = self.name(backup);
        self.each(unit, backup, masters, Entered::Backup, |node, id| {
            let because = Because::Group(name.clone());
            node.with(id, now, |instance, cx| instance.step_down(cx, because, true));
        });
    }

    fn masters_of(&self, unit: &Unit) -> Vec<InstanceId> {
        let is_master = |id: &InstanceId| self.instances.get(id.0 as usize).is_some_and(|i| i.is_master());
        unit.members.iter().copied().filter(is_master).collect()
    }

    fn fault(&mut self, unit: &Unit, faulty: InstanceId, now: Instant) {
        let well: Vec<InstanceId> = unit
            .members
            .iter()
            .copied()
            .filter(|id| self.instances.get(id.0 as usize).is_some_and(|i| i.kind() != StateKind::Fault))
            .collect();
        if well.is_empty() {
            return;
        }
        let name = self.name(faulty);
        self.each(unit, faulty, well, Entered::Fault, |node, id| {
            let own = node.instances.get(id.0 as usize).and_then(|instance| instance.faults.first().cloned());
            let fault = own.unwrap_or_else(|| Fault::Member(name.clone()));
            node.with(id, now, |instance, cx| instance.enter_fault(cx, fault));
        });
    }

    /// Moves `those` of a unit, `first` before the others, and tells of the group.
    fn each(
        &mut self,
        unit: &Unit,
        first: InstanceId,
        those: Vec<InstanceId>,
        to: Entered,
        mut act: impl FnMut(&mut Node, InstanceId),
    ) {
        let mut said = false;
        let others = those.iter().copied().filter(|id| *id != first);
        let ordered: Vec<InstanceId> =
            those.iter().copied().filter(|id| *id == first).chain(others).collect();
        for (n, id) in ordered.iter().enumerate() {
            let follows = *id != first || n > 0;
            if follows && !said {
                said = true;
                self.log_group(unit, to);
            }
            act(self, *id);
        }
        self.tell_group(unit, to);
    }

    fn log_group(&mut self, unit: &Unit, to: Entered) {
        let group = unit.group.and_then(|id| self.groups.get(id.0 as usize));
        if let Some(name) = group.map(|group| group.name.clone()) {
            self.log(Whom::Group(name), What::GroupSync(to));
        }
    }

    fn tell_group(&mut self, unit: &Unit, to: Entered) {
        let Some(id) = unit.group else { return };
        let Some(group) = self.groups.get_mut(id.0 as usize) else { return };
        if group.told == Some(to) {
            return;
        }
        group.told = Some(to);
        let became = match to {
            Entered::Master => Became::Master,
            Entered::Backup => Became::Backup,
            Entered::Fault => Became::Fault,
        };
        // As the original does: a group has no priority.
        self.out.push_back(Output::Notify(Notice { subject: Subject::Group(id), became, priority: 0 }));
    }

    /// An instance's down timer ran out. With others in its group it waits until theirs did, too.
    pub(crate) fn down(&mut self, id: InstanceId, now: Instant) {
        let mut because = None;
        self.with(id, now, |instance, cx| because = instance.expired(cx));
        let Some(because) = because else { return };
        let unit = self.unit_of(id);
        let ready = |id: &InstanceId| self.instances.get(id.0 as usize).is_some_and(|i| i.is_ready());
        if !unit.members.iter().all(ready) {
            return;
        }
        let those: Vec<InstanceId> = unit
            .members
            .iter()
            .copied()
            .filter(|id| self.instances.get(id.0 as usize).is_some_and(|i| !i.is_master()))
            .collect();
        let name = self.name(id);
        self.each(&unit, id, those, Entered::Master, |node, member| {
            let because = if member == id { because.clone() } else { Because::Group(name.clone()) };
            node.with(member, now, |instance, cx| instance.become_master(cx, because));
        });
    }

    /// What one did, the group's others do.
    pub(crate) fn follow_turn(&mut self, id: InstanceId, turn: Turn, now: Instant) {
        match turn {
            Turn::Stay => {}
            Turn::Followed => {
                // Only a group that a reload changed can have masters here now.
                let unit = self.unit_of(id);
                if unit.group.is_some() {
                    self.unite(&unit, now);
                }
            }
            Turn::Yielded => {
                let name = self.name(id);
                self.followers(id, Entered::Backup, |node, member| {
                    let because = Because::Group(name.clone());
                    node.with(member, now, |instance, cx| instance.step_down(cx, because, false));
                });
            }
            Turn::Asserted => {
                let unit = self.unit_of(id);
                for member in unit.members.into_iter().filter(|member| *member != id) {
                    self.with(member, now, |instance, cx| {
                        if instance.is_master() {
                            instance.announce_lower(cx);
                        }
                    });
                }
            }
        }
    }

    /// The masters of a group, but for one that moved already.
    fn followers(&mut self, moved: InstanceId, to: Entered, act: impl FnMut(&mut Node, InstanceId)) {
        let unit = self.unit_of(moved);
        let those = self.masters_of(&unit).into_iter().filter(|id| *id != moved).collect();
        self.each(&unit, moved, those, to, act);
    }

    /// An instance's addresses are gone.
    pub(crate) fn lost(&mut self, id: InstanceId, now: Instant) {
        let master = self.instances.get(id.0 as usize).is_some_and(|instance| instance.is_master());
        self.with(id, now, |instance, cx| instance.lost(cx));
        if master {
            let name = self.name(id);
            self.followers(id, Entered::Backup, |node, member| {
                let because = Because::Group(name.clone());
                node.with(member, now, |instance, cx| instance.step_down(cx, because, true));
            });
        }
    }
}

impl crate::instance::Instance {
    /// Whether a packet's sender is one of its unicast peers.
    pub(crate) fn has_peer(&self, source: IpAddr) -> bool {
        match &self.conf.destination {
            Destination::Unicast(peers) => peers.iter().any(|peer| peer.address == source),
            Destination::Multicast(_) | Destination::NoPeer => false,
        }
    }
}
