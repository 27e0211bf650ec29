//! A line of text → words and braces, as the original splits them. Never fails.
//!
//! - `#` and `!` start a comment anywhere outside double quotes, in the middle of a word too.
//! - Words end at blanks, at braces, and at a double quote; a quoted string is a word of its own, taken as it stands
//!   (escapes belong to the commands that scripts name, see `script`). Single quotes are ordinary letters here.
//! - A brace outside quotes stands alone, and ends what stands before it on the line.

use bstr::{BString, ByteSlice};
use evenkeel_base::{Span, Word};

use super::finding::Finding;

/// A line with the places that its bytes came from: what was written here is placed exactly, what a `${NAME}` put here
/// is placed at the `${NAME}`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// The bytes.
    pub(crate) bytes: BString,
    /// Ascending starts in `bytes`, the place each part came from, and whether it was written there letter by letter.
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: usize,
    origin: Span,
    exact: bool,
}

impl Text {
    /// Text that stands in a file.
    pub(crate) fn written(bytes: &[u8], span: Span) -> Self {
        Self { bytes: bytes.into(), parts: vec![Part { start: 0, origin: span, exact: true }] }
    }

    /// Text that something else put at `span`.
    pub(crate) fn put(bytes: &[u8], span: Span) -> Self {
        Self { bytes: bytes.into(), parts: vec![Part { start: 0, origin: span, exact: false }] }
    }

    /// The part `start..end`; an impossible one is empty.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Text {
        let end = end.min(self.bytes.len());
        let start = start.min(end);
        let mut parts = Vec::new();
        for (n, part) in self.parts.iter().enumerate() {
            let next = self.parts.get(n + 1).map_or(self.bytes.len(), |p| p.start);
            let (from, to) = (part.start.max(start), next.min(end));
            if from < to {
                parts.push(Part { start: from - start, ..part.at(from) });
            }
        }
        if parts.is_empty() {
            parts.push(Part { start: 0, origin: self.span(start, start), exact: false });
        }
        Text { bytes: self.bytes[start..end].into(), parts }
    }

    /// Adds `other` at the end.
    pub(crate) fn push(&mut self, other: &Text) {
        let at = self.bytes.len();
        self.parts.extend(other.parts.iter().map(|p| Part { start: p.start + at, ..*p }));
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// The place of the part `start..end`.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let place = |offset: usize| {
            let index = self.parts.partition_point(|p| p.start <= offset).saturating_sub(1);
            self.parts.get(index).map(|p| p.at(offset))
        };
        let Some(first) = place(start) else { return Span::default() };
        let from = if first.exact { Span { end: first.origin.start, ..first.origin } } else { first.origin };
        if end <= start {
            return from;
        }
        let Some(last) = place(end - 1) else { return from };
        let to = if last.exact { Span { end: last.origin.start + 1, ..last.origin } } else { last.origin };
        from.to(to)
    }

    /// Without blanks at both ends.
    pub(crate) fn trimmed(&self) -> Text {
        let start = self.bytes.iter().take_while(|b| is_blank(**b)).count();
        let end = self.bytes.len() - self.bytes.iter().rev().take_while(|b| is_blank(**b)).count();
        self.slice(start, end.max(start))
    }

    /// The whole place.
    pub(crate) fn whole(&self) -> Span {
        self.span(0, self.bytes.len())
    }
}

impl Part {
    /// The part from `offset` on.
    fn at(&self, offset: usize) -> Part {
        let skipped = u32::try_from(offset.saturating_sub(self.start)).unwrap_or(u32::MAX);
        if !self.exact {
            return *self;
        }
        let start = self.origin.start.saturating_add(skipped).min(self.origin.end);
        Part { start: offset, origin: Span { start, ..self.origin }, exact: true }
    }
}

/// A blank of the original's (C's `isspace`).
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What the dispatcher is fed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A statement, or what of it stands before a brace: at least one word. The second part is its text, where it has
    /// quotes or escapes that only command lines know.
    Words(Vec<Word>, Option<BString>),
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
    /// The words after `!evenkeel` or `#evenkeel`: a comment for the original, an order for us.
    Own(Vec<Word>),
}

/// Where the comment of a line starts, or its length. A backslash keeps a quote from counting here.
pub(crate) fn comment_start(line: &[u8]) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (n, byte) in line.iter().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'#' | b'!' if !quoted => return n,
            _ => {}
        }
    }
    line.len()
}

/// Splits a line. What follows a quote without its end is dropped, with a word about it.
pub(crate) fn split(text: &Text, pieces: &mut Vec<Piece>, findings: &mut Vec<Finding>) {
    let bytes = text.bytes.as_bytes();
    let mut words: Vec<Word> = Vec::new();
    let mut at = 0;
    // Where the statement starts.
    let mut from = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            _ if is_blank(byte) => at += 1,
            // The original's strings end at a NUL.
            b'#' | b'!' | 0 => break,
            b'{' | b'}' => {
                if !words.is_empty() {
                    pieces.push(Piece::Words(std::mem::take(&mut words), special(&bytes[from..at])));
                }
                from = at + 1;
                let span = text.span(at, at + 1);
                pieces.push(if byte == b'{' { Piece::Open(span) } else { Piece::Close(span) });
                at += 1;
            }
            b'"' => {
                let start = at + 1;
                let Some(len) = bytes[start..].find_byte(b'"') else {
                    findings.push(
                        Finding::tolerated(
                            "unmatched-quote",
                            format!("Unmatched quote: '{bytes}'", bytes = text.bytes),
                            text.span(at, at + 1),
                        )
                        .note("this quote has no end: the rest of the line is not read"),
                    );
                    break;
                };
                words.push(Word {
                    text: bytes[start..start + len].into(),
                    span: text.span(at, start + len + 1),
                    quoted: true,
                });
                at = start + len + 1;
            }
            _ => {
                let rest = &bytes[at..];
                let len = rest
                    .iter()
                    .position(|b| is_blank(*b) || matches!(b, b'"' | b'{' | b'}' | b'#' | b'!' | 0))
                    .unwrap_or(rest.len());
                words.push(Word { text: rest[..len].into(), span: text.span(at, at + len), quoted: false });
                at += len;
            }
        }
    }
    if !words.is_empty() {
        pieces.push(Piece::Words(words, special(&bytes[from..at.min(bytes.len())])));
    }
}

/// A statement's text, if it has what only command lines know.
fn special(statement: &[u8]) -> Option<BString> {
    statement.contains_str("'").then_some(()).or(statement.contains_str("\\").then_some(()))?;
    Some(statement.trim().into())
}

#[cfg(test)]
mod tests {
    use evenkeel_base::FileId;

    use super::*;

    fn told(line: &str) -> String {
        let span = Span::new(FileId(0), 0, line.len() as u32);
        let (mut pieces, mut findings) = (Vec::new(), Vec::new());
        split(&Text::written(line.as_bytes(), span), &mut pieces, &mut findings);
        let mut out: Vec<String> = Vec::new();
        for piece in &pieces {
            out.push(match piece {
                Piece::Words(words, _) => {
                    words.iter().map(|w| format!("<{w}>")).collect::<Vec<_>>().join(" ")
                }
                Piece::Open(_) => "OPEN".to_owned(),
                Piece::Close(_) => "CLOSE".to_owned(),
                Piece::Own(_) => "OWN".to_owned(),
            });
        }
        out.extend(findings.iter().map(|f| f.diagnostic.code.to_owned()));
        out.join(" / ")
    }

    #[test]
    fn lines_split_as_the_original_splits_them() {
        for (line, want) in [
            ("state MASTER", "<state> <MASTER>"),
            ("\tstate\x0bMASTER \r", "<state> <MASTER>"),
            ("vrrp_instance VI{", "<vrrp_instance> <VI> / OPEN"),
            ("a { b c } d", "<a> / OPEN / <b> <c> / CLOSE / <d>"),
            ("}}", "CLOSE / CLOSE"),
            ("priority 10#0", "<priority> <10>"),
            ("state MASTER!x", "<state> <MASTER>"),
            ("n \"a # b ! { c }\" d", "<n> <a # b ! { c }> <d>"),
            ("foo\"a b\"c x", "<foo> <a b> <c> <x>"),
            ("state \"\"", "<state> <>"),
            ("state 'a b'", "<state> <'a> <b'>"),
            ("state \"a\\\\b\"", "<state> <a\\\\b>"),
            ("state a\"", "<state> <a> / unmatched-quote"),
            ("state \"a b", "<state> / unmatched-quote"),
            ("state A\0B", "<state> <A>"),
            ("$X.y", "<$X.y>"),
            ("", ""),
        ] {
            assert_eq!(told(line), want, "{line}");
        }
    }

    #[test]
    fn comments_know_quotes_and_backslashes() {
        for (line, want) in [
            ("a # b", 2),
            ("a!b", 1),
            ("\"a # b\" # c", 8),
            ("\"a \\\" # b\" c", 13),
            ("a \\# b", 3),
            ("no comment", 10),
        ] {
            assert_eq!(comment_start(line.as_bytes()), want.min(line.len()), "{line}");
        }
    }

    #[test]
    fn places_survive_slices_and_insertions() {
        let file = FileId(3);
        let line = Text::written(b"vip ${X}.5 dev", Span::new(file, 100, 114));
        let mut made = line.slice(0, 4);
        made.push(&Text::put(b"10.0.0", line.span(4, 8)));
        made.push(&line.slice(8, 14));
        assert_eq!(made.bytes, "vip 10.0.0.5 dev");
        assert_eq!(made.span(0, 3), Span::new(file, 100, 103));
        assert_eq!(made.span(4, 12), Span::new(file, 104, 110), "from `${{X}}` to `.5`");
        assert_eq!(made.span(13, 16), Span::new(file, 111, 114));
    }
}
