//! A packet as it was received.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ah::{Ah, AhKey};
use super::hmac::{HmacKey, Trailer};
use super::{Advert, Checksum, Error, GROUP_V4};
use crate::inet::{Ends, Ipv4, PROTOCOL_AH, PROTOCOL_VRRP};

/// A whole packet: the advert, and what stands around it. Its checksum is right in the form that it says; proofs are not
/// looked at until asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The advert.
    pub advert: Advert<'a>,
    /// Who sent to whom.
    pub ends: Ends,
    /// The IPv4 header's TTL; `None` over IPv6, where the system tells it beside the packet.
    pub ttl: Option<u8>,
    /// Which checksum it has.
    pub checksum: Checksum,
    /// Its AH header.
    pub ah: Option<Ah<'a>>,
    /// Its trailer of `auth_hmac`.
    pub trailer: Option<Trailer<'a>>,
    ip: Option<Ipv4<'a>>,
    /// After the AH header.
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads an IPv4 packet, header included, as raw sockets deliver it.
    pub fn parse_v4(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_v4_in(bytes, GROUP_V4)
    }

    /// As [`Packet::parse_v4`], where `vrrp_mcast_group4` is another group.
    pub fn parse_v4_in(bytes: &'a [u8], group: Ipv4Addr) -> Result<Self, Error> {
        let ip = Ipv4::parse(bytes)?;
        let (ah, payload) = match ip.protocol {
            PROTOCOL_VRRP => (None, ip.payload),
            PROTOCOL_AH => {
                let (ah, payload) = Ah::parse(ip.payload)?;
                (Some(ah), payload)
            }
            other => return Err(Error::Protocol(other)),
        };
        Self::parse(payload, ip.ends(), group, ah, Some(ip))
    }

    /// Reads the payload of an IPv6 packet.
    pub fn parse_v6(payload: &'a [u8], source: Ipv6Addr, destination: Ipv6Addr) -> Result<Self, Error> {
        Self::parse(payload, Ends::V6 { source, destination }, GROUP_V4, None, None)
    }

    fn parse(
        payload: &'a [u8],
        ends: Ends,
        group: Ipv4Addr,
        ah: Option<Ah<'a>>,
        ip: Option<Ipv4<'a>>,
    ) -> Result<Self, Error> {
        let v6 = matches!(ends, Ends::V6 { .. });
        let (advert, rest) = Advert::parse(payload, v6)?;
        let checksum = advert.checksum_form(&ends, rest, group)?;
        let trailer = Trailer::parse(rest)?;
        let ttl = ip.map(|ip| ip.ttl);
        Ok(Self { advert, ends, ttl, checksum, ah, trailer, ip, payload })
    }

    /// Who sent it.
    pub fn source(&self) -> IpAddr {
        self.ends.source()
    }

    /// Whether its AH header proves that it is whole and from who has the password; without one it does not.
    pub fn verify_ah(&self, key: &AhKey) -> Result<(), Error> {
        let (Some(ah), Some(ip)) = (&self.ah, &self.ip) else { return Err(Error::AhMismatch) };
        ah.verify(key, ip, self.payload)
    }

    /// Whether its trailer proves that it is whole and from who has the key; without one it does not. That the id in the
    /// trailer is the key's is for the caller, who chose the key by it.
    pub fn verify_hmac(&self, key: &HmacKey) -> Result<(), Error> {
        let Some(trailer) = &self.trailer else { return Err(Error::HmacMismatch) };
        trailer.verify(key, &self.advert, self.source())
    }
}
