//! `log <address> [len n] [format f] [sample ranges:size] <facility> [<level> [<minlevel>]]`, in `global` and proxies.

use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_plan::log::{LogShape, Sample};
use evenkeel_plan::{Addr, LogTarget, LogTransport};

use super::address::{self, Flow};
use super::context::Ctx;
use super::run::refused;

/// Port of syslog.
const SYSLOG_PORT: u16 = 514;
/// `len` where the line doesn't say, its smallest and its largest.
const LEN: u32 = 1024;
const LEN_MIN: u32 = 80;
const LEN_MAX: u32 = 65_535;
/// Most ranges of a `sample`.
const RANGES_MAX: usize = 64;

const SHAPES: &[(&str, LogShape)] = &[
    ("local", LogShape::Local),
    ("rfc3164", LogShape::Rfc3164),
    ("rfc5424", LogShape::Rfc5424),
    ("priority", LogShape::Priority),
    ("short", LogShape::Short),
    ("timed", LogShape::Timed),
    ("iso", LogShape::Iso),
    ("raw", LogShape::Raw),
];

/// Facilities by number.
pub(crate) const FACILITIES: &[&str] = &[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// Levels by number, the gravest first.
pub(crate) const LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The level least important.
const LEVEL_MAX: u8 = 7;

/// A target as written; `shape` may be left to the default.
#[derive(Clone, Debug)]
pub(crate) struct LogWritten {
    pub(crate) target: LogTarget,
    /// True if the line names no format.
    pub(crate) shape_by_default: bool,
}

/// Reads what follows `log`.
pub(crate) fn parse(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<LogWritten, Diagnostic> {
    let usage = |words: &Words<'_>| {
        Diagnostic::error(
            "missing-argument",
            "log : expects <address> and <facility>  as arguments",
            words.last_span().after(),
        )
    };
    let place = words.next().ok_or_else(|| usage(words))?;
    if words.is_empty() {
        return Err(usage(words));
    }
    let transport = transport(ctx, place)?;
    let mut len = LEN;
    let mut shape = None;
    let mut sample = None;
    let facility = loop {
        let word = words.next().ok_or_else(|| usage(words))?;
        match word.str().as_ref() {
            "len" => len = length(words.next().ok_or_else(|| usage(words))?)?,
            "format" => shape = Some(format(words.next().ok_or_else(|| usage(words))?)?),
            "sample" => sample = Some(sample_of(words.next().ok_or_else(|| usage(words))?)?),
            "profile" => return Err(refused("profile", "not built yet: log profiles", word.span)),
            _ => break facility(word)?,
        }
    };
    let level_max = words.next().map(|w| level(w, "optional log level")).transpose()?.unwrap_or(LEVEL_MAX);
    let level_min = words.next().map(|w| level(w, "optional minimum log level")).transpose()?.unwrap_or(0);
    Ok(LogWritten {
        shape_by_default: shape.is_none(),
        target: LogTarget {
            transport,
            shape: shape.unwrap_or(LogShape::Local),
            facility,
            level_max,
            level_min,
            len,
            sample,
            span: ctx.line,
        },
    })
}

/// A target whose host has no address is left out, with a warning: the proxy is worth more than its log.
pub(crate) fn without(
    mut fault: Diagnostic,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
) -> Result<(), Diagnostic> {
    fault.level = evenkeel_base::Level::Warning;
    ctx.report(fault.help("Nothing will be logged there until a restart finds its address."));
    words.take_rest();
    Ok(())
}

fn transport(ctx: &Ctx<'_>, word: &Word) -> Result<LogTransport, Diagnostic> {
    if word.is("stdout") {
        return Ok(LogTransport::Fd(1));
    }
    if word.is("stderr") {
        return Ok(LogTransport::Fd(2));
    }
    if word.bytes().starts_with(b"ring@") {
        return Err(refused("ring@", "not built yet: rings", word.span));
    }
    if word.bytes().starts_with(b"backend@") {
        return Err(refused("backend@", "not built yet: log backends", word.span));
    }
    match address::one(ctx, word, Some(SYSLOG_PORT))? {
        (_, Flow::Stream) => Err(refused("log to a stream address", "not built yet: rings", word.span)),
        (Addr::Inet(addr), Flow::Unsaid | Flow::Datagram) => Ok(LogTransport::Udp(addr)),
        (Addr::Unix(path), Flow::Unsaid | Flow::Datagram) => Ok(LogTransport::Unix(path)),
        (Addr::Fd(fd), Flow::Unsaid | Flow::Datagram) => Ok(LogTransport::Fd(fd)),
        (Addr::Abstract { .. }, Flow::Unsaid | Flow::Datagram) => {
            Err(refused("log to an abstract socket", "not built yet", word.span))
        }
    }
}

fn length(word: &Word) -> Result<u32, Diagnostic> {
    word.str().parse::<u32>().ok().filter(|n| (LEN_MIN..=LEN_MAX).contains(n)).ok_or_else(|| {
        Diagnostic::error(
            "bad-number",
            format!("log : invalid log length '{word}', must be between {LEN_MIN} and {LEN_MAX}"),
            word.span,
        )
    })
}

fn format(word: &Word) -> Result<LogShape, Diagnostic> {
    SHAPES.iter().find(|(name, _)| word.is(name)).map(|(_, shape)| *shape).ok_or_else(|| {
        near(
            Diagnostic::error("bad-choice", format!("log : unknown log format '{word}'"), word.span),
            word,
            SHAPES.iter().map(|(name, _)| *name),
        )
    })
}

fn near(fault: Diagnostic, word: &Word, names: impl Iterator<Item = &'static str>) -> Diagnostic {
    match evenkeel_base::near::nearest(&word.str(), names) {
        Some(near) => fault.note(format!("did you mean `{near}`?")),
        None => fault,
    }
}

fn facility(word: &Word) -> Result<u8, Diagnostic> {
    FACILITIES.iter().position(|name| word.is(name)).map(|n| n as u8).ok_or_else(|| {
        near(
            Diagnostic::error("bad-choice", format!("log : unknown log facility '{word}'"), word.span),
            word,
            FACILITIES.iter().copied(),
        )
    })
}

fn level(word: &Word, what: &str) -> Result<u8, Diagnostic> {
    LEVELS.iter().position(|name| word.is(name)).map(|n| n as u8).ok_or_else(|| {
        near(
            Diagnostic::error("bad-choice", format!("log : unknown {what} '{word}'"), word.span),
            word,
            LEVELS.iter().copied(),
        )
    })
}

/// `1,3-5:10`.
fn sample_of(word: &Word) -> Result<Sample, Diagnostic> {
    let wrong = |why: &str| Diagnostic::error("bad-sample", format!("log : {why} in '{word}'"), word.span);
    let text = word.str();
    let (list, size) = text.split_once(':').ok_or_else(|| wrong("a sample is <ranges>:<size>"))?;
    let size: u32 =
        size.parse().ok().filter(|n| *n > 0).ok_or_else(|| wrong("the sample's size must be over 0"))?;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for range in list.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let bound = |n: &str| n.parse::<u32>().ok().filter(|n| *n > 0);
        let (Some(from), Some(to)) = (bound(from), bound(to)) else {
            return Err(wrong("the limits of a range are numbers over 0"));
        };
        if from > to || to > size {
            return Err(wrong("a range must rise, and end within the sample's size"));
        }
        ranges.push((from, to));
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0].1 >= pair[1].0) {
        return Err(wrong("ranges must not overlap"));
    }
    if ranges.len() > RANGES_MAX {
        return Err(wrong("too many ranges"));
    }
    Ok(Sample { ranges, size })
}
