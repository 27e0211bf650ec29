//! ARP, neighbour discovery and BFD: no panic, and what is read reads the same after it was written. A BFD session that is
//! told any packets at any times comes to rest, and never asks for less than the bounds.
#![no_main]

use std::net::Ipv6Addr;
use std::num::NonZeroU8;

use evenkeel_base::time::{Duration, Instant};
use evenkeel_bfd::{BfdConf, HopCheck, Input, Role, Session};
use evenkeel_wire::arp::Arp;
use evenkeel_wire::bfd::{Control, LEN};
use evenkeel_wire::inet::{Ends, PROTOCOL_ICMP6, Sum};
use evenkeel_wire::ndisc::{ALL_NODES, Error, Neighbour};
use libfuzzer_sys::fuzz_target;

const NODE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];

fuzz_target!(|data: &[u8]| {
    let Some((&what, bytes)) = data.split_first() else { return };
    let mut out = Vec::new();
    match what & 3 {
        0 => {
            if let Ok(arp) = Arp::parse(bytes) {
                arp.write(OURS, &mut out);
                assert_eq!(Arp::parse(&out), Ok(arp));
            }
        }
        1 => {
            if let Ok(message) = Neighbour::parse(bytes) {
                message.write(OURS, OURS, &mut out);
                assert_eq!(Neighbour::parse(&out), Ok(message));
            }
        }
        2 => neighbour(bytes),
        _ => session(bytes),
    }
});

/// A message with its checksum made right.
fn neighbour(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if let Some(field) = bytes.get_mut(2..4) {
        field.fill(0);
        let ends = Ends::V6 { source: NODE, destination: ALL_NODES };
        let sum = Sum::new().bytes(&bytes).pseudo(&ends, PROTOCOL_ICMP6, bytes.len()).finish();
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    let read = Neighbour::parse_message(&bytes, NODE, ALL_NODES, 255);
    assert!(!matches!(read, Err(Error::Checksum(_))), "{bytes:?}");
    let _ = read.map(|message| message.claims());
}

/// Steps of a length, a control byte and a packet each.
fn session(bytes: &[u8]) {
    let interval = Duration::from_millis(10);
    let conf = BfdConf {
        neighbor: NODE.into(),
        min_tx: interval,
        min_rx: interval,
        idle_tx: Duration::from_secs(1),
        multiplier: NonZeroU8::MIN.saturating_add(bytes.first().map_or(2, |b| b & 7)),
        role: if bytes.first().is_some_and(|b| b & 8 != 0) { Role::Passive } else { Role::Active },
        hops: HopCheck { ttl: 255, max_hops: 0 },
    };
    let mut session = Session::new(conf.clone(), 1, Instant::from_millis(1));
    let mut now = Instant::from_millis(1);
    for step in bytes.chunks(2 + LEN) {
        let Some(([time, control], packet)) = step.split_first_chunk::<2>() else { return };
        let mut clock = now;
        now = now + Duration::from_millis(u64::from(*time));
        // What is due by then, at its time (never back: a shorter interval makes a packet due that is late already); a
        // session that is always due would never end this.
        for _ in 0..1000 {
            let Some(deadline) = session.deadline().filter(|deadline| deadline.at <= now) else { break };
            clock = clock.max(deadline.at);
            session.on_deadline(clock);
            while session.poll().is_some() {}
        }
        assert!(session.deadline().is_none_or(|deadline| deadline.at > now), "it comes to rest");
        match control & 7 {
            0 => session.handle(Input::Disable, now),
            1 => session.handle(Input::Enable, now),
            2 => {
                let min_tx = Duration::from_millis(u64::from(*time));
                session.handle(Input::Configure(&BfdConf { min_tx, ..conf.clone() }), now);
            }
            kind => {
                let mut packet = packet.to_vec();
                // Most are for this session.
                if let (true, Some(field)) = (kind > 3, packet.get_mut(8..12)) {
                    field.copy_from_slice(&session.view().local_discriminator.to_be_bytes());
                }
                let read = Control::parse(&packet);
                if let Ok(control) = read {
                    assert_eq!(Control::parse(&control.to_bytes()), Ok(control));
                }
                session.handle(Input::Packet { packet: read.as_ref().map_err(|e| *e), ttl: Some(255) }, now);
            }
        }
        let mut outputs = 0;
        while session.poll().is_some() {
            outputs += 1;
        }
        assert!(outputs <= 4, "one event, few deeds: {outputs}");
        assert!(session.view().interval.is_none_or(|interval| interval >= Duration::from_millis(1)));
    }
}
