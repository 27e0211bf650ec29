//! Two sessions on a line of virtual time, with delay, loss and cuts: any seed can be run again.

use std::collections::BTreeMap;
use std::num::NonZeroU8;

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};
use evenkeel_bfd::{BfdConf, HopCheck, Input, Output, Role, Session};
use evenkeel_wire::bfd::{Control, State};

const SEEDS: u64 = 300;
const STEPS_MAX: u32 = 200_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A packet on its way: to whom, its bytes.
type Flight = (usize, [u8; evenkeel_wire::bfd::LEN]);

struct World {
    now: Instant,
    nodes: [Session; 2],
    flights: BTreeMap<(Instant, u64), Flight>,
    counter: u64,
    rng: Rng,
    /// Packets of a hundred that are lost, by sender.
    loss: [u32; 2],
    /// The longest time on the way.
    delay: Duration,
    /// When each side sent last, for the distance between packets.
    gaps: [Vec<Duration>; 2],
    last: [Option<Instant>; 2],
    changes: [Vec<(Instant, State)>; 2],
}

impl World {
    fn new(seed: u64, confs: [BfdConf; 2]) -> Self {
        let [a, b] = confs;
        let now = Instant::from_millis(1);
        Self {
            now,
            nodes: [Session::new(a, seed, now), Session::new(b, seed ^ 0xb, now)],
            flights: BTreeMap::new(),
            counter: 0,
            rng: Rng::new(seed ^ 0xdead),
            loss: [0, 0],
            delay: ms(1),
            gaps: [Vec::new(), Vec::new()],
            last: [None, None],
            changes: [Vec::new(), Vec::new()],
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..STEPS_MAX {
            self.carry_out();
            let flight = self.flights.first_key_value().map(|((at, _), _)| *at);
            let deadlines = self.nodes.iter().filter_map(|node| node.deadline()).map(|deadline| deadline.at);
            let Some(next) = deadlines.chain(flight).min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            // A shorter interval may make a packet due at once.
            let next = next.max(self.now);
            self.now = next;
            if flight.is_some_and(|at| at <= next) {
                let (_, (to, bytes)) = self.flights.pop_first().expect("it is the next");
                let packet = Control::parse(&bytes);
                let input = Input::Packet { packet: packet.as_ref().map_err(|e| *e), ttl: Some(255) };
                self.nodes[to].handle(input, next);
            }
            for node in &mut self.nodes {
                if node.deadline().is_some_and(|deadline| deadline.at <= next) {
                    node.on_deadline(next);
                }
            }
        }
        panic!("more than {STEPS_MAX} steps: somebody does not rest");
    }

    fn carry_out(&mut self) {
        for from in 0..2 {
            while let Some(output) = self.nodes[from].poll() {
                match output {
                    Output::Changed(change) => self.changes[from].push((self.now, change.to)),
                    Output::Send(control) => {
                        if !control.is_final {
                            if let Some(last) = self.last[from] {
                                self.gaps[from].push(self.now.since(last));
                            }
                            self.last[from] = Some(self.now);
                        }
                        if self.rng.below(100) < self.loss[from] {
                            continue;
                        }
                        let delay = Duration::from_micros(u64::from(
                            self.rng.below(self.delay.as_micros() as u32 + 1),
                        ));
                        self.counter += 1;
                        self.flights.insert((self.now + delay, self.counter), (1 - from, control.to_bytes()));
                    }
                }
            }
        }
    }

    fn states(&self) -> [State; 2] {
        [0, 1].map(|n: usize| self.nodes[n].view().state)
    }
}

fn any_conf(rng: &mut Rng) -> BfdConf {
    BfdConf {
        neighbor: [192, 0, 2, 2].into(),
        min_tx: ms(10 + u64::from(rng.below(200))),
        min_rx: ms(10 + u64::from(rng.below(200))),
        idle_tx: ms(500 + u64::from(rng.below(1500))),
        multiplier: NonZeroU8::new(2 + rng.below(5) as u8).expect("not zero"),
        role: Role::Active,
        hops: HopCheck { ttl: 255, max_hops: 0 },
    }
}

fn confs(seed: u64) -> [BfdConf; 2] {
    let mut rng = Rng::new(seed);
    let [mut a, mut b] = [any_conf(&mut rng), any_conf(&mut rng)];
    match rng.below(4) {
        0 => a.role = Role::Passive,
        1 => b.role = Role::Passive,
        _ => {}
    }
    [a, b]
}

#[test]
fn neighbours_meet_and_stay_together() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, confs(seed));
        world.run_for(ms(6_000));
        assert_eq!(world.states(), [State::Up, State::Up], "seed {seed}");
        let views = [0, 1].map(|n: usize| world.nodes[n].view());
        // Each knows the other's number, and timers are settled (RFC 5880 §6.8.2, §6.8.4).
        assert_eq!(views[0].local_discriminator, views[1].remote_discriminator, "seed {seed}");
        let [a, b] = confs(seed);
        for (own, other, view) in [(&a, &b, views[0]), (&b, &a, views[1])] {
            assert_eq!(view.interval, Some(own.min_tx.max(other.min_rx)), "seed {seed}");
            let detection = own.min_rx.max(other.min_tx) * u32::from(other.multiplier.get());
            assert_eq!(view.detection, Some(detection), "seed {seed}");
            assert!(!view.polling, "seed {seed}");
        }
        // From here on packets keep their distance, and nothing changes any more.
        let before = [0, 1].map(|n: usize| (world.gaps[n].len(), world.changes[n].len()));
        world.run_for(ms(20_000));
        for n in 0..2 {
            let interval = views[n].interval.expect("both speak");
            let gaps = &world.gaps[n][before[n].0 + 1..];
            assert!(gaps.len() > 50, "seed {seed}");
            assert!(
                gaps.iter().all(|gap| *gap <= interval && *gap >= interval * 3 / 4),
                "seed {seed}: {gaps:?}"
            );
            assert_eq!(world.changes[n].len(), before[n].1, "seed {seed}");
        }
    }
}

#[test]
fn a_cut_line_is_noticed_in_time_and_mended() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, confs(seed));
        world.run_for(ms(6_000));
        let detection = [0, 1].map(|n: usize| world.nodes[n].view().detection.expect("both hear"));
        world.loss = [100, 100];
        let cut = world.now;
        world.run_for(ms(3_000));
        for (n, detection) in detection.iter().enumerate() {
            let (at, state) = *world.changes[n].last().expect("it went down");
            assert_eq!(state, State::Down, "seed {seed}");
            // What was on its way still counts.
            assert!(at.since(cut) <= *detection + world.delay, "seed {seed}");
            assert_eq!(world.nodes[n].view().counters.downs, 1, "seed {seed}");
        }
        world.loss = [0, 0];
        world.run_for(ms(6_000));
        assert_eq!(world.states(), [State::Up, State::Up], "seed {seed}");
    }
}

#[test]
fn one_deaf_side_brings_both_down() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed, confs(seed));
        world.run_for(ms(6_000));
        // The first node is not heard any more, the second is.
        world.loss = [100, 0];
        let mut patience = world.nodes[1].view().detection.expect("it hears") + world.delay * 2;
        if world.nodes[1].conf().role == Role::Passive {
            // It says nothing to whom it does not hear, so the first one waits in its turn.
            patience += world.nodes[0].view().detection.expect("it hears");
        }
        let cut = world.now;
        world.run_for(ms(5_000));
        let downs = [0, 1].map(|n: usize| {
            let mut after = world.changes[n].iter().filter(|(at, state)| *at >= cut && *state == State::Down);
            after.next().unwrap_or_else(|| panic!("seed {seed}: node {n} did not notice")).0
        });
        assert!(downs[0].since(cut) <= patience, "seed {seed}: it is told");
        assert!(!world.states().contains(&State::Up), "seed {seed}: {:?}", world.states());
    }
}

#[test]
fn loss_within_the_multiplier_is_borne() {
    let mut flapped = 0;
    for seed in 0..SEEDS {
        let strong = |conf: BfdConf| BfdConf { multiplier: NonZeroU8::new(20).expect("not zero"), ..conf };
        let [a, b] = confs(seed);
        let mut world = World::new(seed, [strong(a), strong(b)]);
        world.loss = [30, 30];
        world.delay = ms(5);
        world.run_for(ms(40_000));
        assert_eq!(world.states(), [State::Up, State::Up], "seed {seed}");
        flapped += world.nodes.iter().map(|node| node.view().counters.downs).sum::<u64>();
    }
    // 20 losses in a row at 30 %: once in 10^10 packets.
    assert_eq!(flapped, 0);
}

#[test]
fn new_timers_settle_whatever_is_lost() {
    for seed in 0..SEEDS {
        let [a, b] = confs(seed);
        let strong = |conf: BfdConf| BfdConf { multiplier: NonZeroU8::new(20).expect("not zero"), ..conf };
        let [a, b] = [strong(a), strong(b)];
        let mut world = World::new(seed, [a.clone(), b.clone()]);
        world.run_for(ms(6_000));
        world.loss = [20, 20];
        let mut rng = Rng::new(seed ^ 0x77);
        let mut news = a.clone();
        for _ in 0..4 {
            let other = any_conf(&mut rng);
            news = BfdConf { min_tx: other.min_tx, min_rx: other.min_rx, ..news };
            world.nodes[0].handle(Input::Configure(&news), world.now);
            world.run_for(ms(u64::from(rng.below(300))));
        }
        world.run_for(ms(10_000));
        let views = [0, 1].map(|n: usize| world.nodes[n].view());
        assert_eq!(world.states(), [State::Up, State::Up], "seed {seed}");
        assert_eq!(views.map(|view| view.counters.downs), [0, 0], "seed {seed}: a reload is no outage");
        assert_eq!(views[0].interval, Some(news.min_tx.max(b.min_rx)), "seed {seed}");
        assert_eq!(views[1].interval, Some(b.min_tx.max(news.min_rx)), "seed {seed}");
        assert!(!views[0].polling, "seed {seed}");
    }
}

#[test]
fn two_passive_sides_never_meet_and_goodbye_is_heard() {
    let [a, b] = confs(3);
    let passive = |conf: BfdConf| BfdConf { role: Role::Passive, ..conf };
    let mut world = World::new(3, [passive(a.clone()), passive(b.clone())]);
    world.run_for(ms(20_000));
    assert_eq!(world.states(), [State::Down, State::Down]);
    assert_eq!(world.nodes.iter().map(|node| node.view().counters.sent).sum::<u64>(), 0);

    let mut world = World::new(3, [a, b]);
    world.run_for(ms(6_000));
    let now = world.now;
    world.nodes[0].handle(Input::Disable, now);
    world.run_for(ms(2));
    assert_eq!(world.states(), [State::AdminDown, State::Down], "at once, not after the detection time");
    world.run_for(ms(10_000));
    assert_eq!(world.states(), [State::AdminDown, State::Down]);
    let now = world.now;
    world.nodes[0].handle(Input::Enable, now);
    world.run_for(ms(6_000));
    assert_eq!(world.states(), [State::Up, State::Up]);
}
