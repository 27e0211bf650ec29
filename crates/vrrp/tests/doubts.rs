//! Packets that are dropped, and split brain seen and explained.

mod common;

use common::*;
use evenkeel_vrrp::conf::{
    AntiReplay, Auth, Checksum, Destination, HmacConf, HmacMode, InstanceId, InterfaceId, UnicastPeer,
    Version,
};
use evenkeel_vrrp::{Input, InstanceConf, NodeConf, Output, Received, StateKind};
use evenkeel_wire::vrrp::{self as wire, V2Auth};
use expect_test::expect;

fn pass(password: &[u8; 8]) -> V2Auth {
    V2Auth::Pass(*password)
}

fn with_pass() -> InstanceConf {
    InstanceConf { auth: Auth::Pass(*b"1111\0\0\0\0"), ..instance("VI_1", 51, 100) }
}

/// What a master says about an advert that it must not take.
fn said_by_master(conf: InstanceConf, advert: &Advert) -> String {
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(5_300);
    bench.take();
    bench.hears(advert);
    let view = bench.node.view().instance(InstanceId(0)).expect("one");
    assert_eq!(view.state(), StateKind::Master, "{advert:?} moved it");
    bench.take().lines().map(|line| line.trim_start_matches([' ', '0', '3', '5']).to_owned() + "\n").collect()
}

#[test]
fn packets_are_dropped_in_the_originals_words() {
    let good = || Advert { auth: pass(b"1111\0\0\0\0"), ..advert(51, 150) };
    let rows: Vec<(Advert, &str)> = vec![
        (Advert { auth: pass(b"2222\0\0\0\0"), ..good() }, "received an invalid passwd!"),
        (Advert { auth: V2Auth::None, ..good() }, "received a 0 auth, expecting 1!"),
        (Advert { interval: ms(3_000), ..good() }, "advertisement interval mismatch mine=1 sec rcv'd=3 sec"),
        (
            Advert { addresses: vec![v4(101)], ..good() },
            "ip address associated with VRID 51 not present in MASTER advert: 192.0.2.151",
        ),
        (
            Advert { addresses: vec![v4(151), v4(101)], ..good() },
            "received an unexpected ip number count 2, expected 1!",
        ),
        (Advert { spoil: |bytes| bytes[26] ^= 0x55, ..good() }, "Invalid VRRPv2 checksum"),
        (Advert { ttl: 254, ..good() }, "invalid TTL/HL. Received 254 and expect 255"),
        (Advert { version: wire::Version::V3, ..good() }, "wrong version. Received 3 and expect 2"),
        (Advert { spoil: |bytes| bytes[20] = 0x22, ..good() }, "Invalid packet type. 2 and expect 1"),
        (Advert { spoil: |bytes| bytes[23] = 5, ..good() }, "vrrp packet too short, length 40 and expect 56"),
        (
            Advert { spoil: |bytes| longer(bytes, 8), ..good() },
            "vrrp packet too long, length 48 and expect 40",
        ),
    ];
    for (advert, words) in rows {
        assert_eq!(said_by_master(with_pass(), &advert), format!("log (VI_1) {words}\n"), "{advert:?}");
    }
}

/// Bytes behind the message, the IP header agreeing (its sum is the kernel's to check).
fn longer(bytes: &mut Vec<u8>, more: u8) {
    bytes.extend(vec![0; usize::from(more)]);
    bytes[3] += more;
    bytes[10..12].fill(0);
}

#[test]
fn each_drop_is_counted() {
    let mut bench = Bench::started(node(vec![with_pass()]));
    bench.until(5_000);
    let good = || Advert { auth: pass(b"1111\0\0\0\0"), ..advert(51, 50) };
    for advert in [
        good(),
        Advert { auth: pass(b"2222\0\0\0\0"), ..good() },
        Advert { auth: V2Auth::None, ..good() },
        Advert { interval: ms(3_000), ..good() },
        Advert { addresses: vec![v4(101)], ..good() },
        Advert { spoil: |bytes| bytes[26] ^= 0x55, ..good() },
        Advert { ttl: 1, ..good() },
        Advert { version: wire::Version::V3, ..good() },
        Advert { spoil: |bytes| bytes[20] = 0x22, ..good() },
        Advert { spoil: |bytes| bytes[23] = 5, ..good() },
        Advert { priority: 0, ..good() },
        Advert { from: OURS, ..good() },
    ] {
        bench.hears(&advert);
    }
    let counters = *bench.node.view().instance(InstanceId(0)).expect("one").counters();
    let counted: Vec<String> =
        counters.rows().iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    expect![[r#"
        adverts_received 3
        adverts_sent 3
        became_master 1
        length_errors 1
        ttl_errors 1
        type_errors 1
        version_errors 1
        checksum_errors 1
        interval_errors 1
        address_list_errors 1
        auth_type_mismatch 1
        auth_failures 1
        own_adverts 1
        zero_received 1"#]]
    .assert_eq(&counted.join("\n"));
}

#[test]
fn unicast_looks_at_the_peer_and_its_ttl() {
    let peer = UnicastPeer { address: v4(2), min_ttl: 250, max_ttl: 255 };
    let conf = || InstanceConf {
        destination: Destination::Unicast(vec![peer]),
        source: Some(OURS),
        check_unicast_source: true,
        ..instance("UNI", 66, 100)
    };
    let to_us = || Advert { to: OURS, ..advert(66, 150) };
    for (advert, words) in [
        (Advert { from: v4(9), ..to_us() }, "(UNI) unicast source address 192.0.2.9 not a unicast peer"),
        (Advert { ttl: 200, ..to_us() }, "(UNI) TTL/HL 200 not in range 250 - 255"),
    ] {
        assert_eq!(said_by_master(conf(), &advert), format!("log {words}\n"));
    }
    // To the group: for nobody here, as the original has it; but a doubt, as both are master then.
    let mut bench = Bench::started(NodeConf { log_unknown_vrids: true, ..node(vec![conf()]) });
    bench.until(5_000);
    bench.take();
    for second in 5..8 {
        bench.until(second * 1_000);
        bench.hears(&advert(66, 150));
    }
    expect![[r#"
          5000 log Unknown VRID(66) received on interface(eth0). ignoring...
          6000 log Unknown VRID(66) received on interface(eth0). ignoring...
          6000 log (UNI) SPLIT BRAIN, another master's adverts are dropped: adverts from 192.0.2.2: sent to a multicast group that is not ours; write unicast_peer on both nodes, or on neither; with multicast, the same group
          7000 log Unknown VRID(66) received on interface(eth0). ignoring...
    "#]].assert_eq(&bench.take());
}

#[test]
fn old_unicast_checksums_are_answered_in_kind() {
    let peer = UnicastPeer { address: v4(2), min_ttl: 0, max_ttl: 255 };
    let old = wire::Checksum::OldUnicast { group: wire::GROUP_V4 };
    for (checksum, takes, answers) in [
        (Checksum::Auto, true, old),
        (Checksum::Never, false, wire::Checksum::Rfc),
        (Checksum::OldUnicast, true, old),
    ] {
        let conf = InstanceConf {
            destination: Destination::Unicast(vec![peer]),
            checksum,
            ..instance3("UNI", 66, 100, 1_000)
        };
        let mut bench = Bench::started(node(vec![conf]));
        bench.until(1_000);
        bench.hears(&Advert { to: OURS, checksum: old, ..advert3(66, 150, 1_000) });
        let view = bench.node.view().instance(InstanceId(0)).expect("one");
        assert_eq!(view.peer().is_some(), takes, "{checksum:?}");
        let mut sent = None;
        while sent.is_none() {
            let next = bench.node.deadline().expect("it will speak").at;
            bench.now = next;
            bench.node.on_deadline(next);
            while let Some(output) = bench.node.poll() {
                if let Output::Send(packet) = output {
                    sent = wire::Packet::parse_v4(&packet.bytes).ok().map(|packet| packet.checksum);
                }
            }
        }
        assert_eq!(sent, Some(answers), "{checksum:?}");
    }
}

#[test]
fn another_master_that_does_not_hear_us_is_told_by_its_second_advert() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(5_000);
    bench.take();
    for second in 5..9 {
        bench.until(second * 1_000);
        bench.hears(&advert(51, 50));
        bench.take();
        let doubts: Vec<String> = bench
            .node
            .view()
            .instance(InstanceId(0))
            .expect("one")
            .doubts()
            .map(|standing| {
                format!("{}: {}; {}", standing.doubt.title(), standing.doubt.cause(), standing.doubt.advice())
            })
            .collect();
        assert_eq!(doubts.len(), usize::from(second > 5), "second {second}: {doubts:?}");
    }
    bench.until(14_000);
    expect![[r#"
        8609 announce 0 x5
        11000 log (VI_1) settled: two masters
        13000 announce 0 x5
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_wrong_password_is_the_reason_told_on_taking_over() {
    let mut bench = Bench::started(node(vec![with_pass()]));
    bench.take();
    for second in 1..6 {
        bench.until(second * 1_000);
        bench.hears(&Advert { auth: pass(b"2222\0\0\0\0"), ..advert(51, 150) });
    }
    expect![[r#"
          1000 log (VI_1) received an invalid passwd!
          2000 log (VI_1) received an invalid passwd!
          3000 log (VI_1) received an invalid passwd!
          3609 log (VI_1) Receive advertisement timeout
          3609 probe 192.0.2.151
          3609 log (VI_1) Entering MASTER STATE
          3609 take 0
          3609 log (VI_1) setting VIPs.
          3609 announce 0 x5
          3609 notify INSTANCE 0 MASTER 100
          3609 log (VI_1) SPLIT BRAIN, another master's adverts are dropped: adverts from 192.0.2.2: received an invalid passwd!; write the same authentication block (auth_type, auth_pass, or auth_hmac keys) on both nodes
          4000 log (VI_1) received an invalid passwd!
          5000 log (VI_1) received an invalid passwd!
    "#]].assert_eq(&bench.take());
}

#[test]
fn another_vrid_with_the_same_address_is_told() {
    let mut bench =
        Bench::started(NodeConf { log_unknown_vrids: true, ..node(vec![instance("VI_1", 51, 100)]) });
    bench.until(5_000);
    bench.take();
    bench.hears(&Advert { addresses: vec![v4(151)], ..advert(52, 150) });
    bench.hears(&Advert { addresses: vec![v4(152)], ..advert(53, 150) });
    bench.until(9_000);
    expect![[r#"
          5000 log Unknown VRID(52) received on interface(eth0). ignoring...
          5000 log (VI_1) SPLIT BRAIN, two virtual routers have the same address: 192.0.2.2 announces 192.0.2.151 with virtual_router_id 52, ours is 51; write the same virtual_router_id on both nodes, or give each its own addresses
          8000 log (VI_1) settled: two virtual routers have the same address
          8609 announce 0 x5
    "#]].assert_eq(&bench.take());
}

#[test]
fn a_silent_peer_that_still_has_the_address_is_told() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(1_000);
    bench.hears(&advert(51, 150));
    bench.until(4_700);
    bench.take();
    let interface = InterfaceId(0);
    let theirs = [2, 0, 0, 0, 0, 2];
    bench.input(Input::Answered { interface, address: v4(151), mac: MAC });
    bench.input(Input::Answered { interface, address: v4(151), mac: [0, 0, 0x5e, 0, 1, 51] });
    assert_eq!(bench.take(), "", "our own MACs");
    // Who is preempted answers once more before it has read the advert; it is asked again.
    for at in [4_700, 5_500, 8_600] {
        bench.until(at);
        bench.input(Input::Answered { interface, address: v4(151), mac: theirs });
    }
    bench.until(20_000);
    expect![[r#"
        5450 probe 192.0.2.151
        5500 log (VI_1) SPLIT BRAIN, two nodes hold the address: no adverts come, but 192.0.2.151 is still answered by 02:00:00:00:00:02: adverts do not get through, or the keeper there was killed; let IP protocol 112 (and, with auth_type AH, 51) pass the firewalls and switches between the nodes, in both directions; what a killed keeper leaves goes with its lease
        8500 probe 192.0.2.151
        9609 announce 0 x5
        11500 probe 192.0.2.151
        14500 log (VI_1) settled: two nodes hold the address
    "#]].assert_eq(&bench.take());
}

#[test]
fn one_answer_of_who_lets_go_is_no_doubt() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(1_000);
    bench.hears(&advert(51, 50));
    bench.until(3_700);
    assert!(bench.take().contains("MASTER"));
    let answered = Input::Answered { interface: InterfaceId(0), address: v4(151), mac: [2, 0, 0, 0, 0, 2] };
    bench.input(answered);
    bench.until(20_000);
    assert!(!bench.take().contains("SPLIT BRAIN"));
}

#[test]
fn no_doubt_in_an_ordinary_election() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(5_000);
    // Another starts with state MASTER, hears us, and yields; another one yields to us; one is better.
    bench.hears(&advert(51, 50));
    bench.until(9_500);
    bench.hears(&Advert { from: v4(3), ..advert(51, 90) });
    bench.until(9_600);
    bench.hears(&advert(51, 120));
    bench.until(20_000);
    assert!(!bench.take().contains("SPLIT BRAIN"));
}

/// What `evenkeel why` prints.
fn why(bench: &Bench) -> String {
    let view = bench.node.view().instance(InstanceId(0)).expect("one");
    view.why().map(|entry| format!("{} {} {entry}\n", entry.at.as_millis(), entry.state.word())).collect()
}

#[test]
fn the_recorder_knows_why() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(1_000);
    bench.hears(&advert(51, 150));
    expect![[r#"
             0 INIT removing VIPs.
             0 BACKUP became BACKUP: the node started
    "#]]
    .assert_eq(&why(&bench));
    bench.until(4_700);
    expect![[r#"
          1000 BACKUP hears 192.0.2.2: priority 150, every 1000 ms
          4609 BACKUP Receive advertisement timeout
          4609 MASTER became MASTER: no advert came for 3609 ms (interval 1000 ms, skew 609 ms)
          4609 MASTER setting VIPs.
    "#]]
    .assert_eq(&why(&bench));
    bench.until(6_000);
    bench.hears(&advert(51, 120));
    expect![[r#"
          6000 MASTER hears 192.0.2.2: priority 120, every 1000 ms
          6000 MASTER Master received advert from 192.0.2.2 with higher priority 120, ours 100
          6000 BACKUP became BACKUP: 192.0.2.2 has the higher priority 120, ours is 100
          6000 BACKUP removing VIPs.
    "#]]
    .assert_eq(&why(&bench));
    bench.interface(0, false, &[OURS]);
    expect![[r#"
          6000 FAULT became FAULT: interface eth0 down
    "#]]
    .assert_eq(&why(&bench));
}

#[test]
fn the_recorder_is_bounded() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    for n in 0..1_000 {
        bench.until(n * 500);
        bench.hears(&advert(51, if n % 2 == 0 { 50 } else { 150 }));
        bench.lines.clear();
    }
    let view = bench.node.view().instance(InstanceId(0)).expect("one");
    assert_eq!(view.recorder().len(), evenkeel_vrrp::recorder::ENTRIES_MAX);
    assert!(view.why().count() > 0);
}

fn hmac(mode: HmacMode, anti_replay: AntiReplay) -> InstanceConf {
    let keys = vec![(1, vec![7; 32]), (2, vec![9; 32])];
    let auth = Auth::Hmac(HmacConf { keys, active_key: 1, anti_replay, mode });
    InstanceConf { auth, ..instance3("H", 51, 100, 1_000) }
}

/// A signed advert of another node of ours, at a date.
fn signed(conf: InstanceConf, wall_us: u64) -> Vec<u8> {
    let mut bench = Bench::new(node(vec![InstanceConf { priority: evenkeel_vrrp::Priority::OWNER, ..conf }]));
    bench.interface(0, true, &[v4(2)]);
    bench.input(Input::Date(wall_us - 3_003_906));
    bench.start();
    bench.quiet = false;
    loop {
        let next = bench.node.deadline().expect("it will speak").at;
        bench.now = next;
        bench.node.on_deadline(next);
        while let Some(output) = bench.node.poll() {
            if let Output::Send(packet) = output {
                return packet.bytes;
            }
        }
    }
}

#[test]
fn signatures_are_demanded_timely_and_new() {
    let now = 1_800_000_000_000_000_u64;
    let window = ms(5_000);
    let time = AntiReplay::Time { window };
    let at = |wall_us| signed(hmac(HmacMode::Enforce, time), wall_us);
    let bare = advert3(51, 150, 1_000).bytes();
    let other_key = {
        let mut conf = hmac(HmacMode::Enforce, time);
        conf.auth = Auth::Hmac(HmacConf {
            keys: vec![(3, vec![1; 32])],
            active_key: 3,
            anti_replay: time,
            mode: HmacMode::Enforce,
        });
        signed(conf, now)
    };
    let mut spoilt = at(now);
    if let Some(last) = spoilt.last_mut() {
        *last ^= 1;
    }
    for (name, mode, anti_replay, packets, want) in [
        ("a good one", HmacMode::Enforce, time, vec![at(now)], ""),
        ("later ones", HmacMode::Enforce, time, vec![at(now), at(now + 20), at(now + 1_000_000)], ""),
        ("bare", HmacMode::Enforce, time, vec![bare.clone()], "without auth_hmac"),
        ("bare, permitted", HmacMode::Permissive, time, vec![bare.clone()], ""),
        ("bare, receive-only", HmacMode::ReceiveOnly, time, vec![bare], "without auth_hmac"),
        ("another key", HmacMode::Enforce, time, vec![other_key], "key 3"),
        ("changed", HmacMode::Enforce, time, vec![spoilt], "does not match"),
        ("replayed", HmacMode::Enforce, time, vec![at(now), at(now)], "used before"),
        (
            "replayed, monotonic",
            HmacMode::Enforce,
            AntiReplay::Monotonic,
            vec![at(now), at(now - 20)],
            "used before",
        ),
        ("old", HmacMode::Enforce, time, vec![at(now - 6_000_000)], "6000 ms away"),
        ("of the future", HmacMode::Enforce, time, vec![at(now + 6_000_000)], "6000 ms away"),
        ("old, monotonic", HmacMode::Enforce, AntiReplay::Monotonic, vec![at(now - 60_000_000)], ""),
    ] {
        let mut bench = Bench::started(node(vec![hmac(mode, anti_replay)]));
        bench.take();
        for bytes in &packets {
            bench.input(Input::Packet(Received {
                interface: InterfaceId(0),
                source: v4(2),
                destination: GROUP,
                ttl: Some(255),
                bytes,
                wall_us: now,
            }));
        }
        let said = bench.take();
        assert!(if want.is_empty() { said.is_empty() } else { said.contains(want) }, "{name}: {said}");
    }
}

#[test]
fn nothing_from_the_network_panics() {
    let mut rng = evenkeel_base::rng::Rng::new(7);
    let confs = vec![
        with_pass(),
        InstanceConf { auth: Auth::Ah(*b"1111\0\0\0\0"), ..instance("AH", 52, 100) },
        hmac(HmacMode::Enforce, AntiReplay::Monotonic),
        InstanceConf { version: Version::V3, ..instance("V3", 54, 100) },
    ];
    let mut bench = Bench::started(node(confs));
    for n in 0..20_000_u64 {
        let mut bytes = Advert { auth: pass(b"1111\0\0\0\0"), ..advert(51 + (n % 4) as u8, 150) }.bytes();
        for _ in 0..rng.below(4) {
            let at = rng.below(bytes.len() as u32) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        bytes.truncate(rng.below(bytes.len() as u32 + 1) as usize);
        bench.now = bench.now + ms(7);
        bench.node.on_deadline(bench.now);
        bench.input(Input::Packet(Received {
            interface: InterfaceId(rng.below(3)),
            source: v4(rng.below(4) as u8),
            destination: if rng.below(2) == 0 { GROUP } else { OURS },
            ttl: Some(255),
            bytes: &bytes,
            wall_us: n,
        }));
        while bench.node.poll().is_some() {}
        bench.lines.clear();
    }
}
