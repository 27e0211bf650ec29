//! How values stand in a line: quoting, escaping, encoding.

use super::Flags;
use crate::conv::encode::hex;
use crate::value::Value;

/// Which characters of a captured text become `#XX` (configuration manual §8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// None.
    Nothing,
    /// Controls, bytes above 126, `"` and `#`: request lines.
    Line,
    /// And `{`, `|`, `}`: captured headers.
    Capture,
}

impl Unsafe {
    fn has(self, b: u8) -> bool {
        let in_line = !(32..127).contains(&b) || matches!(b, b'"' | b'#');
        match self {
            Unsafe::Nothing => false,
            Unsafe::Line => in_line,
            Unsafe::Capture => in_line || matches!(b, b'{' | b'|' | b'}'),
        }
    }
}

/// Text under flags; `None` or empty is `-`, or `""`, or nothing.
pub(super) fn text(text: Option<&[u8]>, flags: Flags, encode: Unsafe, out: &mut Vec<u8>) {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        empty(flags, out);
        return;
    }
    quoted(flags, out, |out| encoded(text, flags, encode, out));
}

/// What stands for nothing.
pub(super) fn empty(flags: Flags, out: &mut Vec<u8>) {
    if flags.quote {
        out.extend_from_slice(b"\"\"");
    } else if flags.mandatory {
        out.push(b'-');
    }
}

pub(super) fn quoted(flags: Flags, out: &mut Vec<u8>, inside: impl FnOnce(&mut Vec<u8>)) {
    if flags.quote {
        out.push(b'"');
    }
    inside(out);
    if flags.quote {
        out.push(b'"');
    }
}

pub(super) fn encoded(text: &[u8], flags: Flags, encode: Unsafe, out: &mut Vec<u8>) {
    for b in text {
        if encode.has(*b) {
            out.push(b'#');
            out.extend_from_slice(&hex(&[*b]));
        } else {
            if flags.escape && matches!(b, b'"' | b'\\' | b']') {
                out.push(b'\\');
            }
            out.push(*b);
        }
    }
}

/// The value of an expression. In values for HTTP, controls become `%XX` and quotes are not added.
pub(super) fn value(value: Option<Value<'_>>, flags: Flags, http: bool, out: &mut Vec<u8>) {
    let value = value.and_then(|v| v.cast(crate::value::Kind::Str));
    let Some(value) = value else {
        if !http {
            empty(flags, out);
        }
        return;
    };
    let shown = value.to_text();
    if !http {
        text(Some(&shown), flags, Unsafe::Nothing, out);
        return;
    }
    for b in shown.iter() {
        if (*b < 32 && *b != b'\t') || *b == 127 {
            out.push(b'%');
            out.extend_from_slice(&hex(&[*b]));
        } else {
            if flags.escape && matches!(b, b'"' | b'\\' | b']') {
                out.push(b'\\');
            }
            out.push(*b);
        }
    }
}

/// Most digits of a number with its sign.
const DIGITS_MAX: usize = 20;

/// A number, the same under all flags. A line has some twenty: none of them costs an allocation.
pub(super) fn number(n: i64, out: &mut Vec<u8>) {
    let mut digits = [0; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    let mut rest = n.unsigned_abs();
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// A number below a thousand with that many digits, zeros before it.
pub(super) fn padded(n: u32, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b'0' + (n / 10_u32.pow(place) % 10) as u8);
    }
}

/// Formatted text; memory is the only thing that could fail, and it aborts.
pub(super) fn formatted(text: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let _ = std::io::Write::write_fmt(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size() {
        for n in [0, 7, 10, -1, 65_535, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            number(n, &mut out);
            assert_eq!(out, n.to_string().into_bytes());
        }
        let mut out = Vec::new();
        padded(7, 3, &mut out);
        padded(59, 2, &mut out);
        assert_eq!(out, b"00759");
    }
}
