//! A keepalived.conf from its path to its plan, and what is said of it on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_base::{Diagnostic, SourceMap};
use evenkeel_conf::keepalived::{self, Env, Exit, Finding, Loaded};
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::machine;

use super::argv::Command;
use super::log::{Grade, Log};
use super::machine::Machine;

/// Where the file is that nobody names.
pub(crate) const DEFAULT: &str = "/etc/keepalived/keepalived.conf";

/// Other places that a line of the log names for one fault.
const PLACES_MAX: usize = 3;

/// Why there is nothing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Nothing stands there.
    Missing(PathBuf),
    /// A folder.
    Folder(PathBuf),
    /// A device, or a file that may be executed: the original takes neither for a configuration.
    NoFile(PathBuf),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Missing(path) => write!(f, "Config files missing '{}'.", path.display()),
            Unreadable::Folder(path) => {
                write!(f, "Configuration file '{}/' is a directory - skipping", path.display())
            }
            Unreadable::NoFile(path) => write!(
                f,
                "Configuration file '{}' is not a regular non-executable file - skipping",
                path.display()
            ),
        }
    }
}

/// The configuration's path.
pub(crate) fn path(command: &Command) -> PathBuf {
    command.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT))
}

/// What lines with `@` and `${_INSTANCE}` are compared with.
pub(crate) fn env(command: &Command) -> Env {
    let host = machine::hostname();
    let short = host.split('.').next().unwrap_or_default().to_string();
    Env {
        config_id: command.config_id.clone().unwrap_or(short),
        instance: command.config_id.clone().unwrap_or(host),
        // The standard library's own source of random keys.
        random_seed: std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8),
    }
}

/// Looks whether there is a configuration at all.
pub(crate) fn look(path: &Path) -> Result<(), Unreadable> {
    use std::os::unix::fs::MetadataExt;
    // Patterns are the reader's.
    if path.to_string_lossy().contains(['*', '?', '[', '{']) {
        return Ok(());
    }
    let Ok(found) = std::fs::metadata(path) else { return Err(Unreadable::Missing(path.to_path_buf())) };
    if found.is_dir() {
        return Err(Unreadable::Folder(path.to_path_buf()));
    }
    if !found.is_file() || found.mode() & 0o111 != 0 {
        return Err(Unreadable::NoFile(path.to_path_buf()));
    }
    Ok(())
}

/// Reads it, for this machine, and puts the command line over it.
pub(crate) fn load(path: &Path, env: &Env, command: &Command) -> Loaded {
    let mut loaded = load_for(Machine::This, path, env);
    let snmp = &mut loaded.plan.global.snmp;
    if command.snmp {
        (snmp.vrrp, snmp.rfc_v2, snmp.rfc_v3) = (true, true, true);
    }
    if command.keep_addresses {
        // An address with a lease would go by itself.
        for instance in &mut loaded.plan.node.instances {
            instance.lease = None;
        }
    }
    if command.snmp_socket.is_some() {
        snmp.socket.clone_from(&command.snmp_socket);
    }
    loaded
}

/// Reads it, for this machine or for another.
pub(crate) fn load_for(machine: Machine, path: &Path, env: &Env) -> Loaded {
    keepalived::load(&path.to_string_lossy(), env, &machine)
}

/// True if the plan has anything for the VRRP process.
pub(crate) fn has_vrrp(plan: &KeeperPlan) -> bool {
    !plan.node.instances.is_empty()
        || !plan.static_addresses.is_empty()
        || !plan.static_routes.is_empty()
        || !plan.static_rules.is_empty()
}

/// One finding in the original's shape, `(file: Line N) text`, with what else helps on lines of its own.
pub(crate) fn classic(what: &Diagnostic, map: &SourceMap) -> String {
    let mut out = match what.span {
        Some(span) => {
            let place = map.place(span);
            format!("({}: Line {}) {}", place.file, place.line, what.message)
        }
        None => what.message.clone(),
    };
    for label in what.labels.iter().take(PLACES_MAX) {
        let place = map.place(label.span);
        out.push_str(&format!("\n  ({}: Line {}) {}", place.file, place.line, label.text));
    }
    if let Some(more) = what.labels.len().checked_sub(PLACES_MAX + 1) {
        out.push_str(&format!("\n  … and {} more places", more + 1));
    }
    for help in what.note.iter().chain(&what.help) {
        out.push_str(&format!("\n  {help}"));
    }
    out
}

/// Says all findings.
pub(crate) fn say(log: &Log, findings: &[Finding], sources: &Arc<SourceMap>) {
    for finding in findings {
        log.say(Grade::Info, &classic(&finding.diagnostic, sources));
    }
}

/// True if the daemon must not run it: the original stops there, too.
pub(crate) fn is_fatal(exit: Exit) -> bool {
    match exit {
        Exit::Fatal => true,
        Exit::Clean | Exit::Tolerated | Exit::Security => false,
    }
}
