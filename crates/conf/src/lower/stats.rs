//! Keywords: `stats …` of proxy sections.

use std::time::Duration;

use bstr::{BString, ByteSlice};
use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_expr::Cond;
use evenkeel_plan::StatsPage;
use evenkeel_rules::RuleSet;
use evenkeel_rules::registry::{parse_cond, parse_rule};

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};
use super::rules::with_context;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("stats admin", Sections::ANY_OWN, admin, "Who may change servers' states on the page.")
        .example("stats admin if { src 127.0.0.1 }"),
    Keyword::proxy("stats auth", Sections::ANY, auth, "Who may see the page.")
        .example("stats auth admin:secret"),
    Keyword::proxy("stats enable", Sections::ANY, enable, "Shows the page."),
    Keyword::proxy(
        "stats hide-version",
        Sections::ANY,
        |p, ctx, words| {
            page(p).show_version = false;
            args::spare(ctx, words);
            Ok(())
        },
        "The page doesn't name the version.",
    ),
    Keyword::proxy("stats http-request", Sections::ANY_OWN, http_request, "Rules on requests for the page.")
        .example("stats http-request deny unless { src 127.0.0.1 }"),
    Keyword::proxy(
        "stats realm",
        Sections::ANY,
        realm,
        "What a browser calls the page when it asks for a password.",
    )
    .example("stats realm Statistics"),
    Keyword::proxy("stats refresh", Sections::ANY, refresh, "How often a browser asks again.")
        .example("stats refresh 10s"),
    Keyword::proxy("stats scope", Sections::ANY, scope, "Sections that are shown.").example("stats scope ."),
    Keyword::proxy("stats show-desc", Sections::ANY, show_desc, "Shows a description.")
        .example("stats show-desc the shop"),
    Keyword::proxy(
        "stats show-legends",
        Sections::ANY,
        |p, ctx, words| {
            page(p).show_legends = true;
            args::spare(ctx, words);
            Ok(())
        },
        "Shows addresses, algorithms and cookies.",
    ),
    Keyword::proxy(
        "stats show-modules",
        Sections::ANY,
        |p, ctx, words| {
            page(p).show_modules = true;
            args::spare(ctx, words);
            Ok(())
        },
        "Shows further counters.",
    )
    .accepted("the page has no columns for them: they stand in the CSV"),
    Keyword::proxy("stats show-node", Sections::ANY, show_node, "Shows a name of the machine.")
        .example("stats show-node lb1"),
    Keyword::proxy(
        "stats show-version",
        Sections::ANY,
        |p, ctx, words| {
            page(p).show_version = true;
            args::spare(ctx, words);
            Ok(())
        },
        "The page names the version.",
    ),
    Keyword::proxy("stats uri", Sections::ANY, uri, "Where the page is.").example("stats uri /admin?stats"),
];

/// Where the page is and what it is called where the lines don't say (configuration manual, `stats enable`).
const URI: &str = "/haproxy?stats";
const REALM: &str = "HAProxy Statistics";

/// The page that a line of this section changes. A section's first line of its own starts anew: nothing of its
/// `defaults`' page is left, as in the original.
pub(crate) fn page(p: &mut ProxyDraft) -> &mut StatsPage {
    if !p.inherits && !p.own_stats {
        p.own_stats = true;
        p.proxy.stats = None;
    }
    p.proxy.stats.get_or_insert_with(|| StatsPage {
        uri: URI.into(),
        realm: REALM.to_owned(),
        auth: Vec::new(),
        refresh: None,
        show_version: true,
        show_node: None,
        show_desc: None,
        show_legends: false,
        show_modules: false,
        scope: Vec::new(),
        admin: Vec::new(),
        rules: Vec::new(),
        enabled: true,
    })
}

fn needed<'a>(words: &mut Words<'a>, message: &str) -> Result<&'a Word, Diagnostic> {
    let place = words.last_span().after();
    words.next().ok_or_else(|| Diagnostic::error("missing-argument", message, place))
}

/// A text of several words.
fn rest_of(words: &mut Words<'_>) -> Option<String> {
    let text: Vec<String> = words.take_rest().iter().map(|w| w.str().into_owned()).collect();
    (!text.is_empty()).then(|| text.join(" "))
}

fn enable(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p);
    args::spare(ctx, words);
    Ok(())
}

fn auth(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = needed(words, "'auth' needs a user:password account.")?;
    let (user, password) = word.bytes().split_once_str(":").unwrap_or((word.bytes(), b""));
    page(p).auth.push((BString::from(user), BString::from(password)));
    args::spare(ctx, words);
    Ok(())
}

fn realm(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p).realm = needed(words, "'realm' needs an realm name.")?.str().into_owned();
    args::spare(ctx, words);
    Ok(())
}

fn uri(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p).uri = needed(words, "'uri' needs an URI prefix.")?.text.clone();
    args::spare(ctx, words);
    Ok(())
}

fn scope(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = needed(words, "'scope' needs a proxy name.")?.str().into_owned();
    page(p).scope.push(name);
    args::spare(ctx, words);
    Ok(())
}

fn refresh(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let every = match words.next() {
        None => Duration::ZERO, // as the original takes it
        Some(word) => args::time_of(ctx, word, evenkeel_base::time::Unit::Seconds)?,
    };
    page(p).refresh = Some(every).filter(|every| !every.is_zero());
    args::spare(ctx, words);
    Ok(())
}

fn admin(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p);
    if !Cond::starts(words) {
        let message = "'stats admin' requires either 'if' or 'unless' followed by a condition.";
        let place = words.peek().map_or(words.last_span().after(), |word| word.span);
        return Err(Diagnostic::error("missing-argument", message, place));
    }
    let cond = with_context(p, ctx, words, RuleSet::HttpRequest, parse_cond)?;
    page(p).admin.extend(cond);
    Ok(())
}

fn http_request(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p);
    let rule = with_context(p, ctx, words, RuleSet::HttpRequest, parse_rule)?;
    page(p).rules.extend(rule);
    Ok(())
}

fn show_node(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p).show_node = Some(words.next().map(|word| word.str().into_owned()));
    args::spare(ctx, words);
    Ok(())
}

fn show_desc(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    page(p).show_desc = Some(rest_of(words));
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn a_page_of_its_own_forgets_the_inherited_one() {
        let plan = plan_of(
            "defaults\n mode http\n stats uri /x\n stats auth a:b:c\n stats refresh 5\nbackend a\nbackend b\n stats hide-version\n \
             stats auth d\n stats realm My\\ Realm\n stats scope .\n stats scope a\n stats show-node n\n stats show-desc one two\n \
             stats show-legends\n stats refresh 10s\n",
        );
        let got: Vec<String> = plan.proxies.iter().map(|p| format!("{:?}", p.stats)).collect();
        expect![[r#"
            Some(StatsPage { uri: "/x", realm: "HAProxy Statistics", auth: [("a", "b:c")], refresh: Some(5s), show_version: true, show_node: None, show_desc: None, show_legends: false, show_modules: false, scope: [], admin: [], rules: [], enabled: true })
            Some(StatsPage { uri: "/haproxy?stats", realm: "My Realm", auth: [("d", "")], refresh: Some(10s), show_version: false, show_node: Some(Some("n")), show_desc: Some(Some("one two")), show_legends: true, show_modules: false, scope: [".", "a"], admin: [], rules: [], enabled: true })"#]].assert_eq(&got.join("\n"));
    }

    #[test]
    fn faults() {
        says(
            "backend b\n mode http\n stats\n stats foo\n stats uri\n stats uri /x y\n stats realm\n stats auth\n stats scope\n stats refresh x\n \
             no stats enable\n stats enabel\nbackend c\n stats enable\n",
            expect![[r#"
                E 3:7 unknown-keyword: 'stats' expects one of 'admin', 'auth', 'enable', 'hide-version', 'http-request', 'realm', 'refresh', 'scope', 'show-desc', 'show-legends', 'show-modules', 'show-node', 'show-version', 'uri' as argument
                E 4:8 unknown-keyword: 'stats' only supports 'admin', 'auth', 'enable', 'hide-version', 'http-request', 'realm', 'refresh', 'scope', 'show-desc', 'show-legends', 'show-modules', 'show-node', 'show-version', 'uri' (got 'foo')
                E 5:11 missing-argument: 'uri' needs an URI prefix.
                W 6:15 surplus-argument: 'stats uri' ignores the argument 'y'
                E 7:13 missing-argument: 'realm' needs an realm name.
                E 8:12 missing-argument: 'auth' needs a user:password account.
                E 9:13 missing-argument: 'scope' needs a proxy name.
                E 10:16 bad-time: unexpected character 'x' in 'stats refresh'
                E 11:2 no-negation: negation/default currently not supported for 'stats enable'
                E 12:8 unknown-keyword: 'stats' only supports 'admin', 'auth', 'enable', 'hide-version', 'http-request', 'realm', 'refresh', 'scope', 'show-desc', 'show-legends', 'show-modules', 'show-node', 'show-version', 'uri' (got 'enabel')
                W 13:1 needs-http: 'stats' statement ignored for backend 'c' as it requires HTTP mode.
            "#]],
        );
    }
}
