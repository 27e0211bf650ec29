//! Keywords: which backend, which server, persistence regardless of state, the monitor, unique ids.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_expr::{LogFormat, Place, Use};
use evenkeel_rules::route::When;
use evenkeel_rules::{RuleSet, UseBackend, UseServer};

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};
use super::rules::{in_rank, with_context};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "default_backend",
        Sections::FRONT,
        default_backend,
        "The backend where no rule says another.",
    )
    .example("default_backend other"),
    Keyword::proxy(
        "force-persist",
        Sections::BACK_OWN,
        force_persist,
        "When cookies lead to servers that are down.",
    )
    .example("force-persist if { src 10.0.0.1 }"),
    Keyword::proxy("ignore-persist", Sections::BACK_OWN, ignore_persist, "When cookies don't count.")
        .example("ignore-persist if { path_end .png }"),
    Keyword::proxy(
        "monitor fail",
        Sections::FRONT_OWN,
        monitor_fail,
        "When the monitor says that all is not well.",
    )
    .example("monitor fail if { nbsrv(other) lt 1 }"),
    Keyword::proxy("monitor-uri", Sections::FRONT, monitor_uri, "A request that is told that all is well.")
        .example("monitor-uri /alive"),
    Keyword::proxy("unique-id-format", Sections::ANY, unique_id, "A name for every request.")
        .example("unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid"),
    Keyword::proxy("unique-id-header", Sections::ANY, unique_id_header, "The header that carries it.")
        .example("unique-id-header X-Unique-ID"),
    Keyword::proxy("use-server", Sections::BACK_OWN, use_server, "A server for some requests.")
        .example("use-server %[req.hdr(X-Server)] if { req.hdr(X-Server) -m found }"),
    Keyword::proxy("use_backend", Sections::FRONT_OWN, use_backend, "A backend for some requests.")
        .example("use_backend other if { path_beg /static }"),
];

fn missing(words: &Words<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("missing-argument", message, words.last_span().after())
}

fn default_backend(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = words.next().ok_or_else(|| missing(words, "'default_backend' expects a backend name."))?;
    if words.is_empty() {
        p.default_backend = Some(word.clone()); // what is surplus is the only fault
    }
    Ok(())
}

fn use_backend(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        return Err(missing(words, "'use_backend' expects a backend name."));
    }
    in_rank(p, ctx, "use_backend");
    let rule = with_context(p, ctx, words, RuleSet::HttpRequest, UseBackend::parse)?;
    p.front.use_backend.extend(rule);
    Ok(())
}

fn use_server(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        return Err(missing(words, "'use-server' expects a server name."));
    }
    if !words.rest().get(1).is_some_and(|word| word.is("if") || word.is("unless")) {
        let message = "'use-server' requires either 'if' or 'unless' followed by a condition.";
        words.take_rest();
        return Err(missing(words, message));
    }
    in_rank(p, ctx, "use-server");
    let rule = with_context(p, ctx, words, RuleSet::HttpRequest, UseServer::parse)?;
    p.back.use_server.extend(rule);
    Ok(())
}

/// A line that is nothing but a condition.
fn when(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Option<When>, Diagnostic> {
    if !words.peek().is_some_and(|word| word.is("if") || word.is("unless")) {
        let message = format!("'{}' requires either 'if' or 'unless' followed by a condition.", ctx.keyword);
        let place = words.peek().map_or(words.last_span().after(), |word| word.span);
        return Err(Diagnostic::error("missing-argument", message, place));
    }
    with_context(p, ctx, words, RuleSet::HttpRequest, When::parse)
}

fn force_persist(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let rule = when(p, ctx, words)?;
    p.back.force_persist.extend(rule);
    Ok(())
}

fn ignore_persist(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let rule = when(p, ctx, words)?;
    p.back.ignore_persist.extend(rule);
    Ok(())
}

fn monitor_fail(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    in_rank(p, ctx, "monitor fail");
    let rule = when(p, ctx, words)?;
    p.front.monitor_fail.extend(rule);
    Ok(())
}

fn monitor_uri(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = words.next().ok_or_else(|| missing(words, "'monitor-uri' expects an URI."))?;
    p.front.monitor_uri = Some(word.bytes().to_vec());
    Ok(())
}

fn unique_id(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = words.next().ok_or_else(|| missing(words, "unique-id-format expects an argument."))?;
    if let Some(extra) = words.peek() {
        let message = "unique-id-format expects only one argument, don't forget to escape spaces!";
        return Err(Diagnostic::error("surplus-argument", message, extra.span));
    }
    let format = LogFormat::parse(word, &mut ctx.names, Use::UniqueId)?;
    format.check(Place::FrontendRequest).into_iter().for_each(|fault| ctx.report(fault));
    p.front.unique_id = Some(format);
    Ok(())
}

fn unique_id_header(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = words.next().ok_or_else(|| missing(words, "unique-id-header expects an argument."))?;
    p.front.unique_id_header = Some(word.bytes().to_vec());
    args::spare(ctx, words);
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn targets() {
        let plan = plan_of(
            "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n monitor-uri /m\n default_backend b\n\
             frontend f\n bind :80\n acl s path_beg /s\n use_backend c if s\n use_backend %[req.hdr(x)] unless s\n monitor fail if { nbsrv(b) lt 1 }\n \
             unique-id-format %ci\n unique-id-header X-Id\nbackend b\n server x 1.2.3.4:80\n use-server x if { path / }\n force-persist if TRUE\n \
             ignore-persist unless FALSE\nbackend c\n",
        );
        let front = plan.proxies[0].front.as_ref().expect("a frontend");
        let back = plan.proxies[1].back.as_ref().expect("a backend");
        let got = format!(
            "{:?} {} {:?} {} {} {:?} {} {} {}",
            front.default_backend,
            front.use_backend.len(),
            front.monitor_uri,
            front.monitor_fail.len(),
            front.unique_id.is_some(),
            front.unique_id_header,
            back.use_server.len(),
            back.force_persist.len(),
            back.ignore_persist.len(),
        );
        expect!["Some(ProxyId(1)) 2 Some([47, 109]) 1 true Some([88, 45, 73, 100]) 1 1 1"].assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "listen l\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n bind :80\n use_backend\n use_backend nope\n \
             use_backend l if TRUE\n use_backend l foo\n default_backend\n default_backend nope\n default_backend a b\n use-server\n use-server a\n \
             use-server a if TRUE\n force-persist\n ignore-persist foo\n monitor fail\n monitor\n monitor foo\n monitor-uri\n unique-id-format\n \
             unique-id-format %foo\n unique-id-header\n redirect location /\n monitor fail if nope\nbackend b\n use_backend b\nfrontend f\n use-server x if TRUE\n",
            expect![[r#"
                E 7:13 missing-argument: 'use_backend' expects a backend name.
                E 8:14 unknown-backend: there is no backend named `nope`
                E 9:2 backend-loop: Proxy 'l': loop detected for use_backend: 'l'.
                E 10:16 surplus-argument: error detected while parsing switching rule : `foo` is not known here
                E 11:17 missing-argument: 'default_backend' expects a backend name.
                E 12:18 unknown-backend: Proxy 'l': unable to find required default_backend: 'nope'.
                E 13:20 surplus-argument: 'default_backend' cannot handle unexpected argument 'b'
                E 14:12 missing-argument: 'use-server' expects a server name.
                E 15:14 missing-argument: 'use-server' requires either 'if' or 'unless' followed by a condition.
                E 16:13 unknown-server: error detected while parsing switching rule : there is no server named `a` in this backend
                E 17:15 missing-argument: 'force-persist' requires either 'if' or 'unless' followed by a condition.
                E 18:17 missing-argument: 'ignore-persist' requires either 'if' or 'unless' followed by a condition.
                W 19:2 misordered: a 'monitor fail' rule placed after a 'use_backend' rule will still be processed before.
                E 19:14 missing-argument: 'monitor fail' requires either 'if' or 'unless' followed by a condition.
                E 20:9 unknown-keyword: 'monitor' expects one of 'fail' as argument
                E 21:10 unknown-keyword: 'monitor' only supports 'fail' (got 'foo')
                E 22:13 missing-argument: 'monitor-uri' expects an URI.
                E 23:18 missing-argument: unique-id-format expects an argument.
                E 24:19 unknown-alias: there is no log variable `%foo`
                E 25:18 missing-argument: unique-id-header expects an argument.
                W 26:2 misordered: a 'redirect' rule placed after a 'use_backend' rule will still be processed before.
                W 27:2 misordered: a 'monitor fail' rule placed after a 'redirect' rule will still be processed before.
                E 27:18 unknown-acl: error detected while parsing 'monitor fail' rule : there is no ACL `nope`
                W 29:2 misplaced-keyword: 'use_backend' ignored because backend 'b' has no frontend capability.
                W 30:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 30:1 missing-timeouts: missing timeouts for frontend 'f'.
                W 31:2 misplaced-keyword: 'use-server' ignored because frontend 'f' has no backend capability.
            "#]],
        );
    }
}
