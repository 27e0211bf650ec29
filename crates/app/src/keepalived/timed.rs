//! `reload_time_file`: a file whose first line says when to reload. Looked at once a second, since the parent waits for
//! signals and nothing else.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_base::WallTime;
use evenkeel_sys::zone;

/// How often the file is looked at.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

/// Bytes of the file that are read.
const LINE_MAX: u64 = 64;

const DAY_S: i64 = 86_400;

/// A reload that a file asks for.
#[derive(Debug)]
pub(crate) struct Timed {
    path: PathBuf,
    repeat: bool,
    /// The file's line when it was looked at last.
    line: Option<String>,
    /// When to reload.
    pub(crate) at: Option<WallTime>,
}

/// What a look at the file brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing new.
    Same,
    /// A reload is due at that time.
    Due(WallTime),
    /// The file is gone, or its time has passed: no reload.
    Cancelled,
    /// It cannot be read as a time.
    Wrong(String),
    /// It is time.
    Now,
}

impl Timed {
    /// Watches a file.
    pub(crate) fn new(path: &str, repeat: bool) -> Timed {
        Timed { path: PathBuf::from(path), repeat, line: None, at: None }
    }

    /// Looks at the file and at the clock.
    pub(crate) fn look(&mut self, now: WallTime) -> Seen {
        let line = read(&self.path);
        if line != self.line {
            self.line = line;
            let Some(line) = &self.line else {
                return if self.at.take().is_some() { Seen::Cancelled } else { Seen::Same };
            };
            return match when(line, now) {
                Some(at) => {
                    self.at = Some(at);
                    Seen::Due(at)
                }
                None if moment(line, now).is_some() => {
                    self.at = None;
                    Seen::Cancelled
                }
                None => {
                    self.at = None;
                    Seen::Wrong(line.clone())
                }
            };
        }
        if self.at.is_none_or(|at| now < at) {
            return Seen::Same;
        }
        self.at = None;
        if self.repeat {
            // A time without a date comes again tomorrow.
            self.at = self.line.as_deref().and_then(|line| when(line, now));
        } else {
            // Else the next start would reload for a time that has passed. What cannot be removed is not looked at again.
            let _ = std::fs::remove_file(&self.path);
            self.line = read(&self.path);
        }
        Seen::Now
    }
}

fn read(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    let mut text = Vec::new();
    file.take(LINE_MAX).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.lines().next().unwrap_or_default().to_string())
}

/// The next time that a line means; `None` where it has passed or is no time.
fn when(line: &str, now: WallTime) -> Option<WallTime> {
    let mut at = moment(line, now)?;
    if at <= now && !line.contains('-') {
        at = WallTime::from_micros(at.as_micros() + DAY_S as u64 * 1_000_000);
    }
    (at > now).then_some(at)
}

/// `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, with `Z` for UTC (keepalived.conf(5)); without a date: today.
fn moment(line: &str, now: WallTime) -> Option<WallTime> {
    let (text, utc) = match line.strip_suffix('Z') {
        Some(text) => (text, true),
        None => (line, false),
    };
    let offset = |at: i64| if utc { 0 } else { i64::from(zone::utc_offset_secs(at.max(0) as u64)) };
    let (date, clock) = match text.split_once(' ') {
        Some((date, clock)) => (Some(date), clock),
        None => (None, text),
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let of_day = hour * 3_600 + minute * 60 + second;
    let days = match date {
        None => {
            let now = i64::try_from(now.secs()).ok()?;
            (now + offset(now)).div_euclid(DAY_S)
        }
        Some(date) => {
            let short = numbers(date, '-', [2, 2, 2]).map(|[year, month, day]| [2_000 + year, month, day]);
            let [year, month, day] = short.or_else(|| numbers(date, '-', [4, 2, 2]))?;
            if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
                return None;
            }
            days_of(year, month, day)
        }
    };
    let local = days * DAY_S + of_day;
    // The offset of the zone at about that time.
    let seconds = local - offset(local - offset(local));
    u64::try_from(seconds).ok().map(|seconds| WallTime::from_micros(seconds.saturating_mul(1_000_000)))
}

/// Three numbers of exactly so many digits.
fn numbers(text: &str, gap: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(gap);
    let mut out = [0; 3];
    for (value, digits) in out.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != digits || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *value = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Days from 1970-01-01 to a civil date, counted in years that begin in March.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fri Nov 27 23:22:56 2026 UTC.
    const NOW: u64 = 1_795_821_776;

    fn at(secs: u64) -> WallTime {
        WallTime::from_micros(secs * 1_000_000)
    }

    #[test]
    fn times_as_the_manual_has_them() {
        for (line, want) in [
            ("23:23:00Z", Some(NOW + 4)),
            ("23:22:56Z", Some(NOW + 86_400)),
            ("00:00:00Z", Some(NOW + 2_224)),
            ("2026-11-28 23:22:56Z", Some(NOW + 86_400)),
            ("26-11-28 23:22:56Z", Some(NOW + 86_400)),
            ("2026-11-27 23:22:56Z", None),
            ("1999-01-01 00:00:00Z", None),
            ("24:00:00Z", None),
            ("2026-13-01 00:00:00Z", None),
            ("7:00:00Z", None),
            (" 07:00:00Z", None),
            ("2026-11-28  07:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(when(line, at(NOW)), want.map(at), "{line}");
        }
        assert_eq!(days_of(1970, 1, 1), 0);
        assert_eq!(days_of(2000, 2, 29), 11_016);
    }

    #[test]
    fn the_file_is_followed() {
        let path = std::env::temp_dir().join(format!("ek-ktimed-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut timed = Timed::new(&path.to_string_lossy(), false);
        let put = |text: &str| std::fs::write(&path, text).expect("writable");
        assert_eq!(timed.look(at(NOW)), Seen::Same);
        put("23:23:00Z\n");
        assert_eq!(timed.look(at(NOW)), Seen::Due(at(NOW + 4)));
        assert_eq!(timed.look(at(NOW + 3)), Seen::Same);
        put("soon\n");
        assert_eq!(timed.look(at(NOW + 3)), Seen::Wrong("soon".to_string()));
        put("23:23:02Z\n");
        assert_eq!(timed.look(at(NOW + 3)), Seen::Due(at(NOW + 6)));
        std::fs::remove_file(&path).expect("ours");
        assert_eq!(timed.look(at(NOW + 4)), Seen::Cancelled);
        put("23:23:04Z\n");
        assert_eq!(timed.look(at(NOW + 4)), Seen::Due(at(NOW + 8)));
        assert_eq!(timed.look(at(NOW + 9)), Seen::Now);
        assert!(!path.exists(), "else the next start would reload again");
        assert_eq!(timed.look(at(NOW + 10)), Seen::Same);

        let mut timed = Timed::new(&path.to_string_lossy(), true);
        put("23:23:00Z\n");
        assert_eq!(timed.look(at(NOW)), Seen::Due(at(NOW + 4)));
        assert_eq!(timed.look(at(NOW + 4)), Seen::Now);
        assert_eq!(timed.at, Some(at(NOW + 4 + 86_400)));
        std::fs::remove_file(&path).expect("ours");
    }
}
