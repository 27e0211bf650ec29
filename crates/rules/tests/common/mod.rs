//! A small world for rules: one frontend, one backend, a client at 192.0.2.7.
#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BString, ByteSlice};
use evenkeel_base::{
    Diagnostic, FileId, Instant, ListenerId, ProxyId, ServerId, Span, WallTime, Word, Words,
};
use evenkeel_expr::env::{Load, ServerView, Stored, TimeoutKind, Userlist, VarScope, Write};
use evenkeel_expr::facts::Peer;
use evenkeel_expr::{AclTable, ConnFacts, Env, Names, StreamFacts, World};
use evenkeel_http::{Limits, RequestHead, ResponseHead, parse_request, parse_response};
use evenkeel_rules::reply::BuiltIn;
use evenkeel_rules::{
    Context, Effects, Exchange, Rule, RuleSet, Scratch, UseBackend, UseServer, Verdict, Writes, line,
    parse_rule, registry, run,
};

/// Names of a file that has a frontend `fe`, a backend `be` with servers `s1` and `s2`, and a file `page.http`.
#[derive(Default)]
pub(crate) struct Book {
    variables: BTreeMap<(VarScope, String), u32>,
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Names for Book {
    fn backend(&self, name: &str) -> Option<ProxyId> {
        (name == "be").then_some(ProxyId(1))
    }
    fn frontend(&self, name: &str) -> Option<ProxyId> {
        (name == "fe").then_some(ProxyId(0))
    }
    fn server(&self, _: ProxyId, name: &str) -> Option<ServerId> {
        match name {
            "s1" => Some(ServerId(0)),
            "s2" => Some(ServerId(1)),
            _ => None,
        }
    }
    fn current(&self) -> Option<ProxyId> {
        Some(ProxyId(0))
    }
    fn variable(&mut self, scope: VarScope, name: &str) -> u32 {
        let next = self.variables.len() as u32;
        *self.variables.entry((scope, name.to_owned())).or_insert(next)
    }
    fn userlist(&self, _: &str) -> Option<Arc<Userlist>> {
        None
    }
    fn file(&mut self, path: &str, _: Span) -> Result<Vec<u8>, String> {
        match path {
            "page.http" => Ok(b"HTTP/1.0 503 My Own\r\nX-A: b\r\n\r\nmine\n".to_vec()),
            "text" => Ok(b"plain %[path] text\n".to_vec()),
            "broken.http" => Ok(b"nothing".to_vec()),
            _ => Err("No such file or directory".into()),
        }
    }
    fn capture_slots(&self) -> (u32, u32) {
        (2, 1)
    }
    fn environment(&self, _: &str) -> Option<BString> {
        None
    }
    fn warn(&mut self, warning: Diagnostic) {
        self.warnings.push(warning);
    }
}

/// A world in which nothing happens.
#[derive(Default)]
pub(crate) struct Quiet {
    pub(crate) writes: Writes,
    pub(crate) kept: RefCell<BTreeMap<u32, Stored>>,
}

impl World for Quiet {
    fn now(&self) -> Instant {
        Instant::from_millis(1_000)
    }
    fn wall(&self) -> WallTime {
        WallTime::from_micros(1_700_000_000_000_000)
    }
    fn proxy_name(&self, proxy: ProxyId) -> &str {
        if proxy == ProxyId(0) { "fe" } else { "be" }
    }
    fn proxy_number(&self, proxy: ProxyId) -> u32 {
        proxy.0 + 2
    }
    fn server_name(&self, _: ServerId) -> &str {
        "s1"
    }
    fn server_number(&self, _: ServerId) -> u32 {
        1
    }
    fn usable_servers(&self, _: ProxyId) -> u32 {
        2
    }
    fn frontend_load(&self, _: ProxyId) -> Load {
        Load::default()
    }
    fn backend_load(&self, _: ProxyId) -> Load {
        Load::default()
    }
    fn server(&self, _: ServerId) -> ServerView {
        ServerView::default()
    }
    fn connections(&self) -> u32 {
        1
    }
    fn listener(&self, _: ListenerId) -> (u32, &str) {
        (1, "l1")
    }
    fn listener_connections(&self, _: ListenerId) -> u32 {
        1
    }
    fn default_backend(&self, _: ProxyId) -> Option<ProxyId> {
        Some(ProxyId(1))
    }
    fn servers_of(&self, _: ProxyId) -> &[ServerId] {
        &[ServerId(0), ServerId(1)]
    }
    fn backend_named(&self, name: &[u8]) -> Option<ProxyId> {
        (name == b"be").then_some(ProxyId(1))
    }
    fn server_named(&self, _: ProxyId, name: &[u8]) -> Option<ServerId> {
        (name == b"s1").then_some(ServerId(0))
    }
    fn timeout(&self, _: ProxyId, _: TimeoutKind) -> Option<Duration> {
        None
    }
    fn is_local(&self, _: IpAddr) -> bool {
        false
    }
    fn uptime(&self) -> Duration {
        Duration::from_secs(5)
    }
    fn stopping(&self) -> bool {
        false
    }
    fn utc_offset_secs(&self, _: WallTime) -> i32 {
        0
    }
    fn crypt_matches(&self, _: &[u8], _: &str) -> bool {
        false
    }
    fn log_number(&self, _: ProxyId) -> u64 {
        1
    }
    fn written(&self, scope: VarScope, slot: u32) -> Option<Option<Stored>> {
        self.writes.variable(scope, slot)
    }
    fn write(&self, write: Write) {
        match write {
            Write::Var { scope: VarScope::Sess | VarScope::Proc, slot, value } => {
                let mut kept = self.kept.borrow_mut();
                match value {
                    Some(value) => kept.insert(slot, value),
                    None => kept.remove(&slot),
                };
            }
            other => self.writes.push(other),
        }
    }
    fn random(&self) -> u32 {
        4
    }
    fn request_number(&self) -> u32 {
        1
    }
    fn hostname(&self) -> &str {
        "host"
    }
    fn pid(&self) -> u32 {
        1
    }
    fn shard(&self) -> (u32, u32) {
        (1, 0)
    }
    fn proc_var(&self, slot: u32) -> Option<Stored> {
        self.kept.borrow().get(&slot).cloned()
    }
    fn sess_var(&self, slot: u32) -> Option<Stored> {
        self.kept.borrow().get(&slot).cloned()
    }
}

/// Splits a line as the reader would, as far as these tests need: blanks, `\` before anything, double quotes.
pub(crate) fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut text = Vec::new();
    let (mut start, mut quoted, mut inside, mut escaped) = (0, false, false, false);
    let bytes = line.as_bytes();
    for (at, b) in bytes.iter().copied().chain([b' ']).enumerate() {
        match b {
            _ if escaped => {
                // The reader keeps a backslash that escapes none of these.
                if !matches!(b, b' ' | b'\\' | b'"' | b'#') {
                    text.push(b'\\');
                }
                text.push(b);
                escaped = false;
            }
            b'\\' if at < bytes.len() => escaped = true,
            b'"' if at < bytes.len() => {
                quoted = true;
                inside = !inside;
            }
            b' ' if !inside || at == bytes.len() => {
                if !text.is_empty() || quoted {
                    let span = Span::new(FileId(0), start as u32, at as u32);
                    words.push(Word { text: std::mem::take(&mut text).into(), span, quoted });
                }
                (start, quoted) = (at + 1, false);
            }
            _ => text.push(b),
        }
    }
    words
}

/// Compiles one line of a set: an action, or an old keyword with its name in front.
pub(crate) fn compile(set: RuleSet, line: &str, book: &mut Book) -> Result<Rule, Vec<Diagnostic>> {
    let words = words(line);
    let acls = AclTable::default();
    let mut cx = Context::new(set, &acls, book, "fe");
    let mut cursor = Words::new(&words, Span::default());
    match cursor.peek().and_then(|w| line::find(&w.str())).filter(|k| k.set == set && k.name != "redirect") {
        Some(keyword) => {
            cursor.next();
            keyword.parse(&mut cursor, &mut cx)
        }
        None => parse_rule(&mut cursor, &mut cx),
    }
}

/// What came of an exchange.
pub(crate) struct Judged {
    pub(crate) verdict: String,
    pub(crate) request: String,
    pub(crate) response: Option<String>,
    pub(crate) answer: String,
    pub(crate) stream: StreamFacts,
    pub(crate) conn: ConnFacts,
    pub(crate) effects: Effects,
}

/// Everything that rows need to run rules over one exchange.
pub(crate) struct Case<'c> {
    pub(crate) set: RuleSet,
    pub(crate) rules: &'c [&'c str],
    pub(crate) request: &'c str,
    pub(crate) response: Option<&'c str>,
    pub(crate) payload: &'c [u8],
    pub(crate) complete: bool,
}

impl<'c> Case<'c> {
    pub(crate) fn request(rules: &'c [&'c str], request: &'c str) -> Self {
        Self { set: RuleSet::HttpRequest, rules, request, response: None, payload: b"", complete: true }
    }

    pub(crate) fn judge(&self) -> Judged {
        let mut book = Book::default();
        let mut rules: Vec<Rule> = self
            .rules
            .iter()
            .map(|line| compile(self.set, line, &mut book).unwrap_or_else(|e| panic!("{line}: {e:?}")))
            .collect();
        registry::order(&mut rules);
        let world = Quiet::default();
        let mut conn = conn();
        let mut stream = StreamFacts::new(world.now(), world.wall());
        let mut req = RequestHead::new();
        let limits = Limits { relaxed: true, ..Limits::default() };
        parse_request(self.request.as_bytes(), &mut req, &limits).expect("a request").expect("whole");
        let mut res = self.response.map(|text| {
            let mut res = ResponseHead::new();
            parse_response(text.as_bytes(), &mut res, &Limits::default())
                .expect("a response")
                .expect("whole");
            res
        });
        let mut effects = Effects::default();
        let mut scratch = Scratch::default();
        let outcome = {
            let mut x = Exchange {
                conn: &mut conn,
                stream: &mut stream,
                req: Some(&mut req),
                res: res.as_mut(),
                payload: self.payload,
                payload_complete: self.complete,
                settled: self.complete,
                to_proxy: false,
                world: &world,
                writes: &world.writes,
                pages: &BuiltIn,
                effects: &mut effects,
            };
            run(&rules, 0, &mut x, &mut scratch)
        };
        let mut out = Vec::new();
        req.write_to(&mut out);
        let request = out.to_str_lossy().into_owned();
        let response = res.map(|res| {
            let mut out = Vec::new();
            res.write_to(&mut out);
            out.to_str_lossy().into_owned()
        });
        let mut answer = Vec::new();
        match outcome.verdict {
            Verdict::Deny
            | Verdict::Tarpit
            | Verdict::Return
            | Verdict::Redirect
            | Verdict::Auth
            | Verdict::Failed => scratch.answer.write_to(false, &mut answer),
            Verdict::Continue
            | Verdict::Accept
            | Verdict::Reject
            | Verdict::Close
            | Verdict::SilentDrop
            | Verdict::WaitForBody { .. }
            | Verdict::WaitForData => {}
        }
        Judged {
            verdict: format!("{:?}", outcome.verdict),
            request,
            response,
            answer: answer.to_str_lossy().into_owned(),
            stream,
            conn,
            effects,
        }
    }
}

/// The backend and the server that `use_backend` or `use-server` lines choose.
pub(crate) fn route(
    lines: &[&str],
    request: &str,
    usable: impl FnMut(ServerId) -> bool,
) -> (Option<u32>, Option<u32>) {
    let mut book = Book::default();
    let acls = AclTable::default();
    let (mut backends, mut servers) = (Vec::new(), Vec::new());
    for line in lines {
        let words = words(line);
        let mut cx = Context::new(RuleSet::HttpRequest, &acls, &mut book, "fe");
        if line.starts_with('s') || line.contains("(s1)") {
            servers.push(UseServer::parse(&mut Words::new(&words, Span::default()), &mut cx).expect(line));
        } else {
            backends.push(UseBackend::parse(&mut Words::new(&words, Span::default()), &mut cx).expect(line));
        }
    }
    let world = Quiet::default();
    let (conn, stream) = (conn(), StreamFacts::new(world.now(), world.wall()));
    let mut req = RequestHead::new();
    parse_request(request.as_bytes(), &mut req, &Limits::default()).expect("a request").expect("whole");
    let env = Env {
        conn: &conn,
        stream: &stream,
        req: Some(&req),
        res: None,
        payload: b"",
        payload_complete: true,
        settled: true,
        world: &world,
    };
    let mut text = Vec::new();
    let backend = UseBackend::choose(&backends, &env, &mut text).map(|id| id.0);
    let server = UseServer::choose(&servers, ProxyId(1), &env, &mut text, usable).map(|id| id.0);
    (backend, server)
}

pub(crate) fn conn() -> ConnFacts {
    ConnFacts {
        src: Peer::Inet(([192, 0, 2, 7], 5000).into()),
        dst: Peer::Inet(([192, 0, 2, 1], 80).into()),
        own: None,
        frontend: ProxyId(0),
        listener: ListenerId(0),
        accepted: Instant::from_millis(900),
        accepted_wall: WallTime::from_micros(1_700_000_000_000_000),
        tls: false,
        proxied: false,
    }
}
