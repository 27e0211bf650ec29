//! The project's own examples, run as they are: what the seeds show in networks of their own, over loopback.

use evenkeel_e2e::daemon::{Daemon, Folder, Setup};
use evenkeel_e2e::port::Port;
use evenkeel_e2e::program::Program;
use evenkeel_e2e::site::{Browser, csv_field, stats_form, tally};
use evenkeel_e2e::{PATIENCE, root, wait};
use evenkeel_lab::netns::Proc;
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

fn web(name: &str, kind: WebKind) -> WebServer {
    WebServer::start(WebSpec::local(name, kind)).expect("loopback has free ports")
}

fn example(name: &str) -> Setup {
    Setup::new(std::fs::read_to_string(root().join("examples").join(name)).expect("it is there"))
}

/// Starts it with a site on a port of its own.
fn start(setup: Setup) -> (Daemon, Browser) {
    let port = Port::reserve();
    let daemon = setup.env("SITE", port.addr()).start();
    let site = Browser::new(port.addr());
    wait("the site", || site.connect().is_some());
    (daemon, site)
}

#[test]
fn all_examples_are_valid() {
    let folder = Folder::new();
    let haproxy = folder.link(Program::Ours);
    for entry in std::fs::read_dir(root().join("examples")).expect("it is there").flatten() {
        let mut command = std::process::Command::new(&haproxy);
        command.args(["-c", "-dW", "-f"]).arg(entry.path());
        let mut proc = Proc::start(command).expect("the program starts");
        let status = proc.wait(PATIENCE).expect("our child").expect("it only looks");
        assert_eq!(status.code(), Some(0), "{}: {}", entry.path().display(), proc.stderr());
    }
}

#[test]
fn static_and_dynamic() {
    let names = ["static1", "static2", "app1", "app2"];
    let kinds = [WebKind::Static, WebKind::Static, WebKind::Dynamic, WebKind::Dynamic];
    let webs: Vec<WebServer> = names.iter().zip(kinds).map(|(name, kind)| web(name, kind)).collect();
    let stats = Port::reserve();
    let setup = example("static-dynamic.cfg").env("INTER", "100ms").env("STATS", stats.addr());
    let setup = webs.iter().fold(setup, |s, w| s.env(&w.name().to_ascii_uppercase(), w.addr()));
    let (_daemon, site) = start(setup);
    for (target, pair) in [
        ("/x.png", ["static1", "static2"]),
        ("/static/style.css", ["static1", "static2"]),
        ("/", ["app1", "app2"]),
    ] {
        assert_eq!(tally(&site.servers(target, 6), pair), [3, 3], "{target}");
    }
    let stats = Browser::new(stats.addr());
    let uri = "/admin?stats";
    assert_eq!(stats.get(uri).status(), 401);
    let admin = stats.with("Authorization: Basic YWRtaW46YWRtaW4=");
    let status = |server: &str| {
        csv_field(&admin.get("/admin?stats;csv").text(), "staticsrvs", server, "status")
            .expect("it has a row")
    };
    for (action, want) in [("drain", "DRAIN"), ("ready", "UP"), ("maint", "MAINT"), ("ready", "UP")] {
        let form = stats_form(&admin.get(uri).text(), "static1", action).expect("it has a form");
        assert_eq!(admin.ask("POST", uri, &form).status(), 303);
        wait(want, || status("static1").starts_with(want));
        let share = tally(&site.servers("/x.png", 4), ["static1", "static2"]);
        assert_eq!(share, if want == "UP" { [2, 2] } else { [0, 4] }, "{action}");
    }
    webs[0].stop();
    wait("a dead server to leave", || {
        assert_eq!(site.get("/x.png").field("x-served-by"), "static2", "nobody notices");
        status("static1") == "DOWN"
    });
    webs[0].resume().expect("its port is free");
    wait("it to come back", || status("static1") == "UP");
}

#[test]
fn weights() {
    let (strong, weak) = (web("strong", WebKind::Static), web("weak", WebKind::Static));
    let raw = Port::reserve();
    let setup =
        example("weights.cfg").env("STRONG", strong.addr()).env("WEAK", weak.addr()).env("RAW", raw.addr());
    let (_daemon, site) = start(setup);
    for browser in [site, Browser::new(raw.addr())] {
        assert_eq!(tally(&browser.servers("/", 10), ["strong", "weak"]), [6, 4]);
    }
    wait("a check", || weak.seen().iter().any(|s| s.line().starts_with("GET /index.html HTTP/1.")));
}

#[test]
fn uploads_and_visitors() {
    let (s1, s2, up) = (web("s1", WebKind::Dynamic), web("s2", WebKind::Dynamic), web("up", WebKind::Upload));
    let setup = example("uploads-and-visitors.cfg").env("INTER", "100ms");
    let setup = setup.env("S1", s1.addr()).env("S2", s2.addr()).env("UPLOAD", up.addr());
    let (_daemon, site) = start(setup);
    assert_eq!(site.ask("POST", "/a", "x=y").field("x-served-by"), "up");
    let first = site.get("/");
    let name = first.field("x-served-by").to_owned();
    let cookie = first.field("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert_eq!(cookie, format!("SERVER={name}"));
    let visitor = site.with(&format!("Cookie: {cookie}"));
    assert!(visitor.servers("/", 6).iter().all(|s| *s == name));
    let (own, other) = if name == "s1" { (&s1, &s2) } else { (&s2, &s1) };
    own.stop();
    let moved = visitor.get("/");
    assert_eq!(moved.field("x-served-by"), other.name(), "at once: `option redispatch`");
    own.resume().expect("its port is free");
    wait("the visitor to come back", || visitor.get("/").field("x-served-by") == name);
}
