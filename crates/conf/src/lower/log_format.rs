//! Keywords: what log lines look like: `option httplog` and its kin, `log-format`, `error-log-format`,
//! `log-format-sd`; and expressions on their own.

use evenkeel_base::{Diagnostic, Span, Word, Words};
use evenkeel_expr::{Builtin, Expr, LogFormat, Place, Use};
use evenkeel_plan::{BalanceKey, Mode};

use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "error-log-format",
        Sections::ANY,
        |p, ctx, words| {
            let format = one_format(p, ctx, words)?;
            p.traffic.error_format = format.or(p.traffic.error_format.take());
            Ok(())
        },
        "The line of connections that failed before an exchange.",
    )
    .example("error-log-format %ci"),
    Keyword::proxy(
        "log-format",
        Sections::ANY,
        |p, ctx, words| {
            if let Some(format) = one_format(p, ctx, words)? {
                p.traffic.line = Line::Own(format);
            }
            Ok(())
        },
        "The line of each exchange.",
    )
    .example("log-format %ci:%cp\\ %ST"),
    Keyword::proxy(
        "log-format-sd",
        Sections::ANY,
        |p, ctx, words| {
            let format = one_format(p, ctx, words)?;
            p.traffic.sd_format = format.or(p.traffic.sd_format.take());
            Ok(())
        },
        "The structured data of lines in the form of RFC 5424.",
    )
    .example("log-format-sd [x@1\\ bytes=\\\"%B\\\"]"),
    Keyword::proxy("option httplog", Sections::ANY, httplog, "Lines with all that is known of an exchange.")
        .example("option httplog clf"),
    Keyword::proxy(
        "option httpslog",
        Sections::ANY,
        |p, ctx, _| builtin(p, ctx, Builtin::Https),
        "The same with what is known of TLS.",
    ),
    Keyword::proxy(
        "option tcplog",
        Sections::ANY,
        |p, ctx, _| builtin(p, ctx, Builtin::Tcp),
        "Lines with all that is known of a connection.",
    ),
];

/// Which line.
#[derive(Clone, Default)]
enum Line {
    /// None was named.
    #[default]
    Unsaid,
    /// An option's.
    Builtin(Builtin, Span),
    /// `log-format`.
    Own(Word),
}

/// A section's lines while it is read. Formats are compiled at its end: they may use what comes later.
#[derive(Default)]
pub(crate) struct TrafficDraft {
    line: Line,
    error_format: Option<Word>,
    sd_format: Option<Word>,
}

/// True where the keyword has no place: backends don't log traffic.
fn in_backend(p: &ProxyDraft, ctx: &mut Ctx<'_>) -> bool {
    if p.is_front() {
        return false;
    }
    if !p.inherits {
        let message = format!("{} : '{}' directive is ignored in backends.", p.title(), ctx.keyword);
        ctx.warn("misplaced-keyword", message, ctx.at);
    }
    true
}

fn one_format(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
) -> Result<Option<Word>, Diagnostic> {
    let keyword = ctx.keyword;
    let place = words.last_span().after();
    let word = words.next().ok_or_else(|| {
        Diagnostic::error("missing-argument", format!("{keyword} expects an argument."), place)
    })?;
    if let Some(extra) = words.peek() {
        let message = format!("{keyword} expects only one argument, don't forget to escape spaces!");
        return Err(Diagnostic::error("surplus-argument", message, extra.span));
    }
    Ok((!in_backend(p, ctx)).then(|| word.clone()))
}

fn httplog(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let line = match words.next() {
        None => Builtin::Http,
        Some(word) if word.is("clf") => Builtin::HttpClf,
        Some(word) => {
            let message = "keyword 'httplog' only supports option 'clf'.";
            return Err(Diagnostic::error("bad-choice", message, word.span));
        }
    };
    builtin(p, ctx, line)
}

fn builtin(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, line: Builtin) -> Outcome {
    if !in_backend(p, ctx) {
        p.traffic.line = Line::Builtin(line, ctx.at);
    }
    Ok(())
}

/// At a section's end.
pub(crate) fn end(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    let traffic = std::mem::take(&mut p.traffic);
    if !p.is_front() {
        return;
    }
    p.proxy.log.format = match traffic.line {
        Line::Unsaid => None,
        Line::Own(word) => compiled(ctx, &word),
        Line::Builtin(line, span) => {
            let fits = p.proxy.mode == Mode::Http || line == Builtin::Tcp;
            if !fits {
                let option = if line == Builtin::Https { "httpslog" } else { "httplog" };
                let message = format!(
                    "'option {option}' not usable with {} (needs 'mode http'). Falling back to 'option tcplog'.",
                    p.title()
                );
                ctx.warn("needs-http", message, span);
            }
            let line = if fits { line } else { Builtin::Tcp };
            line.compile(&mut ctx.names).map_err(|fault| ctx.report(fault)).ok()
        }
    };
    p.proxy.log.error_format = traffic.error_format.and_then(|word| compiled(ctx, &word));
    p.proxy.log.sd_format = traffic.sd_format.and_then(|word| compiled(ctx, &word));
}

fn compiled(ctx: &mut Ctx<'_>, word: &Word) -> Option<LogFormat> {
    match LogFormat::parse(word, &mut ctx.names, Use::Log) {
        Ok(format) => {
            format.check(Place::Log).into_iter().for_each(|fault| ctx.report(fault));
            Some(format)
        }
        Err(fault) => {
            ctx.report(fault);
            None
        }
    }
}

/// `balance hash <expression>`.
pub(crate) fn hash_key(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<BalanceKey, Diagnostic> {
    if words.is_empty() {
        let message = "balance hash requires a sample expression.";
        return Err(Diagnostic::error("missing-argument", message, words.last_span().after()));
    }
    let expr = Expr::parse_words(words, &mut ctx.names)?;
    expr.check(Place::BackendRequest).into_iter().for_each(|fault| ctx.report(fault));
    Ok(BalanceKey::Expr(Box::new(expr)))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{load_text, says};

    #[test]
    fn lines_and_fallbacks() {
        let (plan, said) = load_text(
            "defaults\n mode http\n log 127.0.0.1 local0\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n option httplog\n\
             frontend a\n bind :80\nfrontend b\n bind :81\n mode tcp\nlisten c\n bind :82\n log-format %ci\\ %[dst]\n error-log-format %cp\n \
             log-format-sd [a@1]\nfrontend d\n bind :83\n option httplog clf\n option tcplog\nbackend e\n option httplog\n log-format %ci\n",
        );
        let mut got = said;
        for p in plan.iter().flat_map(|plan| &plan.proxies) {
            let log = &p.log;
            got.push_str(&format!(
                "{} {:?} {} {} dst {:?}\n",
                p.name,
                log.format.as_ref().map(|f| (f.uses_alias("ST"), f.uses_alias("ts"), f.uses_alias("ci"))),
                log.error_format.is_some(),
                log.sd_format.is_some(),
                p.front.as_ref().map(|f| f.needs_dst)
            ));
        }
        expect![[r#"
            W 7:2 needs-http: 'option httplog' not usable with frontend 'b' (needs 'mode http'). Falling back to 'option tcplog'.
            W 23:2 misplaced-keyword: backend 'e' : 'option httplog' directive is ignored in backends.
            W 24:2 misplaced-keyword: backend 'e' : 'log-format' directive is ignored in backends.
            a Some((true, false, true)) false false dst Some(true)
            b Some((false, true, true)) false false dst Some(true)
            c Some((false, false, true)) true true dst Some(true)
            d Some((false, true, true)) false false dst Some(true)
            e None false false dst None
        "#]].assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "listen l\n bind :80\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n log 127.0.0.1 local0\n option httplog foo\n \
             option tcplog x\n log-format\n log-format a b\n error-log-format\nlisten m\n bind :81\n timeout client 1s\n timeout server 1s\n \
             timeout connect 1s\n log-format %foo\nlisten n\n bind :82\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n log-format %[foo]\n \
             balance hash\n balance hash foo\n balance hash src\n",
            expect![[r#"
                E 7:17 bad-choice: keyword 'httplog' only supports option 'clf'.
                E 8:16 surplus-argument: 'option tcplog' cannot handle unexpected argument 'x'
                E 9:12 missing-argument: log-format expects an argument.
                E 10:15 surplus-argument: log-format expects only one argument, don't forget to escape spaces!
                E 11:18 missing-argument: error-log-format expects an argument.
                E 17:13 unknown-alias: there is no log variable `%foo`
                E 23:15 unknown-fetch: `foo` is no sample fetch
                E 24:14 missing-argument: balance hash requires a sample expression.
                E 25:15 unknown-fetch: `foo` is no sample fetch
            "#]],
        );
    }
}
