//! Keywords: http-request, http-response, tcp-request ….

use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];
