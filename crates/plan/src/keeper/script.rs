//! Scripts, and how tracked things are watched.

use std::net::IpAddr;

use evenkeel_base::Span;
use evenkeel_base::time::Duration;

/// Whom a script runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserGroup {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// A command line with its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPlan {
    /// The words: the program's path first. Never empty.
    pub args: Vec<String>,
    /// As the file has it.
    pub text: String,
    /// Whom it runs as; `None`: as the daemon.
    pub user: Option<UserGroup>,
    /// Where it stands.
    pub span: Span,
}

/// How a tracked thing is watched; beside [`evenkeel_vrrp::conf::TrackConf`], which has names and weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackPlan {
    /// `vrrp_script`; `None`: it was disabled (unsafe, or not there), and counts as its `disabled` state says.
    Script(Option<ScriptPlan>),
    /// `track_file`.
    File {
        /// Its path.
        path: String,
        /// `init_file`: the value written at the start where it is not there.
        init: Option<i64>,
        /// `overwrite`.
        overwrite: bool,
    },
    /// `vrrp_track_process`.
    Process {
        /// The command.
        command: String,
        /// Its parameters; `None`: any.
        params: Option<Vec<String>>,
        /// `param_match`.
        param_match: ParamMatch,
        /// `full_command`.
        full_command: bool,
        /// `quorum`.
        quorum: u32,
        /// `quorum_max`.
        quorum_max: Option<u32>,
    },
    /// `bfd_instance`.
    Bfd(BfdPlan),
    /// An interface.
    Interface,
}

/// `param_match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamMatch {
    /// All parameters, in full.
    Exact,
    /// The first ones in full.
    Partial,
    /// The last one may be longer.
    Initial,
}

/// One `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdPlan {
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`.
    pub source: Option<IpAddr>,
    /// `min_rx`.
    pub min_rx: Duration,
    /// `min_tx`.
    pub min_tx: Duration,
    /// `idle_tx`.
    pub idle_tx: Duration,
    /// `multiplier`.
    pub multiplier: u8,
    /// `passive`.
    pub passive: bool,
    /// `ttl` or `hoplimit`.
    pub ttl: u8,
    /// `max_hops`.
    pub max_hops: u8,
    /// `multihop`.
    pub multihop: bool,
}
