//! The PROXY protocol, versions 1 and 2 (specification: "The PROXY protocol", sections 2.1 and 2.2).
//!
//! ```text
//! 1:  PROXY TCP4 192.0.2.7 198.51.100.1 54321 443\r\n
//! 2:  \r\n\r\n\0\r\nQUIT\n │ version, command │ family │ length │ addresses │ extensions
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A line of version 1 is at most so long, line end included (specification §2.1).
const V1_LEN_MAX: usize = 107;
/// What version 1 starts with.
const V1_START: &[u8] = b"PROXY ";
/// What version 2 starts with.
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const V2_HEAD_LEN: usize = 16;
/// Addresses and extensions of version 2 that are taken at most: a buffer of the original's.
const V2_REST_MAX: usize = 16 * 1024;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX: u8 = 0x31;
const TCP4_LEN: usize = 12;
const TCP6_LEN: usize = 36;

/// Who speaks to whom, as a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The connection is the sender's own, or it does not say: the connection's addresses hold.
    Unsaid,
    /// Source and destination.
    Inet(SocketAddr, SocketAddr),
    /// Over UNIX sockets.
    Unix,
}

/// Bytes that are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHeader;

/// Which version to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Text.
    V1,
    /// Binary.
    V2,
}

/// Reads a header at the start of `bytes`: what it says and how long it is, or `None` while it is not whole.
pub fn parse(bytes: &[u8]) -> Result<Option<(Ends, usize)>, NoHeader> {
    if begins(bytes, V2_SIGNATURE) {
        return parse_v2(bytes);
    }
    if begins(bytes, V1_START) {
        return parse_v1(bytes);
    }
    Err(NoHeader)
}

/// As far as both go, they are the same.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(a, b)| a == b)
}

fn parse_v1(bytes: &[u8]) -> Result<Option<(Ends, usize)>, NoHeader> {
    let window = bytes.get(..V1_LEN_MAX).unwrap_or(bytes);
    let Some(end) = window.iter().position(|b| *b == b'\n') else {
        return if window.len() == V1_LEN_MAX { Err(NoHeader) } else { Ok(None) };
    };
    let line = window.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(NoHeader)?;
    let line = std::str::from_utf8(line).map_err(|_| NoHeader)?;
    let mut words = line.split(' ').skip(1);
    let family = words.next().ok_or(NoHeader)?;
    if family == "UNKNOWN" {
        // Whatever follows is to be ignored.
        return Ok(Some((Ends::Unsaid, end + 1)));
    }
    let mut next = || words.next().ok_or(NoHeader);
    let (source, target) = (address(family, next()?)?, address(family, next()?)?);
    let (from, to) = (port(next()?)?, port(next()?)?);
    if words.next().is_some() {
        return Err(NoHeader);
    }
    let ends = Ends::Inet(SocketAddr::new(source, from), SocketAddr::new(target, to));
    Ok(Some((ends, end + 1)))
}

fn address(family: &str, text: &str) -> Result<IpAddr, NoHeader> {
    match family {
        "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| NoHeader),
        "TCP6" => text.parse().map(IpAddr::V6).map_err(|_| NoHeader),
        _ => Err(NoHeader), // no other family is in the specification
    }
}

fn port(text: &str) -> Result<u16, NoHeader> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(NoHeader)
}

fn parse_v2(bytes: &[u8]) -> Result<Option<(Ends, usize)>, NoHeader> {
    let Some((head, rest)) = bytes.split_first_chunk::<V2_HEAD_LEN>() else { return Ok(None) };
    let [.., command, family, high, low] = *head;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > V2_REST_MAX || !matches!(command, LOCAL | PROXY) {
        return Err(NoHeader);
    }
    let Some(body) = rest.get(..len) else { return Ok(None) };
    let used = V2_HEAD_LEN + len;
    let ends = match (command, family) {
        (LOCAL, _) => Ends::Unsaid,
        (_, TCP4) => {
            let (addresses, _) = body.split_first_chunk::<TCP4_LEN>().ok_or(NoHeader)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *addresses;
            let (from, to) = ports_of(ports);
            let (source, target) = (Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(e, f, g, h));
            Ends::Inet(SocketAddr::new(source.into(), from), SocketAddr::new(target.into(), to))
        }
        (_, TCP6) => {
            let (source, rest) = body.split_first_chunk::<16>().ok_or(NoHeader)?;
            let (target, rest) = rest.split_first_chunk::<16>().ok_or(NoHeader)?;
            let (ports, _) = rest.split_first_chunk::<4>().ok_or(NoHeader)?;
            let (from, to) = ports_of(*ports);
            let (source, target) = (Ipv6Addr::from(*source), Ipv6Addr::from(*target));
            Ends::Inet(SocketAddr::new(source.into(), from), SocketAddr::new(target.into(), to))
        }
        (_, UNIX) => Ends::Unix,
        // Unknown families: the connection's own addresses (specification §2.2).
        (_, _) => Ends::Unsaid,
    };
    Ok(Some((ends, used)))
}

fn ports_of([a, b, c, d]: [u8; 4]) -> (u16, u16) {
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

/// Appends a header. Without addresses it says that it says nothing.
pub fn write(version: Version, ends: Option<(SocketAddr, SocketAddr)>, out: &mut Vec<u8>) {
    let ends = ends.map(|(from, to)| one_family(from, to));
    match version {
        Version::V1 => write_v1(ends, out),
        Version::V2 => write_v2(ends, out),
    }
}

/// A header has one family: where they differ, IPv4 is written as IPv6 (RFC 4291 §2.5.5.2).
fn one_family(from: SocketAddr, to: SocketAddr) -> (SocketAddr, SocketAddr) {
    let wide = |addr: SocketAddr| match addr.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        IpAddr::V6(_) => addr,
    };
    if from.is_ipv4() == to.is_ipv4() { (from, to) } else { (wide(from), wide(to)) }
}

fn write_v1(ends: Option<(SocketAddr, SocketAddr)>, out: &mut Vec<u8>) {
    let line = match ends {
        None => "PROXY UNKNOWN\r\n".to_owned(),
        Some((from, to)) => {
            let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
            format!("PROXY {family} {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port())
        }
    };
    debug_assert!(line.len() <= V1_LEN_MAX, "the specification's bound holds for every address");
    out.extend_from_slice(line.as_bytes());
}

fn write_v2(ends: Option<(SocketAddr, SocketAddr)>, out: &mut Vec<u8>) {
    out.extend_from_slice(V2_SIGNATURE);
    let Some((from, to)) = ends else {
        out.extend_from_slice(&[LOCAL, 0, 0, 0]);
        return;
    };
    let (family, len) = if from.is_ipv4() { (TCP4, TCP4_LEN) } else { (TCP6, TCP6_LEN) };
    out.extend_from_slice(&[PROXY, family, 0, len as u8]);
    for addr in [from, to] {
        match addr.ip() {
            IpAddr::V4(ip) => out.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => out.extend_from_slice(&ip.octets()),
        }
    }
    for addr in [from, to] {
        out.extend_from_slice(&addr.port().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(from: &str, to: &str) -> Ends {
        Ends::Inet(from.parse().expect("an address"), to.parse().expect("an address"))
    }

    #[test]
    fn headers_are_read() {
        let four = inet("192.0.2.7:54321", "198.51.100.1:443");
        let six = inet("[2001:db8::7]:1", "[2001:db8::1]:2");
        let v4: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xd4\x31\x01\xbb";
        for (bytes, want) in [
            (&b"PROXY TCP4 192.0.2.7 198.51.100.1 54321 443\r\nGET"[..], Ok(Some((four, 45)))),
            (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", Ok(Some((six, 40)))),
            (b"PROXY UNKNOWN\r\n", Ok(Some((Ends::Unsaid, 15)))),
            (b"PROXY UNKNOWN a b c\r\n", Ok(Some((Ends::Unsaid, 21)))),
            (b"", Ok(None)),
            (b"PRO", Ok(None)),
            (b"PROXY TCP4 192.0.2.7", Ok(None)),
            (b"GET / HTTP/1.1\r\n", Err(NoHeader)),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 54321 443\n", Err(NoHeader)),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 54321\r\n", Err(NoHeader)),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 443\r\n", Err(NoHeader)),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", Err(NoHeader)),
            (b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", Err(NoHeader)),
            (b"PROXY TCP4 ::1 ::1 1 2\r\n", Err(NoHeader)),
            (b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", Err(NoHeader)),
            (v4, Ok(Some((four, 28)))),
            (&v4[..27], Ok(None)),
            (b"\r\n\r\n", Ok(None)),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", Ok(Some((Ends::Unsaid, 16)))),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\x02ab", Ok(Some((Ends::Unsaid, 18)))),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0", Ok(Some((Ends::Unsaid, 16)))),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd", Err(NoHeader)),
            (b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", Err(NoHeader)),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", Err(NoHeader)),
        ] {
            assert_eq!(parse(bytes), want, "{}", bytes.escape_ascii());
        }
        let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 100]].concat();
        assert_eq!(parse(&long), Err(NoHeader), "a line without an end in sight");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (from, to, want) in [
            ("192.0.2.7:1", "198.51.100.1:2", inet("192.0.2.7:1", "198.51.100.1:2")),
            ("[2001:db8::7]:1", "[::1]:2", inet("[2001:db8::7]:1", "[::1]:2")),
            ("192.0.2.7:1", "[::1]:2", inet("[::ffff:192.0.2.7]:1", "[::1]:2")),
            (
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                inet(
                    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                ),
            ),
        ] {
            for version in [Version::V1, Version::V2] {
                let mut out = Vec::new();
                write(version, from.parse().ok().zip(to.parse().ok()), &mut out);
                assert_eq!(parse(&out), Ok(Some((want, out.len()))), "{version:?} {from} {to}");
            }
        }
        for version in [Version::V1, Version::V2] {
            let mut out = Vec::new();
            write(version, None, &mut out);
            assert_eq!(parse(&out), Ok(Some((Ends::Unsaid, out.len()))), "{version:?}");
        }
    }
}
