//! Messages in every framing, and what becomes of connections.

use evenkeel_e2e::script::Step::{Fill, Reply, ReplyHead, Request, Send, ToEnd, Until};

use crate::{GET, KEEPS, LAST, OK, ONCE, ROW, Row, check};

#[test]
fn messages() {
    const ROWS: &[Row] = &[
        Row { name: "one request", clients: ONCE, ..ROW },
        Row {
            name: "keep-alive",
            origins: &[KEEPS],
            clients: &[&[Send(GET), Reply, Send(GET), Reply, Send(LAST), ToEnd]],
            ..ROW
        },
        Row {
            name: "server-close",
            defaults: " option http-server-close",
            clients: &[&[Send(GET), Reply, Send(GET), Reply, Send(LAST), ToEnd]],
            ..ROW
        },
        Row { name: "httpclose", defaults: " option httpclose", clients: &[&[Send(GET), ToEnd]], ..ROW },
        Row {
            name: "pipelined",
            origins: &[KEEPS],
            clients: &[&[
                Send(concat!(
                    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
                    "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                    "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                )),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "HTTP/1.0",
            clients: &[
                &[Send("GET / HTTP/1.0\r\n\r\n"), ToEnd],
                &[
                    Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                    Reply,
                    Send("GET / HTTP/1.0\r\n\r\n"),
                    ToEnd,
                ],
            ],
            origins: &[KEEPS],
            ..ROW
        },
        Row {
            name: "old server",
            differs: Some("we say that we close, as RFC 9112 §9.6 asks"),
            origins: &[&[&[Request, Send("HTTP/1.0 200 OK\r\nX: y\r\n\r\nto the end")]]],
            clients: &[&[Send(GET), ToEnd]],
            ..ROW
        },
        Row {
            name: "HEAD, 204, 304",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"),
                Until("\r\n\r\n"),
                Send("HTTP/1.1 204 No Content\r\n\r\n"),
                Until("\r\n\r\n"),
                Send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
            ]]],
            clients: &[&[
                Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
                ReplyHead,
                Send(GET),
                Reply,
                Send("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\nConnection: close\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "chunked both ways with trailers",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n"),
                Send("5;x=y\r\ndefgh\r\n0\r\nX-T: end\r\n\r\n"),
            ]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
                Send("4\r\n1234\r\n2;ext\r\n56\r\n0\r\nX-Up: yes\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "100-continue",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 100 Continue\r\n\r\n"),
                Until("body"),
                Send(OK),
            ]]],
            clients: &[&[
                Send(
                    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
                ),
                Until("100 Continue\r\n\r\n"),
                Send("body"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "103 first",
            origins: &[&[&[
                Request,
                Send(
                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                ),
            ]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "upgrade",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"),
                Until("hello"),
                Send("world"),
                Until("bye"),
            ]]],
            clients: &[&[
                Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"),
                Until("\r\n\r\n"),
                Send("hello"),
                Until("world"),
                Send("bye"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "CONNECT",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 200 Connected\r\n\r\n"),
                Until("hello"),
                Send("world"),
            ]]],
            clients: &[&[
                Send("CONNECT a:8443 HTTP/1.1\r\nHost: a:8443\r\n\r\n"),
                Until("\r\n\r\n"),
                Send("hello"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "absolute form and odd hosts",
            origins: &[KEEPS],
            clients: &[
                &[Send("GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), Reply],
                &[Send("GET http://a:80/x HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "forwardfor",
            defaults: " option forwardfor\n option http-server-close",
            clients: &[&[
                Send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: close\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "forwardfor except, header, if-none",
            defaults: " option forwardfor except 127.0.0.0/8",
            be: " option forwardfor header X-Client if-none\n option originalto\n server s1 <s1>",
            clients: &[
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nX-Client: 1.2.3.4\r\nConnection: close\r\n\r\n"), ToEnd],
                ONCE[0],
            ],
            ..ROW
        },
        Row {
            name: "large both ways",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"),
                Fill(300_000),
            ]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n"),
                Fill(200_000),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "hop-by-hop fields",
            origins: &[&[&[
                Request,
                Send(
                    "HTTP/1.1 200 OK\r\nConnection: x-own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
                ),
            ]]],
            clients: &[&[
                Send(
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-mine, close\r\nX-Mine: 1\r\nTE: trailers\r\nProxy-Connection: close\r\n\r\n",
                ),
                ToEnd,
            ]],
            ..ROW
        },
    ];
    check(ROWS);
}
