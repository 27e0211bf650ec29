//! The log sinks of one thread: lines are made in the form of their target, held for a moment, and sent many at a time.
//! Nothing here waits: what a sink does not take at once is lost and counted, as with any datagram.
//!
//! ```text
//! send ─ level, sample ─▶ shape ─▶ Sink (held) ─ full, or FLUSH_AFTER ─▶ sendmmsg / write
//! ```

mod sink;
mod stamp;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_base::{ProxyId, WallTime};
use evenkeel_plan::log::{LogShape, Sample};
use evenkeel_plan::{LogTarget, Plan};
use evenkeel_sys::clock;
use tokio::sync::Notify;

use crate::world::World;
use sink::Sink;
use stamp::Stamp;

/// A line waits so long for others to leave with: too short to be noticed, long enough to share a system call.
const FLUSH_AFTER: Duration = Duration::from_millis(1);
/// The tag where no `log-tag` says another: the original's program name.
const TAG: &str = "haproxy";
/// RFC 5424's empty field.
const NIL: &str = "-";

/// Where a thread's log lines go. Clones are the same sinks.
#[derive(Clone)]
pub struct Logs {
    inner: Rc<Inner>,
}

struct Inner {
    world: Arc<World>,
    /// By [`ProxyId`].
    targets: Vec<Vec<Target>>,
    sinks: Vec<RefCell<Sink>>,
    stamp: RefCell<Stamp>,
    held: Cell<bool>,
    wake: Notify,
}

/// A `log` line of one proxy, ready for use.
struct Target {
    sink: usize,
    shape: LogShape,
    facility: u8,
    level_max: u8,
    level_min: u8,
    len: usize,
    sample: Option<Sample>,
    /// What stands between date and message: each part is written whole or not at all.
    parts: Vec<Vec<u8>>,
}

impl Logs {
    /// The sinks of the world's Plan. Each is opened when its first line leaves.
    pub fn new(world: &Arc<World>) -> Self {
        let plan = &world.plan;
        let mut sinks: Vec<Sink> = Vec::new();
        let targets = plan
            .proxies
            .iter()
            .map(|proxy| {
                let tag = proxy.log.tag.as_deref().or(plan.global.log_tag.as_deref()).unwrap_or(TAG);
                let targets = proxy.log.targets.iter().enumerate();
                targets.map(|(number, target)| Target::new(world, tag, number, target, &mut sinks)).collect()
            })
            .collect();
        let inner = Inner {
            world: world.clone(),
            targets,
            sinks: sinks.into_iter().map(RefCell::new).collect(),
            stamp: RefCell::default(),
            held: Cell::new(false),
            wake: Notify::new(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Sends what was held, again and again, each time a moment after the first line. Runs beside the shard.
    pub async fn run(self) {
        loop {
            self.inner.wake.notified().await;
            tokio::time::sleep(FLUSH_AFTER).await;
            self.flush();
        }
    }

    /// Sends a line to the targets of a proxy: `sd` goes where the form has a place for structured data.
    pub fn send(&self, proxy: ProxyId, level: u8, line: &[u8], sd: &[u8]) {
        let inner = &*self.inner;
        let Some(targets) = inner.targets.get(proxy.index()).filter(|t| !t.is_empty()) else { return };
        let mut stamp = inner.stamp.borrow_mut();
        stamp.set(clock::coarse_wall());
        for (number, target) in targets.iter().enumerate() {
            if level > target.level_max || !inner.is_drawn(proxy, number, target) {
                continue;
            }
            let Some(sink) = inner.sinks.get(target.sink) else { continue };
            let mut sink = sink.borrow_mut();
            let level = level.max(target.level_min);
            sink.hold(|out| target.write(out, level, &mut stamp, line, sd));
            if sink.is_full() {
                sink.flush(&inner.world);
            }
        }
        if !inner.held.replace(true) {
            inner.wake.notify_one();
        }
    }

    /// Sends what is still held.
    pub fn flush(&self) {
        if self.inner.held.replace(false) {
            for sink in &self.inner.sinks {
                sink.borrow_mut().flush(&self.inner.world);
            }
        }
    }
}

impl Inner {
    /// `sample`: whether this line of the cycle is one of those that are sent. All shards count together.
    fn is_drawn(&self, proxy: ProxyId, number: usize, target: &Target) -> bool {
        let Some(sample) = &target.sample else { return true };
        let turn = self.world.log_turns.get(proxy.index()).and_then(|turns| turns.get(number));
        let position = turn.map_or(0, |turn| turn.fetch_add(1, Relaxed)) % sample.size.max(1) + 1;
        sample.ranges.iter().any(|(low, high)| (*low..=*high).contains(&position))
    }
}

impl Target {
    fn new(world: &World, tag: &str, number: usize, target: &LogTarget, sinks: &mut Vec<Sink>) -> Self {
        let known = sinks.iter().position(|s| s.transport() == &target.transport);
        let sink = known.unwrap_or_else(|| {
            sinks.push(Sink::new(target.transport.clone(), number));
            sinks.len() - 1
        });
        Self {
            sink,
            shape: target.shape,
            facility: target.facility,
            level_max: target.level_max,
            level_min: target.level_min,
            len: target.len as usize,
            sample: target.sample.clone(),
            parts: parts(target.shape, &hostname(&world.plan, &world.hostname, target.shape), tag, world.pid),
        }
    }

    /// Appends a line in this target's form, cut to its length, with its end of line.
    fn write(&self, out: &mut Vec<u8>, level: u8, stamp: &mut Stamp, line: &[u8], sd: &[u8]) {
        let mut put = Put { start: out.len(), max: self.len, out };
        // Writing to a Vec cannot fail.
        let _ = match self.shape {
            LogShape::Local | LogShape::Rfc3164 | LogShape::Priority => {
                write!(put.out, "<{}>", u32::from(self.facility) * 8 + u32::from(level))
            }
            LogShape::Rfc5424 => {
                write!(put.out, "<{}>1 ", u32::from(self.facility) * 8 + u32::from(level))
            }
            LogShape::Short | LogShape::Timed => write!(put.out, "<{level}>"),
            LogShape::Iso | LogShape::Raw => Ok(()),
        };
        match self.shape {
            LogShape::Local | LogShape::Rfc3164 => put.whole(stamp.syslog()),
            LogShape::Rfc5424 | LogShape::Timed | LogShape::Iso => put.whole(stamp.iso(now())),
            LogShape::Priority | LogShape::Short | LogShape::Raw => {}
        }
        for part in &self.parts {
            put.whole(part);
        }
        if self.shape == LogShape::Rfc5424 {
            put.whole(if sd.is_empty() { NIL.as_bytes() } else { sd });
            put.whole(b" ");
        }
        put.cut(line);
        out.push(b'\n');
    }
}

/// The moment that forms with microseconds show; reading it costs no system call.
fn now() -> WallTime {
    clock::wall()
}

/// Writes within a line's length.
struct Put<'a> {
    start: usize,
    max: usize,
    out: &'a mut Vec<u8>,
}

impl Put<'_> {
    fn room(&self) -> usize {
        self.max.saturating_sub(self.out.len() - self.start)
    }

    /// A part of the header stands there whole, with room for at least one more byte; else the line ends before it.
    fn whole(&mut self, part: &[u8]) {
        if part.len() < self.room() {
            self.out.extend_from_slice(part);
        } else {
            self.max = 0;
        }
    }

    fn cut(&mut self, text: &[u8]) {
        let text = text.get(..self.room()).unwrap_or(text);
        self.out.extend_from_slice(text);
    }
}

/// The host as a form shows it (configuration manual, `log-send-hostname`).
fn hostname(plan: &Plan, machine: &str, shape: LogShape) -> String {
    match &plan.global.log_send_hostname {
        Some(Some(name)) => name.clone(),
        Some(None) => machine.to_owned(),
        None if shape == LogShape::Rfc5424 => NIL.to_owned(),
        None => "localhost".to_owned(),
    }
}

fn parts(shape: LogShape, host: &str, tag: &str, pid: u32) -> Vec<Vec<u8>> {
    let parts = match shape {
        LogShape::Local => vec![tag.to_owned(), format!("[{pid}]: ")],
        LogShape::Rfc3164 => vec![format!("{host} "), tag.to_owned(), format!("[{pid}]: ")],
        LogShape::Rfc5424 => {
            vec![format!("{host} "), tag.to_owned(), " ".to_owned(), format!("{pid} "), format!("{NIL} ")]
        }
        LogShape::Priority | LogShape::Short | LogShape::Timed | LogShape::Iso | LogShape::Raw => Vec::new(),
    };
    parts.into_iter().map(String::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: u64 = 1_795_257_948; // 2026-11-21 10:45:48 UTC

    fn target(shape: LogShape, host: &str, tag: &str, len: usize) -> Target {
        Target {
            sink: 0,
            shape,
            facility: 16,
            level_max: 7,
            level_min: 0,
            len,
            sample: None,
            parts: parts(shape, host, tag, 29236),
        }
    }

    /// The digits of the microseconds are the only thing that differs from run to run.
    fn written(target: &Target, line: &str, sd: &str) -> String {
        let mut stamp = Stamp::default();
        stamp.set_with_offset(WallTime::from_micros(DATE * 1_000_000), 0);
        let mut out = b"before".to_vec();
        target.write(&mut out, 6, &mut stamp, line.as_bytes(), sd.as_bytes());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn forms_are_those_of_the_original() {
        for (shape, want) in [
            (LogShape::Local, "before<134>Nov 21 10:45:48 haproxy[29236]: hello\n"),
            (LogShape::Rfc3164, "before<134>Nov 21 10:45:48 myhost haproxy[29236]: hello\n"),
            (LogShape::Priority, "before<134>hello\n"),
            (LogShape::Short, "before<6>hello\n"),
            (LogShape::Raw, "beforehello\n"),
        ] {
            assert_eq!(written(&target(shape, "myhost", "haproxy", 1024), "hello", ""), want, "{shape:?}");
        }
        for (shape, sd, head, tail) in [
            (LogShape::Rfc5424, "[a@1]", "before<134>1 ", " myhost haproxy 29236 - [a@1] hello\n"),
            (LogShape::Rfc5424, "", "before<134>1 ", " myhost haproxy 29236 - - hello\n"),
            (LogShape::Timed, "", "before<6>", " hello\n"),
            (LogShape::Iso, "", "before", " hello\n"),
        ] {
            let got = written(&target(shape, "myhost", "haproxy", 1024), "hello", sd);
            let date = got.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            assert_eq!(date.map(str::len), Some("2026-11-21T10:45:48.897081+00:00".len()), "{got}");
        }
    }

    #[test]
    fn headers_are_whole_and_messages_are_cut() {
        let tag = "aaaaaaaaaabbbbbbbbbbcccccccccc";
        let line = "/abc2222222 89";
        // Lengths as HAProxy 2.6 sent them, the end of line included.
        for (shape, tag, sd, len, want) in [
            (LogShape::Rfc3164, tag, "", 80, 81),
            (LogShape::Rfc3164, tag, "", 83, 84),
            (LogShape::Rfc3164, tag, "", 86, 84),
            (LogShape::Rfc5424, tag, "", 80, 79),
            (LogShape::Rfc5424, tag, "", 81, 81),
            (LogShape::Rfc5424, tag, "", 82, 82),
            (LogShape::Rfc5424, tag, "", 83, 84),
            (LogShape::Rfc5424, "haproxy", "[a@1 uri=\"/abc2222222\"]", 80, 58),
            (LogShape::Rfc5424, "haproxy", "[a@1 uri=\"/abc2222222\"]", 81, 81),
            (LogShape::Rfc5424, "haproxy", "[a@1 uri=\"/abc2222222\"]", 82, 83),
            (LogShape::Rfc5424, "haproxy", "[a@1 uri=\"/abc2222222\"]", 96, 96),
        ] {
            let host = if shape == LogShape::Rfc5424 { NIL } else { "localhost" };
            let mut short = target(shape, host, tag, len);
            short.parts = parts(shape, host, tag, 5992);
            let got = written(&short, line, sd);
            assert_eq!(got.len() - "before".len(), want, "{shape:?} {len}: {got}");
        }
    }
}
