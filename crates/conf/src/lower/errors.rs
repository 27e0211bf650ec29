//! Keywords: errorfile, errorloc*, http-error, errorfiles.

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
