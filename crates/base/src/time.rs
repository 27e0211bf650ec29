//! Time values. Brains are handed these; nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
pub use std::time::Duration;

/// A moment on the monotonic clock: nanoseconds since an origin that the driver chose. Virtual in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// From nanoseconds since the origin.
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// From milliseconds since the origin.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time passed since `earlier`; zero if it lies ahead.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

/// A date: microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// From microseconds since 1970-01-01 UTC.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// Whole seconds since 1970-01-01 UTC.
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Microseconds within the second, 0 to 999 999.
    pub const fn subsec_micros(self) -> u32 {
        (self.0 % 1_000_000) as u32
    }

    /// Milliseconds within the second, 0 to 999.
    pub const fn subsec_millis(self) -> u32 {
        self.subsec_micros() / 1000
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

/// What is wrong with a written time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// No digits.
    Empty,
    /// A character that is neither digit nor unit, at this byte.
    Unexpected(usize),
    /// More than the original's 2 147 483 647 ms.
    TooLong,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeError::Empty => f.write_str("a time needs a number"),
            TimeError::Unexpected(_) => f.write_str("units are us, ms, s, m, h and d"),
            TimeError::TooLong => f.write_str("the longest time is 2147483647 ms (24 days)"),
        }
    }
}

/// The unit of a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds: nearly every timeout.
    Millis,
    /// Seconds: `stats refresh`, `hard-stop-after` has units, cookies' `maxidle`.
    Seconds,
}

/// Reads a time as HAProxy does (configuration manual §2.5): digits, then one of us, ms, s, m, h, d, or nothing for
/// `bare`. Times over zero but under 1 ms are 1 ms, as there; those over 2^31 ms are an error.
pub fn parse_time(text: &str, bare: Unit) -> Result<Duration, TimeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(if text.is_empty() { TimeError::Empty } else { TimeError::Unexpected(0) });
    }
    let (number, unit) = text.split_at(digits);
    let micros_per: u128 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "" if bare == Unit::Seconds => 1_000_000,
        "" => 1_000,
        _ => return Err(TimeError::Unexpected(digits)),
    };
    let number: u64 = number.parse().map_err(|_| TimeError::TooLong)?;
    let micros = u128::from(number) * micros_per;
    if micros > 2_147_483_647_000 {
        return Err(TimeError::TooLong);
    }
    let micros = if micros == 0 { 0 } else { micros.max(1_000) };
    Ok(Duration::from_micros(micros as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_users_write_them() {
        for (text, want) in [
            ("10s", Ok(10_000)),
            ("1m", Ok(60_000)),
            ("5000", Ok(5_000)),
            ("24d", Ok(2_073_600_000)),
            ("25d", Err(TimeError::TooLong)),
            ("99999999999999999999999", Err(TimeError::TooLong)),
            ("10 s", Err(TimeError::Unexpected(2))),
            ("500us", Ok(1)),
            ("0us", Ok(0)),
            ("1500us", Ok(1)),
            ("", Err(TimeError::Empty)),
            ("fast", Err(TimeError::Unexpected(0))),
            ("5sec", Err(TimeError::Unexpected(1))),
        ] {
            assert_eq!(parse_time(text, Unit::Millis).map(|d| d.as_millis() as u64), want, "{text}");
        }
        assert_eq!(parse_time("5", Unit::Seconds), Ok(Duration::from_secs(5)));
    }

    #[test]
    fn instants_never_run_backwards() {
        let early = Instant::from_millis(5);
        let late = early + Duration::from_millis(10);
        assert_eq!(late - early, Duration::from_millis(10));
        assert_eq!(early - late, Duration::ZERO);
        assert!(Instant::from_nanos(u64::MAX) + Duration::MAX > late);
    }
}
