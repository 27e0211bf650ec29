//! Where log lines go and what they look like.

use std::path::PathBuf;

use evenkeel_base::Span;

use crate::addr::Addr;
use evenkeel_expr::LogFormat;

/// How lines leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTransport {
    /// Datagrams to IPv4/IPv6 (port 514 by default).
    Udp(std::net::SocketAddr),
    /// Datagrams to a UNIX socket such as `/dev/log` (opened on first use, so that it survives syslogd's restart).
    Unix(PathBuf),
    /// An inherited descriptor, stdout (1) or stderr (2).
    Fd(i32),
    /// A stream address (`tcp@…`, needs a ring in the original).
    Stream(Addr),
}

/// `format` of a `log` line (configuration manual, `log`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogShape {
    /// `<PRI>Mon DD HH:MM:SS tag[pid]: `: the default.
    Local,
    /// `<PRI>Mon DD HH:MM:SS host tag[pid]: `: the default with `log-send-hostname`.
    Rfc3164,
    /// `<PRI>1 timestamp host tag pid msgid sd `.
    Rfc5424,
    /// `<PRI>`.
    Priority,
    /// `<N>`: the level only.
    Short,
    /// `<N>` and an ISO date.
    Timed,
    /// An ISO date.
    Iso,
    /// The message alone.
    Raw,
}

/// One `log` target.
#[derive(Clone, Debug)]
pub struct LogTarget {
    /// Where to.
    pub transport: LogTransport,
    /// Which form.
    pub shape: LogShape,
    /// Facility 0..=23.
    pub facility: u8,
    /// Lines less important than this are not sent (7: debug, everything).
    pub level_max: u8,
    /// Lines more important than this are sent as this (0: no change).
    pub level_min: u8,
    /// `len`: longest line in bytes, 1024 by default.
    pub len: u32,
    /// `sample <ranges>:<size>`: positions within a cycle that are sent.
    pub sample: Option<Sample>,
    /// The line.
    pub span: Span,
}

/// `sample 1,3-5:10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Inclusive ranges, from 1.
    pub ranges: Vec<(u32, u32)>,
    /// Length of the cycle.
    pub size: u32,
}

/// What a frontend logs.
#[derive(Debug, Default)]
pub struct LogPlan {
    /// Targets with `log global` resolved.
    pub targets: Vec<LogTarget>,
    /// The traffic line; `None`: the default TCP line of the original ("Connect from …") if there are targets.
    pub format: Option<LogFormat>,
    /// `error-log-format`.
    pub error_format: Option<LogFormat>,
    /// `log-format-sd`.
    pub sd_format: Option<LogFormat>,
    /// `log-tag`.
    pub tag: Option<String>,
    /// `option dontlognull`.
    pub dontlognull: bool,
    /// `option dontlog-normal`.
    pub dontlog_normal: bool,
    /// `option logasap`.
    pub logasap: bool,
    /// `option log-separate-errors`.
    pub separate_errors: bool,
    /// `option log-health-checks`.
    pub health_checks: bool,
}
