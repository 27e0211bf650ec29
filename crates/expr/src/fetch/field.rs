//! Header fields of requests and responses.

use std::net::IpAddr;

use evenkeel_http::{Fields, Known, Name, values_of};

use super::{Each, Fetch, One, alias, many, one, request};
use crate::arg::{Arg, ArgKind, Args, Params, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value, leading_int, text_ip};

const NAME_OCCURRENCE: Params = params(0, &[ArgKind::Field, ArgKind::Int]);
const NAME: Params = params(0, &[ArgKind::Field]);
const DELIMITER: Params = params(0, &[ArgKind::Str]);

/// Whose fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageSide {
    Request,
    Response,
    /// The response if there is one.
    Passing,
}

impl MessageSide {
    pub(crate) fn fields<'a>(self, env: &Env<'a>) -> Option<&'a Fields> {
        match self {
            MessageSide::Request => request::head(env).map(|h| h.fields()),
            MessageSide::Response => env.res.map(|h| h.fields()),
            MessageSide::Passing => {
                MessageSide::Response.fields(env).or_else(|| MessageSide::Request.fields(env))
            }
        }
    }
}

const REQ_HDR: Fetch = many(
    "req.hdr",
    NAME_OCCURRENCE,
    Kind::Str,
    Needs::REQUEST,
    "A comma-separated value of a request header: the last, or the one asked for; ACLs look at all.",
    &[
        ("req.hdr(x-forwarded-for)", "10.0.0.2"),
        ("req.hdr(x-forwarded-for,1)", "10.0.0.1"),
        ("req.hdr(none)", "-"),
    ],
    |a, e| text(a, e, MessageSide::Request, Cut::Split),
    |a, e, f| texts(a, e, MessageSide::Request, Cut::Split, f),
);
const RES_HDR: Fetch = many(
    "res.hdr",
    NAME_OCCURRENCE,
    Kind::Str,
    Needs::RESPONSE,
    "A comma-separated value of a response header: the last, or the one asked for; ACLs look at all.",
    &[("res.hdr(server)", "-")],
    |a, e| text(a, e, MessageSide::Response, Cut::Split),
    |a, e, f| texts(a, e, MessageSide::Response, Cut::Split, f),
);
const REQ_FHDR: Fetch = many(
    "req.fhdr",
    NAME_OCCURRENCE,
    Kind::Str,
    Needs::REQUEST,
    "A whole value of a request header, commas and all.",
    &[("req.fhdr(x-forwarded-for)", "10.0.0.1, 10.0.0.2")],
    |a, e| text(a, e, MessageSide::Request, Cut::Whole),
    |a, e, f| texts(a, e, MessageSide::Request, Cut::Whole, f),
);
const RES_FHDR: Fetch = many(
    "res.fhdr",
    NAME_OCCURRENCE,
    Kind::Str,
    Needs::RESPONSE,
    "A whole value of a response header, commas and all.",
    &[("res.fhdr(date)", "-")],
    |a, e| text(a, e, MessageSide::Response, Cut::Whole),
    |a, e, f| texts(a, e, MessageSide::Response, Cut::Whole, f),
);
const REQ_CNT: Fetch = count(
    "req.hdr_cnt",
    Needs::REQUEST,
    "How many comma-separated values of a request header there are, or of all.",
    &[("req.hdr_cnt(x-forwarded-for)", "2"), ("req.hdr_cnt(none)", "0")],
    |a, e| counted(a, e, MessageSide::Request, Cut::Split),
);
const RES_CNT: Fetch = count(
    "res.hdr_cnt",
    Needs::RESPONSE,
    "How many comma-separated values of a response header there are, or of all.",
    &[("res.hdr_cnt(server)", "-")],
    |a, e| counted(a, e, MessageSide::Response, Cut::Split),
);
const REQ_VAL: Fetch = numbers(
    "req.hdr_val",
    Needs::REQUEST,
    "A value of a request header as a number.",
    &[("req.hdr_val(content-length)", "11")],
    |a, e| number(a, e, MessageSide::Request),
    |a, e, f| each_number(a, e, MessageSide::Request, f),
);
const RES_VAL: Fetch = numbers(
    "res.hdr_val",
    Needs::RESPONSE,
    "A value of a response header as a number.",
    &[("res.hdr_val(content-length)", "-")],
    |a, e| number(a, e, MessageSide::Response),
    |a, e, f| each_number(a, e, MessageSide::Response, f),
);
const REQ_IP: Fetch = addresses(
    "req.hdr_ip",
    Needs::REQUEST,
    "A value of a request header as an address.",
    &[("req.hdr_ip(x-forwarded-for)", "10.0.0.2"), ("req.hdr_ip(host)", "-")],
    |a, e| address(a, e, MessageSide::Request),
    |a, e, f| each_address(a, e, MessageSide::Request, f),
);
const RES_IP: Fetch = addresses(
    "res.hdr_ip",
    Needs::RESPONSE,
    "A value of a response header as an address.",
    &[("res.hdr_ip(x-served-by)", "-")],
    |a, e| address(a, e, MessageSide::Response),
    |a, e, f| each_address(a, e, MessageSide::Response, f),
);

pub(super) const ENTRIES: &[Fetch] = &[
    REQ_HDR,
    many(
        "hdr",
        NAME_OCCURRENCE,
        Kind::Str,
        Needs::MESSAGE,
        "`req.hdr` on requests, `res.hdr` on responses.",
        &[("hdr(host)", "www.example.com:8080")],
        |a, e| text(a, e, MessageSide::Passing, Cut::Split),
        |a, e, f| texts(a, e, MessageSide::Passing, Cut::Split, f),
    ),
    RES_HDR,
    alias("shdr", RES_HDR, "res.hdr"),
    REQ_FHDR,
    RES_FHDR,
    REQ_CNT,
    alias("hdr_cnt", REQ_CNT, "req.hdr_cnt"),
    RES_CNT,
    alias("shdr_cnt", RES_CNT, "res.hdr_cnt"),
    count(
        "req.fhdr_cnt",
        Needs::REQUEST,
        "How many lines of a request header there are, or of all.",
        &[("req.fhdr_cnt(x-forwarded-for)", "1")],
        |a, e| counted(a, e, MessageSide::Request, Cut::Whole),
    ),
    count(
        "res.fhdr_cnt",
        Needs::RESPONSE,
        "How many lines of a response header there are, or of all.",
        &[("res.fhdr_cnt(server)", "-")],
        |a, e| counted(a, e, MessageSide::Response, Cut::Whole),
    ),
    REQ_VAL,
    alias("hdr_val", REQ_VAL, "req.hdr_val"),
    RES_VAL,
    alias("shdr_val", RES_VAL, "res.hdr_val"),
    REQ_IP,
    alias("hdr_ip", REQ_IP, "req.hdr_ip"),
    RES_IP,
    alias("shdr_ip", RES_IP, "res.hdr_ip"),
    one(
        "req.hdr_names",
        DELIMITER,
        Kind::Str,
        Needs::REQUEST,
        "The names of all request headers, in lower case, with commas or another character between.",
        &[("req.hdr_names(;),field(1,;)", "host")],
        |a, e| names(a, e, MessageSide::Request),
    ),
    one(
        "res.hdr_names",
        DELIMITER,
        Kind::Str,
        Needs::RESPONSE,
        "The names of all response headers, in lower case, with commas or another character between.",
        &[("res.hdr_names", "-")],
        |a, e| names(a, e, MessageSide::Response),
    ),
    one(
        "req.hdrs",
        crate::arg::NONE,
        Kind::Bin,
        Needs::REQUEST,
        "All request headers as text, with the empty line that ends them.",
        &[("req.hdrs,field(1,:)", "host")],
        |_, e| lines(e, MessageSide::Request),
    ),
    one(
        "res.hdrs",
        crate::arg::NONE,
        Kind::Bin,
        Needs::RESPONSE,
        "All response headers as text, with the empty line that ends them.",
        &[("res.hdrs", "-")],
        |_, e| lines(e, MessageSide::Response),
    ),
    one(
        "req.hdrs_bin",
        crate::arg::NONE,
        Kind::Bin,
        Needs::REQUEST,
        "All request headers in binary: lengths and bytes.",
        &[("req.hdrs_bin,bytes(0,1),hex", "04")],
        |_, e| binary(e, MessageSide::Request),
    ),
    one(
        "res.hdrs_bin",
        crate::arg::NONE,
        Kind::Bin,
        Needs::RESPONSE,
        "All response headers in binary: lengths and bytes.",
        &[("res.hdrs_bin", "-")],
        |_, e| binary(e, MessageSide::Response),
    ),
];

type Rows = &'static [(&'static str, &'static str)];

const fn count(name: &'static str, needs: Needs, doc: &'static str, examples: Rows, eval: One) -> Fetch {
    one(name, NAME, Kind::Int, needs, doc, examples, eval)
}

const fn numbers(
    name: &'static str,
    needs: Needs,
    doc: &'static str,
    rows: Rows,
    eval: One,
    each: Each,
) -> Fetch {
    many(name, NAME_OCCURRENCE, Kind::Int, needs, doc, rows, eval, each)
}

const fn addresses(
    name: &'static str,
    needs: Needs,
    doc: &'static str,
    rows: Rows,
    eval: One,
    each: Each,
) -> Fetch {
    many(name, NAME_OCCURRENCE, Kind::Addr, needs, doc, rows, eval, each)
}

/// Whole lines, or the values between commas.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    Split,
}

/// Calls `found` with every value of a header (of all headers for none) until it says true.
pub(crate) fn values<'a>(
    fields: &'a Fields,
    name: Option<Name<'_>>,
    cut: Cut,
    found: &mut dyn FnMut(&'a [u8]) -> bool,
) {
    let mut line = |line: &'a [u8]| match cut {
        // Rules may have put white space around a value; it is sent so, but no fetch sees it.
        Cut::Whole => found(line.trim_ascii()),
        Cut::Split => values_of(line).any(&mut *found),
    };
    match name {
        Some(name) => fields.lines(name).any(line),
        None => fields.iter().any(|(_, value)| line(value)),
    };
}

/// The value at an occurrence: positive from the first, negative from the last, 0 is the last.
fn occurrence<'a>(fields: &'a Fields, name: Option<Name<'_>>, cut: Cut, n: i64) -> Option<&'a [u8]> {
    let mut result = None;
    if n > 0 {
        let mut left = n;
        values(fields, name, cut, &mut |value| {
            left -= 1;
            if left == 0 {
                result = Some(value);
            }
            left == 0
        });
        return result;
    }
    let back = n.unsigned_abs().max(1);
    if back == 1 {
        values(fields, name, cut, &mut |value| {
            result = Some(value);
            false
        });
        return result;
    }
    let mut count: u64 = 0;
    values(fields, name, cut, &mut |_| {
        count += 1;
        false
    });
    let from_first = count.checked_sub(back)? as i64 + 1;
    occurrence(fields, name, cut, from_first)
}

/// The name, where one was written: `hdr` alone asks for nothing, `hdr()` for all headers.
fn named(args: &Args) -> Option<Option<Name<'_>>> {
    match args.get(0) {
        Arg::Field(name, _) if name.is_empty() => Some(None),
        Arg::Field(name, Known::Other) => Some(Some(Name::from(name))),
        Arg::Field(_, known) => Some(Some(Name::from(*known))),
        _ => None, // left out
    }
}

fn picked<'a>(args: &Args, env: &Env<'a>, side: MessageSide, cut: Cut) -> Option<&'a [u8]> {
    occurrence(side.fields(env)?, named(args)?, cut, args.int(1).unwrap_or(0))
}

/// Every value for an ACL, or the one that was asked for.
fn walk<'a>(
    args: &Args,
    env: &Env<'a>,
    side: MessageSide,
    cut: Cut,
    found: &mut dyn FnMut(&'a [u8]) -> bool,
) {
    let (Some(fields), Some(name)) = (side.fields(env), named(args)) else { return };
    match args.int(1).unwrap_or(0) {
        0 => values(fields, name, cut, found),
        n => {
            occurrence(fields, name, cut, n).into_iter().any(found);
        }
    }
}

fn text<'a>(args: &'a Args, env: &Env<'a>, side: MessageSide, cut: Cut) -> Option<Value<'a>> {
    picked(args, env, side, cut).map(Value::text)
}

fn texts<'a>(
    args: &'a Args,
    env: &Env<'a>,
    side: MessageSide,
    cut: Cut,
    found: &mut dyn FnMut(Value<'a>) -> bool,
) {
    walk(args, env, side, cut, &mut |value| found(Value::text(value)));
}

fn counted<'a>(args: &'a Args, env: &Env<'a>, side: MessageSide, cut: Cut) -> Option<Value<'a>> {
    let mut n = 0;
    values(side.fields(env)?, named(args).flatten(), cut, &mut |_| {
        n += 1;
        false
    });
    Some(Value::Int(n))
}

/// Text that is not there is no number; an empty one is 0.
fn to_number(text: &[u8]) -> i64 {
    leading_int(text).unwrap_or(0)
}

fn number<'a>(args: &'a Args, env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    picked(args, env, side, Cut::Split).map(|text| Value::Int(to_number(text)))
}

fn each_number<'a>(
    args: &'a Args,
    env: &Env<'a>,
    side: MessageSide,
    found: &mut dyn FnMut(Value<'a>) -> bool,
) {
    walk(args, env, side, Cut::Split, &mut |text| found(Value::Int(to_number(text))));
}

fn to_address(text: &[u8]) -> Option<IpAddr> {
    text_ip(text)
}

fn address<'a>(args: &'a Args, env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    picked(args, env, side, Cut::Split).and_then(to_address).map(Value::ip)
}

fn each_address<'a>(
    args: &'a Args,
    env: &Env<'a>,
    side: MessageSide,
    found: &mut dyn FnMut(Value<'a>) -> bool,
) {
    walk(args, env, side, Cut::Split, &mut |text| to_address(text).is_some_and(|ip| found(Value::ip(ip))));
}

fn names<'a>(args: &'a Args, env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    let between = match args.get(0) {
        Arg::Text(text) => text.first().copied().unwrap_or(0),
        _ => b',', // left out
    };
    let mut out = Vec::new();
    for (name, _) in side.fields(env)?.iter() {
        if !out.is_empty() {
            out.push(between);
        }
        out.extend(name.iter().map(u8::to_ascii_lowercase));
    }
    Some(Value::owned(out))
}

fn lines<'a>(env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    let mut out = Vec::new();
    for (name, value) in side.fields(env)?.iter() {
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Some(Value::Bin(out.into()))
}

fn binary<'a>(env: &Env<'a>, side: MessageSide) -> Option<Value<'a>> {
    let mut out = Vec::new();
    for (name, value) in side.fields(env)?.iter() {
        varint(name.len() as u64, &mut out);
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        varint(value.len() as u64, &mut out);
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&[0, 0]);
    Some(Value::Bin(out.into()))
}

/// The variable-length numbers of SPOE: below 240 one byte, else four bits and then seven per byte.
fn varint(n: u64, out: &mut Vec<u8>) {
    if n < 240 {
        out.push(n as u8);
        return;
    }
    out.push(n as u8 | 0xf0);
    let mut n = (n - 240) >> 4;
    while n >= 128 {
        out.push(n as u8 | 0x80);
        n = (n - 128) >> 7;
    }
    out.push(n as u8);
}
