//! What is wrong with a message, as facts.

/// The fault found in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Kind {
    /// A byte that no method may contain, or an empty method.
    #[error("invalid method")]
    BadMethod,
    /// A byte that no request target may contain, an empty target, or a form that the method does not allow.
    #[error("invalid request target")]
    BadTarget,
    /// Not `HTTP/1.x`, or no version at all.
    #[error("invalid protocol version")]
    BadVersion,
    /// A status that is not three digits from 100 on.
    #[error("invalid status code")]
    BadStatus,
    /// A bare CR or a NUL in the reason phrase.
    #[error("invalid reason phrase")]
    BadReason,
    /// An empty field name, a byte that is no token character in one, or one longer than the limit.
    #[error("invalid field name")]
    BadName,
    /// A line without a colon.
    #[error("field line without a colon")]
    NoColon,
    /// A NUL, a bare CR or LF in a field value.
    #[error("invalid field value")]
    BadValue,
    /// The first field line starts with white space (RFC 9112 §2.2).
    #[error("white space before the first field")]
    BadFold,
    /// A CR that no LF follows.
    #[error("CR without LF")]
    BareCr,
    /// More bytes than `Limits::head_max` and no end yet.
    #[error("head too large")]
    HeadTooLarge,
    /// More lines than `Limits::fields_max`.
    #[error("too many fields")]
    TooManyFields,
    /// Several Host fields that differ, or one that is not the target's authority.
    #[error("Host fields contradict each other or the target")]
    BadHost,
    /// A request to upgrade to websocket without its key.
    #[error("websocket upgrade without a key")]
    NoWebsocketKey,
    /// Not a number, a number beyond 2^63-1, or several that differ.
    #[error("invalid Content-Length")]
    BadContentLength,
    /// Not a list that ends in one `chunked`.
    #[error("invalid Transfer-Encoding")]
    BadTransferEncoding,
    /// Ends in `chunked`, but names other codings before it, which this proxy does not undo.
    #[error("unsupported transfer coding")]
    UnsupportedCoding,
    /// Not one to sixteen hexadecimal digits, or beyond 2^63-1.
    #[error("invalid chunk size")]
    BadChunkSize,
    /// Invalid or too long chunk extensions.
    #[error("invalid chunk extension")]
    BadChunkExtension,
    /// Something else than CRLF where a chunk or its size line must end.
    #[error("chunk does not end in CRLF")]
    BadChunkEnd,
    /// A trailer section beyond its bounds.
    #[error("trailers too large")]
    TrailersTooLarge,
    /// A trailer that would frame or route the message (RFC 9110 §6.5.1).
    #[error("forbidden trailer field")]
    BadTrailer,
}

impl Kind {
    /// The status that a client gets for a request with this fault. (A server's faults are 502 always.)
    pub const fn status(self) -> u16 {
        match self {
            // The original: "422" where codings come before `chunked`, 400 for everything else.
            Kind::UnsupportedCoding => 422,
            Kind::BadMethod
            | Kind::BadTarget
            | Kind::BadVersion
            | Kind::BadStatus
            | Kind::BadReason
            | Kind::BadName
            | Kind::NoColon
            | Kind::BadValue
            | Kind::BadFold
            | Kind::BareCr
            | Kind::HeadTooLarge
            | Kind::TooManyFields
            | Kind::BadHost
            | Kind::NoWebsocketKey
            | Kind::BadContentLength
            | Kind::BadTransferEncoding
            | Kind::BadChunkSize
            | Kind::BadChunkExtension
            | Kind::BadChunkEnd
            | Kind::TrailersTooLarge
            | Kind::BadTrailer => 400,
        }
    }
}

/// A fault and its place: what `show errors` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct Malformed {
    /// Offset from the start of the bytes that were given (0 where a whole head is judged).
    pub at: usize,
    /// The fault.
    pub kind: Kind,
}

impl Malformed {
    /// A fault at a byte.
    pub const fn new(kind: Kind, at: usize) -> Self {
        Self { at, kind }
    }
}
