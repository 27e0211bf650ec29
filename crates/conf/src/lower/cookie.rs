//! Keywords: `cookie`, `dynamic-cookie-key`.

use std::time::Duration;

use evenkeel_base::time::{TimeError, Unit, parse_time};
use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_plan::{CookieMode, CookiePersistence};

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("cookie", Sections::BACK, cookie, "Clients keep their server by a cookie.")
        .example("cookie SRV insert indirect nocache"),
    Keyword::proxy(
        "dynamic-cookie-key",
        Sections::BACK,
        |p, ctx, words| {
            p.cookie_key = args::word(ctx, words, "<secret_key>")?.bytes().to_vec();
            Ok(())
        },
        "The secret that dynamic cookies are made with.",
    )
    .example("dynamic-cookie-key s3cret"),
];

const OPTIONS: &str = "'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr'";

fn cookie(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = args::word(ctx, words, "<cookie_name>")?;
    let mut cookie = CookiePersistence {
        name: name.bytes().to_vec(),
        mode: CookieMode::Passive,
        indirect: false,
        nocache: false,
        postonly: false,
        preserve: false,
        httponly: false,
        secure: false,
        domains: Vec::new(),
        maxidle: None,
        maxlife: None,
        attrs: Vec::new(),
        dynamic: None,
    };
    let mut modes = 0;
    while let Some(word) = words.next() {
        let mut mode = |mode| {
            cookie.mode = mode;
            modes += 1;
        };
        match word.str().as_ref() {
            "rewrite" => mode(CookieMode::Rewrite),
            "insert" => mode(CookieMode::Insert),
            "prefix" => mode(CookieMode::Prefix),
            "indirect" => cookie.indirect = true,
            "nocache" => cookie.nocache = true,
            "postonly" => cookie.postonly = true,
            "preserve" => cookie.preserve = true,
            "httponly" => cookie.httponly = true,
            "secure" => cookie.secure = true,
            "dynamic" => cookie.dynamic = Some(Vec::new()),
            "domain" => {
                let domain = value(words, "'domain' expects <domain> as argument.")?;
                cookie.domains.push(checked_domain(domain, ctx)?);
            }
            "maxidle" => cookie.maxidle = Some(seconds(words, "maxidle", "<idletime>")?),
            "maxlife" => cookie.maxlife = Some(seconds(words, "maxlife", "<lifetime>")?),
            "attr" => {
                let attr = value(words, "'attr' expects <value> as argument.")?;
                if let Some(bad) = attr.bytes().iter().find(|b| **b < b' ' || **b == b';') {
                    let message = format!("character '%x{bad:02X}' is not permitted in attribute value.");
                    return Err(Diagnostic::error("bad-cookie", message, attr.span));
                }
                cookie.attrs.push(attr.str().into_owned());
            }
            _ => {
                let message = format!("'cookie' supports {OPTIONS} options.");
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
        }
    }
    let clash = |message: &str| Diagnostic::error("bad-cookie", message, ctx.at.to(words.last_span()));
    if modes > 1 {
        return Err(clash("cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
    }
    if cookie.mode == CookieMode::Rewrite && (cookie.indirect || cookie.dynamic.is_some()) {
        return Err(clash("cookie 'rewrite' and 'indirect' modes are incompatible."));
    }
    if cookie.preserve && cookie.mode != CookieMode::Insert && !cookie.indirect {
        return Err(clash("cookie 'preserve' requires at least 'insert' or 'indirect'."));
    }
    p.back.cookie = Some(cookie);
    Ok(())
}

fn value<'a>(words: &mut Words<'a>, message: &str) -> Result<&'a Word, Diagnostic> {
    let place = words.last_span().after();
    words.next().ok_or_else(|| Diagnostic::error("missing-argument", message, place))
}

fn checked_domain(word: &Word, ctx: &mut Ctx<'_>) -> Result<String, Diagnostic> {
    let domain = word.str();
    if let Some(bad) =
        domain.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')))
    {
        let message = format!("character '{bad}' is not permitted in domain name '{domain}'.");
        return Err(Diagnostic::error("bad-cookie", message, word.span));
    }
    if !domain.contains('.') {
        let message = format!(
            "domain '{domain}' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3)."
        );
        ctx.warn("doubtful-domain", message, word.span);
    }
    Ok(domain.into_owned())
}

fn seconds(words: &mut Words<'_>, name: &str, what: &str) -> Result<Duration, Diagnostic> {
    let word = value(words, &format!("'{name}' expects {what} in seconds as argument."))?;
    let text = word.str();
    parse_time(&text, Unit::Seconds).map_err(|error| {
        let message = match error {
            TimeError::Unexpected(at) => {
                let bad = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
                format!("unexpected character '{bad}' in argument to <{name}>.")
            }
            TimeError::Empty => format!("'{name}' expects {what} in seconds as argument."),
            TimeError::TooLong => format!("timer overflow in argument <{word}> to <{name}>"),
        };
        Diagnostic::error("bad-time", message, word.span)
    })
}

/// At a section's end.
pub(crate) fn end(p: &mut ProxyDraft, _: &mut Ctx<'_>) {
    if let Some(dynamic) = p.back.cookie.as_mut().and_then(|cookie| cookie.dynamic.as_mut()) {
        dynamic.clone_from(&p.cookie_key);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn all_words() {
        let plan = plan_of(
            "backend b\n mode http\n cookie SRV insert indirect nocache postonly preserve httponly secure domain .a.b domain .c.d \
             maxidle 10m maxlife 3600 attr SameSite=None dynamic\n dynamic-cookie-key k\n",
        );
        expect![[r#"Some(CookiePersistence { name: [83, 82, 86], mode: Insert, indirect: true, nocache: true, postonly: true, preserve: true, httponly: true, secure: true, domains: [".a.b", ".c.d"], maxidle: Some(600s), maxlife: Some(3600s), attrs: ["SameSite=None"], dynamic: Some([107]) })"#]]
            .assert_eq(&format!("{:?}", plan.proxies[0].back.as_ref().and_then(|b| b.cookie.as_ref())));
    }

    #[test]
    fn faults() {
        says(
            "backend b\n cookie\n cookie a foo\n cookie a insert rewrite\n cookie a domain\n cookie a domain foo\n cookie a maxidle\n \
             cookie a maxidle 10x\n cookie a attr\n cookie a attr \"x;y\"\n cookie a rewrite indirect\n cookie a preserve\n \
             cookie a domain \"a b.c\"\n cookie a\n dynamic-cookie-key\nfrontend f\n cookie a insert\n",
            expect![[r#"
                W 1:1 needs-http: cookie will be ignored for backend 'b' (needs 'mode http').
                E 2:8 missing-argument: 'cookie' expects <cookie_name> as argument
                E 3:11 bad-choice: 'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.
                E 4:2 bad-cookie: cookie 'rewrite', 'insert' and 'prefix' modes are incompatible.
                E 5:17 missing-argument: 'domain' expects <domain> as argument.
                W 6:18 doubtful-domain: domain 'foo' contains no embedded dot, this configuration may not work properly (see RFC6265#5.2.3).
                E 7:18 missing-argument: 'maxidle' expects <idletime> in seconds as argument.
                E 8:19 bad-time: unexpected character 'x' in argument to <maxidle>.
                E 9:15 missing-argument: 'attr' expects <value> as argument.
                E 10:16 bad-cookie: character '%x3B' is not permitted in attribute value.
                E 11:2 bad-cookie: cookie 'rewrite' and 'indirect' modes are incompatible.
                E 12:2 bad-cookie: cookie 'preserve' requires at least 'insert' or 'indirect'.
                E 13:18 bad-cookie: character ' ' is not permitted in domain name 'a b.c'.
                E 15:20 missing-argument: 'dynamic-cookie-key' expects <secret_key> as argument
                W 16:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 16:1 missing-timeouts: missing timeouts for frontend 'f'.
                W 17:2 misplaced-keyword: 'cookie' ignored because frontend 'f' has no backend capability.
            "#]],
        );
    }
}
