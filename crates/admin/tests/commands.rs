//! Commands and their answers. Where HAProxy 2.6 knows the command, these are its answers for the same configuration.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod common;

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use common::{Bench, CONFIG};
use evenkeel_admin::cli::{command, dispatch};
use evenkeel_base::Support;
use evenkeel_proxy::world::Change;

#[track_caller]
fn check(bench: &mut Bench, rows: &[(&str, &str)]) {
    for (line, want) in rows {
        assert_eq!(bench.ask(line), *want, "{line}");
    }
}

#[test]
fn one_line_answers() {
    check(
        &mut Bench::new(CONFIG),
        &[
            ("show cli level", "admin\n\n"),
            ("show backend", "# name\nbe\nbt\nempty\n\n"),
            ("show errors nope", "No such proxy.\n\n"),
            ("show env NO_SUCH_VARIABLE", "Variable not found\n\n"),
            ("get weight be/s1", "10 (initial 10)\n\n"),
            ("get weight #4/#1", "10 (initial 10)\n\n"),
            ("get weight be/nope", "No such server.\n\n"),
            ("get weight nope/s1", "No such backend.\n\n"),
            ("get weight be", "Require 'backend/server'.\n\n"),
            ("get weight", "Require 'backend/server'.\n\n"),
            ("set timeout cli 30", "\n"),
            ("set timeout cli 0", "Invalid timeout value.\n\n"),
            ("set timeout cli", "Expects an integer value.\n\n"),
            ("set timeout foo 3", "'set timeout' only supports 'cli'.\n\n"),
            ("set rate-limit connections global", "Expects an integer value.\n\n"),
            ("set maxconn global 5000", "Value out of range.\n\n"),
            ("set maxconn frontend fe", "Integer value expected.\n\n"),
            ("set maxconn frontend nope 5", "No such frontend.\n\n"),
            ("set maxconn frontend fe -5", "Value out of range.\n\n"),
            ("set maxconn server be/s2 abc", "maxconn string empty or preceded by garbage\n"),
            ("shutdown session abc", "Session pointer expected (use 'show sess').\n\n"),
            ("shutdown frontend nope", "No such frontend.\n\n"),
            ("expert-mode", "expert-mode is OFF\n\n"),
            ("expert-mode on;expert-mode", "\nexpert-mode is ON\n\n"),
            ("show servers state nope", "Can't find backend.\n\n"),
            ("show stat nope 4 -1", "No such proxy.\n\n"),
            ("show stat domain foo", "Invalid statistics domain.\n\n"),
            ("echo two  words", "two words\n\n"),
            ("quit;show version", "(quit)"),
        ],
    );
}

#[test]
fn malformed_messages_are_shown() {
    use evenkeel_base::{ProxyId, ServerId};
    use evenkeel_expr::facts::Peer;
    use evenkeel_http::{Kind, Malformed};
    let mut bench = Bench::new(CONFIG);
    // Dates are in the zone of the machine.
    let shown = |bench: &mut Bench, line: &str| {
        let text = bench.ask(line);
        let lines = text.lines().map(|l| match (l.find('['), l.find(']')) {
            (Some(open), Some(close)) => format!("{}[DATE{}", &l[..open], &l[close..]),
            _ => l.to_string(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown(&mut bench, "show errors"), "Total events captured on [DATE] : 0\n");
    for (backend, server, bytes) in [
        (None, None, b"GET / HTTP/1.1\r\nbad header: \x01\t\\\r\n\r\n".to_vec()),
        (Some(ProxyId(2)), Some(ServerId(1)), [b"HTTP/1.1 2\n".as_slice(), &[b'x'; 80]].concat()),
    ] {
        bench.world.keep_bad(evenkeel_proxy::faulty::BadMessage {
            number: 0,
            at: common::DATE,
            frontend: ProxyId(0),
            backend,
            server,
            src: Peer::Inet(([127, 0, 0, 1], 59348).into()),
            bytes,
            fault: Malformed { at: 19, kind: Kind::BadName },
        });
    }
    let request = "\n \n[DATE] frontend fe (#2): invalid request\n  backend <NONE> (#-1), server <NONE> (#-1), event #0, \
                   src 127.0.0.1:59348\n  len 35, error at position 19: invalid field name\n  \n  \
                   00000  GET / HTTP/1.1\\r\\n\n  00016  bad header: \\x01\\t\\\\\\r\\n\n  00033  \\r\\n";
    let response = format!(
        "\n \n[DATE] backend be (#4): invalid response\n  frontend fe (#2), server s2 (#2), event #1, \
         src 127.0.0.1:59348\n  len 91, error at position 19: invalid field name\n  \n  00000  HTTP/1.1 2\\n\n  \
         00011  {}\n  00081+ {}",
        "x".repeat(70),
        "x".repeat(10)
    );
    let total = "Total events captured on [DATE] : 2";
    for (line, parts) in [
        ("show errors", format!("{request}{response}")),
        ("show errors -1", format!("{request}{response}")),
        ("show errors fe", format!("{request}{response}")),
        ("show errors be", response.clone()),
        ("show errors 4 response", response.clone()),
        ("show errors 2 request", request.to_string()),
        ("show errors bt", String::new()),
    ] {
        assert_eq!(shown(&mut bench, line), format!("{total}{parts}\n"), "{line}");
    }
}

#[test]
fn weights() {
    let mut bench = Bench::new(CONFIG);
    for (weight, answer, after) in [
        ("50%", "\n", "5"),
        ("33%", "\n", "3"),
        ("99999%", "\n", "256"),
        ("7", "\n", "7"),
        ("300", "Absolute weight can only be between 0 and 256 inclusive.\n\n", "7"),
        ("-1", "Absolute weight can only be between 0 and 256 inclusive.\n\n", "7"),
        ("-5%", "Relative weight must be positive.\n\n", "7"),
        ("abc", "Empty weight string empty or preceded by garbage\n", "7"),
        ("%", "Empty weight string empty or preceded by garbage\n", "7"),
        ("10%x", "Trailing garbage in weight string\n", "7"),
        ("99999999999999999999", "Absolute weight can only be between 0 and 256 inclusive.\n\n", "7"),
        ("", "Require <weight> or <weight%>.\n\n", "7"),
        ("0", "\n", "0"),
        ("100%", "\n", "10"),
    ] {
        assert_eq!(bench.ask(&format!("set weight be/s1 {weight}")), answer, "{weight}");
        assert_eq!(bench.ask("get weight be/s1"), format!("{after} (initial 10)\n\n"), "after {weight}");
    }
    // An algorithm with fixed weights takes none but zero and the first one.
    check(
        &mut bench,
        &[
            (
                "set weight bt/t2 50%",
                "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n\n",
            ),
            ("set server bt/t2 weight 0", "\n"),
            ("get weight bt/t2", "0 (initial 3)\n\n"),
            ("set weight bt/t2 3", "\n"),
        ],
    );
}

/// Name and chosen columns of a backend's rows.
fn states(bench: &mut Bench) -> String {
    let csv = bench.ask("show stat be 4 -1");
    let cells = |l: &str| l.split(',').map(str::to_string).collect::<Vec<_>>();
    let lines = csv.lines().skip(1).filter(|l| !l.is_empty()).map(cells);
    lines.map(|c| format!("{}={}", c[1], c[17])).collect::<Vec<_>>().join(" ")
}

#[test]
fn operators_change_servers() {
    let mut bench = Bench::new(CONFIG);
    let start = "s1=UP 1/3 s2=no check s3=no check s4=MAINT s5=UP 1/3 s7=no check";
    assert_eq!(states(&mut bench), start);
    for (line, want) in [
        ("set server be/s2 state drain", "s1=UP 1/3 s2=DRAIN s3=no check s4=MAINT s5=UP 1/3 s7=no check"),
        ("set server be/s2 state maint", "s1=UP 1/3 s2=MAINT s3=no check s4=MAINT s5=UP 1/3 s7=no check"),
        ("set server be/s2 state ready", start),
        (
            "disable server be/s1",
            "s1=MAINT s2=no check s3=no check s4=MAINT s5=MAINT (via be/s1) s7=no check",
        ),
        ("enable server be/s1", start),
        ("set server be/s2 health down", "s1=UP 1/3 s2=DOWN s3=no check s4=MAINT s5=UP 1/3 s7=no check"),
        ("set server be/s2 health stopping", "s1=UP 1/3 s2=NOLB s3=no check s4=MAINT s5=UP 1/3 s7=no check"),
        ("set server be/s2 health up", start),
        ("enable server be/s4", "s1=UP 1/3 s2=no check s3=no check s4=no check s5=UP 1/3 s7=no check"),
        ("disable health be/s1", "s1=no check s2=no check s3=no check s4=no check s5=no check s7=no check"),
    ] {
        assert_eq!(bench.ask(line), "\n", "{line}");
        assert_eq!(states(&mut bench), want, "{line}");
    }
    let lines: Vec<String> = bench
        .world
        .take_changes()
        .into_iter()
        .filter_map(|c| match c {
            Change::Line { text, .. } => Some(text),
            _ => None,
        })
        .collect();
    assert!(lines.iter().any(|l| l.starts_with("Server be/s2 enters drain state.")), "{lines:#?}");
    assert!(lines.iter().any(|l| l.starts_with("Server be/s5 is going DOWN for maintenance via be/s1.")));
    assert!(lines.iter().any(|l| l.starts_with("Server be/s2 is DOWN, changed from CLI.")));
}

#[test]
fn what_cannot_be_changed_is_said() {
    check(
        &mut Bench::new(CONFIG),
        &[
            (
                "set server be/s1 state foo",
                "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n",
            ),
            (
                "set server be/s1 health foo",
                "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n",
            ),
            ("set server be/s5 health down", "cannot change health on a tracking server.\n\n"),
            ("set server be/s1 agent up", "agent checks are not enabled on this server.\n\n"),
            ("enable health be/s2", "Health check was not configured on this server, cannot enable.\n\n"),
            ("disable health be/s2", "\n"),
            ("enable agent be/s1", "Agent was not configured on this server, cannot enable.\n\n"),
            ("set server be/s2 check-port 1", "health checks are not enabled on this server\n"),
            (
                "set server be/s1 fqdn x",
                "set server <b>/<s> fqdn failed because no resolution is configured.\n\n",
            ),
        ],
    );
}

#[test]
fn servers_move() {
    check(
        &mut Bench::new(CONFIG),
        &[
            (
                "set server be/s2 addr 127.0.0.2",
                "IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'\n\n",
            ),
            ("set server be/s2 addr 127.0.0.2", "no need to change the addr by 'stats socket command'\n\n"),
            (
                "set server be/s2 addr ::1 port 19923",
                "IP changed from '127.0.0.2' to '::1', port changed from '19912' to '19923' by 'stats socket command'\n\n",
            ),
            (
                "set server be/s2 addr ::1 port 19923",
                "no need to change the addr, no need to change the port by 'stats socket command'\n\n",
            ),
            (
                "set server be/s2 addr ::1 port abc",
                "no need to change the addr, problem converting port 'abc' to an int by 'stats socket command'\n\n",
            ),
            ("set server be/s2 addr foo", "Invalid addr 'foo' by 'stats socket command'\n\n"),
        ],
    );
}

#[test]
fn frontends_pause_and_end() {
    let mut bench = Bench::new(CONFIG);
    let state = |bench: &mut Bench| {
        let csv = bench.ask("show stat fe2 1 -1");
        csv.lines().nth(1).and_then(|l| l.split(',').nth(17)).unwrap_or("").to_string()
    };
    for (line, answer, after) in [
        ("disable frontend fe2", "\n", "PAUSED"),
        ("disable frontend fe2", "All sockets are already disabled.\n\n", "PAUSED"),
        ("enable frontend fe2", "\n", "OPEN"),
        ("enable frontend fe2", "All sockets are already enabled.\n\n", "OPEN"),
        ("shutdown frontend fe2", "\n", "STOP"),
        ("shutdown frontend fe2", "Frontend was already shut down.\n\n", "STOP"),
        ("enable frontend fe2", "Frontend was previously shut down, cannot enable.\n\n", "STOP"),
        ("disable frontend fe2", "Frontend was previously shut down, cannot disable.\n\n", "STOP"),
    ] {
        assert_eq!(bench.ask(line), answer, "{line}");
        assert_eq!(state(&mut bench), after, "{line}");
    }
}

#[test]
fn levels_are_kept() {
    let mut bench = Bench::new(CONFIG);
    check(
        &mut bench,
        &[
            ("operator;show cli level", "\noperator\n\n"),
            ("set weight be/s1 1", "Permission denied\n\n"),
            ("clear counters all", "Permission denied\n\n"),
            ("clear counters", "\n"),
            ("expert-mode on", "Permission denied\n\n"),
            ("user;operator", "\nPermission denied\n\n"),
            ("show env HOME", "Permission denied\n\n"),
            ("show errors", "Permission denied\n\n"),
            ("show sess", "Permission denied\n\n"),
            ("add server be/x", "Permission denied\n\n"),
            ("show cli level", "user\n\n"),
        ],
    );
    assert!(!bench.ask("show stat").contains("19911"), "addresses are for operators");
    assert!(bench.ask("help").contains("set weight <bk>/<srv>"), "what exists is no secret");
}

#[test]
fn severities_come_before_messages_only() {
    check(
        &mut Bench::new(CONFIG),
        &[
            ("set severity-output number;get weight be/nope", "\n[3]: No such server.\n\n"),
            ("set severity-output string;show cli level", "\n[info]: admin\n\n"),
            ("show backend", "# name\nbe\nbt\nempty\n\n"),
            (
                "set severity-output foo",
                "[err]: one of 'none', 'number', 'string' is a required argument\n\n",
            ),
        ],
    );
}

#[test]
fn servers_state_reads_as_the_originals_file() {
    let mut bench = Bench::new(CONFIG);
    bench.ask("set server be/s2 state drain");
    bench.now = bench.now + Duration::from_secs(3);
    let got = bench.ask("show servers state");
    let want = "\
4 be 1 s1 127.0.0.1 2 0 10 10 45 1 0 2 6 0 0 0 - 19911 - 0 0 - - 0
4 be 2 s2 127.0.0.1 2 8 20 20 3 1 0 2 0 0 0 0 - 19912 - 0 0 - - 0
4 be 3 s3 127.0.0.1 2 0 1 1 45 1 0 2 0 0 0 0 - 19913 - 0 0 - - 0
4 be 4 s4 127.0.0.1 0 5 1 1 45 1 0 0 8 0 0 0 - 19914 - 0 0 - - 0
4 be 5 s5 127.0.0.1 2 0 1 1 45 1 0 2 0 0 0 0 - 19911 - 0 0 - - 0
4 be 6 s7 127.0.0.1 2 0 1 1 45 1 0 2 0 0 0 0 - 0 - 0 0 - - 0
5 bt 1 t1 127.0.0.1 2 0 1 1 45 1 0 2 0 0 0 0 - 19911 - 0 0 - - 0
5 bt 2 t2 ::1 2 0 3 3 45 1 0 2 0 0 0 0 - 19912 - 0 0 - - 0

";
    assert_eq!(got.split_once("agent_port\n").map(|(_, rows)| rows), Some(want));
    assert!(got.starts_with("1\n# be_id be_name srv_id "));
}

#[test]
fn counters_are_cleared_by_difference() {
    let mut bench = Bench::new(CONFIG);
    let world = bench.world.clone();
    let fe = evenkeel_base::ProxyId(0);
    world.shards[0].fronts[fe.index()].stot.add(5);
    world.shards[1].fronts[fe.index()].stot.add(2);
    for _ in 0..3 {
        world.proxy(fe).front_sessions.up();
    }
    world.proxy(fe).front_sessions.down();
    let row = |bench: &mut Bench| {
        let csv = bench.ask("show stat fe 1 -1");
        let cells: Vec<String> = csv.lines().nth(1).unwrap_or("").split(',').map(str::to_string).collect();
        format!("scur {} smax {} stot {}", cells[4], cells[5], cells[7])
    };
    assert_eq!(row(&mut bench), "scur 2 smax 3 stot 7");
    bench.ask("clear counters");
    assert_eq!(row(&mut bench), "scur 2 smax 2 stot 7");
    bench.ask("clear counters all");
    world.shards[1].fronts[fe.index()].stot.add(4);
    assert_eq!(row(&mut bench), "scur 2 smax 2 stot 4");
}

#[test]
fn limits_change() {
    let mut bench = Bench::new(CONFIG);
    for line in [
        "set maxconn frontend fe2 40",
        "set maxconn server be/s2 9",
        "set maxconn global 900",
        "set rate-limit connections global 30",
        "set rate-limit sessions global 20",
    ] {
        assert_eq!(bench.ask(line), "\n", "{line}");
    }
    let world = &bench.world;
    assert_eq!(world.proxies[1].maxconn.load(Relaxed), 40);
    assert_eq!(world.servers[1].maxconn.load(Relaxed), 9);
    assert_eq!(world.maxconn.load(Relaxed), 900);
    assert_eq!((world.maxconnrate.load(Relaxed), world.maxsessrate.load(Relaxed)), (30, 20));
    assert_eq!(bench.ask("set maxconn global 0"), "\n");
    assert_eq!(bench.world.maxconn.load(Relaxed), 1000);
}

#[test]
fn process_information() {
    let mut bench = Bench::new(CONFIG);
    let info = bench.ask("show info");
    for line in [
        "Name: HAProxy",
        "Nbthread: 2",
        "Pid: 77",
        "Uptime: 0d 0h00m42s",
        "Maxconn: 1000",
        "node: lb1",
        "description: the first",
        "Listeners: 6",
    ] {
        assert!(info.lines().any(|l| l == line), "{line} in\n{info}");
    }
    assert!(bench.ask("show info typed").starts_with("0.Name.1:POS:str:HAProxy\n"));
    assert!(bench.ask("show info json").starts_with("[{\"field\":{\"pos\":0,\"name\":\"Name\"}"));
    assert!(bench.ask("show schema json").starts_with("{\"$schema\":"));
}

#[test]
fn unknown_commands_are_helped() {
    let mut bench = Bench::new(CONFIG);
    for (line, head, hit) in [
        ("show stst", "Unknown command, but maybe", "  show stat "),
        ("set maxconn", "Unknown command, but maybe", "  set maxconn server <bk>/<srv> <value>   : "),
        ("shwo info", "Unknown command, but maybe", "  show info "),
        (
            "",
            "Unknown command. Please enter one of the following commands only:\n",
            "  abort ssl ca-file <cafile>",
        ),
        ("xyzzy plugh", "Unknown command. Please", "  show info "),
        ("help show sess", "The following commands are valid at this level:\n", "  show sess [id|all]"),
        ("help", "The following commands are valid at this level:\n", "  show sess [id|all]"),
    ] {
        let got = bench.ask(line);
        assert!(got.starts_with(head) && got.contains(hit), "{line}:\n{got}");
        assert!(got.ends_with("  quit                                    : hang up\n\n"), "{line}:\n{got}");
    }
    assert!(!bench.ask("help").contains("debug dev"), "hidden outside of expert mode");
    assert!(bench.ask("@1 show info").starts_with("'@1' selects a process"));
    assert_eq!(bench.ask("debug dev bug"), "This command is restricted to expert mode only.\n\n");
}

#[test]
fn many_words_are_too_many() {
    let mut bench = Bench::new(CONFIG);
    assert!(bench.ask(&"w ".repeat(65)).starts_with("A command has at most 64 words."));
}

#[test]
fn every_entry_is_whole_and_alone() {
    let all: Vec<_> = command::all().collect();
    for entry in &all {
        assert!(!entry.doc.is_empty() && !entry.doc.ends_with('.'), "{}", entry.words);
        assert_eq!(all.iter().filter(|e| e.words == entry.words).count(), 1, "{}", entry.words);
        if let Support::Refused(why) = entry.support {
            assert!(!why.is_empty() && !why.ends_with('.'), "{}", entry.words);
        }
        let found = dispatch::find(&dispatch::words(entry.words)).map(|c| c.words);
        assert_eq!(found, Some(entry.words));
    }
}

/// Every command of the reference lists is known, and none that is refused answers nothing.
#[test]
fn no_real_command_is_unknown() {
    let shared = std::env::var_os("EVENKEEL_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = shared.join("compat/haproxy/keywords");
    let (mut known, mut refused) = (0, 0);
    for file in ["cli_commands.txt", "cli_commands_registered.txt", "master_cli_commands.txt"] {
        let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
            println!("skipped: no {}", folder.join(file).display());
            continue;
        };
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let Some(support) = dispatch::support(line) else { panic!("`{line}` is unknown") };
            known += 1;
            refused += usize::from(matches!(support, Support::Refused(_)));
        }
    }
    println!("{known} commands of the lists are known, {refused} of them refused with a reason");
}

proptest::proptest! {
    /// Whatever a client sends, it gets an answer and nothing panics.
    #[test]
    fn nothing_panics(line in "[ -~\\t]{0,80}") {
        let mut bench = Bench::new(CONFIG);
        bench.ask(&line.replace("quit", ""));
    }

    /// The same for lines that begin well.
    #[test]
    fn arguments_do_not_panic(at in 0usize..300, args in "[ -~]{0,40}", level in 0u8..3) {
        let all: Vec<_> = command::all().collect();
        let entry = all[at % all.len()];
        let mut bench = Bench::new(CONFIG);
        bench.session.expert = true;
        bench.session.experimental = true;
        let prefix = ["", "operator;", "user;"][level as usize];
        bench.ask(&format!("{prefix}{} {args}", entry.words));
        bench.ask(&format!("{prefix}{} be/s1 {args}", entry.words));
    }
}
