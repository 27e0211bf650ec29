//! VRRPv3-MIB (RFC 6527): all instances, as Keepalived 2.2.7 lists them. Rows are by interface, virtual router id and family.
//! Left out: why a master became one, and what was wrong with the last packet; the events tell more (`evenkeel why`).

use evenkeel_vrrp::StateKind;
use evenkeel_vrrp::conf::Family;
use evenkeel_vrrp::view::InstanceView;
use evenkeel_wire::agentx::Value;

use super::rfc_v2::state;
use super::rows::{Table, octets};
use super::{Facts, Rows, VRRP_V3};

pub(super) fn fill(facts: &Facts<'_>, rows: &mut Rows) {
    let mut table = Table::new(rows, VRRP_V3, &[1, 1, 1, 1]);
    for (view, _) in facts.instances() {
        operation(facts, &mut table, view);
    }
    let mut table = Table::new(rows, VRRP_V3, &[1, 1, 2, 1]);
    for (view, _) in facts.instances() {
        let at = place(facts, view);
        for address in &view.conf().addresses {
            let octets = octets(*address).into_iter().map(u32::from);
            let at: Vec<u32> = at.into_iter().chain(octets).collect();
            table.row(&at).integer(2, 1);
        }
    }
    let sum = |of: fn(&evenkeel_vrrp::Counters) -> u64| {
        facts.instances().map(|(view, _)| of(view.counters())).sum()
    };
    let (checksums, versions): (u64, u64) = (sum(|c| c.checksum_errors), sum(|c| c.version_errors));
    let mut scalars = Table::new(rows, VRRP_V3, &[1, 2]);
    let mut row = scalars.row(&[0]);
    row.counter64(1, checksums);
    row.counter64(2, versions);
    row.value(4, Value::TimeTicks(0));
    let mut table = Table::new(rows, VRRP_V3, &[1, 2, 5, 1]);
    for (view, _) in facts.instances() {
        statistics(facts, &mut table, view);
    }
}

fn place(facts: &Facts<'_>, view: InstanceView<'_>) -> [u32; 3] {
    let conf = view.conf();
    let family = match conf.family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    [facts.interface_index(conf.interface), u32::from(conf.vrid.get()), family]
}

fn operation(facts: &Facts<'_>, table: &mut Table<'_>, view: InstanceView<'_>) {
    let conf = view.conf();
    let at = place(facts, view);
    let mut row = table.row(&at);
    let any = match conf.family {
        Family::V4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    row.address(3, view.master().unwrap_or(any));
    row.address(4, view.source().unwrap_or(any));
    if let Some(mac) = facts.interface(conf.interface).and_then(|interface| interface.mac) {
        row.value(5, Value::Octets(mac.to_vec()));
    }
    row.integer(6, state(view.state()));
    // The configured one, as the original has it.
    row.gauge(7, u64::from(conf.priority.get()));
    row.integer(8, conf.addresses.len() as i64);
    row.integer(9, (conf.advert_interval.as_millis() / 10) as i64);
    row.truth(10, conf.preempt);
    row.truth(11, conf.accept);
    // RFC 6527: since it left "initialize"; nothing remembers that longer than the present state.
    let up = match view.state() {
        StateKind::Init | StateKind::Fault => 0,
        StateKind::Backup | StateKind::Master => (facts.now.since(view.since()).as_millis() / 10) as u32,
    };
    row.value(12, Value::TimeTicks(up));
    row.integer(13, 1);
}

fn statistics(facts: &Facts<'_>, table: &mut Table<'_>, view: InstanceView<'_>) {
    let counters = view.counters();
    let at = place(facts, view);
    let mut row = table.row(&at);
    row.counter(1, counters.became_master);
    row.counter64(3, counters.adverts_received);
    row.counter64(4, counters.interval_errors);
    row.counter64(5, counters.ttl_errors);
    row.counter64(7, counters.zero_received);
    row.counter64(8, counters.zero_sent);
    row.counter64(9, counters.type_errors);
    row.counter64(10, counters.address_list_errors);
    row.counter64(11, counters.length_errors);
    row.value(12, Value::TimeTicks(0));
    row.gauge(13, view.conf().advert_interval.as_millis() as u64);
}
