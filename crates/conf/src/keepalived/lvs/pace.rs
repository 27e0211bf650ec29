//! Keywords that virtual servers, real servers and checks have in common: when a check runs. Each inherits from the one
//! around it (manual, LVS configuration: "the virtual server setting is the default for real servers").

use evenkeel_base::Words;
use evenkeel_base::time::Duration;

use super::draft::PaceDraft;
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, Outcome};

/// Longest `connect_timeout` and delays, in microseconds: what fits into the original's 32 bits.
const TIMER_MAX_US: u64 = 4_294_967_295;
/// Longest `delay_loop`: the original's 64 bits of microseconds.
const LOOP_MAX_US: u64 = 18_446_744_073_709_551_614;

/// Whose times a keyword sets.
pub(super) trait Level {
    /// Its times.
    fn pace(draft: &mut Draft) -> Option<&mut PaceDraft>;
}

/// Of the virtual server.
pub(super) struct OfService;
/// Of the real server.
pub(super) struct OfServer;
/// Of the check.
pub(super) struct OfChecker;

impl Level for OfService {
    fn pace(draft: &mut Draft) -> Option<&mut PaceDraft> {
        draft.lvs.service().map(|service| &mut service.pace)
    }
}

impl Level for OfServer {
    fn pace(draft: &mut Draft) -> Option<&mut PaceDraft> {
        draft.lvs.server().map(|server| &mut server.pace)
    }
}

impl Level for OfChecker {
    fn pace(draft: &mut Draft) -> Option<&mut PaceDraft> {
        draft.lvs.checker().map(|checker| &mut checker.pace)
    }
}

/// The entries of a block; of all but `alpha`, whose form differs.
pub(super) const fn keywords<L: Level>(block: Block) -> [Keyword; 5] {
    [
        Keyword::line(
            "connect_timeout",
            block,
            CHECKER,
            "<seconds>",
            connect_timeout::<L>,
            "Longest wait for a connection.",
        )
        .example("connect_timeout 3"),
        Keyword::line(
            "retry",
            block,
            CHECKER,
            "<number>",
            retry::<L>,
            "Further tries before a failure counts.",
        )
        .example("retry 3"),
        Keyword::line(
            "delay_before_retry",
            block,
            CHECKER,
            "<seconds>",
            delay_before_retry::<L>,
            "Wait between a failure and the next try.",
        )
        .example("delay_before_retry 3"),
        Keyword::line(
            "warmup",
            block,
            CHECKER,
            "<seconds>",
            warmup::<L>,
            "Longest random delay of the first check; 0: none.",
        )
        .example("warmup 0"),
        Keyword::line("delay_loop", block, CHECKER, "<seconds>", delay_loop::<L>, "Time between two checks.")
            .example("delay_loop 6"),
    ]
}

/// `alpha [<bool>]` of real servers and checks.
pub(super) const fn alpha<L: Level>(block: Block) -> Keyword {
    Keyword::line("alpha", block, CHECKER, "[<bool>]", set_alpha::<L>, "Down until a check has passed.")
        .example("alpha on")
}

fn set_alpha<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let on = ctx.switch(words, true)?;
    if let Some(pace) = L::pace(draft) {
        pace.alpha = Some(on);
    }
    Ok(())
}

/// A time in `low..=high` microseconds.
fn time(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    low: u64,
    high: u64,
) -> Result<Duration, crate::keepalived::Finding> {
    let word = ctx.need(words)?;
    ctx.seconds(word, low, high)
}

fn connect_timeout<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let value = time(ctx, words, 1, TIMER_MAX_US)?;
    if let Some(pace) = L::pace(draft) {
        pace.connect_timeout = Some(value);
    }
    Ok(())
}

fn retry<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let value = ctx.whole(word, 0, i64::from(u32::MAX))?;
    if let Some(pace) = L::pace(draft) {
        pace.retry = u32::try_from(value).ok();
    }
    Ok(())
}

/// `nb_get_retry`: the old word for `retry` of HTTP_GET and SSL_GET.
pub(super) fn old_retry(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let at = ctx.at;
    ctx.report(
        crate::keepalived::Finding::adjusted(
            "obsolete-keyword",
            "nb_get_retry is deprecated - please use 'retry'",
            at,
        )
        .note("write `retry`"),
    );
    retry::<OfChecker>(draft, ctx, words)
}

fn delay_before_retry<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let value = time(ctx, words, 0, TIMER_MAX_US)?;
    if let Some(pace) = L::pace(draft) {
        pace.delay_before_retry = Some(value);
    }
    Ok(())
}

fn warmup<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let value = time(ctx, words, 0, TIMER_MAX_US)?;
    if let Some(pace) = L::pace(draft) {
        pace.warmup = Some(value);
    }
    Ok(())
}

fn delay_loop<L: Level>(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let value = time(ctx, words, 1, LOOP_MAX_US)?;
    if let Some(pace) = L::pace(draft) {
        pace.delay_loop = Some(value);
    }
    Ok(())
}
