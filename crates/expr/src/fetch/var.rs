//! Variables.

use super::{Fetch, one, refused};
use crate::arg::{Arg, ArgKind, Args, VarRef, params};
use crate::env::{Env, VarScope};
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "var",
        params(1, &[ArgKind::Var, ArgKind::Str]),
        Kind::Any,
        Needs::NOTHING,
        "A variable's value, or the default if it is not set.",
        &[("var(txn.host)", "www"), ("var(txn.none,default)", "default"), ("var(txn.none)", "-")],
        var,
    ),
    refused("dump_all_vars", "not built yet: listing variables"),
];

fn var<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let Arg::Var(var) = args.get(0) else { return None };
    get(*var, env).or_else(|| match args.get(1) {
        Arg::Text(default) => Some(Value::text(default)),
        _ => None, // no default
    })
}

/// A variable's value.
pub(crate) fn get<'a>(var: VarRef, env: &Env<'a>) -> Option<Value<'a>> {
    if let Some(written) = env.world.written(var.scope, var.slot) {
        return written.map(Value::from);
    }
    match var.scope {
        VarScope::Proc => env.world.proc_var(var.slot).map(Value::from),
        VarScope::Sess => env.world.sess_var(var.slot).map(Value::from),
        VarScope::Txn | VarScope::Req | VarScope::Res => {
            env.stream.vars.get(var.slot as usize)?.as_ref().map(Value::from)
        }
    }
}
