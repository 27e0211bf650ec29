//! Parts of the URL: parameters, and the address in an absolute one.

use std::net::IpAddr;

use evenkeel_http::uri;

use super::{Fetch, also, many, one, request};
use crate::arg::{Arg, ArgKind, Args, NONE, Params, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value, leading_int};

const PARAM: Params = params(0, &[ArgKind::Str, ArgKind::Str]);

const URLP: Fetch = many(
    "urlp",
    PARAM,
    Kind::Str,
    Needs::REQUEST,
    "A parameter of the query; ACLs look at every one of that name, or at all.",
    &[("urlp(y)", "two"), ("urlp(x)", "1"), ("urlp(none)", "-"), ("urlp()", "1")],
    |args, env| params_of(args, env)?.next().map(Value::text),
    |args, env, found| {
        for value in params_of(args, env).into_iter().flatten() {
            if found(Value::text(value)) {
                return;
            }
        }
    },
);

pub(super) const ENTRIES: &[Fetch] = &[
    URLP,
    also("url_param", URLP),
    many(
        "urlp_val",
        PARAM,
        Kind::Int,
        Needs::REQUEST,
        "A parameter of the query as a number.",
        &[("urlp_val(x)", "1")],
        |args, env| Some(Value::Int(leading_int(params_of(args, env)?.next()?)?)),
        |args, env, found| {
            for value in params_of(args, env).into_iter().flatten() {
                if leading_int(value).is_some_and(|n| found(Value::Int(n))) {
                    return;
                }
            }
        },
    ),
    one(
        "url_ip",
        NONE,
        Kind::Addr,
        Needs::REQUEST,
        "The address in an absolute URL.",
        &[("url_ip", "-")],
        |_, env| address(env).map(|(ip, _)| Value::ip(ip)),
    ),
    one(
        "url_port",
        NONE,
        Kind::Int,
        Needs::REQUEST,
        "The port beside the address in an absolute URL; 80 where it has none.",
        &[("url_port", "-")],
        |_, env| address(env).map(|(_, port)| Value::Int(i64::from(port))),
    ),
];

/// The values of the parameters asked for.
fn params_of<'a>(args: &'a Args, env: &Env<'a>) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    // `urlp()` asks for any parameter, `urlp` alone for none.
    let Arg::Text(name) = args.get(0) else { return None };
    let name = Some(name.as_slice()).filter(|n| !n.is_empty());
    let delimiter = args.text(1).and_then(|d| d.first()).copied().unwrap_or(b'?');
    let target = request::head(env)?.target();
    Some(
        uri::url_params(target, delimiter)
            .filter(move |(n, _)| name.is_none_or(|name| name == *n))
            .map(|(_, value)| value),
    )
}

fn address(env: &Env<'_>) -> Option<(IpAddr, u16)> {
    // The original does not look behind a user's name.
    let (host, port) = uri::split_port(uri::authority(request::head(env)?.target())?);
    let host = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]")).unwrap_or(host);
    let ip = std::str::from_utf8(host).ok()?.parse().ok()?;
    let port = match port {
        Some(port) => std::str::from_utf8(port).ok()?.parse().ok()?,
        None => 80,
    };
    Some((ip, port))
}
