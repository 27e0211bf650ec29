//! What is no HTTP, and who leaves before the end.

use evenkeel_e2e::script::Step::{HalfClose, Open, Pause, Request, Reset, Send, ToEnd, Until, Wait};

use crate::{GET, KEEPS, LAST, OK, ONCE, ROW, Row, check};

/// A counter of 2.6.
const TWICE: &str = "2.6 counts one reset as two bad answers";

#[test]
fn bad_requests() {
    const ROWS: &[Row] = &[
        Row {
            name: "not HTTP",
            clients: &[
                &[Send("nonsense\r\n\r\n"), ToEnd],
                &[Send("GET /\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nno colon\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nName : v\r\n\r\n"), ToEnd],
                &[Send("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), ToEnd],
                &[Send("\x16\x03\x01\x02\x00\x01\x00"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "smuggling shapes",
            origins: &[KEEPS],
            clients: &[
                &[
                    Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
                    ToEnd,
                ],
                &[Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), ToEnd],
                &[Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\na"), ToEnd],
                &[Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"), ToEnd],
                &[
                    Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\nConnection: close\r\n\r\nab"),
                    ToEnd,
                ],
                &[Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), ToEnd],
                &[
                    Send(
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\nConnection: close\r\n\r\n0\r\n\r\n",
                    ),
                    ToEnd,
                ],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "bad chunks",
            origins: &[&[&[Request]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "bare line feeds",
            clients: &[&[Send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "blank line first",
            clients: &[&[Send("\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "silence",
            clients: &[&[HalfClose, ToEnd], &[Send("GET / HT"), HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "dontlognull",
            defaults: " option dontlognull",
            clients: &[
                &[HalfClose, ToEnd],
                &[Send("GET / HT"), HalfClose, ToEnd],
                &[Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"), ToEnd],
                ONCE[0],
            ],
            ..ROW
        },
        Row {
            name: "silence in tcp mode",
            defaults: " mode tcp\n option tcplog\n option dontlognull",
            origins: &[&[&[ToEnd]]],
            clients: &[&[HalfClose, ToEnd]],
            ..ROW
        },
    ];
    check(ROWS);
}

#[test]
fn bad_answers() {
    const ROWS: &[Row] = &[
        Row { name: "closes at once", origins: &[&[&[Until("\r\n\r\n")]]], clients: ONCE, ..ROW },
        Row {
            name: "resets at once",
            origins: &[&[&[Until("\r\n\r\n"), Reset]]],
            clients: ONCE,
            books: &[("be/s1 eresp", TWICE), ("be/BACKEND eresp", TWICE)],
            ..ROW
        },
        Row {
            name: "answers nonsense",
            origins: &[&[&[Request, Send("nonsense\r\n\r\n")]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "closes within the head",
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nConte")]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "closes within the body",
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "resets within the body",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
                Wait("half"),
                Reset,
            ]]],
            clients: &[&[Send(LAST), Until("half"), Open("half"), ToEnd]],
            ..ROW
        },
        Row {
            name: "closes within a chunk",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            ]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "two lengths",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"),
            ]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "bad chunk",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n"),
            ]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "answers before the body",
            origins: &[&[&[
                Until("\r\n\r\n"),
                Send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n"),
                ToEnd,
            ]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"),
                Until("no\n"),
                HalfClose,
                ToEnd,
            ]],
            ..ROW
        },
    ];
    check(ROWS);
}

#[test]
fn client_aborts() {
    const ROWS: &[Row] = &[
        Row {
            name: "while the server thinks",
            defaults: " option abortonclose",
            origins: &[&[&[Request, Open("asked"), ToEnd]]],
            clients: &[&[Send(GET), Wait("asked"), Reset]],
            ..ROW
        },
        Row {
            name: "closes while the server thinks",
            differs: Some("each counts the bytes of its own page for 400"),
            defaults: " option abortonclose",
            origins: &[&[&[Request, Open("asked"), ToEnd]]],
            clients: &[&[Send(GET), Wait("asked"), HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "while the server thinks, without abortonclose",
            defaults: " timeout server 300ms",
            origins: &[&[&[Request, Open("asked"), ToEnd]]],
            clients: &[&[Send(GET), Wait("asked"), HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "resets while the server thinks",
            defaults: " timeout server 500ms",
            origins: &[&[&[Request, Open("asked"), ToEnd]]],
            clients: &[&[Send(GET), Wait("asked"), Reset]],
            ..ROW
        },
        Row {
            name: "half-closes and waits",
            origins: &[&[&[Request, Wait("closed"), Pause(50), Send(OK)]]],
            clients: &[&[Send(GET), HalfClose, Open("closed"), ToEnd]],
            ..ROW
        },
        Row {
            name: "within its body",
            origins: &[&[&[Until("half"), Open("asked"), ToEnd]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"),
                Wait("asked"),
                HalfClose,
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "resets within its body",
            origins: &[&[&[Until("half"), Open("asked"), ToEnd]]],
            clients: &[&[
                Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"),
                Wait("asked"),
                Reset,
            ]],
            ..ROW
        },
        Row {
            name: "within the answer's body",
            differs: Some(
                "the original holds the server's connection until its timeout: it does not see the reset",
            ),
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ToEnd]]],
            clients: &[&[Send(GET), Until("half"), Reset]],
            ..ROW
        },
    ];
    check(ROWS);
}
