//! States and the rules between them: RFC 9568 §6.4 and RFC 3768 §6.4 as one pure function over small values. It decides;
//! the instance acts.
//!
//! ```text
//!                       ┌────────────┐ a fault          a fault ┌─────────┐
//!        started ──────▶│   Backup   │─────────▶┌───────┐◀──────│  Init   │
//!   ┌──────┐            │            │◀─────────│ Fault │       └─────────┘
//!   │ Init │            └────────────┘  well    └───────┘
//!   └──────┘  down timer   │      ▲                 ▲
//!                          ▼      │ somebody better │ a fault
//!                       ┌────────────┐              │
//!                       │   Master   │──────────────┘
//!                       └────────────┘
//! ```
//!
//! The RFC's Initialize is `Init` (not started, or a script has not answered yet) and `Fault` (cannot work); its Active is
//! `Master`.

use std::cmp::Ordering;
use std::net::IpAddr;

use evenkeel_base::time::Instant;

/// A state without what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    /// Not started.
    Init,
    /// Listens.
    Backup,
    /// Holds the addresses.
    Master,
    /// Cannot work.
    Fault,
}

impl StateKind {
    /// The word of logs and dumps.
    pub const fn word(self) -> &'static str {
        match self {
            StateKind::Init => "INIT",
            StateKind::Backup => "BACKUP",
            StateKind::Master => "MASTER",
            StateKind::Fault => "FAULT",
        }
    }
}

/// A state with what only it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Init,
    Backup(Backup),
    Master(Master),
    Fault,
}

/// Listening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    /// When the down timer was started last.
    pub(crate) armed: Instant,
    /// What it waits for.
    pub(crate) waits: Waits,
    pub(crate) preempt: PreemptDelay,
}

/// What a down timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// Adverts: some intervals and the skew.
    Advert,
    /// Other backups: the master gave up, so the skew only.
    Others { from: IpAddr },
    /// It ran out; the group's others still hear their master.
    Group,
}

/// `preempt_delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PreemptDelay {
    /// No worse master was heard.
    Idle,
    /// A worse master may go on until then.
    Until(Instant),
}

/// Holding the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Master {
    /// When the last advert went out or should have; the next is due one interval later, whatever the delay was.
    pub(crate) beat: Instant,
    /// When the last advert went out.
    pub(crate) sent: Instant,
    /// When the addresses' lifetimes were set last.
    pub(crate) renewed: Instant,
    /// When a lower advert was answered last.
    pub(crate) asserted: Option<Instant>,
}

impl State {
    pub(crate) const fn kind(&self) -> StateKind {
        match self {
            State::Init => StateKind::Init,
            State::Backup(_) => StateKind::Backup,
            State::Master(_) => StateKind::Master,
            State::Fault => StateKind::Fault,
        }
    }
}

/// How a backup meets worse masters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preempting {
    /// It takes over (Preempt_Mode true).
    Now,
    /// It lets them be (`nopreempt`).
    Never,
    /// It takes over after a delay that has not begun.
    Later,
    /// The delay runs.
    Waiting,
}

/// What an advert means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Ignore,
    /// The master is there: count its time anew, with its interval.
    Follow,
    /// As [`Verdict::Follow`], and a worse master's time is limited from now on.
    FollowForAWhile,
    /// As [`Verdict::Follow`], and no worse master's time is limited any more.
    FollowForGood,
    /// The master gives up: wait for the skew only.
    Hurry,
    /// Worse: do as if it had not come.
    Discard,
    /// Another master gives up: say at once that we are here.
    Answer,
    /// Worse, or an equal with the lower address: say at once that we are master.
    Assert,
    /// Better: become backup.
    Yield,
    /// Better, and both are owners: become less, then backup.
    YieldOwner,
}

/// Decides about an advert. `theirs` is its priority, `ours` the effective one, `source` how its address compares with
/// ours.
pub const fn judge(
    state: StateKind,
    theirs: u8,
    ours: u8,
    source: Ordering,
    preempting: Preempting,
) -> Verdict {
    match state {
        // RFC 9568 §6.4.1: Initialize knows only Startup.
        StateKind::Init | StateKind::Fault => Verdict::Ignore,
        StateKind::Backup => match theirs {
            // §6.4.2 (430): Active_Down_Timer = Skew_Time.
            0 => Verdict::Hurry,
            // §6.4.2 (450): Preempt_Mode false, or a priority that is at least ours.
            _ if theirs >= ours => match preempting {
                Preempting::Waiting => Verdict::FollowForGood,
                Preempting::Now | Preempting::Never | Preempting::Later => Verdict::Follow,
            },
            _ => match preempting {
                Preempting::Never | Preempting::Waiting => Verdict::Follow,
                Preempting::Later => Verdict::FollowForAWhile,
                // §6.4.2 (470).
                Preempting::Now => Verdict::Discard,
            },
        },
        StateKind::Master => match (theirs, source) {
            // §6.4.3 (715).
            (0, _) => Verdict::Answer,
            (u8::MAX, Ordering::Greater) if ours == u8::MAX => Verdict::YieldOwner,
            // §6.4.3 (730): greater priority, or equal with the greater address.
            _ if theirs > ours => Verdict::Yield,
            (_, Ordering::Greater) if theirs == ours => Verdict::Yield,
            // §6.4.3 (760). Version 2 discards (RFC 3768 §6.4.3) unless told otherwise, which is for the instance.
            _ => Verdict::Assert,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};
    use Preempting::{Later, Never, Now, Waiting};
    use StateKind::{Backup, Fault, Init, Master};

    /// Every state, every relation of priorities, addresses and kind of preemption: nothing is left to chance.
    #[test]
    fn the_table_of_adverts() {
        let preemptings = [Now, Never, Later, Waiting];
        let sources = [Less, Equal, Greater];
        // (theirs, ours): zero, lower, equal, higher, and the owners' ends.
        let pairs = [
            (0, 100),
            (50, 100),
            (100, 100),
            (150, 100),
            (255, 100),
            (254, 255),
            (255, 255),
            (0, 255),
            (1, 1),
        ];
        for (theirs, ours) in pairs {
            for source in sources {
                for preempting in preemptings {
                    let verdict = |state| judge(state, theirs, ours, source, preempting);
                    let row = format!("{theirs} against {ours}, source {source:?}, {preempting:?}");
                    // RFC 9568 §6.4.1, RFC 3768 §6.4.1
                    assert_eq!(verdict(Init), Verdict::Ignore, "{row}");
                    assert_eq!(verdict(Fault), Verdict::Ignore, "{row}");
                    // RFC 9568 §6.4.2, RFC 3768 §6.4.2: the address does not matter.
                    let want = match (theirs.cmp(&ours), preempting) {
                        _ if theirs == 0 => Verdict::Hurry,
                        (Less, Now) => Verdict::Discard,
                        (Less, Never) => Verdict::Follow,
                        (Less, Later) => Verdict::FollowForAWhile,
                        (Less, Waiting) => Verdict::Follow,
                        (Equal | Greater, Waiting) => Verdict::FollowForGood,
                        (Equal | Greater, Now | Never | Later) => Verdict::Follow,
                    };
                    assert_eq!(verdict(Backup), want, "{row}");
                    // RFC 9568 §6.4.3, RFC 3768 §6.4.3: preemption does not matter.
                    let want = match (theirs.cmp(&ours), source) {
                        _ if theirs == 0 => Verdict::Answer,
                        (Equal, Greater) if ours == 255 => Verdict::YieldOwner,
                        (Greater, _) | (Equal, Greater) => Verdict::Yield,
                        (Less, _) | (Equal, Less | Equal) => Verdict::Assert,
                    };
                    assert_eq!(verdict(Master), want, "{row}");
                }
            }
        }
    }
}
