//! Children: programs run for somebody, with a descriptor that tells their end (pidfd_open(2)).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

/// Groups of one user that are set.
const GROUPS_MAX: usize = 1024;

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// The program and its words.
    pub args: Vec<String>,
    /// Whom it runs as: user and group, with the user's other groups; `None`: as we do.
    pub user: Option<(u32, u32)>,
    /// Its umask; `None`: ours.
    pub umask: Option<u32>,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

/// A running child, the leader of its own process group. It gets SIGTERM when the thread that started it ends. Dropping this
/// does not end it: kill and reap it.
#[derive(Debug)]
pub struct ChildProc {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Spawn {
    /// Starts it. Waits until the program is loaded (or could not be): call where waiting does no harm. Standard descriptors are
    /// `/dev/null`, all others are closed.
    pub fn start(&self) -> io::Result<ChildProc> {
        let (program, args) = self.args.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let groups = self.user.map(|(uid, gid)| (uid, gid, groups_of(uid, gid)));
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0);
        let umask = self.umask;
        // Closing what others opened without CLOEXEC is our duty too; ours have it.
        // JUSTIFICATION: what a child does between fork and exec cannot be said safely.
        // SAFETY: the closure calls only functions that are async-signal-safe (prctl, setgroups, setgid, setuid, umask,
        // close_range, sched_setscheduler), allocates nothing, and its captured list was made before the fork.
        unsafe {
            command.pre_exec(move || {
                let death = libc::SIGTERM as libc::c_ulong;
                if let Some((uid, gid, groups)) = &groups
                    && (libc::setgroups(groups.len(), groups.as_ptr()) != 0
                        || libc::setgid(*gid) != 0
                        || libc::setuid(*uid) != 0)
                {
                    return Err(io::Error::last_os_error());
                }
                // After setuid, which clears it.
                if libc::prctl(libc::PR_SET_PDEATHSIG, death, 0, 0, 0) != 0 {
                    return Err(io::Error::last_os_error());
                }
                if let Some(mask) = umask {
                    libc::umask(mask as libc::mode_t);
                }
                // Marked, not closed: the standard library still reports over one of them.
                libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
                // The parent may be realtime or ignore signals: neither is the child's business.
                let param = libc::sched_param { sched_priority: 0 };
                libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const param);
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
                Ok(())
            });
        }
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::Other)?;
        // Nobody reaps but us, so the number is still the child's.
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(ChildProc { pid, pidfd })
    }
}

impl ChildProc {
    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// How it ended, if it has; it is reaped then.
    pub fn try_reap(&self) -> io::Result<Option<Exit>> {
        self.reap_with(WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
    }

    /// Waits for its end and reaps it.
    pub fn reap(&self) -> io::Result<Exit> {
        self.reap_with(WaitIdOptions::EXITED)?.ok_or_else(|| io::ErrorKind::Other.into())
    }

    fn reap_with(&self, options: WaitIdOptions) -> io::Result<Option<Exit>> {
        let status = waitid(WaitId::PidFd(self.pidfd.as_fd()), options)?;
        Ok(status.map(|s| match (s.exit_status(), s.terminating_signal()) {
            (Some(code), _) => Exit::Code((code & 0xff) as u8),
            (None, signal) => Exit::Signal(signal.unwrap_or(0) as u8),
        }))
    }

    /// Asks it and everything in its group to end.
    pub fn terminate(&self) {
        let _ = kill_process_group(self.pid, Signal::TERM);
    }

    /// Ends it and everything in its group.
    pub fn kill(&self) {
        let _ = kill_process_group(self.pid, Signal::KILL);
    }
}

impl AsFd for ChildProc {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// How a command of the standard library ended.
pub fn exit_of(status: std::process::ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code((code & 0xff) as u8),
        (None, signal) => Exit::Signal(signal.unwrap_or(0) as u8),
    }
}

/// The groups that user `uid` is in, `gid` among them.
fn groups_of(uid: u32, gid: u32) -> Vec<libc::gid_t> {
    let Some(name) = crate::user::name_of(uid) else { return vec![gid] };
    let mut groups: Vec<libc::gid_t> = vec![0; GROUPS_MAX];
    let mut count = GROUPS_MAX as libc::c_int;
    // JUSTIFICATION: the group database is reached through the C library only.
    // SAFETY: the name is a C string; the list and its length are live and ours.
    let rc = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &raw mut count) };
    if rc < 0 {
        return vec![gid];
    }
    groups.truncate(usize::try_from(count).unwrap_or(0));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Spawn {
        Spawn { args: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(), user: None, umask: None }
    }

    #[test]
    fn ends_are_told_as_they_were() {
        for (script, want) in
            [("exit 0", Exit::Code(0)), ("exit 7", Exit::Code(7)), ("kill -9 $$", Exit::Signal(9))]
        {
            let child = sh(script).start().expect("sh is everywhere");
            assert_eq!(child.reap().expect("ours"), want, "{script}");
        }
        let missing = Spawn { args: vec!["/nowhere/at/all".into()], user: None, umask: None };
        assert_eq!(missing.start().map_err(|e| e.kind()).map(|_| ()), Err(io::ErrorKind::NotFound));
        assert!(Spawn { args: vec![], user: None, umask: None }.start().is_err());
    }

    #[test]
    fn the_whole_group_is_killed() {
        let path = std::env::temp_dir().join(format!("ek-child-{}", std::process::id()));
        let child = sh(&format!("sleep 600 & echo $! >{0}.new; mv {0}.new {0}; wait", path.display()));
        let child = child.start().expect("starts");
        let grandchild = loop {
            match std::fs::read_to_string(&path) {
                Ok(text) => break text.trim().to_owned(),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
            }
        };
        assert_eq!(child.try_reap().expect("ours"), None);
        child.kill();
        assert_eq!(child.reap().expect("ours"), Exit::Signal(9));
        let gone = |pid: &str| {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z"))
        };
        while !gone(&grandchild) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::fs::remove_file(&path).expect("ours");
    }

    #[test]
    fn users_and_masks_are_the_childs_own() {
        if !crate::user::is_root() {
            return;
        }
        let path = std::env::temp_dir().join(format!("ek-child-user-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temp dir");
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).expect("root may");
        let mut spawn = sh(&format!("id -u >{0}/id; umask >>{0}/id", path.display()));
        spawn.user = Some((65534, 65534));
        spawn.umask = Some(0o027);
        assert_eq!(spawn.start().expect("starts").reap().expect("ours"), Exit::Code(0));
        assert_eq!(std::fs::read_to_string(path.join("id")).expect("written"), "65534\n0027\n");
        std::fs::remove_dir_all(&path).expect("ours");
    }
}
