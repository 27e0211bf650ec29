//! What a keyword's function may ask and tell: the line it stands on, the machine, findings.

use std::collections::BTreeSet;

use bstr::BString;
use evenkeel_base::time::Duration;
use evenkeel_base::{Diagnostic, Level, Span, Support, Word, Words};

use super::finding::{Class, Finding};
use super::keyword::Readers;
use super::load::FINDINGS_MAX;
use super::outside::Outside;

/// The state of reading, handed to every keyword's function.
pub(crate) struct Ctx<'o> {
    /// The machine.
    pub(crate) outside: &'o dyn Outside,
    /// Who reads.
    pub(crate) reader: Readers,
    /// The keyword of this line.
    pub(crate) keyword: &'static str,
    /// Where it stands.
    pub(crate) at: Span,
    /// The whole line.
    pub(crate) line: Span,
    /// The statement's text, where it has quotes or escapes that only command lines know.
    pub(crate) raw: Option<BString>,
    findings: Vec<Finding>,
    /// Codes and places that have been told.
    told: BTreeSet<(&'static str, Option<Span>)>,
}

impl<'o> Ctx<'o> {
    /// Before the first line.
    pub(crate) fn new(outside: &'o dyn Outside) -> Self {
        Self {
            outside,
            reader: Readers::ALL[0],
            keyword: "",
            at: Span::default(),
            line: Span::default(),
            raw: None,
            findings: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// True once nothing more will be noted.
    pub(crate) fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    /// Notes a finding. The same fault at the same place counts once: the file is read once per daemon.
    pub(crate) fn report(&mut self, finding: Finding) {
        let key = (finding.diagnostic.code, finding.diagnostic.span);
        if self.findings.len() < FINDINGS_MAX && (key.1.is_none() || self.told.insert(key)) {
            self.findings.push(finding);
        }
    }

    /// What is to be said of a keyword that was used: nothing, that it is old, without effect, or not to be had.
    pub(crate) fn report_support(&mut self, name: &str, support: Support, span: Span) {
        let (level, code, message) = match support {
            Support::Supported => return,
            Support::Obsolete(today) => (
                Level::Notice,
                "obsolete-keyword",
                format!("`{name}` is old, and still works; today: {today}"),
            ),
            Support::Accepted(why) => (Level::Diag, "no-effect", format!("`{name}` has no effect: {why}")),
            Support::Refused(why) => (Level::Error, "refused", format!("`{name}` cannot be used: {why}")),
        };
        self.report(Finding {
            class: Class::Remark,
            diagnostic: Diagnostic::new(level, code, message, span),
        });
    }

    /// The next word, or the fault that ends the original at once.
    pub(crate) fn need<'w>(&self, words: &mut Words<'w>) -> Result<&'w Word, Finding> {
        let place = words.last_span().after();
        words.next().ok_or_else(|| {
            Finding::fatal(
                "missing-parameter",
                format!("`{}` is missing a parameter", self.keyword),
                Span { start: self.at.start, ..self.at }.to(place),
            )
            .note("keepalived ends here with exit code 2")
        })
    }

    /// A whole number in a range, or the original's words about it. `what` says what the number is.
    pub(crate) fn whole(&mut self, word: &Word, low: i64, high: i64) -> Result<i64, Finding> {
        let text = word.str();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
        let value = match text.parse::<i64>() {
            Ok(value) => Some(value),
            Err(_) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => Some(i64::MAX),
            Err(_) => None,
        };
        match value {
            Some(value) if (low..=high).contains(&value) => Ok(value),
            Some(_) => Err(Finding::tolerated(
                "out-of-range",
                format!("{}: number '{text}' outside range [{low}, {high}]", self.keyword),
                word.span,
            )),
            None => Err(Finding::tolerated(
                "bad-number",
                format!("{}: invalid number '{text}'", self.keyword),
                word.span,
            )
            .note(format!("a whole number from {low} to {high}"))),
        }
    }

    /// Seconds with up to six places, in microseconds `low..=high`.
    pub(crate) fn seconds(&mut self, word: &Word, low_us: u64, high_us: u64) -> Result<Duration, Finding> {
        let text = word.str();
        let Some(us) = microseconds(&text) else {
            return Err(Finding::tolerated(
                "bad-number",
                format!("{}: invalid number '{text}'", self.keyword),
                word.span,
            )
            .note("seconds, such as 1 or 0.25"));
        };
        if !(low_us..=high_us).contains(&us) {
            return Err(Finding::tolerated(
                "out-of-range",
                format!(
                    "{}: number '{text}' outside range [{}, {}]",
                    self.keyword,
                    plain_seconds(low_us),
                    plain_seconds(high_us)
                ),
                word.span,
            ));
        }
        Ok(Duration::from_micros(us))
    }

    /// `on`, `yes`, `true`, `off`, `no`, `false`; `default` where there is no word. `wrong` makes the original's words.
    pub(crate) fn worded_switch(
        &mut self,
        words: &mut Words<'_>,
        default: bool,
        wrong: impl FnOnce(&str) -> String,
    ) -> Result<bool, Finding> {
        let Some(word) = words.next() else { return Ok(default) };
        boolean(word).ok_or_else(|| {
            Finding::tolerated("bad-switch", wrong(&word.str()), word.span)
                .note("on, off, true, false, yes or no")
        })
    }

    /// Likewise, with words of ours.
    pub(crate) fn switch(&mut self, words: &mut Words<'_>, default: bool) -> Result<bool, Finding> {
        let keyword = self.keyword;
        self.worded_switch(words, default, |value| format!("Invalid {keyword} parameter {value}"))
    }

    /// Words between a list's keyword and its brace: the original tells of them and passes over them.
    pub(crate) fn no_block_words(&mut self, words: &mut Words<'_>) {
        if let [first, ..] = words.take_rest() {
            let message = format!("Block {} has extra parameters {first} ...", self.keyword);
            self.report(Finding::tolerated("surplus-word", message, first.span));
        }
    }

    /// All that was found.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// A switch's word.
pub(crate) fn boolean(word: &Word) -> Option<bool> {
    match &*word.str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// Seconds as the manual's `<TIMER>`, in microseconds; more than fits is the most that fits.
pub(crate) fn microseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
    let mut micros = 0;
    for n in 0..6 {
        micros = micros * 10 + u64::from(fraction.as_bytes().get(n).map_or(0, |b| b - b'0'));
    }
    Some(whole.saturating_mul(1_000_000).saturating_add(micros))
}

/// Microseconds as seconds without needless zeros.
fn plain_seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
