//! Keywords: `option …`.

use super::keyword::{Keyword, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "option dontlognull",
        Sections::FRONT,
        |p, ctx, _| {
            p.proxy.log.dontlognull = ctx.on(false);
            Ok(())
        },
        "Connections that carried no data are not logged.",
    )
    .no(),
    Keyword::proxy(
        "option allbackups",
        Sections::BACK,
        |p, ctx, _| {
            p.proxy.options.allbackups = ctx.on(false);
            Ok(())
        },
        "All backup servers are used at once when no other is left, not only the first.",
    )
    .no(),
];
