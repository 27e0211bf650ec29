//! What is counted per instance: the rows of the original's stats file, and what it does not count. Plain fields, each
//! counted in one place; they live as long as the instance, over reloads too.

use crate::refusal::{Ground, Refusal};

/// Counters of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Adverts that were taken, and those of another interval or address list.
    pub adverts_received: u64,
    /// Adverts sent, each peer's counted.
    pub adverts_sent: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Times it ceased to be.
    pub released_master: u64,
    /// Packets of a wrong length.
    pub length_errors: u64,
    /// Packets of a wrong TTL.
    pub ttl_errors: u64,
    /// Packets that are no adverts.
    pub type_errors: u64,
    /// Packets of another version.
    pub version_errors: u64,
    /// Packets of a wrong checksum.
    pub checksum_errors: u64,
    /// Packets of another interval.
    pub interval_errors: u64,
    /// Packets of another address list.
    pub address_list_errors: u64,
    /// Packets with an unknown kind of authentication.
    pub auth_type_invalid: u64,
    /// Packets with another kind of authentication than ours.
    pub auth_type_mismatch: u64,
    /// Packets whose authentication does not match.
    pub auth_failures: u64,
    /// Signed packets that are out of time or were seen before.
    pub replays: u64,
    /// Packets from who is no peer.
    pub peer_errors: u64,
    /// Packets that we sent ourselves.
    pub own_adverts: u64,
    /// Adverts of priority 0 received.
    pub zero_received: u64,
    /// Adverts of priority 0 sent.
    pub zero_sent: u64,
    /// Adverts that were sent more than half an interval late.
    pub late_adverts: u64,
    /// Times that something looked wrong with the election.
    pub doubts: u64,
}

/// Of version 2 (RFC 3768 §5.3.6): 0 none, 1 password, 2 AH.
const AUTH_KIND_MAX: u8 = 2;

impl Counters {
    /// Counts a dropped packet.
    pub(crate) fn refused(&mut self, why: Refusal) {
        let counter = match why.ground() {
            Ground::Shape if matches!(why, Refusal::Kind(_)) => &mut self.type_errors,
            Ground::Shape => &mut self.length_errors,
            Ground::Ttl => &mut self.ttl_errors,
            Ground::Peer | Ground::Way => &mut self.peer_errors,
            Ground::Version => &mut self.version_errors,
            Ground::Checksum => &mut self.checksum_errors,
            Ground::Replay => &mut self.replays,
            Ground::Interval => &mut self.interval_errors,
            Ground::Addresses => &mut self.address_list_errors,
            Ground::Auth => match why {
                Refusal::AuthType { got, .. } if got > AUTH_KIND_MAX => &mut self.auth_type_invalid,
                Refusal::AuthType { .. } => &mut self.auth_type_mismatch,
                _ => &mut self.auth_failures,
            },
        };
        *counter += 1;
    }

    /// All of them by name, for metrics.
    pub fn rows(&self) -> [(&'static str, u64); 21] {
        [
            ("adverts_received", self.adverts_received),
            ("adverts_sent", self.adverts_sent),
            ("became_master", self.became_master),
            ("released_master", self.released_master),
            ("length_errors", self.length_errors),
            ("ttl_errors", self.ttl_errors),
            ("type_errors", self.type_errors),
            ("version_errors", self.version_errors),
            ("checksum_errors", self.checksum_errors),
            ("interval_errors", self.interval_errors),
            ("address_list_errors", self.address_list_errors),
            ("auth_type_invalid", self.auth_type_invalid),
            ("auth_type_mismatch", self.auth_type_mismatch),
            ("auth_failures", self.auth_failures),
            ("replays", self.replays),
            ("peer_errors", self.peer_errors),
            ("own_adverts", self.own_adverts),
            ("zero_received", self.zero_received),
            ("zero_sent", self.zero_sent),
            ("late_adverts", self.late_adverts),
            ("doubts", self.doubts),
        ]
    }
}
