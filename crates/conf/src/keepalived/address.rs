//! Lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`; and address words of other lines.

use std::net::{IpAddr, Ipv4Addr};

use evenkeel_base::{Word, Words};
use evenkeel_plan::keeper::address::{Address, Scope};
use evenkeel_vrrp::conf::InterfaceId;

use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::track;

/// `IFA_F_…` of `linux/if_addr.h`.
const HOME: u32 = 0x10;
const NO_DAD: u32 = 0x02;
const TEMPORARY: u32 = 0x100;
const NO_PREFIX_ROUTE: u32 = 0x200;
const AUTO_JOIN: u32 = 0x400;

/// Longest label: as an interface's name.
const LABEL_MAX: usize = 15;

/// Where an address line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an instance, on this interface where the line names none.
    Instance(Option<InterfaceId>),
    /// In `static_ipaddress`.
    Static,
}

/// An address with a prefix length, which is the whole address where it is not written.
pub(crate) fn network(ctx: &mut Ctx<'_>, word: &Word) -> Option<(IpAddr, u8)> {
    let text = word.str();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (&*text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        let finding = Finding::tolerated(
            "bad-address",
            format!("VRRP parsed invalid IP {text}. skipping IP..."),
            word.span,
        );
        ctx.report(match text.chars().find(|c| matches!(c, ',' | ';')) {
            Some(mark) => finding.note(format!("no `{mark}`: one address a line")),
            None => finding.note("no IPv4 or IPv6 address"),
        });
        return None;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None | Some("") => most,
        Some(prefix) => match prefix.parse::<u8>().ok().filter(|n| *n <= most) {
            Some(number) => number,
            None => {
                let message =
                    format!("Invalid address prefix len {prefix} for address {text} - using {most}");
                let finding = Finding::adjusted("bad-prefix", message, word.span);
                ctx.report(match mask(prefix) {
                    Some(length) => finding.note(format!("a length, not a mask: {address}/{length}")),
                    None => finding,
                });
                most
            }
        },
    };
    Some((address, prefix))
}

/// The length of a dotted mask.
fn mask(text: &str) -> Option<u32> {
    let bits = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() == 32 || bits == u32::MAX).then(|| bits.leading_ones())
}

/// An address line. `None`: it is dropped, and why has been said. The second part is its `track_group`.
pub(crate) fn line(
    d: &mut Draft,
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    place: Place,
) -> Option<(Address, Option<String>)> {
    let first = words.next()?;
    let (ip, prefix) = network(ctx, first)?;
    let text = first.str().into_owned();
    let mut address = Address {
        ip,
        prefix,
        interface: InterfaceId(0),
        broadcast: None,
        scope: Scope::GLOBAL,
        label: None,
        peer: None,
        preferred_lifetime_s: (ip.is_ipv6() && prefix == 128).then_some(0),
        // The original's default, virtual and static alike: an address that is tentative answers nobody.
        flags: if ip.is_ipv6() { NO_DAD } else { 0 },
        no_track: false,
        use_vmac: false,
        span: ctx.line,
    };
    let mut interface = None;
    let mut group = None;
    while let Some(word) = words.next() {
        let name = word.str();
        let needs = ["dev", "brd", "broadcast", "scope", "label", "peer", "preferred_lft"].contains(&&*name)
            || (name == "track_group" && place == Place::Static);
        if needs {
            let Some(value) = words.next() else {
                let message = format!("No {name} parameter specified for {text}");
                ctx.report(Finding::tolerated("missing-value", message, word.span));
                return None;
            };
            match &*name {
                "dev" if interface.is_some() => {
                    let message = format!("Cannot specify ipaddress device more than once for {text}");
                    ctx.report(Finding::tolerated("twice", message, word.span));
                    return None;
                }
                "dev" => {
                    let message = format!("WARNING - interface {value} for ip address {text} doesn't exist");
                    interface = Some(track::interface(d, ctx, value, message));
                }
                "scope" => scope_of(ctx, &mut address, value, &text),
                "label" if value.bytes().len() > LABEL_MAX => {
                    let message = format!(
                        "Address label {value} is longer than maximum length {LABEL_MAX} - removing address"
                    );
                    ctx.report(Finding::tolerated("label-too-long", message, value.span));
                    return None;
                }
                "label" => address.label = Some(value.str().into_owned()),
                "peer" => peer(ctx, &mut address, value),
                "preferred_lft" => lifetime(ctx, &mut address, value),
                "track_group" => group = static_group(d, ctx, value),
                _ => {
                    if !broadcast(ctx, &mut address, value) {
                        return None;
                    }
                }
            }
            continue;
        }
        match &*name {
            "home" => address.flags |= HOME,
            "-nodad" => address.flags &= !NO_DAD,
            "mngtmpaddr" => address.flags |= TEMPORARY,
            "noprefixroute" => address.flags |= NO_PREFIX_ROUTE,
            "autojoin" => address.flags |= AUTO_JOIN,
            "no_track" => address.no_track = true,
            "use_vmac" if place != Place::Static => address.use_vmac = true,
            _ => {
                let message = format!("Unknown configuration entry '{name}' for ip address - ignoring");
                let finding = Finding::tolerated("unknown-option", message, word.span);
                ctx.report(match name.parse::<IpAddr>() {
                    Ok(_) => finding.note("one address a line"),
                    Err(_) => finding,
                });
            }
        }
    }
    address.interface = match (interface, place) {
        (Some(id), _) => id,
        (None, Place::Instance(Some(id))) => id,
        (None, Place::Instance(None) | Place::Static) => {
            let name = d.defaults.interface.clone().unwrap_or_else(|| "eth0".to_owned());
            d.interfaces.id(&name)
        }
    };
    Some((address, group))
}

/// A `track_group` of a static line, which must be defined above.
pub(crate) fn static_group(d: &Draft, ctx: &mut Ctx<'_>, word: &Word) -> Option<String> {
    let name = word.str();
    if d.static_groups.iter().any(|(known, _)| *known == name) {
        return Some(name.into_owned());
    }
    ctx.report(Finding::tolerated("unknown-name", format!("track_group {name} not found"), word.span));
    None
}

/// A scope by name or number.
pub(crate) fn scope(text: &str) -> Option<Scope> {
    match text {
        "global" => Some(Scope::GLOBAL),
        "site" => Some(Scope::SITE),
        "link" => Some(Scope::LINK),
        "host" => Some(Scope::HOST),
        "nowhere" => Some(Scope::NOWHERE),
        number => number.parse().ok().map(Scope),
    }
}

fn scope_of(ctx: &mut Ctx<'_>, address: &mut Address, value: &Word, text: &str) {
    match scope(&value.str()) {
        Some(scope) => address.scope = scope,
        None => {
            let message = format!("Invalid scope '{value}' specified for {text} - ignoring");
            ctx.report(
                Finding::tolerated("bad-value", message, value.span)
                    .note("global, site, link, host, nowhere or a number"),
            );
        }
    }
}

fn peer(ctx: &mut Ctx<'_>, address: &mut Address, value: &Word) {
    let text = value.str();
    match text.parse::<IpAddr>() {
        Ok(peer) if peer.is_ipv4() == address.ip.is_ipv4() => {
            let whole = if peer.is_ipv4() { 32 } else { 128 };
            address.peer = Some((peer, whole));
        }
        Ok(_) => {
            let message = format!("Peer address {text} does not match address family");
            ctx.report(Finding::tolerated("mixed-families", message, value.span));
        }
        Err(_) => {
            let finding =
                Finding::tolerated("bad-address", format!("Invalid peer address {text}"), value.span);
            ctx.report(if text.contains('/') { finding.note("without a prefix length") } else { finding });
        }
    }
}

fn lifetime(ctx: &mut Ctx<'_>, address: &mut Address, value: &Word) {
    if value.is("forever") {
        address.preferred_lifetime_s = None;
        return;
    }
    match value.str().parse::<u32>() {
        Ok(seconds) => address.preferred_lifetime_s = Some(seconds),
        Err(_) => {
            let message = format!("preferred_lft {value} is invalid");
            ctx.report(Finding::tolerated("bad-value", message, value.span).note("seconds, or forever"));
        }
    }
}

/// `brd`: an address, `+` or `-` for host bits of ones or zeros. False: the whole line is dropped.
fn broadcast(ctx: &mut Ctx<'_>, address: &mut Address, value: &Word) -> bool {
    let text = value.str();
    if let ("+" | "-", IpAddr::V4(ip)) = (&*text, address.ip) {
        if address.prefix > 30 {
            let message = format!("Address prefix length {} too long for broadcast", address.prefix);
            ctx.report(Finding::tolerated("bad-value", message, value.span));
            return true;
        }
        let host = u32::MAX.checked_shr(u32::from(address.prefix)).unwrap_or(0);
        let bits = u32::from(ip);
        let bits = if text == "+" { bits | host } else { bits & !host };
        address.broadcast = Some(IpAddr::from(Ipv4Addr::from(bits)));
        return true;
    }
    match text.parse::<Ipv4Addr>() {
        Ok(ip) if address.ip.is_ipv4() => {
            address.broadcast = Some(ip.into());
            true
        }
        Ok(_) => {
            let message = "VRRP is trying to assign a broadcast address to an IPv6 address".to_owned();
            ctx.report(Finding::tolerated("mixed-families", message, value.span));
            true
        }
        Err(_) => {
            let message = format!("VRRP is trying to assign invalid broadcast {text}. skipping VIP...");
            ctx.report(Finding::tolerated("bad-address", message, value.span));
            false
        }
    }
}
