//! Where logs arrive: a UDP socket.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Longest message.
const MESSAGE_MAX: usize = 65536;
/// The message that ends the listening.
const END: &[u8] = b"end of test";

/// A syslog server of one test.
#[derive(Debug)]
pub struct Syslog {
    addr: SocketAddr,
    lines: Arc<Lines>,
    reading: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    all: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Syslog {
    /// On a free port of loopback.
    ///
    /// # Panics
    /// If there is none.
    pub fn start() -> Syslog {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        let addr = socket.local_addr().expect("it is bound");
        let lines = Arc::new(Lines::default());
        let theirs = lines.clone();
        let reading = std::thread::spawn(move || {
            let mut buf = vec![0u8; MESSAGE_MAX];
            while let Ok(n) = socket.recv(&mut buf) {
                let message = buf.get(..n).unwrap_or_default();
                if message == END {
                    return;
                }
                theirs.lock().push(String::from_utf8_lossy(message).into_owned());
                theirs.grown.notify_all();
            }
        });
        Syslog { addr, lines, reading: Some(reading) }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All messages so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    /// Waits for a message that contains `text`.
    ///
    /// # Panics
    /// If none comes.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock();
        loop {
            if let Some(line) = lines.iter().find(|l| l.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{text:?} is not among {lines:#?}");
            lines = self.lines.grown.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops listening; all messages that were sent before.
    pub fn finish(mut self) -> Vec<String> {
        self.stop();
        self.lines()
    }

    fn stop(&mut self) {
        if let Some(reading) = self.reading.take()
            && let Ok(socket) = UdpSocket::bind("127.0.0.1:0")
        {
            // Loopback keeps the order: what was sent before is read before. Repeated, should a full buffer drop it.
            while !reading.is_finished() {
                let _ = socket.send_to(END, self.addr);
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = reading.join();
        }
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        self.stop();
    }
}
