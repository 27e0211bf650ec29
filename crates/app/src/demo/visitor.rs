//! Somebody who asks: for a page, pictures, and now and then sends something.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer that are looked at.
const ANSWER_MAX: u64 = 1 << 20;

/// Requests in turn: method, path, body.
const WALK: &[(&str, &str, &str)] = &[
    ("GET", "/", ""),
    ("GET", "/static/style.css", ""),
    ("GET", "/images/tile-1.png", ""),
    ("GET", "/shop", ""),
    ("GET", "/images/boat.svg", ""),
    ("GET", "/api/echo", ""),
    ("POST", "/notes", "A message in a bottle."),
];

/// A visitor; clones walk on together.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    port: u16,
    walk: Arc<Walk>,
}

#[derive(Debug, Default)]
struct Walk {
    steps: AtomicU64,
    answers: AtomicU64,
    failures: AtomicU64,
}

impl Visitor {
    pub(super) fn new(port: u16) -> Visitor {
        Visitor { port, walk: Arc::default() }
    }

    /// Good answers, and the others.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.walk.answers.load(Ordering::Relaxed), self.walk.failures.load(Ordering::Relaxed))
    }

    /// Several requests, one after the other.
    pub(super) async fn burst(&self, number: u32) {
        for _ in 0..number {
            self.step().await;
        }
    }

    /// So many a second, as long as it is let.
    pub(super) async fn regularly(self, per_second: u32) {
        let mut tick = interval(Duration::from_secs(1) / per_second.max(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.step().await;
        }
    }

    async fn step(&self) {
        let step = self.walk.steps.fetch_add(1, Ordering::Relaxed);
        let at = step as usize % WALK.len();
        let Some((method, path, body)) = WALK.get(at) else { return };
        let asked = timeout(PATIENCE, ask(self.port, method, path, body)).await;
        let counter = match asked {
            Ok(Ok(200..=399)) => &self.walk.answers,
            Ok(Ok(_) | Err(_)) | Err(_) => &self.walk.failures,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// One request on a connection of its own; the answer's status.
async fn ask(port: u16, method: &str, path: &str, body: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: evenkeel-demo\r\n{length}Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    let status = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    status.ok_or(io::ErrorKind::InvalidData.into())
}
