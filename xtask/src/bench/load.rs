//! One run of wrk against one proxy, and what it cost.

use std::path::Path;
use std::process::{Command, Stdio};

use super::rig::{Proxy, Rig, found};
use super::{CORE_LOAD, Cores, cpu};

/// Connections while system calls are counted.
const CALLS_CONNECTIONS: usize = 64;
/// Seconds for which they are.
const CALLS_SECONDS: u64 = 2;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    KeepAlive,
    Close,
    Big,
    Tcp,
}

impl Load {
    /// Debian's nginx-light cannot do TCP without a module.
    pub(super) fn fits(self, proxy: Proxy) -> bool {
        match self {
            Load::KeepAlive | Load::Close | Load::Big => true,
            Load::Tcp => proxy != Proxy::Nginx,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Load::KeepAlive | Load::Close | Load::Tcp => "1k.bin",
            Load::Big => "1m.bin",
        }
    }

    /// Runs it and tells the proxy's cost.
    pub(super) fn run(
        self,
        rig: &Rig,
        proxy: Proxy,
        connections: usize,
        seconds: u64,
    ) -> Result<Sample, String> {
        let pid = rig.pid(proxy);
        let before = cpu::tree_ns(pid);
        let said = self.wrk(rig, proxy, connections, seconds)?;
        let cpu_ns = cpu::tree_ns(pid).saturating_sub(before);
        let sample = Sample { cpu_ns, ..parse(&said)? };
        if sample.requests == 0 {
            return Err(format!("{} answered nothing; wrk said:\n{said}", proxy.name()));
        }
        // Connections that are still closing would be paid by the next one.
        super::rest(150);
        Ok(sample)
    }

    fn wrk(self, rig: &Rig, proxy: Proxy, connections: usize, seconds: u64) -> Result<String, String> {
        let port = match self {
            Load::KeepAlive | Load::Close | Load::Big => rig.port(proxy),
            Load::Tcp => rig.tcp_port(proxy),
        };
        let mut wrk = Command::new("setsid");
        wrk.args(["--wait", "taskset", "-c", &CORE_LOAD.to_string(), "wrk", "-t1"]);
        wrk.arg(format!("-c{connections}")).arg(format!("-d{seconds}s"));
        if self == Load::Close {
            wrk.args(["-H", "Connection: close"]);
        }
        let out = wrk.arg(format!("http://127.0.0.1:{port}/{}", self.path())).output();
        let out = out.map_err(|e| format!("wrk: {e}"))?;
        Ok(format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
    }
}

/// One run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) requests: u64,
    pub(super) cpu_ns: u64,
    /// Requests a second, as wrk says.
    pub(super) rate: f64,
    /// Socket errors and answers that were neither 2xx nor 3xx.
    pub(super) errors: u64,
}

impl Sample {
    /// Microseconds of the proxy's CPU per request.
    pub(super) fn cost_us(&self) -> f64 {
        self.cpu_ns as f64 / 1000.0 / self.requests as f64
    }
}

/// Reads wrk's summary.
fn parse(said: &str) -> Result<Sample, String> {
    let mut sample = Sample::default();
    for line in said.lines().map(str::trim) {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        if line.contains(" requests in ") {
            sample.requests = first.parse().map_err(|_| format!("wrk said: {line}"))?;
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            sample.rate = rate.trim().parse().unwrap_or(0.0);
        } else if let Some(errors) =
            line.strip_prefix("Socket errors:").or(line.strip_prefix("Non-2xx or 3xx responses:"))
        {
            let numbers = errors.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok());
            sample.errors += numbers.sum::<u64>();
        }
    }
    Ok(sample)
}

/// System calls per keep-alive request, counted by strace.
pub(super) fn calls_per_request(rig: &mut Rig) -> Result<Vec<(Proxy, f64)>, String> {
    let strace = found("strace").ok_or("strace is not installed")?;
    rig.pin(Cores::Cross)?;
    let mut counts = Vec::new();
    for proxy in Proxy::ALL {
        counts.push((proxy, calls_of(rig, proxy, &strace)?));
    }
    Ok(counts)
}

fn calls_of(rig: &Rig, proxy: Proxy, strace: &Path) -> Result<f64, String> {
    let table = crate::root().join(format!("target/bench/{}.calls", proxy.name()));
    let mut command = Command::new(strace);
    command.args(["-c", "-f", "-o"]).arg(&table);
    for pid in cpu::tree(rig.pid(proxy)) {
        command.arg("-p").arg(pid.to_string());
    }
    let mut tracer = command.stderr(Stdio::null()).spawn().map_err(|e| format!("strace: {e}"))?;
    super::rest(300);
    let said = Load::KeepAlive.wrk(rig, proxy, CALLS_CONNECTIONS, CALLS_SECONDS);
    // INT: strace writes its table and lets the process go on.
    let _ = Command::new("sh").args(["-c", &format!("kill -INT {}", tracer.id())]).status();
    let _ = tracer.wait();
    let sample = parse(&said?)?;
    let text = std::fs::read_to_string(&table).map_err(|e| format!("strace wrote no table: {e}"))?;
    let total = text.lines().rev().find(|line| line.trim_end().ends_with("total")).unwrap_or_default();
    // `% time  seconds  usecs/call  calls  [errors]  total`
    let calls: f64 = total.split_ascii_whitespace().nth(3).and_then(|n| n.parse().ok()).unwrap_or(f64::NAN);
    Ok(calls / sample.requests.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read() {
        let said = "  1 threads and 64 connections\n  12345 requests in 3.00s, 15.00MB read\n  Socket errors: connect 0, \
                    read 2, write 0, timeout 1\n  Non-2xx or 3xx responses: 7\nRequests/sec:   4115.00\n";
        assert_eq!(parse(said), Ok(Sample { requests: 12345, cpu_ns: 0, rate: 4115.0, errors: 10 }));
        assert!(parse("x requests in y").is_err());
    }
}
