//! Memory per idle connection: each has had one answer and stays open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use super::cpu;
use super::rig::{Proxy, Rig};

/// Connections to hold.
const CONNECTIONS: usize = 10_000;
/// The same, if there is little time.
const CONNECTIONS_QUICK: usize = 1_000;
/// Descriptors that this process and a proxy need for other things.
const FILES_SPARE: usize = 400;
/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

const REQUEST: &[u8] = b"GET /1k.bin HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n";

/// What a proxy took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    pub(super) connections: usize,
    /// Resident bytes per connection.
    pub(super) bytes: f64,
}

/// Measures all proxies, freshly started: memory that an earlier load left behind would hide what connections take.
pub(super) fn idle(
    binary: &Path,
    files: usize,
    quick: bool,
    remarks: &mut Vec<String>,
) -> Result<Vec<(Proxy, Idle)>, String> {
    let wanted = if quick { CONNECTIONS_QUICK } else { CONNECTIONS };
    // A proxy must be allowed two descriptors per connection.
    let connections = wanted.min(files.saturating_sub(FILES_SPARE) / 2);
    if connections < wanted {
        let text = format!(
            "{connections} idle connections instead of {wanted}: the limit of open files is {files}."
        );
        println!("{text}");
        remarks.push(text);
    }
    let rig = Rig::start(binary, files)?;
    let mut found = Vec::new();
    for proxy in Proxy::ALL {
        let idle = hold(&rig, proxy, connections)?;
        println!("memory: {} {:.0} bytes per idle connection", proxy.name(), idle.bytes);
        found.push((proxy, idle));
    }
    Ok(found)
}

fn hold(rig: &Rig, proxy: Proxy, connections: usize) -> Result<Idle, String> {
    let (pid, port) = (rig.pid(proxy), rig.port(proxy));
    // The first request sets up what is there once.
    drop(ask(port)?);
    super::rest(300);
    let before = cpu::tree_rss(pid);
    let held = (0..connections).map(|_| ask(port)).collect::<Result<Vec<TcpStream>, String>>()?;
    super::rest(1000);
    let after = cpu::tree_rss(pid);
    drop(held);
    Ok(Idle { connections, bytes: after.saturating_sub(before) as f64 / connections as f64 })
}

/// A connection that has had its answer.
fn ask(port: u16) -> Result<TcpStream, String> {
    let failed = |e: std::io::Error| format!("a connection for the memory bench: {e}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
    stream.set_read_timeout(Some(ANSWER_MAX)).map_err(failed)?;
    stream.write_all(REQUEST).map_err(failed)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).map_err(failed)?;
        answer.extend_from_slice(piece.get(..n).unwrap_or_default());
        let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map(|at| answer.len() - at - 4);
        match body {
            Some(size) if size >= 1024 => return Ok(stream),
            Some(_) | None if n == 0 => {
                return Err(format!("port {port} closed before its answer was whole"));
            }
            Some(_) | None => {}
        }
    }
}
