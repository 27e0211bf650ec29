//! The stats sockets, over real connections.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_admin::socket::{self, Handle};
use evenkeel_proxy::runtime::Orders;
use evenkeel_proxy::world::{Identity, World};
use evenkeel_sys::clock;

/// A client that waits longer has found a bug.
const PATIENCE: Duration = Duration::from_secs(20);

/// Served sockets in a folder of their own.
struct Served {
    world: Arc<World>,
    handle: Option<Handle>,
    folder: PathBuf,
}

impl Served {
    fn start(name: &str, text: &str) -> Served {
        let folder = std::env::temp_dir().join(format!("evenkeel-admin-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let plan = Arc::new(common::plan(&text.replace("FOLDER", &folder.to_string_lossy())));
        let identity = Identity { pid: 77, hostname: "host".into() };
        let bound = socket::bind(&plan).expect("free addresses");
        let world = Arc::new(World::new(plan, identity, 1, 1000, clock::now(), clock::wall()));
        let handle = socket::serve(bound, world.clone(), Orders::default()).expect("a thread");
        Served { world, handle: Some(handle), folder }
    }

    fn client(&self) -> UnixStream {
        connect(&self.folder.join("cli.sock"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn connect(path: &Path) -> UnixStream {
    let client = UnixStream::connect(path).expect("listening");
    client.set_read_timeout(Some(PATIENCE)).expect("a live socket");
    client
}

const ONE: &str = "global\n stats socket FOLDER/cli.sock mode 600 level admin\n\
                   defaults\n timeout connect 1s\n timeout server 1s\n timeout client 1s\n\
                   backend be\n server s1 127.0.0.1:1 weight 7\n";

/// Everything that comes until the server hangs up.
fn rest(mut client: impl Read) -> String {
    let mut out = Vec::new();
    client.read_to_end(&mut out).expect("an answer and an end");
    String::from_utf8(out).expect("text")
}

/// Reads exactly as many bytes as are wanted: the connection stays.
#[track_caller]
fn expect(client: &mut UnixStream, want: &str) {
    let mut got = vec![0; want.len()];
    client.read_exact(&mut got).expect("an answer");
    assert_eq!(String::from_utf8_lossy(&got), want);
}

// The original's answers to the same bytes.
#[test]
fn conversations() {
    let served = Served::start("talk", ONE);
    for (sent, want) in [
        ("show cli level\n", "admin\n\n"),
        ("show cli level\r\n", "admin\n\n"),
        ("show cli level;get weight be/s1\n", "admin\n\n7 (initial 7)\n\n"),
        ("show cli level\nshow cli level\n", "admin\n\nadmin\n\n"),
        ("show cli level", ""),
        ("prompt\nshow cli level\n", "\n> admin\n\n> "),
        ("prompt;show cli level\n", "\n> admin\n\n> "),
        ("prompt\nprompt\nshow cli level\n", "\n> \nadmin\n\n"),
        ("prompt\nquit\nshow cli level\n", "\n> "),
        ("quit;show cli level\n", ""),
        ("show cli level <<\nfoo\n\n", "admin\n\n"),
        ("prompt\nshow cli level <<\nfoo\n\n", "\n> + + admin\n\n> "),
    ] {
        let mut client = served.client();
        client.write_all(sent.as_bytes()).expect("open");
        client.shutdown(Shutdown::Write).expect("open");
        assert_eq!(rest(client), want, "{sent:?}");
    }
}

#[test]
fn a_client_that_stays_gets_its_answer_and_is_hung_up_on() {
    let served = Served::start("stay", ONE);
    let mut client = served.client();
    client.write_all(b"show cli").expect("open");
    client.write_all(b" level\n").expect("open");
    assert_eq!(rest(client), "admin\n\n");
    let mut client = served.client();
    client.write_all(b"prompt\n").expect("open");
    expect(&mut client, "\n> ");
    client.write_all(b"get weight be/s1\n").expect("open");
    expect(&mut client, "7 (initial 7)\n\n> ");
}

#[test]
fn lines_without_end_and_idle_clients_are_cut() {
    let served = Served::start("cut", ONE);
    let mut client = served.client();
    // More than a buffer without an end of line; the other side may hang up before it is all sent.
    let _ = client.write_all(&vec![b'x'; 100_000]);
    let mut out = Vec::new();
    let _ = client.read_to_end(&mut out);
    assert!(out.is_empty());
    let mut client = served.client();
    client.write_all(b"set timeout cli 50ms;prompt\n").expect("open");
    assert_eq!(rest(client), "\n\n> ");
    let mut client = served.client();
    client.write_all(b"show cli level\n").expect("still served");
    assert_eq!(rest(client), "admin\n\n");
}

#[test]
fn no_more_clients_than_allowed() {
    let served = Served::start("max", &format!("{ONE}\nglobal\n stats maxconn 2\n"));
    let mut first = served.client();
    first.write_all(b"prompt\n").expect("open");
    expect(&mut first, "\n> ");
    let mut second = served.client();
    second.write_all(b"prompt\n").expect("open");
    expect(&mut second, "\n> ");
    let mut third = served.client();
    third.write_all(b"show cli level\n").expect("queued by the kernel");
    third.set_read_timeout(Some(Duration::from_millis(200))).expect("live");
    assert!(third.read(&mut [0; 1]).is_err(), "waits for a place");
    drop(first);
    third.set_read_timeout(Some(PATIENCE)).expect("live");
    assert_eq!(rest(third), "admin\n\n");
}

#[test]
fn every_kind_of_address() {
    let abstract_name = format!("evenkeel-admin-{}", std::process::id());
    let inherited = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let text = format!(
        "global\n stats socket FOLDER/cli.sock mode 640 level user\n \
         stats socket fd@{} level operator\n stats socket abns@{abstract_name} level admin\n{}",
        inherited.as_raw_fd(),
        ONE.split_once("admin\n").map_or("", |(_, rest)| rest)
    );
    let folder = std::env::temp_dir().join(format!("evenkeel-admin-kinds-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let plan = Arc::new(common::plan(&text.replace("FOLDER", &folder.to_string_lossy())));
    let bound = socket::bind(&plan).expect("free addresses");
    let mode = std::fs::metadata(folder.join("cli.sock")).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let tcp = bound[1].bound.local_addr().expect("bound").inet().expect("TCP");
    let identity = Identity { pid: 77, hostname: "host".into() };
    let world = Arc::new(World::new(plan, identity, 1, 1000, clock::now(), clock::wall()));
    let handle = socket::serve(bound, world, Orders::default()).expect("a thread");
    let unix = connect(&folder.join("cli.sock"));
    // As the original pads it (configuration manual, `bind`: `abns@`).
    let mut padded = abstract_name.clone().into_bytes();
    padded.resize(107, 0);
    let name = SocketAddr::from_abstract_name(&padded).expect("a name");
    let named = UnixStream::connect_addr(&name).expect("listening");
    let tcp = TcpStream::connect(tcp).expect("listening");
    fn ask(mut client: impl Read + Write) -> String {
        client.write_all(b"show cli level\n").expect("open");
        rest(client)
    }
    assert_eq!(ask(unix), "user\n\n");
    assert_eq!(ask(tcp), "operator\n\n");
    assert_eq!(ask(named), "admin\n\n");
    handle.stop();
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn a_taken_address_is_a_fault_that_names_its_line() {
    let text = "global\n stats socket FOLDER/a.sock\n stats socket /nonexistent/b.sock\n";
    let folder = std::env::temp_dir().join(format!("evenkeel-admin-taken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let faults = socket::bind(&common::plan(&text.replace("FOLDER", &folder.to_string_lossy())));
    let faults = faults.expect_err("no such folder");
    assert_eq!(faults.iter().map(|f| f.index).collect::<Vec<_>>(), [1]);
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn a_stop_lets_nobody_in_but_talks_go_on() {
    let served = Served::start("stop", ONE);
    let mut client = served.client();
    client.write_all(b"prompt\n").expect("open");
    expect(&mut client, "\n> ");
    served.world.stopping.store(true, Relaxed);
    client.write_all(b"show info\n").expect("open");
    let mut seen = String::new();
    while !seen.contains("Stopping: 1\n") {
        let mut part = [0; 512];
        let n = client.read(&mut part).expect("an answer");
        assert!(n > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..n]));
    }
}
