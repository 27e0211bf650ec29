//! Draft → Plan: names become ids, defaults are filled in, and what only the whole can tell is told.

use std::sync::Arc;

use evenkeel_base::SourceMap;
use evenkeel_plan::keeper::KeeperPlan;

use super::context::Ctx;
use super::draft::Draft;

/// The plan of a draft.
pub(crate) fn judge(draft: Draft, _ctx: &mut Ctx<'_>, sources: &Arc<SourceMap>) -> KeeperPlan {
    KeeperPlan {
        node: evenkeel_vrrp::NodeConf::default(),
        instances: Vec::new(),
        groups: Vec::new(),
        tracks: Vec::new(),
        static_addresses: Vec::new(),
        static_routes: Vec::new(),
        static_rules: Vec::new(),
        global: draft.global,
        lvs: Default::default(),
        sources: Arc::clone(sources),
    }
}
