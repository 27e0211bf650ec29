//! Programs that people use beside HAProxy, unchanged, against us: hatop, socat and the exporter for Prometheus. Each test
//! is skipped, with the reason, where its program is not installed.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evenkeel_e2e::daemon::{Daemon, Setup};
use evenkeel_e2e::port::Port;
use evenkeel_e2e::program::Program;
use evenkeel_e2e::site::{Browser, csv_field};
use evenkeel_e2e::terminal::Terminal;
use evenkeel_e2e::{PATIENCE, skip, wait};
use evenkeel_lab::netns::Proc;
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

const CONFIG: &str = "
global
 stats socket <dir>/admin.sock mode 600 level admin
 stats socket ipv4@<cli> level admin
 stats socket <dir>/user.sock mode 600 level user
 stats timeout 2m
defaults
 mode http
 timeout connect 2s
 timeout client 5s
 timeout server 5s
frontend fe
 bind <fe>
 default_backend be
backend be
 server s1 <one> check inter 100ms weight 10
 server s2 <two> check inter 100ms weight 10
listen stats
 bind <stats>
 stats enable
 stats uri /
listen guarded
 bind <guarded>
 stats enable
 stats uri /st
 stats auth admin:secret
";

/// A program of that name, if it is installed.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|f| f.join(name)).find(|p| p.is_file());
    if found.is_none() {
        skip(format!("{name} is not installed"));
    }
    found
}

struct Site {
    daemon: Daemon,
    _webs: [WebServer; 2],
}

impl Site {
    fn start(program: Program) -> Site {
        let web =
            |name| WebServer::start(WebSpec::local(name, WebKind::Static)).expect("loopback has free ports");
        let webs = [web("one"), web("two")];
        let setup =
            Setup::new(CONFIG).program(program).with("one", webs[0].addr()).with("two", webs[1].addr());
        let daemon = setup.start();
        let site = Site { daemon, _webs: webs };
        wait("the stats sockets", || site.socket("admin").exists() && site.socket("user").exists());
        wait("both servers", || ["s1", "s2"].iter().all(|s| site.column(s, "status") == "UP"));
        site
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.daemon.folder.path().join(format!("{name}.sock"))
    }

    /// A column of a server's row, by the statistics page.
    fn column(&self, server: &str, name: &str) -> String {
        let stats = Browser::new(self.daemon.addr("stats"));
        csv_field(&stats.get("/;csv").text(), "be", server, name).expect("the server has a row")
    }
}

// ---- hatop

/// What a terminal sends for function keys and the arrow down.
const F: [&str; 10] = [
    "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~",
    "\x1b[21~",
];
/// See [`F`].
const DOWN: &str = "\x1bOB";

#[test]
fn hatop_shows_and_steers() {
    let Some(hatop) = installed("hatop") else { return };
    let site = Site::start(Program::wanted());
    let mut command = Command::new(hatop);
    command.args(["-i", "1", "-s"]).arg(site.socket("admin"));
    let mut top = Terminal::start(command);
    // The list: its head with the process's facts, each proxy with its rows, our states.
    top.wait_for(&["HATop version"]);
    for words in [&["FRONTEND", "OPEN"][..], &["s1", "UP"], &["s2", "UP"], &["BACKEND", "UP"]] {
        top.wait_for(words);
    }
    for word in ["HAProxy Version:", "Node:", "Connections:", "Proxies:   4"] {
        assert!(top.screen().contains(word), "{word} is not on\n{}", top.screen());
    }

    // The cursor goes down to s1.
    while !stands_on(&top, "s1") {
        let before = top.marked();
        top.press(DOWN);
        wait("the cursor to move", || top.marked() != before);
    }

    // F10 disables the server, F9 enables it again; F5 to F8 change its weight, F4 restores it.
    top.press(F[9]);
    wait("s1 in maintenance", || site.column("s1", "status") == "MAINT");
    top.wait_for(&["s1", "MAINT"]);
    top.press(F[8]);
    wait("s1 to be back", || site.column("s1", "status").starts_with("UP"));
    top.wait_for(&["s1", "UP"]);
    for (key, change) in [(F[5], "-1"), (F[4], "-10"), (F[3], "reset"), (F[7], "+10"), (F[3], "reset")] {
        let before = site.column("s1", "weight");
        top.press(key);
        wait(&format!("the weight to change: {change}"), || site.column("s1", "weight") != before);
    }
    assert_eq!(site.column("s1", "weight"), "10", "F4 restores it");

    // The command line inside it.
    top.press("5");
    top.wait_for(&["Welcome on the embedded interactive HAProxy shell!"]);
    top.press("set weight be/s2 50%\r");
    wait("the command to be heard", || site.column("s2", "weight") == "5");
    top.press("get weight be/s2\r");
    top.wait_for(&["5 (initial 10)"]);
    top.press("set weight be/none 1\r");
    top.wait_for(&["No such server."]);
    // ALT-1 leads back to the list.
    top.press("\x1b1");
    top.wait_for(&["s2", "UP"]);
    top.press("q");
    assert!(top.ended_well());
}

/// Whether the cursor stands on this server's line.
fn stands_on(top: &Terminal, server: &str) -> bool {
    top.marked().iter().any(|line| line.starts_with(server))
}

#[test]
fn hatop_over_tcp_reads_only() {
    let Some(hatop) = installed("hatop") else { return };
    let site = Site::start(Program::wanted());
    let mut command = Command::new(hatop);
    command.args(["-n", "-i", "1", "-t", &site.daemon.addr("cli").to_string()]);
    let mut top = Terminal::start(command);
    top.wait_for(&["s1", "UP"]);
    top.press("q");
    assert!(top.ended_well());
}

// ---- socat

/// What socat prints for these lines on its standard input.
fn socat(program: &Path, to: &str, lines: &str) -> String {
    let mut command = Command::new(program);
    let mut child = command
        .args(["-t5", "-", to])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is installed");
    // Dropped at once: socat passes the end of its input on, and reads on.
    child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it reads");
    let out = child.wait_with_output().expect("our child");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn socat_gives_commands() {
    let Some(program) = installed("socat") else { return };
    let site = Site::start(Program::wanted());
    let admin = format!("UNIX-CONNECT:{}", site.socket("admin").display());
    let user = format!("unix:{}", site.socket("user").display());
    let tcp = format!("tcp4:{}", site.daemon.addr("cli"));
    for (to, lines, want) in [
        (&admin, "show info\n", &["Name: ", "Uptime_sec: ", "CurrConns: "][..]),
        (&admin, "show stat\n", &["# pxname,svname,", "fe,FRONTEND,", "be,s1,", "be,BACKEND,"]),
        // Commands in a row, in one line and over TCP; a semicolon that is meant.
        (&admin, "get weight be/s1; get weight be/s2\n", &["10 (initial 10)\n\n10 (initial 10)\n"]),
        (&tcp, "show info;show stat\n", &["Name: ", "be,BACKEND,"]),
        (&admin, "disable server be/s1; show stat -1 4 -1\n", &["be,s1,", "MAINT"]),
        (&admin, "enable server be/s1\n", &["\n"]),
        // Levels.
        (&user, "disable server be/s1\n", &["Permission denied"]),
        (&user, "show stat\n", &["be,s1,"]),
        (&admin, "operator; disable server be/s1; show stat\n", &["be,s1,"]),
        (&admin, "no such command\n", &["Unknown command"]),
        (&admin, "help\n", &["show info", "set weight", "prompt"]),
    ] {
        let said = socat(&program, to, lines);
        for word in want {
            assert!(said.contains(word), "{lines:?} over {to} is answered {said:?}, without {word:?}");
        }
    }
    assert!(site.column("s1", "status") != "MAINT", "an operator may not disable what an admin may");
}

#[test]
fn socat_converses() {
    let Some(program) = installed("socat") else { return };
    let site = Site::start(Program::wanted());
    let mut command = Command::new(program);
    command.arg("-").arg(format!("UNIX-CONNECT:{}", site.socket("admin").display()));
    let mut talk = Terminal::start(command);
    // Without `prompt` one line is answered and that is all: with it the conversation goes on.
    talk.press("prompt\n");
    talk.wait_for(&["> "]);
    talk.press("get weight be/s1\n");
    talk.wait_for(&["10 (initial 10)"]);
    talk.press("set weight be/s1 7; get weight be/s1\n");
    talk.wait_for(&["7 (initial 10)"]);
    talk.press("set server be/s1 state drain\n");
    wait("s1 to drain", || site.column("s1", "status").starts_with("DRAIN"));
    talk.press("set weight be/none 1\n");
    talk.wait_for(&["No such server."]);
    talk.press("quit\n");
    assert!(talk.ended_well(), "quit ends it");
}

// ---- the exporter

/// What the exporter tells Prometheus of what it scraped there.
fn metrics(exporter: &Path, scrape: &str) -> Vec<String> {
    let port = Port::reserve();
    let at: SocketAddr = port.addr();
    // The exporter wants the port for itself.
    drop(port);
    let mut command = Command::new(exporter);
    command.arg(format!("--web.listen-address={at}")).arg(format!("--haproxy.scrape-uri={scrape}"));
    let mut proc = Proc::start(command).expect("it is installed");
    let browser = Browser::new(at);
    wait("the exporter", || {
        assert!(proc.is_running(), "it has ended: {}", proc.stderr());
        browser.connect().is_some()
    });
    let text = browser.get("/metrics").text();
    // It ends by TERM; a test that fails before kills it.
    let _ = proc.signal(15);
    let _ = proc.wait(PATIENCE);
    text.lines().filter(|l| l.starts_with("haproxy_")).map(str::to_owned).collect()
}

fn traffic(site: &Site) {
    let browser = Browser::new(site.daemon.addr("fe"));
    for _ in 0..4 {
        assert_eq!(browser.get("/").status(), 200);
    }
    assert_eq!(browser.get("/nothing-here").status(), 404);
}

#[test]
fn the_exporter_scrapes() {
    let Some(exporter) = installed("prometheus-haproxy-exporter") else { return };
    let site = Site::start(Program::wanted());
    traffic(&site);
    let (stats, guarded) = (site.daemon.addr("stats"), site.daemon.addr("guarded"));
    for scrape in [
        format!("http://{stats}/;csv"),
        format!("http://admin:secret@{guarded}/st;csv"),
        format!("unix:{}", site.socket("admin").display()),
    ] {
        let lines = metrics(&exporter, &scrape);
        for want in [
            "haproxy_up 1",
            "haproxy_exporter_csv_parse_failures_total 0",
            "haproxy_frontend_http_requests_total{frontend=\"fe\"} 5",
            "haproxy_frontend_http_responses_total{code=\"2xx\",frontend=\"fe\"} 4",
            "haproxy_frontend_http_responses_total{code=\"4xx\",frontend=\"fe\"} 1",
            "haproxy_backend_up{backend=\"be\"} 1",
            "haproxy_server_up{backend=\"be\",server=\"s1\"} 1",
            "haproxy_server_up{backend=\"be\",server=\"s2\"} 1",
            "haproxy_server_weight{backend=\"be\",server=\"s1\"} 10",
        ] {
            assert!(lines.iter().any(|l| l == want), "{scrape}: no {want} in\n{}", lines.join("\n"));
        }
    }
    assert!(metrics(&exporter, &format!("http://{guarded}/st;csv")).contains(&"haproxy_up 0".to_owned()));
}

/// The same metrics, labels and values as with the original, but for what tells of the moment.
#[test]
fn the_exporter_sees_no_difference() {
    const MOMENT: &[&str] = &[
        "haproxy_exporter_",
        "_rate",
        "_seconds",
        "_duration_",
        "_bytes_",
        "haproxy_process_",
        "haproxy_version_info",
        "limit_sessions",
        "check_failures",
        "_max_",
    ];
    let Some(exporter) = installed("prometheus-haproxy-exporter") else { return };
    if Program::Haproxy.path().is_none() {
        return skip("haproxy is not installed");
    }
    let told = |program| {
        let site = Site::start(program);
        traffic(&site);
        let lines = metrics(&exporter, &format!("unix:{}", site.socket("admin").display()));
        let hidden = |l: &str| MOMENT.iter().any(|m| l.contains(m));
        // The pages that the test itself looked at until all was up are not the same number.
        lines.into_iter().filter(|l| !l.contains("\"stats\"") && !hidden(l)).collect::<Vec<_>>().join("\n")
    };
    let (original, ours) = (told(Program::Haproxy), told(Program::Ours));
    assert!(original.lines().count() > 50, "{original}");
    assert_eq!(original, ours);
}
