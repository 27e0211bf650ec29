//! The log of the daemon, as keepalived writes it: syslog with a name and the process's number, lines with the date on
//! standard error (`-l`), a file (`-g`). Never waits for who reads it: a message that syslog has no room for is lost.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use evenkeel_base::WallTime;
use evenkeel_sys::dgram::Datagram;
use evenkeel_sys::{Addr, clock, zone};

use super::argv::{Command, Facility};

/// Where syslog listens.
const SYSLOG: &str = "/dev/log";

/// Longest message of one datagram; longer ones are cut (syslog daemons take 1 to 8 KiB).
const MESSAGE_MAX: usize = 2_048;

/// How grave a line is, by syslog's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// `LOG_ALERT`: a process died.
    Alert = 1,
    /// `LOG_ERR`.
    Error = 3,
    /// `LOG_WARNING`.
    Warning = 4,
    /// `LOG_NOTICE`.
    Notice = 5,
    /// `LOG_INFO`: nearly everything, as in the original.
    Info = 6,
    /// `LOG_DEBUG`.
    Debug = 7,
}

/// What the log writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// `-l`.
    pub(crate) console: bool,
    /// `-D`.
    pub(crate) detail: bool,
    /// Not with `-G`.
    pub(crate) syslog: bool,
    /// `-S`.
    pub(crate) facility: Facility,
    /// `-g`.
    pub(crate) file: Option<PathBuf>,
    /// With `-t`: lines without dates, to standard error or to this file, and nothing to syslog.
    pub(crate) test: Option<Option<PathBuf>>,
}

impl Wishes {
    /// What the command line says.
    pub(crate) fn new(command: &Command) -> Wishes {
        Wishes {
            console: command.console,
            detail: command.detail,
            syslog: !command.no_syslog && command.test.is_none(),
            facility: command.facility.unwrap_or(Facility::Daemon),
            file: command.log_file.clone(),
            test: command.test.clone(),
        }
    }
}

/// The log of one process.
#[derive(Debug)]
pub(crate) struct Log {
    wishes: Wishes,
    /// `Keepalived`, `Keepalived_vrrp`, with the instance's and namespace's names behind.
    ident: String,
    pid: u32,
    sinks: Mutex<Sinks>,
}

#[derive(Debug, Default)]
struct Sinks {
    syslog: Option<Datagram>,
    file: Option<File>,
}

impl Log {
    /// Opens what is wished for. A syslog that is not there yet is found later.
    pub(crate) fn open(wishes: Wishes, ident: String, process: Process) -> Log {
        let mut sinks = Sinks::default();
        if wishes.syslog {
            sinks.syslog = Datagram::open(&Addr::Unix(PathBuf::from(SYSLOG))).ok();
        }
        let file =
            wishes.test.clone().flatten().or_else(|| wishes.file.as_deref().map(|f| process.log_file(f)));
        let mut fault = None;
        if let Some(path) = &file {
            match open_file(path) {
                Ok(file) => sinks.file = Some(file),
                Err(error) => fault = Some((path.clone(), error)),
            }
        }
        let log = Log { wishes, ident, pid: std::process::id(), sinks: Mutex::new(sinks) };
        if let Some((path, error)) = fault {
            let why = crate::say::system_words(&error);
            log.say(Grade::Error, &format!("cannot write the log file {}: {why}", path.display()));
        }
        log
    }

    /// What it was opened with.
    pub(crate) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// True with `-D`.
    pub(crate) fn detail(&self) -> bool {
        self.wishes.detail
    }

    /// The usual line.
    pub(crate) fn info(&self, text: &str) {
        self.say(Grade::Info, text);
    }

    /// Writes a text; each of its lines is one of the log.
    pub(crate) fn say(&self, grade: Grade, text: &str) {
        let now = clock::wall();
        let mut sinks = match self.sinks.lock() {
            Ok(sinks) => sinks,
            // A panic between two writes leaves nothing half done that matters here.
            Err(poisoned) => poisoned.into_inner(),
        };
        for line in text.lines() {
            self.write(&mut sinks, grade, now, line);
        }
    }

    fn write(&self, sinks: &mut Sinks, grade: Grade, now: WallTime, line: &str) {
        let line = clean(line);
        if self.wishes.test.is_some() {
            let text = format!("{line}\n");
            match &mut sinks.file {
                // Where the log cannot be written there is nowhere to say so.
                Some(file) => drop(file.write_all(text.as_bytes())),
                None => drop(std::io::stderr().lock().write_all(text.as_bytes())),
            }
            return;
        }
        let date = Date::local(now);
        let dated = format!("{}: {line}\n", date.long());
        if self.wishes.console {
            let _ = std::io::stderr().lock().write_all(dated.as_bytes());
        }
        if let Some(file) = &mut sinks.file {
            let _ = file.write_all(dated.as_bytes());
        }
        if let Some(syslog) = &sinks.syslog {
            let priority = self.wishes.facility.number() * 8 + grade as u8;
            let message = format!("<{priority}>{} {}[{}]: {line}", date.short(), self.ident, self.pid);
            // Nobody listens, or the queue is full: the line is lost, as the original's would be or would wait.
            let _ = syslog.send(message.as_bytes());
        }
    }
}

/// Which process writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// The parent.
    Parent,
    /// The VRRP child.
    Vrrp,
}

impl Process {
    /// The name in syslog, with what tells several daemons apart.
    pub(crate) fn ident(self, namespace: Option<&str>, instance: Option<&str>) -> String {
        let mut ident = "Keepalived".to_string();
        for part in [namespace, instance].into_iter().flatten() {
            ident.push('_');
            ident.push_str(part);
        }
        match self {
            Process::Parent => ident,
            Process::Vrrp => ident + "_vrrp",
        }
    }

    /// The log file: the VRRP process's has `_vrrp` before its last dot.
    fn log_file(self, path: &Path) -> PathBuf {
        match self {
            Process::Parent => path.to_path_buf(),
            Process::Vrrp => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let name = match path.extension() {
                    Some(ext) => format!("{stem}_vrrp.{}", ext.to_string_lossy()),
                    None => format!("{stem}_vrrp"),
                };
                path.with_file_name(name)
            }
        }
    }
}

fn open_file(path: &Path) -> std::io::Result<File> {
    // A link that another user has put there is not followed.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    let flags = i32::try_from(flags).unwrap_or(0);
    OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path)
}

/// Without control characters, and not too long for a datagram.
fn clean(line: &str) -> String {
    let mut out: String = line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    let mut end = MESSAGE_MAX.min(out.len());
    while !out.is_char_boundary(end) {
        end -= 1;
    }
    out.truncate(end);
    out
}

/// A date, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    year: i64,
    month: u32,
    day: u32,
    weekday: u32,
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

impl Date {
    /// In the machine's time zone.
    pub(crate) fn local(at: WallTime) -> Date {
        Date::new(at, zone::utc_offset_secs(at.secs()))
    }

    /// With an offset from UTC in seconds.
    pub(crate) fn new(at: WallTime, offset: i32) -> Date {
        let seconds = i64::try_from(at.secs()).unwrap_or(0) + i64::from(offset);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
        // Days to a civil date, counted in eras of 400 years from March on.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = (if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 }) as u32;
        Date {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: (of_year - (153 * shifted_month + 2) / 5 + 1) as u32,
            weekday: days.rem_euclid(7) as u32,
            hour: rest / 3_600,
            minute: rest / 60 % 60,
            second: rest % 60,
            micros: at.subsec_micros(),
        }
    }

    fn month_name(self) -> &'static str {
        MONTHS.get(self.month as usize - 1).copied().unwrap_or("???")
    }

    fn day_name(self) -> &'static str {
        DAYS.get(self.weekday as usize).copied().unwrap_or("???")
    }

    fn clock(self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// `Fri Nov 27 23:22:56 2026`, as ctime(3).
    pub(crate) fn long(self) -> String {
        format!("{} {} {:2} {} {}", self.day_name(), self.month_name(), self.day, self.clock(), self.year)
    }

    /// The same with microseconds, as the dumps have it.
    pub(crate) fn long_micros(self) -> String {
        let (day, month, micros) = (self.day_name(), self.month_name(), self.micros);
        format!("{day} {month} {:2} {}.{micros:06} {}", self.day, self.clock(), self.year)
    }

    /// `Nov 27 23:22:56`, as syslog's.
    pub(crate) fn short(self) -> String {
        format!("{} {:2} {}", self.month_name(), self.day, self.clock())
    }

    /// `14:02:11.318`.
    pub(crate) fn time_millis(self) -> String {
        format!("{}.{:03}", self.clock(), self.micros / 1_000)
    }

    /// `2026-11-27 14:02:11.318`.
    pub(crate) fn iso_millis(self) -> String {
        format!("{:04}-{:02}-{:02} {}", self.year, self.month, self.day, self.time_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_ctime_writes_them() {
        for (secs, offset, want) in [
            (1_795_821_776, 0, "Fri Nov 27 23:22:56 2026"),
            (1_795_821_776, 3_600, "Sat Nov 28 00:22:56 2026"),
            (0, 0, "Thu Jan  1 00:00:00 1970"),
            (0, -1, "Wed Dec 31 23:59:59 1969"),
            (951_782_400, 0, "Tue Feb 29 00:00:00 2000"),
            (4_107_542_400, 0, "Mon Mar  1 00:00:00 2100"),
        ] {
            assert_eq!(Date::new(WallTime::from_micros(secs * 1_000_000), offset).long(), want);
        }
        let date = Date::new(WallTime::from_micros(1_795_821_776_935_201), 0);
        assert_eq!(date.long_micros(), "Fri Nov 27 23:22:56.935201 2026");
        assert_eq!(date.short(), "Nov 27 23:22:56");
        assert_eq!(date.iso_millis(), "2026-11-27 23:22:56.935");
    }

    #[test]
    fn names_of_processes_and_their_files() {
        assert_eq!(Process::Parent.ident(None, None), "Keepalived");
        assert_eq!(Process::Vrrp.ident(Some("ns"), Some("i")), "Keepalived_ns_i_vrrp");
        for (path, want) in
            [("/a/k.log", "/a/k_vrrp.log"), ("/a.b/k", "/a.b/k_vrrp"), ("k.a.log", "k.a_vrrp.log")]
        {
            assert_eq!(Process::Vrrp.log_file(Path::new(path)), Path::new(want));
        }
    }

    #[test]
    fn lines_are_clean_and_bounded() {
        assert_eq!(clean("a\x1b[1mb\0"), "a [1mb ");
        assert_eq!(clean(&"ä".repeat(2_000)).len(), MESSAGE_MAX);
    }

    #[test]
    fn a_test_writes_its_file_without_dates() {
        let path = std::env::temp_dir().join(format!("ek-klog-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let command = Command { test: Some(Some(path.clone())), ..Command::default() };
        let log = Log::open(Wishes::new(&command), "Keepalived".to_string(), Process::Parent);
        log.info("one\ntwo");
        assert_eq!(std::fs::read_to_string(&path).expect("written"), "one\ntwo\n");
        std::fs::remove_file(&path).expect("ours");
    }
}
