//! The log lines of checks and of servers' changes, byte for byte as HAProxy 2.6 writes them.

use std::fmt::{self, Display, Write};

use bstr::ByteSlice;

use crate::counter::Health;
use crate::output::{Cause, Change, Checked, Reason, Verdict};

/// Syslog severities that these lines use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// 0
    Emergency,
    /// 1
    Alert,
    /// 5
    Notice,
}

/// Whom a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// The backend.
    pub backend: &'a str,
    /// The server.
    pub server: &'a str,
    /// Whether it is a `backup` one.
    pub is_backup: bool,
}

/// The backend after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Farm {
    /// Usable servers.
    pub active: u32,
    /// Usable backups.
    pub backup: u32,
    /// Requests still on the server.
    pub sessions: u32,
    /// Requests moved from its queue to the backend's (or, when it comes up, to it).
    pub requeued: u32,
    /// Requests in the queue.
    pub queued: u32,
}

/// What became of a server by the operator's word, on it or on one that it tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminChange<'a> {
    /// Into maintenance.
    EnterMaint {
        /// How it was until then.
        from: Health,
        /// It was drained.
        drained: bool,
    },
    /// Still in maintenance: the word on the server itself was taken back, the one on the tracked server was not, or
    /// (`forced`) the other way round.
    StayMaint {
        /// The word on the server itself stays.
        forced: bool,
    },
    /// Out of maintenance.
    LeaveMaint {
        /// Not down.
        up: bool,
        /// Drained from now on.
        drained: bool,
        /// What kept it in maintenance.
        reason: MaintReason<'a>,
    },
    /// Into drain.
    EnterDrain {
        /// Not down.
        up: bool,
    },
    /// Still drained: by the word on the server itself (`forced`) or on the tracked one.
    StayDrain {
        /// The word on the server itself stays.
        forced: bool,
    },
    /// Out of drain.
    LeaveDrain {
        /// Not down.
        up: bool,
    },
}

/// What keeps a server in maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintReason<'a> {
    /// The operator's word on it.
    Forced,
    /// The one on a server that it tracks.
    Inherited,
    /// This name of its address was not known.
    Unresolved(&'a str),
}

/// `Health check for server b/s …`: only with `option log-health-checks`, and only where [`Checked::news`].
pub fn checked(names: Names<'_>, result: &Checked) -> (Severity, String) {
    check_line("Health check", names, result)
}

/// `Agent check for server b/s …`: the same for an agent.
pub fn agent_checked(names: Names<'_>, result: &Checked) -> (Severity, String) {
    check_line("Agent check", names, result)
}

fn check_line(what: &str, names: Names<'_>, checked: &Checked) -> (Severity, String) {
    let backup = if names.is_backup { "backup " } else { "" };
    let result = match checked.verdict {
        Verdict::Passed => "succeeded",
        Verdict::Conditional => "conditionally succeeded",
        Verdict::Failed => "failed",
    };
    let (n, of) = checked.count;
    let state = if checked.up { "UP" } else { "DOWN" };
    let Names { backend, server, .. } = names;
    let reason = ReasonText(&checked.reason);
    (
        Severity::Notice,
        format!("{what} for {backup}server {backend}/{server} {result}, {reason}, status: {n}/{of} {state}."),
    )
}

/// What a line on a change of health says beside the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Circumstances<'a> {
    /// The server that this one tracks, `backend/server`: the change is that one's.
    pub via: Option<&'a str>,
    /// With `option log-health-checks` the reason was in the line before, and is not in this one.
    pub reason_told: bool,
    /// The server took no new clients anyway: nothing to be alarmed at.
    pub drained: bool,
    /// The backend after the change.
    pub farm: Farm,
}

/// `Server b/s is DOWN, …`.
pub fn changed(names: Names<'_>, change: &Change, around: &Circumstances<'_>) -> (Severity, String) {
    let (severity, what) = match (change.from, change.to) {
        // The operator was told when it began to stop.
        (Health::Stopping, Health::Down) => (Severity::Notice, "is DOWN"),
        (Health::Up | Health::Down, Health::Down) if around.drained => (Severity::Notice, "is DOWN"),
        (Health::Up | Health::Down, Health::Down) => (Severity::Alert, "is DOWN"),
        (_, Health::Up) => (Severity::Notice, "is UP"),
        (_, Health::Stopping) => (Severity::Notice, "is stopping"),
    };
    let mut line = subject(names, what);
    match (&change.cause, around.via) {
        (_, Some(via)) => write_to(&mut line, format_args!(" via {via}")),
        (Cause::Check(reason), None) if !around.reason_told => {
            write_to(&mut line, format_args!(", {}", ReasonText(reason)));
        }
        (Cause::Check(_), None) => {}
        (Cause::Cli, None) => line.push_str(", changed from CLI"),
    }
    line.push('.');
    push_farm(&mut line, around.farm, change.to == Health::Down);
    (severity, line)
}

/// Maintenance and drain; `via` is the server that this one tracks, where it was done to that one.
pub fn admin(names: Names<'_>, change: AdminChange<'_>, via: Option<&str>, farm: Farm) -> (Severity, String) {
    let by_via = via.map(|v| format!(" via {v}")).unwrap_or_default();
    let word = |up| if up { "UP" } else { "DOWN" };
    let notice = |text: &str| (Severity::Notice, subject(names, text));
    match change {
        AdminChange::EnterMaint { from: Health::Down, .. } => {
            notice(&format!("was DOWN and now enters maintenance{by_via}."))
        }
        AdminChange::EnterMaint { from, drained } => {
            let mut line = subject(names, &format!("is going DOWN for maintenance{by_via}."));
            push_farm(&mut line, farm, true);
            let alarming = from == Health::Up && !drained;
            (if alarming { Severity::Alert } else { Severity::Notice }, line)
        }
        AdminChange::StayMaint { forced: true } => notice("remains in forced maintenance."),
        AdminChange::StayMaint { forced: false } => {
            notice(&format!("is leaving forced maintenance but remains in maintenance{by_via}."))
        }
        AdminChange::LeaveMaint { up, drained, reason } => {
            let (up, ready) = (word(up), if drained { "DRAIN" } else { "READY" });
            match reason {
                MaintReason::Forced => notice(&format!("is {up}/{ready} (leaving forced maintenance).")),
                MaintReason::Inherited => notice(&format!("is {up}/{ready} (leaving maintenance).")),
                MaintReason::Unresolved(name) => {
                    notice(&format!("('{name}') is {up}/{ready} (resolves again)."))
                }
            }
        }
        AdminChange::EnterDrain { up } => {
            let mut line = subject(names, &format!("enters drain state{by_via}."));
            push_farm(&mut line, farm, !up);
            (Severity::Notice, line)
        }
        AdminChange::StayDrain { forced: true } => notice("remains in forced drain mode."),
        AdminChange::StayDrain { forced: false } => {
            notice(&format!("is leaving forced drain but remains in drain mode{by_via}."))
        }
        AdminChange::LeaveDrain { up } => notice(&format!("is {} (leaving forced drain).", word(up))),
    }
}

/// `backend b has no server available!`, when the last one has gone. A `listen` section is called `proxy`.
pub fn no_server(backend: &str, is_listen: bool) -> (Severity, String) {
    let kind = if is_listen { "proxy" } else { "backend" };
    (Severity::Emergency, format!("{kind} {backend} has no server available!"))
}

fn subject(names: Names<'_>, what: &str) -> String {
    let backup = if names.is_backup { "Backup " } else { "" };
    format!("{backup}Server {}/{} {what}", names.backend, names.server)
}

fn push_farm(line: &mut String, farm: Farm, leaving: bool) {
    let Farm { active, backup, sessions, requeued, queued } = farm;
    let stay = if leaving { "left" } else { "online" };
    let on_backup = if active == 0 && backup > 0 { " Running on backup." } else { "" };
    write_to(line, format_args!(" {active} active and {backup} backup servers {stay}.{on_backup}"));
    if leaving {
        write_to(
            line,
            format_args!(" {sessions} sessions active, {requeued} requeued, {queued} remaining in queue."),
        );
    } else {
        write_to(line, format_args!(" {requeued} sessions requeued, {queued} total in queue."));
    }
}

fn write_to(line: &mut String, text: fmt::Arguments<'_>) {
    line.write_fmt(text).expect("writing to a String cannot fail");
}

/// `reason: Layer7 wrong status, code: 500, info: "No", check duration: 3ms`.
struct ReasonText<'a>(&'a Reason);

impl Display for ReasonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.0;
        write!(f, "reason: {}", reason.status.description())?;
        if let Some(code) = reason.code.filter(|_| reason.status.has_code()) {
            write!(f, ", code: {code}")?;
        }
        if !reason.info.is_empty() {
            write!(f, ", info: \"{}\"", reason.info.as_bstr())?;
        }
        match reason.duration {
            Some(duration) => write!(f, ", check duration: {}ms", duration.as_millis()),
            None => Ok(()),
        }
    }
}
