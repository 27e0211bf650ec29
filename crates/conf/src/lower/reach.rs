//! Keywords about reaching servers: reuse, retries, state files, `dispatch`, TCP keep-alive's numbers.

use std::time::Duration;

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::HttpReuse;
use evenkeel_plan::back::RetryOn;
use evenkeel_plan::proxy::Probes;

use super::address;
use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

const RDP: &str = "not built yet: RDP cookies";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::refused(
        "be-unpublished",
        Sections::BACK_OWN,
        "not built yet: publishing of backends",
        "The backend takes no traffic until it is published.",
    ),
    Keyword::proxy(
        "clitcpka-cnt",
        Sections::FRONT,
        |p, ctx, words| probe_count(&mut p.proxy.options.client_probes, ctx, words),
        "Unanswered keep-alive packets to a client before it counts as gone.",
    )
    .example("clitcpka-cnt 3"),
    Keyword::proxy(
        "clitcpka-idle",
        Sections::FRONT,
        |p, ctx, words| {
            p.proxy.options.client_probes.idle = Some(probe_time(ctx, words)?);
            Ok(())
        },
        "Silence before the first keep-alive packet to a client.",
    )
    .example("clitcpka-idle 60s"),
    Keyword::proxy(
        "clitcpka-intvl",
        Sections::FRONT,
        |p, ctx, words| {
            p.proxy.options.client_probes.interval = Some(probe_time(ctx, words)?);
            Ok(())
        },
        "Time between keep-alive packets to a client.",
    )
    .example("clitcpka-intvl 10s"),
    Keyword::proxy("dispatch", Sections::BACK_OWN, dispatch, "One address for all traffic.")
        .example("dispatch 192.168.1.2:80"),
    Keyword::proxy("http-reuse", Sections::BACK, reuse, "Which idle connections requests may share.")
        .example("http-reuse always"),
    Keyword::proxy("http-send-name-header", Sections::BACK, send_name_header, "Tells a server its own name.")
        .example("http-send-name-header X-Server"),
    Keyword::proxy(
        "load-server-state-from-file",
        Sections::BACK,
        load_state,
        "Servers' states of the last run.",
    )
    .example("load-server-state-from-file none"),
    Keyword::proxy(
        "max-keep-alive-queue",
        Sections::BACK,
        max_keep_alive_queue,
        "Requests waiting for a server at which a client's server may change.",
    )
    .example("max-keep-alive-queue 10"),
    Keyword::proxy(
        "max-session-srv-conns",
        Sections::FRONT,
        |_, ctx, words| args::word(ctx, words, "a number").map(|_| ()),
        "Idle server connections that a client's connection keeps.",
    )
    .accepted("idle connections belong to the server, not to a client")
    .example("max-session-srv-conns 5"),
    Keyword::refused(
        "persist rdp-cookie",
        Sections::BACK,
        RDP,
        "Clients keep their server by an RDP cookie.",
    ),
    Keyword::proxy("retry-on", Sections::BACK, retry_on, "What a request is sent again for.")
        .example("retry-on conn-failure empty-response 503"),
    Keyword::proxy(
        "server-state-file-name",
        Sections::BACK,
        state_file_name,
        "The file of `load-server-state-from-file local`.",
    )
    .accepted(NO_STATES)
    .example("server-state-file-name b.state"),
    Keyword::proxy(
        "srvtcpka-cnt",
        Sections::BACK,
        |p, ctx, words| probe_count(&mut p.proxy.options.server_probes, ctx, words),
        "Unanswered keep-alive packets to a server before it counts as gone.",
    )
    .example("srvtcpka-cnt 3"),
    Keyword::proxy(
        "srvtcpka-idle",
        Sections::BACK,
        |p, ctx, words| {
            p.proxy.options.server_probes.idle = Some(probe_time(ctx, words)?);
            Ok(())
        },
        "Silence before the first keep-alive packet to a server.",
    )
    .example("srvtcpka-idle 60s"),
    Keyword::proxy(
        "srvtcpka-intvl",
        Sections::BACK,
        |p, ctx, words| {
            p.proxy.options.server_probes.interval = Some(probe_time(ctx, words)?);
            Ok(())
        },
        "Time between keep-alive packets to a server.",
    )
    .example("srvtcpka-intvl 10s"),
];

fn missing(words: &Words<'_>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error("missing-argument", message, words.last_span().after())
}

fn probe_count(probes: &mut Probes, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    probes.count = Some(args::count(ctx, words)?);
    Ok(())
}

fn probe_time(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Diagnostic> {
    let keyword = ctx.keyword;
    let word = words.next().ok_or_else(|| missing(words, format!("'{keyword}' expects an integer value")))?;
    args::time_of(ctx, word, evenkeel_base::time::Unit::Seconds)
}

fn dispatch(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = words.next().ok_or_else(|| missing(words, "'dispatch' expects an address as argument"))?;
    p.back.dispatch = Some(address::one(ctx, word, None)?.0);
    Ok(())
}

fn reuse(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const CHOICES: &[(&str, HttpReuse)] = &[
        ("never", HttpReuse::Never),
        ("safe", HttpReuse::Safe),
        ("aggressive", HttpReuse::Aggressive),
        ("always", HttpReuse::Always),
    ];
    p.back.reuse = args::choice(ctx, words, CHOICES)?;
    Ok(())
}

fn send_name_header(p: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word =
        words.next().ok_or_else(|| missing(words, "'http-send-name-header' requires a header string."))?;
    p.back.send_name_header = Some(word.bytes().to_vec());
    words.take_rest(); // as the original
    Ok(())
}

fn load_state(_: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const CHOICES: &str = "'load-server-state-from-file' expects 'global', 'local' or 'none'. Got";
    let word = words.next().ok_or_else(|| missing(words, format!("{CHOICES} ''")))?;
    match word.str().as_ref() {
        "none" => Ok(()),
        "global" | "local" => {
            let message = "'load-server-state-from-file' cannot be used: not built yet: servers' states of the last run";
            Err(Diagnostic::error("refused", message, word.span).help("`none` is what it comes to."))
        }
        _ => Err(Diagnostic::error("bad-choice", format!("{CHOICES} '{word}'"), word.span)),
    }
}

fn state_file_name(_: &mut ProxyDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    words.next();
    Ok(())
}

fn max_keep_alive_queue(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "an integer value (or -1 to disable)")?;
    p.back.max_keep_alive_queue = match word.is("-1") {
        true => None,
        false => Some(args::number_of(ctx, word, 0..=i32::MAX as u64)? as u32),
    };
    Ok(())
}

/// Why names of files of states have no effect.
pub(crate) const NO_STATES: &str = "not built yet: servers' states of the last run";

/// Statuses that `retry-on` knows.
const RETRY_STATUSES: &[u16] = &[401, 403, 404, 408, 425, 429, 500, 501, 502, 503, 504];
/// Those among them that `all-retryable-errors` means (configuration manual, `retry-on`).
const RETRYABLE: &[u16] = &[500, 502, 503, 504];

fn retry_on(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        let message = "'retry-on' needs at least one keyword to specify when to retry";
        return Err(missing(words, message));
    }
    let alone = words.rest().len() == 1;
    let mut on = RetryOn { conn_failure: false, ..RetryOn::default() };
    while let Some(word) = words.next() {
        let text = word.str();
        match text.as_ref() {
            "none" | "all-retryable-errors" if !alone => {
                let message = format!("'retry-on' '{word}' keyworld only usable alone");
                return Err(Diagnostic::error("bad-choice", message, word.span));
            }
            "none" => {}
            "all-retryable-errors" => {
                on.conn_failure = true;
                on.empty_response = true;
                on.junk_response = true;
                on.response_timeout = true;
                on.statuses.extend_from_slice(RETRYABLE);
            }
            "conn-failure" => on.conn_failure = true,
            "empty-response" => on.empty_response = true,
            "junk-response" => on.junk_response = true,
            "response-timeout" => on.response_timeout = true,
            "0rtt-rejected" => {}
            _ => match text.parse().ok().filter(|status| RETRY_STATUSES.contains(status)) {
                Some(status) => on.statuses.push(status),
                None => {
                    let message = format!("'retry-on': unknown keyword '{word}'");
                    return Err(Diagnostic::error("bad-choice", message, word.span));
                }
            },
        }
    }
    debug_assert_eq!(ctx.keyword, "retry-on");
    p.back.retry_on = on;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn values() {
        let plan = plan_of(
            "defaults\n server-state-file-name x\n load-server-state-from-file none\n http-reuse always\n retry-on all-retryable-errors\n \
             srvtcpka-cnt 3\n srvtcpka-idle 5\n srvtcpka-intvl 2m\n clitcpka-idle 7s\n max-keep-alive-queue 4\nlisten a\n bind :80\nbackend b\n \
             server-state-file-name use-backend-name\n retry-on 503 404\n dispatch 127.0.0.1:80\n http-send-name-header X\n http-reuse never\n \
             max-keep-alive-queue -1\n",
        );
        let mut got = String::new();
        for p in &plan.proxies {
            let b = p.back.as_ref().expect("all have one");
            got.push_str(&format!(
                "{:?} {:?}\n {:?} {:?} {:?} {:?}\n {:?} {:?}\n",
                b.reuse,
                b.retry_on,
                b.dispatch,
                b.send_name_header,
                b.max_keep_alive_queue,
                p.name,
                p.options.client_probes,
                p.options.server_probes,
            ));
        }
        expect![[r#"
            Always RetryOn { conn_failure: true, empty_response: true, junk_response: true, response_timeout: true, statuses: [500, 502, 503, 504] }
             None None Some(4) "a"
             Probes { count: None, idle: Some(7s), interval: None } Probes { count: Some(3), idle: Some(5s), interval: Some(120s) }
            Never RetryOn { conn_failure: false, empty_response: false, junk_response: false, response_timeout: false, statuses: [503, 404] }
             Some(Inet(127.0.0.1:80)) Some([88]) None "b"
             Probes { count: None, idle: None, interval: None } Probes { count: Some(3), idle: Some(5s), interval: Some(120s) }
        "#]].assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "backend b\n http-reuse\n http-reuse foo\n http-reuse never x\n retry-on\n retry-on foo\n retry-on none 503\n retry-on 418\n \
             max-keep-alive-queue\n max-keep-alive-queue x\n http-send-name-header\n load-server-state-from-file\n \
             load-server-state-from-file foo\n dispatch\n dispatch 1.2.3.4\n dispatch 1.2.3.4:80 x\n persist\n persist foo\n persist rdp-cookie\n \
             persist rdp-cookie(a)\n srvtcpka-cnt\n srvtcpka-cnt x\n srvtcpka-idle x\n srvtcpka-intvl\n",
            expect![[r#"
                E 2:12 missing-argument: 'http-reuse' expects one of 'never', 'safe', 'aggressive' and 'always' as argument
                E 3:13 bad-choice: 'http-reuse' only supports 'never', 'safe', 'aggressive' and 'always' (got 'foo')
                E 4:19 surplus-argument: 'http-reuse' cannot handle unexpected argument 'x'
                E 5:10 missing-argument: 'retry-on' needs at least one keyword to specify when to retry
                E 6:11 bad-choice: 'retry-on': unknown keyword 'foo'
                E 7:11 bad-choice: 'retry-on' 'none' keyworld only usable alone
                E 8:11 bad-choice: 'retry-on': unknown keyword '418'
                E 9:22 missing-argument: 'max-keep-alive-queue' expects an integer value (or -1 to disable) as argument
                E 10:23 bad-number: 'max-keep-alive-queue' expects a positive integer argument, not 'x'
                E 11:23 missing-argument: 'http-send-name-header' requires a header string.
                E 12:29 missing-argument: 'load-server-state-from-file' expects 'global', 'local' or 'none'. Got ''
                E 13:30 bad-choice: 'load-server-state-from-file' expects 'global', 'local' or 'none'. Got 'foo'
                E 14:10 missing-argument: 'dispatch' expects an address as argument
                E 15:11 bad-address: 'dispatch' : missing port specification in '1.2.3.4'
                E 16:22 surplus-argument: 'dispatch' cannot handle unexpected argument 'x'
                E 17:9 unknown-keyword: 'persist' expects one of 'rdp-cookie' as argument
                E 18:10 unknown-keyword: 'persist' only supports 'rdp-cookie' (got 'foo')
                E 19:2 refused: 'persist rdp-cookie' cannot be used: not built yet: RDP cookies
                E 21:14 missing-argument: 'srvtcpka-cnt' expects an integer as argument
                E 22:15 bad-number: 'srvtcpka-cnt' expects a positive integer argument, not 'x'
                E 23:16 bad-time: unexpected character 'x' in 'srvtcpka-idle'
                E 24:16 missing-argument: 'srvtcpka-intvl' expects an integer value
            "#]],
        );
    }
}
