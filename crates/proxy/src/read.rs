//! Read: from bytes to a request's head.

use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::{
    ChunkDecoder, ChunkStep, Framing, Limits, Malformed, Method, Resume, parse_request_more,
};
use evenkeel_sys::clock;

use crate::books;
use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure};
use crate::faulty;
use crate::finish;

/// How waiting for a request ended.
pub(crate) enum Head {
    /// Here it is.
    Request(Box<Exchange>),
    /// The client has nothing more to say, and there is nothing to say to it.
    End,
    /// It could not be read. The exchange holds what the log needs.
    Failed(Box<Exchange>, Failure),
}

/// What one read brought.
enum Got {
    Bytes,
    End,
    Error,
}

/// Waits, holding nothing, until the client says something. False: the connection is over, and all is said.
pub(crate) async fn wait_for_first_byte(conn: &mut Conn) -> bool {
    let first = conn.nth == 0;
    if !first && conn.shard.world.stopping.load(Relaxed) && !conn.stays_for_one_more() {
        // The stop came while the last exchange was under way: its answer could not announce the end.
        return false;
    }
    arm_idle(conn, first);
    conn.session().idle.set(!first && !conn.stays_for_one_more());
    let heard = conn.wait(|conn, cx| conn.sock.poll_readable(cx)).await;
    conn.session().idle.set(false);
    let failure = match heard {
        Ok(Ok(_)) => return true,
        Ok(Err(_)) => Failure::page(400, Blame::Client, Phase::Request),
        Err(Woke::Timeout) if first => Failure::page(408, Blame::ClientTimeout, Phase::Request),
        Err(Woke::Timeout | Woke::Killed) => return false,
    };
    if let Head::Failed(mut exchange, failure) = idle_end(conn, first, failure) {
        books::unreadable(conn, &exchange, failure);
        Box::pin(finish::failed(conn, &mut exchange, failure)).await;
        conn.shard.give_exchange(exchange);
    }
    false
}

/// Reads the next request of a connection that has something to say.
pub(crate) async fn next_request(conn: &mut Conn) -> Head {
    let first = conn.nth == 0;
    let mut exchange = begin(conn);
    let limits = limits(conn);
    let mut resume = Resume::default();
    if !conn.pending.is_empty()
        && let Some(done) = parse_pending(conn, &mut exchange, &limits, &mut resume)
    {
        return complete(conn, exchange, done);
    }
    let since = if first { conn.facts.accepted } else { clock::coarse() };
    let end = conn.frontend().timeouts.http_request.map(|d| since + d);
    loop {
        // `timeout http-request` bounds the whole head, `timeout client` the silence within it.
        let silent = conn.frontend().timeouts.client.map(|d| clock::coarse() + d);
        conn.until(end.into_iter().chain(silent).min());
        let got = conn.wait(|conn, cx| poll_more(conn, cx, &mut exchange, &limits, &mut resume)).await;
        let nothing = conn.pending.is_empty() && !matches!(got, Ok((Got::Bytes, _)));
        match got {
            Ok((Got::Bytes, Some(done))) => return complete(conn, exchange, done),
            Ok((Got::Bytes, None)) => {}
            Ok((Got::End | Got::Error, _)) if nothing => {
                conn.shard.give_exchange(exchange);
                return idle_end(conn, first, Failure::page(400, Blame::Client, Phase::Request));
            }
            Ok((Got::End | Got::Error, _)) => {
                return failed(conn, exchange, Failure::page(400, Blame::Client, Phase::Request));
            }
            Err(Woke::Timeout) if nothing && !first => {
                conn.shard.give_exchange(exchange);
                return Head::End;
            }
            Err(Woke::Timeout) => {
                return failed(conn, exchange, Failure::page(408, Blame::ClientTimeout, Phase::Request));
            }
            Err(Woke::Killed) => {
                return failed(conn, exchange, Failure::silent(Blame::Killed, Phase::Request));
            }
        }
    }
}

/// The idle timeout: `timeout http-request` before the first request, `timeout http-keep-alive` or its substitute between
/// requests (configuration manual, `timeout http-keep-alive`). As in the original, `timeout client` bounds both.
fn arm_idle(conn: &mut Conn, first: bool) {
    let t = &conn.frontend().timeouts;
    let own = if first { t.http_request } else { t.http_keep_alive.or(t.http_request) };
    let patience = own.into_iter().chain(t.client).min();
    let since = if first { conn.facts.accepted } else { conn.start };
    conn.until(patience.map(|d| since + d));
}

fn begin(conn: &mut Conn) -> Box<Exchange> {
    let mut exchange = conn.shard.take_exchange();
    exchange.facts.reset(conn.start, conn.start_wall);
    exchange.facts.nth_request = conn.nth;
    let now = clock::coarse();
    exchange.facts.timers.handshake = Some(if conn.nth == 0 { conn.facts.accepted } else { conn.start });
    exchange.facts.timers.request_start = Some(now);
    exchange.facts.start_wall = clock::coarse_wall();
    exchange
}

fn limits(conn: &Conn) -> Limits {
    let global = &conn.shard.plan.global;
    Limits {
        head_max: global.bufsize.saturating_sub(global.maxrewrite).max(1024) as usize,
        fields_max: global.maxhdr as usize,
        relaxed: conn.frontend().options.relaxed_request,
    }
}

type Parsed = Result<usize, evenkeel_http::Malformed>;

/// Parses what is pending; `None`: more is needed.
fn parse_pending(
    conn: &mut Conn,
    exchange: &mut Exchange,
    limits: &Limits,
    resume: &mut Resume,
) -> Option<Parsed> {
    match parse_request_more(&conn.pending, &mut exchange.req, limits, resume) {
        Ok(Some(used)) => {
            conn.pending.drain(..used.min(conn.pending.len()));
            Some(Ok(used))
        }
        Ok(None) => None,
        Err(malformed) => Some(Err(malformed)),
    }
}

/// Reads once and parses straight from the scratch buffer; only a head that comes in pieces is copied.
fn poll_more(
    conn: &mut Conn,
    cx: &mut std::task::Context<'_>,
    exchange: &mut Exchange,
    limits: &Limits,
    resume: &mut Resume,
) -> Poll<(Got, Option<Parsed>)> {
    let shard = conn.shard.clone();
    let mut scratch = shard.scratch();
    let n = match std::task::ready!(conn.sock.poll_recv(cx, &mut scratch)) {
        Ok(0) => {
            conn.ended = true;
            return Poll::Ready((Got::End, None));
        }
        Ok(n) => n,
        Err(_) => return Poll::Ready((Got::Error, None)),
    };
    let input = scratch.get(..n).unwrap_or_default();
    if !conn.pending.is_empty() {
        conn.pending.extend_from_slice(input);
        return Poll::Ready((Got::Bytes, parse_pending(conn, exchange, limits, resume)));
    }
    let parsed = match parse_request_more(input, &mut exchange.req, limits, resume) {
        Ok(Some(used)) => {
            conn.pending.extend_from_slice(input.get(used..).unwrap_or_default());
            Some(Ok(used))
        }
        Ok(None) => {
            conn.pending.extend_from_slice(input);
            None
        }
        Err(malformed) => {
            conn.pending.extend_from_slice(input);
            Some(Err(malformed))
        }
    };
    Poll::Ready((Got::Bytes, parsed))
}

fn complete(conn: &mut Conn, mut exchange: Box<Exchange>, parsed: Parsed) -> Head {
    if let Err(fault) = parsed {
        faulty::keep(conn, None, &conn.pending, fault);
        return failed(conn, exchange, Failure::page(400, Blame::Proxy, Phase::Request));
    }
    if conn.pending.is_empty() && conn.pending.capacity() > 0 {
        conn.pending = Vec::new();
    }
    match exchange.req.body() {
        Ok(framing) => {
            exchange.req_body = framing;
            exchange.client_wants_head = exchange.req.verb() == Method::Head;
            exchange.last = exchange.req.is_doubtfully_framed();
            exchange.req.normalize_framing(framing);
        }
        Err(fault) => {
            let mut head = Vec::new();
            exchange.req.write_to(&mut head);
            faulty::keep(conn, None, &head, fault);
            return failed(conn, exchange, Failure::page(fault.kind.status(), Blame::Proxy, Phase::Request));
        }
    }
    if exchange.req_body == Framing::Chunked
        && let Err(fault) = look_ahead(&conn.pending)
    {
        // What is no body shows before anything of it has reached a server.
        faulty::keep(conn, None, &conn.pending, fault);
        return failed(conn, exchange, Failure::page(400, Blame::Proxy, Phase::Request));
    }
    let counted = exchange.req.counted_len();
    books::received(conn, &mut exchange, counted);
    exchange.facts.timers.request_head = Some(clock::coarse());
    Head::Request(exchange)
}

/// Whether the chunks in hand are chunks.
pub(crate) fn look_ahead(mut input: &[u8]) -> Result<(), Malformed> {
    let mut decoder = ChunkDecoder::default();
    loop {
        match decoder.decode(input)? {
            ChunkStep::Data { end, .. } => input = input.get(end..).unwrap_or_default(),
            ChunkStep::More | ChunkStep::End { .. } => return Ok(()),
        }
    }
}

/// A client that never said anything. The original tells it so (400, 408) but for those who only probe
/// (configuration manual, `option http-ignore-probes`).
fn idle_end(conn: &mut Conn, first: bool, failure: Failure) -> Head {
    if !first {
        return Head::End;
    }
    let exchange = begin(conn);
    let silent = conn.frontend().options.ignore_probes;
    let failure = if silent { Failure { status: None, ..failure } } else { failure };
    Head::Failed(exchange, failure)
}

fn failed(conn: &mut Conn, mut exchange: Box<Exchange>, failure: Failure) -> Head {
    // What was read so far is what the log would show; the head itself cannot be trusted.
    exchange.req.clear();
    conn.ended |= failure.blame == Blame::Client;
    Head::Failed(exchange, failure)
}
