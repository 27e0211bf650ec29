//! What the running keeper tells of itself: `evenkeel status`, `evenkeel why`, metrics. A [`Shot`] is what was seen at one
//! moment; the texts are pure functions of it.

pub(crate) mod client;
pub(crate) mod metrics;
pub(crate) mod server;
pub(crate) mod status;
pub(crate) mod why;

use std::net::IpAddr;
use std::time::Duration;

use evenkeel_base::WallTime;

use super::dump::State;

/// The keeper at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shot {
    /// `router_id`, else the host's name.
    pub(crate) node: String,
    /// The VRRP process.
    pub(crate) pid: u32,
    /// How long it has run.
    pub(crate) uptime: Duration,
    /// The moment.
    pub(crate) now: WallTime,
    /// Instances in the file's order.
    pub(crate) instances: Vec<InstanceShot>,
    /// Tracked things in the file's order.
    pub(crate) tracks: Vec<TrackShot>,
    /// What is counted for all instances together, by name.
    pub(crate) counters: Vec<(&'static str, u64)>,
    /// Longest time from a timer's end to its turn.
    pub(crate) latest: Duration,
}

/// One instance at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstanceShot {
    /// Its name.
    pub(crate) name: String,
    /// Its sync group.
    pub(crate) group: Option<String>,
    /// Its interface.
    pub(crate) interface: String,
    /// Its virtual router id.
    pub(crate) vrid: u8,
    /// The protocol's version.
    pub(crate) version: u8,
    /// Its state.
    pub(crate) state: State,
    /// How long it has been in it.
    pub(crate) since: Duration,
    /// The priority that is announced.
    pub(crate) priority: u8,
    /// Where it comes from.
    pub(crate) parts: Parts,
    /// Who was heard last.
    pub(crate) peer: Option<PeerShot>,
    /// Its addresses, as the file has them.
    pub(crate) addresses: Vec<String>,
    /// True while they are set here.
    pub(crate) held: bool,
    /// Lifetime of the addresses after each renewal.
    pub(crate) lease: Option<Duration>,
    /// Why it is in FAULT.
    pub(crate) faults: Vec<String>,
    /// What is wrong with the election.
    pub(crate) doubts: Vec<DoubtShot>,
    /// Counters by name.
    pub(crate) counters: Vec<(&'static str, u64)>,
    /// The recorder, oldest first.
    pub(crate) entries: Vec<EntryShot>,
}

/// The parts of a priority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The file's.
    pub(crate) base: u8,
    /// Set by the operator instead.
    pub(crate) operator: Option<u8>,
    /// What tracked things add and take at this moment.
    pub(crate) weights: Vec<(String, i64)>,
}

/// Who was heard last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerShot {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Its priority.
    pub(crate) priority: u8,
    /// How long ago.
    pub(crate) ago: Duration,
}

/// Something wrong with the election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DoubtShot {
    /// A stable word.
    pub(crate) kind: &'static str,
    /// In a few words.
    pub(crate) title: String,
    /// What is seen.
    pub(crate) cause: String,
    /// What to do.
    pub(crate) advice: String,
}

/// One entry of the recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryShot {
    /// When.
    pub(crate) at: WallTime,
    /// The state after it.
    pub(crate) state: State,
    /// The priority after it.
    pub(crate) priority: u8,
    /// What happened, in the log's words.
    pub(crate) text: String,
    /// For a change of state: why.
    pub(crate) because: Option<String>,
}

/// One tracked thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrackShot {
    /// Its name.
    pub(crate) name: String,
    /// `script`, `file`, `process`, `bfd`, `interface`.
    pub(crate) kind: &'static str,
    /// Whether it is well; `None`: not known yet.
    pub(crate) up: Option<bool>,
    /// A file's value.
    pub(crate) value: Option<i64>,
}

/// A duration for people: `0.4 s`, `42 s`, `3 d 4 h`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        10..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// `1 thing`, `2 things`.
pub(crate) fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

impl InstanceShot {
    /// What somebody should look at.
    pub(crate) fn needs(&self) -> Vec<String> {
        let mut needs: Vec<String> = self
            .doubts
            .iter()
            .map(|d| format!("{}: {}: {}\n    → {}", self.name, d.title, d.cause, d.advice))
            .collect();
        if self.state == State::Fault {
            let why = if self.faults.is_empty() {
                "no reason is known".to_string()
            } else {
                self.faults.join("; ")
            };
            needs.push(format!("{} is in FAULT: {why}", self.name));
        }
        needs
    }
}

/// Rows for the tests of all texts.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn at(ms: u64) -> WallTime {
        WallTime::from_micros(1_795_788_131_000_000 + ms * 1_000)
    }

    pub(crate) fn entry(ms: u64, state: State, text: &str, because: Option<&str>) -> EntryShot {
        EntryShot { at: at(ms), state, priority: 100, text: text.into(), because: because.map(Into::into) }
    }

    pub(crate) fn shot() -> Shot {
        let doubt = DoubtShot {
            kind: "other-master",
            title: "two masters".into(),
            cause: "192.0.2.2 goes on as master".into(),
            advice: "let IP protocol 112 pass".into(),
        };
        let first = InstanceShot {
            name: "VI_1".into(),
            group: None,
            interface: "eth0".into(),
            vrid: 51,
            version: 2,
            state: State::Master,
            since: Duration::from_secs(273_600),
            priority: 102,
            parts: Parts { base: 100, operator: None, weights: vec![("chk".into(), 2)] },
            peer: Some(PeerShot {
                address: [192, 0, 2, 2].into(),
                priority: 90,
                ago: Duration::from_millis(400),
            }),
            addresses: vec!["192.0.2.100/24".into()],
            held: true,
            lease: Some(Duration::from_secs(3)),
            faults: vec![],
            doubts: vec![doubt],
            counters: vec![("adverts_sent", 7)],
            entries: vec![
                entry(0, State::Backup, "Entering BACKUP STATE (init)", Some("the keeper started")),
                entry(10, State::Backup, "hears 192.0.2.2: priority 90, every 1000 ms", None),
                entry(3_600, State::Backup, "Receive advertisement timeout", None),
                entry(3_601, State::Master, "Entering MASTER STATE", Some("nobody spoke for 3.609 s")),
            ],
        };
        let second = InstanceShot {
            name: "VI_2".into(),
            state: State::Fault,
            since: Duration::from_secs(42),
            priority: 90,
            parts: Parts { base: 90, operator: Some(90), weights: vec![] },
            peer: None,
            held: false,
            lease: None,
            faults: vec!["interface eth1 is down".into()],
            doubts: vec![],
            interface: "eth1".into(),
            entries: vec![],
            counters: vec![("adverts_sent", 0)],
            ..first.clone()
        };
        Shot {
            node: "lb1".into(),
            pid: 77,
            uptime: Duration::from_secs(273_660),
            now: at(10_000),
            instances: vec![first, second],
            tracks: vec![TrackShot { name: "chk".into(), kind: "script", up: Some(true), value: None }],
            counters: vec![("packets_sent", 9)],
            latest: Duration::from_micros(1_500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (ms, want) in [
            (400, "0.4 s"),
            (9_990, "9.9 s"),
            (42_000, "42 s"),
            (600_000, "10 min"),
            (7_260_000, "2 h 1 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), want);
        }
    }
}
