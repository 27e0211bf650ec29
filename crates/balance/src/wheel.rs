//! `roundrobin`: smooth weighted round robin whose weights may change at any time.
//!
//! Time is a row of positions, one per pick. A round is as many positions as the total weight. A server of weight `w`
//! in a total of `t` wants to be picked every `t / w` positions, so that its turns spread evenly over the round.
//!
//! ```text
//! fresh (this round, not picked yet, heaviest first) ──pick──▶ waiting (by wanted position) ──pick──┐
//!    ▲                                                            ▲      └──────────────────────────┤
//!    └─── new round: coming becomes fresh ─── coming (next round) ◀┴── wanted position past the round ┘
//! ```

use crate::line::Line;
use crate::weight::{EffectiveWeight, SCALE};

/// A wanted position counts this many key units, so that the remainder can order servers within a position.
const POSITION_UNITS: u64 = 256;

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Out,
    Fresh,
    Waiting,
    Coming,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    queue: Queue,
    key: u64,
    weight: u64,
    /// Position of the last pick.
    last: u64,
    /// Position wanted next; 0 for a server not picked in this round.
    wanted: u64,
    /// What the divisions have left over, in `weight`ths of a position.
    rest: u64,
}

/// One group of servers (the active ones, or the backups).
#[derive(Clone, Debug)]
pub(crate) struct Wheel {
    places: Vec<Place>,
    fresh: Line,
    waiting: Line,
    coming: Line,
    /// Positions in this round, in the next one, and where we are.
    round: u64,
    round_next: u64,
    now: u64,
    /// Servers passed over in one pick.
    passed: Vec<usize>,
}

impl Wheel {
    /// A group in which nothing turns yet.
    pub(crate) fn new(slots: usize) -> Self {
        let out = Place { queue: Queue::Out, key: 0, weight: 0, last: 0, wanted: 0, rest: 0 };
        Self {
            places: vec![out; slots],
            fresh: Line::new(slots),
            waiting: Line::new(slots),
            coming: Line::new(slots),
            round: 0,
            round_next: 0,
            now: 0,
            passed: Vec::with_capacity(slots),
        }
    }

    /// Puts a server in place before the first pick.
    pub(crate) fn seat(&mut self, slot: usize, weight: EffectiveWeight) {
        self.round_next += u64::from(weight.get());
        self.round = self.round_next;
        self.now = self.round_next;
        self.places[slot].weight = u64::from(weight.get());
        self.enter_by_weight(Queue::Fresh, slot);
    }

    /// A server comes into service: it waits its share of the positions left.
    pub(crate) fn join(&mut self, slot: usize, weight: EffectiveWeight) {
        let weight = u64::from(weight.get());
        self.round_next += weight;
        let left = (self.round_next + self.round).saturating_sub(self.now);
        let place = &mut self.places[slot];
        place.weight = weight;
        place.wanted = self.now + left / weight.max(1);
        self.enter(slot);
    }

    /// A server leaves service.
    pub(crate) fn leave(&mut self, slot: usize) {
        self.round_next -= self.places[slot].weight;
        self.detach(slot);
    }

    /// A server in service changes weight; the new one isn't zero.
    pub(crate) fn reweigh(&mut self, slot: usize, weight: EffectiveWeight) {
        let weight = u64::from(weight.get());
        debug_assert!(weight > 0);
        let before = self.places[slot];
        debug_assert!(before.queue != Queue::Out);
        self.round_next = self.round_next - before.weight + weight;
        self.detach(slot);
        let (now, round) = (self.now, self.round);
        let step = self.round_next / weight.max(1);
        let place = &mut self.places[slot];
        place.weight = weight;
        match before.queue {
            Queue::Fresh | Queue::Out => return self.enter_by_weight(Queue::Fresh, slot),
            Queue::Waiting => {}
            Queue::Coming => place.wanted += round,
        }
        let wanted = place.wanted;
        place.rest = 0;
        place.wanted = (place.last + step).min(wanted);
        if place.wanted < now + 2 {
            place.wanted = now + step;
        }
        self.enter(slot);
    }

    /// The next server that isn't full. The one to avoid is taken only when no other is left.
    pub(crate) fn pick(&mut self, full: impl Fn(usize) -> bool, avoid: Option<usize>) -> Option<usize> {
        let mut avoided = None;
        let mut turned = false;
        let chosen = loop {
            if self.round == 0 {
                self.round = self.round_next;
                self.now = self.round_next;
            }
            let Some(slot) = self.nearest() else {
                if turned {
                    break avoided;
                }
                turned = true;
                self.turn();
                continue;
            };
            self.advance(slot);
            self.detach(slot);
            self.now += 1;
            if !full(slot) {
                if Some(slot) != avoid {
                    break Some(slot);
                }
                avoided = Some(slot);
            }
            self.passed.push(slot);
        };
        if let Some(slot) = chosen {
            self.enter(slot);
        }
        // Those passed over keep the turn that they would have had; after a new round only their weight counts.
        while let Some(slot) = self.passed.pop() {
            match (Some(slot) == chosen, turned) {
                (true, _) => {}
                (false, true) => self.enter_by_weight(Queue::Fresh, slot),
                (false, false) => self.enter(slot),
            }
        }
        chosen
    }

    /// A waiting server whose position has come; else a fresh one; else the first waiting.
    fn nearest(&mut self) -> Option<usize> {
        let waiting = self.waiting.first();
        if let Some(slot) = waiting
            && self.places[slot].wanted <= self.now
        {
            return Some(slot);
        }
        let Some(slot) = self.fresh.first() else { return waiting };
        self.places[slot].wanted = 0;
        self.places[slot].rest = 0;
        Some(slot)
    }

    /// Moves a server's wanted position on by its step.
    fn advance(&mut self, slot: usize) {
        let (now, round) = (self.now, self.round_next);
        let place = &mut self.places[slot];
        place.last = if place.wanted == 0 { now } else { place.wanted };
        let weight = place.weight.max(1);
        place.wanted = place.last + round / weight;
        place.rest += round % weight;
        if place.rest >= weight {
            place.rest -= weight;
            place.wanted += 1;
        }
    }

    /// Queues a server by its wanted position: in this round, or past it.
    fn enter(&mut self, slot: usize) {
        let (round, round_next) = (self.round, self.round_next);
        let place = &mut self.places[slot];
        if place.wanted >= 2 * round || place.wanted >= round + round_next {
            place.wanted = place.wanted.saturating_sub(round);
            return self.enter_by_weight(Queue::Coming, slot);
        }
        let lag = (u64::from(EffectiveWeight::MAX.get()) + place.rest - place.weight) / u64::from(SCALE);
        place.key = POSITION_UNITS * place.wanted + lag;
        place.queue = Queue::Waiting;
        self.waiting.insert(place.key, slot);
    }

    /// Queues a server among those not picked yet, heaviest first.
    fn enter_by_weight(&mut self, queue: Queue, slot: usize) {
        let place = &mut self.places[slot];
        place.key = u64::from(EffectiveWeight::MAX.get()) - place.weight;
        place.queue = queue;
        match queue {
            Queue::Fresh => self.fresh.insert(place.key, slot),
            Queue::Coming => self.coming.insert(place.key, slot),
            Queue::Out | Queue::Waiting => debug_assert!(false, "only two queues are ordered by weight"),
        }
    }

    fn detach(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        match place.queue {
            Queue::Out => {}
            Queue::Fresh => self.fresh.remove(place.key, slot),
            Queue::Waiting => self.waiting.remove(place.key, slot),
            Queue::Coming => self.coming.remove(place.key, slot),
        }
        place.queue = Queue::Out;
    }

    /// A new round: those who were coming are fresh now.
    fn turn(&mut self) {
        std::mem::swap(&mut self.fresh, &mut self.coming);
        for slot in self.fresh.iter() {
            self.places[slot].queue = Queue::Fresh;
        }
        for slot in self.coming.iter() {
            self.places[slot].queue = Queue::Coming;
        }
        self.round = self.round_next;
        self.now = self.round;
    }
}
