//! How punctual is a keeper? `beat COUNT INTERVAL_MS SECONDS` keeps so many addresses on interfaces of a network
//! namespace of its own, and tells how late its latest deadline was and what it cost. Needs root.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Duration;

#[path = "../tests/common/mod.rs"]
mod common;

use evenkeel_keeper::{Keeper, Options};

fn main() {
    let number =
        |n: usize, default: u64| std::env::args().nth(n).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (count, interval, seconds) = (number(1, 1), number(2, 10), number(3, 10));
    let lab = evenkeel_lab::netns::Lab::new().node("a", &["10.77.0.1/16"]).build().expect("a namespace");
    evenkeel_lab::netns::enter(lab.node("a").path()).expect("ours");
    let mut plan = common::empty();
    for n in 0..count {
        // 255 virtual routers fit an interface: the next ones take the next interface.
        let (wire, vrid) = (n / 255, n % 255 + 1);
        let vip = format!("10.77.{}.{}/32", wire + 1, vrid);
        let at = common::instance(&mut plan, &format!("V{n}"), vrid as u32, 200, interval, &[&vip]);
        if plan.node.interfaces.len() <= wire as usize {
            let name = format!("d{wire}");
            common::sh(
                lab.node("a"),
                &format!(
                    "ip link add {name} type veth peer name p{wire}; ip link set p{wire} up; ip addr add 10.78.{wire}.1/24 dev {name}; ip link set {name} up"
                ),
            );
            plan.node.interfaces.push(name);
        }
        let id = evenkeel_vrrp::conf::InterfaceId(wire as u32);
        plan.node.instances[at].interface = if wire == 0 { evenkeel_vrrp::conf::InterfaceId(0) } else { id };
        plan.instances[at].addresses[0].interface = plan.node.instances[at].interface;
    }
    plan.global.vrrp.realtime = Some(50);
    plan.global.vrrp.no_swap = true;
    let log = Arc::new(|_, _: &str| {});
    let (keeper, handle) = Keeper::new(plan, Options::new(log)).expect("starts");
    let watcher = std::thread::spawn(move || {
        // The election and the first announcements.
        std::thread::sleep(Duration::from_millis(interval * 5 + 2_000));
        let (before, cpu) =
            (handle.look(|look| look.hands.counters()).expect("runs"), evenkeel_sys::clock::process_cpu());
        std::thread::sleep(Duration::from_secs(seconds));
        let (after, used) =
            (handle.look(|look| look.hands.counters()).expect("runs"), evenkeel_sys::clock::process_cpu());
        println!(
            "{count} instances every {interval} ms for {seconds} s: {} adverts, latest deadline since the start {} us late, {:.1} % of a core",
            after.sent - before.sent,
            after.latest_us,
            (used - cpu).as_secs_f64() / seconds as f64 * 100.0
        );
        let start = std::time::Instant::now();
        handle.stop().expect("runs");
        start
    });
    keeper.run();
    println!("stopped after {:?}", watcher.join().expect("no panic").elapsed());
}
