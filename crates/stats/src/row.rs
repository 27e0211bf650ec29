//! One object's numbers, gathered by whoever owns them; and which objects a reader asks for.

use std::borrow::Cow;
use std::fmt;

use bstr::BStr;

use crate::average::AverageTimes;
use crate::counter::Totals;

/// What a row describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A frontend.
    #[default]
    Frontend,
    /// A backend.
    Backend,
    /// A server.
    Server,
    /// A listening address (`option socket-stats`).
    Listener,
}

impl Kind {
    /// The `type` column.
    pub fn number(self) -> u32 {
        match self {
            Kind::Frontend => 0,
            Kind::Backend => 1,
            Kind::Server => 2,
            Kind::Listener => 3,
        }
    }

    /// The first letter of a typed line.
    pub fn letter(self) -> u8 {
        match self {
            Kind::Frontend => b'F',
            Kind::Backend => b'B',
            Kind::Server => b'S',
            Kind::Listener => b'L',
        }
    }

    /// `objType` in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Frontend => "Frontend",
            Kind::Backend => "Backend",
            Kind::Server => "Server",
            Kind::Listener => "Listener",
        }
    }

    /// Its bit in the `<type>` argument of `show stat`.
    pub const fn bit(self) -> u8 {
        match self {
            Kind::Frontend => 1,
            Kind::Backend => 2,
            Kind::Server => 4,
            Kind::Listener => 8,
        }
    }
}

/// The proxy's `mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `mode tcp`
    #[default]
    Tcp,
    /// `mode http`
    Http,
    /// `mode health` of old releases.
    Health,
}

impl Mode {
    /// The `mode` column.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Tcp => "tcp",
            Mode::Http => "http",
            Mode::Health => "health",
        }
    }
}

/// A server's check as told.
#[derive(Clone, Debug, Default)]
pub struct CheckView<'a> {
    /// `L7OK`, `L4CON`, … (management manual §9.1, `check_status`).
    pub status: &'a str,
    /// True while a check runs: the status gets a `* ` in front.
    pub running: bool,
    /// True in maintenance: nothing of the check is shown then.
    pub paused: bool,
    /// Status code of layer 5–7 checks.
    pub code: Option<u16>,
    /// Duration of the last check that ended.
    pub duration_ms: Option<u64>,
    /// The last check's output or the system's error.
    pub last: Cow<'a, BStr>,
    /// The status in words: `Layer4 connection problem`.
    pub desc: &'a str,
    /// `rise`
    pub rise: u32,
    /// `fall`
    pub fall: u32,
    /// Position between 0 and rise + fall − 1.
    pub health: u32,
}

/// A server's agent check as told: the same facts.
pub type AgentView<'a> = CheckView<'a>;

/// A server's state in words, for the `status` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerStatus<'a> {
    /// No check is configured.
    NoCheck,
    /// Up; on its way down while `health` is below the top.
    Up {
        /// Position between `rise` and rise + fall − 1.
        health: u32,
        /// `rise`
        rise: u32,
        /// `fall`
        fall: u32,
    },
    /// Up for sessions that it has, but not chosen for new ones (`http-check disable-on-404`).
    NoLb {
        /// See [`ServerStatus::Up`].
        health: u32,
        /// See [`ServerStatus::Up`].
        rise: u32,
        /// See [`ServerStatus::Up`].
        fall: u32,
    },
    /// Down; on its way up while `health` is above zero.
    Down {
        /// Position between 0 and `rise`.
        health: u32,
        /// `rise`
        rise: u32,
    },
    /// Down because its agent says so.
    DownByAgent,
    /// Drained by the operator.
    Drain,
    /// Drained by its agent.
    DrainByAgent,
    /// In maintenance.
    Maint,
    /// In maintenance because a server that it tracks is.
    MaintVia(&'a str, &'a str),
    /// In maintenance because its name has no address.
    MaintResolution,
}

impl fmt::Display for ServerStatus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |f: &mut fmt::Formatter<'_>, word: &str, health: u32, rise: u32, fall: u32| {
            if health + 1 >= rise + fall {
                f.write_str(word)
            } else {
                write!(f, "{word} {}/{fall}", (health + 1).saturating_sub(rise))
            }
        };
        match *self {
            ServerStatus::NoCheck => f.write_str("no check"),
            ServerStatus::Up { health, rise, fall } => step(f, "UP", health, rise, fall),
            ServerStatus::NoLb { health, rise, fall } => step(f, "NOLB", health, rise, fall),
            ServerStatus::Down { health: 0, .. } => f.write_str("DOWN"),
            ServerStatus::Down { health, rise } => write!(f, "DOWN {health}/{rise}"),
            ServerStatus::DownByAgent => f.write_str("DOWN (agent)"),
            ServerStatus::Drain => f.write_str("DRAIN"),
            ServerStatus::DrainByAgent => f.write_str("DRAIN (agent)"),
            ServerStatus::Maint => f.write_str("MAINT"),
            ServerStatus::MaintVia(proxy, server) => write!(f, "MAINT (via {proxy}/{server})"),
            ServerStatus::MaintResolution => f.write_str("MAINT (resolution)"),
        }
    }
}

/// Everything told of one object. Fill in what the kind has (`..Row::default()` for the rest); `None` is an empty
/// cell.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    /// Frontend, backend, server or listener.
    pub kind: Kind,
    /// The proxy's name.
    pub proxy: &'a str,
    /// The server's or listener's name; not used for frontends and backends.
    pub name: &'a str,
    /// The proxy's number.
    pub iid: u32,
    /// The server's or listener's number in its proxy; 0 for frontends and backends.
    pub sid: u32,
    /// The proxy's mode: HTTP columns are empty in the others.
    pub mode: Mode,
    /// `OPEN`, `UP`, `DOWN 1/2`, … ([`ServerStatus`] writes servers').
    pub status: Cow<'a, str>,
    /// All counters, over all shards.
    pub totals: Totals,
    /// Times of backends and servers.
    pub times: AverageTimes,
    /// Waiting now.
    pub qcur: u32,
    /// Most that waited.
    pub qmax: u32,
    /// Sessions now.
    pub scur: u32,
    /// Most sessions.
    pub smax: u32,
    /// `maxconn` of a frontend, listener or server, `fullconn` of a backend.
    pub slim: Option<u32>,
    /// `maxqueue` of a server.
    pub qlimit: Option<u32>,
    /// Sessions (frontend) or requests (backend, server) in the last second.
    pub rate: u32,
    /// Highest `rate`.
    pub rate_max: u32,
    /// `rate-limit sessions` of a frontend.
    pub rate_lim: u32,
    /// Requests in the last second, of a frontend.
    pub req_rate: u32,
    /// Highest `req_rate`.
    pub req_rate_max: u32,
    /// Connections in the last second, of a frontend.
    pub conn_rate: u32,
    /// Highest `conn_rate`.
    pub conn_rate_max: u32,
    /// Effective weight, or sum of them.
    pub weight: u32,
    /// Weight as the user set it, or sum of them.
    pub uweight: u32,
    /// Active servers of a backend; 1 for a server that is no backup.
    pub active: u32,
    /// Backup servers of a backend; 1 for a server that is one.
    pub backup: u32,
    /// Seconds since the state changed.
    pub lastchg_s: u32,
    /// Seconds in DOWN state; `None` for a server without check.
    pub downtime_s: Option<u32>,
    /// Seconds since the last session; `None` before the first.
    pub lastsess_s: Option<u32>,
    /// Slow start's percentage while it lasts.
    pub throttle: Option<u32>,
    /// `backend/server` that this server tracks.
    pub tracked: Option<Cow<'a, str>>,
    /// The health check, where one is configured.
    pub check: Option<CheckView<'a>>,
    /// The agent check, where one is configured.
    pub agent: Option<AgentView<'a>>,
    /// True if the server, or the one that it tracks, has `observe`: shows `hanafail`.
    pub observe: bool,
    /// Address and port of a server or listener. For operators only; else `None`.
    pub addr: Option<Cow<'a, str>>,
    /// A server's cookie value or a backend's cookie name. For operators only.
    pub cookie: Option<Cow<'a, BStr>>,
    /// A backend's balance algorithm. For operators only.
    pub algo: Option<&'a str>,
    /// Idle connections of a server.
    pub idle: u32,
    /// Limit of idle connections, where one is configured.
    pub idle_limit: Option<u32>,
    /// Idle connections that may be stale.
    pub idle_unsafe: u32,
    /// Idle connections known to be good.
    pub idle_safe: u32,
    /// Idle connections that belong to one client.
    pub idle_private: u32,
    /// Connections in use.
    pub used: u32,
    /// Connections that are likely to be needed.
    pub need: u32,
    /// Open HTTP/1 connections.
    pub h1_connections: u32,
    /// Open HTTP/1 streams.
    pub h1_streams: u32,
    /// How often the server was created anew under its number.
    pub revision: u32,
    /// Protocol of a listener or server.
    pub proto: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// The `svname` column.
    pub fn name(&self) -> &'a str {
        match self.kind {
            Kind::Frontend => "FRONTEND",
            Kind::Backend => "BACKEND",
            Kind::Server | Kind::Listener => self.name,
        }
    }
}

/// Which rows `show stat` prints: `<iid> <type> <sid>` and `up`/`no-maint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// One proxy; `None`: all.
    pub iid: Option<u32>,
    /// Kinds, as bits of [`Kind::bit`]; -1 of the user is all bits.
    pub kinds: u8,
    /// One server or listener; `None`: all. Frontends and backends are not measured by it.
    pub sid: Option<u32>,
    /// Servers that can be used only (`up`).
    pub up: bool,
    /// No servers in maintenance (`no-maint`).
    pub no_maint: bool,
}

impl Default for Filter {
    // Without arguments listeners are shown as well.
    fn default() -> Self {
        Self { iid: None, kinds: u8::MAX, sid: None, up: false, no_maint: false }
    }
}

impl Filter {
    /// True if the object is wanted; asked before its row is gathered.
    pub fn wants(&self, iid: u32, kind: Kind, sid: u32) -> bool {
        let one = match kind {
            Kind::Frontend | Kind::Backend => true,
            Kind::Server | Kind::Listener => self.sid.is_none_or(|s| s == sid),
        };
        self.kinds & kind.bit() != 0 && self.iid.is_none_or(|i| i == iid) && one
    }

    /// True if a server in this state is wanted.
    pub fn wants_state(&self, status: ServerStatus<'_>) -> bool {
        match status {
            ServerStatus::NoCheck
            | ServerStatus::Up { .. }
            | ServerStatus::NoLb { .. }
            | ServerStatus::Drain
            | ServerStatus::DrainByAgent => true,
            ServerStatus::Down { .. } | ServerStatus::DownByAgent => !self.up,
            ServerStatus::Maint | ServerStatus::MaintVia(..) | ServerStatus::MaintResolution => {
                !self.up && !self.no_maint
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_in_words() {
        for (status, want) in [
            (ServerStatus::NoCheck, "no check"),
            (ServerStatus::Up { health: 4, rise: 2, fall: 3 }, "UP"),
            (ServerStatus::Up { health: 3, rise: 2, fall: 3 }, "UP 2/3"),
            (ServerStatus::Up { health: 2, rise: 2, fall: 3 }, "UP 1/3"),
            (ServerStatus::NoLb { health: 2, rise: 2, fall: 3 }, "NOLB 1/3"),
            (ServerStatus::Down { health: 0, rise: 2 }, "DOWN"),
            (ServerStatus::Down { health: 1, rise: 2 }, "DOWN 1/2"),
            (ServerStatus::MaintVia("be", "s1"), "MAINT (via be/s1)"),
            (ServerStatus::MaintResolution, "MAINT (resolution)"),
        ] {
            assert_eq!(status.to_string(), want);
        }
    }

    // The original's answers to `show stat <iid> <type> <sid>`.
    #[test]
    fn what_a_filter_wants() {
        let all = [
            (Kind::Frontend, 0),
            (Kind::Listener, 1),
            (Kind::Server, 1),
            (Kind::Server, 2),
            (Kind::Backend, 0),
        ];
        for (kinds, sid, want) in [
            (1, Some(1), "F0"),
            (8, Some(1), "L1"),
            (15, Some(2), "F0 S2 B0"),
            (u8::MAX, None, "F0 L1 S1 S2 B0"),
            (7, None, "F0 S1 S2 B0"),
        ] {
            let filter = Filter { kinds, sid, ..Filter::default() };
            let got: Vec<String> = all
                .iter()
                .filter(|(kind, sid)| filter.wants(2, *kind, *sid))
                .map(|(kind, sid)| format!("{}{sid}", kind.letter() as char))
                .collect();
            assert_eq!(got.join(" "), want, "type {kinds} sid {sid:?}");
        }
        assert!(!Filter { iid: Some(3), ..Filter::default() }.wants(2, Kind::Frontend, 0));
        let up = Filter { up: true, ..Filter::default() };
        assert!(up.wants_state(ServerStatus::NoCheck) && !up.wants_state(ServerStatus::Maint));
    }
}
