//! Keywords: `bind` and its options (configuration manual §5.1), which `stats socket` shares.

use std::time::Duration;

use evenkeel_base::{Diagnostic, ListenerId, ProxyId, Span, Word, Words};
use evenkeel_plan::global::{Account, CliLevel};
use evenkeel_plan::{Addr, Listener};

use super::address;
use super::args;
use super::context::Ctx;
use super::draft::{ProxyDraft, numbers};
use super::keyword::{Keyword, LineOption, Outcome, Sections, run_options};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] =
    &[Keyword::proxy("bind", Sections::FRONT_OWN, bind, "Addresses that clients connect to, with options.")
        .example("bind *:80")];

const TLS: &str = "not built yet: TLS";
const QUIC: &str = "not built yet: QUIC";

/// Smallest and largest `nice`, as in the original.
const NICE_MAX: i32 = 1024;
/// Largest `mss` (negative: what is taken from the kernel's).
const MSS_MAX: i32 = 65_535;

/// A `bind` or `stats socket` line's options while they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct BindDraft {
    pub(crate) name: Option<String>,
    pub(crate) number: Option<(u32, Span)>,
    pub(crate) maxconn: u32,
    pub(crate) backlog: Option<u32>,
    pub(crate) accept_proxy: bool,
    pub(crate) defer_accept: bool,
    pub(crate) interface: Option<String>,
    pub(crate) mss: Option<i32>,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) fastopen: bool,
    pub(crate) transparent: bool,
    pub(crate) v6only: Option<bool>,
    pub(crate) mode: Option<u32>,
    pub(crate) user: Option<Account>,
    pub(crate) group: Option<Account>,
    pub(crate) nice: i32,
    pub(crate) level: CliLevel,
    pub(crate) expose_fd: bool,
}

/// A bind option's function.
pub(crate) type BindFn = fn(&mut BindDraft, &mut Ctx<'_>, &mut Words<'_>) -> Outcome;

/// A bind option.
pub(crate) type BindOption = LineOption<BindFn>;

/// The options.
pub(crate) const OPTIONS: &[BindOption] = &[
    BindOption::new(
        "accept-proxy",
        |b, _, _| {
            b.accept_proxy = true;
            Ok(())
        },
        "Expects a PROXY header.",
    ),
    BindOption::new("backlog", backlog, "Length of the kernel's queue."),
    BindOption::new(
        "defer-accept",
        |b, _, _| {
            b.defer_accept = true;
            Ok(())
        },
        "Accepts when data is there.",
    ),
    BindOption::new("expose-fd", expose_fd, "Hands listening sockets to who asks on the stats socket.")
        .accepted("not built yet: nobody asks, as there is no `-x`"),
    BindOption::new("gid", gid, "Group of the UNIX socket, as a number."),
    BindOption::new("group", group, "Group of the UNIX socket."),
    BindOption::new("id", id, "Number of the listener in stats."),
    BindOption::new("interface", interface, "Only this network interface."),
    BindOption::new("level", level, "What users of the stats socket may do."),
    BindOption::new("maxconn", maxconn, "Most connections of this listener."),
    BindOption::new("mode", mode, "Permissions of the UNIX socket."),
    BindOption::new("mss", mss, "Largest TCP segment."),
    BindOption::new("name", name, "Name in stats."),
    BindOption::new("nice", nice, "Priority of its tasks.")
        .accepted("connections are served in the order of their events"),
    BindOption::new("process", process, "Which threads accept.")
        .obsolete("`thread`; connections are spread over all threads here"),
    BindOption::new("proto", proto, "Fixed protocol."),
    BindOption::new("severity-output", severity, "Marks answers on the stats socket."),
    BindOption::new("shards", any_one, "Number of sockets per address.")
        .accepted("each thread has its own socket"),
    BindOption::new("thread", any_one, "Which threads accept.").accepted("each thread has its own socket"),
    BindOption::new("tcp-ut", tcp_ut, "Longest wait for acknowledgement."),
    BindOption::new(
        "tfo",
        |b, _, _| {
            b.fastopen = true;
            Ok(())
        },
        "TCP Fast Open.",
    ),
    BindOption::new(
        "transparent",
        |b, _, _| {
            b.transparent = true;
            Ok(())
        },
        "Accepts for foreign addresses.",
    ),
    BindOption::new("uid", uid, "Owner of the UNIX socket, as a number."),
    BindOption::new("user", user, "Owner of the UNIX socket."),
    BindOption::new(
        "v4v6",
        |b, _, _| {
            b.v6only = Some(false);
            Ok(())
        },
        "IPv4 on an IPv6 socket too.",
    ),
    BindOption::new(
        "v6only",
        |b, _, _| {
            b.v6only = Some(true);
            Ok(())
        },
        "Only IPv6.",
    ),
    BindOption::new("guid-prefix", any_one, "A name for tools.").accepted("a name for tools of HAProxy 3.x"),
    BindOption::new("label", any_one, "A name for tools.").accepted("a name for tools of HAProxy 3.x"),
    BindOption::new("idle-ping", any_one, "Pings idle HTTP/2 clients.").accepted("only HTTP/2 has pings"),
    BindOption::new("tcp-ss", any_one, "Saves SYN packets.").accepted("nothing reads them here"),
    BindOption::refused("accept-netscaler-cip", 1, "not built yet: NetScaler's client IP header"),
    BindOption::refused("cc", 1, "not built yet: congestion control"),
    BindOption::refused("namespace", 1, "not built yet: network namespaces"),
    BindOption::refused("nbconn", 1, "not built yet: reverse HTTP"),
    BindOption::refused("tcp-md5sig", 1, "not built yet: TCP MD5 signatures"),
    BindOption::refused("quic-cc-algo", 1, QUIC),
    BindOption::refused("quic-force-retry", 0, QUIC),
    BindOption::refused("quic-socket", 1, QUIC),
    BindOption::refused("allow-0rtt", 0, TLS),
    BindOption::refused("alpn", 1, TLS),
    BindOption::refused("ca-file", 1, TLS),
    BindOption::refused("ca-ignore-err", 1, TLS),
    BindOption::refused("ca-sign-file", 1, TLS),
    BindOption::refused("ca-sign-pass", 1, TLS),
    BindOption::refused("ca-verify-file", 1, TLS),
    BindOption::refused("ciphers", 1, TLS),
    BindOption::refused("ciphersuites", 1, TLS),
    BindOption::refused("client-sigalgs", 1, TLS),
    BindOption::refused("crl-file", 1, TLS),
    BindOption::refused("crt", 1, TLS),
    BindOption::refused("crt-ignore-err", 1, TLS),
    BindOption::refused("crt-list", 1, TLS),
    BindOption::refused("curves", 1, TLS),
    BindOption::refused("default-crt", 1, TLS),
    BindOption::refused("ecdhe", 1, TLS),
    BindOption::refused("ech", 1, TLS),
    BindOption::refused("force-sslv3", 0, TLS),
    BindOption::refused("force-tlsv10", 0, TLS),
    BindOption::refused("force-tlsv11", 0, TLS),
    BindOption::refused("force-tlsv12", 0, TLS),
    BindOption::refused("force-tlsv13", 0, TLS),
    BindOption::refused("generate-certificates", 0, TLS),
    BindOption::refused("ktls", 1, TLS),
    BindOption::refused("no-alpn", 0, TLS),
    BindOption::refused("no-ca-names", 0, TLS),
    BindOption::refused("no-sslv3", 0, TLS),
    BindOption::refused("no-strict-sni", 0, TLS),
    BindOption::refused("no-tls-tickets", 0, TLS),
    BindOption::refused("no-tlsv10", 0, TLS),
    BindOption::refused("no-tlsv11", 0, TLS),
    BindOption::refused("no-tlsv12", 0, TLS),
    BindOption::refused("no-tlsv13", 0, TLS),
    BindOption::refused("npn", 1, TLS),
    BindOption::refused("prefer-client-ciphers", 0, TLS),
    BindOption::refused("sigalgs", 1, TLS),
    BindOption::refused("ssl", 0, TLS),
    BindOption::refused("ssl-max-ver", 1, TLS),
    BindOption::refused("ssl-min-ver", 1, TLS),
    BindOption::refused("strict-sni", 0, TLS),
    BindOption::refused("tls-ticket-keys", 1, TLS),
    BindOption::refused("tls-tickets", 0, TLS),
    BindOption::refused("verify", 1, TLS),
];

/// `bind <address>[,…] [options]`; also the address on an old `listen` line.
pub(crate) fn bind(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(word) = words.next() else {
        return Err(Diagnostic::error(
            "missing-argument",
            "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
            words.last_span().after(),
        ));
    };
    let prefix = ctx.unix_bind_prefix.clone();
    let addrs = address::listening(ctx, word, prefix.as_ref());
    let mut draft = ctx.unix_bind.clone();
    let who = format!("'bind {word}' in section '{}'", p.section_word());
    run_options(OPTIONS, &mut draft, ctx, words, &who);
    let span = word.span.to(words.last_span());
    for addr in addrs? {
        p.listeners.push(listener(&draft, addr, p.proxy.id, span));
        draft.number = None; // the number is the first's; the others of a range are counted
    }
    Ok(())
}

fn listener(b: &BindDraft, addr: Addr, frontend: ProxyId, span: Span) -> Listener {
    Listener {
        id: ListenerId(0),
        frontend,
        addr,
        name: b.name.clone(),
        number: b.number.map_or(0, |(number, _)| number),
        maxconn: b.maxconn,
        backlog: b.backlog,
        accept_proxy: b.accept_proxy,
        defer_accept: b.defer_accept,
        interface: b.interface.clone(),
        mss: b.mss,
        tcp_user_timeout: b.tcp_user_timeout,
        fastopen: b.fastopen,
        transparent: b.transparent,
        v6only: b.v6only,
        unix_mode: b.mode,
        unix_user: b.user.clone(),
        unix_group: b.group.clone(),
        nice: b.nice,
        span,
    }
}

/// Numbers those listeners of a section that have none; complains of numbers given twice.
pub(crate) fn number_listeners(listeners: &mut [Listener], ctx: &mut Ctx<'_>) {
    let mut taken = std::collections::BTreeMap::new();
    for listener in listeners.iter().filter(|l| l.number != 0) {
        if let Some(other) = taken.insert(listener.number, listener.span) {
            ctx.report(
                Diagnostic::error(
                    "duplicate-id",
                    format!("'bind' : 'id' : custom id {} already used", listener.number),
                    listener.span,
                )
                .label(other, "used here"),
            );
        }
    }
    let given: Vec<Option<u32>> = listeners.iter().map(|l| Some(l.number).filter(|n| *n != 0)).collect();
    for (listener, number) in listeners.iter_mut().zip(numbers(&given, 1)) {
        listener.number = number;
    }
}

fn value<'a>(ctx: &Ctx<'_>, words: &mut Words<'a>, what: &str) -> Result<&'a Word, Diagnostic> {
    let place = words.last_span();
    words.next().ok_or_else(|| {
        Diagnostic::error("missing-argument", format!("'{}' : missing {what}", ctx.keyword), place.after())
    })
}

fn any_one(_: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    value(ctx, words, "value").map(|_| ())
}

fn backlog(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.backlog = Some(args::count(ctx, words)?).filter(|n| *n > 0);
    Ok(())
}

fn expose_fd(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    args::choice(ctx, words, &[("listeners", ())])?;
    b.expose_fd = true;
    Ok(())
}

fn gid(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.group = Some(Account::Number(args::number(ctx, words, 0..=u64::from(u32::MAX))? as u32));
    Ok(())
}

fn uid(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.user = Some(Account::Number(args::number(ctx, words, 0..=u64::from(u32::MAX))? as u32));
    Ok(())
}

fn group(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.group = Some(Account::Name(value(ctx, words, "group name")?.str().into_owned()));
    Ok(())
}

fn user(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.user = Some(Account::Name(value(ctx, words, "user name")?.str().into_owned()));
    Ok(())
}

fn id(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let number = args::number(ctx, words, 1..=i32::MAX as u64)? as u32;
    b.number = Some((number, words.last_span()));
    Ok(())
}

fn interface(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.interface = Some(value(ctx, words, "interface name")?.str().into_owned());
    Ok(())
}

fn level(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    const LEVELS: &[(&str, CliLevel)] =
        &[("user", CliLevel::User), ("operator", CliLevel::Operator), ("admin", CliLevel::Admin)];
    b.level = args::choice(ctx, words, LEVELS)?;
    Ok(())
}

fn maxconn(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.maxconn = args::count(ctx, words)?;
    Ok(())
}

fn mode(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = value(ctx, words, "or invalid mode (octal integer expected)")?;
    let mode = u32::from_str_radix(&word.str(), 8).ok().filter(|mode| *mode <= 0o7777).ok_or_else(|| {
        Diagnostic::error(
            "bad-number",
            format!("'mode' : missing or invalid mode '{word}' (octal integer expected)"),
            word.span,
        )
    })?;
    b.mode = Some(mode).filter(|mode| *mode != 0);
    Ok(())
}

fn mss(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = value(ctx, words, "MSS value")?;
    let mss = word.str().parse::<i32>().ok().filter(|n| *n != 0 && n.abs() <= MSS_MAX).ok_or_else(|| {
        let message = format!("'mss' : expects an MSS with and absolute value between 1 and {MSS_MAX}");
        Diagnostic::error("bad-number", message, word.span)
    })?;
    b.mss = Some(mss);
    Ok(())
}

fn name(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.name = Some(value(ctx, words, "name")?.str().into_owned());
    Ok(())
}

fn nice(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = value(ctx, words, "value")?;
    b.nice = word.str().parse::<i32>().ok().filter(|n| n.abs() <= NICE_MAX).ok_or_else(|| {
        let message = format!("'nice' : invalid value {word}, allowed range is -{NICE_MAX}..{NICE_MAX}");
        Diagnostic::error("bad-number", message, word.span)
    })?;
    Ok(())
}

fn process(_: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = value(ctx, words, "process set")?;
    let known = word.str().bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'/'))
        || ["all", "odd", "even"]
            .iter()
            .any(|name| word.is(name) || word.bytes().starts_with(name.as_bytes()));
    if !known {
        let message = format!("'process' : '{word}' is not a valid number/range.");
        return Err(Diagnostic::error("bad-number", message, word.span));
    }
    Ok(())
}

fn proto(_: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = value(ctx, words, "value")?;
    match word.str().as_ref() {
        "h1" | "none" => Ok(()),
        "h2" => Err(super::run::refused("proto h2", "not built yet: HTTP/2", word.span)),
        "quic" => Err(super::run::refused("proto quic", QUIC, word.span)),
        _ => Err(Diagnostic::error(
            "bad-choice",
            format!("'proto' :  unknown MUX protocol '{word}'"),
            word.span,
        )),
    }
}

fn severity(_: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let kind = args::choice(ctx, words, &[("none", false), ("number", true), ("string", true)])?;
    if kind {
        return Err(super::run::refused(
            "severity-output",
            "not built yet: severities in answers",
            words.last_span(),
        ));
    }
    Ok(())
}

fn tcp_ut(b: &mut BindDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    b.tcp_user_timeout = Some(args::time(ctx, words)?);
    Ok(())
}
