//! The same configuration, clients and servers through the original and through us: what clients and servers saw, and the
//! log lines, must be equal but for what [`evenkeel_e2e::mask`] hides. Skipped, with the reason, where the original is not
//! installed. `EVENKEEL_ROW=name` runs one row and prints what both did.
#![allow(clippy::print_stderr, reason = "skipped tests say why, single rows are shown")]

mod books;
mod cookies;
mod counters;
mod faults;
mod logs;
mod messages;
mod rules;
mod tcp;
mod timeouts;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use evenkeel_e2e::daemon::{Folder, Setup};
use evenkeel_e2e::origin::Origin;
use evenkeel_e2e::port::Swamp;
use evenkeel_e2e::program::Program;
use evenkeel_e2e::script::Step::{Request, Send, ToEnd, Wait};
use evenkeel_e2e::script::{Gates, Step, play};
use evenkeel_e2e::wire::Wire;
use evenkeel_e2e::{mask, skip};

/// One play.
struct Row {
    /// What it shows.
    name: &'static str,
    /// Lines added to `defaults`.
    defaults: &'static str,
    /// Lines of frontend `fe`.
    fe: &'static str,
    /// Lines of backend `be`.
    be: &'static str,
    /// More sections.
    more: &'static str,
    /// Servers s1, s2, …: the script of each connection, in order; the last repeats.
    origins: &'static [&'static [&'static [Step]]],
    /// Clients, one after the other; one whose first step is to wait runs beside the others.
    clients: &'static [&'static [Step]],
    /// Counters that differ: how their lines begin, and why.
    books: &'static [(&'static str, &'static str)],
    /// Why both differ, where we mean it.
    differs: Option<&'static str>,
}

const ROW: Row = Row {
    name: "",
    defaults: "",
    fe: "",
    be: " server s1 <s1>",
    more: "",
    origins: &[&[&[Request, Send(OK)]]],
    clients: &[],
    books: &[],
    differs: None,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ONCE: &[&[Step]] = &[&[Send(LAST), ToEnd]];

/// A server that answers well as long as it is asked.
const KEEPS: &[&[Step]] =
    &[&[Request, Send(OK), Request, Send(OK), Request, Send(OK), Request, Send(OK), Request]];

/// How long a proxy may take to see that a client has left.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(20);

/// Pages of one text for both: their own wording, and so their length, differs on purpose. For 400 and 408 the original
/// uses its own pages whatever the file says, and does not count them.
const PAGES: &[u16] = &[401, 403, 413, 429, 500, 502, 503, 504];

fn base(row: &Row) -> String {
    let pages: String = PAGES.iter().map(|n| format!(" errorfile {n} <page{n}>\n")).collect();
    format!(
        "global\n log <log> local0\n nbthread 1\n stats socket <dir>/stats.sock mode 600 level admin\n\
         defaults\n mode http\n log global\n option httplog\n option socket-stats\n timeout connect 2s\n timeout client 2s\n timeout server 2s\n http-reuse never\n{pages}{}\n\
         frontend fe\n bind <fe>\n{}\n default_backend be\n\
         backend be\n{}\n{}\n",
        row.defaults, row.fe, row.be, row.more
    )
}

/// All that can be compared of one play.
fn act(program: Program, row: &Row) -> String {
    let gates = Arc::new(Gates::default());
    let origins: Vec<Origin> = row.origins.iter().map(|s| Origin::scripted(s, gates.clone())).collect();
    let mut setup = Setup::new(base(row)).program(program);
    let mut known: Vec<(String, SocketAddr)> = Vec::new();
    for (n, origin) in origins.iter().enumerate() {
        let name = format!("s{}", n + 1);
        setup = setup.with(&name, origin.addr());
        known.push((name, origin.addr()));
    }
    let swamp = row.be.contains("<swamp>").then(Swamp::new);
    if let Some(swamp) = &swamp {
        setup = setup.with("swamp", swamp.addr());
    }
    let folder = Folder::new();
    let page = "HTTP/1.1 503 Gone\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry";
    setup = setup.with("page", folder.write("page", page).display());
    for n in PAGES {
        let name = format!("page{n}");
        let text =
            format!("HTTP/1.1 {n} Page\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n{name}");
        setup = setup.with(&name, folder.write(&name, text).display());
    }
    let daemon = setup.start();
    known.extend(daemon.addrs());
    let to = daemon.addr("fe");
    let seen = std::thread::scope(|scope| {
        let gates = &gates;
        let beside: Vec<_> = row
            .clients
            .iter()
            .map(|steps| {
                let waits = matches!(steps.first(), Some(Wait(_)));
                waits.then(|| {
                    scope.spawn(move || {
                        // The connection itself is part of the play: it begins when the gate is open.
                        if let Some(Wait(gate)) = steps.first() {
                            gates.wait(gate);
                        }
                        play(Wire::connect(to), steps, gates)
                    })
                })
            })
            .collect();
        let played = row.clients.iter().zip(beside).map(|(steps, beside)| match beside {
            Some(thread) => thread.join().expect("clients do not panic"),
            None => {
                let played = play(Wire::connect(to), steps, gates);
                // The proxy is to see this client's end before the next one comes: nothing tells when it has.
                std::thread::sleep(SETTLE);
                played
            }
        });
        // Those beside are joined where they stand in the table: a table puts them after those that they wait for.
        played.collect::<Vec<_>>()
    });
    let books = books::read(&daemon.folder.path().join("stats.sock"));
    let (status, logs) = daemon.finish();
    let mut out = String::new();
    let mut say = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{text}");
    };
    for (n, client) in seen.iter().enumerate() {
        say(format!("── client {} saw, then {:?}\n{}", n + 1, client.end, mask::http(&client.got)));
    }
    for (n, origin) in origins.iter().enumerate() {
        for (c, transcript) in origin.transcripts().iter().enumerate() {
            say(format!("── s{} saw on connection {}\n{}", n + 1, c + 1, mask::http(&transcript.got)));
        }
    }
    for line in logs.iter().filter(|l| !l.contains(" stopped (")) {
        say(format!("── log {}", mask::log(line, &known)));
    }
    for line in books.iter().filter(|l| !row.books.iter().any(|(begin, _)| l.starts_with(begin))) {
        say(line.clone());
    }
    say(format!("── end {status}"));
    out
}

#[track_caller]
fn check(rows: &[Row]) {
    if Program::Haproxy.path().is_none() {
        return skip("haproxy is not installed");
    }
    let only = std::env::var("EVENKEEL_ROW").ok();
    let mut differ = Vec::new();
    for row in rows.iter().filter(|r| only.as_deref().is_none_or(|o| o == r.name)) {
        let (original, ours) = std::thread::scope(|scope| {
            let original = scope.spawn(|| act(Program::Haproxy, row));
            let ours = scope.spawn(|| act(Program::Ours, row));
            (original.join(), ours.join())
        });
        let original = original.expect("the original plays its part");
        let ours = ours.unwrap_or_else(|_| "it failed, see above".to_owned());
        if only.is_some() {
            eprintln!("═══ {} through the original\n{original}═══ through us\n{ours}", row.name);
        }
        if let Some(why) = row.differs {
            if original == ours {
                differ.push(format!("═══ {} no longer differs: {why}", row.name));
            }
        } else if original != ours {
            differ.push(format!("═══ {}\n{}", row.name, difference(&original, &ours)));
        }
    }
    assert!(differ.is_empty(), "{} rows differ\n{}", differ.len(), differ.join("\n"));
}

/// Lines that only one of both has: `-` the original's, `+` ours.
fn difference(original: &str, ours: &str) -> String {
    let (a, b): (Vec<_>, Vec<_>) = (original.lines().collect(), ours.lines().collect());
    // The table of longest common subsequences; transcripts are short.
    let mut common = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let (mark, line) = if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
            (' ', a[i - 1])
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', a[i - 1])
        } else {
            j += 1;
            ('+', b[j - 1])
        };
        let _ = writeln!(out, "{mark} {line}");
    }
    out
}
