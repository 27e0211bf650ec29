//! The programs under test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Ours.
    Ours,
    /// The original.
    Haproxy,
}

impl Program {
    /// Ours, unless `EVENKEEL_PROGRAM=haproxy` asks what the original makes of our own tests.
    pub fn wanted() -> Program {
        match std::env::var("EVENKEEL_PROGRAM").as_deref() {
            Ok("haproxy") => Program::Haproxy,
            Ok(_) | Err(_) => Program::Ours,
        }
    }

    /// Its file; `None` if the original is not installed.
    pub fn path(self) -> Option<PathBuf> {
        match self {
            Program::Ours => Some(ours().to_owned()),
            Program::Haproxy => haproxy(),
        }
    }
}

/// Our binary: `EVENKEEL_BIN`, else the one of the profile that this test was built with, brought up to date.
///
/// # Panics
/// If there is none and it cannot be built.
pub fn ours() -> &'static Path {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    OURS.get_or_init(|| match std::env::var_os("EVENKEEL_BIN") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

fn build() -> PathBuf {
    let exe = std::env::current_exe().expect("/proc is mounted");
    // target/<profile>/deps/<test>
    let folder = exe.ancestors().nth(2).expect("tests stand in deps");
    let path = folder.join("evenkeel");
    let profile = match folder.file_name().and_then(|n| n.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "evenkeel", "--profile", profile]);
    // The target folder is the one that we stand in, wherever that is.
    command.arg("--target-dir").arg(folder.parent().expect("a profile's folder has a parent"));
    let built = command.current_dir(crate::root()).status().is_ok_and(|s| s.success());
    assert!(built || path.exists(), "{} is not there and cargo cannot build it", path.display());
    path
}

/// The original, if it is installed: `HAPROXY_BIN`, else on the path or where Debian has it.
fn haproxy() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("HAPROXY_BIN") {
        return Some(PathBuf::from(path));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|f| f.join("haproxy")).find(|p| p.is_file())
}
