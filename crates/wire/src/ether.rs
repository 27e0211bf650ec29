//! Ethernet frames as packet sockets carry them: no tags (the system takes those off), no padding.

use std::net::Ipv6Addr;

/// A hardware address.
pub type Mac = [u8; 6];

/// Destination, source, type.
pub const HEADER_LEN: usize = 14;
/// Everybody.
pub const BROADCAST: Mac = [0xff; 6];
/// Type of ARP frames.
pub const TYPE_ARP: u16 = 0x0806;
/// Type of IPv6 frames.
pub const TYPE_IPV6: u16 = 0x86dd;

/// A frame, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// To.
    pub destination: Mac,
    /// From.
    pub source: Mac,
    /// What the payload is.
    pub kind: u16,
    /// The payload, with padding where there was some.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// `None` where there is no whole header.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (destination, rest) = bytes.split_first_chunk()?;
        let (source, rest) = rest.split_first_chunk()?;
        let (kind, payload) = rest.split_first_chunk()?;
        let kind = u16::from_be_bytes(*kind);
        Some(Self { destination: *destination, source: *source, kind, payload })
    }
}

/// Puts a header in place of what `out` had.
pub(crate) fn begin(out: &mut Vec<u8>, destination: Mac, source: Mac, kind: u16) {
    out.clear();
    out.extend(destination);
    out.extend(source);
    out.extend(kind.to_be_bytes());
}

/// Where a multicast group's frames go (RFC 2464 §7).
pub fn multicast_mac(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}
