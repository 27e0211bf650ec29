//! Thousands of seeded worlds: loss, delay, reordering, doubled packets, partitions, pauses, clock steps, kills, restarts,
//! through the real codec on virtual time. Two properties hold in each: once a partition is quiet it has one master, and
//! nothing that the RFC does not ask for happens on the way.
//!
//! `EVENKEEL_SIM_SEED=n` replays one world and prints what happens in it; `EVENKEEL_SIM_SEEDS=n` runs so many.

mod plot;
mod world;

use std::env;

const SEEDS: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn no_world_ends_with_two_masters_or_none() {
    if let Some(seed) = number("EVENKEEL_SIM_SEED") {
        let played = plot::play(seed, true);
        #[expect(clippy::print_stdout, reason = "a replay is for reading")]
        {
            println!("{}", played.log.join("\n"));
            println!("{} events", played.events);
        }
        assert!(played.breaches.is_empty(), "seed {seed}: {:#?}", played.breaches);
        return;
    }
    let seeds = number("EVENKEEL_SIM_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u64);
    let bad: Vec<(u64, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let seeds = (0..seeds).filter(move |seed| seed % threads == thread);
                    seeds
                        .map(|seed| (seed, plot::play(seed, false).breaches))
                        .filter(|(_, breaches)| !breaches.is_empty())
                        .take(3)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a world panicked")).collect()
    });
    if let Some((seed, breaches)) = bad.first() {
        panic!(
            "{} of {seeds} worlds went wrong; the first is seed {seed}: {breaches:#?}\nreplay it: \
             EVENKEEL_SIM_SEED={seed} cargo test -p evenkeel-vrrp --test sim -- --nocapture",
            bad.len()
        );
    }
}
