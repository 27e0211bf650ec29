//! The life of the process as its parents see it: signals and how it ends, background, pid files, old processes. Listens
//! on UNIX sockets in a folder of its own, so that no port is taken.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// How long anything may take before the test gives up; nothing is measured against it.
const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(5);

/// A folder with a program called haproxy and a configuration that listens on `sock`.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ek-life-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        symlink(env!("CARGO_BIN_EXE_evenkeel"), path.join("haproxy")).expect("a link can be made there");
        let folder = Folder(path);
        folder.write("web.cfg", "");
        folder
    }

    /// A configuration with more `global` lines.
    fn write(&self, name: &str, global: &str) {
        let text = format!(
            "global\n{global}\ndefaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n\
             frontend web\n bind {}/sock\n",
            self.0.display()
        );
        std::fs::write(self.0.join(name), text).expect("the temporary folder is writable");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.0.join("haproxy"));
        command
            .args(args)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.0.join("said")).expect("writable"));
        command
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("the program starts")
    }

    /// In the background: the pid that the file names, once the parent has left well.
    fn daemon(&self, args: &[&str]) -> Pid {
        let _ = std::fs::remove_file(self.0.join("pid"));
        let status = end(self.start(args));
        assert_eq!(status.code(), Some(0), "{}", self.said());
        let text = std::fs::read_to_string(self.0.join("pid")).expect("the pid file is there");
        let pid = text.strip_suffix('\n').and_then(|t| t.parse().ok()).and_then(Pid::from_raw);
        pid.expect("it holds one number")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.0.join("said")).unwrap_or_default()
    }

    fn wait_listening(&self) {
        let sock = self.0.join("sock");
        wait(|| UnixStream::connect(&sock).is_ok());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn wait(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(PAUSE);
    }
}

#[track_caller]
fn end(mut child: Child) -> ExitStatus {
    let mut status = None;
    wait(|| {
        status = child.try_wait().expect("our child");
        status.is_some()
    });
    status.expect("waited for")
}

/// True while a process of that number does anything (one that nobody waits for is dead).
fn lives(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

/// True if whoever started the tests has a signal ignored (shells do so for what runs in the background): children inherit it.
fn ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("Linux tells");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("a mask is hexadecimal");
    mask & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn signals_end_it_as_they_end_the_original() {
    for (args, signal, code, by, said) in [
        (&["-f", "web.cfg"][..], Signal::TERM, None, Some(15), ""),
        (&["-f", "web.cfg"], Signal::INT, None, Some(2), ""),
        (&["-d", "-f", "web.cfg"], Signal::INT, None, Some(2), "This is Evenkeel"),
        (&["-db", "-f", "web.cfg"], Signal::USR1, Some(0), None, "Proxy web stopped (cumulated conns: FE: "),
        (&["-q", "-f", "web.cfg"], Signal::USR1, Some(0), None, ""),
    ] {
        if signal == Signal::INT && ignored(signal) {
            println!(
                "skipped: {args:?}: this process was started with SIGINT ignored, and so are its children"
            );
            continue;
        }
        let folder = Folder::new("signals");
        let child = folder.start(args);
        folder.wait_listening();
        let pid = Pid::from_child(&child);
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).expect("it lives");
        assert_eq!(comm, "haproxy\n");
        kill_process(pid, signal).expect("it lives");
        let status = end(child);
        assert_eq!((status.code(), status.signal()), (code, by), "{args:?} {signal:?}: {}", folder.said());
        assert!(folder.said().contains(said), "{args:?} {signal:?}: {}", folder.said());
        assert!(!said.is_empty() || folder.said().is_empty(), "{args:?}: {}", folder.said());
    }
}

#[test]
fn other_signals_leave_it_running() {
    let folder = Folder::new("others");
    let child = folder.start(&["-f", "web.cfg"]);
    folder.wait_listening();
    let pid = Pid::from_child(&child);
    for (signal, said) in [
        (Signal::HUP, "SIGHUP: Proxy web has no servers."),
        (Signal::TTOU, "Paused frontend web."),
        (Signal::TTIN, "Resumed frontend web."),
        (Signal::QUIT, "SIGQUIT: VmRSS:"),
        (Signal::USR2, ""),
        (Signal::PIPE, ""),
    ] {
        kill_process(pid, signal).expect("it lives");
        wait(|| folder.said().contains(said));
    }
    folder.wait_listening();
    kill_process(pid, Signal::USR1).expect("it lives");
    assert_eq!(end(child).code(), Some(0));
}

#[test]
fn a_daemon_leaves_its_number() {
    let folder = Folder::new("daemon");
    folder.write("daemon.cfg", " daemon");
    for args in [
        &["-D", "-f", "web.cfg", "-p", "pid"][..],
        &["-D", "-db", "-f", "web.cfg", "-p", "pid"],
        &["-f", "daemon.cfg", "-p", "pid"],
    ] {
        let pid = folder.daemon(args);
        // The parent left only when all was ready.
        UnixStream::connect(folder.0.join("sock")).expect("it listens");
        let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        assert_eq!(std::fs::read_to_string(proc.join("comm")).expect("it lives"), "haproxy\n");
        assert_eq!(std::fs::read_link(proc.join("fd/2")).expect("it lives"), PathBuf::from("/dev/null"));
        kill_process(pid, Signal::TERM).expect("it lives");
        wait(|| !lives(pid));
    }
}

#[test]
fn the_foreground_writes_no_number() {
    let folder = Folder::new("foreground");
    folder.write("daemon.cfg", " daemon");
    let child = folder.start(&["-db", "-f", "daemon.cfg", "-p", "pid"]);
    folder.wait_listening();
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it lives");
    assert_eq!(end(child).signal(), Some(15));
    assert!(!folder.0.join("pid").exists());
}

#[test]
fn old_processes_are_asked_to_leave() {
    let folder = Folder::new("old");
    for how in ["-sf", "-st"] {
        let old = folder.daemon(&["-D", "-f", "web.cfg", "-p", "pid"]);
        let number = old.as_raw_nonzero().to_string();
        let new = folder.daemon(&["-D", "-f", "web.cfg", "-p", "pid", how, &number]);
        assert_ne!(old, new);
        wait(|| !lives(old));
        UnixStream::connect(folder.0.join("sock")).expect("the new one listens");
        kill_process(new, Signal::TERM).expect("it lives");
        wait(|| !lives(new));
    }
}

#[test]
fn a_start_that_fails_says_why() {
    let folder = Folder::new("fails");
    let text = "frontend web\n bind /nosuch/folder/sock\n bind fd@99\n";
    std::fs::write(folder.0.join("nosuch.cfg"), text).expect("writable");
    for (args, said) in [
        (
            &["-f", "nosuch.cfg"][..],
            "Binding [nosuch.cfg:2] for proxy web: cannot bind UNIX socket (No such file or directory) [/nosuch/folder/sock]",
        ),
        (
            &["-D", "-f", "nosuch.cfg"],
            "Binding [nosuch.cfg:3] for proxy web: cannot use the inherited descriptor",
        ),
        (
            &["-D", "-f", "nosuch.cfg"],
            "[haproxy.main()] Some protocols failed to start their listeners! Exiting.",
        ),
        (&["-D", "-f", "web.cfg", "-p", "/nosuch/pid"], "[haproxy.main()] Cannot create pidfile /nosuch/pid"),
        (&["-f", "web.cfg", "-n", "2000000000"], "[haproxy.main()] Cannot raise FD limit to 40000000"),
    ] {
        let status = end(folder.start(args));
        assert_eq!(status.code(), Some(1), "{args:?}: {}", folder.said());
        assert!(folder.said().contains(said), "{args:?}: {}", folder.said());
    }
}

/// The numbers of a user and a group that have no rights; Linux keeps them for that.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: needs root");
    }
    root
}

#[test]
fn privileges_are_given_up() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("gives-up");
    let jail = folder.0.join("jail");
    std::fs::create_dir(&jail).expect("writable");
    folder.write("jail.cfg", &format!(" uid {NOBODY}\n gid {NOBODY}\n chroot {}", jail.display()));
    let pid = folder.daemon(&["-D", "-f", "jail.cfg", "-p", "pid"]);
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let status = std::fs::read_to_string(proc.join("status")).expect("it lives");
    for want in ["Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n"] {
        assert!(status.contains(want), "{want:?}: {status}");
    }
    assert_eq!(std::fs::read_link(proc.join("root")).expect("it lives"), jail);
    UnixStream::connect(folder.0.join("sock")).expect("it listens");
    kill_process(pid, Signal::TERM).expect("it lives");
    wait(|| !lives(pid));
}

#[test]
fn who_has_no_privileges_is_told() {
    if !is_root() {
        return;
    }
    let folder = Folder::new("nobody");
    std::fs::set_permissions(&folder.0, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("ours");
    for (global, background, said) in [
        (" uid 0", false, "[haproxy.main()] Cannot set uid 0 (Operation not permitted)."),
        (" gid 0", false, "[haproxy.main()] Cannot set gid 0 (Operation not permitted)."),
        (" chroot /", false, "[haproxy.main()] Cannot chroot(/) (Operation not permitted)."),
        (" chroot /", true, "[haproxy.main()] Cannot chroot(/) (Operation not permitted)."),
    ] {
        folder.write("global.cfg", global);
        let args: &[&str] = if background { &["-D", "-f", "global.cfg"] } else { &["-f", "global.cfg"] };
        let child = match folder.command(args).uid(NOBODY).gid(NOBODY).spawn() {
            Ok(child) => child,
            Err(error) => {
                println!("skipped: the program is out of a plain user's reach ({error})");
                return;
            }
        };
        assert_eq!(end(child).code(), Some(1), "{global}: {}", folder.said());
        assert!(folder.said().contains(said), "{global}: {}", folder.said());
    }
}
