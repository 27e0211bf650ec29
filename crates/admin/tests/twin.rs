//! The same commands given to the real HAProxy (2.6, where it is installed) and to this room, for the same configuration.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Bench, CONFIG};

/// How long the real one may take to open its sockets before the test gives up.
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
    fn start(config: &str) -> Option<Self> {
        let version = Command::new("haproxy").arg("-v").output().ok();
        if !version.is_some_and(|v| String::from_utf8_lossy(&v.stdout).contains("version 2.6")) {
            println!("skipped: no HAProxy 2.6 is installed here");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("evenkeel-admin-twin-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("cfg"), config.replace("FOLDER", &folder.to_string_lossy()))
            .expect("a file");
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(folder.join("cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it ran a moment ago");
        let real = Self { child, folder };
        let deadline = Instant::now() + START_TIME_MAX;
        while UnixStream::connect(real.folder.join("admin.sock")).is_err() {
            assert!(Instant::now() < deadline, "HAProxy does not start with this configuration");
            // The real one tells nobody when it is ready.
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(real)
    }

    fn ask(&self, line: &str) -> String {
        let mut socket = UnixStream::connect(self.folder.join("admin.sock")).expect("listening");
        socket.write_all(format!("{line}\n").as_bytes()).expect("open");
        let mut out = Vec::new();
        socket.read_to_end(&mut out).expect("an answer");
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Columns of CSV that 2.6 has and that do not depend on the moment: up to `uweight`, without `lastchg`, `downtime` and
/// what is an estimate.
fn comparable(answer: &str) -> String {
    let mut out = String::new();
    for line in answer.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.len() > 100 {
            let kept: Vec<&str> = cells
                .iter()
                .enumerate()
                .take(103)
                .filter(|(n, _)| ![23, 24, 98, 99].contains(n))
                .map(|(_, c)| *c)
                .collect();
            out.push_str(&kept.join(","));
        } else if line.starts_with(|c: char| c.is_ascii_digit()) && line.split(' ').count() == 25 {
            // `show servers state`: neither the time nor `srv_check_health`, which means nothing without a check.
            let words = line.split(' ').enumerate().filter(|(n, _)| *n != 9 && *n != 12);
            out.push_str(&words.map(|(_, w)| w).collect::<Vec<_>>().join(" "));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_same_answers() {
    // Checks would depend on what listens here, and on the moment.
    let config = CONFIG.replace(" check inter 1h", "").replace(" track s1", "");
    let Some(real) = Real::start(&config) else { return };
    let mut ours = Bench::new(&config.replace("FOLDER", &real.folder.to_string_lossy()));
    for line in [
        "show cli level",
        "show cli sockets",
        "show backend",
        "show stat",
        "show stat -1 1 -1",
        "show stat be 4 2",
        "show stat 4 4 -1 up",
        "show stat 4 2 -1 no-maint",
        "show stat 99 1 1",
        "show stat nope 4 -1",
        "show stat typed 1 1",
        "show stat domain nope",
        "show servers state",
        "show servers state bt",
        "show servers state nope",
        "show servers conn nope",
        "show env NO_SUCH_VARIABLE",
        "show errors nope",
        "get weight be/s1",
        "get weight #4/#2",
        "get weight be/#2",
        "get weight be",
        "get weight be/nope",
        "get weight nope/s1",
        "set weight be/s1 50%",
        "get weight be/s1",
        "set weight be/s1 14%",
        "get weight be/s1",
        "set weight be/s1 1000%",
        "get weight be/s1",
        "set weight be/s1 257",
        "set weight be/s1 -1",
        "set weight be/s1 -1%",
        "set weight be/s1 x",
        "set weight be/s1 1x",
        "set weight be/s1",
        "set weight be/s1 100%",
        "set weight bt/t2 50%",
        "set weight bt/t2 0",
        "set weight bt/t2 3",
        "set server be/s2 state drain",
        "show stat be 4 -1",
        "show stat be 2 -1",
        "show servers state be",
        "set server be/s2 state maint",
        "show stat be 4 -1",
        "show servers state be",
        "set server be/s2 state ready",
        "set server be/s2 health down",
        "show stat be 4 -1",
        "set server be/s2 health stopping",
        "show stat be 6 -1",
        "set server be/s2 health up",
        "show stat be 4 -1",
        "set server be/s2 health nope",
        "set server be/s2 agent up",
        "set server be/s2 nope",
        "set server be/s2 addr 127.0.0.9",
        "set server be/s2 addr 127.0.0.9 port 77",
        "set server be/s2 addr 127.0.0.8 port 78",
        "set server be/s2 addr ::1",
        "set server be/s2 addr ::1 port abc",
        "set server be/s2 addr nope",
        "set server be/s2 addr",
        "show servers state be",
        "set server be/s2 check-port 3",
        "set server be/s2 check-addr",
        "set server be/s2 fqdn x",
        "disable server be/s1",
        "show stat be 4 -1",
        "enable server be/s1",
        "enable server be/s4",
        "show stat be 4 -1",
        "disable server",
        "enable health be/s1",
        "disable health be/s1",
        "enable agent be/s1",
        "disable agent be/s1",
        "set maxconn server be/s2 9",
        "set maxconn server be/s2 x",
        "set maxconn server be/s2",
        "show stat be 4 2",
        "set maxconn frontend fe2 40",
        "set maxconn frontend nope 40",
        "set maxconn frontend fe2",
        "show stat fe2 1 -1",
        "set maxconn global 5000",
        "set maxconn global",
        "set rate-limit",
        "set rate-limit sessions nope 3",
        "set rate-limit sessions global",
        "set rate-limit sessions global 7",
        "set timeout cli 7",
        "set timeout cli x",
        "set timeout",
        "disable frontend fe2",
        "disable frontend fe2",
        "show stat fe2 1 -1",
        "enable frontend fe2",
        "enable frontend fe2",
        "shutdown frontend fe2",
        "shutdown frontend fe2",
        "enable frontend fe2",
        "disable frontend fe2",
        "show stat fe2 1 -1",
        "shutdown session nope",
        "shutdown sessions server be/nope",
        "shutdown sessions server be/s1",
        "clear counters",
        "clear counters all",
        "show stat -1 7 -1",
        "expert-mode",
        "expert-mode on; expert-mode; user; expert-mode",
        "experimental-mode nope",
        "set severity-output number; get weight be/nope; show cli level",
        "set severity-output string; get weight be/nope; show cli level",
        "set severity-output",
        "operator; show env NO_SUCH_VARIABLE; user; show env HOME; set weight be/s1 1; operator",
    ] {
        // Each connection begins with its own settings.
        ours.session = evenkeel_admin::cli::Session::new(
            evenkeel_plan::global::CliLevel::Admin,
            Duration::from_secs(10),
        );
        let (theirs, ours) = (real.ask(line), ours.ask(line));
        assert_eq!(comparable(&ours), comparable(&theirs), "{line}");
    }
}
