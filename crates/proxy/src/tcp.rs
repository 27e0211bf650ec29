//! The path of a TCP-mode session: route, wait, reach, then bytes in both directions with half-close.

use std::task::Poll;

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::Framing;
use evenkeel_sys::{Sock, clock};

use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure, Next};
use crate::judge::{self, Judged};
use crate::pump::{Counted, Outgoing, Pump, PumpError, Side};
use crate::{books, finish, reach, route};

/// Serves one TCP session.
pub(crate) async fn serve(conn: &mut Conn) {
    let mut exchange = conn.shard.take_exchange();
    exchange.facts.reset(conn.start, conn.start_wall);
    exchange.facts.nth_request = 0;
    exchange.facts.timers.handshake = Some(conn.facts.accepted);
    exchange.facts.tunnel = true;
    conn.nth = 1;
    let outcome = walk(conn, &mut exchange).await;
    match outcome {
        Ok(()) => {
            finish::done(conn, &mut exchange, Next::Close);
        }
        Err(failure) => {
            // Closing with bytes unread would reset what should end in order.
            let mut unsent = conn.pending.len();
            while let Ok(n @ 1..) = conn.sock.recv_now(&mut conn.shard.scratch()) {
                unsent = unsent.saturating_add(n);
            }
            if failure.phase != Phase::Data {
                // The original has read as much as a buffer holds by then.
                let full = conn.shard.plan.global.bufsize as usize;
                books::received(conn, &mut exchange, unsent.min(full) as u64);
            }
            finish::failed(conn, &mut exchange, failure).await;
        }
    }
    finish::leave(conn, &exchange);
    conn.shard.give_exchange(exchange);
}

async fn walk(conn: &mut Conn, exchange: &mut Exchange) -> Result<(), Failure> {
    judge::begin(conn, exchange);
    if let Judged::Answered(_) = judge::tcp_content(conn, exchange).await? {
        return Ok(());
    }
    route::to_backend(conn, exchange)?;
    if let Judged::Answered(_) = judge::tcp_content_backend(conn, exchange).await? {
        return Ok(());
    }
    let mut seat = route::to_server(conn, exchange).await?;
    let server = reach::reach(conn, exchange, &mut seat, true).await?;
    if conn.frontend().log.logasap {
        finish::log_early(conn, exchange);
    }
    let mut up = Pump::new(Framing::Tunnel, Outgoing::Plain, true);
    let mut down = Pump::new(Framing::Tunnel, Outgoing::Plain, true);
    let pending = std::mem::take(&mut conn.pending);
    up.prepend(&pending, Counted::NotYet);
    if let Err(refused) = judge::tcp_reply(conn, exchange, &server.sock, &mut up).await {
        // What was said until then counts, though the client has not heard it.
        books::received(conn, exchange, up.moved);
        exchange.facts.bytes_out += exchange.inbound.raw.len() as u64;
        return Err(refused);
    }
    down.prepend(&std::mem::take(&mut exchange.inbound.raw), Counted::NotYet);
    carry(conn, exchange, &server.sock, &mut up, &mut down).await
}

/// Moves bytes both ways until both sides have closed, one has failed, or nothing has moved for too long.
pub(crate) async fn carry(
    conn: &mut Conn,
    exchange: &mut Exchange,
    server: &Sock,
    up: &mut Pump,
    down: &mut Pump,
) -> Result<(), Failure> {
    let shard = conn.shard.clone();
    let back = exchange.backend.map(|b| &shard.plan.proxy(b).timeouts);
    let front = &shard.plan.proxy(conn.facts.frontend).timeouts;
    let tunnel = exchange.facts.timeout_tunnel.or(back.and_then(|t| t.tunnel)).or(front.tunnel);
    let client = tunnel.or(front.client);
    let server_timeout = tunnel.or(back.and_then(|t| t.server));
    let client_fin = front.client_fin.or(client);
    let server_fin = back.and_then(|t| t.server_fin).or(server_timeout);
    let client_alone = shard.plan.proxy(conn.facts.frontend).options.independent_streams;
    let server_alone = exchange.backend.is_some_and(|b| shard.plan.proxy(b).options.independent_streams);
    let (mut up_open, mut down_open) = (true, true);
    let mut moved = (0, 0);
    let ended = conn
        .wait(|conn, cx| {
            if up_open && let Poll::Ready(done) = up.poll(cx, &shard, &conn.sock, server) {
                match done {
                    Ok(()) => {
                        up_open = false;
                        // The server may have closed both ways already: then there is nobody to tell.
                        let _ = server.shutdown_write();
                    }
                    Err(e) => return Poll::Ready(Err((e, true))),
                }
            }
            if down_open && let Poll::Ready(done) = down.poll(cx, &shard, server, &conn.sock) {
                match done {
                    Ok(()) => {
                        down_open = false;
                        let _ = conn.sock.shutdown_write();
                    }
                    Err(e) => return Poll::Ready(Err((e, false))),
                }
            }
            count(conn, exchange, up, down, &mut moved);
            if !up_open && !down_open {
                return Poll::Ready(Ok(()));
            }
            // Either direction's progress keeps the session alive, as the original's timers do for both sides at once;
            // with `option independent-streams` a side must be heard, not only told.
            let since = up.since.max(down.since);
            let client_since = if client_alone { up.since } else { since };
            let server_since = if server_alone { down.since } else { since };
            let client_at = if down_open { client } else { client_fin }.map(|d| client_since + d);
            let server_at = if up_open { server_timeout } else { server_fin }.map(|d| server_since + d);
            conn.until(match (up_open, down_open) {
                (true, true) => min_some(client_at, server_at),
                (true, false) => client_at,
                (false, _) => server_at,
            });
            Poll::Pending
        })
        .await;
    count(conn, exchange, up, down, &mut moved);
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err((PumpError::Src | PumpError::Truncated, true)) | Err((PumpError::Dst, false))) => {
            Err(Failure::silent(Blame::Client, Phase::Data))
        }
        Ok(Err(_)) => Err(Failure::silent(Blame::Server, Phase::Data)),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::None)),
        Err(Woke::Timeout) => {
            let client_slow = match (up_open, down_open) {
                (true, true) => down.waiting == Side::Dst || client <= server_timeout,
                (true, false) => true,
                (false, _) => down.waiting == Side::Dst,
            };
            let blame = if client_slow { Blame::ClientTimeout } else { Blame::ServerTimeout };
            Err(Failure::silent(blame, Phase::Data))
        }
    }
}

fn min_some<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn count(conn: &Conn, exchange: &mut Exchange, up: &Pump, down: &Pump, moved: &mut (u64, u64)) {
    let (new_up, new_down) = (up.moved - moved.0, down.moved - moved.1);
    *moved = (up.moved, down.moved);
    if new_up > 0 {
        books::received(conn, exchange, new_up);
    }
    exchange.facts.bytes_out += new_down;
    exchange.facts.timers.response_head.get_or_insert_with(clock::coarse);
}
