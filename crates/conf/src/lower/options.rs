//! Keywords: `option …`, but for those that choose a log line (`log_format`) or a check (`checks`).

use std::net::IpAddr;

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::proxy::{ForwardFor, Net};
use evenkeel_plan::{HttpMode, Mode};

use super::args;
use super::context::{Ctx, Prefix};
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// What `option forwardfor` adds where the line doesn't say.
const FORWARDED_FOR: &[u8] = b"X-Forwarded-For";
/// What `option originalto` adds where the line doesn't say.
const ORIGINAL_TO: &[u8] = b"X-Original-To";

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::switch(
        "option abortonclose",
        Sections::ANY,
        |p| &mut p.proxy.options.abortonclose,
        "A waiting request whose client left is dropped.",
    ),
    Keyword::switch(
        "option accept-invalid-http-request",
        Sections::FRONT,
        |p| &mut p.proxy.options.relaxed_request,
        "Requests with invalid characters in names and values pass.",
    ),
    Keyword::switch(
        "option accept-unsafe-violations-in-http-request",
        Sections::FRONT,
        |p| &mut p.proxy.options.relaxed_request,
        "Requests with invalid characters in names and values pass.",
    ),
    Keyword::switch(
        "option accept-invalid-http-response",
        Sections::BACK,
        |p| &mut p.proxy.options.relaxed_response,
        "Responses with invalid characters in names and values pass.",
    ),
    Keyword::switch(
        "option accept-unsafe-violations-in-http-response",
        Sections::BACK,
        |p| &mut p.proxy.options.relaxed_response,
        "Responses with invalid characters in names and values pass.",
    ),
    Keyword::switch(
        "option allbackups",
        Sections::BACK,
        |p| &mut p.proxy.options.allbackups,
        "All backup servers are used at once when no other is left, not only the first.",
    ),
    Keyword::switch(
        "option checkcache",
        Sections::BACK,
        |p| &mut p.proxy.options.checkcache,
        "Responses that caches could keep with a cookie in them are blocked.",
    ),
    Keyword::switch(
        "option clitcpka",
        Sections::FRONT,
        |p| &mut p.proxy.options.clitcpka,
        "TCP keep-alive packets to clients.",
    ),
    Keyword::switch(
        "option contstats",
        Sections::FRONT,
        |p| &mut p.proxy.options.contstats,
        "Counters move while transfers run, not only at their end.",
    )
    .accepted("bytes from clients always count at once here, those to clients at each exchange's end"),
    Keyword::switch(
        "option disable-h2-upgrade",
        Sections::FRONT,
        |p| &mut p.ignored,
        "Connections that start with HTTP/2's preface are not upgraded.",
    )
    .accepted("connections are never upgraded to HTTP/2 here"),
    Keyword::switch(
        "option dontlog-normal",
        Sections::FRONT,
        |p| &mut p.proxy.log.dontlog_normal,
        "Successful exchanges are not logged.",
    ),
    Keyword::switch(
        "option dontlognull",
        Sections::FRONT,
        |p| &mut p.proxy.log.dontlognull,
        "Connections that carried no data are not logged.",
    ),
    Keyword::refused(
        "option forwarded",
        Sections::BACK,
        "not built yet: the `Forwarded` header",
        "Adds the header of RFC 7239.",
    )
    .no(),
    Keyword::proxy("option forwardfor", Sections::ANY, forwardfor, "Adds the client's address as a header.")
        .example("option forwardfor except 127.0.0.0/8 if-none"),
    Keyword::switch(
        "option h1-case-adjust-bogus-client",
        Sections::FRONT,
        |p| &mut p.proxy.options.h1_case_adjust,
        "Names of headers to clients as `h1-case-adjust` says.",
    )
    .accepted("names of headers always keep their case here"),
    Keyword::switch(
        "option h1-case-adjust-bogus-server",
        Sections::BACK,
        |p| &mut p.proxy.options.h1_case_adjust,
        "Names of headers to servers as `h1-case-adjust` says.",
    )
    .accepted("names of headers always keep their case here"),
    Keyword::switch(
        "option http-buffer-request",
        Sections::ANY,
        |p| &mut p.proxy.options.buffer_request,
        "The body, or a buffer full of it, is waited for before the rules run.",
    ),
    Keyword::refused(
        "option http-drop-request-trailers",
        Sections::BACK,
        "not built yet: dropping of trailers",
        "Trailers of requests are dropped.",
    )
    .no(),
    Keyword::refused(
        "option http-drop-response-trailers",
        Sections::FRONT,
        "not built yet: dropping of trailers",
        "Trailers of responses are dropped.",
    )
    .no(),
    Keyword::switch(
        "option http-ignore-probes",
        Sections::FRONT,
        |p| &mut p.proxy.options.ignore_probes,
        "Connections closed without a request leave no trace.",
    ),
    Keyword::proxy("option http-keep-alive", Sections::ANY, keep_alive, "Both sides stay open.").no(),
    Keyword::switch(
        "option http-no-delay",
        Sections::ANY,
        |p| &mut p.proxy.options.no_delay,
        "Each piece of a body is sent at once.",
    )
    .accepted("each piece is always sent at once"),
    Keyword::switch(
        "option http-pretend-keepalive",
        Sections::BACK,
        |p| &mut p.proxy.options.pretend_keepalive,
        "Servers are not told that the connection will be closed.",
    ),
    Keyword::proxy(
        "option http-restrict-req-hdr-names",
        Sections::ANY,
        restrict_names,
        "What happens to requests with unusual header names.",
    )
    .example("option http-restrict-req-hdr-names delete"),
    Keyword::proxy(
        "option http-server-close",
        Sections::ANY,
        server_close,
        "The server's side is closed after each response.",
    )
    .no(),
    Keyword::switch(
        "option http-use-proxy-header",
        Sections::FRONT,
        |p| &mut p.proxy.options.use_proxy_header,
        "`Proxy-Connection` is honoured in place of `Connection`.",
    ),
    Keyword::proxy("option httpclose", Sections::ANY, close, "Both sides are closed after each response.")
        .no(),
    Keyword::switch(
        "option idle-close-on-response",
        Sections::FRONT,
        |p| &mut p.proxy.options.idle_close_on_response,
        "Idle connections are closed after a response when the process stops.",
    ),
    Keyword::switch(
        "option independent-streams",
        Sections::ANY,
        |p| &mut p.proxy.options.independent_streams,
        "Data sent doesn't prolong the wait for data to come.",
    ),
    Keyword::proxy(
        "option log-health-checks",
        Sections::BACK,
        |p, ctx, _| {
            let on = ctx.on(false);
            p.proxy.log.health_checks = on;
            p.back.log_health_checks = on;
            Ok(())
        },
        "Every change of a check's result is logged.",
    )
    .no(),
    Keyword::switch(
        "option log-separate-errors",
        Sections::FRONT,
        |p| &mut p.proxy.log.separate_errors,
        "Failed exchanges are logged at level `err`.",
    ),
    Keyword::switch(
        "option logasap",
        Sections::FRONT,
        |p| &mut p.proxy.log.logasap,
        "The line is logged when the transfer starts.",
    ),
    Keyword::switch(
        "option nolinger",
        Sections::ANY,
        |p| &mut p.proxy.options.nolinger,
        "Connections are closed by reset.",
    ),
    Keyword::proxy(
        "option originalto",
        Sections::ANY,
        originalto,
        "Adds the address that the client connected to as a header.",
    ),
    Keyword::switch(
        "option persist",
        Sections::BACK,
        |p| &mut p.proxy.options.persist,
        "Clients with a cookie go to their server even when it is down.",
    ),
    Keyword::switch(
        "option prefer-last-server",
        Sections::BACK,
        |p| &mut p.proxy.options.prefer_last_server,
        "The server of the last request is kept if that is possible.",
    ),
    Keyword::proxy(
        "option redispatch",
        Sections::BACK,
        redispatch,
        "Another server is tried when the chosen one doesn't answer.",
    )
    .no()
    .example("option redispatch 1"),
    Keyword::switch(
        "option socket-stats",
        Sections::FRONT,
        |p| &mut p.proxy.options.socket_stats,
        "Counters for each listening address.",
    ),
    Keyword::switch(
        "option splice-auto",
        Sections::ANY,
        |p| &mut p.proxy.options.splice,
        "The kernel moves data where that pays.",
    )
    .accepted("the kernel moves data wherever that pays"),
    Keyword::switch(
        "option splice-request",
        Sections::ANY,
        |p| &mut p.proxy.options.splice,
        "The kernel moves data of requests.",
    )
    .accepted("the kernel moves data wherever that pays"),
    Keyword::switch(
        "option splice-response",
        Sections::ANY,
        |p| &mut p.proxy.options.splice,
        "The kernel moves data of responses.",
    )
    .accepted("the kernel moves data wherever that pays"),
    Keyword::switch(
        "option srvtcpka",
        Sections::BACK,
        |p| &mut p.proxy.options.srvtcpka,
        "TCP keep-alive packets to servers.",
    ),
    Keyword::switch(
        "option tcp-smart-accept",
        Sections::FRONT,
        |p| &mut p.proxy.options.smart_accept,
        "The client's first data is acknowledged with the answer.",
    )
    .accepted("data is read as it arrives"),
    Keyword::switch(
        "option tcp-smart-connect",
        Sections::BACK,
        |p| &mut p.ignored,
        "The first data goes out with the handshake's last packet.",
    )
    .accepted("data is sent as soon as the connection is there"),
    Keyword::proxy(
        "option tcpka",
        Sections::ANY,
        |p, _, _| {
            p.proxy.options.clitcpka = true;
            p.proxy.options.srvtcpka = true;
            Ok(())
        },
        "TCP keep-alive packets on both sides.",
    ),
    Keyword::switch(
        "option transparent",
        Sections::BACK,
        |p| &mut p.back.transparent,
        "Connections go where the client wanted to.",
    ),
    Keyword::switch(
        "option use-small-buffers",
        Sections::BACK,
        |p| &mut p.ignored,
        "Small buffers in queues.",
    )
    .accepted("memory of waiting requests is as small as they are"),
];

fn http_mode(p: &mut ProxyDraft, ctx: &Ctx<'_>, mode: HttpMode) -> Outcome {
    if ctx.prefix == Prefix::Plain {
        p.proxy.http_mode = mode;
    } else if p.proxy.http_mode == mode {
        p.proxy.http_mode = HttpMode::default();
    }
    Ok(())
}

fn keep_alive(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    http_mode(p, ctx, HttpMode::KeepAlive)
}

fn server_close(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    http_mode(p, ctx, HttpMode::ServerClose)
}

pub(crate) fn close(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    http_mode(p, ctx, HttpMode::Close)
}

fn forwardfor(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.proxy.forwardfor = Some(address_header(ctx, words, FORWARDED_FOR, true)?);
    Ok(())
}

fn originalto(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.proxy.originalto = Some(address_header(ctx, words, ORIGINAL_TO, false)?);
    Ok(())
}

/// `[except <network>] [header <name>] [if-none]`: a line starts anew, whatever was said before.
fn address_header(
    ctx: &Ctx<'_>,
    words: &mut Words<'_>,
    name: &[u8],
    may_spare: bool,
) -> Result<ForwardFor, Diagnostic> {
    let mut header = ForwardFor { header: name.to_vec(), except: Vec::new(), if_none: false };
    let keyword = ctx.keyword;
    while let Some(word) = words.next() {
        if word.is("except") {
            let wrong = |span| {
                let message = format!("'{keyword} except' expects <address>[/mask] as argument.");
                Diagnostic::error("bad-address", message, span)
            };
            let place = words.last_span().after();
            let network = words.next().ok_or_else(|| wrong(place))?;
            let parsed = parse_network(&network.str()).ok_or_else(|| wrong(network.span))?;
            header.except = vec![parsed]; // the last one counts, as in the original
        } else if word.is("header") {
            let place = words.last_span().after();
            let name = words.next().ok_or_else(|| {
                let message = format!("'{keyword} header' expects <header_name> as argument.");
                Diagnostic::error("missing-argument", message, place)
            })?;
            header.header = name.bytes().to_vec();
        } else if may_spare && word.is("if-none") {
            header.if_none = true;
        } else {
            let known = if may_spare { "'except', 'header' and 'if-none'" } else { "'except' and 'header'" };
            let message = format!("'{keyword}' only supports optional values: {known}.");
            return Err(Diagnostic::error("bad-choice", message, word.span));
        }
    }
    Ok(header)
}

/// `address`, `address/bits` or `address/mask`.
pub(crate) fn parse_network(text: &str) -> Option<Net> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let addr: IpAddr = address.parse().ok()?;
    let bits_max = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match mask {
        None => bits_max,
        Some(mask) => match mask.parse::<u8>() {
            Ok(bits) if bits <= bits_max => bits,
            Ok(_) => return None,
            Err(_) => {
                let IpAddr::V4(mask) = mask.parse().ok()? else { return None };
                let mask = u32::from(mask);
                let bits = mask.leading_ones();
                // A mask with holes is no prefix.
                (mask.checked_shl(bits).unwrap_or(0) == 0).then_some(bits as u8)?
            }
        },
    };
    Some(Net { addr, prefix })
}

fn restrict_names(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const CHOICES: &[(&str, u8)] = &[("preserve", 0), ("delete", 1), ("reject", 2)];
    p.proxy.options.restrict_header_names = args::choice(ctx, words, CHOICES)?;
    Ok(())
}

/// `option redispatch [interval]`; the original takes any word, and one that is no number for 0.
pub(crate) fn redispatch(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const LAST_RETRY: i32 = -1;
    let interval = match words.next() {
        None => LAST_RETRY,
        Some(word) => word.str().parse().unwrap_or_else(|_| {
            let message = format!("'{}' expects an integer argument, '{word}' counts as 0", ctx.keyword);
            ctx.warn("bad-number", message, word.span);
            0
        }),
    };
    p.proxy.options.redispatch = if ctx.on(false) { interval } else { 0 };
    Ok(())
}

/// At a section's end: what only HTTP has.
pub(crate) fn end(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    if p.proxy.mode != Mode::Tcp {
        return;
    }
    let title = p.title();
    let o = &mut p.proxy.options;
    for (name, option) in [
        ("accept-invalid-http-request", &mut o.relaxed_request),
        ("accept-invalid-http-response", &mut o.relaxed_response),
        ("checkcache", &mut o.checkcache),
        ("http-buffer-request", &mut o.buffer_request),
        ("http-ignore-probes", &mut o.ignore_probes),
        ("http-no-delay", &mut o.no_delay),
        ("http-pretend-keepalive", &mut o.pretend_keepalive),
        ("http-use-proxy-header", &mut o.use_proxy_header),
        ("idle-close-on-response", &mut o.idle_close_on_response),
        ("prefer-last-server", &mut o.prefer_last_server),
    ] {
        if std::mem::take(option) {
            let message = format!("'option {name}' ignored for {title} as it requires HTTP mode.");
            ctx.warn("needs-http", message, p.proxy.span);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::parse_network;
    use crate::lower::testing::{plan_of, says};

    #[test]
    fn switches_and_what_they_inherit() {
        let plan = plan_of(
            "defaults\n mode http\n option httpclose\n option forwardfor except 10.0.0.0/8 header X-Client if-none\n \
             option redispatch 2\n option tcpka\nlisten a\n no option httpclose\n no option redispatch\n option forwardfor\n\
             listen b\n no option http-server-close\n option originalto except 1.2.3.4\n default option srvtcpka\n\
             listen c\n option http-server-close\n option http-restrict-req-hdr-names reject\n option redispatch\n",
        );
        let mut got = String::new();
        for p in &plan.proxies {
            let o = &p.options;
            let header = |f: &Option<evenkeel_plan::proxy::ForwardFor>| {
                f.as_ref().map(|f| (bstr::BString::from(f.header.as_slice()), f.except.len(), f.if_none))
            };
            got.push_str(&format!(
                "{} {:?} {:?} {:?} redispatch {} ka {} {} names {}\n",
                p.name,
                p.http_mode,
                header(&p.forwardfor),
                header(&p.originalto),
                o.redispatch,
                o.clitcpka,
                o.srvtcpka,
                o.restrict_header_names,
            ));
        }
        expect![[r#"
            a KeepAlive Some(("X-Forwarded-For", 0, false)) None redispatch 0 ka true true names 0
            b Close Some(("X-Client", 1, true)) Some(("X-Original-To", 1, false)) redispatch 2 ka true false names 0
            c ServerClose Some(("X-Client", 1, true)) None redispatch -1 ka true true names 2
        "#]]
        .assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "defaults\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n option forwardfor except\n \
             option forwardfor except x\n option forwardfor header\n option forwardfor foo\n option dontlognull x\n \
             option http-restrict-req-hdr-names\n option redispatch x\n no option forwardfor\n option forwarded\nlisten l\n bind :80\n \
             option forwardfor\n",
            expect![[r#"
                E 5:26 bad-address: 'option forwardfor except' expects <address>[/mask] as argument.
                E 6:27 bad-address: 'option forwardfor except' expects <address>[/mask] as argument.
                E 7:26 missing-argument: 'option forwardfor header' expects <header_name> as argument.
                E 8:20 bad-choice: 'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'.
                E 9:21 surplus-argument: 'option dontlognull' cannot handle unexpected argument 'x'
                E 10:36 missing-argument: 'option http-restrict-req-hdr-names' expects one of 'preserve', 'delete' and 'reject' as argument
                W 11:20 bad-number: 'option redispatch' expects an integer argument, 'x' counts as 0
                E 12:2 no-negation: negation/default currently not supported for 'option forwardfor'
                E 13:2 refused: 'option forwarded' cannot be used: not built yet: the `Forwarded` header
                W 14:1 needs-http: 'option forwardfor' ignored for proxy 'l' as it requires HTTP mode.
            "#]],
        );
    }

    #[test]
    fn networks() {
        for (text, want) in [
            ("10.0.0.0/8", Some(8)),
            ("10.0.0.0/255.0.0.0", Some(8)),
            ("10.0.0.0/255.0.255.0", None),
            ("10.0.0.0/0.0.0.0", Some(0)),
            ("10.0.0.1", Some(32)),
            ("::1", Some(128)),
            ("fe80::/10", Some(10)),
            ("10.0.0.0/33", None),
            ("10.0.0.0/", None),
            ("x", None),
        ] {
            assert_eq!(parse_network(text).map(|n| n.prefix), want, "{text}");
        }
    }
}
