//! What was captured or kept on the way, for responses and logs; the unique id.

use super::{Fetch, one};
use crate::arg::{ArgKind, NONE, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "capture.req.hdr",
        params(1, &[ArgKind::Int]),
        Kind::Str,
        Needs::REQUEST_KEPT,
        "The request header captured in that slot, from 0.",
        &[("capture.req.hdr(0)", "curl"), ("capture.req.hdr(9)", "-")],
        |a, e| captured(&e.stream.request_captures, a.int(0)),
    ),
    one(
        "capture.res.hdr",
        params(1, &[ArgKind::Int]),
        Kind::Str,
        Needs::RESPONSE_KEPT,
        "The response header captured in that slot, from 0.",
        &[("capture.res.hdr(0)", "-")],
        |a, e| captured(&e.stream.response_captures, a.int(0)),
    ),
    one(
        "capture.req.method",
        NONE,
        Kind::Str,
        Needs::REQUEST_KEPT,
        "The method, in responses and logs as well.",
        &[("capture.req.method", "POST")],
        |_, e| request_line(e).map(|(method, _, _)| Value::text(method)),
    ),
    one(
        "capture.req.uri",
        NONE,
        Kind::Str,
        Needs::REQUEST_KEPT,
        "Path and query, in responses and logs as well.",
        &[("capture.req.uri", "/a/b.html?x=1&y=two&x=3")],
        |_, e| {
            let (_, target, _) = request_line(e)?;
            let at = evenkeel_http::uri::path_start(target)?;
            target.get(at..).map(Value::text)
        },
    ),
    one(
        "capture.req.ver",
        NONE,
        Kind::Str,
        Needs::REQUEST_KEPT,
        "HTTP/1.0 or HTTP/1.1, in responses and logs as well.",
        &[("capture.req.ver", "HTTP/1.1")],
        |_, e| e.req.map(|head| Value::text(head.version().as_bytes())),
    ),
    one(
        "capture.res.ver",
        NONE,
        Kind::Str,
        Needs::REQUEST_KEPT,
        "HTTP/1.0 or HTTP/1.1 of the response, in logs as well.",
        &[("capture.res.ver", "-")],
        |_, e| e.res.map(|head| Value::text(head.version().as_bytes())),
    ),
    one(
        "unique-id",
        NONE,
        Kind::Str,
        Needs::NOTHING,
        "The request's unique id (`unique-id-format`).",
        &[("unique-id", "id-1")],
        |_, e| e.stream.unique_id.as_ref().map(|id| Value::text(id)),
    ),
];

fn captured<'a>(slots: &'a [Option<bstr::BString>], at: Option<i64>) -> Option<Value<'a>> {
    let slot = slots.get(usize::try_from(at?).ok()?)?;
    slot.as_ref().map(|text| Value::text(text))
}

/// Method, target and version: as received if the log needs that line, else as the request stands.
pub(crate) fn request_line<'a>(env: &Env<'a>) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let kept = env.stream.request_line.as_slice();
    if kept.is_empty() {
        let head = env.req?;
        return Some((head.method(), head.target(), head.version().as_bytes()));
    }
    let space = kept.iter().position(|b| *b == b' ').unwrap_or(kept.len());
    let (method, rest) = kept.split_at(space);
    let rest = rest.get(1..).unwrap_or_default();
    // The version stands after the last space; a cut line has none.
    let (target, version) = match rest.iter().rposition(|b| *b == b' ') {
        Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default()),
        None => (rest, &[][..]),
    };
    Some((method, target, version))
}
