//! Who is told: notify scripts in order, FIFOs, mail; and who tells us: tracked scripts, files, processes.
#![allow(clippy::print_stderr)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::*;
use evenkeel_base::Span;
use evenkeel_lab::netns::Lab;
use evenkeel_plan::keeper::global::Fifo;
use evenkeel_plan::keeper::script::ParamMatch;
use evenkeel_plan::keeper::{KeeperPlan, ScriptPlan, SmtpServer, TrackPlan};
use evenkeel_vrrp::Became;
use evenkeel_vrrp::conf::{TrackConf, TrackId, TrackKind, TrackUse};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ek-telling-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("temp dir is writable");
        Folder(path)
    }

    fn script(&self, name: &str, body: &str) -> ScriptPlan {
        let path = self.0.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
        let text = path.to_string_lossy().into_owned();
        ScriptPlan { args: vec![text.clone()], text, user: None, span: Span::default() }
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lab() -> Lab {
    Lab::new().node("a", &["10.77.0.1/24"]).build().expect("builds")
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn track(plan: &mut KeeperPlan, name: &str, kind: TrackKind, how: TrackPlan, weight: i32) {
    let id = TrackId(plan.node.tracks.len() as u32);
    plan.node.tracks.push(TrackConf { name: name.into(), kind });
    plan.tracks.push(how);
    plan.node.instances[0].tracks.push(TrackUse { track: id, weight, reverse: false });
}

#[test]
fn scripts_run_in_order_and_fifos_say_the_same() {
    if !possible() {
        return;
    }
    let folder = Folder::new("notify");
    let lab = lab();
    let out = folder.path("out");
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    let notify = &mut plan.instances[0].notify;
    // Slow, so that without an order the later ones would be first.
    notify.backup = Some(folder.script("backup", &format!("sleep 0.5; echo backup >>{out}")));
    notify.master = Some(folder.script("master", &format!("sleep 0.2; echo master >>{out}")));
    notify.stop = Some(folder.script("stop", &format!("echo stop >>{out}")));
    notify.any = Some(folder.script("any", &format!("echo \"$@\" >>{out}")));
    let reader = folder.script("reader", &format!("exec cat \"$1\" >>{}", folder.path("heard")));
    plan.global.vrrp_fifo = Some(Fifo { path: folder.path("fifo"), script: Some(reader) });
    let keeper = Running::start(lab.node("a"), plan);
    let news = keeper.handle.subscribe().expect("runs");
    keeper.wait_for_line("Entering MASTER STATE");
    wait(|| read(&out).contains("MASTER"), || read(&out));
    wait(|| read(folder.path("heard")).contains("MASTER"), || read(folder.path("heard")));
    keeper.stop();
    assert_eq!(
        read(&out),
        "backup\nINSTANCE VI BACKUP 150\nmaster\nINSTANCE VI MASTER 150\nstop\nINSTANCE VI STOP 150\n"
    );
    let heard = read(folder.path("heard"));
    assert!(heard.starts_with("INSTANCE \"VI\" BACKUP 150\nINSTANCE \"VI\" MASTER 150\n"), "{heard}");
    assert!(!Path::new(&folder.path("fifo")).exists(), "removed");
    let became: Vec<_> = news.try_iter().map(|told| told.became).collect();
    assert!(became.ends_with(&[Became::Master, Became::Stop]), "{became:?}");
}

#[test]
fn mail_goes_out_and_a_dead_server_delays_nothing() {
    if !possible() {
        return;
    }
    let lab = lab();
    let a = lab.node("a");
    sh(a, "ip link set lo up");
    let listener = a.within(|| TcpListener::bind("127.0.0.1:2525").expect("free")).expect("namespace");
    let sink = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a mail");
        let mut input = BufReader::new(stream.try_clone().expect("once more"));
        let mut said = String::new();
        (&stream).write_all(b"220 sink\r\n").expect("sent");
        let mut line = String::new();
        while input.read_line(&mut line).expect("text") > 0 {
            said += &line;
            let answer: &[u8] = match line.as_str() {
                "DATA\r\n" => b"354 go\r\n",
                "QUIT\r\n" => return said,
                ".\r\n" => b"250 ok\r\n",
                text if text.starts_with("HELO") || text.starts_with("MAIL") || text.starts_with("RCPT") => {
                    b"250 ok\r\n"
                }
                _ => b"",
            };
            (&stream).write_all(answer).expect("sent");
            line.clear();
        }
        said
    });
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    plan.instances[0].notify.mail = true;
    plan.global.router_id = Some("NODE".into());
    plan.global.mail.to = vec!["root@example.com".into()];
    plan.global.mail.server = Some(SmtpServer { host: "127.0.0.1".into(), port: 2525 });
    let keeper = Running::start(a, plan);
    let said = sink.join().expect("no panic");
    assert!(said.contains("Subject: [NODE] VRRP Instance VI - Entering BACKUP state\r\n"), "{said}");
    assert!(said.contains("=> VRRP Instance is no longer owning VRRP VIPs <="), "{said}");
    // Nobody listens any more.
    keeper.wait_for_line("Entering MASTER STATE");
    keeper.wait_for_line("mail lost");
    assert!(has(a, "eth0", "10.77.0.100"));
}

#[test]
fn tracked_scripts_fail_succeed_and_are_killed_when_they_take_too_long() {
    if !possible() {
        return;
    }
    let folder = Folder::new("script");
    let lab = lab();
    let a = lab.node("a");
    let mode = folder.path("mode");
    std::fs::write(&mode, "ok").expect("written");
    let body = format!(
        "echo $$ >>{}; case $(cat {mode}) in ok) exit 0;; hang) sleep 600;; *) exit 1;; esac",
        folder.path("pids")
    );
    let script = folder.script("check", &body);
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 100, &["10.77.0.100/24"]);
    let kind = TrackKind::Script {
        interval: Duration::from_millis(100),
        timeout: Duration::from_millis(300),
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    track(&mut plan, "chk", kind, TrackPlan::Script(Some(script)), 0);
    let keeper = Running::start(a, plan);
    keeper.wait_for_line("VRRP_Script(chk) succeeded");
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    std::fs::write(&mode, "bad").expect("written");
    keeper.wait_for_line("VRRP_Script(chk) failed (exited with status 1)");
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    std::fs::write(&mode, "ok").expect("written");
    wait(|| has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    std::fs::write(&mode, "hang").expect("written");
    keeper.wait_for_line("VRRP_Script(chk) timed_out");
    wait(|| !has(a, "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    drop(keeper);
    for pid in read(folder.path("pids")).lines() {
        let gone = || {
            !Path::new(&format!("/proc/{pid}")).exists() || read(format!("/proc/{pid}/stat")).contains(") Z")
        };
        wait(gone, || format!("{pid} lives"));
    }
}

#[test]
fn tracked_files_weigh() {
    if !possible() {
        return;
    }
    let folder = Folder::new("file");
    let lab = lab();
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 100, 100, &["10.77.0.100/24"]);
    let path = folder.path("value");
    let how = TrackPlan::File { path: path.clone(), init: Some(5), overwrite: false };
    track(&mut plan, "tf", TrackKind::File, how, 2);
    let keeper = Running::start(lab.node("a"), plan);
    let priority = || {
        let look = |look: &evenkeel_keeper::Look<'_>| {
            look.node.view().instances().next().map(|i| i.priority().effective)
        };
        keeper.handle.look(look).expect("runs")
    };
    wait(|| priority() == Some(110), || format!("{:?}", priority()));
    assert_eq!(read(&path), "5\n");
    std::fs::write(&path, "-20").expect("written");
    wait(|| priority() == Some(60), || format!("{:?}", priority()));
    std::fs::write(folder.path("new"), "1").expect("written");
    std::fs::rename(folder.path("new"), &path).expect("renamed");
    wait(|| priority() == Some(102), || format!("{:?}", priority()));
    std::fs::remove_file(&path).expect("ours");
    wait(|| priority() == Some(100), || format!("{:?}", priority()));
}

#[test]
fn tracked_processes_come_and_go() {
    if !possible() {
        return;
    }
    let folder = Folder::new("process");
    let name = format!("ekp{}", std::process::id());
    let program = folder.0.join(&name);
    std::fs::copy("/bin/sleep", &program).expect("copied");
    let lab = lab();
    // In a node there is no connector; in this machine's own namespace there may be.
    for inside in [true, false] {
        let mut plan = empty();
        instance(&mut plan, "VI", 51, 100, 100, &["10.77.0.100/24"]);
        if !inside {
            // Nothing of this machine's network is touched: an interface that is not there.
            plan.node.interfaces = vec!["ek-none0".into()];
        }
        let kind = TrackKind::Process { fork_delay: Duration::ZERO, terminate_delay: Duration::ZERO };
        let how = TrackPlan::Process {
            command: name.clone(),
            params: None,
            param_match: ParamMatch::Exact,
            full_command: false,
            quorum: 1,
            quorum_max: None,
        };
        track(&mut plan, "tp", kind, how, 10);
        let keeper = if inside { Running::start(lab.node("a"), plan) } else { Running::here(plan) };
        let told = keeper.handle.look(|look| look.hands.processes().1).expect("runs");
        if !inside && !told {
            eprintln!("skipped: no process connector here");
        }
        let up =
            || keeper.handle.look(|look| look.hands.processes().0.values().sum::<usize>()).expect("runs");
        assert_eq!(up(), 0);
        let mut child = std::process::Command::new(&program).arg("600").spawn().expect("starts");
        wait(|| up() == 1, || format!("{}", up()));
        child.kill().expect("ours");
        child.wait().expect("ours");
        wait(|| up() == 0, || format!("{}", up()));
    }
}

#[test]
fn the_end_comes_soon() {
    if !possible() {
        return;
    }
    let lab = lab();
    let mut plan = empty();
    instance(&mut plan, "VI", 51, 150, 10, &["10.77.0.100/24"]);
    let keeper = Running::start(lab.node("a"), plan);
    wait(|| has(lab.node("a"), "eth0", "10.77.0.100"), || format!("{:#?}", keeper.lines()));
    std::thread::sleep(Duration::from_secs(1));
    let latest = keeper.handle.look(|look| look.hands.counters().latest_us).expect("runs");
    let start = Instant::now();
    keeper.stop();
    eprintln!("stopped within {:?}; the latest deadline was {latest} us late", start.elapsed());
}
