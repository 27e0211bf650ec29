//! Keepalived's command line as scripts see it: fixed rows for us, and the same rows beside the original where it is
//! installed: exit code, and which stream has words. Nothing here starts a daemon.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");
const ORIGINAL: &str = "/usr/sbin/keepalived";

/// How long a command line may run, seconds.
const PATIENCE_S: &str = "20";

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ek-kcli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        symlink(BINARY, path.join("keepalived")).expect("a link can be made there");
        for (name, text) in FILES {
            std::fs::write(path.join(name), text).expect("the temporary folder is writable");
        }
        Folder(path)
    }

    fn run(&self, program: &Path, args: &[&str]) -> Output {
        Command::new("timeout")
            .arg(PATIENCE_S)
            .arg(program)
            .args(args)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env_remove("NO_COLOR")
            .output()
            .expect("the program starts")
    }

    fn ours(&self, args: &[&str]) -> Output {
        self.run(&self.0.join("keepalived"), args)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const FILES: &[(&str, &str)] = &[
    ("good.conf", "global_defs {\n router_id one\n}\n"),
    ("unknown.conf", "global_defs {\n router_id one\n frobnicate\n}\n"),
    ("loopback.conf", "vrrp_instance V {\n interface lo\n virtual_router_id 5\n}\n"),
];

/// Arguments, exit code, words on standard output, words on standard error; empty: the stream is empty.
type Row = (&'static str, i32, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("-v", 0, "", "Keepalived v2."),
    ("--version", 0, "", "Keepalived v2."),
    ("-v -h", 0, "", "Keepalived v2."),
    ("-h", 0, "", "Usage: "),
    ("--help", 0, "", "Usage: "),
    ("-h --frob", 0, "", "Usage: "),
    ("--frob -h", 0, "", "Unknown option --frob\nUsage: "),
    ("--frob", 1, "", "Unknown option --frob\n"),
    ("-Z", 1, "", "Unknown option -Z\n"),
    ("--al", 1, "", "Unknown option --al\n"),
    ("--log", 1, "", "Unknown option --log\n"),
    ("--vrrp=3", 1, "", "Unknown option --vrrp=3\n"),
    ("-f", 1, "", "Missing parameter for option -f\n"),
    ("-n -p", 1, "", "Missing parameter for option -p\n"),
    ("--config-id", 1, "", "Missing parameter for option --"),
    ("--signum=STOP", 0, "15\n", ""),
    ("--signum STOP", 0, "15\n", ""),
    ("--signu=RELOAD", 0, "1\n", ""),
    ("--signum=DATA", 0, "10\n", ""),
    ("--signum=STATS", 0, "12\n", ""),
    ("--signum=STATS_CLEAR", 0, "63\n", ""),
    ("--signum=JSON", 0, "36\n", ""),
    ("--signum=TDATA", 1, "", "Unknown sigfunc TDATA\n"),
    ("--signum=stop", 1, "", "Unknown sigfunc stop\n"),
    ("--signum", 1, "", "Missing parameter for option --"),
    ("-t -f good.conf", 0, "", ""),
    ("-tn -fgood.conf", 0, "", ""),
    ("--config-test --use-file=good.conf", 0, "", ""),
    ("-t -f good.conf extra more", 0, "Unexpected argument(s): extra more \n", ""),
    ("extra -t -f good.conf", 0, "Unexpected argument(s): extra \n", ""),
    ("-t -f good.conf -S 9", 5, "", "Invalid log facility '9'\n"),
    ("-t -f good.conf -S local9", 5, "", "Invalid log facility 'local9'\n"),
    ("-t -f good.conf -S 7", 0, "", ""),
    ("-t -f good.conf -u 99999", 0, "", "Invalid --umask option 99999"),
    ("-t -f good.conf -u 022", 0, "", ""),
    ("-t -f nosuch.conf", 0, "", "Config files missing 'nosuch.conf'.\n"),
    ("-e -t -f nosuch.conf", 4, "", "Config files missing 'nosuch.conf'.\n"),
    (
        "-t -f /dev/null",
        0,
        "",
        "Configuration file '/dev/null' is not a regular non-executable file - skipping\n",
    ),
    ("-t -f /tmp", 0, "", "Configuration file '/tmp/' is a directory - skipping\n"),
    ("-t -f unknown.conf", 5, "", "Line 3) Unknown keyword 'frobnicate'"),
    ("-t -f loopback.conf", 5, "", "(loopback.conf: Line 2) "),
    ("-tlog -f unknown.conf", 5, "", ""),
    ("--config-test=log -f unknown.conf", 5, "", ""),
];

#[track_caller]
fn check(output: &Output, row: &Row) {
    let (args, code, out, err) = row;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let all = format!("{args:?}\n-- out\n{stdout}\n-- err\n{stderr}");
    assert_eq!(output.status.code(), Some(*code), "{all}");
    for (text, want) in [(&stdout, out), (&stderr, err)] {
        assert_eq!(text.is_empty(), want.is_empty(), "{all}");
        assert!(text.contains(want), "{want:?} is missing: {all}");
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn ours_by_name_and_as_a_word() {
    let folder = Folder::new("ours");
    for row in ROWS {
        check(&folder.ours(&words(row.0)), row);
        let args: Vec<&str> = std::iter::once("keepalived").chain(words(row.0)).collect();
        check(&folder.run(Path::new(BINARY), &args), row);
    }
}

#[test]
fn the_originals_rows_are_the_same() {
    if !Path::new(ORIGINAL).exists() {
        println!("skipped: no {ORIGINAL}");
        return;
    }
    let folder = Folder::new("twin");
    for row in ROWS {
        check(&folder.run(Path::new(ORIGINAL), &words(row.0)), row);
    }
}

/// The original complains of names under `-t` although its manual has them.
#[test]
fn facilities_as_the_manual_writes_them() {
    let folder = Folder::new("facility");
    for facility in ["local7", "user", "daemon"] {
        check(&folder.ours(&["-t", "-f", "good.conf", "-S", facility]), &("", 0, "", ""));
    }
}

#[test]
fn what_is_not_built_says_so() {
    let folder = Folder::new("unbuilt");
    for (line, why) in [
        ("-n -f good.conf -C", "-C, --check: not built yet: virtual_server"),
        ("-T -s 127.0.0.1", "-T, --genhash: not built yet: genhash"),
    ] {
        check(&folder.ours(&words(line)), &("", 1, "", why));
    }
}

#[test]
fn a_test_writes_its_log_file() {
    let folder = Folder::new("log");
    check(&folder.ours(&["-t=here", "-f", "unknown.conf"]), &("", 5, "", ""));
    let text =
        std::fs::read_to_string(folder.0.join("=here")).expect("as the original: the sign is the name's");
    assert!(text.contains("(unknown.conf: Line 3) Unknown keyword 'frobnicate'"), "{text}");
}

#[test]
fn nobody_answers_where_no_keeper_runs() {
    let folder = Folder::new("nobody");
    for (args, err) in [
        (&["status", "--socket", "nosuch.sock"][..], "nosuch.sock: no keeper runs there."),
        (&["why", "--socket", "nosuch.sock"], "nosuch.sock: no keeper runs there."),
        (&["why", "a", "b"], "one instance at a time"),
        (&["status", "--frob"], "unknown switch --frob"),
    ] {
        check(&folder.run(Path::new(BINARY), args), &("", 1, "", err));
    }
}
