//! What a session wants done.

use evenkeel_wire::bfd::{Control, Diagnostic, State};

/// A deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this to the neighbour, now.
    Send(Control),
    /// The session is in another state.
    Changed(Change),
}

/// A transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: State,
    /// Now.
    pub to: State,
    /// Why it is down; [`Diagnostic::None`] where it is not.
    pub diagnostic: Diagnostic,
}

/// Why a packet was not heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It is no packet that may be.
    Malformed(evenkeel_wire::bfd::Error),
    /// It came from too far away.
    Hops {
        /// With this hop limit.
        ttl: Option<u8>,
    },
    /// It is for a session that we had before, or for another's.
    Discriminator(u32),
    /// We are held down by our operator (RFC 5880 §6.8.6).
    Disabled,
}
