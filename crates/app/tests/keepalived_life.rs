//! The life of `keepalived` as scripts and service managers see it: pid files, background, respawn, signals, dumps, reload;
//! and what the running keeper tells of itself. In machines of namespaces: nothing of this one is touched.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{self, Lab, Node, Proc};

const OURS: &str = env!("CARGO_BIN_EXE_evenkeel");
const ORIGINAL: &str = "/usr/sbin/keepalived";

/// How long anything may take before a test gives up; nothing is measured against it.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

const CONF: &str = "/etc/keepalived/keepalived.conf";
const PARENT: &str = "/run/keepalived.pid";
const VRRP: &str = "/run/vrrp.pid";

const PLAIN: &str = "\
global_defs {
 router_id one
 script_user root
 enable_script_security
}
vrrp_script chk {
 script \"/usr/bin/true\"
 interval 1
 weight 2
}
vrrp_instance VI_1 {
 state MASTER
 interface v0
 virtual_router_id 51
 priority 100
 advert_int 1
 virtual_ipaddress {
  192.0.2.100/24
  192.0.2.101/24 label v0:1
 }
 virtual_ipaddress_excluded {
  192.0.2.110
 }
 track_script {
  chk
 }
 notify_master \"/usr/bin/true\"
}
vrrp_instance VI_2 {
 interface v0
 virtual_router_id 52
 priority 90
 advert_int 0.5
 version 3
 nopreempt
 virtual_ipaddress {
  192.0.2.120/24 dev v0
 }
}
";

/// A lab of one machine with both programs, or a printed reason why not.
fn lab() -> Option<Lab> {
    if let Err(why) = netns::available() {
        println!("skipped: {why}");
        return None;
    }
    let mut lab = Lab::new().machine("lb").link_as("lb", "lan", "v0", &["192.0.2.1/24"]);
    lab = lab.program("lb", "keepalived", OURS).program("lb", "evenkeel", OURS);
    if std::path::Path::new(ORIGINAL).exists() {
        lab = lab.program("lb", "original", ORIGINAL);
    }
    match lab.build() {
        Ok(lab) => Some(lab),
        Err(error) => panic!("the lab: {error}"),
    }
}

/// A machine with a configuration.
struct Machine<'a>(&'a Node);

impl<'a> Machine<'a> {
    fn new(lab: &'a Lab, conf: &str) -> Machine<'a> {
        let machine = Machine(lab.node("lb"));
        machine.put(CONF, conf);
        machine
    }

    fn put(&self, path: &str, text: &str) {
        self.0.put(path, text, 0o644).expect("its own file");
    }

    fn read(&self, path: &str) -> Option<String> {
        self.0.read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn start(&self, words: &[&str]) -> Proc {
        self.0.spawn(words).expect("it starts")
    }

    /// Runs it to its end: exit code, standard output, standard error.
    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let out = self.0.run(words).expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code(), text(&out.stdout), text(&out.stderr))
    }

    fn sh(&self, line: &str) -> String {
        let (code, out, err) = self.run(&["sh", "-c", line]);
        assert_eq!(code, Some(0), "{line}\n{out}\n{err}");
        out.trim().to_string()
    }

    /// The number that a pid file holds, as soon as it holds one of a process that lives.
    fn pid(&self, file: &str) -> String {
        let mut pid = String::new();
        self.wait(file, || {
            pid = self.read(file).unwrap_or_default().trim().to_string();
            !pid.is_empty() && self.alive(&pid)
        });
        pid
    }

    /// True while a process is there and is no zombie.
    fn alive(&self, pid: &str) -> bool {
        let (_, out, _) = self.run(&["cat", &format!("/proc/{pid}/stat")]);
        out.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|state| state != 'Z')
    }

    #[track_caller]
    fn wait(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(
                Instant::now() < deadline,
                "in vain: {what}\n{}",
                self.sh("ls -l /run /tmp; ip addr show v0")
            );
            std::thread::sleep(PAUSE);
        }
    }

    fn holds(&self, address: &str) -> bool {
        self.sh("ip -o addr show v0").contains(address)
    }

    fn kill(&self, signal: &str, pid: &str) {
        self.sh(&format!("kill -{signal} {pid}"));
    }
}

#[test]
fn a_daemon_comes_and_goes() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    // Paths mean the folder that it was started in, though it leaves that.
    let (code, out, err) = m.run(&["sh", "-c", "cd /tmp && exec keepalived -g k.log"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""));
    let (parent, vrrp) = (m.pid(PARENT), m.pid(VRRP));
    assert_ne!(parent, vrrp);
    for pid in [&parent, &vrrp] {
        assert_eq!(m.sh(&format!("cat /proc/{pid}/comm")), "keepalived");
        assert_eq!(m.sh(&format!("readlink /proc/{pid}/cwd")), "/");
        assert_eq!(m.sh(&format!("grep Umask /proc/{pid}/status")), "Umask:\t0177");
        for fd in 0..3 {
            assert_eq!(m.sh(&format!("readlink /proc/{pid}/fd/{fd}")), "/dev/null");
        }
    }
    assert_eq!(m.sh(&format!("awk '/^PPid/ {{print $2}}' /proc/{vrrp}/status")), parent);
    assert_eq!(m.sh("stat -c %a /run/keepalived.pid /run/vrrp.pid"), "644\n644");
    m.wait("the addresses", || m.holds("192.0.2.100/24") && m.holds("192.0.2.120/24"));
    // A second one sees the first, and leaves with 0 as the original does.
    let (code, _, err) = m.run(&["keepalived", "-n"]);
    assert_eq!(code, Some(0));
    assert!(err.contains(&format!("daemon is already running (process {parent}")), "{err}");
    m.kill("TERM", &parent);
    m.wait("the end", || !m.alive(&parent) && !m.alive(&vrrp));
    assert_eq!(m.sh("find /run -name '*.pid' -o -name '*.sock'"), "");
    assert!(!m.holds("192.0.2.100") && !m.holds("192.0.2.110") && !m.holds("192.0.2.120"));
    let log = m.read("/tmp/k.log").expect("written");
    for line in [
        "Starting Keepalived v2.",
        "Command line: 'keepalived' '-g' 'k.log'",
        "Startup complete",
        "Stopping",
        "Stopped Keepalived",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    let log = m.read("/tmp/k_vrrp.log").expect("the VRRP process has its own");
    for line in [": (VI_1) Entering BACKUP STATE (init)", ": (VI_1) Entering MASTER STATE", ": Stopped"] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[test]
fn what_dies_is_started_again() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    let mut proc = m.start(&["keepalived", "-n", "-l", "-f", CONF]);
    let first = m.pid(VRRP);
    m.kill("KILL", &first);
    m.wait("another one", || m.pid(VRRP) != first);
    let second = m.pid(VRRP);
    assert!(
        proc.wait_for(&format!("VRRP child process({first}) died: Respawning"), PATIENCE),
        "{}",
        proc.stderr()
    );
    m.wait("it works", || m.holds("192.0.2.100/24"));
    // An end by TERM is a death as well, as in the original.
    m.kill("TERM", &second);
    m.wait("a third one", || m.pid(VRRP) != second);
    proc.signal(15).expect("it lives");
    let status = proc.wait(PATIENCE).expect("waits").expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", proc.stderr());

    let mut proc = m.start(&["keepalived", "-n", "-R", "-l"]);
    let child = m.pid(VRRP);
    m.kill("KILL", &child);
    let status = proc.wait(PATIENCE).expect("waits").expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", proc.stderr());
    assert!(
        proc.stderr().contains(&format!("VRRP child process({child}) died: Exiting")),
        "{}",
        proc.stderr()
    );
    assert_eq!(m.sh("find /run -name '*.pid'"), "");
}

#[test]
fn a_killed_parent_takes_its_child_along() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    assert_eq!(m.run(&["keepalived"]).0, Some(0));
    let (parent, vrrp) = (m.pid(PARENT), m.pid(VRRP));
    m.wait("the addresses", || m.holds("192.0.2.100/24"));
    m.kill("KILL", &parent);
    m.wait("the child's end", || !m.alive(&vrrp));
    assert!(!m.holds("192.0.2.100"), "it gives its addresses back");
    // What was left behind is no obstacle, not even when the number belongs to another program by now.
    let sleeper = m.start(&["sleep", "60"]);
    let other = m.sh("pidof sleep").split(' ').next().unwrap_or_default().to_string();
    m.put(PARENT, &format!("{other}\n"));
    assert_eq!(m.run(&["keepalived", "-l"]).0, Some(0));
    m.kill("TERM", &m.pid(PARENT));
    drop(sleeper);
}

#[test]
fn names_and_places_are_the_files() {
    let Some(lab) = lab() else { return };
    let named = PLAIN.replace(
        "global_defs {",
        "instance blue\nglobal_defs {\n process_name kparent\n vrrp_process_name kvrrp\n umask 022\n data_use_instance",
    );
    let m = Machine::new(&lab, &named);
    let mut proc = m.start(&["keepalived", "-n", "-l"]);
    let (parent, vrrp) =
        (m.pid("/run/keepalived/keepalived_blue.pid"), m.pid("/run/keepalived/vrrp_blue.pid"));
    assert!(proc.wait_for("Startup complete", PATIENCE), "{}", proc.stderr());
    assert_eq!(m.sh(&format!("cat /proc/{parent}/comm /proc/{vrrp}/comm")), "kparent\nkvrrp");
    assert!(m.sh("evenkeel status").starts_with("node one "), "the only socket of the folder is found");
    assert_eq!(m.sh("ls /run/evenkeel"), "keeper_blue.sock");
    proc.signal(10).expect("it lives");
    m.wait("the dumps", || {
        m.read("/tmp/keepalived_blue.data").is_some() && m.read("/tmp/keepalived_parent_blue.data").is_some()
    });
    assert_eq!(m.sh("stat -c %a /tmp/keepalived_blue.data"), "644");
    proc.signal(15).expect("it lives");
    assert_eq!(proc.wait(PATIENCE).expect("waits").and_then(|s| s.code()), Some(0), "{}", proc.stderr());
    assert_eq!(m.sh("find /run -name '*.pid' -o -name '*.sock'"), "");
}

#[test]
fn addresses_stay_where_that_is_asked_for() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    let mut proc = m.start(&["keepalived", "-n", "-l", "-V"]);
    m.wait("the addresses", || m.holds("192.0.2.100/24"));
    assert!(m.sh("ip -o addr show v0").lines().all(|line| line.contains("valid_lft forever")), "no leases");
    proc.signal(15).expect("it lives");
    assert_eq!(proc.wait(PATIENCE).expect("waits").and_then(|s| s.code()), Some(0), "{}", proc.stderr());
    assert!(m.holds("192.0.2.100/24"));
}

#[test]
fn a_manager_is_told() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    let name = format!("ek-manager-{}", std::process::id());
    let manager =
        m.0.within(|| {
            let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a good name");
            UnixDatagram::bind_addr(&address).expect("a free name")
        })
        .expect("it has a network");
    manager.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let heard = || {
        let mut buf = [0u8; 256];
        let n = manager.recv(&mut buf).expect("something is told");
        String::from_utf8_lossy(&buf[..n]).into_owned()
    };
    let mut proc = m.start(&["env", &format!("NOTIFY_SOCKET=@{name}"), "keepalived", "-n", "-l"]);
    let parent = m.pid(PARENT);
    assert_eq!(heard(), format!("READY=1\nMAINPID={parent}"));
    proc.signal(1).expect("it lives");
    assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(heard(), "READY=1");
    proc.signal(15).expect("it lives");
    assert_eq!(heard(), "STOPPING=1");
    assert_eq!(proc.wait(PATIENCE).expect("waits").and_then(|s| s.code()), Some(0), "{}", proc.stderr());
}

#[test]
fn a_reload_changes_only_what_has_changed() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    let proc = m.start(&["keepalived", "-n", "-l"]);
    m.wait("the addresses", || m.holds("192.0.2.100/24") && m.holds("192.0.2.120/24"));
    m.put(CONF, &PLAIN.replace("192.0.2.101/24 label v0:1", "192.0.2.102/24"));
    proc.signal(1).expect("it lives");
    m.wait("another address", || m.holds("192.0.2.102/24") && !m.holds("192.0.2.101/24"));
    assert_eq!(proc.stderr().matches("(VI_1) Entering MASTER STATE").count(), 1, "{}", proc.stderr());
    assert!(proc.stderr().contains("Reloading ..."), "{}", proc.stderr());
    // A file that is gone leaves everything as it is.
    m.sh(&format!("rm {CONF}"));
    proc.signal(1).expect("it lives");
    assert!(proc.wait_for("The configuration in force stays", PATIENCE), "{}", proc.stderr());
    assert!(m.holds("192.0.2.102/24"));
}

#[test]
fn a_broken_file_is_refused_where_that_is_asked_for() {
    let Some(lab) = lab() else { return };
    let checked = PLAIN.replace("global_defs {", "global_defs {\n reload_check_config /tmp/check.log");
    let m = Machine::new(&lab, &checked);
    let proc = m.start(&["keepalived", "-n", "-l"]);
    m.wait("the addresses", || m.holds("192.0.2.100/24"));
    m.put(CONF, &checked.replace("192.0.2.101/24", "192.0.2.102/24").replace("nopreempt", "nopreempted"));
    proc.signal(1).expect("it lives");
    let line = "New config failed validation, see /tmp/check.log for details";
    assert!(proc.wait_for(line, PATIENCE), "{}", proc.stderr());
    assert!(m.holds("192.0.2.101/24") && !m.holds("192.0.2.102/24"));
    assert!(m.read("/tmp/check.log").expect("written").contains("Unknown keyword 'nopreempted'"));
}

#[test]
fn the_keeper_tells_what_it_does() {
    let Some(lab) = lab() else { return };
    let m = Machine::new(&lab, PLAIN);
    let _proc = m.start(&["keepalived", "-n", "-l"]);
    m.wait("the addresses", || m.holds("192.0.2.100/24") && m.holds("192.0.2.120/24"));
    assert_eq!(m.sh("stat -c '%a %F' /run/evenkeel/keeper.sock"), "600 socket");
    let status = m.sh("evenkeel status");
    assert!(status.starts_with("node one   keeper running "), "{status}");
    assert!(status.lines().next().is_some_and(|l| l.ends_with("2 MASTER   nothing needs you")), "{status}");
    assert!(
        status.contains("VI_1   192.0.2.100/24, 192.0.2.101/24, 192.0.2.110/32 on v0   here, MASTER"),
        "{status}"
    );
    m.wait("the script", || m.sh("evenkeel status").contains("priority 102 = 100 + 2 (chk)"));
    let why = m.sh("evenkeel why VI_1");
    assert!(why.starts_with("VI_1 on one is MASTER since "), "{why}");
    assert!(why.contains("Entering MASTER STATE"), "{why}");
    assert!(m.sh("evenkeel why --all").contains("Entering BACKUP STATE (init)"));
    let json = m.sh("evenkeel status --json");
    assert!(json.starts_with(r#"{"node":"one","pid":"#) && json.ends_with('}'), "{json}");
    let metrics = m.sh("evenkeel status --metrics");
    assert!(
        metrics.contains("evenkeel_vrrp_state{instance=\"VI_1\",interface=\"v0\",vrid=\"51\"} 2\n"),
        "{metrics}"
    );
    let (code, _, err) = m.run(&["evenkeel", "why", "VI_9"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no instance is called VI_9. Did you mean VI_1?"), "{err}");
    // A cable that is pulled is seen and told.
    m.sh("ip link set v0 down");
    m.wait("the fault", || m.sh("evenkeel status").contains("VI_1 is in FAULT: "));
    assert!(m.sh("evenkeel why VI_1").contains("because interface v0"), "{}", m.sh("evenkeel why VI_1"));
}

/// What must not matter when two dumps are compared.
fn masked(line: &str) -> String {
    let keep = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let moving = ["Last transition", "Read timeout", "Master down timer", "\"last_transition\"", "Result ="];
    if moving.iter().any(|word| line.contains(word)) {
        let mut text: String = line.split([' ', '(']).take(6).collect::<Vec<_>>().join(" ");
        text = text.chars().map(keep).collect();
        return text;
    }
    line.to_string()
}

#[test]
fn dumps_have_the_originals_layout() {
    let Some(lab) = lab() else { return };
    if !std::path::Path::new(ORIGINAL).exists() {
        println!("skipped: no {ORIGINAL}");
        return;
    }
    let m = Machine::new(&lab, PLAIN);
    let dumps = |program: &str| {
        let mut proc = m.start(&[program, "-n", "-l"]);
        m.wait("the addresses", || m.holds("192.0.2.100/24") && m.holds("192.0.2.120/24"));
        assert!(proc.wait_for("VRRP_Script(chk) succeeded", PATIENCE), "{}", proc.stderr());
        let mut texts = Vec::new();
        for (signal, file) in [("USR1", "data"), ("USR2", "stats"), ("36", "json")] {
            m.kill(signal, &m.pid(PARENT));
            let path = format!("/tmp/keepalived.{file}");
            let mut text = String::new();
            // The original writes in place: it may be seen half done.
            m.wait(&path, || {
                let before = std::mem::replace(&mut text, m.read(&path).unwrap_or_default());
                !text.is_empty() && before == text
            });
            assert_eq!(m.sh(&format!("stat -c %a {path}")), "600");
            m.sh(&format!("rm {path}"));
            texts.push(text);
        }
        proc.signal(15).expect("it lives");
        assert!(proc.wait(PATIENCE).expect("waits").is_some());
        texts
    };
    let (theirs, ours) = (dumps("original"), dumps("keepalived"));
    // Data: our lines are the original's, in its order; it has more of them.
    let topology = |text: &str| -> Vec<String> {
        let lines = text.lines().skip_while(|l| *l != "------< VRRP Topology >------");
        lines.take_while(|l| *l != "------< Interfaces >------").map(masked).collect()
    };
    let (original, own) = (topology(&theirs[0]), topology(&ours[0]));
    let mut rest = original.iter();
    for line in &own {
        assert!(rest.any(|known| known == line), "{line:?} has no like\n{}\n---\n{}", theirs[0], ours[0]);
    }
    let missing: Vec<&String> = original.iter().filter(|line| !own.contains(line)).collect();
    assert!(missing.len() <= 20, "{missing:#?}");
    // Stats: the same but for the numbers. JSON: the same keys in the same order.
    let no_numbers = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(no_numbers(&ours[1]), no_numbers(&theirs[1]));
    let keys = |text: &str| -> Vec<String> {
        let parts = text.split('"').collect::<Vec<_>>();
        parts.windows(2).filter(|w| w[1].starts_with(':')).map(|w| w[0].to_string()).collect()
    };
    assert_eq!(keys(&ours[2]), keys(&theirs[2]), "{}\n---\n{}", ours[2], theirs[2]);
}

#[test]
fn the_bus_knows_the_instances() {
    let Some(lab) = lab() else { return };
    for program in ["/usr/bin/dbus-daemon", "/usr/bin/dbus-send"] {
        if !std::path::Path::new(program).exists() {
            println!("skipped: no {program}");
            return;
        }
    }
    let m = Machine::new(&lab, &PLAIN.replace("global_defs {", "global_defs {\n enable_dbus"));
    const BUS: &str = "unix:path=/tmp/bus";
    m.put(
        "/tmp/bus.conf",
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
         \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
         <busconfig><listen>unix:path=/tmp/bus</listen><auth>EXTERNAL</auth><policy context=\"default\">\
         <allow user=\"*\"/><allow own=\"*\"/><allow send_type=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
         </policy></busconfig>\n",
    );
    let _bus = m.start(&["dbus-daemon", "--config-file=/tmp/bus.conf", "--nofork"]);
    m.wait("the bus", || m.read("/tmp/bus").is_some() || m.run(&["test", "-S", "/tmp/bus"]).0 == Some(0));
    let mut proc = m.start(&["env", &format!("DBUS_SYSTEM_BUS_ADDRESS={BUS}"), "keepalived", "-n", "-l"]);
    assert!(proc.wait_for("Acquired DBus bus org.keepalived.Vrrp1", PATIENCE), "{}", proc.stderr());
    let ask = |path: &str, words: &str| {
        let line = format!(
            "dbus-send --bus={BUS} --print-reply --dest=org.keepalived.Vrrp1 {path} {words} 2>&1 || true"
        );
        m.sh(&line)
    };
    const ONE: &str = "/org/keepalived/Vrrp1/Instance/v0/51/IPv4";
    let all = "org.freedesktop.DBus.Properties.GetAll string:org.keepalived.Vrrp1.Instance";
    m.wait("its state", || ask(ONE, all).contains("uint32 2"));
    let properties = ask(ONE, all);
    for word in ["string \"Name\"", "string \"VI_1\"", "string \"State\"", "string \"Master\""] {
        assert!(properties.contains(word), "{word}\n{properties}");
    }
    let one =
        ask(ONE, "org.freedesktop.DBus.Properties.Get string:org.keepalived.Vrrp1.Instance string:State");
    assert!(one.contains("uint32 2"), "{one}");
    let xml = ask("/org/keepalived/Vrrp1/Instance/v0", "org.freedesktop.DBus.Introspectable.Introspect");
    assert!(xml.contains("<node name=\"51\"/>") && xml.contains("<node name=\"52\"/>"), "{xml}");
    let done = ask(ONE, "org.keepalived.Vrrp1.Instance.SendGarp");
    assert!(done.starts_with("method return"), "{done}");
    assert!(proc.wait_for("Sending garps on VI_1 on DBus request", PATIENCE), "{}", proc.stderr());
    let vrrp = "/org/keepalived/Vrrp1/Vrrp";
    assert!(ask(vrrp, "org.keepalived.Vrrp1.Vrrp.PrintData").starts_with("method return"));
    assert!(m.read("/tmp/keepalived.data").is_some_and(|text| text.contains(" VRRP Instance = VI_2\n")));
    assert!(ask(vrrp, "org.keepalived.Vrrp1.Vrrp.Frob").contains("UnknownMethod"));
    assert!(ask("/nowhere", "org.keepalived.Vrrp1.Vrrp.PrintData").contains("UnknownObject"));
    // Changes are told to who listens.
    let monitor = m.start(&["dbus-monitor", "--address", BUS, "type=signal,member=VrrpStatusChange"]);
    assert!(monitor.wait_for("NameAcquired", PATIENCE), "{}", monitor.stdout());
    m.sh("ip link set v0 down");
    m.wait("the news", || monitor.stdout().contains(ONE) && monitor.stdout().contains("uint32 3"));
    // Who is not root may look and not touch.
    if std::path::Path::new("/usr/bin/setpriv").exists() {
        let line = format!(
            "setpriv --reuid 65534 --clear-groups dbus-send --bus={BUS} --print-reply --dest=org.keepalived.Vrrp1 {vrrp} \
             org.keepalived.Vrrp1.Vrrp.PrintData 2>&1 || true"
        );
        let refused = m.sh(&line);
        assert!(refused.contains("AccessDenied"), "{refused}");
    }
    assert!(ask(vrrp, "org.keepalived.Vrrp1.Vrrp.ReloadConfig").starts_with("method return"));
    assert!(proc.wait_for("Reload complete", PATIENCE), "{}", proc.stderr());
    proc.signal(15).expect("it lives");
    assert_eq!(proc.wait(PATIENCE).expect("waits").and_then(|s| s.code()), Some(0), "{}", proc.stderr());
}
