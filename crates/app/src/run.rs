//! All calls into the rooms below: the reader, the proxy, the machine. Thin on purpose: what they look like changes, who
//! calls here does not.

use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use bstr::ByteSlice;
use evenkeel_base::{Diagnostic, FileId, Level, ProxyId, ServerId, SourceMap, Span, version};
pub(crate) use evenkeel_conf::Loaded;
use evenkeel_conf::{CondEnv, Environment, Input, Inputs, Outside};
use evenkeel_plan::Plan;
use evenkeel_plan::global::Account;
use evenkeel_proxy::services::Services;
use evenkeel_proxy::world::{Change, Health, Identity, World};
use evenkeel_proxy::{resolve, runtime};
use evenkeel_sys::{machine, user};

use crate::argv::Command;
use crate::say::{self, Exit};
use crate::sockets::Sockets;
use crate::states::{self, ProxyState, ServerState};
use crate::{features, names};

/// Servers' names that are not known by then are unknown: the start must not hang for a resolver that does not answer.
const NAMES_PATIENCE: Duration = Duration::from_secs(10);
/// The code of the diagnostic for an empty list of files.
const NOTHING_GIVEN: &str = "no-configuration";

/// True if there was no file to read: all folders were empty.
pub(crate) fn nothing_given(loaded: &Loaded) -> bool {
    loaded.sources.is_empty() && loaded.diagnostics.iter().all(|d| d.code == NOTHING_GIVEN)
}

/// A configuration and what the machine adds to it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The Plan with the command line put over it; none if anything is wrong.
    pub(crate) loaded: Loaded,
    /// The addresses of servers that the file names by their hosts' names.
    pub(crate) addresses: Vec<(ServerId, IpAddr)>,
}

/// Reads everything, and asks the machine for users, groups and hosts.
pub(crate) fn prepare(inputs: Vec<Input>, command: &Command) -> Prepared {
    let built = features::built();
    let enabled = features::enabled(&command.disabled);
    let inputs = Inputs { inputs, cond: cond_env(&built, &enabled) };
    let mut env = environment(command);
    let mut loaded = evenkeel_conf::load(&inputs, &mut env, &Machine);
    let mut addresses = Vec::new();
    if let Some(plan) = &mut loaded.plan {
        overrule(plan, command);
        loaded.diagnostics.extend(number_accounts(plan, &loaded.sources));
        // A daemon must be alone when it forks: it waits for the resolver's own limits.
        let background = command.daemon || (plan.global.daemon && !command.foreground);
        let patience = if background { Duration::MAX } else { NAMES_PATIENCE };
        let known = resolve::look_up_all(names::asked(plan), patience);
        let (found, said) =
            names::look_up(plan, command.unresolved, &|host| known.get(host).cloned().unwrap_or_default());
        addresses = found;
        loaded.diagnostics.extend(said);
    }
    if loaded.diagnostics.iter().any(|d| d.level == Level::Error) {
        loaded.plan = None;
    }
    Prepared { loaded, addresses }
}

/// The machine, as the reader asks for it.
struct Machine;

impl Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| say::system_words(&error))
    }

    fn resolve(&self, host: &str) -> Vec<IpAddr> {
        (host, 0).to_socket_addrs().map(|found| found.map(|a| a.ip()).collect()).unwrap_or_default()
    }

    fn environment(&self, name: &str) -> Option<Vec<u8>> {
        use std::os::unix::ffi::OsStringExt;
        std::env::var_os(name).map(OsStringExt::into_vec)
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

/// Puts the command line over the file.
fn overrule(plan: &mut Plan, command: &Command) {
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
}

/// A kind of account.
struct Kind {
    /// The keyword, and the word in messages.
    word: &'static str,
    find: fn(&str) -> std::io::Result<Option<u32>>,
}

const USER: Kind = Kind { word: "user", find: user::uid_of };
const GROUP: Kind = Kind { word: "group", find: user::gid_of };

fn number_accounts(plan: &mut Plan, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let global = &mut plan.global;
    for (kind, account) in [(USER, &mut global.user), (GROUP, &mut global.group)] {
        let place = match account {
            Some(Account::Name(name)) => find_line(sources, kind.word, name),
            Some(Account::Number(_)) | None => None,
        };
        number_account(&kind, account, place, &mut faults);
    }
    let sockets = global.stats_sockets.iter_mut().map(|s| (&mut s.user, &mut s.group, s.span));
    let listeners = plan.listeners.iter_mut().map(|l| (&mut l.unix_user, &mut l.unix_group, l.span));
    for (user, group, span) in sockets.chain(listeners) {
        number_account(&USER, user, Some(span), &mut faults);
        number_account(&GROUP, group, Some(span), &mut faults);
    }
    faults
}

/// Where a `global` section says it: the Plan has no place for it, and a `user` line looks like no other.
fn find_line(sources: &SourceMap, keyword: &str, name: &str) -> Option<Span> {
    for file in (0..sources.len() as u32).map(FileId) {
        let mut start = 0;
        for line in sources.text(file).split_inclusive(|b| *b == b'\n') {
            let mut words = line.fields();
            if words.next() == Some(keyword.as_bytes()) && words.next() == Some(name.as_bytes()) {
                let at = start + line.find(name).unwrap_or_default() as u32;
                return Some(Span::new(file, at, at + name.len() as u32));
            }
            start += line.len() as u32;
        }
    }
    None
}

fn number_account(
    kind: &Kind,
    account: &mut Option<Account>,
    place: Option<Span>,
    faults: &mut Vec<Diagnostic>,
) {
    let Some(Account::Name(name)) = account else { return };
    let why = match (kind.find)(name) {
        Ok(Some(number)) => {
            *account = Some(Account::Number(number));
            return;
        }
        Ok(None) => "this machine has none of that name".to_string(),
        Err(error) => say::system_words(&error),
    };
    let text = format!("cannot find {} id for '{name}' ({why})", kind.word);
    faults.push(match place {
        Some(span) => Diagnostic::error("unknown-account", text, span),
        None => Diagnostic::nowhere(Level::Error, "unknown-account", text),
    });
}

/// The number of an account of a [`Prepared`] Plan.
pub(crate) fn account_number(account: Option<&Account>) -> Option<u32> {
    match account {
        Some(Account::Number(number)) => Some(*number),
        Some(Account::Name(_)) | None => None,
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

/// How often the end of the shards is looked for: while they run (only a fault ends them), and after a soft stop.
const LOOK_RUNNING: Duration = Duration::from_millis(500);
const LOOK_STOPPING: Duration = Duration::from_millis(10);
/// Syslog's levels.
const LEVEL_WARNING: u8 = 4;
const LEVEL_NOTICE: u8 = 5;

/// A proxy that runs.
pub(crate) struct Running {
    proxy: Option<runtime::Running>,
    world: Arc<World>,
    /// When a soft stop becomes a hard one (`hard-stop-after`); `None` before a soft stop.
    stopping: Option<Stopping>,
}

/// A soft stop that has begun.
struct Stopping {
    /// When the listeners close (`grace`); `None`: they are closed.
    soft_at: Option<tokio::time::Instant>,
    hard_at: Option<tokio::time::Instant>,
}

/// How long after a soft stop's signal the listeners stay open: what `global` says or, in old files, the most patient
/// section.
fn grace(plan: &Plan) -> std::time::Duration {
    let sections = plan.proxies.iter().filter_map(|p| p.front.as_ref()).map(|f| f.grace);
    sections.chain([plan.global.grace]).max().unwrap_or_default()
}

impl Running {
    /// Starts the shards.
    pub(crate) fn start(
        plan: Plan,
        addresses: &[(ServerId, IpAddr)],
        sockets: Sockets,
    ) -> std::io::Result<Running> {
        let identity = Identity { pid: std::process::id(), hostname: machine::hostname() };
        let maxconn = plan.global.maxconn.unwrap_or(0);
        // The standard library's own source of random keys.
        let seed = RandomState::new().build_hasher().finish();
        let plan = Arc::new(plan);
        let services = Services { stats: evenkeel_admin::page::answer };
        let proxy = runtime::start(runtime::Start {
            plan,
            sockets: sockets.listening,
            addresses: addresses.to_vec(),
            services,
            identity,
            maxconn,
            seed,
        })?;
        let world = Arc::clone(&proxy.world);
        if !sockets.stats.is_empty() {
            // It ends with the world.
            let _ = evenkeel_admin::socket::serve(sockets.stats, Arc::clone(&world), proxy.orders.clone())?;
        }
        Ok(Running { proxy: Some(proxy), world, stopping: None })
    }

    /// The live state.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// SIGUSR1: no new connections; the end comes with the last session.
    pub(crate) fn stop_softly(&mut self) {
        let Some(proxy) = &self.proxy else { return };
        if self.stopping.is_some() {
            return;
        }
        let now = tokio::time::Instant::now();
        let hard_at = self.world.plan.global.hard_stop_after.map(|after| now + after);
        let grace = grace(&self.world.plan);
        if !grace.is_zero() {
            self.stopping = Some(Stopping { soft_at: Some(now + grace), hard_at });
            return;
        }
        self.stopping = Some(Stopping { soft_at: None, hard_at });
        proxy.soft_stop();
        self.say_stopped();
    }

    fn say_stopped(&self) {
        for (id, state) in self.states() {
            self.say(id, LEVEL_WARNING, states::stopped(&state));
        }
    }

    /// Says something about a proxy, on standard error and in its logs.
    fn say(&self, proxy: ProxyId, level: u8, text: String) {
        tracing::warn!("{text}");
        self.world.note(Change::Log { proxy, level, text });
    }

    /// Waits for the end of all shards.
    pub(crate) async fn ended(&mut self) -> Exit {
        loop {
            let Some(proxy) = &self.proxy else { return Exit::Ok };
            if proxy.ended() {
                break;
            }
            match &self.stopping {
                None => tokio::time::sleep(LOOK_RUNNING).await,
                Some(stopping) => {
                    if stopping.soft_at.is_some_and(|at| tokio::time::Instant::now() >= at) {
                        let hard_at = stopping.hard_at;
                        proxy.soft_stop();
                        self.say_stopped();
                        self.stopping = Some(Stopping { soft_at: None, hard_at });
                        continue;
                    }
                    if stopping.hard_at.is_some_and(|at| tokio::time::Instant::now() >= at) {
                        tracing::warn!("soft-stop running for too long, performing a hard-stop.");
                        proxy.stop();
                        self.stopping = Some(Stopping { soft_at: None, hard_at: None });
                    }
                    tokio::time::sleep(LOOK_STOPPING).await;
                }
            }
        }
        if let Some(proxy) = self.proxy.take() {
            proxy.join();
        }
        // Without being told to, shards end by a fault only.
        if self.stopping.is_some() { Exit::Ok } else { Exit::Failed }
    }

    /// SIGTTOU: stop accepting.
    pub(crate) fn pause(&self) {
        self.gate(true);
    }

    /// SIGTTIN: go on.
    pub(crate) fn resume(&self) {
        self.gate(false);
    }

    fn gate(&self, pause: bool) {
        let Some(proxy) = &self.proxy else { return };
        proxy.pause(None, pause);
        let verb = if pause { "Paused" } else { "Resumed" };
        for proxy in self.world.plan.proxies.iter().filter(|proxy| proxy.front.is_some() && !proxy.disabled) {
            let kind = if proxy.back.is_some() { "proxy" } else { "frontend" };
            self.say(proxy.id, LEVEL_WARNING, format!("{verb} {kind} {}.", proxy.name));
        }
    }

    /// SIGHUP: the states of all proxies and servers.
    pub(crate) fn dump_states(&self) {
        tracing::warn!("SIGHUP received, dumping servers states.");
        for (id, state) in self.states() {
            let text = format!("SIGHUP received, dumping servers states for proxy {}.", state.name);
            self.world.note(Change::Log { proxy: id, level: LEVEL_NOTICE, text });
            for line in states::dump(&state) {
                self.say(id, LEVEL_NOTICE, line);
            }
        }
    }

    /// SIGQUIT: what the process takes of memory.
    pub(crate) fn dump_memory(&self) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        for line in status.lines().filter(|line| line.starts_with("Vm") || line.starts_with("Rss")) {
            tracing::warn!("SIGQUIT: {line}");
        }
    }

    fn states(&self) -> Vec<(ProxyId, ProxyState)> {
        let world = &self.world;
        world
            .plan
            .proxies
            .iter()
            .filter(|proxy| !proxy.disabled)
            .map(|proxy| (proxy.id, proxy_state(world, proxy)))
            .collect()
    }
}

fn proxy_state(world: &World, proxy: &evenkeel_plan::Proxy) -> ProxyState {
    let live = world.proxy(proxy.id);
    let at = proxy.id.index();
    let ids = proxy.back.as_ref().map_or(&[][..], |back| &back.servers);
    let usable = |backup: bool| {
        ids.iter()
            .filter(|id| world.plan.server(**id).line.backup == backup && world.server(**id).usable())
            .count() as u32
    };
    let servers: Vec<ServerState> = ids
        .iter()
        .map(|id| {
            let server = world.server(*id);
            ServerState {
                name: format!("{}/{}", proxy.name, world.plan.server(*id).name),
                up: server.health() != Health::Down,
                sessions: (
                    server.sessions.now(),
                    server.queued.now(),
                    world.sum(|shard| shard.servers.get(id.index()).map_or(0, |c| c.stot.get())),
                ),
            }
        })
        .collect();
    let in_servers: u32 = servers.iter().map(|server| server.sessions.1).sum();
    let queued = live.queued.now();
    ProxyState {
        name: proxy.name.clone(),
        usable: (usable(false), usable(true)),
        servers,
        sessions: (live.front_sessions.now(), live.back_sessions.now()),
        queued: (queued, queued.saturating_sub(in_servers)),
        total: (
            world.sum(|shard| shard.fronts.get(at).map_or(0, |c| c.conn_tot.get())),
            world.sum(|shard| shard.backs.get(at).map_or(0, |c| c.stot.get())),
        ),
    }
}
