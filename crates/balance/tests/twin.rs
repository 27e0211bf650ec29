//! The balancer beside the real HAProxy: same keys, weights, ids and events, same servers.
//! Skipped, with the reason printed, where `haproxy` is not installed.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

#[path = "twin/oracle.rs"]
mod oracle;

use std::fmt::Write as _;
use std::net::IpAddr;

use evenkeel_balance::key::{UriConf, header_key, source_key, uri_key, url_param_key};
use evenkeel_balance::{
    Algorithm, Balancer, EffectiveWeight, HashConf, HashFunction, HashKind, Key, Load, ServerSpec, Weight,
};
use evenkeel_base::rng::Rng;
use oracle::Oracle;

/// A server: id (0: its position), weight, options.
#[derive(Clone, Copy)]
struct Server {
    id: u32,
    weight: u32,
    backup: bool,
    maxconn: u32,
}

const fn weight(weight: u32) -> Server {
    Server { id: 0, weight, backup: false, maxconn: 0 }
}

const fn with_id(id: u32, weight: u32) -> Server {
    Server { id, weight, backup: false, maxconn: 0 }
}

const fn backup(weight: u32) -> Server {
    Server { id: 0, weight, backup: true, maxconn: 0 }
}

const fn limited(maxconn: u32, weight: u32) -> Server {
    Server { id: 0, weight, backup: false, maxconn }
}

/// A backend as the file says it and as the balancer takes it.
struct Farm {
    name: String,
    lines: String,
    servers: Vec<Server>,
    algorithm: Algorithm,
    allbackups: bool,
}

impl Farm {
    fn new(name: impl Into<String>, directives: &str, algorithm: Algorithm, servers: &[Server]) -> Self {
        let mut lines = format!("  {}", directives.replace("; ", "\n  "));
        for (slot, server) in servers.iter().enumerate() {
            let Server { id, weight, backup, maxconn } = *server;
            write!(lines, "\n  server s{slot} @ weight {weight}").expect("writing to a String");
            for (wanted, option) in [
                (id > 0, format!(" id {id}")),
                (backup, " backup".to_owned()),
                (maxconn > 0, format!(" maxconn {maxconn}")),
            ] {
                lines.push_str(if wanted { &option } else { "" });
            }
        }
        let allbackups = directives.contains("allbackups");
        Self { name: name.into(), lines, servers: servers.to_vec(), algorithm, allbackups }
    }

    fn balancer(&self) -> Balancer {
        let specs: Vec<ServerSpec> = (1..)
            .zip(&self.servers)
            .map(|(position, server)| ServerSpec {
                id: if server.id > 0 { server.id } else { position },
                weight: Weight::new(server.weight).expect("a weight of the table"),
                backup: server.backup,
                usable: true,
            })
            .collect();
        Balancer::new(self.algorithm, &specs, self.allbackups, 1)
    }
}

fn start<'a>(farms: impl IntoIterator<Item = &'a Farm>) -> Option<Oracle> {
    let backends: Vec<_> = farms.into_iter().map(|farm| (farm.name.clone(), farm.lines.clone())).collect();
    Oracle::start(&backends)
}

fn pick(balancer: &mut Balancer, key: Key<'_>) -> String {
    balancer.pick(key, &|_| Load::default(), None).map_or("503".into(), |slot| format!("s{slot}"))
}

/// What happens to a farm between requests.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pick(u32),
    Down(usize),
    Up(usize),
    Weigh(usize, u32),
}

use Event::{Down, Pick, Up, Weigh};

fn apply(event: Event, farm: &Farm, oracle: &Oracle, balancer: &mut Balancer) {
    let name = &farm.name;
    let reply = match event {
        Pick(_) => String::new(),
        Down(slot) => {
            balancer.set_usable(slot, false);
            oracle.cli(&format!("disable server {name}/s{slot}"))
        }
        Up(slot) => {
            balancer.set_usable(slot, true);
            oracle.cli(&format!("enable server {name}/s{slot}"))
        }
        Weigh(slot, weight) => {
            let full = EffectiveWeight::full(Weight::new(weight).expect("a weight of the table"));
            balancer.set_weight(slot, full);
            oracle.cli(&format!("set server {name}/s{slot} weight {weight}"))
        }
    };
    assert_eq!(reply.trim(), "", "{event:?}");
}

#[test]
fn turns_are_taken_in_the_same_order() {
    use Algorithm::{RoundRobin, StaticRr};
    let through_events: &[Event] = &[
        Pick(50),
        Down(0),
        Pick(25),
        Up(0),
        Pick(40),
        Down(1),
        Pick(7),
        Up(1),
        Pick(60),
        Down(0),
        Down(1),
        Pick(5),
        Up(1),
        Up(0),
        Pick(40),
    ];
    let through_weights: &[Event] = &[
        Pick(50),
        Weigh(0, 20),
        Pick(50),
        Weigh(1, 0),
        Pick(10),
        Weigh(1, 3),
        Pick(50),
        Weigh(0, 1),
        Pick(33),
        Weigh(0, 7),
        Weigh(1, 9),
        Pick(80),
        Weigh(1, 256),
        Pick(300),
    ];
    let tables: &[&[Server]] = &[
        &[weight(2), weight(3)],
        &[weight(1), weight(1), weight(1)],
        &[weight(10), weight(1), weight(5)],
        &[weight(4), weight(2), weight(6)],
        &[weight(256), weight(100), weight(37), weight(1)],
        &[weight(0), weight(3), weight(1)],
        &[weight(5), weight(5), weight(0), weight(7), weight(7), weight(1)],
        &[weight(2), weight(3), backup(1), backup(2)],
        &[backup(2), weight(2), weight(1), backup(3)],
    ];
    let mut rows = Vec::new();
    for (n, servers) in tables.iter().enumerate() {
        let has_backup = servers.iter().any(|s| s.backup);
        for (word, algorithm) in [("roundrobin", RoundRobin), ("static-rr", StaticRr)] {
            let directive = format!("balance {word}");
            rows.push((Farm::new(format!("{word}{n}"), &directive, algorithm, servers), through_events));
            if has_backup {
                let all = format!("{directive}; option allbackups");
                rows.push((Farm::new(format!("{word}{n}-all"), &all, algorithm, servers), through_events));
            }
        }
        rows.push((
            Farm::new(format!("weights{n}"), "balance roundrobin", RoundRobin, servers),
            through_weights,
        ));
    }
    let Some(mut oracle) = start(rows.iter().map(|(farm, _)| farm)) else { return };
    for (farm, events) in &rows {
        let mut balancer = farm.balancer();
        for (n, event) in events.iter().enumerate() {
            apply(*event, farm, &oracle, &mut balancer);
            let count = if let Pick(count) = event { *count } else { 0 };
            let (mut want, mut got) = (Vec::new(), Vec::new());
            for _ in 0..count {
                want.push(oracle.ask(&farm.name, "/", ""));
                got.push(pick(&mut balancer, Key::None));
            }
            assert_eq!(got, want, "{} event {n} of {events:?}", farm.name);
        }
    }
}

/// Every hash-type with its words.
fn hash_types() -> Vec<(String, HashConf)> {
    let mut all = vec![
        ("hash-type map-based".to_owned(), HashConf::of_kind(HashKind::MapBased)),
        ("hash-type consistent".to_owned(), HashConf::of_kind(HashKind::Consistent)),
    ];
    for (word, kind) in [("map-based", HashKind::MapBased), ("consistent", HashKind::Consistent)] {
        for (name, function) in HashFunction::ALL {
            // Newer than the release installed here.
            if function == HashFunction::None {
                continue;
            }
            for avalanche in [false, true] {
                let modifier = if avalanche { " avalanche" } else { "" };
                let conf = HashConf { kind, function, avalanche, factor: None };
                all.push((format!("hash-type {word} {name}{modifier}"), conf));
            }
        }
    }
    all
}

#[test]
fn the_same_key_reaches_the_same_server() {
    let tables: &[&[Server]] = &[
        &[weight(2), weight(3)],
        &[weight(1), weight(1), weight(1)],
        &[with_id(17, 10), with_id(4, 1), with_id(1001, 5)],
    ];
    let mut farms = Vec::new();
    for (t, (directive, conf)) in hash_types().into_iter().enumerate() {
        for (n, servers) in tables.iter().enumerate() {
            let lines = format!("balance uri whole; {directive}");
            farms.push(Farm::new(format!("h{t}-{n}"), &lines, Algorithm::Hash(conf), servers));
        }
    }
    let Some(mut oracle) = start(&farms) else { return };
    for farm in &farms {
        let mut balancer = farm.balancer();
        let mut rng = Rng::new(7);
        for phase in [None, Some(Down(1)), Some(Up(1))] {
            if let Some(event) = phase {
                apply(event, farm, &oracle, &mut balancer);
            }
            for n in 0..200 {
                let target = match n % 4 {
                    0 => format!("/{n}"),
                    1 => format!("/img/{:x}.png", rng.next_u64()),
                    2 => format!("/a/{}/b?q={n}", rng.below(1000)),
                    _ => format!("/{}", "x".repeat(n)),
                };
                let want = oracle.ask(&farm.name, &target, "");
                let got = pick(&mut balancer, Key::Bytes(target.as_bytes()));
                assert_eq!(got, want, "{target} in {phase:?} with {}", farm.lines);
            }
        }
    }
}

#[test]
fn keys_are_cut_the_same_way() {
    let servers: Vec<Server> = (0..7).map(|_| weight(1)).collect();
    let map = Algorithm::Hash(HashConf::of_kind(HashKind::MapBased));
    let ring = Algorithm::Hash(HashConf::of_kind(HashKind::Consistent));
    let uri = |whole, len, depth, path_only| Cut::Uri(UriConf { whole, len, depth, path_only });
    let rows = [
        ("balance uri", map, uri(false, 0, 0, false)),
        ("balance uri whole", map, uri(true, 0, 0, false)),
        ("balance uri len 5", map, uri(false, 5, 0, false)),
        ("balance uri depth 1", map, uri(false, 0, 1, false)),
        ("balance uri depth 2", map, uri(false, 0, 2, false)),
        ("balance uri depth 2 len 4 whole", map, uri(true, 4, 2, false)),
        ("balance uri path-only", map, uri(false, 0, 0, true)),
        ("balance uri path-only depth 1 len 6", map, uri(false, 6, 1, true)),
        ("balance url_param id", map, Cut::Param),
        ("balance url_param id; hash-type consistent", ring, Cut::Param),
        ("balance hdr(x-key)", map, Cut::Header(false)),
        ("balance hdr(x-key) use_domain_only", map, Cut::Header(true)),
        ("balance hdr(x-key) use_domain_only; hash-type consistent", ring, Cut::Header(true)),
        ("balance source", map, Cut::Source),
        ("balance source; hash-type consistent", ring, Cut::Source),
        ("balance source; hash-type map-based crc32", map, Cut::Source),
    ];
    let farms: Vec<Farm> = rows
        .iter()
        .enumerate()
        .map(|(n, (directive, algorithm, _))| Farm::new(format!("k{n}"), directive, *algorithm, &servers))
        .collect();
    let Some(mut oracle) = start(&farms) else { return };
    for (farm, (directive, _, cut)) in farms.iter().zip(&rows) {
        let mut balancer = farm.balancer();
        for (target, value, source) in requests() {
            // A header follows the key: with `use_domain_only` the original reads one byte too far.
            let headers = format!("x-src: {source}\r\nx-key: {value}\r\nx-end: 1\r\n");
            let want = oracle.ask(&farm.name, &target, &headers);
            let source: IpAddr = source.parse().expect("an address of the table");
            let key = match cut {
                Cut::Uri(conf) => Key::Bytes(uri_key(target.as_bytes(), *conf)),
                Cut::Param => url_param_key(target.as_bytes(), b"id").map_or(Key::None, Key::Bytes),
                Cut::Header(domain) => {
                    let first = value.split(',').next().unwrap_or("").trim();
                    header_key(first.as_bytes(), *domain).map_or(Key::None, Key::Bytes)
                }
                Cut::Source => source_key(source),
            };
            let got = pick(&mut balancer, key);
            assert_eq!(got, want, "{target} {value:?} {source} with {directive}");
        }
    }
}

enum Cut {
    Uri(UriConf),
    Param,
    Header(bool),
    Source,
}

/// Targets, header values and sources: odd ones, then many.
fn requests() -> Vec<(String, String, String)> {
    let odd = [
        ("/", "localhost", "127.0.0.1"),
        ("/a?id=7&x=1", "haproxy.1wt.eu", "255.255.255.255"),
        ("/a/b/c/d?x=1&id=42", "1wt.eu", "::1"),
        ("/a/b?xid=1&id=9", "a.b.c.d.e", "2001:db8::7"),
        ("/a/b?id", "trailing.", "10.1.2.3"),
        ("/a/b?id=", ".leading", "192.0.2.1"),
        ("/a/b?id=&id=5", "..", "fe80::1:2:3:4"),
        ("/a/b/c?y&id=77&z", "", "1.2.3.4"),
        ("http://other.example/q/r/s?id=3", "a, b, c", "1.2.3.4"),
        ("http://other.example/?id=4", "x.y:8080", "1.2.3.5"),
        ("/%2a", "first.one,second.two", "0.0.0.0"),
        ("//double//slash", "10.0.0.1", "100.64.0.1"),
        ("/?id=%20", "caf\u{e9}.example.org", "100.64.0.2"),
        ("/p?id=a;b", "one.two", "9.9.9.9"),
        ("/p?id=x%23frag", "1.1.1.1:80", "9.9.9.10"),
    ];
    let mut all: Vec<_> =
        odd.iter().map(|(t, v, s)| ((*t).to_owned(), (*v).to_owned(), (*s).to_owned())).collect();
    let mut rng = Rng::new(11);
    for _ in 0..200 {
        let (a, b, c) = (rng.below(1 << 20), rng.below(300), rng.below(u32::MAX));
        let [w, x, y, z] = c.to_be_bytes();
        all.push((
            format!("/d{b}/f{a:x}/g?n={b}&id={a}"),
            format!("h{b}.dom{a:x}.org"),
            format!("{w}.{x}.{y}.{z}"),
        ));
    }
    all
}

#[test]
fn a_missing_key_takes_turns_between_hashed_ones() {
    let servers = [with_id(3, 2), with_id(9, 1), with_id(5, 1)];
    let rows = [
        ("balance url_param id", Algorithm::Hash(HashConf::of_kind(HashKind::MapBased))),
        (
            "balance url_param id; hash-type consistent",
            Algorithm::Hash(HashConf::of_kind(HashKind::Consistent)),
        ),
    ];
    let farms: Vec<Farm> = rows
        .iter()
        .enumerate()
        .map(|(n, (directive, algorithm))| Farm::new(format!("m{n}"), directive, *algorithm, &servers))
        .collect();
    let Some(mut oracle) = start(&farms) else { return };
    for farm in &farms {
        let mut balancer = farm.balancer();
        for n in 0..120 {
            match n {
                40 => apply(Down(1), farm, &oracle, &mut balancer),
                80 => apply(Up(1), farm, &oracle, &mut balancer),
                _ => {}
            }
            let target = if n % 5 == 0 { format!("/?id={n}") } else { "/".to_owned() };
            let want = oracle.ask(&farm.name, &target, "");
            let key = url_param_key(target.as_bytes(), b"id").map_or(Key::None, Key::Bytes);
            assert_eq!(pick(&mut balancer, key), want, "request {n} with {}", farm.lines);
        }
    }
}

/// Farms, events and keys drawn from printed seeds.
#[test]
fn drawn_lives_are_lived_the_same_way() {
    let algorithms = [
        ("balance roundrobin", Algorithm::RoundRobin),
        ("balance roundrobin; option allbackups", Algorithm::RoundRobin),
        ("balance leastconn", Algorithm::LeastConn),
        ("balance static-rr; option allbackups", Algorithm::StaticRr),
        ("balance uri; hash-type consistent", Algorithm::Hash(HashConf::of_kind(HashKind::Consistent))),
        ("balance uri", Algorithm::Hash(HashConf::of_kind(HashKind::MapBased))),
    ];
    let farms: Vec<(u64, Farm)> = (0..24)
        .map(|seed| {
            let mut rng = Rng::new(seed);
            let servers: Vec<Server> = (0..2 + rng.below(8))
                .map(|n| Server {
                    id: if rng.below(3) == 0 { 100 + 7 * n + rng.below(7) } else { 0 },
                    weight: if rng.below(2) == 0 { 1 + rng.below(4) } else { rng.below(257) },
                    backup: rng.below(4) == 0,
                    maxconn: 0,
                })
                .collect();
            let (directive, algorithm) = algorithms[seed as usize % algorithms.len()];
            (seed, Farm::new(format!("l{seed}"), directive, algorithm, &servers))
        })
        .collect();
    let Some(mut oracle) = start(farms.iter().map(|(_, farm)| farm)) else { return };
    for (seed, farm) in &farms {
        let mut balancer = farm.balancer();
        let mut rng = Rng::new(1000 + seed);
        let mut down = vec![false; farm.servers.len()];
        for step in 0..40 {
            let slot = rng.below(farm.servers.len() as u32) as usize;
            let event = match (rng.below(3), down[slot]) {
                (0, _) if farm.algorithm.is_dynamic() => Weigh(slot, rng.below(9) * rng.below(33)),
                (_, true) => Up(slot),
                (_, false) => Down(slot),
            };
            down[slot] = match event {
                Down(_) => true,
                Up(_) => false,
                Pick(_) | Weigh(..) => down[slot],
            };
            apply(event, farm, &oracle, &mut balancer);
            for _ in 0..1 + rng.below(25) {
                let target = format!("/{}", rng.below(10_000));
                let want = oracle.ask(&farm.name, &target, "");
                let got = balancer.pick(Key::Bytes(target.as_bytes()), &|_| Load::default(), None);
                if let Some(slot) = got {
                    balancer.taken(slot);
                    balancer.released(slot);
                }
                let got = got.map_or("503".into(), |slot| format!("s{slot}"));
                assert_eq!(got, want, "seed {seed} step {step} {event:?} {}", farm.lines);
            }
        }
    }
}

#[test]
fn load_decides_the_same_way() {
    let consistent = |factor| Algorithm::Hash(HashConf { factor, ..HashConf::of_kind(HashKind::Consistent) });
    let even = [weight(1), weight(1), weight(1)];
    let uneven = [weight(10), weight(1), weight(5)];
    let tight = [limited(2, 10), limited(3, 1), limited(40, 2)];
    let ids = [
        Server { id: 30, ..limited(2, 1) },
        Server { id: 10, ..limited(3, 1) },
        Server { id: 20, ..limited(80, 1) },
    ];
    let farms = [
        Farm::new("least-even", "balance leastconn", Algorithm::LeastConn, &even),
        Farm::new("least-uneven", "balance leastconn", Algorithm::LeastConn, &uneven),
        Farm::new("least-tight", "balance leastconn", Algorithm::LeastConn, &tight),
        Farm::new("rr-tight", "balance roundrobin", Algorithm::RoundRobin, &tight),
        Farm::new("static-tight", "balance static-rr", Algorithm::StaticRr, &tight),
        Farm::new("first", "balance first", Algorithm::First, &ids),
        Farm::new(
            "bound150",
            "balance uri whole; hash-type consistent; hash-balance-factor 150",
            consistent(Some(150)),
            &even,
        ),
        Farm::new(
            "bound110",
            "balance uri whole; hash-type consistent; hash-balance-factor 110",
            consistent(Some(110)),
            &uneven,
        ),
        Farm::new(
            "bound300",
            "balance uri whole; hash-type consistent; hash-balance-factor 300",
            consistent(Some(300)),
            &uneven,
        ),
    ];
    let Some(mut oracle) = start(&farms) else { return };
    for farm in &farms {
        let mut balancer = farm.balancer();
        let mut rng = Rng::new(5);
        let mut served = vec![0_u32; farm.servers.len()];
        let mut held: Vec<(usize, usize)> = Vec::new();
        for n in 0..120 {
            if n > 12 && rng.below(3) > 0 && !held.is_empty() || held.len() > 30 {
                let (id, slot) = held.swap_remove(rng.below(held.len() as u32) as usize);
                oracle.release(id);
                served[slot] -= 1;
                balancer.released(slot);
                continue;
            }
            let target = format!("/{}", rng.below(2));
            let (id, want) = oracle.hold(&farm.name, &target);
            let load = |slot: usize| {
                let maxconn = farm.servers[slot].maxconn;
                Load { served: served[slot], queued: 0, limit: (maxconn > 0).then_some(maxconn) }
            };
            let key = format!("/hold{target}");
            let got = balancer.pick(Key::Bytes(key.as_bytes()), &load, None);
            assert_eq!(
                got.map(|slot| format!("s{slot}")),
                Some(want),
                "step {n} of {} with {served:?}",
                farm.name
            );
            let Some(slot) = got else { return };
            balancer.taken(slot);
            served[slot] += 1;
            held.push((id, slot));
        }
        for (id, _) in held {
            oracle.release(id);
        }
    }
}
