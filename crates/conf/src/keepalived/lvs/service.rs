//! Keywords: `virtual_server`, `virtual_server_group`, `SSL`.

use std::net::{IpAddr, SocketAddr};

use evenkeel_base::{Word, Words};
use evenkeel_plan::keeper::lvs::{Forwarding, GroupEntry, Protocol, Scheduler, Tunnel, TunnelChecksum};

use super::draft::{GroupDraft, ServiceDraft, SorryDraft, Which};
use super::pace::{self, OfService};
use crate::keepalived::Finding;
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, Outcome, no_end, no_words};
use crate::keepalived::script;

/// Most addresses of one range, as a bound: the original makes a service of each.
const RANGE_MAX: u128 = 65_536;
/// Longest `persistence_timeout`: 31 days, in seconds.
const PERSISTENCE_MAX_S: i64 = 2_678_400;
/// `persistence_timeout` without a number.
const PERSISTENCE_DEFAULT_S: u64 = 360;

/// Times of checks.
pub(crate) const PACE: [Keyword; 5] = pace::keywords::<OfService>(Block::VirtualServer);

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::block(
        "virtual_server",
        Block::Top,
        CHECKER,
        "<address> [<port>] | fwmark <number> | group <name>",
        (Block::VirtualServer, open, no_end),
        "A service whose connections are spread over real servers.",
    )
    .example(
        "virtual_server 192.0.2.10 80 { lb_algo rr lb_kind DR protocol TCP real_server 192.0.2.1 80 { } }",
    ),
    Keyword::list(
        "virtual_server_group",
        Block::Top,
        CHECKER,
        "<name>",
        (open_group, entry, no_end),
        "Addresses, ranges and firewall marks that share their real servers.",
    )
    .example("virtual_server_group g { 192.0.2.10-12 80 }"),
    Keyword::block(
        "SSL",
        Block::Top,
        CHECKER,
        "",
        (Block::Ssl, no_words, no_end),
        "Keys and certificates of SSL_GET.",
    )
    .example("SSL { ca /etc/ssl/ca.pem }"),
    Keyword::line(
        "password",
        Block::Ssl,
        CHECKER,
        "<string>",
        |d, c, w| ssl(d, c, w, 0),
        "The key's password.",
    )
    .example("password secret"),
    Keyword::line(
        "ca",
        Block::Ssl,
        CHECKER,
        "<file>",
        |d, c, w| ssl(d, c, w, 1),
        "Whose signatures are trusted.",
    )
    .example("ca /etc/ssl/ca.pem"),
    Keyword::line(
        "certificate",
        Block::Ssl,
        CHECKER,
        "<file>",
        |d, c, w| ssl(d, c, w, 2),
        "Our certificate.",
    )
    .example("certificate /etc/ssl/me.pem"),
    Keyword::line("key", Block::Ssl, CHECKER, "<file>", |d, c, w| ssl(d, c, w, 3), "Our key.")
        .example("key /etc/ssl/me.key"),
    Keyword::line(
        "lb_algo",
        Block::VirtualServer,
        CHECKER,
        "<scheduler>",
        scheduler,
        "How a real server is chosen.",
    )
    .example("lb_algo rr"),
    Keyword::line(
        "lvs_sched",
        Block::VirtualServer,
        CHECKER,
        "<scheduler>",
        scheduler,
        "How a real server is chosen.",
    )
    .example("lvs_sched wlc"),
    flag("flag-1", |d, _, _| with(d, |s| s.flags.one = true), "The scheduler's first flag."),
    flag("flag-2", |d, _, _| with(d, |s| s.flags.two = true), "The scheduler's second flag."),
    flag("flag-3", |d, _, _| with(d, |s| s.flags.three = true), "The scheduler's third flag."),
    Keyword::line(
        "hashed",
        Block::VirtualServer,
        CHECKER,
        "",
        hashed,
        "Known to the original for services with hashing; no manual has it.",
    )
    .accepted("no manual says what it is for"),
    Keyword::line(
        "sh-port",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, c, _| hash_flag(d, c, Scheduler::Sh, |s| &mut s.flags.two),
        "Source hashing takes the port in.",
    ),
    Keyword::line(
        "sh-fallback",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, c, _| hash_flag(d, c, Scheduler::Sh, |s| &mut s.flags.one),
        "Source hashing goes on to the next server where the chosen one is out.",
    ),
    Keyword::line(
        "mh-port",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, c, _| hash_flag(d, c, Scheduler::Mh, |s| &mut s.flags.two),
        "Maglev hashing takes the port in.",
    ),
    Keyword::line(
        "mh-fallback",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, c, _| hash_flag(d, c, Scheduler::Mh, |s| &mut s.flags.one),
        "Maglev hashing goes on to the next server where the chosen one is out.",
    ),
    Keyword::line(
        "lb_kind",
        Block::VirtualServer,
        CHECKER,
        METHOD_ARGS,
        method,
        "How packets reach a real server.",
    )
    .example("lb_kind DR"),
    Keyword::line(
        "lvs_method",
        Block::VirtualServer,
        CHECKER,
        METHOD_ARGS,
        method,
        "How packets reach a real server.",
    )
    .example("lvs_method TUN type gue port 6080"),
    Keyword::line(
        "ops",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, ctx, _| {
            let at = ctx.at;
            with(d, |s| s.one_packet = Some(at))
        },
        "Each UDP packet is scheduled by itself.",
    ),
    Keyword::line(
        "persistence_timeout",
        Block::VirtualServer,
        CHECKER,
        "[<seconds>]",
        persistence_timeout,
        "How long a client stays on its server; 360 without a number.",
    )
    .example("persistence_timeout 50"),
    Keyword::line(
        "persistence_granularity",
        Block::VirtualServer,
        CHECKER,
        "<netmask>",
        granularity,
        "Clients of one network stay on one server.",
    )
    .example("persistence_granularity 255.255.255.0"),
    Keyword::line(
        "persistence_engine",
        Block::VirtualServer,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            with(d, |s| s.engine = Some(name))
        },
        "What persistence goes by besides the address.",
    )
    .example("persistence_engine sip"),
    Keyword::line(
        "protocol",
        Block::VirtualServer,
        CHECKER,
        "TCP|UDP|SCTP",
        protocol,
        "The layer-4 protocol.",
    )
    .example("protocol TCP"),
    flag(
        "ha_suspend",
        |d, _, _| with(d, |s| s.ha_suspend = true),
        "Checks rest while the address is not here.",
    ),
    flag(
        "omega",
        |d, _, _| with(d, |s| s.omega = true),
        "At the end, scripts of servers and quorum that go down are run.",
    ),
    Keyword::line(
        "alpha",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, _, _| with(d, |s| s.pace.alpha = Some(true)),
        "Real servers are down until a check has passed.",
    ),
    Keyword::line(
        "smtp_alert",
        Block::VirtualServer,
        CHECKER,
        "[<bool>]",
        |d, ctx, words| {
            let on = ctx.switch(words, true)?;
            with(d, |s| s.mail = Some(on))
        },
        "Mail when the quorum is gained or lost.",
    )
    .example("smtp_alert on"),
    Keyword::line(
        "virtualhost",
        Block::VirtualServer,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            with(d, |s| s.virtualhost = Some(name))
        },
        "The Host of HTTP_GET and SSL_GET.",
    )
    .example("virtualhost www.example.net"),
    Keyword::line(
        "snmp_name",
        Block::VirtualServer,
        CHECKER,
        "<name>",
        |d, ctx, words| {
            let name = ctx.need(words)?.str().into_owned();
            with(d, |s| s.snmp_name = Some(name))
        },
        "What SNMP calls it.",
    )
    .example("snmp_name web"),
    Keyword::line(
        "quorum",
        Block::VirtualServer,
        CHECKER,
        "<weight>",
        |d, ctx, words| {
            let (at, word) = (ctx.line, ctx.need(words)?);
            let value = ctx.whole(word, 1, i64::from(u32::MAX))?;
            with(d, |s| s.quorum = (u32::try_from(value).unwrap_or(u32::MAX), at))
        },
        "Least weight of live servers for the service to be up.",
    )
    .example("quorum 2"),
    Keyword::line(
        "hysteresis",
        Block::VirtualServer,
        CHECKER,
        "<weight>",
        |d, ctx, words| {
            let (at, word) = (ctx.line, ctx.need(words)?);
            let value = ctx.whole(word, 0, i64::from(u32::MAX))?;
            with(d, |s| s.hysteresis = (u32::try_from(value).unwrap_or(u32::MAX), at))
        },
        "How far above or below the quorum it is gained or lost.",
    )
    .example("hysteresis 0"),
    Keyword::line(
        "quorum_up",
        Block::VirtualServer,
        CHECKER,
        "<script> [<user> [<group>]]",
        |d, ctx, words| {
            let script = script::command_with_user(ctx, words)?;
            with(d, |s| s.quorum_up = script)
        },
        "Run when the quorum is gained.",
    )
    .example("quorum_up /bin/true"),
    Keyword::line(
        "quorum_down",
        Block::VirtualServer,
        CHECKER,
        "<script> [<user> [<group>]]",
        |d, ctx, words| {
            let script = script::command_with_user(ctx, words)?;
            with(d, |s| s.quorum_down = script)
        },
        "Run when the quorum is lost.",
    )
    .example("quorum_down /bin/true"),
    Keyword::line(
        "ip_family",
        Block::VirtualServer,
        CHECKER,
        "inet|inet6",
        ip_family,
        "The family of a mark's packets.",
    )
    .example("ip_family inet"),
    Keyword::line(
        "sorry_server",
        Block::VirtualServer,
        CHECKER,
        "<address> [<port>]",
        sorry_server,
        "Takes the connections while the quorum is lost.",
    )
    .example("sorry_server 127.0.0.1 8080"),
    Keyword::line(
        "sorry_server_inhibit",
        Block::VirtualServer,
        CHECKER,
        "",
        |d, ctx, _| {
            let at = ctx.at;
            let Some(sorry) = d.lvs.service().and_then(|s| s.sorry.as_mut()) else {
                return Err(Finding::tolerated(
                    "no-sorry-server",
                    "Ignoring sorry_server inhibit used before or without sorry_server",
                    at,
                )
                .note("write it below sorry_server"));
            };
            sorry.inhibit = true;
            Ok(())
        },
        "The sorry server stays in the table with weight 0.",
    ),
    Keyword::line(
        "sorry_server_lvs_method",
        Block::VirtualServer,
        CHECKER,
        METHOD_ARGS,
        |d, ctx, words| {
            let at = ctx.at;
            let forwarding = forwarding(ctx, words)?;
            let Some(sorry) = d.lvs.service().and_then(|s| s.sorry.as_mut()) else {
                return Err(Finding::tolerated(
                    "no-sorry-server",
                    "sorry_server forwarding used without sorry_server",
                    at,
                )
                .note("write it below sorry_server"));
            };
            sorry.forwarding = Some(forwarding);
            Ok(())
        },
        "How packets reach the sorry server.",
    )
    .example("sorry_server_lvs_method DR"),
    flag(
        "inhibit_on_failure",
        |d, _, _| with(d, |s| s.inhibit = true),
        "A failed server stays in the table with weight 0.",
    ),
    Keyword::line(
        "nat_mask",
        Block::VirtualServer,
        CHECKER,
        "<netmask>",
        |_, ctx, _| {
            Err(Finding::tolerated("removed-keyword", "Unknown keyword 'nat_mask'", ctx.at)
                .note("masks of masqueraded networks went with kernel 2.2: leave the line out"))
        },
        "The mask of a masqueraded network, until kernel 2.2.",
    )
    .example("nat_mask 255.255.255.0")
    .unbuilt("kernels since 2.4 take no such mask"),
];

/// What follows `lvs_method`.
pub(super) const METHOD_ARGS: &str = "NAT|DR|TUN [type {ipip|gue port <number>|gre} [nocsum|csum|remcsum]]";

/// A word that only switches on.
const fn flag(name: &'static str, apply: crate::keepalived::keyword::LineFn, doc: &'static str) -> Keyword {
    Keyword::line(name, Block::VirtualServer, CHECKER, "", apply, doc)
}

fn with(draft: &mut Draft, set: impl FnOnce(&mut ServiceDraft)) -> Outcome {
    if let Some(service) = draft.lvs.service() {
        set(service);
    }
    Ok(())
}

pub(super) fn ip(word: &Word) -> Option<IpAddr> {
    word.str().parse().ok()
}

/// `<address> [<port>]`; port 0 where there is none. `zero`: 0 may be written.
pub(super) fn endpoint(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    what: &str,
    zero: bool,
) -> Result<SocketAddr, Finding> {
    let word = ctx.need(words)?;
    let port = words.next();
    let all = port.map_or(word.span, |port| word.span.to(port.span));
    let text = port.map_or(word.str().into_owned(), |port| format!("{word}/{port}"));
    let bad = |why: Option<Finding>| {
        let mut finding = Finding::tolerated("bad-address", format!("Invalid {what} {text} - skipping"), all);
        if let Some(why) = why {
            finding = finding.note(why.diagnostic.message);
        } else if word.str().contains(':') && ip(word).is_none() {
            finding = finding.note("the port is a word of its own: 192.0.2.1 80");
        }
        finding
    };
    let Some(ip) = ip(word) else { return Err(bad(None)) };
    let port = match port {
        Some(port) => ctx.whole(port, if zero { 0 } else { 1 }, 65_535).map_err(|why| bad(Some(why)))?,
        None => 0,
    };
    Ok(SocketAddr::new(ip, u16::try_from(port).unwrap_or(0)))
}

fn open(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let span = ctx.line;
    let which = match words.peek() {
        Some(word) if word.is("fwmark") => {
            words.next();
            let word = ctx.need(words)?;
            let mark = ctx.whole(word, 0, i64::from(u32::MAX))?;
            Which::Mark(u32::try_from(mark).unwrap_or(0))
        }
        Some(word) if word.is("group") => {
            words.next();
            Which::Group(ctx.need(words)?.clone())
        }
        Some(_) | None => Which::Address(endpoint(ctx, words, "virtual server IP address/port", false)?),
    };
    draft.lvs.services.push(ServiceDraft::new(which, span));
    Ok(())
}

fn scheduler(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let found = SCHEDULERS.iter().find(|(name, _)| word.is(name));
    let Some((_, scheduler)) = found else {
        return Err(Finding::tolerated(
            "unknown-scheduler",
            format!("Invalid lvs_scheduler '{word}' - ignoring"),
            word.span,
        )
        .note(SCHEDULERS.map(|(name, _)| name).join(", ")));
    };
    with(draft, |s| s.scheduler = Some(*scheduler))
}

/// Schedulers by name.
pub(crate) const SCHEDULERS: [(&str, Scheduler); 14] = [
    ("rr", Scheduler::Rr),
    ("wrr", Scheduler::Wrr),
    ("lc", Scheduler::Lc),
    ("wlc", Scheduler::Wlc),
    ("lblc", Scheduler::Lblc),
    ("lblcr", Scheduler::Lblcr),
    ("dh", Scheduler::Dh),
    ("sh", Scheduler::Sh),
    ("mh", Scheduler::Mh),
    ("fo", Scheduler::Fo),
    ("ovf", Scheduler::Ovf),
    ("sed", Scheduler::Sed),
    ("nq", Scheduler::Nq),
    ("twos", Scheduler::Twos),
];

fn hash_flag(
    draft: &mut Draft,
    ctx: &mut Ctx<'_>,
    wanted: Scheduler,
    place: fn(&mut ServiceDraft) -> &mut bool,
) -> Outcome {
    let Some(service) = draft.lvs.service() else { return Ok(()) };
    if service.scheduler != Some(wanted) {
        let name = if wanted == Scheduler::Sh { "sh" } else { "mh" };
        return Err(Finding::tolerated(
            "other-scheduler",
            format!("{} only applies to sh scheduler - ignoring", ctx.keyword),
            ctx.at,
        )
        .note(format!("write it below `lb_algo {name}`")));
    }
    *place(service) = true;
    Ok(())
}

fn hashed(draft: &mut Draft, ctx: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    let Some(service) = draft.lvs.service() else { return Ok(()) };
    match service.scheduler {
        Some(Scheduler::Sh | Scheduler::Mh) => Ok(()),
        Some(_) | None => Err(Finding::tolerated(
            "other-scheduler",
            "hashed only applies to sh scheduler - ignoring",
            ctx.at,
        )
        .note("no manual has this word: leave it out")),
    }
}

/// `NAT`, `DR`, `TUN …`.
pub(super) fn forwarding(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<Forwarding, Finding> {
    let word = ctx.need(words)?;
    let kind = match &*word.str() {
        "NAT" => Forwarding::Nat,
        "DR" => Forwarding::Dr,
        "TUN" => return tunnel(words).map(Forwarding::Tun),
        _ => {
            return Err(Finding::tolerated(
                "unknown-method",
                format!("PARSER : unknown [{word}] routing method for virtual server."),
                word.span,
            )
            .note("NAT, DR or TUN"));
        }
    };
    match words.next() {
        None => Ok(kind),
        Some(word) => Err(Finding::tolerated(
            "bad-tunnel",
            format!("Invalid tunnel option {word} for virtual server."),
            word.span,
        )
        .note("only TUN has options")),
    }
}

fn tunnel(words: &mut Words<'_>) -> Result<Tunnel, Finding> {
    let bad = |text: String, at| Err(Finding::tolerated("bad-tunnel", text, at));
    let (mut kind, mut port, mut checksum) = ("ipip".to_owned(), None, None);
    let mut last = words.last_span();
    while let Some(word) = words.next() {
        last = word.span;
        match &*word.str() {
            "type" => match words.next() {
                Some(name) if ["ipip", "gue", "gre"].iter().any(|known| name.is(known)) => {
                    kind = name.str().into_owned();
                }
                Some(name) => {
                    return bad(format!("Unknown tunnel type {name} for virtual server."), name.span);
                }
                None => return bad("Missing tunnel type for virtual server.".to_owned(), word.span),
            },
            "port" => match words.next().map(|w| (w, w.str().parse::<u16>())) {
                Some((_, Ok(number))) if number > 0 => port = Some(number),
                Some((w, _)) => return bad(format!("gue tunnel port '{w}' invalid"), w.span),
                None => {
                    return bad(
                        "gue tunnels require port, otherwise cannot have port.".to_owned(),
                        word.span,
                    );
                }
            },
            "nocsum" => checksum = Some(TunnelChecksum::None),
            "csum" => checksum = Some(TunnelChecksum::Checksum),
            "remcsum" => checksum = Some(TunnelChecksum::Remote),
            _ => return bad(format!("Invalid tunnel option {word} for virtual server."), word.span),
        }
    }
    if (kind == "gue") != port.is_some() {
        return bad("gue tunnels require port, otherwise cannot have port.".to_owned(), last);
    }
    match (kind.as_str(), checksum) {
        ("ipip", None) => Ok(Tunnel::Ipip),
        ("ipip", Some(_)) => bad("ipip tunnels do not support checksum option.".to_owned(), last),
        ("gre", Some(TunnelChecksum::Remote)) => {
            bad("gre tunnels do not support remote checksum option.".to_owned(), last)
        }
        ("gre", checksum) => Ok(Tunnel::Gre(checksum.unwrap_or(TunnelChecksum::None))),
        (_, checksum) => Ok(Tunnel::Gue(port.unwrap_or(0), checksum.unwrap_or(TunnelChecksum::None))),
    }
}

fn method(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let forwarding = forwarding(ctx, words)?;
    with(draft, |s| s.forwarding = Some(forwarding))
}

fn persistence_timeout(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let seconds = match words.next() {
        None => PERSISTENCE_DEFAULT_S,
        Some(word) => match ctx.whole(word, 1, PERSISTENCE_MAX_S) {
            Ok(seconds) => u64::try_from(seconds).unwrap_or(PERSISTENCE_DEFAULT_S),
            Err(fault) if word.is("0") => {
                return Err(fault
                    .note("without persistence: leave the line out")
                    .help("keepalived ignores this line, and so do we: the service is not persistent."));
            }
            Err(fault) => return Err(fault),
        },
    };
    with(draft, |s| s.persistence = Some(std::time::Duration::from_secs(seconds)))
}

fn granularity(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let Some(service) = draft.lvs.service() else { return Ok(()) };
    let v6 = matches!(&service.which, Which::Address(a) if a.is_ipv6());
    let text = word.str();
    let value = if v6 {
        text.parse::<u32>().ok().filter(|n| (1..=128).contains(n))
    } else {
        // The original also takes a bare number, as inet_aton does.
        let mask = text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
        mask.or_else(|| text.parse::<u32>().ok())
    };
    if value.is_none() {
        let family = if v6 { "IPv6" } else { "IPv4" };
        return Err(Finding::tolerated(
            "bad-granularity",
            format!("Invalid {family} persistence_granularity specified - {word}"),
            word.span,
        )
        .note(if v6 { "a prefix length, 1 to 128" } else { "a netmask, such as 255.255.255.0" }));
    }
    service.granularity = value;
    Ok(())
}

fn protocol(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let protocol = match word.str().to_ascii_uppercase().as_str() {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        _ => {
            return Err(Finding::tolerated(
                "unknown-protocol",
                format!("Unknown protocol {word} - ignoring"),
                word.span,
            )
            .note("TCP, UDP or SCTP"));
        }
    };
    with(draft, |s| s.protocol = Some(protocol))
}

fn ip_family(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let v6 = match &*word.str() {
        "inet" => false,
        "inet6" => true,
        _ => {
            return Err(Finding::tolerated(
                "unknown-family",
                format!("unknown address family {word} - ignoring"),
                word.span,
            )
            .note("inet or inet6"));
        }
    };
    let Some(service) = draft.lvs.service() else { return Ok(()) };
    if matches!(&service.which, Which::Address(a) if a.is_ipv6() != v6) {
        return Err(Finding::tolerated(
            "family-conflict",
            format!("Virtual server specified family {word} conflicts with server family"),
            word.span,
        ));
    }
    service.v6 = Some(v6);
    Ok(())
}

fn sorry_server(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let span = ctx.line;
    let address = endpoint(ctx, words, "sorry server IP address", false)?;
    with(draft, |s| s.sorry = Some(SorryDraft { address, forwarding: None, inhibit: false, span }))
}

fn ssl(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, which: u8) -> Outcome {
    let text = ctx.need(words)?.str().into_owned();
    let files = &mut draft.lvs.ssl;
    let place = match which {
        0 => &mut files.password,
        1 => &mut files.ca,
        2 => &mut files.certificate,
        _ => &mut files.key,
    };
    *place = Some(text);
    Ok(())
}

fn open_group(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = ctx.need(words)?.clone();
    draft.lvs.groups.push(GroupDraft { name, entries: Vec::new() });
    Ok(())
}

fn entry(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let entry = group_entry(ctx, words)?;
    if let Some(group) = draft.lvs.groups.last_mut() {
        group.entries.push(entry);
    }
    Ok(())
}

fn group_entry(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<GroupEntry, Finding> {
    let word = ctx.need(words)?;
    if word.is("fwmark") {
        let word = ctx.need(words)?;
        let mark = ctx.whole(word, 0, i64::from(u32::MAX))?;
        let v6 = match words.next() {
            None => None,
            Some(family) if family.is("inet") => Some(false),
            Some(family) if family.is("inet6") => Some(true),
            Some(other) => {
                return Err(Finding::tolerated(
                    "unknown-family",
                    format!("unknown address family {other} - ignoring"),
                    other.span,
                )
                .note("inet or inet6"));
            }
        };
        return Ok(GroupEntry::Mark(u32::try_from(mark).unwrap_or(0), v6));
    }
    let bad = |why: &str| {
        Finding::tolerated(
            "bad-address",
            format!("Invalid virtual server group IP address {word} - skipping"),
            word.span,
        )
        .note(why)
    };
    let (first, last) = range(&word.str()).map_err(|fault| match fault {
        RangeFault::Form => bad("an address, a range (192.0.2.1-9) or a network (192.0.2.8/29)"),
        RangeFault::Order => Finding::tolerated(
            "bad-range",
            format!("Address range end is not greater than address range start - {word} - skipping"),
            word.span,
        ),
        RangeFault::Long => bad("more addresses than 65536"),
    })?;
    let port = match words.next() {
        Some(port) => ctx.whole(port, 1, 65_535).map_err(|why| bad(&why.diagnostic.message))?,
        None => 0,
    };
    Ok(GroupEntry::Range { first, last, port: u16::try_from(port).unwrap_or(0) })
}

/// What is wrong with a range.
#[derive(Debug, PartialEq, Eq)]
enum RangeFault {
    Form,
    Order,
    Long,
}

/// `a`, `a-LAST-PART`, `a-b`, `a/prefix`.
fn range(text: &str) -> Result<(IpAddr, IpAddr), RangeFault> {
    let parse = |text: &str| text.parse::<IpAddr>().map_err(|_| RangeFault::Form);
    let (first, last) = if let Some((from, to)) = text.split_once('-') {
        let first = parse(from)?;
        let last = match to.parse::<IpAddr>() {
            Ok(last) => last,
            Err(_) => match first {
                IpAddr::V4(v4) => {
                    let [a, b, c, _] = v4.octets();
                    IpAddr::from([a, b, c, to.parse().map_err(|_| RangeFault::Form)?])
                }
                IpAddr::V6(v6) => {
                    let mut parts = v6.segments();
                    parts[7] = u16::from_str_radix(to, 16).map_err(|_| RangeFault::Form)?;
                    IpAddr::from(parts)
                }
            },
        };
        (first, last)
    } else if let Some((net, prefix)) = text.split_once('/') {
        let (net, prefix) = (parse(net)?, prefix.parse::<u32>().map_err(|_| RangeFault::Form)?);
        match net {
            IpAddr::V4(v4) if prefix <= 32 => {
                let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let bits = v4.to_bits();
                (IpAddr::V4((bits & !host).into()), IpAddr::V4((bits | host).into()))
            }
            IpAddr::V6(v6) if prefix <= 128 => {
                let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
                let bits = v6.to_bits();
                (IpAddr::V6((bits & !host).into()), IpAddr::V6((bits | host).into()))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => return Err(RangeFault::Form),
        }
    } else {
        let one = parse(text)?;
        return Ok((one, one));
    };
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    if first.is_ipv4() != last.is_ipv4() {
        return Err(RangeFault::Form);
    }
    let single = text.contains('/') && first == last;
    if bits(last) <= bits(first) && !single {
        return Err(RangeFault::Order);
    }
    if bits(last) - bits(first) >= RANGE_MAX {
        return Err(RangeFault::Long);
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let show = |text: &str| range(text).map(|(a, b)| format!("{a} {b}"));
        for (text, want) in [
            ("192.0.2.1", Ok("192.0.2.1 192.0.2.1")),
            ("192.0.2.1-9", Ok("192.0.2.1 192.0.2.9")),
            ("192.0.2.250-192.0.3.5", Ok("192.0.2.250 192.0.3.5")),
            ("192.0.2.8/29", Ok("192.0.2.8 192.0.2.15")),
            ("192.0.2.9/32", Ok("192.0.2.9 192.0.2.9")),
            ("2001:db8::1-ff", Ok("2001:db8::1 2001:db8::ff")),
            ("192.0.2.9-3", Err(RangeFault::Order)),
            ("192.0.2.9-9", Err(RangeFault::Order)),
            ("192.0.2.9-x", Err(RangeFault::Form)),
            ("192.0.2.9/33", Err(RangeFault::Form)),
            ("192.0.2.9-2001:db8::1", Err(RangeFault::Form)),
            ("10.0.0.0/8", Err(RangeFault::Long)),
            ("2001:db8::/32", Err(RangeFault::Long)),
            ("foo", Err(RangeFault::Form)),
        ] {
            assert_eq!(show(text), want.map(str::to_owned), "{text}");
        }
    }
}
