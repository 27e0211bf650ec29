//! The control thread: checks, names, slow starts, and what servers' changes ask for: log lines, sessions to be cut.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_base::ServerId;
use evenkeel_sys::clock;

use crate::checks::{Checks, Word};
use crate::logs::Logs;
use crate::resolve;
use crate::runtime::Orders;
use crate::shard::Order;
use crate::world::{Admin, Change, World};

/// How often the end is looked for.
const END_LOOK: Duration = Duration::from_millis(50);
/// Slow starts advance in steps of at least a second.
const WARM_STEP: Duration = Duration::from_secs(1);

/// Runs until the world has ended.
pub fn run(world: Arc<World>, orders: Orders) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(|| {
            clock::refresh();
        })
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no event loop for the checks");
            return;
        }
    };
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, Control::start(world, orders).run());
    drop(local);
    // A name that is being asked for must not hold the end up.
    runtime.shutdown_background();
}

struct Control {
    world: Arc<World>,
    orders: Orders,
    logs: Logs,
}

impl Control {
    fn start(world: Arc<World>, orders: Orders) -> Self {
        let logs = Logs::new(&world);
        Self { world, orders, logs }
    }

    async fn run(self) {
        clock::refresh();
        let checks = Checks::start(&self.world);
        tokio::task::spawn_local(resolve::retry(self.world.clone()));
        tokio::task::spawn_local(warm(self.world.clone()));
        while !self.world.ended.load(Relaxed) {
            // Nobody tells of the end: looking for it is cheap.
            let _ = tokio::time::timeout(END_LOOK, self.world.changes_noted()).await;
            clock::refresh();
            self.heed(&checks);
        }
        self.heed(&checks);
    }

    /// Carries out what was noted.
    fn heed(&self, checks: &Checks) {
        let changes = self.world.take_changes();
        if changes.is_empty() {
            return;
        }
        for change in changes {
            self.carry_out(change, checks);
        }
        self.logs.flush();
    }

    fn carry_out(&self, change: Change, checks: &Checks) {
        match change {
            Change::Line { backend, level, text } => {
                // In the foreground the original tells the terminal too, always as a warning.
                tracing::warn!("{text}");
                self.logs.send(backend, level, text.as_bytes(), b"");
            }
            Change::Log { proxy, level, text } => self.logs.send(proxy, level, text.as_bytes(), b""),
            Change::NoServer(backend) => {
                let name = &self.world.plan.proxy(backend).name;
                let kind = if self.world.is_listen(backend) { "proxy" } else { "backend" };
                tracing::error!("{kind} '{name}' has no server available!");
                let (_, text) = evenkeel_health::log::no_server(name, self.world.is_listen(backend));
                self.logs.send(backend, LEVEL_EMERG, text.as_bytes(), b"");
            }
            Change::ShutSessions(server, why) => self.orders.all(|| Order::KillServer(server, why)),
            Change::Admin { server, from, to } => {
                let revived = from == Admin::Maint && to != Admin::Maint;
                tell_both(checks, server, if revived { Word::Revive } else { Word::Look });
            }
            Change::Checks(server) => tell_both(checks, server, Word::Look),
            Change::Revived(server) => tell_both(checks, server, Word::Revive),
            Change::Force { server, agent: false, to } => checks.tell(server, Word::Force(to)),
            Change::Force { server, agent: true, to } => checks.tell_agent(server, Word::Force(to)),
            Change::Faults(server, fault) => {
                let limit = self.world.plan.server(server).line.error_limit;
                checks.tell(server, Word::Faults(fault, limit));
            }
        }
    }
}

/// Syslog's gravest level.
const LEVEL_EMERG: u8 = 0;

fn tell_both(checks: &Checks, server: ServerId, word: Word) {
    checks.tell(server, word);
    checks.tell_agent(server, word);
}

/// Lets servers that came back take more and more (`slowstart`).
async fn warm(world: Arc<World>) {
    let slow: Vec<ServerId> =
        world.plan.servers.iter().filter(|s| s.line.slowstart.is_some()).map(|s| s.id).collect();
    if slow.is_empty() {
        return;
    }
    let mut every = tokio::time::interval(WARM_STEP);
    loop {
        every.tick().await;
        for id in slow.iter().filter(|id| world.server(**id).warming().is_some()) {
            world.warm(*id, clock::now());
            // It takes more than a moment ago, and nobody may end for long.
            world.serve_queue(world.plan.server(*id).backend);
        }
    }
}
