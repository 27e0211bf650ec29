//! Keywords: `server`, `server-template`, `default-server` and their options (configuration manual §5.2).

use evenkeel_base::Word;
use evenkeel_plan::ServerLine;

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];

/// Most servers of one `server-template`: the original's numbers are as small.
const TEMPLATE_MAX: u32 = 65_536;

/// A server's options while its line is read.
#[derive(Clone, Default)]
pub(crate) struct ServerDraft {
    /// What the Plan keeps.
    pub(crate) line: ServerLine,
    /// `track`.
    pub(crate) track: Option<Word>,
}

/// `server-template`'s number or range, such as `5` or `3-8`.
pub(crate) fn template_range(word: &Word) -> Option<(u32, u32)> {
    let text = word.str();
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
        None => (1, text.parse().ok()?),
    };
    (from <= to && to - from < TEMPLATE_MAX).then_some((from, to))
}
