//! Constants: the same for every request.

use super::{Fetch, one};
use crate::arg::{Arg, ArgKind, Args, NONE, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    one("always_true", NONE, Kind::Bool, Needs::NOTHING, "True.", &[("always_true", "1")], |_, _| {
        Some(Value::Bool(true))
    }),
    one("always_false", NONE, Kind::Bool, Needs::NOTHING, "False.", &[("always_false", "0")], |_, _| {
        Some(Value::Bool(false))
    }),
    one(
        "str",
        params(0, &[ArgKind::Str]),
        Kind::Str,
        Needs::NOTHING,
        "A text.",
        &[("str(a b)", "a b"), ("str('a,b')", "a,b"), ("str()", "")],
        text,
    ),
    one(
        "int",
        params(1, &[ArgKind::Int]),
        Kind::Int,
        Needs::NOTHING,
        "A number.",
        &[("int(-5)", "-5")],
        |args, _| args.int(0).map(Value::Int),
    ),
    one(
        "bool",
        params(1, &[ArgKind::Bool]),
        Kind::Bool,
        Needs::NOTHING,
        "A truth: true, false, 1 or 0.",
        &[("bool(true)", "1"), ("bool(0)", "0")],
        |args, _| args.int(0).map(|n| Value::Bool(n != 0)),
    ),
    one(
        "bin",
        params(1, &[ArgKind::Hex]),
        Kind::Bin,
        Needs::NOTHING,
        "Bytes, written in hexadecimal.",
        &[("bin(616263)", "abc")],
        |args, env| text(args, env)?.cast(Kind::Bin),
    ),
    one(
        "ipv4",
        params(1, &[ArgKind::Ipv4]),
        Kind::Ipv4,
        Needs::NOTHING,
        "An IPv4 address.",
        &[("ipv4(10.1)", "10.0.0.1")],
        ip,
    ),
    one(
        "ipv6",
        params(1, &[ArgKind::Ipv6]),
        Kind::Ipv6,
        Needs::NOTHING,
        "An IPv6 address.",
        &[("ipv6(::1)", "::1")],
        ip,
    ),
    one(
        "meth",
        params(1, &[ArgKind::Str]),
        Kind::Method,
        Needs::NOTHING,
        "A method.",
        &[("meth(GET)", "GET")],
        |args, env| text(args, env)?.cast(Kind::Method),
    ),
    one(
        "env",
        params(1, &[ArgKind::Environment]),
        Kind::Str,
        Needs::NOTHING,
        "The value of an environment variable as it was at the start.",
        &[("env(REGION)", "eu"), ("env(NOPE)", "-")],
        |args, _| match args.get(0) {
            Arg::Text(value) => Some(Value::text(value)),
            _ => None, // not set
        },
    ),
];

fn text<'a>(args: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    Some(Value::text(args.text(0).unwrap_or_default()))
}

fn ip<'a>(args: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    match args.get(0) {
        Arg::Ipv4(ip) => Some(Value::Ipv4(*ip)),
        Arg::Ipv6(ip) => Some(Value::Ipv6(*ip)),
        _ => None, // the parameters make it an address
    }
}
