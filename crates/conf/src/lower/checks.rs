//! Keywords: option httpchk and the other check kinds, http-check, tcp-check.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
