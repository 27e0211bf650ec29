//! What the hands do for an instance or a group.

use evenkeel_base::Span;
use evenkeel_base::time::Duration;

use super::address::{Address, Route, Rule};
use super::script::ScriptPlan;

/// Scripts and mail of transitions.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Notify {
    /// `notify_master`.
    pub master: Option<ScriptPlan>,
    /// `notify_backup`.
    pub backup: Option<ScriptPlan>,
    /// `notify_fault`.
    pub fault: Option<ScriptPlan>,
    /// `notify_stop`.
    pub stop: Option<ScriptPlan>,
    /// `notify_deleted`; the flag: deletion is told as `DELETED` instead of `FAULT`.
    pub deleted: (bool, Option<ScriptPlan>),
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower: Option<ScriptPlan>,
    /// `notify`: any transition, with four more words.
    pub any: Option<ScriptPlan>,
    /// `smtp_alert`, after the defaults of `global_defs`.
    pub mail: bool,
    /// `notify_priority_changes`.
    pub priority_changes: bool,
}

/// `use_vmac`, `use_ipvlan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vmac {
    /// The interface's name; the original's `vrrp.<VRID>` where the file has none.
    pub name: String,
    /// Its MAC; `None`: 00:00:5e:00:01:VRID (RFC 9568 §7.3; 02 for IPv6).
    pub mac: Option<[u8; 6]>,
    /// True for `use_ipvlan`.
    pub ipvlan: bool,
    /// `vmac_xmit_base`: adverts leave by the interface below.
    pub xmit_base: bool,
    /// `use_vmac_addr`: for addresses on other interfaces too.
    pub addresses_too: bool,
}

/// One `vrrp_instance`, beside its [`evenkeel_vrrp::InstanceConf`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstancePlan {
    /// `virtual_ipaddress` in the file's order.
    pub addresses: Vec<Address>,
    /// `virtual_ipaddress_excluded`.
    pub excluded: Vec<Address>,
    /// `virtual_routes`.
    pub routes: Vec<Route>,
    /// `virtual_rules`.
    pub rules: Vec<Rule>,
    /// `promote_secondaries`.
    pub promote_secondaries: bool,
    /// `use_vmac`.
    pub vmac: Option<Vmac>,
    /// `garp_extra_if`: the interval, and `all`.
    pub garp_extra: Option<(Duration, bool)>,
    /// `notify…`, `smtp_alert`.
    pub notify: Notify,
    /// `linkbeat_use_polling`.
    pub linkbeat_polling: bool,
    /// `kernel_rx_buf_size`: bytes.
    pub rx_buffer: Option<u32>,
    /// Where each keyword of the block stands, for findings that compare two nodes.
    pub places: Places,
    /// Where the block stands.
    pub span: Span,
}

/// Places of a block's keywords by name (`priority`, `virtual_router_id`, a `track_script` line as `track_script/<name>`):
/// the last one of a name, as its value counts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Places(Vec<(String, Span)>);

impl Places {
    /// Notes a place.
    pub fn note(&mut self, name: impl Into<String>, span: Span) {
        self.0.push((name.into(), span));
    }

    /// The last place of `name`.
    pub fn of(&self, name: &str) -> Option<Span> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, span)| *span)
    }
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// `notify…`, `smtp_alert`.
    pub notify: Notify,
    /// Where the block stands.
    pub span: Span,
}
