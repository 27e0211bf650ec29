//! What a check wants done.

use bstr::BString;
use evenkeel_base::time::Duration;

use crate::counter::Health;
use crate::script::Connect;
use crate::status::Status;

/// A deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a connection; drop any other of this check first.
    Connect(Connect),
    /// Say this on it.
    Send(Vec<u8>),
    /// Drop the connection; in order, or (the usual way) by a reset so that no port stays in TIME-WAIT.
    Close {
        /// In order.
        linger: bool,
    },
    /// A check has ended, or the traffic counted as one.
    Checked(Checked),
    /// The server is up, down or stopping from now on.
    Changed(Change),
}

/// A check's result on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Passed,
    /// Well, but no new clients.
    Conditional,
    /// Not well.
    Failed,
}

/// A finished check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The result.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: Reason,
    /// The counter after it: `status: 2/3 UP` in the log.
    pub count: (u32, u32),
    /// Whether that count is of an `UP` or a `DOWN` server.
    pub up: bool,
    /// True where `option log-health-checks` logs it: the status or the counter changed.
    pub news: bool,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The class.
    pub status: Status,
    /// The code, for those that have one.
    pub code: Option<u16>,
    /// Words, maybe none.
    pub info: BString,
    /// How long the check took; `None` where it was none.
    pub duration: Option<Duration>,
}

/// What made a server change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A check, or traffic in its place.
    Check(Reason),
    /// The operator.
    Cli,
}

/// A server's change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Until now.
    pub from: Health,
    /// From now on.
    pub to: Health,
    /// Why.
    pub cause: Cause,
}
