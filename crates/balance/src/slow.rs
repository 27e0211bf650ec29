//! `slowstart`, `minconn` and `fullconn`: limits that grow with time and load, as functions of both.

use evenkeel_base::time::Duration;

use crate::weight::{EffectiveWeight, SCALE, Weight};

/// The original counts slow start in whole seconds, a part of one being a whole one.
fn whole_seconds(slowstart: Duration) -> u64 {
    slowstart.as_secs() + u64::from(slowstart.subsec_nanos() > 0)
}

/// True while a server that came up `since_up` ago is still warming up.
pub fn is_starting(since_up: Duration, slowstart: Duration) -> bool {
    since_up.as_secs() < whole_seconds(slowstart)
}

/// The weight of a server that came up `since_up` ago: from one sixteenth to all of it, in sixteenths.
pub fn weight(weight: Weight, since_up: Duration, slowstart: Duration) -> EffectiveWeight {
    if !is_starting(since_up, slowstart) {
        return EffectiveWeight::full(weight);
    }
    let whole = whole_seconds(slowstart);
    let steps = (u64::from(SCALE) * since_up.as_secs() + whole) / whole;
    EffectiveWeight::share(weight, steps as u32)
}

/// How long to wait before the weight is worked out again: a twentieth of the slow start, at least a second.
pub fn step(slowstart: Duration) -> Duration {
    (Duration::from_secs(whole_seconds(slowstart)) / 20).max(Duration::from_secs(1))
}

/// What bounds the requests on one server at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnLimit {
    /// `maxconn`; 0: no bound.
    pub maxconn: u32,
    /// `minconn`; 0: the same as `maxconn`.
    pub minconn: u32,
    /// The backend's `fullconn`.
    pub fullconn: u32,
    /// `slowstart`; zero: none.
    pub slowstart: Duration,
}

impl ConnLimit {
    /// The bound now, with `backend_conns` requests in the whole backend, for a server that came up `since_up` ago
    /// (`None`: it has been up from the start). `None`: no bound.
    pub fn now(&self, backend_conns: u32, since_up: Option<Duration>) -> Option<u32> {
        if self.maxconn == 0 {
            return None;
        }
        let steady = if self.minconn == 0 || self.minconn >= self.maxconn || backend_conns >= self.fullconn {
            self.maxconn
        } else {
            let share = u64::from(backend_conns) * u64::from(self.maxconn) / u64::from(self.fullconn.max(1));
            self.minconn.max(share as u32)
        };
        let Some(up) = since_up.filter(|up| is_starting(*up, self.slowstart)) else { return Some(steady) };
        let percent = 100 * up.as_secs() / whole_seconds(self.slowstart).max(1);
        Some(((u64::from(steady) * percent / 100) as u32).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_grows_from_a_sixteenth() {
        let secs = Duration::from_secs;
        for (up_ms, slow_ms, want) in [
            (0, 10_000, 16),
            (999, 10_000, 16),
            (1_000, 10_000, 32),
            (5_000, 10_000, 144),
            (9_000, 10_000, 240),
            (10_000, 10_000, 256),
            (0, 0, 256),
            (0, 500, 16),
            (1_000, 500, 256),
        ] {
            let (up, slow) = (Duration::from_millis(up_ms), Duration::from_millis(slow_ms));
            let sixteen = Weight::new(16).expect("16 is within 256");
            assert_eq!(weight(sixteen, up, slow).get(), want, "{up_ms} of {slow_ms}");
        }
        // HAProxy 2.6 showed these, second by second.
        let hundred = Weight::new(100).expect("100 is within 256");
        let shown: Vec<u32> = (0..=8).map(|up| weight(hundred, secs(up), secs(8)).shown()).collect();
        assert_eq!(shown, [7, 19, 32, 44, 57, 69, 82, 94, 100]);
        assert_eq!(step(secs(10)), secs(1));
        assert_eq!(step(secs(60)), secs(3));
    }

    #[test]
    fn limits_follow_load_and_age() {
        let limit = |maxconn, minconn, slow| ConnLimit {
            maxconn,
            minconn,
            fullconn: 1000,
            slowstart: Duration::from_secs(slow),
        };
        for (limit, conns, up, want) in [
            (limit(0, 0, 0), 5, None, None),
            (limit(100, 0, 0), 5, None, Some(100)),
            (limit(100, 10, 0), 5, None, Some(10)),
            (limit(100, 10, 0), 500, None, Some(50)),
            (limit(100, 10, 0), 1000, None, Some(100)),
            (limit(100, 0, 10), 0, Some(0), Some(1)),
            (limit(100, 0, 10), 0, Some(5), Some(50)),
            (limit(100, 0, 10), 0, Some(10), Some(100)),
        ] {
            assert_eq!(limit.now(conns, up.map(Duration::from_secs)), want, "{limit:?} {conns} {up:?}");
        }
    }
}
