//! The originals' hashes, bit for bit: the same key must reach the same server (configuration manual, `hash-type`).
//! All are public algorithms over bytes, 32 bits wide; `crates/balance/tests` compares them with the real thing.

/// The functions that `hash-type` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HashFunction {
    /// The sdbm database library's.
    #[default]
    Sdbm,
    /// Bernstein's, multiplying by 33.
    Djb2,
    /// HAProxy's own rolling hash.
    Wt6,
    /// CRC-32 as in Ethernet, gzip and PNG.
    Crc32,
    /// No hash: the key's leading decimal digits are the value.
    None,
}

impl HashFunction {
    /// Every function with its word in the configuration.
    pub const ALL: [(&'static str, HashFunction); 5] = [
        ("sdbm", HashFunction::Sdbm),
        ("djb2", HashFunction::Djb2),
        ("wt6", HashFunction::Wt6),
        ("crc32", HashFunction::Crc32),
        ("none", HashFunction::None),
    ];

    /// The function of that name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, function)| *function)
    }

    /// Hashes a key.
    pub fn hash(self, key: &[u8]) -> u32 {
        match self {
            HashFunction::Sdbm => sdbm(key),
            HashFunction::Djb2 => djb2(key),
            HashFunction::Wt6 => wt6(key),
            HashFunction::Crc32 => crc32(key),
            HashFunction::None => leading_integer(key),
        }
    }
}

/// `h * 65599 + byte`.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0, |h: u32, byte| h.wrapping_mul(65_599).wrapping_add(u32::from(*byte)))
}

/// `h * 33 + byte`, from 5381.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5_381, |h: u32, byte| h.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// Two words that trade places, turned by amounts taken from their own bits.
pub fn wt6(key: &[u8]) -> u32 {
    let (mut low, mut high) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_high, mut turn_low) = (6, 18);
    for byte in key {
        let byte = u32::from(*byte);
        let mixed_low = !(low ^ byte);
        let mixed_high = !high.wrapping_add(byte);
        low = mixed_high.rotate_left(turn_high);
        high = mixed_low.rotate_left(turn_low);
        let bits = ((low >> 16) ^ high) & 0xffff;
        turn_high = bits & 31;
        turn_low = bits >> 11;
    }
    low ^ high
}

/// CRC-32, reflected polynomial 0xedb88320.
pub fn crc32(key: &[u8]) -> u32 {
    !key.iter().fold(u32::MAX, |crc, byte| CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// The `avalanche` modifier: Bob Jenkins' full-avalanche hash of an integer (burtleburtle.net/bob/hash/integer.html),
/// then a multiplication by a prime near three quarters of the range. A bijection. The consistent hash's points
/// on its ring come from it too.
pub const fn avalanche(n: u32) -> u32 {
    let n = n.wrapping_add(0x7ed5_5d16).wrapping_add(n << 12);
    let n = (n ^ 0xc761_c23c) ^ (n >> 19);
    let n = n.wrapping_add(0x1656_67b1).wrapping_add(n << 5);
    let n = n.wrapping_add(0xd3a2_646c) ^ (n << 9);
    let n = n.wrapping_add(0xfd70_46c5).wrapping_add(n << 3);
    let n = (n ^ 0xb55a_4f09) ^ (n >> 16);
    n.wrapping_mul(3_221_225_473)
}

/// Decimal digits up to the first other byte, an optional sign before them; the low 32 bits.
fn leading_integer(key: &[u8]) -> u32 {
    let (negative, digits) = match key.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        Some(_) | None => (false, key),
    };
    let value = digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0_i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    (if negative { -value } else { value }) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        for (function, key, want) in [
            (HashFunction::Crc32, "123456789", 0xcbf4_3926),
            (HashFunction::Crc32, "", 0),
            (HashFunction::Djb2, "", 5_381),
            (HashFunction::Djb2, "a", 177_670),
            (HashFunction::Sdbm, "a", 97),
            (HashFunction::Sdbm, "ab", 97 * 65_599 + 98),
            (HashFunction::None, "1234x9", 1_234),
            (HashFunction::None, "-1", u32::MAX),
            (HashFunction::None, "4294967297", 1),
            (HashFunction::None, "x", 0),
        ] {
            assert_eq!(function.hash(key.as_bytes()), want, "{function:?} {key}");
        }
    }

    #[test]
    fn avalanche_is_a_bijection_where_looked_at() {
        let mut seen: Vec<u32> = (0..100_000).map(avalanche).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100_000);
    }
}
