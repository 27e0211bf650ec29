//! Keywords: `option …chk`, `option …-check`, `http-check …`, `tcp-check …`: what checks say and expect.
//!
//! As in the original, the first `http-check` line or `option httpchk` of a section puts aside what its `defaults` said
//! of HTTP checks, and the first `tcp-check` line what they said of TCP checks.

use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_health::script::{Info, Match, parse_statuses};
use evenkeel_health::{Connect, Expect, HttpRequest, Pattern, Script, Status, Step, preset};
use evenkeel_plan::CheckPlan;
use regex::bytes::Regex;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

const FORMATS: &str = "not built yet: formats in checks";
const VARIABLES: &str = "not built yet: variables in checks";
const TLS: &str = "not built yet: TLS";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("option httpchk", Sections::BACK, httpchk, "Checks with an HTTP request.")
        .example("option httpchk GET /health"),
    Keyword::proxy(
        "option ldap-check",
        Sections::BACK,
        |p, _, _| preset(p, preset::ldap(Connect::default())),
        "Checks with an LDAP bind.",
    ),
    Keyword::refused(
        "option mysql-check",
        Sections::BACK,
        "not built yet: MySQL checks",
        "Checks with a MySQL handshake.",
    )
    .example("option mysql-check user haproxy"),
    Keyword::proxy("option pgsql-check", Sections::BACK, pgsql, "Checks with a PostgreSQL login.")
        .example("option pgsql-check user haproxy"),
    Keyword::proxy(
        "option redis-check",
        Sections::BACK,
        |p, _, _| preset(p, preset::redis(Connect::default())),
        "Checks with a Redis PING.",
    ),
    Keyword::proxy("option smtpchk", Sections::BACK, smtp, "Checks with an SMTP greeting.")
        .example("option smtpchk EHLO example.org"),
    Keyword::refused("option spop-check", Sections::BACK, "not built yet: SPOE", "Checks with a SPOP hello."),
    Keyword::proxy(
        "option ssl-hello-chk",
        Sections::BACK,
        |p, _, _| preset(p, preset::ssl_hello(Connect::default())),
        "Checks with a TLS hello.",
    ),
    Keyword::proxy(
        "option tcp-check",
        Sections::BACK,
        |p, _, _| {
            p.checks.kind = Kind::Tcp;
            Ok(())
        },
        "Checks with `tcp-check` rules, or a connection.",
    ),
    Keyword::proxy(
        "http-check comment",
        Sections::BACK,
        |p, ctx, words| {
            let step = comment(ctx, words)?;
            http_step(p, ctx, step)
        },
        "A name for the step after it.",
    )
    .example("http-check comment login"),
    Keyword::proxy(
        "http-check connect",
        Sections::BACK,
        |p, ctx, words| {
            let step = connect(ctx, words)?;
            http_step(p, ctx, step)
        },
        "Opens a connection.",
    )
    .example("http-check connect port 8080"),
    Keyword::proxy(
        "http-check disable-on-404",
        Sections::BACK,
        |p, _, _| {
            p.back.disable_on_404 = true;
            Ok(())
        },
        "A 404 means: no new clients.",
    ),
    Keyword::proxy(
        "http-check expect",
        Sections::BACK,
        |p, ctx, words| {
            let step = expect(ctx, words, HTTP_PATTERNS)?;
            http_step(p, ctx, step)
        },
        "What the answer must be.",
    )
    .example("http-check expect status 200-299"),
    Keyword::proxy("http-check send", Sections::BACK, http_send, "The request.")
        .example("http-check send meth GET uri /health ver HTTP/1.1 hdr Host example.org"),
    Keyword::proxy(
        "http-check send-state",
        Sections::BACK,
        |p, _, _| {
            p.checks.send_state = true;
            Ok(())
        },
        "Tells the server its state.",
    ),
    Keyword::refused("http-check set-var", Sections::BACK, VARIABLES, "Sets a variable."),
    Keyword::refused("http-check set-var-fmt", Sections::BACK, VARIABLES, "Sets a variable to a text."),
    Keyword::refused("http-check unset-var", Sections::BACK, VARIABLES, "Forgets a variable."),
    Keyword::proxy(
        "tcp-check comment",
        Sections::BACK,
        |p, ctx, words| {
            let step = comment(ctx, words)?;
            tcp_step(p, ctx, step)
        },
        "A name for the step after it.",
    )
    .example("tcp-check comment greeting"),
    Keyword::proxy(
        "tcp-check connect",
        Sections::BACK,
        |p, ctx, words| {
            let step = connect(ctx, words)?;
            tcp_step(p, ctx, step)
        },
        "Opens a connection.",
    )
    .example("tcp-check connect port 143"),
    Keyword::proxy(
        "tcp-check expect",
        Sections::BACK,
        |p, ctx, words| {
            let step = expect(ctx, words, TCP_PATTERNS)?;
            tcp_step(p, ctx, step)
        },
        "What the answer must be.",
    )
    .example("tcp-check expect string +OK"),
    Keyword::proxy("tcp-check send", Sections::BACK, tcp_send, "Sends a text.")
        .example("tcp-check send QUIT\\r\\n"),
    Keyword::proxy("tcp-check send-binary", Sections::BACK, tcp_send_binary, "Sends bytes.")
        .example("tcp-check send-binary 50494e470d0a"),
    Keyword::proxy("tcp-check send-binary-lf", Sections::BACK, tcp_send_binary, "Sends bytes by a format.")
        .example("tcp-check send-binary-lf 50494e470d0a"),
    Keyword::proxy("tcp-check send-lf", Sections::BACK, tcp_send, "Sends a text by a format.")
        .example("tcp-check send-lf QUIT"),
    Keyword::refused("tcp-check set-var", Sections::BACK, VARIABLES, "Sets a variable."),
    Keyword::refused("tcp-check set-var-fmt", Sections::BACK, VARIABLES, "Sets a variable to a text."),
    Keyword::refused("tcp-check unset-var", Sections::BACK, VARIABLES, "Forgets a variable."),
];

/// Most steps of one check.
const STEPS_MAX: usize = 1_024;

/// Which check it is.
#[derive(Default)]
enum Kind {
    /// A connection.
    #[default]
    Connection,
    /// `option httpchk`.
    Http,
    /// `option tcp-check`.
    Tcp,
    /// A protocol's.
    Preset(Box<Script>),
}

/// What the first request of an HTTP check says, as far as lines say it.
#[derive(Default)]
struct FirstRequest {
    method: Option<Vec<u8>>,
    uri: Option<Vec<u8>>,
    version: Option<Vec<u8>>,
    headers: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    body: Option<Vec<u8>>,
    comment: Option<String>,
    /// Its place among the steps, once an `http-check send` has given it one.
    place: Option<usize>,
}

/// The HTTP rules of a section or of its `defaults`.
#[derive(Default)]
struct HttpRules {
    request: FirstRequest,
    steps: Vec<Step>,
    /// True once the section has lines of its own.
    own: bool,
}

/// A section's checks while its lines are read.
#[derive(Default)]
pub(crate) struct ChecksDraft {
    kind: Kind,
    http: HttpRules,
    tcp: Vec<Step>,
    own_tcp: bool,
    send_state: bool,
}

fn missing(words: &Words<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("missing-argument", message, words.last_span().after())
}

fn string<'a>(ctx: &Ctx<'_>, words: &mut Words<'a>, name: &str) -> Result<&'a Word, Diagnostic> {
    words
        .next()
        .ok_or_else(|| missing(words, format!("'{}' : '{name}' expects a string as argument.", ctx.keyword)))
}

/// A text that could be a format: it may not be one yet.
fn plain(word: &Word) -> Result<Vec<u8>, Diagnostic> {
    let text = word.bytes();
    if !text.contains(&b'%') {
        return Ok(text.to_vec());
    }
    let unescaped = bstr::ByteSlice::replace(text, "%%", "\0");
    if unescaped.contains(&b'%') {
        return Err(super::run::refused("a format in a check", FORMATS, word.span));
    }
    Ok(bstr::ByteSlice::replace(unescaped.as_slice(), "\0", "%"))
}

fn preset(p: &mut ProxyDraft, script: Script) -> Outcome {
    p.checks.kind = Kind::Preset(Box::new(script));
    Ok(())
}

fn pgsql(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let user = words.take_if("user").then(|| words.next()).flatten();
    let user =
        user.ok_or_else(|| missing(words, "'option pgsql-check' expects 'user <username>' as argument."))?;
    preset(p, preset::pgsql(Connect::default(), &user.str()))
}

fn smtp(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let hello = words.next().map(Word::str);
    let domain = words.next().map(Word::str);
    let hello = hello.as_deref().zip(domain.as_deref());
    preset(p, preset::smtp(Connect::default(), hello))
}

/// The HTTP rules that a line changes; what was inherited goes first.
fn own_http(p: &mut ProxyDraft) -> &mut HttpRules {
    let http = &mut p.checks.http;
    if !p.inherits && !http.own {
        *http = HttpRules { own: true, ..HttpRules::default() };
    }
    http
}

/// `option httpchk [<uri> | <method> <uri> [<version>]]`.
fn httpchk(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const WORDS_MAX: usize = 3;
    p.checks.kind = Kind::Http;
    let given: Vec<&Word> = std::iter::from_fn(|| words.next()).take(WORDS_MAX).collect();
    let texts: Vec<_> = given.iter().map(|w| w.str()).collect();
    let texts: Vec<&str> = texts.iter().map(|t| t.as_ref()).collect();
    let request: HttpRequest = preset::httpchk(&texts);
    let first = &mut own_http(p).request;
    match given.len() {
        0 => {}
        1 => first.uri = Some(request.uri),
        _ => {
            first.method = Some(request.method);
            first.uri = Some(request.uri);
        }
    }
    let Some(version) = given.get(2) else { return Ok(()) };
    first.version = Some(request.version);
    if !request.headers.is_empty() || !request.body.is_empty() {
        first.headers = Some(request.headers);
        first.body = Some(request.body);
        ctx.report(
            Diagnostic::warning(
                "obsolete-form",
                "'option httpchk' : hiding headers or body at the end of the version string is deprecated.",
                version.span,
            )
            .note("today: `http-check send … hdr <name> <value> body <text>`"),
        );
    }
    Ok(())
}

/// `http-check send [meth …] [uri …] [ver …] [hdr <name> <value>]* [body …] [comment …]`.
fn http_send(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut said = FirstRequest::default();
    while let Some(word) = words.next() {
        let name = word.str();
        match name.as_ref() {
            "meth" => said.method = Some(string(ctx, words, &name)?.bytes().to_vec()),
            "uri" => said.uri = Some(string(ctx, words, &name)?.bytes().to_vec()),
            "uri-lf" => said.uri = Some(plain(string(ctx, words, &name)?)?),
            "ver" => said.version = Some(string(ctx, words, &name)?.bytes().to_vec()),
            "body" => said.body = Some(string(ctx, words, &name)?.bytes().to_vec()),
            "body-lf" => said.body = Some(plain(string(ctx, words, &name)?)?),
            "comment" => said.comment = Some(string(ctx, words, &name)?.str().into_owned()),
            "hdr" => {
                let (Some(name), Some(value)) = (words.next(), words.next()) else {
                    let message = "'http-check send' : 'hdr' expects <name> and <value> as arguments.";
                    return Err(missing(words, message));
                };
                // The length is computed, and one that is wrong would be no check.
                if !name.bytes().eq_ignore_ascii_case(b"content-length") {
                    said.headers.get_or_insert_default().push((name.bytes().to_vec(), plain(value)?));
                }
            }
            _ => {
                let message = format!(
                    "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{word}' as argument."
                );
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
        }
    }
    let at = ctx.at;
    let http = own_http(p);
    if http.request.place.is_some() {
        if !has_connect(&http.steps) {
            let message =
                "'http-check send' : unable to add http-check send rule at step 2 (missing connect rule).";
            return Err(Diagnostic::error("bad-check", message, at));
        }
        let mut request = HttpRequest::default();
        said.fill(&mut request);
        return http_step(p, ctx, Step::Request(request));
    }
    // The first request takes what `option httpchk` says where it says nothing itself.
    let first = &mut http.request;
    first.method = said.method.or(first.method.take());
    first.uri = said.uri.or(first.uri.take());
    first.version = said.version.or(first.version.take());
    first.headers = said.headers.or(first.headers.take());
    first.body = said.body.or(first.body.take());
    first.comment = said.comment;
    first.place = Some(http.steps.len());
    Ok(())
}

impl FirstRequest {
    fn fill(self, request: &mut HttpRequest) {
        request.method = self.method.unwrap_or_else(|| std::mem::take(&mut request.method));
        request.uri = self.uri.unwrap_or_else(|| std::mem::take(&mut request.uri));
        request.version = self.version.unwrap_or_else(|| std::mem::take(&mut request.version));
        request.headers = self.headers.unwrap_or_default();
        request.body = self.body.unwrap_or_default();
        request.comment = self.comment;
    }
}

fn has_connect(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Connect(_)))
}

/// A `connect` after other steps needs one before them.
fn connects_first(steps: &[Step], step: &Step, ctx: &Ctx<'_>, sent: bool) -> Outcome {
    if steps.len() >= STEPS_MAX {
        return Err(Diagnostic::error("too-many", format!("more than {STEPS_MAX} steps in a check"), ctx.at));
    }
    let others = sent || steps.iter().any(|step| !matches!(step, Step::Comment(_)));
    if matches!(step, Step::Connect(_)) && others && !has_connect(steps) {
        let message = format!(
            "'{}' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.",
            ctx.keyword
        );
        return Err(Diagnostic::error("bad-check", message, ctx.at));
    }
    Ok(())
}

fn http_step(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, step: Step) -> Outcome {
    // A section that only says what to expect keeps the request that it inherits.
    let request = (!p.inherits && !p.checks.http.own && matches!(step, Step::Expect(_) | Step::Comment(_)))
        .then(|| std::mem::take(&mut p.checks.http.request));
    let http = own_http(p);
    if let Some(request) = request {
        http.request = FirstRequest { place: None, ..request };
    }
    connects_first(&http.steps, &step, ctx, http.request.place.is_some())?;
    http.steps.push(step);
    Ok(())
}

fn tcp_step(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, step: Step) -> Outcome {
    if !p.inherits && !p.checks.own_tcp {
        p.checks.tcp.clear();
        p.checks.own_tcp = true;
    }
    connects_first(&p.checks.tcp, &step, ctx, false)?;
    p.checks.tcp.push(step);
    Ok(())
}

fn comment(ctx: &Ctx<'_>, words: &mut Words<'_>) -> Result<Step, Diagnostic> {
    let message = format!("'{}' : expects a string as argument.", ctx.keyword);
    let text = words.next().ok_or_else(|| missing(words, message))?.str().into_owned();
    words.take_rest(); // as the original
    Ok(Step::Comment(text))
}

fn connect(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Step, Diagnostic> {
    let mut connect = Connect::default();
    while let Some(word) = words.next() {
        let name = word.str();
        match name.as_ref() {
            "comment" => connect.comment = Some(string(ctx, words, &name)?.str().into_owned()),
            "default" => {}
            "linger" => connect.linger = true,
            "send-proxy" => connect.send_proxy = true,
            "port" => {
                let port = string(ctx, words, &name)?;
                match port.str().parse::<u16>() {
                    Ok(number) if number > 0 => connect.port = Some(number),
                    Ok(_) | Err(_) if port.bytes().first().is_some_and(u8::is_ascii_digit) => {
                        let message = format!(
                            "'{}' : expects a port number from 1 to 65535, not '{port}'.",
                            ctx.keyword
                        );
                        return Err(Diagnostic::error("bad-number", message, port.span));
                    }
                    Ok(_) | Err(_) => {
                        let reason = "not built yet: expressions in checks";
                        return Err(super::run::refused(&format!("{} port", ctx.keyword), reason, port.span));
                    }
                }
            }
            "proto" => {
                args::choice(ctx, words, &[("h1", ()), ("none", ())])?;
            }
            "ssl" => return Err(super::run::refused(&format!("{} ssl", ctx.keyword), TLS, word.span)),
            "sni" | "alpn" => {
                return Err(super::run::refused(&format!("{} {name}", ctx.keyword), TLS, word.span));
            }
            "addr" | "via-socks4" => {
                let reason = "not built yet: other addresses in checks";
                return Err(super::run::refused(&format!("{} {name}", ctx.keyword), reason, word.span));
            }
            _ => {
                let message = format!(
                    "'{}' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got '{word}' as argument.",
                    ctx.keyword
                );
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
        }
    }
    Ok(Step::Connect(connect))
}

/// Patterns that HTTP checks know, without `!`.
const HTTP_PATTERNS: &[&str] = &["status", "rstatus", "string", "rstring", "string-lf", "hdr", "fhdr"];
/// Patterns that TCP checks know.
const TCP_PATTERNS: &[&str] = &["string", "rstring", "string-lf", "binary", "rbinary", "binary-lf"];

fn expect(ctx: &mut Ctx<'_>, words: &mut Words<'_>, known: &[&str]) -> Result<Step, Diagnostic> {
    let keyword = ctx.keyword;
    let mut expect = Expect::new(Pattern::Text(Vec::new()));
    let mut found = false;
    let mut negate = false;
    while let Some(word) = words.next() {
        let text = word.str();
        let bare = text.trim_start_matches('!');
        let bangs = text.len() - bare.len();
        negate ^= bangs % 2 == 1;
        if bare.is_empty() && bangs > 0 {
            continue; // `! string x`
        }
        if known.contains(&bare) {
            if found {
                let message = format!("'{keyword}' : only on pattern expected.");
                return Err(Diagnostic::error("bad-check", message, word.span));
            }
            expect.pattern = pattern(ctx, words, bare)?;
            expect.negate = negate;
            found = true;
            continue;
        }
        match bare {
            "comment" => expect.comment = Some(string(ctx, words, bare)?.str().into_owned()),
            "min-recv" => {
                let number = string(ctx, words, bare)?;
                expect.min_recv = number.str().parse().ok(); // -1, and what is no number: no limit
            }
            "ok-status" => expect.ok_status = Some(status(ctx, words, bare, OK_STATUSES)?),
            "error-status" => expect.error_status = Some(status(ctx, words, bare, ERROR_STATUSES)?),
            "tout-status" => expect.timeout_status = Some(status(ctx, words, bare, TIMEOUT_STATUSES)?),
            "on-success" => expect.on_success = Some(info(ctx, words, bare)?),
            "on-error" => expect.on_error = Some(info(ctx, words, bare)?),
            "status-code" => {
                let reason = "not built yet: expressions in checks";
                return Err(super::run::refused(&format!("{keyword} status-code"), reason, word.span));
            }
            _ => {
                let known: Vec<String> = known.iter().map(|name| format!("'[!]{name}'")).collect();
                let message = format!(
                    "'{keyword}' : only supports min-recv, {} or comment but got '{word}' as argument.",
                    known.join(", ")
                );
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
        }
    }
    if !found {
        let message = format!("'{keyword}' : expects at least a matching pattern as arguments.");
        return Err(missing(words, message));
    }
    Ok(Step::Expect(Box::new(expect)))
}

const OK_STATUSES: &[&str] = &["L4OK", "L6OK", "L7OK", "L7OKC"];
const ERROR_STATUSES: &[&str] = &["L4CON", "L6RSP", "L7RSP", "L7STS", "L7OKC"];
const TIMEOUT_STATUSES: &[&str] = &["L4TOUT", "L6TOUT", "L7TOUT"];

fn status(ctx: &Ctx<'_>, words: &mut Words<'_>, name: &str, known: &[&str]) -> Result<Status, Diagnostic> {
    let word = string(ctx, words, name)?;
    let found = known.iter().find(|code| word.is(code)).and_then(|code| Status::named(code));
    found.ok_or_else(|| {
        let known: Vec<String> = known.iter().map(|code| format!("'{code}'")).collect();
        let message =
            format!("'{}' : '{name}' only supports {} status (got '{word}').", ctx.keyword, known.join(", "));
        Diagnostic::error("bad-choice", message, word.span)
    })
}

fn info(ctx: &Ctx<'_>, words: &mut Words<'_>, name: &str) -> Result<Info, Diagnostic> {
    let text = plain(string(ctx, words, name)?)?;
    Ok(Info::Text(String::from_utf8_lossy(&text).into_owned()))
}

fn pattern(ctx: &mut Ctx<'_>, words: &mut Words<'_>, kind: &str) -> Result<Pattern, Diagnostic> {
    let keyword = ctx.keyword;
    if matches!(kind, "hdr" | "fhdr") {
        return header_pattern(ctx, words, kind);
    }
    let word = words
        .next()
        .ok_or_else(|| missing(words, format!("'{keyword}' : '{kind}' expects a <pattern> as argument.")))?;
    let wrong =
        |message: String| Diagnostic::error("bad-pattern", format!("'{keyword}' : {message}"), word.span);
    Ok(match kind {
        "string" => Pattern::Text(word.bytes().to_vec()),
        "string-lf" => Pattern::Text(plain(word)?),
        "rstring" => Pattern::Regex(regex(ctx, word)?),
        "rstatus" => Pattern::StatusRegex(regex(ctx, word)?),
        "rbinary" => Pattern::BinaryRegex(regex(ctx, word)?),
        "binary" => Pattern::Binary(hex(word.bytes()).map_err(&wrong)?),
        "binary-lf" => Pattern::Binary(hex(&plain(word)?).map_err(&wrong)?),
        "status" => Pattern::Status(parse_statuses(&word.str()).ok_or_else(|| {
            let text = word.str();
            let bad = text.chars().find(|c| !(c.is_ascii_digit() || matches!(c, ',' | '-')));
            match bad {
                Some(bad) => wrong(format!("invalid character '{bad}' in the list of status codes.")),
                None => wrong(format!("'{text}' is no list of status codes.")),
            }
        })?),
        _ => {
            debug_assert!(false, "a listed pattern has an arm here: {kind}");
            Pattern::Text(word.bytes().to_vec())
        }
    })
}

/// `hdr name [-m <method>] <name> [value [-m <method>] <value>]`; also `name-lf`, `value-lf`.
fn header_pattern(ctx: &mut Ctx<'_>, words: &mut Words<'_>, kind: &str) -> Result<Pattern, Diagnostic> {
    let format = words.peek().is_some_and(|word| word.is("name-lf"));
    if !format && !words.peek().is_some_and(|word| word.is("name")) {
        let message = format!(
            "'{}' : '{kind}' expects at the name keyword as first argument followed by a pattern.",
            ctx.keyword
        );
        return Err(missing(words, message));
    }
    words.next();
    let name = matching(ctx, words, kind, format)?;
    let value = match words.peek() {
        Some(word) if word.is("value") || word.is("value-lf") => {
            words.next();
            Some(matching(ctx, words, kind, word.is("value-lf"))?)
        }
        Some(_) | None => None,
    };
    Ok(Pattern::Header { name, value, full: kind == "fhdr" })
}

fn matching(ctx: &Ctx<'_>, words: &mut Words<'_>, kind: &str, format: bool) -> Result<Match, Diagnostic> {
    let keyword = ctx.keyword;
    let needed = |words: &mut Words<'_>| -> Result<Word, Diagnostic> {
        let message = format!(
            "'{keyword}' : '{kind}' expects at the name keyword as first argument followed by a pattern."
        );
        words.next().cloned().ok_or_else(|| missing(words, message))
    };
    let method = if words.take_if("-m") { Some(needed(words)?) } else { None };
    let word = needed(words)?;
    let text = if format { plain(&word)? } else { word.bytes().to_vec() };
    let Some(method) = method else { return Ok(Match::Exact(text)) };
    Ok(match method.str().as_ref() {
        "str" => Match::Exact(text),
        "beg" => Match::Begin(text),
        "end" => Match::End(text),
        "sub" => Match::Sub(text),
        "reg" => Match::Regex(regex(ctx, &word)?),
        _ => {
            let message = format!("'{keyword}' : '{kind}' : unknown matching method '{method}'.");
            return Err(Diagnostic::error("bad-choice", message, method.span));
        }
    })
}

fn regex(ctx: &Ctx<'_>, word: &Word) -> Result<Regex, Diagnostic> {
    // Bytes, not characters: an answer need not be text.
    Regex::new(&format!("(?-u){}", word.str())).map_err(|error| {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let message = format!("'{}' : regex '{word}' is invalid (error={why})", ctx.keyword);
        Diagnostic::error("bad-regex", message, word.span)
    })
}

/// Pairs of hexadecimal digits.
fn hex(text: &[u8]) -> Result<Vec<u8>, String> {
    if !text.len().is_multiple_of(2) {
        return Err("invalid binary string (an even number of hex digit is expected).".to_owned());
    }
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    text.chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        })
        .map(|byte| byte.ok_or_else(|| "invalid binary string (an hex digit is expected).".to_owned()))
        .collect()
}

fn tcp_send(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let message = format!("'{}' : 'string' expects a send as argument.", ctx.keyword);
    let word = words.next().ok_or_else(|| missing(words, message))?;
    let bytes = if ctx.keyword == "tcp-check send-lf" { plain(word)? } else { word.bytes().to_vec() };
    sent(p, ctx, words, bytes)
}

fn tcp_send_binary(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let message = format!("'{}' : 'binary string' expects a send-binary as argument.", ctx.keyword);
    let word = words.next().ok_or_else(|| missing(words, message))?;
    let text = if ctx.keyword == "tcp-check send-binary-lf" { plain(word)? } else { word.bytes().to_vec() };
    let bytes = hex(&text).map_err(|why| {
        Diagnostic::error("bad-pattern", format!("'{}' : '{word}' {why}", ctx.keyword), word.span)
    })?;
    sent(p, ctx, words, bytes)
}

fn sent(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, bytes: Vec<u8>) -> Outcome {
    let comment = match words.next() {
        None => None,
        Some(word) if word.is("comment") => Some(string(ctx, words, "comment")?.str().into_owned()),
        Some(word) => {
            let message = format!("'{}' : expects 'comment' but got '{word}' as argument.", ctx.keyword);
            return Err(Diagnostic::error("bad-choice", message, word.span));
        }
    };
    tcp_step(p, ctx, Step::Send { bytes, comment })
}

/// At a section's end: the script.
pub(crate) fn end(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    let checks = std::mem::take(&mut p.checks);
    let http = &checks.http;
    let http_lines = http.own && (!http.steps.is_empty() || http.request.place.is_some());
    let tcp_lines = checks.own_tcp && !checks.tcp.is_empty();
    let (is_http, is_tcp) = (matches!(checks.kind, Kind::Http), matches!(checks.kind, Kind::Tcp));
    for (kind, option, unused) in
        [("http-check", "httpchk", http_lines && !is_http), ("tcp-check", "tcp-check", tcp_lines && !is_tcp)]
    {
        if unused && p.is_back() {
            let message = format!(
                "{} uses {kind} rules without 'option {option}', so the rules are ignored.",
                p.title()
            );
            ctx.warn("unused-rules", message, p.proxy.span);
        }
    }
    let opening = Connect::default();
    let script = match checks.kind {
        Kind::Connection => Script::connect(opening),
        Kind::Preset(script) => *script,
        Kind::Tcp => Script::tcp_rules(opening, checks.tcp),
        Kind::Http => Script::http_rules(opening, checks.http.into_steps()),
    };
    p.back.check = CheckPlan { script, send_state: checks.send_state };
}

impl HttpRules {
    fn into_steps(self) -> Vec<Step> {
        let mut steps = self.steps;
        let after_opening = steps
            .iter()
            .position(|step| !matches!(step, Step::Connect(_) | Step::Comment(_)))
            .unwrap_or(steps.len());
        let place = self.request.place.unwrap_or(after_opening).min(steps.len());
        let mut request = HttpRequest::default();
        self.request.fill(&mut request);
        steps.insert(place, Step::Request(request));
        steps
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{load_text, says};

    #[test]
    fn scripts() {
        let mut text =
            "defaults\n mode http\n option httpchk GET /d\n http-check expect string bar\n".to_owned();
        for (n, lines) in [
            "retries 1",
            "option httpchk",
            "option httpchk /only",
            "option httpchk PUT /o HTTP/1.1\\r\\nHost:\\ h\n http-check send hdr X y",
            "http-check expect ! status 200-299,404",
            "http-check send meth PUT body b",
            "option httpchk\n http-check connect\n http-check send uri /1\n http-check expect rstatus ^2\n http-check connect port 81 linger\n \
             http-check send meth GET uri /2\n http-check expect hdr name -m beg a value b comment c",
            "option tcp-check\n tcp-check connect\n tcp-check send PING\\r\\n comment p\n tcp-check send-binary 0a0D\n \
             tcp-check expect min-recv 5 error-status L7STS on-error no rstring ^OK\n tcp-check expect binary 0a\n http-check send-state",
            "option tcp-check",
            "option redis-check",
            "option smtpchk EHLO a",
            "option pgsql-check user u",
            "http-check disable-on-404\n http-check send-state",
        ]
        .into_iter()
        .enumerate()
        {
            text.push_str(&format!("backend b{n}\n {lines}\n"));
        }
        let (plan, said) = load_text(&text);
        let mut got = said;
        for p in plan.iter().flat_map(|plan| &plan.proxies) {
            let back = p.back.as_ref().expect("all are backends");
            got.push_str(&format!(
                "{} {:?} {} {}\n",
                p.name, back.check.script.family, back.disable_on_404, back.check.send_state
            ));
            for step in &back.check.script.steps {
                let step = format!("{step:?}").replace("None", "-");
                got.push_str(&format!("  {}\n", step.chars().take(150).collect::<String>()));
            }
        }
        expect![[r#"
            W 12:24 obsolete-form: 'option httpchk' : hiding headers or body at the end of the version string is deprecated.
            b0 HttpCheck false false
              Request(HttpRequest { method: [71, 69, 84], uri: [47, 100], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: - })
              Expect(Expect { pattern: Text([98, 97, 114]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -,
            b1 HttpCheck false false
              Request(HttpRequest { method: [79, 80, 84, 73, 79, 78, 83], uri: [47], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: - })
              Expect(Expect { pattern: Status([(200, 399)]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -
            b2 HttpCheck false false
              Request(HttpRequest { method: [79, 80, 84, 73, 79, 78, 83], uri: [47, 111, 110, 108, 121], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], bod
              Expect(Expect { pattern: Status([(200, 399)]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -
            b3 HttpCheck false false
              Request(HttpRequest { method: [80, 85, 84], uri: [47, 111], version: [72, 84, 84, 80, 47, 49, 46, 49], headers: [([88], [121])], body: [], comment: - 
              Expect(Expect { pattern: Status([(200, 399)]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -
            b4 HttpCheck false false
              Request(HttpRequest { method: [71, 69, 84], uri: [47, 100], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: - })
              Expect(Expect { pattern: Status([(200, 299), (404, 404)]), negate: true, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on
            b5 HttpCheck false false
              Request(HttpRequest { method: [80, 85, 84], uri: [47], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [98], comment: - })
              Expect(Expect { pattern: Status([(200, 399)]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -
            b6 HttpCheck false false
              Connect(Connect { port: -, tls: false, send_proxy: false, linger: false, comment: - })
              Request(HttpRequest { method: [79, 80, 84, 73, 79, 78, 83], uri: [47, 49], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: 
              Expect(Expect { pattern: StatusRegex(Regex("(?-u)^2")), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_s
              Connect(Connect { port: Some(81), tls: false, send_proxy: false, linger: true, comment: - })
              Request(HttpRequest { method: [71, 69, 84], uri: [47, 50], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: - })
              Expect(Expect { pattern: Header { name: Begin([97]), value: Some(Exact([98])), full: false }, negate: false, min_recv: -, comment: Some("c"), ok_statu
            b7 TcpCheck false true
              Connect(Connect { port: -, tls: false, send_proxy: false, linger: false, comment: - })
              Send { bytes: [80, 73, 78, 71, 13, 10], comment: Some("p") }
              Send { bytes: [10, 13], comment: - }
              Expect(Expect { pattern: Regex(Regex("(?-u)^OK")), negate: false, min_recv: Some(5), comment: -, ok_status: -, error_status: Some(L7Status), timeout_s
              Expect(Expect { pattern: Binary([10]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -, on_err
            b8 TcpCheck false false
            b9 Plain false false
              Send { bytes: [42, 49, 13, 10, 36, 52, 13, 10, 80, 73, 78, 71, 13, 10], comment: - }
              Expect(Expect { pattern: Text([43, 80, 79, 78, 71, 13, 10]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: Some(L7Status), timeo
            b10 Plain false false
              Comment("")
              Expect(Expect { pattern: Regex(Regex("(?-u)^[0-9]{3}[ \\r]")), negate: false, min_recv: Some(4), comment: -, ok_status: -, error_status: Some(L7Respon
              Expect(Expect { pattern: Regex(Regex("(?-u)^2[0-9]{2}[ \\r]")), negate: false, min_recv: Some(4), comment: -, ok_status: -, error_status: Some(L7Statu
              Send { bytes: [69, 72, 76, 79, 32, 97, 13, 10], comment: - }
              Expect(Expect { pattern: Regex(Regex("(?-u)^(?:2[0-9]{2}-[^\\n]*\\n)*2[0-9]{2}[ \\r]")), negate: false, min_recv: -, comment: -, ok_status: -, error_s
              Send { bytes: [81, 85, 73, 84, 13, 10], comment: - }
              Expect(Expect { pattern: Regex(Regex("(?-u)^2[0-9]{2}[- \\r]")), negate: false, min_recv: Some(4), comment: -, ok_status: -, error_status: Some(L7Stat
            b11 Plain false false
              Send { bytes: [0, 0, 0, 16, 0, 3, 0, 0, 117, 115, 101, 114, 0, 117, 0, 0], comment: - }
              Expect(Expect { pattern: Regex(Regex("(?-u)^E")), negate: true, min_recv: Some(5), comment: -, ok_status: -, error_status: Some(L7Response), timeout_s
              Expect(Expect { pattern: Regex(Regex("(?s-u)^R\\x00\\x00\\x00[\\x08-\\xff]\\x00\\x00\\x00")), negate: false, min_recv: Some(9), comment: -, ok_status:
            b12 HttpCheck true true
              Request(HttpRequest { method: [71, 69, 84], uri: [47, 100], version: [72, 84, 84, 80, 47, 49, 46, 48], headers: [], body: [], comment: - })
              Expect(Expect { pattern: Text([98, 97, 114]), negate: false, min_recv: -, comment: -, ok_status: -, error_status: -, timeout_status: -, on_success: -,
        "#]].assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "backend b\n mode http\n option httpchk GET / HTTP/1.1 x\n http-check\n http-check foo\n http-check comment\n http-check disable-on-404 x\n \
             http-check send foo\n http-check send meth\n http-check send hdr a\n http-check send uri-lf %[src]\n http-check expect\n \
             http-check expect foo\n http-check expect status\n http-check expect status 2x\n http-check expect rstatus (\n \
             http-check expect string a b\n http-check expect hdr name\n http-check expect ok-status FOO string a\n http-check expect binary aa\n \
             http-check connect port 0\n http-check connect foo\n http-check connect ssl\n http-check set-var(check.a) int(1)\n \
             http-check send\n http-check send\n http-check connect\nbackend c\n option tcp-check\n tcp-check\n tcp-check foo\n tcp-check send\n \
             tcp-check send a b\n tcp-check send-binary 0\n tcp-check send-binary zz\n tcp-check expect string a string b\n \
             tcp-check expect status 200\n tcp-check expect string a comment\n tcp-check send a\n tcp-check connect\n option mysql-check\n \
             option pgsql-check\nbackend d\n http-check expect status 200\n tcp-check connect\n",
            expect![[r#"
                E 3:32 surplus-argument: 'option httpchk' cannot handle unexpected argument 'x'
                E 4:12 unknown-keyword: 'http-check' expects one of 'comment', 'connect', 'disable-on-404', 'expect', 'send', 'send-state', 'set-var', 'set-var-fmt', 'unset-var' as argument
                E 5:13 unknown-keyword: 'http-check' only supports 'comment', 'connect', 'disable-on-404', 'expect', 'send', 'send-state', 'set-var', 'set-var-fmt', 'unset-var' (got 'foo')
                E 6:20 missing-argument: 'http-check comment' : expects a string as argument.
                E 7:28 surplus-argument: 'http-check disable-on-404' cannot handle unexpected argument 'x'
                E 8:18 bad-choice: 'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got 'foo' as argument.
                E 9:22 missing-argument: 'http-check send' : 'meth' expects a string as argument.
                E 10:23 missing-argument: 'http-check send' : 'hdr' expects <name> and <value> as arguments.
                E 11:25 refused: 'a format in a check' cannot be used: not built yet: formats in checks
                E 12:19 missing-argument: 'http-check expect' : expects at least a matching pattern as arguments.
                E 13:20 bad-choice: 'http-check expect' : only supports min-recv, '[!]status', '[!]rstatus', '[!]string', '[!]rstring', '[!]string-lf', '[!]hdr', '[!]fhdr' or comment but got 'foo' as argument.
                E 14:26 missing-argument: 'http-check expect' : 'status' expects a <pattern> as argument.
                E 15:27 bad-pattern: 'http-check expect' : invalid character 'x' in the list of status codes.
                E 16:28 bad-regex: 'http-check expect' : regex '(' is invalid (error=unclosed group)
                E 17:29 bad-choice: 'http-check expect' : only supports min-recv, '[!]status', '[!]rstatus', '[!]string', '[!]rstring', '[!]string-lf', '[!]hdr', '[!]fhdr' or comment but got 'b' as argument.
                E 18:28 missing-argument: 'http-check expect' : 'hdr' expects at the name keyword as first argument followed by a pattern.
                E 19:30 bad-choice: 'http-check expect' : 'ok-status' only supports 'L4OK', 'L6OK', 'L7OK', 'L7OKC' status (got 'FOO').
                E 20:20 bad-choice: 'http-check expect' : only supports min-recv, '[!]status', '[!]rstatus', '[!]string', '[!]rstring', '[!]string-lf', '[!]hdr', '[!]fhdr' or comment but got 'binary' as argument.
                E 21:26 bad-number: 'http-check connect' : expects a port number from 1 to 65535, not '0'.
                E 22:21 bad-choice: 'http-check connect' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', 'default' but got 'foo' as argument.
                E 23:21 refused: 'http-check connect ssl' cannot be used: not built yet: TLS
                E 24:2 refused: 'http-check set-var' cannot be used: not built yet: variables in checks
                E 26:2 bad-check: 'http-check send' : unable to add http-check send rule at step 2 (missing connect rule).
                E 27:2 bad-check: 'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.
                E 30:11 unknown-keyword: 'tcp-check' expects one of 'comment', 'connect', 'expect', 'send', 'send-binary', 'send-binary-lf', 'send-lf', 'set-var', 'set-var-fmt', 'unset-var' as argument
                E 31:12 unknown-keyword: 'tcp-check' only supports 'comment', 'connect', 'expect', 'send', 'send-binary', 'send-binary-lf', 'send-lf', 'set-var', 'set-var-fmt', 'unset-var' (got 'foo')
                E 32:16 missing-argument: 'tcp-check send' : 'string' expects a send as argument.
                E 33:19 bad-choice: 'tcp-check send' : expects 'comment' but got 'b' as argument.
                E 34:24 bad-pattern: 'tcp-check send-binary' : '0' invalid binary string (an even number of hex digit is expected).
                E 35:24 bad-pattern: 'tcp-check send-binary' : 'zz' invalid binary string (an hex digit is expected).
                E 36:28 bad-check: 'tcp-check expect' : only on pattern expected.
                E 37:19 bad-choice: 'tcp-check expect' : only supports min-recv, '[!]string', '[!]rstring', '[!]string-lf', '[!]binary', '[!]rbinary', '[!]binary-lf' or comment but got 'status' as argument.
                E 38:35 missing-argument: 'tcp-check expect' : 'comment' expects a string as argument.
                E 40:2 bad-check: 'tcp-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.
                E 41:2 refused: 'option mysql-check' cannot be used: not built yet: MySQL checks
                E 42:20 missing-argument: 'option pgsql-check' expects 'user <username>' as argument.
                W 43:1 unused-rules: backend 'd' uses http-check rules without 'option httpchk', so the rules are ignored.
                W 43:1 unused-rules: backend 'd' uses tcp-check rules without 'option tcp-check', so the rules are ignored.
            "#]],
        );
    }
}
