//! Just enough HTTP/1.1 for a server that trusts nobody: requests in, answers out, over one connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_sys::Sock;

use super::text::{Crc, pattern_block};

/// Longest request line plus headers.
const HEAD_MAX: usize = 64 << 10;
/// Most of a body that is kept (all of it is counted and summed).
const BODY_KEPT_MAX: usize = 64 << 10;
/// Longest chunk-size line with its extensions.
const CHUNK_LINE_MAX: usize = 4096;
const READ_SIZE: usize = 16 << 10;

/// A request, its body read to the end.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) peer: SocketAddr,
    pub(super) head: Vec<u8>,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body_len: u64,
    pub(super) body_crc: u32,
    pub(super) body_start: Vec<u8>,
    pub(super) minor: u8,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The path, without scheme, host and query.
    pub(super) fn path(&self) -> &str {
        self.split_target().0
    }

    pub(super) fn query(&self) -> &str {
        self.split_target().1
    }

    fn split_target(&self) -> (&str, &str) {
        let origin = match self.target.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => &self.target,
        };
        origin.split_once('?').unwrap_or((origin, ""))
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        let values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        values.flat_map(|(_, v)| v.split(',')).any(|t| t.trim().eq_ignore_ascii_case(token))
    }

    /// Whether the client wants to go on afterwards.
    pub(super) fn keeps_alive(&self) -> bool {
        match self.minor {
            0 => self.has_token("connection", "keep-alive"),
            _ => !self.has_token("connection", "close"),
        }
    }
}

/// What the bytes of an answer are.
#[derive(Debug)]
pub(super) enum Payload {
    /// These.
    Bytes(Vec<u8>),
    /// So many of the pattern, with their length announced.
    Pattern(u64),
    /// The same in chunks of `piece` bytes, and a trailer.
    Chunked { total: u64, piece: usize },
    /// The same without a length: closing ends them.
    ToEnd(u64),
    /// The length is announced, half of it comes.
    Short(u64),
    /// No answer at all.
    Reset,
    /// After the head the connection is an echo.
    Echo,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Payload,
    pub(super) delay: Duration,
    pub(super) early_hint: bool,
    pub(super) close: bool,
}

impl Answer {
    pub(super) fn new(status: u16, mime: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer::with(status, mime, Payload::Bytes(body.into()))
    }

    pub(super) fn with(status: u16, mime: &'static str, payload: Payload) -> Answer {
        Answer {
            status,
            headers: vec![("Content-Type", mime.to_owned())],
            payload,
            delay: Duration::ZERO,
            early_hint: false,
            close: false,
        }
    }

    /// RFC 9112 §6.3: these never have a body, whatever their headers say.
    fn is_bodiless(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }
}

/// Why reading a request ended.
#[derive(Debug)]
pub(super) enum ReadEnd {
    /// The client closed between requests.
    Closed,
    /// The connection failed, or ended in the middle.
    Broken,
    /// What came is no request; answer with this status and close.
    Bad(u16),
}

impl From<io::Error> for ReadEnd {
    fn from(_: io::Error) -> ReadEnd {
        ReadEnd::Broken
    }
}

/// One connection: bytes read ahead stay for the next request.
pub(super) struct Wire<'a> {
    sock: &'a Sock,
    peer: SocketAddr,
    ahead: Vec<u8>,
}

impl<'a> Wire<'a> {
    pub(super) fn new(sock: &'a Sock, peer: SocketAddr) -> Wire<'a> {
        Wire { sock, peer, ahead: Vec::new() }
    }

    /// Reads one request with its whole body.
    pub(super) async fn read(&mut self) -> Result<Request, ReadEnd> {
        let head = self.read_head().await?;
        let mut request = parse_head(self.peer, head)?;
        if request.has_token("expect", "100-continue") && self.ahead.is_empty() {
            self.sock.send_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        self.read_body(&mut request).await?;
        Ok(request)
    }

    async fn read_head(&mut self) -> Result<Vec<u8>, ReadEnd> {
        loop {
            // RFC 9112 §2.2: empty lines before a request are skipped.
            let blank = self.ahead.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            self.ahead.drain(..blank);
            if let Some(at) = find(&self.ahead, b"\r\n\r\n") {
                let rest = self.ahead.split_off(at + 4);
                return Ok(std::mem::replace(&mut self.ahead, rest));
            }
            if self.ahead.len() > HEAD_MAX {
                return Err(ReadEnd::Bad(431));
            }
            let idle = self.ahead.is_empty();
            match self.fill().await {
                Ok(true) => {}
                Ok(false) | Err(_) if idle => return Err(ReadEnd::Closed),
                Ok(false) | Err(_) => return Err(ReadEnd::Broken),
            }
        }
    }

    async fn read_body(&mut self, request: &mut Request) -> Result<(), ReadEnd> {
        let mut sum = Crc::new();
        match request.header("transfer-encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => loop {
                let line = self.read_line().await?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(digits, 16).map_err(|_| ReadEnd::Bad(400))?;
                if size == 0 {
                    while !self.read_line().await?.is_empty() {}
                    break;
                }
                self.take_body(request, &mut sum, size).await?;
                if !self.read_line().await?.is_empty() {
                    return Err(ReadEnd::Bad(400));
                }
            },
            Some(_) => return Err(ReadEnd::Bad(501)),
            None => {
                if let Some(length) = request.header("content-length") {
                    let size = length.parse().map_err(|_| ReadEnd::Bad(400))?;
                    self.take_body(request, &mut sum, size).await?;
                }
            }
        }
        request.body_crc = sum.value();
        Ok(())
    }

    async fn take_body(&mut self, request: &mut Request, sum: &mut Crc, size: u64) -> Result<(), ReadEnd> {
        let mut left = size;
        while left > 0 {
            if self.ahead.is_empty() && !self.fill().await? {
                return Err(ReadEnd::Broken);
            }
            let n = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece: Vec<u8> = self.ahead.drain(..n).collect();
            sum.add(&piece);
            let room = BODY_KEPT_MAX.saturating_sub(request.body_start.len());
            request.body_start.extend(piece.iter().take(room));
            request.body_len = request.body_len.saturating_add(n as u64);
            left -= n as u64;
        }
        Ok(())
    }

    async fn read_line(&mut self) -> Result<String, ReadEnd> {
        loop {
            if let Some(at) = find(&self.ahead, b"\r\n") {
                let line: Vec<u8> = self.ahead.drain(..at + 2).take(at).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.ahead.len() > CHUNK_LINE_MAX {
                return Err(ReadEnd::Bad(400));
            }
            if !self.fill().await? {
                return Err(ReadEnd::Broken);
            }
        }
    }

    /// Reads more; `false` at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        self.ahead.reserve(READ_SIZE);
        let n = std::future::poll_fn(|cx| self.sock.poll_recv_vec(cx, &mut self.ahead)).await?;
        Ok(n > 0)
    }

    /// Sends an answer and returns the bytes of its body; `Ok(None)` means that the connection is over.
    pub(super) async fn write(
        &mut self,
        request: Option<&Request>,
        server: &str,
        answer: Answer,
    ) -> io::Result<Option<u64>> {
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        let keep = !answer.close
            && request.is_some_and(Request::keeps_alive)
            && !matches!(
                answer.payload,
                Payload::ToEnd(_) | Payload::Short(_) | Payload::Reset | Payload::Echo
            );
        if matches!(answer.payload, Payload::Reset) {
            self.sock.set_linger_zero()?;
            return Ok(None);
        }
        let mut out = Vec::new();
        if answer.early_hint && request.is_some_and(|r| r.minor > 0) {
            out.extend(
                b"HTTP/1.1 103 Early Hints\r\nLink: </static/style.css>; rel=preload; as=style\r\n\r\n",
            );
        }
        let old = request.is_some_and(|r| r.minor == 0);
        write_head(&mut out, server, &answer, keep, old);
        let silent = answer.is_bodiless() || request.is_some_and(|r| r.method == "HEAD");
        if silent && !matches!(answer.payload, Payload::Echo) {
            self.sock.send_all(&out).await?;
            return Ok(keep.then_some(0));
        }
        let sent = self.write_body(out, answer.payload, old).await?;
        Ok(keep.then_some(sent))
    }

    async fn write_body(&mut self, mut out: Vec<u8>, payload: Payload, old: bool) -> io::Result<u64> {
        match payload {
            Payload::Bytes(body) => {
                // Head and body in one segment: a client or a benchmark sees one event.
                out.extend(&body);
                self.sock.send_all(&out).await?;
                Ok(body.len() as u64)
            }
            Payload::Pattern(n) | Payload::ToEnd(n) => self.write_pattern(out, n).await,
            Payload::Short(n) => self.write_pattern(out, n / 2).await,
            Payload::Chunked { total, .. } if old => self.write_pattern(out, total).await,
            Payload::Chunked { total, piece } => {
                let block = pattern_block();
                let mut left = total;
                let mut at = 0;
                while left > 0 {
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(piece.max(1));
                    out.extend(format!("{n:x}\r\n").bytes());
                    out.extend(block.iter().cycle().skip(at).take(n));
                    out.extend(b"\r\n");
                    at = (at + n) % block.len();
                    left -= n as u64;
                    if out.len() >= READ_SIZE {
                        self.sock.send_all(&out).await?;
                        out.clear();
                    }
                }
                out.extend(b"0\r\nX-Trailer: end\r\n\r\n");
                self.sock.send_all(&out).await?;
                Ok(total)
            }
            Payload::Echo => {
                out.append(&mut self.ahead);
                let mut echoed = 0;
                loop {
                    self.sock.send_all(&out).await?;
                    echoed += out.len() as u64;
                    out.clear();
                    if !self.fill().await? {
                        self.sock.shutdown_write()?;
                        return Ok(echoed);
                    }
                    out.append(&mut self.ahead);
                }
            }
            Payload::Reset => Ok(0),
        }
    }

    async fn write_pattern(&mut self, mut out: Vec<u8>, n: u64) -> io::Result<u64> {
        let block = pattern_block();
        let mut left = n;
        while left > 0 {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            if out.is_empty() {
                self.sock.send_all(block.get(..take).unwrap_or_default()).await?;
            } else {
                out.extend(block.iter().take(take));
                self.sock.send_all(&out).await?;
                out.clear();
            }
            left -= take as u64;
        }
        self.sock.send_all(&out).await?;
        Ok(n)
    }
}

fn write_head(out: &mut Vec<u8>, server: &str, answer: &Answer, keep: bool, old: bool) {
    let reason = reason(answer.status);
    out.extend(
        format!("HTTP/1.1 {} {reason}\r\nServer: evenkeel-lab\r\nX-Served-By: {server}\r\n", answer.status)
            .bytes(),
    );
    for (name, value) in &answer.headers {
        out.extend(format!("{name}: {value}\r\n").bytes());
    }
    if !answer.is_bodiless() {
        match answer.payload {
            Payload::Bytes(ref body) => out.extend(format!("Content-Length: {}\r\n", body.len()).bytes()),
            Payload::Pattern(n) | Payload::Short(n) => out.extend(format!("Content-Length: {n}\r\n").bytes()),
            Payload::Chunked { total, .. } if old => {
                out.extend(format!("Content-Length: {total}\r\n").bytes())
            }
            Payload::Chunked { .. } => out.extend(b"Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n"),
            Payload::ToEnd(_) | Payload::Reset | Payload::Echo => {}
        }
    }
    if answer.status == 101 {
        out.extend(b"Connection: Upgrade\r\nUpgrade: echo\r\n");
    } else if !keep && !matches!(answer.payload, Payload::Echo) {
        out.extend(b"Connection: close\r\n");
    } else if keep && old {
        out.extend(b"Connection: keep-alive\r\n");
    }
    out.extend(b"\r\n");
}

fn parse_head(peer: SocketAddr, head: Vec<u8>) -> Result<Request, ReadEnd> {
    let text = String::from_utf8_lossy(&head);
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(ReadEnd::Bad(400));
    };
    let minor = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        _ => return Err(ReadEnd::Bad(505)),
    };
    let mut headers = Vec::new();
    for line in lines.take_while(|l| !l.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(ReadEnd::Bad(400))?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(ReadEnd::Bad(400));
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Request {
        peer,
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body_len: 0,
        body_crc: 0,
        body_start: Vec::new(),
        minor,
        head: head.clone(),
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Status",
    }
}
