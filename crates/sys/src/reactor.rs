//! The one place where a descriptor meets tokio's reactor.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers `fd` once, edge-triggered, with the current runtime; needs one with I/O enabled.
pub(crate) fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // JUSTIFICATION: tokio's safe constructors are deprecated, for they take types whose descriptor may change.
    // SAFETY: an OwnedFd is open, stays open until it is dropped with the AsyncFd, and always gives the same number.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(|e| e.into_parts().1)
}
