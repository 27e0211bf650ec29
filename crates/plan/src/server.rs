//! A `server` line with its defaults applied.

use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::{ProxyId, ServerId, Span};

use crate::addr::{Addr, HostAddr};
use crate::back::SourceAddr;
use evenkeel_balance::Weight;

/// One way of finding an address at start (`init-addr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolve {
    /// From the state file.
    Last,
    /// The system's resolver.
    Libc,
    /// Start without an address.
    None,
    /// This address.
    Ip(IpAddr),
}

/// Its settings, as the line says.
#[derive(Clone, Debug)]
pub struct ServerLine {
    /// `weight`.
    pub weight: Weight,
    /// `backup`.
    pub backup: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// `cookie` value.
    pub cookie: Option<Vec<u8>>,
    /// `maxconn`; 0: none.
    pub maxconn: u32,
    /// `minconn`.
    pub minconn: u32,
    /// `maxqueue`; 0: none.
    pub maxqueue: u32,
    /// `slowstart`.
    pub slowstart: Option<Duration>,
    /// `redir` prefix.
    pub redir: Option<Vec<u8>>,
    /// `track backend/server`.
    pub track: Option<ServerId>,
    /// `check`.
    pub check: bool,
    /// Intervals, counts, port and address of the check.
    pub check_timing: CheckTiming,
    /// `agent-check`, with its own timing.
    pub agent: Option<AgentLine>,
    /// `observe`.
    pub observe: Option<evenkeel_health::Observe>,
    /// `on-error`, `error-limit`.
    pub on_error: evenkeel_health::OnError,
    /// Errors in a row before `on-error` acts, 10 by default.
    pub error_limit: u32,
    /// `on-marked-down shutdown-sessions`.
    pub shutdown_sessions_on_down: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub shutdown_backups_on_up: bool,
    /// `non-stick` and `stick` have no effect before stick tables. `send-proxy` (1), `send-proxy-v2` (2).
    pub send_proxy: u8,
    /// `source`.
    pub source: Option<SourceAddr>,
    /// `init-addr`, in order; `None`: as the original's default (last, libc), where a failure is a warning here.
    pub init_addr: Option<Vec<Resolve>>,
    /// `resolve-prefer`.
    pub prefer_v4: bool,
    /// `pool-max-conn`; `None`: no limit.
    pub pool_max: Option<u32>,
    /// `pool-purge-delay`, 5 s by default.
    pub pool_purge_delay: Duration,
    /// `pool-low-conn`.
    pub pool_low: u32,
    /// `max-reuse`; `None`: no limit.
    pub max_reuse: Option<u32>,
    /// `tcp-ut`.
    pub tcp_user_timeout: Option<Duration>,
    /// `tfo`.
    pub fastopen: bool,
}

impl Default for ServerLine {
    /// A line without options (configuration manual §5.2).
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            backup: false,
            disabled: false,
            cookie: None,
            maxconn: 0,
            minconn: 0,
            maxqueue: 0,
            slowstart: None,
            redir: None,
            track: None,
            check: false,
            check_timing: CheckTiming::default(),
            agent: None,
            observe: None,
            on_error: evenkeel_health::OnError::default(),
            error_limit: ERROR_LIMIT,
            shutdown_sessions_on_down: false,
            shutdown_backups_on_up: false,
            send_proxy: 0,
            source: None,
            init_addr: None,
            prefer_v4: false,
            pool_max: None,
            pool_purge_delay: POOL_PURGE_DELAY,
            pool_low: 0,
            max_reuse: None,
            tcp_user_timeout: None,
            fastopen: false,
        }
    }
}

/// `error-limit` where the line doesn't say.
pub const ERROR_LIMIT: u32 = 10;
/// `pool-purge-delay` where the line doesn't say.
pub const POOL_PURGE_DELAY: Duration = Duration::from_secs(5);
/// `inter` where the line doesn't say.
pub const CHECK_INTER: Duration = Duration::from_secs(2);

impl Default for CheckTiming {
    /// The manual's: every 2 s, 2 good ones to come up, 3 bad ones to go down.
    fn default() -> Self {
        Self {
            inter: CHECK_INTER,
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            port: None,
            addr: None,
            send_proxy: false,
        }
    }
}

/// Timing of checks.
#[derive(Clone, Debug)]
pub struct CheckTiming {
    /// `inter`, 2 s by default.
    pub inter: Duration,
    /// `fastinter`.
    pub fastinter: Option<Duration>,
    /// `downinter`.
    pub downinter: Option<Duration>,
    /// `rise`, 2 by default.
    pub rise: u32,
    /// `fall`, 3 by default.
    pub fall: u32,
    /// `port` of the check; `None`: the server's, else the first listener's of the section.
    pub port: Option<u16>,
    /// `addr` of the check.
    pub addr: Option<Addr>,
    /// `check-send-proxy`.
    pub send_proxy: bool,
}

/// `agent-check`.
#[derive(Clone, Debug)]
pub struct AgentLine {
    /// `agent-port`.
    pub port: u16,
    /// `agent-addr`.
    pub addr: Option<Addr>,
    /// `agent-inter`.
    pub inter: Duration,
    /// `agent-send`.
    pub send: Vec<u8>,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its position in the Plan.
    pub id: ServerId,
    /// Whose.
    pub backend: ProxyId,
    /// Place in `Back::servers`.
    pub slot: u32,
    /// Name.
    pub name: String,
    /// `id`, or counted from 1 within the backend.
    pub number: u32,
    /// Where.
    pub addr: HostAddr,
    /// The port checks go to when neither `port` nor the address names one: the first listener's of the proxy
    /// (seed 002: a `listen` with servers without ports).
    pub fallback_check_port: Option<u16>,
    /// Settings.
    pub line: ServerLine,
    /// The line.
    pub span: Span,
}
