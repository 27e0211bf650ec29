//! The same verdict as the real HAProxy for small files: whether it runs, and whether something is said.
//! Skipped where `haproxy` is not installed.
#![expect(clippy::print_stdout, reason = "a test that skips or counts says so")]

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evenkeel_base::Level;
use evenkeel_conf::{Environment, Input, Inputs, Outside, load};

struct Machine;

impl Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|why| why.to_string())
    }

    fn resolve(&self, host: &str) -> Vec<IpAddr> {
        if host == "localhost" { vec![IpAddr::from([127, 0, 0, 1])] } else { Vec::new() }
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    Fine,
    Warned,
    Refused,
}
use Verdict::{Fine, Refused, Warned};

const TIMEOUTS: &str = "defaults\n timeout client 3s\n timeout connect 2s\n timeout server 3s\n";

/// Files; behind `TIMEOUTS` where they start with a blank line.
const ROWS: &[(&str, Verdict)] = &[
    ("\nlisten l\n bind :18080\n", Fine),
    ("listen l\n bind :18080\n", Warned),
    ("\nlisten l\n bind :18080 frob\n", Refused),
    ("\nlisten l\n bind 127.0.0.1\n", Refused),
    ("\nlisten l\n bind :18080-18085 name x mss 1400\n", Fine),
    ("\nlisten l\n bind :18080 mss 0\n", Refused),
    ("\nlisten l\n bind :18080 nice 2000\n", Refused),
    ("\nlisten l\n bind :18080 id 0\n", Refused),
    ("\nlisten l\n bind :18080 id 1\n bind :18081 id 1\n", Refused),
    ("\nlisten l\n bind /tmp/x mode 999\n", Refused),
    ("\nlisten l\n bind :18080 process 1\n", Warned),
    ("\nlisten l\n bind :18080\n maxconn 1 2\n", Refused),
    ("\nlisten l\n bind :18080\n no mode tcp\n", Refused),
    ("\nlisten l\n bind :18080\n mdoe tcp\n", Refused),
    ("\nfrontend f\n bind :18080\nfrontend f\n bind :18081\n", Refused),
    ("\nfrontend f\n bind :18080\nbackend f\n", Fine),
    ("\nfrontend f\n bind :18080\nlisten f\n bind :18081\n", Refused),
    ("\nfrontend f/g\n bind :18080\n", Refused),
    ("\nfrontend f\n bind :18080\n retries 3\n", Warned),
    ("\nfrontend f\n bind :18080\n server a 127.0.0.1:80\n", Refused),
    ("\nbackend b\n bind :18080\nlisten l\n bind :18081\n", Warned),
    ("\nfrontend f\n bind :18080\nbackend b\n maxconn 5\n", Warned),
    ("\nfrontend f\n bind :18080\n default_backend nope\n", Refused),
    ("defaults\n bind :18080\n", Refused),
    ("defaults\n acl x path /\nlisten l\n bind :18080\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80\n server a 127.0.0.1:81\n", Refused),
    ("\nlisten l\n bind :18080\nbackend b\n server a 127.0.0.1 check\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80-81\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:+10\n", Fine),
    ("\nlisten l\n bind :18080\n server a udp@127.0.0.1:80\n", Refused),
    ("\nlisten l\n bind :18080\n server a fd@3\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 weight 257\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 inter 0\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 fall 0\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 rise 3 fall 2 inter 2000 check\n", Fine),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 observe foo\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 on-error foo\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 init-addr foo\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 track b\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 check\n server b 127.0.0.1:81 track a\n", Fine),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80\n server b 127.0.0.1:81 track a\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 track b\n server b 127.0.0.1:81 track a\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 id 1\n server b 127.0.0.1:81 id 1\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 resolvers r\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 cookie x\n", Warned),
    ("\nlisten l\n bind :18080\n mode http\n server a 127.0.0.1:80 cookie x\n", Fine),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 agent-check\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 source 1.2.3.4:5-3\n", Refused),
    ("\nlisten l\n bind :18080\n server a 127.0.0.1:80 usesrc clientip\n", Refused),
    ("\nlisten l\n bind :18080\n server-template s 3 127.0.0.1:80\n", Fine),
    ("\nlisten l\n bind :18080\n server-template s x 127.0.0.1:80\n", Refused),
    ("\nlisten l\n bind :18080\n id 0\n", Refused),
    ("\nlisten l\n bind :18080\n id 5\nlisten m\n bind :18081\n id 5\n", Refused),
    ("\nlisten l\n bind :18080\n log global\n", Fine),
    ("\nlisten l\n bind :18080\n log 127.0.0.1 local0 info err\n", Fine),
    ("\nlisten l\n bind :18080\n log 127.0.0.1 localx\n", Refused),
    ("\nlisten l\n bind :18080\n log 127.0.0.1 len 3 local0\n", Refused),
    ("\nlisten l\n bind :18080\n log stdout format raw local0\n", Fine),
    ("\nlisten l\n bind :18080\n log 127.0.0.1 sample 1-2,3:5 local0\n", Fine),
    ("\nlisten l\n bind :18080\n log 127.0.0.1 sample 1-2,2:5 local0\n", Refused),
    ("\nlisten l\n bind :18080\n log 127.0.0.1\n", Refused),
    ("\nlisten l\n bind :18080\n no log\n", Fine),
    ("global\n nbthread 0\n", Refused),
    ("global\n spread-checks 51\n", Refused),
    ("global\n stats socket\n", Refused),
    ("global\n stats timeout 0\n", Refused),
    ("global\n stats socket /tmp/lowered.sock level boss\n", Refused),
    ("global\n chroot\n", Refused),
    ("global\n no daemon\n", Refused),
    (
        "global\n no busy-polling\n maxconn 10\n daemon\ndefaults\n timeout client 1s\nfrontend f\n bind :18080\n",
        Fine,
    ),
    ("global\n foo\n", Refused),
    ("global\n unix-bind foo\n", Refused),
    (
        "userlist u\n user a insecure-password b groups g\n group g\n\nlisten l\n bind :18080\n timeout client 1s\n",
        Fine,
    ),
    (
        "userlist u\n user a insecure-password b groups g\nlisten l\n bind :18080\n timeout client 1s\n",
        Refused,
    ),
    ("userlist u\n user a foo\n", Refused),
    ("userlist u\nuserlist u\nlisten l\n bind :18080\n timeout client 1s\n", Warned),
    ("defaults a\n timeout client 1s\ndefaults b from a\nfrontend f from b\n bind :18080\n", Fine),
    ("frontend f from nope\n bind :18080\n", Refused),
    (
        "defaults a\n timeout client 1s\ndefaults a\n timeout client 1s\nfrontend f from a\n bind :18080\n",
        Refused,
    ),
    ("defaults a\n timeout client 1s\ndefaults a\n timeout client 1s\nfrontend f\n bind :18080\n", Fine),
    (
        "\nfrontend f\n mode http\n bind :18080\n default_backend b\nbackend b\n mode tcp\n server a 127.0.0.1:80\n",
        Refused,
    ),
    (
        "\nfrontend f\n mode tcp\n bind :18080\n default_backend b\nbackend b\n mode http\n server a 127.0.0.1:80\n",
        Fine,
    ),
    (
        "\nfrontend f\n mode http\n bind :18080\n use_backend b if TRUE\nbackend b\n mode tcp\n server a 127.0.0.1:80\n",
        Refused,
    ),
    ("\nfrontend f\n mode http\n bind :18080\n use_backend nope if TRUE\n", Refused),
    ("\nfrontend f\n mode http\n bind :18080\n use_backend nope if undefined\n", Refused),
    (
        "\nfrontend f\n mode http\n bind :18080\n acl a path /\n http-request deny if a !a or { src 1.2.3.4 }\n",
        Fine,
    ),
    (
        "\nfrontend f\n mode http\n bind :18080\n use_backend b\n http-request deny\nbackend b\n mode http\n",
        Warned,
    ),
    ("\nfrontend f\n mode tcp\n bind :18080\n http-request deny\n", Warned),
    ("\nlisten l\n mode http\n bind :18080\n use_backend l if TRUE\n", Refused),
    ("\nlisten l\n mode tcp\n bind :18080\n option httplog\n log 127.0.0.1 local0\n", Warned),
    ("\nlisten l\n mode http\n bind :18080\n option httplog\n log 127.0.0.1 local0\n", Fine),
    ("\nlisten l\n mode http\n bind :18080\n option httplog\n", Warned),
    ("\nlisten l\n mode tcp\n bind :18080\n log 127.0.0.1 local0\n log-format %r\n", Refused),
    (
        "\nlisten l\n mode http\n bind :18080\n server a 127.0.0.1:80\n use-server a if TRUE\n use-server b if TRUE\n",
        Refused,
    ),
    ("\nfrontend f\n mode http\n", Warned),
    ("\nlisten l\n disabled\n mode http\nfrontend f\n bind :18080\n", Fine),
    ("frontend f\n disabled\n bind :18081\nlisten l\n bind :18080\n timeout client 3s\n", Fine),
    ("http-errors e\n errorfile 999 /etc/passwd\n", Refused),
    ("foo bar\n", Refused),
];

/// Where we differ on purpose: what we say, what the original says.
const DIFFERENT: &[(&str, Verdict, Verdict)] = &[
    // The original reads any word as a number.
    ("\nlisten l\n bind :18080\n maxconn x\n", Refused, Fine),
    ("global\n maxconn x\n", Refused, Fine),
    // Old releases checked the listener's port; 2.6 refuses the file.
    ("\nlisten l\n bind :18080\n server a 127.0.0.1 check\n", Fine, Refused),
    // Forms of 1.x.
    ("\nlisten l 127.0.0.1:18080\n", Warned, Refused),
    ("global\n nbproc 2\ndefaults\n timeout client 1s\nfrontend f\n bind :18080\n", Warned, Refused),
];

fn oracle(haproxy: &Path, file: &Path) -> Verdict {
    let run = Command::new(haproxy)
        .args(["-c", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("the program was found and can run");
    let said = String::from_utf8_lossy(&run.stderr);
    // 2: nothing to listen on, which is no fault of the file.
    match run.status.code() {
        Some(_) if said.contains("[ALERT]") => Refused,
        Some(0 | 2) if said.contains("[WARNING]") => Warned,
        Some(0 | 2) => Fine,
        Some(_) | None => Refused,
    }
}

fn ours(file: &Path) -> (Verdict, String) {
    let inputs = Inputs { inputs: vec![Input::Path(file.to_owned())], ..Inputs::default() };
    let loaded = load(&inputs, &mut Environment::new(), &Machine);
    let worst = loaded.diagnostics.iter().map(|d| d.level).max();
    let said: Vec<String> = loaded.diagnostics.iter().map(|d| d.message.clone()).collect();
    let verdict = match worst {
        Some(Level::Error) => Refused,
        Some(Level::Warning) => Warned,
        Some(Level::Notice | Level::Diag) | None => Fine,
    };
    (verdict, said.join("\n"))
}

#[test]
fn verdicts_of_small_files() {
    let haproxy =
        ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].map(PathBuf::from).into_iter().find(|p| p.exists());
    if haproxy.is_none() {
        println!("no haproxy here: only our own verdicts are tested");
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("verdict.cfg");
    let mut wrong = Vec::new();
    let same = ROWS.iter().map(|(text, want)| (*text, *want, *want));
    for (text, want, want_real) in same.chain(DIFFERENT.iter().copied()) {
        let whole = text.strip_prefix('\n').map_or(text.to_owned(), |rest| format!("{TIMEOUTS}{rest}"));
        let mut out = std::fs::File::create(&file).expect("the target's folder can be written");
        out.write_all(whole.as_bytes()).expect("the target's folder can be written");
        let (verdict, said) = ours(&file);
        if verdict != want {
            wrong.push(format!("{text}  we: {verdict:?}, the row: {want:?}\n{said}"));
        }
        if let Some(haproxy) = &haproxy {
            let real = oracle(haproxy, &file);
            if real != want_real {
                wrong.push(format!("{text}  HAProxy: {real:?}, the row: {want_real:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
