use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fmt::Write;

const WORLD: CondEnv<'_> = CondEnv {
    version: "3.2.0",
    features: &["THREAD"],
    enabled: &[],
    ssllib_name: "",
    openssl_version: None,
    awslc_api: None,
    fips_mode: false,
};

fn read_texts(texts: &[&[u8]], env: &mut Environment) -> (Ast, SourceMap, Vec<Diagnostic>) {
    let texts = texts.iter().enumerate();
    let input = |(n, text): (usize, &&[u8])| Input::Text { name: format!("{n}.cfg"), text: text.to_vec() };
    read(&Inputs { inputs: texts.map(input).collect(), cond: WORLD }, env)
}

fn show(texts: &[&[u8]]) -> String {
    let mut env: Environment = [("A", "one two"), ("E", "")].into_iter().collect();
    let (ast, map, diags) = read_texts(texts, &mut env);
    let mut out = String::new();
    for section in &ast.sections {
        let words =
            |line: &Line| bstr::join(" · ", line.words.iter().map(|w| &w.text)).to_str_lossy().into_owned();
        let _ = writeln!(out, "{:?} {}", section.kind, words(&section.head));
        for line in &section.lines {
            let _ = writeln!(out, "    {}", words(line));
        }
    }
    for what in &diags {
        let _ = write!(out, "{:?} {}: {}", what.level, what.code, what.message);
        if let Some(span) = what.span {
            let place = map.place(span);
            let _ =
                write!(out, " @ {}:{}:{}+{}", place.file, place.line, place.column, span.end - span.start);
        }
        let _ = writeln!(out);
    }
    out
}

#[track_caller]
fn check(text: &str, want: Expect) {
    want.assert_eq(&show(&[text.as_bytes()]));
}

#[test]
fn sections_and_lines() {
    check(
        "global#this is the global section\n daemon#daemonize\n   frontend    foo\r\n mode  http # or tcp\n\
             listen x 0.0.0.0:80\nlog-forward f\nnamespace_list\n\"backend\" b\n",
        expect![[r#"
                Global global
                    daemon
                Frontend frontend · foo
                    mode · http
                Listen listen · x · 0.0.0.0:80
                LogForward log-forward · f
                NamespaceList namespace_list
                Backend backend · b
            "#]],
    );
}

#[test]
fn lines_outside_sections_are_one_fault() {
    check(
        "maxconn 10\n log x\n mode http\nglobal\n maxconn 1\n",
        expect![[r#"
            Global global
                maxconn · 1
            Error out-of-section: unknown keyword 'maxconn' out of section @ 0.cfg:1:1+7
        "#]],
    );
    expect![[r#"
            Frontend frontend · a
            Error out-of-section: unknown keyword 'bind' out of section @ 1.cfg:1:2+4
        "#]]
    .assert_eq(&show(&[b"frontend a\n", b" bind :80\n"]));
}

#[test]
fn misspelt_sections_keep_their_lines_to_themselves() {
    check(
        "global\nfronted web\n bind :80\n mode http\nbackend b\n server s :1\n",
        expect![[r#"
            Global global
            Unknown fronted · web
                bind · :80
                mode · http
            Backend backend · b
                server · s · :1
            Error unknown-section: unknown keyword 'fronted' in 'global' section; did you mean 'frontend' maybe ? @ 0.cfg:2:1+7
        "#]],
    );
    check(
        "peers p\npeer a :1\n  backen d\nBackend x\n",
        expect![[r#"
            Peers peers · p
                peer · a · :1
                backen · d
            Unknown Backend · x
            Error unknown-section: unknown keyword 'Backend' in 'peers' section; did you mean 'backend' maybe ? @ 0.cfg:4:1+7
        "#]],
    );
}

#[test]
fn broken_lines() {
    check(
        "global\n log \"abc\n maxconn x\nfrontend \"web\n bind 'x\n  bind \"${P\"\n bind \\xg\nbackend b\n",
        expect![[r#"
                Global global
                    maxconn · x
                Frontend frontend · web
                Backend backend · b
                Error unmatched-quote: unmatched quote at position 6 @ 0.cfg:2:6+4
                Error unmatched-quote: unmatched quote at position 10 @ 0.cfg:4:10+4
                Error unmatched-quote: unmatched quote at position 7 @ 0.cfg:5:7+2
                Error bad-variable: unmatched brace in environment variable name at position 10 @ 0.cfg:6:10+2
                Error bad-escape: truncated or invalid hexadecimal sequence at position 7 @ 0.cfg:7:7+3
            "#]],
    );
}

#[test]
fn odd_files() {
    for (name, text, want) in [
        (
            "no final newline",
            &b"global\n maxconn 10"[..],
            expect![[r#"
                no final newline:
                Global global
                    maxconn · 10
                Warning missing-newline: Missing LF on last line, file might have been truncated at position 12 @ 0.cfg:2:12+0
            "#]],
        ),
        (
            "byte order mark",
            b"\xef\xbb\xbfglobal\n",
            expect![[r#"
                byte order mark:
                Global global
                Warning byte-order-mark: the file starts with a UTF-8 byte order mark, which HAProxy refuses @ 0.cfg:1:1+3
            "#]],
        ),
        (
            "CRLF",
            b"global\r\n maxconn 10\r\n",
            expect![[r#"
                CRLF:
                Global global
                    maxconn · 10
            "#]],
        ),
        (
            "CR",
            b"global\n maxconn 10\r daemon\n # a\rb\n",
            expect![[r#"
                CR:
                Global global
                    maxconn · 10
                Warning carriage-return: a carriage return within the line ends it: the rest is ignored @ 0.cfg:2:12+1
            "#]],
        ),
        (
            "NUL",
            b"global\n maxconn 10\0 foo\n daemon\n",
            expect![[r#"
                NUL:
                Global global
                    daemon
                Error stray-nul: Stray NUL character at position 12 @ 0.cfg:2:12+1
            "#]],
        ),
        (
            "NBSP",
            "global\n maxconn\u{a0}10\n log \"\u{a0}\" a\u{a0}b\n".as_bytes(),
            expect![[r#"
                NBSP:
                Global global
                    log ·   · a b
                Error lookalike: a no-break space (U+00A0) is in the keyword 'maxconn 10' @ 0.cfg:2:2+11
                Warning lookalike: a no-break space (U+00A0) is in this word, as an ordinary character @ 0.cfg:3:10+4
            "#]],
        ),
        (
            "not UTF-8",
            b"global\n description \xff\xfe\n",
            expect![[r#"
                not UTF-8:
                Global global
                    description · ��
            "#]],
        ),
        (
            "empty word",
            b"global\n \"$E\" daemon\n",
            expect![[r#"
                empty word:
                Global global
                Notice empty-word: the line starts with an empty word, so it is ignored @ 0.cfg:2:2+11
            "#]],
        ),
        (
            "nothing",
            b"",
            expect![[r#"
                nothing:
            "#]],
        ),
    ] {
        want.assert_eq(&format!("{name}:\n{}", show(&[text])));
    }
}

#[test]
fn conditional_blocks() {
    check(
        ".if 0\n.if 1\n.notice a\n.elif 1\n.notice b\n.else\n.notice c\n.endif\n.notice d\n.elif 0\n.notice e\n\
             .elif 1\n.notice f\n.elif foo\n.notice g\n.else\n.notice h\n.endif\n.notice i\n",
        expect![[r#"
                Notice message: 'f' @ 0.cfg:13:1+9
                Notice message: 'i' @ 0.cfg:19:1+9
            "#]],
    );
    check(
        "global\n.if feature(THREAD) && version_atleast(2.4-dev19)\n nbthread 2\n.else\n foo\n.endif # x\n\
             .if streq(\"$A\",\"one two\") # y\n maxconn 1\n.endif\n.if\n no\n.endif\n",
        expect![[r#"
                Global global
                    nbthread · 2
                    maxconn · 1
            "#]],
    );
}

#[test]
fn conditional_blocks_gone_wrong() {
    for (text, want) in [
        (
            ".if foo\nglobal\n.else\nbackend b\n.endif\n",
            expect![[r#"
                Global global
                Error condition: unparsable conditional expression 'foo' in '.if' at position 1 @ 0.cfg:1:5+3
            "#]],
        ),
        (
            ".if 1 && streq(\"$A\",\"b\" x\n.endif\n",
            expect![[r#"
                Error condition: expected ')' after '(one two,b x' in '.if' at position 23 @ 0.cfg:1:26+0
            "#]],
        ),
        (
            ".if streq && 1\n.endif\n.if 1 2&\n.endif\n.if \"(1\" \n.endif\n",
            expect![[r#"
                Error condition: predicate 'streq' expects 2 arguments, got 0 in '.if' at position 6 @ 0.cfg:1:10+0
                Error condition: unexpected character '2' at the end of conditional expression '1 2&' in '.if' at position 3 @ 0.cfg:3:7+2
                Error condition: expected ')' after conditional expression '(1' in '.if' at position 1 @ 0.cfg:5:5+4
            "#]],
        ),
        (
            ".if \"1\n.endif\n",
            expect![[r#"
                Error unmatched-quote: unmatched quote at position 5 @ 0.cfg:1:5+2
            "#]],
        ),
        (
            ".if 1\n  .if 0\nglobal\n",
            expect![[r#"
                Error directive: non-terminated '.if' block @ 0.cfg:3:7+1
                Error directive: non-terminated '.if' block @ 0.cfg:3:7+1
            "#]],
        ),
        (
            ".else\n.elif 1\n.endif\n",
            expect![[r#"
                Error directive: lone '.else' with no matching '.if' @ 0.cfg:1:1+5
                Error directive: lone '.elif' with no matching '.if' @ 0.cfg:2:1+5
                Error directive: lone '.endif' with no matching '.if' @ 0.cfg:3:1+6
            "#]],
        ),
        (
            ".if 0\n.else x\n.else\n.elif 1\n.endif y\n",
            expect![[r#"
                Error directive: Unexpected argument 'x' for '.else' @ 0.cfg:2:7+1
                Error directive: '.else' after '.else' is not permitted @ 0.cfg:3:1+5
                Error directive: '.elif' after '.else' is not permitted @ 0.cfg:4:1+7
                Error directive: Unexpected argument 'y' for '.endif' @ 0.cfg:5:8+1
            "#]],
        ),
        (
            ".foo 1\n.if 0\n.foo 2\n \"\n.endif\n.warnin x\n",
            expect![[r#"
                Error directive: unknown directive '.foo' @ 0.cfg:1:1+4
                Error unmatched-quote: unmatched quote at position 2 @ 0.cfg:4:2+1
                Error directive: unknown directive '.warnin' @ 0.cfg:6:1+7
            "#]],
        ),
    ] {
        want.assert_eq(&show(&[text.as_bytes()]));
    }
}

#[test]
fn nesting_is_bounded() {
    for (depth, faults) in [(NESTING_MAX, 0), (NESTING_MAX + 1, 1), (5_000, 1)] {
        let text = ".if 1\n".repeat(depth) + "global\n" + &".endif\n".repeat(depth);
        let (ast, _, diags) = read_texts(&[text.as_bytes()], &mut Environment::new());
        assert_eq!((ast.sections.len(), diags.len()), (1, faults), "{depth}");
    }
}

#[test]
fn messages() {
    check(
        ".notice a b c\n.warning \"x y\"\n.alert boo\n.diag d\n.notice\n.notice \"${.FILE}:${.LINE}:$.SECTION\"\n\
             global\n.notice \"$.SECTION\"\nfrontend web\n.notice \"$.SECTION\"\n",
        expect![[r#"
                Global global
                Frontend frontend · web
                Error directive: Unexpected argument 'b' for '.notice' @ 0.cfg:1:11+1
                Warning message: 'x y' @ 0.cfg:2:1+14
                Error message: 'boo' @ 0.cfg:3:1+10
                Diag message: 'd' @ 0.cfg:4:1+7
                Notice message: '' @ 0.cfg:5:1+7
                Notice message: '0.cfg:6:' @ 0.cfg:6:1+37
                Notice message: 'global' @ 0.cfg:8:1+19
                Notice message: 'web' @ 0.cfg:10:1+19
            "#]],
    );
}

#[test]
fn the_global_section_changes_variables() {
    check(
        "global\n setenv X abc\n .notice \"$X\"\n presetenv X def\n .notice \"$X\"\n presetenv Y def\n\
             .notice \"$Y\"\n unsetenv X\n .notice \"${X-unset}\"\n setenv A 5\n resetenv A Y\n\
             .notice \"A=$A Y=$Y E=${E-unset}\"\n.if defined(Y) && !defined(X)\n.notice yes\n.endif\n\
             frontend a\n setenv Y other\n.notice \"$Y\"\n",
        expect![[r#"
                Global global
                    setenv · X · abc
                    presetenv · X · def
                    presetenv · Y · def
                    unsetenv · X
                    setenv · A · 5
                    resetenv · A · Y
                Frontend frontend · a
                    setenv · Y · other
                Notice message: 'abc' @ 0.cfg:3:2+12
                Notice message: 'abc' @ 0.cfg:5:2+12
                Notice message: 'def' @ 0.cfg:7:1+12
                Notice message: 'unset' @ 0.cfg:9:2+20
                Notice message: 'A=5 Y=def E=unset' @ 0.cfg:12:1+32
                Notice message: 'yes' @ 0.cfg:14:1+11
                Notice message: 'def' @ 0.cfg:18:1+12
            "#]],
    );
    check(
        "global\n setenv\n setenv X\n setenv X a b\n unsetenv\n presetenv\n setenv 1=2 x\n setenv \"\" b\n",
        expect![[r#"
                Global global
                    setenv
                    setenv · X
                    setenv · X · a · b
                    unsetenv
                    presetenv
                    setenv · 1=2 · x
                    setenv ·  · b
                Error environment: 'setenv' expects a name and a value @ 0.cfg:2:2+6
                Error environment: 'setenv' expects a name and a value @ 0.cfg:3:2+8
                Error environment: 'unsetenv' expects at least one variable name @ 0.cfg:5:2+8
                Error environment: 'presetenv' expects a name and a value @ 0.cfg:6:2+9
                Error environment: 'setenv' failed on variable '1=2' : Invalid argument @ 0.cfg:7:9+3
                Error environment: 'setenv' failed on variable '' : Invalid argument @ 0.cfg:8:9+2
            "#]],
    );
}

#[test]
fn sections_remember_their_variables() {
    let text = b"global\n setenv P 1\nfrontend a\nglobal\n setenv P 2\nfrontend b\n";
    let mut env = Environment::new();
    let (ast, _, diags) = read_texts(&[text], &mut env);
    let ports: Vec<_> = ast.sections.iter().map(|s| s.env.expand(b"$P")).collect();
    assert_eq!((ports, diags), (["1", "1", "2", "2"].map(BString::from).to_vec(), vec![]));
    assert_eq!(env.get(b"HAPROXY_CFGFILES"), Some("0.cfg".into()));
}

#[test]
fn files_of_rubbish_end_early() {
    let text = b"\"\n".repeat(10 * DIAGNOSTICS_MAX);
    let (_, _, diags) = read_texts(&[&text, &text], &mut Environment::new());
    assert_eq!(diags.len(), DIAGNOSTICS_MAX + 1);
}

/// Every file that the original reads, we read without an error.
#[test]
fn files_in_the_wild() {
    let shared = shared();
    let mut seen = 0;
    for folder in ["corpus/haproxy", "seeds"] {
        let Ok(entries) = std::fs::read_dir(format!("{shared}/{folder}")) else { continue };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "cfg"));
        paths.sort();
        for path in paths {
            let inputs = Inputs { inputs: vec![Input::Path(path.clone())], cond: WORLD };
            let (ast, map, diags) = read(&inputs, &mut Environment::new());
            let errors: Vec<_> = diags.iter().filter(|d| d.level >= Level::Error).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            assert!(!ast.sections.is_empty(), "{}", path.display());
            check_spans(&ast, &map, &diags);
            seen += 1;
        }
    }
    if seen == 0 {
        skipped(&shared);
    }
}

/// Unindented lines are legal: no real keyword may be taken for a misspelt section.
#[test]
fn keywords_are_no_misspelt_sections() {
    let folder = shared() + "/compat/haproxy/keywords";
    let lists =
        ["proxy_keywords", "proxy_keywords_not_in_matrix", "global_keywords", "global_keywords_registered"];
    let read = |list: &str| std::fs::read_to_string(format!("{folder}/{list}.txt")).ok();
    let texts: Vec<String> = lists.into_iter().filter_map(read).collect();
    if texts.is_empty() {
        return skipped(&folder);
    }
    for keyword in
        texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_whitespace().next())
    {
        let (_, _, diags) = read_texts(&[b"global\n", keyword.as_bytes(), b"\n"], &mut Environment::new());
        let taken = diags.iter().any(|what| what.code == "unknown-section");
        assert!(!taken, "{keyword}");
    }
}

fn shared() -> String {
    std::env::var("EVENKEEL_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_string())
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn skipped(folder: &str) {
    eprintln!("skipped: {folder} is not there (EVENKEEL_SHARED names another folder)");
}

fn check_spans(ast: &Ast, map: &SourceMap, diags: &[Diagnostic]) {
    let within = |span: Span| {
        let len = map.text(span.file).len() as u32;
        assert!((span.file.0 as usize) < map.len() && span.start <= span.end && span.end <= len, "{span:?}");
    };
    for section in &ast.sections {
        for line in std::iter::once(&section.head).chain(&section.lines) {
            within(line.span);
            assert!(!line.words.is_empty());
            line.words.iter().for_each(|word| within(word.span));
        }
    }
    for what in diags {
        what.span.into_iter().chain(what.labels.iter().map(|l| l.span)).for_each(within);
    }
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(vec![
        "global",
        "frontend",
        "backen",
        "setenv ",
        "resetenv",
        "A ",
        "\"${A[*]}\"",
        "\"$",
        "${B-",
        "}",
        "\"",
        "'",
        "\\",
        "\\x4",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "\0",
        "#",
        ".if ",
        ".elif ",
        ".else",
        ".endif",
        ".alert ",
        "1",
        "!",
        "(",
        ")",
        "&&",
        "||",
        "streq(",
        ",",
        "defined(",
        "version_atleast(",
        "\u{a0}",
        "\u{feff}",
        "$.LINE",
    ]);
    prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_read_without_panic(parts in proptest::collection::vec(fragment(), 0..60)) {
        let text = parts.concat();
        let mut env: Environment = [("A", "one two"), ("E", "")].into_iter().collect();
        let (ast, map, diags) = read_texts(&[&text], &mut env);
        check_spans(&ast, &map, &diags);
    }
}
