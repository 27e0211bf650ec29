//! AgentX: messages between Keepalived 2.2.7 and Debian's snmpd, read and written; faults by name; no bytes that panic.

use evenkeel_wire::agentx::{
    Body, CloseReason, Error, OID_LEN_MAX, Oid, PAYLOAD_LEN_MAX, Pdu, Registration, SearchRange, Value,
    VarBind, error,
};
use proptest::prelude::*;

const OPEN: &str =
    "010100000000000000000000077685613c000000010000000504000001000000881f000003000000020000000a000000
    190000004e65742d534e4d50204167656e7458207375622d6167656e74000000";
const OPENED: &str =
    "01120000060000000000000007768561440000006300000000000000040000000504000001000000881f000003000000
    020000000a000000190000004e65742d534e4d50204167656e7458207375622d6167656e74000000";
const REGISTER: &str =
    "010308000600000000000000087685612400000000000000ff7f00000604000001000000722500006400000005000000
    0100000001000000";
const NOTIFY: &str =
    "010c0000060000000000000038778561ec00000043000000040200000100000001000000030000000000000065000000
    060000000606000003000000010000000100000004000000010000000000000008040100010000007225000064000000
    05000000020000000a000000000000000100000004000000080400000100000072250000640000000500000002000000
    010000000100000002000000010000004700000002000000080400000100000072250000640000000500000002000000
    010000000100000003000000010000000400000007040000010000007225000064000000050000000100000002000000
    00000000050000004c56535f58000000";
const GET_NEXT: &str =
    "010608000600000001000000020000003c00000000000000060401000100000072250000640000000500000001000000
    0100000006040000010000007225000064000000050000000100000002000000";
const ANSWER: &str =
    "011208000600000001000000020000005400000000000000000000000000000004000000070400000100000072250000
    64000000050000000100000001000000000000001e0000004b656570616c697665642076322e322e37202830312f3136
    2c32303232290000";
const REMOVE_CAPS: &str =
    "0111000006000000000000004f77856118000000050400000100000072250000640000000500000002000000";
const CLOSE: &str = "010200000600000000000000537785610400000005000000";

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(pair).collect()
}

fn oid(text: &str) -> Oid {
    text.parse().expect("a row")
}

fn bind(name: &str, value: Value) -> VarBind {
    VarBind { name: oid(name), value }
}

fn written(pdu: &Pdu) -> Vec<u8> {
    let mut out = Vec::new();
    pdu.write(&mut out);
    out
}

fn octets(text: &str) -> Value {
    Value::Octets(text.as_bytes().to_vec())
}

#[test]
fn messages_of_net_snmp_are_read() {
    let echo = bind("1.3.6.1.4.1.8072.3.2.10", octets("Net-SNMP AgentX sub-agent"));
    // net-snmp says Open as a variable, and the master gives it back.
    let opened = Body::Response { uptime: 99, error: error::NONE, index: 0, binds: vec![echo] };
    let version = bind("1.3.6.1.4.1.9586.100.5.1.1.0", octets("Keepalived v2.2.7 (01/16,2022)"));
    let range = SearchRange {
        start: oid("1.3.6.1.4.1.9586.100.5.1.1"),
        include: true,
        end: oid("1.3.6.1.4.1.9586.100.5.1.2"),
    };
    let trap = vec![
        bind("1.3.6.1.2.1.1.3.0", Value::TimeTicks(101)),
        bind("1.3.6.1.6.3.1.1.4.1.0", Value::Oid(oid("1.3.6.1.4.1.9586.100.5.2.10.0.1"))),
        bind("1.3.6.1.4.1.9586.100.5.2.1.1.2", octets("G")),
        bind("1.3.6.1.4.1.9586.100.5.2.1.1.3", Value::Integer(1)),
        bind("1.3.6.1.4.1.9586.100.5.1.2.0", octets("LVS_X")),
    ];
    let keepalived = oid("1.3.6.1.4.1.9586.100.5.1.1");
    for (name, hex, session, transaction, context, want) in [
        (
            "Open",
            OPEN,
            0,
            0,
            None,
            Body::Open {
                timeout: 1,
                id: oid("1.3.6.1.4.1.8072.3.2.10"),
                description: b"Net-SNMP AgentX sub-agent".to_vec(),
            },
        ),
        ("its answer", OPENED, 6, 0, None, opened),
        (
            "Register",
            REGISTER,
            6,
            0,
            Some(vec![]),
            Body::Register(Registration { timeout: 255, ..Registration::of(keepalived) }),
        ),
        ("Notify", NOTIFY, 6, 0, None, Body::Notify(trap)),
        ("GetNext", GET_NEXT, 6, 1, Some(vec![]), Body::GetNext(vec![range])),
        (
            "its answer",
            ANSWER,
            6,
            1,
            Some(vec![]),
            Body::Response { uptime: 0, error: 0, index: 0, binds: vec![version] },
        ),
        ("Close", CLOSE, 6, 0, None, Body::Close(CloseReason::Shutdown)),
    ] {
        let bytes = bytes_of(hex);
        let (pdu, len) = Pdu::parse(&bytes).unwrap_or_else(|e| panic!("{name}: {e}")).expect("it is whole");
        assert_eq!(len, bytes.len(), "{name}");
        assert_eq!((pdu.session, pdu.transaction, &pdu.context), (session, transaction, &context), "{name}");
        assert_eq!(pdu.body, want, "{name}");
        // In the other byte order the same is read, in as many bytes.
        let ours = written(&pdu);
        assert_eq!(ours.len(), bytes.len(), "{name}");
        assert_eq!(Pdu::parse(&ours), Ok(Some((pdu, len))), "{name}");
        for end in 0..bytes.len() {
            assert_eq!(Pdu::parse(&bytes[..end]), Ok(None), "{name}: {end} bytes");
        }
    }
    assert_eq!(Pdu::parse(&bytes_of(REMOVE_CAPS)), Err(Error::Type(17)));
}

#[test]
fn messages_are_written_as_rfc_2741_says() {
    let body = Body::GetBulk {
        non_repeaters: 1,
        max_repetitions: 5,
        ranges: vec![SearchRange { start: oid("1.3.6.1.2.1"), include: true, end: Oid::default() }],
    };
    let pdu = Pdu { session: 1, transaction: 2, packet: 3, context: Some(b"ctx".to_vec()), body };
    let want = bytes_of(
        "01 07 18 00 00000001 00000002 00000003 00000018
         00000003 63747800 0001 0005 01020100 00000001 00000000",
    );
    assert_eq!(written(&pdu), want, "§5.1: 1.3.6.1.2 is a prefix; §5.2: the null identifier; §5.3: padding");
    let range = Registration { range: Some((7, 9)), ..Registration::of(oid("1.3.6.1.2.1.2.1")) };
    let pdu = Pdu { session: 1, transaction: 2, packet: 3, context: None, body: Body::Unregister(range) };
    let want = bytes_of(
        "01 04 10 00 00000001 00000002 00000003 00000018 007f0700 03020000 00000001 00000002 00000001 00000009",
    );
    assert_eq!(written(&pdu), want);
    let instance = Registration { is_instance: true, ..Registration::of(oid("1.3")) };
    let pdu = Pdu { session: 1, transaction: 2, packet: 3, context: None, body: Body::Register(instance) };
    assert_eq!(written(&pdu)[..4], [1, 3, 0x11, 0]);
}

#[test]
fn faults_have_names() {
    let header = |kind: u8, payload: &[u8]| {
        let mut bytes = vec![1, kind, 0x10, 0];
        bytes.extend([0; 12]);
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    let value = |kind: u8, rest: &[u8]| {
        let mut payload = vec![0; 8];
        payload.extend([0, kind, 0, 0, 0, 0, 0, 0]);
        payload.extend(rest);
        header(18, &payload)
    };
    let with = |at: usize, what: &[u8]| {
        let mut bytes = header(13, &[]);
        bytes[at..at + what.len()].copy_from_slice(what);
        bytes
    };
    for (what, bytes, want) in [
        ("version 2", with(0, &[2]), Error::Version(2)),
        ("endless", with(16, &[0xff; 4]), Error::TooLong(u32::MAX)),
        ("just too long", with(16, &[0, 1, 0, 4]), Error::TooLong(65_540)),
        ("half a word", with(16, &[0, 0, 0, 2]), Error::Unaligned(2)),
        ("index allocation", header(14, &[]), Error::Type(14)),
        ("type 0", header(0, &[]), Error::Type(0)),
        ("Close of nothing", header(2, &[]), Error::Cut),
        ("Close for no reason", header(2, &[9, 0, 0, 0]), Error::CloseReason(9)),
        ("a ping with something", header(13, &[0; 4]), Error::Surplus(4)),
        ("an identifier that is cut", header(5, &[1, 0, 0, 0]), Error::Cut),
        ("half a range", header(5, &[0, 0, 0, 0]), Error::Cut),
        ("129 parts", header(5, &[129, 0, 0, 0]), Error::OidLength(129)),
        ("129 parts with a prefix", header(5, &[124, 2, 0, 0]), Error::OidLength(129)),
        ("a value of type 3", value(3, &[]), Error::Value(3)),
        ("a string that is cut", value(4, &[0, 0, 0, 5, 1, 2, 3, 4]), Error::Cut),
        ("a string without its padding", value(4, &[0, 0, 0, 1]), Error::Cut),
        ("an endless string", value(4, &[0xff; 4]), Error::Cut),
        ("half an address", value(64, &[0, 0, 0, 2, 1, 2, 0, 0]), Error::IpAddress(2)),
        ("half a counter", value(70, &[0; 4]), Error::Cut),
    ] {
        assert_eq!(Pdu::parse(&bytes), Err(want), "{what}");
        assert!(!want.to_string().is_empty());
    }
    assert_eq!(Pdu::len(&with(16, &(PAYLOAD_LEN_MAX as u32).to_be_bytes())), Ok(Some(20 + PAYLOAD_LEN_MAX)));
}

#[test]
fn ranges_admit_what_lies_between() {
    let range = |include, end: &str| SearchRange {
        start: oid("1.3.6"),
        include,
        end: if end.is_empty() { Oid::default() } else { oid(end) },
    };
    for (range, name, want) in [
        (range(false, "1.3.7"), "1.3.6", false),
        (range(true, "1.3.7"), "1.3.6", true),
        (range(false, "1.3.7"), "1.3.6.0", true),
        (range(false, "1.3.7"), "1.3.6.99.5", true),
        (range(false, "1.3.7"), "1.3.7", false),
        (range(false, "1.3.7"), "1.3.5.9", false),
        (range(false, ""), "2", true),
    ] {
        assert_eq!(range.admits(&oid(name)), want, "{range:?} {name}");
    }
}

fn any_oid() -> impl Strategy<Value = Oid> {
    let parts = prop::collection::vec(prop_oneof![0..10_u32, any::<u32>()], 0..OID_LEN_MAX);
    let full = (any::<bool>(), parts).prop_map(|(internet, mut parts)| {
        if internet && parts.len() > 5 {
            parts[..4].copy_from_slice(&[1, 3, 6, 1]);
        }
        parts
    });
    full.prop_map(|parts| Oid::new(&parts).expect("short enough"))
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..30)
}

fn any_bind() -> impl Strategy<Value = VarBind> {
    let value = prop_oneof![
        any::<i32>().prop_map(Value::Integer),
        any_bytes().prop_map(Value::Octets),
        Just(Value::Null),
        any_oid().prop_map(Value::Oid),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        any_bytes().prop_map(Value::Opaque),
        any::<u64>().prop_map(Value::Counter64),
        Just(Value::NoSuchObject),
        Just(Value::NoSuchInstance),
        Just(Value::EndOfMibView),
    ];
    (any_oid(), value).prop_map(|(name, value)| VarBind { name, value })
}

fn any_body() -> impl Strategy<Value = Body> {
    let ranges = || {
        let range = (any_oid(), any::<bool>(), any_oid());
        prop::collection::vec(
            range.prop_map(|(start, include, end)| SearchRange { start, include, end }),
            0..4,
        )
    };
    let binds = || prop::collection::vec(any_bind(), 0..4);
    let registration = |instance: bool| {
        let range = any::<Option<(u8, u32)>>().prop_map(|range| range.filter(|(position, _)| *position != 0));
        (any::<(u8, u8, bool)>(), any_oid(), range).prop_map(
            move |((timeout, priority, is), subtree, range)| Registration {
                timeout,
                priority,
                is_instance: is && instance,
                subtree,
                range,
            },
        )
    };
    prop_oneof![
        (any::<u8>(), any_oid(), any_bytes()).prop_map(|(timeout, id, description)| Body::Open {
            timeout,
            id,
            description
        }),
        Just(Body::Close(CloseReason::Timeouts)),
        registration(true).prop_map(Body::Register),
        registration(false).prop_map(Body::Unregister),
        ranges().prop_map(Body::Get),
        ranges().prop_map(Body::GetNext),
        (any::<(u16, u16)>(), ranges()).prop_map(|((non_repeaters, max_repetitions), ranges)| {
            Body::GetBulk { non_repeaters, max_repetitions, ranges }
        }),
        binds().prop_map(Body::TestSet),
        Just(Body::CommitSet),
        Just(Body::UndoSet),
        Just(Body::CleanupSet),
        binds().prop_map(Body::Notify),
        Just(Body::Ping),
        (any::<(u32, u16, u16)>(), binds()).prop_map(|((uptime, error, index), binds)| Body::Response {
            uptime,
            error,
            index,
            binds
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        (session, transaction, packet) in any::<(u32, u32, u32)>(),
        context in prop::option::of(any_bytes()),
        body in any_body(),
    ) {
        let pdu = Pdu { session, transaction, packet, context, body };
        let mut bytes = written(&pdu);
        let len = bytes.len();
        if let (Body::Response { binds, .. }, None) = (&pdu.body, &pdu.context) {
            prop_assert_eq!(len, 28 + binds.iter().map(VarBind::wire_len).sum::<usize>());
        }
        bytes.extend([7; 9]);
        prop_assert_eq!(Pdu::parse(&bytes), Ok(Some((pdu, len))));
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 1..19_u8, tame in any::<bool>()) {
        if tame && bytes.len() >= 20 {
            bytes.truncate(bytes.len() / 4 * 4);
            let len = (bytes.len() - 20) as u32;
            bytes[..4].copy_from_slice(&[1, kind, 0x10, 0]);
            bytes[16..20].copy_from_slice(&len.to_be_bytes());
        }
        if let Ok(Some((pdu, len))) = Pdu::parse(&bytes) {
            prop_assert!(len <= bytes.len());
            let again = written(&pdu);
            prop_assert_eq!(Pdu::parse(&again), Ok(Some((pdu, again.len()))));
        }
    }
}
