//! Keywords: the checks of real servers but for HTTP_GET and SSL_GET.

use evenkeel_base::{Word, Words};

use super::draft::{CheckerDraft, KindDraft, MiscDraft, TargetDraft, UdpDraft};
use super::pace::{self, OfChecker};
use super::service::ip;
use crate::keepalived::Finding;
use crate::keepalived::context::Ctx;
use crate::keepalived::draft::Draft;
use crate::keepalived::keyword::{Block, CHECKER, Keyword, Outcome, no_end};
use crate::keepalived::script;

/// Longest `misc_timeout`, in microseconds.
const TIMEOUT_MAX_US: u64 = 4_294_967_295;
/// Longest `payload` and `require_reply`, in bytes.
const HEX_MAX: usize = 65_535;

/// Times, by block.
pub(crate) const TCP_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::TcpCheck);
pub(crate) const SMTP_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::SmtpCheck);
pub(crate) const DNS_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::DnsCheck);
pub(crate) const PING_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::PingCheck);
pub(crate) const UDP_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::UdpCheck);
pub(crate) const HTTP_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::HttpGet);
pub(crate) const MISC_PACE: [Keyword; 5] = pace::keywords::<OfChecker>(Block::MiscCheck);

/// Where a check connects to, by block.
pub(crate) const TCP_TARGET: [Keyword; 8] = target(Block::TcpCheck);
pub(crate) const SMTP_TARGET: [Keyword; 8] = target(Block::SmtpCheck);
pub(crate) const DNS_TARGET: [Keyword; 8] = target(Block::DnsCheck);
pub(crate) const PING_TARGET: [Keyword; 8] = target(Block::PingCheck);
pub(crate) const UDP_TARGET: [Keyword; 8] = target(Block::UdpCheck);
pub(crate) const HTTP_TARGET: [Keyword; 8] = target(Block::HttpGet);
/// `host` of SMTP_CHECK has them without `alpha` and `log_all_failures`.
pub(crate) const HOST_TARGET: [Keyword; 6] = connection(Block::SmtpHost);

/// Connection options of a check.
const fn connection(block: Block) -> [Keyword; 6] {
    [
        Keyword::line(
            "connect_ip",
            block,
            CHECKER,
            "<address>",
            connect_ip,
            "Whom to connect to, else the real server.",
        )
        .example("connect_ip 192.0.2.9"),
        Keyword::line(
            "connect_port",
            block,
            CHECKER,
            "<port>",
            connect_port,
            "Which port, else the real server's.",
        )
        .example("connect_port 8080"),
        Keyword::line("bindto", block, CHECKER, "<address>", bindto, "Our own address.")
            .example("bindto 192.0.2.8"),
        Keyword::line(
            "bind_if",
            block,
            CHECKER,
            "<interface>",
            bind_if,
            "The interface of a link-local `bindto`.",
        )
        .example("bind_if eth0"),
        Keyword::line("bind_port", block, CHECKER, "<port>", bind_port, "Our own port.")
            .example("bind_port 1024"),
        Keyword::line(
            "fwmark",
            block,
            CHECKER,
            "<number>",
            fwmark,
            "The firewall mark of the check's packets.",
        )
        .example("fwmark 7"),
    ]
}

/// The same with what every check has.
const fn target(block: Block) -> [Keyword; 8] {
    let [a, b, c, d, e, f] = connection(block);
    [a, b, c, d, e, f, pace::alpha::<OfChecker>(block), log_all(block)]
}

const fn log_all(block: Block) -> Keyword {
    Keyword::line(
        "log_all_failures",
        block,
        CHECKER,
        "[<bool>]",
        |d, ctx, words| {
            let on = ctx.switch(words, true)?;
            with(d, |c| c.pace.log_all_failures = Some(on))
        },
        "Every failure is logged, not only the one that takes the server down.",
    )
    .example("log_all_failures on")
}

/// A check that opens a block.
const fn check(
    name: &'static str,
    inner: Block,
    open: crate::keepalived::keyword::LineFn,
    doc: &'static str,
) -> Keyword {
    Keyword::block(name, Block::RealServer, CHECKER, "", (inner, open, no_end), doc)
}

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    check("TCP_CHECK", Block::TcpCheck, |d, c, _| open(d, c, KindDraft::Tcp), "Up while it takes connections.")
        .example("TCP_CHECK { connect_port 80 }"),
    Keyword::line(
        "nb_get_retry",
        Block::TcpCheck,
        CHECKER,
        "<number>",
        |_, ctx, _| {
            Err(Finding::tolerated("misplaced-keyword", "Unknown keyword 'nb_get_retry'", ctx.at)
                .note("write `retry`: nb_get_retry was a word of HTTP_GET and SSL_GET only")
                .help("keepalived ignores this line, and so do we: one failure takes the server down after one retry."))
        },
        "Not a word of TCP_CHECK: `retry` is.",
    )
    .example("nb_get_retry 3")
    .unbuilt("the original does not know it here; write `retry`"),
    check("PING_CHECK", Block::PingCheck, |d, c, _| open(d, c, KindDraft::Ping), "Up while it answers pings.")
        .example("PING_CHECK { retry 2 }"),
    check(
        "SMTP_CHECK",
        Block::SmtpCheck,
        |d, c, _| open(d, c, KindDraft::Smtp { helo: None, hosts: Vec::new() }),
        "Up while it answers HELO.",
    )
    .example("SMTP_CHECK { helo_name lb1 }"),
    Keyword::line("helo_name", Block::SmtpCheck, CHECKER, "<name>", helo_name, "Who we say we are.")
        .example("helo_name lb1"),
    Keyword::block(
        "host",
        Block::SmtpCheck,
        CHECKER,
        "",
        (Block::SmtpHost, open_host, no_end),
        "One more address that must answer (old).",
    )
    .example("host { connect_ip 192.0.2.9 }"),
    check(
        "DNS_CHECK",
        Block::DnsCheck,
        |d, c, _| open(d, c, KindDraft::Dns { record: 6, name: ".".to_owned() }),
        "Up while it answers a question.",
    )
    .example("DNS_CHECK { type SOA name example.net. }"),
    Keyword::line("type", Block::DnsCheck, CHECKER, "<record>", record, "Which record is asked for; SOA if not said.")
        .example("type A"),
    Keyword::line("name", Block::DnsCheck, CHECKER, "<name>", dns_name, "Which name is asked for, with its final dot.")
        .example("name example.net."),
    check(
        "MISC_CHECK",
        Block::MiscCheck,
        |d, c, _| open(d, c, KindDraft::Misc(MiscDraft::default())),
        "Up while a script says so.",
    )
    .example("MISC_CHECK { misc_path /bin/true }"),
    Keyword::line("misc_path", Block::MiscCheck, CHECKER, "<script>", misc_path, "The script.")
        .example("misc_path /bin/true"),
    Keyword::line("misc_timeout", Block::MiscCheck, CHECKER, "<seconds>", misc_timeout, "Longest run.")
        .example("misc_timeout 5"),
    Keyword::line(
        "misc_dynamic",
        Block::MiscCheck,
        CHECKER,
        "",
        |d, _, _| misc(d, |misc| misc.dynamic = true),
        "Exit codes from 2 set the weight.",
    ),
    Keyword::line("user", Block::MiscCheck, CHECKER, "<user> [<group>]", misc_user, "Whom the script runs as.")
        .example("user nobody"),
    pace::alpha::<OfChecker>(Block::MiscCheck),
    log_all(Block::MiscCheck),
    check("BFD_CHECK", Block::BfdCheck, |d, c, _| open(d, c, KindDraft::Bfd(None)), "Up while a BFD session is.")
        .example("BFD_CHECK { name peer }"),
    Keyword::line("name", Block::BfdCheck, CHECKER, "<name>", bfd_name, "The bfd_instance.").example("name peer"),
    check(
        "UDP_CHECK",
        Block::UdpCheck,
        |d, c, _| {
            open(d, c, KindDraft::Udp(UdpDraft { payload: None, reply: None, min_length: 0, max_length: 255 }))
        },
        "Up while no ICMP error comes back, or while it replies.",
    )
    .example("UDP_CHECK { payload 0102 }"),
    Keyword::line("payload", Block::UdpCheck, CHECKER, "<hex>", payload, "What is sent.").example("payload 01 02 ff"),
    Keyword::line("require_reply", Block::UdpCheck, CHECKER, "[<hex>]", require_reply, "A reply must come; `x` is any.")
        .example("require_reply 01xx"),
    Keyword::line(
        "min_reply_length",
        Block::UdpCheck,
        CHECKER,
        "<bytes>",
        |d, ctx, words| length(d, ctx, words, true),
        "Shortest reply.",
    )
    .example("min_reply_length 2"),
    Keyword::line(
        "max_reply_length",
        Block::UdpCheck,
        CHECKER,
        "<bytes>",
        |d, ctx, words| length(d, ctx, words, false),
        "Longest reply.",
    )
    .example("max_reply_length 255"),
    check(
        "FILE_CHECK",
        Block::FileCheck,
        |d, c, _| open(d, c, KindDraft::File { track: None, dynamic: false, weight: None }),
        "Up, and weighing, as a file says.",
    )
    .example("FILE_CHECK { track_file load }"),
    Keyword::line("track_file", Block::FileCheck, CHECKER, "<name>", file_track, "The track_file.")
        .example("track_file load"),
    Keyword::line(
        "weight",
        Block::FileCheck,
        CHECKER,
        "<number> [reverse]",
        file_weight,
        "What the file's value is multiplied with.",
    )
    .example("weight 2"),
    Keyword::line(
        "dynamic",
        Block::FileCheck,
        CHECKER,
        "",
        |_, ctx, _| {
            Err(Finding::tolerated("misplaced-keyword", "Unknown keyword 'dynamic'", ctx.at)
                .note("the manual has it, keepalived does not know it"))
        },
        "Named by the manual, unknown to the program.",
    )
    .unbuilt("the original does not know it"),
];

pub(super) fn open(draft: &mut Draft, ctx: &mut Ctx<'_>, kind: KindDraft) -> Outcome {
    let span = ctx.at;
    if let Some(server) = draft.lvs.server() {
        server.checkers.push(CheckerDraft::new(kind, span));
    }
    Ok(())
}

fn with(draft: &mut Draft, set: impl FnOnce(&mut CheckerDraft)) -> Outcome {
    if let Some(checker) = draft.lvs.checker() {
        set(checker);
    }
    Ok(())
}

/// The target whose keywords are read: of the innermost `host` of SMTP_CHECK, else of the check.
fn to(draft: &mut Draft, set: impl FnOnce(&mut TargetDraft)) -> Outcome {
    if let Some(checker) = draft.lvs.checker() {
        match &mut checker.kind {
            KindDraft::Smtp { hosts, .. } if !hosts.is_empty() => hosts.last_mut().map_or((), set),
            KindDraft::Tcp
            | KindDraft::Http(_)
            | KindDraft::Smtp { .. }
            | KindDraft::Dns { .. }
            | KindDraft::Misc(_)
            | KindDraft::Udp(_)
            | KindDraft::Ping
            | KindDraft::File { .. }
            | KindDraft::Bfd(_) => set(&mut checker.target),
        }
    }
    Ok(())
}

fn open_host(draft: &mut Draft, _: &mut Ctx<'_>, _: &mut Words<'_>) -> Outcome {
    with(draft, |checker| {
        if let KindDraft::Smtp { hosts, .. } = &mut checker.kind {
            hosts.push(TargetDraft::default());
        }
    })
}

fn address(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<std::net::IpAddr, Finding> {
    let word = ctx.need(words)?;
    ip(word).ok_or_else(|| {
        Finding::tolerated(
            "bad-address",
            format!("Invalid {} address {word} - ignoring", ctx.keyword),
            word.span,
        )
    })
}

fn port(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<u16, Finding> {
    let word = ctx.need(words)?;
    Ok(u16::try_from(ctx.whole(word, 1, 65_535)?).unwrap_or(0))
}

fn connect_ip(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let address = address(ctx, words)?;
    to(draft, |t| t.ip = Some(address))
}

fn connect_port(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let port = port(ctx, words)?;
    to(draft, |t| t.port = Some(port))
}

fn bindto(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let address = address(ctx, words)?;
    to(draft, |t| t.bind = Some(address))
}

fn bind_if(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?.clone();
    to(draft, |t| t.bind_interface = Some(word))
}

fn bind_port(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let port = port(ctx, words)?;
    to(draft, |t| t.bind_port = Some(port))
}

fn fwmark(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let mark = ctx.whole(word, 0, i64::from(u32::MAX))?;
    to(draft, |t| t.mark = u32::try_from(mark).ok())
}

fn helo_name(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = ctx.need(words)?.str().into_owned();
    with(draft, |checker| {
        if let KindDraft::Smtp { helo, .. } = &mut checker.kind {
            *helo = Some(name);
        }
    })
}

/// Record types that the original asks for (manual, DNS_CHECK), with their numbers (RFC 1035 §3.2.2, RFC 3596).
const RECORDS: [(&str, u16); 7] =
    [("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("MX", 15), ("TXT", 16), ("AAAA", 28)];

fn record(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let Some((_, number)) = RECORDS.iter().find(|(name, _)| word.is(name)) else {
        return Err(Finding::tolerated(
            "unknown-record",
            format!("Unknown DNS check type {word} - ignoring"),
            word.span,
        )
        .note(RECORDS.map(|(name, _)| name).join(", ")));
    };
    with(draft, |checker| {
        if let KindDraft::Dns { record, .. } = &mut checker.kind {
            *record = *number;
        }
    })
}

/// The original wants the final dot: without it, it reads an empty last label.
fn dns_name(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let text = word.str().into_owned();
    let labels = text.strip_suffix('.');
    let empty = match labels {
        Some("") => false,
        Some(labels) => labels.split('.').any(str::is_empty),
        None => true,
    };
    if empty {
        let dotless = labels.is_none() && !text.split('.').any(str::is_empty);
        let finding = Finding::tolerated(
            "bad-name",
            format!("DNS_CHECK name '{text}' has empty label - ignoring"),
            word.span,
        );
        return Err(if dotless {
            finding.note(format!("keepalived wants the final dot: `{text}.`"))
        } else {
            finding
        });
    }
    if text.len() > 254 || text.split('.').any(|label| label.len() > 63) {
        return Err(Finding::tolerated(
            "bad-name",
            format!("DNS_CHECK name '{text}' is too long - ignoring"),
            word.span,
        )
        .note("63 characters a label, 253 in all (RFC 1035 §2.3.4)"));
    }
    with(draft, |checker| {
        if let KindDraft::Dns { name, .. } = &mut checker.kind {
            *name = text;
        }
    })
}

fn misc(draft: &mut Draft, set: impl FnOnce(&mut MiscDraft)) -> Outcome {
    with(draft, |checker| {
        if let KindDraft::Misc(misc) = &mut checker.kind {
            set(misc);
        }
    })
}

fn misc_path(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let script = script::command(ctx, words)?;
    misc(draft, |misc| misc.script = script)
}

fn misc_timeout(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let time = ctx.seconds(word, 1, TIMEOUT_MAX_US)?;
    misc(draft, |misc| misc.timeout = Some(time))
}

fn misc_user(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let user = ctx.need(words)?;
    let found = script::user_group(ctx, user, words.next());
    let mut text = String::new();
    let bad = found.as_ref().err().map(|wrong| (wrong.text(), wrong.span(user)));
    misc(draft, |misc| {
        text = misc.script.as_ref().map(|script| script.text.clone()).unwrap_or_default();
        match (found, &mut misc.script) {
            (Ok(user), Some(script)) => script.user = Some(user),
            (Ok(_), None) => {}
            (Err(_), _) => misc.bad_user = true,
        }
    })?;
    match bad {
        None => Ok(()),
        Some((why, at)) => {
            let text = format!("Failed to set uid/gid for misc checker script '{text}' - removing");
            Err(Finding::tolerated("unknown-user", text, at).note(why))
        }
    }
}

fn bfd_name(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?.clone();
    with(draft, |checker| {
        if let KindDraft::Bfd(name) = &mut checker.kind {
            *name = Some(word);
        }
    })
}

/// Groups of hexadecimal digits; a group of odd length has a leading zero. `x` is any value, where `wild`.
fn hex(words: &[Word], wild: bool) -> Option<Vec<(u8, u8)>> {
    let mut bytes = Vec::new();
    for word in words {
        let text = word.str();
        let mut digits: Vec<(u8, u8)> = Vec::new();
        if text.chars().count() % 2 == 1 {
            digits.push((0, 0xf));
        }
        for c in text.chars() {
            match c.to_digit(16) {
                Some(value) => digits.push((u8::try_from(value).ok()?, 0xf)),
                None if wild && (c == 'x' || c == 'X') => digits.push((0, 0)),
                None => return None,
            }
        }
        for pair in digits.chunks_exact(2) {
            let [(high, high_mask), (low, low_mask)] = pair else { return None };
            bytes.push((high << 4 | low, high_mask << 4 | low_mask));
        }
        if bytes.len() > HEX_MAX {
            return None;
        }
    }
    Some(bytes)
}

fn bad_hex(ctx: &Ctx<'_>, what: &str) -> Finding {
    Finding::tolerated("bad-hex", format!("Invalid hex string for UDP_CHECK {what}"), ctx.line)
        .note("pairs of hexadecimal digits, such as 01 02 ff")
}

fn payload(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(bytes) = hex(words.take_rest(), false) else { return Err(bad_hex(ctx, "payload")) };
    udp(draft, |udp| udp.payload = Some(bytes.iter().map(|(value, _)| *value).collect()))
}

fn require_reply(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let Some(bytes) = hex(words.take_rest(), true) else { return Err(bad_hex(ctx, "reply")) };
    udp(draft, |udp| udp.reply = Some(bytes))
}

fn udp(draft: &mut Draft, set: impl FnOnce(&mut UdpDraft)) -> Outcome {
    with(draft, |checker| {
        if let KindDraft::Udp(udp) = &mut checker.kind {
            set(udp);
        }
    })
}

fn length(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, least: bool) -> Outcome {
    let word = ctx.need(words)?;
    let bytes = u16::try_from(ctx.whole(word, 0, 65_535)?).unwrap_or(u16::MAX);
    udp(draft, |udp| if least { udp.min_length = bytes } else { udp.max_length = bytes })
}

fn file_track(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?.clone();
    with(draft, |checker| {
        if let KindDraft::File { track, .. } = &mut checker.kind {
            *track = Some(word);
        }
    })
}

fn file_weight(draft: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let word = ctx.need(words)?;
    let value = ctx.whole(word, i64::from(-i32::MAX), i64::from(i32::MAX))?;
    let reverse = words.take_if("reverse");
    with(draft, |checker| {
        if let KindDraft::File { weight, .. } = &mut checker.kind {
            *weight = i32::try_from(value).ok().map(|value| (value, reverse));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_strings() {
        let read = |text: &str, wild| hex(&text.split(' ').map(Word::bare).collect::<Vec<_>>(), wild);
        let plain = |bytes: &[u8]| Some(bytes.iter().map(|b| (*b, 0xff)).collect::<Vec<_>>());
        // The manual's own example.
        assert_eq!(
            read("Ab12f 3 456 546443123", false),
            plain(&[0x0a, 0xb1, 0x2f, 0x03, 0x04, 0x56, 0x05, 0x46, 0x44, 0x31, 0x23]),
        );
        assert_eq!(read("01xX", true), Some(vec![(1, 0xff), (0, 0)]));
        assert_eq!(read("1x", true), Some(vec![(0x10, 0xf0)]));
        assert_eq!(read("1x", false), None);
        assert_eq!(read("zz", true), None);
    }
}
