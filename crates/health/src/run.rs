//! One pass through a check's script, from the first connection to a finding.

use std::collections::VecDeque;
use std::fmt::Write;

use bstr::{BString, ByteSlice};
use evenkeel_base::time::Instant;

use crate::answer::Answer;
use crate::conf::CheckConf;
use crate::input::{ConnectFailure, StateFacts};
use crate::output::Output;
use crate::request;
use crate::script::{CodeAt, Connect, Expect, Family, Info, Pattern, Step};
use crate::status::Status;
use crate::timers::Timer;

/// The original cuts what it reports here.
const INFO_LEN_MAX: usize = 127;

/// What a pass found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) status: Status,
    pub(crate) code: Option<u16>,
    pub(crate) info: BString,
}

impl Finding {
    fn new(status: Status, code: Option<u16>, info: impl Into<Vec<u8>>) -> Self {
        let mut info: Vec<u8> = info.into();
        info.truncate(INFO_LEN_MAX);
        let code = code.or(Some(0)).filter(|_| status.has_code());
        Self { status, code, info: info.into() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Connecting,
    Handshaking,
    Ready,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    link: Link,
    /// Index of the step under way; the opening connection is under way before the first.
    step: usize,
    opening: bool,
    tls: bool,
    pub(crate) linger: bool,
    buffer: Vec<u8>,
    answer: Answer,
    asked_head: bool,
    closed: bool,
    /// Anything said or awaited: then success is a matter of layer 7.
    talked: bool,
    success: Option<Finding>,
    /// 404 means: stopping.
    soft_404: bool,
}

impl Run {
    /// Opens the first connection.
    pub(crate) fn begin(conf: &CheckConf, soft_404: bool, now: Instant, out: &mut VecDeque<Output>) -> Self {
        let mut run = Self {
            started: now,
            deadline: now + conf.inter,
            link: Link::Connecting,
            step: 0,
            opening: true,
            tls: false,
            linger: false,
            buffer: Vec::new(),
            answer: Answer::default(),
            asked_head: false,
            closed: false,
            talked: false,
            success: None,
            soft_404,
        };
        let first = conf.script.steps.iter().position(|step| !matches!(step, Step::Comment(_)));
        match first.and_then(|at| conf.script.steps.get(at).map(|step| (at, step))) {
            Some((at, Step::Connect(connect))) => {
                run.step = at;
                run.opening = false;
                run.connect(conf, connect, now, out);
            }
            Some((_, Step::Send { .. } | Step::Request(_) | Step::Expect(_) | Step::Comment(_))) | None => {
                run.connect(conf, &conf.script.opening, now, out);
            }
        }
        run
    }

    /// TCP is there, TLS begins.
    pub(crate) fn handshaking(&mut self) {
        if self.link == Link::Connecting {
            self.link = Link::Handshaking;
        }
    }

    /// The connection is ready: go on with the script.
    pub(crate) fn connected(
        &mut self,
        conf: &CheckConf,
        facts: Option<(&StateFacts<'_>, &str)>,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Option<Finding> {
        if self.link == Link::Ready {
            return None;
        }
        self.link = Link::Ready;
        // Manual, "timeout check": with it, the answer has its own time; without it, `inter` covers everything.
        if let Some(timeout) = conf.check_timeout {
            self.deadline = now + timeout;
        }
        if !self.opening {
            self.step += 1;
        }
        self.opening = false;
        self.advance(conf, facts, now, out)
    }

    pub(crate) fn connect_failed(&self, conf: &CheckConf, failure: ConnectFailure<'_>) -> Finding {
        let (status, words) = match failure {
            ConnectFailure::Network(words) => (Status::L4Connection, words),
            ConnectFailure::Tls(words) => (Status::L6Response, words),
            ConnectFailure::Local(words) => (Status::SocketError, words),
        };
        Finding::new(status, None, words.to_owned() + &self.place(conf))
    }

    /// The server said something.
    pub(crate) fn received(
        &mut self,
        conf: &CheckConf,
        bytes: &[u8],
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Option<Finding> {
        if self.link != Link::Ready {
            return None;
        }
        match conf.script.family {
            Family::HttpCheck => self.answer.feed(bytes, conf.buffer_size, self.asked_head),
            Family::Plain | Family::TcpCheck => {
                let room = conf.buffer_size.saturating_sub(self.buffer.len());
                self.buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
        self.advance(conf, None, now, out)
    }

    /// The server will say no more.
    pub(crate) fn closed(
        &mut self,
        conf: &CheckConf,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Option<Finding> {
        if self.link != Link::Ready {
            return None;
        }
        self.closed = true;
        self.answer.close();
        self.advance(conf, None, now, out)
    }

    pub(crate) fn broken(&self, conf: &CheckConf, words: &str) -> Finding {
        match self.link {
            Link::Connecting => self.connect_failed(conf, ConnectFailure::Network(words)),
            Link::Handshaking => self.connect_failed(conf, ConnectFailure::Tls(words)),
            Link::Ready => Finding::new(Status::SocketError, None, words.to_owned() + &self.place(conf)),
        }
    }

    pub(crate) fn timed_out(&self, conf: &CheckConf) -> Finding {
        let status = match self.link {
            Link::Connecting => Status::L4Timeout,
            Link::Handshaking => Status::L6Timeout,
            Link::Ready => match conf.script.steps.get(self.step) {
                Some(Step::Expect(expect)) => expect.timeout_status.unwrap_or(Status::L7Timeout),
                Some(Step::Connect(_) | Step::Send { .. } | Step::Request(_) | Step::Comment(_)) | None => {
                    Status::L7Timeout
                }
            },
        };
        Finding::new(status, None, self.place(conf))
    }

    /// What the deadline is for.
    pub(crate) fn timer(&self) -> Timer {
        match self.link {
            Link::Connecting | Link::Handshaking => Timer::Connect,
            Link::Ready => Timer::Answer,
        }
    }

    /// Takes steps until one has to wait, or the script ends.
    fn advance(
        &mut self,
        conf: &CheckConf,
        facts: Option<(&StateFacts<'_>, &str)>,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Option<Finding> {
        loop {
            match conf.script.steps.get(self.step) {
                None => return Some(self.all_done(conf)),
                Some(Step::Comment(_)) => {}
                Some(Step::Connect(connect)) => {
                    out.push_back(Output::Close { linger: self.linger });
                    self.connect(conf, connect, now, out);
                    return None;
                }
                Some(Step::Send { bytes, .. }) => {
                    self.ask();
                    out.push_back(Output::Send(bytes.clone()));
                }
                Some(Step::Request(request)) => {
                    self.ask();
                    self.asked_head = request.method == b"HEAD";
                    let state =
                        facts.filter(|_| conf.send_state).map(|(facts, own)| state_header(facts, own));
                    out.push_back(Output::Send(request::render(
                        request,
                        state.as_deref().map(str::as_bytes),
                    )));
                }
                Some(Step::Expect(expect)) => {
                    self.talked = true;
                    match self.judge(conf, expect) {
                        Judgement::Wait => return None,
                        Judgement::Fail(finding) | Judgement::Stop(finding) => return Some(finding),
                        Judgement::Pass(finding) => self.success = Some(finding),
                    }
                }
            }
            self.step += 1;
        }
    }

    fn connect(&mut self, conf: &CheckConf, connect: &Connect, now: Instant, out: &mut VecDeque<Output>) {
        self.link = Link::Connecting;
        self.tls = connect.tls;
        self.linger = connect.linger;
        self.ask();
        self.talked = false;
        self.success = None;
        // Manual, "timeout check": with it, min("timeout connect", "inter") bounds the connection.
        if conf.check_timeout.is_some() {
            self.deadline = now + conf.connect_timeout.map_or(conf.inter, |timeout| timeout.min(conf.inter));
        }
        out.push_back(Output::Connect(connect.clone()));
    }

    /// What was heard before a question is no answer to it.
    fn ask(&mut self) {
        self.talked = true;
        self.buffer.clear();
        self.answer = Answer::default();
        self.closed = false;
        self.success = None;
    }

    fn all_done(&self, conf: &CheckConf) -> Finding {
        if let Some(success) = &self.success {
            return success.clone();
        }
        let status = match (self.talked, self.tls) {
            (true, _) => Status::L7Ok,
            (false, true) => Status::L6Ok,
            (false, false) => Status::L4Ok,
        };
        Finding::new(status, None, success_words(conf))
    }

    fn judge(&self, conf: &CheckConf, expect: &Expect) -> Judgement {
        match conf.script.family {
            Family::HttpCheck => self.judge_http(conf, expect),
            Family::Plain | Family::TcpCheck => self.judge_bytes(conf, expect),
        }
    }

    fn judge_bytes(&self, conf: &CheckConf, expect: &Expect) -> Judgement {
        let last = self.closed || self.buffer.len() >= conf.buffer_size;
        let (data, number) = (&self.buffer, self.step + 1);
        if data.is_empty() && last {
            let words = format!("TCPCHK got an empty response at step {number}");
            return self.fail(conf, Some(expect), Status::L7Response, words.into_bytes());
        }
        if !last && data.len() < bytes_needed(expect).max(1) {
            return Judgement::Wait;
        }
        if !last && expect.frame.is_some_and(|frame| !frame.is_whole(data)) {
            return Judgement::Wait;
        }
        let found = matches_bytes(&expect.pattern, data);
        if !found && !last && expect.min_recv.is_none() {
            return Judgement::Wait;
        }
        if found != expect.negate {
            return self.pass(conf, expect);
        }
        let words = match (conf.script.family, expect.negate) {
            (Family::TcpCheck, false) => {
                format!("TCPCHK did not match content {} at step {number}", name(&expect.pattern))
            }
            (Family::TcpCheck, true) => {
                format!("TCPCHK matched unwanted content {} at step {number}", name(&expect.pattern))
            }
            (Family::Plain | Family::HttpCheck, _) => String::new(),
        };
        let words = self.words(expect.on_error.as_ref()).unwrap_or(words.into_bytes());
        self.fail(conf, Some(expect), Status::L7Response, words)
    }

    fn judge_http(&self, conf: &CheckConf, expect: &Expect) -> Judgement {
        let answer = &self.answer;
        if answer.is_malformed() {
            return self.fail(conf, None, Status::L7Response, Vec::new());
        }
        let Some(status) = answer.status() else { return Judgement::Wait };
        if status == 404 && self.soft_404 {
            return Judgement::Stop(Finding::new(Status::L7OkConditional, Some(status), Vec::new()));
        }
        let last = answer.is_complete();
        let found = match &expect.pattern {
            Pattern::Status(ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&status)),
            Pattern::StatusRegex(regex) => regex.is_match(status.to_string().as_bytes()),
            Pattern::Header { name, value, full } => answer.headers().iter().any(|(n, v)| {
                name.is_match(n, true)
                    && value.as_ref().is_none_or(|value| match full {
                        true => value.is_match(v, false),
                        false => v.split(|b| *b == b',').any(|part| value.is_match(part.trim(), false)),
                    })
            }),
            pattern @ (Pattern::Text(_)
            | Pattern::Regex(_)
            | Pattern::Binary(_)
            | Pattern::BinaryRegex(_)) => {
                let data = answer.body();
                if data.is_empty() && last {
                    let words = b"HTTP content check could not find a response body".to_vec();
                    return self.fail(conf, Some(expect), Status::L7Response, words);
                }
                if !last && data.len() < bytes_needed(expect).max(1) {
                    return Judgement::Wait;
                }
                let found = matches_bytes(pattern, data);
                if !found && !last && expect.min_recv.is_none() {
                    return Judgement::Wait;
                }
                found
            }
        };
        if found != expect.negate {
            return self.pass(conf, expect);
        }
        let (status, words) = match &expect.pattern {
            Pattern::Status(_) | Pattern::StatusRegex(_) | Pattern::Header { .. } => {
                (Status::L7Status, answer.reason().to_vec())
            }
            Pattern::Text(_) | Pattern::Regex(_) | Pattern::Binary(_) | Pattern::BinaryRegex(_) => {
                let words = match expect.negate {
                    true => "HTTP check matched unwanted content",
                    false => "HTTP content check did not match",
                };
                (Status::L7Response, words.into())
            }
        };
        let words = self.words(expect.on_error.as_ref()).unwrap_or(words);
        self.fail(conf, Some(expect), status, words)
    }

    fn pass(&self, conf: &CheckConf, expect: &Expect) -> Judgement {
        let words = self.words(expect.on_success.as_ref()).unwrap_or(success_words(conf).into());
        let status = expect.ok_status.unwrap_or(Status::L7Ok);
        Judgement::Pass(Finding::new(status, self.code(conf, expect), words))
    }

    /// Without `expect`, the answer is none at all: there is no other status for that, and no code.
    fn fail(
        &self,
        conf: &CheckConf,
        expect: Option<&Expect>,
        status: Status,
        mut words: Vec<u8>,
    ) -> Judgement {
        if let Some(comment) = self.comment(conf) {
            words.extend_from_slice(b" comment: ");
            words.extend_from_slice(comment.as_bytes());
        }
        let status = expect.and_then(|expect| expect.error_status).unwrap_or(status);
        let code = expect.and_then(|expect| self.code(conf, expect));
        Judgement::Fail(Finding::new(status, code, words))
    }

    fn code(&self, conf: &CheckConf, expect: &Expect) -> Option<u16> {
        match (conf.script.family, expect.code) {
            (Family::HttpCheck, _) => self.answer.status(),
            (Family::Plain | Family::TcpCheck, None) => None,
            (Family::Plain | Family::TcpCheck, Some(CodeAt::Digits)) => {
                let digits = self.buffer.get(..3)?;
                digits.to_str().ok()?.parse().ok()
            }
            (Family::Plain | Family::TcpCheck, Some(CodeAt::After(mark))) => {
                let at = self.buffer.find(mark)? + mark.len();
                self.buffer.get(at).map(|byte| u16::from(*byte))
            }
        }
    }

    fn words(&self, info: Option<&Info>) -> Option<Vec<u8>> {
        match info? {
            Info::Text(text) => Some(text.clone().into_bytes()),
            Info::LineFrom(from) => {
                let rest = self.buffer.get(*from..).unwrap_or(&[]);
                let line = rest.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or(&[]);
                let printable = line.iter().copied().take_while(|b| *b != 0);
                Some(printable.skip_while(|b| *b == b' ').collect())
            }
        }
    }

    /// Where `tcp-check` rules stand: ` at step 3 of tcp-check (send) comment: 'x'`.
    fn place(&self, conf: &CheckConf) -> String {
        let mut text = String::new();
        if conf.script.family != Family::TcpCheck {
            return text;
        }
        if self.opening {
            return " at initial connection step of tcp-check".into();
        }
        let what = match conf.script.steps.get(self.step) {
            None | Some(Step::Comment(_)) => return text,
            Some(Step::Connect(Connect { port: Some(port), .. })) => format!("connect port {port}"),
            Some(Step::Connect(Connect { port: None, .. })) => "connect".into(),
            Some(Step::Send { .. } | Step::Request(_)) => "send".into(),
            Some(Step::Expect(expect)) => format!("expect {}", kind_and_text(&expect.pattern)),
        };
        let number = self.step + 1;
        write!(text, " at step {number} of tcp-check ({what})").expect("writing to a String cannot fail");
        if let Some(comment) = self.comment(conf) {
            write!(text, " comment: '{comment}'").expect("writing to a String cannot fail");
        }
        text
    }

    /// The step's own comment, or the one that stands before it.
    fn comment<'a>(&self, conf: &'a CheckConf) -> Option<&'a str> {
        let steps = &conf.script.steps;
        let own = match steps.get(self.step)? {
            Step::Connect(connect) => connect.comment.as_deref(),
            Step::Send { comment, .. } => comment.as_deref(),
            Step::Request(request) => request.comment.as_deref(),
            Step::Expect(expect) => expect.comment.as_deref(),
            Step::Comment(_) => None,
        };
        let before = || match steps.get(self.step.checked_sub(1)?)? {
            Step::Comment(text) => Some(text.as_str()),
            Step::Connect(_) | Step::Send { .. } | Step::Request(_) | Step::Expect(_) => None,
        };
        own.or_else(before).filter(|text| !text.is_empty())
    }
}

#[derive(Clone, Debug)]
enum Judgement {
    Wait,
    Pass(Finding),
    Fail(Finding),
    /// The check ends here whatever steps are left.
    Stop(Finding),
}

/// `tcp-check` rules say so when they pass.
fn success_words(conf: &CheckConf) -> &'static str {
    match conf.script.family {
        Family::TcpCheck if !conf.script.steps.is_empty() => "(tcp-check)",
        Family::TcpCheck | Family::Plain | Family::HttpCheck => "",
    }
}

/// Manual, "min-recv": for exact strings the smaller of their length and it.
fn bytes_needed(expect: &Expect) -> usize {
    match (&expect.pattern, expect.min_recv) {
        (Pattern::Text(text) | Pattern::Binary(text), min) => {
            min.map_or(text.len(), |min| min.min(text.len()))
        }
        (
            Pattern::Regex(_)
            | Pattern::BinaryRegex(_)
            | Pattern::Status(_)
            | Pattern::StatusRegex(_)
            | Pattern::Header { .. },
            min,
        ) => min.unwrap_or(0),
    }
}

fn matches_bytes(pattern: &Pattern, data: &[u8]) -> bool {
    match pattern {
        Pattern::Text(text) | Pattern::Binary(text) => data.contains_str(text),
        Pattern::Regex(regex) => regex.is_match(data),
        Pattern::BinaryRegex(regex) => {
            let hex = data.iter().fold(String::with_capacity(2 * data.len()), |mut hex, byte| {
                write!(hex, "{byte:02X}").expect("writing to a String cannot fail");
                hex
            });
            regex.is_match(hex.as_bytes())
        }
        // Only HTTP has these.
        Pattern::Status(_) | Pattern::StatusRegex(_) | Pattern::Header { .. } => false,
    }
}

/// A pattern as mismatches name it.
fn name(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Text(text) => format!("'{}'", text.as_bstr()),
        Pattern::Regex(_) | Pattern::StatusRegex(_) => "(regex)".into(),
        Pattern::Binary(_) => "(binary)".into(),
        Pattern::BinaryRegex(_) => "(binary regex)".into(),
        Pattern::Status(_) | Pattern::Header { .. } => String::new(),
    }
}

/// A pattern as timeouts name it.
fn kind_and_text(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Text(text) => format!("string '{}'", text.as_bstr()),
        Pattern::Binary(bytes) => format!("binary '{}'", bytes.as_bstr()),
        Pattern::Regex(_) => "regex".into(),
        Pattern::BinaryRegex(_) => "binary regex".into(),
        Pattern::Status(_) => "HTTP status codes".into(),
        Pattern::StatusRegex(_) => "HTTP status regex".into(),
        Pattern::Header { .. } => "HTTP header pattern".into(),
    }
}

/// `X-Haproxy-Server-State` (configuration manual, `http-check send-state`).
fn state_header(facts: &StateFacts<'_>, own: &str) -> String {
    let StateFacts { address, port, backend, server, node, .. } = facts;
    let StateFacts { weight, weight_total, sessions, sessions_total, queue, .. } = facts;
    format!(
        "{own}; address={address}; port={port}; name={backend}/{server}; node={node}; \
         weight={weight}/{weight_total}; scur={sessions}/{sessions_total}; qcur={queue}"
    )
}
