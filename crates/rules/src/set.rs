//! Where rules stand and in which order they run.

/// A list of rules with one moment of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleSet {
    /// `quic-initial`
    QuicInitial,
    /// `tcp-request connection`
    TcpConnection,
    /// `tcp-request session`
    TcpSession,
    /// `tcp-request content`
    TcpContent,
    /// `tcp-response content`
    TcpResponse,
    /// `http-request`
    HttpRequest,
    /// `http-response`
    HttpResponse,
    /// `http-after-response`
    HttpAfterResponse,
}

impl RuleSet {
    /// The keyword as users write it.
    pub const fn keyword(self) -> &'static str {
        match self {
            RuleSet::QuicInitial => "quic-initial",
            RuleSet::TcpConnection => "tcp-request connection",
            RuleSet::TcpSession => "tcp-request session",
            RuleSet::TcpContent => "tcp-request content",
            RuleSet::TcpResponse => "tcp-response content",
            RuleSet::HttpRequest => "http-request",
            RuleSet::HttpResponse => "http-response",
            RuleSet::HttpAfterResponse => "http-after-response",
        }
    }

    /// True if the rules look at a response.
    pub const fn is_response(self) -> bool {
        match self {
            RuleSet::TcpResponse | RuleSet::HttpResponse | RuleSet::HttpAfterResponse => true,
            RuleSet::QuicInitial
            | RuleSet::TcpConnection
            | RuleSet::TcpSession
            | RuleSet::TcpContent
            | RuleSet::HttpRequest => false,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Several rule sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sets(u8);

impl Sets {
    /// `quic-initial` alone.
    pub const QUIC: Sets = Sets(RuleSet::QuicInitial.bit());
    /// `tcp-request connection` alone.
    pub const CONNECTION: Sets = Sets(RuleSet::TcpConnection.bit());
    /// `tcp-request session` alone.
    pub const SESSION: Sets = Sets(RuleSet::TcpSession.bit());
    /// `tcp-request content` alone.
    pub const CONTENT: Sets = Sets(RuleSet::TcpContent.bit());
    /// `tcp-response content` alone.
    pub const TCP_RESPONSE: Sets = Sets(RuleSet::TcpResponse.bit());
    /// `http-request` alone.
    pub const REQUEST: Sets = Sets(RuleSet::HttpRequest.bit());
    /// `http-response` alone.
    pub const RESPONSE: Sets = Sets(RuleSet::HttpResponse.bit());
    /// `http-after-response` alone.
    pub const AFTER: Sets = Sets(RuleSet::HttpAfterResponse.bit());
    /// The three `tcp-request` sets.
    pub const TCP_REQUEST: Sets = Sets::CONNECTION.and(Sets::SESSION).and(Sets::CONTENT);
    /// The three `http-*` sets.
    pub const HTTP: Sets = Sets::REQUEST.and(Sets::RESPONSE).and(Sets::AFTER);
    /// All but `quic-initial`.
    pub const ALL: Sets = Sets::TCP_REQUEST.and(Sets::TCP_RESPONSE).and(Sets::HTTP);

    /// These and those.
    pub const fn and(self, other: Sets) -> Sets {
        Sets(self.0 | other.0)
    }

    /// Whether this set is among them.
    pub const fn has(self, set: RuleSet) -> bool {
        self.0 & set.bit() != 0
    }
}

/// Groups of rules in one HTTP list, in their order of evaluation: the original runs each kind of keyword as a list
/// of its own, whatever the order in the file. `allow` ends only its own group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// `block`.
    Block,
    /// `http-request`, `http-response` and all sets without older relatives.
    #[default]
    Main,
    /// `reqrep`, `reqdeny`, `rspdel` …
    Lines,
    /// `reqadd`, `rspadd`.
    Adds,
    /// `redirect`.
    Redirect,
}
