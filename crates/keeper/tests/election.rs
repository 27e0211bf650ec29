//! Two keepers on one switch: elections, leases, announcements, reload, the end.
mod common;

use std::time::Duration;

use common::*;
use evenkeel_keeper::Ended;
use evenkeel_lab::netns::Lab;

fn lab() -> Lab {
    Lab::new()
        .node("a", &["10.77.0.1/24", "fd77::1/64"])
        .node("b", &["10.77.0.2/24", "fd77::2/64"])
        .build()
        .expect("builds")
}

#[test]
fn the_better_one_holds_the_addresses_and_the_other_takes_over() {
    if !possible() {
        return;
    }
    let lab = lab();
    let (a, b) = (lab.node("a"), lab.node("b"));
    for (vip, six) in [("10.77.0.100", "10.77.0.100/24"), ("fd77::100", "fd77::100/64")] {
        let plan = |priority| {
            let mut plan = empty();
            instance(&mut plan, "VI", 51, priority, 100, &[six]);
            plan
        };
        let first = Running::start(a, plan(150));
        let second = Running::start(b, plan(100));
        wait(|| has(a, "eth0", vip), || format!("{vip} on a: {:#?}", first.lines()));
        first.wait_for_line("(VI) Entering MASTER STATE");
        assert!(!has(b, "eth0", vip), "{:#?}", second.lines());
        let found = find(a, "eth0", vip).expect("is there");
        let lifetime = found["valid_life_time"].as_u64().expect("a number");
        assert!((1..=3).contains(&lifetime), "leased: {found}");
        // Longer than the lease: it is refreshed.
        std::thread::sleep(Duration::from_secs(4));
        assert!(has(a, "eth0", vip), "refreshed");
        assert_eq!(first.stop(), Ended::Stopped);
        assert!(!has(a, "eth0", vip), "released");
        wait(|| has(b, "eth0", vip), || format!("{vip} on b: {:#?}", second.lines()));
        assert_eq!(second.stop(), Ended::Stopped);
        assert!(!has(b, "eth0", vip), "released");
    }
}

#[test]
fn a_link_without_carrier_gives_up_and_comes_back() {
    if !possible() {
        return;
    }
    let lab = lab();
    let (a, b) = (lab.node("a"), lab.node("b"));
    let plan = |priority| {
        let mut plan = empty();
        instance(&mut plan, "VI", 51, priority, 10, &["10.77.0.100/24"]);
        plan
    };
    let first = Running::start(a, plan(150));
    let second = Running::start(b, plan(100));
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", first.lines()));
    lab.set_link("a", 0, false).expect("unplugged");
    wait(|| has(b, "eth0", "10.77.0.100"), || format!("{:#?}", second.lines()));
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", first.lines()));
    first.wait_for_line("(VI) Entering FAULT STATE");
    lab.set_link("a", 0, true).expect("plugged in");
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", first.lines()));
    wait(|| !has(b, "eth0", "10.77.0.100"), || format!("{:#?}", second.lines()));
}

#[test]
fn what_somebody_takes_away_is_set_again() {
    if !possible() {
        return;
    }
    let lab = lab();
    let a = lab.node("a");
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    let keeper = Running::start(a, plan);
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    sh(a, "ip addr del 10.77.0.100/24 dev eth0");
    keeper.wait_for_line("set again");
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    assert!(keeper.handle.look(|look| look.hands.counters().restored).expect("runs") >= 1);
}

#[test]
fn a_reload_changes_only_what_has_changed() {
    if !possible() {
        return;
    }
    let lab = lab();
    let a = lab.node("a");
    let plan = |vips: &[&str]| {
        let mut plan = empty();
        instance(&mut plan, "VI", 51, 150, 100, vips);
        instance(&mut plan, "OTHER", 52, 150, 100, &["10.77.0.200/24"]);
        plan
    };
    let keeper = Running::start(a, plan(&["10.77.0.100/24", "10.77.0.101/24"]));
    wait(
        || has(a, "eth0", "10.77.0.101") && has(a, "eth0", "10.77.0.200"),
        || format!("{:#?}", keeper.lines()),
    );
    let transitions = |lines: &[String]| lines.iter().filter(|l| l.contains("Entering")).count();
    let before = transitions(&keeper.lines());
    keeper.handle.reload(plan(&["10.77.0.101/24", "10.77.0.102/24"])).expect("runs");
    wait(|| has(a, "eth0", "10.77.0.102"), || format!("{:#?}", keeper.lines()));
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    assert!(has(a, "eth0", "10.77.0.101") && has(a, "eth0", "10.77.0.200"));
    assert_eq!(transitions(&keeper.lines()), before, "no transition: {:#?}", keeper.lines());
    // And one instance less.
    let mut fewer = empty();
    instance(&mut fewer, "VI", 51, 150, 100, &["10.77.0.101/24", "10.77.0.102/24"]);
    keeper.handle.reload(fewer).expect("runs");
    wait(|| !has(a, "eth0", "10.77.0.200"), || format!("{:#?}", keeper.lines()));
    assert!(has(a, "eth0", "10.77.0.102"));
    assert_eq!(transitions(&keeper.lines()), before);
}

#[test]
fn leftovers_of_a_killed_run_are_taken_away_but_an_owners_own_address_stays() {
    if !possible() {
        return;
    }
    let lab = lab();
    let a = lab.node("a");
    sh(a, "ip addr add 10.77.0.100/24 dev eth0; ip addr add 10.77.0.200/24 dev eth0");
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 100, 1000, &["10.77.0.100/24"]);
    instance(&mut plan, "OWN", 52, 255, 1000, &["10.77.0.200/24"]);
    let keeper = Running::start(a, plan);
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    keeper.wait_for_line("(OWN) Entering MASTER STATE");
    let own = find(a, "eth0", "10.77.0.200").expect("stays");
    assert_eq!(own["valid_life_time"].as_u64(), Some(u64::from(u32::MAX)), "not leased: {own}");
    keeper.stop();
    assert!(has(a, "eth0", "10.77.0.200"));
}

#[test]
fn who_keeps_its_addresses_at_the_end_keeps_them_for_good() {
    if !possible() {
        return;
    }
    let lab = lab();
    let a = lab.node("a");
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    let keeper = Running::start_with(a, plan, |options| options.release_at_end = false);
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    keeper.stop();
    let left = find(a, "eth0", "10.77.0.100").expect("stays");
    assert_eq!(left["valid_life_time"].as_u64(), Some(u64::from(u32::MAX)), "{left}");
}

#[test]
fn a_keeper_that_nobody_can_stop_stops() {
    if !possible() {
        return;
    }
    let lab = lab();
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 1000, &["10.77.0.100/24"]);
    assert_eq!(Running::start(lab.node("a"), plan).abandon(), Ended::Abandoned);
}
