//! How many connections and open files the process gets. Pure: the system's limits come in as numbers.

use evenkeel_plan::Plan;

/// Descriptors that any run has: standard streams, configuration, pid file, log sockets, room for a command's files.
const FDS_FIXED: u64 = 16;

/// Descriptors per shard besides its listeners: the poller, its waker, log sockets, a name lookup.
const FDS_PER_SHARD: u64 = 6;

/// Descriptors of a connection: the client's side and the server's.
const FDS_PER_CONNECTION: u64 = 2;

/// Descriptors of a pipe for splicing.
const FDS_PER_PIPE: u64 = 2;

/// Most descriptors that the computed `maxconn` makes use of, however high the system's limit is (the original's default
/// for `fd-hard-limit`): tables grow with it.
const FDS_AUTO_MAX: u64 = 1 << 20;

/// Bytes that a busy connection takes besides its two buffers.
const CONNECTION_BYTES: u64 = 4096;

/// What the limits come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wants {
    /// `maxconn` of the command line or the file.
    pub(crate) maxconn: Option<u32>,
    /// `ulimit-n`.
    pub(crate) ulimit_n: Option<u64>,
    /// `-m`, bytes.
    pub(crate) memory: Option<u64>,
    /// Two buffers of a connection, bytes.
    pub(crate) buffers: u64,
    /// Descriptors besides connections.
    pub(crate) overhead: u64,
    /// The system's hard limit on open files; `None` is none.
    pub(crate) hard: Option<u64>,
}

/// What they come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most connections of the process.
    pub(crate) maxconn: u32,
    /// Open files to ask the system for.
    pub(crate) nofile: u64,
    /// True if `maxconn` was computed here.
    pub(crate) computed: bool,
}

/// The descriptors that a Plan needs besides connections, with so many shards.
pub(crate) fn overhead(plan: &Plan, shards: u64) -> u64 {
    let listeners = plan.listeners.len() as u64 * shards;
    let sockets = plan.global.stats_sockets.len() as u64;
    let operators = if sockets > 0 { u64::from(plan.global.stats_maxconn) } else { 0 };
    let checks = plan.servers.iter().filter(|server| server.line.check).count() as u64;
    let pipes = u64::from(plan.global.maxpipes) * FDS_PER_PIPE;
    FDS_FIXED + shards * FDS_PER_SHARD + listeners + sockets + operators + checks + pipes
}

/// The limits. An explicit `maxconn` is kept, and the files it needs are asked for; without one it is what the files allow
/// (management manual §5).
pub(crate) fn limits(wants: &Wants) -> Limits {
    if let Some(maxconn) = wants.maxconn {
        let needed = u64::from(maxconn) * FDS_PER_CONNECTION + wants.overhead;
        return Limits { maxconn, nofile: wants.ulimit_n.unwrap_or(needed), computed: false };
    }
    let files = wants.ulimit_n.or(wants.hard).unwrap_or(FDS_AUTO_MAX).min(FDS_AUTO_MAX);
    let by_files = files.saturating_sub(wants.overhead) / FDS_PER_CONNECTION;
    let by_memory = wants.memory.map_or(u64::MAX, |bytes| bytes / (wants.buffers + CONNECTION_BYTES));
    // One connection at least: a process that accepts none would look alive and be dead.
    let maxconn = by_files.min(by_memory).clamp(1, u64::from(u32::MAX)) as u32;
    Limits { maxconn, nofile: files, computed: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_what_is_given() {
        let base = Wants {
            maxconn: None,
            ulimit_n: None,
            memory: None,
            buffers: 32_768,
            overhead: 18,
            hard: Some(20_000),
        };
        for (wants, want) in [
            (base, (9_991, 20_000)),
            (Wants { hard: None, ..base }, (524_279, 1 << 20)),
            (Wants { hard: Some(1 << 30), ..base }, (524_279, 1 << 20)),
            (Wants { maxconn: Some(4_000), ..base }, (4_000, 8_018)),
            (Wants { maxconn: Some(4_000), ulimit_n: Some(5_000), ..base }, (4_000, 5_000)),
            (Wants { ulimit_n: Some(1_018), ..base }, (500, 1_018)),
            (Wants { memory: Some(36_864 * 10), ..base }, (10, 20_000)),
            (Wants { maxconn: Some(100), memory: Some(1), ..base }, (100, 218)),
            (Wants { hard: Some(10), ..base }, (1, 10)),
        ] {
            let got = limits(&wants);
            assert_eq!((got.maxconn, got.nofile), want, "{wants:?}");
            assert_eq!(got.computed, wants.maxconn.is_none());
        }
    }
}
