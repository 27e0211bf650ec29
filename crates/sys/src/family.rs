//! A parent and its children, for programs that fork before they have threads: forking, waiting for signals by number, and
//! children that end with their parent.
#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getppid, set_parent_process_death_signal, waitpid,
};

use crate::process::{self, DaemonizeError};

/// The first and the last realtime signal that programs may use.
pub fn realtime_signals() -> (i32, i32) {
    (libc::SIGRTMIN(), libc::SIGRTMAX())
}

/// On which side of a fork one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The new process.
    Child,
    /// The old one, with the new one's number.
    Parent(u32),
}

/// Forks. The child gets SIGTERM when its parent dies. Call where only one thread runs.
pub fn fork() -> Result<Fork, DaemonizeError> {
    let parent = rustix::process::getpid();
    match process::fork_alone()? {
        Some(child) => Ok(Fork::Parent(child)),
        None => {
            let failed =
                |source: rustix::io::Errno| DaemonizeError::Call { call: "prctl", source: source.into() };
            set_parent_process_death_signal(Some(Signal::TERM)).map_err(failed)?;
            if getppid() != Some(parent) {
                // It died before the line above: nobody will tell us any more.
                std::process::exit(0);
            }
            Ok(Fork::Child)
        }
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// The next child that has ended, if one has: its number and how.
pub fn reap() -> Option<(u32, Ending)> {
    loop {
        let (pid, status) = waitpid(None, WaitOptions::NOHANG).ok()??;
        let pid = u32::try_from(pid.as_raw_nonzero().get()).ok()?;
        if let Some(ending) = ending(status) {
            return Some((pid, ending));
        }
    }
}

fn ending(status: WaitStatus) -> Option<Ending> {
    let code = status.exit_status().map(Ending::Code);
    code.or_else(|| status.terminating_signal().map(Ending::Signal))
}

/// True while a process of this number is there, ours or not.
pub fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Sends a signal by number.
pub fn send_signal(pid: u32, number: i32) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    if pid <= 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // JUSTIFICATION: rustix's signals leave out the realtime ones.
    // SAFETY: kill takes two numbers and touches no memory of ours.
    match unsafe { libc::kill(pid, number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Signals that are waited for instead of being delivered.
#[derive(Clone, Copy)]
pub struct Awaited {
    set: libc::sigset_t,
}

impl std::fmt::Debug for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Awaited").finish_non_exhaustive()
    }
}

impl Awaited {
    /// Holds back these signals in the calling thread, and in the threads and children that it makes from now on.
    pub fn block(numbers: &[i32]) -> io::Result<Awaited> {
        // SAFETY: all-zero bytes are a valid sigset_t: it is plain numbers, and sigemptyset sets it anyway.
        let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
        // JUSTIFICATION: rustix offers no signal sets.
        // SAFETY: the pointer is to a live sigset_t of ours.
        unsafe { libc::sigemptyset(&raw mut set) };
        for number in numbers {
            // SAFETY: as above; a number that is no signal is refused by the call.
            if unsafe { libc::sigaddset(&raw mut set, *number) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // SAFETY: the pointer is to a live sigset_t; the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
            0 => Ok(Awaited { set }),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Waits for one of them; `None` once the patience is over. Without patience it waits for ever.
    pub fn wait(&self, patience: Option<Duration>) -> io::Result<Option<i32>> {
        let spec = patience.map(|patience| libc::timespec {
            tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        });
        let until = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        loop {
            // SAFETY: the set and the time live here; no siginfo is asked for.
            let got = unsafe { libc::sigtimedwait(&raw const self.set, std::ptr::null_mut(), until) };
            if got > 0 {
                return Ok(Some(got));
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(None),
                // A signal outside the set; rare, so the patience begins again.
                io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_back_signals_are_told_by_number() {
        let (first, last) = realtime_signals();
        assert!(first + 2 < last - 1);
        // Directed at this thread, so that the harness's others are left alone.
        let told = std::thread::spawn(move || {
            let awaited = Awaited::block(&[first + 2, last - 1]).expect("signals");
            for number in [first + 2, last - 1] {
                // SAFETY: the thread is this one; the signal is held back in it.
                assert_eq!(unsafe { libc::pthread_kill(libc::pthread_self(), number) }, 0);
                assert_eq!(awaited.wait(None).expect("waits"), Some(number));
            }
            awaited.wait(Some(Duration::ZERO)).expect("waits")
        });
        assert_eq!(told.join().expect("no panic"), None);
        assert!(Awaited::block(&[9_999]).is_err());
    }

    #[test]
    fn who_lives() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(0) && !is_alive(u32::MAX) && !is_alive(4_999_999));
        assert!(send_signal(0, 0).is_err() && send_signal(u32::MAX, 0).is_err());
        send_signal(std::process::id(), 0).expect("we are there");
    }
}
