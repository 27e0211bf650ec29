//! The exchange that the registries' examples are about, and names to compile against.
#![allow(dead_code)] // each test uses its part

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;
use evenkeel_base::{Diagnostic, Instant, ListenerId, ProxyId, ServerId, Span, WallTime, Word};
use evenkeel_expr::env::{Load, Secret, ServerView, Stored, TimeoutKind, User, Userlist, VarScope, Write};
use evenkeel_expr::facts::Peer;
use evenkeel_expr::{ConnFacts, Env, Names, StreamFacts, World};
use evenkeel_http::{Limits, RequestHead, ResponseHead, parse_request, parse_response};

/// The request of the examples.
pub(crate) const REQUEST: &str = "POST /a/b.html?x=1&y=two&x=3 HTTP/1.1\r\n\
    Host: www.example.com:8080\r\n\
    X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n\
    Cookie: SID=abc; n=7\r\n\
    Authorization: Basic am9lOnNlY3JldA==\r\n\
    Content-Length: 11\r\n\r\n";

/// A world of numbers.
pub(crate) struct Numbers {
    pub(crate) hostname: String,
    pub(crate) frontend: String,
    pub(crate) backend: String,
    pub(crate) offset: i32,
    pub(crate) wall: WallTime,
    pub(crate) writes: RefCell<Vec<Write>>,
    pub(crate) servers: [&'static str; 2],
    /// No servers, no load: a section that only answers.
    pub(crate) is_empty: bool,
}

impl Numbers {
    pub(crate) fn empty(&mut self) {
        self.is_empty = true;
    }
}

impl World for Numbers {
    fn now(&self) -> Instant {
        Instant::from_millis(61_000)
    }
    fn wall(&self) -> WallTime {
        self.wall
    }
    fn proxy_name(&self, proxy: ProxyId) -> &str {
        if proxy.0 == 0 { &self.frontend } else { &self.backend }
    }
    fn proxy_number(&self, proxy: ProxyId) -> u32 {
        proxy.0 + 2
    }
    fn server_name(&self, server: ServerId) -> &str {
        self.servers[server.index().min(1)]
    }
    fn server_number(&self, server: ServerId) -> u32 {
        server.0 + 1
    }
    fn usable_servers(&self, _: ProxyId) -> u32 {
        if self.is_empty { 0 } else { 2 }
    }
    fn frontend_load(&self, _: ProxyId) -> Load {
        Load { sessions: 6, session_rate: 8, request_rate: 9, ..Load::default() }
    }
    fn backend_load(&self, _: ProxyId) -> Load {
        if self.is_empty {
            return Load::default();
        }
        Load { sessions: 5, queued: 1, session_rate: 3, ..Load::default() }
    }
    fn server(&self, server: ServerId) -> ServerView {
        let load = match server.0 {
            0 => Load { sessions: 3, queued: 1, maxconn: 10, session_rate: 2, ..Load::default() },
            _ => Load { sessions: 2, queued: 2, maxconn: 10, ..Load::default() }, // app2
        };
        ServerView { up: true, weight: 50, initial_weight: 100, load, maxqueue: 0, backup: false }
    }
    fn connections(&self) -> u32 {
        7
    }
    fn listener(&self, _: ListenerId) -> (u32, &str) {
        (1, if self.is_empty { "" } else { "public" })
    }
    fn listener_connections(&self, _: ListenerId) -> u32 {
        2
    }
    fn default_backend(&self, _: ProxyId) -> Option<ProxyId> {
        Some(ProxyId(1))
    }
    fn servers_of(&self, _: ProxyId) -> &[ServerId] {
        if self.is_empty { &[] } else { &[ServerId(0), ServerId(1)] }
    }
    fn backend_named(&self, name: &[u8]) -> Option<ProxyId> {
        (name == self.backend.as_bytes()).then_some(ProxyId(1))
    }
    fn server_named(&self, _: ProxyId, name: &[u8]) -> Option<ServerId> {
        (name == b"app1").then_some(ServerId(0))
    }
    fn timeout(&self, _: ProxyId, kind: TimeoutKind) -> Option<Duration> {
        match kind {
            TimeoutKind::Client => Some(Duration::from_secs(30)),
            TimeoutKind::Server => Some(Duration::from_secs(40)),
            TimeoutKind::Tunnel | TimeoutKind::Connect | TimeoutKind::Queue | TimeoutKind::Tarpit => None,
        }
    }
    fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || address == IpAddr::from([198, 51, 100, 1])
    }
    fn uptime(&self) -> Duration {
        Duration::from_secs(60)
    }
    fn stopping(&self) -> bool {
        false
    }
    fn utc_offset_secs(&self, _: WallTime) -> i32 {
        self.offset
    }
    fn crypt_matches(&self, _: &[u8], _: &str) -> bool {
        false
    }
    fn write(&self, write: Write) {
        self.writes.borrow_mut().push(write);
    }
    fn written(&self, wanted: VarScope, at: u32) -> Option<Option<Stored>> {
        self.writes.borrow().iter().rev().find_map(|write| match write {
            Write::Var { scope, slot, value } if *scope == wanted && *slot == at => Some(value.clone()),
            Write::Var { .. } | Write::CaptureRequest { .. } | Write::CaptureResponse { .. } => None,
        })
    }
    fn log_number(&self, _: ProxyId) -> u64 {
        0
    }
    fn random(&self) -> u32 {
        0x1234_5678
    }
    fn request_number(&self) -> u32 {
        21
    }
    fn hostname(&self) -> &str {
        &self.hostname
    }
    fn pid(&self) -> u32 {
        4242
    }
    fn shard(&self) -> (u32, u32) {
        (1, 0)
    }
    fn proc_var(&self, _: u32) -> Option<Stored> {
        None
    }
    fn sess_var(&self, _: u32) -> Option<Stored> {
        None
    }
}

/// An exchange with all that an [`Env`] borrows.
pub(crate) struct Stage {
    pub(crate) world: Numbers,
    pub(crate) conn: ConnFacts,
    pub(crate) stream: StreamFacts,
    pub(crate) req: Option<RequestHead>,
    pub(crate) res: Option<ResponseHead>,
    pub(crate) payload: Vec<u8>,
    pub(crate) settled: bool,
}

impl Stage {
    /// The exchange of the examples.
    pub(crate) fn new() -> Self {
        let mut stage = Self::of(REQUEST, b"a=1&b=&a=22");
        stage.stream.vars = vec![None, Some(Stored::Str("www".into())), None, None];
        stage.stream.request_captures = vec![Some("curl".into()), None];
        stage.stream.unique_id = Some("id-1".into());
        stage
    }

    /// Any request, received from 192.0.2.7:54321 on 198.51.100.1:80.
    pub(crate) fn of(request: &str, payload: &[u8]) -> Self {
        let start = Instant::from_millis(60_000);
        let wall = WallTime::from_micros(1_699_999_999_900_000);
        let mut stream = StreamFacts::new(start, wall);
        stream.backend = Some(ProxyId(1));
        stream.server = Some(ServerId(0));
        stream.server_addr = inet("10.0.0.1:8080");
        stream.source_addr = inet("10.0.0.9:40000");
        let mut head = RequestHead::new();
        let parsed = parse_request(request.as_bytes(), &mut head, &Limits::default());
        assert!(matches!(parsed, Ok(Some(_))), "{request}: {parsed:?}");
        Self {
            world: Numbers {
                hostname: "lb1".into(),
                frontend: "web".into(),
                backend: "app".into(),
                offset: 3600,
                wall: WallTime::from_micros(1_700_000_000_123_456),
                writes: RefCell::default(),
                servers: ["app1", "app2"],
                is_empty: false,
            },
            conn: ConnFacts {
                src: inet("192.0.2.7:54321"),
                dst: inet("198.51.100.1:80"),
                own: None,
                frontend: ProxyId(0),
                listener: ListenerId(0),
                accepted: start,
                accepted_wall: wall,
                tls: false,
                proxied: false,
            },
            stream,
            req: Some(head),
            res: None,
            payload: payload.to_vec(),
            settled: true,
        }
    }

    /// With this response.
    pub(crate) fn answered(mut self, response: &str) -> Self {
        let mut head = ResponseHead::new();
        let parsed = parse_response(response.as_bytes(), &mut head, &Limits::default());
        assert!(matches!(parsed, Ok(Some(_))), "{response}: {parsed:?}");
        self.res = Some(head);
        self
    }

    pub(crate) fn env(&self) -> Env<'_> {
        Env {
            conn: &self.conn,
            stream: &self.stream,
            req: self.req.as_ref(),
            res: self.res.as_ref(),
            payload: &self.payload,
            payload_complete: self.settled,
            settled: self.settled,
            world: &self.world,
        }
    }
}

pub(crate) fn inet(text: &str) -> Peer {
    Peer::Inet(text.parse().expect("an address in a test"))
}

/// Names to compile against: frontend `web`, backend `app` with `app1` and `app2`, userlist `admins`.
pub(crate) struct Book {
    pub(crate) variables: BTreeMap<String, u32>,
    pub(crate) files: BTreeMap<&'static str, &'static str>,
    pub(crate) current: Option<ProxyId>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) users: Userlist,
}

impl Book {
    pub(crate) fn new() -> Self {
        Self {
            variables: BTreeMap::from([("host".to_owned(), 1)]),
            files: BTreeMap::from([("/dev/null", "")]),
            current: None,
            warnings: Vec::new(),
            users: Userlist { name: "admins".into(), users: vec![user("joe", "secret", &["ops", "staff"])] },
        }
    }

    /// With the userlist of the comparison's configuration.
    pub(crate) fn original() -> Self {
        let users = vec![user("joe", "sec:ret", &["g1", "g2"]), user("ann", "x", &["g2", "g3"])];
        Self { current: Some(ProxyId(0)), users: Userlist { name: "ul".into(), users }, ..Self::new() }
    }
}

fn user(name: &str, password: &str, groups: &[&str]) -> User {
    let groups = groups.iter().map(|g| (*g).to_owned()).collect();
    User { name: name.into(), secret: Secret::Plain(password.into()), groups }
}

impl Names for Book {
    fn backend(&self, name: &str) -> Option<ProxyId> {
        (name == "app").then_some(ProxyId(1))
    }
    fn frontend(&self, name: &str) -> Option<ProxyId> {
        (name == "web").then_some(ProxyId(0))
    }
    fn server(&self, _: ProxyId, name: &str) -> Option<ServerId> {
        match name {
            "app1" => Some(ServerId(0)),
            "app2" => Some(ServerId(1)),
            _ => None,
        }
    }
    fn current(&self) -> Option<ProxyId> {
        self.current
    }
    fn variable(&mut self, _: VarScope, name: &str) -> u32 {
        let next = self.variables.len() as u32 + 1;
        *self.variables.entry(name.to_owned()).or_insert(next)
    }
    fn userlist(&self, name: &str) -> Option<Arc<Userlist>> {
        (name == self.users.name).then(|| Arc::new(self.users.clone()))
    }
    fn file(&mut self, path: &str, _: Span) -> Result<Vec<u8>, String> {
        self.files
            .get(path)
            .map(|text| text.as_bytes().to_vec())
            .ok_or_else(|| "No such file or directory".into())
    }
    fn capture_slots(&self) -> (u32, u32) {
        (2, 0)
    }
    fn environment(&self, name: &str) -> Option<BString> {
        (name == "REGION").then(|| "eu".into())
    }
    fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }
}

/// A line as words: split at spaces, each with its place on the line.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let mut at = 0;
    let mut out = Vec::new();
    for part in line.split(' ') {
        let span = Span::new(evenkeel_base::FileId(0), at as u32, (at + part.len()) as u32);
        if !part.is_empty() {
            out.push(Word { text: part.into(), span, quoted: false });
        }
        at += part.len() + 1;
    }
    out
}

/// A word with its place, spaces and all.
pub(crate) fn word(text: &str) -> Word {
    Word { text: text.into(), span: Span::new(evenkeel_base::FileId(0), 0, text.len() as u32), quoted: false }
}
