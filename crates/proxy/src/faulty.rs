//! The last malformed request and answer of each proxy, for `show errors`. Kept as they came; one of each, so that a
//! flood costs nothing but the copy.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

use evenkeel_base::{ProxyId, ServerId, WallTime};
use evenkeel_expr::facts::Peer;
use evenkeel_http::Malformed;
use evenkeel_sys::clock;

use crate::conn::Conn;
use crate::world::World;

/// Bytes of a message that are kept.
const KEPT_MAX: usize = 16 * 1024;

/// A message that could not be read.
#[derive(Clone, Debug)]
pub struct BadMessage {
    /// How many came before it.
    pub number: u64,
    /// When.
    pub at: WallTime,
    /// Where the client had connected.
    pub frontend: ProxyId,
    /// Whose server answered; `None` for a request.
    pub backend: Option<ProxyId>,
    /// Which server.
    pub server: Option<ServerId>,
    /// The client.
    pub src: Peer,
    /// What came, from its start.
    pub bytes: Vec<u8>,
    /// What is wrong, and at which byte.
    pub fault: Malformed,
}

/// The last ones of a proxy.
#[derive(Debug, Default)]
pub struct BadMessages {
    request: Mutex<Option<BadMessage>>,
    response: Mutex<Option<BadMessage>>,
}

impl BadMessages {
    /// The last request to this frontend.
    pub fn request(&self) -> Option<BadMessage> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last answer of this backend.
    pub fn response(&self) -> Option<BadMessage> {
        self.response.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl World {
    /// Keeps a message. With a backend it is an answer, without one a request.
    pub fn keep_bad(&self, mut message: BadMessage) {
        message.number = self.bad_messages.fetch_add(1, Relaxed);
        message.bytes.truncate(KEPT_MAX);
        let place = match message.backend {
            Some(backend) => &self.proxy(backend).bad.response,
            None => &self.proxy(message.frontend).bad.request,
        };
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }
}

/// Keeps a malformed message of this connection: an answer if there is a server.
pub(crate) fn keep(conn: &Conn, from: Option<(ProxyId, Option<ServerId>)>, bytes: &[u8], fault: Malformed) {
    conn.shard.world.keep_bad(BadMessage {
        number: 0,
        at: clock::coarse_wall(),
        frontend: conn.facts.frontend,
        backend: from.map(|(backend, _)| backend),
        server: from.and_then(|(_, server)| server),
        src: conn.facts.src.clone(),
        bytes: bytes.get(..bytes.len().min(KEPT_MAX)).unwrap_or_default().to_vec(),
        fault,
    });
}
