//! Keywords: `log`, `log-tag`, `log-format`, `error-log-format`, `log-format-sd`, `unique-id-*`.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
