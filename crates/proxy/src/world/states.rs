//! How servers change: by their checks, by the operator, by their address. Each change is carried out whole (the balancer,
//! the queues, the servers that track this one) before the next, and leaves its log lines for the control thread.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{MutexGuard, PoisonError};

use evenkeel_balance::{EffectiveWeight, Weight, slow};
use evenkeel_base::{Instant, ProxyId, ServerId};
use evenkeel_expr::facts::Blame;
use evenkeel_health::log::{self, AdminChange, Circumstances, MaintReason};
use evenkeel_health::{Cause, Health as Found};
use evenkeel_plan::{Host, ProxyKind};
use evenkeel_sys::Addr;

use super::{Admin, Change, EffectiveAdmin, Health, NOT_BOOKED, Operation, World, lock};

/// Longest chain of servers that track one another; what lies behind it is not asked.
const TRACK_DEPTH_MAX: usize = 16;

impl Health {
    fn to_byte(self) -> u8 {
        match self {
            Health::Up => 0,
            Health::Stopping => 1,
            Health::Down => 2,
        }
    }

    fn from_byte(b: u8) -> Self {
        match b {
            1 => Health::Stopping,
            2 => Health::Down,
            _ => Health::Up,
        }
    }
}

impl From<Found> for Health {
    fn from(found: Found) -> Self {
        match found {
            Found::Up => Health::Up,
            Found::Stopping => Health::Stopping,
            Found::Down => Health::Down,
        }
    }
}

impl From<Health> for Found {
    fn from(health: Health) -> Self {
        match health {
            Health::Up => Found::Up,
            Health::Stopping => Found::Stopping,
            Health::Down => Found::Down,
        }
    }
}

/// The operator's word on a server, and the strictest on those that it tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stance {
    own: Admin,
    inherited: Admin,
}

impl Stance {
    fn effective(self) -> Admin {
        if self.own.to_byte() >= self.inherited.to_byte() { self.own } else { self.inherited }
    }
}

/// What bringing the balancer in line did.
#[derive(Clone, Copy, Debug, Default)]
struct Settled {
    /// Requests that were moved: from the server's queue to the backend's, or the other way.
    requeued: u32,
    /// The backend lost its last usable server.
    emptied: bool,
}

impl World {
    fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.turn)
    }

    // ---- the operator's word

    fn stance(&self, id: ServerId) -> Stance {
        let mut inherited = Admin::Ready;
        let mut next = self.plan.server(id).line.track;
        for _ in 0..TRACK_DEPTH_MAX {
            let Some(tracked) = next else { break };
            let there = self.server(tracked).admin();
            if there.to_byte() > inherited.to_byte() {
                inherited = there;
            }
            next = self.plan.server(tracked).line.track;
        }
        Stance { own: self.server(id).admin(), inherited }
    }

    /// The operator's word for a server: its own, or that of one that it tracks (the stricter).
    pub fn effective_admin(&self, id: ServerId) -> EffectiveAdmin {
        let stance = self.stance(id);
        let via = self.plan.server(id).line.track.filter(|_| stance.effective() != stance.own);
        EffectiveAdmin { admin: stance.effective(), via }
    }

    /// What a server does.
    pub fn operation(&self, id: ServerId) -> Operation {
        let live = self.server(id);
        if !live.resolved() || self.effective_admin(id).admin == Admin::Maint {
            return Operation::Stopped;
        }
        match live.health() {
            Health::Up => Operation::Running,
            Health::Stopping => Operation::Stopping,
            Health::Down => Operation::Stopped,
        }
    }

    /// The operator's word (`set server … state`, the stats page). True if it changed anything. Logs as the original
    /// does; servers that `track` this one follow.
    pub fn set_admin(&self, id: ServerId, admin: Admin, now: Instant) -> bool {
        let _turn = self.turn();
        if self.server(id).admin() == admin {
            return false;
        }
        let before: Vec<(ServerId, Stance)> =
            self.with_followers(id).into_iter().map(|s| (s, self.stance(s))).collect();
        self.server(id).admin.store(admin.to_byte(), Relaxed);
        for (server, stance) in before {
            self.admin_changed(server, stance, now);
        }
        true
    }

    /// A server and those that track it, each after the one that it tracks.
    fn with_followers(&self, id: ServerId) -> Vec<ServerId> {
        let mut all = vec![id];
        let mut at = 0;
        while let Some(tracked) = all.get(at).copied() {
            let new = self.plan.servers.iter().filter(|s| s.line.track == Some(tracked)).map(|s| s.id);
            let new: Vec<ServerId> = new.filter(|s| !all.contains(s)).collect();
            all.extend(new);
            at += 1;
        }
        all
    }

    /// Carries out a change of the operator's word for one server.
    fn admin_changed(&self, id: ServerId, before: Stance, now: Instant) {
        let after = self.stance(id);
        if before == after {
            return;
        }
        let (from, to) = (before.effective(), after.effective());
        let (server, live) = (self.plan.server(id), self.server(id));
        let health = live.health();
        if from == Admin::Maint && to != Admin::Maint {
            self.restart_health(id);
        }
        let settled = if from == to { Settled::default() } else { self.settle(id, now) };
        let up = live.health() != Health::Down;
        let stay_drain = AdminChange::StayDrain { forced: after.own == Admin::Drain };
        let (first, second) = match (from, to) {
            (Admin::Ready, Admin::Ready) => (None, None),
            (Admin::Ready | Admin::Drain, Admin::Maint) => {
                let drained = from == Admin::Drain;
                (Some(AdminChange::EnterMaint { from: health.into(), drained }), None)
            }
            (Admin::Maint, Admin::Maint) => match (before.own, after.own) {
                (Admin::Maint, Admin::Ready | Admin::Drain) => {
                    (Some(AdminChange::StayMaint { forced: false }), None)
                }
                (Admin::Maint, Admin::Maint) if after.inherited != Admin::Maint => {
                    (Some(AdminChange::StayMaint { forced: true }), None)
                }
                (Admin::Ready | Admin::Drain | Admin::Maint, _) => (None, None),
            },
            (Admin::Maint, Admin::Ready | Admin::Drain) => {
                let reason =
                    if before.own == Admin::Maint { MaintReason::Forced } else { MaintReason::Inherited };
                let drained = to == Admin::Drain;
                (Some(AdminChange::LeaveMaint { up, drained, reason }), drained.then_some(stay_drain))
            }
            (Admin::Ready, Admin::Drain) => (Some(AdminChange::EnterDrain { up }), None),
            (Admin::Drain, Admin::Drain) => (Some(stay_drain), None),
            (Admin::Drain, Admin::Ready) => (Some(AdminChange::LeaveDrain { up }), None),
        };
        // A server without an address is in maintenance for that alone: nothing changes.
        let told = first.into_iter().chain(second).filter(|_| live.resolved());
        for change in told {
            // A word on the server itself is not by way of another one, but for what the other's word keeps up.
            let by_other = before.own == after.own
                || matches!(
                    change,
                    AdminChange::StayMaint { forced: false } | AdminChange::StayDrain { forced: false }
                );
            let via = self.tracked_name(id).filter(|_| by_other);
            let line = log::admin(self.names(id), change, via.as_deref(), self.farm(id, settled.requeued));
            self.note_line(server.backend, line);
        }
        self.tell_of_emptiness(server.backend, settled);
        if from != to {
            self.note(Change::Admin { server: id, from, to });
        }
        if to == Admin::Maint {
            self.marked_down(id);
        }
    }

    /// Out of maintenance a server is up until its checks say otherwise; a follower is what the other one is.
    fn restart_health(&self, id: ServerId) {
        let live = self.server(id);
        let health = self.plan.server(id).line.track.map_or(Health::Up, |t| self.server(t).health());
        live.agent_down.store(false, Relaxed);
        live.check_health.store(health.to_byte(), Relaxed);
        live.health.store(health.to_byte(), Relaxed);
    }

    // ---- health

    /// The health check's word. True if it changed the server. Servers that `track` this one follow.
    pub fn set_health(&self, id: ServerId, health: Health, cause: &Cause, now: Instant) -> bool {
        let _turn = self.turn();
        self.server(id).check_health.store(health.to_byte(), Relaxed);
        self.weigh_health(id, cause, now)
    }

    /// The agent's word, which can only make things worse.
    pub fn set_agent(&self, id: ServerId, down: bool, cause: &Cause, now: Instant) -> bool {
        let _turn = self.turn();
        self.server(id).agent_down.store(down, Relaxed);
        self.weigh_health(id, cause, now)
    }

    /// The operator's word on a server's health (`set server … health`, or `agent`): to its check, which answers with
    /// the change; where it has none, at once.
    pub fn force_health(&self, id: ServerId, health: Health, agent: bool, now: Instant) {
        let line = &self.plan.server(id).line;
        if if agent { line.agent.is_some() } else { line.check } {
            self.note(Change::Force { server: id, agent, to: health });
        } else if agent {
            self.set_agent(id, health == Health::Down, &Cause::Cli, now);
        } else {
            self.set_health(id, health, &Cause::Cli, now);
        }
    }

    /// `enable health`, `disable health`, and the same for the agent.
    pub fn enable_check(&self, id: ServerId, agent: bool, enabled: bool) {
        let live = self.server(id);
        if agent {
            live.agent_enabled.store(enabled, Relaxed);
        } else {
            live.check_enabled.store(enabled, Relaxed);
        }
        self.note(Change::Checks(id));
    }

    fn weigh_health(&self, id: ServerId, cause: &Cause, now: Instant) -> bool {
        let live = self.server(id);
        if !live.resolved() || self.effective_admin(id).admin == Admin::Maint {
            // A check that ended as maintenance began: it begins anew after it.
            return false;
        }
        let health = match live.agent_down.load(Relaxed) {
            true => Health::Down,
            false => Health::from_byte(live.check_health.load(Relaxed)),
        };
        self.health_changed(id, health, cause, false, now)
    }

    /// Carries out a change of health for one server and for those that track it.
    fn health_changed(&self, id: ServerId, to: Health, cause: &Cause, follows: bool, now: Instant) -> bool {
        let (server, live) = (self.plan.server(id), self.server(id));
        let from = Health::from_byte(live.health.swap(to.to_byte(), Relaxed));
        if from == to {
            return false;
        }
        let settled = self.settle(id, now);
        let stance = self.stance(id);
        if stance.effective() != Admin::Maint {
            let drained = stance.effective() == Admin::Drain;
            let via = self.tracked_name(id);
            let around = Circumstances {
                via: via.as_deref().filter(|_| follows),
                reason_told: self.logs_checks(server.backend),
                drained,
                farm: self.farm(id, settled.requeued),
            };
            let change = evenkeel_health::Change { from: from.into(), to: to.into(), cause: cause.clone() };
            self.note_line(server.backend, log::changed(self.names(id), &change, &around));
            if drained {
                let stay = AdminChange::StayDrain { forced: stance.own == Admin::Drain };
                self.note_line(server.backend, log::admin(self.names(id), stay, via.as_deref(), around.farm));
            }
            self.tell_of_emptiness(server.backend, settled);
            match to {
                Health::Down => self.marked_down(id),
                Health::Up => self.marked_up(id),
                Health::Stopping => {}
            }
        }
        for follower in self.plan.servers.iter().filter(|s| s.line.track == Some(id)) {
            self.health_changed(follower.id, to, cause, true, now);
        }
        true
    }

    /// `option log-health-checks`.
    pub(crate) fn logs_checks(&self, backend: ProxyId) -> bool {
        let proxy = self.plan.proxy(backend);
        proxy.log.health_checks || proxy.back.as_ref().is_some_and(|b| b.log_health_checks)
    }

    /// The operator cuts a server's sessions.
    pub fn shut_sessions(&self, id: ServerId) {
        self.note(Change::ShutSessions(id, Blame::Killed));
    }

    /// `on-marked-down shutdown-sessions`.
    fn marked_down(&self, id: ServerId) {
        if self.plan.server(id).line.shutdown_sessions_on_down {
            self.note(Change::ShutSessions(id, Blame::Down));
        }
    }

    /// `on-marked-up shutdown-backup-sessions`: only a server that may take over does that.
    fn marked_up(&self, id: ServerId) {
        let server = self.plan.server(id);
        if !server.line.shutdown_backups_on_up || server.line.backup || !self.server(id).usable() {
            return;
        }
        let Some(back) = self.plan.back(server.backend) else { return };
        for backup in back.servers.iter().filter(|s| self.plan.server(**s).line.backup) {
            self.note(Change::ShutSessions(*backup, Blame::Up));
        }
    }

    // ---- weight and address

    /// The operator's weight, 0..=256.
    pub fn set_weight(&self, id: ServerId, weight: Weight, now: Instant) {
        let _turn = self.turn();
        self.server(id).weight.store(weight.get(), Relaxed);
        let settled = self.settle(id, now);
        self.tell_of_emptiness(self.plan.server(id).backend, settled);
    }

    /// The agent's weight in percent of the operator's.
    pub fn set_agent_percent(&self, id: ServerId, percent: u32, now: Instant) {
        let _turn = self.turn();
        self.server(id).agent_percent.store(percent.min(25_600), Relaxed);
        let settled = self.settle(id, now);
        self.tell_of_emptiness(self.plan.server(id).backend, settled);
    }

    /// Moves a server (`set server … addr`). Idle connections to the old place are dropped.
    pub fn set_addr(&self, id: ServerId, addr: Option<Addr>, now: Instant) {
        let _turn = self.turn();
        let live = self.server(id);
        if !live.resolved() {
            // Its first address: it comes as at the start, not as after a failure.
            live.booked.store(NOT_BOOKED, Relaxed);
        }
        self.move_to(id, addr, now);
    }

    /// A name that was not known when the process started is known now.
    pub fn set_resolved(&self, id: ServerId, addr: Addr, now: Instant) {
        let _turn = self.turn();
        let (server, live) = (self.plan.server(id), self.server(id));
        let was_known = live.resolved();
        self.restart_health(id);
        self.move_to(id, Some(addr), now);
        self.note(Change::Revived(id));
        let admin = self.effective_admin(id).admin;
        if let Host::Name { name, .. } = &server.addr.host
            && !was_known
            && admin != Admin::Maint
        {
            let reason = MaintReason::Unresolved(name);
            let up = live.health() != Health::Down;
            let change = AdminChange::LeaveMaint { up, drained: admin == Admin::Drain, reason };
            let line = log::admin(self.names(id), change, None, self.farm(id, 0));
            self.note_line(server.backend, line);
        }
    }

    fn move_to(&self, id: ServerId, addr: Option<Addr>, now: Instant) {
        let live = self.server(id);
        live.resolved.store(addr.is_some(), Relaxed);
        *live.addr.write().unwrap_or_else(PoisonError::into_inner) = addr;
        live.generation.fetch_add(1, Relaxed);
        self.settle(id, now);
        self.note(Change::Checks(id));
    }

    /// Works a server's `slowstart` out anew. False once it is over.
    pub fn warm(&self, id: ServerId, now: Instant) -> bool {
        let _turn = self.turn();
        self.settle(id, now);
        self.server(id).warming().is_some()
    }

    // ---- words for the logs

    /// A server's names, for log lines.
    pub fn names(&self, id: ServerId) -> log::Names<'_> {
        let server = self.plan.server(id);
        log::Names {
            backend: &self.plan.proxy(server.backend).name,
            server: &server.name,
            is_backup: server.line.backup,
        }
    }

    /// `backend/server` of the server that this one tracks.
    fn tracked_name(&self, id: ServerId) -> Option<String> {
        let names = self.names(self.plan.server(id).line.track?);
        Some(format!("{}/{}", names.backend, names.server))
    }

    /// A server's surroundings, for log lines.
    fn farm(&self, id: ServerId, requeued: u32) -> log::Farm {
        let backend = self.plan.server(id).backend;
        let counts = self.balancer(backend).map(|b| b.counts()).unwrap_or_default();
        let queued = lock(&self.proxy(backend).queue).ahead(None);
        log::Farm {
            active: counts.active,
            backup: counts.backup,
            sessions: self.server(id).sessions.now(),
            requeued,
            queued,
        }
    }

    /// Notes a line for a backend's logs.
    pub fn note_line(&self, backend: ProxyId, (severity, text): (log::Severity, String)) {
        let level = match severity {
            log::Severity::Emergency => 0,
            log::Severity::Alert => 1,
            log::Severity::Notice => 5,
        };
        self.note(Change::Line { backend, level, text });
    }

    fn tell_of_emptiness(&self, backend: ProxyId, settled: Settled) {
        if settled.emptied {
            self.note(Change::NoServer(backend));
        }
    }

    /// `backend` or `proxy`, as the original calls a section when its last server goes.
    pub(crate) fn is_listen(&self, backend: ProxyId) -> bool {
        self.plan.proxy(backend).kind == ProxyKind::Listen
    }

    // ---- the balancer

    /// The weight that balances: less than the whole in `slowstart`.
    fn effective_weight(&self, id: ServerId, up: bool, first: bool, now: Instant) -> EffectiveWeight {
        let (live, line) = (self.server(id), &self.plan.server(id).line);
        let weight = Weight::new(u32::from(live.weight())).unwrap_or_default();
        let Some(slowstart) = line.slowstart.filter(|d| !d.is_zero()) else {
            return EffectiveWeight::full(weight);
        };
        if !up {
            live.warming.store(0, Relaxed);
        } else if !live.usable() && !first && live.warming().is_none() {
            live.warming.store(now.as_nanos().max(1), Relaxed);
        }
        match live.warming() {
            Some(since) if slow::is_starting(now.since(since), slowstart) => {
                slow::weight(weight, now.since(since), slowstart)
            }
            Some(_) => {
                live.warming.store(0, Relaxed);
                EffectiveWeight::full(weight)
            }
            None => EffectiveWeight::full(weight),
        }
    }

    /// A server's first settling, before anything runs.
    pub(super) fn seat(&self, id: ServerId, now: Instant) {
        self.settle(id, now);
    }

    /// Brings the balancer in line with a server's state, and wakes who waits for one.
    fn settle(&self, id: ServerId, now: Instant) -> Settled {
        let Some(server) = self.plan.servers.get(id.index()) else { return Settled::default() };
        let live = self.server(id);
        let effective = self.effective_admin(id);
        let operation = self.operation(id);
        let first = live.booked.load(Relaxed) == NOT_BOOKED;
        live.book(effective, operation, now);
        let up = operation == Operation::Running && effective.admin == Admin::Ready;
        let weight = self.effective_weight(id, up, first, now);
        let usable = up && weight.get() > 0;
        let came = usable && !live.usable.swap(usable, Relaxed);
        live.usable.store(usable, Relaxed);
        let proxy = self.proxy(server.backend);
        let Some(mut balancer) = self.balancer(server.backend) else { return Settled::default() };
        balancer.set_weight(server.slot as usize, weight);
        balancer.set_usable(server.slot as usize, up);
        let count = balancer.usable_count();
        drop(balancer);
        let before = proxy.usable_servers.swap(count, Relaxed);
        if (before == 0) != (count == 0) {
            let since = Instant::from_nanos(proxy.changed.swap(now.as_nanos(), Relaxed));
            if count == 0 {
                proxy.downs.fetch_add(1, Relaxed);
            } else {
                proxy.downtime_ms.fetch_add(now.since(since).as_millis() as u64, Relaxed);
            }
        }
        live.shut.store(operation == Operation::Stopped, Relaxed);
        let mut requeued = 0;
        if operation == Operation::Stopped {
            live.generation.fetch_add(1, Relaxed);
            requeued = lock(&proxy.queue).requeue(id);
        }
        if came {
            requeued += lock(&proxy.queue).wake_all();
        }
        Settled { requeued, emptied: before > 0 && count == 0 }
    }
}
