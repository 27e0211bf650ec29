//! Who looks after servers: one task per health check and per agent, on the control thread; and what traffic says about
//! them (`observe`), counted on the shards.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use evenkeel_base::ServerId;
use evenkeel_health::agent::{AgentAdmin, AgentReport, AgentState};
use evenkeel_health::{
    Cause, CheckConf, Checked, Forced, Input, Observe, Reason, Status, TrafficFault, Verdict, log, timers,
};
use evenkeel_plan::addr::PortRule;
use evenkeel_plan::server::AgentLine;
use evenkeel_plan::{Plan, Server};
use evenkeel_probe::{AskError, Asking, Event, Facts, Probe, ProxyHeader, Target};
use evenkeel_sys::{Addr, ConnectOpts, clock};
use tokio::sync::mpsc;

use crate::conn::Conn;
use crate::reach;
use crate::world::{Admin, Change, CheckReport, Health, World, sys_addr};

/// A paused check looks so often whether it may go on, should nobody tell it.
const PAUSED_LOOK: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A connection.
    Connected,
    /// No connection.
    ConnectFailed,
    /// No answer.
    NoAnswer,
    /// An answer.
    Status(u16),
}

/// Counts it for `observe`: `error-limit` errors in a row are told to the server's check.
#[inline]
pub fn observe(conn: &Conn, server: ServerId, what: Observed) {
    let world = &conn.shard.world;
    let line = &world.plan.server(server).line;
    if let Some(layer) = line.observe {
        count(world, server, layer, line.error_limit, what);
    }
}

fn count(world: &World, server: ServerId, layer: Observe, limit: u32, what: Observed) {
    let fault = match (layer, what) {
        (Observe::Off, _) => return,
        (Observe::Layer4 | Observe::Layer7, Observed::ConnectFailed) => Some(TrafficFault::Connect),
        (Observe::Layer4, Observed::Connected | Observed::NoAnswer | Observed::Status(_)) => None,
        // Only the answer tells.
        (Observe::Layer7, Observed::Connected) => return,
        (Observe::Layer7, Observed::NoAnswer) => Some(TrafficFault::HttpClosed),
        (Observe::Layer7, Observed::Status(code)) => TrafficFault::of_status(code),
    };
    let errors = &world.server(server).observed_errors;
    match fault {
        None if errors.load(Relaxed) == 0 => {}
        None => errors.store(0, Relaxed),
        Some(fault) => {
            if errors.fetch_add(1, Relaxed) + 1 >= limit.max(1) {
                errors.store(0, Relaxed);
                world.note(Change::Faults(server, fault));
            }
        }
    }
}

/// A word to a check's task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    /// Look whether to pause or to go on.
    Look,
    /// The server came out of maintenance: begin anew.
    Revive,
    /// The operator says how the server is.
    Force(Health),
    /// The traffic went wrong, this often in a row.
    Faults(TrafficFault, u32),
}

/// A way to a check's task. Its bound is that of the changes that the control thread takes at a time: the task drains it
/// before the next are taken.
pub(crate) type Tell = mpsc::UnboundedSender<Word>;
type Hear = mpsc::UnboundedReceiver<Word>;

/// The checks of all servers, by [`ServerId`].
#[derive(Debug, Default)]
pub(crate) struct Checks {
    health: Vec<Option<Tell>>,
    agents: Vec<Option<Tell>>,
}

impl Checks {
    /// Starts the tasks; call within a `LocalSet`. The first checks are spread over the interval.
    pub(crate) fn start(world: &Arc<World>) -> Self {
        let plan = &world.plan;
        let is_checked = |s: &&Server| s.line.check && s.line.track.is_none();
        let intervals: Vec<Duration> =
            plan.servers.iter().filter(is_checked).map(|s| s.line.check_timing.inter).collect();
        let mut position = 0;
        let mut checks = Self::default();
        for server in &plan.servers {
            let health = is_checked(&server).then(|| {
                let after = timers::stagger(&intervals, position, plan.global.max_spread_checks);
                position += 1;
                let (tell, hear) = mpsc::unbounded_channel();
                let conf = check_conf(plan, server, after);
                tokio::task::spawn_local(run_check(world.clone(), server.id, conf, hear));
                tell
            });
            let agent = server.line.agent.clone().map(|line| {
                let (tell, hear) = mpsc::unbounded_channel();
                let agent = Agent::new(world.clone(), server.id, line);
                tokio::task::spawn_local(agent.run(hear));
                tell
            });
            checks.health.push(health);
            checks.agents.push(agent);
        }
        checks
    }

    /// Tells a server's health check. One that is not checked has nobody to tell.
    pub(crate) fn tell(&self, id: ServerId, word: Word) {
        if let Some(Some(tell)) = self.health.get(id.index()) {
            // The task lives as long as the control thread.
            let _ = tell.send(word);
        }
    }

    /// Tells its agent's.
    pub(crate) fn tell_agent(&self, id: ServerId, word: Word) {
        if let Some(Some(tell)) = self.agents.get(id.index()) {
            let _ = tell.send(word);
        }
    }
}

fn check_conf(plan: &Plan, server: &Server, start_after: Duration) -> CheckConf {
    let proxy = plan.proxy(server.backend);
    let check = proxy.back.as_ref().map(|b| (&b.check, b.disable_on_404));
    let (script, send_state, disable_on_404) = match check {
        Some((check, soft_404)) => (check.script.clone(), check.send_state, soft_404),
        None => (evenkeel_plan::CheckPlan::default().script, false, false),
    };
    let timing = &server.line.check_timing;
    CheckConf {
        inter: timing.inter,
        fastinter: timing.fastinter,
        downinter: timing.downinter,
        rise: timing.rise,
        fall: timing.fall,
        connect_timeout: proxy.timeouts.connect,
        check_timeout: proxy.timeouts.check,
        start_after,
        spread_percent: plan.global.spread_checks,
        seed: u64::from(server.id.0),
        disable_on_404,
        send_state,
        observe: server.line.observe.unwrap_or_default(),
        error_limit: server.line.error_limit,
        on_error: server.line.on_error,
        buffer_size: plan.global.bufsize as usize,
        ..CheckConf::new(script)
    }
}

/// Where a server's checks go: to `addr` and `port` of the check, else the server's own; a server without a port is
/// checked on the one that its listener has (seed 002).
fn check_target(world: &World, id: ServerId) -> Target {
    let server = world.plan.server(id);
    let timing = &server.line.check_timing;
    let own = world.server(id).addr();
    let addr = match &timing.addr {
        Some(addr) => Some(sys_addr(addr)),
        None => own.clone(),
    };
    let said = timing.addr.as_ref().and_then(|a| sys_addr(a).port()).filter(|port| *port > 0);
    let port = timing.port.or(said).or(match server.addr.port {
        PortRule::Fixed(_) => own.as_ref().and_then(Addr::port).filter(|port| *port > 0),
        PortRule::SameAsClient(_) => None,
    });
    let addr = addr.and_then(|addr| match (addr.port(), port.or(server.fallback_check_port)) {
        (None, _) => Some(addr),
        (Some(_), Some(port)) => Some(addr.with_port(port)),
        (Some(_), None) => None,
    });
    let header = timing.send_proxy.then_some(match server.line.send_proxy {
        2 => ProxyHeader::V2,
        _ => ProxyHeader::V1,
    });
    // As the original: a check that only connects is over before the server's program hears of it. Where the server
    // has the first word, its program must hear of the connection at once.
    let proxy = world.plan.proxy(server.backend);
    let delay_ack = !proxy.back.as_ref().is_some_and(|back| back.check.script.begins_with_answer());
    let opts = ConnectOpts { delay_ack, ..reach::connect_opts(&world.plan, server) };
    Target { addr, opts, header }
}

/// Maintenance, a name that is not known and `disable health` stop checks.
fn is_paused(world: &World, id: ServerId, enabled: bool) -> bool {
    !enabled || !world.server(id).resolved() || world.effective_admin(id).admin == Admin::Maint
}

/// What the server is told about itself (`http-check send-state`).
fn facts(world: &World, id: ServerId) -> Facts {
    let server = world.plan.server(id);
    let proxy = world.proxy(server.backend);
    let live = world.server(id);
    let addr = live.addr();
    let inet = addr.as_ref().and_then(Addr::inet);
    let unix = || "unix".to_owned();
    Facts {
        address: inet.map_or_else(unix, |a| a.ip().to_string()),
        port: inet.map_or_else(unix, |a| a.port().to_string()),
        backend: world.plan.proxy(server.backend).name.clone(),
        server: server.name.clone(),
        node: world.plan.global.node.clone().unwrap_or_else(|| world.hostname.clone()),
        weight: u32::from(live.weight()),
        weight_total: world.balancer(server.backend).map_or(0, |b| b.total_weight()),
        sessions: live.sessions.now(),
        sessions_total: proxy.back_sessions.now(),
        queue: live.queued.now(),
    }
}

/// One server's health check.
async fn run_check(world: Arc<World>, id: ServerId, conf: CheckConf, mut words: Hear) {
    let mut probe = Probe::new(conf, clock::now());
    let state = {
        let world = world.clone();
        move || facts(&world, id)
    };
    loop {
        let enabled = world.server(id).check_enabled.load(Relaxed);
        if is_paused(&world, id, enabled) {
            probe.handle(Input::Pause);
        } else if probe.view().paused {
            probe.handle(Input::Resume);
        }
        probe.set_target(check_target(&world, id));
        report(&world, id, &probe);
        tokio::select! {
            biased;
            word = words.recv() => match word {
                Some(Word::Look) => {}
                Some(Word::Revive) => probe.handle(Input::Revive),
                Some(Word::Force(health)) => probe.handle(Input::Force(match health {
                    Health::Up => Forced::Up,
                    Health::Stopping => Forced::Stopping,
                    Health::Down => Forced::Down,
                })),
                Some(Word::Faults(fault, times)) => (0..times).for_each(|_| probe.handle(Input::TrafficBad(fault))),
                None => return,
            },
            event = probe.next(&state) => heed(&world, id, event),
            () = tokio::time::sleep(PAUSED_LOOK), if probe.view().paused => {}
        }
    }
}

/// Acts on what a check found.
fn heed(world: &World, id: ServerId, event: Event) {
    let server = world.plan.server(id);
    match event {
        Event::Started => {}
        Event::Checked(checked) => {
            if checked.news && world.logs_checks(server.backend) {
                world.note_line(server.backend, log::checked(world.names(id), &checked));
            }
        }
        Event::Changed(change) => {
            world.set_health(id, change.to.into(), &change.cause, clock::now());
        }
    }
}

/// What the stats page and the commands know of a check.
fn report(world: &World, id: ServerId, probe: &Probe) {
    let view = probe.view();
    let live = world.server(id);
    live.checks_failed.store(view.failed, Relaxed);
    live.observed_failed.store(view.observed_failed, Relaxed);
    let known = view.status != Status::Initializing;
    let mut report = live.check.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.status = if known { view.status.code() } else { "" };
    report.description = if known { view.status.description() } else { "" };
    report.code = view.code.unwrap_or(0);
    report.duration_ms = view.duration.map_or(0, |d| d.as_millis() as u64);
    if view.info != report.last_check.as_bytes() {
        report.last_check = view.info.to_string();
    }
    report.health = view.counter.value();
    report.rise = probe.conf().rise;
    report.fall = probe.conf().fall;
    report.running = view.running;
}

/// One server's agent. Its single answer counts: rise and fall are 1.
struct Agent {
    world: Arc<World>,
    id: ServerId,
    line: AgentLine,
    down: Cell<bool>,
    last: Cell<Option<Status>>,
}

/// What an agent's answer comes to.
struct Verdicts {
    report: AgentReport,
    /// Up or down; `None`: not mentioned.
    down: Option<bool>,
    status: AgentStatus,
    words: String,
}

/// The status of an agent's check: that of a check, or `CHECKED` where nothing was said about the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgentStatus {
    Check(Status),
    Unchanged,
}

impl AgentStatus {
    fn code(self) -> &'static str {
        match self {
            AgentStatus::Check(status) => status.code(),
            AgentStatus::Unchanged => "CHECKED",
        }
    }

    fn description(self) -> &'static str {
        match self {
            AgentStatus::Check(status) => status.description(),
            AgentStatus::Unchanged => "No status change",
        }
    }
}

impl Agent {
    fn new(world: Arc<World>, id: ServerId, line: AgentLine) -> Self {
        Self { world, id, line, down: Cell::new(false), last: Cell::new(None) }
    }

    async fn run(self, mut words: Hear) {
        let agent = Rc::new(self);
        let mut next = tokio::time::Instant::now();
        loop {
            let enabled = agent.world.server(agent.id).agent_enabled.load(Relaxed);
            let paused = !enabled || has_no_address(&agent.world, agent.id);
            tokio::select! {
                biased;
                word = words.recv() => match word {
                    Some(Word::Force(health)) => agent.set_down(health == Health::Down, &Cause::Cli),
                    Some(Word::Revive) => agent.down.set(false),
                    Some(Word::Look | Word::Faults(..)) => {}
                    None => return,
                },
                () = tokio::time::sleep(PAUSED_LOOK), if paused => next = tokio::time::Instant::now(),
                () = agent.turn(next), if !paused => next = tokio::time::Instant::now() + agent.line.inter,
            }
        }
    }

    /// Waits for its time, asks, and acts on the answer.
    async fn turn(&self, at: tokio::time::Instant) {
        tokio::time::sleep_until(at).await;
        let begun = clock::now();
        let world = &self.world;
        let own = world.server(self.id).addr();
        let addr = self.line.addr.as_ref().map(sys_addr).or(own);
        let Some(addr) = addr.map(|a| a.with_port(self.line.port)) else { return };
        let asking = Asking {
            addr,
            opts: reach::connect_opts(&world.plan, world.plan.server(self.id)),
            send: self.line.send.clone(),
            timeout: self.line.inter,
        };
        let verdicts = judge(evenkeel_probe::ask(&asking).await);
        self.heed(verdicts, clock::now().since(begun));
    }

    fn heed(&self, verdicts: Verdicts, took: Duration) {
        let (world, id) = (&self.world, self.id);
        let now = clock::now();
        let plan = world.plan.server(id);
        if let Some(percent) = verdicts.report.weight_percent {
            // A share of the weight that the file says, rounded down: 50 % of 1 is nothing, as in the original.
            let weight = u64::from(plan.line.weight.get()) * u64::from(percent);
            let weight = u32::try_from(weight / 100).unwrap_or(u32::MAX).min(256);
            if u32::from(world.server(id).user_weight()) != weight {
                world.set_weight(id, evenkeel_balance::Weight::new(weight).unwrap_or_default(), now);
            }
        }
        if let Some(maxconn) = verdicts.report.maxconn {
            world.server(id).maxconn.store(maxconn, Relaxed);
        }
        if let Some(admin) = verdicts.report.admin {
            let admin = match admin {
                AgentAdmin::Ready => Admin::Ready,
                AgentAdmin::Drain => Admin::Drain,
                AgentAdmin::Maint => Admin::Maint,
            };
            world.set_admin(id, admin, now);
        }
        let down = verdicts.down.unwrap_or(self.down.get());
        let turned = down != self.down.get();
        if let AgentStatus::Check(status) = verdicts.status {
            let reason = Reason {
                status,
                code: status.has_code().then_some(0),
                info: verdicts.words.clone().into(),
                duration: Some(took),
            };
            if (turned || self.last.get() != Some(status)) && world.logs_checks(plan.backend) {
                let failed = status != Status::L7Ok;
                let checked = Checked {
                    verdict: if failed { Verdict::Failed } else { Verdict::Passed },
                    reason: reason.clone(),
                    count: (u32::from(!down), 1),
                    up: !down,
                    news: true,
                };
                world.note_line(plan.backend, log::agent_checked(world.names(id), &checked));
            }
            self.last.set(Some(status));
            if verdicts.down.is_some() {
                self.set_down(down, &Cause::Check(reason));
            }
        } else {
            self.last.set(None);
        }
        let mut report = world.server(id).agent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *report = CheckReport {
            status: verdicts.status.code(),
            description: verdicts.status.description(),
            code: 0,
            duration_ms: took.as_millis() as u64,
            last_check: verdicts.words,
            health: u32::from(!down),
            rise: 1,
            fall: 1,
            running: false,
        };
    }

    fn set_down(&self, down: bool, cause: &Cause) {
        self.down.set(down);
        self.world.set_agent(self.id, down, cause, clock::now());
    }
}

/// An agent is asked in maintenance too, if it was the one who asked for it: it may say `ready` again. A name that is not
/// known has no agent.
fn has_no_address(world: &World, id: ServerId) -> bool {
    !world.server(id).resolved()
}

fn judge(answer: Result<Vec<u8>, AskError>) -> Verdicts {
    let nothing = |status, words: String| Verdicts {
        report: AgentReport::default(),
        down: None,
        status: AgentStatus::Check(status),
        words,
    };
    let answer = match answer {
        Ok(answer) => answer,
        // Without an answer the agent's last word stays.
        Err(AskError::Connect(words)) => return nothing(Status::L4Connection, words),
        Err(AskError::Local(words) | AskError::Broken(words)) => return nothing(Status::SocketError, words),
        Err(AskError::ConnectTimeout) => return nothing(Status::L4Timeout, String::new()),
        Err(AskError::AnswerTimeout) => return nothing(Status::L7Timeout, String::new()),
    };
    let report = match evenkeel_health::agent::parse(&answer) {
        Ok(report) => report,
        Err(unknown) => {
            return Verdicts {
                report: AgentReport::default(),
                down: None,
                status: AgentStatus::Unchanged,
                words: format!("agent reports an error : {}", unknown.word),
            };
        }
    };
    let Some(state) = report.state else {
        return Verdicts { report, down: None, status: AgentStatus::Unchanged, words: String::new() };
    };
    let word = match state {
        AgentState::Up => "up",
        AgentState::Down => "down",
        AgentState::Fail => "fail",
        AgentState::Stopped => "stopped",
    };
    let why = report.description.as_deref().filter(|d| !d.is_empty());
    let why = why.map(|d| format!(" ({d})")).unwrap_or_default();
    let status = if state.is_up() { Status::L7Ok } else { Status::L7Status };
    Verdicts {
        down: Some(!state.is_up()),
        status: AgentStatus::Check(status),
        words: format!("via agent : {word}{why}"),
        report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_words_are_the_originals() {
        for (answer, status, down, words) in [
            (Ok("up\n"), "L7OK", Some(false), "via agent : up"),
            (Ok("down # disk\n"), "L7STS", Some(true), "via agent : down (disk)"),
            (Ok("fail # my fault\n"), "L7STS", Some(true), "via agent : fail (my fault)"),
            (Ok("stopped"), "L7STS", Some(true), "via agent : stopped"),
            (Ok("50%\n"), "CHECKED", None, ""),
            (Ok("drain\n"), "CHECKED", None, ""),
            (Ok(""), "CHECKED", None, ""),
            (Ok("bogus\n"), "CHECKED", None, "agent reports an error : bogus"),
            (Err(AskError::Connect("Connection refused".into())), "L4CON", None, "Connection refused"),
            (Err(AskError::AnswerTimeout), "L7TOUT", None, ""),
        ] {
            let shown = format!("{answer:?}");
            let verdicts = judge(answer.map(|a| a.as_bytes().to_vec()));
            let got = (verdicts.status.code(), verdicts.down, verdicts.words.as_str());
            assert_eq!(got, (status, down, words), "{shown}");
        }
    }
}
