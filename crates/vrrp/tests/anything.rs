//! Any inputs in any order, reloads among them: nothing panics, and what the hands were told agrees with the states.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use common::*;
use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};
use evenkeel_vrrp::conf::{
    Auth, Destination, GroupId, InstanceId, InterfaceId, LinkDelays, TrackConf, TrackId, TrackKind, TrackUse,
    UnicastPeer, Version, WantedState,
};
use evenkeel_vrrp::{
    Became, Input, InstanceConf, InterfaceState, Node, NodeConf, Output, Received, ScriptOutcome, StateKind,
    Subject,
};
use evenkeel_wire::vrrp::V2Auth;

const INSTANCES: u32 = 5;
const TRACKS: u32 = 5;

/// Some of five virtual routers; names belong to vrids, so that they can be told over reloads.
fn any_conf(rng: &mut Rng) -> NodeConf {
    let mut conf = NodeConf {
        interfaces: vec!["eth0".into(), "eth1".into()],
        link_delays: vec![LinkDelays { down: ms(u64::from(rng.below(2)) * 300), up: ms(100) }],
        log_unknown_vrids: rng.below(2) == 0,
        ..NodeConf::default()
    };
    if rng.below(3) == 0 {
        conf.interfaces.reverse();
    }
    let eth0 = conf.interfaces.iter().position(|name| name == "eth0").unwrap_or(0) as u32;
    for n in 0..TRACKS {
        let kind = match n {
            0 => TrackKind::File,
            1 => {
                TrackKind::Process { fork_delay: ms(200), terminate_delay: ms(u64::from(rng.below(2)) * 500) }
            }
            2 => TrackKind::Interface(InterfaceId(1 - eth0)),
            _ => TrackKind::Script {
                interval: ms(500),
                timeout: ms(u64::from(rng.below(3)) * 250),
                rise: 1 + rng.below(3),
                fall: 1 + rng.below(3),
                init_fail: rng.below(3) == 0,
            },
        };
        conf.tracks.push(TrackConf { name: format!("t{n}"), kind });
    }
    let uses = |rng: &mut Rng| -> Vec<TrackUse> {
        let some = (0..TRACKS).filter(|_| rng.below(3) == 0).collect::<Vec<_>>();
        let weight = |rng: &mut Rng| if rng.below(3) == 0 { 0 } else { rng.below(500) as i32 - 250 };
        some.into_iter()
            .map(|track| TrackUse { track: TrackId(track), weight: weight(rng), reverse: rng.below(4) == 0 })
            .collect()
    };
    let is_grouped = rng.below(2) == 0;
    for n in 0..INSTANCES {
        if rng.below(4) == 0 {
            continue;
        }
        let interval = [1_000, 1_000, 2_000, 500][rng.below(4) as usize];
        let version = if n % 2 == 0 { Version::V2 } else { Version::V3 };
        let whole = if version == Version::V2 { 1_000 * (1 + u64::from(rng.below(2))) } else { interval };
        conf.instances.push(InstanceConf {
            version,
            advert_interval: ms(whole),
            state: if rng.below(2) == 0 { WantedState::Master } else { WantedState::Backup },
            interface: InterfaceId(eth0),
            tracks: uses(rng),
            group: (is_grouped && n < 3).then_some(GroupId(0)),
            preempt: rng.below(3) != 0,
            preempt_delay: ms(u64::from(rng.below(2)) * 1_500),
            auth: if n == 0 { Auth::Pass(*b"1111\0\0\0\0") } else { Auth::None },
            destination: match (n, rng.below(5)) {
                (4, 0) => Destination::NoPeer,
                (4, _) => {
                    Destination::Unicast(vec![UnicastPeer { address: v4(2), min_ttl: 0, max_ttl: 255 }])
                }
                _ => Destination::Multicast(GROUP),
            },
            lease: (rng.below(2) == 0).then_some(lease(3_000, 900)).flatten(),
            startup_delay: ms(u64::from(rng.below(8) / 7) * 1_000),
            dont_track_primary: rng.below(4) == 0,
            ..instance(&format!("VI_{n}"), 51 + n, [1, 100, 150, 254, 255][rng.below(5) as usize])
        });
    }
    if is_grouped {
        let members: Vec<u32> = (0..conf.instances.len() as u32)
            .filter(|n| conf.instances[*n as usize].group.is_some())
            .collect();
        let mut group = group("G", &members);
        group.tracks = uses(rng);
        group.tracking_weight = rng.below(3) == 0;
        group.global_tracking = rng.below(4) == 0;
        conf.groups.push(group);
    }
    conf
}

/// What the hands believe, by name.
#[derive(Default)]
struct Hands {
    names: Vec<String>,
    held: BTreeSet<String>,
    told: BTreeMap<String, Became>,
    runs: BTreeSet<u32>,
    stopped: bool,
}

impl Hands {
    fn carry_out(&mut self, output: Output, next: &NodeConf) {
        let name = |hands: &Self, id: InstanceId| hands.names[id.0 as usize].clone();
        match output {
            Output::Take { instance, .. } => {
                let name = name(self, instance);
                self.held.insert(name);
            }
            Output::Refresh { instance, .. } => assert!(self.held.contains(&name(self, instance))),
            Output::Announce { instance, .. } => assert!(self.held.contains(&name(self, instance))),
            Output::Release(instance) => {
                let name = name(self, instance);
                self.held.remove(&name);
            }
            Output::Notify(notice) => {
                let Subject::Instance(id) = notice.subject else { return };
                let name = name(self, id);
                match notice.became {
                    Became::Priority | Became::MasterRxLower => {}
                    Became::Deleted => {
                        self.told.remove(&name);
                    }
                    became => {
                        let before = self.told.insert(name.clone(), became);
                        assert_ne!(before, Some(became), "{name} was told twice");
                    }
                }
            }
            Output::RunScript(id) => assert!(self.runs.insert(id.0), "script {id:?} runs already"),
            Output::KillScript(_) => {}
            Output::Reloaded => {
                self.names = next.instances.iter().map(|instance| instance.name.clone()).collect();
            }
            Output::Send(packet) => assert!(!packet.bytes.is_empty()),
            Output::Probe { .. } | Output::Log(_) => {}
        }
    }
}

/// What must be so after each input.
fn check(node: &Node, hands: &Hands, now: Instant, conf: &NodeConf) {
    let view = node.view();
    assert_eq!(view.instances().len(), hands.names.len());
    assert!(node.deadline().is_none_or(|next| next.at >= now) || !hands.stopped);
    for instance in view.instances() {
        let name = instance.name();
        let is_master = instance.state() == StateKind::Master;
        assert_eq!(hands.held.contains(name), is_master, "{name} is {:?}", instance.state());
        let told = hands.told.get(name).copied();
        let want = match instance.state() {
            StateKind::Master => Some(Became::Master),
            StateKind::Fault => Some(Became::Fault),
            // An owner that is about to be master is told as such only.
            StateKind::Backup if told.is_none() => None,
            StateKind::Backup => Some(Became::Backup),
            StateKind::Init if hands.stopped => Some(Became::Stop),
            StateKind::Init => None,
        };
        if !hands.stopped {
            assert_eq!(told, want, "{name} is {:?}", instance.state());
        }
        assert_eq!(instance.advert_at().is_some(), is_master, "{name}: advert timer");
        assert!(is_master || instance.doubts().next().is_none(), "{name}: a doubt without a master");
        let priority = instance.priority();
        assert!(priority.effective > 0);
        assert_eq!(priority.effective == 255, priority.base == 255, "{name}: {priority:?}");
        let sum: i32 = priority.parts.iter().map(|(_, weight)| *weight).sum();
        assert_eq!(i32::from(priority.base) + sum, priority.total, "{name}");
    }
    for group in &conf.groups {
        let states: BTreeSet<StateKind> =
            group.members.iter().filter_map(|id| Some(view.instance(*id)?.state())).collect();
        // A group that a reload made waits for its scripts' first answers.
        let waits = group.members.iter().any(|id| view.instance(*id).is_some_and(|one| one.is_pending()));
        let mixed = states.contains(&StateKind::Fault) && states.len() > 1;
        assert!(!mixed || waits, "a group in {states:?}");
    }
}

fn any_input(node: &mut Node, hands: &mut Hands, conf: &mut NodeConf, rng: &mut Rng, now: Instant) {
    let id = InstanceId(rng.below(INSTANCES));
    let track = TrackId(rng.below(TRACKS + 1));
    match rng.below(18) {
        0..=5 => {
            let vrid = 51 + rng.below(INSTANCES + 1) as u8;
            let priority = [0, 50, 100, 150, 255][rng.below(5) as usize];
            let interval = ms(1_000 * u64::from(1 + rng.below(2)));
            let base = if vrid % 2 == 1 { advert(vrid, priority) } else { advert3(vrid, priority, 1_000) };
            let auth = if vrid == 51 { V2Auth::Pass(*b"1111\0\0\0\0") } else { V2Auth::None };
            let to = if vrid == 55 { OURS } else { GROUP };
            let one = Advert { auth, interval, to, from: v4(rng.below(3) as u8), ..base };
            let bytes = one.bytes();
            let interface = InterfaceId(rng.below(2));
            let (source, destination, ttl) = (one.from, one.to, Some(255));
            let received = Received { interface, source, destination, ttl, bytes: &bytes, wall_us: 0 };
            node.handle(Input::Packet(received), now);
        }
        6 => {
            let addresses: &[IpAddr] = if rng.below(4) == 0 { &[] } else { &[OURS] };
            let (exists, running) = (rng.below(6) != 0, rng.below(3) != 0);
            let mtu = if rng.below(20) == 0 { 30 } else { 1500 };
            let state = InterfaceState { exists, running, mac: Some(MAC), mtu, addresses };
            node.handle(Input::Interface(InterfaceId(rng.below(3)), state), now);
        }
        7 => {
            for n in 0..2 {
                let state = InterfaceState {
                    exists: true,
                    running: true,
                    mac: Some(MAC),
                    mtu: 1500,
                    addresses: &[OURS],
                };
                node.handle(Input::Interface(InterfaceId(n), state), now);
            }
        }
        8 | 9 => {
            let outcome = match rng.below(4) {
                0 => ScriptOutcome::Failed(1),
                1 => ScriptOutcome::TimedOut,
                _ => ScriptOutcome::Success,
            };
            let track = hands.runs.pop_first().map_or(track, TrackId);
            node.handle(Input::ScriptEnded { track, outcome }, now);
        }
        10 => node.handle(Input::FileValue(TrackId(0), Some(i64::from(rng.below(3)))), now),
        11 => node.handle(Input::ProcessQuorum(TrackId(1), rng.below(2) == 0), now),
        12 => node.handle(Input::Lost(id), now),
        13 => {
            let mac = [2, 0, 0, 0, 0, rng.below(3) as u8];
            node.handle(Input::Answered { interface: InterfaceId(0), address: v4(151), mac }, now);
        }
        14 => node.handle(Input::SetPriority(id, (rng.below(2) == 0).then_some(rng.below(256) as u8)), now),
        15 => node.handle(Input::Announce(id), now),
        16 => {
            if rng.below(3) == 0 {
                *conf = any_conf(rng);
            }
            // Scripts that are gone from the file end unheard.
            node.handle(Input::Reload(Box::new(conf.clone())), now);
        }
        _ => node.handle(Input::FileValue(TrackId(rng.below(TRACKS)), None), now),
    }
}

fn play(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut conf = any_conf(&mut rng);
    let mut now = Instant::from_millis(1);
    let mut node = Node::new(conf.clone(), now);
    let names = conf.instances.iter().map(|instance| instance.name.clone()).collect();
    let mut hands = Hands { names, ..Hands::default() };
    for n in 0..2 {
        let state =
            InterfaceState { exists: true, running: true, mac: Some(MAC), mtu: 1500, addresses: &[OURS] };
        node.handle(Input::Interface(InterfaceId(n), state), now);
    }
    node.handle(Input::Start, now);
    for _ in 0..120 {
        while let Some(output) = node.poll() {
            hands.carry_out(output, &conf);
        }
        check(&node, &hands, now, &conf);
        if rng.below(2) == 0 {
            any_input(&mut node, &mut hands, &mut conf, &mut rng, now);
        } else {
            now = now + Duration::from_micros(u64::from(rng.below(900_000)));
            if let Some(next) = node.deadline().filter(|next| next.at < now && rng.below(4) != 0) {
                now = next.at;
            }
            node.on_deadline(now);
            assert!(node.deadline().is_none_or(|next| next.at > now), "a deadline is left behind");
        }
    }
    node.handle(Input::Stop, now);
    hands.stopped = true;
    while let Some(output) = node.poll() {
        hands.carry_out(output, &conf);
    }
    assert!(hands.held.is_empty());
    assert_eq!(node.deadline(), None);
}

#[test]
fn states_and_deeds_agree_whatever_comes() {
    if let Some(seed) = std::env::var("EVENKEEL_ANY_SEED").ok().and_then(|seed| seed.parse().ok()) {
        play(seed);
        return;
    }
    for seed in 0..800 {
        if let Err(panic) = std::panic::catch_unwind(|| play(seed)) {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!(
                "seed {seed}: {words}\nreplay it: EVENKEEL_ANY_SEED={seed} cargo test -p evenkeel-vrrp --test anything"
            );
        }
    }
}
