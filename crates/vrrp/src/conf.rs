//! A node as configured: what the brain needs to know of keepalived.conf, by number instead of by name. Built by `conf`,
//! never by hand; times are durations, not written seconds.

use std::net::IpAddr;
use std::num::NonZeroU8;

use evenkeel_base::time::Duration;

/// A virtual router's id, 1 to 255 (RFC 9568 §5.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for 0 and for more than 255.
    pub fn new(n: u32) -> Option<Self> {
        u8::try_from(n).ok().and_then(NonZeroU8::new).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

/// A priority as configured, 1 to 255; 255 is the owner of the addresses (RFC 9568 §5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(NonZeroU8);

impl Priority {
    /// The owner's.
    pub const OWNER: Priority = Priority(NonZeroU8::MAX);

    /// `None` for 0 and for more than 255.
    pub fn new(n: u32) -> Option<Self> {
        u8::try_from(n).ok().and_then(NonZeroU8::new).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// True for 255.
    pub fn is_owner(self) -> bool {
        self == Priority::OWNER
    }
}

/// Position in [`NodeConf::instances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// Position in [`NodeConf::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Position in [`NodeConf::tracks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u32);

/// Position in [`NodeConf::interfaces`]: an interface that the file names, whether the system has it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// The protocol's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds.
    V2,
    /// RFC 9568: IPv4 and IPv6, centiseconds.
    V3,
}

/// The family of an instance's adverts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// `state MASTER` or `state BACKUP`: what an instance tries first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WantedState {
    /// Take the addresses at once where nobody better speaks.
    Master,
    /// Listen first.
    Backup,
}

/// `authentication` and `auth_hmac`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// None (RFC 3768 §5.3.6 and later).
    None,
    /// `auth_type PASS`: eight bytes in clear, padded with zeros (RFC 2338 §5.3.6).
    Pass([u8; 8]),
    /// `auth_type AH`: the password padded with zeros (RFC 2402, HMAC-MD5-96).
    Ah([u8; 8]),
    /// `auth_hmac` of Keepalived 2.4.
    Hmac(HmacConf),
}

/// `auth_hmac { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmacConf {
    /// All keys: id 1 to 255, 32 to 64 bytes.
    pub keys: Vec<(u8, Vec<u8>)>,
    /// The one that signs: an id out of `keys`.
    pub active_key: u8,
    /// How replays are told.
    pub anti_replay: AntiReplay,
    /// Who must sign.
    pub mode: HmacMode,
}

/// `anti_replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AntiReplay {
    /// The timestamp must lie within the window, the sequence must grow.
    Time {
        /// 1 to 300 s; where the file says nothing, the greater of 3 advert intervals and 5 s.
        window: Duration,
    },
    /// The sequence must grow.
    Monotonic,
}

/// `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacMode {
    /// Signs, demands signatures.
    Enforce,
    /// Signs, takes bare adverts too.
    Permissive,
    /// Verifies signatures, sends none.
    ReceiveOnly,
}

/// Where adverts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a group (`vrrp_mcast_group4/6`, `mcast_dst_ip`).
    Multicast(IpAddr),
    /// To each of these (`unicast_peer`).
    Unicast(Vec<UnicastPeer>),
    /// `unicast_fault_no_peer` and no peer: the instance stays in FAULT.
    NoPeer,
}

/// One line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnicastPeer {
    /// Its address.
    pub address: IpAddr,
    /// `min_ttl`, 0 to 255.
    pub min_ttl: u8,
    /// `max_ttl`, 0 to 255.
    pub max_ttl: u8,
}

/// How announcements (gratuitous ARP, unsolicited neighbour adverts) are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announce {
    /// `garp_master_delay`: until the second round after becoming master; zero: no second round. Default 5 s.
    pub master_delay: Duration,
    /// `garp_master_repeat`: announcements a round. Default 5.
    pub master_repeat: u32,
    /// `garp_lower_prio_delay`: until the second round after a lower advert.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: announcements a round after a lower advert.
    pub lower_prio_repeat: u32,
    /// `garp_master_refresh`: rounds while master; zero: none. Default zero.
    pub master_refresh: Duration,
    /// `garp_master_refresh_repeat`: announcements a refresh. Default 1.
    pub master_refresh_repeat: u32,
}

/// Leased addresses: they are added with a finite lifetime and refreshed, so that nothing is left behind by a killed daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Lifetime of an address after each refresh; whole seconds (the kernel's unit), at least 1 s.
    pub lifetime: Duration,
    /// How often it is refreshed; well below `lifetime`.
    pub refresh: Duration,
}

/// One thing that is tracked, with its weight: a line of `track_script`, `track_interface`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackUse {
    /// What.
    pub track: TrackId,
    /// 0: its failure is the instance's fault. Else added while it is well (positive) or taken while it is not
    /// (negative); for files the factor of the value.
    pub weight: i32,
    /// `reverse`: the other way round.
    pub reverse: bool,
}

/// What is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackKind {
    /// `vrrp_script`: the brain counts rise and fall, the hands run it.
    Script {
        /// Between starts.
        interval: Duration,
        /// Longest run; then it counts as failed and is killed.
        timeout: Duration,
        /// Successes in a row for OK.
        rise: u32,
        /// Failures in a row for KO.
        fall: u32,
        /// `init_fail`: failed until proven well.
        init_fail: bool,
    },
    /// `track_file`: its value.
    File,
    /// `vrrp_track_process`: whether the quorum is there (after the delays).
    Process {
        /// Wait after gaining the quorum.
        fork_delay: Duration,
        /// Wait after losing it.
        terminate_delay: Duration,
    },
    /// `bfd_instance`: whether the session is up.
    Bfd,
    /// An interface's carrier.
    Interface(InterfaceId),
}

/// A named tracked thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackConf {
    /// Its name in the file; an interface's is the interface's.
    pub name: String,
    /// What it is.
    pub kind: TrackKind,
}

/// One `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceConf {
    /// Its name.
    pub name: String,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `priority`.
    pub priority: Priority,
    /// `version`.
    pub version: Version,
    /// The adverts' family.
    pub family: Family,
    /// `state`.
    pub state: WantedState,
    /// `interface`: where adverts are sent and heard.
    pub interface: InterfaceId,
    /// `advert_int`: 10 ms to 40.95 s in version 3 (centiseconds), 1 to 255 s in version 2.
    pub advert_interval: Duration,
    /// `virtual_ipaddress`, in the file's order, as adverts carry them (without prefix).
    pub addresses: Vec<IpAddr>,
    /// `mcast_src_ip` or `unicast_src_ip`; else the interface's own first address.
    pub source: Option<IpAddr>,
    /// `track_src_ip`: FAULT while `source` is not there.
    pub track_source: bool,
    /// Where adverts go.
    pub destination: Destination,
    /// `unicast_ttl`; multicast is always 255.
    pub ttl: u8,
    /// `check_unicast_src`.
    pub check_unicast_source: bool,
    /// `authentication`, `auth_hmac`.
    pub auth: Auth,
    /// `old_unicast_checksum`, `v3_checksum_as_v2`: which checksums are made and taken.
    pub checksum: Checksum,
    /// False with `nopreempt`.
    pub preempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `down_timer_adverts`, 1 to 100; 3 by the RFC.
    pub down_timer_adverts: u32,
    /// `lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `skip_check_adv_addr`: the address list is checked only when the sender changes.
    pub skip_check_addresses: bool,
    /// `strict_mode` or `vrrp_strict`.
    pub strict: bool,
    /// `accept` (default unless strict): packets to the addresses are taken by who is not the owner.
    pub accept: bool,
    /// `owner_ignore_adverts`.
    pub owner_ignore_adverts: bool,
    /// `dont_track_primary`: the carrier of `interface` does not matter.
    pub dont_track_primary: bool,
    /// What else is tracked: `track_*` blocks.
    pub tracks: Vec<TrackUse>,
    /// Its `vrrp_sync_group`.
    pub group: Option<GroupId>,
    /// `garp_*`.
    pub announce: Announce,
    /// `None`: addresses stay until they are taken away.
    pub lease: Option<Lease>,
    /// `vrrp_startup_delay`/`vrrp_delay_after_boot`: nothing is sent nor judged before.
    pub startup_delay: Duration,
    /// `notify_priority_changes`.
    pub notify_priority_changes: bool,
}

/// Which checksums of version 3 are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// By the RFC; the old unicast form of Keepalived up to 1.3.6 is answered in kind once a peer uses it.
    Auto,
    /// `old_unicast_checksum`: the old form.
    OldUnicast,
    /// `old_unicast_checksum never`: the RFC's only.
    Never,
    /// `v3_checksum_as_v2`: without the pseudo header (IPv4).
    AsV2,
}

/// One `vrrp_sync_group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConf {
    /// Its name.
    pub name: String,
    /// Its instances.
    pub members: Vec<InstanceId>,
    /// `track_*` blocks of the group.
    pub tracks: Vec<TrackUse>,
    /// `sync_group_tracking_weight`: members keep their weights.
    pub tracking_weight: bool,
    /// `global_tracking` (deprecated): members' tracks count for all.
    pub global_tracking: bool,
}

/// `interface_up_down_delays`: how long another carrier must last before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LinkDelays {
    /// The carrier is lost.
    pub down: Duration,
    /// The carrier is back.
    pub up: Duration,
}

/// Everything that one node keeps.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NodeConf {
    /// Interfaces that the file names, by name.
    pub interfaces: Vec<String>,
    /// `interface_up_down_delays`, by position in `interfaces`; where it is shorter, none.
    pub link_delays: Vec<LinkDelays>,
    /// Tracked things.
    pub tracks: Vec<TrackConf>,
    /// Instances.
    pub instances: Vec<InstanceConf>,
    /// Sync groups.
    pub groups: Vec<GroupConf>,
    /// `vrrp_lower_prio…`, `log_unknown_vrids` and other switches for all: log adverts of VRIDs that nobody here has.
    pub log_unknown_vrids: bool,
}
