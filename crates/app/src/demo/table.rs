//! What is shown: the introduction, a row per server, what happened.

use std::collections::VecDeque;
use std::io;

use evenkeel_base::ServerId;
use evenkeel_lab::web::WebServer;
use evenkeel_proxy::world::{Admin, Health, World};

use super::setup::Places;
use crate::run::Running;
use crate::say;

/// Happenings that stay on the screen.
const NOTES_MAX: usize = 3;

/// How text may look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) color: bool,
    pub(super) width: usize,
}

/// What is shown beside the rows.
#[derive(Debug, Default)]
pub(super) struct Show {
    pub(super) with_log: bool,
    pub(super) last_request: Option<String>,
    notes: VecDeque<String>,
}

impl Show {
    /// Something happened.
    pub(super) fn note(&mut self, text: &str) {
        if self.notes.len() == NOTES_MAX {
            self.notes.pop_front();
        }
        self.notes.push_back(text.to_owned());
    }
}

/// Columns of the terminal, or of a page.
pub(super) fn width() -> usize {
    say::terminal_width(&io::stdout())
}

/// What is where, and what is behind it.
pub(super) fn intro(places: &Places, width: usize) -> String {
    let Places { site, stats, .. } = places;
    let rows = [
        (
            "site",
            format!("http://127.0.0.1:{site}/"),
            "files from static servers, the rest from app servers, POST to upload",
        ),
        ("", format!("http://127.0.0.1:{site}/shop"), "the same app servers, but a cookie keeps you on one"),
        (
            "stats",
            format!("http://127.0.0.1:{stats}/admin?stats"),
            "user admin, password admin, in this demo only",
        ),
        ("file", "evenkeel demo --print-config".to_owned(), "what the proxy runs"),
    ];
    let wide = rows.iter().map(|(_, place, _)| place.len()).max().unwrap_or(0);
    let mut out = "evenkeel demo   5 web servers, 1 proxy, no root needed   Ctrl-C ends\n\n".to_owned();
    for (name, place, doc) in rows {
        let line = format!("  {name:<6} {place:<wide$}   {doc}");
        out.push_str(&cut(&line, width));
        out.push('\n');
    }
    out.push('\n');
    out
}

/// A log packet without its header: whether it is about a request, and its text.
pub(super) fn log_line(packet: &str) -> Option<(bool, &str)> {
    let (priority, rest) = packet.strip_prefix('<')?.split_once('>')?;
    let severity = priority.parse::<u8>().ok()? & 7;
    // `Mon dd hh:mm:ss tag[pid]: text`
    let text = rest.split_once("]: ").map_or(rest, |(_, text)| text).trim_end();
    Some((severity == 6, text))
}

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// Stopped by a key, and the checks have not found out yet.
    Leaving,
    /// Stopped by a key.
    DownByYou,
    /// Started again, and the checks have not found out yet.
    Coming,
    Drain,
    Maint,
}

impl State {
    fn of(runs: bool, health: Health, admin: Admin) -> State {
        match (admin, runs, health) {
            (Admin::Maint, _, _) => State::Maint,
            (Admin::Ready | Admin::Drain, false, Health::Down) => State::DownByYou,
            (Admin::Ready | Admin::Drain, false, Health::Up | Health::Stopping) => State::Leaving,
            (Admin::Ready | Admin::Drain, true, Health::Down) => State::Coming,
            (Admin::Drain, true, Health::Up | Health::Stopping) => State::Drain,
            (Admin::Ready, true, Health::Up | Health::Stopping) => State::Up,
        }
    }

    fn words(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Leaving => "stopped, not noticed yet",
            State::DownByYou => "down (you)",
            State::Coming => "down, coming back",
            State::Drain => "drain",
            State::Maint => "maintenance",
        }
    }

    fn color(self) -> &'static str {
        match self {
            State::Up => "\x1b[32m",
            State::DownByYou | State::Leaving => "\x1b[31m",
            State::Coming | State::Drain | State::Maint => "\x1b[33m",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    requests: u64,
    errors: u64,
}

struct Row {
    backend: String,
    web: WebServer,
    /// The servers of the file with this name; the first is the one that is checked.
    ids: Vec<ServerId>,
    now: Numbers,
    last_second: u64,
}

/// The rows and the proxy that they are about.
pub(super) struct Table {
    rows: Vec<Row>,
    running: Running,
    chosen: usize,
}

impl Table {
    pub(super) fn new(servers: Vec<WebServer>, running: Running) -> Table {
        let world = running.world();
        let plan = &world.plan;
        let row = |web: WebServer| {
            let ids: Vec<ServerId> =
                plan.servers.iter().filter(|s| s.name == web.name()).map(|server| server.id).collect();
            let backend = ids.first().map(|id| plan.proxy(plan.server(*id).backend).name.clone());
            Row { backend: backend.unwrap_or_default(), web, ids, now: Numbers::default(), last_second: 0 }
        };
        let rows: Vec<Row> = servers.into_iter().map(row).collect();
        let chosen = rows.iter().position(|row| row.web.name() == "app2").unwrap_or(0);
        Table { rows, running, chosen }
    }

    /// Reads the counters; the difference to the last time is "the last second".
    pub(super) fn sample(&mut self) {
        let world = self.running.world();
        for row in &mut self.rows {
            let now = numbers(world, &row.ids);
            row.last_second = now.requests.saturating_sub(row.now.requests);
            row.now = now;
        }
    }

    pub(super) fn choose(&mut self, number: usize) {
        if (1..=self.rows.len()).contains(&number) {
            self.chosen = number - 1;
        }
    }

    /// Stops the chosen server; says what happened.
    pub(super) fn stop_chosen(&self) -> String {
        let Some(row) = self.rows.get(self.chosen) else { return String::new() };
        let name = row.web.name();
        if !row.web.is_up() {
            return format!("{name} is stopped already; u starts it");
        }
        row.web.stop();
        format!("{name} stopped; its next check will find out")
    }

    /// Starts it again.
    pub(super) fn start_chosen(&self) -> String {
        let Some(row) = self.rows.get(self.chosen) else { return String::new() };
        let name = row.web.name();
        if row.web.is_up() {
            return format!("{name} runs; d stops it");
        }
        match row.web.resume() {
            Ok(()) => format!("{name} started; its next checks will find out"),
            Err(error) => format!("{name} cannot start: {error}"),
        }
    }

    fn state(&self, row: &Row) -> State {
        let Some(first) = row.ids.first() else { return State::Up };
        let live = self.running.world().server(*first);
        State::of(row.web.is_up(), live.health(), live.admin())
    }

    /// The screen below the introduction.
    pub(super) fn text(&self, show: &Show, style: Style) -> String {
        let Style { color, width } = style;
        let mut lines = vec![cut(
            &format!(
                "    {:<12} {:<9} {:<24} {:>9} {:>12} {:>7}",
                "backend", "server", "state", "requests", "last second", "errors"
            ),
            width,
        )];
        let mut last = "";
        for (n, row) in self.rows.iter().enumerate() {
            let state = self.state(row);
            let backend = if row.backend == last { "" } else { &row.backend };
            last = &row.backend;
            let mark = if n == self.chosen { '>' } else { ' ' };
            let Numbers { requests, errors } = row.now;
            let left = format!("{mark} {} {backend:<12} {:<9} ", n + 1, row.web.name());
            let line =
                format!("{left}{:<24} {requests:>9} {:>12} {errors:>7}", state.words(), row.last_second);
            lines.push(paint(&cut(&line, width), left.chars().count(), state, color));
        }
        lines.push(String::new());
        lines.push(cut(
            "  1-5 choose   d stop it   u start it   r 20 requests   l last log line   q quit",
            width,
        ));
        lines.extend(show.notes.iter().map(|note| cut(&format!("  {note}"), width)));
        if show.with_log {
            let text = show.last_request.as_deref().unwrap_or("no request has been logged yet");
            lines.push(String::new());
            lines.extend(wrapped(&format!("  {text}"), width));
        }
        lines.join("\n") + "\n"
    }

    /// For pipes: a line per server.
    pub(super) fn plain(&self) -> String {
        let line = |row: &Row| {
            let Numbers { requests, errors } = row.now;
            let (state, rate) = (self.state(row).words(), row.last_second);
            format!(
                "{}/{} {state}, requests {requests}, last second {rate}, errors {errors}\n",
                row.backend,
                row.web.name()
            )
        };
        self.rows.iter().map(line).collect()
    }
}

fn numbers(world: &World, ids: &[ServerId]) -> Numbers {
    let mut sum = Numbers::default();
    for id in ids {
        let each = |f: fn(&evenkeel_stats::ServerCounters) -> u64| {
            world.sum(|shard| shard.servers.get(id.index()).map_or(0, f))
        };
        sum.requests += each(|c| c.req_tot.get());
        sum.errors += each(|c| c.econ.get() + c.eresp.get() + c.hrsp_5xx.get());
    }
    sum
}

/// A line without what does not fit.
fn cut(line: &str, width: usize) -> String {
    line.chars().take(width).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// Colours a row's state, which begins at `at`.
fn paint(line: &str, at: usize, state: State, color: bool) -> String {
    let start = line.char_indices().nth(at).map(|(i, _)| i);
    match start {
        Some(start) if color => {
            let (left, rest) = line.split_at(start);
            let (word, right) = rest.split_at(state.words().len().min(rest.len()));
            format!("{left}{}{word}\x1b[0m{right}", state.color())
        }
        Some(_) | None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_say_who_did_it() {
        for (runs, health, admin, want) in [
            (true, Health::Up, Admin::Ready, "up"),
            (false, Health::Up, Admin::Ready, "stopped, not noticed yet"),
            (false, Health::Down, Admin::Ready, "down (you)"),
            (true, Health::Down, Admin::Ready, "down, coming back"),
            (true, Health::Up, Admin::Drain, "drain"),
            (false, Health::Down, Admin::Maint, "maintenance"),
        ] {
            assert_eq!(State::of(runs, health, admin).words(), want);
        }
    }

    #[test]
    fn log_packets_lose_their_heads() {
        for (packet, want) in [
            (
                "<150>Nov 21 11:00:00 haproxy[7]: 127.0.0.1:1 [x] web a/b\n",
                Some((true, "127.0.0.1:1 [x] web a/b")),
            ),
            ("<145>Nov 21 11:00:00 haproxy[7]: Server a/b is DOWN", Some((false, "Server a/b is DOWN"))),
            ("no priority", None),
        ] {
            assert_eq!(log_line(packet), want);
        }
    }

    #[test]
    fn colours_keep_the_text() {
        let line = "> 1 app app1 up   7";
        assert_eq!(paint(line, 13, State::Up, true), "> 1 app app1 \x1b[32mup\x1b[0m   7");
        assert_eq!(paint(line, 13, State::Up, false), line);
        assert_eq!(paint("> 1", 13, State::Up, true), "> 1");
    }

    #[test]
    fn only_the_last_notes_stay() {
        let mut show = Show::default();
        for n in 0..5 {
            show.note(&n.to_string());
        }
        assert_eq!(show.notes, ["2", "3", "4"]);
    }
}
