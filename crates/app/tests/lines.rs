//! What leaves the program by `log`: every form, and the lines about servers that go and come. The same files run in
//! HAProxy, where it is installed, and must give the same bytes but for numbers that time and the system choose.
#![allow(clippy::print_stderr)] // says why it skips

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_lab::web::{WebKind, WebServer, WebSpec};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");
/// Where Debian puts the original.
const ORIGINAL: &str = "/usr/sbin/haproxy";
/// A line that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ek-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        symlink(BINARY, path.join("haproxy")).expect("a link can be made there");
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Both programs, or ours alone, said why.
fn programs(folder: &Folder) -> Vec<PathBuf> {
    let mut programs = vec![folder.path("haproxy")];
    if Path::new(ORIGINAL).exists() {
        programs.push(ORIGINAL.into());
    } else {
        eprintln!("not compared: {ORIGINAL} is not there (apt install haproxy)");
    }
    programs
}

/// A program that runs a file, ended with the value.
struct Run(Child);

impl Run {
    fn start(program: &Path, file: &Path) -> Run {
        let mut command = Command::new(program);
        command.arg("-f").arg(file).arg("-db").stdin(Stdio::null());
        Run(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }

    /// Ends it; what it wrote on its standard output.
    fn end(mut self) -> String {
        self.0.kill().expect("it runs");
        let mut text = String::new();
        let mut out = self.0.stdout.take().expect("it is a pipe");
        out.read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Numbers that differ from run to run, as `N`.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            _ => plain.push(c),
        }
    }
    plain
}

/// Asks until the program listens, then sends a request and waits for the end.
fn request(to: SocketAddr) {
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(to) {
            Ok(mut stream) => {
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("it reads");
                let _ = stream.read_to_end(&mut Vec::new());
                return;
            }
            Err(error) => assert!(Instant::now() < until, "{to}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10)); // until it listens
    }
}

#[test]
fn every_form_is_written_as_the_original_writes_it() {
    let folder = Folder::new("forms");
    let connect = "Connect from N.N.N.N:N to N.N.N.N:N (f/HTTP)\n";
    let rows: Vec<(&str, String)> = vec![
        ("local0", format!("<N>Nov N N:N:N myhost tag[N]: {connect}")),
        ("format local local0", format!("<N>Nov N N:N:N tag[N]: {connect}")),
        ("format rfc3164 local0", format!("<N>Nov N N:N:N myhost tag[N]: {connect}")),
        ("format rfc5424 local0", format!("<N>N N-N-NTN:N:N.N+N:N myhost tag N - - {connect}")),
        ("format priority local7", format!("<N>{connect}")),
        ("format short local0", format!("<N>{connect}")),
        ("format timed local0", format!("<N>N-N-NTN:N:N.N+N:N {connect}")),
        ("format iso local0", format!("N-N-NTN:N:N.N+N:N {connect}")),
        ("format raw local0 info err", connect.to_owned()),
        ("len 80 format rfc5424 local0", "<N>N N-N-NTN:N:N.N+N:N myhost tag N - - Connect from\n".to_owned()),
    ];
    let month = month();
    for program in programs(&folder) {
        let sockets: Vec<(UdpSocket, u16)> = rows.iter().map(|_| udp()).collect();
        let unix_path = folder.path("log");
        let _ = std::fs::remove_file(&unix_path);
        let unix = UnixDatagram::bind(&unix_path).expect("the folder is writable");
        unix.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let port = free_port();
        let mut file = format!(
            "global\n log-send-hostname myhost\n log-tag tag\n\
             defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
             frontend f\n bind 127.0.0.1:{port}\n log {} format raw daemon\n log stdout format raw daemon\n\
             log 127.0.0.1:{} format raw local0 notice\n",
            unix_path.display(),
            free_port(),
        );
        for ((options, _), (_, port)) in rows.iter().zip(&sockets) {
            file.push_str(&format!(" log 127.0.0.1:{port} {options}\n"));
        }
        std::fs::write(folder.path("t.cfg"), &file).expect("the folder is writable");
        let run = Run::start(&program, &folder.path("t.cfg"));
        request(([127, 0, 0, 1], port).into());
        let mut buf = [0; 2048];
        for ((options, want), (socket, _)) in rows.iter().zip(&sockets) {
            let n = socket.recv(&mut buf).unwrap_or_else(|e| panic!("{program:?} {options}: {e}"));
            let got = plain(&String::from_utf8_lossy(&buf[..n]));
            // The cut falls where the numbers' lengths let it.
            let same = if options.starts_with("len") {
                n == 81 && got.starts_with(want.trim_end())
            } else {
                got == want.replace("Nov", &month)
            };
            assert!(same, "{program:?} {options}: {got:?}, not {want:?}");
        }
        let n = unix.recv(&mut buf).expect("the line arrives there too");
        assert_eq!(plain(&String::from_utf8_lossy(&buf[..n])), connect, "{program:?}");
        assert_eq!(plain(&run.end()), connect, "{program:?}");
    }
}

/// This month as syslog names it.
fn month() -> String {
    let date = Command::new("date").arg("+%b").env("LC_ALL", "C").output().expect("coreutils");
    String::from_utf8_lossy(&date.stdout).trim().to_owned()
}

#[test]
fn servers_go_and_come_with_the_originals_lines() {
    let folder = Folder::new("servers");
    let (first, second) = (web("first"), web("second"));
    for program in programs(&folder) {
        let (socket, port) = udp();
        let file = format!(
            "global\n log 127.0.0.1:{port} format short daemon\n\
             defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n log global\n\
             default-server inter 50ms\n\
             listen l\n bind 127.0.0.1:{}\n server a {} check\n server t 127.0.0.1:1 track l/a\n\
             backend h\n option log-health-checks\n option httpchk GET /health\n\
             server b {} check rise 1 fall 1\n",
            free_port(),
            first.addr(),
            second.addr(),
        );
        std::fs::write(folder.path("t.cfg"), &file).expect("the folder is writable");
        let run = Run::start(&program, &folder.path("t.cfg"));
        let mut got: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let who = program.display().to_string();
        let mut hear = |until: &str| {
            let mut buf = [0; 2048];
            loop {
                let n = socket.recv(&mut buf).unwrap_or_else(|e| panic!("{who}: no {until}: {e}"));
                let line = plain(&String::from_utf8_lossy(&buf[..n]));
                let backend = if line.contains("h/b") || line.contains(" h ") { "h" } else { "l" };
                let end = line.contains(until);
                got.entry(backend).or_default().push(line);
                if end {
                    return;
                }
            }
        };
        hear("h/b succeeded");
        first.stop();
        hear("proxy l has no server");
        second.fail_with(Some(503));
        hear("backend h has no server");
        first.resume().expect("the port is free");
        hear("l/t is UP");
        second.fail_with(None);
        hear("Server h/b is UP");
        drop(run);
        let want: BTreeMap<&str, Vec<String>> = [("h", H_LINES), ("l", L_LINES)]
            .into_iter()
            .map(|(backend, lines)| (backend, lines.iter().map(|l| format!("<N>{l}\n")).collect()))
            .collect();
        assert_eq!(got, want, "{who}");
    }
}

const L_LINES: &[&str] = &[
    "Server l/a is DOWN, reason: LayerN connection problem, info: \"Connection refused\", check duration: Nms. N active and N backup servers left. N sessions active, N requeued, N remaining in queue.",
    "Server l/t is DOWN via l/a. N active and N backup servers left. N sessions active, N requeued, N remaining in queue.",
    "proxy l has no server available!",
    "Server l/a is UP, reason: LayerN check passed, check duration: Nms. N active and N backup servers online. N sessions requeued, N total in queue.",
    "Server l/t is UP via l/a. N active and N backup servers online. N sessions requeued, N total in queue.",
];

const H_LINES: &[&str] = &[
    "Health check for server h/b succeeded, reason: LayerN check passed, code: N, check duration: Nms, status: N/N UP.",
    "Health check for server h/b failed, reason: LayerN wrong status, code: N, info: \"Service Unavailable\", check duration: Nms, status: N/N DOWN.",
    "Server h/b is DOWN. N active and N backup servers left. N sessions active, N requeued, N remaining in queue.",
    "backend h has no server available!",
    "Health check for server h/b succeeded, reason: LayerN check passed, code: N, check duration: Nms, status: N/N UP.",
    "Server h/b is UP. N active and N backup servers online. N sessions requeued, N total in queue.",
];

fn web(name: &str) -> WebServer {
    WebServer::start(WebSpec::local(name, WebKind::Static)).expect("a web server")
}
