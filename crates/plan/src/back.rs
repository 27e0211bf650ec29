//! The side that servers see.

use std::time::Duration;

use evenkeel_balance::Algorithm;
use evenkeel_base::ServerId;

use crate::addr::Addr;
use crate::check::CheckPlan;
use evenkeel_expr::Expr;

/// The backend face of a proxy.
#[derive(Debug)]
pub struct Back {
    /// Its servers in file order: positions in `Plan::servers`; the slot of a server is its place in this vector.
    pub servers: Vec<ServerId>,
    /// How a server is chosen.
    pub algorithm: Algorithm,
    /// What a hashing algorithm looks at.
    pub key: BalanceKey,
    /// `cookie`.
    pub cookie: Option<CookiePersistence>,
    /// `use-server` in order.
    pub use_server: Vec<evenkeel_rules::UseServer>,
    /// `force-persist`.
    pub force_persist: Vec<evenkeel_rules::route::When>,
    /// `ignore-persist`.
    pub ignore_persist: Vec<evenkeel_rules::route::When>,
    /// `retries`, 3 by default.
    pub retries: u32,
    /// `retry-on`: conditions besides connection failures.
    pub retry_on: RetryOn,
    /// `max-keep-alive-queue`; `None`: no limit.
    pub max_keep_alive_queue: Option<u32>,
    /// `fullconn`; 0: computed (10 % of the frontends that may lead here).
    pub fullconn: u32,
    /// `http-reuse`.
    pub reuse: HttpReuse,
    /// `dispatch addr`: everything goes there.
    pub dispatch: Option<Addr>,
    /// `option transparent`: everything goes where the client wanted to.
    pub transparent: bool,
    /// `source` for all servers.
    pub source: Option<SourceAddr>,
    /// `http-send-name-header`.
    pub send_name_header: Option<Vec<u8>>,
    /// What checks do (`option httpchk`, `tcp-check`…); servers decide whether they are checked.
    pub check: CheckPlan,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
}

impl Default for Back {
    /// A backend that says nothing.
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            algorithm: Algorithm::RoundRobin,
            key: BalanceKey::None,
            cookie: None,
            use_server: Vec::new(),
            force_persist: Vec::new(),
            ignore_persist: Vec::new(),
            retries: RETRIES,
            retry_on: RetryOn::default(),
            max_keep_alive_queue: None,
            fullconn: 0,
            reuse: HttpReuse::default(),
            dispatch: None,
            transparent: false,
            source: None,
            send_name_header: None,
            check: CheckPlan::default(),
            log_health_checks: false,
            disable_on_404: false,
        }
    }
}

/// `retries` where the file doesn't say (configuration manual, `retries`).
pub const RETRIES: u32 = 3;

/// What a hash is taken of (`balance …`).
#[derive(Debug)]
pub enum BalanceKey {
    /// Nothing: not a hashing algorithm.
    None,
    /// `source`.
    Source,
    /// `uri [whole] [len n] [depth n] [path-only]`.
    Uri {
        /// Take the query in.
        whole: bool,
        /// Bytes, 0: all.
        len: u32,
        /// Directory levels, 0: all.
        depth: u32,
        /// Not the scheme and authority.
        path_only: bool,
    },
    /// `url_param name [check_post]`.
    UrlParam {
        /// Parameter.
        name: Vec<u8>,
        /// Look in the body of a POST too.
        check_post: bool,
    },
    /// `hdr(name) [use_domain_only]`.
    Header {
        /// Field.
        name: Vec<u8>,
        /// Only the main label of a host name.
        use_domain_only: bool,
    },
    /// `rdp-cookie(name)`.
    RdpCookie(Vec<u8>),
    /// `hash expr`.
    Expr(Box<Expr>),
}

/// `http-reuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HttpReuse {
    /// Only the client's own.
    Never,
    /// First requests go on new connections, later ones may share.
    #[default]
    Safe,
    /// First requests may share connections that were reused before.
    Aggressive,
    /// Always.
    Always,
}

/// `retry-on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn {
    /// `conn-failure`: the only one by default.
    pub conn_failure: bool,
    /// `empty-response`.
    pub empty_response: bool,
    /// `junk-response`.
    pub junk_response: bool,
    /// `response-timeout`.
    pub response_timeout: bool,
    /// `0rtt-rejected` is nothing without TLS. Statuses: 401, 403, 404, 408, 425, 429, 500, 501, 502, 503, 504.
    pub statuses: Vec<u16>,
}

impl Default for RetryOn {
    fn default() -> Self {
        Self {
            conn_failure: true,
            empty_response: false,
            junk_response: false,
            response_timeout: false,
            statuses: Vec::new(),
        }
    }
}

impl RetryOn {
    /// True if anything beyond the connection may lead to a retry: the request must then be kept.
    pub fn layer7(&self) -> bool {
        self.empty_response || self.junk_response || self.response_timeout || !self.statuses.is_empty()
    }
}

/// What `cookie` does (configuration manual, `cookie`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieMode {
    /// Only look at it (no keyword).
    Passive,
    /// `insert`.
    Insert,
    /// `rewrite`.
    Rewrite,
    /// `prefix`.
    Prefix,
}

/// The `cookie` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePersistence {
    /// Cookie name.
    pub name: Vec<u8>,
    /// What is done.
    pub mode: CookieMode,
    /// `indirect`.
    pub indirect: bool,
    /// `nocache`.
    pub nocache: bool,
    /// `postonly`.
    pub postonly: bool,
    /// `preserve`.
    pub preserve: bool,
    /// `httponly`.
    pub httponly: bool,
    /// `secure`.
    pub secure: bool,
    /// `domain`, each.
    pub domains: Vec<String>,
    /// `maxidle`, seconds.
    pub maxidle: Option<Duration>,
    /// `maxlife`, seconds.
    pub maxlife: Option<Duration>,
    /// `attr`, each.
    pub attrs: Vec<String>,
    /// `dynamic` with `dynamic-cookie-key`.
    pub dynamic: Option<Vec<u8>>,
}

/// `source addr[:port] [interface name]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAddr {
    /// Local address; port 0: any.
    pub addr: std::net::SocketAddr,
    /// A range of ports, inclusive, to take in turn.
    pub ports: Option<(u16, u16)>,
    /// `interface`.
    pub interface: Option<String>,
    /// `usesrc clientip` or `client`: needs transparent proxying.
    pub usesrc: Option<UseSrc>,
}

/// `usesrc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseSrc {
    /// `client`: address and port.
    Client,
    /// `clientip`: address only.
    ClientIp,
}
