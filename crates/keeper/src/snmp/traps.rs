//! Traps: transitions told to managers.

use std::net::IpAddr;

use evenkeel_vrrp::conf::{Family, Version, WantedState};
use evenkeel_vrrp::view::InstanceView;
use evenkeel_vrrp::{Became, StateKind, Subject};
use evenkeel_wire::agentx::{Oid, Value, VarBind};

use super::rows::octets;
use super::{Facts, KEEPALIVED, VRRP_V2, VRRP_V3};
use crate::Told;

/// `snmpTrapOID.0` (RFC 3418).
const TRAP_OID: &[u32] = &[1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0];
/// VRRP-MIB and VRRPv3-MIB: an instance became master.
const NEW_MASTER: &[u32] = &[0, 1];

/// The traps of a transition, in the MIBs that are switched on; none where `enable_traps` is off.
pub fn traps(told: &Told, facts: &Facts<'_>) -> Vec<Vec<VarBind>> {
    let on = &facts.plan.global.snmp;
    let Some(state) = state(told.became).filter(|_| on.traps) else { return Vec::new() };
    let mut traps = Vec::new();
    if on.vrrp {
        traps.push(keepalived(told, state, facts));
    }
    let instance = match told.subject {
        Subject::Instance(id) if told.became == Became::Master => facts.node.view().instance(id),
        Subject::Instance(_) | Subject::Group(_) => None,
    };
    if let Some(view) = instance {
        if on.rfc_v2 && view.conf().version == Version::V2 {
            traps.push(new_master_v2(view, facts));
        }
        if on.rfc_v3 {
            traps.push(new_master_v3(view, facts));
        }
    }
    traps
}

/// VrrpState of KEEPALIVED-MIB; `None`: the state has not changed.
fn state(became: Became) -> Option<i32> {
    match became {
        Became::Backup => Some(1),
        Became::Master => Some(2),
        Became::Fault => Some(3),
        Became::Stop => Some(5),
        Became::Deleted => Some(6),
        Became::MasterRxLower | Became::Priority => None,
    }
}

fn oid(base: &[u32], below: &[u32]) -> Oid {
    Oid::new(base).unwrap_or_default().with(below)
}

fn trap(kind: Oid, rest: impl IntoIterator<Item = (Oid, Value)>) -> Vec<VarBind> {
    let first = (oid(TRAP_OID, &[]), Value::Oid(kind));
    std::iter::once(first).chain(rest).map(|(name, value)| VarBind { name, value }).collect()
}

/// `vrrpSyncGroupStateChange`, `vrrpInstanceStateChange`; names without an index, as the original sends them.
fn keepalived(told: &Told, state: i32, facts: &Facts<'_>) -> Vec<VarBind> {
    let text = |text: &str| Value::Octets(text.as_bytes().to_vec());
    let router = facts.plan.global.router_id.as_deref().unwrap_or_default();
    let router = (oid(KEEPALIVED, &[1, 2, 0]), text(router));
    let column = |table: u32, column: u32| oid(KEEPALIVED, &[2, table, 1, column]);
    match told.subject {
        Subject::Group(_) => {
            let facts = [(column(1, 2), text(&told.name)), (column(1, 3), Value::Integer(state)), router];
            trap(oid(KEEPALIVED, &[2, 10, 0, 1]), facts)
        }
        Subject::Instance(id) => {
            let conf = facts.plan.node.instances.get(id.0 as usize);
            let initial = match conf.map(|conf| conf.state) {
                Some(WantedState::Master) => 2,
                Some(WantedState::Backup) | None => 1,
            };
            let facts = [
                (column(3, 2), text(&told.name)),
                (column(3, 4), Value::Integer(state)),
                (column(3, 5), Value::Integer(initial)),
                router,
            ];
            trap(oid(KEEPALIVED, &[2, 10, 0, 2]), facts)
        }
    }
}

/// `vrrpTrapNewMaster` (RFC 2787): the new master's address.
fn new_master_v2(view: InstanceView<'_>, facts: &Facts<'_>) -> Vec<VarBind> {
    debug_assert_ne!(view.state(), StateKind::Init);
    let conf = view.conf();
    let at = [1, 3, 1, 7, facts.interface_index(conf.interface), u32::from(conf.vrid.get())];
    let address = match view.source() {
        Some(IpAddr::V4(address)) => address.octets(),
        Some(IpAddr::V6(_)) | None => [0; 4],
    };
    trap(oid(VRRP_V2, NEW_MASTER), [(oid(VRRP_V2, &at), Value::IpAddress(address))])
}

/// `vrrpv3NewMaster` (RFC 6527): the new master's address.
fn new_master_v3(view: InstanceView<'_>, facts: &Facts<'_>) -> Vec<VarBind> {
    let conf = view.conf();
    let family = match conf.family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    let at = [1, 1, 1, 1, 3, facts.interface_index(conf.interface), u32::from(conf.vrid.get()), family];
    let address = view.source().map(octets).unwrap_or_default();
    trap(oid(VRRP_V3, NEW_MASTER), [(oid(VRRP_V3, &at), Value::Octets(address))])
}
