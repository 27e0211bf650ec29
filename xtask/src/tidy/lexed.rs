//! Rust text without its comments and literals, so that a search finds code only. Lines stay where they are.

/// Blanks comments, strings and characters.
pub(super) fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let skipped = if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            block_comment(rest)
        } else if byte == b'"' {
            string(rest)
        } else if let Some(len) = raw_string(rest, before(&out)) {
            len
        } else if byte == b'\'' {
            character(rest)
        } else {
            0
        };
        if skipped == 0 {
            out.push(byte);
            at += 1;
            continue;
        }
        out.extend(rest[..skipped].iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }));
        at += skipped;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// True if the last byte can end a name: then `r"` is not the start of a raw string.
fn before(out: &[u8]) -> bool {
    out.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8], in_name: bool) -> Option<usize> {
    if in_name {
        return None;
    }
    let start = usize::from(rest.first() == Some(&b'b')) + 1;
    if rest.get(start - 1) != Some(&b'r') {
        return None;
    }
    let hashes = rest[start..].iter().take_while(|b| **b == b'#').count();
    if rest.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = start + hashes + 1;
    let found = rest[body..].windows(end.len()).position(|w| w == end);
    Some(found.map_or(rest.len(), |at| body + at + end.len()))
}

/// A character literal's length; 0 for a lifetime.
fn character(rest: &[u8]) -> usize {
    match rest.get(1) {
        Some(b'\\') => rest[2..].iter().skip(1).position(|b| *b == b'\'').map_or(0, |at| at + 4),
        Some(first) => {
            let width = match first {
                0..0xc0 => 1,
                0xc0..0xe0 => 2,
                0xe0..0xf0 => 3,
                0xf0.. => 4,
            };
            if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
        }
        None => 0,
    }
}

/// The part before the first `#[cfg(test)]` module: tests come last in a file.
pub(super) fn without_tests(code: &str) -> &str {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let at = from + found;
        let after = code[at + "#[cfg(test)]".len()..].trim_start();
        let item = after.lines().next().unwrap_or_default();
        if item.contains("mod ") && item.trim_end().ends_with('{') {
            return &code[..at];
        }
        from = at + 1;
    }
    code
}

/// Where `word` stands as a word of its own: line numbers from 1.
pub(super) fn lines_with<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.lines().enumerate().filter(move |(_, line)| has_word(line, word)).map(|(n, _)| n + 1)
}

fn has_word(line: &str, word: &str) -> bool {
    let name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|i| line.as_bytes().get(i));
        let after = line.as_bytes().get(at + word.len());
        !before.is_some_and(name) && !after.is_some_and(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_stays() {
        for (text, want) in [
            ("a // unsafe\nb", "a          \nb"),
            ("a /* x /* y */ z */ b", "a                   b"),
            (r#"f("un\"safe") g"#, "f(          ) g"),
            ("r#\"a\"b\"# c", "         c"),
            ("br\"a\" c", "      c"),
            ("for r in x", "for r in x"),
            ("'a' 'b str '\\'' x", "    'b str      x"),
            ("'\\u{1f}' x", "         x"),
            ("'é' x", "     x"),
        ] {
            assert_eq!(code_of(text), want, "{text}");
        }
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(lines_with("unsafe_code\nunsafe {\nan unsafe", "unsafe").collect::<Vec<_>>(), [2, 3]);
        assert_eq!(lines_with("Instant::now()", "Instant::now").count(), 1);
    }

    #[test]
    fn tests_are_cut_off() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\nb"), "a\n");
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests;\nb"), "a\n#[cfg(test)]\nmod tests;\nb");
    }
}
