//! Classes of bytes, looked up in one table.

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const TARGET_RELAXED: u8 = 4;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        // RFC 9110 §5.6.2: tchar.
        let token = c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        if token {
            table[b] |= TOKEN;
        }
        // The original lets more pass than RFC 3986 names ('"', '<', DEL …), but no control, space, '#' or byte
        // above 127; relaxed, the last two as well.
        if c > b' ' && c < 0x80 && c != b'#' {
            table[b] |= TARGET;
        }
        if c > b' ' {
            table[b] |= TARGET_RELAXED;
        }
        b += 1;
    }
    table
};

/// May be in a method or a field name.
pub(crate) fn is_token(b: u8) -> bool {
    CLASS[b as usize] & TOKEN != 0
}

/// May be in a request target.
pub(crate) fn is_target(b: u8, relaxed: bool) -> bool {
    CLASS[b as usize] & if relaxed { TARGET_RELAXED } else { TARGET } != 0
}

/// Every byte of a word.
const fn each(b: u8) -> u64 {
    u64::from_ne_bytes([b; 8])
}

/// The high bits of the bytes of `word` that are below `limit` (up to 0x80). Right up to the first such byte, and that is
/// all that is asked for.
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(each(limit)) & !word & each(0x80)
}

/// Offset of the first colon from `from` on.
/// Eight bytes at a time, for this and [`find_control`] read every byte of every head.
pub(crate) fn find_colon(text: &[u8], from: usize) -> Option<usize> {
    find(text, from, |word| below(word ^ each(b':'), 1), |b| b == b':')
}

/// Offset of the first CR, LF or NUL from `from` on.
pub(crate) fn find_control(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        // All three are below this, and so is hardly anything else.
        let at = find(text, from, |word| below(word, b'\r' + 1), |b| b <= b'\r')?;
        match text.get(at) {
            Some(b'\r' | b'\n' | 0) => return Some(at),
            _ => from = at + 1, // a tab, or a control that is no end
        }
    }
}

fn find(text: &[u8], from: usize, word: impl Fn(u64) -> u64, byte: impl Fn(u8) -> bool) -> Option<usize> {
    let rest = text.get(from..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for (i, bytes) in words.iter().enumerate() {
        let hits = word(u64::from_le_bytes(*bytes));
        if hits != 0 {
            return Some(from + i * 8 + (hits.trailing_zeros() / 8) as usize);
        }
    }
    let before = rest.len() - tail.len();
    tail.iter().position(|b| byte(*b)).map(|n| from + before + n)
}

/// Optional white space (RFC 9110 §5.6.3).
pub(crate) const fn is_ows(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Without the white space around.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b, rest @ ..] = text {
        if !is_ows(*b) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., b] = text {
        if !is_ows(*b) {
            break;
        }
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        // Every byte at every place, before and after others that come close.
        for b in 0..=u8::MAX {
            for at in 0..20 {
                for fill in [b'a', 0xff, 0x80, b'\t', 0x01, b';', b'9'] {
                    let mut text = [fill; 20];
                    text[at] = b;
                    for from in [0, 1, at, at + 1, 20, 21] {
                        let naive =
                            |hit: fn(&u8) -> bool| text.iter().skip(from).position(hit).map(|n| n + from);
                        assert_eq!(find_colon(&text, from), naive(|b| *b == b':'), "{b} at {at} from {from}");
                        assert_eq!(
                            find_control(&text, from),
                            naive(|b| matches!(b, b'\r' | b'\n' | 0)),
                            "{b} at {at} from {from} among {fill}"
                        );
                    }
                }
            }
        }
    }
}
