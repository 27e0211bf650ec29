//! The scripts behind the options that name a protocol. The bytes are those of the protocols' own documents; what is
//! sent and which answers pass was compared with HAProxy 2.6 on the wire.

use regex::bytes::Regex;

use crate::script::{CodeAt, Connect, Expect, Family, Frame, HttpRequest, Info, Pattern, Script, Step};
use crate::status::Status;

/// `option httpchk [[METHOD] URI [VERSION]]`. Headers and a body may hide behind the version, after CRLF, as old files
/// have them.
pub fn httpchk(words: &[&str]) -> HttpRequest {
    let mut request = HttpRequest::default();
    match words {
        [] => {}
        [uri] => request.uri = (*uri).into(),
        [method, uri, rest @ ..] => {
            request.method = (*method).into();
            request.uri = (*uri).into();
            if let Some(version) = rest.first() {
                set_version(&mut request, version);
            }
        }
    }
    request
}

/// The version, and what hides behind it.
fn set_version(request: &mut HttpRequest, text: &str) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.split("\r\n");
    if let Some(version) = lines.next().filter(|version| !version.is_empty()) {
        request.version = version.into();
    }
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        request.headers.push((name.trim().into(), value.trim().into()));
    }
    request.body = body.into();
}

/// `option redis-check`.
pub fn redis(opening: Connect) -> Script {
    plain(
        opening,
        vec![
            send(b"*1\r\n$4\r\nPING\r\n".to_vec()),
            expect(Expect {
                error_status: Some(Status::L7Status),
                on_error: Some(Info::LineFrom(0)),
                on_success: Some(Info::Text("Redis server is ok".into())),
                ..Expect::new(Pattern::Text(b"+PONG\r\n".to_vec()))
            }),
        ],
    )
}

/// `option smtpchk [HELO|EHLO domain]`: the greeting, the hello, QUIT. Other hello words mean `HELO localhost`.
pub fn smtp(opening: Connect, hello: Option<(&str, &str)>) -> Script {
    let (word, domain) =
        hello.filter(|(word, _)| matches!(*word, "HELO" | "EHLO")).unwrap_or(("HELO", "localhost"));
    let reply = |pattern: &str, min_recv, error, line| {
        expect(Expect {
            min_recv,
            error_status: Some(error),
            on_error: Some(Info::LineFrom(line)),
            on_success: Some(Info::LineFrom(4)),
            code: Some(CodeAt::Digits),
            ..Expect::new(regex(pattern))
        })
    };
    plain(
        Connect { linger: true, ..opening },
        vec![
            Step::Comment(String::new()),
            reply(r"(?-u)^[0-9]{3}[ \r]", Some(4), Status::L7Response, 0),
            reply(r"(?-u)^2[0-9]{2}[ \r]", Some(4), Status::L7Status, 4),
            send(format!("{word} {domain}\r\n").into_bytes()),
            // EHLO's answer has several lines (RFC 5321 §4.2.1): only the last one has a blank behind its code.
            reply(r"(?-u)^(?:2[0-9]{2}-[^\n]*\n)*2[0-9]{2}[ \r]", None, Status::L7Status, 4),
            send(b"QUIT\r\n".to_vec()),
            reply(r"(?-u)^2[0-9]{2}[- \r]", Some(4), Status::L7Status, 4),
        ],
    )
}

/// `option ssl-hello-chk`: an SSLv3 client hello; an answer that is a handshake or an alert is a TLS server's.
pub fn ssl_hello(opening: Connect) -> Script {
    plain(
        opening,
        vec![
            send(ssl3_client_hello()),
            expect(Expect {
                min_recv: Some(5),
                ok_status: Some(Status::L6Ok),
                error_status: Some(Status::L6Response),
                timeout_status: Some(Status::L6Timeout),
                ..Expect::new(Pattern::BinaryRegex(compiled("^1[56]")))
            }),
        ],
    )
}

/// `option pgsql-check user NAME`: a startup message; any answer but an error is a server's.
pub fn pgsql(opening: Connect, user: &str) -> Script {
    const PROTOCOL: u32 = 0x0003_0000;
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    body.extend_from_slice(b"user\0");
    body.extend_from_slice(user.as_bytes());
    body.extend_from_slice(b"\0\0");
    let mut bytes = u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    bytes.extend_from_slice(&body);
    plain(
        opening,
        vec![
            send(bytes),
            expect(Expect {
                negate: true,
                min_recv: Some(5),
                error_status: Some(Status::L7Response),
                on_error: Some(Info::LineFrom(6)),
                ..Expect::new(regex("(?-u)^E"))
            }),
            expect(Expect {
                min_recv: Some(9),
                error_status: Some(Status::L7Status),
                on_error: Some(Info::Text("PostgreSQL unknown error".into())),
                on_success: Some(Info::Text("PostgreSQL server is ok".into())),
                ..Expect::new(regex(r"(?s-u)^R\x00\x00\x00[\x08-\xff]\x00\x00\x00"))
            }),
        ],
    )
}

/// `option ldap-check`: an anonymous bind (RFC 4511 §4.2), answered by a bind response that says success.
pub fn ldap(opening: Connect) -> Script {
    const BIND: [u8; 14] =
        [0x30, 0x0c, 0x02, 0x01, 0x01, 0x60, 0x07, 0x02, 0x01, 0x03, 0x04, 0x00, 0x80, 0x00];
    // The envelope and the operation say their lengths in one byte or in up to four more.
    const LENGTH: &str = "(?:[0-7][0-9A-F]|8[0-4](?:[0-9A-F]{2}){0,4})";
    let not_ldap = |pattern: &str, frame| {
        expect(Expect {
            min_recv: Some(14),
            error_status: Some(Status::L7Response),
            on_error: Some(Info::Text("Not LDAPv3 protocol".into())),
            frame,
            ..Expect::new(Pattern::BinaryRegex(compiled(pattern)))
        })
    };
    let response = format!("^30{LENGTH}02010161{LENGTH}0A01");
    plain(
        opening,
        vec![
            send(BIND.to_vec()),
            not_ldap("^30", None),
            not_ldap(&response, Some(Frame::Ber)),
            expect(Expect {
                min_recv: Some(14),
                error_status: Some(Status::L7Status),
                on_error: Some(Info::Text(
                    "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9".into(),
                )),
                on_success: Some(Info::Text("Success".into())),
                code: Some(CodeAt::After(&[0x0a, 0x01])),
                ..Expect::new(Pattern::BinaryRegex(compiled(&format!("{response}00"))))
            }),
        ],
    )
}

/// A TLS record with an SSLv3 client hello that offers every cipher number to 0x1b and 0x2f to 0x3a.
fn ssl3_client_hello() -> Vec<u8> {
    let ciphers: Vec<u16> = (0x01..=0x1b).chain(0x2f..=0x3a).collect();
    let mut hello = vec![0x03, 0x00];
    hello.extend_from_slice(&HELLO_TIME.to_be_bytes());
    hello.extend_from_slice(b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n");
    hello.push(0);
    hello.extend_from_slice(&(2 * ciphers.len() as u16).to_be_bytes());
    hello.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
    hello.extend_from_slice(&[1, 0]);
    let mut out = vec![0x16, 0x03, 0x00];
    out.extend_from_slice(&(hello.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(&[0x01, 0x00]);
    out.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    out.extend_from_slice(&hello);
    out
}

/// The hello's time field; no server looks at it, and a fixed one keeps the check pure.
const HELLO_TIME: u32 = 0x6b01_7079;

fn plain(opening: Connect, steps: Vec<Step>) -> Script {
    Script { family: Family::Plain, opening, steps }
}

fn send(bytes: Vec<u8>) -> Step {
    Step::Send { bytes, comment: None }
}

fn expect(expect: Expect) -> Step {
    Step::Expect(Box::new(expect))
}

fn regex(pattern: &str) -> Pattern {
    Pattern::Regex(compiled(pattern))
}

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern written in this file compiles: the tests build every preset")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_builds_and_says_what_the_original_says() {
        let opening = Connect::default;
        let first_bytes = |script: Script| {
            script.steps.iter().find_map(|step| match step {
                Step::Send { bytes, .. } => Some(bytes.clone()),
                Step::Connect(_) | Step::Request(_) | Step::Expect(_) | Step::Comment(_) => None,
            })
        };
        let mut ssl = b"\x16\x03\x00\x00\x79\x01\x00\x00\x75\x03\x00".to_vec();
        ssl.extend_from_slice(&HELLO_TIME.to_be_bytes());
        ssl.extend_from_slice(b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n\x00\x00\x4e\x00\x01");
        for (script, want) in [
            (redis(opening()), &b"*1\r\n$4\r\nPING\r\n"[..]),
            (smtp(opening(), None), b"HELO localhost\r\n"),
            (smtp(opening(), Some(("EHLO", "my.dom"))), b"EHLO my.dom\r\n"),
            (smtp(opening(), Some(("FOO", "my.dom"))), b"HELO localhost\r\n"),
            (pgsql(opening(), "bob"), b"\0\0\0\x12\0\x03\0\0user\0bob\0\0"),
            (ldap(opening()), b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00"),
            (ssl_hello(opening()), &ssl),
        ] {
            let bytes = first_bytes(script).unwrap_or_default();
            assert_eq!(bytes.get(..want.len()), Some(want));
        }
        assert_eq!(ssl3_client_hello().len(), 126);
    }
}
