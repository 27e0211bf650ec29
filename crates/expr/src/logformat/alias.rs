//! The registry of log variables (configuration manual §8.2.6).

use std::net::IpAddr;

use evenkeel_base::WallTime;

use super::write::{self, Unsafe};
use super::{Flags, timers};
use crate::calendar::Moment;
use crate::conv::encode::hex;
use crate::env::Env;
use crate::facts::Peer;
use crate::fetch::capture::request_line;
use crate::needs::Needs;

/// Writes the variable; false if it wrote nothing and takes no place between spaces.
type Write = fn(&Env<'_>, Flags, &mut Vec<u8>) -> bool;

/// An entry of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The letters after `%`.
    pub name: &'static str,
    /// What it looks at.
    pub needs: Needs,
    /// One sentence.
    pub doc: &'static str,
    /// How it is written.
    pub(super) write: Write,
}

/// What the original writes for a request that could not be read.
const BAD_REQUEST: &[u8] = b"<BADREQ>";
/// What it writes where no server was reached.
const NO_SERVER: &str = "<NOSRV>";

/// Every entry.
pub const ALIASES: &[Alias] = &[
    alias("o", Needs::NOTHING, "Nothing; its flags hold for all that follows.", |_, _, _| false),
    alias("B", Needs::END, "Bytes to the client.", |e, _, o| {
        early(e, o);
        num(e.stream.bytes_out as i64, o)
    }),
    alias("U", Needs::END, "Bytes from the client.", |e, _, o| num(e.stream.bytes_in as i64, o)),
    alias("CC", Needs::REQUEST_KEPT, "The captured request cookie.", |e, f, o| {
        text(e.stream.cookie_captures[0].as_deref().map(|c| c.as_slice()), f, Unsafe::Nothing, o)
    }),
    alias("CS", Needs::RESPONSE_KEPT, "The captured response cookie.", |e, f, o| {
        text(e.stream.cookie_captures[1].as_deref().map(|c| c.as_slice()), f, Unsafe::Nothing, o)
    }),
    alias("H", Needs::NOTHING, "The machine's name.", |e, f, o| {
        text(Some(e.world.hostname().as_bytes()), f, Unsafe::Nothing, o)
    }),
    alias("HM", Needs::REQUEST_KEPT, "The method.", |e, f, o| {
        text(Some(line(e).map_or(BAD_REQUEST, |l| l.0)), f, Unsafe::Line, o)
    }),
    alias("HP", Needs::REQUEST_KEPT, "The target without its query.", |e, f, o| {
        text(Some(line(e).map_or(BAD_REQUEST, |l| before_query(l.1))), f, Unsafe::Line, o)
    }),
    alias("HPO", Needs::REQUEST_KEPT, "The path alone.", |e, f, o| {
        text(Some(line(e).map_or(BAD_REQUEST, |l| path_only(l.1))), f, Unsafe::Line, o)
    }),
    alias("HQ", Needs::REQUEST_KEPT, "The query with its question mark.", |e, f, o| {
        match line(e).map(|l| query(l.1)) {
            // No query is no query: not even a dash.
            Some(b"") if f.quote => o.extend_from_slice(b"\"\""),
            Some(b"") => {}
            found => return text(found, f, Unsafe::Line, o),
        }
        true
    }),
    alias("HU", Needs::REQUEST_KEPT, "The target.", |e, f, o| {
        text(Some(line(e).map_or(BAD_REQUEST, |l| l.1)), f, Unsafe::Line, o)
    }),
    alias("HV", Needs::REQUEST_KEPT, "The version.", |e, f, o| {
        text(Some(line(e).map_or(BAD_REQUEST, |l| l.2)), f, Unsafe::Line, o)
    }),
    alias("ID", Needs::NOTHING, "The unique id.", |e, f, o| {
        text(e.stream.unique_id.as_deref().map(|c| c.as_slice()), f, Unsafe::Nothing, o)
    }),
    alias("OG", Needs::NOTHING, "The process that OpenTelemetry traces; nothing here.", |_, f, o| {
        text(None, f, Unsafe::Nothing, o)
    }),
    alias("ST", Needs::RESPONSE_KEPT, "The status.", |e, _, o| {
        num(if e.stream.status == 0 { -1 } else { i64::from(e.stream.status) }, o)
    }),
    alias("T", Needs::CLIENT, "The date of the accept in UTC.", |e, _, o| date(e, accepted(e), false, o)),
    alias("Tl", Needs::CLIENT, "The date of the accept in local time.", |e, _, o| {
        date(e, accepted(e), true, o)
    }),
    alias("Ts", Needs::CLIENT, "The date of the accept in seconds since 1970.", |e, f, o| {
        hexable(accepted(e).secs() as i64, 4, f, o)
    }),
    alias("ms", Needs::CLIENT, "The milliseconds of the accept's date.", |e, f, o| {
        let ms = accepted(e).subsec_millis();
        if f.hex {
            write::formatted(format_args!("{ms:02X}"), o)
        } else {
            write::padded(ms, 3, o)
        }
        true
    }),
    alias("t", Needs::CLIENT, "The date of the accept in local time with milliseconds.", |e, _, o| {
        accept_date(e, Flags::default(), o);
        true
    }),
    alias(
        "tr",
        Needs::REQUEST_KEPT,
        "The date of the request in local time with milliseconds.",
        |e, _, o| precise(e, e.stream.start_wall, o),
    ),
    alias("trg", Needs::REQUEST_KEPT, "The date of the request in UTC.", |e, _, o| {
        date(e, e.stream.start_wall, false, o)
    }),
    alias("trl", Needs::REQUEST_KEPT, "The date of the request in local time.", |e, _, o| {
        date(e, e.stream.start_wall, true, o)
    }),
    alias("Ta", Needs::END, "Milliseconds from the request's first byte to the end.", |e, _, o| {
        early(e, o);
        num(timers::active(e), o)
    }),
    alias("Tc", Needs::END, "Milliseconds to connect to the server.", |e, _, o| num(timers::connect(e), o)),
    alias("Td", Needs::END, "Milliseconds of data transfer.", |e, _, o| num(timers::data(e), o)),
    alias("Th", Needs::END, "Milliseconds of handshakes.", |e, _, o| num(timers::handshake(e), o)),
    alias("Ti", Needs::END, "Milliseconds of idle time before the request.", |e, _, o| {
        num(timers::idle(e), o)
    }),
    alias("Tq", Needs::END, "Milliseconds of handshakes, idle time and request.", |e, _, o| {
        num(timers::tq(e), o)
    }),
    alias("TR", Needs::END, "Milliseconds to receive the request's head.", |e, _, o| {
        num(timers::request(e), o)
    }),
    alias("Tr", Needs::END, "Milliseconds until the response's head.", |e, _, o| num(timers::response(e), o)),
    alias("Tt", Needs::END, "Milliseconds in all.", |e, _, o| {
        early(e, o);
        num(timers::total(e), o)
    }),
    alias("Tu", Needs::END, "Milliseconds as the user sees it.", |e, _, o| {
        early(e, o);
        num(timers::user(e), o)
    }),
    alias("Tw", Needs::END, "Milliseconds in queues.", |e, _, o| num(timers::queue(e), o)),
    alias("ac", Needs::END, "Connections of the process.", |e, _, o| num(i64::from(e.stream.counts[0]), o)),
    alias("fc", Needs::END, "Connections of the frontend.", |e, _, o| num(i64::from(e.stream.counts[1]), o)),
    alias("bc", Needs::END, "Connections of the backend.", |e, _, o| num(i64::from(e.stream.counts[2]), o)),
    alias("sc", Needs::END, "Connections of the server.", |e, _, o| num(i64::from(e.stream.counts[3]), o)),
    alias("b", Needs::NOTHING, "The backend's name.", |e, f, o| {
        let proxy = e.stream.backend.unwrap_or(e.conn.frontend);
        text(Some(e.world.proxy_name(proxy).as_bytes()), f, Unsafe::Nothing, o)
    }),
    alias("s", Needs::NOTHING, "The server's name.", |e, f, o| {
        let name = match (e.stream.server, e.stream.applet) {
            (_, Some(applet)) => applet,
            (Some(server), None) => e.world.server_name(server),
            (None, None) => NO_SERVER,
        };
        text(Some(name.as_bytes()), f, Unsafe::Nothing, o)
    }),
    alias("f", Needs::CLIENT, "The frontend's name.", |e, f, o| {
        text(Some(e.world.proxy_name(e.conn.frontend).as_bytes()), f, Unsafe::Nothing, o)
    }),
    alias("ft", Needs::CLIENT, "The frontend's name, with a `~` for TLS.", |e, f, o| {
        write::quoted(f, o, |o| {
            o.extend_from_slice(e.world.proxy_name(e.conn.frontend).as_bytes());
            if e.conn.tls {
                o.push(b'~');
            }
        });
        true
    }),
    alias("ci", Needs::CLIENT, "The client's address.", |e, f, o| address(e, &e.conn.src, f, o)),
    alias("cp", Needs::CLIENT, "The client's port.", |e, f, o| port(e, &e.conn.src, f, o)),
    alias("fi", Needs::CLIENT, "The address that the client connected to.", |e, f, o| {
        address(e, &e.conn.dst, f, o)
    }),
    alias("fp", Needs::CLIENT, "The port that the client connected to.", |e, f, o| {
        port(e, &e.conn.dst, f, o)
    }),
    alias("bi", Needs::SERVER_CONN, "Our address towards the server.", |e, f, o| {
        address(e, &e.stream.source_addr, f, o)
    }),
    alias("bp", Needs::SERVER_CONN, "Our port towards the server.", |e, f, o| {
        port(e, &e.stream.source_addr, f, o)
    }),
    alias("si", Needs::SERVER_CONN, "The server's address.", |e, f, o| {
        address(e, &e.stream.server_addr, f, o)
    }),
    alias("sp", Needs::SERVER_CONN, "The server's port.", |e, f, o| port(e, &e.stream.server_addr, f, o)),
    alias("sq", Needs::END, "Requests before this one in the server's queue.", |e, _, o| {
        num(i64::from(e.stream.server_queue), o)
    }),
    alias("bq", Needs::END, "Requests before this one in the backend's queue.", |e, _, o| {
        num(i64::from(e.stream.backend_queue), o)
    }),
    alias("hr", Needs::REQUEST_KEPT, "The captured request headers between braces.", |e, f, o| {
        captures(&e.stream.request_captures, f, o)
    }),
    alias("hs", Needs::RESPONSE_KEPT, "The captured response headers between braces.", |e, f, o| {
        captures(&e.stream.response_captures, f, o)
    }),
    alias("hrl", Needs::REQUEST_KEPT, "The captured request headers one by one.", |e, f, o| {
        capture_list(&e.stream.request_captures, f, o)
    }),
    alias("hsl", Needs::RESPONSE_KEPT, "The captured response headers one by one.", |e, f, o| {
        capture_list(&e.stream.response_captures, f, o)
    }),
    alias("lc", Needs::NOTHING, "How many lines the frontend has logged.", |e, _, o| {
        num(e.world.log_number(e.conn.frontend) as i64, o)
    }),
    alias("pid", Needs::NOTHING, "The process id.", |e, f, o| hexable(i64::from(e.world.pid()), 4, f, o)),
    alias("r", Needs::REQUEST_KEPT, "The request line.", |e, f, o| {
        match (e.stream.request_line.as_slice(), line(e)) {
            ([], None) => text(Some(BAD_REQUEST), f, Unsafe::Line, o),
            ([], Some((method, target, version))) => {
                text(Some(&[method, target, version].join(&b' ')), f, Unsafe::Line, o)
            }
            (kept, _) => text(Some(kept), f, Unsafe::Line, o),
        }
    }),
    alias("rc", Needs::END, "Connection retries, with a `+` if redispatched.", |e, _, o| {
        if e.stream.redispatched {
            o.push(b'+');
        }
        num(i64::from(e.stream.retries), o)
    }),
    alias("rt", Needs::NOTHING, "The number of the request.", |e, f, o| {
        hexable(i64::from(e.stream.number), 4, f, o)
    }),
    alias("sslc", Needs::SESSION, "The TLS cipher.", |_, f, o| text(None, f, Unsafe::Nothing, o)),
    alias("sslv", Needs::SESSION, "The TLS version.", |_, f, o| text(None, f, Unsafe::Nothing, o)),
    alias("ts", Needs::END, "How the session ended: two letters.", |e, _, o| {
        let end = e.stream.termination;
        o.extend_from_slice(&[end.blame.letter(), end.phase.letter()]);
        true
    }),
    alias("tsc", Needs::END, "How the session ended, with the cookies: four letters.", |e, _, o| {
        let end = e.stream.termination;
        o.extend_from_slice(&[end.blame.letter(), end.phase.letter(), end.cookie_in, end.cookie_out]);
        true
    }),
];

/// The entry of that name.
pub(super) fn find(name: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|a| a.name == name)
}

const fn alias(name: &'static str, needs: Needs, doc: &'static str, write: Write) -> Alias {
    Alias { name, needs, doc, write }
}

fn text(value: Option<&[u8]>, flags: Flags, encode: Unsafe, out: &mut Vec<u8>) -> bool {
    write::text(value, flags, encode, out);
    true
}

fn num(n: i64, out: &mut Vec<u8>) -> bool {
    write::number(n, out);
    true
}

fn hexable(n: i64, digits: usize, flags: Flags, out: &mut Vec<u8>) -> bool {
    if flags.hex {
        write::formatted(format_args!("{n:0digits$X}"), out);
        return true;
    }
    num(n, out)
}

/// `option logasap`: what will still grow carries a `+`.
fn early(env: &Env<'_>, out: &mut Vec<u8>) {
    if env.stream.logged_early {
        out.push(b'+');
    }
}

fn line<'a>(env: &Env<'a>) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    request_line(env)
}

fn before_query(target: &[u8]) -> &[u8] {
    evenkeel_http::uri::split_query(target).0
}

fn path_only(target: &[u8]) -> &[u8] {
    before_query(evenkeel_http::uri::path_start(target).and_then(|at| target.get(at..)).unwrap_or_default())
}

fn query(target: &[u8]) -> &[u8] {
    target.iter().position(|b| *b == b'?').and_then(|at| target.get(at..)).unwrap_or_default()
}

/// The date that belongs to the start of the exchange: the accept, or the end of the exchange before.
fn accepted(env: &Env<'_>) -> WallTime {
    if env.stream.nth_request == 0 {
        return env.conn.accepted_wall;
    }
    let waited =
        env.stream.timers.request_start.map_or(0, |first| first.since(env.stream.start).as_micros() as u64);
    WallTime::from_micros(env.stream.start_wall.as_micros().saturating_sub(waited))
}

fn moment(env: &Env<'_>, wall: WallTime, local: bool) -> Moment {
    let offset = if local { env.world.utc_offset_secs(wall) } else { 0 };
    Moment::new(wall.secs() as i64, offset)
}

/// `06/Feb/2009:12:14:14`.
fn day_and_time(m: &Moment, out: &mut Vec<u8>) {
    write::padded(m.day, 2, out);
    out.push(b'/');
    out.extend_from_slice(m.month_short().as_bytes());
    out.push(b'/');
    write::padded(u32::try_from(m.year).unwrap_or(0), 4, out);
    for part in [m.hour, m.minute, m.second] {
        out.push(b':');
        write::padded(part, 2, out);
    }
}

/// With the zone.
fn date(env: &Env<'_>, wall: WallTime, local: bool, out: &mut Vec<u8>) -> bool {
    let m = moment(env, wall, local);
    day_and_time(&m, out);
    out.push(b' ');
    out.extend_from_slice(m.zone().as_bytes());
    true
}

/// With milliseconds.
fn precise(env: &Env<'_>, wall: WallTime, out: &mut Vec<u8>) -> bool {
    day_and_time(&moment(env, wall, true), out);
    out.push(b'.');
    write::padded(wall.subsec_millis(), 3, out);
    true
}

/// `%t`.
pub(super) fn accept_date(env: &Env<'_>, _: Flags, out: &mut Vec<u8>) {
    precise(env, accepted(env), out);
}

/// `%ci:%cp`.
pub(super) fn client(env: &Env<'_>, flags: Flags, out: &mut Vec<u8>) {
    address(env, &env.conn.src, flags, out);
    out.push(b':');
    port(env, &env.conn.src, flags, out);
}

fn address(_: &Env<'_>, peer: &Peer, flags: Flags, out: &mut Vec<u8>) -> bool {
    match peer {
        Peer::Inet(address) if flags.hex => {
            let bytes = match address.ip() {
                IpAddr::V4(ip) => hex(&ip.octets()),
                IpAddr::V6(ip) => hex(&ip.octets()),
            };
            out.extend_from_slice(&bytes);
            true
        }
        Peer::Inet(address) => {
            write::quoted(flags, out, |out| match address.ip() {
                IpAddr::V4(ip) => write::formatted(format_args!("{ip}"), out),
                IpAddr::V6(ip) => out.extend_from_slice(&crate::value::Value::Ipv6(ip).into_text()),
            });
            true
        }
        Peer::Unix => text(Some(b"unix"), flags, Unsafe::Nothing, out),
        Peer::Unknown => text(None, flags, Unsafe::Nothing, out),
    }
}

fn port(env: &Env<'_>, peer: &Peer, flags: Flags, out: &mut Vec<u8>) -> bool {
    match peer {
        Peer::Inet(address) => hexable(i64::from(address.port()), 4, flags, out),
        Peer::Unix => num(i64::from(env.world.listener(env.conn.listener).0), out),
        Peer::Unknown => text(None, flags, Unsafe::Nothing, out),
    }
}

/// `{a|b|}`; nothing at all where nothing is captured.
fn captures(slots: &[Option<bstr::BString>], flags: Flags, out: &mut Vec<u8>) -> bool {
    if slots.is_empty() {
        return false;
    }
    write::quoted(flags, out, |out| {
        out.push(b'{');
        for (at, slot) in slots.iter().enumerate() {
            if at > 0 {
                out.push(b'|');
            }
            write::encoded(slot.as_deref().map_or(&[][..], |s| s.as_slice()), flags, Unsafe::Capture, out);
        }
        out.push(b'}');
    });
    true
}

/// Each value on its own; `-` for what is missing, nothing for what is empty.
fn capture_list(slots: &[Option<bstr::BString>], flags: Flags, out: &mut Vec<u8>) -> bool {
    if slots.is_empty() {
        return false;
    }
    for (at, slot) in slots.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        match slot {
            Some(text) => write::quoted(flags, out, |out| write::encoded(text, flags, Unsafe::Capture, out)),
            None => write::empty(flags, out),
        }
    }
    true
}
