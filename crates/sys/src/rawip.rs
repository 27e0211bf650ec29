//! Raw IP sockets for VRRP: one per interface, family and protocol. They send whole IPv4 packets, or IPv6 payloads with a
//! chosen source and hop limit, and receive in batches with what the packet's header said.
#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;

use libc::{c_int, c_void, cmsghdr, iovec, mmsghdr, msghdr, sockaddr_storage, socklen_t};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};

use crate::control::{controls, int};
use crate::sockopt::set_int;

/// VRRP (RFC 9568 §5.1.1.4).
pub const VRRP: u8 = 112;
/// The authentication header around VRRP (RFC 2338 §5.3.6.3).
pub const AH: u8 = 51;

/// Packets that one call to the kernel receives.
const BATCH: usize = 16;
/// Longest packet: a version 3 advert with 255 IPv6 addresses has 4088 bytes.
const PACKET_MAX: usize = 9216;
/// Room for the two control messages that IPv6 sends: hop limit and packet info.
const CONTROL_MAX: usize = 128;
/// `TC_PRIO_CONTROL`: the band that a full queue serves first.
const PRIORITY_CONTROL: c_int = 7;
/// Class of network control (RFC 9568 has none; what routers do).
const CLASS_CONTROL: u32 = 0xc0;

/// A packet as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// IPv4: the packet from its IP header on. IPv6: the payload.
    pub bytes: &'a [u8],
}

/// A raw socket.
#[derive(Debug)]
pub struct RawIp {
    socket: Socket,
    v6: bool,
    ifindex: u32,
}

impl RawIp {
    /// Opens one for IPv4 and `protocol` ([`VRRP`] or [`AH`]); bound to the interface unless `ifindex` is 0.
    pub fn open_v4(protocol: u8, name: &str, ifindex: u32) -> io::Result<RawIp> {
        let socket = Socket::new(
            Domain::IPV4,
            Type::RAW.nonblocking().cloexec(),
            Some(Protocol::from(i32::from(protocol))),
        )?;
        socket.set_header_included_v4(true)?;
        socket.set_multicast_all_v4(false)?;
        socket.set_multicast_loop_v4(false)?;
        let raw = RawIp { socket, v6: false, ifindex };
        raw.common(name)?;
        Ok(raw)
    }

    /// Opens one for IPv6 and VRRP; bound to the interface unless `ifindex` is 0.
    pub fn open_v6(name: &str, ifindex: u32) -> io::Result<RawIp> {
        let socket = Socket::new(
            Domain::IPV6,
            Type::RAW.nonblocking().cloexec(),
            Some(Protocol::from(i32::from(VRRP))),
        )?;
        // Linux 4.20; before, another group's packets come too and their VRIDs are checked anyway.
        let _ = socket.set_multicast_all_v6(false);
        socket.set_multicast_loop_v6(false)?;
        socket.set_multicast_hops_v6(255)?;
        socket.set_recv_hoplimit_v6(true)?;
        let _ = socket.set_tclass_v6(CLASS_CONTROL);
        set_int(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        if ifindex != 0 {
            socket.set_multicast_if_v6(ifindex)?;
        }
        let raw = RawIp { socket, v6: true, ifindex };
        raw.common(name)?;
        Ok(raw)
    }

    fn common(&self, name: &str) -> io::Result<()> {
        if self.ifindex != 0 {
            self.socket.bind_device(Some(name.as_bytes()))?;
        }
        // Only a better place in the queue.
        let _ = set_int(&self.socket, libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY_CONTROL);
        Ok(())
    }

    /// The interface that it was opened on.
    pub fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// Hears a multicast group. Joining twice is fine.
    pub fn join(&self, group: IpAddr) -> io::Result<()> {
        let result = match group {
            IpAddr::V4(group) => {
                self.socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(self.ifindex))
            }
            IpAddr::V6(group) => self.socket.join_multicast_v6(&group, self.ifindex),
        };
        match result {
            Err(e) if e.raw_os_error() == Some(libc::EADDRINUSE) => Ok(()),
            other => other,
        }
    }

    /// Room for packets that wait, beyond the system's limit where we may.
    pub fn set_receive_buffer(&self, bytes: usize) -> io::Result<()> {
        crate::netlink::force_receive_buffer(&self.socket, bytes)
    }

    /// Sends one packet: IPv4 whole, IPv6 the payload.
    pub fn send(&self, source: IpAddr, destination: IpAddr, ttl: u8, bytes: &[u8]) -> io::Result<()> {
        match (source, destination) {
            (IpAddr::V4(_), IpAddr::V4(to)) if !self.v6 => self.send_v4(to, bytes),
            (IpAddr::V6(from), IpAddr::V6(to)) if self.v6 => self.send_v6(from, to, ttl, bytes),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn send_v4(&self, to: Ipv4Addr, bytes: &[u8]) -> io::Result<()> {
        let address = sockaddr_in(to);
        let info = libc::in_pktinfo {
            ipi_ifindex: c_int::try_from(self.ifindex).unwrap_or(0),
            ipi_spec_dst: libc::in_addr { s_addr: 0 },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let mut control = Control::new();
        if self.ifindex != 0 {
            control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        self.send_message(&address, bytes, &mut control)
    }

    fn send_v6(&self, from: Ipv6Addr, to: Ipv6Addr, hops: u8, bytes: &[u8]) -> io::Result<()> {
        let scoped = to.is_multicast() || to.is_unicast_link_local();
        // SAFETY: sockaddr_in6 is plain numbers, for which zero is fine.
        let mut address: libc::sockaddr_in6 = unsafe { zeroed() };
        address.sin6_family = libc::AF_INET6 as u16;
        address.sin6_addr.s6_addr = to.octets();
        address.sin6_scope_id = if scoped { self.ifindex } else { 0 };
        let info = libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
            ipi6_ifindex: self.ifindex,
        };
        let mut control = Control::new();
        control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        control.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &c_int::from(hops));
        self.send_message(&address, bytes, &mut control)
    }

    fn send_message<A>(&self, address: &A, bytes: &[u8], control: &mut Control) -> io::Result<()> {
        let mut part = iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: bytes.len() };
        // SAFETY: msghdr is pointers and numbers, for which zero is fine.
        let mut message: msghdr = unsafe { zeroed() };
        message.msg_name = (&raw const *address).cast_mut().cast::<c_void>();
        message.msg_namelen = size_of::<A>() as socklen_t;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if control.len > 0 {
            message.msg_control = control.bytes.as_mut_ptr().cast::<c_void>();
            message.msg_controllen = control.len;
        }
        loop {
            // JUSTIFICATION: safe crates send no packet info.
            // SAFETY: everything that the message points to is live for the call, with its true length; sendmsg only reads.
            let n = unsafe { libc::sendmsg(self.socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
            if n >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

impl AsFd for RawIp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn sockaddr_in(to: Ipv4Addr) -> libc::sockaddr_in {
    // SAFETY: sockaddr_in is plain numbers, for which zero is fine.
    let mut address: libc::sockaddr_in = unsafe { zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_addr.s_addr = u32::from_ne_bytes(to.octets());
    address
}

/// Control messages to be sent.
#[repr(C, align(8))]
struct Control {
    bytes: [u8; CONTROL_MAX],
    len: usize,
}

impl Control {
    fn new() -> Control {
        Control { bytes: [0; CONTROL_MAX], len: 0 }
    }

    /// Appends one. `T` is plain numbers.
    fn push<T: Copy>(&mut self, level: c_int, kind: c_int, value: &T) {
        let size = size_of::<T>();
        // SAFETY: pure arithmetic.
        let (space, len) =
            unsafe { (libc::CMSG_SPACE(size as u32) as usize, libc::CMSG_LEN(size as u32) as usize) };
        assert!(self.len + space <= CONTROL_MAX, "two small messages fit");
        let header = cmsghdr { cmsg_len: len, cmsg_level: level, cmsg_type: kind };
        // JUSTIFICATION: control messages are laid out by C's rules.
        // SAFETY: the room was checked above; the buffer is aligned to 8 and every space is a multiple of 8, so the header is
        // aligned; the data follows the header at CMSG_LEN(0).
        unsafe {
            let at = self.bytes.as_mut_ptr().add(self.len);
            at.cast::<cmsghdr>().write(header);
            at.add(libc::CMSG_LEN(0) as usize).cast::<T>().write_unaligned(*value);
        }
        self.len += space;
    }
}

/// Room for one batch of packets; shared by all sockets of a thread.
pub struct Batch {
    packets: Box<[[u8; PACKET_MAX]; BATCH]>,
    controls: Box<[AlignedControl; BATCH]>,
    names: Box<[MaybeUninit<sockaddr_storage>; BATCH]>,
    got: Vec<Meta>,
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct AlignedControl([u8; CONTROL_MAX]);

#[derive(Clone, Copy)]
struct Meta {
    len: usize,
    source: IpAddr,
    destination: IpAddr,
    ttl: Option<u8>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("packets", &self.got.len()).finish()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// Packets that one call receives at most.
    pub const MAX: usize = BATCH;

    /// Room for one batch.
    pub fn new() -> Batch {
        Batch {
            packets: vec![[0; PACKET_MAX]; BATCH].try_into().expect("BATCH of them"),
            controls: Box::new([AlignedControl([0; CONTROL_MAX]); BATCH]),
            names: Box::new([MaybeUninit::zeroed(); BATCH]),
            got: Vec::with_capacity(BATCH),
        }
    }

    /// Receives what waits, up to [`Batch::MAX`] packets, and tells how many came; zero: nothing waits.
    pub fn receive(&mut self, socket: &RawIp) -> io::Result<usize> {
        self.got.clear();
        // SAFETY: iovec and mmsghdr are pointers and numbers, for which zero is fine.
        let (mut parts, mut heads): ([iovec; BATCH], [mmsghdr; BATCH]) = unsafe { (zeroed(), zeroed()) };
        for i in 0..BATCH {
            parts[i] = iovec { iov_base: self.packets[i].as_mut_ptr().cast::<c_void>(), iov_len: PACKET_MAX };
            let head = &mut heads[i].msg_hdr;
            head.msg_name = self.names[i].as_mut_ptr().cast::<c_void>();
            head.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
            head.msg_iov = &raw mut parts[i];
            head.msg_iovlen = 1;
            head.msg_control = self.controls[i].0.as_mut_ptr().cast::<c_void>();
            head.msg_controllen = CONTROL_MAX;
        }
        let n = loop {
            // JUSTIFICATION: safe crates tell neither hop limit nor destination, and receive one packet a call.
            // SAFETY: every pointer in the heads leads to a live buffer of ours of the length that stands beside it, and
            // nothing else uses these buffers during the call.
            let n = unsafe {
                libc::recvmmsg(
                    socket.socket.as_raw_fd(),
                    heads.as_mut_ptr(),
                    BATCH as u32,
                    libc::MSG_DONTWAIT as _,
                    null_mut(),
                )
            };
            if let Ok(n) = usize::try_from(n) {
                break n;
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => return Ok(0),
                _ => return Err(error),
            }
        };
        for (i, head) in heads.iter().enumerate().take(n) {
            let len = (head.msg_len as usize).min(PACKET_MAX);
            let meta = if socket.v6 {
                // SAFETY: the name was zeroed at first and is plain numbers; the kernel writes addresses of this family.
                let from = unsafe { &*self.names[i].as_ptr().cast::<libc::sockaddr_in6>() };
                let control = self.controls[i].0.get(..head.msg_hdr.msg_controllen).unwrap_or_default();
                let (destination, ttl) = told_v6(control);
                Meta {
                    len,
                    source: Ipv6Addr::from(from.sin6_addr.s6_addr).into(),
                    destination: destination.unwrap_or(Ipv6Addr::UNSPECIFIED).into(),
                    ttl,
                }
            } else {
                told_v4(&self.packets[i][..len])
            };
            self.got.push(meta);
        }
        Ok(n)
    }

    /// The packets of the last call.
    pub fn packets(&self) -> impl Iterator<Item = Arrived<'_>> {
        self.got.iter().zip(self.packets.iter()).map(|(meta, bytes)| Arrived {
            source: meta.source,
            destination: meta.destination,
            ttl: meta.ttl,
            bytes: &bytes[..meta.len],
        })
    }
}

/// From the IPv4 header, which raw sockets deliver (the kernel has checked it).
fn told_v4(packet: &[u8]) -> Meta {
    let word = |at: usize| packet.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
    let address = |at| IpAddr::V4(word(at).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from));
    Meta { len: packet.len(), source: address(12), destination: address(16), ttl: packet.get(8).copied() }
}

/// Destination and hop limit out of received control messages.
fn told_v6(control: &[u8]) -> (Option<Ipv6Addr>, Option<u8>) {
    let (mut destination, mut ttl) = (None, None);
    for (level, kind, data) in controls(control) {
        match (level, kind) {
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                destination = data.get(..16).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(Ipv6Addr::from);
            }
            (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                ttl = int(data, 0).and_then(|hops| u8::try_from(hops).ok());
            }
            _ => {}
        }
    }
    (destination, ttl)
}

/// The number of an interface by its name; `None` where there is none.
pub fn ifindex(name: &str) -> Option<u32> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.cloexec(), None).ok()?;
    let fd: OwnedFd = socket.into();
    rustix::net::netdevice::name_to_index(&fd, name).ok().and_then(NonZeroU32::new).map(NonZeroU32::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_where_there_are_any() {
        let mut packet = vec![0u8; 28];
        packet[8] = 255;
        packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
        packet[16..20].copy_from_slice(&[224, 0, 0, 18]);
        let meta = told_v4(&packet);
        assert_eq!(meta.source, IpAddr::from([10, 0, 0, 1]));
        assert_eq!((meta.destination, meta.ttl), (IpAddr::from([224, 0, 0, 18]), Some(255)));
        let meta = told_v4(&packet[..5]);
        assert_eq!((meta.source, meta.ttl), (IpAddr::from([0, 0, 0, 0]), None));
    }

    #[test]
    fn control_messages_of_any_shape() {
        let mut control = Control::new();
        let to: Ipv6Addr = "ff02::12".parse().expect("literal");
        let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: to.octets() }, ipi6_ifindex: 3 };
        control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        control.push(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &255i32);
        assert_eq!(told_v6(&control.bytes[..control.len]), (Some(to), Some(255)));
        for cut in 0..control.len {
            let _ = told_v6(&control.bytes[..cut]);
        }
        assert_eq!(told_v6(&[0; 64]), (None, None), "a length of zero ends it");
        assert_eq!(told_v6(&[0xff; 64]), (None, None));
    }

    #[test]
    fn packets_reach_another_socket_with_their_headers() {
        if !crate::user::is_root() {
            return;
        }
        let (Some(lo), Ok(out)) = (ifindex("lo"), RawIp::open_v6("lo", ifindex("lo").unwrap_or(1))) else {
            return;
        };
        let hear = RawIp::open_v6("lo", lo).expect("as the first");
        let me = Ipv6Addr::LOCALHOST;
        let mut batch = Batch::new();
        assert_eq!(batch.receive(&hear).expect("nothing waits"), 0);
        if out.send(me.into(), me.into(), 77, b"hello").is_err() {
            return; // No IPv6 here.
        }
        out.send(me.into(), me.into(), 255, b"world").expect("as the first");
        assert_eq!(batch.receive(&hear).expect("both wait"), 2);
        let got: Vec<_> =
            batch.packets().map(|p| (p.source, p.destination, p.ttl, p.bytes.to_vec())).collect();
        let want = |ttl, text: &str| (me.into(), me.into(), Some(ttl), text.as_bytes().to_vec());
        assert_eq!(got, [want(77, "hello"), want(255, "world")]);
        assert!(out.send(IpAddr::from([127, 0, 0, 1]), me.into(), 1, b"").is_err(), "families do not mix");
    }
}
