//! Keywords: `real_server`.

use evenkeel_base::Words;

use super::draft::ServerDraft;
use super::pace::{self, OfServer};
use super::service::{METHOD_ARGS, endpoint, forwarding};
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, Outcome, no_end};
use crate::keepalived::script;

/// Times of checks.
pub(crate) const PACE: [Keyword; 5] = pace::keywords::<OfServer>(Block::RealServer);

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "real_server",
        Block::VirtualServer,
        CHECKER,
        "<address> [<port>]",
        (Block::RealServer, open, no_end),
        "One of the servers that a virtual server spreads over.",
    )
    .example("real_server 192.0.2.1 80 { weight 1 }"),
    pace::alpha::<OfServer>(Block::RealServer),
    Keyword::line(
        "weight",
        Block::RealServer,
        CHECKER,
        "<number>",
        |d, ctx, words| {
            let word = ctx.need(words)?;
            let weight = ctx.whole(word, 0, i64::from(i32::MAX))?;
            with(d, |s| s.weight = i32::try_from(weight).unwrap_or(i32::MAX))
        },
        "How much of the connections it gets; 0: no new ones.",
    )
    .example("weight 2"),
    Keyword::line(
        "lvs_method",
        Block::RealServer,
        CHECKER,
        METHOD_ARGS,
        |d, ctx, words| {
            let forwarding = forwarding(ctx, words)?;
            with(d, |s| s.forwarding = Some(forwarding))
        },
        "How packets reach it.",
    )
    .example("lvs_method DR"),
    Keyword::line(
        "uthreshold",
        Block::RealServer,
        CHECKER,
        "<number>",
        |d, ctx, words| {
            let word = ctx.need(words)?;
            let most = ctx.whole(word, 0, i64::from(u32::MAX))?;
            with(d, |s| s.upper = u32::try_from(most).unwrap_or(u32::MAX))
        },
        "With so many connections it gets no more.",
    )
    .example("uthreshold 1000"),
    Keyword::line(
        "lthreshold",
        Block::RealServer,
        CHECKER,
        "<number>",
        |d, ctx, words| {
            let word = ctx.need(words)?;
            let least = ctx.whole(word, 0, i64::from(u32::MAX))?;
            with(d, |s| s.lower = u32::try_from(least).unwrap_or(u32::MAX))
        },
        "Below so many connections it gets new ones again.",
    )
    .example("lthreshold 800"),
    Keyword::line(
        "inhibit_on_failure",
        Block::RealServer,
        CHECKER,
        "[<bool>]",
        |d, ctx, words| {
            let on = ctx.switch(words, true)?;
            with(d, |s| s.inhibit = Some(on))
        },
        "Failed, it stays in the table with weight 0.",
    )
    .example("inhibit_on_failure on"),
    Keyword::line(
        "notify_up",
        Block::RealServer,
        CHECKER,
        "<script> [<user> [<group>]]",
        |d, ctx, words| {
            let script = script::command_with_user(ctx, words)?;
            with(d, |s| s.notify_up = script)
        },
        "Run when it comes up.",
    )
    .example("notify_up /bin/true"),
    Keyword::line(
        "notify_down",
        Block::RealServer,
        CHECKER,
        "<script> [<user> [<group>]]",
        |d, ctx, words| {
            let script = script::command_with_user(ctx, words)?;
            with(d, |s| s.notify_down = script)
        },
        "Run when it goes down.",
    )
    .example("notify_down /bin/true"),
    Keyword::line(
        "smtp_alert",
        Block::RealServer,
        CHECKER,
        "[<bool>]",
        |d, ctx, words| {
            let on = ctx.switch(words, true)?;
            with(d, |s| s.mail = Some(on))
        },
        "Mail when it comes or goes.",
    )
    .example("smtp_alert on"),
    Keyword::line(
        "virtualhost",
        Block::RealServer,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            with(d, |s| s.virtualhost = Some(name))
        },
        "The Host of its HTTP_GET and SSL_GET.",
    )
    .example("virtualhost www.example.net"),
    Keyword::line(
        "snmp_name",
        Block::RealServer,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            with(d, |s| s.snmp_name = Some(name))
        },
        "What SNMP calls it.",
    )
    .example("snmp_name web1"),
];

fn with(draft: &mut Draft, set: impl FnOnce(&mut ServerDraft)) -> Outcome {
    if let Some(server) = draft.lvs.server() {
        set(server);
    }
    Ok(())
}

fn open(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let span = ctx.line;
    let address = endpoint(ctx, words, "real server ip address/port", true)?;
    if let Some(service) = draft.lvs.service() {
        service.servers.push(ServerDraft::new(address, span));
    }
    Ok(())
}
