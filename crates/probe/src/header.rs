//! The PROXY header of checks (`check-send-proxy`): version 1 names the check's own connection, version 2 says LOCAL.

use evenkeel_sys::Addr;

/// Which header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// Text.
    V1,
    /// Binary.
    V2,
}

/// Signature, version 2 with the command LOCAL, no family, no addresses (PROXY protocol specification §2.2).
const LOCAL: [u8; 16] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

impl ProxyHeader {
    /// The bytes for a connection from one address to another.
    pub(crate) fn bytes(self, ends: Option<&(Addr, Addr)>) -> Vec<u8> {
        match self {
            ProxyHeader::V2 => LOCAL.to_vec(),
            ProxyHeader::V1 => match ends.and_then(|(from, to)| from.inet().zip(to.inet())) {
                Some((from, to)) => {
                    let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
                    let (source, target) = (from.ip(), to.ip());
                    let text = format!("PROXY {family} {source} {target} {} {}\r\n", from.port(), to.port());
                    text.into_bytes()
                }
                None => b"PROXY UNKNOWN\r\n".to_vec(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_the_connection() {
        let inet = |text: &str| Addr::Inet(text.parse().expect("an address"));
        for (header, ends, want) in [
            (
                ProxyHeader::V1,
                Some((inet("127.0.0.1:4000"), inet("127.0.0.2:80"))),
                &b"PROXY TCP4 127.0.0.1 127.0.0.2 4000 80\r\n"[..],
            ),
            (ProxyHeader::V1, Some((inet("[::1]:1"), inet("[::1]:2"))), b"PROXY TCP6 ::1 ::1 1 2\r\n"),
            (ProxyHeader::V1, Some((Addr::Unix("".into()), Addr::Unix("/x".into()))), b"PROXY UNKNOWN\r\n"),
            (ProxyHeader::V1, None, b"PROXY UNKNOWN\r\n"),
            (ProxyHeader::V2, None, b"\r\n\r\n\0\r\nQUIT\n \0\0\0"),
        ] {
            assert_eq!(header.bytes(ends.as_ref()), want, "{header:?} {ends:?}");
        }
    }
}
