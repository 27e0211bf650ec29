//! A thousand instances on one core: adverts that are late or missing, processor time, memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{Lab, LabBuilder, LabError, Node, Proc};

use super::{Keeper, Programs};
use crate::bench::{CORE_LOAD, CORE_PROXY, cpu};

/// The name of the piece.
pub(super) const PIECE: &str = "scale";
/// Links, since one has no more than 255 virtual routers.
const LINKS: usize = 4;
const PER_LINK: usize = 250;
/// All instances.
pub(super) const INSTANCES: usize = LINKS * PER_LINK;
/// The interval of adverts, in milliseconds.
pub(super) const INTERVAL_MS: f64 = 100.0;
/// How long it is looked at.
const WINDOW: Duration = Duration::from_secs(10);
/// How long the start may take.
const START_MAX: Duration = Duration::from_secs(40);
/// How long the start's gratuitous ARPs and second thoughts may take.
const SETTLE: Duration = Duration::from_secs(8);
/// A gap of more than this many intervals has an advert missing.
const LATE: f64 = 1.5;

/// What was seen of one keeper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) keeper: Keeper,
    /// Instances of the master whose adverts were seen.
    pub(super) seen: f64,
    pub(super) adverts: f64,
    /// Adverts that did not come, by the gaps between those that did.
    pub(super) missed: f64,
    pub(super) longest_gap_ms: f64,
    /// Transitions that the backup made in the window.
    pub(super) flaps: f64,
    /// Percent of one core.
    pub(super) master_cpu: f64,
    pub(super) backup_cpu: f64,
    pub(super) master_mib: f64,
    pub(super) backup_mib: f64,
    /// From the start until all addresses were there.
    pub(super) start_s: f64,
}

pub(super) fn measure(programs: &Programs) -> Result<Vec<Found>, String> {
    Keeper::ALL.into_iter().map(|keeper| one(programs, keeper)).collect()
}

fn conf(priority: u8) -> String {
    let mut text = "global_defs {\n    vrrp_version 3\n}\n".to_owned();
    for link in 0..LINKS {
        for n in 1..=PER_LINK {
            text.push_str(&format!(
                "vrrp_instance V{link}_{n} {{\n    interface eth{link}\n    virtual_router_id {n}\n    priority {priority}\n    \
                 advert_int 0.1\n    virtual_ipaddress {{\n        10.{}.{n}.1/32\n    }}\n}}\n",
                100 + link
            ));
        }
    }
    text
}

fn failed(error: LabError) -> String {
    error.to_string()
}

fn machine(lab: LabBuilder, name: &str, last: usize, program: &Path) -> LabBuilder {
    let lab = lab.machine(name).program(name, "keepalived", program);
    (0..LINKS)
        .fold(lab, |lab, link| lab.link(name, &format!("sw{link}"), &[&format!("10.79.{link}.{last}/24")]))
}

fn start(node: &Node, core: usize) -> Result<Proc, String> {
    let line = format!(
        "taskset -c {core} keepalived -n -l -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid -r \
         /run/keepalived_vrrp.pid"
    );
    node.spawn(&line.split(' ').collect::<Vec<_>>()).map_err(failed)
}

/// How many floating addresses a node has.
fn addresses(node: &Node) -> Result<usize, String> {
    let out = node.run(&["ip", "-o", "-4", "addr", "show"]).map_err(failed)?;
    Ok(String::from_utf8_lossy(&out.stdout).lines().filter(|l| l.contains(" 10.10")).count())
}

fn masters(proc: &Proc) -> usize {
    (proc.stderr() + &proc.stdout()).matches("Entering MASTER STATE").count()
}

fn one(programs: &Programs, keeper: Keeper) -> Result<Found, String> {
    println!("scale: {} instances of {}", INSTANCES, keeper.name());
    let program = programs.path(keeper);
    let lab = machine(machine(Lab::new(), "a", 1, program), "b", 2, program).build().map_err(failed)?;
    let (a, b) = (lab.node("a"), lab.node("b"));
    for (node, priority) in [(a, 150), (b, 100)] {
        node.put("/etc/keepalived/keepalived.conf", conf(priority), 0o644).map_err(failed)?;
    }
    let began = Instant::now();
    let master = start(a, CORE_PROXY)?;
    while addresses(a)? < INSTANCES {
        if began.elapsed() > START_MAX {
            let said = master.stderr();
            let tail = said.get(said.len().saturating_sub(2000)..).unwrap_or_default().to_owned();
            return Err(format!(
                "{}: {} of {INSTANCES} addresses after all that time:\n{tail}",
                keeper.name(),
                addresses(a)?
            ));
        }
        super::super::rest(50);
    }
    let start_s = began.elapsed().as_secs_f64();
    let backup = start(b, CORE_LOAD)?;
    std::thread::sleep(SETTLE);
    let file = crate::root().join("target/bench/vrrp").join(format!("{}.pcap", keeper.name()));
    let mut tcpdump = listen(b, &file)?;
    let (flaps, from) = (masters(&backup), Instant::now());
    let before = [cpu::tree_ns(master.pid()), cpu::tree_ns(backup.pid())];
    std::thread::sleep(WINDOW);
    let after = [cpu::tree_ns(master.pid()), cpu::tree_ns(backup.pid())];
    let window = from.elapsed().as_secs_f64();
    let flaps = masters(&backup) - flaps;
    let memory = [cpu::tree_rss(master.pid()), cpu::tree_rss(backup.pid())].map(|b| b as f64 / 1_048_576.0);
    tcpdump.signal(15).map_err(|e| e.to_string())?;
    tcpdump.wait(Duration::from_secs(10)).map_err(|e| e.to_string())?;
    let said = tcpdump.stderr();
    if !said.contains("0 packets dropped by kernel") {
        println!("scale: the capture is not whole: {}", said.trim());
    }
    let bytes = fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    // A leftover that the next run overwrites.
    let _ = fs::remove_file(&file);
    let adverts = adverts(&bytes);
    let cpu = |n: usize| match (before.get(n), after.get(n)) {
        (Some(before), Some(after)) => after.saturating_sub(*before) as f64 / 1e9 / window * 100.0,
        (Some(_) | None, _) => f64::NAN,
    };
    let (missed, longest_gap_ms) = late(&adverts);
    let [master_mib, backup_mib] = memory;
    let found = Found {
        keeper,
        seen: adverts.len() as f64,
        adverts: adverts.values().map(Vec::len).sum::<usize>() as f64,
        missed,
        longest_gap_ms,
        flaps: flaps as f64,
        master_cpu: cpu(0),
        backup_cpu: cpu(1),
        master_mib,
        backup_mib,
        start_s,
    };
    println!("scale: {found:?}");
    Ok(found)
}

fn listen(node: &Node, file: &PathBuf) -> Result<Proc, String> {
    // In the node's network, but with this machine's files.
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        node.netns(),
        "taskset",
        "-c",
        &CORE_LOAD.to_string(),
        "tcpdump",
        "-i",
        "any",
    ]);
    command
        .args(["-y", "LINUX_SLL2", "-B", "65536", "-s", "96", "-Z", "root", "-w"])
        .arg(file)
        .arg("ip proto 112");
    let tcpdump = Proc::start(command).map_err(|e| format!("tcpdump: {e}"))?;
    if !tcpdump.wait_for("listening on", Duration::from_secs(10)) {
        return Err(format!("tcpdump: {}", tcpdump.stderr()));
    }
    Ok(tcpdump)
}

/// When adverts of the stronger node came, in milliseconds, by interface and virtual router.
fn adverts(capture: &[u8]) -> BTreeMap<(u32, u8), Vec<f64>> {
    const FILE_HEAD: usize = 24;
    const RECORD_HEAD: usize = 16;
    const LINK_HEAD: usize = 20;
    let mut found: BTreeMap<(u32, u8), Vec<f64>> = BTreeMap::new();
    let mut rest = capture.get(FILE_HEAD..).unwrap_or_default();
    while let Some((head, after)) = rest.split_first_chunk::<RECORD_HEAD>() {
        let word = |n: usize| {
            let bytes =
                head.get(4 * n..4 * n + 4).and_then(|b| b.first_chunk::<4>()).copied().unwrap_or_default();
            u32::from_le_bytes(bytes)
        };
        let size = word(2) as usize;
        let (Some(packet), Some(next)) = (after.get(..size), after.get(size..)) else { break };
        rest = next;
        let at = f64::from(word(0)) * 1000.0 + f64::from(word(1)) / 1000.0;
        let Some(interface) = packet.get(4..8).and_then(|b| b.first_chunk::<4>()) else { continue };
        let ip = packet.get(LINK_HEAD..).unwrap_or_default();
        let ip_head = usize::from(ip.first().copied().unwrap_or_default() & 0x0f) * 4;
        if let Some([_, vrid, 150, ..]) = ip.get(ip_head..) {
            found.entry((u32::from_be_bytes(*interface), *vrid)).or_default().push(at);
        }
    }
    found
}

/// How many adverts are missing, and the longest gap.
fn late(adverts: &BTreeMap<(u32, u8), Vec<f64>>) -> (f64, f64) {
    let (mut missed, mut longest) = (0.0, 0.0);
    for times in adverts.values() {
        for (earlier, later) in times.iter().zip(times.iter().skip(1)) {
            let gap = later - earlier;
            longest = f64::max(longest, gap);
            if gap > LATE * INTERVAL_MS {
                missed += (gap / INTERVAL_MS).round() - 1.0;
            }
        }
    }
    (missed, longest)
}

/// One line per keeper.
pub(super) fn to_text(found: &[Found]) -> String {
    let line = |f: &Found| {
        let numbers = [
            f.seen,
            f.adverts,
            f.missed,
            f.longest_gap_ms,
            f.flaps,
            f.master_cpu,
            f.backup_cpu,
            f.master_mib,
            f.backup_mib,
            f.start_s,
        ];
        format!("{}\t{}\n", f.keeper.name(), numbers.map(|n| n.to_string()).join("\t"))
    };
    found.iter().map(line).collect()
}

/// The opposite; lines that are none are left out.
pub(super) fn from_text(text: &str) -> Vec<Found> {
    let line = |line: &str| {
        let mut words = line.split('\t');
        let name = words.next()?;
        let mut number = || words.next()?.parse::<f64>().ok();
        Some(Found {
            keeper: Keeper::ALL.into_iter().find(|k| k.name() == name)?,
            seen: number()?,
            adverts: number()?,
            missed: number()?,
            longest_gap_ms: number()?,
            flaps: number()?,
            master_cpu: number()?,
            backup_cpu: number()?,
            master_mib: number()?,
            backup_mib: number()?,
            start_s: number()?,
        })
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adverts_are_counted_by_router_and_gaps_found() {
        let record = |ms: u32, interface: u8, vrid: u8, priority: u8| {
            let mut packet = vec![0u8; 20];
            packet[7] = interface;
            let mut ip = vec![0u8; 20];
            ip[0] = 0x45;
            packet.extend(ip);
            packet.extend([0x31, vrid, priority, 1, 0, 10, 0, 0]);
            let words = [7, ms * 1000, packet.len() as u32, packet.len() as u32];
            words.iter().flat_map(|w| w.to_le_bytes()).chain(packet).collect::<Vec<u8>>()
        };
        let mut capture = vec![0u8; 24];
        for (ms, interface, vrid, priority) in [
            (0, 2, 1, 150),
            (1, 2, 1, 100),
            (100, 2, 1, 150),
            (50, 3, 1, 150),
            (300, 2, 1, 150),
            (150, 3, 1, 150),
        ] {
            capture.extend(record(ms, interface, vrid, priority));
        }
        capture.extend([1, 2, 3]);
        let found = adverts(&capture);
        assert_eq!(found.get(&(2, 1)), Some(&vec![7000.0, 7100.0, 7300.0]));
        assert_eq!(found.get(&(3, 1)), Some(&vec![7050.0, 7150.0]));
        assert_eq!(late(&found), (1.0, 200.0));
    }
}
