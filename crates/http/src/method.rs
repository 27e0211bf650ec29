//! Methods and versions.

/// A protocol version. Every `HTTP/1.x` above 1.0 is 1.1: minor versions are compatible (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// As on the wire.
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        }
    }

    /// The digits: what the original's `req.ver` and `res.ver` give.
    pub const fn digits(self) -> &'static str {
        match self {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        }
    }
}

/// A method as far as it changes what the proxy does. Methods are case-sensitive (RFC 9110 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD: the answer has no body.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// CONNECT: a 2xx answer starts a tunnel.
    Connect,
    /// OPTIONS.
    Options,
    /// TRACE.
    Trace,
    /// PATCH.
    Patch,
    /// Any other.
    Other,
}

impl Method {
    /// Reads a method.
    pub const fn of(name: &[u8]) -> Self {
        match name {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"CONNECT" => Method::Connect,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"PATCH" => Method::Patch,
            _ => Method::Other,
        }
    }

    /// Safe methods do not change the server's state (RFC 9110 §9.2.1).
    pub const fn is_safe(self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Options | Method::Trace => true,
            Method::Post | Method::Put | Method::Delete | Method::Connect | Method::Patch | Method::Other => {
                false
            }
        }
    }

    /// Idempotent methods may be sent again (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Options | Method::Trace | Method::Put | Method::Delete => {
                true
            }
            Method::Post | Method::Connect | Method::Patch | Method::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive() {
        for (name, want) in [
            ("GET", Method::Get),
            ("get", Method::Other),
            ("CONNECT", Method::Connect),
            ("BREW", Method::Other),
            ("", Method::Other),
        ] {
            assert_eq!(Method::of(name.as_bytes()), want, "{name}");
        }
    }
}
