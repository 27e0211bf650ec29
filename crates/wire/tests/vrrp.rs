//! VRRP packets: those of Keepalived byte for byte, every fault by name, and no bytes that panic.
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_wire::inet::{Ends, Ipv4Error};
use evenkeel_wire::vrrp::ah::AhKey;
use evenkeel_wire::vrrp::hmac::{HmacKey, Sequence};
use evenkeel_wire::vrrp::{
    AuthField, Build, BuildError, Checksum, Error, GROUP_V4, GROUP_V6, Packet, Proof, V2Auth, Version, peek,
};
use proptest::prelude::*;

const ETHERNET_LEN: usize = 14;
const IPV6_LEN: usize = 40;
const PASSWORD: [u8; 8] = *b"1111\0\0\0\0";
const OLD: Checksum = Checksum::OldUnicast { group: GROUP_V4 };
const NODE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const NODE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(pair).collect()
}

fn key() -> HmacKey {
    let bytes: Vec<u8> = (0..32).collect();
    HmacKey::new(1, &bytes).expect("32 bytes")
}

fn key_with(id: u8) -> HmacKey {
    let bytes: Vec<u8> = (0..32).collect();
    HmacKey::new(id, &bytes).expect("32 bytes")
}

/// An advert of version 3, as most rows want it.
fn build<'a>(addresses: &'a [IpAddr]) -> Build<'a> {
    Build {
        version: Version::V3,
        ends: Ends::V4 { source: NODE, destination: GROUP_V4 },
        ttl: 255,
        id: 1,
        vrid: 51,
        priority: 150,
        interval: Duration::from_secs(1),
        addresses,
        auth: V2Auth::None,
        checksum: Checksum::Rfc,
        proof: Proof::None,
    }
}

fn written(build: &Build<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    build.write(&mut out).expect("it can be said");
    out
}

/// Reads a frame's packet, whatever its family.
fn read(frame: &[u8]) -> Result<Packet<'_>, Error> {
    match frame[12..14] {
        [0x08, 0x00] => Packet::parse_v4(&frame[ETHERNET_LEN..]),
        [0x86, 0xdd] => {
            let ip = &frame[ETHERNET_LEN..];
            let address =
                |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).expect("16 bytes"));
            Packet::parse_v6(&ip[IPV6_LEN..], address(8), address(24))
        }
        _ => panic!("a frame of IPv4 or IPv6"),
    }
}

/// Frames of Keepalived 2.2.7 as it sent them: name, frame.
const FRAMES: &[(&str, &str)] = &[
    (
        "v2 AH to one peer, TTL 64",
        "020000000002 020000000001 0800 45c0004000010000 4033 f5c6 c0000201 c0000202
        70040000 c0000201 00000001 806ee1d093462fb45764b928 213796010201845c c0000269 0000000000000000",
    ),
    (
        "v2 AH to the group",
        "01005e000012 020000000001 0800 45c0004000010000ff3318b6c0000201e0000012
        70040000 c0000201 00000001 d508de7ce21dd6802459e2a9 213696010201845e c0000268 0000000000000000",
    ),
    (
        "v3, old checksum, to one peer",
        "020000000002 020000000001 0800 45c0002000010000ff7036a9c0000201c0000202
        313396010064d371 c0000264",
    ),
    (
        "v3 to one peer",
        "020000000003 020000000001 0800 45c0002000010000ff7036a8c0000201c0000203
        313496010064f17e c0000265",
    ),
    (
        "v3 IPv6, two addresses",
        "333300000012 020000000001 86dd 6c0c8caf002870ff
        fe800000000000000000000000000001 ff020000000000000000000000000012
        3139960200640bf7 fe800000000000000000000000000100 20010db8000000000000000000000100",
    ),
];

#[test]
fn frames_of_keepalived_are_written_byte_for_byte() {
    let password = AhKey::new(&PASSWORD);
    let vips = [100, 101, 104, 105].map(|last| IpAddr::from([192, 0, 2, last]));
    let [vip100, vip101, vip104, vip105] = vips.each_ref().map(std::slice::from_ref);
    let vip6: [IpAddr; 2] = [
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100).into(),
    ];
    let ah = Proof::Ah { key: &password, sequence: 1 };
    let to = |destination| Ends::V4 { source: NODE, destination };
    let third = Ipv4Addr::new(192, 0, 2, 3);
    let rows: &[Build<'_>] = &[
        Build { version: Version::V2, vrid: 55, ttl: 64, ends: to(PEER), proof: ah, ..build(vip105) },
        Build { version: Version::V2, vrid: 54, proof: ah, ..build(vip104) },
        Build { ends: to(PEER), checksum: OLD, ..build(vip100) },
        Build { ends: to(third), vrid: 52, ..build(vip101) },
        Build { vrid: 57, ends: Ends::V6 { source: NODE6, destination: GROUP_V6 }, ..build(&vip6) },
    ];
    assert_eq!(rows.len(), FRAMES.len());
    for (row, (name, frame)) in rows.iter().zip(FRAMES) {
        let frame = bytes_of(frame);
        let ip_len = if frame[12..14] == [0x86, 0xdd] { IPV6_LEN } else { 0 };
        assert_eq!(written(row), frame[ETHERNET_LEN + ip_len..], "{name}");
        let packet = read(&frame).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(packet.checksum, row.checksum, "{name}");
        assert_eq!(packet.verify_ah(&password).is_ok(), packet.ah.is_some(), "{name}");
    }
}

#[test]
fn frames_of_a_newer_keepalived_are_read_and_written() {
    let shared = std::env::var_os("EVENKEEL_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("compat/keepalived/vectors");
    if !folder.is_dir() {
        println!("skipped: {} is not there (EVENKEEL_SHARED names its folder)", folder.display());
        return;
    }
    let pass = V2Auth::Pass(PASSWORD);
    let peer = Ends::V4 { source: NODE, destination: PEER };
    let group6 = Ends::V6 { source: NODE6, destination: GROUP_V6 };
    let v4 = [IpAddr::from([192, 0, 2, 100])];
    let v6: [IpAddr; 2] = [
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100).into(),
    ];
    let v3 = build(&v4);
    let v2 = Build { version: Version::V2, ..v3 };
    let over_v6 = |n: usize| Build { ends: group6, addresses: &v6[..n], ..v3 };
    for (name, row) in [
        ("v2-none", v2),
        ("v2-pass", Build { auth: pass, ..v2 }),
        ("v2-ah", v2),
        ("v2-hmac", v2),
        ("v3-ipv4", Build { interval: Duration::from_millis(100), ..v3 }),
        ("v3-ipv4-unicast", Build { ends: peer, ..v3 }),
        ("v3-hmac", v3),
        ("v3-ipv6", over_v6(2)),
        ("v3-ipv6-hmac", over_v6(1)),
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.hex"))).expect("a vector");
        let frame = bytes_of(&text);
        let packet = read(&frame).unwrap_or_else(|why| panic!("{name}: {why}"));
        let (password, signer) = (AhKey::new(&PASSWORD), key_with(if name == "v2-hmac" { 7 } else { 1 }));
        assert_eq!(packet.ah.is_some(), name.ends_with("-ah"), "{name}");
        assert_eq!(packet.trailer.is_some(), name.ends_with("-hmac"), "{name}");
        let proof = match (packet.ah, packet.trailer) {
            (Some(ah), _) => {
                assert_eq!(packet.verify_ah(&password), Ok(()), "{name}");
                assert_eq!(packet.verify_ah(&AhKey::new(b"1112\0\0\0\0")), Err(Error::AhMismatch), "{name}");
                Proof::Ah { key: &password, sequence: ah.sequence }
            }
            (None, Some(trailer)) => {
                assert_eq!(trailer.key_id, signer.id(), "{name}");
                assert_eq!(packet.verify_hmac(&signer), Ok(()), "{name}");
                let other = HmacKey::new(1, &[9; 32]).expect("32 bytes");
                assert_eq!(packet.verify_hmac(&other), Err(Error::HmacMismatch), "{name}");
                Proof::Hmac { key: &signer, sequence: trailer.sequence }
            }
            (None, None) => Proof::None,
        };
        let ip_len = if frame[12..14] == [0x86, 0xdd] { IPV6_LEN } else { 0 };
        assert_eq!(written(&Build { proof, ..row }), frame[ETHERNET_LEN + ip_len..], "{name}");
        let advert = packet.advert;
        assert_eq!((advert.vrid, advert.priority, advert.interval()), (51, 150, row.interval), "{name}");
        assert_eq!(advert.addresses.iter().collect::<Vec<_>>(), row.addresses, "{name}");
        let auth = advert.auth.map(|auth| (auth.kind, auth.data));
        let want = match (name, row.version) {
            (_, Version::V3) => None,
            ("v2-pass", Version::V2) => Some((AuthField::PASS, PASSWORD)),
            ("v2-ah", Version::V2) => Some((AuthField::AH, [0; 8])),
            (_, Version::V2) => Some((AuthField::NONE, [0; 8])),
        };
        assert_eq!(auth, want, "{name}");
        assert_eq!(packet.ttl, (ip_len == 0).then_some(255), "{name}");
    }
}

#[test]
fn faults_have_names() {
    let vip = [IpAddr::from([192, 0, 2, 100])];
    let v3 = build(&vip);
    let v2 = Build { version: Version::V2, ..v3 };
    let password = AhKey::new(&PASSWORD);
    let ah = Build { proof: Proof::Ah { key: &password, sequence: 1 }, ..v2 };
    let (good, good2, good_ah) = (written(&v3), written(&v2), written(&ah));
    let with = |packet: &[u8], changes: &[(usize, u8)]| {
        let mut bytes = packet.to_vec();
        for (at, value) in changes {
            bytes[*at] = *value;
        }
        bytes
    };
    // The IP header's length field, for cut packets.
    let cut = |packet: &[u8], len: usize| with(&packet[..len], &[(3, len as u8)]);
    let longer = |packet: &[u8], more: usize| {
        let mut bytes = packet.to_vec();
        bytes.resize(packet.len() + more, 0);
        with(&bytes, &[(3, (packet.len() + more) as u8)])
    };
    let length = |got, want| Error::Length { count: 1, got, want };
    for (what, bytes, want) in [
        ("no bytes", vec![], Error::Ipv4(Ipv4Error::Short { got: 0, want: 20 })),
        ("IPv6", with(&good, &[(0, 0x65)]), Error::Ipv4(Ipv4Error::Version(6))),
        ("cut on its way", good[..31].to_vec(), Error::Ipv4(Ipv4Error::Short { got: 31, want: 32 })),
        ("TCP", with(&good, &[(9, 6)]), Error::Protocol(6)),
        ("only an IP header", cut(&good, 20), Error::Short { got: 0, want: 8 }),
        ("half a head", cut(&good, 27), Error::Short { got: 7, want: 8 }),
        ("version 1", with(&good, &[(20, 0x11)]), Error::Version(1)),
        ("version 4", with(&good, &[(20, 0x41)]), Error::Version(4)),
        ("type 2", with(&good, &[(20, 0x32)]), Error::Type(2)),
        ("id 0", with(&good, &[(21, 0)]), Error::Vrid),
        ("an address short", cut(&good, 28), length(8, 12)),
        ("one too many counted", with(&good, &[(23, 2)]), Error::Length { count: 2, got: 12, want: 16 }),
        ("none counted", with(&good, &[(23, 0)]), Error::Length { count: 0, got: 12, want: 8 }),
        ("padded by 4", longer(&good, 4), length(16, 12)),
        ("version 2 without its data", cut(&good2, 32), length(12, 20)),
        ("a changed priority", with(&good, &[(22, 151)]), Error::Checksum { got: 0xd371, want: 0xd271 }),
        ("a changed password", with(&good2, &[(36, 1)]), Error::Checksum { got: 0x8665, want: 0x8565 }),
        ("AH for TCP", with(&good_ah, &[(20, 6)]), Error::AhFormat),
        ("AH of another length", with(&good_ah, &[(21, 5)]), Error::AhFormat),
        ("AH cut", cut(&good_ah, 43), Error::AhFormat),
        ("AH and nothing", cut(&good_ah, 44), Error::Short { got: 0, want: 8 }),
        ("a trailer of another type", longer(&good, 28), Error::HmacType(0)),
    ] {
        assert_eq!(Packet::parse_v4(&bytes), Err(want), "{what}");
        assert!(!want.to_string().is_empty());
    }
    let v2_over_v6 = Packet::parse_v6(&good2[20..], NODE6, GROUP_V6);
    assert_eq!(v2_over_v6, Err(Error::Version(2)));
    assert_eq!(peek(&good[20..]), Some((3, 51)));
    assert_eq!(peek(&[0x31]), None);
}

#[test]
fn checksums_are_told_apart() {
    let vip = [IpAddr::from([192, 0, 2, 100])];
    let peer = Ends::V4 { source: NODE, destination: PEER };
    let group = Ends::V4 { source: NODE, destination: GROUP_V4 };
    for (ends, made, told) in [
        (group, Checksum::Rfc, Checksum::Rfc),
        (group, Checksum::AsV2, Checksum::AsV2),
        // To the group there is no difference.
        (group, OLD, Checksum::Rfc),
        (peer, Checksum::Rfc, Checksum::Rfc),
        (peer, Checksum::AsV2, Checksum::AsV2),
        (peer, OLD, OLD),
    ] {
        let bytes = written(&Build { ends, checksum: made, ..build(&vip) });
        assert_eq!(Packet::parse_v4(&bytes).map(|p| p.checksum), Ok(told), "{ends:?} {made:?}");
    }
    // Keepalived 2.2.7 with `vrrp_mcast_group4 224.0.0.99` and `old_unicast_checksum` sent d320.
    let other_group = Ipv4Addr::new(224, 0, 0, 99);
    let old = Checksum::OldUnicast { group: other_group };
    let bytes = written(&Build { ends: peer, checksum: old, ..build(&vip) });
    assert_eq!(bytes[26..28], [0xd3, 0x20]);
    assert_eq!(Packet::parse_v4_in(&bytes, other_group).map(|p| p.checksum), Ok(old));
    assert!(matches!(Packet::parse_v4(&bytes), Err(Error::Checksum { .. })));
    // RFC 1071 by hand: 3133 + 9601 + 0064 + c000 + 0264 folds to 89fd.
    assert_eq!(written(&Build { checksum: Checksum::AsV2, ..build(&vip) })[26..28], [0x76, 0x02]);
}

#[test]
fn what_cannot_be_said_is_refused() {
    let (v4, v6) = (IpAddr::from([192, 0, 2, 100]), IpAddr::from(NODE6));
    let many = vec![v4; 256];
    let password = AhKey::new(&PASSWORD);
    let ah = Proof::Ah { key: &password, sequence: 1 };
    let one = [v4];
    let good = build(&one);
    let over_v6 = Build { ends: Ends::V6 { source: NODE6, destination: GROUP_V6 }, addresses: &[], ..good };
    let millis = Duration::from_millis;
    for (what, row, want) in [
        ("id 0", Build { vrid: 0, ..good }, BuildError::Vrid),
        ("256 addresses", Build { addresses: &many, ..good }, BuildError::Addresses(256)),
        ("IPv6 in IPv4", Build { addresses: &[v4, v6], ..good }, BuildError::Family(v6)),
        ("IPv4 in IPv6", Build { addresses: &one, ..over_v6 }, BuildError::Family(v4)),
        ("version 2 over IPv6", Build { version: Version::V2, ..over_v6 }, BuildError::Version),
        ("AH in version 3", Build { proof: ah, ..good }, BuildError::Ah),
        ("AH over IPv6", Build { proof: ah, ..over_v6 }, BuildError::Ah),
        ("41 s", Build { interval: millis(41_000), ..good }, BuildError::Interval(millis(41_000))),
        ("15 ms", Build { interval: millis(15), ..good }, BuildError::Interval(millis(15))),
        (
            "1 ns",
            Build { interval: Duration::from_nanos(1), ..good },
            BuildError::Interval(Duration::from_nanos(1)),
        ),
        (
            "1.5 s in version 2",
            Build { version: Version::V2, interval: millis(1500), ..good },
            BuildError::Interval(millis(1500)),
        ),
        (
            "256 s in version 2",
            Build { version: Version::V2, interval: millis(256_000), ..good },
            BuildError::Interval(millis(256_000)),
        ),
        ("ages", Build { interval: Duration::MAX, ..good }, BuildError::Interval(Duration::MAX)),
    ] {
        let mut out = vec![1, 2, 3];
        assert_eq!(row.write(&mut out), Err(want), "{what}");
        assert!(out.is_empty(), "{what} leaves nothing half said");
    }
    let longest = Build { interval: millis(40_950), addresses: &many[..255], ..good };
    let bytes = written(&longest);
    let packet = Packet::parse_v4(&bytes).expect("the largest that there is");
    assert_eq!((packet.advert.addresses.len(), packet.advert.interval()), (255, millis(40_950)));
    for (len, fine) in [(31, false), (32, true), (64, true), (65, false)] {
        assert_eq!(HmacKey::new(1, &vec![7; len]).is_some(), fine, "{len} bytes");
    }
    assert!(HmacKey::new(0, &[7; 32]).is_none());
}

#[test]
fn sequences_are_dates_and_grow_round_the_corner() {
    let at = Sequence::at(1_700_000_000_500_000, 3);
    assert_eq!(at.0, 1_700_000_000 << 32 | 0x8000 << 16 | 3);
    assert_eq!(at.wall_us(), 1_700_000_000_500_000);
    assert!(Sequence::at(1_700_000_000_999_999, u16::MAX).0 < Sequence::at(1_700_000_001_000_000, 0).0);
    for (a, b, after) in
        [(2, 1, true), (1, 1, false), (1, 2, false), (0, u64::MAX, true), (u64::MAX, 0, false)]
    {
        assert_eq!(Sequence(a).is_after(Sequence(b)), after, "{a} after {b}");
    }
}

#[test]
fn writing_again_allocates_nothing() {
    let vip = [IpAddr::from([192, 0, 2, 100])];
    let (password, signer) = (AhKey::new(&PASSWORD), key());
    let v2 = Build { version: Version::V2, ..build(&vip) };
    let rows = [
        Build { proof: Proof::Ah { key: &password, sequence: 9 }, ..v2 },
        Build { proof: Proof::Hmac { key: &signer, sequence: Sequence(9) }, ..v2 },
        v2,
    ];
    let mut out = Vec::new();
    rows.iter().for_each(|row| row.write(&mut out).expect("it can be said"));
    let (place, room) = (out.as_ptr(), out.capacity());
    for row in rows.iter().cycle().take(100) {
        row.write(&mut out).expect("it can be said");
        assert_eq!((out.as_ptr(), out.capacity()), (place, room));
    }
}

#[test]
fn every_changed_bit_of_a_signed_packet_is_noticed() {
    let vip = [IpAddr::from([192, 0, 2, 100])];
    let vip6 = [IpAddr::from(NODE6)];
    let (password, signer) = (AhKey::new(&PASSWORD), key());
    let v2 = Build { version: Version::V2, ..build(&vip) };
    let hmac = Proof::Hmac { key: &signer, sequence: Sequence::at(1_700_000_000_000_000, 1) };
    let over_v6 = Build { ends: Ends::V6 { source: NODE6, destination: GROUP_V6 }, ..build(&vip6) };
    for (name, row) in [
        ("AH", Build { proof: Proof::Ah { key: &password, sequence: 9 }, ..v2 }),
        ("HMAC, version 2", Build { proof: hmac, ..v2 }),
        ("HMAC, version 3", Build { proof: hmac, ..build(&vip) }),
        ("HMAC, IPv6", Build { proof: hmac, ..over_v6 }),
    ] {
        let good = written(&row);
        let is_v6 = matches!(row.ends, Ends::V6 { .. });
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let read =
                if is_v6 { Packet::parse_v6(&bytes, NODE6, GROUP_V6) } else { Packet::parse_v4(&bytes) };
            let proven = read.is_ok_and(|p| match row.proof {
                Proof::Ah { .. } => p.verify_ah(&password).is_ok(),
                Proof::Hmac { .. } | Proof::None => p.verify_hmac(&signer).is_ok(),
            });
            // AH leaves out what routers change: TOS, flags and offset, the header's checksum (the system checks that).
            // An HMAC covers of the IP header only the source.
            let ip = if is_v6 { 0 } else { 20 };
            let free = match (name, bit / 8) {
                ("AH", at) => [1, 6, 7, 10, 11].contains(&at),
                (_, at) => at < ip && !(12..16).contains(&at),
            };
            assert!(!proven || free, "{name}: bit {bit} does not matter");
        }
    }
}

fn any_family() -> impl Strategy<Value = (Ends, Vec<IpAddr>)> {
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), prop::collection::vec(any::<[u8; 4]>(), 0..40)).prop_map(
        |(source, destination, addresses)| {
            let ends = Ends::V4 { source: source.into(), destination: destination.into() };
            (ends, addresses.into_iter().map(IpAddr::from).collect())
        },
    );
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), prop::collection::vec(any::<[u8; 16]>(), 0..40))
        .prop_map(|(source, destination, addresses)| {
            let ends = Ends::V6 { source: source.into(), destination: destination.into() };
            (ends, addresses.into_iter().map(IpAddr::from).collect())
        });
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        (ends, addresses) in any_family(),
        (v2, ttl, id, vrid, priority) in (any::<bool>(), any::<u8>(), any::<u16>(), 1..=255_u8, any::<u8>()),
        (units, form, proof, sequence) in (0..=4095_u64, 0..3_u8, 0..3_u8, any::<u64>()),
        pass in any::<Option<[u8; 8]>>(),
    ) {
        let is_v6 = matches!(ends, Ends::V6 { .. });
        let version = if v2 && !is_v6 { Version::V2 } else { Version::V3 };
        let interval = match version {
            Version::V2 => Duration::from_secs(units & 0xff),
            Version::V3 => Duration::from_millis(units * 10),
        };
        let checksum = match (version, is_v6, form) {
            (Version::V3, false, 1) => Checksum::AsV2,
            (Version::V3, false, 2) => OLD,
            _ => Checksum::Rfc,
        };
        let (password, signer) = (AhKey::new(&PASSWORD), key());
        let proof = match (proof, version) {
            (1, Version::V2) => Proof::Ah { key: &password, sequence: sequence as u32 },
            (2, _) => Proof::Hmac { key: &signer, sequence: Sequence(sequence) },
            _ => Proof::None,
        };
        let auth = pass.map_or(V2Auth::None, V2Auth::Pass);
        let row = Build {
            version, ends, ttl, id, vrid, priority, interval, addresses: &addresses, auth, checksum, proof,
        };
        let bytes = written(&row);
        let packet = match ends {
            Ends::V4 { .. } => Packet::parse_v4(&bytes),
            Ends::V6 { source, destination } => Packet::parse_v6(&bytes, source, destination),
        };
        let packet = match packet {
            // The old form to a group of another address than VRRP's has no meaning and is not taken.
            Err(Error::Checksum { .. }) if checksum == OLD && ends.destination().is_multicast() => {
                return Ok(());
            }
            other => other.expect("it is whole"),
        };
        prop_assert_eq!(packet.ends, ends);
        prop_assert_eq!(packet.ttl, (!is_v6).then_some(ttl));
        prop_assert_eq!(packet.advert.version, version);
        prop_assert_eq!((packet.advert.vrid, packet.advert.priority), (vrid, priority));
        prop_assert_eq!(packet.advert.interval(), interval);
        prop_assert_eq!(packet.advert.addresses.iter().collect::<Vec<_>>(), addresses);
        match proof {
            Proof::None => prop_assert!(packet.ah.is_none() && packet.trailer.is_none()),
            Proof::Ah { sequence, .. } => {
                prop_assert_eq!(packet.ah.map(|ah| ah.sequence), Some(sequence));
                prop_assert_eq!(packet.verify_ah(&password), Ok(()));
            }
            Proof::Hmac { sequence, .. } => {
                prop_assert_eq!(packet.trailer.map(|t| t.sequence), Some(sequence));
                prop_assert_eq!(packet.verify_hmac(&signer), Ok(()));
            }
        }
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), shape in 0..4_u8) {
        // Some look like packets, so that they come further than the first check.
        let len = bytes.len() as u8;
        for (at, value) in [(0, 0x45), (2, 0), (3, len), (6, 0), (7, 0), (9, if shape == 2 { 51 } else { 112 })] {
            if let (true, Some(byte)) = (shape > 0, bytes.get_mut(at)) {
                *byte = value;
            }
        }
        let (password, signer) = (AhKey::new(&PASSWORD), key());
        for packet in [Packet::parse_v4(&bytes), Packet::parse_v6(&bytes, NODE6, GROUP_V6)].into_iter().flatten() {
            let _ = packet.verify_ah(&password);
            let _ = packet.verify_hmac(&signer);
            prop_assert_eq!(packet.advert.addresses.iter().count(), packet.advert.addresses.len());
        }
    }
}
