//! The clocks. Reading one costs no system call (vDSO); the coarse copy costs a thread-local load.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use evenkeel_base::{Instant, WallTime};
use rustix::time::{ClockId, clock_gettime};

/// The monotonic clock, nanoseconds since boot.
pub fn now() -> Instant {
    let t = clock_gettime(ClockId::Monotonic);
    // The monotonic clock is never negative; were it so, zero is the harmless answer.
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(t.tv_nsec).unwrap_or(0);
    Instant::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The date. A clock set before 1970 reads as 1970.
pub fn wall() -> WallTime {
    let t = clock_gettime(ClockId::Realtime);
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let micros = u64::try_from(t.tv_nsec).unwrap_or(0) / 1_000;
    WallTime::from_micros(secs.saturating_mul(1_000_000).saturating_add(micros))
}

/// Processor time that this process has used, all threads together.
pub fn process_cpu() -> Duration {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    let secs = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(t.tv_nsec).unwrap_or(0);
    Duration::new(secs, nanos)
}

static STARTED: OnceLock<(Instant, WallTime)> = OnceLock::new();

/// When this process started, on both clocks: the moment of the first call, so make it first thing in `main`.
pub fn started() -> (Instant, WallTime) {
    *STARTED.get_or_init(|| (now(), wall()))
}

/// Time since [`started`].
pub fn uptime() -> Duration {
    let (start, _) = started();
    now().since(start)
}

/// The coarse clocks are read anew after so many uses, if nobody refreshes them before: a loop that always has tasks to
/// run never comes to the place where it would. Few enough that they lag by some requests only.
const USES_MAX: u32 = 128;

thread_local! {
    static COARSE: Cell<Coarse> = const { Cell::new(Coarse { at: Instant::from_nanos(0), date: WallTime::from_micros(0), uses: 0 }) };
}

#[derive(Clone, Copy)]
struct Coarse {
    at: Instant,
    date: WallTime,
    /// How often it may still be used.
    uses: u32,
}

/// Reads both clocks and keeps them for [`coarse`] and [`coarse_wall`] on this thread. Call once per loop turn.
pub fn refresh() -> Instant {
    read().at
}

fn read() -> Coarse {
    let new = Coarse { at: now(), date: wall(), uses: USES_MAX };
    COARSE.set(new);
    new
}

fn use_coarse() -> Coarse {
    let kept = COARSE.get();
    match kept.uses.checked_sub(1) {
        Some(uses) => {
            COARSE.set(Coarse { uses, ..kept });
            kept
        }
        None => read(),
    }
}

/// The monotonic clock as of this thread's last [`refresh`], or a moment ago where there was none for long.
pub fn coarse() -> Instant {
    use_coarse().at
}

/// The date as of this thread's last [`refresh`], or a moment ago where there was none for long.
pub fn coarse_wall() -> WallTime {
    use_coarse().date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_stands_still_until_refreshed_or_used_up() {
        let first = refresh();
        assert!((0..USES_MAX).all(|_| coarse() == first));
        // The clock has nanoseconds: no two readings are the same.
        assert!(coarse() > first, "a loop that never rests must not stop the clock");
        assert!(now() >= first);
        assert!(refresh() >= first);
        assert!(wall().secs() > 1_600_000_000, "after 2020");
        assert!(coarse_wall() <= wall());
        let start = started();
        assert!(uptime() <= now().since(start.0));
        assert_eq!(started(), start);
    }
}
