//! When to look.

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};

use crate::conf::CheckConf;
use crate::counter::{Counter, Health};

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
    /// The next check is due.
    Start,
    /// The connection should have been made by then.
    Connect,
    /// The answer should have come by then.
    Answer,
}

/// Only intervals from here on set the pace for the others' first checks.
const STAGGER_INTER_MIN: Duration = Duration::from_secs(1);

/// How long the first check of server `position` of `intervals` waits, so that a farm's checks spread over time: each
/// gets its share of the smallest interval of at least a second, or of its own if that is longer. `spread_max` is
/// `max-spread-checks`. The intervals are [`first_interval`]s of all checks of all backends, in file order.
pub fn stagger(intervals: &[Duration], position: usize, spread_max: Option<Duration>) -> Duration {
    let Some(own) = intervals.get(position) else { return Duration::ZERO };
    let pace = intervals.iter().copied().filter(|d| *d >= STAGGER_INTER_MIN).min().unwrap_or(Duration::ZERO);
    let span = pace.max(*own);
    let span = spread_max.map_or(span, |most| span.min(most));
    let millis = span.as_millis() * position as u128 / intervals.len().max(1) as u128;
    Duration::from_millis(millis as u64)
}

/// The interval of a server that has not been checked yet: what [`stagger`] takes.
pub fn first_interval(conf: &CheckConf) -> Duration {
    interval(conf, Counter::new(conf.rise, conf.fall), Health::Up)
}

/// The interval for a server in this state (configuration manual, `inter`).
pub fn interval(conf: &CheckConf, counter: Counter, health: Health) -> Duration {
    if counter.value() == counter.top() {
        return conf.inter;
    }
    match health {
        Health::Down if counter.value() == 0 => conf.downinter.unwrap_or(conf.inter),
        Health::Up | Health::Stopping | Health::Down => conf.fastinter.unwrap_or(conf.inter),
    }
}

/// An interval with `spread-checks`: up to so many percent more or less.
pub fn spread(interval: Duration, percent: u32, rng: &mut Rng) -> Duration {
    if percent == 0 {
        return interval;
    }
    let millis = interval.as_millis() as u64;
    let reach = millis * u64::from(percent.min(50)) / 100;
    let draw = u64::from(rng.below(u32::try_from(2 * reach + 1).unwrap_or(u32::MAX)));
    Duration::from_millis(millis + draw - reach.min(millis + draw))
}
