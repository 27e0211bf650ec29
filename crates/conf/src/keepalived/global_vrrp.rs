//! Keywords of `global_defs`: what holds for all instances.

use std::net::IpAddr;

use evenkeel_base::Words;
use evenkeel_base::time::Duration;
use evenkeel_vrrp::conf::Version;

use super::context::Ctx;
use super::draft::{AnnounceDraft, Draft};
use super::finding::Finding;
use super::global::{global_switch, multicast, on};
use super::keyword::{Block, Keyword, LineFn, MAIN, Outcome};

const G: Block = Block::Global;

const fn set(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, G, MAIN, args, apply, doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    set("vrrp_version", "2|3", version, "The protocol's version; IPv6 is always 3.")
        .example("vrrp_version 3"),
    set(
        "vrrp_mcast_group4",
        "ADDRESS",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.defaults.group4 = multicast(ctx, word, false)?;
            Ok(())
        },
        "Where IPv4 adverts go; 224.0.0.18.",
    )
    .example("vrrp_mcast_group4 224.0.0.18"),
    set("vrrp_mcast_group6", "ADDRESS", group6, "Where IPv6 adverts go; ff02::12.")
        .example("vrrp_mcast_group6 ff02::12"),
    set(
        "default_interface",
        "NAME",
        |d, ctx, w| {
            let Some(word) = w.next() else {
                return Err(Finding::tolerated(
                    "missing-value",
                    "default_interface requires interface name",
                    ctx.at,
                ));
            };
            d.defaults.interface = Some(word.str().into_owned());
            Ok(())
        },
        "The interface of static addresses that name none; eth0.",
    )
    .example("default_interface eth0"),
    // Announcements.
    set(
        "vrrp_garp_master_delay",
        "SECONDS",
        |d, ctx, w| garp_delay(ctx, w, |a| &mut a.master_delay, &mut d.defaults.announce),
        "Until the second round of announcements; 5.",
    )
    .example("vrrp_garp_master_delay 5"),
    set(
        "vrrp_garp_master_repeat",
        "NUMBER",
        |d, ctx, w| garp_repeat(ctx, w, |a| &mut a.master_repeat, &mut d.defaults.announce),
        "Announcements a round; 5.",
    )
    .example("vrrp_garp_master_repeat 5"),
    set(
        "vrrp_garp_lower_prio_delay",
        "SECONDS",
        |d, ctx, w| garp_delay(ctx, w, |a| &mut a.lower_prio_delay, &mut d.defaults.announce),
        "Likewise, after a lower advert.",
    )
    .example("vrrp_garp_lower_prio_delay 5"),
    set(
        "vrrp_garp_lower_prio_repeat",
        "NUMBER",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.defaults.announce.lower_prio_repeat = Some(unsigned(ctx, word, 0)?);
            Ok(())
        },
        "Announcements a round after a lower advert.",
    )
    .example("vrrp_garp_lower_prio_repeat 5"),
    set(
        "vrrp_garp_master_refresh",
        "SECONDS",
        |d, ctx, w| garp_delay(ctx, w, |a| &mut a.master_refresh, &mut d.defaults.announce),
        "Between rounds while master; 0: none.",
    )
    .example("vrrp_garp_master_refresh 60"),
    set(
        "vrrp_garp_master_refresh_repeat",
        "NUMBER",
        |d, ctx, w| garp_repeat(ctx, w, |a| &mut a.master_refresh_repeat, &mut d.defaults.announce),
        "Announcements of such a round; 1.",
    )
    .example("vrrp_garp_master_refresh_repeat 1"),
    set(
        "vrrp_garp_interval",
        "SECONDS",
        |d, ctx, w| {
            d.global.garp_interval = interval(ctx, w)?;
            Ok(())
        },
        "Between gratuitous ARPs on an interface.",
    )
    .example("vrrp_garp_interval 0.001"),
    set(
        "vrrp_gna_interval",
        "SECONDS",
        |d, ctx, w| {
            d.global.gna_interval = interval(ctx, w)?;
            Ok(())
        },
        "Between unsolicited neighbour adverts on an interface.",
    )
    .example("vrrp_gna_interval 0.001"),
    set(
        "vrrp_min_garp",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.min_garp =
                ctx.worded_switch(w, true, |_| "Invalid value for vrrp_min_garp specified".to_owned())?;
            Ok(())
        },
        "One announcement, no second round.",
    )
    .example("vrrp_min_garp on"),
    set(
        "vrrp_garp_extra_if",
        "[all] SECONDS",
        |d, ctx, w| {
            d.defaults.garp_extra = Some(garp_extra(ctx, w, 1)?);
            Ok(())
        },
        "Announcements on other interfaces of addresses, so often.",
    )
    .example("vrrp_garp_extra_if all 100"),
    set(
        "vrrp_vmac_garp_intvl",
        "[all] SECONDS",
        |d, ctx, w| {
            d.defaults.garp_extra = Some(old_garp_extra(ctx, w, "vrrp_garp_extra_if", 1)?);
            Ok(())
        },
        "Old name of `vrrp_garp_extra_if`.",
    )
    .example("vrrp_vmac_garp_intvl 100"),
    // The protocol.
    set(
        "vrrp_down_timer_adverts",
        "1-100",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.defaults.down_timer_adverts = u32::try_from(ctx.whole(word, 1, 100)?).unwrap_or(3);
            Ok(())
        },
        "Adverts that must be missing before a backup takes over; 3.",
    )
    .example("vrrp_down_timer_adverts 3"),
    set(
        "vrrp_lower_prio_no_advert",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.lower_prio_no_advert = Some(plain_switch(ctx, w)?);
            Ok(())
        },
        "A lower advert is not answered (RFC 9568 §6.4.3).",
    )
    .example("vrrp_lower_prio_no_advert on"),
    set(
        "vrrp_higher_prio_send_advert",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.higher_prio_send_advert = plain_switch(ctx, w)?;
            Ok(())
        },
        "A higher advert is answered once before giving way.",
    )
    .example("vrrp_higher_prio_send_advert on"),
    set(
        "vrrp_owner_ignore_adverts",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.owner_ignore_adverts = plain_switch(ctx, w)?;
            Ok(())
        },
        "The owner of the addresses passes over others' adverts.",
    )
    .example("vrrp_owner_ignore_adverts on"),
    set(
        "vrrp_check_unicast_src",
        "",
        |d, _, _| on(&mut d.defaults.check_unicast_source),
        "Unicast adverts must come from a peer.",
    ),
    set(
        "vrrp_skip_check_adv_addr",
        "",
        |d, _, _| on(&mut d.defaults.skip_check_addresses),
        "The address list is checked only when the sender changes.",
    ),
    set("vrrp_strict", "", |d, _, _| on(&mut d.defaults.strict), "Nothing that the RFCs don't have."),
    set(
        "vrrp_notify_priority_changes",
        "[BOOL]",
        |d, ctx, w| {
            d.defaults.notify_priority_changes = global_switch(ctx, w)?;
            Ok(())
        },
        "Changes of priority are told to the pipes.",
    )
    .example("vrrp_notify_priority_changes on"),
    set(
        "vrrp_startup_delay",
        "SECONDS",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.defaults.startup_delay = ctx.seconds(word, 1_000, 4_294_967_295)?;
            Ok(())
        },
        "Nothing is sent nor judged before.",
    )
    .example("vrrp_startup_delay 5.5"),
    set(
        "vrrp_delay_after_boot",
        "SECONDS",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.defaults.startup_delay =
                d.defaults.startup_delay.max(ctx.seconds(word, 1_000, 4_294_967_295)?);
            Ok(())
        },
        "Likewise.",
    )
    .example("vrrp_delay_after_boot 5"),
    set(
        "log_unknown_vrids",
        "",
        |d, _, _| on(&mut d.defaults.log_unknown_vrids),
        "Adverts of unknown virtual routers are logged.",
    ),
    set(
        "vmac_prefix",
        "STRING",
        |d, ctx, w| {
            d.defaults.vmac_prefix = ctx.need(w)?.str().into_owned();
            Ok(())
        },
        "How macvlan interfaces' names start; vrrp.",
    )
    .example("vmac_prefix vr"),
    set(
        "vmac_addr_prefix",
        "STRING",
        |_, ctx, w| ctx.need(w).map(|_| ()),
        "How their names start where addresses have their own.",
    )
    .accepted("macvlan interfaces of addresses get the instance's prefix")
    .example("vmac_addr_prefix va"),
    set("dynamic_interfaces", "[allow_if_changes]", dynamic, "Interfaces may come and go.")
        .example("dynamic_interfaces allow_if_changes"),
    // Firewall.
    set("vrrp_iptables", "[IN [OUT]]", iptables, "Chains that keep packets from the addresses.")
        .example("vrrp_iptables"),
    set(
        "vrrp_ipsets",
        "[NAME …]",
        |d, _, w| {
            d.global.firewall.ipsets = Some(w.map(|word| word.str().into_owned()).collect());
            Ok(())
        },
        "Sets of addresses for those chains.",
    )
    .example("vrrp_ipsets keepalived"),
    set(
        "nftables",
        "[TABLE]",
        |d, _, w| {
            let table = w.next().map_or_else(|| "keepalived".to_owned(), |word| word.str().into_owned());
            d.global.firewall.nftables = Some(table);
            Ok(())
        },
        "The nftables table that keeps packets from the addresses.",
    )
    .example("nftables keepalived"),
    set(
        "nftables_priority",
        "NUMBER",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            let value = ctx.whole(word, i64::from(i32::MIN), i64::from(i32::MAX))?;
            d.global.firewall.nftables_priority = i32::try_from(value).ok();
            Ok(())
        },
        "Its chains' priority; -1.",
    )
    .example("nftables_priority -1"),
    set("nftables_counters", "", |d, _, _| on(&mut d.global.firewall.nftables_counters), "Its rules count."),
    set(
        "nftables_ifindex",
        "",
        |d, _, _| on(&mut d.global.firewall.nftables_ifindex),
        "Its sets hold interfaces' numbers.",
    ),
    set(
        "disable_local_igmp",
        "",
        |d, _, _| on(&mut d.global.firewall.disable_local_igmp),
        "No IGMP for groups of the link.",
    ),
];

fn version(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let Ok(number) = ctx.whole(word, 2, 3) else {
        return Err(Finding::tolerated(
            "bad-version",
            "VRRP Error: Version must be either 2 or 3",
            word.span,
        ));
    };
    d.defaults.version = if number == 3 { Version::V3 } else { Version::V2 };
    Ok(())
}

fn group6(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    d.defaults.group6 = multicast(ctx, word, true)?;
    if let IpAddr::V6(group) = d.defaults.group6
        && group.segments()[0] & 0xf != 2
    {
        let message = format!("{} [{group}] should be link-local multicast.", ctx.keyword);
        ctx.report(Finding::adjusted("not-link-local", message, word.span));
    }
    Ok(())
}

/// A whole number that is not negative.
pub(crate) fn unsigned(ctx: &mut Ctx<'_>, word: &evenkeel_base::Word, low: u32) -> Result<u32, Finding> {
    let value = ctx.whole(word, i64::from(low), i64::from(u32::MAX))?;
    Ok(u32::try_from(value).unwrap_or(u32::MAX))
}

/// `garp_…_delay`, `garp_…_refresh`: whole seconds.
pub(crate) fn garp_delay(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    place: fn(&mut AnnounceDraft) -> &mut Option<Duration>,
    announce: &mut AnnounceDraft,
) -> Outcome {
    let word = ctx.need(words)?;
    *place(announce) = Some(Duration::from_secs(u64::from(unsigned(ctx, word, 0)?)));
    Ok(())
}

/// `garp_…_repeat`: at least one.
pub(crate) fn garp_repeat(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    place: fn(&mut AnnounceDraft) -> &mut Option<u32>,
    announce: &mut AnnounceDraft,
) -> Outcome {
    let word = ctx.need(words)?;
    let mut number = unsigned(ctx, word, 0)?;
    if number == 0 {
        number = 1;
        let message = format!("{} must be greater than 0, setting to 1", ctx.keyword);
        ctx.report(Finding::adjusted("out-of-range", message, word.span));
    }
    *place(announce) = Some(number);
    Ok(())
}

fn interval(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Finding> {
    let word = ctx.need(words)?;
    let zero = super::context::microseconds(&word.str()) == Some(0);
    ctx.seconds(word, 1, 4_294_967_295).map_err(|fault| match zero {
        true => fault.note("0 is the default: the line can go"),
        false => fault,
    })
}

/// `[all] SECONDS`, up to a day.
pub(crate) fn garp_extra(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    low: i64,
) -> Result<(Duration, bool), Finding> {
    let all = words.take_if("all");
    let Some(word) = words.next() else {
        let message = format!("{} specified without time - ignoring", ctx.keyword);
        return Err(Finding::tolerated("missing-value", message, ctx.at));
    };
    let seconds = ctx.whole(word, low, 86_400)?;
    Ok((Duration::from_secs(seconds.unsigned_abs()), all))
}

/// The same under its old name.
pub(crate) fn old_garp_extra(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    today: &str,
    low: i64,
) -> Result<(Duration, bool), Finding> {
    let message = format!("Keyword \"{}\" is deprecated - please use \"{today}\"", ctx.keyword);
    ctx.report(Finding::adjusted("obsolete-keyword", message, ctx.at));
    garp_extra(ctx, words, low)
}

/// A switch whose mistakes the original does not quote.
fn plain_switch(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<bool, Finding> {
    let keyword = ctx.keyword;
    ctx.worded_switch(words, true, |_| format!("Invalid value for {keyword} specified"))
}

fn dynamic(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.global.dynamic_interfaces = Some(false);
    match words.next() {
        None => {}
        Some(word) if word.is("allow_if_changes") => d.global.dynamic_interfaces = Some(true),
        Some(word) => {
            let message = format!("Unknown dynamic_interfaces option '{word}'");
            ctx.report(Finding::tolerated("bad-value", message, word.span));
        }
    }
    Ok(())
}

/// Debian's keepalived has no iptables any more and says so; nftables does the same work.
fn iptables(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.global.firewall.iptables = Some(words.map(|word| word.str().into_owned()).collect());
    d.global.firewall.nftables.get_or_insert_with(|| "keepalived".to_owned());
    Err(Finding::adjusted(
        "iptables",
        "iptables not supported, using nftables instead. Please replace 'vrrp_iptables' and 'vrrp_ipsets' with 'nftables' config option",
        ctx.at,
    )
    .note("today: `nftables`"))
}
