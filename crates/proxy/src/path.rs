//! The path of an exchange, top to bottom. Each step is a file of its own.
//!
//! ```text
//! read → judge → route → wait → reach → forward → finish
//! ```

use std::sync::atomic::Ordering::Relaxed;

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::Framing;
use evenkeel_plan::HttpMode;
use evenkeel_sys::clock;

use crate::conn::Conn;
use crate::exchange::{Exchange, Failure, Next};
use crate::forward::Sent;
use crate::judge::{self, Judged};
use crate::read::{self, Head};
use crate::{books, dress, finish, forward, reach, route};

/// Serves a client's connection until either side has had enough. What an idle connection keeps is the state of this
/// function: the steps of an exchange are boxed and live as long as it does.
pub(crate) async fn serve(conn: &mut Conn) {
    loop {
        if conn.pending.is_empty() && !read::wait_for_first_byte(conn).await {
            return;
        }
        if Box::pin(next(conn)).await == Next::Close {
            return;
        }
        // No idle connection outlives a soft stop.
        if conn.pending.is_empty() && conn.shard.world.stopping.load(Relaxed) && !conn.stays_for_one_more() {
            return;
        }
        conn.start = clock::coarse();
        conn.start_wall = clock::coarse_wall();
    }
}

/// Reads a request and serves it.
async fn next(conn: &mut Conn) -> Next {
    match read::next_request(conn).await {
        Head::End => Next::Close,
        Head::Failed(mut exchange, failure) => {
            books::unreadable(conn, &exchange, failure);
            let next = finish::failed(conn, &mut exchange, failure).await;
            debug_assert_eq!(next, Next::Close, "after a head that cannot be read nothing can follow");
            if exchange.answered {
                conn.linger(true).await;
            }
            conn.shard.give_exchange(exchange);
            Next::Close
        }
        Head::Request(mut exchange) => {
            conn.nth = conn.nth.saturating_add(1);
            books::stream(conn);
            let next = run(conn, &mut exchange).await;
            if next == Next::Close && exchange.answered {
                conn.linger(exchange.req_body != Framing::None).await;
            }
            conn.shard.give_exchange(exchange);
            next
        }
    }
}

/// One exchange.
async fn run(conn: &mut Conn, exchange: &mut Exchange) -> Next {
    // Rules may give the exchange other addresses (`set-src`); the connection keeps its own.
    let ends = (conn.facts.src.clone(), conn.facts.dst.clone());
    let outcome = walk(conn, exchange).await;
    let next = match outcome {
        Ok(next) => finish::done(conn, exchange, next),
        Err(failure) => finish::failed(conn, exchange, failure).await,
    };
    finish::leave(conn, exchange);
    (conn.facts.src, conn.facts.dst) = ends;
    next
}

async fn walk(conn: &mut Conn, exchange: &mut Exchange) -> Result<Next, Failure> {
    judge::begin(conn, exchange);
    if judge::is_silent(conn.frontend()) {
        books::request(conn);
    } else if let Judged::Answered(next) = judge::frontend(conn, exchange).await? {
        return Ok(next);
    }
    route::to_backend(conn, exchange)?;
    if exchange.http_mode == HttpMode::Close {
        exchange.client_keeps = false;
    }
    if exchange.backend.is_some_and(|id| !judge::is_silent(conn.shard.plan.proxy(id)))
        && let Judged::Answered(next) = judge::backend(conn, exchange).await?
    {
        return Ok(next);
    }
    if exchange.aborted {
        return Err(Failure::silent(Blame::Client, Phase::Request));
    }
    let mut seat = route::to_server(conn, exchange).await?;
    if let Some(next) = judge::redir(conn, exchange, seat.server).await? {
        return Ok(next);
    }
    dress::prepare(conn, exchange);
    let mut fresh_only = false;
    loop {
        let server = reach::reach(conn, exchange, &mut seat, fresh_only).await?;
        match forward::exchange(conn, exchange, server, &seat).await? {
            Sent::Done(next) => return Ok(next),
            Sent::Answered(next) => return Ok(next),
            // The pooled connection had been closed under us before the request arrived: nobody saw it.
            Sent::Stale => fresh_only = true,
            // `retry-on`: another try, on the same or, with redispatch, another server.
            Sent::Retry(failure) => {
                if !reach::may_retry(conn, exchange) {
                    return Err(failure);
                }
                reach::note_retry(conn, exchange, &mut seat).await?;
            }
        }
        if conn.session().killed() {
            return Err(Failure::silent(Blame::Killed, Phase::Connect));
        }
    }
}
