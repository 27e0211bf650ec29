//! Keywords: `server`, `server-template`, `default-server`, `source` and the options of servers (configuration manual
//! §5.2).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use evenkeel_balance::Weight;
use evenkeel_base::time::Unit;
use evenkeel_base::{Diagnostic, Span, Word, Words};
use evenkeel_expr::env::Names;
use evenkeel_health::{Observe, OnError};
use evenkeel_plan::addr::PortRule;
use evenkeel_plan::back::{SourceAddr, UseSrc};
use evenkeel_plan::server::AgentLine;
use evenkeel_plan::{Addr, Host, HostAddr, Resolve, Server, ServerLine};

use super::address::{self, Flow, HostText, PortText, Written};
use super::args;
use super::context::Ctx;
use super::draft::{ProxyDraft, numbers};
use super::keyword::{Keyword, LineOption, Outcome, Sections, run_options};
use super::run::refused;

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("server", Sections::BACK_OWN, server, "A server, with its address and options.")
        .example("server s1 127.0.0.1:8080 check"),
    Keyword::proxy(
        "server-template",
        Sections::BACK_OWN,
        template,
        "Several servers of one name and address.",
    )
    .example("server-template s 3 127.0.0.1:8080"),
    Keyword::proxy("default-server", Sections::BACK, default_server, "Options of the servers below.")
        .example("default-server inter 3s fall 2"),
    Keyword::proxy("source", Sections::BACK, source, "The address that servers are connected from.")
        .example("source 0.0.0.0"),
];

const TLS: &str = "not built yet: TLS";
const LOG_BACKEND: &str = "not built yet: log backends";
const SOCKS: &str = "not built yet: SOCKS4";

/// Most servers of one `server-template`.
const TEMPLATE_MAX: u32 = 65_536;
/// Most ways of `init-addr`.
const INIT_ADDR_MAX: usize = 16;
/// Intervals of agents where the line doesn't say.
const AGENT_INTER: Duration = Duration::from_secs(2);

/// A server's options while its line is read.
#[derive(Clone, Default)]
pub(crate) struct ServerDraft {
    /// What the Plan keeps.
    pub(crate) line: ServerLine,
    /// `track`, looked up when all sections are read.
    pub(crate) track: Option<Word>,
    /// `id`.
    number: Option<(u32, Span)>,
    agent_check: bool,
    agent_port: Option<u16>,
    agent_addr: Option<Addr>,
    agent_inter: Option<Duration>,
    agent_send: Vec<u8>,
    /// `resolvers`: names are looked up at start only.
    resolvers: Option<Span>,
}

/// A server option's function.
pub(crate) type ServerFn = fn(&mut ServerDraft, &mut Ctx<'_>, &mut Words<'_>) -> Outcome;

/// A server option.
pub(crate) type ServerOption = LineOption<ServerFn>;

const fn flag(name: &'static str, apply: ServerFn, doc: &'static str) -> ServerOption {
    ServerOption::new(name, apply, doc)
}

/// The options.
pub(crate) const OPTIONS: &[ServerOption] = &[
    flag("addr", addr, "Address of the checks."),
    flag("agent-check", |s, _, _| on(&mut s.agent_check), "Asks an agent too."),
    flag("no-agent-check", |s, _, _| off(&mut s.agent_check), "Asks no agent."),
    flag("agent-send", agent_send, "What the agent is sent."),
    flag("agent-inter", agent_inter, "How often the agent is asked."),
    flag("agent-addr", agent_addr, "Address of the agent."),
    flag("agent-port", agent_port, "Port of the agent."),
    flag("backup", |s, _, _| on(&mut s.line.backup), "Used when all others are down."),
    flag("no-backup", |s, _, _| off(&mut s.line.backup), "Not a backup."),
    flag("check", |s, _, _| on(&mut s.line.check), "Checks whether the server is well."),
    flag("no-check", |s, _, _| off(&mut s.line.check), "No checks."),
    flag(
        "check-send-proxy",
        |s, _, _| on(&mut s.line.check_timing.send_proxy),
        "Checks send a PROXY header.",
    ),
    flag("cookie", cookie, "Its value of the persistence cookie."),
    flag("disabled", |s, _, _| on(&mut s.line.disabled), "Starts in maintenance."),
    flag("enabled", |s, _, _| off(&mut s.line.disabled), "Starts in service."),
    flag("error-limit", error_limit, "Errors in a row before `on-error` acts."),
    flag("fall", fall, "Failed checks to go down."),
    flag("rise", rise, "Good checks to come up."),
    flag("inter", inter, "Time between checks."),
    flag("fastinter", fastinter, "Time between checks while the state changes."),
    flag("downinter", downinter, "Time between checks while down."),
    flag("id", id, "Number of the server in stats."),
    flag("init-addr", init_addr, "How the address is found at start."),
    flag("maxconn", |s, c, w| set(&mut s.line.maxconn, c, w), "Most connections at a time; more wait."),
    flag("maxqueue", |s, c, w| set(&mut s.line.maxqueue, c, w), "Longest queue."),
    flag("max-reuse", max_reuse, "How often a connection is reused."),
    flag("minconn", |s, c, w| set(&mut s.line.minconn, c, w), "Most connections while the load is low."),
    flag("observe", observe, "Traffic that counts as a check."),
    flag("on-error", on_error, "What follows from errors in the traffic."),
    flag("on-marked-down", on_marked_down, "What becomes of its sessions."),
    flag("on-marked-up", on_marked_up, "What becomes of the backups' sessions."),
    flag(
        "pool-low-conn",
        |s, c, w| set(&mut s.line.pool_low, c, w),
        "Idle connections that are kept for oneself.",
    ),
    flag("pool-max-conn", pool_max, "Most idle connections."),
    flag("pool-purge-delay", pool_purge, "How long idle connections are kept."),
    flag("port", port, "Port of the checks."),
    flag("proto", proto, "Fixed protocol."),
    flag("check-proto", proto, "Fixed protocol of checks."),
    flag("redir", redir, "Redirects GET and HEAD to this prefix."),
    flag("resolve-prefer", resolve_prefer, "Which family is preferred."),
    flag("resolvers", resolvers, "Names are looked up while running."),
    flag("send-proxy", |s, _, _| send_proxy(s, 1), "Sends a PROXY header."),
    flag("no-send-proxy", |s, _, _| send_proxy(s, 0), "Sends no PROXY header."),
    flag("send-proxy-v2", |s, _, _| send_proxy(s, 2), "Sends a binary PROXY header."),
    flag("no-send-proxy-v2", |s, _, _| send_proxy(s, 0), "Sends no PROXY header."),
    flag("slowstart", slowstart, "Time until a server that came up has its full weight."),
    flag("source", source_option, "The address that it is connected from."),
    flag("tcp-ut", tcp_ut, "Longest wait for acknowledgement."),
    flag("tfo", |s, _, _| on(&mut s.line.fastopen), "TCP Fast Open."),
    flag("no-tfo", |s, _, _| off(&mut s.line.fastopen), "No TCP Fast Open."),
    flag("track", track, "Is as well as another server."),
    flag("weight", weight, "Its share of the load."),
    flag("ws", ws, "Protocol of WebSockets."),
    flag("hash-key", hash_key, "What places it on a consistent hash's ring."),
    flag("init-state", init_state, "State before the first check."),
    flag("usesrc", usesrc_alone, "Goes with `source`."),
    flag("interface", interface_alone, "Goes with `source`."),
    ServerOption::ignored("stick", 0, "stick tables are not built yet"),
    ServerOption::ignored("non-stick", 0, "stick tables are not built yet"),
    ServerOption::ignored("shard", 1, "peers are not built yet"),
    ServerOption::ignored("resolve-opts", 1, "names are looked up at start"),
    ServerOption::ignored("resolve-net", 1, "names are looked up at start"),
    ServerOption::ignored("guid", 1, "it is for tools of HAProxy 3.x"),
    ServerOption::ignored("idle-ping", 1, "only HTTP/2 has pings"),
    ServerOption::ignored("pool-conn-name", 1, "connections are pooled per server and address"),
    ServerOption::ignored("check-pool-conn-name", 1, "checks use connections of their own"),
    ServerOption::ignored("check-reuse-pool", 0, "checks use connections of their own"),
    ServerOption::ignored("no-check-reuse-pool", 0, "checks use connections of their own"),
    ServerOption::ignored("no-check-sni-auto", 0, "there is no TLS to change"),
    ServerOption::ignored("no-check-ssl", 0, "there is no TLS to change"),
    ServerOption::ignored("no-renegotiate", 0, "there is no TLS to change"),
    ServerOption::ignored("no-send-proxy-v2-ssl", 0, "there is no TLS to change"),
    ServerOption::ignored("no-send-proxy-v2-ssl-cn", 0, "there is no TLS to change"),
    ServerOption::ignored("no-sni-auto", 0, "there is no TLS to change"),
    ServerOption::ignored("no-ssl", 0, "there is no TLS to change"),
    ServerOption::ignored("no-ssl-reuse", 0, "there is no TLS to change"),
    ServerOption::ignored("no-sslv3", 0, "there is no TLS to change"),
    ServerOption::ignored("no-tls-tickets", 0, "there is no TLS to change"),
    ServerOption::ignored("no-tlsv10", 0, "there is no TLS to change"),
    ServerOption::ignored("no-tlsv11", 0, "there is no TLS to change"),
    ServerOption::ignored("no-tlsv12", 0, "there is no TLS to change"),
    ServerOption::ignored("no-tlsv13", 0, "there is no TLS to change"),
    ServerOption::ignored("no-verifyhost", 0, "there is no TLS to change"),
    ServerOption::refused("cc", 1, "not built yet: congestion control"),
    ServerOption::refused("healthcheck", 1, "not built yet: healthcheck sections"),
    ServerOption::refused("log-bufsize", 1, LOG_BACKEND),
    ServerOption::refused("log-proto", 1, LOG_BACKEND),
    ServerOption::refused("namespace", 1, "not built yet: network namespaces"),
    ServerOption::refused("proxy-v2-options", 1, "not built yet: options of the PROXY protocol"),
    ServerOption::refused("set-proxy-v2-tlv-fmt", 1, "not built yet: options of the PROXY protocol"),
    ServerOption::refused("quic-cc-algo", 1, "not built yet: QUIC"),
    ServerOption::refused("socks4", 1, SOCKS),
    ServerOption::refused("check-via-socks4", 0, SOCKS),
    ServerOption::refused("strict-maxconn", 0, "not built yet: counting idle connections in maxconn"),
    ServerOption::refused("tcp-md5sig", 1, "not built yet: TCP MD5 signatures"),
    ServerOption::refused("allow-0rtt", 0, TLS),
    ServerOption::refused("alpn", 1, TLS),
    ServerOption::refused("ca-file", 1, TLS),
    ServerOption::refused("check-alpn", 1, TLS),
    ServerOption::refused("check-sni", 1, TLS),
    ServerOption::refused("check-sni-auto", 0, TLS),
    ServerOption::refused("check-ssl", 0, TLS),
    ServerOption::refused("ciphers", 1, TLS),
    ServerOption::refused("ciphersuites", 1, TLS),
    ServerOption::refused("client-sigalgs", 1, TLS),
    ServerOption::refused("crl-file", 1, TLS),
    ServerOption::refused("crt", 1, TLS),
    ServerOption::refused("curves", 1, TLS),
    ServerOption::refused("ecdhe", 1, TLS),
    ServerOption::refused("force-sslv3", 0, TLS),
    ServerOption::refused("force-tlsv10", 0, TLS),
    ServerOption::refused("force-tlsv11", 0, TLS),
    ServerOption::refused("force-tlsv12", 0, TLS),
    ServerOption::refused("force-tlsv13", 0, TLS),
    ServerOption::refused("ktls", 1, TLS),
    ServerOption::refused("npn", 1, TLS),
    ServerOption::refused("renegotiate", 0, TLS),
    ServerOption::refused("send-proxy-v2-ssl", 0, TLS),
    ServerOption::refused("send-proxy-v2-ssl-cn", 0, TLS),
    ServerOption::refused("sigalgs", 1, TLS),
    ServerOption::refused("sni", 1, TLS),
    ServerOption::refused("sni-auto", 0, TLS),
    ServerOption::refused("ssl", 0, TLS),
    ServerOption::refused("ssl-max-ver", 1, TLS),
    ServerOption::refused("ssl-min-ver", 1, TLS),
    ServerOption::refused("ssl-reuse", 0, TLS),
    ServerOption::refused("tls-tickets", 0, TLS),
    ServerOption::refused("verify", 1, TLS),
    ServerOption::refused("verifyhost", 1, TLS),
];

/// `server-template`'s number or range, such as `5` or `3-8`.
pub(crate) fn template_range(word: &Word) -> Option<(u32, u32)> {
    let text = word.str();
    let (from, to) = match text.split_once('-') {
        Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
        None => (1, text.parse().ok()?),
    };
    (from <= to && to - from < TEMPLATE_MAX).then_some((from, to))
}

fn usage(words: &Words<'_>) -> Diagnostic {
    Diagnostic::error(
        "missing-argument",
        "'server' expects <name> and <addr>[:<port>] as arguments.",
        words.last_span().after(),
    )
}

fn server(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = words.next().ok_or_else(|| usage(words))?;
    let place = words.next().ok_or_else(|| usage(words))?;
    check_name(ctx, name);
    let addr = host(ctx, place);
    let draft = options(p, ctx, words, &name.str());
    let addr = addr.unwrap_or_else(|fault| {
        ctx.report(fault);
        nowhere()
    });
    add(p, ctx, name.str().into_owned(), addr, draft, name.span);
    Ok(())
}

fn template(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let usage = |words: &Words<'_>| {
        Diagnostic::error(
            "missing-argument",
            "'server-template' expects <prefix> <num | range> <addr>[:<port>] as arguments.",
            words.last_span().after(),
        )
    };
    let prefix = words.next().ok_or_else(|| usage(words))?;
    let range = words.next().ok_or_else(|| usage(words))?;
    let place = words.next().ok_or_else(|| usage(words))?;
    check_name(ctx, prefix);
    let (from, to) = template_range(range).ok_or_else(|| {
        let message = format!("'server-template' : Wrong server number of range: '{range}'.");
        Diagnostic::error("bad-number", message, range.span)
    })?;
    let addr = host(ctx, place);
    let draft = options(p, ctx, words, &prefix.str());
    let addr = addr.unwrap_or_else(|fault| {
        ctx.report(fault);
        nowhere()
    });
    for number in from..=to {
        add(p, ctx, format!("{}{number}", prefix.str()), addr.clone(), draft.clone(), prefix.span);
    }
    Ok(())
}

fn default_server(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let mut draft = p.default_server.clone();
    let who = format!("'default-server {}'", p.proxy.name);
    run_options(OPTIONS, &mut draft, ctx, words, &who);
    draft.number = None;
    p.default_server = draft;
    Ok(())
}

fn check_name(ctx: &mut Ctx<'_>, name: &Word) {
    if let Some(bad) = super::proxy::bad_character(&name.str()) {
        ctx.error(
            "bad-name",
            format!("character '{bad}' is not permitted in server name '{name}'."),
            name.span,
        );
    }
}

fn options(p: &ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, name: &str) -> ServerDraft {
    let mut draft = p.default_server.clone();
    let who = format!("'server {}/{name}'", p.proxy.name);
    run_options(OPTIONS, &mut draft, ctx, words, &who);
    let place = words.last_span();
    draft.line.agent = match (draft.agent_check, draft.agent_port) {
        (false, _) => None,
        (true, Some(port)) => Some(AgentLine {
            port,
            addr: draft.agent_addr.clone(),
            inter: draft.agent_inter.unwrap_or(AGENT_INTER),
            send: draft.agent_send.clone(),
        }),
        (true, None) => {
            let message =
                format!("{who} : server {name} does not have agent port. Agent check has been disabled.");
            ctx.error("no-agent-port", message, place);
            None
        }
    };
    if let Some(span) = draft.resolvers {
        ctx.warn(
            "static-names",
            format!("{who} : 'resolvers' : names are only looked up at start, not yet while running"),
            span,
        );
    }
    draft
}

fn nowhere() -> HostAddr {
    HostAddr {
        host: Host::Addr(Addr::Inet(SocketAddr::new(address::any(None), 0))),
        port: PortRule::SameAsClient(0),
    }
}

fn add(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, name: String, addr: HostAddr, draft: ServerDraft, at: Span) {
    if let Some(span) = p.server_names.insert(name.clone(), at) {
        let message = format!(
            "{}, another server named '{name}' was already defined, please use distinct names.",
            p.title()
        );
        ctx.report(Diagnostic::error("duplicate-name", message, at).label(span, "defined here"));
    }
    let server = Server {
        id: p.next_server(ctx),
        backend: p.proxy.id,
        slot: p.servers.len() as u32,
        name,
        number: draft.number.map_or(0, |(number, _)| number),
        addr,
        fallback_check_port: None,
        line: draft.line.clone(),
        span: ctx.line,
    };
    p.servers.push((server, draft));
}

/// A server's address: names stay names, ports may be missing or relative to the client's.
fn host(ctx: &Ctx<'_>, word: &Word) -> Result<HostAddr, Diagnostic> {
    let wrong =
        |what: &str| Diagnostic::error("bad-address", format!("'server' : {what} in '{word}'"), word.span);
    let (written, flow) = address::parse(ctx, word)?;
    if flow == Flow::Datagram {
        return Err(wrong("dgram-type address not acceptable"));
    }
    match written {
        Written::Local(Addr::Fd(_)) => Err(wrong("a file descriptor is not acceptable here")),
        Written::Local(addr) => Ok(HostAddr { host: Host::Addr(addr), port: PortRule::Fixed(0) }),
        Written::Inet { host, family, port } => {
            let port = match port {
                PortText::None | PortText::One(0) => PortRule::SameAsClient(0),
                PortText::One(port) => PortRule::Fixed(port),
                PortText::Offset(offset) => PortRule::SameAsClient(offset),
                PortText::Range(..) => return Err(wrong("port range not permitted here")),
            };
            let number = match port {
                PortRule::Fixed(port) => port,
                PortRule::SameAsClient(_) => 0,
            };
            let host = match host {
                HostText::Any => Host::Addr(Addr::Inet(SocketAddr::new(address::any(family), number))),
                HostText::Ip(ip) => Host::Addr(Addr::Inet(SocketAddr::new(ip, number))),
                HostText::Name(name) => Host::Name { name, family },
            };
            Ok(HostAddr { host, port })
        }
    }
}

/// What is settled at the section's end: numbers, and where checks go that name no port.
pub(crate) fn end_section(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    number_servers(p, ctx);
    let listening = p.listeners.iter().find_map(|l| match l.addr {
        Addr::Inet(addr) => Some(addr.port()),
        Addr::Unix(_) | Addr::Abstract { .. } | Addr::Fd(_) => None,
    });
    let name = p.proxy.name.clone();
    for (server, _) in &mut p.servers {
        server.fallback_check_port = listening;
        let line = &server.line;
        let has_port = line.check_timing.port.is_some()
            || matches!(server.addr.port, PortRule::Fixed(_))
            || matches!(line.check_timing.addr, Some(Addr::Inet(a)) if a.port() != 0)
            || matches!(line.check_timing.addr, Some(Addr::Unix(_) | Addr::Abstract { .. }))
            || listening.is_some();
        if line.check && !line.disabled && !has_port && line.track.is_none() {
            ctx.report(
                Diagnostic::error(
                    "no-check-port",
                    format!(
                        "config: backend '{name}': server '{}' has neither service port nor check port.",
                        server.name
                    ),
                    server.span,
                )
                .help("Write the port behind the address, or `port <number>` for the checks."),
            );
        }
    }
}

fn number_servers(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    let mut taken: BTreeMap<u32, (Span, String)> = BTreeMap::new();
    for (server, draft) in &p.servers {
        let Some((number, span)) = draft.number else { continue };
        if let Some((other, other_name)) = taken.get(&number) {
            let message = format!(
                "'server {}/{}' : 'id' : custom id {number} already used ('server {other_name}').",
                p.proxy.name, server.name
            );
            ctx.report(Diagnostic::error("duplicate-id", message, span).label(*other, "used here"));
        } else {
            taken.insert(number, (span, server.name.clone()));
        }
    }
    let given: Vec<Option<u32>> = p.servers.iter().map(|(_, draft)| draft.number.map(|(n, _)| n)).collect();
    for ((server, _), number) in p.servers.iter_mut().zip(numbers(&given, 1)) {
        server.number = number;
    }
}

/// `track`: once all sections are read.
pub(crate) fn resolve_tracks(drafts: &mut [ProxyDraft], ctx: &mut Ctx<'_>) {
    for draft in drafts.iter_mut() {
        let backend = draft.proxy.id;
        let name = draft.proxy.name.clone();
        for (server, written) in &mut draft.servers {
            let Some(word) = &written.track else { continue };
            let text = word.str();
            let who = format!("'server {name}/{}'", server.name);
            let (proxy, wanted) = match text.split_once('/') {
                Some((proxy, wanted)) => (ctx.names.backend(proxy).ok_or(proxy), wanted),
                None => (Ok(backend), text.as_ref()),
            };
            let target = match proxy {
                Ok(proxy) => ctx.names.server(proxy, wanted),
                Err(proxy) => {
                    let message = format!("{who} : unable to find required proxy '{proxy}' for tracking.");
                    ctx.error("unknown-backend", message, word.span);
                    continue;
                }
            };
            match target {
                Some(target) => server.line.track = Some(target),
                None => {
                    let message = format!("{who} : unable to find required server '{wanted}' for tracking.");
                    ctx.error("unknown-server", message, word.span);
                }
            }
        }
    }
    let tracks: BTreeMap<u32, (u32, bool)> = drafts
        .iter()
        .flat_map(|d| &d.servers)
        .map(|(s, _)| (s.id.0, (s.line.track.map_or(s.id.0, |t| t.0), s.line.check)))
        .collect();
    for (server, written) in drafts.iter().flat_map(|d| &d.servers) {
        let (Some(word), Some(_)) = (&written.track, server.line.track) else { continue };
        let mut at = server.id.0;
        let mut steps = 0;
        let checked = loop {
            match tracks.get(&at) {
                Some((next, checked)) if *next == at => break Some(*checked),
                Some((next, _)) if steps < tracks.len() => at = *next,
                Some(_) | None => break None,
            }
            steps += 1;
        };
        match checked {
            Some(true) => {}
            Some(false) => {
                let message = format!(
                    "'server {}' : unable to use {word} for tracking as it does not have any check nor agent enabled.",
                    server.name
                );
                ctx.error("bad-track", message, word.span);
            }
            None => {
                let message = format!(
                    "'server {}' : unable to track {word} as it belongs to a tracking chain looping back.",
                    server.name
                );
                ctx.error("bad-track", message, word.span);
            }
        }
    }
}

fn on(field: &mut bool) -> Outcome {
    *field = true;
    Ok(())
}

fn off(field: &mut bool) -> Outcome {
    *field = false;
    Ok(())
}

fn set(field: &mut u32, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    *field = args::count(ctx, words)?;
    Ok(())
}

fn send_proxy(s: &mut ServerDraft, version: u8) -> Outcome {
    s.line.send_proxy = version;
    Ok(())
}

fn addr(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "an address")?;
    let (addr, _) = address::one(ctx, word, Some(0))?;
    if let Addr::Inet(inet) = addr
        && inet.port() != 0
    {
        s.line.check_timing.port = Some(inet.port());
    }
    s.line.check_timing.addr = Some(addr);
    Ok(())
}

fn agent_send(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.agent_send = args::word(ctx, words, "a text")?.bytes().to_vec();
    Ok(())
}

fn agent_inter(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.agent_inter = Some(delay(ctx, words)?);
    Ok(())
}

fn agent_addr(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "an address")?;
    s.agent_addr = Some(address::one(ctx, word, Some(0))?.0);
    Ok(())
}

fn agent_port(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.agent_port = Some(port_number(ctx, words)?);
    Ok(())
}

fn cookie(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.cookie = Some(args::word(ctx, words, "<value>")?.bytes().to_vec());
    Ok(())
}

fn over_zero(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<u32, Diagnostic> {
    let word = args::word(ctx, words, "an integer")?;
    word.str().parse::<u32>().ok().filter(|n| (1..=i32::MAX as u32).contains(n)).ok_or_else(|| {
        Diagnostic::error("bad-number", format!("'{}' has to be > 0.", ctx.keyword), word.span)
    })
}

fn error_limit(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.error_limit = over_zero(ctx, words)?;
    Ok(())
}

fn fall(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.fall = over_zero(ctx, words)?;
    Ok(())
}

fn rise(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.rise = over_zero(ctx, words)?;
    Ok(())
}

fn delay(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Duration, Diagnostic> {
    let word = args::word(ctx, words, "a delay")?;
    let time = args::time_of(ctx, word, Unit::Millis)?;
    if time.is_zero() {
        let message = format!("invalid value {word} for argument '{}'.", ctx.keyword);
        return Err(Diagnostic::error("bad-time", message, word.span));
    }
    Ok(time)
}

fn inter(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.inter = delay(ctx, words)?;
    Ok(())
}

fn fastinter(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.fastinter = Some(delay(ctx, words)?);
    Ok(())
}

fn downinter(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.downinter = Some(delay(ctx, words)?);
    Ok(())
}

fn id(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let number = args::number(ctx, words, 1..=i32::MAX as u64)? as u32;
    s.number = Some((number, words.last_span()));
    Ok(())
}

fn init_addr(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "a list of methods")?;
    let mut methods = Vec::new();
    for part in word.str().split(',') {
        methods.push(match part {
            "last" => Resolve::Last,
            "libc" => Resolve::Libc,
            "none" => Resolve::None,
            other => match other.parse::<IpAddr>() {
                Ok(ip) => Resolve::Ip(ip),
                Err(_) => {
                    let message = format!(
                        "'init-addr' : unknown init-addr method '{other}', supported methods are 'libc', 'last', 'none'."
                    );
                    return Err(Diagnostic::error("bad-choice", message, word.span));
                }
            },
        });
    }
    if methods.len() > INIT_ADDR_MAX {
        let message = "'init-addr' : too many init-addr methods when trying to add them";
        return Err(Diagnostic::error("bad-number", message, word.span));
    }
    s.line.init_addr = Some(methods);
    Ok(())
}

fn max_reuse(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.max_reuse = limit(ctx, words)?;
    Ok(())
}

fn pool_max(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.pool_max = limit(ctx, words)?;
    Ok(())
}

/// A number, or -1 for no limit.
fn limit(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Option<u32>, Diagnostic> {
    let word = args::word(ctx, words, "an integer")?;
    match word.str().parse::<i32>() {
        Ok(-1) => Ok(None),
        Ok(n) if n >= 0 => Ok(Some(n as u32)),
        Ok(_) | Err(_) => {
            Err(Diagnostic::error("bad-number", format!("'{}' must be >= -1", ctx.keyword), word.span))
        }
    }
}

fn pool_purge(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.pool_purge_delay = args::time(ctx, words)?;
    Ok(())
}

fn observe(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const KINDS: &[(&str, Option<Observe>)] =
        &[("none", None), ("layer4", Some(Observe::Layer4)), ("layer7", Some(Observe::Layer7))];
    s.line.observe = args::choice(ctx, words, KINDS)?;
    Ok(())
}

fn on_error(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const KINDS: &[(&str, OnError)] = &[
        ("fastinter", OnError::FastInter),
        ("fail-check", OnError::FailCheck),
        ("sudden-death", OnError::SuddenDeath),
        ("mark-down", OnError::MarkDown),
    ];
    s.line.on_error = args::choice(ctx, words, KINDS)?;
    Ok(())
}

fn on_marked_down(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    args::choice(ctx, words, &[("shutdown-sessions", ())])?;
    s.line.shutdown_sessions_on_down = true;
    Ok(())
}

fn on_marked_up(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    args::choice(ctx, words, &[("shutdown-backup-sessions", ())])?;
    s.line.shutdown_backups_on_up = true;
    Ok(())
}

fn port_number(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<u16, Diagnostic> {
    args::number(ctx, words, 1..=u64::from(u16::MAX)).map(|n| n as u16)
}

fn port(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.check_timing.port = Some(port_number(ctx, words)?);
    Ok(())
}

fn proto(_: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "a protocol")?;
    match word.str().as_ref() {
        "h1" | "none" => Ok(()),
        "h2" => Err(refused("proto h2", "not built yet: HTTP/2", word.span)),
        "fcgi" => Err(refused("proto fcgi", "not built yet: FastCGI", word.span)),
        "quic" => Err(refused("proto quic", "not built yet: QUIC", word.span)),
        "spop" => Err(refused("proto spop", "not built yet: SPOE", word.span)),
        _ => Err(Diagnostic::error(
            "bad-choice",
            format!("'proto' :  unknown MUX protocol '{word}'."),
            word.span,
        )),
    }
}

fn redir(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.redir = Some(args::word(ctx, words, "<prefix>")?.bytes().to_vec());
    Ok(())
}

fn resolve_prefer(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.prefer_v4 = args::choice(ctx, words, &[("ipv4", true), ("ipv6", false)])?;
    Ok(())
}

fn resolvers(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "a resolvers section")?;
    if !ctx.resolvers.iter().any(|name| word.is(name)) {
        let fault = Diagnostic::error(
            "unknown-resolvers",
            format!("unable to find required resolvers '{word}'"),
            word.span,
        );
        return Err(
            match evenkeel_base::near::nearest(&word.str(), ctx.resolvers.iter().map(String::as_str)) {
                Some(near) => fault.note(format!("did you mean `{near}`?")),
                None => fault,
            },
        );
    }
    s.resolvers = Some(word.span);
    Ok(())
}

fn slowstart(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    // A bare number is in milliseconds here too; 0 switches it off.
    s.line.slowstart = Some(args::time(ctx, words)?).filter(|t| !t.is_zero());
    Ok(())
}

fn tcp_ut(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.tcp_user_timeout = Some(args::time(ctx, words)?);
    Ok(())
}

fn track(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.track = Some(args::word(ctx, words, "[<proxy>/]<server>")?.clone());
    Ok(())
}

fn weight(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = args::word(ctx, words, "a weight")?;
    s.line.weight = word.str().parse::<u32>().ok().and_then(Weight::new).ok_or_else(|| {
        Diagnostic::error("bad-number", format!("weight is not within 0 and 256 ({word})."), word.span)
    })?;
    Ok(())
}

fn ws(_: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if !args::choice(ctx, words, &[("auto", true), ("h1", true), ("h2", false)])? {
        return Err(refused("ws h2", "not built yet: HTTP/2", words.last_span()));
    }
    Ok(())
}

fn hash_key(_: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if !args::choice(ctx, words, &[("id", true), ("addr", false), ("addr-port", false), ("guid", false)])? {
        return Err(refused("hash-key", "not built yet: ring places by address", words.last_span()));
    }
    Ok(())
}

fn init_state(_: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if !args::choice(
        ctx,
        words,
        &[("up", true), ("fully-up", false), ("down", false), ("fully-down", false), ("none", true)],
    )? {
        return Err(refused("init-state", "not built yet: states before the first check", words.last_span()));
    }
    Ok(())
}

fn usesrc_alone(_: &mut ServerDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let place = words.last_span();
    words.next();
    Err(Diagnostic::error("misplaced-option", "'usesrc' only allowed after a 'source' statement.", place))
}

fn interface_alone(_: &mut ServerDraft, _: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let place = words.last_span();
    words.next();
    Err(Diagnostic::error("misplaced-option", "'interface' only allowed after a 'source' statement.", place))
}

fn source(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    p.back.source = Some(source_addr(ctx, words)?);
    Ok(())
}

fn source_option(s: &mut ServerDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    s.line.source = Some(source_addr(ctx, words)?);
    Ok(())
}

/// `<addr>[:<port>[-<port>]] [usesrc …] [interface <name>]`.
fn source_addr(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<SourceAddr, Diagnostic> {
    let word = args::word(
        ctx,
        words,
        "<addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name>",
    )?;
    let (written, _) = address::parse(ctx, word)?;
    let Written::Inet { host, family, port } = written else {
        let message = format!("'source' : only an IPv4 or IPv6 address is accepted here, not '{word}'");
        return Err(Diagnostic::error("bad-address", message, word.span));
    };
    let ip = address::resolve(ctx, word, &host, family)?;
    let (port, ports) = match port {
        PortText::None => (0, None),
        PortText::One(port) => (port, None),
        PortText::Range(from, to) => (0, Some((from, to))),
        PortText::Offset(_) => {
            let message = format!("'source' : port offset not permitted here in '{word}'");
            return Err(Diagnostic::error("bad-address", message, word.span));
        }
    };
    let mut source = SourceAddr { addr: SocketAddr::new(ip, port), ports, interface: None, usesrc: None };
    loop {
        if words.take_if("usesrc") {
            let word = args::word(ctx, words, "'client' or 'clientip'")?;
            source.usesrc = Some(match word.str().as_ref() {
                "client" => UseSrc::Client,
                "clientip" => UseSrc::ClientIp,
                _ => {
                    return Err(refused(
                        "usesrc",
                        "not built yet: foreign source addresses but the client's",
                        word.span,
                    ));
                }
            });
        } else if words.take_if("interface") {
            source.interface = Some(args::text(ctx, words, "an interface's name")?);
        } else {
            return Ok(source);
        }
    }
}

#[cfg(test)]
mod tests;
