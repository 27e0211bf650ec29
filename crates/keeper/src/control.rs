//! How others speak with the keeper's thread: a queue of commands with a bell, and closures that look at its state.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use evenkeel_base::Instant;
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::bell::Bell;
use evenkeel_vrrp::conf::InstanceId;
use evenkeel_vrrp::{Became, Node, NodeConf, Subject};

use crate::hands::Hands;

/// Commands that may wait; more are refused.
const COMMANDS_MAX: usize = 256;
/// News that a subscriber may have unread; more are lost to it.
const NEWS_MAX: usize = 4096;

/// How grave a line of the keeper's log is: the original's classes of syslog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// LOG_ERR.
    Error,
    /// LOG_WARNING.
    Warning,
    /// LOG_NOTICE.
    Notice,
    /// LOG_INFO.
    Info,
    /// Only with `-D`.
    Detail,
    /// LOG_DEBUG.
    Debug,
}

/// Where log lines go. Called on the keeper's thread: it must not block (write to a non-blocking socket or a queue).
pub type Logger = Arc<dyn Fn(LogLevel, &str) + Send + Sync>;

/// What the keeper is told beside the plan.
#[derive(Clone)]
pub struct Options {
    /// Log lines.
    pub log: Logger,
    /// Seed of the brain's randomness.
    pub seed: u64,
    /// Whether the process's scheduling, memory lock and affinity are set as the plan says (off in tests that share a
    /// process).
    pub schedule: bool,
    /// Whether addresses of the plan that are there at the start are taken away (leftovers of a run that was killed).
    pub clear_leftovers: bool,
    /// False (`--dont-release-vrrp`) leaves addresses, routes, rules and their interfaces at the end; addresses without a lease
    /// then, since nobody will renew it.
    pub release_at_end: bool,
    /// Whether `startup_script` and `shutdown_script` are run by the keeper.
    pub run_global_scripts: bool,
}

impl Options {
    /// The usual ones.
    pub fn new(log: Logger) -> Options {
        Options {
            log,
            seed: 0,
            schedule: true,
            clear_leftovers: true,
            release_at_end: true,
            run_global_scripts: true,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("seed", &self.seed)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// Why the keeper cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct StartError {
    /// Which step.
    pub what: &'static str,
    /// What the system said.
    pub source: std::io::Error,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By [`Handle::stop`]; everything was given back.
    Stopped,
    /// All handles are gone: nobody could ever stop it, so it stopped.
    Abandoned,
}

/// What can be looked at, on the keeper's thread, between two events.
pub struct Look<'a> {
    /// The brain: `node.view()` and what hangs on it.
    pub node: &'a Node,
    /// What it runs.
    pub plan: &'a KeeperPlan,
    /// What the hands know: interfaces, which addresses are set, counters.
    pub hands: &'a Hands,
    /// The monotonic clock.
    pub now: Instant,
}

/// One transition, told to subscribers (D-Bus, traps, FIFOs of others).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub subject: Subject,
    /// Its name in the file.
    pub name: String,
    /// What it became.
    pub became: Became,
    /// Its priority.
    pub priority: u8,
}

pub(crate) type Peek = Box<dyn FnOnce(&Look<'_>) + Send>;

/// What others want.
pub(crate) enum Command {
    Reload(Box<KeeperPlan>),
    Stop,
    Look(Peek),
    SetPriority(InstanceId, Option<u8>),
    Announce(InstanceId),
    Subscribe(SyncSender<Told>),
    Bfd(evenkeel_vrrp::conf::TrackId, bool),
}

/// Speaks with a keeper from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Always there, but for the moment of dropping: the bell must ring after it is gone.
    queue: Option<SyncSender<Command>>,
    bell: Arc<Bell>,
}

/// The keeper is gone, or its queue is full (it is stuck).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// It has ended.
    #[error("the keeper has ended")]
    Gone,
    /// Too many commands wait.
    #[error("the keeper does not answer: {COMMANDS_MAX} commands wait")]
    Full,
}

impl Handle {
    /// Puts a new plan in force, by difference: what has not changed goes on untouched.
    pub fn reload(&self, plan: KeeperPlan) -> Result<(), HandleError> {
        self.send(Command::Reload(Box::new(plan)))
    }

    /// Ends the run: priority-0 adverts, addresses given back, STOP told; [`crate::Keeper::run`] returns afterwards.
    pub fn stop(&self) -> Result<(), HandleError> {
        self.send(Command::Stop)
    }

    /// Runs `f` on the keeper's thread and hands back what it returns. Copy what you need and leave: adverts wait meanwhile.
    pub fn look<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Look<'_>) -> T + Send + 'static,
    ) -> Result<T, HandleError> {
        let (tx, rx) = sync_channel(1);
        self.send(Command::Look(Box::new(move |look| {
            // The asker may have gone: nobody to tell then.
            let _ = tx.send(f(look));
        })))?;
        rx.recv().map_err(|_| HandleError::Gone)
    }

    /// Sets an instance's priority, or gives it back to the file. `Ok(false)`: no instance is called so.
    pub fn set_priority(&self, instance: &str, priority: Option<u8>) -> Result<bool, HandleError> {
        let Some(id) = self.find(instance)? else { return Ok(false) };
        self.send(Command::SetPriority(id, priority))?;
        Ok(true)
    }

    /// Announces an instance's addresses again (D-Bus `SendGarp`). `Ok(false)`: no instance is called so.
    pub fn announce(&self, instance: &str) -> Result<bool, HandleError> {
        let Some(id) = self.find(instance)? else { return Ok(false) };
        self.send(Command::Announce(id))?;
        Ok(true)
    }

    /// A stream of transitions from now on. A reader that lags more than some thousands loses the newest.
    pub fn subscribe(&self) -> Result<Receiver<Told>, HandleError> {
        let (tx, rx) = sync_channel(NEWS_MAX);
        self.send(Command::Subscribe(tx))?;
        Ok(rx)
    }

    /// Tells whether a BFD session is up.
    pub fn bfd(&self, track: evenkeel_vrrp::conf::TrackId, up: bool) -> Result<(), HandleError> {
        self.send(Command::Bfd(track, up))
    }

    fn find(&self, instance: &str) -> Result<Option<InstanceId>, HandleError> {
        let name = instance.to_owned();
        self.look(move |look| find_instance(&look.plan.node, &name))
    }

    fn send(&self, command: Command) -> Result<(), HandleError> {
        let Some(queue) = &self.queue else { return Err(HandleError::Gone) };
        queue.try_send(command).map_err(|e| match e {
            TrySendError::Full(_) => HandleError::Full,
            TrySendError::Disconnected(_) => HandleError::Gone,
        })?;
        self.bell.ring();
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue = None;
        self.bell.ring();
    }
}

pub(crate) fn find_instance(node: &NodeConf, name: &str) -> Option<InstanceId> {
    let at = node.instances.iter().position(|i| i.name == name)?;
    u32::try_from(at).ok().map(InstanceId)
}

/// The keeper's end of the queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: Receiver<Command>,
    bell: Arc<Bell>,
}

/// What lies in the queue.
pub(crate) enum Next {
    Command(Command),
    Empty,
    Abandoned,
}

impl Inbox {
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    pub(crate) fn next(&self) -> Next {
        match self.queue.try_recv() {
            Ok(command) => Next::Command(command),
            Err(std::sync::mpsc::TryRecvError::Empty) => Next::Empty,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => Next::Abandoned,
        }
    }
}

pub(crate) fn channel() -> std::io::Result<(Handle, Inbox)> {
    let (tx, rx) = sync_channel(COMMANDS_MAX);
    let bell = Arc::new(Bell::new()?);
    Ok((Handle { queue: Some(tx), bell: bell.clone() }, Inbox { queue: rx, bell }))
}
