//! From a Plan to running threads, and back: binding, starting, stopping.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use std::net::{IpAddr, SocketAddr};

use evenkeel_base::{ListenerId, ProxyId, ServerId};
use evenkeel_plan::{Listener, Plan};
use evenkeel_sys::listen::{BindError, ListenOpts};
use evenkeel_sys::{Addr, Bound, KeepAlive, clock};
use tokio::sync::mpsc;

use crate::control;
use crate::logs::Logs;
use crate::services::Services;
use crate::shard::{Order, Shard};
use crate::world::{Identity, World, sys_addr, with_port};

/// The listening sockets of a Plan, one per listener and shard, opened while there are still privileges.
#[derive(Debug)]
pub struct Sockets {
    shards: Vec<Vec<(ListenerId, Bound)>>,
}

/// A listener that could not be opened: the Plan knows whose line it is.
#[derive(Debug)]
pub struct BindFault {
    /// Which.
    pub listener: ListenerId,
    /// Why.
    pub error: BindError,
}

impl Sockets {
    /// Opens every listener `shards` times (SO_REUSEPORT; sockets of other families are shared). All faults are told.
    pub fn open(plan: &Plan, shards: usize) -> Result<Sockets, Vec<BindFault>> {
        let mut all: Vec<Vec<(ListenerId, Bound)>> = (0..shards).map(|_| Vec::new()).collect();
        let mut faults = Vec::new();
        for listener in &plan.listeners {
            if plan.proxy(listener.frontend).disabled {
                continue;
            }
            match open_one(plan, listener, shards) {
                Ok(bounds) => {
                    for (shard, bound) in all.iter_mut().zip(bounds) {
                        shard.push((listener.id, bound));
                    }
                }
                Err(error) => faults.push(BindFault { listener: listener.id, error }),
            }
        }
        if faults.is_empty() { Ok(Sockets { shards: all }) } else { Err(faults) }
    }
}

fn open_one(plan: &Plan, listener: &Listener, shards: usize) -> Result<Vec<Bound>, BindError> {
    let addr = sys_addr(&listener.addr);
    let front = plan.proxy(listener.frontend);
    let backlog = listener.backlog.or(front.front.as_ref().and_then(|f| f.backlog));
    let account = |a: &Option<evenkeel_plan::global::Account>, of: fn(&str) -> Option<u32>| match a {
        Some(evenkeel_plan::global::Account::Number(n)) => Some(*n),
        Some(evenkeel_plan::global::Account::Name(name)) => of(name),
        None => None,
    };
    let opts = ListenOpts {
        reuseport: true,
        backlog: backlog.unwrap_or(evenkeel_sys::listen::BACKLOG_DEFAULT),
        v6only: listener.v6only,
        transparent: listener.transparent,
        interface: listener.interface.as_deref().map(Into::into),
        mss: listener.mss.and_then(|m| u16::try_from(m).ok()),
        defer_accept: listener.defer_accept.then_some(1),
        fastopen: listener.fastopen.then_some(128),
        tcp_user_timeout: listener.tcp_user_timeout,
        keepalive: front.options.clitcpka.then(|| keepalive(&front.options.client_probes)),
        sndbuf: (plan.global.sndbuf_client > 0).then_some(plan.global.sndbuf_client as usize),
        rcvbuf: (plan.global.rcvbuf_client > 0).then_some(plan.global.rcvbuf_client as usize),
        uid: account(&listener.unix_user, |n| evenkeel_sys::user::uid_of(n).ok().flatten()),
        gid: account(&listener.unix_group, |n| evenkeel_sys::user::gid_of(n).ok().flatten()),
        mode: listener.unix_mode,
        ..ListenOpts::default()
    };
    let failed =
        |source| BindError { addr: addr.clone(), step: evenkeel_sys::listen::BindStep::Listen, source };
    let first = match &addr {
        evenkeel_sys::Addr::Fd(n) => Bound::adopt(*n)?,
        evenkeel_sys::Addr::Inet(_) | evenkeel_sys::Addr::Unix(_) | evenkeel_sys::Addr::Abstract(_) => {
            Bound::bind(&addr, &opts)?
        }
    };
    let own_queue = matches!(addr, evenkeel_sys::Addr::Inet(_));
    // A port that the kernel chose is the same for all shards.
    let same = first.local_addr().map_err(failed)?;
    let mut bounds = vec![first];
    for _ in 1..shards {
        // UNIX and inherited sockets have one queue that all shards take from.
        let next = if own_queue {
            Bound::bind(&same, &opts)?
        } else {
            match bounds.first() {
                Some(first) => first.try_clone().map_err(failed)?,
                None => break,
            }
        };
        bounds.push(next);
    }
    Ok(bounds)
}

/// How often a silent peer is asked whether it is still there.
pub(crate) fn keepalive(probes: &evenkeel_plan::proxy::Probes) -> KeepAlive {
    KeepAlive { count: probes.count, idle: probes.idle, interval: probes.interval }
}

/// A proxy that runs.
pub struct Running {
    /// Its live state.
    pub world: Arc<World>,
    /// Orders to the shards.
    pub orders: Orders,
    threads: Vec<JoinHandle<()>>,
    control: Option<JoinHandle<()>>,
}

/// A way to tell all shards. By default there are none.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    shards: Vec<mpsc::UnboundedSender<Order>>,
}

impl Orders {
    /// To every shard. One that has ended needs no orders.
    pub fn all(&self, mut order: impl FnMut() -> Order) {
        for shard in &self.shards {
            let _ = shard.send(order());
        }
    }

    /// The shards, for orders that carry an answer.
    pub fn shards(&self) -> &[mpsc::UnboundedSender<Order>] {
        &self.shards
    }
}

/// What a proxy is started with.
pub struct Start {
    /// What runs.
    pub plan: Arc<Plan>,
    /// Its listening sockets.
    pub sockets: Sockets,
    /// Where servers are that the file names by their hosts' names.
    pub addresses: Vec<(ServerId, IpAddr)>,
    /// What answers locally.
    pub services: Services,
    /// Who we are.
    pub identity: Identity,
    /// Most client connections; 0: no bound but the system's.
    pub maxconn: u32,
    /// Seed of all randomness.
    pub seed: u64,
}

/// Starts a thread per shard and one for the checks and logs.
pub fn start(start: Start) -> std::io::Result<Running> {
    let Start { plan, sockets, addresses, services, identity, maxconn, seed } = start;
    let count = sockets.shards.len();
    let world = World::new(plan, identity, count, maxconn, clock::now(), clock::wall());
    for (id, ip) in addresses {
        let addr = with_port(Addr::Inet(SocketAddr::new(ip, 0)), world.plan.server(id).addr.port);
        world.set_addr(id, Some(addr), clock::now());
    }
    // What was known before the start is no news.
    world.take_changes();
    let world = Arc::new(world);
    let services = Arc::new(services);
    let mut senders = Vec::new();
    let mut threads = Vec::new();
    for (index, bound) in sockets.shards.into_iter().enumerate() {
        let (tell, hear) = mpsc::unbounded_channel();
        senders.push(tell);
        let (world, services) = (world.clone(), services.clone());
        let seed = seed.wrapping_add(index as u64);
        let run = move || run_shard(index, world, services, bound, hear, seed, count);
        threads.push(std::thread::Builder::new().name(format!("shard-{index}")).spawn(run)?);
    }
    let orders = Orders { shards: senders };
    let control = {
        let (world, orders) = (world.clone(), orders.clone());
        std::thread::Builder::new().name("control".into()).spawn(move || control::run(world, orders))?
    };
    Ok(Running { world, orders, threads, control: Some(control) })
}

/// Tasks run before the event loop looks for new events although some are still ready. High: looking is a system call,
/// and a loop turn over all connections is short.
const EVENT_INTERVAL: u32 = 512;

fn run_shard(
    index: usize,
    world: Arc<World>,
    services: Arc<Services>,
    bound: Vec<(ListenerId, Bound)>,
    orders: mpsc::UnboundedReceiver<Order>,
    seed: u64,
    count: usize,
) {
    if count > 1 {
        // A shard that may not be pinned (cpusets, containers) runs anywhere.
        let _ = evenkeel_sys::machine::pin_thread(index);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .on_thread_park(|| {
            // Whoever shares this core runs first: then one wake-up finds many events instead of one each.
            evenkeel_sys::machine::yield_core();
        })
        .on_thread_unpark(|| {
            clock::refresh();
        })
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no event loop for a shard");
            return;
        }
    };
    runtime.block_on(async move {
        clock::refresh();
        let logs = Logs::new(&world);
        tokio::task::spawn_local(logs.clone().run());
        let shard = Shard::new(index, world, services, logs, seed);
        shard.run(bound, orders).await;
    });
}

impl Running {
    /// Closes the listeners; sessions go on until they end (`SIGUSR1`).
    pub fn soft_stop(&self) {
        self.world.stopping.store(true, Relaxed);
        self.orders.all(|| Order::StopListening(None));
    }

    /// Ends at once (`SIGTERM`).
    pub fn stop(&self) {
        self.world.stopping.store(true, Relaxed);
        self.orders.all(|| Order::Quit);
    }

    /// Stops accepting, or goes on (`SIGTTOU`, `SIGTTIN`, `disable frontend`).
    pub fn pause(&self, which: Option<ProxyId>, pause: bool) {
        self.orders.all(|| Order::Pause(which, pause));
    }

    /// True once every shard has ended.
    pub fn ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the shards, then for the control thread.
    pub fn join(mut self) {
        for thread in self.threads.drain(..) {
            // A panic was reported by its hook; there is nothing to add.
            let _ = thread.join();
        }
        self.world.stopping.store(true, Relaxed);
        self.world.ended.store(true, Relaxed);
        if let Some(control) = self.control.take() {
            let _ = control.join();
        }
    }
}
