//! What the commands know of the process beside the proxy's own state: its stats sockets, its limits, its use of memory
//! and processor.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_plan::StatsSocket;
use evenkeel_proxy::world::World;
use evenkeel_sys::{clock, machine, process};

/// The process as the commands see it.
#[derive(Debug)]
pub struct Desk {
    /// The stats sockets that are served.
    pub sockets: Vec<StatsSocket>,
    /// The `maxconn` that the process started with: `set maxconn global` may not pass it.
    pub maxconn_hard: u32,
    /// Connections to the stats sockets: now, and so far.
    pub connections: AtomicU32,
    /// See `connections`.
    pub connections_total: AtomicU64,
    /// Percentage of the last second that shards spent waiting.
    pub idle_percent: AtomicU32,
    /// Bytes sent to clients in the last second.
    pub bytes_out_rate: AtomicU64,
    /// Opened before the root directory changes.
    statm: Option<File>,
    before: Mutex<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    cpu: Duration,
    bytes_out: u64,
}

impl Desk {
    /// For a process that is about to serve these sockets.
    pub fn new(sockets: Vec<StatsSocket>, world: &World) -> Self {
        Self {
            sockets,
            maxconn_hard: world.maxconn.load(Relaxed),
            connections: AtomicU32::new(0),
            connections_total: AtomicU64::new(0),
            idle_percent: AtomicU32::new(100),
            bytes_out_rate: AtomicU64::new(0),
            statm: File::open("/proc/self/statm").ok(),
            before: Mutex::new(Sample { at: clock::now(), cpu: clock::process_cpu(), bytes_out: 0 }),
        }
    }

    /// Takes a reading; called about once per second.
    pub fn sample(&self, world: &World) {
        let now = Sample { at: clock::now(), cpu: clock::process_cpu(), bytes_out: bytes_out(world) };
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let passed_ms = now.at.since(before.at).as_millis().max(1) as u64;
        let busy_ms = now.cpu.saturating_sub(before.cpu).as_millis() as u64;
        let shards = world.shards.len().max(1) as u64;
        let busy = (busy_ms * 100 / (passed_ms * shards)).min(100);
        self.idle_percent.store(100 - busy as u32, Relaxed);
        self.bytes_out_rate
            .store((now.bytes_out - before.bytes_out.min(now.bytes_out)) * 1000 / passed_ms, Relaxed);
        *before = now;
    }

    /// Bytes of memory that are this process's own; 0 where the system doesn't tell.
    pub fn memory(&self) -> u64 {
        let mut text = [0; 128];
        let read = self.statm.as_ref().and_then(|f| f.read_at(&mut text, 0).ok()).unwrap_or(0);
        let text = String::from_utf8_lossy(text.get(..read).unwrap_or_default()).into_owned();
        // proc(5): size, resident, shared, … in pages.
        let pages: Vec<u64> = text.split(' ').map_while(|n| n.parse().ok()).collect();
        match pages.as_slice() {
            [_, resident, shared, ..] => resident.saturating_sub(*shared) * machine::page_size() as u64,
            _ => 0,
        }
    }

    /// The limit of file descriptors.
    pub fn descriptors_max(&self) -> u32 {
        process::nofile().0.map_or(u32::MAX, |n| u32::try_from(n).unwrap_or(u32::MAX))
    }
}

/// Bytes sent to clients since the start.
pub fn bytes_out(world: &World) -> u64 {
    world.sum(|shard| shard.fronts.iter().map(|f| f.bout.get()).sum())
}
