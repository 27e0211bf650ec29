//! The web servers, asked over real connections.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use evenkeel_lab::web::{WebKind, WebServer, WebSpec, crc32, pattern};

fn start(name: &str, kind: WebKind) -> WebServer {
    WebServer::start(WebSpec::local(name, kind)).expect("loopback has free ports")
}

/// Sends `request` and reads until the server closes.
fn ask(to: SocketAddr, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(to).expect("listens");
    stream.write_all(request.as_bytes()).expect("fits");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("no reset");
    let at = all.windows(4).position(|w| w == b"\r\n\r\n").expect("has a head") + 4;
    let body = all.split_off(at);
    (String::from_utf8(all).expect("ASCII"), body)
}

fn get(to: SocketAddr, target: &str) -> (String, Vec<u8>) {
    ask(to, &format!("GET {target} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"))
}

#[test]
fn every_kind_answers_its_paths() {
    let fixed = start("static1", WebKind::Static);
    let app = start("app1", WebKind::Dynamic);
    let upload = start("upload", WebKind::Upload);
    for (server, target, status, mime, says) in [
        (&fixed, "/", 200, "text/html", "static1"),
        (&fixed, "/static/style.css", 200, "text/css", "--paper"),
        (&fixed, "/static/site.js", 200, "text/javascript", "x-served-by"),
        (&fixed, "/images/boat.svg", 200, "image/svg+xml", "static1"),
        (&fixed, "/robots.txt", 200, "text/plain", "static1"),
        (&fixed, "/nothing", 404, "text/plain", "static1 has no /nothing"),
        (&app, "/any/where?x=1", 200, "text/html", "GET /any/where?x=1"),
        (&app, "/health", 200, "text/plain", "ok"),
        (&app, "/status?code=503", 503, "text/plain", "503 from app1"),
        (&app, "/api/echo", 200, "application/json", "\"client\":\"127.0.0.1\""),
        (&app, "/slow?ms=1", 200, "text/plain", "app1 after 1 ms"),
        (&app, "/cookie?name=a&value=b%0d%0ac", 200, "text/plain", "a=bc; path=/"),
        (&upload, "/", 200, "text/html", "nothing yet"),
    ] {
        let (head, body) = get(server.addr(), target);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {head}");
        assert!(head.contains(&format!("X-Served-By: {}\r\n", server.name())), "{head}");
        assert!(head.contains(&format!("Content-Type: {mime}")), "{target}: {head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{target}: {head}");
        assert!(String::from_utf8_lossy(&body).contains(says), "{target}");
    }
    let (head, png) = get(fixed.addr(), "/images/x.png");
    assert!(head.contains("image/png") && png.starts_with(b"\x89PNG"));
    assert_eq!(fixed.requests(), 7);
    assert_eq!(app.counts().errors, 1);
    assert_eq!(fixed.seen()[1].line(), "GET /static/style.css HTTP/1.1");
    fixed.forget();
    assert!(fixed.seen().is_empty() && fixed.requests() == 7);
}

#[test]
fn bodies_come_whole_in_every_framing() {
    let app = start("app1", WebKind::Dynamic);
    let want = pattern(200_000);
    for target in ["/bytes?n=200000", "/toend?n=200000"] {
        assert!(get(app.addr(), target).1 == want, "{target}");
    }
    let (head, chunked) = get(app.addr(), "/chunked?n=200000&piece=7000");
    assert!(head.contains("Transfer-Encoding: chunked\r\n"));
    let mut whole: Vec<u8> = Vec::new();
    let mut rest = chunked.as_slice();
    loop {
        let at = rest.windows(2).position(|w| w == b"\r\n").expect("a size line");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).expect("digits"), 16).expect("hex");
        if size == 0 {
            assert_eq!(&rest[at + 2..], b"X-Trailer: end\r\n\r\n");
            break;
        }
        whole.extend(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 2 + size + 2..];
    }
    assert!(whole == want);
    let (head, short) = get(app.addr(), "/short?n=1000");
    assert!(head.contains("Content-Length: 1000\r\n") && short.len() == 500);
    let (head, none) = ask(app.addr(), "HEAD /bytes?n=9 HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(head.contains("Content-Length: 9\r\n") && none.is_empty());
    let (head, old) = ask(app.addr(), "GET /chunked?n=9 HTTP/1.0\r\n\r\n");
    assert!(head.contains("Content-Length: 9\r\n") && old == pattern(9), "no chunks for HTTP/1.0: {head}");
    let (head, hinted) = ask(app.addr(), "GET /early HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 103 ") && hinted.starts_with(b"HTTP/1.1 200 OK"));
}

#[test]
fn one_connection_carries_many_requests_also_pipelined() {
    let upload = start("upload", WebKind::Upload);
    let (head, body) = ask(
        upload.addr(),
        concat!(
            "POST /a HTTP/1.1\r\nX-Case: Kept\r\nContent-Length: 9\r\n\r\n123456789",
            "PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n1234\r\n5\r\n56789\r\n0\r\nT: t\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
        ),
    );
    let text = head + &String::from_utf8_lossy(&body);
    assert_eq!(text.matches("HTTP/1.1 201 Created").count(), 2, "{text}");
    assert_eq!(text.matches("\"bytes\":9,\"crc32\":\"cbf43926\"").count(), 2, "{text}");
    assert!(text.contains("<th>/b</th><td>9 bytes</td>"), "{text}");
    let seen = upload.seen();
    assert_eq!(seen.len(), 3);
    assert!(String::from_utf8_lossy(&seen[0].head).contains("X-Case: Kept\r\n"), "byte for byte");
    assert_eq!((seen[1].body_len, seen[1].body_crc), (9, crc32(b"123456789")));
    assert_eq!(seen[0].header("x-case").as_deref(), Some("Kept"));
    assert_eq!(upload.counts().connections, 1);
}

#[test]
fn expect_is_answered_before_the_body() {
    let upload = start("upload", WebKind::Upload);
    let mut stream = TcpStream::connect(upload.addr()).expect("listens");
    stream.write_all(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").expect("fits");
    let mut interim = [0u8; 25];
    stream.read_exact(&mut interim).expect("answers");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").expect("fits");
    let mut status = [0u8; 12];
    stream.read_exact(&mut status).expect("answers");
    assert_eq!(&status, b"HTTP/1.1 201");
}

#[test]
fn what_is_no_request_gets_its_status_and_the_end() {
    let app = start("app1", WebKind::Dynamic);
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(70_000));
    for (request, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nName : v\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (long.as_str(), 431),
    ] {
        let mut stream = TcpStream::connect(app.addr()).expect("listens");
        stream.write_all(request.as_bytes()).expect("fits");
        let mut start = [0u8; 12];
        stream.read_exact(&mut start).expect("answers");
        assert_eq!(String::from_utf8_lossy(&start), format!("HTTP/1.1 {status}"));
    }
}

#[test]
fn tunnels_echo() {
    let app = start("app1", WebKind::Dynamic);
    let request = "GET /upgrade HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly";
    let mut stream = TcpStream::connect(app.addr()).expect("listens");
    stream.write_all(request.as_bytes()).expect("fits");
    stream.write_all(b" and late").expect("fits");
    stream.shutdown(std::net::Shutdown::Write).expect("open");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("text");
    assert!(all.starts_with("HTTP/1.1 101 ") && all.ends_with("\r\n\r\nearly and late"), "{all}");
}

#[test]
fn a_stopped_server_resets_and_comes_back_on_its_port() {
    let app = start("app1", WebKind::Dynamic);
    let mut idle = TcpStream::connect(app.addr()).expect("listens");
    idle.write_all(b"GET /health HTTP/1.1\r\n\r\n").expect("fits");
    idle.read_exact(&mut [0u8; 12]).expect("answers");
    assert_eq!(app.counts().open, 1);
    app.stop();
    app.stop();
    assert!(!app.is_up() && app.counts().open == 0);
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionReset));
    assert_eq!(
        TcpStream::connect(app.addr()).map_err(|e| e.kind()).err(),
        Some(io::ErrorKind::ConnectionRefused)
    );
    app.resume().expect("the port is still free");
    app.resume().expect("runs already");
    assert!(get(app.addr(), "/health").0.starts_with("HTTP/1.1 200"));
    assert_eq!(app.requests(), 2, "counters go on");
    app.fail_with(Some(503));
    assert!(get(app.addr(), "/health").0.starts_with("HTTP/1.1 503"));
    app.fail_with(None);
    assert!(get(app.addr(), "/health").0.starts_with("HTTP/1.1 200"));

    let taken = WebServer::start(WebSpec::new("other", WebKind::Static, app.addr()));
    assert!(taken.expect_err("somebody has it").in_use());
    let mut stream = TcpStream::connect(app.addr()).expect("listens");
    stream.write_all(b"GET /reset HTTP/1.1\r\n\r\n").expect("fits");
    assert_eq!(stream.read(&mut [0u8; 8]).map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionReset));
}

#[test]
fn files_are_validated_by_tag() {
    let fixed = start("static1", WebKind::Static);
    let (head, _) = get(fixed.addr(), "/static/style.css");
    let tag = head.split("ETag: ").nth(1).and_then(|t| t.split("\r\n").next()).expect("has a tag");
    let (head, body) = ask(
        fixed.addr(),
        &format!("GET /static/style.css HTTP/1.1\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n"),
    );
    assert!(head.starts_with("HTTP/1.1 304 ") && body.is_empty() && !head.contains("Content-Length"));
    let (head, _) = ask(fixed.addr(), "POST / HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405 ") && head.contains("Allow: GET, HEAD\r\n"));
}
