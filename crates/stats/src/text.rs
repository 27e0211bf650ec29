//! `show stat` in its three forms. Each function writes one piece, so that a long answer can be sent as it is made.

use crate::fields::{self, Field};
use crate::row::Row;
use crate::value::push;

/// Number of the process in typed and JSON output: shards are threads of one.
const PROCESS: u32 = 1;

/// The first line of CSV.
pub fn csv_head(out: &mut Vec<u8>) {
    out.extend_from_slice(b"# ");
    for column in fields::ALL {
        out.extend_from_slice(column.name.as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
}

/// One line of CSV.
pub fn csv_row(row: &Row<'_>, out: &mut Vec<u8>) {
    for column in fields::ALL {
        if column.is_separator() {
            out.push(b'-');
        } else if let Some(value) = column.value(row) {
            value.csv(out);
        }
        out.push(b',');
    }
    out.push(b'\n');
}

/// Columns with their typed positions: the `-` between the fixed and the added ones has none.
fn positions() -> impl Iterator<Item = (usize, &'static Field)> {
    fields::ALL.iter().filter(|f| !f.is_separator()).enumerate()
}

/// The lines of one object in typed form, with the fields' meanings if `desc`.
pub fn typed_row(row: &Row<'_>, desc: bool, out: &mut Vec<u8>) {
    for (position, field) in positions() {
        let Some(value) = field.value(row) else { continue };
        out.push(row.kind.letter());
        push(out, &format_args!(".{}.{}.{position}.{}.{PROCESS}", row.iid, row.sid, field.name));
        field.tags(row.kind).typed(&value, out);
        if desc {
            push(out, &format_args!(":\"{}\"", field.doc));
        }
        out.push(b'\n');
    }
}

/// All rows as one JSON text, without a final line end.
pub fn json<'r, 'a: 'r>(rows: impl IntoIterator<Item = &'r Row<'a>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, row) in rows.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        json_row(row, out);
    }
    out.push(b']');
}

/// One object in JSON: an array of fields.
pub fn json_row(row: &Row<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    let mut first = true;
    for (position, field) in positions() {
        let Some(value) = field.value(row) else { continue };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push(
            out,
            &format_args!(
                "{{\"objType\":\"{}\",\"proxyId\":{},\"id\":{},\"field\":{{\"pos\":{position},\"name\":\"{}\"}},\
                 \"processNum\":{PROCESS},",
                row.kind.word(),
                row.iid,
                row.sid,
                field.name
            ),
        );
        field.tags(row.kind).json(&value, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bstr::{BStr, ByteSlice};

    use super::*;
    use crate::row::{CheckView, Kind, Mode};

    fn cells(row: &Row<'_>) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        csv_row(row, &mut out);
        let line = out.to_str_lossy().trim_end_matches(",\n").to_owned();
        let names = fields::ALL.iter().map(|f| f.name);
        names.zip(line.split(',').map(str::to_owned)).filter(|(_, cell)| !cell.is_empty()).collect()
    }

    #[track_caller]
    fn check(row: &Row<'_>, want: &[(&str, &str)], empty: &[&str]) {
        let cells = cells(row);
        for (name, value) in want {
            let got = cells.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
            assert_eq!(got, Some(*value), "{name}");
        }
        for name in empty {
            assert!(!cells.iter().any(|(n, _)| n == name), "{name} should be empty");
        }
    }

    #[test]
    fn a_server_without_check_in_tcp_mode() {
        let row = Row { kind: Kind::Server, proxy: "be", name: "s1", iid: 4, sid: 1, ..Row::default() };
        check(
            &row,
            &[("svname", "s1"), ("type", "2"), ("lastsess", "-1"), ("mode", "tcp"), ("wrew", "0")],
            &[
                "slim",
                "chkfail",
                "downtime",
                "hrsp_1xx",
                "req_tot",
                "check_status",
                "dreq",
                "comp_in",
                "algo",
                "addr",
            ],
        );
    }

    #[test]
    fn a_checked_server_in_http_mode() {
        let row = Row {
            kind: Kind::Server,
            mode: Mode::Http,
            proxy: "be",
            name: "s1",
            slim: Some(5),
            downtime_s: Some(0),
            check: Some(CheckView {
                status: "L7STS",
                running: true,
                paused: false,
                code: Some(503),
                duration_ms: Some(2),
                last: Cow::Borrowed(BStr::new("Service Unavailable")),
                desc: "Layer7 wrong status",
                rise: 2,
                fall: 3,
                health: 4,
            }),
            cookie: Some(Cow::Borrowed(BStr::new("c1"))),
            ..Row::default()
        };
        check(
            &row,
            &[
                ("slim", "5"),
                ("check_status", "* L7STS"),
                ("check_code", "503"),
                ("last_chk", "Service Unavailable"),
                ("check_health", "4"),
                ("hrsp_5xx", "0"),
                ("cookie", "c1"),
            ],
            &["agent_status", "hanafail", "throttle", "intercepted"],
        );
    }

    #[test]
    fn frontends_and_backends() {
        let front = Row { proxy: "fe", status: "OPEN".into(), slim: Some(100), ..Row::default() };
        check(
            &front,
            &[("svname", "FRONTEND"), ("status", "OPEN"), ("req_tot", "0")],
            &["qcur", "weight", "lastsess"],
        );
        let back = Row { kind: Kind::Backend, proxy: "be", algo: Some("roundrobin"), ..Row::default() };
        check(
            &back,
            &[("svname", "BACKEND"), ("algo", "roundrobin"), ("chkdown", "0")],
            &["conn_tot", "sid_", "ereq"],
        );
    }

    #[test]
    fn typed_and_json_lines() {
        let row = Row { kind: Kind::Listener, proxy: "fe", name: "l,\"1", iid: 2, sid: 1, ..Row::default() };
        let mut typed = Vec::new();
        typed_row(&row, false, &mut typed);
        assert!(typed.starts_with(
            b"L.2.1.0.pxname.1:KNS:str:fe\nL.2.1.1.svname.1:KNS:str:l,\"1\nL.2.1.4.scur.1:MGP:u32:0\n"
        ));
        let mut text = Vec::new();
        json([&row, &row], &mut text);
        assert!(text.starts_with(
            br#"[[{"objType":"Listener","proxyId":2,"id":1,"field":{"pos":0,"name":"pxname"},"processNum":1,"tags":{"origin":"Key","nature":"Name","scope":"Service"},"value":{"type":"str","value":"fe"}},"#
        ));
        assert!(text.ends_with(b"}}]]") && text.contains_str("}}],[{"));
    }
}
