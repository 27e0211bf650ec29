//! The calendar: moments as text, by the letters of strftime(3) in the C locale.

/// A moment in a time zone, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    epoch: i64,
    offset: i32,
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
    /// 0 is Sunday.
    weekday: u32,
    /// From 0.
    yearday: u32,
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Years past this are held to it: no output grows without end.
const SECS_MAX: i64 = 253_402_300_799;

impl Moment {
    /// Seconds since 1970 UTC, seen `offset` seconds east of UTC.
    pub(crate) fn new(epoch: i64, offset: i32) -> Self {
        let local = epoch.clamp(-SECS_MAX, SECS_MAX) + i64::from(offset);
        let (days, secs) = (local.div_euclid(86_400), local.rem_euclid(86_400) as u32);
        let (year, month, day) = civil(days);
        let yearday = (days - days_of(year, 1, 1)) as u32;
        Self {
            epoch,
            offset,
            year,
            month,
            day,
            hour: secs / 3600,
            minute: secs / 60 % 60,
            second: secs % 60,
            weekday: (days + 4).rem_euclid(7) as u32,
            yearday,
        }
    }

    /// The month's first three letters.
    pub(crate) fn month_short(&self) -> &'static str {
        short(MONTHS.get(self.month as usize - 1).copied().unwrap_or(""))
    }

    /// `+hhmm`.
    pub(crate) fn zone(&self) -> String {
        let minutes = self.offset.abs() / 60;
        format!("{}{:02}{:02}", if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }

    /// Writes `format`; `%N` is the fraction of the second.
    pub(crate) fn format(&self, format: &[u8], micros: u32, out: &mut Vec<u8>) {
        let mut rest = format;
        while let Some((b, tail)) = rest.split_first() {
            rest = tail;
            if *b != b'%' {
                out.push(*b);
                continue;
            }
            let digits = match tail {
                [d @ b'1'..=b'6', b'N', tail @ ..] => {
                    rest = tail;
                    Some(usize::from(d - b'0'))
                }
                [b'N', tail @ ..] => {
                    rest = tail;
                    Some(6)
                }
                _ => None, // some other letter
            };
            if let Some(digits) = digits {
                out.extend(format!("{micros:06}").bytes().take(digits));
                continue;
            }
            let Some((letter, tail)) = rest.split_first() else {
                out.push(b'%');
                return;
            };
            rest = tail;
            match self.letter(*letter) {
                Some(text) => out.extend_from_slice(text.as_bytes()),
                None => out.extend_from_slice(&[b'%', *letter]),
            }
        }
    }

    fn letter(&self, letter: u8) -> Option<String> {
        let Self { year, month, day, hour, minute, second, weekday, yearday, .. } = *self;
        let hour12 = (hour + 11) % 12 + 1;
        let day_name = DAYS.get(weekday as usize).copied().unwrap_or("");
        let month_name = MONTHS.get(month as usize - 1).copied().unwrap_or("");
        let several = |format: &str| {
            let mut out = Vec::new();
            self.format(format.as_bytes(), 0, &mut out);
            String::from_utf8(out).ok()
        };
        Some(match letter {
            b'Y' => year.to_string(),
            b'C' => format!("{:02}", year.div_euclid(100)),
            b'y' => format!("{:02}", year.rem_euclid(100)),
            b'm' => format!("{month:02}"),
            b'd' => format!("{day:02}"),
            b'e' => format!("{day:2}"),
            b'j' => format!("{:03}", yearday + 1),
            b'H' => format!("{hour:02}"),
            b'k' => format!("{hour:2}"),
            b'I' => format!("{hour12:02}"),
            b'l' => format!("{hour12:2}"),
            b'M' => format!("{minute:02}"),
            b'S' => format!("{second:02}"),
            b'p' => (if hour < 12 { "AM" } else { "PM" }).into(),
            b'P' => (if hour < 12 { "am" } else { "pm" }).into(),
            b'a' => short(day_name).into(),
            b'A' => day_name.into(),
            b'b' | b'h' => short(month_name).into(),
            b'B' => month_name.into(),
            b'u' => (if weekday == 0 { 7 } else { weekday }).to_string(),
            b'w' => weekday.to_string(),
            b'U' => format!("{:02}", (yearday + 7 - weekday) / 7),
            b'W' => format!("{:02}", (yearday + 7 - (weekday + 6) % 7) / 7),
            b'V' => format!("{:02}", self.iso_week().1),
            b'G' => self.iso_week().0.to_string(),
            b'g' => format!("{:02}", self.iso_week().0.rem_euclid(100)),
            b's' => self.epoch.to_string(),
            b'z' => self.zone(),
            b'Z' if self.offset == 0 => "UTC".into(),
            b'Z' => self.zone(),
            b'F' => several("%Y-%m-%d")?,
            b'T' | b'X' => several("%H:%M:%S")?,
            b'D' | b'x' => several("%m/%d/%y")?,
            b'R' => several("%H:%M")?,
            b'r' => several("%I:%M:%S %p")?,
            b'c' => several("%a %b %e %H:%M:%S %Y")?,
            b'n' => "\n".into(),
            b't' => "\t".into(),
            b'%' => "%".into(),
            _ => return None, // no letter of strftime
        })
    }

    /// Year and week by ISO 8601: weeks start on Monday, the first has the year's first Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let day = i64::from(self.yearday);
        let monday_based = i64::from((self.weekday + 6) % 7);
        let week = (day - monday_based + 10).div_euclid(7);
        let weeks_in = |year: i64| {
            let first = (days_of(year, 1, 1) + 3).rem_euclid(7); // 0 is Monday
            let leap = days_of(year + 1, 1, 1) - days_of(year, 1, 1) == 366;
            if first == 3 || (leap && first == 2) { 53 } else { 52 }
        };
        if week < 1 {
            (self.year - 1, weeks_in(self.year - 1))
        } else if week > weeks_in(self.year) {
            (self.year + 1, 1)
        } else {
            (self.year, week)
        }
    }
}

fn short(name: &'static str) -> &'static str {
    name.get(..3).unwrap_or(name)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_of(year: i64, month: u32, day: u32) -> i64 {
    // Years start in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (i64::from(month) + if month > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a count of days since 1970-01-01.
fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = (if shifted < 10 { shifted + 3 } else { shifted - 9 }) as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_the_library() {
        for (epoch, offset, format, want) in [
            (
                1_700_000_000,
                0,
                "%a %A %b %B %d %e %j %y %p %I %z %F %T %D %R %u %w %U %W %V %G %g %C %c %k %l %r",
                "Tue Tuesday Nov November 14 14 318 23 PM 10 +0000 2023-11-14 22:13:20 11/14/23 22:13 2 2 46 46 46 2023 23 20 Tue Nov 14 22:13:20 2023 22 10 10:13:20 PM",
            ),
            (1_700_000_000, -12_600, "%H:%M %z", "18:43 -0330"),
            (951_782_400, 0, "%F", "2000-02-29"),
            (-1, 0, "%F %T", "1969-12-31 23:59:59"),
            (1_609_459_200, 0, "%G-%V %U %W", "2020-53 00 00"),
            (0, 0, "%Q %", "%Q %"),
        ] {
            let mut out = Vec::new();
            Moment::new(epoch, offset).format(format.as_bytes(), 0, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{epoch} {format}");
        }
    }
}
