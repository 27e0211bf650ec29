//! The origin and the proxies: their files, processes, ports and cores.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{CORE_LOAD, CORE_PROXY, Cores, cpu};

/// The first port that is tried; below the range that outgoing connections take.
const PORT_FIRST: u16 = 18_100;
/// Ports of one rig.
const PORTS: u16 = 16;
/// Where to give up looking for free ports.
const PORT_END: u16 = 30_000;
/// Descriptors that a proxy needs beside its connections.
const FILES_SPARE: usize = 200;
/// Most connections that a proxy is told to take.
const MAXCONN_MAX: usize = 20_000;
/// How long a started process may take until it answers.
const START_MAX: Duration = Duration::from_secs(10);
/// How long a process may take to end.
const END_MAX: Duration = Duration::from_secs(3);

/// Who is measured, in the order of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    Haproxy,
    Evenkeel,
    Nginx,
}

impl Proxy {
    pub(super) const ALL: [Proxy; 3] = [Proxy::Haproxy, Proxy::Evenkeel, Proxy::Nginx];

    pub(super) fn name(self) -> &'static str {
        match self {
            Proxy::Haproxy => "haproxy",
            Proxy::Evenkeel => "evenkeel",
            Proxy::Nginx => "nginx",
        }
    }

    fn slot(self) -> u16 {
        match self {
            Proxy::Haproxy => 1,
            Proxy::Evenkeel => 2,
            Proxy::Nginx => 3,
        }
    }
}

/// Everything that runs; dropping it ends it all.
pub(super) struct Rig {
    base: u16,
    proxies: Vec<(Proxy, Daemon)>,
    _origin: Daemon,
}

impl Rig {
    /// Starts the origin and all proxies.
    pub(super) fn start(binary: &Path, files: usize) -> Result<Rig, String> {
        let folder = crate::root().join("target/bench");
        let www = folder.join("www");
        fs::create_dir_all(&www).map_err(|e| format!("{}: {e}", www.display()))?;
        for (name, size) in [("1k.bin", 1 << 10), ("1m.bin", 1 << 20)] {
            write(&www.join(name), &"evenkeel".repeat(size / 8))?;
        }
        let base = free_ports()?;
        let maxconn = (files.saturating_sub(FILES_SPARE) / 2).min(MAXCONN_MAX);
        let origin_file = folder.join("origin.conf");
        write(&origin_file, &origin_text(&folder, base))?;
        let origin = Daemon::start("origin", &nginx(&origin_file), CORE_LOAD, base)?;
        let mut rig = Rig { base, proxies: Vec::new(), _origin: origin };
        for proxy in Proxy::ALL {
            let port = rig.port(proxy);
            let file = folder.join(format!("{}.cfg", proxy.name()));
            let (text, command) = match proxy {
                Proxy::Haproxy => (
                    haproxy_text(&folder, proxy, base, port, maxconn),
                    words(&["haproxy", "-db", "-f"], &file),
                ),
                Proxy::Evenkeel => {
                    let text = haproxy_text(&folder, proxy, base, port, maxconn);
                    (text, words(&[&binary.display().to_string(), "haproxy", "-db", "-f"], &file))
                }
                Proxy::Nginx => (nginx_text(&folder, base, port, files), nginx(&file)),
            };
            write(&file, &text)?;
            let daemon = Daemon::start(proxy.name(), &command, CORE_PROXY, port)?;
            rig.proxies.push((proxy, daemon));
        }
        Ok(rig)
    }

    /// The HTTP port of a proxy.
    pub(super) fn port(&self, proxy: Proxy) -> u16 {
        self.base + proxy.slot()
    }

    /// Its port in TCP mode.
    pub(super) fn tcp_port(&self, proxy: Proxy) -> u16 {
        self.port(proxy) + 4
    }

    /// Its first process.
    pub(super) fn pid(&self, proxy: Proxy) -> u32 {
        let found = self.proxies.iter().find(|(p, _)| *p == proxy);
        found.map_or(0, |(_, daemon)| daemon.child.id())
    }

    /// Moves all proxies to their cores.
    pub(super) fn pin(&self, cores: Cores) -> Result<(), String> {
        for (_, daemon) in &self.proxies {
            for pid in cpu::tree(daemon.child.id()) {
                let core = cores.proxy().to_string();
                let mut taskset = Command::new("taskset");
                taskset.args(["-a", "-p", "-c", &core, &pid.to_string()]).stdout(Stdio::null());
                let status = taskset.status().map_err(|e| format!("taskset: {e}"))?;
                if !status.success() {
                    return Err(format!("process {pid} cannot be moved to core {core}"));
                }
            }
        }
        Ok(())
    }
}

/// A process in a session of its own: the kernel shares cores out by session first (sched_autogroup), and a proxy that
/// shares its session with the load would be charged otherwise than one that does not.
struct Daemon {
    child: Child,
}

impl Daemon {
    fn start(name: &str, command: &[String], core: usize, port: u16) -> Result<Daemon, String> {
        let log = crate::root().join(format!("target/bench/{name}.log"));
        let out = fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let err = out.try_clone().map_err(|e| e.to_string())?;
        let mut setsid = Command::new("setsid");
        // It must not outlive us, however we end.
        setsid.args(["setpriv", "--pdeathsig", "TERM", "taskset", "-c", &core.to_string()]).args(command);
        let child = setsid
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| format!("{name}: {e}"))?;
        let mut daemon = Daemon { child };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = daemon.child.try_wait().map_err(|e| e.to_string())?;
            if ended.is_some() || since.elapsed() > START_MAX {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("{name} does not listen on port {port}; it said:\n{said}"));
            }
            super::rest(20);
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // TERM, so that nginx's master takes its workers along; std only knows KILL.
        let kill = format!("kill -TERM {} 2>/dev/null", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
        let since = Instant::now();
        while since.elapsed() < END_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            super::rest(20);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program is, in the folders of `PATH` and the system's.
pub(super) fn found(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(tool)).find(|file| file.is_file())
}

fn words(command: &[&str], file: &Path) -> Vec<String> {
    let mut words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    if let Some(first) = words.first_mut()
        && let Some(path) = found(first)
    {
        *first = path.display().to_string();
    }
    words.push(file.display().to_string());
    words
}

fn nginx(file: &Path) -> Vec<String> {
    words(&["nginx", "-c"], file)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn free_ports() -> Result<u16, String> {
    let free = |base: u16| (base..base + PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    (PORT_FIRST..PORT_END)
        .step_by(usize::from(PORTS))
        .find(|base| free(*base))
        .ok_or("no free ports".to_owned())
}

/// Root's nginx would make its workers somebody who may not read this folder.
fn nginx_head(folder: &Path, name: &str) -> String {
    let root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0"));
    let user = if root { "user root;\n" } else { "" };
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {}/{name}-{kind};\n", folder.display()))
        .join("");
    let folder = folder.display();
    format!(
        "{user}daemon off;\nworker_processes 1;\npid {folder}/{name}.pid;\nerror_log {folder}/{name}.err;\n\
         events {{ worker_connections 19000; }}\nhttp {{\n{temp}  access_log off;\n  keepalive_requests 1000000000;\n  \
         keepalive_timeout 75s;\n"
    )
}

/// Head and body in one segment (`tcp_nopush`): else the origin hides what the proxies cost.
fn origin_text(folder: &Path, base: u16) -> String {
    format!(
        "{}  tcp_nopush on;\n  sendfile on;\n  open_file_cache max=10;\n  \
         server {{ listen 127.0.0.1:{base} reuseport backlog=4096; root {}/www; }}\n}}\n",
        nginx_head(folder, "origin"),
        folder.display()
    )
}

/// The same file for HAProxy and for us, but for ports.
fn haproxy_text(folder: &Path, proxy: Proxy, base: u16, port: u16, maxconn: usize) -> String {
    let (tcp, stats) = (port + 4, port + 8);
    let socket = folder.join(format!("{}.sock", proxy.name()));
    format!(
        "global
    nbthread 1
    maxconn {maxconn}
    stats socket {socket} level admin
defaults
    mode http
    option redispatch
    retries 3
    maxconn {maxconn}
    timeout http-request 10s
    timeout queue 60s
    timeout connect 5s
    timeout client 75s
    timeout server 75s
    timeout http-keep-alive 75s
frontend web
    bind 127.0.0.1:{port}
    option forwardfor
    acl url_static path_beg -i /static /images /javascript /stylesheets
    acl url_static path_end -i .jpg .gif .png .css .js .html .txt .htm
    acl upload method POST
    use_backend upload if upload
    use_backend static if url_static
    default_backend app
backend static
    balance roundrobin
    server s1 127.0.0.1:{base}
backend app
    balance roundrobin
    server a1 127.0.0.1:{base}
backend upload
    server u1 127.0.0.1:{base}
listen tcp
    mode tcp
    bind 127.0.0.1:{tcp}
    server t1 127.0.0.1:{base}
listen stats
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /admin?stats
    stats auth admin:admin
",
        socket = socket.display()
    )
}

/// The same for nginx, in its words. Its temporary files are off, so that it never writes large bodies to the disk.
fn nginx_text(folder: &Path, base: u16, port: u16, files: usize) -> String {
    let pool = 512.min(files / 4);
    let upstream =
        |name: &str| format!("  upstream {name} {{ server 127.0.0.1:{base}; keepalive {pool}; }}\n");
    format!(
        "{head}  client_header_timeout 10s;
  proxy_connect_timeout 5s;
  proxy_read_timeout 75s;
  proxy_send_timeout 75s;
  proxy_http_version 1.1;
  proxy_set_header Connection \"\";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_max_temp_file_size 0;
{app}{fixed}{upload}  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location = /nginx_status {{ stub_status; }}
    location ~* ^/(static|images|javascript|stylesheets) {{ proxy_pass http://static; }}
    location ~* \\.(jpg|gif|png|css|js|html|txt|htm)$ {{ proxy_pass http://static; }}
    location / {{
      if ($request_method = POST) {{ proxy_pass http://upload; }}
      proxy_pass http://app;
    }}
  }}
}}
",
        head = nginx_head(folder, "nginx"),
        app = upstream("app"),
        fixed = upstream("static"),
        upload = upstream("upload"),
    )
}
