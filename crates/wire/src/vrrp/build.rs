//! A packet to be sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::ah::{self, AH_LEN, AhKey};
use super::hmac::{HmacKey, Sequence, TRAILER_LEN};
use super::message::{checksum, seal};
use super::{
    ADDRESSES_MAX, Advert, AuthField, Checksum, HEAD_LEN, TYPE_ADVERT, V2_AUTH_LEN, V3_INTERVAL_MAX_MS,
    Version,
};
use crate::inet::{Ends, IPV4_HEADER_LEN, Ipv4Fields, PROTOCOL_AH, PROTOCOL_VRRP, ipv4_header};

/// Authentication that stands in the message of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum V2Auth {
    /// Type 0, zeros.
    None,
    /// Type 1, the password padded with zeros.
    Pass([u8; V2_AUTH_LEN]),
}

/// A proof around the message.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// None.
    None,
    /// An AH header; version 2 over IPv4. The authentication in the message is of type 2 then.
    Ah {
        /// The password.
        key: &'a AhKey,
        /// Counts this sender's packets, from 1.
        sequence: u32,
    },
    /// A trailer of `auth_hmac`.
    Hmac {
        /// The key.
        key: &'a HmacKey,
        /// When.
        sequence: Sequence,
    },
}

/// What to say.
#[derive(Clone, Copy, Debug)]
pub struct Build<'a> {
    /// The version; IPv6 knows 3 only.
    pub version: Version,
    /// Who sends to whom.
    pub ends: Ends,
    /// The IPv4 header's TTL; over IPv6 the system sets it.
    pub ttl: u8,
    /// The IPv4 header's identification; 0 is sent as 1 (Linux would put its own there, behind AH's back).
    pub id: u16,
    /// The virtual router's id, 1 to 255.
    pub vrid: u8,
    /// The priority; 0: the master gives up.
    pub priority: u8,
    /// Whole seconds up to 255 in version 2, whole centiseconds up to 4 095 in version 3.
    pub interval: Duration,
    /// The addresses, all of the adverts' family.
    pub addresses: &'a [IpAddr],
    /// Version 2's authentication; not looked at in version 3.
    pub auth: V2Auth,
    /// The form of version 3's checksum over IPv4.
    pub checksum: Checksum,
    /// A proof around it.
    pub proof: Proof<'a>,
}

/// What cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BuildError {
    /// Version 2 over IPv6.
    #[error("version 2 knows IPv4 only")]
    Version,
    /// The virtual router's id is 0.
    #[error("virtual router id 0")]
    Vrid,
    /// The interval does not fit its field, or is no whole number of its unit.
    #[error("an interval of {0:?} does not fit")]
    Interval(Duration),
    /// The count of addresses does not fit its byte.
    #[error("{0} addresses; a message carries 255 at most")]
    Addresses(usize),
    /// An address of the other family.
    #[error("{0} is of the other family")]
    Family(IpAddr),
    /// AH in version 3 or over IPv6.
    #[error("AH is for version 2")]
    Ah,
}

impl Build<'_> {
    /// Writes a packet in place of what `out` had: over IPv4 with its IP header, over IPv6 without. On an error `out` is
    /// empty.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        out.clear();
        let written = match self.ends {
            Ends::V4 { source, destination } => self.write_v4(source, destination, out),
            Ends::V6 { source, .. } => self.write_v6(source, out),
        };
        if written.is_err() {
            out.clear();
        }
        written
    }

    fn write_v4(&self, source: Ipv4Addr, destination: Ipv4Addr, out: &mut Vec<u8>) -> Result<(), BuildError> {
        let id = self.id.max(1);
        let fields = |protocol, payload_len: usize| Ipv4Fields {
            source,
            destination,
            ttl: self.ttl,
            protocol,
            id,
            // 255 addresses with everything around them are 1 088 bytes.
            payload_len: payload_len as u16,
        };
        let len = self.message_len();
        match self.proof {
            Proof::None => {
                out.extend(ipv4_header(&fields(PROTOCOL_VRRP, len)));
                self.message(out)
            }
            Proof::Hmac { key, sequence } => {
                out.extend(ipv4_header(&fields(PROTOCOL_VRRP, len + TRAILER_LEN)));
                self.message(out)?;
                self.trailer(key, sequence, out, IPV4_HEADER_LEN);
                Ok(())
            }
            Proof::Ah { key, sequence } => {
                if self.version != Version::V2 {
                    return Err(BuildError::Ah);
                }
                let ip = ipv4_header(&fields(PROTOCOL_AH, len + AH_LEN));
                let ah = ah::header(source, sequence);
                out.extend(ip);
                out.extend(ah);
                let icv_at = out.len();
                out.resize(IPV4_HEADER_LEN + AH_LEN, 0);
                let message_at = out.len();
                self.message(out)?;
                let icv = key.sign(&ip, &ah, out.get(message_at..).unwrap_or_default());
                if let Some(place) = out.get_mut(icv_at..message_at) {
                    place.copy_from_slice(&icv);
                }
                Ok(())
            }
        }
    }

    fn write_v6(&self, source: Ipv6Addr, out: &mut Vec<u8>) -> Result<(), BuildError> {
        debug_assert_eq!(IpAddr::V6(source), self.ends.source());
        if self.version == Version::V2 {
            return Err(BuildError::Version);
        }
        match self.proof {
            Proof::None => self.message(out),
            Proof::Ah { .. } => Err(BuildError::Ah),
            Proof::Hmac { key, sequence } => {
                self.message(out)?;
                self.trailer(key, sequence, out, 0);
                // Here the checksum covers the trailer too; the trailer takes it as zero.
                let len = self.message_len();
                if let Some((message, trailer)) = out.split_at_mut_checked(len) {
                    seal(message, 0);
                    let sum = checksum(self.version, &self.ends, self.checksum, message, trailer);
                    seal(message, sum);
                }
                Ok(())
            }
        }
    }

    fn message_len(&self) -> usize {
        let width = match self.ends {
            Ends::V4 { .. } => 4,
            Ends::V6 { .. } => 16,
        };
        let auth = match self.version {
            Version::V2 => V2_AUTH_LEN,
            Version::V3 => 0,
        };
        HEAD_LEN + self.addresses.len() * width + auth
    }

    /// The message alone, checksum included.
    fn message(&self, out: &mut Vec<u8>) -> Result<(), BuildError> {
        if self.vrid == 0 {
            return Err(BuildError::Vrid);
        }
        let count = self.addresses.len();
        let count = u8::try_from(count).map_err(|_| BuildError::Addresses(count))?;
        debug_assert!(usize::from(count) <= ADDRESSES_MAX);
        let start = out.len();
        let [a, b] = self.interval_field()?;
        out.extend([self.version.number() << 4 | TYPE_ADVERT, self.vrid, self.priority, count, a, b, 0, 0]);
        for address in self.addresses {
            match (address, self.ends) {
                (IpAddr::V4(address), Ends::V4 { .. }) => out.extend(address.octets()),
                (IpAddr::V6(address), Ends::V6 { .. }) => out.extend(address.octets()),
                (IpAddr::V4(_), Ends::V6 { .. }) | (IpAddr::V6(_), Ends::V4 { .. }) => {
                    return Err(BuildError::Family(*address));
                }
            }
        }
        if self.version == Version::V2 {
            let data = match (self.auth, self.proof) {
                (V2Auth::Pass(data), Proof::None | Proof::Hmac { .. }) => data,
                (V2Auth::None | V2Auth::Pass(_), _) => [0; V2_AUTH_LEN],
            };
            out.extend(data);
        }
        if let Some(message) = out.get_mut(start..) {
            let sum = checksum(self.version, &self.ends, self.checksum, message, &[]);
            seal(message, sum);
        }
        Ok(())
    }

    /// Version 2: authentication type and seconds (RFC 3768 §5.3.6, §5.3.7). Version 3: centiseconds.
    fn interval_field(&self) -> Result<[u8; 2], BuildError> {
        let wrong = BuildError::Interval(self.interval);
        let millis = u64::try_from(self.interval.as_millis()).map_err(|_| wrong)?;
        let unit = match self.version {
            Version::V2 => 1000,
            Version::V3 => 10,
        };
        if !self.interval.subsec_nanos().is_multiple_of(1_000_000) || !millis.is_multiple_of(unit) {
            return Err(wrong);
        }
        match self.version {
            Version::V2 => {
                let kind = match (self.proof, self.auth) {
                    (Proof::Ah { .. }, _) => AuthField::AH,
                    (Proof::None | Proof::Hmac { .. }, V2Auth::Pass(_)) => AuthField::PASS,
                    (Proof::None | Proof::Hmac { .. }, V2Auth::None) => AuthField::NONE,
                };
                Ok([kind, u8::try_from(millis / unit).map_err(|_| wrong)?])
            }
            Version::V3 if millis > V3_INTERVAL_MAX_MS => Err(wrong),
            Version::V3 => Ok(((millis / unit) as u16).to_be_bytes()),
        }
    }

    fn trailer(&self, key: &HmacKey, sequence: Sequence, out: &mut Vec<u8>, message_at: usize) {
        let v6 = matches!(self.ends, Ends::V6 { .. });
        let message = out.get(message_at..).unwrap_or_default();
        let (advert, _) = Advert::parse(message, v6).expect("it was written by message() on success");
        let trailer = key.sign(&advert, self.ends.source(), sequence);
        out.extend(trailer);
    }
}
