//! What this machine is: cores, names, sizes.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this process may run on, in order.
pub fn cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// True if the address belongs to this machine: only such can be bound. Nothing is sent.
pub fn is_local(address: std::net::IpAddr) -> bool {
    std::net::UdpSocket::bind((address, 0)).is_ok()
}

/// Lets others that wait for this core run first (sched_yield(2)); returns at once where there are none.
pub fn yield_core() {
    rustix::thread::sched_yield();
}

/// Keeps the calling thread on one core.
pub fn pin_thread(core: usize) -> io::Result<()> {
    if core >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// The host's name, up to its first dot left as it is: what the original shows in its stats and logs.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The kernel's name and release, as in `Linux 6.1.0`.
pub fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_pinned() {
        let all = cores().expect("affinity can be read");
        let last = *all.last().expect("we run somewhere");
        let pinned = std::thread::spawn(move || {
            pin_thread(last).expect("one of our own cores");
            cores().expect("affinity can be read")
        });
        assert_eq!(pinned.join().expect("no panic"), vec![last]);
        assert_eq!(cores().expect("affinity can be read"), all, "other threads keep theirs");
        assert!(pin_thread(usize::MAX).is_err());
        assert!(page_size().is_power_of_two() && !hostname().is_empty() && kernel().starts_with("Linux "));
    }
}
