//! The side that clients see.

use std::time::Duration;

use evenkeel_base::{ListenerId, ProxyId, Span};

use crate::addr::Addr;
use crate::global::Account;
use evenkeel_expr::LogFormat;

/// The frontend face of a proxy.
#[derive(Debug, Default)]
pub struct Front {
    /// Its listeners.
    pub listeners: Vec<ListenerId>,
    /// `maxconn`; 0: the process's.
    pub maxconn: u32,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `rate-limit sessions` per second; 0: none.
    pub rate_limit: u32,
    /// `use_backend` in order.
    pub use_backend: Vec<evenkeel_rules::UseBackend>,
    /// `default_backend`; of a listen: itself.
    pub default_backend: Option<ProxyId>,
    /// `capture request header`, with `len`: slots in order.
    pub request_captures: Vec<Capture>,
    /// `capture response header`.
    pub response_captures: Vec<Capture>,
    /// `capture cookie <name> len`.
    pub cookie_capture: Option<CookieCapture>,
    /// `monitor-uri`.
    pub monitor_uri: Option<Vec<u8>>,
    /// `monitor-net` (obsolete).
    pub monitor_net: Option<crate::proxy::Net>,
    /// `monitor fail`.
    pub monitor_fail: Vec<evenkeel_rules::route::When>,
    /// `unique-id-format`.
    pub unique_id: Option<LogFormat>,
    /// `unique-id-header`.
    pub unique_id_header: Option<Vec<u8>>,
    /// `grace` of old files.
    pub grace: Duration,
    /// The destination address is looked at (`dst`, a server without a port, `%fi`): one system call per connection.
    pub needs_dst: bool,
}

/// A captured header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Header name; empty for `declare capture` slots.
    pub name: Vec<u8>,
    /// Longest value kept, bytes.
    pub len: u32,
}

/// `capture cookie`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieCapture {
    /// Name, or the start of one.
    pub name: Vec<u8>,
    /// True: exactly this name (`name=`); false: names starting with it.
    pub exact: bool,
    /// Longest value kept, bytes.
    pub len: u32,
}

/// One address that is listened on.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its position.
    pub id: ListenerId,
    /// Whose.
    pub frontend: ProxyId,
    /// Where.
    pub addr: Addr,
    /// `name`.
    pub name: Option<String>,
    /// `id`, or counted from 1 within the frontend.
    pub number: u32,
    /// `maxconn`; 0: the frontend's.
    pub maxconn: u32,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `accept-proxy`.
    pub accept_proxy: bool,
    /// `defer-accept`.
    pub defer_accept: bool,
    /// `interface`.
    pub interface: Option<String>,
    /// `mss`.
    pub mss: Option<i32>,
    /// `tcp-ut`.
    pub tcp_user_timeout: Option<Duration>,
    /// `tfo`.
    pub fastopen: bool,
    /// `transparent`.
    pub transparent: bool,
    /// `v4v6` (Some(false)), `v6only` (Some(true)).
    pub v6only: Option<bool>,
    /// `mode`, `uid`/`user`, `gid`/`group` of a UNIX socket.
    pub unix_mode: Option<u32>,
    /// See `unix_mode`.
    pub unix_user: Option<Account>,
    /// See `unix_mode`.
    pub unix_group: Option<Account>,
    /// `nice`, `process`, `thread`: accepted; sharding is by SO_REUSEPORT.
    pub nice: i32,
    /// The words.
    pub span: Span,
}
