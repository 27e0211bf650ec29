//! A pipe for splice: the kernel's own buffer between two sockets. Who pools them is the caller's business.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

/// A non-blocking pipe that knows how many bytes it holds.
#[derive(Debug)]
pub struct Pipe {
    pub(crate) read: OwnedFd,
    pub(crate) write: OwnedFd,
    capacity: usize,
    len: Cell<usize>,
}

impl Pipe {
    /// A pipe of about `size` bytes (the kernel rounds up to pages). Where the system allows less (an unprivileged user's
    /// `pipe-max-size` or page quota), it stays at the default 64 KiB; [`Pipe::capacity`] tells.
    pub fn new(size: usize) -> io::Result<Pipe> {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        let capacity = match fcntl_setpipe_size(&write, size) {
            Ok(actual) => actual,
            Err(_) => rustix::pipe::fcntl_getpipe_size(&write)?,
        };
        Ok(Pipe { read, write, capacity, len: Cell::new(0) })
    }

    /// Bytes inside.
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Nothing inside: may go back to a pool.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Most bytes that could be inside; fewer fit when they arrive in small segments, for each takes a page.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn filled(&self, n: usize) {
        self.len.set(self.len.get().saturating_add(n));
    }

    pub(crate) fn drained(&self, n: usize) {
        debug_assert!(n <= self.len.get(), "a pipe gives no more than it got");
        self.len.set(self.len.get().saturating_sub(n));
    }
}
