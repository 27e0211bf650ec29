//! The same objects told by the real HAProxy (2.6, where it is installed) and by this crate.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_stats::average::AverageTimes;
use evenkeel_stats::{AgentView, CheckView, Kind, Mode, Row, fields, text};

const CONFIG: &str = r#"
global
    stats socket SOCKET mode 600 level admin
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend fe
    bind unix@FOLDER/fe.sock name "l,\"1"
    option socket-stats
    maxconn 100
    rate-limit sessions 50
    default_backend be
frontend tcpf
    mode tcp
    bind unix@FOLDER/tcpf.sock
    default_backend tbe
backend be
    balance roundrobin
    cookie SRV insert
    option httpchk GET /
    server s1 127.0.0.1:9 check cookie "a,b" weight 10 maxconn 5 maxqueue 7 inter 1h observe layer7 disabled
    server s2 127.0.0.1:9 backup
    server s3 127.0.0.1:9 disabled
    server s4 127.0.0.1:9 track s1
    server s5 127.0.0.1:9 pool-max-conn 3
backend tbe
    mode tcp
    server t1 127.0.0.1:9
"#;

/// How long the real one may take to open its socket before the test gives up.
const START_TIME_MAX: Duration = Duration::from_secs(10);

struct Real {
    child: Child,
    folder: PathBuf,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Real {
    /// `None`, with the reason printed, where no HAProxy 2.6 is installed.
    fn start() -> Option<Self> {
        let version = Command::new("haproxy").arg("-v").output().ok()?;
        if !String::from_utf8_lossy(&version.stdout).contains("version 2.6") {
            return None;
        }
        let folder = std::env::temp_dir().join(format!("evenkeel-stats-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok()?;
        let socket = folder.join("cli.sock");
        let config =
            CONFIG.replace("SOCKET", &socket.to_string_lossy()).replace("FOLDER", &folder.to_string_lossy());
        std::fs::write(folder.join("cfg"), config).ok()?;
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(folder.join("cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let real = Self { child, folder };
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < START_TIME_MAX, "haproxy opens no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(real)
    }

    fn ask(&self, command: &str) -> String {
        let mut socket =
            UnixStream::connect(self.folder.join("cli.sock")).expect("the socket was open a moment ago");
        socket
            .write_all(format!("{command}\n").as_bytes())
            .expect("a short command fits the socket's buffer");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("the CLI answers in text");
        answer
    }
}

/// Our columns up to the last of 2.6.
fn known(line: &str) -> String {
    let columns = fields::ALL.iter().position(|f| f.name == "srid").expect("srid is the first newer column");
    let mut cells: Vec<String> = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match (c, quoted) {
            (',', false) => cells.push(String::new()),
            (c, _) => {
                quoted ^= c == '"';
                cells.last_mut().expect("never empty").push(c);
            }
        }
    }
    cells[..columns].join(",") + ","
}

fn rows() -> Vec<Row<'static>> {
    let server = |name, sid| Row {
        kind: Kind::Server,
        mode: Mode::Http,
        proxy: "be",
        name,
        iid: 4,
        sid,
        status: "no check".into(),
        weight: 1,
        uweight: 1,
        active: 1,
        addr: Some("127.0.0.1:9".into()),
        need: 0,
        times: AverageTimes::default(),
        ..Row::default()
    };
    vec![
        Row {
            mode: Mode::Http,
            proxy: "fe",
            iid: 2,
            status: "OPEN".into(),
            slim: Some(100),
            rate_lim: 50,
            ..Row::default()
        },
        Row {
            kind: Kind::Listener,
            mode: Mode::Http,
            proxy: "fe",
            name: "l,\"1",
            iid: 2,
            sid: 1,
            status: "OPEN".into(),
            slim: Some(0),
            addr: Some("unix".into()),
            ..Row::default()
        },
        Row { proxy: "tcpf", iid: 3, status: "OPEN".into(), slim: None, ..Row::default() },
        Row {
            status: "MAINT".into(),
            weight: 10,
            uweight: 10,
            slim: Some(5),
            qlimit: Some(7),
            observe: true,
            downtime_s: Some(0),
            check: Some(CheckView {
                paused: true,
                status: "INI",
                desc: "Initializing",
                rise: 2,
                fall: 3,
                ..CheckView::default()
            }),
            cookie: Some(std::borrow::Cow::Borrowed("a,b".into())),
            ..server("s1", 1)
        },
        Row { active: 0, backup: 1, ..server("s2", 2) },
        Row { status: "MAINT".into(), ..server("s3", 3) },
        Row {
            status: "MAINT (via be/s1)".into(),
            tracked: Some("be/s1".into()),
            observe: true,
            ..server("s4", 4)
        },
        Row { idle_limit: Some(3), ..server("s5", 5) },
        Row {
            kind: Kind::Backend,
            mode: Mode::Http,
            proxy: "be",
            iid: 4,
            status: "UP".into(),
            weight: 1,
            uweight: 1,
            active: 1,
            backup: 1,
            downtime_s: Some(0),
            cookie: Some(std::borrow::Cow::Borrowed("SRV".into())),
            algo: Some("roundrobin"),
            ..Row::default()
        },
        Row { mode: Mode::Tcp, proxy: "tbe", iid: 5, ..server("t1", 1) },
    ]
}

#[test]
fn columns_cells_and_types_are_the_originals() {
    let Some(real) = Real::start() else {
        println!("skipped: no haproxy 2.6 on this machine");
        return;
    };
    let csv = real.ask("show stat");
    let mut lines = csv.lines();
    let mut head = Vec::new();
    text::csv_head(&mut head);
    let head = String::from_utf8(head).expect("names are ASCII");
    assert_eq!(lines.next().map(str::to_owned), Some(known(head.trim_end())));

    // Cells that depend on the machine or the moment, or that the tables above leave open.
    let open = ["slim", "lastchg", "downtime", "last_chk"];
    for (line, row) in lines.zip(rows()) {
        let mut ours = Vec::new();
        text::csv_row(&row, &mut ours);
        let ours = known(String::from_utf8(ours).expect("the rows above are text").trim_end());
        let line = known(line);
        if row.name.contains(',') {
            assert_eq!(ours, line);
            continue;
        }
        let names = fields::ALL.iter().map(|f| f.name);
        for ((name, ours), theirs) in names.zip(cells(&ours)).zip(cells(&line)) {
            if !open.contains(&name) || ours.is_empty() != theirs.is_empty() && name != "slim" {
                assert_eq!(ours, theirs, "{name} of {}/{}", row.proxy, row.name());
            }
        }
    }

    let typed = real.ask("show stat typed");
    let mut ours = Vec::new();
    rows().iter().for_each(|row| text::typed_row(row, false, &mut ours));
    let ours = String::from_utf8(ours).expect("the rows above are text");
    let shape = |line: &str| line.rsplitn(2, ':').last().map(str::to_owned);
    let ours: Vec<Option<String>> = ours.lines().map(shape).collect();
    for line in typed.lines().filter(|l| !l.is_empty() && !l.contains(".BACKEND") && !l.contains("tbe")) {
        let shape = shape(line);
        if !line.starts_with("B.5") && !line.contains(".slim.") {
            assert!(ours.contains(&shape), "{line}");
        }
    }
}

fn cells(line: &str) -> Vec<String> {
    line.replace("\"a,b\"", "a;b").split(',').map(str::to_owned).collect()
}

#[test]
fn a_view_of_an_agent_is_that_of_a_check() {
    let agent = AgentView {
        status: "L7OK",
        desc: "Layer7 check passed",
        rise: 1,
        fall: 1,
        health: 1,
        ..AgentView::default()
    };
    let row = Row { kind: Kind::Server, agent: Some(agent), ..Row::default() };
    let value = fields::find("agent_status").and_then(|f| f.value(&row).map(|v| v.type_name()));
    assert_eq!(value, Some("str"));
}
