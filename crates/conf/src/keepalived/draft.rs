//! What the keywords fill. Names stay names here; `judge` makes ids of them.
//!
//! A block that is open is filled in a field of its own (`instance`, `script`, …) and moved to its list at its end.

use std::collections::BTreeMap;
use std::net::IpAddr;

use evenkeel_base::Span;
use evenkeel_base::time::Duration;
use evenkeel_plan::keeper::address::{Address, Route, Rule};
use evenkeel_plan::keeper::global::GarpGroup;
use evenkeel_plan::keeper::instance::Places;
use evenkeel_plan::keeper::script::ParamMatch;
use evenkeel_plan::keeper::{KeeperGlobal, ScriptPlan, UserGroup};
use evenkeel_vrrp::conf::{HmacMode, InterfaceId, UnicastPeer, Version};

use super::track::Late;

/// Everything that the file said.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// `global_defs` and what stands beside it, as far as nothing has to be resolved.
    pub(crate) global: KeeperGlobal,
    /// What `global_defs` sets for instances.
    pub(crate) defaults: Defaults,
    /// Interfaces that are named.
    pub(crate) interfaces: Interfaces,
    /// `vrrp_script`, done ones and the open one.
    pub(crate) scripts: Vec<ScriptDraft>,
    /// The open one.
    pub(crate) script: ScriptDraft,
    /// `track_file`.
    pub(crate) files: Vec<FileDraft>,
    /// The open one.
    pub(crate) file: FileDraft,
    /// `vrrp_track_process`.
    pub(crate) processes: Vec<ProcessDraft>,
    /// The open one.
    pub(crate) process: ProcessDraft,
    /// `bfd_instance`.
    pub(crate) bfds: Vec<BfdDraft>,
    /// The open one.
    pub(crate) bfd: BfdDraft,
    /// `vrrp_sync_group`.
    pub(crate) groups: Vec<GroupDraft>,
    /// The open one.
    pub(crate) group: GroupDraft,
    /// `vrrp_instance`.
    pub(crate) instances: Vec<InstanceDraft>,
    /// The open one.
    pub(crate) instance: InstanceDraft,
    /// `track_group` for static addresses: name and instances.
    pub(crate) static_groups: Vec<(String, Vec<Named>)>,
    /// The open one.
    pub(crate) static_group: (String, Vec<Named>),
    /// `static_ipaddress` with their groups.
    pub(crate) static_addresses: Vec<(Address, Option<String>)>,
    /// `static_routes`.
    pub(crate) static_routes: Vec<(Route, Option<String>)>,
    /// `static_rules`.
    pub(crate) static_rules: Vec<(Rule, Option<String>)>,
    /// The open `garp_group`.
    pub(crate) garp: GarpGroup,
    /// True if a delay of it was given.
    pub(crate) garp_delays: bool,
    /// Macvlan names with their instances, in the file's order.
    pub(crate) vmacs: Vec<(String, String)>,
    /// `virtual_server` and what goes with it.
    pub(crate) lvs: super::lvs::LvsDraft,
    /// Names in track lists that nothing above them defines.
    pub(crate) late: Vec<Late>,
    /// Words of `notify_email` blocks and the like, while they are open.
    pub(crate) items: usize,
    /// Preferences given to rules that have none, counted down.
    pub(crate) next_preference: u32,
}

/// What `global_defs` sets for instances.
#[derive(Debug)]
pub(crate) struct Defaults {
    /// `vrrp_version`.
    pub(crate) version: Version,
    /// `vrrp_mcast_group4`.
    pub(crate) group4: IpAddr,
    /// `vrrp_mcast_group6`.
    pub(crate) group6: IpAddr,
    /// `vrrp_garp_…`.
    pub(crate) announce: AnnounceDraft,
    /// `vrrp_min_garp`.
    pub(crate) min_garp: bool,
    /// `vrrp_garp_extra_if`.
    pub(crate) garp_extra: Option<(Duration, bool)>,
    /// `vrrp_down_timer_adverts`.
    pub(crate) down_timer_adverts: u32,
    /// `vrrp_lower_prio_no_advert`.
    pub(crate) lower_prio_no_advert: Option<bool>,
    /// `vrrp_higher_prio_send_advert`.
    pub(crate) higher_prio_send_advert: bool,
    /// `vrrp_check_unicast_src`.
    pub(crate) check_unicast_source: bool,
    /// `vrrp_skip_check_adv_addr`.
    pub(crate) skip_check_addresses: bool,
    /// `vrrp_strict`.
    pub(crate) strict: bool,
    /// `vrrp_owner_ignore_adverts`.
    pub(crate) owner_ignore_adverts: bool,
    /// `vrrp_startup_delay`, `vrrp_delay_after_boot`.
    pub(crate) startup_delay: Duration,
    /// `log_unknown_vrids`.
    pub(crate) log_unknown_vrids: bool,
    /// `vrrp_notify_priority_changes`.
    pub(crate) notify_priority_changes: bool,
    /// `smtp_alert`.
    pub(crate) mail: Option<bool>,
    /// `smtp_alert_vrrp`.
    pub(crate) mail_vrrp: Option<bool>,
    /// `default_interface`.
    pub(crate) interface: Option<String>,
    /// `vmac_prefix`.
    pub(crate) vmac_prefix: String,
    /// `script_user`: what was resolved; the outer `None` where the file says nothing.
    pub(crate) script_user: Option<Option<UserGroup>>,
    /// `startup_script` and `shutdown_script`.
    pub(crate) process_scripts: [Option<ScriptPlan>; 2],
    /// Their timeouts.
    pub(crate) process_timeouts: [Duration; 2],
    /// Scripts of FIFOs: `notify`, `vrrp`, `lvs`.
    pub(crate) fifo_scripts: [Option<ScriptPlan>; 3],
    /// `lease`: `Some(None)` is off.
    pub(crate) lease: Option<Option<Duration>>,
}

impl Default for Defaults {
    fn default() -> Self {
        /// Of startup and shutdown scripts.
        const SCRIPT_TIMEOUT: Duration = Duration::from_secs(10);
        Self {
            version: Version::V2,
            group4: IpAddr::from([224, 0, 0, 18]),
            group6: IpAddr::from([0xff02, 0, 0, 0, 0, 0, 0, 0x12]),
            announce: AnnounceDraft::default(),
            min_garp: false,
            garp_extra: None,
            down_timer_adverts: 3,
            lower_prio_no_advert: None,
            higher_prio_send_advert: false,
            check_unicast_source: false,
            skip_check_addresses: false,
            strict: false,
            owner_ignore_adverts: false,
            startup_delay: Duration::ZERO,
            log_unknown_vrids: false,
            notify_priority_changes: false,
            mail: None,
            mail_vrrp: None,
            interface: None,
            vmac_prefix: "vrrp".to_owned(),
            script_user: None,
            process_scripts: [None, None],
            process_timeouts: [SCRIPT_TIMEOUT; 2],
            fifo_scripts: [None, None, None],
            lease: None,
        }
    }
}

/// `garp_…` as far as it was said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnnounceDraft {
    /// `garp_master_delay`.
    pub(crate) master_delay: Option<Duration>,
    /// `garp_master_repeat`.
    pub(crate) master_repeat: Option<u32>,
    /// `garp_lower_prio_delay`.
    pub(crate) lower_prio_delay: Option<Duration>,
    /// `garp_lower_prio_repeat`.
    pub(crate) lower_prio_repeat: Option<u32>,
    /// `garp_master_refresh`.
    pub(crate) master_refresh: Option<Duration>,
    /// `garp_master_refresh_repeat`.
    pub(crate) master_refresh_repeat: Option<u32>,
}

/// Interfaces that the file names, each once.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    names: Vec<String>,
    ids: BTreeMap<String, InterfaceId>,
    /// Places of names that the system does not have.
    pub(crate) missing: Vec<Span>,
}

impl Interfaces {
    /// The id of a name.
    pub(crate) fn id(&mut self, name: &str) -> InterfaceId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = InterfaceId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// The name of an id.
    pub(crate) fn name(&self, id: InterfaceId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// All names by id.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Named {
    /// The name.
    pub(crate) name: String,
    /// Its place.
    pub(crate) span: Span,
}

/// A weight with `reverse`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The number.
    pub(crate) value: i32,
    /// The other way round.
    pub(crate) reverse: bool,
    /// Where it stands; nowhere for a default.
    pub(crate) span: Span,
}

/// One line of `track_script`, `track_interface`, ….
#[derive(Clone, Debug)]
pub(crate) struct UseDraft {
    /// What it names.
    pub(crate) of: Named,
    /// The weight, where the line has one.
    pub(crate) weight: Option<Weight>,
}

/// The kinds of `track_…` lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracked {
    /// `track_script`.
    pub(crate) scripts: Vec<UseDraft>,
    /// `track_interface`.
    pub(crate) interfaces: Vec<UseDraft>,
    /// `track_file`.
    pub(crate) files: Vec<UseDraft>,
    /// `track_process`.
    pub(crate) processes: Vec<UseDraft>,
    /// `track_bfd`.
    pub(crate) bfds: Vec<UseDraft>,
}

/// `vrrp_script`.
#[derive(Clone, Debug)]
pub(crate) struct ScriptDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `script`; the user comes later.
    pub(crate) command: Option<ScriptPlan>,
    /// `user`.
    pub(crate) user: Option<UserGroup>,
    /// `user` names nobody: the script is dropped.
    pub(crate) bad_user: bool,
    /// `interval`.
    pub(crate) interval: Duration,
    /// `timeout`.
    pub(crate) timeout: Option<Duration>,
    /// `weight`.
    pub(crate) weight: Weight,
    /// `rise`.
    pub(crate) rise: u32,
    /// `fall`.
    pub(crate) fall: u32,
    /// `init_fail`.
    pub(crate) init_fail: bool,
}

impl Default for ScriptDraft {
    fn default() -> Self {
        Self {
            of: Named::default(),
            command: None,
            user: None,
            bad_user: false,
            interval: Duration::from_secs(1),
            timeout: None,
            weight: Weight::default(),
            rise: 1,
            fall: 1,
            init_fail: false,
        }
    }
}

/// `track_file`.
#[derive(Clone, Debug)]
pub(crate) struct FileDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `file`.
    pub(crate) path: Option<String>,
    /// `weight`.
    pub(crate) weight: Weight,
    /// `init_file`.
    pub(crate) init: Option<i64>,
    /// `overwrite`.
    pub(crate) overwrite: bool,
}

impl Default for FileDraft {
    fn default() -> Self {
        Self {
            of: Named::default(),
            path: None,
            weight: Weight { value: 1, ..Weight::default() },
            init: None,
            overwrite: false,
        }
    }
}

/// `vrrp_track_process`.
#[derive(Clone, Debug)]
pub(crate) struct ProcessDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `process`: the command and its parameters.
    pub(crate) command: Option<(String, Vec<String>)>,
    /// `param_match`.
    pub(crate) param_match: Option<ParamMatch>,
    /// `weight`.
    pub(crate) weight: Weight,
    /// `quorum`.
    pub(crate) quorum: u32,
    /// `quorum_max`.
    pub(crate) quorum_max: Option<u32>,
    /// `fork_delay`.
    pub(crate) fork_delay: Duration,
    /// `terminate_delay`.
    pub(crate) terminate_delay: Duration,
    /// `full_command`.
    pub(crate) full_command: bool,
}

impl Default for ProcessDraft {
    fn default() -> Self {
        Self {
            of: Named::default(),
            command: None,
            param_match: None,
            weight: Weight { value: 1, ..Weight::default() },
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
            full_command: false,
        }
    }
}

/// `bfd_instance`.
#[derive(Clone, Debug)]
pub(crate) struct BfdDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `neighbor_ip`.
    pub(crate) neighbor: Option<IpAddr>,
    /// `source_ip`.
    pub(crate) source: Option<IpAddr>,
    /// `min_rx`.
    pub(crate) min_rx: Duration,
    /// `min_tx`.
    pub(crate) min_tx: Duration,
    /// `idle_tx`.
    pub(crate) idle_tx: Duration,
    /// `multiplier`.
    pub(crate) multiplier: u8,
    /// `passive`.
    pub(crate) passive: bool,
    /// `ttl`, `hoplimit`.
    pub(crate) ttl: Option<u8>,
    /// `max_hops`.
    pub(crate) max_hops: Option<u8>,
    /// `multihop`.
    pub(crate) multihop: bool,
    /// `weight`.
    pub(crate) weight: Weight,
    /// `vrrp` or `checker`: who is told; both where the file says neither.
    pub(crate) told: (bool, bool),
    /// A mistake that the original drops the whole instance for.
    pub(crate) bad: bool,
}

impl Default for BfdDraft {
    fn default() -> Self {
        Self {
            of: Named::default(),
            neighbor: None,
            source: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: None,
            max_hops: None,
            multihop: false,
            weight: Weight::default(),
            told: (false, false),
            bad: false,
        }
    }
}

/// `notify…` and `smtp_alert` as far as they were said.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotifyDraft {
    /// By `notify_…` word.
    pub(crate) scripts: BTreeMap<&'static str, ScriptPlan>,
    /// `notify_deleted` was given.
    pub(crate) deleted: bool,
    /// `smtp_alert`.
    pub(crate) mail: Option<bool>,
    /// `notify_priority_changes`.
    pub(crate) priority_changes: Option<bool>,
}

/// `vrrp_sync_group`.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `group { … }`.
    pub(crate) members: Vec<Named>,
    /// True once a `group` block was read.
    pub(crate) listed: bool,
    /// `track_…`.
    pub(crate) tracked: Tracked,
    /// `notify…`.
    pub(crate) notify: NotifyDraft,
    /// `sync_group_tracking_weight`.
    pub(crate) tracking_weight: bool,
    /// `global_tracking`.
    pub(crate) global_tracking: bool,
}

/// `authentication`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthKind {
    /// `PASS`.
    Pass,
    /// `AH`.
    Ah,
}

/// `auth_hmac`.
#[derive(Clone, Debug, Default)]
pub(crate) struct HmacDraft {
    /// `key`s.
    pub(crate) keys: Vec<(u8, Vec<u8>)>,
    /// `active_key`.
    pub(crate) active: Option<(u8, Span)>,
    /// `anti_replay monotonic`.
    pub(crate) monotonic: bool,
    /// `time_window`.
    pub(crate) window: Option<Duration>,
    /// `mode`.
    pub(crate) mode: Option<HmacMode>,
    /// Where it stands.
    pub(crate) span: Span,
}

/// `use_vmac`, `use_ipvlan`.
#[derive(Clone, Debug, Default)]
pub(crate) struct VmacDraft {
    /// Its name, where given.
    pub(crate) name: Option<Named>,
    /// Five or six bytes of MAC.
    pub(crate) mac: Option<Vec<u8>>,
    /// `use_ipvlan`.
    pub(crate) ipvlan: bool,
    /// The ipvlan's own address.
    pub(crate) address: Option<IpAddr>,
}

/// `vrrp_instance`.
#[derive(Clone, Debug, Default)]
pub(crate) struct InstanceDraft {
    /// Its name.
    pub(crate) of: Named,
    /// `state`: true for MASTER.
    pub(crate) master: Option<bool>,
    /// `interface`.
    pub(crate) interface: Option<InterfaceId>,
    /// `vrf`.
    pub(crate) vrf: Option<Named>,
    /// `virtual_router_id`.
    pub(crate) vrid: Option<u8>,
    /// `priority`.
    pub(crate) priority: Option<u8>,
    /// `version`.
    pub(crate) version: Option<(Version, Span)>,
    /// `native_ipv6`, or the first address's family: IPv6.
    pub(crate) v6: Option<bool>,
    /// `advert_int`.
    pub(crate) advert: Option<(Duration, Span)>,
    /// `virtual_ipaddress`.
    pub(crate) addresses: Vec<Address>,
    /// `no_virtual_ipaddress`.
    pub(crate) no_addresses: bool,
    /// `virtual_ipaddress_excluded`.
    pub(crate) excluded: Vec<Address>,
    /// `virtual_routes`.
    pub(crate) routes: Vec<Route>,
    /// `virtual_rules`.
    pub(crate) rules: Vec<Rule>,
    /// `mcast_src_ip`, `unicast_src_ip`.
    pub(crate) source: Option<(IpAddr, Span)>,
    /// `track_src_ip`.
    pub(crate) track_source: bool,
    /// `mcast_dst_ip`.
    pub(crate) group: Option<(IpAddr, Span)>,
    /// `unicast_peer`.
    pub(crate) peers: Vec<UnicastPeer>,
    /// A unicast keyword was used: where.
    pub(crate) unicast: Option<Span>,
    /// `unicast_fault_no_peer`.
    pub(crate) fault_no_peer: bool,
    /// `unicast_ttl`.
    pub(crate) ttl: Option<(u8, Span)>,
    /// `check_unicast_src`.
    pub(crate) check_unicast_source: bool,
    /// `old_unicast_checksum`: `Some(true)` is `never`.
    pub(crate) old_checksum: Option<bool>,
    /// `v3_checksum_as_v2`.
    pub(crate) checksum_as_v2: bool,
    /// `auth_type`.
    pub(crate) auth: Option<AuthKind>,
    /// `auth_pass`.
    pub(crate) password: Option<[u8; 8]>,
    /// Where `authentication` stands.
    pub(crate) auth_span: Span,
    /// `auth_hmac`.
    pub(crate) hmac: Option<HmacDraft>,
    /// `nopreempt`, and where.
    pub(crate) nopreempt: Option<Span>,
    /// `preempt_delay`.
    pub(crate) preempt_delay: Option<(Duration, Span)>,
    /// `down_timer_adverts`.
    pub(crate) down_timer_adverts: Option<(u32, Span)>,
    /// `lower_prio_no_advert`.
    pub(crate) lower_prio_no_advert: Option<(bool, Span)>,
    /// `higher_prio_send_advert`.
    pub(crate) higher_prio_send_advert: Option<(bool, Span)>,
    /// `skip_check_adv_addr`.
    pub(crate) skip_check_addresses: Option<bool>,
    /// `strict_mode`.
    pub(crate) strict: Option<bool>,
    /// `accept`, `no_accept`.
    pub(crate) accept: Option<(bool, Span)>,
    /// `owner_ignore_adverts`.
    pub(crate) owner_ignore_adverts: Option<bool>,
    /// `dont_track_primary`.
    pub(crate) dont_track_primary: bool,
    /// `track_…`.
    pub(crate) tracked: Tracked,
    /// `garp_…`.
    pub(crate) announce: AnnounceDraft,
    /// Where `garp_lower_prio_…` stand.
    pub(crate) lower_prio_spans: (Span, Span),
    /// `garp_extra_if`.
    pub(crate) garp_extra: Option<(Duration, bool)>,
    /// `notify…`.
    pub(crate) notify: NotifyDraft,
    /// `promote_secondaries`.
    pub(crate) promote_secondaries: bool,
    /// `use_vmac`, `use_ipvlan`.
    pub(crate) vmac: Option<VmacDraft>,
    /// `vmac_xmit_base`, and where.
    pub(crate) xmit_base: Option<Span>,
    /// `use_vmac_addr`.
    pub(crate) vmac_addresses: bool,
    /// `linkbeat_use_polling`.
    pub(crate) linkbeat: bool,
    /// `kernel_rx_buf_size`.
    pub(crate) rx_buffer: Option<u32>,
    /// `evenkeel lease`.
    pub(crate) lease: Option<Option<Duration>>,
    /// Where the keywords stand.
    pub(crate) places: Places,
}
