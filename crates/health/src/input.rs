//! What a check is told.

/// An event.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// TCP is connected and a TLS handshake has begun.
    Handshaking,
    /// The connection is ready for use. With `send-state`, the facts for its header.
    Connected(Option<&'a StateFacts<'a>>),
    /// There is no connection.
    ConnectFailed(ConnectFailure<'a>),
    /// The server said something.
    Received(&'a [u8]),
    /// The server will say no more.
    Closed,
    /// The connection broke; the system's words for it, such as `Connection reset by peer`.
    Broken(&'a str),
    /// A request went well (`observe`).
    TrafficGood,
    /// A request or connection failed (`observe`).
    TrafficBad(TrafficFault),
    /// Checks pause: maintenance, or `disable health`.
    Pause,
    /// Checks go on as before: `enable health`.
    Resume,
    /// The server leaves maintenance: it is up and will be checked soon.
    Revive,
    /// `set server … health`.
    Force(Forced),
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure<'a> {
    /// The system's words, such as `Connection refused`.
    Network(&'a str),
    /// The handshake failed; the library's words.
    Tls(&'a str),
    /// Nothing could be tried: no descriptors, no source port.
    Local(&'a str),
}

/// What went wrong in the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficFault {
    /// No connection.
    Connect,
    /// A 5xx other than 501 and 505, or a code under 100 or over 599.
    HttpStatus,
    /// The response's head is not HTTP.
    HttpHead,
    /// The response is not HTTP.
    HttpResponse,
    /// No response in time.
    HttpTimeout,
    /// Reading failed.
    HttpRead,
    /// The server closed before it had answered.
    HttpClosed,
}

impl TrafficFault {
    /// In the log's words.
    pub const fn description(self) -> &'static str {
        match self {
            TrafficFault::Connect => "L4 unsuccessful connection",
            TrafficFault::HttpStatus => "Wrong http response",
            TrafficFault::HttpHead => "Invalid http response (headers)",
            TrafficFault::HttpResponse => "Invalid http response",
            TrafficFault::HttpTimeout => "Read timeout (http)",
            TrafficFault::HttpRead => "Read error (http)",
            TrafficFault::HttpClosed => "Close from server (http)",
        }
    }

    /// A response's code as `observe layer7` judges it: 100 to 499, 501 and 505 are good.
    pub const fn of_status(code: u16) -> Option<Self> {
        match code {
            100..=499 | 501 | 505 => None,
            _ => Some(TrafficFault::HttpStatus),
        }
    }
}

/// `set server … health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// `up`.
    Up,
    /// `stopping`.
    Stopping,
    /// `down`.
    Down,
}

/// What `X-Haproxy-Server-State` says beside the check's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFacts<'a> {
    /// The server's address without port, or `unix`.
    pub address: &'a str,
    /// Its port, or `unix`.
    pub port: &'a str,
    /// The backend's name.
    pub backend: &'a str,
    /// The server's name.
    pub server: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// The server's weight.
    pub weight: u32,
    /// The weight of all usable servers of the backend.
    pub weight_total: u32,
    /// Requests on the server.
    pub sessions: u32,
    /// Requests in the backend.
    pub sessions_total: u32,
    /// The server's queue.
    pub queue: u32,
}
