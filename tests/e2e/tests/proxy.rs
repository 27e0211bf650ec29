//! The data path, seen from both its ends, over loopback: no root, no other programs.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_e2e::daemon::{Daemon, Folder, Setup, listening};
use evenkeel_e2e::origin::{Origin, answer_all};
use evenkeel_e2e::port::{Port, Swamp};
use evenkeel_e2e::program::Program;
use evenkeel_e2e::script::{Gates, Transcript};
use evenkeel_e2e::site::{Browser, tally};
use evenkeel_e2e::wire::{End, Message, Stream, Wire};
use evenkeel_e2e::{PATIENCE, wait};
use evenkeel_lab::netns::Proc;
use evenkeel_lab::web::{WebKind, WebServer, WebSpec, crc32, pattern};

/// Enough for what a test does not wait for, and more than the test's own patience for what it does not expect.
const BASE: &str = "global\n log <log> local0\ndefaults\n mode http\n log global\n option httplog\n\
     timeout connect 10s\n timeout client 60s\n timeout server 60s\n";

/// Frontend `fe` and backend `be` with these lines.
fn conf(defaults: &str, fe: &str, be: &str) -> Setup {
    Setup::new(format!(
        "{BASE}{defaults}\nfrontend fe\n bind <fe>\n{fe}\n default_backend be\nbackend be\n{be}\n"
    ))
}

fn one(defaults: &str, origin: SocketAddr) -> Daemon {
    conf(defaults, "", " server s1 <s1>").with("s1", origin).start()
}

fn web(name: &str) -> WebServer {
    WebServer::start(WebSpec::local(name, WebKind::Dynamic)).expect("loopback has free ports")
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Asks on a connection that is kept.
#[track_caller]
fn ask(wire: &mut Wire, request: &str) -> Message {
    wire.send(request);
    wire.reply().expect("an answer")
}

fn transcript(mut wire: Wire) -> Transcript {
    let end = wire.to_end().1;
    Transcript { got: std::mem::take(&mut wire.got), end: Some(end) }
}

#[test]
fn connections_live_as_the_modes_say() {
    // Mode; whether the client's connection survives a request; connections to the server for two requests; the Connection
    // field that the server sees.
    for (mode, kept, connections, seen) in [
        ("", true, 1, None),
        (" option http-keep-alive", true, 1, None),
        (" option http-server-close", true, 2, Some("close")),
        (" option httpclose", false, 1, Some("close")),
    ] {
        let site = web("w");
        let proxy = one(mode, site.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        let first = ask(&mut client, &get("/health"));
        assert_eq!((first.status(), first.text().as_str()), (200, "ok\n"), "{mode}");
        assert_eq!(first.field("connection").contains("close"), !kept, "{mode}: {}", first.head);
        if kept {
            assert_eq!(ask(&mut client, &get("/health")).status(), 200, "{mode}");
        } else {
            assert_eq!(client.to_end(), (vec![], End::Fin), "{mode}");
        }
        assert_eq!(site.counts().connections, connections, "{mode}");
        assert_eq!(site.seen()[0].header("connection").as_deref(), seen, "{mode}");
    }
}

#[test]
fn clients_decide_whether_they_stay() {
    let site = web("w");
    let proxy = one("", site.addr());
    for (request, kept, field) in [
        ("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", true, ""),
        ("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, "close"),
        ("GET /health HTTP/1.0\r\n\r\n", false, "close"),
        ("GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, "keep-alive"),
    ] {
        let mut client = Wire::connect(proxy.addr("fe"));
        let answer = ask(&mut client, request);
        assert_eq!(answer.field("connection"), field, "{request}");
        if kept {
            assert_eq!(ask(&mut client, &get("/health")).status(), 200, "{request}");
        } else {
            assert_eq!(client.to_end().1, End::Fin, "{request}");
        }
    }
}

#[test]
fn names_keep_their_case_and_hop_by_hop_fields_stay() {
    let origin = Origin::start(|_, mut wire| {
        if wire.request().is_ok() {
            wire.send(
                "HTTP/1.1 200 OK\r\nX-cAsE: Kept\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
            );
        }
        transcript(wire)
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    let answer = ask(&mut client, "GET / HTTP/1.1\r\nhOSt: a\r\nX-oWn: B\r\nConnection: close\r\n\r\n");
    assert!(answer.head.contains("X-cAsE: Kept\r\n"), "{}", answer.head);
    drop(client);
    proxy.finish();
    let got = String::from_utf8(origin.transcripts()[0].got.clone()).expect("ASCII");
    assert!(got.contains("hOSt: a\r\n") && got.contains("X-oWn: B\r\n"), "{got}");
    assert!(!got.to_ascii_lowercase().contains("connection:"), "{got}");
}

#[test]
fn chunks_and_trailers_pass_both_ways() {
    let origin = Origin::start(|_, mut wire| {
        let request = wire.request().expect("a request");
        let body = request.text();
        let (trailers, n) = (request.trailers.trim_end().to_owned(), body.len());
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{n:x}\r\n{body}\r\n0\r\nX-Down: {trailers}\r\n\r\n"
        ));
        transcript(wire)
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    // In pieces that cut a size line, a chunk and the trailers.
    for piece in ["1", "0;x=y\r\n0123456789", "abcdef", "\r\n0\r\nX-", "Up: yes\r\n", "\r\n"] {
        client.send(piece);
    }
    let answer = client.reply().expect("an answer");
    assert_eq!(answer.text(), "abc0123456789abcdef");
    assert_eq!(answer.trailers, "X-Down: X-Up: yes\r\n");
    // HTTP/1.0 knows no chunks.
    let mut old = Wire::connect(proxy.addr("fe"));
    let answer = ask(&mut old, "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!((answer.text().as_str(), answer.field("transfer-encoding")), ("abc", ""));
}

#[test]
fn expect_is_the_servers_to_answer() {
    let site = web("w");
    let proxy = one("", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("POST /api/echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.head().expect("an interim answer").status(), 100);
    client.send("body");
    let answer = client.reply().expect("an answer");
    assert!(answer.text().contains("\"bytes\":4"), "{}", answer.text());
    let hinted = ask(&mut client, &get("/early"));
    assert_eq!((hinted.status(), hinted.interim), (200, vec![103]));
    // A client of HTTP/1.0 would not understand it.
    let old = ask(&mut Wire::connect(proxy.addr("fe")), "GET /early HTTP/1.0\r\n\r\n");
    assert_eq!((old.status(), old.interim), (200, vec![]));
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    let site = web("w");
    let proxy = one("", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("HEAD /bytes?n=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_head().expect("an answer").field("content-length"), "1000");
    for code in [204, 304, 404] {
        assert_eq!(ask(&mut client, &get(&format!("/status?code={code}"))).status(), code);
    }
    client.send("HEAD /chunked?n=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.reply_head().expect("an answer").status(), 200);
    assert_eq!(ask(&mut client, &get("/health")).text(), "ok\n");
}

#[test]
fn tunnels_carry_bytes_both_ways() {
    let site = web("w");
    let proxy = one("", site.addr());
    for (request, status) in [
        ("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", 101),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 200),
    ] {
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(request);
        assert_eq!(client.reply_head().expect("an answer").status(), status);
        for word in ["one", "two\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            client.send(word);
            assert_eq!(client.exactly(word.len()).expect("an echo"), word.as_bytes());
        }
        let large = pattern(300_000);
        std::thread::scope(|scope| {
            let mut client = client;
            let half = client.split();
            scope.spawn(|| {
                let mut half = half;
                half.send(&large);
                half.half_close();
            });
            assert!(client.to_end() == (large.clone(), End::Fin), "{status}");
        });
    }
}

#[test]
fn large_bodies_come_whole() {
    const SIZE: usize = 64 << 20;
    let site = web("w");
    let proxy = one("", site.addr());
    let body = pattern(SIZE);
    let want = crc32(&body);
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get(&format!("/bytes?n={SIZE}")));
    let answer = client.reply().expect("an answer");
    assert!(answer.body == body, "{} bytes came", answer.body.len());
    client.got.clear();
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(format!("PUT /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n"));
    client.send(&body);
    let text = client.reply().expect("an answer").text();
    assert!(text.contains(&format!("\"bytes\":{SIZE},\"crc32\":\"{want:08x}\"")), "{text}");
    // In chunks and to the end of the connection: other ways through the proxy.
    for target in ["/chunked?n=3000000&piece=100000", "/toend?n=3000000"] {
        let answer = ask(&mut Wire::connect(proxy.addr("fe")), &get(target));
        assert!(answer.body == pattern(3_000_000), "{target}");
    }
}

#[test]
fn slow_readers_hold_the_server_back() {
    const SIZE: usize = 64 << 20;
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let origin = Origin::start(move |_, mut wire| {
        let _ = wire.request();
        wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"));
        let piece = vec![b'x'; 1 << 16];
        while wire.send(&piece) && counter.fetch_add(1 << 16, Ordering::SeqCst) < SIZE as u64 {}
        transcript(wire)
    });
    for mode in ["", " mode tcp\n option tcplog"] {
        sent.store(0, Ordering::SeqCst);
        let proxy = one(mode, origin.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        client.shrink();
        client.send(get("/"));
        client.until(b"\r\n\r\n").expect("an answer");
        // The server stops sending long before the end: what it sent stays what it is.
        let mut last = u64::MAX;
        wait("the server to be held back", || {
            let now = sent.load(Ordering::SeqCst);
            // Nothing tells that somebody has stopped but that nothing comes for a while.
            std::thread::sleep(std::time::Duration::from_millis(200));
            std::mem::replace(&mut last, now) == now && now > 0
        });
        assert!(last < SIZE as u64 / 2, "{mode}: {last} bytes went to a client that does not read");
        client.reset();
    }
}

#[test]
fn tcp_mode_keeps_each_direction_open_on_its_own() {
    let origin = Origin::start(|_, mut wire| {
        let (question, _) = wire.to_end();
        wire.send([b"after ".as_slice(), &question].concat());
        transcript(wire)
    });
    let proxy = one(" mode tcp\n option tcplog", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("the end");
    client.half_close();
    assert_eq!(client.to_end(), (b"after the end".to_vec(), End::Fin));
    // The other way round: the server has said all it has to say.
    let origin = Origin::start(|_, mut wire| {
        wire.send("hello");
        wire.half_close();
        transcript(wire)
    });
    let proxy = one(" mode tcp\n option tcplog", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    assert_eq!(client.to_end(), (b"hello".to_vec(), End::Fin));
    client.send("still here");
    client.half_close();
    drop(client);
    proxy.finish();
    assert_eq!(origin.transcripts()[0].got, b"still here");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let site = web("w");
    let proxy = one("", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    let mut all = String::new();
    for n in 0..20 {
        all += &format!("POST /api/echo?n={n} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{n:02}");
    }
    client.send(all);
    for n in 0..20 {
        let text = client.reply().expect("an answer").text();
        assert!(text.contains(&format!("\"target\":\"/api/echo?n={n}\"")), "{n}: {text}");
        assert!(text.contains(&format!("\"start\":\"{n:02}\"")), "{n}: {text}");
    }
}

#[test]
fn servers_hear_of_clients_that_leave() {
    for (request, option) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", ""),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", " option abortonclose"),
    ] {
        let gates = Arc::new(Gates::default());
        let theirs = gates.clone();
        let origin = Origin::start(move |_, mut wire| {
            let _ = wire.until(b"\r\n\r\n");
            theirs.open("asked");
            transcript(wire)
        });
        let proxy = one(option, origin.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(request);
        gates.wait("asked");
        client.reset();
        assert!(origin.transcripts()[0].end != Some(End::Never), "{request}");
        let line = proxy.log().wait_for(" fe be/s1 ");
        assert!(line.contains(" CD-- ") || line.contains(" CH-- "), "{line}");
    }
    // Within the answer.
    let origin = Origin::start(|_, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nfirst");
        transcript(wire)
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    client.until(b"first").expect("some of it");
    client.reset();
    assert!(origin.transcripts()[0].end != Some(End::Never));
    assert!(proxy.log().wait_for(" fe be/s1 ").contains(" CD-- "));
}

#[test]
fn a_cut_answer_is_cut_for_the_client_too() {
    let site = web("w");
    let proxy = one("", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/short?n=1000"));
    let head = client.head().expect("the head came");
    assert_eq!(head.field("content-length"), "1000");
    let (body, end) = client.to_end();
    assert_eq!(body.len(), 500);
    assert_ne!(end, End::Never);
    assert!(proxy.log().wait_for("/short").contains(" SD-- "));
    // A chunked one must not look whole.
    let origin = Origin::start(|_, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        Transcript { got: Vec::new(), end: None }
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    let (all, _) = client.to_end();
    assert!(!String::from_utf8_lossy(&all).contains("0\r\n\r\n"));
    // Nothing at all, and nonsense.
    for (answer, letters) in [("", " SH-- "), ("what?\r\n\r\n", " PH-- ")] {
        let origin = Origin::start(move |_, mut wire| {
            let _ = wire.request();
            wire.send(answer);
            Transcript { got: Vec::new(), end: None }
        });
        let proxy = one("", origin.addr());
        assert_eq!(ask(&mut Wire::connect(proxy.addr("fe")), &get("/")).status(), 502);
        assert!(proxy.log().wait_for(" fe be/s1 ").contains(letters));
    }
}

#[test]
fn stale_connections_never_show() {
    // Each connection answers once, promises to stay, and goes.
    let origin = Origin::start(|_, mut wire| {
        if wire.request().is_ok() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        Transcript { got: Vec::new(), end: None }
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    for n in 0..100 {
        assert_eq!(ask(&mut client, &get("/")).status(), 200, "request {n}");
    }
    // It goes as the next request arrives: nobody can know before it is sent.
    let origin = Origin::start(|n, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let again = wire.request().is_ok();
        if n == 0 && again {
            wire.reset();
            return Transcript { got: Vec::new(), end: None };
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        answer_all(wire, "ok")
    });
    let proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    for n in 0..3 {
        assert_eq!(ask(&mut client, &get("/")).status(), 200, "request {n}");
    }
    assert_eq!(origin.connections(), 2);
}

#[test]
fn every_timeout_ends_what_it_should() {
    let silent = Origin::start(|_, wire| transcript(wire));
    let swamp = Swamp::new();
    let half = Origin::start(|_, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        transcript(wire)
    });
    let tunnel = Origin::start(|_, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
        transcript(wire)
    });
    // Error pages leave the connection to the client.
    let ask_all = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned();
    // Lines of defaults; server; what the client says; what it gets; the log's letters, or nothing is logged.
    let rows: &[(&str, SocketAddr, &str, &str, &str)] = &[
        (" timeout http-request 100ms", silent.addr(), "GET / HT", "HTTP/1.1 408 ", " 408 * cR-- "),
        (" timeout http-request 100ms", silent.addr(), "", "HTTP/1.1 408 ", " 408 * cR-- "),
        (" timeout client 100ms", silent.addr(), "", "HTTP/1.1 408 ", " 408 * cR-- "),
        (" timeout server 100ms", silent.addr(), &ask_all, "HTTP/1.1 504 ", " 504 * sH-- "),
        (" timeout server 100ms", half.addr(), &ask_all, "HTTP/1.1 200 ", " 200 * sD-- "),
        (" timeout connect 100ms\n retries 0", swamp.addr(), &ask_all, "HTTP/1.1 503 ", " 503 * sC-- "),
        (
            " timeout tunnel 100ms",
            tunnel.addr(),
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 101 ",
            " 101 * cD-- ",
        ),
        (" timeout tarpit 100ms\n#tarpit", silent.addr(), &ask_all, "HTTP/1.1 500 ", " 500 * PT-- "),
        (" mode tcp\n option tcplog\n timeout client 100ms", silent.addr(), "hello", "", " cD "),
        (" mode tcp\n option tcplog\n timeout server 100ms", silent.addr(), "hello", "", " sD "),
        (" mode tcp\n option tcplog\n timeout connect 100ms\n retries 0", swamp.addr(), "hello", "", " sC "),
    ];
    std::thread::scope(|scope| {
        for (defaults, server, says, gets, letters) in rows {
            scope.spawn(move || {
                let fe = if defaults.contains("#tarpit") { " http-request tarpit" } else { "" };
                let proxy = conf(defaults, fe, " server s1 <s1>").with("s1", server).start();
                let mut client = Wire::connect(proxy.addr("fe"));
                client.send(says);
                let (got, end) = client.to_end();
                assert_ne!(end, End::Never, "{defaults}");
                let got = String::from_utf8_lossy(&got).into_owned();
                assert!(got.starts_with(gets), "{defaults}: {got}");
                let line = proxy.log().wait_for(" fe ");
                let found = letters.split('*').all(|part| line.contains(part.trim_end()));
                assert!(found, "{defaults}: {letters} is not in {line}");
            });
        }
    });
    // Between requests, nothing is said and nothing is logged.
    let site = web("w");
    let proxy = one(" timeout http-keep-alive 100ms", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    assert_eq!(ask(&mut client, &get("/health")).status(), 200);
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(proxy.finish().1.iter().filter(|l| l.contains("HTTP/1")).count(), 1);
}

#[test]
fn dead_servers_are_tried_again_and_left() {
    let site = web("w");
    let dead = Port::reserve();
    let proxy = conf(
        " retries 2\n option redispatch",
        "",
        " balance roundrobin\n server dead <dead>\n server s1 <s1>",
    )
    .with("dead", dead.addr())
    .with("s1", site.addr())
    .start();
    let browser = Browser::new(proxy.addr("fe"));
    assert_eq!(tally(&browser.servers("/health", 6), ["w"]), [6]);
    let line = proxy.log().wait_for("/+1 ");
    assert!(line.contains(" fe be/s1 "), "another is tried at once: {line}");
    // Without redispatch the client is told.
    let proxy = conf(" retries 1", "", " server dead <dead>").with("dead", dead.addr()).start();
    assert_eq!(Browser::new(proxy.addr("fe")).get("/").status(), 503);
    let line = proxy.log().wait_for(" fe be/dead ");
    assert!(line.contains(" SC-- ") && line.contains("/1 0/0 \"GET / HTTP/1.1\""), "{line}");
}

#[test]
fn queues_hold_and_let_go() {
    let gates = Arc::new(Gates::default());
    let theirs = gates.clone();
    let origin = Origin::start(move |n, mut wire| {
        let _ = wire.request();
        if n == 0 {
            theirs.open("busy");
            theirs.wait("done");
        }
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        transcript(wire)
    });
    let proxy =
        conf(" timeout queue 200ms", "", " server s1 <s1> maxconn 1").with("s1", origin.addr()).start();
    let mut first = Wire::connect(proxy.addr("fe"));
    first.send(get("/first"));
    gates.wait("busy");
    let refused = ask(&mut Wire::connect(proxy.addr("fe")), &get("/late"));
    assert_eq!(refused.status(), 503);
    let line = proxy.log().wait_for("/late");
    assert!(line.contains(" sQ-- ") && line.contains("be/<NOSRV>"), "{line}");
    assert_eq!(origin.connections(), 1, "nothing of it reached the server");
    // One who waits gets its turn.
    let proxy = conf(" timeout queue 20s", "", " server s1 <s1> maxconn 1").with("s1", origin.addr()).start();
    gates.open("done");
    assert_eq!(first.reply().expect("an answer").status(), 200);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ask(&mut Wire::connect(proxy.addr("fe")), &get("/")).status(), 200));
        }
    });
}

#[test]
fn one_client_stays_on_one_server() {
    let (one, two) = (web("one"), web("two"));
    let start = |cookie: &str| {
        let be =
            format!(" balance roundrobin\n {cookie}\n server s1 <s1> cookie a\n server s2 <s2> cookie b");
        conf("", "", &be).with("s1", one.addr()).with("s2", two.addr()).start()
    };
    let proxy = start("cookie S insert indirect nocache httponly secure maxidle 1h");
    let browser = Browser::new(proxy.addr("fe"));
    let answer = browser.get("/health");
    let cookie = answer.field("set-cookie").to_owned();
    assert!(cookie.starts_with("S=") && cookie.contains("HttpOnly") && cookie.contains("Secure"), "{cookie}");
    let name = answer.field("x-served-by").to_owned();
    let pair = cookie.split(';').next().unwrap_or_default();
    let returning = browser.with(&format!("Cookie: x=1; {pair}; y=2"));
    assert!(returning.servers("/health", 6).iter().all(|s| *s == name));
    let server = if name == "one" { &one } else { &two };
    let seen = server.seen().pop().and_then(|s| s.header("cookie"));
    assert_eq!(seen.as_deref(), Some("x=1; y=2"), "indirect: the server does not see it");

    for (cookie, asked, sets, seen) in [
        ("cookie lab rewrite", "lab=b", "lab=b; path=/", "lab=b"),
        ("cookie lab prefix", "lab=b~own", "lab=b~two; path=/", "lab=own"),
    ] {
        let proxy = start(cookie);
        let browser = Browser::new(proxy.addr("fe")).with(&format!("Cookie: {asked}"));
        for _ in 0..3 {
            let answer = browser.get("/cookie?name=lab");
            assert_eq!((answer.field("x-served-by"), answer.field("set-cookie")), ("two", sets), "{cookie}");
            assert_eq!(two.seen().pop().and_then(|s| s.header("cookie")).as_deref(), Some(seen), "{cookie}");
        }
    }
}

#[test]
fn server_connections_are_shared_as_the_modes_say() {
    // Mode; connections to the server for four clients of one request each, and for one client of four requests.
    for (mode, clients, requests) in [("never", 4, 1), ("safe", 4, 1), ("aggressive", 4, 1), ("always", 1, 1)]
    {
        let site = web("w");
        let be = format!(" http-reuse {mode}\n server s1 <s1>");
        let global = BASE.replacen("global\n", "global\n nbthread 1\n", 1);
        let text = format!("{global}frontend fe\n bind <fe>\n default_backend be\nbackend be\n{be}\n");
        let proxy = Setup::new(text).with("s1", site.addr()).start();
        let mut open = Vec::new();
        for _ in 0..4 {
            let mut client = Wire::connect(proxy.addr("fe"));
            assert_eq!(ask(&mut client, &get("/health")).status(), 200);
            open.push(client);
        }
        let made = site.counts().connections;
        if mode == "always" || mode == "never" {
            assert_eq!(made, clients, "{mode}");
        } else {
            // A first request may take a connection that has proven itself, and need not.
            assert!((1..=clients).contains(&made), "{mode}: {made}");
        }
        let mut client = open.pop().expect("four of them");
        for _ in 0..3 {
            assert_eq!(ask(&mut client, &get("/health")).status(), 200);
        }
        assert!(site.counts().connections - made < requests, "{mode}: a client keeps what it has");
    }
}

#[test]
fn every_kind_of_address_listens_and_is_reached() {
    let name = format!("ek-e2e-{}", std::process::id());
    let site = web("w");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let inherited = listener.local_addr().expect("bound");
    // A second hop through the proxy itself, over each kind.
    let text = format!(
        "{BASE}frontend unix\n bind <dir>/sock mode 666\n default_backend be\n\
         frontend abstract\n bind abns@{name}\n default_backend be\n\
         frontend inherited\n bind fd@<fd>\n default_backend be\n\
         frontend six\n bind [::1]:<six>\n default_backend be\n\
         frontend fe\n bind <fe>\n use_backend unix if {{ path /unix }}\n default_backend abstract\n\
         backend be\n server s1 <s1>\n\
         backend unix\n server u unix@<dir>/sock\n\
         backend abstract\n server a abns@{name}\n"
    );
    let six = Port::reserve_at("[::1]:0".parse().expect("literal"));
    let proxy = Setup::new(text)
        .with("s1", site.addr())
        .with("six", six.addr().port())
        .inherit("fd", listener)
        .start();
    let health = get("/health");
    for mut wire in [
        Wire::connect_unix(&proxy.folder.path().join("sock")),
        // The original pads abstract names with zeros to their full length.
        Wire::new(Stream::Unix(connect_padded(&name))),
        Wire::connect(inherited),
        Wire::connect(six.addr()),
    ] {
        assert_eq!(ask(&mut wire, &health).text(), "ok\n");
    }
    for target in ["/unix", "/"] {
        assert_eq!(Browser::new(proxy.addr("fe")).get(target).field("x-served-by"), "w", "{target}");
    }
}

fn connect_padded(name: &str) -> UnixStream {
    /// sun_path less the zero that makes it abstract.
    const PATH_MAX: usize = 107;
    let mut padded = name.as_bytes().to_vec();
    padded.resize(PATH_MAX, 0);
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(padded).expect("it fits");
    UnixStream::connect_addr(&addr).expect("somebody listens")
}

#[test]
fn servers_on_unix_sockets_are_reached() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path().join("s")).expect("writable");
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut wire = Wire::new(Stream::Unix(stream));
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
    let proxy = conf("", "", " server s1 <s1>").with("s1", folder.path().join("s").display()).start();
    assert_eq!(Browser::new(proxy.addr("fe")).get("/").text(), "ok");
    serving.join().expect("it answered");
}

#[test]
fn a_server_without_a_port_is_on_the_clients() {
    // One port on two loopback addresses: where clients come, and where the server is.
    let both = || {
        let listener = TcpListener::bind("127.0.0.2:0").expect("loopback has free ports");
        let port = listener.local_addr().expect("bound").port();
        Port::try_reserve_at(SocketAddr::from(([127, 0, 0, 1], port))).map(|front| (listener, front))
    };
    let (listener, front) =
        std::iter::repeat_with(both).take(100).flatten().next().expect("some port is free");
    let _origin = Origin::start_at(listener, |_, wire| answer_all(wire, "same port"));
    let proxy = Setup::new(format!("{BASE}listen l\n bind <fe>\n server s 127.0.0.2 check inter 50ms\n"))
        .with("fe", front.addr())
        .start();
    let site = Browser::new(front.addr());
    wait("the site", || site.connect().is_some());
    assert_eq!(site.get("/").text(), "same port");
    drop(proxy);
}

#[test]
fn checks_take_servers_out_and_in() {
    let (one, two) = (web("one"), web("two"));
    let proxy = conf(
        "",
        "",
        " option httpchk GET /health\n balance roundrobin\n default-server check inter 50ms fall 2 rise 2\n server s1 <s1>\n server s2 <s2>",
    )
    .with("s1", one.addr())
    .with("s2", two.addr())
    .start();
    let browser = Browser::new(proxy.addr("fe"));
    assert_eq!(tally(&browser.servers("/", 4), ["one", "two"]), [2, 2]);
    one.fail_with(Some(500));
    let line = proxy.log().wait_for("Server be/s1 is DOWN");
    assert!(line.contains("Layer7 wrong status, code: 500"), "{line}");
    one.fail_with(None);
    assert_eq!(tally(&browser.servers("/", 4), ["one", "two"]), [0, 4]);
    proxy.log().wait_for("Server be/s1 is UP");
    assert_eq!(tally(&browser.servers("/", 4), ["one", "two"]), [2, 2]);
    two.stop();
    proxy.log().wait_for("Server be/s2 is DOWN");
    assert_eq!(tally(&browser.servers("/", 4), ["one", "two"]), [4, 0]);
    one.stop();
    proxy.log().wait_for("backend be has no server available!");
    assert_eq!(browser.get("/").status(), 503);
}

#[test]
fn a_soft_stop_lets_transfers_end() {
    let gates = Arc::new(Gates::default());
    let theirs = gates.clone();
    let origin = Origin::start(move |_, mut wire| {
        let _ = wire.request();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        theirs.wait("stopped");
        wire.send("other");
        transcript(wire)
    });
    let mut proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    client.until(b"first").expect("half of it");
    proxy.signal(10);
    wait("the listener to close", || TcpStream::connect(proxy.addr("fe")).is_err());
    assert!(proxy.proc.is_running());
    gates.open("stopped");
    assert_eq!(client.exactly(5).expect("the rest"), b"other");
    assert_eq!(client.to_end(), (vec![], End::Fin));
    let status = proxy.proc.wait(PATIENCE).expect("our child").expect("nothing is left to do");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_soft_stop_lets_idle_clients_go() {
    let site = web("w");
    let proxy = one("", site.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    assert_eq!(ask(&mut client, &get("/health")).status(), 200);
    proxy.signal(10);
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(proxy.finish().0.code(), Some(0));
}

#[test]
fn a_hard_stop_is_at_once() {
    let origin = Origin::start(|_, wire| transcript(wire));
    let mut proxy = one("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    wait("the request to arrive", || origin.connections() == 1);
    proxy.signal(15);
    proxy.proc.wait(PATIENCE).expect("our child").expect("it does not wait for anybody");
    assert_ne!(client.to_end().1, End::Never);
}

#[test]
fn in_the_background_it_writes_its_pid() {
    let site = web("w");
    let folder = Folder::new();
    let front = Port::reserve();
    let text = format!(
        "global\n daemon\n pidfile {0}/pid\n stats socket {0}/stats\n{1}frontend fe\n bind {2}\n default_backend be\nbackend be\n server s1 {3}\n",
        folder.path().display(),
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n",
        front.addr(),
        site.addr()
    );
    let file = folder.write("conf", text);
    let mut command = std::process::Command::new(folder.link(Program::Ours));
    command.args(["-D", "-p"]).arg(folder.path().join("other")).arg("-f").arg(file);
    let mut parent = Proc::start(command).expect("the program starts");
    let status = parent.wait(PATIENCE).expect("our child").expect("the parent leaves");
    assert_eq!(status.code(), Some(0), "{}", parent.stderr());
    // `-p` has the last word.
    let pid = std::fs::read_to_string(folder.path().join("other")).expect("written before the parent left");
    let pid = pid.trim().to_owned();
    assert_eq!(Browser::new(front.addr()).get("/health").text(), "ok\n");
    let alive = || {
        std::fs::read_to_string(format!("/proc/{pid}/net/tcp"))
            .is_ok_and(|t| listening(&t).contains(&front.addr().port()))
    };
    assert!(alive());
    let killed =
        std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill is everywhere");
    assert!(killed.success());
    wait("it to end", || TcpStream::connect(front.addr()).is_err());
}

#[test]
fn two_threads_share_the_work() {
    let site = web("w");
    let global = BASE.replacen("global\n", "global\n nbthread 2\n", 1);
    let text = format!(
        "{global}frontend fe\n bind <fe>\n default_backend be\nbackend be\n balance roundrobin\n server s1 <s1> weight 1\n server s2 <s1> weight 3\n"
    );
    let proxy = Setup::new(text).with("s1", site.addr()).start();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Wire::connect(proxy.addr("fe"));
                for _ in 0..50 {
                    assert_eq!(ask(&mut client, &get("/health")).status(), 200);
                }
            });
        }
    });
    assert_eq!(site.requests(), 200);
    let lines = proxy.finish().1;
    // Connections on both threads; the split is the weights' over all of them.
    let count = |name: &str| lines.iter().filter(|l| l.contains(name)).count();
    assert_eq!(count(" be/s1 ") + count(" be/s2 "), 200);
    assert!(count(" be/s2 ") > count(" be/s1 "));
}

#[test]
fn limits_hold_connections_back() {
    let site = web("w");
    for (global, fe) in [("", " maxconn 1"), (" maxconn 1", "")] {
        let base = BASE.replacen("global\n", &format!("global\n{global}\n"), 1);
        let text = format!(
            "{base}frontend fe\n bind <fe>\n{fe}\n default_backend be\nbackend be\n server s1 <s1>\n"
        );
        let proxy = Setup::new(text).with("s1", site.addr()).start();
        let mut first = Wire::connect(proxy.addr("fe"));
        assert_eq!(ask(&mut first, &get("/health")).status(), 200);
        // It is in the kernel's queue: no answer as long as the first is there.
        let mut second = Wire::connect(proxy.addr("fe"));
        second.send(get("/health"));
        second.patience(std::time::Duration::from_millis(100));
        assert_eq!(second.reply().map(|m| m.status()), Err(End::Never), "{global}{fe}");
        drop(first);
        second.patience(PATIENCE);
        assert_eq!(second.reply().expect("its turn").status(), 200, "{global}{fe}");
    }
}

/// Neither end may be waited for by closing only one direction of what nobody reads.
#[test]
fn a_reset_reaches_the_other_side_in_tcp_mode() {
    let origin = Origin::start(|_, mut wire| {
        let _ = wire.until(b"hello");
        transcript(wire)
    });
    let proxy = one(" mode tcp\n option tcplog", origin.addr());
    let stream = TcpStream::connect(proxy.addr("fe")).expect("it listens");
    let mut client = Wire::new(Stream::Tcp(stream));
    client.send("hello");
    wait("the server to be reached", || origin.connections() == 1);
    client.reset();
    assert_ne!(origin.transcripts()[0].end, Some(End::Never));
    let stream = TcpStream::connect(proxy.addr("fe")).expect("it listens");
    stream.shutdown(Shutdown::Both).expect("open");
    drop(stream);
    proxy.finish();
}
