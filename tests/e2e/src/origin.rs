//! Servers behind the proxy that do exactly what a test tells them. (For servers that behave: `evenkeel_lab::web`.)

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::script::{Gates, Step, Transcript, play};
use crate::wire::{Stream, Wire};

/// A server. Dropping it closes its listener; connections under way live on in their threads.
#[derive(Debug)]
pub struct Origin {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ending: AtomicBool,
    /// A slot per connection, filled when it has ended.
    done: Mutex<Vec<Option<Transcript>>>,
}

impl Shared {
    fn done(&self) -> MutexGuard<'_, Vec<Option<Transcript>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// Each connection is served by `serve`, told its number from 0.
    ///
    /// # Panics
    /// If loopback has no free ports.
    pub fn start(serve: impl Fn(usize, Wire) -> Transcript + Send + Sync + 'static) -> Origin {
        Origin::start_at(TcpListener::bind("127.0.0.1:0").expect("loopback has free ports"), serve)
    }

    /// The same on a listener of the test's.
    ///
    /// # Panics
    /// If there are no threads left.
    pub fn start_at(
        listener: TcpListener,
        serve: impl Fn(usize, Wire) -> Transcript + Send + Sync + 'static,
    ) -> Origin {
        let addr = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let (theirs, serve) = (shared.clone(), Arc::new(serve));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.ending.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                // Small writes must leave as they are written.
                let _ = stream.set_nodelay(true);
                let n = {
                    let mut done = theirs.done();
                    done.push(None);
                    done.len() - 1
                };
                let (theirs, serve) = (theirs.clone(), serve.clone());
                std::thread::spawn(move || {
                    let transcript = serve(n, Wire::new(Stream::Tcp(stream)));
                    if let Some(slot) = theirs.done().get_mut(n) {
                        *slot = Some(transcript);
                    }
                });
            }
        });
        Origin { addr, shared, accepting: Some(accepting) }
    }

    /// Connection n does script n; those after the last do the last again.
    pub fn scripted(scripts: &'static [&'static [Step]], gates: Arc<Gates>) -> Origin {
        Origin::start(move |n, wire| {
            let script = scripts.get(n).or(scripts.last()).copied().unwrap_or_default();
            play(wire, script, &gates)
        })
    }

    /// Answers every request with its own name and keeps the connection.
    pub fn named(name: &'static str) -> Origin {
        Origin::start(move |_, wire| answer_all(wire, name))
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.shared.done().len()
    }

    /// What came on each connection, in the order of their arrival, once all have ended.
    pub fn transcripts(&self) -> Vec<Transcript> {
        crate::wait("the servers' connections to end", || self.shared.done().iter().all(Option::is_some));
        self.shared.done().iter().flatten().cloned().collect()
    }

    /// Closes the listener.
    pub fn stop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            // Wakes accept; if nobody is there to be woken, all the better.
            let _ = TcpStream::connect(self.addr);
            let _ = accepting.join();
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Answers requests until the end: `name` is the body.
pub fn answer_all(mut wire: Wire, name: &str) -> Transcript {
    loop {
        match wire.request() {
            Ok(request) if request.head.starts_with("HEAD ") => {
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", name.len()));
            }
            Ok(_) => {
                wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()));
            }
            Err(end) => return Transcript { got: std::mem::take(&mut wire.got), end: Some(end) },
        }
    }
}
