//! Keywords of HAProxy 1.x and 2.x that today's releases refuse. They work here as they did then, with a warning that
//! names today's form.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::HttpMode;

use super::args;
use super::context::{Ctx, Prefix};
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};
use super::options;
use super::timeouts;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("clitimeout", Sections::FRONT, client, "Longest silence of a client.")
        .obsolete("`timeout client`")
        .example("clitimeout 50000"),
    Keyword::proxy("contimeout", Sections::BACK, connect, "Longest wait for a server's connection.")
        .obsolete("`timeout connect`")
        .example("contimeout 5000"),
    Keyword::proxy("srvtimeout", Sections::BACK, server, "Longest silence of a server.")
        .obsolete("`timeout server`")
        .example("srvtimeout 50000"),
    Keyword::proxy("timeout clitimeout", Sections::FRONT, client, "Longest silence of a client.")
        .obsolete("`timeout client`")
        .example("timeout clitimeout 50000"),
    Keyword::proxy("timeout contimeout", Sections::BACK, connect, "Longest wait for a server's connection.")
        .obsolete("`timeout connect`")
        .example("timeout contimeout 5000"),
    Keyword::proxy("timeout srvtimeout", Sections::BACK, server, "Longest silence of a server.")
        .obsolete("`timeout server`")
        .example("timeout srvtimeout 50000"),
    Keyword::proxy(
        "redispatch",
        Sections::BACK,
        options::redispatch,
        "Another server is tried when the chosen one doesn't answer.",
    )
    .obsolete("`option redispatch`"),
    Keyword::proxy(
        "transparent",
        Sections::BACK,
        |p, _, _| {
            p.back.transparent = true;
            Ok(())
        },
        "Connections go where the client wanted to.",
    ),
    Keyword::proxy(
        "option forceclose",
        Sections::ANY,
        options::close,
        "Both sides are closed after each response.",
    )
    .no()
    .obsolete("`option httpclose`, or nothing"),
    Keyword::proxy("option http-tunnel", Sections::ANY, tunnel, "Only the first request is looked at.")
        .no()
        .obsolete("nothing: every request is looked at, as since HAProxy 2.0"),
    Keyword::switch(
        "option http-use-htx",
        Sections::ANY,
        |p| &mut p.ignored,
        "HTTP is handled in the form that HAProxy 2.0 made the only one.",
    )
    .obsolete("nothing: there is no other way"),
    Keyword::refused(
        "option http_proxy",
        Sections::ANY,
        "not built yet: going to the address in a request's URL (`http-request set-dst` and `set-uri` do it by hand)",
        "Requests go to the address in their URL.",
    )
    .no(),
    Keyword::switch(
        "option independant-streams",
        Sections::ANY,
        |p| &mut p.proxy.options.independent_streams,
        "Data sent doesn't prolong the wait for data to come.",
    )
    .obsolete("`option independent-streams`"),
    Keyword::proxy(
        "bind-process",
        Sections::ANY,
        |_, ctx, words| {
            args::word(ctx, words, "'all', 'odd', 'even', or a range of processes")?;
            words.take_rest();
            Ok(())
        },
        "Which processes run the section.",
    )
    .obsolete("nothing: all threads of the one process do")
    .example("bind-process 1"),
    Keyword::proxy(
        "grace",
        Sections::FRONT,
        |p, ctx, words| {
            p.front.grace = args::time(ctx, words)?;
            Ok(())
        },
        "How long the section still accepts when the process stops.",
    )
    .obsolete("`grace` in `global`")
    .example("grace 5s"),
    Keyword::proxy("monitor-net", Sections::FRONT, monitor_net, "Clients that are told that all is well.")
        .obsolete("`http-request return status 200 if { src <network> }`")
        .example("monitor-net 192.168.0.252/31"),
    Keyword::refused(
        "appsession",
        Sections::BACK,
        "not built yet: stick tables (today: `stick on` and `stick store-response`)",
        "Clients keep their server by the application's cookie.",
    )
    .example("appsession JSESSIONID len 52 timeout 3h"),
];

fn client(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    timeouts::set(p, ctx, words, |t| &mut t.client)
}

fn connect(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    timeouts::set(p, ctx, words, |t| &mut t.connect)
}

fn server(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    timeouts::set(p, ctx, words, |t| &mut t.server)
}

/// As HAProxy 2.0 took it: the other modes are off.
fn tunnel(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    if ctx.prefix == Prefix::Plain {
        p.proxy.http_mode = HttpMode::KeepAlive;
    }
    Ok(())
}

fn monitor_net(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "<address>[/mask]")?;
    let net = options::parse_network(&word.str()).ok_or_else(|| {
        let message = format!("'monitor-net' expects address[/mask], not '{word}'.");
        Diagnostic::error("bad-address", message, word.span)
    })?;
    p.front.monitor_net = Some(net);
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{load_text, says};

    #[test]
    fn old_files_run() {
        let (plan, said) = load_text(
            "defaults\n mode http\n clitimeout 50000\n contimeout 5s\n timeout srvtimeout 10\n redispatch\n option forceclose\n\
             listen l\n bind :80\n grace 5\n monitor-net 10.0.0.0/8\n bind-process odd\n no option forceclose\n option independant-streams\n",
        );
        let plan = plan.expect("only warnings");
        let p = &plan.proxies[0];
        let front = p.front.as_ref().expect("a listen");
        let got = format!(
            "{said}{:?} {:?} {:?} {} {:?} {:?} {:?}",
            p.timeouts.client,
            p.timeouts.connect,
            p.timeouts.server,
            p.options.redispatch,
            p.http_mode,
            front.grace,
            front.monitor_net
        );
        expect![[r#"
            W 3:2 obsolete-keyword: the 'clitimeout' directive is obsolete, and still works
            W 4:2 obsolete-keyword: the 'contimeout' directive is obsolete, and still works
            W 5:2 obsolete-keyword: the 'timeout srvtimeout' directive is obsolete, and still works
            W 6:2 obsolete-keyword: the 'redispatch' directive is obsolete, and still works
            W 7:2 obsolete-keyword: the 'option forceclose' directive is obsolete, and still works
            W 10:2 obsolete-keyword: the 'grace' directive is obsolete, and still works
            W 11:2 obsolete-keyword: the 'monitor-net' directive is obsolete, and still works
            W 12:2 obsolete-keyword: the 'bind-process' directive is obsolete, and still works
            W 13:5 obsolete-keyword: the 'option forceclose' directive is obsolete, and still works
            W 14:2 obsolete-keyword: the 'option independant-streams' directive is obsolete, and still works
            Some(50s) Some(5s) Some(10ms) -1 KeepAlive 5ms Some(Net { addr: 10.0.0.0, prefix: 8 })"#]]
        .assert_eq(&got);
    }

    #[test]
    fn faults() {
        says(
            "listen l\n bind :80\n contimeout\n clitimeout 5x\n monitor-net x\n grace\n appsession A len 5 timeout 3\n",
            expect![[r#"
                W 1:1 missing-timeouts: missing timeouts for proxy 'l'.
                E 3:12 missing-argument: 'contimeout' expects an integer value (in milliseconds)
                E 4:13 bad-time: unexpected character 'x' in 'clitimeout'
                E 5:14 bad-address: 'monitor-net' expects address[/mask], not 'x'.
                E 6:7 missing-argument: 'grace' expects a time as argument
                E 7:2 refused: 'appsession' cannot be used: not built yet: stick tables (today: `stick on` and `stick store-response`)
            "#]],
        );
    }
}
