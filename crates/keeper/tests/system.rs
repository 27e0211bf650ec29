//! What is set in the kernel is what `ip` shows; what is sent is what others see; what is left behind is nothing.
#![allow(clippy::print_stderr)]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::*;
use evenkeel_base::Span;
use evenkeel_lab::netns::Lab;
use evenkeel_plan::keeper::instance::Vmac;
use evenkeel_plan::keeper::{NextHop, Route, RouteKind, Rule, Scope};
use evenkeel_vrrp::conf::{Destination, InterfaceId, UnicastPeer};

/// Where the program of this test runs a keeper by itself, to be killed.
const ALONE: &str = "EVENKEEL_TEST_KEEPER_ALONE";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("literal")
}

fn net(text: &str) -> (IpAddr, u8) {
    let (address, prefix) = text.split_once('/').expect("with a prefix");
    (ip(address), prefix.parse().expect("literal"))
}

fn route(text: &str, to: Option<&str>, hops: Vec<NextHop>) -> Route {
    Route {
        kind: RouteKind::Unicast,
        to: to.map(net),
        v6: to.is_some_and(|t| t.contains(':')),
        from: None,
        source: None,
        hops,
        table: 0,
        metric: None,
        scope: None,
        tos: None,
        protocol: 18,
        metrics: Vec::new(),
        congestion_control: None,
        append: false,
        preference: None,
        expires_s: None,
        ttl_propagate: None,
        no_track: false,
        text: text.into(),
        span: Span::default(),
    }
}

fn via(address: &str) -> NextHop {
    NextHop { via: Some(ip(address)), interface: Some(InterfaceId(0)), ..NextHop::default() }
}

fn dev() -> NextHop {
    NextHop { interface: Some(InterfaceId(0)), ..NextHop::default() }
}

#[test]
fn addresses_routes_and_rules_are_as_the_plan_says() {
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24", "fd77::1/64"]).build().expect("builds");
    let a = lab.node("a");
    let mut plan = empty();
    let n = instance(&mut plan, "VI", 51, 200, 100, &["10.77.0.100/24"]);
    let vi = &mut plan.instances[n];
    vi.addresses[0].label = Some("eth0:vip".into());
    vi.addresses[0].broadcast = Some(ip("10.77.0.255"));
    let mut peer = address("10.78.0.1/32");
    peer.peer = Some((ip("10.78.0.2"), 32));
    peer.scope = Scope::LINK;
    let mut deprecated = address("fd77::200/128");
    deprecated.preferred_lifetime_s = Some(0);
    vi.excluded = vec![peer, deprecated, address("fd77::201/64")];
    let mut full = route("full", Some("10.90.0.0/16"), vec![via("10.77.0.9")]);
    full.source = Some(ip("10.77.0.100"));
    full.metric = Some(77);
    full.tos = Some(4);
    full.table = 300;
    full.metrics = vec![(2, 1400, true), (4, 100, false)];
    let mut many = route("many", Some("10.91.0.0/16"), vec![via("10.77.0.9"), via("10.77.0.10")]);
    many.hops[0].weight = 3;
    many.hops[1].weight = 1;
    many.hops[1].onlink = true;
    let mut black = route("black", Some("10.92.0.0/16"), vec![]);
    black.kind = RouteKind::Blackhole;
    let mut mixed = route("mixed", Some("10.93.0.0/16"), vec![via("fd77::9")]);
    mixed.hops[0].interface = Some(InterfaceId(0));
    let mut six = route("six", Some("2001:db8::/32"), vec![via("fd77::9")]);
    six.preference = Some(1);
    let mut default = route("default", None, vec![via("10.77.0.9")]);
    default.table = 301;
    vi.routes =
        vec![full, many, black, mixed, six, route("direct", Some("10.94.0.0/16"), vec![dev()]), default];
    vi.rules = vec![
        Rule {
            from: Some(net("10.95.0.0/16")),
            to: Some(net("10.96.0.0/24")),
            table: Some(300),
            priority: Some(1000),
            iif: Some("eth0".into()),
            tos: Some(8),
            fwmark: Some((0x24, Some(0xff))),
            invert: true,
            ..Rule::default()
        },
        Rule {
            v6: true,
            to: Some(net("2001:db8::/32")),
            table: Some(300),
            priority: Some(1001),
            uid_range: Some((10, 20)),
            ip_protocol: Some(17),
            source_ports: Some((10, 20)),
            destination_ports: Some((53, 53)),
            protocol: Some(18),
            suppress_prefix: Some(0),
            ..Rule::default()
        },
        Rule { action: 8, from: Some(net("10.97.0.0/16")), priority: Some(1002), ..Rule::default() },
    ];
    plan.static_addresses = vec![(address("10.77.0.50/24"), vec![])];
    plan.static_routes = vec![(route("static", Some("10.98.0.0/16"), vec![via("10.77.0.9")]), vec![])];
    let keeper = Running::start(a, plan);
    keeper.wait_for_line("Entering MASTER STATE");
    wait(|| has(a, "eth0", "fd77::201"), || format!("{:#?}", keeper.lines()));

    let vip = find(a, "eth0", "10.77.0.100").expect("is there");
    assert_eq!((&vip["label"], &vip["broadcast"]), (&"eth0:vip".into(), &"10.77.0.255".into()), "{vip}");
    assert_eq!(vip["secondary"], true);
    let peer = find(a, "eth0", "10.78.0.1").expect("is there");
    assert_eq!((&peer["address"], &peer["scope"]), (&"10.78.0.2".into(), &"link".into()), "{peer}");
    let old = find(a, "eth0", "fd77::200").expect("is there");
    assert_eq!(
        (&old["preferred_life_time"], &old["deprecated"], &old["nodad"]),
        (&0.into(), &true.into(), &true.into())
    );
    let new = find(a, "eth0", "fd77::201").expect("is there");
    assert!(new["preferred_life_time"].as_u64().is_some_and(|s| s > 0 && s <= 3), "{new}");
    let fixed = find(a, "eth0", "10.77.0.50").expect("is there");
    assert_eq!(fixed["valid_life_time"].as_u64(), Some(u64::from(u32::MAX)));

    let text = sh(a, "ip -4 route show table all; ip -6 route show table all; ip rule; ip -6 rule");
    for want in [
        "10.90.0.0/16 tos 0x04 via 10.77.0.9 dev eth0 table 300 proto keepalived src 10.77.0.100 metric 77 mtu lock 1400",
        "nexthop via 10.77.0.9 dev eth0 weight 3",
        "nexthop via 10.77.0.10 dev eth0 weight 1 onlink",
        "blackhole 10.92.0.0/16 proto keepalived",
        "10.93.0.0/16 via inet6 fd77::9 dev eth0 proto keepalived",
        "2001:db8::/32 via fd77::9 dev eth0 proto keepalived metric 1024 pref high",
        "10.94.0.0/16 dev eth0 proto keepalived scope link",
        "default via 10.77.0.9 dev eth0 table 301 proto keepalived",
        "10.98.0.0/16 via 10.77.0.9 dev eth0 proto keepalived",
        "1000:\tnot from 10.95.0.0/16 to 10.96.0.0/24 tos 0x08 fwmark 0x24/0xff iif eth0 lookup 300",
        "1001:\tfrom all to 2001:db8::/32 uidrange 10-20 ipproto udp sport 10-20 dport 53 lookup 300 suppress_prefixlength 0 proto keepalived",
        "1002:\tfrom 10.97.0.0/16 prohibit",
    ] {
        assert!(text.contains(want), "{want:?} in\n{text}\n{:#?}", keeper.lines());
    }
    // A route and a rule that somebody takes away come back.
    sh(a, "ip route del blackhole 10.92.0.0/16; ip rule del pref 1002");
    wait(
        || sh(a, "ip route; ip rule").contains("blackhole 10.92") && sh(a, "ip rule").contains("1002:"),
        || format!("{:#?}", keeper.lines()),
    );
    keeper.stop();
    let all =
        || sh(a, "ip -4 route show table all; ip -6 route show table all; ip rule; ip -6 rule; ip addr");
    for gone in ["keepalived", "10.77.0.100", "fd77::200", "10.77.0.50", "1000:", "1001:", "1002:"] {
        assert!(!all().contains(gone), "{gone} in\n{}", all());
    }
    assert!(all().contains("fd77::/64"), "the interface's own address needs it: {}", all());
}

#[test]
fn others_see_adverts_and_announcements() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .node("a", &["10.77.0.1/24", "fd77::1/64"])
        .node("b", &["10.77.0.2/24"])
        .build()
        .expect("builds");
    let (a, b) = (lab.node("a"), lab.node("b"));
    let dump = match b.spawn(&[
        "tcpdump",
        "-i",
        "eth0",
        "-n",
        "-e",
        "-l",
        "-v",
        "vrrp or arp or icmp6 or ip6 proto 112",
    ]) {
        Ok(dump) if dump.wait_for("listening on", PATIENCE) => dump,
        Ok(_) | Err(_) => return eprintln!("skipped: no tcpdump"),
    };
    let mut plan = empty();
    instance(&mut plan, "V4", 51, 200, 100, &["10.77.0.100/24"]);
    instance(&mut plan, "V6", 52, 200, 100, &["fd77::100/64"]);
    plan.node.instances[1].addresses = vec![ip("fd77::100")];
    let keeper = Running::start(a, plan);
    keeper.wait_for_line("(V4) Entering MASTER STATE");
    keeper.wait_for_line("(V6) Entering MASTER STATE");
    let mac = ip_json(a, &["link", "show", "eth0"])[0]["address"].as_str().expect("text").to_owned();
    for want in [
        "10.77.0.1 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 200, intvl 10cs".to_owned(),
        "Request who-has 10.77.0.100 (ff:ff:ff:ff:ff:ff) tell 10.77.0.100".to_owned(),
        "> ff02::12: ip-proto-112".to_owned(),
        "neighbor advertisement, length 32, tgt is fd77::100".to_owned(),
        format!("destination link-address option (2), length 8 (1): {mac}"),
    ] {
        let found = |all: String| {
            all.contains(&want) || (want.contains("ff02::12") && all.contains("> ff02::12: VRRPv3"))
        };
        wait(|| found(dump.stdout()), || format!("{want:?} in\n{}\n{:#?}", dump.stdout(), keeper.lines()));
    }
    keeper.stop();
    assert!(dump.wait_for("vrid 51, prio 0", PATIENCE), "priority 0 at the end");
}

#[test]
fn unicast_peers_elect_too() {
    if !possible() {
        return;
    }
    for (addresses, vip) in
        [(["10.77.0.1", "10.77.0.2"], "10.77.0.100/24"), (["fd77::1", "fd77::2"], "fd77::100/64")]
    {
        let lab = Lab::new()
            .node("a", &["10.77.0.1/24", "fd77::1/64"])
            .node("b", &["10.77.0.2/24", "fd77::2/64"])
            .build()
            .expect("builds");
        let plan = |own: usize, priority| {
            let mut plan = empty();
            instance(&mut plan, "VI", 51, priority, 100, &[vip]);
            plan.node.instances[0].source = Some(ip(addresses[own]));
            let peer = UnicastPeer { address: ip(addresses[1 - own]), min_ttl: 0, max_ttl: 255 };
            plan.node.instances[0].destination = Destination::Unicast(vec![peer]);
            plan
        };
        let (a, b) = (lab.node("a"), lab.node("b"));
        let bare = vip.split('/').next().expect("text");
        let first = Running::start(a, plan(0, 150));
        let second = Running::start(b, plan(1, 100));
        wait(|| has(a, "eth0", bare), || format!("{:#?}", first.lines()));
        second.wait_for_line("Entering BACKUP STATE");
        assert!(!has(b, "eth0", bare), "{:#?}", second.lines());
        first.stop();
        wait(|| has(b, "eth0", bare), || format!("{:#?}", second.lines()));
        drop(second);
    }
}

#[test]
fn virtual_macs_carry_the_addresses_and_go_again() {
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).node("b", &["10.77.0.2/24"]).build().expect("builds");
    let (a, b) = (lab.node("a"), lab.node("b"));
    let plan = |priority| {
        let mut plan = empty();
        let n = instance(&mut plan, "VI", 51, priority, 100, &["10.77.0.100/24"]);
        plan.instances[n].vmac = Some(Vmac {
            name: "vrrp.51".into(),
            mac: None,
            ipvlan: false,
            xmit_base: false,
            addresses_too: false,
        });
        plan
    };
    let first = Running::start(a, plan(150));
    let second = Running::start(b, plan(100));
    wait(|| has(a, "vrrp.51", "10.77.0.100"), || format!("{:#?}", first.lines()));
    let mac = |node| ip_json(node, &["link", "show", "vrrp.51"])[0]["address"].clone();
    assert_eq!((mac(a), mac(b)), ("00:00:5e:00:01:33".into(), "00:00:5e:00:01:33".into()));
    second.wait_for_line("Entering BACKUP STATE");
    sh(b, "ip neigh flush all; ping -c1 -W5 10.77.0.100");
    let neighbours = sh(b, "ip neigh show 10.77.0.100");
    assert!(neighbours.contains("00:00:5e:00:01:33"), "{neighbours}");
    assert_eq!(sh(a, "cat /proc/sys/net/ipv4/conf/eth0/arp_ignore").trim(), "1");
    first.stop();
    assert!(ip_json(a, &["link"]).as_array().is_some_and(|all| all.iter().all(|l| l["ifname"] != "vrrp.51")));
    assert_eq!(sh(a, "cat /proc/sys/net/ipv4/conf/eth0/arp_ignore").trim(), "0");
    wait(|| has(b, "vrrp.51", "10.77.0.100"), || format!("{:#?}", second.lines()));
}

#[test]
fn a_killed_keeper_leaves_no_address_behind() {
    if let Ok(path) = std::env::var(ALONE) {
        // The child: a keeper alone in this process.
        evenkeel_lab::netns::enter(path.as_ref()).expect("namespace");
        let mut plan = empty();
        instance(&mut plan, "VI", 51, 200, 100, &["10.77.0.100/24", "10.77.0.101/32"]);
        let log = std::sync::Arc::new(|_, _: &str| {});
        let (keeper, handle) =
            evenkeel_keeper::Keeper::new(plan, evenkeel_keeper::Options::new(log)).expect("starts");
        keeper.run();
        drop(handle);
        return;
    }
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).build().expect("builds");
    let a = lab.node("a");
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_killed_keeper_leaves_no_address_behind", "--nocapture"])
        .env(ALONE, a.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    wait(|| has(a, "eth0", "10.77.0.100"), || "the child's address".into());
    std::thread::sleep(Duration::from_secs(4));
    assert!(has(a, "eth0", "10.77.0.100"), "refreshed beyond its lease");
    child.kill().expect("ours");
    child.wait().expect("ours");
    let killed = std::time::Instant::now();
    wait(
        || !has(a, "eth0", "10.77.0.100") && !has(a, "eth0", "10.77.0.101"),
        || "an address outlives its lease".into(),
    );
    eprintln!("gone {:?} after SIGKILL; the lease is 3 s", killed.elapsed());
}

/// Whether the kernel takes rules by this program.
fn can(node: &evenkeel_lab::netns::Node, script: &str) -> bool {
    let can = node.run(&["sh", "-c", script]).is_ok_and(|out| out.status.success());
    if !can {
        eprintln!("skipped: `{script}` does not work here");
    }
    can
}

#[test]
fn addresses_that_are_not_accepted_answer_nobody() {
    if !possible() {
        return;
    }
    let lab = Lab::new()
        .node("a", &["10.77.0.1/24", "fd77::1/64"])
        .node("b", &["10.77.0.2/24", "fd77::2/64"])
        .build()
        .expect("builds");
    let (a, b) = (lab.node("a"), lab.node("b"));
    for (iptables, probe, rules) in [
        (None, "nft add table ip ekx && nft delete table ip ekx", "nft list ruleset"),
        (
            Some(vec![]),
            "iptables -w -L -n && ip6tables -w -L -n",
            "iptables -w -S INPUT; ip6tables -w -S INPUT",
        ),
    ] {
        if !can(a, probe) {
            continue;
        }
        let mut plan = empty();
        let n = instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
        plan.instances[n].excluded = vec![address("fd77::100/64")];
        plan.node.instances[n].accept = false;
        plan.global.firewall.iptables = iptables;
        let keeper = Running::start(a, plan);
        wait(|| has(a, "eth0", "fd77::100"), || format!("{:#?}", keeper.lines()));
        wait(|| sh(a, rules).contains("10.77.0.100") && sh(a, rules).contains("fd77::100"), || sh(a, rules));
        for (own, vip) in [("10.77.0.1", "10.77.0.100"), ("fd77::1", "fd77::100")] {
            sh(b, &format!("ping -c1 -W5 {own}"));
            sh(b, &format!("! ping -c1 -W1 {vip}"));
            // It is found all the same.
            let neighbours = sh(b, &format!("ip neigh show {vip}"));
            assert!(neighbours.contains("lladdr"), "{neighbours}");
        }
        keeper.stop();
        assert!(!sh(a, rules).contains("77"), "{}", sh(a, rules));
    }
}

#[test]
fn virtual_macs_say_nothing_of_groups() {
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).build().expect("builds");
    let a = lab.node("a");
    if !can(a, "nft add table ip ekx && nft delete table ip ekx") {
        return;
    }
    let mut plan = empty();
    let n = instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    let vmac =
        Vmac { name: "vrrp.51".into(), mac: None, ipvlan: false, xmit_base: false, addresses_too: false };
    plan.instances[n].vmac = Some(vmac);
    let keeper = Running::start(a, plan);
    let rules = || sh(a, "nft list ruleset");
    let want = "ip protocol igmp meta oifkind \"macvlan\" dup to ip daddr device oif map @vmac_map drop";
    wait(|| rules().contains(want), || format!("{}\n{:#?}", rules(), keeper.lines()));
    assert!(rules().contains("elements = { \"vrrp.51\" : \"eth0\" }"), "{}", rules());
    keeper.stop();
    assert_eq!(rules(), "");
}
