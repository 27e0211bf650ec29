//! AgentX (RFC 2741): how a subagent tells an SNMP master agent what it has. Both directions of everything that a read-only
//! subagent says and hears; index allocation and capabilities are not spoken and refused by number.
//!
//! ```text
//!   version │ type │ flags │ 0 │ session │ transaction │ packet │ length │ [context] │ what the type says
//! ```
//!
//! - [`Pdu`]: one message; [`Pdu::len`] finds its end in a stream, [`Pdu::parse`] reads it, [`Pdu::write`] writes it
//! - [`Oid`], [`Value`], [`VarBind`], [`SearchRange`]: what messages are made of

mod oid;
mod read;
mod value;
mod write;

pub use oid::{OID_LEN_MAX, Oid};
pub use value::{SearchRange, Value, VarBind};

/// Before a message's payload.
pub const HEADER_LEN: usize = 20;
/// The longest payload that is read: SNMP's own messages fit into 64 KiB.
pub const PAYLOAD_LEN_MAX: usize = 64 * 1024;
/// Where master agents listen for subagents by default.
pub const SOCKET_PATH: &str = "/var/agentx/master";

const VERSION: u8 = 1;
const FLAG_INSTANCE: u8 = 0x01;
const FLAG_CONTEXT: u8 = 0x08;
const FLAG_NETWORK_ORDER: u8 = 0x10;

/// Numbers of [`Body`]'s types (RFC 2741 §6.1).
mod kind {
    pub(super) const OPEN: u8 = 1;
    pub(super) const CLOSE: u8 = 2;
    pub(super) const REGISTER: u8 = 3;
    pub(super) const UNREGISTER: u8 = 4;
    pub(super) const GET: u8 = 5;
    pub(super) const GET_NEXT: u8 = 6;
    pub(super) const GET_BULK: u8 = 7;
    pub(super) const TEST_SET: u8 = 8;
    pub(super) const COMMIT_SET: u8 = 9;
    pub(super) const UNDO_SET: u8 = 10;
    pub(super) const CLEANUP_SET: u8 = 11;
    pub(super) const NOTIFY: u8 = 12;
    pub(super) const PING: u8 = 13;
    pub(super) const RESPONSE: u8 = 18;
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// The session that the master gave; 0 in Open.
    pub session: u32,
    /// The SNMP request that it belongs to; answers repeat it.
    pub transaction: u32,
    /// The sender's number for it; answers repeat it.
    pub packet: u32,
    /// The context, where it is not the default one.
    pub context: Option<Vec<u8>>,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A subagent is there.
    Open {
        /// Seconds that the master should wait for answers; 0: its own choice.
        timeout: u8,
        /// Which subagent; may be empty.
        id: Oid,
        /// In words.
        description: Vec<u8>,
    },
    /// It goes.
    Close(CloseReason),
    /// It answers for a subtree.
    Register(Registration),
    /// It does not any more.
    Unregister(Registration),
    /// Values of these, exactly.
    Get(Vec<SearchRange>),
    /// The next in each.
    GetNext(Vec<SearchRange>),
    /// The next ones in each.
    GetBulk {
        /// So many of the ranges get one answer.
        non_repeaters: u16,
        /// The others get so many.
        max_repetitions: u16,
        /// All of them.
        ranges: Vec<SearchRange>,
    },
    /// May these be set?
    TestSet(Vec<VarBind>),
    /// Set them.
    CommitSet,
    /// Set them back.
    UndoSet,
    /// That was all.
    CleanupSet,
    /// A trap.
    Notify(Vec<VarBind>),
    /// Is the master there?
    Ping,
    /// An answer.
    Response {
        /// The sender's uptime in hundredths of a second; of meaning from the master only.
        uptime: u32,
        /// How it went; 0: well ([`error`]).
        error: u16,
        /// Which variable was at fault, from 1; 0: none.
        index: u16,
        /// Values.
        binds: Vec<VarBind>,
    },
}

/// A subtree, in Register and Unregister.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Seconds that the master should wait for answers about it; 0: the session's. Not in Unregister.
    pub timeout: u8,
    /// Who wins where two answer for the same: the lowest. 127 by default.
    pub priority: u8,
    /// The subtree is one instance (in Register).
    pub is_instance: bool,
    /// The subtree.
    pub subtree: Oid,
    /// For many of them at once: the position of an identifier in it (from 1), and the last value that it takes.
    pub range: Option<(u8, u32)>,
}

impl Registration {
    /// A subtree with the default priority.
    pub fn of(subtree: Oid) -> Self {
        Self { timeout: 0, priority: 127, is_instance: false, subtree, range: None }
    }
}

/// Why a session is closed (RFC 2741 §6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// None of these.
    Other,
    /// The other one's messages make no sense.
    ParseError,
    /// Protocol errors.
    ProtocolError,
    /// Too many timeouts.
    Timeouts,
    /// The sender ends.
    Shutdown,
    /// By an operator.
    ByManager,
}

impl CloseReason {
    const ALL: [CloseReason; 6] = [
        CloseReason::Other,
        CloseReason::ParseError,
        CloseReason::ProtocolError,
        CloseReason::Timeouts,
        CloseReason::Shutdown,
        CloseReason::ByManager,
    ];

    fn number(self) -> u8 {
        match self {
            CloseReason::Other => 1,
            CloseReason::ParseError => 2,
            CloseReason::ProtocolError => 3,
            CloseReason::Timeouts => 4,
            CloseReason::Shutdown => 5,
            CloseReason::ByManager => 6,
        }
    }
}

/// Numbers in [`Body::Response`] (RFC 2741 §6.2.16, RFC 3416 §3).
pub mod error {
    /// All is well.
    pub const NONE: u16 = 0;
    /// Something else failed.
    pub const GENERAL: u16 = 5;
    /// It cannot be set at all.
    pub const NOT_WRITABLE: u16 = 17;
    /// No such session.
    pub const NOT_OPEN: u16 = 257;
    /// Another subagent has the subtree with the same priority.
    pub const DUPLICATE_REGISTRATION: u16 = 263;
    /// The message makes no sense.
    pub const PARSE: u16 = 266;
    /// The master does not let it.
    pub const REQUEST_DENIED: u16 = 267;
    /// The master could not.
    pub const PROCESSING: u16 = 268;
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Error {
    /// Not version 1.
    #[error("AgentX version {0} instead of 1")]
    Version(u8),
    /// A type that is not spoken here.
    #[error("AgentX type {0}")]
    Type(u8),
    /// The payload is longer than any that makes sense.
    #[error("AgentX payload of {0} bytes")]
    TooLong(u32),
    /// Lengths are in steps of 4.
    #[error("AgentX payload of {0} bytes is not a multiple of 4")]
    Unaligned(u32),
    /// Something reaches beyond the payload.
    #[error("AgentX message is cut")]
    Cut,
    /// Bytes follow what the type says.
    #[error("{0} bytes too many in an AgentX message")]
    Surplus(usize),
    /// An identifier of more than 128 parts.
    #[error("object identifier of {0} parts")]
    OidLength(usize),
    /// A value of an unknown type.
    #[error("value of type {0}")]
    Value(u16),
    /// An address that is not four bytes.
    #[error("IP address of {0} bytes")]
    IpAddress(usize),
    /// An unknown reason.
    #[error("close reason {0}")]
    CloseReason(u8),
}
