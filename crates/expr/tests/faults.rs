//! What is wrong is said where it is wrong; no text whatever ends in a panic.

mod common;

use common::{Book, Stage, word, words};
use evenkeel_base::rng::Rng;
use evenkeel_base::{Diagnostic, Level, Span, Words};
use evenkeel_expr::{AclTable, Cond, Expr, LogFormat, Place, Regex, Use};

/// Fault as `code: message @ the text it points at / first help`.
fn shown(line: &str, fault: &Diagnostic) -> String {
    let place =
        fault.span.map_or("nowhere", |s| line.get(s.start as usize..s.end as usize).unwrap_or("beyond"));
    let help = fault.help.first().map(|h| format!(" / {h}")).unwrap_or_default();
    format!("{}: {} @ {place}{help}", fault.code, fault.message)
}

#[test]
fn expressions_that_are_wrong() {
    for (text, want) in [
        ("paht", "unknown-fetch: `paht` is no sample fetch @ paht / Did you mean `path`?"),
        (
            "hdr_beg(host)",
            "unknown-fetch: `hdr_beg` is no sample fetch @ hdr_beg / `hdr_beg` exists in ACLs only.",
        ),
        (
            "lower",
            "unknown-fetch: `lower` is no sample fetch @ lower / `lower` is a converter: it comes after a fetch and a comma.",
        ),
        ("", "missing-fetch: the name of a fetch is missing @ "),
        ("path,lwoer", "unknown-converter: `lwoer` is no converter @ lwoer / Did you mean `lower`?"),
        ("path(x)", "bad-argument: `path` takes no argument @ x"),
        ("int(abc)", "bad-argument: `abc` is no whole number @ abc"),
        ("int", "missing-argument: `int` needs an argument, this has 0 @ int"),
        ("str(a", "unclosed-argument: the `)` is missing in these arguments @ a"),
        ("str('a)", "unclosed-argument: the quote is not closed in these arguments @ 'a)"),
        (
            "str(a)x",
            "bad-expression: `x` is not understood here @ x / After a fetch or a converter comes a comma and the next converter, or the end.",
        ),
        ("date(,ms)", "bad-argument: argument 1 of `date` is empty @ "),
        ("date(0,min)", "bad-argument: `min` is none of s, ms, us @ min"),
        ("nbsrv(none)", "bad-argument: there is no backend `none` @ none"),
        ("srv_conn(app/none)", "bad-argument: there is no server `app/none` @ app/none"),
        ("srv_conn(none)", "bad-argument: `none` needs its backend: `backend/none` @ none"),
        ("http_auth(none)", "bad-argument: there is no userlist `none` @ none"),
        ("path,map(none.map)", "bad-argument: cannot read `none.map`: No such file or directory @ none.map"),
        (
            "path,regsub([,x)",
            "bad-argument: the regular expression cannot be read: unclosed character class @ [",
        ),
        ("path,regsub(a,b,x)", "bad-argument: `regsub` knows the flags `g` and `i`, not `x` @ x"),
        (
            "path,regsub('(?=a)',b)",
            "bad-argument: lookahead in regular expressions is not supported: matching takes linear time here @ '(?=a)'",
        ),
        (
            "var(host)",
            "bad-argument: `host` is no variable: its name starts with proc., sess., txn., req. or res. @ host",
        ),
        ("var(txn.a-b)", "bad-argument: `-` cannot be in a variable's name @ txn.a-b"),
        ("method,add(1)", "bad-converter: `add` takes type sint, which meth cannot become @ add"),
        (
            "src_conn_cnt",
            "refused: `src_conn_cnt` cannot be used: not built yet: stick tables @ src_conn_cnt",
        ),
        ("path,field(0,/)", "bad-argument: `0` is no position: 1 is the first, -1 the last @ 0"),
        ("path,word(1,)", "bad-argument: this needs at least one separator @ "),
    ] {
        let fault = Expr::parse(&word(text), &mut Book::new()).expect_err(text);
        assert_eq!(shown(text, &fault), want, "{text}");
    }
}

#[test]
fn conditions_that_are_wrong() {
    for (line, want) in [
        ("if nosuch", &["unknown-acl: there is no ACL `nosuch` @ nosuch"][..]),
        ("if METH_GTE", &["unknown-acl: there is no ACL `METH_GTE` @ METH_GTE / Did you mean `METH_GET`?"]),
        ("if !mine2", &["unknown-acl: there is no ACL `mine2` @ mine2 / Did you mean `mine`?"]),
        (
            "if one TRUE || two",
            &["unknown-acl: there is no ACL `one` @ one", "unknown-acl: there is no ACL `two` @ two"],
        ),
        ("if", &["missing-acl: an ACL is missing at the end of this condition @ "]),
        ("if TRUE ||", &["missing-acl: an ACL is missing at the end of this condition @ "]),
        ("if or TRUE", &["missing-acl: an ACL is missing before `or` @ or"]),
        ("if TRUE !", &["missing-acl: an ACL is missing at the end of this condition @ "]),
        ("whne TRUE", &["missing-condition: `if` or `unless` belongs here, not `whne` @ whne"]),
        (
            "if { path /a",
            &[
                "unclosed-brace: the `}` after this `{` is missing @ { / Both braces must stand between spaces.",
            ],
        ),
        (
            "if { path_bge /a }",
            &[
                "unknown-fetch: `path_bge` is nothing that an ACL can test @ path_bge / Did you mean `path_beg`?",
            ],
        ),
        ("if { }", &["missing-argument: what to test is missing @ "]),
        ("if { path -m begin /a }", &["unknown-match: `begin` is no match method @ begin"]),
        (
            "if { path -x /a }",
            &["bad-acl-flag: `-x` is no flag of ACLs @ -x / Write `--` before it if it is a pattern."],
        ),
        ("if { path -f none }", &["unreadable-file: cannot read `none`: No such file or directory @ none"]),
        (
            "if { src 10.0.0 300.1.1.1 }",
            &[
                "bad-pattern: `300.1.1.1` is no address, nor a network @ 300.1.1.1 / Host names are not resolved in patterns: write the address.",
            ],
        ),
        (
            "if { src host.example }",
            &[
                "bad-pattern: `host.example` is no address, nor a network @ host.example / Host names are not resolved in patterns: write the address.",
            ],
        ),
        (
            "if { dst_port http }",
            &["bad-pattern: `http` is neither a number nor a range @ http / Write `5`, `5:10`, or `ge 5`."],
        ),
        ("if { path_reg ( }", &["bad-pattern: the regular expression cannot be read: unclosed group @ ("]),
        (
            "if { req.body x }",
            &[
                "missing-match: `req.body` gives bin, which needs a match method @ req.body / Add `-m str`, `-m bin`, `-m found` or another.",
            ],
        ),
        (
            "if { method -m int 1 }",
            &["bad-match: `-m int` compares type sint, which meth cannot become @ int"],
        ),
        (
            "if { ssl_c_verify 0 } { sc0_conn_rate gt 5 }",
            &["refused: `sc0_conn_rate` cannot be used: not built yet: stick tables @ sc0_conn_rate"],
        ),
    ] {
        let mut table = AclTable::new();
        let mut book = Book::new();
        let own = words("path /mine");
        table.define(&word("mine"), &mut Words::new(&own, Span::default()), &mut book).expect("a good ACL");
        let line_words = words(line);
        let faults =
            Cond::parse(&mut Words::new(&line_words, Span::default()), &table, &mut book).expect_err(line);
        let got: Vec<_> = faults.iter().map(|f| shown(line, f)).collect();
        assert_eq!(got, want, "{line}");
    }
}

#[test]
fn acl_names_that_are_wrong() {
    for (name, want) in [("a b", false), ("a/b", false), ("or", false), ("a-b_c.d:E9", true), ("not", true)] {
        let line = words("path /");
        let mut table = AclTable::new();
        let done = table.define(&word(name), &mut Words::new(&line, Span::default()), &mut Book::new());
        assert_eq!(done.is_ok(), want, "{name}");
        assert_eq!(table.is_defined(name), want, "{name}");
    }
}

#[test]
fn formats_that_are_wrong() {
    for (text, want) in [
        (
            "%nosuch",
            "unknown-alias: there is no log variable `%nosuch` @ %nosuch / Write `%%` for a percent sign.",
        ),
        ("a %tscc", "unknown-alias: there is no log variable `%tscc` @ %tscc / Did you mean `%tsc`?"),
        (
            "50%",
            "unknown-alias: a `%` that is followed by nothing it knows @ % / Write `%%` for a percent sign.",
        ),
        (
            "a % b",
            "unknown-alias: a `%` that is followed by nothing it knows @ %  / Write `%%` for a percent sign.",
        ),
        ("%{+Q", "unclosed-brace: the `}` after these flags is missing @ %{+Q"),
        ("%[src", "unclosed-bracket: the `]` after this expression is missing @ "),
        ("%[nosuch]", "unknown-fetch: `nosuch` is no sample fetch @ nosuch"),
        ("x%[src,lwer]", "unknown-converter: `lwer` is no converter @ lwer / Did you mean `lower`?"),
    ] {
        let fault = LogFormat::parse(&word(text), &mut Book::new(), Use::Log).expect_err(text);
        assert_eq!(shown(text, &fault), want, "{text}");
    }
    let mut book = Book::new();
    LogFormat::parse(&word("%{+Z}ci"), &mut book, Use::Log).expect("a flag that changes nothing");
    assert_eq!(book.warnings.len(), 1, "is warned of");
}

#[test]
fn fetches_out_of_place() {
    let cond = |line: &str| {
        let line = words(line);
        Cond::parse(&mut Words::new(&line, Span::default()), &AclTable::new(), &mut Book::new())
            .expect("a good one")
    };
    let warned = cond("if { res.hdr(x) a } || { path / }").check(Place::FrontendRequest);
    let texts: Vec<_> = warned.iter().map(|w| (w.level, w.message.as_str())).collect();
    let want = "`res.hdr` looks at the response, which a request rule of a frontend does not have, so this never matches";
    assert_eq!(texts, [(Level::Warning, want)]);
    assert!(cond("if { res.hdr(x) a } { src 1.1.1.1 }").check(Place::Response).is_empty());
    let format = LogFormat::parse(&word("%ci %[path]"), &mut Book::new(), Use::Log).expect("a good one");
    assert_eq!(format.check(Place::Log).len(), 1, "`path` is gone when the line is written");
    assert!(format.check(Place::BackendRequest).is_empty());
}

/// Pieces that the grammars are made of, so that random text gets past the first character.
const PIECES: &[&str] = &[
    "path",
    "hdr(",
    "host",
    ")",
    ",",
    "lower",
    "word(1,/)",
    "map(",
    "regsub(",
    "'",
    "\"",
    "\\",
    "%",
    "%[",
    "]",
    "%{",
    "+Q",
    "}",
    "{",
    "!",
    "||",
    "or",
    "-m",
    "str",
    "-i",
    "-f",
    "--",
    " ",
    "if",
    "TRUE",
    "src",
    "10.0.0.0/8",
    "::1",
    "5:",
    "ge",
    "payload_lv(0,2,+1)",
    "int(-9223372036854775808)",
    "div(-1)",
    "field(-1,_,9)",
    "bytes(9)",
    "var(txn.x)",
    "set-var(txn.x)",
    "json(utf8)",
    "utime(%Y%)",
    "\u{e9}",
    "\0",
    "ci",
    "tsc",
    "[[:alpha:]",
    "(?i)",
    "a{2,}",
    "date(,",
    "sha2(224)",
    "be2dec(:,9)",
    "http_date(0,us)",
    "ipmask(33)",
    "xxh64",
    "rand(0)",
    "strcmp(txn.x)",
];

#[test]
fn no_text_ends_in_a_panic() {
    let seed = 20_261_121;
    let mut rng = Rng::new(seed);
    let mut pick = |n: usize| (rng.next_u64() % n as u64) as usize;
    let stage = Stage::new();
    for round in 0..2_000 {
        let pieces: String = (0..1 + pick(9)).map(|_| PIECES[pick(PIECES.len())]).collect();
        let text = pieces.as_str();
        let mut book = Book::new();
        // The seed and the round are enough to find a failing text again.
        let _context = (seed, round);
        if let Ok(expr) = Expr::parse(&word(text), &mut book) {
            let _ = expr.eval(&stage.env());
        }
        for how in [Use::Log, Use::Http, Use::UniqueId, Use::Plain] {
            if let Ok(format) = LogFormat::parse(&word(text), &mut book, how) {
                format.render(&stage.env(), &mut Vec::new());
            }
        }
        let line = words(&format!("if {text}"));
        if let Ok(cond) = Cond::parse(&mut Words::new(&line, Span::default()), &AclTable::new(), &mut book) {
            let _ = cond.holds(&stage.env());
        }
        let _ = Regex::new(text.as_bytes(), round % 2 == 0);
    }
}
