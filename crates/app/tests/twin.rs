//! The same command lines through the real HAProxy and through us: exit code, and which streams have words. Skipped
//! where no HAProxy is installed.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ORIGINAL: &str = "/usr/sbin/haproxy";

/// How long a command line may run, seconds.
const PATIENCE_S: &str = "20";

/// Command lines, in the folder that [`FILES`] makes.
const ROWS: &[&str] = &[
    "",
    "-h",
    "--help",
    "-z",
    "stray",
    "-",
    "-V",
    "-q",
    "-v",
    "-vv",
    "-vx",
    "-vq",
    "-v -cc 0",
    "-cc 0 -v",
    "-c -f bad.cfg -v",
    "-cc",
    "-cc 1",
    "-cc 0",
    "-cc foo",
    "-cc 1 -cc 0",
    "-cc 1 stray",
    "-q -cc foo",
    "-cc version_atleast(2.4)",
    "-cc feature(THREAD)",
    "-cc feature(NOSUCH)",
    "-cc !feature(THREAD)||0",
    "-c -cc 1 -f ok.cfg",
    "-dMhelp -cc 1",
    "-f",
    "-c -p",
    "-c -S",
    "-c -f ok.cfg -n",
    "-c -n100 -f ok.cfg",
    "-c -m100 -f ok.cfg",
    "-c -p -f ok.cfg",
    "-c -f -- ok.cfg",
    "-c -x -f ok.cfg",
    "-c -f ok.cfg ok.cfg",
    "-c -f ok.cfg -s",
    "-c -f ok.cfg -sx",
    "-c -f ok.cfg -sf abc",
    "-c -f ok.cfg -sf 1 abc",
    "-C /nosuch -c -f ok.cfg",
    "-c -f nosuch.cfg",
    "-c -q -f nosuch.cfg",
    "-c -- ok.cfg nosuch",
    "-c -f ok.cfg -- -x",
    "-c -f empty.d",
    "-c",
    "-c -f bad.cfg",
    "-c -q -f bad.cfg",
    "-c -V -q -f bad.cfg",
    "-f bad.cfg",
    "-c -f ok.cfg",
    "-c -V -f ok.cfg",
    "-c -q -f ok.cfg",
    "-c -q -V -f ok.cfg",
    "-c -- ok.cfg",
    "-c -f ok.cfg --",
    "-c -f ok.d",
    "-C ok.d -c -f a.cfg",
    "-c -n 100 -m 100 -N 5 -L me -f ok.cfg",
    "-c -D -f ok.cfg",
    "-c -db -d -f ok.cfg",
    "-c -Ws -f ok.cfg",
    "-c -W -S /tmp/nosuch -f ok.cfg",
    "-c -S /tmp/nosuch -f ok.cfg",
    "-c -dM -dI -dW -f ok.cfg",
    "-c -dM0x55 -f ok.cfg",
    "-c -de -dp -dr -dS -dG -dV -dD -dR -f ok.cfg",
    "-c -dL -f ok.cfg",
    "-c -p /nosuch/pid -f ok.cfg",
    "-c -x /tmp/nosuch -f ok.cfg",
    "-c -f ok.cfg -sf",
    "-c -f ok.cfg -sf 99999 99998 -V",
    "-c -f ok.cfg -st 99999",
    "-c -f warn.cfg",
    "-c -V -f warn.cfg",
    "-c -q -f warn.cfg",
    "-c -q -V -f warn.cfg",
    "-c -dW -f warn.cfg",
    "-c -q -dW -f warn.cfg",
    "-c -f zero.cfg",
    "-dW -f warn.cfg",
    "-c -f quiet.cfg",
    "-c -V -f quiet.cfg",
    "-c -f /dev/null",
    "-c -q -f /dev/null",
    "-f /dev/null",
    "-c -f backend.cfg",
    "-f backend.cfg",
    "-c -f socket.cfg",
    "-c -f account.cfg",
    "-f account.cfg",
    "-c -f jail.cfg",
];

const BODY: &str = "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
     listen web\n bind 127.0.0.1:18431\n server s 127.0.0.1:18432\n";

fn files() -> Vec<(&'static str, String)> {
    let warn = BODY.replace(" timeout client 5s\n", "");
    vec![
        ("ok.cfg", BODY.to_string()),
        ("bad.cfg", BODY.replace("mode http", "mdoe http")),
        ("zero.cfg", format!("global\n zero-warning\n{warn}")),
        ("quiet.cfg", format!("global\n quiet\n{warn}")),
        ("warn.cfg", warn),
        ("backend.cfg", "backend b\n server s 127.0.0.1:1\n".to_string()),
        ("socket.cfg", "global\n stats socket /tmp/ek-twin.sock\n".to_string()),
        ("account.cfg", format!("global\n user nosuchuser\n group nosuchgroup\n{BODY}")),
        ("jail.cfg", format!("global\n chroot /nosuch\n{BODY}")),
        ("ok.d/a.cfg", BODY.to_string()),
        ("ok.d/not-read", "rubbish\n".to_string()),
        ("empty.d/.hidden.cfg", "rubbish\n".to_string()),
    ]
}

/// Exit code, and whether each stream has words.
fn run(program: &Path, folder: &Path, line: &str) -> (Option<i32>, bool, bool, String) {
    // None of the rows is meant to stay; one that does is cut off and differs.
    let output = Command::new("timeout")
        .arg(PATIENCE_S)
        .arg(program)
        .args(line.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), !output.stdout.is_empty(), !output.stderr.is_empty(), text)
}

#[test]
fn command_lines_end_as_the_originals() {
    if !Path::new(ORIGINAL).exists() {
        println!("skipped: {ORIGINAL} is not installed");
        return;
    }
    let folder = std::env::temp_dir().join(format!("ek-twin-{}", std::process::id()));
    for (name, text) in files() {
        let path: PathBuf = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("in the folder")).expect("writable");
        std::fs::write(path, text).expect("writable");
    }
    let ours = folder.join("haproxy");
    symlink(env!("CARGO_BIN_EXE_evenkeel"), &ours).expect("a link can be made there");
    let mut differences = Vec::new();
    for line in ROWS {
        let want = run(Path::new(ORIGINAL), &folder, line);
        let got = run(&ours, &folder, line);
        if (want.0, want.1, want.2) != (got.0, got.1, got.2) {
            differences.push(format!(
                "haproxy {line}\n  original: exit {:?}, out {}, err {}\n  ours:     exit {:?}, out {}, err {}\n{}",
                want.0, want.1, want.2, got.0, got.1, got.2, got.3
            ));
        }
    }
    std::fs::remove_dir_all(&folder).expect("ours");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
