//! How often is sent, how long is waited (RFC 5880 §6.8.2, §6.8.3, §6.8.4, §6.8.7).

use std::num::NonZeroU8;

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};

/// Something must happen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What.
    pub why: Timer,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The next packet is due.
    Transmit,
    /// The neighbour should have been heard by then.
    Detect,
}

/// A number that both sides must agree on: what is told, and what holds until the neighbour has confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// What our packets say.
    pub(crate) told: Duration,
    /// What we act by.
    pub(crate) used: Duration,
}

impl Agreed {
    pub(crate) fn new(value: Duration) -> Self {
        Self { told: value, used: value }
    }

    /// A new value. While a session is up, one that the neighbour must know before we may act by it (`wait`) is only told;
    /// true where something changed.
    pub(crate) fn set(&mut self, value: Duration, wait: bool) -> bool {
        let changed = self.told != value;
        self.told = value;
        if !wait {
            self.used = value;
        }
        changed
    }

    /// The neighbour knows.
    pub(crate) fn confirm(&mut self) {
        self.used = self.told;
    }
}

/// An interval shortened at random, so that neighbours do not fall into step: by up to 25 %, and by at least 10 % where not a
/// single packet may be missed (RFC 5880 §6.8.7).
pub(crate) fn jitter(interval: Duration, multiplier: NonZeroU8, rng: &mut Rng) -> Duration {
    let us = interval.as_micros() as u64;
    let most = if multiplier.get() == 1 { us * 90 / 100 } else { us };
    let least = us * 75 / 100;
    let span = u32::try_from(most - least + 1).unwrap_or(u32::MAX);
    Duration::from_micros(least + u64::from(rng.below(span)))
}

/// As packets say it.
pub(crate) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_shortened_within_the_rfcs_bounds() {
        let mut rng = Rng::new(1);
        let interval = Duration::from_millis(100);
        for (multiplier, least, most) in [(1, 75_000, 90_000), (2, 75_000, 100_000), (255, 75_000, 100_000)] {
            let multiplier = NonZeroU8::new(multiplier).expect("not zero");
            let draws: Vec<u128> =
                (0..20_000).map(|_| jitter(interval, multiplier, &mut rng).as_micros()).collect();
            assert!(draws.iter().all(|us| (least..=most).contains(us)), "{multiplier}");
            // It uses its room: both ends are reached to a hundredth.
            assert!(draws.iter().any(|us| *us < least + 1_000) && draws.iter().any(|us| *us > most - 1_000));
        }
        assert_eq!(jitter(Duration::ZERO, NonZeroU8::MIN, &mut rng), Duration::ZERO);
    }
}
