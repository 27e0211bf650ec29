//! The command line as scripts see it: arguments, exit code, and what comes on which stream.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ek-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary folder is writable");
        symlink(BINARY, path.join("haproxy")).expect("a link can be made there");
        let folder = Folder(path);
        for (name, text) in FILES {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).expect("the temporary folder is writable");
    }

    fn run(&self, program: &Path, args: &[&str]) -> Output {
        Command::new(program)
            .args(args)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env_remove("NO_COLOR")
            .output()
            .expect("the program starts")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const FILES: &[(&str, &str)] = &[
    (
        "ok.cfg",
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
         listen web\n bind 127.0.0.1:18431\n server s 127.0.0.1:18432\n",
    ),
    (
        "warn.cfg",
        "defaults\n mode http\n timeout server 5s\n timeout connect 5s\n\
         listen web\n bind 127.0.0.1:18431\n server s 127.0.0.1:18432\n",
    ),
    (
        "bad.cfg",
        "defaults\n mdoe http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n\
         listen web\n bind 127.0.0.1:18431\n server s 127.0.0.1:18432\n",
    ),
    ("empty.cfg", ""),
    ("keepalived.conf", "global_defs {\n}\nvrrp_instance VI_1 {\n}\n"),
];

/// Arguments, exit code, words on standard output, words on standard error; empty: the stream is empty.
type Row<'a> = (&'a [&'a str], i32, &'a str, &'a str);

#[track_caller]
fn check(output: &Output, row: &Row<'_>) {
    let (args, code, out, err) = row;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let all = format!("{args:?}\n-- out\n{stdout}\n-- err\n{stderr}");
    assert_eq!(output.status.code(), Some(*code), "{all}");
    for (text, want) in [(&stdout, out), (&stderr, err)] {
        assert_eq!(text.is_empty(), want.is_empty(), "{all}");
        assert!(text.contains(want), "{want:?} is missing: {all}");
    }
}

const HAPROXY: &[Row<'_>] = &[
    (&[], 1, "HAProxy version ", "Usage : haproxy"),
    (&["-h"], 1, "HAProxy version ", "unknown argument '-h'"),
    (&["stray"], 1, "HAProxy version ", "unknown argument 'stray'"),
    (&["-v"], 0, "HAProxy version ", ""),
    (&["-vv"], 0, "\n  TARGET  = linux-glibc\n", ""),
    (&["-c", "-f", "bad.cfg", "-v"], 0, "HAProxy version ", ""),
    (&["-f"], 1, "", "[ALERT]    ("),
    (&["-f", "ok.cfg", "-n"], 1, "", "-n needs <number> after it"),
    (&["-cc", "1"], 0, "", ""),
    (&["-cc", "0"], 1, "", ""),
    (&["-cc", ""], 1, "", ""),
    (&["-cc", "feature(THREAD)&&version_atleast(2.4)"], 0, "", ""),
    (&["-dM", "-dI", "-dW", "-cc", "!feature(OPENSSL)"], 0, "", ""),
    (&["-cc", "foo"], 2, "", "config : Failed to evaluate condition: "),
    (&["-q", "-cc", "foo"], 2, "", ""),
    (
        &["-C", "/nosuch", "-c", "-f", "ok.cfg"],
        1,
        "",
        "Could not change to directory /nosuch : No such file or directory",
    ),
    (&["-dMhelp"], 0, "-dM", ""),
    (&["-c", "-dKall", "-f", "ok.cfg"], 1, "", "-dK : not built yet"),
    (&["-f", "ok.cfg", "-sf", "abc"], 1, "", "-sf option: 'abc' is not a process number"),
    (
        &["-c", "-f", "nosuch.cfg"],
        1,
        "",
        "config : Cannot open configuration file/directory nosuch.cfg : No such file",
    ),
    (&["-c", "-q", "-f", "nosuch.cfg"], 1, "", ""),
    (&["-c", "-f", "bad.cfg"], 1, "", "[ALERT]    ("),
    (&["-c", "-f", "bad.cfg"], 1, "", "config : parsing [bad.cfg:2] : "),
    (&["-c", "-f", "bad.cfg"], 1, "", "config : Error(s) found in configuration file : bad.cfg"),
    (&["-c", "-f", "bad.cfg"], 1, "", "config : Fatal errors found in configuration."),
    (&["-c", "-q", "-f", "bad.cfg"], 1, "", ""),
    (&["-c", "-f", "ok.cfg"], 0, "Configuration file is valid\n", ""),
    (&["-c", "-q", "-f", "ok.cfg"], 0, "", ""),
    (&["-c", "-Ws", "-S", "/s", "-f", "ok.cfg"], 0, "Configuration file is valid\n", ""),
    (
        &["-c", "-f", "warn.cfg"],
        0,
        "Warnings were found.\nConfiguration file is valid\n",
        "missing timeouts for proxy 'web'.",
    ),
    (
        &["-c", "-dW", "-f", "warn.cfg"],
        1,
        "",
        "Some warnings were found and 'zero-warning' is set. Aborting.",
    ),
    (&["-c", "-n", "many", "-f", "ok.cfg"], 0, "Warnings were found.\n", "-n : 'many' is not a number"),
    (
        &["-c", "-f", "empty.cfg"],
        2,
        "Configuration file has no error but will not start (no listener) => exit(2).\n",
        "",
    ),
    (&["-f", "empty.cfg"], 1, "", "No enabled listener found (check for 'bind' directives) ! Exiting."),
    (&["-c", "-dL", "-f", "ok.cfg"], 0, "/libc.so", ""),
    (&["-W", "-f", "ok.cfg"], 1, "", "-W : not built yet: the master-worker mode"),
    (&["-x", "/s", "-f", "ok.cfg"], 1, "", "-x : not built yet"),
];

#[test]
fn haproxy_by_its_name() {
    let folder = Folder::new("link");
    for row in HAPROXY {
        check(&folder.run(&folder.0.join("haproxy"), row.0), row);
    }
}

#[test]
fn haproxy_as_a_word() {
    let folder = Folder::new("word");
    for row in HAPROXY {
        let args: Vec<&str> = std::iter::once("haproxy").chain(row.0.iter().copied()).collect();
        let want = if row.3.starts_with("Usage") { "Usage : evenkeel haproxy" } else { row.3 };
        check(&folder.run(Path::new(BINARY), &args), &(&args, row.1, row.2, want));
    }
}

#[test]
fn own_words() {
    let folder = Folder::new("own");
    let rows: &[Row<'_>] = &[
        (&[], 0, "evenkeel check", ""),
        (&["help"], 0, "evenkeel check", ""),
        (&["--help"], 0, "evenkeel check", ""),
        (&["help", "check"], 0, "--together", ""),
        (&["check", "--help"], 0, "--together", ""),
        (&["help", "keepalived"], 0, "be keepalived, with its command line", ""),
        (&["help", "ipvsadm"], 0, "Not built yet.", ""),
        (&["help", "nonsense"], 1, "", "no command `nonsense`"),
        (&["version"], 0, "evenkeel 0.", ""),
        (&["--version"], 0, "evenkeel 0.", ""),
        (&["chekc"], 1, "", "Did you mean `evenkeel check`?"),
        (&["ipvsadm", "-L"], 1, "", "evenkeel ipvsadm: not built yet"),
        (&["check"], 1, "", "which file?"),
        (&["check", "--frob", "ok.cfg"], 1, "", "unknown switch --frob"),
        (&["check", "keepalived.conf"], 1, ". keepalived.conf can run, but not all of it as written.", ""),
        (&["check", "--classic", "keepalived.conf"], 1, "(keepalived.conf: Line 3) ", ""),
        (
            &["check", "--format", "json", "ok.cfg", "bad.cfg"],
            1,
            "{\"name\":\"bad.cfg\",\"kind\":\"haproxy\",",
            "",
        ),
        (
            &["check", "--format", "json", "keepalived.conf"],
            1,
            "\"file\":\"keepalived.conf\",\"line\":3,\"column\":",
            "",
        ),
        (&["check", "--format", "xml", "ok.cfg"], 1, "", "unknown switch --format xml"),
        (&["check", "ok.cfg"], 0, "Nothing to complain about. ok.cfg can run.", ""),
        (&["check", "warn.cfg"], 0, "1 warning. warn.cfg can run.", ""),
        (&["check", "ok.cfg", "bad.cfg"], 1, "Nothing to complain about. ok.cfg can run.", ""),
        (&["check", "empty.cfg"], 0, "listens on nothing", ""),
        (&["check", "bad.cfg"], 1, "1 error. bad.cfg cannot run.", ""),
        (&["check", "--snippets", "bad.cfg"], 1, " |  mdoe http\n", ""),
        (&["check", "--quiet", "bad.cfg"], 1, "", ""),
        (&["check", "nosuch.cfg"], 1, "Cannot open", ""),
        (&["check", "nosuch.cfg"], 1, "1 error. nosuch.cfg cannot run.", ""),
    ];
    for row in rows {
        check(&folder.run(Path::new(BINARY), row.0), row);
    }
}

#[test]
fn names_of_others_are_not_built_yet() {
    let folder = Folder::new("others");
    for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
        let link = folder.0.join(name);
        symlink(BINARY, &link).expect("a link can be made there");
        check(&folder.run(&link, &["-h"]), &(&[name], 1, "", "not built yet"));
    }
}

#[test]
fn gate_finds_version_before_target() {
    let folder = Folder::new("gate");
    let output = folder.run(&folder.0.join("haproxy"), &["-vv"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<&str> =
        text.lines().filter(|l| l.contains("HAProxy version") || l.contains("TARGET")).collect();
    assert_eq!(found.len(), 2, "{text}");
    assert!(found[0].starts_with("HAProxy version 3."), "{text}");
    assert_eq!(found[1], "  TARGET  = linux-glibc");
}
