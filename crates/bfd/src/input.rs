//! What a session is told.

use evenkeel_wire::bfd;

use crate::conf::BfdConf;

/// An event.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A packet from the neighbour, as [`bfd::Control::parse`] read it: [`crate::select`] said that it is ours.
    Packet {
        /// It, or why it is none.
        packet: Result<&'a bfd::Control, bfd::Error>,
        /// With which hop limit it came; `None` where the system does not tell.
        ttl: Option<u8>,
    },
    /// A new configuration for the same neighbour: timers are negotiated anew, the session goes on.
    Configure(&'a BfdConf),
    /// The operator holds the session down, or the daemon ends: the neighbour is told (RFC 5880 §6.8.16).
    Disable,
    /// It may come up again.
    Enable,
}
