//! What a client or a server does on a connection, told by a table.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::wire::{End, Wire};

/// One thing that it does.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Sends these bytes.
    Send(&'static str),
    /// Sends so many letters.
    Fill(usize),
    /// Reads a request with its body.
    Request,
    /// Reads an answer with its body.
    Reply,
    /// Reads an answer without a body: to HEAD.
    ReplyHead,
    /// Reads until these bytes have come.
    Until(&'static str),
    /// Reads to the end.
    ToEnd,
    /// Sends the end of stream and goes on reading.
    HalfClose,
    /// Resets, and that is the end.
    Reset,
    /// Opens a gate for others.
    Open(&'static str),
    /// Waits until a gate is open.
    Wait(&'static str),
    /// Does nothing for so many milliseconds: what is waited for (a timer's end, the system's quiet) has no event that can
    /// be seen from here.
    Pause(u64),
}

/// Gates that the actors of one play open and wait for.
#[derive(Debug, Default)]
pub struct Gates {
    open: Mutex<BTreeSet<&'static str>>,
    opened: Condvar,
}

impl Gates {
    /// Opens one.
    pub fn open(&self, gate: &'static str) {
        self.lock().insert(gate);
        self.opened.notify_all();
    }

    /// Waits for one; gives up with the test's patience.
    pub fn wait(&self, gate: &'static str) {
        let deadline = Instant::now() + PATIENCE;
        let mut open = self.lock();
        while !open.contains(gate) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            open = self.opened.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// All bytes that came.
    pub got: Vec<u8>,
    /// How they ended, if they did while it read.
    pub end: Option<End>,
}

/// Acts out a script. Stops where the other side has ended and more was to be read.
pub fn play(mut wire: Wire, steps: &[Step], gates: &Gates) -> Transcript {
    let mut end = None;
    for step in steps {
        let ended = match *step {
            Step::Send(text) => {
                wire.send(text);
                None
            }
            Step::Fill(n) => {
                wire.send(filling(n));
                None
            }
            Step::Request => wire.request().err(),
            Step::Reply => wire.reply().err(),
            Step::ReplyHead => wire.reply_head().err(),
            Step::Until(text) => wire.until(text.as_bytes()).err(),
            Step::ToEnd => {
                end = Some(wire.to_end().1);
                None
            }
            Step::HalfClose => {
                wire.half_close();
                None
            }
            Step::Reset => {
                let got = std::mem::take(&mut wire.got);
                wire.reset();
                return Transcript { got, end };
            }
            Step::Open(gate) => {
                gates.open(gate);
                None
            }
            Step::Wait(gate) => {
                gates.wait(gate);
                None
            }
            Step::Pause(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                None
            }
        };
        if ended.is_some() {
            end = ended;
            // Gates that others wait for are opened all the same.
            for step in steps {
                if let Step::Open(gate) = step {
                    gates.open(gate);
                }
            }
            break;
        }
    }
    Transcript { got: std::mem::take(&mut wire.got), end }
}

/// So many letters, in lines that are no header fields.
pub fn filling(n: usize) -> Vec<u8> {
    b"abcdefghijklmnopqrstuvwxyz0123456789\n".iter().copied().cycle().take(n).collect()
}
