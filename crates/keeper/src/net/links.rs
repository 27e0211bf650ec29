//! The interfaces and their addresses, as the kernel tells them.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use evenkeel_wire::netlink::rt::{self, ADDRESS_DAD_FAILED, ADDRESS_TENTATIVE, FLAG_RUNNING, FLAG_UP, News};

use super::rtnl::Rtnl;

/// All interfaces of this network namespace.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<u32, rt::Link>,
    addresses: BTreeMap<u32, Vec<rt::Address>>,
}

impl Links {
    /// Asks for everything anew.
    pub(crate) fn load(rtnl: &mut Rtnl) -> io::Result<Links> {
        let mut links = Links::default();
        for news in rtnl.dump(rt::LINK + rt::GET, &[0; 16])? {
            links.apply(&news);
        }
        for news in rtnl.dump(rt::ADDRESS + rt::GET, &[0; 8])? {
            links.apply(&news);
        }
        Ok(links)
    }

    /// Takes news of links and addresses in; the number of the interface, if something has changed that matters (a lifetime
    /// does not).
    pub(crate) fn apply(&mut self, news: &News) -> Option<u32> {
        match news {
            News::Link(link) => {
                // The kernel repeats links without names in some bridge messages.
                if link.name.is_empty() || self.links.get(&link.index) == Some(link) {
                    return None;
                }
                self.links.insert(link.index, link.clone());
                Some(link.index)
            }
            News::LinkGone(index) => {
                self.links.remove(index);
                self.addresses.remove(index);
                Some(*index)
            }
            News::Address(address) => {
                let all = self.addresses.entry(address.index).or_default();
                let known = all.iter_mut().find(|a| a.ip == address.ip && a.prefix == address.prefix);
                let changed = known.as_ref().is_none_or(|known| is_usable(known) != is_usable(address));
                match known {
                    Some(known) => *known = address.clone(),
                    None => all.push(address.clone()),
                }
                changed.then_some(address.index)
            }
            News::AddressGone(address) => {
                if let Some(all) = self.addresses.get_mut(&address.index) {
                    all.retain(|a| a.ip != address.ip || a.prefix != address.prefix);
                }
                Some(address.index)
            }
            News::Route(_) | News::RouteGone(_) | News::Rule(_) | News::RuleGone(_) => None,
        }
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&rt::Link> {
        self.links.values().find(|link| link.name == name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &rt::Link> {
        self.links.values()
    }

    pub(crate) fn by_index(&self, index: u32) -> Option<&rt::Link> {
        self.links.get(&index)
    }

    pub(crate) fn addresses(&self, index: u32) -> &[rt::Address] {
        self.addresses.get(&index).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an interface has this address, whatever its prefix.
    pub(crate) fn has(&self, index: u32, ip: IpAddr) -> Option<&rt::Address> {
        self.addresses(index).iter().find(|a| a.ip == ip)
    }
}

/// Up, and with a carrier.
pub(crate) fn is_running(link: &rt::Link) -> bool {
    link.flags & (FLAG_UP | FLAG_RUNNING) == FLAG_UP | FLAG_RUNNING
}

/// A hardware address of Ethernet's form.
pub(crate) fn mac(link: &rt::Link) -> Option<[u8; 6]> {
    link.mac.as_slice().try_into().ok()
}

/// Whether packets may have it as their source.
pub(crate) fn is_usable(address: &rt::Address) -> bool {
    address.flags & (ADDRESS_TENTATIVE | ADDRESS_DAD_FAILED) == 0
}
