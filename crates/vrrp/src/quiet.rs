//! What is said four times a second at most, however often it happens: at 10 ms adverts, or under a flood, the log stays
//! readable and small. At longer intervals each advert gets its line, as with the original.

use std::collections::BTreeMap;

use evenkeel_base::time::{Duration, Instant};

use crate::conf::TrackId;
use crate::refusal::Ground;

/// Between two lines about the same.
const PAUSE: Duration = Duration::from_millis(250);

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Refused(Ground),
    Lower,
    Zero,
    Interval,
    Heard,
    Unknown,
    Busy(TrackId),
}

/// When each was said last; as many as there are subjects and scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quiet {
    last: BTreeMap<Subject, Instant>,
}

impl Quiet {
    /// Whether it may be said now; if so, it counts as said.
    pub(crate) fn may_say(&mut self, subject: Subject, now: Instant) -> bool {
        match self.last.get(&subject) {
            Some(last) if now < *last + PAUSE => false,
            Some(_) | None => {
                self.last.insert(subject, now);
                true
            }
        }
    }
}
