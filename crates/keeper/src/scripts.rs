//! Scripts run on a thread of their own: starting a program can take long (a slow disk), and the keeper's adverts must not
//! wait for it. Jobs of one queue run one after the other, in order; others beside each other.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_sys::bell::Bell;
use evenkeel_sys::child::{ChildProc, Exit, Spawn};
use evenkeel_sys::clock;
use evenkeel_sys::poll::Poller;
use evenkeel_vrrp::ScriptOutcome;

/// Jobs that wait in one queue; more are refused: scripts that hang must not grow us.
const QUEUE_MAX: usize = 256;
/// After SIGTERM a script has so long before SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// The bell's key; others are jobs' numbers.
const BELL: u64 = u64::MAX - 1;

/// Names a job.
pub(crate) type JobId = u64;

/// A script to be run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) spawn: Spawn,
    /// It is told TERM then, and counts as timed out.
    pub(crate) timeout: Option<Duration>,
    /// Jobs with the same number run in order.
    pub(crate) queue: Option<u64>,
}

/// What became of a job. Told exactly once for each.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) id: JobId,
    pub(crate) outcome: ScriptOutcome,
    /// Why it could not be started.
    pub(crate) error: Option<io::Error>,
}

enum Order {
    Run(Job),
    Kill(JobId),
    /// End when nothing runs any more, at the latest then.
    Finish(Instant),
}

/// The keeper's side.
#[derive(Debug)]
pub(crate) struct Scripts {
    orders: Sender<Order>,
    ends: Receiver<Ended>,
    ring_worker: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
    last: JobId,
    /// Ends that came while another was waited for.
    early: VecDeque<Ended>,
}

impl Scripts {
    /// Starts the thread. `ring` is rung when a job has ended.
    pub(crate) fn start(ring: Arc<Bell>) -> io::Result<Scripts> {
        let (orders, inbox) = channel();
        let (outbox, ends) = channel();
        let bell = Arc::new(Bell::new()?);
        let poller = Poller::new()?;
        poller.add(&*bell, BELL)?;
        let worker = Worker {
            inbox,
            outbox,
            ring,
            bell: bell.clone(),
            poller,
            running: BTreeMap::new(),
            queues: BTreeMap::new(),
            finish: None,
        };
        let thread = std::thread::Builder::new().name("keeper-scripts".into()).spawn(move || worker.run())?;
        Ok(Scripts { orders, ends, ring_worker: bell, thread: Some(thread), last: 0, early: VecDeque::new() })
    }

    /// Runs a script; its end comes by [`Scripts::next_end`].
    pub(crate) fn run(&mut self, spawn: Spawn, timeout: Option<Duration>, queue: Option<u64>) -> JobId {
        self.last += 1;
        self.order(Order::Run(Job { id: self.last, spawn, timeout, queue }));
        self.last
    }

    /// Ends a job.
    pub(crate) fn kill(&self, id: JobId) {
        self.order(Order::Kill(id));
    }

    pub(crate) fn next_end(&mut self) -> Option<Ended> {
        self.early.pop_front().or_else(|| self.ends.try_recv().ok())
    }

    /// Waits for one job's end, for so long at most. Other ends stay where they are.
    pub(crate) fn wait_for(&mut self, id: JobId, patience: Duration) -> Option<Ended> {
        let deadline = clock::now() + patience;
        loop {
            let left = deadline.since(clock::now());
            match self.ends.recv_timeout(left) {
                Ok(ended) if ended.id == id => return Some(ended),
                Ok(other) => self.early.push_back(other),
                Err(_) => return None,
            }
        }
    }

    /// Lets what runs and waits end, for so long at most, and ends the thread.
    pub(crate) fn finish(&mut self, patience: Duration) {
        self.order(Order::Finish(clock::now() + patience));
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported; nothing of ours depends on it.
            let _ = thread.join();
        }
    }

    fn order(&self, order: Order) {
        // The thread lives as long as we do.
        let _ = self.orders.send(order);
        self.ring_worker.ring();
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        self.finish(Duration::ZERO);
    }
}

struct Running {
    child: ChildProc,
    queue: Option<u64>,
    /// When something is due: first TERM, then KILL.
    due: Option<Instant>,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Works,
    /// TERM was sent: because it took too long, or by order.
    Terminated,
    Killed,
}

struct Worker {
    inbox: Receiver<Order>,
    outbox: Sender<Ended>,
    ring: Arc<Bell>,
    bell: Arc<Bell>,
    poller: Poller,
    running: BTreeMap<JobId, Running>,
    /// Jobs that wait for their turn; a queue is there while one of its jobs runs.
    queues: BTreeMap<u64, VecDeque<Job>>,
    finish: Option<Instant>,
}

impl Worker {
    fn run(mut self) {
        let mut ready = Vec::new();
        loop {
            if !self.take_orders() {
                self.finish.get_or_insert_with(clock::now);
            }
            let now = clock::now();
            self.on_time(now);
            if let Some(at) = self.finish {
                if self.running.is_empty() {
                    return;
                }
                if now >= at {
                    self.abandon();
                    return;
                }
            }
            let deadline = self.running.values().filter_map(|r| r.due).chain(self.finish).min();
            if self.poller.wait(deadline, &mut ready).is_err() {
                self.abandon();
                return;
            }
            for key in &ready {
                if *key == BELL {
                    self.bell.silence();
                } else {
                    self.on_end(*key);
                }
            }
        }
    }

    /// False when the keeper is gone.
    fn take_orders(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Order::Run(job)) => self.enqueue(job),
                Ok(Order::Kill(id)) => self.kill(id),
                Ok(Order::Finish(at)) => self.finish = Some(at),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn enqueue(&mut self, job: Job) {
        if let Some(queue) = job.queue {
            if let Some(waiting) = self.queues.get_mut(&queue) {
                if waiting.len() < QUEUE_MAX {
                    waiting.push_back(job);
                } else {
                    let full = io::Error::other("too many scripts wait before it");
                    self.tell(job.id, ScriptOutcome::NotStarted, Some(full));
                }
                return;
            }
            self.queues.insert(queue, VecDeque::new());
        }
        self.begin(job);
    }

    fn begin(&mut self, job: Job) {
        let child = job.spawn.start().and_then(|child| {
            self.poller.add(&child, job.id).inspect_err(|_| child.kill())?;
            Ok(child)
        });
        match child {
            Ok(child) => {
                let due = job.timeout.map(|timeout| clock::now() + timeout);
                let running = Running { child, queue: job.queue, due, phase: Phase::Works };
                self.running.insert(job.id, running);
            }
            Err(e) => {
                self.tell(job.id, ScriptOutcome::NotStarted, Some(e));
                self.next_of(job.queue);
            }
        }
    }

    fn next_of(&mut self, queue: Option<u64>) {
        let Some(queue) = queue else { return };
        match self.queues.get_mut(&queue).and_then(VecDeque::pop_front) {
            Some(job) => self.begin(job),
            None => {
                self.queues.remove(&queue);
            }
        }
    }

    fn kill(&mut self, id: JobId) {
        if let Some(running) = self.running.get_mut(&id)
            && running.phase == Phase::Works
        {
            running.child.terminate();
            running.phase = Phase::Terminated;
            running.due = Some(clock::now() + GRACE);
        }
    }

    fn on_time(&mut self, now: Instant) {
        for running in self.running.values_mut().filter(|r| r.due.is_some_and(|due| due <= now)) {
            match running.phase {
                Phase::Works => {
                    running.child.terminate();
                    running.phase = Phase::Terminated;
                    running.due = Some(now + GRACE);
                }
                Phase::Terminated => {
                    running.child.kill();
                    running.phase = Phase::Killed;
                    running.due = None;
                }
                Phase::Killed => running.due = None,
            }
        }
    }

    fn on_end(&mut self, id: JobId) {
        let Some(running) = self.running.get(&id) else { return };
        let exit = match running.child.try_reap() {
            Ok(Some(exit)) => exit,
            Ok(None) => return,
            // Somebody else has reaped it: it is over, we do not know how.
            Err(_) => Exit::Signal(0),
        };
        let Some(running) = self.running.remove(&id) else { return };
        self.poller.remove(&running.child);
        let outcome = match (running.phase, exit) {
            (Phase::Terminated | Phase::Killed, _) => ScriptOutcome::TimedOut,
            (_, Exit::Code(0)) => ScriptOutcome::Success,
            (_, Exit::Code(code)) => ScriptOutcome::Failed(code),
            (_, Exit::Signal(signal)) => ScriptOutcome::Signal(signal),
        };
        self.tell(id, outcome, None);
        self.next_of(running.queue);
    }

    /// Time is up: what still runs is asked to end, and nobody waits for it.
    fn abandon(&mut self) {
        for running in self.running.values() {
            running.child.terminate();
        }
    }

    fn tell(&self, id: JobId, outcome: ScriptOutcome, error: Option<io::Error>) {
        // The keeper may be gone: nobody to tell then.
        let _ = self.outbox.send(Ended { id, outcome, error });
        self.ring.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Spawn {
        Spawn { args: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(), user: None, umask: None }
    }

    fn wait(scripts: &mut Scripts, bell: &Arc<Bell>, count: usize) -> Vec<(JobId, ScriptOutcome)> {
        let mut poller = Poller::new().expect("poller");
        poller.add(&**bell, 1).expect("watched");
        let mut ended = Vec::new();
        let mut ready = Vec::new();
        while ended.len() < count {
            poller.wait(Some(clock::now() + Duration::from_secs(30)), &mut ready).expect("waits");
            assert!(!ready.is_empty(), "30 s without an end");
            bell.silence();
            while let Some(end) = scripts.next_end() {
                ended.push((end.id, end.outcome));
            }
        }
        ended
    }

    #[test]
    fn outcomes_are_told_once() {
        let bell = Arc::new(Bell::new().expect("bell"));
        let mut scripts = Scripts::start(bell.clone()).expect("starts");
        let ms = Duration::from_millis;
        let missing = Spawn { args: vec!["/nowhere/at/all".into()], user: None, umask: None };
        let rows = [
            (sh("exit 0"), None, ScriptOutcome::Success),
            (sh("exit 3"), None, ScriptOutcome::Failed(3)),
            (sh("kill -9 $$"), None, ScriptOutcome::Signal(9)),
            (sh("sleep 600"), Some(ms(50)), ScriptOutcome::TimedOut),
            (missing, None, ScriptOutcome::NotStarted),
        ];
        let mut want: Vec<(JobId, ScriptOutcome)> =
            rows.map(|(spawn, timeout, want)| (scripts.run(spawn, timeout, None), want)).to_vec();
        let killed = scripts.run(sh("trap '' TERM; while :; do sleep 1; done"), None, None);
        scripts.kill(killed);
        want.push((killed, ScriptOutcome::TimedOut));
        let mut got = wait(&mut scripts, &bell, want.len());
        got.sort_by_key(|(id, _)| *id);
        assert_eq!(got, want);
    }

    #[test]
    fn a_queue_is_in_order() {
        let path = std::env::temp_dir().join(format!("ek-queue-{}", std::process::id()));
        let bell = Arc::new(Bell::new().expect("bell"));
        let mut scripts = Scripts::start(bell.clone()).expect("starts");
        // The earlier, the slower: without a queue they would end the other way round.
        let say = |n: u32, wait: &str| sh(&format!("sleep {wait}; echo {n} >>{}", path.display()));
        for (n, wait) in [(1, "0.2"), (2, "0.1"), (3, "0")] {
            scripts.run(say(n, wait), None, Some(7));
        }
        scripts.finish(Duration::from_secs(30));
        assert_eq!(std::fs::read_to_string(&path).expect("written"), "1\n2\n3\n");
        assert_eq!(std::iter::from_fn(|| scripts.next_end()).count(), 3);
        std::fs::remove_file(&path).expect("ours");
    }
}
