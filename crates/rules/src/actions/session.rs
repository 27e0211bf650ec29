//! Actions on the session: addresses, timeouts, log level.

use evenkeel_base::time::{Unit, parse_time};
use evenkeel_base::{Diagnostic, Words};

use crate::action::{Action, Side, TimeoutName, TimeoutValue};
use crate::registry::{Context, Entry};
use crate::set::Sets;

/// Rules that see the client's connection and may give it other addresses.
const ADDRESS: Sets = Sets::TCP_REQUEST.and(Sets::REQUEST);
const STREAM: Sets = Sets::CONTENT.and(Sets::TCP_RESPONSE).and(Sets::REQUEST).and(Sets::RESPONSE);
const MARKING: &str = "not built yet: marking of packets";
const PRIORITY: &str = "not built yet: priorities in queues";

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::new(
        "set-src",
        ADDRESS,
        |words, cx| address(words, cx, Side::Source, false),
        "set-src src,ipmask(24)",
        "Changes the client's address as rules, logs and servers see it",
    ),
    Entry::new(
        "set-src-port",
        ADDRESS,
        |words, cx| address(words, cx, Side::Source, true),
        "set-src-port int(4000)",
        "Changes the client's port as rules, logs and servers see it",
    ),
    Entry::new(
        "set-dst",
        ADDRESS,
        |words, cx| address(words, cx, Side::Destination, false),
        "set-dst dst,ipmask(24)",
        "Changes the address that the client connected to",
    ),
    Entry::new(
        "set-dst-port",
        ADDRESS,
        |words, cx| address(words, cx, Side::Destination, true),
        "set-dst-port int(4000)",
        "Changes the port that the client connected to",
    ),
    Entry::new(
        "set-timeout",
        Sets::REQUEST.and(Sets::RESPONSE),
        timeout,
        "set-timeout server 5s",
        "Changes the timeout of this exchange's server or tunnel",
    ),
    Entry::new(
        "set-log-level",
        STREAM.and(Sets::AFTER),
        log_level,
        "set-log-level silent",
        "Changes the level of this exchange's log line, or leaves it out",
    ),
    Entry::new("set-nice", STREAM, nice, "set-nice 10", "Changes the priority of this exchange's task")
        .accepted("tasks have no priorities here"),
    Entry::new(
        "wait-for-handshake",
        Sets::REQUEST,
        |_, _| Ok(Action::Nothing),
        "wait-for-handshake",
        "Waits until the TLS handshake is done",
    )
    .accepted("handshakes are always done before a request is read"),
    Entry::refused("set-mark", ADDRESS.and(STREAM), MARKING, "Marks the packets sent to the client"),
    Entry::refused("set-tos", ADDRESS.and(STREAM), MARKING, "Sets the TOS of the packets sent to the client"),
    Entry::refused("set-fc-mark", ADDRESS.and(STREAM), MARKING, "Marks the packets sent to the client"),
    Entry::refused(
        "set-fc-tos",
        ADDRESS.and(STREAM),
        MARKING,
        "Sets the TOS of the packets sent to the client",
    ),
    Entry::refused(
        "set-bc-mark",
        Sets::CONTENT.and(Sets::REQUEST),
        MARKING,
        "Marks the packets sent to the server",
    ),
    Entry::refused(
        "set-bc-tos",
        Sets::CONTENT.and(Sets::REQUEST),
        MARKING,
        "Sets the TOS of the packets sent to the server",
    ),
    Entry::refused(
        "set-priority-class",
        Sets::CONTENT.and(Sets::REQUEST),
        PRIORITY,
        "Sets the class that a request waits in",
    ),
    Entry::refused(
        "set-priority-offset",
        Sets::CONTENT.and(Sets::REQUEST),
        PRIORITY,
        "Moves a request forward or back in its queue",
    ),
    Entry::refused(
        "set-retries",
        Sets::CONTENT.and(Sets::REQUEST),
        "not built yet: retries per request",
        "Changes how often a connection is tried again",
    ),
    Entry::refused(
        "set-bandwidth-limit",
        STREAM,
        "not built yet: bandwidth limits",
        "Gives the exchange a bandwidth limit",
    ),
];

fn address(
    words: &mut Words<'_>,
    cx: &mut Context<'_>,
    side: Side,
    port: bool,
) -> Result<Action, Diagnostic> {
    Ok(Action::SetAddress { side, port, value: Box::new(cx.expr(words)?) })
}

fn timeout(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let name = words.expect("`server` or `tunnel`")?;
    let which = match name.bytes() {
        b"server" => TimeoutName::Server,
        b"tunnel" => TimeoutName::Tunnel,
        b"client" => {
            let message = "'set-timeout client' cannot be used: not built yet: client timeouts per exchange";
            return Err(Diagnostic::error("refused", message, name.span));
        }
        _ => {
            let message = format!("`{name}` is no timeout that can be set here: `server` and `tunnel` are");
            return Err(Diagnostic::error("unknown-timeout", message, name.span));
        }
    };
    let Some(word) = words.peek() else {
        return words.expect("a time").map(|_| Action::Nothing);
    };
    let value = match word.bytes().first() {
        Some(b'0'..=b'9') => {
            words.next();
            let time = parse_time(&word.str(), Unit::Millis)
                .map_err(|why| Diagnostic::error("invalid-time", why.to_string(), word.span))?;
            if time.is_zero() {
                return Err(Diagnostic::error("invalid-time", "a timeout of 0 is none", word.span));
            }
            TimeoutValue::Fixed(time)
        }
        Some(_) | None => TimeoutValue::Millis(Box::new(cx.expr(words)?)),
    };
    Ok(Action::SetTimeout { which, value })
}

/// Names of the levels in the order of syslog's numbers (RFC 5424 §6.2.1), as the original writes them.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

fn log_level(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let word = words.expect("a log level")?;
    if word.is("silent") {
        return Ok(Action::LogLevel(None));
    }
    match LEVELS.iter().position(|name| word.is(name)) {
        Some(n) => Ok(Action::LogLevel(Some(n as u8))),
        None => {
            let message = format!("`{word}` is no log level: {} and silent are", LEVELS.join(", "));
            Err(Diagnostic::error("unknown-level", message, word.span))
        }
    }
}

fn nice(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let word = words.expect("a number")?;
    match word.str().parse::<i32>() {
        Ok(-1024..=1024) => Ok(Action::Nothing),
        Ok(_) | Err(_) => {
            let message = format!("`{word}` is not between -1024 and 1024");
            Err(Diagnostic::error("invalid-number", message, word.span))
        }
    }
}
