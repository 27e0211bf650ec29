//! Keywords: cookie, dynamic-cookie-key.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
