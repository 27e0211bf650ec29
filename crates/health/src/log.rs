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

/// What an operator did to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminChange {
    /// Maintenance of a server that was up.
    MaintFromUp,
    /// Maintenance of a server that was down.
    MaintFromDown,
    /// Out of maintenance.
    LeaveMaint,
    /// Out of maintenance, but drained.
    LeaveMaintForDrain,
    /// After that: drained.
    StayDrained,
    /// Drain of a server that was up.
    Drain,
    /// Out of drain.
    LeaveDrain,
}

/// `Health check for server b/s …`: only with `option log-health-checks`, and only where [`Checked::news`].
pub fn checked(names: Names<'_>, checked: &Checked) -> (Severity, String) {
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
        format!(
            "Health check for {backup}server {backend}/{server} {result}, {reason}, status: {n}/{of} {state}."
        ),
    )
}

/// `Server b/s is DOWN, …`. With `option log-health-checks` the reason was in the line before: `with_reason` is false.
pub fn changed(names: Names<'_>, change: &Change, farm: Farm, with_reason: bool) -> (Severity, String) {
    let (severity, what) = match (change.from, change.to) {
        // The operator was told when it began to stop.
        (Health::Stopping, Health::Down) => (Severity::Notice, "is DOWN"),
        (Health::Up | Health::Down, Health::Down) => (Severity::Alert, "is DOWN"),
        (_, Health::Up) => (Severity::Notice, "is UP"),
        (_, Health::Stopping) => (Severity::Notice, "is stopping"),
    };
    let mut line = subject(names, what);
    match &change.cause {
        Cause::Check(reason) if with_reason => write_to(&mut line, format_args!(", {}", ReasonText(reason))),
        Cause::Check(_) => {}
        Cause::Cli => line.push_str(", changed from CLI"),
    }
    line.push('.');
    push_farm(&mut line, farm, change.to == Health::Down);
    (severity, line)
}

/// Maintenance and drain; `via` the server that this one tracks, where it was done to that one.
pub fn admin(names: Names<'_>, change: AdminChange, via: Option<&str>, farm: Farm) -> (Severity, String) {
    let by_via = via.map(|v| format!(" via {v}")).unwrap_or_default();
    let forced = if via.is_none() { "forced " } else { "" };
    match change {
        AdminChange::MaintFromUp => {
            let mut line = subject(names, &format!("is going DOWN for maintenance{by_via}."));
            push_farm(&mut line, farm, true);
            (Severity::Alert, line)
        }
        AdminChange::MaintFromDown => {
            (Severity::Notice, subject(names, &format!("was DOWN and now enters maintenance{by_via}.")))
        }
        AdminChange::LeaveMaint => {
            (Severity::Notice, subject(names, &format!("is UP/READY (leaving {forced}maintenance).")))
        }
        AdminChange::LeaveMaintForDrain => {
            (Severity::Notice, subject(names, &format!("is UP/DRAIN (leaving {forced}maintenance).")))
        }
        AdminChange::StayDrained => match via {
            None => (Severity::Notice, subject(names, "remains in forced drain mode.")),
            Some(via) => {
                let what = format!("is leaving forced drain but remains in drain mode via {via}.");
                (Severity::Notice, subject(names, &what))
            }
        },
        AdminChange::Drain => {
            let mut line = subject(names, &format!("enters drain state{by_via}."));
            push_farm(&mut line, farm, false);
            (Severity::Notice, line)
        }
        AdminChange::LeaveDrain => (Severity::Notice, subject(names, "is UP (leaving forced drain).")),
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
