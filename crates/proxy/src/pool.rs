//! Idle server connections, per shard and server, last in first out: the warmest is taken first and the others age.

use evenkeel_base::Instant;
use evenkeel_sys::Sock;

/// Idle connections kept per server and shard where `pool-max-conn` says nothing: as many as the original keeps is "no
/// limit"; a bound protects the descriptors.
const IDLE_MAX: usize = 4096;

/// A connection to a server, in use or idle.
#[derive(Debug)]
pub struct ServerConn {
    /// The socket.
    pub sock: Sock,
    /// Exchanges done on it.
    pub uses: u32,
    /// Taken from the pool for the exchange under way: it may turn out to be stale.
    pub reused: bool,
    /// The server's generation when it was made: an older one must not be used again.
    pub generation: u32,
    /// Logged in for one client: never shared.
    pub private: bool,
    /// When it became idle.
    pub since: Instant,
}

/// The idle connections of one server.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Vec<ServerConn>,
    /// Sessions that the server lately had at once: more idle connections than that are of no use.
    peak: usize,
}

impl Pool {
    /// The warmest that is still quiet; those that are not are dropped. `proven` asks for one that was reused before.
    /// Also returns how many were dropped.
    pub(crate) fn take(&mut self, generation: u32, proven: bool) -> (Option<ServerConn>, u32) {
        let mut dropped = 0;
        while let Some(conn) = self.idle.pop() {
            if conn.generation != generation || !conn.sock.is_quiet() {
                dropped += 1;
                continue;
            }
            if proven && conn.uses < 2 {
                self.idle.push(conn);
                return (None, dropped);
            }
            return (Some(ServerConn { reused: true, ..conn }), dropped);
        }
        (None, dropped)
    }

    /// Keeps one. `false`: the pool is full and it was dropped.
    /// `used` sessions are on the server now; `low` idle ones are kept in any case.
    pub(crate) fn give(&mut self, conn: ServerConn, max: Option<u32>, used: u32, low: u32) -> bool {
        self.peak = self.peak.max(used as usize);
        let wanted = self.peak.max(low as usize);
        if self.idle.len() >= max.map_or(IDLE_MAX, |m| m as usize).min(wanted).min(IDLE_MAX) {
            return false;
        }
        self.idle.push(conn);
        true
    }

    /// Drops those that are older than `oldest`, closed by the server or of another generation; returns how many.
    pub(crate) fn sweep(&mut self, oldest: Instant, generation: u32) -> u32 {
        // Forgets an old peak within some seconds.
        self.peak -= self.peak / 4;
        let before = self.idle.len();
        self.idle.retain(|c| c.generation == generation && c.since >= oldest && c.sock.is_quiet());
        (before - self.idle.len()) as u32
    }

    /// True without any.
    pub(crate) fn is_empty(&self) -> bool {
        self.idle.is_empty()
    }
}
