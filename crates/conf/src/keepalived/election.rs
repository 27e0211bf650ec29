//! Keywords of `vrrp_instance`: how it gives way, what it announces, whom it tells, leases.

use evenkeel_base::Words;
use evenkeel_base::time::Duration;

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global_vrrp::{garp_delay, garp_extra, garp_repeat, old_garp_extra, unsigned};
use super::group::say;
use super::instance::{line, note};
use super::keyword::{Keyword, LineFn, Outcome};

const fn script(name: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    line(name, "COMMAND [USER [GROUP]]", apply, doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    line(
        "nopreempt",
        "",
        |d, ctx, _| {
            note(d, ctx);
            d.instance.nopreempt = Some(ctx.at);
            Ok(())
        },
        "A lower master is left alone.",
    ),
    line(
        "preempt",
        "",
        |d, _, _| {
            d.instance.nopreempt = None;
            Ok(())
        },
        "A lower master is replaced; so it is anyway.",
    ),
    line(
        "preempt_delay",
        "SECONDS",
        |d, ctx, w| {
            note(d, ctx);
            let word = ctx.need(w)?;
            d.instance.preempt_delay = Some((ctx.seconds(word, 0, 1_000_000_000)?, ctx.at));
            Ok(())
        },
        "Wait before replacing it.",
    )
    .example("preempt_delay 30"),
    line(
        "down_timer_adverts",
        "1…100",
        |d, ctx, w| {
            note(d, ctx);
            let word = ctx.need(w)?;
            let number = u32::try_from(ctx.whole(word, 1, 100)?).unwrap_or(3);
            d.instance.down_timer_adverts = Some((number, ctx.at));
            Ok(())
        },
        "Adverts that must be missing; 3 (RFC 9568 §6.1).",
    )
    .example("down_timer_adverts 3"),
    line(
        "lower_prio_no_advert",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.lower_prio_no_advert = Some((switch(d, ctx, w)?, ctx.at));
            Ok(())
        },
        "A lower advert is not answered.",
    )
    .example("lower_prio_no_advert on"),
    line(
        "higher_prio_send_advert",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.higher_prio_send_advert = Some((switch(d, ctx, w)?, ctx.at));
            Ok(())
        },
        "A higher advert is answered once.",
    )
    .example("higher_prio_send_advert on"),
    line(
        "skip_check_adv_addr",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.skip_check_addresses = Some(switch(d, ctx, w)?);
            Ok(())
        },
        "The address list is checked only when the sender changes.",
    )
    .example("skip_check_adv_addr on"),
    line(
        "strict_mode",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.strict = Some(switch(d, ctx, w)?);
            Ok(())
        },
        "Nothing that the RFCs don't have.",
    )
    .example("strict_mode off"),
    line(
        "owner_ignore_adverts",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.owner_ignore_adverts = Some(switch(d, ctx, w)?);
            Ok(())
        },
        "The owner passes over others' adverts.",
    )
    .example("owner_ignore_adverts on"),
    line(
        "accept",
        "",
        |d, ctx, _| {
            d.instance.accept = Some((true, ctx.at));
            Ok(())
        },
        "Packets to the addresses are taken.",
    ),
    line(
        "no_accept",
        "",
        |d, ctx, _| {
            d.instance.accept = Some((false, ctx.at));
            Ok(())
        },
        "They are dropped, unless it owns them.",
    ),
    // Announcements.
    line(
        "garp_master_delay",
        "SECONDS",
        |d, ctx, w| garp_delay(ctx, w, |a| &mut a.master_delay, &mut d.instance.announce),
        "Until the second round of announcements.",
    )
    .example("garp_master_delay 5"),
    line(
        "garp_master_repeat",
        "NUMBER",
        |d, ctx, w| garp_repeat(ctx, w, |a| &mut a.master_repeat, &mut d.instance.announce),
        "Announcements a round.",
    )
    .example("garp_master_repeat 5"),
    line(
        "garp_lower_prio_delay",
        "SECONDS",
        |d, ctx, w| {
            d.instance.lower_prio_spans.0 = ctx.at;
            garp_delay(ctx, w, |a| &mut a.lower_prio_delay, &mut d.instance.announce)
        },
        "Likewise, after a lower advert.",
    )
    .example("garp_lower_prio_delay 5"),
    line(
        "garp_lower_prio_repeat",
        "NUMBER",
        |d, ctx, w| {
            d.instance.lower_prio_spans.1 = ctx.at;
            let word = ctx.need(w)?;
            d.instance.announce.lower_prio_repeat = Some(unsigned(ctx, word, 0)?);
            Ok(())
        },
        "Announcements a round after a lower advert.",
    )
    .example("garp_lower_prio_repeat 5"),
    line(
        "garp_master_refresh",
        "SECONDS",
        |d, ctx, w| garp_delay(ctx, w, |a| &mut a.master_refresh, &mut d.instance.announce),
        "Between rounds while master; 0: none.",
    )
    .example("garp_master_refresh 60"),
    line(
        "garp_master_refresh_repeat",
        "NUMBER",
        |d, ctx, w| garp_repeat(ctx, w, |a| &mut a.master_refresh_repeat, &mut d.instance.announce),
        "Announcements of such a round.",
    )
    .example("garp_master_refresh_repeat 1"),
    line(
        "garp_extra_if",
        "[all] SECONDS",
        |d, ctx, w| {
            d.instance.garp_extra = Some(garp_extra(ctx, w, 0)?);
            Ok(())
        },
        "Announcements on other interfaces of addresses.",
    )
    .example("garp_extra_if all 100"),
    line(
        "vmac_garp_intvl",
        "[all] SECONDS",
        |d, ctx, w| {
            d.instance.garp_extra = Some(old_garp_extra(ctx, w, "garp_extra_if", 0)?);
            Ok(())
        },
        "Old name of `garp_extra_if`.",
    )
    .example("vmac_garp_intvl 100"),
    // Whom it tells.
    script("notify_master", instance_say, "Run on becoming master.").example("notify_master /bin/true"),
    script("notify_backup", instance_say, "Run on becoming backup.").example("notify_backup /bin/true"),
    script("notify_fault", instance_say, "Run on a fault.").example("notify_fault /bin/true"),
    script("notify_stop", instance_say, "Run at the end.").example("notify_stop /bin/true"),
    script("notify", instance_say, "Run on every transition, with four more words.")
        .example("notify /bin/true"),
    script("notify_master_rx_lower_pri", instance_say, "Run when a master hears a lower advert.")
        .example("notify_master_rx_lower_pri /bin/true"),
    line(
        "notify_deleted",
        "[COMMAND [USER [GROUP]]]",
        |d, ctx, w| {
            d.instance.notify.deleted = true;
            if w.is_empty() { Ok(()) } else { instance_say(d, ctx, w) }
        },
        "A deleted instance is told as DELETED.",
    )
    .example("notify_deleted /bin/true"),
    line(
        "notify_priority_changes",
        "[BOOL]",
        |d, ctx, w| {
            let name = d.instance.of.name.clone();
            d.instance.notify.priority_changes = Some(ctx.worded_switch(w, true, |value| {
                format!("({name}) Invalid value '{value}' for notify_priority_changes specified")
            })?);
            Ok(())
        },
        "Changes of priority are told to the pipes.",
    )
    .example("notify_priority_changes on"),
    line(
        "smtp_alert",
        "[BOOL]",
        |d, ctx, w| {
            d.instance.notify.mail = Some(ctx.worded_switch(w, true, |value| {
                format!("Invalid vrrp_instance smtp_alert parameter {value}")
            })?);
            Ok(())
        },
        "Mails of transitions.",
    )
    .example("smtp_alert on"),
];

/// A switch with the instance's name in the original's words.
fn switch(d: &Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<bool, Finding> {
    let (name, keyword) = (&d.instance.of.name, ctx.keyword);
    ctx.worded_switch(words, true, |value| format!("({name}) invalid {keyword} {value} specified"))
}

fn instance_say(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    note(d, ctx);
    say(ctx, words, &mut d.instance.notify, &d.instance.of)
}

/// `!evenkeel lease off|SECONDS`: a comment for the original.
pub(crate) fn lease(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Option<Duration>, Finding> {
    /// Longest lease: it must end soon after a crash.
    const LEASE_MAX: i64 = 3_600;
    let Some(word) = words.next() else {
        return Err(Finding::remark("missing-value", "lease wants `off` or seconds", ctx.line));
    };
    if word.is("off") {
        return Ok(None);
    }
    match word.str().parse::<i64>() {
        Ok(seconds) if (1..=LEASE_MAX).contains(&seconds) => {
            Ok(Some(Duration::from_secs(seconds.unsigned_abs())))
        }
        _ => Err(Finding::remark("bad-value", format!("lease: `{word}` is no lease"), word.span)
            .note(format!("off, or whole seconds from 1 to {LEASE_MAX}"))),
    }
}
