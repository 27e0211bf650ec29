//! The status line.

use super::{Fetch, alias, one, refused};
use crate::arg::NONE;
use crate::needs::Needs;
use crate::value::{Kind, Value};

const VERSION: Fetch = one(
    "res.ver",
    NONE,
    Kind::Str,
    Needs::RESPONSE,
    "The response's version, such as 1.1.",
    &[("res.ver", "-")],
    |_, env| Some(Value::text(env.res?.version().digits().as_bytes())),
);

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "status",
        NONE,
        Kind::Int,
        Needs::RESPONSE_KEPT,
        "The response's status.",
        &[("status", "-")],
        |_, env| match (env.res, env.stream.status) {
            (Some(head), _) => Some(Value::Int(i64::from(head.status()))),
            (None, 0) => None,
            (None, status) => Some(Value::Int(i64::from(status))),
        },
    ),
    VERSION,
    alias("resp_ver", VERSION, "res.ver"),
    one(
        "res.cache_hit",
        NONE,
        Kind::Bool,
        Needs::RESPONSE_KEPT,
        "False: there is no cache yet.",
        &[("res.cache_hit", "0")],
        |_, _| Some(Value::Bool(false)),
    ),
    one(
        "res.comp",
        NONE,
        Kind::Bool,
        Needs::RESPONSE_KEPT,
        "False: there is no compression yet.",
        &[("res.comp", "0")],
        |_, _| Some(Value::Bool(false)),
    ),
    refused("res.cache_name", "not built yet: the cache"),
    refused("res.comp_algo", "not built yet: compression"),
    one(
        "server_status",
        NONE,
        Kind::Int,
        Needs::RESPONSE_KEPT,
        "The status that the server sent.",
        &[("server_status", "-")],
        |_, env| Some(Value::Int(i64::from(env.res?.status()))),
    ),
];
