//! VRRP-MIB (RFC 2787): instances of version 2. Rows are by interface and virtual router id.

use std::net::IpAddr;

use evenkeel_vrrp::StateKind;
use evenkeel_vrrp::conf::{Auth, Version};
use evenkeel_vrrp::view::InstanceView;
use evenkeel_wire::agentx::Value;

use super::rows::{Table, octets};
use super::{Facts, Rows, VRRP_V2};

pub(super) fn fill(facts: &Facts<'_>, rows: &mut Rows) {
    let of_version =
        || facts.instances().map(|(view, _)| view).filter(|view| view.conf().version == Version::V2);
    let mut scalars = Table::new(rows, VRRP_V2, &[1]);
    let mut row = scalars.row(&[0]);
    row.integer(1, 2);
    row.truth(2, facts.plan.global.snmp.traps);
    let mut table = Table::new(rows, VRRP_V2, &[1, 3, 1]);
    for view in of_version() {
        operation(facts, &mut table, view);
    }
    let mut table = Table::new(rows, VRRP_V2, &[1, 4, 1]);
    for view in of_version() {
        let at = place(facts, view);
        for address in &view.conf().addresses {
            let octets = octets(*address).into_iter().map(u32::from);
            let at: Vec<u32> = at.into_iter().chain(octets).collect();
            table.row(&at).integer(2, 1);
        }
    }
    let sum = |of: fn(&evenkeel_vrrp::Counters) -> u64| of_version().map(|view| of(view.counters())).sum();
    let (checksums, versions): (u64, u64) = (sum(|c| c.checksum_errors), sum(|c| c.version_errors));
    let mut scalars = Table::new(rows, VRRP_V2, &[2]);
    let mut row = scalars.row(&[0]);
    row.counter(1, checksums);
    row.counter(2, versions);
    let mut table = Table::new(rows, VRRP_V2, &[2, 4, 1]);
    for view in of_version() {
        let counters = view.counters();
        let at = place(facts, view);
        let mut row = table.row(&at);
        row.counter(1, counters.became_master);
        row.counter(2, counters.adverts_received);
        row.counter(3, counters.interval_errors);
        row.counter(4, counters.auth_failures);
        row.counter(5, counters.ttl_errors);
        row.counter(6, counters.zero_received);
        row.counter(7, counters.zero_sent);
        row.counter(8, counters.type_errors);
        row.counter(9, counters.address_list_errors);
        row.counter(10, counters.auth_type_invalid);
        row.counter(11, counters.auth_type_mismatch);
        row.counter(12, counters.length_errors);
    }
}

fn place(facts: &Facts<'_>, view: InstanceView<'_>) -> [u32; 2] {
    let conf = view.conf();
    [facts.interface_index(conf.interface), u32::from(conf.vrid.get())]
}

/// `initialize(1)`, `backup(2)`, `master(3)`; also of VRRPv3-MIB.
pub(super) fn state(kind: StateKind) -> i64 {
    match kind {
        StateKind::Init | StateKind::Fault => 1,
        StateKind::Backup => 2,
        StateKind::Master => 3,
    }
}

fn operation(facts: &Facts<'_>, table: &mut Table<'_>, view: InstanceView<'_>) {
    let conf = view.conf();
    let at = place(facts, view);
    let mut row = table.row(&at);
    let ip = |address: Option<IpAddr>| match address {
        Some(IpAddr::V4(address)) => Value::IpAddress(address.octets()),
        Some(IpAddr::V6(_)) | None => Value::IpAddress([0; 4]),
    };
    if let Some(mac) = facts.interface(conf.interface).and_then(|interface| interface.mac) {
        row.value(2, Value::Octets(mac.to_vec()));
    }
    row.integer(3, state(view.state()));
    row.integer(4, 1);
    // The configured one, as the original has it.
    row.integer(5, i64::from(conf.priority.get()));
    row.integer(6, conf.addresses.len() as i64);
    // As the original: who is master itself names nobody.
    row.value(7, ip(view.master().filter(|_| view.state() != StateKind::Master)));
    row.value(8, ip(view.source()));
    row.integer(
        9,
        match conf.auth {
            Auth::None | Auth::Hmac(_) => 1,
            Auth::Pass(_) => 2,
            Auth::Ah(_) => 3,
        },
    );
    row.integer(11, conf.advert_interval.as_secs() as i64);
    row.truth(12, conf.preempt);
    row.value(13, Value::TimeTicks(facts.ticks(view.since())));
    row.integer(14, 1);
    row.integer(15, 1);
}
