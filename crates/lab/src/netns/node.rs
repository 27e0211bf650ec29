//! One node of a lab.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::build::add_address;
use super::ip::{LabError, NETNS_DIR, ip};
use super::machine::Machine;
use super::process::Proc;

/// A node: a network namespace with interfaces `lo`, `eth0`, …, and, if it was described as a machine, files, processes
/// and a host name of its own.
#[derive(Clone, Debug)]
pub struct Node {
    name: String,
    netns: String,
    path: PathBuf,
    interfaces: Vec<String>,
    machine: Option<Arc<Machine>>,
}

/// Which way packets go, as a node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the node.
    In,
    /// From the node.
    Out,
}

/// The table of our filters in nft's words.
pub(super) const FILTER: &str = "evenkeel_lab";

impl Node {
    pub(super) fn new(name: String, netns: String, interfaces: Vec<String>) -> Node {
        let path = Path::new(NETNS_DIR).join(&netns);
        Node { name, netns, path, interfaces, machine: None }
    }

    pub(super) fn become_machine(&mut self, programs: &[(String, PathBuf)]) -> Result<(), LabError> {
        self.machine = Some(Arc::new(Machine::start(&self.name, &self.path, programs)?));
        Ok(())
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

    /// Its interfaces' names, in the order of their links.
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// A command that will run in this node's network (its process is the program's own, not a shell's). Of a machine it
    /// sees the network alone: see [`Node::start`].
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns]).arg(program);
        command
    }

    /// Runs a command here to its end.
    pub fn run(&self, words: &[&str]) -> Result<Output, LabError> {
        let (program, args) = words.split_first().unwrap_or((&"true", &[]));
        let mut command = if self.machine.is_some() { Command::new(program) } else { self.command(program) };
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn_child(command);
        child.and_then(Child::wait_with_output).map_err(|source| self.start_error(words, source))
    }

    /// Starts a command here; its output is collected while it runs.
    pub fn spawn(&self, words: &[&str]) -> Result<Proc, LabError> {
        let (program, args) = words.split_first().unwrap_or((&"true", &[]));
        let mut command = if self.machine.is_some() { Command::new(program) } else { self.command(program) };
        command.args(args);
        self.start(command)
    }

    /// Starts a command that was made with [`Node::command`], or, on a machine, with [`Command::new`]: there it sees the
    /// machine's files and processes.
    pub fn start(&self, command: Command) -> Result<Proc, LabError> {
        let words = command.get_program().to_string_lossy().into_owned();
        let proc = Proc::start_by(command, |command| self.spawn_child(command));
        proc.map_err(|source| self.start_error(&[&words], source))
    }

    fn spawn_child(&self, mut command: Command) -> io::Result<Child> {
        match &self.machine {
            Some(machine) => machine.spawn(command),
            None => command.spawn(),
        }
    }

    /// Writes a file of this machine (its folders are made; in `/etc` it replaces the real one inside).
    pub fn put(&self, path: &str, text: impl AsRef<[u8]>, mode: u32) -> Result<(), LabError> {
        let put = self.own_files().and_then(|machine| machine.put(path, text.as_ref(), mode));
        put.map_err(|source| self.file_error(path, source))
    }

    /// Reads a file of this machine.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, LabError> {
        self.own_files()
            .and_then(|machine| machine.read(path))
            .map_err(|source| self.file_error(path, source))
    }

    fn own_files(&self) -> io::Result<&Machine> {
        self.machine.as_deref().ok_or_else(|| io::Error::other("the node is no machine"))
    }

    /// Adds an address in CIDR form to an interface, by its number.
    pub fn add_address(&self, interface: usize, address: &str) -> Result<(), LabError> {
        add_address(&self.netns, self.interface(interface)?, address)
    }

    /// Takes an address away.
    pub fn del_address(&self, interface: usize, address: &str) -> Result<(), LabError> {
        ip(&["-n", &self.netns, "addr", "del", address, "dev", self.interface(interface)?]).map(|_| ())
    }

    /// Takes an interface down or up on this node's own side, as its operator would. ([`super::Lab::set_link`] pulls the
    /// cable on the other side.)
    pub fn set_up(&self, interface: usize, up: bool) -> Result<(), LabError> {
        let state = if up { "up" } else { "down" };
        ip(&["-n", &self.netns, "link", "set", self.interface(interface)?, state]).map(|_| ())
    }

    /// Drops what matches `what` (in nft's words, as `ip protocol 112`) on its way in or out, until [`Node::unblock`].
    pub fn block(&self, way: Way, what: &str) -> Result<(), LabError> {
        let (chain, hook) = match way {
            Way::In => ("incoming", "input"),
            Way::Out => ("outgoing", "output"),
        };
        let base = format!("{{ type filter hook {hook} priority -250; policy accept; }}");
        let words: Vec<&str> = what.split_ascii_whitespace().collect();
        nft(&self.netns, &["add", "table", "inet", FILTER])?;
        nft(&self.netns, &["add", "chain", "inet", FILTER, chain, &base])?;
        let rule = ["add", "rule", "inet", FILTER, chain].into_iter().chain(words).chain(["counter", "drop"]);
        nft(&self.netns, &rule.collect::<Vec<_>>())
    }

    /// Ends all of [`Node::block`].
    pub fn unblock(&self) -> Result<(), LabError> {
        nft(&self.netns, &["add", "table", "inet", FILTER])?;
        nft(&self.netns, &["delete", "table", "inet", FILTER])
    }

    fn interface(&self, n: usize) -> Result<&str, LabError> {
        let found = self.interfaces.get(n).map(String::as_str);
        found.ok_or_else(|| LabError::Unknown(format!("interface {n} of {}", self.name)))
    }

    fn file_error(&self, path: &str, source: io::Error) -> LabError {
        LabError::File { path: path.to_owned(), node: self.name.clone(), source }
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

/// Runs nft in a network namespace.
pub(super) fn nft(netns: &str, words: &[&str]) -> Result<(), LabError> {
    ip(&[&["netns", "exec", netns, "nft"], words].concat()).map(|_| ())
}

/// Moves the calling thread, for good, into the network namespace whose file is `path`.
pub fn enter(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
}
