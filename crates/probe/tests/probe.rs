//! Checks and agents over real sockets on the loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use evenkeel_health::{CheckConf, Connect, Health, HttpRequest, Script, Status, preset};
use evenkeel_lab::web::{WebKind, WebServer, WebSpec};
use evenkeel_probe::{AskError, Asking, Event, Facts, Probe, Target, ask};
use evenkeel_sys::{Addr, ConnectOpts, clock};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn probe(script: Script, addr: Addr) -> Probe {
    let conf = CheckConf { inter: Duration::from_millis(20), ..CheckConf::new(script) };
    let mut probe = Probe::new(conf, clock::now());
    probe.set_target(Target { addr: Some(addr), ..Target::default() });
    probe
}

fn http(words: &[&str]) -> Script {
    Script::http(Connect::default(), preset::httpchk(words))
}

/// The next finished check: its status, its code and its words.
async fn next_check(probe: &mut Probe) -> (Status, Option<u16>, String) {
    loop {
        match probe.next(&Facts::default).await {
            Event::Checked(checked) => {
                let reason = checked.reason;
                return (reason.status, reason.code, reason.info.to_string());
            }
            Event::Started | Event::Changed(_) => {}
        }
    }
}

#[test]
fn checks_find_what_is_there() {
    let web = WebServer::start(WebSpec::local("w", WebKind::Static)).expect("a web server");
    let addr = Addr::Inet(web.addr());
    let missing = || Addr::Unix("/nowhere/at/all.sock".into());
    for (script, addr, want) in [
        (Script::connect(Connect::default()), addr.clone(), (Status::L4Ok, None, "")),
        (http(&["GET", "/health"]), addr.clone(), (Status::L7Ok, Some(200), "")),
        (
            http(&["GET", "/status?code=503"]),
            addr.clone(),
            (Status::L7Status, Some(503), "Service Unavailable"),
        ),
        (http(&["GET", "/slow?ms=60000"]), addr.clone(), (Status::L7Timeout, None, "")),
        (
            Script::connect(Connect::default()),
            missing(),
            (Status::SocketError, None, "General socket error (No such file or directory)"),
        ),
    ] {
        let mut probe = probe(script, addr.clone());
        let (status, code, info) = block_on(next_check(&mut probe));
        assert_eq!((status, code, info.as_str()), want, "{addr}");
    }
}

#[test]
fn a_server_goes_and_comes_back() {
    let web = WebServer::start(WebSpec::local("w", WebKind::Static)).expect("a web server");
    let script =
        Script::http(Connect::default(), HttpRequest { uri: b"/health".to_vec(), ..Default::default() });
    let mut probe = probe(script, Addr::Inet(web.addr()));
    block_on(async {
        assert_eq!(next_check(&mut probe).await.0, Status::L7Ok);
        web.stop();
        assert_eq!(changed_to(&mut probe).await, Health::Down);
        web.resume().expect("the port is free");
        assert_eq!(changed_to(&mut probe).await, Health::Up);
        web.fail_with(Some(503));
        assert_eq!(changed_to(&mut probe).await, Health::Down);
        assert_eq!(probe.view().status, Status::L7Status);
    });
}

async fn changed_to(probe: &mut Probe) -> Health {
    loop {
        if let Event::Changed(change) = probe.next(&Facts::default).await {
            return change.to;
        }
    }
}

/// An agent that answers one connection.
fn agent(answer: &'static [u8]) -> (Addr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = Addr::Inet(listener.local_addr().expect("bound"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the agent is asked");
        let mut asked = vec![0; 4];
        stream.read_exact(&mut asked).expect("agent-send arrives");
        stream.write_all(answer).expect("it is read");
        asked
    });
    (addr, thread)
}

#[test]
fn agents_answer() {
    for (answer, want) in [(&b"up 50%\nrest"[..], &b"up 50%\nrest"[..]), (b"down", b"down"), (b"", b"")] {
        let (addr, thread) = agent(answer);
        let asking = Asking {
            addr,
            opts: ConnectOpts::default(),
            send: b"hi!\n".to_vec(),
            timeout: Duration::from_secs(30),
        };
        assert_eq!(block_on(ask(&asking)).as_deref(), Ok(want));
        assert_eq!(thread.join().expect("no panic"), b"hi!\n");
    }
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let asking = Asking {
        addr: Addr::Inet(closed),
        opts: ConnectOpts::default(),
        send: Vec::new(),
        timeout: Duration::from_secs(30),
    };
    assert_eq!(block_on(ask(&asking)), Err(AskError::Connect("Connection refused".into())));
}
