//! Files → pieces: comments are cut, `include`s followed; what else a line may hold is `define`'s and `lex`'s.

use std::collections::BTreeSet;

use bstr::ByteSlice;
use evenkeel_base::{Diagnostic, Level, SourceMap, Span, Word};

use super::Env;
use super::define::{Bounds, Definer};
use super::finding::{Class, Finding};
use super::include::{self, Checks};
use super::lex::{self, Piece, Text};
use super::outside::{FileKind, Outside};

/// Largest file.
const FILE_MAX: usize = 16 * 1024 * 1024;

/// Most files of one configuration.
const FILES_MAX: usize = 1_000;

/// Deepest `include` in an `include`.
const DEPTH_MAX: usize = 32;

/// Most statements and braces of one configuration.
const PIECES_MAX: usize = 2_000_000;

/// Most findings of one run: nobody reads more, and a broken huge file must not take minutes.
pub(crate) const FINDINGS_MAX: usize = 2_000;

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// The pieces of all files in order.
    pub(crate) pieces: Vec<Piece>,
    /// What reading found.
    pub(crate) findings: Vec<Finding>,
    /// The files.
    pub(crate) map: SourceMap,
    /// The end of the first file: where a missing `}` is told.
    pub(crate) end: Span,
}

/// Reads `path` and what it includes.
pub(crate) fn read(path: &str, env: &Env, outside: &dyn Outside, bounds: Bounds) -> Script {
    let mut script = Script::default();
    let text = match outside.read_file(path) {
        Ok(text) => text,
        Err(why) => {
            // The original says so and exits with 0.
            let message = format!("Unable to find configuration file {path}: {why}");
            let diagnostic = Diagnostic::nowhere(Level::Error, "unreadable-file", message);
            script.findings.push(Finding { class: Class::Remark, diagnostic });
            return script;
        }
    };
    let mut definer = Definer::new(env, outside, bounds);
    let mut reader = Reader {
        script: &mut script,
        outside,
        checks: Checks::default(),
        open: Vec::new(),
        told: BTreeSet::new(),
    };
    reader.file(path, text, &mut definer);
    let end = script.map.text(evenkeel_base::FileId(0)).len() as u32;
    script.end = Span::new(evenkeel_base::FileId(0), end, end);
    script
}

struct Reader<'a> {
    script: &'a mut Script,
    outside: &'a dyn Outside,
    checks: Checks,
    /// The files being read, the innermost last.
    open: Vec<String>,
    /// Bounds that were reached: each is told once.
    told: BTreeSet<&'static str>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, mut text: Vec<u8>, definer: &mut Definer<'_>) {
        let cut = text.len() > FILE_MAX;
        text.truncate(FILE_MAX);
        let file = self.script.map.add(path, text.clone());
        if cut {
            let end = Span::new(file, FILE_MAX as u32, FILE_MAX as u32);
            let message = format!("{path} is larger than {} MiB: the rest is not read", FILE_MAX >> 20);
            self.script.findings.push(Finding::tolerated("file-too-large", message, end));
        }
        let folder = definer.enter(folder_of(path));
        let checks = self.checks;
        self.open.push(path.to_owned());
        let mut start = 0;
        for line in text.split_inclusive(|b| *b == b'\n') {
            let span = Span::new(file, start as u32, (start + line.len()) as u32);
            start += line.len();
            self.line(line, span, definer);
        }
        definer.end_of_file();
        self.open.pop();
        self.checks = checks;
        definer.leave(folder);
    }

    fn line(&mut self, line: &[u8], span: Span, definer: &mut Definer<'_>) {
        if let Some(words) = own_words(line, span) {
            self.script.pieces.push(Piece::Own(words));
            return;
        }
        let text = Text::written(&line[..lex::comment_start(line)], span).trimmed();
        let mut findings = Vec::new();
        definer.line(&text, &mut findings, &mut |definer, text| self.logical(text, definer));
        self.script.findings.append(&mut findings);
    }

    /// A line with everything put in.
    fn logical(&mut self, text: &Text, definer: &mut Definer<'_>) {
        let len = text.bytes.iter().position(|b| lex::is_blank(*b)).unwrap_or(text.bytes.len());
        let (word, rest) = (&text.bytes[..len], text.slice(len, text.bytes.len()).trimmed());
        if let Some(checks) = Checks::of(word, self.checks)
            && !rest.bytes.is_empty()
        {
            return self.include(checks, &rest, text.whole(), definer);
        }
        if word == b"include_check" && self.in_global_defs() {
            let words = rest.bytes.to_str_lossy();
            if let Ok(level) = self.checks.set(&words.split_ascii_whitespace().collect::<Vec<_>>()) {
                self.checks = level;
            }
        }
        if self.script.pieces.len() >= PIECES_MAX {
            return self.once(
                "too-much",
                "the configuration has more words than can be read: the rest is left out",
                text.whole(),
            );
        }
        lex::split(text, &mut self.script.pieces, &mut self.script.findings);
    }

    /// True if the innermost open brace is that of `global_defs`.
    fn in_global_defs(&self) -> bool {
        let mut closed = 0_usize;
        let mut pieces = self.script.pieces.iter().rev();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Close(_) => closed += 1,
                Piece::Open(_) if closed > 0 => closed -= 1,
                Piece::Open(_) => {
                    return matches!(pieces.next(), Some(Piece::Words(words, _)) if words.iter().any(|w| w.is("global_defs")));
                }
                Piece::Words(..) | Piece::Own(_) => {}
            }
        }
        false
    }

    fn include(&mut self, checks: Checks, pattern: &Text, line: Span, definer: &mut Definer<'_>) {
        let name = pattern.bytes.to_str_lossy().into_owned();
        if self.open.len() > DEPTH_MAX {
            return self.once("endless-include", "files include each other without end", line);
        }
        let folder = self.open.last().map_or("", |path| folder_of(path)).to_owned();
        let found = include::expand(&name, &folder, self.outside);
        let place = pattern.whole();
        if found.paths.is_empty() {
            let insisted = checks.found
                || (found.wild && checks.wildcard)
                || (found.gaps && checks.braces && name.contains('{'));
            return self.missing(insisted, format!("Config files missing '{name}'."), place);
        }
        if found.gaps {
            self.missing(checks.braces, format!("Some config files missing: \"{name}\"."), place);
            if checks.braces {
                return;
            }
        }
        for path in found.paths {
            if self.outside.look(&path).is_ok_and(|facts| facts.kind == FileKind::Folder) {
                let message = format!("Configuration file '{path}' is a directory - skipping");
                self.script.findings.push(Finding::remark("include-folder", message, place));
                continue;
            }
            if self.open.contains(&path) {
                let message = format!("{path} includes itself");
                self.script.findings.push(Finding::remark("endless-include", message, line));
                continue;
            }
            if self.script.map.len() >= FILES_MAX {
                return self.once("too-many-files", "more files are included than can be read", line);
            }
            match self.outside.read_file(&path) {
                Ok(text) => self.file(&path, text, definer),
                Err(why) => {
                    let message = format!("Configuration file '{path}' open problem ({why}) - skipping");
                    self.missing(checks.readable, message, place);
                }
            }
        }
    }

    fn missing(&mut self, insisted: bool, message: String, span: Span) {
        let finding = Finding::remark("include-missing", message, span);
        self.script.findings.push(if insisted {
            Finding { class: Class::Missing, ..finding }.note("this kind of include insists on it")
        } else {
            finding
        });
    }

    fn once(&mut self, code: &'static str, message: &str, span: Span) {
        if self.told.insert(code) {
            self.script.findings.push(Finding::tolerated(code, message, span));
        }
    }
}

/// The words of `!evenkeel …` or `#evenkeel …`, which is a comment for the original: one file serves both.
fn own_words(line: &[u8], span: Span) -> Option<Vec<Word>> {
    let start = line.iter().take_while(|b| lex::is_blank(**b)).count();
    let rest = line[start..].strip_prefix(b"!").or_else(|| line[start..].strip_prefix(b"#"))?;
    let rest = rest.strip_prefix(b"evenkeel")?;
    if !rest.first().is_some_and(|b| lex::is_blank(*b)) {
        return None;
    }
    let text = Text::written(line, span);
    let from = line.len() - rest.len();
    let (mut pieces, mut findings) = (Vec::new(), Vec::new());
    lex::split(&text.slice(from, line.len()), &mut pieces, &mut findings);
    match pieces.into_iter().next() {
        Some(Piece::Words(words, _)) => Some(words),
        _ => None,
    }
}

/// The folder of a file, as its name is written.
fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => "",
    }
}
