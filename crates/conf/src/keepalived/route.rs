//! Lines of `virtual_routes` and `static_routes`: the grammar of `ip route add`, without its abbreviations.

use std::net::IpAddr;

use evenkeel_base::{Word, Words};
use evenkeel_plan::keeper::address::{NextHop, Route, RouteKind};

use super::address::{self, Place, network};
use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::global_files::c_number;
use super::names::{self, Names};
use super::track;

/// `RTPROT_KEEPALIVED`.
pub(crate) const PROTOCOL: u8 = 18;

/// Most next hops of a route.
const HOPS_MAX: usize = 64;

/// `RTAX_…` of `linux/rtnetlink.h`, with what `ip route` calls them and the greatest value.
const METRICS: &[(&str, u16, u32)] = &[
    ("mtu", 2, u32::MAX),
    ("window", 3, u32::MAX),
    ("rtt", 4, u32::MAX),
    ("rttvar", 5, u32::MAX),
    ("ssthresh", 6, u32::MAX),
    ("cwnd", 7, u32::MAX),
    ("advmss", 8, u32::MAX),
    ("reordering", 9, u32::MAX),
    ("hoplimit", 10, 255),
    ("initcwnd", 11, u32::MAX),
    ("rto_min", 13, u32::MAX),
    ("initrwnd", 14, u32::MAX),
    ("quickack", 15, 1),
    ("fastopen_no_cookie", 17, 1),
];

/// `RTAX_FEATURES` and its bit for ECN.
const FEATURES: u16 = 12;
const FEATURE_ECN: u32 = 1;

/// A route being read.
struct Reading {
    route: Route,
    /// The family, once something decided it.
    v6: Option<bool>,
    /// `via`, `dev` outside `nexthop`.
    hop: NextHop,
    single: bool,
    to: bool,
    group: Option<String>,
}

/// What becomes of a line.
type Line = Result<Option<(Route, Option<String>)>, Finding>;

/// A route line. The error drops it; so does `None`, of which the reason was told. The second part is its `track_group`.
pub(crate) fn line(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, place: Place) -> Line {
    let text: Vec<String> = words.rest().iter().map(|w| w.str().into_owned()).collect();
    let mut reading = Reading {
        route: Route {
            kind: RouteKind::Unicast,
            to: None,
            v6: false,
            from: None,
            source: None,
            hops: Vec::new(),
            table: 0,
            metric: None,
            scope: None,
            tos: None,
            protocol: PROTOCOL,
            metrics: Vec::new(),
            congestion_control: None,
            append: false,
            preference: None,
            expires_s: None,
            ttl_propagate: None,
            no_track: false,
            text: text.join(" "),
            span: ctx.line,
        },
        v6: None,
        hop: NextHop::default(),
        single: false,
        to: false,
        group: None,
    };
    while let Some(word) = words.next() {
        if let Err(fault) = reading.word(d, ctx, words, word, place) {
            words.take_rest();
            return Err(fault);
        }
    }
    reading.done(ctx)
}

impl Reading {
    fn word(
        &mut self,
        d: &mut Draft,
        ctx: &mut Ctx<'_>,
        words: &mut Words<'_>,
        word: &Word,
        place: Place,
    ) -> Result<(), Finding> {
        let name = word.str();
        if let Some((_, number, most)) = METRICS.iter().find(|(known, _, _)| *known == name) {
            return self.metric(ctx, words, *number, *most, &name);
        }
        if let Some(kind) = kind(&name) {
            self.route.kind = kind;
            return Ok(());
        }
        match &*name {
            "inet" => self.v6 = Some(false),
            "inet6" => self.v6 = Some(true),
            "to" => {
                let value = need(ctx, words, word)?;
                self.destination(ctx, value)?;
            }
            "from" => {
                let value = need(ctx, words, word)?;
                let from = network(ctx, value).ok_or_else(|| told(word))?;
                if from.0.is_ipv4() {
                    let message = format!("route from address only supported with IPv6 ({value})");
                    return Err(Finding::tolerated("mixed-families", message, value.span));
                }
                self.family(from.0, value)?;
                self.route.from = Some(from);
            }
            "src" => {
                let value = need(ctx, words, word)?;
                let source = self.ip(value, "invalid route src address")?;
                self.route.source = Some(source);
            }
            "via" => {
                let value = need(ctx, words, word)?;
                self.via(ctx, words, value)?;
            }
            "gw" => {
                ctx.report(old(word, "gw", "via"));
                let value = need(ctx, words, word)?;
                self.via(ctx, words, value)?;
            }
            "or" => {
                ctx.report(old(word, "or", "nexthop"));
                let value = need(ctx, words, word)?;
                let via = self.ip(value, "invalid route via address")?;
                self.route.hops.push(std::mem::take(&mut self.hop));
                self.hop.via = Some(via);
                self.single = true;
            }
            "dev" | "oif" => {
                let value = need(ctx, words, word)?;
                let what = if place == Place::Static { "SROUTE" } else { "VROUTE" };
                let message = format!("WARNING - interface {value} for {what} nexthop doesn't exist");
                self.hop.interface = Some(track::interface(d, ctx, value, message));
                self.single = true;
            }
            "table" => {
                let value = need(ctx, words, word)?;
                self.route.table = names::number(ctx, Names::Tables, &value.str()).ok_or_else(|| {
                    Finding::tolerated(
                        "unknown-table",
                        format!("Routing table {value} not found for route"),
                        value.span,
                    )
                })?;
            }
            "tos" | "dsfield" => {
                let value = need(ctx, words, word)?;
                self.route.tos = Some(tos(ctx, value)?);
            }
            "protocol" => {
                let value = need(ctx, words, word)?;
                let number =
                    names::number(ctx, Names::Protocols, &value.str()).and_then(|n| u8::try_from(n).ok());
                self.route.protocol = number.ok_or_else(|| {
                    let message = format!("Protocol {value} not found or invalid for route");
                    Finding::tolerated("unknown-protocol", message, value.span)
                })?;
            }
            "scope" => {
                let value = need(ctx, words, word)?;
                let scope = address::scope(&value.str()).ok_or_else(|| {
                    Finding::tolerated(
                        "bad-value",
                        format!("Scope {value} not found or invalid for route"),
                        value.span,
                    )
                })?;
                self.route.scope = Some(scope);
            }
            "priority" | "metric" | "preference" => {
                let value = need(ctx, words, word)?;
                self.route.metric = Some(plain(value, "metric")?);
            }
            "realms" => {
                let value = need(ctx, words, word)?;
                self.hop.realm = Some(realms(ctx, value).ok_or_else(|| {
                    Finding::tolerated("bad-value", format!("Invalid realms {value} for route"), value.span)
                })?);
            }
            "features" => {
                let value = need(ctx, words, word)?;
                if !value.is("ecn") {
                    return Err(Finding::tolerated(
                        "bad-value",
                        format!("feature {value} not supported"),
                        value.span,
                    ));
                }
                self.route.metrics.push((FEATURES, FEATURE_ECN, false));
            }
            "congctl" => {
                words.take_if("lock");
                let value = need(ctx, words, word)?;
                self.route.congestion_control = Some(value.str().into_owned());
            }
            "pref" => {
                let value = need(ctx, words, word)?;
                let number = match &*value.str() {
                    "low" => 3,
                    "medium" => 0,
                    "high" => 1,
                    number => number.parse().map_err(|_| {
                        let message = format!("Invalid pref value {value} specified for route");
                        Finding::tolerated("bad-value", message, value.span)
                    })?,
                };
                self.route.preference = Some(number);
            }
            "expires" => {
                let value = need(ctx, words, word)?;
                self.route.expires_s = Some(plain(value, "expires")?);
            }
            "ttl-propagate" => {
                let value = need(ctx, words, word)?;
                self.route.ttl_propagate = Some(match &*value.str() {
                    "enabled" => true,
                    "disabled" => false,
                    _ => {
                        let message = format!("ttl-propagate value {value} not recognised");
                        return Err(Finding::tolerated("bad-value", message, value.span));
                    }
                });
            }
            "onlink" => self.hop.onlink = true,
            "append" => self.route.append = true,
            "add" | "prepend" => self.route.append = false,
            "no_track" => self.route.no_track = true,
            "track_group" if place == Place::Static => {
                let value = need(ctx, words, word)?;
                self.group = address::static_group(d, ctx, value);
            }
            "nexthop" => self.hops(d, ctx, words)?,
            "vrf" => {
                let value = need(ctx, words, word)?;
                return Err(Finding::tolerated(
                    "unknown-vrf",
                    format!("VRF {value} not found for route"),
                    value.span,
                )
                .note("not built yet: name its table with `table`"));
            }
            "encap" | "as" => {
                words.take_rest();
                ctx.report(Finding::remark(
                    "refused",
                    format!("`{name}` in routes is not built yet: this route is left out"),
                    word.span,
                ));
                return Err(told(word));
            }
            _ => {
                if self.to || !self.destination_word(&name) {
                    let message = format!("unknown route keyword {name}");
                    let fault = Finding::tolerated("unknown-option", message, word.span);
                    return Err(match &*name {
                        "proto" => fault.note("`protocol` in full"),
                        "type" => fault.note("the type stands first: `blackhole 10.0.0.0/8`"),
                        _ => fault,
                    });
                }
                self.destination(ctx, word)?;
            }
        }
        Ok(())
    }

    /// True if a word can only be the destination.
    fn destination_word(&self, name: &str) -> bool {
        let address = name.split('/').next().unwrap_or("");
        matches!(name, "default" | "any" | "all") || address.parse::<IpAddr>().is_ok()
    }

    fn destination(&mut self, ctx: &mut Ctx<'_>, word: &Word) -> Result<(), Finding> {
        self.to = true;
        if matches!(&*word.str(), "default" | "any" | "all") {
            return Ok(());
        }
        let (ip, prefix) = network(ctx, word).ok_or_else(|| told(word))?;
        self.family(ip, word)?;
        self.route.to = (prefix > 0 || !ip.is_unspecified()).then_some((ip, prefix));
        Ok(())
    }

    fn via(&mut self, ctx: &mut Ctx<'_>, words: &mut Words<'_>, value: &Word) -> Result<(), Finding> {
        let value = match &*value.str() {
            "inet" | "inet6" => ctx.need(words)?,
            _ => value,
        };
        self.hop.via = Some(self.ip(value, "invalid route via address")?);
        self.single = true;
        Ok(())
    }

    fn ip(&mut self, value: &Word, wrong: &str) -> Result<IpAddr, Finding> {
        let Ok(ip) = value.str().parse::<IpAddr>() else {
            return Err(Finding::tolerated("bad-address", format!("{wrong} {value}"), value.span));
        };
        self.family(ip, value)?;
        Ok(ip)
    }

    fn family(&mut self, ip: IpAddr, word: &Word) -> Result<(), Finding> {
        if *self.v6.get_or_insert(ip.is_ipv6()) == ip.is_ipv6() {
            return Ok(());
        }
        Err(Finding::tolerated("mixed-families", "Cannot mix IPv4 and IPv6 addresses for route", word.span))
    }

    fn metric(
        &mut self,
        ctx: &mut Ctx<'_>,
        words: &mut Words<'_>,
        number: u16,
        most: u32,
        name: &str,
    ) -> Result<(), Finding> {
        let lock = words.take_if("lock");
        let value = ctx.need(words)?;
        let text = value.str();
        let digits = text.strip_suffix("ms").or_else(|| text.strip_suffix('s')).unwrap_or(&text);
        let found = digits.parse::<u32>().ok().filter(|n| *n <= most).ok_or_else(|| {
            let message = format!("Invalid {name} {value} specified for route");
            Finding::tolerated("bad-value", message, value.span)
        })?;
        self.route.metrics.push((number, found, lock));
        Ok(())
    }

    /// `nexthop via … [dev …] [weight …] [onlink]`, to the end of the line.
    fn hops(&mut self, d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<(), Finding> {
        let mut hop = NextHop::default();
        while let Some(word) = words.next() {
            match &*word.str() {
                "nexthop" if self.route.hops.len() < HOPS_MAX => {
                    self.route.hops.push(std::mem::take(&mut hop))
                }
                "via" => {
                    let mut value = need(ctx, words, word)?;
                    if matches!(&*value.str(), "inet" | "inet6") {
                        value = need(ctx, words, word)?;
                    }
                    hop.via = Some(self.ip(value, "invalid nexthop address")?);
                }
                "dev" => {
                    let value = need(ctx, words, word)?;
                    let message = format!("WARNING - interface {value} for VROUTE nexthop doesn't exist");
                    hop.interface = Some(track::interface(d, ctx, value, message));
                }
                "weight" => {
                    let value = need(ctx, words, word)?;
                    match value.str().parse::<u16>().ok().filter(|n| (1..=256).contains(n)) {
                        Some(weight) => hop.weight = weight,
                        None => {
                            let message = format!("Invalid weight {value} specified for route");
                            ctx.report(Finding::tolerated("bad-value", message, value.span));
                        }
                    }
                }
                "realms" => {
                    let value = need(ctx, words, word)?;
                    hop.realm = realms(ctx, value);
                }
                "onlink" => hop.onlink = true,
                other => {
                    let message = format!("Route has trailing nonsense after nexthops - {other}");
                    ctx.report(Finding::tolerated("unknown-option", message, word.span));
                    words.take_rest();
                }
            }
        }
        self.route.hops.push(hop);
        Ok(())
    }

    fn done(mut self, ctx: &mut Ctx<'_>) -> Line {
        if !self.to {
            return Err(Finding::tolerated("missing-destination", "Route must have a destination", ctx.at));
        }
        let v6 = self.v6 == Some(true);
        self.route.v6 = v6;
        for (given, what) in
            [(self.route.preference.is_some(), "pref"), (self.route.expires_s.is_some(), "expires")]
        {
            if given && !v6 {
                ctx.report(Finding::tolerated(
                    "mixed-families",
                    format!("{what} is only valid for IPv6"),
                    ctx.line,
                ));
            }
        }
        if !v6 {
            self.route.preference = None;
            self.route.expires_s = None;
        }
        let tracked = !self.route.no_track;
        if self.single || self.hop != NextHop::default() {
            self.route.hops.push(std::mem::take(&mut self.hop));
        }
        let to = self
            .route
            .text
            .split(' ')
            .find(|w| !matches!(*w, "to") && kind(w).is_none())
            .unwrap_or("")
            .to_owned();
        if tracked && !self.single_interface() {
            let message =
                format!("Warning - cannot track route {to} with no interface specified, not tracking");
            ctx.report(
                Finding::adjusted("not-tracked", message, ctx.at).note("say `no_track`, or name its `dev`"),
            );
            self.route.no_track = true;
        } else if tracked && self.route.protocol != PROTOCOL {
            let message = format!(
                "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED({PROTOCOL}), resetting protocol"
            );
            ctx.report(
                Finding::adjusted("not-tracked", message, ctx.at).note("say `no_track` to keep the protocol"),
            );
            self.route.protocol = PROTOCOL;
        }
        Ok(Some((self.route, self.group)))
    }

    /// True if the route itself (not one of several next hops) names its interface.
    fn single_interface(&self) -> bool {
        !self.route.text.contains("nexthop") && self.route.hops.iter().any(|hop| hop.interface.is_some())
    }
}

fn kind(name: &str) -> Option<RouteKind> {
    Some(match name {
        "unicast" => RouteKind::Unicast,
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "anycast" => RouteKind::Anycast,
        "multicast" => RouteKind::Multicast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        "nat" => RouteKind::Nat,
        _ => return None,
    })
}

/// The word after an option; without one the original ends.
pub(crate) fn need<'w>(ctx: &Ctx<'_>, words: &mut Words<'w>, option: &Word) -> Result<&'w Word, Finding> {
    words.next().ok_or_else(|| {
        Finding::fatal("missing-parameter", format!("`{option}` is missing a parameter"), ctx.line)
            .note("keepalived ends here with exit code 2")
    })
}

/// Stands for a fault that has been told at this word.
pub(crate) fn told(word: &Word) -> Finding {
    Finding::remark("dropped-line", "this line is left out", word.span)
}

fn old(word: &Word, name: &str, today: &str) -> Finding {
    let message = format!("\"{name}\" for routes is deprecated. Please use \"{today}\"");
    Finding::adjusted("obsolete-option", message, word.span)
}

fn plain(value: &Word, what: &str) -> Result<u32, Finding> {
    value.str().parse().map_err(|_| {
        Finding::tolerated("bad-number", format!("Invalid {what} {value} specified for route"), value.span)
    })
}

/// `tos`: a number as C writes it, or a name of iproute2's.
pub(crate) fn tos(ctx: &mut Ctx<'_>, value: &Word) -> Result<u8, Finding> {
    let text = value.str();
    let number = text
        .strip_prefix("0x")
        .map_or_else(|| names::number(ctx, Names::DsFields, &text), |hex| u32::from_str_radix(hex, 16).ok());
    number
        .or_else(|| c_number(&text))
        .and_then(|n| u8::try_from(n).ok())
        .ok_or_else(|| Finding::tolerated("bad-value", format!("TOS value {value} is invalid"), value.span))
}

/// `[FROM/]TO` in 16 bits each.
pub(crate) fn realms(ctx: &mut Ctx<'_>, value: &Word) -> Option<u32> {
    let text = value.str();
    let one = |name: &str| names::number(ctx, Names::Realms, name).filter(|n| *n <= 0xffff);
    match text.split_once('/') {
        Some((from, to)) => Some(one(from)? << 16 | one(to)?),
        None => one(&text),
    }
}
