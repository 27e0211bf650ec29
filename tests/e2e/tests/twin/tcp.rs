//! TCP mode.

use evenkeel_e2e::script::Step::{Fill, HalfClose, Open, Reset, Send, ToEnd, Until, Wait};

use crate::{ROW, Row, check};

#[test]
fn tcp_mode() {
    const TCP: &str = " mode tcp\n option tcplog";
    const ROWS: &[Row] = &[
        Row {
            name: "tcp",
            defaults: TCP,
            origins: &[&[&[Until("hello"), Send("world")]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp half-close",
            defaults: TCP,
            origins: &[&[&[ToEnd, Send("after your end")]]],
            clients: &[&[Send("hello"), HalfClose, ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp server first",
            defaults: TCP,
            origins: &[&[&[Send("220 hi"), Until("quit"), Send("bye")]]],
            clients: &[&[Until("220 hi"), Send("quit"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp refused",
            defaults: " mode tcp\n option tcplog\n retries 1",
            be: " server s1 <dead>",
            origins: &[],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp no server",
            defaults: TCP,
            be: "",
            origins: &[],
            // Whether bytes came before the end is chance.
            clients: &[&[ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp client timeout",
            defaults: " mode tcp\n option tcplog\n timeout client 200ms",
            origins: &[&[&[ToEnd]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp server timeout",
            defaults: " mode tcp\n option tcplog\n timeout server 200ms",
            origins: &[&[&[ToEnd]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp connect timeout",
            defaults: " mode tcp\n option tcplog\n timeout connect 100ms\n retries 0",
            be: " server s1 <swamp>",
            origins: &[],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp server resets",
            defaults: TCP,
            origins: &[&[&[Until("hello"), Reset]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp client resets",
            defaults: TCP,
            origins: &[&[&[Until("hello"), Send("world"), ToEnd]]],
            clients: &[&[Send("hello"), Until("world"), Reset]],
            ..ROW
        },
        Row {
            name: "tcp large",
            defaults: TCP,
            origins: &[&[&[Until("hello"), Fill(500_000)]]],
            clients: &[&[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp content rules",
            defaults: TCP,
            fe: " tcp-request inspect-delay 2s\n tcp-request content accept if { req.payload(0,5) -m str hello }\n tcp-request content reject if { req.len ge 5 }",
            origins: &[&[&[Until("hello"), Send("world")]]],
            clients: &[&[Send("other"), ToEnd], &[Send("hello"), ToEnd]],
            ..ROW
        },
        Row {
            name: "tcp queue timeout",
            defaults: " mode tcp\n option tcplog\n timeout queue 200ms",
            be: " server s1 <s1> maxconn 1",
            origins: &[&[&[Until("hello"), Open("busy"), Wait("done"), Send("world")]]],
            clients: &[&[Send("hello"), ToEnd], &[Wait("busy"), Send("other"), ToEnd, Open("done")]],
            ..ROW
        },
    ];
    check(ROWS);
}
