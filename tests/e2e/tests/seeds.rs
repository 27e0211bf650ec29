//! The configurations that users have on their disks, run as they are, in networks that carry their addresses. Skipped,
//! with the reason, without root, network namespaces or the files.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use evenkeel_e2e::daemon::{Folder, listening};
use evenkeel_e2e::program::Program;
use evenkeel_e2e::site::{Browser, csv_field, stats_form, tally};
use evenkeel_e2e::{PATIENCE, shared, skip, wait};
use evenkeel_lab::netns::{self, Lab, LabBuilder, Node, Proc};
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

/// A load balancer called `lb` in a network of its own, with what its file expects on its machine: a user, folders, names.
struct Machine {
    lab: Lab,
    folder: Folder,
    proc: Proc,
}

/// Mounts what the file expects, visible to this process alone: pid files and the chroot folder; users and names.
const PREPARE: &str = "set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/haproxy
for f in passwd group hosts resolv.conf; do mount --bind \"$0/$f\" \"/etc/$f\"; done
exec \"$@\"";

fn possible() -> bool {
    netns::available().map_err(skip).is_ok()
}

/// A network with the load balancer at `lb`, a client at `client`, and `webs`.
fn network(lb: &str, client: &str, webs: &[(&str, &str)]) -> Lab {
    let add = |lab: LabBuilder, (name, addr): (&str, &str)| lab.node(name, &[&format!("{addr}/24")]);
    let lab = [("lb", lb), ("client", client)].into_iter().chain(webs.iter().copied()).fold(Lab::new(), add);
    lab.build().expect("what is possible in small is possible in large")
}

fn web(lab: &Lab, node: &str, name: &str, kind: WebKind, addr: &str) -> WebServer {
    let addr = addr.parse().expect("literal");
    WebServer::start(WebSpec::new(name, kind, addr).inside(lab.node(node))).expect("a node of its own")
}

impl Machine {
    /// Runs `files` in node `lb`; `hosts` are the names that it knows. `daemon`: the file sends itself to the background.
    #[track_caller]
    fn start(lab: Lab, files: &[&Path], hosts: &str, daemon: bool) -> Machine {
        let folder = Folder::new();
        // Enough of both files for the names that seeds use, whatever this machine has.
        let known = |file: &str, line: &str| {
            let own = std::fs::read_to_string(file).unwrap_or_default();
            if own.lines().any(|l| l.starts_with("haproxy:")) { own } else { format!("{own}{line}\n") }
        };
        folder.write(
            "passwd",
            known("/etc/passwd", "haproxy:x:64099:64099::/var/lib/haproxy:/usr/sbin/nologin"),
        );
        folder.write("group", known("/etc/group", "haproxy:x:64099:"));
        folder.write("hosts", format!("127.0.0.1 localhost\n{hosts}"));
        // Nobody answers there: names come from the file above only.
        folder.write("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n");
        let mut machine = Machine {
            proc: spawn(lab.node("lb"), &folder, &folder.link(Program::Ours), files, &[]),
            lab,
            folder,
        };
        if daemon {
            let status = machine.proc.wait(PATIENCE).expect("our child").expect("it goes to the background");
            assert_eq!(status.code(), Some(0), "{}", machine.proc.stderr());
        }
        wait("port 80", || {
            assert!(daemon || machine.proc.is_running(), "it has ended: {}", machine.proc.stderr());
            let table =
                machine.lab.node("lb").run(&["cat", "/proc/net/tcp", "/proc/net/tcp6"]).expect("runs").stdout;
            listening(&String::from_utf8_lossy(&table)).contains(&80)
        });
        machine
    }

    /// `-c` on the same machine.
    fn check(&self, files: &[&Path]) -> (Option<i32>, String) {
        let mut proc =
            spawn(self.lab.node("lb"), &self.folder, &self.folder.path().join("haproxy"), files, &["-c"]);
        let status = proc.wait(PATIENCE).expect("our child").expect("it only looks");
        (status.code(), proc.stderr())
    }

    fn browser(&self, site: &str) -> Browser {
        Browser::inside(self.lab.node("client"), site.parse().expect("literal"))
    }
}

fn spawn(node: &Node, folder: &Folder, program: &Path, files: &[&Path], args: &[&str]) -> Proc {
    let mut command = node.command("sh");
    command.args(["-c", PREPARE]).arg(folder.path()).arg(program).args(args);
    for file in files {
        command.arg("-f").arg(file);
    }
    Proc::start(command).expect("ip is there")
}

/// A server's state, by the statistics' CSV.
#[track_caller]
fn status(stats: &Browser, target: &str, proxy: &str, server: &str) -> String {
    csv_field(&stats.get(target).text(), proxy, server, "status").expect("the server has a row")
}

const ADMIN: &str = "Authorization: Basic YWRtaW46YWRtaW4=";

/// `stats auth` with admin:admin, the form with its actions.
#[track_caller]
fn stats_page_works(stats: &Browser, uri: &str, shown: &[&str], proxy: &str, server: &str) {
    let refused = stats.get(uri);
    assert_eq!(refused.status(), 401, "{}", refused.head);
    assert!(refused.field("www-authenticate").starts_with("Basic realm="), "{}", refused.head);
    let wrong = stats.with("Authorization: Basic YWRtaW46bm8=").get(uri);
    assert_eq!(wrong.status(), 401, "a wrong password");
    let admin = stats.with(ADMIN);
    let page = admin.get(uri);
    assert_eq!(page.status(), 200, "{}", page.head);
    for name in shown {
        assert!(page.text().contains(name), "{name} is not on the page");
    }
    let csv = format!("{uri};csv");
    for (action, want) in [("drain", "DRAIN"), ("ready", "UP"), ("maint", "MAINT"), ("ready", "UP")] {
        let form = stats_form(&page.text(), server, action).expect("the page has a form for it");
        let done = admin.ask("POST", uri, &form);
        assert_eq!(done.status(), 303, "{}", done.head);
        assert!(done.field("location").contains("st=DONE"), "{}", done.head);
        wait(want, || status(&admin, &csv, proxy, server).starts_with(want));
    }
    assert_eq!(stats.ask("POST", uri, &format!("s={server}&action=maint&b={proxy}")).status(), 401);
}

#[test]
fn seed_000_static_and_dynamic() {
    let Some(file) = shared("seeds/000-haproxy.cfg").filter(|_| possible()) else { return };
    let lab = network("172.18.67.10", "172.18.67.9", &[("web1", "172.18.67.11"), ("web2", "172.18.67.12")]);
    let static1 = web(&lab, "web1", "static1", WebKind::Static, "172.18.67.11:8080");
    let _static2 = web(&lab, "web2", "static2", WebKind::Static, "172.18.67.12:8080");
    let app1 = web(&lab, "web1", "app1", WebKind::Dynamic, "172.18.67.11:80");
    let _app2 = web(&lab, "web2", "app2", WebKind::Dynamic, "172.18.67.12:80");
    let syslog =
        lab.node("lb").within(|| UdpSocket::bind("127.0.0.1:514")).expect("namespace").expect("a free port");
    let machine = Machine::start(lab, &[&file], "", true);
    let site = machine.browser("172.18.67.10:80");

    for (target, names) in [
        ("/x.png", ["static1", "static2"]),
        ("/static/style.css", ["static1", "static2"]),
        ("/IMAGES/boat.SVG?x", ["static1", "static2"]),
        ("/", ["app1", "app2"]),
        ("/x.php?file=x.png", ["app1", "app2"]),
    ] {
        let seen = site.servers(target, 4);
        assert_eq!(tally(&seen, names), [2, 2], "{target}");
        assert!(seen.windows(2).all(|w| w[0] != w[1]), "{target}: in turn: {seen:?}");
    }
    let seen = app1.seen().into_iter().rfind(|s| s.line() == "GET / HTTP/1.1").expect("it was asked");
    assert_eq!(seen.header("x-forwarded-for").as_deref(), Some("172.18.67.9"));
    assert_eq!(seen.header("connection").as_deref(), Some("close"), "http-server-close");
    let mut line = [0u8; 2048];
    syslog.set_read_timeout(Some(PATIENCE)).expect("not zero");
    let n = syslog.recv(&mut line).expect("a log line");
    let line = String::from_utf8_lossy(&line[..n]).into_owned();
    assert!(line.starts_with("<150>") && line.contains(" haproxy["), "local2.info: {line}");

    let stats = machine.browser("172.18.67.10:10086");
    let uri = "/admin?stats";
    stats_page_works(
        &stats,
        uri,
        &["staticsrvs", "stcsrvs1", "stcsrvs2", "wp1", "wp2"],
        "staticsrvs",
        "stcsrvs1",
    );

    // In drain nobody new comes to it.
    let admin = stats.with(ADMIN);
    let form = |action| stats_form(&admin.get(uri).text(), "stcsrvs1", action).expect("has a form");
    admin.ask("POST", uri, &form("drain"));
    wait("only the other", || tally(&site.servers("/x.png", 4), ["static1", "static2"]) == [0, 4]);
    admin.ask("POST", uri, &form("ready"));
    wait("both again", || tally(&site.servers("/x.png", 4), ["static1", "static2"]) == [2, 2]);

    // A dead server leaves, and nobody notices but the survivors.
    let csv = "/admin?stats;csv";
    static1.stop();
    wait("a dead server to leave", || {
        let answer = site.get("/x.png");
        assert_eq!((answer.status(), answer.field("x-served-by")), (200, "static2"));
        status(&admin, csv, "staticsrvs", "stcsrvs1") == "DOWN"
    });
    static1.resume().expect("its port is free");
    wait("it to come back", || status(&admin, csv, "staticsrvs", "stcsrvs1") == "UP");
    assert_eq!(tally(&site.servers("/x.png", 4), ["static1", "static2"]), [2, 2]);
}

/// Both files of 002 split ten requests four to six.
fn splits_four_to_six(seed: &str, checked_by: &str) {
    let Some(file) = shared(seed).filter(|_| possible()) else { return };
    let lab =
        network("192.168.118.10", "192.168.118.9", &[("rs1", "192.168.118.30"), ("rs2", "192.168.118.40")]);
    let rs1 = web(&lab, "rs1", "rs1", WebKind::Static, "192.168.118.30:80");
    let rs2 = web(&lab, "rs2", "rs2", WebKind::Static, "192.168.118.40:80");
    let machine = Machine::start(lab, &[&file], "", true);
    let site = machine.browser("192.168.118.10:80");
    assert_eq!(tally(&site.servers("/", 10), ["rs1", "rs2"]), [4, 6]);
    if !checked_by.is_empty() {
        for rs in [&rs1, &rs2] {
            // Checked on the listener's port: there is no other that answers.
            wait("a check", || rs.seen().iter().any(|s| s.line() == checked_by));
        }
    }
    // Dead or not, requests are answered: three tries, and then the other one (`redispatch`).
    rs1.stop();
    wait("the dead server to leave", || {
        assert_eq!(site.get("/").field("x-served-by"), "rs2");
        // Each failed try is a connection more; once it has left, nobody tries.
        rs2.counts().requests > 0 && site.servers("/", 10).iter().all(|s| s == "rs2")
    });
}

#[test]
fn seed_002_layer_7() {
    splits_four_to_six("seeds/002-haproxy-l7.cfg", "GET /index.html HTTP/1.0");
}

#[test]
fn seed_002_layer_4() {
    splits_four_to_six("seeds/002-haproxy-l4.cfg", "");
}

#[test]
fn seed_003_names() {
    let Some(file) = shared("seeds/003-haproxy.cfg").filter(|_| possible()) else { return };
    let lab = network("10.3.0.10", "10.3.0.9", &[("www1", "10.3.0.11"), ("www2", "10.3.0.12")]);
    let _www1 = web(&lab, "www1", "www1", WebKind::Dynamic, "10.3.0.11:80");
    let _www2 = web(&lab, "www2", "www2", WebKind::Dynamic, "10.3.0.12:80");
    let one = "10.3.0.11 www1.pip.cc\n";
    let machine = Machine::start(lab, &[&file], one, false);
    let (code, said) = machine.check(&[&file]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("[WARNING]") && said.contains("www2.pip.cc") && !said.contains("[ALERT]"),
        "{said}"
    );
    assert!(!said.contains("'www1.pip.cc'"), "{said}");
    let site = machine.browser("10.3.0.10:80");
    assert_eq!(tally(&site.servers("/", 6), ["www1", "www2"]), [6, 0], "only the nameless one is out");
    // Written into the same file: that one is mounted.
    machine.folder.write("hosts", format!("127.0.0.1 localhost\n{one}10.3.0.12 www2.pip.cc\n"));
    wait("the name to be found", || tally(&site.servers("/", 2), ["www1", "www2"])[1] > 0);
    assert_eq!(tally(&site.servers("/", 4), ["www1", "www2"]), [2, 2]);
}

#[test]
fn seed_004_uploads() {
    let Some(file) = shared("seeds/004-haproxy.cfg").filter(|_| possible()) else { return };
    let lab = network("172.16.0.10", "172.16.0.9", &[("s1", "172.16.0.88"), ("s2", "172.16.0.99")]);
    let _s1 = web(&lab, "s1", "s1", WebKind::Dynamic, "172.16.0.88:80");
    let s2 = web(&lab, "s2", "s2", WebKind::Dynamic, "172.16.0.99:80");
    let _b1 = web(&lab, "lb", "b1", WebKind::Dynamic, "127.0.0.1:8080");
    let machine = Machine::start(lab, &[&file], "", false);
    let (code, said) = machine.check(&[&file]);
    assert_eq!(code, Some(0), "{said}");
    // An excerpt without `defaults`: what it lacks is named.
    assert!(said.contains("004-haproxy.cfg:2]") && said.contains("run in 'mode http'"), "{said}");
    let site = machine.browser("172.16.0.10:80");
    for _ in 0..3 {
        let answer = site.ask("POST", "/upload", "a=b");
        assert_eq!((answer.status(), answer.field("x-served-by")), (200, "s2"));
    }
    let upload = s2.seen().into_iter().rfind(|s| s.line() == "POST /upload HTTP/1.1").expect("it was asked");
    assert_eq!(upload.body_len, 3);
    assert_eq!(tally(&site.servers("/", 6), ["s1", "s2", "b1"]), [2, 2, 2]);
    let uri = "/haproxy?stats";
    assert!(site.get(uri).field("www-authenticate").contains("HAPorxy Statistics"));
    // The page is asked for by GET, which goes to `webservers`; its form is a POST, which this file sends to the upload
    // server: so it does with the original.
    let admin = site.with(ADMIN);
    let page = admin.get(uri);
    assert_eq!(page.status(), 200);
    let text = page.text();
    assert!(text.contains("webservers") && !text.contains("updataserver"), "stats scope .");
    assert!(stats_form(&text, "s1", "drain").is_some(), "stats admin");
    assert_eq!(admin.ask("POST", uri, "s=s1&action=drain&b=webservers").field("x-served-by"), "s2");
}

#[test]
fn seed_004_cookie() {
    let Some(file) = shared("seeds/004-haproxy-cookie.cfg").filter(|_| possible()) else { return };
    let lab = network("172.16.0.10", "172.16.0.9", &[("s1", "172.16.0.99"), ("s2", "172.16.0.88")]);
    let s1 = web(&lab, "s1", "s1", WebKind::Dynamic, "172.16.0.99:80");
    let s2 = web(&lab, "s2", "s2", WebKind::Dynamic, "172.16.0.88:80");
    let folder = Folder::new();
    // The file is a backend alone: who reads it has a frontend.
    let above = folder.write("above.cfg", "frontend web *:80\n default_backend webservers\n");
    let machine = Machine::start(lab, &[&above, &file], "", false);
    let site = machine.browser("172.16.0.10:80");
    let first = site.get("/");
    let name = first.field("x-served-by").to_owned();
    let cookie = first.field("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert_eq!(cookie, format!("webserver={name}"));
    let client = site.with(&format!("Cookie: {cookie}"));
    assert!(client.servers("/", 6).iter().all(|s| *s == name), "one client stays on one server");
    assert_eq!(client.get("/").field("set-cookie"), "", "it has its cookie");
    let (own, other) = if name == "s1" { (&s1, &s2) } else { (&s2, &s1) };
    wait("checks", || own.seen().iter().any(|s| s.line() == "OPTIONS / HTTP/1.0"));
    own.stop();
    // Until the checks notice, its clients get errors: the file has no `option redispatch`.
    wait("the client to move", || client.get("/").field("x-served-by") == other.name());
    let moved = client.get("/");
    assert_eq!(
        moved.field("set-cookie").split(';').next(),
        Some(format!("webserver={}", other.name()).as_str())
    );
    own.resume().expect("its port is free");
    wait("the client to come back", || client.get("/").field("x-served-by") == name);
}

/// The addresses of seeds are nobody else's here.
#[test]
fn nodes_see_only_their_network() {
    if !possible() {
        return;
    }
    let lab = network("172.18.67.10", "172.18.67.9", &[]);
    let elsewhere: SocketAddr = "172.18.67.11:80".parse().expect("literal");
    assert!(Browser::inside(lab.node("client"), elsewhere).connect().is_none());
}
