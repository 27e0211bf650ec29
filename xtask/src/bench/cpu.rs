//! What the kernel knows of a process: CPU time, memory, descendants, limits.

use std::fs;
use std::process::Command;

/// Nanoseconds per clock tick of `/proc/PID/stat` (100 a second on every Linux of today).
const TICK_NS: u64 = 10_000_000;
/// Taken if the limit of open files cannot be read.
const FILES_DEFAULT: usize = 1024;

/// CPU time of a process and all its descendants, in nanoseconds.
pub(super) fn tree_ns(root: u32) -> u64 {
    tree(root).into_iter().map(process_ns).sum()
}

/// Resident memory of a process and all its descendants, in bytes.
pub(super) fn tree_rss(root: u32) -> u64 {
    tree(root).into_iter().map(rss).sum()
}

/// A process and its descendants.
pub(super) fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = stat_field(pid, 1) {
            parents.push((pid, parent as u32));
        }
    }
    let mut all = vec![root];
    let mut at = 0;
    while let Some(&parent) = all.get(at) {
        all.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    all
}

/// Sums what the scheduler counted for each thread; ticks where it counts nothing.
fn process_ns(pid: u32) -> u64 {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        sum += text.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    if sum > 0 { sum } else { ticks(pid) * TICK_NS }
}

fn ticks(pid: u32) -> u64 {
    stat_field(pid, 11).unwrap_or(0) + stat_field(pid, 12).unwrap_or(0)
}

/// A number of `/proc/PID/stat`, counted from the one behind the name (the state is 0).
fn stat_field(pid: u32, at: usize) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(at)?.parse().ok()
}

fn rss(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Raises this process's limit of open files as far as it may go (children inherit it), and tells it.
pub(super) fn raise_own_limit() -> usize {
    let limits = || {
        let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let line =
            text.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default().to_owned();
        let mut numbers = line.split_ascii_whitespace().filter_map(|word| word.parse::<usize>().ok());
        (numbers.next().unwrap_or(FILES_DEFAULT), numbers.next().unwrap_or(FILES_DEFAULT))
    };
    let (soft, hard) = limits();
    if soft < hard {
        let pid = std::process::id().to_string();
        // Without it there are fewer connections, which is said.
        let _ = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={hard}:{hard}")]).status();
    }
    limits().0
}
