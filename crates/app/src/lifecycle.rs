//! The life of the process: limits, background, sockets, pid file, privileges, shards; then signals until the end
//! (management manual §4).
//!
//! SIGTERM and SIGINT are left to the system, which ends the process at once: nothing has to be tidied that a sudden death
//! would not leave as well, and whoever waits sees the signal, as with the original.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use evenkeel_base::{Level, ServerId};
use evenkeel_plan::Plan;
use evenkeel_sys::process::{self, PidFile, Ready};
use evenkeel_sys::signal::{Signal, Signals};
use evenkeel_sys::user::{self, Privileges};
use rustix::process::{Pid, kill_process};

use crate::argv::{Command, OldStop};
use crate::haproxy;
use crate::limits::{self, Limits, Wants};
use crate::run::{self, Running};
use crate::say::{self, Exit, Voice};
use crate::sockets::{self, Sockets};
use crate::trace;

/// The name in `/proc/…/comm`, which `killall -0 haproxy` looks for.
const COMM: &str = "haproxy";

/// Tries to open sockets while an old process that was asked to pause gives them up.
const BIND_TRIES: u32 = 20;

/// Time between two tries.
const BIND_PAUSE: Duration = Duration::from_millis(50);

/// Runs a configuration until it ends.
pub(crate) fn live(
    mut plan: Plan,
    addresses: &[(ServerId, IpAddr)],
    command: &Command,
    voice: &mut Voice,
) -> Exit {
    // The name is cosmetic: a system that refuses it still runs us.
    let _ = process::set_comm(COMM);
    let shards = plan.global.shards.map_or_else(run::cores, |n| n as usize).max(1);
    let Some(limits) = raise_limits(&plan, command, shards, voice) else { return Exit::Failed };
    plan.global.maxconn = Some(limits.maxconn);
    if command.verbose {
        voice.write(&haproxy::verbose_text(limits.maxconn, limits.computed));
    }
    // The parent stays until all is well, so that whoever started us sees every fault and the exit code.
    let background = command.daemon || (plan.global.daemon && !command.foreground);
    let ready = match background.then(process::daemonize).transpose() {
        Ok(ready) => ready,
        Err(error) => return fail(voice, "Cannot fork", &error),
    };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(control(plan, addresses, shards, command, ready, voice)),
        Err(error) => fail(voice, "Cannot start the control thread", &error),
    }
}

/// The control thread's work from the first socket on.
async fn control(
    plan: Plan,
    addresses: &[(ServerId, IpAddr)],
    shards: usize,
    command: &Command,
    ready: Option<Ready>,
    voice: &mut Voice,
) -> Exit {
    let mut which = vec![Signal::Usr1, Signal::Usr2, Signal::Hup, Signal::Quit, Signal::Ttou, Signal::Ttin];
    if std::process::id() == 1 {
        // The first process of a container: signals without a handler do not reach it.
        which.extend([Signal::Term, Signal::Int]);
    }
    // Before the first socket: who can reach us can also signal us.
    let mut signals = match Signals::new(&which) {
        Ok(signals) => signals,
        Err(error) => return fail(voice, "Cannot catch signals", &error),
    };
    let Some(sockets) = open_sockets(&plan, command, shards, voice) else { return Exit::Failed };
    if ready.is_some()
        && let Some(path) = &plan.global.pidfile
        && let Err(exit) = write_pid(path, voice)
    {
        return exit;
    }
    if let Err(exit) = drop_privileges(&plan, voice) {
        return exit;
    }
    trace::install(voice.is_quiet(), command.verbose);
    let mut running = match Running::start(plan, addresses, sockets) {
        Ok(running) => running,
        Err(error) => return fail(voice, "Cannot start", &error),
    };
    match command.old_stop {
        Some(OldStop::Finish) => signal_old(command, rustix::process::Signal::USR1),
        Some(OldStop::Terminate) => signal_old(command, rustix::process::Signal::TERM),
        None => {}
    }
    if let Some(ready) = ready
        && let Err(error) = ready.announce()
    {
        return fail(voice, "Cannot leave the terminal", &error);
    }
    until_the_end(&mut running, &mut signals).await
}

fn fail(voice: &mut Voice, what: &str, why: &dyn std::fmt::Display) -> Exit {
    voice.say(Level::Error, format_args!("[haproxy.main()] {what} ({why})"));
    Exit::Failed
}

/// Asks the system for the open files that the connections need.
fn raise_limits(plan: &Plan, command: &Command, shards: usize, voice: &mut Voice) -> Option<Limits> {
    let (_, hard) = process::nofile();
    // `fd-hard-limit` speaks where the system's limit is above it, or there is none.
    let hard = [hard, plan.global.fd_hard_limit].into_iter().flatten().min();
    let limits = limits::limits(&Wants {
        maxconn: plan.global.maxconn,
        ulimit_n: plan.global.ulimit_n,
        memory: command.memory_mb.map(|mb| u64::from(mb) << 20),
        buffers: 2 * u64::from(plan.global.bufsize),
        overhead: limits::overhead(plan, shards as u64),
        hard,
    });
    match process::set_nofile(limits.nofile) {
        Ok(()) => Some(limits),
        // What was computed from the hard limit, the hard limit gives.
        Err(_) if limits.computed && plan.global.ulimit_n.is_none() => Some(limits),
        Err(short) => {
            let help =
                "Lower `maxconn`, or raise the limit (LimitNOFILE= in the service's unit, or `ulimit -n`).";
            let (wanted, allowed) = (short.wanted, short.allowed);
            voice.say(
                Level::Error,
                format_args!(
                    "[haproxy.main()] Cannot raise FD limit to {wanted}, limit is {allowed}.\n{help}"
                ),
            );
            None
        }
    }
}

/// Opens all sockets. Where old processes have them, asks these to pause (SIGTTOU), and to go on (SIGTTIN) if that does
/// not help.
fn open_sockets(plan: &Plan, command: &Command, shards: usize, voice: &mut Voice) -> Option<Sockets> {
    let mut faults = match sockets::open(plan, shards) {
        Ok(sockets) => return Some(sockets),
        Err(faults) => faults,
    };
    if !command.old_pids.is_empty() && faults.iter().all(sockets::BindFault::in_use) {
        signal_old(command, rustix::process::Signal::TTOU);
        for _ in 0..BIND_TRIES {
            std::thread::sleep(BIND_PAUSE);
            match sockets::open(plan, shards) {
                Ok(sockets) => return Some(sockets),
                Err(again) => faults = again,
            }
        }
        signal_old(command, rustix::process::Signal::TTIN);
    }
    sockets::complain(&faults, plan, voice);
    None
}

fn signal_old(command: &Command, signal: rustix::process::Signal) {
    for pid in command.old_pids.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
        // One that is gone needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// The daemon's number, in a file that only a daemon writes, while its folder can still be reached.
fn write_pid(path: &Path, voice: &mut Voice) -> Result<(), Exit> {
    PidFile::create(path).and_then(PidFile::write).map_err(|error| {
        let what = format!("Cannot create pidfile {}", path.display());
        fail(voice, &what, &say::system_words(&error))
    })
}

fn drop_privileges(plan: &Plan, voice: &mut Voice) -> Result<(), Exit> {
    let to = Privileges {
        chroot: plan.global.chroot.clone(),
        uid: run::account_number(plan.global.user.as_ref()),
        gid: run::account_number(plan.global.group.as_ref()),
    };
    user::drop_privileges(&to).map_err(|error| {
        let (what, why) = match &error {
            user::DropError::Chroot { path, source } => {
                (format!("Cannot chroot({})", path.display()), source)
            }
            user::DropError::Groups(source) => ("Cannot drop supplementary groups".to_string(), source),
            user::DropError::Gid { gid, source } => (format!("Cannot set gid {gid}"), source),
            user::DropError::Uid { uid, source } => (format!("Cannot set uid {uid}"), source),
        };
        let help = match why.kind() {
            io::ErrorKind::PermissionDenied => "\nOnly root can: start as root, or remove the line.",
            _ => "",
        };
        let why = say::system_words(why);
        voice.say(Level::Error, format_args!("[haproxy.main()] {what} ({why}).{help}"));
        Exit::Failed
    })
}

async fn until_the_end(running: &mut Running, signals: &mut Signals) -> Exit {
    loop {
        let signal = tokio::select! {
            signal = signals.next() => signal,
            exit = running.ended() => return exit,
        };
        match signal {
            Signal::Term | Signal::Int => return Exit::Ok,
            Signal::Usr1 => running.stop_softly(),
            Signal::Hup => running.dump_states(),
            Signal::Quit => running.dump_memory(),
            Signal::Ttou => running.pause(),
            Signal::Ttin => running.resume(),
            // Only a master reloads; the original ignores it as well.
            Signal::Usr2 | Signal::Chld => {}
        }
    }
}
