//! The world as a fetch sees it: one borrowed struct, and one trait for what lies outside the exchange.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bstr::BString;
use evenkeel_base::{Diagnostic, Instant, ListenerId, ProxyId, ServerId, Span, WallTime};
use evenkeel_http::{RequestHead, ResponseHead};

use crate::facts::{ConnFacts, StreamFacts};

/// A value kept in a variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// `true`/`false`.
    Bool(bool),
    /// A signed number.
    Int(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text.
    Str(BString),
    /// Bytes.
    Bin(Vec<u8>),
}

/// Everything that may be looked at while an exchange is judged, answered or logged.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The client's connection.
    pub conn: &'a ConnFacts,
    /// The exchange so far.
    pub stream: &'a StreamFacts,
    /// The request head, as it stands after the rules that have run.
    pub req: Option<&'a RequestHead>,
    /// The response head.
    pub res: Option<&'a ResponseHead>,
    /// What is buffered of the body (HTTP) or of the stream (TCP) in the direction being judged.
    pub payload: &'a [u8],
    /// True if no more payload will come.
    pub payload_complete: bool,
    /// True where nothing more is waited for: HTTP rules and logs always, `tcp-request content` rules once the
    /// inspection delay is over or the client has closed. Until then a test that could still change is unknown.
    pub settled: bool,
    /// Everything else.
    pub world: &'a dyn World,
}

/// Load of a proxy or server, for fetches such as `be_conn`, `srv_conn`, `queue`, `fe_sess_rate` and log counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Established now.
    pub sessions: u32,
    /// Waiting now.
    pub queued: u32,
    /// Configured limit; 0: none.
    pub maxconn: u32,
    /// New sessions in the last second.
    pub session_rate: u32,
    /// New requests in the last second.
    pub request_rate: u32,
    /// New connections in the last second.
    pub connection_rate: u32,
}

/// A server as fetches see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerView {
    /// Can take new traffic.
    pub up: bool,
    /// Current weight, 0..=256, and the configured one.
    pub weight: u16,
    /// See `weight`.
    pub initial_weight: u16,
    /// Its load.
    pub load: Load,
    /// `maxqueue`; 0: none.
    pub maxqueue: u32,
    /// `backup`.
    pub backup: bool,
}

/// A configured timeout that a fetch can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// `timeout client` of the frontend.
    Client,
    /// `timeout server` of the backend.
    Server,
    /// `timeout tunnel` of the backend.
    Tunnel,
    /// `timeout connect` of the backend.
    Connect,
    /// `timeout queue` of the backend.
    Queue,
    /// `timeout tarpit`.
    Tarpit,
}

/// A change that an expression asks for (`set-var`, `unset-var`, `capture-req`, `capture-res`).
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A variable's new value; `None` unsets it.
    Var {
        /// Its scope.
        scope: VarScope,
        /// Its slot.
        slot: u32,
        /// What to keep.
        value: Option<Stored>,
    },
    /// The value of a request capture slot.
    CaptureRequest {
        /// The slot.
        slot: u32,
        /// What to keep.
        value: BString,
    },
    /// The value of a response capture slot.
    CaptureResponse {
        /// The slot.
        slot: u32,
        /// What to keep.
        value: BString,
    },
}

/// What lies outside the exchange. The proxy implements it over its live state, tests over rows of data.
pub trait World {
    /// Monotonic time of this evaluation.
    fn now(&self) -> Instant;
    /// The date.
    fn wall(&self) -> WallTime;
    /// A name for logs and fetches (`%f`, `be_name`).
    fn proxy_name(&self, proxy: ProxyId) -> &str;
    /// The original's numeric id of a proxy (`be_id`).
    fn proxy_number(&self, proxy: ProxyId) -> u32;
    /// A server's name.
    fn server_name(&self, server: ServerId) -> &str;
    /// A server's numeric id (`srv_id`).
    fn server_number(&self, server: ServerId) -> u32;
    /// Servers of a backend that can take traffic (`nbsrv`).
    fn usable_servers(&self, backend: ProxyId) -> u32;
    /// Load as a frontend.
    fn frontend_load(&self, proxy: ProxyId) -> Load;
    /// Load as a backend.
    fn backend_load(&self, proxy: ProxyId) -> Load;
    /// A server.
    fn server(&self, server: ServerId) -> ServerView;
    /// Connections of the whole process (`%ac`, `act_conn`).
    fn connections(&self) -> u32;
    /// Number and name of the listener (`so_id`, `so_name`, `%fp` of UNIX ones).
    fn listener(&self, listener: ListenerId) -> (u32, &str);
    /// Connections now established through a listener (`dst_conn`).
    fn listener_connections(&self, listener: ListenerId) -> u32;
    /// The frontend's `default_backend` (`fe_defbe`).
    fn default_backend(&self, frontend: ProxyId) -> Option<ProxyId>;
    /// The servers of a backend in file order.
    fn servers_of(&self, backend: ProxyId) -> &[ServerId];
    /// A backend by a name found in traffic (converter `nbsrv`).
    fn backend_named(&self, name: &[u8]) -> Option<ProxyId>;
    /// A server of a backend by a name found in traffic (converter `srv_queue`).
    fn server_named(&self, backend: ProxyId, name: &[u8]) -> Option<ServerId>;
    /// A configured timeout.
    fn timeout(&self, proxy: ProxyId, kind: TimeoutKind) -> Option<Duration>;
    /// True if the address belongs to this machine (`src_is_local`, `dst_is_local`).
    fn is_local(&self, address: IpAddr) -> bool;
    /// Seconds since the start (`uptime`).
    fn uptime(&self) -> Duration;
    /// True while the process drains (`stopping`).
    fn stopping(&self) -> bool;
    /// Seconds east of UTC of the local time zone at that date (`%t`, `ltime`).
    fn utc_offset_secs(&self, date: WallTime) -> i32;
    /// True if the password has this crypt(3) hash (userlists; the library of the system does it).
    fn crypt_matches(&self, password: &[u8], hash: &str) -> bool;
    /// Keeps a change that an expression asked for. Takes effect before the next rule is evaluated.
    fn write(&self, write: Write);
    /// What [`World::write`] has kept of a variable and not yet put into [`StreamFacts`]: `Some(None)` if it was unset.
    fn written(&self, _scope: VarScope, _slot: u32) -> Option<Option<Stored>> {
        None
    }
    /// 32 random bits.
    fn random(&self) -> u32;
    /// A counter that grows by one per stream (`%rt`).
    fn request_number(&self) -> u32;
    /// How many lines a frontend has logged (`%lc`).
    fn log_number(&self, frontend: ProxyId) -> u64;
    /// Host name for `%H` and `hostname`.
    fn hostname(&self) -> &str;
    /// Process id, for `%pid`.
    fn pid(&self) -> u32;
    /// Number of shards and this one's index (`nbproc`/`proc`/`thread`).
    fn shard(&self) -> (u32, u32);
    /// A process-wide variable (`proc.` scope) by slot.
    fn proc_var(&self, slot: u32) -> Option<Stored>;
    /// A session variable (`sess.` scope) by slot.
    fn sess_var(&self, slot: u32) -> Option<Stored>;
}

/// Where a variable lives (configuration manual §2.8 of 3.x: `proc`, `sess`, `txn`, `req`, `res`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VarScope {
    /// The whole process.
    Proc,
    /// The client's connection.
    Sess,
    /// Request and response.
    Txn,
    /// Only while the request is judged.
    Req,
    /// Only while the response is judged.
    Res,
}

/// Names met while an expression is compiled, resolved by the configuration's compiler.
pub trait Names {
    /// A frontend, backend or listen by name, with at least the backend or frontend face asked for.
    fn backend(&self, name: &str) -> Option<ProxyId>;
    /// See `backend`.
    fn frontend(&self, name: &str) -> Option<ProxyId>;
    /// A server of a backend.
    fn server(&self, backend: ProxyId, name: &str) -> Option<ServerId>;
    /// The proxy whose section is being read (for `nbsrv` without argument).
    fn current(&self) -> Option<ProxyId>;
    /// The slot of a variable, made on first use.
    fn variable(&mut self, scope: VarScope, name: &str) -> u32;
    /// A userlist by name, with its users (name, password or hash, groups).
    fn userlist(&self, name: &str) -> Option<std::sync::Arc<Userlist>>;
    /// Text of a pattern or map file (`-f file`, `map(file)`); the error is the system's word.
    fn file(&mut self, path: &str, place: Span) -> Result<Vec<u8>, String>;
    /// How many request and response capture slots the current frontend has.
    fn capture_slots(&self) -> (u32, u32);
    /// An environment variable as it was at the start (`env`).
    fn environment(&self, name: &str) -> Option<BString>;
    /// Takes a warning about something that is no error.
    fn warn(&mut self, warning: Diagnostic);
}

/// A userlist (configuration manual §12.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Userlist {
    /// Its name.
    pub name: String,
    /// Users.
    pub users: Vec<User>,
}

/// One user of a userlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Login.
    pub name: String,
    /// `password` (a crypt(3) hash) or `insecure-password` (plain).
    pub secret: Secret,
    /// Groups, sorted.
    pub groups: Vec<String>,
}

/// How a password is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `insecure-password`.
    Plain(BString),
    /// `password`: crypt(3).
    Crypt(String),
}

impl Default for Secret {
    fn default() -> Self {
        Secret::Plain(BString::default())
    }
}
