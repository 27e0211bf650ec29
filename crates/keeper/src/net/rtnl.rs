//! Requests to the routing family: batches with one answer each, and dumps. Synchronous: the kernel does the work inside the
//! system call, so there is nothing to wait for but its lock.

use std::io;
use std::time::Duration;

use evenkeel_sys::netlink::{Netlink, Protocol};
use evenkeel_wire::netlink::rt::News;
use evenkeel_wire::netlink::{ACK, DUMP_INTERRUPTED, Heard, KIND_DONE, KIND_ERROR, Message, messages};

/// Requests that one call carries: their answers fit the socket's buffer.
const BATCH_MAX: usize = 64;
/// An answer that takes longer is given up; the kernel answers before the request's call returns.
const PATIENCE: Duration = Duration::from_secs(2);
/// A dump that changes under the reader's hands is read again so many times.
const DUMPS_MAX: u32 = 5;
/// Room for answers.
const BUFFER: usize = 1 << 20;

/// `EEXIST`: it is there already.
pub(crate) const EXISTS: i32 = 17;
/// `EADDRNOTAVAIL`: no such address.
pub(crate) const NO_ADDRESS: i32 = 99;
/// `ENODEV`: no such interface.
pub(crate) const NO_DEVICE: i32 = 19;
/// `ESRCH`: no such route.
pub(crate) const NO_ROUTE: i32 = 3;
/// `ENOENT`: no such rule.
pub(crate) const NO_ENTRY: i32 = 2;

/// A socket for requests.
#[derive(Debug)]
pub(crate) struct Rtnl {
    socket: Netlink,
    sequence: u32,
    buf: Vec<u8>,
}

impl Rtnl {
    pub(crate) fn open() -> io::Result<Rtnl> {
        let socket = Netlink::open(Protocol::Route, &[])?;
        socket.set_patience(Some(PATIENCE))?;
        // The default has room for a batch's answers; more is only better.
        let _ = socket.set_receive_buffer(BUFFER);
        Ok(Rtnl { socket, sequence: 0, buf: vec![0; 32 << 10] })
    }

    /// Carries out all requests, in order, and tells each one's outcome: `Ok`, or the system's number.
    pub(crate) fn carry_out(&mut self, requests: Vec<Message>) -> Vec<Result<(), i32>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let first = self.sequence.wrapping_add(1);
            let mut bytes = Vec::new();
            let mut count = 0usize;
            for message in requests.by_ref().take(BATCH_MAX) {
                self.sequence = self.sequence.wrapping_add(1);
                bytes.extend(message.finish(self.sequence));
                count += 1;
            }
            outcomes.extend(self.exchange(&bytes, first, count));
        }
        outcomes
    }

    /// One request.
    pub(crate) fn one(&mut self, request: Message) -> Result<(), i32> {
        self.carry_out(vec![request]).pop().unwrap_or(Ok(()))
    }

    fn exchange(&mut self, bytes: &[u8], first: u32, count: usize) -> Vec<Result<(), i32>> {
        let mut outcomes: Vec<Option<Result<(), i32>>> = vec![None; count];
        let failed = |e: &io::Error| Err(e.raw_os_error().unwrap_or(5));
        if let Err(e) = self.socket.send(bytes) {
            return vec![failed(&e); count];
        }
        while outcomes.iter().any(Option::is_none) {
            let n = match self.socket.receive(&mut self.buf) {
                Ok(n) => n,
                Err(e) => return outcomes.into_iter().map(|o| o.unwrap_or_else(|| failed(&e))).collect(),
            };
            for heard in messages(self.buf.get(..n).unwrap_or_default()) {
                let at = usize::try_from(heard.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                if heard.kind == KIND_ERROR
                    && let Some(place) = outcomes.get_mut(at)
                {
                    *place = Some(match heard.error() {
                        0 => Ok(()),
                        errno => Err(errno),
                    });
                }
            }
        }
        outcomes.into_iter().map(|o| o.unwrap_or(Ok(()))).collect()
    }

    /// Everything of one kind: the question's kind, and its fixed part.
    pub(crate) fn dump(&mut self, kind: u16, fixed: &[u8]) -> io::Result<Vec<News>> {
        for _ in 0..DUMPS_MAX {
            if let Some(news) = self.try_dump(kind, fixed)? {
                return Ok(news);
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn try_dump(&mut self, kind: u16, fixed: &[u8]) -> io::Result<Option<Vec<News>>> {
        use evenkeel_wire::netlink::{DUMP, REQUEST};
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.socket.send(&Message::new(kind, REQUEST | DUMP, fixed).finish(sequence))?;
        let mut news = Vec::new();
        let mut whole = true;
        loop {
            let n = self.socket.receive(&mut self.buf)?;
            let mine = |h: &Heard<'_>| h.sequence == sequence;
            for heard in messages(self.buf.get(..n).unwrap_or_default()).filter(mine) {
                whole &= heard.flags & DUMP_INTERRUPTED == 0;
                match heard.kind {
                    KIND_DONE => return Ok(whole.then_some(news)),
                    KIND_ERROR => return Err(io::Error::from_raw_os_error(heard.error())),
                    _ => news.extend(News::read(&heard)),
                }
            }
        }
    }
}

/// A request that is acknowledged.
pub(crate) fn request(kind: u16, flags: u16, fixed: &[u8]) -> Message {
    Message::new(kind, evenkeel_wire::netlink::REQUEST | ACK | flags, fixed)
}

/// The system's words for a number.
pub(crate) fn words(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
