//! Actions on the request line.

use evenkeel_base::{Diagnostic, Words};

use crate::action::{Action, Normalizer, ReplaceTarget, TargetPart};
use crate::registry::{Context, Entry};
use crate::set::Sets;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::new(
        "set-method",
        Sets::REQUEST,
        |words, cx| set(words, cx, TargetPart::Method),
        "set-method GET",
        "Changes the method",
    ),
    Entry::new(
        "set-path",
        Sets::REQUEST,
        |words, cx| set(words, cx, TargetPart::Path),
        "set-path /%[hdr(host)]%[path]",
        "Changes the path and keeps the query",
    ),
    Entry::new(
        "set-pathq",
        Sets::REQUEST,
        |words, cx| set(words, cx, TargetPart::PathAndQuery),
        "set-pathq /new",
        "Changes path and query",
    ),
    Entry::new(
        "set-query",
        Sets::REQUEST,
        |words, cx| set(words, cx, TargetPart::Query),
        "set-query %[query,regsub(%3D,=,g)]",
        "Changes the query",
    ),
    Entry::new(
        "set-uri",
        Sets::REQUEST,
        |words, cx| set(words, cx, TargetPart::Uri),
        "set-uri /index.html",
        "Changes the whole request target",
    ),
    Entry::new(
        "replace-path",
        Sets::REQUEST,
        |words, cx| replace(words, cx, TargetPart::Path),
        r"replace-path /foo/(.*) /\1 if { url_beg /foo/ }",
        "Changes a path that matches a regular expression",
    ),
    Entry::new(
        "replace-pathq",
        Sets::REQUEST,
        |words, cx| replace(words, cx, TargetPart::PathAndQuery),
        r"replace-pathq ([^?]*)(\?(.*))? \1/foo\2",
        "Changes a path and query that match a regular expression",
    ),
    Entry::new(
        "replace-uri",
        Sets::REQUEST,
        |words, cx| replace(words, cx, TargetPart::Uri),
        r"replace-uri ^http://(.*) https://\1",
        "Changes a request target that matches a regular expression",
    ),
    Entry::new(
        "normalize-uri",
        Sets::REQUEST,
        normalize,
        "normalize-uri path-strip-dotdot full",
        "Brings the request target into a regular form",
    ),
];

fn set(words: &mut Words<'_>, cx: &mut Context<'_>, part: TargetPart) -> Result<Action, Diagnostic> {
    let value = cx.format(words.expect("the new value")?)?;
    Ok(Action::SetTarget { part, value })
}

fn replace(words: &mut Words<'_>, cx: &mut Context<'_>, part: TargetPart) -> Result<Action, Diagnostic> {
    let regex = cx.regex(words.expect("a regular expression")?, false)?;
    let template = cx.format(words.expect("the replacement")?)?;
    Ok(Action::ReplaceTarget(Box::new(ReplaceTarget { part, regex, template })))
}

fn normalize(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let word = words.expect("a normalizer")?;
    Ok(Action::NormalizeUri(match word.bytes() {
        b"fragment-encode" => Normalizer::FragmentEncode,
        b"fragment-strip" => Normalizer::FragmentStrip,
        b"path-merge-slashes" => Normalizer::MergeSlashes,
        b"path-strip-dot" => Normalizer::StripDot,
        b"path-strip-dotdot" => Normalizer::StripDotdot { full: words.take_if("full") },
        b"percent-decode-unreserved" => Normalizer::DecodeUnreserved { strict: words.take_if("strict") },
        b"percent-to-uppercase" => Normalizer::Uppercase { strict: words.take_if("strict") },
        b"query-sort-by-name" => Normalizer::SortQuery,
        _ => {
            let message = format!("`{word}` is no normalizer");
            return Err(Diagnostic::error("unknown-normalizer", message, word.span));
        }
    }))
}
