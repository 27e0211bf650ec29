//! Everything of the system that the keeper holds in its hands, and which interface of the plan is which of the kernel's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::{Address, KeeperPlan};
use evenkeel_sys::bell::Bell;
use evenkeel_sys::netlink::{Netlink, Protocol};
use evenkeel_sys::poll::Poller;
use evenkeel_sys::rawip::Batch;
use evenkeel_vrrp::conf::{Auth, Destination, Family, InstanceId, InterfaceId};
use evenkeel_vrrp::{Input, InterfaceState, Node};
use evenkeel_wire::netlink::rt;

use crate::announce::{Announcement, Announcer, Lane, Pace};
use crate::bfd::Sessions;
use crate::control::{LogLevel, Options, StartError, Told};
use crate::files::Files;
use crate::firewall::Firewall;
use crate::hear::Hearing;
use crate::holdings::{self, Holding};
use crate::keys;
use crate::linkbeat::Linkbeat;
use crate::net::links::{self, Links};
use crate::net::rtnl::Rtnl;
use crate::net::sysctl::Sysctls;
use crate::notify::Notifier;
use crate::processes::Processes;
use crate::sockets::{Need, Place, Sockets};
use crate::statics::Statics;
use crate::vmac::Vmacs;

/// Room for the kernel's news: a storm of routes must not make us ask anew each time.
const MONITOR_BUFFER: usize = 4 << 20;
/// The MTU of an interface that we know nothing of.
const MTU_DEFAULT: u32 = 1500;
/// Readers of transitions.
const SUBSCRIBERS_MAX: usize = 64;

/// What the hands count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets handed to the brain.
    pub received: u64,
    /// Reads that failed.
    pub receive_errors: u64,
    /// Adverts sent.
    pub sent: u64,
    /// Adverts that could not be sent.
    pub send_errors: u64,
    /// Announcements sent.
    pub announced: u64,
    /// Addresses, routes and rules that somebody took away and we set again.
    pub restored: u64,
    /// How often the kernel's news overran us and everything was asked anew.
    pub overruns: u64,
    /// Longest time from a deadline of the brain to its turn, in microseconds.
    pub latest_us: u64,
}

/// An interface as the hands know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceLook {
    /// Its name.
    pub name: String,
    /// Its number in the kernel; `None`: it is not there.
    pub index: Option<u32>,
    /// Up, and with a carrier.
    pub running: bool,
    /// Its MAC.
    pub mac: Option<[u8; 6]>,
    /// Its MTU.
    pub mtu: u32,
    /// All its addresses with their prefixes, ours too.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// The hands. Others see them through [`crate::Look`].
pub struct Hands {
    pub(crate) options: Options,
    pub(crate) poller: Poller,
    pub(crate) bell: Arc<Bell>,
    pub(crate) rtnl: Rtnl,
    pub(crate) monitor: Netlink,
    pub(crate) links: Links,
    pub(crate) sockets: Sockets,
    pub(crate) batch: Option<Batch>,
    pub(crate) announcer: Announcer,
    pub(crate) hearing: Hearing,
    pub(crate) holdings: Vec<Holding>,
    pub(crate) notifier: Notifier,
    pub(crate) sysctls: Sysctls,
    pub(crate) vmacs: Vmacs,
    pub(crate) beats: Linkbeat,
    pub(crate) files: Files,
    pub(crate) processes: Processes,
    pub(crate) statics: Statics,
    pub(crate) bfd: Sessions,
    pub(crate) firewall: Firewall,
    pub(crate) counters: Counters,
    /// The kernel's numbers of the plan's interfaces.
    pub(crate) indexes: Vec<Option<u32>>,
    /// By instance: the interface below its adverts, for those with virtual MACs.
    pub(crate) advert_indexes: Vec<Option<u32>>,
    /// Instances whose sending failed last time, with the system's number: said once.
    mute: BTreeMap<InstanceId, i32>,
    /// What was set may be gone: looked after when news have been read.
    pub(crate) suspects: BTreeSet<InstanceId>,
    /// Likewise for addresses, of which later news may tell that they are there again.
    pub(crate) address_suspects: BTreeSet<InstanceId>,
    /// Static things may be gone.
    pub(crate) statics_suspect: bool,
    subscribers: Vec<SyncSender<Told>>,
    /// When `garp_extra_if` is due.
    pub(crate) extra: BTreeMap<InstanceId, Instant>,
    pub(crate) news_buf: Vec<u8>,
    routers: BTreeMap<u32, bool>,
}

impl std::fmt::Debug for Hands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hands").field("counters", &self.counters).finish_non_exhaustive()
    }
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError { what, source }
}

impl Hands {
    pub(crate) fn open(options: Options, bell: Arc<Bell>, plan: &KeeperPlan) -> Result<Hands, StartError> {
        let poller = Poller::new().map_err(failed("cannot make an epoll"))?;
        poller.add(&*bell, keys::BELL).map_err(failed("cannot watch the bell"))?;
        let mut rtnl = Rtnl::open().map_err(failed("cannot open a netlink socket"))?;
        let groups = [
            rt::GROUP_LINK,
            rt::GROUP_V4_ADDRESS,
            rt::GROUP_V6_ADDRESS,
            rt::GROUP_V4_ROUTE,
            rt::GROUP_V6_ROUTE,
            rt::GROUP_V4_RULE,
            rt::GROUP_V6_RULE,
        ];
        // Before the first look: nothing may happen in between unseen.
        let monitor =
            Netlink::open(Protocol::Route, &groups).map_err(failed("cannot open a netlink socket"))?;
        monitor.set_nonblocking(true).map_err(failed("cannot set up netlink"))?;
        let _ = monitor.set_receive_buffer(MONITOR_BUFFER);
        poller.add(&monitor, keys::MONITOR).map_err(failed("cannot watch netlink"))?;
        let links = Links::load(&mut rtnl).map_err(failed("cannot read the interfaces"))?;
        let announcer = Announcer::open().map_err(failed("cannot open a packet socket"))?;
        let notifier = Notifier::start(&bell, plan, &options.log)
            .map_err(failed("cannot start the thread of the scripts"))?;
        let count = plan.node.instances.len();
        Ok(Hands {
            options,
            poller,
            bell,
            rtnl,
            monitor,
            links,
            sockets: Sockets::default(),
            batch: None,
            announcer,
            hearing: Hearing::default(),
            holdings: std::iter::repeat_with(Holding::default).take(count).collect(),
            notifier,
            sysctls: Sysctls::default(),
            vmacs: Vmacs::default(),
            beats: Linkbeat::default(),
            files: Files::default(),
            processes: Processes::default(),
            statics: Statics::default(),
            bfd: Sessions::default(),
            firewall: Firewall::default(),
            counters: Counters::default(),
            indexes: Vec::new(),
            advert_indexes: Vec::new(),
            mute: BTreeMap::new(),
            suspects: BTreeSet::new(),
            address_suspects: BTreeSet::new(),
            statics_suspect: false,
            subscribers: Vec::new(),
            extra: BTreeMap::new(),
            news_buf: vec![0; 32 << 10],
            routers: BTreeMap::new(),
        })
    }

    /// Writes a log line.
    pub(crate) fn log(&self, level: LogLevel, text: &str) {
        (self.options.log)(level, text);
    }

    /// Finds the plan's interfaces anew, and opens and closes sockets accordingly.
    pub(crate) fn settle(&mut self, plan: &KeeperPlan) {
        self.routers.clear();
        self.indexes = plan
            .node
            .interfaces
            .iter()
            .map(
                |name| {
                    if name.is_empty() { Some(0) } else { self.links.by_name(name).map(|link| link.index) }
                },
            )
            .collect();
        let ids = 0..plan.node.instances.len();
        self.advert_indexes =
            ids.map(|n| self.vmacs.advert_index(n, plan).or_else(|| self.base_index(plan, n))).collect();
        let needs = self.needs(plan);
        for (place, e) in self.sockets.set(&self.poller, &needs) {
            let name = self.links.by_index(place.index).map_or("any interface", |link| link.name.as_str());
            self.log(LogLevel::Error, &format!("cannot open the VRRP socket on {name}: {e}"));
        }
        self.listen(plan);
    }

    fn base_index(&self, plan: &KeeperPlan, n: usize) -> Option<u32> {
        let interface = plan.node.instances.get(n)?.interface;
        self.index(interface)
    }

    /// The kernel's number of an interface of the plan.
    pub(crate) fn index(&self, interface: InterfaceId) -> Option<u32> {
        self.indexes.get(interface.0 as usize).copied().flatten()
    }

    /// Where an instance's adverts leave.
    pub(crate) fn advert_index(&self, id: InstanceId, interface: InterfaceId) -> Option<u32> {
        self.advert_indexes.get(id.0 as usize).copied().flatten().or_else(|| self.index(interface))
    }

    /// Where an address of an instance goes.
    pub(crate) fn place(&self, plan: &KeeperPlan, id: InstanceId, address: &Address) -> Option<u32> {
        self.vmacs
            .place(plan, id, address)
            .or_else(|| self.index(address.interface))
            .filter(|index| *index != 0)
    }

    fn needs(&self, plan: &KeeperPlan) -> Vec<Need> {
        let mut needs = Vec::new();
        for (n, conf) in plan.node.instances.iter().enumerate() {
            let Some(index) = self.advert_indexes.get(n).copied().flatten() else { continue };
            let group = match &conf.destination {
                Destination::Multicast(group) => Some(*group),
                Destination::Unicast(_) | Destination::NoPeer => None,
            };
            let v6 = conf.family == Family::V6;
            needs.push(Need {
                place: Place { index, v6, ah: matches!(conf.auth, Auth::Ah(_)) && !v6 },
                name: self.links.by_index(index).map(|link| link.name.clone()).unwrap_or_default(),
                interface: conf.interface,
                vrid: conf.vrid.get(),
                vmac: self.vmacs.advert_index(n, plan).is_some(),
                group,
                buffer: plan.instances.get(n).and_then(|i| i.rx_buffer),
            });
        }
        needs
    }

    /// Hears who else claims our addresses.
    fn listen(&mut self, plan: &KeeperPlan) {
        let mut wanted: BTreeMap<u32, Vec<IpAddr>> = BTreeMap::new();
        for (n, instance) in plan.instances.iter().enumerate() {
            for address in holdings::addresses(instance) {
                let Some(index) = self.place(plan, InstanceId(n as u32), address) else { continue };
                if self.links.by_index(index).is_some_and(|l| evenkeel_sys::packet::is_ethernet(l.hardware)) {
                    wanted.entry(index).or_default().push(address.ip);
                }
            }
        }
        for addresses in wanted.values_mut() {
            addresses.sort_unstable();
            addresses.dedup();
        }
        self.hearing.set(&self.poller, &wanted);
    }

    /// Tells the brain how an interface is.
    pub(crate) fn tell_interface(&self, plan: &KeeperPlan, node: &mut Node, id: InterfaceId, now: Instant) {
        let Some(name) = plan.node.interfaces.get(id.0 as usize) else { return };
        if name.is_empty() {
            // Unicast without an interface: whatever the host has.
            let addresses: Vec<IpAddr> = self.all_addresses(plan);
            let state = InterfaceState {
                exists: true,
                running: true,
                mac: None,
                mtu: MTU_DEFAULT,
                addresses: &addresses,
            };
            node.handle(Input::Interface(id, state), now);
            return;
        }
        let Some(link) = self.links.by_name(name) else {
            let state =
                InterfaceState { exists: false, running: false, mac: None, mtu: MTU_DEFAULT, addresses: &[] };
            node.handle(Input::Interface(id, state), now);
            return;
        };
        let ours = self.ours(plan, link.index);
        let usable = self.links.addresses(link.index).iter().filter(|a| links::is_usable(a));
        let addresses: Vec<IpAddr> = usable.map(|a| a.ip).filter(|ip| !ours.contains(ip)).collect();
        let running = links::is_running(link) && !self.beats.is_down(link.index);
        let state = InterfaceState {
            exists: true,
            running,
            mac: links::mac(link),
            mtu: link.mtu,
            addresses: &addresses,
        };
        node.handle(Input::Interface(id, state), now);
    }

    fn all_addresses(&self, plan: &KeeperPlan) -> Vec<IpAddr> {
        let mut all = Vec::new();
        for link in self.links.all() {
            let ours = self.ours(plan, link.index);
            let usable = self.links.addresses(link.index).iter().filter(|a| links::is_usable(a));
            all.extend(usable.map(|a| a.ip).filter(|ip| !ours.contains(ip)));
        }
        all
    }

    /// Addresses on an interface that the keeper has set.
    fn ours(&self, plan: &KeeperPlan, index: u32) -> BTreeSet<IpAddr> {
        let mut ours = BTreeSet::new();
        for (n, (instance, holding)) in plan.instances.iter().zip(&self.holdings).enumerate() {
            if !holding.held {
                continue;
            }
            for (at, address) in holdings::addresses(instance).enumerate() {
                if !holding.leaves(at) && self.place(plan, InstanceId(n as u32), address) == Some(index) {
                    ours.insert(address.ip);
                }
            }
        }
        ours
    }

    /// Queues announcements for an instance's addresses.
    pub(crate) fn announce(&mut self, plan: &KeeperPlan, id: InstanceId, repeat: u32) {
        self.announce_where(plan, id, repeat, &|_| true);
    }

    /// `garp_extra_if`: so that switches do not forget MACs that send nothing by themselves. By default on virtual MACs'
    /// interfaces that carry no adverts, with `all` on every interface of the instance.
    pub(crate) fn announce_extra(&mut self, plan: &KeeperPlan, id: InstanceId) {
        let n = id.0 as usize;
        let all = plan.instances.get(n).and_then(|i| i.garp_extra).is_some_and(|(_, all)| all);
        let adverts = self.advert_indexes.get(n).copied().flatten();
        let ours: Vec<u32> = self.vmacs.indexes().collect();
        let wanted = |index: u32| all || (Some(index) != adverts && ours.contains(&index));
        self.announce_where(plan, id, 1, &wanted);
    }

    fn announce_where(
        &mut self,
        plan: &KeeperPlan,
        id: InstanceId,
        repeat: u32,
        wanted: &dyn Fn(u32) -> bool,
    ) {
        let Some(instance) = plan.instances.get(id.0 as usize) else { return };
        let mut all = Vec::new();
        for address in holdings::addresses(instance) {
            let Some(index) = self.place(plan, id, address).filter(|index| wanted(*index)) else { continue };
            let Some(link) = self.links.by_index(index) else { continue };
            let Some(mac) = links::mac(link).filter(|_| evenkeel_sys::packet::is_ethernet(link.hardware))
            else {
                continue;
            };
            let name = link.name.clone();
            let router = address.ip.is_ipv6() && self.is_router(index, &name);
            all.push((self.lane(plan, index), Announcement { index, mac, ip: address.ip, router }, name));
        }
        let who = plan.node.instances.get(id.0 as usize).map_or("", |i| i.name.as_str());
        for (_, one, name) in &all {
            let kind = if one.ip.is_ipv4() { "gratuitous ARPs" } else { "Unsolicited Neighbour Adverts" };
            self.log(LogLevel::Detail, &format!("({who}) Sending/queueing {kind} on {name} for {}", one.ip));
        }
        for _ in 0..repeat {
            for ((lane, pace), one, _) in &all {
                self.announcer.push(*lane, *pace, *one);
            }
        }
    }

    fn is_router(&mut self, index: u32, name: &str) -> bool {
        let sysctls = &self.sysctls;
        *self.routers.entry(index).or_insert_with(|| {
            sysctls.get(&format!("net/ipv6/conf/{name}/forwarding")).is_ok_and(|value| value != "0")
        })
    }

    fn lane(&self, plan: &KeeperPlan, index: u32) -> (Lane, Pace) {
        let global = &plan.global;
        for (n, group) in global.garp_groups.iter().enumerate() {
            if group.interfaces.iter().any(|i| self.index(*i) == Some(index)) {
                return (Lane::Group(n), Pace { garp: group.garp_interval, gna: group.gna_interval });
            }
        }
        (Lane::Interface(index), Pace { garp: global.garp_interval, gna: global.gna_interval })
    }

    /// Asks who has an address.
    pub(crate) fn probe(&mut self, interface: InterfaceId, ip: IpAddr) {
        let Some(index) = self.index(interface) else { return };
        let Some(mac) = self.links.by_index(index).and_then(links::mac) else { return };
        self.announcer.probe(index, mac, ip);
    }

    pub(crate) fn sent(&mut self, id: InstanceId) {
        self.counters.sent += 1;
        if !self.mute.is_empty() {
            self.mute.remove(&id);
        }
    }

    pub(crate) fn send_failed(&mut self, id: InstanceId, error: &io::Error) {
        self.counters.send_errors += 1;
        let errno = error.raw_os_error().unwrap_or(0);
        if self.mute.insert(id, errno) != Some(errno) {
            self.log(LogLevel::Warning, &format!("cannot send adverts of instance {}: {error}", id.0));
        }
    }

    pub(crate) fn subscribe(&mut self, subscriber: SyncSender<Told>) {
        if self.subscribers.len() < SUBSCRIBERS_MAX {
            self.subscribers.push(subscriber);
        }
    }

    /// Tells readers of transitions; those that are gone are forgotten.
    pub(crate) fn publish(&mut self, told: &Told) {
        use std::sync::mpsc::TrySendError;
        self.subscribers.retain(|s| !matches!(s.try_send(told.clone()), Err(TrySendError::Disconnected(_))));
    }

    /// The interfaces that the plan names.
    pub fn interfaces(&self, plan: &KeeperPlan) -> Vec<InterfaceLook> {
        let look = |name: &String| {
            let link = self.links.by_name(name);
            let index = link.map(|l| l.index);
            let addresses = index.map(|i| self.links.addresses(i)).unwrap_or_default();
            InterfaceLook {
                name: name.clone(),
                index,
                running: link.is_some_and(links::is_running),
                mac: link.and_then(links::mac),
                mtu: link.map_or(0, |l| l.mtu),
                addresses: addresses.iter().map(|a| (a.ip, a.prefix)).collect(),
            }
        };
        plan.node.interfaces.iter().map(look).collect()
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        Counters { announced: self.announcer.sent, ..self.counters }
    }

    /// How many processes there are of each tracked kind, and whether the kernel tells of them by itself.
    pub fn processes(&self) -> (BTreeMap<evenkeel_vrrp::conf::TrackId, usize>, bool) {
        (self.processes.counts(), self.processes.is_told())
    }

    /// BFD's sessions, with their tracks.
    pub fn bfd(&self) -> Vec<(evenkeel_vrrp::conf::TrackId, evenkeel_bfd::View)> {
        self.bfd.views()
    }

    /// Whether an instance's addresses are set by us now.
    pub fn is_held(&self, id: InstanceId) -> bool {
        self.holdings.get(id.0 as usize).is_some_and(|h| h.held)
    }
}
