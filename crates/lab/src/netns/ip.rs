//! The `ip` command, and whether this machine lets us use it.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where iproute2 keeps its named namespaces.
pub(super) const NETNS_DIR: &str = "/run/netns";

/// What went wrong with a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This machine cannot have labs.
    #[error(transparent)]
    Unavailable(#[from] Why),
    /// The `ip` command refused something.
    #[error("ip {command}: {said}")]
    Ip {
        /// Its arguments.
        command: String,
        /// Its complaint.
        said: String,
    },
    /// Two nodes or switches of one name, or a name that cannot be one.
    #[error("{0:?} is taken, empty, or no name for a node")]
    Name(String),
    /// A link or route to a node or switch that is not there.
    #[error("no node or switch is called {0:?}")]
    Unknown(String),
    /// A file of a machine could not be written or read.
    #[error("file {path} of {node}: {source}")]
    File {
        /// Which, as it is called inside.
        path: String,
        /// Where.
        node: String,
        /// What the system said.
        source: io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {command} in {node}: {source}")]
    Start {
        /// What.
        command: String,
        /// Where.
        node: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Why this machine cannot have network namespaces.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// Only root may make them.
    #[error("network namespaces need root")]
    NotRoot,
    /// The `ip` command is missing.
    #[error("the ip command is missing: apt-get install iproute2")]
    NoIp,
    /// The system refuses, as inside many containers.
    #[error("the system refuses network namespaces: ip {command}: {said}")]
    Refused {
        /// What was tried.
        command: String,
        /// The complaint.
        said: String,
    },
}

/// Tries, on a small scale, everything that a lab needs.
pub fn available() -> Result<(), Why> {
    if !evenkeel_sys::user::is_root() {
        return Err(Why::NotRoot);
    }
    let probe = unique_prefix() + "probe";
    let outcome = try_out(&probe);
    // Not there if making it was what failed.
    let _ = ip(&["netns", "del", &probe]);
    outcome.map_err(|e| match e {
        LabError::Ip { command, said } => Why::Refused { command, said },
        LabError::Unavailable(why) => why,
        LabError::Name(_) | LabError::Unknown(_) | LabError::Start { .. } | LabError::File { .. } => {
            Why::NoIp
        }
    })
}

fn try_out(probe: &str) -> Result<(), LabError> {
    ip(&["netns", "add", probe])?;
    ip(&["-n", probe, "link", "add", "name", "br0", "type", "bridge"])?;
    ip(&["-n", probe, "link", "add", "name", "one", "type", "veth", "peer", "name", "two"])?;
    ip(&["netns", "exec", probe, "true"])?;
    Ok(())
}

/// Runs `ip` with `args`.
pub(super) fn ip(args: &[&str]) -> Result<Output, LabError> {
    let run = Command::new("ip").args(args).stdin(Stdio::null()).output();
    match run {
        Ok(out) if out.status.success() => Ok(out),
        Ok(out) => Err(LabError::Ip {
            command: args.join(" "),
            said: String::from_utf8_lossy(&out.stderr).trim().to_owned(),
        }),
        Err(_) => Err(LabError::Unavailable(Why::NoIp)),
    }
}

static LABS: AtomicU32 = AtomicU32::new(0);

/// `ek<pid>-<n>-`: who made it, and which of that process's labs it belongs to.
pub(super) fn unique_prefix() -> String {
    format!("ek{}-{}-", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed))
}

/// The process that made namespace `name`, if it is one of ours.
fn maker(name: &str) -> Option<u32> {
    name.strip_prefix("ek")?.split_once('-')?.0.parse().ok()
}

/// Removes what labs of dead processes left: their namespaces, and the processes inside them.
pub(super) fn sweep() {
    let Ok(entries) = std::fs::read_dir(NETNS_DIR) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let dead = maker(&name).is_some_and(|pid| !PathBuf::from(format!("/proc/{pid}")).exists());
        if dead {
            remove(&name);
        }
    }
}

/// Kills what runs in namespace `name` (nobody but a lab starts anything there) and removes it. Errors mean that it is
/// gone already.
pub(super) fn remove(name: &str) {
    if let Ok(out) = ip(&["netns", "pids", name]) {
        let ours = std::process::id();
        for pid in String::from_utf8_lossy(&out.stdout).lines().filter_map(|l| l.trim().parse::<i32>().ok()) {
            // A thread of this very process may live there: a web server.
            if u32::try_from(pid).is_ok_and(|p| p != ours)
                && let Some(pid) = rustix::process::Pid::from_raw(pid)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
    let _ = ip(&["netns", "del", name]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_swept() {
        for (name, want) in [
            ("ek12-0-lb", Some(12)),
            ("ek12", None),
            ("ekx-0-lb", None),
            ("eth0", None),
            ("prod-ek12-0-lb", None),
        ] {
            assert_eq!(maker(name), want, "{name}");
        }
        assert_eq!(maker(&unique_prefix()), Some(std::process::id()));
        assert_ne!(unique_prefix(), unique_prefix());
    }
}
