//! Keywords: `HTTP_GET`, `SSL_GET` and their `url` blocks.

use evenkeel_base::Words;
use evenkeel_plan::keeper::lvs::HttpProtocol;

use super::checker::open;
use super::draft::{HttpDraft, KindDraft, UrlDraft};
use super::pace;
use crate::keepalived::Finding;
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, Outcome, no_end};

/// Largest offset into an answer.
const OFFSET_MAX: i64 = i32::MAX as i64;

/// `regex_options` that there are (manual, HTTP_GET).
const REGEX_OPTIONS: &[&str] = &[
    "allow_empty_class",
    "alt_bsux",
    "auto_callout",
    "caseless",
    "dollar_endonly",
    "dotall",
    "dupnames",
    "extended",
    "firstline",
    "match_unset_backref",
    "multiline",
    "never_ucp",
    "never_utf",
    "no_auto_capture",
    "no_auto_possess",
    "no_dotstar_anchor",
    "no_start_optimize",
    "ucp",
    "ungreedy",
    "utf",
    "never_backslash_c",
    "alt_circumflex",
    "alt_verbnames",
    "use_offset_limit",
];

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "HTTP_GET",
        Block::RealServer,
        CHECKER,
        "",
        (Block::HttpGet, |d, c, _| open(d, c, KindDraft::Http(HttpDraft::default())), no_end),
        "Up while it answers requests as wanted.",
    )
    .example("HTTP_GET { url { path / } }"),
    Keyword::block(
        "SSL_GET",
        Block::RealServer,
        CHECKER,
        "",
        (
            Block::HttpGet,
            |d, c, _| open(d, c, KindDraft::Http(HttpDraft { tls: true, ..HttpDraft::default() })),
            no_end,
        ),
        "Likewise over TLS.",
    )
    .example("SSL_GET { url { path / } }"),
    Keyword::line(
        "nb_get_retry",
        Block::HttpGet,
        CHECKER,
        "<number>",
        pace::old_retry,
        "The old word for `retry`.",
    )
    .example("nb_get_retry 3")
    .obsolete("retry"),
    Keyword::line(
        "virtualhost",
        Block::HttpGet,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            if let Some(checker) = d.lvs.checker() {
                checker.virtualhost = Some(name);
            }
            Ok(())
        },
        "The Host of all its requests.",
    )
    .example("virtualhost www.example.net"),
    Keyword::line(
        "http_protocol",
        Block::HttpGet,
        CHECKER,
        "1.0|1.0C|1.1",
        protocol,
        "The version of the requests.",
    )
    .example("http_protocol 1.1"),
    Keyword::line(
        "fast_recovery",
        Block::HttpGet,
        CHECKER,
        "[<bool>]",
        fast_recovery,
        "No pause between its URLs when it recovers.",
    )
    .example("fast_recovery"),
    Keyword::refused(
        "sni_name",
        Block::HttpGet,
        CHECKER,
        "NAME",
        "not built yet: a name of its own for the TLS handshake",
        "The name in the TLS handshake.",
    )
    .example("sni_name www.example.org"),
    Keyword::line(
        "enable_sni",
        Block::HttpGet,
        CHECKER,
        "",
        |d, _, _| sni(d),
        "The host's name goes into the TLS handshake.",
    ),
    Keyword::line(
        "tls_compliant",
        Block::HttpGet,
        CHECKER,
        "",
        |d, _, _| {
            if let Some(http) = d.lvs.http() {
                http.compliant = true;
            }
            Ok(())
        },
        "An end of the connection without TLS's own end is a failure (2.3).",
    ),
    Keyword::block("url", Block::HttpGet, CHECKER, "", (Block::Url, open_url, no_end), "One request.")
        .example("url { path / status_code 200 }"),
    Keyword::line("path", Block::Url, CHECKER, "<path>", path, "Its path.").example("path /health"),
    Keyword::line("digest", Block::Url, CHECKER, "<md5>", digest, "What genhash says of the answer's body.")
        .example("digest 9b3a0c85a887a256d6939da88aabd8cd"),
    Keyword::line(
        "status_code",
        Block::Url,
        CHECKER,
        "<code>[-<code>] …",
        status,
        "Codes that are well; 200-299 if not said.",
    )
    .example("status_code 200-299 404"),
    Keyword::line("virtualhost", Block::Url, CHECKER, "<name>", url_host, "Its Host.")
        .example("virtualhost www.example.net"),
    Keyword::line("regex", Block::Url, CHECKER, "<expression>", regex, "What the answer must contain.")
        .example("regex well"),
    Keyword::line(
        "regex_no_match",
        Block::Url,
        CHECKER,
        "",
        |d, _, _| with(d, |u| u.regex.no_match = true),
        "What the answer must not contain.",
    ),
    Keyword::line(
        "regex_options",
        Block::Url,
        CHECKER,
        "<option> …",
        regex_options,
        "How the expression is meant.",
    )
    .example("regex_options caseless"),
    Keyword::line("regex_stack", Block::Url, CHECKER, "<start> <max>", regex_stack, "The matcher's stack.")
        .example("regex_stack 32768 65536")
        .accepted("our matcher needs no stack of its own"),
    Keyword::line(
        "regex_min_offset",
        Block::Url,
        CHECKER,
        "<bytes>",
        |d, c, w| offset(d, c, w, true),
        "Where the match may begin.",
    )
    .example("regex_min_offset 0"),
    Keyword::line(
        "regex_max_offset",
        Block::Url,
        CHECKER,
        "<bytes>",
        |d, c, w| offset(d, c, w, false),
        "Where the match must have begun.",
    )
    .example("regex_max_offset 4096"),
];

fn with(draft: &mut Draft, set: impl FnOnce(&mut UrlDraft)) -> Outcome {
    if let Some(url) = draft.lvs.url() {
        set(url);
    }
    Ok(())
}

fn protocol(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let protocol = match &*word.str() {
        "1.0" => HttpProtocol::V10,
        "1.0C" | "1.0c" => HttpProtocol::V10Close,
        "1.1" => HttpProtocol::V11,
        _ => {
            return Err(Finding::tolerated(
                "bad-protocol",
                format!("Invalid http_protocol version {word}"),
                word.span,
            )
            .note("1.0, 1.0C or 1.1"));
        }
    };
    if let Some(http) = draft.lvs.http() {
        http.protocol = protocol;
    }
    Ok(())
}

fn fast_recovery(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let on = ctx.switch(words, true)?;
    if let Some(http) = draft.lvs.http() {
        http.fast_recovery = on;
    }
    Ok(())
}

fn sni(draft: &mut Draft) -> Outcome {
    if let Some(http) = draft.lvs.http() {
        http.sni = true;
    }
    Ok(())
}

fn open_url(draft: &mut Draft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    let span = ctx.at;
    if let Some(http) = draft.lvs.http() {
        http.urls.push(UrlDraft { span, ..UrlDraft::default() });
    }
    Ok(())
}

fn path(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    if !word.str().starts_with('/') {
        ctx.report(
            Finding::remark(
                "relative-path",
                format!("the path {word} does not begin with a slash"),
                word.span,
            )
            .note(format!("`/{word}`?")),
        );
    }
    let path = word.str().into_owned();
    with(draft, |u| u.path = Some(path))
}

fn digest(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let text = word.str();
    if text.len() != 32 {
        return Err(Finding::tolerated(
            "bad-digest",
            format!("digest '{text}' character length should be 32 rather than {}", text.len()),
            word.span,
        )
        .note("what genhash prints as MD5SUM"));
    }
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let pair = text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let Some(value) = pair else {
            return Err(Finding::tolerated(
                "bad-digest",
                format!("digest '{text}' contains non-hexadecimal characters"),
                word.span,
            )
            .note("what genhash prints as MD5SUM"));
        };
        *byte = value;
    }
    with(draft, |u| u.digest = Some(bytes))
}

fn status(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut ranges = Vec::new();
    let mut next = Some(ctx.need(words)?);
    while let Some(word) = next {
        let text = word.str();
        let (low, high) = text.split_once('-').unwrap_or((&text, &text));
        let code = |text: &str| text.parse::<u16>().ok().filter(|code| (100..=999).contains(code));
        match (code(low), code(high)) {
            (Some(low), Some(high)) if low <= high => ranges.push((low, high)),
            (Some(_) | None, Some(_) | None) => {
                return Err(Finding::tolerated(
                    "bad-status",
                    format!("Invalid HTTP_GET status code '{word}'"),
                    word.span,
                )
                .note("a code from 100 to 999, or a range such as 200-299"));
            }
        }
        next = words.next();
    }
    with(draft, |u| u.status.append(&mut ranges))
}

fn url_host(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = ctx.need(words)?.str().into_owned();
    with(draft, |u| u.virtualhost = Some(name))
}

fn regex(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let (pattern, at) = (word.str().into_owned(), word.span);
    if let Err(fault) = regex::Regex::new(&pattern) {
        let text = fault.to_string();
        let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        ctx.report(
            Finding::remark("bad-regex", format!("the expression '{pattern}' cannot be used: {why}"), at)
                .help("keepalived finds that out when the check first runs; the check then fails."),
        );
    }
    with(draft, |u| {
        u.regex.pattern = pattern;
        u.regex_at = Some(at);
    })
}

fn regex_options(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut options = Vec::new();
    let mut next = Some(ctx.need(words)?);
    while let Some(word) = next {
        if REGEX_OPTIONS.iter().any(|known| word.is(known)) {
            options.push(word.str().into_owned());
        } else {
            ctx.report(
                Finding::remark(
                    "unknown-option",
                    format!("`{word}` is no option of an expression"),
                    word.span,
                )
                .note(
                    evenkeel_base::near::nearest(&word.str(), REGEX_OPTIONS.iter().copied()).map_or_else(
                        || "see the manual of pcre2".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    ),
                ),
            );
        }
        next = words.next();
    }
    with(draft, |u| u.regex.options.append(&mut options))
}

fn regex_stack(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    for _ in 0..2 {
        let word = ctx.need(words)?;
        ctx.whole(word, 1, OFFSET_MAX)?;
    }
    Ok(())
}

fn offset(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, least: bool) -> Outcome {
    let word = ctx.need(words)?;
    let bytes = usize::try_from(ctx.whole(word, 0, OFFSET_MAX)?).unwrap_or(usize::MAX);
    with(draft, |u| if least { u.regex.min_offset = bytes } else { u.regex.max_offset = Some(bytes) })
}
