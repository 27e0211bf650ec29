//! The way of a packet: raw socket → batch → [`evenkeel_vrrp::Input::Packet`]; and back, [`Packet`] → raw socket.

use evenkeel_base::Instant;
use evenkeel_sys::clock;
use evenkeel_sys::rawip::Batch;
use evenkeel_vrrp::{Input, Node, Packet, Received};

use crate::hands::Hands;

/// Batches read from one socket before the others have their turn.
const BATCHES_MAX: usize = 8;

/// Reads what waits on a socket and tells the brain.
pub(crate) fn receive(hands: &mut Hands, node: &mut Node, number: u32, now: Instant) {
    let mut batch = hands.batch.take().unwrap_or_default();
    let wall_us = clock::wall().as_micros();
    for _ in 0..BATCHES_MAX {
        let Some(socket) = hands.sockets.by_number(number) else { break };
        let interface = socket.interface;
        let count = match batch.receive(&socket.raw) {
            Ok(count) => count,
            // ENETDOWN and the like: the interface's own news say more.
            Err(_) => {
                hands.counters.receive_errors += 1;
                break;
            }
        };
        for packet in batch.packets() {
            if !socket.hears(vrid(packet.bytes, packet.source.is_ipv6(), socket.place.ah)) {
                continue;
            }
            hands.counters.received += 1;
            let received = Received {
                interface,
                source: packet.source,
                destination: packet.destination,
                ttl: packet.ttl,
                bytes: packet.bytes,
                wall_us,
            };
            node.handle(Input::Packet(received), now);
        }
        if count < Batch::MAX {
            break;
        }
    }
    hands.batch = Some(batch);
}

/// The virtual router that a packet speaks of, where it is long enough to say.
fn vrid(bytes: &[u8], v6: bool, ah: bool) -> Option<u8> {
    const AH_LEN: usize = 24;
    let head = if v6 { 0 } else { usize::from(bytes.first()? & 0x0f) * 4 };
    bytes.get(head + if ah { AH_LEN } else { 0 } + 1).copied()
}

/// Sends a message of the brain's.
pub(crate) fn send(hands: &mut Hands, packet: &Packet) {
    let outcome = match hands.advert_index(packet.instance, packet.interface) {
        Some(index) => match hands.sockets.sender(index, packet.source.is_ipv6()) {
            Some(raw) => raw.send(packet.source, packet.destination, packet.ttl, &packet.bytes),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        },
        None => Err(std::io::ErrorKind::NotConnected.into()),
    };
    match outcome {
        Ok(()) => hands.sent(packet.instance),
        Err(e) => hands.send_failed(packet.instance, &e),
    }
}
