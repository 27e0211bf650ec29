//! `evenkeel demo` as a new user meets it: it says where to look, and there is something to see.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take before the test gives up; nothing is measured against it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts it and reads the addresses that it prints: site and statistics. Its ports may be taken, then it has others.
fn start() -> (Child, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
        .args(["demo", "--for", "5m"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut place = |name: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.trim_start().starts_with(name)));
        let line = line.expect("it says so").expect("it is text");
        let url = line.split_whitespace().nth(1).expect("an address follows");
        url.strip_prefix("http://").expect("it is a web address").to_owned()
    };
    let (site, stats) = (place("site"), place("stats"));
    // What it prints later must find a reader.
    std::thread::spawn(move || lines.for_each(drop));
    (child, site.trim_end_matches('/').to_owned(), stats)
}

fn ask(host: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).expect("it takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    answer
}

fn get(host: &str, path: &str, more: &str) -> String {
    ask(host, &format!("GET {path} HTTP/1.1\nHost: demo\nConnection: close\n{more}\n"))
}

#[test]
fn the_demo_shows_what_it_says() {
    let (mut child, site, stats) = start();
    // Tests below see to it that the demo ends with them.
    let checks = std::panic::catch_unwind(|| {
        let servers: Vec<String> = (0..4).map(|_| get(&site, "/api/echo", "")).collect();
        for name in ["app1", "app2"] {
            let own = format!("\"server\":\"{name}\"");
            assert!(servers.iter().any(|answer| answer.contains(&own)), "{name}: {servers:?}");
        }
        assert!(
            servers.iter().all(|answer| answer.contains("\"forwarded_for\":\"127.0.0.1\"")),
            "{servers:?}"
        );
        assert!(get(&site, "/images/tile.txt", "").contains("a text of static"));
        let upload =
            ask(&site, "POST /note HTTP/1.1\nHost: demo\nConnection: close\nContent-Length: 5\n\nhello");
        assert!(upload.starts_with("HTTP/1.1 201") && upload.contains("\"server\":\"upload1\""), "{upload}");

        let first = get(&site, "/shop", "");
        let cookie =
            first.lines().find_map(|l| l.strip_prefix("set-cookie: ").or(l.strip_prefix("Set-Cookie: ")));
        let cookie = cookie.and_then(|c| c.split(';').next()).expect("the shop sets a cookie");
        let name = if cookie.ends_with("a1") { "app1" } else { "app2" };
        for _ in 0..3 {
            let again = get(&site, "/shop", &format!("Cookie: {cookie}\n"));
            assert!(again.contains(&format!("Sent by {name}.")), "{cookie}: {again}");
        }

        let (host, path) = stats.split_once('/').expect("the page has a path");
        let path = format!("/{path}");
        assert!(get(host, &path, "").starts_with("HTTP/1.1 401"));
        // admin:admin
        let page = get(host, &path, "Authorization: Basic YWRtaW46YWRtaW4=\n");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("appsrvs"), "{page}");
    });
    let pid = Pid::from_raw(child.id().try_into().expect("a pid fits")).expect("a pid is not 0");
    kill_process(pid, Signal::INT).expect("it runs");
    let end = child.wait().expect("it ends");
    if let Err(panic) = checks {
        std::panic::resume_unwind(panic);
    }
    assert!(end.success(), "{end}");
}

#[test]
fn the_printed_file_is_good() {
    let program = env!("CARGO_BIN_EXE_evenkeel");
    let printed =
        Command::new(program).args(["demo", "--print-config"]).output().expect("the program starts");
    assert!(printed.status.success());
    let mut check = Command::new(program)
        .args(["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    check.stdin.take().expect("it is piped").write_all(&printed.stdout).expect("it reads");
    let said = check.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && text.contains("Nothing to complain about"), "{text}");
}
