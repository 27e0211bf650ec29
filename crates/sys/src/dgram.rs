//! Datagram sockets for log messages: UDP and UNIX (`/dev/log`). Never waits: a full queue loses the message, and says so.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

use rustix::net::{
    MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketFlags, SocketType, sendmmsg, sendmsg_addr,
    sendto, socket_with,
};

use crate::addr::Addr;

/// Messages that one [`Datagram::send_batch`] hands to the kernel at once.
pub const BATCH_MAX: usize = 64;

/// The system's word for: no memory for the message now.
pub const NO_BUFFERS: i32 = libc::ENOBUFS;

/// A socket that sends to one place. Unconnected, so a syslog daemon that restarts is found again.
#[derive(Debug)]
pub struct Datagram {
    fd: OwnedFd,
    to: SocketAddrAny,
}

impl Datagram {
    /// Opens a socket towards `to`. The receiver need not exist yet.
    pub fn open(to: &Addr) -> io::Result<Datagram> {
        let Some(family) = to.family() else { return Err(io::ErrorKind::Unsupported.into()) };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = socket_with(family, SocketType::DGRAM, flags, None)?;
        Ok(Datagram { fd, to: to.to_any()? })
    }

    /// Sends one message.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        sendto(&self.fd, message, SendFlags::NOSIGNAL | SendFlags::DONTWAIT, &self.to)?;
        Ok(())
    }

    /// Sends one message made of parts.
    pub fn send_parts(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg_addr(&self.fd, &self.to, parts, &mut SendAncillaryBuffer::default(), flags)?;
        Ok(())
    }

    /// Sends up to [`BATCH_MAX`] messages in one call and tells how many went; an error means that not even the first did.
    pub fn send_batch(&self, messages: &[&[u8]]) -> io::Result<usize> {
        let parts: Vec<[IoSlice<'_>; 1]> =
            messages.iter().take(BATCH_MAX).map(|m| [IoSlice::new(m)]).collect();
        let mut controls: Vec<_> = parts.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut headers: Vec<_> =
            parts.iter().zip(&mut controls).map(|(p, c)| MMsgHdr::new_with_addr(&self.to, p, c)).collect();
        if headers.is_empty() {
            return Ok(0);
        }
        Ok(sendmmsg(&self.fd, &mut headers, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn messages_arrive_whole_by_udp_and_unix() {
        let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let to = Addr::Inet(udp.local_addr().expect("bound"));
        check(&to, |buf| udp.recv(buf));

        let path = std::env::temp_dir().join(format!("ek-dgram-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let unix = UnixDatagram::bind(&path).expect("temp dir is writable");
        check(&Addr::Unix(path.clone()), |buf| unix.recv(buf));
        drop(unix);
        let orphan = Datagram::open(&Addr::Unix(path.clone())).expect("opens without a receiver");
        assert_eq!(orphan.send(b"x").map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionRefused));
        let _ = std::fs::remove_file(&path);
    }

    #[track_caller]
    fn check(to: &Addr, recv: impl Fn(&mut [u8]) -> io::Result<usize>) {
        let out = Datagram::open(to).expect("opens");
        out.send(b"one").expect("sent");
        out.send_parts(&[IoSlice::new(b"t"), IoSlice::new(b"wo")]).expect("sent");
        assert_eq!(out.send_batch(&[b"three", b"", b"four"]).expect("sent"), 3);
        assert_eq!(out.send_batch(&[]).expect("nothing to do"), 0);
        for want in ["one", "two", "three", "", "four"] {
            let mut buf = [0u8; 64];
            let n = recv(&mut buf).expect("received");
            assert_eq!(String::from_utf8_lossy(&buf[..n]), want);
        }
    }
}
