//! What the internet protocols share: the checksum (RFC 1071), pseudo headers, and the IPv4 header (RFC 791), which is made
//! here because AH covers it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 header without options.
pub const IPV4_HEADER_LEN: usize = 20;
/// IP protocol number of AH.
pub const PROTOCOL_AH: u8 = 51;
/// IP protocol number of ICMPv6.
pub const PROTOCOL_ICMP6: u8 = 58;
/// IP protocol number of VRRP.
pub const PROTOCOL_VRRP: u8 = 112;
/// TOS of routing protocols: precedence "internetwork control".
pub const TOS_CONTROL: u8 = 0xc0;

const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;

/// Who sends to whom; both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// IPv4.
    V4 {
        /// From.
        source: Ipv4Addr,
        /// To.
        destination: Ipv4Addr,
    },
    /// IPv6.
    V6 {
        /// From.
        source: Ipv6Addr,
        /// To.
        destination: Ipv6Addr,
    },
}

impl Ends {
    /// `None` where the families differ.
    pub fn new(source: IpAddr, destination: IpAddr) -> Option<Self> {
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Some(Ends::V4 { source, destination }),
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some(Ends::V6 { source, destination }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Who sent.
    pub fn source(&self) -> IpAddr {
        match *self {
            Ends::V4 { source, .. } => source.into(),
            Ends::V6 { source, .. } => source.into(),
        }
    }

    /// To whom.
    pub fn destination(&self) -> IpAddr {
        match *self {
            Ends::V4 { destination, .. } => destination.into(),
            Ends::V6 { destination, .. } => destination.into(),
        }
    }
}

/// The ones' complement sum of 16-bit words (RFC 1071).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Nothing summed yet.
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds bytes; an odd last one is padded with zero, so only the last piece may be odd.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(2);
        for word in &mut words {
            self.0 += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            self.0 += u64::from(u16::from_be_bytes([*last, 0]));
        }
        self
    }

    /// Adds a number as one word.
    pub fn word(mut self, word: u16) -> Self {
        self.0 += u64::from(word);
        self
    }

    /// Adds the pseudo header (RFC 793 §3.1 for IPv4, RFC 8200 §8.1 for IPv6).
    pub fn pseudo(self, ends: &Ends, protocol: u8, len: usize) -> Self {
        let sum = match ends {
            Ends::V4 { source, destination } => self.bytes(&source.octets()).bytes(&destination.octets()),
            Ends::V6 { source, destination } => self.bytes(&source.octets()).bytes(&destination.octets()),
        };
        let len = (len as u64).to_be_bytes();
        sum.bytes(&len).word(u16::from(protocol))
    }

    /// The checksum: the complement of the folded sum. Over bytes that hold a right checksum it is 0.
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }
}

/// What is wrong with an IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ipv4Error {
    /// Fewer bytes than a header, or than it says that it and its payload have.
    #[error("{got} bytes of {want}")]
    Short {
        /// There are.
        got: usize,
        /// There must be.
        want: usize,
    },
    /// Not version 4.
    #[error("IP version {0} instead of 4")]
    Version(u8),
    /// The header's own length is below 20, or above the packet's.
    #[error("IP header length {0}")]
    HeaderLength(usize),
    /// A fragment: the system reassembles, so none should come.
    #[error("a fragment")]
    Fragment,
}

/// An IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4<'a> {
    /// Its header, options included.
    pub header: &'a [u8],
    /// What follows, cut to the packet's length (Ethernet pads).
    pub payload: &'a [u8],
    /// The time to live.
    pub ttl: u8,
    /// The payload's protocol.
    pub protocol: u8,
    /// From.
    pub source: Ipv4Addr,
    /// To.
    pub destination: Ipv4Addr,
}

impl<'a> Ipv4<'a> {
    /// Reads a packet as raw sockets deliver it. The header's checksum is the system's affair: it drops wrong ones.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Ipv4Error> {
        let fixed: &[u8; IPV4_HEADER_LEN] =
            bytes.first_chunk().ok_or(Ipv4Error::Short { got: bytes.len(), want: IPV4_HEADER_LEN })?;
        let version = fixed[0] >> 4;
        if version != 4 {
            return Err(Ipv4Error::Version(version));
        }
        let header_len = usize::from(fixed[0] & 0x0f) * 4;
        let total_len = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
        if header_len < IPV4_HEADER_LEN || header_len > total_len {
            return Err(Ipv4Error::HeaderLength(header_len));
        }
        let whole = bytes.get(..total_len).ok_or(Ipv4Error::Short { got: bytes.len(), want: total_len })?;
        if u16::from_be_bytes([fixed[6], fixed[7]]) & MORE_FRAGMENTS_AND_OFFSET != 0 {
            return Err(Ipv4Error::Fragment);
        }
        let (header, payload) = whole.split_at(header_len);
        Ok(Self {
            header,
            payload,
            ttl: fixed[8],
            protocol: fixed[9],
            source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]),
            destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]),
        })
    }

    /// Who sent to whom.
    pub fn ends(&self) -> Ends {
        Ends::V4 { source: self.source, destination: self.destination }
    }
}

/// The fields of an IPv4 header that vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Fields {
    /// From.
    pub source: Ipv4Addr,
    /// To.
    pub destination: Ipv4Addr,
    /// The time to live.
    pub ttl: u8,
    /// The payload's protocol.
    pub protocol: u8,
    /// The identification. Not 0: Linux puts its own in place of that, behind AH's back.
    pub id: u16,
    /// Bytes that follow the header; with it at most 65 535.
    pub payload_len: u16,
}

/// A header: no options, no fragments, TOS 0xc0, checksum included.
pub fn ipv4_header(fields: &Ipv4Fields) -> [u8; IPV4_HEADER_LEN] {
    let [len_high, len_low] = fields.payload_len.saturating_add(IPV4_HEADER_LEN as u16).to_be_bytes();
    let [id_high, id_low] = fields.id.to_be_bytes();
    let [s0, s1, s2, s3] = fields.source.octets();
    let [d0, d1, d2, d3] = fields.destination.octets();
    let mut header = [
        0x45,
        TOS_CONTROL,
        len_high,
        len_low,
        id_high,
        id_low,
        0,
        0,
        fields.ttl,
        fields.protocol,
        0,
        0, //
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ];
    let sum = Sum::new().bytes(&header).finish().to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_rfc_1071() {
        // RFC 1071 §3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::new().bytes(&bytes).finish(), !0xddf2);
        assert_eq!(Sum::new().bytes(&bytes).word(!0xddf2).finish(), 0);
        assert_eq!(Sum::new().bytes(&[0xab]).finish(), !0xab00, "an odd byte is the high one");
        assert_eq!(Sum::new().finish(), 0xffff);
        assert_eq!(Sum::new().bytes(&[0xff; 20_000]).finish(), 0, "carries are folded in");
    }

    #[test]
    fn headers_are_read_back() {
        let fields = Ipv4Fields {
            source: Ipv4Addr::new(192, 0, 2, 1),
            destination: Ipv4Addr::new(224, 0, 0, 18),
            ttl: 255,
            protocol: PROTOCOL_VRRP,
            id: 1,
            payload_len: 3,
        };
        let mut packet = ipv4_header(&fields).to_vec();
        assert_eq!(Sum::new().bytes(&packet).finish(), 0, "the checksum is right");
        packet.extend([7, 8, 9, 0, 0, 0]);
        let read = Ipv4::parse(&packet).expect("it is whole");
        assert_eq!(read.payload, [7, 8, 9], "padding is cut");
        assert_eq!((read.ttl, read.protocol), (255, PROTOCOL_VRRP));
        assert_eq!(read.ends(), Ends::V4 { source: fields.source, destination: fields.destination });
    }

    #[test]
    fn broken_headers_are_named() {
        let good = ipv4_header(&Ipv4Fields {
            source: Ipv4Addr::LOCALHOST,
            destination: Ipv4Addr::LOCALHOST,
            ttl: 1,
            protocol: 1,
            id: 1,
            payload_len: 0,
        });
        let with = |at: usize, value: u8| {
            let mut bytes = good;
            bytes[at] = value;
            bytes
        };
        for (bytes, want) in [
            (&good[..19], Ipv4Error::Short { got: 19, want: 20 }),
            (&[], Ipv4Error::Short { got: 0, want: 20 }),
            (&with(0, 0x65), Ipv4Error::Version(6)),
            (&with(0, 0x44), Ipv4Error::HeaderLength(16)),
            (&with(0, 0x46), Ipv4Error::HeaderLength(24)),
            (&with(3, 21), Ipv4Error::Short { got: 20, want: 21 }),
            (&with(3, 19), Ipv4Error::HeaderLength(20)),
            (&with(6, 0x20), Ipv4Error::Fragment),
            (&with(7, 1), Ipv4Error::Fragment),
        ] {
            assert_eq!(Ipv4::parse(bytes), Err(want), "{bytes:?}");
        }
        assert!(Ipv4::parse(&with(6, 0x40)).is_ok(), "DF is no fragment");
    }
}
