//! Where a body ends (RFC 9112 §6).

use crate::codec::decimal;
use crate::error::{Kind, Malformed};
use crate::fields::{Fields, Only};
use crate::known::Known;
use crate::method::{Method, Version};
use crate::request::RequestHead;
use crate::response::ResponseHead;

/// How a message goes on after its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Nothing follows.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// All bytes until the server closes.
    UntilClose,
    /// No message any more: bytes in both directions.
    Tunnel,
}

impl RequestHead {
    /// How the body is framed. A request without Content-Length and Transfer-Encoding has none, and neither has
    /// CONNECT: what follows it belongs to the tunnel.
    pub fn body(&self) -> Result<Framing, Malformed> {
        let framing = declared(&self.fields)?;
        Ok(match self.verb() {
            Method::Connect => Framing::None,
            Method::Get
            | Method::Head
            | Method::Post
            | Method::Put
            | Method::Delete
            | Method::Options
            | Method::Trace
            | Method::Patch
            | Method::Other => framing.unwrap_or(Framing::None),
        })
    }

    /// True where somebody on the way may see another end of this request: Content-Length beside Transfer-Encoding, or
    /// Transfer-Encoding in HTTP/1.0. The connection is closed after the answer (RFC 9112 §6.1). To be asked before
    /// [`RequestHead::normalize_framing`].
    pub fn is_doubtfully_framed(&self) -> bool {
        self.fields.contains(Known::TransferEncoding)
            && (self.fields.contains(Known::ContentLength) || self.version() == Version::Http10)
    }

    /// Leaves one field that says what `framing` is: where two spoke, the next hop must not choose the other.
    pub fn normalize_framing(&mut self, framing: Framing) {
        match (self.verb(), framing) {
            (Method::Connect, _) => drop_framing(&mut self.fields),
            (_, framing) => normalize(&mut self.fields, framing),
        }
    }
}

impl ResponseHead {
    /// The same as [`RequestHead::is_doubtfully_framed`], for answers (RFC 9112 §6.3 rule 3).
    pub fn is_doubtfully_framed(&self) -> bool {
        self.fields.contains(Known::TransferEncoding)
            && (self.fields.contains(Known::ContentLength) || self.version() == Version::Http10)
    }

    /// How the body of this answer to a request with that method is framed.
    pub fn body(&self, request: Method) -> Result<Framing, Malformed> {
        let framing = declared(&self.fields)?;
        Ok(match (self.status(), request) {
            (101, _) | (200..=299, Method::Connect) => Framing::Tunnel,
            (100..=199 | 204 | 304, _) | (_, Method::Head) => Framing::None,
            (_, _) => framing.unwrap_or(Framing::UntilClose),
        })
    }

    /// Leaves one field that says what `framing` is. 1xx, 204 and a tunnel's start carry none (RFC 9110 §8.6,
    /// RFC 9112 §6.1); answers to HEAD and 304 keep theirs, which speak of the body that is not sent.
    pub fn normalize_framing(&mut self, framing: Framing) {
        match (self.status(), framing) {
            (100..=199 | 204, _) | (_, Framing::Tunnel) => drop_framing(&mut self.fields),
            (_, framing) => normalize(&mut self.fields, framing),
        }
    }
}

/// What the fields say; an error where they contradict each other or make no sense, whatever the message is.
fn declared(fields: &Fields) -> Result<Option<Framing>, Malformed> {
    let length = content_length(fields)?;
    if fields.contains(Known::TransferEncoding) {
        // Transfer-Encoding overrides Content-Length (RFC 9112 §6.3 rule 3).
        transfer_encoding(fields)?;
        return Ok(Some(Framing::Chunked));
    }
    Ok(length.map(Framing::Length))
}

/// One number, however often it is said.
fn content_length(fields: &Fields) -> Result<Option<u64>, Malformed> {
    match fields.only(Known::ContentLength) {
        Only::None => return Ok(None),
        Only::One(value) => {
            if let Some(n) = decimal(value) {
                return Ok(Some(n));
            }
        }
        Only::Several => {}
    }
    let mut length = None;
    for value in fields.values(Known::ContentLength) {
        let n = decimal(value).ok_or(Malformed::new(Kind::BadContentLength, 0))?;
        if length.is_some_and(|other| other != n) {
            return Err(Malformed::new(Kind::BadContentLength, 0));
        }
        length = Some(n);
    }
    Ok(length)
}

/// One `chunked`, at the end of all lines together.
fn transfer_encoding(fields: &Fields) -> Result<(), Malformed> {
    let bad = Err(Malformed::new(Kind::BadTransferEncoding, 0));
    let (mut chunked, mut others) = (false, false);
    for coding in fields.values(Known::TransferEncoding) {
        if chunked || coding.is_empty() {
            return bad;
        }
        chunked = coding.eq_ignore_ascii_case(b"chunked");
        others |= !chunked;
    }
    match (chunked, others) {
        (false, _) => bad,
        (true, true) => Err(Malformed::new(Kind::UnsupportedCoding, 0)),
        (true, false) => Ok(()),
    }
}

fn normalize(fields: &mut Fields, framing: Framing) {
    if fields.contains(Known::TransferEncoding) {
        fields.remove(Known::ContentLength);
        return;
    }
    match fields.only(Known::ContentLength) {
        Only::None => return,
        Only::One(value) if !value.contains(&b',') => return,
        Only::One(_) | Only::Several => {}
    }
    match framing {
        Framing::Length(n) => {
            fields.set(Known::ContentLength, n.to_string().as_bytes());
        }
        Framing::None | Framing::Chunked | Framing::UntilClose | Framing::Tunnel => {
            if let Ok(Some(n)) = content_length(fields) {
                fields.set(Known::ContentLength, n.to_string().as_bytes());
            }
        }
    }
}

fn drop_framing(fields: &mut Fields) {
    fields.remove(Known::ContentLength);
    fields.remove(Known::TransferEncoding);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &str) -> Fields {
        let mut fields = Fields::new();
        for line in lines.split('|').filter(|l| !l.is_empty()) {
            let (name, value) = line.split_once(':').expect("rows have colons");
            fields.push(name, value.trim().as_bytes());
        }
        fields
    }

    fn response(status: u16, lines: &str) -> ResponseHead {
        let mut head = ResponseHead::new();
        head.set_status(status, b"");
        *head.fields_mut() = fields(lines);
        head
    }

    #[test]
    fn answers_end_where_rfc_9112_says() {
        use Framing::*;
        for (status, request, lines, want) in [
            (200, Method::Get, "", Ok(UntilClose)),
            (200, Method::Get, "content-length: 0", Ok(Length(0))),
            (200, Method::Get, "content-length: 7", Ok(Length(7))),
            (200, Method::Get, "content-length: 7|Content-Length: 7, 07", Ok(Length(7))),
            (200, Method::Get, "content-length: 7|content-length: 8", Err(Kind::BadContentLength)),
            (200, Method::Get, "transfer-encoding: chunked|content-length: 7", Ok(Chunked)),
            (200, Method::Get, "transfer-encoding: gzip, chunked", Err(Kind::UnsupportedCoding)),
            (200, Method::Get, "transfer-encoding: gzip", Err(Kind::BadTransferEncoding)),
            (200, Method::Head, "content-length: 7", Ok(None)),
            (200, Method::Head, "transfer-encoding: chunked", Ok(None)),
            (200, Method::Connect, "content-length: 7", Ok(Tunnel)),
            (404, Method::Connect, "content-length: 7", Ok(Length(7))),
            (204, Method::Get, "content-length: 7", Ok(None)),
            (304, Method::Get, "content-length: 7", Ok(None)),
            (100, Method::Post, "", Ok(None)),
            (103, Method::Get, "link: x", Ok(None)),
            (101, Method::Get, "upgrade: x", Ok(Tunnel)),
            (205, Method::Get, "", Ok(UntilClose)),
        ] {
            let got = response(status, lines).body(request).map_err(|e| e.kind);
            assert_eq!(got, want, "{status} to {request:?} with {lines}");
        }
    }

    #[test]
    fn the_next_hop_sees_one_framing() {
        for (status, lines, want) in [
            (200, "content-length: 7|a: b|content-length: 7", "a: b\r\ncontent-length: 7\r\n"),
            (200, "content-length: 7, 7", "content-length: 7\r\n"),
            (200, "content-length: 07", "content-length: 07\r\n"),
            (200, "content-length: 7|transfer-encoding: chunked", "transfer-encoding: chunked\r\n"),
            (204, "content-length: 7|transfer-encoding: chunked", ""),
            (101, "content-length: 7|upgrade: x", "upgrade: x\r\n"),
            (304, "content-length: 7", "content-length: 7\r\n"),
        ] {
            let mut head = response(status, lines);
            let framing = head.body(Method::Get).expect("rows are valid");
            head.normalize_framing(framing);
            let mut out = Vec::new();
            head.fields().write_to(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), want, "{status} {lines}");
        }
    }
}
