//! Forward: the request to the server, the answer to the client.
//!
//! ```text
//! request head (+ body in hand) ─▶ server        one send where it fits
//!   ├ body ─▶ server    ┐ both at once: a server may answer before the body is through
//!   └ answer head ◀─────┘
//! rules, cookie ─▶ answer head (+ body in hand) ─▶ client
//!   └ body ─▶ client                             spliced if large
//! ```

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::{
    ConnectionOptions, Framing, Known, Limits, Malformed, Method, Resume, Version, parse_response_more,
    strip_hop_by_hop,
};
use evenkeel_plan::{HttpMode, HttpReuse};
use evenkeel_sys::clock;

use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure, Next};
use crate::faulty;
use crate::inbound::Source;
use crate::judge::{self, Judged};
use crate::pool::ServerConn;
use crate::pump::{Counted, Outgoing, Pump, PumpError, Side};
use crate::route::Seat;
use crate::{books, capture, finish, persist, reach, read, tcp};

/// How sending an exchange ended.
pub(crate) enum Sent {
    /// The answer is through.
    Done(Next),
    /// A rule answered instead of the server.
    Answered(Next),
    /// A pooled connection was closed before the server saw the request: try a new one.
    Stale,
    /// `retry-on` asks for another try; the failure stands if there is none left.
    Retry(Failure),
}

/// Interim answers (1xx) before the final one: a `102` every few seconds of a long hour; a server that sends more is broken.
const INTERIM_MAX: u32 = 1024;

/// Sends the request and the answer.
pub(crate) async fn exchange(
    conn: &mut Conn,
    exchange: &mut Exchange,
    mut server: ServerConn,
    seat: &Seat,
) -> Result<Sent, Failure> {
    server.uses += 1;
    let mut replay = None;
    let sent = send_request(conn, exchange, &server, seat, &mut replay);
    let stale = |exchange: &Exchange, replay: &Option<Vec<u8>>| {
        server.reused && replay.is_some() && reach::is_idempotent(exchange)
    };
    let mut up = match sent {
        Ok(up) => up,
        Err(PumpError::Malformed) => return Err(Failure::page(400, Blame::Proxy, Phase::Data)),
        Err(_) if stale(exchange, &replay) => return Ok(put_back(conn, replay, Sent::Stale)),
        Err(_) => return lost(conn, exchange, seat, (Lost::Server, true), replay),
    };
    let mut reply = Reply { rest: exchange.inbound.take_memory(), ..Reply::default() };
    loop {
        match await_head(conn, exchange, &server, &mut up, &mut reply).await {
            Ok(()) => {}
            Err(Lost::Empty | Lost::Server) if reply.is_empty() && stale(exchange, &replay) => {
                return Ok(put_back(conn, replay, Sent::Stale));
            }
            Err(why) => {
                let unheard = reply.interim == 0;
                if replay.is_none() {
                    end_upload(conn, exchange, &mut up);
                }
                return lost(conn, exchange, seat, (why, unheard), replay);
            }
        }
        if !is_interim(exchange) {
            break;
        }
        reply.interim += 1;
        if reply.interim > INTERIM_MAX {
            return lost(conn, exchange, seat, (Lost::Junk, false), None);
        }
        books::reply(conn, seat.server, exchange.res.status());
        send_interim(conn, exchange).await?;
        // It lives, and works on it.
        up.since = clock::coarse();
    }
    if replay.is_some()
        && let Some(retry) = status_retry(conn, exchange)
    {
        return Ok(put_back(conn, replay, retry));
    }
    end_upload(conn, exchange, &mut up);
    answer(conn, exchange, server, seat, up, reply.rest).await
}

/// Where the request's body has been read to its end, what stands before the next request is nothing: whoever answers from
/// here on must not look for it there.
fn end_upload(conn: &mut Conn, exchange: &mut Exchange, up: &mut Pump) {
    if !up.read_done() {
        return;
    }
    exchange.req_body = Framing::None;
    if !up.surplus.is_empty() {
        let mut pending = std::mem::take(&mut up.surplus);
        pending.append(&mut conn.pending);
        conn.pending = pending;
    }
}

/// What has come of the answer's head.
#[derive(Default)]
struct Reply {
    /// Bytes of an incomplete head; after it, bytes of the body.
    rest: Vec<u8>,
    resume: Resume,
    interim: u32,
}

impl Reply {
    fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.interim == 0
    }
}

/// Why no answer's head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// Closed before the first byte.
    Empty,
    /// Reset, or closed within the head.
    Server,
    /// It said something that is no answer.
    Junk,
    /// It said nothing in time.
    Timeout,
    /// The client is gone.
    Client,
    /// The client has closed in order, and `option abortonclose` takes that for its leave.
    Closed,
    /// The client sent its body too slowly.
    ClientTimeout,
    /// The client's body is not what it should be.
    BadBody,
    /// Ended by the operator.
    Killed,
}

/// The request may be sent again: its body, if all of it was in hand, is put back where it was read from.
fn put_back(conn: &mut Conn, replay: Option<Vec<u8>>, sent: Sent) -> Sent {
    if let Some(mut body) = replay.filter(|b| !b.is_empty()) {
        body.append(&mut conn.pending);
        conn.pending = body;
    }
    sent
}

/// Writes the head and what is in hand of the body; the pump does the rest. `replay` becomes the body's bytes as they were
/// read, if that was all of it: then the request can be sent again.
fn send_request(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: &ServerConn,
    seat: &Seat,
    replay: &mut Option<Vec<u8>>,
) -> Result<Pump, PumpError> {
    let shard = conn.shard.clone();
    let outgoing = match exchange.req_body {
        Framing::Chunked => Outgoing::Chunks,
        Framing::None | Framing::Length(_) | Framing::UntilClose | Framing::Tunnel => Outgoing::Plain,
    };
    let mut up = Pump::new(exchange.req_body, outgoing, true);
    name_server(conn, exchange, seat);
    let mut out = shard.out();
    exchange.req.write_to(&mut out);
    if exchange.req_body != Framing::None && !conn.pending.is_empty() {
        let mut pending = std::mem::take(&mut conn.pending);
        let head_len = out.len();
        up.feed_into(&pending, &mut out)?;
        conn.pending = std::mem::take(&mut up.surplus);
        pending.truncate(pending.len() - conn.pending.len());
        let framing = up.take_framing();
        books::received(conn, exchange, ((out.len() - head_len) as u64).saturating_sub(framing));
        *replay = up.read_done().then_some(pending);
    } else if up.read_done() {
        *replay = Some(Vec::new());
    }
    let sent = match server.sock.try_send(&out) {
        Ok(n) => n,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
        Err(_) => return Err(PumpError::Dst),
    };
    if let Some(rest) = out.get(sent..).filter(|r| !r.is_empty()) {
        up.prepend(rest, Counted::Already);
    }
    Ok(up)
}

/// `http-send-name-header`.
fn name_server(conn: &Conn, exchange: &mut Exchange, seat: &Seat) {
    let Some(back) = exchange.backend.and_then(|b| conn.shard.plan.back(b)) else { return };
    if let (Some(header), Some(id)) = (&back.send_name_header, seat.server) {
        let name = conn.shard.plan.server(id).name.as_bytes();
        exchange.req.fields_mut().set(header, name);
    }
}

/// Waits for the answer's head, moving the request's body meanwhile.
async fn await_head(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: &ServerConn,
    up: &mut Pump,
    reply: &mut Reply,
) -> Result<(), Lost> {
    let shard = conn.shard.clone();
    let backend = exchange.backend;
    let timeout = exchange.facts.timeout_server.or(backend.and_then(|b| shard.plan.proxy(b).timeouts.server));
    let client_timeout = conn.frontend().timeouts.client;
    let abortonclose = backend.is_some_and(|b| shard.plan.proxy(b).options.abortonclose);
    let limits = limits(conn, exchange);
    if !reply.rest.is_empty()
        && let Some(done) = parse_rest(conn, exchange, &limits, reply)
    {
        return done;
    }
    let mut upload = Ok(());
    let mut uploaded = up.volume();
    if up.is_done() {
        conn.until(timeout.map(|d| up.since + d));
    }
    let woken = conn
        .wait(|conn, cx| {
            if !up.is_done() && upload.is_ok() {
                if let Poll::Ready(Err(e)) = up.poll(cx, &shard, &conn.sock, &server.sock) {
                    match e {
                        // The server may have answered before it closed: read on.
                        PumpError::Dst => upload = Err(()),
                        PumpError::Malformed => return Poll::Ready(Err(Lost::BadBody)),
                        PumpError::Truncated | PumpError::Src => return Poll::Ready(Err(Lost::Client)),
                    }
                }
                books::received(conn, exchange, up.volume().saturating_sub(uploaded));
                uploaded = uploaded.max(up.volume());
                let patience = match up.waiting {
                    Side::Src if !up.is_done() => client_timeout,
                    Side::Src | Side::Dst => timeout,
                };
                conn.until(patience.map(|d| up.since + d));
            }
            if let Poll::Ready(done) = poll_head(conn, cx, exchange, server, &limits, reply) {
                return Poll::Ready(done);
            }
            if up.is_done() && conn.client_left(cx) && abortonclose {
                return Poll::Ready(Err(if conn.reset { Lost::Client } else { Lost::Closed }));
            }
            Poll::Pending
        })
        .await;
    match woken {
        Ok(done) => done,
        Err(Woke::Killed) => Err(Lost::Killed),
        Err(Woke::Timeout) if !up.is_done() && up.waiting == Side::Src => Err(Lost::ClientTimeout),
        Err(Woke::Timeout) => Err(Lost::Timeout),
    }
}

fn limits(conn: &Conn, exchange: &Exchange) -> Limits {
    let global = &conn.shard.plan.global;
    Limits {
        head_max: global.bufsize.saturating_sub(global.maxrewrite).max(1024) as usize,
        fields_max: global.maxhdr as usize,
        relaxed: exchange.backend.is_some_and(|b| conn.shard.plan.proxy(b).options.relaxed_response),
    }
}

/// Keeps an answer that could not be read, for `show errors`.
fn keep_bad(conn: &Conn, exchange: &Exchange, bytes: &[u8], fault: Malformed) {
    if let Some(backend) = exchange.backend {
        faulty::keep(conn, Some((backend, exchange.facts.server)), bytes, fault);
    }
}

fn parse_rest(
    conn: &Conn,
    exchange: &mut Exchange,
    limits: &Limits,
    reply: &mut Reply,
) -> Option<Result<(), Lost>> {
    match parse_response_more(&reply.rest, &mut exchange.res, limits, &mut reply.resume) {
        Ok(None) => None,
        Ok(Some(used)) => {
            reply.rest.drain(..used.min(reply.rest.len()));
            reply.resume = Resume::default();
            Some(Ok(()))
        }
        Err(fault) => {
            keep_bad(conn, exchange, &reply.rest, fault);
            Some(Err(Lost::Junk))
        }
    }
}

fn poll_head(
    conn: &Conn,
    cx: &mut Context<'_>,
    exchange: &mut Exchange,
    server: &ServerConn,
    limits: &Limits,
    reply: &mut Reply,
) -> Poll<Result<(), Lost>> {
    loop {
        let mut scratch = conn.shard.scratch();
        let n = match std::task::ready!(server.sock.poll_recv(cx, &mut scratch)) {
            Ok(0) if reply.is_empty() => return Poll::Ready(Err(Lost::Empty)),
            Ok(0) | Err(_) => return Poll::Ready(Err(Lost::Server)),
            Ok(n) => n,
        };
        let input = scratch.get(..n).unwrap_or_default();
        if !reply.rest.is_empty() {
            reply.rest.extend_from_slice(input);
            if let Some(done) = parse_rest(conn, exchange, limits, reply) {
                return Poll::Ready(done);
            }
            continue;
        }
        match parse_response_more(input, &mut exchange.res, limits, &mut reply.resume) {
            Ok(Some(used)) => {
                reply.rest.extend_from_slice(input.get(used..).unwrap_or_default());
                reply.resume = Resume::default();
                return Poll::Ready(Ok(()));
            }
            Ok(None) => reply.rest.extend_from_slice(input),
            Err(fault) => {
                keep_bad(conn, exchange, input, fault);
                return Poll::Ready(Err(Lost::Junk));
            }
        }
    }
}

/// What the lack of an answer means: a retry, an error page, or silence. `unheard`: the client has heard nothing of it yet.
fn lost(
    conn: &mut Conn,
    exchange: &mut Exchange,
    seat: &Seat,
    (why, unheard): (Lost, bool),
    replay: Option<Vec<u8>>,
) -> Result<Sent, Failure> {
    let plan = conn.shard.plan.clone();
    let back = exchange.backend.and_then(|b| plan.back(b));
    let (failure, retry) = match why {
        Lost::Empty => (
            Failure::page(502, Blame::Server, Phase::Headers),
            back.is_some_and(|b| b.retry_on.empty_response),
        ),
        Lost::Server => (
            Failure::page(502, Blame::Server, Phase::Headers),
            back.is_some_and(|b| b.retry_on.junk_response),
        ),
        Lost::Junk => {
            (Failure::page(502, Blame::Proxy, Phase::Headers), back.is_some_and(|b| b.retry_on.junk_response))
        }
        Lost::Timeout => (
            Failure::page(504, Blame::ServerTimeout, Phase::Headers),
            back.is_some_and(|b| b.retry_on.response_timeout),
        ),
        // It may still be listening.
        Lost::Closed => (Failure::page(400, Blame::Client, Phase::Headers), false),
        // Nobody is there to be told.
        Lost::Client => (Failure::silent(Blame::Client, Phase::Data), false),
        // configuration manual §8.5: `cH` is for a client that is slow with its POST.
        Lost::ClientTimeout => (Failure::page(408, Blame::ClientTimeout, Phase::Headers), false),
        Lost::BadBody => (Failure::page(400, Blame::Proxy, Phase::Data), false),
        Lost::Killed => (Failure::page(502, Blame::Killed, Phase::Headers), false),
    };
    // `retry-on` promises that the user knows its requests: any method may be sent again.
    let again = retry && replay.is_some() && !exchange.effects.no_retry && reach::may_retry(conn, exchange);
    let closed = matches!(why, Lost::Empty | Lost::Server);
    if !again && closed && unheard && conn.nth > 1 {
        // A connection that has served requests may be closed at any time, and the client knows best whether to send this
        // one again: to it this is such a close (RFC 9112 §9.3.1). The original does the same, and counts no error.
        exchange.facts.log_level = Some(None);
        return Err(Failure::silent(Blame::Server, Phase::Connect));
    }
    if let (Some(id), Lost::Empty | Lost::Server | Lost::Junk | Lost::Timeout) = (seat.server, why) {
        if !again {
            books::bad_reply(conn, exchange.backend, seat.server);
        }
        crate::checks::observe(conn, id, crate::checks::Observed::NoAnswer);
    }
    if again {
        return Ok(put_back(conn, replay, Sent::Retry(failure)));
    }
    Err(failure)
}

fn status_retry(conn: &Conn, exchange: &Exchange) -> Option<Sent> {
    let back = exchange.backend.and_then(|b| conn.shard.plan.back(b))?;
    let status = exchange.res.status();
    let hit = back.retry_on.statuses.contains(&status)
        && reach::may_retry(conn, exchange)
        && !exchange.effects.no_retry;
    hit.then(|| Sent::Retry(Failure::page(status, Blame::Server, Phase::Headers)))
}

fn is_interim(exchange: &Exchange) -> bool {
    matches!(exchange.res.status(), 100 | 102..=199)
}

/// Passes a 1xx answer on; clients of HTTP/1.0 don't know any (RFC 9110 §15.2).
async fn send_interim(conn: &mut Conn, exchange: &mut Exchange) -> Result<(), Failure> {
    if exchange.client_is_old {
        return Ok(());
    }
    let mut head = Vec::new();
    exchange.facts.bytes_out += exchange.res.counted_len();
    exchange.res.normalize_framing(Framing::None);
    strip_hop_by_hop(exchange.res.fields_mut());
    exchange.res.write_to(&mut head);
    conn.until_after(conn.frontend().timeouts.client);
    send_all(conn, &head).await.map_err(|blame| Failure::silent(blame, Phase::Headers))
}

/// Writes all of it to the client.
pub(crate) async fn send_all(conn: &mut Conn, bytes: &[u8]) -> Result<(), Blame> {
    let mut at = 0;
    let sent = conn
        .wait(|conn, cx| {
            while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
                match std::task::ready!(conn.sock.poll_send(cx, rest)) {
                    Ok(n) => at += n,
                    Err(_) => return Poll::Ready(Err(Blame::Client)),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await;
    match sent {
        Ok(done) => done,
        Err(Woke::Timeout) => Err(Blame::ClientTimeout),
        Err(Woke::Killed) => Err(Blame::Killed),
    }
}

/// The final answer: rules, cookie, head, body.
async fn answer(
    conn: &mut Conn,
    exchange: &mut Exchange,
    mut server: ServerConn,
    seat: &Seat,
    mut up: Pump,
    rest: Vec<u8>,
) -> Result<Sent, Failure> {
    let (backend, server_id) = (exchange.backend, seat.server);
    let junk = |conn: &Conn| {
        books::bad_reply(conn, backend, server_id);
        Failure::page(502, Blame::Proxy, Phase::Headers)
    };
    let mut framing = exchange.res.body(exchange.req.verb()).map_err(|_| junk(conn))?;
    if framing == Framing::Chunked {
        // What is no body shows before anything of the answer has left.
        read::look_ahead(&rest).map_err(|_| junk(conn))?;
    }
    exchange.facts.timers.response_head = Some(clock::coarse());
    if exchange.res.status() == 101 && !ConnectionOptions::of(exchange.req.fields()).upgrade() {
        // Nobody asked for another protocol (RFC 9110 §15.2.2).
        return Err(junk(conn));
    }
    // Counted as the server sent it, before any rule.
    exchange.facts.bytes_out += exchange.res.counted_len();
    let doubtful = exchange.res.is_doubtfully_framed();
    // The client's side has one framing only; an old server's chunks still are not to be trusted with a next answer.
    exchange.client_keeps &= !doubtful || exchange.res.version() == Version::Http11;
    exchange.res.normalize_framing(framing);
    server.private |= binds_login(exchange);
    let server_keeps =
        !doubtful && ConnectionOptions::of(exchange.res.fields()).wants_keep_alive(exchange.res.version());
    if let Some(id) = seat.server {
        books::reply(conn, seat.server, exchange.res.status());
        crate::checks::observe(conn, id, crate::checks::Observed::Status(exchange.res.status()));
    }
    exchange.inbound.begin(rest, framing);
    let source = Source { sock: &server.sock, framing };
    capture::of_response(conn, exchange);
    let silent = judge::is_silent_on_answers(conn.frontend())
        && exchange.backend.is_none_or(|b| judge::is_silent_on_answers(conn.shard.plan.proxy(b)));
    if !silent && let Judged::Answered(next) = judge::response(conn, exchange, source).await? {
        // What the server said counts as never come, but for its bytes.
        exchange.facts.timers.response_head = None;
        exchange.facts.bytes_out += exchange.inbound.raw.len() as u64;
        return Ok(Sent::Answered(next));
    }
    let rest = std::mem::take(&mut exchange.inbound.raw);
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    if let Some(back) = exchange.backend.and_then(|b| plan.back(b)) {
        persist::edit_response(conn, exchange, back);
    }
    if exchange.backend.is_some_and(|b| plan.proxy(b).options.checkcache)
        && persist::cacheable_cookie(exchange)
    {
        return Err(Failure::page(502, Blame::Proxy, Phase::Headers));
    }
    judge::after_response(conn, exchange)?;
    exchange.facts.status = exchange.res.status();
    if framing == Framing::Tunnel {
        if !up.is_done() {
            // It switches before it has the whole request: what is left of that belongs to neither protocol.
            return Err(junk(conn));
        }
        return tunnel(conn, exchange, server, rest).await;
    }
    let mut server_keeps = server_keeps;
    if exchange.client_wants_head != (exchange.req.verb() == Method::Head) {
        // `set-method`: the client must see what it asked for. What it did not, goes with the server's connection; where a
        // body is missing, its own has to end.
        framing = Framing::None;
        server_keeps = false;
        exchange.client_keeps &= exchange.client_wants_head;
    }
    exchange.client_keeps &= !conn.shard.world.stopping.load(Relaxed);
    let outgoing = prepare_head(exchange, framing, &up, server_keeps);
    let mut down = Pump::new(framing, outgoing, true);
    let whole = send_answer(conn, exchange, &mut down, &rest)?;
    // Its memory serves the next answer.
    exchange.inbound.raw = rest;
    if conn.frontend().log.logasap {
        count_download(exchange, &mut down);
        finish::log_early(conn, exchange);
    }
    if !whole || !up.is_done() {
        carry(conn, exchange, &server, (&mut up, server_keeps), &mut down).await?;
        end_upload(conn, exchange, &mut up);
    } else {
        down.since = clock::coarse();
    }
    count_download(exchange, &mut down);
    Ok(Sent::Done(settle(conn, exchange, server, seat, server_keeps, framing, &up, &down)))
}

/// NTLM and Negotiate log a connection in, not a request: from then on it is this client's alone (configuration manual,
/// `http-reuse`).
fn binds_login(exchange: &Exchange) -> bool {
    let field = match exchange.res.status() {
        401 => "www-authenticate",
        407 => "proxy-authenticate",
        _ => return false,
    };
    let binding = |v: &[u8]| {
        let scheme = v.get(..4).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"ntlm") || scheme.eq_ignore_ascii_case(b"nego")
    };
    exchange.res.fields().lines(field).any(binding)
}

/// The Connection field towards the client, and the coding that it understands.
fn prepare_head(exchange: &mut Exchange, framing: Framing, up: &Pump, server_keeps: bool) -> Outgoing {
    let mut outgoing = Outgoing::Plain;
    match framing {
        Framing::Chunked if exchange.client_is_old => {
            exchange.res.fields_mut().remove(Known::TransferEncoding);
            exchange.client_keeps = false;
        }
        Framing::Chunked => outgoing = Outgoing::Chunks,
        Framing::UntilClose => exchange.client_keeps = false,
        Framing::None | Framing::Length(_) | Framing::Tunnel => {}
    }
    if !server_keeps {
        // A server that answers before it has the whole request and closes: the rest of it is in the way of the next one.
        exchange.client_keeps &= up.read_done();
    }
    strip_hop_by_hop(exchange.res.fields_mut());
    if !exchange.client_keeps {
        exchange.res.fields_mut().push(Known::Connection, b"close");
    } else if exchange.client_is_old {
        exchange.res.fields_mut().push(Known::Connection, b"keep-alive");
    }
    outgoing
}

/// Writes the head with what is in hand of the body. True if that was all.
fn send_answer(
    conn: &mut Conn,
    exchange: &mut Exchange,
    down: &mut Pump,
    rest: &[u8],
) -> Result<bool, Failure> {
    let shard = conn.shard.clone();
    let mut out = shard.out();
    exchange.res.write_to(&mut out);
    let head_len = out.len();
    // It was looked at before.
    down.feed_into(rest, &mut out).map_err(|_| Failure::page(502, Blame::Proxy, Phase::Headers))?;
    exchange.answered = true;
    let sent = match conn.sock.try_send(&out) {
        Ok(n) => n,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
        Err(_) => return Err(Failure::silent(Blame::Client, Phase::Data)),
    };
    if let Some(left) = out.get(sent..).filter(|r| !r.is_empty()) {
        down.prepend_rest(left, head_len.saturating_sub(sent));
    }
    down.moved += sent.saturating_sub(head_len) as u64;
    Ok(down.is_done())
}

/// Moves both bodies until the answer's is through, and the request's too where the server `reads_on`.
async fn carry(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: &ServerConn,
    (up, reads_on): (&mut Pump, bool),
    down: &mut Pump,
) -> Result<(), Failure> {
    let shard = conn.shard.clone();
    let own = exchange.facts.timeout_server;
    let server_timeout = own.or(exchange.backend.and_then(|b| shard.plan.proxy(b).timeouts.server));
    let client_timeout = conn.frontend().timeouts.client;
    let mut upload_failed = None;
    let mut uploaded = up.volume();
    let ended = conn
        .wait(|conn, cx| {
            if !up.is_done() && upload_failed.is_none() {
                if let Poll::Ready(Err(error)) = up.poll(cx, &shard, &conn.sock, &server.sock) {
                    // It shows in the answer, or in its lack.
                    upload_failed = Some(error);
                }
                books::received(conn, exchange, up.volume().saturating_sub(uploaded));
                uploaded = uploaded.max(up.volume());
            }
            let polled = down.poll(cx, &shard, &server.sock, &conn.sock);
            let answered = matches!(polled, Poll::Ready(Ok(())));
            if answered && !up.is_done() && reads_on {
                return match upload_failed.take() {
                    None => {
                        let patience = match up.waiting {
                            Side::Src => client_timeout,
                            Side::Dst => server_timeout,
                        };
                        conn.until(patience.map(|d| up.since.max(down.since) + d));
                        Poll::Pending
                    }
                    Some(PumpError::Src | PumpError::Truncated) => Poll::Ready(Err(PumpError::Dst)),
                    Some(PumpError::Dst | PumpError::Malformed) => Poll::Ready(Ok(())),
                };
            }
            let patience = match down.waiting {
                Side::Src => server_timeout,
                Side::Dst => client_timeout,
            };
            // Both directions' progress counts, as in the original.
            let since = if up.is_done() { down.since } else { down.since.max(up.since) };
            conn.until(patience.map(|d| since + d));
            // While the server is silent nothing is written, and only reading shows that the client is gone.
            if polled.is_pending() && up.is_done() && conn.client_reset(cx) {
                return Poll::Ready(Err(PumpError::Dst));
            }
            polled
        })
        .await;
    let failure = match ended {
        Ok(Ok(())) => None,
        Ok(Err(PumpError::Dst)) => Some(Failure::silent(Blame::Client, Phase::Data)),
        Ok(Err(PumpError::Src | PumpError::Truncated | PumpError::Malformed)) => {
            Some(Failure::silent(Blame::Server, Phase::Data))
        }
        Err(Woke::Timeout) => {
            let client_slow = match down.is_done() {
                true => up.waiting == Side::Src,
                false => down.waiting == Side::Dst,
            };
            let blame = if client_slow { Blame::ClientTimeout } else { Blame::ServerTimeout };
            Some(Failure::silent(blame, Phase::Data))
        }
        Err(Woke::Killed) => Some(Failure::silent(Blame::Killed, Phase::Data)),
    };
    match failure {
        None => Ok(()),
        Some(failure) => {
            count_download(exchange, down);
            Err(failure)
        }
    }
}

fn count_download(exchange: &mut Exchange, down: &mut Pump) {
    exchange.facts.bytes_out += down.volume();
    down.moved = 0;
    down.take_framing();
}

/// What becomes of both connections.
#[allow(clippy::too_many_arguments)] // one place that sees how both messages ended
fn settle(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: ServerConn,
    seat: &Seat,
    server_keeps: bool,
    framing: Framing,
    up: &Pump,
    down: &Pump,
) -> Next {
    let clean = up.is_done() && down.surplus.is_empty() && framing != Framing::UntilClose;
    let kept = clean && server_keeps && exchange.http_mode == HttpMode::KeepAlive;
    conn.last_server = seat.server;
    if let (true, Some(id), Some(backend)) = (kept, seat.server, exchange.backend) {
        let never = conn.shard.plan.back(backend).is_some_and(|b| b.reuse == HttpReuse::Never);
        if never || server.private {
            conn.own = Some((id, server));
        } else {
            conn.shard.give_idle(id, server);
        }
    }
    if exchange.client_keeps && up.read_done() { Next::KeepAlive } else { Next::Close }
}

/// `101 Switching Protocols`, `CONNECT`: from here on, bytes.
async fn tunnel(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: ServerConn,
    rest: Vec<u8>,
) -> Result<Sent, Failure> {
    exchange.facts.tunnel = true;
    let mut down = Pump::new(Framing::Tunnel, Outgoing::Plain, true);
    send_answer(conn, exchange, &mut down, &rest)?;
    let pending = std::mem::take(&mut conn.pending);
    let mut up = Pump::new(Framing::Tunnel, Outgoing::Plain, true);
    let mut first = Vec::new();
    // An open stream takes every byte as it is.
    up.feed_into(&pending, &mut first).map_err(|_| Failure::silent(Blame::Proxy, Phase::Data))?;
    up.prepend(&first, Counted::NotYet);
    tcp::carry(conn, exchange, &server.sock, &mut up, &mut down).await?;
    Ok(Sent::Done(Next::Close))
}

/// The version and Connection field towards the server.
pub(crate) fn prepare_request(exchange: &mut Exchange, pretend_keepalive: bool) {
    // RFC 9110 §10.1.4: codings are for the next hop alone, and we take none; trailers go through.
    let te = exchange.req.fields().values(Known::Te).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    if te {
        exchange.req.fields_mut().set(Known::Te, b"trailers");
    } else {
        exchange.req.fields_mut().remove(Known::Te);
    }
    let upgrade = ConnectionOptions::of(exchange.req.fields()).upgrade();
    strip_hop_by_hop(exchange.req.fields_mut());
    if upgrade {
        return;
    }
    if exchange.http_mode != HttpMode::KeepAlive && !pretend_keepalive {
        exchange.req.fields_mut().push(Known::Connection, b"close");
    } else if exchange.req.version() == Version::Http10 {
        exchange.req.fields_mut().push(Known::Connection, b"keep-alive");
    }
}
