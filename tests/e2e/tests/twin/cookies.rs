//! Persistence by cookies.

use evenkeel_e2e::script::Step::{self, Request, Send, ToEnd};

use crate::{KEEPS, LAST, ONCE, ROW, Row, check};

#[test]
fn cookies() {
    const TWO: &[&[&[Step]]] = &[
        &[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none")]],
        &[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")]],
    ];
    const ASK: &[&[Step]] = &[
        &[Send(LAST), ToEnd],
        &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=b\r\nConnection: close\r\n\r\n"), ToEnd],
        &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; S=a; y=2\r\nConnection: close\r\n\r\n"), ToEnd],
        &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=gone\r\nConnection: close\r\n\r\n"), ToEnd],
        &[Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=a~xyz\r\nConnection: close\r\n\r\n"), ToEnd],
    ];
    const ROWS: &[Row] = &[
        Row {
            name: "insert",
            be: " cookie S insert\n server s1 <s1> cookie a\n server s2 <s2> cookie b",
            origins: TWO,
            clients: ASK,
            ..ROW
        },
        Row {
            name: "insert indirect nocache, attributes",
            be: " cookie S insert indirect nocache httponly secure domain .a.b attr SameSite=Lax\n server s1 <s1> cookie a\n server s2 <s2> cookie b",
            origins: TWO,
            clients: ASK,
            ..ROW
        },
        Row {
            name: "insert nocache where nothing is cached anyway",
            be: " cookie S insert nocache\n server s1 <s1> cookie a",
            origins: &[&[
                &[Request, Send("HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nContent-Length: 0\r\n\r\n")],
                &[Request, Send("HTTP/1.1 200 OK\r\nCache-Control: public\r\nContent-Length: 0\r\n\r\n")],
                &[Request, Send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")],
            ]],
            clients: &[
                ONCE[0],
                ONCE[0],
                ONCE[0],
                &[
                    Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
                    ToEnd,
                ],
            ],
            ..ROW
        },
        Row {
            name: "insert postonly",
            be: " cookie S insert postonly\n server s1 <s1> cookie a",
            origins: &[KEEPS],
            clients: &[
                ONCE[0],
                &[
                    Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
                    ToEnd,
                ],
            ],
            ..ROW
        },
        Row {
            name: "rewrite",
            be: " cookie S rewrite\n server s1 <s1> cookie a",
            origins: &[&[&[
                Request,
                Send(
                    "HTTP/1.1 200 OK\r\nSet-Cookie: S=xyz; path=/\r\nSet-Cookie: T=1\r\nContent-Length: 2\r\n\r\nok",
                ),
            ]]],
            clients: ASK,
            ..ROW
        },
        Row {
            name: "prefix",
            be: " cookie S prefix\n server s1 <s1> cookie a",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nSet-Cookie: S=xyz; path=/\r\nContent-Length: 2\r\n\r\nok"),
            ]]],
            clients: ASK,
            ..ROW
        },
        Row {
            name: "preserve",
            be: " cookie S insert preserve\n server s1 <s1> cookie a",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nSet-Cookie: S=own\r\nContent-Length: 2\r\n\r\nok"),
            ]]],
            clients: ASK,
            ..ROW
        },
        Row {
            name: "its server is down",
            be: " cookie S insert\n server s1 <s1> cookie a\n server s2 <s2> cookie b disabled",
            origins: TWO,
            clients: ASK,
            ..ROW
        },
        Row {
            name: "its server refuses",
            defaults: " retries 1\n option redispatch 1",
            be: " cookie S insert\n server s1 <s1> cookie a\n server s2 <dead> cookie b",
            origins: &[TWO[0]],
            clients: &[&[
                Send("GET / HTTP/1.1\r\nHost: a\r\nCookie: S=b\r\nConnection: close\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
    ];
    check(ROWS);
}
