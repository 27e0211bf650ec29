//! This process: becoming a daemon, its pid file, its name, its limits.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, setrlimit};

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonizeError {
    /// Threads run already: forking would lose them. A mistake of ours, not of the user.
    #[error("{0} threads run already")]
    Threads(usize),
    /// A system call failed.
    #[error("{call}: {source}")]
    Call {
        /// Which.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// In the daemon: the way to tell the waiting parent that all went well. Dropping it untold makes the parent exit with 1.
#[derive(Debug)]
pub struct Ready {
    parent: OwnedFd,
    null: OwnedFd,
}

impl Ready {
    /// Sends stdin, stdout and stderr to `/dev/null` and lets the parent exit with 0.
    pub fn announce(self) -> io::Result<()> {
        point_stdio_at(&self.null)?;
        rustix::io::write(&self.parent, &[READY_BYTE])?;
        Ok(())
    }
}

const READY_BYTE: u8 = b'+';

/// How often, and how far apart, daemonize looks whether threads that ended are gone.
const THREAD_LOOKS_MAX: u32 = 20;
const THREAD_LOOK: std::time::Duration = std::time::Duration::from_millis(1);

/// Goes into the background. Returns in the daemon only (its own session, no controlling terminal); the process that was
/// started waits until [`Ready::announce`] and exits with 0, or with 1 if the daemon dies before. Keeps the working
/// directory and the open files. Call before any thread or runtime exists.
pub fn daemonize() -> Result<Ready, DaemonizeError> {
    be_alone()?;
    let null = open_null().map_err(failed("open /dev/null"))?;
    let (wait, parent) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| failed("pipe")(e.into()))?;
    if fork()? == Side::Parent {
        drop(parent);
        let mut byte = [0u8; 1];
        let told = File::from(wait).read(&mut byte).unwrap_or(0) == 1 && byte == [READY_BYTE];
        std::process::exit(if told { 0 } else { 1 });
    }
    drop(wait);
    rustix::process::setsid().map_err(|e| failed("setsid")(e.into()))?;
    // The second fork: no longer a session leader, so it can never get a terminal again.
    if fork()? == Side::Parent {
        std::process::exit(0);
    }
    Ok(Ready { parent, null })
}

/// Makes sure that no other thread runs.
fn be_alone() -> Result<(), DaemonizeError> {
    let count = || std::fs::read_dir("/proc/self/task").map_or(1, |dir| dir.count());
    let mut threads = count();
    for _ in 0..THREAD_LOOKS_MAX {
        if threads <= 1 {
            break;
        }
        // A thread that was joined is seen a moment longer.
        std::thread::sleep(THREAD_LOOK);
        threads = count();
    }
    if threads > 1 {
        return Err(DaemonizeError::Threads(threads));
    }
    Ok(())
}

/// Sends stdin, stdout and stderr to `/dev/null`.
pub fn silence_stdio() -> io::Result<()> {
    point_stdio_at(&open_null()?)
}

fn point_stdio_at(null: &OwnedFd) -> io::Result<()> {
    rustix::stdio::dup2_stdin(null)?;
    rustix::stdio::dup2_stdout(null)?;
    rustix::stdio::dup2_stderr(null)?;
    Ok(())
}

fn open_null() -> io::Result<OwnedFd> {
    Ok(OpenOptions::new().read(true).write(true).open("/dev/null")?.into())
}

#[derive(PartialEq, Eq)]
enum Side {
    Parent,
    Child,
}

fn fork() -> Result<Side, DaemonizeError> {
    Ok(if fork_checked()?.is_none() { Side::Child } else { Side::Parent })
}

/// Forks where this is the only thread: the child's number, or `None` in the child.
pub(crate) fn fork_alone() -> Result<Option<u32>, DaemonizeError> {
    be_alone()?;
    fork_checked()
}

fn fork_checked() -> Result<Option<u32>, DaemonizeError> {
    // JUSTIFICATION: no safe crate offers fork.
    // SAFETY: all callers have checked that this is the only thread, so the child's memory is whole: no lock is held by
    // a thread that no longer exists.
    match unsafe { libc::fork() } {
        -1 => Err(failed("fork")(io::Error::last_os_error())),
        0 => Ok(None),
        // Process numbers are positive.
        child => Ok(u32::try_from(child).ok()),
    }
}

fn failed(call: &'static str) -> impl Fn(io::Error) -> DaemonizeError {
    move |source| DaemonizeError::Call { call, source }
}

/// A pid file: opened while its folder can still be reached, written when the number is known.
#[derive(Debug)]
pub struct PidFile {
    file: File,
}

impl PidFile {
    /// Opens or makes it, and empties it.
    pub fn create(path: &Path) -> io::Result<PidFile> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
        Ok(PidFile { file })
    }

    /// Writes this process's number and a line end.
    pub fn write(mut self) -> io::Result<()> {
        self.file.write_all(format!("{}\n", std::process::id()).as_bytes())
    }
}

/// Makes a FIFO that only its owner may use.
pub fn make_fifo(path: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    Ok(mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

/// Names this process in `/proc/…/comm`, where `killall` and `ps` look (15 bytes; longer names are cut by the kernel).
/// Call on the main thread, and again on others if their names matter.
pub fn set_comm(name: &str) -> io::Result<()> {
    let name = CString::new(name)?;
    Ok(rustix::thread::set_name(&name)?)
}

/// Allows core dumps after a change of user (`set-dumpable`).
pub fn set_dumpable(on: bool) -> io::Result<()> {
    let how = if on { DumpableBehavior::Dumpable } else { DumpableBehavior::NotDumpable };
    rustix::process::set_dumpable_behavior(how)?;
    if on {
        let limit = getrlimit(Resource::Core);
        setrlimit(Resource::Core, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(())
}

/// The soft and hard limits on open files; `None` is unlimited.
pub fn nofile() -> (Option<u64>, Option<u64>) {
    let limit = getrlimit(Resource::Nofile);
    (limit.current, limit.maximum)
}

/// The limit on open files stayed below what was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("wanted {wanted} open files, the system allows {allowed}")]
pub struct NofileShort {
    /// Asked for.
    pub wanted: u64,
    /// Got.
    pub allowed: u64,
}

/// Sets the limit on open files to `wanted` (`ulimit-n`), or raises it as far as the system allows and says how far.
pub fn set_nofile(wanted: u64) -> Result<(), NofileShort> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.map(|hard| hard.max(wanted));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: hard }).is_ok() {
        return Ok(());
    }
    // Not ours to raise: as much as the hard limit gives.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < wanted => Err(NofileShort { wanted, allowed }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_forbid_a_daemon() {
        // The test harness runs this on a thread beside its main one.
        assert!(matches!(daemonize(), Err(DaemonizeError::Threads(n)) if n > 1));
    }

    #[test]
    fn pid_file_holds_our_number() {
        let path = std::env::temp_dir().join(format!("ek-pid-{}", std::process::id()));
        std::fs::write(&path, "older and longer than a number").expect("temp dir is writable");
        PidFile::create(&path).expect("opens").write().expect("writes");
        let text = std::fs::read_to_string(&path).expect("reads");
        assert_eq!(text, format!("{}\n", std::process::id()));
        std::fs::remove_file(&path).expect("ours");
    }

    #[test]
    fn limits_go_as_far_as_allowed() {
        let (soft, _) = nofile();
        let soft = soft.expect("limited");
        set_nofile(soft).expect("what we have already");
        let short = set_nofile(u64::MAX / 2).expect_err("more than fs.nr_open");
        assert!(short.allowed >= soft && short.allowed < short.wanted);
    }

    #[test]
    fn comm_is_what_killall_sees() {
        let seen = std::thread::spawn(|| {
            set_comm("haproxy").expect("short name");
            std::fs::read_to_string("/proc/thread-self/comm").expect("proc")
        });
        assert_eq!(seen.join().expect("no panic"), "haproxy\n");
        assert!(set_comm("a\0b").is_err());
    }
}
