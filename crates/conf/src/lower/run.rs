//! The passes over the AST.

use std::sync::Arc;

use bstr::ByteSlice;
use evenkeel_base::{Diagnostic, Level, ProxyId, SourceMap, Support, Words};
use evenkeel_plan::{Global, Plan, ProxyKind};

use super::check;
use super::context::{Ctx, Outside, Prefix};
use super::draft::ProxyDraft;
use super::keyword::{Apply, Found, Index, Sections, place};
use super::names::{NameBook, proxy_kind};
use super::{others, proxy};
use crate::ast::{Ast, Line, Section, SectionKind};

/// Makes a Plan of an AST. Diagnostics come in the order of the files; the Plan is there where none is an error.
pub fn lower(ast: &Ast, sources: &Arc<SourceMap>, outside: &dyn Outside) -> (Option<Plan>, Vec<Diagnostic>) {
    let index = Index::default();
    let mut ctx = Ctx::new(NameBook::collect(ast, outside), outside);
    for section in ast.sections.iter().filter(|s| s.kind == SectionKind::Userlist) {
        others::userlist(section, &mut ctx);
    }
    for section in ast.sections.iter().filter(|s| s.kind == SectionKind::HttpErrors) {
        others::http_errors(section, &mut ctx);
    }
    let resolvers = ast.sections.iter().filter(|s| s.kind == SectionKind::Resolvers);
    ctx.resolvers.extend(resolvers.filter_map(|s| s.name()).map(|name| name.str().into_owned()));
    ctx.uses_destination = ast.sections.iter().any(uses_destination);
    let mut global = Global::default();
    for section in ast.sections.iter().filter(|s| s.kind == SectionKind::Global) {
        ctx.enter_section(section);
        for line in &section.lines {
            run_line(line, section, Target::Global(&mut global), &index, &mut ctx);
        }
    }
    super::global::end(&mut global, &mut ctx);
    let assumed = super::excerpt::needs_http(ast);
    if let Some(line) = assumed {
        ctx.report(super::excerpt::warning(line));
    }
    let mut defaults = proxy::Defaults::default();
    let mut drafts: Vec<ProxyDraft> = Vec::new();
    for section in &ast.sections {
        ctx.enter_section(section);
        if section.kind == SectionKind::Defaults {
            let mut draft = ProxyDraft::new(ProxyId(u32::MAX), "", ProxyKind::Listen, section.head.span);
            draft.is_defaults = true;
            defaults.add(section, &mut ctx);
            defaults.replay(section, &mut draft, &index, &mut ctx);
            for line in &section.lines {
                run_line(line, section, Target::Proxy(&mut draft), &index, &mut ctx);
            }
        } else if let Some(kind) = proxy_kind(section.kind) {
            let id = ProxyId(drafts.len() as u32);
            ctx.names.enter(Some(id));
            let mut draft = proxy::head(section, id, kind, &mut ctx);
            if assumed.is_some() {
                draft.proxy.mode = evenkeel_plan::Mode::Http;
            }
            defaults.replay(section, &mut draft, &index, &mut ctx);
            proxy::head_address(section, &mut draft, &mut ctx);
            for line in &section.lines {
                run_line(line, section, Target::Proxy(&mut draft), &index, &mut ctx);
            }
            proxy::end_section(&mut draft, &mut ctx);
            drafts.push(draft);
            ctx.names.enter(None);
        } else {
            others::section(section, &mut ctx);
        }
    }
    let mut plan = proxy::finish(drafts, global, sources, &mut ctx);
    check::check(&mut plan, &mut ctx);
    let diagnostics = in_order(ctx.into_diagnostics());
    let sound = diagnostics.iter().all(|d| d.level < Level::Error);
    (sound.then_some(plan), diagnostics)
}

/// True if some word may ask for the clients' destination: the `dst` family of fetches, or `%fi`, `%fp` in a log line.
/// A word that only looks like it costs a system call per connection, no more.
fn uses_destination(section: &Section) -> bool {
    let asks = |word: &evenkeel_base::Word| {
        let text = word.bytes();
        text.contains_str("dst")
            || (text.contains(&b'%') && (text.contains_str("fi") || text.contains_str("fp")))
    };
    section.lines.iter().flat_map(|line| line.args()).any(asks)
}

/// What a line changes.
pub(crate) enum Target<'a> {
    /// The process.
    Global(&'a mut Global),
    /// A proxy.
    Proxy(&'a mut ProxyDraft),
}

/// One line through the registry.
pub(crate) fn run_line(line: &Line, section: &Section, target: Target<'_>, index: &Index, ctx: &mut Ctx<'_>) {
    let named = section.name().is_some_and(|name| !name.is("from"));
    let Some(here) = place(section.kind, named) else { return };
    let (prefix, words) = match line.words.split_first() {
        Some((first, rest)) if !rest.is_empty() && first.is("no") => (Prefix::No, rest),
        Some((first, rest)) if !rest.is_empty() && first.is("default") => (Prefix::Default, rest),
        _ => (Prefix::Plain, line.words.as_slice()),
    };
    let (keyword, count) = match index.find(words, here) {
        Found::Here(keyword, count) => (keyword, count),
        Found::Elsewhere(keyword, count) => {
            ctx.keyword = keyword.name;
            let head = &words[..count];
            proxy::misplaced(keyword, head, here, section, &target, ctx);
            return proxy::misplaced_arguments(keyword, words.split_at(count), &target, ctx);
        }
        Found::Family(first) => return unknown_in_family(first, words, here, section, index, ctx),
        Found::Unknown => return unknown(words, here, section, index, ctx),
    };
    let (head, args) = words.split_at(count);
    let (Some(first), Some(last)) = (head.first(), head.last()) else { return };
    if let Target::Proxy(draft) = &target
        && proxy::not_inherited(keyword, draft)
    {
        return;
    }
    ctx.prefix = prefix;
    ctx.keyword = keyword.name;
    ctx.at = first.span.to(last.span);
    ctx.line = line.span;
    if prefix != Prefix::Plain && !keyword.negatable {
        return ctx.report(
            Diagnostic::error(
                "no-negation",
                format!("negation/default currently not supported for '{}'", keyword.name),
                line.span.to(ctx.at),
            )
            .help("`no` and `default` may stand before switches, such as `option …`, and before `log`."),
        );
    }
    if let Support::Refused(reason) = keyword.support {
        return ctx.report(refused(keyword.name, reason, ctx.at));
    }
    let mut cursor = Words::new(args, ctx.at);
    let outcome = match (keyword.apply, target) {
        (Apply::Global(apply), Target::Global(global)) => {
            apply(global, ctx, &mut cursor).and_then(|()| surplus(keyword.name, &cursor))
        }
        (Apply::Proxy(apply), Target::Proxy(draft)) => {
            apply(draft, ctx, &mut cursor).and_then(|()| surplus(keyword.name, &cursor))
        }
        (Apply::Switch(switch), Target::Proxy(draft)) => {
            *switch(draft) = ctx.on(false);
            surplus(keyword.name, &cursor)
        }
        (Apply::Nothing, _) => Ok(()),
        (Apply::Global(_), Target::Proxy(_)) | (Apply::Proxy(_) | Apply::Switch(_), Target::Global(_)) => {
            debug_assert!(false, "an entry's sections and its function disagree: {}", keyword.name);
            Ok(())
        }
    };
    for warning in ctx.names.take_warnings() {
        ctx.report(warning);
    }
    match outcome {
        Err(fault) => ctx.report(fault),
        Ok(()) => ctx.report_support(keyword.name, keyword.support, ctx.at),
    }
}

/// The error for something real that is not built.
pub(crate) fn refused(name: &str, reason: &str, span: evenkeel_base::Span) -> Diagnostic {
    Diagnostic::error("refused", format!("'{name}' cannot be used: {reason}"), span)
}

pub(crate) fn surplus(keyword: &str, words: &Words<'_>) -> Result<(), Diagnostic> {
    match words.rest() {
        [] => Ok(()),
        [first, ..] => Err(Diagnostic::error(
            "surplus-argument",
            format!("'{keyword}' cannot handle unexpected argument '{first}'"),
            first.span,
        )),
    }
}

fn unknown(
    words: &[evenkeel_base::Word],
    here: Sections,
    section: &Section,
    index: &Index,
    ctx: &mut Ctx<'_>,
) {
    let Some(word) = words.first() else { return };
    let name = word.str();
    let near = evenkeel_base::near::nearest(&name, index.names(here));
    let message = format!("unknown keyword '{name}' in '{}' section", section.kind.word());
    ctx.report(match near {
        Some(near) => Diagnostic::error(
            "unknown-keyword",
            format!("{message}; did you mean '{near}' maybe ?"),
            word.span,
        )
        .note(format!("did you mean `{near}`?")),
        None => Diagnostic::error("unknown-keyword", message, word.span),
    });
}

fn unknown_in_family(
    first: &'static str,
    words: &[evenkeel_base::Word],
    here: Sections,
    section: &Section,
    index: &Index,
    ctx: &mut Ctx<'_>,
) {
    let members = index.family(first, here);
    if members.is_empty() {
        return unknown(words, here, section, index, ctx);
    }
    let (message, span) = match words.get(1) {
        None => (
            format!("'{first}' expects one of {} as argument", quoted(&members)),
            words.first().map_or(ctx.line, |w| w.span.after()),
        ),
        Some(second) if first == "option" => (format!("unknown option '{second}'."), second.span),
        Some(second) => {
            (format!("'{first}' only supports {} (got '{second}')", quoted(&members)), second.span)
        }
    };
    let near = words.get(1).and_then(|w| evenkeel_base::near::nearest(&w.str(), members.iter().copied()));
    let fault = Diagnostic::error("unknown-keyword", message, span);
    ctx.report(match near {
        Some(near) => fault.note(format!("did you mean `{first} {near}`?")),
        None => fault,
    });
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}

/// Parse faults in file order, then what has no place; one refusal per keyword, at its first place.
fn in_order(mut diags: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diags.sort_by_key(|d| (d.span.is_none(), d.span));
    let mut kept: Vec<Diagnostic> = Vec::with_capacity(diags.len());
    let mut refusals: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for diagnostic in diags {
        if diagnostic.code != "refused" {
            kept.push(diagnostic);
            continue;
        }
        match refusals.get(&diagnostic.message) {
            None => {
                refusals.insert(diagnostic.message.clone(), kept.len());
                kept.push(diagnostic);
            }
            Some(first) => {
                if let (Some(first), Some(span)) = (kept.get_mut(*first), diagnostic.span)
                    && first.labels.len() < LABELS_MAX
                {
                    first.labels.push(evenkeel_base::diag::Label { span, text: "and here".to_owned() });
                }
            }
        }
    }
    kept
}

/// Most further places shown for one refusal: enough to see that there are many.
const LABELS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn every_fault_is_said_once() {
        says(
            "global\n nbproc 2\n chroto /x\ndefaults\n mdoe http\n option dontlognul\n bind :80\n acl a path /\nfrontend f\n \
             retries 3\n timeout foo 1\n timeout client 3x\n maxconn 1 2\n no mode http\n",
            expect![[r#"
                W 2:2 obsolete-keyword: the 'nbproc' directive is obsolete, and still works
                E 3:2 unknown-keyword: unknown keyword 'chroto' in 'global' section; did you mean 'chroot' maybe ?
                E 5:2 unknown-keyword: unknown keyword 'mdoe' in 'defaults' section; did you mean 'mode' maybe ?
                E 6:9 unknown-keyword: unknown option 'dontlognul'.
                E 7:2 misplaced-keyword: 'bind' not allowed in 'defaults' section.
                E 8:2 misplaced-keyword: 'acl' not allowed in anonymous 'defaults' section.
                W 9:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 9:1 missing-timeouts: missing timeouts for frontend 'f'.
                W 10:2 misplaced-keyword: 'retries' ignored because frontend 'f' has no backend capability.
                E 11:10 unknown-keyword: 'timeout' only supports 'client', 'client-fin', 'client-hs', 'clitimeout', 'http-keep-alive', 'http-request', 'tarpit' (got 'foo')
                E 12:17 bad-time: unexpected character 'x' in 'timeout client'
                E 13:12 surplus-argument: 'maxconn' cannot handle unexpected argument '2'
                E 14:2 no-negation: negation/default currently not supported for 'mode'
            "#]],
        );
    }

    #[test]
    fn proxies_inherit_the_last_defaults_or_those_they_name() {
        let plan = plan_of(
            "defaults base\n timeout client 1s\n option dontlognull\n retries 7\ndefaults more from base\n timeout client 2s\n\
             frontend a\n no option dontlognull\nfrontend b from base\nbackend c\nbackend a\n retries 1\n",
        );
        let facts: Vec<String> = plan
            .proxies
            .iter()
            .map(|p| {
                let retries = p.back.as_ref().map(|b| b.retries);
                format!("{} {} {:?} {} {retries:?}", p.number, p.name, p.timeouts.client, p.log.dontlognull)
            })
            .collect();
        expect![[r#"
            1 a Some(2s) false None
            2 b Some(1s) true None
            3 c None false Some(7)
            4 a None false Some(1)"#]]
        .assert_eq(&facts.join("\n"));
    }

    #[test]
    fn names_of_proxies() {
        says(
            "frontend f\nbackend f\nfrontend f\nlisten f\nbackend\nfrontend a/b\nbackend x from nope\n",
            expect![[r#"
                W 1:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 1:1 missing-timeouts: missing timeouts for frontend 'f'.
                N 2:9 obsolete-shared-name: a frontend and a backend are both called 'f'
                W 3:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 3:1 missing-timeouts: missing timeouts for frontend 'f'.
                E 3:10 duplicate-name: frontend 'f' has the same name as frontend 'f', declared before.
                W 4:1 no-bind: proxy 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 4:1 missing-timeouts: missing timeouts for proxy 'f'.
                E 4:8 duplicate-name: proxy 'f' has the same name as frontend 'f', declared before.
                E 5:8 missing-argument: 'backend' expects an <id> argument
                W 6:1 no-bind: frontend 'a/b' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 6:1 missing-timeouts: missing timeouts for frontend 'a/b'.
                E 6:10 bad-name: character '/' is not permitted in 'frontend' name 'a/b'.
                E 7:16 unknown-defaults: defaults section 'nope' not found for backend 'x'.
            "#]],
        );
    }
}
