//! What Rust files may say, and how long they may be.

use std::path::Path;

use super::floors::pure_rooms;
use super::lexed::{code_of, lines_with, without_tests};

/// Longest file without an entry in [`LONG`].
const LINES_MAX: usize = 900;

/// What has no place in a brain, and what to use there.
const BANNED: &[(&str, &str)] = &[
    ("tokio", "I/O and time belong to floor 3"),
    ("rustix", "system calls belong to sys"),
    ("socket2", "sockets belong to sys"),
    ("libc", "system calls belong to sys"),
    ("std::fs", "files are read by conf::source or come in through a trait"),
    ("std::process", "processes belong to floor 3"),
    ("std::thread", "threads belong to floor 3"),
    ("thread::spawn", "threads belong to floor 3"),
    ("thread_local", "state is handed in"),
    ("std::env", "the environment is handed in"),
    ("TcpStream", "sockets belong to sys"),
    ("TcpListener", "sockets belong to sys"),
    ("UdpSocket", "sockets belong to sys"),
    ("UnixStream", "sockets belong to sys"),
    ("UnixListener", "sockets belong to sys"),
    ("UnixDatagram", "sockets belong to sys"),
    ("ToSocketAddrs", "names are resolved by whoever hands them in"),
    ("Instant::now", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("std::time::Instant", "time is evenkeel_base::Instant, an argument"),
    ("println", "what is to be said is returned as data"),
    ("eprintln", "what is to be said is returned as data"),
    ("HashMap", "only ordered collections: iteration must not depend on luck"),
    ("HashSet", "only ordered collections: iteration must not depend on luck"),
    ("tracing", "what is to be logged is returned as data"),
];

/// A place where a banned word is right.
struct Exception {
    file: &'static str,
    word: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[Exception {
    file: "crates/conf/src/source.rs",
    word: "std::fs",
    reason: "the one step of the reader that touches files",
}];

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[];

/// Checks every Rust file.
pub(super) fn check(root: &Path, files: &[String]) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut used = vec![false; EXCEPTIONS.len()];
    let pure: Vec<String> = pure_rooms().map(|room| format!("crates/{room}/src/")).collect();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = match std::fs::read_to_string(root.join(file)) {
            Ok(text) => text,
            Err(why) => {
                breaches.push(format!("{file}: {why}"));
                continue;
            }
        };
        breaches.extend(length(file, &text));
        let code = code_of(&text);
        if !file.starts_with("crates/sys/") {
            breaches
                .extend(lines_with(&code, "unsafe").map(|n| format!("{file}:{n}: `unsafe` outside of sys")));
        }
        if pure.iter().any(|folder| file.starts_with(folder)) && !is_test(file) {
            breaches.extend(brain(file, without_tests(&code), &mut used));
        }
    }
    for room in pure_rooms() {
        let file = format!("crates/{room}/src/lib.rs");
        let text = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
        if !code_of(&text).contains("#![forbid(unsafe_code)]") {
            breaches.push(format!("{file}: `#![forbid(unsafe_code)]` is missing"));
        }
    }
    for (exception, _) in EXCEPTIONS.iter().zip(used).filter(|(_, used)| !used) {
        let Exception { file, word, reason } = exception;
        breaches.push(format!("{file}: the exception for `{word}` ({reason}) is not needed any more"));
    }
    breaches.extend(stale_lengths(root));
    breaches
}

/// Files of tests inside `src`.
fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.ends_with("/testing.rs") || file.contains("/tests/")
}

fn length(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let long = lines > LINES_MAX && !LONG.iter().any(|(name, _)| *name == file);
    long.then(|| {
        format!("{file}: {lines} lines, more than {LINES_MAX}: split it by subject, or say why not in xtask")
    })
}

fn stale_lengths(root: &Path) -> Vec<String> {
    let short = |file: &str| {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        text.lines().count() <= LINES_MAX
    };
    LONG.iter()
        .filter(|(file, _)| short(file))
        .map(|(file, _)| format!("{file}: its entry among the long files is not needed any more"))
        .collect()
}

fn brain(file: &str, code: &str, used: &mut [bool]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (word, instead) in BANNED {
        let excepted = EXCEPTIONS.iter().position(|e| e.file == file && e.word == *word);
        for line in lines_with(code, word) {
            match excepted {
                Some(at) => used[at] = true,
                None => breaches.push(format!("{file}:{line}: `{word}` on floors 0 to 2: {instead}")),
            }
        }
    }
    breaches
}
