//! What a check found, in the stats page's words.

/// The status of a server's last check.
// The name is the original's: L7STS.
#[allow(clippy::enum_variant_names)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not known.
    Unknown,
    /// Not checked yet.
    Initializing,
    /// The connection could not be made or used on our side, or broke.
    SocketError,
    /// A connection could be made; nothing more was asked for.
    L4Ok,
    /// No connection in time.
    L4Timeout,
    /// Connection refused, no route.
    L4Connection,
    /// TLS, or what looks like it.
    L6Ok,
    /// No TLS handshake in time.
    L6Timeout,
    /// Not TLS.
    L6Response,
    /// The answer is as wanted.
    L7Ok,
    /// The answer says: no new clients.
    L7OkConditional,
    /// No answer in time.
    L7Timeout,
    /// Not an answer in this protocol, or not as wanted.
    L7Response,
    /// An answer in the protocol that says no.
    L7Status,
    /// An external check could not be run.
    ProcessError,
    /// An external check took too long.
    ProcessTimeout,
    /// An external check passed.
    ProcessOk,
    /// The traffic itself failed (`observe`).
    Observed,
}

impl Status {
    /// The short name: `check_status` in the CSV.
    pub const fn code(self) -> &'static str {
        match self {
            Status::Unknown => "UNK",
            Status::Initializing => "INI",
            Status::SocketError => "SOCKERR",
            Status::L4Ok => "L4OK",
            Status::L4Timeout => "L4TOUT",
            Status::L4Connection => "L4CON",
            Status::L6Ok => "L6OK",
            Status::L6Timeout => "L6TOUT",
            Status::L6Response => "L6RSP",
            Status::L7Ok => "L7OK",
            Status::L7OkConditional => "L7OKC",
            Status::L7Timeout => "L7TOUT",
            Status::L7Response => "L7RSP",
            Status::L7Status => "L7STS",
            Status::ProcessError => "PROCERR",
            Status::ProcessTimeout => "PROCTOUT",
            Status::ProcessOk => "PROCOK",
            Status::Observed => "HANA",
        }
    }

    /// The long name: `check_desc` in the CSV and the `reason:` of log lines.
    pub const fn description(self) -> &'static str {
        match self {
            Status::Unknown => "Unknown",
            Status::Initializing => "Initializing",
            Status::SocketError => "Socket error",
            Status::L4Ok => "Layer4 check passed",
            Status::L4Timeout => "Layer4 timeout",
            Status::L4Connection => "Layer4 connection problem",
            Status::L6Ok => "Layer6 check passed",
            Status::L6Timeout => "Layer6 timeout",
            Status::L6Response => "Layer6 invalid response",
            Status::L7Ok => "Layer7 check passed",
            Status::L7OkConditional => "Layer7 check conditionally passed",
            Status::L7Timeout => "Layer7 timeout",
            Status::L7Response => "Layer7 invalid response",
            Status::L7Status => "Layer7 wrong status",
            Status::ProcessError => "External check error",
            Status::ProcessTimeout => "External check timeout",
            Status::ProcessOk => "External check passed",
            Status::Observed => "Health analyze",
        }
    }

    /// True where a code (an HTTP status, mostly) belongs to it.
    pub const fn has_code(self) -> bool {
        match self {
            Status::L7Ok
            | Status::L7OkConditional
            | Status::L7Status
            | Status::ProcessError
            | Status::ProcessOk => true,
            Status::Unknown
            | Status::Initializing
            | Status::SocketError
            | Status::L4Ok
            | Status::L4Timeout
            | Status::L4Connection
            | Status::L6Ok
            | Status::L6Timeout
            | Status::L6Response
            | Status::L7Timeout
            | Status::L7Response
            | Status::ProcessTimeout
            | Status::Observed => false,
        }
    }

    /// The status of that short name, as `ok-status`, `error-status` and `tout-status` take it.
    pub fn named(code: &str) -> Option<Self> {
        [
            Status::L4Ok,
            Status::L4Timeout,
            Status::L4Connection,
            Status::L6Ok,
            Status::L6Timeout,
            Status::L6Response,
            Status::L7Ok,
            Status::L7OkConditional,
            Status::L7Timeout,
            Status::L7Response,
            Status::L7Status,
        ]
        .into_iter()
        .find(|status| status.code() == code)
    }
}
