//! Bytes to heads: the HTTP/1 start lines and fields (RFC 9112 §2 to §5).
//!
//! One pass from left to right that stops at the first fault, so that a head that comes in pieces meets the same
//! verdict at the same byte as one that comes whole. A [`Resume`] keeps the place between the pieces: finished lines
//! are not read again, and of an unfinished one only its name.

use crate::error::{Kind, Malformed};
use crate::fields::{Field, Fields, Part, TEXT_MAX};
use crate::known::Known;
use crate::method::Version;
use crate::request::RequestHead;
use crate::response::ResponseHead;
use crate::table::{find_colon, find_control, is_ows, is_target, is_token, trim};

/// Longest field name: the original's 255.
const NAME_MAX: usize = 255;

/// What a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of a head, the line ends and the empty lines before it included.
    pub head_max: usize,
    /// Most lines of a head, the start line included (configuration manual: `tune.http.maxhdr`).
    pub fields_max: usize,
    /// `option accept-invalid-http-request` or `-response`: any byte but controls in names and targets, fragments,
    /// other forms of targets, `HTTP/x.y` of any digits, requests without a version.
    pub relaxed: bool,
}

impl Default for Limits {
    /// The original's: a buffer of 16384 with 1024 kept for rewriting, `tune.http.maxhdr 101`.
    fn default() -> Self {
        Self { head_max: 16384 - 1024, fields_max: 101, relaxed: false }
    }
}

/// How far a head that is not complete yet has been read. One for each head; `default()` before its first byte.
/// Between calls the buffer may grow at its end, but what was given stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    stage: Stage,
    /// Start of the first line that is not finished.
    line: usize,
    /// Bytes of that line that need not be looked at again.
    scanned: usize,
    /// Start of the fields.
    block: usize,
    /// A value goes over several lines.
    folded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Fields,
}

/// Reads a request's head from the start of `buf`. `None`: more bytes are needed. `Some(n)`: it took `n` bytes.
pub fn parse_request(
    buf: &[u8],
    head: &mut RequestHead,
    limits: &Limits,
) -> Result<Option<usize>, Malformed> {
    parse_request_more(buf, head, limits, &mut Resume::default())
}

/// The same for a head that comes in pieces: `buf` starts at the same byte at each call, `resume` keeps the place.
/// What `head` holds before the end is not defined.
pub fn parse_request_more(
    buf: &[u8],
    head: &mut RequestHead,
    limits: &Limits,
    resume: &mut Resume,
) -> Result<Option<usize>, Malformed> {
    let buf = buf.get(..head_max(limits)).unwrap_or(buf);
    if resume.stage == Stage::Start {
        if resume.line == 0 {
            head.clear();
        }
        let Some((line, next)) = start_line(buf, resume)? else {
            return request_line(partial(buf, resume), resume.line, limits.relaxed, End::Open)
                .and_then(|_| more(buf, limits));
        };
        if let Some(parts) = request_line(line, resume.line, limits.relaxed, End::Closed)? {
            head.set_line(parts.method, parts.target);
            head.set_version(parts.version.unwrap_or(Version::Http10));
            if parts.version.is_none() {
                // HTTP/0.9 ends with its line.
                head.check(limits.relaxed)?;
                return Ok(Some(next));
            }
        }
        resume.begin_fields(next);
    }
    match field_block(buf, &mut head.fields, limits, resume)? {
        Some(end) => {
            head.check(limits.relaxed)?;
            Ok(Some(end))
        }
        None => more(buf, limits),
    }
}

/// Reads a response's head from the start of `buf`. `None`: more bytes are needed. `Some(n)`: it took `n` bytes.
pub fn parse_response(
    buf: &[u8],
    head: &mut ResponseHead,
    limits: &Limits,
) -> Result<Option<usize>, Malformed> {
    parse_response_more(buf, head, limits, &mut Resume::default())
}

/// The same for a head that comes in pieces; see [`parse_request_more`].
pub fn parse_response_more(
    buf: &[u8],
    head: &mut ResponseHead,
    limits: &Limits,
    resume: &mut Resume,
) -> Result<Option<usize>, Malformed> {
    let buf = buf.get(..head_max(limits)).unwrap_or(buf);
    if resume.stage == Stage::Start {
        if resume.line == 0 {
            head.clear();
        }
        let Some((line, next)) = start_line(buf, resume)? else {
            return status_line(partial(buf, resume), resume.line, limits.relaxed, End::Open)
                .and_then(|_| more(buf, limits));
        };
        if let Some(parts) = status_line(line, resume.line, limits.relaxed, End::Closed)? {
            head.set_version(parts.version);
            head.set_status(parts.status, parts.reason);
        }
        resume.begin_fields(next);
    }
    match field_block(buf, &mut head.fields, limits, resume)? {
        Some(end) => Ok(Some(end)),
        None => more(buf, limits),
    }
}

/// Looks for the end of a head, an empty line, and keeps in `from` where to go on. A cheap test before parsing for
/// who wants no half-read heads; [`parse_request_more`] needs it not.
pub fn head_end(buf: &[u8], from: &mut usize) -> Option<usize> {
    let start = buf.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let mut at = (*from).max(start);
    while let Some(lf) = buf.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)).map(|n| at + n) {
        match buf.get(lf + 1..).unwrap_or_default() {
            [b'\n', ..] => return Some(lf + 2),
            [b'\r', b'\n', ..] => return Some(lf + 3),
            [] | [b'\r'] => {
                *from = lf;
                return None;
            }
            [..] => at = lf + 1,
        }
    }
    *from = buf.len();
    None
}

impl Resume {
    fn begin_fields(&mut self, next: usize) {
        *self = Resume { stage: Stage::Fields, line: next, scanned: 0, block: next, folded: false };
    }
}

/// Whether the end of the line that is read is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Closed,
}

struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    /// `None`: HTTP/0.9, which has no version and no fields.
    version: Option<Version>,
}

struct StatusLine<'a> {
    version: Version,
    status: u16,
    reason: &'a [u8],
}

/// The limit, held to what a text may be.
fn head_max(limits: &Limits) -> usize {
    limits.head_max.min(TEXT_MAX)
}

fn more(buf: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
    if buf.len() >= head_max(limits) {
        return Err(Malformed::new(Kind::HeadTooLarge, head_max(limits)));
    }
    Ok(None)
}

/// The start line without its end, and where the next line starts. Empty lines before it are skipped (RFC 9112 §2.2).
fn start_line<'a>(buf: &'a [u8], resume: &mut Resume) -> Result<Option<(&'a [u8], usize)>, Malformed> {
    loop {
        match buf.get(resume.line..).unwrap_or_default() {
            [b'\r', b'\n', ..] => resume.line += 2,
            [b'\n', ..] => resume.line += 1,
            [] | [b'\r'] => return Ok(None),
            [..] => break,
        }
    }
    resume.scanned = resume.scanned.max(resume.line);
    let rest = buf.get(resume.scanned..).unwrap_or_default();
    let Some(lf) = memchr::memchr(b'\n', rest).map(|n| resume.scanned + n) else {
        resume.scanned = buf.len();
        return Ok(None);
    };
    let line = buf.get(resume.line..lf).unwrap_or_default();
    Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), lf + 1)))
}

/// The bytes of an unfinished start line, without a CR that may belong to its end.
fn partial<'a>(buf: &'a [u8], resume: &Resume) -> &'a [u8] {
    let line = buf.get(resume.line..).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Cuts a text after the bytes for which `class` holds.
fn cut(text: &[u8], class: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let n = text.iter().position(|b| !class(*b)).unwrap_or(text.len());
    text.split_at_checked(n).unwrap_or((text, &[]))
}

/// `method SP target SP version`, with the original's tolerance for more white space between them. `None` for an
/// open line without a fault so far.
fn request_line(
    line: &[u8],
    at: usize,
    relaxed: bool,
    end: End,
) -> Result<Option<RequestLine<'_>>, Malformed> {
    let bad = |kind, rest: &[u8]| Err(Malformed::new(kind, at + line.len() - rest.len()));
    let (method, rest) = cut(line, is_token);
    match rest.first() {
        None if end == End::Open => return Ok(None),
        // "PRI" belongs to the preface of HTTP/2 (RFC 9113 §3.4).
        Some(b) if is_ows(*b) && !method.is_empty() && method != b"PRI" => {}
        _ => return bad(Kind::BadMethod, rest),
    }
    let (_, rest) = cut(rest, is_ows);
    let (target, rest) = cut(rest, |b| is_target(b, relaxed));
    match rest.first() {
        None if end == End::Open => return Ok(None),
        None if target.is_empty() => return bad(Kind::BadTarget, rest),
        None if relaxed => return Ok(Some(RequestLine { method, target, version: None })),
        None => return bad(Kind::BadVersion, rest),
        Some(b) if is_ows(*b) && !target.is_empty() => {}
        Some(_) => return bad(Kind::BadTarget, rest),
    }
    let (_, rest) = cut(rest, is_ows);
    if end == End::Open {
        return match version_may_come(rest) {
            true => Ok(None),
            false => bad(Kind::BadVersion, rest),
        };
    }
    match version(rest, relaxed) {
        version @ Some(_) => Ok(Some(RequestLine { method, target, version })),
        None if relaxed && rest.is_empty() => Ok(Some(RequestLine { method, target, version: None })),
        None => bad(Kind::BadVersion, rest),
    }
}

/// `version SP status [SP reason]`, with the original's tolerance for more white space. `None` for an open line
/// without a fault so far.
fn status_line(line: &[u8], at: usize, relaxed: bool, end: End) -> Result<Option<StatusLine<'_>>, Malformed> {
    let bad = |kind, rest: &[u8]| Err(Malformed::new(kind, at + line.len() - rest.len()));
    let (word, rest) = cut(line, |b| b > b' ');
    if rest.is_empty() && end == End::Open {
        return match version_may_come(word) {
            true => Ok(None),
            false => bad(Kind::BadVersion, line),
        };
    }
    let Some(version) = version(word, relaxed) else { return bad(Kind::BadVersion, line) };
    if rest.first().is_some_and(|b| !is_ows(*b)) {
        return bad(Kind::BadVersion, line);
    }
    let (_, rest) = cut(rest, is_ows);
    let (digits, after) = cut(rest, |b| b.is_ascii_digit());
    let status = match (digits, after.first()) {
        (_, None) if end == End::Open => return Ok(None),
        ([a @ b'1'..=b'9', b, c], None | Some(b' ' | b'\t')) => {
            u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
        }
        _ => return bad(Kind::BadStatus, rest),
    };
    if end == End::Open {
        return Ok(None);
    }
    let (_, reason) = cut(after, is_ows);
    if let Some(n) = memchr::memchr2(b'\r', 0, reason) {
        return bad(Kind::BadReason, reason.get(n..).unwrap_or_default());
    }
    Ok(Some(StatusLine { version, status, reason }))
}

/// `HTTP/1.x`. Relaxed: `HTTP/x.y` of any digits, as the nearest of our two.
fn version(word: &[u8], relaxed: bool) -> Option<Version> {
    match word {
        b"HTTP/1.1" => Some(Version::Http11),
        b"HTTP/1.0" => Some(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Some(Version::Http11),
        [b'H', b'T', b'T', b'P', b'/', number @ ..] if relaxed => {
            let (major, rest) = cut(number, |b| b.is_ascii_digit());
            let (minor, rest) = cut(rest.strip_prefix(b".").unwrap_or(rest), |b| b.is_ascii_digit());
            let zeros = |n: &[u8]| n.iter().all(|b| *b == b'0');
            match (major, rest) {
                ([], _) | (_, [_, ..]) => None,
                // The original treats all but one digit each as 1.0.
                ([b'1'..=b'9'], []) if minor.len() == 1 && !(major == b"1" && zeros(minor)) => {
                    Some(Version::Http11)
                }
                (_, []) => Some(Version::Http10),
            }
        }
        _ => None,
    }
}

/// Whether these first bytes of a version can become one. (A first line of another protocol is refused at once, not
/// when its line ends.)
fn version_may_come(word: &[u8]) -> bool {
    let magic = b"HTTP/";
    match word.get(..magic.len()) {
        Some(start) => start == magic,
        None => magic.starts_with(word),
    }
}

/// Reads field lines from `resume.line` to the empty line. The ranges count from `resume.block`; the text is copied
/// when all is there.
fn field_block(
    buf: &[u8],
    fields: &mut Fields,
    limits: &Limits,
    resume: &mut Resume,
) -> Result<Option<usize>, Malformed> {
    loop {
        let line = resume.line;
        let rest = buf.get(line..).unwrap_or_default();
        match rest {
            [b'\n', ..] => return Ok(Some(finish(buf, fields, resume, line, line + 1))),
            [b'\r', b'\n', ..] => return Ok(Some(finish(buf, fields, resume, line, line + 2))),
            [] | [b'\r'] => return Ok(None),
            [b'\r', ..] => return Err(Malformed::new(Kind::BareCr, line)),
            // Later lines that start so were taken as part of the value before.
            [b' ' | b'\t', ..] => return Err(Malformed::new(Kind::BadFold, line)),
            [..] => {}
        }
        let (name_len, known) = match known_name(rest) {
            Some(name) => name,
            None => match name_end(rest, limits.relaxed).map_err(|e| Malformed::new(e.kind, line + e.at))? {
                Some(len) => (len, Known::Other),
                None => return Ok(None),
            },
        };
        let Some((value_end, next)) = value_end(buf, line + name_len + 1, resume)? else { return Ok(None) };
        if fields.list.len() + 2 > limits.fields_max {
            return Err(Malformed::new(Kind::TooManyFields, line));
        }
        let value_start = line + name_len + 1;
        let raw = buf.get(value_start..value_end).unwrap_or_default();
        fields.add(field((name_len, known), raw, line - resume.block, next - value_end == 2));
        resume.line = next;
        resume.scanned = 0;
    }
}

/// Length of the well-known name that starts here and ends in a colon, and which it is. What is well known needs no look at
/// each of its bytes.
fn known_name(line: &[u8]) -> Option<(usize, Known)> {
    let reach = line.get(..Known::LEN_MAX + 1).unwrap_or(line);
    let len = find_colon(reach, 0)?;
    let known = Known::of(reach.get(..len)?);
    (known != Known::Other).then_some((len, known))
}

/// Length of the name that starts here and ends in a colon; `None` where the bytes end before.
fn name_end(line: &[u8], relaxed: bool) -> Result<Option<usize>, Malformed> {
    let reach = line.get(..NAME_MAX + 1).unwrap_or(line);
    let end = match relaxed {
        false => reach.iter().position(|b| !is_token(*b)),
        true => reach.iter().position(|b| matches!(b, b':' | b'\r' | b'\n' | 0)),
    };
    let Some(end) = end else {
        return if reach.len() > NAME_MAX { Err(Malformed::new(Kind::BadName, NAME_MAX)) } else { Ok(None) };
    };
    match line.get(end..).unwrap_or_default() {
        [b':', ..] if end > 0 => Ok(Some(end)),
        [b'\r'] => Ok(None),
        [b'\n', ..] | [b'\r', b'\n', ..] => Err(Malformed::new(Kind::NoColon, end)),
        [..] => Err(Malformed::new(Kind::BadName, end)),
    }
}

/// Where the value that starts at `start` ends (before its CRLF or LF) and where the next line starts. A line that
/// starts with white space goes on with the value (obs-fold, RFC 9112 §5.2).
fn value_end(buf: &[u8], start: usize, resume: &mut Resume) -> Result<Option<(usize, usize)>, Malformed> {
    let mut from = resume.scanned.max(start);
    loop {
        resume.scanned = from;
        let Some(at) = find_control(buf, from) else {
            resume.scanned = buf.len();
            return Ok(None);
        };
        let next = match buf.get(at..).unwrap_or_default() {
            [b'\n', ..] => at + 1,
            [b'\r', b'\n', ..] => at + 2,
            [b'\r'] => return Ok(None),
            [b'\r', ..] => return Err(Malformed::new(Kind::BareCr, at)),
            [..] => return Err(Malformed::new(Kind::BadValue, at)),
        };
        match buf.get(next) {
            None => return Ok(None),
            Some(b' ' | b'\t') => {
                resume.folded = true;
                from = next;
            }
            Some(_) => return Ok(Some((at, next))),
        }
    }
}

/// A field from its name and what follows the colon. `at`: offset of the name in the text.
fn field((name_len, known): (usize, Known), raw: &[u8], at: usize, crlf: bool) -> Field {
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let (before, after) = match raw {
        // As nearly all are written.
        [b' ', first, .., last] if !blank(first) && !blank(last) => (1, 0),
        _ => {
            let before = raw.iter().take_while(|b| blank(b)).count();
            (before, raw.iter().skip(before).rev().take_while(|b| blank(b)).count())
        }
    };
    let start = at + name_len + 1 + before;
    Field {
        name: Part::new(at, at + name_len),
        value: Part::new(start, start + raw.len() - before - after),
        known,
        whole: crlf && after == 0 && before == 1 && raw.first() == Some(&b' '),
    }
}

/// Takes over the text of the fields, which end at `end`, and says how many bytes the head took.
fn finish(buf: &[u8], fields: &mut Fields, resume: &Resume, end: usize, consumed: usize) -> usize {
    fields.text.clear();
    fields.text.extend_from_slice(buf.get(resume.block..end).unwrap_or_default());
    if resume.folded {
        // Each byte of a fold becomes a space, as in the original: what a rule sees is what the server gets.
        for field in &mut fields.list {
            let value = field.value.start as usize..field.value.end();
            for b in fields.text.get_mut(value).unwrap_or_default() {
                if matches!(b, b'\r' | b'\n') {
                    *b = b' ';
                }
            }
        }
    }
    consumed
}

/// Reads a trailer section: field lines and the empty line, all there.
pub(crate) fn parse_trailers(text: &[u8], fields: &mut Fields, limits: &Limits) -> Result<(), Malformed> {
    fields.clear();
    match field_block(text, fields, limits, &mut Resume::default())? {
        Some(_) => Ok(()),
        None => Err(Malformed::new(Kind::TrailersTooLarge, text.len())),
    }
}

/// The number that a text is, without sign, space or anything else; at most 2^63-1 as in the original.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut n: u64 = 0;
    for b in trim(text) {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n = n.checked_mul(10)?.checked_add(digit).filter(|n| *n <= i64::MAX as u64)?;
    }
    Some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, limits: &Limits) -> Result<Option<usize>, Malformed> {
        parse_request(text.as_bytes(), &mut RequestHead::new(), limits)
    }

    #[test]
    fn a_head_says_what_was_sent() {
        let text =
            b"\r\n\nGET  /a/b?c HTTP/1.7\r\nHoSt:h\r\nX-Y:  a \t\r\nz: 1\n\tx\r\n  y \r\nempty:\r\n\r\nrest";
        let mut head = RequestHead::new();
        assert_eq!(parse_request(text, &mut head, &Limits::default()), Ok(Some(text.len() - 4)));
        assert_eq!(
            (head.method(), head.target(), head.version()),
            (&b"GET"[..], &b"/a/b?c"[..], Version::Http11)
        );
        assert_eq!(
            (head.path(), head.query(), head.host()),
            (&b"/a/b"[..], Some(&b"c"[..]), Some(&b"h"[..]))
        );
        let mut out = Vec::new();
        head.write_to(&mut out);
        // A fold's bytes are spaces now, its tab stays.
        let want = b"GET /a/b?c HTTP/1.1\r\nHoSt: h\r\nX-Y: a\r\nz: 1 \tx    y\r\nempty: \r\n\r\n";
        assert_eq!(out, want, "{}", out.escape_ascii());

        let mut head = ResponseHead::new();
        let text = b"HTTP/1.0 404 No such thing\r\nServer: x\r\n\r\n";
        assert_eq!(parse_response(text, &mut head, &Limits::default()), Ok(Some(text.len())));
        assert_eq!(
            (head.status(), head.reason(), head.version()),
            (404, &b"No such thing"[..], Version::Http10)
        );
    }

    #[test]
    fn faults_have_a_place() {
        for (text, at, kind) in [
            ("\x16\x03\x01", 0, Kind::BadMethod),
            ("GET / SSH", 6, Kind::BadVersion),
            ("GET /\x01", 5, Kind::BadTarget),
            ("\r\n\rG", 2, Kind::BadMethod),
            ("GET / HTTP/1.1\r\nX Y", 17, Kind::BadName),
            ("GET / HTTP/1.1\r\nX\r\n", 17, Kind::NoColon),
            ("GET / HTTP/1.1\r\n: x", 16, Kind::BadName),
            ("GET / HTTP/1.1\r\n X: y", 16, Kind::BadFold),
            ("GET / HTTP/1.1\r\nX: \0", 19, Kind::BadValue),
            ("GET / HTTP/1.1\r\nX: a\rb", 20, Kind::BareCr),
            ("GET / HTTP/1.1\r\n\rx", 16, Kind::BareCr),
        ] {
            assert_eq!(
                read(text, &Limits::default()),
                Err(Malformed::new(kind, at)),
                "{}",
                text.escape_debug()
            );
        }
    }

    #[test]
    fn limits_are_those_of_the_original() {
        let limits = Limits::default();
        let lines = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(n));
        assert!(read(&lines(100), &limits).is_ok_and(|n| n.is_some()));
        assert_eq!(read(&lines(101), &limits).map_err(|e| e.kind), Err(Kind::TooManyFields));
        let name = |n: usize| format!("GET / HTTP/1.1\r\n{}: y\r\n\r\n", "x".repeat(n));
        assert!(read(&name(255), &limits).is_ok_and(|n| n.is_some()));
        assert_eq!(read(&name(256), &limits).map_err(|e| e.kind), Err(Kind::BadName));
        let value = |n: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(n));
        let fits = limits.head_max - value(0).len();
        assert!(read(&value(fits), &limits).is_ok_and(|n| n == Some(limits.head_max)));
        assert_eq!(read(&value(fits + 1), &limits).map_err(|e| e.kind), Err(Kind::HeadTooLarge));
        assert_eq!(read(&"\r\n".repeat(10_000), &limits).map_err(|e| e.kind), Err(Kind::HeadTooLarge));
    }

    #[test]
    fn a_used_head_forgets_the_last_message() {
        let mut head = RequestHead::new();
        let limits = Limits::default();
        parse_request(b"POST /long?q HTTP/1.0\r\nHost: a\r\nX: y\r\n\r\n", &mut head, &limits)
            .expect("valid");
        parse_request(b"GET / HTTP/1.1\r\n\r\n", &mut head, &limits).expect("valid");
        assert_eq!(
            (head.method(), head.query(), head.host(), head.fields().len()),
            (&b"GET"[..], None, None, 0)
        );
    }

    #[test]
    fn the_end_of_a_head_is_found_in_pieces() {
        for text in [
            "GET / HTTP/1.1\r\nX: y\r\n\r\nbody",
            "GET / HTTP/1.1\nX: y\n\nbody",
            "\r\n\r\nGET / HTTP/1.1\r\nX: y\r\n\nbody\r\n\r\n",
        ] {
            let want = read(text, &Limits::default()).expect("valid");
            for step in 1..text.len() {
                let mut from = 0;
                let mut ends = (0..text.len()).step_by(step).chain([text.len()]);
                let got = ends.find_map(|end| head_end(&text.as_bytes()[..end], &mut from));
                assert_eq!(got, want, "{text:?} in steps of {step}");
            }
        }
    }
}
