//! Free ports, the web servers, and the file that knows them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use evenkeel_lab::web::{WebKind, WebServer, WebSpec};
use tokio::net::UdpSocket;

use crate::say;

/// The file, with the ports that are wished for.
const FILE: &str = include_str!("../../../../examples/demo.cfg");

/// Ports as the file has them.
const SITE: u16 = 8080;
const STATS: u16 = 10086;
const LOG: u16 = 18096;
const SERVERS: [Spec; 5] = [
    Spec { name: "static1", kind: WebKind::Static, port: 18091 },
    Spec { name: "static2", kind: WebKind::Static, port: 18092 },
    Spec { name: "app1", kind: WebKind::Dynamic, port: 18093 },
    Spec { name: "app2", kind: WebKind::Dynamic, port: 18094 },
    Spec { name: "upload1", kind: WebKind::Upload, port: 18095 },
];

/// Ports above a taken one that are tried before the system picks any.
const NEIGHBOURS: u16 = 20;

struct Spec {
    name: &'static str,
    kind: WebKind,
    port: u16,
}

/// Where everything listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) site: u16,
    pub(super) stats: u16,
    log: u16,
    servers: [u16; SERVERS.len()],
}

/// What runs before the proxy.
pub(super) struct Started {
    pub(super) places: Places,
    pub(super) servers: Vec<WebServer>,
    /// Where the proxy logs to.
    pub(super) log: UdpSocket,
    /// What is not where it was wished.
    pub(super) notes: Vec<String>,
}

impl Places {
    /// The file's ports, with another one for the site.
    pub(super) fn wished(site: Option<u16>) -> Places {
        let servers = SERVERS.map(|spec| spec.port);
        Places { site: site.unwrap_or(SITE), stats: STATS, log: LOG, servers }
    }

    /// The file for these ports.
    pub(super) fn config(&self) -> String {
        let mut moved = vec![(SITE, self.site), (STATS, self.stats), (LOG, self.log)];
        moved.extend(SERVERS.iter().zip(self.servers).map(|(spec, port)| (spec.port, port)));
        // Two passes, so that a port that moves to another's place does not move on with it.
        let mark = |n: usize| format!("127.0.0.1:<{n}>");
        let mut text = FILE.to_owned();
        for (n, (from, _)) in moved.iter().enumerate() {
            text = text.replace(&format!("127.0.0.1:{from}"), &mark(n));
        }
        for (n, (_, to)) in moved.iter().enumerate() {
            text = text.replace(&mark(n), &format!("127.0.0.1:{to}"));
        }
        text
    }
}

/// Starts the servers and opens the log.
pub(super) fn start(site: Option<u16>) -> Result<Started, String> {
    let mut places = Places::wished(site);
    let mut notes = Vec::new();
    let mut servers = Vec::new();
    for (spec, port) in SERVERS.iter().zip(&mut places.servers) {
        let server = server(spec)?;
        note(&mut notes, spec.name, *port, server.addr().port());
        *port = server.addr().port();
        servers.push(server);
    }
    let log =
        log(&mut places.log).map_err(|e| format!("no socket for the log: {}", say::system_words(&e)))?;
    for (what, port) in [("the site", &mut places.site), ("the statistics page", &mut places.stats)] {
        let found = free(*port).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => format!("port {port} for {what}: ports below 1024 are root's"),
            _ => format!("port {port} for {what}: {}", say::system_words(&e)),
        })?;
        note(&mut notes, what, *port, found);
        *port = found;
    }
    Ok(Started { places, servers, log, notes })
}

fn note(notes: &mut Vec<String>, what: &str, wished: u16, got: u16) {
    if wished != got {
        notes.push(format!("port {wished} is taken: {what} is on {got}"));
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The port and the ones to try in its place; 0 lets the system pick.
fn candidates(port: u16) -> impl Iterator<Item = u16> {
    (0..=NEIGHBOURS).filter_map(move |n| port.checked_add(n)).chain([0])
}

fn server(spec: &Spec) -> Result<WebServer, String> {
    // Its neighbours are its brothers' places.
    for port in [spec.port, 0] {
        match WebServer::start(WebSpec::new(spec.name, spec.kind, local(port))) {
            Ok(server) => return Ok(server),
            Err(error) if error.in_use() => {}
            Err(error) => return Err(format!("{}: {error}", spec.name)),
        }
    }
    Err(format!("{}: no free port", spec.name))
}

fn log(port: &mut u16) -> io::Result<UdpSocket> {
    for wish in [*port, 0] {
        match std::net::UdpSocket::bind(local(wish)) {
            Ok(socket) => {
                *port = socket.local_addr()?.port();
                socket.set_nonblocking(true)?;
                return UdpSocket::from_std(socket);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// A port that nobody has now. The proxy's own sockets would share it with another proxy's (SO_REUSEPORT) in silence.
fn free(wished: u16) -> io::Result<u16> {
    for port in candidates(wished) {
        match TcpListener::bind(local(port)) {
            Ok(socket) => return socket.local_addr().map(|addr| addr.port()),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_follows_the_ports() {
        assert_eq!(Places::wished(None).config(), FILE);
        let mut places = Places::wished(Some(18091));
        places.servers[0] = 40_000;
        let text = places.config();
        assert!(text.contains("bind 127.0.0.1:18091\n"), "{text}");
        assert!(text.contains("server static1 127.0.0.1:40000 check"), "{text}");
        assert!(!text.contains("127.0.0.1:8080"), "{text}");
    }

    #[test]
    fn every_server_is_in_the_file() {
        for Spec { name, port, .. } in SERVERS {
            assert!(FILE.contains(&format!("server {name} 127.0.0.1:{port} ")), "{name}");
        }
    }

    #[test]
    fn a_taken_port_is_passed_by() {
        let taken = TcpListener::bind(local(0)).expect("the system has a port");
        let port = taken.local_addr().expect("it is bound").port();
        assert_ne!(free(port).expect("another one is free"), port);
    }
}
