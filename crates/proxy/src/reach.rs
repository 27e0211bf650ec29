//! Reach: a connection to the server, from the pool or new, with retries and redispatch.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_balance::Algorithm;
use evenkeel_expr::facts::{Blame, Peer, Phase};
use evenkeel_http::Framing;
use evenkeel_plan::addr::PortRule;
use evenkeel_plan::{Back, HttpReuse, Mode, Plan, Server};
use evenkeel_sys::connect::PortRange;
use evenkeel_sys::{Addr, ConnectError, ConnectOpts, Sock, clock, connect};
use evenkeel_wire::proxy;
use std::sync::atomic::Ordering::Relaxed;

use crate::books;
use crate::conn::{Conn, Woke, peer_of};
use crate::exchange::{Exchange, Failure};
use crate::pool::ServerConn;
use crate::route::{Seat, take_seat};
use crate::runtime::keepalive;

/// A retry on the same server waits this long, or `timeout connect` if that is less: it may be restarting
/// (configuration manual, `retries`).
const TURN_AROUND: Duration = Duration::from_secs(1);

/// The socket options of a server's connections.
pub(crate) fn connect_opts(plan: &Plan, server: &Server) -> ConnectOpts {
    let backend = plan.proxy(server.backend);
    let source = server.line.source.as_ref().or(backend.back.as_ref().and_then(|b| b.source.as_ref()));
    ConnectOpts {
        source: source.map(|s| s.addr),
        source_ports: source
            .and_then(|s| s.ports)
            .and_then(|(low, high)| PortRange::new(low, high))
            .map(Arc::new),
        interface: source.and_then(|s| s.interface.as_deref()).map(Into::into),
        tcp_user_timeout: server.line.tcp_user_timeout,
        keepalive: backend.options.srvtcpka.then(|| keepalive(&backend.options.server_probes)),
        sndbuf: (plan.global.sndbuf_server > 0).then_some(plan.global.sndbuf_server as usize),
        rcvbuf: (plan.global.rcvbuf_server > 0).then_some(plan.global.rcvbuf_server as usize),
        fastopen: server.line.fastopen,
        ..ConnectOpts::default()
    }
}

/// A connection for this exchange. `fresh_only`: not from the pool.
pub(crate) async fn reach(
    conn: &mut Conn,
    exchange: &mut Exchange,
    seat: &mut Seat,
    fresh_only: bool,
) -> Result<ServerConn, Failure> {
    loop {
        if !fresh_only && let Some(server) = from_pool(conn, exchange, seat) {
            exchange.facts.from_pool = true;
            exchange.facts.server_addr =
                destination(conn, exchange, seat).as_ref().map_or(Peer::Unknown, peer_of);
            exchange.facts.timers.connected = Some(clock::coarse());
            books::reached(conn, exchange.backend, seat.server, books::Way::Reused);
            return Ok(server);
        }
        exchange.facts.from_pool = false;
        let failure = match dial(conn, exchange, seat).await {
            Ok(server) => {
                if let Some(id) = seat.server {
                    crate::checks::observe(conn, id, crate::checks::Observed::Connected);
                }
                return Ok(server);
            }
            Err(failure) => failure,
        };
        if let Some(id) = seat.server {
            crate::checks::observe(conn, id, crate::checks::Observed::ConnectFailed);
        }
        let back = exchange.backend.and_then(|b| conn.shard.plan.back(b));
        let wanted = back.is_some_and(|b| b.retry_on.conn_failure);
        if !failure.retry || !wanted || !may_retry(conn, exchange) {
            return Err(failure.failure);
        }
        note_retry(conn, exchange, seat).await?;
    }
}

/// True while retries are left.
pub(crate) fn may_retry(conn: &Conn, exchange: &Exchange) -> bool {
    let back = exchange.backend.and_then(|b| conn.shard.plan.back(b));
    back.is_some_and(|b| exchange.facts.retries < b.retries)
}

/// Books a retry: on another server if redispatch says so, else on the same after a pause.
pub(crate) async fn note_retry(
    conn: &mut Conn,
    exchange: &mut Exchange,
    seat: &mut Seat,
) -> Result<(), Failure> {
    let Some(backend) = exchange.backend else { return Ok(()) };
    let plan = conn.shard.plan.clone();
    let Some(back) = plan.back(backend) else { return Ok(()) };
    exchange.facts.retries += 1;
    if wants_redispatch(conn, exchange, back) && seat.server.is_some() {
        let failed = seat.server;
        seat.leave();
        if exchange.cookie.valid && exchange.cookie.named == failed {
            exchange.cookie.valid = false;
            exchange.facts.termination.cookie_in = b'D';
        }
        *seat = take_seat(conn, exchange, back, None, failed).await?;
        let moved = seat.server != failed;
        exchange.facts.redispatched |= moved;
        books::retry(conn, backend, failed, moved);
        return Ok(());
    }
    books::retry(conn, backend, seat.server, false);
    seat.count_attempt(conn);
    let pause = plan.proxy(backend).timeouts.connect.map_or(TURN_AROUND, |t| t.min(TURN_AROUND));
    conn.until_after(Some(pause));
    let abortable = plan.proxy(backend).options.abortonclose;
    let woken = conn
        .wait(|conn, cx| match abortable && conn.client_left(cx) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        })
        .await;
    match woken {
        Ok(()) => Err(Failure::silent(Blame::Client, Phase::Connect)),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::Connect)),
        Err(Woke::Timeout) => Ok(()),
    }
}

/// `option redispatch [n]`: 0 never, n every n-th retry, -n the n-th from the last (configuration manual).
fn wants_redispatch(conn: &Conn, exchange: &Exchange, back: &Back) -> bool {
    let Some(backend) = exchange.backend else { return false };
    let every = conn.shard.plan.proxy(backend).options.redispatch;
    let retry = exchange.facts.retries;
    if every == 0 {
        return false;
    }
    // A server that has gone down meanwhile is left at once.
    if exchange.facts.server.is_some_and(|id| !conn.shard.world.server(id).reachable()) {
        return true;
    }
    // Where no key ties the request to its server, another one is tried at once, as the original does.
    let tied = matches!(back.algorithm, Algorithm::Hash(_)) || exchange.cookie.valid;
    let others = conn.shard.world.proxy(backend).usable_servers.load(Relaxed);
    if !tied && others > 1 {
        return true;
    }
    if every > 0 {
        return retry.is_multiple_of(every.unsigned_abs());
    }
    retry == (back.retries + 1).saturating_sub(every.unsigned_abs())
}

/// An idle connection, if `http-reuse` lets this request use one.
fn from_pool(conn: &mut Conn, exchange: &Exchange, seat: &Seat) -> Option<ServerConn> {
    let (id, backend) = (seat.server?, exchange.backend?);
    if conn.shard.plan.proxy(backend).mode != Mode::Http {
        return None;
    }
    let back = conn.shard.plan.back(backend)?;
    if let Some((own_id, own)) = conn.own.take() {
        let current = conn.shard.world.server(id).generation.load(Relaxed);
        if own_id == id && own.generation == current && own.sock.is_quiet() {
            return Some(ServerConn { reused: true, ..own });
        }
    }
    let first = conn.nth <= 1;
    match back.reuse {
        HttpReuse::Never => None,
        // A first request may use a pooled connection only if it can be sent again, should that one turn out to be stale:
        // then the client cannot tell (docs/decisions/0009-safe-reuse.md).
        HttpReuse::Safe if first && !(is_idempotent(exchange) && exchange.req_body == Framing::None) => None,
        HttpReuse::Safe | HttpReuse::Always => conn.shard.take_idle(id, false),
        HttpReuse::Aggressive => conn.shard.take_idle(id, first),
    }
}

/// Why a connection failed, and whether another try may help.
struct DialFailure {
    failure: Failure,
    retry: bool,
}

async fn dial(conn: &mut Conn, exchange: &mut Exchange, seat: &Seat) -> Result<ServerConn, DialFailure> {
    let page = |status, blame| Failure::page(status, blame, Phase::Connect);
    let dead = |status, blame| DialFailure { failure: page(status, blame), retry: false };
    let shard = conn.shard.clone();
    let Some(addr) = destination(conn, exchange, seat) else { return Err(dead(503, Blame::Server)) };
    let plain = ConnectOpts::default();
    let opts = seat.server.and_then(|id| shard.connect_opts(id)).unwrap_or(&plain);
    exchange.facts.server_addr = peer_of(&addr);
    let timeout = exchange.backend.and_then(|b| shard.plan.proxy(b).timeouts.connect);
    conn.until_after(timeout);
    books::reached(conn, exchange.backend, seat.server, books::Way::Dialled);
    let generation = seat.server.map_or(0, |id| shard.world.server(id).generation.load(Relaxed));
    let connecting = match connect(&addr, opts) {
        Ok(connecting) => connecting,
        Err(error) => return Err(refusal(&error)),
    };
    let abortable = exchange.backend.is_some_and(|b| shard.plan.proxy(b).options.abortonclose);
    let done = conn
        .wait(|conn, cx| {
            if let std::task::Poll::Ready(done) = connecting.poll_finish(cx) {
                return std::task::Poll::Ready(Some(done));
            }
            if abortable && conn.client_left(cx) {
                return std::task::Poll::Ready(None);
            }
            std::task::Poll::Pending
        })
        .await;
    match done {
        Ok(Some(Ok(()))) => {}
        Ok(Some(Err(error))) => return Err(refusal(&error)),
        Ok(None) => {
            return Err(DialFailure {
                failure: Failure::silent(Blame::Client, Phase::Connect),
                retry: false,
            });
        }
        Err(Woke::Timeout) => {
            return Err(DialFailure { failure: page(503, Blame::ServerTimeout), retry: true });
        }
        Err(Woke::Killed) => {
            return Err(DialFailure {
                failure: Failure::silent(Blame::Killed, Phase::Connect),
                retry: false,
            });
        }
    }
    exchange.facts.timers.connected = Some(clock::coarse());
    let sock = connecting.into_sock();
    if exchange.backend.is_some_and(|b| shard.plan.proxy(b).options.nolinger) {
        // Fails if it is closed already: then there is nothing left to linger.
        let _ = sock.set_linger_zero();
    }
    let announces = introduce(conn, seat, &sock).map_err(|()| dead(503, Blame::Server))?;
    Ok(ServerConn {
        sock,
        uses: 0,
        reused: false,
        // It speaks for this client only.
        private: announces,
        generation,
        since: clock::coarse(),
    })
}

/// `send-proxy`: tells the server whose connection this is. True if it was told.
fn introduce(conn: &Conn, seat: &Seat, sock: &Sock) -> Result<bool, ()> {
    let version = match seat.server.map_or(0, |id| conn.shard.plan.server(id).line.send_proxy) {
        0 => return Ok(false),
        1 => proxy::Version::V1,
        _ => proxy::Version::V2,
    };
    let ends = match (&conn.facts.src, &conn.facts.dst) {
        (Peer::Inet(from), Peer::Inet(to)) => Some((*from, *to)),
        (Peer::Inet(_) | Peer::Unix | Peer::Unknown, _) => None,
    };
    let mut header = Vec::new();
    proxy::write(version, ends, &mut header);
    // A connection that has carried nothing yet has room for a header.
    match sock.try_send(&header) {
        Ok(n) if n == header.len() => Ok(true),
        Ok(_) | Err(_) => Err(()),
    }
}

fn refusal(error: &ConnectError) -> DialFailure {
    let blame = match error {
        ConnectError::Remote(_) => Blame::Server,
        ConnectError::Resource(_) | ConnectError::Source(_) => Blame::Resource,
        ConnectError::Option { .. } | ConnectError::Unsupported => Blame::Internal,
    };
    DialFailure { failure: Failure::page(503, blame, Phase::Connect), retry: error.may_retry() }
}

/// Where to connect to: the server's address with its port rule, or the backend's `dispatch`, or where the client wanted
/// to go (`option transparent`).
fn destination(conn: &Conn, exchange: &Exchange, seat: &Seat) -> Option<Addr> {
    let client_port = match &conn.facts.dst {
        Peer::Inet(a) => Some(a.port()),
        Peer::Unix | Peer::Unknown => None,
    };
    if let Some(id) = seat.server {
        let addr = conn.shard.world.server(id).addr()?;
        return match conn.shard.plan.server(id).addr.port {
            PortRule::Fixed(_) => Some(addr),
            PortRule::SameAsClient(offset) => {
                let port = i32::from(client_port?).checked_add(offset)?;
                Some(addr.with_port(u16::try_from(port).ok()?))
            }
        };
    }
    let back = conn.shard.plan.back(exchange.backend?)?;
    if let Some(addr) = &back.dispatch {
        return Some(crate::world::sys_addr(addr));
    }
    match &conn.facts.dst {
        Peer::Inet(a) => Some(Addr::Inet(*a)),
        Peer::Unix | Peer::Unknown => None,
    }
}

/// True for methods that promise that twice is as good as once (RFC 9110 §9.2.2).
pub(crate) fn is_idempotent(exchange: &Exchange) -> bool {
    matches!(exchange.req.method(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
}
