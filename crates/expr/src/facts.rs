//! What is known of a connection and of the exchange on it: plain data that the proxy fills in on its way and that
//! fetches, rules and log lines read.

use std::net::SocketAddr;
use std::time::Duration;

use bstr::BString;
use evenkeel_base::{Instant, ListenerId, ProxyId, ServerId, WallTime};

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Peer {
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// A UNIX socket; the original logs `unix:<listener id>`.
    Unix,
    /// Not known (yet).
    #[default]
    Unknown,
}

/// What holds for all exchanges of one client connection.
#[derive(Clone, Debug)]
pub struct ConnFacts {
    /// The client's address (after any PROXY header).
    pub src: Peer,
    /// The address the client connected to. Filled in only if the Plan asks for it (a system call), or from the listener.
    pub dst: Peer,
    /// Source and destination of the connection itself, where rules behind `tcp-request connection` gave the session or
    /// the request others (`fc_src`, `fc_dst`).
    pub own: Option<Box<(Peer, Peer)>>,
    /// The frontend.
    pub frontend: ProxyId,
    /// The listening address.
    pub listener: ListenerId,
    /// When it was accepted.
    pub accepted: Instant,
    /// The same as a date.
    pub accepted_wall: WallTime,
    /// TLS on the client side (false until TLS is built).
    pub tls: bool,
    /// The client sent a PROXY header (`fc_rcvd_proxy`).
    pub proxied: bool,
}

impl ConnFacts {
    /// The client's address as the connection has it.
    pub fn own_src(&self) -> &Peer {
        self.own.as_ref().map_or(&self.src, |own| &own.0)
    }

    /// The address that the client connected to, as the connection has it.
    pub fn own_dst(&self) -> &Peer {
        self.own.as_ref().map_or(&self.dst, |own| &own.1)
    }
}

/// Who ended the session: the first letter of the termination state (configuration manual §8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Blame {
    /// `-`: normal.
    #[default]
    None,
    /// `C`: client aborted.
    Client,
    /// `S`: server aborted or refused.
    Server,
    /// `P`: the proxy: deny, security.
    Proxy,
    /// `L`: answered locally (stats, redirect, return).
    Local,
    /// `R`: a resource of the proxy ran out.
    Resource,
    /// `I`: internal error.
    Internal,
    /// `D`: killed because the server went down.
    Down,
    /// `U`: killed because a preferred server came up.
    Up,
    /// `K`: killed by the operator.
    Killed,
    /// `c`: client-side timeout.
    ClientTimeout,
    /// `s`: server-side timeout.
    ServerTimeout,
}

impl Blame {
    /// The letter in logs.
    pub fn letter(self) -> u8 {
        match self {
            Blame::None => b'-',
            Blame::Client => b'C',
            Blame::Server => b'S',
            Blame::Proxy => b'P',
            Blame::Local => b'L',
            Blame::Resource => b'R',
            Blame::Internal => b'I',
            Blame::Down => b'D',
            Blame::Up => b'U',
            Blame::Killed => b'K',
            Blame::ClientTimeout => b'c',
            Blame::ServerTimeout => b's',
        }
    }
}

/// Where the session was when it ended: the second letter of the termination state (configuration manual §8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// `-`: complete.
    #[default]
    None,
    /// `R`: waiting for a complete request.
    Request,
    /// `Q`: in a queue.
    Queue,
    /// `C`: connecting to the server.
    Connect,
    /// `H`: waiting for response headers.
    Headers,
    /// `D`: data transfer.
    Data,
    /// `L`: last data to the client after the server closed.
    Last,
    /// `T`: tarpitted.
    Tarpit,
}

impl Phase {
    /// The letter in logs.
    pub fn letter(self) -> u8 {
        match self {
            Phase::None => b'-',
            Phase::Request => b'R',
            Phase::Queue => b'Q',
            Phase::Connect => b'C',
            Phase::Headers => b'H',
            Phase::Data => b'D',
            Phase::Last => b'L',
            Phase::Tarpit => b'T',
        }
    }
}

/// The four letters of `%tsc` (configuration manual §8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termination {
    /// Who.
    pub blame: Blame,
    /// When.
    pub phase: Phase,
    /// Client's cookie: `N I D V E O U` or `-`.
    pub cookie_in: u8,
    /// What the proxy did with it: `N I U P R D` or `-`.
    pub cookie_out: u8,
}

impl Default for Termination {
    fn default() -> Self {
        Self { blame: Blame::None, phase: Phase::None, cookie_in: b'-', cookie_out: b'-' }
    }
}

/// When each step of an exchange was done (configuration manual §8.4). `None`: not reached (logged as -1).
#[derive(Clone, Debug, Default)]
pub struct Timers {
    /// Handshakes done (`Th` runs from accept to here).
    pub handshake: Option<Instant>,
    /// First byte of the request (`Ti` runs from handshake/previous end to here).
    pub request_start: Option<Instant>,
    /// Request head complete (`TR`).
    pub request_head: Option<Instant>,
    /// Left the queue (`Tw`).
    pub queued: Option<Instant>,
    /// Connected (`Tc`).
    pub connected: Option<Instant>,
    /// Response head complete (`Tr`).
    pub response_head: Option<Instant>,
    /// Everything done (`Tt`, `Ta`).
    pub end: Option<Instant>,
}

/// What holds for one exchange: filled in by each step, read by fetches, rules and the log line. Reused between
/// exchanges by [`StreamFacts::reset`] so that it costs no allocation in the steady state.
#[derive(Clone, Debug)]
pub struct StreamFacts {
    /// Start of this exchange: accept for the first on a connection, end of the one before for the others.
    pub start: Instant,
    /// Date of `timers.request_start` (`%tr`); of `start` as long as there is none, and for TCP (`%t`).
    pub start_wall: WallTime,
    /// Steps done.
    pub timers: Timers,
    /// The backend chosen; the frontend itself where no backend was reached (logged so).
    pub backend: Option<ProxyId>,
    /// The server chosen.
    pub server: Option<ServerId>,
    /// Address of that server, for `%si`/`%sp`.
    pub server_addr: Peer,
    /// Our own address towards it, for `%bi`/`%bp`; only if the Plan asks for it.
    pub source_addr: Peer,
    /// How it ended.
    pub termination: Termination,
    /// Status sent to the client; 0: none (`-1` in logs).
    pub status: u16,
    /// Bytes from the server to the client, heads included (`%B`).
    pub bytes_out: u64,
    /// Bytes from the client to the server (`%U`).
    pub bytes_in: u64,
    /// Connection retries (`%rc`).
    pub retries: u32,
    /// True if redispatched (a `+` before `%rc`).
    pub redispatched: bool,
    /// Requests ahead in the server's queue (`%sq`) and in the backend's (`%bq`) when this one was queued.
    pub server_queue: u32,
    /// See `server_queue`.
    pub backend_queue: u32,
    /// Counts of connections when the log line is made: process (`%ac`), frontend (`%fc`), backend (`%bc`), server (`%sc`).
    pub counts: [u32; 4],
    /// The request line as received (`%r`), cut to the log's limit; kept only if the Plan's log needs it.
    pub request_line: BString,
    /// Values taken by `capture request header`/`declare capture request`, by slot.
    pub request_captures: Vec<Option<BString>>,
    /// The same of the response.
    pub response_captures: Vec<Option<BString>>,
    /// `capture cookie`: from the request (`%CC`), from the response (`%CS`).
    pub cookie_captures: [Option<BString>; 2],
    /// `unique-id-format`'s result once it was asked for.
    pub unique_id: Option<BString>,
    /// Variables of scopes `txn`, `req`, `res`, by the Plan's slot (`sess` and `proc` ones live longer: see `Env`).
    pub vars: Vec<Option<crate::env::Stored>>,
    /// Exchanges on this connection before this one.
    pub nth_request: u32,
    /// Exchanges of the process before this one (`%rt`).
    pub number: u32,
    /// Log level set by `http-request set-log-level`; `Some(None)` = silent.
    pub log_level: Option<Option<u8>>,
    /// Set by rules: nice, mark and others have no state here; `true` once a rule asked not to log (`option dontlog-normal` is the caller's).
    pub from_pool: bool,
    /// Response body framing decided: true if the exchange became a tunnel (`Upgrade`, `CONNECT`, TCP mode).
    pub tunnel: bool,
    /// The log line is made before the end (`option logasap`): `%B`, `%Ta` and `%Tt` carry a `+`.
    pub logged_early: bool,
    /// The part of the proxy that answered in a server's place, as logs name it: `<STATS>`.
    pub applet: Option<&'static str>,
    /// `http-request set-timeout server`.
    pub timeout_server: Option<Duration>,
    /// `http-request set-timeout tunnel`.
    pub timeout_tunnel: Option<Duration>,
}

impl StreamFacts {
    /// A fresh exchange.
    pub fn new(start: Instant, start_wall: WallTime) -> Self {
        Self {
            start,
            start_wall,
            timers: Timers::default(),
            backend: None,
            server: None,
            server_addr: Peer::Unknown,
            source_addr: Peer::Unknown,
            termination: Termination::default(),
            status: 0,
            bytes_out: 0,
            bytes_in: 0,
            retries: 0,
            redispatched: false,
            server_queue: 0,
            backend_queue: 0,
            counts: [0; 4],
            request_line: BString::default(),
            request_captures: Vec::new(),
            response_captures: Vec::new(),
            cookie_captures: [None, None],
            unique_id: None,
            vars: Vec::new(),
            nth_request: 0,
            number: 0,
            log_level: None,
            from_pool: false,
            tunnel: false,
            logged_early: false,
            applet: None,
            timeout_server: None,
            timeout_tunnel: None,
        }
    }

    /// Makes this the next exchange on the same connection, keeping the allocations.
    pub fn reset(&mut self, at: Instant, date: WallTime) {
        // Field by field, so that no second copy is made and moved; and all by name, so that none is forgotten.
        let Self {
            start,
            start_wall,
            timers,
            backend,
            server,
            server_addr,
            source_addr,
            termination,
            status,
            bytes_out,
            bytes_in,
            retries,
            redispatched,
            server_queue,
            backend_queue,
            counts,
            request_line,
            request_captures,
            response_captures,
            cookie_captures,
            unique_id,
            vars,
            nth_request,
            number,
            log_level,
            from_pool,
            tunnel,
            logged_early,
            applet,
            timeout_server,
            timeout_tunnel,
        } = self;
        *start = at;
        *start_wall = date;
        *timers = Timers::default();
        *backend = None;
        *server = None;
        *server_addr = Peer::Unknown;
        *source_addr = Peer::Unknown;
        *termination = Termination::default();
        *status = 0;
        *bytes_out = 0;
        *bytes_in = 0;
        *retries = 0;
        *redispatched = false;
        *server_queue = 0;
        *backend_queue = 0;
        *counts = [0; 4];
        request_line.clear();
        request_captures.clear();
        response_captures.clear();
        *cookie_captures = [None, None];
        *unique_id = None;
        vars.iter_mut().for_each(|v| *v = None);
        *nth_request = nth_request.saturating_add(1);
        *number = 0;
        *log_level = None;
        *from_pool = false;
        *tunnel = false;
        *logged_early = false;
        *applet = None;
        *timeout_server = None;
        *timeout_tunnel = None;
    }

    /// Milliseconds from one step to a later one, as logs count them; `None` if either was not reached.
    pub fn millis(from: Option<Instant>, to: Option<Instant>) -> Option<i64> {
        Some(to?.since(from?)).map(|d: Duration| d.as_millis() as i64)
    }
}
