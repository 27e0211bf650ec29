//! An ordered queue of slots: lowest key first, first come first served among equals. Its room is taken once, at
//! construction; nothing allocates later.

use std::collections::VecDeque;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    entries: VecDeque<(u64, u32)>,
}

impl Line {
    /// Room for `slots` members.
    pub(crate) fn new(slots: usize) -> Self {
        Self { entries: VecDeque::with_capacity(slots) }
    }

    /// Adds a slot behind those of the same key.
    pub(crate) fn insert(&mut self, key: u64, slot: usize) {
        debug_assert!(self.entries.len() < self.entries.capacity(), "a slot is in a line once");
        let at = self.entries.partition_point(|(other, _)| *other <= key);
        self.entries.insert(at, (key, slot as u32));
    }

    /// Takes a slot out; nothing happens if it isn't there under that key.
    pub(crate) fn remove(&mut self, key: u64, slot: usize) {
        let from = self.entries.partition_point(|(other, _)| *other < key);
        let found = self
            .entries
            .range(from..)
            .take_while(|(other, _)| *other == key)
            .position(|(_, s)| *s as usize == slot);
        if let Some(offset) = found {
            self.entries.remove(from + offset);
        }
    }

    /// The slot with the lowest key.
    pub(crate) fn first(&self) -> Option<usize> {
        self.entries.front().map(|(_, slot)| *slot as usize)
    }

    /// All slots in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.entries.iter().map(|(_, slot)| *slot as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn equals_keep_their_order() {
        let mut line = Line::new(6);
        for (key, slot) in [(5, 0), (1, 1), (5, 2), (1, 3), (9, 4), (5, 5)] {
            line.insert(key, slot);
        }
        line.remove(5, 2);
        line.remove(5, 4);
        assert_eq!(line.iter().collect::<Vec<_>>(), [1, 3, 0, 5, 4]);
        assert_eq!(line.first(), Some(1));
    }
}
