//! The world as a fetch sees it: one borrowed struct, and one trait for what lies outside the exchange.

use std::net::{Ipv4Addr, Ipv6Addr};

use bstr::BString;
use evenkeel_base::{Instant, ProxyId, ServerId, Span, WallTime};
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
    fn listener(&self, listener: evenkeel_base::ListenerId) -> (u32, &str);
    /// 32 random bits.
    fn random(&self) -> u32;
    /// A counter that grows by one per stream (`%rt`).
    fn request_number(&self) -> u32;
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
    /// The current frontend's capture slot by name or number, with direction.
    fn capture_slots(&self) -> (u32, u32);
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
