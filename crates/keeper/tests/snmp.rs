//! SNMP: the subagent's session step by step, and what Debian's snmpd and its clients see of a running keeper.
#![allow(clippy::print_stderr)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{Running, empty, instance, possible, wait};
use evenkeel_base::time::Instant;
use evenkeel_keeper::Told;
use evenkeel_keeper::snmp::{self, Agent, Facts, Input, Output, Rows, Session, Socket, Trouble};
use evenkeel_lab::netns::{Lab, Node};
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_plan::keeper::global::Snmp;
use evenkeel_vrrp::conf::{Version, WantedState};
use evenkeel_vrrp::{Became, Subject, conf::InstanceId};
use evenkeel_wire::agentx::{Body, CloseReason, Error, Oid, Pdu, Value, VarBind, error};

const START: Instant = Instant::from_millis(1_000);

fn oid(text: &str) -> Oid {
    text.parse().expect("a row")
}

fn session() -> Session {
    Session::new(vec![oid("1.3.1"), oid("1.3.2")], "test", START)
}

fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll()).collect()
}

/// The messages among outputs.
fn said(outputs: &[Output]) -> Vec<Pdu> {
    let one = |output: &Output| match output {
        Output::Send(bytes) => Some(Pdu::parse(bytes).expect("AgentX").expect("whole").0),
        _ => None,
    };
    outputs.iter().filter_map(one).collect()
}

fn bytes(session: u32, packet: u32, body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    Pdu { session, transaction: 7, packet, context: None, body }.write(&mut bytes);
    bytes
}

fn response(packet: u32, error: u16) -> Vec<u8> {
    bytes(9, packet, Body::Response { uptime: 0, error, index: 0, binds: Vec::new() })
}

fn trap(n: i32) -> Vec<VarBind> {
    vec![VarBind { name: oid("1.3.9.0"), value: Value::Integer(n) }]
}

/// A session whose Open is out, with its packet number.
fn opening() -> (Session, u32) {
    let mut session = session();
    session.on_deadline(START);
    assert_eq!(drain(&mut session), [Output::Connect]);
    session.handle(Input::Connected, START);
    let open = said(&drain(&mut session));
    assert!(
        matches!(&open[..], [Pdu { session: 0, body: Body::Open { description, .. }, .. }] if description == b"test")
    );
    (session, open[0].packet)
}

fn serving() -> Session {
    let (mut session, mut packet) = opening();
    for subtree in ["1.3.1", "1.3.2"] {
        session.handle(Input::Received(&response(packet, error::NONE)), START);
        let register = said(&drain(&mut session));
        assert!(
            matches!(&register[..], [Pdu { session: 9, body: Body::Register(r), .. }] if r.subtree == oid(subtree))
        );
        packet = register[0].packet;
    }
    session.handle(Input::Received(&response(packet, error::NONE)), START);
    assert_eq!(drain(&mut session), [Output::Serving]);
    session
}

#[test]
fn sessions_open_register_answer_and_end() {
    let mut session = serving();
    // Byte by byte, and two at once.
    let ask = bytes(9, 50, Body::Get(Vec::new()));
    for byte in &ask {
        session.handle(Input::Received(std::slice::from_ref(byte)), START);
    }
    assert!(matches!(&drain(&mut session)[..], [Output::Request(Pdu { packet: 50, .. })]));
    session.handle(Input::Received(&[ask.clone(), ask].concat()), START);
    let asked = drain(&mut session);
    assert_eq!(asked.len(), 2);
    let Output::Request(request) = &asked[0] else { panic!("a request") };
    let answer = snmp::answer(request, &Rows::default()).expect("it wants one");
    session.handle(Input::Answer(answer.clone()), START);
    assert_eq!(said(&drain(&mut session)), std::slice::from_ref(&answer));
    session.handle(Input::Answer(Pdu { session: 8, ..answer }), START);
    assert_eq!(drain(&mut session), [], "that session is gone");

    session.handle(Input::Notify(trap(1)), START);
    assert!(matches!(&said(&drain(&mut session))[..], [Pdu { session: 9, body: Body::Notify(_), .. }]));

    // A silent master is asked, and believed to be there when it answers.
    let ping_at = session.deadline().expect("it pings");
    session.on_deadline(ping_at);
    let ping = said(&drain(&mut session));
    assert!(matches!(&ping[..], [Pdu { body: Body::Ping, .. }]));
    session.handle(Input::Received(&response(ping[0].packet, error::NONE)), ping_at);
    assert!(session.deadline().is_some_and(|at| at > ping_at));
    assert_eq!(drain(&mut session), []);

    session.handle(Input::Stop, ping_at);
    let last = drain(&mut session);
    assert!(matches!(&said(&last)[..], [Pdu { body: Body::Close(CloseReason::Shutdown), .. }]));
    assert_eq!((last.last(), session.deadline()), (Some(&Output::Close), None));
}

#[test]
fn what_breaks_is_said_once_and_tried_again() {
    let (_, packet) = opening();
    let refused = response(packet, error::REQUEST_DENIED);
    let closed = bytes(9, 1, Body::Close(CloseReason::ByManager));
    for (what, input, want) in [
        ("gone", Some(Input::Closed), Trouble::Unreachable),
        ("silence", None, Trouble::Silent),
        ("no", Some(Input::Received(&refused)), Trouble::Refused(error::REQUEST_DENIED)),
        ("noise", Some(Input::Received(&[2; 20])), Trouble::Garbled(Error::Version(2))),
        ("closed", Some(Input::Received(&closed)), Trouble::Closed(CloseReason::ByManager)),
    ] {
        let (mut session, _) = opening();
        match input {
            Some(input) => session.handle(input, START),
            None => session.on_deadline(session.deadline().expect("it waits")),
        }
        assert_eq!(drain(&mut session), [Output::Close, Output::Trouble(want)], "{what}");
        // Tried again later, in silence.
        let again = session.deadline().expect("it comes back");
        assert!(again > START + Duration::from_secs(10), "{what}");
        session.on_deadline(again);
        session.handle(Input::Closed, again);
        assert_eq!(drain(&mut session), [Output::Connect, Output::Close], "{what}");
    }
    let (mut session, packet) = opening();
    session.handle(Input::Received(&response(packet, error::NONE)), START);
    let register = said(&drain(&mut session))[0].packet;
    session.handle(Input::Received(&response(register, error::DUPLICATE_REGISTRATION)), START);
    assert_eq!(drain(&mut session)[1], Output::Trouble(Trouble::Taken(oid("1.3.1"))));
}

#[test]
fn traps_wait_for_a_session_but_not_without_end() {
    let (mut session, mut packet) = opening();
    for n in 0..150 {
        session.handle(Input::Notify(trap(n)), START);
    }
    assert_eq!(drain(&mut session), []);
    let mut last = Vec::new();
    for _ in 0..3 {
        session.handle(Input::Received(&response(packet, error::NONE)), START);
        last = drain(&mut session);
        packet = said(&last)[0].packet;
    }
    let notified: Vec<Body> = said(&last).into_iter().map(|pdu| pdu.body).collect();
    assert_eq!(notified.len(), 100);
    assert_eq!(notified.first(), Some(&Body::Notify(trap(50))), "the oldest went");
}

fn plan() -> KeeperPlan {
    let mut plan = empty();
    let a = instance(&mut plan, "A", 51, 200, 1000, &["10.77.0.100/24", "10.77.0.101/24"]);
    let b = instance(&mut plan, "B", 52, 100, 500, &["fe80::100/128"]);
    plan.node.instances[a].version = Version::V2;
    plan.node.instances[a].state = WantedState::Master;
    plan.instances[b].excluded.push(common::address("10.77.0.110/32"));
    plan.global.router_id = Some("LVS_X".into());
    plan.global.snmp = Snmp { socket: None, vrrp: true, rfc_v2: true, rfc_v3: true, traps: true };
    plan
}

fn installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

fn text(node: &Node, words: &[&str]) -> String {
    let output = node.command(words[0]).args(&words[1..]).output().expect("installed");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn snmpd_shows_what_the_keeper_does() {
    if !possible() {
        return;
    }
    if !["snmpd", "snmpget", "snmpwalk", "snmpbulkwalk", "snmpset"].into_iter().all(installed) {
        eprintln!("skipped: snmpd and its clients are not installed (Debian: snmpd, snmp)");
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).build().expect("builds");
    let a = lab.node("a");
    let folder = std::env::temp_dir().join(format!("evenkeel-snmp-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (socket, conf) = (folder.join("agentx"), folder.join("snmpd.conf"));
    let lines = format!(
        "master agentx\nagentXSocket {}\nrwcommunity public\nagentaddress udp:127.0.0.1:1161\n",
        socket.display()
    );
    std::fs::write(&conf, lines).expect("a file");
    let mut command = a.command("snmpd");
    command.env("SNMP_PERSISTENT_DIR", &folder).args(["-f", "-Lo", "-C", "-c"]).arg(&conf);
    command.arg("-p").arg(folder.join("pid"));
    let mut master = a.start(command).expect("snmpd starts");
    wait(|| socket.exists(), || format!("snmpd's socket: {}", master.stderr()));

    let keeper = Running::start(a, plan());
    wait(
        || keeper.handle.look(|look| (0..2).all(|n| look.hands.is_held(InstanceId(n)))).expect("it runs"),
        || format!("both master: {:#?}", keeper.lines()),
    );
    let logger = {
        let log = keeper.log.clone();
        Arc::new(move |level, text: &str| log.lock().expect("no panic").push(format!("{level:?} {text}")))
    };
    let agent = Agent::start(keeper.handle.clone(), Socket::Unix(socket), logger).expect("a thread");
    assert!(agent.is_some(), "MIBs are on");
    keeper.wait_for_line("AgentX subagent connected");

    let index = text(a, &["cat", "/sys/class/net/eth0/ifindex"]);
    let mib = |below: &str| format!(".1.3.6.1.4.1.9586.100.5.{below}").replace("IF", index.trim());
    let mib2 = |below: &str| format!(".1.3.6.1.2.1.{below}").replace("IF", index.trim());
    // The names and forms are those that Keepalived 2.2.7 gave for such a file.
    for (name, want) in [
        (mib("1.2.0"), "STRING: \"LVS_X\""),
        (mib("1.4.0"), "INTEGER: 1"),
        (mib("2.3.1.2.1"), "STRING: \"A\""),
        (mib("2.3.1.3.2"), "Gauge32: 52"),
        (mib("2.3.1.4.1"), "INTEGER: 2"),
        (mib("2.3.1.5.2"), "INTEGER: 1"),
        (mib("2.3.1.7.1"), "INTEGER: 200"),
        (mib("2.3.1.9.1"), "INTEGER: 1"),
        (mib("2.3.1.10.1"), "STRING: \"eth0\""),
        (mib("2.3.1.11.1"), "INTEGER: 2"),
        (mib("2.3.1.12.1"), "Gauge32: 1"),
        (mib("2.3.1.12.2"), "Gauge32: 50"),
        (mib("2.3.1.27.1"), "INTEGER: 0"),
        (mib("2.3.1.30.1"), "INTEGER: 2"),
        (mib("2.3.1.35.1"), "Hex-STRING: E0 00 00 12"),
        (mib("2.6.1.3.1.2"), "Hex-STRING: 0A 4D 00 65"),
        (mib("2.6.1.4.1.1"), "Hex-STRING: 00 00 00 00"),
        (mib("2.6.1.6.1.1"), "INTEGER: 14"),
        (mib("2.6.1.10.2.1"), "INTEGER: 1"),
        (mib("2.6.1.11.2.2"), "INTEGER: 2"),
        (mib("2.3.1.2.3"), "No Such Instance"),
        (mib("2.99.0"), "No Such Object"),
        (mib2("68.1.1.0"), "INTEGER: 2"),
        (mib2("68.1.3.1.3.IF.51"), "INTEGER: 3"),
        (mib2("68.1.3.1.5.IF.51"), "INTEGER: 200"),
        (mib2("68.1.3.1.7.IF.51"), "IpAddress: 0.0.0.0"),
        (mib2("68.1.3.1.8.IF.51"), "IpAddress: 10.77.0.1"),
        (mib2("68.1.4.1.2.IF.51.10.77.0.101"), "INTEGER: 1"),
        (mib2("68.2.4.1.1.IF.51"), "Counter32: 1"),
        (mib2("207.1.1.1.1.3.IF.51.1"), "Hex-STRING: 0A 4D 00 01"),
        (mib2("207.1.1.1.1.6.IF.52.2"), "INTEGER: 3"),
        (mib2("207.1.1.1.1.7.IF.52.2"), "Gauge32: 100"),
        (mib2("207.1.1.1.1.9.IF.52.2"), "INTEGER: 50"),
        (mib2("207.1.2.5.1.1.IF.51.1"), "Counter32: 1"),
        (mib2("207.1.2.5.1.13.IF.52.2"), "Gauge32: 500"),
    ] {
        let got = text(a, &["snmpget", "-v2c", "-c", "public", "-On", "127.0.0.1:1161", &name]);
        assert!(got.contains(want) && got.contains(&name), "{name}: {want:?} in {got:?}");
    }
    // A walk, by one and by many, shows every row and nothing else.
    let rows = keeper.handle.look(|look| snmp::rows(&Facts::of(look, look.now))).expect("it runs");
    let names: Vec<String> = rows.iter().map(|(name, _)| format!(".{name}")).collect();
    assert!(names.len() > 150);
    for walk in ["snmpwalk", "snmpbulkwalk"] {
        let mut seen = Vec::new();
        for subtree in [".1.3.6.1.2.1.68", ".1.3.6.1.2.1.207", ".1.3.6.1.4.1.9586.100.5"] {
            let got = text(a, &[walk, "-v2c", "-c", "public", "-On", "127.0.0.1:1161", subtree]);
            seen.extend(got.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned())));
        }
        assert_eq!(seen, names, "{walk}");
    }
    let set = ["snmpset", "-v2c", "-c", "public", "127.0.0.1:1161", &mib("2.3.1.7.1"), "i", "5"];
    assert!(text(a, &set).contains("notWritable"), "nothing can be set");

    drop(agent);
    keeper.stop();
    let _ = master.kill();
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn traps_are_those_of_the_mibs_that_are_on() {
    if !possible() {
        return;
    }
    let lab = Lab::new().node("a", &["10.77.0.1/24"]).build().expect("builds");
    let keeper = Running::start(lab.node("a"), plan());
    let names = |subject, became| {
        let told = Told { subject, name: "A".into(), became, priority: 200 };
        let traps =
            keeper.handle.look(move |look| snmp::traps(&told, &Facts::of(look, look.now))).expect("it runs");
        let kind = |binds: &Vec<VarBind>| match binds.first() {
            Some(VarBind { name, value: Value::Oid(kind) })
                if name.to_string() == "1.3.6.1.6.3.1.1.4.1.0" =>
            {
                format!("{kind} {}", binds.len())
            }
            other => panic!("a trap begins with its name: {other:?}"),
        };
        traps.iter().map(kind).collect::<Vec<_>>()
    };
    let [a, b] = [0, 1].map(|n| Subject::Instance(InstanceId(n)));
    let group = Subject::Group(evenkeel_vrrp::conf::GroupId(0));
    let instance_trap = "1.3.6.1.4.1.9586.100.5.2.10.0.2 5";
    let (v2, v3) = ("1.3.6.1.2.1.68.0.1 2", "1.3.6.1.2.1.207.0.1 2");
    assert_eq!(names(a, Became::Master), [instance_trap, v2, v3]);
    assert_eq!(names(b, Became::Master), [instance_trap, v3]);
    assert_eq!(names(a, Became::Backup), [instance_trap]);
    assert_eq!(names(group, Became::Fault), ["1.3.6.1.4.1.9586.100.5.2.10.0.1 4"]);
    assert!(names(a, Became::Priority).is_empty());
    keeper.stop();
}
