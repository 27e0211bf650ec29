//! Proxy sections as a whole: heads, `defaults` and their inheritance, misplaced keywords, what happens at a section's
//! end; and the plain keywords that set one value of a proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_base::{Diagnostic, Level, ProxyId, SourceMap, Span, Word, Words};
use evenkeel_expr::AclTable;
use evenkeel_expr::env::Names;
use evenkeel_plan::{Global, Mode, Plan, ProxyKind};

use super::context::Ctx;
use super::draft::{LogLine, ProxyDraft, numbers};
use super::keyword::{Apply, Index, Keyword, Outcome, Sections};
use super::names::{has_back, has_front};
use super::run::{Target, run_line};
use super::{args, balance, bind, captures, checks, cookie, log_format, options, rules, server};
use crate::ast::Section;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "mode",
        Sections::ANY,
        mode,
        "Whether bytes (`tcp`) or HTTP exchanges (`http`) are carried.",
    )
    .example("mode http"),
    Keyword::proxy("disabled", Sections::ANY, disabled, "The section is read, but doesn't run."),
    Keyword::proxy("enabled", Sections::ANY, enabled, "The section runs, whatever its defaults say."),
    Keyword::proxy("description", Sections::ANY_OWN, description, "A text for the stats page.")
        .example("description the shop"),
    Keyword::proxy("id", Sections::ANY_OWN, id, "The number of the section in stats and SNMP.")
        .example("id 7"),
    Keyword::proxy(
        "maxconn",
        Sections::FRONT,
        maxconn,
        "Most connections at a time; more wait in the kernel.",
    )
    .example("maxconn 2000"),
    Keyword::proxy("backlog", Sections::FRONT, backlog, "Length of the kernel's queue of new connections.")
        .example("backlog 1024"),
    Keyword::proxy(
        "fullconn",
        Sections::BACK,
        fullconn,
        "Connections at which servers reach their `maxconn`.",
    )
    .example("fullconn 1000"),
    Keyword::proxy("rate-limit sessions", Sections::FRONT, rate_limit, "Most new sessions per second.")
        .example("rate-limit sessions 100"),
    Keyword::proxy("retries", Sections::BACK, retries, "How often a connection is tried again.")
        .example("retries 3"),
    Keyword::ignored(
        "guid",
        Sections::ANY_OWN,
        "a name for tools of HAProxy 3.x",
        "A unique name of the section.",
    ),
];

/// Characters of a proxy's, server's or userlist's name (configuration manual §2.4: letters, digits, `-`, `_`, `.`, `:`).
pub(crate) fn bad_character(name: &str) -> Option<char> {
    name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')))
}

/// `defaults` sections read so far.
#[derive(Default)]
pub(crate) struct Defaults<'a> {
    sections: Vec<DefaultsSection<'a>>,
    /// By name: the last, and the one before it of the same name.
    by_name: BTreeMap<String, Vec<usize>>,
}

struct DefaultsSection<'a> {
    section: &'a Section,
    parent: Option<usize>,
}

/// What stands behind a proxy section's or named defaults' name.
struct Head<'a> {
    name: Option<&'a Word>,
    from: Option<&'a Word>,
    /// The rest: an address, in the form of HAProxy 1.x.
    rest: &'a [Word],
}

fn read_head(section: &Section) -> Head<'_> {
    let words = section.head.args();
    let (name, words) = match words {
        [first, rest @ ..] if !first.is("from") || !section.kind.may_be_anonymous() => (Some(first), rest),
        _ => (None, words),
    };
    let (from, rest) = match words {
        [keyword, from, rest @ ..] if keyword.is("from") => (Some(from), rest),
        _ => (None, words),
    };
    Head { name, from, rest }
}

impl<'a> Defaults<'a> {
    /// Notes a `defaults` section.
    pub(crate) fn add(&mut self, section: &'a Section, ctx: &mut Ctx<'_>) {
        let head = read_head(section);
        let name = head.name.map(|w| w.str().into_owned()).unwrap_or_default();
        if let Some(word) = head.name
            && let Some(bad) = bad_character(&name)
        {
            ctx.error(
                "bad-name",
                format!("character '{bad}' is not permitted in 'defaults' name '{name}'."),
                word.span,
            );
        }
        if let Some(word) = head.rest.first() {
            ctx.error(
                "surplus-argument",
                format!("'defaults' cannot handle unexpected argument '{word}'."),
                word.span,
            );
        }
        let parent = head.from.and_then(|from| self.named(from, &format!("defaults '{name}'"), ctx));
        let index = self.sections.len();
        self.sections.push(DefaultsSection { section, parent });
        if !name.is_empty() {
            self.by_name.entry(name).or_default().push(index);
        }
    }

    fn named(&self, from: &Word, who: &str, ctx: &mut Ctx<'_>) -> Option<usize> {
        let name = from.str();
        match self.by_name.get(name.as_ref()).map(Vec::as_slice) {
            None | Some([]) => {
                let fault = Diagnostic::error(
                    "unknown-defaults",
                    format!("defaults section '{name}' not found for {who}."),
                    from.span,
                );
                let near = evenkeel_base::near::nearest(&name, self.by_name.keys().map(String::as_str));
                ctx.report(match near {
                    Some(near) => fault.note(format!("did you mean `{near}`?")),
                    None => fault.help("A `defaults` section stands before the sections that use it."),
                });
                None
            }
            Some([one]) => Some(*one),
            Some(many @ [.., last]) => {
                let mut fault = Diagnostic::error(
                    "ambiguous-defaults",
                    format!("ambiguous defaults section name '{name}' referenced by {who}."),
                    from.span,
                );
                for index in many {
                    if let Some(section) = self.sections.get(*index) {
                        fault = fault.label(section.section.head.span, "one of this name");
                    }
                }
                ctx.report(fault);
                Some(*last)
            }
        }
    }

    /// Applies to a section what it inherits: the lines of its `defaults`, oldest first. The original takes the last
    /// `defaults` before a proxy, unless it names one; a `defaults` section inherits only from one that it names.
    pub(crate) fn replay(&self, section: &Section, draft: &mut ProxyDraft, index: &Index, ctx: &mut Ctx<'_>) {
        let start = if draft.is_defaults {
            self.sections.last().and_then(|s| s.parent)
        } else {
            match read_head(section).from {
                Some(from) => self.named(from, &draft.title(), ctx),
                None => self.sections.len().checked_sub(1),
            }
        };
        let mut chain = Vec::new();
        let mut next = start;
        while let Some(entry) = next.and_then(|index| self.sections.get(index)) {
            chain.push(entry.section);
            next = entry.parent; // always an earlier section: the walk ends
        }
        draft.inherits = true;
        for ancestor in chain.into_iter().rev() {
            ctx.env = Arc::clone(&ancestor.env);
            for line in &ancestor.lines {
                run_line(line, ancestor, Target::Proxy(draft), index, ctx);
            }
        }
        draft.inherits = false;
        draft.acls = AclTable::new();
        draft.broken_acls.clear();
        ctx.env = Arc::clone(&section.env);
    }
}

/// True if a keyword of inherited `defaults` has no place in this section: it is passed over without a word.
pub(crate) fn not_inherited(keyword: &Keyword, draft: &ProxyDraft) -> bool {
    let own = match draft.proxy.kind {
        _ if draft.is_defaults => Sections::DEFAULTS,
        ProxyKind::Frontend => Sections::FRONTEND,
        ProxyKind::Backend => Sections::BACKEND,
        ProxyKind::Listen => Sections::LISTEN,
    };
    draft.inherits && !keyword.sections.meets(own)
}

/// A proxy's first line: its name, which no other of its kind may have.
pub(crate) fn head(section: &Section, id: ProxyId, kind: ProxyKind, ctx: &mut Ctx<'_>) -> ProxyDraft {
    let word = section.kind.word();
    let head = read_head(section);
    let name = head.name.map(|w| w.str().into_owned()).unwrap_or_default();
    let draft = ProxyDraft::new(id, &name, kind, section.head.span);
    match head.name {
        None => ctx.error(
            "missing-argument",
            format!("'{word}' expects an <id> argument"),
            section.head.span.after(),
        ),
        Some(place) => {
            if let Some(bad) = bad_character(&name) {
                let message = format!("character '{bad}' is not permitted in '{word}' name '{name}'.");
                ctx.error("bad-name", message, place.span);
            }
            // One name for a frontend and a backend works, and is common in old files.
            let twin = [
                has_front(kind).then(|| ctx.names.frontend(&name)).flatten(),
                has_back(kind).then(|| ctx.names.backend(&name)).flatten(),
                (kind == ProxyKind::Listen).then(|| ctx.names.frontend(&name)).flatten(),
            ]
            .into_iter()
            .flatten()
            .find(|twin| *twin < id);
            let namesake = match kind {
                ProxyKind::Frontend => ctx.names.backend(&name),
                ProxyKind::Backend => ctx.names.frontend(&name),
                ProxyKind::Listen => None,
            };
            if let Some(other) = namesake.filter(|other| *other < id && twin.is_none()) {
                let label = ctx.names.proxy(other).map(|other| other.span);
                let message = format!("a frontend and a backend are both called '{name}'");
                let mut notice = Diagnostic::new(Level::Notice, "obsolete-shared-name", message, place.span)
                    .help("It works here; today's releases refuse it: give one of them another name.");
                if let Some(span) = label {
                    notice = notice.label(span, "the other one");
                }
                ctx.report(notice);
            }
            if let Some(other) = twin.and_then(|twin| ctx.names.proxy(twin)) {
                let other_title = title(other.kind, &other.name);
                let other_span = other.span;
                ctx.report(
                    Diagnostic::error(
                        "duplicate-name",
                        format!(
                            "{} has the same name as {other_title}, declared before.",
                            title(kind, &name)
                        ),
                        place.span,
                    )
                    .label(other_span, "declared here"),
                );
            }
        }
    }
    draft
}

fn title(kind: ProxyKind, name: &str) -> String {
    let kind = match kind {
        ProxyKind::Frontend => "frontend",
        ProxyKind::Backend => "backend",
        ProxyKind::Listen => "proxy",
    };
    format!("{kind} '{name}'")
}

/// HAProxy 1.x: `frontend web *:80`, `listen stats 0.0.0.0:8080`.
pub(crate) fn head_address(section: &Section, draft: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    let rest = read_head(section).rest;
    let Some(address) = rest.first() else { return };
    ctx.keyword = "bind";
    if !draft.is_front() {
        let message = format!("'{}' cannot handle unexpected argument '{address}'.", section.kind.word());
        return ctx.error("surplus-argument", message, address.span);
    }
    let mut words = Words::new(rest, section.head.span);
    match bind::bind(draft, ctx, &mut words) {
        Err(fault) => ctx.report(fault),
        Ok(()) => ctx.report(
            Diagnostic::warning(
                "obsolete-bind",
                "please use the 'bind' keyword for listening addresses.",
                address.span,
            )
            .note(format!("still works; today: a `bind {address}` line of its own")),
        ),
    }
}

/// A known keyword in a section where it may not stand.
pub(crate) fn misplaced(
    keyword: &Keyword,
    head: &[Word],
    here: Sections,
    section: &Section,
    target: &Target<'_>,
    ctx: &mut Ctx<'_>,
) {
    let (Some(first), Some(last)) = (head.first(), head.last()) else { return };
    let span = first.span.to(last.span);
    let name = keyword.name;
    let section_word = section.kind.word();
    let fault = match target {
        Target::Proxy(draft) if keyword.sections.meets(Sections::ANY) => {
            if here == Sections::ANONYMOUS_DEFAULTS && keyword.sections.has(Sections::NAMED_DEFAULTS) {
                Diagnostic::error(
                    "misplaced-keyword",
                    format!("'{name}' not allowed in anonymous 'defaults' section."),
                    span,
                )
                .help("Give the section a name, or write the line into the sections that need it.")
            } else if draft.is_defaults || draft.inherits {
                Diagnostic::error(
                    "misplaced-keyword",
                    format!("'{name}' not allowed in 'defaults' section."),
                    span,
                )
            } else {
                let face = if draft.is_front() { "backend" } else { "frontend" };
                let title = draft.title();
                let hint = if name == "maxconn" { " Maybe you want 'fullconn' instead ?" } else { "" };
                // A server that no one would ever use is more than a superfluous line.
                let severe = matches!(
                    name,
                    "server"
                        | "server-template"
                        | "declare capture"
                        | "tcp-request connection"
                        | "tcp-request session"
                        | "tcp-response content"
                        | "tcp-response inspect-delay"
                );
                let verb = if severe { "not allowed" } else { "ignored" };
                let message = format!("'{name}' {verb} because {title} has no {face} capability.{hint}");
                if severe {
                    Diagnostic::error("misplaced-keyword", message, span)
                } else {
                    Diagnostic::warning("misplaced-keyword", message, span)
                }
            }
        }
        Target::Proxy(_) | Target::Global(_) => {
            let home = if keyword.sections.has(Sections::GLOBAL) { "`global`" } else { "proxy sections" };
            Diagnostic::error(
                "misplaced-keyword",
                format!("unknown keyword '{name}' in '{section_word}' section"),
                span,
            )
            .note(format!("it belongs into {home}"))
        }
    };
    ctx.report(fault);
}

/// The original looks at the arguments of misplaced options and timeouts all the same.
pub(crate) fn misplaced_arguments(
    keyword: &Keyword,
    (head, args): (&[Word], &[Word]),
    target: &Target<'_>,
    ctx: &mut Ctx<'_>,
) {
    let looked_at = keyword.name.starts_with("option ") || keyword.name.starts_with("timeout ");
    let Target::Proxy(draft) = target else { return };
    let Some(last) = head.last() else { return };
    if !looked_at || draft.inherits {
        return;
    }
    let mut scratch = ProxyDraft::new(draft.proxy.id, &draft.proxy.name, ProxyKind::Listen, draft.proxy.span);
    let mut words = Words::new(args, last.span);
    let outcome = match keyword.apply {
        Apply::Proxy(apply) => apply(&mut scratch, ctx, &mut words),
        Apply::Switch(_) | Apply::Global(_) | Apply::Nothing => Ok(()),
    };
    let nothing = matches!(keyword.apply, Apply::Nothing);
    if let Err(fault) =
        outcome.and_then(|()| if nothing { Ok(()) } else { super::run::surplus(keyword.name, &words) })
    {
        ctx.report(fault);
    }
}

/// What the topics settle at a section's end, in this order.
const ENDS: &[fn(&mut ProxyDraft, &mut Ctx<'_>)] =
    &[balance::end, cookie::end, captures::end, options::end, log_format::end, checks::end, rules::end];

/// What is settled at a section's end.
pub(crate) fn end_section(draft: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    bind::number_listeners(&mut draft.listeners, ctx);
    server::end_section(draft, ctx);
    for end in ENDS {
        end(draft, ctx);
    }
    for warning in ctx.names.take_warnings() {
        ctx.report(warning);
    }
    if draft.is_front() && !draft.is_back() {
        draft.servers.clear();
    }
    if draft.proxy.kind == ProxyKind::Listen {
        draft.front.default_backend = Some(draft.proxy.id);
    }
    if let Some(word) = draft.default_backend.take() {
        match ctx.names.backend_or_near(&word) {
            Ok(id) => draft.front.default_backend = Some(id),
            Err(near) => {
                let mut fault = Diagnostic::error(
                    "unknown-backend",
                    format!(
                        "Proxy '{}': unable to find required default_backend: '{word}'.",
                        draft.proxy.name
                    ),
                    word.span,
                );
                if let Some(near) = near {
                    fault = fault.note(format!("did you mean `{near}`?"));
                }
                ctx.report(fault);
            }
        }
    }
}

/// The drafts as a Plan.
pub(crate) fn finish(
    mut drafts: Vec<ProxyDraft>,
    global: Global,
    sources: &Arc<SourceMap>,
    ctx: &mut Ctx<'_>,
) -> Plan {
    server::resolve_tracks(&mut drafts, ctx);
    let numbers = proxy_numbers(&drafts, ctx);
    let mut plan = Plan {
        global,
        proxies: Vec::with_capacity(drafts.len()),
        servers: Vec::new(),
        listeners: Vec::new(),
        http_errors: std::mem::take(&mut ctx.http_errors),
        var_slots: ctx.names.slots(),
        sources: Arc::clone(sources),
    };
    for (draft, number) in drafts.into_iter().zip(numbers) {
        let ProxyDraft { mut proxy, mut front, mut back, logs, servers, listeners, hash: _, .. } = draft;
        proxy.number = number;
        for line in logs {
            match line {
                LogLine::Global => proxy.log.targets.extend(plan.global.logs.iter().cloned()),
                LogLine::Target(target) => proxy.log.targets.push(*target),
            }
        }
        if proxy.log.tag.is_none() {
            proxy.log.tag.clone_from(&plan.global.log_tag);
        }
        for mut listener in listeners {
            listener.id = evenkeel_base::ListenerId(plan.listeners.len() as u32);
            listener.frontend = proxy.id;
            front.listeners.push(listener.id);
            plan.listeners.push(listener);
        }
        for (server, _) in servers {
            back.servers.push(server.id);
            plan.servers.push(server);
        }
        proxy.front = has_front(proxy.kind).then_some(front);
        proxy.back = has_back(proxy.kind).then_some(back);
        plan.proxies.push(proxy);
    }
    plan
}

/// Numbers of all proxies: `id`, or counted. The original's own proxy of command sockets takes 1 where the `global`
/// section has a `stats` line.
fn proxy_numbers(drafts: &[ProxyDraft], ctx: &mut Ctx<'_>) -> Vec<u32> {
    let mut taken: BTreeMap<u32, &ProxyDraft> = BTreeMap::new();
    for draft in drafts {
        let Some(number) = draft.number else { continue };
        if let Some(other) = taken.get(&number) {
            ctx.report(
                Diagnostic::error(
                    "duplicate-id",
                    format!("{} reuses same custom id as {}.", draft.title(), other.title()),
                    draft.proxy.span,
                )
                .label(other.proxy.span, "this one"),
            );
        } else {
            taken.insert(number, draft);
        }
    }
    let given: Vec<Option<u32>> = drafts.iter().map(|draft| draft.number).collect();
    numbers(&given, if ctx.global_stats { 2 } else { 1 })
}

fn mode(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "'tcp' or 'http'")?;
    let place: Span = word.span;
    p.proxy.mode = match word.str().as_ref() {
        "tcp" => Mode::Tcp,
        "http" => Mode::Http,
        "health" => {
            return Err(Diagnostic::error(
                "refused",
                "'mode health' cannot be used: it is gone since HAProxy 2.1",
                place,
            )
            .note("today: `http-request return status 200` or `monitor-uri`"));
        }
        "log" | "spop" | "syslog" => {
            return Err(super::run::refused(
                &format!("mode {word}"),
                "not built yet: log and SPOE backends",
                place,
            ));
        }
        _ => {
            return Err(Diagnostic::error("bad-choice", format!("unknown proxy mode '{word}'."), place)
                .note("modes are `tcp` and `http`"));
        }
    };
    p.mode_at = Some(place);
    Ok(())
}

fn disabled(p: &mut ProxyDraft, _: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    p.proxy.disabled = true;
    Ok(())
}

fn enabled(p: &mut ProxyDraft, _: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    p.proxy.disabled = false;
    Ok(())
}

fn description(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut text = args::text(ctx, words, "a text")?;
    for word in words.take_rest() {
        text.push(' ');
        text.push_str(&word.str());
    }
    p.proxy.description = Some(text);
    Ok(())
}

fn id(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.number = Some(args::number(ctx, words, 1..=i32::MAX as u64)? as u32);
    Ok(())
}

fn maxconn(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.front.maxconn = args::count(ctx, words)?;
    Ok(())
}

fn backlog(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.front.backlog = Some(args::count(ctx, words)?);
    Ok(())
}

fn fullconn(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.back.fullconn = args::count(ctx, words)?;
    Ok(())
}

fn rate_limit(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.front.rate_limit = args::count(ctx, words)?;
    Ok(())
}

fn retries(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.back.retries = args::count(ctx, words)?;
    Ok(())
}
