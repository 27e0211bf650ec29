//! What the keywords of virtual servers fill. Options stay unset here: who inherits from whom is `judge`'s business.

use std::net::{IpAddr, SocketAddr};

use evenkeel_base::time::Duration;
use evenkeel_base::{Span, Word};
use evenkeel_plan::keeper::ScriptPlan;
use evenkeel_plan::keeper::lvs::{
    Forwarding, GroupEntry, HttpProtocol, Protocol, Scheduler, SchedulerFlags, SslFiles, UrlRegex,
};

/// Everything about layer 4.
#[derive(Debug, Default)]
pub(crate) struct LvsDraft {
    pub(crate) groups: Vec<GroupDraft>,
    pub(crate) services: Vec<ServiceDraft>,
    pub(crate) ssl: SslFiles,
    pub(crate) globals: GlobalDraft,
}

/// What `global_defs` says of layer 4.
#[derive(Debug, Default)]
pub(crate) struct GlobalDraft {
    pub(crate) sync: Option<SyncDraft>,
    /// `lvs_timeouts`: tcp, tcpfin, udp.
    pub(crate) timeouts: [Option<Duration>; 3],
    pub(crate) flush: bool,
    pub(crate) flush_on_stop: Option<bool>,
    pub(crate) log_all_failures: bool,
    /// `smtp_alert_checker`.
    pub(crate) mail: Option<bool>,
    pub(crate) nftables: Option<String>,
    pub(crate) nftables_priority: Option<i32>,
    pub(crate) nftables_mark: Option<u32>,
}

/// `lvs_sync_daemon`.
#[derive(Debug)]
pub(crate) struct SyncDraft {
    pub(crate) interface: Word,
    pub(crate) instance: Option<Word>,
    pub(crate) id: Option<u8>,
    pub(crate) max_length: Option<u16>,
    pub(crate) port: Option<u16>,
    pub(crate) ttl: Option<u8>,
    pub(crate) group: Option<IpAddr>,
}

/// `virtual_server_group`.
#[derive(Debug)]
pub(crate) struct GroupDraft {
    pub(crate) name: Word,
    pub(crate) entries: Vec<GroupEntry>,
}

/// Which connections.
#[derive(Debug)]
pub(crate) enum Which {
    Address(SocketAddr),
    Mark(u32),
    Group(Word),
}

/// `virtual_server`.
#[derive(Debug)]
pub(crate) struct ServiceDraft {
    pub(crate) which: Which,
    pub(crate) span: Span,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) v6: Option<bool>,
    pub(crate) scheduler: Option<Scheduler>,
    pub(crate) flags: SchedulerFlags,
    pub(crate) forwarding: Option<Forwarding>,
    pub(crate) one_packet: Option<Span>,
    pub(crate) persistence: Option<Duration>,
    pub(crate) granularity: Option<u32>,
    pub(crate) engine: Option<String>,
    pub(crate) ha_suspend: bool,
    pub(crate) omega: bool,
    pub(crate) quorum: (u32, Span),
    pub(crate) hysteresis: (u32, Span),
    pub(crate) quorum_up: Option<ScriptPlan>,
    pub(crate) quorum_down: Option<ScriptPlan>,
    pub(crate) mail: Option<bool>,
    pub(crate) snmp_name: Option<String>,
    pub(crate) virtualhost: Option<String>,
    pub(crate) inhibit: bool,
    pub(crate) sorry: Option<SorryDraft>,
    pub(crate) pace: PaceDraft,
    pub(crate) servers: Vec<ServerDraft>,
}

/// `sorry_server`.
#[derive(Debug)]
pub(crate) struct SorryDraft {
    pub(crate) address: SocketAddr,
    pub(crate) forwarding: Option<Forwarding>,
    pub(crate) inhibit: bool,
    pub(crate) span: Span,
}

/// `real_server`.
#[derive(Debug)]
pub(crate) struct ServerDraft {
    pub(crate) address: SocketAddr,
    pub(crate) span: Span,
    pub(crate) weight: i32,
    pub(crate) forwarding: Option<Forwarding>,
    pub(crate) upper: u32,
    pub(crate) lower: u32,
    pub(crate) inhibit: Option<bool>,
    pub(crate) notify_up: Option<ScriptPlan>,
    pub(crate) notify_down: Option<ScriptPlan>,
    pub(crate) mail: Option<bool>,
    pub(crate) snmp_name: Option<String>,
    pub(crate) virtualhost: Option<String>,
    pub(crate) pace: PaceDraft,
    pub(crate) checkers: Vec<CheckerDraft>,
}

/// The times of a check, as far as they are said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PaceDraft {
    pub(crate) alpha: Option<bool>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) retry: Option<u32>,
    pub(crate) delay_before_retry: Option<Duration>,
    pub(crate) warmup: Option<Duration>,
    pub(crate) delay_loop: Option<Duration>,
    pub(crate) log_all_failures: Option<bool>,
}

/// A check.
#[derive(Debug)]
pub(crate) struct CheckerDraft {
    pub(crate) kind: KindDraft,
    pub(crate) span: Span,
    pub(crate) target: TargetDraft,
    pub(crate) pace: PaceDraft,
    pub(crate) virtualhost: Option<String>,
}

/// Where it connects to.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetDraft {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) bind_interface: Option<Word>,
    pub(crate) bind_port: Option<u16>,
    pub(crate) mark: Option<u32>,
}

/// What it does.
#[derive(Debug)]
pub(crate) enum KindDraft {
    Tcp,
    Http(HttpDraft),
    Smtp { helo: Option<String>, hosts: Vec<TargetDraft> },
    Dns { record: u16, name: String },
    Misc(MiscDraft),
    Udp(UdpDraft),
    Ping,
    File { track: Option<Word>, dynamic: bool, weight: Option<(i32, bool)> },
    Bfd(Option<Word>),
}

/// `MISC_CHECK`.
#[derive(Debug, Default)]
pub(crate) struct MiscDraft {
    pub(crate) script: Option<ScriptPlan>,
    /// `user` names nobody: the check is dropped.
    pub(crate) bad_user: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) dynamic: bool,
}

/// `HTTP_GET`, `SSL_GET`.
#[derive(Debug, Default)]
pub(crate) struct HttpDraft {
    pub(crate) tls: bool,
    pub(crate) sni: bool,
    pub(crate) compliant: bool,
    pub(crate) protocol: HttpProtocol,
    pub(crate) fast_recovery: bool,
    pub(crate) urls: Vec<UrlDraft>,
}

/// `url`.
#[derive(Debug, Default)]
pub(crate) struct UrlDraft {
    pub(crate) span: Span,
    pub(crate) path: Option<String>,
    pub(crate) digest: Option<[u8; 16]>,
    pub(crate) status: Vec<(u16, u16)>,
    pub(crate) virtualhost: Option<String>,
    pub(crate) regex: UrlRegex,
    /// Where `regex` stands, if it is there.
    pub(crate) regex_at: Option<Span>,
}

/// `UDP_CHECK`.
#[derive(Debug)]
pub(crate) struct UdpDraft {
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) reply: Option<Vec<(u8, u8)>>,
    pub(crate) min_length: u16,
    pub(crate) max_length: u16,
}

impl LvsDraft {
    /// The virtual server whose block is read.
    pub(super) fn service(&mut self) -> Option<&mut ServiceDraft> {
        self.services.last_mut()
    }

    /// The real server whose block is read.
    pub(super) fn server(&mut self) -> Option<&mut ServerDraft> {
        self.service()?.servers.last_mut()
    }

    /// The check whose block is read.
    pub(super) fn checker(&mut self) -> Option<&mut CheckerDraft> {
        self.server()?.checkers.last_mut()
    }

    /// Its HTTP part.
    pub(super) fn http(&mut self) -> Option<&mut HttpDraft> {
        match &mut self.checker()?.kind {
            KindDraft::Http(http) => Some(http),
            KindDraft::Tcp
            | KindDraft::Smtp { .. }
            | KindDraft::Dns { .. }
            | KindDraft::Misc(_)
            | KindDraft::Udp(_)
            | KindDraft::Ping
            | KindDraft::File { .. }
            | KindDraft::Bfd(_) => None,
        }
    }

    /// The `url` whose block is read.
    pub(super) fn url(&mut self) -> Option<&mut UrlDraft> {
        self.http()?.urls.last_mut()
    }
}

impl CheckerDraft {
    pub(super) fn new(kind: KindDraft, span: Span) -> Self {
        Self { kind, span, target: TargetDraft::default(), pace: PaceDraft::default(), virtualhost: None }
    }
}

impl ServerDraft {
    pub(super) fn new(address: SocketAddr, span: Span) -> Self {
        Self {
            address,
            span,
            weight: 1,
            forwarding: None,
            upper: 0,
            lower: 0,
            inhibit: None,
            notify_up: None,
            notify_down: None,
            mail: None,
            snmp_name: None,
            virtualhost: None,
            pace: PaceDraft::default(),
            checkers: Vec::new(),
        }
    }
}

impl ServiceDraft {
    pub(super) fn new(which: Which, span: Span) -> Self {
        Self {
            which,
            span,
            protocol: None,
            v6: None,
            scheduler: None,
            flags: SchedulerFlags::default(),
            forwarding: None,
            one_packet: None,
            persistence: None,
            granularity: None,
            engine: None,
            ha_suspend: false,
            omega: false,
            quorum: (1, span),
            hysteresis: (0, span),
            quorum_up: None,
            quorum_down: None,
            mail: None,
            snmp_name: None,
            virtualhost: None,
            inhibit: false,
            sorry: None,
            pace: PaceDraft::default(),
            servers: Vec::new(),
        }
    }
}
