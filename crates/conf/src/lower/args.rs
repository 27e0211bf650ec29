//! Arguments: the words after a keyword as numbers, times, sizes, names. Every fault names the keyword and points at the
//! word.

use std::time::Duration;

use evenkeel_base::size::parse_size;
use evenkeel_base::time::{TimeError, Unit, parse_time};
use evenkeel_base::{Diagnostic, Word, Words};

use super::context::Ctx;

/// The next word; `what` such as `a name`.
pub(crate) fn word<'a>(ctx: &Ctx<'_>, words: &mut Words<'a>, what: &str) -> Result<&'a Word, Diagnostic> {
    let missing = words.last_span().after();
    words.next().ok_or_else(|| {
        Diagnostic::error(
            "missing-argument",
            format!("'{}' expects {what} as argument", ctx.keyword),
            missing,
        )
    })
}

/// The next word as text.
pub(crate) fn text(ctx: &Ctx<'_>, words: &mut Words<'_>, what: &str) -> Result<String, Diagnostic> {
    word(ctx, words, what).map(|w| w.str().into_owned())
}

/// A word as a number within bounds; the bounds are the keyword's.
pub(crate) fn number_of(
    ctx: &Ctx<'_>,
    word: &Word,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Diagnostic> {
    let wrong = |message: String| Diagnostic::error("bad-number", message, word.span);
    let number: u64 = word
        .str()
        .parse()
        .map_err(|_| wrong(format!("'{}' expects a positive integer argument, not '{word}'", ctx.keyword)))?;
    if !range.contains(&number) {
        return Err(wrong(format!(
            "'{}' expects a number between {} and {}, not {number}",
            ctx.keyword,
            range.start(),
            range.end()
        )));
    }
    Ok(number)
}

/// The next word as a number within bounds.
pub(crate) fn number(
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Diagnostic> {
    let word = word(ctx, words, "an integer")?;
    number_of(ctx, word, range)
}

/// The next word as a number of up to 31 bits: connections, counts.
pub(crate) fn count(ctx: &Ctx<'_>, words: &mut Words<'_>) -> Result<u32, Diagnostic> {
    number(ctx, words, 0..=i32::MAX as u64).map(|n| n as u32)
}

/// A word as a time; a bare number is in `bare`.
pub(crate) fn time_of(ctx: &Ctx<'_>, word: &Word, bare: Unit) -> Result<Duration, Diagnostic> {
    let text = word.str();
    parse_time(&text, bare).map_err(|error| {
        let keyword = ctx.keyword;
        let wrong = |message: String| Diagnostic::error("bad-time", message, word.span);
        match error {
            TimeError::Empty => wrong(format!("'{keyword}' expects a time")),
            TimeError::Unexpected(at) => {
                let unexpected = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
                wrong(format!("unexpected character '{unexpected}' in '{keyword}'"))
                    .help("A time is a number with one of the units us, ms, s, m, h, d, such as `5s`.")
            }
            TimeError::TooLong => {
                wrong(format!("timer overflow in argument '{word}' to '{keyword}' (maximum value is 2147483647 ms or ~24.8 days)"))
            }
        }
    })
}

/// The next word as a time; a bare number is in milliseconds.
pub(crate) fn time(ctx: &Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Diagnostic> {
    let word = word(ctx, words, "a time")?;
    time_of(ctx, word, Unit::Millis)
}

/// The next word as a size in bytes (`16k`), within bounds.
pub(crate) fn size(
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Diagnostic> {
    let word = word(ctx, words, "a size in bytes")?;
    parse_size(&word.str()).filter(|n| range.contains(n)).ok_or_else(|| {
        Diagnostic::error(
            "bad-size",
            format!(
                "'{}' expects a size between {} and {} bytes, not '{word}'",
                ctx.keyword,
                range.start(),
                range.end()
            ),
            word.span,
        )
    })
}

/// The next word as one of `choices`.
pub(crate) fn choice<T: Copy>(
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    choices: &[(&str, T)],
) -> Result<T, Diagnostic> {
    let names = || {
        let quoted: Vec<String> = choices.iter().map(|(name, _)| format!("'{name}'")).collect();
        match quoted.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, head)) => format!("{} and {last}", head.join(", ")),
            None => String::new(),
        }
    };
    let word = word(ctx, words, &format!("one of {}", names()))?;
    choices.iter().find(|(name, _)| word.is(name)).map(|(_, value)| *value).ok_or_else(|| {
        let wrong = Diagnostic::error(
            "bad-choice",
            format!("'{}' only supports {} (got '{word}')", ctx.keyword, names()),
            word.span,
        );
        match evenkeel_base::near::nearest(&word.str(), choices.iter().map(|(name, _)| *name)) {
            Some(near) => wrong.note(format!("did you mean `{near}`?")),
            None => wrong,
        }
    })
}

/// Passes over words that the original passes over too, with a warning.
pub(crate) fn spare(ctx: &mut Ctx<'_>, words: &mut Words<'_>) {
    if let Some(first) = words.take_rest().first() {
        let message = format!("'{}' ignores the argument '{first}'", ctx.keyword);
        ctx.warn("surplus-argument", message, first.span);
    }
}
