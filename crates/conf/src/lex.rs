//! A line of text into words: quotes, escapes, variables, comments (configuration manual §2.2 and §2.3).
//!
//! Never fails: what is wrong with a line is one [`Fault`], and the words up to there (the broken one too) are given.

use crate::ast::Word;
use crate::env::{Environment, name_len};
use bstr::{BString, ByteSlice};
use evenkeel_base::{FileId, Span};

/// Most words on a line, as in the original.
pub const WORDS_MAX: usize = 64;

/// Longest line, as written and after its variables were put in. The original takes lines of megabytes, too.
pub const LINE_MAX: usize = 4 * 1024 * 1024;

/// What a line's text may refer to, and where the line stands.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The variables.
    pub env: &'a Environment,
    /// `.FILE`, `.LINE` and `.SECTION`.
    pub place: Pseudo<'a>,
    /// The file, for the words' spans.
    pub file: FileId,
    /// Offset of the line in the file.
    pub start: u32,
}

/// Every pseudo-variable.
const PSEUDO: [&[u8]; 3] = [b".FILE", b".LINE", b".SECTION"];

/// The values of the pseudo-variables.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pseudo<'a> {
    /// `.FILE`: the file's name.
    pub file: &'a [u8],
    /// `.LINE`: counted from 1.
    pub line: u32,
    /// `.SECTION`: the section's name, or its word where it has none; empty before the first.
    pub section: &'a [u8],
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The diagnostic's code.
    pub code: &'static str,
    /// The diagnostic's message.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do about it.
    pub help: Option<&'static str>,
}

/// A line's words, and what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cut {
    /// The words. With a fault: those before it and what there was of the faulty one.
    pub words: Vec<Word>,
    /// The first fault; nothing after it was read.
    pub fault: Option<Fault>,
}

/// Cuts a line (without its line end) into words.
pub fn cut(line: &[u8], context: &Context<'_>) -> Cut {
    let mut lexer = Lexer::new(line, context, Mode::Line);
    let fault = lexer.run().err();
    lexer.end_word();
    Cut { words: lexer.words, fault }
}

/// Resolves quotes, escapes and variables of one argument that is not cut into words, and has no comments: what
/// follows `-cc` on a command line.
pub fn unquote(text: &[u8], env: &Environment) -> Result<BString, Fault> {
    let context = Context { env, place: Pseudo::default(), file: FileId::default(), start: 0 };
    let mut lexer = Lexer::new(text, &context, Mode::Argument);
    lexer.run()?;
    lexer.end_word();
    Ok(lexer.words.into_iter().next().map(|word| word.text).unwrap_or_default())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Line,
    Argument,
}

#[derive(Clone, Copy)]
enum Quote {
    None,
    Single { opened: usize },
    Double { opened: usize },
}

/// A word being built.
struct Draft {
    text: BString,
    start: usize,
    quoted: bool,
    /// True while nothing but `${NAME[*]}` has contributed: such a word vanishes if it stays empty.
    only_list: bool,
}

struct Lexer<'a> {
    line: &'a [u8],
    context: &'a Context<'a>,
    mode: Mode,
    at: usize,
    draft: Option<Draft>,
    words: Vec<Word>,
    expanded: usize,
}

impl<'a> Lexer<'a> {
    fn new(line: &'a [u8], context: &'a Context<'a>, mode: Mode) -> Self {
        Self { line, context, mode, at: 0, draft: None, words: Vec::new(), expanded: 0 }
    }

    fn run(&mut self) -> Result<(), Fault> {
        let mut quote = Quote::None;
        while let Some(&byte) = self.line.get(self.at) {
            match (quote, byte) {
                (Quote::None, blank) if is_blank(blank) && self.mode == Mode::Line => {
                    self.end_word();
                    self.at += 1;
                }
                (Quote::None, b'#') if self.mode == Mode::Line => return Ok(()),
                (Quote::None, b'\'') => quote = self.open(Quote::Single { opened: self.at })?,
                (Quote::None, b'"') => quote = self.open(Quote::Double { opened: self.at })?,
                (Quote::Single { .. }, b'\'') | (Quote::Double { .. }, b'"') => {
                    quote = Quote::None;
                    self.at += 1;
                }
                (Quote::None | Quote::Double { .. }, b'\\') => {
                    self.escape(matches!(quote, Quote::Double { .. }))?
                }
                (Quote::Double { .. }, b'$') => self.variable()?,
                (Quote::None | Quote::Single { .. } | Quote::Double { .. }, byte) => {
                    self.push(byte)?;
                    self.at += 1;
                }
            }
        }
        match quote {
            Quote::None => Ok(()),
            Quote::Single { opened } | Quote::Double { opened } => Err(self.fault(
                "unmatched-quote",
                "unmatched quote",
                opened..self.line.len(),
                Some("Close the quote on the same line, or write `\\\"` or `\\'` for the character itself."),
            )),
        }
    }

    fn open(&mut self, quote: Quote) -> Result<Quote, Fault> {
        let draft = self.draft()?;
        draft.quoted = true;
        self.at += 1;
        // `""` is an empty word, while `"${NONE[*]}"` is no word at all.
        if let (Quote::Double { .. } | Quote::Single { .. }, Some(b'"' | b'\'')) =
            (quote, self.line.get(self.at))
        {
            self.draft()?.only_list = false;
        }
        Ok(quote)
    }

    /// A backslash and what follows. What is no escape sequence stays as it is, with its backslash.
    fn escape(&mut self, in_double: bool) -> Result<(), Fault> {
        let plain = match self.line.get(self.at + 1).copied() {
            // The manual lists a tab here, too, but the original does not take it.
            Some(c @ (b' ' | b'\\' | b'\'' | b'"')) => c,
            Some(b'#') if self.mode == Mode::Line => b'#',
            Some(b'$') if in_double => b'$',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => return self.hex(),
            Some(_) | None => {
                self.push(b'\\')?;
                self.at += 1;
                return Ok(());
            }
        };
        self.push(plain)?;
        self.at += 2;
        Ok(())
    }

    fn hex(&mut self) -> Result<(), Fault> {
        let digit = |at: usize| self.line.get(at).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(self.at + 2), digit(self.at + 3)) else {
            return Err(self.fault(
                "bad-escape",
                "truncated or invalid hexadecimal sequence",
                self.at..(self.at + 4).min(self.line.len()),
                Some("Write two hexadecimal digits after `\\x`, or `\\\\x` for a backslash and an x."),
            ));
        };
        let byte = (high * 16 + low) as u8; // two digits: at most 255
        if byte == 0 {
            return Err(self.fault(
                "bad-escape",
                "a word cannot contain a NUL byte",
                self.at..self.at + 4,
                Some("HAProxy silently drops everything from here to the end of the word; where binary data is \
                      needed, use the keyword's binary form, such as `send-binary`."),
            ));
        }
        self.push(byte)?;
        self.at += 4;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`, `${NAME[*]-default}`, and the same for `.NAME`.
    fn variable(&mut self) -> Result<(), Fault> {
        let dollar = self.at;
        let braced = self.line.get(dollar + 1) == Some(&b'{');
        let name_at = dollar + 1 + usize::from(braced);
        let rest = self.line.get(name_at..).unwrap_or(&[]);
        let dotted = usize::from(rest.first() == Some(&b'.'));
        if !rest.get(dotted).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
            return Err(self.fault(
                "bad-variable",
                "forbidden first char in environment variable name",
                name_at..name_at + 1,
                Some("Write `\\$` for a dollar sign within double quotes, or use single quotes."),
            ));
        }
        let len = dotted + name_len(&rest[dotted..]);
        let name = &rest[..len];
        if dotted > 0 && !PSEUDO.contains(&name) {
            return Err(self.fault(
                "bad-variable",
                "forbidden first char in environment variable name",
                name_at..name_at + len,
                Some("The pseudo-variables are .FILE, .LINE and .SECTION."),
            ));
        }
        self.at = name_at + len;
        let (mut list, mut default) = (false, None);
        if braced {
            list = self.list_suffix()?;
            default = self.default_and_brace(dollar + 1)?;
        }
        let number;
        let value: &[u8] = match name {
            b".FILE" => self.context.place.file,
            b".LINE" => {
                number = self.context.place.line.to_string();
                number.as_bytes()
            }
            b".SECTION" => self.context.place.section,
            name => self.context.env.get(name).map(|value| value.as_bytes()).or(default).unwrap_or(b""),
        };
        if list { self.put_list(value, dollar) } else { self.put(value) }
    }

    /// `[*]` after a name.
    fn list_suffix(&mut self) -> Result<bool, Fault> {
        if self.line.get(self.at) != Some(&b'[') {
            return Ok(false);
        }
        if !self.line[self.at..].starts_with(b"[*]") {
            return Err(self.fault(
                "bad-variable",
                "truncated or invalid word expansion sequence",
                self.at..self.at + 1,
                Some("The only form is `${NAME[*]}`: the value's words as words of the line."),
            ));
        }
        self.at += 3;
        Ok(true)
    }

    /// `-default`, if it is there, and the closing brace. Nothing is special in the default.
    fn default_and_brace(&mut self, brace: usize) -> Result<Option<&'a [u8]>, Fault> {
        let rest = &self.line[self.at..];
        let (default, len) = match rest.strip_prefix(b"-") {
            Some(tail) => {
                let len = tail.iter().take_while(|b| **b != b'}' && **b != b'"').count();
                (Some(&tail[..len]), len + 1)
            }
            None => (None, 0),
        };
        if rest.get(len) != Some(&b'}') {
            return Err(self.fault(
                "bad-variable",
                "unmatched brace in environment variable name",
                brace..self.at + len,
                Some("The forms are `${NAME}`, `${NAME-default}` and `${NAME[*]}`."),
            ));
        }
        self.at += len + 1;
        Ok(default)
    }

    fn put(&mut self, value: &[u8]) -> Result<(), Fault> {
        self.spend(value.len())?;
        let draft = self.draft()?;
        draft.only_list = false;
        draft.text.extend_from_slice(value);
        Ok(())
    }

    fn put_list(&mut self, value: &[u8], dollar: usize) -> Result<(), Fault> {
        self.spend(value.len())?;
        let mut pieces = value.split(|b| is_blank(*b));
        if let Some(first) = pieces.next() {
            self.draft()?.text.extend_from_slice(first);
        }
        for piece in pieces {
            self.end_word();
            let draft = self.draft()?;
            (draft.start, draft.quoted) = (dollar, true);
            draft.text.extend_from_slice(piece);
        }
        Ok(())
    }

    fn push(&mut self, byte: u8) -> Result<(), Fault> {
        self.spend(1)?;
        let draft = self.draft()?;
        draft.only_list = false;
        draft.text.push(byte);
        Ok(())
    }

    /// Counts what a line grows to.
    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.expanded = self.expanded.saturating_add(bytes);
        if self.expanded <= LINE_MAX {
            return Ok(());
        }
        let message = format!("line too long: more than {LINE_MAX} bytes with its variables");
        Err(self.fault("line-too-long", message, self.at..self.at + 1, None))
    }

    /// The word being built; starts one here if there is none.
    fn draft(&mut self) -> Result<&mut Draft, Fault> {
        if self.draft.is_none() && self.words.len() == WORDS_MAX {
            let last =
                self.words.last().map(|word| (word.span.start - self.context.start, word.str().into_owned()));
            let (position, word) = last.unwrap_or_default();
            return Err(self.fault(
                "too-many-words",
                format!("too many words, truncating after word {WORDS_MAX}, position {position}: <{word}>"),
                self.at..self.line.len(),
                Some("Split the line: most lists may be given on several lines."),
            ));
        }
        let start = self.at;
        Ok(self.draft.get_or_insert_with(|| Draft {
            text: BString::default(),
            start,
            quoted: false,
            only_list: true,
        }))
    }

    fn end_word(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        if draft.only_list && draft.text.is_empty() {
            return;
        }
        let span = self.span(draft.start..self.at);
        self.words.push(Word { text: draft.text, span, quoted: draft.quoted });
    }

    fn fault(
        &self,
        code: &'static str,
        message: impl Into<String>,
        at: std::ops::Range<usize>,
        help: Option<&'static str>,
    ) -> Fault {
        Fault { code, message: message.into(), span: self.span(at), help }
    }

    /// A range of the line as a place in the file; never beyond the line.
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        let clip = |n: usize| self.context.start.saturating_add(n.min(self.line.len()) as u32);
        let (start, end) = (clip(range.start), clip(range.end));
        Span::new(self.context.file, start, end.max(start))
    }
}

/// What separates words: C's `isspace` without the line's ends.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn env() -> Environment {
        [("A", "one two"), ("E", ""), ("L", " x  y\tz "), ("Q", "a\"b\\x41 $A")].into_iter().collect()
    }

    fn show(line: &str) -> String {
        let env = env();
        let place = Pseudo { file: b"x.cfg", line: 7, section: b"web" };
        let cut = cut(line.as_bytes(), &Context { env: &env, place, file: FileId(0), start: 0 });
        let words: Vec<String> = cut
            .words
            .iter()
            .map(|w| {
                format!("{}{:?}@{}-{}", if w.quoted { "q" } else { "" }, w.str(), w.span.start, w.span.end)
            })
            .collect();
        let fault =
            cut.fault.map(|f| format!(" !{} {}-{}", f.message, f.span.start, f.span.end)).unwrap_or_default();
        words.join(" ") + &fault
    }

    #[track_caller]
    fn check(rows: &[&str], want: Expect) {
        want.assert_eq(&rows.iter().map(|line| format!("{line:?} → {}\n", show(line))).collect::<String>());
    }

    #[test]
    fn words_quotes_and_escapes() {
        check(
            &[
                "",
                "   ",
                " \t a  b\tc ",
                "a#b c",
                "a \\# #c",
                r#"acl a path "/a b""#,
                r#"'it''s' "#,
                r#"x"y z"'w v'u"#,
                r#""" b"#,
                r#""a\tb\x41\x4a \$ \" \\ \# \' \n|""#,
                r"a\tb\x41\ \$\'\\\#\n|",
                r#"'a\tb\x41 \ $A \" #'x"#,
                r"a\",
                r"a\z",
                "a\u{b}b\u{c}c",
                "a$A ${A}",
            ],
            expect![[r##"
                "" → 
                "   " → 
                " \t a  b\tc " → "a"@3-4 "b"@6-7 "c"@8-9
                "a#b c" → "a"@0-1
                "a \\# #c" → "a"@0-1 "#"@2-4
                "acl a path \"/a b\"" → "acl"@0-3 "a"@4-5 "path"@6-10 q"/a b"@11-17
                "'it''s' " → q"its"@0-7
                "x\"y z\"'w v'u" → q"xy zw vu"@0-12
                "\"\" b" → q""@0-2 "b"@3-4
                "\"a\\tb\\x41\\x4a \\$ \\\" \\\\ \\# \\' \\n|\"" → q"a\tbAJ $ \" \\ # ' \n|"@0-33
                "a\\tb\\x41\\ \\$\\'\\\\\\#\\n|" → "a\tbA \\$'\\#\n|"@0-21
                "'a\\tb\\x41 \\ $A \\\" #'x" → q"a\\tb\\x41 \\ $A \\\" #x"@0-21
                "a\\" → "a\\"@0-2
                "a\\z" → "a\\z"@0-3
                "a\u{b}b\u{c}c" → "a"@0-1 "b"@2-3 "c"@4-5
                "a$A ${A}" → "a$A"@0-3 "${A}"@4-8
            "##]],
        );
    }

    #[test]
    fn variables() {
        check(
            &[
                r#""$A""#,
                r#""${A}x" "$Ax" "$A.x""#,
                r#""${B-d e}" "${B-}" "${E-x}|$B|""#,
                r#""${A[*]}""#,
                r#""x${A[*]}y" z"#,
                r#""${B[*]}" b"#,
                r#""${L[*]}" b"#,
                r#""${B[*]-a b}" "${B-a b[*]}""#,
                r#""${.FILE}:${.LINE}:$.SECTION""#,
                r#""${B-x}y}" "${B-\}z}" "${B-$A}" "${B-${A}}""#,
                r#""$Q""#,
            ],
            expect![[r#"
                "\"$A\"" → q"one two"@0-4
                "\"${A}x\" \"$Ax\" \"$A.x\"" → q"one twox"@0-7 q""@8-13 q"one two.x"@14-20
                "\"${B-d e}\" \"${B-}\" \"${E-x}|$B|\"" → q"d e"@0-10 q""@11-18 q"||"@19-31
                "\"${A[*]}\"" → q"one"@0-8 q"two"@1-9
                "\"x${A[*]}y\" z" → q"xone"@0-9 q"twoy"@2-11 "z"@12-13
                "\"${B[*]}\" b" → "b"@10-11
                "\"${L[*]}\" b" → q"x"@1-8 q"y"@1-8 q"z"@1-8 "b"@10-11
                "\"${B[*]-a b}\" \"${B-a b[*]}\"" → q"a"@0-12 q"b"@1-13 q"a b[*]"@14-27
                "\"${.FILE}:${.LINE}:$.SECTION\"" → q"x.cfg:7:web"@0-29
                "\"${B-x}y}\" \"${B-\\}z}\" \"${B-$A}\" \"${B-${A}}\"" → q"xy}"@0-10 q"\\z}"@11-21 q"$A"@22-31 q"${A}"@32-43
                "\"$Q\"" → q"a\"b\\x41 $A"@0-4
            "#]],
        );
    }

    #[test]
    fn faults_point_where_the_original_does() {
        check(
            &[
                r#" log "abc"#,
                " log 'abc",
                r" log a\xZZ b",
                r" log a\x4 b",
                r#" log "${A b""#,
                r#" log "${}""#,
                r#" log "$1" x"#,
                r#" log "${A.b}""#,
                r#" log "${A-x""#,
                r#" log "${A[*}" local0"#,
                r#" log "${A[1]}" local0"#,
                r#".notice "${A"#,
                r#".notice "a $""#,
                r#".notice "a $"#,
                r#".notice "${B-"x"}""#,
                r#".notice "${.FOO}""#,
                r"a\x00b",
            ],
            expect![[r#"
                " log \"abc" → "log"@1-4 q"abc"@5-9 !unmatched quote 5-9
                " log 'abc" → "log"@1-4 q"abc"@5-9 !unmatched quote 5-9
                " log a\\xZZ b" → "log"@1-4 "a"@5-6 !truncated or invalid hexadecimal sequence 6-10
                " log a\\x4 b" → "log"@1-4 "a"@5-6 !truncated or invalid hexadecimal sequence 6-10
                " log \"${A b\"" → "log"@1-4 !unmatched brace in environment variable name 7-9
                " log \"${}\"" → "log"@1-4 !forbidden first char in environment variable name 8-9
                " log \"$1\" x" → "log"@1-4 !forbidden first char in environment variable name 7-8
                " log \"${A.b}\"" → "log"@1-4 !unmatched brace in environment variable name 7-9
                " log \"${A-x\"" → "log"@1-4 !unmatched brace in environment variable name 7-11
                " log \"${A[*}\" local0" → "log"@1-4 !truncated or invalid word expansion sequence 9-10
                " log \"${A[1]}\" local0" → "log"@1-4 !truncated or invalid word expansion sequence 9-10
                ".notice \"${A" → ".notice"@0-7 !unmatched brace in environment variable name 10-12
                ".notice \"a $\"" → ".notice"@0-7 q"a "@8-11 !forbidden first char in environment variable name 12-13
                ".notice \"a $" → ".notice"@0-7 q"a "@8-11 !forbidden first char in environment variable name 12-12
                ".notice \"${B-\"x\"}\"" → ".notice"@0-7 !unmatched brace in environment variable name 10-13
                ".notice \"${.FOO}\"" → ".notice"@0-7 !forbidden first char in environment variable name 11-15
                "a\\x00b" → "a"@0-1 !a word cannot contain a NUL byte 1-5
            "#]],
        );
    }

    #[test]
    fn sixty_four_words_and_no_more() {
        let line = |n: usize| (0..n).map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
        let env = env();
        let context = Context { env: &env, place: Pseudo::default(), file: FileId(0), start: 100 };
        assert_eq!(cut(line(64).as_bytes(), &context).fault, None);
        let over = cut(line(70).as_bytes(), &context);
        assert_eq!(over.words.len(), WORDS_MAX);
        let fault = over.fault.expect("70 words are too many");
        assert_eq!(fault.message, "too many words, truncating after word 64, position 242: <w63>");
    }

    #[test]
    fn variables_cannot_blow_a_line_up() {
        let env: Environment = [("BIG", "x".repeat(LINE_MAX / 2))].into_iter().collect();
        let context = Context { env: &env, place: Pseudo::default(), file: FileId(0), start: 0 };
        assert_eq!(cut(br#""$BIG""#, &context).fault, None);
        assert_eq!(cut(br#""$BIG$BIG$BIG""#, &context).fault.map(|f| f.code), Some("line-too-long"));
    }

    #[test]
    fn one_argument_without_words() {
        for (text, want) in [
            (r#"streq("$A","one two")"#, "streq(one two,one two)"),
            ("1 #c", "1 #c"),
            (r"\# \x41\ b", r"\# A b"),
            ("", ""),
        ] {
            assert_eq!(
                unquote(text.as_bytes(), &env()).map(|t| t.to_string()),
                Ok(want.to_string()),
                "{text}"
            );
        }
        assert!(unquote(b"\"a", &env()).is_err());
    }
}
