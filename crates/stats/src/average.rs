//! Times averaged over the last requests (`qtime`, `ctime`, `rtime`, `ttime`) with their maxima.
//!
//! As the original: the plain average while fewer than [`WINDOW`] requests were seen, a sliding one after that, both
//! rounded up.

use std::time::Duration;

use crate::counter::Counter;

/// Requests that an average looks back on (management manual: "over the 1024 last requests").
pub const WINDOW: u64 = 1024;

/// One averaged time, in milliseconds. One writer.
#[derive(Debug, Default)]
pub struct Average {
    sum: Counter,
    count: Counter,
    max: Counter,
}

impl Average {
    /// No request yet.
    pub const fn new() -> Self {
        Self { sum: Counter::new(), count: Counter::new(), max: Counter::new() }
    }

    /// Takes one request's time. Only the average's own shard may call this.
    pub fn add(&self, time: Duration) {
        // Without `as_millis`, whose 128 bits cost more than all the rest here.
        let ms = time.as_secs().saturating_mul(1000).saturating_add(u64::from(time.subsec_millis()));
        let ms = ms.min(u64::from(u32::MAX));
        let count = self.count.get();
        if count < WINDOW {
            self.sum.add(ms);
            self.count.set(count + 1);
        } else {
            let sum = self.sum.get();
            self.sum.set(sum - sum.div_ceil(WINDOW) + ms);
        }
        self.max.raise(ms);
    }

    /// Forgets the maximum, and if `all` the average. Only the average's own shard may call this.
    pub fn clear(&self, all: bool) {
        self.max.set(0);
        if all {
            self.sum.set(0);
            self.count.set(0);
        }
    }

    /// Average and maximum of several shards' requests, weighed by how many requests each looks back on.
    pub fn read<'a>(shards: impl IntoIterator<Item = &'a Average>) -> Times {
        let (mut sum, mut count, mut max) = (0u64, 0u64, 0u64);
        for shard in shards {
            sum = sum.saturating_add(shard.sum.get());
            count += shard.count.get();
            max = max.max(shard.max.get());
        }
        let average = if count == 0 { 0 } else { sum.div_ceil(count) };
        let millis = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Times { average_ms: millis(average), max_ms: millis(max) }
    }
}

/// An average and a maximum as told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Average over the last requests.
    pub average_ms: u32,
    /// Highest seen.
    pub max_ms: u32,
}

/// The four times of a backend or server on one shard.
#[derive(Debug, Default)]
pub struct Averages {
    /// In the queue.
    pub queue: Average,
    /// Until connected.
    pub connect: Average,
    /// Until the response head (not in TCP mode).
    pub response: Average,
    /// In all.
    pub total: Average,
}

/// The same, as told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AverageTimes {
    /// `qtime`, `qtime_max`.
    pub queue: Times,
    /// `ctime`, `ctime_max`.
    pub connect: Times,
    /// `rtime`, `rtime_max`.
    pub response: Times,
    /// `ttime`, `ttime_max`.
    pub total: Times,
}

impl Averages {
    /// No request yet.
    pub const fn new() -> Self {
        Self {
            queue: Average::new(),
            connect: Average::new(),
            response: Average::new(),
            total: Average::new(),
        }
    }

    /// See [`Average::clear`].
    pub fn clear(&self, all: bool) {
        for time in [&self.queue, &self.connect, &self.response, &self.total] {
            time.clear(all);
        }
    }

    /// All shards' times together.
    pub fn read<'a>(shards: impl IntoIterator<Item = &'a Averages> + Clone) -> AverageTimes {
        AverageTimes {
            queue: Average::read(shards.clone().into_iter().map(|s| &s.queue)),
            connect: Average::read(shards.clone().into_iter().map(|s| &s.connect)),
            response: Average::read(shards.clone().into_iter().map(|s| &s.response)),
            total: Average::read(shards.into_iter().map(|s| &s.total)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    // The original's answers for the same times, one request after the other.
    #[test]
    fn a_young_average_is_plain_and_rounded_up() {
        let average = Average::new();
        for (time, want) in
            [(100, 100), (301, 201), (11, 138), (10, 106), (10, 87), (0, 72), (0, 62), (51, 61)]
        {
            average.add(ms(time));
            assert_eq!(Average::read([&average]).average_ms, want, "after {time}");
        }
        assert_eq!(Average::read([&average]).max_ms, 301);
    }

    #[test]
    fn an_old_average_slides() {
        let average = Average::new();
        (0..WINDOW).for_each(|_| average.add(ms(100)));
        (0..WINDOW).for_each(|_| average.add(ms(0)));
        let left = Average::read([&average]).average_ms;
        assert!((30..45).contains(&left), "{left}: about 100/e is left of the old times after one window");
        (0..10 * WINDOW).for_each(|_| average.add(ms(0)));
        assert_eq!(Average::read([&average]).average_ms, 0);
    }

    #[test]
    fn shards_weigh_by_their_requests() {
        let (a, b) = (Average::new(), Average::new());
        a.add(ms(90));
        (0..2).for_each(|_| b.add(ms(30)));
        assert_eq!(Average::read([&a, &b]), Times { average_ms: 50, max_ms: 90 });
        assert_eq!(Average::read([]), Times::default());
    }
}
