//! Maps: a value looked up in a file read at the start.

use super::{Convert, Converter, entry, refused};
use crate::arg::{Arg, ArgKind, Args, Params, params};
use crate::env::Env;
use crate::pattern::Match;
use crate::value::{Kind, Value};

const LATER: &str = "not built yet: maps that give their key";

macro_rules! three {
    ($method:ident, $from:ident, $str:literal, $int:literal, $ip:literal) => {
        [
            map(
                $str,
                params(1, &[ArgKind::Map(Match::$method), ArgKind::MapDefault(Kind::Str)]),
                Kind::$from,
                Kind::Str,
                look,
            ),
            map(
                $int,
                params(1, &[ArgKind::Map(Match::$method), ArgKind::MapDefault(Kind::Int)]),
                Kind::$from,
                Kind::Int,
                look,
            ),
            map(
                $ip,
                params(1, &[ArgKind::Map(Match::$method), ArgKind::MapDefault(Kind::Addr)]),
                Kind::$from,
                Kind::Addr,
                look,
            ),
        ]
    };
}

const STR: [Converter; 3] = three!(Str, Str, "map_str", "map_str_int", "map_str_ip");
const BEG: [Converter; 3] = three!(Beg, Str, "map_beg", "map_beg_int", "map_beg_ip");
const SUB: [Converter; 3] = three!(Sub, Str, "map_sub", "map_sub_int", "map_sub_ip");
const DIR: [Converter; 3] = three!(Dir, Str, "map_dir", "map_dir_int", "map_dir_ip");
const DOM: [Converter; 3] = three!(Dom, Str, "map_dom", "map_dom_int", "map_dom_ip");
const END: [Converter; 3] = three!(End, Str, "map_end", "map_end_int", "map_end_ip");
const REG: [Converter; 3] = three!(Reg, Str, "map_reg", "map_reg_int", "map_reg_ip");
const INT: [Converter; 3] = three!(Int, Int, "map_int", "map_int_int", "map_int_ip");
const IP: [Converter; 3] = three!(Ip, Addr, "map_ip", "map_ip_int", "map_ip_ip");

pub(super) const ENTRIES: &[Converter] = &[
    Converter { name: "map", ..STR[0] },
    STR[0],
    STR[1],
    STR[2],
    BEG[0],
    BEG[1],
    BEG[2],
    SUB[0],
    SUB[1],
    SUB[2],
    DIR[0],
    DIR[1],
    DIR[2],
    DOM[0],
    DOM[1],
    DOM[2],
    END[0],
    END[1],
    END[2],
    REG[0],
    REG[1],
    REG[2],
    INT[0],
    INT[1],
    INT[2],
    IP[0],
    IP[1],
    IP[2],
    map(
        "map_regm",
        params(1, &[ArgKind::Map(Match::Reg), ArgKind::MapDefault(Kind::Str)]),
        Kind::Str,
        Kind::Str,
        |v, a, _| {
            let Arg::Map(map) = a.get(0) else { return None };
            map.expand(&v).or_else(|| default(a))
        },
    ),
    refused("map_beg_key", LATER),
    refused("map_dir_key", LATER),
    refused("map_dom_key", LATER),
    refused("map_end_key", LATER),
    refused("map_int_key", LATER),
    refused("map_ip_key", LATER),
    refused("map_reg_key", LATER),
    refused("map_str_key", LATER),
    refused("map_sub_key", LATER),
    refused("map_match", "a name of the manual's table, not of a converter"),
    refused("map_match_output", "a name of the manual's table, not of a converter"),
];

const fn map(name: &'static str, params: Params, takes: Kind, gives: Kind, eval: Convert) -> Converter {
    entry(
        name,
        params,
        takes,
        gives,
        "The value that a map file has for this key, or the default.",
        &[],
        eval,
    )
}

fn look<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    let Arg::Map(map) = a.get(0) else { return None };
    map.find(&v).or_else(|| default(a))
}

fn default(a: &Args) -> Option<Value<'_>> {
    match a.get(1) {
        Arg::Text(text) => Some(Value::text(text)),
        Arg::Int(n) => Some(Value::Int(*n)),
        Arg::Ipv4(ip) => Some(Value::Ipv4(*ip)),
        Arg::Ipv6(ip) => Some(Value::Ipv6(*ip)),
        _ => None, // no default
    }
}
