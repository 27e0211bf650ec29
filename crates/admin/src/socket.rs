//! The stats sockets: listening, reading commands, answering. On a thread and a runtime of their own, so that a slow
//! reader or a long answer holds up nobody's traffic.
//!
//! A client that sends one line and closes its side gets the whole answer before the connection ends; an interactive
//! one (`prompt`) stays. Whoever is idle for `stats timeout`, or does not read its answer for so long, is hung up on.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use evenkeel_plan::global::Account;
use evenkeel_plan::{Plan, StatsSocket};
use evenkeel_proxy::runtime::Orders;
use evenkeel_proxy::session::SessionInfo;
use evenkeel_proxy::shard::Order;
use evenkeel_proxy::world::{World, sys_addr};
use evenkeel_sys::listen::BindError;
use evenkeel_sys::{AcceptError, Bound, ListenOpts, Listener, Sock, clock, user};
use tokio::sync::{Notify, oneshot};

use crate::cli::command::{Question, Reply, Session};
use crate::cli::line::{Item, Reader};
use crate::cli::{dispatch, show};
use crate::desk::Desk;

/// Bytes read at once.
const READ_LEN: usize = 4096;
/// How long a shard may take to answer; one that has ended never will.
const SHARD_PATIENCE: Duration = Duration::from_secs(2);
/// After running out of descriptors, accepting pauses this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the process is measured, and its end looked for.
const TICK: Duration = Duration::from_secs(1);
/// How often the end is looked for once a stop has begun.
const TICK_STOPPING: Duration = Duration::from_millis(20);

/// A stats socket that is open but not served yet.
#[derive(Debug)]
pub struct BoundCli {
    /// Its line.
    pub socket: StatsSocket,
    /// The listening socket.
    pub bound: Bound,
}

/// A stats socket that could not be opened.
#[derive(Debug)]
pub struct CliFault {
    /// Its position in `global.stats_sockets`.
    pub index: usize,
    /// Why.
    pub error: BindError,
}

/// Opens every stats socket of a Plan, before privileges and the root directory are given up. All faults are told.
pub fn bind(plan: &Plan) -> Result<Vec<BoundCli>, Vec<CliFault>> {
    let number = |account: Option<&Account>, find: fn(&str) -> io::Result<Option<u32>>| match account {
        Some(Account::Number(n)) => Some(*n),
        Some(Account::Name(name)) => find(name).ok().flatten(),
        None => None,
    };
    let (mut open, mut faults) = (Vec::new(), Vec::new());
    for (index, socket) in plan.global.stats_sockets.iter().enumerate() {
        let opts = ListenOpts {
            uid: number(socket.user.as_ref(), user::uid_of),
            gid: number(socket.group.as_ref(), user::gid_of),
            mode: socket.mode,
            ..ListenOpts::default()
        };
        match Bound::bind(&sys_addr(&socket.addr), &opts) {
            Ok(bound) => open.push(BoundCli { socket: socket.clone(), bound }),
            Err(error) => faults.push(CliFault { index, error }),
        }
    }
    if faults.is_empty() { Ok(open) } else { Err(faults) }
}

/// A thread that serves the stats sockets.
#[derive(Debug)]
pub struct Handle {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Handle {
    /// Ends it, connections included, and waits for that. Without a call it ends with the world.
    pub fn stop(mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was reported by its hook; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// What the connections share.
struct Office {
    world: Arc<World>,
    orders: Orders,
    desk: Desk,
    /// Connections now, of `stats maxconn`.
    open: Cell<u32>,
    left: Notify,
}

/// Serves the sockets until the world has ended.
pub fn serve(bound: Vec<BoundCli>, world: Arc<World>, orders: Orders) -> io::Result<Handle> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    // Opened here and not on the thread: the root directory may change soon.
    let desk = Desk::new(bound.iter().map(|b| b.socket.clone()).collect(), &world);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("stats-socket".into()).spawn(move || {
        let office = Rc::new(Office { world, orders, desk, open: Cell::new(0), left: Notify::new() });
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, run(office, bound, flag));
    })?;
    Ok(Handle { stop, thread: Some(thread) })
}

async fn run(office: Rc<Office>, bound: Vec<BoundCli>, stop: Arc<AtomicBool>) {
    let mut acceptors = Vec::new();
    for BoundCli { socket, bound } in bound {
        match bound.register() {
            Ok(listener) => {
                acceptors.push(tokio::task::spawn_local(accept_loop(office.clone(), listener, socket)));
            }
            Err(error) => tracing::error!(addr = %socket.addr, %error, "cannot listen"),
        }
    }
    let mut sampled = clock::now();
    loop {
        let stopping = office.world.stopping.load(Relaxed);
        if stopping {
            // Whoever comes now is for the next process.
            acceptors.drain(..).for_each(|a| a.abort());
        }
        if office.world.ended.load(Relaxed) || stop.load(Relaxed) {
            return;
        }
        tokio::time::sleep(TICK_STOPPING.max(if stopping { TICK_STOPPING } else { TICK / 10 })).await;
        let now = clock::now();
        if now.since(sampled) >= TICK {
            sampled = now;
            office.desk.sample(&office.world);
        }
    }
}

async fn accept_loop(office: Rc<Office>, listener: Listener, socket: StatsSocket) {
    let maxconn = office.world.plan.global.stats_maxconn.max(1);
    loop {
        while office.open.get() >= maxconn {
            office.left.notified().await;
        }
        match listener.accept().await {
            Ok((sock, _)) => {
                tokio::task::spawn_local(converse(office.clone(), sock, socket.clone()));
            }
            Err(AcceptError::Later(error)) => {
                tracing::warn!(addr = %socket.addr, %error, "cannot accept for now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Err(AcceptError::Fatal(error)) => {
                tracing::error!(addr = %socket.addr, %error, "listener failed");
                return;
            }
        }
        // The task that was just made counts itself when it runs.
        tokio::task::yield_now().await;
    }
}

/// A place among the connections; given back whatever way the conversation ends.
struct Place(Rc<Office>);

impl Place {
    fn take(office: &Rc<Office>) -> Self {
        office.open.set(office.open.get() + 1);
        office.desk.connections.fetch_add(1, Relaxed);
        office.desk.connections_total.fetch_add(1, Relaxed);
        Place(office.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        self.0.desk.connections.fetch_sub(1, Relaxed);
        self.0.left.notify_waiters();
    }
}

async fn converse(office: Rc<Office>, sock: Sock, socket: StatsSocket) {
    let _place = Place::take(&office);
    let global = &office.world.plan.global;
    let mut session = Session::new(socket.level, global.stats_timeout);
    let mut reader = Reader::new(global.bufsize as usize);
    let mut buffer = [0; READ_LEN];
    let mut ended = false;
    loop {
        while let Some(item) = reader.next_item() {
            let mut out = Vec::new();
            match item {
                Item::TooLong => return,
                Item::PayloadPrompt if session.interactive => out.extend_from_slice(b"+ "),
                Item::PayloadPrompt => {}
                Item::Command(line) => {
                    let now = clock::now();
                    let reply = dispatch::run(
                        &office.world,
                        &office.orders,
                        &office.desk,
                        &mut session,
                        &line,
                        now,
                        clock::wall(),
                    );
                    let reply = match reply {
                        Reply::Quit => return,
                        Reply::Ask(question) => ask(&office, question).await,
                        Reply::Done | Reply::Say(..) | Reply::Data(_) => reply,
                    };
                    out = dispatch::render(&session, reply);
                    if session.interactive {
                        out.extend_from_slice(b"> ");
                    }
                }
            }
            match tokio::time::timeout(session.timeout, sock.send_all(&out)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        // Everything that was there is answered.
        if ended || (!session.interactive && reader.was_used() && reader.is_empty()) {
            return;
        }
        match tokio::time::timeout(session.timeout, sock.recv(&mut buffer)).await {
            Ok(Ok(0)) => ended = true,
            Ok(Ok(n)) => reader.push(buffer.get(..n).unwrap_or_default()),
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Asks the shards.
async fn ask(office: &Office, question: Question) -> Reply {
    match question {
        Question::Wait(time) => {
            tokio::time::sleep(time).await;
            Reply::Done
        }
        Question::Kill(id) => {
            let mut hit = false;
            for shard in office.orders.shards() {
                let (tell, hear) = oneshot::channel();
                hit |= shard.send(Order::Kill(id, tell)).is_ok()
                    && matches!(tokio::time::timeout(SHARD_PATIENCE, hear).await, Ok(Ok(true)));
            }
            if hit { Reply::Done } else { Reply::error("No such session (use 'show sess').") }
        }
        Question::Sessions { id, details } => {
            let mut list: Vec<SessionInfo> = Vec::new();
            for shard in office.orders.shards() {
                let (tell, hear) = oneshot::channel();
                if shard.send(Order::List(tell)).is_ok()
                    && let Ok(Ok(mut part)) = tokio::time::timeout(SHARD_PATIENCE, hear).await
                {
                    list.append(&mut part);
                }
            }
            list.sort_by_key(|s| s.accepted);
            show::sessions(&office.world, &list, id, details, clock::now())
        }
    }
}
