//! A seeded world: nodes with kernels on a LAN that loses, delays, doubles and parts, on virtual time. Everything follows
//! from the seed. It judges by itself what brains do: every transition must be one that the RFC asks for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use evenkeel_base::rng::Rng;
use evenkeel_base::time::{Duration, Instant};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId};
use evenkeel_vrrp::{
    Because, Entered, Input, InterfaceState, Node, NodeConf, Output, Received, StateKind, What, Whom,
};

/// A message on its way, or something else that will happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives { to: usize, from: usize, bytes: Rc<[u8]>, source: IpAddr, destination: IpAddr },
    Answer { to: usize, from: usize, address: IpAddr },
    Wakes { node: usize },
}

/// How a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Runs,
    /// Its daemon was killed; its kernel goes on.
    Killed,
    /// Its daemon is stopped and will go on.
    Paused,
}

#[derive(Debug)]
struct Host {
    conf: NodeConf,
    node: Option<Node>,
    life: Life,
    died: Instant,
    /// Packets for a paused daemon.
    backlog: Vec<Event>,
    /// The one wake-up that counts.
    wakes: Option<Instant>,
    /// What the kernel has: until when (`None`: for ever).
    held: BTreeMap<u32, Option<Instant>>,
    /// Its wall clock is off by that.
    step_us: i64,
    /// By instance: the last advert that counts for it, and the silence it asks for.
    heard: BTreeMap<u32, Instant>,
}

/// See the module.
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Instant,
    hosts: Vec<Host>,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    serial: u64,
    /// `cut[a][b]`: what a sends does not reach b.
    pub(crate) cut: Vec<Vec<bool>>,
    /// Of a thousand.
    pub(crate) loss: u32,
    pub(crate) doubled: u32,
    pub(crate) delay_max: Duration,
    /// Later packets may come before earlier ones.
    pub(crate) reorders: bool,
    last_arrival: Vec<Vec<Instant>>,
    /// Transitions into each state.
    pub(crate) transitions: u32,
    pub(crate) doubts: Vec<String>,
    /// Transitions that nothing asked for, and the like.
    pub(crate) breaches: Vec<String>,
    pub(crate) events_done: u64,
    pub(crate) log: Vec<String>,
    pub(crate) verbose: bool,
}

pub(crate) fn address(host: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, host as u8 + 1))
}

fn mac(host: usize) -> [u8; 6] {
    [2, 0, 0, 0, 0, host as u8 + 1]
}

const EPOCH_US: u64 = 1_800_000_000_000_000;

impl World {
    pub(crate) fn new(seed: u64, confs: Vec<NodeConf>, verbose: bool) -> Self {
        let n = confs.len();
        let host = |conf: NodeConf| Host {
            conf,
            node: None,
            life: Life::Killed,
            died: Instant::from_millis(0),
            backlog: Vec::new(),
            wakes: None,
            held: BTreeMap::new(),
            step_us: 0,
            heard: BTreeMap::new(),
        };
        Self {
            rng: Rng::new(seed),
            now: Instant::from_millis(1_000),
            hosts: confs.into_iter().map(host).collect(),
            events: BinaryHeap::new(),
            serial: 0,
            cut: vec![vec![false; n]; n],
            loss: 0,
            doubled: 0,
            delay_max: Duration::from_micros(200),
            reorders: false,
            last_arrival: vec![vec![Instant::from_millis(0); n]; n],
            transitions: 0,
            doubts: Vec::new(),
            breaches: Vec::new(),
            events_done: 0,
            log: Vec::new(),
            verbose,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len()
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.log.push(format!("{:>9.3} {}", self.now.as_nanos() as f64 / 1e6, text()));
        }
    }

    fn breach(&mut self, text: String) {
        self.note(|| format!("BREACH {text}"));
        self.breaches.push(format!("at {} ms: {text}", self.now.as_millis()));
    }

    pub(crate) fn life(&self, host: usize) -> Life {
        self.hosts[host].life
    }

    /// Starts a host's daemon.
    pub(crate) fn boot(&mut self, host: usize) {
        if self.hosts[host].life != Life::Killed {
            return;
        }
        self.note(|| format!("host {host} boots"));
        let node = Node::new(self.hosts[host].conf.clone(), self.now);
        self.hosts[host].node = Some(node);
        self.hosts[host].life = Life::Runs;
        self.hosts[host].heard.clear();
        let wall_us = self.wall_us(host);
        self.tell(host, Input::Date(wall_us));
        self.tell_link(host, true);
        self.tell(host, Input::Start);
    }

    pub(crate) fn tell_link(&mut self, host: usize, running: bool) {
        let addresses = [address(host)];
        let state =
            InterfaceState { exists: true, running, mac: Some(mac(host)), mtu: 1500, addresses: &addresses };
        self.tell(host, Input::Interface(InterfaceId(0), state));
    }

    pub(crate) fn conf(&self, host: usize) -> &NodeConf {
        &self.hosts[host].conf
    }

    /// HUP with another file.
    pub(crate) fn reload(&mut self, host: usize, conf: NodeConf) {
        self.note(|| format!("host {host} reloads"));
        self.hosts[host].conf = conf.clone();
        if self.hosts[host].life == Life::Runs {
            self.tell(host, Input::Reload(Box::new(conf)));
        }
    }

    /// `kill -9`: addresses stay behind, as far as their lease goes.
    pub(crate) fn kill(&mut self, host: usize) {
        self.note(|| format!("host {host} is killed"));
        let now = self.now;
        let host = &mut self.hosts[host];
        host.node = None;
        host.life = Life::Killed;
        host.died = now;
        host.backlog.clear();
    }

    /// The whole machine loses power.
    pub(crate) fn power_off(&mut self, host: usize) {
        self.kill(host);
        self.hosts[host].held.clear();
    }

    /// TERM.
    pub(crate) fn stop(&mut self, host: usize) {
        self.note(|| format!("host {host} is told to stop"));
        self.tell(host, Input::Stop);
        self.kill(host);
    }

    pub(crate) fn pause(&mut self, host: usize) {
        if self.hosts[host].life == Life::Runs {
            self.note(|| format!("host {host} is paused"));
            self.hosts[host].life = Life::Paused;
        }
    }

    pub(crate) fn resume(&mut self, host: usize) {
        if self.hosts[host].life != Life::Paused {
            return;
        }
        self.note(|| format!("host {host} goes on"));
        self.hosts[host].life = Life::Runs;
        for event in std::mem::take(&mut self.hosts[host].backlog) {
            self.deliver(event);
        }
        self.wake(host);
    }

    pub(crate) fn step_clock(&mut self, host: usize, step_us: i64) {
        self.note(|| format!("host {host}: clock off by {step_us} us"));
        self.hosts[host].step_us = step_us;
    }

    fn wall_us(&self, host: usize) -> u64 {
        (EPOCH_US + self.now.as_nanos() / 1000).saturating_add_signed(self.hosts[host].step_us)
    }

    pub(crate) fn tell(&mut self, host: usize, input: Input<'_>) {
        let now = self.now;
        if let Some(node) = &mut self.hosts[host].node {
            node.handle(input, now);
        }
        self.drain(host);
    }

    /// Deadlines of a host that runs.
    fn wake(&mut self, host: usize) {
        if self.hosts[host].life != Life::Runs {
            return;
        }
        let (now, wall_us) = (self.now, self.wall_us(host));
        if let Some(node) = &mut self.hosts[host].node {
            if node.signs() {
                node.handle(Input::Date(wall_us), now);
            }
            node.on_deadline(now);
        }
        self.drain(host);
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((at, self.serial, event)));
    }

    fn drain(&mut self, host: usize) {
        loop {
            let Some(node) = &mut self.hosts[host].node else { return };
            let Some(output) = node.poll() else { break };
            self.act(host, output);
        }
        let next = self.hosts[host].node.as_ref().and_then(|node| node.deadline());
        if let Some(at) = next.map(|next| next.at.max(self.now))
            && self.hosts[host].wakes.is_none_or(|wakes| at < wakes)
        {
            self.hosts[host].wakes = Some(at);
            self.push(at, Event::Wakes { node: host });
        }
    }

    fn act(&mut self, host: usize, output: Output) {
        match output {
            Output::Send(packet) => {
                let bytes = Rc::from(packet.bytes);
                for to in 0..self.hosts.len() {
                    let meant = packet.destination.is_multicast() || packet.destination == address(to);
                    if to != host && meant {
                        self.transmit(host, to, &bytes, packet.source, packet.destination);
                    }
                }
            }
            Output::Take { instance, lease } => {
                let until = lease.map(|lease| self.now + lease);
                self.hosts[host].held.insert(instance.0, until);
            }
            Output::Refresh { instance, lease } => {
                let until = self.now + lease;
                self.hosts[host].held.insert(instance.0, Some(until));
            }
            Output::Release(instance) => {
                self.hosts[host].held.remove(&instance.0);
            }
            Output::Probe { address, .. } => self.ask(host, address),
            Output::Log(event) => self.hear_log(host, &event),
            Output::Announce { .. }
            | Output::Notify(_)
            | Output::RunScript(_)
            | Output::KillScript(_)
            | Output::Reloaded => {}
        }
    }

    fn transmit(&mut self, from: usize, to: usize, bytes: &Rc<[u8]>, source: IpAddr, destination: IpAddr) {
        if self.cut[from][to] || self.rng.below(1000) < self.loss {
            return;
        }
        let copies = if self.rng.below(1000) < self.doubled { 2 } else { 1 };
        for _ in 0..copies {
            let delay = u64::from(self.rng.below(self.delay_max.as_micros() as u32 + 1));
            let mut at = self.now + Duration::from_micros(20 + delay);
            if !self.reorders {
                at = at.max(self.last_arrival[from][to] + Duration::from_nanos(1));
            }
            self.last_arrival[from][to] = at;
            self.push(at, Event::Arrives { to, from, bytes: Rc::clone(bytes), source, destination });
        }
    }

    /// An ARP request.
    fn ask(&mut self, asker: usize, wanted: IpAddr) {
        for other in 0..self.hosts.len() {
            if other == asker || self.cut[asker][other] || self.cut[other][asker] {
                continue;
            }
            let conf = &self.hosts[other].conf;
            let has = conf.instances.iter().enumerate().any(|(n, instance)| {
                instance.addresses.contains(&wanted) && self.holds(other, InstanceId(n as u32))
            });
            if has {
                let at = self.now + Duration::from_micros(100);
                self.push(at, Event::Answer { to: asker, from: other, address: wanted });
            }
        }
    }

    /// Whether a host's kernel has an instance's addresses now.
    pub(crate) fn holds(&self, host: usize, instance: InstanceId) -> bool {
        self.hosts[host].held.get(&instance.0).is_some_and(|until| until.is_none_or(|until| self.now < until))
    }

    pub(crate) fn state(&self, host: usize, instance: u32) -> Option<StateKind> {
        let node = self.hosts[host].node.as_ref()?;
        node.view().instance(InstanceId(instance)).map(|view| view.state())
    }

    /// Who is master of an instance, of those that run or pause.
    pub(crate) fn masters(&self, instance: u32) -> Vec<usize> {
        (0..self.hosts.len()).filter(|host| self.state(*host, instance) == Some(StateKind::Master)).collect()
    }

    pub(crate) fn holders(&self, instance: u32) -> Vec<usize> {
        (0..self.hosts.len()).filter(|host| self.holds(*host, InstanceId(instance))).collect()
    }

    /// Every transition is judged by what has really arrived.
    fn hear_log(&mut self, host: usize, event: &evenkeel_vrrp::Event) {
        self.note(|| format!("host {host}: {event}"));
        let Whom::Instance(id, _) = &event.whom else { return };
        match &event.what {
            What::Entered(state, because) => {
                self.transitions += 1;
                self.judge(host, id.0, *state, because);
            }
            What::Doubted(doubt) => self.doubts.push(format!("host {host}: {doubt}")),
            _ => {}
        }
    }

    fn judge(&mut self, host: usize, instance: u32, state: Entered, because: &Because) {
        let conf = &self.hosts[host].conf.instances[instance as usize];
        match (state, because) {
            (Entered::Master, Because::Timeout { silence, interval, skew }) => {
                let least = *interval * conf.down_timer_adverts + *skew;
                let truly = self.hosts[host].heard.get(&instance).map(|at| self.now - *at);
                if *silence < least {
                    self.breach(format!(
                        "host {host}/{instance} took over after {silence:?}, least is {least:?}"
                    ));
                }
                if truly.is_some_and(|truly| truly < least) {
                    self.breach(format!("host {host}/{instance} took over {truly:?} after an advert"));
                }
            }
            (Entered::Backup, Because::Advert { from, theirs, ours }) => {
                let better = theirs > ours || (theirs == ours && *from > address(host));
                if !better {
                    self.breach(format!(
                        "host {host}/{instance} yielded to {from} with {theirs} against {ours}"
                    ));
                }
            }
            (Entered::Master, Because::Advert { .. } | Because::Fault(_)) => {
                self.breach(format!("host {host}/{instance} became master because of {because:?}"));
            }
            _ => {}
        }
    }

    /// Keeps what counts: adverts of at least the own priority, which must keep a backup quiet.
    fn overhear(&mut self, to: usize, bytes: &[u8]) {
        // Behind the IP header, and AH where there is one.
        let at = if bytes[9] == 51 { 44 } else { 20 };
        let (vrid, priority) = (bytes[at + 1], bytes[at + 2]);
        let Some(node) = &self.hosts[to].node else { return };
        let Some(view) = node.view().instances().find(|view| view.conf().vrid.get() == vrid) else { return };
        let (id, counts) = (view.id().0, priority >= view.effective());
        if counts && view.state() == StateKind::Backup && view.conf().auth == evenkeel_vrrp::conf::Auth::None
        {
            self.hosts[to].heard.insert(id, self.now);
        }
    }

    fn deliver(&mut self, event: Event) {
        match event {
            Event::Arrives { to, from, bytes, source, destination } => match self.hosts[to].life {
                Life::Killed => {}
                Life::Paused => {
                    self.hosts[to].backlog.push(Event::Arrives { to, from, bytes, source, destination });
                }
                Life::Runs => {
                    self.overhear(to, &bytes);
                    let wall_us = self.wall_us(to);
                    let interface = InterfaceId(0);
                    let ttl = Some(255);
                    let received = Received { interface, source, destination, ttl, bytes: &bytes, wall_us };
                    self.tell(to, Input::Packet(received));
                }
            },
            Event::Answer { to, from, address } => {
                if self.hosts[to].life == Life::Runs {
                    let mac = mac(from);
                    self.tell(to, Input::Answered { interface: InterfaceId(0), address, mac });
                }
            }
            Event::Wakes { node } => {
                if self.hosts[node].wakes == Some(self.now) {
                    self.hosts[node].wakes = None;
                    self.wake(node);
                }
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(Reverse((at, _, _))) = self.events.peek() {
            if *at > end {
                break;
            }
            let Some(Reverse((at, _, event))) = self.events.pop() else { break };
            self.now = self.now.max(at);
            // A wake-up for a deadline that has moved meanwhile costs nothing.
            self.events_done += 1;
            self.deliver(event);
            self.check_dead();
        }
        self.now = end;
        self.check_dead();
    }

    /// A killed daemon's addresses go with their lease.
    fn check_dead(&mut self) {
        for n in 0..self.hosts.len() {
            let host = &self.hosts[n];
            if host.life != Life::Killed {
                continue;
            }
            let too_long = host.held.iter().find(|(id, until)| {
                let lease = host.conf.instances[**id as usize].lease.map(|lease| lease.lifetime);
                match (until, lease) {
                    (Some(until), Some(lifetime)) => *until > host.died + lifetime,
                    (None, Some(_)) => true,
                    (_, None) => false,
                }
            });
            if let Some((id, until)) = too_long {
                let text = format!("host {n} died at {:?} and leaves {id} until {until:?}", host.died);
                self.breach(text);
            }
        }
    }
}
