//! What answers requests inside the proxy: the statistics page and the services of `http-request use-service`. Made by
//! `admin`, handed in by the door, so that this room knows nothing of pages.

use evenkeel_base::ProxyId;
use evenkeel_http::RequestHead;
use evenkeel_plan::StatsPage;

use crate::world::World;

/// A request to the statistics page that passed its rules.
pub struct StatsRequest<'a> {
    /// Where the page was asked for.
    pub proxy: ProxyId,
    /// Its settings.
    pub page: &'a StatsPage,
    /// The request.
    pub head: &'a RequestHead,
    /// Its body (the admin form), whole; longer ones were refused.
    pub body: &'a [u8],
    /// The live state.
    pub world: &'a World,
    /// `stats admin` holds for it.
    pub admin: bool,
    /// User name, if one was asked for and given.
    pub user: Option<&'a [u8]>,
}

/// A whole answer: head and body as they go out, but for the Connection field, which the proxy adds before the empty line.
pub struct LocalAnswer {
    /// Status.
    pub status: u16,
    /// Head without the empty line (`HTTP/1.1 200 OK\r\n…\r\n`).
    pub head: Vec<u8>,
    /// Body.
    pub body: Vec<u8>,
}

/// What the door hands in.
pub struct Services {
    /// Answers for the statistics page.
    pub stats: fn(&StatsRequest<'_>) -> LocalAnswer,
}
