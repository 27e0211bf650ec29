//! Who answers for an address, as a client sees it, and who holds it, as its nodes see it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::node::{Node, enter};

/// The port that [`Echo`] answers on.
const PORT: u16 = 7;
/// How often [`Echo`] looks whether it should end.
const ECHO_LOOK: Duration = Duration::from_millis(100);
/// Longest name of a node that an answer carries.
const NAME_MAX: usize = 64;
/// Most answers and changes that are kept; an hour of asking every 2 ms.
const KEPT_MAX: usize = 2_000_000;

/// A thread that runs until it is dropped.
#[derive(Debug)]
struct Runner {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Runner {
    /// Runs `turn` again and again on a thread in `node`'s network.
    fn start(node: &Node, mut turn: impl FnMut() + Send + 'static) -> io::Result<Runner> {
        let (stop, path) = (Arc::new(AtomicBool::new(false)), node.path().to_owned());
        let stopped = stop.clone();
        let body = move || {
            if enter(&path).is_ok() {
                while !stopped.load(Ordering::Relaxed) {
                    turn();
                }
            }
        };
        let thread = std::thread::Builder::new().name("lab-watch".to_owned()).spawn(body)?;
        Ok(Runner { stop, thread: Some(thread) })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panics at nothing; and if it did, the test has its own words.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers datagrams to any address of its node with the question and the node's name, until it is dropped.
#[derive(Debug)]
pub struct Echo {
    _runner: Runner,
}

impl Echo {
    /// Starts one in `node`.
    pub fn start(node: &Node) -> io::Result<Echo> {
        // Answers IPv4 too.
        let socket = node.within(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)))??;
        socket.set_read_timeout(Some(ECHO_LOOK))?;
        let name = node.name().as_bytes().to_owned();
        let mut buf = [0u8; 8 + NAME_MAX];
        let runner = Runner::start(node, move || {
            // Errors are a cable that is out, or the time to look whether to end.
            let Ok((8, from)) = socket.recv_from(&mut buf) else { return };
            let answer: Vec<u8> = buf.iter().take(8).chain(name.iter().take(NAME_MAX)).copied().collect();
            let _ = socket.send_to(&answer, from);
        })?;
        Ok(Echo { _runner: runner })
    }
}

/// An answer that a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When the question left.
    pub asked: Instant,
    /// When the answer came.
    pub came: Instant,
    /// The node that gave it.
    pub from: String,
}

/// Asks an address for who answers there, again and again, until it is dropped.
#[derive(Debug)]
pub struct Prober {
    answers: Arc<Mutex<Vec<Answer>>>,
    _runners: [Runner; 2],
}

impl Prober {
    /// Asks `vip` from `node` every `every`. Answers count whatever address they come from: the name says who it was.
    pub fn start(node: &Node, vip: IpAddr, every: Duration) -> io::Result<Prober> {
        let any: IpAddr = match vip {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = node.within(|| UdpSocket::bind((any, 0)))??;
        socket.set_read_timeout(Some(ECHO_LOOK))?;
        let asking = socket.try_clone()?;
        let (target, began) = (SocketAddr::new(vip, PORT), Instant::now());
        let mut next = began;
        let asker = Runner::start(node, move || {
            let now = Instant::now();
            // While the address is unknown the system may refuse; the next question is due all the same.
            let asked = u64::try_from((now - began).as_micros()).unwrap_or(u64::MAX);
            let _ = asking.send_to(&asked.to_be_bytes(), target);
            next = (next + every).max(now);
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        })?;
        let answers = Arc::new(Mutex::new(Vec::new()));
        let kept = answers.clone();
        let mut buf = [0u8; 8 + NAME_MAX];
        let listener = Runner::start(node, move || {
            let Ok((n, _)) = socket.recv_from(&mut buf) else { return };
            let came = Instant::now();
            let Some((asked, name)) = buf.get(..n).and_then(<[u8]>::split_first_chunk::<8>) else { return };
            let asked = began + Duration::from_micros(u64::from_be_bytes(*asked));
            let mut kept = lock(&kept);
            if kept.len() < KEPT_MAX {
                kept.push(Answer { asked, came, from: String::from_utf8_lossy(name).into_owned() });
            }
        })?;
        Ok(Prober { answers, _runners: [asker, listener] })
    }

    /// All answers so far.
    pub fn answers(&self) -> Vec<Answer> {
        lock(&self.answers).clone()
    }

    /// Who answered last.
    pub fn last(&self) -> Option<Answer> {
        lock(&self.answers).last().cloned()
    }

    /// Since `since`: who answered in turn, and the longest silence between two answers, counted from `since` on; the end
    /// counts as an answer.
    pub fn since(&self, since: Instant) -> Seen {
        let end = Instant::now();
        let answers: Vec<Answer> = lock(&self.answers).iter().filter(|a| a.came >= since).cloned().collect();
        let mut seen = Seen { silence: Duration::ZERO, turns: Vec::new() };
        let mut last = since;
        for answer in answers {
            seen.silence = seen.silence.max(answer.came - last);
            last = answer.came;
            if seen.turns.last().is_none_or(|(name, _)| *name != answer.from) {
                seen.turns.push((answer.from, answer.came - since));
            }
        }
        seen.silence = seen.silence.max(end.saturating_duration_since(last));
        seen
    }
}

/// What a [`Prober`] saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The longest time without an answer.
    pub silence: Duration,
    /// Who answered, at each change, and how long after the beginning it was.
    pub turns: Vec<(String, Duration)>,
}

/// When a node got or lost an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When it was seen.
    pub at: Instant,
    /// The number of the node among those that are watched.
    pub node: usize,
    /// Got it, or lost it.
    pub holds: bool,
}

/// Watches which nodes hold an address, until it is dropped: who can bind a socket to it holds it.
#[derive(Debug)]
pub struct Holders {
    nodes: usize,
    changes: Arc<Mutex<Vec<Held>>>,
    _runners: Vec<Runner>,
}

impl Holders {
    /// Looks at `nodes` every `every`.
    pub fn start(nodes: &[&Node], vip: IpAddr, every: Duration) -> io::Result<Holders> {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let mut runners = Vec::new();
        for (n, node) in nodes.iter().enumerate() {
            let changes = changes.clone();
            let mut held = false;
            runners.push(Runner::start(node, move || {
                let holds = holds(vip);
                if holds != held {
                    let mut changes = lock(&changes);
                    if changes.len() < KEPT_MAX {
                        changes.push(Held { at: Instant::now(), node: n, holds });
                    }
                    held = holds;
                }
                std::thread::sleep(every);
            })?);
        }
        Ok(Holders { nodes: nodes.len(), changes, _runners: runners })
    }

    /// Every change so far, in order.
    pub fn changes(&self) -> Vec<Held> {
        lock(&self.changes).clone()
    }

    /// Who holds it now, by number.
    pub fn now(&self) -> Vec<usize> {
        let mut holds = vec![false; self.nodes];
        for change in lock(&self.changes).iter() {
            if let Some(slot) = holds.get_mut(change.node) {
                *slot = change.holds;
            }
        }
        holds.iter().enumerate().filter(|(_, h)| **h).map(|(n, _)| n).collect()
    }

    /// How long, from `since` on and up to now, more than one node held it.
    pub fn shared(&self, since: Instant) -> Duration {
        self.while_holders(since, |n| n > 1)
    }

    /// How long, from `since` on and up to now, nobody held it.
    pub fn unowned(&self, since: Instant) -> Duration {
        self.while_holders(since, |n| n == 0)
    }

    fn while_holders(&self, since: Instant, want: impl Fn(usize) -> bool) -> Duration {
        let mut holds = vec![false; self.nodes];
        let (mut last, mut sum, mut matched) = (since, Duration::ZERO, want(0));
        let end = Held { at: Instant::now(), node: self.nodes, holds: false };
        for change in self.changes().into_iter().chain([end]) {
            let at = change.at.max(since);
            if matched {
                sum += at - last;
            }
            last = at;
            if let Some(slot) = holds.get_mut(change.node) {
                *slot = change.holds;
            }
            matched = want(holds.iter().filter(|h| **h).count());
        }
        sum
    }
}

/// Whether this thread's network has `address`.
pub fn holds(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
