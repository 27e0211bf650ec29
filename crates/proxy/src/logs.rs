//! Log sinks of one shard.

use evenkeel_base::ProxyId;

use crate::world::World;

/// Where a shard's log lines go.
pub struct Logs {}

impl Logs {
    /// The sinks of the world's Plan.
    pub fn new(_world: &World) -> Self {
        Self {}
    }

    /// Sends a traffic line of a proxy to its targets.
    pub fn send(&self, _proxy: ProxyId, _level: u8, _line: &[u8], _sd: &[u8]) {}

    /// Sends what is still held.
    pub fn flush(&self) {}
}
