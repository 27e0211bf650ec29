//! Who is told of transitions, and by what: scripts (in order, for each instance), FIFOs, mail. Tracked scripts run by the
//! same thread.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_plan::keeper::{KeeperPlan, Notify, ScriptPlan, TrackPlan};
use evenkeel_sys::bell::Bell;
use evenkeel_sys::child::Spawn;
use evenkeel_vrrp::conf::TrackId;
use evenkeel_vrrp::{Became, Notice, ScriptOutcome, Subject};

use crate::control::{LogLevel, Logger};
use crate::fifo::Fifo;
use crate::mail::{Mail, Mailer};
use crate::scripts::{JobId, Scripts};

/// What a job was for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum For {
    /// A tracked script, by name: numbers change when the configuration does.
    Track(String),
    /// A notify script.
    Notify(String),
    /// The reader of a FIFO.
    Fifo(usize),
    /// A command of the firewall.
    Firewall(String),
}

/// What the scripts, FIFOs and mails of one run need.
#[derive(Debug)]
pub(crate) struct Notifier {
    log: Logged,
    scripts: Scripts,
    jobs: BTreeMap<JobId, For>,
    running: BTreeMap<String, JobId>,
    queues: BTreeMap<(bool, String), u64>,
    fifos: Vec<Fifo>,
    mailer: Mailer,
    umask: Option<u32>,
    /// Which instances and groups were last told to be master.
    masters: BTreeMap<(bool, String), bool>,
}

struct Logged(Logger);

impl std::fmt::Debug for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logger")
    }
}

impl Notifier {
    pub(crate) fn start(bell: &Arc<Bell>, plan: &KeeperPlan, log: &Logger) -> io::Result<Notifier> {
        let mut notifier = Notifier {
            log: Logged(log.clone()),
            scripts: Scripts::start(bell.clone())?,
            jobs: BTreeMap::new(),
            running: BTreeMap::new(),
            queues: BTreeMap::new(),
            fifos: Vec::new(),
            mailer: Mailer::start(log.clone())?,
            umask: plan.global.umask,
            masters: BTreeMap::new(),
        };
        notifier.configure(plan);
        Ok(notifier)
    }

    /// Puts a plan's FIFOs and mail settings in force.
    pub(crate) fn configure(&mut self, plan: &KeeperPlan) {
        self.umask = plan.global.umask;
        self.mailer.configure(plan);
        let wanted: Vec<_> = plan.global.fifo.iter().chain(&plan.global.vrrp_fifo).collect();
        if self.fifos.iter().map(Fifo::plan).eq(wanted.iter().copied()) {
            return;
        }
        for fifo in self.fifos.drain(..) {
            if let Some(job) = fifo.close() {
                self.scripts.kill(job);
            }
        }
        for plan in wanted {
            match Fifo::open(plan) {
                Ok(fifo) => self.fifos.push(fifo),
                Err(e) => {
                    (self.log.0)(LogLevel::Error, &format!("Unable to open notify fifo {}: {e}", plan.path))
                }
            }
        }
        for n in 0..self.fifos.len() {
            self.start_reader(n);
        }
    }

    fn start_reader(&mut self, n: usize) {
        let Some(fifo) = self.fifos.get_mut(n) else { return };
        let Some(script) = fifo.plan().script.clone() else { return };
        let mut spawn = spawn(&script, self.umask);
        spawn.args.push(fifo.plan().path.clone());
        let job = self.scripts.run(spawn, None, None);
        fifo.reader = Some(job);
        self.jobs.insert(job, For::Fifo(n));
    }

    /// Starts a tracked script.
    pub(crate) fn run_track(&mut self, plan: &KeeperPlan, id: TrackId) -> Option<ScriptOutcome> {
        let n = id.0 as usize;
        let (Some(conf), Some(track)) = (plan.node.tracks.get(n), plan.tracks.get(n)) else {
            return Some(ScriptOutcome::NotStarted);
        };
        let TrackPlan::Script(Some(script)) = track else { return Some(ScriptOutcome::NotStarted) };
        // The brain keeps the time, and says when it is too long.
        let job = self.scripts.run(spawn(script, self.umask), None, None);
        self.jobs.insert(job, For::Track(conf.name.clone()));
        self.running.insert(conf.name.clone(), job);
        None
    }

    /// Ends a tracked script.
    pub(crate) fn kill_track(&mut self, plan: &KeeperPlan, id: TrackId) {
        if let Some(conf) = plan.node.tracks.get(id.0 as usize)
            && let Some(job) = self.running.get(&conf.name)
        {
            self.scripts.kill(*job);
        }
    }

    /// Ends of tracked scripts since the last call.
    pub(crate) fn ends(&mut self, plan: &KeeperPlan) -> Vec<(TrackId, ScriptOutcome)> {
        let mut ends = Vec::new();
        while let Some(ended) = self.scripts.next_end() {
            match self.jobs.remove(&ended.id) {
                Some(For::Track(name)) => {
                    if self.running.get(&name) == Some(&ended.id) {
                        self.running.remove(&name);
                    }
                    if let Some(e) = ended.error {
                        (self.log.0)(
                            LogLevel::Warning,
                            &format!("VRRP_Script({name}) cannot be started: {e}"),
                        );
                    }
                    let at = plan.node.tracks.iter().position(|t| t.name == name);
                    let at = at.and_then(|n| u32::try_from(n).ok());
                    ends.extend(at.map(|n| (TrackId(n), ended.outcome)));
                }
                Some(For::Notify(text)) => self.notified(&text, ended.outcome, ended.error.as_ref()),
                Some(For::Fifo(n)) => {
                    if let Some(fifo) = self.fifos.get_mut(n)
                        && fifo.reader == Some(ended.id)
                    {
                        fifo.reader = None;
                        let path = fifo.plan().path.clone();
                        let text = format!(
                            "the script of the notify fifo {path} has ended; the next message starts it again"
                        );
                        (self.log.0)(LogLevel::Warning, &text);
                    }
                }
                Some(For::Firewall(text)) if ended.outcome != ScriptOutcome::Success => {
                    let why = ended.error.map_or_else(|| format!("{:?}", ended.outcome), |e| e.to_string());
                    (self.log.0)(LogLevel::Error, &format!("the firewall refuses ({why}): {text}"));
                }
                Some(For::Firewall(_)) | None => {}
            }
        }
        ends
    }

    fn notified(&self, text: &str, outcome: ScriptOutcome, error: Option<&io::Error>) {
        match (outcome, error) {
            (ScriptOutcome::Success, _) => {}
            (_, Some(e)) => {
                (self.log.0)(LogLevel::Error, &format!("Couldn't find or start notify script `{text}`: {e}"));
            }
            (ScriptOutcome::Failed(code), None) => {
                (self.log.0)(LogLevel::Info, &format!("Notify script `{text}` exited with status {code}"));
            }
            (ScriptOutcome::Signal(signal), None) => {
                (self.log.0)(LogLevel::Info, &format!("Notify script `{text}` ended by signal {signal}"));
            }
            (ScriptOutcome::TimedOut | ScriptOutcome::NotStarted, None) => {
                (self.log.0)(LogLevel::Warning, &format!("Notify script `{text}` was ended"));
            }
        }
    }

    /// Tells everybody whom the file wants told. `name` is the subject's, `notify` its lines.
    pub(crate) fn tell(&mut self, plan: &KeeperPlan, notice: &Notice, name: &str, notify: &Notify) {
        let (what, is_group) = match notice.subject {
            Subject::Instance(_) => ("INSTANCE", false),
            Subject::Group(_) => ("GROUP", true),
        };
        let key = (is_group, name.to_owned());
        let is_master = self.masters.get(&key).copied().unwrap_or(false);
        let word = word(notice.became, notify, is_master);
        match notice.became {
            Became::Master => {
                self.masters.insert(key.clone(), true);
            }
            Became::Backup | Became::Fault | Became::Stop | Became::Deleted => {
                self.masters.insert(key.clone(), false);
            }
            Became::MasterRxLower | Became::Priority => {}
        }
        let script = match notice.became {
            Became::Master => notify.master.as_ref(),
            Became::Backup => notify.backup.as_ref(),
            Became::Fault => notify.fault.as_ref(),
            Became::Stop => notify.stop.as_ref(),
            Became::Deleted if notify.deleted.0 => notify.deleted.1.as_ref(),
            Became::Deleted => notify.fault.as_ref(),
            Became::MasterRxLower => notify.master_rx_lower.as_ref(),
            Became::Priority => None,
        };
        let next = self.queues.len() as u64;
        let queue = *self.queues.entry(key).or_insert(next);
        if let Some(script) = script {
            self.run_notify(script, &[], queue);
        }
        let is_transition = !matches!(notice.became, Became::MasterRxLower | Became::Priority);
        let priority = notice.priority.to_string();
        if is_transition && let Some(script) = &notify.any {
            self.run_notify(script, &[what, name, word, &priority], queue);
        }
        if notice.became != Became::Priority || notify.priority_changes {
            self.write_fifos(&format!("{what} \"{name}\" {word} {priority}\n"));
        }
        if is_transition && notify.mail {
            self.mailer.send(Mail::of_transition(plan, notice, name, word));
        }
    }

    fn run_notify(&mut self, script: &ScriptPlan, more: &[&str], queue: u64) {
        let mut spawn = spawn(script, self.umask);
        spawn.args.extend(more.iter().map(|word| (*word).to_owned()));
        let job = self.scripts.run(spawn, None, Some(queue));
        self.jobs.insert(job, For::Notify(script.text.clone()));
    }

    fn write_fifos(&mut self, line: &str) {
        for n in 0..self.fifos.len() {
            let Some(fifo) = self.fifos.get_mut(n) else { continue };
            if let Err(e) = fifo.write(line) {
                let path = fifo.plan().path.clone();
                (self.log.0)(LogLevel::Warning, &format!("notify fifo {path}: message lost: {e}"));
            }
            if fifo.reader.is_none() {
                self.start_reader(n);
            }
        }
    }

    /// Runs a command of the firewall, in order with others of its kind.
    pub(crate) fn run_firewall(&mut self, spawn: Spawn) {
        let text = spawn.args.join(" ");
        let job = self.scripts.run(spawn, Some(FIREWALL_TIMEOUT), Some(FIREWALL_QUEUE));
        self.jobs.insert(job, For::Firewall(text));
    }

    /// Runs a script of `global_defs` to its end, or to its timeout.
    pub(crate) fn run_and_wait(&mut self, script: &ScriptPlan, timeout: Duration) -> Option<ScriptOutcome> {
        let job = self.scripts.run(spawn(script, self.umask), Some(timeout), None);
        self.scripts.wait_for(job, timeout.saturating_add(GRACE)).map(|ended| ended.outcome)
    }

    /// Lets the scripts end, for so long at most, and removes the FIFOs.
    pub(crate) fn finish(&mut self, patience: Duration) {
        for fifo in self.fifos.drain(..) {
            if let Some(job) = fifo.close() {
                self.scripts.kill(job);
            }
        }
        self.scripts.finish(patience);
        self.mailer.finish(patience);
    }
}

/// A script of `global_defs` that heeds neither its timeout nor SIGTERM is gone by then.
const GRACE: Duration = Duration::from_secs(3);

fn word(became: Became, notify: &Notify, is_master: bool) -> &'static str {
    match became {
        Became::Master => "MASTER",
        Became::Backup => "BACKUP",
        Became::Fault => "FAULT",
        Became::Stop => "STOP",
        Became::Deleted if notify.deleted.0 => "DELETED",
        Became::Deleted => "FAULT",
        Became::MasterRxLower => "MASTER_RX_LOWER_PRI",
        Became::Priority if is_master => "MASTER_PRIORITY",
        Became::Priority => "BACKUP_PRIORITY",
    }
}

pub(crate) fn spawn(script: &ScriptPlan, umask: Option<u32>) -> Spawn {
    Spawn { args: script.args.clone(), user: script.user.map(|u| (u.uid, u.gid)), umask }
}

/// A command of the firewall takes milliseconds.
const FIREWALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Not a number that an instance can have.
const FIREWALL_QUEUE: u64 = u64::MAX;
