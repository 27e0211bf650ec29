//! Keywords outside instances: `static_…`, `track_group`, `linkbeat_interfaces`, `interface_up_down_delays`, `garp_group`.

use evenkeel_base::Words;
use evenkeel_base::time::Duration;

use super::address::{self, Place};
use super::context::Ctx;
use super::draft::{Draft, Named};
use super::finding::Finding;
use super::group::plain_list;
use super::keyword::{Block, EndFn, Keyword, LineFn, Outcome, VRRP, no_end, no_words};
use super::{route, rule, track};

const fn list(name: &'static str, args: &'static str, item: LineFn, doc: &'static str) -> Keyword {
    Keyword::list(name, Block::Top, VRRP, args, (plain_list, item, no_end as EndFn), doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    list(
        "static_ipaddress",
        "{ ADDRESS[/LENGTH] [dev NAME] [track_group NAME] … }",
        |d, ctx, w| {
            if let Some(found) = address::line(d, ctx, w, Place::Static) {
                d.static_addresses.push(found);
            }
            w.take_rest();
            Ok(())
        },
        "Addresses that stay.",
    )
    .example("static_ipaddress {\n 10.0.0.7/24 dev eth0\n}"),
    list(
        "static_routes",
        "{ ROUTE … }",
        |d, ctx, w| {
            if let Some(found) = route::line(d, ctx, w, Place::Static)? {
                d.static_routes.push(found);
            }
            Ok(())
        },
        "Routes that stay.",
    )
    .example("static_routes {\n 10.1.0.0/24 via 10.0.0.9 dev eth0\n}"),
    list(
        "static_rules",
        "{ RULE … }",
        |d, ctx, w| {
            if let Some(found) = rule::line(d, ctx, w, Place::Static)? {
                d.static_rules.push(found);
            }
            Ok(())
        },
        "Rules that stay.",
    )
    .example("static_rules {\n from 10.2.0.0/24 table 5 preference 100\n}"),
    Keyword::block(
        "track_group",
        Block::Top,
        VRRP,
        "NAME",
        (Block::StaticGroup, open_group, close_group),
        "Instances that track static addresses, routes and rules.",
    )
    .example("track_group g {\n group {\n other\n }\n}"),
    Keyword::list(
        "group",
        Block::StaticGroup,
        VRRP,
        "{ INSTANCE … }",
        (group_list, member, group_end),
        "Which.",
    )
    .example("group {\n other\n}"),
    list(
        "linkbeat_interfaces",
        "{ NAME [MII|ETHTOOL|IOCTL] … }",
        linkbeat,
        "Interfaces that are polled for their carrier.",
    )
    .example("linkbeat_interfaces {\n eth0 MII\n}"),
    list(
        "interface_up_down_delays",
        "{ NAME DOWN [UP] … }",
        delays,
        "How long an interface must be down, or up, to count.",
    )
    .example("interface_up_down_delays {\n eth0 1.5 2\n}"),
    Keyword::block(
        "garp_group",
        Block::Top,
        VRRP,
        "",
        (Block::GarpGroup, open_garp, close_garp),
        "Gaps between announcements on interfaces.",
    )
    .example("garp_group {\n garp_interval 0.01\n interface eth0\n}"),
    Keyword::line(
        "garp_interval",
        Block::GarpGroup,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.garp.garp_interval = gap(ctx, w)?;
            d.garp_delays = true;
            Ok(())
        },
        "Between gratuitous ARPs.",
    )
    .example("garp_interval 0.01"),
    Keyword::line(
        "gna_interval",
        Block::GarpGroup,
        VRRP,
        "SECONDS",
        |d, ctx, w| {
            d.garp.gna_interval = gap(ctx, w)?;
            d.garp_delays = true;
            Ok(())
        },
        "Between unsolicited neighbour adverts.",
    )
    .example("gna_interval 0.01"),
    Keyword::line(
        "interface",
        Block::GarpGroup,
        VRRP,
        "NAME",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            let message = format!("WARNING - interface {word} specified for garp_group doesn't exist");
            let id = track::interface(d, ctx, word, message);
            d.garp.interfaces.push(id);
            Ok(())
        },
        "Where.",
    )
    .example("interface eth0"),
    Keyword::list(
        "interfaces",
        Block::GarpGroup,
        VRRP,
        "{ NAME … }",
        (plain_list, garp_interface, no_end),
        "Where, together.",
    )
    .example("interfaces {\n eth0\n eth1\n}"),
];

fn open_group(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.rest().len() != 1 {
        words.take_rest();
        return Err(Finding::tolerated("missing-name", "track_group must have a name - skipping", ctx.at));
    }
    let of = track::name(ctx, words)?;
    if d.static_groups.iter().any(|(known, _)| *known == of.name) {
        let message = format!("track_group {} already defined", of.name);
        return Err(Finding::tolerated("twice", message, of.span));
    }
    d.static_group = (of.name, Vec::new());
    Ok(())
}

fn group_list(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.no_block_words(words);
    Ok(())
}

fn member(d: &mut Draft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.static_group.1.extend(words.map(|word| Named { name: word.str().into_owned(), span: word.span }));
    Ok(())
}

fn group_end(d: &mut Draft, ctx: &mut Ctx<'_>) {
    if d.static_group.1.is_empty() {
        let message = format!("Warning - track group {} has empty group block", d.static_group.0);
        ctx.report(Finding::tolerated("empty-block", message, ctx.at));
    }
}

fn close_group(d: &mut Draft, _: &mut Ctx<'_>) {
    let group = std::mem::take(&mut d.static_group);
    d.static_groups.push(group);
}

fn linkbeat(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let name = word.str();
    if !ctx.outside.has_interface(&name) {
        words.take_rest();
        let message = format!("unknown interface {name} specified for linkbeat interface");
        return Err(Finding::tolerated("missing-interface", message, word.span));
    }
    let how = match words.next() {
        None => None,
        Some(how) if matches!(&*how.str(), "MII" | "ETHTOOL" | "IOCTL") => Some(how.str().into_owned()),
        Some(how) => {
            let message = format!("extra characters {how} in linkbeat interface");
            ctx.report(Finding::tolerated("bad-value", message, how.span).note("MII, ETHTOOL or IOCTL"));
            None
        }
    };
    let id = d.interfaces.id(&name);
    d.global.linkbeat.push((id, how));
    Ok(())
}

fn delays(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const MOST_US: u64 = 255_000_000;
    let word = ctx.need(words)?;
    let name = word.str();
    if !ctx.outside.has_interface(&name) {
        words.take_rest();
        let message = format!("unknown interface {name} specified for up/down delay");
        return Err(Finding::tolerated("missing-interface", message, word.span));
    }
    let first = ctx.need(words)?;
    let down = ctx.seconds(first, 0, MOST_US)?;
    let up = match words.next() {
        Some(word) => ctx.seconds(word, 0, MOST_US)?,
        None => down,
    };
    let id = d.interfaces.id(&name);
    d.global.interface_delays.push((id, down, up));
    Ok(())
}

fn open_garp(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.garp = evenkeel_plan::keeper::global::GarpGroup {
        garp_interval: Duration::ZERO,
        gna_interval: Duration::ZERO,
        interfaces: Vec::new(),
    };
    d.garp_delays = false;
    no_words(d, ctx, words)
}

fn gap(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Finding> {
    let word = ctx.need(words)?;
    ctx.seconds(word, 0, 2_147_483_647)
}

fn garp_interface(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    for word in words {
        let message = format!("WARNING - interface {word} specified for garp_group doesn't exist");
        let id = track::interface(d, ctx, word, message);
        if d.garp.interfaces.contains(&id) {
            let message = format!("garp_group already specified for {word} - ignoring");
            ctx.report(Finding::tolerated("twice", message, word.span));
        } else {
            d.garp.interfaces.push(id);
        }
    }
    Ok(())
}

fn close_garp(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let group = d.garp.clone();
    if !d.garp_delays {
        let message =
            format!("garp group {} does not have any delay set - removing", d.global.garp_groups.len());
        ctx.report(Finding::tolerated("missing-value", message, ctx.at));
        return;
    }
    d.global.garp_groups.push(group);
}
