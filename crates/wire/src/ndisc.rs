//! Neighbour discovery (RFC 4861): unsolicited adverts as Keepalived sends them, solicitations, and what others say.
//!
//! ```text
//!   Ethernet │ IPv6, hop limit 255 │ type │ 0 │ checksum │ flags │ target │ options: 2 (target's) or 1 (source's MAC)
//! ```

use std::net::Ipv6Addr;

use crate::ether::{self, Frame, Mac, TYPE_IPV6, multicast_mac};
use crate::inet::{Ends, PROTOCOL_ICMP6, Sum};

/// All nodes of a link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

const IPV6_LEN: usize = 40;
const MESSAGE_LEN: usize = 24;
const OPTION_LEN: usize = 8;
const HOP_LIMIT: u8 = 255;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const OPTION_SOURCE: u8 = 1;
const OPTION_TARGET: u8 = 2;
const FLAG_ROUTER: u8 = 0x80;
const FLAG_SOLICITED: u8 = 0x40;
const FLAG_OVERRIDE: u8 = 0x20;

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// "Who has the target?"
    Solicitation,
    /// "I have the target."
    Advertisement {
        /// The sender forwards packets.
        router: bool,
        /// It was asked.
        solicited: bool,
        /// What is known of the target is to be replaced.
        overrides: bool,
    },
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Neighbour {
    /// What is said.
    pub kind: Kind,
    /// From; `::` while an address is not used yet.
    pub source: Ipv6Addr,
    /// To.
    pub destination: Ipv6Addr,
    /// The address in question.
    pub target: Ipv6Addr,
    /// The target's MAC in adverts, the source's in solicitations.
    pub mac: Option<Mac>,
}

/// Why a frame is no message that may be heeded (RFC 4861 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// Not of IPv6's type, or version.
    #[error("no IPv6 frame")]
    Frame,
    /// Another protocol than ICMPv6.
    #[error("protocol {0} instead of ICMPv6")]
    Protocol(u8),
    /// Too few bytes.
    #[error("{got} bytes of {want}")]
    Short {
        /// There are.
        got: usize,
        /// There must be.
        want: usize,
    },
    /// It was forwarded, so it does not come from this link.
    #[error("hop limit {0} instead of 255")]
    HopLimit(u8),
    /// Neither solicitation nor advert.
    #[error("ICMPv6 type {0}")]
    Type(u8),
    /// The code is not 0.
    #[error("code {0} instead of 0")]
    Code(u8),
    /// The checksum is wrong.
    #[error("checksum 0x{0:04x} does not fit")]
    Checksum(u16),
    /// The target is a group, or a group is said to have been asked for.
    #[error("the target or the destination has no sense")]
    Address,
    /// An option of no length, or one that is cut.
    #[error("broken option")]
    Option,
}

impl Neighbour {
    /// "I have this address", to all nodes: Keepalived's form, from the address itself (RFC 4861 §7.2.6).
    pub fn announcement(address: Ipv6Addr, mac: Mac, router: bool) -> Self {
        Self {
            kind: Kind::Advertisement { router, solicited: false, overrides: true },
            source: address,
            destination: ALL_NODES,
            target: address,
            mac: Some(mac),
        }
    }

    /// "Who has this address?" From `::` it is asked without telling anything about ourselves, and the answer goes to all
    /// nodes (RFC 4862 §5.4.2); from another address the answer comes to us.
    pub fn solicitation(source: Ipv6Addr, mac: Mac, target: Ipv6Addr) -> Self {
        // RFC 4861 §4.3: no option from the unspecified address.
        let mac = (!source.is_unspecified()).then_some(mac);
        Self { kind: Kind::Solicitation, source, destination: solicited_node(target), target, mac }
    }

    /// Whether it tells who has the target.
    pub fn claims(&self) -> Option<(Ipv6Addr, Mac)> {
        match self.kind {
            Kind::Advertisement { .. } => self.mac.map(|mac| (self.target, mac)),
            Kind::Solicitation => None,
        }
    }

    /// Writes a whole frame in place of what `out` had, from `mac` to the destination's group.
    pub fn write_multicast(&self, mac: Mac, out: &mut Vec<u8>) {
        self.write(multicast_mac(self.destination), mac, out);
    }

    /// Writes a whole frame in place of what `out` had.
    pub fn write(&self, to: Mac, from: Mac, out: &mut Vec<u8>) {
        ether::begin(out, to, from, TYPE_IPV6);
        let len = MESSAGE_LEN + self.mac.map_or(0, |_| OPTION_LEN);
        out.extend([0x60, 0, 0, 0, 0, len as u8, PROTOCOL_ICMP6, HOP_LIMIT]);
        out.extend(self.source.octets());
        out.extend(self.destination.octets());
        let start = out.len();
        let (kind, flags, option) = match self.kind {
            Kind::Solicitation => (SOLICITATION, 0, OPTION_SOURCE),
            Kind::Advertisement { router, solicited, overrides } => {
                let flag = |set: bool, flag| if set { flag } else { 0 };
                let flags = flag(router, FLAG_ROUTER)
                    | flag(solicited, FLAG_SOLICITED)
                    | flag(overrides, FLAG_OVERRIDE);
                (ADVERTISEMENT, flags, OPTION_TARGET)
            }
        };
        out.extend([kind, 0, 0, 0, flags, 0, 0, 0]);
        out.extend(self.target.octets());
        if let Some(mac) = self.mac {
            out.extend([option, 1]);
            out.extend(mac);
        }
        let ends = Ends::V6 { source: self.source, destination: self.destination };
        let sum = Sum::new().bytes(out.get(start..).unwrap_or_default());
        let sum = sum.pseudo(&ends, PROTOCOL_ICMP6, len).finish().to_be_bytes();
        if let Some(place) = out.get_mut(start + 2..start + 4) {
            place.copy_from_slice(&sum);
        }
    }

    /// Reads a whole frame. Extension headers are not looked behind: neighbour discovery has none.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let payload = match Frame::parse(frame) {
            Some(Frame { kind: TYPE_IPV6, payload, .. }) => payload,
            Some(_) | None => return Err(Error::Frame),
        };
        let short = Error::Short { got: payload.len(), want: IPV6_LEN };
        let (head, rest) = payload.split_first_chunk::<IPV6_LEN>().ok_or(short)?;
        let [first, _, _, _, len_high, len_low, protocol, hops, addresses @ ..] = head;
        if first >> 4 != 6 {
            return Err(Error::Frame);
        }
        if *protocol != PROTOCOL_ICMP6 {
            return Err(Error::Protocol(*protocol));
        }
        let len = usize::from(u16::from_be_bytes([*len_high, *len_low]));
        let message = rest.get(..len).ok_or(Error::Short { got: rest.len(), want: len })?;
        let (source, destination) = addresses.split_at(16);
        let octets = |bytes: &[u8]| Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap_or_default());
        Self::parse_message(message, octets(source), octets(destination), *hops)
    }

    /// Reads an ICMPv6 message, with what stands around it.
    pub fn parse_message(
        bytes: &[u8],
        source: Ipv6Addr,
        destination: Ipv6Addr,
        hop_limit: u8,
    ) -> Result<Self, Error> {
        let short = Error::Short { got: bytes.len(), want: MESSAGE_LEN };
        let (head, options) = bytes.split_first_chunk::<MESSAGE_LEN>().ok_or(short)?;
        let [kind, code, sum_high, sum_low, flags, _, _, _, target @ ..] = *head;
        if kind != SOLICITATION && kind != ADVERTISEMENT {
            return Err(Error::Type(kind));
        }
        if hop_limit != HOP_LIMIT {
            return Err(Error::HopLimit(hop_limit));
        }
        let ends = Ends::V6 { source, destination };
        if Sum::new().bytes(bytes).pseudo(&ends, PROTOCOL_ICMP6, bytes.len()).finish() != 0 {
            return Err(Error::Checksum(u16::from_be_bytes([sum_high, sum_low])));
        }
        if code != 0 {
            return Err(Error::Code(code));
        }
        let target = Ipv6Addr::from(target);
        let solicited = flags & FLAG_SOLICITED != 0;
        let (kind, wanted) = if kind == SOLICITATION {
            (Kind::Solicitation, OPTION_SOURCE)
        } else {
            let (router, overrides) = (flags & FLAG_ROUTER != 0, flags & FLAG_OVERRIDE != 0);
            (Kind::Advertisement { router, solicited, overrides }, OPTION_TARGET)
        };
        let mac = mac_option(options, wanted)?;
        let senseless = match kind {
            // RFC 4861 §7.1.2.
            Kind::Advertisement { solicited, .. } => solicited && destination.is_multicast(),
            // RFC 4861 §7.1.1.
            Kind::Solicitation => {
                source.is_unspecified() && (destination != solicited_node(target) || mac.is_some())
            }
        };
        if target.is_multicast() || senseless {
            return Err(Error::Address);
        }
        Ok(Self { kind, source, destination, target, mac })
    }
}

/// The first option of this type with an Ethernet address; others are passed over (RFC 4861 §4.6).
fn mac_option(mut options: &[u8], wanted: u8) -> Result<Option<Mac>, Error> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        if units == 0 {
            return Err(Error::Option);
        }
        let (option, rest) =
            options.split_at_checked(usize::from(units) * OPTION_LEN).ok_or(Error::Option)?;
        if let (true, None, [_, 1, a, b, c, d, e, f]) = (kind == wanted, found, option) {
            found = Some([*a, *b, *c, *d, *e, *f]);
        }
        options = rest;
    }
    if options.is_empty() { Ok(found) } else { Err(Error::Option) }
}

/// The group in which who has the address listens (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}
