//! Byte counts as users write them.

/// Reads a size as HAProxy does (configuration manual §2.6): digits, then nothing, `k`, `m` or `g` (powers of 1024).
/// `None` for anything else, or past 2^63.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(1 << shift).filter(|n| *n <= i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("16384", Some(16384)),
            ("100k", Some(102_400)),
            ("1G", Some(1 << 30)),
            ("", None),
            ("k", None),
            ("1kb", None),
            ("99999999999g", None),
        ] {
            assert_eq!(parse_size(text), want, "{text}");
        }
    }
}
