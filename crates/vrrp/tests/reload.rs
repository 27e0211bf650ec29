//! A new configuration, by difference: what is not changed does not notice.

mod common;

use common::*;
use evenkeel_base::time::Instant;
use evenkeel_vrrp::conf::{Auth, InstanceId, InterfaceId, TrackConf, TrackId, TrackKind};
use evenkeel_vrrp::{Input, InstanceConf, NodeConf, Output, Priority, ScriptOutcome, StateKind};
use expect_test::expect;

fn reload(bench: &mut Bench, conf: NodeConf) {
    bench.input(Input::Reload(Box::new(conf)));
}

#[test]
fn the_same_again_changes_nothing() {
    let conf = || {
        let instances = vec![
            InstanceConf { lease: lease(3_000, 800), ..instance("A", 51, 100) },
            InstanceConf { tracks: vec![by(0, -5)], ..instance3("B", 52, 150, 500) },
        ];
        NodeConf { tracks: vec![script("chk", 1, 1)], ..grouped(node(instances)) }
    };
    // Two of the same, one of which reloads now and then: they do the same at the same times.
    let mut plain = Bench::started(conf());
    let mut reloads = Bench::started(conf());
    for bench in [&mut plain, &mut reloads] {
        bench.quiet = false;
        bench.results = vec![ScriptOutcome::Success];
        bench.input(Input::ScriptEnded { track: TrackId(0), outcome: ScriptOutcome::Success });
    }
    for at in [100, 3_000, 4_700, 4_701, 9_999] {
        for bench in [&mut plain, &mut reloads] {
            bench.until(at);
            if at == 4_700 {
                bench.hears(&advert(51, 0));
            }
        }
        reload(&mut reloads, conf());
    }
    plain.until(15_000);
    reloads.until(15_000);
    let said = |line: &String| !line.contains("reload");
    let reloaded: Vec<String> = reloads.lines.iter().filter(|line| said(line)).cloned().collect();
    assert_eq!(reloaded, plain.lines);
}

#[test]
fn adverts_keep_their_beat_over_reloads() {
    let conf = || node(vec![instance3("A", 51, 100, 10)]);
    let mut bench = Bench::started(conf());
    bench.until(1_000);
    bench.take();
    bench.quiet = false;
    for n in 0..50 {
        bench.until(1_000 + n * 7);
        reload(&mut bench, conf());
    }
    let sent: Vec<u64> = bench
        .lines
        .iter()
        .filter(|line| line.contains("send"))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert!(sent.len() > 30);
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] == 10), "{sent:?}");
}

#[test]
fn changes_are_applied_in_place() {
    let base = || InstanceConf { lease: lease(3_000, 2_000), ..instance("VI_1", 51, 100) };
    let mut bench = Bench::started(node(vec![base()]));
    bench.until(5_000);
    bench.take();
    bench.quiet = false;
    let changed = |f: fn(&mut InstanceConf)| {
        let mut conf = base();
        f(&mut conf);
        node(vec![conf])
    };
    // The priority, with the next advert.
    reload(&mut bench, changed(|conf| conf.priority = Priority::new(110).expect("one")));
    bench.until(5_700);
    expect![[r#"
          5000 reloaded
          5000 log (VI_1) Changing effective priority from 100 to 110
          5609 send 0 110 to 224.0.0.18
          5609 refresh 0 for 3s
    "#]]
    .assert_eq(&bench.take());
    // The interval: the next advert comes one new interval after the last.
    reload(&mut bench, changed(|conf| conf.advert_interval = ms(2_000)));
    bench.until(8_800);
    expect![[r#"
          5700 reloaded
          5700 log (VI_1) Changing effective priority from 110 to 100
          7609 send 0 100 to 224.0.0.18
          7609 refresh 0 for 3s
          8609 announce 0 x5
    "#]]
    .assert_eq(&bench.take());
    // Shorter than what has passed: now.
    reload(&mut bench, changed(|conf| conf.advert_interval = ms(1_000)));
    bench.until(9_900);
    reload(&mut bench, changed(|conf| conf.addresses.push(v4(99))));
    bench.until(10_000);
    expect![[r#"
          8800 reloaded
          8800 send 0 100 to 224.0.0.18
          9609 refresh 0 for 3s
          9800 send 0 100 to 224.0.0.18
          9900 reloaded
          9900 take 0 for 3s
          9900 log (VI_1) setting VIPs.
          9900 announce 0 x5
    "#]]
    .assert_eq(&bench.take());
    // Another name is the same virtual router, as for the original.
    reload(&mut bench, changed(|conf| conf.name = "VI_2".into()));
    bench.input(Input::Stop);
    expect![[r#"
         10000 reloaded
         10000 take 0 for 3s
         10000 log (VI_2) setting VIPs.
         10000 announce 0 x5
         10000 send 0 0 to 224.0.0.18
         10000 log (VI_2) sent 0 priority
         10000 release 0
         10000 log (VI_2) removing VIPs.
         10000 notify INSTANCE 0 STOP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn instances_come_and_go() {
    let a = || instance("A", 51, 100);
    let b = || instance("B", 52, 100);
    let mut bench = Bench::started(node(vec![a(), b()]));
    bench.until(5_000);
    bench.take();
    reload(&mut bench, node(vec![b(), instance("C", 53, 200)]));
    bench.until(10_000);
    expect![[r#"
          5000 send 0 0 to 224.0.0.18
          5000 log (A) sent 0 priority
          5000 release 0
          5000 log (A) removing VIPs.
          5000 notify INSTANCE 0 DELETED 100
          5000 reloaded
          5000 release 1
          5000 log (C) removing VIPs.
          5000 log (C) Entering BACKUP STATE (init)
          5000 notify INSTANCE 1 BACKUP 200
          8218 log (C) Receive advertisement timeout
          8218 probe 192.0.2.153
          8218 log (C) Entering MASTER STATE
          8218 take 1
          8218 log (C) setting VIPs.
          8218 announce 1 x5
          8218 notify INSTANCE 1 MASTER 200
          8609 announce 0 x5
    "#]]
    .assert_eq(&bench.take());
    assert_eq!(bench.node.view().instance(InstanceId(0)).map(|view| view.name()), Some("B"));
}

#[test]
fn a_vrid_that_changes_is_another_router() {
    let mut bench = Bench::started(node(vec![instance("A", 51, 100)]));
    bench.until(5_000);
    bench.take();
    reload(&mut bench, node(vec![instance("A", 52, 100)]));
    bench.until(5_100);
    expect![[r#"
          5000 send 0 0 to 224.0.0.18
          5000 log (A) sent 0 priority
          5000 release 0
          5000 log (A) removing VIPs.
          5000 notify INSTANCE 0 DELETED 100
          5000 reloaded
          5000 release 0
          5000 log (A) removing VIPs.
          5000 log (A) Entering BACKUP STATE (init)
          5000 notify INSTANCE 0 BACKUP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_backup_goes_on_waiting() {
    let conf = |priority| node(vec![instance("A", 51, priority)]);
    let mut bench = Bench::started(conf(100));
    bench.until(1_000);
    bench.hears(&advert(51, 150));
    bench.until(4_000);
    bench.take();
    // 3 + 56/256 s after the advert, instead of 3 + 156/256.
    reload(&mut bench, conf(200));
    bench.until(5_000);
    expect![[r#"
          4000 reloaded
          4000 log (A) Changing effective priority from 100 to 200
          4218 log (A) Receive advertisement timeout
          4218 probe 192.0.2.151
          4218 log (A) Entering MASTER STATE
          4218 take 0
          4218 log (A) setting VIPs.
          4218 announce 0 x5
          4218 notify INSTANCE 0 MASTER 200
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn interfaces_and_tracks_keep_what_is_known() {
    let file = || TrackConf { name: "f".into(), kind: TrackKind::File };
    let conf = |first: bool| {
        let uses = vec![by(u32::from(first), 1)];
        let conf =
            InstanceConf { tracks: uses, interface: InterfaceId(u32::from(first)), ..instance("A", 51, 100) };
        let mut names: Vec<String> = vec!["eth0".into()];
        let mut tracks = vec![file()];
        if first {
            names.insert(0, "eth9".into());
            tracks.insert(0, script("new", 1, 1));
        }
        NodeConf { interfaces: names, tracks, ..node(vec![conf]) }
    };
    let mut bench = Bench::started(conf(false));
    bench.input(Input::FileValue(TrackId(0), Some(7)));
    bench.until(5_000);
    bench.take();
    reload(&mut bench, conf(true));
    bench.until(5_100);
    assert_eq!(bench.take(), "5000 reloaded\n");
    let view = bench.node.view().instance(InstanceId(0)).expect("one");
    assert_eq!((view.state(), view.effective()), (StateKind::Master, 107));
}

#[test]
fn a_new_group_follows_a_master_that_speaks() {
    let conf = || node(vec![instance("A", 51, 100), instance("B", 52, 100)]);
    let mut bench = Bench::started(conf());
    for second in 1..6 {
        bench.until(second * 1_000);
        bench.hears(&advert(52, 150));
    }
    bench.take();
    reload(&mut bench, grouped(conf()));
    bench.until(6_000);
    bench.hears(&advert(52, 150));
    bench.until(6_500);
    // There the other group hurries, and is master of both.
    bench.hears(&advert(51, 150));
    bench.until(8_000);
    expect![[r#"
        5000 reloaded
        6000 log VRRP_Group(G) Syncing instances to BACKUP state
        6000 log (A) Entering BACKUP STATE
        6000 send 0 0 to 224.0.0.18
        6000 log (A) sent 0 priority
        6000 release 0
        6000 log (A) removing VIPs.
        6000 notify INSTANCE 0 BACKUP 100
        6000 notify GROUP 0 BACKUP 0
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_new_member_of_a_masters_group_becomes_master_too() {
    let mut bench = Bench::started(grouped(node(vec![instance("A", 51, 100)])));
    bench.until(5_000);
    bench.take();
    reload(&mut bench, grouped(node(vec![instance("A", 51, 100), instance("B", 52, 100)])));
    bench.until(9_000);
    expect![[r#"
        5000 reloaded
        5000 release 1
        5000 log (B) removing VIPs.
        5000 log (B) Entering BACKUP STATE (init)
        5000 notify INSTANCE 1 BACKUP 100
        5000 notify GROUP 0 BACKUP 0
        8609 log (B) Receive advertisement timeout
        8609 probe 192.0.2.152
        8609 log (B) Entering MASTER STATE
        8609 take 1
        8609 log (B) setting VIPs.
        8609 announce 1 x5
        8609 notify INSTANCE 1 MASTER 100
        8609 notify GROUP 0 MASTER 0
        8609 announce 0 x5
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_new_interface_is_waited_for() {
    let mut bench = Bench::started(node(vec![instance("A", 51, 100)]));
    bench.until(5_000);
    bench.take();
    let mut conf = node(vec![
        instance("A", 51, 100),
        InstanceConf { interface: InterfaceId(1), ..instance("B", 52, 100) },
    ]);
    conf.interfaces.push("eth1".into());
    reload(&mut bench, conf);
    bench.interface(1, true, &[v4(7)]);
    expect![[r#"
          5000 reloaded
          5000 release 1
          5000 log (B) removing VIPs.
          5000 log (B) Entering BACKUP STATE
          5000 notify INSTANCE 1 BACKUP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn scripts_run_on() {
    let conf = |rise| NodeConf {
        tracks: vec![script("chk", rise, 1)],
        ..node(vec![InstanceConf { tracks: vec![by(0, 5)], ..instance("A", 51, 100) }])
    };
    let mut bench = Bench::started(conf(1));
    bench.until(500);
    bench.take();
    // It runs; its end counts, and the next run is on the beat.
    reload(&mut bench, conf(1));
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: ScriptOutcome::Success });
    bench.until(1_100);
    reload(&mut bench, conf(2));
    bench.until(1_200);
    expect![[r#"
        500 reloaded
        500 log VRRP_Script(chk) succeeded
        500 log (A) Changing effective priority from 100 to 105
        1000 run 0
        1100 reloaded
        1100 log VRRP_Script(chk) considered successful on reload
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn passwords_change_at_once() {
    let conf = |auth| node(vec![InstanceConf { auth, ..instance("A", 51, 100) }]);
    let mut bench = Bench::started(conf(Auth::None));
    bench.until(5_000);
    reload(&mut bench, conf(Auth::Ah(*b"1111\0\0\0\0")));
    while bench.node.poll().is_some() {}
    let mut protocol = None;
    bench.now = Instant::from_millis(5_700);
    bench.node.on_deadline(bench.now);
    while let Some(output) = bench.node.poll() {
        if let Output::Send(packet) = output {
            protocol = packet.bytes.get(9).copied();
        }
    }
    assert_eq!(protocol, Some(51));
}
