//! Cookies of requests and responses.

use evenkeel_http::{Known, cookie};

use super::{Each, Fetch, One, alias, many, one, request};
use crate::arg::{ArgKind, Args, Params, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value, leading_int};

const NAME: Params = params(0, &[ArgKind::Str]);

const REQ: Fetch = many(
    "req.cook",
    NAME,
    Kind::Str,
    Needs::REQUEST,
    "The last cookie of that name in the request, or the first of all; ACLs look at every one.",
    &[("req.cook(SID)", "abc"), ("req.cook(sid)", "-"), ("req.cook()", "abc")],
    |a, e| picked(a, e, in_request).map(Value::text),
    |a, e, f| in_request(a, e, &mut |v| f(Value::text(v))),
);
const RES: Fetch = many(
    "res.cook",
    NAME,
    Kind::Str,
    Needs::RESPONSE,
    "The last cookie of that name that the response sets, or the first of all.",
    &[("res.cook(SID)", "-")],
    |a, e| picked(a, e, in_response).map(Value::text),
    |a, e, f| in_response(a, e, &mut |v| f(Value::text(v))),
);
const REQ_CNT: Fetch = count(
    "req.cook_cnt",
    Needs::REQUEST,
    "How many cookies of that name the request has, or how many at all.",
    &[("req.cook_cnt(SID)", "1"), ("req.cook_cnt", "2")],
    |a, e| counted(a, e, in_request, request::head(e).is_some()),
);
const RES_CNT: Fetch = count(
    "res.cook_cnt",
    Needs::RESPONSE,
    "How many cookies of that name the response sets, or how many at all.",
    &[("res.cook_cnt", "-")],
    |a, e| counted(a, e, in_response, e.res.is_some()),
);
const REQ_VAL: Fetch = number(
    "req.cook_val",
    Needs::REQUEST,
    "A cookie of the request as a number.",
    &[("req.cook_val(n)", "7")],
    |a, e| Some(Value::Int(leading_int(picked(a, e, in_request)?).unwrap_or(0))),
    |a, e, f| in_request(a, e, &mut |v| f(Value::Int(leading_int(v).unwrap_or(0)))),
);
const RES_VAL: Fetch = number(
    "res.cook_val",
    Needs::RESPONSE,
    "A cookie that the response sets as a number.",
    &[("res.cook_val(n)", "-")],
    |a, e| Some(Value::Int(leading_int(picked(a, e, in_response)?).unwrap_or(0))),
    |a, e, f| in_response(a, e, &mut |v| f(Value::Int(leading_int(v).unwrap_or(0)))),
);

pub(super) const ENTRIES: &[Fetch] = &[
    REQ,
    alias("cook", REQ, "req.cook"),
    RES,
    alias("scook", RES, "res.cook"),
    alias("set-cookie", RES, "res.cook"),
    REQ_CNT,
    alias("cook_cnt", REQ_CNT, "req.cook_cnt"),
    RES_CNT,
    alias("scook_cnt", RES_CNT, "res.cook_cnt"),
    REQ_VAL,
    alias("cook_val", REQ_VAL, "req.cook_val"),
    RES_VAL,
    alias("scook_val", RES_VAL, "res.cook_val"),
    alias(
        "cookie",
        many(
            "",
            NAME,
            Kind::Str,
            Needs::MESSAGE,
            "`req.cook` on requests, `res.cook` on responses.",
            &[("cookie(SID)", "abc")],
            |a, e| picked(a, e, if e.res.is_some() { in_response } else { in_request }).map(Value::text),
            |a, e, f| {
                let walk = if e.res.is_some() { in_response } else { in_request };
                walk(a, e, &mut |v| f(Value::text(v)));
            },
        ),
        "req.cook or res.cook",
    ),
    one(
        "req.cook_names",
        NAME,
        Kind::Str,
        Needs::REQUEST,
        "The names of the request's cookies, with commas or another character between.",
        &[("req.cook_names", "SID,n")],
        |a, e| {
            let pairs = request::head(e)?.fields().lines(Known::Cookie).flat_map(cookie::pairs);
            Some(joined(a, pairs.filter(is_cookie).map(|p| p.name)))
        },
    ),
    one(
        "res.cook_names",
        NAME,
        Kind::Str,
        Needs::RESPONSE,
        "The names of the cookies that the response sets, with commas or another character between.",
        &[("res.cook_names", "-")],
        |a, e| {
            let set = e.res?.fields().lines(Known::SetCookie).filter_map(cookie::parse_set_cookie);
            Some(joined(a, set.map(|c| c.name)))
        },
    ),
];

type Rows = &'static [(&'static str, &'static str)];
type Walk = for<'a> fn(&Args, &Env<'a>, &mut dyn FnMut(&'a [u8]) -> bool);

const fn count(name: &'static str, needs: Needs, doc: &'static str, rows: Rows, eval: One) -> Fetch {
    one(name, NAME, Kind::Int, needs, doc, rows, eval)
}

const fn number(
    name: &'static str,
    needs: Needs,
    doc: &'static str,
    rows: Rows,
    eval: One,
    each: Each,
) -> Fetch {
    many(name, NAME, Kind::Int, needs, doc, rows, eval, each)
}

/// A pair with a value that is no attribute of RFC 2965.
fn is_cookie(pair: &cookie::Pair<'_>) -> bool {
    pair.value.is_some() && pair.name.first() != Some(&b'$')
}

fn in_request<'a>(args: &Args, env: &Env<'a>, found: &mut dyn FnMut(&'a [u8]) -> bool) {
    let Some(head) = request::head(env) else { return };
    let name = args.text(0);
    head.fields()
        .lines(Known::Cookie)
        .flat_map(cookie::pairs)
        .filter(|p| is_cookie(p) && name.is_none_or(|name| name == p.name))
        .filter_map(|p| p.value)
        .any(found);
}

fn in_response<'a>(args: &Args, env: &Env<'a>, found: &mut dyn FnMut(&'a [u8]) -> bool) {
    let Some(head) = env.res else { return };
    let name = args.text(0);
    head.fields()
        .lines(Known::SetCookie)
        .filter_map(cookie::parse_set_cookie)
        .filter(|c| name.is_none_or(|name| name == c.name))
        .map(|c| c.value)
        .any(found);
}

/// The last of a name; the first where none is named.
fn picked<'a>(args: &Args, env: &Env<'a>, walk: Walk) -> Option<&'a [u8]> {
    let first = args.text(0).is_none();
    let mut result = None;
    walk(args, env, &mut |value| {
        result = Some(value);
        first
    });
    result
}

fn counted<'a>(args: &Args, env: &Env<'a>, walk: Walk, there: bool) -> Option<Value<'a>> {
    let mut n = 0;
    walk(args, env, &mut |_| {
        n += 1;
        false
    });
    there.then_some(Value::Int(n))
}

fn joined<'a, 'n>(args: &Args, names: impl Iterator<Item = &'n [u8]>) -> Value<'a> {
    let between = args.text(0).and_then(|t| t.first()).copied().unwrap_or(b',');
    let mut out = Vec::new();
    for name in names {
        if !out.is_empty() {
            out.push(between);
        }
        out.extend_from_slice(name);
    }
    Value::owned(out)
}
