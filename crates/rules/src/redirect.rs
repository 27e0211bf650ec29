//! Redirects: `http-request redirect`, `http-response redirect` and the keyword `redirect`.

use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_expr::{Env, LogFormat};
use evenkeel_http::RequestHead;

use crate::registry::{Context, is_cond};
use crate::reply::Answer;

/// A redirect, compiled.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Where to.
    pub target: Target,
    /// 301, 302, 303, 307 or 308.
    pub code: u16,
    /// `drop-query`
    pub drop_query: bool,
    /// `keep-query`
    pub keep_query: bool,
    /// `append-slash`
    pub append_slash: bool,
    /// `ignore-empty`
    pub ignore_empty: bool,
    /// The value of a Set-Cookie field.
    pub cookie: Option<Box<[u8]>>,
}

/// How the Location field is made.
#[derive(Clone, Debug)]
pub enum Target {
    /// `location`: as it is.
    Location(Text),
    /// `prefix`: followed by path and query.
    Prefix(Text),
    /// `scheme`: followed by host, path and query.
    Scheme(Text),
}

/// Text that is known, or made per request.
#[derive(Clone, Debug)]
pub enum Text {
    /// As written (`redirect`).
    Fixed(Box<[u8]>),
    /// A log format (`http-request redirect`).
    Format(LogFormat),
}

/// What the target's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Fixed text.
    Fixed,
    /// A log format.
    Format,
}

/// Reads a redirect up to the condition.
pub fn parse(words: &mut Words<'_>, cx: &mut Context<'_>, style: Style) -> Result<Redirect, Diagnostic> {
    let place = words.last_span();
    let mut target = None;
    let mut redirect = Redirect {
        target: Target::Location(Text::Fixed(Box::default())),
        code: 302,
        drop_query: false,
        keep_query: false,
        append_slash: false,
        ignore_empty: false,
        cookie: None,
    };
    while let Some(word) = words.peek().filter(|w| !is_cond(w)) {
        words.next();
        match word.bytes() {
            b"location" => target = Some(Target::Location(text(words, cx, style)?)),
            b"prefix" => target = Some(Target::Prefix(text(words, cx, style)?)),
            b"scheme" => target = Some(Target::Scheme(text(words, cx, style)?)),
            b"code" => redirect.code = code(words.expect("a status")?)?,
            b"drop-query" => redirect.drop_query = true,
            b"keep-query" => redirect.keep_query = true,
            b"append-slash" => redirect.append_slash = true,
            b"ignore-empty" => redirect.ignore_empty = true,
            b"set-cookie" => redirect.cookie = Some(cookie(words, "; path=/;")?),
            b"clear-cookie" => redirect.cookie = Some(cookie(words, "; path=/; Max-Age=0;")?),
            b"set-cookie-fmt" => {
                let message = "'redirect set-cookie-fmt' cannot be used: not built yet: cookies by format";
                return Err(Diagnostic::error("refused", message, word.span));
            }
            _ => {
                let message = format!("`{word}` is not known here");
                return Err(Diagnostic::error("surplus-argument", message, word.span).help(
                    "A redirect has `location`, `prefix` or `scheme`, and `code`, `drop-query`, `append-slash`, \
                     `ignore-empty`, `set-cookie` or `clear-cookie`.",
                ));
            }
        }
    }
    redirect.target = target.ok_or_else(|| {
        Diagnostic::error("missing-argument", "`location`, `prefix` or `scheme` is missing", place.after())
    })?;
    Ok(redirect)
}

fn text(words: &mut Words<'_>, cx: &mut Context<'_>, style: Style) -> Result<Text, Diagnostic> {
    let word = words.expect("where to")?;
    if word.text.is_empty() {
        return Err(Diagnostic::error("missing-argument", "where to is missing", word.span));
    }
    match style {
        Style::Fixed => Ok(Text::Fixed(word.bytes().into())),
        Style::Format => Ok(Text::Format(cx.format(word)?)),
    }
}

fn code(word: &Word) -> Result<u16, Diagnostic> {
    match word.bytes() {
        b"301" => Ok(301),
        b"302" => Ok(302),
        b"303" => Ok(303),
        b"307" => Ok(307),
        b"308" => Ok(308),
        _ => {
            let message = format!("`{word}` is no status of a redirect: 301, 302, 303, 307 and 308 are");
            Err(Diagnostic::error("invalid-status", message, word.span))
        }
    }
}

fn cookie(words: &mut Words<'_>, attributes: &str) -> Result<Box<[u8]>, Diagnostic> {
    let word = words.expect("a cookie")?;
    Ok([word.bytes(), attributes.as_bytes()].concat().into())
}

impl Redirect {
    /// Makes the answer. False if `ignore-empty` skips the rule.
    pub(crate) fn answer(&self, env: &Env<'_>, location: &mut Vec<u8>, answer: &mut Answer) -> bool {
        location.clear();
        let request = env.req;
        let (Target::Location(text) | Target::Prefix(text) | Target::Scheme(text)) = &self.target;
        match text {
            Text::Fixed(bytes) => location.extend_from_slice(bytes),
            Text::Format(format) => format.render(env, location),
        }
        match &self.target {
            Target::Location(_) => {
                if self.ignore_empty && location.is_empty() {
                    return false;
                }
                if self.keep_query {
                    keep_query(request, location);
                }
            }
            Target::Prefix(_) => {
                // As a special case, "/" alone is no prefix (configuration manual: "redirect").
                if location == b"/" {
                    location.clear();
                }
                self.path(request, location);
            }
            Target::Scheme(_) => {
                location.extend_from_slice(b"://");
                let host = request.and_then(|r| r.fields().first(evenkeel_http::Known::Host));
                location.extend_from_slice(host.unwrap_or_default());
                self.path(request, location);
            }
        }
        answer.empty(self.code);
        let fields = answer.head.fields_mut();
        fields.push("location", location);
        // Only permanent redirects may be kept by caches.
        if matches!(self.code, 302 | 303 | 307) {
            fields.push("cache-control", b"no-cache");
        }
        if let Some(cookie) = &self.cookie {
            fields.push("set-cookie", cookie);
        }
        true
    }

    fn path(&self, request: Option<&RequestHead>, location: &mut Vec<u8>) {
        let whole = request.map(RequestHead::path_and_query).filter(|p| !p.is_empty()).unwrap_or(b"/");
        let kept = match self.drop_query {
            true => evenkeel_http::uri::split_query(whole).0,
            false => whole,
        };
        location.extend_from_slice(kept);
        if self.append_slash && location.last() != Some(&b'/') {
            location.push(b'/');
        }
    }
}

fn keep_query(request: Option<&RequestHead>, location: &mut Vec<u8>) {
    if let Some(query) = request.and_then(RequestHead::query) {
        location.push(if location.contains(&b'?') { b'&' } else { b'?' });
        location.extend_from_slice(query);
    }
}
