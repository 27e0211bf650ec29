//! Dates as text.

use super::{Converter, entry, refused};
use crate::arg::{ArgKind, Args, Params, params};
use crate::calendar;
use crate::env::Env;
use crate::value::{Kind, Value};

use evenkeel_base::WallTime;

const FORMAT: Params = params(1, &[ArgKind::Str, ArgKind::Int]);
const UNITS: &[&str] = &["s", "ms", "us"];

pub(super) const ENTRIES: &[Converter] = &[
    entry(
        "http_date",
        params(0, &[ArgKind::Int, ArgKind::Choice(UNITS)]),
        Kind::Int,
        Kind::Str,
        "A date as headers have it, after an offset; in s, ms or us.",
        &[
            ("int(0),http_date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("int(5),http_date(5)", "Thu, 01 Jan 1970 00:00:10 GMT"),
        ],
        http_date,
    ),
    entry(
        "utime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "A date in UTC in the format of strftime(3), after an offset.",
        &[("int(1700000000),utime(%Y%m%d%H%M%S)", "20231114221320")],
        |v, a, e| written(v, a, e, 1, false),
    ),
    entry(
        "ltime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "A date in local time in the format of strftime(3), after an offset.",
        &[("int(1700000000),ltime(%H:%M %z)", "23:13 +0100")],
        |v, a, e| written(v, a, e, 1, true),
    ),
    entry(
        "ms_utime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "The same as utime for milliseconds; %N is the fraction.",
        &[("int(1700000000123),ms_utime(%S.%3N)", "20.123")],
        |v, a, e| written(v, a, e, 1_000, false),
    ),
    entry(
        "ms_ltime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "The same as ltime for milliseconds; %N is the fraction.",
        &[("int(1700000000123),ms_ltime(%H.%3N)", "23.123")],
        |v, a, e| written(v, a, e, 1_000, true),
    ),
    entry(
        "us_utime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "The same as utime for microseconds; %N is the fraction.",
        &[("int(1700000000123456),us_utime(%S.%N)", "20.123456")],
        |v, a, e| written(v, a, e, 1_000_000, false),
    ),
    entry(
        "us_ltime",
        FORMAT,
        Kind::Int,
        Kind::Str,
        "The same as ltime for microseconds; %N is the fraction.",
        &[("int(1700000000123456),us_ltime(%H.%N)", "23.123456")],
        |v, a, e| written(v, a, e, 1_000_000, true),
    ),
    refused("date", "not built yet: reading dates"),
];

fn http_date<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    let date = v.to_int()?.saturating_add(a.int(0).unwrap_or(0));
    let per = match a.int(1) {
        Some(1) => 1_000,
        Some(2) => 1_000_000,
        _ => 1, // "s" or nothing
    };
    let when = calendar::Moment::new(date.div_euclid(per), 0);
    let mut out = Vec::new();
    when.format(b"%a, %d %b %Y %H:%M:%S", 0, &mut out);
    if per > 1 {
        // The original writes the fraction without leading zeros.
        out.extend_from_slice(format!(".{}", date.rem_euclid(per)).as_bytes());
    }
    out.extend_from_slice(b" GMT");
    Some(Value::owned(out))
}

fn written<'a>(v: Value<'a>, a: &'a Args, env: &Env<'a>, per: i64, local: bool) -> Option<Value<'a>> {
    let date = v.to_int()?.saturating_add(a.int(1).unwrap_or(0));
    let secs = date.div_euclid(per);
    let offset = match (local, u64::try_from(secs)) {
        (true, Ok(secs)) => env.world.utc_offset_secs(WallTime::from_micros(secs.saturating_mul(1_000_000))),
        _ => 0, // UTC, or before the calendar of the world begins
    };
    let micros = (date.rem_euclid(per) * (1_000_000 / per)) as u32;
    let mut out = Vec::new();
    calendar::Moment::new(secs, offset).format(a.text(0).unwrap_or_default(), micros, &mut out);
    Some(Value::owned(out))
}
