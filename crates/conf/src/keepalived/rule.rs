//! Lines of `virtual_rules` and `static_rules`: the grammar of `ip rule add`, without its abbreviations.

use std::net::IpAddr;

use evenkeel_base::{Word, Words};
use evenkeel_plan::keeper::address::Rule;

use super::address::{self, Place, network};
use super::context::Ctx;
use super::draft::Draft;
use super::finding::Finding;
use super::names::{self, Names};
use super::route::{self, need, told};
use super::track;

/// The first preference of rules that have none; each further one is one lower.
const PREFERENCE: u32 = 16_384;

/// `FR_ACT_…` of `linux/fib_rules.h`.
const TO_TABLE: u8 = 1;
const GOTO: u8 = 2;
const NOP: u8 = 3;
const BLACKHOLE: u8 = 6;
const UNREACHABLE: u8 = 7;
const PROHIBIT: u8 = 8;

/// What becomes of a line.
type Line = Result<Option<(Rule, Option<String>)>, Finding>;

/// A rule being read.
struct Reading {
    rule: Rule,
    v6: Option<bool>,
    acted: bool,
    group: Option<String>,
}

/// A rule line. The error drops it. The second part is its `track_group`.
pub(crate) fn line(d: &mut Draft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, place: Place) -> Line {
    let text: Vec<String> = words.rest().iter().map(|w| w.str().into_owned()).collect();
    let rule = Rule { text: text.join(" "), span: ctx.line, ..Rule::default() };
    let mut reading = Reading { rule, v6: None, acted: false, group: None };
    while let Some(word) = words.next() {
        if let Err(fault) = reading.word(d, ctx, words, word, place) {
            words.take_rest();
            return Err(fault);
        }
    }
    reading.done(d, ctx)
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
        let bad = |message: String, value: &Word| Finding::tolerated("bad-value", message, value.span);
        match &*name {
            "inet" => self.v6 = Some(false),
            "inet6" => self.v6 = Some(true),
            "not" => self.rule.invert = true,
            "from" => {
                let value = need(ctx, words, word)?;
                self.rule.from = self.net(ctx, value, "from")?;
            }
            "to" => {
                let value = need(ctx, words, word)?;
                self.rule.to = self.net(ctx, value, "to")?;
            }
            "table" | "lookup" => {
                let value = need(ctx, words, word)?;
                let table = names::number(ctx, Names::Tables, &value.str());
                let table = match (table, value.str().bytes().all(|b| b.is_ascii_digit())) {
                    (Some(0), _) => return Err(bad("Table 0 is not valid".to_owned(), value)),
                    (Some(table), _) => table,
                    (None, true) => u32::MAX,
                    (None, false) => {
                        let message = format!("Routing table {value} not found for rule");
                        return Err(Finding::tolerated("unknown-table", message, value.span));
                    }
                };
                self.act(TO_TABLE, word)?;
                self.rule.table = Some(table);
            }
            "goto" => {
                let value = need(ctx, words, word)?;
                self.act(GOTO, word)?;
                let target = value
                    .str()
                    .parse()
                    .map_err(|_| bad(format!("Invalid target {value} specified"), value))?;
                self.rule.goto = Some(target);
            }
            "nop" => self.act(NOP, word)?,
            "blackhole" => self.act(BLACKHOLE, word)?,
            "unreachable" => self.act(UNREACHABLE, word)?,
            "prohibit" => self.act(PROHIBIT, word)?,
            "l3mdev" => {
                if self.acted {
                    return Err(bad("Cannot specify l3mdev with other action".to_owned(), word));
                }
                self.act(TO_TABLE, word)?;
                self.rule.l3mdev = true;
            }
            "type" => {
                let value = need(ctx, words, word)?;
                let action = match &*value.str() {
                    "blackhole" => BLACKHOLE,
                    "unreachable" => UNREACHABLE,
                    "prohibit" => PROHIBIT,
                    _ => return Err(bad(format!("Invalid rule action {value}"), value)),
                };
                self.act(action, word)?;
            }
            "nat" => return Err(bad(format!("Invalid rule action {name}"), word)),
            "preference" | "priority" | "order" => {
                let value = need(ctx, words, word)?;
                let number = value.str().parse().ok();
                self.rule.priority = Some(
                    number.ok_or_else(|| bad(format!("Invalid rule preference {value} specified"), value))?,
                );
            }
            "iif" | "dev" => {
                let value = need(ctx, words, word)?;
                interface(d, ctx, value);
                self.rule.iif = Some(value.str().into_owned());
            }
            "oif" => {
                let value = need(ctx, words, word)?;
                interface(d, ctx, value);
                self.rule.oif = Some(value.str().into_owned());
            }
            "tos" | "dsfield" => {
                let value = need(ctx, words, word)?;
                self.rule.tos = Some(route::tos(ctx, value)?);
            }
            "fwmark" => {
                let value = need(ctx, words, word)?;
                self.rule.fwmark = Some(
                    mark(&value.str())
                        .ok_or_else(|| bad(format!("Invalid rule fwmark {value} specified"), value))?,
                );
            }
            "realms" => {
                let value = need(ctx, words, word)?;
                self.rule.realms = Some(
                    route::realms(ctx, value)
                        .ok_or_else(|| bad(format!("invalid realms {value} for rule"), value))?,
                );
            }
            "suppress_prefixlength" => {
                let value = need(ctx, words, word)?;
                let number = value.str().parse().ok();
                self.rule.suppress_prefix =
                    Some(number.ok_or_else(|| {
                        bad(format!("Invalid suppress_prefixlength {value} specified"), value)
                    })?);
            }
            "suppress_ifgroup" | "suppress_group" => {
                let value = need(ctx, words, word)?;
                let number = names::number(ctx, Names::Groups, &value.str());
                self.rule.suppress_group =
                    Some(number.ok_or_else(|| bad(format!("suppress_group {value} is invalid"), value))?);
            }
            "tun_id" | "tun-id" => {
                let value = need(ctx, words, word)?;
                let number = value.str().parse().ok();
                self.rule.tunnel_id =
                    Some(number.ok_or_else(|| bad(format!("Invalid tun_id {value}"), value))?);
            }
            "uidrange" => {
                let value = need(ctx, words, word)?;
                let ids = range::<u32>(&value.str());
                self.rule.uid_range =
                    Some(ids.ok_or_else(|| bad(format!("Invalid uidrange {value} specified"), value))?);
            }
            "protocol" => {
                let value = need(ctx, words, word)?;
                // By number only, as the original.
                match value.str().parse() {
                    Ok(number) => self.rule.protocol = Some(number),
                    Err(_) => ctx.report(bad(format!("Invalid protocol {value}"), value).note("its number")),
                }
            }
            "ipproto" | "ip_proto" => {
                let value = need(ctx, words, word)?;
                match ip_protocol(&value.str()) {
                    Some(number) => self.rule.ip_protocol = Some(number),
                    None => ctx.report(bad(format!("Invalid ip_proto {value}"), value)),
                }
            }
            "sport" => {
                let value = need(ctx, words, word)?;
                self.rule.source_ports = ports(ctx, value, "sport");
            }
            "dport" => {
                let value = need(ctx, words, word)?;
                self.rule.destination_ports = ports(ctx, value, "dport");
            }
            "no_track" => self.rule.no_track = true,
            "track_group" if place == Place::Static => {
                let value = need(ctx, words, word)?;
                self.group = address::static_group(d, ctx, value);
            }
            _ => {
                let message = format!("Unknown rule option {name}");
                return Err(Finding::tolerated("unknown-option", message, word.span));
            }
        }
        Ok(())
    }

    fn act(&mut self, action: u8, word: &Word) -> Result<(), Finding> {
        if self.acted {
            let message = "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule";
            return Err(Finding::tolerated("twice", message, word.span));
        }
        self.acted = true;
        self.rule.action = action;
        Ok(())
    }

    fn net(&mut self, ctx: &mut Ctx<'_>, value: &Word, which: &str) -> Result<Option<(IpAddr, u8)>, Finding> {
        if matches!(&*value.str(), "all" | "any" | "default") {
            return Ok(None);
        }
        if value.str().split('/').next().is_none_or(|ip| ip.parse::<IpAddr>().is_err()) {
            let message = format!("Invalid rule {which} address {value}");
            return Err(Finding::tolerated("bad-address", message, value.span));
        }
        let found = network(ctx, value).ok_or_else(|| told(value))?;
        if *self.v6.get_or_insert(found.0.is_ipv6()) != found.0.is_ipv6() {
            let message = "rule specification has mixed IPv4 and IPv6";
            return Err(Finding::tolerated("mixed-families", message, value.span));
        }
        Ok(Some(found))
    }

    fn done(mut self, d: &mut Draft, ctx: &mut Ctx<'_>) -> Line {
        if !self.acted {
            let message = "No action specified for rule - ignoring";
            return Err(Finding::tolerated("missing-action", message, ctx.at));
        }
        self.rule.v6 = self.v6 == Some(true);
        if let Some(target) = self.rule.goto {
            match self.rule.priority {
                None => {
                    let message = format!("Invalid rule - goto target {target} specified without preference");
                    return Err(Finding::tolerated("bad-value", message, ctx.at));
                }
                Some(own) if own >= target => {
                    let message = format!("Invalid rule - preference {own} >= goto target {target}");
                    return Err(Finding::tolerated("bad-value", message, ctx.at));
                }
                Some(_) => {}
            }
        }
        if self.rule.priority.is_none() {
            let own = PREFERENCE.saturating_sub(d.next_preference);
            d.next_preference += 1;
            self.rule.priority = Some(own);
            let message = format!(
                "Rule has no preference specified - setting to {own}. This is probably not what you want."
            );
            ctx.report(Finding::adjusted("missing-preference", message, ctx.at).note("say `preference N`"));
        }
        Ok(Some((self.rule, self.group)))
    }
}

fn interface(d: &mut Draft, ctx: &mut Ctx<'_>, value: &Word) {
    let message = format!("WARNING - interface {value} for rule doesn't exist");
    track::interface(d, ctx, value, message);
}

/// `LOW-HIGH`.
fn range<N: std::str::FromStr>(text: &str) -> Option<(N, N)> {
    let (low, high) = text.split_once('-')?;
    Some((low.parse().ok()?, high.parse().ok()?))
}

fn ports(ctx: &mut Ctx<'_>, value: &Word, which: &str) -> Option<(u16, u16)> {
    let found = range(&value.str());
    if found.is_none() {
        let message = format!("invalid {which} range {value}");
        ctx.report(Finding::tolerated("bad-value", message, value.span).note("wanted: FIRST-LAST"));
    }
    found
}

/// `MARK[/MASK]`.
fn mark(text: &str) -> Option<(u32, Option<u32>)> {
    let number = super::global_files::c_number;
    match text.split_once('/') {
        Some((mark, mask)) => Some((number(mark)?, Some(number(mask)?))),
        None => Some((number(text)?, None)),
    }
}

fn ip_protocol(text: &str) -> Option<u8> {
    Some(match text.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ipv6-icmp" | "icmpv6" => 58,
        "ospf" => 89,
        "vrrp" => 112,
        "sctp" => 132,
        number => number.parse().ok()?,
    })
}
