//! Texts: cutting, joining, replacing, comparing.

use std::borrow::Cow;

use bstr::ByteSlice;

use super::{Converter, entry};
use crate::arg::{Arg, ArgKind, Args, NONE, Params, params};
use crate::env::Env;
use crate::fetch::var;
use crate::value::{Kind, Value};

const CHARS: Params = params(1, &[ArgKind::Str]);
const PART: Params = params(2, &[ArgKind::Index, ArgKind::Separators, ArgKind::Int]);

pub(super) const ENTRIES: &[Converter] = &[
    entry("lower", NONE, Kind::Str, Kind::Str, "In lower case.", &[("str(AbC),lower", "abc")], |v, _, _| {
        changed(v, u8::is_ascii_uppercase, |t| t.make_ascii_lowercase())
    }),
    entry("upper", NONE, Kind::Str, Kind::Str, "In upper case.", &[("str(AbC),upper", "ABC")], |v, _, _| {
        changed(v, u8::is_ascii_lowercase, |t| t.make_ascii_uppercase())
    }),
    entry(
        "length",
        NONE,
        Kind::Str,
        Kind::Int,
        "The length in bytes.",
        &[("str(abc),length", "3")],
        |v, _, _| Some(Value::Int(v.to_text().len() as i64)),
    ),
    entry(
        "field",
        PART,
        Kind::Str,
        Kind::Str,
        "The field at an index, from 1, or from the end with a negative one; empty fields count.",
        &[
            ("str(f1_f2_f3__f5),field(5,_)", "f5"),
            ("str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5"),
            ("str(f1_f2_f3__f5),field(2,_,2)", "f2_f3"),
            ("str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_"),
            ("str(f1_f2_f3__f5),field(-3,_,0)", "f1_f2_f3"),
        ],
        |v, a, _| part(v, a, false),
    ),
    entry(
        "word",
        PART,
        Kind::Str,
        Kind::Str,
        "The word at an index, from 1, or from the end with a negative one; runs of delimiters count once.",
        &[
            ("str(f1_f2_f3__f5),word(4,_)", "f5"),
            ("str(f1_f2_f3__f5),word(2,_,0)", "f2_f3__f5"),
            ("str(f1_f2_f3__f5),word(3,_,2)", "f3__f5"),
            ("str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3"),
            ("str(f1_f2_f3__f5),word(-3,_,0)", "f1_f2"),
            ("str(/f1/f2/f3/f4),word(1,/)", "f1"),
            ("str(f1),word(2,_)", ""),
        ],
        |v, a, _| part(v, a, true),
    ),
    entry(
        "bytes",
        params(1, &[ArgKind::Int, ArgKind::Int]),
        Kind::Bin,
        Kind::Bin,
        "The bytes from an offset, up to a length.",
        &[("str(abc),bytes(1)", "bc"), ("str(abc),bytes(1,1)", "b")],
        bytes,
    ),
    entry(
        "ltrim",
        CHARS,
        Kind::Str,
        Kind::Str,
        "Without those characters at the beginning.",
        &[("str(aabc),ltrim(a)", "bc")],
        |v, a, _| {
            let chars = a.text(0).unwrap_or_default();
            cut(v, |t| (t.iter().take_while(|b| chars.contains(b)).count(), t.len()))
        },
    ),
    entry(
        "rtrim",
        CHARS,
        Kind::Str,
        Kind::Str,
        "Without those characters at the end.",
        &[("str(abcc),rtrim(c)", "ab")],
        |v, a, _| {
            let chars = a.text(0).unwrap_or_default();
            cut(v, |t| (0, t.len() - t.iter().rev().take_while(|b| chars.contains(b)).count()))
        },
    ),
    entry(
        "cut_crlf",
        NONE,
        Kind::Str,
        Kind::Str,
        "Up to the first line end.",
        &[(r"str(a\nb),cut_crlf", "a")],
        |v, _, _| cut(v, |t| (0, t.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(t.len()))),
    ),
    entry(
        "concat",
        params(0, &[ArgKind::Str, ArgKind::OptVar, ArgKind::Str]),
        Kind::Str,
        Kind::Str,
        "With a text, a variable's value and a text behind it.",
        &[("str(a),concat(<,txn.host,>)", "a<www>")],
        |v, a, e| {
            let mut out = v.into_text().into_owned();
            out.extend_from_slice(a.text(0).unwrap_or_default());
            out.extend_from_slice(&variable(a, 1, e).unwrap_or_default());
            out.extend_from_slice(a.text(2).unwrap_or_default());
            Some(Value::owned(out))
        },
    ),
    entry(
        "add_item",
        params(2, &[ArgKind::Str, ArgKind::OptVar, ArgKind::Str]),
        Kind::Str,
        Kind::Str,
        "With a delimiter, a variable's value and a text behind it; the delimiter only between two that are not empty.",
        &[("str(a),add_item(:,txn.host)", "a:www"), ("str(),add_item(:,,x)", "x")],
        |v, a, e| {
            let mut out = v.into_text().into_owned();
            let item = variable(a, 1, e).unwrap_or_default();
            let suffix = a.text(2).unwrap_or_default();
            let adds = !item.is_empty() || !suffix.is_empty();
            if adds && !out.is_empty() {
                out.extend_from_slice(a.text(0).unwrap_or_default());
            }
            out.extend_from_slice(&item);
            out.extend_from_slice(suffix);
            Some(Value::owned(out))
        },
    ),
    entry(
        "regsub",
        params(2, &[ArgKind::Regex, ArgKind::Str, ArgKind::Str]),
        Kind::Str,
        Kind::Str,
        "With what a regular expression matches replaced; flags: g for all, i for any case.",
        &[
            ("str(abcb),regsub(b,X)", "aXcb"),
            ("str(abcb),regsub(b,X,g)", "aXcX"),
            (r#"str(abc),regsub("(b)(c)","\2\1")"#, "acb"),
        ],
        |v, a, _| {
            let Arg::Regex(regex) = a.get(0) else { return None };
            let all = a.text(2).is_some_and(|flags| flags.contains(&b'g'));
            let mut out = Vec::new();
            regex.replace(&v.to_text(), a.text(1).unwrap_or_default(), all, &mut out);
            Some(Value::owned(out))
        },
    ),
    entry(
        "iif",
        params(2, &[ArgKind::Str, ArgKind::Str]),
        Kind::Bool,
        Kind::Str,
        "One text if true, another if not.",
        &[("bool(1),iif(yes,no)", "yes"), ("int(0),iif(yes,no)", "no")],
        |v, a, _| {
            let at = if v.to_bool()? { 0 } else { 1 };
            Some(Value::text(a.text(at).unwrap_or_default()))
        },
    ),
    entry(
        "strcmp",
        params(1, &[ArgKind::Var]),
        Kind::Str,
        Kind::Int,
        "0 if equal to a variable's value, below 0 if before it in order, else above.",
        &[("str(www),strcmp(txn.host)", "0")],
        |v, a, e| {
            let other = variable(a, 0, e)?;
            Some(Value::Int(compare(&v.to_text(), &other)))
        },
    ),
    entry(
        "host_only",
        NONE,
        Kind::Str,
        Kind::Str,
        "The host of a Host header, in lower case, without its port.",
        &[("str(Www.Ex.com:80),host_only", "www.ex.com"), ("str([::1]:80),host_only", "[::1]")],
        |v, _, _| Some(Value::owned(host_port(&v.to_text()).0.to_ascii_lowercase())),
    ),
    entry(
        "port_only",
        NONE,
        Kind::Str,
        Kind::Int,
        "The port of a Host header, 0 where it has none.",
        &[("str(Www.Ex.com:80),port_only", "80"), ("str([::1]),port_only", "0")],
        |v, _, _| {
            let text = v.to_text();
            Some(Value::Int(host_port(&text).1.and_then(crate::arg::int).unwrap_or(0)))
        },
    ),
    entry(
        "language",
        params(1, &[ArgKind::Str, ArgKind::Str]),
        Kind::Str,
        Kind::Str,
        "The language of an Accept-Language header that is wanted most among those listed.",
        &[("str('de;q=0.5,en-us,fr;q=0.9'),language(fr;en)", "en"), ("str(de),language(fr;en,xx)", "xx")],
        language,
    ),
    entry(
        "reverse",
        NONE,
        Kind::Str,
        Kind::Str,
        "The text backwards.",
        &[("str(abc),reverse", "cba")],
        |v, _, _| {
            let mut text = v.into_text().into_owned();
            text.reverse();
            Some(Value::owned(text))
        },
    ),
    entry(
        "reverse_dom",
        NONE,
        Kind::Str,
        Kind::Str,
        "The labels of a domain backwards.",
        &[("str(www.ex.com),reverse_dom", "com.ex.www")],
        |v, _, _| {
            let text = v.to_text();
            let labels: Vec<&[u8]> = text.rsplit_str(".").collect();
            Some(Value::owned(labels.join(&b'.')))
        },
    ),
    entry(
        "param",
        params(1, &[ArgKind::Str, ArgKind::Str]),
        Kind::Str,
        Kind::Str,
        "The value of a parameter in a query.",
        &[("str(a=1&b=2),param(b)", "2"), ("str(a=1;b=2),param(b,;)", "2")],
        |v, a, _| {
            let text = v.to_text();
            let name = a.text(0)?;
            let between = a.text(1).and_then(|t| t.first()).copied().unwrap_or(b'&');
            text.split(|b| *b == between).find_map(|pair| {
                let rest = pair.strip_prefix(name)?;
                match rest.split_first() {
                    Some((b'=', value)) => Some(Value::owned(value.to_vec())),
                    Some(_) => None,
                    None => Some(Value::text(b"")),
                }
            })
        },
    ),
];

/// A changed copy, or the text itself where nothing would change.
fn changed<'a>(v: Value<'a>, touches: fn(&u8) -> bool, change: fn(&mut [u8])) -> Option<Value<'a>> {
    let text = v.into_text();
    if !text.iter().any(touches) {
        return Some(Value::Str(text));
    }
    let mut text = text.into_owned();
    change(&mut text);
    Some(Value::owned(text))
}

/// The part of a text between two offsets, without a copy where it is borrowed.
fn cut<'a>(v: Value<'a>, range: impl Fn(&[u8]) -> (usize, usize)) -> Option<Value<'a>> {
    let text = v.into_text();
    let (start, end) = range(&text);
    let start = start.min(end);
    Some(Value::Str(match text {
        Cow::Borrowed(t) => Cow::Borrowed(t.get(start..end)?),
        Cow::Owned(t) => Cow::Owned(t.get(start..end)?.to_vec()),
    }))
}

fn bytes<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    let start = usize::try_from(a.int(0)?).ok()?;
    let len = a.int(1).and_then(|n| usize::try_from(n).ok());
    let whole = v.to_text().len();
    if start >= whole {
        return None;
    }
    let end = len.map_or(whole, |len| start.saturating_add(len).min(whole));
    cut(v, |_| (start, end))?.cast(Kind::Bin)
}

/// `field` and `word`.
fn part<'a>(v: Value<'a>, a: &'a Args, words: bool) -> Option<Value<'a>> {
    let index = a.int(0)?;
    let delimiters = a.text(1)?;
    let count = usize::try_from(a.int(2).unwrap_or(1)).ok()?;
    let text = v.to_text();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    for at in 0..=text.len() {
        if text.get(at).is_none_or(|b| delimiters.contains(b)) {
            if !(words && start == at) {
                parts.push((start, at));
            }
            start = at + 1;
        }
    }
    let nth = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    if words && nth >= parts.len() {
        return Some(Value::text(b""));
    }
    // `count` parts from there on, away from the end that the index counts from; 0: all of them, delimiters included.
    let range = if index > 0 {
        let first = parts.get(nth)?.0;
        let last = match count {
            0 => text.len(),
            n => parts.get(nth + n - 1).or(parts.last())?.1,
        };
        let last = if words && count > 0 && nth + count > parts.len() { text.len() } else { last };
        (first, last)
    } else {
        let from = parts.len().checked_sub(nth + 1)?;
        let last = parts.get(from)?.1;
        let first = match count {
            0 => 0,
            n if n > from + 1 => 0,
            n => parts.get(from + 1 - n)?.0,
        };
        (first, last)
    };
    drop(text);
    cut(v, |_| range)
}

fn variable<'a>(a: &'a Args, at: usize, env: &Env<'a>) -> Option<Cow<'a, [u8]>> {
    match a.get(at) {
        Arg::Var(var) => Some(var::get(*var, env)?.into_text()),
        _ => None, // left out
    }
}

/// strcmp(3): the difference of the first bytes that differ, or of the lengths.
fn compare(a: &[u8], b: &[u8]) -> i64 {
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((x, y)) => i64::from(*x) - i64::from(*y),
        None => (a.len() as i64 - b.len() as i64).signum(),
    }
}

fn host_port(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    evenkeel_http::uri::split_port(text)
}

fn language<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    let known = a.text(0)?;
    let text = v.to_text();
    let mut best: Option<(u32, &'a [u8])> = None;
    for item in text.split(|b| *b == b',') {
        let (name, rest) = item.split_once_str(";").unwrap_or((item, b""));
        let name = name.trim();
        let quality = match rest.trim().strip_prefix(b"q=") {
            Some(q) => thousandths(q),
            None => 1000,
        };
        if quality == 0 || best.is_some_and(|(q, _)| q >= quality) {
            continue;
        }
        let base = name.split(|b| *b == b'-').next().unwrap_or(name);
        let among = |wanted: &[u8]| known.split(|b| *b == b';').find(|k| *k == wanted);
        if let Some(found) = among(name).or_else(|| among(base)) {
            best = Some((quality, found));
        }
    }
    match (best, a.text(1)) {
        (Some((_, found)), _) => Some(Value::text(found)),
        (None, default) => default.map(Value::text),
    }
}

/// A q-factor in thousandths (RFC 9110 §12.4.2); what cannot be read is 1.
fn thousandths(q: &[u8]) -> u32 {
    let text = q.trim();
    let number: Option<f32> = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
    number.map_or(1000, |n| (n.clamp(0.0, 1.0) * 1000.0) as u32)
}
