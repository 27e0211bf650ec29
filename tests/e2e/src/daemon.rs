//! A proxy that runs with a configuration of the test's.
//!
//! In the text `<name>` stands for an address: those that the test gives, `<log>` for its syslog server, `<dir>` for its own
//! folder, and any other for a port of loopback that is reserved for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel_lab::netns::Proc;
use rustix::io::{FdFlags, fcntl_setfd};

use crate::port::Port;
use crate::program::Program;
use crate::syslog::Syslog;
use crate::{PATIENCE, wait};

/// A folder of one test, removed at its end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    /// If the temporary folder is not writable.
    pub fn new() -> Folder {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let n = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ek-e2e-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it.
    ///
    /// # Panics
    /// If the disk is full.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the temporary folder is writable");
        path
    }

    /// A program called `haproxy` in it: ours by that name, or the original.
    ///
    /// # Panics
    /// If it is not installed.
    pub fn link(&self, program: Program) -> PathBuf {
        let path = self.0.join("haproxy");
        symlink(program.path().expect("it is installed"), &path).expect("the temporary folder is writable");
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Folder::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing but a leftover in the temporary folder if it fails.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What to start.
#[derive(Debug)]
pub struct Setup {
    program: Program,
    text: String,
    known: BTreeMap<String, String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    inherited: Vec<OwnedFd>,
}

impl Setup {
    /// The program under test with this configuration.
    pub fn new(text: impl Into<String>) -> Setup {
        Setup {
            program: Program::wanted(),
            text: text.into(),
            known: BTreeMap::new(),
            args: vec!["-db".to_owned()],
            env: Vec::new(),
            inherited: Vec::new(),
        }
    }

    /// Another program.
    #[must_use]
    pub fn program(self, program: Program) -> Setup {
        Setup { program, ..self }
    }

    /// What `<name>` stands for.
    #[must_use]
    pub fn with(mut self, name: &str, what: impl ToString) -> Setup {
        self.known.insert(name.to_owned(), what.to_string());
        self
    }

    /// Other arguments than `-db`.
    #[must_use]
    pub fn args(self, args: &[&str]) -> Setup {
        Setup { args: args.iter().map(|a| (*a).to_owned()).collect(), ..self }
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl ToString) -> Setup {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// An open socket, for `fd@<name>`.
    #[must_use]
    pub fn inherit(mut self, name: &str, fd: impl Into<OwnedFd>) -> Setup {
        let fd = fd.into();
        self = self.with(name, fd.as_raw_fd());
        self.inherited.push(fd);
        self
    }

    /// Starts it and waits until it listens wherever the text reserves a port.
    ///
    /// # Panics
    /// If it ends before.
    #[track_caller]
    pub fn start(self) -> Daemon {
        let folder = Folder::new();
        let (text, ports, syslog) = fill_in(&self.text, &self.known, &folder);
        let conf = folder.write("conf.cfg", &text);
        let mut command = Command::new(folder.link(self.program));
        command.args(&self.args).arg("-f").arg(&conf).current_dir(folder.path());
        command.envs(self.env.iter().map(|(n, v)| (n, v)));
        for fd in &self.inherited {
            // Cleared for the time of the start: other tests' children must not keep it open for long.
            fcntl_setfd(fd, FdFlags::empty()).expect("it is open");
        }
        let proc = Proc::start(command).expect("the program starts");
        for fd in &self.inherited {
            fcntl_setfd(fd, FdFlags::CLOEXEC).expect("it is open");
        }
        let mut daemon = Daemon { proc, folder, ports, syslog, text };
        daemon.wait_listening();
        daemon
    }
}

/// One that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    /// Its process.
    pub proc: Proc,
    /// Its folder.
    pub folder: Folder,
    ports: BTreeMap<String, Port>,
    syslog: Option<Syslog>,
    text: String,
}

impl Daemon {
    /// The address that `<name>` stands for.
    ///
    /// # Panics
    /// If the text has no such name.
    #[track_caller]
    pub fn addr(&self, name: &str) -> SocketAddr {
        self.ports.get(name).map(Port::addr).expect("the text names it")
    }

    /// All addresses that were reserved, with their names.
    pub fn addrs(&self) -> Vec<(String, SocketAddr)> {
        self.ports.iter().map(|(n, p)| (n.clone(), p.addr())).collect()
    }

    /// The configuration as it was started.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its log.
    ///
    /// # Panics
    /// If the text has no `<log>`.
    #[track_caller]
    pub fn log(&self) -> &Syslog {
        self.syslog.as_ref().expect("the text has <log>")
    }

    /// Asks it to end once its sessions have, and waits. What was logged.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn finish(mut self) -> (ExitStatus, Vec<String>) {
        self.signal(10);
        let status = self.proc.wait(PATIENCE).expect("our child");
        let status = status.unwrap_or_else(|| panic!("it does not end: {}", self.proc.stderr()));
        (status, self.syslog.take().map(Syslog::finish).unwrap_or_default())
    }

    /// Sends a signal by its number.
    pub fn signal(&self, number: i32) {
        // Fails if it has ended, which whoever waits for it will see.
        let _ = self.proc.signal(number);
    }

    #[track_caller]
    fn wait_listening(&mut self) {
        let path = PathBuf::from(format!("/proc/{}/net/tcp", self.proc.pid()));
        let text = self.text.clone();
        wait("the proxy to listen", || {
            let listening = listening(&std::fs::read_to_string(&path).unwrap_or_default());
            if self.ports.values().all(|p| !binds(&text, p.addr()) || listening.contains(&p.addr().port())) {
                return true;
            }
            assert!(self.proc.is_running(), "it has ended: {}\n{}", self.proc.stderr(), self.text);
            false
        });
    }
}

/// Whether the text binds this address (and not only connects to it).
fn binds(text: &str, addr: SocketAddr) -> bool {
    let addr = addr.to_string();
    text.lines().map(str::trim_start).any(|l| {
        let binds = l.starts_with("bind ") || l.starts_with("frontend ") || l.starts_with("listen ");
        binds && l.contains(&addr)
    })
}

/// The ports of listening sockets in a `/proc/net/tcp`.
pub fn listening(table: &str) -> Vec<u16> {
    const LISTEN: &str = "0A";
    let rows = table.lines().skip(1).map(|l| l.split_ascii_whitespace().collect::<Vec<_>>());
    rows.filter(|r| r.get(3) == Some(&LISTEN))
        .filter_map(|r| r.get(1)?.rsplit_once(':').and_then(|(_, p)| u16::from_str_radix(p, 16).ok()))
        .collect()
}

fn fill_in(
    text: &str,
    known: &BTreeMap<String, String>,
    folder: &Folder,
) -> (String, BTreeMap<String, Port>, Option<Syslog>) {
    let (mut out, mut ports, mut syslog) = (String::new(), BTreeMap::new(), None);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let name = after
            .split_once('>')
            .map(|(n, _)| n)
            .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        let Some(name) = name else {
            out.push('<');
            rest = after;
            continue;
        };
        rest = after.get(name.len() + 1..).unwrap_or_default();
        if let Some(what) = known.get(name) {
            out.push_str(what);
        } else if name == "dir" {
            out.push_str(&folder.path().display().to_string());
        } else if name == "log" {
            out.push_str(&syslog.get_or_insert_with(Syslog::start).addr().to_string());
        } else {
            let port = ports.entry(name.to_owned()).or_insert_with(Port::reserve);
            out.push_str(&port.addr().to_string());
        }
    }
    out.push_str(rest);
    (out, ports, syslog)
}
