//! Labs of network namespaces; skipped, with the reason, where the machine has none.
#![allow(clippy::print_stderr)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{self, Lab, LabError};
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

const PATIENCE: Duration = Duration::from_secs(30);

fn possible() -> bool {
    match netns::available() {
        Ok(()) => true,
        Err(why) => {
            eprintln!("skipped: {why}");
            false
        }
    }
}

fn get(lab: &Lab, from: &str, to: &str) -> String {
    let to: SocketAddr = to.parse().expect("literal");
    let fetch = || {
        let mut stream = TcpStream::connect(to).expect("listens");
        stream.write_all(b"GET /api/echo HTTP/1.0\r\n\r\n").expect("fits");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        text
    };
    lab.node(from).within(fetch).expect("namespace")
}

#[test]
fn nodes_on_one_switch_reach_each_other_and_leave_nothing() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .node("lb", &["10.0.0.1/24", "fd00::1/64"])
        .node("web1", &["10.0.0.11/24"])
        .node("web2", &["10.0.0.12/24", "fd00::12/64"])
        .build()
        .expect("builds");
    let paths: Vec<_> = lab.nodes().iter().map(|n| n.path().to_owned()).collect();
    // The same port on each: addresses are the nodes' own.
    let any: SocketAddr = "[::]:80".parse().expect("literal");
    let web1 = WebServer::start(WebSpec::new("web1", WebKind::Static, any).inside(lab.node("web1")))
        .expect("starts");
    let web2 = WebServer::start(WebSpec::new("web2", WebKind::Dynamic, any).inside(lab.node("web2")))
        .expect("starts");
    for (from, to, server, client) in [
        ("lb", "10.0.0.11:80", "web1", "10.0.0.1"),
        ("web1", "10.0.0.12:80", "web2", "10.0.0.11"),
        ("lb", "[fd00::12]:80", "web2", "fd00::1"),
        ("web2", "127.0.0.1:80", "web2", "127.0.0.1"),
    ] {
        let text = get(&lab, from, to);
        assert!(text.contains(&format!("X-Served-By: {server}\r\n")), "{text}");
        assert!(text.contains(client), "{text}");
    }
    assert_eq!((web1.requests(), web2.requests()), (1, 3));

    lab.node("web1").add_address(0, "10.0.0.100/32").expect("a floating address");
    assert!(get(&lab, "lb", "10.0.0.100:80").contains("web1"));
    lab.node("web1").del_address(0, "10.0.0.100/32").expect("ours");
    lab.set_link("web1", 0, false).expect("has a cable");
    let carrier = || lab.node("web1").run(&["cat", "/sys/class/net/eth0/carrier"]).expect("runs").stdout;
    assert_eq!(carrier(), b"0\n");
    lab.set_link("web1", 0, true).expect("has a cable");
    assert_eq!(carrier(), b"1\n");

    web1.stop();
    web1.resume().expect("again inside its node");
    drop((web1, web2, lab));
    assert!(paths.iter().all(|p| !p.exists()));
}

#[test]
fn processes_live_in_their_node_and_die_with_it() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .node("client", &[])
        .node("router", &[])
        .node("server", &[])
        .link("client", "left", &["10.1.0.2/24"])
        .link("router", "left", &["10.1.0.1/24"])
        .link("router", "right", &["10.2.0.1/24"])
        .link("server", "right", &["10.2.0.2/24"])
        .route("client", "default", "10.1.0.1")
        .route("server", "default", "10.2.0.1")
        .sysctl("router", "net.ipv4.ip_forward", "1")
        .build()
        .expect("builds");
    let out = lab.node("router").run(&["ip", "-o", "-4", "addr", "show", "eth1"]).expect("runs");
    assert!(
        String::from_utf8_lossy(&out.stdout).contains("10.2.0.1/24"),
        "interfaces are in the order of links"
    );
    let server = WebSpec::new("far", WebKind::Dynamic, "10.2.0.2:80".parse().expect("literal"));
    let server = WebServer::start(server.inside(lab.node("server"))).expect("starts");
    assert!(get(&lab, "client", "10.2.0.2:80").contains("\"client\":\"10.1.0.2\""), "routed, not translated");

    let mut proc = lab.node("client").spawn(&["sh", "-c", "echo up; sleep 600"]).expect("starts");
    assert!(proc.wait_for("up", PATIENCE));
    let orphan = lab.node("client").spawn(&["sh", "-c", "sleep 601 & echo $!; wait"]).expect("starts");
    assert!(orphan.wait_for("\n", PATIENCE));
    let orphan_pid = orphan.stdout().trim().to_owned();
    assert!(proc.is_running());
    proc.kill().expect("runs");
    assert!(!proc.is_running());
    drop((orphan, server, lab));
    let cmdline = || std::fs::read(format!("/proc/{orphan_pid}/cmdline")).unwrap_or_default();
    let deadline = Instant::now() + PATIENCE;
    // Killed, but by another process's hands: nothing to wait for. A zombie's line is empty.
    while !cmdline().is_empty() {
        assert!(Instant::now() < deadline, "lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn leftovers_of_the_dead_are_swept_and_mistakes_told() {
    let twice = Lab::new().node("a", &[]).node("a", &[]).build();
    assert!(matches!(twice, Err(LabError::Name(n)) if n == "a"));
    let odd = Lab::new().node("../a", &[]).build();
    assert!(matches!(odd, Err(LabError::Name(_))));
    if !possible() {
        return;
    }
    // A number that no process can have (the kernel's highest is 4194304).
    let left = "ek4999999-0-left";
    let made = std::process::Command::new("ip").args(["netns", "add", left]).status().expect("ip is there");
    assert!(made.success());
    let unknown = Lab::new().node("a", &["10.0.0.1/24"]).route("b", "default", "10.0.0.2").build();
    assert!(matches!(unknown, Err(LabError::Unknown(n)) if n == "b"));
    assert!(!Path::new("/run/netns").join(left).exists());
    let refused = Lab::new().node("a", &["no address"]).build();
    assert!(matches!(refused, Err(LabError::Ip { .. })));
}
