//! UDP sockets that care for hop limits: BFD sends with one and wants to know with which packets came.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use libc::{c_void, iovec, msghdr, sockaddr_storage, socklen_t};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::control::{controls, int};
use crate::sockopt::set_int;

/// Room for control messages: one number.
const CONTROL_MAX: usize = 64;
/// Class of network control.
const CLASS_CONTROL: u32 = 0xc0;

/// A UDP socket.
#[derive(Debug)]
pub struct HopSocket {
    socket: Socket,
}

impl HopSocket {
    /// Bound to an address, with this hop limit for what it sends.
    pub fn bind(at: SocketAddr, hops: Option<u8>) -> io::Result<HopSocket> {
        let domain = Domain::for_address(at);
        let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
        let hops = hops.map(u32::from);
        if at.is_ipv4() {
            set_int(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
            // Only a better place in queues.
            let _ = socket.set_tos_v4(CLASS_CONTROL);
            hops.map_or(Ok(()), |hops| socket.set_ttl_v4(hops))?;
        } else {
            socket.set_only_v6(true)?;
            socket.set_recv_hoplimit_v6(true)?;
            let _ = socket.set_tclass_v6(CLASS_CONTROL);
            hops.map_or(Ok(()), |hops| socket.set_unicast_hops_v6(hops))?;
        }
        socket.bind(&SockAddr::from(at))?;
        Ok(HopSocket { socket })
    }

    /// Sends one datagram.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.send_to(bytes, &SockAddr::from(to)).map(drop)
    }

    /// Receives one datagram: its length, its source, its hop limit. `WouldBlock` where none waits.
    pub fn receive(&self, buf: &mut [u8]) -> io::Result<(usize, IpAddr, Option<u8>)> {
        #[repr(C, align(8))]
        struct Room([u8; CONTROL_MAX]);
        let mut room = Room([0; CONTROL_MAX]);
        // SAFETY: sockaddr_storage and msghdr are numbers and pointers, for which zero is fine.
        let (mut from, mut message): (sockaddr_storage, msghdr) = unsafe { (zeroed(), zeroed()) };
        let mut part = iovec { iov_base: buf.as_mut_ptr().cast::<c_void>(), iov_len: buf.len() };
        message.msg_name = (&raw mut from).cast::<c_void>();
        message.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = room.0.as_mut_ptr().cast::<c_void>();
        message.msg_controllen = CONTROL_MAX;
        // JUSTIFICATION: safe crates do not tell hop limits.
        // SAFETY: everything that the message points to is live and ours for the call, with its true length.
        let n = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: the storage was zeroed, and the kernel wrote an address of the length that it tells.
        let (_, source) = unsafe {
            SockAddr::try_init(|storage, len| {
                storage.cast::<sockaddr_storage>().write(from);
                *len = message.msg_namelen;
                Ok(())
            })?
        };
        let source = source.as_socket().ok_or(io::ErrorKind::InvalidData)?.ip();
        let told = room.0.get(..message.msg_controllen).unwrap_or_default();
        let hops = controls(told).find_map(|(level, kind, data)| match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => int(data, 0),
            _ => None,
        });
        Ok((n, source, hops.and_then(|hops| u8::try_from(hops).ok())))
    }
}

impl AsFd for HopSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_limits_arrive() {
        for text in ["127.0.0.1:0", "[::1]:0"] {
            let at: SocketAddr = text.parse().expect("literal");
            let Ok(hear) = HopSocket::bind(at, None) else { continue };
            let to = hear.socket.local_addr().expect("bound").as_socket().expect("inet");
            let mut buf = [0u8; 16];
            assert_eq!(hear.receive(&mut buf).map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
            for hops in [255, 7] {
                HopSocket::bind(at, Some(hops)).expect("as the first").send(to, b"hi").expect("sent");
                assert_eq!(hear.receive(&mut buf).expect("waits"), (2, at.ip(), Some(hops)));
            }
        }
    }
}
