//! Who is waited for, how long, and what then.

use evenkeel_e2e::script::Step::{
    HalfClose, Open, Pause, Reply, ReplyHead, Request, Send, ToEnd, Until, Wait,
};

use crate::{GET, KEEPS, LAST, OK, ONCE, ROW, Row, check};

#[test]
fn timeouts() {
    const ROWS: &[Row] = &[
        Row {
            name: "http-request",
            defaults: " timeout http-request 200ms",
            clients: &[&[Send("GET / HTTP/1.1\r\nHost:"), ToEnd], &[ToEnd]],
            ..ROW
        },
        Row {
            name: "http-request, dontlognull",
            defaults: " timeout http-request 200ms\n option dontlognull",
            clients: &[&[ToEnd]],
            ..ROW
        },
        Row {
            name: "http-request, ignore-probes",
            defaults: " timeout http-request 200ms\n option http-ignore-probes",
            clients: &[&[ToEnd], &[HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "http-keep-alive",
            defaults: " timeout http-keep-alive 200ms",
            origins: &[KEEPS],
            clients: &[&[Send(GET), Reply, ToEnd]],
            ..ROW
        },
        Row {
            name: "client, before a request",
            defaults: " timeout client 200ms\n timeout http-request 60s",
            clients: &[&[ToEnd], &[Send("GET /"), ToEnd]],
            ..ROW
        },
        Row {
            name: "client, between requests",
            defaults: " timeout client 200ms\n timeout http-keep-alive 60s",
            origins: &[KEEPS],
            clients: &[&[Send(GET), Reply, ToEnd]],
            ..ROW
        },
        Row {
            name: "client, within a head that goes on",
            defaults: " timeout client 1s",
            clients: &[&[
                Send("GET / HTTP/1.1\r\n"),
                Pause(600),
                Send("Host:"),
                Pause(600),
                Send(" a\r\n\r\n"),
                Reply,
            ]],
            ..ROW
        },
        Row {
            name: "between requests, within a head",
            defaults: " timeout http-keep-alive 200ms\n timeout http-request 300ms",
            origins: &[KEEPS],
            clients: &[&[Send(GET), Reply, Send("GET /"), ToEnd]],
            ..ROW
        },
        Row {
            name: "client, within its body",
            differs: Some("2.6 waits for the server instead, against its manual, which says `cH`"),
            defaults: " timeout client 200ms",
            origins: &[&[&[ToEnd]]],
            clients: &[&[Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"), ToEnd]],
            ..ROW
        },
        Row {
            name: "server, before the head",
            defaults: " timeout server 200ms",
            origins: &[&[&[ToEnd]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "server, within the body",
            defaults: " timeout server 200ms",
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), ToEnd]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "connect",
            defaults: " timeout connect 100ms\n retries 1",
            be: " server s1 <swamp>",
            origins: &[],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "refused",
            defaults: " retries 0",
            be: " server s1 <dead>",
            origins: &[],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "refused, then another",
            defaults: " retries 1\n option redispatch",
            be: " balance roundrobin\n server dead <dead>\n server s1 <s1>",
            clients: &[ONCE[0], ONCE[0], ONCE[0]],
            ..ROW
        },
        Row {
            name: "refused, others in turn",
            defaults: " retries 3\n option redispatch",
            be: " balance roundrobin\n server dead <dead>\n server gone <gone>\n server s1 <s1>",
            clients: &[ONCE[0], ONCE[0], ONCE[0]],
            ..ROW
        },
        Row {
            name: "refused, others by load",
            defaults: " retries 3\n option redispatch",
            be: " balance leastconn\n server dead <dead>\n server s1 <s1>",
            clients: &[ONCE[0], ONCE[0]],
            ..ROW
        },
        Row {
            name: "refused, others by hash",
            defaults: " retries 1\n option redispatch",
            be: " balance uri\n server dead <dead>\n server s1 <s1>",
            clients: &[
                ONCE[0],
                &[Send("GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "errors leave the connection usable",
            defaults: " retries 0\n timeout server 200ms",
            fe: " use_backend none if { path /none }\n use_backend slow if { path /slow }",
            be: " server s1 <dead>",
            more: "backend none\nbackend slow\n server s1 <s1>",
            origins: &[&[&[ToEnd]]],
            clients: &[&[
                Send(GET),
                Reply,
                Send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n"),
                Reply,
                Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"),
                Reply,
                Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
                ReplyHead,
                HalfClose,
                ToEnd,
            ]],
            ..ROW
        },
        Row { name: "no server", be: "", origins: &[], clients: ONCE, ..ROW },
        Row { name: "all disabled", be: " server s1 <s1> disabled", clients: ONCE, ..ROW },
        Row {
            name: "queue",
            defaults: " timeout queue 200ms",
            be: " server s1 <s1> maxconn 1",
            origins: &[&[&[Request, Open("busy"), Wait("done"), Send(OK)]]],
            clients: &[&[Send(LAST), ToEnd], &[Wait("busy"), Send(LAST), ToEnd, Open("done")]],
            ..ROW
        },
        Row {
            name: "tunnel",
            defaults: " timeout tunnel 200ms",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"),
                ToEnd,
            ]]],
            clients: &[&[
                Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "tarpit",
            defaults: " timeout tarpit 200ms",
            fe: " http-request tarpit",
            clients: ONCE,
            ..ROW
        },
    ];
    check(ROWS);
}
