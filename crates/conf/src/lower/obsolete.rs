//! Keywords: keywords of HAProxy 1.x.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
