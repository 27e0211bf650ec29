//! Deadlines: a heap with one live entry per timer. Setting a timer to a later time, which every advert does to a backup's
//! down timer, touches only its slot; the heap's entry moves when it comes to the top.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use evenkeel_base::time::Instant;

use crate::conf::{InstanceId, InterfaceId, TrackId};

/// Something must happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What.
    pub why: Timer,
}

/// What a deadline is for. At the same moment, adverts go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A master's next advert.
    Advert(InstanceId),
    /// A backup's master is silent too long.
    Down(InstanceId),
    /// A master's leased addresses are renewed.
    Lease(InstanceId),
    /// The second round of announcements after becoming master.
    Announce(InstanceId),
    /// The second round of announcements after a lower advert.
    AnnounceLower(InstanceId),
    /// The next round of announcements by `garp_master_refresh`.
    AnnounceAgain(InstanceId),
    /// What looked wrong is looked at again.
    Doubt(InstanceId),
    /// A script runs too long; before its next run, which may be due at the same moment.
    ScriptTimeout(TrackId),
    /// A script's next run.
    Script(TrackId),
    /// A process's state has lasted long enough to count.
    Settle(TrackId),
    /// An interface's state has lasted long enough to count.
    Link(InterfaceId),
}

const INSTANCE_KINDS: usize = 7;
const TRACK_KINDS: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// When it is due.
    due: Option<Instant>,
    /// The time of its entry in the heap, at or before `due`.
    queued: Option<Instant>,
}

/// All timers of a node.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    slots: Vec<Slot>,
    instances: usize,
    tracks: usize,
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    pub(crate) fn new(instances: usize, tracks: usize, interfaces: usize) -> Self {
        let slots = vec![Slot::default(); instances * INSTANCE_KINDS + tracks * TRACK_KINDS + interfaces];
        Self { slots, instances, tracks, heap: BinaryHeap::new() }
    }

    fn place(&self, timer: Timer) -> usize {
        let instance = |id: InstanceId, kind: usize| id.0 as usize * INSTANCE_KINDS + kind;
        let tracks_at = self.instances * INSTANCE_KINDS;
        let track = |id: TrackId, kind: usize| tracks_at + id.0 as usize * TRACK_KINDS + kind;
        match timer {
            Timer::Advert(id) => instance(id, 0),
            Timer::Down(id) => instance(id, 1),
            Timer::Lease(id) => instance(id, 2),
            Timer::Announce(id) => instance(id, 3),
            Timer::AnnounceAgain(id) => instance(id, 4),
            Timer::Doubt(id) => instance(id, 5),
            Timer::AnnounceLower(id) => instance(id, 6),
            Timer::Script(id) => track(id, 0),
            Timer::ScriptTimeout(id) => track(id, 1),
            Timer::Settle(id) => track(id, 2),
            Timer::Link(id) => tracks_at + self.tracks * TRACK_KINDS + id.0 as usize,
        }
    }

    /// Sets a timer, or moves it.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        let place = self.place(timer);
        let Some(slot) = self.slots.get_mut(place) else {
            debug_assert!(false, "{timer:?} has no slot");
            return;
        };
        slot.due = Some(at);
        if slot.queued.is_none_or(|queued| at < queued) {
            slot.queued = Some(at);
            self.heap.push(Reverse((at, timer)));
        }
    }

    /// Forgets a timer.
    pub(crate) fn clear(&mut self, timer: Timer) {
        let place = self.place(timer);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.due = None;
        }
    }

    /// When it is due.
    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.slots.get(self.place(timer))?.due
    }

    /// Brings a live entry to the top; to be called after every change.
    pub(crate) fn tidy(&mut self) {
        while let Some(&Reverse((at, timer))) = self.heap.peek() {
            let place = self.place(timer);
            let Some(slot) = self.slots.get_mut(place) else {
                self.heap.pop();
                continue;
            };
            if slot.queued == Some(at) && slot.due == Some(at) {
                return;
            }
            self.heap.pop();
            if slot.queued != Some(at) {
                continue;
            }
            slot.queued = slot.due;
            if let Some(due) = slot.due {
                self.heap.push(Reverse((due, timer)));
            }
        }
    }

    /// The next one, after [`Timers::tidy`].
    pub(crate) fn next(&self) -> Option<Deadline> {
        self.heap.peek().map(|&Reverse((at, why))| Deadline { at, why })
    }

    /// Takes the next one that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Deadline> {
        self.tidy();
        let next = self.next().filter(|next| next.at <= now)?;
        self.heap.pop();
        let place = self.place(next.why);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot::default();
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_base::rng::Rng;

    #[test]
    fn agrees_with_a_plain_list() {
        let mut rng = Rng::new(1);
        let mut timers = Timers::new(5, 3, 2);
        let all: Vec<Timer> = (0..5)
            .flat_map(|n| {
                let id = InstanceId(n);
                [
                    Timer::Advert(id),
                    Timer::Down(id),
                    Timer::Lease(id),
                    Timer::Announce(id),
                    Timer::AnnounceLower(id),
                    Timer::AnnounceAgain(id),
                    Timer::Doubt(id),
                ]
            })
            .chain((0..3).flat_map(|n| {
                [Timer::Script(TrackId(n)), Timer::ScriptTimeout(TrackId(n)), Timer::Settle(TrackId(n))]
            }))
            .chain((0..2).map(|n| Timer::Link(InterfaceId(n))))
            .collect();
        let mut plain: Vec<Option<Instant>> = vec![None; all.len()];
        let mut now = Instant::from_millis(0);
        for _ in 0..20_000 {
            let which = rng.below(all.len() as u32) as usize;
            match rng.below(4) {
                0 => {
                    timers.clear(all[which]);
                    plain[which] = None;
                }
                1 => {
                    now = Instant::from_millis(now.as_millis() + u64::from(rng.below(30)));
                    while let Some(due) = timers.take_due(now) {
                        let first =
                            plain.iter().zip(&all).filter_map(|(at, why)| at.map(|at| (at, *why))).min();
                        assert_eq!(first, Some((due.at, due.why)));
                        plain[all.iter().position(|t| *t == due.why).expect("one of all")] = None;
                    }
                    assert!(plain.iter().flatten().all(|at| *at > now));
                }
                _ => {
                    let at = Instant::from_millis(now.as_millis() + u64::from(rng.below(100)));
                    timers.set(all[which], at);
                    plain[which] = Some(at);
                    assert_eq!(timers.get(all[which]), Some(at));
                }
            }
            timers.tidy();
            assert_eq!(timers.next().map(|d| d.at), plain.iter().flatten().min().copied());
            assert!(timers.heap.len() < 4 * all.len(), "the heap grows: {}", timers.heap.len());
        }
    }
}
