//! Clients and servers that mean ill, or are merely odd: what belongs to one message, one client, one connection must not
//! get into another, and nobody waits for ever.

use std::net::SocketAddr;

use evenkeel_e2e::daemon::{Daemon, Setup};
use evenkeel_e2e::origin::{Origin, answer_all};
use evenkeel_e2e::script::Transcript;
use evenkeel_e2e::wire::{End, Message, Wire};

const BASE: &str = "defaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n";

/// A `listen` with these lines in front of one server.
fn listen(lines: &str, origin: SocketAddr) -> Daemon {
    Setup::new(format!("{BASE}listen l\n bind <fe>\n{lines}\n server s1 <s1>\n")).with("s1", origin).start()
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn post(target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The next answer.
#[track_caller]
fn reply(wire: &mut Wire) -> Message {
    wire.reply().expect("an answer")
}

/// Answers every request with its target.
fn echo() -> Origin {
    Origin::start(|_, mut wire| {
        while let Ok(request) = wire.request() {
            let target = request.line().split(' ').nth(1).unwrap_or_default().to_owned();
            wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len()));
        }
        over(wire)
    })
}

fn over(mut wire: Wire) -> Transcript {
    Transcript { got: std::mem::take(&mut wire.got), end: None }
}

#[test]
fn rules_about_answers_leave_the_next_request_alone() {
    for rule in ["return status 210", "deny deny_status 403", "redirect location /"] {
        let origin = echo();
        let rules = format!(" http-response {rule} if {{ res.body_len -m int ge 0 }}\n http-response {rule}");
        let proxy = listen(&rules, origin.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        // The next request is in hand when the rule answers instead of the server.
        client.send([post("/a", "hello"), get("/bbbbbbbb")].concat());
        let first = reply(&mut client).status();
        assert_eq!(reply(&mut client).status(), first, "{rule}: the second is answered as the first");
    }
}

#[test]
fn variables_of_one_client_are_not_another_s() {
    let origin = Origin::named("ok");
    let proxy = Setup::new(format!(
        "{BASE}frontend f\n bind <fe>\n http-request return status 200 hdr x-var \"[%[var(txn.word)]]\" if {{ path /b }}\n \
         use_backend b if {{ req.hdr(word),set-var(txn.word) -m found }}\n default_backend b\nbackend b\n server s1 <s1>\n"
    ))
    .with("s1", origin.addr())
    .start();
    let mut first = Wire::connect(proxy.addr("fe"));
    first.send("GET /a HTTP/1.1\r\nHost: a\r\nword: secret\r\n\r\n");
    assert_eq!(reply(&mut first).status(), 200);
    let mut second = Wire::connect(proxy.addr("fe"));
    second.send(get("/b"));
    assert_eq!(reply(&mut second).field("x-var"), "[]");
}

#[test]
fn answers_are_read_though_the_request_goes_on() {
    // Rules answer before the body is there; the server does, and closes.
    let deaf = || {
        Origin::start(|_, mut wire| {
            if wire.head().is_ok() {
                wire.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            }
            over(wire)
        })
    };
    for (lines, origin) in [(" http-request deny", echo()), ("", deaf())] {
        let proxy = listen(lines, origin.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
        let sender = std::thread::spawn({
            let mut half = client.split();
            move || half.send(vec![b'x'; 1_000_000])
        });
        let answer = reply(&mut client);
        assert_eq!((answer.status(), answer.field("connection")), (403, "close"), "{lines}");
        assert!(sender.join().expect("it sends"), "{lines}: sending goes on");
        assert_eq!(client.to_end().1, End::Fin, "{lines}: no reset");
    }
}

#[test]
fn servers_that_answer_early_get_the_rest() {
    let origin = Origin::start(|_, mut wire| {
        if wire.head().is_ok() {
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            // It reads on although it has answered.
            let _ = wire.exactly("hello world".len());
        }
        answer_all(wire, "again")
    });
    let proxy = listen("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello ");
    assert_eq!(reply(&mut client).text(), "ok");
    client.send(["world", &get("/")].concat());
    assert_eq!(reply(&mut client).text(), "again");
    drop(client);
    drop(proxy);
    let seen = origin.transcripts();
    assert!(seen[0].got.windows(11).any(|w| w == b"hello world"), "the body came whole");
}

#[test]
fn closes_between_requests_are_closes_between_requests() {
    // Answers the first request, and closes when it sees the second.
    let origin = || {
        Origin::start(|_, mut wire| {
            if wire.request().is_ok_and(|r| r.line().contains("/first")) {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                let _ = wire.request();
            }
            over(wire)
        })
    };
    for second in [get("/second"), post("/second", "hi")] {
        let origin = origin();
        let proxy = listen("", origin.addr());
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(get("/first"));
        assert_eq!(reply(&mut client).status(), 200);
        client.send(&second);
        assert_eq!(client.to_end(), (vec![], End::Fin), "the client is to ask again: {second}");
        // A client that asks for the first time has nothing to compare: it is told.
        let mut fresh = Wire::connect(proxy.addr("fe"));
        fresh.send(&second);
        assert_eq!(reply(&mut fresh).status(), 502, "{second}");
    }
}

#[test]
fn clients_see_what_they_asked_for_whatever_the_server_is_asked() {
    let origin = Origin::named("body");
    let lines = " http-request set-method GET if { method HEAD }\n http-request set-method HEAD if { method GET } { path /h }";
    let proxy = listen(lines, origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.reply_head().expect("an answer");
    assert_eq!((head.status(), head.field("content-length")), (200, "4"));
    // No body was taken for the next answer's head.
    client.send(get("/"));
    assert_eq!(reply(&mut client).text(), "body");
    client.send(get("/h"));
    let head = client.reply_head().expect("an answer");
    assert_eq!(head.field("connection"), "close", "the body that it waits for does not come");
    assert_eq!(client.to_end(), (vec![], End::Fin));
}

#[test]
fn interim_answers_carry_no_body() {
    let origin = Origin::start(|_, mut wire| {
        if wire.request().is_ok() {
            wire.send(
                "HTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
            );
            for _ in 0..100 {
                wire.send("HTTP/1.1 102 Processing\r\n\r\n");
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            let _ = wire.to_end();
        }
        over(wire)
    });
    let proxy = listen("", origin.addr());
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    assert_eq!(client.head().expect("an interim answer").head, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
    let last = reply(&mut client);
    assert_eq!((last.interim.len(), last.status()), (100, 200));
}
