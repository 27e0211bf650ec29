//! The routing family: what the kernel tells of links, addresses, routes and rules (rtnetlink(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Heard, attributes, get_text, get_u16, get_u32};

/// `RTM_NEWLINK`; deleting is one more, asking two more, and so for each of the following.
pub const LINK: u16 = 16;
/// `RTM_NEWADDR`.
pub const ADDRESS: u16 = 20;
/// `RTM_NEWROUTE`.
pub const ROUTE: u16 = 24;
/// `RTM_NEWRULE`.
pub const RULE: u16 = 32;
/// From a kind to its deletion.
pub const DELETE: u16 = 1;
/// From a kind to the question for it.
pub const GET: u16 = 2;

/// `RTNLGRP_LINK`.
pub const GROUP_LINK: u32 = 1;
/// `RTNLGRP_IPV4_IFADDR`.
pub const GROUP_V4_ADDRESS: u32 = 5;
/// `RTNLGRP_IPV4_ROUTE`.
pub const GROUP_V4_ROUTE: u32 = 7;
/// `RTNLGRP_IPV4_RULE`.
pub const GROUP_V4_RULE: u32 = 8;
/// `RTNLGRP_IPV6_IFADDR`.
pub const GROUP_V6_ADDRESS: u32 = 9;
/// `RTNLGRP_IPV6_ROUTE`.
pub const GROUP_V6_ROUTE: u32 = 11;
/// `RTNLGRP_IPV6_RULE`.
pub const GROUP_V6_RULE: u32 = 19;

/// `AF_INET`.
pub const V4: u8 = 2;
/// `AF_INET6`.
pub const V6: u8 = 10;

/// `IFF_UP`.
pub const FLAG_UP: u32 = 0x1;
/// `IFF_RUNNING`.
pub const FLAG_RUNNING: u32 = 0x40;
/// `IFF_LOWER_UP`.
pub const FLAG_LOWER_UP: u32 = 0x1_0000;

/// `IFA_F_TENTATIVE`: duplicate detection is under way.
pub const ADDRESS_TENTATIVE: u32 = 0x40;
/// `IFA_F_DADFAILED`: somebody else has it.
pub const ADDRESS_DAD_FAILED: u32 = 0x08;
/// `IFA_F_PERMANENT`: it has no lifetime.
pub const ADDRESS_PERMANENT: u32 = 0x80;

/// What the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An interface, new or changed.
    Link(Link),
    /// An interface is gone.
    LinkGone(u32),
    /// An address, new or changed.
    Address(Address),
    /// An address is gone.
    AddressGone(Address),
    /// A route.
    Route(Route),
    /// A route is gone.
    RouteGone(Route),
    /// A rule.
    Rule(Rule),
    /// A rule is gone.
    RuleGone(Rule),
}

impl News {
    /// Reads one message; `None`: it is of no interest, or garbled.
    pub fn read(heard: &Heard<'_>) -> Option<News> {
        const LINK_GONE: u16 = LINK + DELETE;
        const ADDRESS_GONE: u16 = ADDRESS + DELETE;
        const ROUTE_GONE: u16 = ROUTE + DELETE;
        const RULE_GONE: u16 = RULE + DELETE;
        Some(match heard.kind {
            LINK => News::Link(Link::read(heard.body)?),
            LINK_GONE => News::LinkGone(Link::read(heard.body)?.index),
            ADDRESS => News::Address(Address::read(heard.body)?),
            ADDRESS_GONE => News::AddressGone(Address::read(heard.body)?),
            ROUTE => News::Route(Route::read(heard.body)?),
            ROUTE_GONE => News::RouteGone(Route::read(heard.body)?),
            RULE => News::Rule(Rule::read(heard.body)?),
            RULE_GONE => News::RuleGone(Rule::read(heard.body)?),
            _ => return None,
        })
    }
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// `ARPHRD_…`.
    pub hardware: u16,
    /// `IFF_…`.
    pub flags: u32,
    /// Its hardware address, as long as it is.
    pub mac: Vec<u8>,
    /// Its MTU.
    pub mtu: u32,
    /// The interface below (VLAN, macvlan); 0: none.
    pub lower: u32,
    /// The bridge, bond or VRF that it belongs to; 0: none.
    pub master: u32,
    /// `macvlan`, `vlan`, `vrf`, …; empty for hardware.
    pub kind: String,
}

impl Link {
    fn read(body: &[u8]) -> Option<Link> {
        let mut link = Link {
            hardware: get_u16(body, 2)?,
            index: get_u32(body, 4)?,
            flags: get_u32(body, 8)?,
            ..Link::default()
        };
        for (kind, value) in attributes(body.get(16..)?) {
            match kind {
                1 => link.mac = value.to_vec(),
                3 => link.name = get_text(value),
                4 => link.mtu = get_u32(value, 0)?,
                5 => link.lower = get_u32(value, 0)?,
                10 => link.master = get_u32(value, 0)?,
                18 => {
                    let found = attributes(value).find(|(kind, _)| *kind == 1);
                    link.kind = found.map(|(_, v)| get_text(v)).unwrap_or_default();
                }
                _ => {}
            }
        }
        Some(link)
    }
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub index: u32,
    /// The address itself (a point-to-point link's own end).
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// `RT_SCOPE_…`.
    pub scope: u8,
    /// `IFA_F_…`.
    pub flags: u32,
    /// Seconds it still has; `None`: for ever.
    pub valid_s: Option<u32>,
    /// Seconds until it is deprecated; `None`: for ever.
    pub preferred_s: Option<u32>,
    /// `IFA_PROTO`: who set it; 0: not said.
    pub protocol: u8,
}

impl Address {
    fn read(body: &[u8]) -> Option<Address> {
        let family = *body.first()?;
        let prefix = *body.get(1)?;
        let mut flags = u32::from(*body.get(2)?);
        let scope = *body.get(3)?;
        let index = get_u32(body, 4)?;
        let (mut local, mut peer, mut valid_s, mut preferred_s, mut protocol) = (None, None, None, None, 0);
        for (kind, value) in attributes(body.get(8..)?) {
            match kind {
                1 => peer = ip(family, value),
                2 => local = ip(family, value),
                6 => {
                    preferred_s = get_u32(value, 0).filter(|s| *s != u32::MAX);
                    valid_s = get_u32(value, 4).filter(|s| *s != u32::MAX);
                }
                8 => flags = get_u32(value, 0)?,
                11 => protocol = value.first().copied().unwrap_or(0),
                _ => {}
            }
        }
        Some(Address { index, ip: local.or(peer)?, prefix, scope, flags, valid_s, preferred_s, protocol })
    }
}

/// A route: what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// True for IPv6.
    pub v6: bool,
    /// Its destination; `None`: default.
    pub to: Option<(IpAddr, u8)>,
    /// Its table.
    pub table: u32,
    /// Type of service.
    pub tos: u8,
    /// Its metric; 0: none.
    pub metric: u32,
    /// `RTPROT_…`.
    pub protocol: u8,
    /// `RTN_…`.
    pub kind: u8,
    /// The gateway of its only way.
    pub via: Option<IpAddr>,
    /// The interface of its only way; 0: none.
    pub index: u32,
}

impl Route {
    fn read(body: &[u8]) -> Option<Route> {
        let family = *body.first()?;
        let mut route = Route {
            v6: family == V6,
            to: None,
            table: u32::from(*body.get(4)?),
            tos: *body.get(3)?,
            metric: 0,
            protocol: *body.get(5)?,
            kind: *body.get(7)?,
            via: None,
            index: 0,
        };
        let prefix = *body.get(1)?;
        for (kind, value) in attributes(body.get(12..)?) {
            match kind {
                1 => route.to = ip(family, value).map(|ip| (ip, prefix)),
                4 => route.index = get_u32(value, 0)?,
                5 => route.via = ip(family, value),
                6 => route.metric = get_u32(value, 0)?,
                15 => route.table = get_u32(value, 0)?,
                _ => {}
            }
        }
        Some(route)
    }
}

/// A rule: what tells it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// True for IPv6.
    pub v6: bool,
    /// Its place in the order.
    pub priority: u32,
    /// The table that it leads to.
    pub table: u32,
    /// `from`.
    pub from: Option<(IpAddr, u8)>,
    /// `to`.
    pub to: Option<(IpAddr, u8)>,
    /// `FR_ACT_…`.
    pub action: u8,
}

impl Rule {
    fn read(body: &[u8]) -> Option<Rule> {
        let family = *body.first()?;
        let (to_len, from_len) = (*body.get(1)?, *body.get(2)?);
        let mut rule = Rule {
            v6: family == V6,
            priority: 0,
            table: u32::from(*body.get(4)?),
            from: None,
            to: None,
            action: *body.get(7)?,
        };
        for (kind, value) in attributes(body.get(12..)?) {
            match kind {
                1 => rule.to = ip(family, value).map(|ip| (ip, to_len)),
                2 => rule.from = ip(family, value).map(|ip| (ip, from_len)),
                6 => rule.priority = get_u32(value, 0)?,
                15 => rule.table = get_u32(value, 0)?,
                _ => {}
            }
        }
        Some(rule)
    }
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        V4 => <[u8; 4]>::try_from(value).ok().map(|b| Ipv4Addr::from(b).into()),
        V6 => <[u8; 16]>::try_from(value).ok().map(|b| Ipv6Addr::from(b).into()),
        _ => None,
    }
}

/// An address's bytes, for attributes.
pub fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// An address's family.
pub fn family(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { V4 } else { V6 }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, messages};
    use super::*;

    fn read(message: Message) -> Option<News> {
        let bytes = message.finish(1);
        messages(&bytes).next().and_then(|heard| News::read(&heard))
    }

    #[test]
    fn addresses_with_and_without_an_end() {
        let mut message = Message::new(ADDRESS, 0, &[V4, 24, 0x80, 0, 3, 0, 0, 0]);
        message.attr(1, &[10, 0, 0, 9]).attr(2, &[10, 0, 0, 1]).u32(8, 0x280);
        let mut lifetimes = Vec::new();
        for n in [u32::MAX, 3, 0, 0] {
            lifetimes.extend(n.to_ne_bytes());
        }
        message.attr(6, &lifetimes).u8(11, 18);
        let want = Address {
            index: 3,
            ip: IpAddr::from([10, 0, 0, 1]),
            prefix: 24,
            scope: 0,
            flags: 0x280,
            valid_s: Some(3),
            preferred_s: None,
            protocol: 18,
        };
        assert_eq!(read(message), Some(News::Address(want)));
        let bare = Message::new(ADDRESS + DELETE, 0, &[V4, 24, 0, 0, 3, 0, 0, 0]);
        assert_eq!(read(bare), None, "an address without an address");
    }

    #[test]
    fn links_by_kind() {
        let mut fixed = vec![0, 0];
        fixed.extend(1u16.to_ne_bytes());
        for n in [7u32, FLAG_UP | FLAG_RUNNING, 0] {
            fixed.extend(n.to_ne_bytes());
        }
        let mut message = Message::new(LINK, 0, &fixed);
        message.text(3, "vrrp.51").u32(4, 1500).u32(5, 2).attr(1, &[0, 0, 0x5e, 0, 1, 51]);
        message.group(18, |m| {
            m.text(1, "macvlan");
        });
        let Some(News::Link(link)) = read(message) else { panic!("a link") };
        assert_eq!((link.index, link.name.as_str(), link.kind.as_str()), (7, "vrrp.51", "macvlan"));
        assert_eq!((link.mtu, link.lower, link.mac.len()), (1500, 2, 6));
    }
}
