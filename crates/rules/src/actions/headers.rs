//! Actions on fields and status.

use evenkeel_base::{Diagnostic, Word, Words};

use crate::action::{Action, NameMatch, ReplaceHeader};
use crate::registry::{Context, Entry, is_cond};
use crate::set::Sets;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::new(
        "add-header",
        Sets::HTTP,
        |words, cx| header(words, cx, false),
        "add-header X-Proto http",
        "Adds a field at the end",
    ),
    Entry::new(
        "set-header",
        Sets::HTTP,
        |words, cx| header(words, cx, true),
        "set-header X-Client %[src] if { src 10.0.0.0/8 }",
        "Removes the fields of a name and adds one",
    ),
    Entry::new(
        "del-header",
        Sets::HTTP,
        del_header,
        "del-header x-debug -m beg",
        "Removes the fields of a name",
    ),
    Entry::new(
        "replace-header",
        Sets::HTTP,
        |words, cx| replace(words, cx, false),
        r"replace-header Cookie foo=([^;]*);(.*) foo=\1;ip=%[src];\2",
        "Gives the fields of a name that match a regular expression another value",
    ),
    Entry::new(
        "replace-value",
        Sets::HTTP,
        |words, cx| replace(words, cx, true),
        r"replace-value X-Forwarded-For ^192\.168\.(.*)$ 172.16.\1",
        "Gives those values between commas that match a regular expression another value",
    ),
    Entry::new(
        "set-status",
        Sets::RESPONSE.and(Sets::AFTER),
        set_status,
        "set-status 503 reason \"Slow Down\"",
        "Changes the status of the response",
    ),
    Entry::new(
        "early-hint",
        Sets::REQUEST,
        early_hint,
        "early-hint Link \"</style.css>; rel=preload\"",
        "Adds a field to a 103 answer that goes out before the final one",
    ),
];

/// A field name, which must be one that may be sent.
pub(crate) fn field_name(word: &Word) -> Result<Box<[u8]>, Diagnostic> {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if word.text.is_empty() || !word.bytes().iter().all(token) {
        let message = format!("`{word}` is no name for a header field");
        return Err(Diagnostic::error("invalid-field-name", message, word.span));
    }
    Ok(word.bytes().into())
}

fn header(words: &mut Words<'_>, cx: &mut Context<'_>, replace: bool) -> Result<Action, Diagnostic> {
    let name = field_name(words.expect("the name of a header field")?)?;
    let value = cx.format(words.expect("the value of the header field")?)?;
    Ok(Action::Header { name, value, replace })
}

fn del_header(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let name = words.expect("the name of a header field")?;
    let text: Box<[u8]> = name.bytes().into();
    if words.peek().is_none_or(|w| is_cond(w) || !w.is("-m")) {
        return Ok(Action::DelHeader(NameMatch::Exact(text)));
    }
    words.next();
    let method = words.expect("a matching method")?;
    Ok(Action::DelHeader(match method.bytes() {
        b"str" => NameMatch::Exact(text),
        b"beg" => NameMatch::Begins(text),
        b"end" => NameMatch::Ends(text),
        b"sub" => NameMatch::Contains(text),
        b"reg" => NameMatch::Matches(Box::new(cx.regex(name, true)?)),
        _ => {
            let message = format!("`{method}` is no way to match a name: str, beg, end, sub and reg are");
            return Err(Diagnostic::error("unknown-match", message, method.span));
        }
    }))
}

fn replace(words: &mut Words<'_>, cx: &mut Context<'_>, each_value: bool) -> Result<Action, Diagnostic> {
    let name = field_name(words.expect("the name of a header field")?)?;
    let regex = cx.regex(words.expect("a regular expression")?, false)?;
    let template = cx.format(words.expect("the replacement")?)?;
    Ok(Action::ReplaceHeader(Box::new(ReplaceHeader { name, regex, template, each_value })))
}

fn set_status(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let word = words.expect("a status")?;
    let status = word.str().parse::<u16>().ok().filter(|n| (100..=999).contains(n)).ok_or_else(|| {
        Diagnostic::error("invalid-status", format!("`{word}` is no status: 100 to 999 are"), word.span)
    })?;
    let reason = match words.take_if("reason") {
        true => Some(words.expect("the reason")?.bytes().into()),
        false => None,
    };
    Ok(Action::SetStatus { status, reason })
}

fn early_hint(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let name = field_name(words.expect("the name of a header field")?)?;
    let value = cx.format(words.expect("the value of the header field")?)?;
    Ok(Action::EarlyHint { name, value })
}
