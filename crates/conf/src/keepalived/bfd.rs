//! Keywords: `bfd_instance` (RFC 5880). Two daemons read it: BFD runs it, the keeper tracks it.

use std::net::IpAddr;

use evenkeel_base::Words;
use evenkeel_base::time::Duration;

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global::on;
use super::keyword::{BFD, Block, CHECKER, Keyword, LineFn, Outcome, Readers, VRRP};
use super::track;

/// Longest name.
const NAME_MAX: usize = 31;

/// Who reads the block.
const ALL: Readers = BFD.with(VRRP).with(CHECKER);

const fn line(name: &'static str, args: &'static str, apply: LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, Block::Bfd, ALL, args, apply, doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "bfd_instance",
        Block::Top,
        ALL,
        "NAME",
        (Block::Bfd, open, close),
        "A neighbour that is watched by BFD.",
    )
    .example("bfd_instance b {\n neighbor_ip 10.0.0.9\n}"),
    line("neighbor_ip", "ADDRESS", neighbor, "The neighbour.").example("neighbor_ip 10.0.0.9"),
    line("neighbour_ip", "ADDRESS", neighbor, "The neighbour.").example("neighbour_ip 10.0.0.9"),
    line("source_ip", "ADDRESS", source, "The own address.").example("source_ip 10.0.0.1"),
    line(
        "min_rx",
        "MILLISECONDS",
        |d, ctx, w| {
            d.bfd.min_rx = millis(ctx, w, 1)?;
            Ok(())
        },
        "How often packets may come; 10.",
    )
    .example("min_rx 10"),
    line(
        "min_tx",
        "MILLISECONDS",
        |d, ctx, w| {
            d.bfd.min_tx = millis(ctx, w, 1)?;
            Ok(())
        },
        "How often packets are sent; 10.",
    )
    .example("min_tx 10"),
    line(
        "idle_tx",
        "MILLISECONDS",
        |d, ctx, w| {
            d.bfd.idle_tx = millis(ctx, w, 1_000)?;
            Ok(())
        },
        "How often while down; 1000.",
    )
    .example("idle_tx 1000"),
    line(
        "multiplier",
        "1…255",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            d.bfd.multiplier = u8::try_from(ctx.whole(word, 1, 255)?).unwrap_or(5);
            Ok(())
        },
        "Missing packets that mean down; 5.",
    )
    .example("multiplier 5"),
    line("passive", "", |d, _, _| on(&mut d.bfd.passive), "Waits for the neighbour to begin."),
    line("ttl", "1…255", ttl, "Of packets sent; 255.").example("ttl 255"),
    line("hoplimit", "1…255", ttl, "Of IPv6 packets sent; 64.").example("hoplimit 64"),
    line(
        "max_hops",
        "-1…255",
        |d, ctx, w| {
            let word = ctx.need(w)?;
            let hops = ctx.whole(word, -1, 255)?;
            d.bfd.max_hops = Some(u8::try_from(hops).unwrap_or(u8::MAX));
            Ok(())
        },
        "Hops that packets may have come; 0.",
    )
    .example("max_hops 1"),
    line("multihop", "", |d, _, _| on(&mut d.bfd.multihop), "By RFC 5883 instead of RFC 5881."),
    line(
        "weight",
        "-253…253 [reverse]",
        |d, ctx, w| {
            d.bfd.weight = track::weight(ctx, w, 253)?;
            Ok(())
        },
        "What it does to priorities; 0: its loss is a fault.",
    )
    .example("weight 10"),
    line("vrrp", "", |d, _, _| on(&mut d.bfd.told.0), "Only the keeper is told."),
    line("checker", "", |d, _, _| on(&mut d.bfd.told.1), "Only the director is told."),
];

fn open(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.bfd = Default::default();
    let of = track::name(ctx, words)?;
    if of.name.len() > NAME_MAX {
        let message = format!(
            "Configuration error: BFD instance {} name too long (maximum length is {NAME_MAX} characters) - ignoring",
            of.name
        );
        return Err(Finding::tolerated("name-too-long", message, of.span));
    }
    d.bfd.of = of;
    Ok(())
}

fn address(
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    name: &str,
    what: &str,
    then: &str,
) -> Result<IpAddr, Finding> {
    let word = ctx.need(words)?;
    word.str().parse().map_err(|_| {
        let message =
            format!("Configuration error: BFD instance {name} has malformed {what} address {word}, {then}");
        Finding::tolerated("bad-address", message, word.span)
    })
}

fn neighbor(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let found = address(ctx, words, &d.bfd.of.name, "neighbor", "ignoring instance");
    d.bfd.bad |= found.is_err();
    d.bfd.neighbor = Some(found?);
    Ok(())
}

fn source(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    d.bfd.source = Some(address(ctx, words, &d.bfd.of.name, "source", "ignoring")?);
    Ok(())
}

/// Milliseconds with three more places.
fn millis(ctx: &mut Ctx<'_>, words: &mut Words<'_>, low: u64) -> Result<Duration, Finding> {
    const MOST_MS: u64 = 4_294_967;
    let word = ctx.need(words)?;
    let text = word.str();
    let fault = |message: String| Finding::tolerated("out-of-range", message, word.span);
    // As seconds it has six places; three of them are microseconds here.
    let Some(us) = super::context::microseconds(&text).map(|n| n / 1_000) else {
        return Err(fault(format!("{}: invalid number '{text}'", ctx.keyword)));
    };
    if !(low * 1_000..=MOST_MS * 1_000).contains(&us) {
        return Err(fault(format!("{}: number '{text}' outside range [{low}, {MOST_MS}]", ctx.keyword)));
    }
    Ok(Duration::from_micros(us))
}

fn ttl(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    d.bfd.ttl = u8::try_from(ctx.whole(word, 1, 255)?).ok();
    Ok(())
}

fn close(d: &mut Draft, ctx: &mut Ctx<'_>) {
    let bfd = std::mem::take(&mut d.bfd);
    if bfd.bad {
        return;
    }
    let drop = |ctx: &mut Ctx<'_>, code, what: String| {
        let message = format!("Configuration error: BFD instance {} {what}", bfd.of.name);
        ctx.report(Finding::tolerated(code, message, bfd.of.span));
    };
    let Some(neighbor) = bfd.neighbor else {
        return drop(ctx, "missing-neighbor", "has no neighbor address set, disabling instance".to_owned());
    };
    if let Some(source) = bfd.source
        && source.is_ipv4() != neighbor.is_ipv4()
    {
        let what = format!(
            "source address {source} and neighbor address {neighbor} are not of the same family, disabling instance"
        );
        return drop(ctx, "mixed-families", what);
    }
    // The keeper's reading fills the draft; the others' only finds what is wrong.
    if ctx.reader != VRRP {
        return;
    }
    if d.bfds.iter().any(|known| known.of.name == bfd.of.name) {
        return drop(ctx, "twice", "already configured - ignoring".to_owned());
    }
    if d.bfds.iter().any(|known| known.neighbor == Some(neighbor)) {
        return drop(ctx, "twice", format!("has duplicate neighbor address {neighbor}, ignoring instance"));
    }
    d.bfds.push(bfd);
}
