//! Consistent hashing: each server stands at many points of a ring of 2^32, one point per unit of effective weight;
//! a key goes to the nearest point. `random` draws its keys; the last resort is a walk round the ring.

use evenkeel_base::hash::avalanche;

use crate::weight::EffectiveWeight;

/// One group of servers (the active ones, or the backups).
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    ids: Vec<u32>,
    /// (position, slot), ascending; positions are distinct where ids are.
    points: Vec<(u32, u32)>,
    weights: Vec<u32>,
    /// Position of the point that the walk used last.
    last: Option<u32>,
}

impl Ring {
    pub(crate) fn new(ids: Vec<u32>) -> Self {
        Self { points: Vec::new(), weights: vec![0; ids.len()], ids, last: None }
    }

    /// Gives a server as many points as its weight says; 0 takes it off the ring. Points it keeps don't move.
    pub(crate) fn set(&mut self, slot: usize, weight: u32) {
        let before = std::mem::replace(&mut self.weights[slot], weight);
        if weight < before {
            let (keep, id) = (weight, self.ids[slot]);
            let mut gone: Vec<u32> = (keep..before).map(|n| point(id, n)).collect();
            gone.sort_unstable();
            if self.last.is_some_and(|last| gone.binary_search(&last).is_ok()) {
                self.last = None;
            }
            self.points.retain(|(at, s)| *s as usize != slot || gone.binary_search(at).is_err());
        } else if weight > before {
            let mut more: Vec<(u32, u32)> =
                (before..weight).map(|n| (point(self.ids[slot], n), slot as u32)).collect();
            more.sort_unstable();
            merge(&mut self.points, &more);
        }
        debug_assert!(self.points.is_sorted());
    }

    /// The server nearest to `hash`, or the first one past it round the ring that isn't refused.
    pub(crate) fn nearest(&self, hash: u32, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let count = self.points.len();
        let after = self.points.partition_point(|(at, _)| *at < hash) % count.max(1);
        let before = (after + count).checked_sub(1)? % count.max(1);
        let (behind, ahead) = (self.points.get(before)?, self.points.get(after)?);
        let start = if hash.wrapping_sub(behind.0) <= ahead.0.wrapping_sub(hash) { before } else { after };
        let walk = (start..count).chain(0..start).map(|i| self.points[i].1 as usize);
        let first = walk.clone().next();
        walk.into_iter().find(|slot| !refused(*slot)).or(first)
    }

    /// Without a key: the next point round the ring whose server isn't full.
    pub(crate) fn walk(&mut self, full: impl Fn(usize) -> bool, avoid: Option<usize>) -> Option<usize> {
        let count = self.points.len();
        let start = self.last.map_or(0, |last| self.points.partition_point(|(at, _)| *at <= last));
        let mut avoided = None;
        for i in (start..count).chain(0..start) {
            let (at, slot) = self.points[i];
            let slot = slot as usize;
            self.last = Some(at);
            if full(slot) {
                continue;
            }
            if Some(slot) != avoid {
                return Some(slot);
            }
            avoided = Some(slot);
        }
        avoided
    }
}

/// The n-th point of a server.
fn point(id: u32, n: u32) -> u32 {
    avalanche(id.wrapping_mul(EffectiveWeight::MAX.get()).wrapping_add(n))
}

/// Merges two ascending lists into the first, from the back.
fn merge(into: &mut Vec<(u32, u32)>, more: &[(u32, u32)]) {
    let (mut old, mut new) = (into.len(), more.len());
    into.resize(old + new, (0, 0));
    while new > 0 {
        let take_old = old > 0 && into[old - 1] > more[new - 1];
        into[old + new - 1] = if take_old { into[old - 1] } else { more[new - 1] };
        if take_old { old -= 1 } else { new -= 1 }
    }
}
