//! Rules: from the plan to requests.

use std::net::IpAddr;

use evenkeel_plan::keeper::Rule;
use evenkeel_wire::netlink::rt::{self, V4, V6, octets};
use evenkeel_wire::netlink::{CREATE, EXCL, Message};

use super::rtnl::request;

// FRA_… attributes (linux/fib_rules.h).
const DST: u16 = 1;
const SRC: u16 = 2;
const IIF: u16 = 3;
const GOTO: u16 = 4;
const PRIORITY: u16 = 6;
const FWMARK: u16 = 10;
const FLOW: u16 = 11;
const TUN_ID: u16 = 12;
const SUPPRESS_GROUP: u16 = 13;
const SUPPRESS_PREFIX: u16 = 14;
const TABLE: u16 = 15;
const FWMASK: u16 = 16;
const OIF: u16 = 17;
const L3MDEV: u16 = 19;
const UID_RANGE: u16 = 20;
const PROTOCOL: u16 = 21;
const IP_PROTO: u16 = 22;
const SPORT: u16 = 23;
const DPORT: u16 = 24;

/// `FIB_RULE_INVERT`.
const INVERT: u32 = 2;
/// `FR_ACT_TO_TBL`.
const TO_TABLE: u8 = 1;

/// Adds it; the kernel refuses a second one that is the same.
pub(crate) fn add(rule: &Rule) -> Message {
    common(rt::RULE, CREATE | EXCL, rule)
}

/// Takes it away.
pub(crate) fn del(rule: &Rule) -> Message {
    common(rt::RULE + rt::DELETE, 0, rule)
}

fn common(kind: u16, flags: u16, rule: &Rule) -> Message {
    let prefix = |net: Option<(IpAddr, u8)>| net.map_or(0, |(_, prefix)| prefix);
    let table = if rule.l3mdev { 0 } else { rule.table.unwrap_or(0) };
    let action = if rule.action == 0 { TO_TABLE } else { rule.action };
    let mut fixed = vec![
        if rule.v6 { V6 } else { V4 },
        prefix(rule.to),
        prefix(rule.from),
        rule.tos.unwrap_or(0),
        u8::try_from(table).unwrap_or(0),
        0,
        0,
        action,
    ];
    fixed.extend(if rule.invert { INVERT } else { 0 }.to_ne_bytes());
    let mut message = request(kind, flags, &fixed);
    for (attr, net) in [(DST, rule.to), (SRC, rule.from)] {
        if let Some((ip, _)) = net {
            message.attr(attr, &octets(ip));
        }
    }
    for (attr, name) in [(IIF, &rule.iif), (OIF, &rule.oif)] {
        if let Some(name) = name {
            message.text(attr, name);
        }
    }
    let numbers = [
        (TABLE, (table != 0).then_some(table)),
        (GOTO, rule.goto),
        (PRIORITY, rule.priority),
        (FWMARK, rule.fwmark.map(|(mark, _)| mark)),
        (FWMASK, rule.fwmark.and_then(|(_, mask)| mask)),
        (FLOW, rule.realms),
        (SUPPRESS_GROUP, rule.suppress_group),
        (SUPPRESS_PREFIX, rule.suppress_prefix),
    ];
    for (attr, value) in numbers {
        if let Some(value) = value {
            message.u32(attr, value);
        }
    }
    if let Some(id) = rule.tunnel_id {
        message.attr(TUN_ID, &id.to_be_bytes());
    }
    if rule.l3mdev {
        message.u8(L3MDEV, 1);
    }
    if let Some((low, high)) = rule.uid_range {
        message.attr(UID_RANGE, &[low.to_ne_bytes(), high.to_ne_bytes()].concat());
    }
    for (attr, value) in [(PROTOCOL, rule.protocol), (IP_PROTO, rule.ip_protocol)] {
        if let Some(value) = value {
            message.u8(attr, value);
        }
    }
    for (attr, range) in [(SPORT, rule.source_ports), (DPORT, rule.destination_ports)] {
        if let Some((low, high)) = range {
            message.attr(attr, &[low.to_ne_bytes(), high.to_ne_bytes()].concat());
        }
    }
    message
}

/// Whether what the kernel tells is this rule, as far as both say.
pub(crate) fn is(rule: &Rule, told: &rt::Rule) -> bool {
    rule.v6 == told.v6
        && rule.priority.is_none_or(|p| p == told.priority)
        && rule.from == told.from
        && rule.to == told.to
        && (rule.l3mdev || rule.table.is_none_or(|table| table == told.table))
}
