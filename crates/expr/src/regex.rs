//! Regular expressions. Users write PCRE; the engine here runs in linear time on any input and has no lookaround and
//! no back-references inside a pattern. What the two spell differently is translated, the rest is refused with a reason.

use regex::bytes::{Captures, RegexBuilder};

/// Bound of a compiled pattern's memory: far above any hand-written one, far below what hurts.
const COMPILED_SIZE_MAX: usize = 4 << 20;

/// A compiled regular expression over bytes.
#[derive(Clone, Debug)]
pub struct Regex(regex::bytes::Regex);

/// Why a regular expression was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// PCRE can, this engine cannot.
    #[error("{what} in regular expressions is not supported: matching takes linear time here")]
    Unsupported {
        /// The construct.
        what: &'static str,
    },
    /// Wrong in any dialect.
    #[error("the regular expression cannot be read: {detail}")]
    Syntax {
        /// The engine's word.
        detail: String,
    },
    /// Larger than the bound.
    #[error("the regular expression is too large when compiled")]
    TooLarge,
}

impl Regex {
    /// Compiles a pattern.
    pub fn new(pattern: &[u8], ignore_case: bool) -> Result<Self, RegexError> {
        let pattern = translate(pattern)?;
        RegexBuilder::new(&pattern)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(COMPILED_SIZE_MAX)
            .build()
            .map(Self)
            .map_err(|e| match e {
                regex::Error::CompiledTooBig(_) => RegexError::TooLarge,
                other => RegexError::Syntax { detail: last_line(&other.to_string()) },
            })
    }

    /// True if it matches anywhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// Writes `text` to `out` with the first match (or all of them) replaced by `template`, in which `\0` to `\9`
    /// stand for what matched. False if nothing matched.
    pub fn replace(&self, text: &[u8], template: &[u8], all: bool, out: &mut Vec<u8>) -> bool {
        let (mut at, mut matched) = (0, false);
        while let Some(found) = self.0.captures_at(text, at) {
            let Some(whole) = found.get(0) else { break };
            matched = true;
            out.extend_from_slice(text.get(at..whole.start()).unwrap_or_default());
            fill(template, &found, out);
            at = whole.end();
            if whole.is_empty() {
                // As PCRE's users do: one byte further, so that the same place is not found for ever.
                let Some(b) = text.get(at) else { break };
                if all {
                    out.push(*b);
                    at += 1;
                }
            }
            if !all {
                break;
            }
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        matched
    }

    /// Writes `template` with the groups of the first match in `text` filled in. False if it does not match.
    pub fn expand(&self, text: &[u8], template: &[u8], out: &mut Vec<u8>) -> bool {
        match self.0.captures(text) {
            Some(found) => {
                fill(template, &found, out);
                true
            }
            None => false,
        }
    }
}

/// The template with back-references filled in: `\0`–`\9`, `\xHH`, and `\` before anything else stands for itself.
fn fill(template: &[u8], found: &Captures<'_>, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some((b, tail)) = rest.split_first() {
        rest = tail;
        if *b != b'\\' {
            out.push(*b);
            continue;
        }
        match tail {
            [d @ b'0'..=b'9', tail @ ..] => {
                out.extend_from_slice(found.get(usize::from(d - b'0')).map_or(&[][..], |m| m.as_bytes()));
                rest = tail;
            }
            [b'x', a, b, tail @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.extend(crate::arg::unhex(&[*a, *b]).unwrap_or_default());
                rest = tail;
            }
            [c, tail @ ..] => {
                out.push(*c);
                rest = tail;
            }
            [] => out.push(b'\\'),
        }
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// PCRE's spelling to the engine's.
fn translate(pattern: &[u8]) -> Result<String, RegexError> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = false;
    let mut class_start = 0;
    let mut at = 0;
    while let Some(b) = pattern.get(at).copied() {
        let rest = pattern.get(at + 1..).unwrap_or_default();
        match b {
            b'\\' => {
                at += 1;
                let Some(c) = rest.first().copied() else {
                    out.push_str("\\\\");
                    break;
                };
                escape(c, in_class, &mut out)?;
            }
            b'[' if in_class => {
                // `[[:alpha:]]` is a named class; any other `[` inside a class is itself.
                if let Some(end) = named_class(rest) {
                    out.push('[');
                    out.push_str(&String::from_utf8_lossy(rest.get(..end).unwrap_or_default()));
                    at += end;
                } else {
                    out.push_str("\\[");
                }
            }
            b'[' => {
                in_class = true;
                out.push('[');
                if rest.first() == Some(&b'^') {
                    out.push('^');
                    at += 1;
                }
                class_start = at;
            }
            b']' if in_class && at == class_start + 1 => out.push_str("\\]"),
            b']' if in_class => {
                in_class = false;
                out.push(']');
            }
            b'&' | b'~' if in_class => {
                out.push('\\');
                out.push(b as char);
            }
            b'-' if in_class && rest.first() == Some(&b'-') => out.push_str("\\-"),
            b'{' if !in_class && !is_counted(rest) => out.push_str("\\{"),
            b'(' if !in_class && rest.first() == Some(&b'?') => {
                group(rest)?;
                out.push('(');
            }
            0x80.. => out.push_str(&format!("\\x{b:02x}")),
            _ => out.push(b as char),
        }
        at += 1;
    }
    Ok(out)
}

/// A character after a backslash.
fn escape(c: u8, in_class: bool, out: &mut String) -> Result<(), RegexError> {
    match c {
        b'<' | b'>' => out.push(c as char),
        b'1'..=b'9' if !in_class => return Err(RegexError::Unsupported { what: "a back-reference" }),
        b'b' if in_class => out.push_str("\\x08"),
        b'e' => out.push_str("\\x1b"),
        b'h' => out.push_str(if in_class { " \\t" } else { "[ \\t]" }),
        b'R' if !in_class => out.push_str("(?:\\r\\n|[\\n\\x0b\\f\\r])"),
        b'Z' if !in_class => out.push_str("\\n?\\z"),
        b'K' | b'G' | b'X' | b'C' | b'Q' | b'E' if !in_class => {
            return Err(RegexError::Unsupported { what: "`\\K`, `\\G`, `\\X`, `\\C` or `\\Q`" });
        }
        0x80.. => out.push_str(&format!("\\x{c:02x}")),
        _ => {
            out.push('\\');
            out.push(c as char);
        }
    }
    Ok(())
}

/// The length of `:name:]` after a `[` inside a class.
fn named_class(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b':') {
        return None;
    }
    let end = rest.windows(2).skip(1).position(|w| w == b":]")? + 1;
    let name = rest.get(1..end)?;
    name.iter().all(|b| b.is_ascii_alphabetic() || *b == b'^').then_some(end + 2)
}

/// True if what follows a `{` makes it a count.
fn is_counted(rest: &[u8]) -> bool {
    let Some(end) = rest.iter().position(|b| *b == b'}') else { return false };
    let inside = rest.get(..end).unwrap_or_default();
    let (first, second) = match inside.iter().position(|b| *b == b',') {
        Some(comma) => (inside.get(..comma).unwrap_or_default(), inside.get(comma + 1..).unwrap_or_default()),
        None => (inside, &[][..]),
    };
    !first.is_empty() && first.iter().chain(second).all(u8::is_ascii_digit)
}

/// Refuses the groups that need backtracking.
fn group(rest: &[u8]) -> Result<(), RegexError> {
    match rest {
        [b'?', b'=' | b'!', ..] => Err(RegexError::Unsupported { what: "lookahead" }),
        [b'?', b'<', b'=' | b'!', ..] => Err(RegexError::Unsupported { what: "lookbehind" }),
        [b'?', b'>', ..] => Err(RegexError::Unsupported { what: "an atomic group" }),
        [b'?', b'(', ..] => Err(RegexError::Unsupported { what: "a conditional group" }),
        [b'?', b'R' | b'0'..=b'9', ..] => Err(RegexError::Unsupported { what: "recursion" }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcre_spellings_are_understood() {
        for (pattern, text, want) in [
            (r"^/a\/b$", "/a/b", true),
            (r"a{b", "a{b", true),
            (r"x{2}", "axx", true),
            (r"[[]", "[", true),
            (r"[]a]", "]", true),
            (r"[[:digit:]]+", "7", true),
            (r"[a&&b]", "&", true),
            (r"\<tag\>", "<tag>", true),
            (r"[\d-]", "-", true),
            (r"^[^/:]*://", "http://a", true),
            (r"caf\xe9|é", "é", true),
            (r"\.(jpe?g|png)$", "/a.jpg", true),
            (r"\d", "٣", false),
        ] {
            let regex = Regex::new(pattern.as_bytes(), false).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert_eq!(regex.is_match(text.as_bytes()), want, "{pattern} on {text}");
        }
    }

    #[test]
    fn backtracking_is_refused_with_its_name() {
        for (pattern, want) in [
            (r"(?=a)", "lookahead"),
            (r"(?<!a)b", "lookbehind"),
            (r"(a)\1", "a back-reference"),
            (r"(?>a)", "an atomic group"),
        ] {
            match Regex::new(pattern.as_bytes(), false) {
                Err(RegexError::Unsupported { what }) => assert_eq!(what, want, "{pattern}"),
                other => panic!("{pattern}: {other:?}"),
            }
        }
        assert!(matches!(Regex::new(b"(a", false), Err(RegexError::Syntax { .. })));
    }

    #[test]
    fn replacing() {
        for (pattern, template, all, text, want) in [
            ("/+", "/", true, "/////a///b/c/xzxyz/", "/a/b/c/xzxyz/"),
            ("/+", "/", false, "//a//b", "/a//b"),
            ("(foo|bar)([0-9]+)?", r"\2\1", false, "xfoo12y", "x12fooy"),
            ("none", "x", true, "abc", "abc"),
            ("b", r"[\0]", true, "abcb", "a[b]c[b]"),
        ] {
            let regex = Regex::new(pattern.as_bytes(), false).expect("a pattern of this table");
            let mut out = Vec::new();
            regex.replace(text.as_bytes(), template.as_bytes(), all, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{pattern}");
        }
    }
}
