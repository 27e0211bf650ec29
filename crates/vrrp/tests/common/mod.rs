//! A bench for one node on virtual time: what it wants done is written down, line by line.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::{IpAddr, Ipv4Addr};

use evenkeel_base::time::{Duration, Instant};
use evenkeel_vrrp::conf::{
    Announce, Auth, Checksum, Destination, Family, GroupConf, GroupId, InstanceId, InterfaceId, Lease,
    TrackConf, TrackId, TrackKind, TrackUse, Version, WantedState,
};
use evenkeel_vrrp::{
    Became, Input, InstanceConf, InterfaceState, Node, NodeConf, Output, Priority, Received, Subject, Vrid,
};
use evenkeel_wire::inet::Ends;
use evenkeel_wire::vrrp::{self as wire, Build, Proof, V2Auth};

pub(crate) const OURS: IpAddr = v4(1);
pub(crate) const GROUP: IpAddr = IpAddr::V4(wire::GROUP_V4);
pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

pub(crate) const fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// An instance as the seeds have it: version 2, one second, one address 192.0.2.{100 + vrid}.
pub(crate) fn instance(name: &str, vrid: u32, priority: u32) -> InstanceConf {
    InstanceConf {
        name: name.into(),
        vrid: Vrid::new(vrid).expect("a vrid"),
        priority: Priority::new(priority).expect("a priority"),
        version: Version::V2,
        family: Family::V4,
        state: WantedState::Backup,
        interface: InterfaceId(0),
        advert_interval: ms(1000),
        addresses: vec![v4(100_u8.wrapping_add(vrid as u8))],
        source: None,
        track_source: false,
        destination: Destination::Multicast(GROUP),
        ttl: 255,
        check_unicast_source: false,
        auth: Auth::None,
        checksum: Checksum::Auto,
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_timer_adverts: 3,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        skip_check_addresses: false,
        strict: false,
        accept: true,
        owner_ignore_adverts: false,
        dont_track_primary: false,
        tracks: Vec::new(),
        group: None,
        announce: Announce {
            master_delay: ms(5000),
            master_repeat: 5,
            lower_prio_delay: ms(5000),
            lower_prio_repeat: 5,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
        },
        lease: None,
        startup_delay: Duration::ZERO,
        notify_priority_changes: false,
    }
}

/// As [`instance`], version 3.
pub(crate) fn instance3(name: &str, vrid: u32, priority: u32, interval_ms: u64) -> InstanceConf {
    InstanceConf { version: Version::V3, advert_interval: ms(interval_ms), ..instance(name, vrid, priority) }
}

pub(crate) fn lease(lifetime_ms: u64, refresh_ms: u64) -> Option<Lease> {
    Some(Lease { lifetime: ms(lifetime_ms), refresh: ms(refresh_ms) })
}

pub(crate) fn node(instances: Vec<InstanceConf>) -> NodeConf {
    NodeConf { interfaces: vec!["eth0".into()], instances, ..NodeConf::default() }
}

pub(crate) fn script(name: &str, rise: u32, fall: u32) -> TrackConf {
    let kind = TrackKind::Script { interval: ms(1000), timeout: ms(1000), rise, fall, init_fail: false };
    TrackConf { name: name.into(), kind }
}

pub(crate) fn by(track: u32, weight: i32) -> TrackUse {
    TrackUse { track: TrackId(track), weight, reverse: false }
}

pub(crate) fn group(name: &str, members: &[u32]) -> GroupConf {
    GroupConf {
        name: name.into(),
        members: members.iter().map(|n| InstanceId(*n)).collect(),
        tracks: Vec::new(),
        tracking_weight: false,
        global_tracking: false,
    }
}

/// All instances in one group.
pub(crate) fn grouped(mut conf: NodeConf) -> NodeConf {
    let members: Vec<u32> = (0..conf.instances.len() as u32).collect();
    conf.groups = vec![group("G", &members)];
    for instance in &mut conf.instances {
        instance.group = Some(GroupId(0));
    }
    conf
}

/// An advert of another node.
#[derive(Clone, Debug)]
pub(crate) struct Advert {
    pub(crate) version: wire::Version,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) interval: Duration,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) auth: V2Auth,
    pub(crate) checksum: wire::Checksum,
    /// Changes the bytes afterwards.
    pub(crate) spoil: fn(&mut Vec<u8>),
}

/// As [`instance`]'s peer 192.0.2.2 would send it.
pub(crate) fn advert(vrid: u8, priority: u8) -> Advert {
    Advert {
        version: wire::Version::V2,
        vrid,
        priority,
        interval: ms(1000),
        addresses: vec![v4(100 + vrid)],
        from: v4(2),
        to: GROUP,
        ttl: 255,
        auth: V2Auth::None,
        checksum: wire::Checksum::Rfc,
        spoil: |_| {},
    }
}

pub(crate) fn advert3(vrid: u8, priority: u8, interval_ms: u64) -> Advert {
    Advert { version: wire::Version::V3, interval: ms(interval_ms), ..advert(vrid, priority) }
}

impl Advert {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Build {
            version: self.version,
            ends: Ends::new(self.from, self.to).expect("one family"),
            ttl: self.ttl,
            id: 1,
            vrid: self.vrid,
            priority: self.priority,
            interval: self.interval,
            addresses: &self.addresses,
            auth: self.auth,
            checksum: self.checksum,
            proof: Proof::None,
        }
        .write(&mut out)
        .expect("an advert");
        (self.spoil)(&mut out);
        out
    }
}

/// One node and a clock.
pub(crate) struct Bench {
    pub(crate) node: Node,
    pub(crate) now: Instant,
    /// What it wanted done, with the time in milliseconds.
    pub(crate) lines: Vec<String>,
    /// Runs scripts at once with these results, by name; others stay open.
    pub(crate) results: Vec<evenkeel_vrrp::ScriptOutcome>,
    /// Leaves regular adverts out of the lines.
    pub(crate) quiet: bool,
}

impl Bench {
    pub(crate) fn new(conf: NodeConf) -> Self {
        let now = Instant::from_millis(0);
        Self { node: Node::new(conf, now), now, lines: Vec::new(), results: Vec::new(), quiet: true }
    }

    /// Interface up with our address, then started.
    pub(crate) fn started(conf: NodeConf) -> Self {
        let mut bench = Self::new(conf);
        bench.interface(0, true, &[OURS]);
        bench.start();
        bench
    }

    pub(crate) fn start(&mut self) {
        self.input(Input::Start);
    }

    pub(crate) fn interface(&mut self, n: u32, running: bool, addresses: &[IpAddr]) {
        let state = InterfaceState { exists: true, running, mac: Some(MAC), mtu: 1500, addresses };
        self.input(Input::Interface(InterfaceId(n), state));
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.node.handle(input, self.now);
        self.drain();
    }

    pub(crate) fn hears(&mut self, advert: &Advert) {
        let bytes = advert.bytes();
        self.input(Input::Packet(Received {
            interface: InterfaceId(0),
            source: advert.from,
            destination: advert.to,
            ttl: Some(advert.ttl),
            bytes: &bytes,
            wall_us: 0,
        }));
    }

    /// Runs up to a moment.
    pub(crate) fn until(&mut self, at_ms: u64) {
        let end = Instant::from_millis(at_ms);
        while let Some(next) = self.node.deadline().filter(|next| next.at <= end) {
            assert!(next.at >= self.now, "{next:?} lies behind {:?}", self.now);
            self.now = next.at;
            self.node.on_deadline(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Nothing runs until then, as if the machine had stood still.
    pub(crate) fn sleep_until(&mut self, at_ms: u64) {
        self.now = Instant::from_millis(at_ms);
        self.node.on_deadline(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            if let Output::RunScript(id) = output
                && let Some(outcome) = self.results.get(id.0 as usize).copied()
            {
                self.node.handle(Input::ScriptEnded { track: id, outcome }, self.now);
                continue;
            }
            let Some(line) = describe(&output, self.quiet) else { continue };
            self.lines.push(format!("{} {line}", self.now.as_millis()));
        }
    }

    /// What was written down since the last call.
    pub(crate) fn take(&mut self) -> String {
        let mut text = self.lines.join("\n");
        self.lines.clear();
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

pub(crate) fn priority_of(bytes: &[u8]) -> u8 {
    wire::Packet::parse_v4(bytes).map_or(0, |packet| packet.advert.priority)
}

fn describe(output: &Output, quiet: bool) -> Option<String> {
    Some(match output {
        Output::Send(packet) => {
            let priority = priority_of(&packet.bytes);
            if quiet && priority != 0 {
                return None;
            }
            format!("send {} {priority} to {}", packet.instance.0, packet.destination)
        }
        Output::Take { instance, lease: None } => format!("take {}", instance.0),
        Output::Take { instance, lease: Some(lease) } => format!("take {} for {lease:?}", instance.0),
        Output::Refresh { instance, lease } => format!("refresh {} for {lease:?}", instance.0),
        Output::Release(instance) => format!("release {}", instance.0),
        Output::Announce { instance, repeat } => format!("announce {} x{repeat}", instance.0),
        Output::Notify(notice) => {
            let became = match notice.became {
                Became::Master => "MASTER",
                Became::Backup => "BACKUP",
                Became::Fault => "FAULT",
                Became::Stop => "STOP",
                Became::Deleted => "DELETED",
                Became::MasterRxLower => "MASTER_RX_LOWER_PRI",
                Became::Priority => "PRIORITY",
            };
            match notice.subject {
                Subject::Instance(id) => format!("notify INSTANCE {} {became} {}", id.0, notice.priority),
                Subject::Group(id) => format!("notify GROUP {} {became} {}", id.0, notice.priority),
            }
        }
        Output::RunScript(id) => format!("run {}", id.0),
        Output::KillScript(id) => format!("kill {}", id.0),
        Output::Reloaded => "reloaded".into(),
        Output::Probe { address, .. } => format!("probe {address}"),
        Output::Log(event) => format!("log {event}"),
    })
}
