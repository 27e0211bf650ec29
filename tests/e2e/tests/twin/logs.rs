//! Log lines: formats, aliases, captures, levels.

use evenkeel_e2e::script::Step::{Open, Reply, Request, Send, ToEnd, Until, Wait};

use crate::{KEEPS, LAST, OK, ONCE, ROW, Row, check};

#[test]
fn formats() {
    const ROWS: &[Row] = &[
        Row { name: "tcplog in http mode", defaults: " option tcplog", clients: ONCE, ..ROW },
        Row { name: "clf", defaults: " option httplog clf", clients: ONCE, ..ROW },
        Row {
            name: "aliases",
            fe: " log-format \"%ci:%cp %f %ft %fi:%fp %b %s %si:%sp %ST %B %U %CC %CS %tsc %ts %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %hrl %hsl %{+Q}r %HM %HP %HPO %HQ %HU %HV %rt %lc %o x\"",
            origins: &[KEEPS],
            clients: &[&[Send("GET /a/b?c=d HTTP/1.1\r\nHost: a\r\n\r\n"), Reply, Send(LAST), ToEnd]],
            ..ROW
        },
        Row {
            name: "captures",
            fe: " capture request header Host len 3\n capture request header User-Agent len 20\n capture response header Server len 10\n capture cookie SID= len 10",
            origins: &[&[&[
                Request,
                Send(
                    "HTTP/1.1 200 OK\r\nServer: me\r\nSet-Cookie: SID=new12345678; path=/\r\nContent-Length: 2\r\n\r\nok",
                ),
            ]]],
            clients: &[&[
                Send(
                    "GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: \"x|y\" {z}\r\nCookie: SID=old\r\nConnection: close\r\n\r\n",
                ),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "expressions",
            fe: " log-format \"%[src] %[capture.req.method] %[capture.req.uri,upper] %[capture.req.ver] %[var(txn.x)] %{+Q}[var(txn.none)] %[fe_name] %[int(5),add(2)] %{+E}[capture.req.uri] %{+X}[int(255)]\"\n http-request set-var(txn.x) str(v)",
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")]]],
            clients: &[&[Send("GET /a\"b?c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "odd bytes in the request line",
            clients: &[&[
                Send("GET /\u{e9}\u{1f600}~ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "logasap",
            defaults: " option logasap",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
                Wait("head"),
                Send("ok"),
            ]]],
            clients: &[&[Send(LAST), Until("\r\n\r\n"), Open("head"), ToEnd]],
            ..ROW
        },
        Row {
            name: "log levels",
            defaults: " option log-separate-errors",
            fe: " http-request set-log-level alert if { path /a }\n http-request set-log-level silent if { path /b }",
            origins: &[&[&[Request, Send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]]],
            clients: &[
                ONCE[0],
                &[Send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "dontlog-normal",
            defaults: " option dontlog-normal",
            origins: &[&[
                &[Request, Send(OK)],
                &[Request, Send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")],
                &[Request, Send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")],
            ]],
            clients: &[ONCE[0], ONCE[0], ONCE[0]],
            ..ROW
        },
        Row {
            name: "tag, facility, unique id",
            defaults: " unique-id-format %{+X}o\\ %rt\n unique-id-header X-Id\n log-tag tag",
            fe: " log-format \"%ID %r\"",
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "request that was edited",
            fe: " http-request set-path /other\n http-request set-header Host b\n capture request header Host len 9",
            clients: ONCE,
            ..ROW
        },
    ];
    check(ROWS);
}
