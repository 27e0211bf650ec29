//! Outgoing connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{SocketFlags, SocketType, socket_with};
use socket2::SockRef;

use crate::addr::Addr;
use crate::sock::Sock;
use crate::sockopt::{self, KeepAlive};

/// How many ports of a source range one attempt tries: enough to pass a busy stretch, few enough not to stall a shard.
const SOURCE_PORT_TRIES_MAX: u32 = 64;

/// A range of source ports, handed out round robin to all who share it.
#[derive(Debug)]
pub struct PortRange {
    low: u16,
    count: u32,
    next: AtomicU32,
}

impl PortRange {
    /// Ports `low..=high`; `None` if that is empty.
    pub fn new(low: u16, high: u16) -> Option<PortRange> {
        let count = u32::from(high).checked_sub(u32::from(low))? + 1;
        Some(PortRange { low, count, next: AtomicU32::new(0) })
    }

    fn take(&self) -> u16 {
        let offset = self.next.fetch_add(1, Ordering::Relaxed) % self.count;
        // offset < count ≤ 65 536 − low, so the sum fits.
        self.low.wrapping_add(offset as u16)
    }
}

/// How to connect. The default is a plain socket with TCP_NODELAY.
#[derive(Clone, Debug)]
pub struct ConnectOpts {
    /// Source address; its port 0 lets the kernel choose.
    pub source: Option<SocketAddr>,
    /// Source ports to use with `source`.
    pub source_ports: Option<Arc<PortRange>>,
    /// `usesrc` and friends: refused for now with [`ConnectError::Unsupported`].
    pub transparent: bool,
    /// SO_BINDTODEVICE.
    pub interface: Option<Box<str>>,
    /// SO_MARK.
    pub mark: Option<u32>,
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// TCP_USER_TIMEOUT.
    pub tcp_user_timeout: Option<Duration>,
    /// SO_KEEPALIVE and its times.
    pub keepalive: Option<KeepAlive>,
    /// SO_SNDBUF.
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF.
    pub rcvbuf: Option<usize>,
    /// TCP_FASTOPEN_CONNECT.
    pub fastopen: bool,
    /// TCP_QUICKACK off before the handshake: its last segment waits for the first data, and a connection that is reset
    /// at once (a health check) never reaches the server's `accept`.
    pub delay_ack: bool,
}

impl Default for ConnectOpts {
    fn default() -> Self {
        ConnectOpts {
            source: None,
            source_ports: None,
            transparent: false,
            interface: None,
            mark: None,
            nodelay: true,
            tcp_user_timeout: None,
            keepalive: None,
            sndbuf: None,
            rcvbuf: None,
            fastopen: false,
            delay_ack: false,
        }
    }
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// This machine lacks descriptors or memory: another server would not help.
    #[error("no resources for a socket: {0}")]
    Resource(#[source] io::Error),
    /// The source address is not ours, or no source port is free.
    #[error("cannot use the source address: {0}")]
    Source(#[source] io::Error),
    /// The system refused an option.
    #[error("cannot set {option}: {source}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The other side or the way there: refused, reset, unreachable, timed out by the kernel.
    #[error("{0}")]
    Remote(#[source] io::Error),
    /// An address or option that has no meaning for a client.
    #[error("not possible for an outgoing connection")]
    Unsupported,
}

impl ConnectError {
    /// Whether trying again, or another server, may help.
    pub fn may_retry(&self) -> bool {
        match self {
            ConnectError::Remote(_) | ConnectError::Source(_) => true,
            ConnectError::Resource(_) | ConnectError::Option { .. } | ConnectError::Unsupported => false,
        }
    }

    /// What the system said, if it was asked.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            ConnectError::Remote(e) | ConnectError::Source(e) | ConnectError::Resource(e) => Some(e),
            ConnectError::Option { source, .. } => Some(source),
            ConnectError::Unsupported => None,
        }
    }
}

/// A connection on its way.
#[derive(Debug)]
pub struct Connecting {
    sock: Sock,
}

impl Connecting {
    /// Ready when the handshake is over. Success costs no system call: the reactor's event tells.
    pub fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        let hup = ready!(self.sock.poll_writable_or_hup(cx)).map_err(ConnectError::Resource)?;
        if !hup {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(match self.sock.take_error() {
            Ok(Some(e)) | Err(e) => Err(ConnectError::Remote(e)),
            // Connected, and closed again since: reading will tell.
            Ok(None) => Ok(()),
        })
    }

    /// Waits for the handshake.
    pub async fn finish(self) -> Result<Sock, ConnectError> {
        poll_fn(|cx| self.poll_finish(cx)).await?;
        Ok(self.sock)
    }

    /// The socket before the handshake is over: its first poll for writing waits for it, and fails with its error.
    pub fn into_sock(self) -> Sock {
        self.sock
    }
}

/// Starts a connection; a step that the kernel refuses at once is the error.
pub fn connect(addr: &Addr, opts: &ConnectOpts) -> Result<Connecting, ConnectError> {
    let Some(family) = addr.family() else { return Err(ConnectError::Unsupported) };
    if opts.transparent {
        return Err(ConnectError::Unsupported);
    }
    let any = addr.to_any().map_err(ConnectError::Remote)?;
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd =
        socket_with(family, SocketType::STREAM, flags, None).map_err(|e| ConnectError::Resource(e.into()))?;
    if let Addr::Inet(to) = addr {
        set_options(&fd, opts)?;
        bind_source(&fd, to, opts)?;
    }
    match rustix::net::connect(&fd, &any) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        // EAGAIN of TCP: no local port is free. Of UNIX: the listener's backlog is full.
        Err(e @ Errno::AGAIN) if matches!(addr, Addr::Inet(_)) => return Err(ConnectError::Source(e.into())),
        Err(e @ Errno::ADDRNOTAVAIL) => return Err(ConnectError::Source(e.into())),
        Err(e @ (Errno::NOMEM | Errno::NOBUFS)) => return Err(ConnectError::Resource(e.into())),
        Err(e) => return Err(ConnectError::Remote(e.into())),
    }
    Ok(Connecting { sock: Sock::register(fd).map_err(ConnectError::Resource)? })
}

fn set_options(fd: &OwnedFd, opts: &ConnectOpts) -> Result<(), ConnectError> {
    let s = SockRef::from(fd);
    if opts.nodelay {
        s.set_tcp_nodelay(true).map_err(failed("nodelay"))?;
    }
    if let Some(name) = &opts.interface {
        s.bind_device(Some(name.as_bytes())).map_err(failed("interface"))?;
    }
    if let Some(mark) = opts.mark {
        s.set_mark(mark).map_err(failed("mark"))?;
    }
    if let Some(d) = opts.tcp_user_timeout {
        s.set_tcp_user_timeout(Some(d)).map_err(failed("tcp-ut"))?;
    }
    if let Some(k) = opts.keepalive {
        k.apply(fd).map_err(failed("keep-alive"))?;
    }
    if let Some(n) = opts.sndbuf {
        s.set_send_buffer_size(n).map_err(failed("sndbuf"))?;
    }
    if let Some(n) = opts.rcvbuf {
        s.set_recv_buffer_size(n).map_err(failed("rcvbuf"))?;
    }
    if opts.delay_ack {
        rustix::net::sockopt::set_tcp_quickack(fd, false).map_err(|e| failed("quickack")(e.into()))?;
    }
    if opts.fastopen {
        sockopt::set_fastopen_connect(fd).map_err(failed("tfo"))?;
    }
    Ok(())
}

fn bind_source(fd: &OwnedFd, to: &SocketAddr, opts: &ConnectOpts) -> Result<(), ConnectError> {
    let Some(source) = opts.source else { return Ok(()) };
    if source.is_ipv4() != to.is_ipv4() {
        // As the original: a source of the other family does not apply to this server.
        return Ok(());
    }
    if let Some(range) = &opts.source_ports {
        let mut last = Errno::ADDRINUSE;
        for _ in 0..range.count.min(SOURCE_PORT_TRIES_MAX) {
            match rustix::net::bind(fd, &SocketAddr::new(source.ip(), range.take())) {
                Ok(()) => return Ok(()),
                Err(e @ Errno::ADDRINUSE) => last = e,
                Err(e) => return Err(ConnectError::Source(e.into())),
            }
        }
        return Err(ConnectError::Source(last.into()));
    }
    if source.port() == 0 {
        // Old kernels lack it, and then a port is used up earlier: no reason to fail.
        let _ = sockopt::set_bind_no_port(fd);
    } else {
        SockRef::from(fd).set_reuse_address(true).map_err(failed("reuse-address"))?;
    }
    rustix::net::bind(fd, &source).map_err(|e| ConnectError::Source(e.into()))
}

fn failed(option: &'static str) -> impl Fn(io::Error) -> ConnectError {
    move |source| ConnectError::Option { option, source }
}
