//! Encodings: hexadecimal, base64, URLs, JSON strings.

use super::{Converter, entry, refused};
use crate::arg::{ArgKind, Args, NONE, Params, params};
use crate::env::Env;
use crate::value::{Kind, Value};

use evenkeel_http::uri::{Plus, percent_decode};

const BLOCKS: Params = params(0, &[ArgKind::Str, ArgKind::Int, ArgKind::Int]);

pub(super) const ENTRIES: &[Converter] = &[
    entry(
        "hex",
        NONE,
        Kind::Bin,
        Kind::Str,
        "Two hexadecimal digits per byte.",
        &[("str(abc),hex", "616263")],
        |v, _, _| Some(Value::owned(hex(&v.into_bytes()))),
    ),
    entry(
        "hex2i",
        NONE,
        Kind::Str,
        Kind::Int,
        "The number that hexadecimal digits write.",
        &[("str(ff),hex2i", "255"), ("str(zz),hex2i", "-")],
        |v, _, _| {
            let mut n: u64 = 0;
            for b in v.to_text().iter() {
                n = n << 4 | u64::from((*b as char).to_digit(16)?);
            }
            Some(Value::Int(n as i64))
        },
    ),
    entry("base64", NONE, Kind::Bin, Kind::Str, "In base64.", &[("str(ab),base64", "YWI=")], |v, _, _| {
        Some(Value::owned(base64_encode(&v.into_bytes(), STANDARD, true)))
    }),
    entry(
        "b64dec",
        NONE,
        Kind::Str,
        Kind::Bin,
        "Out of base64.",
        &[("str(YWI=),b64dec", "ab"), ("str(YWI),b64dec", "-")],
        |v, _, _| base64_decode(&v.into_text()).map(|b| Value::Bin(b.into())),
    ),
    entry(
        "ub64enc",
        NONE,
        Kind::Bin,
        Kind::Str,
        "In base64url, without padding.",
        &[("str(ab?>),ub64enc", "YWI_Pg")],
        |v, _, _| Some(Value::owned(base64_encode(&v.into_bytes(), URL, false))),
    ),
    entry(
        "ub64dec",
        NONE,
        Kind::Str,
        Kind::Bin,
        "Out of base64url.",
        &[("str(YWI_Pg),ub64dec", "ab?>")],
        |v, _, _| {
            let text = v.into_text();
            let bare: Vec<u8> = text.iter().copied().filter(|b| *b != b'=').collect();
            decode(&bare, URL).map(|b| Value::Bin(b.into()))
        },
    ),
    entry(
        "url_dec",
        params(0, &[ArgKind::Int]),
        Kind::Str,
        Kind::Str,
        "Out of percent-encoding; `+` is a space after a question mark, or everywhere in forms (1).",
        &[
            ("str(a%20b+c?d+e),url_dec", "a b+c?d e"),
            ("str(a%20b+c),url_dec(1)", "a b c"),
            ("str(a%zz),url_dec", "-"),
        ],
        |v, a, _| {
            let plus = if a.int(0).unwrap_or(0) != 0 { Plus::Everywhere } else { Plus::InQuery };
            percent_decode(&v.to_text(), plus).map(Value::owned)
        },
    ),
    entry(
        "url_enc",
        params(0, &[ArgKind::Choice(&["query"])]),
        Kind::Str,
        Kind::Str,
        "In percent-encoding.",
        &[("str(a b&c/d~),url_enc", "a%20b%26c%2Fd~")],
        |v, _, _| {
            let mut out = Vec::new();
            for b in v.to_text().iter() {
                if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
                    out.push(*b);
                } else {
                    out.push(b'%');
                    out.extend_from_slice(&hex(&[*b]));
                }
            }
            Some(Value::owned(out))
        },
    ),
    entry(
        "be2hex",
        BLOCKS,
        Kind::Bin,
        Kind::Str,
        "Hexadecimal with a separator every so many bytes.",
        &[
            ("bin(01020304050607),be2hex", "01020304050607"),
            ("bin(01020304050607),be2hex(:,2)", "0102:0304:0506:07"),
            ("bin(01020304050607),be2hex(--,2,1)", "0102--0304--0506"),
            ("bin(0102030405060708),be2hex(,3,1)", "010203040506"),
        ],
        |v, a, _| blocks(v, a, usize::MAX, hex),
    ),
    entry(
        "be2dec",
        BLOCKS,
        Kind::Bin,
        Kind::Str,
        "A decimal number for every so many bytes, big end first.",
        &[("bin(01020304050607),be2dec(:,2)", "258:772:1286:7"), ("bin(7f000001),be2dec(.,1)", "127.0.0.1")],
        |v, a, _| {
            blocks(v, a, 8, |block| {
                block.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b)).to_string().into_bytes()
            })
        },
    ),
    entry(
        "le2dec",
        BLOCKS,
        Kind::Bin,
        Kind::Str,
        "A decimal number for every so many bytes, little end first.",
        &[("bin(01020304),le2dec(:,2)", "513:1027")],
        |v, a, _| {
            blocks(v, a, 8, |block| {
                block.iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b)).to_string().into_bytes()
            })
        },
    ),
    entry(
        "base2",
        NONE,
        Kind::Bin,
        Kind::Str,
        "Eight binary digits per byte.",
        &[("str(a),base2", "01100001")],
        |v, _, _| {
            Some(Value::owned(v.into_bytes().iter().flat_map(|b| format!("{b:08b}").into_bytes()).collect()))
        },
    ),
    entry(
        "json",
        params(0, &[ArgKind::Choice(JSON_CODES)]),
        Kind::Str,
        Kind::Str,
        "Escaped for a JSON string; the argument says how the input is encoded.",
        &[
            (r"str(a/b\tc),json(ascii)", r"a\/b\tc"),
            (r"str(a/b),json", r"a\/b"),
            ("str(é),json(utf8)", r"\u00e9"),
        ],
        json,
    ),
    refused("json_query", "not built yet: reading JSON"),
];

const JSON_CODES: &[&str] = &["ascii", "utf8", "utf8s", "utf8p", "utf8ps"];
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Two upper-case hexadecimal digits per byte.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for b in bytes {
        for half in [b >> 4, b & 15] {
            out.push(if half < 10 { b'0' + half } else { b'A' + half - 10 });
        }
    }
    out
}

fn base64_encode(bytes: &[u8], alphabet: &[u8; 64], pad: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for block in bytes.chunks(3) {
        let n = block.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - block.len()));
        for at in 0..4 {
            if at <= block.len() {
                let six = (n >> (18 - 6 * at)) as usize & 63;
                out.push(alphabet.get(six).copied().unwrap_or(b'A'));
            } else if pad {
                out.push(b'=');
            }
        }
    }
    out
}

/// Padded base64 (RFC 4648 §4).
pub fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let bare = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    decode(bare, STANDARD)
}

fn decode(text: &[u8], alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for block in text.chunks(4) {
        let mut n: u32 = 0;
        for b in block {
            n = n << 6 | alphabet.iter().position(|c| c == b)? as u32;
        }
        let bytes = match block.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None, // one digit is less than a byte
        };
        let n = n << (6 * (4 - block.len()));
        out.extend(n.to_be_bytes().iter().skip(1).take(bytes));
    }
    Some(out)
}

/// Every so many bytes written by `write`, with the separator between.
fn blocks<'a>(v: Value<'a>, a: &'a Args, most: usize, write: fn(&[u8]) -> Vec<u8>) -> Option<Value<'a>> {
    let separator = a.text(0).unwrap_or_default();
    let size = a.int(1).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let truncate = a.int(2).unwrap_or(0) != 0;
    let bytes = v.into_bytes();
    let Some(size) = size.or((most < usize::MAX).then_some(1)) else {
        return Some(Value::owned(write(&bytes)));
    };
    let mut out = Vec::new();
    for block in bytes.chunks(size.min(most)) {
        if truncate && block.len() < size {
            break;
        }
        if !out.is_empty() {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(&write(block));
    }
    Some(Value::owned(out))
}

/// What to do with UTF-8 that is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Utf8 {
    skip_errors: bool,
    allow_overlong: bool,
}

fn json<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    // Without an argument the input is ASCII.
    let mode = match a.int(0).unwrap_or(0) {
        0 => None,
        n => Some(Utf8 { skip_errors: matches!(n, 2 | 4), allow_overlong: matches!(n, 3 | 4) }),
    };
    let text = v.to_text();
    let mut out = Vec::with_capacity(text.len() + 8);
    let mut rest = text.as_ref();
    while let Some((first, tail)) = rest.split_first() {
        let code = match mode {
            None => {
                rest = tail;
                u32::from(*first)
            }
            Some(utf8) => match decode_utf8(rest) {
                (len, Some((code, overlong))) if utf8.allow_overlong || !overlong => {
                    rest = rest.get(len..).unwrap_or_default();
                    code
                }
                (len, _) if utf8.skip_errors => {
                    rest = rest.get(len.max(1)..).unwrap_or_default();
                    continue;
                }
                _ => return None, // a fault, and faults are not skipped
            },
        };
        match code {
            0x22 => out.extend_from_slice(b"\\\""),
            0x5c => out.extend_from_slice(b"\\\\"),
            0x2f => out.extend_from_slice(b"\\/"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0d => out.extend_from_slice(b"\\r"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x20..=0x7e => out.push(code as u8),
            0..=0xffff => out.extend_from_slice(format!("\\u{code:04x}").as_bytes()),
            _ if mode.is_some_and(|m| m.skip_errors) => {}
            _ => return None, // four hexadecimal digits cannot say it
        }
    }
    Some(Value::owned(out))
}

/// The code point at the start with whether it is longer than needed, and how many bytes it takes.
fn decode_utf8(text: &[u8]) -> (usize, Option<(u32, bool)>) {
    let Some(first) = text.first() else { return (0, None) };
    let (len, head, least) = match first {
        0..=0x7f => return (1, Some((u32::from(*first), false))),
        0xc0..=0xdf => (2, u32::from(first & 0x1f), 0x80),
        0xe0..=0xef => (3, u32::from(first & 0x0f), 0x800),
        0xf0..=0xf7 => (4, u32::from(first & 0x07), 0x10000),
        _ => return (1, None), // a lone continuation byte, or none of UTF-8's
    };
    let mut code = head;
    for at in 1..len {
        match text.get(at) {
            Some(b) if b & 0xc0 == 0x80 => code = code << 6 | u32::from(b & 0x3f),
            _ => return (at, None), // cut short
        }
    }
    if (0xd800..=0xdfff).contains(&code) || code > 0x10_ffff {
        return (len, None);
    }
    (len, Some((code, code < least)))
}
