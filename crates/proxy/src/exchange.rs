//! One request and its answer on their way through the path. Pooled: a plain exchange allocates nothing after the first.

use evenkeel_base::{Instant, ProxyId, ServerId, WallTime};
use evenkeel_expr::StreamFacts;
use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::{Framing, RequestHead, ResponseHead};
use evenkeel_plan::{HttpMode, Plan};

/// What one exchange knows.
#[derive(Debug)]
pub struct Exchange {
    /// The request's head; rules edit it in place.
    pub req: RequestHead,
    /// The response's head.
    pub res: ResponseHead,
    /// What fetches and logs read.
    pub facts: StreamFacts,
    /// The request's body, as long as it was not read to its end from the client.
    pub req_body: Framing,
    /// The client asked with HEAD, whatever rules made of it.
    pub client_wants_head: bool,
    /// The backend, once chosen.
    pub backend: Option<ProxyId>,
    /// The server that persistence or a rule asks for, and whether it must be this one.
    pub wanted: Option<ServerId>,
    /// How the stricter of frontend and backend keeps connections.
    pub http_mode: HttpMode,
    /// The client lets the connection live.
    pub client_keeps: bool,
    /// The client left while its body was awaited.
    pub aborted: bool,
    /// Nothing may follow on the client's connection: where the request ends is open to doubt.
    pub last: bool,
    /// The client speaks HTTP/1.0: no chunks for it.
    pub client_is_old: bool,
    /// A head for the client has left: no error page may follow.
    pub answered: bool,
    /// The request had its body read into memory by rules; it stands in the connection's pending bytes.
    pub body_buffered: bool,
    /// Bytes being written.
    pub scratch: Vec<u8>,
    /// Memory of the rule engine; after a verdict with an answer, that answer.
    pub rules: evenkeel_rules::Scratch,
    /// What rules asked for besides their verdict.
    pub effects: evenkeel_rules::Effects,
    /// What expressions asked to be kept.
    pub writes: evenkeel_rules::Writes,
    /// A head that is not in use, for swapping.
    pub local_head: ResponseHead,
    /// What is in hand of the request's body, without its framing, once something asked for it.
    pub body: Option<Vec<u8>>,
    /// That is all of it.
    pub body_complete: bool,
    /// What is in hand of the answer while rules look at it.
    pub inbound: crate::inbound::Inbound,
    /// What persistence found in the request's cookie.
    pub cookie: crate::persist::Found,
}

impl Exchange {
    /// An empty one.
    pub fn new(_plan: &Plan) -> Self {
        Self {
            req: RequestHead::new(),
            res: ResponseHead::new(),
            facts: StreamFacts::new(Instant::default(), WallTime::default()),
            req_body: Framing::None,
            client_wants_head: false,
            backend: None,
            wanted: None,
            http_mode: HttpMode::KeepAlive,
            client_keeps: false,
            last: false,
            aborted: false,
            client_is_old: false,
            answered: false,
            body_buffered: false,
            scratch: Vec::new(),
            rules: Default::default(),
            effects: Default::default(),
            writes: Default::default(),
            local_head: ResponseHead::new(),
            body: None,
            body_complete: false,
            inbound: Default::default(),
            cookie: crate::persist::Found::default(),
        }
    }

    /// Back to empty; the memory stays.
    pub fn clear(&mut self) {
        self.req.clear();
        self.res.clear();
        self.req_body = Framing::None;
        self.client_wants_head = false;
        self.backend = None;
        self.wanted = None;
        self.http_mode = HttpMode::KeepAlive;
        self.client_keeps = false;
        self.last = false;
        self.aborted = false;
        self.client_is_old = false;
        self.answered = false;
        self.body_buffered = false;
        self.scratch.clear();
        self.effects = Default::default();
        // A format or a condition outside the rules may have asked for something too.
        self.writes.clear();
        self.body = None;
        self.body_complete = false;
        self.inbound.clear();
        self.cookie = crate::persist::Found::default();
    }
}

/// Why an exchange ended before its time: what the log says, and what the client is told if it still can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Who.
    pub blame: Blame,
    /// When.
    pub phase: Phase,
    /// The status of the error page; `None`: nothing is said.
    pub status: Option<u16>,
}

impl Failure {
    /// With an error page.
    pub fn page(status: u16, blame: Blame, phase: Phase) -> Self {
        Self { blame, phase, status: Some(status) }
    }

    /// Without a word.
    pub fn silent(blame: Blame, phase: Phase) -> Self {
        Self { blame, phase, status: None }
    }
}

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It may ask again.
    KeepAlive,
    /// It is closed.
    Close,
}
