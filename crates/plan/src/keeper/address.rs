//! Addresses, routes and rules as they are handed to the kernel.

use std::net::IpAddr;

use evenkeel_base::Span;
use evenkeel_vrrp::conf::InterfaceId;

/// An address's or route's scope (`ip address … scope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub u8);

impl Scope {
    /// `global`.
    pub const GLOBAL: Scope = Scope(0);
    /// `site`.
    pub const SITE: Scope = Scope(200);
    /// `link`.
    pub const LINK: Scope = Scope(253);
    /// `host`.
    pub const HOST: Scope = Scope(254);
    /// `nowhere`.
    pub const NOWHERE: Scope = Scope(255);
}

/// One line of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length; 32 or 128 where the file has none.
    pub prefix: u8,
    /// `dev`; else the instance's interface.
    pub interface: InterfaceId,
    /// `brd`.
    pub broadcast: Option<IpAddr>,
    /// `scope`.
    pub scope: Scope,
    /// `label`.
    pub label: Option<String>,
    /// `peer`, with its prefix length.
    pub peer: Option<(IpAddr, u8)>,
    /// `preferred_lft`: seconds; `None`: what the kernel does by itself (`forever`).
    pub preferred_lifetime_s: Option<u32>,
    /// `IFA_F_…` flags: `home`, `-nodad`, `mngtmpaddr`, `noprefixroute`, `autojoin`.
    pub flags: u32,
    /// `no_track`: its loss is no fault.
    pub no_track: bool,
    /// `use_vmac` on the address's own line.
    pub use_vmac: bool,
    /// Where it stands in the file.
    pub span: Span,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// `unicast`.
    Unicast,
    /// `local`.
    Local,
    /// `broadcast`.
    Broadcast,
    /// `anycast`.
    Anycast,
    /// `multicast`.
    Multicast,
    /// `blackhole`.
    Blackhole,
    /// `unreachable`.
    Unreachable,
    /// `prohibit`.
    Prohibit,
    /// `throw`.
    Throw,
    /// `nat`.
    Nat,
}

/// One way of a route.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NextHop {
    /// `via`; may be of the other family.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<InterfaceId>,
    /// `weight`, 1 to 256; 0: not said.
    pub weight: u16,
    /// `onlink`.
    pub onlink: bool,
    /// `realms`.
    pub realm: Option<u32>,
}

/// One line of `virtual_routes` or `static_routes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub kind: RouteKind,
    /// The destination; `None` is `default`, of the family `v6`.
    pub to: Option<(IpAddr, u8)>,
    /// True for an IPv6 route.
    pub v6: bool,
    /// `from`/`src` network (IPv6 subtrees).
    pub from: Option<(IpAddr, u8)>,
    /// `src`: the preferred source.
    pub source: Option<IpAddr>,
    /// The ways: one, or several (`nexthop …`).
    pub hops: Vec<NextHop>,
    /// `table`; 0: main.
    pub table: u32,
    /// `priority`, `metric`, `preference`.
    pub metric: Option<u32>,
    /// `scope`.
    pub scope: Option<Scope>,
    /// `tos`, `dsfield`.
    pub tos: Option<u8>,
    /// `protocol`; 18 (keepalived) where the file has none.
    pub protocol: u8,
    /// `RTAX_…` metrics by their number: `mtu`, `advmss`, `rtt`, …; the flag is `lock`.
    pub metrics: Vec<(u16, u32, bool)>,
    /// `RTAX_CC_ALGO`: `congctl`.
    pub congestion_control: Option<String>,
    /// `append` instead of prepend.
    pub append: bool,
    /// `pref`: IPv6 router preference.
    pub preference: Option<u8>,
    /// `expires`: seconds.
    pub expires_s: Option<u32>,
    /// `ttl-propagate`.
    pub ttl_propagate: Option<bool>,
    /// `no_track`.
    pub no_track: bool,
    /// The line as `ip route` would show it, for logs and dumps.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// One line of `virtual_rules` or `static_rules`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    /// True for an IPv6 rule.
    pub v6: bool,
    /// `not`.
    pub invert: bool,
    /// `from`.
    pub from: Option<(IpAddr, u8)>,
    /// `to`.
    pub to: Option<(IpAddr, u8)>,
    /// `table`/`lookup`.
    pub table: Option<u32>,
    /// `FR_ACT_…`: 1 to table, 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 prohibit.
    pub action: u8,
    /// `goto`.
    pub goto: Option<u32>,
    /// `preference`, `priority`, `order`.
    pub priority: Option<u32>,
    /// `iif`.
    pub iif: Option<String>,
    /// `oif`.
    pub oif: Option<String>,
    /// `tos`, `dsfield`.
    pub tos: Option<u8>,
    /// `fwmark` and its mask.
    pub fwmark: Option<(u32, Option<u32>)>,
    /// `realms`: from and to in 16 bits each.
    pub realms: Option<u32>,
    /// `suppress_prefixlength`.
    pub suppress_prefix: Option<u32>,
    /// `suppress_ifgroup`.
    pub suppress_group: Option<u32>,
    /// `tun_id`.
    pub tunnel_id: Option<u64>,
    /// `uidrange`.
    pub uid_range: Option<(u32, u32)>,
    /// `l3mdev`.
    pub l3mdev: bool,
    /// `protocol`.
    pub protocol: Option<u8>,
    /// `ip_proto`.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub source_ports: Option<(u16, u16)>,
    /// `dport`.
    pub destination_ports: Option<(u16, u16)>,
    /// `no_track`.
    pub no_track: bool,
    /// The line as `ip rule` would show it, for logs and dumps.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}
