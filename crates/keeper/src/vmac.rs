//! Virtual MACs (`use_vmac`, `use_ipvlan`): interfaces of our own above the instance's, which carry its addresses and, unless
//! `vmac_xmit_base`, its adverts.

use std::collections::BTreeMap;

use evenkeel_plan::keeper::{Address, KeeperPlan, Vmac};
use evenkeel_vrrp::conf::{Family, InstanceId, InterfaceId};

use crate::control::{LogLevel, Logger};
use crate::net::link;
use crate::net::links::{self, Links};
use crate::net::rtnl::{Rtnl, words};
use crate::net::sysctl::Sysctls;

/// The system's word for: another has this name already.
const EXISTS: i32 = 17;

/// An interface of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    index: u32,
    name: String,
    /// The interface below.
    lower: u32,
}

/// All interfaces that we made: by instance, and by the interface below.
#[derive(Debug, Default)]
pub(crate) struct Vmacs {
    made: BTreeMap<(String, u32), Made>,
    /// By instance of the plan in force: what its adverts use, if that is not the interface itself.
    own: Vec<Option<u32>>,
    /// By instance and lower interface: where addresses go.
    above: BTreeMap<(u32, u32), u32>,
    /// The plan's interfaces in the kernel, as of the last [`Vmacs::set`].
    lowers: Vec<Option<u32>>,
}

/// One interface that the plan wants.
struct Wanted {
    instance: usize,
    lower: u32,
    name: String,
    mac: Option<[u8; 6]>,
    ipvlan: bool,
    own: bool,
}

impl Vmacs {
    /// Makes what the plan wants, removes what it does not want any more. True: interfaces came or went.
    pub(crate) fn set(
        &mut self,
        plan: &KeeperPlan,
        rtnl: &mut Rtnl,
        links: &Links,
        sysctls: &mut Sysctls,
        log: &Logger,
    ) -> bool {
        let index = |id: InterfaceId| {
            let name = plan.node.interfaces.get(id.0 as usize)?;
            links.by_name(name).map(|l| l.index)
        };
        self.lowers = (0..plan.node.interfaces.len()).map(|n| index(InterfaceId(n as u32))).collect();
        let wanted = wanted(plan, &index);
        let mut changed = false;
        let keep = |key: &(String, u32)| wanted.iter().any(|w| w.name == key.0 && w.lower == key.1);
        let gone: Vec<_> = self.made.keys().filter(|key| !keep(key)).cloned().collect();
        for key in gone {
            if let Some(made) = self.made.remove(&key) {
                let _ = rtnl.one(link::del(made.index));
                changed = true;
            }
        }
        for one in &wanted {
            let key = (one.name.clone(), one.lower);
            // One that somebody removed is made again.
            if self.made.get(&key).is_some_and(|made| links.by_index(made.index).is_some()) {
                continue;
            }
            match make(one, rtnl, links, sysctls) {
                Ok(index) => {
                    self.made.insert(key, Made { index, name: one.name.clone(), lower: one.lower });
                    changed = true;
                }
                Err(why) => log(LogLevel::Error, &format!("cannot make interface {}: {why}", one.name)),
            }
        }
        self.own = vec![None; plan.instances.len()];
        self.above.clear();
        for one in &wanted {
            let Some(made) = self.made.get(&(one.name.clone(), one.lower)) else { continue };
            let n = u32::try_from(one.instance).unwrap_or(u32::MAX);
            self.above.insert((n, one.lower), made.index);
            if one.own
                && let Some(place) = self.own.get_mut(one.instance)
            {
                *place = Some(made.index);
            }
        }
        changed
    }

    /// Whether the plan wants any, or there are any.
    pub(crate) fn concern(&self, plan: &KeeperPlan) -> bool {
        !self.made.is_empty()
            || plan
                .instances
                .iter()
                .any(|i| i.vmac.is_some() || crate::holdings::addresses(i).any(|a| a.use_vmac))
    }

    /// Where the adverts of an instance with a virtual MAC leave; `None`: by its interface.
    pub(crate) fn advert_index(&self, instance: usize, plan: &KeeperPlan) -> Option<u32> {
        let vmac = plan.instances.get(instance)?.vmac.as_ref()?;
        if vmac.xmit_base { None } else { self.own.get(instance).copied().flatten() }
    }

    /// The interface of ours that an address goes to.
    pub(crate) fn place(&self, plan: &KeeperPlan, id: InstanceId, address: &Address) -> Option<u32> {
        if self.above.is_empty() {
            return None;
        }
        let n = id.0 as usize;
        let conf = plan.node.instances.get(n)?;
        let vmac = plan.instances.get(n)?.vmac.as_ref();
        let lower = self.lowers.get(address.interface.0 as usize).copied().flatten()?;
        // Excluded addresses of the other family stay below, as the original has it: the MAC is not theirs.
        let own = vmac.is_some()
            && address.interface == conf.interface
            && address.ip.is_ipv6() == (conf.family == Family::V6);
        if own || address.use_vmac || vmac.is_some_and(|v| v.addresses_too) {
            return self.above.get(&(id.0, lower)).copied();
        }
        None
    }

    /// Whether an interface is one of ours above `lower`.
    pub(crate) fn is_above(&self, index: u32, lower: u32) -> bool {
        self.made.values().any(|made| made.index == index && made.lower == lower)
    }

    /// The names of those that carry addresses, for the firewall.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        self.made.values().map(|made| (made.name.as_str(), made.lower))
    }

    /// Their numbers.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> {
        self.made.values().map(|made| made.index)
    }

    /// Removes all.
    pub(crate) fn clear(&mut self, rtnl: &mut Rtnl) {
        for made in std::mem::take(&mut self.made).into_values() {
            let _ = rtnl.one(link::del(made.index));
        }
    }
}

fn wanted(plan: &KeeperPlan, index: &dyn Fn(InterfaceId) -> Option<u32>) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (n, (conf, instance)) in plan.node.instances.iter().zip(&plan.instances).enumerate() {
        let vrid = conf.vrid.get();
        let standard = |v6: bool| [0, 0, 0x5e, 0, if v6 { 2 } else { 1 }, vrid];
        let lower = index(conf.interface);
        if let (Some(Vmac { name, mac, ipvlan, .. }), Some(lower)) = (&instance.vmac, lower) {
            let mac = mac.unwrap_or_else(|| standard(conf.family == Family::V6));
            let (name, ipvlan) = (name.clone(), *ipvlan);
            let mac = (!ipvlan).then_some(mac);
            wanted.push(Wanted { instance: n, lower, name, mac, ipvlan, own: true });
        }
        let too = instance.vmac.as_ref().is_some_and(|v| v.addresses_too);
        let elsewhere = crate::holdings::addresses(instance)
            .filter(|a| (too || a.use_vmac) && (instance.vmac.is_none() || a.interface != conf.interface));
        for address in elsewhere {
            let Some(lower) = index(address.interface) else { continue };
            if wanted.iter().any(|w| w.instance == n && w.lower == lower) {
                continue;
            }
            let v6 = address.ip.is_ipv6();
            let name = format!("vrrp{}.{vrid}.{lower}", if v6 { "6" } else { "" });
            let mac = Some(standard(v6));
            wanted.push(Wanted { instance: n, lower, name, mac, ipvlan: false, own: false });
        }
    }
    wanted
}

/// Makes an interface, or takes over one of this name that an earlier run left.
fn make(one: &Wanted, rtnl: &mut Rtnl, links: &Links, sysctls: &mut Sysctls) -> Result<u32, String> {
    let found = links.by_name(&one.name);
    let kind = if one.ipvlan { "ipvlan" } else { "macvlan" };
    match found {
        Some(found) if found.kind == kind && found.lower == one.lower => {}
        Some(_) => return Err("another interface has this name".into()),
        None => {
            let request = match one.mac {
                Some(mac) => link::add_macvlan(&one.name, one.lower, mac),
                None => link::add_ipvlan(&one.name, one.lower),
            };
            match rtnl.one(request) {
                Ok(()) => {}
                Err(EXISTS) => return Err("another interface has this name".into()),
                Err(errno) => return Err(words(errno)),
            }
        }
    }
    let index = evenkeel_sys::rawip::ifindex(&one.name).ok_or("it is gone again")?;
    if let (Some(mac), Some(found)) = (one.mac, found)
        && links::mac(found) != Some(mac)
    {
        rtnl.one(link::set_mac(index, mac)).map_err(words)?;
    }
    // Without IPv6 in the kernel there is nothing to switch off.
    let _ = rtnl.one(link::no_own_addresses(index));
    settings(one, links, sysctls);
    rtnl.one(link::up(index)).map_err(words)?;
    Ok(index)
}

/// What the kernel must be told, so that only the virtual MAC answers for the addresses on it.
fn settings(one: &Wanted, links: &Links, sysctls: &mut Sysctls) {
    let v4 = |name: &str, key: &str| format!("net/ipv4/conf/{name}/{key}");
    // Each is best effort: a kernel without one of them does as it can.
    let own = [("arp_ignore", "1"), ("accept_local", "1"), ("rp_filter", "0"), ("promote_secondaries", "1")];
    for (key, value) in own {
        let _ = sysctls.set(&v4(&one.name, key), value);
    }
    if let Some(lower) = links.by_index(one.lower) {
        // The last is beyond the original: without it, an answer from a floating address that leaves by the interface below asks
        // for the client's MAC in the floating address's name with the wrong MAC, and the client learns that one.
        for (key, value) in [("arp_ignore", "1"), ("arp_filter", "1"), ("arp_announce", "2")] {
            let _ = sysctls.set(&v4(&lower.name, key), value);
        }
    }
    // The greater of `all` and the interface's counts: `all` is moved to the interfaces (keepalived.conf(5), use_vmac).
    let Ok(all) = sysctls.get(&v4("all", "rp_filter")) else { return };
    if all != "0" {
        for link in links.all().map(|l| l.name.as_str()).chain(["default"]) {
            if sysctls.get(&v4(link, "rp_filter")).is_ok_and(|own| own < all) && link != one.name {
                let _ = sysctls.set(&v4(link, "rp_filter"), &all);
            }
        }
        let _ = sysctls.set(&v4("all", "rp_filter"), "0");
    }
}
