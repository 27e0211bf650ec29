//! Scripts, files, processes, interfaces and sync groups, line by line.

mod common;

use common::*;
use evenkeel_base::time::Duration;
use evenkeel_vrrp::conf::{GroupId, InstanceId, InterfaceId, TrackConf, TrackId, TrackKind, TrackUse};
use evenkeel_vrrp::{Input, InstanceConf, NodeConf, ScriptOutcome};
use expect_test::expect;

const OK: ScriptOutcome = ScriptOutcome::Success;
const KO: ScriptOutcome = ScriptOutcome::Failed(1);

fn tracked(tracks: Vec<TrackConf>, uses: Vec<TrackUse>) -> NodeConf {
    let conf = node(vec![InstanceConf { tracks: uses, ..instance("VI_1", 51, 100) }]);
    NodeConf { tracks, ..conf }
}

#[test]
fn a_weighted_script_changes_the_priority() {
    let mut bench = Bench::started(tracked(vec![script("chk", 2, 2)], vec![by(0, -20)]));
    bench.results = vec![OK];
    bench.until(4_500);
    bench.results = vec![KO];
    bench.until(7_500);
    bench.results = vec![OK];
    bench.until(9_500);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        0 log VRRP_Script(chk) succeeded
        3609 log (VI_1) Receive advertisement timeout
        3609 probe 192.0.2.151
        3609 log (VI_1) Entering MASTER STATE
        3609 take 0
        3609 log (VI_1) setting VIPs.
        3609 announce 0 x5
        3609 notify INSTANCE 0 MASTER 100
        5000 log Script `chk` now returning 1
        6000 log VRRP_Script(chk) failed (exited with status 1)
        6000 log (VI_1) Changing effective priority from 100 to 80
        8000 log Script `chk` now returning 0
        8609 announce 0 x5
        9000 log VRRP_Script(chk) succeeded
        9000 log (VI_1) Changing effective priority from 80 to 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn an_instance_waits_for_a_script_without_weight() {
    let mut bench = Bench::started(tracked(vec![script("chk", 1, 1)], vec![by(0, 0)]));
    bench.until(500);
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: OK });
    bench.until(5_500);
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: KO });
    bench.until(6_500);
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: OK });
    bench.until(6_600);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 run 0
        500 log VRRP_Script(chk) succeeded
        500 log (VI_1) Entering BACKUP STATE
        500 notify INSTANCE 0 BACKUP 100
        1000 run 0
        2000 kill 0
        2000 log VRRP_Script(chk) timed_out
        2000 log (VI_1) Entering FAULT STATE
        2000 notify INSTANCE 0 FAULT 100
        6000 run 0
        6500 log Script `chk` now returning 0
        6500 log VRRP_Script(chk) succeeded
        6500 log (VI_1) Entering BACKUP STATE
        6500 notify INSTANCE 0 BACKUP 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_script_that_fails_at_once_is_a_fault_at_once() {
    let mut bench = Bench::new(tracked(vec![script("chkf", 1, 3)], vec![by(0, 0)]));
    bench.results = vec![KO];
    bench.interface(0, true, &[OURS]);
    bench.start();
    bench.until(500);
    expect![[r#"
             0 release 0
             0 log (VI_1) removing VIPs.
             0 log VRRP_Script(chkf) failed (exited with status 1)
             0 log (VI_1) entering FAULT state (chkf is down)
             0 log (VI_1) Entering FAULT STATE
             0 notify INSTANCE 0 FAULT 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_script_that_runs_too_long_is_ended() {
    let mut bench = Bench::started(tracked(vec![script("slow", 1, 1)], vec![by(0, -3)]));
    bench.until(2_500);
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: ScriptOutcome::Signal(15) });
    bench.until(3_500);
    bench.input(Input::ScriptEnded { track: TrackId(0), outcome: OK });
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        0 run 0
        1000 kill 0
        1000 log VRRP_Script(slow) timed_out
        1000 log (VI_1) Changing effective priority from 100 to 97
        3000 run 0
        3500 log Script `slow` now returning 0
        3500 log VRRP_Script(slow) succeeded
        3500 log (VI_1) Changing effective priority from 97 to 100
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn files_count_by_their_value() {
    let tracks = vec![TrackConf { name: "tf".into(), kind: TrackKind::File }];
    let mut bench = Bench::started(tracked(tracks, vec![by(0, 2)]));
    bench.until(5_000);
    bench.take();
    for value in [Some(5), Some(-40), Some(900), Some(-200), None, Some(1)] {
        bench.input(Input::FileValue(TrackId(0), value));
    }
    expect![[r#"
          5000 log (VI_1) Changing effective priority from 100 to 110
          5000 log (VI_1) Changing effective priority from 110 to 20
          5000 log (VI_1) Changing effective priority from 20 to 254
          5000 log (VI_1): tracked file tf now FAULT state
          5000 log (VI_1) Changing effective priority from 254 to 100
          5000 log (VI_1) Entering FAULT STATE
          5000 send 0 0 to 224.0.0.18
          5000 log (VI_1) sent 0 priority
          5000 release 0
          5000 log (VI_1) removing VIPs.
          5000 notify INSTANCE 0 FAULT 100
          5000 log (VI_1): tracked file tf leaving FAULT state
          5000 log (VI_1) Entering BACKUP STATE
          5000 notify INSTANCE 0 BACKUP 100
          5000 log (VI_1) Changing effective priority from 100 to 102
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn processes_wait_for_their_delays() {
    let kind = TrackKind::Process { fork_delay: ms(500), terminate_delay: ms(1_000) };
    let tracks = vec![TrackConf { name: "pr".into(), kind }];
    let mut bench = Bench::new(tracked(tracks, vec![by(0, 7)]));
    bench.interface(0, true, &[OURS]);
    bench.input(Input::ProcessQuorum(TrackId(0), true));
    bench.start();
    bench.until(1_000);
    bench.input(Input::ProcessQuorum(TrackId(0), false));
    bench.until(1_900);
    bench.input(Input::ProcessQuorum(TrackId(0), true));
    bench.until(2_000);
    bench.input(Input::ProcessQuorum(TrackId(0), false));
    bench.until(3_100);
    bench.input(Input::ProcessQuorum(TrackId(0), true));
    bench.until(3_605);
    expect![[r#"
        0 release 0
        0 log (VI_1) removing VIPs.
        0 log (VI_1) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 107
        3000 log (VI_1) Changing effective priority from 107 to 100
        3600 log (VI_1) Changing effective priority from 100 to 107
        3600 log (VI_1) Receive advertisement timeout
        3600 probe 192.0.2.151
        3600 log (VI_1) Entering MASTER STATE
        3600 take 0
        3600 log (VI_1) setting VIPs.
        3600 announce 0 x5
        3600 notify INSTANCE 0 MASTER 107
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn interfaces_and_sessions_count_too() {
    let tracks = vec![
        TrackConf { name: "eth1".into(), kind: TrackKind::Interface(InterfaceId(1)) },
        TrackConf { name: "bfd".into(), kind: TrackKind::Bfd },
    ];
    let mut conf =
        tracked(tracks, vec![by(0, -10), TrackUse { track: TrackId(1), weight: 0, reverse: true }]);
    conf.interfaces.push("eth1".into());
    let mut bench = Bench::new(conf);
    bench.interface(0, true, &[OURS]);
    bench.interface(1, true, &[]);
    bench.start();
    bench.until(5_000);
    bench.take();
    bench.interface(1, false, &[]);
    bench.input(Input::Bfd(TrackId(1), true));
    bench.input(Input::Bfd(TrackId(1), false));
    bench.interface(1, true, &[]);
    expect![[r#"
          5000 log Netlink reports eth1 down
          5000 log (VI_1) Changing effective priority from 100 to 90
          5000 log (VI_1): tracked bfd instance bfd now FAULT state
          5000 log (VI_1) Entering FAULT STATE
          5000 send 0 0 to 224.0.0.18
          5000 log (VI_1) sent 0 priority
          5000 release 0
          5000 log (VI_1) removing VIPs.
          5000 notify INSTANCE 0 FAULT 90
          5000 log (VI_1): tracked bfd instance bfd leaving FAULT state
          5000 log (VI_1) Entering BACKUP STATE
          5000 notify INSTANCE 0 BACKUP 90
          5000 log Netlink reports eth1 up
          5000 log (VI_1) Changing effective priority from 90 to 100
    "#]]
    .assert_eq(&bench.take());
}

fn pair() -> NodeConf {
    grouped(node(vec![instance("A", 60, 100), instance("B", 61, 150)]))
}

#[test]
fn a_group_waits_for_all_and_goes_together() {
    let mut bench = Bench::started(pair());
    // A's master speaks on, B's is silent: the group stays.
    for second in 1..7 {
        bench.until(second * 1_000);
        bench.hears(&advert(60, 200));
    }
    bench.until(10_000);
    bench.hears(&advert(60, 20));
    bench.hears(&advert(60, 200));
    bench.until(10_100);
    expect![[r#"
        0 release 0
        0 log (A) removing VIPs.
        0 release 1
        0 log (B) removing VIPs.
        0 log (A) Entering BACKUP STATE (init)
        0 notify INSTANCE 0 BACKUP 100
        0 log VRRP_Group(G) Syncing instances to BACKUP state
        0 log (B) Entering BACKUP STATE (init)
        0 notify INSTANCE 1 BACKUP 150
        0 notify GROUP 0 BACKUP 0
        3414 log (B) Receive advertisement timeout
        9609 log (A) Receive advertisement timeout
        9609 probe 192.0.2.160
        9609 log (A) Entering MASTER STATE
        9609 take 0
        9609 log (A) setting VIPs.
        9609 announce 0 x5
        9609 notify INSTANCE 0 MASTER 100
        9609 log VRRP_Group(G) Syncing instances to MASTER state
        9609 log (B) Entering MASTER STATE
        9609 take 1
        9609 log (B) setting VIPs.
        9609 announce 1 x5
        9609 notify INSTANCE 1 MASTER 150
        9609 notify GROUP 0 MASTER 0
        10000 log (A) Received advert from 192.0.2.2 with lower priority 20, ours 100, forcing new election
        10000 announce 0 x5
        10000 notify INSTANCE 0 MASTER_RX_LOWER_PRI 100
        10000 announce 1 x5
        10000 log (A) Master received advert from 192.0.2.2 with higher priority 200, ours 100
        10000 log (A) Entering BACKUP STATE
        10000 release 0
        10000 log (A) removing VIPs.
        10000 notify INSTANCE 0 BACKUP 100
        10000 log VRRP_Group(G) Syncing instances to BACKUP state
        10000 log (B) Entering BACKUP STATE
        10000 release 1
        10000 log (B) removing VIPs.
        10000 notify INSTANCE 1 BACKUP 150
        10000 notify GROUP 0 BACKUP 0
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn a_groups_member_in_fault_takes_the_others_along() {
    let mut conf = pair();
    conf.tracks = vec![script("chk", 1, 1), script("chkw", 1, 1)];
    // Its weight does not count in a group, so it is a fault; the group's own does count.
    conf.instances[0].tracks = vec![by(0, -5)];
    conf.groups[0].tracks = vec![by(1, -30)];
    let mut bench = Bench::new(conf);
    bench.results = vec![OK, OK];
    bench.interface(0, true, &[OURS]);
    bench.start();
    bench.until(5_500);
    bench.take();
    bench.results = vec![OK, KO];
    bench.until(6_500);
    bench.results = vec![KO, KO];
    bench.until(7_500);
    bench.interface(0, false, &[OURS]);
    bench.results = vec![OK, KO];
    bench.until(8_500);
    bench.interface(0, true, &[OURS]);
    bench.until(8_600);
    expect![[r#"
        6000 log Script `chkw` now returning 1
        6000 log VRRP_Script(chkw) failed (exited with status 1)
        6000 log (A) Changing effective priority from 100 to 70
        6000 log (B) Changing effective priority from 150 to 120
        7000 log Script `chk` now returning 1
        7000 log VRRP_Script(chk) failed (exited with status 1)
        7000 log (A) Entering FAULT STATE
        7000 send 0 0 to 224.0.0.18
        7000 log (A) sent 0 priority
        7000 release 0
        7000 log (A) removing VIPs.
        7000 notify INSTANCE 0 FAULT 70
        7000 log VRRP_Group(G) Syncing instances to FAULT state
        7000 log (B) Entering FAULT STATE
        7000 send 1 0 to 224.0.0.18
        7000 log (B) sent 0 priority
        7000 release 1
        7000 log (B) removing VIPs.
        7000 notify INSTANCE 1 FAULT 120
        7000 notify GROUP 0 FAULT 0
        7500 log Netlink reports eth0 down
        8000 log Script `chk` now returning 0
        8000 log VRRP_Script(chk) succeeded
        8500 log Netlink reports eth0 up
        8500 log (A) Entering BACKUP STATE
        8500 notify INSTANCE 0 BACKUP 70
        8500 log VRRP_Group(G) Syncing instances to BACKUP state
        8500 log (B) Entering BACKUP STATE
        8500 notify INSTANCE 1 BACKUP 120
        8500 notify GROUP 0 BACKUP 0
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn weights_add_up_and_stay_in_bounds() {
    let file = |name: &str| TrackConf { name: name.into(), kind: TrackKind::File };
    let mut bench = Bench::started(tracked(vec![file("a"), file("b")], vec![by(0, 1), by(1, 1)]));
    for (a, b, want) in [(0, 0, 100), (10, 20, 130), (253, 253, 254), (-100, -100, 1), (253, -253, 100)] {
        bench.input(Input::FileValue(TrackId(0), Some(a)));
        bench.input(Input::FileValue(TrackId(1), Some(b)));
        let view = bench.node.view().instance(InstanceId(0)).expect("one").priority();
        assert_eq!((view.effective, view.total), (want, 100 + (a + b) as i32), "{a} {b}");
        let parts: Vec<i32> = view.parts.iter().map(|(_, weight)| *weight).collect();
        assert_eq!(parts.iter().sum::<i32>(), (a + b) as i32);
    }
}

#[test]
fn an_owner_keeps_its_priority_but_not_its_faults() {
    let file = TrackConf { name: "a".into(), kind: TrackKind::File };
    let conf = InstanceConf { tracks: vec![by(0, 1)], ..instance("OWN", 51, 255) };
    let mut bench = Bench::started(NodeConf { tracks: vec![file], ..node(vec![conf]) });
    bench.until(5_000);
    bench.take();
    bench.input(Input::FileValue(TrackId(0), Some(-50)));
    bench.input(Input::FileValue(TrackId(0), Some(-254)));
    expect![[r#"
          5000 log (OWN): tracked file a now FAULT state
          5000 log (OWN) Entering FAULT STATE
          5000 send 0 0 to 224.0.0.18
          5000 log (OWN) sent 0 priority
          5000 release 0
          5000 log (OWN) removing VIPs.
          5000 notify INSTANCE 0 FAULT 255
    "#]]
    .assert_eq(&bench.take());
}

#[test]
fn groups_may_share_all_tracks() {
    let mut conf = pair();
    conf.tracks = vec![TrackConf { name: "f".into(), kind: TrackKind::File }];
    conf.instances[0].tracks = vec![by(0, 3)];
    conf.groups[0].tracking_weight = true;
    conf.groups[0].global_tracking = true;
    assert_eq!(conf.instances[1].group, Some(GroupId(0)));
    let mut bench = Bench::started(conf);
    bench.input(Input::FileValue(TrackId(0), Some(5)));
    let effective: Vec<u8> = bench.node.view().instances().map(|view| view.effective()).collect();
    assert_eq!(effective, [115, 165]);
}

#[test]
fn nobody_runs_what_nobody_tracks() {
    let mut bench = Bench::started(tracked(vec![script("idle", 1, 1)], vec![]));
    bench.until(3_000);
    assert!(!bench.take().contains("run 0"));
    assert_eq!(ms(1), Duration::from_millis(1));
}
