//! Nodes with files and processes of their own, filters, cables, and who watches an address; skipped, with the reason, where
//! this machine has no namespaces.
#![allow(clippy::print_stderr)]

use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{self, Echo, Holders, Lab, LabError, Node, Prober, Way};

const PATIENCE: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_millis(2);

fn possible() -> bool {
    match netns::available() {
        Ok(()) => true,
        Err(why) => {
            eprintln!("skipped: {why}");
            false
        }
    }
}

#[track_caller]
fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(EVERY);
    }
}

fn said(node: &Node, words: &[&str]) -> String {
    let out = node.run(words).expect("starts");
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

#[test]
fn a_machine_has_files_processes_and_a_name_of_its_own() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .machine("a")
        .link_as("a", "lan", "ens33", &["10.9.0.1/24"])
        .program("a", "slumber", "/bin/sleep")
        .machine("b")
        .link("b", "lan", &["10.9.0.2/24"])
        .program("b", "slumber", "/bin/sleep")
        .node("c", &[])
        .build()
        .expect("builds");
    let (a, b) = (lab.node("a"), lab.node("b"));
    assert_eq!(said(a, &["cat", "/proc/sys/kernel/hostname"]), "a");
    assert_eq!(a.interfaces(), ["ens33"]);
    assert!(said(a, &["ip", "-o", "addr", "show", "ens33"]).contains("10.9.0.1/24"));
    assert!(said(b, &["ls", "/sys/class/net"]).contains("eth0"));

    // Files: what one writes nobody else has; what nobody wrote is the real one.
    a.put("/etc/keepalived/keepalived.conf", "of a", 0o644).expect("writable");
    a.put("/etc/hosts", "127.0.0.1 a\n", 0o644).expect("a link to the real one goes");
    a.put("/etc/init.d/thing", "#!/bin/sh\necho \"thing $1\" >/run/thing\n", 0o755).expect("writable");
    assert_eq!(said(a, &["cat", "/etc/keepalived/keepalived.conf"]), "of a");
    assert!(b.read("/etc/keepalived/keepalived.conf").is_err());
    assert_eq!(
        said(b, &["cat", "/etc/passwd"]),
        std::fs::read_to_string("/etc/passwd").expect("there").trim()
    );
    said(a, &["/etc/init.d/thing", "start"]);
    assert_eq!(a.read("/run/thing").expect("written"), b"thing start\n");
    assert!(b.read("/run/thing").is_err() && !std::path::Path::new("/run/thing").exists());
    assert!(matches!(lab.node("c").put("/x", "", 0o644), Err(LabError::File { .. })));
    assert!(!std::fs::read_to_string("/etc/hosts").unwrap_or_default().contains("127.0.0.1 a\n"));

    // Processes: by name, on one machine only; orphans are reaped.
    let mut on_a = a.spawn(&["slumber", "600"]).expect("starts");
    let mut on_b = b.start(Command::new("slumber")).expect("starts");
    wait("an answer of it", || on_b.stderr().contains("missing operand"));
    assert!(on_b.wait(PATIENCE).expect("ours").is_some(), "without a word it ends");
    wait("its name", || said(a, &["ps", "-e", "-o", "comm="]).contains("slumber"));
    assert!(!said(b, &["ps", "-e", "-o", "comm="]).contains("slumber"));
    on_a.signal(15).expect("runs");
    assert!(on_a.wait(PATIENCE).expect("ours").is_some());
    said(a, &["sh", "-c", "(slumber 0.01 >/dev/null 2>&1 &) "]);
    wait("the orphan's end", || !said(a, &["ps", "-e", "-o", "comm="]).contains("slumber"));

    let left = a.spawn(&["sh", "-c", "setsid sleep 603 & echo up; wait"]).expect("starts");
    assert!(left.wait_for("up", PATIENCE));
    let tree = left.tree();
    drop((lab, left));
    wait("all to be gone", || {
        tree.iter().all(|p| std::fs::read(format!("/proc/{p}/cmdline")).unwrap_or_default().is_empty())
    });
}

#[test]
fn addresses_are_watched_while_cables_and_filters_change() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .node("a", &["10.9.1.1/24"])
        .node("b", &["10.9.1.2/24"])
        .node("client", &["10.9.1.9/24"])
        .build()
        .expect("builds");
    let (a, b, client) = (lab.node("a"), lab.node("b"), lab.node("client"));
    let vip: IpAddr = "10.9.1.100".parse().expect("literal");
    let began = Instant::now();
    let holders = Holders::start(&[a, b], vip, EVERY).expect("starts");
    let _echoes = [Echo::start(a).expect("starts"), Echo::start(b).expect("starts")];
    a.add_address(0, "10.9.1.100/32").expect("free");
    let prober = Prober::start(client, vip, EVERY).expect("starts");
    let last = || prober.last().map(|answer| answer.from);
    let answers = |name: &str| {
        let since = Instant::now();
        wait(name, || prober.last().is_some_and(|l| l.asked > since && l.from == name));
    };
    answers("a");
    assert_eq!(holders.now(), [0]);

    // What a client sees when packets are dropped on the node, on the switch, when the cable is out on either side.
    let silent = |what: &str| {
        // Answers under way may still come.
        let mut count = usize::MAX;
        wait(what, || {
            let before = std::mem::replace(&mut count, prober.answers().len());
            std::thread::sleep(10 * EVERY);
            before == prober.answers().len()
        });
    };
    a.block(Way::In, "ip saddr 10.9.1.9").expect("nft");
    silent("a filter on the way in");
    a.unblock().expect("nft");
    answers("a");
    a.block(Way::Out, "udp sport 7").expect("nft");
    silent("a filter on the way out");
    a.unblock().expect("nft");
    answers("a");
    lab.block("client", "a", "meta l4proto 17").expect("nft");
    silent("a filter on the switch");
    lab.unblock().expect("nft");
    answers("a");
    lab.set_link("a", 0, false).expect("has a cable");
    silent("a cable out");
    lab.set_link("a", 0, true).expect("has a cable");
    answers("a");
    a.set_up(0, false).expect("has an interface");
    silent("an interface down");
    assert_eq!(holders.now(), [0], "down, but it has the address");
    a.set_up(0, true).expect("has an interface");
    answers("a");

    // Two hold it, then the other one, then nobody.
    let both = Instant::now();
    b.add_address(0, "10.9.1.100/32").expect("free");
    wait("both", || holders.now() == [0, 1]);
    a.del_address(0, "10.9.1.100/32").expect("has it");
    said(client, &["ip", "neigh", "flush", "all"]);
    answers("b");
    assert_eq!(holders.now(), [1]);
    assert!(holders.shared(both) > Duration::ZERO && holders.shared(both) < both.elapsed());
    assert_eq!(holders.unowned(both), Duration::ZERO);
    assert!(holders.unowned(began) > Duration::ZERO);
    let seen = prober.since(both);
    assert_eq!(seen.turns.last().map(|(who, _)| who.as_str()), Some("b"), "{seen:?}");
    b.del_address(0, "10.9.1.100/32").expect("has it");
    wait("nobody", || holders.now().is_empty());
    silent("nobody holds it");
    assert_eq!(last().as_deref(), Some("b"));
}
