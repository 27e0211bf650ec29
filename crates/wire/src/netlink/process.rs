//! Events of the process connector (`linux/cn_proc.h`): who forks, starts another program, renames itself, ends.

use super::{get_u32, messages};

/// `CN_IDX_PROC`, also the multicast group.
pub const GROUP: u32 = 1;
const VALUE: u32 = 1;
const HEADER: usize = 20;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The kernel's answer to [`listen`]: 0, or an errno.
    Listening(u32),
    /// A process (not a thread) was made by another.
    Forked {
        /// The maker.
        parent: u32,
        /// The new one.
        child: u32,
    },
    /// A process runs another program.
    Executed(u32),
    /// A process's main thread has another name.
    Renamed(u32),
    /// A process has ended.
    Ended(u32),
}

/// The request to be told events (`true`) or no longer.
pub fn listen(on: bool) -> Vec<u8> {
    let mut fixed = Vec::new();
    for n in [GROUP, VALUE, 0, 0] {
        fixed.extend(n.to_ne_bytes());
    }
    fixed.extend(4u16.to_ne_bytes());
    fixed.extend(0u16.to_ne_bytes());
    // PROC_CN_MCAST_LISTEN or PROC_CN_MCAST_IGNORE
    fixed.extend(if on { 1u32 } else { 2 }.to_ne_bytes());
    // NLMSG_DONE, as connectors want it.
    super::Message::new(super::KIND_DONE, 0, &fixed).finish(0)
}

/// All events of a datagram.
pub fn events(datagram: &[u8]) -> impl Iterator<Item = Event> {
    messages(datagram).filter_map(|heard| read(heard.body))
}

/// Reads one connector message; `None`: of no interest, or garbled.
pub fn read(body: &[u8]) -> Option<Event> {
    if get_u32(body, 0)? != GROUP || get_u32(body, 4)? != VALUE {
        return None;
    }
    let event = body.get(HEADER..)?;
    let data = event.get(16..)?;
    let number = |at: usize| get_u32(data, at * 4);
    Some(match get_u32(event, 0)? {
        0 => Event::Listening(number(0)?),
        // parent thread, parent process, child thread, child process
        1 if number(2)? == number(3)? => Event::Forked { parent: number(1)?, child: number(3)? },
        2 => Event::Executed(number(1)?),
        0x200 if number(0)? == number(1)? => Event::Renamed(number(1)?),
        0x8000_0000 if number(0)? == number(1)? => Event::Ended(number(1)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: u32, numbers: &[u32]) -> Vec<u8> {
        let mut body = Vec::new();
        for n in [GROUP, VALUE, 5, 0, 0, what, 0, 0, 0] {
            body.extend(n.to_ne_bytes());
        }
        for n in numbers {
            body.extend(n.to_ne_bytes());
        }
        body
    }

    #[test]
    fn events_of_processes_not_of_threads() {
        for (bytes, want) in [
            (event(0, &[0]), Some(Event::Listening(0))),
            (event(1, &[10, 10, 20, 20]), Some(Event::Forked { parent: 10, child: 20 })),
            (event(1, &[10, 10, 21, 10]), None),
            (event(2, &[20, 20]), Some(Event::Executed(20))),
            (event(0x200, &[20, 20, 0, 0]), Some(Event::Renamed(20))),
            (event(0x200, &[21, 20, 0, 0]), None),
            (event(0x8000_0000, &[20, 20, 0, 0]), Some(Event::Ended(20))),
            (event(0x8000_0000, &[21, 20, 0, 0]), None),
            (event(2, &[20]), None),
            (event(4, &[1, 2, 3, 4]), None),
        ] {
            assert_eq!(read(&bytes), want);
        }
        assert_eq!(listen(true).len(), 40);
    }
}
