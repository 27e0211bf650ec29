//! KEEPALIVED-MIB: routes with their ways, and rules. Left out: encapsulations, which the reader refuses, and single metrics
//! other than the MTU.

use std::net::IpAddr;

use evenkeel_plan::keeper::{Route, RouteKind, Rule, Scope};

use super::keepalived::scope;
use super::rows::{Row, Table, index};
use super::{Facts, KEEPALIVED, Rows};

/// `main`.
const TABLE_MAIN: u32 = 254;
const RTAX_MTU: u16 = 2;

/// What is set for whom: instance (0: static), position, whether it is set.
struct Place {
    at: [u32; 2],
    set: bool,
}

pub(super) fn fill(facts: &Facts<'_>, rows: &mut Rows) {
    let routes: Vec<(Place, &Route)> = places(facts, &facts.plan.static_routes, |plan| &plan.routes);
    let mut table = Table::new(rows, KEEPALIVED, &[2, 7, 1]);
    for (place, route) in &routes {
        route_row(facts, &mut table.row(&place.at), route, place.set);
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 11, 1]);
    for (place, route) in routes.iter().filter(|(_, route)| route.hops.len() > 1) {
        for (n, hop) in route.hops.iter().enumerate() {
            let at = [place.at[0], place.at[1], index(n)];
            let mut row = table.row(&at);
            if let Some(via) = hop.via {
                row.address_type(2, via);
                row.address(3, via);
            }
            if let Some(interface) = hop.interface {
                row.integer(4, i64::from(facts.interface_index(interface)));
                row.text_if(5, facts.interface(interface).map(|interface| interface.name.as_str()));
            }
            row.gauge(6, u64::from(hop.weight));
            row.truth(7, hop.onlink);
        }
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 8, 1]);
    for (place, rule) in places(facts, &facts.plan.static_rules, |plan| &plan.rules) {
        rule_row(&mut table.row(&place.at), rule, place.set);
    }
}

/// Static things first, as instance 0, then each instance's.
fn places<'a, T>(
    facts: &Facts<'a>,
    statics: &'a [(T, Vec<evenkeel_vrrp::conf::InstanceId>)],
    of: fn(&'a evenkeel_plan::keeper::InstancePlan) -> &'a Vec<T>,
) -> Vec<(Place, &'a T)> {
    let mut places = Vec::new();
    for (n, (thing, users)) in statics.iter().enumerate() {
        let set = users.is_empty() || users.iter().any(|id| facts.is_held(*id));
        places.push((Place { at: [0, index(n)], set }, thing));
    }
    for (n, (view, plan)) in facts.instances().enumerate() {
        let set = facts.is_held(view.id());
        for (m, thing) in of(plan).iter().enumerate() {
            places.push((Place { at: [index(n), index(m)], set }, thing));
        }
    }
    places
}

fn unspecified(v6: bool) -> (IpAddr, u8) {
    let any =
        if v6 { std::net::Ipv6Addr::UNSPECIFIED.into() } else { std::net::Ipv4Addr::UNSPECIFIED.into() };
    (any, 0)
}

fn route_row(facts: &Facts<'_>, row: &mut Row<'_>, route: &Route, set: bool) {
    let (to, mask) = route.to.unwrap_or(unspecified(route.v6));
    row.address_type(2, to);
    row.address(3, to);
    row.gauge(4, u64::from(mask));
    let kind = match (route.kind, route.hops.len()) {
        (RouteKind::Unicast | RouteKind::Local, 0 | 1) => 1,
        (RouteKind::Unicast | RouteKind::Local, _) => 2,
        (RouteKind::Blackhole, _) => 3,
        (RouteKind::Anycast, _) => 4,
        (RouteKind::Multicast, _) => 5,
        (RouteKind::Broadcast, _) => 6,
        (RouteKind::Unreachable, _) => 7,
        (RouteKind::Prohibit, _) => 8,
        (RouteKind::Throw, _) => 9,
        (RouteKind::Nat, _) => 10,
    };
    if let [hop] = &*route.hops {
        if let Some(via) = hop.via {
            row.address(5, via);
        }
        if let Some(interface) = hop.interface {
            row.integer(11, i64::from(facts.interface_index(interface)));
            row.text_if(12, facts.interface(interface).map(|interface| interface.name.as_str()));
        }
    }
    if let Some(source) = route.source {
        row.address(7, source);
    }
    row.gauge(8, u64::from(route.metric.unwrap_or(0)));
    row.integer(9, scope(route.scope.unwrap_or(Scope::GLOBAL)));
    row.integer(10, kind);
    row.gauge(13, u64::from(if route.table == 0 { TABLE_MAIN } else { route.table }));
    row.truth(14, set);
    if let Some((from, mask)) = route.from {
        row.address(15, from);
        row.gauge(16, u64::from(mask));
    }
    if let Some(tos) = route.tos {
        row.gauge(17, u64::from(tos));
    }
    // The MIB's numbers are the kernel's plus one.
    row.integer(18, i64::from(route.protocol) + 1);
    if let Some(expires) = route.expires_s {
        row.integer(21, i64::from(expires));
    }
    if let Some((_, mtu, lock)) = route.metrics.iter().find(|(metric, ..)| *metric == RTAX_MTU) {
        row.gauge(22, u64::from(*mtu));
        row.truth(23, *lock);
    }
}

fn rule_row(row: &mut Row<'_>, rule: &Rule, set: bool) {
    let direction = match (rule.from, rule.to) {
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "from",
        (None, Some(_)) => "to",
        (None, None) => "",
    };
    row.text(2, direction);
    if let Some((address, mask)) = rule.to.or(rule.from) {
        row.address_type(3, address);
        row.address(4, address);
        row.gauge(5, u64::from(mask));
    }
    if let Some(table) = rule.table {
        row.gauge(6, u64::from(table));
        row.gauge(24, u64::from(table));
    }
    row.truth(7, set);
    row.truth(8, rule.invert);
    if let Some((to, mask)) = rule.to {
        row.address_type(9, to);
        row.address(10, to);
        row.gauge(11, u64::from(mask));
    }
    if let Some((from, mask)) = rule.from {
        row.address_type(12, from);
        row.address(13, from);
        row.gauge(14, u64::from(mask));
    }
    row.gauge(15, u64::from(rule.tos.unwrap_or(0)));
    if let Some((mark, mask)) = rule.fwmark {
        row.gauge(16, u64::from(mark));
        row.gauge(17, u64::from(mask.unwrap_or(u32::MAX)));
    }
    row.text_if(20, rule.iif.as_deref());
    row.text_if(21, rule.oif.as_deref());
    if let Some(target) = rule.goto {
        row.gauge(22, u64::from(target));
    }
    row.integer(23, i64::from(rule.action));
    if let Some(priority) = rule.priority {
        row.gauge(25, u64::from(priority));
    }
}
