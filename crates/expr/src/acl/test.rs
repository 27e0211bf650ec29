//! One test: an expression and the patterns that its values are compared with.

use evenkeel_base::{Diagnostic, Word, Words, near};

use super::derivative;
use crate::env::{Env, Names};
use crate::expr::Expr;
use crate::fetch;
use crate::map::pattern_lines;
use crate::pattern::{Match, Operator, PatternError, Patterns};
use crate::value::Kind;

/// What a test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does not match.
    No,
    /// It does not match yet: more may come.
    Unknown,
    /// It matches.
    Yes,
}

/// An expression and its patterns.
#[derive(Clone, Debug)]
pub struct Test {
    expr: Expr,
    patterns: Patterns,
}

/// Flags met before the patterns.
struct Flags {
    method: Option<Match>,
    ignore_case: bool,
    map_files: bool,
}

impl Test {
    /// Compiles `criterion [flags] [operator] [patterns…]`, taking all words.
    pub fn parse(words: &mut Words<'_>, names: &mut dyn Names) -> Result<Test, Diagnostic> {
        let first = words.expect("what to test")?;
        let (expr, implied) = criterion(first, names)?;
        let mut flags = Flags { method: None, ignore_case: false, map_files: false };
        let mut patterns: Option<Patterns> = None;
        while let Some(word) = words.peek() {
            match word.bytes() {
                b"-i" => flags.ignore_case = true,
                b"-n" => {} // names are never resolved here
                b"-M" => flags.map_files = true,
                b"--" => {
                    words.next();
                    break;
                }
                b"-u" => {
                    words.next();
                    let id = words.expect("the number after `-u`")?;
                    if crate::arg::int(id.bytes()).is_none_or(|n| n < 0) {
                        return Err(Diagnostic::error(
                            "bad-acl-flag",
                            format!("`{id}` is no number"),
                            id.span,
                        ));
                    }
                    continue;
                }
                b"-m" => {
                    words.next();
                    let name = words.expect("the match method after `-m`")?;
                    if patterns.is_some() {
                        let text = "`-m` has to come before the first `-f`";
                        return Err(Diagnostic::error("bad-acl-flag", text, name.span));
                    }
                    flags.method = Some(method(name, &expr)?);
                    continue;
                }
                b"-f" => {
                    words.next();
                    let file = words.expect("the file after `-f`")?;
                    let set = match &mut patterns {
                        Some(set) => set,
                        none => none.insert(empty(flags.method, implied, &expr, first)?),
                    };
                    load(file, set, &flags, names)?;
                    continue;
                }
                [b'-', _, ..] => {
                    let text = format!("`{word}` is no flag of ACLs");
                    return Err(Diagnostic::error("bad-acl-flag", text, word.span)
                        .help("Write `--` before it if it is a pattern."));
                }
                _ => break, // the first pattern
            }
            words.next();
        }
        let mut set = match patterns {
            Some(set) => set,
            None => empty(flags.method, implied, &expr, first)?,
        };
        let closed = words.last_span() != first.span; // flags, or `--`: none is meant
        take_patterns(words, &mut set, &flags)?;
        set.finish();
        if set.is_empty() && !closed && needs_patterns(set.method()) {
            let text = format!("`{first}` has nothing to compare with and never matches");
            names.warn(
                Diagnostic::warning("missing-pattern", text, first.span)
                    .help("Write `-m found` to test whether it exists, or `--` to say that none is meant."),
            );
        }
        Ok(Test { expr, patterns: set })
    }

    /// The expression.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Compares every value with the patterns.
    pub fn run(&self, env: &Env<'_>) -> Answer {
        if self.expr.any(env, &mut |value| self.patterns.matches(value)) {
            Answer::Yes
        } else if !env.settled && self.expr.may_change(env) {
            Answer::Unknown
        } else {
            Answer::No
        }
    }
}

fn needs_patterns(method: Match) -> bool {
    match method {
        Match::Found | Match::Bool => false,
        Match::Int
        | Match::Ip
        | Match::Bin
        | Match::Len
        | Match::Str
        | Match::Beg
        | Match::Sub
        | Match::Dir
        | Match::Dom
        | Match::End
        | Match::Reg => true,
    }
}

/// The expression of a criterion, and the match method if its name implies one.
fn criterion(word: &Word, names: &mut dyn Names) -> Result<(Expr, Option<Match>), Diagnostic> {
    let text = word.str();
    let name = text.split(['(', ',']).next().unwrap_or_default();
    let Some((fetch, method)) = derivative(name) else {
        if fetch::find(name).is_none() && !name.is_empty() {
            let place = word.part(0, name.len()).span;
            let mut unknown = Diagnostic::error(
                "unknown-fetch",
                format!("`{name}` is nothing that an ACL can test"),
                place,
            );
            let known = super::derivatives().chain(fetch::all().map(|f| f.name));
            if let Some(near) = near::nearest(name, known) {
                unknown = unknown.help(format!("Did you mean `{near}`?"));
            }
            return Err(unknown);
        }
        return Ok((Expr::parse(word, names)?, None));
    };
    let Some(entry) = fetch::find(fetch) else {
        debug_assert!(false, "every ACL keyword names a fetch");
        return Err(Diagnostic::error("unknown-fetch", format!("`{name}` is not built"), word.span));
    };
    let expr = Expr::parse_fetch(entry, name, word, name.len(), names)?;
    // With a converter the keyword's method no longer says anything (configuration manual §7.1).
    let method = if expr.is_converted() { None } else { Some(method) };
    Ok((expr, method))
}

fn method(name: &Word, expr: &Expr) -> Result<Match, Diagnostic> {
    let shown = name.str();
    let Some(method) = Match::named(&shown) else {
        let mut unknown =
            Diagnostic::error("unknown-match", format!("`{shown}` is no match method"), name.span);
        if let Some(near) = near::nearest(&shown, Match::ALL.iter().map(|(n, _)| *n)) {
            unknown = unknown.help(format!("Did you mean `{near}`?"));
        }
        return Err(unknown);
    };
    if !expr.kind().casts_to(method.wants()) {
        let text = format!(
            "`-m {shown}` compares type {}, which {} cannot become",
            method.wants().name(),
            expr.kind().name()
        );
        return Err(Diagnostic::error("bad-match", text, name.span));
    }
    Ok(method)
}

/// No patterns yet, under the method said, implied or natural.
fn empty(
    said: Option<Match>,
    implied: Option<Match>,
    expr: &Expr,
    word: &Word,
) -> Result<Patterns, Diagnostic> {
    if said.is_none() && expr.kind() == Kind::Method {
        return Ok(Patterns::methods());
    }
    Ok(Patterns::new(chosen(said, implied, expr, word)?))
}

fn chosen(
    said: Option<Match>,
    implied: Option<Match>,
    expr: &Expr,
    word: &Word,
) -> Result<Match, Diagnostic> {
    said.or(implied).or(Match::default_for(expr.kind())).ok_or_else(|| {
        let text = format!("`{word}` gives {}, which needs a match method", expr.kind().name());
        Diagnostic::error("missing-match", text, word.span)
            .help("Add `-m str`, `-m bin`, `-m found` or another.")
    })
}

fn load(file: &Word, set: &mut Patterns, flags: &Flags, names: &mut dyn Names) -> Result<(), Diagnostic> {
    let text = names
        .file(&file.str(), file.span)
        .map_err(|e| Diagnostic::error("unreadable-file", format!("cannot read `{file}`: {e}"), file.span))?;
    for (line, pattern) in pattern_lines(&text) {
        let pattern = match flags.map_files {
            true => pattern.split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default(),
            false => pattern,
        };
        set.add(pattern, Operator::Eq, flags.ignore_case)
            .map_err(|e| Diagnostic::error("bad-pattern", format!("{file}, line {line}: {e}"), file.span))?;
    }
    Ok(())
}

fn take_patterns(words: &mut Words<'_>, set: &mut Patterns, flags: &Flags) -> Result<(), Diagnostic> {
    let compares = matches!(set.method(), Match::Int | Match::Len);
    let mut operator = Operator::Eq;
    while let Some(word) = words.next() {
        if compares && let Some(found) = Operator::named(word.bytes()) {
            operator = found;
            continue;
        }
        set.add(word.bytes(), operator, flags.ignore_case).map_err(|e| pattern_error(&e, word))?;
    }
    Ok(())
}

fn pattern_error(error: &PatternError, word: &Word) -> Diagnostic {
    let wrong = Diagnostic::error("bad-pattern", error.to_string(), word.span);
    match error {
        PatternError::Address { .. } => {
            wrong.help("Host names are not resolved in patterns: write the address.")
        }
        PatternError::Number { .. } => wrong.help("Write `5`, `5:10`, or `ge 5`."),
        PatternError::Hex { .. } | PatternError::Regex(_) | PatternError::NotTaken(_) => wrong,
    }
}
