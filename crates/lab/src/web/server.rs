//! A server's life: a thread that accepts, and the handle that stops it and starts it again.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_sys::{AcceptError, Addr, BindError, Bound, ListenOpts, Sock};
use tokio::sync::watch;

use super::count::{Book, Counts, Seen};
use super::routes::Site;
use super::wire::{Answer, ReadEnd, Wire};
use crate::netns;

/// Connections at a time; more are closed at once.
const CONNECTIONS_MAX: u64 = 50_000;
/// How long accepting rests when the system is out of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebKind {
    /// Files: pages, a style sheet, a script, pictures.
    Static,
    /// A page for every path, that shows the request.
    Dynamic,
    /// Takes uploads.
    Upload,
}

impl WebKind {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            WebKind::Static => "static",
            WebKind::Dynamic => "dynamic",
            WebKind::Upload => "upload",
        }
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct WebSpec {
    /// How the server calls itself in `X-Served-By` and its pages.
    pub name: String,
    /// What it is for.
    pub kind: WebKind,
    /// Where it listens; port 0 picks one.
    pub listen: SocketAddr,
    /// The network namespace that it lives in, if not ours.
    pub netns: Option<PathBuf>,
}

impl WebSpec {
    /// A server in our own network namespace.
    pub fn new(name: impl Into<String>, kind: WebKind, listen: SocketAddr) -> WebSpec {
        WebSpec { name: name.into(), kind, listen, netns: None }
    }

    /// The same on `127.0.0.1` and a free port.
    pub fn local(name: impl Into<String>, kind: WebKind) -> WebSpec {
        WebSpec::new(name, kind, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
    }

    /// The same inside a node of a [`netns::Lab`].
    #[must_use]
    pub fn inside(mut self, node: &netns::Node) -> WebSpec {
        self.netns = Some(node.path().to_owned());
        self
    }
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The namespace could not be entered.
    #[error("cannot enter {path}: {source}")]
    Netns {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No thread or no reactor.
    #[error("no thread for a web server: {0}")]
    Thread(#[source] io::Error),
}

impl WebError {
    /// Somebody else has the port.
    pub fn in_use(&self) -> bool {
        match self {
            WebError::Bind(e) => e.in_use(),
            WebError::Netns { .. } | WebError::Thread(_) => false,
        }
    }
}

/// A running (or stopped) server. Dropping it stops it.
#[derive(Debug)]
pub struct WebServer {
    shared: Arc<Shared>,
    addr: SocketAddr,
    netns: Option<PathBuf>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    site: Site,
    book: Book,
}

impl WebServer {
    /// Starts it; when this returns it listens.
    pub fn start(spec: WebSpec) -> Result<WebServer, WebError> {
        let WebSpec { name, kind, listen, netns } = spec;
        let shared = Arc::new(Shared { site: Site::new(name, kind), book: Book::default() });
        let (running, addr) = launch(&shared, listen, netns.as_deref())?;
        Ok(WebServer { shared, addr, netns, running: Mutex::new(Some(running)) })
    }

    /// Closes the listener and resets every connection. Nothing happens if it is stopped already.
    pub fn stop(&self) {
        let running = self.running().take();
        if let Some(Running { stop, thread }) = running {
            // The thread may be gone only if it panicked, and then it has stopped as well.
            let _ = stop.send(true);
            let _ = thread.join();
        }
    }

    /// Starts again at the same address. Nothing happens if it runs already.
    pub fn resume(&self) -> Result<(), WebError> {
        let mut running = self.running();
        if running.is_none() {
            let (fresh, addr) = launch(&self.shared, self.addr, self.netns.as_deref())?;
            debug_assert_eq!(addr, self.addr);
            *running = Some(fresh);
        }
        Ok(())
    }

    /// Whether it listens.
    pub fn is_up(&self) -> bool {
        self.running().is_some()
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.site.name
    }

    /// Its kind.
    pub fn kind(&self) -> WebKind {
        self.shared.site.kind
    }

    /// Requests answered so far.
    pub fn requests(&self) -> u64 {
        self.counts().requests
    }

    /// All its numbers.
    pub fn counts(&self) -> Counts {
        self.shared.book.counts()
    }

    /// The last requests (at most 256), oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.book.seen()
    }

    /// Forgets the requests seen so far; the numbers stay.
    pub fn forget(&self) {
        self.shared.book.forget();
    }

    /// From now on every answer has this status; `None` ends it.
    pub fn fail_with(&self, status: Option<u16>) {
        self.shared.site.fail_with(status);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn launch(
    shared: &Arc<Shared>,
    listen: SocketAddr,
    netns: Option<&Path>,
) -> Result<(Running, SocketAddr), WebError> {
    let (told, ready) = mpsc::channel();
    let (stop, stopped) = watch::channel(false);
    let shared = shared.clone();
    let netns = netns.map(Path::to_owned);
    let body = move || {
        let opened = open(listen, netns.as_deref());
        match opened {
            Ok((runtime, bound, addr)) => {
                // Nobody waits for the answer any more only if the starter has panicked.
                let _ = told.send(Ok(addr));
                runtime.block_on(serve(bound, shared, stopped));
            }
            Err(e) => {
                let _ = told.send(Err(e));
            }
        }
    };
    let thread =
        std::thread::Builder::new().name("lab-web".to_owned()).spawn(body).map_err(WebError::Thread)?;
    match ready.recv() {
        Ok(Ok(addr)) => Ok((Running { stop, thread }, addr)),
        Ok(Err(e)) => Err(e),
        Err(_) => Err(WebError::Thread(io::ErrorKind::BrokenPipe.into())),
    }
}

fn open(
    listen: SocketAddr,
    netns: Option<&Path>,
) -> Result<(tokio::runtime::Runtime, Bound, SocketAddr), WebError> {
    if let Some(path) = netns {
        netns::enter(path).map_err(|source| WebError::Netns { path: path.to_owned(), source })?;
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WebError::Thread)?;
    // Without SO_REUSEPORT: a port that somebody else has must be an error.
    let opts = ListenOpts { reuseport: false, ..ListenOpts::default() };
    let bound = Bound::bind(&Addr::Inet(listen), &opts)?;
    let addr = bound.local_addr().map_err(WebError::Thread)?.inet().unwrap_or(listen);
    Ok((runtime, bound, addr))
}

async fn serve(bound: Bound, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let tasks = tokio::task::LocalSet::new();
    let accepting = async {
        let Ok(listener) = bound.register() else { return };
        loop {
            tokio::select! {
                biased;
                _ = stopped.changed() => return,
                next = listener.accept() => match next {
                    Ok((sock, peer)) => take(&shared, sock, peer, &stopped),
                    Err(AcceptError::Later(_)) => tokio::time::sleep(ACCEPT_REST).await,
                    Err(AcceptError::Fatal(_)) => return,
                },
            }
        }
        // Dropping the listener here resets what still waits in its queue.
    };
    tasks.run_until(accepting).await;
    // Every connection hears the same signal, resets and ends.
    tasks.await;
}

fn take(shared: &Arc<Shared>, sock: Sock, peer: Addr, stopped: &watch::Receiver<bool>) {
    let Some(peer) = peer.inet() else { return };
    let (shared, mut stopped) = (shared.clone(), stopped.clone());
    Book::add(&shared.book.connections, 1);
    if shared.book.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
        return;
    }
    tokio::task::spawn_local(async move {
        Book::add(&shared.book.open, 1);
        tokio::select! {
            biased;
            // Fails if the handle is gone, which is as good as a stop.
            _ = stopped.wait_for(|&s| s) => {
                let _ = sock.set_linger_zero();
            }
            () = converse(&shared, &sock, peer) => {}
        }
        shared.book.open.fetch_sub(1, Ordering::Relaxed);
    });
}

async fn converse(shared: &Shared, sock: &Sock, peer: SocketAddr) {
    let Shared { site, book } = shared;
    let mut wire = Wire::new(sock, peer);
    loop {
        let (request, answer) = match wire.read().await {
            Ok(request) => {
                let answer = site.answer(&request);
                (Some(request), answer)
            }
            Err(ReadEnd::Closed | ReadEnd::Broken) => return,
            Err(ReadEnd::Bad(status)) => (None, Answer::new(status, "text/plain", "not a request\n")),
        };
        // Counted before the answer leaves: who has the answer in hand must find it counted.
        Book::add(&book.requests, 1);
        if answer.status >= 500 {
            Book::add(&book.errors, 1);
        }
        if let Some(r) = &request {
            Book::add(&book.bytes_in, r.body_len);
            book.see(Seen { peer, head: r.head.clone(), body_len: r.body_len, body_crc: r.body_crc });
        }
        match wire.write(request.as_ref(), &site.name, answer).await {
            Ok(Some(sent)) => Book::add(&book.bytes_out, sent),
            Ok(None) | Err(_) => return,
        }
    }
}
