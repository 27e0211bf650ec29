//! BFD's sessions (`bfd_instance`): their sockets and times; what they say of their neighbours goes to the VRRP brain.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU8;

use evenkeel_base::Instant;
use evenkeel_bfd::{BfdConf, HopCheck, Input, Output, Role, Session, select};
use evenkeel_plan::keeper::{BfdPlan, KeeperPlan, TrackPlan};
use evenkeel_sys::hop::HopSocket;
use evenkeel_sys::poll::Poller;
use evenkeel_vrrp::Node;
use evenkeel_vrrp::conf::TrackId;
use evenkeel_wire::bfd::{Control, PORT, State};

use crate::control::{LogLevel, Logger};
use crate::keys;

/// Datagrams read before the loop goes on.
const DATAGRAMS_MAX: usize = 64;
/// Source ports (RFC 5881 §4): one for each session, tried from the first on.
const SOURCE_FIRST: u16 = 49152;
/// Longest control packet that is of interest.
const PACKET_MAX: usize = 128;

#[derive(Debug)]
struct One {
    track: TrackId,
    name: String,
    source: Option<IpAddr>,
    session: Session,
    out: HopSocket,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: Vec<One>,
    v4: Option<HopSocket>,
    v6: Option<HopSocket>,
}

fn conf(plan: &BfdPlan) -> BfdConf {
    BfdConf {
        neighbor: plan.neighbor,
        min_tx: plan.min_tx,
        min_rx: plan.min_rx,
        idle_tx: plan.idle_tx,
        multiplier: NonZeroU8::new(plan.multiplier).unwrap_or(NonZeroU8::MIN),
        role: if plan.passive { Role::Passive } else { Role::Active },
        hops: HopCheck { ttl: plan.ttl, max_hops: plan.max_hops },
    }
}

impl Sessions {
    /// Runs a plan's sessions: those with the same neighbour go on, others begin and end. Tells how they are.
    pub(crate) fn set(
        &mut self,
        poller: &Poller,
        plan: &KeeperPlan,
        node: &mut Node,
        seed: u64,
        log: &Logger,
        now: Instant,
    ) {
        let mut old = std::mem::take(&mut self.all);
        for (n, (track, names)) in plan.tracks.iter().zip(&plan.node.tracks).enumerate() {
            let TrackPlan::Bfd(bfd) = track else { continue };
            let track = TrackId(n as u32);
            let same = |one: &One| one.session.conf().neighbor == bfd.neighbor && one.source == bfd.source;
            if let Some(at) = old.iter().position(same) {
                let mut one = old.swap_remove(at);
                (one.track, one.name) = (track, names.name.clone());
                let wanted = conf(bfd);
                if *one.session.conf() != wanted {
                    one.session.handle(Input::Configure(&wanted), now);
                }
                self.all.push(one);
                continue;
            }
            match bind_source(bfd) {
                Ok(out) => {
                    // Each its own stream of luck.
                    let session = Session::new(conf(bfd), seed.wrapping_add(n as u64), now);
                    self.all.push(One { track, name: names.name.clone(), source: bfd.source, session, out });
                }
                Err(e) => {
                    log(LogLevel::Error, &format!("BFD_Instance({}) cannot open a socket: {e}", names.name));
                    node.handle(evenkeel_vrrp::Input::Bfd(track, false), now);
                }
            }
        }
        for one in &mut old {
            one.session.handle(Input::Disable, now);
            say(one, log);
        }
        self.listen(poller, log);
        for one in &mut self.all {
            say(one, log);
            node.handle(evenkeel_vrrp::Input::Bfd(one.track, one.session.view().state == State::Up), now);
        }
    }

    fn listen(&mut self, poller: &Poller, log: &Logger) {
        let wants = |v6: bool| self.all.iter().any(|one| one.session.conf().neighbor.is_ipv6() == v6);
        let (v4, v6) = (wants(false), wants(true));
        let open = |at: IpAddr, key: u64| {
            let socket = HopSocket::bind(SocketAddr::new(at, PORT), None);
            match socket.and_then(|socket| poller.add(&socket, key).map(|()| socket)) {
                Ok(socket) => Some(socket),
                Err(e) => {
                    log(LogLevel::Error, &format!("cannot hear BFD on port {PORT}: {e}"));
                    None
                }
            }
        };
        self.v4 = self
            .v4
            .take()
            .filter(|_| v4)
            .or_else(|| v4.then(|| open(Ipv4Addr::UNSPECIFIED.into(), keys::BFD)).flatten());
        self.v6 = self
            .v6
            .take()
            .filter(|_| v6)
            .or_else(|| v6.then(|| open(Ipv6Addr::UNSPECIFIED.into(), keys::BFD6)).flatten());
    }

    /// Reads what neighbours say.
    pub(crate) fn on_packets(&mut self, v6: bool, node: &mut Node, log: &Logger, now: Instant) {
        let mut buf = [0u8; PACKET_MAX];
        for _ in 0..DATAGRAMS_MAX {
            let Some(socket) = (if v6 { &self.v6 } else { &self.v4 }) else { return };
            let Ok((n, source, ttl)) = socket.receive(&mut buf) else { return };
            let neighbours = self.all.iter().map(|one| one.session.conf().neighbor);
            let Some(one) = select(source, neighbours).and_then(|at| self.all.get_mut(at)) else { continue };
            let packet = Control::parse(buf.get(..n).unwrap_or_default());
            one.session.handle(Input::Packet { packet: packet.as_ref().map_err(|e| *e), ttl }, now);
            carry_out(one, node, log, now);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.all.iter().filter_map(|one| one.session.deadline()).map(|d| d.at).min()
    }

    pub(crate) fn on_time(&mut self, node: &mut Node, log: &Logger, now: Instant) {
        for one in &mut self.all {
            if one.session.deadline().is_some_and(|d| d.at <= now) {
                one.session.on_deadline(now);
                carry_out(one, node, log, now);
            }
        }
    }

    /// The daemon ends: neighbours are told.
    pub(crate) fn stop(&mut self, log: &Logger, now: Instant) {
        for one in &mut self.all {
            one.session.handle(Input::Disable, now);
            say(one, log);
        }
        self.all.clear();
    }

    /// Each session with its track, for dumps.
    pub(crate) fn views(&self) -> Vec<(TrackId, evenkeel_bfd::View)> {
        self.all.iter().map(|one| (one.track, one.session.view())).collect()
    }
}

fn carry_out(one: &mut One, node: &mut Node, log: &Logger, now: Instant) {
    if let Some(up) = say(one, log) {
        node.handle(evenkeel_vrrp::Input::Bfd(one.track, up), now);
    }
}

/// Sends what the session wants to say; whether it is up, if that has changed.
fn say(one: &mut One, log: &Logger) -> Option<bool> {
    let mut up = None;
    while let Some(output) = one.session.poll() {
        match output {
            Output::Send(control) => {
                let to = SocketAddr::new(one.session.conf().neighbor, PORT);
                // A packet that cannot be sent is one that the neighbour misses: that is what BFD is for.
                let _ = one.out.send(to, &control.to_bytes());
            }
            Output::Changed(change) => {
                up = Some(change.to == State::Up);
                log(LogLevel::Info, &format!("BFD_Instance({}) Entering {:?} state", one.name, change.to));
            }
        }
    }
    up
}

fn bind_source(plan: &BfdPlan) -> io::Result<HopSocket> {
    let any = if plan.neighbor.is_ipv4() {
        IpAddr::from(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::from(Ipv6Addr::UNSPECIFIED)
    };
    let at = plan.source.unwrap_or(any);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in SOURCE_FIRST..=u16::MAX {
        match HopSocket::bind(SocketAddr::new(at, port), Some(plan.ttl)) {
            Ok(socket) => return Ok(socket),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}
