//! Words with their places: what the reader makes of a line, and what every registry's parser consumes.

use std::borrow::Cow;
use std::fmt;

use bstr::{BStr, BString, ByteSlice};

use crate::diag::Diagnostic;
use crate::span::Span;

/// One word of a configuration line, after quotes, escapes and variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says. Bytes: a file need not be UTF-8.
    pub text: BString,
    /// Where it stands, quotes included.
    pub span: Span,
    /// True if any part of it was quoted (an empty word is only real when quoted).
    pub quoted: bool,
}

impl Word {
    /// A word from nowhere, for defaults and tests.
    pub fn bare(text: impl Into<Vec<u8>>) -> Self {
        Self { text: BString::new(text.into()), span: Span::default(), quoted: false }
    }

    /// The text with invalid UTF-8 replaced: for names, numbers and messages.
    pub fn str(&self) -> Cow<'_, str> {
        self.text.to_str_lossy()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// True if the word is exactly `text`.
    pub fn is(&self, text: &str) -> bool {
        self.text.as_bytes() == text.as_bytes()
    }

    /// A word that holds a part of this one (`start..end` of its text), at the best place known: exact if the word
    /// was written plainly, the whole word if quotes or variables came between.
    pub fn part(&self, start: usize, end: usize) -> Word {
        let text = self.text.get(start..end).unwrap_or_default();
        let plain = (self.span.end - self.span.start) as usize == self.text.len();
        let span = if plain && end <= self.text.len() && start <= end {
            Span::new(self.span.file, self.span.start + start as u32, self.span.start + end as u32)
        } else {
            self.span
        };
        Word { text: text.into(), span, quoted: self.quoted }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::new(&self.text), f)
    }
}

/// A reading position in a line's words. Parsers take what they need and leave the rest.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a [Word],
    /// The place after the last word taken: where a missing word belongs.
    end: Span,
}

impl<'a> Words<'a> {
    /// Starts at the first of `words`; `head` is the place of what came before them.
    pub fn new(words: &'a [Word], head: Span) -> Self {
        Self { rest: words, end: head }
    }

    /// The next word, not taken.
    pub fn peek(&self) -> Option<&'a Word> {
        self.rest.first()
    }

    /// Takes the next word if it is `text`.
    pub fn take_if(&mut self, text: &str) -> bool {
        let hit = self.peek().is_some_and(|w| w.is(text));
        if hit {
            self.next();
        }
        hit
    }

    /// Takes the next word or says that `what` is missing, e.g. `"a number of servers"`.
    pub fn expect(&mut self, what: &str) -> Result<&'a Word, Diagnostic> {
        let place = self.end.after();
        self.next().ok_or_else(|| Diagnostic::error("missing-argument", format!("{what} is missing"), place))
    }

    /// What is left.
    pub fn rest(&self) -> &'a [Word] {
        self.rest
    }

    /// Takes all that is left.
    pub fn take_rest(&mut self) -> &'a [Word] {
        let rest = self.rest;
        if let Some(last) = rest.last() {
            self.end = last.span;
        }
        self.rest = &[];
        rest
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The place of the word taken last (or of the head).
    pub fn last_span(&self) -> Span {
        self.end
    }

    /// The error for words left over at the end of a line.
    pub fn finish(&self) -> Result<(), Diagnostic> {
        match self.rest {
            [] => Ok(()),
            [first, ..] => Err(Diagnostic::error(
                "surplus-argument",
                format!("`{first}` is one word too many here"),
                first.span,
            )),
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a Word;

    /// Takes the next word.
    fn next(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.end = first.span;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::FileId;

    #[test]
    fn parts_keep_their_place_only_when_plain() {
        let span = Span::new(FileId(0), 10, 17);
        let plain = Word { text: "abc,def".into(), span, quoted: false };
        assert_eq!(plain.part(4, 7).span, Span::new(FileId(0), 14, 17));
        assert_eq!(plain.part(4, 7).text, "def");
        let quoted = Word { text: "a c,d".into(), span, quoted: true };
        assert_eq!(quoted.part(4, 5).span, span);
        assert_eq!(plain.part(5, 99).text, "", "an impossible part is empty, not a panic");
    }

    #[test]
    fn a_missing_word_is_reported_after_the_last() {
        let span = Span::new(FileId(0), 0, 4);
        let words = [Word { text: "mode".into(), span, quoted: false }];
        let mut cursor = Words::new(&words, Span::default());
        assert!(cursor.take_if("mode"));
        let err = cursor.expect("a mode").unwrap_err();
        assert_eq!((err.message.as_str(), err.span), ("a mode is missing", Some(span.after())));
    }
}
