//! Beside the real Keepalived: elections in both directions, BFD sessions.
#![allow(clippy::print_stderr)]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::*;
use evenkeel_lab::netns::{Lab, Node, Proc};
use evenkeel_plan::keeper::{BfdPlan, KeeperPlan, TrackPlan};
use evenkeel_vrrp::conf::{TrackConf, TrackId, TrackKind, TrackUse};

/// A file that goes with the test.
struct Conf(PathBuf);

impl Conf {
    fn new(name: &str, text: &str) -> Conf {
        let path = std::env::temp_dir().join(format!("ek-interop-{}-{name}.conf", std::process::id()));
        std::fs::write(&path, text).expect("temp dir is writable");
        Conf(path)
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The original in a node, with a /run of its own; `None`: it is not installed.
fn original(node: &Node, conf: &Conf) -> Option<Proc> {
    let script = format!(
        "command -v keepalived >/dev/null || exit 9; mount -t tmpfs none /run; exec keepalived -n -l -D -f {}",
        conf.0.display()
    );
    let proc = node.spawn(&["unshare", "-m", "sh", "-c", &script]).expect("starts");
    if proc.wait_for("Starting VRRP child process", PATIENCE) {
        return Some(proc);
    }
    eprintln!("skipped: no keepalived: {}{}", proc.stdout(), proc.stderr());
    None
}

fn stop(mut proc: Proc) {
    // Its children go with it.
    proc.signal(15).expect("runs");
    if proc.wait(PATIENCE).expect("ours").is_none() {
        panic!("it does not end");
    }
}

#[test]
fn elections_with_the_original_in_both_directions() {
    if !possible() {
        return;
    }
    for (name, vip, own) in [("v4", "10.77.0.100/24", "10.77.0.100"), ("v6", "fd77::100/64", "fd77::100")] {
        let lab = Lab::new()
            .node("a", &["10.77.0.1/24", "fd77::1/64"])
            .node("b", &["10.77.0.2/24", "fd77::2/64"])
            .build()
            .expect("builds");
        let (a, b) = (lab.node("a"), lab.node("b"));
        let conf = Conf::new(
            name,
            &format!(
                "global_defs {{\n vrrp_version 3\n}}\nvrrp_instance VI {{\n state BACKUP\n interface eth0\n \
                 virtual_router_id 51\n priority 100\n advert_int 0.1\n virtual_ipaddress {{\n {vip}\n }}\n}}\n"
            ),
        );
        let Some(theirs) = original(b, &conf) else { return };
        wait(|| has(b, "eth0", own), || theirs.stdout() + &theirs.stderr());
        let plan = |priority| {
            let mut plan = empty();
            instance(&mut plan, "VI", 51, priority, 100, &[vip]);
            plan
        };
        // The better one takes over from the original…
        let ours = Running::start(a, plan(150));
        wait(|| has(a, "eth0", own), || format!("{:#?}", ours.lines()));
        wait(|| !has(b, "eth0", own), || theirs.stdout() + &theirs.stderr());
        // … and gives back at its end.
        ours.stop();
        wait(|| has(b, "eth0", own), || theirs.stdout() + &theirs.stderr());
        // The worse one listens, and takes over when the original ends.
        let ours = Running::start(a, plan(50));
        std::thread::sleep(Duration::from_secs(1));
        assert!(!has(a, "eth0", own), "{:#?}", ours.lines());
        stop(theirs);
        wait(|| has(a, "eth0", own), || format!("{:#?}", ours.lines()));
    }
}

fn with_bfd(neighbor: &str, source: &str) -> KeeperPlan {
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    plan.node.tracks.push(TrackConf { name: "bfd".into(), kind: TrackKind::Bfd });
    plan.tracks.push(TrackPlan::Bfd(BfdPlan {
        neighbor: neighbor.parse().expect("literal"),
        source: Some(source.parse().expect("literal")),
        min_rx: Duration::from_millis(50),
        min_tx: Duration::from_millis(50),
        idle_tx: Duration::from_secs(1),
        multiplier: 5,
        passive: false,
        ttl: 255,
        max_hops: 0,
        multihop: false,
    }));
    plan.node.instances[0].tracks.push(TrackUse { track: TrackId(0), weight: 0, reverse: false });
    plan
}

#[test]
fn bfd_sessions_come_up_with_the_original_and_their_end_is_a_fault() {
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).node("b", &["10.77.0.2/24"]).build().expect("builds");
    let (a, b) = (lab.node("a"), lab.node("b"));
    let conf = Conf::new(
        "bfd",
        "bfd_instance bfd {\n neighbor_ip 10.77.0.1\n source_ip 10.77.0.2\n min_rx 50\n min_tx 50\n}\nvrrp_instance O {\n \
         state BACKUP\n interface eth0\n virtual_router_id 77\n priority 100\n advert_int 1\n virtual_ipaddress {\n 10.77.0.177\n \
         }\n}\n",
    );
    let Some(theirs) = original(b, &conf) else { return };
    let keeper = Running::start(a, with_bfd("10.77.0.2", "10.77.0.1"));
    keeper.wait_for_line("BFD_Instance(bfd) Entering Up state");
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}\n{}", keeper.lines(), theirs.stdout()));
    eprintln!("{}", theirs.stdout().lines().filter(|l| l.contains("BFD")).collect::<Vec<_>>().join("\n"));
    stop(theirs);
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    keeper.wait_for_line("(VI) Entering FAULT STATE");
}
