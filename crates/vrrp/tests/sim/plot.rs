//! What happens in a world: a configuration by the seed, some time of chaos, then quiet, and the questions.

use std::net::IpAddr;

use evenkeel_base::rng::Rng;
use evenkeel_base::time::Duration;
use evenkeel_vrrp::conf::{
    Announce, AntiReplay, Auth, Checksum, Destination, Family, GroupConf, GroupId, HmacConf, HmacMode,
    InstanceId, InterfaceId, Lease, UnicastPeer, Version, WantedState,
};
use evenkeel_vrrp::{InstanceConf, NodeConf, Priority, StateKind, Vrid};
use evenkeel_wire::vrrp::GROUP_V4;

use crate::world::{Life, World, address};

/// What came out.
pub(crate) struct Played {
    pub(crate) breaches: Vec<String>,
    pub(crate) log: Vec<String>,
    pub(crate) events: u64,
}

/// The choices that the seed made.
struct Cast {
    confs: Vec<NodeConf>,
    instances: usize,
    interval: Duration,
    preempt: bool,
    preempt_delay: Duration,
    grouped: bool,
    lease: Option<Lease>,
}

fn cast(rng: &mut Rng) -> Cast {
    let hosts = 2 + rng.below(3) as usize;
    let instances = 1 + rng.below(3) as usize;
    let version = if rng.below(2) == 0 { Version::V2 } else { Version::V3 };
    let interval = match version {
        Version::V2 => Duration::from_secs(1 + u64::from(rng.below(2))),
        Version::V3 => Duration::from_millis([10, 50, 100, 500, 1000][rng.below(5) as usize]),
    };
    let preempt = rng.below(4) != 0;
    let preempt_delay = if preempt && rng.below(4) == 0 { interval * 2 } else { Duration::ZERO };
    let grouped = instances > 1 && rng.below(3) == 0;
    // Rare: unoptimized hashes take most of the time.
    let signed = rng.below(24) == 0;
    let unicast = rng.below(4) == 0;
    let lease = (rng.below(4) != 0).then(|| {
        let lifetime = Duration::from_secs((interval.as_millis() as u64 * 3).div_ceil(1000).max(1));
        Lease { lifetime, refresh: lifetime / 4 }
    });
    let auth = if signed {
        Auth::Hmac(HmacConf {
            keys: vec![(1, vec![7; 32])],
            active_key: 1,
            anti_replay: if rng.below(2) == 0 {
                AntiReplay::Monotonic
            } else {
                AntiReplay::Time { window: (interval * 3).max(Duration::from_secs(1)) }
            },
            mode: HmacMode::Enforce,
        })
    } else if version == Version::V2 {
        match rng.below(8) {
            0..4 => Auth::None,
            4..7 => Auth::Pass(*b"1111\0\0\0\0"),
            _ => Auth::Ah(*b"1111\0\0\0\0"),
        }
    } else {
        Auth::None
    };
    let equal = rng.below(4) == 0;
    let owner = rng.below(6) == 0;
    let confs = (0..hosts)
        .map(|host| {
            let shared = 50 + 10 * host as u32 + rng.below(5);
            let members = (0..instances).map(|n| {
                let own = if grouped { shared } else { 30 + 50 * ((host + n) % hosts) as u32 + rng.below(5) };
                let priority = match (equal, owner && host == 0) {
                    (_, true) => 255,
                    (true, false) => 100,
                    (false, false) => own,
                };
                InstanceConf {
                    name: format!("VI_{n}"),
                    vrid: Vrid::new(51 + n as u32).expect("a vrid"),
                    priority: Priority::new(priority).expect("a priority"),
                    version,
                    family: Family::V4,
                    state: if rng.below(2) == 0 { WantedState::Master } else { WantedState::Backup },
                    interface: InterfaceId(0),
                    advert_interval: interval,
                    addresses: vec![IpAddr::from([192, 0, 2, 100 + n as u8])],
                    source: None,
                    track_source: false,
                    destination: if unicast {
                        let peer = |n| UnicastPeer { address: address(n), min_ttl: 0, max_ttl: 255 };
                        Destination::Unicast((0..hosts).filter(|n| *n != host).map(peer).collect())
                    } else {
                        Destination::Multicast(IpAddr::V4(GROUP_V4))
                    },
                    ttl: 255,
                    check_unicast_source: unicast && rng.below(2) == 0,
                    auth: auth.clone(),
                    checksum: Checksum::Auto,
                    preempt,
                    preempt_delay,
                    down_timer_adverts: 3,
                    lower_prio_no_advert: rng.below(4) == 0,
                    higher_prio_send_advert: rng.below(4) == 0,
                    skip_check_addresses: rng.below(4) == 0,
                    strict: false,
                    accept: true,
                    owner_ignore_adverts: false,
                    dont_track_primary: false,
                    tracks: Vec::new(),
                    group: grouped.then_some(GroupId(0)),
                    announce: Announce {
                        master_delay: interval * 5,
                        master_repeat: 2,
                        lower_prio_delay: interval,
                        lower_prio_repeat: 1,
                        master_refresh: Duration::ZERO,
                        master_refresh_repeat: 1,
                    },
                    lease,
                    startup_delay: Duration::ZERO,
                    notify_priority_changes: false,
                }
            });
            let members: Vec<InstanceConf> = members.collect();
            let groups = grouped.then(|| GroupConf {
                name: "G".into(),
                members: (0..instances as u32).map(InstanceId).collect(),
                tracks: Vec::new(),
                tracking_weight: false,
                global_tracking: false,
            });
            NodeConf {
                interfaces: vec!["eth0".into()],
                instances: members,
                groups: groups.into_iter().collect(),
                ..NodeConf::default()
            }
        })
        .collect();
    Cast { confs, instances, interval, preempt, preempt_delay, grouped, lease }
}

impl Cast {
    /// The longest down interval of anybody.
    fn down(&self) -> Duration {
        let version = self.confs[0].instances[0].version;
        let skew = match version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.interval,
        };
        self.interval * 3 + skew
    }

    /// After so much quiet a partition has one master. A worse one may first take over, then be asked to yield.
    fn settles(&self) -> Duration {
        let lease = self.lease.map_or(Duration::ZERO, |lease| lease.lifetime);
        // A clock that was wrong within the window makes its sender's packets replays for so long.
        let window = self.window().unwrap_or_default();
        self.down() * 3 + self.preempt_delay + lease + self.interval * 2 + window
    }

    fn window(&self) -> Option<Duration> {
        match &self.confs[0].instances[0].auth {
            Auth::Hmac(HmacConf { anti_replay: AntiReplay::Time { window }, .. }) => Some(*window),
            _ => None,
        }
    }

    /// Only sequences with a window forgive clocks that were set: a restart after a wrong clock is a replay else.
    fn is_timed(&self) -> bool {
        self.window().is_some()
    }
}

/// Plays a seed to its end.
pub(crate) fn play(seed: u64, verbose: bool) -> Played {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let cast = cast(&mut rng);
    let mut world = World::new(seed, cast.confs.clone(), verbose);
    for host in 0..world.len() {
        world.boot(host);
        world.run(Duration::from_micros(u64::from(rng.below(cast.interval.as_micros() as u32 * 2))));
    }
    let mut breaches = Vec::new();
    for _ in 0..2 + rng.below(3) {
        chaos(&mut world, &cast, &mut rng);
        if rng.below(2) == 0 {
            quiet_halves(&mut world, &cast, &mut rng, &mut breaches);
        }
        heal(&mut world);
        world.run(cast.settles());
        settled(&mut world, &cast, &mut breaches);
        takeover(&mut world, &cast, &mut rng, &mut breaches);
    }
    breaches.append(&mut world.breaches);
    Played { breaches, log: std::mem::take(&mut world.log), events: world.events_done }
}

/// Some intervals in which anything may happen.
fn chaos(world: &mut World, cast: &Cast, rng: &mut Rng) {
    world.loss = rng.below(600);
    world.doubled = rng.below(200);
    // Longer than an interval at times: adverts overtake each other.
    world.delay_max = cast.interval * rng.below(3) / 2 + Duration::from_micros(200);
    world.reorders = true;
    for _ in 0..8 + rng.below(12) {
        let host = rng.below(world.len() as u32) as usize;
        let other = rng.below(world.len() as u32) as usize;
        match rng.below(15) {
            0 => world.kill(host),
            1 => world.power_off(host),
            2 if world.life(host) == Life::Runs => world.stop(host),
            3 => world.pause(host),
            4 => world.resume(host),
            5 | 6 => world.boot(host),
            7 if host != other => world.cut[host][other] = true,
            8 => world.cut[host][other] = false,
            9 => drop(part(world, rng)),
            10 => world.tell_link(host, false),
            11 => world.tell_link(host, true),
            13 => reload(world, cast, rng, host),
            12 if cast.is_timed() => {
                let step = i64::from(rng.below(6_000_000)) - 3_000_000;
                world.step_clock(host, step);
            }
            _ => {}
        }
        let most = cast.interval.as_micros() as u32 * 4;
        world.run(Duration::from_micros(u64::from(rng.below(most))));
    }
}

/// The same file again, or other priorities.
fn reload(world: &mut World, cast: &Cast, rng: &mut Rng, host: usize) {
    if world.life(host) == Life::Paused {
        return;
    }
    let mut conf = world.conf(host).clone();
    if rng.below(2) == 0 {
        let shared = 20 + rng.below(200);
        for instance in &mut conf.instances {
            let own = if cast.grouped { shared } else { 20 + rng.below(200) };
            instance.priority = Priority::new(own).expect("a priority");
        }
    }
    world.reload(host, conf);
}

/// Two halves that do not hear each other.
fn part(world: &mut World, rng: &mut Rng) -> Vec<usize> {
    let sides: Vec<usize> = (0..world.len()).map(|_| rng.below(2) as usize).collect();
    for a in 0..world.len() {
        for b in 0..world.len() {
            world.cut[a][b] = sides[a] != sides[b];
        }
    }
    sides
}

/// Everything works again.
fn heal(world: &mut World) {
    world.loss = 0;
    world.doubled = 0;
    world.reorders = false;
    world.delay_max = Duration::from_micros(200);
    for host in 0..world.len() {
        for other in 0..world.len() {
            world.cut[host][other] = false;
        }
        world.step_clock(host, 0);
        world.resume(host);
        world.boot(host);
        world.tell_link(host, true);
    }
}

/// In each half of a parted network there is one master once it is quiet.
fn quiet_halves(world: &mut World, cast: &Cast, rng: &mut Rng, breaches: &mut Vec<String>) {
    heal(world);
    let sides = part(world, rng);
    world.run(cast.settles());
    for side in [0, 1] {
        let members: Vec<usize> = (0..world.len()).filter(|host| sides[*host] == side).collect();
        if members.is_empty() {
            continue;
        }
        for instance in 0..cast.instances as u32 {
            let masters: Vec<usize> =
                world.masters(instance).into_iter().filter(|host| members.contains(host)).collect();
            if masters.len() != 1 {
                breaches.push(format!(
                    "at {} ms: half {members:?} has masters {masters:?} of {instance}",
                    world.now.as_millis()
                ));
            }
        }
    }
}

/// One master, the right one, which alone has the addresses; and then nothing happens.
fn settled(world: &mut World, cast: &Cast, breaches: &mut Vec<String>) {
    let at = world.now.as_millis();
    for instance in 0..cast.instances as u32 {
        let masters = world.masters(instance);
        let holders = world.holders(instance);
        if masters.len() != 1 || masters != holders {
            breaches.push(format!("at {at} ms: masters {masters:?}, holders {holders:?} of {instance}"));
            continue;
        }
        for host in 0..world.len() {
            let state = world.state(host, instance);
            if host != masters[0] && state != Some(StateKind::Backup) {
                breaches.push(format!("at {at} ms: host {host}/{instance} is {state:?}"));
            }
        }
        let best = (0..world.len())
            .max_by_key(|host| (cast.confs[*host].instances[instance as usize].priority, address(*host)));
        // Equals do not preempt each other, so only who is truly better must win.
        let of = |host: usize| world.conf(host).instances[instance as usize].priority;
        if let Some(best) = best
            && cast.preempt
            && of(masters[0]) < of(best)
        {
            breaches.push(format!("at {at} ms: host {} is master of {instance}, not {best}", masters[0]));
        }
    }
    let (transitions, doubts) = (world.transitions, world.doubts.len());
    world.run(cast.interval * 8);
    if world.transitions != transitions {
        breaches.push(format!("at {at} ms: it flaps: {} transitions", world.transitions - transitions));
    }
    if world.doubts.len() != doubts {
        breaches.push(format!("at {at} ms: doubts about nothing: {:?}", &world.doubts[doubts..]));
    }
}

/// The master goes, in one of many ways; the addresses are back within the down interval.
fn takeover(world: &mut World, cast: &Cast, rng: &mut Rng, breaches: &mut Vec<String>) {
    let Some(master) = world.masters(0).first().copied() else { return };
    if cast.grouped && world.masters(1) != [master] {
        breaches.push(format!("at {} ms: the group's masters differ", world.now.as_millis()));
        return;
    }
    let at = world.now;
    let polite = rng.below(2) == 0;
    if polite {
        world.stop(master);
    } else {
        world.power_off(master);
    }
    let limit = if polite { cast.down() - cast.interval * 3 } else { cast.down() };
    world.run(limit + Duration::from_millis(1));
    for instance in 0..cast.instances as u32 {
        let holders = world.holders(instance);
        if holders.is_empty() {
            breaches.push(format!(
                "at {} ms, {} ms after host {master} went ({}), nobody has {instance}",
                world.now.as_millis(),
                (world.now - at).as_millis(),
                if polite { "politely" } else { "at once" }
            ));
        }
    }
}
