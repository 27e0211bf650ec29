//! A server's check as configured.

use evenkeel_base::time::Duration;

use crate::script::Script;

/// `observe`: which of the server's traffic counts as a check too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Observe {
    /// None.
    #[default]
    Off,
    /// Connections.
    Layer4,
    /// Connections and HTTP responses.
    Layer7,
}

/// `on-error`: what follows from too many errors in a row in the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnError {
    /// Check sooner.
    FastInter,
    /// Count one failed check.
    #[default]
    FailCheck,
    /// One more failure will be the last.
    SuddenDeath,
    /// Down at once.
    MarkDown,
}

/// A server's check. Every duration is at least a millisecond; `rise`, `fall` and `error_limit` at least 1.
#[derive(Clone, Debug)]
pub struct CheckConf {
    /// What to do in a check.
    pub script: Script,
    /// `inter`.
    pub inter: Duration,
    /// `fastinter`.
    pub fastinter: Option<Duration>,
    /// `downinter`.
    pub downinter: Option<Duration>,
    /// `rise`.
    pub rise: u32,
    /// `fall`.
    pub fall: u32,
    /// The backend's `timeout connect`.
    pub connect_timeout: Option<Duration>,
    /// The backend's `timeout check`.
    pub check_timeout: Option<Duration>,
    /// How long the first check waits ([`crate::timers::stagger`]).
    pub start_after: Duration,
    /// `spread-checks`: 0 to 50 percent.
    pub spread_percent: u32,
    /// For the spread.
    pub seed: u64,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// `http-check send-state`.
    pub send_state: bool,
    /// `observe`.
    pub observe: Observe,
    /// `error-limit`.
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
    /// `tune.bufsize`: answers are looked at up to here.
    pub buffer_size: usize,
}

impl CheckConf {
    /// The manual's defaults: `inter 2s rise 2 fall 3`, a TCP connection.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            connect_timeout: None,
            check_timeout: None,
            start_after: Duration::ZERO,
            spread_percent: 0,
            seed: 0,
            disable_on_404: false,
            send_state: false,
            observe: Observe::Off,
            error_limit: 10,
            on_error: OnError::FailCheck,
            buffer_size: 16_384,
        }
    }
}
