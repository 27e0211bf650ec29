//! VRRP packets: no panic; what is read can be written, and reads the same; what is written with a proof verifies, and no
//! longer once it is changed.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use evenkeel_wire::inet::Ends;
use evenkeel_wire::vrrp::ah::AhKey;
use evenkeel_wire::vrrp::hmac::{HmacKey, Sequence};
use evenkeel_wire::vrrp::{AuthField, Build, Error, Packet, Proof, TTL, V2Auth, Version, peek};
use libfuzzer_sys::fuzz_target;

const NODE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const GROUP: Ipv6Addr = evenkeel_wire::vrrp::GROUP_V6;

fuzz_target!(|data: &[u8]| {
    let Some((&control, bytes)) = data.split_first() else { return };
    let is_v6 = control & 1 != 0;
    let read = |bytes: &[u8]| -> Result<(), Error> {
        let packet = if is_v6 { Packet::parse_v6(bytes, NODE, GROUP)? } else { Packet::parse_v4(bytes)? };
        write_again(&packet, control);
        Ok(())
    };
    // As it is, and with its checksum made right: random bytes have it once in 65 536 times.
    if let Err(Error::Checksum { got, want }) = read(bytes) {
        assert_ne!(got, want);
        let at = message_at(bytes, is_v6);
        let mut bytes = bytes.to_vec();
        if let Some(field) = bytes.get_mut(at + 6..at + 8) {
            field.copy_from_slice(&want.to_be_bytes());
        }
        assert!(!matches!(read(&bytes), Err(Error::Checksum { .. })), "the right checksum is taken");
    }
    let _ = peek(bytes);
});

/// Where the message begins: only asked of what was read so far.
fn message_at(bytes: &[u8], is_v6: bool) -> usize {
    if is_v6 {
        return 0;
    }
    let header = usize::from(bytes[0] & 0x0f) * 4;
    if bytes[9] == 51 { header + 24 } else { header }
}

fn write_again(packet: &Packet<'_>, control: u8) {
    let advert = packet.advert;
    let addresses: Vec<IpAddr> = advert.addresses.iter().collect();
    assert_eq!(addresses.len(), advert.addresses.len());
    let (password, signer) = (AhKey::new(b"1111\0\0\0\0"), HmacKey::new(1, &[7; 32]).expect("32 bytes"));
    let (_, _) = (packet.verify_ah(&password), packet.verify_hmac(&signer));
    let proof = match (control >> 1 & 3, advert.version) {
        (1, Version::V2) => Proof::Ah { key: &password, sequence: 7 },
        (2, _) => Proof::Hmac { key: &signer, sequence: Sequence(7) },
        _ => Proof::None,
    };
    let auth = match advert.auth {
        Some(AuthField { kind: AuthField::PASS, data }) => V2Auth::Pass(data),
        Some(_) | None => V2Auth::None,
    };
    let build = Build {
        version: advert.version,
        ends: packet.ends,
        ttl: packet.ttl.unwrap_or(TTL),
        id: 1,
        vrid: advert.vrid,
        priority: advert.priority,
        interval: advert.interval(),
        addresses: &addresses,
        auth,
        checksum: packet.checksum,
        proof,
    };
    let mut out = Vec::new();
    build.write(&mut out).expect("what was read can be said");
    let again = match packet.ends {
        Ends::V4 { .. } => Packet::parse_v4(&out),
        Ends::V6 { source, destination } => Packet::parse_v6(&out, source, destination),
    };
    let again = again.expect("what was written is whole");
    assert_eq!((again.ends, again.ttl), (packet.ends, packet.ttl));
    assert_eq!(again.advert.addresses, advert.addresses);
    assert_eq!((again.advert.vrid, again.advert.priority), (advert.vrid, advert.priority));
    assert_eq!(again.advert.interval_raw, advert.interval_raw);
    let proven = |packet: &Packet<'_>| match proof {
        Proof::None => None,
        Proof::Ah { .. } => Some(packet.verify_ah(&password).is_ok()),
        Proof::Hmac { .. } => Some(packet.verify_hmac(&signer).is_ok()),
    };
    assert_ne!(proven(&again), Some(false));
}
