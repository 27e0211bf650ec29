//! Keywords: use_backend, use-server, redirect, block.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
