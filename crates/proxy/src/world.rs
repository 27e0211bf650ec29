//! The live state: what changes while a Plan runs. Shared by the shards, the checks and the runtime commands.
//!
//! Each shard counts in counters of its own ([`ShardStats`]); what must be known exactly across shards (sessions now,
//! who is usable, the balancer's turn) is here, in atomics or behind a short lock per backend.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use evenkeel_balance::Balancer;
use evenkeel_base::{Instant, ProxyId, ServerId, WallTime};
use evenkeel_expr::facts::Blame;
use evenkeel_health::TrafficFault;
use evenkeel_plan::addr::PortRule;
use evenkeel_plan::{Plan, Server};
use evenkeel_rules::route::BackendTarget;
use evenkeel_stats::{Averages, BackendCounters, FrontendCounters, ListenerCounters, ServerCounters, Totals};
use evenkeel_sys::Addr;
use tokio::sync::Notify;

use crate::faulty::BadMessages;
use crate::queue::Queue;

mod states;

/// A number that goes up and down, with its highest value.
///
/// Its changes are in one order for all shards (`SeqCst`): who joins a queue and then looks for room, and who makes room
/// and then looks at the queue, cannot both see nothing.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU32,
    max: AtomicU32,
}

impl Gauge {
    /// One more; returns the new value.
    pub fn up(&self) -> u32 {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        if now > self.max.load(Relaxed) {
            self.max.fetch_max(now, Relaxed);
        }
        now
    }

    /// One less; returns the new value.
    pub fn down(&self) -> u32 {
        let before = self.now.fetch_sub(1, SeqCst);
        debug_assert!(before > 0, "a gauge went below zero");
        before.wrapping_sub(1)
    }

    /// Takes one if the value is below `limit` (0: no limit); false if full.
    pub fn try_up(&self, limit: u32) -> bool {
        if limit == 0 {
            self.up();
            return true;
        }
        let taken = self.now.fetch_update(SeqCst, SeqCst, |n| (n < limit).then_some(n + 1));
        if let Ok(before) = taken {
            self.max.fetch_max(before + 1, Relaxed);
        }
        taken.is_ok()
    }

    /// Now.
    pub fn now(&self) -> u32 {
        self.now.load(SeqCst)
    }

    /// The highest since the last clear.
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Forgets the highest (`clear counters`).
    pub fn clear_max(&self) {
        self.max.store(self.now(), Relaxed);
    }
}

/// Events per second over all shards: the current second's count and the last full one's, packed so that one atomic
/// update serves (32 bits of second, 32 of count would lose the former; two words are enough because readers only
/// show it).
#[derive(Debug, Default)]
pub struct Rate {
    second: AtomicU32,
    count: AtomicU32,
    last: AtomicU32,
    max: AtomicU32,
}

impl Rate {
    /// Counts one event.
    pub fn hit(&self, now: Instant) -> u32 {
        self.turn(now);
        let n = self.count.fetch_add(1, Relaxed) + 1;
        if n > self.max.load(Relaxed) {
            self.max.fetch_max(n, Relaxed);
        }
        n
    }

    fn turn(&self, now: Instant) {
        let second = (now.as_millis() / 1000) as u32;
        let before = self.second.load(Relaxed);
        // Shards read their clocks at different moments: one that lags behind must not turn the second back.
        let ahead = second.wrapping_sub(before);
        if ahead != 0
            && ahead < u32::MAX / 2
            && self.second.compare_exchange(before, second, Relaxed, Relaxed).is_ok()
        {
            let full = self.count.swap(0, Relaxed);
            self.last.store(if second == before.wrapping_add(1) { full } else { 0 }, Relaxed);
        }
    }

    /// Events in the sliding last second: this second's, and the part of the last one that it doesn't cover yet.
    pub fn per_second(&self, now: Instant) -> u32 {
        self.turn(now);
        let remain = 1000 - (now.as_millis() % 1000) as u32;
        self.count.load(Relaxed) + (u64::from(self.last.load(Relaxed)) * u64::from(remain) / 1000) as u32
    }

    /// The highest since the last clear.
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Forgets the highest.
    pub fn clear_max(&self) {
        self.max.store(0, Relaxed);
    }
}

/// What the operator wants of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admin {
    /// Takes traffic as far as its health allows.
    Ready,
    /// Takes no new traffic but what persistence sends.
    Drain,
    /// Takes nothing and is not checked.
    Maint,
}

impl Admin {
    fn to_byte(self) -> u8 {
        match self {
            Admin::Ready => 0,
            Admin::Drain => 1,
            Admin::Maint => 2,
        }
    }

    fn from_byte(b: u8) -> Self {
        match b {
            1 => Admin::Drain,
            2 => Admin::Maint,
            _ => Admin::Ready,
        }
    }
}

/// What the operator wants of a server, and whether it said so of this one or of one that it tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveAdmin {
    /// The state in force.
    pub admin: Admin,
    /// The server that this one tracks, where the state comes from there.
    pub via: Option<ServerId>,
}

/// What a server does, health and operator taken together (`srv_op_state` of `show servers state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Takes nothing.
    Stopped,
    /// Takes traffic.
    Running,
    /// Finishes what it has.
    Stopping,
}

/// A server's health as the checks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Up, or not checked.
    Up,
    /// Up, but asked for no new sessions (404 with `disable-on-404`).
    Stopping,
    /// Down.
    Down,
}

/// What the last check found, for stats; kept by the control thread, read by commands.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// `L4OK`, `L7STS`…; empty before the first check.
    pub status: &'static str,
    /// Long form (`Layer4 check passed`).
    pub description: &'static str,
    /// HTTP status or the like; 0: none.
    pub code: u16,
    /// Milliseconds it took.
    pub duration_ms: u64,
    /// What the server said, or the error's text.
    pub last_check: String,
    /// Health counter.
    pub health: u32,
    /// Rise.
    pub rise: u32,
    /// Fall.
    pub fall: u32,
    /// A check is running now.
    pub running: bool,
}

/// What changes of a server.
#[derive(Debug)]
pub struct ServerLive {
    admin: AtomicU8,
    health: AtomicU8,
    /// What the health check and the agent each say; `health` is the worse of both.
    check_health: AtomicU8,
    agent_down: AtomicBool,
    /// It could be reached at an address; false while its name is not resolved.
    resolved: AtomicBool,
    usable: AtomicBool,
    /// Takes nothing at all ([`Operation::Stopped`]).
    shut: AtomicBool,
    /// Weight of the operator (0..=256), and of the agent in percent of it.
    weight: AtomicU32,
    agent_percent: AtomicU32,
    /// Where it is now (`set server addr`, name resolution); `None` before its name is known.
    addr: RwLock<Option<Addr>>,
    /// Changed by `set maxconn server`; 0: none.
    pub maxconn: AtomicU32,
    /// Sessions on it.
    pub sessions: Gauge,
    /// Places among them that were given to who waited and has not come yet.
    pub granted: AtomicU32,
    /// Requests in its own queue.
    pub queued: Gauge,
    /// New sessions.
    pub rate: Rate,
    /// Idle connections kept by all shards.
    pub idle: AtomicU32,
    /// Bumped to make shards drop idle connections and, if asked, sessions.
    pub generation: AtomicU32,
    /// Last check.
    pub check: Mutex<CheckReport>,
    /// The last agent's answer.
    pub agent: Mutex<CheckReport>,
    /// Failed checks, and transitions to down.
    pub checks_failed: AtomicU64,
    /// See `checks_failed`.
    pub downs: AtomicU64,
    /// How often the traffic's errors came to `error-limit` (`hanafail`).
    pub observed_failed: AtomicU64,
    /// When its state last changed.
    changed: AtomicU64,
    /// Whole milliseconds spent stopped before `changed`.
    downtime_ms: AtomicU64,
    /// The state that `changed` and `downtime_ms` were last brought up to date for.
    booked: AtomicU8,
    /// Came up, and is in its `slowstart` since; 0: not.
    warming: AtomicU64,
    /// Last session, monotonic nanoseconds; 0: never.
    pub last_session: AtomicU64,
    /// `enable health` / `disable health`; the same for the agent.
    pub check_enabled: AtomicBool,
    /// See `check_enabled`.
    pub agent_enabled: AtomicBool,
    /// Consecutive errors of `observe`.
    pub observed_errors: AtomicU32,
}

impl ServerLive {
    fn new(plan: &Server, now: Instant) -> Self {
        let addr = match &plan.addr.host {
            evenkeel_plan::Host::Addr(addr) => Some(with_port(sys_addr(addr), plan.addr.port)),
            evenkeel_plan::Host::Name { .. } => None,
        };
        Self {
            admin: AtomicU8::new(if plan.line.disabled { 2 } else { 0 }),
            health: AtomicU8::new(0),
            check_health: AtomicU8::new(0),
            agent_down: AtomicBool::new(false),
            resolved: AtomicBool::new(addr.is_some()),
            usable: AtomicBool::new(false),
            shut: AtomicBool::new(true),
            weight: AtomicU32::new(plan.line.weight.get()),
            agent_percent: AtomicU32::new(100),
            addr: RwLock::new(addr),
            maxconn: AtomicU32::new(plan.line.maxconn),
            sessions: Gauge::default(),
            granted: AtomicU32::new(0),
            queued: Gauge::default(),
            rate: Rate::default(),
            idle: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            check: Mutex::default(),
            agent: Mutex::default(),
            checks_failed: AtomicU64::new(0),
            downs: AtomicU64::new(0),
            observed_failed: AtomicU64::new(0),
            changed: AtomicU64::new(now.as_nanos()),
            downtime_ms: AtomicU64::new(0),
            booked: AtomicU8::new(NOT_BOOKED),
            warming: AtomicU64::new(0),
            last_session: AtomicU64::new(0),
            check_enabled: AtomicBool::new(plan.line.check),
            agent_enabled: AtomicBool::new(plan.line.agent.is_some()),
            observed_errors: AtomicU32::new(0),
        }
    }

    /// What the operator wants.
    pub fn admin(&self) -> Admin {
        Admin::from_byte(self.admin.load(Relaxed))
    }

    /// What the checks say.
    pub fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            1 => Health::Stopping,
            2 => Health::Down,
            _ => Health::Up,
        }
    }

    /// True if its agent says that it is down, whatever its check says.
    pub fn agent_down(&self) -> bool {
        self.agent_down.load(Relaxed)
    }

    /// True if new traffic may be balanced to it.
    pub fn usable(&self) -> bool {
        self.usable.load(Relaxed)
    }

    /// True if its address is known.
    pub fn resolved(&self) -> bool {
        self.resolved.load(Relaxed)
    }

    /// True if persistence may still send to it: up (or stopping, draining), not in maintenance.
    pub fn reachable(&self) -> bool {
        !self.shut.load(Relaxed)
    }

    /// When it came up, while it is in its `slowstart`.
    pub fn warming(&self) -> Option<Instant> {
        Some(self.warming.load(Relaxed)).filter(|at| *at > 0).map(Instant::from_nanos)
    }

    /// Weight in force, 0..=256, but for `slowstart`, which is the balancer's.
    pub fn weight(&self) -> u16 {
        let w = self.weight.load(Relaxed) * self.agent_percent.load(Relaxed);
        w.div_ceil(100).min(256) as u16
    }

    /// Weight of the operator alone.
    pub fn user_weight(&self) -> u16 {
        self.weight.load(Relaxed).min(256) as u16
    }

    /// Where it is.
    pub fn addr(&self) -> Option<Addr> {
        self.addr.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When its state last changed.
    pub fn changed(&self) -> Instant {
        Instant::from_nanos(self.changed.load(Relaxed))
    }

    /// Time spent stopped altogether.
    pub fn downtime(&self, now: Instant) -> Duration {
        let before = Duration::from_millis(self.downtime_ms.load(Relaxed));
        if self.booked.load(Relaxed) & BOOKED_STOPPED != 0 {
            before + now.since(self.changed())
        } else {
            before
        }
    }

    /// Notes a change of state: when, and how long the one before it lasted.
    fn book(&self, effective: EffectiveAdmin, operation: Operation, now: Instant) {
        let stopped = if operation == Operation::Stopped { BOOKED_STOPPED } else { 0 };
        let own = self.health.load(Relaxed) | effective.admin.to_byte() << 2 | stopped;
        let before = self.booked.swap(own, Relaxed);
        if before == own {
            return;
        }
        let since = self.changed();
        self.changed.store(now.as_nanos(), Relaxed);
        if before == NOT_BOOKED {
            return;
        }
        match (before & BOOKED_STOPPED != 0, stopped != 0) {
            (false, true) => {
                self.downs.fetch_add(1, Relaxed);
            }
            (true, _) => {
                self.downtime_ms.fetch_add(now.since(since).as_millis() as u64, Relaxed);
            }
            (false, false) => {}
        }
    }
}

/// `ServerLive::booked` at start.
const NOT_BOOKED: u8 = u8::MAX;
/// The bit of `ServerLive::booked` for [`Operation::Stopped`]; below it are health and the operator's word.
const BOOKED_STOPPED: u8 = 0x10;

/// What changes of a frontend, backend or listen.
#[derive(Debug)]
pub struct ProxyLive {
    /// Sessions as a frontend.
    pub front_sessions: Gauge,
    /// Sessions as a backend.
    pub back_sessions: Gauge,
    /// New connections, sessions, requests as a frontend.
    pub front_connection_rate: Rate,
    /// See `front_connection_rate`.
    pub front_session_rate: Rate,
    /// See `front_connection_rate`.
    pub front_request_rate: Rate,
    /// New sessions as a backend.
    pub back_session_rate: Rate,
    /// Frontend limit (`set maxconn frontend`); 0: the process's.
    pub maxconn: AtomicU32,
    /// `rate-limit sessions`, changed by a command; 0: none.
    pub rate_limit: AtomicU32,
    /// `disable frontend` / `shutdown frontend`: 0 open, 1 paused, 2 stopped.
    pub listening: AtomicU8,
    /// `fullconn`, given or computed: the load at which servers take their whole `maxconn`.
    pub fullconn: u32,
    /// Who is next. `None` for a frontend only.
    balancer: Option<Mutex<Balancer>>,
    /// Requests waiting for any server or for one of them.
    pub queue: Mutex<Queue>,
    /// All queued requests of the backend, servers' queues included.
    pub queued: Gauge,
    /// Last change between "some server" and "none", and time spent without any.
    pub changed: AtomicU64,
    /// See `changed`.
    pub downtime_ms: AtomicU64,
    /// Transitions to "no server".
    pub downs: AtomicU64,
    /// Usable servers, kept beside the balancer so that `nbsrv` takes no lock.
    pub usable_servers: AtomicU32,
    /// Last session as a backend, monotonic nanoseconds; 0: never.
    pub last_session: AtomicU64,
    /// The last malformed messages.
    pub bad: BadMessages,
}

/// What changes of a listening address.
#[derive(Debug, Default)]
pub struct ListenerLive {
    /// Connections accepted on it and open now.
    pub sessions: Gauge,
}

/// The counters of one shard, which alone writes them. Positions are those of the Plan.
#[derive(Debug)]
pub struct ShardStats {
    /// As frontends, by [`ProxyId`].
    pub fronts: Vec<FrontendCounters>,
    /// As backends, by [`ProxyId`].
    pub backs: Vec<BackendCounters>,
    /// By [`ServerId`].
    pub servers: Vec<ServerCounters>,
    /// By `ListenerId`.
    pub listeners: Vec<ListenerCounters>,
    /// Log lines written, by frontend.
    pub logged: Vec<evenkeel_stats::Counter>,
    /// Times of requests, by backend.
    pub back_times: Vec<Averages>,
    /// Times of requests, by server.
    pub server_times: Vec<Averages>,
}

impl ShardStats {
    fn new(plan: &Plan) -> Self {
        Self {
            fronts: plan.proxies.iter().map(|_| FrontendCounters::default()).collect(),
            backs: plan.proxies.iter().map(|_| BackendCounters::default()).collect(),
            servers: plan.servers.iter().map(|_| ServerCounters::default()).collect(),
            listeners: plan.listeners.iter().map(|_| ListenerCounters::default()).collect(),
            logged: plan.proxies.iter().map(|_| evenkeel_stats::Counter::new()).collect(),
            back_times: plan.proxies.iter().map(|_| Averages::default()).collect(),
            server_times: plan.servers.iter().map(|_| Averages::default()).collect(),
        }
    }
}

/// A change that others want to hear of: servers' log lines are made of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A server is down, up, stopping, drained, in maintenance or ready: the line as the original logs it, with its
    /// syslog level (0 emerg … 7 debug).
    Line {
        /// Whose logs.
        backend: ProxyId,
        /// Syslog level.
        level: u8,
        /// The text.
        text: String,
    },
    /// A line for a proxy's logs alone.
    Log {
        /// Whose logs.
        proxy: ProxyId,
        /// Syslog level.
        level: u8,
        /// The text.
        text: String,
    },
    /// A backend has no usable server left.
    NoServer(ProxyId),
    /// All sessions of a server are to be cut, for this reason in the logs.
    ShutSessions(ServerId, Blame),
    /// A server's address changed, or its checks were switched on or off: they pause or go on.
    Checks(ServerId),
    /// A server's name became known: its checks begin.
    Revived(ServerId),
    /// `error-limit` errors in a row in a server's traffic (`observe`), the last of this kind.
    Faults(ServerId, TrafficFault),
    /// The operator's word for a server, or for one that it tracks, changed: its checks pause in maintenance and begin
    /// anew after it. The log lines have been noted.
    Admin {
        /// Which.
        server: ServerId,
        /// Until now.
        from: Admin,
        /// From now on.
        to: Admin,
    },
    /// `set server … health` or `agent`, of a server that has that check: its machine is told, and answers with the
    /// change. Servers without one were changed at once.
    Force {
        /// Which.
        server: ServerId,
        /// The agent's check, not the health check.
        agent: bool,
        /// What it is to be.
        to: Health,
    },
}

/// What counters stood at when an operator cleared them: numbers shown are the difference. Empty: never cleared.
#[derive(Debug, Default)]
pub struct Cleared {
    /// By [`ProxyId`].
    pub fronts: Vec<Totals>,
    /// By [`ProxyId`].
    pub backs: Vec<Totals>,
    /// By [`ServerId`].
    pub servers: Vec<Totals>,
    /// By `ListenerId`.
    pub listeners: Vec<Totals>,
}

/// The live state of a running Plan.
pub struct World {
    /// What runs.
    pub plan: Arc<Plan>,
    /// Start, monotonic.
    pub started: Instant,
    /// Start, as a date.
    pub started_wall: WallTime,
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub hostname: String,
    /// By [`ProxyId`].
    pub proxies: Vec<ProxyLive>,
    /// By [`ServerId`].
    pub servers: Vec<ServerLive>,
    /// By `ListenerId`.
    pub listeners: Vec<ListenerLive>,
    /// By shard.
    pub shards: Vec<ShardStats>,
    /// Client connections of the process.
    pub connections: Gauge,
    /// Limit of the process (`maxconn`, `set maxconn global`).
    pub maxconn: AtomicU32,
    /// Connections accepted and requests served since the start.
    pub connections_total: AtomicU64,
    /// See `connections_total`.
    pub requests_total: AtomicU64,
    /// Accepted connections and sessions per second, the whole process.
    pub connection_rate: Rate,
    /// See `connection_rate`.
    pub session_rate: Rate,
    /// `maxconnrate` and `maxsessrate`, changed by `set rate-limit`; 0: none.
    pub maxconnrate: AtomicU32,
    /// See `maxconnrate`.
    pub maxsessrate: AtomicU32,
    /// What `clear counters` took away.
    pub cleared: RwLock<Cleared>,
    /// Malformed messages so far.
    pub bad_messages: AtomicU64,
    /// `%rt`.
    pub request_number: AtomicU32,
    /// Soft stop has begun.
    pub stopping: AtomicBool,
    /// Every shard has ended; the control thread may.
    pub ended: AtomicBool,
    /// Log lines dropped because a sink was full or gone.
    pub dropped_logs: AtomicU64,
    /// Process-wide variables by slot.
    pub proc_vars: RwLock<Vec<Option<evenkeel_expr::env::Stored>>>,
    /// Changes for the control thread to log and to act on. Bounded by [`CHANGES_MAX`].
    changes: Mutex<Vec<Change>>,
    /// Wakes the control thread for them.
    news: Notify,
    /// Servers change one at a time, so that their log lines tell of states that were.
    turn: Mutex<()>,
    /// Lines so far of each log target, by proxy: `sample` counts them.
    pub(crate) log_turns: Vec<Vec<AtomicU32>>,
    /// That a log target failed was told: once is enough.
    pub(crate) log_failure_told: AtomicBool,
}

/// Most changes kept before the control thread takes them; more are dropped and counted (a flood of commands).
const CHANGES_MAX: usize = 4096;

/// Bytes of an abstract name: `sun_path` without the zero that makes it abstract (unix(7)).
const ABSTRACT_LEN: usize = 107;

/// An address of the Plan as the system room takes it.
pub fn sys_addr(addr: &evenkeel_plan::Addr) -> Addr {
    match addr {
        evenkeel_plan::Addr::Inet(a) => Addr::Inet(*a),
        evenkeel_plan::Addr::Unix(p) => Addr::Unix(p.clone()),
        evenkeel_plan::Addr::Abstract { name, short: true } => Addr::Abstract(name.clone()),
        evenkeel_plan::Addr::Abstract { name, short: false } => {
            // configuration manual, `bind`: "abns@" names fill the whole field, the rest is zeros.
            let mut name = name.clone();
            name.resize(ABSTRACT_LEN, 0);
            Addr::Abstract(name)
        }
        evenkeel_plan::Addr::Fd(n) => Addr::Fd(*n),
    }
}

/// An address with its server's fixed port; a port that follows the client's is filled in per connection.
pub fn with_port(addr: Addr, rule: PortRule) -> Addr {
    match rule {
        PortRule::Fixed(port) => addr.with_port(port),
        PortRule::SameAsClient(_) => addr,
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The state at start: every server in the state its line says, unchecked ones usable at once.
    pub fn new(
        plan: Arc<Plan>,
        identity: Identity,
        shards: usize,
        maxconn: u32,
        now: Instant,
        wall: WallTime,
    ) -> Self {
        let servers: Vec<ServerLive> = plan.servers.iter().map(|s| ServerLive::new(s, now)).collect();
        let proxies = plan.proxies.iter().map(|p| ProxyLive::new(&plan, p, maxconn, now)).collect();
        let world = Self {
            started: now,
            started_wall: wall,
            pid: identity.pid,
            hostname: identity.hostname,
            proxies,
            servers,
            listeners: plan.listeners.iter().map(|_| ListenerLive::default()).collect(),
            shards: (0..shards).map(|_| ShardStats::new(&plan)).collect(),
            connections: Gauge::default(),
            maxconn: AtomicU32::new(maxconn),
            connections_total: AtomicU64::new(0),
            requests_total: AtomicU64::new(0),
            connection_rate: Rate::default(),
            session_rate: Rate::default(),
            maxconnrate: AtomicU32::new(plan.global.maxconnrate),
            maxsessrate: AtomicU32::new(plan.global.maxsessrate),
            cleared: RwLock::default(),
            bad_messages: AtomicU64::new(0),
            request_number: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            dropped_logs: AtomicU64::new(0),
            proc_vars: RwLock::new(vec![None; plan.var_slots.process as usize]),
            changes: Mutex::new(Vec::new()),
            news: Notify::new(),
            turn: Mutex::default(),
            log_failure_told: AtomicBool::new(false),
            log_turns: plan
                .proxies
                .iter()
                .map(|p| p.log.targets.iter().map(|_| AtomicU32::new(0)).collect())
                .collect(),
            plan,
        };
        for server in &world.plan.servers {
            world.seat(server.id, now);
        }
        world
    }

    /// A server's live state.
    pub fn server(&self, id: ServerId) -> &ServerLive {
        &self.servers[id.index()]
    }

    /// A proxy's live state.
    pub fn proxy(&self, id: ProxyId) -> &ProxyLive {
        &self.proxies[id.index()]
    }

    /// The balancer of a backend, locked; `None` for a frontend.
    pub fn balancer(&self, id: ProxyId) -> Option<MutexGuard<'_, Balancer>> {
        Some(lock(self.proxies.get(id.index())?.balancer.as_ref()?))
    }

    /// Sums one counter over the shards.
    pub fn sum(&self, each: impl Fn(&ShardStats) -> u64) -> u64 {
        self.shards.iter().map(each).sum()
    }

    /// Waits for changes.
    pub async fn changes_noted(&self) {
        self.news.notified().await;
    }

    /// Takes the changes noted since the last call.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut *lock(&self.changes))
    }

    /// Notes a change for the control thread.
    pub fn note(&self, change: Change) {
        let mut changes = lock(&self.changes);
        if changes.len() < CHANGES_MAX {
            changes.push(change);
        } else {
            self.dropped_logs.fetch_add(1, Relaxed);
        }
        drop(changes);
        self.news.notify_one();
    }
}

impl ProxyLive {
    fn new(plan: &Plan, proxy: &evenkeel_plan::Proxy, process: u32, now: Instant) -> Self {
        let front = proxy.front.as_ref();
        Self {
            front_sessions: Gauge::default(),
            back_sessions: Gauge::default(),
            front_connection_rate: Rate::default(),
            front_session_rate: Rate::default(),
            front_request_rate: Rate::default(),
            back_session_rate: Rate::default(),
            maxconn: AtomicU32::new(front.map_or(0, |f| f.maxconn)),
            rate_limit: AtomicU32::new(front.map_or(0, |f| f.rate_limit)),
            listening: AtomicU8::new(0),
            fullconn: fullconn(plan, proxy, process),
            balancer: proxy.back.as_ref().map(|back| Mutex::new(new_balancer(plan, proxy, back))),
            queue: Mutex::default(),
            queued: Gauge::default(),
            changed: AtomicU64::new(now.as_nanos()),
            downtime_ms: AtomicU64::new(0),
            downs: AtomicU64::new(0),
            usable_servers: AtomicU32::new(0),
            last_session: AtomicU64::new(0),
            bad: BadMessages::default(),
        }
    }
}

/// `fullconn`; where the file doesn't say, a tenth of what the frontends that may lead here take (configuration manual,
/// `fullconn`).
fn fullconn(plan: &Plan, proxy: &evenkeel_plan::Proxy, process: u32) -> u32 {
    let given = proxy.back.as_ref().map_or(0, |b| b.fullconn);
    if given > 0 {
        return given;
    }
    let process = plan.global.maxconn.unwrap_or(process);
    let leads = |front: &&evenkeel_plan::Proxy| {
        front.front.as_ref().is_some_and(|face| {
            face.default_backend == Some(proxy.id)
                || front.id == proxy.id
                || face.use_backend.iter().any(|rule| match &rule.target {
                    BackendTarget::Static(id) => *id == proxy.id,
                    BackendTarget::Dynamic(_) => true,
                })
        })
    };
    let limit = |front: &evenkeel_plan::Proxy| match front.front.as_ref().map_or(0, |f| f.maxconn) {
        0 => process,
        n => n,
    };
    plan.proxies.iter().filter(leads).map(limit).fold(0, u32::saturating_add).div_ceil(10).max(1)
}

fn new_balancer(plan: &Plan, proxy: &evenkeel_plan::Proxy, back: &evenkeel_plan::Back) -> Balancer {
    let specs: Vec<evenkeel_balance::ServerSpec> = back
        .servers
        .iter()
        .map(|id| plan.server(*id))
        .map(|s| evenkeel_balance::ServerSpec {
            id: s.number,
            weight: s.line.weight,
            backup: s.line.backup,
            // Settled at once by the caller, with what is known of addresses.
            usable: false,
        })
        .collect();
    Balancer::new(back.algorithm, &specs, proxy.options.allbackups, u64::from(proxy.number))
}

/// Who we are, for logs and `show info`.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub hostname: String,
}
