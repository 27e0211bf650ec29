//! A process that was started for a test, and what it says.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Most output that is kept of each stream; the rest is read and dropped.
const OUTPUT_MAX: usize = 16 << 20;
/// How often a process without an event to wait for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running process with captured output. Dropping it kills it.
#[derive(Debug)]
pub struct Proc {
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    kept: Mutex<Kept>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Kept {
    out: Vec<u8>,
    err: Vec<u8>,
    open: u32,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

impl Proc {
    /// Starts `command` (anywhere: in a node, or on this machine) with captured output and no input.
    pub fn start(command: Command) -> io::Result<Proc> {
        Proc::start_by(command, |mut command| command.spawn())
    }

    /// The same, where `spawn` starts it (on a thread that lives elsewhere, say).
    pub(super) fn start_by(
        mut command: Command,
        spawn: impl FnOnce(Command) -> io::Result<Child>,
    ) -> io::Result<Proc> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command)?;
        let output = Arc::new(Output::default());
        if let Some(pipe) = child.stdout.take() {
            output.collect(pipe, Stream::Out)?;
        }
        if let Some(pipe) = child.stderr.take() {
            output.collect(pipe, Stream::Err)?;
        }
        Ok(Proc { child, output })
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().out).into_owned()
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().err).into_owned()
    }

    /// Waits until `text` appears on either stream; `false` when the output ends or `patience` runs out before.
    pub fn wait_for(&self, text: &str, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut kept = self.output.lock();
        loop {
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
            if said(&kept.out) || said(&kept.err) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || kept.open == 0 {
                return false;
            }
            kept = self.output.grown.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal by number (15 is SIGTERM, 10 SIGUSR1).
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let signal = Signal::from_named_raw(number).ok_or(io::ErrorKind::InvalidInput)?;
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(pid, signal)?)
    }

    /// It and its descendants, parents first, by the numbers that they have for us.
    pub fn tree(&self) -> Vec<u32> {
        descend(self.pid())
    }

    /// Kills it and all its descendants at once: none gets the time to notice that another is gone.
    pub fn kill_tree(&mut self) -> io::Result<ExitStatus> {
        let tree = self.tree();
        for (signal, pids) in [(Signal::STOP, tree.clone()), (Signal::KILL, tree.into_iter().rev().collect())]
        {
            for pid in pids {
                if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                    // Fails if it has ended by itself.
                    let _ = kill_process(pid, signal);
                }
            }
        }
        self.child.wait()
    }

    /// Lets it and all its descendants stand still, or go on.
    pub fn freeze_tree(&self, still: bool) {
        for pid in self.tree() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // Fails if it has ended by itself.
                let _ = kill_process(pid, if still { Signal::STOP } else { Signal::CONT });
            }
        }
    }

    /// Kills it with SIGKILL and reaps it.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// Waits for its end; `None` when `patience` runs out.
    pub fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if Instant::now() >= deadline => return Ok(None),
                // Another process: there is no event of ours to wait for.
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        // Ended already, or now.
        let _ = self.kill();
    }
}

/// A process and its descendants, parents before their children.
fn descend(root: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(&above) = tree.get(at) {
        tree.extend(parents.iter().filter(|(_, p)| *p == above).map(|(pid, _)| *pid));
        at += 1;
    }
    tree
}

/// The parent, from `/proc/PID/stat`: the second word behind the name, which may hold blanks and brackets.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(self: &Arc<Self>, mut pipe: impl Read + Send + 'static, stream: Stream) -> io::Result<()> {
        self.lock().open += 1;
        let output = self.clone();
        // Ends with the pipe, that is with the last process that holds it.
        std::thread::Builder::new().name("lab-output".to_owned()).spawn(move || {
            let mut buf = [0u8; 8192];
            while let Ok(n @ 1..) = pipe.read(&mut buf) {
                let mut kept = output.lock();
                let keep = match stream {
                    Stream::Out => &mut kept.out,
                    Stream::Err => &mut kept.err,
                };
                let room = OUTPUT_MAX.saturating_sub(keep.len());
                keep.extend(buf.iter().take(n.min(room)));
                output.grown.notify_all();
            }
            output.lock().open -= 1;
            output.grown.notify_all();
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn output_is_collected_and_signals_arrive() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "trap 'echo term; exit 3' TERM; echo out; echo err >&2; while :; do sleep 0.01; done",
        ]);
        let mut proc = Proc::start(command).expect("sh is everywhere");
        assert!(proc.wait_for("out", PATIENCE) && proc.wait_for("err", PATIENCE));
        assert!(proc.is_running());
        proc.signal(15).expect("runs");
        assert!(proc.wait_for("term", PATIENCE));
        let status = proc.wait(PATIENCE).expect("ours").expect("ended");
        assert_eq!(status.code(), Some(3));
        assert!(!proc.wait_for("never said", PATIENCE), "the output has ended: no waiting");
        assert!(proc.signal(-5).is_err());
    }

    #[test]
    fn a_tree_is_killed_whole() {
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'sleep 600 & sleep 600' & echo up; wait"]);
        let mut proc = Proc::start(command).expect("sh is everywhere");
        assert!(proc.wait_for("up", PATIENCE));
        let deadline = Instant::now() + PATIENCE;
        while proc.tree().len() < 4 {
            assert!(Instant::now() < deadline, "two shells and two sleepers: {:?}", proc.tree());
        }
        let tree = proc.tree();
        assert_eq!(tree.first(), Some(&proc.pid()));
        proc.kill_tree().expect("ours");
        // Zombies, where nobody reaps orphans, have no command line.
        let lives = |pid: &u32| !std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().is_empty();
        while tree.iter().any(lives) {
            assert!(Instant::now() < deadline, "one lives on");
        }
    }
}
