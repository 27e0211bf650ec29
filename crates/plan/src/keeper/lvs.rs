//! `virtual_server` blocks: what the director is to spread, and how its real servers are checked.

use std::net::{IpAddr, SocketAddr};

use evenkeel_base::Span;
use evenkeel_base::time::Duration;
use evenkeel_vrrp::conf::{InstanceId, InterfaceId, TrackId};

use super::script::ScriptPlan;

/// Which connections a virtual server takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// An address; port 0: all ports (persistent services only).
    Address(SocketAddr),
    /// Packets with this firewall mark.
    Mark(u32),
    /// Everything in a `virtual_server_group`: its position in [`LvsPlan::groups`].
    Group(usize),
}

/// `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// `lb_algo`, `lvs_sched`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheduler {
    /// Round robin.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections.
    Wlc,
    /// Locality-based least connections.
    Lblc,
    /// The same with replication.
    Lblcr,
    /// Destination hashing.
    Dh,
    /// Source hashing.
    Sh,
    /// Maglev hashing.
    Mh,
    /// Weighted failover.
    Fo,
    /// Weighted overflow.
    Ovf,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Power of twos.
    Twos,
}

/// `lb_kind`, `lvs_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forwarding {
    /// Masquerading: the answers come back through the director.
    Nat,
    /// Direct routing: the frame goes on with another MAC.
    Dr,
    /// A tunnel.
    Tun(Tunnel),
}

/// `type …` of TUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation to this port.
    Gue(u16, TunnelChecksum),
    /// GRE.
    Gre(TunnelChecksum),
}

/// `nocsum`, `csum`, `remcsum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TunnelChecksum {
    /// None.
    None,
    /// A checksum.
    Checksum,
    /// Remote checksum offload.
    Remote,
}

/// Scheduler flags (`-b` of ipvsadm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SchedulerFlags {
    /// `flag-1`, `sh-fallback`, `mh-fallback`.
    pub one: bool,
    /// `flag-2`, `sh-port`, `mh-port`.
    pub two: bool,
    /// `flag-3`.
    pub three: bool,
}

/// `persistence_timeout` and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// How long a client stays on its server after its last connection.
    pub timeout: Duration,
    /// `persistence_granularity`: an IPv4 mask or an IPv6 prefix length; `None`: single clients.
    pub granularity: Option<u32>,
    /// `persistence_engine`.
    pub engine: Option<String>,
}

/// The times of a check, after inheriting from real and virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// `alpha`: down until proven well.
    pub alpha: bool,
    /// `connect_timeout`.
    pub connect_timeout: Duration,
    /// `retry`: further tries before a failure counts.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `warmup`: longest random delay of the first check.
    pub warmup: Duration,
    /// `delay_loop`.
    pub delay_loop: Duration,
    /// `log_all_failures`.
    pub log_all_failures: bool,
}

/// Where a check connects to, where it does not follow its real server.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CheckTarget {
    /// `connect_ip`.
    pub ip: Option<IpAddr>,
    /// `connect_port`.
    pub port: Option<u16>,
    /// `bindto`.
    pub bind: Option<IpAddr>,
    /// `bind_if`.
    pub bind_interface: Option<InterfaceId>,
    /// `bind_port`.
    pub bind_port: Option<u16>,
    /// `fwmark`.
    pub mark: Option<u32>,
}

/// One URL of HTTP_GET or SSL_GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// `path`.
    pub path: String,
    /// `digest`: MD5 of the body.
    pub digest: Option<[u8; 16]>,
    /// `status_code`: ranges; empty: 200 to 299 unless a digest or regex decides.
    pub status: Vec<(u16, u16)>,
    /// `virtualhost`, after inheriting.
    pub virtualhost: Option<String>,
    /// `regex` with its options.
    pub regex: Option<UrlRegex>,
}

/// `regex` and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UrlRegex {
    /// The expression.
    pub pattern: String,
    /// `regex_no_match`.
    pub no_match: bool,
    /// `regex_options`.
    pub options: Vec<String>,
    /// `regex_min_offset`.
    pub min_offset: usize,
    /// `regex_max_offset`.
    pub max_offset: Option<usize>,
}

/// `http_protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HttpProtocol {
    /// `1.0`.
    #[default]
    V10,
    /// `1.0C`: with `Connection: close`.
    V10Close,
    /// `1.1`.
    V11,
}

/// What a check does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckerKind {
    /// `TCP_CHECK`.
    Tcp,
    /// `HTTP_GET`, `SSL_GET`.
    Http {
        /// `SSL_GET`.
        tls: bool,
        /// `enable_sni`.
        sni: bool,
        /// `tls_compliant`.
        compliant: bool,
        /// `http_protocol`.
        protocol: HttpProtocol,
        /// `fast_recovery`.
        fast_recovery: bool,
        /// `url` blocks.
        urls: Vec<Url>,
    },
    /// `SMTP_CHECK`.
    Smtp {
        /// `helo_name`.
        helo: Option<String>,
        /// `host` blocks; empty: the real server.
        hosts: Vec<CheckTarget>,
    },
    /// `DNS_CHECK`.
    Dns {
        /// `type`: the record's number; 6 (SOA) where the file has none.
        record: u16,
        /// `name`.
        name: String,
    },
    /// `MISC_CHECK`.
    Misc {
        /// `misc_path`.
        script: ScriptPlan,
        /// `misc_timeout`; `None`: `delay_loop`.
        timeout: Option<Duration>,
        /// `misc_dynamic`.
        dynamic: bool,
    },
    /// `UDP_CHECK`.
    Udp {
        /// `payload`.
        payload: Option<Vec<u8>>,
        /// `require_reply`: value and mask of each byte; empty: any.
        reply: Option<Vec<(u8, u8)>>,
        /// `min_reply_length`.
        min_length: u16,
        /// `max_reply_length`.
        max_length: u16,
    },
    /// `PING_CHECK`.
    Ping,
    /// `FILE_CHECK`.
    File {
        /// `track_file`.
        track: TrackId,
        /// `dynamic`.
        dynamic: bool,
        /// `weight`; `None`: the file's own.
        weight: Option<i32>,
        /// `reverse`.
        reverse: bool,
    },
    /// `BFD_CHECK`.
    Bfd(TrackId),
}

/// One check of a real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checker {
    /// What it does.
    pub kind: CheckerKind,
    /// Where it connects to.
    pub target: CheckTarget,
    /// When.
    pub pace: Pace,
    /// Where its block stands.
    pub span: Span,
}

/// One `real_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealServer {
    /// Its address; port 0: the virtual server's.
    pub address: SocketAddr,
    /// `weight`.
    pub weight: i32,
    /// `lvs_method`, after inheriting.
    pub forwarding: Forwarding,
    /// `uthreshold`; 0: none.
    pub upper: u32,
    /// `lthreshold`; 0: none.
    pub lower: u32,
    /// `inhibit_on_failure`, after inheriting.
    pub inhibit: bool,
    /// `notify_up`.
    pub notify_up: Option<ScriptPlan>,
    /// `notify_down`.
    pub notify_down: Option<ScriptPlan>,
    /// `smtp_alert`, after the defaults.
    pub mail: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// Its checks; none: always up.
    pub checkers: Vec<Checker>,
    /// Where its block stands.
    pub span: Span,
}

/// `sorry_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SorryServer {
    /// Its address; port 0: the virtual server's.
    pub address: SocketAddr,
    /// `sorry_server_lvs_method`, after inheriting.
    pub forwarding: Forwarding,
    /// `sorry_server_inhibit`.
    pub inhibit: bool,
    /// Where it stands.
    pub span: Span,
}

/// One `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    /// Which connections.
    pub service: Service,
    /// `protocol`.
    pub protocol: Protocol,
    /// IPv6 (`ip_family` for marks).
    pub v6: bool,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// Its flags.
    pub flags: SchedulerFlags,
    /// `lb_kind`.
    pub forwarding: Forwarding,
    /// `ops`.
    pub one_packet: bool,
    /// `persistence_timeout`.
    pub persistence: Option<Persistence>,
    /// `ha_suspend`.
    pub ha_suspend: bool,
    /// The instance that holds its address, if one does.
    pub instance: Option<InstanceId>,
    /// `alpha`.
    pub alpha: bool,
    /// `omega`.
    pub omega: bool,
    /// `quorum`.
    pub quorum: u32,
    /// `hysteresis`.
    pub hysteresis: u32,
    /// `quorum_up`.
    pub quorum_up: Option<ScriptPlan>,
    /// `quorum_down`.
    pub quorum_down: Option<ScriptPlan>,
    /// `smtp_alert`, after the defaults.
    pub mail: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// `sorry_server`.
    pub sorry: Option<SorryServer>,
    /// `real_server`s in the file's order.
    pub real_servers: Vec<RealServer>,
    /// Where its block stands.
    pub span: Span,
}

/// One line of a `virtual_server_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEntry {
    /// Addresses from the first to the last; port 0: all ports.
    Range {
        /// The first.
        first: IpAddr,
        /// The last.
        last: IpAddr,
        /// The port.
        port: u16,
    },
    /// A firewall mark; the family where it is said.
    Mark(u32, Option<bool>),
}

/// One `virtual_server_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGroup {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub entries: Vec<GroupEntry>,
    /// Where its block stands.
    pub span: Span,
}

/// `SSL { … }`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SslFiles {
    /// `password`.
    pub password: Option<String>,
    /// `ca`.
    pub ca: Option<String>,
    /// `certificate`.
    pub certificate: Option<String>,
    /// `key`.
    pub key: Option<String>,
}

/// `lvs_sync_daemon`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    /// The interface.
    pub interface: InterfaceId,
    /// `inst`: whose state it follows; `None`: master and backup daemon both run.
    pub instance: Option<InstanceId>,
    /// `id`; the instance's VRID, else 0.
    pub id: u8,
    /// `maxlen`.
    pub max_length: Option<u16>,
    /// `port`.
    pub port: Option<u16>,
    /// `ttl`.
    pub ttl: Option<u8>,
    /// `group`.
    pub group: Option<IpAddr>,
    /// Where it stands.
    pub span: Span,
}

/// Layer 4 as the file asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LvsPlan {
    /// `virtual_server_group`s.
    pub groups: Vec<ServiceGroup>,
    /// `virtual_server`s in the file's order.
    pub virtual_servers: Vec<VirtualServer>,
    /// `SSL`.
    pub ssl: SslFiles,
    /// `lvs_sync_daemon`.
    pub sync: Option<SyncDaemon>,
    /// `lvs_timeouts`: tcp, tcpfin, udp.
    pub timeouts: [Option<Duration>; 3],
    /// `lvs_flush`.
    pub flush: bool,
    /// `lvs_flush_on_stop`; the flag: `VS`.
    pub flush_on_stop: Option<bool>,
    /// `checker_log_all_failures`.
    pub log_all_failures: bool,
    /// `nftables_ipvs`: table, priority, first mark.
    pub nftables: Option<(String, Option<i32>, Option<u32>)>,
}
