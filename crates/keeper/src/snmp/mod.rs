//! SNMP: what the keeper tells a master agent over AgentX, in the words of KEEPALIVED-MIB, VRRP-MIB (RFC 2787) and
//! VRRPv3-MIB (RFC 6527). Pure but for `agent.rs`: facts in, rows and messages out.
//!
//! ```text
//! Facts ─ keepalived.rs, rules.rs, rfc_v2.rs, rfc_v3.rs ─▶ Rows ─ answer.rs ─▶ Response
//! agent.rs: socket ─▶ session.rs: Open, Register… ─▶ Request ─▶ answer.rs ─▶ session.rs ─▶ socket
//! Told   ─▶ traps.rs ─▶ Notify
//! ```
//!
//! Rows are made whole and looked up: whoever walks a table of a thousand instances asks a thousand times, so they
//! are kept for a moment ([`ROWS_AGE_MAX`]).

mod agent;
mod answer;
mod facts;
mod keepalived;
mod rfc_v2;
mod rfc_v3;
mod routing;
mod rows;
mod session;
mod tracks;
mod traps;

use std::time::Duration;

pub use agent::{Agent, NoSocket, Socket};
pub use answer::answer;
pub use facts::Facts;
pub use rows::Rows;
pub use session::{Input, Output, Session, Trouble};
pub use traps::traps;

use evenkeel_plan::keeper::global::Snmp;
use evenkeel_wire::agentx::Oid;

/// Rows may be so old when they answer.
pub const ROWS_AGE_MAX: Duration = Duration::from_secs(1);

/// KEEPALIVED-MIB.
const KEEPALIVED: &[u32] = &[1, 3, 6, 1, 4, 1, 9586, 100, 5];
/// VRRP-MIB.
const VRRP_V2: &[u32] = &[1, 3, 6, 1, 2, 1, 68];
/// VRRPv3-MIB.
const VRRP_V3: &[u32] = &[1, 3, 6, 1, 2, 1, 207];

/// The rows of the MIBs that are switched on.
pub fn rows(facts: &Facts<'_>) -> Rows {
    let mut rows = Rows::default();
    let on = &facts.plan.global.snmp;
    if on.vrrp {
        keepalived::fill(facts, &mut rows);
        tracks::fill(facts, &mut rows);
        routing::fill(facts, &mut rows);
    }
    if on.rfc_v2 {
        rfc_v2::fill(facts, &mut rows);
    }
    if on.rfc_v3 {
        rfc_v3::fill(facts, &mut rows);
    }
    rows
}

/// The subtrees to register: of KEEPALIVED-MIB what is not the director's.
pub fn subtrees(on: &Snmp) -> Vec<Oid> {
    let mut subtrees = Vec::new();
    let mut add = |base: &[u32], below: &[u32]| subtrees.extend(Oid::new(base).map(|oid| oid.with(below)));
    if on.vrrp {
        add(KEEPALIVED, &[1]);
        add(KEEPALIVED, &[2]);
    }
    if on.rfc_v2 {
        add(VRRP_V2, &[]);
    }
    if on.rfc_v3 {
        add(VRRP_V3, &[]);
    }
    subtrees
}
