//! `cargo xtask bench`: what a request costs in CPU time, beside HAProxy and nginx of this machine, in one run.
//!
//! ```text
//! wrk ──▶ haproxy  ─┐
//! wrk ──▶ evenkeel ─┼─▶ nginx with two files      a load at a time: A B C A B C …, then medians of the ratios
//! wrk ──▶ nginx    ─┘
//! ```
//! Only ratios of neighbours in time are compared: two cores of a shared machine are too noisy for anything else.
//! `cargo xtask bench vrrp` is a bench of its own: [`vrrp`].

mod cpu;
mod load;
mod memory;
mod report;
mod rig;
mod vrrp;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use load::{Load, Sample};
use report::facts;
use rig::{Proxy, Rig};

/// Seconds per run: long enough for some 10 000 requests of the slowest.
const SECONDS: u64 = 3;
/// Rounds: the fewest that a median means something for.
const ROUNDS: usize = 3;
/// Core of the proxy where it has one of its own.
const CORE_PROXY: usize = 0;
/// Core of the load and the origin.
const CORE_LOAD: usize = 1;
/// Above this load average the figures are said to be doubtful.
const LOAD_AVERAGE_MAX: f64 = 0.8;

/// Where the proxy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cores {
    /// On a core of its own.
    Cross,
    /// On the core of load and origin.
    Same,
}

impl Cores {
    fn name(self) -> &'static str {
        match self {
            Cores::Cross => "cross-core",
            Cores::Same => "same-core",
        }
    }

    fn proxy(self) -> usize {
        match self {
            Cores::Cross => CORE_PROXY,
            Cores::Same => CORE_LOAD,
        }
    }
}

/// One row of the table. The aims are ratios that must not be exceeded.
struct Scenario {
    name: &'static str,
    load: Load,
    connections: usize,
    cores: Cores,
    aim_haproxy: Option<f64>,
    aim_nginx: Option<f64>,
}

const fn row(
    name: &'static str,
    load: Load,
    connections: usize,
    cores: Cores,
    aim_haproxy: Option<f64>,
    aim_nginx: Option<f64>,
) -> Scenario {
    Scenario { name, load, connections, cores, aim_haproxy, aim_nginx }
}

const SCENARIOS: &[Scenario] = &[
    row("keep-alive 1 KiB", Load::KeepAlive, 64, Cores::Same, Some(0.75), Some(0.9)),
    row("keep-alive 1 KiB", Load::KeepAlive, 512, Cores::Same, Some(0.75), Some(0.9)),
    row("keep-alive 1 KiB", Load::KeepAlive, 64, Cores::Cross, Some(0.9), Some(1.0)),
    row("keep-alive 1 KiB", Load::KeepAlive, 512, Cores::Cross, Some(0.9), Some(1.0)),
    row("Connection: close", Load::Close, 64, Cores::Same, Some(0.8), None),
    row("Connection: close", Load::Close, 64, Cores::Cross, Some(0.8), None),
    row("1 MiB bodies", Load::Big, 64, Cores::Same, Some(0.4), None),
    row("1 MiB bodies", Load::Big, 64, Cores::Cross, Some(0.4), None),
    row("TCP mode, 1 KiB", Load::Tcp, 64, Cores::Same, Some(0.9), None),
    row("TCP mode, 1 KiB", Load::Tcp, 64, Cores::Cross, Some(0.9), None),
];

/// What the command line asks for.
struct Wish {
    seconds: u64,
    rounds: usize,
    only: Option<String>,
    write: bool,
    quick: bool,
    /// Measured instead of a fresh release build.
    binary: Option<PathBuf>,
}

/// A measured row: a list of samples per proxy, one per round.
struct Measured {
    scenario: &'static Scenario,
    samples: Vec<(Proxy, Vec<Sample>)>,
}

/// Everything measured in one run.
struct Results {
    rows: Vec<Measured>,
    memory: Vec<(Proxy, memory::Idle)>,
    calls: Vec<(Proxy, f64)>,
    seconds: u64,
    rounds: usize,
    remarks: Vec<String>,
}

/// Measures and writes.
pub(crate) fn run(args: &[String]) -> ExitCode {
    if let Some(("vrrp", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return vrrp::run(rest);
    }
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(why) => {
            eprintln!("bench: {why}");
            return ExitCode::from(2);
        }
    };
    match measure(&wish) {
        Ok(results) => {
            print!("\n{}", report::tables(&results));
            if !wish.write || wish.quick || wish.only.is_some() || wish.binary.is_some() {
                println!("\ndocs/benchmarks.md stays as it was: only a whole run is written.");
                return ExitCode::SUCCESS;
            }
            let path = crate::root().join("docs/benchmarks.md");
            match std::fs::write(&path, report::document(&results)) {
                Ok(()) => {
                    println!("\nwritten: docs/benchmarks.md");
                    ExitCode::SUCCESS
                }
                Err(why) => {
                    eprintln!("bench: {}: {why}", path.display());
                    ExitCode::FAILURE
                }
            }
        }
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn wish(args: &[String]) -> Result<Wish, String> {
    let mut wish =
        Wish { seconds: SECONDS, rounds: ROUNDS, only: None, write: true, quick: false, binary: None };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--quick" => (wish.seconds, wish.rounds, wish.quick) = (1, 1, true),
            "--seconds" => wish.seconds = number(value()?)?,
            "--rounds" => wish.rounds = number(value()?)? as usize,
            "--only" => wish.only = Some(value()?.clone()),
            "--binary" => wish.binary = Some(value()?.into()),
            "--no-write" => wish.write = false,
            other => return Err(format!("unknown switch {other}")),
        }
    }
    Ok(wish)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=60).contains(n))
        .ok_or(format!("{text}: a number from 1 to 60 is wanted"))
}

fn measure(wish: &Wish) -> Result<Results, String> {
    needs()?;
    let binary = match &wish.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let mut remarks = Vec::new();
    if let Some(busy) = load_average().filter(|load| *load > LOAD_AVERAGE_MAX) {
        println!("the machine is busy (load {busy:.1}): take the figures with a grain of salt");
        remarks.push(format!("The machine had other work to do at the start (load average {busy:.1})."));
    }
    let files = cpu::raise_own_limit();
    let wanted = |s: &&Scenario| {
        wish.only.as_ref().is_none_or(|only| s.name.contains(only.as_str()) || s.cores.name() == only)
    };
    let mut rows = Vec::new();
    let mut rig = Rig::start(&binary, files)?;
    let started = Instant::now();
    for scenario in SCENARIOS.iter().filter(wanted) {
        rows.push(row_of(&mut rig, scenario, wish)?);
    }
    let mut calls = Vec::new();
    if wish.only.is_none() {
        match load::calls_per_request(&mut rig) {
            Ok(found) => calls = found,
            Err(why) => remarks.push(format!("System calls were not counted: {why}.")),
        }
    }
    drop(rig);
    let mut memory = Vec::new();
    if wish.only.as_deref().is_none_or(|only| only == "memory") {
        memory = memory::idle(&binary, files, wish.quick, &mut remarks)?;
    }
    println!("measured in {} s", started.elapsed().as_secs());
    Ok(Results { rows, memory, calls, seconds: wish.seconds, rounds: wish.rounds, remarks })
}

fn row_of(rig: &mut Rig, scenario: &'static Scenario, wish: &Wish) -> Result<Measured, String> {
    let Scenario { name, load, connections, cores, .. } = scenario;
    rig.pin(*cores)?;
    let proxies: Vec<Proxy> = Proxy::ALL.into_iter().filter(|proxy| load.fits(*proxy)).collect();
    let mut samples: Vec<(Proxy, Vec<Sample>)> = proxies.iter().map(|proxy| (*proxy, Vec::new())).collect();
    print!("{name}, {connections}, {}:", cores.name());
    for _ in 0..wish.rounds {
        for (proxy, list) in &mut samples {
            let sample = load.run(rig, *proxy, *connections, wish.seconds)?;
            print!(" {} {:.2}", proxy.name(), sample.cost_us());
            // A progress line; what cannot be flushed is shown later.
            let _ = std::io::Write::flush(&mut std::io::stdout());
            list.push(sample);
        }
    }
    println!(" µs");
    Ok(Measured { scenario, samples })
}

fn needs() -> Result<(), String> {
    for (tool, package) in [
        ("haproxy", "haproxy"),
        ("nginx", "nginx-light"),
        ("wrk", "wrk"),
        ("taskset", "util-linux"),
        ("setsid", "util-linux"),
        ("setpriv", "util-linux"),
        ("prlimit", "util-linux"),
    ] {
        if rig::found(tool).is_none() {
            return Err(format!("{tool} is not installed: apt-get install {package}"));
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cores < 2 { Err("two cores are needed".to_owned()) } else { Ok(()) }
}

fn build() -> Result<PathBuf, String> {
    println!("building the release binary");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::root()).args(["build", "--release", "--package", "evenkeel"]);
    let status = cargo.status().map_err(|e| format!("cargo: {e}"))?;
    if !status.success() {
        return Err("the release binary cannot be built".to_owned());
    }
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    Ok(folder.join("release/evenkeel"))
}

fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Rests so that what a run has left behind is over before the next.
fn rest(time_ms: u64) {
    std::thread::sleep(Duration::from_millis(time_ms));
}

/// The middle of a list; the mean of the two middle ones of an even one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2, values.get(middle.wrapping_sub(1))) {
        (None, _, _) => f64::NAN,
        (Some(upper), 0, Some(lower)) => f64::midpoint(*upper, *lower),
        (Some(upper), _, _) => *upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!(median(Vec::new()).is_nan());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
    }
}
