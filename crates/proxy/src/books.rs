//! Books: what is counted when a request, an answer or a failure is counted at all. Every number is the one that the
//! original's `show stat` has for the same traffic; tests/e2e plays both and compares.

use std::sync::atomic::Ordering::Relaxed;

use evenkeel_base::{ProxyId, ServerId};
use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_plan::Mode;
use evenkeel_sys::clock;

use crate::conn::Conn;
use crate::exchange::{Exchange, Failure};

/// A client has been let in by the rules about connections and sessions.
pub(crate) fn session(conn: &Conn) {
    let stats = conn.shard.front_stats(conn.facts.frontend);
    stats.stot.bump();
    if conn.frontend().mode == Mode::Http {
        stats.h1_total_connections.bump();
    }
}

/// What has come of a client may be a request.
pub(crate) fn stream(conn: &Conn) {
    conn.shard.front_stats(conn.facts.frontend).h1_total_streams.bump();
}

/// How a request comes to a connection to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A new one, which may yet fail.
    Dialled,
    /// One that was idle.
    Reused,
}

/// A connection to a server is tried or taken. As in the original, what fails to connect counts among HTTP/1's connections.
pub(crate) fn reached(conn: &Conn, backend: Option<ProxyId>, server: Option<ServerId>, way: Way) {
    if let Some(id) = backend {
        let stats = conn.shard.back_stats(id);
        let new = u64::from(way == Way::Dialled);
        if conn.shard.plan.proxy(id).mode == Mode::Http {
            stats.h1_total_connections.add(new);
            stats.h1_total_streams.bump();
        }
    }
    count(backend, server, conn, |stats| match (stats, way) {
        (Stats::Back(s), Way::Dialled) => s.connect.bump(),
        (Stats::Back(s), Way::Reused) => s.reuse.bump(),
        (Stats::Server(s), Way::Dialled) => s.connect.bump(),
        (Stats::Server(s), Way::Reused) => s.reuse.bump(),
    });
}

/// A request was read.
pub(crate) fn request(conn: &Conn) {
    let frontend = conn.facts.frontend;
    conn.shard.world.proxy(frontend).front_request_rate.hit(clock::coarse());
    let stats = conn.shard.front_stats(frontend);
    stats.req_tot.bump();
    stats.h1req.bump();
}

/// Something came, or should have come, that was no request: it is counted as one that failed.
pub(crate) fn unreadable(conn: &Conn, exchange: &Exchange, failure: Failure) {
    if !is_counted(conn, exchange, failure) {
        return;
    }
    let frontend = conn.frontend();
    let silent = is_silent(conn, exchange, failure.blame);
    let stats = conn.shard.front_stats(frontend.id);
    stats.req_tot.bump();
    stats.h1_total_streams.add(u64::from(!silent));
    if !(frontend.log.dontlognull && silent) {
        conn.shard.world.requests_total.fetch_add(1, Relaxed);
    }
}

/// Nothing was heard of the client: what the proxy blames its words for is not nothing.
pub(crate) fn is_silent(conn: &Conn, exchange: &Exchange, blame: Blame) -> bool {
    exchange.facts.bytes_in == 0 && conn.pending.is_empty() && blame != Blame::Proxy
}

/// Whether a request that did not come to be counts as an error: browsers that connect ahead of need do not where the
/// file says so (configuration manual, `option http-ignore-probes`), nor do those that an operator cut.
fn is_counted(conn: &Conn, exchange: &Exchange, failure: Failure) -> bool {
    let is_probe = conn.frontend().options.ignore_probes && is_silent(conn, exchange, failure.blame);
    !is_probe && failure.blame != Blame::Killed
}

/// Bytes that a client sent.
pub(crate) fn received(conn: &Conn, exchange: &mut Exchange, n: u64) {
    exchange.facts.bytes_in += n;
    conn.shard.front_stats(conn.facts.frontend).bin.add(n);
    conn.shard.listener_stats(conn.facts.listener).bin.add(n);
}

/// A server's answer was read, final or interim.
pub(crate) fn reply(conn: &Conn, server: Option<ServerId>, status: u16) {
    let Some(id) = server else { return };
    let stats = conn.shard.server_stats(id);
    stats.req_tot.bump();
    stats.hrsp(status).bump();
}

/// A server's answer is none, or not whole.
pub(crate) fn bad_reply(conn: &Conn, backend: Option<ProxyId>, server: Option<ServerId>) {
    let Some(id) = server else { return };
    conn.shard.server_stats(id).eresp.bump();
    if let Some(backend) = backend {
        conn.shard.back_stats(backend).eresp.bump();
    }
}

/// The balancer chose a server.
pub(crate) fn balanced(conn: &Conn, backend: Option<ProxyId>, server: ServerId) {
    count(backend, Some(server), conn, |stats| match stats {
        Stats::Back(s) => s.lbtot.bump(),
        Stats::Server(s) => s.lbtot.bump(),
    });
}

/// Another attempt after `failed`: on another server or on the same.
pub(crate) fn retry(conn: &Conn, backend: ProxyId, failed: Option<ServerId>, moved: bool) {
    count(Some(backend), failed, conn, |stats| match stats {
        Stats::Back(s) if moved => s.wredis.bump(),
        Stats::Server(s) if moved => s.wredis.bump(),
        Stats::Back(s) => s.wretr.bump(),
        Stats::Server(s) => s.wretr.bump(),
    });
}

/// A rule refused the request.
pub(crate) fn denied_request(conn: &Conn, exchange: &Exchange) {
    let frontend = conn.facts.frontend;
    conn.shard.front_stats(frontend).dreq.bump();
    conn.shard.listener_stats(conn.facts.listener).dreq.bump();
    if let Some(id) = exchange.backend.filter(|id| *id != frontend) {
        conn.shard.back_stats(id).dreq.bump();
    }
}

/// A rule refused the answer.
pub(crate) fn denied_reply(conn: &Conn, exchange: &Exchange) {
    conn.shard.front_stats(conn.facts.frontend).dresp.bump();
    conn.shard.listener_stats(conn.facts.listener).dresp.bump();
    if let Some(id) = exchange.backend {
        conn.shard.back_stats(id).dresp.bump();
    }
    if let Some(id) = exchange.facts.server {
        conn.shard.server_stats(id).dresp.bump();
    }
}

/// The proxy answers by itself. What a backend answers is no business of the frontend's books, and no column's.
pub(crate) fn intercepted(conn: &Conn, exchange: &Exchange) {
    let frontend = conn.facts.frontend;
    if exchange.backend.is_none_or(|id| id == frontend) {
        conn.shard.front_stats(frontend).intercepted.bump();
    }
}

/// An exchange broke off.
pub(crate) fn failed(conn: &Conn, exchange: &Exchange, failure: Failure) {
    let (backend, server) = (exchange.backend, exchange.facts.server);
    match failure.phase {
        Phase::Request => {
            // Without a page or with this one it was refused, and that is counted as such.
            let refused = failure.blame == Blame::Proxy && matches!(failure.status, None | Some(403));
            if !refused && is_counted(conn, exchange, failure) {
                conn.shard.front_stats(conn.facts.frontend).ereq.bump();
                conn.shard.listener_stats(conn.facts.listener).ereq.bump();
            }
        }
        Phase::Connect | Phase::Queue => {
            let unreached = match failure.blame {
                Blame::Server | Blame::ServerTimeout | Blame::Proxy | Blame::Resource | Blame::Internal => {
                    failure.status.is_some()
                }
                Blame::None
                | Blame::Client
                | Blame::ClientTimeout
                | Blame::Local
                | Blame::Down
                | Blame::Up
                | Blame::Killed => false,
            };
            if unreached {
                count(
                    backend,
                    server.filter(|_| failure.phase == Phase::Connect),
                    conn,
                    |stats| match stats {
                        Stats::Back(s) => s.econ.bump(),
                        Stats::Server(s) => s.econ.bump(),
                    },
                );
            }
        }
        Phase::None | Phase::Headers | Phase::Data | Phase::Last | Phase::Tarpit => {}
    }
    if failure.phase == Phase::Request {
        return;
    }
    let client = (failure.phase != Phase::Connect
        && matches!(failure.blame, Blame::Client | Blame::ClientTimeout))
        || (failure.phase == Phase::Headers && failure.blame == Blame::ServerTimeout && conn.reset);
    if client {
        count(backend, server, conn, |stats| match stats {
            Stats::Back(s) => s.cli_abrt.bump(),
            Stats::Server(s) => s.cli_abrt.bump(),
        });
    }
    if failure.phase == Phase::Data && matches!(failure.blame, Blame::Server | Blame::ServerTimeout) {
        count(backend, server, conn, |stats| match stats {
            Stats::Back(s) => s.srv_abrt.bump(),
            Stats::Server(s) => s.srv_abrt.bump(),
        });
        if failure.blame == Blame::Server {
            bad_reply(conn, backend, server);
        }
    }
}

/// A set of counters.
enum Stats<'s> {
    Back(&'s evenkeel_stats::BackendCounters),
    Server(&'s evenkeel_stats::ServerCounters),
}

fn count(backend: Option<ProxyId>, server: Option<ServerId>, conn: &Conn, mut f: impl FnMut(Stats<'_>)) {
    if let Some(id) = backend {
        f(Stats::Back(conn.shard.back_stats(id)));
    }
    if let Some(id) = server {
        f(Stats::Server(conn.shard.server_stats(id)));
    }
}

/// The classes of an exchange's status that both sides count at its end. An exchange that ended without a status counts
/// among the others.
pub(crate) fn status(conn: &Conn, exchange: &Exchange) {
    if conn.frontend().mode != Mode::Http {
        return;
    }
    let status = exchange.facts.status;
    let nothing_came = status == 0
        && exchange.facts.termination.phase == Phase::Request
        && exchange.facts.termination.blame != Blame::Proxy;
    if nothing_came {
        return;
    }
    conn.shard.front_stats(conn.facts.frontend).hrsp(status).bump();
    if let Some(id) = exchange.backend {
        conn.shard.back_stats(id).hrsp(status).bump();
    }
}
