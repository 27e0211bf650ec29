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
