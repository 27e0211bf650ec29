//! One node among others: elections as Debian's Keepalived holds them, line by line.

mod common;

use common::*;
use evenkeel_vrrp::Input;
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
