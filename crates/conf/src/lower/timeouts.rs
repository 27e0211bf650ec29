//! Keywords: `timeout …`.

use std::time::Duration;

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::Timeouts;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy(
        "timeout check",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.check),
        "Longest wait for a check's answer once it is connected.",
    )
    .example("timeout check 5s"),
    Keyword::proxy(
        "timeout client",
        Sections::FRONT,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.client),
        "Longest silence of a client.",
    )
    .example("timeout client 30s"),
    Keyword::proxy(
        "timeout client-fin",
        Sections::FRONT,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.client_fin),
        "Longest silence of a client that has closed its side.",
    )
    .example("timeout client-fin 30s"),
    Keyword::proxy(
        "timeout client-hs",
        Sections::FRONT,
        |_, ctx, words| time(ctx, words).map(|_| ()),
        "Longest TLS handshake.",
    )
    .accepted("there are no TLS handshakes yet")
    .example("timeout client-hs 5s"),
    Keyword::proxy(
        "timeout connect",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.connect),
        "Longest wait for a server's connection.",
    )
    .example("timeout connect 5s"),
    Keyword::proxy(
        "timeout http-keep-alive",
        Sections::ANY,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.http_keep_alive),
        "Longest wait for the next request.",
    )
    .example("timeout http-keep-alive 10s"),
    Keyword::proxy(
        "timeout http-request",
        Sections::ANY,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.http_request),
        "Longest wait for a whole request head.",
    )
    .example("timeout http-request 10s"),
    Keyword::proxy(
        "timeout queue",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.queue),
        "Longest wait for a free place on a server.",
    )
    .example("timeout queue 1m"),
    Keyword::proxy(
        "timeout server",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.server),
        "Longest silence of a server.",
    )
    .example("timeout server 30s"),
    Keyword::proxy(
        "timeout server-fin",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.server_fin),
        "Longest silence of a server that has closed its side.",
    )
    .example("timeout server-fin 30s"),
    Keyword::proxy(
        "timeout tarpit",
        Sections::ANY,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.tarpit),
        "How long a tarpit holds a request.",
    )
    .example("timeout tarpit 1m"),
    Keyword::proxy(
        "timeout tunnel",
        Sections::BACK,
        |p, ctx, words| set(p, ctx, words, |t| &mut t.tunnel),
        "Longest silence of a tunnel.",
    )
    .example("timeout tunnel 1h"),
];

/// The one value of a timeout line.
fn time(ctx: &Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Diagnostic> {
    if words.is_empty() {
        return Err(Diagnostic::error(
            "missing-argument",
            format!("'{}' expects an integer value (in milliseconds)", ctx.keyword),
            words.last_span().after(),
        ));
    }
    args::time(ctx, words)
}

/// Sets one timeout; zero is none, as in the original.
pub(crate) fn set(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    which: fn(&mut Timeouts) -> &mut Option<Duration>,
) -> Outcome {
    let value = time(ctx, words)?;
    *which(&mut p.proxy.timeouts) = Some(value).filter(|value| !value.is_zero());
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn units_and_zero() {
        let plan = plan_of(
            "defaults\n timeout client 10\n timeout server 2s\n timeout connect 0\n timeout tarpit 1m\n timeout queue 1h\n \
             timeout tunnel 1d\nlisten l\n bind :80\n timeout client 3000us\n",
        );
        expect!["Timeouts { client: Some(3ms), client_fin: None, http_request: None, http_keep_alive: None, tarpit: Some(60s), connect: None, server: Some(2s), server_fin: None, queue: Some(3600s), check: None, tunnel: Some(86400s) }"].assert_eq(&format!("{:?}", plan.proxies[0].timeouts));
    }

    #[test]
    fn faults() {
        says(
            "listen l\n bind :80\n timeout client\n timeout server 1s 2s\n timeout connect 100000d\n timeout\n timeout foo 1\n \
             timeout queue 1w\nbackend b\n timeout client 1\nfrontend f\n timeout server 1\n",
            expect![[r#"
                W 1:1 missing-timeouts: missing timeouts for proxy 'l'.
                E 3:16 missing-argument: 'timeout client' expects an integer value (in milliseconds)
                E 4:20 surplus-argument: 'timeout server' cannot handle unexpected argument '2s'
                E 5:18 bad-time: timer overflow in argument '100000d' to 'timeout connect' (maximum value is 2147483647 ms or ~24.8 days)
                E 6:9 unknown-keyword: 'timeout' expects one of 'check', 'client', 'client-fin', 'client-hs', 'clitimeout', 'connect', 'contimeout', 'http-keep-alive', 'http-request', 'queue', 'server', 'server-fin', 'srvtimeout', 'tarpit', 'tunnel' as argument
                E 7:10 unknown-keyword: 'timeout' only supports 'check', 'client', 'client-fin', 'client-hs', 'clitimeout', 'connect', 'contimeout', 'http-keep-alive', 'http-request', 'queue', 'server', 'server-fin', 'srvtimeout', 'tarpit', 'tunnel' (got 'foo')
                E 8:16 bad-time: unexpected character 'w' in 'timeout queue'
                W 10:2 misplaced-keyword: 'timeout client' ignored because backend 'b' has no frontend capability.
                W 11:1 no-bind: frontend 'f' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 11:1 missing-timeouts: missing timeouts for frontend 'f'.
                W 12:2 misplaced-keyword: 'timeout server' ignored because frontend 'f' has no backend capability.
            "#]],
        );
    }
}
