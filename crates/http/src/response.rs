//! A response's head: the status line and its fields.

use crate::fields::{END_LEN, Fields, START_LINE_LEN};
use crate::method::Version;

/// A response's head. Keep one, clear it and use it again: the memory stays.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    version: Version,
    status: u16,
    reason: Vec<u8>,
    pub(crate) fields: Fields,
}

impl ResponseHead {
    /// An empty head.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.version = Version::Http11;
        self.status = 0;
        self.reason.clear();
        self.fields.clear();
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Changes the version.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The status, 100 to 999; 0 in an empty head.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase as received; may be empty.
    pub fn reason(&self) -> &[u8] {
        &self.reason
    }

    /// Changes status and reason. CR, LF and NUL in a reason become spaces. The caller keeps the status within 100
    /// to 999; others are held to the nearest.
    pub fn set_status(&mut self, status: u16, reason: &[u8]) {
        self.status = status.clamp(100, 999);
        self.reason.clear();
        self.reason.extend_from_slice(reason);
        self.reason.iter_mut().filter(|b| matches!(b, b'\r' | b'\n' | 0)).for_each(|b| *b = b' ');
    }

    /// The fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The fields, to change them.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// The length that the original's counters and logs (`%B`, `bout`) have for this head: see
    /// `RequestHead::counted_len`.
    pub fn counted_len(&self) -> u64 {
        const STATUS_LEN: usize = 3;
        let line = self.version.as_bytes().len() + STATUS_LEN + self.reason.len();
        START_LINE_LEN + line as u64 + self.fields.counted_len() + END_LEN
    }

    /// Writes status line, fields and the empty line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.version.as_bytes());
        let digit = |n: u16| b'0' + (n % 10) as u8;
        out.extend_from_slice(&[
            b' ',
            digit(self.status / 100),
            digit(self.status / 10),
            digit(self.status),
            b' ',
        ]);
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        self.fields.write_to(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// The length that the original's counters and logs have for a whole answer given as bytes.
pub fn counted_answer_len(answer: &[u8]) -> u64 {
    let mut head = ResponseHead::new();
    match crate::parse_response(answer, &mut head, &crate::Limits::default()) {
        Ok(Some(end)) => head.counted_len() + answer.len().saturating_sub(end) as u64,
        Ok(None) | Err(_) => answer.len() as u64,
    }
}

/// The reason phrase that goes with a status in answers of our own: what the original sends, which falls back to the
/// class of the status.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        210 => "Content Different",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        310 => "Too many Redirects",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested range unsatisfiable",
        417 => "Expectation failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Method failure",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        449 => "Retry With",
        450 => "Blocked by Windows Parental Controls",
        451 => "Unavailable For Legal Reasons",
        456 => "Unrecoverable Error",
        499 => "client has closed connection",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway or Proxy Error",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version not supported",
        506 => "Variant also negotiate",
        507 => "Insufficient storage",
        508 => "Loop detected",
        509 => "Bandwidth Limit Exceeded",
        510 => "Not extended",
        511 => "Network authentication required",
        520 => "Web server is returning an unknown error",
        _ => match status / 100 {
            1 => "Informational",
            2 => "Success",
            3 => "Redirection",
            4 => "Client Error",
            5 => "Server Error",
            _ => "Other",
        },
    }
}

#[cfg(test)]
mod counted {
    use crate::{Limits, RequestHead, counted_answer_len, parse_request};

    /// Compared with the original's `%U` and `%B` for the same bytes.
    #[test]
    fn lengths_are_the_originals() {
        for (text, want) in [
            ("GET /abc HTTP/1.1\r\nHost: a\r\n\r\n", 41),
            ("GET /abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 41),
            ("GET /abc HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-foo\r\n\r\n", 56),
            ("GET /abc HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n", 68),
            ("GET /abc HTTP/1.1\r\nHost:   a  \r\nX:\r\n\r\n", 42),
            ("GET /abc HTTP/1.0\r\n\r\n", 36),
        ] {
            let mut head = RequestHead::new();
            let parsed = parse_request(text.as_bytes(), &mut head, &Limits::default());
            assert!(matches!(parsed, Ok(Some(_))), "{text}");
            assert_eq!(head.counted_len(), want, "{text}");
        }
        for (text, want) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello", 61),
            ("HTTP/1.1 204 No Content\r\n\r\n", 42),
            ("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 47),
            ("garbage", 7),
        ] {
            assert_eq!(counted_answer_len(text.as_bytes()), want, "{text}");
        }
    }
}
