//! Converters that keep what passes: variables, captures; and the debugging one.

use evenkeel_base::Support;

use super::{Converter, entry};
use crate::arg::{Arg, ArgKind, Args, params};
use crate::env::{Env, VarScope, Write};
use crate::fetch::var;
use crate::value::{Kind, Value};

const CONDITIONS: &[&str] =
    &["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];
const CONDITION: ArgKind = ArgKind::Choice(CONDITIONS);

pub(super) const ENTRIES: &[Converter] = &[
    entry(
        "set-var",
        params(1, &[ArgKind::Var, CONDITION, CONDITION, CONDITION, CONDITION]),
        Kind::Any,
        Kind::Any,
        "Keeps the value in a variable, if all conditions hold, and passes it on.",
        &[("str(a),set-var(txn.kept)", "a")],
        set,
    ),
    entry(
        "unset-var",
        params(1, &[ArgKind::Var]),
        Kind::Any,
        Kind::Any,
        "Forgets a variable and passes the value on.",
        &[("str(a),unset-var(txn.kept)", "a")],
        |v, a, e| {
            let Arg::Var(var) = a.get(0) else { return None };
            e.world.write(Write::Var { scope: var.scope, slot: var.slot, value: None });
            Some(v)
        },
    ),
    entry(
        "capture-req",
        params(1, &[ArgKind::CaptureReq]),
        Kind::Str,
        Kind::Str,
        "Keeps the value in a request capture slot and passes it on.",
        &[("str(a),capture-req(0)", "a")],
        |v, a, e| {
            let slot = u32::try_from(a.int(0)?).ok()?;
            e.world.write(Write::CaptureRequest { slot, value: v.to_text().as_ref().into() });
            Some(v)
        },
    ),
    entry(
        "capture-res",
        params(1, &[ArgKind::CaptureRes]),
        Kind::Str,
        Kind::Str,
        "Keeps the value in a response capture slot and passes it on.",
        &[("str(a),capture-res(0)", "a")],
        |v, a, e| {
            let slot = u32::try_from(a.int(0)?).ok()?;
            e.world.write(Write::CaptureResponse { slot, value: v.to_text().as_ref().into() });
            Some(v)
        },
    ),
    entry(
        "secure_memcmp",
        params(1, &[ArgKind::Var]),
        Kind::Bin,
        Kind::Bool,
        "True if equal to a variable's value; takes as long for every value of that length.",
        &[("str(www),secure_memcmp(txn.host)", "1")],
        |v, a, e| {
            let Arg::Var(var) = a.get(0) else { return None };
            let other = var::get(*var, e)?.into_bytes();
            let bytes = v.into_bytes();
            let differ = bytes.iter().zip(other.iter()).fold(0, |d, (x, y)| d | (x ^ y));
            Some(Value::Bool(bytes.len() == other.len() && std::hint::black_box(differ) == 0))
        },
    ),
    Converter {
        support: Support::Accepted("there is no event ring to write to yet; the value passes unchanged"),
        ..entry(
            "debug",
            params(0, &[ArgKind::Str, ArgKind::Str]),
            Kind::Any,
            Kind::Any,
            "Passes the value on.",
            &[("str(a),debug", "a")],
            |v, _, _| Some(v),
        )
    },
];

fn set<'a>(v: Value<'a>, a: &'a Args, e: &Env<'a>) -> Option<Value<'a>> {
    let Arg::Var(var) = a.get(0) else { return None };
    let now = var::get(*var, e);
    let empty = match &v {
        Value::Str(t) | Value::Bin(t) | Value::Method(t) => t.is_empty(),
        Value::Bool(_) | Value::Int(_) | Value::Ipv4(_) | Value::Ipv6(_) => false,
    };
    let holds = |condition: i64| match condition {
        0 => now.is_some() || var.scope == VarScope::Proc,
        1 => now.is_none() && var.scope != VarScope::Proc,
        2 => empty,
        3 => !empty,
        4 => now.is_some(),
        5 => now.is_none(),
        6 | 7 => match (&now, &v) {
            (Some(Value::Int(kept)), Value::Int(new)) if condition == 6 => kept > new,
            (Some(Value::Int(kept)), Value::Int(new)) => kept < new,
            _ => true, // only numbers are compared
        },
        _ => true, // the parameters make it one of these
    };
    if (1..=4).filter_map(|at| a.int(at)).all(holds) {
        e.world.write(Write::Var { scope: var.scope, slot: var.slot, value: Some(v.to_stored()) });
    }
    Some(v)
}
