//! Packet sockets: whole Ethernet frames out, and those in that a filter lets through.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use libc::{c_int, c_void, sockaddr, socklen_t};
use socket2::{Domain, SockFilter, Socket, Type};

use crate::sockopt::set_int;

/// Addresses that a filter names; a list that is longer lets all ARP or neighbour adverts through.
pub const FILTERED_MAX: usize = 1000;

/// What a listening socket hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// ARP packets whose sender says to have one of these.
    Arp(Vec<Ipv4Addr>),
    /// Neighbour advertisements for one of these.
    NeighbourAdverts(Vec<Ipv6Addr>),
}

/// A packet socket.
#[derive(Debug)]
pub struct PacketSocket {
    socket: Socket,
}

impl PacketSocket {
    /// One that only sends.
    pub fn sender() -> io::Result<PacketSocket> {
        // Protocol 0: it receives nothing.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)?;
        Ok(PacketSocket { socket })
    }

    /// One that hears others' packets on an Ethernet interface.
    pub fn listener(ifindex: u32, heard: &Heard) -> io::Result<PacketSocket> {
        let socket = PacketSocket::sender()?;
        // The filter stands before the first packet can come.
        socket.listen_for(heard)?;
        // Linux 4.20; the filter's reader compares senders anyway.
        let _ = set_int(&socket.socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1);
        let protocol = match heard {
            Heard::Arp(_) => libc::ETH_P_ARP,
            Heard::NeighbourAdverts(_) => libc::ETH_P_IPV6,
        };
        let address = link_address(ifindex, protocol as u16);
        // SAFETY: the pointer and the length describe one live sockaddr_ll.
        let rc = unsafe {
            libc::bind(
                socket.socket.as_raw_fd(),
                (&raw const address).cast::<sockaddr>(),
                size_of::<libc::sockaddr_ll>() as socklen_t,
            )
        };
        if rc == 0 { Ok(socket) } else { Err(io::Error::last_os_error()) }
    }

    /// Puts another list in force.
    pub fn listen_for(&self, heard: &Heard) -> io::Result<()> {
        self.socket.attach_filter(&filter(heard))
    }

    /// Sends a frame (from its Ethernet header on) by an interface.
    pub fn send(&self, ifindex: u32, frame: &[u8]) -> io::Result<()> {
        let protocol = frame.get(12..14).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
        let address = link_address(ifindex, protocol);
        // JUSTIFICATION: no safe crate has link addresses.
        // SAFETY: the frame and the address are live for the call, with their true lengths; sendto only reads.
        let n = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast::<c_void>(),
                frame.len(),
                libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
                (&raw const address).cast::<sockaddr>(),
                size_of::<libc::sockaddr_ll>() as socklen_t,
            )
        };
        if n >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Receives one frame, from its Ethernet header on; `WouldBlock` where none waits.
    pub fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(&self.socket, buf, rustix::net::RecvFlags::DONTWAIT)?.0)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn link_address(ifindex: u32, protocol: u16) -> libc::sockaddr_ll {
    // SAFETY: sockaddr_ll is plain numbers, for which zero is fine.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = c_int::try_from(ifindex).unwrap_or(0);
    address
}

// Classic BPF: load from a fixed offset, jump if equal, return (how many bytes are kept).
const LOAD_WORD: u16 = 0x20;
const LOAD_BYTE: u16 = 0x30;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const KEEP: u32 = 1500;

// Offsets from the Ethernet header on.
const ARP_SENDER: u32 = 14 + 14;
const IPV6_NEXT: u32 = 14 + 6;
const ICMP_TYPE: u32 = 14 + 40;
const ND_TARGET_END: u32 = 14 + 40 + 8 + 12;
const ICMPV6: u32 = 58;
const NEIGHBOUR_ADVERT: u32 = 136;

fn filter(heard: &Heard) -> Vec<SockFilter> {
    let mut code = Vec::new();
    let words: Vec<u32> = match heard {
        Heard::Arp(addresses) => addresses.iter().map(|a| u32::from(*a)).collect(),
        Heard::NeighbourAdverts(addresses) => {
            for (at, value) in [(IPV6_NEXT, ICMPV6), (ICMP_TYPE, NEIGHBOUR_ADVERT)] {
                code.push(SockFilter::new(LOAD_BYTE, 0, 0, at));
                code.push(SockFilter::new(JUMP_EQUAL, 1, 0, value));
                code.push(SockFilter::new(RETURN, 0, 0, 0));
            }
            // The last four bytes tell most; the reader compares all.
            addresses.iter().map(|a| (u128::from(*a) & 0xffff_ffff) as u32).collect()
        }
    };
    if words.len() > FILTERED_MAX {
        code.push(SockFilter::new(RETURN, 0, 0, KEEP));
        return code;
    }
    let at = if matches!(heard, Heard::Arp(_)) { ARP_SENDER } else { ND_TARGET_END };
    code.push(SockFilter::new(LOAD_WORD, 0, 0, at));
    for word in words {
        code.push(SockFilter::new(JUMP_EQUAL, 0, 1, word));
        code.push(SockFilter::new(RETURN, 0, 0, KEEP));
    }
    code.push(SockFilter::new(RETURN, 0, 0, 0));
    code
}

/// Interfaces with a hardware address of Ethernet's kind.
pub fn is_ethernet(hardware: u16) -> bool {
    hardware == libc::ARPHRD_ETHER
}

/// The address as one type, for callers with mixed lists.
pub fn split(addresses: impl IntoIterator<Item = IpAddr>) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            IpAddr::V4(a) => v4.push(a),
            IpAddr::V6(a) => v6.push(a),
        }
    }
    (v4, v6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_programs_the_kernel_takes() {
        let Ok(socket) = PacketSocket::sender() else { return };
        let many: Vec<Ipv4Addr> = (0..FILTERED_MAX as u32).map(Ipv4Addr::from).collect();
        let six: Vec<Ipv6Addr> = (0..FILTERED_MAX as u128).map(Ipv6Addr::from).collect();
        for heard in [
            Heard::Arp(vec![]),
            Heard::Arp(many.clone()),
            Heard::Arp([many, vec![Ipv4Addr::LOCALHOST]].concat()),
            Heard::NeighbourAdverts(vec![]),
            Heard::NeighbourAdverts(six),
        ] {
            socket.listen_for(&heard).expect("the kernel's checker is content");
        }
    }
}
