//! AH as Keepalived uses it for `auth_type AH` (RFC 2402, RFC 2403: HMAC-MD5-96): one password for all, the sender's address
//! as SPI. It is old and weak; it is here because networks run it.
//!
//! ```text
//!   next header │ length │ reserved │ SPI │ sequence │ ICV: 12 bytes
//! ```

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use super::Error;
use crate::inet::{IPV4_HEADER_LEN, Ipv4, PROTOCOL_VRRP};

/// The header with its ICV.
pub const AH_LEN: usize = 24;
const ICV_LEN: usize = 12;
/// RFC 2402 §2.2: 32-bit words, less two.
const AH_WORDS: u8 = (AH_LEN / 4 - 2) as u8;

/// A password, ready to sign.
#[derive(Clone)]
pub struct AhKey(Hmac<Md5>);

impl std::fmt::Debug for AhKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AhKey(…)")
    }
}

impl AhKey {
    /// From a password padded with zeros.
    pub fn new(password: &[u8; 8]) -> Self {
        // Padding a key shorter than MD5's block with zeros changes nothing (RFC 2104 §2), so none is refused.
        Self(Hmac::<Md5>::new_from_slice(password).expect("HMAC takes keys of every length"))
    }

    /// The proof over an IP header, an AH header without its ICV, and the message.
    pub(super) fn sign(&self, ip: &[u8; IPV4_HEADER_LEN], ah: &[u8], message: &[u8]) -> [u8; ICV_LEN] {
        let tag = self.mac(ip, &[], ah, message).finalize().into_bytes();
        *tag.first_chunk().expect("MD5 has 16 bytes")
    }

    fn mac(&self, ip: &[u8; IPV4_HEADER_LEN], options: &[u8], ah: &[u8], message: &[u8]) -> Hmac<Md5> {
        let mut mac = self.0.clone();
        mac.update(&immutable(ip));
        mac.update(options);
        mac.update(ah);
        mac.update(&[0; ICV_LEN]);
        mac.update(message);
        mac
    }
}

/// The header with what routers may change as zero (RFC 2402 §3.3.3.1.1): TOS, flags and offset, checksum; the TTL too, but
/// not that of multicast, as Keepalived does it.
fn immutable(ip: &[u8; IPV4_HEADER_LEN]) -> [u8; IPV4_HEADER_LEN] {
    let mut ip = *ip;
    ip[1] = 0;
    ip[6..8].fill(0);
    ip[10..12].fill(0);
    if !Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]).is_multicast() {
        ip[8] = 0;
    }
    ip
}

/// An AH header, borrowed from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ah<'a> {
    /// The security parameter index: Keepalived's is the sender's address.
    pub spi: u32,
    /// The sequence: grows with each packet of a sender.
    pub sequence: u32,
    /// The header without its ICV.
    signed: &'a [u8],
    icv: &'a [u8],
}

impl<'a> Ah<'a> {
    /// Reads a header and what follows it.
    pub fn parse(payload: &'a [u8]) -> Result<(Self, &'a [u8]), Error> {
        let (header, rest) = payload.split_at_checked(AH_LEN).ok_or(Error::AhFormat)?;
        let (signed, icv) = header.split_at_checked(AH_LEN - ICV_LEN).ok_or(Error::AhFormat)?;
        let &[PROTOCOL_VRRP, AH_WORDS, _, _, a, b, c, d, e, f, g, h] = signed else {
            return Err(Error::AhFormat);
        };
        let (spi, sequence) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        Ok((Self { spi, sequence, signed, icv }, rest))
    }

    /// Whether the proof is by this key; in constant time. `after` is all that follows the header.
    pub(super) fn verify(&self, key: &AhKey, ip: &Ipv4<'_>, after: &[u8]) -> Result<(), Error> {
        let (fixed, options) = ip.header.split_first_chunk().ok_or(Error::AhFormat)?;
        let mac = key.mac(fixed, options, self.signed, after);
        mac.verify_truncated_left(self.icv).map_err(|_| Error::AhMismatch)
    }
}

/// A header without its ICV.
pub(super) fn header(source: Ipv4Addr, sequence: u32) -> [u8; AH_LEN - ICV_LEN] {
    let [a, b, c, d] = source.octets();
    let [e, f, g, h] = sequence.to_be_bytes();
    [PROTOCOL_VRRP, AH_WORDS, 0, 0, a, b, c, d, e, f, g, h]
}
