//! Actions that end or hold the evaluation.

use evenkeel_base::size::parse_size;
use evenkeel_base::time::{Unit, parse_time};
use evenkeel_base::{Diagnostic, Words};

use crate::action::Action;
use crate::redirect;
use crate::registry::{Context, Entry};
use crate::reply::{self, ReplyUse};
use crate::set::Sets;

const SERVICES: &str = "not built yet: services (the exporter for Prometheus, Lua)";
/// `wait-for-body` waits no longer for more than this: a request's buffer.
const BODY_MAX: u64 = 1 << 30;

pub(crate) const ENTRIES: &[Entry] = &[
    Entry::new(
        "accept",
        Sets::TCP_REQUEST.and(Sets::TCP_RESPONSE),
        |_, _| Ok(Action::Accept),
        "accept if { src 127.0.0.0/8 }",
        "Lets the connection pass and ends the evaluation",
    ),
    Entry::new(
        "allow",
        Sets::HTTP,
        |_, _| Ok(Action::Accept),
        "allow if { src 127.0.0.0/8 }",
        "Lets the message pass and ends the evaluation",
    ),
    Entry::new(
        "reject",
        Sets::TCP_REQUEST.and(Sets::TCP_RESPONSE).and(Sets::REQUEST),
        |_, _| Ok(Action::Reject),
        "reject if { src 10.0.0.0/8 }",
        "Closes the connection without an answer",
    ),
    Entry::new(
        "close",
        Sets::TCP_RESPONSE,
        |_, _| Ok(Action::Close),
        "close",
        "Closes the server's connection",
    ),
    Entry::new(
        "silent-drop",
        Sets::TCP_REQUEST.and(Sets::TCP_RESPONSE).and(Sets::REQUEST).and(Sets::RESPONSE),
        silent_drop,
        "silent-drop if { src 10.0.0.0/8 }",
        "Drops the client's connection without telling it",
    ),
    Entry::new(
        "deny",
        Sets::REQUEST.and(Sets::RESPONSE),
        |words, cx| {
            let kind = if cx.set.is_response() { ReplyUse::DenyResponse } else { ReplyUse::DenyRequest };
            Ok(Action::Deny(Box::new(reply::parse(words, cx, kind)?)))
        },
        "deny deny_status 429 if { src 10.0.0.0/8 }",
        "Answers with an error, 403 for requests and 502 for responses",
    ),
    Entry::new(
        "tarpit",
        Sets::REQUEST,
        |words, cx| Ok(Action::Tarpit(Box::new(reply::parse(words, cx, ReplyUse::Tarpit)?))),
        "tarpit if { src 10.0.0.0/8 }",
        "Answers with an error after `timeout tarpit`",
    ),
    Entry::new(
        "return",
        Sets::REQUEST.and(Sets::RESPONSE),
        |words, cx| Ok(Action::Return(Box::new(reply::parse(words, cx, ReplyUse::Return)?))),
        "return status 200 content-type text/plain string \"hello\" hdr X-From proxy",
        "Answers with a response made here",
    ),
    Entry::new(
        "redirect",
        Sets::REQUEST.and(Sets::RESPONSE),
        |words, cx| Ok(Action::Redirect(Box::new(redirect::parse(words, cx, redirect::Style::Format)?))),
        "redirect scheme https code 301 unless { ssl_fc }",
        "Sends the client elsewhere",
    ),
    Entry::new("auth", Sets::REQUEST, auth, "auth realm Members", "Asks for a user name and a password"),
    Entry::new(
        "wait-for-body",
        Sets::REQUEST.and(Sets::RESPONSE),
        wait_for_body,
        "wait-for-body time 1s at-least 1k",
        "Waits until the body, or enough of it, is there",
    ),
    // Services are what Lua registers, and the exporter of metrics for Prometheus.
    Entry::refused(
        "use-service",
        Sets::CONTENT.and(Sets::REQUEST),
        SERVICES,
        "Gives the request to a service of the proxy",
    ),
    Entry::new(
        "strict-mode",
        Sets::HTTP,
        strict_mode,
        "strict-mode off",
        "Says whether a rewrite that fails is an error",
    ),
    Entry::new(
        "disable-l7-retry",
        Sets::REQUEST,
        |_, _| Ok(Action::DisableL7Retry),
        "disable-l7-retry if { method POST }",
        "Retries this request only if no connection could be made",
    ),
];

fn silent_drop(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    if words.take_if("rst-ttl") {
        let ttl = words.expect("a TTL")?;
        let message = "'silent-drop rst-ttl' cannot be used: not built yet: resets with a TTL";
        return Err(Diagnostic::error("refused", message, ttl.span));
    }
    Ok(Action::SilentDrop)
}

fn auth(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let realm = match words.take_if("realm") {
        true => words.expect("the realm")?.bytes().into(),
        false => cx.section.as_bytes().into(),
    };
    Ok(Action::Auth { realm })
}

fn wait_for_body(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let (mut time, mut at_least) = (None, 0);
    loop {
        if words.take_if("time") {
            let word = words.expect("a time")?;
            let parsed = parse_time(&word.str(), Unit::Millis)
                .map_err(|why| Diagnostic::error("invalid-time", why.to_string(), word.span))?;
            time = Some(parsed);
        } else if words.take_if("at-least") {
            let word = words.expect("a number of bytes")?;
            at_least = parse_size(&word.str()).filter(|n| *n <= BODY_MAX).ok_or_else(|| {
                Diagnostic::error("invalid-size", format!("`{word}` is no number of bytes"), word.span)
            })?;
        } else {
            break;
        }
    }
    match time {
        Some(time) => Ok(Action::WaitForBody { time, at_least }),
        None => Err(Diagnostic::error(
            "missing-argument",
            "`time` and a time are missing",
            words.last_span().after(),
        )),
    }
}

fn strict_mode(words: &mut Words<'_>, _: &mut Context<'_>) -> Result<Action, Diagnostic> {
    let word = words.expect("`on` or `off`")?;
    match word.bytes() {
        b"on" => Ok(Action::Strict(true)),
        b"off" => Ok(Action::Strict(false)),
        _ => Err(Diagnostic::error(
            "unknown-argument",
            format!("`{word}` is neither `on` nor `off`"),
            word.span,
        )),
    }
}
