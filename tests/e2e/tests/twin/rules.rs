//! Rules that judge, change and answer.

use evenkeel_e2e::script::Step::{HalfClose, Reply, Request, Send, ToEnd};

use crate::{KEEPS, LAST, ONCE, ROW, Row, check};

#[test]
fn rules() {
    const ROWS: &[Row] = &[
        Row {
            name: "deny",
            fe: " http-request deny if { path /no }\n http-request deny deny_status 429 if { path /slow }",
            origins: &[KEEPS],
            clients: &[
                &[
                    Send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n"),
                    Reply,
                    Send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"),
                    Reply,
                    Send(LAST),
                    ToEnd,
                ],
                &[
                    Send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
                    Reply,
                    HalfClose,
                    ToEnd,
                ],
            ],
            ..ROW
        },
        Row {
            name: "redirect",
            fe: concat!(
                " http-request redirect location /else code 301 if { path /a }\n",
                " http-request redirect prefix http://b if { path_beg /b }\n",
                " redirect scheme https code 308 if { path /c }\n",
                " http-request redirect location /d2 drop-query set-cookie X=1 if { path /d }"
            ),
            clients: &[
                &[
                    Send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
                    Reply,
                    Send("GET /b?q=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                    ToEnd,
                ],
                &[Send("GET /c?x HTTP/1.1\r\nHost: h:8\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET /d?x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), ToEnd],
            ],
            ..ROW
        },
        Row {
            name: "return",
            fe: concat!(
                " http-request return status 200 content-type text/plain string hello hdr X-Y z if { path /a }\n",
                " http-request return status 404 if { path /b }\n",
                " http-request return status 200 content-type text/plain lf-string \"%[src] %[path]\" if { path /c }"
            ),
            clients: &[&[
                Send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
                Reply,
                Send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n"),
                Reply,
                Send("GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "edits of requests",
            fe: concat!(
                " http-request set-header X-A \"%[src] %[req.hdr(host)]\"\n",
                " http-request add-header X-B 1\n",
                " http-request del-header X-Del\n",
                " http-request replace-header Cookie foo=([^;]*);(.*) foo=\\1;ip=%bi;\\2\n",
                " http-request replace-value X-List ([a-z]+) <\\1>\n",
                " http-request set-path /p%[path]\n",
                " http-request set-query q=%[query]\n",
                " http-request set-method PUT"
            ),
            clients: &[&[
                Send(
                    "GET /x?y HTTP/1.1\r\nHost: a\r\nX-B: 0\r\nX-Del: 1\r\nCookie: foo=1; bar=2\r\nX-List: a, b,c\r\nConnection: close\r\n\r\n",
                ),
                ToEnd,
            ]],
            ..ROW
        },
        Row {
            name: "edits of answers",
            be: " http-response set-header X-A 1\n http-response del-header Server\n http-response replace-header X-L a(.) b\\1\n http-response set-status 203\n server s1 <s1>",
            origins: &[&[&[
                Request,
                Send("HTTP/1.1 200 OK\r\nServer: x\r\nX-L: a1\r\nContent-Length: 2\r\n\r\nok"),
            ]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "answer denied",
            be: " http-response deny if { res.hdr(x-secret) -m found }\n server s1 <s1>",
            origins: &[&[&[Request, Send("HTTP/1.1 200 OK\r\nX-Secret: x\r\nContent-Length: 2\r\n\r\nok")]]],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "auth",
            more: "userlist u\n user a insecure-password b\n",
            fe: " http-request auth realm hi if !{ http_auth(u) }",
            clients: &[
                ONCE[0],
                &[
                    Send(
                        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nConnection: close\r\n\r\n",
                    ),
                    ToEnd,
                ],
            ],
            ..ROW
        },
        Row {
            name: "connection rejected",
            fe: " tcp-request connection reject if { src 127.0.0.1 }",
            clients: &[&[ToEnd]],
            ..ROW
        },
        Row {
            name: "content rejected",
            fe: " tcp-request inspect-delay 1s\n tcp-request content reject if { path /no }",
            clients: &[&[Send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "silent-drop",
            fe: " http-request silent-drop if { path /no }",
            clients: &[&[Send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "backends",
            fe: " use_backend other if { path_beg /o }\n use_backend %[path,field(2,/)] if { path_beg /dyn }",
            more: "backend other\n server s2 <s2>\nbackend dyn\n server s2 <s2>",
            origins: &[KEEPS, &[&[Request, Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")]]],
            clients: &[
                &[Send("GET /o HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
                &[Send("GET /dyn HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd],
                ONCE[0],
            ],
            ..ROW
        },
        Row {
            name: "errorfile",
            defaults: " errorfile 503 <page>",
            be: "",
            origins: &[],
            clients: ONCE,
            ..ROW
        },
        Row {
            name: "monitor",
            fe: " monitor-uri /alive\n acl down path /x\n monitor fail if down",
            clients: &[&[Send("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n"), ToEnd]],
            ..ROW
        },
        Row {
            name: "stats",
            differs: Some("2.6 logs status 400 and the bytes of two pages for its 401"),
            fe: " stats enable\n stats uri /s\n stats auth a:b\n stats realm R",
            clients: &[&[Send("GET /s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), ToEnd]],
            ..ROW
        },
    ];
    check(ROWS);
}
