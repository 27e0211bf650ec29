//! Tracked processes: `/proc` is read once, then the kernel tells who comes and goes (process connector). Where it does not
//! (no right to it, or inside a network namespace, where the connector does not exist), `/proc` is read again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::script::ParamMatch;
use evenkeel_plan::keeper::{KeeperPlan, TrackPlan};
use evenkeel_sys::netlink::{LOST, Netlink, Protocol};
use evenkeel_sys::poll::Poller;
use evenkeel_vrrp::conf::TrackId;
use evenkeel_vrrp::{Input, Node};
use evenkeel_wire::netlink::process::{self, Event};

use crate::keys;

/// How often `/proc` is read where nobody tells.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Datagrams read before the loop goes on.
const EVENTS_MAX: usize = 1024;
/// Room for events: a fork storm must not lose them at once.
const BUFFER: usize = 1 << 20;
/// A process name in the kernel.
const COMM_MAX: usize = 15;

#[derive(Debug)]
struct Tracked {
    id: TrackId,
    command: String,
    params: Option<Vec<String>>,
    param_match: ParamMatch,
    full_command: bool,
    quorum: u32,
    quorum_max: Option<u32>,
    pids: BTreeSet<u32>,
    told: Option<bool>,
}

/// All tracked processes.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    tracked: Vec<Tracked>,
    connector: Option<Netlink>,
    look: Option<Instant>,
    buf: Vec<u8>,
}

impl Processes {
    /// Watches a plan's processes, and tells how they are now.
    pub(crate) fn set(&mut self, poller: &Poller, plan: &KeeperPlan, node: &mut Node, now: Instant) {
        self.tracked = plan.tracks.iter().enumerate().filter_map(|(n, t)| tracked(n, t)).collect();
        self.look = None;
        if self.tracked.is_empty() {
            self.connector = None;
            return;
        }
        if self.connector.is_none() {
            self.connector = listen(poller);
        }
        self.scan();
        self.tell(node, now);
        self.look = self.connector.is_none().then(|| now + LOOK_EVERY);
    }

    /// Whether the kernel tells by itself.
    pub(crate) fn is_told(&self) -> bool {
        self.connector.is_some()
    }

    /// How many processes there are of each tracked kind.
    pub(crate) fn counts(&self) -> BTreeMap<TrackId, usize> {
        self.tracked.iter().map(|one| (one.id, one.pids.len())).collect()
    }

    /// Reads the kernel's events.
    pub(crate) fn on_news(&mut self, _plan: &KeeperPlan, node: &mut Node, now: Instant) {
        let mut buf = std::mem::take(&mut self.buf);
        for _ in 0..EVENTS_MAX {
            let Some(connector) = &self.connector else { break };
            match connector.receive(&mut buf) {
                Ok(n) => {
                    for event in process::events(buf.get(..n).unwrap_or_default()) {
                        self.on_event(event, now);
                    }
                }
                Err(e) if e.raw_os_error() == Some(LOST) => self.scan(),
                Err(_) => break,
            }
        }
        self.buf = buf;
        self.tell(node, now);
    }

    fn on_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Listening(0) => {}
            // The kernel refuses to tell: look for ourselves.
            Event::Listening(_) => {
                self.connector = None;
                self.look = Some(now);
            }
            Event::Forked { parent, child } => {
                for one in &mut self.tracked {
                    if one.pids.contains(&parent) {
                        one.pids.insert(child);
                    }
                }
            }
            Event::Executed(pid) | Event::Renamed(pid) => self.look_at(pid),
            Event::Ended(pid) => {
                for one in &mut self.tracked {
                    one.pids.remove(&pid);
                }
            }
        }
    }

    fn look_at(&mut self, pid: u32) {
        let mut facts = Facts::new(pid);
        for one in &mut self.tracked {
            if facts.fit(one) {
                one.pids.insert(pid);
            } else {
                one.pids.remove(&pid);
            }
        }
    }

    fn scan(&mut self) {
        for one in &mut self.tracked {
            one.pids.clear();
        }
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        for pid in pids {
            if !is_zombie(pid) {
                self.look_at(pid);
            }
        }
    }

    fn tell(&mut self, node: &mut Node, now: Instant) {
        for one in &mut self.tracked {
            let count = u32::try_from(one.pids.len()).unwrap_or(u32::MAX);
            let up = count >= one.quorum && one.quorum_max.is_none_or(|max| count <= max);
            if one.told != Some(up) {
                one.told = Some(up);
                node.handle(Input::ProcessQuorum(one.id, up), now);
            }
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.look
    }

    pub(crate) fn on_time(&mut self, node: &mut Node, now: Instant) {
        if self.look.is_some_and(|at| at <= now) {
            self.scan();
            self.tell(node, now);
            self.look = Some(now + LOOK_EVERY);
        }
    }
}

fn tracked(n: usize, track: &TrackPlan) -> Option<Tracked> {
    let TrackPlan::Process { command, params, param_match, full_command, quorum, quorum_max } = track else {
        return None;
    };
    Some(Tracked {
        id: TrackId(n as u32),
        command: command.clone(),
        params: params.clone(),
        param_match: *param_match,
        full_command: *full_command,
        quorum: *quorum,
        quorum_max: *quorum_max,
        pids: BTreeSet::new(),
        told: None,
    })
}

fn listen(poller: &Poller) -> Option<Netlink> {
    let connector = Netlink::open(Protocol::Connector, &[process::GROUP]).ok()?;
    connector.set_nonblocking(true).ok()?;
    let _ = connector.set_receive_buffer(BUFFER);
    connector.send(&process::listen(true)).ok()?;
    poller.add(&connector, keys::PROCESSES).ok()?;
    Some(connector)
}

/// What `/proc` says of a process, read once and only as far as asked.
struct Facts {
    pid: u32,
    comm: Option<Option<String>>,
    words: Option<Vec<String>>,
}

impl Facts {
    fn new(pid: u32) -> Facts {
        Facts { pid, comm: None, words: None }
    }

    fn fit(&mut self, one: &Tracked) -> bool {
        if !one.full_command && one.params.is_none() {
            let pid = self.pid;
            let comm = self.comm.get_or_insert_with(|| {
                fs::read_to_string(format!("/proc/{pid}/comm"))
                    .ok()
                    .map(|c| c.trim_end_matches('\n').to_owned())
            });
            let wanted = one.command.rsplit('/').next().unwrap_or_default();
            let wanted: String =
                String::from_utf8_lossy(wanted.as_bytes().get(..COMM_MAX).unwrap_or(wanted.as_bytes()))
                    .into_owned();
            return comm.as_deref() == Some(&wanted);
        }
        let pid = self.pid;
        let words = self.words.get_or_insert_with(|| command_line(pid));
        fits(words, one)
    }
}

fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words: Vec<String> =
        bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    // Each word ends with a zero.
    words.pop();
    words
}

fn fits(words: &[String], one: &Tracked) -> bool {
    let Some((command, params)) = words.split_first() else { return false };
    if *command != one.command {
        return false;
    }
    let Some(wanted) = &one.params else { return true };
    match one.param_match {
        ParamMatch::Exact => params == wanted.as_slice(),
        ParamMatch::Partial => params.starts_with(wanted),
        ParamMatch::Initial => match wanted.split_last() {
            None => true,
            Some((last, before)) => {
                params.starts_with(before)
                    && params.get(before.len()).is_some_and(|p| p.starts_with(last.as_str()))
            }
        },
    }
}

fn is_zombie(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    // The state follows the name, which may have brackets itself.
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(command: &str, params: Option<&[&str]>, param_match: ParamMatch) -> Tracked {
        Tracked {
            id: TrackId(0),
            command: command.into(),
            params: params.map(|p| p.iter().map(|w| (*w).to_owned()).collect()),
            param_match,
            full_command: true,
            quorum: 1,
            quorum_max: None,
            pids: BTreeSet::new(),
            told: None,
        }
    }

    #[test]
    fn parameters_in_three_ways() {
        let words: Vec<String> = ["/bin/x", "-a", "--long=1"].map(str::to_owned).to_vec();
        for (params, how, want) in [
            (None, ParamMatch::Exact, true),
            (Some(&["-a", "--long=1"][..]), ParamMatch::Exact, true),
            (Some(&["-a"][..]), ParamMatch::Exact, false),
            (Some(&[][..]), ParamMatch::Exact, false),
            (Some(&["-a"][..]), ParamMatch::Partial, true),
            (Some(&["-a", "--long"][..]), ParamMatch::Partial, false),
            (Some(&["-a", "--long"][..]), ParamMatch::Initial, true),
            (Some(&["-b", "--long"][..]), ParamMatch::Initial, false),
        ] {
            assert_eq!(fits(&words, &one("/bin/x", params, how)), want, "{params:?} {how:?}");
        }
        assert!(!fits(&words, &one("/bin/y", None, ParamMatch::Exact)));
        assert!(!fits(&[], &one("/bin/x", None, ParamMatch::Exact)));
    }

    #[test]
    fn we_are_there_and_no_zombie() {
        let pid = std::process::id();
        assert!(!is_zombie(pid) && is_zombie(u32::MAX));
        assert!(!command_line(pid).is_empty());
    }
}
