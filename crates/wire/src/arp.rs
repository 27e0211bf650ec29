//! ARP over Ethernet for IPv4 (RFC 826): announcements as Keepalived sends them, probes (RFC 5227), and what others say.
//!
//! ```text
//!   1 │ 0x0800 │ 6 │ 4 │ operation │ sender's MAC │ sender │ target's MAC │ target
//! ```

use std::net::Ipv4Addr;

use crate::ether::{self, BROADCAST, Frame, Mac, TYPE_ARP};

/// A packet without its frame.
pub const LEN: usize = 28;

/// Hardware Ethernet, protocol IPv4, lengths of their addresses.
const KIND: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// "Who has the target?"
    Request,
    /// "The sender has its address."
    Reply,
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arp {
    /// What is said.
    pub operation: Operation,
    /// Who says to have `sender`.
    pub sender_mac: Mac,
    /// An address; 0.0.0.0 in probes.
    pub sender: Ipv4Addr,
    /// To whom; without meaning in requests.
    pub target_mac: Mac,
    /// Which address is asked for.
    pub target: Ipv4Addr,
}

/// Why a frame is no ARP packet that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// Not of ARP's type.
    #[error("no ARP frame")]
    Frame,
    /// Too few bytes.
    #[error("ARP packet of {0} bytes; 28 are needed")]
    Short(usize),
    /// Not Ethernet and IPv4.
    #[error("ARP for another network")]
    Kind,
    /// Neither request nor reply.
    #[error("ARP operation {0}")]
    Operation(u16),
}

impl Arp {
    /// "I have this address": gratuitous ARP. As a request it is Keepalived's form (RFC 5227 §2.3 has zeros for the target's
    /// MAC, to which nobody listens); some switches and hosts heed replies only.
    pub fn announcement(operation: Operation, mac: Mac, address: Ipv4Addr) -> Self {
        Self { operation, sender_mac: mac, sender: address, target_mac: BROADCAST, target: address }
    }

    /// "Who has this address?", asked without using it: nobody's table changes (RFC 5227 §2.1.1).
    pub fn probe(mac: Mac, address: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac: mac,
            sender: Ipv4Addr::UNSPECIFIED,
            target_mac: [0; 6],
            target: address,
        }
    }

    /// Whether it tells that the sender has the sender's address: probes do not.
    pub fn claims(&self) -> Option<(Ipv4Addr, Mac)> {
        (!self.sender.is_unspecified()).then_some((self.sender, self.sender_mac))
    }

    /// Writes a whole frame in place of what `out` had; announcements and probes go to everybody.
    pub fn write(&self, destination: Mac, out: &mut Vec<u8>) {
        ether::begin(out, destination, self.sender_mac, TYPE_ARP);
        out.extend(KIND);
        let operation: u16 = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        out.extend(operation.to_be_bytes());
        out.extend(self.sender_mac);
        out.extend(self.sender.octets());
        out.extend(self.target_mac);
        out.extend(self.target.octets());
    }

    /// Reads a whole frame.
    pub fn parse(frame: &[u8]) -> Result<Self, Error> {
        let payload = match Frame::parse(frame) {
            Some(Frame { kind: TYPE_ARP, payload, .. }) => payload,
            Some(_) | None => return Err(Error::Frame),
        };
        let bytes: &[u8; LEN] = payload.first_chunk().ok_or(Error::Short(payload.len()))?;
        let [h0, h1, p0, p1, hl, pl, o0, o1, rest @ ..] = *bytes;
        if [h0, h1, p0, p1, hl, pl] != KIND {
            return Err(Error::Kind);
        }
        let operation = match u16::from_be_bytes([o0, o1]) {
            1 => Operation::Request,
            2 => Operation::Reply,
            other => return Err(Error::Operation(other)),
        };
        let [a, b, c, d, e, f, s0, s1, s2, s3, g, h, i, j, k, l, t0, t1, t2, t3] = rest;
        Ok(Self {
            operation,
            sender_mac: [a, b, c, d, e, f],
            sender: Ipv4Addr::new(s0, s1, s2, s3),
            target_mac: [g, h, i, j, k, l],
            target: Ipv4Addr::new(t0, t1, t2, t3),
        })
    }
}
