//! What the stats page and `show servers state` want to know.

use bstr::BStr;
use evenkeel_base::time::Duration;

use crate::counter::{Counter, Health};
use crate::status::Status;

/// A check as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// How the server is, as far as checks know.
    pub health: Health,
    /// `check_health`, and the `2/3` beside the status.
    pub counter: Counter,
    /// `check_status`, of the last check that ended.
    pub status: Status,
    /// True while one is running: `* ` before the status.
    pub running: bool,
    /// True while checks are paused.
    pub paused: bool,
    /// `check_code`.
    pub code: Option<u16>,
    /// `check_duration`.
    pub duration: Option<Duration>,
    /// `last_chk`.
    pub info: &'a BStr,
    /// `chkfail`: failures while the server wasn't down yet.
    pub failed: u64,
    /// `hanafail`: how often the traffic's errors came to the limit.
    pub observed_failed: u64,
}

impl View<'_> {
    /// The stats page's word for it, also the first of `send-state`'s header: `UP`, `UP 2/3`, `NOLB`, `DOWN 1/2`…
    pub fn state_text(&self) -> String {
        let (n, of) = self.counter.count();
        let word = match self.health {
            Health::Up => "UP",
            Health::Stopping => "NOLB",
            Health::Down => "DOWN",
        };
        if self.counter.is_moving() { format!("{word} {n}/{of}") } else { word.to_owned() }
    }
}
