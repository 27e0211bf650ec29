//! The tables, for the terminal and for docs/benchmarks.md.

use std::process::Command;

use super::rig::Proxy;
use super::{Measured, Results, Scenario, median};

/// Aim for memory per idle connection: no more than HAProxy.
const MEMORY_AIM: f64 = 1.0;

/// All tables, in Markdown.
pub(super) fn tables(results: &Results) -> String {
    let mut out = String::new();
    if !results.rows.is_empty() {
        out.push_str("| load | connections | cores | HAProxy µs | nginx µs | Evenkeel µs | of HAProxy | aim | of nginx | aim | |\n");
        out.push_str("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---|\n");
        for row in &results.rows {
            out.push_str(&line(row));
        }
    }
    if !results.memory.is_empty() {
        out.push_str(&memory(results));
    }
    if !results.calls.is_empty() {
        out.push_str("\nSystem calls per keep-alive request (strace, 64 connections):");
        for (n, (proxy, calls)) in results.calls.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            out.push_str(&format!("{comma} {} {calls:.2}", title(*proxy)));
        }
        out.push_str(".\n");
    }
    out
}

fn title(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::Haproxy => "HAProxy",
        Proxy::Evenkeel => "Evenkeel",
        Proxy::Nginx => "nginx",
    }
}

fn line(row: &Measured) -> String {
    let Scenario { name, connections, cores, aim_haproxy, aim_nginx, .. } = row.scenario;
    let cost = |proxy| {
        let costs = costs(row, proxy);
        if costs.is_empty() { "–".to_owned() } else { format!("{:.2}", median(costs)) }
    };
    let (to_haproxy, to_nginx) = (ratios(row, Proxy::Haproxy), ratios(row, Proxy::Nginx));
    let verdict = verdict(&[(&to_haproxy, *aim_haproxy), (&to_nginx, *aim_nginx)]);
    let aim = |aim: Option<f64>| aim.map_or("–".to_owned(), |aim| format!("≤ {aim:.2}"));
    format!(
        "| {name} | {connections} | {} | {} | {} | {} | {} | {} | {} | {} | {verdict}{} |\n",
        cores.name(),
        cost(Proxy::Haproxy),
        cost(Proxy::Nginx),
        cost(Proxy::Evenkeel),
        spread(&to_haproxy),
        aim(*aim_haproxy),
        spread(&to_nginx),
        aim(*aim_nginx),
        errors(row),
    )
}

fn costs(row: &Measured, proxy: Proxy) -> Vec<f64> {
    let found = row.samples.iter().find(|(p, _)| *p == proxy);
    found.map(|(_, samples)| samples.iter().map(super::Sample::cost_us).collect()).unwrap_or_default()
}

/// Ours to theirs, round by round.
fn ratios(row: &Measured, other: Proxy) -> Vec<f64> {
    costs(row, Proxy::Evenkeel).iter().zip(costs(row, other)).map(|(ours, theirs)| ours / theirs).collect()
}

fn spread(ratios: &[f64]) -> String {
    if ratios.is_empty() {
        return "–".to_owned();
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = median(ratios.to_vec());
    if ratios.len() == 1 {
        format!("**{middle:.2}**")
    } else {
        format!("**{middle:.2}** ({least:.2}–{most:.2})")
    }
}

fn verdict(parts: &[(&[f64], Option<f64>)]) -> &'static str {
    let missed = |(ratios, aim): &(&[f64], Option<f64>)| {
        aim.is_some_and(|aim| !ratios.is_empty() && median(ratios.to_vec()) > aim)
    };
    if parts.iter().any(missed) { "missed" } else { "reached" }
}

fn errors(row: &Measured) -> String {
    let mut out = String::new();
    for (proxy, samples) in &row.samples {
        let errors: u64 = samples.iter().map(|s| s.errors).sum();
        if errors > 0 {
            out.push_str(&format!("; {} had {errors} errors", title(*proxy)));
        }
    }
    out
}

fn memory(results: &Results) -> String {
    let of = |proxy| results.memory.iter().find(|(p, _)| *p == proxy).map(|(_, idle)| *idle);
    let (Some(haproxy), Some(ours), Some(nginx)) =
        (of(Proxy::Haproxy), of(Proxy::Evenkeel), of(Proxy::Nginx))
    else {
        return String::new();
    };
    let ratio = ours.bytes / haproxy.bytes;
    let verdict = verdict(&[(&[ratio], Some(MEMORY_AIM))]);
    format!(
        "\n| resident bytes per idle connection | HAProxy | nginx | Evenkeel | of HAProxy | aim | |\n\
         |---|---:|---:|---:|---:|---:|---|\n\
         | {} connections, one answer each | {:.0} | {:.0} | {:.0} | **{ratio:.2}** | ≤ {MEMORY_AIM:.2} | {verdict} |\n",
        ours.connections, haproxy.bytes, nginx.bytes, ours.bytes
    )
}

/// The whole of docs/benchmarks.md.
pub(super) fn document(results: &Results) -> String {
    let remarks: String = results.remarks.iter().map(|remark| format!("* {remark}\n")).collect();
    format!(
        "# Benchmarks

Written by `cargo xtask bench` (`just bench`) as measured, good or bad.

{facts}
What is counted is the CPU time of the proxy's processes per request (1 MiB bodies: per body), from the scheduler's own
account in `/proc/PID/task/*/schedstat`, and the ratio of ours to theirs: below 1 ours is cheaper. A ratio is taken
between runs that follow each other, HAProxy, Evenkeel, nginx, HAProxy, …; the table has the median of {rounds} rounds of
{seconds} s, with the lowest and the highest in parentheses. Microseconds depend on the machine and on its other guests;
ratios much less.

{tables}
* same-core: proxy, load (`wrk`, one thread) and origin (nginx, `tcp_nopush`) share one core. cross-core: the proxy has
  a core of its own.
* All three have the same work: three ACLs with `path_beg`, `path_end` and `method`, three backends, X-Forwarded-For,
  timeouts, a statistics page, no log. HAProxy and Evenkeel read the same file with `nbthread 1`; nginx has one worker,
  512 kept connections to the origin per upstream, and writes no temporary files.
* Every process runs in a session of its own: else the kernel's automatic groups (`sched_autogroup`) share a core
  unevenly, and the share changes how much work one wake-up finds.
* nginx has no figure in TCP mode: Debian's nginx-light comes without the stream module.
{remarks}",
        facts = facts(&[
            ("HAProxy", "haproxy", "-v"),
            ("nginx", "nginx", "-v"),
            ("load", "wrk", "-v"),
        ]),
        rounds = results.rounds,
        seconds = results.seconds,
        tables = tables(results),
    )
}

/// Date, versions and machine; `programs` are names, commands and the switch that shows their version.
pub(super) fn facts(programs: &[(&str, &str, &str)]) -> String {
    let first = |program: &str, args: &[&str]| {
        let path = super::rig::found(program).unwrap_or_else(|| program.into());
        let out = Command::new(path).args(args).current_dir(crate::root()).output();
        let text = out.map(|out| [out.stdout, out.stderr].concat()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
    };
    let version = |program: &str, switch: &str| {
        let line = first(program, &[switch]);
        let line =
            line.split(" - ").next().unwrap_or_default().split(" Copyright").next().unwrap_or_default();
        let line = line.trim_start_matches("HAProxy version ").trim_start_matches("nginx version: ");
        line.trim_start_matches("Keepalived ").to_owned()
    };
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(':')).map_or("unknown", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let ours =
        format!("{} at {}", env!("CARGO_PKG_VERSION"), first("git", &["rev-parse", "--short", "HEAD"]));
    let mut rows = vec![("date", first("date", &["-u", "+%F"])), ("Evenkeel", ours)];
    rows.extend(programs.iter().map(|(name, program, switch)| (*name, version(program, switch))));
    rows.extend([
        ("compiler", first("rustc", &["--version"])),
        ("kernel", first("uname", &["-sr"])),
        ("machine", format!("{model}, {cores} cores")),
    ]);
    let mut out = "| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        out.push_str(&format!("| {name} | {value} |\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_looks_at_every_aim() {
        for (parts, want) in [
            (vec![(vec![0.5, 0.6, 0.7], Some(0.6)), (vec![2.0], None)], "reached"),
            (vec![(vec![0.5, 0.7, 0.7], Some(0.6)), (vec![0.1], Some(1.0))], "missed"),
            (vec![(vec![], Some(0.6))], "reached"),
        ] {
            let parts: Vec<(&[f64], Option<f64>)> = parts.iter().map(|(r, a)| (&r[..], *a)).collect();
            assert_eq!(verdict(&parts), want);
        }
    }

    #[test]
    fn ratios_show_their_spread() {
        assert_eq!(spread(&[0.5, 0.75, 0.6]), "**0.60** (0.50–0.75)");
        assert_eq!(spread(&[0.5]), "**0.50**");
        assert_eq!(spread(&[]), "–");
    }
}
