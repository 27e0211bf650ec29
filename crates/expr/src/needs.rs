//! What an expression looks at, and what is there to look at in each place of the configuration.

use evenkeel_base::{Diagnostic, Level, Span};

/// Sources of information, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Needs(u16);

impl Needs {
    /// Nothing, or what is known before the start.
    pub const NOTHING: Needs = Needs(0);
    /// The client's connection: its addresses.
    pub const CLIENT: Needs = Needs(1);
    /// The client's session after handshakes.
    pub const SESSION: Needs = Needs(1 << 1);
    /// The bytes or the head of the request as they pass by.
    pub const REQUEST: Needs = Needs(1 << 2);
    /// What is kept of the request until the log line.
    pub const REQUEST_KEPT: Needs = Needs(1 << 3);
    /// The backend chosen.
    pub const BACKEND: Needs = Needs(1 << 4);
    /// The server chosen.
    pub const SERVER: Needs = Needs(1 << 5);
    /// The connection to the server.
    pub const SERVER_CONN: Needs = Needs(1 << 6);
    /// The bytes or the head of the response as they pass by.
    pub const RESPONSE: Needs = Needs(1 << 7);
    /// What is kept of the response until the log line.
    pub const RESPONSE_KEPT: Needs = Needs(1 << 8);
    /// A request or a response head, whichever is passing (`hdr`, `payload`).
    pub const MESSAGE: Needs = Needs(1 << 9);
    /// The end of the exchange: counts and timers.
    pub const END: Needs = Needs(1 << 10);
    /// The process as it runs: other proxies, loads, queues.
    pub const RUNNING: Needs = Needs(1 << 11);
    /// The listener and frontend that the client came to.
    pub const LISTENER: Needs = Needs(1 << 12);

    /// Both sets.
    pub const fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// True if nothing of `other` is missing here.
    pub const fn covers(self, other: Needs) -> bool {
        other.0 & !self.0 == 0
    }

    /// True if the two have something in common.
    pub const fn touches(self, other: Needs) -> bool {
        self.0 & other.0 != 0
    }

    /// The first source of this set that `place` does not have, in words.
    fn missing_in(self, place: Place) -> Option<&'static str> {
        let has = place.provides();
        SOURCES.iter().find(|(need, _)| self.covers(*need) && !has.covers(*need)).map(|(_, text)| *text)
    }
}

const SOURCES: [(Needs, &str); 13] = [
    (Needs::RUNNING, "the running process"),
    (Needs::LISTENER, "the listener"),
    (Needs::CLIENT, "the client's connection"),
    (Needs::SESSION, "the client's session"),
    (Needs::REQUEST, "the request"),
    (Needs::REQUEST_KEPT, "what is kept of a request"),
    (Needs::BACKEND, "the backend"),
    (Needs::SERVER, "the server"),
    (Needs::SERVER_CONN, "the connection to the server"),
    (Needs::RESPONSE, "the response"),
    (Needs::RESPONSE_KEPT, "what is kept of a response"),
    (Needs::MESSAGE, "a request or a response"),
    (Needs::END, "the end of the exchange"),
];

/// Where in the configuration an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `tcp-request connection`.
    TcpConnection,
    /// `tcp-request session`.
    TcpSession,
    /// `tcp-request content`, `http-request`, `use_backend`, `redirect` … of a frontend.
    FrontendRequest,
    /// The same in a backend, `use-server`, `balance`, `stick match`.
    BackendRequest,
    /// `tcp-response content`, `http-response`, `http-after-response`, `stick store-response`.
    Response,
    /// `log-format`, `unique-id-format` in logs.
    Log,
    /// Health checks.
    Check,
    /// `global` and `-cc`: nothing but the process.
    Config,
}

impl Place {
    /// What can be looked at there.
    pub const fn provides(self) -> Needs {
        const CLIENT: Needs = Needs::CLIENT.and(Needs::LISTENER).and(Needs::RUNNING);
        const SESSION: Needs = CLIENT.and(Needs::SESSION);
        const REQUEST: Needs = SESSION.and(Needs::REQUEST).and(Needs::REQUEST_KEPT).and(Needs::MESSAGE);
        const KEPT: Needs = SESSION.and(Needs::REQUEST_KEPT).and(Needs::BACKEND).and(Needs::SERVER);
        const SERVED: Needs = KEPT.and(Needs::SERVER_CONN).and(Needs::RESPONSE_KEPT);
        match self {
            Place::TcpConnection => CLIENT,
            Place::TcpSession => SESSION,
            Place::FrontendRequest => REQUEST,
            Place::BackendRequest => REQUEST.and(Needs::BACKEND),
            Place::Response => SERVED.and(Needs::RESPONSE).and(Needs::MESSAGE),
            Place::Log => SERVED.and(Needs::END),
            Place::Check => Needs::RUNNING
                .and(Needs::CLIENT)
                .and(Needs::BACKEND)
                .and(Needs::SERVER)
                .and(Needs::SERVER_CONN)
                .and(Needs::MESSAGE)
                .and(Needs::RESPONSE)
                .and(Needs::RESPONSE_KEPT),
            Place::Config => Needs::NOTHING,
        }
    }

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Place::TcpConnection => "a tcp-request connection rule",
            Place::TcpSession => "a tcp-request session rule",
            Place::FrontendRequest => "a request rule of a frontend",
            Place::BackendRequest => "a request rule of a backend",
            Place::Response => "a response rule",
            Place::Log => "a log line",
            Place::Check => "a health check",
            Place::Config => "the global section",
        }
    }
}

/// A fetch as it was used, for [`check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: &'static str,
    /// What it looks at.
    pub needs: Needs,
    /// Where it is written.
    pub span: Span,
}

/// The diagnostics for fetches that can give nothing in `place`: errors for values (`level` Error: `set-header`,
/// `log-format`), warnings for conditions, which then never match.
pub fn check<'a>(used: impl IntoIterator<Item = &'a Used>, place: Place, level: Level) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for fetch in used {
        if let Some(missing) = fetch.needs.missing_in(place) {
            let end = if level == Level::Error { "" } else { ", so this never matches" };
            let text =
                format!("`{}` looks at {missing}, which {} does not have{end}", fetch.name, place.name());
            found.push(Diagnostic::new(level, "fetch-out-of-place", text, fetch.span));
        }
    }
    found
}
