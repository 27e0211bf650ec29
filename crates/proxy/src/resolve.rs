//! Servers' names become addresses by the system's resolver, which may take its time: it is asked on threads of its own,
//! never on a shard. A name that was not known at the start is asked for again until it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant as StdInstant};

use evenkeel_base::ServerId;
use evenkeel_plan::{Host, Plan, Server};
use evenkeel_sys::{Addr, clock};

use crate::world::{World, with_port};

/// The first pause before a name is asked for again; each is twice the one before.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Threads that ask at a time at the start: names whose servers do not answer wait for each other no longer than this allows.
const ASKING_MAX: usize = 16;

/// A server's address, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Whose.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// What the system knows of it, narrowed to the family asked for, the preferred one first. Empty: nothing.
    pub addresses: Vec<IpAddr>,
}

/// Looks up the names of all servers, for at most `timeout`: what is not known by then counts as unknown.
pub fn resolve_at_start(plan: &Plan, timeout: Duration) -> Vec<Resolution> {
    let named: Vec<(&Server, &str)> = plan
        .servers
        .iter()
        .filter_map(|server| match &server.addr.host {
            Host::Name { name, .. } => Some((server, name.as_str())),
            Host::Addr(_) => None,
        })
        .collect();
    let known = look_up_all(named.iter().map(|(_, name)| *name), timeout);
    let resolution = |(server, name): &(&Server, &str)| Resolution {
        server: server.id,
        name: (*name).to_owned(),
        addresses: suiting(server, known.get(*name).map_or(&[][..], Vec::as_slice)),
    };
    named.iter().map(resolution).collect()
}

/// Looks up names, several at a time, for at most `timeout`; with [`Duration::MAX`], as long as the system's resolver takes.
/// Names without an answer are missing. The threads of those that were answered have ended.
pub fn look_up_all<'a>(
    names: impl Iterator<Item = &'a str>,
    timeout: Duration,
) -> BTreeMap<String, Vec<IpAddr>> {
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let mut waiting = names.into_iter();
    let mut known = BTreeMap::new();
    let (tell, hear) = mpsc::channel();
    let mut asking: BTreeMap<String, JoinHandle<()>> = BTreeMap::new();
    let until = StdInstant::now().checked_add(timeout);
    loop {
        while asking.len() < ASKING_MAX
            && let Some(name) = waiting.next()
        {
            let (tell, asked) = (tell.clone(), name.clone());
            let thread = std::thread::Builder::new().name("resolve".into()).spawn(move || {
                let found = look_up(&asked);
                // Nobody hears what comes too late.
                let _ = tell.send((asked, found));
            });
            match thread {
                Ok(thread) => drop(asking.insert(name, thread)),
                Err(error) => tracing::warn!(name, %error, "no thread to look a name up"),
            }
        }
        if asking.is_empty() {
            return known;
        }
        let left = until.map_or(RETRY_MAX, |until| until.saturating_duration_since(StdInstant::now()));
        match hear.recv_timeout(left) {
            Ok((name, found)) => {
                if let Some(thread) = asking.remove(&name) {
                    // It has nothing left to do, and cannot have panicked before it told.
                    let _ = thread.join();
                }
                known.insert(name, found);
            }
            Err(_) if until.is_some() => return known,
            // One that ended without a word is not waited for.
            Err(_) => asking.retain(|_, thread| !thread.is_finished()),
        }
    }
}

/// Asks the system's resolver (hosts file, DNS…). Waits: not for shards.
pub fn look_up(name: &str) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for addr in (name, 0).to_socket_addrs().into_iter().flatten() {
        if !found.contains(&addr.ip()) {
            found.push(addr.ip());
        }
    }
    found
}

/// The addresses that a server may use: of the family that its address asks for (`ipv4@`), the preferred ones first.
pub fn suiting(server: &Server, found: &[IpAddr]) -> Vec<IpAddr> {
    let family = match &server.addr.host {
        Host::Name { family, .. } => *family,
        Host::Addr(_) => None,
    };
    let suits = |ip: &&IpAddr| match family {
        Some(4) => ip.is_ipv4(),
        Some(6) => ip.is_ipv6(),
        Some(_) | None => true,
    };
    let mut suiting: Vec<IpAddr> = found.iter().filter(suits).copied().collect();
    if server.line.prefer_v4 {
        suiting.sort_by_key(|ip| !ip.is_ipv4());
    }
    suiting
}

/// Asks for the names that are not known, again and again, until all are. Runs on the control thread, and asks on others.
pub(crate) async fn retry(world: Arc<World>) {
    let mut pause = RETRY_MIN;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
        let unknown: Vec<(ServerId, String)> = unknown(&world);
        if unknown.is_empty() {
            return;
        }
        let mut known: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for (id, name) in unknown {
            if !known.contains_key(&name) {
                let asked = name.clone();
                let found = tokio::task::spawn_blocking(move || look_up(&asked)).await;
                known.insert(name.clone(), found.unwrap_or_default());
            }
            let server = world.plan.server(id);
            let found = suiting(server, known.get(&name).map_or(&[][..], Vec::as_slice));
            if let Some(ip) = found.first().filter(|_| !world.server(id).resolved()) {
                let addr = with_port(Addr::Inet(SocketAddr::new(*ip, 0)), server.addr.port);
                world.set_resolved(id, addr, clock::now());
            }
        }
    }
}

fn unknown(world: &World) -> Vec<(ServerId, String)> {
    let unknown = world.plan.servers.iter().filter(|s| !world.server(s.id).resolved());
    unknown
        .filter_map(|server| match &server.addr.host {
            Host::Name { name, .. } => Some((server.id, name.clone())),
            Host::Addr(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_base::{ProxyId, Span};
    use evenkeel_plan::addr::PortRule;
    use evenkeel_plan::{HostAddr, ServerLine};

    #[test]
    fn addresses_are_narrowed_and_preferred() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let found = [ip("::1"), ip("127.0.0.1"), ip("::2")];
        for (family, prefer_v4, want) in [
            (None, false, &["::1", "127.0.0.1", "::2"][..]),
            (None, true, &["127.0.0.1", "::1", "::2"]),
            (Some(4), false, &["127.0.0.1"]),
            (Some(6), true, &["::1", "::2"]),
        ] {
            let server = Server {
                id: ServerId(0),
                backend: ProxyId(0),
                slot: 0,
                name: "s".into(),
                number: 1,
                addr: HostAddr { host: Host::Name { name: "x".into(), family }, port: PortRule::Fixed(80) },
                fallback_check_port: None,
                line: ServerLine { prefer_v4, ..ServerLine::default() },
                span: Span::default(),
            };
            let got: Vec<String> = suiting(&server, &found).iter().map(IpAddr::to_string).collect();
            assert_eq!(got, want, "{family:?} {prefer_v4}");
        }
    }

    #[test]
    fn the_system_knows_localhost() {
        let known = look_up_all(["localhost", "localhost"].into_iter(), Duration::from_secs(30));
        assert!(
            known.get("localhost").is_some_and(|found| found.iter().all(IpAddr::is_loopback)),
            "{known:?}"
        );
        assert!(look_up_all(std::iter::empty(), Duration::ZERO).is_empty());
        assert_eq!(look_up_all(["localhost"].into_iter(), Duration::MAX).len(), 1);
    }
}
