//! Hashes that spread keys, the same as those of the balancer.

use evenkeel_base::hash;

use super::{Convert, Converter, entry, refused};
use crate::arg::{ArgKind, Args, Params, params};
use crate::value::{Kind, Value};

const FLAG: Params = params(0, &[ArgKind::Int]);

pub(super) const ENTRIES: &[Converter] = &[
    simple(
        "crc32",
        "CRC-32.",
        &[("str(abc),crc32", "891568578"), ("str(abc),crc32(1)", "930845320")],
        |v, a, _| spread(v, a, hash::crc32),
    ),
    simple("crc32c", "CRC-32C.", &[("str(abc),crc32c", "910901175")], |v, a, _| spread(v, a, crc32c)),
    simple("djb2", "DJB2.", &[("str(abc),djb2", "193485963")], |v, a, _| spread(v, a, hash::djb2)),
    simple("sdbm", "SDBM.", &[("str(abc),sdbm", "807794786")], |v, a, _| spread(v, a, hash::sdbm)),
    simple("wt6", "WT6.", &[("str(abc),wt6", "2483038440")], |v, a, _| spread(v, a, hash::wt6)),
    simple(
        "xxh32",
        "XXH32, with a seed.",
        &[("str(abc),xxh32", "852579327"), ("str(abc),xxh32(5)", "1562728233")],
        |v, a, _| Some(Value::Int(i64::from(xxh32(&v.into_bytes(), a.int(0).unwrap_or(0) as u32)))),
    ),
    simple(
        "xxh64",
        "XXH64, with a seed.",
        &[("str(abc),xxh64", "4952883123889572249"), ("str(abc),xxh64(5)", "-1753195980308443340")],
        |v, a, _| Some(Value::Int(xxh64(&v.into_bytes(), a.int(0).unwrap_or(0) as u64) as i64)),
    ),
    refused("xxh3", "not built yet: XXH3"),
];

const fn simple(
    name: &'static str,
    doc: &'static str,
    rows: &'static [(&'static str, &'static str)],
    eval: Convert,
) -> Converter {
    entry(name, FLAG, Kind::Bin, Kind::Int, doc, rows, eval)
}

/// A hash, with the full avalanche where the argument asks for it.
fn spread<'a>(v: Value<'a>, a: &'a Args, hash: fn(&[u8]) -> u32) -> Option<Value<'a>> {
    let h = hash(&v.into_bytes());
    Some(Value::Int(i64::from(if a.int(0) == Some(1) { hash::avalanche(h) } else { h })))
}

/// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for b in bytes {
        crc ^= u32::from(*b);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

const P32: [u32; 5] = [2_654_435_761, 2_246_822_519, 3_266_489_917, 668_265_263, 374_761_393];
const P64: [u64; 5] = [
    11_400_714_785_074_694_791,
    14_029_467_366_897_019_727,
    1_609_587_929_392_839_161,
    9_650_029_242_287_828_579,
    2_870_177_450_012_600_261,
];

fn word32(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn word64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// XXH32 (the published xxHash specification).
fn xxh32(bytes: &[u8], seed: u32) -> u32 {
    let round = |acc: u32, lane: u32| {
        acc.wrapping_add(lane.wrapping_mul(P32[1])).rotate_left(13).wrapping_mul(P32[0])
    };
    let stripes = bytes.chunks_exact(16);
    let mut rest = stripes.remainder();
    let mut h = if bytes.len() >= 16 {
        let mut lanes = [
            seed.wrapping_add(P32[0]).wrapping_add(P32[1]),
            seed.wrapping_add(P32[1]),
            seed,
            seed.wrapping_sub(P32[0]),
        ];
        for stripe in stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = round(*lane, word32(word));
            }
        }
        let [a, b, c, d] = lanes;
        a.rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18))
    } else {
        seed.wrapping_add(P32[4])
    };
    h = h.wrapping_add(bytes.len() as u32);
    while let Some((word, tail)) = rest.split_first_chunk::<4>() {
        h = h.wrapping_add(word32(word).wrapping_mul(P32[2])).rotate_left(17).wrapping_mul(P32[3]);
        rest = tail;
    }
    for b in rest {
        h = h.wrapping_add(u32::from(*b).wrapping_mul(P32[4])).rotate_left(11).wrapping_mul(P32[0]);
    }
    h = (h ^ h >> 15).wrapping_mul(P32[1]);
    h = (h ^ h >> 13).wrapping_mul(P32[2]);
    h ^ h >> 16
}

/// XXH64 (the published xxHash specification).
fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let round = |acc: u64, lane: u64| {
        acc.wrapping_add(lane.wrapping_mul(P64[1])).rotate_left(31).wrapping_mul(P64[0])
    };
    let stripes = bytes.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut h = if bytes.len() >= 32 {
        let mut lanes = [
            seed.wrapping_add(P64[0]).wrapping_add(P64[1]),
            seed.wrapping_add(P64[1]),
            seed,
            seed.wrapping_sub(P64[0]),
        ];
        for stripe in stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, word64(word));
            }
        }
        let [a, b, c, d] = lanes;
        let mut h = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        for lane in lanes {
            h = (h ^ round(0, lane)).wrapping_mul(P64[0]).wrapping_add(P64[3]);
        }
        h
    } else {
        seed.wrapping_add(P64[4])
    };
    h = h.wrapping_add(bytes.len() as u64);
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        h = (h ^ round(0, word64(word))).rotate_left(27).wrapping_mul(P64[0]).wrapping_add(P64[3]);
        rest = tail;
    }
    if let Some((word, tail)) = rest.split_first_chunk::<4>() {
        h = (h ^ u64::from(word32(word)).wrapping_mul(P64[0]))
            .rotate_left(23)
            .wrapping_mul(P64[1])
            .wrapping_add(P64[2]);
        rest = tail;
    }
    for b in rest {
        h = (h ^ u64::from(*b).wrapping_mul(P64[4])).rotate_left(11).wrapping_mul(P64[0]);
    }
    h = (h ^ h >> 33).wrapping_mul(P64[1]);
    h = (h ^ h >> 29).wrapping_mul(P64[2]);
    h ^ h >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xe229_3b2f);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
