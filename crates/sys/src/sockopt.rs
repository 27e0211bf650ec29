//! Socket options that the safe crates do not know, and the groups of options that go together.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use libc::{c_int, c_void, socklen_t};
use socket2::{SockRef, TcpKeepalive};

/// TCP keep-alive probes: `tcpka`, `clitcpka-*`, `srvtcpka-*`. `None` leaves the system's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Probes without an answer before the connection is given up.
    pub count: Option<u32>,
    /// Idle time before the first probe.
    pub idle: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
}

impl KeepAlive {
    pub(crate) fn apply(self, fd: &impl AsFd) -> io::Result<()> {
        let mut params = TcpKeepalive::new();
        if let Some(n) = self.count {
            params = params.with_retries(n);
        }
        if let Some(d) = self.idle {
            params = params.with_time(d);
        }
        if let Some(d) = self.interval {
            params = params.with_interval(d);
        }
        SockRef::from(fd).set_tcp_keepalive(&params)
    }
}

/// `TCP_DEFER_ACCEPT`: wake the listener when data came, or after this many seconds.
pub(crate) fn set_defer_accept(fd: &impl AsFd, secs: u16) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, c_int::from(secs))
}

/// `TCP_FASTOPEN` on a listener: how many half-open fast connections may wait.
pub(crate) fn set_fastopen_queue(fd: &impl AsFd, len: u16) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, c_int::from(len))
}

/// `TCP_FASTOPEN_CONNECT`: the first write goes with the SYN when a cookie is known.
pub(crate) fn set_fastopen_connect(fd: &impl AsFd) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)
}

/// `IP_BIND_ADDRESS_NO_PORT`: a source address without using up a local port until connect.
pub(crate) fn set_bind_no_port(fd: &impl AsFd) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

/// `TCP_REPAIR`: closing tells the peer nothing.
pub(crate) fn set_repair(fd: &impl AsFd) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1)
}

pub(crate) fn set_int(fd: &impl AsFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // JUSTIFICATION: neither rustix nor socket2 has these options.
    // SAFETY: the descriptor is borrowed for the call; the pointer and length describe one live c_int.
    let rc = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast::<c_void>(),
            size_of::<c_int>() as socklen_t,
        )
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
