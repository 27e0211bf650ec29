//! Digests of cryptography: SHA-1 and SHA-2 (FIPS 180-4). Ciphers and keyed digests come with TLS.

use super::{Converter, entry, refused};
use crate::arg::{ArgKind, Args, NONE, params};
use crate::env::Env;
use crate::value::{Kind, Value};

const CRYPTO: &str = "not built yet: cryptography";
const JWT: &str = "not built yet: JSON Web Tokens";

pub(super) const ENTRIES: &[Converter] = &[
    entry(
        "sha1",
        NONE,
        Kind::Bin,
        Kind::Bin,
        "The SHA-1 digest.",
        &[("str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D")],
        |v, _, _| Some(Value::Bin(sha1(&v.into_bytes()).into())),
    ),
    entry(
        "sha2",
        params(0, &[ArgKind::Int]),
        Kind::Bin,
        Kind::Bin,
        "A SHA-2 digest of 224, 256, 384 or 512 bits.",
        &[("str(abc),sha2,hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")],
        sha2,
    ),
    refused("digest", CRYPTO),
    refused("hmac", CRYPTO),
    refused("aes_gcm_dec", CRYPTO),
    refused("aes_gcm_enc", CRYPTO),
    refused("aes_cbc_dec", CRYPTO),
    refused("aes_cbc_enc", CRYPTO),
    refused("jwt_header_query", JWT),
    refused("jwt_payload_query", JWT),
    refused("jwt_verify", JWT),
    refused("jwt_verify_cert", JWT),
    refused("jwt_decrypt_cert", JWT),
    refused("jwt_decrypt_jwk", JWT),
    refused("jwt_decrypt_secret", JWT),
];

fn sha2<'a>(v: Value<'a>, a: &'a Args, _: &Env<'a>) -> Option<Value<'a>> {
    let bytes = v.into_bytes();
    let digest = match a.int(0).unwrap_or(256) {
        224 => sha256(&bytes, SHA224, 28),
        256 => sha256(&bytes, SHA256, 32),
        384 => sha512(&bytes, SHA384, 48),
        512 => sha512(&bytes, SHA512, 64),
        _ => return None, // no member of the family
    };
    Some(Value::Bin(digest.into()))
}

/// The message with its padding: a 1 bit, zeros, the length in bits.
fn padded(bytes: &[u8], block: usize) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.push(0x80);
    while out.len() % block != block - block / 8 {
        out.push(0);
    }
    let bits = (bytes.len() as u128) * 8;
    out.extend(bits.to_be_bytes().iter().skip(16 - block / 8));
    out
}

fn words32(block: &[u8]) -> impl Iterator<Item = u32> + '_ {
    block.chunks_exact(4).map(|w| w.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    let mut h: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    for block in padded(bytes, 64).chunks_exact(64) {
        let mut w: Vec<u32> = words32(block).collect();
        for t in 16..80 {
            w.push((w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = h;
        for (t, word) in w.iter().enumerate() {
            let (f, k) = match t {
                0..20 => (b & c | !b & d, 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32), // t < 80
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, add) in h.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(add);
        }
    }
    h.iter().flat_map(|w| w.to_be_bytes()).collect()
}

const SHA224: [u32; 8] =
    [0xc105_9ed8, 0x367c_d507, 0x3070_dd17, 0xf70e_5939, 0xffc0_0b31, 0x6858_1511, 0x64f9_8fa7, 0xbefa_4fa4];
const SHA256: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const SHA384: [u64; 8] = [
    0xcbbb_9d5d_c105_9ed8,
    0x629a_292a_367c_d507,
    0x9159_015a_3070_dd17,
    0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31,
    0x8eb4_4a87_6858_1511,
    0xdb0c_2e0d_64f9_8fa7,
    0x47b5_481d_befa_4fa4,
];
const SHA512: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The first `n` primes' cube roots: the fraction's first 64 bits. SHA-256 takes the upper half of the first 64.
fn constants() -> [u64; 80] {
    let mut out = [0; 80];
    let mut primes = (2_u64..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    for slot in &mut out {
        *slot = primes.next().map_or(0, cube_root_fraction);
    }
    out
}

/// The first 64 bits of the fraction of a small number's cube root, by bisection over 128-bit fixed point.
fn cube_root_fraction(n: u64) -> u64 {
    // x = root · 2^64 < 8 · 2^64; x³ must stay below n · 2^192: compared in pieces of 64 bits.
    let (mut low, mut high) = (0_u128, 8_u128 << 64);
    while high - low > 1 {
        let mid = (low + high) / 2;
        if cube_at_most(mid, n) { low = mid } else { high = mid }
    }
    low as u64
}

/// x³ ≤ n · 2^192, for x < 2^67.
fn cube_at_most(x: u128, n: u64) -> bool {
    let square = wide_mul(&[x as u64, (x >> 64) as u64], &[x as u64, (x >> 64) as u64]);
    let cube = wide_mul(&square, &[x as u64, (x >> 64) as u64]);
    let limit = [0, 0, 0, n, 0, 0];
    for at in (0..6).rev() {
        match cube.get(at).copied().unwrap_or(0).cmp(&limit[at]) {
            std::cmp::Ordering::Less => return true,
            std::cmp::Ordering::Greater => return false,
            std::cmp::Ordering::Equal => {}
        }
    }
    true
}

/// The product of two numbers in words of 64 bits, little end first.
fn wide_mul(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut out = vec![0_u64; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut carry: u128 = 0;
        for (j, y) in b.iter().enumerate() {
            let sum = u128::from(*x) * u128::from(*y) + u128::from(out[i + j]) + carry;
            out[i + j] = sum as u64;
            carry = sum >> 64;
        }
        out[i + b.len()] = carry as u64;
    }
    out
}

/// Computed once: 80 words are not worth a table in the source.
fn k() -> &'static [u64; 80] {
    static K: std::sync::OnceLock<[u64; 80]> = std::sync::OnceLock::new();
    K.get_or_init(constants)
}

fn sha256(bytes: &[u8], start: [u32; 8], len: usize) -> Vec<u8> {
    let mut h = start;
    for block in padded(bytes, 64).chunks_exact(64) {
        let mut w: Vec<u32> = words32(block).collect();
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ w[t - 15] >> 3;
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ w[t - 2] >> 10;
            w.push(w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1));
        }
        let mut v = h;
        for (word, k) in w.iter().zip(k()) {
            let [a, b, c, d, e, f, g, hh] = v;
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let t1 = hh
                .wrapping_add(s1)
                .wrapping_add(e & f ^ !e & g)
                .wrapping_add((*k >> 32) as u32)
                .wrapping_add(*word);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let t2 = s0.wrapping_add(a & b ^ a & c ^ b & c);
            v = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
        }
        for (sum, add) in h.iter_mut().zip(v) {
            *sum = sum.wrapping_add(add);
        }
    }
    h.iter().flat_map(|w| w.to_be_bytes()).take(len).collect()
}

fn sha512(bytes: &[u8], start: [u64; 8], len: usize) -> Vec<u8> {
    let mut h = start;
    for block in padded(bytes, 128).chunks_exact(128) {
        let mut w: Vec<u64> =
            block.chunks_exact(8).map(|w| w.iter().fold(0, |n, b| n << 8 | u64::from(*b))).collect();
        for t in 16..80 {
            let s0 = w[t - 15].rotate_right(1) ^ w[t - 15].rotate_right(8) ^ w[t - 15] >> 7;
            let s1 = w[t - 2].rotate_right(19) ^ w[t - 2].rotate_right(61) ^ w[t - 2] >> 6;
            w.push(w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1));
        }
        let mut v = h;
        for (word, k) in w.iter().zip(k()) {
            let [a, b, c, d, e, f, g, hh] = v;
            let s1 = e.rotate_right(14) ^ e.rotate_right(18) ^ e.rotate_right(41);
            let t1 = hh.wrapping_add(s1).wrapping_add(e & f ^ !e & g).wrapping_add(*k).wrapping_add(*word);
            let s0 = a.rotate_right(28) ^ a.rotate_right(34) ^ a.rotate_right(39);
            let t2 = s0.wrapping_add(a & b ^ a & c ^ b & c);
            v = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
        }
        for (sum, add) in h.iter_mut().zip(v) {
            *sum = sum.wrapping_add(add);
        }
    }
    h.iter().flat_map(|w| w.to_be_bytes()).take(len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conv::encode::hex;

    #[test]
    fn fips_180_examples() {
        let text = |b: Vec<u8>| String::from_utf8(hex(&b)).expect("digits");
        assert_eq!(text(sha1(b"")), "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
        assert_eq!(
            text(sha256(b"abc", SHA224, 28)),
            "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7"
        );
        let long = [b'a'; 200];
        assert_eq!(sha512(&long, SHA512, 64).len(), 64);
        assert_eq!(
            text(sha512(b"abc", SHA384, 48)),
            "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A7"
        );
    }
}
