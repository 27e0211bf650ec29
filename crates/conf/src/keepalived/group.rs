//! Keywords: `vrrp_sync_group`, and `notify…` of groups and instances.

use evenkeel_base::Words;

use super::context::Ctx;
use super::draft::{Draft, Named, NotifyDraft};
use super::finding::Finding;
use super::global::on;
use super::keyword::{Block, Keyword, LineFn, Outcome, VRRP, no_end};
use super::script;
use super::track::{self, Kind};

const S: Block = Block::SyncGroup;

const fn line(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, S, VRRP, args, apply, doc)
}

const fn notify(name: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, S, VRRP, "COMMAND [USER [GROUP]]", apply, doc)
}

/// A list of names to track.
const fn list(name: &'static str, args: &'static str, item: LineFn, doc: &'static str) -> Keyword {
    Keyword::list(name, S, VRRP, args, (plain_list, item, no_end), doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "vrrp_sync_group",
        Block::Top,
        VRRP,
        "NAME",
        (S, open, close),
        "Instances that go together.",
    )
    .example("vrrp_sync_group g {\n group {\n other\n another\n }\n}"),
    Keyword::list("group", S, VRRP, "{ INSTANCE … }", (members, member, members_end), "Which.")
        .example("group {\n other\n another\n}"),
    list(
        "track_interface",
        "{ NAME [weight N] … }",
        |d, ctx, w| track::track_group(d, ctx, w, Kind::Interface),
        "Interfaces that count for all.",
    )
    .example("track_interface {\n eth1\n}"),
    list(
        "track_script",
        "{ NAME [weight N] … }",
        |d, ctx, w| track::track_group(d, ctx, w, Kind::Script),
        "Scripts that count for all.",
    )
    .example("track_script {\n chk\n}"),
    list(
        "track_file",
        "{ NAME [weight N] … }",
        |d, ctx, w| track::track_group(d, ctx, w, Kind::File),
        "Files that count for all.",
    )
    .example("track_file {\n f\n}"),
    list(
        "track_process",
        "{ NAME [weight N] … }",
        |d, ctx, w| track::track_group(d, ctx, w, Kind::Process),
        "Processes that count for all.",
    )
    .example("track_process {\n p\n}"),
    list(
        "track_bfd",
        "{ NAME [weight N] … }",
        |d, ctx, w| track::track_group(d, ctx, w, Kind::Bfd),
        "Neighbours that count for all.",
    )
    .example("track_bfd {\n b\n}"),
    notify(
        "notify_master",
        |d, ctx, w| say(ctx, w, &mut d.group.notify, &d.group.of),
        "Run on becoming master.",
    )
    .example("notify_master /bin/true"),
    notify(
        "notify_backup",
        |d, ctx, w| say(ctx, w, &mut d.group.notify, &d.group.of),
        "Run on becoming backup.",
    )
    .example("notify_backup /bin/true"),
    notify("notify_fault", |d, ctx, w| say(ctx, w, &mut d.group.notify, &d.group.of), "Run on a fault.")
        .example("notify_fault /bin/true"),
    notify("notify_stop", |d, ctx, w| say(ctx, w, &mut d.group.notify, &d.group.of), "Run at the end.")
        .example("notify_stop /bin/true"),
    notify(
        "notify",
        |d, ctx, w| say(ctx, w, &mut d.group.notify, &d.group.of),
        "Run on every transition, with four more words.",
    )
    .example("notify /bin/true"),
    line(
        "notify_priority_changes",
        "[BOOL]",
        |d, ctx, w| {
            let name = d.group.of.name.clone();
            d.group.notify.priority_changes = Some(ctx.worded_switch(w, true, |value| {
                format!("({name}) Invalid value '{value}' for sync group notify_priority_changes specified")
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
            d.group.notify.mail = Some(ctx.worded_switch(w, true, |value| {
                format!("Invalid vrrp_group smtp_alert parameter {value}")
            })?);
            Ok(())
        },
        "Mails of transitions.",
    )
    .example("smtp_alert on"),
    line(
        "global_tracking",
        "",
        |d, ctx, _| {
            d.group.global_tracking = true;
            let message = format!(
                "({}) global_tracking is deprecated. Use track_interface/script/file on the sync group",
                d.group.of.name
            );
            Err(Finding::adjusted("obsolete-keyword", message, ctx.at))
        },
        "Members' tracks count for all. Old.",
    ),
    line(
        "sync_group_tracking_weight",
        "",
        |d, _, _| on(&mut d.group.tracking_weight),
        "Members keep their weights.",
    ),
];

/// A list whose own line has nothing to read.
pub(crate) fn plain_list(_: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    ctx.no_block_words(words);
    Ok(())
}

fn open(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.group = Default::default();
    if words.rest().len() != 1 {
        words.take_rest();
        return Err(Finding::tolerated(
            "missing-name",
            "vrrp_sync_group must have a name - skipping",
            ctx.at,
        ));
    }
    d.group.of = track::name(ctx, words)?;
    if d.groups.iter().any(|known| known.of.name == d.group.of.name) {
        let message = format!("vrrp sync group {} already defined", d.group.of.name);
        return Err(Finding::tolerated("twice", message, d.group.of.span));
    }
    Ok(())
}

fn members(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if d.group.listed {
        let message = format!("Group list already specified for sync group {}", d.group.of.name);
        return Err(Finding::tolerated("twice", message, ctx.at));
    }
    d.group.listed = true;
    ctx.no_block_words(words);
    Ok(())
}

fn member(d: &mut Draft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.group.members.extend(words.map(|word| Named { name: word.str().into_owned(), span: word.span }));
    Ok(())
}

fn members_end(d: &mut Draft, ctx: &mut Ctx<'_>) {
    if d.group.members.is_empty() {
        let message = format!("Warning - sync group {} has empty group block", d.group.of.name);
        ctx.report(Finding::tolerated("empty-block", message, ctx.at));
    }
}

/// `notify_…`: one of each kind.
pub(crate) fn say(ctx: &mut Ctx<'_>, words: &mut Words<'_>, notify: &mut NotifyDraft, of: &Named) -> Outcome {
    let keyword = ctx.keyword;
    if let (Some(known), Some(word)) = (notify.scripts.get(keyword), words.peek()) {
        let message = format!("({}) {keyword} script already specified - ignoring {word}", of.name);
        let finding = Finding::tolerated("twice", message, ctx.at).label(known.span, "the first one counts");
        words.take_rest();
        return Err(finding);
    }
    if let Some(plan) = script::command_with_user(ctx, words)? {
        notify.scripts.insert(keyword, plan);
    }
    Ok(())
}

fn close(d: &mut Draft, _: &mut Ctx<'_>) {
    let group = std::mem::take(&mut d.group);
    d.groups.push(group);
}
