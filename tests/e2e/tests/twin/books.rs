//! What a play leaves in the books: every column of `show stat` and every line of `show info` that does not depend on the
//! moment, read once nobody is connected any more.

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_e2e::PATIENCE;

/// How long sessions may hang on after a play: the longest timeout of the plays, and some.
const REST_MAX: Duration = Duration::from_secs(3);
/// How often a connection that still counts is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Columns that tell of the moment: times, rates (what one second held), estimates; and who we are.
const MOMENT: &[&str] = &[
    "addr",
    "check_duration",
    "conn_rate",
    "conn_rate_max",
    "ctime",
    "ctime_max",
    "downtime",
    "lastchg",
    "lastsess",
    "need_conn_est",
    "pid",
    "qtime",
    "qtime_max",
    "rate",
    "rate_max",
    "req_rate",
    "req_rate_max",
    "rtime",
    "rtime_max",
    "slim",
    "ttime",
    "ttime_max",
];

/// Columns that 2.6 does not have.
const NEWER: &[&str] = &["h1req", "h1sess", "reqbin", "reqbout", "resbin", "resbout"];

/// Columns that we leave at zero: the original counts what its HTTP/1 layer reads and writes in each call, and we would
/// have to count in every call only for them.
const UNCOUNTED: &[&str] = &["h1_bytes_in", "h1_bytes_out", "h1_spliced_bytes_in", "h1_spliced_bytes_out"];

/// Lines of `show info` that count what was played.
const INFO: &[&str] = &["CurrConns", "CumConns", "CumReq", "PipesUsed", "DroppedLogs", "FailedResolutions"];

/// A `stats socket` in its interactive mode.
struct Console {
    socket: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Console {
    fn open(path: &Path) -> Console {
        let socket = UnixStream::connect(path).expect("the play's configuration has a stats socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is open");
        let reader = BufReader::new(socket.try_clone().expect("it is open"));
        let mut console = Console { socket, reader };
        console.ask("prompt");
        console
    }

    /// The answer, up to the next prompt.
    fn ask(&mut self, command: &str) -> String {
        self.socket.write_all(format!("{command}\n").as_bytes()).expect("it is open");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n> ") {
            let n = self.reader.read_until(b' ', &mut answer).expect("an answer");
            assert!(n > 0, "the console closed after {command}");
        }
        answer.truncate(answer.len() - 3);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Waits until no session counts any more, and reads.
pub(crate) fn read(socket: &Path) -> Vec<String> {
    let mut console = Console::open(socket);
    let deadline = Instant::now() + REST_MAX;
    let rows = loop {
        let rows = table(&console.ask("show stat"));
        let busy = rows.iter().flat_map(|(_, row)| row).any(|(name, n)| name == "scur" && n != "0");
        if !busy || Instant::now() > deadline {
            break rows;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let mut lines: Vec<String> = rows.iter().flat_map(|(name, row)| shown(name, row)).collect();
    let info = console.ask("show info");
    for (name, value) in info.lines().filter_map(|l| l.split_once(": ")) {
        if INFO.contains(&name) {
            lines.push(format!("{name}={value}"));
        }
    }
    lines
}

type Cells = Vec<(String, String)>;

fn table(csv: &str) -> Vec<(String, Cells)> {
    let mut lines = csv.lines().skip_while(|l| !l.starts_with("# "));
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let rows = lines.filter(|l| l.contains(','));
    rows.map(|line| {
        let cells: Cells =
            names.iter().zip(line.split(',')).map(|(n, v)| ((*n).to_owned(), v.to_owned())).collect();
        let name = cells.iter().take(2).map(|(_, v)| v.as_str()).collect::<Vec<_>>().join("/");
        (name, cells)
    })
    .collect()
}

/// A row's columns that are not zero: `name=value`, one line each so that a difference shows alone.
fn shown(row: &str, columns: &Cells) -> Vec<String> {
    let kept = columns.iter().skip(2).filter(|(name, value)| {
        let hidden = [MOMENT, NEWER, UNCOUNTED].iter().any(|list| list.contains(&name.as_str()));
        !hidden && !value.is_empty() && value != "0" && name != "-"
    });
    kept.map(|(name, value)| format!("{row} {name}={value}")).collect()
}
