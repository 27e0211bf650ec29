//! Keywords: what `global_defs` says of layer 4.

use evenkeel_base::Words;
use evenkeel_base::time::Duration;

use super::draft::SyncDraft;
use super::service::ip;
use crate::keepalived::Finding;
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, LineFn, MAIN, Outcome};

/// Longest of `lvs_timeouts`, in seconds: what the kernel takes.
const TIMEOUT_MAX_S: i64 = 2_678_400;
/// Longest packet of the sync daemon, in bytes.
const LENGTH_MAX: i64 = 65_507;

const fn set(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, Block::Global, MAIN.with(CHECKER), args, apply, doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    set(
        "lvs_sync_daemon",
        "INTERFACE [[inst] INSTANCE] [id ID] [maxlen LEN] [port PORT] [ttl TTL] [group ADDRESS]",
        sync_daemon,
        "Connections are told to the other director over this interface.",
    )
    .example("lvs_sync_daemon eth0 inst VI_1 id 51"),
    set(
        "lvs_timeouts",
        "[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]",
        timeouts,
        "How long idle connections are kept.",
    )
    .example("lvs_timeouts tcp 7200 tcpfin 60 udp 180"),
    set(
        "lvs_flush",
        "",
        |d, _, _| {
            d.lvs.globals.flush = true;
            Ok(())
        },
        "Virtual servers that are there at the start are removed.",
    ),
    set(
        "lvs_flush_on_stop",
        "[VS]",
        flush_on_stop,
        "At the end everything is removed at once, not one by one.",
    )
    .example("lvs_flush_on_stop VS"),
    set("lvs_flush_onstop", "[VS]", flush_on_stop, "The old word for `lvs_flush_on_stop`.")
        .example("lvs_flush_onstop")
        .obsolete("lvs_flush_on_stop"),
    set(
        "checker_log_all_failures",
        "[BOOL]",
        |d, ctx, words| {
            d.lvs.globals.log_all_failures = ctx.switch(words, true)?;
            Ok(())
        },
        "Every failure of every check is logged.",
    )
    .example("checker_log_all_failures on"),
    set(
        "smtp_alert_checker",
        "[BOOL]",
        |d, ctx, words| {
            d.lvs.globals.mail = Some(ctx.switch(words, true)?);
            Ok(())
        },
        "Mails of virtual and real servers, unless a block says otherwise.",
    )
    .example("smtp_alert_checker on"),
    set(
        "no_checker_emails",
        "",
        |d, _, _| {
            d.lvs.globals.mail = Some(false);
            Ok(())
        },
        "No mails of virtual and real servers.",
    )
    .obsolete("smtp_alert_checker off"),
    set(
        "rs_init_notifies",
        "[BOOL]",
        |_, ctx, words| ctx.switch(words, true).map(|_| ()),
        "Scripts of real servers run at the start too.",
    )
    .example("rs_init_notifies on")
    .unbuilt("not built yet: scripts of real servers at the start"),
    set(
        "nftables_ipvs",
        "[TABLE]",
        |d, _, words| {
            let name =
                words.next().map_or_else(|| "keepalived_ipvs".to_owned(), |word| word.str().into_owned());
            d.lvs.globals.nftables = Some(name);
            Ok(())
        },
        "Groups become one service by marks that nftables sets.",
    )
    .example("nftables_ipvs keepalived_ipvs"),
    set(
        "nftables_ipvs_priority",
        "PRIORITY",
        |d, ctx, words| {
            let word = ctx.need(words)?;
            let value = ctx.whole(word, i64::from(i32::MIN), i64::from(i32::MAX))?;
            d.lvs.globals.nftables_priority = i32::try_from(value).ok();
            Ok(())
        },
        "The priority of its chains.",
    )
    .example("nftables_ipvs_priority -1"),
    set(
        "nftables_ipvs_start_fwmark",
        "NUMBER",
        |d, ctx, words| {
            let word = ctx.need(words)?;
            let value = ctx.whole(word, 1, i64::from(u32::MAX))?;
            d.lvs.globals.nftables_mark = u32::try_from(value).ok();
            Ok(())
        },
        "The first mark.",
    )
    .example("nftables_ipvs_start_fwmark 1000"),
];

fn sync_daemon(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let interface = ctx.need(words)?.clone();
    let mut sync = SyncDraft {
        interface,
        instance: None,
        id: None,
        max_length: None,
        port: None,
        ttl: None,
        group: None,
    };
    let mut first = true;
    while let Some(word) = words.next() {
        let mut number = |ctx: &mut Ctx<'_>, low, high| -> Result<i64, Finding> {
            let word = ctx.need(words)?;
            ctx.whole(word, low, high)
        };
        match &*word.str() {
            "inst" => sync.instance = Some(ctx.need(words)?.clone()),
            "id" => match number(ctx, 0, 255) {
                Ok(id) => sync.id = u8::try_from(id).ok(),
                Err(fault) => ctx.report(fault.note("the instance's VRID is used instead")),
            },
            "maxlen" => sync.max_length = u16::try_from(number(ctx, 1, LENGTH_MAX)?).ok(),
            "port" => sync.port = u16::try_from(number(ctx, 1, 65_535)?).ok(),
            "ttl" => sync.ttl = u8::try_from(number(ctx, 1, 255)?).ok(),
            "group" => {
                let word = ctx.need(words)?;
                sync.group = ip(word).filter(std::net::IpAddr::is_multicast);
                if sync.group.is_none() {
                    ctx.report(Finding::tolerated(
                        "bad-address",
                        format!("Invalid lvs_sync_daemon group ({word}) - ignoring"),
                        word.span,
                    ));
                }
            }
            // The instance may stand without `inst`, as in old files.
            _ if first => sync.instance = Some(word.clone()),
            _ => {
                let text = format!("Unknown option {word} specified for lvs_sync_daemon");
                ctx.report(Finding::tolerated("unknown-option", text, word.span));
            }
        }
        first = false;
    }
    draft.lvs.globals.sync = Some(sync);
    Ok(())
}

fn timeouts(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        return Err(Finding::tolerated(
            "missing-option",
            "lvs_timeouts requires at least one option",
            ctx.at,
        )
        .note("tcp, tcpfin or udp, with seconds"));
    }
    while let Some(word) = words.next() {
        let place = match &*word.str() {
            "tcp" => 0,
            "tcpfin" => 1,
            "udp" => 2,
            _ => {
                let text = format!("Unknown option {word} specified for lvs_timeouts");
                ctx.report(Finding::tolerated("unknown-option", text, word.span));
                continue;
            }
        };
        let value = ctx.need(words)?;
        match ctx.whole(value, 1, TIMEOUT_MAX_S) {
            Ok(seconds) => {
                draft.lvs.globals.timeouts[place] = Some(Duration::from_secs(seconds.unsigned_abs()));
            }
            Err(fault) => ctx.report(fault),
        }
    }
    Ok(())
}

fn flush_on_stop(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let whole = words.take_if("VS");
    if let Some(other) = words.next() {
        let text = format!("Unknown {} type {other}", ctx.keyword);
        return Err(Finding::tolerated("unknown-option", text, other.span).note("VS, or nothing"));
    }
    draft.lvs.globals.flush_on_stop = Some(whole);
    Ok(())
}
