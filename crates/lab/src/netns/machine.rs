//! What makes a node a machine: files, processes and a host name of its own beside its network.
//!
//! Its first process keeps the namespaces and reaps orphans; killing that one ends everything inside. What is private is a
//! list below; all other folders are this machine's own, as read.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use super::ip::LabError;
use super::node::enter;
use super::process::Proc;

/// How long the first process may take to set itself up.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the first process says when the machine is ready.
const READY: &str = "machine is ready";
/// Where commands are looked for inside: stand-ins first.
const PATH: &str = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Run by the first process: `$0` is the host's name, the arguments are pairs of a command's name and its file.
///
/// Programs are bound first, before the folders that they may lie in are hidden. `/etc` becomes a folder of links to the
/// real one, so that files of it can be replaced one by one. A shell that waits for a child reaps all others on the way.
const SETUP: &str = r#"set -e
mount --make-rprivate /
mount -t proc proc /proc
echo "$0" >/proc/sys/kernel/hostname
mount -t sysfs sysfs /sys || :
mount -t tmpfs -o mode=755 tmpfs /mnt
while [ $# -gt 0 ]; do
    : >"/mnt/$1"
    mount --bind "$2" "/mnt/$1"
    shift 2
done
for folder in /run /root /var/lib; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir /run/etc /run/lock /var/lib/haproxy
mount --bind /etc /run/etc
mount -t tmpfs -o mode=755 tmpfs /etc
for file in /run/etc/*; do ln -s "$file" "/etc/${file#/run/etc/}"; done
for folder in init.d keepalived haproxy; do rm -f /etc/$folder && mkdir /etc/$folder; done
mount --move /mnt /usr/local/bin
cd /
echo 'machine is ready'
while :; do sleep 86400 & wait $! || :; done"#;

/// The first process of a machine. Dropping it ends the machine.
#[derive(Debug)]
pub(super) struct Machine {
    pid: u32,
    init: Option<Proc>,
}

impl Machine {
    /// Starts a machine in the network namespace whose file is `netns`.
    pub(super) fn start(
        name: &str,
        netns: &Path,
        programs: &[(String, PathBuf)],
    ) -> Result<Machine, LabError> {
        let failed = |source| LabError::Start {
            command: "its first process".to_owned(),
            node: name.to_owned(),
            source,
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(SETUP).arg(name);
        for (as_name, file) in programs {
            command.arg(as_name).arg(file);
        }
        let set = |mut command: Command| {
            aside(move || {
                enter(netns)?;
                evenkeel_sys::space::split()?;
                command.spawn()
            })
        };
        let init = Proc::start_by(command, set).map_err(failed)?;
        if init.wait_for(READY, PATIENCE) {
            return Ok(Machine { pid: init.pid(), init: Some(init) });
        }
        Err(failed(io::Error::other(init.stderr().trim().to_owned())))
    }

    /// Starts a command inside.
    pub(super) fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let pid = self.pid;
        if !command.get_envs().any(|(name, _)| name == "PATH") {
            command.env("PATH", PATH);
        }
        aside(move || {
            evenkeel_sys::space::join(pid)?;
            command.spawn()
        })
    }

    /// The file of this machine that is called `path` inside.
    fn outside(&self, path: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        root.join(path.trim_start_matches('/'))
    }

    /// Writes a file inside, with its folders.
    pub(super) fn put(&self, path: &str, text: &[u8], mode: u32) -> io::Result<()> {
        let file = self.outside(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        // In /etc it is a link to the real one until it is replaced. Absent is as good.
        let _ = fs::remove_file(&file);
        fs::write(&file, text)?;
        fs::set_permissions(&file, Permissions::from_mode(mode))
    }

    /// Reads a file inside.
    pub(super) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.outside(path))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let Some(init) = self.init.take() else { return };
        // KILL, and all that is inside goes with it. Gone already is as good.
        let _ = init.signal(9);
        // It ends only when whoever started something inside has reaped that: we ourselves, perhaps later than now.
        let _ = std::thread::Builder::new().name("lab-reaper".to_owned()).spawn(move || drop(init));
    }
}

/// Runs `f` on a thread that ends with it: whatever namespaces it moves to, nobody else is there.
fn aside<T: Send>(f: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| scope.spawn(f).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}
