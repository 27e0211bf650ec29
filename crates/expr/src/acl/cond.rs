//! Conditions: `if`/`unless` and what follows.

use std::sync::Arc;

use evenkeel_base::{Diagnostic, Level, Span, Word, Words};

use super::{AclTable, Answer, Test};
use crate::env::{Env, Names};
use crate::needs::{self, Needs, Place, Used};

/// Which way a condition counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `if`.
    If,
    /// `unless`.
    Unless,
}

/// One ACL in a condition.
#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    tests: Vec<Arc<Test>>,
}

/// A condition: alternatives, each of terms that must all hold.
#[derive(Clone, Debug)]
pub struct Cond {
    policy: Policy,
    any: Vec<Vec<Term>>,
    span: Span,
}

impl Cond {
    /// True if these words start a condition.
    pub fn starts(words: &Words<'_>) -> bool {
        words.peek().is_some_and(|w| w.is("if") || w.is("unless"))
    }

    /// Compiles `if …` or `unless …`, taking all words.
    pub fn parse(
        words: &mut Words<'_>,
        acls: &AclTable,
        names: &mut dyn Names,
    ) -> Result<Cond, Vec<Diagnostic>> {
        let head = words.expect("`if` or `unless`").map_err(|d| vec![d])?;
        let policy = match head.bytes() {
            b"if" => Policy::If,
            b"unless" => Policy::Unless,
            _ => {
                let text = format!("`if` or `unless` belongs here, not `{head}`");
                return Err(vec![Diagnostic::error("missing-condition", text, head.span)]);
            }
        };
        Self::parse_terms(policy, head.span, words, acls, names)
    }

    /// Compiles what follows `if` or `unless`.
    pub fn parse_terms(
        policy: Policy,
        head: Span,
        words: &mut Words<'_>,
        acls: &AclTable,
        names: &mut dyn Names,
    ) -> Result<Cond, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let mut any: Vec<Vec<Term>> = vec![Vec::new()];
        let mut negated = false;
        while let Some(word) = words.next() {
            let bangs = word.bytes().iter().take_while(|b| **b == b'!').count();
            negated ^= bangs % 2 == 1;
            let name = word.part(bangs, word.text.len());
            if name.text.is_empty() {
                continue;
            }
            if bangs == 0 && (word.bytes().eq_ignore_ascii_case(b"or") || word.is("||")) {
                if negated || any.last().is_some_and(Vec::is_empty) {
                    faults.push(Diagnostic::error(
                        "missing-acl",
                        format!("an ACL is missing before `{word}`"),
                        word.span,
                    ));
                }
                any.push(Vec::new());
                continue;
            }
            let tests = if name.is("{") {
                anonymous(&name, words, names).map(|test| vec![Arc::new(test)])
            } else {
                acls.tests(&name, names)
            };
            match tests {
                Ok(tests) => {
                    if let Some(all) = any.last_mut() {
                        all.push(Term { negated, tests });
                    }
                }
                Err(fault) => {
                    // One fault is enough for a place that still holds a term.
                    if let Some(all) = any.last_mut() {
                        all.push(Term { negated, tests: Vec::new() });
                    }
                    faults.push(fault);
                }
            }
            negated = false;
        }
        if negated || any.last().is_some_and(Vec::is_empty) {
            let place = words.last_span().after();
            faults.push(Diagnostic::error(
                "missing-acl",
                "an ACL is missing at the end of this condition",
                place,
            ));
        }
        if faults.is_empty() {
            Ok(Cond { policy, any, span: head.to(words.last_span()) })
        } else {
            Err(faults)
        }
    }

    /// True if the rule applies. What is not known does not hold, whichever way it counts.
    pub fn holds(&self, env: &Env<'_>) -> bool {
        self.answer(env) == Answer::Yes
    }

    /// The same with what is not known yet told apart, for `tcp-request content` rules that can wait.
    pub fn answer(&self, env: &Env<'_>) -> Answer {
        let answer = self.any(env);
        match (self.policy, answer) {
            (Policy::If, answer) => answer,
            (Policy::Unless, Answer::Yes) => Answer::No,
            (Policy::Unless, Answer::No) => Answer::Yes,
            (Policy::Unless, Answer::Unknown) => Answer::Unknown,
        }
    }

    fn any(&self, env: &Env<'_>) -> Answer {
        let mut best = Answer::No;
        for all in &self.any {
            match all_of(all, env) {
                Answer::Yes => return Answer::Yes,
                Answer::Unknown => best = Answer::Unknown,
                Answer::No => {}
            }
        }
        best
    }

    /// Which way it counts.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Where it is written.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The fetches it uses.
    pub fn used(&self) -> impl Iterator<Item = &Used> {
        self.any.iter().flatten().flat_map(|t| &t.tests).map(|t| t.expr().used())
    }

    /// All that it looks at.
    pub fn needs(&self) -> Needs {
        self.used().fold(Needs::NOTHING, |n, u| n.and(u.needs))
    }

    /// Warnings for tests that can never match in `place`.
    pub fn check(&self, place: Place) -> Vec<Diagnostic> {
        needs::check(self.used(), place, Level::Warning)
    }
}

/// The first term that does not hold decides.
fn all_of(all: &[Term], env: &Env<'_>) -> Answer {
    for term in all {
        let mut answer = Answer::No;
        for test in &term.tests {
            match test.run(env) {
                Answer::Yes => {
                    answer = Answer::Yes;
                    break;
                }
                Answer::Unknown => answer = Answer::Unknown,
                Answer::No => {}
            }
        }
        match (term.negated, answer) {
            (false, Answer::Yes) | (true, Answer::No) => {}
            (_, Answer::Unknown) => return Answer::Unknown,
            (false, Answer::No) | (true, Answer::Yes) => return Answer::No,
        }
    }
    Answer::Yes
}

/// The test between `{` (already taken) and `}`.
fn anonymous(open: &Word, words: &mut Words<'_>, names: &mut dyn Names) -> Result<Test, Diagnostic> {
    let rest = words.rest();
    let Some(len) = rest.iter().position(|w| w.is("}") && !w.quoted) else {
        words.take_rest();
        return Err(Diagnostic::error("unclosed-brace", "the `}` after this `{` is missing", open.span)
            .help("Both braces must stand between spaces."));
    };
    let inside = rest.get(..len).unwrap_or_default();
    let result = Test::parse(&mut Words::new(inside, open.span), names);
    for _ in 0..=len {
        words.next();
    }
    result
}
