//! The life of the daemon's first process, as scripts and service managers know it from the original: pid file, background,
//! signals; it starts the VRRP process, starts it again when it dies, and ends it. It has no threads: it forks.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_conf::keepalived::{Env, Loaded};
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::family::{self, Awaited, Ending, Fork};
use evenkeel_sys::process::{self, DaemonizeError, Ready};
use evenkeel_sys::{clock, notify};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::process::Signal;

use super::argv::{Command, Signum};
use super::dump::{self, place};
use super::log::{Date, Grade, Log, Process, Wishes};
use super::pid::{self, Found, PidFiles};
use super::timed::{self, Seen, Timed};
use super::{NO_CONFIGURATION, banner, child, config, quoted, signal_number};
use crate::run;
use crate::say::{self, Exit, Voice};

/// The name in `/proc/…/comm`.
pub(crate) const COMM: &str = "keepalived";

/// The original's umask: what it writes is its own.
const UMASK: u32 = 0o177;

/// How long a new VRRP process may take until it says that it runs; then the parent goes on without its word.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How long the VRRP process may take to end (`child_wait_time`).
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Longest wait before a VRRP process that dies again and again is started anew.
const RESPAWN_MAX: Duration = Duration::from_secs(60);

/// A VRRP process that lived so long died for another reason than its predecessor.
const LIVED: Duration = Duration::from_secs(60);

/// Bytes of a fault that a new VRRP process may report.
const FAULT_MAX: u64 = 4_096;

/// Where the kernel's pattern of core dumps is.
const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";

/// Runs the daemon until it ends.
pub(crate) fn live(args: &[OsString], command: &Command) -> Exit {
    let mut command = command.clone();
    // The daemon's working directory is another one later.
    for path in [&mut command.log_file, &mut command.parent_pid, &mut command.vrrp_pid].into_iter().flatten()
    {
        if let Ok(absolute) = std::path::absolute(&path) {
            *path = absolute;
        }
    }
    let command = &command;
    let log = Log::open(Wishes::new(command), Process::Parent.ident(None, None), Process::Parent);
    log.info(&format!("Starting {}", banner()));
    log.info(&format!("Running on {}", run::kernel()));
    log.info(&format!("Command line: {}", quoted(args)));
    for note in &command.notes {
        log.info(note);
    }
    begin(command, log)
}

/// The log's last line.
fn stop(log: &Log, exit: Exit) -> Exit {
    log.info(&format!("Stopped {}", banner()));
    exit
}

/// Everything up to the loop; in the VRRP process, all of its life.
fn begin(command: &Command, log: Log) -> Exit {
    let path = config::path(command);
    // As above; in the foreground it is named as given.
    let absolute = (!command.foreground).then(|| std::path::absolute(&path));
    let path = absolute.and_then(Result::ok).unwrap_or(path);
    if let Err(unreadable) = config::look(&path) {
        log.info(&unreadable.to_string());
        complain(command, &unreadable.to_string());
        return stop(&log, Exit::Code(NO_CONFIGURATION));
    }
    log.info(&format!("Configuration file {}", path.display()));
    let env = config::env(command);
    let mut loaded = config::load(&path, &env, command);
    let in_file = loaded.plan.global.net_namespace.clone();
    if let (Some(given), Some(in_file)) = (&command.namespace, &in_file) {
        log.info(&format!(
            "Overriding config net_namespace '{in_file}' with command line namespace '{given}'"
        ));
    }
    let namespace = command.namespace.clone().or(in_file);
    if let Some(name) = &namespace {
        if let Err(error) = enter_network(name) {
            let why = say::system_words(&error);
            log.say(Grade::Error, &format!("Unable to set network namespace {name} - exiting ({why})"));
            complain(command, &format!("cannot enter network namespace {name}: {why}"));
            return stop(&log, Exit::Ok);
        }
        // What the machine has is another question in there.
        loaded = config::load(&path, &env, command);
    }
    let instance = loaded.plan.global.instance.clone();
    let ident = Process::Parent.ident(namespace.as_deref(), instance.as_deref());
    let log = if namespace.is_some() || instance.is_some() {
        log.info(&format!("Changing syslog ident to {ident}"));
        Log::open(Wishes::new(command), ident, Process::Parent)
    } else {
        log
    };
    config::say(&log, &loaded.findings, &loaded.sources);
    if config::is_fatal(loaded.exit) {
        complain(command, "the configuration cannot be used, see the log, or `keepalived -t`");
        return stop(&log, Exit::Code(loaded.exit.code()));
    }
    let global = &loaded.plan.global;
    let pids = PidFiles::new(command, global.use_pid_dir, namespace.as_deref(), instance.as_deref());
    if let Found::Running(other) = pid::look(&pids.parent) {
        log.info("daemon is already running");
        complain(command, &format!("daemon is already running (process {other}, {})", pids.parent.display()));
        return stop(&log, Exit::Ok);
    }
    Parent::new(command, path, env, namespace, pids, log, loaded).live()
}

/// Says something to who started the daemon from a terminal; the log has it as well.
fn complain(command: &Command, text: &str) {
    if !command.console {
        Voice::new(false).write(&format!("keepalived: {text}\n"));
    }
}

/// The VRRP process, as the parent sees it.
#[derive(Debug)]
struct Vrrp {
    pid: u32,
    since: Instant,
}

struct Parent<'a> {
    command: &'a Command,
    path: PathBuf,
    env: Env,
    namespace: Option<String>,
    pids: PidFiles,
    log: Log,
    /// The plan in force: what a new VRRP process is given.
    plan: Option<KeeperPlan>,
    vrrp: Option<Vrrp>,
    /// When the next VRRP process is to be started.
    respawn_at: Option<Instant>,
    /// Deaths in a row of VRRP processes that did not live long.
    deaths: u32,
    /// In the background: who started us still waits.
    ready: Option<Ready>,
    /// What `-M` has changed.
    core_pattern: Option<Vec<u8>>,
    /// `reload_time_file`.
    timed: Option<Timed>,
}

/// What comes of starting a VRRP process.
enum Started {
    /// It runs.
    Running,
    /// This is it, at the end of its life.
    WasChild(Exit),
    /// It could not start, or said nothing in time.
    Failed(String),
}

impl<'a> Parent<'a> {
    fn new(
        command: &'a Command,
        path: PathBuf,
        env: Env,
        namespace: Option<String>,
        pids: PidFiles,
        log: Log,
        loaded: Loaded,
    ) -> Parent<'a> {
        let timed = timed(&loaded.plan);
        Parent {
            command,
            path,
            env,
            namespace,
            pids,
            log,
            plan: Some(loaded.plan),
            vrrp: None,
            respawn_at: None,
            deaths: 0,
            ready: None,
            core_pattern: None,
            timed,
        }
    }

    fn plan(&self) -> &KeeperPlan {
        // Taken in the VRRP process only, which never comes back here.
        self.plan.as_ref().expect("the parent keeps its plan")
    }

    fn live(mut self) -> Exit {
        self.set_process_up();
        if !self.command.foreground {
            match process::daemonize() {
                Ok(ready) => self.ready = Some(ready),
                Err(error) => return self.fail(&daemonize_words(&error)),
            }
            // The original's daemons keep no folder busy.
            let _ = std::env::set_current_dir("/");
        }
        let signals = match Awaited::block(&awaited()) {
            Ok(signals) => signals,
            Err(error) => {
                return self.fail(&format!("cannot hold signals back: {}", say::system_words(&error)));
            }
        };
        if pid::look(&self.pids.parent) == Found::Stale {
            self.log.info(&format!("Remove a zombie pid file {}", self.pids.parent.display()));
        }
        let written = self.pids.make_folder().and_then(|()| pid::write(&self.pids.parent));
        if let Err(error) = written {
            let path = self.pids.parent.display();
            let why = format!("cannot write the pid file {path}: {}", say::system_words(&error));
            return self.fail(&why);
        }
        if config::has_vrrp(self.plan()) {
            match self.start_vrrp(&signals) {
                Started::Running => {}
                Started::WasChild(exit) => return exit,
                Started::Failed(why) => {
                    self.end_vrrp(&signals);
                    return self.fail(&why);
                }
            }
        } else {
            self.log.info("Warning - keepalived has no configuration to run");
        }
        self.log.info("Startup complete");
        if let Some(ready) = self.ready.take()
            && let Err(error) = ready.announce()
        {
            self.log.say(Grade::Error, &format!("cannot leave the terminal: {}", say::system_words(&error)));
        }
        self.tell_manager(&format!("READY=1\nMAINPID={}", std::process::id()));
        self.until_the_end(&signals)
    }

    /// Name, umask, core dumps.
    fn set_process_up(&mut self) {
        let global = &self.plan().global;
        // The name is cosmetic: a system that refuses it still runs us.
        let _ = process::set_comm(global.process_name.as_deref().unwrap_or(COMM));
        let umask = self.umask();
        rustix::process::umask(Mode::from_raw_mode(umask));
        if self.command.core
            && let Err(error) = process::set_dumpable(true)
        {
            self.log.info(&format!("cannot allow core dumps: {}", say::system_words(&error)));
        }
        if let Some(pattern) = &self.command.core_pattern {
            let before = std::fs::read(CORE_PATTERN);
            match before.and_then(|before| std::fs::write(CORE_PATTERN, pattern).map(|()| before)) {
                Ok(before) => self.core_pattern = Some(before),
                Err(error) => {
                    self.log.info(&format!("cannot set {CORE_PATTERN}: {}", say::system_words(&error)));
                }
            }
        }
    }

    fn umask(&self) -> u32 {
        self.command.umask.or(self.plan().global.umask).unwrap_or(UMASK)
    }

    /// Ends before the daemon runs.
    fn fail(self, why: &str) -> Exit {
        self.log.say(Grade::Error, why);
        complain(self.command, why);
        self.end(Exit::Failed)
    }

    /// Forks the VRRP process and waits until it says how it stands.
    fn start_vrrp(&mut self, signals: &Awaited) -> Started {
        let (read, write) = match rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) {
            Ok(pipe) => pipe,
            Err(error) => return Started::Failed(format!("pipe: {}", say::system_words(&error.into()))),
        };
        match family::fork() {
            Err(error) => Started::Failed(daemonize_words(&error)),
            Ok(Fork::Child) => {
                drop(read);
                Started::WasChild(self.be_vrrp(write, signals))
            }
            Ok(Fork::Parent(pid)) => {
                drop(write);
                self.vrrp = Some(Vrrp { pid, since: Instant::now() });
                self.respawn_at = None;
                self.log.info(&format!("Starting VRRP child process, pid={pid}"));
                match wait_ready(read) {
                    Ok(()) => Started::Running,
                    Err(why) => Started::Failed(why),
                }
            }
        }
    }

    /// In the VRRP process: leaves the parent's things and lives.
    fn be_vrrp(&mut self, ready: OwnedFd, signals: &Awaited) -> Exit {
        drop(self.ready.take());
        if !self.command.foreground {
            let _ = process::silence_stdio();
        }
        let Some(plan) = self.plan.take() else { return Exit::Failed };
        let ident = Process::Vrrp.ident(self.namespace.as_deref(), plan.global.instance.as_deref());
        let log = Log::open(self.log.wishes().clone(), ident, Process::Vrrp);
        child::live(child::Given {
            command: self.command,
            path: &self.path,
            env: &self.env,
            namespace: self.namespace.as_deref(),
            pid_file: &self.pids.vrrp,
            parent_pid_file: &self.pids.parent,
            plan,
            log,
            ready: File::from(ready),
            signals,
        })
    }

    fn until_the_end(mut self, signals: &Awaited) -> Exit {
        loop {
            if self.look_at_time()
                && let Some(exit) = self.reload(signals)
            {
                return exit;
            }
            let got = match signals.wait(self.patience()) {
                Ok(got) => got,
                Err(error) => {
                    return self.fail(&format!("cannot wait for signals: {}", say::system_words(&error)));
                }
            };
            let Some(number) = got else {
                if self.respawn_at.is_some_and(|at| at <= Instant::now())
                    && let Some(exit) = self.respawn(signals)
                {
                    return exit;
                }
                continue;
            };
            match Told::from_number(number) {
                Told::Stop => break,
                Told::Interrupt if self.command.ignore_int => {
                    self.log.info("SIGINT is ignored (--ignore-sigint)")
                }
                Told::Interrupt => break,
                Told::Reload => {
                    if let Some(exit) = self.reload(signals) {
                        return exit;
                    }
                }
                Told::Data => {
                    self.dump();
                    self.pass_on(number);
                }
                Told::Stats | Told::StatsClear | Told::Json => self.pass_on(number),
                Told::Ended => {
                    if let Some(exit) = self.bury() {
                        self.log.info("Stopping");
                        return self.end(exit);
                    }
                }
                Told::Nothing => {}
            }
        }
        self.log.info("Stopping");
        self.tell_manager("STOPPING=1");
        self.end_vrrp(signals);
        self.end(Exit::Ok)
    }

    /// How long to wait for a signal.
    fn patience(&self) -> Option<Duration> {
        let respawn = self.respawn_at.map(|at| at.saturating_duration_since(Instant::now()));
        let look = self.timed.as_ref().map(|_| timed::LOOK);
        [respawn, look].into_iter().flatten().min()
    }

    /// `reload_time_file`: true when it is time.
    fn look_at_time(&mut self) -> bool {
        let Some(timed) = &mut self.timed else { return false };
        match timed.look(clock::wall()) {
            Seen::Same => false,
            Seen::Due(at) => {
                self.log.info(&format!("Reload scheduled for {}", Date::local(at).long()));
                false
            }
            Seen::Cancelled => {
                self.log.info("No reload is scheduled any more");
                false
            }
            Seen::Wrong(line) => {
                self.log.say(
                    Grade::Warning,
                    &format!("reload_time_file says '{line}': write [[YY]YY-MM-DD ]HH:MM:SS[Z]"),
                );
                false
            }
            Seen::Now => true,
        }
    }

    fn end(mut self, exit: Exit) -> Exit {
        self.tidy();
        stop(&self.log, exit)
    }

    /// Takes away what a daemon leaves in the system.
    fn tidy(&mut self) {
        pid::remove(&self.pids.parent, std::process::id());
        if let Some(before) = self.core_pattern.take() {
            let _ = std::fs::write(CORE_PATTERN, before);
        }
    }

    fn pass_on(&self, number: i32) {
        if let Some(vrrp) = &self.vrrp {
            // One that has died just now is told of by its own signal.
            let _ = family::send_signal(vrrp.pid, number);
        }
    }

    /// Asks the VRRP process to end and waits; kills it if it does not.
    fn end_vrrp(&mut self, signals: &Awaited) {
        let Some(vrrp) = self.vrrp.take() else { return };
        let _ = family::send_signal(vrrp.pid, Signal::TERM.as_raw());
        let patience = self.plan().global.child_wait.unwrap_or(STOP_PATIENCE);
        let until = Instant::now() + patience;
        let mut killed = false;
        loop {
            if family::reap().is_some_and(|(pid, _)| pid == vrrp.pid) {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && !killed {
                self.log.say(
                    Grade::Warning,
                    &format!(
                        "VRRP process {} did not end within {} s: killing it",
                        vrrp.pid,
                        patience.as_secs()
                    ),
                );
                let _ = family::send_signal(vrrp.pid, Signal::KILL.as_raw());
                killed = true;
            }
            let wait = if killed { STOP_PATIENCE } else { left };
            match signals.wait(Some(wait)) {
                // A process that cannot even be killed: the kernel has it.
                Ok(None) if killed => return,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// A child has ended. `Some`: so do we (`-R`).
    fn bury(&mut self) -> Option<Exit> {
        while let Some((pid, ending)) = family::reap() {
            if self.vrrp.as_ref().is_none_or(|vrrp| vrrp.pid != pid) {
                continue;
            }
            let lived = self.vrrp.take().map_or(Duration::ZERO, |vrrp| vrrp.since.elapsed());
            match ending {
                Ending::Code(0) => {}
                Ending::Code(code) => self.log.info(&format!("pid {pid} exited with status {code}")),
                Ending::Signal(signal) => self.log.info(&format!("pid {pid} exited due to signal {signal}")),
            }
            pid::remove(&self.pids.vrrp, pid);
            self.end_reading();
            if self.command.no_respawn {
                self.log.say(Grade::Alert, &format!("VRRP child process({pid}) died: Exiting"));
                return Some(Exit::Ok);
            }
            self.log.say(Grade::Alert, &format!("VRRP child process({pid}) died: Respawning"));
            self.put_respawn_off(lived);
        }
        None
    }

    /// The first new one comes at once, the next after 1, 2, 4… seconds, until one lives for long.
    fn put_respawn_off(&mut self, lived: Duration) {
        if lived >= LIVED {
            self.deaths = 0;
        }
        let delay = match self.deaths {
            0 => Duration::ZERO,
            n => Duration::from_secs(1 << (n - 1).min(6)).min(RESPAWN_MAX),
        };
        self.deaths = self.deaths.saturating_add(1);
        let seconds = delay.as_secs();
        self.log.info(&format!("Restart of VRRP process delayed {seconds} seconds to limit respawn rate"));
        self.respawn_at = Some(Instant::now() + delay);
    }

    /// `Some` in the new VRRP process, at the end of its life.
    fn respawn(&mut self, signals: &Awaited) -> Option<Exit> {
        self.respawn_at = None;
        match self.start_vrrp(signals) {
            Started::Running => None,
            Started::WasChild(exit) => Some(exit),
            Started::Failed(why) => {
                self.log.say(Grade::Error, &why);
                if self.vrrp.is_none() {
                    self.put_respawn_off(Duration::ZERO);
                }
                None
            }
        }
    }

    /// SIGHUP. The VRRP process reads the file for itself; a file that cannot be used leaves all as it is.
    fn reload(&mut self, signals: &Awaited) -> Option<Exit> {
        self.log.info("Reloading ...");
        let micros = clock::now().as_nanos() / 1_000;
        self.tell_manager(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
        let exit = self.try_reload(signals);
        self.tell_manager("READY=1");
        exit
    }

    fn try_reload(&mut self, signals: &Awaited) -> Option<Exit> {
        if let Err(unreadable) = config::look(&self.path) {
            self.log.say(Grade::Error, &format!("{unreadable} The configuration in force stays"));
            return None;
        }
        self.log.info(&format!("Configuration file {}", self.path.display()));
        let reading = self.reload_file();
        if let Some(file) = &reading
            && let Err(error) = File::create(file)
        {
            self.log.say(
                Grade::Warning,
                &format!("cannot make {}: {}", file.display(), say::system_words(&error)),
            );
        }
        let loaded = config::load(&self.path, &self.env, self.command);
        let exit = self.use_new(loaded, signals);
        // Where the VRRP process reads as well, it takes the file away when it has done so.
        if let (Some(file), None) = (&reading, &self.vrrp) {
            let _ = std::fs::remove_file(file);
        }
        exit
    }

    /// `reload_file`: it exists while configuration files are being read.
    fn reload_file(&self) -> Option<PathBuf> {
        reload_file(self.plan(), &self.pids.parent)
    }

    fn use_new(&mut self, loaded: Loaded, signals: &Awaited) -> Option<Exit> {
        let doubtful = loaded.exit.code() != 0;
        if let Some(file) = self.plan().global.reload_check.clone()
            && doubtful
        {
            self.refuse_reload(&file, &loaded);
            self.end_reading();
            return None;
        }
        config::say(&self.log, &loaded.findings, &loaded.sources);
        if config::is_fatal(loaded.exit) {
            self.log.say(Grade::Error, "The new configuration cannot be used: the one in force stays");
            self.end_reading();
            return None;
        }
        self.tell_fixed(&loaded.plan);
        if self.plan().global.reload_time != loaded.plan.global.reload_time {
            self.timed = timed(&loaded.plan);
        }
        let wanted = config::has_vrrp(&loaded.plan);
        self.plan = Some(loaded.plan);
        match (&self.vrrp, wanted) {
            (Some(_), true) => self.pass_on(Signal::HUP.as_raw()),
            (Some(_), false) => self.end_vrrp(signals),
            // It is being started anyway.
            (None, true) if self.respawn_at.is_some() => {}
            (None, true) => return self.respawn(signals),
            (None, false) => self.respawn_at = None,
        }
        None
    }

    /// Nobody reads on.
    fn end_reading(&self) {
        if let Some(file) = self.reload_file() {
            let _ = std::fs::remove_file(file);
        }
    }

    /// `reload_check_config`: what is wrong goes to its file, or to the log.
    fn refuse_reload(&self, file: &str, loaded: &Loaded) {
        if file.is_empty() {
            config::say(&self.log, &loaded.findings, &loaded.sources);
            self.log.info("New config failed validation, the one in force stays");
            return;
        }
        let lines: Vec<String> =
            loaded.findings.iter().map(|f| config::classic(&f.diagnostic, &loaded.sources) + "\n").collect();
        if let Err(error) = place::write(Path::new(file), &lines.concat()) {
            self.log.say(Grade::Error, &format!("cannot write {file}: {}", say::system_words(&error)));
        }
        self.log.info(&format!("New config failed validation, see {file} for details"));
    }

    /// Names what a reload cannot change.
    fn tell_fixed(&self, new: &KeeperPlan) {
        let (old, new) = (&self.plan().global, &new.global);
        for (changed, what) in [
            (old.instance != new.instance, "instance"),
            (old.use_pid_dir != new.use_pid_dir, "use_pid_dir"),
            (old.net_namespace != new.net_namespace, "net_namespace"),
        ] {
            if changed {
                self.log.say(Grade::Warning, &format!("Cannot change {what} at a reload - please restart"));
            }
        }
    }

    /// SIGUSR1: the parent's own file.
    fn dump(&self) {
        self.log.info(&format!("Printing parent data for process({}) on signal", std::process::id()));
        let mut out = String::new();
        dump::data::global(&mut out, self.plan(), self.umask());
        let path = place::Kind::Parent.path(
            self.plan().global.dump_files[0].as_deref(),
            &dump_tail(self.plan(), self.namespace.as_deref()),
        );
        if let Err(error) = place::write(&path, &out) {
            let why = say::system_words(&error);
            self.log.say(Grade::Error, &format!("cannot write {}: {why}", path.display()));
        }
    }

    fn tell_manager(&self, state: &str) {
        if let Err(error) = notify::sd_notify(state) {
            self.log.info(&format!("cannot tell the service manager: {}", say::system_words(&error)));
        }
    }
}

fn timed(plan: &KeeperPlan) -> Option<Timed> {
    plan.global.reload_time.as_ref().map(|(path, repeat)| Timed::new(path, *repeat))
}

/// `reload_file`'s path: without a name it stands beside the pid file.
pub(crate) fn reload_file(plan: &KeeperPlan, pid_file: &Path) -> Option<PathBuf> {
    match plan.global.reload_file.as_deref() {
        None => None,
        Some("") => Some(pid_file.with_file_name("keepalived.reload")),
        Some(path) => Some(PathBuf::from(path)),
    }
}

/// Moves this process to a network namespace that `ip netns` knows by name.
fn enter_network(name: &str) -> io::Result<()> {
    let space = File::open(Path::new("/run/netns").join(name))?;
    let kind = rustix::thread::LinkNameSpaceType::Network;
    Ok(rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&space), Some(kind))?)
}

/// `data_use_instance`: what stands in the names of dumps.
pub(crate) fn dump_tail(plan: &KeeperPlan, namespace: Option<&str>) -> String {
    if !plan.global.data_use_instance {
        return String::new();
    }
    [namespace, plan.global.instance.as_deref()]
        .into_iter()
        .flatten()
        .map(|part| format!("_{part}"))
        .collect()
}

/// The signals that both processes wait for.
fn awaited() -> Vec<i32> {
    let plain =
        [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1, Signal::USR2, Signal::CHILD];
    let mut all: Vec<i32> = plain.iter().map(|signal| signal.as_raw()).collect();
    all.extend([signal_number(Signum::StatsClear), signal_number(Signum::Json)]);
    all
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM.
    Stop,
    /// SIGINT.
    Interrupt,
    /// SIGHUP.
    Reload,
    /// SIGUSR1.
    Data,
    /// SIGUSR2.
    Stats,
    /// SIGRTMAX-1.
    StatsClear,
    /// SIGRTMIN+2.
    Json,
    /// SIGCHLD.
    Ended,
    /// SIGQUIT: the original does not mind it.
    Nothing,
}

impl Told {
    /// What a number means.
    pub(crate) fn from_number(number: i32) -> Told {
        let plain = [
            (Signal::TERM, Told::Stop),
            (Signal::INT, Told::Interrupt),
            (Signal::HUP, Told::Reload),
            (Signal::USR1, Told::Data),
            (Signal::USR2, Told::Stats),
            (Signal::CHILD, Told::Ended),
        ];
        if let Some((_, told)) = plain.iter().find(|(signal, _)| signal.as_raw() == number) {
            return *told;
        }
        let real = [(Signum::StatsClear, Told::StatsClear), (Signum::Json, Told::Json)];
        real.iter().find(|(s, _)| signal_number(*s) == number).map_or(Told::Nothing, |(_, told)| *told)
    }
}

/// Waits for the new process's word: `+`, or why not, or its end.
fn wait_ready(pipe: OwnedFd) -> Result<(), String> {
    let patience = Timespec { tv_sec: START_PATIENCE.as_secs().try_into().unwrap_or(10), tv_nsec: 0 };
    let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&patience)) {
            // It is slow, but it may come: it is supervised anyway.
            Ok(0) => return Ok(()),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(say::system_words(&io::Error::from(error))),
        }
    }
    let mut text = Vec::new();
    // What cannot be read was not said.
    let _ = File::from(pipe).take(FAULT_MAX).read_to_end(&mut text);
    match text.as_slice() {
        b"+" => Ok(()),
        b"" => Err("the VRRP process ended before it ran".to_string()),
        why => Err(String::from_utf8_lossy(why).into_owned()),
    }
}

fn daemonize_words(error: &DaemonizeError) -> String {
    match error {
        DaemonizeError::Threads(_) => error.to_string(),
        DaemonizeError::Call { call, source } => format!("{call}: {}", say::system_words(source)),
    }
}
