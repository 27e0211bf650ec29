//! Netlink sockets: bytes in, bytes out. What the bytes mean is known elsewhere (`wire::netlink`).
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::{c_int, c_void, sockaddr, socklen_t};
use socket2::SockRef;

/// Who is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Links, addresses, routes, rules.
    Route,
    /// Process events.
    Connector,
    /// nftables.
    Netfilter,
}

impl Protocol {
    fn number(self) -> c_int {
        match self {
            Protocol::Route => libc::NETLINK_ROUTE,
            Protocol::Connector => libc::NETLINK_CONNECTOR,
            Protocol::Netfilter => libc::NETLINK_NETFILTER,
        }
    }
}

/// The system's word for: messages were lost, ask anew.
pub const LOST: i32 = libc::ENOBUFS;

/// A netlink socket to the kernel of the calling thread's network namespace.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
}

impl Netlink {
    /// Opens one that hears the multicast groups `groups` (numbers, not bits).
    pub fn open(protocol: Protocol, groups: &[u32]) -> io::Result<Netlink> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // JUSTIFICATION: neither rustix nor socket2 has netlink addresses.
        // SAFETY: takes numbers; the result is checked and owned by nobody else.
        let fd = unsafe {
            let fd = libc::socket(libc::AF_NETLINK, kind, protocol.number());
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        // SAFETY: sockaddr_nl is plain numbers, for which zero is fine.
        let mut address: libc::sockaddr_nl = unsafe { zeroed() };
        address.nl_family = libc::AF_NETLINK as u16;
        if protocol == Protocol::Connector {
            // Its groups are joined by bit at bind, before any permission to join later.
            address.nl_groups = groups.iter().fold(0, |bits, g| bits | 1u32.checked_shl(g - 1).unwrap_or(0));
        }
        // SAFETY: the pointer and the length describe one live sockaddr_nl.
        let rc = unsafe {
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast::<sockaddr>(),
                size_of::<libc::sockaddr_nl>() as socklen_t,
            )
        };
        if rc != 0 {
            return Err(io::Error::last_os_error());
        }
        let netlink = Netlink { fd };
        if protocol != Protocol::Connector {
            for group in groups {
                netlink.option(libc::NETLINK_ADD_MEMBERSHIP, *group as c_int)?;
            }
        }
        // Explanations and short errors; older kernels have neither.
        let _ = netlink.option(libc::NETLINK_EXT_ACK, 1);
        let _ = netlink.option(libc::NETLINK_CAP_ACK, 1);
        Ok(netlink)
    }

    /// Room for messages that wait, beyond the system's limit where we may.
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        force_receive_buffer(&self.fd, bytes)
    }

    /// How long [`Netlink::receive`] waits; `None`: for ever. Zero is not a time here: use `set_nonblocking`.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        SockRef::from(&self.fd).set_read_timeout(patience)
    }

    /// Whether [`Netlink::receive`] returns `WouldBlock` instead of waiting.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.fd).set_nonblocking(on)
    }

    /// Sends messages, whole, in one call.
    pub fn send(&self, messages: &[u8]) -> io::Result<()> {
        loop {
            match rustix::net::send(&self.fd, messages, rustix::net::SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Receives one datagram, which holds whole messages, into `buf` (grown to what is needed) and returns its length. Only
    /// the kernel is listened to.
    pub fn receive(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            // SAFETY: sockaddr_nl is plain numbers, for which zero is fine.
            let mut from: libc::sockaddr_nl = unsafe { zeroed() };
            let mut from_len = size_of::<libc::sockaddr_nl>() as socklen_t;
            // JUSTIFICATION: the sender's port must be seen, and no safe crate has netlink addresses.
            // SAFETY: the buffer and its length are one live Vec's; the address and its length are live and ours.
            let n = unsafe {
                libc::recvfrom(
                    self.fd.as_raw_fd(),
                    buf.as_mut_ptr().cast::<c_void>(),
                    buf.len(),
                    libc::MSG_PEEK | libc::MSG_TRUNC,
                    (&raw mut from).cast::<sockaddr>(),
                    &raw mut from_len,
                )
            };
            let Ok(len) = usize::try_from(n) else {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            };
            if len > buf.len() {
                buf.resize(len.next_multiple_of(4096), 0);
            }
            let (n, _) = rustix::net::recv(&self.fd, buf.as_mut_slice(), rustix::net::RecvFlags::empty())?;
            if from.nl_pid == 0 {
                return Ok(n.min(buf.len()));
            }
        }
    }

    fn option(&self, name: c_int, value: c_int) -> io::Result<()> {
        set_int(&self.fd, libc::SOL_NETLINK, name, value)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// `SO_RCVBUFFORCE`, or `SO_RCVBUF` where we may not force.
pub(crate) fn force_receive_buffer(fd: &impl AsFd, bytes: usize) -> io::Result<()> {
    let value = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value)
        .or_else(|_| set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, value))
}

pub(crate) use crate::sockopt::set_int;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        let netlink = Netlink::open(Protocol::Route, &[]).expect("anybody may");
        netlink.set_patience(Some(Duration::from_secs(10))).expect("set");
        // RTM_GETLINK (18) with NLM_F_REQUEST | NLM_F_DUMP, and an ifinfomsg of zeros.
        let mut request = Vec::new();
        request.extend(32u32.to_ne_bytes());
        request.extend(18u16.to_ne_bytes());
        request.extend(0x301u16.to_ne_bytes());
        request.extend(1u32.to_ne_bytes());
        request.extend([0u8; 20]);
        netlink.send(&request).expect("sent");
        let mut buf = Vec::new();
        let n = netlink.receive(&mut buf).expect("answered");
        assert!(n > 32 && buf.len() >= n, "the buffer grows to the message");
        assert_eq!(u16::from_ne_bytes([buf[4], buf[5]]), 16, "RTM_NEWLINK");
        netlink.set_nonblocking(true).expect("set");
        while netlink.receive(&mut buf).is_ok() {}
        assert_eq!(netlink.receive(&mut buf).map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
    }
}
