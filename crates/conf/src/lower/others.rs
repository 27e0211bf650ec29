//! Sections that are neither `global` nor proxies.

use evenkeel_base::Diagnostic;

use super::context::Ctx;
use crate::ast::{Section, SectionKind};

/// A `userlist` (read before all others, so that any rule may name it).
pub(crate) fn userlist(_section: &Section, _ctx: &mut Ctx<'_>) {}

/// Any other section: one message at its head, its lines are passed over.
pub(crate) fn section(section: &Section, ctx: &mut Ctx<'_>) {
    let word = section.kind.word();
    if matches!(section.kind, SectionKind::Global | SectionKind::Userlist | SectionKind::Unknown) {
        return; // read before, or the reader has said it
    }
    ctx.report(Diagnostic::error(
        "refused",
        format!("'{word}' sections cannot be used: not built yet"),
        section.head.keyword().span,
    ));
}
