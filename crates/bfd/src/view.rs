//! What `show`, metrics and tests want to know.

use evenkeel_base::time::{Duration, Instant};
use evenkeel_wire::bfd::{Diagnostic, State};

use crate::output::Dropped;

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Packets sent.
    pub sent: u64,
    /// Packets heeded.
    pub received: u64,
    /// Packets not heeded.
    pub dropped: u64,
    /// How often it came up.
    pub ups: u64,
    /// How often it went down from up.
    pub downs: u64,
}

/// A session as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Our state.
    pub state: State,
    /// Why it went down last; [`Diagnostic::None`] once it is up again.
    pub diagnostic: Diagnostic,
    /// Since when it is in this state.
    pub since: Instant,
    /// The neighbour's state, and why that went down, as it said last; `None`: it is not heard.
    pub remote: Option<(State, Diagnostic)>,
    /// Our number for the session.
    pub local_discriminator: u32,
    /// The neighbour's; 0: it is not heard.
    pub remote_discriminator: u32,
    /// Between our packets, before jitter; `None`: the neighbour wants none, or we are passive and don't hear it.
    pub interval: Option<Duration>,
    /// So long the neighbour may be silent; `None`: it is not heard.
    pub detection: Option<Duration>,
    /// True while the neighbour has not confirmed our timers.
    pub polling: bool,
    /// What was counted.
    pub counters: Counters,
    /// The last packet that was not heeded since the last one that was.
    pub last_dropped: Option<Dropped>,
}
