//! The trailer of `auth_hmac` (Keepalived 2.4): HMAC-SHA256 cut to 128 bits, with a key's id and a sequence.
//!
//! ```text
//!   type │ key id │ 0 │ 0 │ sequence: seconds, 1/65536 seconds, counter │ HMAC: 16 bytes
//! ```

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Advert, Error, Version};

/// What follows a signed message.
pub const TRAILER_LEN: usize = 28;
/// Keys are that long at least.
pub const KEY_LEN_MIN: usize = 32;
/// Keys are that long at most.
pub const KEY_LEN_MAX: usize = 64;

const SIGNED_LEN: usize = 12;
const TAG_LEN: usize = 16;
const TYPE_HMAC_SHA256_128: u8 = 1;

/// When a message was signed: UTC seconds (32 bits), 1/65536 seconds (16), and a counter (16) that tells apart what was
/// signed within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// For a date in microseconds since 1970-01-01 UTC.
    pub const fn at(wall_us: u64, counter: u16) -> Self {
        let fraction = (wall_us % 1_000_000) * 65_536 / 1_000_000;
        Self(((wall_us / 1_000_000) << 32) | (fraction << 16) | counter as u64)
    }

    /// The date in microseconds since 1970-01-01 UTC, as far as 32 bits of seconds reach (2106).
    pub const fn wall_us(self) -> u64 {
        (self.0 >> 32) * 1_000_000 + (self.0 >> 16 & 0xffff) * 1_000_000 / 65_536
    }

    /// Whether it comes after `other` in serial arithmetic (RFC 1982 over 64 bits).
    pub const fn is_after(self, other: Sequence) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 1 << 63
    }
}

/// A key with its id, ready to sign.
#[derive(Clone)]
pub struct HmacKey {
    id: u8,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HmacKey({}, …)", self.id)
    }
}

impl HmacKey {
    /// `None` for id 0 and for keys that are not 32 to 64 bytes.
    pub fn new(id: u8, key: &[u8]) -> Option<Self> {
        if id == 0 || !(KEY_LEN_MIN..=KEY_LEN_MAX).contains(&key.len()) {
            return None;
        }
        Some(Self { id, mac: Hmac::<Sha256>::new_from_slice(key).ok()? })
    }

    /// Its id, 1 to 255.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The trailer of a message.
    pub(super) fn sign(&self, advert: &Advert<'_>, source: IpAddr, sequence: Sequence) -> [u8; TRAILER_LEN] {
        let mut trailer = [0; TRAILER_LEN];
        trailer[0] = TYPE_HMAC_SHA256_128;
        trailer[1] = self.id;
        trailer[4..SIGNED_LEN].copy_from_slice(&sequence.0.to_be_bytes());
        let tag = self.mac(advert, source, &trailer[..SIGNED_LEN]).finalize().into_bytes();
        trailer[SIGNED_LEN..].copy_from_slice(&tag[..TAG_LEN]);
        trailer
    }

    fn mac(&self, advert: &Advert<'_>, source: IpAddr, signed: &[u8]) -> Hmac<Sha256> {
        let mut pseudo = [0; 20];
        let version = match advert.version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        pseudo[1] = version;
        pseudo[2] = advert.vrid;
        match source {
            IpAddr::V4(source) => {
                pseudo[0] = 4;
                pseudo[4..8].copy_from_slice(&source.octets());
            }
            IpAddr::V6(source) => {
                pseudo[0] = 6;
                pseudo[4..20].copy_from_slice(&source.octets());
            }
        }
        let mut mac = self.mac.clone();
        mac.update(&pseudo);
        for piece in advert.without_checksum() {
            mac.update(piece);
        }
        mac.update(signed);
        mac.update(&[0; TAG_LEN]);
        mac
    }
}

/// A trailer, borrowed from a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer<'a> {
    /// Which key it says to be signed with.
    pub key_id: u8,
    /// When it says to be signed.
    pub sequence: Sequence,
    signed: &'a [u8],
    tag: &'a [u8],
}

impl<'a> Trailer<'a> {
    /// Reads what follows a message; `None` where nothing does.
    pub(super) fn parse(rest: &'a [u8]) -> Result<Option<Self>, Error> {
        let Some((signed, tag)) = rest.split_at_checked(SIGNED_LEN) else { return Ok(None) };
        let &[kind, key_id, _, _, ref sequence @ ..] = signed else { return Ok(None) };
        if kind != TYPE_HMAC_SHA256_128 {
            return Err(Error::HmacType(kind));
        }
        let sequence = Sequence(u64::from_be_bytes(sequence.try_into().unwrap_or_default()));
        Ok(Some(Self { key_id, sequence, signed, tag }))
    }

    /// Whether it is by this key; in constant time.
    pub(super) fn verify(&self, key: &HmacKey, advert: &Advert<'_>, source: IpAddr) -> Result<(), Error> {
        let mac = key.mac(advert, source, self.signed);
        mac.verify_truncated_left(self.tag).map_err(|_| Error::HmacMismatch)
    }
}
