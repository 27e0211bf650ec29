//! How hash keys are cut out of requests (configuration manual, `balance`). What they return goes into
//! [`Key`]: bytes are hashed by `hash-type`'s function, an address is a number already.

use std::net::IpAddr;

use crate::Key;

/// Arguments of `balance uri`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UriConf {
    /// `whole`: the query too.
    pub whole: bool,
    /// `len`: only so many bytes; 0: all.
    pub len: usize,
    /// `depth`: only so many directories; 0: all.
    pub depth: usize,
    /// `path-only`: start at the path even where the request names scheme and host.
    pub path_only: bool,
}

/// `balance uri`: the key in a request's target.
pub fn uri_key(target: &[u8], conf: UriConf) -> &[u8] {
    let uri = if conf.path_only { path_on(target) } else { target };
    let uri = if conf.len > 0 { &uri[..uri.len().min(conf.len)] } else { uri };
    let mut slashes = 0;
    let end = uri.iter().position(|byte| match byte {
        b'/' => {
            slashes += 1;
            conf.depth > 0 && slashes > conf.depth
        }
        b'?' => !conf.whole,
        _ => false,
    });
    end.map_or(uri, |end| &uri[..end])
}

/// A target from its path on: after `scheme://authority`, all of it in origin form.
fn path_on(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(scheme_end) = target.windows(3).position(|w| w == b"://") else { return target };
    let rest = &target[scheme_end + 3..];
    rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).map_or(&[], |at| &rest[at..])
}

/// `balance url_param`: the parameter's value in a request's target. `None` without it: round robin applies.
pub fn url_param_key<'a>(target: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let question = target.iter().position(|b| *b == b'?')?;
    body_param_key(&target[question + 1..], name)
}

/// `balance url_param … check_post`: the same in a form's body.
pub fn body_param_key<'a>(form: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    form.split(|b| *b == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// `balance source`: the address as one number, an IPv6 one folded by exclusive or.
pub fn source_key(address: IpAddr) -> Key<'static> {
    match address {
        IpAddr::V4(v4) => Key::Number(u32::from(v4)),
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            Key::Number([96, 64, 32, 0].iter().fold(0, |sum, shift| sum ^ (bits >> shift) as u32))
        }
    }
}

/// `balance hdr(name)`: the key in the header's first value. `None` for an empty one: round robin applies.
pub fn header_key(value: &[u8], use_domain_only: bool) -> Option<&[u8]> {
    if value.is_empty() {
        return None;
    }
    Some(if use_domain_only { main_domain(value) } else { value })
}

/// The label before the last dot: `1wt` in `haproxy.1wt.eu`. As in the original a dot at the start is no separator,
/// and a label is never empty: it takes what stands before it instead.
fn main_domain(value: &[u8]) -> &[u8] {
    let Some(end) = value.iter().rposition(|b| *b == b'.').filter(|end| *end > 0) else { return value };
    let start = value[..end - 1].iter().rposition(|b| *b == b'.').map_or(0, |dot| dot + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        let conf = |whole, len, depth, path_only| UriConf { whole, len, depth, path_only };
        for (target, conf, want) in [
            ("/a/b?c", conf(false, 0, 0, false), "/a/b"),
            ("/a/b?c", conf(true, 0, 0, false), "/a/b?c"),
            ("/a/b/c", conf(false, 0, 1, false), "/a"),
            ("/a/b/c", conf(false, 0, 2, false), "/a/b"),
            ("/a/b/c", conf(false, 3, 2, false), "/a/"),
            ("http://h/a?b", conf(false, 0, 0, false), "http://h/a"),
            ("http://h/a?b", conf(false, 0, 0, true), "/a"),
            ("http://h", conf(false, 0, 0, true), ""),
            ("*", conf(false, 0, 0, true), "*"),
            ("", conf(false, 4, 4, true), ""),
        ] {
            assert_eq!(uri_key(target.as_bytes(), conf), want.as_bytes(), "{target} {conf:?}");
        }
    }

    #[test]
    fn parameters() {
        for (target, want) in [
            ("/a?id=7&x=1", Some("7")),
            ("/a?x=1&id=7", Some("7")),
            ("/a?xid=1&id=7", Some("7")),
            ("/a?id&x", None),
            ("/a?id=", Some("")),
            ("/id=7", None),
            ("", None),
        ] {
            assert_eq!(url_param_key(target.as_bytes(), b"id"), want.map(str::as_bytes), "{target}");
        }
    }

    #[test]
    fn domains() {
        for (value, want) in [
            ("haproxy.1wt.eu", "1wt"),
            ("1wt.eu", "1wt"),
            ("localhost", "localhost"),
            (".leading", ".leading"),
            ("trailing.", "trailing"),
            ("a..b", "a."),
            ("..", "."),
            (".", "."),
        ] {
            assert_eq!(header_key(value.as_bytes(), true), Some(want.as_bytes()), "{value}");
        }
        assert_eq!(header_key(b"", true), None);
        assert_eq!(header_key(b"a.b.c", false), Some(&b"a.b.c"[..]));
    }

    #[test]
    fn addresses() {
        for (address, want) in [("127.0.0.1", 0x7f00_0001), ("::1", 1), ("2001:db8::1", 0x2001_0db8 ^ 1)] {
            let address = address.parse().expect("a literal address");
            assert!(matches!(source_key(address), Key::Number(n) if n == want), "{address}");
        }
    }
}
