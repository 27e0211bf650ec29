//! Events per second, as the original counts them: this second's events plus the share of the last second's that
//! still lies within one second of now.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use evenkeel_base::Instant;

use crate::counter::Counter;

/// Bits of the event counts: 4 million events per second and shard, then the rate stays at its highest.
const COUNT_BITS: u32 = 22;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
/// Bits of the second: a counter that nobody touched is read right for 2^20 seconds (12 days), then may show
/// its old rate once more for a second or two.
const SECOND_MASK: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;
const MILLIS_PER_SECOND: u64 = 1000;

/// A rate with its maximum. One writer; second and both counts are one word, so that readers never see a mixture.
#[derive(Debug, Default)]
pub struct Rate {
    word: AtomicU64,
    max: Counter,
}

/// The word of a [`Rate`], taken apart.
#[derive(Clone, Copy)]
struct Window {
    second: u64,
    current: u64,
    before: u64,
}

impl Window {
    fn unpack(word: u64) -> Self {
        Self {
            second: word >> (2 * COUNT_BITS),
            current: (word >> COUNT_BITS) & COUNT_MAX,
            before: word & COUNT_MAX,
        }
    }

    fn pack(self) -> u64 {
        (self.second << (2 * COUNT_BITS)) | (self.current << COUNT_BITS) | self.before
    }

    /// The window as it stands in `second`.
    fn turn(self, second: u64) -> Self {
        match second.wrapping_sub(self.second) & SECOND_MASK {
            0 => self,
            1 => Self { second, current: 0, before: self.current },
            _ => Self { second, current: 0, before: 0 },
        }
    }

    fn rate(self, millis: u64) -> u64 {
        self.current + self.before * (MILLIS_PER_SECOND - millis) / MILLIS_PER_SECOND
    }
}

fn split(now: Instant) -> (u64, u64) {
    let ms = now.as_millis();
    ((ms / MILLIS_PER_SECOND) & SECOND_MASK, ms % MILLIS_PER_SECOND)
}

impl Rate {
    /// A rate of zero.
    pub const fn new() -> Self {
        Self { word: AtomicU64::new(0), max: Counter::new() }
    }

    /// Counts `n` events and returns the rate with them. Only the rate's own shard may call this.
    pub fn add(&self, n: u64, now: Instant) -> u32 {
        let (second, millis) = split(now);
        let mut window = Window::unpack(self.word.load(Relaxed)).turn(second);
        window.current = window.current.saturating_add(n).min(COUNT_MAX);
        self.word.store(window.pack(), Relaxed);
        let rate = window.rate(millis);
        self.max.raise(rate);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }

    /// Events in the last second.
    pub fn get(&self, now: Instant) -> u32 {
        let (second, millis) = split(now);
        let rate = Window::unpack(self.word.load(Relaxed)).turn(second).rate(millis);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }

    /// The highest rate seen when an event was counted.
    pub fn max(&self) -> u32 {
        u32::try_from(self.max.get()).unwrap_or(u32::MAX)
    }

    /// The rate of several shards together.
    pub fn sum<'a>(rates: impl IntoIterator<Item = &'a Rate>, now: Instant) -> u32 {
        rates.into_iter().fold(0, |sum, r| sum.saturating_add(r.get(now)))
    }

    /// Forgets the maximum (`clear counters all`). Only the rate's own shard may call this.
    pub fn clear_max(&self) {
        self.max.set(0);
    }
}

/// The highest value of a sum over shards. No shard sees the sum, so whoever reads it tells it here; between two
/// readings a peak can be missed, but never below the highest single shard's.
#[derive(Debug, Default)]
pub struct Peak(Counter);

impl Peak {
    /// Takes a reading of the sum and of the shards' own maxima, and returns the highest so far.
    pub fn observe(&self, sum: u32, shard_maxima: impl IntoIterator<Item = u32>) -> u32 {
        self.0.raise(u64::from(shard_maxima.into_iter().fold(sum, u32::max)));
        u32::try_from(self.0.get()).unwrap_or(u32::MAX)
    }

    /// Starts again (`clear counters`).
    pub fn clear(&self) {
        self.0.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_fades_into_this_one() {
        let rate = Rate::new();
        let at = Instant::from_millis;
        for ms in 0..100 {
            rate.add(1, at(5_000 + ms * 10));
        }
        for (ms, want) in [(5_999, 100), (6_000, 100), (6_250, 75), (6_999, 0), (7_000, 0), (99_000, 0)] {
            assert_eq!(rate.get(at(ms)), want, "at {ms} ms");
        }
        assert_eq!(rate.max(), 100);
        assert_eq!(rate.add(10, at(6_500)), 60, "half of the last second's and these");
        assert_eq!(rate.max(), 100);
    }

    #[test]
    fn counts_saturate() {
        let rate = Rate::new();
        rate.add(u64::MAX, Instant::from_millis(10));
        assert_eq!(u64::from(rate.get(Instant::from_millis(10))), COUNT_MAX);
    }

    #[test]
    fn the_peak_of_a_sum_is_at_least_the_highest_shard() {
        let peak = Peak::default();
        for (sum, maxima, want) in [(3, [1, 2], 3), (1, [7, 2], 7), (5, [0, 0], 7)] {
            assert_eq!(peak.observe(sum, maxima), want);
        }
    }
}
