//! Addresses as configurations write them (configuration manual §11 "Address formats"): `*:80`, `:80-81`, `[::]:80`,
//! `unix@/run/x`, `abns@name`, `fd@3`, `stream+ipv4@host:80`. One parser for binds, servers, logs and sources; each
//! says which forms it takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use evenkeel_base::{Diagnostic, Word};
use evenkeel_plan::Addr;

use super::context::Ctx;
use super::run::refused;

/// Longest path of a UNIX socket, bytes: what fits into the kernel's `sun_path` with its NUL.
const UNIX_PATH_MAX: usize = 107;

/// A host before names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostText {
    /// Nothing or `*`: any address of the family (IPv4 where none is named).
    Any,
    /// An address.
    Ip(IpAddr),
    /// A name.
    Name(String),
}

/// What stands behind the last colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortText {
    /// Nothing.
    None,
    /// A number.
    One(u16),
    /// `80-81`.
    Range(u16, u16),
    /// `+10`, `-10`.
    Offset(i32),
}

/// An address as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// IPv4, IPv6, or a name that leads there.
    Inet {
        /// Where.
        host: HostText,
        /// `ipv4@` (4), `ipv6@` (6).
        family: Option<u8>,
        /// Which port.
        port: PortText,
    },
    /// Anything without a port.
    Local(Addr),
}

/// Datagrams or a stream, where the prefix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Not said.
    Unsaid,
    /// `stream+`, `tcp@`, `uxst@`.
    Stream,
    /// `dgram+`, `udp@`, `uxdg@`.
    Datagram,
}

/// What a prefix such as `ipv6@` says.
struct Prefix {
    name: &'static str,
    form: Form,
    flow: Flow,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Inet(Option<u8>),
    Unix,
    Abstract { short: bool },
    Fd,
    Refused(&'static str),
}

const fn prefix(name: &'static str, form: Form, flow: Flow) -> Prefix {
    Prefix { name, form, flow }
}

const PREFIXES: &[Prefix] = &[
    prefix("ipv4@", Form::Inet(Some(4)), Flow::Unsaid),
    prefix("ipv6@", Form::Inet(Some(6)), Flow::Unsaid),
    prefix("ip@", Form::Inet(None), Flow::Unsaid),
    prefix("tcp@", Form::Inet(None), Flow::Stream),
    prefix("tcp4@", Form::Inet(Some(4)), Flow::Stream),
    prefix("tcp6@", Form::Inet(Some(6)), Flow::Stream),
    prefix("udp@", Form::Inet(None), Flow::Datagram),
    prefix("udp4@", Form::Inet(Some(4)), Flow::Datagram),
    prefix("udp6@", Form::Inet(Some(6)), Flow::Datagram),
    prefix("unix@", Form::Unix, Flow::Unsaid),
    prefix("uxst@", Form::Unix, Flow::Stream),
    prefix("uxdg@", Form::Unix, Flow::Datagram),
    prefix("abns@", Form::Abstract { short: false }, Flow::Unsaid),
    prefix("abnsz@", Form::Abstract { short: true }, Flow::Unsaid),
    prefix("fd@", Form::Fd, Flow::Unsaid),
    prefix("mptcp@", Form::Refused("not built yet: MPTCP"), Flow::Stream),
    prefix("mptcp4@", Form::Refused("not built yet: MPTCP"), Flow::Stream),
    prefix("mptcp6@", Form::Refused("not built yet: MPTCP"), Flow::Stream),
    prefix("quic4@", Form::Refused("not built yet: QUIC"), Flow::Stream),
    prefix("quic6@", Form::Refused("not built yet: QUIC"), Flow::Stream),
    prefix("sockpair@", Form::Refused("not built yet: socket pairs"), Flow::Stream),
    prefix("rhttp@", Form::Refused("not built yet: reverse HTTP"), Flow::Stream),
    prefix("rev@", Form::Refused("not built yet: reverse HTTP"), Flow::Stream),
    prefix("ring@", Form::Refused("not built yet: rings"), Flow::Unsaid),
];

fn wrong(ctx: &Ctx<'_>, word: &Word, message: &str) -> Diagnostic {
    Diagnostic::error("bad-address", format!("'{}' : {message} in '{word}'", ctx.keyword), word.span)
}

/// Reads one address. Variables are expanded even outside quotes, as the original does.
pub(crate) fn parse(ctx: &Ctx<'_>, word: &Word) -> Result<(Written, Flow), Diagnostic> {
    let expanded = ctx.env.expand(word.bytes());
    let text = String::from_utf8(expanded.into()).map_err(|_| wrong(ctx, word, "invalid address"))?;
    let (mut rest, mut flow) = match text.strip_prefix("stream+") {
        Some(rest) => (rest, Flow::Stream),
        None => match text.strip_prefix("dgram+") {
            Some(rest) => (rest, Flow::Datagram),
            None => (text.as_str(), Flow::Unsaid),
        },
    };
    let mut form = Form::Inet(None);
    if let Some(known) = PREFIXES.iter().find(|p| rest.starts_with(p.name)) {
        rest = &rest[known.name.len()..];
        form = known.form;
        if flow == Flow::Unsaid {
            flow = known.flow;
        }
        if let Form::Refused(reason) = form {
            return Err(refused(known.name, reason, word.span));
        }
    } else if rest.starts_with('/') {
        form = Form::Unix;
    } else if let Some((unknown, _)) = rest.split_once('@') {
        return Err(wrong(ctx, word, &format!("invalid address: '{unknown}@'")).help(
            "Known prefixes are ipv4@, ipv6@, tcp@, udp@, unix@, abns@, abnsz@, fd@, stream+ and dgram+.",
        ));
    }
    let written = match form {
        Form::Unix if rest.len() > UNIX_PATH_MAX => {
            let message = format!("socket path '{rest}' too long (max {UNIX_PATH_MAX})");
            return Err(Diagnostic::error(
                "bad-address",
                format!("'{}' : {message}", ctx.keyword),
                word.span,
            ));
        }
        Form::Unix => Written::Local(Addr::Unix(PathBuf::from(rest))),
        Form::Abstract { short } if rest.len() <= UNIX_PATH_MAX => {
            Written::Local(Addr::Abstract { name: rest.as_bytes().to_vec(), short })
        }
        Form::Abstract { .. } => return Err(wrong(ctx, word, "socket name too long")),
        Form::Fd => match rest.parse::<i32>() {
            Ok(fd) if fd >= 0 => Written::Local(Addr::Fd(fd)),
            _ => return Err(wrong(ctx, word, &format!("file descriptor '{rest}' is not a valid integer"))),
        },
        Form::Inet(family) => inet(ctx, word, rest, family)?,
        Form::Refused(_) => return Err(wrong(ctx, word, "invalid address")), // left above
    };
    Ok((written, flow))
}

fn inet(ctx: &Ctx<'_>, word: &Word, text: &str, family: Option<u8>) -> Result<Written, Diagnostic> {
    let (host, port) = split_port(text);
    let port = match port {
        None | Some("") => PortText::None,
        Some(port) => port_text(port).ok_or_else(|| {
            let what = if port.contains('-') { "invalid port range" } else { "invalid port" };
            Diagnostic::error("bad-address", format!("'{}' : {what} '{port}'", ctx.keyword), word.span)
        })?,
    };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let host = if bare.is_empty() || bare == "*" {
        HostText::Any
    } else if let Ok(ip) = bare.parse::<IpAddr>() {
        HostText::Ip(ip)
    } else if bare.contains(':') || !is_host_name(bare) {
        return Err(wrong(ctx, word, &format!("invalid address: '{bare}'")));
    } else {
        HostText::Name(bare.to_owned())
    };
    match (&host, family) {
        (HostText::Ip(IpAddr::V4(_)), Some(6)) | (HostText::Ip(IpAddr::V6(_)), Some(4)) => {
            Err(wrong(ctx, word, &format!("invalid address: '{bare}'")))
        }
        (HostText::Any | HostText::Ip(_) | HostText::Name(_), _) => Ok(Written::Inet { host, family, port }),
    }
}

/// Cuts at the last colon that is not within `[…]`. A bare IPv6 address without brackets ends with its port, as in the
/// original, except where that leaves no address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let tail = text.rfind(']').map_or(0, |at| at + 1);
    match text[tail..].rfind(':') {
        None => (text, None),
        Some(at) => {
            let (host, port) = text.split_at(tail + at);
            let whole_is_address =
                host.contains(':') && !host.starts_with('[') && host.parse::<IpAddr>().is_err();
            if whole_is_address && text.parse::<IpAddr>().is_ok() {
                return (text, None);
            }
            (host, Some(&port[1..]))
        }
    }
}

fn port_text(text: &str) -> Option<PortText> {
    if let Some(offset) = text.strip_prefix('+') {
        return offset.parse::<u16>().ok().map(|n| PortText::Offset(i32::from(n)));
    }
    if let Some(offset) = text.strip_prefix('-') {
        return offset.parse::<u16>().ok().map(|n| PortText::Offset(-i32::from(n)));
    }
    match text.split_once('-') {
        None => text.parse().ok().map(PortText::One),
        Some((from, to)) => {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to).then_some(PortText::Range(from, to))
        }
    }
}

fn is_host_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The address of any interface.
pub(crate) fn any(family: Option<u8>) -> IpAddr {
    match family {
        Some(6) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(_) | None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// A host's address, looked up now if it is a name.
pub(crate) fn resolve(
    ctx: &Ctx<'_>,
    word: &Word,
    host: &HostText,
    family: Option<u8>,
) -> Result<IpAddr, Diagnostic> {
    match host {
        HostText::Any => Ok(any(family)),
        HostText::Ip(ip) => Ok(*ip),
        HostText::Name(name) => {
            let suits = |ip: &IpAddr| match family {
                Some(4) => ip.is_ipv4(),
                Some(_) => ip.is_ipv6(),
                None => true,
            };
            ctx.outside.resolve(name).into_iter().find(suits).ok_or_else(|| {
                Diagnostic::error(
                    "unknown-host",
                    format!("'{}' : invalid address: '{name}' in '{word}'", ctx.keyword),
                    word.span,
                )
                .note("this name has no address here")
            })
        }
    }
}

/// One stream or datagram address with exactly one port, for `source`, `addr`, `dispatch`, `log`. `port` is taken
/// where none is written; `None`: it is an error then.
pub(crate) fn one(ctx: &Ctx<'_>, word: &Word, port: Option<u16>) -> Result<(Addr, Flow), Diagnostic> {
    let (written, flow) = parse(ctx, word)?;
    let addr = match written {
        Written::Local(addr) => addr,
        Written::Inet { host, family, port: written } => {
            let ip = resolve(ctx, word, &host, family)?;
            let port = match (written, port) {
                (PortText::One(port), _) => port,
                (PortText::None, Some(port)) => port,
                (PortText::None, None) => return Err(wrong(ctx, word, "missing port specification")),
                (PortText::Range(..), _) => return Err(wrong(ctx, word, "port range not permitted here")),
                (PortText::Offset(_), _) => return Err(wrong(ctx, word, "port offset not permitted here")),
            };
            Addr::Inet(SocketAddr::new(ip, port))
        }
    };
    Ok((addr, flow))
}

/// The addresses of a `bind` line's first word: several with commas, port ranges spread out.
pub(crate) fn listening(
    ctx: &Ctx<'_>,
    word: &Word,
    prefix: Option<&PathBuf>,
) -> Result<Vec<Addr>, Diagnostic> {
    let mut addrs = Vec::new();
    let mut start = 0;
    for part in word.bytes().split(|b| *b == b',') {
        let end = start + part.len();
        let piece = word.part(start, end);
        start = end + 1;
        if piece.bytes().is_empty() {
            continue; // the original passes over `:80,`
        }
        let (written, flow) = parse(ctx, &piece)?;
        if flow == Flow::Datagram {
            return Err(wrong(ctx, &piece, "dgram-type address not acceptable"));
        }
        match written {
            Written::Local(Addr::Unix(path)) => {
                let full = prefix
                    .map(|prefix| [prefix.as_os_str(), path.as_os_str()].join(std::ffi::OsStr::new("")));
                addrs.push(Addr::Unix(full.map_or(path, PathBuf::from)));
            }
            Written::Local(addr) => addrs.push(addr),
            Written::Inet { host, family, port } => {
                let (from, to) = match port {
                    PortText::One(0) | PortText::Range(0, _) => {
                        return Err(wrong(ctx, &piece, "invalid port '0'"));
                    }
                    PortText::One(port) => (port, port),
                    PortText::Range(from, to) => (from, to),
                    PortText::None => return Err(wrong(ctx, &piece, "missing port specification")),
                    PortText::Offset(_) => return Err(wrong(ctx, &piece, "port offset not permitted here")),
                };
                let ip = resolve(ctx, &piece, &host, family)?;
                addrs.extend((from..=to).map(|port| Addr::Inet(SocketAddr::new(ip, port))));
            }
        }
    }
    if addrs.is_empty() {
        return Err(wrong(ctx, word, "missing address"));
    }
    Ok(addrs)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn forms_of_addresses() {
        let mut text = "listen l\n".to_owned();
        for address in [
            "*:80",
            ":81",
            "0.0.0.0:82-83,127.0.0.1:84",
            "[::]:85",
            ":::86",
            "::1:87",
            "ipv6@*:88",
            "ipv4@:89",
            "tcp@:90",
            "stream+127.0.0.1:91",
            "/run/x",
            "unix@/run/y",
            "abns@a",
            "abnsz@b",
            "fd@7",
            "localhost:92",
            ":93,",
        ] {
            text.push_str(&format!(" bind {address}\n"));
        }
        let plan = plan_of(&text);
        let got: Vec<String> = plan.listeners.iter().map(|l| format!("{} {}", l.number, l.addr)).collect();
        expect![[r#"
            1 0.0.0.0:80
            2 0.0.0.0:81
            3 0.0.0.0:82
            4 0.0.0.0:83
            5 127.0.0.1:84
            6 [::]:85
            7 [::]:86
            8 [::1]:87
            9 [::]:88
            10 0.0.0.0:89
            11 0.0.0.0:90
            12 127.0.0.1:91
            13 /run/x
            14 /run/y
            15 abns@a
            16 abns@b
            17 fd@7
            18 127.0.0.1:92
            19 0.0.0.0:93"#]]
        .assert_eq(&got.join("\n"));
    }

    #[test]
    fn faults_in_addresses() {
        let mut text = "listen l\n".to_owned();
        for address in [
            "127.0.0.1",
            "127.0.0.1:",
            ":",
            "*",
            "[::1]",
            "::1",
            ":0",
            ":80-70",
            ":99999",
            ":+5",
            "fd@x",
            "fd@-1",
            "udp@:80",
            "quic4@:443",
            "sockpair@3",
            "foo@1:80",
            "nowhere.invalid:80",
            "ipv6@1.2.3.4:80",
            "1.2.3.4:80a",
            "é:80",
        ] {
            text.push_str(&format!(" bind {address}\n"));
        }
        says(
            &text,
            expect![[r#"
                W 1:1 no-bind: proxy 'l' has no 'bind' directive. Please declare it as a backend if this was intended.
                W 1:1 missing-timeouts: missing timeouts for proxy 'l'.
                E 2:7 bad-address: 'bind' : missing port specification in '127.0.0.1'
                E 3:7 bad-address: 'bind' : missing port specification in '127.0.0.1:'
                E 4:7 bad-address: 'bind' : missing port specification in ':'
                E 5:7 bad-address: 'bind' : missing port specification in '*'
                E 6:7 bad-address: 'bind' : missing port specification in '[::1]'
                E 7:7 bad-address: 'bind' : missing port specification in '::1'
                E 8:7 bad-address: 'bind' : invalid port '0' in ':0'
                E 9:7 bad-address: 'bind' : invalid port range '80-70'
                E 10:7 bad-address: 'bind' : invalid port '99999'
                E 11:7 bad-address: 'bind' : port offset not permitted here in ':+5'
                E 12:7 bad-address: 'bind' : file descriptor 'x' is not a valid integer in 'fd@x'
                E 13:7 bad-address: 'bind' : file descriptor '-1' is not a valid integer in 'fd@-1'
                E 14:7 bad-address: 'bind' : dgram-type address not acceptable in 'udp@:80'
                E 15:7 refused: 'quic4@' cannot be used: not built yet: QUIC
                E 16:7 refused: 'sockpair@' cannot be used: not built yet: socket pairs
                E 17:7 bad-address: 'bind' : invalid address: 'foo@' in 'foo@1:80'
                E 18:7 unknown-host: 'bind' : invalid address: 'nowhere.invalid' in 'nowhere.invalid:80'
                E 19:7 bad-address: 'bind' : invalid address: '1.2.3.4' in 'ipv6@1.2.3.4:80'
                E 20:7 bad-address: 'bind' : invalid port '80a'
                E 21:7 bad-address: 'bind' : invalid address: 'é' in 'é:80'
            "#]],
        );
    }
}
