//! The request line.

use evenkeel_base::hash;
use evenkeel_http::RequestHead;

use super::client;
use super::{Fetch, alias, one};
use crate::arg::NONE;
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    one("method", NONE, Kind::Method, Needs::REQUEST_KEPT, "The method.", &[("method", "POST")], |_, env| {
        Some(Value::Method(head(env)?.method().into()))
    }),
    VERSION,
    alias("req_ver", VERSION, "req.ver"),
    one(
        "url",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The request target as received.",
        &[("url", "/a/b.html?x=1&y=two&x=3")],
        |_, env| Some(Value::text(head(env)?.target())),
    ),
    one(
        "path",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The path: from the first slash up to the question mark.",
        &[("path", "/a/b.html")],
        |_, env| {
            let path = head(env)?.path();
            (!path.is_empty()).then(|| Value::text(path))
        },
    ),
    one(
        "pathq",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "The path with the query.",
        &[("pathq", "/a/b.html?x=1&y=two&x=3")],
        |_, env| {
            let path = head(env)?.path_and_query();
            (!path.is_empty()).then(|| Value::text(path))
        },
    ),
    one(
        "query",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "What follows the first question mark; nothing where there is none.",
        &[("query", "x=1&y=two&x=3")],
        |_, env| head(env)?.query().map(Value::text),
    ),
    one(
        "base",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "Host and path in one.",
        &[("base", "www.example.com:8080/a/b.html")],
        |_, env| base(env, RequestHead::path).map(Value::owned),
    ),
    one(
        "baseq",
        NONE,
        Kind::Str,
        Needs::REQUEST,
        "Host, path and query in one.",
        &[("baseq", "www.example.com:8080/a/b.html?x=1&y=two&x=3")],
        |_, env| base(env, RequestHead::path_and_query).map(Value::owned),
    ),
    one(
        "base32",
        NONE,
        Kind::Int,
        Needs::REQUEST,
        "A hash of `base`.",
        &[("base32", "1930390016")],
        |_, env| Some(Value::Int(i64::from(base32(env)?))),
    ),
    one(
        "url32",
        NONE,
        Kind::Int,
        Needs::REQUEST,
        "A hash of host, path and query.",
        &[("url32", "3671556540")],
        |_, env| Some(Value::Int(i64::from(url32(env)?))),
    ),
    one(
        "base32+src",
        NONE,
        Kind::Bin,
        Needs::REQUEST.and(Needs::CLIENT),
        "`base32` and `src` in one.",
        &[("base32+src,bytes(4),hex", "C0000207")],
        |_, env| with_src(env, base32(env)?),
    ),
    one(
        "url32+src",
        NONE,
        Kind::Bin,
        Needs::REQUEST.and(Needs::CLIENT),
        "`url32` and `src` in one.",
        &[("url32+src,bytes(4),hex", "C0000207")],
        |_, env| with_src(env, url32(env)?),
    ),
    one(
        "http_first_req",
        NONE,
        Kind::Bool,
        Needs::REQUEST_KEPT,
        "This is the first request of the connection.",
        &[("http_first_req", "1")],
        |_, env| Some(Value::Bool(env.stream.nth_request == 0)),
    ),
    PROTO_HTTP,
    alias("req_proto_http", PROTO_HTTP, "req.proto_http"),
    one(
        "request_date",
        NONE,
        Kind::Int,
        Needs::REQUEST_KEPT,
        "When the first byte of the request came: seconds since 1970.",
        &[("request_date", "1699999999")],
        |_, env| Some(Value::Int(env.stream.start_wall.secs() as i64)),
    ),
];

const VERSION: Fetch = one(
    "req.ver",
    NONE,
    Kind::Str,
    Needs::REQUEST,
    "The request's version, such as 1.1.",
    &[("req.ver", "1.1")],
    |_, env| Some(Value::text(head(env)?.version().digits().as_bytes())),
);

const PROTO_HTTP: Fetch = one(
    "req.proto_http",
    NONE,
    Kind::Bool,
    Needs::REQUEST_KEPT,
    "The data look like HTTP and parse as such.",
    &[("req.proto_http", "1")],
    |_, env| match env.req {
        Some(_) => Some(Value::Bool(true)),
        None => env.settled.then_some(Value::Bool(false)),
    },
);

/// The request head while it passes by: once there is a response, only what was kept of it may be looked at
/// (configuration manual §7.3.6).
pub(super) fn head<'a>(env: &Env<'a>) -> Option<&'a RequestHead> {
    if env.res.is_some() { None } else { env.req }
}

/// The first Host field and a part of the target.
fn base(env: &Env<'_>, part: for<'h> fn(&'h RequestHead) -> &'h [u8]) -> Option<Vec<u8>> {
    let head = head(env)?;
    let host = head.fields().first("host").unwrap_or_default();
    let part = part(head);
    if host.is_empty() && part.is_empty() {
        return None;
    }
    Some([host, part].concat())
}

fn base32(env: &Env<'_>) -> Option<u32> {
    base(env, RequestHead::path).map(|base| hash::avalanche(hash::sdbm(&base)))
}

fn url32(env: &Env<'_>) -> Option<u32> {
    let head = head(env)?;
    let host = head.fields().first("host").unwrap_or_default();
    Some(hash::avalanche(hash::sdbm(&[host, head.path_and_query()].concat())))
}

fn with_src<'a>(env: &Env<'a>, hash: u32) -> Option<Value<'a>> {
    let mut bytes = hash.to_be_bytes().to_vec();
    bytes.extend_from_slice(&client::ip(&env.conn.src)?.into_bytes());
    Some(Value::Bin(bytes.into()))
}
