//! Numbers: arithmetic that saturates, bits, truths.

use super::{Convert, Converter, entry};
use crate::arg::{Arg, ArgKind, Args, NONE, Params, params};
use crate::env::Env;
use crate::fetch::var;
use crate::value::{Kind, Value};

const OPERAND: Params = params(1, &[ArgKind::IntOrVar]);

pub(super) const ENTRIES: &[Converter] = &[
    binary("add", "The sum.", &[("int(5),add(2)", "7")], |v, a, e| with(v, a, e, i64::saturating_add)),
    binary("sub", "The difference.", &[("int(5),sub(2)", "3")], |v, a, e| with(v, a, e, i64::saturating_sub)),
    binary("mul", "The product.", &[("int(5),mul(2)", "10")], |v, a, e| with(v, a, e, i64::saturating_mul)),
    binary(
        "div",
        "The quotient; the largest number where the divisor is 0.",
        &[("int(-7),div(2)", "-3"), ("int(5),div(0)", "9223372036854775807")],
        |v, a, e| with(v, a, e, |x, y| x.checked_div(y).unwrap_or(i64::MAX)),
    ),
    binary("mod", "The remainder; 0 where the divisor is 0.", &[("int(-7),mod(3)", "-1")], |v, a, e| {
        with(v, a, e, |x, y| x.checked_rem(y).unwrap_or(0))
    }),
    binary("and", "The bits that both have.", &[("int(5),and(4)", "4")], |v, a, e| {
        with(v, a, e, |x, y| x & y)
    }),
    binary("or", "The bits that either has.", &[("int(5),or(2)", "7")], |v, a, e| {
        with(v, a, e, |x, y| x | y)
    }),
    binary("xor", "The bits that only one has.", &[("int(5),xor(1)", "4")], |v, a, e| {
        with(v, a, e, |x, y| x ^ y)
    }),
    unary("cpl", Kind::Int, "All bits turned over.", &[("int(5),cpl", "-6")], |v, _, _| {
        Some(Value::Int(!v.to_int()?))
    }),
    unary("neg", Kind::Int, "The opposite.", &[("int(5),neg", "-5")], |v, _, _| {
        Some(Value::Int(v.to_int()?.saturating_neg()))
    }),
    unary("not", Kind::Bool, "True for 0.", &[("int(5),not", "0")], |v, _, _| {
        Some(Value::Bool(v.to_int()? == 0))
    }),
    unary("bool", Kind::Bool, "False for 0.", &[("int(5),bool", "1")], |v, _, _| {
        Some(Value::Bool(v.to_int()? != 0))
    }),
    unary("odd", Kind::Bool, "True for odd numbers.", &[("int(5),odd", "1")], |v, _, _| {
        Some(Value::Bool(v.to_int()? & 1 == 1))
    }),
    unary("even", Kind::Bool, "True for even numbers.", &[("int(5),even", "0")], |v, _, _| {
        Some(Value::Bool(v.to_int()? & 1 == 0))
    }),
    entry(
        "htonl",
        NONE,
        Kind::Int,
        Kind::Bin,
        "The low 32 bits as four bytes, big end first.",
        &[("int(1),htonl,hex", "00000001")],
        |v, _, _| Some(Value::Bin((v.to_int()? as u32).to_be_bytes().to_vec().into())),
    ),
];

const fn binary(
    name: &'static str,
    doc: &'static str,
    rows: &'static [(&'static str, &'static str)],
    eval: Convert,
) -> Converter {
    entry(name, OPERAND, Kind::Int, Kind::Int, doc, rows, eval)
}

const fn unary(
    name: &'static str,
    gives: Kind,
    doc: &'static str,
    rows: &'static [(&'static str, &'static str)],
    eval: Convert,
) -> Converter {
    entry(name, NONE, Kind::Int, gives, doc, rows, eval)
}

fn with<'a>(v: Value<'a>, a: &'a Args, env: &Env<'a>, operation: fn(i64, i64) -> i64) -> Option<Value<'a>> {
    let operand = match a.get(0) {
        Arg::Int(n) => *n,
        Arg::Var(var) => var::get(*var, env)?.to_int()?,
        _ => return None, // the parameters make it one of these
    };
    Some(Value::Int(operation(v.to_int()?, operand)))
}
