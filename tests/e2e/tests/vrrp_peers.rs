//! Two nodes and their elections, ours beside ours and beside the original in both roles: the same steps for every cast.
//! Each row's packets are captured on the switch and judged by `tshark`. Skipped, with the reason, without root, network
//! namespaces or the original. `EVENKEEL_PROGRAM=keepalived` plays all rows with the original alone.

use evenkeel_e2e::capture::{Capture, VRRP};
use std::path::Path;

use evenkeel_e2e::keeper::Step::{
    Answers, Cut, Heal, Holds, Iface, Kill, Port, Put, Run, Says, Start, Stays, Term,
};
use evenkeel_e2e::keeper::{Cast, Keeper, Pair, Setup, Step, casts, each, instance, played, there, wanted};
use evenkeel_e2e::{PATIENCE, skip};
use evenkeel_lab::netns::{self, Proc};

/// One play: what both instances have in common, what is each one's own, and what happens.
struct Row {
    name: &'static str,
    /// Lines of the instance, divided by semicolons.
    both: &'static str,
    a: &'static str,
    b: &'static str,
    vip: &'static str,
    /// Fields of every advert that `tshark` must find, as a display filter.
    shape: &'static str,
    steps: &'static [Step],
}

const V4: &str = "10.77.0.100/24";
const V6: &str = "fd77::100/64";

/// Preemption at the start, then the master's end by TERM, its cable on either side, and back each time.
const ROUND: &[Step] = &[
    Start("b"),
    Holds(0, "b"),
    Start("a"),
    Holds(0, "a"),
    Term("a"),
    Holds(0, "b"),
    Start("a"),
    Holds(0, "a"),
    Port("a", 0, false),
    Holds(0, "b"),
    Port("a", 0, true),
    Holds(0, "a"),
    Iface("a", 0, false),
    Holds(0, "b"),
    Iface("a", 0, true),
    Holds(0, "a"),
    Says("a", "Entering MASTER STATE"),
    Says("b", "Entering BACKUP STATE"),
];

/// The short form, for what differs on the wire alone.
const THERE_AND_BACK: &[Step] = &[
    Start("b"),
    Holds(0, "b"),
    Start("a"),
    Holds(0, "a"),
    Term("a"),
    Holds(0, "b"),
    Start("a"),
    Holds(0, "a"),
];

const ROWS: &[Row] = &[
    Row {
        name: "version 2, PASS",
        both: "advert_int 1;authentication {;auth_type PASS;auth_pass secret12;}",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V4,
        shape: "vrrp.version == 2 and vrrp.auth_type == 1 and ip.ttl == 255 and ip.dst == 224.0.0.18",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "version 2, AH",
        both: "advert_int 1;authentication {;auth_type AH;auth_pass secret12;}",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V4,
        shape: "ah and vrrp.version == 2 and vrrp.auth_type == 2",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "version 3, 1 s",
        both: "version 3;advert_int 1",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V4,
        shape: "vrrp.version == 3 and vrrp.short_adver_int == 100",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "version 3, 0.1 s",
        both: "version 3;advert_int 0.1",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V4,
        shape: "vrrp.version == 3 and vrrp.short_adver_int == 10",
        steps: ROUND,
    },
    Row {
        name: "version 3, 0.01 s",
        both: "version 3;advert_int 0.01",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V4,
        shape: "vrrp.version == 3 and vrrp.short_adver_int == 1",
        steps: ROUND,
    },
    Row {
        name: "version 3, IPv6",
        both: "version 3;advert_int 0.1",
        a: "state MASTER;priority 150",
        b: "state BACKUP;priority 100",
        vip: V6,
        shape: "ipv6 and vrrp.version == 3 and ipv6.hlim == 255 and ipv6.dst == ff02::12",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "unicast",
        both: "version 3;advert_int 0.1",
        a: "priority 150;unicast_src_ip 10.77.0.1;unicast_peer {;10.77.0.2;}",
        b: "priority 100;unicast_src_ip 10.77.0.2;unicast_peer {;10.77.0.1;}",
        vip: V4,
        shape: "vrrp.version == 3 and (ip.dst == 10.77.0.1 or ip.dst == 10.77.0.2)",
        steps: ROUND,
    },
    Row {
        name: "unicast, version 2, PASS",
        both: "advert_int 1;authentication {;auth_type PASS;auth_pass 1111;}",
        a: "priority 150;unicast_src_ip 10.77.0.1;unicast_peer {;10.77.0.2;}",
        b: "priority 100;unicast_src_ip 10.77.0.2;unicast_peer {;10.77.0.1;}",
        vip: V4,
        shape: "vrrp.version == 2 and vrrp.auth_type == 1 and (ip.dst == 10.77.0.1 or ip.dst == 10.77.0.2)",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "unicast, IPv6",
        both: "version 3;advert_int 0.1",
        a: "priority 150;unicast_src_ip fd77::1;unicast_peer {;fd77::2;}",
        b: "priority 100;unicast_src_ip fd77::2;unicast_peer {;fd77::1;}",
        vip: V6,
        shape: "ipv6 and vrrp.version == 3 and (ipv6.dst == fd77::1 or ipv6.dst == fd77::2)",
        steps: THERE_AND_BACK,
    },
    Row {
        name: "nopreempt",
        both: "version 3;advert_int 0.1;state BACKUP;nopreempt",
        a: "priority 150",
        b: "priority 100",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[
            Start("b"),
            Holds(0, "b"),
            Start("a"),
            Stays(0, "b", 1000),
            Term("b"),
            Holds(0, "a"),
            Start("b"),
            Stays(0, "a", 1000),
        ],
    },
    Row {
        name: "preempt_delay",
        both: "version 3;advert_int 0.1;state BACKUP;preempt_delay 1",
        a: "priority 150",
        b: "priority 100",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[Start("b"), Holds(0, "b"), Start("a"), Stays(0, "b", 500), Holds(0, "a")],
    },
    Row {
        name: "equal priorities: the higher address",
        both: "version 3;advert_int 0.1;priority 100",
        a: "state MASTER",
        b: "state MASTER",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[Start("b"), Holds(0, "b"), Start("a"), Holds(0, "b"), Stays(0, "b", 1000)],
    },
    Row {
        name: "the master's interval counts",
        both: "version 3",
        a: "priority 150;advert_int 0.1",
        b: "priority 100;advert_int 0.5",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[Start("a"), Holds(0, "a"), Start("b"), Stays(0, "a", 1500), Term("a"), Holds(0, "b")],
    },
    Row {
        name: "a lost way there and back",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[
            Start("a"),
            Holds(0, "a"),
            Start("b"),
            Stays(0, "a", 500),
            // Who does not hear takes over, and gives back when it hears again.
            Cut("a", "b", "meta l4proto 112"),
            Step::Both(0),
            Heal,
            Holds(0, "a"),
            Stays(0, "a", 500),
        ],
    },
    Row {
        name: "a killed master",
        both: "version 3;advert_int 0.1",
        a: "priority 150",
        b: "priority 100",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[
            Start("b"),
            Holds(0, "b"),
            Start("a"),
            Holds(0, "a"),
            Kill("a"),
            Says("b", "Entering MASTER STATE"),
            Start("a"),
            Holds(0, "a"),
        ],
    },
    Row {
        name: "a script's weight",
        both: "version 3;advert_int 0.1;track_script {;alive;}",
        a: "priority 150",
        b: "priority 100",
        vip: V4,
        shape: "vrrp.version == 3",
        steps: &[
            Put("a", "/etc/keepalived/alive.sh", "#!/bin/sh\n[ ! -e /run/dead ]\n"),
            Put("b", "/etc/keepalived/alive.sh", "#!/bin/sh\n[ ! -e /run/dead ]\n"),
            Start("a"),
            Start("b"),
            Holds(0, "a"),
            Put("a", "/run/dead", ""),
            Holds(0, "b"),
            Run("a", &["rm", "/run/dead"]),
            Holds(0, "a"),
        ],
    },
];

/// Before every instance: the script that a row may track.
const GLOBAL: &str = "global_defs {
    script_user root
}
vrrp_script alive {
    script /etc/keepalived/alive.sh
    interval 1
    weight -60
    fall 1
    rise 1
}
";

fn possible() -> bool {
    netns::available().map_err(skip).is_ok()
}

/// Two nodes on one switch, on `eth0`, with both kinds of addresses.
fn setup(name: &str, cast: Cast) -> Setup {
    Setup::new(name, cast).net(
        "eth0",
        &["10.77.0.1/24", "fd77::1/64"],
        &["10.77.0.2/24", "fd77::2/64"],
        &["10.77.0.9/24", "fd77::9/64"],
    )
}

#[test]
fn elections() {
    if !possible() {
        return;
    }
    let plays: Vec<(&Row, Cast)> =
        casts().into_iter().flat_map(|cast| ROWS.iter().map(move |row| (row, cast))).collect();
    let plays: Vec<_> = plays.into_iter().filter(|(row, _)| wanted(row.name)).collect();
    each(&plays, |(row, cast)| play(row, *cast));
}

fn play(row: &Row, cast: Cast) {
    let mut pair = setup(row.name, cast).build(&[row.vip.split('/').next().unwrap_or_default()]);
    for (node, own) in [("a", row.a), ("b", row.b)] {
        let lines = format!("{};{own}", row.both);
        let global = if lines.contains("track_script") { GLOBAL } else { "" };
        pair.conf(node, global.to_owned() + &instance(&lines, &[row.vip]));
    }
    let capture = Capture::start(&pair.lab, "switch", VRRP);
    let began = std::time::Instant::now();
    pair.play(row.steps);
    played(row.name, cast, began);
    let Some(captured) = capture.map(Capture::finish) else { return };
    let faults = captured.faults(row.shape);
    assert!(faults.is_empty(), "{} {cast:?}: {faults:?}", row.name);
    let priorities = captured.packets("vrrp", &["vrrp.prio"]);
    assert!(!priorities.is_empty(), "{} {cast:?}: nothing was captured", row.name);
    if row.steps.iter().any(|s| matches!(s, Term(_))) {
        assert!(priorities.iter().any(|p| *p == ["0"]), "{} {cast:?}: no advert with priority 0", row.name);
    }
}

/// Where FRR keeps its daemons.
const FRR: &str = "/usr/lib/frr";

/// One play with FRR as `b`.
struct Foreign {
    name: &'static str,
    version: u8,
    /// FRR's interval in milliseconds, and ours in seconds.
    intervals: (u32, &'static str),
    priorities: (u8, u8),
    vip: &'static str,
    /// What happens before FRR starts, and after.
    steps: [&'static [Step]; 2],
    /// What happens when FRR is killed.
    end: &'static [Step],
}

/// We are the stronger one.
const OVER_FRR: [&[Step]; 2] = [
    &[],
    &[Answers(0, "b"), Start("a"), Answers(0, "a"), Term("a"), Answers(0, "b"), Start("a"), Answers(0, "a")],
];
/// It is.
const UNDER_FRR: [&[Step]; 2] = [
    &[Start("a"), Answers(0, "a")],
    &[Answers(0, "b"), Says("a", "Entering BACKUP STATE"), Step::Lost(0, "a")],
];

/// It leaves its address and MAC behind, but we are heard.
const AFTER_FRR: &[Step] = &[Says("a", "Entering MASTER STATE"), Answers(0, "a")];

const FOREIGN: &[Foreign] = &[
    Foreign {
        name: "version 2, over",
        version: 2,
        intervals: (1000, "1"),
        priorities: (150, 100),
        vip: V4,
        steps: OVER_FRR,
        end: &[],
    },
    Foreign {
        name: "version 2, under",
        version: 2,
        intervals: (1000, "1"),
        priorities: (100, 150),
        vip: V4,
        steps: UNDER_FRR,
        end: AFTER_FRR,
    },
    Foreign {
        name: "version 3, over",
        version: 3,
        intervals: (100, "0.1"),
        priorities: (150, 100),
        vip: V4,
        steps: OVER_FRR,
        end: &[],
    },
    Foreign {
        name: "version 3, under",
        version: 3,
        intervals: (100, "0.1"),
        priorities: (100, 150),
        vip: V4,
        steps: UNDER_FRR,
        end: AFTER_FRR,
    },
];

/// FRR's routing base and its VRRP daemon, by hand, on `b`.
fn frr(pair: &Pair, row: &Foreign) -> [Proc; 2] {
    let node = pair.lab.node("b");
    let run = |line: &str| {
        let out = node.run(&line.split(' ').collect::<Vec<_>>()).expect("starts");
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let address = row.vip.split('/').next().unwrap_or_default();
    // As its manual says: a macvlan with the virtual router's MAC and address, which it takes up and down.
    run("ip link add vrrp4-2-1 link eth0 type macvlan mode bridge");
    run("ip link set dev vrrp4-2-1 address 00:00:5e:00:01:33");
    run(&format!("ip addr add {} dev vrrp4-2-1", row.vip));
    run("ip link set dev vrrp4-2-1 up");
    let conf = format!(
        "interface eth0\n vrrp 51 version {}\n vrrp 51 priority {}\n vrrp 51 advertisement-interval {}\n vrrp 51 ip {address}\n",
        row.version, row.priorities.1, row.intervals.0
    );
    node.put("/run/frr/vrrpd.conf", conf, 0o644).expect("a machine");
    node.put("/run/frr/zebra.conf", "", 0o644).expect("a machine");
    run("chown -R frr:frr /run/frr");
    ["zebra", "vrrpd"].map(|daemon| {
        let program = format!("{FRR}/{daemon}");
        let (conf, pid) = (format!("/run/frr/{daemon}.conf"), format!("/run/frr/{daemon}.pid"));
        let proc = node.spawn(&[
            &program,
            "-f",
            &conf,
            "-i",
            &pid,
            "-z",
            "/run/frr/zserv.api",
            "--vty_socket",
            "/run/frr",
            "--log",
            "stdout",
        ]);
        let mut proc = proc.expect("it starts");
        let socket = format!("/run/frr/{daemon}.vty");
        evenkeel_e2e::wait("FRR's socket", || {
            let there = node.run(&["test", "-S", &socket]).expect("starts").status.success();
            assert!(there || proc.is_running(), "{daemon}: {}{}", proc.stdout(), proc.stderr());
            there
        });
        proc
    })
}

#[test]
fn elections_with_frr() {
    if !possible() {
        return;
    }
    if !Path::new(FRR).join("vrrpd").exists() {
        return skip("FRR is not installed: apt-get install frr");
    }
    let keeper = Keeper::wanted();
    if !there(keeper) {
        return;
    }
    let rows: Vec<&Foreign> = FOREIGN.iter().filter(|row| wanted(row.name)).collect();
    each(&rows, |row| {
        let vip = row.vip.split('/').next().unwrap_or_default();
        let mut pair = setup(row.name, [keeper; 2]).build(&[vip]);
        let lines =
            format!("version {};advert_int {};priority {}", row.version, row.intervals.1, row.priorities.0);
        pair.conf("a", instance(&lines, &[row.vip]));
        let capture = Capture::start(&pair.lab, "switch", VRRP);
        pair.play(row.steps[0]);
        let [_zebra, mut vrrpd] = frr(&pair, row);
        pair.play(row.steps[1]);
        vrrpd.kill_tree().expect("ours");
        pair.play(row.end);
        assert!(vrrpd.wait(PATIENCE).expect("ours").is_some());
        let Some(captured) = capture.map(Capture::finish) else { return };
        let faults = captured.faults("");
        assert!(faults.is_empty(), "{}: {faults:?}", row.name);
        let mut sources = captured.packets(&format!("vrrp.version == {}", row.version), &["ip.src"]);
        sources.sort();
        sources.dedup();
        assert_eq!(sources, [["10.77.0.1"], ["10.77.0.2"]], "{}: both have spoken", row.name);
    });
}
