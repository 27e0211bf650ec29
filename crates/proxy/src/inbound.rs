//! Inbound: what of a server's answer is in hand while rules look at it.

use std::task::Poll;
use std::time::Duration;

use evenkeel_expr::facts::{Blame, Phase};
use evenkeel_http::Framing;
use evenkeel_sys::Sock;

use crate::conn::{Conn, Woke};
use crate::exchange::{Exchange, Failure};
use crate::held::Held;
use crate::pump::Pump;

/// Most bytes of memory that an exchange keeps for the next one's answer: small bodies come with their head.
const MEMORY_MAX: usize = 4096;

/// Bytes from the server that have not gone to the client yet.
#[derive(Debug, Default)]
pub struct Inbound {
    /// As they came, behind the head.
    pub raw: Vec<u8>,
    /// Without chunk lines, once a rule has waited for the body.
    plain: Option<Vec<u8>>,
    /// They are in chunks.
    chunked: bool,
    /// That is all there is.
    pub complete: bool,
}

impl Inbound {
    /// Takes what came behind the head.
    pub(crate) fn begin(&mut self, raw: Vec<u8>, framing: Framing) {
        *self = Inbound { raw, plain: None, chunked: framing == Framing::Chunked, complete: false };
    }

    /// Forgets everything and keeps a little memory.
    pub(crate) fn clear(&mut self) {
        let raw = self.take_memory();
        *self = Inbound { raw, ..Inbound::default() };
    }

    /// An empty buffer, with memory if there was one of a moderate size.
    pub(crate) fn take_memory(&mut self) -> Vec<u8> {
        let mut raw = std::mem::take(&mut self.raw);
        if raw.capacity() > MEMORY_MAX {
            return Vec::new();
        }
        raw.clear();
        raw
    }

    /// What fetches see of the body.
    pub(crate) fn payload(&self) -> &[u8] {
        match &self.plain {
            Some(plain) => plain,
            // Chunks are taken apart only for rules that wait for the body.
            None if self.chunked => &[],
            None => &self.raw,
        }
    }
}

/// Where an answer comes from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'s> {
    pub(crate) sock: &'s Sock,
    pub(crate) framing: Framing,
}

/// `http-response wait-for-body`: reads the answer's body until all of it, `at_least` bytes or a buffer full is there.
pub(crate) async fn hold(
    conn: &mut Conn,
    exchange: &mut Exchange,
    source: Source<'_>,
    at_least: u64,
    time: Duration,
) -> Result<(), Failure> {
    let full = conn.shard.plan.global.bufsize as usize;
    conn.until_after(Some(time));
    let mut ended = false;
    let mut held = Held::new(source.framing);
    loop {
        let inbound = &mut exchange.inbound;
        held.look(&inbound.raw).map_err(|_| Failure::page(502, Blame::Proxy, Phase::Headers))?;
        inbound.complete = held.complete || (ended && source.framing == Framing::UntilClose);
        let enough = inbound.complete || (at_least > 0 && held.body.len() as u64 >= at_least);
        if enough || inbound.raw.len() >= full {
            inbound.plain = Some(held.body);
            return Ok(());
        }
        if ended {
            return Err(Failure::page(502, Blame::Server, Phase::Headers));
        }
        ended = match read(conn, exchange, source.sock, None).await? {
            Read::Bytes => false,
            Read::End => true,
            Read::Late => return Err(Failure::page(504, Blame::ServerTimeout, Phase::Headers)),
        };
    }
}

/// How one read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Bytes,
    End,
    Late,
}

/// Reads once from the server, moving what the client sends meanwhile.
pub(crate) async fn read(
    conn: &mut Conn,
    exchange: &mut Exchange,
    sock: &Sock,
    mut up: Option<&mut Pump>,
) -> Result<Read, Failure> {
    let shard = conn.shard.clone();
    let raw = &mut exchange.inbound.raw;
    let got = conn
        .wait(|conn, cx| {
            if let Some(up) = up.as_mut().filter(|up| !up.is_done()) {
                // Its end and its failures are for the step that carries both directions.
                let _ = up.poll(cx, &shard, &conn.sock, sock);
            }
            let mut scratch = shard.scratch();
            match std::task::ready!(sock.poll_recv(cx, &mut scratch)) {
                Ok(n) => {
                    raw.extend_from_slice(scratch.get(..n).unwrap_or_default());
                    Poll::Ready(Ok(n))
                }
                Err(e) => Poll::Ready(Err(e)),
            }
        })
        .await;
    match got {
        Ok(Ok(0)) => Ok(Read::End),
        Ok(Ok(_)) => Ok(Read::Bytes),
        Ok(Err(_)) => Err(Failure::page(502, Blame::Server, Phase::Headers)),
        Err(Woke::Timeout) => Ok(Read::Late),
        Err(Woke::Killed) => Err(Failure::silent(Blame::Killed, Phase::Headers)),
    }
}
