//! A non-blocking stream socket, registered once with tokio's reactor. The proxy's hot path: system calls are counted.
//!
//! The rule: try the call when the reactor says ready; remember what the answer tells about readiness; never ask twice.
//! A short read means that the socket is drained (readiness is edge-triggered, so more data wakes us again); a short
//! write means that its buffer is full. The one exception is the end of the stream: once the peer's FIN was seen, reads
//! stay ready until they return 0, or data and FIN in one event would hang.
//!
//! Out-of-band data splits a read as if the socket were drained; such a peer delays only itself, as with the original.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};
use rustix::pipe::{SpliceFlags, splice};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::addr::Addr;
use crate::pipe::Pipe;
use crate::reactor;

/// How often one poll may meet "would block" although the reactor says ready. The first clears a stale readiness; a second
/// would mean a state that clearing does not reach, and then the task yields rather than spin.
const STALE_READY_MAX: u32 = 2;

/// What the reactor knows about the reading side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Something may be there to read.
    Data,
    /// The peer has finished or reset; data may still lie before the end.
    Closed,
}

/// What one splice into a pipe did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spliced {
    /// This many bytes are in the pipe now; 0 is the end of the stream.
    Moved(usize),
    /// Nothing moved while the pipe held bytes: it may be full in pages. Empty it, then try again.
    PipeBusy,
}

/// What a call's answer says about the side that it used.
enum After<T> {
    /// There may be more: ask again without waiting.
    More(T),
    /// Drained, or full: the next call would block.
    Exhausted(T),
}

/// A stream socket: TCP, UNIX or adopted.
#[derive(Debug)]
pub struct Sock {
    fd: AsyncFd<OwnedFd>,
}

impl Sock {
    /// Takes a connected (or connecting) non-blocking socket and registers it with the current runtime.
    ///
    /// Call `connect` before: an unconnected TCP socket reports itself hung up, and that sticks.
    pub(crate) fn register(fd: OwnedFd) -> io::Result<Sock> {
        Ok(Sock { fd: reactor::register(fd, Interest::READABLE | Interest::WRITABLE)? })
    }

    /// Adopts any connected stream socket: makes it non-blocking and registers it.
    pub fn adopt(fd: OwnedFd) -> io::Result<Sock> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Sock::register(fd)
    }

    // ---- reading

    /// Reads into `buf`; 0 is the end of the stream.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, |fd| recv_step(fd, buf))
    }

    /// Reads into memory that need not be initialized; the first `n` bytes are, afterwards.
    pub fn poll_recv_uninit(
        &self,
        cx: &mut Context<'_>,
        buf: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_with(cx, |fd| {
            let asked = buf.len();
            let (_, n) = rustix::net::recv(fd, &mut *buf, RecvFlags::empty())?;
            Ok(after_recv(n, asked))
        })
    }

    /// Appends to `buf` what fits into its spare capacity. With no spare capacity, 0 means nothing: reserve before.
    pub fn poll_recv_vec(&self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        debug_assert!(buf.capacity() > buf.len(), "reserve before reading, or 0 would look like the end");
        self.poll_read_with(cx, |fd| {
            let asked = buf.capacity() - buf.len();
            let (_, n) = rustix::net::recv(fd, spare_capacity(buf), RecvFlags::empty())?;
            Ok(after_recv(n, asked))
        })
    }

    /// Reads if the reactor knows of data, without waiting and without leaving a waker. `WouldBlock` costs no system call
    /// when nothing is known.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_with(Interest::READABLE, |fd| recv_step(fd, buf))
    }

    /// Reads at once whatever the reactor knows: for a socket just accepted, whose data may be there before the first
    /// event. `WouldBlock` leaves nothing armed: poll afterwards.
    pub fn recv_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(&self.fd, buf, RecvFlags::empty())?.1)
    }

    /// Moves up to `max` bytes from the socket into `pipe` without copying them through this process.
    pub fn poll_splice_in(&self, cx: &mut Context<'_>, pipe: &Pipe, max: usize) -> Poll<io::Result<Spliced>> {
        self.poll_read_with(cx, |fd| {
            match splice(fd, None, &pipe.write, None, max, SpliceFlags::MOVE | SpliceFlags::NONBLOCK) {
                Ok(n) => {
                    pipe.filled(n);
                    // A short splice may as well mean that the pipe's pages ran out: nothing is known of the socket.
                    Ok(After::More(Spliced::Moved(n)))
                }
                Err(Errno::AGAIN) if !pipe.is_empty() => Ok(After::More(Spliced::PipeBusy)),
                Err(e) => Err(e),
            }
        })
    }

    /// Ready when a read would not wait, as far as the reactor knows (a hint: after a full read it may be stale).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<Seen>> {
        let guard = ready!(self.fd.poll_read_ready(cx))?;
        Poll::Ready(Ok(if guard.ready().is_read_closed() { Seen::Closed } else { Seen::Data }))
    }

    /// Nothing to read and not closed: what a pooled idle connection must be. No system call in the common cases; when the
    /// reactor's knowledge may be stale, one peek settles it.
    pub fn is_quiet(&self) -> bool {
        let probe = self.fd.try_io(Interest::READABLE, |fd| {
            let mut byte = [0u8; 1];
            Ok(rustix::net::recv(fd, &mut byte, RecvFlags::PEEK).map(|_| ())?)
        });
        matches!(probe, Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    // ---- writing

    /// Writes what fits.
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |fd| send_step(fd, buf, SendFlags::NOSIGNAL))
    }

    /// Writes what fits, and lets the kernel hold back a last partial segment: more follows at once.
    pub fn poll_send_more(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |fd| send_step(fd, buf, SendFlags::NOSIGNAL | SendFlags::MORE))
    }

    /// Writes what fits of several pieces, in one call.
    pub fn poll_send_vectored(&self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |fd| send_vectored_step(fd, bufs, SendFlags::NOSIGNAL))
    }

    /// As [`Sock::poll_send_vectored`], with more to follow at once.
    pub fn poll_send_vectored_more(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |fd| send_vectored_step(fd, bufs, SendFlags::NOSIGNAL | SendFlags::MORE))
    }

    /// Writes if the reactor knows of room, without waiting and without leaving a waker.
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_with(Interest::WRITABLE, |fd| send_step(fd, buf, SendFlags::NOSIGNAL))
    }

    /// Writes at once whatever the reactor knows. `WouldBlock` leaves nothing armed: poll afterwards.
    pub fn send_now(&self, buf: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(&self.fd, buf, SendFlags::NOSIGNAL)?)
    }

    /// Moves up to `max` bytes from `pipe` to the socket; 0 if the pipe is empty. `more` tells the kernel that more follows.
    ///
    /// Needs SIGPIPE ignored, as Rust's runtime leaves it.
    pub fn poll_splice_out(
        &self,
        cx: &mut Context<'_>,
        pipe: &Pipe,
        max: usize,
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let len = max.min(pipe.len());
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let mut flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        if more {
            flags |= SpliceFlags::MORE;
        }
        self.poll_write_with(cx, |fd| {
            let n = splice(&pipe.read, None, fd, None, len, flags)?;
            pipe.drained(n);
            Ok(After::More(n))
        })
    }

    /// Ready when a write would not wait, as far as the reactor knows.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writable_or_hup(cx).map_ok(|_hup| ())
    }

    /// As [`Sock::poll_writable`], and whether the socket reported an error or hang-up with it.
    pub(crate) fn poll_writable_or_hup(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let guard = ready!(self.fd.poll_write_ready(cx))?;
        Poll::Ready(Ok(guard.ready().is_write_closed()))
    }

    // ---- the same for callers that are futures themselves

    /// Reads once; 0 is the end of the stream.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_recv(cx, buf)).await
    }

    /// Writes all of `buf`.
    pub async fn send_all(&self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let n = poll_fn(|cx| self.poll_send(cx, buf)).await?;
            buf = buf.get(n..).unwrap_or_default();
        }
        Ok(())
    }

    // ---- the rest

    /// Sends our FIN; reading goes on.
    pub fn shutdown_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.fd, Shutdown::Write)?)
    }

    /// Closing will tell the peer nothing (`silent-drop`): the kernel forgets the connection where it lets us (TCP_REPAIR,
    /// needs CAP_NET_ADMIN); elsewhere the RST is sent with a TTL of 1, so that it does not get past the first router.
    pub fn forget_peer(&self) {
        let sock = SockRef::from(&self.fd);
        if crate::sockopt::set_repair(&self.fd).is_ok() {
            return;
        }
        // Best effort: a socket that refuses these closes as any other.
        let _ = sock.set_ttl_v4(1);
        let _ = sock.set_linger(Some(std::time::Duration::ZERO));
    }

    /// Closing will send RST and leave no TIME_WAIT.
    pub fn set_linger_zero(&self) -> io::Result<()> {
        SockRef::from(&self.fd).set_linger(Some(std::time::Duration::ZERO))
    }

    /// Sets TCP_NODELAY; listeners set it once for all that they accept.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.fd).set_tcp_nodelay(on)
    }

    /// Takes the pending error, if any (`SO_ERROR`).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.fd).take_error()
    }

    /// The peer's address: a system call, so not per request (accepting gives it for free).
    pub fn peer_addr(&self) -> io::Result<Addr> {
        Ok(match rustix::net::getpeername(&self.fd)? {
            Some(any) => Addr::from_any(any),
            None => Addr::Unix(Default::default()),
        })
    }

    /// Our address: a system call, so on demand only.
    pub fn local_addr(&self) -> io::Result<Addr> {
        Ok(Addr::from_any(rustix::net::getsockname(&self.fd)?))
    }

    /// Leaves the reactor and gives the bare descriptor.
    pub fn into_fd(self) -> OwnedFd {
        self.fd.into_inner()
    }

    #[inline]
    fn poll_read_with<T>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(BorrowedFd<'_>) -> Result<After<T>, Errno>,
    ) -> Poll<io::Result<T>> {
        for _ in 0..STALE_READY_MAX {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match op(self.fd.get_ref().as_fd()) {
                Ok(After::More(v)) => return Poll::Ready(Ok(v)),
                Ok(After::Exhausted(v)) => {
                    // Keeps READ_CLOSED: tokio never clears it, so the end that came with the data is still seen.
                    guard.clear_ready();
                    return Poll::Ready(Ok(v));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    #[inline]
    fn poll_write_with<T>(
        &self,
        cx: &mut Context<'_>,
        mut op: impl FnMut(BorrowedFd<'_>) -> Result<After<T>, Errno>,
    ) -> Poll<io::Result<T>> {
        for _ in 0..STALE_READY_MAX {
            let mut guard = ready!(self.fd.poll_write_ready(cx))?;
            match op(self.fd.get_ref().as_fd()) {
                Ok(After::More(v)) => return Poll::Ready(Ok(v)),
                Ok(After::Exhausted(v)) => {
                    guard.clear_ready();
                    return Poll::Ready(Ok(v));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(e) => return Poll::Ready(Err(e.into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    #[inline]
    fn try_with<T>(
        &self,
        interest: Interest,
        op: impl FnOnce(BorrowedFd<'_>) -> Result<After<T>, Errno>,
    ) -> io::Result<T> {
        let mut done = None;
        let outcome = self.fd.try_io(interest, |fd| match op(fd.as_fd()) {
            Ok(After::More(v)) => {
                done = Some(v);
                Ok(())
            }
            Ok(After::Exhausted(v)) => {
                done = Some(v);
                // Makes tokio clear the readiness; the value is in `done`.
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(e) => Err(e.into()),
        });
        match (done, outcome) {
            (Some(v), _) => Ok(v),
            (None, Err(e)) => Err(e),
            (None, Ok(())) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsRawFd for Sock {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Sock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.get_ref().as_fd()
    }
}

#[inline]
fn recv_step(fd: BorrowedFd<'_>, buf: &mut [u8]) -> Result<After<usize>, Errno> {
    let asked = buf.len();
    let (_, n) = rustix::net::recv(fd, buf, RecvFlags::empty())?;
    Ok(after_recv(n, asked))
}

#[inline]
fn after_recv(n: usize, asked: usize) -> After<usize> {
    // The end is not "drained": it stays, and must be seen again by whoever asks again.
    if n == 0 || n >= asked { After::More(n) } else { After::Exhausted(n) }
}

#[inline]
fn send_step(fd: BorrowedFd<'_>, buf: &[u8], flags: SendFlags) -> Result<After<usize>, Errno> {
    let n = rustix::net::send(fd, buf, flags)?;
    Ok(if n < buf.len() { After::Exhausted(n) } else { After::More(n) })
}

#[inline]
fn send_vectored_step(
    fd: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    flags: SendFlags,
) -> Result<After<usize>, Errno> {
    if let [one] = bufs {
        return send_step(fd, one, flags);
    }
    let total: usize = bufs.iter().map(|b| b.len()).sum();
    let n = rustix::net::sendmsg(fd, bufs, &mut SendAncillaryBuffer::default(), flags)?;
    Ok(if n < total { After::Exhausted(n) } else { After::More(n) })
}
