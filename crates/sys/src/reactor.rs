//! Where descriptors meet the event loop.
//!
//! A thread that calls [`own_queue`] has an epoll queue of its own, inside the runtime's: nothing there is shared with other
//! threads, so that readiness is a plain byte and a waker is told of without a lock. The runtime learns only that the queue
//! has something. Without it, and on other threads, descriptors are the runtime's.
//!
//! ```text
//! socket ─┐
//! socket ─┼─▶ own epoll queue ──▶ the runtime's epoll ──▶ turn(): readiness bits, wakers
//! socket ─┘        └── turn() before the thread sleeps: under load the runtime's is not waited for
//! ```
//! Everything is edge-triggered: a bit is set by an event and cleared by whoever meets "would block".
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::coop;

/// Events taken from the queue at once; more stay there until the next look.
const EVENTS_MAX: usize = 1024;

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer has finished, or all is over: stays.
const READ_CLOSED: u8 = 4;
/// Writing is over: stays.
const WRITE_CLOSED: u8 = 8;
/// Somebody waits for reading.
const READER: u8 = 16;
/// Somebody waits for writing.
const WRITER: u8 = 32;

/// Which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Read,
    Write,
}

impl Side {
    fn open(self) -> u8 {
        match self {
            Side::Read => READABLE,
            Side::Write => WRITABLE,
        }
    }

    fn closed(self) -> u8 {
        match self {
            Side::Read => READ_CLOSED,
            Side::Write => WRITE_CLOSED,
        }
    }

    fn waiting(self) -> u8 {
        match self {
            Side::Read => READER,
            Side::Write => WRITER,
        }
    }

    fn interest(self) -> Interest {
        match self {
            Side::Read => Interest::READABLE,
            Side::Write => Interest::WRITABLE,
        }
    }
}

/// A descriptor whose readiness is known.
#[derive(Debug)]
pub(crate) struct Watched {
    link: Link,
}

#[derive(Debug)]
enum Link {
    Runtime(AsyncFd<OwnedFd>),
    /// Closing takes it out of the queue.
    Own(Seated, OwnedFd),
}

impl Watched {
    /// Registers `fd` once, edge-triggered: with the thread's own queue, or with the current runtime, which must have I/O
    /// enabled.
    pub(crate) fn new(fd: OwnedFd, write_too: bool) -> io::Result<Watched> {
        let queue = OWN.with_borrow(|own| own.clone());
        if let Some(queue) = queue {
            let seat = Queue::seat(&queue, &fd, write_too)?;
            return Ok(Watched { link: Link::Own(seat, fd) });
        }
        let interest = if write_too { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        Ok(Watched { link: Link::Runtime(register(fd, interest)?) })
    }

    /// The descriptor.
    #[inline]
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match &self.link {
            Link::Runtime(fd) => fd.get_ref().as_fd(),
            Link::Own(_, fd) => fd.as_fd(),
        }
    }

    /// Ready when `side` may be used; true if it was closed. Leaves a waker otherwise.
    #[inline]
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>, side: Side) -> Poll<io::Result<bool>> {
        match &self.link {
            Link::Own(own, _) => own.0.poll_ready(cx, side).map(Ok),
            Link::Runtime(fd) => {
                let guard = match side {
                    Side::Read => ready!(fd.poll_read_ready(cx))?,
                    Side::Write => ready!(fd.poll_write_ready(cx))?,
                };
                let ready = guard.ready();
                Poll::Ready(Ok(match side {
                    Side::Read => ready.is_read_closed(),
                    Side::Write => ready.is_write_closed(),
                }))
            }
        }
    }

    /// Uses `side` when it is ready. `op` says what came of it, and whether the side is exhausted now: drained, or full.
    #[inline]
    pub(crate) fn poll_with<T>(
        &self,
        cx: &mut Context<'_>,
        side: Side,
        op: impl FnOnce(BorrowedFd<'_>) -> (T, bool),
    ) -> Poll<io::Result<T>> {
        match &self.link {
            Link::Own(Seated(seat), fd) => {
                let _closed = ready!(seat.poll_ready(cx, side));
                let (done, exhausted) = op(fd.as_fd());
                if exhausted {
                    seat.clear(side);
                }
                Poll::Ready(Ok(done))
            }
            Link::Runtime(fd) => {
                let mut guard = match side {
                    Side::Read => ready!(fd.poll_read_ready(cx))?,
                    Side::Write => ready!(fd.poll_write_ready(cx))?,
                };
                let (done, exhausted) = op(fd.get_ref().as_fd());
                if exhausted {
                    // Keeps what says "closed": tokio never clears it, so the end that came with the data is still seen.
                    guard.clear_ready();
                }
                Poll::Ready(Ok(done))
            }
        }
    }

    /// The same without waiting and without leaving a waker: `None` if nothing is known to be ready.
    #[inline]
    pub(crate) fn try_with<T>(&self, side: Side, op: impl FnOnce(BorrowedFd<'_>) -> (T, bool)) -> Option<T> {
        match &self.link {
            Link::Own(Seated(seat), fd) => {
                if !seat.is_ready(side) {
                    return None;
                }
                let (done, exhausted) = op(fd.as_fd());
                if exhausted {
                    seat.clear(side);
                }
                Some(done)
            }
            Link::Runtime(fd) => {
                let mut done = None;
                // Its own answer says whether readiness is to be cleared; ours is in `done`.
                let _ = fd.try_io(side.interest(), |fd| {
                    let (value, exhausted) = op(fd.as_fd());
                    done = Some(value);
                    if exhausted { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
                });
                done
            }
        }
    }

    /// Leaves the queue and gives the bare descriptor.
    pub(crate) fn into_inner(self) -> OwnedFd {
        match self.link {
            Link::Runtime(fd) => fd.into_inner(),
            Link::Own(seated, fd) => {
                // It is in the queue, so this does not fail.
                let _ = epoll::delete(&seated.0.queue.epoll, &fd);
                fd
            }
        }
    }
}

fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // JUSTIFICATION: tokio's safe constructors are deprecated, for they take types whose descriptor may change.
    // SAFETY: an OwnedFd is open, stays open until it is dropped with the AsyncFd, and always gives the same number.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(|e| e.into_parts().1)
}

/// What is known of a descriptor, and who waits for it.
#[derive(Debug)]
struct Seat {
    queue: Rc<Queue>,
    index: u32,
    state: Cell<u8>,
    reader: Waiter,
    writer: Waiter,
}

/// The waker is kept after it was told, for it is nearly always the next one's too.
#[derive(Default)]
struct Waiter(Cell<Option<Waker>>);

impl Waiter {
    fn keep(&self, waker: &Waker) {
        let kept = self.0.take().filter(|kept| kept.will_wake(waker));
        self.0.set(Some(kept.unwrap_or_else(|| waker.clone())));
    }

    fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake_by_ref();
            self.0.set(Some(waker));
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiter")
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue({:?})", self.epoll)
    }
}

impl Seat {
    #[inline]
    fn is_ready(&self, side: Side) -> bool {
        self.state.get() & (side.open() | side.closed()) != 0
    }

    #[inline]
    fn poll_ready(&self, cx: &mut Context<'_>, side: Side) -> Poll<bool> {
        if !self.is_ready(side) {
            self.state.set(self.state.get() | side.waiting());
            self.waiter(side).keep(cx.waker());
            return Poll::Pending;
        }
        // Who always finds something to do lets others run now and then.
        ready!(coop::poll_proceed(cx)).made_progress();
        Poll::Ready(self.state.get() & side.closed() != 0)
    }

    fn waiter(&self, side: Side) -> &Waiter {
        match side {
            Side::Read => &self.reader,
            Side::Write => &self.writer,
        }
    }

    /// The next use would block. What was closed stays so.
    #[inline]
    fn clear(&self, side: Side) {
        self.state.set(self.state.get() & !side.open());
    }

    fn happened(&self, flags: EventFlags) {
        let has = |flag| flags.contains(flag);
        let mut state = self.state.get();
        if flags.intersects(EventFlags::IN | EventFlags::PRI | EventFlags::ERR) {
            state |= READABLE;
        }
        if flags.intersects(EventFlags::OUT | EventFlags::ERR) {
            state |= WRITABLE;
        }
        if has(EventFlags::HUP) || has(EventFlags::IN | EventFlags::RDHUP) {
            state |= READ_CLOSED;
        }
        if has(EventFlags::HUP) || has(EventFlags::OUT | EventFlags::ERR) || flags == EventFlags::ERR {
            state |= WRITE_CLOSED;
        }
        let tell = |side: Side| state & side.waiting() != 0 && state & (side.open() | side.closed()) != 0;
        let (read, write) = (tell(Side::Read), tell(Side::Write));
        if read {
            state &= !READER;
        }
        if write {
            state &= !WRITER;
        }
        self.state.set(state);
        if read {
            self.reader.wake();
        }
        if write {
            self.writer.wake();
        }
    }
}

/// A seat in use; dropped, others may have its number.
#[derive(Debug)]
struct Seated(Rc<Seat>);

impl Drop for Seated {
    fn drop(&mut self) {
        let seat = self.0.queue.slots.borrow_mut().leave(self.0.index);
        // Its wakers may be the last of their tasks: nothing is borrowed any more.
        drop(seat);
    }
}

/// A thread's own queue of events.
struct Queue {
    epoll: OwnedFd,
    slots: RefCell<Slots>,
    events: RefCell<Vec<Event>>,
}

#[derive(Debug, Default)]
struct Slots {
    list: Vec<Slot>,
    free: Vec<u32>,
}

/// A number, and who has it. An event of an earlier owner, whose description another process may hold open for a moment,
/// shows by its generation.
#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    seat: Option<Rc<Seat>>,
}

impl Slots {
    fn take(&mut self) -> (u32, u32) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.list.push(Slot::default());
            self.list.len() as u32 - 1
        });
        (index, self.list.get(index as usize).map_or(0, |slot| slot.generation))
    }

    fn leave(&mut self, index: u32) -> Option<Rc<Seat>> {
        let slot = self.list.get_mut(index as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        slot.seat.take()
    }
}

thread_local! {
    static OWN: RefCell<Option<Rc<Queue>>> = const { RefCell::new(None) };
}

impl Queue {
    fn seat(queue: &Rc<Queue>, fd: &OwnedFd, write_too: bool) -> io::Result<Seated> {
        let (index, generation) = queue.slots.borrow_mut().take();
        let seat = Seated(Rc::new(Seat {
            queue: queue.clone(),
            index,
            state: Cell::new(0),
            reader: Waiter::default(),
            writer: Waiter::default(),
        }));
        if let Some(slot) = queue.slots.borrow_mut().list.get_mut(index as usize) {
            slot.seat = Some(seat.0.clone());
        }
        let mut flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        if write_too {
            flags |= EventFlags::OUT;
        }
        let data = u64::from(generation) << 32 | u64::from(index);
        epoll::add(&queue.epoll, fd, EventData::new_u64(data), flags)?;
        Ok(seat)
    }

    fn of(&self, data: u64) -> Option<Rc<Seat>> {
        let slots = self.slots.borrow();
        let slot = slots.list.get(data as u32 as usize)?;
        if u64::from(slot.generation) != data >> 32 {
            return None;
        }
        slot.seat.clone()
    }

    fn turn(&self) {
        let mut events = self.events.borrow_mut();
        loop {
            events.clear();
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&now)).is_err() {
                // EINTR: the next look will tell.
                return;
            }
            for event in events.iter() {
                if let Some(seat) = self.of(event.data.u64()) {
                    seat.happened(event.flags);
                }
            }
            if events.len() < events.capacity() {
                return;
            }
        }
    }
}

impl AsRawFd for Driver {
    fn as_raw_fd(&self) -> RawFd {
        self.0.epoll.as_raw_fd()
    }
}

/// Looks after a thread's own queue.
#[derive(Debug)]
pub struct Driver(Rc<Queue>);

/// Gives the thread a queue of its own. What is registered from here on belongs to it; the [`Driver`] has to run on this
/// thread's runtime.
pub fn own_queue() -> io::Result<Driver> {
    let queue = Rc::new(Queue {
        epoll: epoll::create(CreateFlags::CLOEXEC)?,
        slots: RefCell::default(),
        events: RefCell::new(Vec::with_capacity(EVENTS_MAX)),
    });
    OWN.replace(Some(queue.clone()));
    Ok(Driver(queue))
}

impl Drop for Driver {
    fn drop(&mut self) {
        // What is registered from now on is the runtime's: nobody would look here.
        OWN.with_borrow_mut(|own| own.take_if(|queue| Rc::ptr_eq(queue, &self.0)));
    }
}

impl Driver {
    /// Runs for ever.
    pub async fn run(self) -> io::Result<()> {
        let queue = self.0.clone();
        // JUSTIFICATION: as for other descriptors.
        // SAFETY: the queue, and with it its descriptor, lives as long as the AsyncFd that holds it.
        let waiting = unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) };
        let waiting = waiting.map_err(|e| e.into_parts().1)?;
        loop {
            let mut guard = waiting.readable().await?;
            queue.turn();
            guard.clear_ready();
        }
    }
}

/// Looks for events of the thread's own queue, without waiting: to be called before the runtime sleeps, so that under load
/// nobody has to be woken to look.
pub fn turn() {
    OWN.with_borrow(|own| {
        if let Some(queue) = own {
            queue.turn();
        }
    });
}
