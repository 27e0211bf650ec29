//! The machine: waits, runs, counts.

use std::collections::VecDeque;

use bstr::{BString, ByteSlice};
use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};

use crate::conf::{CheckConf, Observe, OnError};
use crate::counter::{Counter, Health};
use crate::input::{Forced, Input, TrafficFault};
use crate::output::{Cause, Change, Checked, Output, Reason, Verdict};
use crate::run::{Finding, Run};
use crate::status::Status;
use crate::timers::{Deadline, Timer, interval, spread};
use crate::view::View;

#[derive(Debug)]
enum Phase {
    Waiting {
        at: Instant,
    },
    Running(Box<Run>),
    /// The beat goes on unheard: `at` would have been the next check.
    Paused {
        at: Instant,
    },
}

/// A server's check. See the crate's head for the contract.
#[derive(Debug)]
pub struct Check {
    conf: CheckConf,
    phase: Phase,
    counter: Counter,
    health: Health,
    last: Reason,
    failed: u64,
    observed_failed: u64,
    errors_in_row: u32,
    rng: Rng,
    out: VecDeque<Output>,
}

impl Check {
    /// A server that is up until its first check says otherwise.
    pub fn new(conf: CheckConf, now: Instant) -> Self {
        let none =
            Reason { status: Status::Initializing, code: None, info: BString::default(), duration: None };
        Self {
            counter: Counter::new(conf.rise, conf.fall),
            phase: Phase::Waiting { at: now + conf.start_after },
            health: Health::Up,
            last: none,
            failed: 0,
            observed_failed: 0,
            errors_in_row: 0,
            rng: Rng::new(conf.seed),
            out: VecDeque::new(),
            conf,
        }
    }

    /// Takes an event. Those of a connection mean the one asked for last; without a check under way they mean nothing.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Handshaking => {
                if let Phase::Running(run) = &mut self.phase {
                    run.handshaking();
                }
            }
            Input::Connected(facts) => {
                let own = self.view().state_text();
                self.step(now, |run, conf, out| {
                    run.connected(conf, facts.map(|f| (f, own.as_str())), now, out)
                });
            }
            Input::ConnectFailed(failure) => {
                self.step(now, |run, conf, _| Some(run.connect_failed(conf, failure)))
            }
            Input::Received(bytes) => self.step(now, |run, conf, out| run.received(conf, bytes, now, out)),
            Input::Closed => self.step(now, |run, conf, out| run.closed(conf, now, out)),
            Input::Broken(words) => self.step(now, |run, conf, _| Some(run.broken(conf, words))),
            Input::TrafficGood => self.errors_in_row = 0,
            Input::TrafficBad(fault) => self.traffic_bad(fault, now),
            Input::Pause => self.pause(now),
            Input::Resume => self.resume(now),
            Input::Revive => {
                self.counter.restart();
                self.health = Health::Up;
                self.resume(now);
            }
            Input::Force(forced) => self.force(forced),
        }
    }

    /// A deadline may have come.
    pub fn on_deadline(&mut self, now: Instant) {
        match &self.phase {
            Phase::Waiting { at } if *at <= now => {
                let soft_404 = self.conf.disable_on_404 && self.health != Health::Down;
                self.phase = Phase::Running(Box::new(Run::begin(&self.conf, soft_404, now, &mut self.out)));
            }
            Phase::Running(run) if run.deadline <= now => {
                let finding = run.timed_out(&self.conf);
                self.finish(finding, now);
            }
            Phase::Waiting { .. } | Phase::Running(_) | Phase::Paused { .. } => {}
        }
    }

    /// When to call [`Check::on_deadline`]; `None` while paused.
    pub fn deadline(&self) -> Option<Deadline> {
        match &self.phase {
            Phase::Waiting { at } => Some(Deadline { at: *at, why: Timer::Start }),
            Phase::Running(run) => Some(Deadline { at: run.deadline, why: run.timer() }),
            Phase::Paused { .. } => None,
        }
    }

    /// The next deed.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// As others see it.
    pub fn view(&self) -> View<'_> {
        View {
            health: self.health,
            counter: self.counter,
            status: self.last.status,
            running: matches!(self.phase, Phase::Running(_)),
            paused: matches!(self.phase, Phase::Paused { .. }),
            code: self.last.code,
            duration: self.last.duration,
            info: self.last.info.as_bstr(),
            failed: self.failed,
            observed_failed: self.observed_failed,
        }
    }

    /// The configuration.
    pub fn conf(&self) -> &CheckConf {
        &self.conf
    }

    /// Lets the check under way go on; when it has found something, it ends.
    fn step(
        &mut self,
        now: Instant,
        go: impl FnOnce(&mut Run, &CheckConf, &mut VecDeque<Output>) -> Option<Finding>,
    ) {
        let Phase::Running(run) = &mut self.phase else { return };
        if let Some(finding) = go(run, &self.conf, &mut self.out) {
            self.finish(finding, now);
        }
    }

    fn finish(&mut self, finding: Finding, now: Instant) {
        let Phase::Running(run) = &self.phase else { return };
        self.out.push_back(Output::Close { linger: run.linger });
        let verdict = match finding.status {
            Status::L4Ok | Status::L6Ok | Status::L7Ok | Status::ProcessOk => Verdict::Passed,
            Status::L7OkConditional => Verdict::Conditional,
            Status::Unknown
            | Status::Initializing
            | Status::SocketError
            | Status::L4Timeout
            | Status::L4Connection
            | Status::L6Timeout
            | Status::L6Response
            | Status::L7Timeout
            | Status::L7Response
            | Status::L7Status
            | Status::ProcessError
            | Status::ProcessTimeout
            | Status::Observed => Verdict::Failed,
        };
        let Finding { status, code, info } = finding;
        let duration = Some(now - run.started);
        self.settle(verdict, Reason { status, code, info, duration });
        let wait = spread(self.interval(), self.conf.spread_percent, &mut self.rng);
        self.phase = Phase::Waiting { at: now + wait };
    }

    /// Counts a result and draws the consequence.
    fn settle(&mut self, verdict: Verdict, reason: Reason) {
        let counted = match verdict {
            Verdict::Passed | Verdict::Conditional => self.counter.pass(),
            Verdict::Failed => self.counter.fail(),
        };
        self.failed += u64::from(verdict == Verdict::Failed && counted);
        let news = counted || reason.status != self.last.status;
        self.last = reason.clone();
        self.out.push_back(Output::Checked(Checked {
            verdict,
            reason: reason.clone(),
            count: self.counter.count(),
            up: self.counter.is_up(),
            news,
        }));
        let to = match (verdict, self.counter.is_up()) {
            (_, false) => Health::Down,
            (Verdict::Passed, true) => Health::Up,
            (Verdict::Conditional, true) => Health::Stopping,
            (Verdict::Failed, true) => self.health,
        };
        self.enter(to, Cause::Check(reason));
    }

    fn enter(&mut self, to: Health, cause: Cause) {
        let from = std::mem::replace(&mut self.health, to);
        if from != to {
            self.out.push_back(Output::Changed(Change { from, to, cause }));
        }
    }

    /// Enough errors in a row in the traffic stand for a failed check.
    fn traffic_bad(&mut self, fault: TrafficFault, now: Instant) {
        let counts = match (self.conf.observe, fault) {
            (Observe::Off, _) => false,
            (Observe::Layer4, TrafficFault::Connect) | (Observe::Layer7, _) => true,
            (Observe::Layer4, _) => false,
        };
        if !counts || matches!(self.phase, Phase::Paused { .. }) {
            return;
        }
        self.errors_in_row = self.errors_in_row.saturating_add(1);
        if self.errors_in_row < self.conf.error_limit.max(1) {
            return;
        }
        let errors = std::mem::take(&mut self.errors_in_row);
        self.observed_failed += 1;
        match self.conf.on_error {
            OnError::FastInter | OnError::FailCheck => {}
            OnError::SuddenDeath => self.counter.weaken(),
            OnError::MarkDown => self.counter.doom(),
        }
        if self.conf.on_error != OnError::FastInter {
            let words = fault.description();
            let info = format!("Detected {errors} consecutive errors, last one was: {words}").into();
            let reason = Reason { status: Status::Observed, code: None, info, duration: None };
            self.settle(Verdict::Failed, reason);
        }
        if let (Some(fast), Phase::Waiting { at }) = (self.conf.fastinter, &mut self.phase) {
            *at = (*at).min(now + fast);
        }
    }

    fn pause(&mut self, now: Instant) {
        let at = match &self.phase {
            Phase::Waiting { at } | Phase::Paused { at } => *at,
            Phase::Running(run) => {
                self.out.push_back(Output::Close { linger: run.linger });
                now + self.interval()
            }
        };
        self.phase = Phase::Paused { at };
    }

    /// The next check falls on the beat that went on through the pause.
    fn resume(&mut self, now: Instant) {
        let Phase::Paused { at } = self.phase else { return };
        let beat = self.interval().max(Duration::from_millis(1)).as_nanos();
        let missed = now.since(at).as_nanos().div_ceil(beat);
        let skip = u64::try_from(missed.saturating_mul(beat)).unwrap_or(u64::MAX);
        self.phase = Phase::Waiting { at: at + Duration::from_nanos(skip) };
    }

    fn force(&mut self, forced: Forced) {
        let to = match forced {
            Forced::Up => Health::Up,
            Forced::Stopping => Health::Stopping,
            Forced::Down => Health::Down,
        };
        match to {
            Health::Up | Health::Stopping => self.counter.fill(),
            Health::Down => self.counter.clear(),
        }
        self.enter(to, Cause::Cli);
    }

    fn interval(&self) -> Duration {
        interval(&self.conf, self.counter, self.health)
    }
}
