//! Writing to a descriptor that somebody else opened (standard output, `fd@N`) without ever waiting for its reader and
//! without making it non-blocking, which would change it for all who share it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::SocketType;

/// The first descriptor number that a copy may get: the standard three stay what they are.
const COPY_MIN: RawFd = 3;
/// A pipe that says it is ready takes so much at once (POSIX; 4096 on Linux).
const CHUNK: usize = 4096;

/// A copy of a descriptor, to write to.
#[derive(Debug)]
pub struct OutFd {
    fd: OwnedFd,
    datagrams: bool,
}

impl OutFd {
    /// Copies descriptor `number`.
    pub fn copy_of(number: RawFd) -> io::Result<OutFd> {
        // JUSTIFICATION: rustix takes a borrowed descriptor, and this number comes from a configuration.
        // SAFETY: fcntl(2) with F_DUPFD_CLOEXEC touches no memory and answers EBADF where the number is not open.
        let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, COPY_MIN) };
        if copy < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above made it, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(copy) };
        let datagrams = matches!(rustix::net::sockopt::socket_type(&fd), Ok(SocketType::DGRAM));
        Ok(OutFd { fd, datagrams })
    }

    /// True for a datagram socket: each write is a message.
    pub fn is_datagram(&self) -> bool {
        self.datagrams
    }

    /// Writes all of `bytes`, as long as nobody has to be waited for: `WouldBlock` else, with the rest unwritten.
    pub fn write_now(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut wanted = [PollFd::new(&self.fd, PollFlags::OUT)];
            if poll(&mut wanted, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))? == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let chunk = if self.datagrams { bytes } else { bytes.get(..CHUNK).unwrap_or(bytes) };
            let n = rustix::io::write(&self.fd, chunk)?;
            bytes = bytes.get(n..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_full_pipe_is_not_waited_for() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let out = OutFd::copy_of(writer.as_raw_fd()).expect("open");
        drop(writer);
        assert!(!out.is_datagram());
        out.write_now(b"hello\n").expect("there is room");
        let mut buf = [0; 6];
        reader.read_exact(&mut buf).expect("written");
        assert_eq!(&buf, b"hello\n");
        let much = vec![b'x'; 1 << 20];
        assert_eq!(out.write_now(&much).map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
        assert!(OutFd::copy_of(9_999).is_err(), "not open");
    }
}
