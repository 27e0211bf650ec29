//! Waiting for descriptors and one deadline with nanoseconds (epoll(7), timerfd_create(2)), for loops that do without a
//! runtime.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use evenkeel_base::Instant;
use rustix::event::{Timespec, epoll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

/// Events that one wait hands out.
const EVENTS_MAX: usize = 64;
/// The key of the poller's own timer.
const TIMER: u64 = u64::MAX;

/// Watches descriptors, each under a key of the caller's.
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: Option<Instant>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("armed", &self.armed).finish_non_exhaustive()
    }
}

impl Poller {
    /// A poller that watches nothing yet.
    pub fn new() -> io::Result<Poller> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &timer, epoll::EventData::new_u64(TIMER), epoll::EventFlags::IN)?;
        Ok(Poller { epoll, timer, armed: None })
    }

    /// Watches `fd` for input (level-triggered). `key` is not `u64::MAX`.
    pub fn add(&self, fd: &impl AsFd, key: u64) -> io::Result<()> {
        debug_assert_ne!(key, TIMER);
        Ok(epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?)
    }

    /// Watches it no longer. Closing a descriptor that is open nowhere else has the same effect.
    pub fn remove(&self, fd: &impl AsFd) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something is readable or `deadline` is there, and fills `ready` with keys. Returns at once for a deadline in
    /// the past.
    pub fn wait(&mut self, deadline: Option<Instant>, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        if deadline != self.armed {
            self.arm(deadline)?;
        }
        let mut events = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let events = match epoll::wait(&self.epoll, &mut events, None) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        for event in events {
            let key = event.data.u64();
            if key == TIMER {
                let mut count = [0u8; 8];
                let _ = rustix::io::read(&self.timer, &mut count);
                self.armed = None;
            } else {
                ready.push(key);
            }
        }
        Ok(())
    }

    fn arm(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // Zero would disarm it: a moment that has passed does as well.
        let it_value = deadline.map_or(zero, |at| {
            let ns = at.as_nanos().max(1);
            Timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 }
        });
        let spec = Itimerspec { it_interval: zero, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
        self.armed = deadline;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bell::Bell;
    use std::time::Duration;

    #[test]
    fn bells_and_deadlines_wake() {
        let mut poller = Poller::new().expect("poller");
        let bell = Bell::new().expect("bell");
        poller.add(&bell, 7).expect("watched");
        let mut ready = Vec::new();
        bell.ring();
        bell.ring();
        poller.wait(None, &mut ready).expect("waits");
        assert_eq!(ready, [7]);
        bell.silence();
        let start = crate::clock::now();
        let at = start + Duration::from_millis(3);
        poller.wait(Some(at), &mut ready).expect("waits");
        assert!(ready.is_empty() && crate::clock::now() >= at, "never early");
        poller.wait(Some(start), &mut ready).expect("a deadline in the past returns at once");
        assert!(ready.is_empty());
        bell.ring();
        poller.wait(Some(start + Duration::from_secs(3600)), &mut ready).expect("waits");
        assert_eq!(ready, [7]);
        poller.remove(&bell);
        poller.wait(Some(start), &mut ready).expect("waits");
        assert!(ready.is_empty(), "watched no longer");
    }
}
