//! `leastconn`: the server with the fewest requests in flight or in its queue, by weight; turns among equals.

use crate::line::Line;
use crate::weight::EffectiveWeight;

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// `None` out of service.
    key: Option<u64>,
    weight: u64,
    in_flight: u64,
}

/// One group of servers (the active ones, or the backups).
#[derive(Clone, Debug)]
pub(crate) struct Least {
    places: Vec<Place>,
    line: Line,
}

impl Least {
    pub(crate) fn new(slots: usize) -> Self {
        Self { places: vec![Place::default(); slots], line: Line::new(slots) }
    }

    /// A server comes into service.
    pub(crate) fn join(&mut self, slot: usize, weight: EffectiveWeight) {
        self.places[slot].weight = u64::from(weight.get());
        self.enter(slot);
    }

    /// A server leaves service.
    pub(crate) fn leave(&mut self, slot: usize) {
        if let Some(key) = self.places[slot].key.take() {
            self.line.remove(key, slot);
        }
    }

    /// A server in service changes weight; the new one isn't zero.
    pub(crate) fn reweigh(&mut self, slot: usize, weight: EffectiveWeight) {
        self.leave(slot);
        self.join(slot, weight);
    }

    /// A server's load changes; it keeps its place in line when its key stays the same.
    pub(crate) fn load(&mut self, slot: usize, change: i64) {
        let place = &mut self.places[slot];
        place.in_flight = place.in_flight.saturating_add_signed(change);
        match place.key {
            Some(key) if key != key_of(place) => {
                self.leave(slot);
                self.enter(slot);
            }
            Some(_) | None => {}
        }
    }

    /// The first in line that isn't full. The one to avoid is taken only when no other is left.
    pub(crate) fn pick(&self, full: impl Fn(usize) -> bool, avoid: Option<usize>) -> Option<usize> {
        let mut avoided = None;
        for slot in self.line.iter().filter(|slot| !full(*slot)) {
            if Some(slot) != avoid {
                return Some(slot);
            }
            avoided = Some(slot);
        }
        avoided
    }

    fn enter(&mut self, slot: usize) {
        let place = &mut self.places[slot];
        let key = key_of(place);
        place.key = Some(key);
        self.line.insert(key, slot);
    }
}

/// Idle servers are all equal, whatever their weight; the others count one more request than they have.
fn key_of(place: &Place) -> u64 {
    match place.in_flight {
        0 => 0,
        n => (n + 1) * u64::from(EffectiveWeight::MAX.get()) / place.weight.max(1),
    }
}
