//! Keywords: `global_defs` and the process-wide lines beside it.

use super::keyword::{Block, Keyword, MAIN, no_end, no_words};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "global_defs",
        Block::Top,
        MAIN,
        "",
        (Block::Global, no_words, no_end),
        "Process-wide settings.",
    )
    .example("global_defs { router_id lb1 }"),
    Keyword::line(
        "router_id",
        Block::Global,
        MAIN,
        "<string>",
        |d, ctx, words| {
            let word = words.next();
            let Some(word) = word else {
                return Err(super::Finding::tolerated(
                    "missing-name",
                    "routerid name missing - ignoring",
                    ctx.at,
                ));
            };
            d.global.router_id = Some(word.str().into_owned());
            Ok(())
        },
        "What this machine is called in mails and SNMP.",
    )
    .example("router_id lb1"),
];
