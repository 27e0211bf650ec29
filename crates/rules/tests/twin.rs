//! The same rules over the same exchanges, run by the real HAProxy (2.6, where it is installed) and by this crate.
//!
//! One haproxy has a frontend per row; a small server behind it answers every request with the head that it received.
//! What cannot be compared is left out: names of fields are lower-cased there, and the texts of error pages are ours.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod common;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Case;
use evenkeel_rules::RuleSet;

/// How long the real one may take for anything before the test gives up.
const PATIENCE: Duration = Duration::from_secs(10);

const GET: &str =
    "GET /a/b?x=1&y HTTP/1.1\r\nHost: h.example\r\nX-A: one, two\r\nX-A: three\r\nCookie: a=b; c=d\r\n\r\n";
const ABSOLUTE: &str = "GET http://h.example/p/q?z HTTP/1.1\r\nHost: h.example\r\n\r\n";
const BARE: &str = "OPTIONS * HTTP/1.1\r\nHost: h.example\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\nServer: be\r\nX-R: 1, 2\r\nX-R: 3\r\nLocation: http://127.0.0.1:80/x\r\nContent-Length: LEN\r\n\r\n";

const REQUESTS: &[&str] = &[GET, ABSOLUTE, BARE];

const REQUEST_ROWS: &[&[&str]] = &[
    &[],
    &["set-header X-A new"],
    &["set-header X-A %[req.hdr(x-a,1)]-%[req.hdr(x-a,-1)]"],
    &["set-header X-N %[req.hdr(nothing)]"],
    &["add-header X-A %[path] if { path_beg /a }"],
    &["add-header X-A %[query] unless { path_beg /a }"],
    &["del-header X-A"],
    &["del-header x- -m beg"],
    &["del-header -a -m end"],
    &["del-header os -m sub"],
    &["del-header ^x-a$ -m reg"],
    &[r"replace-header X-A ^(.*)t(.*)$ <\2|\1>"],
    &[r"replace-header X-A t X"],
    &[r"replace-header x-a ^(nope)?(.) \1\2"],
    &[r"replace-value X-A ^t(.*)$ <\1>"],
    &[r"replace-value X-A . -"],
    &[r"replace-value Cookie (.)=(.) \2=\1"],
    &["set-path /new"],
    &["set-path /%[req.hdr(host)]%[path]"],
    &["set-pathq /new?q"],
    &["set-pathq /new"],
    &["set-query n=1"],
    &["set-query %[query,regsub(x,z,g)]"],
    &["set-uri /all?n"],
    &["set-uri http://other.example/x"],
    &["set-method PUT"],
    &["set-header Host new.example"],
    &["del-header Host"],
    &["replace-header Host ^h(.*)$ g\\1"],
    &["replace-value Host ^h(.*)$ g\\1"],
    &["add-header Host new.example"],
    &["set-header X-A \"  spaced  \""],
    &["set-path nopath"],
    &["set-query ?q"],
    &["set-pathq nopath"],
    &[r"replace-path (.*) /foo\1"],
    &[r"replace-path /a/(.*) /\1"],
    &[r"replace-path b X"],
    &[r"replace-pathq ([^?]*)(\?(.*))? \1/foo\2"],
    &[r"replace-uri ^http://(.*) https://\1"],
    &[r"replace-uri ^(.*)$ \1z"],
    &["set-path /p", "set-header X-P %[path]", "set-query q", "set-header X-Q %[query]"],
    &["set-var(txn.p) path", "set-path /p", "set-header X-P %[var(txn.p)]"],
    &["set-var(txn.n) int(5)", "set-var(txn.n,ifgt) int(3)", "set-header X-N %[var(txn.n)]"],
    &["set-var(txn.n) int(5)", "set-var(txn.n,iflt) int(3)", "set-header X-N %[var(txn.n)]"],
    &["set-var(txn.n,ifexists) int(5)", "set-header X-N %[var(txn.n)]"],
    &["set-var(txn.n,ifnotexists) int(5)", "set-header X-N %[var(txn.n)]"],
    &["set-var(txn.n,ifnotempty) req.hdr(none)", "set-header X-N %[var(txn.n)]"],
    &["set-var-fmt(txn.n) %[path]:%[method]", "set-header X-N %[var(txn.n)]"],
    &["set-var(txn.n) int(5)", "unset-var(txn.n)", "set-header X-N %[var(txn.n)]"],
    &["allow", "set-header X-N 1"],
    &["allow if { path /nope }", "set-header X-N 1"],
    &["strict-mode off", "set-header X-N 1"],
    &["deny if { path_beg /a }"],
    &["deny deny_status 429 unless { path_beg /a }"],
    &["deny status 404 content-type text/plain string hello"],
    &["deny hdr x-y z"],
    &["tarpit"],
    &["auth"],
    &["auth realm \"Members only\""],
    &["return"],
    &["return status 204"],
    &["return status 250 hdr X-Y z"],
    &["return status 599"],
    &["return status 404 default-errorfiles"],
    &[
        "return content-type text/plain lf-string \"%[method] %[url] path=%[path] q=%[query]\" hdr X-Q \"%[query]\" hdr X-N \"%[hdr(no)]\"",
    ],
    &["return content-type text/plain string x hdr Cache-Control public"],
    &["redirect location /x"],
    &["redirect location http://a/%[path] code 301"],
    &["redirect location /x code 303"],
    &["redirect location /x code 307"],
    &["redirect location /x code 308"],
    &["redirect location /x set-cookie A=b"],
    &["redirect location /x set-cookie A"],
    &["redirect location /x clear-cookie A="],
    &["redirect prefix http://p/%[hdr(host)]"],
    &["redirect prefix /"],
    &["redirect prefix http://p drop-query"],
    &["redirect prefix http://p append-slash"],
    &["redirect prefix / drop-query append-slash code 301"],
    &["redirect scheme https"],
    &["redirect scheme https drop-query"],
    &["redirect scheme https drop-query append-slash"],
    &["redirect location %[hdr(nope)] ignore-empty", "set-header X-N 1"],
    &["redirect location %[hdr(nope)]"],
    &["reject if { path_beg /a }"],
];

const RESPONSE_ROWS: &[&[&str]] = &[
    &["set-header X-R new"],
    &["add-header X-S %[status]"],
    &["del-header server"],
    &[r"replace-header X-R ^(.),\ (.)$ \2-\1"],
    &[r"replace-value X-R (.) <\1>"],
    &[r"replace-header Location ^http://127.0.0.1:80(.*)$ \1"],
    &["set-status 404"],
    &["set-status 503 reason \"Slow Down\""],
    &["set-status 299"],
    &["deny if { status 200 }"],
    &["return status 201 if { status 200 }"],
    &["redirect location /z code 301 if { status 200 }"],
    &["allow if { status 200 }", "set-header X-N 1"],
    &["set-var(txn.s) status", "set-header X-N %[var(txn.s)]"],
];

struct Real {
    child: Child,
    folder: PathBuf,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn config(folder: &Path) -> String {
    let mut text = String::from(
        "defaults\n mode http\n timeout client 10s\n timeout server 10s\n timeout connect 10s\n timeout tarpit 1\n \
         default_backend be\n",
    );
    let rows = REQUEST_ROWS
        .iter()
        .map(|r| ("http-request", r))
        .chain(RESPONSE_ROWS.iter().map(|r| ("http-response", r)));
    for (n, (keyword, rules)) in rows.enumerate() {
        text.push_str(
            &format!("frontend fe\n bind unix@{}/{n}.sock\n", folder.display())
                .replace(" fe", &format!(" fe{n}")),
        );
        for rule in *rules {
            text.push_str(&format!(" {keyword} {rule}\n"));
        }
    }
    text.push_str(&format!("backend be\n server s unix@{}/be.sock\n", folder.display()));
    text
}

impl Real {
    /// `None` where no HAProxy 2.6 is installed.
    fn start() -> Option<Self> {
        let version = Command::new("haproxy").arg("-v").output().ok()?;
        if !String::from_utf8_lossy(&version.stdout).contains("version 2.6") {
            return None;
        }
        let folder = std::env::temp_dir().join(format!("evenkeel-rules-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok()?;
        std::fs::write(folder.join("cfg"), config(&folder)).ok()?;
        let listener = UnixListener::bind(folder.join("be.sock")).ok()?;
        std::thread::spawn(move || listener.incoming().flatten().for_each(echo));
        let child = Command::new("haproxy")
            .args(["-db", "-f"])
            .arg(folder.join("cfg"))
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut real = Self { child, folder };
        let begun = Instant::now();
        while UnixStream::connect(real.folder.join("0.sock")).is_err() {
            assert!(begun.elapsed() < PATIENCE, "haproxy opens no socket");
            assert!(
                real.child.try_wait().is_ok_and(|status| status.is_none()),
                "haproxy refuses the configuration"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(real)
    }

    /// Everything that the client of row `n` receives.
    fn ask(&self, n: usize, request: &str) -> String {
        let mut socket =
            UnixStream::connect(self.folder.join(format!("{n}.sock"))).expect("the socket was open");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout of more than zero");
        socket.write_all(request.as_bytes()).expect("a head fits the socket's buffer");
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while !whole(&received) {
            match socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => received.extend_from_slice(&buffer[..n]),
                Err(why) => panic!("row {n}: {why} after {:?}", String::from_utf8_lossy(&received)),
            }
        }
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// True once a response with a Content-Length, or one that has no body, is complete.
fn whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).and_then(|n| n.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Answers each request of a connection with its own head.
fn echo(mut socket: UnixStream) {
    std::thread::spawn(move || {
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = socket.read(&mut buffer) {
            received.extend_from_slice(&buffer[..n]);
            while let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = received.drain(..end + 4).collect();
                let answer = RESPONSE.replace("LEN", &head.len().to_string()).into_bytes();
                if socket.write_all(&[answer, head].concat()).is_err() {
                    return;
                }
            }
        }
    });
}

/// A message with its field names in lower case and without the parts that cannot be compared.
fn plain(message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    let page = body.starts_with("<html>");
    let mut lines = head.split("\r\n");
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = name.to_ascii_lowercase();
        let length = name == "content-length" && (page || body.starts_with(char::is_uppercase));
        // `replace-value` drops blanks after commas there; the manual's own example keeps them, and so do we.
        let value = value.trim_end().replace(", ", ",");
        out.push_str(&format!("|{name}:{}", if length { " …" } else { &value }));
    }
    if page { format!("{out}||page") } else { format!("{out}||{}", body.trim_end().replace("\r\n", "|")) }
}

/// What the client receives if our engine judges the exchange and the same server answers.
fn ours(set: RuleSet, rules: &[&str], request: &str) -> String {
    let case =
        Case { set, response: set.is_response().then_some(RESPONSE_EMPTY), ..Case::request(rules, request) };
    let judged = case.judge();
    match judged.verdict.as_str() {
        "Continue" | "Accept" => {
            let head = judged.response.unwrap_or_else(|| RESPONSE_EMPTY.to_owned());
            let head =
                head.replacen("Content-Length: 0", &format!("Content-Length: {}", judged.request.len()), 1);
            format!("{head}{}", judged.request)
        }
        "Reject" => String::new(),
        _ => judged.answer,
    }
}

const RESPONSE_EMPTY: &str = "HTTP/1.1 200 OK\r\nServer: be\r\nX-R: 1, 2\r\nX-R: 3\r\nLocation: http://127.0.0.1:80/x\r\nContent-Length: 0\r\n\r\n";

/// The echoed request with its field names in lower case, as haproxy sends them.
fn lower_echo(message: &str) -> String {
    let Some((head, body)) = message.split_once("\r\n\r\n") else { return message.to_owned() };
    let mut lines: Vec<String> = body.split("\r\n").map(str::to_owned).collect();
    for line in lines.iter_mut().skip(1) {
        if let Some((name, value)) = line.split_once(':') {
            *line = format!("{}:{}", name.to_ascii_lowercase(), value.trim_end().replace(", ", ","));
        }
    }
    format!("{head}\r\n\r\n{}", lines.join("\r\n"))
}

#[test]
fn rules_do_what_the_originals_do() {
    let Some(real) = Real::start() else {
        println!("skipped: no haproxy 2.6 on this machine");
        return;
    };
    let mut wrong = Vec::new();
    let rows = REQUEST_ROWS
        .iter()
        .map(|r| (RuleSet::HttpRequest, r))
        .chain(RESPONSE_ROWS.iter().map(|r| (RuleSet::HttpResponse, r)));
    for (n, (set, rules)) in rows.enumerate() {
        for request in REQUESTS {
            let theirs = plain(&lower_echo(&real.ask(n, request)));
            let ours =
                plain(&lower_echo(&ours(set, rules, request))).replace("\"fe\"", &format!("\"fe{n}\""));
            if theirs != ours {
                let first = request.lines().next().unwrap_or_default();
                wrong.push(format!("{rules:?} on {first}\n  theirs {theirs}\n  ours   {ours}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
