//! The loop: what happens outside becomes inputs of the brain, and what the brain wants is done.

use std::time::Duration;

use evenkeel_base::Instant;
use evenkeel_plan::keeper::{KeeperPlan, Scheduling};
use evenkeel_sys::{clock, sched};
use evenkeel_vrrp::conf::{InstanceId, InterfaceId};
use evenkeel_vrrp::{Input, Node};
use evenkeel_wire::netlink::messages;
use evenkeel_wire::netlink::rt::News;

use crate::control::{Command, Ended, Handle, Inbox, LogLevel, Look, Next, Options, StartError, channel};
use crate::hands::Hands;
use crate::keys::Key;
use crate::net::links::Links;
use crate::{deeds, path};

/// `child_wait_time` where the file says nothing.
const CHILD_WAIT: Duration = Duration::from_secs(5);
/// Datagrams of the kernel's news that are read before the loop goes on.
const NEWS_MAX: usize = 256;
/// `vrrp_rlimit_rttime` where the file says nothing: the original's 10 ms.
const RTTIME_US: u64 = 10_000;

/// A keeper that is ready to run.
#[derive(Debug)]
pub struct Keeper {
    node: Node,
    plan: KeeperPlan,
    next: Option<Box<KeeperPlan>>,
    hands: Hands,
    inbox: Inbox,
}

impl Keeper {
    /// Opens everything. Call on the thread that will run it: the sockets belong to its network namespace.
    pub fn new(plan: KeeperPlan, options: Options) -> Result<(Keeper, Handle), StartError> {
        let (handle, inbox) =
            channel().map_err(|source| StartError { what: "cannot make an eventfd", source })?;
        let mut hands = Hands::open(options, inbox.bell().clone(), &plan)?;
        if let Some((script, timeout)) = &plan.global.startup_script
            && hands.options.run_global_scripts
        {
            let outcome = hands.notifier.run_and_wait(script, *timeout);
            hands.log_global_script("Startup", script, outcome);
        }
        hands.prepare(&plan);
        let now = clock::now();
        let node = Node::new(plan.node.clone(), now);
        Ok((Keeper { node, plan, next: None, hands, inbox }, handle))
    }

    /// Runs until it is told to stop.
    pub fn run(mut self) -> Ended {
        if self.hands.options.schedule {
            schedule(&self.hands, &self.plan.global.vrrp);
        }
        self.node.handle(Input::Date(clock::wall().as_micros()), clock::now());
        self.tell_interfaces(clock::now());
        let now = clock::now();
        self.hands.first_facts(&self.plan, &mut self.node, now);
        self.node.handle(Input::Start, now);
        let mut ready = Vec::new();
        loop {
            let now = clock::now();
            self.drain(now);
            self.hands.announcer.on_time(now);
            let brain = self.node.deadline().map(|d| d.at);
            let deadline = [brain, self.hands.deadline()].into_iter().flatten().min();
            if let Err(e) = self.hands.poller.wait(deadline, &mut ready) {
                // Nothing that we watch can cause it; a moment's rest keeps a fault from filling the log.
                self.hands.log(LogLevel::Error, &format!("epoll_wait: {e}"));
                std::thread::sleep(Duration::from_millis(10));
            }
            let now = clock::now();
            if self.node.signs() {
                self.node.handle(Input::Date(clock::wall().as_micros()), now);
            }
            // Packets first: an advert that lies in the socket must not be missed by a down timer.
            let late = brain.is_some_and(|at| at <= now);
            for key in &ready {
                if let Key::Raw(number) = Key::of(*key) {
                    path::receive(&mut self.hands, &mut self.node, number, now);
                }
            }
            if late {
                let by = brain.map_or(0, |at| u64::try_from(now.since(at).as_micros()).unwrap_or(u64::MAX));
                self.hands.counters.latest_us = self.hands.counters.latest_us.max(by);
                self.node.on_deadline(now);
            }
            self.drain(now);
            for key in &ready {
                if let Some(ended) = self.on_ready(Key::of(*key), now) {
                    return ended;
                }
            }
            self.hands.on_time(&self.plan, &mut self.node, now);
        }
    }

    fn drain(&mut self, now: Instant) {
        deeds::drain(&mut self.hands, &mut self.node, &mut self.plan, &mut self.next, now);
    }

    fn on_ready(&mut self, key: Key, now: Instant) -> Option<Ended> {
        match key {
            Key::Raw(_) | Key::Unknown => {}
            Key::Bell => {
                self.hands.bell.silence();
                for (track, outcome) in self.hands.notifier.ends(&self.plan) {
                    self.node.handle(Input::ScriptEnded { track, outcome }, now);
                }
                return self.commands(now);
            }
            Key::Monitor => self.news(now),
            Key::Arp(index) => self.claims(index, false, now),
            Key::Neighbours(index) => self.claims(index, true, now),
            Key::Bfd { v6 } => {
                let log = self.hands.options.log.clone();
                self.hands.bfd.on_packets(v6, &mut self.node, &log, now);
            }
            Key::Files => self.hands.files.on_news(&self.plan, &mut self.node, now),
            Key::Processes => self.hands.processes.on_news(&self.plan, &mut self.node, now),
        }
        None
    }

    fn commands(&mut self, now: Instant) -> Option<Ended> {
        loop {
            match self.inbox.next() {
                Next::Empty => return None,
                Next::Abandoned => return Some(self.stop(Ended::Abandoned)),
                Next::Command(Command::Stop) => return Some(self.stop(Ended::Stopped)),
                Next::Command(Command::Reload(plan)) => {
                    // What came before speaks of the old plan.
                    self.drain(now);
                    let node = Box::new(plan.node.clone());
                    self.next = Some(plan);
                    self.node.handle(Input::Reload(node), now);
                    self.drain(now);
                    self.tell_interfaces(now);
                    self.hands.first_facts(&self.plan, &mut self.node, now);
                }
                Next::Command(Command::Look(peek)) => {
                    peek(&Look { node: &self.node, plan: &self.plan, hands: &self.hands, now })
                }
                Next::Command(Command::SetPriority(id, priority)) => {
                    self.node.handle(Input::SetPriority(id, priority), now);
                }
                Next::Command(Command::Announce(id)) => self.node.handle(Input::Announce(id), now),
                Next::Command(Command::Subscribe(subscriber)) => self.hands.subscribe(subscriber),
                Next::Command(Command::Bfd(track, up)) => self.node.handle(Input::Bfd(track, up), now),
            }
        }
    }

    /// Gives everything back. Adverts with priority 0 leave first: the others wait for them.
    fn stop(&mut self, ended: Ended) -> Ended {
        let now = clock::now();
        self.node.handle(Input::Stop, now);
        if self.hands.options.release_at_end {
            self.drain(now);
        } else {
            self.stay();
        }
        self.hands.leave(&self.plan);
        let patience = self.plan.global.child_wait.unwrap_or(CHILD_WAIT);
        if let Some((script, timeout)) = &self.plan.global.shutdown_script
            && self.hands.options.run_global_scripts
        {
            let outcome = self.hands.notifier.run_and_wait(script, *timeout);
            self.hands.log_global_script("Shutdown", script, outcome);
        }
        self.hands.notifier.finish(patience);
        ended
    }

    /// The end, but nothing is taken away: addresses lose their lease, since nobody renews it any more.
    fn stay(&mut self) {
        let ids = 0..u32::try_from(self.plan.instances.len()).unwrap_or(u32::MAX);
        for id in ids.map(InstanceId).filter(|id| self.hands.is_held(*id)).collect::<Vec<_>>() {
            deeds::with(&mut self.hands, &self.plan, id, |h, tools| h.take(tools, id, None));
        }
        deeds::drain_but_release(&mut self.hands, &mut self.node, &self.plan);
    }

    fn tell_interfaces(&mut self, now: Instant) {
        for n in 0..self.plan.node.interfaces.len() {
            self.hands.tell_interface(&self.plan, &mut self.node, InterfaceId(n as u32), now);
        }
    }

    /// The kernel's news: links, addresses, routes, rules.
    fn news(&mut self, now: Instant) {
        let mut changed = std::collections::BTreeSet::new();
        let mut links_changed = false;
        let mut buf = std::mem::take(&mut self.hands.news_buf);
        for _ in 0..NEWS_MAX {
            let n = match self.hands.monitor.receive(&mut buf) {
                Ok(n) => n,
                Err(e) if e.raw_os_error() == Some(evenkeel_sys::netlink::LOST) => {
                    self.overrun(now);
                    continue;
                }
                Err(_) => break,
            };
            for heard in messages(buf.get(..n).unwrap_or_default()) {
                let Some(news) = News::read(&heard) else { continue };
                links_changed |= matches!(news, News::LinkGone(_))
                    || matches!(&news, News::Link(l) if self.hands.is_new(l));
                if let Some(index) = self.hands.links.apply(&news) {
                    changed.insert(index);
                }
                self.hands.suspect(&self.plan, &news);
            }
        }
        self.hands.news_buf = buf;
        if links_changed {
            self.hands.relink(&self.plan);
        }
        for n in 0..self.plan.node.interfaces.len() {
            let id = InterfaceId(n as u32);
            let concerned = links_changed
                || self.hands.index(id).is_none_or(|index| index == 0 || changed.contains(&index));
            if concerned && !changed.is_empty() {
                self.hands.tell_interface(&self.plan, &mut self.node, id, now);
            }
        }
        // The brain first: who gives up needs nothing set again.
        self.drain(now);
        for id in std::mem::take(&mut self.hands.address_suspects) {
            // One that we took away ourselves and set again since is there.
            if self.hands.misses(&self.plan, id) {
                self.hands.suspects.insert(id);
            }
        }
        for id in std::mem::take(&mut self.hands.suspects) {
            deeds::look_after(&mut self.hands, &mut self.node, &self.plan, id, now);
        }
        if std::mem::take(&mut self.hands.statics_suspect) {
            self.hands.restore_statics(&self.plan, &mut self.node, now);
        }
        self.drain(now);
    }

    /// News were lost: everything is asked anew, and what we hold is looked after.
    fn overrun(&mut self, now: Instant) {
        self.hands.counters.overruns += 1;
        match Links::load(&mut self.hands.rtnl) {
            Ok(links) => self.hands.links = links,
            Err(e) => self.hands.log(LogLevel::Error, &format!("cannot read the interfaces: {e}")),
        }
        self.hands.relink(&self.plan);
        self.tell_interfaces(now);
        let missing: Vec<InstanceId> = self.hands.missing(&self.plan);
        self.hands.suspects.extend(missing);
    }

    fn claims(&mut self, index: u32, v6: bool, now: Instant) {
        for claim in self.hands.hearing.claims(index, v6) {
            for n in 0..self.plan.node.interfaces.len() {
                let interface = InterfaceId(n as u32);
                if self.hands.hears_on(interface, claim.index) {
                    let input = Input::Answered { interface, address: claim.ip, mac: claim.mac };
                    self.node.handle(input, now);
                }
            }
        }
    }
}

/// Realtime, memory, cores: what cannot be had is said, and does without.
fn schedule(hands: &Hands, wanted: &Scheduling) {
    let complain = |what: &str, outcome: std::io::Result<()>| {
        if let Err(e) = outcome {
            hands.log(LogLevel::Warning, &format!("cannot {what}: {e}"));
        }
    };
    if !wanted.cpus.is_empty() {
        complain("set vrrp_cpu_affinity", sched::set_cores(&wanted.cpus));
    }
    if wanted.no_swap {
        complain("lock the memory (vrrp_no_swap)", sched::lock_memory());
    }
    if let Some(nice) = wanted.nice {
        complain("set vrrp_priority", sched::set_nice(nice));
    }
    if let Some(priority) = wanted.realtime {
        let micros = wanted.rlimit_rttime_us.unwrap_or(RTTIME_US);
        complain("set vrrp_rlimit_rttime", sched::set_realtime_limit(micros));
        complain("set vrrp_rt_priority", sched::set_realtime(priority));
    }
    if let Some(name) = &wanted.process_name {
        complain("set vrrp_process_name", evenkeel_sys::process::set_comm(name));
    }
}
