//! `global_defs` and what else belongs to no instance.

use evenkeel_base::time::Duration;
use evenkeel_vrrp::conf::InterfaceId;

use super::script::ScriptPlan;

/// The program that a setting is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Daemon {
    /// The keeper of addresses (`vrrp_…`).
    Vrrp,
    /// The director (`checker_…`).
    Checker,
    /// BFD (`bfd_…`).
    Bfd,
}

/// `smtp_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Address or name.
    pub host: String,
    /// Port; 25 where the file has none.
    pub port: u16,
}

/// Mail.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mail {
    /// `notification_email`.
    pub to: Vec<String>,
    /// `notification_email_from`; `keepalived@<host>` where the file has none.
    pub from: Option<String>,
    /// `smtp_server`.
    pub server: Option<SmtpServer>,
    /// `smtp_helo_name`.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`; 30 s where the file has none.
    pub connect_timeout: Option<Duration>,
    /// `no_email_faults`.
    pub no_faults: bool,
}

/// How a daemon is scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scheduling {
    /// `…_priority`: -20 to 19.
    pub nice: Option<i8>,
    /// `…_rt_priority`: 1 to 99.
    pub realtime: Option<u8>,
    /// `…_rlimit_rttime`: microseconds.
    pub rlimit_rttime_us: Option<u64>,
    /// `…_no_swap`.
    pub no_swap: bool,
    /// `…_cpu_affinity`.
    pub cpus: Vec<u32>,
    /// `…_process_name`.
    pub process_name: Option<String>,
}

/// `vrrp_iptables`, `nftables` and what goes with them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Firewall {
    /// `vrrp_iptables [IN [OUT]]`; empty where the file names no chains.
    pub iptables: Option<Vec<String>>,
    /// `vrrp_ipsets` and the names.
    pub ipsets: Option<Vec<String>>,
    /// `nftables [TABLE]`.
    pub nftables: Option<String>,
    /// `nftables_priority`.
    pub nftables_priority: Option<i32>,
    /// `nftables_counters`.
    pub nftables_counters: bool,
    /// `nftables_ifindex`.
    pub nftables_ifindex: bool,
    /// `disable_local_igmp`.
    pub disable_local_igmp: bool,
}

/// A notify FIFO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    /// Its path.
    pub path: String,
    /// `…_notify_fifo_script`.
    pub script: Option<ScriptPlan>,
}

/// `garp_group`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct GarpGroup {
    /// `garp_interval`.
    pub garp_interval: Duration,
    /// `gna_interval`.
    pub gna_interval: Duration,
    /// `interface` or `interfaces`.
    pub interfaces: Vec<InterfaceId>,
}

/// Process-wide settings.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeeperGlobal {
    /// `router_id`; the host's name where the file has none.
    pub router_id: Option<String>,
    /// Where it stands.
    pub router_id_span: evenkeel_base::Span,
    /// Mail.
    pub mail: Mail,
    /// Scheduling, by daemon.
    pub vrrp: Scheduling,
    /// Likewise, of the director.
    pub checker: Scheduling,
    /// Likewise, of BFD.
    pub bfd: Scheduling,
    /// `process_name`.
    pub process_name: Option<String>,
    /// `net_namespace`.
    pub net_namespace: Option<String>,
    /// `instance`.
    pub instance: Option<String>,
    /// `use_pid_dir`.
    pub use_pid_dir: bool,
    /// `child_wait_time`.
    pub child_wait: Option<Duration>,
    /// `startup_script` and its timeout.
    pub startup_script: Option<(ScriptPlan, Duration)>,
    /// `shutdown_script` and its timeout.
    pub shutdown_script: Option<(ScriptPlan, Duration)>,
    /// `notify_fifo`.
    pub fifo: Option<Fifo>,
    /// `vrrp_notify_fifo`.
    pub vrrp_fifo: Option<Fifo>,
    /// `lvs_notify_fifo`.
    pub lvs_fifo: Option<Fifo>,
    /// `fifo_write_vrrp_states_on_reload`.
    pub fifo_states_on_reload: bool,
    /// Firewall.
    pub firewall: Firewall,
    /// `vrrp_garp_interval`.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`.
    pub gna_interval: Duration,
    /// `garp_group` blocks.
    pub garp_groups: Vec<GarpGroup>,
    /// `dynamic_interfaces`; the flag is `allow_if_changes`.
    pub dynamic_interfaces: Option<bool>,
    /// `linkbeat_use_polling`, `linkbeat_interfaces`: which, and by what (`MII`, `ETHTOOL`, `IOCTL`).
    pub linkbeat: Vec<(InterfaceId, Option<String>)>,
    /// `linkbeat_use_polling` for all.
    pub linkbeat_all: bool,
    /// `interface_up_down_delays`: down and up.
    pub interface_delays: Vec<(InterfaceId, Duration, Duration)>,
    /// `enable_dbus`; its `dbus_service_name`; and `dbus_no_interface_name`.
    pub dbus: Option<(Option<String>, bool)>,
    /// `enable_snmp_vrrp`, `enable_snmp_rfcv2`, `enable_snmp_rfcv3`, `enable_traps`.
    pub snmp: Snmp,
    /// `umask`.
    pub umask: Option<u32>,
    /// `json_version`: 1 or 2.
    pub json_version: u8,
    /// `state_dump_file`, `stats_dump_file`, `json_dump_file`.
    pub dump_files: [Option<String>; 3],
    /// `data_use_instance`.
    pub data_use_instance: bool,
    /// `reload_check_config`: its log file, maybe empty.
    pub reload_check: Option<String>,
    /// `reload_time_file` and `reload_repeat`.
    pub reload_time: Option<(String, bool)>,
    /// `reload_file`; empty: the default name.
    pub reload_file: Option<String>,
    /// `enable_script_security`.
    pub script_security: bool,
}

/// SNMP.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Snmp {
    /// `snmp_socket`.
    pub socket: Option<String>,
    /// KEEPALIVED-MIB.
    pub vrrp: bool,
    /// VRRP-MIB.
    pub rfc_v2: bool,
    /// VRRPv3-MIB.
    pub rfc_v3: bool,
    /// `enable_traps`.
    pub traps: bool,
}
