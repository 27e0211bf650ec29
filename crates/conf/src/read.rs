//! Files to AST: lines, conditional blocks, messages, sections, and the `global` section's variables.
//!
//! ```text
//! line ─ cut into words ─┬─ .if .elif .else .endif   open and close blocks
//!                        ├─ (in a block that is off) nothing
//!                        ├─ .diag .notice .warning .alert   a diagnostic
//!                        ├─ a section's word   a new section
//!                        └─ anything else   a line of the section; setenv and its kin also act here
//! ```
//! A line that cannot be cut is diagnosed and left out; a section's head is kept as far as it goes, so that the lines
//! after it do not fall into the section before.

use crate::ast::{Ast, Line, Section, SectionKind, Word};
use crate::cond::{self, CondEnv};
use crate::env::Environment;
use crate::lex::{self, Cut, LINE_MAX, Pseudo};
use crate::source::{self, Input};
use bstr::{BString, ByteSlice};
use evenkeel_base::near::nearest;
use evenkeel_base::{Diagnostic, FileId, Level, SourceMap, Span};
use std::sync::Arc;

/// Deepest nesting of `.if`, as in the original.
pub const NESTING_MAX: usize = 100;

/// Most diagnostics of one reading: a file that is no configuration at all has one on every line.
pub const DIAGNOSTICS_MAX: usize = 1_000;

/// Most bytes of words in one configuration, after variables were put in: a few times [`source::FILE_MAX`].
pub const WORDS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The codes of diagnostics that the original writes with the line and a caret below it, even in its classic form.
pub const POINTED_CODES: &[&str] = &["unmatched-quote", "bad-escape", "bad-variable", "condition"];

/// Codes of the reader, whose place the original writes as `[file:line]:` where keywords' have `[file:line] :`.
pub const READER_CODES: &[&str] = &[
    "bad-escape",
    "bad-variable",
    "byte-order-mark",
    "carriage-return",
    "condition",
    "directive",
    "environment",
    "line-too-long",
    "message",
    "missing-newline",
    "out-of-section",
    "stray-nul",
    "too-many-words",
    "unmatched-quote",
];

/// Blanks and quotes that editors and web pages make, which are ordinary characters to the original.
const LOOKALIKES: &[(char, &str)] = &[
    ('\u{a0}', "a no-break space (U+00A0)"),
    ('\u{2003}', "an em space (U+2003)"),
    ('\u{2009}', "a thin space (U+2009)"),
    ('\u{200b}', "a zero-width space (U+200B)"),
    ('\u{202f}', "a narrow no-break space (U+202F)"),
    ('\u{3000}', "an ideographic space (U+3000)"),
    ('\u{feff}', "a byte order mark (U+FEFF)"),
    ('\u{201c}', "a typographic quotation mark (U+201C)"),
    ('\u{201d}', "a typographic quotation mark (U+201D)"),
    ('\u{2018}', "a typographic quotation mark (U+2018)"),
    ('\u{2019}', "a typographic quotation mark (U+2019)"),
];

/// Keywords at the start of a line that are near to a section's word without being meant as one.
const NO_SECTIONS: &[&str] =
    &["default", "http-error", "log-format", "mailer", "peer", "trace", "user", "users"];

/// What to read, and the world that `.if` asks about.
#[derive(Clone, Debug, Default)]
pub struct Inputs<'a> {
    /// Files, folders and texts, in order.
    pub inputs: Vec<Input>,
    /// What conditions see besides the environment.
    pub cond: CondEnv<'a>,
}

/// Reads everything. `env` is the process's environment at first, and what the `global` sections made of it at the end;
/// `HAPROXY_CFGFILES` is set in it.
pub fn read(inputs: &Inputs<'_>, env: &mut Environment) -> (Ast, SourceMap, Vec<Diagnostic>) {
    let (map, diags) = source::load(&inputs.inputs);
    let files: Vec<FileId> = (0..map.len() as u32).map(FileId).collect();
    let names: Vec<&str> = files.iter().map(|file| map.name(*file)).collect();
    let _ = env.set(b"HAPROXY_CFGFILES", names.join(";").as_bytes()); // a constant name is never refused
    let mut reader = Reader {
        map: &map,
        world: &inputs.cond,
        snapshot: Arc::new(env.clone()),
        changed: false,
        env,
        ast: Ast::default(),
        diags,
        words_bytes: 0,
        full: false,
    };
    for file in files {
        reader.file(file);
        reader.close_section();
    }
    let Reader { ast, diags, .. } = reader;
    (ast, map, diags)
}

/// A conditional block.
struct Block {
    state: BlockState,
    opened: Span,
    otherwise: Option<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BlockState {
    /// Its lines count.
    On,
    /// No branch was true so far.
    Seeking,
    /// A branch was true; the rest doesn't count.
    Done,
    /// The block is within one that doesn't count.
    Dead,
}

/// Where the lines of a file go.
enum Target {
    /// No section yet in this file, and the fault is not yet said.
    Outside,
    /// No section yet, and the first such line was diagnosed: index of the diagnostic, and how many lines followed.
    Stray { diagnostic: usize, more: usize },
    /// The AST's last section.
    Section { name: BString },
}

struct Reader<'a> {
    map: &'a SourceMap,
    world: &'a CondEnv<'a>,
    env: &'a mut Environment,
    snapshot: Arc<Environment>,
    /// True while `snapshot` is behind `env`.
    changed: bool,
    ast: Ast,
    diags: Vec<Diagnostic>,
    words_bytes: usize,
    full: bool,
}

/// What is known while one file is read.
struct File {
    id: FileId,
    target: Target,
    blocks: Vec<Block>,
    /// `.if`s beyond [`NESTING_MAX`].
    surplus: usize,
}

impl Reader<'_> {
    fn file(&mut self, id: FileId) {
        let map = self.map;
        let text = map.text(id);
        let mut file = File { id, target: Target::Outside, blocks: Vec::new(), surplus: 0 };
        let mut start = 0;
        if text.starts_with(b"\xef\xbb\xbf") {
            start = 3;
            self.say(Diagnostic::warning(
                "byte-order-mark",
                "the file starts with a UTF-8 byte order mark, which HAProxy refuses",
                Span::new(id, 0, 3),
            ));
        }
        let mut number = 0;
        while start < text.len() && !self.full {
            let rest = &text[start..];
            let len = rest.find_byte(b'\n').unwrap_or(rest.len());
            number += 1;
            self.raw_line(&mut file, &rest[..len], start as u32, number);
            if len == rest.len() {
                self.missing_newline(&file, start + len, len + 1);
            }
            start += len + 1;
        }
        for block in file.blocks.iter().rev() {
            let end = text.len() as u32;
            let end = Span::new(id, end.saturating_sub(u32::from(text.ends_with(b"\n"))), end);
            let what = Diagnostic::error("directive", "non-terminated '.if' block", end);
            let what = what.label(block.opened, "opened here").help("Write `.endif` where the block ends.");
            push(&mut self.diags, &mut self.full, what);
        }
    }

    fn missing_newline(&mut self, file: &File, end: usize, position: usize) {
        let at = Span::new(file.id, end as u32, end as u32);
        let what = format!("Missing LF on last line, file might have been truncated at position {position}");
        self.say(
            Diagnostic::warning("missing-newline", what, at)
                .help("HAProxy refuses such a file: end the last line with a line feed."),
        );
    }

    /// A line as it stands in the file, without its line feed.
    fn raw_line(&mut self, file: &mut File, line: &[u8], start: u32, number: u32) {
        if line.len() > LINE_MAX {
            let span = Span::new(file.id, start, start + line.len() as u32);
            let message = format!("line too long: more than {LINE_MAX} bytes");
            return self.say(Diagnostic::error("line-too-long", message, span));
        }
        if let Some(nul) = line.find_byte(0) {
            let at = start + nul as u32;
            let message = format!("Stray NUL character at position {}", nul + 1);
            let what = Diagnostic::error("stray-nul", message, Span::new(file.id, at, at + 1));
            return self.say(what.help("The rest of the line was not read. Is this a text file?"));
        }
        let line = self.before_return(file, line, start);
        let section: &[u8] = match &file.target {
            Target::Section { name } => name,
            Target::Outside | Target::Stray { .. } => b"",
        };
        let place = Pseudo { file: self.map.name(file.id).as_bytes(), line: number, section };
        let Cut { words, fault } =
            lex::cut(line, &lex::Context { env: self.env, place, file: file.id, start });
        let broken = fault.is_some();
        if let Some(fault) = fault {
            let pointed = POINTED_CODES.contains(&fault.code);
            let position = fault.span.start - start + 1;
            let at = if pointed { format!(" at position {position}") } else { String::new() };
            let what = Diagnostic::error(fault.code, fault.message + &at, fault.span);
            self.say(fault.help.into_iter().fold(what, Diagnostic::help));
        }
        self.words_bytes += words.iter().map(|word| word.text.len()).sum::<usize>();
        if self.words_bytes > WORDS_BYTES_MAX {
            let limit = WORDS_BYTES_MAX >> 20;
            let message = format!("the configuration has more than {limit} MiB of words, with its variables");
            let span = Span::new(file.id, start, start + line.len() as u32);
            self.say(Diagnostic::error("configuration-too-large", message, span));
            self.full = true;
            return;
        }
        if let Some(line) = Line::new(words) {
            self.line(file, line, broken);
        }
    }

    /// The original ends a line at a carriage return, wherever it stands.
    fn before_return<'t>(&mut self, file: &File, line: &'t [u8], start: u32) -> &'t [u8] {
        let Some(at) = line.find_byte(b'\r') else { return line };
        let (before, after) = line.split_at(at);
        let lost = !after.iter().all(|b| *b == b'\r' || lex::is_blank(*b));
        if lost && !before.contains(&b'#') {
            let at = start + at as u32;
            let message = "a carriage return within the line ends it: the rest is ignored";
            self.say(Diagnostic::warning("carriage-return", message, Span::new(file.id, at, at + 1)));
        }
        before
    }

    fn line(&mut self, file: &mut File, line: Line, broken: bool) {
        let keyword = line.keyword();
        if keyword.bytes().first() == Some(&b'.') {
            return self.directive(file, &line, broken);
        }
        if file.blocks.last().is_some_and(|block| block.state != BlockState::On) {
            return;
        }
        if let Some(kind) = SectionKind::of(keyword) {
            return self.head(file, kind, line);
        }
        if broken {
            return;
        }
        if keyword.text.is_empty() {
            let message = "the line starts with an empty word, so it is ignored";
            return self.say(Diagnostic::new(Level::Notice, "empty-word", message, line.span));
        }
        if self.lookalikes(&line) {
            return;
        }
        if let Some(meant) = self.misspelt_section(&line) {
            self.unknown_section(file, &line, meant);
            return self.head(file, SectionKind::Unknown, line);
        }
        match &mut file.target {
            Target::Section { .. } => self.member(line),
            Target::Stray { more, .. } if self.full => *more += 1,
            Target::Stray { diagnostic, more } => {
                *more += 1;
                if let Some(what) = self.diags.get_mut(*diagnostic) {
                    let lines = if *more == 1 { "line" } else { "lines" };
                    what.note = Some(format!("{more} more {lines} after it, up to the first section"));
                }
            }
            Target::Outside => {
                let message = format!("unknown keyword '{}' out of section", keyword.str());
                file.target = Target::Stray { diagnostic: self.diags.len(), more: 0 };
                let what = Diagnostic::error("out-of-section", message, keyword.span);
                self.say(what.help(
                    "Every file starts with a section, such as `global`, `defaults`, `frontend NAME` or `backend NAME`.",
                ));
            }
        }
    }

    /// A new section.
    fn head(&mut self, file: &mut File, kind: SectionKind, head: Line) {
        let name = head.arg(0).filter(|name| !name.text.is_empty()).unwrap_or(head.keyword()).text.clone();
        file.target = Target::Section { name };
        self.close_section();
        self.ast.sections.push(Section { kind, head, lines: Vec::new(), env: Arc::clone(&self.snapshot) });
    }

    /// A line of the section that is open.
    fn member(&mut self, line: Line) {
        if self.ast.sections.last().is_some_and(|section| section.kind == SectionKind::Global) {
            self.change_environment(&line);
        }
        if let Some(section) = self.ast.sections.last_mut() {
            section.lines.push(line);
        }
    }

    /// Gives the last section the variables as they are now.
    fn close_section(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        self.snapshot = Arc::new(self.env.clone());
        if let Some(section) = self.ast.sections.last_mut() {
            section.env = Arc::clone(&self.snapshot);
        }
    }

    /// Configuration manual §3.1: `setenv`, `presetenv`, `unsetenv`, `resetenv` act on the lines that follow.
    fn change_environment(&mut self, line: &Line) {
        let keyword = line.keyword();
        let names: Vec<&[u8]> = line.args().iter().map(|word| word.text.as_slice()).collect();
        match keyword.text.as_slice() {
            b"setenv" | b"presetenv" => {
                let ([name, value, ..], Some(word)) = (names.as_slice(), line.arg(0)) else {
                    let message = format!("'{}' expects a name and a value", keyword.str());
                    return self.say(Diagnostic::error("environment", message, line.span));
                };
                if keyword.is("presetenv") && self.env.get(name).is_some() {
                    return;
                }
                if let Err(error) = self.env.set(name, value) {
                    let message =
                        format!("'{}' failed on variable '{}' : {error}", keyword.str(), word.str());
                    let what = Diagnostic::error("environment", message, word.span);
                    return self.say(what.help("A variable's name is not empty and has no `=` in it."));
                }
            }
            b"unsetenv" => {
                if names.is_empty() {
                    let message = "'unsetenv' expects at least one variable name";
                    return self.say(Diagnostic::error("environment", message, line.span));
                }
                for name in names {
                    self.env.unset(name);
                }
            }
            b"resetenv" => self.env.retain(|name| names.contains(&name)),
            _ => return,
        }
        self.changed = true;
    }

    /// Characters that look like blanks or quotes but are none: an error in a keyword, which cannot be right.
    fn lookalikes(&mut self, line: &Line) -> bool {
        let found = |word: &Word| {
            let text = if word.quoted { return None } else { word.text.to_str().ok()? };
            LOOKALIKES.iter().find(|(c, _)| text.contains(*c)).map(|(_, name)| *name)
        };
        if let Some(name) = found(line.keyword()) {
            let message = format!("{name} is in the keyword '{}'", line.keyword().str());
            let what = Diagnostic::error("lookalike", message, line.keyword().span);
            self.say(what.help("Only blanks and tabs separate words: type the line's blanks again."));
            return true;
        }
        for word in line.args() {
            if let Some(name) = found(word) {
                let message = format!("{name} is in this word, as an ordinary character");
                let what = Diagnostic::warning("lookalike", message, word.span);
                self.say(what.help("Only blanks and tabs separate words, and only ' and \" quote them."));
            }
        }
        false
    }

    /// The section that an unindented, unknown word near to a section's may have been meant to start.
    fn misspelt_section(&self, line: &Line) -> Option<&'static str> {
        let keyword = line.keyword();
        let text = self.map.text(keyword.span.file);
        let before = (keyword.span.start as usize).checked_sub(1).and_then(|at| text.get(at));
        let unindented = matches!(before, None | Some(b'\n') | Some(0xbf));
        if !unindented || keyword.quoted || NO_SECTIONS.iter().any(|word| keyword.is(word)) {
            return None;
        }
        nearest(&keyword.str(), SectionKind::ALL.iter().map(|kind| kind.word()))
    }

    fn unknown_section(&mut self, file: &File, line: &Line, meant: &str) {
        let keyword = line.keyword();
        let place = match &file.target {
            Target::Section { .. } => match self.ast.sections.last() {
                Some(section) => format!("in '{}' section", section.head.keyword().str()),
                None => "out of section".to_string(),
            },
            Target::Outside | Target::Stray { .. } => "out of section".to_string(),
        };
        let message = format!("unknown keyword '{}' {place}; did you mean '{meant}' maybe ?", keyword.str());
        let what = Diagnostic::error("unknown-section", message, keyword.span);
        self.say(what.help("The lines up to the next section were not checked."));
    }

    fn directive(&mut self, file: &mut File, line: &Line, broken: bool) {
        let keyword = line.keyword();
        match keyword.text.as_slice() {
            b".if" => self.open_block(file, line, broken),
            b".elif" => self.other_block(file, line, broken),
            b".else" => {
                self.no_arguments(file, line);
                self.other_block(file, line, broken);
            }
            b".endif" => {
                self.no_arguments(file, line);
                if file.surplus > 0 {
                    file.surplus -= 1;
                } else if file.blocks.pop().is_none() {
                    self.lone(line);
                }
            }
            word => {
                if broken || file.blocks.last().is_some_and(|block| block.state != BlockState::On) {
                    return;
                }
                let level = match word {
                    b".diag" => Level::Diag,
                    b".notice" => Level::Notice,
                    b".warning" => Level::Warning,
                    b".alert" => Level::Error,
                    _ => {
                        let message = format!("unknown directive '{}'", keyword.str());
                        let meant = nearest(&keyword.str(), DIRECTIVES.iter().copied());
                        let help = meant.map(|meant| format!("Did you mean `{meant}`?"));
                        let what = Diagnostic::error("directive", message, keyword.span);
                        return self.say(help.into_iter().fold(what, Diagnostic::help));
                    }
                };
                self.message(line, level);
            }
        }
    }

    /// `.diag`, `.notice`, `.warning`, `.alert`: one argument.
    fn message(&mut self, line: &Line, level: Level) {
        let text = line.arg(0).map(|word| word.str()).unwrap_or_default();
        if let Some(surplus) = line.arg(1).filter(|word| !word.text.is_empty()) {
            let message = format!("Unexpected argument '{}' for '{}'", surplus.str(), line.keyword().str());
            let what = Diagnostic::error("directive", message, surplus.span);
            return self.say(what.help("Use quotes if the message should contain spaces."));
        }
        self.say(Diagnostic::new(level, "message", format!("'{text}'"), line.span));
    }

    fn open_block(&mut self, file: &mut File, line: &Line, broken: bool) {
        if file.blocks.len() >= NESTING_MAX {
            if file.surplus == 0 {
                let message = format!("too many nested '.if', max is {NESTING_MAX}");
                self.say(Diagnostic::error("directive", message, line.span));
            }
            file.surplus += 1;
            return;
        }
        let state = match file.blocks.last().map(|block| block.state) {
            None | Some(BlockState::On) if self.condition(line, broken) => BlockState::On,
            None | Some(BlockState::On) => BlockState::Seeking,
            Some(BlockState::Seeking | BlockState::Done | BlockState::Dead) => BlockState::Dead,
        };
        file.blocks.push(Block { state, opened: line.span, otherwise: None });
    }

    /// `.elif` and `.else`.
    fn other_block(&mut self, file: &mut File, line: &Line, broken: bool) {
        if file.surplus > 0 {
            return;
        }
        let Some(block) = file.blocks.last_mut() else { return self.lone(line) };
        if let Some(otherwise) = block.otherwise {
            let message = format!("'{}' after '.else' is not permitted", line.keyword().str());
            block.state = if block.state == BlockState::Dead { BlockState::Dead } else { BlockState::Done };
            return self
                .say(Diagnostic::error("directive", message, line.span).label(otherwise, "the `.else`"));
        }
        let last = line.keyword().is(".else");
        if last {
            block.otherwise = Some(line.span);
        }
        block.state = match block.state {
            BlockState::On | BlockState::Done => BlockState::Done,
            BlockState::Dead => BlockState::Dead,
            BlockState::Seeking if last || self.condition(line, broken) => BlockState::On,
            BlockState::Seeking => BlockState::Seeking,
        };
    }

    fn no_arguments(&mut self, file: &File, line: &Line) {
        let Some(surplus) = line.arg(0).filter(|word| !word.text.is_empty()) else { return };
        if file.surplus == 0 {
            let message = format!("Unexpected argument '{}' for '{}'", surplus.str(), line.keyword().str());
            self.say(Diagnostic::error("directive", message, surplus.span));
        }
    }

    fn lone(&mut self, line: &Line) {
        let message = format!("lone '{}' with no matching '.if'", line.keyword().str());
        self.say(Diagnostic::error("directive", message, line.keyword().span));
    }

    /// The condition after `.if` or `.elif`. One that has no answer counts as true: its lines are checked at least.
    fn condition(&mut self, line: &Line, broken: bool) -> bool {
        if broken {
            return true;
        }
        let text: BString = bstr::join(" ", line.args().iter().map(|word| &word.text)).into();
        let error = match cond::eval(&text, self.world, self.env) {
            Ok(answer) => return answer,
            Err(error) => error,
        };
        let position = error.at + 1;
        let message = format!("{} in '{}' at position {position}", error.message, line.keyword().str());
        let what = Diagnostic::error("condition", message, condition_span(line, error.at));
        let help = error.meant.map(|meant| format!("Did you mean `{meant}`?"));
        self.say(help.into_iter().fold(what, Diagnostic::help));
        true
    }

    fn say(&mut self, what: Diagnostic) {
        push(&mut self.diags, &mut self.full, what);
    }
}

/// Every directive.
const DIRECTIVES: &[&str] = &[".if", ".elif", ".else", ".endif", ".diag", ".notice", ".warning", ".alert"];

/// Adds a diagnostic, up to the bound.
fn push(diags: &mut Vec<Diagnostic>, full: &mut bool, what: Diagnostic) {
    if *full {
        return;
    }
    diags.push(what);
    if diags.len() >= DIAGNOSTICS_MAX {
        *full = true;
        let message = format!("more than {DIAGNOSTICS_MAX} messages: the rest was not read");
        diags.push(Diagnostic::nowhere(Level::Error, "too-many-messages", message));
    }
}

/// Where byte `at` of the joined arguments was written: exactly, if its word is written as it reads.
fn condition_span(line: &Line, at: usize) -> Span {
    let mut start = 0;
    for word in line.args() {
        // An offset on the blank that joins two words belongs just after the first.
        let Some(within) = at.checked_sub(start).filter(|within| *within <= word.text.len()) else {
            start += word.text.len() + 1;
            continue;
        };
        let verbatim = (word.span.end - word.span.start) as usize == word.text.len();
        let from = word.span.start + within as u32;
        return if verbatim { Span::new(word.span.file, from, word.span.end) } else { word.span };
    }
    line.span.after()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use std::fmt::Write;

    const WORLD: CondEnv<'_> = CondEnv {
        version: "3.2.0",
        features: &["THREAD"],
        enabled: &[],
        ssllib_name: "",
        openssl_version: None,
        awslc_api: None,
        fips_mode: false,
    };

    fn read_texts(texts: &[&[u8]], env: &mut Environment) -> (Ast, SourceMap, Vec<Diagnostic>) {
        let texts = texts.iter().enumerate();
        let input =
            |(n, text): (usize, &&[u8])| Input::Text { name: format!("{n}.cfg"), text: text.to_vec() };
        read(&Inputs { inputs: texts.map(input).collect(), cond: WORLD }, env)
    }

    fn show(texts: &[&[u8]]) -> String {
        let mut env: Environment = [("A", "one two"), ("E", "")].into_iter().collect();
        let (ast, map, diags) = read_texts(texts, &mut env);
        let mut out = String::new();
        for section in &ast.sections {
            let words = |line: &Line| {
                bstr::join(" · ", line.words.iter().map(|w| &w.text)).to_str_lossy().into_owned()
            };
            let _ = writeln!(out, "{:?} {}", section.kind, words(&section.head));
            for line in &section.lines {
                let _ = writeln!(out, "    {}", words(line));
            }
        }
        for what in &diags {
            let _ = write!(out, "{:?} {}: {}", what.level, what.code, what.message);
            if let Some(span) = what.span {
                let place = map.place(span);
                let _ = write!(
                    out,
                    " @ {}:{}:{}+{}",
                    place.file,
                    place.line,
                    place.column,
                    span.end - span.start
                );
            }
            let _ = writeln!(out);
        }
        out
    }

    #[track_caller]
    fn check(text: &str, want: Expect) {
        want.assert_eq(&show(&[text.as_bytes()]));
    }

    #[test]
    fn sections_and_lines() {
        check(
            "global#this is the global section\n daemon#daemonize\n   frontend    foo\r\n mode  http # or tcp\n\
             listen x 0.0.0.0:80\nlog-forward f\nnamespace_list\n\"backend\" b\n",
            expect![[r#"
                Global global
                    daemon
                Frontend frontend · foo
                    mode · http
                Listen listen · x · 0.0.0.0:80
                LogForward log-forward · f
                NamespaceList namespace_list
                Backend backend · b
            "#]],
        );
    }

    #[test]
    fn lines_outside_sections_are_one_fault() {
        check(
            "maxconn 10\n log x\n mode http\nglobal\n maxconn 1\n",
            expect![[r#"
            Global global
                maxconn · 1
            Error out-of-section: unknown keyword 'maxconn' out of section @ 0.cfg:1:1+7
        "#]],
        );
        expect![[r#"
            Frontend frontend · a
            Error out-of-section: unknown keyword 'bind' out of section @ 1.cfg:1:2+4
        "#]]
        .assert_eq(&show(&[b"frontend a\n", b" bind :80\n"]));
    }

    #[test]
    fn misspelt_sections_keep_their_lines_to_themselves() {
        check(
            "global\nfronted web\n bind :80\n mode http\nbackend b\n server s :1\n",
            expect![[r#"
            Global global
            Unknown fronted · web
                bind · :80
                mode · http
            Backend backend · b
                server · s · :1
            Error unknown-section: unknown keyword 'fronted' in 'global' section; did you mean 'frontend' maybe ? @ 0.cfg:2:1+7
        "#]],
        );
        check(
            "peers p\npeer a :1\n  backen d\nBackend x\n",
            expect![[r#"
            Peers peers · p
                peer · a · :1
                backen · d
            Unknown Backend · x
            Error unknown-section: unknown keyword 'Backend' in 'peers' section; did you mean 'backend' maybe ? @ 0.cfg:4:1+7
        "#]],
        );
    }

    #[test]
    fn broken_lines() {
        check(
            "global\n log \"abc\n maxconn x\nfrontend \"web\n bind 'x\n  bind \"${P\"\n bind \\xg\nbackend b\n",
            expect![[r#"
                Global global
                    maxconn · x
                Frontend frontend · web
                Backend backend · b
                Error unmatched-quote: unmatched quote at position 6 @ 0.cfg:2:6+4
                Error unmatched-quote: unmatched quote at position 10 @ 0.cfg:4:10+4
                Error unmatched-quote: unmatched quote at position 7 @ 0.cfg:5:7+2
                Error bad-variable: unmatched brace in environment variable name at position 10 @ 0.cfg:6:10+2
                Error bad-escape: truncated or invalid hexadecimal sequence at position 7 @ 0.cfg:7:7+3
            "#]],
        );
    }

    #[test]
    fn odd_files() {
        for (name, text, want) in [
            (
                "no final newline",
                &b"global\n maxconn 10"[..],
                expect![[r#"
                no final newline:
                Global global
                    maxconn · 10
                Warning missing-newline: Missing LF on last line, file might have been truncated at position 12 @ 0.cfg:2:12+0
            "#]],
            ),
            (
                "byte order mark",
                b"\xef\xbb\xbfglobal\n",
                expect![[r#"
                byte order mark:
                Global global
                Warning byte-order-mark: the file starts with a UTF-8 byte order mark, which HAProxy refuses @ 0.cfg:1:1+3
            "#]],
            ),
            (
                "CRLF",
                b"global\r\n maxconn 10\r\n",
                expect![[r#"
                CRLF:
                Global global
                    maxconn · 10
            "#]],
            ),
            (
                "CR",
                b"global\n maxconn 10\r daemon\n # a\rb\n",
                expect![[r#"
                CR:
                Global global
                    maxconn · 10
                Warning carriage-return: a carriage return within the line ends it: the rest is ignored @ 0.cfg:2:12+1
            "#]],
            ),
            (
                "NUL",
                b"global\n maxconn 10\0 foo\n daemon\n",
                expect![[r#"
                NUL:
                Global global
                    daemon
                Error stray-nul: Stray NUL character at position 12 @ 0.cfg:2:12+1
            "#]],
            ),
            (
                "NBSP",
                "global\n maxconn\u{a0}10\n log \"\u{a0}\" a\u{a0}b\n".as_bytes(),
                expect![[r#"
                NBSP:
                Global global
                    log ·   · a b
                Error lookalike: a no-break space (U+00A0) is in the keyword 'maxconn 10' @ 0.cfg:2:2+11
                Warning lookalike: a no-break space (U+00A0) is in this word, as an ordinary character @ 0.cfg:3:10+4
            "#]],
            ),
            (
                "not UTF-8",
                b"global\n description \xff\xfe\n",
                expect![[r#"
                not UTF-8:
                Global global
                    description · ��
            "#]],
            ),
            (
                "empty word",
                b"global\n \"$E\" daemon\n",
                expect![[r#"
                empty word:
                Global global
                Notice empty-word: the line starts with an empty word, so it is ignored @ 0.cfg:2:2+11
            "#]],
            ),
            (
                "nothing",
                b"",
                expect![[r#"
                nothing:
            "#]],
            ),
        ] {
            want.assert_eq(&format!("{name}:\n{}", show(&[text])));
        }
    }

    #[test]
    fn conditional_blocks() {
        check(
            ".if 0\n.if 1\n.notice a\n.elif 1\n.notice b\n.else\n.notice c\n.endif\n.notice d\n.elif 0\n.notice e\n\
             .elif 1\n.notice f\n.elif foo\n.notice g\n.else\n.notice h\n.endif\n.notice i\n",
            expect![[r#"
                Notice message: 'f' @ 0.cfg:13:1+9
                Notice message: 'i' @ 0.cfg:19:1+9
            "#]],
        );
        check(
            "global\n.if feature(THREAD) && version_atleast(2.4-dev19)\n nbthread 2\n.else\n foo\n.endif # x\n\
             .if streq(\"$A\",\"one two\") # y\n maxconn 1\n.endif\n.if\n no\n.endif\n",
            expect![[r#"
                Global global
                    nbthread · 2
                    maxconn · 1
            "#]],
        );
    }

    #[test]
    fn conditional_blocks_gone_wrong() {
        for (text, want) in [
            (
                ".if foo\nglobal\n.else\nbackend b\n.endif\n",
                expect![[r#"
                Global global
                Error condition: unparsable conditional expression 'foo' in '.if' at position 1 @ 0.cfg:1:5+3
            "#]],
            ),
            (
                ".if 1 && streq(\"$A\",\"b\" x\n.endif\n",
                expect![[r#"
                Error condition: expected ')' after '(one two,b x' in '.if' at position 23 @ 0.cfg:1:26+0
            "#]],
            ),
            (
                ".if streq && 1\n.endif\n.if 1 2&\n.endif\n.if \"(1\" \n.endif\n",
                expect![[r#"
                Error condition: predicate 'streq' expects 2 arguments, got 0 in '.if' at position 6 @ 0.cfg:1:10+0
                Error condition: unexpected character '2' at the end of conditional expression '1 2&' in '.if' at position 3 @ 0.cfg:3:7+2
                Error condition: expected ')' after conditional expression '(1' in '.if' at position 1 @ 0.cfg:5:5+4
            "#]],
            ),
            (
                ".if \"1\n.endif\n",
                expect![[r#"
                Error unmatched-quote: unmatched quote at position 5 @ 0.cfg:1:5+2
            "#]],
            ),
            (
                ".if 1\n  .if 0\nglobal\n",
                expect![[r#"
                Error directive: non-terminated '.if' block @ 0.cfg:3:7+1
                Error directive: non-terminated '.if' block @ 0.cfg:3:7+1
            "#]],
            ),
            (
                ".else\n.elif 1\n.endif\n",
                expect![[r#"
                Error directive: lone '.else' with no matching '.if' @ 0.cfg:1:1+5
                Error directive: lone '.elif' with no matching '.if' @ 0.cfg:2:1+5
                Error directive: lone '.endif' with no matching '.if' @ 0.cfg:3:1+6
            "#]],
            ),
            (
                ".if 0\n.else x\n.else\n.elif 1\n.endif y\n",
                expect![[r#"
                Error directive: Unexpected argument 'x' for '.else' @ 0.cfg:2:7+1
                Error directive: '.else' after '.else' is not permitted @ 0.cfg:3:1+5
                Error directive: '.elif' after '.else' is not permitted @ 0.cfg:4:1+7
                Error directive: Unexpected argument 'y' for '.endif' @ 0.cfg:5:8+1
            "#]],
            ),
            (
                ".foo 1\n.if 0\n.foo 2\n \"\n.endif\n.warnin x\n",
                expect![[r#"
                Error directive: unknown directive '.foo' @ 0.cfg:1:1+4
                Error unmatched-quote: unmatched quote at position 2 @ 0.cfg:4:2+1
                Error directive: unknown directive '.warnin' @ 0.cfg:6:1+7
            "#]],
            ),
        ] {
            want.assert_eq(&show(&[text.as_bytes()]));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for (depth, faults) in [(NESTING_MAX, 0), (NESTING_MAX + 1, 1), (5_000, 1)] {
            let text = ".if 1\n".repeat(depth) + "global\n" + &".endif\n".repeat(depth);
            let (ast, _, diags) = read_texts(&[text.as_bytes()], &mut Environment::new());
            assert_eq!((ast.sections.len(), diags.len()), (1, faults), "{depth}");
        }
    }

    #[test]
    fn messages() {
        check(
            ".notice a b c\n.warning \"x y\"\n.alert boo\n.diag d\n.notice\n.notice \"${.FILE}:${.LINE}:$.SECTION\"\n\
             global\n.notice \"$.SECTION\"\nfrontend web\n.notice \"$.SECTION\"\n",
            expect![[r#"
                Global global
                Frontend frontend · web
                Error directive: Unexpected argument 'b' for '.notice' @ 0.cfg:1:11+1
                Warning message: 'x y' @ 0.cfg:2:1+14
                Error message: 'boo' @ 0.cfg:3:1+10
                Diag message: 'd' @ 0.cfg:4:1+7
                Notice message: '' @ 0.cfg:5:1+7
                Notice message: '0.cfg:6:' @ 0.cfg:6:1+37
                Notice message: 'global' @ 0.cfg:8:1+19
                Notice message: 'web' @ 0.cfg:10:1+19
            "#]],
        );
    }

    #[test]
    fn the_global_section_changes_variables() {
        check(
            "global\n setenv X abc\n .notice \"$X\"\n presetenv X def\n .notice \"$X\"\n presetenv Y def\n\
             .notice \"$Y\"\n unsetenv X\n .notice \"${X-unset}\"\n setenv A 5\n resetenv A Y\n\
             .notice \"A=$A Y=$Y E=${E-unset}\"\n.if defined(Y) && !defined(X)\n.notice yes\n.endif\n\
             frontend a\n setenv Y other\n.notice \"$Y\"\n",
            expect![[r#"
                Global global
                    setenv · X · abc
                    presetenv · X · def
                    presetenv · Y · def
                    unsetenv · X
                    setenv · A · 5
                    resetenv · A · Y
                Frontend frontend · a
                    setenv · Y · other
                Notice message: 'abc' @ 0.cfg:3:2+12
                Notice message: 'abc' @ 0.cfg:5:2+12
                Notice message: 'def' @ 0.cfg:7:1+12
                Notice message: 'unset' @ 0.cfg:9:2+20
                Notice message: 'A=5 Y=def E=unset' @ 0.cfg:12:1+32
                Notice message: 'yes' @ 0.cfg:14:1+11
                Notice message: 'def' @ 0.cfg:18:1+12
            "#]],
        );
        check(
            "global\n setenv\n setenv X\n setenv X a b\n unsetenv\n presetenv\n setenv 1=2 x\n setenv \"\" b\n",
            expect![[r#"
                Global global
                    setenv
                    setenv · X
                    setenv · X · a · b
                    unsetenv
                    presetenv
                    setenv · 1=2 · x
                    setenv ·  · b
                Error environment: 'setenv' expects a name and a value @ 0.cfg:2:2+6
                Error environment: 'setenv' expects a name and a value @ 0.cfg:3:2+8
                Error environment: 'unsetenv' expects at least one variable name @ 0.cfg:5:2+8
                Error environment: 'presetenv' expects a name and a value @ 0.cfg:6:2+9
                Error environment: 'setenv' failed on variable '1=2' : Invalid argument @ 0.cfg:7:9+3
                Error environment: 'setenv' failed on variable '' : Invalid argument @ 0.cfg:8:9+2
            "#]],
        );
    }

    #[test]
    fn sections_remember_their_variables() {
        let text = b"global\n setenv P 1\nfrontend a\nglobal\n setenv P 2\nfrontend b\n";
        let mut env = Environment::new();
        let (ast, _, diags) = read_texts(&[text], &mut env);
        let ports: Vec<_> = ast.sections.iter().map(|s| s.env.expand(b"$P")).collect();
        assert_eq!((ports, diags), (["1", "1", "2", "2"].map(BString::from).to_vec(), vec![]));
        assert_eq!(env.get(b"HAPROXY_CFGFILES"), Some("0.cfg".into()));
    }

    #[test]
    fn files_of_rubbish_end_early() {
        let text = b"\"\n".repeat(10 * DIAGNOSTICS_MAX);
        let (_, _, diags) = read_texts(&[&text, &text], &mut Environment::new());
        assert_eq!(diags.len(), DIAGNOSTICS_MAX + 1);
    }

    /// Every file that the original reads, we read without an error.
    #[test]
    fn files_in_the_wild() {
        let shared = shared();
        let mut seen = 0;
        for folder in ["corpus/haproxy", "seeds"] {
            let Ok(entries) = std::fs::read_dir(format!("{shared}/{folder}")) else { continue };
            let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
            paths.retain(|path| path.extension().is_some_and(|end| end == "cfg"));
            paths.sort();
            for path in paths {
                let inputs = Inputs { inputs: vec![Input::Path(path.clone())], cond: WORLD };
                let (ast, map, diags) = read(&inputs, &mut Environment::new());
                let errors: Vec<_> = diags.iter().filter(|d| d.level >= Level::Error).collect();
                assert!(errors.is_empty(), "{}: {errors:?}", path.display());
                assert!(!ast.sections.is_empty(), "{}", path.display());
                check_spans(&ast, &map, &diags);
                seen += 1;
            }
        }
        if seen == 0 {
            skipped(&shared);
        }
    }

    /// Unindented lines are legal: no real keyword may be taken for a misspelt section.
    #[test]
    fn keywords_are_no_misspelt_sections() {
        let folder = shared() + "/compat/haproxy/keywords";
        let lists = [
            "proxy_keywords",
            "proxy_keywords_not_in_matrix",
            "global_keywords",
            "global_keywords_registered",
        ];
        let read = |list: &str| std::fs::read_to_string(format!("{folder}/{list}.txt")).ok();
        let texts: Vec<String> = lists.into_iter().filter_map(read).collect();
        if texts.is_empty() {
            return skipped(&folder);
        }
        for keyword in
            texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.split_whitespace().next())
        {
            let (_, _, diags) =
                read_texts(&[b"global\n", keyword.as_bytes(), b"\n"], &mut Environment::new());
            let taken = diags.iter().any(|what| what.code == "unknown-section");
            assert!(!taken, "{keyword}");
        }
    }

    fn shared() -> String {
        std::env::var("EVENKEEL_SHARED")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_string())
    }

    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    fn skipped(folder: &str) {
        eprintln!("skipped: {folder} is not there (EVENKEEL_SHARED names another folder)");
    }

    fn check_spans(ast: &Ast, map: &SourceMap, diags: &[Diagnostic]) {
        let within = |span: Span| {
            let len = map.text(span.file).len() as u32;
            assert!(
                (span.file.0 as usize) < map.len() && span.start <= span.end && span.end <= len,
                "{span:?}"
            );
        };
        for section in &ast.sections {
            for line in std::iter::once(&section.head).chain(&section.lines) {
                within(line.span);
                assert!(!line.words.is_empty());
                line.words.iter().for_each(|word| within(word.span));
            }
        }
        for what in diags {
            what.span.into_iter().chain(what.labels.iter().map(|l| l.span)).for_each(within);
        }
    }

    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        let known = proptest::sample::select(vec![
            "global",
            "frontend",
            "backen",
            "setenv ",
            "resetenv",
            "A ",
            "\"${A[*]}\"",
            "\"$",
            "${B-",
            "}",
            "\"",
            "'",
            "\\",
            "\\x4",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "\0",
            "#",
            ".if ",
            ".elif ",
            ".else",
            ".endif",
            ".alert ",
            "1",
            "!",
            "(",
            ")",
            "&&",
            "||",
            "streq(",
            ",",
            "defined(",
            "version_atleast(",
            "\u{a0}",
            "\u{feff}",
            "$.LINE",
        ]);
        prop_oneof![
            8 => known.prop_map(|text| text.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn anything_is_read_without_panic(parts in proptest::collection::vec(fragment(), 0..60)) {
            let text = parts.concat();
            let mut env: Environment = [("A", "one two"), ("E", "")].into_iter().collect();
            let (ast, map, diags) = read_texts(&[&text], &mut env);
            check_spans(&ast, &map, &diags);
        }
    }
}
