//! Sample expressions: `fetch(args),converter(args),…`, compiled once, evaluated per request.

use evenkeel_base::{Diagnostic, Level, Support, Word, Words, near};

use crate::arg::{self, Args, Raw, Unclosed};
use crate::conv::{self, Converter};
use crate::env::{Env, Names};
use crate::fetch::{self, Eval, Fetch};
use crate::needs::{self, Needs, Place, Used};
use crate::value::{Kind, Value};

/// Most converters in one expression.
const CONVERTERS_MAX: usize = 64;

/// A fetch and its converters, compiled.
#[derive(Clone, Debug)]
pub struct Expr {
    fetch: &'static Fetch,
    args: Args,
    steps: Vec<Step>,
    used: Used,
}

/// One converter with its arguments.
#[derive(Clone, Debug)]
struct Step {
    entry: &'static Converter,
    args: Args,
}

/// How an expression is bounded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounds {
    /// The whole word.
    Word,
    /// Up to a `]`.
    Bracket,
}

impl Expr {
    /// Compiles a word that is an expression as a whole.
    pub fn parse(word: &Word, names: &mut dyn Names) -> Result<Expr, Diagnostic> {
        let (expr, end) = read(word, 0, Bounds::Word, names)?;
        debug_assert_eq!(end, word.text.len());
        Ok(expr)
    }

    /// Compiles an expression that may go on over several words: `src ipmask(24)` is `src,ipmask(24)`. Takes from
    /// `words` what belongs to it.
    pub fn parse_words(words: &mut Words<'_>, names: &mut dyn Names) -> Result<Expr, Diagnostic> {
        let mut expr = Expr::parse(words.expect("a sample expression")?, names)?;
        while let Some(word) = words.peek() {
            let name = word.bytes().split(|b| matches!(b, b'(' | b',')).next().unwrap_or_default();
            if std::str::from_utf8(name).ok().and_then(conv::find).is_none() {
                break;
            }
            read_converters(word, 0, Bounds::Word, &mut expr, names)?;
            words.next();
        }
        Ok(expr)
    }

    /// Compiles an expression that starts at `start` of a word and ends before a `]`. Returns the position of the `]`.
    pub(crate) fn parse_bracketed(
        word: &Word,
        start: usize,
        names: &mut dyn Names,
    ) -> Result<(Expr, usize), Diagnostic> {
        read(word, start, Bounds::Bracket, names)
    }

    /// Starts from a fetch that is known, for ACL keywords and fixed formats: the rest of `word` from `at` are its
    /// arguments and converters.
    pub(crate) fn parse_fetch(
        fetch: &'static Fetch,
        name: &str,
        word: &Word,
        at: usize,
        names: &mut dyn Names,
    ) -> Result<Expr, Diagnostic> {
        read_fetch(fetch, name, word, at, Bounds::Word, names).map(|(expr, _)| expr)
    }

    /// The name of the fetch.
    pub fn name(&self) -> &'static str {
        self.fetch.name
    }

    /// The type of the result.
    pub fn kind(&self) -> Kind {
        let mut kind = self.fetch.out;
        for step in &self.steps {
            kind = step.entry.result(kind);
        }
        kind
    }

    /// True if there are converters.
    pub fn is_converted(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What it looks at.
    pub fn needs(&self) -> Needs {
        self.fetch.needs
    }

    /// Where it was used, for [`needs::check`].
    pub fn used(&self) -> &Used {
        &self.used
    }

    /// Errors if it can give nothing in `place`.
    pub fn check(&self, place: Place) -> Vec<Diagnostic> {
        needs::check([&self.used], place, Level::Error)
    }

    /// True if a result may still change while the environment is not settled.
    pub(crate) fn may_change(&self, env: &Env<'_>) -> bool {
        let there = || match self.fetch.eval {
            Eval::Refused => false,
            Eval::One(one) | Eval::Many { one, .. } => one(&self.args, env).is_some(),
        };
        self.fetch.may_change() && !(self.fetch.is_fixed(&self.args) && there())
    }

    /// The result; the last occurrence where there are many.
    pub fn eval<'a>(&'a self, env: &Env<'a>) -> Option<Value<'a>> {
        let value = match self.fetch.eval {
            Eval::Refused => None,
            Eval::One(one) | Eval::Many { one, .. } => one(&self.args, env),
        }?;
        self.convert(value, env)
    }

    /// Calls `found` with each result until it returns true, as ACLs do; true if it did.
    pub fn any<'a>(&'a self, env: &Env<'a>, found: &mut dyn FnMut(&Value<'a>) -> bool) -> bool {
        match self.fetch.eval {
            Eval::Refused => false,
            Eval::One(one) => {
                one(&self.args, env).and_then(|v| self.convert(v, env)).is_some_and(|v| found(&v))
            }
            Eval::Many { each, .. } => {
                let mut hit = false;
                each(&self.args, env, &mut |value| match self.convert(value, env) {
                    Some(value) => {
                        hit = found(&value);
                        hit
                    }
                    // A converter that fails ends the walk, as in the original.
                    None => true,
                });
                hit
            }
        }
    }

    fn convert<'a>(&'a self, mut value: Value<'a>, env: &Env<'a>) -> Option<Value<'a>> {
        for step in &self.steps {
            value = (step.entry.eval)(value.cast(step.entry.takes)?, &step.args, env)?;
        }
        Some(value)
    }
}

/// The end of a name: converters and fetches are made of these characters.
fn name_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b':');
    at + rest.iter().position(|b| !is_name(b)).unwrap_or(rest.len())
}

fn read(word: &Word, at: usize, bounds: Bounds, names: &mut dyn Names) -> Result<(Expr, usize), Diagnostic> {
    let end = name_end(word.bytes(), at);
    let name = word.part(at, end);
    if name.text.is_empty() {
        let place = word.part(at, at).span;
        return Err(Diagnostic::error("missing-fetch", "the name of a fetch is missing", place));
    }
    let shown = name.str();
    let Some(fetch) = fetch::find(&shown) else {
        let mut unknown =
            Diagnostic::error("unknown-fetch", format!("`{shown}` is no sample fetch"), name.span);
        if crate::acl::derivative(&shown).is_some() {
            unknown = unknown.help(format!("`{shown}` exists in ACLs only."));
        } else if conv::find(&shown).is_some() {
            unknown = unknown.help(format!("`{shown}` is a converter: it comes after a fetch and a comma."));
        } else if let Some(near) = near::nearest(&shown, fetch::all().map(|f| f.name)) {
            unknown = unknown.help(format!("Did you mean `{near}`?"));
        }
        return Err(unknown);
    };
    read_fetch(fetch, &shown, word, end, bounds, names)
}

fn read_fetch(
    fetch: &'static Fetch,
    name: &str,
    word: &Word,
    at: usize,
    bounds: Bounds,
    names: &mut dyn Names,
) -> Result<(Expr, usize), Diagnostic> {
    let whole = word.part(at.saturating_sub(name.len()), at);
    supported(name, fetch.support, &whole, names)?;
    let (raw, at) = arguments(word, at)?;
    let args = arg::compile(name, fetch.params, &raw, &whole, names)?;
    let used = Used { name: fetch.name, needs: fetch.needs, span: whole.span };
    let mut expr = Expr { fetch, args, steps: Vec::new(), used };
    let end = after(word, at, bounds, &mut expr, names)?;
    Ok((expr, end))
}

/// What follows arguments: a comma and a converter, or the end.
fn after(
    word: &Word,
    at: usize,
    bounds: Bounds,
    expr: &mut Expr,
    names: &mut dyn Names,
) -> Result<usize, Diagnostic> {
    match (word.bytes().get(at), bounds) {
        (None, Bounds::Word) => Ok(at),
        (Some(b']'), Bounds::Bracket) => Ok(at),
        (Some(b','), _) => {
            let commas = word.bytes().iter().skip(at).take_while(|b| **b == b',').count();
            read_converters(word, at + commas, bounds, expr, names)
        }
        (None, Bounds::Bracket) => Err(Diagnostic::error(
            "unclosed-bracket",
            "the `]` after this expression is missing",
            word.part(at, at).span,
        )),
        (Some(_), _) => {
            let rest = word.part(at, word.text.len());
            Err(Diagnostic::error("bad-expression", format!("`{rest}` is not understood here"), rest.span)
                .help("After a fetch or a converter comes a comma and the next converter, or the end."))
        }
    }
}

fn read_converters(
    word: &Word,
    mut at: usize,
    bounds: Bounds,
    expr: &mut Expr,
    names: &mut dyn Names,
) -> Result<usize, Diagnostic> {
    // A comma at the end of a word is followed by nothing, or by the next word.
    if at >= word.text.len() && bounds == Bounds::Word {
        return Ok(at);
    }
    loop {
        let end = name_end(word.bytes(), at);
        let name = word.part(at, end);
        let shown = name.str();
        let Some(entry) = conv::find(&shown) else {
            let mut unknown =
                Diagnostic::error("unknown-converter", format!("`{shown}` is no converter"), name.span);
            if let Some(near) = near::nearest(&shown, conv::all().map(|c| c.name)) {
                unknown = unknown.help(format!("Did you mean `{near}`?"));
            }
            return Err(unknown);
        };
        supported(&shown, entry.support, &name, names)?;
        let (raw, next) = arguments(word, end)?;
        let args = arg::compile(&shown, entry.params, &raw, &name, names)?;
        let before = expr.kind();
        if !before.casts_to(entry.takes) {
            let text =
                format!("`{shown}` takes type {}, which {} cannot become", entry.takes.name(), before.name());
            return Err(Diagnostic::error("bad-converter", text, name.span));
        }
        if expr.steps.len() >= CONVERTERS_MAX {
            return Err(Diagnostic::error("too-many", "too many converters in one expression", name.span));
        }
        expr.steps.push(Step { entry, args });
        match (word.bytes().get(next), bounds) {
            (Some(b','), _) => {
                at = next + word.bytes().iter().skip(next).take_while(|b| **b == b',').count();
                if at >= word.text.len() && bounds == Bounds::Word {
                    return Ok(at);
                }
            }
            _ => return after(word, next, bounds, expr, names),
        }
    }
}

fn arguments(word: &Word, at: usize) -> Result<(Vec<Raw>, usize), Diagnostic> {
    if word.bytes().get(at) != Some(&b'(') {
        return Ok((Vec::new(), at));
    }
    arg::split(word, at + 1).map_err(|Unclosed { at, what }| {
        Diagnostic::error(
            "unclosed-argument",
            format!("{what} in these arguments"),
            word.part(at, word.text.len()).span,
        )
    })
}

/// Errors for what is refused, warnings for what has no effect.
fn supported(name: &str, support: Support, word: &Word, names: &mut dyn Names) -> Result<(), Diagnostic> {
    match support {
        Support::Supported => Ok(()),
        Support::Accepted(why) => {
            names.warn(Diagnostic::new(
                Level::Notice,
                "no-effect",
                format!("`{name}` has no effect: {why}"),
                word.span,
            ));
            Ok(())
        }
        Support::Obsolete(today) => {
            let text = format!("`{name}` is obsolete");
            names.warn(
                Diagnostic::new(Level::Diag, "obsolete", text, word.span).help(format!("Today: {today}.")),
            );
            Ok(())
        }
        Support::Refused(why) => {
            Err(Diagnostic::error("refused", format!("`{name}` cannot be used: {why}"), word.span))
        }
    }
}
