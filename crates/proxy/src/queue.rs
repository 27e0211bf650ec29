//! Requests that wait for a server: one queue per backend, in order of arrival. A request may wait for any server of the
//! backend or, where persistence or a hash chose it, for one.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use evenkeel_balance::slow::ConnLimit;
use evenkeel_base::{ProxyId, ServerId};
use tokio::sync::oneshot;

use crate::world::World;

/// What a waiting request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// This server has a place, and it is taken in the request's name.
    Server(ServerId),
    /// Choose again: the server waited for is gone, or the backend has changed.
    ChooseAgain,
}

#[derive(Debug)]
struct Entry {
    ticket: u64,
    server: Option<ServerId>,
    tell: oneshot::Sender<Grant>,
}

/// The queue of a backend. Bounded by the connections that the process admits: each waits at most once.
#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    next_ticket: u64,
}

impl Queue {
    /// Requests ahead of one that would wait for `server` (for `%sq`), or for any (`%bq`).
    pub fn ahead(&self, server: Option<ServerId>) -> u32 {
        self.entries.iter().filter(|e| e.server == server).count() as u32
    }

    fn push(&mut self, server: Option<ServerId>) -> (u64, oneshot::Receiver<Grant>) {
        let (tell, hear) = oneshot::channel();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.entries.push_back(Entry { ticket, server, tell });
        (ticket, hear)
    }

    fn remove(&mut self, ticket: u64) {
        if let Some(at) = self.entries.iter().position(|e| e.ticket == ticket) {
            self.entries.remove(at);
        }
    }

    /// The longest waiting request that `server` may serve, if `take` gets it a place there. No place is taken for
    /// nobody: another shard might find the server full meanwhile, join the queue, and never hear of the place given back.
    fn take_for(
        &mut self,
        server: ServerId,
        any_too: bool,
        take: impl FnOnce() -> bool,
    ) -> Option<oneshot::Sender<Grant>> {
        let at =
            self.entries.iter().position(|e| e.server == Some(server) || (any_too && e.server.is_none()))?;
        if !take() {
            return None;
        }
        self.entries.remove(at).map(|e| e.tell)
    }

    /// A server is gone: who waits for it chooses again. Tells how many did.
    pub fn requeue(&mut self, server: ServerId) -> u32 {
        self.send_away(|entry| entry.server == Some(server))
    }

    /// A server came: who waits for any may choose it. Tells how many did.
    pub fn wake_all(&mut self) -> u32 {
        self.send_away(|entry| entry.server.is_none())
    }

    fn send_away(&mut self, which: impl Fn(&Entry) -> bool) -> u32 {
        let mut count = 0;
        for entry in std::mem::take(&mut self.entries) {
            if which(&entry) {
                // A receiver that is gone has given up: nothing to tell.
                count += u32::from(entry.tell.send(Grant::ChooseAgain).is_ok());
            } else {
                self.entries.push_back(entry);
            }
        }
        count
    }
}

/// A place in a queue, given back when dropped. A place on a server that was granted but not taken up is given on.
pub(crate) struct Waiting {
    world: Arc<World>,
    backend: ProxyId,
    server: Option<ServerId>,
    ticket: u64,
    hear: oneshot::Receiver<Grant>,
    /// How many were ahead.
    pub ahead: u32,
}

impl Waiting {
    /// Joins the queue of `backend`, for one server or for any.
    pub(crate) fn join(world: &Arc<World>, backend: ProxyId, server: Option<ServerId>) -> Waiting {
        let live = world.proxy(backend);
        live.queued.up();
        if let Some(id) = server {
            world.server(id).queued.up();
        }
        let mut queue = live.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ahead = queue.ahead(server);
        let (ticket, hear) = queue.push(server);
        drop(queue);
        let waiting = Waiting { world: world.clone(), backend, server, ticket, hear, ahead };
        // A place may have come free between the choice and the queue: whoever frees one now sees us.
        world.serve_queue(backend);
        waiting
    }

    /// Waits for the word. A sender that is gone means that the backend is: choose again.
    pub(crate) fn poll(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Grant> {
        use std::future::Future;
        std::pin::Pin::new(&mut self.hear).poll(cx).map(|told| {
            self.hear.close();
            let grant = told.unwrap_or(Grant::ChooseAgain);
            if let Grant::Server(id) = grant {
                self.world.server(id).granted.fetch_sub(1, Relaxed);
            }
            grant
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let live = self.world.proxy(self.backend);
        live.queue.lock().unwrap_or_else(PoisonError::into_inner).remove(self.ticket);
        live.queued.down();
        if let Some(id) = self.server {
            self.world.server(id).queued.down();
        }
        self.hear.close();
        if let Ok(Grant::Server(id)) = self.hear.try_recv() {
            self.world.server(id).granted.fetch_sub(1, Relaxed);
            self.world.release(id);
        }
    }
}

impl World {
    /// The number of sessions a server takes now; 0: no limit. `minconn` makes it follow the backend's load
    /// (configuration manual, `minconn`), `slowstart` its age.
    pub fn server_limit(&self, id: ServerId) -> u32 {
        let live = self.server(id);
        let line = &self.plan.server(id).line;
        let max = live.maxconn.load(Relaxed);
        if max == 0 || (line.minconn == 0 && line.slowstart.is_none()) {
            return max;
        }
        let backend = self.plan.server(id).backend;
        let limit = ConnLimit {
            maxconn: max,
            minconn: line.minconn,
            fullconn: self.proxy(backend).fullconn,
            slowstart: line.slowstart.unwrap_or_default(),
        };
        let warm_for = live.warming().map(|since| evenkeel_sys::clock::coarse().since(since));
        limit.now(self.proxy(backend).back_sessions.now(), warm_for).unwrap_or(0)
    }

    /// Takes a place on a server, if one is free.
    pub fn try_take(&self, id: ServerId) -> bool {
        self.server(id).sessions.try_up(self.server_limit(id))
    }

    /// Takes a place on a server whatever its limit (`option persist`, `force-persist`).
    pub fn take(&self, id: ServerId) {
        self.server(id).sessions.up();
    }

    /// Tells a balancer that counts (`leastconn`) of a place that was taken, or given back.
    pub fn count_place(&self, id: ServerId, taken: bool) {
        let server = self.plan.server(id);
        if !self.plan.back(server.backend).is_some_and(|b| b.algorithm.needs_counts()) {
            return;
        }
        if let Some(mut balancer) = self.balancer(server.backend) {
            if taken {
                balancer.taken(server.slot as usize);
            } else {
                balancer.released(server.slot as usize);
            }
        }
    }

    /// Gives a place back and hands it to who waits.
    pub fn release(&self, id: ServerId) {
        self.server(id).sessions.down();
        self.count_place(id, false);
        let backend = self.plan.server(id).backend;
        if self.proxy(backend).queued.now() > 0 {
            self.serve_queue(backend);
        }
    }

    /// Hands free places to who waits, longest first.
    pub fn serve_queue(&self, backend: ProxyId) {
        let Some(back) = self.plan.back(backend) else { return };
        for id in &back.servers {
            while self.server(*id).reachable() {
                let mut queue = self.proxy(backend).queue.lock().unwrap_or_else(PoisonError::into_inner);
                let next = queue.take_for(*id, self.server(*id).usable(), || self.try_take(*id));
                drop(queue);
                let Some(tell) = next else { break };
                // Counted before it is told: whoever is told may give it back at once.
                self.count_place(*id, true);
                self.server(*id).granted.fetch_add(1, Relaxed);
                if tell.send(Grant::Server(*id)).is_err() {
                    self.server(*id).granted.fetch_sub(1, Relaxed);
                    self.server(*id).sessions.down();
                    self.count_place(*id, false);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_longest_is_served_where_there_is_room() {
        let (a, b) = (ServerId(0), ServerId(1));
        // Who waits, in order; the server that has become free; whether those that wait for any may have it; who is told.
        for (waiting, free, any_too, served) in [
            (&[Some(a), None, Some(b)][..], b, true, Some(1)),
            (&[Some(a), None, Some(b)], b, false, Some(2)),
            (&[Some(a), None], b, false, None),
            (&[], a, true, None),
        ] {
            for room in [true, false] {
                let mut queue = Queue::default();
                let mut ears: Vec<_> = waiting.iter().map(|w| queue.push(*w).1).collect();
                let mut asked = false;
                let told = queue.take_for(free, any_too, || {
                    asked = true;
                    room
                });
                assert_eq!(asked, served.is_some(), "a place is taken for somebody alone: {waiting:?}");
                let heard = told.and_then(|tell| {
                    tell.send(Grant::Server(free)).ok()?;
                    ears.iter_mut().position(|e| e.try_recv().is_ok())
                });
                assert_eq!(heard, served.filter(|_| room), "{waiting:?}");
            }
        }
    }
}
