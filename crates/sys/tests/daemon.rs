//! Becoming a daemon, dropping privileges and catching signals, each in a process of its own.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_sys::process::{PidFile, daemonize, set_comm};
use evenkeel_sys::signal::{Signal, Signals};
use evenkeel_sys::user::{Privileges, drop_privileges, is_root};

const ROLE: &str = "EK_TEST_ROLE";
const FILE: &str = "EK_TEST_FILE";
/// Long enough for a loaded machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    match std::env::var(ROLE).as_deref() {
        Ok("daemon") => daemon(),
        Ok("dies") => drop(daemonize().expect("one thread")),
        Ok("drops") => drops(),
        Ok("signals") => signals(),
        Ok(other) => panic!("no role {other}"),
        Err(_) => {
            parent_waits_for_the_daemon();
            parent_fails_with_the_daemon();
            privileges_are_gone_for_good();
            signals_come_as_values();
            println!("daemon: 4 passed");
        }
    }
}

fn myself(role: &str, file: &PathBuf) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("we run"));
    command.env(ROLE, role).env(FILE, file);
    command
}

fn file_for(role: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ek-{role}-{}", std::process::id()))
}

fn daemon() {
    let pid_file = PidFile::create(&PathBuf::from(std::env::var_os(FILE).expect("given"))).expect("opens");
    let ready = daemonize().expect("one thread");
    set_comm("ek-daemon").expect("short name");
    pid_file.write().expect("writes");
    ready.announce().expect("the parent waits");
    println!("this goes to /dev/null");
    std::thread::sleep(PATIENCE);
}

fn parent_waits_for_the_daemon() {
    let file = file_for("daemon");
    let out = myself("daemon", &file).output().expect("starts");
    assert!(out.status.success(), "{out:?}");
    assert!(out.stdout.is_empty(), "the daemon holds none of our pipes");
    let pid = std::fs::read_to_string(&file).expect("written before the parent left");
    let pid: i32 = pid.trim().parse().expect("a number");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
    let fields: Vec<&str> = stat.split_whitespace().collect();
    assert_eq!(fields[1], "(ek-daemon)");
    assert_ne!(fields[5], pid.to_string(), "no session leader");
    assert_eq!(fields[6], "0", "no terminal");
    kill(pid, rustix::process::Signal::KILL);
    std::fs::remove_file(&file).expect("ours");
}

fn parent_fails_with_the_daemon() {
    let out = myself("dies", &file_for("dies")).output().expect("starts");
    assert_eq!(out.status.code(), Some(1));
}

fn drops() {
    let root = PathBuf::from(std::env::var_os(FILE).expect("given"));
    drop_privileges(&Privileges { chroot: Some(root), uid: Some(65534), gid: Some(65534) })
        .expect("root may");
    assert!(!is_root());
    assert!(std::fs::metadata("/etc").is_err(), "outside the new root");
    assert!(rustix::process::getgroups().expect("readable").is_empty());
    let back = Privileges { uid: Some(0), ..Privileges::default() };
    assert!(drop_privileges(&back).is_err(), "no way back");
    std::io::stdout().write_all(b"dropped").expect("open");
}

fn privileges_are_gone_for_good() {
    if !is_root() {
        eprintln!("skipped: dropping privileges needs root");
        return;
    }
    let root = file_for("root");
    std::fs::create_dir_all(&root).expect("temp dir is writable");
    let out = myself("drops", &root).output().expect("starts");
    assert_eq!(out.stdout, b"dropped", "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::remove_dir(&root).expect("ours");
}

fn signals() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let mut signals = Signals::new(&Signal::ALL).expect("catches");
        println!("ready");
        loop {
            let signal = signals.next().await;
            println!("{signal:?}");
            if signal == Signal::Term {
                return;
            }
        }
    });
}

fn signals_come_as_values() {
    use std::io::{BufRead, BufReader};
    let mut child = myself("signals", &file_for("signals")).stdout(Stdio::piped()).spawn().expect("starts");
    let pid = i32::try_from(child.id()).expect("fits");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || lines.next().expect("not ended").expect("text");
    assert_eq!(line(), "ready");
    for (signal, name) in [
        (rustix::process::Signal::USR1, "Usr1"),
        (rustix::process::Signal::HUP, "Hup"),
        (rustix::process::Signal::TTOU, "Ttou"),
        (rustix::process::Signal::TERM, "Term"),
    ] {
        kill(pid, signal);
        assert_eq!(line(), name);
    }
    let start = Instant::now();
    while child.try_wait().expect("ours").is_none() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5)); // waits for another process: there is no event to wait for
    }
}

fn kill(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("not zero");
    rustix::process::kill_process(pid, signal).expect("ours");
}
