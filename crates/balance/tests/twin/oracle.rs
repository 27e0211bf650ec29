//! The real HAProxy on loopback, in front of one responder that says which server it was asked as.
//!
//! `http-send-name-header` tells the responder the server's name, so that one listener can stand for all servers of all
//! backends. `x-be` chooses the backend, `x-src` the source address. A path under `/hold` gets its answer on release.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Oracle {
    process: Child,
    folder: PathBuf,
    port: u16,
    client: Option<BufReader<TcpStream>>,
    held: Receiver<Held>,
    waiting: BTreeMap<usize, (Held, BufReader<TcpStream>)>,
    next_hold: usize,
}

/// A request that waits for its answer.
struct Held {
    server: String,
    stream: TcpStream,
}

impl Oracle {
    /// Starts it with these backends (name, lines; `@` stands for the responder's address). `None`, with the reason
    /// printed, where HAProxy is not installed.
    pub(crate) fn start(backends: &[(String, String)]) -> Option<Self> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        if Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("skipped: no `haproxy` to compare with (apt install haproxy)");
            return None;
        }
        let folder = std::env::temp_dir().join(format!(
            "evenkeel-twin-{}-{}",
            std::process::id(),
            RUNS.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&folder).expect("a folder for the socket");
        let (sender, held) = channel();
        let responder = respond(sender);
        // Found free, released, and bound again by HAProxy a moment later.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let config = config(&folder, port, responder, backends);
        std::fs::write(folder.join("cfg"), config).expect("the configuration");
        let process = Command::new("haproxy")
            .args(["-db", "-q", "-f"])
            .arg(folder.join("cfg"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("haproxy starts");
        let mut oracle =
            Self { process, folder, port, client: None, held, waiting: BTreeMap::new(), next_hold: 0 };
        oracle.await_start();
        Some(oracle)
    }

    /// The server that a request for `target` goes to.
    pub(crate) fn ask(&mut self, backend: &str, target: &str, headers: &str) -> String {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).expect("connect")),
        };
        send(client.get_mut(), backend, target, headers);
        let server = read_answer(&mut client);
        self.client = Some(client);
        server
    }

    /// The same, but the request stays on the server until [`Oracle::release`].
    pub(crate) fn hold(&mut self, backend: &str, target: &str) -> (usize, String) {
        let mut client = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).expect("connect"));
        send(client.get_mut(), backend, &format!("/hold{target}"), "Connection: close\r\n");
        let held = self.held.recv_timeout(PATIENCE).expect("a held request reaches the responder");
        let (id, server) = (self.next_hold, held.server.clone());
        self.next_hold += 1;
        self.waiting.insert(id, (held, client));
        (id, server)
    }

    /// Lets a held request end.
    pub(crate) fn release(&mut self, id: usize) {
        let (mut held, mut client) = self.waiting.remove(&id).expect("a held request");
        answer(&mut held.stream, &held.server);
        read_answer(&mut client);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).expect("the connection ends");
        // A round trip through the same thread: what it had to do for the request is done.
        self.cli("show info");
    }

    /// A command on the stats socket.
    pub(crate) fn cli(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(self.folder.join("sock")).expect("the stats socket");
        socket.write_all(format!("{command}\n").as_bytes()).expect("a command");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).expect("a reply");
        reply
    }

    fn await_start(&mut self) {
        let start = Instant::now();
        while UnixStream::connect(self.folder.join("sock")).is_err()
            || TcpStream::connect(("127.0.0.1", self.port)).is_err()
        {
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("haproxy ended at once: {status}");
            }
            assert!(start.elapsed() < PATIENCE, "haproxy does not answer");
            // Waiting for another process; nothing is asserted on how long it takes.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn config(folder: &std::path::Path, port: u16, responder: u16, backends: &[(String, String)]) -> String {
    let mut text = format!(
        "global\n  nbthread 1\n  stats socket {}/sock level admin\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n  timeout queue 60s\n\
         frontend f\n  bind 127.0.0.1:{port}\n  http-request set-src hdr(x-src) if {{ hdr(x-src) -m found }}\n\
         \x20 use_backend %[req.hdr(x-be)]\n",
        folder.display()
    );
    for (name, lines) in backends {
        let lines = lines.replace('@', &format!("127.0.0.1:{responder}"));
        writeln!(text, "backend {name}\n  http-send-name-header x-srv\n{lines}")
            .expect("writing to a String");
    }
    text
}

/// The responder: its port.
fn respond(held: Sender<Held>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let held = held.clone();
            std::thread::spawn(move || converse(stream, &held));
        }
    });
    port
}

fn converse(stream: TcpStream, held: &Sender<Held>) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some((target, server)) = read_request(&mut reader) {
        let hold = target.starts_with("/hold");
        let copy = writer.try_clone();
        match (hold, copy) {
            (true, Ok(stream)) => {
                if held.send(Held { server, stream }).is_err() {
                    return;
                }
            }
            (true, Err(_)) => return,
            (false, _) => answer(&mut writer, &server),
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut line, mut target, mut server) = (Vec::new(), String::new(), String::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return Some((target, server));
        }
        if target.is_empty() {
            target = text.split(' ').nth(1)?.to_owned();
        } else if let Some(name) = text.strip_prefix("x-srv: ") {
            server = name.to_owned();
        }
    }
}

fn answer(stream: &mut TcpStream, server: &str) {
    // A client that has gone is the test's own failure elsewhere.
    let _ = stream
        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{server}", server.len()).as_bytes());
}

fn send(stream: &mut TcpStream, backend: &str, target: &str, headers: &str) {
    let host = target.strip_prefix("http://").and_then(|rest| rest.split(['/', '?']).next()).unwrap_or("h");
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nx-be: {backend}\r\n{headers}\r\n");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("a request");
}

/// The body of an answer; its status where it isn't 200.
fn read_answer(client: &mut BufReader<TcpStream>) -> String {
    let (mut line, mut status, mut length) = (String::new(), String::new(), 0);
    loop {
        line.clear();
        assert!(client.read_line(&mut line).expect("an answer") > 0, "haproxy closed early");
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if status.is_empty() {
            status = text.split(' ').nth(1).unwrap_or("").to_owned();
        } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body).expect("a body");
    if status == "200" { String::from_utf8(body).expect("a name") } else { status }
}
