//! What a client sees when a master goes.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{Echo, Holders, Lab, LabError, Node, Prober, Proc, Way};

use super::{Keeper, Programs, Wish};

/// How often the client asks, and the nodes are looked at.
const EVERY: Duration = Duration::from_millis(2);
/// How long anything may take to settle.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long two that run already are left to themselves before the event.
const SETTLE: Duration = Duration::from_millis(1500);
/// How long it is looked on after other events.
const WATCH_SHORT: Duration = Duration::from_millis(1500);
/// The floating address.
const VIP: &str = "10.78.0.100";

/// How fast adverts follow each other.
pub(super) struct Pace {
    /// The name of the piece.
    pub(super) piece: &'static str,
    pub(super) title: &'static str,
    lines: &'static str,
    /// How long it is looked on where the old master does not leave by itself.
    watch: Duration,
    /// How many pairs live at once: more where a moment's wait changes nothing.
    at_once: usize,
}

pub(super) const PACES: &[Pace] = &[
    Pace {
        piece: "v2",
        title: "VRRPv2, 1 s",
        lines: "advert_int 1",
        watch: Duration::from_secs(9),
        at_once: 6,
    },
    Pace {
        piece: "v3-100ms",
        title: "VRRPv3, 0.1 s",
        lines: "version 3\n    advert_int 0.1",
        watch: Duration::from_secs(4),
        at_once: 2,
    },
    Pace {
        piece: "v3-10ms",
        title: "VRRPv3, 0.01 s",
        lines: "version 3\n    advert_int 0.01",
        watch: Duration::from_secs(4),
        at_once: 1,
    },
];

/// What happens to the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Term,
    Kill,
    LinkDown,
    PortDown,
    Filtered,
    Script,
}

impl Event {
    pub(super) const ALL: [Event; 6] =
        [Event::Term, Event::Kill, Event::LinkDown, Event::PortDown, Event::Filtered, Event::Script];

    pub(super) fn name(self) -> &'static str {
        match self {
            Event::Term => "TERM",
            Event::Kill => "kill -9",
            Event::LinkDown => "link down",
            Event::PortDown => "switch port down",
            Event::Filtered => "112 filtered",
            Event::Script => "script fails",
        }
    }
}

/// One event, seen from outside. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) event: Event,
    pub(super) keeper: Keeper,
    /// The longest silence that the client heard.
    pub(super) silence: f64,
    /// From the event to the first answer of the other node; endless if there was none.
    pub(super) takeover: f64,
    /// From the event to when two nodes held the address for the last time; endless if they still do.
    pub(super) both_until: f64,
}

/// All rounds of one pace.
pub(super) fn measure(pace: &Pace, programs: &Programs, wish: &Wish) -> Result<Vec<Sample>, String> {
    let wanted = |event: &Event| wish.only.as_ref().is_none_or(|only| event.name().contains(only.as_str()));
    let mut samples = Vec::new();
    for round in 1..=wish.rounds {
        let plays: Vec<(Event, Keeper)> = Event::ALL
            .into_iter()
            .filter(wanted)
            .flat_map(|event| Keeper::ALL.map(|keeper| (event, keeper)))
            .collect();
        for some in plays.chunks(pace.at_once) {
            let found: Vec<Result<Sample, String>> = std::thread::scope(|scope| {
                let play = |(event, keeper): &(Event, Keeper)| {
                    let (event, keeper) = (*event, *keeper);
                    scope.spawn(move || play(pace, programs, event, keeper))
                };
                let threads: Vec<_> = some.iter().map(play).collect();
                threads.into_iter().map(|t| t.join().unwrap_or(Err("a thread ended".to_owned()))).collect()
            });
            for sample in found {
                let sample = sample?;
                println!(
                    "{}, round {round}, {}, {}: silence {:.0} ms, b answers after {:.0} ms, two hold it until {:.0} ms",
                    pace.title,
                    sample.event.name(),
                    sample.keeper.name(),
                    sample.silence,
                    sample.takeover,
                    sample.both_until
                );
                samples.push(sample);
            }
        }
    }
    Ok(samples)
}

const SCRIPT: &str = "#!/bin/sh\n[ ! -e /run/dead ]\n";

fn conf(pace: &Pace, priority: u8, script: bool) -> String {
    let (head, track) = if script {
        (
            "global_defs {\n    script_user root\n}\nvrrp_script alive {\n    script /etc/keepalived/alive.sh\n    interval 1\n    \
             weight -100\n    fall 1\n    rise 1\n}\n",
            "    track_script {\n        alive\n    }\n",
        )
    } else {
        ("", "")
    };
    format!(
        "{head}vrrp_instance VI_1 {{\n    interface eth0\n    virtual_router_id 51\n    priority {priority}\n    {}\n{track}    \
         virtual_ipaddress {{\n        {VIP}/24\n    }}\n}}\n",
        pace.lines
    )
}

fn start(node: &Node) -> Result<Proc, String> {
    let line = "keepalived -n -l -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid -r /run/keepalived_vrrp.pid";
    node.spawn(&line.split(' ').collect::<Vec<_>>()).map_err(failed)
}

fn failed(error: LabError) -> String {
    error.to_string()
}

fn until(what: &str, mut done: impl FnMut() -> bool) -> Result<(), String> {
    let since = Instant::now();
    while !done() {
        if since.elapsed() > PATIENCE {
            return Err(format!("in vain: {what}"));
        }
        std::thread::sleep(EVERY);
    }
    Ok(())
}

fn play(pace: &Pace, programs: &Programs, event: Event, keeper: Keeper) -> Result<Sample, String> {
    let program = programs.path(keeper);
    let lab = Lab::new()
        .machine("a")
        .link("a", "switch", &["10.78.0.1/24"])
        .program("a", "keepalived", program)
        .machine("b")
        .link("b", "switch", &["10.78.0.2/24"])
        .program("b", "keepalived", program)
        .node("client", &["10.78.0.9/24"])
        .build()
        .map_err(failed)?;
    let (a, b) = (lab.node("a"), lab.node("b"));
    for (node, priority) in [(a, 150), (b, 100)] {
        node.put("/etc/keepalived/keepalived.conf", conf(pace, priority, event == Event::Script), 0o644)
            .map_err(failed)?;
        node.put("/etc/keepalived/alive.sh", SCRIPT, 0o755).map_err(failed)?;
    }
    let io = |e: std::io::Error| e.to_string();
    let _echoes = [Echo::start(a).map_err(io)?, Echo::start(b).map_err(io)?];
    let vip: IpAddr = VIP.parse().map_err(|_| "the address is one")?;
    let holders = Holders::start(&[a, b], vip, EVERY).map_err(io)?;
    let prober = Prober::start(lab.node("client"), vip, EVERY).map_err(io)?;
    let mut master = start(a)?;
    until("the master to hold the address", || holders.now() == [0])?;
    let mut backup = start(b)?;
    until("the master to answer", || prober.last().is_some_and(|l| l.from == "a"))?;
    // The backup has to hear adverts.
    std::thread::sleep(SETTLE);
    if holders.now() != [0] || !backup.is_running() {
        let said = backup.stderr() + &backup.stdout();
        return Err(format!("{}: the master does not hold the address alone: {said}", keeper.name()));
    }
    let since = Instant::now();
    match event {
        Event::Term => master.signal(15).map_err(io)?,
        Event::Kill => master.kill_tree().map(|_| ()).map_err(io)?,
        Event::LinkDown => a.set_up(0, false).map_err(failed)?,
        Event::PortDown => lab.set_link("a", 0, false).map_err(failed)?,
        Event::Filtered => a.block(Way::Out, "ip protocol 112").map_err(failed)?,
        Event::Script => a.put("/run/dead", "", 0o644).map_err(failed)?,
    }
    let answered = || prober.answers().iter().any(|answer| answer.came > since && answer.from == "b");
    // A master that is only not heard may go on answering: then it is enough that the other one has the address too.
    let taken = || answered() || event == Event::Filtered && holders.now().contains(&1);
    until("the backup to answer", taken).map_err(|e| format!("{}, {}: {e}", keeper.name(), event.name()))?;
    std::thread::sleep(match event {
        Event::Kill | Event::Filtered => pace.watch,
        Event::Term | Event::LinkDown | Event::PortDown | Event::Script => WATCH_SHORT,
    });
    let seen = prober.since(since);
    let takeover = seen.turns.iter().find(|(name, _)| name == "b").map_or(f64::INFINITY, |(_, at)| ms(*at));
    Ok(Sample { event, keeper, silence: ms(seen.silence), takeover, both_until: both_until(&holders, since) })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// When two nodes held the address for the last time, after `since`: 0 if they never did, endless if they do now.
fn both_until(holders: &Holders, since: Instant) -> f64 {
    if holders.now().len() > 1 {
        return f64::INFINITY;
    }
    let (mut holds, mut until) = ([false; 2], 0.0);
    for change in holders.changes() {
        let shared = holds == [true; 2];
        if let Some(slot) = holds.get_mut(change.node) {
            *slot = change.holds;
        }
        if shared && change.at > since {
            until = ms(change.at - since);
        }
    }
    until
}

/// One line per sample.
pub(super) fn to_text(samples: &[Sample]) -> String {
    let line = |s: &Sample| {
        format!("{}\t{}\t{}\t{}\t{}\n", s.event.name(), s.keeper.name(), s.silence, s.takeover, s.both_until)
    };
    samples.iter().map(line).collect()
}

/// The opposite; lines that are none are left out.
pub(super) fn from_text(text: &str) -> Vec<Sample> {
    let line = |line: &str| {
        let mut words = line.split('\t');
        let (event, keeper) = (words.next()?, words.next()?);
        let mut number = || words.next()?.parse::<f64>().ok();
        Some(Sample {
            event: Event::ALL.into_iter().find(|e| e.name() == event)?,
            keeper: Keeper::ALL.into_iter().find(|k| k.name() == keeper)?,
            silence: number()?,
            takeover: number()?,
            both_until: number()?,
        })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_as_they_were_written() {
        let samples = [
            Sample {
                event: Event::Kill,
                keeper: Keeper::Keepalived,
                silence: 2.5,
                takeover: 3610.0,
                both_until: f64::INFINITY,
            },
            Sample {
                event: Event::Term,
                keeper: Keeper::Evenkeel,
                silence: 6.0,
                takeover: 6.0,
                both_until: 0.0,
            },
        ];
        assert_eq!(from_text(&to_text(&samples)), samples);
        assert_eq!(from_text("no sample\n"), []);
    }
}
