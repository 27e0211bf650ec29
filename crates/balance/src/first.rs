//! `first`: the lowest id that has a free connection slot.

/// One group of servers (the active ones, or the backups).
#[derive(Clone, Debug)]
pub(crate) struct First {
    /// Slots by id.
    order: Vec<usize>,
    inside: Vec<bool>,
}

impl First {
    /// `order` names the group's slots, lowest id first, of `slots` in all.
    pub(crate) fn new(order: Vec<usize>, slots: usize) -> Self {
        Self { order, inside: vec![false; slots] }
    }

    pub(crate) fn set(&mut self, slot: usize, inside: bool) {
        self.inside[slot] = inside;
    }

    pub(crate) fn pick(&self, full: impl Fn(usize) -> bool, avoid: Option<usize>) -> Option<usize> {
        let mut avoided = None;
        for slot in self.order.iter().copied().filter(|slot| self.inside[*slot] && !full(*slot)) {
            if Some(slot) != avoid {
                return Some(slot);
            }
            avoided = Some(slot);
        }
        avoided
    }
}
