//! A client's connection: the task that lives as long as it does. Idle, it holds no buffer and no exchange.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use evenkeel_base::{Instant, ListenerId, WallTime};
use evenkeel_expr::ConnFacts;
use evenkeel_expr::env::Stored;
use evenkeel_expr::facts::Peer;
use evenkeel_plan::{Front, Mode, Proxy};
use evenkeel_sys::{Addr, Sock, clock};

use crate::session::Card;
use crate::shard::{Shard, View};
use crate::timer::Deadline;
use crate::{path, tcp};

/// A client's connection.
pub struct Conn {
    /// Where it runs.
    pub shard: Rc<Shard>,
    /// The client's socket.
    pub sock: Sock,
    /// What fetches know of it.
    pub facts: ConnFacts,
    /// Bytes read and not consumed yet.
    pub pending: Vec<u8>,
    /// The client has sent its end of stream.
    pub ended: bool,
    /// The client has reset the connection: nothing can be sent to it any more.
    pub reset: bool,
    /// Variables of scope `sess`.
    pub vars: RefCell<Vec<Option<Stored>>>,
    /// The server's connection kept for this client alone (`http-reuse never`).
    pub own: Option<(evenkeel_base::ServerId, crate::pool::ServerConn)>,
    /// The server of the exchange before (`option prefer-last-server`).
    pub last_server: Option<evenkeel_base::ServerId>,
    /// Exchanges begun.
    pub nth: u32,
    /// When the coming exchange began: accept, or the end of the one before.
    pub start: Instant,
    /// The same as a date.
    pub start_wall: WallTime,
    deadline: Deadline,
    card: Card,
}

/// Most bytes of later requests read while one is served; more stay in the kernel.
const PIPELINE_MAX: usize = 16 * 1024;

/// A client that has its answer and goes on sending is listened to for so long, and so long between two pieces: enough for
/// most to notice the answer, short enough not to fill the process with those that never do.
const LINGER_MAX: std::time::Duration = std::time::Duration::from_secs(5);
/// See [`LINGER_MAX`].
const LINGER_IDLE_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// Why waiting ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woke {
    /// The deadline passed.
    Timeout,
    /// The operator, or a server's death, ended the session.
    Killed,
}

impl Conn {
    /// The proxy that it came in by.
    pub fn frontend(&self) -> &Proxy {
        self.shard.plan.proxy(self.facts.frontend)
    }

    /// That proxy's frontend face.
    pub fn front(&self) -> Option<&Front> {
        self.shard.plan.front(self.facts.frontend)
    }

    /// What expressions see of the world.
    pub fn view<'a>(&'a self, exchange: &'a crate::exchange::Exchange) -> View<'a> {
        View { shard: &self.shard, session_vars: &self.vars, writes: &exchange.writes }
    }

    /// `option idle-close-on-response`: at a soft stop an idle connection is told of the end by one more answer, instead of
    /// being closed between two requests.
    pub fn stays_for_one_more(&self) -> bool {
        self.frontend().options.idle_close_on_response
    }

    /// The session's entry in the books.
    pub fn session(&self) -> &crate::session::Facts {
        &self.card.facts
    }

    /// Waiting ends at this moment; `None`: never.
    pub fn until(&mut self, at: Option<Instant>) {
        self.deadline.set(at);
    }

    /// Waiting ends so long after now; `None`: never.
    pub fn until_after(&mut self, after: Option<std::time::Duration>) {
        self.deadline.set_after(after);
    }

    /// Ready once waiting must end. Leaves wakers otherwise.
    pub fn poll_woken(&mut self, cx: &mut Context<'_>) -> Poll<Woke> {
        if self.card.facts.poll_killed(cx) {
            return Poll::Ready(Woke::Killed);
        }
        self.deadline.poll(cx).map(|()| Woke::Timeout)
    }

    /// Looks whether the client has closed or reset, reading ahead a bounded bit of what it pipelines. Leaves a waker where
    /// nothing is known yet.
    pub fn client_left(&mut self, cx: &mut Context<'_>) -> bool {
        while !self.ended && self.pending.len() < PIPELINE_MAX && self.sock.poll_readable(cx).is_ready() {
            let shard = self.shard.clone();
            let mut scratch = shard.scratch();
            let room = PIPELINE_MAX.saturating_sub(self.pending.len()).min(scratch.len());
            match self.sock.try_recv(scratch.get_mut(..room).unwrap_or_default()) {
                Ok(0) => self.ended = true,
                Ok(n) => self.pending.extend_from_slice(scratch.get(..n).unwrap_or_default()),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    self.ended = true;
                    self.reset = true;
                }
            }
        }
        self.ended
    }

    /// Looks whether the client has reset the connection. Leaves a waker as [`Conn::client_left`] does.
    pub fn client_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.client_left(cx);
        self.reset
    }

    /// Closing with bytes unread resets the connection, and the reset may overtake the answer and wipe it out (RFC 9112
    /// §9.6): where the client sends more, or is `midway` in a message, this says our end and reads to the client's, for a
    /// while.
    pub async fn linger(&mut self, midway: bool) {
        if self.ended || self.session().killed() {
            return;
        }
        let unread = self.has_unread();
        if self.ended || !(unread || midway) {
            return;
        }
        // Fails if the client has reset it: reading will show.
        let _ = self.sock.shutdown_write();
        self.session().idle.set(true);
        let end = clock::coarse() + LINGER_MAX;
        loop {
            self.until(Some(end.min(clock::coarse() + LINGER_IDLE_MAX)));
            let read = self.wait(|conn, cx| conn.sock.poll_recv(cx, &mut conn.shard.scratch())).await;
            if !matches!(read, Ok(Ok(n)) if n > 0) {
                return;
            }
        }
    }

    /// Reads what the client has sent and nobody wants; true if there was something.
    fn has_unread(&mut self) -> bool {
        let read = self.sock.try_recv(&mut self.shard.scratch());
        self.ended = match &read {
            Ok(n) => *n == 0,
            Err(e) => e.kind() != std::io::ErrorKind::WouldBlock,
        };
        matches!(read, Ok(n) if n > 0)
    }

    /// Waits for `what`, at most until the deadline or the session's end.
    pub async fn wait<T>(
        &mut self,
        mut what: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Woke> {
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = what(self, cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll_woken(cx).map(Err)
        })
        .await
    }
}

/// Starts the task of an accepted connection.
pub fn spawn(shard: &Rc<Shard>, sock: Sock, peer: Addr, listener: ListenerId, card: Card) {
    let world = &shard.world;
    let now = clock::coarse();
    let wall = clock::coarse_wall();
    let frontend = shard.plan.listener(listener).frontend;
    let src = peer_of(&peer);
    *card.facts.src.borrow_mut() = src.clone();
    world.connections_total.fetch_add(1, Relaxed);
    world.connection_rate.hit(now);
    world.session_rate.hit(now);
    let live = world.proxy(frontend);
    live.front_connection_rate.hit(now);
    live.front_session_rate.hit(now);
    shard.front_stats(frontend).conn_tot.bump();
    shard.listener_stats(listener).stot.bump();
    let needs_dst = shard.plan.front(frontend).is_some_and(|f| f.needs_dst);
    let dst = match &shard.plan.listener(listener).addr {
        _ if needs_dst => sock.local_addr().map_or(Peer::Unknown, |a| peer_of(&a)),
        evenkeel_plan::Addr::Inet(a) => Peer::Inet(*a),
        evenkeel_plan::Addr::Unix(_) | evenkeel_plan::Addr::Abstract { .. } => Peer::Unix,
        evenkeel_plan::Addr::Fd(_) => Peer::Unknown,
    };
    // Boxed, so that the task's state is one pointer: a moved argument would stand in it twice.
    let conn = Box::new(Conn {
        facts: ConnFacts {
            src,
            dst,
            own: None,
            frontend,
            listener,
            accepted: now,
            accepted_wall: wall,
            tls: false,
            proxied: false,
        },
        shard: shard.clone(),
        sock,
        pending: Vec::new(),
        ended: false,
        reset: false,
        vars: RefCell::new(vec![None; shard.plan.var_slots.session as usize]),
        own: None,
        last_server: None,
        nth: 0,
        start: now,
        start_wall: wall,
        deadline: Deadline::default(),
        card,
    });
    tokio::task::spawn_local(serve(conn));
}

/// An address as facts keep it. IPv4 mapped into IPv6 counts as IPv4.
pub fn peer_of(addr: &Addr) -> Peer {
    match addr {
        Addr::Inet(a) => Peer::Inet(std::net::SocketAddr::new(a.ip().to_canonical(), a.port())),
        Addr::Unix(_) | Addr::Abstract(_) => Peer::Unix,
        Addr::Fd(_) => Peer::Unknown,
    }
}

async fn serve(mut conn: Box<Conn>) {
    if !crate::greet::greet(&mut conn).await {
        return;
    }
    match conn.frontend().mode {
        Mode::Http => path::serve(&mut conn).await,
        Mode::Tcp => Box::pin(tcp::serve(&mut conn)).await,
    }
    if conn.frontend().options.nolinger {
        // `option nolinger`: our end, and then nothing of it is kept. Both fail if it is closed already.
        let _ = conn.sock.shutdown_write();
        let _ = conn.sock.set_linger_zero();
    }
}
