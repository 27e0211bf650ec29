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
mod tests;
