//! A thousand virtual routers: none misses an advert, and nothing grows.

mod common;

use common::*;
use evenkeel_base::time::Instant;
use evenkeel_vrrp::conf::InterfaceId;
use evenkeel_vrrp::{Input, InterfaceState, Node, NodeConf, Output, Received, StateKind};

const ROUTERS: usize = 1_000;

/// 250 vrids on each of four interfaces.
fn many(priority: u32, interval_ms: u64) -> NodeConf {
    let instances = (0..ROUTERS).map(|n| {
        let mut conf = instance3(&format!("VI_{n}"), 1 + n as u32 % 250, priority, interval_ms);
        conf.interface = InterfaceId(n as u32 / 250);
        conf.addresses = vec![std::net::IpAddr::from([10, 0, (n / 250) as u8, (n % 250) as u8])];
        conf.lease = lease(3_000, 1_000);
        conf
    });
    NodeConf { interfaces: (0..4).map(|n| format!("eth{n}")).collect(), ..node(instances.collect()) }
}

fn begin(conf: NodeConf, address: u8) -> Node {
    let start = Instant::from_millis(0);
    let mut node = Node::new(conf, start);
    for n in 0..4 {
        let addresses = [v4(address)];
        let state =
            InterfaceState { exists: true, running: true, mac: Some(MAC), mtu: 1500, addresses: &addresses };
        node.handle(Input::Interface(InterfaceId(n), state), start);
    }
    node.handle(Input::Start, start);
    node
}

/// Runs a master and its backup side by side; adverts sent, and transitions of the backup.
fn play(interval_ms: u64, span_ms: u64) -> (usize, usize) {
    let mut master = begin(many(200, interval_ms), 2);
    let mut backup = begin(many(100, interval_ms), 1);
    let end = Instant::from_millis(span_ms);
    let mut sent = 0;
    while let Some(at) = master.deadline().map(|next| next.at).filter(|at| *at <= end) {
        master.on_deadline(at);
        while let Some(output) = master.poll() {
            if let Output::Send(packet) = output {
                sent += 1;
                let received = Received {
                    interface: packet.interface,
                    source: packet.source,
                    destination: packet.destination,
                    ttl: Some(packet.ttl),
                    bytes: &packet.bytes,
                    wall_us: 0,
                };
                backup.handle(Input::Packet(received), at);
            }
        }
        backup.on_deadline(at);
        while backup.poll().is_some() {}
    }
    let moved = backup.view().instances().filter(|view| view.state() != StateKind::Backup).count();
    (sent, moved)
}

#[test]
fn a_thousand_routers_keep_their_beat() {
    // Three intervals and the skew until they are masters, then one each.
    let (sent, moved) = play(100, 2_000);
    let first_ms = 322;
    assert_eq!((sent, moved), (ROUTERS * (1 + (2_000 - first_ms) / 100), 0));
}
