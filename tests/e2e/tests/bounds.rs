//! What is held while nothing happens, and what a bound lets through.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_e2e::daemon::{Daemon, Setup};
use evenkeel_e2e::origin::Origin;
use evenkeel_e2e::script::Transcript;
use evenkeel_e2e::site::csv_field;
use evenkeel_e2e::wait;
use evenkeel_e2e::wire::{Stream, Wire};

const BASE: &str = "
global
 nbthread 1
 stats socket <dir>/stats.sock mode 600 level admin
defaults
 timeout connect 2s
 timeout client 1m
 timeout server 1m
frontend fe
 bind <fe>
 default_backend be
backend be
 server s1 <s1>
";

fn ask(daemon: &Daemon, command: &str) -> String {
    let path = daemon.folder.path().join("stats.sock");
    let mut wire = Wire::new(Stream::Unix(UnixStream::connect(path).expect("it listens")));
    wire.send(format!("{command}\n"));
    String::from_utf8_lossy(&wire.to_end().0).into_owned()
}

/// What the descriptors of a process lead to.
fn descriptors(daemon: &Daemon) -> Vec<PathBuf> {
    let folder = format!("/proc/{}/fd", daemon.proc.pid());
    let entries = std::fs::read_dir(folder).expect("it runs").flatten();
    entries.filter_map(|e| std::fs::read_link(e.path()).ok()).collect()
}

/// Sends much on every connection and then nothing more.
const MUCH: usize = 4 << 20;

fn generous() -> Origin {
    Origin::start(|_, mut wire| {
        wire.send(vec![b'x'; MUCH]);
        let (got, end) = wire.to_end();
        Transcript { got, end: Some(end) }
    })
}

#[test]
fn silent_tunnels_hold_no_pipes() {
    const TUNNELS: usize = 8;
    let origin = generous();
    let daemon = Setup::new(BASE).with("s1", origin.addr()).start();
    let mut clients = Vec::new();
    for _ in 0..TUNNELS {
        let mut client = Wire::connect(daemon.addr("fe"));
        client.exactly(MUCH).expect("the server is generous");
        clients.push(client);
    }
    let pipes = || descriptors(&daemon).iter().filter(|d| d.to_string_lossy().starts_with("pipe:")).count();
    // One pipe (two ends) went round; each tunnel with one of its own would show. Its standard streams may be pipes too.
    wait("the pipes to be given back", || pipes() < TUNNELS);
}

#[test]
fn a_disabled_frontend_accepts_nobody() {
    let origin = generous();
    let daemon = Setup::new(BASE).with("s1", origin.addr()).start();
    let accepted =
        || csv_field(&ask(&daemon, "show stat"), "fe", "FRONTEND", "conn_tot").expect("it has a row");
    ask(&daemon, "disable frontend fe");
    wait("the pause", || ask(&daemon, "show stat").contains("PAUSED"));
    // Nothing tells when a shard has heard of it.
    std::thread::sleep(Duration::from_millis(100));
    let client = Wire::connect(daemon.addr("fe"));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(accepted(), "0");
    ask(&daemon, "enable frontend fe");
    wait("the client to be let in", || accepted() == "1");
    drop(client);
}

#[test]
fn descriptors_do_not_grow_under_chaos() {
    const ROUNDS: usize = 40;
    let origin = Origin::start(|n, mut wire| {
        let got = wire.request();
        match n % 4 {
            0 => drop(wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
            1 => drop(wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut")),
            2 => drop(wire.send("junk")),
            _ => {}
        }
        let end = got.err();
        Transcript { got: std::mem::take(&mut wire.got), end }
    });
    let text = BASE.replace("defaults\n", "defaults\n mode http\n option abortonclose\n retries 0\n");
    let daemon = Setup::new(text).with("s1", origin.addr()).start();
    let chaos = |rounds: usize| {
        for n in 0..rounds {
            let mut wire = Wire::connect(daemon.addr("fe"));
            match n % 5 {
                0 => drop(
                    wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                        && wire.to_end().0.is_empty(),
                ),
                1 => drop(wire.send("GET / HTTP/1.1\r\nHost")),
                2 => {
                    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
                    wire.reset();
                }
                3 => drop(wire.send("nonsense\r\n\r\n") && wire.to_end().0.is_empty()),
                _ => wire.reset(),
            }
        }
        let busy = || csv_field(&ask(&daemon, "show stat"), "fe", "FRONTEND", "scur").expect("it has a row");
        wait("the sessions to end", || busy() == "0");
    };
    chaos(ROUNDS);
    let before = descriptors(&daemon).len();
    chaos(4 * ROUNDS);
    // Idle connections to the server may come and go by one or two; what leaked would show by the hundred.
    let after = descriptors(&daemon).len();
    assert!(after <= before + 4, "{before} descriptors became {after}");
}
