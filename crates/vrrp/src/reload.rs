//! A new configuration, by difference: instances that are the same virtual router go on in the state they are in, with
//! their timers; what changed is applied in place. An instance is the same where interface, family, vrid, version and
//! destination are, whatever its name, as for the original.

use std::collections::BTreeMap;

use evenkeel_base::time::Instant;

use crate::conf::{
    Checksum, Destination, Family, InstanceConf, InstanceId, InterfaceId, NodeConf, Priority, TrackConf,
    TrackId, TrackKind, Version,
};
use crate::event::{What, Whom};
use crate::group::Group;
use crate::instance::{Ctx, Instance};
use crate::node::{Maps, Node, links};
use crate::output::{Became, Output};
use crate::state::State;
use crate::timers::{Timer, Timers};
use crate::track::{Health, Track};

/// What makes an instance the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    interface: String,
    family: Family,
    vrid: u8,
    version: Version,
    unicast: bool,
}

fn identity(conf: &InstanceConf, interface: &str) -> Identity {
    Identity {
        interface: interface.to_owned(),
        family: conf.family,
        vrid: conf.vrid.get(),
        version: conf.version,
        unicast: !matches!(conf.destination, Destination::Multicast(_)),
    }
}

impl Node {
    /// Takes over a new configuration.
    pub(crate) fn reload(&mut self, conf: NodeConf, now: Instant) {
        let kept = self.match_instances(&conf);
        for n in 0..self.instances.len() {
            let id = InstanceId(n as u32);
            if !kept.values().any(|old| *old == id) {
                self.with(id, now, |instance, cx| instance.stop(cx, Became::Deleted));
            }
        }
        self.out.push_back(Output::Reloaded);

        let old_timers = std::mem::replace(
            &mut self.timers,
            Timers::new(conf.instances.len(), conf.tracks.len(), conf.interfaces.len()),
        );
        let maps = Maps::new(&conf);
        self.reload_links(&conf, &old_timers);
        self.reload_groups(&conf);
        let fresh_tracks = self.reload_tracks(conf.tracks, &old_timers, &maps);
        let (fresh, retake) = self.reload_instances(conf.instances, &kept, &old_timers, now);
        self.maps = maps;
        self.log_unknown_vrids = conf.log_unknown_vrids;
        self.find_users();
        self.follow_links();
        if self.phase != crate::node::Phase::Running {
            return;
        }
        self.begin(&fresh, now);
        let all: Vec<InstanceId> = (0..self.instances.len()).map(|n| InstanceId(n as u32)).collect();
        self.reconsider(all, now);
        for id in retake {
            self.with(id, now, |instance, cx| {
                if instance.is_master() {
                    instance.take(cx);
                    instance.announce_first(cx);
                }
            });
        }
        for id in fresh_tracks {
            self.start_script(id, now);
        }
    }

    /// New instance to old one: first those of the same name, then the rest.
    fn match_instances(&self, conf: &NodeConf) -> BTreeMap<InstanceId, InstanceId> {
        let name_of = |interfaces: &[String], id: InterfaceId| -> String {
            interfaces.get(id.0 as usize).cloned().unwrap_or_default()
        };
        let mut old: Vec<(InstanceId, Identity, &str)> = self
            .instances
            .iter()
            .map(|instance| {
                let link = self.links.get(instance.conf.interface.0 as usize);
                let interface = link.map_or("", |link| &link.name);
                (instance.id, identity(&instance.conf, interface), instance.conf.name.as_str())
            })
            .collect();
        let mut kept = BTreeMap::new();
        for by_name in [true, false] {
            for (n, new) in conf.instances.iter().enumerate() {
                let id = InstanceId(n as u32);
                if kept.contains_key(&id) {
                    continue;
                }
                let wanted = identity(new, &name_of(&conf.interfaces, new.interface));
                let at =
                    old.iter().position(|(_, has, name)| *has == wanted && (!by_name || *name == new.name));
                if let Some(at) = at {
                    kept.insert(id, old.swap_remove(at).0);
                }
            }
        }
        kept
    }

    fn reload_links(&mut self, conf: &NodeConf, old_timers: &Timers) {
        let mut fresh = links(conf);
        for (n, link) in fresh.iter_mut().enumerate() {
            let Some(at) = self.links.iter().position(|old| old.name == link.name) else { continue };
            let delays = link.delays;
            *link = self.links[at].clone();
            link.delays = delays;
            if let Some(due) = old_timers.get(Timer::Link(InterfaceId(at as u32))) {
                self.timers.set(Timer::Link(InterfaceId(n as u32)), due);
            }
        }
        self.links = fresh;
    }

    fn reload_groups(&mut self, conf: &NodeConf) {
        let old = std::mem::take(&mut self.groups);
        self.groups = conf.groups.iter().cloned().map(Group::new).collect();
        for group in &mut self.groups {
            group.told = old.iter().find(|old| old.name == group.name).and_then(|old| old.told);
        }
    }

    /// Returns the tracks that are new.
    fn reload_tracks(&mut self, confs: Vec<TrackConf>, old_timers: &Timers, maps: &Maps) -> Vec<TrackId> {
        let old = std::mem::take(&mut self.tracks);
        let mut fresh = Vec::new();
        for (n, conf) in confs.into_iter().enumerate() {
            let id = TrackId(n as u32);
            let is_used = maps.uses.iter().flatten().any(|by| by.track == id);
            let mut track = Track::new(conf);
            let same = |before: &Track| {
                before.name == track.name
                    && std::mem::discriminant(&before.conf.kind) == std::mem::discriminant(&track.conf.kind)
            };
            match old.iter().position(same) {
                Some(at) => {
                    let before = &old[at];
                    (track.health, track.runs) = (before.health, before.runs);
                    (track.value, track.quorum) = (before.value, before.quorum);
                    let was = TrackId(at as u32);
                    let mut carried = false;
                    for (from, to) in [
                        (Timer::Script(was), Timer::Script(id)),
                        (Timer::ScriptTimeout(was), Timer::ScriptTimeout(id)),
                        (Timer::Settle(was), Timer::Settle(id)),
                    ] {
                        let wanted = is_used || matches!(to, Timer::ScriptTimeout(_));
                        if let Some(due) = old_timers.get(from).filter(|_| wanted) {
                            self.timers.set(to, due);
                            carried |= matches!(to, Timer::Script(_));
                        }
                    }
                    if let (TrackKind::Script { .. }, Health::Up | Health::Down) =
                        (&track.conf.kind, track.health)
                    {
                        let well = track.health == Health::Up;
                        self.log(Whom::Track(id, track.name.clone()), What::ScriptKept(well));
                    }
                    if !carried {
                        fresh.push(id);
                    }
                }
                None => fresh.push(id),
            }
            self.tracks.push(track);
        }
        fresh
    }

    /// Tracked interfaces are as their links are.
    fn follow_links(&mut self) {
        for track in &mut self.tracks {
            if let TrackKind::Interface(id) = track.conf.kind
                && let Some(link) = self.links.get(id.0 as usize)
            {
                track.health = match (link.known, link.running) {
                    (false, _) => Health::Unknown,
                    (true, true) => Health::Up,
                    (true, false) => Health::Down,
                };
            }
        }
    }

    /// Returns the instances that are new, and the masters whose addresses have to be set anew.
    fn reload_instances(
        &mut self,
        confs: Vec<InstanceConf>,
        kept: &BTreeMap<InstanceId, InstanceId>,
        old_timers: &Timers,
        now: Instant,
    ) -> (Vec<InstanceId>, Vec<InstanceId>) {
        let mut old: Vec<Option<Instance>> =
            std::mem::take(&mut self.instances).into_iter().map(Some).collect();
        let (mut fresh, mut retake) = (Vec::new(), Vec::new());
        for (n, conf) in confs.into_iter().enumerate() {
            let id = InstanceId(n as u32);
            let before = kept.get(&id).and_then(|was| old.get_mut(was.0 as usize)?.take());
            let Some(mut instance) = before else {
                fresh.push(id);
                self.instances.push(Instance::new(id, conf, now));
                continue;
            };
            let was = std::mem::replace(&mut instance.id, id);
            for (from, to) in timers_of(was).into_iter().zip(timers_of(id)) {
                if let Some(due) = old_timers.get(from) {
                    self.timers.set(to, due);
                }
            }
            let wall_us = 0;
            let mut cx = Ctx { now, out: &mut self.out, timers: &mut self.timers, wall_us };
            if instance.apply(conf, &mut cx) {
                retake.push(id);
            }
            self.instances.push(instance);
        }
        (fresh, retake)
    }
}

fn timers_of(id: InstanceId) -> [Timer; 7] {
    [
        Timer::Advert(id),
        Timer::Down(id),
        Timer::Lease(id),
        Timer::Announce(id),
        Timer::AnnounceLower(id),
        Timer::AnnounceAgain(id),
        Timer::Doubt(id),
    ]
}

impl Instance {
    /// Takes over new settings, with its timers in place. True: as master it has to set its addresses anew.
    fn apply(&mut self, conf: InstanceConf, cx: &mut Ctx<'_>) -> bool {
        let old = std::mem::replace(&mut self.conf, conf);
        let conf = &self.conf;
        self.name = conf.name.as_str().into();
        if old.auth != conf.auth || old.checksum != conf.checksum || conf.checksum != Checksum::Auto {
            self.codec.reload(conf);
        }
        self.demoted &= conf.priority == Priority::OWNER;
        if old.advert_interval != conf.advert_interval {
            self.change_interval(&old, cx);
        }
        if old.down_timer_adverts != self.conf.down_timer_adverts {
            self.rearm(cx);
        }
        let conf = &self.conf;
        if self.is_master() && old.announce.master_refresh != conf.announce.master_refresh {
            let timer = Timer::AnnounceAgain(self.id);
            if conf.announce.master_refresh.is_zero() {
                cx.timers.clear(timer);
            } else {
                cx.timers.set(timer, cx.now + conf.announce.master_refresh);
            }
        }
        old.addresses != conf.addresses || old.lease != conf.lease
    }

    fn change_interval(&mut self, old: &InstanceConf, cx: &mut Ctx<'_>) {
        let interval = self.conf.advert_interval;
        match &mut self.state {
            State::Master(master) => {
                self.interval = interval;
                let next = (master.beat + interval).max(cx.now);
                // The beat counts from the last advert; one that would be overdue already is sent now.
                if next == cx.now {
                    master.beat = Instant::from_nanos(
                        cx.now
                            .as_nanos()
                            .saturating_sub(u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX)),
                    );
                }
                cx.timers.set(Timer::Advert(self.id), next);
            }
            State::Backup(_) => {
                // In version 3 the master's counts, where one was heard.
                if self.conf.version == Version::V2 || self.interval == old.advert_interval {
                    self.interval = interval;
                    self.rearm(cx);
                }
            }
            State::Init | State::Fault => self.interval = interval,
        }
    }
}
