//! What concerns the nodes themselves: their names, their scripts, their networks.

use std::net::IpAddr;

use evenkeel_plan::keeper::lvs::{Service, VirtualServer};
use evenkeel_plan::keeper::{Address, KeeperPlan, ScriptPlan, TrackPlan};

use super::finding::{Finding, Node, Spot};
use super::{Instance, Side};

pub(super) fn check(a: &Side<'_>, b: &Side<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(same_name(a, b));
    for (node, side) in [(Node::A, a), (Node::B, b)] {
        for instance in side.instances(node) {
            findings.extend(outside_prefix(&instance));
        }
        findings.extend(deadly_scripts(node, side));
        findings.extend(unheld_services(node, side));
    }
    findings.extend(lone_services((Node::A, a), (Node::B, b)));
    findings.extend(lone_services((Node::B, b), (Node::A, a)));
    findings
}

/// A virtual server whose address no instance of its node holds: it gets packets only where something else sets the address.
fn unheld_services(node: Node, side: &Side<'_>) -> Vec<Finding> {
    let held = |ip: IpAddr| {
        let mut addresses = side.plan.static_addresses.iter().map(|(address, _)| address.ip);
        addresses.any(|known| known == ip)
    };
    let mut findings = Vec::new();
    for server in &side.plan.lvs.virtual_servers {
        let Service::Address(address) = &server.service else { continue };
        if server.instance.is_none() && !side.plan.node.instances.is_empty() && !held(address.ip()) {
            findings.push(Finding::warning(
                "virtual-server-without-instance",
                format!("virtual_server {address} of {}: no vrrp_instance holds {}", side.name, address.ip()),
                Spot::new(node, server.span),
                format!(
                    "Write {} into a virtual_ipaddress, or set it otherwise on both nodes.",
                    address.ip()
                ),
            ));
        }
    }
    findings
}

/// A virtual server that the other node does not have: after a failover nobody spreads its connections.
fn lone_services((node, side): (Node, &Side<'_>), (_, other): (Node, &Side<'_>)) -> Vec<Finding> {
    let key = |server: &VirtualServer, plan: &KeeperPlan| {
        let name = match &server.service {
            Service::Address(address) => address.to_string(),
            Service::Mark(mark) => format!("fwmark {mark}"),
            Service::Group(at) => {
                plan.lvs.groups.get(*at).map(|g| format!("group {}", g.name)).unwrap_or_default()
            }
        };
        (name, server.protocol)
    };
    let theirs: Vec<_> = other.plan.lvs.virtual_servers.iter().map(|s| key(s, other.plan)).collect();
    let lone =
        side.plan.lvs.virtual_servers.iter().filter(|server| !theirs.contains(&key(server, side.plan)));
    lone.map(|server| {
        Finding::warning(
            "virtual-server-alone",
            format!("{} has virtual_server {}, {} does not", side.name, key(server, side.plan).0, other.name),
            Spot::new(node, server.span),
            "After a failover its connections go nowhere: write it on both nodes.",
        )
    })
    .collect()
}

fn same_name(a: &Side<'_>, b: &Side<'_>) -> Option<Finding> {
    let (Some(x), Some(y)) = (&a.plan.global.router_id, &b.plan.global.router_id) else { return None };
    (x == y).then(|| {
        Finding::warning(
            "same-router-id",
            format!("{} and {} are both router_id {x}: their mails cannot be told apart", a.name, b.name),
            Spot::new(Node::A, a.plan.global.router_id_span),
            "Give each node a router_id of its own, or leave it out: the default is the host's name.",
        )
        .also((Spot::new(Node::B, b.plan.global.router_id_span), "the same here".to_string()))
    })
}

/// True if `ip` lies in the network of `of`.
fn contains(of: (IpAddr, u8), ip: IpAddr) -> bool {
    match (of.0, ip) {
        (IpAddr::V4(net), IpAddr::V4(ip)) => {
            let shift = 32 - u32::from(of.1.min(32));
            let cut = |ip: u32| ip.checked_shr(shift).unwrap_or(0);
            cut(net.to_bits()) == cut(ip.to_bits())
        }
        (IpAddr::V6(net), IpAddr::V6(ip)) => {
            let shift = 128 - u32::from(of.1.min(128));
            let cut = |ip: u128| ip.checked_shr(shift).unwrap_or(0);
            cut(net.to_bits()) == cut(ip.to_bits())
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// An address that no network of its interface holds: nobody reaches it by ARP, unless a route leads there.
fn outside_prefix(of: &Instance<'_>) -> Vec<Finding> {
    let plan = of.side.plan;
    let name = |address: &Address| {
        plan.node.interfaces.get(address.interface.0 as usize).cloned().unwrap_or_default()
    };
    let mut findings = Vec::new();
    for address in &of.plan.addresses {
        let interface = name(address);
        let fixed =
            plan.static_addresses.iter().filter(|(a, _)| name(a) == interface).map(|(a, _)| (a.ip, a.prefix));
        let networks: Vec<(IpAddr, u8)> = fixed
            .chain((of.side.interface)(&interface))
            .filter(|(ip, _)| ip.is_ipv4() == address.ip.is_ipv4() && !link_local(*ip))
            .collect();
        let alone = address.prefix == 32 || address.prefix == 128;
        let source = of.conf.source.filter(|ip| ip.is_ipv4() == address.ip.is_ipv4());
        let stranger = match (networks.is_empty(), source) {
            (false, _) => !networks.iter().any(|network| contains(*network, address.ip)),
            (true, Some(source)) => !alone && !contains((address.ip, address.prefix), source),
            (true, None) => false,
        };
        if stranger && !link_local(address.ip) {
            let known = networks.iter().map(|(ip, prefix)| format!("{ip}/{prefix}")).collect::<Vec<_>>();
            let known = match (known.is_empty(), source) {
                (false, _) => known.join(", "),
                (true, Some(source)) => source.to_string(),
                (true, None) => String::new(),
            };
            findings.push(Finding::warning(
                "vip-outside-prefix",
                format!("{}: {} is in no network of {interface} on {} ({known})", of.conf.name, address.ip, of.side.name),
                Spot::new(of.node, address.span),
                "Neighbours reach it only by a route; choose an address of the interface's network, or write its prefix and a route.",
            ));
        }
    }
    findings
}

fn link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Scripts that end the daemon whose question they answer: nothing starts it again.
fn deadly_scripts(node: Node, side: &Side<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (conf, track) in side.plan.node.tracks.iter().zip(&side.plan.tracks) {
        let TrackPlan::Script(Some(script)) = track else { continue };
        let Some(line) = deadly(side, script) else { continue };
        findings.push(Finding::warning(
            "check-stops-keeper",
            format!("{}: the check {} stops keepalived itself (`{line}`): nothing starts it again", side.name, conf.name),
            Spot::new(node, script.span),
            "Let the script exit with 1 instead: without a weight the node goes to fault and comes back by itself.",
        ));
    }
    findings
}

/// The line of a script, or of the file that it names, that stops keepalived.
fn deadly(side: &Side<'_>, script: &ScriptPlan) -> Option<String> {
    let file = script.args.iter().find_map(|word| (side.script)(word)).unwrap_or_default();
    [script.text.as_str(), file.as_str()]
        .into_iter()
        .flat_map(str::lines)
        .map(str::trim)
        .find(|l| stops(l))
        .map(str::to_string)
}

fn stops(line: &str) -> bool {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')' | '`' | '"' | '\''))
        .collect();
    let Some(command) = line.split('#').next().filter(|text| text.contains("keepalived")) else {
        return false;
    };
    let has = |wanted: &[&str]| words.iter().any(|w| wanted.contains(&w.rsplit('/').next().unwrap_or(w)));
    let ends = has(&["stop", "restart"])
        && (has(&["systemctl", "service", "rc-service"]) || command.contains("init.d/keepalived"));
    // `kill -0` and `killall -0` only ask.
    let kills = has(&["kill", "killall", "pkill"]) && !words.contains(&"-0");
    ends || kills
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stop_keepalived() {
        for (line, want) in [
            ("systemctl stop keepalived", true),
            ("  /usr/bin/systemctl stop keepalived.service", true),
            ("service keepalived stop", true),
            ("/etc/init.d/keepalived stop", true),
            ("killall keepalived", true),
            ("kill $(cat /run/keepalived.pid)", true),
            ("pkill -TERM keepalived", true),
            ("killall -0 keepalived", false),
            ("killall -0 haproxy", false),
            ("systemctl stop nginx", false),
            ("systemctl is-active keepalived", false),
            ("# systemctl stop keepalived", false),
            ("echo keepalived is well", false),
        ] {
            assert_eq!(stops(line), want, "{line}");
        }
    }

    #[test]
    fn networks() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("a literal of this table");
        for (net, prefix, address, want) in [
            ("10.0.0.1", 24, "10.0.0.200", true),
            ("10.0.0.1", 24, "10.0.1.200", false),
            ("10.0.0.1", 0, "192.0.2.1", true),
            ("10.0.0.1", 32, "10.0.0.1", true),
            ("2001:db8::1", 64, "2001:db8::ffff", true),
            ("2001:db8::1", 64, "2001:db8:1::1", false),
            ("2001:db8::1", 0, "fe80::1", true),
            ("10.0.0.1", 24, "2001:db8::1", false),
        ] {
            assert_eq!(contains((ip(net), prefix), ip(address)), want, "{net}/{prefix} {address}");
        }
    }
}
