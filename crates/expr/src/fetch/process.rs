//! The process: clock, randomness, names, counts.

use super::{Fetch, alias, one, refused};
use crate::arg::{ArgKind, Args, NONE, params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

pub(super) const UNITS: &[&str] = &["s", "ms", "us"];

const COSTS: &str = "not built yet: per-task cost counters";

pub(super) const ENTRIES: &[Fetch] = &[
    one(
        "date",
        params(0, &[ArgKind::Int, ArgKind::Choice(UNITS)]),
        Kind::Int,
        Needs::NOTHING,
        "The date: seconds since 1970, plus an offset; or in ms or us.",
        &[("date", "1700000000"), ("date(-10)", "1699999990"), ("date(1,ms)", "1700000000124")],
        date,
    ),
    one(
        "date_us",
        NONE,
        Kind::Int,
        Needs::NOTHING,
        "The microseconds of the date.",
        &[("date_us", "123456")],
        |_, env| Some(Value::Int(i64::from(env.world.wall().subsec_micros()))),
    ),
    one(
        "rand",
        params(0, &[ArgKind::Int]),
        Kind::Int,
        Needs::NOTHING,
        "A random number below the argument, or below 2^32.",
        &[("rand(1)", "0")],
        rand,
    ),
    one(
        "uuid",
        params(0, &[ArgKind::Int]),
        Kind::Str,
        Needs::NOTHING,
        "A random UUID (version 4).",
        &[("uuid,length", "36")],
        uuid,
    ),
    one(
        "hostname",
        NONE,
        Kind::Str,
        Needs::NOTHING,
        "The machine's name.",
        &[("hostname", "lb1")],
        |_, env| Some(Value::text(env.world.hostname().as_bytes())),
    ),
    one("pid", NONE, Kind::Int, Needs::RUNNING, "The process id.", &[("pid", "4242")], |_, env| {
        Some(Value::Int(i64::from(env.world.pid())))
    }),
    one("nbproc", NONE, Kind::Int, Needs::NOTHING, "1: there is one process.", &[("nbproc", "1")], |_, _| {
        Some(Value::Int(1))
    }),
    one("proc", NONE, Kind::Int, Needs::NOTHING, "1: the only process.", &[("proc", "1")], |_, _| {
        Some(Value::Int(1))
    }),
    one(
        "thread",
        NONE,
        Kind::Int,
        Needs::NOTHING,
        "The number of this shard, from 0.",
        &[("thread", "0")],
        |_, env| Some(Value::Int(i64::from(env.world.shard().1))),
    ),
    one(
        "tgroup",
        NONE,
        Kind::Int,
        Needs::NOTHING,
        "The thread group: always 1.",
        &[("tgroup", "1")],
        |_, _| Some(Value::Int(1)),
    ),
    one(
        "act_conn",
        NONE,
        Kind::Int,
        Needs::RUNNING,
        "Connections of the process.",
        &[("act_conn", "7")],
        |_, env| Some(Value::Int(i64::from(env.world.connections()))),
    ),
    one(
        "stopping",
        NONE,
        Kind::Bool,
        Needs::RUNNING,
        "True while the process drains.",
        &[("stopping", "0")],
        |_, env| Some(Value::Bool(env.world.stopping())),
    ),
    one(
        "uptime",
        NONE,
        Kind::Int,
        Needs::RUNNING,
        "Seconds since the start.",
        &[("uptime", "60")],
        |_, env| Some(Value::Int(env.world.uptime().as_secs() as i64)),
    ),
    one(
        "wait_end",
        NONE,
        Kind::Bool,
        Needs::RUNNING,
        "True once nothing more is waited for (the inspection delay is over); nothing before.",
        &[("wait_end", "1")],
        |_, env| env.settled.then_some(Value::Bool(true)),
    ),
    one(
        "quic_enabled",
        NONE,
        Kind::Bool,
        Needs::NOTHING,
        "False: there is no QUIC.",
        &[("quic_enabled", "0")],
        |_, _| Some(Value::Bool(false)),
    ),
    alias(
        "internal.strm.is_htx",
        one("", NONE, Kind::Bool, Needs::RUNNING, "Developers' fetch: always true.", &[], |_, _| {
            Some(Value::Bool(true))
        }),
        "nothing: every HTTP stream of the original is",
    ),
    refused("cpu_calls", COSTS),
    refused("cpu_ns_avg", COSTS),
    refused("cpu_ns_tot", COSTS),
    refused("cpu_usage_grp", COSTS),
    refused("cpu_usage_proc", COSTS),
    refused("cpu_usage_thr", COSTS),
    refused("lat_ns_avg", COSTS),
    refused("lat_ns_tot", COSTS),
];

fn date<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let wall = env.world.wall();
    let now = match args.int(1) {
        Some(1) => wall.as_micros() / 1000,
        Some(2) => wall.as_micros(),
        _ => wall.secs(), // "s" or nothing
    };
    Some(Value::Int((now as i64).wrapping_add(args.int(0).unwrap_or(0))))
}

fn rand<'a>(args: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let n = u64::from(env.world.random());
    // As the original: the high part of the product spreads the range evenly.
    let below = args.int(0).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    Some(Value::Int(match below {
        Some(range) => ((n * range.min(1 << 32)) >> 32) as i64,
        None => n as i64,
    }))
}

fn uuid<'a>(_: &'a Args, env: &Env<'a>) -> Option<Value<'a>> {
    let mut n: u128 = 0;
    for _ in 0..4 {
        n = n << 32 | u128::from(env.world.random());
    }
    // RFC 9562 §5.4: version 4, variant 10.
    n = n & !(0xf << 76) | 4 << 76;
    n = n & !(3 << 62) | 2 << 62;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        n >> 96,
        n >> 80 & 0xffff,
        n >> 64 & 0xffff,
        n >> 48 & 0xffff,
        n & 0xffff_ffff_ffff
    );
    Some(Value::owned(text.into_bytes()))
}
