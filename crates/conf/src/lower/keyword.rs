//! The registry of section keywords: one entry says name, place, support, function, one sentence, example.
//!
//! ```ignore
//! Keyword::proxy("timeout connect", Sections::BACK, connect, "Longest wait for a server's connection.")
//!     .example("timeout connect 5s"),
//! ```
//!
//! A function takes what it needs from the words after the keyword; words that it leaves are an error, reported by the
//! dispatcher. It says one fault with `Err`, more of them with `ctx.report`.

use std::collections::BTreeMap;
use std::ops::BitOr;

use evenkeel_base::{Diagnostic, Support, Words};
use evenkeel_plan::Global;

use super::context::Ctx;
use super::draft::ProxyDraft;
use crate::ast::SectionKind;

/// What a keyword's function says.
pub type Outcome = Result<(), Diagnostic>;

/// A keyword of the `global` section.
pub(crate) type GlobalFn = fn(&mut Global, &mut Ctx<'_>, &mut Words<'_>) -> Outcome;

/// A keyword of `defaults`, `frontend`, `backend` and `listen`.
pub(crate) type ProxyFn = fn(&mut ProxyDraft, &mut Ctx<'_>, &mut Words<'_>) -> Outcome;

/// A switch of a proxy that `option …` turns on and `no option …` off.
pub(crate) type SwitchFn = for<'a> fn(&'a mut ProxyDraft) -> &'a mut bool;

/// Where a keyword may stand, in the terms of the manual's matrix (§4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u8);

impl Sections {
    /// `global`.
    pub const GLOBAL: Sections = Sections(1);
    /// `defaults` without a name.
    pub const ANONYMOUS_DEFAULTS: Sections = Sections(1 << 1);
    /// `defaults` with a name.
    pub const NAMED_DEFAULTS: Sections = Sections(1 << 2);
    /// `frontend`.
    pub const FRONTEND: Sections = Sections(1 << 3);
    /// `listen`.
    pub const LISTEN: Sections = Sections(1 << 4);
    /// `backend`.
    pub const BACKEND: Sections = Sections(1 << 5);

    /// Both kinds of `defaults`.
    pub const DEFAULTS: Sections = Sections::ANONYMOUS_DEFAULTS.with(Sections::NAMED_DEFAULTS);
    /// Everywhere but `global` and `defaults`.
    pub const ANY_OWN: Sections = Sections::FRONTEND.with(Sections::LISTEN).with(Sections::BACKEND);
    /// Everywhere but `global`.
    pub const ANY: Sections = Sections::ANY_OWN.with(Sections::DEFAULTS);
    /// As `ANY_OWN`, and in named defaults.
    pub const ANY_NAMED: Sections = Sections::ANY_OWN.with(Sections::NAMED_DEFAULTS);
    /// `frontend` and `listen`.
    pub const FRONT_OWN: Sections = Sections::FRONTEND.with(Sections::LISTEN);
    /// `defaults`, `frontend`, `listen`.
    pub const FRONT: Sections = Sections::FRONT_OWN.with(Sections::DEFAULTS);
    /// Named defaults, `frontend`, `listen`.
    pub const FRONT_NAMED: Sections = Sections::FRONT_OWN.with(Sections::NAMED_DEFAULTS);
    /// `listen` and `backend`.
    pub const BACK_OWN: Sections = Sections::LISTEN.with(Sections::BACKEND);
    /// `defaults`, `listen`, `backend`.
    pub const BACK: Sections = Sections::BACK_OWN.with(Sections::DEFAULTS);
    /// Named defaults, `listen`, `backend`.
    pub const BACK_NAMED: Sections = Sections::BACK_OWN.with(Sections::NAMED_DEFAULTS);

    /// Both.
    pub const fn with(self, other: Sections) -> Sections {
        Sections(self.0 | other.0)
    }

    /// True if all of `other` is in `self`.
    pub const fn has(self, other: Sections) -> bool {
        self.0 & other.0 == other.0
    }

    /// True if they have something in common.
    pub const fn meets(self, other: Sections) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Sections {
    type Output = Sections;
    fn bitor(self, other: Sections) -> Sections {
        self.with(other)
    }
}

/// What is run for a keyword.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Apply {
    /// In `global`.
    Global(GlobalFn),
    /// In a proxy section.
    Proxy(ProxyFn),
    /// In a proxy section: a switch, off by default.
    Switch(SwitchFn),
    /// Nothing: the words are not looked at (accepted without effect, or refused).
    Nothing,
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// One to three words: `timeout client`, `capture request header`.
    pub name: &'static str,
    /// Where it may stand.
    pub sections: Sections,
    /// True if `no` and `default` may stand before it; the function asks `ctx.on(…)`.
    pub negatable: bool,
    /// How far it is supported.
    pub support: Support,
    /// What it does, one sentence.
    pub doc: &'static str,
    /// A line that uses it; `""` where the name alone is one.
    pub example: &'static str,
    /// Its function.
    pub(crate) apply: Apply,
}

impl Keyword {
    const fn new(
        name: &'static str,
        sections: Sections,
        support: Support,
        apply: Apply,
        doc: &'static str,
    ) -> Self {
        Keyword { name, sections, negatable: false, support, doc, example: "", apply }
    }

    /// A supported keyword of proxy sections.
    pub(crate) const fn proxy(
        name: &'static str,
        sections: Sections,
        apply: ProxyFn,
        doc: &'static str,
    ) -> Self {
        Self::new(name, sections, Support::Supported, Apply::Proxy(apply), doc)
    }

    /// A switch of proxy sections; `no` and `default` may stand before it.
    pub(crate) const fn switch(
        name: &'static str,
        sections: Sections,
        switch: SwitchFn,
        doc: &'static str,
    ) -> Self {
        Self::new(name, sections, Support::Supported, Apply::Switch(switch), doc).no()
    }

    /// A supported keyword of `global`.
    pub(crate) const fn global(name: &'static str, apply: GlobalFn, doc: &'static str) -> Self {
        Self::new(name, Sections::GLOBAL, Support::Supported, Apply::Global(apply), doc)
    }

    /// A keyword without effect here; its words are not looked at.
    pub(crate) const fn ignored(
        name: &'static str,
        sections: Sections,
        reason: &'static str,
        doc: &'static str,
    ) -> Self {
        Self::new(name, sections, Support::Accepted(reason), Apply::Nothing, doc)
    }

    /// A keyword that cannot be used; `reason` such as `not built yet: TLS`.
    pub(crate) const fn refused(
        name: &'static str,
        sections: Sections,
        reason: &'static str,
        doc: &'static str,
    ) -> Self {
        Self::new(name, sections, Support::Refused(reason), Apply::Nothing, doc)
    }

    /// `no` and `default` may stand before it.
    pub(crate) const fn no(mut self) -> Self {
        self.negatable = true;
        self
    }

    /// A line that uses it.
    pub(crate) const fn example(mut self, line: &'static str) -> Self {
        self.example = line;
        self
    }

    /// Its words are read and checked, but it has no effect here.
    pub(crate) const fn accepted(mut self, reason: &'static str) -> Self {
        self.support = Support::Accepted(reason);
        self
    }

    /// Old: works, with a warning that names today's form.
    pub(crate) const fn obsolete(mut self, today: &'static str) -> Self {
        self.support = Support::Obsolete(today);
        self
    }
}

/// An option within a line: of `bind`, `server`, `stats socket`. `F` is its function's type.
#[derive(Clone, Copy, Debug)]
pub struct LineOption<F> {
    /// Its name.
    pub name: &'static str,
    /// How far it is supported.
    pub support: Support,
    /// What it does, one sentence.
    pub doc: &'static str,
    /// Words after it that are passed over where it has no function.
    pub arguments: usize,
    /// Its function, if it has one.
    pub(crate) apply: Option<F>,
}

impl<F: Copy> LineOption<F> {
    /// A supported option.
    pub(crate) const fn new(name: &'static str, apply: F, doc: &'static str) -> Self {
        Self { name, support: Support::Supported, doc, arguments: 0, apply: Some(apply) }
    }

    /// An option that cannot be used; `arguments` words after it are passed over.
    pub(crate) const fn refused(name: &'static str, arguments: usize, reason: &'static str) -> Self {
        Self { name, support: Support::Refused(reason), doc: "", arguments, apply: None }
    }

    /// An option without effect; `arguments` words after it are passed over.
    pub(crate) const fn ignored(name: &'static str, arguments: usize, reason: &'static str) -> Self {
        Self { name, support: Support::Accepted(reason), doc: "", arguments, apply: None }
    }

    /// Its words are read and checked, but it has no effect here.
    pub(crate) const fn accepted(mut self, reason: &'static str) -> Self {
        self.support = Support::Accepted(reason);
        self
    }

    /// Old: works, with a warning that names today's form.
    pub(crate) const fn obsolete(mut self, today: &'static str) -> Self {
        self.support = Support::Obsolete(today);
        self
    }
}

/// Most words of options on a line that are gone through after the first fault: the rest is of no use then.
const FAULTS_MAX: usize = 8;

/// True for `name` and `name(…)`.
fn is_option(word: &evenkeel_base::Word, name: &str) -> bool {
    word.bytes()
        .strip_prefix(name.as_bytes())
        .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'('))
}

/// Runs the options of a line to its end. Faults are reported, several of one line too; of refused options only the
/// first of each reason (`ssl crt x alpn y` lacks one thing, not three).
pub(crate) fn run_options<D, F>(
    table: &'static [LineOption<F>],
    draft: &mut D,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    who: &str,
) where
    F: Copy + Fn(&mut D, &mut Ctx<'_>, &mut Words<'_>) -> Outcome,
{
    let line_keyword = ctx.keyword;
    let mut reasons: Vec<&'static str> = Vec::new();
    let mut faults = 0;
    while let Some(word) = words.next() {
        let Some(option) = table.iter().find(|o| is_option(word, o.name)) else {
            let near = evenkeel_base::near::nearest(&word.str(), table.iter().map(|o| o.name));
            let fault = match near {
                Some(near) => Diagnostic::error(
                    "unknown-option",
                    format!("{who}: unknown keyword '{word}'; did you mean '{near}' maybe ?"),
                    word.span,
                )
                .note(format!("did you mean `{near}`?")),
                None => {
                    Diagnostic::error("unknown-option", format!("{who}: unknown keyword '{word}'"), word.span)
                }
            };
            ctx.report(fault);
            // Its arguments, if any, would each be the next unknown one: go on at a known option.
            while words.peek().is_some_and(|next| !table.iter().any(|o| is_option(next, o.name))) {
                words.next();
            }
            faults += 1;
            if faults == FAULTS_MAX {
                words.take_rest();
            }
            continue;
        };
        ctx.keyword = option.name;
        if let Support::Refused(reason) = option.support
            && !reasons.contains(&reason)
        {
            reasons.push(reason);
            ctx.report(super::run::refused(option.name, reason, word.span));
        }
        let outcome = match option.apply {
            Some(apply) => apply(draft, ctx, words),
            None => {
                (0..option.arguments).for_each(|_| {
                    words.next();
                });
                Ok(())
            }
        };
        match outcome {
            Err(mut fault) => {
                if fault.code != "refused" {
                    fault.message = format!("{who} : {}", fault.message);
                }
                ctx.report(fault);
            }
            Ok(()) => ctx.report_support(option.name, option.support, word.span),
        }
    }
    ctx.keyword = line_keyword;
}

/// All topics.
pub const ALL: &[&[Keyword]] = &[
    super::global::KEYWORDS,
    super::global_rest::KEYWORDS,
    super::proxy::KEYWORDS,
    super::bind::KEYWORDS,
    super::server::KEYWORDS,
    super::timeouts::KEYWORDS,
    super::options::KEYWORDS,
    super::balance::KEYWORDS,
    super::cookie::KEYWORDS,
    super::logs::KEYWORDS,
    super::log_format::KEYWORDS,
    super::stats::KEYWORDS,
    super::errors::KEYWORDS,
    super::checks::KEYWORDS,
    super::captures::KEYWORDS,
    super::acls::KEYWORDS,
    super::rules::KEYWORDS,
    super::rules::LINES,
    super::routing::KEYWORDS,
    super::reach::KEYWORDS,
    super::obsolete::KEYWORDS,
    super::unbuilt::KEYWORDS,
];

/// Longest keyword, in words: `capture request header`.
const WORDS_MAX: usize = 3;

/// The registry by name.
#[derive(Debug)]
pub struct Index {
    by_name: BTreeMap<&'static str, Vec<&'static Keyword>>,
}

/// What a line's first words are.
#[derive(Debug)]
pub enum Found {
    /// A keyword that belongs here, and how many words its name has.
    Here(&'static Keyword, usize),
    /// A keyword that belongs elsewhere.
    Elsewhere(&'static Keyword, usize),
    /// Not a keyword, but others start with the same word: `option foo`.
    Family(&'static str),
    /// Nothing known.
    Unknown,
}

impl Default for Index {
    fn default() -> Self {
        let mut by_name: BTreeMap<&'static str, Vec<&'static Keyword>> = BTreeMap::new();
        for keyword in ALL.iter().copied().flatten() {
            by_name.entry(keyword.name).or_default().push(keyword);
        }
        Self { by_name }
    }
}

impl Index {
    /// The longest keyword that `words` start with, one that may stand in `here` before others.
    pub fn find(&self, words: &[evenkeel_base::Word], here: Sections) -> Found {
        let mut elsewhere = None;
        for count in (1..=words.len().min(WORDS_MAX)).rev() {
            let name = words[..count].iter().map(|w| w.str()).collect::<Vec<_>>().join(" ");
            // `http-check set-var(txn.x)`: what stands in parentheses is not part of the name.
            let bare = name.split('(').next().filter(|_| count > 1).unwrap_or(&name);
            let Some(entries) = self.by_name.get(bare) else { continue };
            if let Some(entry) = entries.iter().find(|k| k.sections.meets(here)) {
                return Found::Here(entry, count);
            }
            // Proxy sections and `global` have names in common: the entry of the same world tells more.
            let near = entries.iter().find(|k| k.sections.meets(Sections::ANY) == here.meets(Sections::ANY));
            elsewhere = elsewhere.or(near.or(entries.first()).map(|entry| (*entry, count)));
        }
        if let Some((entry, count)) = elsewhere {
            return Found::Elsewhere(entry, count);
        }
        let family = words.first().and_then(|first| {
            let prefix = format!("{} ", first.str());
            self.by_name.keys().find(|name| name.starts_with(&prefix)).map(|name| &name[..prefix.len() - 1])
        });
        family.map_or(Found::Unknown, Found::Family)
    }

    /// True if some entry has this name.
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The entries of a name.
    pub fn entries(&self, name: &str) -> &[&'static Keyword] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names that may stand in `here`.
    pub fn names(&self, here: Sections) -> impl Iterator<Item = &'static str> + '_ {
        self.by_name
            .iter()
            .filter(move |(_, e)| e.iter().any(|k| k.sections.meets(here)))
            .map(|(name, _)| *name)
    }

    /// The second words of a family's names that may stand in `here`: `client`, `server`… of `timeout`.
    pub fn family(&self, first: &str, here: Sections) -> Vec<&'static str> {
        let prefix = format!("{first} ");
        self.names(here).filter_map(|name| name.strip_prefix(prefix.as_str())).collect()
    }
}

/// The place that a section is for keywords; `named` matters for `defaults`.
pub(crate) fn place(kind: SectionKind, named: bool) -> Option<Sections> {
    match kind {
        SectionKind::Global => Some(Sections::GLOBAL),
        SectionKind::Defaults if named => Some(Sections::NAMED_DEFAULTS),
        SectionKind::Defaults => Some(Sections::ANONYMOUS_DEFAULTS),
        SectionKind::Frontend => Some(Sections::FRONTEND),
        SectionKind::Backend => Some(Sections::BACKEND),
        SectionKind::Listen => Some(Sections::LISTEN),
        SectionKind::Peers
        | SectionKind::Resolvers
        | SectionKind::Mailers
        | SectionKind::Userlist
        | SectionKind::Cache
        | SectionKind::Program
        | SectionKind::HttpErrors
        | SectionKind::Ring
        | SectionKind::LogForward
        | SectionKind::LogProfile
        | SectionKind::FcgiApp
        | SectionKind::CrtStore
        | SectionKind::Traces
        | SectionKind::Acme
        | SectionKind::Healthcheck
        | SectionKind::NamespaceList
        | SectionKind::Unknown => None,
    }
}
