//! Runs a health machine over real sockets. It opens, says, listens and waits as the machine wants; what the results mean
//! is its owner's business.
//!
//! - [`Probe`]: a [`evenkeel_health::Check`] and the connection it wants
//! - [`ask`]: one question to an agent

mod agent;
mod header;
mod link;
mod timer;

use std::task::{Context, Poll};

pub use agent::{AskError, Asking, ask};
use evenkeel_base::Instant;
use evenkeel_health::{Change, Check, CheckConf, Checked, ConnectFailure, Input, Output, StateFacts, View};
use evenkeel_sys::{Addr, ConnectOpts, clock};
pub use header::ProxyHeader;
use link::{Link, Step};
use timer::Timer;

/// Where a check's connections go.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The address; `None`: it has none that could be checked.
    pub addr: Option<Addr>,
    /// How to connect.
    pub opts: ConnectOpts,
    /// The PROXY header to begin with.
    pub header: Option<ProxyHeader>,
}

/// What `http-check send-state` tells the server, as owned by who tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// See [`StateFacts`].
    pub address: String,
    /// See [`StateFacts`].
    pub port: String,
    /// See [`StateFacts`].
    pub backend: String,
    /// See [`StateFacts`].
    pub server: String,
    /// See [`StateFacts`].
    pub node: String,
    /// See [`StateFacts`].
    pub weight: u32,
    /// See [`StateFacts`].
    pub weight_total: u32,
    /// See [`StateFacts`].
    pub sessions: u32,
    /// See [`StateFacts`].
    pub sessions_total: u32,
    /// See [`StateFacts`].
    pub queue: u32,
}

impl Facts {
    fn as_state(&self) -> StateFacts<'_> {
        StateFacts {
            address: &self.address,
            port: &self.port,
            backend: &self.backend,
            server: &self.server,
            node: &self.node,
            weight: self.weight,
            weight_total: self.weight_total,
            sessions: self.sessions,
            sessions_total: self.sessions_total,
            queue: self.queue,
        }
    }
}

/// What a probe tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A check has begun.
    Started,
    /// A check has ended.
    Checked(Checked),
    /// The server changed.
    Changed(Change),
}

/// A check that runs.
pub struct Probe {
    check: Check,
    target: Target,
    link: Link,
    timer: Timer,
}

impl Probe {
    /// A check that has not begun.
    pub fn new(conf: CheckConf, now: Instant) -> Self {
        Self {
            check: Check::new(conf, now),
            target: Target::default(),
            link: Link::default(),
            timer: Timer::default(),
        }
    }

    /// Where connections go from now on; one that is open stays.
    pub fn set_target(&mut self, target: Target) {
        self.target = target;
    }

    /// Tells the machine something that did not come from its connection.
    pub fn handle(&mut self, input: Input<'_>) {
        self.check.handle(input, clock::now());
    }

    /// The machine as others see it.
    pub fn view(&self) -> View<'_> {
        self.check.view()
    }

    /// The check's configuration.
    pub fn conf(&self) -> &CheckConf {
        self.check.conf()
    }

    /// Runs until there is something to tell. `facts` is asked where `send-state` wants it. Dropping the future loses
    /// nothing: the next call goes on where it was.
    pub async fn next(&mut self, facts: &dyn Fn() -> Facts) -> Event {
        loop {
            while let Some(output) = self.check.poll() {
                if let Some(event) = self.obey(output) {
                    return event;
                }
            }
            let step = std::future::poll_fn(|cx| self.poll_step(cx)).await;
            self.feed(step, facts);
        }
    }

    fn obey(&mut self, output: Output) -> Option<Event> {
        match output {
            Output::Connect(connect) => {
                // A script may connect several times; only the first is a beginning.
                let first = self.link.is_closed();
                let addr =
                    self.target.addr.as_ref().map(|a| connect.port.map_or(a.clone(), |p| a.with_port(p)));
                let header = self.target.header.or(connect.send_proxy.then_some(ProxyHeader::V1));
                let opened = match (addr, connect.tls) {
                    (_, true) => Err(link::Refused::Tls("TLS is not built yet".to_owned())),
                    (None, false) => Err(link::Refused::Local("no address to connect to".to_owned())),
                    (Some(addr), false) => self.link.open(&addr, &self.target.opts, header),
                };
                if let Err(refused) = opened {
                    let failure = refused.as_failure();
                    self.check.handle(Input::ConnectFailed(failure), clock::now());
                }
                first.then_some(Event::Started)
            }
            Output::Send(bytes) => {
                self.link.say(&bytes);
                None
            }
            Output::Close { linger } => {
                self.link.close(linger);
                None
            }
            Output::Checked(checked) => Some(Event::Checked(checked)),
            Output::Changed(change) => Some(Event::Changed(change)),
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Poll::Ready(step) = self.link.poll(cx) {
            return Poll::Ready(step);
        }
        let Some(deadline) = self.check.deadline() else { return Poll::Pending };
        self.timer.poll(deadline.at, cx).map(|()| Step::Deadline)
    }

    fn feed(&mut self, step: Step, facts: &dyn Fn() -> Facts) {
        let now = clock::now();
        match step {
            Step::Connected if self.check.conf().send_state => {
                let facts = facts();
                self.check.handle(Input::Connected(Some(&facts.as_state())), now);
            }
            Step::Connected => self.check.handle(Input::Connected(None), now),
            Step::Failed(words) => {
                self.check.handle(Input::ConnectFailed(ConnectFailure::Network(&words)), now);
            }
            Step::Received(bytes) => {
                self.check.handle(Input::Received(&bytes), now);
                self.link.give_back(bytes);
            }
            Step::Closed => self.check.handle(Input::Closed, now),
            Step::Broken(words) => self.check.handle(Input::Broken(&words), now),
            Step::Deadline => self.check.on_deadline(now),
        }
    }
}
