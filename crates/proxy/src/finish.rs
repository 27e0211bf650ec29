//! Finish: the error page if one is due, the counters and the log line, exactly once.

use evenkeel_expr::facts::{Blame, Phase, Termination};
use evenkeel_expr::{Env, StreamFacts};
use evenkeel_plan::Mode;
use evenkeel_sys::clock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::books;
use crate::conn::Conn;
use crate::exchange::{Exchange, Failure, Next};
use crate::judge;

/// Syslog levels of traffic lines.
const LEVEL_ERR: u8 = 3;
/// See `LEVEL_ERR`.
const LEVEL_INFO: u8 = 6;

/// The exchange went through.
pub(crate) fn done(conn: &mut Conn, exchange: &mut Exchange, next: Next) -> Next {
    close_books(conn, exchange);
    next
}

/// The exchange broke off. Tells the client, if nothing was sent yet and there is something to say.
pub(crate) async fn failed(conn: &mut Conn, exchange: &mut Exchange, failure: Failure) -> Next {
    let t = &mut exchange.facts.termination;
    let blame = match failure.blame {
        Blame::Killed => conn.session().killed_for().unwrap_or(Blame::Killed),
        other => other,
    };
    *t = Termination { blame, phase: failure.phase, ..*t };
    let ending = *t;
    let mut next = Next::Close;
    // Behind the head of an answer no other may follow.
    let sayable = conn.frontend().mode == Mode::Http && !exchange.answered;
    if let Some(status) = failure.status.filter(|_| sayable) {
        exchange.facts.status = status;
        next = judge::page(conn, exchange, status).await;
        exchange.facts.termination = ending;
    }
    books::failed(conn, exchange, failure);
    if matches!(failure.blame, Blame::Client | Blame::Killed) {
        next = Next::Close;
    }
    close_books(conn, exchange);
    next
}

/// Counters and the log line.
fn close_books(conn: &mut Conn, exchange: &mut Exchange) {
    let now = clock::coarse();
    exchange.facts.timers.end = Some(now);
    let facts = &exchange.facts;
    let front = conn.shard.front_stats(conn.facts.frontend);
    front.bout.add(facts.bytes_out);
    conn.shard.listener_stats(conn.facts.listener).bout.add(facts.bytes_out);
    books::status(conn, exchange);
    let times = times(facts);
    if let Some(id) = exchange.backend {
        let back = conn.shard.back_stats(id);
        back.bin.add(facts.bytes_in);
        back.bout.add(facts.bytes_out);
        if conn.frontend().mode == Mode::Http {
            back.req_tot.bump();
        }
        add_times(&conn.shard.world.shards[conn.shard.index].back_times[id.index()], &times);
    }
    if let Some(id) = facts.server {
        let stats = conn.shard.server_stats(id);
        stats.bin.add(facts.bytes_in);
        stats.bout.add(facts.bytes_out);
        add_times(&conn.shard.world.shards[conn.shard.index].server_times[id.index()], &times);
    }
    if !exchange.facts.logged_early {
        log(conn, exchange);
    }
}

/// `option logasap`: the line is made when the answer's head has left (in TCP mode when the server is reached), with what
/// is known by then.
pub(crate) fn log_early(conn: &mut Conn, exchange: &mut Exchange) {
    exchange.facts.logged_early = true;
    exchange.facts.timers.end = Some(clock::coarse());
    log(conn, exchange);
}

/// In the queue, until connected, until the answer's head, in all.
fn times(facts: &StreamFacts) -> [Duration; 4] {
    let t = &facts.timers;
    let span = |from: Option<evenkeel_base::Instant>, to: Option<evenkeel_base::Instant>| match (from, to) {
        (Some(from), Some(to)) => to.since(from),
        _ => Duration::ZERO,
    };
    let begin = t.request_head.or(t.handshake);
    [
        span(begin, t.queued),
        span(t.queued, t.connected),
        span(t.connected, t.response_head),
        span(t.request_start.or(t.handshake), t.end),
    ]
}

fn add_times(averages: &evenkeel_stats::Averages, times: &[Duration; 4]) {
    let [queue, connect, response, total] = times;
    averages.queue.add(*queue);
    averages.connect.add(*connect);
    averages.response.add(*response);
    averages.total.add(*total);
}

/// Gives the backend's place back.
pub(crate) fn leave(conn: &Conn, exchange: &Exchange) {
    if let Some(id) = exchange.backend {
        conn.shard.world.proxy(id).back_sessions.down();
    }
    conn.session().backend.set(None);
    conn.session().server.set(None);
}

fn log(conn: &Conn, exchange: &mut Exchange) {
    let shard = conn.shard.clone();
    let frontend = conn.frontend().id;
    let plan = &shard.plan.proxy(frontend).log;
    if plan.targets.is_empty() || is_null(conn, exchange, plan.dontlognull) {
        return;
    }
    let t = exchange.facts.termination;
    let clean = t.blame == Blame::None && exchange.facts.retries == 0 && !exchange.facts.redispatched;
    let failed = !clean || exchange.facts.status >= 500;
    if plan.dontlog_normal && !failed {
        return;
    }
    let level = match exchange.facts.log_level {
        Some(None) => return,
        Some(Some(level)) => level,
        None if plan.separate_errors && failed => LEVEL_ERR,
        None => LEVEL_INFO,
    };
    let world = &shard.world;
    // At the end the exchange itself counts no more.
    let early = exchange.facts.logged_early;
    exchange.facts.counts = [
        world.connections.now(),
        world.proxy(frontend).front_sessions.now(),
        exchange.backend.map_or(0, |b| world.proxy(b).back_sessions.now().saturating_sub(u32::from(!early))),
        exchange.facts.server.map_or(0, |s| {
            let server = world.server(s);
            server.sessions.now().saturating_sub(server.granted.load(Relaxed))
        }),
    ];
    let view = conn.view(exchange);
    let env = Env {
        conn: &conn.facts,
        stream: &exchange.facts,
        // A request that could not be read has no words to log.
        req: (!exchange.req.method().is_empty()).then_some(&exchange.req),
        res: (exchange.res.status() > 0).then_some(&exchange.res),
        payload: &[],
        payload_complete: true,
        settled: true,
        world: &view,
    };
    let mut line = shard.out();
    match plan.error_format.as_ref().filter(|_| failed).or(plan.format.as_ref()) {
        Some(format) => format.render(&env, &mut line),
        None => default_line(conn, &mut line),
    }
    let mut sd = Vec::new();
    if let Some(format) = &plan.sd_format {
        format.render(&env, &mut sd);
    }
    shard.world.shards[shard.index].logged[frontend.index()].bump();
    shard.logs.send(frontend, level, &line, &sd);
}

/// A connection that said nothing (`option dontlognull`).
fn is_null(conn: &Conn, exchange: &Exchange, dontlognull: bool) -> bool {
    let quiet = books::is_silent(conn, exchange, exchange.facts.termination.blame);
    let early = exchange.facts.termination.phase == Phase::Request;
    // configuration manual, `option http-ignore-probes`: such connections are not logged at all.
    let dontlognull = dontlognull || (conn.frontend().options.ignore_probes && early);
    // Without dontlognull, the originals log such connections too; between requests they never do.
    quiet && (dontlognull && (early || conn.frontend().mode == Mode::Tcp))
}

/// Without `option httplog`, `tcplog` or `log-format` (configuration manual §8.2.1).
fn default_line(conn: &Conn, line: &mut Vec<u8>) {
    use std::io::Write;
    let proxy = conn.frontend();
    let mode = match proxy.mode {
        Mode::Http => "HTTP",
        Mode::Tcp => "TCP",
    };
    // Writing to a Vec cannot fail.
    let _ = write!(
        line,
        "Connect from {} to {} ({}/{mode})",
        Shown(&conn.facts.src),
        Shown(&conn.facts.dst),
        proxy.name
    );
}

struct Shown<'a>(&'a evenkeel_expr::facts::Peer);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            evenkeel_expr::facts::Peer::Inet(a) => write!(f, "{}:{}", a.ip(), a.port()),
            evenkeel_expr::facts::Peer::Unix => f.write_str("unix:1"),
            evenkeel_expr::facts::Peer::Unknown => f.write_str("-"),
        }
    }
}

/// Keeps the request line for the log, cut to `tune.http.logurilen`.
pub(crate) fn keep_request_line(conn: &Conn, exchange: &mut Exchange) {
    if conn.frontend().log.targets.is_empty() {
        return;
    }
    let max = conn.shard.plan.global.logurilen as usize;
    let line = &mut exchange.facts.request_line;
    line.clear();
    line.extend_from_slice(exchange.req.method());
    line.push(b' ');
    line.extend_from_slice(exchange.req.target());
    line.push(b' ');
    line.extend_from_slice(exchange.req.version().as_bytes());
    line.truncate(max.saturating_sub(1).max(1));
}
