//! What a keepalived.conf asks for: the plan of the keeper, made by `conf::keepalived`.
//!
//! ```text
//! KeeperPlan ─ node            what the VRRP brain needs: interfaces, tracks, instances, groups (by id)
//!            ├ instances[InstanceId]   beside node.instances: what the hands do for each
//!            ├ groups[GroupId], tracks[TrackId]  likewise
//!            ├ statics         addresses, routes, rules that stay
//!            ├ lvs             virtual servers and their checks
//!            └ global          process-wide settings, mail
//! ```

pub mod address;
pub mod global;
pub mod instance;
pub mod lvs;
pub mod script;

use std::sync::Arc;

pub use address::{Address, NextHop, Route, RouteKind, Rule, Scope};
pub use global::{Daemon, Firewall, KeeperGlobal, Mail, Scheduling, SmtpServer};
pub use instance::{GroupPlan, InstancePlan, Notify, Places, Vmac};
pub use lvs::LvsPlan;
pub use script::{BfdPlan, ScriptPlan, TrackPlan, UserGroup};

/// Everything that the keeper runs.
#[derive(Debug)]
pub struct KeeperPlan {
    /// What the brain needs.
    pub node: evenkeel_vrrp::NodeConf,
    /// What the hands do for each of `node.instances`.
    pub instances: Vec<InstancePlan>,
    /// What the hands do for each of `node.groups`.
    pub groups: Vec<GroupPlan>,
    /// How each of `node.tracks` is watched.
    pub tracks: Vec<TrackPlan>,
    /// `static_ipaddress`, with the instances of their `track_group`.
    pub static_addresses: Vec<(Address, Vec<evenkeel_vrrp::conf::InstanceId>)>,
    /// `static_routes`.
    pub static_routes: Vec<(Route, Vec<evenkeel_vrrp::conf::InstanceId>)>,
    /// `static_rules`.
    pub static_rules: Vec<(Rule, Vec<evenkeel_vrrp::conf::InstanceId>)>,
    /// `virtual_server` and what goes with it.
    pub lvs: LvsPlan,
    /// `global_defs` and what stands beside it.
    pub global: KeeperGlobal,
    /// The files that it came from.
    pub sources: Arc<evenkeel_base::SourceMap>,
}
