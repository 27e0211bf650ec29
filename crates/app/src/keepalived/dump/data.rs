//! `keepalived.data`: the configuration as understood and what comes of it, in the original's labels, order and indents.
//! Lines about parts that do not exist here (sockets' numbers, netlink buffers) are left out, never made up.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::WallTime;
use evenkeel_plan::keeper::script::ParamMatch;
use evenkeel_plan::keeper::{InstancePlan, KeeperPlan, Notify, Scheduling, ScriptPlan, TrackPlan};
use evenkeel_vrrp::InstanceConf;
use evenkeel_vrrp::conf::{Auth, Checksum, Destination, Family, TrackId, TrackKind, TrackUse, Version};

use super::things::{self, interface};
use super::{GroupLive, InterfaceLive, Live, State, TrackLive};
use crate::keepalived::log::Date;

/// Lines of text with the log's way of writing times.
type Out<'a> = &'a mut String;

macro_rules! line {
    ($out:expr, $($arg:tt)*) => { let _ = writeln!($out, $($arg)*); };
}

/// The heads of the parts.
pub(crate) const TOPOLOGY: &str = "------< VRRP Topology >------\n";
pub(crate) const GROUPS: &str = "------< VRRP Sync groups >------\n";
pub(crate) const INTERFACES: &str = "------< Interfaces >------\n";

/// `global_defs`.
pub(crate) fn global(out: Out<'_>, plan: &KeeperPlan, umask: u32) {
    let g = &plan.global;
    line!(out, "------< Global definitions >------");
    line!(out, " Network namespace = {}", g.net_namespace.as_deref().unwrap_or("(default)"));
    if let Some(instance) = &g.instance {
        line!(out, " Instance name = {instance}");
    }
    if let Some(router) = &g.router_id {
        line!(out, " Router ID = {router}");
    }
    if let Some(server) = &g.mail.server {
        line!(out, " Smtp server = {}", server.host);
        line!(out, " Smtp server port = {}", server.port);
    }
    if let Some(helo) = &g.mail.helo {
        line!(out, " Smtp HELO name = {helo}");
    }
    if let Some(timeout) = g.mail.connect_timeout {
        line!(out, " Smtp server connection timeout = {}", timeout.as_secs());
    }
    if !g.mail.to.is_empty() {
        if let Some(from) = &g.mail.from {
            line!(out, " Email notification from = {from}");
        }
        for to in &g.mail.to {
            line!(out, " Email notification = {to}");
        }
    }
    match g.reload_check.as_deref() {
        None => out.push_str(" No test config before reload\n"),
        Some("") => out.push_str(" Test config before reload\n"),
        Some(log) => {
            line!(out, " Test config before reload, log to {log}");
        }
    }
    line!(out, " Dynamic interfaces = {}", g.dynamic_interfaces.is_some());
    line!(out, " Disable local IGMP = {}", yes_no(g.firewall.disable_local_igmp));
    for (name, fifo) in [("Global", &g.fifo), ("VRRP", &g.vrrp_fifo)] {
        if let Some(fifo) = fifo {
            line!(out, " {name} notify fifo = {}", fifo.path);
            if let Some(script) = &fifo.script {
                line!(out, " {name} notify fifo script = {}", things::script(script));
            }
        }
    }
    line!(out, " FIFO write vrrp states on reload = {}", g.fifo_states_on_reload);
    line!(out, " Gratuitous ARP interval = {}", seconds(g.garp_interval));
    line!(out, " Gratuitous NA interval = {}", seconds(g.gna_interval));
    scheduling(out, "VRRP", &g.vrrp);
    scheduling(out, "Checker", &g.checker);
    scheduling(out, "BFD", &g.bfd);
    for (what, on) in
        [("vrrp", g.snmp.vrrp), ("RFCv2", g.snmp.rfc_v2), ("RFCv3", g.snmp.rfc_v3), ("traps", g.snmp.traps)]
    {
        line!(out, " SNMP {what} {}", enabled(on));
    }
    line!(out, " DBus {}", enabled(g.dbus.is_some()));
    let name = g.dbus.as_ref().and_then(|(name, _)| name.as_deref()).unwrap_or_default();
    line!(out, " DBus service name = {name}");
    line!(out, " Script security {}", enabled(g.script_security));
    line!(out, " umask = 0{umask:03o}");
}

fn scheduling(out: Out<'_>, who: &str, s: &Scheduling) {
    line!(out, " {who} process priority = {}", s.nice.unwrap_or(0));
    line!(out, " {who} don't swap = {}", s.no_swap);
    line!(out, " {who} realtime priority = {}", s.realtime.unwrap_or(0));
    line!(out, " {who} realtime limit = {}", s.rlimit_rttime_us.unwrap_or(10_000));
}

/// One instance. Without `live` (`-d`, before the start) only its configuration.
pub(crate) fn instance(
    out: Out<'_>,
    plan: &KeeperPlan,
    conf: &InstanceConf,
    hands: &InstancePlan,
    live: Option<&Live>,
) {
    line!(out, " VRRP Instance = {}", conf.name);
    line!(out, "   VRRP Version = {}", version(conf.version));
    if let Some(group) = conf.group.and_then(|id| plan.node.groups.get(id.0 as usize)) {
        line!(out, "   Sync group = {}", group.name);
    }
    if conf.family == Family::V6 {
        out.push_str("   Using Native IPv6\n");
    }
    if let Some(live) = live {
        line!(out, "   State = {}", live.state.word());
        if live.state == State::Backup
            && let Some((address, priority)) = live.master
        {
            line!(out, "   Master router = {address}");
            line!(out, "   Master priority = {priority}");
            if conf.version == Version::V3 {
                line!(out, "   Master advert int = {}", interval(conf.version, live.master_interval));
            }
        }
    }
    flags(out, conf);
    let wanted = live.map_or("BACKUP", |live| live.state.word());
    line!(out, "   Wantstate = {wanted}");
    out.push_str("   Number of config faults = 0\n");
    if let Some(live) = live {
        times(out, live);
    }
    vmac(out, plan, conf, hands);
    source(out, conf, live);
    announce(out, conf);
    line!(out, "   Virtual Router ID = {}", conf.vrid.get());
    line!(out, "   Priority = {}", conf.priority.get());
    if let Some(live) = live {
        line!(out, "   Effective priority = {}", live.priority);
        line!(out, "   Total priority = {}", live.total);
    }
    line!(out, "   Advert interval = {}", interval(conf.version, conf.advert_interval));
    line!(out, "   Accept = {}", enabled(conf.accept));
    line!(out, "   Preempt = {}", enabled(conf.preempt));
    if !conf.preempt_delay.is_zero() {
        line!(out, "   Preempt delay = {} secs", float(conf.preempt_delay));
    }
    line!(out, "   Promote_secondaries = {}", enabled(hands.promote_secondaries));
    auth(out, conf);
    if let Some(size) = hands.rx_buffer {
        line!(out, "   Kernel rx buffer size = {size}");
    }
    let set = live.is_some_and(|live| live.addresses_set);
    addresses(out, plan, hands, set);
    peers(out, conf);
    if !hands.routes.is_empty() {
        out.push_str("   Virtual Routes :\n");
        for route in &hands.routes {
            line!(out, "     {}", things::route(plan, route));
        }
    }
    if !hands.rules.is_empty() {
        out.push_str("   Virtual Rules :\n");
        for rule in &hands.rules {
            line!(out, "     {}", things::rule(rule));
        }
    }
    tracks(out, plan, &conf.tracks);
    notify(out, &hands.notify, true);
    line!(
        out,
        "   Notify priority changes = {}",
        hands.notify.priority_changes || conf.notify_priority_changes
    );
}

fn flags(out: Out<'_>, conf: &InstanceConf) {
    let unicast = matches!(conf.destination, Destination::Unicast(_) | Destination::NoPeer);
    let alone = conf.destination == Destination::NoPeer;
    if !unicast && conf.preempt && conf.version == Version::V2 {
        out.push_str("   Flags: none\n");
        return;
    }
    out.push_str("   Flags:\n");
    if unicast {
        out.push_str("     Using unicast\n");
    }
    if alone {
        out.push_str("     If unicast go to fault state if no peers\n");
    }
}

fn times(out: Out<'_>, live: &Live) {
    line!(out, "   Number of interface and track script faults = {}", live.faults);
    line!(out, "   Number of track scripts init = {}", live.scripts_init);
    match live.since {
        Some(since) => {
            line!(out, "   Last transition = {}", moment(since));
        }
        None => out.push_str("   Last transition = 0.000000 (never)\n"),
    }
    match live.deadline {
        Some(deadline) => {
            line!(out, "   Read timeout = {}", moment(deadline));
        }
        None => out.push_str("   Read timeout = DISABLED\n"),
    }
    line!(out, "   Master down timer = {} usecs", live.master_down.as_micros());
}

fn vmac(out: Out<'_>, plan: &KeeperPlan, conf: &InstanceConf, hands: &InstancePlan) {
    let below = interface(plan, conf.interface);
    match &hands.vmac {
        Some(vmac) => {
            let kind = if vmac.ipvlan { "IPVLAN" } else { "VMAC" };
            line!(out, "   Use {kind}, i/f name {}, is_up = true, xmit_base = {}", vmac.name, vmac.xmit_base);
            line!(out, "   Interface = {}, {} on {below}", vmac.name, kind.to_lowercase());
        }
        None => {
            line!(out, "   Interface = {below}");
        }
    }
    if conf.dont_track_primary {
        out.push_str("   VRRP interface tracking disabled\n");
    }
    if conf.skip_check_addresses {
        out.push_str("   Skip checking advert IP addresses\n");
    }
    if conf.strict {
        out.push_str("   Enforcing strict VRRP compliance\n");
    }
}

fn source(out: Out<'_>, conf: &InstanceConf, live: Option<&Live>) {
    match (conf.source, live.and_then(|live| live.source)) {
        (Some(source), _) => {
            line!(out, "   Using src_ip = {source} (from configuration)");
        }
        (None, Some(source)) => {
            line!(out, "   Using src_ip = {source}");
        }
        (None, None) => {}
    }
    if let Destination::Multicast(group) = conf.destination {
        line!(out, "   Multicast address {group}");
    }
}

fn announce(out: Out<'_>, conf: &InstanceConf) {
    let a = &conf.announce;
    line!(out, "   Gratuitous ARP delay = {}", a.master_delay.as_secs());
    line!(out, "   Gratuitous ARP repeat = {}", a.master_repeat);
    line!(out, "   Gratuitous ARP refresh = {}", a.master_refresh.as_secs());
    line!(out, "   Gratuitous ARP refresh repeat = {}", a.master_refresh_repeat);
    line!(out, "   Gratuitous ARP lower priority delay = {}", a.lower_prio_delay.as_secs());
    line!(out, "   Gratuitous ARP lower priority repeat = {}", a.lower_prio_repeat);
    line!(out, "   Down timer adverts = {}", conf.down_timer_adverts);
    line!(out, "   Send advert after receive lower priority advert = {}", !conf.lower_prio_no_advert);
    line!(out, "   Send advert after receive higher priority advert = {}", conf.higher_prio_send_advert);
}

fn auth(out: Out<'_>, conf: &InstanceConf) {
    let word = match &conf.auth {
        // Version 3 has none, and the original says nothing then.
        Auth::None if conf.version == Version::V3 => return,
        Auth::None => "none",
        Auth::Pass(_) => "SIMPLE_PASSWORD",
        Auth::Ah(_) => "IPSEC_AH",
        Auth::Hmac(_) => "HMAC",
    };
    line!(out, "   Authentication type = {word}");
    if let Auth::Pass(password) = &conf.auth {
        line!(out, "   Password = {}", password_text(password));
    }
}

/// A password without the zeros that pad it.
pub(crate) fn password_text(password: &[u8; 8]) -> String {
    let end = password.iter().position(|b| *b == 0).unwrap_or(password.len());
    String::from_utf8_lossy(&password[..end]).into_owned()
}

fn addresses(out: Out<'_>, plan: &KeeperPlan, hands: &InstancePlan, set: bool) {
    let vmac = hands.vmac.as_ref().map(|vmac| vmac.name.as_str());
    line!(out, "   Virtual IP ({}):", hands.addresses.len());
    for address in &hands.addresses {
        line!(out, "     {}", things::address(plan, address, vmac, set));
    }
    if !hands.excluded.is_empty() {
        out.push_str("   Virtual IP Excluded :\n");
        for address in &hands.excluded {
            line!(out, "     {}", things::address(plan, address, vmac, set));
        }
    }
}

fn peers(out: Out<'_>, conf: &InstanceConf) {
    let Destination::Unicast(peers) = &conf.destination else { return };
    if conf.family == Family::V4 {
        line!(out, "   Unicast TTL = {}", conf.ttl);
    }
    line!(out, "   Check unicast src : {}", yes_no(conf.check_unicast_source));
    out.push_str("   Unicast Peer :\n");
    for peer in peers {
        line!(out, "     {} min_ttl {} max_ttl {}", peer.address, peer.min_ttl, peer.max_ttl);
    }
    let word = match conf.checksum {
        Checksum::OldUnicast => "config",
        Checksum::Never => "never",
        Checksum::Auto | Checksum::AsV2 => "no",
    };
    line!(out, "   Unicast checksum compatibility = {word}");
}

fn tracks(out: Out<'_>, plan: &KeeperPlan, uses: &[TrackUse]) {
    type Is = fn(&TrackKind) -> bool;
    let kinds: [(&str, Is, &str); 5] = [
        ("Tracked interfaces :", |k| matches!(k, TrackKind::Interface(_)), " "),
        ("Tracked scripts :", |k| matches!(k, TrackKind::Script { .. }), " "),
        ("Tracked files :", |k| matches!(k, TrackKind::File), ", "),
        ("Tracked processes :", |k| matches!(k, TrackKind::Process { .. }), ", "),
        ("Tracked BFDs :", |k| matches!(k, TrackKind::Bfd), ": "),
    ];
    for (head, is, gap) in kinds {
        let mut first = true;
        for used in uses {
            let Some(track) = plan.node.tracks.get(used.track.0 as usize) else { continue };
            if !is(&track.kind) {
                continue;
            }
            if std::mem::take(&mut first) {
                line!(out, "   {head}");
            }
            line!(out, "     {}{gap}{}", track.name, weight(used));
        }
    }
}

fn weight(used: &TrackUse) -> String {
    format!("weight {}{}", used.weight, if used.reverse { " reverse" } else { "" })
}

/// Scripts of transitions; an instance's has two lines more than a group's.
fn notify(out: Out<'_>, n: &Notify, instance: bool) {
    line!(out, "   Using smtp notification = {}", yes_no(n.mail));
    if instance {
        line!(out, "   Notify deleted = {}", if n.deleted.0 { "Deleted" } else { "Fault" });
    }
    let scripts: [(&str, &Option<ScriptPlan>); 7] = [
        ("Backup state transition", &n.backup),
        ("Master state transition", &n.master),
        ("Fault state transition", &n.fault),
        ("Stop state transition", &n.stop),
        ("Deleted state transition", &n.deleted.1),
        ("Master rx lower pri state transition", &n.master_rx_lower),
        ("Generic state transition", &n.any),
    ];
    for (head, script) in scripts {
        if let Some(script) = script {
            line!(out, "   {head} script = {}", things::script(script));
        }
    }
}

/// One sync group.
pub(crate) fn group(out: Out<'_>, plan: &KeeperPlan, n: usize, live: Option<&GroupLive>) {
    let (Some(conf), Some(hands)) = (plan.node.groups.get(n), plan.groups.get(n)) else { return };
    match live {
        Some(live) => {
            line!(out, " VRRP Sync Group = {}, {}", conf.name, live.state.word());
            line!(out, "   Num member fault {}, num member init {}", live.faults, live.inits);
        }
        None => {
            line!(out, " VRRP Sync Group = {}", conf.name);
        }
    }
    out.push_str("   VRRP member instances :\n");
    for id in &conf.members {
        let name = plan.node.instances.get(id.0 as usize).map_or("?", |i| i.name.as_str());
        line!(out, "     {name}");
    }
    tracks(out, plan, &conf.tracks);
    notify(out, &hands.notify, false);
}

/// Scripts, files, processes and BFD sessions that are tracked, each kind under its head; `live[n]` belongs to track n.
pub(crate) fn track_parts(out: Out<'_>, plan: &KeeperPlan, live: &[TrackLive]) {
    type Is = fn(&TrackKind) -> bool;
    let kinds: [(&str, Is); 4] = [
        ("------< VRRP Scripts >------", |k| matches!(k, TrackKind::Script { .. })),
        ("------< VRRP Track files >------", |k| matches!(k, TrackKind::File)),
        ("------< VRRP Track processes >------", |k| matches!(k, TrackKind::Process { .. })),
        ("------< VRRP Track BFDs >------", |k| matches!(k, TrackKind::Bfd)),
    ];
    for (head, is) in kinds {
        let mut first = true;
        for (n, conf) in plan.node.tracks.iter().enumerate().filter(|(_, t)| is(&t.kind)) {
            if std::mem::take(&mut first) {
                line!(out, "{head}");
            }
            let id = TrackId(u32::try_from(n).unwrap_or(u32::MAX));
            track(out, plan, id, &conf.name, live.get(n));
        }
    }
}

fn track(out: Out<'_>, plan: &KeeperPlan, id: TrackId, name: &str, live: Option<&TrackLive>) {
    let n = id.0 as usize;
    let (Some(conf), Some(how)) = (plan.node.tracks.get(n), plan.tracks.get(n)) else { return };
    match (&conf.kind, how) {
        (TrackKind::Script { interval, timeout, rise, fall, init_fail }, TrackPlan::Script(script)) => {
            line!(out, " VRRP Script = {name}");
            match script {
                Some(script) => {
                    line!(out, "   Command = {}", things::words(script));
                }
                None => out.push_str("   Command = (disabled)\n"),
            }
            line!(out, "   Interval = {} sec", float(*interval));
            // Where the file has none, which is the interval, the original says 0.
            let timeout = if timeout == interval { Duration::ZERO } else { *timeout };
            line!(out, "   Timeout = {} sec", float(timeout));
            line!(out, "   Rise = {rise}");
            line!(out, "   Fall = {fall}");
            line!(out, "   Result = {}", live.map_or(0, |live| live.value));
            line!(out, "   Insecure = {}", yes_no(script.is_none()));
            // Once there is a result, the first state matters no more.
            let failed = *init_fail && live.is_none_or(|live| live.up.is_none());
            line!(out, "   Init state = {}", if failed { "failed" } else { "unknown" });
            let status = match live.and_then(|live| live.up) {
                Some(true) => "GOOD",
                Some(false) => "BAD",
                None => "INIT",
            };
            line!(out, "   Status = {status}");
            let (uid, gid) = script.as_ref().and_then(|s| s.user).map_or((0, 0), |user| (user.uid, user.gid));
            line!(out, "   Script uid:gid = {uid}:{gid}");
            out.push_str("   VRRP instances :\n");
            users(out, plan, id);
            line!(
                out,
                "   State = {}",
                if live.is_some_and(|live| live.running) { "running" } else { "idle" }
            );
        }
        (TrackKind::File, TrackPlan::File { path, .. }) => {
            line!(out, " Track file = {name}");
            line!(out, "   File = {path}");
            line!(out, "   Status = {}", live.map_or(0, |live| live.value));
            users(out, plan, id);
        }
        (
            TrackKind::Process { fork_delay, terminate_delay },
            TrackPlan::Process { command, params, param_match, full_command, quorum, quorum_max },
        ) => {
            line!(out, " VRRP Track process = {name}");
            line!(out, "   Process = {command}");
            if let Some(params) = params {
                line!(out, "   Parameters = {}", params.join(" "));
                line!(out, "   Param match = {}", match_word(*param_match));
            }
            line!(out, "   Min processes = {quorum}");
            if let Some(most) = quorum_max {
                line!(out, "   Max processes = {most}");
            }
            line!(out, "   Have quorum = {}", live.and_then(|live| live.up) == Some(true));
            line!(out, "   Terminate delay = {}s", seconds(*terminate_delay));
            line!(out, "   Fork delay = {}s", seconds(*fork_delay));
            // Parameters can only be compared with the full command.
            line!(out, "   Full command = {}", *full_command || params.is_some());
            users(out, plan, id);
        }
        (TrackKind::Bfd, _) => {
            line!(out, " VRRP Track BFD = {name}");
            let up = live.and_then(|live| live.up) == Some(true);
            line!(out, "   Bfd is {}", if up { "up" } else { "down" });
            users(out, plan, id);
        }
        // Interfaces have a part of their own; the reader makes no other pairs.
        (TrackKind::Interface(_), _)
        | (TrackKind::Script { .. } | TrackKind::File | TrackKind::Process { .. }, _) => {}
    }
}

/// `param_match`'s word.
pub(crate) fn match_word(how: ParamMatch) -> &'static str {
    match how {
        ParamMatch::Exact => "exact",
        ParamMatch::Partial => "partial",
        ParamMatch::Initial => "initial",
    }
}

fn users(out: Out<'_>, plan: &KeeperPlan, id: TrackId) {
    out.push_str("   Tracking instances :\n");
    for conf in &plan.node.instances {
        for used in conf.tracks.iter().filter(|used| used.track == id) {
            line!(out, "     {}, {}", conf.name, weight(used));
        }
    }
}

/// One interface that the file names.
pub(crate) fn interface_part(out: Out<'_>, plan: &KeeperPlan, n: usize, live: &InterfaceLive) {
    line!(out, " Name = {}", live.name);
    let Some(index) = live.index else {
        out.push_str("   State = not there\n");
        return;
    };
    line!(out, "   index = {index}");
    let first = |v4: bool| {
        let found = live.addresses.iter().find(|address: &&IpAddr| address.is_ipv4() == v4);
        found.map_or_else(|| "(none)".to_string(), IpAddr::to_string)
    };
    line!(out, "   IPv4 address = {}", first(true));
    line!(out, "   IPv6 address = {}", first(false));
    if let Some(mac) = live.mac {
        let text: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        line!(out, "   MAC = {}", text.join(":"));
    }
    line!(out, "   State = {}", if live.running { "UP, RUNNING" } else { "DOWN" });
    line!(out, "   MTU = {}", live.mtu);
    let users: Vec<&InstanceConf> =
        plan.node.instances.iter().filter(|conf| conf.interface.0 as usize == n).collect();
    if !users.is_empty() {
        out.push_str("   Tracking VRRP instances :\n");
        for conf in users {
            line!(out, "     {}, weight 0", conf.name);
        }
    }
}

fn version(version: Version) -> u8 {
    match version {
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

fn interval(version: Version, interval: Duration) -> String {
    match version {
        Version::V2 => format!("{} sec", interval.as_secs()),
        Version::V3 => format!("{} milli-sec", interval.as_millis()),
    }
}

fn enabled(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn yes_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// Seconds as C's `%g`: `3`, `2.5`.
pub(crate) fn float(time: Duration) -> String {
    format!("{}", time.as_secs_f64())
}

/// `1795821776.935201 (Fri Nov 27 23:22:56.935201 2026)`.
fn moment(at: WallTime) -> String {
    format!("{}.{:06} ({})", at.secs(), at.subsec_micros(), Date::local(at).long_micros())
}
