//! Keywords: what log lines look like.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::BalanceKey;

use super::context::Ctx;
use super::keyword::Keyword;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[];

/// `balance hash <expression>`.
pub(crate) fn hash_key(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<BalanceKey, Diagnostic> {
    words.take_rest();
    Err(super::run::refused("balance hash", "not built yet: expressions", ctx.at))
}
