//! The sessions of a shard: what `show sess` lists and `shutdown session` cuts. A [`Card`] is a session's entry; when it
//! is dropped the session's places in all gauges are given back, whatever way it ended.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Waker};

use evenkeel_base::{Instant, ListenerId, ProxyId, ServerId};
use evenkeel_expr::facts::{Blame, Peer};
use evenkeel_sys::clock;
use tokio::sync::Notify;

use crate::shard::Shard;

/// What others may know of a session.
#[derive(Debug)]
pub struct Facts {
    /// Its number, unique in the process (shards count in steps).
    pub id: u64,
    /// The frontend.
    pub frontend: ProxyId,
    /// When it was accepted.
    pub accepted: Instant,
    /// The client.
    pub src: RefCell<Peer>,
    /// The backend of the exchange under way.
    pub backend: Cell<Option<ProxyId>>,
    /// Its server.
    pub server: Cell<Option<ServerId>>,
    /// Between two requests: nothing is lost if it is cut.
    pub idle: Cell<bool>,
    killed: Cell<Option<Blame>>,
    waker: RefCell<Option<Waker>>,
}

impl Facts {
    /// True once somebody asked for the session's end. Leaves a waker otherwise.
    pub fn poll_killed(&self, cx: &Context<'_>) -> bool {
        if self.killed.get().is_some() {
            return true;
        }
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        false
    }

    /// True once somebody asked for the session's end.
    pub fn killed(&self) -> bool {
        self.killed.get().is_some()
    }

    /// Why it was asked for: by the operator (`K`), or for a server that went (`D`) or came (`U`).
    pub fn killed_for(&self) -> Option<Blame> {
        self.killed.get()
    }

    fn kill(&self, why: Blame) {
        self.killed.set(Some(why));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A session as listed.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Number.
    pub id: u64,
    /// Frontend.
    pub frontend: ProxyId,
    /// Backend, while an exchange is under way.
    pub backend: Option<ProxyId>,
    /// Server.
    pub server: Option<ServerId>,
    /// Client.
    pub src: Peer,
    /// Accepted.
    pub accepted: Instant,
    /// Shard.
    pub shard: usize,
}

/// All sessions of a shard, by number.
pub struct Sessions {
    shard: usize,
    next: Cell<u64>,
    open: RefCell<BTreeMap<u64, Rc<Facts>>>,
    gone: Notify,
}

/// Numbers of different shards differ in their last digits.
const SHARDS_MAX: u64 = 1024;

impl Sessions {
    /// None yet.
    pub fn new(shard: usize) -> Self {
        Self { shard, next: Cell::new(0), open: RefCell::default(), gone: Notify::new() }
    }

    /// Waits until there is none.
    pub async fn all_gone(&self) {
        while !self.open.borrow().is_empty() {
            self.gone.notified().await;
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// Cuts one; false if it is not here.
    pub fn kill(&self, id: u64) -> bool {
        let hit = self.open.borrow().get(&id).cloned();
        if let Some(facts) = &hit {
            facts.kill(Blame::Killed);
        }
        hit.is_some()
    }

    /// Cuts those between two requests (soft stop).
    pub fn kill_idle(&self) {
        let idle: Vec<_> = self.open.borrow().values().filter(|f| f.idle.get()).cloned().collect();
        idle.iter().for_each(|f| f.kill(Blame::Killed));
    }

    /// Cuts those that are on a server.
    pub fn kill_server(&self, server: ServerId, why: Blame) {
        let hit: Vec<_> =
            self.open.borrow().values().filter(|f| f.server.get() == Some(server)).cloned().collect();
        hit.iter().for_each(|f| f.kill(why));
    }

    /// All, oldest first.
    pub fn list(&self) -> Vec<SessionInfo> {
        self.open
            .borrow()
            .values()
            .map(|f| SessionInfo {
                id: f.id,
                frontend: f.frontend,
                backend: f.backend.get(),
                server: f.server.get(),
                src: f.src.borrow().clone(),
                accepted: f.accepted,
                shard: self.shard,
            })
            .collect()
    }
}

/// A session's entry in the books.
pub struct Card {
    shard: Rc<Shard>,
    listener: ListenerId,
    /// What others may know.
    pub facts: Rc<Facts>,
}

impl Card {
    /// Enters a session whose places in the gauges have been taken.
    pub fn new(shard: &Rc<Shard>, frontend: ProxyId, listener: ListenerId) -> Card {
        let sessions = &shard.sessions;
        let n = sessions.next.get();
        sessions.next.set(n + 1);
        let facts = Rc::new(Facts {
            id: n * SHARDS_MAX + sessions.shard as u64,
            frontend,
            accepted: clock::coarse(),
            src: RefCell::default(),
            backend: Cell::new(None),
            server: Cell::new(None),
            idle: Cell::new(false),
            killed: Cell::new(None),
            waker: RefCell::new(None),
        });
        sessions.open.borrow_mut().insert(facts.id, facts.clone());
        Card { shard: shard.clone(), listener, facts }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let world = &self.shard.world;
        world.listeners[self.listener.index()].sessions.down();
        world.proxy(self.facts.frontend).front_sessions.down();
        world.connections.down();
        let sessions = &self.shard.sessions;
        sessions.open.borrow_mut().remove(&self.facts.id);
        if sessions.is_empty() {
            sessions.gone.notify_waiters();
        }
        self.shard.session_ended();
    }
}
