//! Descriptors between processes over a UNIX socket (SCM_RIGHTS): listeners handed to a successor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Most descriptors in one message (the kernel's SCM_MAX_FD).
pub const FDS_MAX: usize = 253;

/// Sends `bytes` (at least one) together with up to [`FDS_MAX`] descriptors.
pub fn send_fds(sock: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if bytes.is_empty() || fds.len() > FDS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(sock, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives bytes and the descriptors that came with them (close-on-exec). 0 bytes is the end.
pub fn recv_fds(sock: impl AsFd, buf: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(sock, &mut [IoSliceMut::new(buf)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok((got.bytes, fds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn descriptors_arrive_alive_with_their_bytes() {
        let (a, b) = UnixStream::pair().expect("pair");
        let (mut near, far) = UnixStream::pair().expect("pair");
        assert_eq!(send_fds(&a, b"names", &[far.as_fd(), far.as_fd()]).expect("sent"), 5);
        drop(far);
        let mut buf = [0u8; 16];
        let (n, fds) = recv_fds(&b, &mut buf).expect("received");
        assert_eq!((&buf[..n], fds.len()), (&b"names"[..], 2));
        let mut back = UnixStream::from(fds.into_iter().next().expect("two came"));
        back.write_all(b"!").expect("open");
        let mut one = [0u8; 1];
        near.read_exact(&mut one).expect("arrives");
        assert_eq!(&one, b"!");
        assert!(send_fds(&a, b"", &[]).is_err(), "descriptors need a byte to travel with");
    }
}
