//! One place that lines go to, and those that are held for it.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use evenkeel_plan::LogTransport;
use evenkeel_sys::dgram::{BATCH_MAX, Datagram};
use evenkeel_sys::{Addr, OutFd};

use crate::world::World;

/// Bytes held before they are sent at once; a line is at most 64 KiB.
const HELD_MAX: usize = 128 * 1024;
/// What pipes take whole (POSIX): lines to a descriptor go together up to this.
const TOGETHER_MAX: usize = 4096;
/// Memory of a burst that is kept for the next.
const HELD_KEPT_MAX: usize = 256 * 1024;

/// See the module.
pub(super) struct Sink {
    transport: LogTransport,
    /// Its number in the first proxy that uses it, for the message that it failed.
    number: usize,
    outlet: Outlet,
    held: Vec<u8>,
    /// Where each held line ends.
    ends: Vec<usize>,
}

enum Outlet {
    Closed,
    Datagram(Datagram),
    Descriptor(OutFd),
}

impl Sink {
    pub(super) fn new(transport: LogTransport, number: usize) -> Self {
        Self { transport, number, outlet: Outlet::Closed, held: Vec::new(), ends: Vec::new() }
    }

    pub(super) fn transport(&self) -> &LogTransport {
        &self.transport
    }

    /// Holds a line, which `write` appends.
    pub(super) fn hold(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.held);
        self.ends.push(self.held.len());
    }

    pub(super) fn is_full(&self) -> bool {
        self.ends.len() >= BATCH_MAX || self.held.len() >= HELD_MAX
    }

    /// Sends what is held. What cannot leave now is lost, and counted.
    pub(super) fn flush(&mut self, world: &World) {
        if self.ends.is_empty() {
            return;
        }
        let lost = match self.open() {
            Ok(()) => self.send(world),
            Err(error) => {
                self.complain(world, &error);
                self.ends.len()
            }
        };
        if lost > 0 {
            world.dropped_logs.fetch_add(lost as u64, Relaxed);
        }
        self.ends.clear();
        self.held.clear();
        self.held.shrink_to(HELD_KEPT_MAX);
    }

    fn open(&mut self) -> io::Result<()> {
        if !matches!(self.outlet, Outlet::Closed) {
            return Ok(());
        }
        self.outlet = match &self.transport {
            LogTransport::Udp(addr) => Outlet::Datagram(Datagram::open(&Addr::Inet(*addr))?),
            // The path is looked up for each message: a syslog daemon that restarts is found again.
            LogTransport::Unix(path) => Outlet::Datagram(Datagram::open(&Addr::Unix(path.clone()))?),
            LogTransport::Fd(number) => Outlet::Descriptor(OutFd::copy_of(*number)?),
            LogTransport::Stream(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(())
    }

    /// Tells how many lines were lost.
    fn send(&self, world: &World) -> usize {
        match &self.outlet {
            Outlet::Closed => self.ends.len(),
            Outlet::Datagram(socket) => self.send_datagrams(socket, world),
            Outlet::Descriptor(fd) => self.write_lines(fd, world),
        }
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.held.get(start..*end).unwrap_or_default())
    }

    fn send_datagrams(&self, socket: &Datagram, world: &World) -> usize {
        let lines: smallvec::SmallVec<[&[u8]; BATCH_MAX]> = self.lines().collect();
        let mut rest = &lines[..];
        let mut lost = 0;
        while !rest.is_empty() {
            let gone = match socket.send_batch(rest) {
                Ok(sent) => sent.max(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                // The socket's buffer is full, or nobody listens: the next line would fare no better.
                Err(error) if is_full(&error) => return lost + rest.len(),
                Err(error) => {
                    self.complain(world, &error);
                    lost += 1;
                    1
                }
            };
            rest = rest.get(gone..).unwrap_or_default();
        }
        lost
    }

    fn write_lines(&self, fd: &OutFd, world: &World) -> usize {
        let mut lost = 0;
        let (mut start, mut count) = (0, 0);
        let mut write = |bytes: &[u8], count: usize| {
            if let Err(error) = fd.write_now(bytes) {
                if !is_full(&error) {
                    self.complain(world, &error);
                }
                lost += count;
            }
        };
        for (line, end) in self.lines().zip(&self.ends) {
            let alone = fd.is_datagram() || end - start > TOGETHER_MAX;
            if alone && count > 0 {
                let before = end - line.len();
                write(self.held.get(start..before).unwrap_or_default(), count);
                (start, count) = (before, 0);
            }
            count += 1;
        }
        write(self.held.get(start..).unwrap_or_default(), count);
        lost
    }

    /// Once per process, as the original: a sink that fails does so for every line.
    fn complain(&self, world: &World, error: &io::Error) {
        if !world.log_failure_told.swap(true, Relaxed) {
            let text = error.to_string();
            let words = text.split_once(" (os error ").map_or(text.as_str(), |(words, _)| words);
            let number = self.number;
            let errno = error.raw_os_error().unwrap_or(0);
            tracing::error!("sendmsg()/writev() failed in logger #{number}: {words} (errno={errno})");
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(evenkeel_sys::dgram::NO_BUFFERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_to_descriptors_go_together_up_to_a_bound() {
        let mut sink = Sink::new(LogTransport::Fd(1), 0);
        for n in 0..10 {
            sink.hold(|out| out.extend_from_slice(&vec![b'a' + n; 1000]));
        }
        assert_eq!(sink.lines().map(<[u8]>::len).collect::<Vec<_>>(), [1000; 10]);
        assert!(!sink.is_full());
        (0..BATCH_MAX).for_each(|_| sink.hold(|out| out.push(b'\n')));
        assert!(sink.is_full());
    }
}
