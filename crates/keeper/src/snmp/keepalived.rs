//! KEEPALIVED-MIB, what is not tracks or routing: settings, sync groups, instances, addresses, as Keepalived 2.2.7 fills
//! them, but that it says of no address of version 3 that it is advertised. Left out: what only the director knows (`lvs…`), and defaults that are resolved per instance (`smtpEmailSmtpAlert…`).

use std::net::IpAddr;

use evenkeel_plan::keeper::{Address, Notify, Scope};
use evenkeel_vrrp::conf::{Auth, Destination, InstanceId, TrackKind, TrackUse, Version, WantedState};
use evenkeel_vrrp::view::InstanceView;
use evenkeel_vrrp::{StateKind, event::Entered};
use evenkeel_wire::agentx::Value;

use super::facts::{script, state};
use super::rows::{Row, Table, index};
use super::{Facts, KEEPALIVED, Rows};

/// The original's, where the file says nothing.
const SMTP_TIMEOUT_S: u64 = 30;

pub(super) fn fill(facts: &Facts<'_>, rows: &mut Rows) {
    settings(facts, rows);
    groups(facts, rows);
    instances(facts, rows);
    addresses(facts, rows);
}

fn settings(facts: &Facts<'_>, rows: &mut Rows) {
    let global = &facts.plan.global;
    let mut scalars = Table::new(rows, KEEPALIVED, &[1]);
    let mut row = scalars.row(&[0]);
    row.text(1, concat!("Evenkeel v", env!("CARGO_PKG_VERSION")));
    row.text_if(2, global.router_id.as_deref());
    row.truth(4, global.snmp.traps);
    // netlink(1), polling(2).
    row.truth(5, !global.linkbeat_all);
    row.text(8, global.net_namespace.as_deref().unwrap_or_default());
    row.truth(9, global.dbus.is_some());
    row.truth(10, global.dynamic_interfaces.is_some());

    let mail = &global.mail;
    let mut scalars = Table::new(rows, KEEPALIVED, &[1, 3]);
    let mut row = scalars.row(&[0]);
    if let Some(server) = &mail.server {
        match server.host.parse::<IpAddr>() {
            Ok(address) => {
                row.address_type(1, address);
                row.address(2, address);
            }
            // dns(16) of RFC 4001.
            Err(_) => {
                row.integer(1, 16);
                row.text(2, &server.host);
            }
        }
        row.gauge(3, mail.connect_timeout.map_or(SMTP_TIMEOUT_S, |timeout| timeout.as_secs()));
        row.gauge(6, u64::from(server.port));
    }
    row.text_if(4, mail.from.as_deref());
    row.truth(7, !mail.no_faults);
    let mut table = Table::new(rows, KEEPALIVED, &[1, 3, 5, 1]);
    for (n, to) in mail.to.iter().enumerate() {
        table.row(&[index(n)]).text(2, to);
    }
}

/// Columns of scripts, where there are some.
fn scripts(row: &mut Row<'_>, notify: &Notify, columns: [u32; 5]) {
    let each = [&notify.master, &notify.backup, &notify.fault, &notify.stop, &notify.any];
    for (column, one) in columns.into_iter().zip(each) {
        row.text_if(column, one.as_ref().map(script).as_deref());
    }
}

fn has_scripts(notify: &Notify) -> bool {
    let each =
        [&notify.master, &notify.backup, &notify.fault, &notify.stop, &notify.any, &notify.master_rx_lower];
    each.into_iter().any(Option::is_some) || notify.deleted.1.is_some()
}

fn groups(facts: &Facts<'_>, rows: &mut Rows) {
    let mut table = Table::new(rows, KEEPALIVED, &[2, 1, 1]);
    for (n, (group, plan)) in facts.node.view().groups().zip(&facts.plan.groups).enumerate() {
        let at = [index(n)];
        let mut row = table.row(&at);
        row.text(2, &group.conf.name);
        row.integer(3, group.state.map_or(0, entered));
        row.truth(4, plan.notify.mail);
        row.truth(5, has_scripts(&plan.notify));
        scripts(&mut row, &plan.notify, [6, 7, 8, 11, 9]);
        row.truth(10, group.conf.tracking_weight);
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 2, 1]);
    for (n, group) in facts.node.view().groups().enumerate() {
        for (m, member) in group.conf.members.iter().enumerate() {
            let name = facts.node.view().instance(*member).map(InstanceView::name);
            table.row(&[index(n), index(m)]).text_if(2, name);
        }
    }
}

fn entered(entered: Entered) -> i64 {
    state(match entered {
        Entered::Master => StateKind::Master,
        Entered::Backup => StateKind::Backup,
        Entered::Fault => StateKind::Fault,
    })
}

fn instances(facts: &Facts<'_>, rows: &mut Rows) {
    let mut table = Table::new(rows, KEEPALIVED, &[2, 3, 1]);
    for (n, (view, plan)) in facts.instances().enumerate() {
        let conf = view.conf();
        let at = [index(n)];
        let mut row = table.row(&at);
        let initial = match conf.state {
            WantedState::Backup => StateKind::Backup,
            WantedState::Master => StateKind::Master,
        };
        let wanted = match view.state() {
            StateKind::Init | StateKind::Fault => initial,
            kind @ (StateKind::Backup | StateKind::Master) => kind,
        };
        row.text(2, view.name());
        row.gauge(3, u64::from(conf.vrid.get()));
        row.integer(4, state(view.state()));
        row.integer(5, state(initial));
        row.integer(6, state(wanted));
        row.integer(7, i64::from(conf.priority.get()));
        row.integer(8, i64::from(view.effective()));
        row.truth(9, facts.is_held(view.id()));
        row.text_if(10, facts.interface(conf.interface).map(|interface| interface.name.as_str()));
        // As the original has it: by a line of `track_interface`, not by default.
        let primary = TrackKind::Interface(conf.interface);
        let tracks = |by: &TrackUse| facts.plan.node.tracks.get(by.track.0 as usize);
        row.truth(11, conf.tracks.iter().filter_map(tracks).any(|track| track.kind == primary));
        row.gauge(
            12,
            match conf.version {
                Version::V2 => conf.advert_interval.as_secs(),
                Version::V3 => conf.advert_interval.as_millis() as u64 / 10,
            },
        );
        row.truth(13, conf.preempt);
        row.gauge(14, conf.preempt_delay.as_secs());
        row.integer(
            15,
            match conf.auth {
                Auth::None | Auth::Hmac(_) => 0,
                Auth::Pass(_) => 1,
                Auth::Ah(_) => 2,
            },
        );
        let group = conf.group.and_then(|group| facts.plan.node.groups.get(group.0 as usize));
        row.text_if(18, group.map(|group| group.name.as_str()));
        row.gauge(19, conf.announce.master_delay.as_secs());
        row.truth(20, plan.notify.mail);
        row.truth(21, has_scripts(&plan.notify));
        scripts(&mut row, &plan.notify, [22, 23, 24, 25, 26]);
        match conf.version {
            // Version 2 knows no such thing.
            Version::V2 => row.integer(27, 0),
            Version::V3 => row.truth(27, conf.accept),
        }
        row.truth(28, plan.promote_secondaries);
        row.truth(29, plan.linkbeat_polling);
        row.integer(30, if conf.version == Version::V2 { 2 } else { 3 });
        row.text_if(31, plan.notify.master_rx_lower.as_ref().map(script).as_deref());
        row.text_if(32, plan.notify.deleted.1.as_ref().map(script).as_deref());
        row.truth(33, plan.notify.deleted.0);
        if let Destination::Multicast(group) = conf.destination {
            row.address_type(34, group);
            row.address(35, group);
        }
    }
}

fn addresses(facts: &Facts<'_>, rows: &mut Rows) {
    let mut table = Table::new(rows, KEEPALIVED, &[2, 6, 1]);
    for (n, (address, users)) in facts.plan.static_addresses.iter().enumerate() {
        // Without a track group they are always set.
        let set = users.is_empty() || users.iter().any(|id: &InstanceId| facts.is_held(*id));
        address_row(facts, &mut table.row(&[0, index(n)]), address, set, false);
    }
    for (n, (view, plan)) in facts.instances().enumerate() {
        let set = facts.is_held(view.id());
        for (m, address) in plan.addresses.iter().chain(&plan.excluded).enumerate() {
            let advertised = m < plan.addresses.len() && view.conf().addresses.contains(&address.ip);
            address_row(facts, &mut table.row(&[index(n), index(m)]), address, set, advertised);
        }
    }
}

fn address_row(facts: &Facts<'_>, row: &mut Row<'_>, address: &Address, set: bool, advertised: bool) {
    row.address_type(2, address.ip);
    row.address(3, address.ip);
    match (address.broadcast, address.ip) {
        (Some(broadcast), _) => row.address(4, broadcast),
        (None, IpAddr::V4(_)) => row.value(4, Value::Octets(vec![0; 4])),
        (None, IpAddr::V6(_)) => {}
    }
    row.gauge(5, u64::from(address.prefix));
    row.integer(6, scope(address.scope));
    row.integer(7, i64::from(facts.interface_index(address.interface)));
    row.text_if(8, facts.interface(address.interface).map(|interface| interface.name.as_str()));
    row.text_if(9, address.label.as_deref());
    row.truth(10, set);
    row.truth(11, advertised);
    if let Some((peer, _)) = address.peer {
        row.address(12, peer);
    }
}

/// InetScopeType.
pub(super) fn scope(scope: Scope) -> i64 {
    match scope {
        Scope::HOST => 1,
        Scope::LINK => 2,
        Scope::SITE => 5,
        Scope::NOWHERE => 0,
        // The kernel's numbers below 200 are the administrator's; the MIB has only one word left for them.
        Scope(_) => 14,
    }
}
