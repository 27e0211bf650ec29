//! The keepalived files that users have on their disks, as they are, on two nodes that carry their addresses and whose
//! scripts, proxies and mail servers are their own. Skipped, with the reason, without root, network namespaces or the files.
//! `EVENKEEL_PROGRAM=keepalived` plays all with the original alone.

use std::path::PathBuf;
use std::time::Instant;

use evenkeel_e2e::keeper::Step::{
    Answers, Does, File, Has, Holds, Iface, Kill, Port, Quiet, Run, Says, Start, Stays, Term,
};
use evenkeel_e2e::keeper::{Cast, Keeper, Pair, Setup, Step, casts, each, played, wanted};
use evenkeel_e2e::mail::Mailbox;
use evenkeel_e2e::site::Browser;
use evenkeel_e2e::{PATIENCE, shared, skip, wait};
use evenkeel_lab::netns;
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

fn possible() -> bool {
    netns::available().map_err(skip).is_ok()
}

fn seed(name: &str) -> Option<Vec<u8>> {
    let path: PathBuf = shared(&format!("seeds/{name}"))?;
    Some(std::fs::read(path).expect("readable"))
}

/// The files of two nodes, where they are there.
fn with_seeds(names: [&str; 2], act: impl FnOnce([Vec<u8>; 2])) {
    let [Some(a), Some(b)] = names.map(seed) else { return };
    act([a, b]);
}

type Play = (&'static str, fn(Cast));

/// What is played: each with every cast.
const PLAYS: &[Play] = &[
    ("004", seed_004),
    ("004 with a weight that works", seed_004_with_a_weight_that_works),
    ("000", seed_000),
    ("000 mended", seed_000_mended),
    ("001", seed_001),
    ("002 director", seed_002_director),
    ("002 web server", seed_002_web_server),
];

#[test]
fn seeds_on_two_nodes() {
    if !possible() {
        return;
    }
    let casts = casts();
    let plays = PLAYS.iter().filter(|(name, _)| wanted(name));
    let plays: Vec<_> = plays.flat_map(|play| casts.iter().map(move |cast| (play, *cast))).collect();
    each(&plays, |((name, play), cast)| {
        let began = Instant::now();
        play(*cast);
        played(name, *cast, began);
    });
}

/// Daemon, cable and kill, of the stronger node and back.
const LIFE: &[Step] = &[
    Start("a"),
    Start("b"),
    Holds(0, "a"),
    Says("a", "(http) Entering MASTER STATE"),
    Says("b", "(http) Entering BACKUP STATE"),
    Term("a"),
    Holds(0, "b"),
    Start("a"),
    Holds(0, "a"),
    Port("a", 0, false),
    Holds(0, "b"),
    Says("a", "(http) Entering FAULT STATE"),
    Port("a", 0, true),
    Holds(0, "a"),
    Iface("a", 0, false),
    Holds(0, "b"),
    Iface("a", 0, true),
    Holds(0, "a"),
    Kill("a"),
    Answers(0, "b"),
];

fn seed_000(cast: Cast) {
    with_seeds(["000-keepalived-master.conf", "000-keepalived-backup.conf"], |[a, b]| {
        let mut pair = Setup::new("seed 000", cast)
            .net("eno16777736", &["172.18.67.1/16"], &["172.18.67.2/16"], &["172.18.67.9/16"])
            .build(&["172.18.67.33"]);
        pair.conf("a", a);
        pair.conf("b", b);
        pair.play(LIFE);
        for (node, keeper) in ["a", "b"].into_iter().zip(cast) {
            let said = pair.said(node);
            let mistakes = match keeper {
                Keeper::Ours => [
                    "vrrp_macst_group4",
                    "vrrp_mcast_group4",
                    "notify_master",
                    "notify_backup",
                    "this '}' ends vrrp_instance http",
                ],
                Keeper::Keepalived => {
                    ["vrrp_macst_group4", "notify_master", "notify_backup", "notify_fault", "Extra '}'"]
                }
            };
            for word in mistakes {
                assert!(said.contains(word), "{cast:?} {node}: {word} is not in:\n{said}");
            }
        }
    });
}

/// What the tutorial's reader has to do: the lines below the surplus brace belong above it. Mails come from the script, and
/// from the daemon itself.
fn seed_000_mended(cast: Cast) {
    with_seeds(["000-keepalived-master.conf", "000-keepalived-backup.conf"], |confs| {
        let Some(script) = seed("000-notify.sh") else { return };
        let mut pair = Setup::new("seed 000, mended", cast)
            .net("eno16777736", &["172.18.67.1/16"], &["172.18.67.2/16"], &["172.18.67.9/16"])
            .build(&["172.18.67.33"]);
        let mut boxes = Vec::new();
        for (node, conf) in ["a", "b"].into_iter().zip(confs) {
            let text = String::from_utf8_lossy(&conf);
            let mended = text.replacen("\n}\nnotify_master", "\nsmtp_alert\nnotify_master", 1).replacen(
                "vrrp_macst_group4",
                "vrrp_mcast_group4",
                1,
            );
            assert_ne!(text, mended);
            pair.conf(node, mended);
            let machine = pair.lab.node(node);
            machine.put("/etc/keepalived/notify.sh", &script, 0o755).expect("a machine");
            machine.put("/usr/local/bin/mail", MAIL, 0o755).expect("a machine");
            boxes.push(Mailbox::start(machine));
        }
        pair.play(&[
            Start("a"),
            Start("b"),
            Holds(0, "a"),
            File("a", "/tmp/mails", "for root@localhost: a to be master, vip floating"),
            File("a", "/tmp/mails", "vrrp transition, a changed to be master"),
            File("b", "/tmp/mails", "for root@localhost: b to be backup, vip floating"),
            Port("a", 0, false),
            Holds(0, "b"),
            File("a", "/tmp/mails", "a to be fault, vip floating"),
            File("b", "/tmp/mails", "b to be master, vip floating"),
            Quiet("a", "Unknown keyword"),
            Quiet("b", "Unknown keyword"),
        ]);
        for (mailbox, want) in boxes.iter().zip(["FAULT", "MASTER"]) {
            wait("a mail of the daemon", || mailbox.mails().iter().any(|m| m.contains(want)));
            for mail in mailbox.mails() {
                let lower = mail.to_lowercase();
                assert!(lower.contains("mail from:<keepalived@localhost>"), "{mail}");
                assert!(lower.contains("rcpt to:<root@localhost>"), "{mail}");
                assert!(mail.contains("inode2") && mail.contains("http"), "{mail}");
            }
        }
    });
}

/// Keeps what it is told to send.
const MAIL: &str = "#!/bin/sh\n{ echo \"for $3: $2\"; cat; } >>/tmp/mails\n";

/// The director pairs' files: their VRRP half. The original is told to leave the other half alone: it would end where the
/// kernel has no IPVS.
fn seed_001(cast: Cast) {
    with_seeds(["001-keepalived-master.conf", "001-keepalived-backup.conf"], |[a, b]| {
        let mut pair = Setup::new("seed 001", cast)
            .args(Keeper::Keepalived, &["-P"])
            .net("eth0", &["192.168.1.1/24"], &["192.168.1.2/24"], &["192.168.1.9/24"])
            .build(&["192.168.1.150"]);
        pair.conf("a", a);
        pair.conf("b", b);
        pair.play(&[
            Start("a"),
            Start("b"),
            Holds(0, "a"),
            Term("a"),
            Holds(0, "b"),
            Start("a"),
            Holds(0, "a"),
            Port("a", 0, false),
            Holds(0, "b"),
        ]);
    });
}

/// The weaker one of a pair whose tutorial shows one file.
fn weaker(file: &[u8]) -> String {
    let text = String::from_utf8_lossy(file);
    let weaker = text.replacen("state MASTER", "state BACKUP", 1).replacen("priority 120", "priority 100", 1);
    assert_ne!(text, weaker);
    weaker
}

/// `vrrp_strict` keeps clients away from the address: who holds it is all that can be seen.
fn seed_002_director(cast: Cast) {
    with_seeds(["002-keepalived-dr.conf"; 2], |[a, b]| {
        let mut pair = Setup::new("seed 002, director", cast)
            .args(Keeper::Keepalived, &["-P"])
            .net("ens33", &["192.168.118.1/24"], &["192.168.118.2/24"], &["192.168.118.9/24"])
            .build(&["192.168.118.100"]);
        pair.conf("a", a);
        pair.conf("b", weaker(&b));
        pair.play(&[
            Start("a"),
            Start("b"),
            Has(0, "a"),
            Term("a"),
            Has(0, "b"),
            Start("a"),
            Has(0, "a"),
            Port("a", 0, false),
            Has(0, "b"),
        ]);
    });
}

/// Ends what it is told to end, on its own machine.
const SYSTEMCTL: &str = "#!/bin/sh
[ \"$1 $2\" = 'stop keepalived' ] && kill $(cat /run/keepalived.pid)
";

fn seed_002_web_server(cast: Cast) {
    with_seeds(["002-keepalived-nginx.conf"; 2], |[a, b]| {
        let Some(script) = seed("002-check-script.sh") else { return };
        let mut pair = Setup::new("seed 002, web server", cast)
            .net("ens33", &["192.168.118.1/24"], &["192.168.118.2/24"], &["192.168.118.9/24"])
            .build(&["192.168.118.100"]);
        // Where the file wants it.
        let text = String::from_utf8_lossy(&a).into_owned();
        let path =
            text.split_once("script \"").and_then(|(_, rest)| rest.split('"').next()).expect("a script");
        let path = path.to_owned();
        pair.conf("a", a);
        pair.conf("b", weaker(&b));
        let mut webs = Vec::new();
        for node in ["a", "b"] {
            let machine = pair.lab.node(node);
            machine.put(&path, &script, 0o755).expect("a machine");
            machine.put("/usr/local/bin/systemctl", SYSTEMCTL, 0o755).expect("a machine");
            let addr = "0.0.0.0:80".parse().expect("literal");
            let spec = WebSpec::new(node, WebKind::Static, addr).inside(machine);
            webs.push(WebServer::start(spec).expect("a port of its own"));
        }
        pair.play(&[Start("a"), Start("b"), Has(0, "a"), Stays(0, "a", 1000)]);
        webs[0].stop();
        pair.play(&[Has(0, "b")]);
        let mut daemon = pair.take("a");
        assert!(daemon.wait(PATIENCE).expect("ours").is_some(), "the script has ended it");
        // And back, by its operator.
        webs[0].resume().expect("its port is free");
        pair.play(&[Start("a"), Has(0, "a"), Stays(0, "a", 1000)]);
    });
}

/// What a distribution has as `/etc/init.d/haproxy`.
const INIT_HAPROXY: &str = "#!/bin/sh
case $1 in
start) kill -0 $(cat /run/haproxy.pid) 2>/dev/null || haproxy -D -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid ;;
stop) kill $(cat /run/haproxy.pid) && rm /run/haproxy.pid ;;
esac
";
const RUNS: &[&str] = &["killall", "-0", "haproxy"];
const DIES: &[&str] = &["killall", "-9", "haproxy"];
const STARTS: &[&str] = &["/etc/init.d/haproxy", "start"];

/// Both nodes with a proxy each, and a server behind them.
fn dual_master(name: &str, cast: Cast, confs: [Vec<u8>; 2]) -> (Pair, WebServer) {
    let pair = Setup::new(name, cast)
        .ours_as("haproxy")
        .net("eth0", &["192.168.60.22/24"], &["192.168.60.128/24"], &["192.168.60.9/24"])
        .with(|lab| lab.node("app", &["192.168.60.11/24"]))
        .build(&["192.168.60.78", "192.168.60.55"]);
    for (node, conf) in ["a", "b"].into_iter().zip(confs) {
        pair.conf(node, conf);
        let machine = pair.lab.node(node);
        machine.put("/etc/init.d/haproxy", INIT_HAPROXY, 0o755).expect("a machine");
        let proxy = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\nlisten web\n bind *:80\n\
             http-response set-header X-Proxy {node}\n server app 192.168.60.11:80\n"
        );
        machine.put("/etc/haproxy/haproxy.cfg", proxy, 0o644).expect("a machine");
    }
    let addr = "0.0.0.0:80".parse().expect("literal");
    let app = WebSpec::new("app", WebKind::Dynamic, addr).inside(pair.lab.node("app"));
    let app = WebServer::start(app).expect("a port of its own");
    (pair, app)
}

/// Through which proxy the client's requests go, by the address that it asks.
fn served(pair: &Pair, by: [&str; 2]) {
    for (vip, want) in ["192.168.60.78:80", "192.168.60.55:80"].into_iter().zip(by) {
        let browser = Browser::inside(pair.lab.node("client"), vip.parse().expect("literal"));
        wait(&format!("{vip} to be served by {want}"), || {
            browser.connect().is_some() && browser.get("/").field("x-proxy") == want
        });
    }
}

fn seed_004(cast: Cast) {
    with_seeds(["004-keepalived-haproxy1.conf", "004-keepalived-haproxy2.conf"], |confs| {
        let (mut pair, _app) = dual_master("seed 004", cast, confs);
        // Masters start the proxy of their node.
        pair.play(&[Start("a"), Start("b"), Holds(0, "a"), Holds(1, "b"), Does("a", RUNS), Does("b", RUNS)]);
        served(&pair, ["a", "b"]);
        // The daemon ends, and comes back.
        pair.play(&[Term("a"), Holds(0, "b"), Holds(1, "b")]);
        served(&pair, ["b", "b"]);
        pair.play(&[Start("a"), Holds(0, "a"), Holds(1, "b")]);
        // The same on the other node, by its cable.
        pair.play(&[Port("b", 0, false), Holds(1, "a"), Holds(0, "a")]);
        served(&pair, ["a", "a"]);
        pair.play(&[Port("b", 0, true), Holds(1, "b"), Holds(0, "a")]);
        // A proxy's death changes nothing: 105 - 5 is more than 99.
        pair.play(&[Run("a", DIES), Says("a", "Script `chk_haproxy` now returning 1")]);
        pair.play(&[Stays(0, "a", 4500), Run("a", STARTS)]);
        served(&pair, ["a", "b"]);
        // The whole daemon is killed; the address that it may leave behind is not the client's.
        pair.play(&[Kill("a"), Says("b", "(VI_1) Entering MASTER STATE"), Answers(0, "b"), Answers(1, "b")]);
        served(&pair, ["b", "b"]);
        pair.play(&[Start("a"), Holds(0, "a"), Holds(1, "b")]);
        served(&pair, ["a", "b"]);
    });
}

/// With a weight that can change the election.
fn seed_004_with_a_weight_that_works(cast: Cast) {
    with_seeds(["004-keepalived-haproxy1.conf", "004-keepalived-haproxy2.conf"], |confs| {
        let confs = confs.map(|c| {
            let text = String::from_utf8_lossy(&c);
            let mended = text.replacen("weight -5", "weight -10", 1);
            assert_ne!(text, mended);
            mended.into_bytes()
        });
        let (mut pair, _app) = dual_master("seed 004, weight -10", cast, confs);
        pair.play(&[Start("a"), Start("b"), Holds(0, "a"), Holds(1, "b"), Does("a", RUNS), Does("b", RUNS)]);
        pair.play(&[Run("a", DIES), Holds(0, "b"), Holds(1, "b")]);
        served(&pair, ["b", "b"]);
        pair.play(&[Run("a", STARTS), Holds(0, "a"), Holds(1, "b")]);
        served(&pair, ["a", "b"]);
        pair.play(&[Run("b", DIES), Holds(1, "a"), Holds(0, "a")]);
        served(&pair, ["a", "a"]);
        pair.play(&[Run("b", STARTS), Holds(1, "b"), Holds(0, "a")]);
    });
}
