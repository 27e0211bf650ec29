//! The bytes of an HTTP check's request, as the original puts them: header names in lower case, the length worked out,
//! `connection: close` where the version keeps connections open.

use bstr::ByteSlice;

use crate::script::HttpRequest;

/// The request with `state`, the value of `send-state`'s header.
pub(crate) fn render(request: &HttpRequest, state: Option<&[u8]>) -> Vec<u8> {
    let keeps_alive = request.version.as_slice() > b"HTTP/1.0".as_slice();
    let mut out = Vec::with_capacity(256 + request.body.len());
    out.extend_from_slice(&request.method);
    out.push(b' ');
    push_uri(&mut out, request);
    out.push(b' ');
    out.extend_from_slice(if keeps_alive { b"HTTP/1.1" } else { b"HTTP/1.0" });
    out.extend_from_slice(b"\r\n");
    let mut connection: Option<&[u8]> = None;
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        match name.as_slice() {
            b"content-length" | b"transfer-encoding" => {}
            b"connection" => connection = Some(value),
            _ => push_header(&mut out, &name, value),
        }
    }
    if let Some(state) = state {
        push_header(&mut out, b"x-haproxy-server-state", state);
    }
    if !request.body.is_empty() {
        push_header(&mut out, b"content-length", request.body.len().to_string().as_bytes());
    }
    // Only what differs from the version's own way is said.
    match (keeps_alive, connection.map(<[u8]>::to_ascii_lowercase).as_deref()) {
        (true, None | Some(b"close")) => push_header(&mut out, b"connection", b"close"),
        (false, Some(b"keep-alive")) => push_header(&mut out, b"connection", b"keep-alive"),
        (true, Some(b"keep-alive")) | (false, None | Some(b"close")) => {}
        (true | false, Some(other)) => push_header(&mut out, b"connection", other),
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&request.body);
    out
}

/// A `host` header also names the authority of an absolute URI.
fn push_uri(out: &mut Vec<u8>, request: &HttpRequest) {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let scheme_end = request.uri.find(b"://").filter(|_| request.uri.first() != Some(&b'/'));
    match (host, scheme_end) {
        (Some((_, host)), Some(at)) => {
            let rest = &request.uri[at + 3..];
            let path = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
            out.extend_from_slice(&request.uri[..at + 3]);
            out.extend_from_slice(host);
            out.extend_from_slice(&rest[path..]);
        }
        (None, _) | (Some(_), None) => out.extend_from_slice(&request.uri),
    }
}

fn push_header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    /// Every row was seen on the wire from HAProxy 2.6.
    #[test]
    fn requests_as_the_original_sends_them() {
        let httpchk = |words: &[&str]| preset::httpchk(words);
        let with = |mut request: HttpRequest, headers: &[(&str, &str)], body: &str| {
            request
                .headers
                .extend(headers.iter().map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec())));
            request.body = body.into();
            request
        };
        let rows: &[(HttpRequest, Option<&str>, &str)] = &[
            (httpchk(&[]), None, "OPTIONS / HTTP/1.0\r\n\r\n"),
            (httpchk(&["/x"]), None, "OPTIONS /x HTTP/1.0\r\n\r\n"),
            (httpchk(&["GET", "/x"]), None, "GET /x HTTP/1.0\r\n\r\n"),
            (httpchk(&["HEAD", "/x", "HTTP/1.1"]), None, "HEAD /x HTTP/1.1\r\nconnection: close\r\n\r\n"),
            (httpchk(&["GET", "/", "HTTP/2.0"]), None, "GET / HTTP/1.1\r\nconnection: close\r\n\r\n"),
            (
                httpchk(&["GET", "/", "HTTP/1.1\r\nHost: a\r\n\r\nbody"]),
                None,
                "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
            ),
            (with(httpchk(&[]), &[("Connection", "close")], ""), None, "OPTIONS / HTTP/1.0\r\n\r\n"),
            (
                with(httpchk(&[]), &[("Connection", "keep-alive")], ""),
                None,
                "OPTIONS / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            ),
            (
                httpchk(&["GET", "/x", "HTTP/1.1\r\nHost: www"]),
                None,
                "GET /x HTTP/1.1\r\nhost: www\r\nconnection: close\r\n\r\n",
            ),
            (
                httpchk(&["GET", "/x", "HTTP/1.1\r\nHost: www\r\nX-Y: z\r\nConnection: keep-alive"]),
                None,
                "GET /x HTTP/1.1\r\nhost: www\r\nx-y: z\r\n\r\n",
            ),
            (
                with(httpchk(&["GET", "/a", "HTTP/1.1"]), &[("Host", "h"), ("X-a", "b")], "hello"),
                None,
                "GET /a HTTP/1.1\r\nhost: h\r\nx-a: b\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
            ),
            (
                with(httpchk(&[]), &[("Content-Length", "7"), ("transfer-encoding", "chunked")], "abc"),
                None,
                "OPTIONS / HTTP/1.0\r\ncontent-length: 3\r\n\r\nabc",
            ),
            (
                with(httpchk(&["GET", "http://a/b"]), &[("Host", "c")], ""),
                None,
                "GET http://c/b HTTP/1.0\r\nhost: c\r\n\r\n",
            ),
            (
                with(httpchk(&["GET", "/q", "HTTP/1.1"]), &[("Connection", "keep-alive"), ("Host", "x")], ""),
                Some("UP; name=b/s"),
                "GET /q HTTP/1.1\r\nhost: x\r\nx-haproxy-server-state: UP; name=b/s\r\n\r\n",
            ),
        ];
        for (request, state, want) in rows {
            let bytes = render(request, state.map(str::as_bytes));
            assert_eq!(bytes.as_bstr(), want.as_bytes().as_bstr());
        }
    }
}
