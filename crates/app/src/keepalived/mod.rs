//! The `keepalived` personality: its command line, its processes, its log, its dumps and exit codes (keepalived(8)).
//!
//! ```text
//! argv      the command line as data
//! test      -t
//! parent    pid file, background, signals, the VRRP process and its respawn
//!  └ child  the VRRP process: the keeper, its signals, its socket for `evenkeel status` and `evenkeel why`
//! config    the file: read, judged, said (machine: what the reader asks of the system)
//! log, pid  syslog, console, files; pid files
//! timed     reload_time_file
//! dump      keepalived.data, .stats, .json
//! tell      evenkeel status, evenkeel why, metrics: the socket and its client
//! dbus      org.keepalived.Vrrp1
//! sight     what the running keeper shows, as data for both
//! ```

pub(crate) mod argv;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod log;
pub(crate) mod machine;

mod child;
mod dbus;
pub(crate) mod dump;
mod parent;
mod pid;
mod sight;
pub(crate) mod tell;
mod test;
mod timed;

use std::ffi::{OsStr, OsString};

use evenkeel_base::version;
use evenkeel_sys::family;
use rustix::process::Signal;

use crate::run;
use crate::say::{self, Exit, Voice};

use argv::{Asked, Command, Read, Signum};

/// The release of Keepalived whose behaviour is followed.
const FOLLOWS: &str = "2.2.7";

/// The original's exit code where there is nothing to run.
const NO_CONFIGURATION: u8 = 6;

/// Runs one command line; `program` is what the help calls it.
pub(crate) fn run(program: &str, args: &[OsString]) -> Exit {
    let voice = Voice::new(false);
    let Read { asked, faults } = argv::parse(args);
    for fault in &faults {
        voice.write(&format!("{fault}\n"));
    }
    match asked {
        Asked::Version => {
            voice.write(&version_text());
            Exit::Ok
        }
        Asked::Help => {
            voice.write(&argv::usage(program));
            Exit::Ok
        }
        Asked::Signum(Ok(signal)) => {
            say::print(&format!("{}\n", signal_number(signal)));
            Exit::Ok
        }
        Asked::Signum(Err(name)) => {
            voice.write(&format!("Unknown sigfunc {name}\n"));
            Exit::Failed
        }
        Asked::Run(_) if !faults.is_empty() => Exit::Failed,
        Asked::Run(command) => obey(args, &command, &voice),
    }
}

fn obey(args: &[OsString], command: &Command, voice: &Voice) -> Exit {
    if !command.operands.is_empty() {
        say::print(&format!("Unexpected argument(s): {} \n", command.operands.join(" ")));
    }
    for complaint in &command.complaints {
        voice.write(&format!("{complaint}\n"));
    }
    if command.test.is_some() {
        return test::run(command);
    }
    if !command.refused.is_empty() {
        for refusal in &command.refused {
            voice.write(&format!("keepalived: {refusal}\n"));
        }
        return Exit::Failed;
    }
    parent::live(args, command)
}

/// The number of a signal of `--signum`.
pub(crate) fn signal_number(signal: Signum) -> i32 {
    let (first, last) = family::realtime_signals();
    match signal {
        Signum::Stop => Signal::TERM.as_raw(),
        Signum::Reload => Signal::HUP.as_raw(),
        Signum::Data => Signal::USR1.as_raw(),
        Signum::Stats => Signal::USR2.as_raw(),
        Signum::StatsClear => last - 1,
        Signum::Json => first + 2,
    }
}

/// `Keepalived v2.2.7-evenkeel-0.1.0 (11/21,2026)`: the form that scripts take apart.
pub(crate) fn banner() -> String {
    let date = match version::DATE.split('/').collect::<Vec<_>>()[..] {
        [year, month, day] => format!("{month}/{day},{year}"),
        _ => version::DATE.to_string(),
    };
    format!("Keepalived v{FOLLOWS}-evenkeel-{} ({date})", version::OWN)
}

fn version_text() -> String {
    format!(
        "{}\n\n\
         This is Evenkeel {}, which follows Keepalived {FOLLOWS} and knows the keywords of 2.4.\n\n\
         Running on {}\n\n\
         Config options:  REGEX VRRP VRRP_AUTH VRRP_VMAC JSON BFD OLD_CHKSUM_COMPAT SNMP_VRRP SNMP_RFCV2 SNMP_RFCV3 DBUS SYSTEMD_NOTIFY\n",
        banner(),
        version::OWN,
        run::kernel(),
    )
}

/// The command line as the log has it.
fn quoted(args: &[OsString]) -> String {
    let words = std::iter::once(OsStr::new("keepalived")).chain(args.iter().map(OsString::as_os_str));
    words.map(|word| format!("'{}'", word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_originals_numbers() {
        for (signal, number) in [
            (Signum::Stop, 15),
            (Signum::Reload, 1),
            (Signum::Data, 10),
            (Signum::Stats, 12),
            (Signum::StatsClear, 63),
            (Signum::Json, 36),
        ] {
            assert_eq!(signal_number(signal), number, "{signal:?}");
        }
    }

    #[test]
    fn scripts_find_the_version() {
        let text = version_text();
        let first = text.lines().next().unwrap_or_default();
        let version = first.strip_prefix("Keepalived v").and_then(|rest| rest.split([' ', '-']).next());
        assert_eq!(version, Some(FOLLOWS));
        assert!(first.ends_with(')') && first.contains(" ("), "{first}");
    }
}
