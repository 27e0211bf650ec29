//! The real HAProxy on loopback, checking servers that act out a list of reactions, and logging to us over UDP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server does on a connection, one after another; then it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum React {
    /// Sends this.
    Say(&'static [u8]),
    /// Waits until the client has said something.
    Hear,
    /// Says no more, and waits for the client to go.
    Hang,
}

/// A backend with one server.
pub(crate) struct Backend {
    pub(crate) name: String,
    /// Lines of the section, without the server's.
    pub(crate) lines: String,
    /// Options of the server's line.
    pub(crate) options: String,
    /// The reactions on the first connection, the second…; the last goes for all that follow. Empty: no one listens.
    pub(crate) lives: Vec<Vec<React>>,
}

pub(crate) struct Oracle {
    process: Child,
    folder: PathBuf,
    log: UdpSocket,
    /// By backend.
    lines: BTreeMap<String, Vec<String>>,
    heard: Vec<Arc<Mutex<Vec<Vec<u8>>>>>,
}

impl Oracle {
    /// Starts it. `None`, with the reason printed, where HAProxy is not installed.
    pub(crate) fn start(backends: &[Backend]) -> Option<Self> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        if Command::new("haproxy").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("skipped: no `haproxy` to compare with (apt install haproxy)");
            return None;
        }
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("evenkeel-health-{}-{run}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the configuration");
        let log = UdpSocket::bind("127.0.0.1:0").expect("a log socket");
        log.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let log_port = log.local_addr().expect("its address").port();
        let mut heard = Vec::new();
        let mut config = format!(
            "global\n  nbthread 1\n  log 127.0.0.1:{log_port} local0\n  stats socket {}/sock\n\
             defaults\n  log global\n  timeout connect 10s\n  timeout client 10s\n  timeout server 10s\n",
            folder.display()
        );
        for backend in backends {
            let (port, ears) = serve(&backend.lives);
            heard.push(ears);
            let Backend { name, lines, options, .. } = backend;
            let lines = lines.replace("; ", "\n  ");
            writeln!(config, "backend {name}\n  {lines}\n  server s 127.0.0.1:{port} check {options}")
                .expect("writing to a String");
        }
        let path = folder.join("cfg");
        std::fs::write(&path, config).expect("the configuration");
        let process =
            Command::new("haproxy").args(["-db", "-q", "-f"]).arg(path).spawn().expect("haproxy starts");
        Some(Self { process, folder, log, lines: BTreeMap::new(), heard })
    }

    /// The log lines of a backend, once there are so many; fewer when patience ends.
    pub(crate) fn lines(&mut self, backend: &str, count: usize) -> Vec<String> {
        let start = Instant::now();
        let mut buffer = [0; 4096];
        while self.lines.get(backend).map_or(0, Vec::len) < count {
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("haproxy ended: {status}");
            }
            if start.elapsed() > PATIENCE {
                break;
            }
            let Ok(length) = self.log.recv(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]);
            let Some((head, line)) = text.split_once("]: ") else { continue };
            let priority = head.trim_start_matches('<').split('>').next().unwrap_or("");
            let line = format!("<{priority}>{}", without_duration(line.trim_end()));
            self.lines.entry(backend_of(&line)).or_default().push(line);
        }
        self.lines.get(backend).cloned().unwrap_or_default()
    }

    /// What the server of backend number `index` heard on its n-th connection so far.
    pub(crate) fn heard(&self, index: usize, connection: usize) -> Vec<u8> {
        let all = self.heard[index].lock().expect("no test thread panics with it");
        all.get(connection).cloned().unwrap_or_default()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Durations are the only words that may differ.
pub(crate) fn without_duration(line: &str) -> String {
    let Some((head, tail)) = line.split_once("check duration: ") else { return line.to_owned() };
    let rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{head}check duration: N{rest}")
}

/// `… server b7/s …`, `backend b7 has no …`.
fn backend_of(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let slashed = words.iter().find_map(|word| word.strip_suffix("/s"));
    slashed.or(words.get(1).copied()).unwrap_or("").to_owned()
}

type Ears = Arc<Mutex<Vec<Vec<u8>>>>;

fn serve(lives: &[Vec<React>]) -> (u16, Ears) {
    let ears = Ears::default();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    if lives.is_empty() {
        return (port, ears);
    }
    let (lives, own) = (lives.to_vec(), Arc::clone(&ears));
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().flatten().enumerate() {
            let reactions = lives[n.min(lives.len() - 1)].clone();
            let ears = Arc::clone(&own);
            ears.lock().expect("no test thread panics with it").push(Vec::new());
            std::thread::spawn(move || act(stream, &reactions, &ears, n));
        }
    });
    (port, ears)
}

/// A client that goes away in the middle ends the act.
fn act(mut stream: TcpStream, reactions: &[React], ears: &Ears, n: usize) {
    let mut buffer = [0; 4096];
    for reaction in reactions {
        match reaction {
            React::Say(bytes) => {
                if stream.write_all(bytes).is_err() {
                    return;
                }
            }
            React::Hear => {
                let Ok(length) = stream.read(&mut buffer) else { return };
                let mut ears = ears.lock().expect("no test thread panics with it");
                ears[n].extend_from_slice(&buffer[..length]);
            }
            React::Hang => while stream.read(&mut buffer).is_ok_and(|length| length > 0) {},
        }
    }
}
