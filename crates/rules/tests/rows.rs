//! Rules and what they make of an exchange.

mod common;

use bstr::ByteSlice;
use common::{Book, Case, compile};
use evenkeel_base::{Support, Words};
use evenkeel_expr::env::Stored;
use evenkeel_expr::facts::Peer;
use evenkeel_rules::{RuleSet, line, registry};

const GET: &str = "GET /a/b?x=1&y HTTP/1.1\r\nHost: h.example\r\nX-A: one, two\r\nX-A: three\r\n\r\n";

/// The request as it leaves, as one line: `method target|name=value|…`.
fn short(head: &str) -> String {
    let mut lines = head.trim_end_matches(['\r', '\n']).split("\r\n");
    let first = lines.next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    lines.fold(first, |all, line| format!("{all}|{}", line.replacen(": ", "=", 1)))
}

#[track_caller]
fn check(rules: &[&str], want: &str) {
    let judged = Case::request(rules, GET).judge();
    let got = match judged.verdict.as_str() {
        "Continue" => short(&judged.request),
        verdict if judged.answer.is_empty() => format!("{verdict}: {}", short(&judged.request)),
        verdict => format!("{verdict}: {}", short(&judged.answer)),
    };
    assert_eq!(got, want, "{rules:?}");
}

const REST: &str = "|Host=h.example|X-A=one, two|X-A=three";

#[test]
fn header_rules() {
    for (rules, want) in [
        (&["set-header X-A new"][..], "GET /a/b?x=1&y|Host=h.example|X-A=new"),
        (&["add-header x-b new"], "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three|x-b=new"),
        (&["del-header x-a"], "GET /a/b?x=1&y|Host=h.example"),
        (&["del-header x- -m beg"], "GET /a/b?x=1&y|Host=h.example"),
        (&["del-header -A -m end"], "GET /a/b?x=1&y|Host=h.example"),
        (&["del-header OS -m sub"], "GET /a/b?x=1&y|X-A=one, two|X-A=three"),
        (&["del-header ^x-.$ -m reg"], "GET /a/b?x=1&y|Host=h.example"),
        (&[r"replace-header X-A t(.*) <\1>"], "GET /a/b?x=1&y|Host=h.example|X-A=<wo>|X-A=<hree>"),
        (&[r"replace-value x-a ^t(.*)$ <\1>"], "GET /a/b?x=1&y|Host=h.example|X-A=one,<wo>|X-A=<hree>"),
        (&["replace-header none . x"], "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (&["set-header X-A \"%[req.hdr(x-a,1)]!\""], "GET /a/b?x=1&y|Host=h.example|X-A=one!"),
        (&["set-header X-A \"%[req.hdr(none)]\""], "GET /a/b?x=1&y|Host=h.example|X-A="),
        (
            &["set-header X-P %[path] if { path_beg /a }"],
            "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three|X-P=/a/b",
        ),
        (
            &["set-header X-P %[path] unless { path_beg /a }"],
            "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three",
        ),
    ] {
        check(rules, want);
    }
}

#[test]
fn target_rules() {
    for (rule, want) in [
        ("set-path /p", "GET /p?x=1&y"),
        ("set-path /%[req.hdr(host)]%[path]", "GET /h.example/a/b?x=1&y"),
        ("set-pathq /p", "GET /p"),
        ("set-query z=2", "GET /a/b?z=2"),
        ("set-query %[query,regsub(x,z,g)]", "GET /a/b?z=1&y"),
        ("set-uri /all?n", "GET /all?n"),
        ("set-path \"/a b\"", "GET /a%20b?x=1&y"),
        ("set-method POST", "POST /a/b?x=1&y"),
        (r"replace-path /a/(.*) /\1", "GET /b?x=1&y"),
        (r"replace-path (.*) /foo\1", "GET /foo/a/b?x=1&y"),
        (r"replace-pathq ([^?]*)(\?(.*))? \1/foo\2", "GET /a/b/foo?x=1&y"),
        (r"replace-uri ^(.*)$ \1&z", "GET /a/b?x=1&y&z"),
        ("replace-uri ^/nope /x", "GET /a/b?x=1&y"),
    ] {
        check(&[rule], &format!("{want}{REST}"));
    }
    let absolute = "GET http://h.example:80/a?q HTTP/1.1\r\nHost: h.example\r\n\r\n";
    for (rule, want) in [
        ("set-path /p", "GET http://h.example/p?q|Host=h.example"),
        (r"replace-path /(.*) /x/\1", "GET http://h.example/x/a?q|Host=h.example"),
    ] {
        assert_eq!(short(&Case::request(&[rule], absolute).judge().request), want, "{rule}");
    }
}

#[test]
fn normalizers() {
    for (normalizer, target, want) in [
        ("fragment-encode", "/#foo", "/%23foo"),
        ("fragment-strip", "/a#foo", "/a"),
        ("path-merge-slashes", "//foo///bar", "/foo/bar"),
        ("path-strip-dot", "/.", "/"),
        ("path-strip-dot", "/./bar/", "/bar/"),
        ("path-strip-dot", "/a/./a", "/a/a"),
        ("path-strip-dot", "/.well-known/", "/.well-known/"),
        ("path-strip-dotdot", "/foo/../", "/"),
        ("path-strip-dotdot", "/foo/../bar/", "/bar/"),
        ("path-strip-dotdot", "/foo/bar/../", "/foo/"),
        ("path-strip-dotdot", "/../bar/", "/../bar/"),
        ("path-strip-dotdot", "/bar/../../", "/../"),
        ("path-strip-dotdot", "/foo//../", "/foo/"),
        ("path-strip-dotdot", "/foo/%2E%2E/", "/foo/%2E%2E/"),
        ("path-strip-dotdot full", "/../bar/", "/bar/"),
        ("path-strip-dotdot full", "/bar/../../", "/"),
        ("percent-decode-unreserved", "/%61dmin", "/admin"),
        ("percent-decode-unreserved", "/foo%3Fbar=baz", "/foo%3Fbar=baz"),
        ("percent-decode-unreserved", "/%%36%36", "/%66"),
        ("percent-decode-unreserved", "/%ZZ", "/%ZZ"),
        ("percent-to-uppercase", "/%6f", "/%6F"),
        ("percent-to-uppercase", "/%zz", "/%zz"),
        ("query-sort-by-name", "/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
        ("query-sort-by-name", "/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
        ("query-sort-by-name", "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
    ] {
        let rule = format!("normalize-uri {normalizer}");
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        let got = Case::request(&[&rule], &request).judge();
        // A `#` is no part of a target on the wire; rules that make one are the reason for these two.
        assert_eq!(short(&got.request), format!("GET {want}|Host=h"), "{normalizer} {target}");
    }
    let strict =
        Case::request(&["normalize-uri percent-to-uppercase strict"], "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(strict.judge().answer.starts_with("HTTP/1.1 400 "));
}

#[test]
fn answers() {
    for (rules, want) in [
        (&["return"][..], "Return: HTTP/1.1 200 OK|content-length=0"),
        (&["return status 204"], "Return: HTTP/1.1 204 No Content"),
        (&["return status 250 hdr x-y z"], "Return: HTTP/1.1 250 Success|x-y=z|content-length=0"),
        (
            &["return content-type text/plain lf-string \"a %[path] b\" hdr X-Q \"%[query]\""],
            "Return: HTTP/1.1 200 OK|X-Q=x=1&y|content-length=8|content-type=text/plain||a /a/b b",
        ),
        (
            &["deny status 404 content-type text/plain string hello"],
            "Deny: HTTP/1.1 404 Not Found|content-length=5|content-type=text/plain||hello",
        ),
        (&["deny hdr x-y z"], "Deny: HTTP/1.1 403 Forbidden|x-y=z|content-length=0"),
        (&["deny errorfile page.http"], "Deny: HTTP/1.0 503 My Own|X-A=b||mine"),
        (&["reject"], "Reject: GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (&["silent-drop"], "SilentDrop: GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (
            &["redirect location /x code 301"],
            "Redirect: HTTP/1.1 301 Moved Permanently|content-length=0|location=/x",
        ),
        (
            &["redirect location /x set-cookie A=b"],
            "Redirect: HTTP/1.1 302 Found|content-length=0|location=/x|cache-control=no-cache|set-cookie=A=b; path=/;",
        ),
        (
            &["redirect location /x clear-cookie A="],
            "Redirect: HTTP/1.1 302 Found|content-length=0|location=/x|cache-control=no-cache|set-cookie=A=; path=/; Max-Age=0;",
        ),
        (
            &["redirect prefix http://p/%[req.hdr(host)] code 308"],
            "Redirect: HTTP/1.1 308 Permanent Redirect|content-length=0|location=http://p/h.example/a/b?x=1&y",
        ),
        (
            &["redirect prefix / drop-query append-slash code 301"],
            "Redirect: HTTP/1.1 301 Moved Permanently|content-length=0|location=/a/b/",
        ),
        (
            &["redirect scheme https code 301 if !{ ssl_fc }"],
            "Redirect: HTTP/1.1 301 Moved Permanently|content-length=0|location=https://h.example/a/b?x=1&y",
        ),
        (
            &["redirect location %[req.hdr(no)] ignore-empty"],
            "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three",
        ),
    ] {
        check(rules, want);
    }
    for (rule, status, field) in [
        ("deny", 403, "cache-control: no-cache"),
        ("deny deny_status 429", 429, "content-type: text/html"),
        ("tarpit", 500, "cache-control: no-cache"),
        ("auth", 401, "www-authenticate: Basic realm=\"fe\""),
        ("auth realm Members", 401, "www-authenticate: Basic realm=\"Members\""),
        ("return status 404 default-errorfiles", 404, "content-type: text/html"),
    ] {
        let answer = Case::request(&[rule], GET).judge().answer.to_ascii_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{rule}: {answer}");
        assert!(answer.contains(&field.to_ascii_lowercase()), "{rule}: {answer}");
    }
}

#[test]
fn order_and_groups() {
    for (rules, want) in [
        // A rule that ends the evaluation hides those after it.
        (
            &["deny if { path /nope }", "allow", "deny"][..],
            "Accept: GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three",
        ),
        (&["set-path /new", "set-header X-A %[path]"], "GET /new?x=1&y|Host=h.example|X-A=/new"),
        (
            &["set-var(txn.p) path", "set-path /new", "set-header X-A %[var(txn.p)]"],
            "GET /new?x=1&y|Host=h.example|X-A=/a/b",
        ),
        // Old keywords run after `http-request`, `block` before, whatever their place.
        (&[r"reqadd X-B:\ %[path]", "del-header x-a"], "GET /a/b?x=1&y|Host=h.example|X-B=%[path]"),
        (&[r"reqrep ^([^\ ]*)\ /a/(.*) \1\ /\2"], "GET /b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (
            &[r"reqirep ^HOST:\ (.*) Host:\ www.\1"],
            "GET /a/b?x=1&y|Host=www.h.example|X-A=one, two|X-A=three",
        ),
        (&["reqdel ^X-A:.t"], "GET /a/b?x=1&y|Host=h.example|X-A=one, two"),
        (&["reqidel ^x-a"], "GET /a/b?x=1&y|Host=h.example"),
        (&["reqallow ^GET", "reqdeny ."], "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (&["reqpass ^Host:", "reqdel ^X-A"], "GET /a/b?x=1&y|Host=h.example|X-A=one, two|X-A=three"),
        (&["allow", "reqidel ^x-a"], "Accept: GET /a/b?x=1&y|Host=h.example"),
    ] {
        check(rules, want);
    }
    for (rules, verdict, status) in [
        (&["allow", "block if { path_beg /a }"][..], "Deny", 403),
        (&["reqdeny /b"], "Deny", 403),
        (&["reqitarpit ^x-a:\\ ONE"], "Tarpit", 500),
    ] {
        let judged = Case::request(rules, GET).judge();
        assert_eq!(judged.verdict, verdict, "{rules:?}");
        assert!(judged.answer.starts_with(&format!("HTTP/1.1 {status} ")), "{rules:?}");
    }
}

#[test]
fn strict_mode() {
    let strict = Case::request(&["set-method \"A B\""], GET).judge();
    assert_eq!((strict.verdict.as_str(), strict.effects.failed_rewrites), ("Failed", 1));
    assert!(strict.answer.starts_with("HTTP/1.1 500 "));
    let lax = Case::request(&["strict-mode off", "set-method \"A B\"", "del-header x-a"], GET).judge();
    assert_eq!((lax.verdict.as_str(), lax.effects.failed_rewrites), ("Continue", 1));
    assert_eq!(short(&lax.request), "GET /a/b?x=1&y|Host=h.example");
}

#[test]
fn response_rules() {
    let response = "HTTP/1.1 200 OK\r\nServer: be\r\nX-R: 1, 2\r\nLocation: http://127.0.0.1:80/x\r\n\r\n";
    for (set, rules, want) in [
        (
            RuleSet::HttpResponse,
            &["set-header X-R 3"][..],
            "HTTP/1.1 200 OK|Server=be|Location=http://127.0.0.1:80/x|X-R=3",
        ),
        (
            RuleSet::HttpResponse,
            &["set-status 404"],
            "HTTP/1.1 404 Not Found|Server=be|X-R=1, 2|Location=http://127.0.0.1:80/x",
        ),
        (
            RuleSet::HttpAfterResponse,
            &["set-status 503 reason \"Slow Down\""],
            "HTTP/1.1 503 Slow Down|Server=be|X-R=1, 2|Location=http://127.0.0.1:80/x",
        ),
        (
            RuleSet::HttpResponse,
            &[r"replace-value X-R (.) <\1>"],
            "HTTP/1.1 200 OK|Server=be|X-R=<1>,<2>|Location=http://127.0.0.1:80/x",
        ),
        (
            RuleSet::HttpResponse,
            &["rspidel ^server", r"rspadd X-Via:\ p"],
            "HTTP/1.1 200 OK|X-R=1, 2|Location=http://127.0.0.1:80/x|X-Via=p",
        ),
        (
            RuleSet::HttpResponse,
            &[r"rsprep ^Location:\ http://127.0.0.1:80(.*) Location:\ \1"],
            "HTTP/1.1 200 OK|Server=be|X-R=1, 2|Location=/x",
        ),
        (
            RuleSet::HttpResponse,
            &[r"rsprep ^(HTTP/1..)\ 200.* \1\ 299\ Odd"],
            "HTTP/1.1 299 Odd|Server=be|X-R=1, 2|Location=http://127.0.0.1:80/x",
        ),
    ] {
        let case = Case { set, response: Some(response), ..Case::request(rules, GET) };
        let judged = case.judge();
        assert_eq!(judged.response.as_deref().map(short), Some(want.to_owned()), "{rules:?}");
        assert_eq!(short(&judged.request), format!("GET /a/b?x=1&y{REST}"), "the request stays as it was");
    }
    let case = Case { set: RuleSet::HttpResponse, response: Some(response), ..Case::request(&["deny"], GET) };
    assert!(case.judge().answer.starts_with("HTTP/1.1 502 "));
}

#[test]
fn variables_and_captures() {
    for (rules, want) in [
        (&["set-var(txn.a) int(5)", "set-var(txn.a,ifnotexists) int(6)"][..], Some(Stored::Int(5))),
        (&["set-var(txn.a) int(5)", "set-var(txn.a,ifgt) int(3)"], Some(Stored::Int(3))),
        (&["set-var(txn.a) int(5)", "set-var(txn.a,iflt) int(3)"], Some(Stored::Int(5))),
        (&["set-var(txn.a,ifexists) int(6)"], None),
        (&["set-var(txn.a) int(5)", "unset-var(txn.a)"], None),
        (&["set-var-fmt(txn.a) %[src]:%[path]"], Some(Stored::Str("192.0.2.7:/a/b".into()))),
        (&["set-var(txn.a) req.hdr(none)"], None),
    ] {
        let judged = Case::request(rules, GET).judge();
        assert_eq!(judged.stream.vars.first().cloned().flatten(), want, "{rules:?}");
    }
    let judged = Case::request(&["capture req.hdr(host) len 4", "capture path id 0"], GET).judge();
    let kept: Vec<Option<&[u8]>> =
        judged.stream.request_captures.iter().map(|c| c.as_deref().map(|c| c.as_bytes())).collect();
    assert_eq!(kept, [Some(&b"/a/b"[..]), None, Some(b"h.ex")]);
}

#[test]
fn addresses_timeouts_levels() {
    let judged = Case::request(
        &["set-src req.hdr(x-ip)", "set-dst-port int(8080)", "set-timeout server 5s", "set-log-level silent"],
        "GET / HTTP/1.1\r\nHost: h\r\nX-Ip: 198.51.100.9\r\n\r\n",
    )
    .judge();
    assert_eq!(judged.conn.src, Peer::Inet(([198, 51, 100, 9], 5000).into()));
    assert_eq!(judged.conn.dst, Peer::Inet(([192, 0, 2, 1], 8080).into()));
    assert_eq!(judged.stream.timeout_server.map(|t| t.as_millis()), Some(5000));
    assert_eq!(judged.stream.log_level, Some(None));
    let judged =
        Case::request(&["set-log-level err", "early-hint Link </a.css>", "disable-l7-retry"], GET).judge();
    assert_eq!(judged.stream.log_level, Some(Some(3)));
    assert_eq!(judged.effects.early_hints.as_bstr(), "Link: </a.css>\r\n");
    assert!(judged.effects.no_retry);
}

#[test]
fn waiting_for_a_body() {
    let rules = &["wait-for-body time 1s at-least 3", "del-header x-a"];
    for (payload, complete, want) in [
        (&b"ab"[..], false, "WaitForBody { time: 1s, at_least: 3 }"),
        (b"abc", false, "Continue"),
        (b"a", true, "Continue"),
    ] {
        let judged = Case { payload, complete, ..Case::request(rules, GET) }.judge();
        assert_eq!(judged.verdict, want);
        assert_eq!(judged.request.contains("X-A"), want != "Continue");
    }
}

#[test]
fn tcp_rules() {
    for (set, rules, want) in [
        (RuleSet::TcpConnection, &["reject if { src 192.0.2.0/24 }"][..], "Reject"),
        (RuleSet::TcpConnection, &["accept if { src 192.0.2.7 }", "reject"], "Accept"),
        (RuleSet::TcpSession, &["silent-drop unless { src 10.0.0.0/8 }"], "SilentDrop"),
        (RuleSet::TcpContent, &["reject if { dst_port 81 }"], "Continue"),
        (RuleSet::TcpResponse, &["close"], "Close"),
    ] {
        assert_eq!(Case { set, ..Case::request(rules, GET) }.judge().verdict, want, "{set:?} {rules:?}");
    }
}

#[test]
fn content_rules_wait_while_they_cannot_tell() {
    let rules = &["accept if { req.len gt 2 }", "reject"];
    for (payload, complete, want) in [
        (&b""[..], false, "WaitForData"),
        (b"abc", false, "Accept"),
        (b"a", true, "Reject"),
        (b"", true, "Reject"),
    ] {
        let case = Case { set: RuleSet::TcpContent, payload, complete, ..Case::request(rules, GET) };
        assert_eq!(case.judge().verdict, want, "{payload:?} {complete}");
    }
}

#[test]
fn backends_and_servers_are_chosen_by_the_first_rule_that_holds() {
    for (lines, backend, server) in [
        (&["be if { path_beg /x }"][..], None, None),
        (&["be if { path_beg /a }"], Some(1), None),
        (&["be"], Some(1), None),
        (&["%[req.hdr(host),field(1,.)]"], None, None),
        (&["%[str(be)] if { path_beg /a }", "be"], Some(1), None),
        (&["s1 if { path_beg /x }", "s2 if { path_beg /a }"], None, Some(1)),
        (&["s1 if { path_beg /a }", "s2 if { path_beg /a }"], None, Some(1)),
        (&["%[str(s1)]"], None, None),
    ] {
        let got = common::route(lines, GET, |server| server.0 != 0);
        assert_eq!(got, (backend, server), "{lines:?}");
    }
}

#[test]
fn mistakes_are_named_where_they_are() {
    for (set, line, code, at) in [
        (RuleSet::HttpRequest, "set-hedaer a b", "unknown-action", "set-hedaer"),
        (RuleSet::HttpRequest, "set-status 200", "unknown-action", "set-status"),
        (RuleSet::HttpRequest, "lua.deny", "refused", "lua.deny"),
        (RuleSet::HttpRequest, "track-sc0 src", "refused", "track-sc0"),
        (RuleSet::HttpRequest, "set-header X-A", "missing-argument", ""),
        (RuleSet::HttpRequest, "set-header X:A b", "invalid-field-name", "X:A"),
        (RuleSet::HttpRequest, "replace-path (a b", "invalid-regex", "(a"),
        (RuleSet::HttpRequest, "deny deny_status 99", "invalid-status", "99"),
        (RuleSet::HttpRequest, "deny deny_status 418", "no-such-page", "418"),
        (RuleSet::HttpRequest, "return string abc", "missing-argument", "string"),
        (RuleSet::HttpRequest, "return status 204 content-type a/b string abc", "no-body", "string"),
        (RuleSet::HttpRequest, "return errorfile nowhere", "unreadable-file", "nowhere"),
        (RuleSet::HttpRequest, "return errorfile broken.http", "invalid-page", "broken.http"),
        (RuleSet::HttpRequest, "redirect code 302", "missing-argument", ""),
        (RuleSet::HttpRequest, "redirect location /a code 304", "invalid-status", "304"),
        (RuleSet::HttpRequest, "allow now", "surplus-argument", "now"),
        (RuleSet::HttpRequest, "set-var(nope.x) src", "unknown-scope", "nope.x"),
        (RuleSet::HttpRequest, "set-var(txn.x,ifnott) src", "unknown-condition", "ifnott"),
        (RuleSet::HttpRequest, "set-var(txn.x src", "unclosed-parenthesis", "set-var(txn.x"),
        (RuleSet::HttpRequest, "set-timeout clint 5s", "unknown-timeout", "clint"),
        (RuleSet::HttpRequest, "wait-for-body at-least 5", "missing-argument", ""),
        (RuleSet::HttpRequest, "use-service lua.x", "refused", "use-service"),
        (RuleSet::HttpResponse, "capture src len 5", "unknown-argument", "len"),
        (RuleSet::TcpConnection, "set-header a b", "unknown-action", "set-header"),
        (RuleSet::HttpRequest, "block", "missing-argument", ""),
        (RuleSet::HttpRequest, "reqadd nothing", "invalid-field", "nothing"),
    ] {
        let errors = compile(set, line, &mut Book::default()).expect_err(line);
        let span = errors[0].span.expect("every mistake has a place");
        let text = line.get(span.start as usize..span.end as usize).unwrap_or("?");
        assert_eq!((errors[0].code, text), (code, at), "{line}: {}", errors[0].message);
    }
}

#[test]
fn every_example_compiles() {
    for entry in registry::entries() {
        for set in all_sets().into_iter().filter(|s| entry.sets.has(*s)) {
            if let Support::Refused(_) = entry.support {
                continue;
            }
            let result = compile(set, entry.example, &mut Book::default());
            assert!(result.is_ok(), "{} {}: {result:?}", set.keyword(), entry.example);
            assert!(entry.example.starts_with(entry.name));
        }
        assert!(!entry.doc.is_empty() && !entry.doc.ends_with('.'), "{}", entry.name);
    }
    for keyword in line::KEYWORDS {
        let words = common::words(keyword.example);
        let mut book = Book::default();
        let acls = evenkeel_expr::AclTable::default();
        let mut cx = evenkeel_rules::Context::new(keyword.set, &acls, &mut book, "fe");
        let mut cursor = Words::new(&words, evenkeel_base::Span::default());
        cursor.next();
        let result = keyword.parse(&mut cursor, &mut cx);
        assert!(result.is_ok(), "{}: {result:?}", keyword.example);
    }
}

fn all_sets() -> [RuleSet; 8] {
    [
        RuleSet::QuicInitial,
        RuleSet::TcpConnection,
        RuleSet::TcpSession,
        RuleSet::TcpContent,
        RuleSet::TcpResponse,
        RuleSet::HttpRequest,
        RuleSet::HttpResponse,
        RuleSet::HttpAfterResponse,
    ]
}
