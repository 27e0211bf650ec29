//! What rules and options do to an exchange, seen from both its ends: rows of configuration, request and answer.

use evenkeel_e2e::daemon::{Daemon, Setup};
use evenkeel_e2e::origin::Origin;
use evenkeel_e2e::script::Transcript;
use evenkeel_e2e::wire::{End, Wire};

/// A proxy `fe` with these lines, whose server answers everything with `answer`.
fn proxy(lines: &str, files: &[(&str, &str)], answer: &'static str) -> (Daemon, Origin) {
    let origin = Origin::start(move |_, mut wire| {
        while wire.request().is_ok() {
            wire.send(answer);
        }
        Transcript { got: std::mem::take(&mut wire.got), end: None }
    });
    let mut setup = Setup::new(format!(
        "global\n log <log> local0\ndefaults\n mode http\n log global\n option httplog\n timeout connect 10s\n \
         timeout client 60s\n timeout server 60s\nlisten fe\n bind <fe>\n{lines}\n"
    ))
    .with("s1", origin.addr());
    let folder = evenkeel_e2e::daemon::Folder::new();
    for (name, text) in files {
        setup = setup.with(name, folder.write(name, text).display());
    }
    let daemon = setup.start();
    // The files are read at the start.
    drop(folder);
    (daemon, origin)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SERVER: &str = " server s1 <s1>\n";

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn our_own_answers_leave_the_connection_as_they_say() {
    // Lines, the page file, the statuses of two requests on one connection; no second status: it was closed.
    for (lines, page, first, second) in [
        ("", "", 503, Some(503)),
        (" http-request deny", "", 403, Some(403)),
        (
            " http-request deny\n errorfile 403 <page>",
            "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            403,
            Some(403),
        ),
        (" http-request deny\n errorfile 403 <page>", "HTTP/1.1 403 No\r\n\r\nno", 403, None),
        (" errorfile 503 <page>", "HTTP/1.0 503 No\r\nContent-Length: 2\r\n\r\nno", 503, Some(503)),
        (" option http-restrict-req-hdr-names reject\n http-request return status 200", "", 200, Some(200)),
    ] {
        let (proxy, _origin) = proxy(lines, &[("page", page)], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(get("/"));
        assert_eq!(client.reply().expect("an answer").status(), first, "{lines}");
        client.send(get("/"));
        assert_eq!(client.reply().ok().map(|m| m.status()), second, "{lines} {page}");
    }
}

#[test]
fn an_empty_page_is_silence() {
    for lines in [
        " http-request deny\n errorfile 403 <page>",
        " http-request return errorfile <page> status 403",
        " http-request return status 403 default-errorfiles\n errorfile 403 <page>",
        " http-request tarpit deny_status 403\n errorfile 403 <page>\n timeout tarpit 1ms",
    ] {
        let (proxy, _origin) = proxy(lines, &[("page", "")], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(get("/"));
        assert_eq!(client.to_end(), (vec![], End::Fin), "{lines}");
        let line = proxy.log().wait_for("GET / ");
        assert!(line.contains(" 403 0 "), "{line}");
    }
}

#[test]
fn rules_after_responses_see_error_pages() {
    let (proxy, _origin) = proxy(" http-after-response set-header X-Status %[status]", &[], OK);
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    assert_eq!(client.reply().expect("a page").field("x-status"), "503");
    // What was never a request has no exchange that rules could judge.
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("GET /a b c\r\n\r\n");
    let page = client.reply().expect("a page");
    assert_eq!((page.status(), page.field("x-status")), (400, ""));
}

#[test]
fn monitors_are_found_under_both_forms() {
    for (uri, target, status) in [
        ("/m", "/m", 200),
        ("/m", "http://a/m", 200),
        ("/m", "/M", 503),
        ("/m", "/m?x", 503),
        ("http://a/m", "http://a/m", 200),
        ("http://a/m", "/m", 503),
    ] {
        let (proxy, _origin) = proxy(&format!(" monitor-uri {uri}"), &[], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(get(target));
        assert_eq!(client.reply().expect("an answer").status(), status, "{uri} {target}");
    }
}

#[test]
fn connections_keep_their_own_addresses() {
    let answer = " http-request return status 200 hdr X %[fc_src],%[src],%[fc_dst],%[dst]";
    for (lines, want) in [
        ("", "127.0.0.1,127.0.0.1,127.0.0.1,127.0.0.1"),
        (" tcp-request connection set-src ipv4(10.0.0.1)\n", "10.0.0.1,10.0.0.1,127.0.0.1,127.0.0.1"),
        (" tcp-request session set-src ipv4(10.0.0.1)\n", "127.0.0.1,10.0.0.1,127.0.0.1,127.0.0.1"),
        (
            " tcp-request connection set-dst ipv4(10.0.0.1)\n tcp-request session set-dst ipv4(10.0.0.2)\n",
            "127.0.0.1,127.0.0.1,10.0.0.1,10.0.0.2",
        ),
        (" http-request set-src ipv4(10.0.0.1)\n", "127.0.0.1,10.0.0.1,127.0.0.1,127.0.0.1"),
    ] {
        let (proxy, _origin) = proxy(&format!("{lines}{answer}"), &[], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        for _ in 0..2 {
            client.send(get("/"));
            assert_eq!(client.reply().expect("an answer").field("x"), want, "{lines}");
        }
    }
}

#[test]
fn requests_reach_the_server_as_the_options_say() {
    for (lines, request, want, absent) in [
        (" option http-restrict-req-hdr-names delete", "X_a: 1\r\nX-b: 2\r\n", "X-b: 2", "X_a"),
        (" option http-restrict-req-hdr-names preserve", "X_a: 1\r\n", "X_a: 1", "X-b"),
        ("", "TE: trailers, gzip\r\n", "TE: trailers\r\n", "gzip"),
        ("", "TE: gzip\r\n", "Host: a\r\n", "TE:"),
        (
            " unique-id-format i-%[req.hdr(host)]\n http-response set-header X %[unique-id]",
            "",
            "Host: a\r\n",
            "i-a",
        ),
    ] {
        let (proxy, origin) = proxy(&format!("{lines}\n{SERVER}"), &[], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{request}\r\n"));
        let answer = client.reply().expect("an answer");
        assert_eq!(answer.status(), 200, "{lines}");
        if lines.contains("unique-id") {
            assert_eq!(answer.field("x"), "i-a");
        }
        drop(client);
        proxy.finish();
        let heard =
            String::from_utf8(origin.transcripts()[0].got.clone()).expect("ASCII").to_ascii_lowercase();
        let (want, absent) = (want.to_ascii_lowercase(), absent.to_ascii_lowercase());
        assert!(heard.contains(&want) && !heard.contains(&absent), "{lines}: {heard}");
    }
}

#[test]
fn doubtful_framing_ends_the_connection() {
    for (request, answer, kept) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OK, true),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            OK,
            false,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            false,
        ),
    ] {
        let (proxy, _origin) = proxy(SERVER, &[], answer);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(request);
        assert_eq!(client.reply().expect("an answer").status(), 200, "{request} {answer}");
        client.send(get("/"));
        assert_eq!(client.reply().is_ok(), kept, "{request} {answer}");
    }
    let (proxy, _origin) = proxy(SERVER, &[], OK);
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(client.reply().expect("a page").status(), 422);
}

#[test]
fn rules_wait_for_the_servers_body() {
    for (rule, answer, want) in [
        ("wait-for-body time 60s", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        (
            "wait-for-body time 60s",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
            "abc",
        ),
        ("wait-for-body time 1ms", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "504"),
        ("wait-for-body time 1ms at-least 3", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "abc"),
    ] {
        let lines = format!(" http-response {rule}\n http-response set-header X %[res.body]\n{SERVER}");
        let (proxy, _origin) = proxy(&lines, &[], answer);
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send(get("/"));
        let got = client.reply_head().expect("an answer");
        let seen = if got.status() == 200 { got.field("x").to_owned() } else { got.status().to_string() };
        assert_eq!(seen, want, "{rule} {answer}");
    }
}

#[test]
fn rules_about_a_servers_bytes_are_kept() {
    const TCP: &str = " mode tcp\n option tcplog\n";
    for (lines, want, ends) in [
        (" tcp-response content reject if { res.len gt 0 }\n tcp-response inspect-delay 60s\n", "", true),
        (
            " tcp-response content reject if { res.payload(0,2) -m str no }\n tcp-response inspect-delay 60s\n",
            "hello",
            false,
        ),
        (" tcp-response content accept\n tcp-response content reject\n", "hello", false),
        (" tcp-response content close if WAIT_END\n tcp-response inspect-delay 100ms\n", "hello", true),
    ] {
        let origin = Origin::start(|_, mut wire| {
            wire.send("hello");
            let end = wire.to_end().1;
            Transcript { got: std::mem::take(&mut wire.got), end: Some(end) }
        });
        let text = format!(
            "global\n log <log> local0\ndefaults\n log global\n timeout connect 10s\n timeout client 60s\n \
             timeout server 60s\nlisten fe\n bind <fe>\n{TCP}{lines}{SERVER}"
        );
        let proxy = Setup::new(text).with("s1", origin.addr()).start();
        let mut client = Wire::connect(proxy.addr("fe"));
        client.send("hi");
        if ends {
            assert_eq!(client.to_end().0, want.as_bytes(), "{lines}");
        } else {
            assert_eq!(client.exactly(want.len()).expect("bytes"), want.as_bytes(), "{lines}");
        }
    }
    let lines = " tcp-response content set-var(txn.a) str(x)\n http-response set-header X %[var(txn.a)]\n";
    let (proxy, _origin) = proxy(&format!("{lines}{SERVER}"), &[], OK);
    let mut client = Wire::connect(proxy.addr("fe"));
    client.send(get("/"));
    assert_eq!(client.reply().expect("an answer").field("x"), "x");
}

#[test]
fn proxies_tell_each_other_who_the_client_is() {
    let answer = " http-request return status 200 hdr X \"%[src]:%[src_port] %[fc_src] %[fc_rcvd_proxy]\"";
    let inner = format!("listen in\n bind <in> accept-proxy\n log-format \"%ci %cp\"\n{answer}\n");
    // The option of the server's line; what the inner proxy sees of a client at 10.0.0.1, port 77.
    for (option, want) in
        [("send-proxy", "10.0.0.1:77 127.0.0.1 1"), ("send-proxy-v2", "10.0.0.1:77 127.0.0.1 1")]
    {
        let outer = format!(
            " http-request set-src ipv4(10.0.0.1)\n http-request set-src-port int(77)\n server s <in> {option}\n{inner}"
        );
        let (proxy, _origin) = proxy(&outer, &[], OK);
        let mut client = Wire::connect(proxy.addr("fe"));
        for _ in 0..2 {
            client.send(get("/"));
            assert_eq!(client.reply().expect("an answer").field("x"), want, "{option}");
        }
        assert!(proxy.log().wait_for("10.0.0.1 77").contains("10.0.0.1 77"));
    }
    // What a client of the inner proxy says; what it hears, or what is logged of it.
    for (says, hears, logged) in [
        ("PROXY TCP4 10.0.0.1 10.0.0.2 77 88\r\n", "10.0.0.1:77 127.0.0.1 1", "10.0.0.1 77"),
        ("PROXY UNKNOWN\r\n", " 127.0.0.1 1", "127.0.0.1"),
        ("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", " 127.0.0.1 1", "127.0.0.1"),
        ("", "", ": Received something which does not look like a PROXY protocol header"),
    ] {
        let (proxy, _origin) = proxy(&inner, &[], OK);
        let mut client = Wire::connect(proxy.addr("in"));
        client.send(format!("{says}{}", get("/")));
        let heard = client.reply().map(|m| m.field("x").to_owned()).unwrap_or_default();
        assert!(heard.ends_with(hears) && heard.is_empty() == hears.is_empty(), "{says:?}: {heard}");
        proxy.log().wait_for(logged);
    }
}
