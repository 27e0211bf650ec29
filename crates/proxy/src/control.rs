//! The control thread: checks, names, servers' log lines.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::runtime::Orders;
use crate::world::World;

/// Runs until the world has ended.
pub fn run(world: Arc<World>, _orders: Orders) {
    while !world.ended.load(Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
        world.take_changes();
    }
}
