//! The page for people. One answer on top (how many servers are up), the process below it, then a table per proxy with
//! the columns that users of the original know.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_base::{Instant, version};
use evenkeel_plan::{Proxy, ProxyKind};
use evenkeel_proxy::services::StatsRequest;
use evenkeel_stats::{CheckView, Kind, Mode, Row, ServerStatus};

use super::cells::{Cells, bytes, escape, escaped, number};
use super::form::{ACTIONS, Outcome};
use super::query::Query;
use crate::cli::show::human_time;
use crate::rows;

const STYLE: &str = include_str!("style.css");

/// States with their classes and words, for the key.
const KEY: &[(&str, &str)] = &[
    ("up", "up"),
    ("goingdown", "up, going down"),
    ("goingup", "down, going up"),
    ("down", "down"),
    ("nocheck", "not checked"),
    ("drain", "drained, or no new sessions (NOLB)"),
    ("maint", "in maintenance"),
];

/// The whole page.
pub(super) fn page(request: &StatsRequest<'_>, query: &Query, now: Instant) -> Vec<u8> {
    let mut out = String::with_capacity(64 * 1024);
    let node = node(request);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Statistics");
    if let Some(node) = &node {
        out.push_str(" of ");
        escape(node, &mut out);
    }
    out.push_str("</title><meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><style>");
    out.push_str(STYLE);
    out.push_str("</style></head>\n<body>\n");
    header(request, node.as_deref(), &mut out);
    if let Some(code) = &query.outcome {
        let (good, words) = Outcome::words(code);
        let class = if good { "note" } else { "note bad" };
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(out, "<p class=\"{class}\" id=\"outcome\">{words}</p>");
    }
    let proxies = super::shown(request, query);
    summary(request, &proxies, &mut out);
    facts(request, now, &mut out);
    links(request, query, &mut out);
    for proxy in proxies {
        section(request, query, proxy, now, &mut out);
    }
    out.push_str("</body></html>\n");
    out.into_bytes()
}

fn node(request: &StatsRequest<'_>) -> Option<String> {
    let global = &request.world.plan.global;
    let name = request.page.show_node.as_ref()?;
    Some(name.clone().or_else(|| global.node.clone()).unwrap_or_else(|| request.world.hostname.clone()))
}

fn header(request: &StatsRequest<'_>, node: Option<&str>, out: &mut String) {
    out.push_str("<header><h1>Statistics");
    if let Some(node) = node {
        out.push_str(" of ");
        escape(node, out);
    }
    out.push_str("</h1>");
    let desc = request.page.show_desc.as_ref();
    let desc = desc.and_then(|d| d.as_ref().or(request.world.plan.global.description.as_ref()));
    if let Some(desc) = desc {
        let _ = write!(out, "<span>{}</span>", escaped(desc));
    }
    if request.page.show_version {
        let _ = write!(out, "<span>evenkeel {} (HAProxy {})</span>", version::OWN, version::COMPAT);
    }
    out.push_str("</header>\n");
}

/// The first line answers the question: are all servers there?
fn summary(request: &StatsRequest<'_>, proxies: &[&Proxy], out: &mut String) {
    let (mut all, mut up, mut down, mut aside) = (0, 0, Vec::new(), 0);
    for proxy in proxies {
        let Some(back) = &proxy.back else { continue };
        for id in &back.servers {
            all += 1;
            match rows::status(request.world, *id) {
                ServerStatus::NoCheck | ServerStatus::Up { .. } => up += 1,
                ServerStatus::NoLb { .. }
                | ServerStatus::Drain
                | ServerStatus::DrainByAgent
                | ServerStatus::Maint
                | ServerStatus::MaintVia(..)
                | ServerStatus::MaintResolution => aside += 1,
                ServerStatus::Down { .. } | ServerStatus::DownByAgent => {
                    down.push(rows::full_name(&request.world.plan, *id));
                }
            }
        }
    }
    if all == 0 {
        return;
    }
    let _ = write!(out, "<p class=\"answer\"><b>{up} of {all}</b> servers up");
    if aside > 0 {
        let _ = write!(out, ", {aside} drained or in maintenance");
    }
    if !down.is_empty() {
        let more = down.len().saturating_sub(DOWN_NAMED_MAX);
        down.truncate(DOWN_NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = write!(out, ", <span class=\"bad\">down: {}{more}</span>", escaped(&down.join(", ")));
    }
    out.push_str("</p>\n");
}

/// Servers that the first line names when they are down.
const DOWN_NAMED_MAX: usize = 8;

fn facts(request: &StatsRequest<'_>, now: Instant, out: &mut String) {
    let world = request.world;
    out.push_str("<div class=\"facts\">");
    let mut fact = |value: &str, what: &str| {
        let _ = write!(out, "<div><b>{}</b><small>{}</small></div>", escaped(value), escaped(what));
    };
    let maxconn = world.maxconn.load(Relaxed);
    fact(&human_time(now.since(world.started)), "uptime");
    fact(
        &number(u64::from(world.connections.now())),
        &format!("connections, of {}", number(u64::from(maxconn))),
    );
    fact(&format!("{}/s", number(u64::from(world.connection_rate.per_second(now)))), "new connections");
    fact(&number(world.connections_total.load(Relaxed)), "connections so far");
    fact(&bytes(crate::desk::bytes_out(world)), "sent so far");
    fact(&world.shards.len().to_string(), "shards");
    fact(&world.pid.to_string(), "process id");
    out.push_str("</div>\n");
}

fn links(request: &StatsRequest<'_>, query: &Query, out: &mut String) {
    let uri = escaped(&String::from_utf8_lossy(&request.page.uri));
    let scope = query.scope_option();
    let word = |on: bool, word: &str| if on { word.to_string() } else { String::new() };
    let (up, calm) = (word(query.up, ";up"), word(query.norefresh, ";norefresh"));
    out.push_str("<nav>");
    let _ = write!(
        out,
        "<form method=\"get\"><input name=\"scope\" value=\"{}\" size=\"12\" maxlength=\"20\" \
         placeholder=\"find a proxy\" aria-label=\"Scope\"></form>",
        escaped(&query.scope)
    );
    let mut link = |address: String, what: &str| {
        let _ = write!(out, "<a href=\"{address}\">{what}</a>");
    };
    if query.up {
        link(format!("{uri}{calm}{scope}"), "Show all servers");
    } else {
        link(format!("{uri};up{calm}{scope}"), "Hide servers that are down");
    }
    if request.page.refresh.is_some() {
        if query.norefresh {
            link(format!("{uri}{up}{scope}"), "Enable refresh");
        } else {
            link(format!("{uri}{up};norefresh{scope}"), "Disable refresh");
        }
    }
    link(format!("{uri}{up}{calm}{scope}"), "Refresh now");
    link(format!("{uri};csv;norefresh{scope}"), "CSV export");
    link(format!("{uri};json;norefresh{scope}"), "JSON export");
    link(format!("{uri};json-schema"), "JSON schema");
    out.push_str("</nav>\n<div class=\"key\">");
    for (class, words) in KEY {
        let _ = write!(out, "<span><i style=\"background:var(--{class})\"></i>{words}</span>");
    }
    out.push_str("<span><em>name in italics</em>: backup server</span></div>\n");
}

fn section(request: &StatsRequest<'_>, query: &Query, proxy: &Proxy, now: Instant, out: &mut String) {
    let form = request.admin && proxy.back.as_ref().is_some_and(|b| !b.servers.is_empty());
    let name = escaped(&proxy.name);
    let kind = match proxy.kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "listen",
    };
    let _ = write!(out, "<section id=\"{name}\"><h2><a href=\"#{name}\">{name}</a><small>{kind}");
    if request.page.show_legends {
        let mode = match proxy.mode {
            evenkeel_plan::Mode::Tcp => "tcp",
            evenkeel_plan::Mode::Http => "http",
        };
        let _ = write!(out, ", mode {mode}, id {}", proxy.number);
        if let Some(back) = &proxy.back {
            let _ = write!(out, ", balance {}", rows::algorithm(back));
        }
    }
    out.push_str("</small>");
    if let Some(desc) = &proxy.description {
        let _ = write!(out, "<small>{}</small>", escaped(desc));
    }
    out.push_str("</h2>\n");
    if form {
        out.push_str("<form method=\"post\">");
    }
    out.push_str("<div class=\"wide\"><table>");
    table_head(form, out);
    out.push_str("<tbody>\n");
    rows::each_of(request.world, proxy, &super::filter(query), request.page.show_legends, now, &mut |row| {
        row_of(row, form, out);
    });
    out.push_str("</tbody></table></div>");
    if form {
        out.push_str("<div class=\"deed\"><label>Selected servers: <select name=\"action\"><option value=\"\"></option>");
        for (value, words) in ACTIONS {
            let _ = write!(out, "<option value=\"{value}\">{words}</option>");
        }
        let _ = write!(
            out,
            "</select></label><input type=\"hidden\" name=\"b\" value=\"#{}\"><button>Apply</button></div></form>",
            proxy.number
        );
    }
    out.push_str("</section>\n");
}

fn table_head(form: bool, out: &mut String) {
    out.push_str("<thead><tr>");
    if form {
        out.push_str(
            "<th rowspan=\"2\"><input type=\"checkbox\" title=\"all\" onclick=\"this.form.querySelectorAll(\
             '[name=s]').forEach(c=>c.checked=this.checked)\"></th>",
        );
    }
    out.push_str("<th rowspan=\"2\">Name</th>");
    for (group, columns) in GROUPS {
        let _ = write!(out, "<th colspan=\"{}\">{group}</th>", columns.len());
    }
    out.push_str("</tr><tr>");
    for column in GROUPS.iter().flat_map(|(_, columns)| columns.iter()) {
        let _ = write!(out, "<th>{column}</th>");
    }
    out.push_str("</tr></thead>");
}

/// The columns, grouped.
const GROUPS: &[(&str, &[&str])] = &[
    ("Queue", &["Cur", "Max", "Limit"]),
    ("Session rate", &["Cur", "Max", "Limit"]),
    ("Sessions", &["Cur", "Max", "Limit", "Total", "LbTot", "Last"]),
    ("Bytes", &["In", "Out"]),
    ("Denied", &["Req", "Resp"]),
    ("Errors", &["Req", "Conn", "Resp"]),
    ("Warnings", &["Retr", "Redis"]),
    ("Server", &["Status", "LastChk", "Wght", "Act", "Bck", "Chk", "Dwn", "Dwntme", "Thrtle"]),
];

fn row_of(row: &Row<'_>, form: bool, out: &mut String) {
    let spare = if row.kind == Kind::Server && row.backup > 0 { " spare" } else { "" };
    let class = match row.kind {
        Kind::Frontend => "front",
        Kind::Listener => "sock",
        Kind::Backend => "back",
        Kind::Server => state_class(&row.status),
    };
    let _ = write!(out, "<tr class=\"{class}{spare}\">");
    if form {
        match row.kind {
            Kind::Server => {
                let _ = write!(
                    out,
                    "<td><input type=\"checkbox\" name=\"s\" value=\"{}\"></td>",
                    escaped(row.name())
                );
            }
            Kind::Frontend | Kind::Listener | Kind::Backend => out.push_str("<td></td>"),
        }
    }
    let mut cells = Cells { out };
    cells.text("name", shown_name(row), &legend(row));
    queue(row, &mut cells);
    rate(row, &mut cells);
    sessions(row, &mut cells);
    traffic(row, &mut cells);
    state(row, &mut cells);
    out.push_str("</tr>\n");
}

fn shown_name<'a>(row: &Row<'a>) -> &'a str {
    match row.kind {
        Kind::Frontend => "Frontend",
        Kind::Backend => "Backend",
        Kind::Server | Kind::Listener => row.name(),
    }
}

/// Address, cookie, algorithm: only where `stats show-legends` filled them in.
fn legend(row: &Row<'_>) -> String {
    let mut lines = Vec::new();
    if let Some(addr) = &row.addr {
        lines.push(format!("address {addr}"));
    }
    if let Some(cookie) = &row.cookie {
        lines.push(format!("cookie {cookie}"));
    }
    if let Some(algo) = row.algo {
        lines.push(format!("balance {algo}"));
    }
    if let Some(tracked) = &row.tracked {
        lines.push(format!("tracks {tracked}"));
    }
    if !lines.is_empty() && row.sid > 0 {
        lines.push(format!("id {}", row.sid));
    }
    lines.join("\n")
}

fn queue(row: &Row<'_>, cells: &mut Cells<'_>) {
    match row.kind {
        Kind::Frontend | Kind::Listener => cells.empty(3),
        Kind::Backend => {
            cells.number(row.qcur.into());
            cells.number(row.qmax.into());
            cells.empty(1);
        }
        Kind::Server => {
            cells.number(row.qcur.into());
            cells.number(row.qmax.into());
            cells.limit(row.qlimit);
        }
    }
}

fn rate(row: &Row<'_>, cells: &mut Cells<'_>) {
    match row.kind {
        Kind::Listener => cells.empty(3),
        Kind::Frontend => {
            let tip = |conn: u32, sess: u32, req: u32| {
                let requests =
                    if row.mode == Mode::Http { format!("\nrequests {req}/s") } else { String::new() };
                format!("connections {conn}/s\nsessions {sess}/s{requests}")
            };
            cells.explained(row.rate.into(), &tip(row.conn_rate, row.rate, row.req_rate));
            cells.explained(row.rate_max.into(), &tip(row.conn_rate_max, row.rate_max, row.req_rate_max));
            cells.limit(Some(row.rate_lim));
        }
        Kind::Backend | Kind::Server => {
            cells.number(row.rate.into());
            cells.number(row.rate_max.into());
            cells.empty(1);
        }
    }
}

fn sessions(row: &Row<'_>, cells: &mut Cells<'_>) {
    let t = &row.totals;
    match row.kind {
        Kind::Server => cells.explained(
            row.scur.into(),
            &format!("connections in use {}\nidle connections {}", row.used, row.idle),
        ),
        Kind::Frontend | Kind::Backend | Kind::Listener => cells.number(row.scur.into()),
    }
    cells.number(row.smax.into());
    cells.limit(row.slim);
    cells.explained(t.stot, &total_tip(row));
    match row.kind {
        Kind::Frontend | Kind::Listener => cells.empty(2),
        Kind::Backend | Kind::Server => {
            cells.number(t.lbtot);
            let last =
                row.lastsess_s.map_or("–".to_string(), |s| human_time(Duration::from_secs(s.into())));
            cells.text("", &last, "");
        }
    }
}

/// What a total consists of: connections, answers by class, times.
fn total_tip(row: &Row<'_>) -> String {
    let t = &row.totals;
    let mut tip = String::new();
    if row.kind == Kind::Frontend {
        let _ = writeln!(tip, "connections {}", t.conn_tot);
    }
    let _ = writeln!(tip, "sessions {}", t.stot);
    if matches!(row.kind, Kind::Backend | Kind::Server) {
        let _ = writeln!(tip, "new connections {}, reused {}", t.connect, t.reuse);
    }
    if row.mode == Mode::Http && row.kind != Kind::Listener {
        let _ = writeln!(tip, "requests {}", t.req_tot);
        for (class, n) in [
            ("1xx", t.hrsp_1xx),
            ("2xx", t.hrsp_2xx),
            ("3xx", t.hrsp_3xx),
            ("4xx", t.hrsp_4xx),
            ("5xx", t.hrsp_5xx),
            ("other", t.hrsp_other),
        ] {
            let _ = writeln!(tip, "answers {class} {n}");
        }
        if row.kind == Kind::Frontend {
            let _ = writeln!(tip, "answered by the proxy itself {}", t.intercepted);
        }
    }
    if matches!(row.kind, Kind::Backend | Kind::Server) {
        tip.push_str("milliseconds, average of the last 1024 and highest:\n");
        let times = &row.times;
        for (what, time) in [("in the queue", times.queue), ("to connect", times.connect)] {
            let _ = writeln!(tip, "{what} {} / {}", time.average_ms, time.max_ms);
        }
        if row.mode == Mode::Http {
            let _ = writeln!(tip, "to the answer {} / {}", times.response.average_ms, times.response.max_ms);
        }
        let _ = writeln!(tip, "altogether {} / {}", times.total.average_ms, times.total.max_ms);
    }
    tip.trim_end().to_string()
}

fn traffic(row: &Row<'_>, cells: &mut Cells<'_>) {
    let t = &row.totals;
    for n in [t.bin, t.bout] {
        cells.text("", &bytes(n), &format!("{n} bytes"));
    }
    match row.kind {
        Kind::Server => cells.empty(1),
        Kind::Frontend | Kind::Backend | Kind::Listener => cells.fault(t.dreq),
    }
    cells.fault(t.dresp);
    match row.kind {
        Kind::Frontend | Kind::Listener => {
            cells.fault(t.ereq);
            cells.empty(4);
        }
        Kind::Backend | Kind::Server => {
            cells.empty(1);
            cells.fault(t.econ);
            let class = if t.eresp > 0 { "bad" } else { "zero" };
            let tip = format!("transfers broken off: {} by clients, {} by servers", t.cli_abrt, t.srv_abrt);
            cells.text(class, &number(t.eresp), &tip);
            cells.fault(t.wretr);
            cells.fault(t.wredis);
        }
    }
}

fn state(row: &Row<'_>, cells: &mut Cells<'_>) {
    match row.kind {
        Kind::Frontend | Kind::Listener => {
            cells.text("state", &row.status, "");
            cells.empty(8);
            return;
        }
        Kind::Backend | Kind::Server => {}
    }
    let since = human_time(Duration::from_secs(row.lastchg_s.into()));
    let unchecked = row.status == "no check";
    let status = if unchecked { row.status.to_string() } else { format!("{since} {}", row.status) };
    cells.text("state", &status, "");
    let (check, tip) = row.check.as_ref().filter(|c| !c.paused).map(check_words).unwrap_or_default();
    let (agent, agent_tip) = row.agent.as_ref().filter(|c| !c.paused).map(check_words).unwrap_or_default();
    let both = |a: String, b: String, between: &str| match (a.is_empty(), b.is_empty()) {
        (false, false) => format!("{a}{between}{b}"),
        (true, _) => b,
        (_, true) => a,
    };
    let agent = if agent.is_empty() { agent } else { format!("agent {agent}") };
    cells.text("check", &both(check, agent, ", "), &both(tip, agent_tip, "\nagent: "));
    let weight = if row.weight == row.uweight {
        row.weight.to_string()
    } else {
        format!("{}/{}", row.weight, row.uweight)
    };
    cells.text("", &weight, if row.weight == row.uweight { "" } else { "in force / set" });
    match row.kind {
        Kind::Server => {
            cells.text("", if row.active > 0 { "Y" } else { "–" }, "");
            cells.text("", if row.backup > 0 { "Y" } else { "–" }, "");
            match &row.check {
                Some(_) => cells.explained(
                    row.totals.chkfail,
                    &format!("failed checks; errors counted by observe: {}", row.totals.hanafail),
                ),
                None => cells.empty(1),
            }
        }
        Kind::Frontend | Kind::Listener | Kind::Backend => {
            cells.number(row.active.into());
            cells.number(row.backup.into());
            cells.empty(1);
        }
    }
    match row.downtime_s {
        Some(down) => {
            cells.fault(row.totals.chkdown);
            cells.text("", &human_time(Duration::from_secs(down.into())), "");
        }
        None => cells.empty(2),
    }
    match row.throttle {
        Some(percent) => cells.text("", &format!("{percent}%"), "share of its weight in slowstart"),
        None if row.kind == Kind::Server => cells.text("zero", "–", ""),
        None => cells.empty(1),
    }
}

/// A check in short, and in words for the tooltip.
fn check_words(check: &CheckView<'_>) -> (String, String) {
    let star = if check.running { "* " } else { "" };
    let code = check.code.map(|c| format!("/{c}")).unwrap_or_default();
    let time = check.duration_ms.map(|ms| format!(" in {ms}ms")).unwrap_or_default();
    let mut tip = check.desc.to_string();
    if !check.last.is_empty() {
        let _ = write!(tip, ": {}", check.last);
    }
    let _ = write!(tip, "\nrise {}, fall {}, health {}", check.rise, check.fall, check.health);
    (format!("{star}{}{code}{time}", check.status), tip)
}

/// The class of a server's state in words.
fn state_class(status: &str) -> &'static str {
    let moving = status.contains('/') && !status.contains("(via");
    match status.split(' ').next().unwrap_or("") {
        "UP" if moving => "goingdown",
        "UP" => "up",
        "NOLB" => "nolb",
        "DOWN" if moving => "goingup",
        "DOWN" => "down",
        "DRAIN" => "drain",
        "MAINT" => "maint",
        _ => "nocheck",
    }
}
