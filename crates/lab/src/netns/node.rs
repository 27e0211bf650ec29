//! One machine of a lab.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::build::add_address;
use super::ip::{LabError, NETNS_DIR, ip};
use super::process::Proc;

/// A machine: a network namespace with interfaces `lo`, `eth0`, ….
#[derive(Clone, Debug)]
pub struct Node {
    name: String,
    netns: String,
    path: PathBuf,
}

impl Node {
    pub(super) fn new(name: String, netns: String) -> Node {
        let path = Path::new(NETNS_DIR).join(&netns);
        Node { name, netns, path }
    }

    /// Its name in the description.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name for `ip netns`.
    pub fn netns(&self) -> &str {
        &self.netns
    }

    /// Its namespace's file, for [`enter`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that will run here (its process is the program's own, not a shell's).
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns]).arg(program);
        command
    }

    /// Runs a command here to its end.
    pub fn run(&self, words: &[&str]) -> Result<Output, LabError> {
        let (program, args) = words.split_first().unwrap_or((&"true", &[]));
        let mut command = self.command(program);
        command.args(args).stdin(Stdio::null());
        command.output().map_err(|source| self.start_error(words, source))
    }

    /// Starts a command here; its output is collected while it runs.
    pub fn spawn(&self, words: &[&str]) -> Result<Proc, LabError> {
        let (program, args) = words.split_first().unwrap_or((&"true", &[]));
        let mut command = self.command(program);
        command.args(args);
        Proc::start(command).map_err(|source| self.start_error(words, source))
    }

    /// Adds an address in CIDR form to `eth<interface>`.
    pub fn add_address(&self, interface: usize, address: &str) -> Result<(), LabError> {
        add_address(&self.netns, &format!("eth{interface}"), address)
    }

    /// Takes an address away.
    pub fn del_address(&self, interface: usize, address: &str) -> Result<(), LabError> {
        ip(&["-n", &self.netns, "addr", "del", address, "dev", &format!("eth{interface}")]).map(|_| ())
    }

    /// Runs `f` on a thread that lives here: sockets that it opens belong to this node wherever they are used later.
    ///
    /// # Panics
    /// If `f` does.
    pub fn within<T: Send>(&self, f: impl FnOnce() -> T + Send) -> io::Result<T> {
        let path = self.path();
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                enter(path)?;
                Ok(f())
            });
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    fn start_error(&self, words: &[&str], source: io::Error) -> LabError {
        LabError::Start { command: words.join(" "), node: self.name.clone(), source }
    }
}

/// Moves the calling thread, for good, into the network namespace whose file is `path`.
pub fn enter(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}
