//! What happened, as data: from it come log lines, the recorder's entries and metrics. [`Event`]'s `Display` is the
//! original's log line, word for word where it has one, since people grep for them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use evenkeel_base::time::Duration;

use crate::conf::{Family, InstanceId, TrackId};
use crate::doubt::Doubt;
use crate::input::ScriptOutcome;
use crate::refusal::Refusal;

/// A name out of the file.
pub type Name = Arc<str>;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whom it concerns.
    pub whom: Whom,
    /// What it is.
    pub what: What,
}

/// Whom an event concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// An instance; the number is that of the configuration at the time.
    Instance(InstanceId, Name),
    /// A sync group.
    Group(Name),
    /// A tracked script, file, process, session or interface.
    Track(TrackId, Name),
    /// An interface.
    Interface(Name),
    /// The node.
    Node,
}

/// The states that one enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entered {
    /// `MASTER`.
    Master,
    /// `BACKUP`.
    Backup,
    /// `FAULT`.
    Fault,
}

impl Entered {
    /// The log's and the notify scripts' word.
    pub const fn word(self) -> &'static str {
        match self {
            Entered::Master => "MASTER",
            Entered::Backup => "BACKUP",
            Entered::Fault => "FAULT",
        }
    }
}

/// Why a state was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// The node has started, or the instance is new in the file.
    Start,
    /// Nobody spoke for so long.
    Timeout {
        /// Since the last advert that counted, or since listening began.
        silence: Duration,
        /// The advert interval that was counted with.
        interval: Duration,
        /// The skew that was added.
        skew: Duration,
    },
    /// The master gave up (priority 0).
    GaveUp {
        /// Which.
        from: IpAddr,
    },
    /// Somebody better spoke.
    Advert {
        /// Who.
        from: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// The addresses are its own (priority 255).
    Owner,
    /// The first of these faults.
    Fault(Fault),
    /// The last fault is gone.
    Recovered,
    /// The group's others.
    Group(Name),
    /// Its addresses were taken away by somebody, and could not be set again.
    Lost,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Start => f.write_str("the node started"),
            Because::Timeout { silence, interval, skew } => write!(
                f,
                "no advert came for {} ms (interval {} ms, skew {} ms)",
                silence.as_millis(),
                interval.as_millis(),
                skew.as_millis()
            ),
            Because::GaveUp { from } => write!(f, "{from} gave up (priority 0)"),
            Because::Advert { from, theirs, ours } if theirs == ours => {
                write!(f, "{from} has the same priority {ours} and the higher address")
            }
            Because::Advert { from, theirs, ours } => {
                write!(f, "{from} has the higher priority {theirs}, ours is {ours}")
            }
            Because::Owner => f.write_str("it owns the addresses (priority 255)"),
            Because::Fault(fault) => fault.fmt(f),
            Because::Recovered => f.write_str("the last fault is gone"),
            Because::Group(name) => write!(f, "its group follows {name}"),
            Because::Lost => f.write_str("its addresses were taken away"),
        }
    }
}

/// What keeps an instance from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The system has no such interface.
    NoInterface(Name),
    /// The interface has no carrier, or is down.
    LinkDown(Name),
    /// The interface has no address of the adverts' family.
    NoAddress(Name, Family),
    /// The source address that the file wants is not there.
    NoSource(IpAddr),
    /// `unicast_fault_no_peer`.
    NoPeer,
    /// Adverts of so many bytes do not fit the interface's MTU.
    TooLong(u32),
    /// A track without weight is down.
    Track(Name),
    /// The sync group's other member is in fault.
    Member(Name),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoInterface(name) => write!(f, "interface {name} does not exist"),
            Fault::LinkDown(name) => write!(f, "interface {name} down"),
            Fault::NoAddress(_, Family::V4) => f.write_str("no IPv4 address for interface"),
            Fault::NoAddress(_, Family::V6) => f.write_str("no IPv6 address for interface"),
            Fault::NoSource(address) => write!(f, "source address {address} is not there"),
            Fault::NoPeer => f.write_str("no unicast peer"),
            Fault::TooLong(bytes) => write!(f, "adverts of {bytes} bytes do not fit the interface's MTU"),
            Fault::Track(name) => write!(f, "{name} is down"),
            Fault::Member(name) => write!(f, "{name} of the same group is in fault"),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Another state.
    Entered(Entered, Because),
    /// The instance listens for the first time.
    Listening(Because),
    /// The addresses, routes and rules are being set.
    Setting,
    /// They are being removed.
    Removing,
    /// The down timer ran out.
    AdvertTimeout,
    /// As master: somebody better spoke.
    HigherAdvert {
        /// Who.
        from: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Ours.
        ours: u8,
    },
    /// As master: an equal with the higher address spoke.
    EqualAdvert {
        /// Who.
        from: IpAddr,
        /// Its priority and ours.
        priority: u8,
    },
    /// As master: somebody worse spoke.
    LowerAdvert {
        /// Who.
        from: IpAddr,
        /// Its priority.
        theirs: u8,
        /// Ours.
        ours: u8,
        /// An advert was sent in answer.
        answered: bool,
    },
    /// As backup that preempts: somebody worse spoke; the down timer runs on.
    LowerDiscarded {
        /// Who.
        from: IpAddr,
        /// Its priority.
        theirs: u8,
    },
    /// As master: another gave up.
    ZeroAsMaster,
    /// As backup: the master gave up.
    ZeroAsBackup,
    /// An advert with priority 0 was sent.
    SentZero,
    /// `preempt_delay` begins.
    PreemptWait(Duration),
    /// `preempt_delay` is not needed any more.
    PreemptStop,
    /// Version 3: the master's interval is counted with from now on.
    IntervalAdopted {
        /// Before.
        from: Duration,
        /// Now.
        to: Duration,
    },
    /// Version 3: as master, our own interval is used again.
    IntervalOwn {
        /// Before.
        from: Duration,
        /// Now.
        to: Duration,
    },
    /// Two owners.
    OwnerClash,
    /// Another effective priority.
    Priority {
        /// Before.
        from: u8,
        /// Now.
        to: u8,
    },
    /// The operator set a priority, or gave it back to the file.
    Operator(Option<u8>),
    /// A packet was dropped.
    Refused {
        /// Who sent it.
        from: IpAddr,
        /// Why.
        why: Refusal,
    },
    /// A packet of a virtual router that nobody here has.
    UnknownVrid {
        /// Who sent it.
        from: IpAddr,
        /// Which.
        vrid: u8,
    },
    /// Somebody speaks for the first time, or says another priority; for the recorder, not for the log.
    Heard {
        /// Who.
        from: IpAddr,
        /// Its priority.
        priority: u8,
        /// Its interval.
        interval: Duration,
    },
    /// A fault that keeps the instance from starting.
    StartFault(Fault),
    /// A track without weight went down.
    TrackDown(Name, TrackWord),
    /// A track without weight came up.
    TrackUp(Name, TrackWord),
    /// The members of a group follow one of them.
    GroupSync(Entered),
    /// A script is well.
    ScriptOk,
    /// A script is not well any more.
    ScriptKo(ScriptOutcome),
    /// A script returns another code than before.
    ScriptReturns(u8),
    /// A script's last answer counts on after a reload.
    ScriptKept(bool),
    /// A script's turn came while it still ran.
    ScriptBusy,
    /// A file's, a process's, a session's or an interface's state.
    TrackIs(bool),
    /// Nothing is sent nor judged for so long.
    StartupDelay(Duration),
    /// The addresses could not be set; the system's words.
    AddressFailed(String),
    /// The addresses were lost.
    AddressLost,
    /// The lease ran out before it was renewed.
    LeaseLost {
        /// So long after the last renewal.
        after: Duration,
    },
    /// The adverts fell behind.
    AdvertLate {
        /// So late.
        by: Duration,
    },
    /// Something is wrong with the election.
    Doubted(Doubt),
    /// It is not seen any more.
    Settled(Doubt),
}

/// How the original names a kind of track in its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackWord {
    /// `tracked file`
    File,
    /// `tracked process`
    Process,
    /// `tracked bfd`
    Bfd,
    /// `tracked script`
    Script,
    /// `tracked interface`
    Interface,
}

impl TrackWord {
    const fn word(self) -> &'static str {
        match self {
            TrackWord::File => "tracked file",
            TrackWord::Process => "tracked process",
            TrackWord::Bfd => "tracked bfd instance",
            TrackWord::Script => "tracked script",
            TrackWord::Interface => "tracked interface",
        }
    }
}

impl Event {
    /// False for what only the recorder keeps.
    pub const fn is_logged(&self) -> bool {
        if matches!(self.whom, Whom::Interface(_)) {
            return true;
        }
        !matches!(
            self.what,
            What::Heard { .. }
                | What::TrackIs(_)
                | What::TrackDown(_, TrackWord::Script | TrackWord::Interface)
                | What::TrackUp(_, TrackWord::Script | TrackWord::Interface)
        )
    }

    /// True for what the original says with `-D` only.
    pub const fn is_detail(&self) -> bool {
        matches!(self.what, What::Setting | What::Removing | What::AdvertTimeout | What::SentZero)
    }

    /// True for what somebody should look at.
    pub const fn is_trouble(&self) -> bool {
        matches!(
            self.what,
            What::Doubted(_)
                | What::OwnerClash
                | What::AddressFailed(_)
                | What::AddressLost
                | What::LeaseLost { .. }
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.whom, &self.what) {
            (Whom::Track(_, name), what) => return track_line(f, name, what),
            (Whom::Group(name), What::GroupSync(to)) => {
                return write!(f, "VRRP_Group({name}) Syncing instances to {} state", to.word());
            }
            (Whom::Interface(name), What::UnknownVrid { vrid, .. }) => {
                return write!(f, "Unknown VRID({vrid}) received on interface({name}). ignoring...");
            }
            (Whom::Interface(name), What::TrackIs(up)) => {
                return write!(f, "Netlink reports {name} {}", if *up { "up" } else { "down" });
            }
            (
                Whom::Instance(_, name),
                What::StartFault(fault @ (Fault::LinkDown(_) | Fault::NoInterface(_))),
            ) => {
                return write!(f, "({name}): entering FAULT state ({fault})");
            }
            (Whom::Instance(_, name), What::TrackDown(track, kind)) => {
                return write!(f, "({name}): {} {track} now FAULT state", kind.word());
            }
            (Whom::Instance(_, name), What::TrackUp(track, kind)) => {
                return write!(f, "({name}): {} {track} leaving FAULT state", kind.word());
            }
            (Whom::Instance(_, name), _) => write!(f, "({name}) ")?,
            (Whom::Group(name), _) => write!(f, "VRRP_Group({name}) ")?,
            (Whom::Interface(name), _) => write!(f, "{name}: ")?,
            (Whom::Node, _) => {}
        }
        self.what.fmt(f)
    }
}

fn track_line(f: &mut fmt::Formatter<'_>, name: &str, what: &What) -> fmt::Result {
    match what {
        What::ScriptOk => write!(f, "VRRP_Script({name}) succeeded"),
        What::ScriptKo(ScriptOutcome::TimedOut) => write!(f, "VRRP_Script({name}) timed_out"),
        What::ScriptKo(ScriptOutcome::Failed(code)) => {
            write!(f, "VRRP_Script({name}) failed (exited with status {code})")
        }
        What::ScriptKo(ScriptOutcome::Signal(signal)) => {
            write!(f, "VRRP_Script({name}) failed (due to signal {signal})")
        }
        What::ScriptKo(ScriptOutcome::NotStarted | ScriptOutcome::Success) => {
            write!(f, "VRRP_Script({name}) failed (could not be started)")
        }
        What::ScriptReturns(code) => write!(f, "Script `{name}` now returning {code}"),
        What::ScriptKept(true) => write!(f, "VRRP_Script({name}) considered successful on reload"),
        What::ScriptKept(false) => write!(f, "VRRP_Script({name}) considered unsuccessful on reload"),
        What::ScriptBusy => write!(f, "Track script {name} is already running, expect idle - skipping run"),
        What::TrackIs(true) => write!(f, "{name} is up"),
        What::TrackIs(false) => write!(f, "{name} is down"),
        other => write!(f, "{name}: {other}"),
    }
}

/// Seconds with six decimals, as the original writes them.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Entered(state, _) => write!(f, "Entering {} STATE", state.word()),
            What::Listening(_) => f.write_str("Entering BACKUP STATE (init)"),
            What::Setting => f.write_str("setting VIPs."),
            What::Removing => f.write_str("removing VIPs."),
            What::AdvertTimeout => f.write_str("Receive advertisement timeout"),
            What::HigherAdvert { from, theirs, ours } => {
                write!(f, "Master received advert from {from} with higher priority {theirs}, ours {ours}")
            }
            What::EqualAdvert { from, priority } => write!(
                f,
                "Master received advert from {from} with same priority {priority} but higher IP address than ours"
            ),
            What::LowerAdvert { from, theirs, ours, answered } => {
                let tail = if *answered { ", forcing new election" } else { "" };
                write!(f, "Received advert from {from} with lower priority {theirs}, ours {ours}{tail}")
            }
            What::LowerDiscarded { from, theirs } => {
                write!(f, "received lower priority ({theirs}) advert from {from} - discarding")
            }
            What::ZeroAsMaster => f.write_str("Master received priority 0 message"),
            What::ZeroAsBackup => f.write_str("Backup received priority 0 advertisement"),
            What::SentZero => f.write_str("sent 0 priority"),
            What::PreemptWait(delay) => write!(f, "start preempt delay ({})", Seconds(*delay)),
            What::PreemptStop => f.write_str("stop preempt delay"),
            What::IntervalAdopted { from, to } => {
                let (from, to) = (from.as_millis(), to.as_millis());
                write!(f, "advertisement interval updated from {from}ms to {to}ms by master")
            }
            What::IntervalOwn { from, to } => {
                let (from, to) = (from.as_millis(), to.as_millis());
                write!(f, "changing advert interval from {from}ms to locally configured {to}ms")
            }
            What::OwnerClash => f.write_str(
                "CONFIGURATION ERROR: local instance and a remote instance are both configured as address owner, \
                 please fix - reducing local priority",
            ),
            What::Priority { from, to } => write!(f, "Changing effective priority from {from} to {to}"),
            What::Operator(Some(to)) => write!(f, "priority {to} set by the operator"),
            What::Operator(None) => f.write_str("priority given back to the configuration by the operator"),
            What::Refused { why, .. } => why.fmt(f),
            What::UnknownVrid { from, vrid } => write!(f, "unknown VRID {vrid} received from {from}"),
            What::Heard { from, priority, interval } => {
                write!(f, "hears {from}: priority {priority}, every {} ms", interval.as_millis())
            }
            What::StartFault(fault) => write!(f, "entering FAULT state ({fault})"),
            What::TrackDown(track, kind) => write!(f, "{} {track} now FAULT state", kind.word()),
            What::TrackUp(track, kind) => write!(f, "{} {track} leaving FAULT state", kind.word()),
            What::GroupSync(to) => write!(f, "Syncing instances to {} state", to.word()),
            What::ScriptOk => f.write_str("succeeded"),
            What::ScriptKo(_) => f.write_str("failed"),
            What::ScriptReturns(code) => write!(f, "now returning {code}"),
            What::ScriptKept(well) => {
                write!(f, "considered {}successful on reload", if *well { "" } else { "un" })
            }
            What::ScriptBusy => f.write_str("still running"),
            What::TrackIs(up) => f.write_str(if *up { "up" } else { "down" }),
            What::StartupDelay(delay) => write!(f, "Delaying startup for {} seconds", delay.as_secs_f64()),
            What::AddressFailed(why) => write!(f, "cannot set the addresses: {why}"),
            What::AddressLost => f.write_str("an address is gone and could not be set again"),
            What::LeaseLost { after } => write!(
                f,
                "the addresses' lease ran out: renewed after {} ms only; setting them again",
                after.as_millis()
            ),
            What::AdvertLate { by } => write!(f, "advert sent {} ms late", by.as_millis()),
            What::Doubted(doubt) => doubt.fmt(f),
            What::Settled(doubt) => write!(f, "settled: {}", doubt.title()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn writes_the_originals_lines() {
        let instance = || Whom::Instance(InstanceId(0), "VI_1".into());
        let script = || Whom::Track(TrackId(0), "chk".into());
        let ms = Duration::from_millis;
        let rows: Vec<(Whom, What, &str)> = vec![
            (instance(), What::Listening(Because::Start), "(VI_1) Entering BACKUP STATE (init)"),
            (instance(), What::AdvertTimeout, "(VI_1) Receive advertisement timeout"),
            (instance(), What::Entered(Entered::Master, Because::Owner), "(VI_1) Entering MASTER STATE"),
            (instance(), What::Entered(Entered::Backup, Because::Recovered), "(VI_1) Entering BACKUP STATE"),
            (
                instance(),
                What::Entered(Entered::Fault, Because::Fault(Fault::NoPeer)),
                "(VI_1) Entering FAULT STATE",
            ),
            (instance(), What::Setting, "(VI_1) setting VIPs."),
            (instance(), What::Removing, "(VI_1) removing VIPs."),
            (
                instance(),
                What::HigherAdvert { from: at(2), theirs: 150, ours: 100 },
                "(VI_1) Master received advert from 192.0.2.2 with higher priority 150, ours 100",
            ),
            (
                instance(),
                What::EqualAdvert { from: at(2), priority: 100 },
                "(VI_1) Master received advert from 192.0.2.2 with same priority 100 but higher IP address than ours",
            ),
            (
                instance(),
                What::LowerAdvert { from: at(2), theirs: 50, ours: 100, answered: true },
                "(VI_1) Received advert from 192.0.2.2 with lower priority 50, ours 100, forcing new election",
            ),
            (
                instance(),
                What::LowerAdvert { from: at(2), theirs: 100, ours: 200, answered: false },
                "(VI_1) Received advert from 192.0.2.2 with lower priority 100, ours 200",
            ),
            (
                instance(),
                What::LowerDiscarded { from: at(2), theirs: 50 },
                "(VI_1) received lower priority (50) advert from 192.0.2.2 - discarding",
            ),
            (instance(), What::ZeroAsMaster, "(VI_1) Master received priority 0 message"),
            (instance(), What::ZeroAsBackup, "(VI_1) Backup received priority 0 advertisement"),
            (instance(), What::SentZero, "(VI_1) sent 0 priority"),
            (instance(), What::PreemptWait(ms(3000)), "(VI_1) start preempt delay (3.000000)"),
            (instance(), What::PreemptStop, "(VI_1) stop preempt delay"),
            (
                instance(),
                What::IntervalAdopted { from: ms(500), to: ms(200) },
                "(VI_1) advertisement interval updated from 500ms to 200ms by master",
            ),
            (
                instance(),
                What::IntervalOwn { from: ms(200), to: ms(500) },
                "(VI_1) changing advert interval from 200ms to locally configured 500ms",
            ),
            (
                instance(),
                What::OwnerClash,
                "(VI_1) CONFIGURATION ERROR: local instance and a remote instance are both configured as address \
                 owner, please fix - reducing local priority",
            ),
            (
                instance(),
                What::Priority { from: 100, to: 98 },
                "(VI_1) Changing effective priority from 100 to 98",
            ),
            (
                instance(),
                What::StartFault(Fault::NoAddress("eth0".into(), Family::V4)),
                "(VI_1) entering FAULT state (no IPv4 address for interface)",
            ),
            (
                instance(),
                What::StartFault(Fault::LinkDown("dm0".into())),
                "(VI_1): entering FAULT state (interface dm0 down)",
            ),
            (
                instance(),
                What::TrackDown("tf".into(), TrackWord::File),
                "(VI_1): tracked file tf now FAULT state",
            ),
            (
                instance(),
                What::TrackUp("tf".into(), TrackWord::File),
                "(VI_1): tracked file tf leaving FAULT state",
            ),
            (
                Whom::Group("G".into()),
                What::GroupSync(Entered::Master),
                "VRRP_Group(G) Syncing instances to MASTER state",
            ),
            (
                Whom::Interface("eth0".into()),
                What::UnknownVrid { from: at(2), vrid: 99 },
                "Unknown VRID(99) received on interface(eth0). ignoring...",
            ),
            (script(), What::ScriptOk, "VRRP_Script(chk) succeeded"),
            (
                script(),
                What::ScriptKo(ScriptOutcome::Failed(1)),
                "VRRP_Script(chk) failed (exited with status 1)",
            ),
            (script(), What::ScriptKo(ScriptOutcome::TimedOut), "VRRP_Script(chk) timed_out"),
            (script(), What::ScriptReturns(1), "Script `chk` now returning 1"),
            (script(), What::ScriptKept(true), "VRRP_Script(chk) considered successful on reload"),
            (script(), What::ScriptKept(false), "VRRP_Script(chk) considered unsuccessful on reload"),
            (Whom::Node, What::StartupDelay(ms(1500)), "Delaying startup for 1.5 seconds"),
        ];
        for (whom, what, line) in rows {
            assert_eq!(Event { whom, what }.to_string(), line);
        }
    }
}
