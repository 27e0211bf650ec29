//! The backend's servers and the choice among them.

use evenkeel_base::hash::{HashFunction, avalanche};
use evenkeel_base::rng::Rng;

use crate::first::First;
use crate::least::Least;
use crate::map::Map;
use crate::ring::Ring;
use crate::weight::{EffectiveWeight, Weight};
use crate::wheel::Wheel;

/// How `hash-type` maps hashes to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashKind {
    /// A table of those in service.
    #[default]
    MapBased,
    /// A ring on which only the points of a lost server move.
    Consistent,
}

/// `hash-type` and `hash-balance-factor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HashConf {
    /// The method.
    pub kind: HashKind,
    /// The function, for keys that are bytes.
    pub function: HashFunction,
    /// The modifier.
    pub avalanche: bool,
    /// `hash-balance-factor`: no server over this percentage of its fair share. Consistent hashes only.
    pub factor: Option<u32>,
}

impl HashConf {
    /// `hash-type` with a method only: consistent means sdbm and avalanche then, map-based plain sdbm.
    pub fn of_kind(kind: HashKind) -> Self {
        Self { kind, avalanche: kind == HashKind::Consistent, ..Self::default() }
    }

    /// From key to hash; `None` without a key.
    fn hash(self, key: Key<'_>) -> Option<u32> {
        let hash = match key {
            Key::None => return None,
            Key::Bytes(bytes) => self.function.hash(bytes),
            Key::Number(n) => n,
        };
        Some(if self.avalanche { avalanche(hash) } else { hash })
    }
}

/// What `balance` says. Where a hash's key comes from is the caller's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `roundrobin`.
    RoundRobin,
    /// `static-rr`.
    StaticRr,
    /// `leastconn`.
    LeastConn,
    /// `first`.
    First,
    /// `random(draws)`.
    Random {
        /// Servers drawn, of which the least loaded is taken; at least 1.
        draws: u32,
        /// `hash-balance-factor`.
        factor: Option<u32>,
    },
    /// `source`, `uri`, `url_param`, `hdr`, `rdp-cookie`, `hash`.
    Hash(HashConf),
}

impl Algorithm {
    /// True where weights may change at run time; the others only know 0 and what the file says.
    pub fn is_dynamic(self) -> bool {
        match self {
            Algorithm::RoundRobin | Algorithm::LeastConn | Algorithm::Random { .. } => true,
            Algorithm::StaticRr | Algorithm::First => false,
            Algorithm::Hash(conf) => conf.kind == HashKind::Consistent,
        }
    }

    /// True where [`Balancer::taken`], [`Balancer::released`] and [`Balancer::queued`] matter.
    pub fn needs_counts(self) -> bool {
        match self {
            Algorithm::LeastConn => true,
            Algorithm::RoundRobin
            | Algorithm::StaticRr
            | Algorithm::First
            | Algorithm::Random { .. }
            | Algorithm::Hash(_) => false,
        }
    }

    /// The hash of a key; `None` where no server is chosen by hash.
    fn hash(self, key: Key<'_>) -> Option<u32> {
        match self {
            Algorithm::Hash(conf) => conf.hash(key),
            Algorithm::RoundRobin
            | Algorithm::StaticRr
            | Algorithm::LeastConn
            | Algorithm::First
            | Algorithm::Random { .. } => None,
        }
    }

    fn factor(self) -> Option<u32> {
        match self {
            Algorithm::Hash(conf) => conf.factor,
            Algorithm::Random { factor, .. } => factor,
            Algorithm::RoundRobin | Algorithm::StaticRr | Algorithm::LeastConn | Algorithm::First => None,
        }
    }
}

/// A hash's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Not found in the request: turns are taken instead.
    None,
    /// To be hashed.
    Bytes(&'a [u8]),
    /// An address: hashed already, but for the modifier.
    Number(u32),
}

/// A server's load at the moment of the pick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests on the server.
    pub served: u32,
    /// Requests in the server's own queue.
    pub queued: u32,
    /// Its `maxconn` now ([`crate::slow::ConnLimit`]); `None`: no bound.
    pub limit: Option<u32>,
}

impl Load {
    /// No slot free, or others wait for it.
    fn is_full(self) -> bool {
        self.limit.is_some_and(|limit| self.queued > 0 || self.served >= limit)
    }

    /// `leastconn` gives a server its queue's share too.
    fn is_booked_out(self) -> bool {
        self.limit.is_some_and(|limit| self.served.saturating_add(self.queued) >= limit)
    }

    /// `random` leaves a server with a queue alone even without a bound.
    fn is_crowded(self) -> bool {
        self.queued > 0 || self.limit.is_some_and(|limit| self.served >= limit)
    }
}

/// A server as the file describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerSpec {
    /// The `id` keyword, or the position in the backend from 1. Consistent hashes and `first` depend on it.
    pub id: u32,
    /// `weight`.
    pub weight: Weight,
    /// `backup`.
    pub backup: bool,
    /// False where it starts in maintenance or down.
    pub usable: bool,
}

/// Servers in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not `backup`.
    pub active: u32,
    /// `backup`.
    pub backup: u32,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    backup: bool,
    usable: bool,
    weight: EffectiveWeight,
}

impl Seat {
    fn in_service(&self) -> bool {
        self.usable && self.weight > EffectiveWeight::ZERO
    }
}

/// Active servers and backups, each chosen from in the same way.
#[derive(Clone, Debug)]
struct Pair<T> {
    active: T,
    backup: T,
}

impl<T> Pair<T> {
    fn of(make: impl Fn(bool) -> T) -> Self {
        Self { active: make(false), backup: make(true) }
    }

    fn side(&mut self, backup: bool) -> &mut T {
        if backup { &mut self.backup } else { &mut self.active }
    }
}

#[derive(Clone, Debug)]
enum Engine {
    Wheel(Pair<Wheel>),
    Least(Pair<Least>),
    First(Pair<First>),
    Map(Map),
    Ring(Pair<Ring>),
}

/// Whom to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Nobody,
    Active,
    Backups,
    OneBackup(usize),
}

/// Chooses servers for one backend. See the crate's head.
#[derive(Clone, Debug)]
pub struct Balancer {
    algorithm: Algorithm,
    allbackups: bool,
    seats: Vec<Seat>,
    field: Field,
    engine: Engine,
    rng: Rng,
}

impl Balancer {
    /// For servers in file order. The same seed draws the same servers.
    pub fn new(algorithm: Algorithm, servers: &[ServerSpec], allbackups: bool, seed: u64) -> Self {
        let count = servers.len();
        let seats: Vec<Seat> = servers
            .iter()
            .map(|s| Seat { backup: s.backup, usable: s.usable, weight: EffectiveWeight::full(s.weight) })
            .collect();
        let mut balancer = Self {
            algorithm,
            allbackups,
            engine: Engine::new(algorithm, servers),
            field: Field::Nobody,
            seats,
            rng: Rng::new(seed),
        };
        for slot in 0..count {
            let seat = balancer.seats[slot];
            if !seat.in_service() {
                continue;
            }
            match &mut balancer.engine {
                Engine::Wheel(pair) => pair.side(seat.backup).seat(slot, seat.weight),
                Engine::Least(_) | Engine::First(_) | Engine::Map(_) | Engine::Ring(_) => {
                    balancer.engine.join(slot, seat);
                }
            }
        }
        balancer.refresh();
        balancer
    }

    /// Takes a server into service or out of it. A usable server is up, and neither stopping, draining nor in
    /// maintenance; persistence may still reach some that are not usable.
    pub fn set_usable(&mut self, slot: usize, usable: bool) {
        let Some(seat) = self.seats.get(slot) else { return };
        self.change(slot, Seat { usable, ..*seat });
    }

    /// Gives a server another weight. Algorithms that are not dynamic only look whether it is zero.
    pub fn set_weight(&mut self, slot: usize, weight: EffectiveWeight) {
        let Some(seat) = self.seats.get(slot) else { return };
        self.change(slot, Seat { weight, ..*seat });
    }

    /// A request was given to a server.
    pub fn taken(&mut self, slot: usize) {
        self.load_changed(slot, 1);
    }

    /// A request has left a server.
    pub fn released(&mut self, slot: usize) {
        self.load_changed(slot, -1);
    }

    /// The length of a server's own queue changed by so much.
    pub fn queued(&mut self, slot: usize, change: i64) {
        self.load_changed(slot, change);
    }

    /// Chooses a server. `load` tells how busy one is. `avoid` is taken only where there is no other choice
    /// (map-based hashes know only one). `None`: nobody is in service, or all that may be chosen are full.
    pub fn pick(
        &mut self,
        key: Key<'_>,
        load: &dyn Fn(usize) -> Load,
        avoid: Option<usize>,
    ) -> Option<usize> {
        let backup = match (self.field, &self.engine) {
            (Field::Nobody, _) => return None,
            // The table knows of it; its walk goes on where this one leaves it.
            (Field::OneBackup(_), Engine::Map(_)) => true,
            // The only backup takes everything, full or not: requests queue on it.
            (Field::OneBackup(slot), _) => return Some(slot),
            (Field::Active, _) => false,
            (Field::Backups, _) => true,
        };
        let full = |slot: usize| load(slot).is_full();
        match &mut self.engine {
            Engine::Wheel(pair) => pair.side(backup).pick(full, avoid),
            Engine::First(pair) => pair.side(backup).pick(full, avoid),
            Engine::Least(pair) => pair.side(backup).pick(|slot| load(slot).is_booked_out(), avoid),
            Engine::Map(map) => match self.algorithm.hash(key) {
                Some(hash) => map.at(hash),
                None => map.pick(full, avoid),
            },
            Engine::Ring(pair) => {
                let ring = pair.side(backup);
                let fair = Fair { seats: &self.seats, backup, load, factor: self.algorithm.factor() };
                match (self.algorithm, self.algorithm.hash(key)) {
                    (Algorithm::Random { draws, .. }, _) => fair.draw(ring, &mut self.rng, draws, avoid),
                    (_, Some(hash)) => fair.nearest(ring, hash, avoid),
                    (_, None) => ring.walk(full, avoid),
                }
            }
        }
    }

    /// The algorithm given at construction.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Servers in service, of both kinds.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for seat in self.seats.iter().filter(|s| s.in_service()) {
            if seat.backup { counts.backup += 1 } else { counts.active += 1 }
        }
        counts
    }

    /// Servers that the next pick may choose from.
    pub fn usable_count(&self) -> u32 {
        let counts = self.counts();
        match self.field {
            Field::Nobody => 0,
            Field::Active => counts.active,
            Field::OneBackup(_) => 1,
            Field::Backups => counts.backup,
        }
    }

    /// Their weights' sum in the user's units, as the stats page shows it.
    pub fn total_weight(&self) -> u32 {
        let sum = |backup| {
            let members = self.seats.iter().filter(|s| s.in_service() && s.backup == backup);
            members.map(|s| s.weight.get()).sum::<u32>().div_ceil(crate::SCALE)
        };
        match self.field {
            Field::Nobody => 0,
            Field::Active => sum(false),
            Field::Backups => sum(true),
            Field::OneBackup(slot) => self.seats[slot].weight.shown(),
        }
    }

    /// A server's effective weight as last set, in service or not.
    pub fn weight(&self, slot: usize) -> Option<EffectiveWeight> {
        self.seats.get(slot).map(|seat| seat.weight)
    }

    /// True where the server takes part in balancing.
    pub fn in_service(&self, slot: usize) -> bool {
        self.seats.get(slot).is_some_and(Seat::in_service)
    }

    fn change(&mut self, slot: usize, to: Seat) {
        let from = std::mem::replace(&mut self.seats[slot], to);
        match (from.in_service(), to.in_service()) {
            (false, false) => return,
            (false, true) => self.engine.join(slot, to),
            (true, false) => self.engine.leave(slot, to),
            (true, true) if from.weight == to.weight => return,
            (true, true) => self.engine.reweigh(slot, to),
        }
        self.refresh();
    }

    /// Works out anew whom to choose from.
    fn refresh(&mut self) {
        let counts = self.counts();
        let first_backup = self.seats.iter().position(|s| s.backup && s.in_service());
        self.field = match (counts.active, first_backup) {
            (0, None) => Field::Nobody,
            (0, Some(_)) if self.allbackups => Field::Backups,
            (0, Some(slot)) => Field::OneBackup(slot),
            (_, _) => Field::Active,
        };
        if let Engine::Map(map) = &mut self.engine {
            let (field, seats) = (self.field, &self.seats);
            map.fill(|slot| match field {
                Field::Nobody => false,
                Field::OneBackup(only) => only == slot,
                Field::Active => seats[slot].in_service() && !seats[slot].backup,
                Field::Backups => seats[slot].in_service() && seats[slot].backup,
            });
        }
    }

    fn load_changed(&mut self, slot: usize, change: i64) {
        let Some(seat) = self.seats.get(slot) else { return };
        match &mut self.engine {
            Engine::Least(pair) => pair.side(seat.backup).load(slot, change),
            Engine::Wheel(_) | Engine::First(_) | Engine::Map(_) | Engine::Ring(_) => {}
        }
    }
}

impl Engine {
    /// With nobody in service, but for `first` and the map, which learn of it later anyway.
    fn new(algorithm: Algorithm, servers: &[ServerSpec]) -> Self {
        let count = servers.len();
        match algorithm {
            Algorithm::RoundRobin => Engine::Wheel(Pair::of(|_| Wheel::new(count))),
            Algorithm::LeastConn => Engine::Least(Pair::of(|_| Least::new(count))),
            Algorithm::First => Engine::First(Pair::of(|backup| {
                let mut order: Vec<usize> =
                    (0..count).filter(|slot| servers[*slot].backup == backup).collect();
                order.sort_by_key(|slot| servers[*slot].id);
                First::new(order, count)
            })),
            Algorithm::StaticRr | Algorithm::Hash(HashConf { kind: HashKind::MapBased, .. }) => {
                let weights: Vec<u32> = servers.iter().map(|s| s.weight.get()).collect();
                Engine::Map(Map::new(&weights))
            }
            Algorithm::Random { .. } | Algorithm::Hash(HashConf { kind: HashKind::Consistent, .. }) => {
                Engine::Ring(Pair::of(|_| Ring::new(servers.iter().map(|s| s.id).collect())))
            }
        }
    }

    fn join(&mut self, slot: usize, seat: Seat) {
        match self {
            Engine::Wheel(pair) => pair.side(seat.backup).join(slot, seat.weight),
            Engine::Least(pair) => pair.side(seat.backup).join(slot, seat.weight),
            Engine::First(pair) => pair.side(seat.backup).set(slot, true),
            Engine::Map(_) => {}
            Engine::Ring(pair) => pair.side(seat.backup).set(slot, seat.weight.get()),
        }
    }

    fn leave(&mut self, slot: usize, seat: Seat) {
        match self {
            Engine::Wheel(pair) => pair.side(seat.backup).leave(slot),
            Engine::Least(pair) => pair.side(seat.backup).leave(slot),
            Engine::First(pair) => pair.side(seat.backup).set(slot, false),
            Engine::Map(_) => {}
            Engine::Ring(pair) => pair.side(seat.backup).set(slot, 0),
        }
    }

    fn reweigh(&mut self, slot: usize, seat: Seat) {
        match self {
            Engine::Wheel(pair) => pair.side(seat.backup).reweigh(slot, seat.weight),
            Engine::Least(pair) => pair.side(seat.backup).reweigh(slot, seat.weight),
            Engine::First(_) | Engine::Map(_) => {}
            Engine::Ring(pair) => pair.side(seat.backup).set(slot, seat.weight.get()),
        }
    }
}

/// Choice on a ring with `hash-balance-factor`.
struct Fair<'a> {
    seats: &'a [Seat],
    backup: bool,
    load: &'a dyn Fn(usize) -> Load,
    factor: Option<u32>,
}

impl Fair<'_> {
    fn nearest(&self, ring: &Ring, hash: u32, avoid: Option<usize>) -> Option<usize> {
        let Some(factor) = self.factor else {
            return ring.nearest(hash, |slot| Some(slot) == avoid);
        };
        let served: u64 = (0..self.seats.len()).map(|slot| u64::from((self.load)(slot).served)).sum();
        let places = ((served + 1) * u64::from(factor)).div_ceil(100);
        ring.nearest(hash, |slot| Some(slot) == avoid || !self.has_place(slot, places))
    }

    /// True where a server is under its share of `places`. Whole shares by weight first; what is left over goes
    /// round by cumulated weight; nobody has none.
    fn has_place(&self, slot: usize, places: u64) -> bool {
        let members =
            self.seats.iter().enumerate().filter(|(_, s)| s.in_service() && s.backup == self.backup);
        let (mut total, mut before) = (0, 0);
        for (other, seat) in members {
            total += u64::from(seat.weight.get());
            if other < slot {
                before += u64::from(seat.weight.get());
            }
        }
        let weight = u64::from(self.seats[slot].weight.get());
        let total = total.max(1);
        let (each, rest) = (places / total, places % total);
        let share = weight * each + (before + weight) * rest / total - before * rest / total;
        u64::from((self.load)(slot).served) < share.max(1)
    }

    /// The least loaded, by weight, of several drawn; none if that one is full.
    fn draw(&self, ring: &Ring, rng: &mut Rng, draws: u32, avoid: Option<usize>) -> Option<usize> {
        let cost = |slot: usize, other: usize| {
            u64::from((self.load)(slot).served) * u64::from(self.seats[other].weight.get())
        };
        let mut best = self.nearest(ring, rng.next_u64() as u32, avoid)?;
        for _ in 1..draws {
            let Some(next) = self.nearest(ring, rng.next_u64() as u32, avoid) else { break };
            if cost(next, best) <= cost(best, next) {
                best = next;
            }
        }
        Some(best).filter(|slot| !(self.load)(*slot).is_crowded())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 8] = [
        Algorithm::RoundRobin,
        Algorithm::StaticRr,
        Algorithm::LeastConn,
        Algorithm::First,
        Algorithm::Random { draws: 2, factor: None },
        Algorithm::Random { draws: 1, factor: Some(150) },
        Algorithm::Hash(HashConf {
            kind: HashKind::MapBased,
            function: HashFunction::Sdbm,
            avalanche: false,
            factor: None,
        }),
        Algorithm::Hash(HashConf {
            kind: HashKind::Consistent,
            function: HashFunction::Crc32,
            avalanche: true,
            factor: Some(125),
        }),
    ];

    fn servers(weights: &[u32], backups: usize) -> Vec<ServerSpec> {
        (1..)
            .zip(weights)
            .map(|(id, weight)| ServerSpec {
                id,
                weight: Weight::new(*weight).expect("a weight of the table"),
                backup: id as usize > weights.len() - backups,
                usable: true,
            })
            .collect()
    }

    #[test]
    fn full_servers_are_passed_over_and_nobody_is_nobody() {
        for algorithm in ALL {
            let mut balancer = Balancer::new(algorithm, &servers(&[3, 2, 1], 0), false, 9);
            let only = |free: usize| {
                move |slot: usize| Load { served: u32::from(slot != free), queued: 0, limit: Some(1) }
            };
            for free in [2, 0, 1] {
                let pick = balancer.pick(Key::None, &only(free), None);
                // A draw may hit full servers only: the request waits.
                let may_miss = matches!(algorithm, Algorithm::Random { .. });
                assert!(pick == Some(free) || may_miss && pick.is_none(), "{algorithm:?} {pick:?}");
            }
            let full = |_| Load { served: 1, queued: 0, limit: Some(1) };
            assert_eq!(balancer.pick(Key::None, &full, None), None, "{algorithm:?}");
            for slot in 0..3 {
                balancer.set_usable(slot, false);
            }
            assert_eq!(balancer.pick(Key::None, &|_| Load::default(), None), None, "{algorithm:?}");
            assert_eq!(balancer.usable_count(), 0);
            balancer.set_weight(99, EffectiveWeight::ZERO);
            balancer.set_usable(99, true);
            balancer.taken(99);
        }
    }

    #[test]
    fn the_one_to_avoid_is_the_last_resort() {
        for algorithm in ALL {
            let mut balancer = Balancer::new(algorithm, &servers(&[1, 1], 0), false, 9);
            for n in 0..20_u32 {
                let avoid = Some(n as usize % 2);
                let pick = balancer.pick(Key::None, &|_| Load::default(), avoid);
                assert_ne!(pick, avoid, "{algorithm:?}");
                let bytes = n.to_be_bytes();
                let hashed = balancer.pick(Key::Bytes(&bytes), &|_| Load::default(), avoid);
                let one_choice =
                    matches!(algorithm, Algorithm::Hash(HashConf { kind: HashKind::MapBased, .. }));
                assert!(one_choice || hashed != avoid, "{algorithm:?}");
            }
            balancer.set_usable(0, false);
            assert_eq!(balancer.pick(Key::None, &|_| Load::default(), Some(1)), Some(1), "{algorithm:?}");
        }
    }

    #[test]
    fn backups_wait_for_their_turn() {
        for algorithm in ALL {
            for (allbackups, want) in [(false, 1), (true, 2)] {
                let mut balancer = Balancer::new(algorithm, &servers(&[1, 1, 1, 1], 2), allbackups, 9);
                assert_eq!(
                    (balancer.counts(), balancer.usable_count()),
                    (Counts { active: 2, backup: 2 }, 2)
                );
                balancer.set_usable(0, false);
                balancer.set_usable(1, false);
                assert_eq!((balancer.usable_count(), balancer.total_weight()), (want, want), "{algorithm:?}");
                let pick = balancer.pick(Key::None, &|_| Load::default(), None);
                assert!(pick.is_some_and(|slot| slot >= 2), "{algorithm:?}");
            }
        }
    }

    #[test]
    fn random_draws_by_weight_and_replays() {
        let draw = |seed| {
            let algorithm = Algorithm::Random { draws: 1, factor: None };
            let mut balancer = Balancer::new(algorithm, &servers(&[30, 10], 0), false, seed);
            let mut counts = [0; 2];
            for _ in 0..4000 {
                let slot = balancer.pick(Key::None, &|_| Load::default(), None).expect("both are free");
                counts[slot] += 1;
            }
            counts
        };
        assert_eq!(draw(1), draw(1));
        assert!((2700..3300).contains(&draw(1)[0]), "{:?}", draw(1));
    }

    #[test]
    fn random_takes_the_less_loaded_of_those_drawn() {
        let algorithm = Algorithm::Random { draws: 8, factor: None };
        let mut balancer = Balancer::new(algorithm, &servers(&[1, 1], 0), false, 3);
        let load = |slot| Load { served: if slot == 0 { 9 } else { 1 }, queued: 0, limit: None };
        let hits = (0..100).filter(|_| balancer.pick(Key::None, &load, None) == Some(1)).count();
        assert!(hits > 90, "{hits}");
    }
}
