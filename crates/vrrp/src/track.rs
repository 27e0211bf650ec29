//! Tracked things: scripts are run, risen and fallen here; files, processes, sessions and interfaces are told. What their
//! state means for an instance (a weight, or a fault) is computed from scratch each time, so that nothing can drift.

use evenkeel_base::time::{Duration, Instant};

use crate::conf::{InstanceId, TrackConf, TrackKind, TrackUse};
use crate::event::{Name, TrackWord, What};
use crate::input::ScriptOutcome;

/// How a tracked thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Nothing is known yet.
    Unknown,
    /// Well.
    Up,
    /// Not well.
    Down,
}

/// A script's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Runs {
    /// One runs.
    pub(crate) running: bool,
    /// The one that runs was given up, and has been counted.
    given_up: bool,
    /// The last exit code.
    code: Option<u8>,
    /// Answers in a row that speak against `health`.
    against: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) conf: TrackConf,
    pub(crate) name: Name,
    pub(crate) health: Health,
    pub(crate) runs: Runs,
    /// A file's value.
    pub(crate) value: i64,
    /// A process's quorum as told, before the delays.
    pub(crate) quorum: Option<bool>,
    /// Instances that it matters to, through their groups too.
    pub(crate) users: Vec<InstanceId>,
}

/// What a tracked thing is worth for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// So much is added to the priority.
    Weight(i32),
    /// It is the instance's fault.
    Fault,
    /// Its first answer must come before the instance may start.
    Pending,
}

/// Sums of weights beyond this are a fault for files, and the bounds of a sum for all (keepalived.conf(5), track files).
const WEIGHT_MAX: i64 = 253;

impl Track {
    pub(crate) fn new(conf: TrackConf) -> Self {
        let health = match conf.kind {
            TrackKind::Script { init_fail: true, .. } | TrackKind::Bfd | TrackKind::Process { .. } => {
                Health::Down
            }
            TrackKind::Script { .. } | TrackKind::Interface(_) => Health::Unknown,
            TrackKind::File => Health::Up,
        };
        let name = conf.name.as_str().into();
        Self { conf, name, health, runs: Runs::default(), value: 0, quorum: None, users: Vec::new() }
    }

    /// The original's word for it.
    pub(crate) const fn word(&self) -> TrackWord {
        match self.conf.kind {
            TrackKind::Script { .. } => TrackWord::Script,
            TrackKind::File => TrackWord::File,
            TrackKind::Process { .. } => TrackWord::Process,
            TrackKind::Bfd => TrackWord::Bfd,
            TrackKind::Interface(_) => TrackWord::Interface,
        }
    }

    /// See [`Worth`]; with the weight that the user of it has.
    pub(crate) fn worth(&self, by: &TrackUse) -> Worth {
        if self.conf.kind == TrackKind::File {
            return self.file_worth(by);
        }
        match (by.weight, by.reverse, self.health) {
            (0, _, Health::Unknown) => Worth::Pending,
            (0, false, Health::Down) | (0, true, Health::Up) => Worth::Fault,
            (0, ..) => Worth::Weight(0),
            // A positive weight counts while it is well, a negative one while it is not; `reverse` turns the sign.
            (weight, reverse, Health::Up) if weight > 0 => {
                Worth::Weight(if reverse { -weight } else { weight })
            }
            (weight, reverse, Health::Down) if weight < 0 => {
                Worth::Weight(if reverse { -weight } else { weight })
            }
            (_, _, Health::Up | Health::Down | Health::Unknown) => Worth::Weight(0),
        }
    }

    fn file_worth(&self, by: &TrackUse) -> Worth {
        if by.weight == 0 {
            let bad = (self.value != 0) != by.reverse;
            return if bad { Worth::Fault } else { Worth::Weight(0) };
        }
        let sign = if by.reverse { -1 } else { 1 };
        let product = self.value.saturating_mul(i64::from(by.weight)).saturating_mul(sign);
        if product < -WEIGHT_MAX {
            return Worth::Fault;
        }
        Worth::Weight(product.min(WEIGHT_MAX) as i32)
    }

    /// Interval and timeout of a script.
    pub(crate) const fn script_times(&self) -> Option<(Duration, Duration)> {
        match self.conf.kind {
            TrackKind::Script { interval, timeout, .. } => Some((interval, timeout)),
            TrackKind::File | TrackKind::Process { .. } | TrackKind::Bfd | TrackKind::Interface(_) => None,
        }
    }

    /// A script's turn. True: run it.
    pub(crate) fn turn(&mut self) -> bool {
        if self.runs.running {
            return false;
        }
        self.runs.running = true;
        self.runs.given_up = false;
        true
    }

    /// A script ran too long. What to tell; true at the end: its state changed.
    pub(crate) fn give_up(&mut self) -> (Vec<What>, bool) {
        if !self.runs.running || self.runs.given_up {
            return (Vec::new(), false);
        }
        self.runs.given_up = true;
        self.count(ScriptOutcome::TimedOut)
    }

    /// It runs, and has been counted as failed.
    pub(crate) const fn is_given_up(&self) -> bool {
        self.runs.running && self.runs.given_up
    }

    /// A script ended.
    pub(crate) fn ended(&mut self, outcome: ScriptOutcome) -> (Vec<What>, bool) {
        let counted = self.runs.given_up;
        self.runs.running = false;
        self.runs.given_up = false;
        if counted { (Vec::new(), false) } else { self.count(outcome) }
    }

    fn count(&mut self, outcome: ScriptOutcome) -> (Vec<What>, bool) {
        let TrackKind::Script { rise, fall, .. } = self.conf.kind else { return (Vec::new(), false) };
        let mut tell = Vec::new();
        let code = match outcome {
            ScriptOutcome::Success => Some(0),
            ScriptOutcome::Failed(code) => Some(code),
            ScriptOutcome::Signal(_) | ScriptOutcome::TimedOut | ScriptOutcome::NotStarted => None,
        };
        if let (Some(before), Some(now)) = (self.runs.code, code)
            && before != now
        {
            tell.push(What::ScriptReturns(now));
        }
        // The first answer ever decides at once; later ones need their row.
        let first = self.runs.code.is_none() && self.runs.against == 0 && !self.is_decided();
        self.runs.code = code.or(Some(u8::MAX));
        let well = outcome == ScriptOutcome::Success;
        let (agrees, needed) = match (self.health, well) {
            (Health::Up, true) | (Health::Down, false) => (true, 0),
            (Health::Up, false) => (false, fall.max(1)),
            (Health::Down, true) => (false, rise.max(1)),
            (Health::Unknown, _) => (false, 1),
        };
        if agrees && !first {
            self.runs.against = 0;
            return (tell, false);
        }
        self.runs.against = self.runs.against.saturating_add(1);
        if !first && self.runs.against < needed {
            return (tell, false);
        }
        let before = self.health;
        self.runs.against = 0;
        self.health = if well { Health::Up } else { Health::Down };
        tell.push(if well { What::ScriptOk } else { What::ScriptKo(outcome) });
        (tell, before != self.health)
    }

    /// Whether an answer was ever counted.
    fn is_decided(&self) -> bool {
        self.runs.code.is_some()
    }

    /// A process's quorum was told. When the new state counts; `None`: nothing to wait for.
    pub(crate) fn told_quorum(&mut self, up: bool, now: Instant) -> Settling {
        let TrackKind::Process { fork_delay, terminate_delay } = self.conf.kind else {
            return Settling::Same;
        };
        let first = self.quorum.is_none();
        self.quorum = Some(up);
        let is_up = self.health == Health::Up;
        if up == is_up {
            return Settling::Same;
        }
        let delay = if up { fork_delay } else { terminate_delay };
        if first || delay.is_zero() { Settling::Now } else { Settling::At(now + delay) }
    }

    /// Takes over another state. True where it changed.
    pub(crate) fn set(&mut self, up: bool) -> bool {
        let health = if up { Health::Up } else { Health::Down };
        let changed = self.health != health;
        self.health = health;
        changed
    }
}

/// When a told state counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settling {
    Same,
    Now,
    At(Instant),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::TrackId;

    fn script(rise: u32, fall: u32, init_fail: bool) -> Track {
        let kind = TrackKind::Script {
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rise,
            fall,
            init_fail,
        };
        Track::new(TrackConf { name: "chk".into(), kind })
    }

    fn by(weight: i32, reverse: bool) -> TrackUse {
        TrackUse { track: TrackId(0), weight, reverse }
    }

    #[test]
    fn scripts_rise_and_fall() {
        // Each letter an answer, then the state after it.
        for (rise, fall, init_fail, answers) in [
            (1, 1, false, "+U -D +U"),
            (2, 3, false, "+U -U -U -D +D +U"),
            (2, 3, false, "-D +D +U"),
            (3, 1, true, "+U -D +D +D +U"),
            (2, 2, false, "+U -U +U -U -D +D -D +D +U"),
            (1, 1, true, "-D -D +U"),
        ] {
            let mut track = script(rise, fall, init_fail);
            for step in answers.split(' ') {
                let (answer, want) = step.split_at(1);
                assert!(track.turn());
                assert!(!track.turn(), "one at a time");
                track.ended(if answer == "+" { ScriptOutcome::Success } else { ScriptOutcome::Failed(1) });
                let want = if want == "U" { Health::Up } else { Health::Down };
                assert_eq!(
                    track.health, want,
                    "rise {rise} fall {fall} init_fail {init_fail}: {answers} at {step}"
                );
            }
        }
    }

    #[test]
    fn scripts_that_run_too_long_count_once() {
        let mut track = script(1, 1, false);
        assert!(track.turn());
        let (tell, changed) = track.give_up();
        assert_eq!((tell.as_slice(), changed), ([What::ScriptKo(ScriptOutcome::TimedOut)].as_slice(), true));
        assert_eq!(track.give_up(), (Vec::new(), false));
        assert_eq!(track.ended(ScriptOutcome::Signal(15)), (Vec::new(), false));
        assert!(track.turn());
        assert_eq!(track.ended(ScriptOutcome::Success).0.last(), Some(&What::ScriptOk));
    }

    #[test]
    fn what_they_are_worth() {
        let mut track = script(1, 1, false);
        for (health, weight, reverse, want) in [
            (Health::Unknown, 0, false, Worth::Pending),
            (Health::Up, 0, false, Worth::Weight(0)),
            (Health::Down, 0, false, Worth::Fault),
            (Health::Up, 0, true, Worth::Fault),
            (Health::Down, 0, true, Worth::Weight(0)),
            (Health::Up, 10, false, Worth::Weight(10)),
            (Health::Down, 10, false, Worth::Weight(0)),
            (Health::Up, 10, true, Worth::Weight(-10)),
            (Health::Up, -10, false, Worth::Weight(0)),
            (Health::Down, -10, false, Worth::Weight(-10)),
            (Health::Down, -10, true, Worth::Weight(10)),
            (Health::Unknown, -10, false, Worth::Weight(0)),
            (Health::Unknown, 10, false, Worth::Weight(0)),
        ] {
            track.health = health;
            assert_eq!(track.worth(&by(weight, reverse)), want, "{health:?} {weight} {reverse}");
        }
        let mut file = Track::new(TrackConf { name: "f".into(), kind: TrackKind::File });
        for (value, weight, reverse, want) in [
            (5, 2, false, Worth::Weight(10)),
            (-40, 2, false, Worth::Weight(-80)),
            (900, 2, false, Worth::Weight(253)),
            (-200, 2, false, Worth::Fault),
            (-253, 1, false, Worth::Weight(-253)),
            (-254, 1, false, Worth::Fault),
            (254, 1, true, Worth::Fault),
            (i64::MIN, -254, true, Worth::Fault),
            (0, 0, false, Worth::Weight(0)),
            (1, 0, false, Worth::Fault),
            (0, 0, true, Worth::Fault),
            (1, 0, true, Worth::Weight(0)),
        ] {
            file.value = value;
            assert_eq!(file.worth(&by(weight, reverse)), want, "file {value} {weight} {reverse}");
        }
    }
}
