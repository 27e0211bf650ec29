//! Virtual servers as drafted → as planned: inheritance, defaults, and what the original says of each as a whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use evenkeel_base::Word;
use evenkeel_base::time::Duration;
use evenkeel_plan::keeper::lvs::{
    CheckTarget, Checker, CheckerKind, Forwarding, LvsPlan, Pace, Persistence, Protocol, RealServer,
    Scheduler, Service, ServiceGroup, SorryServer, SyncDaemon, Url, VirtualServer,
};
use evenkeel_plan::keeper::{InstancePlan, ScriptPlan};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId, TrackId, TrackKind};

use super::draft::{
    CheckerDraft, KindDraft, PaceDraft, ServerDraft, ServiceDraft, TargetDraft, UrlDraft, Which,
};
use crate::keepalived::Finding;
use crate::keepalived::draft::{Draft, Interfaces};
use crate::keepalived::judge::Judge as Main;

/// `delay_loop` where nothing is said.
const DELAY_LOOP: Duration = Duration::from_secs(60);
/// `connect_timeout` where nothing is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// `persistence_timeout` of a service on all ports that has none.
const PERSISTENCE: Duration = Duration::from_secs(360);

/// The plan of a draft.
pub(crate) fn judge(
    main: &mut Main<'_, '_>,
    draft: &mut Draft,
    instances: &[InstancePlan],
    ids: &BTreeMap<String, InstanceId>,
) -> LvsPlan {
    let lvs = std::mem::take(&mut draft.lvs);
    let globals = lvs.globals;
    let mut plan = LvsPlan {
        ssl: lvs.ssl,
        timeouts: globals.timeouts,
        flush: globals.flush,
        flush_on_stop: globals.flush_on_stop,
        log_all_failures: globals.log_all_failures,
        nftables: globals.nftables.map(|table| (table, globals.nftables_priority, globals.nftables_mark)),
        ..LvsPlan::default()
    };
    plan.sync = globals.sync.map(|sync| {
        let instance = sync.instance.as_ref().and_then(|name| ids.get(&*name.str()).copied());
        if let (Some(name), None) = (&sync.instance, instance) {
            let text = format!("there is no vrrp_instance {name}: the sync daemons follow nobody");
            main.ctx.report(Finding::remark("unknown-name", text, name.span));
        }
        let vrid = instance.and_then(|id| main.node.instances.get(id.0 as usize)).map(|conf| conf.vrid.get());
        SyncDaemon {
            interface: draft.interfaces.id(&sync.interface.str()),
            instance,
            id: sync.id.or(vrid).unwrap_or(0),
            max_length: sync.max_length,
            port: sync.port,
            ttl: sync.ttl,
            group: sync.group,
            span: sync.interface.span,
        }
    });
    for group in lvs.groups {
        plan.groups.push(ServiceGroup {
            name: group.name.str().into_owned(),
            entries: group.entries,
            span: group.name.span,
        });
    }
    if let Some(first) = lvs.services.first() {
        main.ctx.report(
            Finding::remark(
                "not-in-effect",
                "virtual servers are read and judged, and have no effect: the director is not built yet",
                first.span,
            )
            .help("Nothing is spread over their real servers, and no check of theirs is run."),
        );
    }
    let mut judge = Judge {
        main,
        interfaces: &mut draft.interfaces,
        groups: &plan.groups,
        instances,
        mail: globals.mail.or(draft.defaults.mail),
        log_all_failures: globals.log_all_failures,
    };
    for service in lvs.services {
        plan.virtual_servers.extend(judge.service(service));
    }
    plan
}

struct Judge<'a, 'c, 'o> {
    main: &'a mut Main<'c, 'o>,
    interfaces: &'a mut Interfaces,
    groups: &'a [ServiceGroup],
    instances: &'a [InstancePlan],
    /// `smtp_alert_checker`, else `smtp_alert`.
    mail: Option<bool>,
    /// `checker_log_all_failures`.
    log_all_failures: bool,
}

/// What a real server inherits.
#[derive(Clone, Copy)]
struct Over<'a> {
    pace: PaceDraft,
    virtualhost: Option<&'a str>,
}

impl Judge<'_, '_, '_> {
    fn service(&mut self, mut draft: ServiceDraft) -> Option<VirtualServer> {
        let at = draft.span;
        let service = match &draft.which {
            Which::Address(address) => Service::Address(*address),
            Which::Mark(mark) => Service::Mark(*mark),
            Which::Group(name) => Service::Group(self.group(name)?),
        };
        self.families(&mut draft);
        if draft.servers.is_empty() {
            let text =
                format!("Virtual server {} has no real servers - ignoring", title(&draft, draft.protocol));
            self.main.ctx.report(Finding::tolerated("no-real-servers", text, at));
            return None;
        }
        if draft.protocol.is_none() && !matches!(draft.which, Which::Mark(_)) {
            let finding = Finding::adjusted(
                "no-protocol",
                format!("Virtual server {}: no protocol set - defaulting to UDP", title(&draft, None)),
                at,
            );
            self.main.ctx.report(finding.note("write `protocol TCP`"));
        }
        let protocol = draft.protocol.unwrap_or(Protocol::Udp);
        draft.protocol = Some(protocol);
        let title = title(&draft, Some(protocol));
        let all_ports = matches!(&draft.which, Which::Address(a) if a.port() == 0);
        if all_ports && draft.persistence.is_none() {
            let text =
                format!("Virtual server {title}: zero port only valid for persistent services - setting");
            self.main.ctx.report(
                Finding::adjusted("port-zero", text, at).note("write a port, or `persistence_timeout`"),
            );
            draft.persistence = Some(PERSISTENCE);
        }
        if draft.scheduler.is_none() {
            let text = format!("Virtual server {title}: no scheduler set, setting default 'wlc'");
            self.main.ctx.report(Finding::adjusted("no-scheduler", text, at).note("write `lb_algo wlc`"));
        }
        if draft.forwarding.is_none() {
            let text = format!("Virtual server {title}: no forwarding method set, setting default NAT");
            self.main.ctx.report(Finding::adjusted("no-method", text, at).note("write `lb_kind NAT`"));
        }
        if let Some(ops) = draft.one_packet.filter(|_| protocol != Protocol::Udp) {
            let text = format!("Virtual server {title}: one packet scheduling requires UDP - resetting");
            self.main.ctx.report(Finding::adjusted("ops-without-udp", text, ops));
            draft.one_packet = None;
        }
        let (quorum, hysteresis) = self.quorum(&draft, &title);
        let forwarding = draft.forwarding.unwrap_or(Forwarding::Nat);
        let over = Over { pace: draft.pace, virtualhost: draft.virtualhost.as_deref() };
        let instance = match &draft.which {
            Which::Address(address) => self.holder(address.ip()),
            Which::Mark(_) | Which::Group(_) => None,
        };
        let mut real_servers: Vec<RealServer> = Vec::new();
        for server in std::mem::take(&mut draft.servers) {
            let server = self.server(server, &draft, forwarding, over);
            if real_servers.iter().any(|other| other.address == server.address) {
                let text = format!(
                    "VS {title}: real server {} is duplicated - removing second rs",
                    show(server.address, Some(protocol))
                );
                self.main.ctx.report(Finding::adjusted("duplicate-server", text, server.span));
            } else {
                real_servers.push(server);
            }
        }
        let servers_v6 = real_servers.first().is_some_and(|server| server.address.is_ipv6());
        let v6 = match &draft.which {
            Which::Address(address) => address.is_ipv6(),
            Which::Mark(_) | Which::Group(_) => draft.v6.unwrap_or(servers_v6),
        };
        Some(VirtualServer {
            service,
            protocol,
            v6,
            scheduler: draft.scheduler.unwrap_or(Scheduler::Wlc),
            flags: draft.flags,
            forwarding,
            one_packet: draft.one_packet.is_some(),
            persistence: draft.persistence.map(|timeout| Persistence {
                timeout,
                granularity: draft.granularity,
                engine: draft.engine,
            }),
            ha_suspend: draft.ha_suspend,
            instance,
            alpha: draft.pace.alpha.unwrap_or(false),
            omega: draft.omega,
            quorum,
            hysteresis,
            quorum_up: self.script(draft.quorum_up),
            quorum_down: self.script(draft.quorum_down),
            mail: draft.mail.or(self.mail).unwrap_or(false),
            snmp_name: draft.snmp_name,
            sorry: draft.sorry.map(|sorry| SorryServer {
                address: sorry.address,
                forwarding: sorry.forwarding.unwrap_or(forwarding),
                inhibit: sorry.inhibit,
                span: sorry.span,
            }),
            real_servers,
            span: at,
        })
    }

    fn group(&mut self, name: &Word) -> Option<usize> {
        let wanted = name.str();
        let found = self.groups.iter().position(|group| group.name == *wanted);
        if found.is_none() {
            let meant = evenkeel_base::near::nearest(&wanted, self.groups.iter().map(|g| g.name.as_str()));
            let finding = Finding::remark(
                "unknown-group",
                format!("there is no virtual_server_group {name}: this virtual server takes no connections"),
                name.span,
            );
            self.main.ctx.report(match meant {
                Some(meant) => finding.note(format!("did you mean `{meant}`?")),
                None => finding,
            });
        }
        found
    }

    fn script(&mut self, script: Option<ScriptPlan>) -> Option<ScriptPlan> {
        script.and_then(|script| self.main.notify_script(&script))
    }

    /// Servers of another family than the service's, unless they are reached through a tunnel (manual, LVS configuration).
    fn families(&mut self, draft: &mut ServiceDraft) {
        let Which::Address(address) = &draft.which else { return };
        let v6 = address.is_ipv6();
        let tunnel = |own: Option<Forwarding>| matches!(own.or(draft.forwarding), Some(Forwarding::Tun(_)));
        let mut findings = Vec::new();
        let mut strange = |address: SocketAddr, own, span, what: &str| {
            let strange = address.is_ipv6() != v6 && !tunnel(own);
            if strange {
                let text = format!(
                    "Address family of virtual server and {what} {} don't match - skipping {what}.",
                    address.ip()
                );
                findings.push(
                    Finding::tolerated("family-conflict", text, span)
                        .note("only TUN reaches servers of the other family"),
                );
            }
            strange
        };
        let sorry = draft.sorry.as_ref();
        let lose_sorry = sorry.is_some_and(|s| strange(s.address, s.forwarding, s.span, "sorry server"));
        let kept: Vec<bool> =
            draft.servers.iter().map(|s| !strange(s.address, s.forwarding, s.span, "real server")).collect();
        let mut kept = kept.into_iter();
        draft.servers.retain(|_| kept.next().unwrap_or(true));
        if lose_sorry {
            draft.sorry = None;
        }
        findings.into_iter().for_each(|finding| self.main.ctx.report(finding));
    }

    /// The quorum can't be more than all servers weigh, the hysteresis not more than the quorum.
    fn quorum(&mut self, draft: &ServiceDraft, title: &str) -> (u32, u32) {
        let weight: u64 = draft.servers.iter().map(|s| u64::from(s.weight.unsigned_abs())).sum();
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let (mut quorum, at) = draft.quorum;
        if quorum > weight {
            let text = format!(
                "Warning - quorum {quorum} for {title} exceeds total weight of real servers {weight}, reducing quorum to {weight}"
            );
            self.main.ctx.report(Finding::adjusted("quorum-too-high", text, at));
            quorum = weight;
        }
        let (mut hysteresis, at) = draft.hysteresis;
        if hysteresis >= quorum && hysteresis > 0 {
            let most = quorum.saturating_sub(1);
            let text = format!(
                "Virtual server {title}: hysteresis {hysteresis} >= quorum {quorum}; setting hysteresis to {most}"
            );
            self.main.ctx.report(Finding::adjusted("hysteresis-too-high", text, at));
            hysteresis = most;
        }
        (quorum, hysteresis)
    }

    fn server(
        &mut self,
        draft: ServerDraft,
        service: &ServiceDraft,
        forwarding: Forwarding,
        over: Over<'_>,
    ) -> RealServer {
        let forwarding = draft.forwarding.unwrap_or(forwarding);
        let mut address = draft.address;
        if let Which::Address(virtual_address) = &service.which
            && !matches!(forwarding, Forwarding::Nat)
            && address.port() != virtual_address.port()
        {
            if address.port() != 0 && virtual_address.port() != 0 {
                let text = format!(
                    "WARNING - virtual server {} and real server {} ports don't match - resetting",
                    title(service, service.protocol),
                    show(address, service.protocol)
                );
                self.main.ctx.report(
                    Finding::adjusted("port-conflict", text, draft.span).note("only NAT changes the port"),
                );
            }
            address.set_port(virtual_address.port());
        }
        if draft.upper > 0 && draft.lower > draft.upper {
            let text = format!("lthreshold {} is above uthreshold {}", draft.lower, draft.upper);
            self.main.ctx.report(
                Finding::remark("thresholds", text, draft.span).note("the server would never be used again"),
            );
        }
        let pace = inherit(draft.pace, over.pace);
        let virtualhost = draft.virtualhost.as_deref().or(over.virtualhost);
        let checkers =
            draft.checkers.into_iter().filter_map(|checker| self.checker(checker, pace, virtualhost));
        let checkers = checkers.collect();
        RealServer {
            address,
            weight: draft.weight,
            forwarding,
            upper: draft.upper,
            lower: draft.lower,
            inhibit: draft.inhibit.unwrap_or(service.inhibit),
            notify_up: self.script(draft.notify_up),
            notify_down: self.script(draft.notify_down),
            mail: draft.mail.or(self.mail).unwrap_or(true),
            snmp_name: draft.snmp_name,
            checkers,
            span: draft.span,
        }
    }

    fn checker(
        &mut self,
        draft: CheckerDraft,
        over: PaceDraft,
        virtualhost: Option<&str>,
    ) -> Option<Checker> {
        let pace = inherit(draft.pace, over);
        let delay_loop = pace.delay_loop.unwrap_or(DELAY_LOOP);
        let second = Duration::from_secs(1);
        let (retry, delay) = match &draft.kind {
            KindDraft::Http(_) => (1, 3 * second),
            KindDraft::Dns { .. } => (3, delay_loop),
            KindDraft::Misc(_) => (0, second),
            KindDraft::Tcp
            | KindDraft::Smtp { .. }
            | KindDraft::Udp(_)
            | KindDraft::Ping
            | KindDraft::File { .. }
            | KindDraft::Bfd(_) => (1, second),
        };
        let pace = Pace {
            alpha: pace.alpha.unwrap_or(false),
            connect_timeout: pace.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            retry: pace.retry.unwrap_or(retry),
            delay_before_retry: pace.delay_before_retry.unwrap_or(delay),
            warmup: pace.warmup.unwrap_or(delay_loop),
            delay_loop,
            log_all_failures: pace.log_all_failures.unwrap_or(self.log_all_failures),
        };
        let virtualhost = draft.virtualhost.as_deref().or(virtualhost);
        let target = self.target(draft.target);
        let kind = self.kind(draft.kind, draft.span, virtualhost)?;
        Some(Checker { kind, target, pace, span: draft.span })
    }

    fn target(&mut self, draft: TargetDraft) -> CheckTarget {
        CheckTarget {
            ip: draft.ip,
            port: draft.port,
            bind: draft.bind,
            bind_interface: draft.bind_interface.map(|word| self.interface(&word)),
            bind_port: draft.bind_port,
            mark: draft.mark,
        }
    }

    fn interface(&mut self, word: &Word) -> InterfaceId {
        self.interfaces.id(&word.str())
    }

    /// The instance that holds an address.
    fn holder(&self, ip: IpAddr) -> Option<InstanceId> {
        let has = |plan: &InstancePlan| plan.addresses.iter().chain(&plan.excluded).any(|a| a.ip == ip);
        let at = self.instances.iter().position(has)?;
        u32::try_from(at).ok().map(InstanceId)
    }

    fn track(&self, word: &Word, is: impl Fn(&TrackKind) -> bool) -> Option<TrackId> {
        let name = word.str();
        let at = self.main.node.tracks.iter().position(|track| track.name == *name && is(&track.kind))?;
        u32::try_from(at).ok().map(TrackId)
    }

    fn kind(
        &mut self,
        draft: KindDraft,
        at: evenkeel_base::Span,
        virtualhost: Option<&str>,
    ) -> Option<CheckerKind> {
        Some(match draft {
            KindDraft::Tcp => CheckerKind::Tcp,
            KindDraft::Ping => CheckerKind::Ping,
            KindDraft::Http(http) => {
                let urls: Vec<Url> =
                    http.urls.into_iter().filter_map(|url| self.url(url, virtualhost)).collect();
                if urls.is_empty() {
                    let text = "HTTP/SSL_GET checker has no urls specified - ignoring";
                    self.main.ctx.report(
                        Finding::tolerated("no-url", text, at)
                            .note("write `url { path / }` into it")
                            .help("Without a check the server counts as up. Keepalived 2.2 crashes here."),
                    );
                    return None;
                }
                CheckerKind::Http {
                    tls: http.tls,
                    sni: http.sni,
                    compliant: http.compliant,
                    protocol: http.protocol,
                    fast_recovery: http.fast_recovery,
                    urls,
                }
            }
            KindDraft::Smtp { helo, hosts } => {
                CheckerKind::Smtp { helo, hosts: hosts.into_iter().map(|host| self.target(host)).collect() }
            }
            KindDraft::Dns { record, name } => CheckerKind::Dns { record, name },
            KindDraft::Misc(misc) => {
                if misc.bad_user {
                    return None;
                }
                let Some(script) = misc.script else {
                    let text = "No script path has been specified for MISC_CHECKER - skipping";
                    self.main.ctx.report(
                        Finding::tolerated("no-script", text, at).note("write `misc_path …` into it"),
                    );
                    return None;
                };
                CheckerKind::Misc {
                    script: self.script(Some(script))?,
                    timeout: misc.timeout,
                    dynamic: misc.dynamic,
                }
            }
            KindDraft::Udp(udp) => {
                if udp.min_length > udp.max_length {
                    let text = format!(
                        "UDP_CHECK min_reply length {} > max_reply_length {} - will always fail",
                        udp.min_length, udp.max_length
                    );
                    self.main.ctx.report(Finding::adjusted("reply-lengths", text, at));
                }
                CheckerKind::Udp {
                    payload: udp.payload,
                    reply: udp.reply,
                    min_length: udp.min_length,
                    max_length: udp.max_length,
                }
            }
            KindDraft::File { track, dynamic, weight } => {
                let found =
                    track.as_ref().and_then(|name| self.track(name, |kind| matches!(kind, TrackKind::File)));
                if let (Some(name), None) = (&track, found) {
                    self.main.ctx.report(Finding::tolerated(
                        "unknown-track",
                        format!("track_file {name} not found"),
                        name.span,
                    ));
                }
                let Some(track) = found else {
                    let text = "FILE_CHECK has no track_file specified - ignoring";
                    self.main.ctx.report(Finding::tolerated("no-track", text, at));
                    return None;
                };
                let (weight, reverse) =
                    weight.map_or((None, false), |(weight, reverse)| (Some(weight), reverse));
                CheckerKind::File { track, dynamic, weight, reverse }
            }
            KindDraft::Bfd(name) => {
                let Some(name) = name else {
                    let text = "No name has been specified for BFD_CHECKER - skipping";
                    self.main.ctx.report(Finding::tolerated("no-track", text, at));
                    return None;
                };
                let Some(track) = self.track(&name, |kind| matches!(kind, TrackKind::Bfd)) else {
                    let text = format!("BFD_CHECK - BFD {name} not configured");
                    self.main.ctx.report(Finding::tolerated("unknown-track", text, name.span));
                    return None;
                };
                CheckerKind::Bfd(track)
            }
        })
    }

    fn url(&mut self, draft: UrlDraft, virtualhost: Option<&str>) -> Option<Url> {
        let Some(path) = draft.path else {
            let text = "HTTP/SSL_GET checker url has no path - ignoring";
            self.main
                .ctx
                .report(Finding::tolerated("no-path", text, draft.span).note("write `path /` into it"));
            return None;
        };
        if draft.regex_at.is_none() && (draft.regex.no_match || !draft.regex.options.is_empty()) {
            let text = "options of an expression without `regex` have no effect";
            self.main.ctx.report(Finding::remark("no-regex", text, draft.span));
        }
        Some(Url {
            path,
            digest: draft.digest,
            status: draft.status,
            virtualhost: draft.virtualhost.or_else(|| virtualhost.map(str::to_owned)),
            regex: draft.regex_at.map(|_| draft.regex),
        })
    }
}

fn inherit(own: PaceDraft, over: PaceDraft) -> PaceDraft {
    PaceDraft {
        alpha: own.alpha.or(over.alpha),
        connect_timeout: own.connect_timeout.or(over.connect_timeout),
        retry: own.retry.or(over.retry),
        delay_before_retry: own.delay_before_retry.or(over.delay_before_retry),
        warmup: own.warmup.or(over.warmup),
        delay_loop: own.delay_loop.or(over.delay_loop),
        log_all_failures: own.log_all_failures.or(over.log_all_failures),
    }
}

/// A virtual server as the original calls it.
fn title(draft: &ServiceDraft, protocol: Option<Protocol>) -> String {
    match &draft.which {
        Which::Address(address) => show(*address, protocol),
        Which::Mark(mark) => format!("FWM {mark}"),
        Which::Group(name) => format!("[{name}]:0"),
    }
}

/// A server as the original shows it.
fn show(address: SocketAddr, protocol: Option<Protocol>) -> String {
    let protocol = match protocol {
        None => "none",
        Some(Protocol::Tcp) => "tcp",
        Some(Protocol::Udp) => "udp",
        Some(Protocol::Sctp) => "sctp",
    };
    format!("[{}]:{protocol}:{}", address.ip(), address.port())
}
