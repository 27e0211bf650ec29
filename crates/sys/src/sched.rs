//! How this thread is scheduled and whether its memory may be swapped out.
#![allow(unsafe_code)]

use std::io;

use libc::c_int;
use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Realtime, round robin, for the calling thread; what it starts is scheduled as usual. 1 to 99, cut to the system's range.
pub fn set_realtime(priority: u8) -> io::Result<()> {
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: both take a number and return one.
    let (low, high) = unsafe {
        (libc::sched_get_priority_min(libc::SCHED_RR), libc::sched_get_priority_max(libc::SCHED_RR))
    };
    let param = libc::sched_param { sched_priority: c_int::from(priority).clamp(low, high) };
    schedule(policy, &param)
}

/// As usual again.
pub fn set_ordinary() -> io::Result<()> {
    schedule(libc::SCHED_OTHER, &libc::sched_param { sched_priority: 0 })
}

fn schedule(policy: c_int, param: &libc::sched_param) -> io::Result<()> {
    // JUSTIFICATION: no safe crate of ours sets policies.
    // SAFETY: 0 is the calling thread; the parameter is live for the call.
    let rc = unsafe { libc::sched_setscheduler(0, policy, param) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `RLIMIT_RTTIME`: microseconds of processor time between two waits that a realtime thread should not exceed. The signal that
/// tells of it (SIGXCPU, which would end the process) is ignored: only who runs [`RUNAWAY_US`] more without a wait is ended.
pub fn set_realtime_limit(micros: u64) -> io::Result<()> {
    // JUSTIFICATION: no safe crate ignores signals.
    // SAFETY: ignoring a signal runs no code of ours.
    if unsafe { libc::signal(libc::SIGXCPU, libc::SIG_IGN) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    let hard = micros.saturating_add(RUNAWAY_US);
    Ok(setrlimit(Resource::Rttime, Rlimit { current: Some(micros), maximum: Some(hard) })?)
}

/// A loop without an end, by now.
pub const RUNAWAY_US: u64 = 2_000_000;

/// Keeps all memory of the process, now and later, from being swapped out.
pub fn lock_memory() -> io::Result<()> {
    // Raised first: locked memory counts against it for who is not root.
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    Ok(mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?)
}

/// Undoes [`lock_memory`].
pub fn unlock_memory() -> io::Result<()> {
    Ok(munlockall()?)
}

/// The calling thread's niceness, -20 to 19.
pub fn set_nice(nice: i8) -> io::Result<()> {
    // JUSTIFICATION: rustix names processes only; Linux takes a thread's number too, and 0 is the caller's.
    Ok(rustix::process::setpriority_process(None, i32::from(nice))?)
}

/// Keeps the calling thread on these cores; those that do not exist are refused by the system if none does.
pub fn set_cores(cores: &[u32]) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    for core in cores {
        match usize::try_from(*core) {
            Ok(core) if core < rustix::thread::CpuSet::MAX_CPU => set.set(core),
            Ok(_) | Err(_) => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_be_scheduled_and_set_free() {
        // Not everywhere allowed: then both say so.
        let outcome =
            std::thread::spawn(|| set_realtime(50).and_then(|()| set_ordinary())).join().expect("no panic");
        if let Err(e) = outcome {
            assert_eq!(e.raw_os_error(), Some(libc::EPERM));
        }
        assert!(set_cores(&[u32::MAX]).is_err());
        std::thread::spawn(|| set_cores(&[0]).and_then(|()| set_nice(1)))
            .join()
            .expect("no panic")
            .expect("core 0");
    }
}
