//! The VRRP process: the keeper on its main thread; beside it one thread that waits for signals and one that answers
//! `evenkeel status` and `evenkeel why`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use evenkeel_conf::keepalived::Env;
use evenkeel_keeper::snmp::Agent;
use evenkeel_keeper::{Ended, Handle, Keeper, LogLevel, Logger, Options};
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_plan::keeper::global::Snmp;
use evenkeel_sys::family::Awaited;
use evenkeel_sys::process;

use super::argv::Command;
use super::dbus::{Bus, Deeds};
use super::dump::{Counters, place};
use super::log::{Grade, Log};
use super::parent::{self, Told};
use super::tell::server;
use super::{config, pid, sight};
use crate::say::{self, Exit};

/// What the parent gives its VRRP process.
pub(crate) struct Given<'a> {
    /// The command line.
    pub(crate) command: &'a Command,
    /// The configuration's path.
    pub(crate) path: &'a Path,
    /// What it is read with.
    pub(crate) env: &'a Env,
    /// The network namespace, if it is not the machine's own.
    pub(crate) namespace: Option<&'a str>,
    /// Its pid file.
    pub(crate) pid_file: &'a Path,
    /// Its parent's.
    pub(crate) parent_pid_file: &'a Path,
    /// What it runs.
    pub(crate) plan: KeeperPlan,
    /// Its log.
    pub(crate) log: Log,
    /// Where it says that it runs.
    pub(crate) ready: File,
    /// The signals that are held back.
    pub(crate) signals: &'a Awaited,
}

/// Lives until it is told to end.
pub(crate) fn live(given: Given<'_>) -> Exit {
    let Given { command, path, env, namespace, pid_file, parent_pid_file, plan, log, mut ready, signals } =
        given;
    let log = Arc::new(log);
    let name = plan.global.vrrp.process_name.as_deref().or(plan.global.process_name.as_deref());
    // The name is cosmetic: a system that refuses it still runs us.
    let _ = process::set_comm(name.unwrap_or(parent::COMM));
    if let Err(error) = pid::write(pid_file) {
        let why = format!("cannot write the pid file {}: {}", pid_file.display(), say::system_words(&error));
        return fail(&log, &mut ready, &why);
    }
    if command.dump {
        log.info(&sight::configured(&plan));
    }
    let socket = server::path(
        command.vrrp_pid.as_deref().or(command.parent_pid.as_deref()),
        namespace,
        plan.global.instance.as_deref(),
    );
    let tail = parent::dump_tail(&plan, namespace);
    let dumps = Dumps::of(&plan, tail);
    let reading = parent::reload_file(&plan, parent_pid_file);
    let dbus_wish = plan.global.dbus.clone();
    let plan_snmp = plan.global.snmp.clone();
    let mut options = Options::new(logger(&log));
    options.seed = env.random_seed;
    options.release_at_end = !command.keep_addresses;
    let (keeper, handle) = match Keeper::new(plan, options) {
        Ok(started) => started,
        Err(error) => {
            pid::remove(pid_file, std::process::id());
            let why = format!("the VRRP process cannot start: {error}{}", help(&error.source));
            return fail(&log, &mut ready, &why);
        }
    };
    answer(&socket, &handle, &log);
    let bus_name = dbus_wish.map(|(name, _)| name);
    let life = Arc::new(Life {
        command: command.clone(),
        path: path.to_path_buf(),
        env: env.clone(),
        handle,
        log: Arc::clone(&log),
        dumps: Mutex::new(dumps),
        cleared: Mutex::new(BTreeMap::new()),
        parent_pid_file: parent_pid_file.to_path_buf(),
        reading: Mutex::new(reading),
        bus: OnceLock::new(),
        snmp: Mutex::new((plan_snmp, None)),
    });
    if let Some(name) = bus_name {
        let deeds: Arc<dyn Deeds> = Arc::<Life>::clone(&life);
        match Bus::start(name.as_deref(), &life.handle, &log, deeds) {
            // Nobody else sets it.
            Ok(bus) => drop(life.bus.set(bus)),
            Err(error) => log.say(Grade::Warning, &format!("DBus: cannot start a thread: {error}")),
        }
    }
    let signals = *signals;
    let listening = Arc::clone(&life);
    let listener =
        std::thread::Builder::new().name("signals".to_string()).spawn(move || listening.listen(&signals));
    if let Err(error) = listener {
        return fail(&log, &mut ready, &format!("cannot start a thread: {}", say::system_words(&error)));
    }
    // A parent that does not listen any more has given up waiting: it supervises all the same.
    let _ = ready.write_all(b"+");
    drop(ready);
    let ended = keeper.run();
    if let Some(bus) = life.bus.get() {
        bus.announce("VrrpStopped");
    }
    if let Ok(mut snmp) = life.snmp.lock() {
        // It takes leave of its master.
        snmp.1 = None;
    }
    let _ = std::fs::remove_file(&socket);
    pid::remove(pid_file, std::process::id());
    match ended {
        Ended::Stopped => log.info(&stopped(&log)),
        Ended::Abandoned => log.say(Grade::Error, "Stopped: nobody could have told us to"),
    }
    Exit::Ok
}

fn fail(log: &Log, ready: &mut File, why: &str) -> Exit {
    log.say(Grade::Error, why);
    let _ = ready.write_all(why.as_bytes());
    Exit::Failed
}

fn help(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => ". Run as root, or with CAP_NET_ADMIN and CAP_NET_RAW",
        _ => "",
    }
}

fn stopped(log: &Log) -> String {
    if !log.detail() {
        return "Stopped".to_string();
    }
    let used = evenkeel_sys::clock::process_cpu();
    format!("Stopped - used {:.6} s of processor time", used.as_secs_f64())
}

/// The keeper's lines on their way to the log.
fn logger(log: &Arc<Log>) -> Logger {
    let log = Arc::clone(log);
    Arc::new(move |level, text| {
        let grade = match level {
            LogLevel::Error => Grade::Error,
            LogLevel::Warning => Grade::Warning,
            LogLevel::Notice => Grade::Notice,
            LogLevel::Info => Grade::Info,
            LogLevel::Detail if log.detail() => Grade::Info,
            LogLevel::Debug if log.detail() => Grade::Debug,
            LogLevel::Detail | LogLevel::Debug => return,
        };
        log.say(grade, text);
    })
}

/// Starts the thread that answers on the socket. Without it the keeper keeps all the same.
fn answer(socket: &Path, handle: &Handle, log: &Arc<Log>) {
    let listener = match server::listen(socket) {
        Ok(listener) => listener,
        Err(error) => {
            let why = say::system_words(&error);
            log.say(Grade::Warning, &format!("{}: `evenkeel status` cannot ask us: {why}", socket.display()));
            return;
        }
    };
    let handle = handle.clone();
    let started = Instant::now();
    let serve = move || server::serve(&listener, &mut || sight::shot(&handle, started.elapsed()));
    if let Err(error) = std::thread::Builder::new().name("answers".to_string()).spawn(serve) {
        log.say(Grade::Warning, &format!("cannot start a thread: {}", say::system_words(&error)));
    }
}

/// Where dumps go.
#[derive(Clone, Debug)]
struct Dumps {
    files: [Option<String>; 3],
    tail: String,
    json_version: u8,
}

impl Dumps {
    fn of(plan: &KeeperPlan, tail: String) -> Dumps {
        Dumps { files: plan.global.dump_files.clone(), tail, json_version: plan.global.json_version }
    }

    fn path(&self, kind: place::Kind) -> PathBuf {
        let [data, stats, json] = &self.files;
        let configured = match kind {
            place::Kind::Data => data,
            place::Kind::Stats => stats,
            place::Kind::Json => json,
            place::Kind::Parent => &None,
        };
        kind.path(configured.as_deref(), &self.tail)
    }
}

/// The thread of signals.
struct Life {
    command: Command,
    path: PathBuf,
    env: Env,
    handle: Handle,
    log: Arc<Log>,
    dumps: Mutex<Dumps>,
    /// Counters at their last clearing, by instance: what is shown is the difference.
    cleared: Mutex<BTreeMap<String, Counters>>,
    parent_pid_file: PathBuf,
    /// `reload_file`: taken away when the files are read.
    reading: Mutex<Option<PathBuf>>,
    /// `enable_dbus`.
    bus: OnceLock<Arc<Bus>>,
    /// What SNMP is asked for, and who answers.
    snmp: Mutex<(Snmp, Option<Agent>)>,
}

impl Deeds for Life {
    fn data(&self) {
        self.write(place::Kind::Data, sight::data(&self.handle));
    }

    fn stats(&self, clear: bool) {
        self.write_stats(clear);
    }

    fn reload(&self) {
        if let Some(parent) = rustix::process::getppid()
            && let Err(error) = rustix::process::kill_process(parent, rustix::process::Signal::HUP)
        {
            self.log.say(Grade::Error, &format!("cannot ask for a reload: {error}"));
        }
    }
}

impl Life {
    fn listen(&self, signals: &Awaited) {
        // Here and not before: it asks the keeper, which runs by now.
        self.start_snmp(None);
        loop {
            let told = match signals.wait(None) {
                Ok(Some(number)) => Told::from_number(number),
                Ok(None) => Told::Nothing,
                Err(error) => {
                    self.log.say(
                        Grade::Error,
                        &format!("cannot wait for signals: {}", say::system_words(&error)),
                    );
                    return;
                }
            };
            match told {
                Told::Stop => return self.stop(),
                // From a terminal both processes get it; the parent tells us, too.
                Told::Interrupt if !self.command.ignore_int => return self.stop(),
                Told::Interrupt | Told::Ended | Told::Nothing => {}
                Told::Reload => self.reload(),
                Told::Data => self.data(),
                Told::Stats => self.stats(false),
                Told::StatsClear => self.stats(true),
                Told::Json => self.json(),
            }
        }
    }

    /// Starts the SNMP subagent; `Some`: with what a new file asks for, if that is something else.
    fn start_snmp(&self, new: Option<Snmp>) {
        let Ok(mut snmp) = self.snmp.lock() else { return };
        match new {
            Some(new) if new == snmp.0 => return,
            Some(new) => *snmp = (new, None),
            None => {}
        }
        let socket = match snmp.0.socket.as_deref().map(str::parse).transpose() {
            Ok(socket) => socket.unwrap_or_default(),
            Err(error) => {
                self.log.say(Grade::Error, &format!("SNMP: {error}"));
                return;
            }
        };
        match Agent::start(self.handle.clone(), socket, logger(&self.log)) {
            Ok(agent) => snmp.1 = agent,
            Err(error) => self.log.say(Grade::Error, &format!("SNMP: {}", say::system_words(&error))),
        }
    }

    fn stop(&self) {
        if let Err(error) = self.handle.stop() {
            self.log.say(Grade::Error, &format!("cannot stop: {error}"));
        }
    }

    fn reload(&self) {
        if config::look(&self.path).is_err() {
            return;
        }
        // The parent has said what is to be said of it.
        let loaded = config::load(&self.path, &self.env, &self.command);
        if let Ok(mut reading) = self.reading.lock() {
            if let Some(file) = &*reading {
                let _ = std::fs::remove_file(file);
            }
            *reading = parent::reload_file(&loaded.plan, &self.parent_pid_file);
        }
        if config::is_fatal(loaded.exit) {
            return;
        }
        self.log.info("Reloading");
        if let Ok(mut dumps) = self.dumps.lock() {
            let tail = dumps.tail.clone();
            *dumps = Dumps::of(&loaded.plan, tail);
        }
        if self.command.dump {
            self.log.info(&sight::configured(&loaded.plan));
        }
        let snmp = loaded.plan.global.snmp.clone();
        match self.handle.reload(loaded.plan) {
            Ok(()) => {
                self.log.info("Reload complete");
                self.start_snmp(Some(snmp));
                if let Some(bus) = self.bus.get() {
                    bus.announce("VrrpReloaded");
                }
            }
            Err(error) => self.log.say(Grade::Error, &format!("cannot reload: {error}")),
        }
    }

    fn data(&self) {
        self.log.info(&format!("Printing VRRP data for process({}) on signal", std::process::id()));
        self.write(place::Kind::Data, sight::data(&self.handle));
    }

    fn stats(&self, clear: bool) {
        let what = if clear { "Printing and clearing" } else { "Printing" };
        self.log.info(&format!("{what} VRRP stats for process({}) on signal", std::process::id()));
        self.write_stats(clear);
    }

    fn write_stats(&self, clear: bool) {
        let Ok(mut cleared) = self.cleared.lock() else { return };
        self.write(place::Kind::Stats, sight::stats(&self.handle, &mut cleared, clear));
    }

    fn json(&self) {
        self.log.info(&format!("Printing VRRP as json for process({}) on signal", std::process::id()));
        let version = self.dumps.lock().map_or(1, |dumps| dumps.json_version);
        let Ok(cleared) = self.cleared.lock() else { return };
        self.write(place::Kind::Json, sight::json(&self.handle, &cleared, version));
    }

    fn write(&self, kind: place::Kind, text: Result<String, String>) {
        let Ok(path) = self.dumps.lock().map(|dumps| dumps.path(kind)) else { return };
        let done =
            text.and_then(|text| place::write(&path, &text).map_err(|error| say::system_words(&error)));
        if let Err(why) = done {
            self.log.say(Grade::Error, &format!("cannot write {}: {why}", path.display()));
        }
    }
}
