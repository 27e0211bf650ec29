//! Why a packet was dropped, in the original's words where it has them.

use std::fmt;
use std::net::IpAddr;

use evenkeel_base::time::Duration;

use crate::conf::Version;

/// Why a packet meant for an instance was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too few bytes.
    Short {
        /// There are.
        got: usize,
        /// There should be.
        want: usize,
    },
    /// Too many bytes.
    Long {
        /// There are.
        got: usize,
        /// There should be.
        want: usize,
    },
    /// Not 255 where multicast demands it (RFC 9568 §7.1).
    Ttl {
        /// It is.
        got: u8,
    },
    /// Outside of a unicast peer's range.
    TtlRange {
        /// It is.
        got: u8,
        /// `min_ttl`.
        min: u8,
        /// `max_ttl`.
        max: u8,
    },
    /// Not from a unicast peer.
    NotPeer(IpAddr),
    /// To the multicast group where peers are configured, or the other way round.
    Way {
        /// The packet went to the group.
        multicast: bool,
    },
    /// Another version.
    Version {
        /// It is.
        got: u8,
        /// Ours.
        want: u8,
    },
    /// No advert.
    Kind(u8),
    /// The checksum is wrong.
    Checksum(Version),
    /// Another kind of authentication.
    AuthType {
        /// It is.
        got: u8,
        /// Ours.
        want: u8,
    },
    /// Another password.
    Password,
    /// AH does not match.
    Ah,
    /// Signed by `auth_hmac`, which is not configured here.
    HmacUnexpected,
    /// Not signed, though `auth_hmac` demands it.
    HmacMissing,
    /// Signed with a key that is not configured here.
    HmacKey(u8),
    /// The signature does not match.
    HmacMismatch,
    /// Said before, or out of order.
    Replayed,
    /// Signed at a time that is too far from ours.
    Untimely {
        /// So far.
        off: Duration,
        /// `time_window`.
        window: Duration,
    },
    /// Another advert interval (version 2), or none.
    Interval {
        /// It is.
        got: Duration,
        /// Ours.
        want: Duration,
    },
    /// Another number of addresses.
    AddressCount {
        /// They are.
        got: usize,
        /// Ours.
        want: usize,
    },
    /// One of our addresses is missing.
    AddressMissing {
        /// The virtual router.
        vrid: u8,
        /// Which.
        address: IpAddr,
    },
}

/// The field that two nodes have to agree on, for [`crate::doubt`] and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ground {
    /// Shape: length, type.
    Shape,
    /// TTL.
    Ttl,
    /// Not a configured peer.
    Peer,
    /// Multicast or unicast.
    Way,
    /// Version.
    Version,
    /// Checksum.
    Checksum,
    /// Authentication.
    Auth,
    /// Clocks: `auth_hmac` out of the window, or replayed.
    Replay,
    /// Advert interval.
    Interval,
    /// Address list.
    Addresses,
}

impl Refusal {
    /// What the nodes disagree on.
    pub const fn ground(self) -> Ground {
        match self {
            Refusal::Short { .. } | Refusal::Long { .. } | Refusal::Kind(_) => Ground::Shape,
            Refusal::Ttl { .. } | Refusal::TtlRange { .. } => Ground::Ttl,
            Refusal::NotPeer(_) => Ground::Peer,
            Refusal::Way { .. } => Ground::Way,
            Refusal::Version { .. } => Ground::Version,
            Refusal::Checksum(_) => Ground::Checksum,
            Refusal::AuthType { .. }
            | Refusal::Password
            | Refusal::Ah
            | Refusal::HmacUnexpected
            | Refusal::HmacMissing
            | Refusal::HmacKey(_)
            | Refusal::HmacMismatch => Ground::Auth,
            Refusal::Replayed | Refusal::Untimely { .. } => Ground::Replay,
            Refusal::Interval { .. } => Ground::Interval,
            Refusal::AddressCount { .. } | Refusal::AddressMissing { .. } => Ground::Addresses,
        }
    }
}

impl Ground {
    /// What to do about it, for people.
    pub const fn advice(self) -> &'static str {
        match self {
            Ground::Shape => "its packets are broken: look for a device on the way that changes them",
            Ground::Ttl => {
                "its packets come through a router: set unicast peers with their TTLs, or put the nodes on one network"
            }
            Ground::Peer => "add its address to unicast_peer here, or set its unicast_src_ip",
            Ground::Way => "write unicast_peer on both nodes, or on neither; with multicast, the same group",
            Ground::Version => "write the same `version` (or vrrp_version) on both nodes",
            Ground::Checksum => {
                "its checksums are of another kind: compare version, old_unicast_checksum and v3_checksum_as_v2 on both nodes"
            }
            Ground::Auth => {
                "write the same authentication block (auth_type, auth_pass, or auth_hmac keys) on both nodes"
            }
            Ground::Replay => "set both clocks right (NTP), or raise time_window",
            Ground::Interval => "write the same advert_int on both nodes",
            Ground::Addresses => "write the same addresses into virtual_ipaddress on both nodes",
        }
    }
}

/// The shortest way to write an interval, as the original does: whole seconds where they are whole.
struct Sec(Duration);

impl fmt::Display for Sec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanos() == 0 {
            write!(f, "{} sec", self.0.as_secs())
        } else {
            write!(f, "{} milli-sec", self.0.as_millis())
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Short { got, want } => {
                write!(f, "vrrp packet too short, length {got} and expect {want}")
            }
            Refusal::Long { got, want } => write!(f, "vrrp packet too long, length {got} and expect {want}"),
            Refusal::Ttl { got } => write!(f, "invalid TTL/HL. Received {got} and expect 255"),
            Refusal::TtlRange { got, min, max } => write!(f, "TTL/HL {got} not in range {min} - {max}"),
            Refusal::NotPeer(from) => write!(f, "unicast source address {from} not a unicast peer"),
            Refusal::Way { multicast: true } => f.write_str("sent to a multicast group that is not ours"),
            Refusal::Way { multicast: false } => f.write_str("sent by unicast, multicast is configured here"),
            Refusal::Version { got, want } => write!(f, "wrong version. Received {got} and expect {want}"),
            Refusal::Kind(got) => write!(f, "Invalid packet type. {got} and expect 1"),
            Refusal::Checksum(Version::V2) => f.write_str("Invalid VRRPv2 checksum"),
            Refusal::Checksum(Version::V3) => f.write_str("Invalid VRRPv3 checksum"),
            Refusal::AuthType { got, want } => write!(f, "received a {got} auth, expecting {want}!"),
            Refusal::Password => f.write_str("received an invalid passwd!"),
            Refusal::Ah => {
                f.write_str("invalid IPSEC HMAC-MD5 value. Due to fields mutation or bad password !")
            }
            Refusal::HmacUnexpected => {
                f.write_str("received a signed advert, but auth_hmac is not configured here")
            }
            Refusal::HmacMissing => f.write_str("received an advert without auth_hmac signature"),
            Refusal::HmacKey(id) => {
                write!(f, "received an advert signed with auth_hmac key {id}, which is not configured")
            }
            Refusal::HmacMismatch => f.write_str("auth_hmac signature does not match"),
            Refusal::Replayed => f.write_str("auth_hmac sequence was used before (replayed packet?)"),
            Refusal::Untimely { off, window } => write!(
                f,
                "auth_hmac time is {} ms away from ours, time_window is {} ms",
                off.as_millis(),
                window.as_millis()
            ),
            Refusal::Interval { got, want } => {
                write!(f, "advertisement interval mismatch mine={} rcv'd={}", Sec(*want), Sec(*got))
            }
            Refusal::AddressCount { got, want } => {
                write!(f, "received an unexpected ip number count {got}, expected {want}!")
            }
            Refusal::AddressMissing { vrid, address } => {
                write!(f, "ip address associated with VRID {vrid} not present in MASTER advert: {address}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_originals_words() {
        let s = Duration::from_secs;
        for (refusal, line) in [
            (Refusal::Password, "received an invalid passwd!"),
            (Refusal::AuthType { got: 0, want: 1 }, "received a 0 auth, expecting 1!"),
            (
                Refusal::Interval { got: s(3), want: s(1) },
                "advertisement interval mismatch mine=1 sec rcv'd=3 sec",
            ),
            (
                Refusal::AddressMissing { vrid: 51, address: [192, 0, 2, 100].into() },
                "ip address associated with VRID 51 not present in MASTER advert: 192.0.2.100",
            ),
            (
                Refusal::AddressCount { got: 2, want: 1 },
                "received an unexpected ip number count 2, expected 1!",
            ),
            (Refusal::Checksum(Version::V2), "Invalid VRRPv2 checksum"),
            (Refusal::Ttl { got: 254 }, "invalid TTL/HL. Received 254 and expect 255"),
            (Refusal::Version { got: 3, want: 2 }, "wrong version. Received 3 and expect 2"),
            (Refusal::Short { got: 30, want: 40 }, "vrrp packet too short, length 30 and expect 40"),
            (Refusal::Long { got: 40, want: 32 }, "vrrp packet too long, length 40 and expect 32"),
            (Refusal::Kind(2), "Invalid packet type. 2 and expect 1"),
            (Refusal::NotPeer([192, 0, 2, 9].into()), "unicast source address 192.0.2.9 not a unicast peer"),
            (Refusal::TtlRange { got: 200, min: 250, max: 255 }, "TTL/HL 200 not in range 250 - 255"),
        ] {
            assert_eq!(refusal.to_string(), line);
        }
    }
}
