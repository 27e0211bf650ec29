//! What others want to know of a node: `evenkeel status` and `why`, the original's dumps, metrics, tests.

use std::net::IpAddr;

use evenkeel_base::time::{Duration, Instant};

use crate::conf::{GroupConf, InstanceConf, InstanceId, TrackConf, TrackId};
use crate::counters::Counters;
use crate::doubt::Standing;
use crate::event::{Entered, Fault};
use crate::instance::{Instance, Peer};
use crate::node::Node;
use crate::recorder::Entry;
use crate::state::{State, StateKind};
use crate::timers::Timer;
use crate::track::{Health, Worth};

/// A node as others see it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    node: &'a Node,
}

/// An instance as others see it.
#[derive(Clone, Copy, Debug)]
pub struct InstanceView<'a> {
    node: &'a Node,
    instance: &'a Instance,
}

/// A sync group as others see it.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    /// Its configuration.
    pub conf: &'a GroupConf,
    /// The state that it was told to be in last.
    pub state: Option<Entered>,
}

/// A tracked thing as others see it.
#[derive(Clone, Copy, Debug)]
pub struct TrackView<'a> {
    /// Its number.
    pub id: TrackId,
    /// Its configuration.
    pub conf: &'a TrackConf,
    /// How it is.
    pub health: Health,
    /// A file's value.
    pub value: i64,
    /// A script runs.
    pub running: bool,
    /// Who depends on it.
    pub users: &'a [InstanceId],
}

/// A priority with its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityView<'a> {
    /// The file's, or the operator's.
    pub base: u8,
    /// The operator's, if one is set.
    pub operator: Option<u8>,
    /// What each track adds or takes, without zeros.
    pub parts: Vec<(&'a str, i32)>,
    /// The sum, unbounded.
    pub total: i32,
    /// What adverts carry.
    pub effective: u8,
}

impl<'a> View<'a> {
    pub(crate) fn new(node: &'a Node) -> Self {
        Self { node }
    }

    /// All instances, in the file's order.
    pub fn instances(self) -> impl ExactSizeIterator<Item = InstanceView<'a>> {
        let node = self.node;
        node.instances.iter().map(move |instance| InstanceView { node, instance })
    }

    /// One of them.
    pub fn instance(self, id: InstanceId) -> Option<InstanceView<'a>> {
        let instance = self.node.instances.get(id.0 as usize)?;
        Some(InstanceView { node: self.node, instance })
    }

    /// All groups, in the file's order.
    pub fn groups(self) -> impl ExactSizeIterator<Item = GroupView<'a>> {
        self.node.groups.iter().map(|group| GroupView { conf: &group.conf, state: group.told })
    }

    /// All tracked things, in the file's order.
    pub fn tracks(self) -> impl ExactSizeIterator<Item = TrackView<'a>> {
        self.node.tracks.iter().enumerate().map(|(n, track)| TrackView {
            id: TrackId(n as u32),
            conf: &track.conf,
            health: track.health,
            value: track.value,
            running: track.runs.running,
            users: &track.users,
        })
    }
}

impl<'a> InstanceView<'a> {
    /// Its number.
    pub fn id(self) -> InstanceId {
        self.instance.id
    }

    /// Its name.
    pub fn name(self) -> &'a str {
        &self.instance.name
    }

    /// Its configuration.
    pub fn conf(self) -> &'a InstanceConf {
        &self.instance.conf
    }

    /// The state.
    pub fn state(self) -> StateKind {
        self.instance.kind()
    }

    /// Since when.
    pub fn since(self) -> Instant {
        self.instance.since
    }

    /// The priority that adverts carry.
    pub fn effective(self) -> u8 {
        self.instance.effective
    }

    /// The priority with its parts.
    pub fn priority(self) -> PriorityView<'a> {
        let uses = self.node.maps.uses.get(self.instance.id.0 as usize);
        let parts = uses
            .into_iter()
            .flatten()
            .filter_map(|by| {
                let track = self.node.tracks.get(by.track.0 as usize)?;
                match track.worth(by) {
                    Worth::Weight(weight) if weight != 0 => Some((&*track.name, weight)),
                    Worth::Weight(_) | Worth::Fault | Worth::Pending => None,
                }
            })
            .collect();
        let base = self.instance.base();
        PriorityView {
            base,
            operator: self.instance.operator,
            parts,
            total: i32::from(base).saturating_add(self.instance.weights),
            effective: self.instance.effective,
        }
    }

    /// What keeps it from working: its own, then the group's.
    pub fn faults(self) -> &'a [Fault] {
        &self.instance.faults
    }

    /// True while it waits for a script's first answer.
    pub fn is_pending(self) -> bool {
        self.instance.pending
    }

    /// Who was heard last.
    pub fn peer(self) -> Option<Peer> {
        self.instance.peer
    }

    /// Who is master, as far as it knows.
    pub fn master(self) -> Option<IpAddr> {
        match &self.instance.state {
            State::Master(_) => self.instance.source,
            State::Backup(_) => self.instance.peer.filter(|peer| peer.priority != 0).map(|peer| peer.address),
            State::Init | State::Fault => None,
        }
    }

    /// Where its adverts come from.
    pub fn source(self) -> Option<IpAddr> {
        self.instance.source
    }

    /// The interval that is counted with: in version 3 the master's.
    pub fn interval(self) -> Duration {
        self.instance.interval
    }

    /// The skew that is counted with.
    pub fn skew(self) -> Duration {
        self.instance.skew()
    }

    /// The whole down interval.
    pub fn down_interval(self) -> Duration {
        self.instance.down()
    }

    /// When a backup takes over if nobody speaks.
    pub fn down_at(self) -> Option<Instant> {
        self.node.timers.get(Timer::Down(self.instance.id))
    }

    /// When a master speaks next.
    pub fn advert_at(self) -> Option<Instant> {
        self.node.timers.get(Timer::Advert(self.instance.id))
    }

    /// What is wrong with the election.
    pub fn doubts(self) -> impl Iterator<Item = &'a Standing> {
        self.instance.doubts.told()
    }

    /// What was counted.
    pub fn counters(self) -> &'a Counters {
        &self.instance.counters
    }

    /// Why it is in its state: what happened since the transition before the last one, oldest first.
    pub fn why(self) -> impl Iterator<Item = &'a Entry> {
        let entries: Vec<&Entry> = self.recorder().collect();
        let mut transitions = entries.iter().enumerate().rev().filter(|(_, entry)| entry.is_transition());
        let last = transitions.next().map(|(n, _)| n);
        let before = transitions.next().map_or(0, |(n, previous)| {
            let aftermath = |entry: &&&Entry| entry.at == previous.at && !entry.is_transition();
            n + 1 + entries[n + 1..].iter().take_while(aftermath).count()
        });
        // What follows a transition belongs to the next one, but for the same moment.
        let end = last.map_or(entries.len(), |last| {
            let at = entries[last].at;
            last + entries[last..].iter().take_while(|entry| entry.at == at).count()
        });
        entries.into_iter().take(end).skip(before)
    }

    /// The flight recorder, oldest first.
    pub fn recorder(self) -> impl DoubleEndedIterator<Item = &'a Entry> + ExactSizeIterator {
        self.instance.recorder.entries()
    }
}
