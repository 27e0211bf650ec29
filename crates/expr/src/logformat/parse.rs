//! Reading log-format strings.

use evenkeel_base::{Diagnostic, Word, near};

use super::{ALIASES, Flags, LogFormat, Node, Use, alias};
use crate::env::Names;
use crate::expr::Expr;
use crate::needs::Used;

/// Most pieces of one string.
const NODES_MAX: usize = 4096;

impl LogFormat {
    /// Compiles a string.
    pub fn parse(word: &Word, names: &mut dyn Names, how: Use) -> Result<LogFormat, Diagnostic> {
        let mut format = LogFormat { nodes: Vec::new(), used: Vec::new(), how };
        let mut general = Flags { mandatory: how.is_mandatory(), ..Flags::default() };
        let text = word.bytes();
        let mut literal = Vec::new();
        let mut at = 0;
        while let Some(b) = text.get(at).copied() {
            if format.nodes.len() >= NODES_MAX {
                return Err(Diagnostic::error("too-many", "too many pieces in one format", word.span));
            }
            match b {
                b' ' if how.merges_spaces() => {
                    format.flush(&mut literal);
                    format.nodes.push(Node::Space);
                    at += text.iter().skip(at).take_while(|b| **b == b' ').count();
                }
                b'%' if text.get(at + 1) == Some(&b'%') => {
                    literal.push(b'%');
                    at += 2;
                }
                b'%' => {
                    format.flush(&mut literal);
                    at = format.item(word, at, &mut general, names)?;
                }
                _ => {
                    literal.push(b);
                    at += 1;
                }
            }
        }
        format.flush(&mut literal);
        Ok(format)
    }

    fn flush(&mut self, literal: &mut Vec<u8>) {
        if !literal.is_empty() {
            self.nodes.push(Node::Text(std::mem::take(literal).into()));
        }
    }

    /// Reads what starts with the `%` at `start`; returns the position after it.
    fn item(
        &mut self,
        word: &Word,
        start: usize,
        general: &mut Flags,
        names: &mut dyn Names,
    ) -> Result<usize, Diagnostic> {
        let text = word.bytes();
        let mut at = start + 1;
        let mut flags = *general;
        if text.get(at) == Some(&b'{') {
            let Some(len) = text.iter().skip(at).position(|b| *b == b'}') else {
                return Err(Diagnostic::error(
                    "unclosed-brace",
                    "the `}` after these flags is missing",
                    word.part(start, text.len()).span,
                ));
            };
            read_flags(word, at + 1, at + len, &mut flags, names);
            at += len + 1;
        }
        if text.get(at) == Some(&b'[') {
            let (expr, end) = Expr::parse_bracketed(word, at + 1, names)?;
            self.used.push(expr.used().clone());
            self.nodes.push(Node::Expr(Box::new(expr), flags));
            return Ok(end + 1);
        }
        let rest = text.get(at..).unwrap_or_default();
        let letters = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        // The longest name wins: `%tsc` is not `%ts` and a `c`.
        let written = word.part(at, at + letters);
        let Some(found) = alias::find(&written.str()) else {
            return Err(unknown(word, start, at, &written));
        };
        at += letters;
        if found.name == "o" {
            *general = flags;
            return Ok(at);
        }
        self.used.push(Used { name: found.name, needs: found.needs, span: word.part(start, at).span });
        self.nodes.push(Node::Alias(found, flags));
        Ok(at)
    }
}

/// `+Q,-X`: each part sets or clears one flag; what is not understood is ignored by the original, and warned of here.
fn read_flags(word: &Word, start: usize, end: usize, flags: &mut Flags, names: &mut dyn Names) {
    let inside = word.bytes().get(start..end).unwrap_or_default();
    for part in inside.split(|b| *b == b',') {
        let (on, letter) = match part {
            [b'+', letter] => (true, *letter),
            [b'-', letter] => (false, *letter),
            _ => (true, 0), // no flag
        };
        match letter {
            b'Q' => flags.quote = on,
            b'X' => flags.hex = on,
            b'E' => flags.escape = on,
            b'M' => flags.mandatory = on,
            _ if part.is_empty() => {}
            _ => {
                let shown = String::from_utf8_lossy(part);
                let text = format!(
                    "`{shown}` is no flag and changes nothing: +Q, +X, +E and +M are, or the same with -"
                );
                names.warn(Diagnostic::warning("bad-format-flag", text, word.part(start, end).span));
            }
        }
    }
}

fn unknown(word: &Word, start: usize, at: usize, written: &Word) -> Diagnostic {
    if written.text.is_empty() {
        let what = "a `%` that is followed by nothing it knows";
        return Diagnostic::error(
            "unknown-alias",
            what,
            word.part(start, (at + 1).min(word.text.len())).span,
        )
        .help("Write `%%` for a percent sign.");
    }
    let shown = written.str();
    let mut unknown = Diagnostic::error(
        "unknown-alias",
        format!("there is no log variable `%{shown}`"),
        word.part(start, at + shown.len()).span,
    );
    if let Some(near) = near::nearest(&shown, ALIASES.iter().map(|a| a.name)) {
        unknown = unknown.help(format!("Did you mean `%{near}`?"));
    }
    unknown.help("Write `%%` for a percent sign.")
}
