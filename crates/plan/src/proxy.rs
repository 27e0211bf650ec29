//! What frontends and backends have in common.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_base::{ProxyId, Span};

use crate::back::Back;
use crate::front::Front;
use crate::log::LogPlan;
use crate::stats::StatsPage;

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes.
    Tcp,
    /// Exchanges.
    Http,
}

/// Which section it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// `frontend`.
    Frontend,
    /// `backend`.
    Backend,
    /// `listen`: both faces.
    Listen,
}

/// How connections are kept (`option http-keep-alive`, `http-server-close`, `httpclose`; the stricter of frontend and
/// backend wins, configuration manual §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum HttpMode {
    /// Both sides stay open.
    #[default]
    KeepAlive,
    /// The server's side is closed after each response.
    ServerClose,
    /// Both sides are closed after each response.
    Close,
}

/// All timeouts; `None`: infinite (as the original, with a warning at load).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeout client`.
    pub client: Option<Duration>,
    /// `timeout client-fin`.
    pub client_fin: Option<Duration>,
    /// `timeout http-request`.
    pub http_request: Option<Duration>,
    /// `timeout http-keep-alive`.
    pub http_keep_alive: Option<Duration>,
    /// `timeout tarpit`.
    pub tarpit: Option<Duration>,
    /// `timeout connect`.
    pub connect: Option<Duration>,
    /// `timeout server`.
    pub server: Option<Duration>,
    /// `timeout server-fin`.
    pub server_fin: Option<Duration>,
    /// `timeout queue`.
    pub queue: Option<Duration>,
    /// `timeout check`.
    pub check: Option<Duration>,
    /// `timeout tunnel`.
    pub tunnel: Option<Duration>,
}

/// Plain switches (`option …`) that the data path asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyOptions {
    /// `option abortonclose`.
    pub abortonclose: bool,
    /// `option accept-invalid-http-request` (frontend) / `-response` (backend).
    pub relaxed_request: bool,
    /// See `relaxed_request`.
    pub relaxed_response: bool,
    /// `option allbackups`.
    pub allbackups: bool,
    /// `option clitcpka` / `srvtcpka` (`tcpka` sets both).
    pub clitcpka: bool,
    /// See `clitcpka`.
    pub srvtcpka: bool,
    /// `clitcpka-cnt`, `-idle`, `-intvl`.
    pub client_probes: Probes,
    /// `srvtcpka-cnt`, `-idle`, `-intvl`.
    pub server_probes: Probes,
    /// `option contstats`: counters move while transfers run.
    pub contstats: bool,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// `option http-ignore-probes`.
    pub ignore_probes: bool,
    /// `option http-no-delay`.
    pub no_delay: bool,
    /// `option http-pretend-keepalive`.
    pub pretend_keepalive: bool,
    /// `option http-use-proxy-header`.
    pub use_proxy_header: bool,
    /// `option independent-streams`.
    pub independent_streams: bool,
    /// `option nolinger`.
    pub nolinger: bool,
    /// `option persist`.
    pub persist: bool,
    /// `option prefer-last-server`.
    pub prefer_last_server: bool,
    /// `option redispatch [interval]`: 0 off, -1 only the last retry, n every n-th.
    pub redispatch: i32,
    /// `option splice-auto/-request/-response`: splicing is automatic here; these are remembered for `show`.
    pub splice: bool,
    /// `option tcp-smart-accept`/`-connect` (obsolete).
    pub smart_accept: bool,
    /// `option transparent` / `dispatch` are in `Back`.
    pub transparent: bool,
    /// `option socket-stats`.
    pub socket_stats: bool,
    /// `option checkcache`.
    pub checkcache: bool,
    /// `option h1-case-adjust-bogus-client/-server` (names' case is always kept here).
    pub h1_case_adjust: bool,
    /// `option http-restrict-req-hdr-names`: 0 preserve, 1 delete, 2 reject.
    pub restrict_header_names: u8,
    /// `option httpslog` etc. are in the log plan. `option idle-close-on-response`.
    pub idle_close_on_response: bool,
}

/// TCP keep-alive packets; `None`: the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// Unanswered ones before the peer counts as gone.
    pub count: Option<u32>,
    /// Silence before the first.
    pub idle: Option<Duration>,
    /// Between two.
    pub interval: Option<Duration>,
}

/// Adds `X-Forwarded-For` (`option forwardfor`) or `X-Original-To` (`option originalto`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardFor {
    /// Header name; the originals' by default.
    pub header: Vec<u8>,
    /// `except`: not for clients in these networks.
    pub except: Vec<Net>,
    /// `if-none`.
    pub if_none: bool,
}

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Any address in it.
    pub addr: std::net::IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

impl Net {
    /// True if `ip` lies in the network; families never mix.
    pub fn contains(&self, ip: std::net::IpAddr) -> bool {
        use std::net::IpAddr;
        match (self.addr, ip) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0);
                u32::from(net) & mask == u32::from(ip) & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix.min(128))).unwrap_or(0);
                u128::from(net) & mask == u128::from(ip) & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What is sent for a status instead of the default page: `errorfile` (bytes as they are), `errorloc*` (a redirect),
/// `http-error` (a full reply).
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// 200, 400, 403…
    pub status: u16,
    /// The whole response, head and body.
    pub bytes: Arc<[u8]>,
}

/// A frontend, backend or listen section.
#[derive(Debug)]
pub struct Proxy {
    /// Its position.
    pub id: ProxyId,
    /// Its name; a frontend and a backend may share one.
    pub name: String,
    /// The original's number (`id` keyword, or counted from 2: 1 is the global proxy of the original's stats socket).
    pub number: u32,
    /// Which section.
    pub kind: ProxyKind,
    /// `mode`.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// The section line.
    pub span: Span,
    /// `description`.
    pub description: Option<String>,
    /// Timeouts with defaults applied.
    pub timeouts: Timeouts,
    /// Switches.
    pub options: ProxyOptions,
    /// `option httpclose` and its kin.
    pub http_mode: HttpMode,
    /// `option forwardfor`.
    pub forwardfor: Option<ForwardFor>,
    /// `option originalto`.
    pub originalto: Option<ForwardFor>,
    /// Error pages.
    pub errors: Vec<ErrorPage>,
    /// Logs (of a frontend: traffic; of a backend: its servers' changes).
    pub log: LogPlan,
    /// `stats …` lines, if any.
    pub stats: Option<StatsPage>,
    /// Rules of the section, both directions; a `listen` has one set that runs once.
    pub rules: ProxyRules,
    /// Frontend face.
    pub front: Option<Front>,
    /// Backend face.
    pub back: Option<Back>,
}

impl Proxy {
    /// An empty section.
    pub fn new(id: ProxyId, name: impl Into<String>, kind: ProxyKind, span: Span) -> Self {
        Self {
            id,
            name: name.into(),
            number: 0,
            kind,
            mode: Mode::Tcp,
            disabled: false,
            span,
            description: None,
            timeouts: Timeouts::default(),
            options: ProxyOptions::default(),
            http_mode: HttpMode::default(),
            forwardfor: None,
            originalto: None,
            errors: Vec::new(),
            log: LogPlan::default(),
            stats: None,
            rules: ProxyRules::default(),
            front: None,
            back: None,
        }
    }
}

/// Compiled rule sets, each in file order.
#[derive(Debug, Default)]
pub struct ProxyRules {
    /// `tcp-request connection`.
    pub tcp_connection: Vec<evenkeel_rules::Rule>,
    /// `tcp-request session`.
    pub tcp_session: Vec<evenkeel_rules::Rule>,
    /// `tcp-request content`.
    pub tcp_content: Vec<evenkeel_rules::Rule>,
    /// `tcp-response content`.
    pub tcp_response: Vec<evenkeel_rules::Rule>,
    /// `http-request`, with `block`, `redirect` and the old `req*` keywords compiled into it in the original's order of
    /// evaluation.
    pub http_request: Vec<evenkeel_rules::Rule>,
    /// `http-response`, with the old `rsp*`.
    pub http_response: Vec<evenkeel_rules::Rule>,
    /// `http-after-response`.
    pub http_after_response: Vec<evenkeel_rules::Rule>,
    /// `tcp-request inspect-delay`.
    pub inspect_delay: Option<Duration>,
    /// `tcp-response inspect-delay`.
    pub response_inspect_delay: Option<Duration>,
}
