//! VRRP adverts: version 2 (RFC 2338, RFC 3768) and version 3 (RFC 9568), over IPv4 and IPv6, with what Keepalived adds to
//! them (its README of formats: AH with one password, `auth_hmac`, older checksums).
//!
//! ```text
//!   IPv4 header │ [AH] │ version, type │ vrid │ priority │ count │ … │ interval │ checksum │ addresses │ [auth data] │ [trailer]
//!               │      └──────────────────────────── Advert ─────────────────────────────────────────┘             │
//!               └ ah                                                                                   hmac ───────┘
//! ```
//!
//! - [`Packet::parse_v4`], [`Packet::parse_v6`]: a whole packet; what it says and which checksum it has
//! - [`Advert`]: the message alone; [`peek`]: whose it is, for finding the instance first
//! - [`ah`], [`hmac`]: proofs; the receiver looks up the key and asks [`Packet::verify_ah`], [`Packet::verify_hmac`]
//! - [`Build`]: what to say; [`Build::write`] writes a packet
//!
//! Nothing here judges: TTL, intervals, address lists and replays are compared by who knows what to expect.

pub mod ah;
mod build;
pub mod hmac;
mod message;
mod packet;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use build::{Build, BuildError, Proof, V2Auth};
pub use message::{Addresses, Advert, AuthField, peek};
pub use packet::Packet;

use crate::inet::Ipv4Error;

/// The group of adverts over IPv4 (RFC 9568 §5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// The group of adverts over IPv6 (RFC 9568 §5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// TTL and hop limit of multicast adverts (RFC 9568 §5.1.1.3).
pub const TTL: u8 = 255;
/// Of one message: the count is a byte.
pub const ADDRESSES_MAX: usize = 255;
/// The longest interval of version 3: 12 bits of centiseconds, in milliseconds.
pub const V3_INTERVAL_MAX_MS: u64 = 40_950;

/// Before the addresses, in both versions.
const HEAD_LEN: usize = 8;
/// Authentication data at the end of version 2.
const V2_AUTH_LEN: usize = 8;
/// The only type: ADVERTISEMENT.
const TYPE_ADVERT: u8 = 1;

/// The protocol's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds.
    V2,
    /// RFC 9568: IPv4 and IPv6, centiseconds.
    V3,
}

impl Version {
    /// 2 or 3.
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// Over which bytes a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checksum {
    /// By the RFC: version 2 the message alone, version 3 with the pseudo header.
    Rfc,
    /// Version 3 over IPv4 without the pseudo header (`v3_checksum_as_v2`).
    AsV2,
    /// Version 3 over IPv4 to one peer, with the multicast group in the pseudo header's destination: Keepalived up to
    /// 1.3.6, and `old_unicast_checksum`.
    OldUnicast {
        /// `vrrp_mcast_group4`, or [`GROUP_V4`].
        group: Ipv4Addr,
    },
}

/// Why bytes are no packet that may be listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// The IPv4 header is broken.
    #[error("broken IPv4 packet: {0}")]
    Ipv4(#[from] Ipv4Error),
    /// Neither VRRP nor AH.
    #[error("IP protocol {0} instead of 112")]
    Protocol(u8),
    /// Fewer bytes than every message has.
    #[error("message of {got} bytes; at least {want} are needed")]
    Short {
        /// There are.
        got: usize,
        /// There must be.
        want: usize,
    },
    /// Neither 2 nor 3; or 2 over IPv6, which knows 3 only.
    #[error("version {0}")]
    Version(u8),
    /// Not an advert.
    #[error("type {0} instead of 1 (advertisement)")]
    Type(u8),
    /// The virtual router's id is 0.
    #[error("virtual router id 0")]
    Vrid,
    /// The count of addresses does not fit the length.
    #[error("{count} addresses need {want} bytes, the message has {got}")]
    Length {
        /// Addresses, as the message says.
        count: u8,
        /// There are.
        got: usize,
        /// There must be.
        want: usize,
    },
    /// No form of checksum fits.
    #[error("checksum 0x{got:04x} instead of 0x{want:04x}")]
    Checksum {
        /// It has.
        got: u16,
        /// By the RFC.
        want: u16,
    },
    /// The AH header is broken.
    #[error("broken authentication header")]
    AhFormat,
    /// The AH proof is not ours: another password, or the packet was changed on its way.
    #[error("authentication header does not match")]
    AhMismatch,
    /// `auth_hmac` of another type.
    #[error("auth_hmac type {0}")]
    HmacType(u8),
    /// The HMAC is not ours: another key, or the packet was changed on its way.
    #[error("auth_hmac does not match")]
    HmacMismatch,
}
