//! The check machine beside the real HAProxy: the same servers, the same rules, the same log lines (but for durations)
//! and the same bytes on the wire. Skipped, with the reason printed, where `haproxy` is not installed.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "twin/oracle.rs"]
mod oracle;

use evenkeel_base::time::{Duration, Instant};
use evenkeel_health::log::{self, Circumstances, Farm, Names, Severity};
use evenkeel_health::script::{Info, Match, parse_statuses};
use evenkeel_health::{
    Check, CheckConf, Connect, ConnectFailure, Expect, Family, Health, Input, Output, Pattern, Script,
    Status, Step, preset,
};
use oracle::React::{self, Hang, Hear, Say};
use oracle::{Backend, Oracle, without_duration};
use regex::bytes::Regex;

/// Plays a check against a server that acts out `lives`, on virtual time, for `checks` checks.
struct Play<'a> {
    check: Check,
    now: Instant,
    lives: &'a [Vec<React>],
    connection: usize,
    name: &'a str,
    log_checks: bool,
    lines: Vec<String>,
    said: Vec<Vec<u8>>,
}

impl Play<'_> {
    fn run(&mut self, checks: usize) {
        for _ in 0..checks {
            let due = self.check.deadline().expect("a check is due").at;
            self.now = self.now.max(due);
            self.check.on_deadline(self.now);
            self.one_check();
        }
    }

    fn one_check(&mut self) {
        let mut reactions: Vec<React> = Vec::new();
        let mut unheard = false;
        loop {
            self.now = self.now + Duration::from_millis(1);
            match self.check.poll() {
                Some(Output::Connect(_)) if self.lives.is_empty() => {
                    let refused = ConnectFailure::Network("Connection refused");
                    self.check.handle(Input::ConnectFailed(refused), self.now);
                }
                Some(Output::Connect(connect)) if connect.port == Some(1) => {
                    let refused = ConnectFailure::Network("Connection refused");
                    self.check.handle(Input::ConnectFailed(refused), self.now);
                }
                Some(Output::Connect(_)) => {
                    reactions = self.lives[self.connection.min(self.lives.len() - 1)].clone();
                    self.connection += 1;
                    self.said.push(Vec::new());
                    unheard = false;
                    self.check.handle(Input::Connected(None), self.now);
                }
                Some(Output::Send(bytes)) => {
                    self.said.last_mut().expect("it connects first").extend_from_slice(&bytes);
                    unheard = true;
                }
                Some(Output::Close { .. }) => {}
                Some(output @ (Output::Checked(_) | Output::Changed(_))) => self.report(&output),
                None if !self.check.view().running => return,
                None => self.react(&mut reactions, &mut unheard),
            }
        }
    }

    fn react(&mut self, reactions: &mut Vec<React>, unheard: &mut bool) {
        let next = if reactions.is_empty() { None } else { Some(reactions.remove(0)) };
        match next {
            Some(Say(bytes)) => self.check.handle(Input::Received(bytes), self.now),
            Some(Hear) if *unheard => *unheard = false,
            Some(Hear | Hang) => {
                self.now = self.check.deadline().expect("a running check has a deadline").at;
                self.check.on_deadline(self.now);
            }
            None => self.check.handle(Input::Closed, self.now),
        }
    }

    fn report(&mut self, output: &Output) {
        let names = Names { backend: self.name, server: "s", is_backup: false };
        let mut push = |(severity, line): (Severity, String)| {
            let priority = 128
                + match severity {
                    Severity::Emergency => 0,
                    Severity::Alert => 1,
                    Severity::Notice => 5,
                };
            self.lines.push(format!("<{priority}>{}", without_duration(&line)));
        };
        match output {
            Output::Checked(checked) if checked.news && self.log_checks => push(log::checked(names, checked)),
            Output::Changed(change) => {
                let farm = Farm { active: u32::from(change.to == Health::Up), ..Farm::default() };
                let around = Circumstances { reason_told: self.log_checks, farm, ..Circumstances::default() };
                push(log::changed(names, change, &around));
                if change.from == Health::Up {
                    push(log::no_server(self.name, false));
                }
            }
            Output::Checked(_) | Output::Connect(_) | Output::Send(_) | Output::Close { .. } => {}
        }
    }
}

fn conf(script: Script, rise: u32, fall: u32) -> CheckConf {
    CheckConf { rise, fall, inter: Duration::from_millis(400), ..CheckConf::new(script) }
}

fn play<'a>(
    name: &'a str,
    conf: CheckConf,
    lives: &'a [Vec<React>],
    log_checks: bool,
    checks: usize,
) -> Play<'a> {
    let now = Instant::from_millis(1_000);
    let check = Check::new(conf, now);
    let (lines, said) = (Vec::new(), Vec::new());
    let mut play = Play { check, now, lives, connection: 0, name, log_checks, lines, said };
    play.run(checks);
    play
}

/// One check: directives, the same as a script, the server's reactions.
type Row = (&'static str, Script, Vec<React>);

fn http(words: &[&str]) -> Script {
    Script::http(Connect::default(), preset::httpchk(words))
}

/// `option httpchk` and one `expect`.
fn http_expect(expect: Expect) -> Script {
    let request = Step::Request(preset::httpchk(&[]));
    Script::http_rules(Connect::default(), vec![request, Step::Expect(Box::new(expect))])
}

fn tcp(steps: Vec<Step>) -> Script {
    Script::tcp_rules(Connect::default(), steps)
}

fn tcp_expect(expect: Expect) -> Script {
    tcp(vec![Step::Expect(Box::new(expect))])
}

fn text(pattern: &str) -> Expect {
    Expect::new(Pattern::Text(pattern.into()))
}

fn regex(pattern: &str) -> Expect {
    Expect::new(Pattern::Regex(Regex::new(pattern).expect("a pattern of the table")))
}

fn statuses(words: &str) -> Expect {
    Expect::new(Pattern::Status(parse_statuses(words).expect("codes of the table")))
}

fn rstatus(pattern: &str) -> Expect {
    Expect::new(Pattern::StatusRegex(Regex::new(pattern).expect("a pattern of the table")))
}

fn header(name: &str, value: Option<&str>, full: bool) -> Expect {
    let exact = |text: &str| Match::Exact(text.into());
    Expect::new(Pattern::Header { name: exact(name), value: value.map(exact), full })
}

fn not(expect: Expect) -> Expect {
    Expect { negate: true, ..expect }
}

fn comment(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn send(bytes: &str) -> Step {
    Step::Send { bytes: bytes.into(), comment: None }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nX-A: b, c\r\nContent-Length: 11\r\n\r\nhello world";
const OK_EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const OK_HALF: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello w";
const OK_CHUNKED: &[u8] =
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
const MISSING: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
const BROKEN: &[u8] = b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno";
const FOUND: &[u8] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n";

fn http_rows() -> Vec<Row> {
    let answer = |bytes: &'static [u8]| vec![Hear, Say(bytes), Hang];
    let closing = |bytes: &'static [u8]| vec![Hear, Say(bytes)];
    let minimum = |expect, n| Expect { min_recv: Some(n), ..expect };
    vec![
        ("option httpchk", http(&[]), answer(OK)),
        ("option httpchk", http(&[]), answer(FOUND)),
        ("option httpchk", http(&[]), answer(BROKEN)),
        ("option httpchk", http(&[]), answer(MISSING)),
        ("option httpchk", http(&[]), answer(b"garbage\r\n\r\n")),
        ("option httpchk", http(&[]), answer(b"HTTP/1.1 503\r\n\r\n")),
        ("option httpchk", http(&[]), answer(b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n")),
        ("option httpchk", http(&[]), answer(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")),
        ("option httpchk", http(&[]), answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")),
        ("option httpchk", http(&[]), closing(b"HTTP/1.1 200 OK\r\nContent-Le")),
        ("option httpchk", http(&[]), closing(b"")),
        ("option httpchk", http(&[]), vec![Hear, Hang]),
        ("option httpchk", http(&[]), vec![]),
        ("option httpchk GET /x", http(&["GET", "/x"]), answer(OK)),
        ("option httpchk HEAD /x HTTP/1.1", http(&["HEAD", "/x", "HTTP/1.1"]), answer(OK)),
        (
            "option httpchk GET /x HTTP/1.1\\r\\nHost:\\ www",
            http(&["GET", "/x", "HTTP/1.1\r\nHost: www"]),
            answer(OK),
        ),
        ("option httpchk; http-check expect status 200", http_expect(statuses("200")), answer(BROKEN)),
        (
            "option httpchk; http-check expect status 200-299,404",
            http_expect(statuses("200-299,404")),
            answer(MISSING),
        ),
        (
            "option httpchk; http-check expect status 200-299,404",
            http_expect(statuses("200-299,404")),
            answer(FOUND),
        ),
        ("option httpchk; http-check expect ! status 500", http_expect(not(statuses("500"))), answer(BROKEN)),
        ("option httpchk; http-check expect rstatus ^5", http_expect(rstatus("^5")), answer(OK)),
        ("option httpchk; http-check expect ! rstatus ^5", http_expect(not(rstatus("^5"))), answer(OK)),
        ("option httpchk; http-check expect string lo\\ wor", http_expect(text("lo wor")), answer(OK)),
        ("option httpchk; http-check expect string no", http_expect(text("no")), answer(BROKEN)),
        ("option httpchk; http-check expect string nope", http_expect(text("nope")), answer(OK)),
        ("option httpchk; http-check expect ! string hello", http_expect(not(text("hello"))), answer(OK)),
        ("option httpchk; http-check expect ! string nope", http_expect(not(text("nope"))), answer(OK)),
        ("option httpchk; http-check expect rstring w.r", http_expect(regex("w.r")), answer(OK)),
        ("option httpchk; http-check expect ! rstring w.r", http_expect(not(regex("w.r"))), answer(OK)),
        ("option httpchk; http-check expect string x", http_expect(text("x")), answer(OK_EMPTY)),
        ("option httpchk; http-check expect ! string x", http_expect(not(text("x"))), answer(OK_EMPTY)),
        ("option httpchk; http-check expect string world", http_expect(text("world")), answer(OK_HALF)),
        ("option httpchk; http-check expect string hello", http_expect(text("hello")), answer(OK_HALF)),
        ("option httpchk; http-check expect ! string nope", http_expect(not(text("nope"))), answer(OK_HALF)),
        ("option httpchk; http-check expect string world", http_expect(text("world")), closing(OK_HALF)),
        (
            "option httpchk; http-check expect min-recv 0 string nope",
            http_expect(minimum(text("nope"), 0)),
            answer(OK_HALF),
        ),
        (
            "option httpchk; http-check expect min-recv 99 string nope",
            http_expect(minimum(text("nope"), 99)),
            answer(OK),
        ),
        ("option httpchk; http-check expect string o\\ w", http_expect(text("o w")), answer(OK_CHUNKED)),
        ("option httpchk; http-check expect string nope", http_expect(text("nope")), answer(OK_CHUNKED)),
        (
            "option httpchk; http-check expect string nope",
            http_expect(text("nope")),
            closing(b"HTTP/1.1 200 OK\r\n\r\nabc"),
        ),
        (
            "option httpchk; http-check expect hdr name x-a",
            http_expect(header("x-a", None, false)),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect hdr name x-b",
            http_expect(header("x-b", None, false)),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect ! hdr name x-a",
            http_expect(not(header("x-a", None, false))),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect hdr name x-a value c",
            http_expect(header("x-a", Some("c"), false)),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect fhdr name x-a value c",
            http_expect(header("x-a", Some("c"), true)),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect comment abc status 200",
            http_expect(Expect { comment: comment("abc"), ..statuses("200") }),
            answer(BROKEN),
        ),
        (
            "option httpchk; http-check expect comment abc status 200",
            http_expect(Expect { comment: comment("abc"), ..statuses("200") }),
            answer(b"garbage\r\n\r\n"),
        ),
        (
            "option httpchk; http-check expect comment abc string zz",
            http_expect(Expect { comment: comment("abc"), ..text("zz") }),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect ok-status L7OKC status 200",
            http_expect(Expect { ok_status: Some(Status::L7OkConditional), ..statuses("200") }),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect ok-status L4OK status 200",
            http_expect(Expect { ok_status: Some(Status::L4Ok), ..statuses("200") }),
            answer(OK),
        ),
        (
            "option httpchk; http-check expect error-status L6RSP status 200",
            http_expect(Expect { error_status: Some(Status::L6Response), ..statuses("200") }),
            answer(BROKEN),
        ),
        (
            "option httpchk; http-check expect error-status L7OKC status 200",
            http_expect(Expect { error_status: Some(Status::L7OkConditional), ..statuses("200") }),
            answer(BROKEN),
        ),
        (
            "option httpchk; http-check expect tout-status L4TOUT status 200",
            http_expect(Expect { timeout_status: Some(Status::L4Timeout), ..statuses("200") }),
            vec![Hear, Hang],
        ),
        (
            "option httpchk; http-check expect on-error nix on-success da status 200",
            http_expect(Expect {
                on_error: Some(Info::Text("nix".into())),
                on_success: Some(Info::Text("da".into())),
                ..statuses("200")
            }),
            answer(BROKEN),
        ),
        (
            "option httpchk; http-check expect on-error nix on-success da status 200",
            http_expect(Expect {
                on_error: Some(Info::Text("nix".into())),
                on_success: Some(Info::Text("da".into())),
                ..statuses("200")
            }),
            answer(OK),
        ),
        (
            "option httpchk; http-check connect; http-check send uri /1; http-check expect status 200; \
             http-check connect; http-check send uri /2; http-check expect string hello",
            Script::http_rules(
                Connect::default(),
                vec![
                    Step::Connect(Connect::default()),
                    Step::Request(preset::httpchk(&["/1"])),
                    Step::Expect(Box::new(statuses("200"))),
                    Step::Connect(Connect::default()),
                    Step::Request(preset::httpchk(&["/2"])),
                    Step::Expect(Box::new(text("hello"))),
                ],
            ),
            answer(OK),
        ),
        (
            "option httpchk; http-check connect port 1; http-check send uri /1",
            Script::http_rules(
                Connect::default(),
                vec![
                    Step::Connect(Connect { port: Some(1), ..Connect::default() }),
                    Step::Request(preset::httpchk(&["/1"])),
                ],
            ),
            answer(OK),
        ),
    ]
}

fn tcp_rows() -> Vec<Row> {
    let says = |bytes: &'static [u8]| vec![Say(bytes), Hang];
    let closes = |bytes: &'static [u8]| vec![Say(bytes)];
    let binary = |bytes: &[u8]| Expect::new(Pattern::Binary(bytes.to_vec()));
    let rbinary =
        |pattern| Expect::new(Pattern::BinaryRegex(Regex::new(pattern).expect("a pattern of the table")));
    let minimum = |expect, n| Expect { min_recv: Some(n), ..expect };
    let connect = || Step::Connect(Connect::default());
    let step = |expect| Step::Expect(Box::new(expect));
    let refused = |comment| Step::Connect(Connect { port: Some(1), comment, ..Connect::default() });
    vec![
        ("mode tcp", Script::connect(Connect::default()), vec![Hang]),
        ("option tcp-check", tcp(vec![]), vec![Hang]),
        ("option tcp-check; tcp-check connect", tcp(vec![connect()]), vec![Hang]),
        ("option tcp-check; tcp-check expect string +OK", tcp_expect(text("+OK")), says(b"+OK hi\r\n")),
        ("option tcp-check; tcp-check expect string +OK", tcp_expect(text("+OK")), says(b"-ERR\r\n")),
        ("option tcp-check; tcp-check expect string +OK", tcp_expect(text("+OK")), closes(b"-ERR\r\n")),
        ("option tcp-check; tcp-check expect string +OK", tcp_expect(text("+OK")), closes(b"")),
        ("option tcp-check; tcp-check expect string +OK", tcp_expect(text("+OK")), vec![Hang]),
        ("option tcp-check; tcp-check expect rstring ^.OK", tcp_expect(regex("^.OK")), says(b"+OK hi\r\n")),
        ("option tcp-check; tcp-check expect rstring ^.OK", tcp_expect(regex("^.OK")), closes(b"-ERR\r\n")),
        ("option tcp-check; tcp-check expect rstring ^.OK", tcp_expect(regex("^.OK")), vec![Hang]),
        ("option tcp-check; tcp-check expect ! string ERR", tcp_expect(not(text("ERR"))), says(b"-ERR\r\n")),
        (
            "option tcp-check; tcp-check expect ! rstring ERR",
            tcp_expect(not(regex("ERR"))),
            says(b"-ERR\r\n"),
        ),
        ("option tcp-check; tcp-check expect ! string ERR", tcp_expect(not(text("ERR"))), says(b"hello\r\n")),
        (
            "option tcp-check; tcp-check expect ! string ERR",
            tcp_expect(not(text("ERR"))),
            closes(b"hello\r\n"),
        ),
        ("option tcp-check; tcp-check expect binary 2b4f4b", tcp_expect(binary(b"+OK")), says(b"+OK\r\n")),
        ("option tcp-check; tcp-check expect binary 2b4f4b", tcp_expect(binary(b"+OK")), closes(b"-NO\r\n")),
        ("option tcp-check; tcp-check expect binary 2b4f4b", tcp_expect(binary(b"+OK")), vec![Hang]),
        ("option tcp-check; tcp-check expect rbinary ^2B4F", tcp_expect(rbinary("^2B4F")), says(b"+OK\r\n")),
        (
            "option tcp-check; tcp-check expect rbinary ^2b4f",
            tcp_expect(rbinary("^2b4f")),
            closes(b"+OK\r\n"),
        ),
        ("option tcp-check; tcp-check expect rbinary ^2b4f", tcp_expect(rbinary("^2b4f")), vec![Hang]),
        (
            "option tcp-check; tcp-check expect min-recv 8 ! string ERR",
            tcp_expect(minimum(not(text("ERR")), 8)),
            closes(b"hello\r\n"),
        ),
        (
            "option tcp-check; tcp-check expect min-recv 0 string abc",
            tcp_expect(minimum(text("abc"), 0)),
            says(b"hello\r\n"),
        ),
        (
            "option tcp-check; tcp-check expect min-recv 3 rstring ^abc$",
            tcp_expect(minimum(regex("^abc$"), 3)),
            says(b"ab"),
        ),
        (
            "option tcp-check; tcp-check expect min-recv 3 rstring ^abc$",
            tcp_expect(minimum(regex("^abc$"), 3)),
            says(b"abd"),
        ),
        (
            "option tcp-check; tcp-check comment hello\\ there; tcp-check expect string +OK",
            tcp(vec![Step::Comment("hello there".into()), step(text("+OK"))]),
            closes(b"-ERR\r\n"),
        ),
        (
            "option tcp-check; tcp-check expect comment cc string +OK",
            tcp_expect(Expect { comment: comment("cc"), ..text("+OK") }),
            vec![Hang],
        ),
        (
            "option tcp-check; tcp-check expect error-status L4CON string abc",
            tcp_expect(Expect { error_status: Some(Status::L4Connection), ..text("abc") }),
            closes(b"xxx"),
        ),
        (
            "option tcp-check; tcp-check expect tout-status L6TOUT string abc",
            tcp_expect(Expect { timeout_status: Some(Status::L6Timeout), ..text("abc") }),
            vec![Hang],
        ),
        (
            "option tcp-check; tcp-check expect ok-status L4OK string h",
            tcp_expect(Expect { ok_status: Some(Status::L4Ok), ..text("h") }),
            says(b"hello"),
        ),
        (
            "option tcp-check; tcp-check expect string A; tcp-check send x; tcp-check expect string B",
            tcp(vec![step(text("A")), send("x"), step(text("B"))]),
            says(b"A B"),
        ),
        (
            "option tcp-check; tcp-check expect string A; tcp-check expect string B",
            tcp(vec![step(text("A")), step(text("B"))]),
            says(b"A B"),
        ),
        (
            "option tcp-check; tcp-check connect; tcp-check send PING\\r\\n; tcp-check expect string +PONG; \
             tcp-check send QUIT\\r\\n; tcp-check expect string +OK",
            tcp(vec![connect(), send("PING\r\n"), step(text("+PONG")), send("QUIT\r\n"), step(text("+OK"))]),
            vec![Hear, Say(b"+PONG\r\n"), Hear, Say(b"+OK\r\n"), Hang],
        ),
        (
            "option tcp-check; tcp-check connect; tcp-check send x; tcp-check connect",
            tcp(vec![connect(), send("x"), connect()]),
            vec![Hear, Hang],
        ),
        ("option tcp-check; tcp-check connect port 1", tcp(vec![refused(None)]), vec![Hang]),
        (
            "option tcp-check; tcp-check connect; tcp-check connect port 1 comment two",
            tcp(vec![connect(), refused(comment("two"))]),
            vec![Hang],
        ),
        ("option redis-check", preset::redis(Connect::default()), vec![Hear, Say(b"+PONG\r\n"), Hang]),
        ("option redis-check", preset::redis(Connect::default()), vec![Hear, Say(b"-NOAUTH x\r\n")]),
        ("option redis-check", preset::redis(Connect::default()), vec![Hear, Hang]),
        (
            "option smtpchk",
            preset::smtp(Connect::default(), None),
            vec![Say(b"220 a\r\n"), Hear, Say(b"250 b\r\n"), Hear, Say(b"221 bye\r\n"), Hang],
        ),
        (
            "option smtpchk EHLO x.y",
            preset::smtp(Connect::default(), Some(("EHLO", "x.y"))),
            vec![Say(b"220 a\r\n"), Hear, Say(b"250-b\r\n250 c\r\n"), Hear, Say(b"521 bye\r\n"), Hang],
        ),
        (
            "option smtpchk EHLO x.y",
            preset::smtp(Connect::default(), Some(("EHLO", "x.y"))),
            vec![
                Say(b"220 a\r\n"),
                Hear,
                Say(b"250-b\r\n"),
                Say(b"250 c\r\n"),
                Hear,
                Say(b"221 d\r\n"),
                Hang,
            ],
        ),
        (
            "option smtpchk EHLO x.y",
            preset::smtp(Connect::default(), Some(("EHLO", "x.y"))),
            vec![Say(b"220 a\r\n"), Hear, Say(b"250-b\r\n250-c\r\n"), Hang],
        ),
        (
            "option smtpchk EHLO x.y",
            preset::smtp(Connect::default(), Some(("EHLO", "x.y"))),
            vec![Say(b"220 a\r\n"), Hear, Say(b"250-b\r\n512 c\r\n"), Hang],
        ),
        ("option smtpchk", preset::smtp(Connect::default(), None), says(b"421 busy\r\n")),
        ("option smtpchk", preset::smtp(Connect::default(), None), says(b"hello\r\n")),
        ("option smtpchk", preset::smtp(Connect::default(), None), says(b"220-a\r\n220 b\r\n")),
        ("option smtpchk", preset::smtp(Connect::default(), None), says(b"22")),
        (
            "option smtpchk",
            preset::smtp(Connect::default(), None),
            vec![Say(b"220 a\r\n"), Hear, Say(b"550 no\r\n"), Hang],
        ),
        (
            "option smtpchk",
            preset::smtp(Connect::default(), None),
            vec![Say(b"220 a\r\n"), Hear, Say(b"550 no\r\n")],
        ),
        ("option smtpchk", preset::smtp(Connect::default(), None), vec![Say(b"220 a\r\n"), Hear]),
        (
            "option ssl-hello-chk",
            preset::ssl_hello(Connect::default()),
            vec![Hear, Say(b"\x16\x03\x01\x00\x05"), Hang],
        ),
        (
            "option ssl-hello-chk",
            preset::ssl_hello(Connect::default()),
            vec![Hear, Say(b"\x15\x03\x01\x00\x05"), Hang],
        ),
        (
            "option ssl-hello-chk",
            preset::ssl_hello(Connect::default()),
            vec![Hear, Say(b"\x17\x03\x01\x00\x05"), Hang],
        ),
        ("option ssl-hello-chk", preset::ssl_hello(Connect::default()), vec![Hear, Hang]),
        ("option ssl-hello-chk", preset::ssl_hello(Connect::default()), vec![Hear, Say(b"\x16\x03"), Hang]),
        (
            "option pgsql-check user a",
            preset::pgsql(Connect::default(), "a"),
            vec![Hear, Say(b"R\0\0\0\x08\0\0\0\0"), Hang],
        ),
        (
            "option pgsql-check user a",
            preset::pgsql(Connect::default(), "a"),
            vec![Hear, Say(b"R\0\0\0\x0c\0\0\0\x05salt"), Hang],
        ),
        (
            "option pgsql-check user a",
            preset::pgsql(Connect::default(), "a"),
            vec![Hear, Say(b"E\0\0\0\x08FATAL no"), Hang],
        ),
        (
            "option pgsql-check user a",
            preset::pgsql(Connect::default(), "a"),
            vec![Hear, Say(b"X\0\0\0\x08FATAL no"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\0"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x0c\x02\x01\x01a\x07\x0a\x01\x31\x04\0\x04\0"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x0c\x02\x01\x02a\x07\x0a\x01\0\x04\0\x04\0"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"HTTP/1.1 400 bad request\r\n"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x84\0\0\0\x10\x02\x01\x01a\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![
                Hear,
                Say(b"0\x84\0\0\0\x10\x02\x01\x01a\x84\0\0\0\x07\x0a\x01"),
                Say(b"\0\x04\0\x04\0"),
                Hang,
            ],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x84\0\0\0\x10\x02\x01\x01a\x84\0\0\0\x07\x0a\x01\x01"), Hang],
        ),
        (
            "option ldap-check",
            preset::ldap(Connect::default()),
            vec![Hear, Say(b"0\x0c\x02\x01\x01a\x07\x0b\x01\x01\x04\0\x04\0"), Hang],
        ),
    ]
}

/// Compares every row's first check: log lines, and the bytes that the server heard.
fn compare(rows: &[Row]) {
    let backends: Vec<Backend> = rows
        .iter()
        .enumerate()
        .map(|(n, (lines, _, reactions))| Backend {
            name: format!("b{n}"),
            lines: format!("option log-health-checks; {lines}"),
            options: "inter 400 rise 1 fall 1".into(),
            lives: if reactions.is_empty() { vec![] } else { vec![reactions.clone()] },
        })
        .collect();
    let Some(mut oracle) = Oracle::start(&backends) else { return };
    for (n, (backend, (lines, script, _))) in backends.iter().zip(rows).enumerate() {
        let play = play(&backend.name, conf(script.clone(), 1, 1), &backend.lives, true, 1);
        let want = oracle.lines(&backend.name, play.lines.len());
        let shown: Vec<_> = want.iter().take(play.lines.len()).cloned().collect();
        assert_eq!(play.lines, shown, "{lines} with {:?}", backend.lives);
        // Only where the server's answer proves that it had heard; the SSL hello holds the time.
        let answers = backend.lives.iter().any(|l| l.windows(2).any(|two| matches!(two, [Hear, Say(_)])));
        if answers && !lines.contains("ssl-hello") {
            for (connection, said) in play.said.iter().enumerate() {
                let (heard, said) = (oracle.heard(n, connection), said.clone());
                let (heard, said) = (String::from_utf8_lossy(&heard), String::from_utf8_lossy(&said));
                assert!(said.starts_with(&*heard) && !heard.is_empty(), "{lines}: {said:?} / {heard:?}");
            }
        }
    }
}

#[test]
fn http_answers_are_judged_the_same_way() {
    compare(&http_rows());
}

#[test]
fn tcp_answers_are_judged_the_same_way() {
    compare(&tcp_rows());
}

/// Rows of good and bad answers: the same lines in the same order, with and without `option log-health-checks`.
#[test]
fn servers_come_and_go_the_same_way() {
    let stories = [
        ("++---++--+---+++", 2, 3),
        ("-+++---++", 2, 3),
        ("--+-+-++--", 3, 2),
        ("+-+-+-", 1, 1),
        ("-+-+-++", 1, 2),
        ("++44+-4-4+4---4++4+", 2, 3),
        ("4-4--44++4+", 2, 2),
        ("44+4-4+", 1, 1),
    ];
    let mut backends = Vec::new();
    let mut rows = Vec::new();
    for (n, (story, rise, fall)) in stories.iter().enumerate() {
        for log_checks in [true, false] {
            let lives: Vec<Vec<React>> = story
                .bytes()
                .map(|answer| match answer {
                    b'+' => vec![Hear, Say(OK), Hang],
                    b'4' => vec![Hear, Say(MISSING), Hang],
                    _ => vec![Hear, Say(BROKEN), Hang],
                })
                .collect();
            let log = if log_checks { "; option log-health-checks" } else { "" };
            backends.push(Backend {
                name: format!("b{n}{log_checks}"),
                lines: format!("option httpchk; http-check disable-on-404{log}"),
                options: format!("inter 40 rise {rise} fall {fall}"),
                lives,
            });
            rows.push((*story, *rise, *fall, log_checks));
        }
    }
    let Some(mut oracle) = Oracle::start(&backends) else { return };
    for (backend, (story, rise, fall, log_checks)) in backends.iter().zip(&rows) {
        let conf = CheckConf { disable_on_404: true, ..conf(http(&[]), *rise, *fall) };
        let play = play(&backend.name, conf, &backend.lives, *log_checks, story.len());
        let want = oracle.lines(&backend.name, play.lines.len());
        let shown: Vec<_> = want.iter().take(play.lines.len()).cloned().collect();
        assert_eq!(play.lines, shown, "{story} rise {rise} fall {fall}");
    }
}

#[test]
fn every_family_is_in_the_tables() {
    let families: Vec<Family> =
        http_rows().iter().chain(&tcp_rows()).map(|(_, script, _)| script.family).collect();
    for family in [Family::Plain, Family::TcpCheck, Family::HttpCheck] {
        assert!(families.contains(&family), "{family:?}");
    }
}
