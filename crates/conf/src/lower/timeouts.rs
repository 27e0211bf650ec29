//! Keywords: `timeout …`.

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};
use evenkeel_base::Words;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("timeout client", Sections::FRONT, client, "Longest silence of a client.")
        .example("timeout client 30s"),
    Keyword::proxy("timeout connect", Sections::BACK, connect, "Longest wait for a server's connection.")
        .example("timeout connect 5s"),
];

fn client(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.proxy.timeouts.client = Some(args::time(ctx, words)?);
    Ok(())
}

fn connect(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.proxy.timeouts.connect = Some(args::time(ctx, words)?);
    Ok(())
}
