//! Conditions that wait for more, and whole log lines.

mod common;

use common::{Book, Stage, inet, word, words};
use evenkeel_base::{Instant, ProxyId, ServerId, Span, WallTime, Words};
use evenkeel_expr::facts::Peer;
use evenkeel_expr::logformat::error_line;
use evenkeel_expr::{AclTable, Answer, Blame, Builtin, Cond, LogFormat, Phase, Use};

#[test]
fn conditions_wait_for_what_may_still_come() {
    for (line, payload, settled, want) in [
        ("if { req.len gt 0 }", &b""[..], false, Answer::Unknown),
        ("if { req.len gt 0 }", b"", true, Answer::No),
        ("if { req.len gt 0 }", b"x", false, Answer::Yes),
        ("unless { req.len gt 0 }", b"", false, Answer::Unknown),
        ("unless { req.len gt 0 }", b"", true, Answer::Yes),
        ("if { req.payload(0,3) -m bin 414243 }", b"AB", false, Answer::Unknown),
        ("if { req.payload(0,3) -m bin 414243 }", b"ABC", false, Answer::Yes),
        ("if { req.payload(0,3) -m bin 414243 }", b"AB", true, Answer::No),
        ("if { req.payload(0,3) -m bin 414243 }", b"ABX", false, Answer::No),
        ("if { req.payload(0,0) -m bin 414243 }", b"ABX", false, Answer::Unknown),
        ("if { req.payload_lv(0,2) -m str abx }", b"\0\x03abcd", false, Answer::No),
        ("if { req.payload_lv(0,2) -m str abx }", b"\0\x03ab", false, Answer::Unknown),
        ("if { req.payload_lv(0,2) -m str abc }", b"\0\x03abcd", false, Answer::Yes),
        ("if { req.payload_lv(1,1,+1) -m str bcd }", b"\0\x03abcd", false, Answer::Yes),
        ("if { req.payload_lv(1,1,3) -m str bcd }", b"\0\x03abcd", false, Answer::Yes),
        ("if WAIT_END", b"x", false, Answer::Unknown),
        ("if WAIT_END", b"x", true, Answer::Yes),
        ("if { src 192.0.2.0/24 } WAIT_END", b"", false, Answer::Unknown),
        ("if { src 10.0.0.0/8 } WAIT_END", b"", false, Answer::No),
        ("if WAIT_END || { src 192.0.2.0/24 }", b"", false, Answer::Yes),
        ("if !HTTP", b"", false, Answer::Unknown),
        ("if !HTTP", b"", true, Answer::Yes),
        ("if { req.rdp_cookie(mstshash) -m str user }", RDP, false, Answer::Yes),
        ("if RDP_COOKIE", RDP, false, Answer::Yes),
        ("if RDP_COOKIE", b"GET / HTTP/1.1\r\n", true, Answer::No),
    ] {
        let mut stage = Stage::of("GET / HTTP/1.1\r\nHost: a\r\n\r\n", payload);
        stage.req = None;
        stage.settled = settled;
        let line_words = words(line);
        let cond =
            Cond::parse(&mut Words::new(&line_words, Span::default()), &AclTable::new(), &mut Book::new());
        let cond = cond.unwrap_or_else(|faults| panic!("{line}: {faults:?}"));
        assert_eq!(cond.answer(&stage.env()), want, "{line} with {payload:?}");
        assert_eq!(cond.holds(&stage.env()), want == Answer::Yes, "{line}");
    }
}

/// A connection request with a cookie.
const RDP: &[u8] = b"\x03\0\0\x27\x22\xe0\0\0\0\0\0Cookie: mstshash=user\r\n\x01\0\x08\0";

#[test]
fn lines_of_one_acl_are_alternatives() {
    let mut table = AclTable::new();
    let mut book = Book::new();
    for line in ["path_beg -i /STATIC /images", "path_end -i .jpg .png"] {
        let line = words(line);
        table
            .define(&word("static"), &mut Words::new(&line, Span::default()), &mut book)
            .expect("a good line");
    }
    let line = words("if static !{ method POST }");
    let cond =
        Cond::parse(&mut Words::new(&line, Span::default()), &table, &mut book).expect("a good condition");
    for (request, want) in [
        ("GET /static/x HTTP/1.1\r\n\r\n", true),
        ("GET /a/b.PNG HTTP/1.1\r\n\r\n", true),
        ("GET /a/b.html HTTP/1.1\r\n\r\n", false),
        ("POST /static/x HTTP/1.1\r\n\r\n", false),
    ] {
        assert_eq!(cond.holds(&Stage::of(request, b"").env()), want, "{request}");
    }
}

#[test]
fn white_space_around_edited_values_is_not_theirs() {
    let mut stage = Stage::of("GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"");
    let head = stage.req.as_mut().expect("a request");
    assert!(head.fields_mut().push("x", b" \t b,c  "));
    for (line, want) in [
        ("if { req.fhdr(x) -m str b,c }", true),
        ("if { req.hdr(x,1) -m str b }", true),
        ("if { req.hdr(x) -m str c }", true),
        ("if { req.fhdr(x) -m len 3 }", true),
        ("if { req.fhdr(x) -m len 8 }", false),
    ] {
        let line_words = words(line);
        let cond =
            Cond::parse(&mut Words::new(&line_words, Span::default()), &AclTable::new(), &mut Book::new());
        let cond = cond.unwrap_or_else(|faults| panic!("{line}: {faults:?}"));
        assert_eq!(cond.holds(&stage.env()), want, "{line}");
    }
}

/// An exchange with every step, at milliseconds from its start.
fn logged() -> Stage {
    let mut stage = Stage::of("GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n", b"");
    let at = |ms: u64| Some(Instant::from_millis(60_000 + ms));
    stage.stream.timers.request_start = at(5);
    stage.stream.timers.request_head = at(15);
    stage.stream.timers.queued = at(25);
    stage.stream.timers.connected = at(55);
    stage.stream.timers.response_head = at(124);
    stage.stream.timers.end = at(133);
    // The date of the first byte.
    stage.stream.start_wall = WallTime::from_micros(1_233_918_854_660_000);
    stage.conn.accepted_wall = WallTime::from_micros(1_233_918_854_655_000);
    stage.stream.status = 200;
    stage.stream.bytes_out = 2750;
    stage.stream.counts = [1, 1, 1, 1];
    stage.stream.request_line = "GET /index.html HTTP/1.1".into();
    stage
}

#[track_caller]
fn check(stage: &Stage, builtin: Builtin, want: &str) {
    let mut out = Vec::new();
    builtin.compile(&mut Book::new()).expect("a format of our own").render(&stage.env(), &mut out);
    assert_eq!(String::from_utf8_lossy(&out), want);
}

#[test]
fn the_named_formats() {
    let mut stage = logged();
    check(
        &stage,
        Builtin::Http,
        "192.0.2.7:54321 [06/Feb/2009:12:14:14.660] web app/app1 10/10/30/69/128 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /index.html HTTP/1.1\"",
    );
    check(
        &stage,
        Builtin::Tcp,
        "192.0.2.7:54321 [06/Feb/2009:12:14:14.655] web app/app1 10/30/133 2750 -- 1/1/1/1/0 0/0",
    );
    check(&stage, Builtin::ConnectHttp, "Connect from 192.0.2.7:54321 to 198.51.100.1:80 (web/HTTP)");
    check(
        &stage,
        Builtin::HttpClf,
        "192.0.2.7 - - [06/Feb/2009:11:14:14 +0000] \"GET /index.html HTTP/1.1\" 200 2750 \"\" \"\" 54321 655 \"web\" \"app\" \"app1\" 10 10 30 69 128 ---- 1 1 1 1 0 0 0 \"\" \"\" ",
    );
    check(
        &stage,
        Builtin::Https,
        "192.0.2.7:54321 [06/Feb/2009:12:14:14.660] web app/app1 10/10/30/69/128 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /index.html HTTP/1.1\" 0/-/-/-/0 -/-/-",
    );
    stage.stream.request_captures = vec![Some("www|{x}".into()), None];
    stage.stream.response_captures = vec![None];
    stage.stream.cookie_captures = [Some("SID=1".into()), None];
    stage.stream.logged_early = true;
    stage.stream.redispatched = true;
    stage.stream.retries = 2;
    check(
        &stage,
        Builtin::Http,
        "192.0.2.7:54321 [06/Feb/2009:12:14:14.660] web app/app1 10/10/30/69/+128 200 +2750 SID=1 - ---- 1/1/1/1/+2 0/0 {www#7C#7Bx#7D|} {} \"GET /index.html HTTP/1.1\"",
    );
}

#[test]
fn exchanges_that_went_wrong() {
    let mut stage = logged();
    stage.req = None;
    stage.stream.request_line.clear();
    stage.stream.timers = Default::default();
    stage.stream.timers.end = Some(Instant::from_millis(65_006));
    stage.stream.backend = None;
    stage.stream.server = None;
    stage.stream.status = 408;
    stage.stream.bytes_out = 212;
    stage.stream.termination.blame = Blame::ClientTimeout;
    stage.stream.termination.phase = Phase::Request;
    stage.stream.start_wall = stage.conn.accepted_wall;
    check(
        &stage,
        Builtin::Http,
        "192.0.2.7:54321 [06/Feb/2009:12:14:14.655] web web/<NOSRV> -1/-1/-1/-1/5006 408 212 - - cR-- 1/1/1/1/0 0/0 \"<BADREQ>\"",
    );
    stage.stream.status = 0;
    stage.stream.applet = Some("<STATS>");
    stage.conn.src = Peer::Unix;
    stage.conn.tls = true;
    check(
        &stage,
        Builtin::Http,
        "unix:1 [06/Feb/2009:12:14:14.655] web~ web/<STATS> -1/-1/-1/-1/5006 -1 212 - - cR-- 1/1/1/1/0 0/0 \"<BADREQ>\"",
    );
    let mut out = Vec::new();
    stage.conn.src = inet("127.0.0.1:56059");
    error_line(&stage.env(), "Connection error during SSL handshake", &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "127.0.0.1:56059 [06/Feb/2009:12:14:14.655] web/public: Connection error during SSL handshake"
    );
}

#[test]
fn later_exchanges_of_a_connection_start_where_the_one_before_ended() {
    let mut stage = logged();
    stage.stream.nth_request = 1;
    stage.stream.backend = Some(ProxyId(1));
    stage.stream.server = Some(ServerId(1));
    let mut out = Vec::new();
    let format =
        LogFormat::parse(&word("%t %tr %Ti %TR %Tq %Ta %Tt %Tu %Th %Td %s"), &mut Book::new(), Use::Log);
    format.expect("a good format").render(&stage.env(), &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "06/Feb/2009:12:14:14.655 06/Feb/2009:12:14:14.660 5 10 15 128 133 128 0 9 app2"
    );
}
