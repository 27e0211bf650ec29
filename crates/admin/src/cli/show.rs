//! Commands that tell: process, statistics, sessions, errors.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bstr::ByteSlice;
use evenkeel_base::{Instant, ProxyId, WallTime, version};
use evenkeel_expr::facts::Peer;
use evenkeel_plan::Plan;
use evenkeel_plan::global::CliLevel;
use evenkeel_proxy::faulty::BadMessage;
use evenkeel_proxy::session::SessionInfo;
use evenkeel_proxy::world::World;
use evenkeel_stats::{Filter, Row, info, text};

use super::command::{Call, Command, Question, Reply, command, loose_number};
use super::schema;
use crate::{info as process, rows};

pub(super) const ALL: &[Command] = &[
    command("show info", "[desc|json|typed|float]*", "tell of the process", show_info),
    command(
        "show stat",
        "[desc|json|no-maint|typed|up]*",
        "tell all counters of proxies and servers",
        show_stat,
    ),
    command("show schema json", "", "print the schema of the JSON outputs", |_| {
        Reply::Data(format!("{}\n", schema::schema()).into_bytes())
    }),
    command("show version", "", "tell the version", |_| Reply::info(version::FULL)),
    command("show backend", "", "list the backends", show_backend),
    command("show env", "[var]", "print the environment, or one variable of it", show_env).operator(),
    command("show errors", "[<px>] [request|response]", "print the last malformed messages", show_errors)
        .operator(),
    command("show sess", "[id|all]", "list the sessions, or tell of one", show_sess).operator(),
    command("show activity", "", "tell what each shard did", show_activity),
    command("show pools", "", "tell how much memory is in use", show_pools),
    command("show threads", "", "list the shards", show_threads),
];

fn show_info(call: &mut Call<'_>) -> Reply {
    let facts = process::gather(call.world, call.desk, call.now);
    let (desc, float) = (call.has_word("desc"), call.has_word("float"));
    let mut out = Vec::new();
    if call.has_word("json") {
        info::json(&facts, float, &mut out);
        out.push(b'\n');
    } else if call.has_word("typed") {
        info::typed(&facts, desc, float, &mut out);
    } else {
        info::plain(&facts, desc, float, &mut out);
    }
    Reply::Data(out)
}

fn show_stat(call: &mut Call<'_>) -> Reply {
    let mut args = call.args;
    if call.arg(0) == "domain" {
        match call.arg(1).as_bytes() {
            b"proxy" => args = args.get(2..).unwrap_or_default(),
            b"resolvers" => return Reply::error("Statistics of resolvers are not built yet."),
            _ => return Reply::error("Invalid statistics domain."),
        }
    }
    let mut filter =
        Filter { up: call.has_word("up"), no_maint: call.has_word("no-maint"), ..Filter::default() };
    // As the original: a filter has three words, fewer are none.
    if let [proxy, kinds, id, ..] = args {
        let by_name = call.plan().proxies.iter().find(|p| *proxy == p.name.as_str()).map(|p| p.number);
        let number = loose_number(proxy.as_bstr());
        let is_number = proxy.trim_start_with(|c| c == '-').iter().all(u8::is_ascii_digit);
        filter.iid = match by_name {
            Some(number) => Some(number),
            None if !is_number => return Reply::error("No such proxy."),
            None if number < 0 => None,
            None => Some(u32::try_from(number).unwrap_or(u32::MAX)),
        };
        filter.kinds = (loose_number(kinds.as_bstr()) & 0xff) as u8;
        filter.sid = u32::try_from(loose_number(id.as_bstr())).ok();
    }
    let legends = call.session.level >= CliLevel::Operator;
    let mut out = Vec::new();
    if call.has_word("json") {
        stat_json(&mut |give| rows::each(call.world, &filter, legends, call.now, give), &mut out);
        out.push(b'\n');
    } else if call.has_word("typed") {
        let desc = call.has_word("desc");
        rows::each(call.world, &filter, legends, call.now, &mut |row| text::typed_row(row, desc, &mut out));
    } else {
        text::csv_head(&mut out);
        rows::each(call.world, &filter, legends, call.now, &mut |row| text::csv_row(row, &mut out));
    }
    Reply::Data(out)
}

/// Hands on rows, one after the other.
type EachRow<'e> = dyn FnMut(&mut dyn FnMut(&Row<'_>)) + 'e;

/// All rows that `each` gives as one JSON text.
pub(crate) fn stat_json(each: &mut EachRow<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    let mut first = true;
    each(&mut |row| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        text::json_row(row, out);
    });
    out.push(b']');
}

fn show_backend(call: &mut Call<'_>) -> Reply {
    let mut out = String::from("# name\n");
    for proxy in call.plan().proxies.iter().filter(|p| p.back.is_some() && !p.disabled) {
        out.push_str(&proxy.name);
        out.push('\n');
    }
    Reply::Data(out.into_bytes())
}

fn show_env(call: &mut Call<'_>) -> Reply {
    use std::os::unix::ffi::OsStrExt;
    let own = &call.plan().global.env;
    let set_here = |name: &[u8]| own.iter().any(|(n, _)| n.as_bytes() == name);
    let mut all: Vec<(Vec<u8>, Vec<u8>)> = std::env::vars_os()
        .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()))
        .filter(|(n, _)| !set_here(n))
        .collect();
    all.extend(own.iter().map(|(n, v)| (n.clone().into_bytes(), v.clone().into_bytes())));
    let wanted = call.arg(0);
    let mut out = Vec::new();
    for (name, value) in all.iter().filter(|(n, _)| wanted.is_empty() || wanted == n.as_slice()) {
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    if out.is_empty() && !wanted.is_empty() {
        return Reply::error("Variable not found");
    }
    Reply::Data(out)
}

fn show_errors(call: &mut Call<'_>) -> Reply {
    let name = call.arg(0);
    let by_name = call.plan().proxies.iter().find(|p| name == p.name.as_str()).map(|p| p.number);
    let is_number = name.trim_start_with(|c| c == '-').iter().all(u8::is_ascii_digit);
    let wanted = match by_name {
        Some(number) => Some(i64::from(number)),
        None if !is_number => return Reply::error("No such proxy."),
        None if name.is_empty() => None,
        None => Some(loose_number(name)).filter(|n| *n >= 0),
    };
    let (requests, responses) = match call.arg(1).as_bytes() {
        b"request" => (true, false),
        b"response" => (false, true),
        _ => (true, true),
    };
    let count = call.world.bad_messages.load(Relaxed);
    let mut out = format!("Total events captured on [{}] : {count}\n", local_date(call.date));
    for proxy in &call.plan().proxies {
        let kept = &call.world.proxy(proxy.id).bad;
        let request = kept.request().filter(|_| requests);
        let response = kept.response().filter(|_| responses);
        for message in request.into_iter().chain(response) {
            let parties = [Some(message.frontend), message.backend];
            let numbers = parties.into_iter().flatten().map(|id| i64::from(call.plan().proxy(id).number));
            if wanted.is_none_or(|w| numbers.clone().any(|n| n == w)) {
                bad_message(call.plan(), &message, &mut out);
            }
        }
    }
    Reply::Data(out.into_bytes())
}

/// One malformed message. A line with a blank stands for an empty one, which would end the answer.
fn bad_message(plan: &Plan, message: &BadMessage, out: &mut String) {
    let named = |id: ProxyId| format!("{} (#{})", plan.proxy(id).name, plan.proxy(id).number);
    let server = message.server.map(|id| format!("{} (#{})", plan.server(id).name, plan.server(id).number));
    let server = server.unwrap_or_else(|| "<NONE> (#-1)".to_string());
    let src = match &message.src {
        Peer::Inet(a) => format!("{}:{}", a.ip(), a.port()),
        Peer::Unix => "unix:1".to_string(),
        Peer::Unknown => "-".to_string(),
    };
    let (first, second) = match message.backend {
        Some(backend) => (
            format!("backend {}: invalid response", named(backend)),
            format!("frontend {}", named(message.frontend)),
        ),
        None => (
            format!("frontend {}: invalid request", named(message.frontend)),
            "backend <NONE> (#-1)".to_string(),
        ),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        " \n[{}] {first}\n  {second}, server {server}, event #{}, src {src}\n  len {}, error at position {}: {}\n  ",
        local_date(message.at),
        message.number,
        message.bytes.len(),
        message.fault.at,
        message.fault.kind,
    );
    dump(&message.bytes, out);
}

/// Bytes as text, one line of the message per line, at most [`DUMP_WIDTH`] columns; `+` marks a line that goes on.
fn dump(bytes: &[u8], out: &mut String) {
    let mut at = 0;
    let mut goes_on = false;
    while at < bytes.len() {
        let mut line = format!("  {at:05}{} ", if goes_on { "+" } else { " " });
        goes_on = true;
        while let Some(byte) = bytes.get(at) {
            let shown = match byte {
                b'\t' => "\\t".to_string(),
                b'\n' => "\\n".to_string(),
                b'\r' => "\\r".to_string(),
                0x1b => "\\e".to_string(),
                b'\\' => "\\\\".to_string(),
                0x20..=0x7e => char::from(*byte).to_string(),
                _ => format!("\\x{byte:02X}"),
            };
            if line.len() + shown.len() > DUMP_WIDTH {
                break;
            }
            line.push_str(&shown);
            at += 1;
            if *byte == b'\n' {
                goes_on = false;
                break;
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
}

/// Columns of a dump's lines (management manual, `show errors`).
const DUMP_WIDTH: usize = 79;

/// A date as logs have it, in the local zone.
fn local_date(at: WallTime) -> String {
    let east = i64::from(evenkeel_sys::zone::utc_offset_secs(at.secs())) * 1_000_000;
    log_date(WallTime::from_micros(at.as_micros().saturating_add_signed(east)))
}

/// `21/Nov/2026:10:48:44.892`
fn log_date(at: WallTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, second) = (at.secs() / 86_400, at.secs() % 86_400);
    let (year, month, day) = civil(days);
    let name = MONTHS.get(month.saturating_sub(1) as usize).copied().unwrap_or("Jan");
    format!(
        "{day:02}/{name}/{year}:{:02}:{:02}:{:02}.{:03}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        at.subsec_millis()
    )
}

/// Year, month and day of a number of days since 1970-01-01 (Gregorian calendar).
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is their last; 400 years have 146 097 days.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The number that a session's identifier starts from: an identifier is never 0.
const SESSION_BASE: u64 = 0x10000;

/// `0x10401`, back to the session's number.
pub(super) fn session_number(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    let shown = u64::from_str_radix(digits.to_str().ok()?, 16).ok()?;
    (shown > 0).then(|| shown.wrapping_sub(SESSION_BASE))
}

fn show_sess(call: &mut Call<'_>) -> Reply {
    let arg = call.arg(0);
    let id = if arg == "all" { None } else { session_number(arg).filter(|_| arg.starts_with(b"0x")) };
    Reply::Ask(Question::Sessions { id, details: arg == "all" || id.is_some() })
}

/// The answer to [`Question::Sessions`].
pub fn sessions(world: &World, list: &[SessionInfo], id: Option<u64>, details: bool, now: Instant) -> Reply {
    let mut out = String::new();
    let wanted: Vec<&SessionInfo> = list.iter().filter(|s| id.is_none_or(|id| id == s.id)).collect();
    if wanted.is_empty() && id.is_some() {
        return Reply::error("Session not found.");
    }
    let proxy = |id: evenkeel_base::ProxyId| world.plan.proxies.get(id.index());
    for s in wanted {
        let shown = s.id.wrapping_add(SESSION_BASE);
        let front = proxy(s.frontend);
        let front_name = front.map_or("<NONE>", |p| &p.name);
        let back = s.backend.and_then(proxy);
        let back_name = back.map_or("<NONE>", |p| &p.name);
        let server = s.server.and_then(|id| world.plan.servers.get(id.index()));
        let age = human_time(now.since(s.accepted));
        let (proto, source) = match &s.src {
            Peer::Inet(a) if a.is_ipv4() => ("tcpv4", format!("{a}")),
            Peer::Inet(a) => ("tcpv6", format!("{}:{}", a.ip(), a.port())),
            Peer::Unix => ("unix_stream", "unix:1".to_string()),
            Peer::Unknown => ("-", "-".to_string()),
        };
        // Writing to a String cannot fail.
        let _ = if details {
            writeln!(
                out,
                "0x{shown:x}: id={} proto={proto} source={source} age={age} shard={}\n\
                 \x20 frontend={front_name} (id={} mode={})\n\
                 \x20 backend={back_name} (id={})\n\
                 \x20 server={} (id={})",
                s.id,
                s.shard + 1,
                front.map_or(0, |p| p.number),
                front.map_or("-", mode_word),
                back.map_or(-1, |p| i64::from(p.number)),
                server.map_or("<NONE>", |s| &s.name),
                server.map_or(-1, |s| i64::from(s.number)),
            )
        } else {
            writeln!(
                out,
                "0x{shown:x}: proto={proto} src={source} fe={front_name} be={back_name} srv={} ts={:02x} age={age}",
                server.map_or("<none>", |s| &s.name),
                s.shard,
            )
        };
    }
    Reply::Data(out.into_bytes())
}

fn mode_word(proxy: &evenkeel_plan::Proxy) -> &'static str {
    match proxy.mode {
        evenkeel_plan::Mode::Tcp => "tcp",
        evenkeel_plan::Mode::Http => "http",
    }
}

/// The two greatest units of a time: `4m2s`, `3h5m`, `2d1h`.
pub(crate) fn human_time(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{}h", s / 86_400, s / 3_600 % 24),
    }
}

fn show_activity(call: &mut Call<'_>) -> Reply {
    let world = call.world;
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "thread_id: 1 (1..{})", world.shards.len());
    let _ = writeln!(out, "date_now: {}.{:06}", call.date.secs(), call.date.subsec_micros());
    let each = |name: &str, of: &dyn Fn(&evenkeel_proxy::world::ShardStats) -> u64, out: &mut String| {
        let all: Vec<u64> = world.shards.iter().map(of).collect();
        let list: Vec<String> = all.iter().map(u64::to_string).collect();
        let _ = writeln!(out, "{name}: {} [ {} ]", all.iter().sum::<u64>(), list.join(" "));
    };
    each("accepted", &|s| s.fronts.iter().map(|f| f.conn_tot.get()).sum(), &mut out);
    each("sessions", &|s| s.fronts.iter().map(|f| f.stot.get()).sum(), &mut out);
    each("requests", &|s| s.fronts.iter().map(|f| f.req_tot.get()).sum(), &mut out);
    each("connects", &|s| s.servers.iter().map(|f| f.connect.get()).sum(), &mut out);
    each("reuses", &|s| s.servers.iter().map(|f| f.reuse.get()).sum(), &mut out);
    each("bytes_in", &|s| s.fronts.iter().map(|f| f.bin.get()).sum(), &mut out);
    each("bytes_out", &|s| s.fronts.iter().map(|f| f.bout.get()).sum(), &mut out);
    Reply::Data(out.into_bytes())
}

fn show_pools(call: &mut Call<'_>) -> Reply {
    let bytes = call.desk.memory();
    Reply::Data(
        format!(
            "Memory comes from the process's allocator; there are no pools of single objects.\n\
             Total: 0 pools, {bytes} bytes allocated, {bytes} used.\n"
        )
        .into_bytes(),
    )
}

fn show_threads(call: &mut Call<'_>) -> Reply {
    let mut out = String::new();
    for (n, shard) in call.world.shards.iter().enumerate() {
        let sum = |of: fn(&evenkeel_stats::FrontendCounters) -> u64| shard.fronts.iter().map(of).sum::<u64>();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "  Thread {} : accepted={} requests={} bytes_in={} bytes_out={}",
            n + 1,
            sum(|f| f.conn_tot.get()),
            sum(|f| f.req_tot.get()),
            sum(|f| f.bin.get()),
            sum(|f| f.bout.get()),
        );
    }
    Reply::Data(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_ages() {
        for (micros, want) in [
            (0, "01/Jan/1970:00:00:00.000"),
            (951_782_400_123_000, "29/Feb/2000:00:00:00.123"),
            (1_795_258_124_892_000, "21/Nov/2026:10:48:44.892"),
        ] {
            assert_eq!(log_date(WallTime::from_micros(micros)), want);
        }
        for (s, want) in [(0, "0s"), (62, "1m2s"), (3_725, "1h2m"), (90_000, "1d1h")] {
            assert_eq!(human_time(Duration::from_secs(s)), want);
        }
    }
}
