//! What `show info` tells of the process.

use std::sync::atomic::Ordering::Relaxed;

use evenkeel_base::{Instant, version};
use evenkeel_proxy::world::World;
use evenkeel_stats::info::Info;

use crate::desk::{self, Desk};
use crate::rows;

/// The process now.
pub fn gather(world: &World, desk: &Desk, now: Instant) -> Info {
    let low = |n: u64| u32::try_from(n & u64::from(u32::MAX)).unwrap_or(0);
    let cli = desk.connections.load(Relaxed);
    let memory = desk.memory();
    let descriptors = desk.descriptors_max();
    let open = |id: evenkeel_base::ProxyId| world.proxy(id).listening.load(Relaxed) == rows::OPEN;
    let listeners = world
        .plan
        .listeners
        .iter()
        .filter(|l| !world.plan.proxy(l.frontend).disabled && open(l.frontend))
        .count() as u32;
    let listeners = if world.stopping.load(Relaxed) { 0 } else { listeners + desk.sockets.len() as u32 };
    let sessions = world.connections.now();
    Info {
        // Tools look for this name.
        name: "HAProxy".into(),
        version: version::FULL.into(),
        release_date: version::DATE.into(),
        threads: world.shards.len() as u32,
        pid: world.pid,
        uptime: now.since(world.started),
        started: world.started_wall,
        pool_allocated: memory,
        pool_used: memory,
        ulimit_n: descriptors,
        maxsock: descriptors,
        maxconn: world.maxconn.load(Relaxed),
        hard_maxconn: desk.maxconn_hard,
        connections: sessions,
        connections_total: low(world.connections_total.load(Relaxed) + desk.connections_total.load(Relaxed)),
        // A conversation with a stats socket counts as one.
        requests_total: low(world.requests_total.load(Relaxed) + desk.connections_total.load(Relaxed)),
        maxpipes: world.plan.global.maxpipes,
        connection_rate: world.connection_rate.per_second(now),
        connection_rate_limit: world.maxconnrate.load(Relaxed),
        connection_rate_max: world.connection_rate.max(),
        session_rate: world.session_rate.per_second(now),
        session_rate_limit: world.maxsessrate.load(Relaxed),
        session_rate_max: world.session_rate.max(),
        // A task per connection and listener; what waits to run is not counted by the runtime.
        tasks: sessions + listeners + cli,
        idle_percent: desk.idle_percent.load(Relaxed),
        node: world.plan.global.node.clone().unwrap_or_else(|| world.hostname.clone()),
        description: world.plan.global.description.clone(),
        stopping: world.stopping.load(Relaxed),
        jobs: sessions + listeners + cli,
        listeners,
        dropped_logs: low(world.dropped_logs.load(Relaxed)),
        failed_resolutions: world.servers.iter().filter(|s| !s.resolved()).count() as u32,
        bytes_out: desk::bytes_out(world),
        bytes_out_rate: desk.bytes_out_rate.load(Relaxed),
        streams: sessions,
        streams_total: world.requests_total.load(Relaxed),
        ..Info::default()
    }
}
