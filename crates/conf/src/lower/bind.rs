//! Keywords: `bind` and its options (configuration manual §5.1).

use evenkeel_base::Words;

use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] =
    &[Keyword::proxy("bind", Sections::FRONT_OWN, bind, "Addresses that clients connect to, with options.")
        .example("bind *:80")];

/// `bind <address>[,…] [options]`; also the address on an old `listen` line.
pub(crate) fn bind(_: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    words.take_rest();
    Ok(())
}
