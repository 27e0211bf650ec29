//! Cookie persistence (configuration manual, `cookie`): which server a client belongs to, and how it is told so.

use evenkeel_base::ServerId;
use evenkeel_http::{Known, cookie};
use evenkeel_plan::{Back, CookieMode, CookiePersistence};
use evenkeel_sys::clock;

use crate::conn::Conn;
use crate::exchange::Exchange;

/// What was found in the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The server that the cookie named, usable or not.
    pub named: Option<ServerId>,
    /// It leads to the server in use: the client needs no new cookie.
    pub valid: bool,
    /// Dates in it, in units of a quarter of a minute... of seconds since 1970: last seen, first seen.
    pub last_seen: Option<u64>,
    /// See `last_seen`.
    pub first_seen: Option<u64>,
    /// A date must be renewed although the server is right.
    pub stale: bool,
}

/// Cookie dates are base64 of seconds/4 (30 bits, five characters).
const DATE_UNIT_SHIFT: u32 = 2;

/// Looks for the persistence cookie and gives the server it leads to, if that may be used. Sets the log's letters.
pub(crate) fn wanted(conn: &Conn, exchange: &mut Exchange, back: &Back, forced: bool) -> Option<ServerId> {
    let conf = back.cookie.as_ref()?;
    exchange.facts.termination.cookie_in = b'N';
    let value = cookie::find(exchange.req.fields(), &conf.name)?;
    let key = match conf.mode {
        CookieMode::Prefix => value.split(|b| *b == b'~').next()?,
        CookieMode::Passive | CookieMode::Insert | CookieMode::Rewrite => value,
    };
    let (key, dates) = split_dates(key);
    let plan = &conn.shard.plan;
    let named = back
        .servers
        .iter()
        .copied()
        .find(|id| plan.server(*id).line.cookie.as_deref() == Some(key))
        .filter(|_| !key.is_empty());
    let Some(id) = named else {
        exchange.facts.termination.cookie_in = b'I';
        return None;
    };
    exchange.cookie.named = Some(id);
    let persist = exchange.backend.is_some_and(|b| plan.proxy(b).options.persist);
    if !conn.shard.world.server(id).reachable() && !forced && !persist {
        exchange.facts.termination.cookie_in = b'D';
        return None;
    }
    let verdict = judge_dates(conf, dates, clock::coarse_wall().secs(), &mut exchange.cookie);
    exchange.facts.termination.cookie_in = verdict;
    if verdict != b'V' {
        return None;
    }
    exchange.cookie.valid = true;
    Some(id)
}

/// `value|last|first`.
fn split_dates(value: &[u8]) -> (&[u8], Option<(u64, Option<u64>)>) {
    let mut parts = value.splitn(3, |b| *b == b'|');
    let key = parts.next().unwrap_or_default();
    let last = parts.next().and_then(read_date);
    let first = parts.next().and_then(read_date);
    (key, last.map(|l| (l, first)))
}

/// Seconds since 1970 of a five-character date.
fn read_date(text: &[u8]) -> Option<u64> {
    let digits = text.get(..5)?;
    digits
        .iter()
        .try_fold(0u64, |sum, b| Some((sum << 6) | u64::from(unbase64(*b)?)))
        .map(|n| n << DATE_UNIT_SHIFT)
}

fn write_date(secs: u64, out: &mut Vec<u8>) {
    let n = secs >> DATE_UNIT_SHIFT;
    for shift in [24, 18, 12, 6, 0] {
        out.push(BASE64[((n >> shift) & 63) as usize]);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn unbase64(b: u8) -> Option<u8> {
    BASE64.iter().position(|c| *c == b).map(|p| p as u8)
}

/// A clock may run ahead of the one that wrote the date by so much before the date counts as false.
const FUTURE_MAX_SECS: u64 = 86_400;

/// `V` valid, `E` expired (maxidle), `O` old (maxlife).
fn judge_dates(
    conf: &CookiePersistence,
    dates: Option<(u64, Option<u64>)>,
    now: u64,
    found: &mut Found,
) -> u8 {
    if conf.maxidle.is_none() && conf.maxlife.is_none() {
        return b'V';
    }
    let Some((last, first)) = dates else {
        // A cookie without dates is from before they were asked for: accepted once, and renewed.
        found.stale = true;
        return b'V';
    };
    found.last_seen = Some(last);
    found.first_seen = first;
    let ahead = |t: u64| t > now.saturating_add(FUTURE_MAX_SECS);
    if let Some(max) = conf.maxidle
        && (ahead(last) || last.saturating_add(max.as_secs()) < now)
    {
        return b'E';
    }
    if let (Some(max), Some(first)) = (conf.maxlife, first)
        && (ahead(first) || first.saturating_add(max.as_secs()) < now)
    {
        return b'O';
    }
    // Renewed when a quarter of the idle time is gone, so that not every answer carries a cookie.
    found.stale = conf.maxidle.is_some_and(|max| now.saturating_sub(last) >= (max.as_secs() / 4).max(1));
    b'V'
}

/// What the server gets to see of the cookie: nothing with `indirect`, its own part with `prefix`.
pub(crate) fn edit_request(exchange: &mut Exchange, back: &Back) {
    let Some(conf) = &back.cookie else { return };
    match conf.mode {
        CookieMode::Prefix => {
            cookie::strip_prefix(exchange.req.fields_mut(), &conf.name, |value| {
                value.iter().position(|b| *b == b'~').map(|at| at + 1)
            });
        }
        CookieMode::Insert if conf.indirect => {
            cookie::remove(exchange.req.fields_mut(), &conf.name);
        }
        CookieMode::Insert | CookieMode::Passive | CookieMode::Rewrite => {}
    }
}

/// Tells the client its server, in the response's head.
pub(crate) fn edit_response(conn: &Conn, exchange: &mut Exchange, back: &Back) {
    let (Some(conf), Some(id)) = (&back.cookie, exchange.facts.server) else { return };
    let value = conn.shard.plan.server(id).line.cookie.as_deref();
    let present = cookie::find_set(exchange.res.fields(), &conf.name).is_some();
    exchange.facts.termination.cookie_out = if present { b'P' } else { b'N' };
    match conf.mode {
        CookieMode::Passive => {}
        CookieMode::Rewrite => {
            if let Some(value) = value.filter(|_| present) {
                cookie::replace_set(exchange.res.fields_mut(), &conf.name, value);
                exchange.facts.termination.cookie_out = b'R';
            }
        }
        CookieMode::Prefix => {
            if let Some(value) = value.filter(|_| present) {
                let mut prefix = value.to_vec();
                prefix.push(b'~');
                cookie::prefix_set(exchange.res.fields_mut(), &conf.name, &prefix);
                exchange.facts.termination.cookie_out = b'R';
            }
        }
        CookieMode::Insert => insert(exchange, conf, value, present),
    }
    let told = matches!(exchange.facts.termination.cookie_out, b'I' | b'U' | b'R' | b'D');
    if told && conf.nocache && might_be_cached(exchange) {
        exchange.res.fields_mut().push("cache-control", b"private");
    }
}

fn insert(exchange: &mut Exchange, conf: &CookiePersistence, value: Option<&[u8]>, present: bool) {
    if present && conf.preserve {
        return;
    }
    if present && conf.indirect {
        cookie::remove_set(exchange.res.fields_mut(), &conf.name);
        exchange.facts.termination.cookie_out = b'D';
    }
    let right = exchange.cookie.valid && exchange.cookie.named == exchange.facts.server;
    if right && !exchange.cookie.stale {
        return;
    }
    if conf.postonly && exchange.req.method() != b"POST" {
        return;
    }
    let mut line = conf.name.clone();
    line.push(b'=');
    match value {
        Some(value) => {
            line.extend_from_slice(value);
            add_dates(exchange, conf, &mut line);
            line.extend_from_slice(b"; path=/");
        }
        // This server has no cookie, but the client holds another's: it is taken away.
        None if exchange.facts.termination.cookie_in == b'N' => return,
        None => line.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"),
    }
    for domain in &conf.domains {
        line.extend_from_slice(b"; domain=");
        line.extend_from_slice(domain.as_bytes());
    }
    if conf.httponly {
        line.extend_from_slice(b"; HttpOnly");
    }
    if conf.secure {
        line.extend_from_slice(b"; Secure");
    }
    for attr in &conf.attrs {
        line.extend_from_slice(b"; ");
        line.extend_from_slice(attr.as_bytes());
    }
    exchange.res.fields_mut().push("set-cookie", &line);
    exchange.facts.termination.cookie_out = if right { b'U' } else { b'I' };
}

fn add_dates(exchange: &Exchange, conf: &CookiePersistence, line: &mut Vec<u8>) {
    if conf.maxidle.is_none() && conf.maxlife.is_none() {
        return;
    }
    let now = clock::coarse_wall().secs();
    line.push(b'|');
    write_date(now, line);
    if conf.maxlife.is_some() {
        line.push(b'|');
        let first = exchange.cookie.first_seen.filter(|_| exchange.cookie.valid);
        write_date(first.unwrap_or(now), line);
    }
}

/// Whether a cache might keep the answer: `nocache` is for those (RFC 9111 §3: a status that may be kept, something that
/// says how long or lets it be validated, and nothing that forbids it).
fn might_be_cached(exchange: &Exchange) -> bool {
    let fields = exchange.res.fields();
    let lower = |v: &[u8]| v.to_ascii_lowercase();
    let lasts = |v: &[u8]| lower(v).starts_with(b"max-age=") || lower(v).starts_with(b"s-maxage=");
    let forbids =
        |v: &[u8]| matches!(lower(v).as_slice(), b"no-cache" | b"no-store" | b"max-age=0" | b"s-maxage=0");
    let fresh = fields.values("cache-control").any(lasts)
        || ["etag", "last-modified", "expires"].iter().any(|name| fields.contains(*name));
    matches!(exchange.req.method(), b"GET" | b"HEAD")
        && is_cacheable_status(exchange.res.status())
        && fresh
        && !fields.values("cache-control").any(forbids)
}

/// Statuses that caches may keep without being told to (RFC 9110 §15.1).
fn is_cacheable_status(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501)
}

/// `option checkcache`: a cookie that a shared cache might keep. True: the response must not pass
/// (configuration manual, `option checkcache`).
pub(crate) fn cacheable_cookie(exchange: &Exchange) -> bool {
    let fields = exchange.res.fields();
    if !fields.contains(Known::SetCookie) || exchange.req.method() == b"POST" {
        return false;
    }
    let forbids = |v: &[u8]| {
        let v = v.to_ascii_lowercase();
        v == b"private"
            || v == b"no-cache"
            || v == b"no-store"
            || v == b"max-age=0"
            || v == b"s-maxage=0"
            || v.starts_with(b"no-cache=\"set-cookie")
    };
    is_cacheable_status(exchange.res.status())
        && !fields.values("cache-control").any(forbids)
        && !fields.values("pragma").any(|v| v.eq_ignore_ascii_case(b"no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_the_round_trip() {
        for secs in [0, 1_700_000_000, 1_794_000_004] {
            let mut text = Vec::new();
            write_date(secs, &mut text);
            assert_eq!(read_date(&text), Some(secs & !3));
        }
        assert_eq!(read_date(b"abc"), None);
        assert_eq!(read_date(b"ab!cd"), None);
        assert_eq!(split_dates(b"s1|AAAAA|AAAAB"), (&b"s1"[..], Some((0, Some(4)))));
        assert_eq!(split_dates(b"s1"), (&b"s1"[..], None));
    }
}
