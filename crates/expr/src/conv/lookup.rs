//! Names found in traffic, looked up among the proxies; address masks.

use std::net::{Ipv4Addr, Ipv6Addr};

use bstr::ByteSlice;
use evenkeel_base::ServerId;

use super::{Converter, entry};
use crate::arg::{Arg, ArgKind, NONE, params};
use crate::env::Env;
use crate::value::{Kind, Value};

pub(super) const ENTRIES: &[Converter] = &[
    entry(
        "ipmask",
        params(1, &[ArgKind::Mask4, ArgKind::Mask6]),
        Kind::Addr,
        Kind::Addr,
        "The address under a mask; IPv6 needs a mask of its own.",
        &[
            ("src,ipmask(24)", "192.0.2.0"),
            ("ipv6(2001:db8::1),ipmask(24,32)", "2001:db8::"),
            ("ipv6(::1:0:1),ipmask(24)", "-"),
        ],
        |v, a, _| match (v.unmapped(), a.get(0), a.get(1)) {
            (Value::Ipv4(ip), Arg::Ipv4(mask), _) => {
                Some(Value::Ipv4(Ipv4Addr::from(u32::from(ip) & u32::from(*mask))))
            }
            (Value::Ipv6(ip), _, Arg::Ipv6(mask)) => {
                Some(Value::Ipv6(Ipv6Addr::from(u128::from(ip) & u128::from(*mask))))
            }
            _ => None, // no mask for this family
        },
    ),
    entry(
        "nbsrv",
        NONE,
        Kind::Str,
        Kind::Int,
        "Usable servers of the backend of that name.",
        &[("str(app),nbsrv", "2"), ("str(none),nbsrv", "-")],
        |v, _, e| {
            let backend = e.world.backend_named(&v.to_text())?;
            Some(Value::Int(i64::from(e.world.usable_servers(backend))))
        },
    ),
    entry(
        "srv_queue",
        NONE,
        Kind::Str,
        Kind::Int,
        "Requests queued for the server of that name, or backend/name.",
        &[("str(app/app1),srv_queue", "1")],
        |v, _, e| Some(Value::Int(i64::from(e.world.server(server(&v, e)?).load.queued))),
    ),
    entry(
        "srv_is_up",
        NONE,
        Kind::Str,
        Kind::Bool,
        "True if the server of that name, or backend/name, can take traffic.",
        &[("str(app/app1),srv_is_up", "1")],
        |v, _, e| Some(Value::Bool(e.world.server(server(&v, e)?).up)),
    ),
];

fn server(name: &Value<'_>, env: &Env<'_>) -> Option<ServerId> {
    let text = name.to_text();
    match text.split_once_str("/") {
        Some((backend, name)) => env.world.server_named(env.world.backend_named(backend)?, name),
        None => env.world.server_named(env.stream.backend?, &text),
    }
}
