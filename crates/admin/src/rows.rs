//! From the live state to rows: what `show stat`, CSV, JSON, the typed form and the page all tell.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bstr::{BStr, BString};
use evenkeel_balance::{Algorithm, EffectiveWeight, Weight};
use evenkeel_base::{Instant, ListenerId, ProxyId, ServerId};
use evenkeel_plan::{Back, BalanceKey, Plan, Proxy};
use evenkeel_proxy::world::{Admin, CheckReport, Health, Operation, World};
use evenkeel_stats::average::AverageTimes;
use evenkeel_stats::{Averages, CheckView, Filter, Kind, Mode, Row, ServerStatus, Totals};
use evenkeel_sys::Addr;

/// Longest chain of servers that track one another.
const TRACK_DEPTH_MAX: usize = 16;

/// `ProxyLive::listening` of a frontend that accepts.
pub const OPEN: u8 = 0;
/// `ProxyLive::listening` after `disable frontend`.
pub const PAUSED: u8 = 1;
/// `ProxyLive::listening` after `shutdown frontend`.
pub const STOPPED: u8 = 2;

/// Hands on the wanted rows, in the order of the file. `legends` adds addresses, cookies and algorithms: for operators,
/// and for pages with `stats show-legends`.
pub fn each(world: &World, filter: &Filter, legends: bool, now: Instant, give: &mut dyn FnMut(&Row<'_>)) {
    for proxy in &world.plan.proxies {
        each_of(world, proxy, filter, legends, now, give);
    }
}

/// The rows of one proxy: frontend, listeners, servers, backend.
pub fn each_of(
    world: &World,
    proxy: &Proxy,
    filter: &Filter,
    legends: bool,
    now: Instant,
    give: &mut dyn FnMut(&Row<'_>),
) {
    if proxy.disabled {
        return;
    }
    let wants = |kind, sid| filter.wants(proxy.number, kind, sid);
    if let Some(front) = &proxy.front {
        if wants(Kind::Frontend, 0) {
            give(&frontend(world, proxy, now));
        }
        if proxy.options.socket_stats {
            for id in &front.listeners {
                let plan = world.plan.listener(*id);
                if wants(Kind::Listener, plan.number) {
                    let numbered = format!("sock-{}", plan.number);
                    let name = plan.name.as_deref().unwrap_or(&numbered);
                    give(&listener(world, proxy, *id, name, legends));
                }
            }
        }
    }
    if let Some(back) = &proxy.back {
        for id in &back.servers {
            let number = world.plan.server(*id).number;
            if wants(Kind::Server, number) && filter.wants_state(status(world, *id)) {
                give(&server(world, proxy, *id, legends, now));
            }
        }
        if wants(Kind::Backend, 0) {
            let mut row = backend(world, proxy, back, legends, now);
            if filter.up || filter.no_maint {
                // Servers are missing from the list: the backend's row counts them.
                let stopped = |id: &&ServerId| world.operation(**id) == Operation::Stopped;
                let up = back.servers.len() - back.servers.iter().filter(stopped).count();
                row.status = format!("{} ({up}/{})", row.status, back.servers.len()).into();
            }
            give(&row);
        }
    }
}

/// A frontend's row.
pub fn frontend<'a>(world: &'a World, proxy: &'a Proxy, now: Instant) -> Row<'a> {
    let live = world.proxy(proxy.id);
    let limit = match live.maxconn.load(Relaxed) {
        0 => world.maxconn.load(Relaxed),
        n => n,
    };
    let state = match live.listening.load(Relaxed) {
        OPEN => "OPEN",
        PAUSED => "PAUSED",
        _ => "STOP",
    };
    Row {
        kind: Kind::Frontend,
        status: state.into(),
        totals: front_totals(world, proxy.id),
        scur: live.front_sessions.now(),
        smax: live.front_sessions.max(),
        slim: Some(limit),
        rate: live.front_session_rate.per_second(now),
        rate_max: live.front_session_rate.max(),
        rate_lim: live.rate_limit.load(Relaxed),
        req_rate: live.front_request_rate.per_second(now),
        req_rate_max: live.front_request_rate.max(),
        conn_rate: live.front_connection_rate.per_second(now),
        conn_rate_max: live.front_connection_rate.max(),
        h1_connections: match proxy.mode {
            evenkeel_plan::Mode::Http => live.front_sessions.now(),
            evenkeel_plan::Mode::Tcp => 0,
        },
        ..of(proxy)
    }
}

/// A listener's row. Its name is the file's, or `sock-` and its number.
pub fn listener<'a>(
    world: &'a World,
    proxy: &'a Proxy,
    id: ListenerId,
    name: &'a str,
    legends: bool,
) -> Row<'a> {
    let plan = world.plan.listener(id);
    let live = &world.listeners[id.index()];
    let full = plan.maxconn > 0 && live.sessions.now() >= plan.maxconn;
    let state = match world.proxy(proxy.id).listening.load(Relaxed) {
        OPEN if full => "FULL",
        OPEN => "OPEN",
        PAUSED => "PAUSED",
        _ => "STOP",
    };
    let mut totals = Totals::default();
    world.shards.iter().for_each(|s| s.listeners[id.index()].add_to(&mut totals));
    Row {
        kind: Kind::Listener,
        name,
        sid: plan.number,
        status: state.into(),
        totals: since(world, totals, |c| c.listeners.get(id.index())),
        scur: live.sessions.now(),
        smax: live.sessions.max(),
        slim: Some(plan.maxconn),
        addr: legends.then(|| shown_addr(&evenkeel_proxy::world::sys_addr(&plan.addr))).flatten(),
        ..of(proxy)
    }
}

/// A server's row.
pub fn server<'a>(world: &'a World, proxy: &'a Proxy, id: ServerId, legends: bool, now: Instant) -> Row<'a> {
    let (plan, live) = (world.plan.server(id), world.server(id));
    let checked = plan.line.check && live.check_enabled.load(Relaxed);
    let agent = plan.line.agent.is_some() && live.agent_enabled.load(Relaxed);
    let paused = world.effective_admin(id).admin == Admin::Maint;
    let maxconn = live.maxconn.load(Relaxed);
    let (weight, throttle) = effective_weight(world, id);
    let idle = live.idle.load(Relaxed);
    let report =
        |of: &std::sync::Mutex<CheckReport>| of.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let timing = &plan.line.check_timing;
    Row {
        kind: Kind::Server,
        name: &plan.name,
        sid: plan.number,
        status: status_text(world, id).into(),
        totals: server_totals(world, id),
        times: times(world, |s| &s.server_times[id.index()]),
        qcur: live.queued.now(),
        qmax: live.queued.max(),
        scur: live.sessions.now(),
        smax: live.sessions.max(),
        slim: (maxconn > 0).then_some(maxconn),
        qlimit: (plan.line.maxqueue > 0).then_some(plan.line.maxqueue),
        rate: live.rate.per_second(now),
        rate_max: live.rate.max(),
        weight,
        uweight: u32::from(live.user_weight()),
        active: u32::from(!plan.line.backup),
        backup: u32::from(plan.line.backup),
        lastchg_s: seconds(now.since(live.changed())),
        downtime_s: checked.then(|| seconds(live.downtime(now))),
        lastsess_s: last_session(live.last_session.load(Relaxed), now),
        throttle,
        tracked: plan.line.track.map(|t| full_name(&world.plan, t).into()),
        check: checked.then(|| check_view(report(&live.check), paused, timing.rise, timing.fall)),
        agent: agent.then(|| check_view(report(&live.agent), paused, 1, 1)),
        observe: plan.line.observe.is_some(),
        addr: legends.then(|| live.addr().and_then(|a| shown_addr(&a))).flatten(),
        cookie: plan.line.cookie.as_ref().filter(|_| legends).map(|c| Cow::Borrowed(BStr::new(c))),
        idle,
        idle_limit: plan.line.pool_max,
        idle_unsafe: idle,
        used: live.sessions.now(),
        need: live.sessions.now(),
        ..of(proxy)
    }
}

/// A backend's row.
pub fn backend<'a>(
    world: &'a World,
    proxy: &'a Proxy,
    back: &'a Back,
    legends: bool,
    now: Instant,
) -> Row<'a> {
    let live = world.proxy(proxy.id);
    let usable = live.usable_servers.load(Relaxed);
    let (weight, counts) =
        world.balancer(proxy.id).map_or((0, Default::default()), |b| (b.total_weight(), b.counts()));
    let changed = Instant::from_nanos(live.changed.load(Relaxed));
    let mut downtime = Duration::from_millis(live.downtime_ms.load(Relaxed));
    if usable == 0 {
        downtime += now.since(changed);
    }
    let servers_queued: u32 = back.servers.iter().map(|id| world.server(*id).queued.now()).sum();
    Row {
        kind: Kind::Backend,
        status: if usable > 0 || back.servers.is_empty() { "UP" } else { "DOWN" }.into(),
        totals: back_totals(world, proxy.id),
        times: times(world, |s| &s.back_times[proxy.id.index()]),
        // Only those that no server was chosen for (management manual §9.1, `qcur`).
        qcur: live.queued.now().saturating_sub(servers_queued),
        qmax: live.queued.max(),
        scur: live.back_sessions.now(),
        smax: live.back_sessions.max(),
        slim: Some(world.proxy(proxy.id).fullconn),
        rate: live.back_session_rate.per_second(now),
        rate_max: live.back_session_rate.max(),
        weight,
        uweight: user_weights(world, back, counts.active > 0),
        active: counts.active,
        backup: counts.backup,
        lastchg_s: seconds(now.since(changed)),
        downtime_s: (!back.servers.is_empty()).then(|| seconds(downtime)),
        lastsess_s: last_session(live.last_session.load(Relaxed), now),
        cookie: back.cookie.as_ref().filter(|_| legends).map(|c| Cow::Borrowed(BStr::new(&c.name))),
        algo: legends.then(|| algorithm(back)),
        h1_connections: match proxy.mode {
            // Those that nobody uses are open too.
            evenkeel_plan::Mode::Http => back.servers.iter().map(|id| held(world, *id)).sum(),
            evenkeel_plan::Mode::Tcp => 0,
        },
        ..of(proxy)
    }
}

/// Connections to a server, in use and idle.
fn held(world: &World, id: ServerId) -> u32 {
    let live = world.server(id);
    live.sessions.now().saturating_add(live.idle.load(Relaxed))
}

fn of(proxy: &Proxy) -> Row<'_> {
    let mode = match proxy.mode {
        evenkeel_plan::Mode::Tcp => Mode::Tcp,
        evenkeel_plan::Mode::Http => Mode::Http,
    };
    Row { proxy: &proxy.name, iid: proxy.number, mode, ..Row::default() }
}

/// All counters of a frontend since they were cleared.
pub fn front_totals(world: &World, id: ProxyId) -> Totals {
    since(world, raw_front(world, id), |c| c.fronts.get(id.index()))
}

/// All counters of a backend since they were cleared.
pub fn back_totals(world: &World, id: ProxyId) -> Totals {
    since(world, raw_back(world, id), |c| c.backs.get(id.index()))
}

/// All counters of a server since they were cleared.
pub fn server_totals(world: &World, id: ServerId) -> Totals {
    since(world, raw_server(world, id), |c| c.servers.get(id.index()))
}

pub(crate) fn raw_front(world: &World, id: ProxyId) -> Totals {
    let mut sum = Totals::default();
    world.shards.iter().for_each(|s| s.fronts[id.index()].add_to(&mut sum));
    sum
}

pub(crate) fn raw_back(world: &World, id: ProxyId) -> Totals {
    let mut sum = Totals::default();
    world.shards.iter().for_each(|s| s.backs[id.index()].add_to(&mut sum));
    sum.chkdown = world.proxy(id).downs.load(Relaxed);
    sum
}

pub(crate) fn raw_server(world: &World, id: ServerId) -> Totals {
    let mut sum = Totals::default();
    world.shards.iter().for_each(|s| s.servers[id.index()].add_to(&mut sum));
    let live = world.server(id);
    sum.chkfail = live.checks_failed.load(Relaxed);
    sum.chkdown = live.downs.load(Relaxed);
    sum.hanafail = live.observed_failed.load(Relaxed);
    sum
}

pub(crate) fn raw_listener(world: &World, id: ListenerId) -> Totals {
    let mut sum = Totals::default();
    world.shards.iter().for_each(|s| s.listeners[id.index()].add_to(&mut sum));
    sum
}

fn since(
    world: &World,
    totals: Totals,
    of: impl Fn(&evenkeel_proxy::world::Cleared) -> Option<&Totals>,
) -> Totals {
    let cleared = world.cleared.read().unwrap_or_else(PoisonError::into_inner);
    of(&cleared).map_or(totals, |before| totals.minus(before))
}

fn times<'w>(
    world: &'w World,
    of: impl Fn(&'w evenkeel_proxy::world::ShardStats) -> &'w Averages + Clone,
) -> AverageTimes {
    Averages::read(world.shards.iter().map(of))
}

/// The server at the head of a chain of tracking: whose checks count.
pub fn checked_by(plan: &Plan, id: ServerId) -> ServerId {
    let mut at = id;
    for _ in 0..TRACK_DEPTH_MAX {
        match plan.server(at).line.track {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// A server's state in words.
pub fn status(world: &World, id: ServerId) -> ServerStatus<'_> {
    let (plan, live) = (&world.plan, world.server(id));
    let effective = world.effective_admin(id);
    match (effective.admin, effective.via) {
        (Admin::Maint, None) => return ServerStatus::Maint,
        (Admin::Maint, Some(via)) => {
            let tracked = plan.server(via);
            return ServerStatus::MaintVia(&plan.proxy(tracked.backend).name, &tracked.name);
        }
        (Admin::Ready | Admin::Drain, _) if !live.resolved() => return ServerStatus::MaintResolution,
        (Admin::Ready | Admin::Drain, _) => {}
    }
    let root = checked_by(plan, id);
    let (root_plan, root_live) = (plan.server(root), world.server(root));
    let checked = root_plan.line.check && root_live.check_enabled.load(Relaxed);
    let timing = &root_plan.line.check_timing;
    let (rise, fall) = (timing.rise, timing.fall);
    let health = check_position(&root_live.check.lock().unwrap_or_else(PoisonError::into_inner), rise);
    match live.health() {
        Health::Down => {
            let by_agent = root_live.agent_enabled.load(Relaxed) && root_live.agent_down();
            match (by_agent, checked) {
                (true, _) => ServerStatus::DownByAgent,
                (false, true) => ServerStatus::Down { health: health.min(rise.saturating_sub(1)), rise },
                (false, false) => ServerStatus::Down { health: 0, rise },
            }
        }
        Health::Stopping if checked => ServerStatus::NoLb { health, rise, fall },
        Health::Stopping => ServerStatus::NoLb { health: u32::MAX / 2, rise, fall },
        Health::Up if effective.admin == Admin::Drain => ServerStatus::Drain,
        Health::Up if checked => ServerStatus::Up { health: health.max(rise), rise, fall },
        Health::Up => ServerStatus::NoCheck,
    }
}

/// The `status` column of a server.
fn status_text(world: &World, id: ServerId) -> String {
    let status = status(world, id);
    let root = checked_by(&world.plan, id);
    let (line, live) = (&world.plan.server(root).line, world.server(root));
    let timing = &line.check_timing;
    let health = check_position(&live.check.lock().unwrap_or_else(PoisonError::into_inner), timing.rise);
    let top = timing.rise + timing.fall;
    if status == ServerStatus::Drain && line.check && live.check_enabled.load(Relaxed) && health + 1 < top {
        // Drained while its check is on the way down.
        return format!("DRAIN {}/{}", (health + 1).saturating_sub(timing.rise), timing.fall);
    }
    status.to_string()
}

/// The check's counter; before the first check it stands at `rise`.
fn check_position(report: &CheckReport, rise: u32) -> u32 {
    if report.status.is_empty() { rise } else { report.health }
}

fn check_view<'a>(report: CheckReport, paused: bool, rise: u32, fall: u32) -> CheckView<'a> {
    let new = report.status.is_empty();
    let health = check_position(&report, rise);
    CheckView {
        status: if new { "INI" } else { report.status },
        running: report.running && !new,
        paused,
        code: (report.code > 0).then_some(report.code),
        duration_ms: (!new).then_some(report.duration_ms),
        last: Cow::Owned(BString::from(report.last_check)),
        desc: if new { "Initializing" } else { report.description },
        rise,
        fall,
        health,
    }
}

/// A server's weight as it balances now, and slow start's percentage while it lasts.
fn effective_weight(world: &World, id: ServerId) -> (u32, Option<u32>) {
    let plan = world.plan.server(id);
    let full = u32::from(world.server(id).weight());
    if plan.line.slowstart.is_none() {
        return (full, None);
    }
    let now = world.balancer(plan.backend).and_then(|b| b.weight(plan.slot as usize));
    let whole = EffectiveWeight::full(Weight::new(full).unwrap_or_default());
    match now {
        Some(now) if now < whole => (now.shown(), Some((now.get() * 100 / whole.get().max(1)).max(1))),
        Some(_) | None => (full, None),
    }
}

fn user_weights(world: &World, back: &Back, active: bool) -> u32 {
    let members = back.servers.iter().filter(|id| world.plan.server(**id).line.backup != active);
    members.map(|id| world.server(*id)).filter(|s| s.usable()).map(|s| u32::from(s.user_weight())).sum()
}

/// The `balance` word.
pub fn algorithm(back: &Back) -> &'static str {
    if back.dispatch.is_some() || back.transparent {
        return "none";
    }
    match (back.algorithm, &back.key) {
        (Algorithm::RoundRobin, _) => "roundrobin",
        (Algorithm::StaticRr, _) => "static-rr",
        (Algorithm::LeastConn, _) => "leastconn",
        (Algorithm::First, _) => "first",
        (Algorithm::Random { .. }, _) => "random",
        (Algorithm::Hash(_), BalanceKey::None | BalanceKey::Source) => "source",
        (Algorithm::Hash(_), BalanceKey::Uri { .. }) => "uri",
        (Algorithm::Hash(_), BalanceKey::UrlParam { .. }) => "url_param",
        (Algorithm::Hash(_), BalanceKey::Header { .. }) => "hdr",
        (Algorithm::Hash(_), BalanceKey::RdpCookie(_)) => "rdp-cookie",
        (Algorithm::Hash(_), BalanceKey::Expr(_)) => "hash",
    }
}

/// `backend/server`.
pub fn full_name(plan: &Plan, id: ServerId) -> String {
    let server = plan.server(id);
    format!("{}/{}", plan.proxy(server.backend).name, server.name)
}

/// The `addr` column: IPv6 in brackets, one word for all UNIX sockets.
fn shown_addr<'a>(addr: &Addr) -> Option<Cow<'a, str>> {
    match addr {
        Addr::Inet(SocketAddr::V4(a)) => Some(a.to_string().into()),
        Addr::Inet(SocketAddr::V6(a)) => Some(format!("[{}]:{}", a.ip(), a.port()).into()),
        Addr::Unix(_) | Addr::Abstract(_) => Some("unix".into()),
        Addr::Fd(_) => None,
    }
}

/// Whole seconds, as far as 32 bits go.
pub(crate) fn seconds(d: Duration) -> u32 {
    u32::try_from(d.as_secs()).unwrap_or(u32::MAX)
}

fn last_session(at_ns: u64, now: Instant) -> Option<u32> {
    (at_ns > 0).then(|| seconds(now.since(Instant::from_nanos(at_ns))))
}
