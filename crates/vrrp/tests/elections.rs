//! One node among others: elections as Debian's Keepalived holds them, line by line.

mod common;

use std::net::{IpAddr, Ipv6Addr};

use common::*;
use evenkeel_vrrp::conf::{
    Auth, Destination, Family, InstanceId, InterfaceId, LinkDelays, UnicastPeer, WantedState,
};
use evenkeel_vrrp::{Input, InstanceConf, InterfaceState, Output, Received, StateKind};
use evenkeel_wire::inet::Ends;
use evenkeel_wire::vrrp::{self as wire, Build, GROUP_V6, Packet, Proof, V2Auth};
use expect_test::expect;

#[test]
fn starts_as_backup_and_takes_over_when_nobody_speaks() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.quiet = false;
    bench.until(5_000);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        3609 log (VI_1) Receive advertisement timeout
        3609 send 0 100 to 224.0.0.18
        3609 probe 192.0.2.151
        3609 log (VI_1) Entering MASTER STATE
        3609 take 0
        3609 log (VI_1) setting VIPs.
        3609 announce 0 x5
        3609 notify INSTANCE 0 MASTER 100
        4609 send 0 100 to 224.0.0.18
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn yields_to_a_higher_advert_and_comes_back() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(6_000);
    bench.take();
    bench.hears(&advert(51, 150));
    bench.until(12_000);
    bench.input(Input::Stop);
    expect![[r#"
        6000 log (VI_1) Master received advert from 192.0.2.2 with higher priority 150, ours 100
        6000 log (VI_1) Entering BACKUP STATE
        6000 release 0
        6000 log (VI_1) removing VIPs.
        6000 notify INSTANCE 0 BACKUP 100
        9609 log (VI_1) Receive advertisement timeout
        9609 probe 192.0.2.151
        9609 log (VI_1) Entering MASTER STATE
        9609 take 0
        9609 log (VI_1) setting VIPs.
        9609 announce 0 x5
        9609 notify INSTANCE 0 MASTER 100
        12000 send 0 0 to 224.0.0.18
        12000 log (VI_1) sent 0 priority
        12000 release 0
        12000 log (VI_1) removing VIPs.
        12000 notify INSTANCE 0 STOP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn an_owner_takes_over_at_once_and_yields_to_a_higher_owner() {
    let owner = InstanceConf { state: WantedState::Master, ..instance("OWN", 65, 255) };
    let mut bench = Bench::started(node(vec![owner]));
    bench.until(1_000);
    bench.hears(&advert(65, 255));
    bench.until(9_000);
    expect![[r#"
        0 release 0
        0 log (OWN) removing VIPs.
        0 log (OWN) Receive advertisement timeout
        0 log (OWN) Entering MASTER STATE
        0 take 0
        0 log (OWN) setting VIPs.
        0 announce 0 x5
        0 notify INSTANCE 0 MASTER 255
        1000 log (OWN) CONFIGURATION ERROR: local instance and a remote instance are both configured as address owner, please fix - reducing local priority
        1000 log (OWN) Changing effective priority from 255 to 254
        1000 log (OWN) Master received advert from 192.0.2.2 with higher priority 255, ours 254
        1000 log (OWN) Entering BACKUP STATE
        1000 release 0
        1000 log (OWN) removing VIPs.
        1000 notify INSTANCE 0 BACKUP 254
        4007 log (OWN) Receive advertisement timeout
        4007 probe 192.0.2.165
        4007 log (OWN) Entering MASTER STATE
        4007 take 0
        4007 log (OWN) setting VIPs.
        4007 announce 0 x5
        4007 notify INSTANCE 0 MASTER 254
    "#]].assert_eq(&bench.take());
}

#[test]
fn a_master_meets_lower_equal_and_leaving_ones() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(10_000);
    bench.take();
    bench.quiet = false;
    bench.hears(&advert(51, 50));
    bench.until(10_300);
    bench.hears(&Advert { from: v4(0), ..advert(51, 100) });
    bench.until(10_500);
    bench.hears(&advert(51, 0));
    bench.until(11_600);
    bench.hears(&advert(51, 100));
    bench.until(12_000);
    expect![[r#"
         10000 log (VI_1) Received advert from 192.0.2.2 with lower priority 50, ours 100, forcing new election
         10000 send 0 100 to 224.0.0.18
         10000 announce 0 x5
         10000 notify INSTANCE 0 MASTER_RX_LOWER_PRI 100
         10300 log (VI_1) Received advert from 192.0.2.0 with lower priority 100, ours 100, forcing new election
         10300 send 0 100 to 224.0.0.18
         10300 announce 0 x5
         10300 notify INSTANCE 0 MASTER_RX_LOWER_PRI 100
         10500 log (VI_1) Master received priority 0 message
         10500 send 0 100 to 224.0.0.18
         11500 send 0 100 to 224.0.0.18
         11600 log (VI_1) Master received advert from 192.0.2.2 with same priority 100 but higher IP address than ours
         11600 log (VI_1) Entering BACKUP STATE
         11600 release 0
         11600 log (VI_1) removing VIPs.
         11600 notify INSTANCE 0 BACKUP 100
    "#]].assert_eq(&bench.take());
}

#[test]
fn lower_prio_no_advert_and_higher_prio_send_advert() {
    let h =
        InstanceConf { lower_prio_no_advert: true, higher_prio_send_advert: true, ..instance("H", 64, 200) };
    let mut bench = Bench::started(node(vec![h]));
    bench.until(10_500);
    bench.take();
    bench.quiet = false;
    bench.hears(&advert(64, 100));
    bench.hears(&advert(64, 210));
    bench.until(10_900);
    expect![[r#"
         10500 log (H) Received advert from 192.0.2.2 with lower priority 100, ours 200
         10500 announce 0 x5
         10500 notify INSTANCE 0 MASTER_RX_LOWER_PRI 200
         10500 log (H) Master received advert from 192.0.2.2 with higher priority 210, ours 200
         10500 send 0 200 to 224.0.0.18
         10500 log (H) Entering BACKUP STATE
         10500 release 0
         10500 log (H) removing VIPs.
         10500 notify INSTANCE 0 BACKUP 200
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_backup_hurries_after_priority_zero() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(1_000);
    bench.hears(&advert(51, 150));
    bench.until(1_500);
    bench.hears(&advert(51, 0));
    bench.hears(&advert(51, 0));
    bench.until(3_000);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        1500 log (VI_1) Backup received priority 0 advertisement
        2109 log (VI_1) Receive advertisement timeout
        2109 log (VI_1) Entering MASTER STATE
        2109 take 0
        2109 log (VI_1) setting VIPs.
        2109 announce 0 x5
        2109 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn nopreempt_lets_worse_masters_be() {
    let conf = InstanceConf { preempt: false, ..instance("NOPRE", 61, 100) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.take();
    for second in 1..6 {
        bench.until(second * 1_000);
        bench.hears(&advert(61, 50));
    }
    bench.until(9_000);
    expect![[r#"
          8609 log (NOPRE) Receive advertisement timeout
          8609 probe 192.0.2.161
          8609 log (NOPRE) Entering MASTER STATE
          8609 take 0
          8609 log (NOPRE) setting VIPs.
          8609 announce 0 x5
          8609 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn preempt_delay_begins_with_the_first_worse_advert() {
    let conf = InstanceConf { preempt_delay: ms(3_000), ..instance("PDEL", 62, 100) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.take();
    for at in [1_100, 2_100, 3_100, 4_300, 5_600] {
        bench.until(at);
        bench.hears(&advert(62, 50));
    }
    bench.until(8_000);
    expect![[r#"
          1100 log (PDEL) start preempt delay (3.000000)
          4300 log (PDEL) received lower priority (50) advert from 192.0.2.2 - discarding
          5600 log (PDEL) received lower priority (50) advert from 192.0.2.2 - discarding
          6709 log (PDEL) Receive advertisement timeout
          6709 probe 192.0.2.162
          6709 log (PDEL) Entering MASTER STATE
          6709 take 0
          6709 log (PDEL) setting VIPs.
          6709 announce 0 x5
          6709 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn preempt_delay_ends_with_a_better_advert_and_does_not_hold_up_without_a_master() {
    let conf = InstanceConf { preempt_delay: ms(2_000), ..instance("PD", 62, 200) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.take();
    for (at, priority) in [(1_000, 20), (2_000, 210), (3_000, 20), (4_000, 210)] {
        bench.until(at);
        bench.hears(&advert(62, priority));
    }
    bench.until(8_000);
    expect![[r#"
          1000 log (PD) start preempt delay (2.000000)
          2000 log (PD) stop preempt delay
          3000 log (PD) start preempt delay (2.000000)
          4000 log (PD) stop preempt delay
          7218 log (PD) Receive advertisement timeout
          7218 probe 192.0.2.162
          7218 log (PD) Entering MASTER STATE
          7218 take 0
          7218 log (PD) setting VIPs.
          7218 announce 0 x5
          7218 notify INSTANCE 0 MASTER 200
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn version_3_counts_with_the_masters_interval() {
    let mut bench = Bench::started(node(vec![instance3("V3", 63, 100, 500)]));
    bench.take();
    bench.until(1_300);
    bench.hears(&advert3(63, 150, 200));
    bench.until(3_000);
    bench.hears(&advert3(63, 50, 200));
    bench.until(3_100);
    bench.hears(&advert3(63, 150, 2_000));
    bench.until(11_000);
    expect![[r#"
        1300 log (V3) advertisement interval updated from 500ms to 200ms by master
        2021 log (V3) Receive advertisement timeout
        2021 probe 192.0.2.163
        2021 log (V3) Entering MASTER STATE
        2021 log (V3) changing advert interval from 200ms to locally configured 500ms
        2021 take 0
        2021 log (V3) setting VIPs.
        2021 announce 0 x5
        2021 notify INSTANCE 0 MASTER 100
        3000 log (V3) Received advert from 192.0.2.2 with lower priority 50, ours 100, forcing new election
        3000 announce 0 x5
        3000 notify INSTANCE 0 MASTER_RX_LOWER_PRI 100
        3100 log (V3) Master received advert from 192.0.2.2 with higher priority 150, ours 100
        3100 log (V3) advertisement interval updated from 500ms to 2000ms by master
        3100 log (V3) Entering BACKUP STATE
        3100 release 0
        3100 log (V3) removing VIPs.
        3100 notify INSTANCE 0 BACKUP 100
        10318 log (V3) Receive advertisement timeout
        10318 probe 192.0.2.163
        10318 log (V3) Entering MASTER STATE
        10318 log (V3) changing advert interval from 2000ms to locally configured 500ms
        10318 take 0
        10318 log (V3) setting VIPs.
        10318 announce 0 x5
        10318 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_link_that_goes_takes_everything_with_it() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(5_000);
    bench.take();
    bench.interface(0, false, &[OURS]);
    bench.until(7_000);
    bench.hears(&advert(51, 150));
    bench.interface(0, true, &[OURS]);
    bench.until(11_000);
    expect![[r#"
        5000 log Netlink reports eth0 down
        5000 log (VI_1) Entering FAULT STATE
        5000 send 0 0 to 224.0.0.18
        5000 log (VI_1) sent 0 priority
        5000 release 0
        5000 log (VI_1) removing VIPs.
        5000 notify INSTANCE 0 FAULT 100
        7000 log Netlink reports eth0 up
        7000 log (VI_1) Entering BACKUP STATE
        7000 notify INSTANCE 0 BACKUP 100
        10609 log (VI_1) Receive advertisement timeout
        10609 probe 192.0.2.151
        10609 log (VI_1) Entering MASTER STATE
        10609 take 0
        10609 log (VI_1) setting VIPs.
        10609 announce 0 x5
        10609 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn link_delays_ride_out_a_short_loss() {
    let mut conf = node(vec![instance("VI_1", 51, 100)]);
    conf.link_delays = vec![LinkDelays { down: ms(500), up: ms(200) }];
    let mut bench = Bench::started(conf);
    bench.until(5_000);
    bench.take();
    bench.interface(0, false, &[OURS]);
    bench.until(5_400);
    bench.interface(0, true, &[OURS]);
    bench.until(6_000);
    bench.interface(0, false, &[OURS]);
    bench.until(7_000);
    bench.interface(0, true, &[OURS]);
    bench.until(8_000);
    expect![[r#"
          6500 log Netlink reports eth0 down
          6500 log (VI_1) Entering FAULT STATE
          6500 send 0 0 to 224.0.0.18
          6500 log (VI_1) sent 0 priority
          6500 release 0
          6500 log (VI_1) removing VIPs.
          6500 notify INSTANCE 0 FAULT 100
          7200 log Netlink reports eth0 up
          7200 log (VI_1) Entering BACKUP STATE
          7200 notify INSTANCE 0 BACKUP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn starts_in_fault_without_an_address() {
    let mut bench = Bench::new(node(vec![instance("A", 60, 100)]));
    bench.interface(0, true, &[v4(160)]);
    bench.start();
    bench.until(1_000);
    bench.interface(0, true, &[v4(160), OURS]);
    bench.until(2_000);
    expect![[r#"
        0 release 0
        0 log (A) removing VIPs.
        0 log (A) entering FAULT state (no IPv4 address for interface)
        0 log (A) Entering FAULT STATE
        0 notify INSTANCE 0 FAULT 100
        1000 log (A) Entering BACKUP STATE
        1000 notify INSTANCE 0 BACKUP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn startup_delay_holds_everything_up() {
    let conf = InstanceConf { startup_delay: ms(1_500), ..instance3("C", 62, 254, 500) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(1_000);
    bench.hears(&advert3(62, 255, 500));
    bench.until(4_000);
    expect![[r#"
        0 log Delaying startup for 1.5 seconds
        0 release 0
        0 log (C) removing VIPs.
        0 log (C) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 254
        3003 log (C) Receive advertisement timeout
        3003 probe 192.0.2.162
        3003 log (C) Entering MASTER STATE
        3003 take 0
        3003 log (C) setting VIPs.
        3003 announce 0 x5
        3003 notify INSTANCE 0 MASTER 254
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn lost_addresses_give_others_a_chance() {
    let mut bench = Bench::started(node(vec![instance("V0", 60, 100)]));
    bench.until(5_000);
    bench.take();
    bench.input(Input::Lost(InstanceId(0)));
    bench.until(6_000);
    expect![[r#"
          5000 log (V0) an address is gone and could not be set again
          5000 log (V0) Entering BACKUP STATE
          5000 send 0 0 to 224.0.0.18
          5000 log (V0) sent 0 priority
          5000 release 0
          5000 log (V0) removing VIPs.
          5000 notify INSTANCE 0 BACKUP 100
          5609 log (V0) Receive advertisement timeout
          5609 log (V0) Entering MASTER STATE
          5609 take 0
          5609 log (V0) setting VIPs.
          5609 announce 0 x5
          5609 notify INSTANCE 0 MASTER 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn leases_are_renewed_in_time_and_retaken_when_late() {
    let conf = InstanceConf { lease: lease(3_000, 800), ..instance("VI_1", 51, 100) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(5_500);
    // The machine stood still for four seconds.
    bench.sleep_until(9_500);
    bench.until(10_500);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        3609 log (VI_1) Receive advertisement timeout
        3609 probe 192.0.2.151
        3609 log (VI_1) Entering MASTER STATE
        3609 take 0 for 3s
        3609 log (VI_1) setting VIPs.
        3609 announce 0 x5
        3609 notify INSTANCE 0 MASTER 100
        4409 refresh 0 for 3s
        5209 refresh 0 for 3s
        9500 log (VI_1) advert sent 3890 ms late
        9500 log (VI_1) the addresses' lease ran out: renewed after 4290 ms only; setting them again
        9500 take 0 for 3s
        9500 log (VI_1) setting VIPs.
        9500 announce 0 x5
        10300 refresh 0 for 3s
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn adverts_keep_their_beat() {
    let mut bench = Bench::started(node(vec![instance3("V", 51, 200, 10)]));
    bench.until(100);
    bench.quiet = false;
    bench.take();
    let mut sent = Vec::new();
    // The driver is up to 4 ms late, each time.
    for n in 0..1000_u64 {
        let due = bench.node.deadline().expect("a master speaks").at;
        bench.now = due + ms(n % 5);
        bench.node.on_deadline(bench.now);
        while let Some(output) = bench.node.poll() {
            if let Output::Send(_) = output {
                sent.push(due);
            }
        }
    }
    let first = sent[0].as_nanos();
    assert_eq!(sent.len(), 1000);
    for (n, due) in sent.iter().enumerate() {
        assert_eq!(due.as_nanos() - first, n as u64 * 10_000_000, "advert {n}");
    }
}

#[test]
fn announcements_come_in_rounds() {
    let mut conf = instance3("C", 62, 254, 1000);
    conf.announce.master_refresh = ms(3_000);
    conf.announce.lower_prio_repeat = 1;
    conf.announce.lower_prio_delay = ms(2_000);
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(7_000);
    bench.hears(&advert3(62, 20, 1000));
    bench.until(13_000);
    bench.input(Input::Announce(InstanceId(0)));
    let text: Vec<String> =
        bench.take().lines().filter(|line| line.contains("announce")).map(str::to_owned).collect();
    expect![[r#"
        3007 announce 0 x5
        6007 announce 0 x1
        7000 announce 0 x1
        8007 announce 0 x5
        9000 announce 0 x1
        9007 announce 0 x1
        12007 announce 0 x1
        13000 announce 0 x5"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn the_operator_sets_a_priority() {
    let conf = InstanceConf { notify_priority_changes: true, ..instance("VI_1", 51, 100) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(5_000);
    bench.take();
    bench.quiet = false;
    bench.input(Input::SetPriority(InstanceId(0), Some(42)));
    bench.until(5_700);
    bench.input(Input::SetPriority(InstanceId(0), None));
    bench.until(6_700);
    expect![[r#"
          5000 log (VI_1) priority 42 set by the operator
          5000 log (VI_1) Changing effective priority from 100 to 42
          5000 notify INSTANCE 0 PRIORITY 42
          5609 send 0 42 to 224.0.0.18
          5700 log (VI_1) priority given back to the configuration by the operator
          5700 log (VI_1) Changing effective priority from 42 to 100
          5700 notify INSTANCE 0 PRIORITY 100
          6609 send 0 100 to 224.0.0.18
    "#]]
    .assert_eq(&bench.take());
}

/// The original drops what does not go on from the last packet that it has heard or sent.
#[test]
fn the_sequence_of_ah_goes_on_from_what_is_heard() {
    use evenkeel_wire::vrrp::ah::AhKey;
    use evenkeel_wire::vrrp::{Build, Packet, Proof};

    let password = *b"1111\0\0\0\0";
    let conf = InstanceConf { auth: Auth::Ah(password), ..instance("AH", 51, 150) };
    let mut bench = Bench::started(node(vec![conf]));
    let key = AhKey::new(&password);
    let theirs = advert(51, 100);
    let mut bytes = Vec::new();
    let build = Build {
        version: theirs.version,
        ends: evenkeel_wire::inet::Ends::new(theirs.from, theirs.to).expect("one family"),
        ttl: theirs.ttl,
        id: 1,
        vrid: theirs.vrid,
        priority: theirs.priority,
        interval: theirs.interval,
        addresses: &theirs.addresses,
        auth: theirs.auth,
        checksum: theirs.checksum,
        proof: Proof::Ah { key: &key, sequence: 4711 },
    };
    build.write(&mut bytes).expect("an advert");
    let received = Received {
        interface: InterfaceId(0),
        source: theirs.from,
        destination: theirs.to,
        ttl: Some(theirs.ttl),
        bytes: &bytes,
        wall_us: 0,
    };
    bench.node.handle(Input::Packet(received), bench.now);
    let mut sent = Vec::new();
    while sent.len() < 2 {
        match bench.node.poll() {
            Some(Output::Send(packet)) => sent.push(packet.bytes),
            Some(_) => {}
            None => {
                bench.now = bench.node.deadline().expect("it waits to be master").at;
                bench.node.on_deadline(bench.now);
            }
        }
    }
    let sequences = sent.iter().map(|b| Packet::parse_v4(b).expect("ours").ah.map(|ah| ah.sequence));
    assert_eq!(sequences.collect::<Vec<_>>(), [Some(4712), Some(4713)]);
}

#[test]
fn ipv6_speaks_from_the_link_local_address() {
    let link_local: IpAddr = "fe80::1".parse().expect("an address");
    let group = IpAddr::V6(GROUP_V6);
    let conf = InstanceConf {
        family: Family::V6,
        addresses: vec!["fe80::67".parse().expect("one"), "2001:db8::67".parse().expect("one")],
        destination: Destination::Multicast(group),
        ..instance3("SIX", 67, 200, 1_000)
    };
    let mut bench = Bench::new(node(vec![conf]));
    let all = ["2001:db8::1", "fe80::67", "fe80::1"].map(|text| text.parse().expect("an address"));
    bench.interface(0, true, &all);
    bench.start();
    bench.take();
    let mut sent = None;
    while sent.is_none() {
        bench.now = bench.node.deadline().expect("it will speak").at;
        bench.node.on_deadline(bench.now);
        while let Some(output) = bench.node.poll() {
            if let Output::Send(packet) = output {
                sent = Some(packet);
            }
        }
    }
    let packet = sent.expect("sent");
    assert_eq!((packet.source, packet.destination, packet.ttl), (link_local, group, 255));
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination) else {
        panic!("{packet:?}");
    };
    let read = Packet::parse_v6(&packet.bytes, source, destination).expect("ours is readable");
    assert_eq!((read.advert.vrid, read.advert.priority, read.advert.addresses.len()), (67, 200, 2));
    // The other's, from a higher address: an equal yields.
    let other: Ipv6Addr = "fe80::2".parse().expect("an address");
    let mut bytes = Vec::new();
    Build {
        version: wire::Version::V3,
        ends: Ends::new(IpAddr::V6(other), group).expect("one family"),
        ttl: 255,
        id: 0,
        vrid: 67,
        priority: 200,
        interval: ms(1_000),
        addresses: &["fe80::67".parse().expect("one"), "2001:db8::67".parse().expect("one")],
        auth: V2Auth::None,
        checksum: wire::Checksum::Rfc,
        proof: Proof::None,
    }
    .write(&mut bytes)
    .expect("an advert");
    bench.input(Input::Packet(Received {
        interface: InterfaceId(0),
        source: IpAddr::V6(other),
        destination: group,
        ttl: Some(255),
        bytes: &bytes,
        wall_us: 0,
    }));
    assert_eq!(bench.node.view().instance(InstanceId(0)).map(|one| one.state()), Some(StateKind::Backup));
}

#[test]
fn what_cannot_work_says_why() {
    let good = || instance("A", 60, 100);
    let peer = UnicastPeer { address: v4(2), min_ttl: 0, max_ttl: 255 };
    let missing = Some(v4(77));
    for (conf, mtu, exists, want) in [
        (InstanceConf { destination: Destination::NoPeer, ..good() }, 1500, true, "no unicast peer"),
        (
            InstanceConf { source: missing, track_source: true, ..good() },
            1500,
            true,
            "source address 192.0.2.77 is not there",
        ),
        (
            InstanceConf { source: missing, destination: Destination::Unicast(vec![peer]), ..good() },
            1500,
            true,
            "",
        ),
        (
            InstanceConf { addresses: (0..200).map(v4).collect(), ..good() },
            576,
            true,
            "adverts of 836 bytes do not fit the interface's MTU",
        ),
        (good(), 1500, false, "interface eth0 does not exist"),
        (InstanceConf { dont_track_primary: true, ..good() }, 1500, false, "interface eth0 does not exist"),
    ] {
        let mut bench = Bench::new(node(vec![conf]));
        let addresses = [v4(201)];
        let state = InterfaceState { exists, running: exists, mac: None, mtu, addresses: &addresses };
        bench.input(Input::Interface(InterfaceId(0), state));
        bench.start();
        let view = bench.node.view().instance(InstanceId(0)).expect("one");
        let faults: Vec<String> = view.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults.join(", "), want);
        let state = if want.is_empty() { StateKind::Backup } else { StateKind::Fault };
        assert_eq!(view.state(), state, "{want}");
    }
}

#[test]
fn dont_track_primary_ignores_the_carrier() {
    let conf = InstanceConf { dont_track_primary: true, ..instance("A", 60, 100) };
    let mut bench = Bench::started(node(vec![conf]));
    bench.until(5_000);
    bench.take();
    bench.interface(0, false, &[OURS]);
    assert_eq!(bench.take(), "5000 log Netlink reports eth0 down\n");
}

#[test]
fn a_flood_of_worse_adverts_makes_no_flood_of_ours() {
    let mut bench = Bench::started(node(vec![instance("VI_1", 51, 100)]));
    bench.until(10_000);
    bench.take();
    bench.quiet = false;
    for n in 0..10_000 {
        bench.until(10_000 + n / 10);
        bench.hears(&advert(51, if n % 3 == 0 { 0 } else { 50 }));
    }
    let lines = bench.take();
    let count = |what: &str| lines.lines().filter(|line| line.contains(what)).count();
    assert!(count("send") <= 10, "{}", count("send"));
    assert!(count("announce") <= 10, "{}", count("announce"));
    assert!(count("log") <= 12, "{lines}");
}
