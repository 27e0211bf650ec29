//! Request targets and what is in them.

/// Cuts at the first `?`: what is before, and the query where there is one.
pub fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'?', target) {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
        None => (target, None),
    }
}

/// The scheme of an absolute target (RFC 3986 §3.1).
pub fn scheme(target: &[u8]) -> Option<&[u8]> {
    scheme_len(target).and_then(|n| target.get(..n))
}

/// The authority of an absolute target: from `://` to the next `/`, user included. `None` in other forms.
pub fn authority(target: &[u8]) -> Option<&[u8]> {
    let rest = target.get(scheme_len(target)? + 3..)?;
    rest.get(..memchr::memchr(b'/', rest).unwrap_or(rest.len()))
}

/// Where the path starts: at the first `/`, after the authority in an absolute target. `None` without a path.
pub fn path_start(target: &[u8]) -> Option<usize> {
    if target.first() == Some(&b'/') {
        return Some(0);
    }
    let from = scheme_len(target)? + 3;
    memchr::memchr(b'/', target.get(from..)?).map(|n| from + n)
}

fn scheme_len(target: &[u8]) -> Option<usize> {
    if !target.first()?.is_ascii_alphabetic() {
        return None;
    }
    let n = target.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')))?;
    target.get(n..)?.starts_with(b"://").then_some(n)
}

/// Cuts an authority or a Host value at its port: the last colon that only digits follow and that is not within
/// brackets. The port may be empty.
pub fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let digits = authority.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let Some(colon) = (authority.len() - digits).checked_sub(1) else { return (authority, None) };
    if authority.get(colon) != Some(&b':') {
        return (authority, None);
    }
    (authority.get(..colon).unwrap_or_default(), authority.get(colon + 1..))
}

/// An authority without the user before the `@`.
pub fn without_user(authority: &[u8]) -> &[u8] {
    memchr::memrchr(b'@', authority).and_then(|at| authority.get(at + 1..)).unwrap_or(authority)
}

/// Host and port of an absolute target: what the original's `url_ip` and `url_port` read. `url_port` is 0 where the
/// host is no IPv4 address: that is the caller's rule.
pub fn host_port(target: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, port) = split_port(without_user(authority(target)?));
    Some((host, port.and_then(|p| std::str::from_utf8(p).ok()?.parse().ok())))
}

/// Whether a Host value names the authority of the target: same letters in any case, user left out, default ports
/// left out. An empty authority goes with every host.
pub fn same_authority(scheme: Option<&[u8]>, authority: &[u8], host: &[u8]) -> bool {
    let authority = without_user(authority);
    if authority.is_empty() || authority.eq_ignore_ascii_case(host) {
        return true;
    }
    let strip = |text| match split_port(text) {
        (host, Some(port)) if is_default_port(scheme, port) => host,
        _ => text,
    };
    strip(authority).eq_ignore_ascii_case(strip(host))
}

/// Whether a port says no more than the scheme does. CONNECT's targets have no scheme.
pub fn is_default_port(scheme: Option<&[u8]>, port: &[u8]) -> bool {
    match scheme {
        _ if port.is_empty() => true,
        Some(s) if s.eq_ignore_ascii_case(b"http") => port == b"80",
        Some(s) if s.eq_ignore_ascii_case(b"https") => port == b"443",
        Some(_) => false,
        None => port == b"80" || port == b"443",
    }
}

/// The parameters that follow the first `delimiter` (`?` as a rule): each starts after it, after `&` or `;`, or after
/// another delimiter, and has a name and a `=`. As the original's `url_param`.
pub fn url_params(target: &[u8], delimiter: u8) -> impl Iterator<Item = (&[u8], &[u8])> {
    let start = memchr::memchr(delimiter, target).map_or(target.len(), |n| n + 1);
    target
        .get(start..)
        .unwrap_or_default()
        .split(move |b| *b == b'&' || *b == b';' || *b == delimiter)
        .filter_map(|pair| {
            let at = memchr::memchr(b'=', pair)?;
            Some((pair.get(..at)?, pair.get(at + 1..)?))
        })
}

/// The first parameter of that name (case matters).
pub fn url_param<'a>(target: &'a [u8], name: &[u8], delimiter: u8) -> Option<&'a [u8]> {
    url_params(target, delimiter).find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// Where `+` means a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// After the first `?`: a URL.
    InQuery,
    /// Everywhere: a form's body, a query's value.
    Everywhere,
}

/// Undoes percent-encoding. `None` where a `%` is not followed by two hexadecimal digits.
pub fn percent_decode(text: &[u8], plus: Plus) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut spaces = plus == Plus::Everywhere;
    let mut bytes = text.iter();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            b'+' if spaces => b' ',
            b => {
                spaces |= *b == b'?';
                *b
            }
        });
    }
    Some(out)
}

fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    #[test]
    fn parts_of_targets() {
        for (target, path, query, auth) in [
            ("/a/b?c=d", Some("/a/b?c=d"), Some("c=d"), None),
            ("*", None, None, None),
            ("http://a", None, None, Some("a")),
            ("http://a/", Some("/"), None, Some("a")),
            ("http://a/x?y=z", Some("/x?y=z"), Some("y=z"), Some("a")),
            ("http://u:p@a:80/x", Some("/x"), None, Some("u:p@a:80")),
            ("a+b.c-d://x/", Some("/"), None, Some("x")),
            ("1http://x/", None, None, None),
            ("a_b://x/", None, None, None),
            ("//x/y", Some("//x/y"), None, None),
            ("/a?b?c", Some("/a?b?c"), Some("b?c"), None),
            ("/?", Some("/?"), Some(""), None),
            ("a:80", None, None, None),
            ("/http://x", Some("/http://x"), None, None),
            ("", None, None, None),
        ] {
            let t = target.as_bytes();
            assert_eq!(path_start(t).map(|n| &t[n..]), path.map(str::as_bytes), "path of {target}");
            assert_eq!(split_query(t).1, query.map(str::as_bytes), "query of {target}");
            assert_eq!(authority(t), auth.map(str::as_bytes), "authority of {target}");
        }
    }

    #[test]
    fn hosts_that_match_authorities() {
        for (scheme, authority, host, want) in [
            (Some("http"), "a:80", "a", true),
            (Some("http"), "a", "a:80", true),
            (Some("http"), "a:443", "a", false),
            (Some("https"), "a:443", "a", true),
            (Some("https"), "a:80", "a", false),
            (Some("http"), "A", "a", true),
            (Some("http"), "a", "a:81", false),
            (Some("http"), "a:", "a", true),
            (Some("http"), "a", "", false),
            (Some("http"), "u@a", "a", true),
            (Some("http"), "u@a", "u@a", false),
            (Some("ftp"), "a:80", "a", false),
            (Some("http"), "[::1]:80", "[::1]", true),
            (Some("http"), "[::1]", "[::80]", false),
            (Some("http"), "", "a", true),
            (None, "a:443", "a", true),
            (None, "a:80", "A", true),
            (None, "b:80", "a", false),
        ] {
            let got = same_authority(scheme.map(str::as_bytes), authority.as_bytes(), host.as_bytes());
            assert_eq!(got, want, "{scheme:?} {authority} {host}");
        }
    }

    #[test]
    fn ports() {
        for (text, host, port) in [
            ("a:80", "a", Some("80")),
            ("a", "a", None),
            ("a:", "a", Some("")),
            (":80", "", Some("80")),
            ("[::1]:80", "[::1]", Some("80")),
            ("[::1]", "[::1]", None),
            ("a:x", "a:x", None),
            ("80", "80", None),
            ("", "", None),
        ] {
            assert_eq!(split_port(text.as_bytes()), (host.as_bytes(), port.map(str::as_bytes)), "{text}");
        }
        assert_eq!(host_port(b"http://1.2.3.4:8080/x"), Some((&b"1.2.3.4"[..], Some(8080))));
        assert_eq!(host_port(b"http://u:1@a:99999/x"), Some((&b"a"[..], None)));
        assert_eq!(host_port(b"/x"), None);
    }

    #[test]
    fn parameters_are_those_of_the_original() {
        for (target, name, delimiter, want) in [
            ("/a?a=1&b=2", "a", b'?', Some("1")),
            ("/a?a=1;b=2", "b", b'?', Some("2")),
            ("/a;b=3?a=1", "b", b';', Some("3?a=1")),
            ("/a?ba=3&a=4", "a", b'?', Some("4")),
            ("/a?a&b=1", "a", b'?', None),
            ("/a?a=&b=1", "a", b'?', Some("")),
            ("/a?A=1", "a", b'?', None),
            ("/a?a=%41+b", "a", b'?', Some("%41+b")),
            ("/x;b=5;a=6?z", "b", b';', Some("5")),
            ("/a?&&a=3", "a", b'?', Some("3")),
            ("/a?b=1?a=2", "a", b'?', Some("2")),
            ("/a", "a", b'?', None),
        ] {
            let got = url_param(target.as_bytes(), name.as_bytes(), delimiter);
            assert_eq!(got.map(|v| v.as_bstr()), want.map(|w| w.as_bytes().as_bstr()), "{name} in {target}");
        }
    }

    #[test]
    fn decoding() {
        for (text, plus, want) in [
            ("a%41%2fb", Plus::InQuery, Some("aA/b")),
            ("a+b?c+d?e", Plus::InQuery, Some("a+b?c d?e")),
            ("a+b", Plus::Everywhere, Some("a b")),
            ("%4", Plus::InQuery, None),
            ("%", Plus::InQuery, None),
            ("%zz", Plus::InQuery, None),
            ("", Plus::InQuery, Some("")),
        ] {
            assert_eq!(percent_decode(text.as_bytes(), plus), want.map(|w| w.as_bytes().to_vec()), "{text}");
        }
    }
}
