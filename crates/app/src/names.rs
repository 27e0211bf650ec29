//! Servers' names become addresses once, before the start (`init-addr`). Where the file does not say how, a name that is
//! unknown is a warning and stops only its own server, which the running proxy tries again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_base::{Diagnostic, ServerId};
use evenkeel_plan::server::Resolve;
use evenkeel_plan::{Host, Plan, Server};

/// What servers are called where no line says how to find them; the state file is not read yet.
const BY_DEFAULT: &[Resolve] = &[Resolve::Last, Resolve::Libc];

/// How a name was found, or was not.
enum Found {
    At(IpAddr),
    /// The first method failed, a later one gave this.
    FellBack(IpAddr),
    /// `none` says to start without; `true`: after another method failed.
    Without(bool),
    /// All methods failed.
    Unknown,
    /// There was no method to try.
    NoMethod,
}

/// The names that the system is asked for: of servers whose `init-addr` may come to that.
pub(crate) fn asked(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.servers.iter().filter_map(|server| match &server.addr.host {
        Host::Name { name, .. } => methods(server).contains(&Resolve::Libc).then_some(name.as_str()),
        Host::Addr(_) => None,
    })
}

fn methods(server: &Server) -> &[Resolve] {
    server.line.init_addr.as_deref().unwrap_or(BY_DEFAULT)
}

/// Looks all names up. `lenient` is `-dr`: none has to be known.
pub(crate) fn look_up(
    plan: &Plan,
    lenient: bool,
    system: &dyn Fn(&str) -> Vec<IpAddr>,
) -> (Vec<(ServerId, IpAddr)>, Vec<Diagnostic>) {
    let mut known: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
    let mut addresses = Vec::new();
    let mut diagnostics = Vec::new();
    for server in &plan.servers {
        let Host::Name { name, family } = &server.addr.host else { continue };
        let mut once = |name| known.entry(name).or_insert_with(|| system(name)).clone();
        let found = find(server, name, *family, &mut once);
        match &found {
            Found::At(ip) | Found::FellBack(ip) => addresses.push((server.id, *ip)),
            Found::Without(_) | Found::Unknown | Found::NoMethod => {}
        }
        diagnostics.extend(judge(&plan.proxy(server.backend).name, server, name, &found, lenient));
    }
    (addresses, diagnostics)
}

fn find<'a>(
    server: &Server,
    name: &'a str,
    family: Option<u8>,
    system: &mut dyn FnMut(&'a str) -> Vec<IpAddr>,
) -> Found {
    let suits = |ip: &IpAddr| match family {
        Some(4) => ip.is_ipv4(),
        Some(6) => ip.is_ipv6(),
        Some(_) | None => true,
    };
    let mut tried = false;
    for method in methods(server) {
        match method {
            Resolve::Last => {}
            Resolve::Libc => {
                let all: Vec<IpAddr> = system(name).into_iter().filter(suits).collect();
                let preferred = all.iter().find(|ip| server.line.prefer_v4 && ip.is_ipv4());
                if let Some(ip) = preferred.or(all.first()) {
                    return Found::At(*ip);
                }
                tried = true;
            }
            Resolve::None => return Found::Without(tried),
            Resolve::Ip(ip) if tried => return Found::FellBack(*ip),
            Resolve::Ip(ip) => return Found::At(*ip),
        }
    }
    if tried { Found::Unknown } else { Found::NoMethod }
}

/// What is to be said of it: the original's words, and what they mean here.
fn judge(backend: &str, server: &Server, name: &str, found: &Found, lenient: bool) -> Option<Diagnostic> {
    let who = format!("'server {backend}/{}'", server.name);
    let said = server.line.init_addr.is_some();
    let unknown = format!("{who} : could not resolve address '{name}'");
    let warning = |text: String| Diagnostic::warning("unresolved-server", text, server.span);
    match found {
        Found::At(_) => None,
        Found::FellBack(ip) => Some(warning(format!("{unknown}, falling back to {ip}"))),
        // As the original: `none` alone is what the user wants.
        Found::Without(false) => None,
        Found::Without(true) => Some(warning(format!("{unknown}, disabling server"))),
        Found::Unknown if lenient => Some(warning(format!("{unknown}, disabling server"))),
        Found::Unknown if said => Some(
            Diagnostic::error("unresolved-server", format!("{unknown}."), server.span)
                .help("Add `none` to init-addr to start without it."),
        ),
        Found::Unknown => {
            Some(warning(format!("{unknown}, disabling server")).help(
                "It is tried again while running; `init-addr` on the server line says what else to do.",
            ))
        }
        Found::NoMethod if lenient => Some(warning(format!("{unknown}, disabling server"))),
        Found::NoMethod => Some(Diagnostic::error(
            "unresolved-server",
            format!("{who} : no method found to resolve address '{name}'."),
            server.span,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_base::{Level, ProxyId, Span};
    use evenkeel_plan::addr::PortRule;
    use evenkeel_plan::{HostAddr, ServerLine};

    fn server(name: &str, init_addr: Option<Vec<Resolve>>) -> Server {
        Server {
            id: ServerId(0),
            backend: ProxyId(0),
            slot: 0,
            name: "s".to_string(),
            number: 1,
            addr: HostAddr {
                host: Host::Name { name: name.to_string(), family: None },
                port: PortRule::Fixed(80),
            },
            fallback_check_port: None,
            line: ServerLine { init_addr, ..ServerLine::default() },
            span: Span::default(),
        }
    }

    #[test]
    fn methods_are_tried_in_order() {
        let here = IpAddr::from([127, 0, 0, 9]);
        for (name, methods, lenient, want, level) in [
            ("known", None, false, Some([10, 0, 0, 1]), None),
            ("nosuch", None, false, None, Some(Level::Warning)),
            ("nosuch", Some(vec![Resolve::Libc]), false, None, Some(Level::Error)),
            ("nosuch", Some(vec![Resolve::Libc]), true, None, Some(Level::Warning)),
            (
                "nosuch",
                Some(vec![Resolve::Last, Resolve::Libc, Resolve::None]),
                false,
                None,
                Some(Level::Warning),
            ),
            ("nosuch", Some(vec![Resolve::Last]), false, None, Some(Level::Error)),
            (
                "nosuch",
                Some(vec![Resolve::Libc, Resolve::Ip(here)]),
                false,
                Some([127, 0, 0, 9]),
                Some(Level::Warning),
            ),
            ("known", Some(vec![Resolve::Ip(here), Resolve::Libc]), false, Some([127, 0, 0, 9]), None),
        ] {
            let server = server(name, methods.clone());
            let mut system = |name: &str| match name {
                "known" => vec![IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])],
                _ => Vec::new(),
            };
            let found = find(&server, name, None, &mut system);
            let said = judge("b", &server, name, &found, lenient);
            let at = match found {
                Found::At(ip) | Found::FellBack(ip) => Some(ip),
                Found::Without(_) | Found::Unknown | Found::NoMethod => None,
            };
            assert_eq!((at, said.map(|d| d.level)), (want.map(IpAddr::from), level), "{name} {methods:?}");
        }
    }
}
