//! Dates of log lines in the local time zone, worked out once per second.

use evenkeel_base::WallTime;
use evenkeel_sys::zone;

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// `Nov 21 10:45:48 `.
const SYSLOG_LEN: usize = 16;
/// `2026-11-21T10:45:48.897081+05:30 `.
const ISO_LEN: usize = 33;
/// Where the microseconds stand in it.
const MICROS_AT: usize = 20;

/// The texts of one second.
#[derive(Debug, Default)]
pub(super) struct Stamp {
    secs: Option<u64>,
    syslog: [u8; SYSLOG_LEN],
    iso: Vec<u8>,
    /// The second that `iso` shows: it may be later than that of `syslog`, which comes from the loop's clock.
    iso_secs: Option<u64>,
    offset: i32,
}

/// A local date in digits.
struct Digits {
    year: [u8; 4],
    month: usize,
    day: [u8; 2],
    time: [u8; 8],
}

impl Stamp {
    /// The second that the next lines are of.
    pub(super) fn set(&mut self, date: WallTime) {
        if self.secs != Some(date.secs()) {
            self.set_with_offset(date, zone::utc_offset_secs(date.secs()));
        }
    }

    /// The same in a zone so many seconds east.
    pub(super) fn set_with_offset(&mut self, date: WallTime, offset: i32) {
        self.secs = Some(date.secs());
        self.offset = offset;
        let Digits { month, day, time, .. } = digits(date.secs(), offset);
        self.syslog = *b"            :00 ";
        self.syslog[..3].copy_from_slice(MONTHS[month]);
        // RFC 3164 §4.1.2: a day of one digit has a blank before it.
        self.syslog[4] = if day[0] == b'0' { b' ' } else { day[0] };
        self.syslog[5] = day[1];
        self.syslog[7..15].copy_from_slice(&time);
    }

    /// `Nov 21 10:45:48 `.
    pub(super) fn syslog(&self) -> &[u8] {
        &self.syslog
    }

    /// `2026-11-21T10:45:48.897081+05:30 `.
    pub(super) fn iso(&mut self, now: WallTime) -> &[u8] {
        if self.iso_secs != Some(now.secs()) {
            self.iso_secs = Some(now.secs());
            let Digits { year, month, day, time } = digits(now.secs(), self.offset);
            let (sign, east) = if self.offset < 0 { ('-', -self.offset) } else { ('+', self.offset) };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (year, day, time) = (text(&year), text(&day), text(&time));
            let (hours, minutes) = (east / 3600, east / 60 % 60);
            self.iso =
                format!("{year}-{:02}-{day}T{time}.000000{sign}{hours:02}:{minutes:02} ", month + 1).into();
            debug_assert_eq!(self.iso.len(), ISO_LEN, "the microseconds have their place");
        }
        let mut micros = now.subsec_micros();
        for digit in self.iso.iter_mut().skip(MICROS_AT).take(6).rev() {
            *digit = b'0' + (micros % 10) as u8;
            micros /= 10;
        }
        &self.iso
    }
}

fn digits(secs: u64, offset: i32) -> Digits {
    // `Sun, 06 Nov 1994 08:49:37 GMT`: the calendar is worked out there already.
    let date = evenkeel_http::date::imf_fixdate(secs.saturating_add_signed(i64::from(offset)));
    let month = MONTHS.iter().position(|name| *name == &date[8..11]).unwrap_or(0);
    let mut digits = Digits { year: *b"1970", month, day: *b"01", time: *b"00:00:00" };
    digits.year.copy_from_slice(&date[12..16]);
    digits.day.copy_from_slice(&date[5..7]);
    digits.time.copy_from_slice(&date[17..25]);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_their_zones() {
        for (secs, offset, syslog, iso) in [
            (0, 0, "Jan  1 00:00:00 ", "1970-01-01T00:00:00.000042+00:00 "),
            (1_795_257_948, 0, "Nov 21 10:45:48 ", "2026-11-21T10:45:48.000042+00:00 "),
            (1_795_257_948, 19_800, "Nov 21 16:15:48 ", "2026-11-21T16:15:48.000042+05:30 "),
            (1_795_257_948, -43_200, "Nov 20 22:45:48 ", "2026-11-20T22:45:48.000042-12:00 "),
            (1_583_020_799, 0, "Feb 29 23:59:59 ", "2020-02-29T23:59:59.000042+00:00 "),
        ] {
            let mut stamp = Stamp::default();
            let date = WallTime::from_micros(secs * 1_000_000 + 42);
            stamp.set_with_offset(date, offset);
            assert_eq!(String::from_utf8_lossy(stamp.syslog()), syslog);
            assert_eq!(String::from_utf8_lossy(stamp.iso(date)), iso);
        }
    }
}
