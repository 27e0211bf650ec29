//! All calls into the rooms below: the reader, the proxy, the machine. Thin on purpose: what they look like changes, who
//! calls here does not.

use std::ffi::OsStr;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use evenkeel_base::{Diagnostic, Level, version};
pub(crate) use evenkeel_conf::Loaded;
use evenkeel_conf::{CondEnv, Environment, Input, Inputs};
use evenkeel_plan::Plan;
use evenkeel_plan::global::Account;
use evenkeel_sys::{machine, user};

use crate::argv::Command;
use crate::features;
use crate::say;

/// The code of the diagnostic for an empty list of files.
const NOTHING_GIVEN: &str = "no-configuration";

/// True if there was no file to read: all folders were empty.
pub(crate) fn nothing_given(loaded: &Loaded) -> bool {
    loaded.sources.is_empty() && loaded.diagnostics.iter().all(|d| d.code == NOTHING_GIVEN)
}

/// Reads files and folders.
pub(crate) fn load(files: &[PathBuf], command: &Command) -> Loaded {
    load_inputs(files.iter().cloned().map(Input::Path).collect(), command)
}

/// Reads whatever it is.
pub(crate) fn load_inputs(inputs: Vec<Input>, command: &Command) -> Loaded {
    let built = features::built();
    let enabled = features::enabled(&command.disabled);
    let inputs = Inputs { inputs, cond: cond_env(&built, &enabled) };
    let mut env = environment(command);
    evenkeel_conf::load(&inputs, &mut env, &Machine)
}

/// The machine, as the reader asks for it.
struct Machine;

impl evenkeel_conf::Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| say::system_words(&error))
    }

    fn resolve(&self, host: &str) -> Vec<IpAddr> {
        (host, 0).to_socket_addrs().map(|found| found.map(|a| a.ip()).collect()).unwrap_or_default()
    }
}

/// The variables that a configuration sees.
pub(crate) fn environment(command: &Command) -> Environment {
    let mut env: Environment = std::env::vars_os()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    let peer = command.peer.clone().unwrap_or_else(|| machine::hostname().into());
    let branch = version::COMPAT.rsplit_once('.').map_or(version::COMPAT, |(branch, _)| branch);
    for (name, value) in [("HAPROXY_LOCALPEER", peer.as_os_str()), ("HAPROXY_BRANCH", OsStr::new(branch))] {
        // These names are good.
        let _ = env.set(name.as_bytes(), value.as_bytes());
    }
    env
}

/// What `.if` and `-cc` see of the program.
pub(crate) fn cond_env<'a>(built: &'a [&'a str], enabled: &'a [&'a str]) -> CondEnv<'a> {
    CondEnv { version: version::COMPAT, features: built, enabled, ..CondEnv::default() }
}

/// Puts the command line over the file, and numbers in the place of users and groups.
pub(crate) fn overrule(loaded: &mut Loaded, command: &Command) {
    let Some(plan) = &mut loaded.plan else { return };
    let global = &mut plan.global;
    if command.maxconn.is_some() {
        global.maxconn = command.maxconn;
    }
    if let Some(pidfile) = &command.pidfile {
        global.pidfile = Some(pidfile.clone());
    }
    if let Some(peer) = &command.peer {
        global.localpeer = Some(peer.to_string_lossy().into_owned());
    }
    global.splice &= !command.no_splice;
    global.zero_warning |= command.zero_warning;
    if let Some(maxconn) = command.proxy_maxconn {
        for front in
            plan.proxies.iter_mut().filter_map(|proxy| proxy.front.as_mut()).filter(|f| f.maxconn == 0)
        {
            front.maxconn = maxconn;
        }
    }
    let faults = number_accounts(plan);
    if !faults.is_empty() {
        loaded.plan = None;
        loaded.diagnostics.extend(faults);
    }
}

fn number_accounts(plan: &mut Plan) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let users = std::iter::once(&mut plan.global.user)
        .chain(plan.global.stats_sockets.iter_mut().map(|s| &mut s.user))
        .chain(plan.listeners.iter_mut().map(|l| &mut l.unix_user));
    for account in users {
        number_account(account, "user", user::uid_of, &mut faults);
    }
    let groups = std::iter::once(&mut plan.global.group)
        .chain(plan.global.stats_sockets.iter_mut().map(|s| &mut s.group))
        .chain(plan.listeners.iter_mut().map(|l| &mut l.unix_group));
    for account in groups {
        number_account(account, "group", user::gid_of, &mut faults);
    }
    faults
}

fn number_account(
    account: &mut Option<Account>,
    kind: &str,
    find: fn(&str) -> std::io::Result<Option<u32>>,
    faults: &mut Vec<Diagnostic>,
) {
    let Some(Account::Name(name)) = account else { return };
    let why = match find(name) {
        Ok(Some(number)) => {
            *account = Some(Account::Number(number));
            return;
        }
        Ok(None) => "this machine has none of that name".to_string(),
        Err(error) => say::system_words(&error),
    };
    let text = format!("cannot find {kind} id for '{name}' ({why})");
    if faults.iter().all(|fault: &Diagnostic| fault.message != text) {
        faults.push(Diagnostic::nowhere(Level::Error, "unknown-account", text));
    }
}

/// True if a Plan listens on anything.
pub(crate) fn listens(plan: &Plan) -> bool {
    let open = plan.listeners.iter().any(|listener| !plan.proxy(listener.frontend).disabled);
    open || !plan.global.stats_sockets.is_empty()
}

/// The kernel's name and release.
pub(crate) fn kernel() -> String {
    machine::kernel()
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    machine::cores().map_or(1, |cores| cores.len().max(1))
}

/// What `-dL` prints: the program and its shared objects.
pub(crate) fn loaded_files() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files: Vec<&str> = Vec::new();
    for line in maps.lines() {
        let path = line.find('/').map(|at| &line[at..]);
        if let Some(path) = path.filter(|path| !files.contains(path) && !path.ends_with("(deleted)")) {
            files.push(path);
        }
    }
    format!("List of loaded object files:\n{}\n", files.join("\n"))
}
