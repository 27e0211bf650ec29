//! Keywords: `http-request`, `http-response`, `http-after-response`, `tcp-request`, `tcp-response`, `redirect`, and
//! what old files have in their place: `block`, `reqrep` and its kin. What an action is, and what it takes, the
//! registry of the rules' room knows.

use evenkeel_base::{Diagnostic, Support, Words};
use evenkeel_expr::Names;
use evenkeel_plan::front::Capture;
use evenkeel_rules::registry::{self, Context, parse_rule};
use evenkeel_rules::{Action, Rule, RuleSet, line};

use super::acls;
use super::args;
use super::captures;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Apply, Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "http-after-response",
        Sections::ANY_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::HttpAfterResponse),
        "Rules on every response, the proxy's own too.",
    )
    .example("http-after-response set-header X-Via proxy"),
    Keyword::proxy(
        "http-request",
        Sections::ANY_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::HttpRequest),
        "Rules on requests.",
    )
    .example("http-request deny if { path_beg /private }"),
    Keyword::proxy(
        "http-response",
        Sections::ANY_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::HttpResponse),
        "Rules on servers' responses.",
    )
    .example("http-response del-header Server"),
    Keyword::proxy(
        "tcp-request connection",
        Sections::FRONT_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::TcpConnection),
        "Rules on new connections.",
    )
    .example("tcp-request connection reject if { src 10.0.0.1 }"),
    Keyword::proxy(
        "tcp-request content",
        Sections::ANY_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::TcpContent),
        "Rules on what clients send first.",
    )
    .example("tcp-request content accept if WAIT_END"),
    Keyword::proxy(
        "tcp-request inspect-delay",
        Sections::ANY_NAMED,
        |p, ctx, words| {
            p.proxy.rules.inspect_delay = Some(delay(p, ctx, words)?).filter(|delay| !delay.is_zero());
            Ok(())
        },
        "Longest wait of `tcp-request content` rules for data.",
    )
    .example("tcp-request inspect-delay 5s"),
    Keyword::proxy(
        "tcp-request session",
        Sections::FRONT_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::TcpSession),
        "Rules on connections once they are set up.",
    )
    .example("tcp-request session accept"),
    Keyword::proxy(
        "tcp-response content",
        Sections::BACK_NAMED,
        |p, ctx, words| rule(p, ctx, words, RuleSet::TcpResponse),
        "Rules on what servers send first.",
    )
    .example("tcp-response content accept"),
    Keyword::proxy(
        "tcp-response inspect-delay",
        Sections::BACK_NAMED,
        |p, ctx, words| {
            p.proxy.rules.response_inspect_delay =
                Some(delay(p, ctx, words)?).filter(|delay| !delay.is_zero());
            Ok(())
        },
        "Longest wait of `tcp-response content` rules for data.",
    )
    .example("tcp-response inspect-delay 5s"),
];

/// `redirect`, `block` and the keywords that edit heads as lines of text, as the rules' room lists them.
pub(crate) const LINES: &[Keyword] = &LINE_TABLE;

const LINE_TABLE: [Keyword; line::KEYWORDS.len()] = {
    const FIRST: Keyword = Keyword::proxy("", Sections::ANY_OWN, line_rule, "");
    let mut table = [FIRST; line::KEYWORDS.len()];
    let mut at = 0;
    while at < table.len() {
        let entry = &line::KEYWORDS[at];
        table[at] = Keyword {
            name: entry.name,
            sections: Sections::ANY_OWN,
            negatable: false,
            support: match entry.support {
                Support::Obsolete(today) => Support::Obsolete(today),
                Support::Supported | Support::Accepted(_) | Support::Refused(_) => Support::Supported,
            },
            doc: entry.doc,
            example: entry.example,
            apply: Apply::Proxy(line_rule),
        };
        at += 1;
    }
    table
};

/// Most rules of one list: far above any file, so that a generated one cannot grow without end.
const RULES_MAX: usize = 1 << 16;

fn delay(
    p: &ProxyDraft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
) -> Result<std::time::Duration, Diagnostic> {
    let wrong = |why: &str, span| {
        let message =
            format!("'{}' expects a positive delay in milliseconds, in {}{why}", ctx.keyword, p.title());
        Diagnostic::error("bad-time", message, span)
    };
    let place = words.last_span().after();
    let word = words.next().ok_or_else(|| wrong("", place))?;
    let time = args::time_of(ctx, word, evenkeel_base::time::Unit::Millis)
        .map_err(|why| wrong(&format!(" ({})", why.message), word.span))?;
    args::spare(ctx, words);
    Ok(time)
}

/// Reads a rule of a list, whatever follows its keyword.
fn rule(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, set: RuleSet) -> Outcome {
    read(p, ctx, words, set, parse_rule)
}

/// Reads `redirect`, `block`, `reqrep`…
fn line_rule(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(entry) = line::find(ctx.keyword) else {
        debug_assert!(false, "the table was made of the entries: {}", ctx.keyword);
        return Ok(());
    };
    read(p, ctx, words, entry.set, |words, cx| entry.parse(words, cx))
}

fn read(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    set: RuleSet,
    parse: impl FnOnce(&mut Words<'_>, &mut Context<'_>) -> Result<Rule, Vec<Diagnostic>>,
) -> Outcome {
    in_order(p, ctx, set);
    let Some(mut rule) = with_context(p, ctx, words, set, parse)? else { return Ok(()) };
    if let Action::Capture(capture) = &mut rule.action {
        settle_capture(p, ctx, capture)?;
    }
    let head = p.proxy.span;
    let list = list(p, set);
    if list.len() >= RULES_MAX {
        return Err(Diagnostic::error("too-many", format!("more than {RULES_MAX} rules"), ctx.at));
    }
    // What came from `defaults` is none of this section's doing, and the original says nothing of it.
    let own = |last: &Rule| last.span.file != head.file || last.span.start >= head.start;
    let idle = list.last().is_some_and(|last| {
        last.stage == rule.stage && last.cond.is_none() && ends(&last.action) && own(last)
    });
    list.push(rule);
    if idle {
        let message = format!(
            "previous '{}' action is final and has no condition attached, further entries are NOOP.",
            set.keyword()
        );
        ctx.warn("never-reached", message, ctx.at);
    }
    Ok(())
}

/// Runs a parser of the rules' room. The first of its faults is the error, the others are reported; `None` where the
/// only fault is an ACL that has been complained of at its own line.
pub(crate) fn with_context<T>(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    set: RuleSet,
    parse: impl FnOnce(&mut Words<'_>, &mut Context<'_>) -> Result<T, Vec<Diagnostic>>,
) -> Result<Option<T>, Diagnostic> {
    let broken = acls::uses_broken(p, words);
    let line = words.clone();
    let mut given = words.clone();
    if let Some((last, before)) = words.rest().split_last()
        && !last.quoted
        && (last.is("if") || last.is("unless"))
    {
        // The original takes both, and an `if` without a condition never holds.
        let how = if last.is("if") { "never" } else { "always" };
        ctx.warn("empty-condition", format!("'{last}' with nothing behind it {how} holds"), last.span);
        if last.is("if") {
            words.take_rest();
            return Ok(None);
        }
        given = Words::new(before, ctx.at);
    }
    words.take_rest();
    let mut cx = Context::new(set, &p.acls, &mut ctx.names, &p.proxy.name);
    // The rules of a listen know its backend as well.
    cx.backend = super::names::has_back(p.proxy.kind);
    let faults = match parse(&mut given, &mut cx) {
        Ok(made) => return given.finish().map(|()| Some(made)),
        Err(faults) => faults,
    };
    let faults = faults.into_iter().filter(|fault| !(broken && fault.code == "unknown-acl"));
    let faults: Vec<Diagnostic> = faults.map(|fault| opened(fault, p, ctx, &line)).collect();
    let mut faults = faults.into_iter();
    let first = faults.next();
    faults.for_each(|fault| ctx.report(fault));
    first.map_or(Ok(None), Err)
}

/// A fault with the words that the original's sentence about such a line starts with.
fn opened(mut fault: Diagnostic, p: &ProxyDraft, ctx: &Ctx<'_>, line: &Words<'_>) -> Diagnostic {
    if matches!(fault.code, "refused" | "unknown-backend") {
        return fault;
    }
    let keyword = ctx.keyword;
    let condition = line.rest().iter().find(|word| !word.quoted && (word.is("if") || word.is("unless")));
    let in_condition =
        condition.is_some_and(|word| fault.span.is_some_and(|span| span.start >= word.span.start));
    let action = line.rest().first().map(|word| word.str()).unwrap_or_default();
    let opening = match keyword {
        "use_backend" | "use-server" => "error detected while parsing switching rule".to_owned(),
        "redirect" => format!("error detected in {} while parsing redirect rule", p.title()),
        "stats admin" => "error detected while parsing a 'stats admin' rule".to_owned(),
        "http-request" | "http-response" | "http-after-response"
            if fault.code == "unknown-action" || action.is_empty() =>
        {
            format!("'{keyword}' expects an action")
        }
        "http-request"
        | "http-response"
        | "http-after-response"
        | "tcp-request content"
        | "tcp-request session"
        | "tcp-request connection"
        | "tcp-response content" => match in_condition {
            true => format!("error detected while parsing an '{keyword} {action}' condition"),
            false => format!("error detected in {} while parsing '{keyword} {action}' rule", p.title()),
        },
        _ => format!("error detected while parsing '{keyword}' rule"),
    };
    fault.message = format!("{opening} : {}", fault.message);
    fault
}

/// A capture's slot: `len` brings one of its own, `id` names one that the section has.
fn settle_capture(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    capture: &mut evenkeel_rules::action::Capture,
) -> Outcome {
    if !p.is_front() {
        if capture.declares {
            let message = format!(
                "error detected in {} while parsing '{} capture' rule : proxy '{}' has no frontend capability.",
                p.title(),
                ctx.keyword,
                p.proxy.name
            );
            return Err(Diagnostic::error("bad-capture", message, ctx.at));
        }
        return Ok(()); // the slot is the frontend's, which may be any
    }
    if capture.declares {
        capture.slot =
            captures::add(p, ctx, !capture.response, Capture { name: Vec::new(), len: capture.len })?;
        return Ok(());
    }
    let slots = if capture.response { &p.front.response_captures } else { &p.front.request_captures };
    match slots.get(capture.slot as usize) {
        Some(slot) => capture.len = capture.len.min(slot.len),
        None => {
            let message = format!(
                "{} : unable to find capture id '{}' referenced by {} capture rule.",
                p.title(),
                capture.slot,
                ctx.keyword
            );
            return Err(Diagnostic::error("unknown-capture", message, ctx.at));
        }
    }
    Ok(())
}

/// The list of a section that a set's rules go to.
fn list(p: &mut ProxyDraft, set: RuleSet) -> &mut Vec<Rule> {
    let rules = &mut p.proxy.rules;
    match set {
        RuleSet::QuicInitial | RuleSet::TcpConnection => &mut rules.tcp_connection,
        RuleSet::TcpSession => &mut rules.tcp_session,
        RuleSet::TcpContent => &mut rules.tcp_content,
        RuleSet::TcpResponse => &mut rules.tcp_response,
        RuleSet::HttpRequest => &mut rules.http_request,
        RuleSet::HttpResponse => &mut rules.http_response,
        RuleSet::HttpAfterResponse => &mut rules.http_after_response,
    }
}

/// True if nothing comes after it in its list.
fn ends(action: &Action) -> bool {
    matches!(
        action,
        Action::Accept
            | Action::Deny(_)
            | Action::Tarpit(_)
            | Action::Return(_)
            | Action::Redirect(_)
            | Action::Reject
            | Action::Close
            | Action::SilentDrop
    )
}

/// Kinds of rules in their order of evaluation, with the words that name them (configuration manual §4.3 and the
/// original's warnings).
const RANKS: &[(&str, &str)] = &[
    ("tcp-request connection", "tcp-request"),
    ("tcp-request session", "tcp-request"),
    ("tcp-request content", "tcp-request"),
    ("monitor fail", "monitor fail"),
    ("block", "block"),
    ("http-request", "http-request"),
    ("reqxxx", "reqxxx"),
    ("reqadd", "reqadd"),
    ("redirect", "redirect"),
    ("use_backend", "use_backend"),
    ("use-server", "use-server"),
];

/// Warns where a rule stands after one that is evaluated later.
pub(crate) fn in_rank(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, kind: &str) {
    let Some(rank) = RANKS.iter().position(|(name, _)| *name == kind) else { return };
    if p.inherits {
        return;
    }
    p.ranks_seen |= 1 << rank;
    let later = (rank + 1..RANKS.len()).find(|later| p.ranks_seen & (1 << later) != 0);
    if let (Some(later), Some((_, own))) = (later.and_then(|later| RANKS.get(later)), RANKS.get(rank)) {
        let article = if later.0.starts_with("http") { "an" } else { "a" };
        let message = format!(
            "a '{own}' rule placed after {article} '{}' rule will still be processed before.",
            later.0
        );
        ctx.warn("misordered", message, ctx.at);
    }
}

fn in_order(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, set: RuleSet) {
    let kind = match (ctx.keyword, set) {
        (old, RuleSet::HttpRequest) if old.starts_with("req") && old != "reqadd" => "reqxxx",
        (keyword, _) => keyword,
    };
    in_rank(p, ctx, kind);
}

/// At a section's end: each list in its order of evaluation.
pub(crate) fn end(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    registry::order(&mut p.proxy.rules.http_request);
    registry::order(&mut p.proxy.rules.http_response);
    debug_assert!(ctx.names.current().is_some(), "rules belong to a proxy");
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn lists_in_their_order() {
        let plan = plan_of(
            "defaults d\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n http-request set-header X-D %[src]\n\
             listen l from d\n bind :80\n acl old path_beg /old\n redirect prefix /new if old\n reqadd X-A:\\ b\n \
             reqirep ^Host:\\ www(.*) Host:\\ \\1\n block if { path /x }\n http-request deny unless old\n rspdel ^Server:\n \
             http-response set-header A b\n rspadd X-C:\\ d\n tcp-request inspect-delay 5s\n tcp-request content accept if WAIT_END\n \
             tcp-request connection reject if { src 10.0.0.0/8 }\n http-request capture src len 5\n http-request capture src id 0\n \
             tcp-response content accept\n http-after-response del-header X\n http-request set-var(txn.a) dst\n",
        );
        let p = &plan.proxies[0];
        let mut got = String::new();
        for (name, list) in [
            ("tcp_connection", &p.rules.tcp_connection),
            ("tcp_content", &p.rules.tcp_content),
            ("tcp_response", &p.rules.tcp_response),
            ("http_request", &p.rules.http_request),
            ("http_response", &p.rules.http_response),
            ("http_after_response", &p.rules.http_after_response),
        ] {
            for rule in list {
                let action = format!("{:?}", rule.action);
                let action = action.split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
                got.push_str(&format!("{name} {:?} {action} {}\n", rule.stage, rule.cond.is_some()));
            }
        }
        got.push_str(&format!(
            "{:?} {:?} {:?}",
            p.rules.inspect_delay,
            plan.var_slots,
            p.front.as_ref().map(|f| f.needs_dst)
        ));
        expect![[r#"
            tcp_connection Main Reject true
            tcp_content Main Accept true
            tcp_response Main Accept false
            http_request Block Deny true
            http_request Main Header false
            http_request Main Deny true
            http_request Main Capture false
            http_request Main Capture false
            http_request Main SetVar false
            http_request Lines Line false
            http_request Adds Line false
            http_request Redirect Redirect true
            http_response Main Header false
            http_response Lines Line false
            http_response Adds Line false
            http_after_response Main DelHeader false
            Some(5s) VarSlots { exchange: 1, session: 0, process: 0 } Some(true)"#]]
        .assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n http-request deny\nlisten l\n bind :80\n \
             http-request\n http-request foo\n http-request deny if nope\n http-request deny foo\n http-request set-header a\n \
             http-request set-header a b c\n http-request set-header a %[foo]\n http-request set-var(foo) src\n \
             http-request capture src id 7\n http-request lua.x\n http-request track-sc0 src\n http-request deny if { path /\n acl bad path_reg (\n \
             http-request deny if bad\n tcp-request\n tcp-request foo\n tcp-request inspect-delay\n tcp-request inspect-delay x\n \
             redirect\n redirect foo\n redirect location /\n http-request deny\n http-request deny\n block\n reqrep\n \
             http-response set-header a b if { path / }\nbackend b\n tcp-request connection accept\n http-request capture src len 4\nfrontend f\n bind :81\n \
             tcp-response content accept\n",
            expect![[r#"
                E 6:2 misplaced-keyword: 'http-request' not allowed in anonymous 'defaults' section.
                E 9:14 missing-argument: 'http-request' expects an action : an action is missing
                E 10:15 unknown-action: 'http-request' expects an action : `foo` is no action of http-request
                E 11:23 unknown-acl: error detected while parsing an 'http-request deny' condition : there is no ACL `nope`
                E 12:20 surplus-argument: error detected in proxy 'l' while parsing 'http-request deny' rule : `foo` is not known here
                E 13:27 missing-argument: error detected in proxy 'l' while parsing 'http-request set-header' rule : the value of the header field is missing
                E 14:30 surplus-argument: error detected in proxy 'l' while parsing 'http-request set-header' rule : `c` is not known here
                E 15:30 unknown-fetch: error detected in proxy 'l' while parsing 'http-request set-header' rule : `foo` is no sample fetch
                E 16:23 unknown-scope: error detected in proxy 'l' while parsing 'http-request set-var(foo)' rule : `foo` needs a scope in front: proc., sess., txn., req. or res.
                E 17:2 unknown-capture: proxy 'l' : unable to find capture id '7' referenced by http-request capture rule.
                E 18:15 refused: 'http-request lua.x' cannot be used: not built yet: Lua
                E 19:15 refused: 'http-request track-sc0' cannot be used: not built yet: stick tables
                E 20:23 unclosed-brace: error detected while parsing an 'http-request deny' condition : the `}` after this `{` is missing
                E 21:19 bad-pattern: error detected while parsing ACL 'bad' : the regular expression cannot be read: unclosed group
                E 23:13 unknown-keyword: 'tcp-request' expects one of 'connection', 'content', 'inspect-delay', 'session' as argument
                E 24:14 unknown-keyword: 'tcp-request' only supports 'connection', 'content', 'inspect-delay', 'session' (got 'foo')
                E 25:27 bad-time: 'tcp-request inspect-delay' expects a positive delay in milliseconds, in proxy 'l'
                E 26:28 bad-time: 'tcp-request inspect-delay' expects a positive delay in milliseconds, in proxy 'l' (unexpected character 'x' in 'tcp-request inspect-delay')
                E 27:10 missing-argument: error detected in proxy 'l' while parsing redirect rule : `location`, `prefix` or `scheme` is missing
                E 28:11 surplus-argument: error detected in proxy 'l' while parsing redirect rule : `foo` is not known here
                W 30:2 misordered: a 'http-request' rule placed after a 'redirect' rule will still be processed before.
                W 31:2 misordered: a 'http-request' rule placed after a 'redirect' rule will still be processed before.
                W 31:2 never-reached: previous 'http-request' action is final and has no condition attached, further entries are NOOP.
                W 32:2 misordered: a 'block' rule placed after an 'http-request' rule will still be processed before.
                E 32:7 missing-argument: error detected while parsing 'block' rule : `if` and a condition are missing
                W 33:2 misordered: a 'reqxxx' rule placed after a 'redirect' rule will still be processed before.
                E 33:8 missing-argument: error detected while parsing 'reqrep' rule : a regular expression is missing
                W 34:36 fetch-out-of-place: `path` looks at the request, which a response rule does not have, so this never matches
                E 36:2 misplaced-keyword: 'tcp-request connection' not allowed because backend 'b' has no frontend capability.
                E 37:2 bad-capture: error detected in backend 'b' while parsing 'http-request capture' rule : proxy 'b' has no frontend capability.
                E 40:2 misplaced-keyword: 'tcp-response content' not allowed because frontend 'f' has no backend capability.
            "#]],
        );
    }
}
