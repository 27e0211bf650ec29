//! ARP and neighbour discovery: frames of Keepalived and of Linux byte for byte, faults by name, no bytes that panic.

use std::net::{Ipv4Addr, Ipv6Addr};

use evenkeel_wire::arp::{self, Arp, Operation};
use evenkeel_wire::ether::{BROADCAST, Mac};
use evenkeel_wire::inet::{Ends, PROTOCOL_ICMP6, Sum};
use evenkeel_wire::ndisc::{self, ALL_NODES, Kind, Neighbour, solicited_node};
use proptest::prelude::*;

const OURS: Mac = [2, 0, 0, 0, 0, 1];
const THEIRS: Mac = [2, 0, 0, 0, 0, 2];
const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const VIP6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x100);
const NODE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(pair).collect()
}

#[test]
fn arp_frames_are_those_of_keepalived_and_linux() {
    let answer = Arp {
        operation: Operation::Reply,
        sender_mac: THEIRS,
        sender: VIP,
        target_mac: OURS,
        target: Ipv4Addr::UNSPECIFIED,
    };
    let mut out = Vec::new();
    for (name, arp, to, claims, frame) in [
        (
            "gratuitous, Keepalived 2.2.7",
            Arp::announcement(Operation::Request, OURS, VIP),
            BROADCAST,
            Some((VIP, OURS)),
            "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0000264 ffffffffffff c0000264",
        ),
        (
            "gratuitous reply",
            Arp::announcement(Operation::Reply, OURS, VIP),
            BROADCAST,
            Some((VIP, OURS)),
            "ffffffffffff 020000000001 0806 0001 0800 06 04 0002 020000000001 c0000264 ffffffffffff c0000264",
        ),
        (
            "probe, which Linux answered",
            Arp::probe(OURS, VIP),
            BROADCAST,
            None,
            "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 00000000 000000000000 c0000264",
        ),
        (
            "Linux's answer",
            answer,
            OURS,
            Some((VIP, THEIRS)),
            "020000000001 020000000002 0806 0001 0800 06 04 0002 020000000002 c0000264 020000000001 00000000",
        ),
    ] {
        arp.write(to, &mut out);
        assert_eq!(out, bytes_of(frame), "{name}");
        assert_eq!(Arp::parse(&out), Ok(arp), "{name}");
        assert_eq!(arp.claims(), claims, "{name}");
        out.resize(60, 0);
        assert_eq!(Arp::parse(&out), Ok(arp), "{name}, padded");
    }
}

#[test]
fn arp_faults_have_names() {
    let mut good = Vec::new();
    Arp::probe(OURS, VIP).write(BROADCAST, &mut good);
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    for (bytes, want) in [
        (vec![], arp::Error::Frame),
        (good[..13].to_vec(), arp::Error::Frame),
        (with(12, 0x86), arp::Error::Frame),
        (good[..41].to_vec(), arp::Error::Short(27)),
        (with(15, 6), arp::Error::Kind),
        (with(18, 8), arp::Error::Kind),
        (with(21, 3), arp::Error::Operation(3)),
        (with(20, 1), arp::Error::Operation(257)),
    ] {
        assert_eq!(Arp::parse(&bytes), Err(want), "{bytes:02x?}");
    }
}

/// Name, message, to, from, who has it by that, frame.
type NeighbourRow = (&'static str, Neighbour, Mac, Mac, Option<(Ipv6Addr, Mac)>, &'static str);

#[test]
fn neighbour_frames_are_those_of_keepalived_and_linux() {
    let advert = |router, solicited| Kind::Advertisement { router, solicited, overrides: true };
    let theirs = Neighbour { mac: Some(THEIRS), ..Neighbour::announcement(VIP6, THEIRS, false) };
    let group = [0x33, 0x33, 0xff, 0, 1, 0];
    let all = [0x33, 0x33, 0, 0, 0, 1];
    let rows: [NeighbourRow; 6] = [
        (
            "announcement, Keepalived 2.2.7",
            Neighbour::announcement(VIP6, OURS, false),
            all,
            OURS,
            Some((VIP6, OURS)),
            "333300000001 020000000001 86dd 60000000 0020 3aff fe800000000000000000000000000100
             ff020000000000000000000000000001 8800 559d 20000000 fe800000000000000000000000000100 0201 020000000001",
        ),
        (
            "announcement where packets are forwarded, Keepalived 2.2.7",
            Neighbour::announcement(VIP6, OURS, true),
            all,
            OURS,
            Some((VIP6, OURS)),
            "333300000001 020000000001 86dd 60000000 0020 3aff fe800000000000000000000000000100
             ff020000000000000000000000000001 8800 d59c a0000000 fe800000000000000000000000000100 0201 020000000001",
        ),
        (
            "question from nobody, which Linux answered",
            Neighbour::solicitation(Ipv6Addr::UNSPECIFIED, OURS, VIP6),
            group,
            OURS,
            None,
            "3333ff000100 020000000001 86dd 60000000 0018 3aff 00000000000000000000000000000000
             ff0200000000000000000001ff000100 8700 7a27 00000000 fe800000000000000000000000000100",
        ),
        (
            "Linux's answer to all",
            theirs,
            all,
            THEIRS,
            Some((VIP6, THEIRS)),
            "333300000001 020000000002 86dd 60000000 0020 3aff fe800000000000000000000000000100
             ff020000000000000000000000000001 8800 559c 20000000 fe800000000000000000000000000100 0201 020000000002",
        ),
        (
            "Linux's question",
            Neighbour::solicitation(NODE6, OURS, VIP6),
            group,
            OURS,
            None,
            "3333ff000100 020000000001 86dd 60000000 0020 3aff fe800000000000000000000000000001
             ff0200000000000000000001ff000100 8700 789b 00000000 fe800000000000000000000000000100 0101 020000000001",
        ),
        (
            "Linux's answer to one",
            Neighbour { kind: advert(false, true), destination: NODE6, ..theirs },
            OURS,
            THEIRS,
            Some((VIP6, THEIRS)),
            "020000000001 020000000002 86dd 60000000 0020 3aff fe800000000000000000000000000100
             fe800000000000000000000000000001 8800 161e 60000000 fe800000000000000000000000000100 0201 020000000002",
        ),
    ];
    let mut out = Vec::new();
    for (name, message, to, from, claims, frame) in rows {
        message.write(to, from, &mut out);
        assert_eq!(out, bytes_of(frame), "{name}");
        assert_eq!(Neighbour::parse(&out), Ok(message), "{name}");
        assert_eq!(message.claims(), claims, "{name}");
        if message.destination.is_multicast() {
            message.write_multicast(from, &mut out);
            assert_eq!(out, bytes_of(frame), "{name}");
        }
    }
    let with_nonce = bytes_of(
        "3333ff000001 020000000001 86dd 60000000 0020 3aff 00000000000000000000000000000000
         ff0200000000000000000001ff000001 8700 9c5e 00000000 fe80 0000000000000000 00fffe000001 0e01 c3105b60b44c",
    );
    let nonce = Neighbour::parse(&with_nonce);
    let target = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
    assert_eq!(
        nonce,
        Ok(Neighbour::solicitation(Ipv6Addr::UNSPECIFIED, OURS, target)),
        "options are passed over"
    );
}

#[test]
fn neighbour_faults_have_names() {
    // A change of the ICMPv6 message, with its checksum made right again.
    let sealed = |message: &Neighbour, change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        message.write(OURS, THEIRS, &mut frame);
        change(&mut frame);
        let len = frame.len() - 54;
        frame[19] = len as u8;
        frame[56..58].fill(0);
        let ends = Ends::V6 { source: message.source, destination: message.destination };
        let sum = Sum::new().bytes(&frame[54..]).pseudo(&ends, PROTOCOL_ICMP6, len).finish();
        frame[56..58].copy_from_slice(&sum.to_be_bytes());
        frame
    };
    let raw = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = Vec::new();
        Neighbour::announcement(VIP6, OURS, false).write(OURS, THEIRS, &mut frame);
        change(&mut frame);
        frame
    };
    let advert = Neighbour::announcement(VIP6, OURS, false);
    let question = Neighbour::solicitation(Ipv6Addr::UNSPECIFIED, OURS, VIP6);
    for (what, frame, want) in [
        ("nothing", vec![], ndisc::Error::Frame),
        ("ARP", raw(&|f| f[12..14].copy_from_slice(&[8, 6])), ndisc::Error::Frame),
        ("IP version 4", raw(&|f| f[14] = 0x45), ndisc::Error::Frame),
        ("half an IP header", raw(&|f| f.truncate(53)), ndisc::Error::Short { got: 39, want: 40 }),
        ("UDP", raw(&|f| f[20] = 17), ndisc::Error::Protocol(17)),
        ("cut", raw(&|f| f.truncate(80)), ndisc::Error::Short { got: 26, want: 32 }),
        ("half a message", raw(&|f| f[19] = 23), ndisc::Error::Short { got: 23, want: 24 }),
        ("a ping", raw(&|f| f[54] = 128), ndisc::Error::Type(128)),
        ("forwarded", raw(&|f| f[21] = 254), ndisc::Error::HopLimit(254)),
        ("a changed target", raw(&|f| f[77] = 1), ndisc::Error::Checksum(0x559d)),
        ("a code", sealed(&advert, &|f| f[55] = 1), ndisc::Error::Code(1)),
        ("a group as target", sealed(&advert, &|f| f[62] = 0xff), ndisc::Error::Address),
        ("solicited by all", sealed(&advert, &|f| f[58] |= 0x40), ndisc::Error::Address),
        ("an option without length", sealed(&advert, &|f| f[79] = 0), ndisc::Error::Option),
        ("an option that is cut", sealed(&advert, &|f| f[79] = 2), ndisc::Error::Option),
        ("half an option's head", sealed(&advert, &|f| f.push(1)), ndisc::Error::Option),
        (
            "nobody with a MAC",
            sealed(&question, &|f| f.extend([1, 1, 2, 0, 0, 0, 0, 1])),
            ndisc::Error::Address,
        ),
        (
            "nobody to one",
            sealed(&Neighbour { destination: VIP6, ..question }, &|_| ()),
            ndisc::Error::Address,
        ),
    ] {
        assert_eq!(Neighbour::parse(&frame), Err(want), "{what}");
        assert!(!want.to_string().is_empty());
    }
    let without_mac = sealed(&Neighbour { mac: None, ..advert }, &|_| ());
    assert_eq!(Neighbour::parse(&without_mac).map(|n| n.claims()), Ok(None));
    assert_eq!(solicited_node(VIP6), Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0x100));
    assert!(ALL_NODES.is_multicast());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        (target, source, destination) in (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u8; 16]>()),
        (mac, flags) in (any::<Option<Mac>>(), any::<[bool; 4]>()),
        (sender, reply, target4) in (any::<[u8; 4]>(), any::<bool>(), any::<[u8; 4]>()),
    ) {
        let (target, destination) = (Ipv6Addr::from(target), Ipv6Addr::from(destination));
        let [advert, router, solicited, overrides] = flags;
        let kind = if advert { Kind::Advertisement { router, solicited, overrides } } else { Kind::Solicitation };
        let message = Neighbour { kind, source: source.into(), destination, target, mac };
        let mut out = Vec::new();
        message.write(OURS, THEIRS, &mut out);
        let senseless = target.is_multicast() || (advert && solicited && destination.is_multicast());
        prop_assert_eq!(Neighbour::parse(&out), if senseless { Err(ndisc::Error::Address) } else { Ok(message) });
        let operation = if reply { Operation::Reply } else { Operation::Request };
        let arp = Arp {
            operation, sender_mac: OURS, sender: sender.into(), target_mac: THEIRS, target: target4.into(),
        };
        arp.write(THEIRS, &mut out);
        prop_assert_eq!(Arp::parse(&out), Ok(arp));
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), shape in 0..3_u8) {
        let len = (bytes.len().saturating_sub(54)) as u8;
        let shapes: [&[(usize, u8)]; 3] = [
            &[],
            &[(12, 8), (13, 6), (14, 0), (15, 1), (16, 8), (17, 0), (18, 6), (19, 4)],
            &[(12, 0x86), (13, 0xdd), (14, 0x60), (18, 0), (19, len), (20, 58), (21, 255), (54, 136)],
        ];
        for (at, value) in shapes[usize::from(shape)] {
            if let Some(byte) = bytes.get_mut(*at) {
                *byte = *value;
            }
        }
        let _ = (Arp::parse(&bytes), Neighbour::parse(&bytes));
        // Past the checksum, options come.
        if bytes.len() >= 24 {
            bytes[0] = 136;
            bytes[2..4].fill(0);
            let ends = Ends::V6 { source: VIP6, destination: ALL_NODES };
            let sum = Sum::new().bytes(&bytes).pseudo(&ends, PROTOCOL_ICMP6, bytes.len()).finish();
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
            let read = Neighbour::parse_message(&bytes, VIP6, ALL_NODES, 255);
            prop_assert!(!matches!(read, Err(ndisc::Error::Checksum(_))));
        }
    }
}
