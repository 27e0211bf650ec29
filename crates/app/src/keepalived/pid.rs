//! The pid files of the daemon and its VRRP process: where they are, whether somebody runs already, and their end.

use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use evenkeel_sys::family;

use super::argv::Command;

/// Where Debian's keepalived has them.
const FOLDER: &str = "/run";

/// With `use_pid_dir`, `instance` or `net_namespace`.
const OWN_FOLDER: &str = "/run/keepalived";

/// Bytes of a pid file that are looked at.
const LOOK_MAX: u64 = 64;

/// Both files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidFiles {
    /// The parent's.
    pub(crate) parent: PathBuf,
    /// The VRRP process's.
    pub(crate) vrrp: PathBuf,
    /// True where they stand in keepalived's own folder, which may have to be made.
    pub(crate) own_folder: bool,
}

impl PidFiles {
    /// Where they are: as the command line says, else by the file's `use_pid_dir`, `instance` and namespace.
    pub(crate) fn new(
        command: &Command,
        use_pid_dir: bool,
        namespace: Option<&str>,
        instance: Option<&str>,
    ) -> PidFiles {
        let own_folder = use_pid_dir || namespace.is_some() || instance.is_some();
        let folder = Path::new(if own_folder { OWN_FOLDER } else { FOLDER });
        let tail: String =
            [namespace, instance].into_iter().flatten().map(|part| format!("_{part}")).collect();
        let default = |name: &str| folder.join(format!("{name}{tail}.pid"));
        PidFiles {
            parent: command.parent_pid.clone().unwrap_or_else(|| default("keepalived")),
            vrrp: command.vrrp_pid.clone().unwrap_or_else(|| default("vrrp")),
            own_folder,
        }
    }

    /// Makes keepalived's own folder.
    pub(crate) fn make_folder(&self) -> io::Result<()> {
        if self.own_folder { std::fs::create_dir_all(OWN_FOLDER) } else { Ok(()) }
    }
}

/// What a pid file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is none.
    None,
    /// Its process is gone, or it holds no number.
    Stale,
    /// It names a process that lives and is one of ours by its name.
    Running(u32),
}

/// Looks into a pid file. A number that now belongs to another program is stale: the original would refuse to start
/// because of it, after a crash and a reboot for example.
pub(crate) fn look(path: &Path) -> Found {
    let Ok(file) = std::fs::File::open(path) else { return Found::None };
    let mut text = String::new();
    if file.take(LOOK_MAX).read_to_string(&mut text).is_err() {
        return Found::Stale;
    }
    match text.trim().parse::<u32>() {
        Ok(pid) if pid != std::process::id() && family::is_alive(pid) && is_ours(pid) => Found::Running(pid),
        Ok(_) | Err(_) => Found::Stale,
    }
}

/// True if a process looks like a keepalived of either kind. Where there is no `/proc`, it may be; one that has ended and
/// waits for its parent has no words any more, and runs no more.
fn is_ours(pid: u32) -> bool {
    let Ok(words) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return true };
    let known = |word: &[u8]| {
        let name = word.rsplit(|b| *b == b'/').next().unwrap_or_default();
        name == b"keepalived" || name == b"evenkeel"
    };
    words.split(|b| *b == 0).take(2).any(known)
}

/// Writes this process's number; a file or link that is there is replaced, never followed.
pub(crate) fn write(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    // Whatever the umask: others read the number.
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o644))?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes())
}

/// Takes a file away that names this process, or `pid`.
pub(crate) fn remove(path: &Path, pid: u32) {
    let named = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
    if named == Some(pid) {
        // Gone already is as good.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_they_are() {
        let none = Command::default();
        let given = Command { parent_pid: Some("/a".into()), ..Command::default() };
        for (command, dir, namespace, instance, parent, vrrp) in [
            (&none, false, None, None, "/run/keepalived.pid", "/run/vrrp.pid"),
            (&none, true, None, None, "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid"),
            (
                &none,
                false,
                None,
                Some("foo"),
                "/run/keepalived/keepalived_foo.pid",
                "/run/keepalived/vrrp_foo.pid",
            ),
            (&given, false, None, None, "/a", "/run/vrrp.pid"),
            (
                &none,
                true,
                Some("n"),
                Some("i"),
                "/run/keepalived/keepalived_n_i.pid",
                "/run/keepalived/vrrp_n_i.pid",
            ),
        ] {
            let files = PidFiles::new(command, dir, namespace, instance);
            assert_eq!((files.parent, files.vrrp), (parent.into(), vrrp.into()));
        }
    }

    #[test]
    fn stale_files_are_told_from_running_daemons() {
        let path = std::env::temp_dir().join(format!("ek-kpid-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        assert_eq!(look(&path), Found::None);
        for text in ["", "x", "0", "4999999", "-5", "99999999999999999999"] {
            std::fs::write(&path, text).expect("writable");
            assert_eq!(look(&path), Found::Stale, "{text}");
        }
        std::fs::write(&path, "1\n").expect("writable");
        assert_eq!(look(&path), Found::Stale, "the first process is no keepalived");
        write(&path).expect("writes");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), format!("{}\n", std::process::id()));
        remove(&path, 1);
        assert!(path.exists(), "another's file stays");
        remove(&path, std::process::id());
        assert!(!path.exists());
    }
}
