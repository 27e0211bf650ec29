//! Route: which backend, which server; and a place on that server.

use std::sync::Arc;

use bstr::ByteSlice;
use std::sync::atomic::Ordering::Relaxed;

use evenkeel_balance::{Key, Load, key};
use evenkeel_base::{ProxyId, ServerId};
use evenkeel_expr::Env;
use evenkeel_expr::facts::{Blame, Peer, Phase};
use evenkeel_plan::{Back, BalanceKey, Mode};
use evenkeel_rules::{UseBackend, UseServer};
use evenkeel_sys::clock;

use crate::books;
use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure};
use crate::judge::any_holds;
use crate::persist;
use crate::queue::{Grant, Waiting};
use crate::world::World;

/// A place on a server, or on no server at all (`dispatch`, `option transparent`). Given back when dropped.
pub(crate) struct Seat {
    world: Arc<World>,
    /// The server; `None`: the address is the backend's.
    pub server: Option<ServerId>,
}

impl Seat {
    fn on(world: &Arc<World>, server: ServerId) -> Seat {
        Seat { world: world.clone(), server: Some(server) }
    }

    /// Counts a session for the server. The original does so for every attempt to connect.
    pub(crate) fn count_attempt(&self, conn: &Conn) {
        let Some(id) = self.server else { return };
        let now = clock::coarse();
        let live = self.world.server(id);
        live.rate.hit(now);
        live.last_session.store(now.as_nanos(), Relaxed);
        conn.shard.server_stats(id).stot.bump();
    }

    /// Gives the place back before its time.
    pub(crate) fn leave(&mut self) {
        if let Some(id) = self.server.take() {
            self.world.release(id);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Chooses the backend: `use_backend` in order, else `default_backend`.
pub(crate) fn to_backend(conn: &mut Conn, exchange: &mut Exchange) -> Result<(), Failure> {
    let chosen = choose_backend(conn, exchange);
    let Some(id) = chosen.filter(|id| !conn.shard.plan.proxy(*id).disabled) else {
        return Err(Failure::page(503, Blame::Server, Phase::Connect));
    };
    enter_backend(conn, exchange, id);
    Ok(())
}

/// Books the exchange on a backend.
pub(crate) fn enter_backend(conn: &Conn, exchange: &mut Exchange, id: ProxyId) {
    exchange.backend = Some(id);
    exchange.facts.backend = Some(id);
    conn.session().backend.set(Some(id));
    let proxy = conn.shard.plan.proxy(id);
    exchange.http_mode = conn.frontend().http_mode.max(proxy.http_mode);
    let live = conn.shard.world.proxy(id);
    let now = clock::coarse();
    live.back_sessions.up();
    live.back_session_rate.hit(now);
    live.last_session.store(now.as_nanos(), Relaxed);
    conn.shard.back_stats(id).stot.bump();
}

fn choose_backend(conn: &Conn, exchange: &Exchange) -> Option<ProxyId> {
    let front = conn.front()?;
    if front.use_backend.is_empty() {
        return front.default_backend;
    }
    let view = conn.view(exchange);
    let env = env(conn, exchange, &view);
    // A name that leads nowhere falls to the default (configuration manual, `use_backend`).
    UseBackend::choose(&front.use_backend, &env, &mut Vec::new()).or(front.default_backend)
}

/// The world as it stands, for conditions.
pub(crate) fn env<'a>(conn: &'a Conn, exchange: &'a Exchange, view: &'a crate::shard::View<'a>) -> Env<'a> {
    Env {
        conn: &conn.facts,
        stream: &exchange.facts,
        req: (conn.frontend().mode == Mode::Http).then_some(&exchange.req),
        res: None,
        payload: exchange.body.as_deref().unwrap_or(&conn.pending),
        payload_complete: conn.ended || exchange.body_complete,
        settled: true,
        world: view,
    }
}

/// Chooses a server of the backend and takes a place on it, waiting in a queue if need be.
pub(crate) async fn to_server(conn: &mut Conn, exchange: &mut Exchange) -> Result<Seat, Failure> {
    let Some(backend) = exchange.backend else {
        return Err(Failure::page(503, Blame::Server, Phase::Connect));
    };
    let world = conn.shard.world.clone();
    let shard = conn.shard.clone();
    let plan = &*shard.plan;
    let Some(back) = plan.back(backend) else {
        return Err(Failure::page(503, Blame::Server, Phase::Connect));
    };
    if back.dispatch.is_some() || back.transparent {
        exchange.facts.timers.queued = Some(clock::coarse());
        return Ok(Seat { world, server: None });
    }
    let wanted = wanted_server(conn, exchange, back);
    if plan.proxy(backend).mode == Mode::Http {
        persist::edit_request(exchange, back);
    }
    take_seat(conn, exchange, back, wanted, None).await
}

/// The server that a rule or a cookie asks for, if it may be used.
fn wanted_server(conn: &Conn, exchange: &mut Exchange, back: &Back) -> Option<ServerId> {
    let forced = any_holds(conn, exchange, back.force_persist.iter().map(|w| w.cond.as_ref()));
    if !back.use_server.is_empty()
        && let Some(backend) = exchange.backend
    {
        let always = forced || conn.shard.plan.proxy(backend).options.persist;
        let usable = |id| always || conn.shard.world.server(id).reachable();
        let view = conn.view(exchange);
        let env = env(conn, exchange, &view);
        if let Some(id) = UseServer::choose(&back.use_server, backend, &env, &mut Vec::new(), usable) {
            return Some(id);
        }
    }
    if any_holds(conn, exchange, back.ignore_persist.iter().map(|w| w.cond.as_ref())) {
        return None;
    }
    persist::wanted(conn, exchange, back, forced)
}

/// Takes a place: on `wanted`, or on whom the balancer picks (never `avoid` if there is another).
pub(crate) async fn take_seat(
    conn: &mut Conn,
    exchange: &mut Exchange,
    back: &Back,
    mut wanted: Option<ServerId>,
    mut avoid: Option<ServerId>,
) -> Result<Seat, Failure> {
    let Some(backend) = exchange.backend else {
        return Err(Failure::page(503, Blame::Server, Phase::Connect));
    };
    let world = conn.shard.world.clone();
    let prefer_last = conn.shard.plan.proxy(backend).options.prefer_last_server;
    if wanted.is_none() && prefer_last && avoid.is_none() {
        let few = |id| back.max_keep_alive_queue.is_none_or(|max| world.server(id).queued.now() <= max);
        let good = |id: &ServerId| back.servers.contains(id) && world.server(*id).usable() && few(*id);
        wanted = conn.last_server.filter(good);
    }
    loop {
        let choice = match wanted {
            Some(id) => Choice::Server(id),
            None => pick(conn, exchange, back, avoid),
        };
        if wanted.is_none()
            && let Choice::Server(id) = choice
            // Chosen again is not chosen anew.
            && exchange.facts.server != Some(id)
        {
            books::balanced(conn, exchange.backend, id);
        }
        let server = match choice {
            Choice::Nobody => {
                let queue_on = back.servers.iter().any(|id| world.server(*id).usable());
                if !queue_on {
                    return Err(Failure::page(503, Blame::Server, Phase::Connect));
                }
                None
            }
            Choice::Server(id) => {
                let forced = wanted.is_some() && !world.server(id).reachable();
                if forced {
                    world.take(id);
                    world.count_place(id, true);
                    return Ok(seated(conn, exchange, &world, id));
                }
                if world.server(id).queued.now() == 0 && world.try_take(id) {
                    world.count_place(id, true);
                    return Ok(seated(conn, exchange, &world, id));
                }
                Some(id)
            }
        };
        if let Some(id) = server {
            let max = conn.shard.plan.server(id).line.maxqueue;
            if max > 0 && world.server(id).queued.now() >= max {
                // The server's queue is full: another one, whatever persistence says (manual, `maxqueue`).
                if avoid == Some(id) {
                    return Err(Failure::page(503, Blame::Server, Phase::Connect));
                }
                wanted = None;
                avoid = Some(id);
                continue;
            }
        }
        match queue(conn, exchange, backend, server).await? {
            Grant::Server(id) => return Ok(seated(conn, exchange, &world, id)),
            Grant::ChooseAgain => wanted = None,
        }
    }
}

/// Notes the server that the exchange sits on. The place is taken already.
fn seated(conn: &Conn, exchange: &mut Exchange, world: &Arc<World>, id: ServerId) -> Seat {
    exchange.facts.server = Some(id);
    conn.session().server.set(Some(id));
    exchange.facts.timers.queued = Some(clock::coarse());
    let seat = Seat::on(world, id);
    seat.count_attempt(conn);
    seat
}

enum Choice {
    Server(ServerId),
    Nobody,
}

/// Asks the balancer.
fn pick(conn: &Conn, exchange: &Exchange, back: &Back, avoid: Option<ServerId>) -> Choice {
    let world = &conn.shard.world;
    let Some(backend) = exchange.backend else { return Choice::Nobody };
    let load = |slot: usize| -> Load {
        let Some(id) = back.servers.get(slot) else { return Load::default() };
        let live = world.server(*id);
        let limit = world.server_limit(*id);
        Load { served: live.sessions.now(), queued: live.queued.now(), limit: (limit > 0).then_some(limit) }
    };
    let avoid = avoid.and_then(|id| back.servers.iter().position(|s| *s == id));
    let Some(mut balancer) = world.balancer(backend) else { return Choice::Nobody };
    let slot = with_key(conn, exchange, back, |key| balancer.pick(key, &load, avoid));
    drop(balancer);
    match slot.and_then(|s| back.servers.get(s)) {
        Some(id) => Choice::Server(*id),
        None => Choice::Nobody,
    }
}

/// Finds the balancer's key in the request (configuration manual, `balance`).
fn with_key<T>(conn: &Conn, exchange: &Exchange, back: &Back, f: impl FnOnce(Key<'_>) -> T) -> T {
    let req = &exchange.req;
    let bytes = |found: Option<&[u8]>, f: Box<dyn FnOnce(Key<'_>) -> T + '_>| match found {
        Some(b) => f(Key::Bytes(b)),
        None => f(Key::None),
    };
    match &back.key {
        BalanceKey::None => f(Key::None),
        BalanceKey::Source => match conn.facts.src {
            Peer::Inet(a) => f(key::source_key(a.ip())),
            Peer::Unix | Peer::Unknown => f(Key::None),
        },
        BalanceKey::Uri { whole, len, depth, path_only } => {
            let conf = key::UriConf {
                whole: *whole,
                len: *len as usize,
                depth: *depth as usize,
                path_only: *path_only,
            };
            f(Key::Bytes(key::uri_key(req.target(), conf)))
        }
        BalanceKey::UrlParam { name, check_post } => {
            let found = key::url_param_key(req.target(), name).or_else(|| {
                let post = *check_post && req.method() == b"POST";
                post.then(|| key::body_param_key(&conn.pending, name)).flatten()
            });
            bytes(found, Box::new(f))
        }
        BalanceKey::Header { name, use_domain_only } => {
            let found = req.fields().value_nth(name, -1).and_then(|v| key::header_key(v, *use_domain_only));
            bytes(found, Box::new(f))
        }
        BalanceKey::RdpCookie(name) => bytes(rdp_cookie(&conn.pending, name), Box::new(f)),
        BalanceKey::Expr(expr) => {
            let view = conn.view(exchange);
            let env = env(conn, exchange, &view);
            match expr.eval(&env) {
                Some(value) => f(Key::Bytes(&value.into_bytes())),
                None => f(Key::None),
            }
        }
    }
}

/// The `mstshash`-like cookie in an RDP connection request: `Cookie: name=value` up to CR (MS-RDPBCGR §2.2.1.1).
fn rdp_cookie<'a>(input: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = input.find(b"Cookie:")? + b"Cookie:".len();
    let rest = input.get(start..)?.trim_ascii_start();
    let value = rest
        .get(..name.len())
        .filter(|n| n.eq_ignore_ascii_case(name))
        .and_then(|_| rest.get(name.len()..))?;
    let value = value.strip_prefix(b"=")?;
    value.split(|b| matches!(b, b'\r' | b'\n')).next()
}

/// Waits in the queue.
async fn queue(
    conn: &mut Conn,
    exchange: &mut Exchange,
    backend: ProxyId,
    server: Option<ServerId>,
) -> Result<Grant, Failure> {
    let shard = conn.shard.clone();
    let timeouts = &shard.plan.proxy(backend).timeouts;
    conn.until_after(timeouts.queue.or(timeouts.connect));
    let mut waiting = Waiting::join(&shard.world, backend, server);
    match server {
        Some(_id) => {
            exchange.facts.server_queue = waiting.ahead + 1;
        }
        None => exchange.facts.backend_queue = waiting.ahead + 1,
    }
    let abortable = shard.plan.proxy(backend).options.abortonclose;
    let told = conn
        .wait(|conn, cx| {
            if let std::task::Poll::Ready(grant) = waiting.poll(cx) {
                return std::task::Poll::Ready(Ok(grant));
            }
            if conn.client_left(cx) && abortable {
                return std::task::Poll::Ready(Err(()));
            }
            std::task::Poll::Pending
        })
        .await;
    exchange.facts.timers.queued = Some(clock::coarse());
    match told {
        Ok(Ok(grant)) => Ok(grant),
        Ok(Err(())) => Err(Failure::silent(Blame::Client, Phase::Queue)),
        Err(Woke::Timeout) => Err(Failure::page(503, Blame::ServerTimeout, Phase::Queue)),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::Queue)),
    }
}
