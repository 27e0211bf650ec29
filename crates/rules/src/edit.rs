//! What the single actions do to heads and facts.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bstr::ByteSlice;
use evenkeel_expr::env::{Stored, VarScope};
use evenkeel_expr::facts::Peer;
use evenkeel_expr::{Expr, LogFormat, Value};
use evenkeel_http::{Fields, Known, RequestHead, reason_phrase, uri};

use crate::action::{
    Capture, NameMatch, Normalizer, ReplaceHeader, ReplaceTarget, SetVar, Side, TargetPart, TimeoutName,
    TimeoutValue, VarCond, VarValue, Variable,
};
use crate::engine::{Exchange, Step, keep, set_variable};

/// Longest method that `set-method` makes.
const METHOD_LEN_MAX: usize = 64;
/// Most bytes that `early-hint` rules of one exchange may collect.
const HINTS_MAX: usize = 8192;
/// Parameters that `query-sort-by-name` sorts; longer queries stay as they are.
const PARAMETERS_MAX: usize = 1024;

/// The fields of the message being judged: the response's where there is one.
fn fields<'x>(x: &'x mut Exchange<'_>) -> Option<&'x mut Fields> {
    match (x.res.as_deref_mut(), x.req.as_deref_mut()) {
        (Some(res), _) => Some(res.fields_mut()),
        (None, Some(req)) => Some(req.fields_mut()),
        (None, None) => None,
    }
}

fn rewritten(done: bool) -> Step {
    if done { Step::Next } else { Step::RewriteFailed }
}

pub(crate) fn header(
    name: &[u8],
    format: &LogFormat,
    replace: bool,
    x: &mut Exchange<'_>,
    value: &mut Vec<u8>,
) -> Step {
    // The value is made before the old field goes: it may quote it.
    value.clear();
    format.render(&x.env(), value);
    let Some(fields) = fields(x) else { return Step::Next };
    let done = if replace { fields.set(name, value) } else { fields.push(name, value) };
    target_follows_host(name, x);
    rewritten(done)
}

/// The other way round of [`host_follows_target`], as the original does it.
fn target_follows_host(name: &[u8], x: &mut Exchange<'_>) {
    let (true, None, Some(req)) = (name.eq_ignore_ascii_case(b"host"), &x.res, x.req.as_deref_mut()) else {
        return;
    };
    let (Some(old), Some(scheme)) = (uri::authority(req.target()), uri::scheme(req.target())) else { return };
    let Some(host) = req.fields().last(Known::Host).filter(|h| *h != old) else { return };
    let rest = req.target().get(scheme.len() + b"://".len() + old.len()..).unwrap_or_default();
    let new = [scheme, b"://", host, rest].concat();
    req.set_target(&new);
}

pub(crate) fn del_header(names: &NameMatch, x: &mut Exchange<'_>) -> Step {
    let Some(fields) = fields(x) else { return Step::Next };
    match names {
        NameMatch::Exact(name) => fields.remove(&**name),
        NameMatch::Begins(part) => fields.remove_where(|name, _| starts(name, part)),
        NameMatch::Ends(part) => fields.remove_where(|name, _| {
            name.len()
                .checked_sub(part.len())
                .and_then(|at| name.get(at..))
                .is_some_and(|n| n.eq_ignore_ascii_case(part))
        }),
        NameMatch::Contains(part) => fields.remove_where(|name, _| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|rest| starts(rest, part)))
        }),
        NameMatch::Matches(regex) => fields.remove_where(|name, _| regex.is_match(name)),
    };
    Step::Next
}

fn starts(name: &[u8], part: &[u8]) -> bool {
    name.get(..part.len()).is_some_and(|n| n.eq_ignore_ascii_case(part))
}

pub(crate) fn replace_header(
    replace: &ReplaceHeader,
    x: &mut Exchange<'_>,
    template: &mut Vec<u8>,
    new: &mut Vec<u8>,
) -> Step {
    template.clear();
    replace.template.render(&x.env(), template);
    let Some(fields) = fields(x) else { return Step::Next };
    let edit = |old: &[u8]| {
        new.clear();
        replace.regex.expand(old, template, new).then(|| new.clone())
    };
    match replace.each_value {
        true => fields.replace_values(&*replace.name, edit),
        false => fields.replace_lines(&*replace.name, edit),
    };
    target_follows_host(&replace.name, x);
    Step::Next
}

pub(crate) fn set_status(status: u16, reason: Option<&[u8]>, x: &mut Exchange<'_>) -> Step {
    if let Some(res) = x.res.as_deref_mut() {
        res.set_status(status, reason.unwrap_or(reason_phrase(status).as_bytes()));
    }
    Step::Next
}

pub(crate) fn set_target(
    part: TargetPart,
    format: &LogFormat,
    x: &mut Exchange<'_>,
    value: &mut Vec<u8>,
) -> Step {
    value.clear();
    format.render(&x.env(), value);
    set_part(part, value, x)
}

pub(crate) fn replace_target(
    replace: &ReplaceTarget,
    x: &mut Exchange<'_>,
    template: &mut Vec<u8>,
    new: &mut Vec<u8>,
) -> Step {
    template.clear();
    replace.template.render(&x.env(), template);
    let Some(req) = x.req.as_deref() else { return Step::Next };
    let old = match replace.part {
        TargetPart::Method => req.method(),
        TargetPart::Path => req.path(),
        TargetPart::PathAndQuery => req.path_and_query(),
        TargetPart::Query => req.query().unwrap_or_default(),
        TargetPart::Uri => req.target(),
    };
    new.clear();
    if old.is_empty() || !replace.regex.expand(old, template, new) {
        return Step::Next;
    }
    set_part(replace.part, new, x)
}

fn set_part(part: TargetPart, value: &[u8], x: &mut Exchange<'_>) -> Step {
    let Some(req) = x.req.as_deref_mut() else { return Step::Next };
    // A line end or a blank in a request line would make it another request. The original sends it as it is.
    let broken = |b: &u8| *b <= b' ' || *b == 0x7f;
    if part == TargetPart::Method {
        if value.is_empty() || value.len() > METHOD_LEN_MAX || value.iter().any(broken) {
            return Step::RewriteFailed;
        }
        req.set_method(value);
        return Step::Next;
    }
    let value = match value.iter().any(broken) {
        true => Cow::Owned(encoded(value, broken)),
        false => Cow::Borrowed(value),
    };
    match part {
        TargetPart::Path => req.set_path(&value),
        TargetPart::PathAndQuery => req.set_path_and_query(&value),
        TargetPart::Query => req.set_query(&value),
        TargetPart::Uri if value.is_empty() => return Step::RewriteFailed,
        TargetPart::Method | TargetPart::Uri => {
            req.set_target(&value);
            host_follows_target(req);
        }
    }
    Step::Next
}

/// The text with the bytes that `which` names percent-encoded (RFC 3986 §2.1).
fn encoded(text: &[u8], which: impl Fn(&u8) -> bool) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len() + 8);
    for b in text {
        match which(b) {
            true => out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]),
            false => out.push(*b),
        }
    }
    out
}

/// A new authority in the target is a new host: RFC 9112 §3.2.2 wants both to say the same.
fn host_follows_target(req: &mut RequestHead) {
    let Some(authority) = uri::authority(req.target()).map(|a| uri::without_user(a).to_vec()) else { return };
    let changed = req.fields_mut().replace_lines(Known::Host, |_| Some(authority.clone()));
    if changed == 0 {
        req.fields_mut().push(Known::Host, &authority);
    }
}

pub(crate) fn set_var(set: &SetVar, x: &mut Exchange<'_>, text: &mut Vec<u8>) -> Step {
    let value = match &set.value {
        VarValue::Format(format) => {
            text.clear();
            format.render(&x.env(), text);
            Stored::Str(text.as_slice().into())
        }
        VarValue::Expr(expr) => {
            let env = x.env();
            // An expression without result leaves the variable as it is.
            let Some(value) = expr.eval(&env) else { return Step::Next };
            value.to_stored()
        }
    };
    if set.conds.iter().all(|cond| cond_holds(*cond, set.variable, &value, x)) {
        set_variable(x, set.variable, Some(value));
    }
    Step::Next
}

fn variable(variable: Variable, x: &Exchange<'_>) -> Option<Stored> {
    match variable.scope {
        VarScope::Txn | VarScope::Req | VarScope::Res => {
            x.stream.vars.get(variable.slot as usize).cloned().flatten()
        }
        VarScope::Sess => x.world.sess_var(variable.slot),
        VarScope::Proc => x.world.proc_var(variable.slot),
    }
}

fn cond_holds(cond: VarCond, which: Variable, new: &Stored, x: &Exchange<'_>) -> bool {
    let old = variable(which, x);
    let number = |stored: &Stored| match stored {
        Stored::Int(n) => Some(*n),
        Stored::Bool(b) => Some(i64::from(*b)),
        Stored::Str(s) => s.to_str().ok().and_then(|s| s.trim().parse().ok()),
        Stored::Ipv4(_) | Stored::Ipv6(_) | Stored::Bin(_) => None,
    };
    let empty = match new {
        Stored::Str(s) => s.is_empty(),
        Stored::Bin(b) => b.is_empty(),
        Stored::Bool(_) | Stored::Int(_) | Stored::Ipv4(_) | Stored::Ipv6(_) => false,
    };
    // "ifgt" sets the variable if its present number is greater than the new one (manual: converter "set-var").
    let order = |want: std::cmp::Ordering| {
        old.as_ref().and_then(number).zip(number(new)).is_some_and(|(old, new)| old.cmp(&new) == want)
    };
    match cond {
        VarCond::Exists | VarCond::Set => old.is_some(),
        VarCond::NotExists | VarCond::NotSet => old.is_none(),
        VarCond::Empty => empty,
        VarCond::NotEmpty => !empty,
        VarCond::Greater => order(std::cmp::Ordering::Greater),
        VarCond::Lower => order(std::cmp::Ordering::Less),
    }
}

pub(crate) fn capture(capture: &Capture, x: &mut Exchange<'_>) -> Step {
    let env = x.env();
    let Some(value) = capture.value.eval(&env) else { return Step::Next };
    let text = value.to_text();
    let kept = text.get(..text.len().min(capture.len as usize)).unwrap_or_default().into();
    drop(text);
    match capture.response {
        true => keep(&mut x.stream.response_captures, capture.slot, kept),
        false => keep(&mut x.stream.request_captures, capture.slot, kept),
    }
    Step::Next
}

pub(crate) fn early_hint(name: &[u8], format: &LogFormat, x: &mut Exchange<'_>, value: &mut Vec<u8>) -> Step {
    value.clear();
    format.render(&x.env(), value);
    let hints = &mut x.effects.early_hints;
    if hints.len() + name.len() + value.len() > HINTS_MAX
        || value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0))
    {
        return Step::RewriteFailed;
    }
    for part in [name, b": ", value, b"\r\n"] {
        hints.extend_from_slice(part);
    }
    Step::Next
}

pub(crate) fn set_address(side: Side, port: bool, value: &Expr, x: &mut Exchange<'_>) -> Step {
    let env = x.env();
    let Some(value) = value.eval(&env) else { return Step::Next };
    let new = if port { new_port(&value) } else { value.to_ip().map(New::Address) };
    let Some(new) = new else { return Step::Next };
    if x.conn.own.is_none() {
        x.conn.own = Some(Box::new((x.conn.src.clone(), x.conn.dst.clone())));
    }
    let peer = match side {
        Side::Source => &mut x.conn.src,
        Side::Destination => &mut x.conn.dst,
    };
    *peer = Peer::Inet(new.applied_to(peer));
    Step::Next
}

fn new_port(value: &Value<'_>) -> Option<New> {
    value.to_int().and_then(|n| u16::try_from(n).ok()).map(New::Port)
}

enum New {
    Address(IpAddr),
    Port(u16),
}

impl New {
    /// A new address keeps the port, a new port keeps the address; from a UNIX socket there is nothing to keep
    /// (configuration manual: `set-src`, `set-src-port`).
    fn applied_to(self, old: &Peer) -> SocketAddr {
        let old = match old {
            Peer::Inet(addr) => Some(*addr),
            Peer::Unix | Peer::Unknown => None,
        };
        match self {
            New::Address(ip) => SocketAddr::new(ip, old.map_or(0, |a| a.port())),
            New::Port(port) => {
                SocketAddr::new(old.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip()), port)
            }
        }
    }
}

pub(crate) fn set_timeout(which: TimeoutName, value: &TimeoutValue, x: &mut Exchange<'_>) -> Step {
    let time = match value {
        TimeoutValue::Fixed(time) => Some(*time),
        TimeoutValue::Millis(expr) => {
            let env = x.env();
            let ms = expr.eval(&env).and_then(|v| v.to_int()).and_then(|n| u64::try_from(n).ok());
            ms.filter(|n| *n > 0).map(Duration::from_millis)
        }
    };
    if let Some(time) = time {
        match which {
            TimeoutName::Server => x.stream.timeout_server = Some(time),
            TimeoutName::Tunnel => x.stream.timeout_tunnel = Some(time),
        }
    }
    Step::Next
}

/// `Err` for a broken percent sequence in strict mode.
pub(crate) fn normalize(normalizer: Normalizer, x: &mut Exchange<'_>) -> Result<(), ()> {
    let Some(req) = x.req.as_deref_mut() else { return Ok(()) };
    let path = req.path().to_vec();
    let whole = req.path_and_query().to_vec();
    if whole.is_empty() {
        // `*`, CONNECT's targets and absolute targets without a path have nothing to normalize.
        return Ok(());
    }
    match normalizer {
        Normalizer::FragmentEncode => req.set_path_and_query(&whole.replace("#", "%23")),
        Normalizer::FragmentStrip => {
            let kept = whole.iter().position(|b| *b == b'#').unwrap_or(whole.len());
            req.set_path_and_query(whole.get(..kept).unwrap_or_default());
        }
        Normalizer::MergeSlashes => {
            let mut new = path.clone();
            new.dedup_by(|b, a| *a == b'/' && *b == b'/');
            req.set_path(&new);
        }
        Normalizer::StripDot => req.set_path(&strip_dot(&path)),
        Normalizer::StripDotdot { full } => req.set_path(&strip_dotdot(&path, full)),
        Normalizer::DecodeUnreserved { strict } => {
            let new = percents(&whole, strict, |byte, raw, out| {
                let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                if unreserved { out.push(byte) } else { out.extend_from_slice(raw) }
            })?;
            req.set_path_and_query(&new);
        }
        Normalizer::Uppercase { strict } => {
            let new =
                percents(&whole, strict, |_, raw, out| out.extend_from_slice(&raw.to_ascii_uppercase()))?;
            req.set_path_and_query(&new);
        }
        Normalizer::SortQuery => {
            let Some(query) = uri::split_query(&whole).1 else { return Ok(()) };
            let mut parameters: Vec<&[u8]> = query.split(|b| *b == b'&').collect();
            if parameters.len() > PARAMETERS_MAX {
                return Ok(());
            }
            let name = |p: &&[u8]| p.split(|b| *b == b'=').next().unwrap_or_default().to_vec();
            parameters.sort_by_key(name);
            let sorted = parameters.join(&b'&');
            req.set_query(&sorted);
        }
    }
    Ok(())
}

/// Walks percent sequences; `edit` gets the byte, the three characters and where to write.
fn percents(text: &[u8], strict: bool, edit: impl Fn(u8, &[u8], &mut Vec<u8>)) -> Result<Vec<u8>, ()> {
    let hex = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(b) = text.get(at) {
        if *b != b'%' {
            out.push(*b);
            at += 1;
            continue;
        }
        let raw = text.get(at..at + 3);
        match raw.and_then(|r| Some((r, hex(*r.get(1)?)? * 16 + hex(*r.get(2)?)?))) {
            Some((raw, byte)) => {
                edit(byte, raw, &mut out);
                at += 3;
            }
            None if strict => return Err(()),
            None => {
                out.push(b'%');
                at += 1;
            }
        }
    }
    Ok(out)
}

/// RFC 3986 §6.2.2.3, single dots: `/a/./b` is `/a/b`, `/.` is `/`.
fn strip_dot(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|b| *b == b'/').peekable();
    while let Some(segment) = segments.next() {
        match (segment, segments.peek()) {
            (b".", None) => kept.push(b""),
            (b".", Some(_)) => {}
            _ => kept.push(segment),
        }
    }
    kept.join(&b'/')
}

/// RFC 3986 §6.2.2.3, double dots. Those that have nothing to remove stay, but with `full`.
fn strip_dotdot(path: &[u8], full: bool) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|b| *b == b'/').peekable();
    while let Some(segment) = segments.next() {
        if segment != b".." {
            kept.push(segment);
            continue;
        }
        let last = segments.peek().is_none();
        // The first element is what stands before the first slash: nothing.
        let removable = kept.len() > 1 && kept.last().is_some_and(|s| *s != b"..");
        if removable {
            kept.pop();
        } else if !full {
            kept.push(segment);
            continue;
        }
        if last {
            kept.push(b"");
        }
    }
    kept.join(&b'/')
}
