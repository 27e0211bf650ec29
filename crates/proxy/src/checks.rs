//! What traffic says about servers (`observe`).

use evenkeel_base::ServerId;

use crate::conn::Conn;

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// No connection.
    ConnectFailed,
    /// No answer.
    NoAnswer,
    /// An answer.
    Status(u16),
}

/// Counts it for `observe`.
pub fn observe(_conn: &Conn, _server: ServerId, _what: Observed) {}
