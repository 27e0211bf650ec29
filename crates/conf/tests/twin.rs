//! The same lines through the real HAProxy 2.6 and through the reader: the same words, the same faults at the same
//! positions. Skipped where `haproxy` is not installed.
#![expect(clippy::print_stderr, reason = "a skipped test says why, a random one says its seed")]

use bstr::ByteSlice;
use evenkeel_base::rng::Rng;
use evenkeel_base::{Level, SourceMap};
use evenkeel_conf::{CondEnv, Environment, Input, Inputs, read};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const VARS: [(&str, &str); 3] = [("A", "one two"), ("E", ""), ("Q", "a\"b\\x41 $A 'c")];
const SEED: u64 = 0x5eed;
const FILES: usize = 60;
const CONDITIONS: usize = 150;
/// The original stops after 50 errors.
const LINES: usize = 49;

/// What was said about each line, as far as both sides say it in the same words.
type Said = BTreeMap<u32, Vec<String>>;

fn ours(text: &[u8], name: &str) -> Said {
    let world = CondEnv { version: "2.6.12", features: &["OPENSSL", "THREAD"], ..CondEnv::default() };
    let mut env: Environment = VARS.into_iter().collect();
    let input = Input::Text { name: name.to_string(), text: text.to_vec() };
    let (_, map, diags): (_, SourceMap, _) = read(&Inputs { inputs: vec![input], cond: world }, &mut env);
    let mut said = Said::new();
    for what in diags.iter().filter(|what| what.level == Level::Error || what.code == "message") {
        if let Some(span) = what.span {
            said.entry(map.place(span).line).or_default().push(what.message.clone());
        }
    }
    said
}

/// `None` where there is no HAProxy 2.6 to ask.
fn theirs(text: &[u8], name: &str) -> Option<Said> {
    let version = Command::new("haproxy").arg("-v").output().ok()?;
    if !version.stdout.starts_with(b"HAProxy version 2.6") {
        return None;
    }
    let path: PathBuf = std::env::temp_dir().join(format!("evenkeel-twin-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("the system's temporary folder can be written");
    let search = std::env::var_os("PATH").unwrap_or_default();
    let output = Command::new("haproxy")
        .arg("-c")
        .arg("-f")
        .arg(&path)
        .env_clear()
        .env("PATH", search)
        .envs(VARS)
        .output();
    let _ = std::fs::remove_file(&path);
    let output = output.expect("it ran a moment ago");
    let mut said = Said::new();
    for line in output.stderr.lines() {
        let Some((_, rest)) =
            line.to_str_lossy().split_once("parsing [").map(|(a, b)| (a.len(), b.to_string()))
        else {
            continue;
        };
        let Some((place, message)) = rest.split_once("]: ") else { continue };
        let Some(number) = place.rsplit(':').next().and_then(|n| n.parse().ok()) else { continue };
        said.entry(number).or_default().push(message.to_string());
    }
    Some(said)
}

/// Without the final dot or colon, and without the advice that we give apart.
fn same_words(message: &str) -> &str {
    let message = message.split(". Use quotes").next().unwrap_or_default();
    message.strip_suffix(['.', ':']).unwrap_or(message)
}

fn compare(text: &[u8], name: &str) {
    let Some(theirs) = theirs(text, name) else {
        return eprintln!("skipped: no HAProxy 2.6 here");
    };
    let ours = ours(text, name);
    for (n, line) in (1u32..).zip(text.lines()) {
        let words = |said: &Said| -> Vec<String> {
            said.get(&n).into_iter().flatten().map(|message| same_words(message).to_string()).collect()
        };
        assert_eq!(words(&ours), words(&theirs), "line {n}: {}", line.as_bstr());
    }
}

#[test]
fn random_lines_have_the_same_words() {
    // Not here, because 2.6 differs from its manual or from later releases: a default after a variable that is set,
    // list expansions at the ends of a word, NUL bytes, line ends within a message.
    let pieces = [
        "a",
        "b",
        "Z",
        "_",
        "0",
        " ",
        " ",
        "\t",
        "\"",
        "\"",
        "'",
        "\\",
        "#",
        "\\x41",
        "\\x4",
        "\\t",
        "\\ ",
        "\\#",
        "\\$",
        "\\\"",
        "\\'",
        "\\\\",
        "$",
        "{",
        "}",
        "\"$A\"",
        "\"${A}\"",
        "\"${E}\"",
        "\"$Q\"",
        "$NONE",
        "${NONE-d e}",
        "[",
        "]",
        ".",
        "-",
        "(",
        ")",
        ",",
        "\u{e9}",
        "%[x]",
        "|",
    ];
    let mut rng = Rng::new(seed());
    for file in 0..FILES {
        let mut text = String::new();
        for _ in 0..LINES {
            text += ".notice ";
            for _ in 0..rng.below(9) {
                text += pieces[rng.below(pieces.len() as u32) as usize];
            }
            text.push('\n');
        }
        compare(text.as_bytes(), &format!("random-{file}"));
    }
}

#[test]
fn random_conditions_have_the_same_answers() {
    let pieces = [
        "0",
        "1",
        "12",
        "-1",
        "0x0",
        "08",
        "foo",
        "defined(A)",
        "defined(B)",
        "feature(THREAD)",
        "feature(QUIC)",
        "streq",
        "streq(a,a)",
        "strneq(a,a)",
        "defined",
        "version_atleast(2.6)",
        "version_before(2.5-dev3)",
        "(",
        ")",
        "(",
        ")",
        "!",
        "&&",
        "||",
        " && ",
        " || ",
        " ",
        ",",
        "'",
        "a",
        "'\"a\"'",
        "&",
        "|",
        "streq(a,\\\"b\\\")",
        "\"$A\"",
    ];
    let mut rng = Rng::new(seed());
    for _ in 0..CONDITIONS {
        let mut condition = String::new();
        for _ in 0..rng.below(7) {
            condition += pieces[rng.below(pieces.len() as u32) as usize];
        }
        // An error ends the original's reading: one condition per file.
        let text = format!(".if {condition}\n.notice yes\n.else\n.notice no\n.endif\n");
        let Some(theirs) = theirs(text.as_bytes(), "condition") else {
            return eprintln!("skipped: no HAProxy 2.6 here");
        };
        let answer = |said: &Said| match said.get(&1).and_then(|all| all.first()) {
            // Where two things are wrong, ours may name the other one.
            Some(_) => Some("fault".to_string()),
            None => said.values().flatten().next().map(|message| same_words(message).to_string()),
        };
        assert_eq!(answer(&ours(text.as_bytes(), "condition")), answer(&theirs), "{condition}");
    }
}

fn seed() -> u64 {
    let seed = std::env::var("EVENKEEL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    eprintln!("seed {seed} (EVENKEEL_SEED sets another)");
    seed
}

#[test]
fn faults_stand_at_the_same_positions() {
    for (n, text) in [
        "foo\nglobal\n",
        "global\n maxconn 10\0 foo\n maxconn 10\n",
        ".if foo\n.endif\n",
        ".if 1 && foo\n.endif\n",
        ".if 12x\n.endif\n",
        ".if 1 1\n.endif\n",
        ".if 1)\n.endif\n",
        ".if (1\n.endif\n",
        ".if streq(a,b) x\n.endif\n",
        ".else\n",
        ".elif 1\n",
        ".endif\n",
        ".if 0\n.else\n.else\n.endif\n",
        ".if 0\n.else\n.elif 1\n.endif\n",
        ".if 1\nglobal\n",
        ".foo 1\n",
        ".if 0\n.foo 1\n foo \"\n.endif\n",
        ".notice\n.warning x\n.alert \"$A\"\n",
        "global\n setenv X abc\n .notice \"$X\"\n unsetenv X\n .notice \"${X-unset}\"\n resetenv E\n.notice \"$A$Q|\"\n",
        "global\n setenv\n setenv X\n unsetenv\n setenv 1=2 x\n presetenv A y\n .notice \"$A\"\n",
        ".if 0\n.if 1\n.notice a\n.elif 1\n.notice b\n.endif\n.elif 1\n.notice f\n.elif foo\n.else\n.notice h\n.endif\n",
        ".if version_atleast(2.6) && !feature(OPENSSL) || defined(E)\n.notice yes\n.else\n.notice no\n.endif\n",
        ".if streq(\"$A\",\"one two\") && strneq('\"a,b\"',a)\n.notice yes\n.endif\n",
        "\x0c.notice\x0bx\n.notice a\rb\n.notice \"a\rb\"\n.notice x\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        compare(text.as_bytes(), &format!("row-{n}"));
    }
}
