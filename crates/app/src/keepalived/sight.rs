//! What the running keeper shows, as data for the dumps and for `evenkeel status` and `why`. Each look takes the keeper's
//! thread for one instance at most: adverts wait meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_base::{Instant, WallTime};
use evenkeel_keeper::{Handle, HandleError, Look};
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::{clock, machine};
use evenkeel_vrrp::conf::{InstanceId, TrackKind, Version};
use evenkeel_vrrp::event::{Entered, What};
use evenkeel_vrrp::state::StateKind;
use evenkeel_vrrp::track::Health;
use evenkeel_vrrp::view::InstanceView;

use super::dump::{self, Counters, GroupLive, InterfaceLive, Live, State, TrackLive};
use super::tell::{DoubtShot, EntryShot, InstanceShot, Parts, PeerShot, Shot, TrackShot};

/// Most instances of which one picture is made: as many as the reader takes.
const INSTANCES_MAX: u32 = 100_000;

/// Both clocks at one moment, to turn the keeper's times into dates.
#[derive(Clone, Copy)]
struct Clocks {
    now: Instant,
    wall: WallTime,
}

impl Clocks {
    fn date(self, at: Instant) -> WallTime {
        let micros = self.wall.as_micros();
        let shift = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        WallTime::from_micros(if at <= self.now {
            micros.saturating_sub(shift(self.now.since(at)))
        } else {
            micros.saturating_add(shift(at.since(self.now)))
        })
    }
}

fn words(error: HandleError) -> String {
    format!("{error}\n")
}

/// Runs `f` for each instance in turn, each in a look of its own, until there are no more.
fn each<T: Send + 'static>(
    handle: &Handle,
    f: impl Fn(&Look<'_>, InstanceView<'_>, Clocks) -> T + Clone + Send + 'static,
) -> Result<Vec<T>, HandleError> {
    let mut all = Vec::new();
    for n in 0..INSTANCES_MAX {
        let f = f.clone();
        let seen = handle.look(move |look| {
            let clocks = Clocks { now: look.now, wall: clock::wall() };
            look.node.view().instance(InstanceId(n)).map(|instance| f(look, instance, clocks))
        })?;
        match seen {
            Some(one) => all.push(one),
            None => break,
        }
    }
    Ok(all)
}

/// `keepalived.data`.
pub(crate) fn data(handle: &Handle) -> Result<String, String> {
    let umask = umask();
    let mut out = handle
        .look(move |look| {
            let mut out = String::new();
            dump::data::global(&mut out, look.plan, umask);
            out
        })
        .map_err(words)?;
    let instances = each(handle, |look, view, clocks| {
        let mut out = String::new();
        if let Some(hands) = look.plan.instances.get(view.id().0 as usize) {
            dump::data::instance(&mut out, look.plan, view.conf(), hands, Some(&live(look, view, clocks)));
        }
        out
    })
    .map_err(words)?;
    if !instances.is_empty() {
        out.push_str(dump::data::TOPOLOGY);
        out.extend(instances);
    }
    out += &handle
        .look(|look| {
            let mut out = String::new();
            let view = look.node.view();
            for (n, group) in view.groups().enumerate() {
                if n == 0 {
                    out.push_str(dump::data::GROUPS);
                }
                let states =
                    || group.conf.members.iter().filter_map(|id| view.instance(*id)).map(|i| i.state());
                let count = |kind: StateKind| states().filter(|s| *s == kind).count() as u32;
                let live = GroupLive {
                    state: group.state.map_or(State::Init, |state| match state {
                        Entered::Master => State::Master,
                        Entered::Backup => State::Backup,
                        Entered::Fault => State::Fault,
                    }),
                    faults: count(StateKind::Fault),
                    inits: count(StateKind::Init),
                };
                dump::data::group(&mut out, look.plan, n, Some(&live));
            }
            dump::data::track_parts(&mut out, look.plan, &tracks(look));
            out.push_str(dump::data::INTERFACES);
            for (n, seen) in look.hands.interfaces(look.plan).into_iter().enumerate() {
                let live = InterfaceLive {
                    name: seen.name,
                    index: seen.index,
                    running: seen.running,
                    mac: seen.mac,
                    mtu: seen.mtu,
                    addresses: seen.addresses.into_iter().map(|(ip, _)| ip).collect(),
                };
                dump::data::interface_part(&mut out, look.plan, n, &live);
            }
            out
        })
        .map_err(words)?;
    Ok(out)
}

/// `-d`: the configuration as understood, before anything runs.
pub(crate) fn configured(plan: &KeeperPlan) -> String {
    let mut out = String::new();
    dump::data::global(&mut out, plan, umask());
    if !plan.instances.is_empty() {
        out.push_str(dump::data::TOPOLOGY);
    }
    for (conf, hands) in plan.node.instances.iter().zip(&plan.instances) {
        dump::data::instance(&mut out, plan, conf, hands, None);
    }
    for n in 0..plan.groups.len() {
        if n == 0 {
            out.push_str(dump::data::GROUPS);
        }
        dump::data::group(&mut out, plan, n, None);
    }
    dump::data::track_parts(&mut out, plan, &[]);
    out
}

/// The process's umask, from the kernel's list: asking for it with umask(2) would change it.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0)
}

/// `keepalived.stats`; `clear`: the next one counts from here.
pub(crate) fn stats(
    handle: &Handle,
    cleared: &mut BTreeMap<String, Counters>,
    clear: bool,
) -> Result<String, String> {
    let all = each(handle, |_, view, _| (view.name().to_string(), counters(view))).map_err(words)?;
    let mut out = String::new();
    for (name, now) in &all {
        dump::stats::instance(&mut out, name, &now.since(cleared.get(name)));
    }
    if clear {
        *cleared = all.into_iter().collect();
    }
    Ok(out)
}

/// `keepalived.json`.
pub(crate) fn json(
    handle: &Handle,
    cleared: &BTreeMap<String, Counters>,
    version: u8,
) -> Result<String, String> {
    let cleared = std::sync::Arc::new(cleared.clone());
    let instances = each(handle, move |look, view, clocks| {
        let mut out = String::new();
        if let Some(hands) = look.plan.instances.get(view.id().0 as usize) {
            let mut live = live(look, view, clocks);
            live.counters = live.counters.since(cleared.get(view.name()));
            dump::json::instance(&mut out, look.plan, view.conf(), hands, &live);
        }
        out
    })
    .map_err(words)?;
    let processes = handle.look(|look| dump::json::processes(look.plan, &tracks(look))).map_err(words)?;
    Ok(dump::json::whole(&instances, &processes, version))
}

/// For `evenkeel status`, `evenkeel why` and metrics.
pub(crate) fn shot(handle: &Handle, uptime: Duration) -> Result<Shot, String> {
    let instances = each(handle, instance_shot).map_err(words)?;
    let (router, tracks, counters, latest_us) = handle
        .look(|look| {
            let tracks = look.node.view().tracks().map(|track| TrackShot {
                name: track.conf.name.clone(),
                kind: match track.conf.kind {
                    TrackKind::Script { .. } => "script",
                    TrackKind::File => "file",
                    TrackKind::Process { .. } => "process",
                    TrackKind::Bfd => "bfd",
                    TrackKind::Interface(_) => "interface",
                },
                up: up(track.health),
                value: matches!(track.conf.kind, TrackKind::File).then_some(track.value),
            });
            let c = look.hands.counters();
            let counters = vec![
                ("packets_received", c.received),
                ("receive_errors", c.receive_errors),
                ("packets_sent", c.sent),
                ("send_errors", c.send_errors),
                ("announcements_sent", c.announced),
                ("addresses_restored", c.restored),
                ("netlink_overruns", c.overruns),
            ];
            (look.plan.global.router_id.clone(), tracks.collect(), counters, c.latest_us)
        })
        .map_err(words)?;
    Ok(Shot {
        node: router.unwrap_or_else(machine::hostname),
        pid: std::process::id(),
        uptime,
        now: clock::wall(),
        instances,
        tracks,
        counters,
        latest: Duration::from_micros(latest_us),
    })
}

fn instance_shot(look: &Look<'_>, view: InstanceView<'_>, clocks: Clocks) -> InstanceShot {
    let conf = view.conf();
    let priority = view.priority();
    let hands = look.plan.instances.get(view.id().0 as usize);
    let addresses = hands.map(|hands| {
        let all = hands.addresses.iter().chain(&hands.excluded);
        all.map(|address| format!("{}/{}", address.ip, address.prefix)).collect()
    });
    let name_of = |n: u32| look.plan.node.interfaces.get(n as usize).cloned().unwrap_or_default();
    InstanceShot {
        name: view.name().to_string(),
        group: conf.group.and_then(|id| look.plan.node.groups.get(id.0 as usize)).map(|g| g.name.clone()),
        interface: name_of(conf.interface.0),
        vrid: conf.vrid.get(),
        version: match conf.version {
            Version::V2 => 2,
            Version::V3 => 3,
        },
        state: state(view.state()),
        since: clocks.now.since(view.since()),
        priority: priority.effective,
        parts: Parts {
            base: conf.priority.get(),
            operator: priority.operator,
            weights: priority
                .parts
                .iter()
                .map(|(name, weight)| (name.to_string(), i64::from(*weight)))
                .collect(),
        },
        peer: view.peer().map(|peer| PeerShot {
            address: peer.address,
            priority: peer.priority,
            ago: clocks.now.since(peer.at),
        }),
        addresses: addresses.unwrap_or_default(),
        held: look.hands.is_held(view.id()),
        lease: conf.lease.map(|lease| lease.lifetime),
        faults: view.faults().iter().map(ToString::to_string).collect(),
        doubts: view
            .doubts()
            .map(|standing| DoubtShot {
                kind: standing.doubt.kind().word(),
                title: standing.doubt.title().to_string(),
                cause: standing.doubt.cause(),
                advice: standing.doubt.advice().to_string(),
            })
            .collect(),
        counters: view.counters().rows().to_vec(),
        entries: view
            .recorder()
            .map(|entry| EntryShot {
                at: clocks.date(entry.at),
                state: state(entry.state),
                priority: entry.priority,
                text: entry.what.to_string(),
                because: because(&entry.what),
            })
            .collect(),
    }
}

/// For a change of state: why, for people.
fn because(what: &What) -> Option<String> {
    match what {
        What::Entered(_, why) | What::Listening(why) => Some(why.to_string()),
        _ => None,
    }
}

fn live(look: &Look<'_>, view: InstanceView<'_>, clocks: Clocks) -> Live {
    let priority = view.priority();
    let deadline = match view.state() {
        StateKind::Master => view.advert_at(),
        StateKind::Backup => view.down_at(),
        StateKind::Init | StateKind::Fault => None,
    };
    let backup = view.state() == StateKind::Backup;
    let master =
        view.peer().filter(|peer| backup && peer.priority > 0).map(|peer| (peer.address, peer.priority));
    Live {
        state: state(view.state()),
        since: Some(clocks.date(view.since())),
        deadline: deadline.map(|at| clocks.date(at)),
        master_down: view.down_interval(),
        source: view.source(),
        priority: priority.effective,
        total: i64::from(priority.total),
        master,
        master_interval: view.interval(),
        faults: view.faults().len().try_into().unwrap_or(u32::MAX),
        scripts_init: u32::from(view.is_pending()),
        addresses_set: look.hands.is_held(view.id()),
        counters: counters(view),
    }
}

fn tracks(look: &Look<'_>) -> Vec<TrackLive> {
    let all = look.node.view().tracks();
    all.map(|track| {
        let value = match track.conf.kind {
            TrackKind::Script { rise, fall, .. } => match track.health {
                // The original counts from 0 (failed) to rise + fall - 1 (well).
                Health::Up => i64::from(rise) + i64::from(fall) - 1,
                Health::Down | Health::Unknown => 0,
            },
            TrackKind::File | TrackKind::Process { .. } | TrackKind::Bfd | TrackKind::Interface(_) => {
                track.value
            }
        };
        TrackLive { up: up(track.health), value, running: track.running }
    })
    .collect()
}

fn up(health: Health) -> Option<bool> {
    match health {
        Health::Unknown => None,
        Health::Up => Some(true),
        Health::Down => Some(false),
    }
}

/// A state by the original's names.
pub(crate) fn state(kind: StateKind) -> State {
    match kind {
        StateKind::Init => State::Init,
        StateKind::Backup => State::Backup,
        StateKind::Master => State::Master,
        StateKind::Fault => State::Fault,
    }
}

fn counters(view: InstanceView<'_>) -> Counters {
    let c = view.counters();
    Counters {
        adverts_received: c.adverts_received,
        adverts_sent: c.adverts_sent,
        became_master: c.became_master,
        released_master: c.released_master,
        length_errors: c.length_errors,
        ttl_errors: c.ttl_errors,
        type_errors: c.type_errors,
        interval_errors: c.interval_errors,
        address_errors: c.address_list_errors,
        auth_invalid: c.auth_type_invalid,
        auth_mismatch: c.auth_type_mismatch,
        auth_failures: c.auth_failures,
        zero_received: c.zero_received,
        zero_sent: c.zero_sent,
    }
}
