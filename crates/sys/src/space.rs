//! Namespaces of the calling thread: what processes it starts will see as their machine.
#![allow(unsafe_code)]

use std::io;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces, unshare_unsafe};

/// Gives the calling thread mounts and a host name of its own, and its next child a process space whose first process it
/// is. For good, and no thread can be started from this one afterwards.
pub fn split() -> io::Result<()> {
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUTS | UnshareFlags::NEWPID)
}

/// Moves the calling thread, for good, to the network, mounts, host name and process space of process `pid`; no thread can
/// be started from this one afterwards.
pub fn join(pid: u32) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let target = pidfd_open(pid, PidfdFlags::empty())?;
    // Mounts can only be changed by who shares its root and working directory with nobody (setns(2)).
    unshare(UnshareFlags::FS)?;
    let spaces = ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::PROCESS_ID;
    Ok(move_into_thread_name_spaces(std::os::fd::AsFd::as_fd(&target), spaces)?)
}

fn unshare(what: UnshareFlags) -> io::Result<()> {
    debug_assert!(!what.contains(UnshareFlags::FILES), "descriptors stay shared");
    // JUSTIFICATION: rustix's safe form is deprecated because of CLONE_FILES alone.
    // SAFETY: the table of descriptors stays shared, as both callers' flags show.
    Ok(unsafe { unshare_unsafe(what) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_joined_by_mistake() {
        for pid in [0, u32::MAX, 4_999_999] {
            assert!(join(pid).is_err(), "{pid}");
        }
    }
}
