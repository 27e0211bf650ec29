//! What is buffered: the body of a message, or the raw bytes of a TCP stream.

use evenkeel_http::Known;

use super::field::MessageSide;
use super::{Fetch, One, alias, many, one, refused, request};
use crate::arg::{Arg, ArgKind, Args, NONE, Params, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

const BLOCK: Params = params(2, &[ArgKind::Int, ArgKind::Int]);
const LENGTH_VALUE: Params = params(2, &[ArgKind::Int, ArgKind::Int, ArgKind::Offset]);
const NAME: Params = params(0, &[ArgKind::Str]);
const HELLO: &str = "not built yet: reading TLS hellos";
const DISTCC: &str = "not built yet: distcc";

const PAYLOAD: Fetch =
    raw("req.payload", BLOCK, Needs::REQUEST, "A block of the buffered bytes; length 0: to the end.", block);
const PAYLOAD_LV: Fetch = raw(
    "req.payload_lv",
    LENGTH_VALUE,
    Needs::REQUEST,
    "A block whose length stands in the buffered bytes.",
    length_value,
);
const LEN: Fetch = one(
    "req.len",
    NONE,
    Kind::Int,
    Needs::REQUEST,
    "How many bytes are buffered.",
    &[("req.len", "11")],
    |_, e| Some(Value::Int(e.payload.len() as i64)),
);
const RDP: Fetch = one(
    "req.rdp_cookie",
    NAME,
    Kind::Str,
    Needs::REQUEST,
    "The cookie of an RDP connection request.",
    &[("req.rdp_cookie", "-")],
    |a, e| rdp_cookie(a, e).map(Value::text),
);
const RDP_CNT: Fetch = one(
    "req.rdp_cookie_cnt",
    NAME,
    Kind::Int,
    Needs::REQUEST,
    "How many RDP cookies there are: 0 or 1.",
    &[("req.rdp_cookie_cnt", "0")],
    |a, e| Some(Value::Int(i64::from(rdp_cookie(a, e).is_some()))),
);

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "req.body",
        NONE,
        Kind::Bin,
        Needs::REQUEST,
        "The buffered part of the request's body.",
        &[("req.body", "a=1&b=&a=22")],
        |_, e| request::head(e).map(|_| Value::Bin(e.payload.into())),
    ),
    one(
        "req.body_len",
        NONE,
        Kind::Int,
        Needs::REQUEST,
        "The length of the buffered part of the request's body.",
        &[("req.body_len", "11")],
        |_, e| request::head(e).map(|_| Value::Int(e.payload.len() as i64)),
    ),
    one(
        "req.body_size",
        NONE,
        Kind::Int,
        Needs::REQUEST,
        "The length that the request announces for its body.",
        &[("req.body_size", "11")],
        |_, e| size(e, MessageSide::Request),
    ),
    many(
        "req.body_param",
        NAME,
        Kind::Bin,
        Needs::REQUEST,
        "A parameter in a form's body.",
        &[("req.body_param(a)", "1"), ("req.body_param(b)", "")],
        |a, e| form(a, e)?.next().map(|v| Value::Bin(v.into())),
        |a, e, f| {
            form(a, e).into_iter().flatten().any(|v| f(Value::Bin(v.into())));
        },
    ),
    one(
        "res.body",
        NONE,
        Kind::Bin,
        Needs::RESPONSE,
        "The buffered part of the response's body.",
        &[("res.body", "-")],
        |_, e| e.res.map(|_| Value::Bin(e.payload.into())),
    ),
    one(
        "res.body_len",
        NONE,
        Kind::Int,
        Needs::RESPONSE,
        "The length of the buffered part of the response's body.",
        &[("res.body_len", "-")],
        |_, e| e.res.map(|_| Value::Int(e.payload.len() as i64)),
    ),
    one(
        "res.body_size",
        NONE,
        Kind::Int,
        Needs::RESPONSE,
        "The length that the response announces for its body.",
        &[("res.body_size", "-")],
        |_, e| size(e, MessageSide::Response),
    ),
    LEN,
    alias("req_len", LEN, "req.len"),
    Fetch { name: "res.len", needs: Needs::RESPONSE, examples: &[], ..LEN },
    PAYLOAD,
    alias("payload", Fetch { needs: Needs::MESSAGE, ..PAYLOAD }, "req.payload or res.payload"),
    Fetch { name: "res.payload", needs: Needs::RESPONSE, ..PAYLOAD },
    PAYLOAD_LV,
    alias("payload_lv", Fetch { needs: Needs::MESSAGE, ..PAYLOAD_LV }, "req.payload_lv or res.payload_lv"),
    Fetch { name: "res.payload_lv", needs: Needs::RESPONSE, ..PAYLOAD_LV },
    RDP,
    alias("rdp_cookie", RDP, "req.rdp_cookie"),
    alias("req_rdp_cookie", RDP, "req.rdp_cookie"),
    RDP_CNT,
    alias("rdp_cookie_cnt", RDP_CNT, "req.rdp_cookie_cnt"),
    alias("req_rdp_cookie_cnt", RDP_CNT, "req.rdp_cookie_cnt"),
    refused("req.ssl_alpn", HELLO),
    refused("req.ssl_cipherlist", HELLO),
    refused("req.ssl_ec_ext", HELLO),
    refused("req.ssl_hello_type", HELLO),
    refused("req.ssl_keyshare_groups", HELLO),
    refused("req.ssl_sigalgs", HELLO),
    refused("req.ssl_sni", HELLO),
    refused("req.ssl_st_ext", HELLO),
    refused("req.ssl_supported_groups", HELLO),
    refused("req.ssl_ver", HELLO),
    refused("req_ssl_hello_type", HELLO),
    refused("req_ssl_sni", HELLO),
    refused("req_ssl_ver", HELLO),
    refused("res.ssl_hello_type", HELLO),
    refused("rep_ssl_hello_type", HELLO),
    refused("distcc_body", DISTCC),
    refused("distcc_param", DISTCC),
];

const fn raw(name: &'static str, params: Params, needs: Needs, doc: &'static str, eval: One) -> Fetch {
    one(name, params, Kind::Bin, needs, doc, &[], eval)
}

/// The announced length; what is there of a chunked body.
fn size<'a>(env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    let announced = side.fields(env)?.first(Known::ContentLength).and_then(crate::arg::int);
    Some(Value::Int(announced.unwrap_or(env.payload.len() as i64)))
}

/// The values of a form's parameters.
fn form<'a>(args: &'a Args, env: &Env<'a>) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    request::head(env)?;
    let name = args.text(0);
    let payload = env.payload;
    Some(payload.split(|b| *b == b'&').filter_map(move |pair| {
        let at = pair.iter().position(|b| *b == b'=')?;
        let (key, value) = (pair.get(..at)?, pair.get(at + 1..)?);
        name.is_none_or(|name| name == key).then_some(value)
    }))
}

/// Raw bytes are looked at in TCP streams only: HTTP messages have `req.body`.
fn bytes<'a>(env: &Env<'a>) -> Option<&'a [u8]> {
    (env.req.is_none() && env.res.is_none()).then_some(env.payload)
}

fn block<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let start = usize::try_from(args.int(0)?).ok()?;
    let len = usize::try_from(args.int(1)?).ok()?;
    let bytes = bytes(env)?;
    let end = if len == 0 { bytes.len() } else { start.checked_add(len)? };
    let part = bytes.get(start..end)?;
    (!part.is_empty()).then(|| Value::Bin(part.into()))
}

fn length_value<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let at = usize::try_from(args.int(0)?).ok()?;
    let width = usize::try_from(args.int(1)?).ok()?;
    let bytes = bytes(env)?;
    let after = at.checked_add(width)?;
    let len = bytes.get(at..after)?.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
    let start = match args.get(2) {
        Arg::Int(n) => usize::try_from(*n).ok()?,
        Arg::Relative(n) => usize::try_from(i64::try_from(after).ok()?.checked_add(*n)?).ok()?,
        _ => after, // left out
    };
    let part = bytes.get(start..start.checked_add(len)?)?;
    (!part.is_empty()).then(|| Value::Bin(part.into()))
}

/// `Cookie: name=value\r\n` in a connection request: TPKT version 3, X.224 CR (0xe0), as the RDP protocol has it.
fn rdp_cookie<'a>(args: &Args, env: &Env<'a>) -> Option<&'a [u8]> {
    let bytes = bytes(env)?;
    let (head, rest) = bytes.split_first_chunk::<11>()?;
    if head[0] != 3 || head[5] != 0xe0 {
        return None;
    }
    let rest = rest.strip_prefix(b"Cookie:").or_else(|| rest.strip_prefix(b"cookie:"))?;
    let rest = rest.get(rest.iter().take_while(|b| **b == b' ').count()..)?;
    let end = rest.windows(2).position(|w| w == b"\r\n")?;
    let cookie = rest.get(..end)?;
    let at = cookie.iter().position(|b| *b == b'=')?;
    let (name, value) = (cookie.get(..at)?, cookie.get(at + 1..)?);
    args.text(0).is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)).then_some(value)
}
