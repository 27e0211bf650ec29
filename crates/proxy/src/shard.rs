//! A shard: one thread, one runtime, its own listeners, buffers, pools and counters. Nothing here is `Send`; what shards
//! share is the [`World`].

use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_base::rng::Rng;
use evenkeel_base::{Instant, ListenerId, ProxyId, ServerId, WallTime};
use evenkeel_expr::env::{Load, ServerView, Stored, TimeoutKind, VarScope, Write};
use evenkeel_expr::facts::Blame;
use evenkeel_plan::Plan;
use evenkeel_sys::{AcceptError, Bound, ConnectOpts, Listener, Pipe, clock};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::conn;
use crate::exchange::Exchange;
use crate::logs::Logs;
use crate::pool::{Pool, ServerConn};
use crate::services::Services;
use crate::session::{Card, SessionInfo, Sessions};
use crate::world::World;

/// The hot buffer that everything is read into. Larger than a request, so that one read usually drains the socket.
const SCRATCH_LEN: usize = 64 * 1024;
/// Pipes kept for the next splice; more are closed.
const PIPES_KEPT_MAX: usize = 64;
/// Bytes asked for a pipe: what one splice may move.
const PIPE_LEN: usize = 512 * 1024;
/// Exchanges kept for the next request; more are freed.
const EXCHANGES_KEPT_MAX: usize = 256;
/// A full frontend looks again after this long even if no session of this shard ended.
const ROOM_POLL: Duration = Duration::from_millis(20);
/// After running out of descriptors, accepting pauses this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Orders to a shard from the control thread and the runtime commands.
#[derive(Debug)]
pub enum Order {
    /// Close the listeners of a frontend (`None`: all) for good; established sessions go on.
    StopListening(Option<ProxyId>),
    /// Stop accepting (`None`: everywhere), or go on.
    Pause(Option<ProxyId>, bool),
    /// Cut one session; the answer says whether it was here.
    Kill(u64, oneshot::Sender<bool>),
    /// Cut the sessions of a server, for this reason in the logs.
    KillServer(ServerId, Blame),
    /// `clear counters`: times' averages (`true`), or only their maxima, start again.
    ClearTimes(bool),
    /// List the sessions.
    List(oneshot::Sender<Vec<SessionInfo>>),
    /// End at once.
    Quit,
}

/// One shard's state, shared by its tasks.
pub struct Shard {
    /// Its number, from 0.
    pub index: usize,
    /// The live state.
    pub world: Arc<World>,
    /// What runs.
    pub plan: Arc<Plan>,
    /// What answers locally: the stats page and other services.
    pub services: Arc<Services>,
    /// Where its log lines go.
    pub logs: Logs,
    /// Its sessions.
    pub sessions: Sessions,
    scratch: RefCell<Box<[u8]>>,
    out: RefCell<Vec<u8>>,
    pools: RefCell<Vec<Pool>>,
    // Boxed: they move between here and the tasks as pointers.
    #[allow(clippy::vec_box)]
    exchanges: RefCell<Vec<Box<Exchange>>>,
    pipes: RefCell<Vec<Pipe>>,
    connect_opts: Vec<ConnectOpts>,
    rng: RefCell<Rng>,
    room: Notify,
    backends: HashMap<String, ProxyId>,
}

impl Shard {
    /// A shard's state, before it runs.
    pub fn new(index: usize, world: Arc<World>, services: Arc<Services>, logs: Logs, seed: u64) -> Rc<Self> {
        let plan = world.plan.clone();
        let backends =
            plan.proxies.iter().filter(|p| p.back.is_some()).map(|p| (p.name.clone(), p.id)).collect();
        Rc::new(Self {
            index,
            scratch: RefCell::new(vec![0; SCRATCH_LEN].into_boxed_slice()),
            out: RefCell::new(Vec::with_capacity(SCRATCH_LEN)),
            pools: RefCell::new(plan.servers.iter().map(|_| Pool::default()).collect()),
            exchanges: RefCell::default(),
            pipes: RefCell::default(),
            connect_opts: plan.servers.iter().map(|s| crate::reach::connect_opts(&plan, s)).collect(),
            rng: RefCell::new(Rng::new(seed)),
            room: Notify::new(),
            sessions: Sessions::new(index),
            backends,
            world,
            plan,
            services,
            logs,
        })
    }

    /// This shard's counters of a proxy as a frontend.
    pub fn front_stats(&self, id: ProxyId) -> &evenkeel_stats::FrontendCounters {
        &self.world.shards[self.index].fronts[id.index()]
    }

    /// As a backend.
    pub fn back_stats(&self, id: ProxyId) -> &evenkeel_stats::BackendCounters {
        &self.world.shards[self.index].backs[id.index()]
    }

    /// Of a server.
    pub fn server_stats(&self, id: ServerId) -> &evenkeel_stats::ServerCounters {
        &self.world.shards[self.index].servers[id.index()]
    }

    /// Of a listener.
    pub fn listener_stats(&self, id: ListenerId) -> &evenkeel_stats::ListenerCounters {
        &self.world.shards[self.index].listeners[id.index()]
    }

    /// The buffer to read into. Never held across an await.
    pub fn scratch(&self) -> RefMut<'_, Box<[u8]>> {
        self.scratch.borrow_mut()
    }

    /// Its size, bytes.
    pub fn scratch_len(&self) -> usize {
        SCRATCH_LEN
    }

    /// The buffer to write heads into; empty. Never held across an await.
    pub fn out(&self) -> RefMut<'_, Vec<u8>> {
        let mut out = self.out.borrow_mut();
        out.clear();
        out
    }

    /// An exchange to fill in.
    pub fn take_exchange(&self) -> Box<Exchange> {
        self.exchanges.borrow_mut().pop().unwrap_or_else(|| Box::new(Exchange::new(&self.plan)))
    }

    /// Gives one back for the next request.
    pub fn give_exchange(&self, mut exchange: Box<Exchange>) {
        let mut kept = self.exchanges.borrow_mut();
        if kept.len() < EXCHANGES_KEPT_MAX {
            exchange.clear();
            kept.push(exchange);
        }
    }

    /// An empty pipe; `None` if the system has no descriptors left.
    pub fn take_pipe(&self) -> Option<Pipe> {
        if let Some(pipe) = self.pipes.borrow_mut().pop() {
            return Some(pipe);
        }
        if !self.plan.global.splice {
            return None;
        }
        Pipe::new(PIPE_LEN).ok()
    }

    /// Gives a pipe back. One that still holds bytes of a broken transfer is closed.
    pub fn give_pipe(&self, pipe: Pipe) {
        let mut kept = self.pipes.borrow_mut();
        if pipe.is_empty() && kept.len() < PIPES_KEPT_MAX {
            kept.push(pipe);
        }
    }

    /// An idle connection to a server.
    pub fn take_idle(&self, id: ServerId, proven: bool) -> Option<ServerConn> {
        let generation = self.world.server(id).generation.load(Relaxed);
        let mut pools = self.pools.borrow_mut();
        let pool = pools.get_mut(id.index())?;
        if pool.is_empty() {
            return None;
        }
        let (conn, dropped) = pool.take(generation, proven);
        let gone = dropped + u32::from(conn.is_some());
        self.world.server(id).idle.fetch_sub(gone, Relaxed);
        conn
    }

    /// Keeps a connection for the next request, or closes it.
    pub fn give_idle(&self, id: ServerId, mut conn: ServerConn) {
        let live = self.world.server(id);
        let line = &self.plan.server(id).line;
        let worn = line.max_reuse.is_some_and(|max| conn.uses > max);
        if worn || conn.generation != live.generation.load(Relaxed) || self.world.stopping.load(Relaxed) {
            return;
        }
        conn.since = clock::coarse();
        if let Some(pool) = self.pools.borrow_mut().get_mut(id.index())
            && pool.give(conn, line.pool_max, live.sessions.now(), line.pool_low)
        {
            live.idle.fetch_add(1, Relaxed);
        }
    }

    /// Closes idle connections that servers closed or that were idle longer than `pool-purge-delay`.
    fn sweep(&self) {
        let now = clock::now();
        for (pool, server) in self.pools.borrow_mut().iter_mut().zip(&self.plan.servers) {
            if pool.is_empty() {
                continue;
            }
            let live = self.world.server(server.id);
            let age = now.since(Instant::default()).saturating_sub(server.line.pool_purge_delay);
            let oldest = Instant::from_nanos(age.as_nanos() as u64);
            let gone = pool.sweep(oldest, live.generation.load(Relaxed));
            live.idle.fetch_sub(gone, Relaxed);
        }
    }

    /// How to connect to a server.
    pub fn connect_opts(&self, id: ServerId) -> Option<&ConnectOpts> {
        self.connect_opts.get(id.index())
    }

    /// A backend by name, for `use_backend %[…]`.
    pub fn backend_named(&self, name: &str) -> Option<ProxyId> {
        self.backends.get(name).copied()
    }

    /// A session has ended: a full listener may accept again.
    pub fn session_ended(&self) {
        self.room.notify_waiters();
    }

    /// Random bits.
    pub fn random(&self) -> u64 {
        self.rng.borrow_mut().next_u64()
    }

    /// Runs until told to quit, or until all listeners are closed and all sessions have ended.
    pub async fn run(
        self: Rc<Self>,
        bound: Vec<(ListenerId, Bound)>,
        orders: mpsc::UnboundedReceiver<Order>,
    ) {
        let mut acceptors = Vec::new();
        for (id, bound) in bound {
            match bound.register() {
                Ok(listener) => {
                    let gate = Rc::new(Gate::default());
                    let task =
                        tokio::task::spawn_local(accept_loop(self.clone(), listener, id, gate.clone()));
                    acceptors.push(Acceptor { id, gate, task });
                }
                Err(error) => tracing::error!(listener = id.0, %error, "cannot listen"),
            }
        }
        let sweeper = tokio::task::spawn_local({
            let shard = self.clone();
            async move {
                let mut every = tokio::time::interval(Duration::from_secs(1));
                loop {
                    every.tick().await;
                    shard.sweep();
                }
            }
        });
        self.obey(orders, &mut acceptors).await;
        sweeper.abort();
        self.logs.flush();
    }

    async fn obey(&self, mut orders: mpsc::UnboundedReceiver<Order>, acceptors: &mut Vec<Acceptor>) {
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                // Without a word to stop, a shard stays: commands may want it though no frontend is left.
                () = self.sessions.all_gone(), if acceptors.is_empty() && self.world.stopping.load(Relaxed) => return,
            };
            let Some(order) = order else { return };
            match order {
                Order::Quit => return,
                Order::StopListening(which) => {
                    if which.is_none() {
                        self.sessions.kill_idle();
                    }
                    acceptors.retain(|a| {
                        let hit = which.is_none_or(|id| self.plan.listener(a.id).frontend == id);
                        if hit {
                            a.task.abort();
                        }
                        !hit
                    })
                }
                Order::Pause(which, pause) => {
                    for a in acceptors.iter() {
                        if which.is_none_or(|id| self.plan.listener(a.id).frontend == id) {
                            a.gate.set(pause);
                        }
                    }
                }
                Order::Kill(id, answer) => {
                    // Who asked may be gone; the session is cut all the same.
                    let _ = answer.send(self.sessions.kill(id));
                }
                Order::KillServer(id, why) => self.sessions.kill_server(id, why),
                Order::ClearTimes(all) => {
                    let stats = &self.world.shards[self.index];
                    for times in stats.back_times.iter().chain(&stats.server_times) {
                        times.clear(all);
                    }
                }
                Order::List(answer) => {
                    let _ = answer.send(self.sessions.list());
                }
            }
        }
    }
}

/// A listener's task.
struct Acceptor {
    id: ListenerId,
    gate: Rc<Gate>,
    task: tokio::task::JoinHandle<()>,
}

/// Lets an acceptor pass, or not.
#[derive(Default)]
struct Gate {
    closed: Cell<bool>,
    changed: Notify,
}

impl Gate {
    fn set(&self, closed: bool) {
        self.closed.set(closed);
        self.changed.notify_waiters();
    }

    async fn pass(&self) {
        while self.closed.get() {
            self.changed.notified().await;
        }
    }
}

async fn accept_loop(shard: Rc<Shard>, listener: Listener, id: ListenerId, gate: Rc<Gate>) {
    let frontend = shard.plan.listener(id).frontend;
    loop {
        gate.pass().await;
        shard.wait_for_room(frontend, id).await;
        let accepted = std::future::poll_fn(|cx| match gate.closed.get() {
            // Closed while it waited: who comes now waits in the kernel's queue.
            true => std::task::Poll::Ready(None),
            false => listener.poll_accept(cx).map(Some),
        });
        let Some(accepted) = accepted.await else { continue };
        let (sock, peer) = match accepted {
            Ok(pair) => pair,
            Err(AcceptError::Later(error)) => {
                tracing::warn!(listener = id.0, %error, "cannot accept for now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(AcceptError::Fatal(error)) => {
                tracing::error!(listener = id.0, %error, "listener failed");
                return;
            }
        };
        clock::refresh();
        let card = loop {
            match shard.admit(frontend, id) {
                Some(card) => break card,
                None => shard.wait_for_room(frontend, id).await,
            }
        };
        conn::spawn(&shard, sock, peer, id, card);
    }
}

impl Shard {
    fn has_room(&self, frontend: ProxyId, id: ListenerId) -> bool {
        let front = self.world.proxy(frontend);
        let below = |now: u32, max: u32| max == 0 || now < max;
        below(self.world.connections.now(), self.world.maxconn.load(Relaxed))
            && below(front.front_sessions.now(), front.maxconn.load(Relaxed))
            && below(self.world.listeners[id.index()].sessions.now(), self.plan.listener(id).maxconn)
            && self.below_rate(front)
    }

    /// `rate-limit sessions`, `maxconnrate`, `maxsessrate`.
    fn below_rate(&self, front: &crate::world::ProxyLive) -> bool {
        let now = clock::coarse();
        let below = |rate: &crate::world::Rate, max: u32| max == 0 || rate.per_second(now) < max;
        below(&front.front_session_rate, front.rate_limit.load(Relaxed))
            && below(&self.world.connection_rate, self.world.maxconnrate.load(Relaxed))
            && below(&self.world.session_rate, self.world.maxsessrate.load(Relaxed))
    }

    async fn wait_for_room(&self, frontend: ProxyId, id: ListenerId) {
        while !self.has_room(frontend, id) {
            // Sessions of other shards end unheard: look again after a while.
            let _ = tokio::time::timeout(ROOM_POLL, self.room.notified()).await;
            clock::refresh();
        }
    }

    /// Takes a session's places in all gauges; `None` if one is full.
    fn admit(self: &Rc<Self>, frontend: ProxyId, id: ListenerId) -> Option<Card> {
        let front = self.world.proxy(frontend);
        if !self.world.connections.try_up(self.world.maxconn.load(Relaxed)) {
            return None;
        }
        if !front.front_sessions.try_up(front.maxconn.load(Relaxed)) {
            self.world.connections.down();
            return None;
        }
        self.world.listeners[id.index()].sessions.up();
        Some(Card::new(self, frontend, id))
    }
}

/// What expressions see of the world, from one connection.
pub struct View<'a> {
    /// Where it runs.
    pub shard: &'a Shard,
    /// Variables of the connection.
    pub session_vars: &'a RefCell<Vec<Option<Stored>>>,
    /// Changes that expressions ask for.
    pub writes: &'a evenkeel_rules::Writes,
}

impl evenkeel_expr::World for View<'_> {
    fn now(&self) -> Instant {
        clock::coarse()
    }

    fn wall(&self) -> WallTime {
        clock::coarse_wall()
    }

    fn proxy_name(&self, proxy: ProxyId) -> &str {
        self.shard.plan.proxies.get(proxy.index()).map_or("", |p| &p.name)
    }

    fn proxy_number(&self, proxy: ProxyId) -> u32 {
        self.shard.plan.proxies.get(proxy.index()).map_or(0, |p| p.number)
    }

    fn server_name(&self, server: ServerId) -> &str {
        self.shard.plan.servers.get(server.index()).map_or("", |s| &s.name)
    }

    fn server_number(&self, server: ServerId) -> u32 {
        self.shard.plan.servers.get(server.index()).map_or(0, |s| s.number)
    }

    fn usable_servers(&self, backend: ProxyId) -> u32 {
        self.shard.world.proxies.get(backend.index()).map_or(0, |p| p.usable_servers.load(Relaxed))
    }

    fn frontend_load(&self, proxy: ProxyId) -> Load {
        let Some(live) = self.shard.world.proxies.get(proxy.index()) else { return Load::default() };
        let now = self.now();
        Load {
            sessions: live.front_sessions.now(),
            queued: 0,
            maxconn: live.maxconn.load(Relaxed),
            session_rate: live.front_session_rate.per_second(now),
            request_rate: live.front_request_rate.per_second(now),
            connection_rate: live.front_connection_rate.per_second(now),
        }
    }

    fn backend_load(&self, proxy: ProxyId) -> Load {
        let Some(live) = self.shard.world.proxies.get(proxy.index()) else { return Load::default() };
        Load {
            sessions: live.back_sessions.now(),
            queued: live.queued.now(),
            maxconn: 0,
            session_rate: live.back_session_rate.per_second(self.now()),
            request_rate: 0,
            connection_rate: 0,
        }
    }

    fn server(&self, server: ServerId) -> ServerView {
        let Some(live) = self.shard.world.servers.get(server.index()) else { return ServerView::default() };
        ServerView {
            up: live.usable(),
            weight: live.weight(),
            initial_weight: self.shard.plan.server(server).line.weight.get() as u16,
            maxqueue: self.shard.plan.server(server).line.maxqueue,
            backup: self.shard.plan.server(server).line.backup,
            load: Load {
                sessions: live.sessions.now(),
                queued: live.queued.now(),
                maxconn: live.maxconn.load(Relaxed),
                session_rate: live.rate.per_second(self.now()),
                request_rate: 0,
                connection_rate: 0,
            },
        }
    }

    fn connections(&self) -> u32 {
        self.shard.world.connections.now()
    }

    fn listener(&self, listener: ListenerId) -> (u32, &str) {
        match self.shard.plan.listeners.get(listener.index()) {
            Some(l) => (l.number, l.name.as_deref().unwrap_or("")),
            None => (0, ""),
        }
    }

    fn listener_connections(&self, listener: ListenerId) -> u32 {
        self.shard.world.listeners.get(listener.index()).map_or(0, |l| l.sessions.now())
    }

    fn default_backend(&self, frontend: ProxyId) -> Option<ProxyId> {
        self.shard.plan.front(frontend)?.default_backend
    }

    fn servers_of(&self, backend: ProxyId) -> &[ServerId] {
        self.shard.plan.back(backend).map_or(&[], |b| &b.servers)
    }

    fn backend_named(&self, name: &[u8]) -> Option<ProxyId> {
        self.shard.backend_named(std::str::from_utf8(name).ok()?)
    }

    fn server_named(&self, backend: ProxyId, name: &[u8]) -> Option<ServerId> {
        let servers = self.servers_of(backend);
        servers.iter().copied().find(|s| self.shard.plan.server(*s).name.as_bytes() == name)
    }

    fn timeout(&self, proxy: ProxyId, kind: TimeoutKind) -> Option<Duration> {
        let timeouts = &self.shard.plan.proxies.get(proxy.index())?.timeouts;
        match kind {
            TimeoutKind::Client => timeouts.client,
            TimeoutKind::Server => timeouts.server,
            TimeoutKind::Tunnel => timeouts.tunnel,
            TimeoutKind::Connect => timeouts.connect,
            TimeoutKind::Queue => timeouts.queue,
            TimeoutKind::Tarpit => timeouts.tarpit,
        }
    }

    fn is_local(&self, address: IpAddr) -> bool {
        evenkeel_sys::machine::is_local(address)
    }

    fn uptime(&self) -> Duration {
        self.now().since(self.shard.world.started)
    }

    fn stopping(&self) -> bool {
        self.shard.world.stopping.load(Relaxed)
    }

    fn utc_offset_secs(&self, date: WallTime) -> i32 {
        evenkeel_sys::zone::utc_offset_secs(date.secs())
    }

    fn crypt_matches(&self, password: &[u8], hash: &str) -> bool {
        evenkeel_sys::user::crypt_matches(password, hash)
    }

    fn written(&self, scope: VarScope, slot: u32) -> Option<Option<Stored>> {
        self.writes.variable(scope, slot)
    }

    fn write(&self, write: Write) {
        match write {
            Write::Var { scope: VarScope::Sess, slot, value } => {
                if let Some(place) = self.session_vars.borrow_mut().get_mut(slot as usize) {
                    *place = value;
                }
            }
            Write::Var { scope: VarScope::Proc, slot, value } => {
                let vars = self.shard.world.proc_vars.write();
                let mut vars = vars.unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Some(place) = vars.get_mut(slot as usize) {
                    *place = value;
                }
            }
            Write::Var { scope: VarScope::Txn | VarScope::Req | VarScope::Res, .. }
            | Write::CaptureRequest { .. }
            | Write::CaptureResponse { .. } => self.writes.push(write),
        }
    }

    fn log_number(&self, frontend: ProxyId) -> u64 {
        self.shard.world.sum(|s| s.logged.get(frontend.index()).map_or(0, evenkeel_stats::Counter::get))
    }

    fn random(&self) -> u32 {
        (self.shard.random() >> 32) as u32
    }

    fn request_number(&self) -> u32 {
        self.shard.world.request_number.load(Relaxed)
    }

    fn hostname(&self) -> &str {
        &self.shard.world.hostname
    }

    fn pid(&self) -> u32 {
        self.shard.world.pid
    }

    fn shard(&self) -> (u32, u32) {
        (self.shard.world.shards.len() as u32, self.shard.index as u32)
    }

    fn proc_var(&self, slot: u32) -> Option<Stored> {
        let vars = self.shard.world.proc_vars.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        vars.get(slot as usize).cloned().flatten()
    }

    fn sess_var(&self, slot: u32) -> Option<Stored> {
        self.session_vars.borrow().get(slot as usize).cloned().flatten()
    }
}
