//! What a server has done and what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many requests a server remembers: enough for a test's burst.
const SEEN_MAX: usize = 256;

/// Numbers since the server was made; stopping and starting keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests answered, bad ones included.
    pub requests: u64,
    /// Answers of 500 and above.
    pub errors: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Bytes of request bodies.
    pub bytes_in: u64,
    /// Bytes of response bodies.
    pub bytes_out: u64,
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who sent it: the proxy's address, if there is one between.
    pub peer: SocketAddr,
    /// Request line and headers, byte for byte, with the empty line.
    pub head: Vec<u8>,
    /// The body's size.
    pub body_len: u64,
    /// The body's CRC-32.
    pub body_crc: u32,
}

impl Seen {
    /// The value of the first header called `name`, whatever its case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    /// The values of all headers called `name`, in order.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.head);
        let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()).collect()
    }

    /// The request line.
    pub fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.head);
        text.split("\r\n").next().unwrap_or_default().to_owned()
    }
}

#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) requests: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    seen: Mutex<VecDeque<Seen>>,
}

impl Book {
    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn see(&self, request: Seen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back(request);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |c: &AtomicU64| c.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            errors: read(&self.errors),
            connections: read(&self.connections),
            open: read(&self.open),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
        }
    }
}
