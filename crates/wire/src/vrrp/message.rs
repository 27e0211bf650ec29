//! One message, read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::{Checksum, Error, HEAD_LEN, TYPE_ADVERT, V2_AUTH_LEN, Version, hmac};
use crate::inet::{Ends, PROTOCOL_VRRP, Sum};

/// Where the checksum lies; in both versions.
const CHECKSUM_AT: std::ops::Range<usize> = 6..8;
/// Version 3's interval has 12 bits; the four before are reserved and not looked at (RFC 9568 §5.2.6).
const V3_INTERVAL_MASK: u16 = 0x0fff;

/// The authentication fields of version 2 (RFC 2338 §5.3.6, §5.3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthField {
    /// 0 none, 1 simple password, 2 AH; others are unknown.
    pub kind: u8,
    /// The password in clear, or zeros.
    pub data: [u8; V2_AUTH_LEN],
}

impl AuthField {
    /// Type 0.
    pub const NONE: u8 = 0;
    /// Type 1.
    pub const PASS: u8 = 1;
    /// Type 2.
    pub const AH: u8 = 2;
}

/// An advert, borrowed from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert<'a> {
    /// The version.
    pub version: Version,
    /// The virtual router's id, 1 to 255.
    pub vrid: u8,
    /// The priority; 0: the master gives up.
    pub priority: u8,
    /// The interval as it is on the wire: seconds in version 2, centiseconds (12 bits) in version 3.
    pub interval_raw: u16,
    /// The checksum as it is on the wire.
    pub checksum: u16,
    /// The addresses.
    pub addresses: Addresses<'a>,
    /// Version 2's authentication; `None` in version 3.
    pub auth: Option<AuthField>,
    /// The whole message, without a trailer.
    pub bytes: &'a [u8],
}

/// Version number and virtual router id of a VRRP message (not of an IP packet), before anything is checked.
pub fn peek(message: &[u8]) -> Option<(u8, u8)> {
    let [first, vrid, ..] = message else { return None };
    Some((first >> 4, *vrid))
}

impl<'a> Advert<'a> {
    /// Reads a message and what follows it (empty, or a trailer of `auth_hmac`); its checksum is not looked at.
    pub fn parse(bytes: &'a [u8], v6: bool) -> Result<(Self, &'a [u8]), Error> {
        let short = Error::Short { got: bytes.len(), want: HEAD_LEN };
        let head: &[u8; HEAD_LEN] = bytes.first_chunk().ok_or(short)?;
        let [first, vrid, priority, count, a, b, sum_high, sum_low] = *head;
        let version = match (first >> 4, v6) {
            (2, false) => Version::V2,
            (3, _) => Version::V3,
            (other, _) => return Err(Error::Version(other)),
        };
        if first & 0x0f != TYPE_ADVERT {
            return Err(Error::Type(first & 0x0f));
        }
        if vrid == 0 {
            return Err(Error::Vrid);
        }
        let width = if v6 { 16 } else { 4 };
        let addresses_end = HEAD_LEN + usize::from(count) * width;
        let end = match version {
            Version::V2 => addresses_end + V2_AUTH_LEN,
            Version::V3 => addresses_end,
        };
        let wrong_length = Error::Length { count, got: bytes.len(), want: end };
        let (message, rest) = bytes.split_at_checked(end).ok_or(wrong_length)?;
        if !rest.is_empty() && rest.len() != hmac::TRAILER_LEN {
            return Err(wrong_length);
        }
        let addresses = message.get(HEAD_LEN..addresses_end).ok_or(wrong_length)?;
        let (interval_raw, auth) = match version {
            Version::V2 => {
                let data = *message.last_chunk().ok_or(wrong_length)?;
                (u16::from(b), Some(AuthField { kind: a, data }))
            }
            Version::V3 => (u16::from_be_bytes([a, b]) & V3_INTERVAL_MASK, None),
        };
        let checksum = u16::from_be_bytes([sum_high, sum_low]);
        let addresses = Addresses { bytes: addresses, v6 };
        Ok((Self { version, vrid, priority, interval_raw, checksum, addresses, auth, bytes: message }, rest))
    }

    /// The interval as a time.
    pub fn interval(&self) -> Duration {
        match self.version {
            Version::V2 => Duration::from_secs(u64::from(self.interval_raw)),
            Version::V3 => Duration::from_millis(u64::from(self.interval_raw) * 10),
        }
    }

    /// Which form of checksum it has. `trailer` is what follows the message: over IPv6 the system's checksum covers it.
    /// Forms may coincide; then the first one by order of [`Checksum`] is told.
    /// `group` is what [`Checksum::OldUnicast`] would have.
    pub fn checksum_form(&self, ends: &Ends, trailer: &[u8], group: Ipv4Addr) -> Result<Checksum, Error> {
        let sums = |form| checksum(self.version, ends, form, self.bytes, trailer);
        // Summed over a right checksum too, the result is 0.
        let fits = |form| sums(form) == 0;
        let forms: &[Checksum] = match (self.version, ends) {
            (Version::V2, _) | (Version::V3, Ends::V6 { .. }) => &[Checksum::Rfc],
            (Version::V3, Ends::V4 { destination, .. }) if destination.is_multicast() => {
                &[Checksum::Rfc, Checksum::AsV2]
            }
            (Version::V3, Ends::V4 { .. }) => {
                &[Checksum::Rfc, Checksum::AsV2, Checksum::OldUnicast { group }]
            }
        };
        forms.iter().copied().find(|form| fits(*form)).ok_or_else(|| {
            let own = Sum::new().word(!sums(Checksum::Rfc)).word(!self.checksum);
            Error::Checksum { got: self.checksum, want: own.finish() }
        })
    }

    /// The message in pieces with its checksum read as zero, as HMACs want it.
    pub(super) fn without_checksum(&self) -> [&'a [u8]; 3] {
        let (head, rest) = self.bytes.split_at_checked(CHECKSUM_AT.start).unwrap_or((self.bytes, &[]));
        [head, &[0, 0], rest.get(CHECKSUM_AT.len()..).unwrap_or_default()]
    }
}

/// The checksum over a message in one of its forms, whatever stands in its own field.
pub(super) fn checksum(version: Version, ends: &Ends, form: Checksum, message: &[u8], trailer: &[u8]) -> u16 {
    let sum = Sum::new().bytes(message);
    let sum = match (version, form, *ends) {
        // RFC 3768 §5.3.8: the whole message, which in RFC 2338 has the authentication data in it.
        (Version::V2, _, _) | (Version::V3, Checksum::AsV2, Ends::V4 { .. }) => sum,
        (Version::V3, Checksum::OldUnicast { group }, Ends::V4 { source, .. }) => {
            let ends = Ends::V4 { source, destination: group };
            sum.pseudo(&ends, PROTOCOL_VRRP, message.len())
        }
        // RFC 9568 §5.2.8. The trailer stands outside of what is summed.
        (Version::V3, Checksum::Rfc, ends @ Ends::V4 { .. }) => {
            sum.pseudo(&ends, PROTOCOL_VRRP, message.len())
        }
        (Version::V3, _, ends @ Ends::V6 { .. }) => {
            sum.bytes(trailer).pseudo(&ends, PROTOCOL_VRRP, message.len() + trailer.len())
        }
    };
    sum.finish()
}

/// Writes the checksum of a message that has zero there.
pub(super) fn seal(message: &mut [u8], sum: u16) {
    if let Some(field) = message.get_mut(CHECKSUM_AT) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// The addresses of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    bytes: &'a [u8],
    v6: bool,
}

impl<'a> Addresses<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.width()
    }

    /// True where there is none, which RFC 9568 §5.2.5 forbids and Keepalived sends.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Each of them, in the packet's order.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<'a> {
        let v6 = self.v6;
        self.bytes.chunks_exact(self.width()).map(move |chunk| {
            if v6 {
                let octets: [u8; 16] = chunk.try_into().unwrap_or_default();
                Ipv6Addr::from(octets).into()
            } else {
                let octets: [u8; 4] = chunk.try_into().unwrap_or_default();
                Ipv4Addr::from(octets).into()
            }
        })
    }

    fn width(&self) -> usize {
        if self.v6 { 16 } else { 4 }
    }
}
