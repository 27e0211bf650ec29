//! Keywords: balance, hash-type, hash-balance-factor.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
