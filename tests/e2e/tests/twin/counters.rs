//! What is counted where: traffic that is played for the books alone.

use evenkeel_e2e::script::Step::{HalfClose, Open, Pause, Reply, Request, Reset, Send, ToEnd, Until, Wait};

use crate::{GET, KEEPS, LAST, OK, ONCE, ROW, Row, check};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";

#[test]
fn rules_and_pages() {
    const ROWS: &[Row] = &[
        Row {
            name: "session rejected",
            fe: " tcp-request session reject if { src 127.0.0.1 }",
            clients: &[&[ToEnd]],
            ..ROW
        },
        Row {
            name: "backend denies",
            be: " http-request deny if { path / }\n server s1 <s1>",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "backend redirects",
            be: " http-request redirect location /x if { path / }\n server s1 <s1>",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "a body with a redirect",
            differs: Some("2.6 counts 15 bytes more in such an answer than in one to GET"),
            fe: " http-request redirect location /x",
            clients: &[&[Send(POST), ToEnd]],
            ..ROW
        },
        Row { name: "rejected by a rule about requests", fe: " http-request reject", clients: ONCE, ..ROW },
        Row {
            name: "answer returned by the backend",
            be: " http-response return status 200 content-type text/plain string hi\n server s1 <s1>",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "strange names denied",
            fe: " option http-restrict-req-hdr-names reject",
            clients: &[&[Send("GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nConnection: close\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "statistics",
            fe: " stats enable\n stats uri /s\n stats admin if TRUE",
            clients: &[&[
                Send(
                    "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\nConnection: close\r\n\r\ns=s1&action=ready&b=%23be1",
                ),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "statistics in a backend",
            be: " stats enable\n stats uri /s\n stats admin if TRUE\n server s1 <s1>",
            clients: &[&[
                Send(
                    "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\nConnection: close\r\n\r\ns=s1&action=ready&b=%23be1",
                ),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "failed rewrite",
            fe: " http-request set-header X-A 1 if { path /no }\n http-request replace-path (.*) /x\\1",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "tcp answers judged",
            defaults: " mode tcp\n option tcplog",
            be: " tcp-response inspect-delay 1s\n tcp-response content reject if { res.payload(0,3) -m str bad }\n server s1 <s1>",
            origins: &[&[&[Until("hello"), Send("bad"), ToEnd]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
    ];
    check(ROWS);
}

/// A counter of 2.6.
const RETRIED_TWICE: &str = "2.6 counts a retry for an answer's sake twice";

#[test]
fn servers() {
    const ROWS: &[Row] = &[
        Row {
            name: "reuse",
            defaults: " http-reuse always",
            origins: &[KEEPS],
            clients: &[&[Send(GET), Reply, Send(GET), Reply, Send(LAST), ToEnd], ONCE[0]],
            books: &[
                ("be/s1 idle_conn_cur", "we do not tell idle connections that were used again from others"),
                ("be/s1 safe_conn_cur", "the same"),
            ],
            ..ROW
        },
        Row {
            name: "an idle connection closed by its server",
            origins: &[&[&[Request, Send(OK)], &[Request, Send(OK)]]],
            clients: &[&[Send(GET), Reply, Pause(50), Send(LAST), ToEnd]],
            ..ROW
        },
        Row {
            name: "closed on the second request",
            differs: Some("we ask again on a new connection where nobody can tell: docs/decisions/0009"),
            origins: &[&[&[Request, Send(OK), Request]]],
            clients: &[&[Send(GET), Reply, Send(GET), ToEnd]],
            ..ROW
        },
        Row {
            name: "retry-on",
            books: &[("be/s1 wretr", RETRIED_TWICE), ("be/BACKEND wretr", RETRIED_TWICE)],
            defaults: " retries 2\n retry-on empty-response 503",
            origins: &[&[
                &[Request],
                &[Request, Send("HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")],
                &[Request, Send(OK)],
            ]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "retry-on, in vain",
            books: &[("be/s1 wretr", RETRIED_TWICE), ("be/BACKEND wretr", RETRIED_TWICE)],
            defaults: " retries 1\n retry-on empty-response",
            origins: &[&[&[Request]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "served from the queue",
            be: " server s1 <s1> maxconn 1",
            origins: &[&[
                &[Request, Open("busy"), Wait("waiting"), Pause(100), Send(OK)],
                &[Request, Send(OK)],
            ]],
            clients: &[&[Send(LAST), ToEnd], &[Wait("busy"), Open("waiting"), Send(LAST), ToEnd]],
            ..ROW
        },
        Row {
            name: "the client leaves the queue",
            defaults: " option abortonclose",
            be: " server s1 <s1> maxconn 1",
            origins: &[&[&[Request, Open("busy"), Wait("left"), Pause(100), Send(OK)]]],
            clients: &[&[Send(LAST), ToEnd], &[Wait("busy"), Send(GET), Pause(50), Open("left"), Reset]],
            ..ROW
        },
        Row {
            name: "the client leaves while it connects",
            defaults: " option abortonclose\n timeout connect 500ms\n retries 0",
            be: " server s1 <swamp>",
            origins: &[],
            clients: &[&[Send(GET), Pause(50), Reset]],
            ..ROW
        },
        Row {
            name: "the client leaves the tarpit",
            differs: Some("2.6 does not see it leave; its manual has `CT` for it"),
            defaults: " timeout tarpit 500ms",
            fe: " http-request tarpit",
            clients: &[&[Send(GET), Pause(50), Reset]],
            ..ROW
        },
        Row {
            name: "persistence",
            be: " balance roundrobin\n cookie S insert\n server s1 <s1> cookie a\n server s2 <s2> cookie b",
            origins: &[KEEPS, KEEPS],
            clients: &[
                ONCE[0],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=b\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=b\r\nConnection: close\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "a server asked for by a rule",
            be: " use-server s2 if { path / }\n server s1 <s1>\n server s2 <s2>",
            origins: &[KEEPS, KEEPS],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "a server that redirects",
            be: " server s1 <s1> redir http://else:8",
            origins: &[KEEPS],
            clients: &[
                &[Send("GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n"), Reply, Pause(50), Send(LAST), ToEnd],
                &[Send(POST), ToEnd],
            ],
            ..ROW
        },
        Row { name: "nolinger", defaults: " option nolinger", clients: ONCE, ..ROW },
        Row {
            name: "max-keep-alive-queue",
            defaults: " option prefer-last-server\n max-keep-alive-queue 1",
            be: " balance roundrobin\n server s1 <s1>\n server s2 <s2>",
            origins: &[KEEPS, KEEPS],
            clients: &[&[Send(GET), Reply, Send(GET), Reply, Send(LAST), ToEnd]],
            ..ROW
        },
        Row { name: "dispatch", be: " dispatch <s1>", clients: ONCE, ..ROW },
        Row {
            name: "dispatch refused",
            defaults: " retries 0",
            be: " dispatch <dead>",
            origins: &[],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "backup",
            be: " server s1 <dead> disabled\n server s2 <s1> backup",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "tcp client closes first",
            defaults: " mode tcp\n option tcplog",
            origins: &[&[&[Until("hello"), Send("world"), ToEnd]]],
            clients: &[&[Send("hello"), Until("world"), HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp refused, then another",
            defaults: " mode tcp\n option tcplog\n retries 1\n option redispatch",
            be: " balance roundrobin\n server dead <dead>\n server s1 <s1>",
            origins: &[&[&[Until("hello"), Send("world")]]],
            clients: &[&[Send("hello"), ToEnd], &[Send("hello"), ToEnd]],
            ..ROW
        },
    ];
    check(ROWS);
}
