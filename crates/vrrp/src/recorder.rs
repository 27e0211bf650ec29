//! The flight recorder: the last events of an instance, for `evenkeel why`. Bounded; the oldest goes first.

use std::collections::VecDeque;
use std::fmt;

use evenkeel_base::time::Instant;

use crate::event::What;
use crate::state::StateKind;

/// Entries kept per instance: some tens of elections with their reasons; 1 000 instances stay below 10 MB.
pub const ENTRIES_MAX: usize = 96;

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// The state after it.
    pub state: StateKind,
    /// The effective priority then.
    pub priority: u8,
    /// What happened.
    pub what: What,
}

/// The line of `evenkeel why`: what happened, and for another state the reason.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Entered(state, because) => write!(f, "became {}: {because}", state.word()),
            What::Listening(because) => write!(f, "became BACKUP: {because}"),
            other => other.fmt(f),
        }
    }
}

impl Entry {
    /// True where another state was entered.
    pub const fn is_transition(&self) -> bool {
        matches!(self.what, What::Entered(..) | What::Listening(_))
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    entries: VecDeque<Entry>,
}

impl Recorder {
    pub(crate) fn keep(&mut self, entry: Entry) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Oldest first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }
}
