//! Listening sockets. [`Bound`] is open but asleep: made early, with privileges, and sent to its shard; [`Listener`] is
//! registered with that shard's runtime and accepts.
#![allow(unsafe_code)]

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::net::{Shutdown, SocketFlags, SocketType, acceptfrom_with, socket_with};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::addr::Addr;
use crate::reactor;
use crate::sock::Sock;
use crate::sockopt::{self, KeepAlive};

/// Connections that died in the queue are skipped; after this many in one poll the task yields.
const DEAD_ACCEPTS_MAX: u32 = 64;

/// Connections that may wait to be accepted where nothing says otherwise (the kernel caps it by net.core.somaxconn).
pub const BACKLOG_DEFAULT: u32 = 4096;

/// How to listen.
#[derive(Clone, Debug)]
pub struct ListenOpts {
    /// SO_REUSEPORT: one socket per shard, and a new process beside the old.
    pub reuseport: bool,
    /// The queue's length.
    pub backlog: u32,
    /// IPV6_V6ONLY: `Some(true)` for `v6only`, `Some(false)` for `v4v6`, `None` leaves the system's value.
    pub v6only: Option<bool>,
    /// IP_TRANSPARENT, which also allows addresses that are not ours (yet).
    pub transparent: bool,
    /// SO_BINDTODEVICE.
    pub interface: Option<Box<str>>,
    /// TCP_MAXSEG.
    pub mss: Option<u16>,
    /// TCP_DEFER_ACCEPT, seconds.
    pub defer_accept: Option<u16>,
    /// TCP_FASTOPEN queue length.
    pub fastopen: Option<u16>,
    /// TCP_NODELAY, inherited by accepted connections.
    pub nodelay: bool,
    /// TCP_USER_TIMEOUT, inherited.
    pub tcp_user_timeout: Option<Duration>,
    /// SO_KEEPALIVE and its times, inherited.
    pub keepalive: Option<KeepAlive>,
    /// SO_SNDBUF, inherited.
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF, inherited.
    pub rcvbuf: Option<usize>,
    /// A UNIX socket's owner.
    pub uid: Option<u32>,
    /// A UNIX socket's group.
    pub gid: Option<u32>,
    /// A UNIX socket's permissions.
    pub mode: Option<u32>,
}

impl Default for ListenOpts {
    fn default() -> Self {
        ListenOpts {
            reuseport: true,
            backlog: BACKLOG_DEFAULT,
            v6only: None,
            transparent: false,
            interface: None,
            mss: None,
            defer_accept: None,
            fastopen: None,
            nodelay: true,
            tcp_user_timeout: None,
            keepalive: None,
            sndbuf: None,
            rcvbuf: None,
            uid: None,
            gid: None,
            mode: None,
        }
    }
}

/// The step of opening a listener that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindStep {
    /// Making the socket.
    Socket,
    /// Setting the named option.
    Option(&'static str),
    /// Binding the address.
    Bind,
    /// Owner, group or mode of a UNIX socket.
    Permissions,
    /// Putting the UNIX socket in its place.
    Rename,
    /// Listening.
    Listen,
    /// Taking over a descriptor.
    Adopt,
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} ({step:?}): {source}")]
pub struct BindError {
    /// Where.
    pub addr: Addr,
    /// At which step.
    pub step: BindStep,
    /// What the system said.
    pub source: io::Error,
}

impl BindError {
    /// Somebody else has the address.
    pub fn in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

/// Why accepting stopped.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Out of descriptors or memory: the connection still waits in the queue; try again after a pause.
    #[error("cannot accept for now: {0}")]
    Later(#[source] io::Error),
    /// The listener is of no more use.
    #[error("listener failed: {0}")]
    Fatal(#[source] io::Error),
}

/// An open listening socket that no runtime knows yet.
#[derive(Debug)]
pub struct Bound {
    fd: OwnedFd,
    addr: Addr,
    backlog: i32,
}

impl Bound {
    /// Opens, binds and listens. A UNIX path is taken over in one step: at every moment it leads to a listening socket.
    pub fn bind(addr: &Addr, opts: &ListenOpts) -> Result<Bound, BindError> {
        let fail = |step: BindStep| move |e: io::Error| BindError { addr: addr.clone(), step, source: e };
        let Some(family) = addr.family() else { return Bound::adopt_addr(addr) };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = socket_with(family, SocketType::STREAM, flags, None)
            .map_err(|e| fail(BindStep::Socket)(e.into()))?;
        let backlog = i32::try_from(opts.backlog).unwrap_or(i32::MAX);
        let listen =
            |fd: &OwnedFd| rustix::net::listen(fd, backlog).map_err(|e| fail(BindStep::Listen)(e.into()));
        match addr {
            Addr::Inet(_) => {
                set_inet_options(&fd, addr, opts).map_err(|(o, e)| fail(BindStep::Option(o))(e))?;
                let any = addr.to_any().map_err(fail(BindStep::Bind))?;
                rustix::net::bind(&fd, &any).map_err(|e| fail(BindStep::Bind)(e.into()))?;
                listen(&fd)?;
            }
            Addr::Abstract(_) => {
                let any = addr.to_any().map_err(fail(BindStep::Bind))?;
                rustix::net::bind(&fd, &any).map_err(|e| fail(BindStep::Bind)(e.into()))?;
                listen(&fd)?;
            }
            Addr::Unix(path) => {
                // The final path must fit as well: clients connect to it.
                addr.to_any().map_err(fail(BindStep::Bind))?;
                let temp = Unlinked { path: temp_beside(path), kept: false };
                // A leftover of a process that had our number.
                let _ = std::fs::remove_file(&temp.path);
                let any = Addr::Unix(temp.path.clone()).to_any().map_err(fail(BindStep::Bind))?;
                rustix::net::bind(&fd, &any).map_err(|e| fail(BindStep::Bind)(e.into()))?;
                set_permissions(&temp.path, opts).map_err(fail(BindStep::Permissions))?;
                listen(&fd)?;
                std::fs::rename(&temp.path, path).map_err(fail(BindStep::Rename))?;
                temp.keep();
            }
            Addr::Fd(_) => return Bound::adopt_addr(addr),
        }
        Ok(Bound { fd, addr: addr.clone(), backlog })
    }

    /// Takes over descriptor `n`, inherited from whoever started us (`fd@N`): our own copy of it, so that several lines may
    /// name the same one; the original stays open for a successor. Listens if it does not yet.
    pub fn adopt(n: RawFd) -> Result<Bound, BindError> {
        Bound::adopt_addr(&Addr::Fd(n))
    }

    fn adopt_addr(addr: &Addr) -> Result<Bound, BindError> {
        let fail = |e: io::Error| BindError { addr: addr.clone(), step: BindStep::Adopt, source: e };
        let n = match addr {
            Addr::Fd(n) if *n >= 0 => *n,
            Addr::Fd(_) | Addr::Inet(_) | Addr::Unix(_) | Addr::Abstract(_) => {
                return Err(fail(io::ErrorKind::InvalidInput.into()));
            }
        };
        // JUSTIFICATION: a number from the configuration is all there is; the kernel checks it (EBADF).
        // SAFETY: n is not −1, and the borrow lives only for the call that duplicates it, which fails if it is not open.
        let theirs = unsafe { BorrowedFd::borrow_raw(n) };
        let fd = rustix::io::fcntl_dupfd_cloexec(theirs, 3).map_err(|e| fail(e.into()))?;
        rustix::io::ioctl_fionbio(&fd, true).map_err(|e| fail(e.into()))?;
        let backlog = BACKLOG_DEFAULT as i32;
        match rustix::net::sockopt::socket_acceptconn(&fd) {
            Ok(true) => {}
            Ok(false) => rustix::net::listen(&fd, backlog).map_err(|e| fail(e.into()))?,
            Err(e) => return Err(fail(e.into())),
        }
        Ok(Bound { fd, addr: addr.clone(), backlog })
    }

    /// Another handle on the same socket and queue, for another shard.
    pub fn try_clone(&self) -> io::Result<Bound> {
        Ok(Bound { fd: self.fd.try_clone()?, addr: self.addr.clone(), backlog: self.backlog })
    }

    /// The address that was asked for.
    pub fn addr(&self) -> &Addr {
        &self.addr
    }

    /// The address that it has: tells the port where 0 was asked for.
    pub fn local_addr(&self) -> io::Result<Addr> {
        local_addr(&self.addr, &self.fd)
    }

    /// Takes it out of [`Listener::pause`].
    pub fn resume(&self) -> io::Result<()> {
        Ok(rustix::net::listen(&self.fd, self.backlog)?)
    }

    /// Wakes it up: registers it with the current runtime.
    pub fn register(self) -> io::Result<Listener> {
        let Bound { fd, addr, backlog } = self;
        Ok(Listener { fd: reactor::register(fd, Interest::READABLE)?, addr, backlog })
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A listening socket on its shard.
#[derive(Debug)]
pub struct Listener {
    fd: AsyncFd<OwnedFd>,
    addr: Addr,
    backlog: i32,
}

impl Listener {
    /// [`Bound::bind`] and [`Bound::register`] in one.
    pub fn bind(addr: &Addr, opts: &ListenOpts) -> Result<Listener, BindError> {
        Bound::bind(addr, opts)?.register().map_err(|e| BindError {
            addr: addr.clone(),
            step: BindStep::Listen,
            source: e,
        })
    }

    /// The next connection and who made it (the address comes with it, at no extra cost).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<(Sock, Addr), AcceptError>> {
        for _ in 0..DEAD_ACCEPTS_MAX {
            let mut guard = ready!(self.fd.poll_read_ready(cx)).map_err(AcceptError::Fatal)?;
            match acceptfrom_with(&self.fd, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok((fd, peer)) => {
                    let sock = Sock::register(fd).map_err(AcceptError::Later)?;
                    return Poll::Ready(Ok((sock, peer.map_or(Addr::Unix(PathBuf::new()), Addr::from_any))));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(e @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    return Poll::Ready(Err(AcceptError::Later(e.into())));
                }
                Err(e @ (Errno::BADF | Errno::FAULT | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP)) => {
                    return Poll::Ready(Err(AcceptError::Fatal(e.into())));
                }
                // accept(2): errors already pending on the new connection are passed on; that one is gone, the next may
                // be well (ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EPERM of a firewall, EINTR, …).
                Err(_) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> Result<(Sock, Addr), AcceptError> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The address that was asked for.
    pub fn addr(&self) -> &Addr {
        &self.addr
    }

    /// The address that it has.
    pub fn local_addr(&self) -> io::Result<Addr> {
        local_addr(&self.addr, &self.fd)
    }

    /// Stops listening but keeps the address (SIGTTOU): connections are refused until [`Bound::resume`]. TCP only, and
    /// a port that the kernel chose (0 was asked for) is given back.
    pub fn pause(self) -> io::Result<Bound> {
        let bound = self.into_bound();
        if bound.addr.inet().is_none() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        rustix::net::shutdown(&bound.fd, Shutdown::Read)?;
        Ok(bound)
    }

    /// Leaves the runtime without closing.
    pub fn into_bound(self) -> Bound {
        let Listener { fd, addr, backlog } = self;
        Bound { fd: fd.into_inner(), addr, backlog }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn local_addr(asked: &Addr, fd: &impl AsFd) -> io::Result<Addr> {
    match asked {
        // The kernel remembers the temporary path only.
        Addr::Unix(_) | Addr::Abstract(_) => Ok(asked.clone()),
        Addr::Inet(_) | Addr::Fd(_) => Ok(Addr::from_any(rustix::net::getsockname(fd)?)),
    }
}

type OptionFailed = (&'static str, io::Error);

fn set_inet_options(fd: &OwnedFd, addr: &Addr, opts: &ListenOpts) -> Result<(), OptionFailed> {
    let s = SockRef::from(fd);
    let v6 = matches!(addr, Addr::Inet(std::net::SocketAddr::V6(_)));
    s.set_reuse_address(true).map_err(|e| ("reuse-address", e))?;
    if opts.reuseport {
        s.set_reuse_port(true).map_err(|e| ("reuseport", e))?;
    }
    if let (true, Some(only)) = (v6, opts.v6only) {
        s.set_only_v6(only).map_err(|e| ("v6only", e))?;
    }
    if opts.transparent {
        let set = if v6 { s.set_ip_transparent_v6(true) } else { s.set_ip_transparent_v4(true) };
        set.map_err(|e| ("transparent", e))?;
    }
    if let Some(name) = &opts.interface {
        s.bind_device(Some(name.as_bytes())).map_err(|e| ("interface", e))?;
    }
    if let Some(mss) = opts.mss {
        s.set_tcp_mss(u32::from(mss)).map_err(|e| ("mss", e))?;
    }
    if let Some(secs) = opts.defer_accept {
        sockopt::set_defer_accept(fd, secs).map_err(|e| ("defer-accept", e))?;
    }
    if let Some(len) = opts.fastopen {
        sockopt::set_fastopen_queue(fd, len).map_err(|e| ("tfo", e))?;
    }
    if opts.nodelay {
        s.set_tcp_nodelay(true).map_err(|e| ("nodelay", e))?;
    }
    if let Some(d) = opts.tcp_user_timeout {
        s.set_tcp_user_timeout(Some(d)).map_err(|e| ("tcp-ut", e))?;
    }
    if let Some(k) = opts.keepalive {
        k.apply(fd).map_err(|e| ("keep-alive", e))?;
    }
    if let Some(n) = opts.sndbuf {
        s.set_send_buffer_size(n).map_err(|e| ("sndbuf", e))?;
    }
    if let Some(n) = opts.rcvbuf {
        s.set_recv_buffer_size(n).map_err(|e| ("rcvbuf", e))?;
    }
    Ok(())
}

fn set_permissions(path: &Path, opts: &ListenOpts) -> io::Result<()> {
    if opts.uid.is_some() || opts.gid.is_some() {
        rustix::fs::chown(path, opts.uid.map(Uid::from_raw), opts.gid.map(Gid::from_raw))?;
    }
    if let Some(mode) = opts.mode {
        rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}

/// `path.PID.tmp`, the name that the original uses too.
fn temp_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// A temporary path that is removed unless it was kept (renamed).
struct Unlinked {
    path: PathBuf,
    kept: bool,
}

impl Unlinked {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Unlinked {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
