//! A request's head: the request line and its fields.

use crate::error::{Kind, Malformed};
use crate::fields::{END_LEN, Fields, Part, START_LINE_LEN};
use crate::known::Known;
use crate::method::{Method, Version};
use crate::table::{is_target, is_token};
use crate::uri;

/// Sixteen bytes in base64 (RFC 6455 §4.1).
const WEBSOCKET_KEY_LEN: usize = 24;

/// A request's head. Keep one, clear it and use it again: the memory stays.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// Method and target, wherever the parts say.
    line: Vec<u8>,
    method: Part,
    verb: Method,
    target: Part,
    version: Version,
    pub(crate) fields: Fields,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            method: Part::default(),
            verb: Method::Other,
            target: Part::default(),
            version: Version::Http11,
            fields: Fields::new(),
        }
    }
}

impl RequestHead {
    /// An empty head.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.line.clear();
        self.method = Part::default();
        self.verb = Method::Other;
        self.target = Part::default();
        self.version = Version::Http11;
        self.fields.clear();
    }

    /// The method as received.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.line)
    }

    /// The method as far as the proxy knows it.
    pub fn verb(&self) -> Method {
        self.verb
    }

    /// Changes the method. Bytes that no method may contain are left out; an empty one changes nothing.
    pub fn set_method(&mut self, method: &[u8]) {
        let clean: Vec<u8> = method.iter().copied().filter(|b| is_token(*b)).collect();
        if !clean.is_empty() {
            let target = self.target().to_vec();
            self.set_line(&clean, &target);
        }
    }

    /// The request target as received.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.line)
    }

    /// Changes the whole target. Controls and spaces are left out; an empty one becomes `/`.
    pub fn set_target(&mut self, target: &[u8]) {
        let method = self.method().to_vec();
        let mut clean: Vec<u8> = target.iter().copied().filter(|b| is_target(*b, true)).collect();
        if clean.is_empty() {
            clean.push(b'/');
        }
        self.set_line(&method, &clean);
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Changes the version.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The path: from the first `/` after the authority to the query. Empty for `*`, for CONNECT's targets and for an
    /// absolute target without one, as the original's `path`.
    pub fn path(&self) -> &[u8] {
        uri::split_query(self.path_and_query()).0
    }

    /// What follows the first `?`, where there is one.
    pub fn query(&self) -> Option<&[u8]> {
        uri::split_query(self.target()).1
    }

    /// Path and query as one: the original's `pathq`.
    pub fn path_and_query(&self) -> &[u8] {
        uri::path_start(self.target()).and_then(|at| self.target().get(at..)).unwrap_or_default()
    }

    /// The authority of an absolute target or of CONNECT's.
    pub fn authority(&self) -> Option<&[u8]> {
        match self.verb {
            Method::Connect => Some(self.target()),
            _ => uri::authority(self.target()),
        }
    }

    /// Changes the path and keeps authority and query.
    pub fn set_path(&mut self, path: &[u8]) {
        let query = self.query().map(<[u8]>::to_vec);
        let mut new = path.to_vec();
        if let Some(query) = query {
            new.push(b'?');
            new.extend_from_slice(&query);
        }
        self.set_path_and_query(&new);
    }

    /// Changes the query. A `?` is added where there was none and the new query is not empty; one that was there
    /// stays (configuration manual: `http-request set-query`).
    pub fn set_query(&mut self, query: &[u8]) {
        let target = self.target();
        let (before, old) = uri::split_query(target);
        if old.is_none() && query.is_empty() {
            return;
        }
        let mut new = before.to_vec();
        new.push(b'?');
        new.extend_from_slice(query);
        self.set_target(&new);
    }

    /// Changes path and query and keeps the authority.
    pub fn set_path_and_query(&mut self, new: &[u8]) {
        let target = self.target();
        let authority_end = match uri::path_start(target) {
            Some(at) => at,
            None if uri::authority(target).is_some() => uri::split_query(target).0.len(),
            None => 0,
        };
        let mut whole = target.get(..authority_end).unwrap_or_default().to_vec();
        whole.extend_from_slice(new);
        self.set_target(&whole);
    }

    /// The host that the request is for: its Host field, else the target's authority.
    pub fn host(&self) -> Option<&[u8]> {
        self.fields.first(Known::Host).or_else(|| self.authority())
    }

    /// The fields.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The fields, to change them.
    pub fn fields_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// The length that the original's counters and logs (`%U`, `bin`) have for this head. Its messages are not kept as
    /// text there: a start line takes 20 bytes and its three parts, a field its name and value, the end one byte.
    pub fn counted_len(&self) -> u64 {
        let line = self.method().len() + self.target().len() + self.version.as_bytes().len();
        START_LINE_LEN + line as u64 + self.fields.counted_len() + END_LEN
    }

    /// Writes request line, fields and the empty line.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.method());
        out.push(b' ');
        out.extend_from_slice(self.target());
        out.push(b' ');
        out.extend_from_slice(self.version.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.fields.write_to(out);
        out.extend_from_slice(b"\r\n");
    }

    /// Sets method and target at once, as received or as made.
    pub(crate) fn set_line(&mut self, method: &[u8], target: &[u8]) {
        self.line.clear();
        self.line.extend_from_slice(method);
        self.line.extend_from_slice(target);
        self.method = Part::new(0, method.len());
        self.target = Part::new(method.len(), method.len() + target.len());
        self.verb = Method::of(method);
    }

    /// An absolute target with its scheme's own port, or an empty one, loses it, and Host says the same (RFC 9110
    /// §4.2.3). CONNECT's target must have a port: there Host alone loses it.
    fn drop_default_port(&mut self) {
        if self.verb == Method::Connect {
            let short = self.fields.first(Known::Host).and_then(|host| match uri::split_port(host) {
                (name, Some(b"80" | b"443")) => Some(name.to_vec()),
                _ => None, // no port, or one that says something
            });
            if let Some(short) = short {
                self.fields.replace_lines(Known::Host, |_| Some(short.clone()));
            }
            return;
        }
        let target = self.target();
        let (Some(scheme), Some(authority)) = (uri::scheme(target), uri::authority(target)) else { return };
        let (name, Some(port)) = uri::split_port(authority) else { return };
        // What has two ports has none that could be left out: the next reader would take the other one for it.
        if !uri::is_default_port(Some(scheme), port) || uri::split_port(name).1.is_some() {
            return;
        }
        let path = target.get(scheme.len() + 3 + authority.len()..).unwrap_or_default();
        let new = [scheme, b"://", name, path].concat();
        let host = uri::without_user(name).to_vec();
        let method = self.method().to_vec();
        self.set_line(&method, &new);
        self.fields.replace_lines(Known::Host, |_| Some(host.clone()));
    }

    /// What only the whole head can tell. The original judges these when the head is complete.
    pub(crate) fn check(&mut self, relaxed: bool) -> Result<(), Malformed> {
        let bad = |kind| Err(Malformed::new(kind, 0));
        let target = self.target();
        let authority = match self.verb {
            Method::Connect if relaxed => None,
            Method::Connect => match uri::split_port(target) {
                (host, Some(port)) if !host.is_empty() && !port.is_empty() => Some(target),
                _ => return bad(Kind::BadTarget),
            },
            _ if target.first() == Some(&b'/') || target == b"*" => None,
            _ => match uri::authority(target) {
                Some(authority) => Some(authority),
                None if relaxed => None,
                None => return bad(Kind::BadTarget),
            },
        };
        let absolute = authority.is_some();
        let mut hosts = self.fields.lines(Known::Host);
        if let Some(host) = hosts.next() {
            let mut several = false;
            for other in hosts {
                several = true;
                if !other.eq_ignore_ascii_case(host) {
                    return bad(Kind::BadHost);
                }
            }
            if let Some(authority) = authority
                && !relaxed
                && !uri::same_authority(uri::scheme(target), authority, host)
            {
                return bad(Kind::BadHost);
            }
            if several {
                // The next hop sees one, as from the original.
                self.fields.keep_first(Known::Host);
            }
        }
        if absolute {
            self.drop_default_port();
        }
        if self.fields.contains(Known::Upgrade)
            && self.fields.first(Known::SecWebsocketKey).is_none_or(|key| key.len() != WEBSOCKET_KEY_LEN)
            && crate::ConnectionOptions::of(&self.fields).upgrade()
            && self.fields.values(Known::Upgrade).any(|v| v.eq_ignore_ascii_case(b"websocket"))
        {
            return bad(Kind::NoWebsocketKey);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    fn head(target: &str) -> RequestHead {
        let mut head = RequestHead::new();
        head.set_line(b"GET", target.as_bytes());
        head
    }

    #[test]
    fn parts_of_the_target_change_alone() {
        for (target, path, query, both) in [
            ("/a?b", "/p?b", "/a?q", "/n?m"),
            ("/a", "/p", "/a?q", "/n?m"),
            ("/a?", "/p?", "/a?q", "/n?m"),
            ("http://h:1/a?b", "http://h:1/p?b", "http://h:1/a?q", "http://h:1/n?m"),
            ("http://h", "http://h/p", "http://h?q", "http://h/n?m"),
            ("*", "/p", "*?q", "/n?m"),
        ] {
            let mut a = head(target);
            a.set_path(b"/p");
            let mut b = head(target);
            b.set_query(b"q");
            let mut c = head(target);
            c.set_path_and_query(b"/n?m");
            assert_eq!(
                (a.target().as_bstr(), b.target().as_bstr(), c.target().as_bstr()),
                (path.into(), query.into(), both.into())
            );
        }
        let mut a = head("/a?b");
        a.set_query(b"");
        assert_eq!(a.target(), b"/a?", "a question mark that was there stays");
        a.set_target(b"/x y\r\n");
        assert_eq!(a.target(), b"/xy");
        a.set_method(b"PUT\r\n");
        assert_eq!((a.method(), a.verb(), a.target()), (&b"PUT"[..], Method::Put, &b"/xy"[..]));
        a.set_method(b" ");
        assert_eq!(a.method(), b"PUT");
    }

    #[test]
    fn paths_are_those_of_the_original() {
        for (target, path, both) in [
            ("/a/b?c=d", "/a/b", "/a/b?c=d"),
            ("*", "", ""),
            ("http://a", "", ""),
            ("http://a/", "/", "/"),
            ("http://a/x?y=z", "/x", "/x?y=z"),
            ("//x/y", "//x/y", "//x/y"),
            ("/a?b?c", "/a", "/a?b?c"),
            ("/?", "/", "/?"),
        ] {
            let head = head(target);
            assert_eq!(
                (head.path().as_bstr(), head.path_and_query().as_bstr()),
                (path.into(), both.into()),
                "{target}"
            );
        }
    }

    #[test]
    fn default_ports_are_left_out() {
        for (line, host, want) in [
            ("GET http://h:80/a", "h:80", "GET http://h/a h"),
            ("GET http://h:80/a", "h", "GET http://h/a h"),
            ("GET http://u:p@h:80/a", "h:80", "GET http://u:p@h/a h"),
            ("GET http://h:8080/a", "h:8080", "GET http://h:8080/a h:8080"),
            ("GET https://h:443/a", "h:", "GET https://h/a h"),
            ("GET https://h:80/a", "h:80", "GET https://h:80/a h:80"),
            ("GET http://h/a", "h:80", "GET http://h/a h:80"),
            ("GET http://h:/a", "h", "GET http://h/a h"),
            ("GET http://:", ":80", "GET http:// "),
            ("GET http://[::1]:80", "[::1]", "GET http://[::1] [::1]"),
            ("GET http://h:8080:80/a", "h:8080:80", "GET http://h:8080:80/a h:8080:80"),
            ("GET http://h::/a", "h::", "GET http://h::/a h::"),
            ("GET /a", "h:80", "GET /a h:80"),
            ("CONNECT h:80", "h:80", "CONNECT h:80 h"),
            ("CONNECT h:443", "h:", "CONNECT h:443 h:"),
            ("CONNECT h:8443", "h:8443", "CONNECT h:8443 h:8443"),
        ] {
            let mut head = RequestHead::new();
            let text = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            crate::parse_request(text.as_bytes(), &mut head, &crate::Limits::default()).expect("valid");
            let host = head.fields().first(Known::Host).unwrap_or_default().as_bstr();
            let got = format!("{} {} {host}", head.method().as_bstr(), head.target().as_bstr());
            assert_eq!(got, want, "{line} with {host}");
        }
    }

    #[test]
    fn equal_hosts_become_one() {
        let mut head = RequestHead::new();
        let text = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: A\r\n\r\n";
        crate::parse_request(text, &mut head, &crate::Limits::default()).expect("valid");
        assert_eq!(head.fields().len(), 2);
        assert_eq!(head.host(), Some(&b"a"[..]));
    }
}
