//! A node: all its instances, groups, tracks and interfaces, their timers and what they want done. It finds whom an input
//! concerns, and looks after what instances have in common.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use evenkeel_base::time::{Duration, Instant};

use crate::codec;
use crate::conf::{Auth, Family, GroupConf, InstanceId, InterfaceId, NodeConf, TrackId, TrackKind, TrackUse};
use crate::doubt::Doubt;
use crate::event::{Event, Name, What, Whom};
use crate::group::Group;
use crate::input::{Input, InterfaceState, Received};
use crate::instance::{Ctx, Instance, Turn};
use crate::link::Link;
use crate::output::{Became, Notice, Output, Subject};
use crate::quiet::Quiet;
use crate::refusal::Refusal;
use crate::timers::{Deadline, Timer, Timers};
use crate::track::{Health, Settling, Track, Worth};
use crate::view::View;

/// Scripts without a usable interval run that often.
const SCRIPT_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Running,
    Stopped,
}

/// The date, as told once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Date {
    wall_us: u64,
    at: Instant,
}

/// All that one node keeps. See the crate's head for the contract.
#[derive(Debug)]
pub struct Node {
    pub(crate) phase: Phase,
    pub(crate) links: Vec<Link>,
    pub(crate) tracks: Vec<Track>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) groups: Vec<Group>,
    pub(crate) maps: Maps,
    pub(crate) timers: Timers,
    pub(crate) out: VecDeque<Output>,
    pub(crate) date: Date,
    pub(crate) log_unknown_vrids: bool,
    pub(crate) quiet: Quiet,
}

/// Who is where: built anew with each configuration.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    /// By interface, family and vrid.
    routers: BTreeMap<(InterfaceId, Family, u8), Vec<InstanceId>>,
    /// All floating addresses.
    pub(crate) virtuals: BTreeMap<IpAddr, Vec<InstanceId>>,
    /// What each instance tracks, with its group's.
    pub(crate) uses: Vec<Vec<TrackUse>>,
    /// By interface.
    residents: Vec<Vec<InstanceId>>,
}

impl Maps {
    pub(crate) fn new(conf: &NodeConf) -> Self {
        let mut maps = Self { residents: vec![Vec::new(); conf.interfaces.len()], ..Self::default() };
        for (n, instance) in conf.instances.iter().enumerate() {
            let id = InstanceId(n as u32);
            let key = (instance.interface, instance.family, instance.vrid.get());
            maps.routers.entry(key).or_default().push(id);
            for address in &instance.addresses {
                maps.virtuals.entry(*address).or_default().push(id);
            }
            if let Some(residents) = maps.residents.get_mut(instance.interface.0 as usize) {
                residents.push(id);
            }
            maps.uses.push(uses(conf, n));
        }
        maps
    }
}

/// What an instance tracks. In a group, members' own weights count as 0, so that all have the same priority changes
/// (keepalived.conf(5), VRRP synchronization groups).
fn uses(conf: &NodeConf, n: usize) -> Vec<TrackUse> {
    let Some(instance) = conf.instances.get(n) else { return Vec::new() };
    let group = instance.group.and_then(|id| conf.groups.get(id.0 as usize));
    let own = |tracks: &[TrackUse], group: Option<&GroupConf>| -> Vec<TrackUse> {
        let weighs = group.is_none_or(|group| group.tracking_weight);
        tracks.iter().map(|by| TrackUse { weight: if weighs { by.weight } else { 0 }, ..*by }).collect()
    };
    let mut all = own(&instance.tracks, group);
    if let Some(group) = group {
        all.extend_from_slice(&group.tracks);
        if group.global_tracking {
            for member in &group.members {
                if member.0 as usize != n
                    && let Some(member) = conf.instances.get(member.0 as usize)
                {
                    all.extend(own(&member.tracks, Some(group)));
                }
            }
        }
    }
    // Said twice, it counts once: the instance's own line.
    let mut seen = BTreeSet::new();
    all.retain(|by| seen.insert(by.track));
    all
}

/// Interfaces of which nothing is known yet.
pub(crate) fn links(conf: &NodeConf) -> Vec<Link> {
    let delays = |n: usize| conf.link_delays.get(n).copied().unwrap_or_default();
    conf.interfaces.iter().enumerate().map(|(n, name)| Link::new(name, delays(n))).collect()
}

impl Node {
    /// A node that waits for [`Input::Start`].
    pub fn new(conf: NodeConf, now: Instant) -> Self {
        let mut node = Self {
            phase: Phase::Waiting,
            links: links(&conf),
            maps: Maps::new(&conf),
            timers: Timers::new(conf.instances.len(), conf.tracks.len(), conf.interfaces.len()),
            tracks: conf.tracks.into_iter().map(Track::new).collect(),
            instances: conf
                .instances
                .into_iter()
                .enumerate()
                .map(|(n, conf)| Instance::new(InstanceId(n as u32), conf, now))
                .collect(),
            groups: conf.groups.into_iter().map(Group::new).collect(),
            out: VecDeque::new(),
            date: Date { wall_us: 0, at: now },
            log_unknown_vrids: conf.log_unknown_vrids,
            quiet: Quiet::default(),
        };
        node.find_users();
        node
    }

    /// Each track's users.
    pub(crate) fn find_users(&mut self) {
        for track in &mut self.tracks {
            track.users.clear();
        }
        for (n, uses) in self.maps.uses.iter().enumerate() {
            for by in uses {
                if let Some(track) = self.tracks.get_mut(by.track.0 as usize) {
                    track.users.push(InstanceId(n as u32));
                }
            }
        }
    }

    /// Takes an event.
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        match (input, self.phase) {
            (Input::Date(wall_us), _) => self.date = Date { wall_us, at: now },
            (Input::Interface(id, state), _) => self.interface(id, &state, now),
            (Input::Start, Phase::Waiting) => self.start(now),
            (Input::Start, Phase::Running | Phase::Stopped) | (_, Phase::Stopped) => {}
            (Input::Packet(received), _) => self.packet(&received, now),
            (Input::ScriptEnded { track, outcome }, _) => {
                self.change_track(track, now, |track| track.ended(outcome).0);
            }
            (Input::FileValue(id, value), _) => self.change_track(id, now, |track| {
                track.value = value.unwrap_or(0);
                Vec::new()
            }),
            (Input::ProcessQuorum(id, up), _) => self.quorum(id, up, now),
            (Input::Bfd(id, up), _) => self.change_track(id, now, |track| {
                track.set(up);
                Vec::new()
            }),
            (Input::Lost(id), _) => self.lost(id, now),
            (Input::AddressFailed(id, words), _) => {
                self.with(id, now, |instance, cx| instance.tell(cx, What::AddressFailed(words.to_owned())));
            }
            (Input::Answered { interface, address, mac }, _) => self.answered(interface, address, mac, now),
            (Input::SetPriority(id, priority), _) => {
                self.with(id, now, |instance, cx| {
                    instance.operator = priority;
                    instance.tell(cx, What::Operator(instance.operator));
                });
                self.reconsider([id], now);
            }
            (Input::Announce(id), _) => {
                self.with(id, now, |instance, cx| instance.announce_now(cx));
            }
            (Input::Reload(conf), _) => self.reload(*conf, now),
            (Input::Stop, _) => self.stop(now),
        }
        self.timers.tidy();
    }

    /// Deadlines may have come.
    pub fn on_deadline(&mut self, now: Instant) {
        while let Some(Deadline { at, why }) = self.timers.take_due(now) {
            self.fire(why, at, now);
        }
        self.timers.tidy();
    }

    /// When to call [`Node::on_deadline`].
    pub fn deadline(&self) -> Option<Deadline> {
        self.timers.next()
    }

    /// The next deed.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// As others see it.
    pub fn view(&self) -> View<'_> {
        View::new(self)
    }

    /// Whether an instance signs its adverts, so that the date matters.
    pub fn signs(&self) -> bool {
        self.instances.iter().any(|instance| matches!(instance.conf.auth, Auth::Hmac(_)))
    }

    fn fire(&mut self, why: Timer, at: Instant, now: Instant) {
        match why {
            Timer::Advert(id) => self.with(id, now, |instance, cx| instance.beat(cx)),
            Timer::Down(id) => self.down(id, now),
            Timer::Lease(id) => self.with(id, now, |instance, cx| instance.renew(cx)),
            Timer::Announce(id) => self.with(id, now, |instance, cx| instance.announce_second(cx)),
            Timer::AnnounceLower(id) => self.with(id, now, |instance, cx| instance.announce_lower_second(cx)),
            Timer::AnnounceAgain(id) => self.with(id, now, |instance, cx| instance.announce_again(cx)),
            Timer::Doubt(id) => self.with(id, now, |instance, cx| instance.sweep_doubts(cx)),
            Timer::Script(id) => self.script_turn(id, at, now),
            Timer::ScriptTimeout(id) => {
                self.out.push_back(Output::KillScript(id));
                self.change_track(id, now, |track| track.give_up().0);
            }
            Timer::Settle(id) => self.change_track(id, now, |track| {
                if let Some(up) = track.quorum {
                    track.set(up);
                }
                Vec::new()
            }),
            Timer::Link(id) => self.link_settled(id, false, now),
        }
    }

    /// Does something with an instance, if there is one of this number.
    pub(crate) fn with(&mut self, id: InstanceId, now: Instant, f: impl FnOnce(&mut Instance, &mut Ctx<'_>)) {
        let wall_us = self.wall_us(now);
        let Some(instance) = self.instances.get_mut(id.0 as usize) else { return };
        let mut cx = Ctx { now, out: &mut self.out, timers: &mut self.timers, wall_us };
        f(instance, &mut cx);
    }

    fn wall_us(&self, now: Instant) -> u64 {
        let passed = u64::try_from((now - self.date.at).as_micros()).unwrap_or(u64::MAX);
        self.date.wall_us.saturating_add(passed)
    }

    pub(crate) fn log(&mut self, whom: Whom, what: What) {
        let event = Event { whom, what };
        if event.is_logged() {
            self.out.push_back(Output::Log(event));
        }
    }

    fn start(&mut self, now: Instant) {
        self.phase = Phase::Running;
        let delay = self.instances.iter().map(|i| i.conf.startup_delay).max().unwrap_or_default();
        if !delay.is_zero() {
            self.log(Whom::Node, What::StartupDelay(delay));
        }
        let all: Vec<InstanceId> = (0..self.instances.len()).map(|n| InstanceId(n as u32)).collect();
        self.begin(&all, now);
        for n in 0..self.tracks.len() {
            self.start_script(TrackId(n as u32), now);
        }
    }

    /// Instances that are new: what an earlier life left behind goes first.
    pub(crate) fn begin(&mut self, ids: &[InstanceId], now: Instant) {
        for id in ids {
            self.with(*id, now, |instance, cx| {
                instance.starts = now + instance.conf.startup_delay;
                instance.release(cx);
            });
        }
        self.reconsider(ids.iter().copied(), now);
    }

    /// A script's first run, where somebody tracks it.
    pub(crate) fn start_script(&mut self, id: TrackId, now: Instant) {
        let Some(track) = self.tracks.get(id.0 as usize) else { return };
        if track.users.is_empty() || track.script_times().is_none() {
            return;
        }
        self.timers.set(Timer::Script(id), now);
    }

    fn script_turn(&mut self, id: TrackId, due: Instant, now: Instant) {
        let Some(track) = self.tracks.get_mut(id.0 as usize) else { return };
        let Some((interval, timeout)) = track.script_times() else { return };
        let interval = interval.max(SCRIPT_INTERVAL_MIN);
        let next = due + interval;
        self.timers.set(Timer::Script(id), if next > now { next } else { now + interval });
        let name = track.name.clone();
        if !track.turn() {
            // One that was told to end has been told of.
            if !track.is_given_up() && self.quiet.may_say(crate::quiet::Subject::Busy(id), now) {
                self.log(Whom::Track(id, name), What::ScriptBusy);
            }
            return;
        }
        if !timeout.is_zero() {
            self.timers.set(Timer::ScriptTimeout(id), now + timeout);
        }
        self.out.push_back(Output::RunScript(id));
    }

    fn quorum(&mut self, id: TrackId, up: bool, now: Instant) {
        let Some(track) = self.tracks.get_mut(id.0 as usize) else { return };
        match track.told_quorum(up, now) {
            Settling::Same => self.timers.clear(Timer::Settle(id)),
            Settling::At(at) => self.timers.set(Timer::Settle(id), at),
            Settling::Now => self.change_track(id, now, |track| {
                track.set(up);
                Vec::new()
            }),
        }
    }

    /// Changes a track, tells of it, and lets its users draw their conclusions.
    pub(crate) fn change_track(
        &mut self,
        id: TrackId,
        now: Instant,
        change: impl FnOnce(&mut Track) -> Vec<What>,
    ) {
        let Some(track) = self.tracks.get(id.0 as usize) else { return };
        let users = track.users.clone();
        let before: Vec<Option<Worth>> = users.iter().map(|user| self.worth(*user, id)).collect();
        let Some(track) = self.tracks.get_mut(id.0 as usize) else { return };
        let tell = change(track);
        if !track.runs.running {
            self.timers.clear(Timer::ScriptTimeout(id));
        }
        let (name, word) = (track.name.clone(), track.word());
        for what in tell {
            self.log(Whom::Track(id, name.clone()), what);
        }
        let mut concerned = Vec::new();
        for (user, before) in users.into_iter().zip(before) {
            let after = self.worth(user, id);
            if before == after {
                continue;
            }
            concerned.push(user);
            let what = match (before, after) {
                (_, Some(Worth::Fault)) => What::TrackDown(name.clone(), word),
                (Some(Worth::Fault), _) => What::TrackUp(name.clone(), word),
                _ => continue,
            };
            self.with(user, now, |instance, cx| instance.tell(cx, what));
        }
        self.reconsider(concerned, now);
    }

    /// What a track is worth for an instance.
    pub(crate) fn worth(&self, user: InstanceId, track: TrackId) -> Option<Worth> {
        let by = self.maps.uses.get(user.0 as usize)?.iter().find(|by| by.track == track)?;
        Some(self.tracks.get(track.0 as usize)?.worth(by))
    }

    fn interface(&mut self, id: InterfaceId, state: &InterfaceState<'_>, now: Instant) {
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        let first = !link.known;
        link.learn(state);
        let (carrier, delay) = (link.carrier, link.delay());
        if link.running == carrier || delay.is_zero() || first {
            self.timers.clear(Timer::Link(id));
        } else if self.timers.get(Timer::Link(id)).is_none() {
            self.timers.set(Timer::Link(id), now + delay);
        }
        if self.timers.get(Timer::Link(id)).is_none() {
            self.link_settled(id, first, now);
        } else {
            self.consider_residents(id, now);
        }
    }

    /// An interface's carrier counts now.
    fn link_settled(&mut self, id: InterfaceId, first: bool, now: Instant) {
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        let changed = std::mem::replace(&mut link.running, link.carrier) != link.carrier;
        let (up, name) = (link.running, link.name.clone());
        if changed && !first && self.phase == Phase::Running {
            self.log(Whom::Interface(name), What::TrackIs(up));
        }
        let followers: Vec<TrackId> = self
            .tracks
            .iter()
            .enumerate()
            .filter(|(_, track)| track.conf.kind == TrackKind::Interface(id))
            .map(|(n, _)| TrackId(n as u32))
            .collect();
        // The interface itself first: its fault is the plainer reason.
        self.consider_residents(id, now);
        for track in followers {
            self.change_track(track, now, |track| {
                track.health = if up { Health::Up } else { Health::Down };
                Vec::new()
            });
        }
    }

    fn consider_residents(&mut self, id: InterfaceId, now: Instant) {
        let residents = self.maps.residents.get(id.0 as usize).cloned().unwrap_or_default();
        self.reconsider(residents, now);
    }

    fn packet(&mut self, received: &Received<'_>, now: Instant) {
        if self.phase == Phase::Waiting {
            return;
        }
        let family = match received.source {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        let Some((version, vrid)) = codec::peek(received, family) else { return };
        let Some(id) = self.route(received, family, vrid) else {
            self.stray(received, family, vrid, now);
            return;
        };
        let mut turn = Turn::Stay;
        self.with(id, now, |instance, cx| turn = instance.packet(cx, received, version));
        self.follow_turn(id, turn, now);
    }

    /// The instance that a packet is for.
    fn route(&self, received: &Received<'_>, family: Family, vrid: u8) -> Option<InstanceId> {
        let candidates = self.maps.routers.get(&(received.interface, family, vrid))?;
        let mut listening = candidates.iter().copied().filter(|id| {
            self.instances.get(id.0 as usize).is_some_and(|instance| instance.listens_to(received))
        });
        let first = listening.next()?;
        // Several by unicast with the same vrid: their peers differ.
        let has_peer = |id: &InstanceId| {
            self.instances.get(id.0 as usize).is_some_and(|instance| instance.has_peer(received.source))
        };
        Some(std::iter::once(first).chain(listening).find(has_peer).unwrap_or(first))
    }

    /// A packet for nobody here: somebody who should be somebody else's backup, perhaps.
    fn stray(&mut self, received: &Received<'_>, family: Family, vrid: u8, now: Instant) {
        // At a flood the work is bounded by this too.
        if !self.quiet.may_say(crate::quiet::Subject::Unknown, now) {
            return;
        }
        let from = received.source;
        if self.log_unknown_vrids
            && let Some(link) = self.links.get(received.interface.0 as usize)
        {
            self.log(Whom::Interface(link.name.clone()), What::UnknownVrid { from, vrid });
        }
        let multicast = received.destination.is_multicast();
        let twins = self.maps.routers.get(&(received.interface, family, vrid)).cloned().unwrap_or_default();
        for id in twins {
            self.with(id, now, |instance, cx| {
                if Some(from) != instance.source {
                    instance.suspect(cx, Doubt::Refused { from, why: Refusal::Way { multicast } });
                }
            });
        }
        for address in codec::addresses(received, family) {
            let holders = self.maps.virtuals.get(&address).cloned().unwrap_or_default();
            for id in holders {
                self.with(id, now, |instance, cx| {
                    let ours = instance.conf.vrid.get();
                    let here = instance.conf.interface == received.interface;
                    if here && ours != vrid && Some(from) != instance.source {
                        instance.suspect(cx, Doubt::OtherVrid { from, theirs: vrid, ours, address });
                    }
                });
            }
        }
    }

    fn answered(&mut self, interface: InterfaceId, address: IpAddr, mac: [u8; 6], now: Instant) {
        // Any of our interfaces on that network may answer.
        if self.links.iter().any(|link| link.mac == Some(mac)) {
            return;
        }
        let holders = self.maps.virtuals.get(&address).cloned().unwrap_or_default();
        let lives_here = |id: &InstanceId| {
            self.instances.get(id.0 as usize).is_some_and(|instance| instance.conf.interface == interface)
        };
        // The same address may float on two networks; and an address may be set on another interface than its adverts'.
        let here: Vec<InstanceId> = holders.iter().copied().filter(lives_here).collect();
        for id in if here.is_empty() { holders } else { here } {
            self.with(id, now, |instance, cx| instance.answered(cx, address, mac));
        }
    }

    fn stop(&mut self, now: Instant) {
        self.phase = Phase::Stopped;
        for n in 0..self.instances.len() {
            self.with(InstanceId(n as u32), now, |instance, cx| instance.stop(cx, Became::Stop));
        }
        for n in 0..self.groups.len() {
            let subject = Subject::Group(crate::conf::GroupId(n as u32));
            self.out.push_back(Output::Notify(Notice { subject, became: Became::Stop, priority: 0 }));
        }
        self.timers = Timers::new(self.instances.len(), self.tracks.len(), self.links.len());
    }

    /// A name for events.
    pub(crate) fn name(&self, id: InstanceId) -> Name {
        self.instances.get(id.0 as usize).map_or_else(|| "?".into(), |instance| instance.name.clone())
    }
}
