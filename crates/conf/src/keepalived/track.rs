//! The lists that track something (`track_script`, `track_interface`, …), names, weights, interfaces.

use evenkeel_base::{Span, Word, Words};
use evenkeel_vrrp::conf::InterfaceId;

use super::context::Ctx;
use super::draft::{Draft, Named, Tracked, UseDraft, Weight};
use super::finding::Finding;
use super::keyword::Outcome;

/// Longest name of an interface: the kernel's `IFNAMSIZ`, less the zero.
pub(crate) const INTERFACE_NAME_MAX: usize = 15;

/// The name after a block's keyword; without one the original ends.
pub(crate) fn name(ctx: &Ctx<'_>, words: &mut Words<'_>) -> Result<Named, Finding> {
    let word = ctx.need(words)?;
    Ok(Named { name: word.str().into_owned(), span: ctx.at.to(word.span) })
}

/// `N [reverse|noreverse]`.
pub(crate) fn weight(ctx: &mut Ctx<'_>, words: &mut Words<'_>, most: i64) -> Result<Weight, Finding> {
    let word = ctx.need(words)?;
    let value = i32::try_from(ctx.whole(word, -most, most)?).unwrap_or(0);
    let reverse = match words.next() {
        None => false,
        Some(word) if word.is("reverse") => true,
        Some(word) if word.is("noreverse") => false,
        Some(word) => {
            let message = format!("unknown weight option {word} - ignoring");
            ctx.report(Finding::tolerated("bad-value", message, word.span).note("reverse or noreverse"));
            false
        }
    };
    Ok(Weight { value, reverse, span: ctx.line })
}

/// The kinds of track lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `track_script`.
    Script,
    /// `track_interface`.
    Interface,
    /// `track_file`.
    File,
    /// `track_process`.
    Process,
    /// `track_bfd`.
    Bfd,
}

impl Kind {
    /// In messages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Kind::Script => "script",
            Kind::Interface => "interface",
            Kind::File => "file",
            Kind::Process => "process",
            Kind::Bfd => "bfd",
        }
    }

    fn list(self, tracked: &mut Tracked) -> &mut Vec<UseDraft> {
        match self {
            Kind::Script => &mut tracked.scripts,
            Kind::Interface => &mut tracked.interfaces,
            Kind::File => &mut tracked.files,
            Kind::Process => &mut tracked.processes,
            Kind::Bfd => &mut tracked.bfds,
        }
    }

    /// The greatest weight.
    const fn most(self) -> i64 {
        match self {
            Kind::File | Kind::Process => 254,
            Kind::Script | Kind::Interface | Kind::Bfd => 253,
        }
    }
}

/// A name in a track list that nothing above it defines.
#[derive(Clone, Debug)]
pub(crate) struct Late {
    /// Which list.
    pub(crate) kind: Kind,
    /// The name.
    pub(crate) of: Named,
    /// Of which instance or group.
    pub(crate) who: String,
}

/// True if something of this kind and name is defined already.
pub(crate) fn is_defined(d: &Draft, kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Script => d.scripts.iter().any(|s| s.of.name == name),
        Kind::Interface => true,
        Kind::File => d.files.iter().any(|s| s.of.name == name),
        Kind::Process => d.processes.iter().any(|s| s.of.name == name),
        Kind::Bfd => d.bfds.iter().any(|s| s.of.name == name),
    }
}

/// A line of a track list of the open instance.
pub(crate) fn track_instance(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, kind: Kind) -> Outcome {
    let who = d.instance.of.name.clone();
    let mut tracked = std::mem::take(&mut d.instance.tracked);
    let outcome = track(d, ctx, words, kind, &who, &mut tracked);
    d.instance.tracked = tracked;
    if outcome.is_ok() {
        let name = Kind::list(kind, &mut d.instance.tracked).last().map(|used| used.of.clone());
        if let Some(of) = name {
            let own = own_weight(d, kind, &of.name);
            let said = Kind::list(kind, &mut d.instance.tracked).last().and_then(|used| used.weight);
            if let Some(weight) = said.or(own).filter(|weight| weight.span != Span::default()) {
                d.instance.places.note(format!("weight/{}", of.name), weight.span);
            }
            d.instance.places.note(format!("track_{}/{}", kind.word(), of.name), of.span);
        }
    }
    outcome
}

/// The weight that a tracked block has of its own.
fn own_weight(d: &Draft, kind: Kind, name: &str) -> Option<Weight> {
    match kind {
        Kind::Script => d.scripts.iter().find(|s| s.of.name == name).map(|s| s.weight),
        Kind::File => d.files.iter().find(|f| f.of.name == name).map(|f| f.weight),
        Kind::Process => d.processes.iter().find(|p| p.of.name == name).map(|p| p.weight),
        Kind::Bfd => d.bfds.iter().find(|b| b.of.name == name).map(|b| b.weight),
        Kind::Interface => None,
    }
}

/// A line of a track list of the open group.
pub(crate) fn track_group(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, kind: Kind) -> Outcome {
    let who = d.group.of.name.clone();
    let mut tracked = std::mem::take(&mut d.group.tracked);
    let outcome = track(d, ctx, words, kind, &who, &mut tracked);
    d.group.tracked = tracked;
    outcome
}

/// A line of a track list. `who` is the instance or group. What is tracked must be defined above.
fn track(
    d: &mut Draft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    kind: Kind,
    who: &str,
    tracked: &mut Tracked,
) -> Outcome {
    let word = ctx.need(words)?;
    let of = Named { name: word.str().into_owned(), span: word.span };
    if kind == Kind::Interface {
        let message = format!("({who}) tracked interface {} doesn't exist", of.name);
        interface(d, ctx, word, message);
    } else if !is_defined(d, kind, &of.name) {
        words.take_rest();
        d.late.push(Late { kind, of, who: who.to_owned() });
        return Ok(());
    }
    let list = kind.list(tracked);
    if list.iter().any(|used| used.of.name == of.name) {
        words.take_rest();
        let message = format!("({who}) duplicate track_{} {} - ignoring", kind.word(), of.name);
        return Err(Finding::tolerated("twice", message, word.span));
    }
    let mut given = None;
    while let Some(option) = words.next() {
        if !option.is("weight") {
            let message = format!("({who}) unknown track {} option {option} - ignoring", kind.word());
            let finding = Finding::tolerated("bad-value", message, option.span);
            ctx.report(match option.str().split_once('=') {
                Some(("weight", value)) => finding.note(format!("write `weight {value}`, with a blank")),
                _ => finding.note("wanted: weight N [reverse|noreverse]"),
            });
            words.take_rest();
            break;
        }
        if words.is_empty() {
            let message = format!(
                "({who}) weight without value specified for track {} {} - ignoring",
                kind.word(),
                of.name
            );
            ctx.report(Finding::tolerated("missing-value", message, option.span));
            break;
        }
        given = list_weight(ctx, words, kind, who, &of.name);
    }
    list.push(UseDraft { of, weight: given });
    Ok(())
}

/// The weight of such a line. ±254 is taken for ±253, as by the original.
fn list_weight(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    kind: Kind,
    who: &str,
    name: &str,
) -> Option<Weight> {
    let most = kind.most();
    let clamp = |word: &Word| matches!(&*word.str(), "254" | "-254") && most == 253;
    let result = match words.peek().filter(|word| clamp(word)) {
        Some(word) => {
            let message = format!("({who}) weight for {name} cannot be +/-254. Setting to +/-253");
            ctx.report(Finding::adjusted("out-of-range", message, word.span));
            weight(ctx, words, 254).map(|w| Weight { value: w.value.clamp(-253, 253), ..w })
        }
        None => weight(ctx, words, most),
    };
    match result {
        Ok(weight) => Some(weight),
        Err(fault) => {
            ctx.report(fault);
            None
        }
    }
}

/// Notes that an interface is named; says `message` where the system does not have it.
pub(crate) fn interface(d: &mut Draft, ctx: &mut Ctx<'_>, word: &Word, message: String) -> InterfaceId {
    let name = word.str();
    let id = d.interfaces.id(&name);
    if !ctx.outside.has_interface(&name) {
        let finding = match d.global.dynamic_interfaces {
            Some(_) => Finding::remark("missing-interface", message, word.span).note("it may come later"),
            None => {
                d.interfaces.missing.push(word.span);
                Finding::tolerated("missing-interface", message, word.span)
                    .note("the system has no such interface")
            }
        };
        ctx.report(finding);
    }
    id
}
