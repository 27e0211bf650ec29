//! An HTTP response as it comes in. Only as much of HTTP/1 as a check needs, and as strict as the original's: what is not
//! HTTP is malformed, an informational response is an answer like any other.

use bstr::ByteSlice;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// What has come so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    raw: Vec<u8>,
    head: Option<Head>,
    malformed: bool,
    complete: bool,
    full: bool,
    body: Vec<u8>,
    /// Where in `raw` the body's next byte (or chunk) starts.
    at: usize,
}

#[derive(Clone, Debug)]
struct Head {
    status: u16,
    reason: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    framing: Framing,
}

impl Answer {
    /// Takes bytes, up to `limit` in all; what follows is dropped and the answer ends there.
    pub(crate) fn feed(&mut self, bytes: &[u8], limit: usize, to_head: bool) {
        let room = limit.saturating_sub(self.raw.len());
        self.full |= bytes.len() >= room;
        self.raw.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.head.is_none() && !self.malformed {
            self.read_head(to_head);
        }
        self.read_body();
    }

    /// The server will say no more.
    pub(crate) fn close(&mut self) {
        match &self.head {
            None => self.malformed = true,
            Some(_) => self.complete = true,
        }
    }

    pub(crate) fn is_malformed(&self) -> bool {
        self.malformed || (self.full && self.head.is_none())
    }

    /// True when no more will come of it.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete || self.full
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status)
    }

    pub(crate) fn reason(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], |head| &head.reason)
    }

    pub(crate) fn headers(&self) -> &[(Vec<u8>, Vec<u8>)] {
        self.head.as_ref().map_or(&[], |head| &head.headers)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    fn read_head(&mut self, to_head: bool) {
        let prefix = b"HTTP/";
        let shared = self.raw.len().min(prefix.len());
        if self.raw[..shared] != prefix[..shared] {
            self.malformed = true;
            return;
        }
        let Some(end) = head_end(&self.raw) else { return };
        match parse_head(&self.raw[..end], to_head) {
            Some(head) => {
                self.at = end;
                self.complete = head.framing == Framing::Length(0);
                self.head = Some(head);
            }
            None => self.malformed = true,
        }
    }

    fn read_body(&mut self) {
        let Some(head) = &self.head else { return };
        match head.framing {
            Framing::UntilClose => {
                self.body.extend_from_slice(&self.raw[self.at..]);
                self.at = self.raw.len();
            }
            Framing::Length(length) => {
                let rest = &self.raw[self.at..];
                let take = rest.len().min(length - self.body.len());
                self.body.extend_from_slice(&rest[..take]);
                self.at += take;
                self.complete |= self.body.len() == length;
            }
            Framing::Chunked => self.read_chunks(),
        }
    }

    /// Whole chunks only: a check's answers are small.
    fn read_chunks(&mut self) {
        while !self.complete && !self.malformed {
            let rest = &self.raw[self.at..];
            let Some(line_end) = rest.find_byte(b'\n') else { return };
            let line = rest[..line_end].trim_end_with(|c| c == '\r');
            let size = line.split(|b| *b == b';').next().unwrap_or(&[]).trim();
            let size = size.to_str().ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let Some(size) = size else {
                self.malformed = true;
                return;
            };
            if size == 0 {
                self.complete = true;
                return;
            }
            let start = line_end + 1;
            let Some(chunk) = start.checked_add(size).and_then(|end| rest.get(start..end)) else { return };
            let after = &rest[start + size..];
            let gap = match after {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                [] | [b'\r'] => return,
                [_, ..] => {
                    self.malformed = true;
                    return;
                }
            };
            self.body.extend_from_slice(chunk);
            self.at += start + size + gap;
        }
    }
}

/// Offset after the empty line.
fn head_end(raw: &[u8]) -> Option<usize> {
    let mut line_start = 0;
    for (i, byte) in raw.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        if matches!(&raw[line_start..i], [] | [b'\r']) {
            return Some(i + 1);
        }
        line_start = i + 1;
    }
    None
}

fn parse_head(head: &[u8], to_head: bool) -> Option<Head> {
    let mut lines = head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (status, reason) = parse_status_line(lines.next()?)?;
    let mut headers = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once_str(":")?;
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return None;
        }
        headers.push((name.to_vec(), value.trim().to_vec()));
    }
    let framing = framing_of(status, &headers, to_head)?;
    Some(Head { status, reason, headers, framing })
}

/// `HTTP/d.d SP ddd [SP reason]`.
fn parse_status_line(line: &[u8]) -> Option<(u16, Vec<u8>)> {
    let rest = line.strip_prefix(b"HTTP/")?;
    let ([major, b'.', minor, b' '], rest) = rest.split_first_chunk::<4>()? else { return None };
    if !major.is_ascii_digit() || !minor.is_ascii_digit() {
        return None;
    }
    let (digits, rest) = rest.split_first_chunk::<3>()?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    let reason = match rest {
        [] => &[],
        [b' ', reason @ ..] => reason,
        [_, ..] => return None,
    };
    Some((status, reason.to_vec()))
}

/// `None` where the length is no number (RFC 9112 §6.3).
fn framing_of(status: u16, headers: &[(Vec<u8>, Vec<u8>)], to_head: bool) -> Option<Framing> {
    let all = |name: &'static [u8]| {
        headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    };
    let mut length = None;
    for value in all(b"content-length") {
        let n: usize = value.to_str().ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        if length.is_some_and(|other| other != n) {
            return None;
        }
        length = Some(n);
    }
    if to_head || matches!(status, 100..=199 | 204 | 304) {
        return Some(Framing::Length(0));
    }
    if all(b"transfer-encoding").any(|v| v.to_ascii_lowercase().ends_with(b"chunked")) {
        return Some(Framing::Chunked);
    }
    Some(length.map_or(Framing::UntilClose, Framing::Length))
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_whole_and_byte_by_byte() {
        let rows: &[(&str, Option<u16>, &str, bool)] = &[
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(200), "hello", true),
            ("HTTP/1.0 200\r\n\r\nabc", Some(200), "abc", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x\r\ncde\r\n0\r\n\r\n",
                Some(200),
                "abcde",
                true,
            ),
            ("HTTP/1.1 204 No\r\n\r\n", Some(204), "", true),
            ("HTTP/1.1 503\n\n", Some(503), "", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None, "", false),
            ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", None, "", false),
            ("garbage\r\n\r\n", None, "", false),
            ("<html>", None, "", false),
            ("HTTP/1.1 2000 OK\r\n\r\n", None, "", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Some(200), "", false),
        ];
        for (text, status, body, complete) in rows {
            for step in [1, 7, 1000] {
                let mut answer = Answer::default();
                for part in text.as_bytes().chunks(step) {
                    answer.feed(part, 16_384, false);
                }
                assert_eq!(answer.status(), *status, "{text}");
                assert_eq!(answer.body(), body.as_bytes(), "{text}");
                assert_eq!(answer.is_complete(), *complete, "{text}");
                assert_eq!(answer.is_malformed(), status.is_none() || text.contains("zz"), "{text}");
            }
        }
    }

    #[test]
    fn a_full_buffer_ends_the_answer() {
        let mut answer = Answer::default();
        answer.feed(b"HTTP/1.1 200 OK\r\n\r\nabcdef", 22, false);
        assert_eq!((answer.body(), answer.is_complete()), (&b"abc"[..], true));
        let mut answer = Answer::default();
        answer.feed(b"HTTP/1.1 200 OK\r\nX: yyyyyyyyyyy", 22, false);
        assert!(answer.is_malformed());
    }

    #[test]
    fn any_bytes_in_any_pieces_are_survived() {
        let seed = 20_261_121; // fixed: every run is the same
        let mut rng = evenkeel_base::rng::Rng::new(seed);
        let words: [&[u8]; 12] = [
            b"HTTP/1.1 ",
            b"200",
            b" OK",
            b"\r\n",
            b"\n",
            b"Content-Length: ",
            b"Transfer-Encoding: chunked",
            b"5",
            b"\0",
            b"ffffffffffffffff",
            b":",
            b"0\r\n\r\n",
        ];
        for _ in 0..20_000 {
            let mut answer = Answer::default();
            for _ in 0..rng.below(14) {
                answer.feed(words[rng.below(12) as usize], 1 + rng.below(64) as usize, rng.below(8) == 0);
            }
            answer.close();
            assert!(answer.status().is_some() || answer.is_malformed());
            assert!(answer.body().len() <= answer.raw.len());
        }
    }
}
