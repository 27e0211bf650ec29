//! Keywords of the `global` section (configuration manual §3).

use evenkeel_base::Words;
use evenkeel_plan::Global;

use super::args;
use super::context::Ctx;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::global("maxconn", maxconn, "Most connections of the whole process.").example("maxconn 4000"),
    Keyword::global("nbproc", nbproc, "Number of processes.")
        .obsolete("`nbthread`, or nothing: one thread per core")
        .example("nbproc 2"),
    Keyword::ignored(
        "busy-polling",
        Sections::GLOBAL,
        "the kernel tells when there is work",
        "Polls without sleep.",
    )
    .no(),
];

fn maxconn(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.maxconn = Some(args::count(ctx, words)?);
    Ok(())
}

fn nbproc(g: &mut Global, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    g.shards = Some(args::count(ctx, words)?);
    Ok(())
}
