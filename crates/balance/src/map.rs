//! A table with each server in it as often as its weight says: `static-rr` walks it, map-based hashes point into it.

/// The table of those in service.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    /// Weights divided by what all have in common.
    weights: Vec<u32>,
    table: Vec<u32>,
    scores: Vec<i64>,
    next: usize,
}

impl Map {
    /// With the configured weights: they stay as they are for good.
    pub(crate) fn new(weights: &[u32]) -> Self {
        let divisor = weights.iter().copied().fold(0, gcd).max(1);
        let weights: Vec<u32> = weights.iter().map(|w| w / divisor).collect();
        let total = weights.iter().sum::<u32>() as usize;
        Self { scores: vec![0; weights.len()], weights, table: Vec::with_capacity(total), next: 0 }
    }

    /// Fills the table anew. Places are given to whoever is owed most; among equals to the first in the file.
    pub(crate) fn fill(&mut self, members: impl Fn(usize) -> bool) {
        self.table.clear();
        self.scores.fill(0);
        let slots = self.weights.len();
        let total: i64 = (0..slots).filter(|s| members(*s)).map(|s| i64::from(self.weights[s])).sum();
        for _ in 0..total {
            let mut best: Option<(i64, usize)> = None;
            for slot in (0..slots).filter(|s| members(*s)) {
                self.scores[slot] += i64::from(self.weights[slot]);
                let turns = (self.scores[slot] + total) / total;
                if best.is_none_or(|(most, _)| turns > most) {
                    best = Some((turns, slot));
                }
            }
            let Some((_, slot)) = best else { return };
            self.scores[slot] -= total;
            self.table.push(slot as u32);
        }
    }

    /// Where a hash points; full servers too, as the same key must reach the same server.
    pub(crate) fn at(&self, hash: u32) -> Option<usize> {
        let index = hash as usize % self.table.len().max(1);
        self.table.get(index).map(|slot| *slot as usize)
    }

    /// The next in the table that isn't full. The one to avoid is taken only when no other is left.
    pub(crate) fn pick(&mut self, full: impl Fn(usize) -> bool, avoid: Option<usize>) -> Option<usize> {
        if self.next >= self.table.len() {
            self.next = 0;
        }
        let mut avoided = None;
        for step in 0..self.table.len() {
            let index = (self.next + step) % self.table.len();
            let slot = self.table[index] as usize;
            if full(slot) {
                continue;
            }
            if Some(slot) != avoid {
                self.next = index + 1;
                return Some(slot);
            }
            avoided = Some((index, slot));
        }
        let (index, slot) = avoided?;
        self.next = index + 1;
        Some(slot)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
