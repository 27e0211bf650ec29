//! Plans made by hand, and keepers in namespaces.
#![allow(dead_code, clippy::print_stderr)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel_keeper::{Ended, Handle, Keeper, Options};
use evenkeel_lab::netns::{self, Node};
use evenkeel_plan::keeper::{
    Address, InstancePlan, KeeperGlobal, KeeperPlan, LvsPlan, Notify, Places, Scope,
};
use evenkeel_vrrp::conf::*;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn possible() -> bool {
    match netns::available() {
        Ok(()) => true,
        Err(why) => {
            eprintln!("skipped: {why}");
            false
        }
    }
}

/// A plan with one interface `eth0` and no instances.
pub(crate) fn empty() -> KeeperPlan {
    KeeperPlan {
        node: NodeConf { interfaces: vec!["eth0".into()], ..NodeConf::default() },
        instances: Vec::new(),
        groups: Vec::new(),
        tracks: Vec::new(),
        static_addresses: Vec::new(),
        static_routes: Vec::new(),
        static_rules: Vec::new(),
        global: KeeperGlobal::default(),
        sources: Arc::default(),
        lvs: LvsPlan::default(),
    }
}

pub(crate) fn address(text: &str) -> Address {
    let (ip, prefix) = text.split_once('/').expect("with a prefix");
    let ip: IpAddr = ip.parse().expect("literal");
    Address {
        ip,
        prefix: prefix.parse().expect("literal"),
        interface: InterfaceId(0),
        broadcast: None,
        scope: Scope::GLOBAL,
        label: None,
        peer: None,
        preferred_lifetime_s: None,
        flags: if ip.is_ipv6() { 0x02 } else { 0 },
        no_track: false,
        use_vmac: false,
        span: Default::default(),
    }
}

/// Adds an instance with these addresses; the first tells the family.
pub(crate) fn instance(
    plan: &mut KeeperPlan,
    name: &str,
    vrid: u32,
    priority: u32,
    interval_ms: u64,
    vips: &[&str],
) -> usize {
    let addresses: Vec<Address> = vips.iter().map(|v| address(v)).collect();
    let v6 = addresses.first().is_some_and(|a| a.ip.is_ipv6());
    let group = if v6 { "ff02::12" } else { "224.0.0.18" };
    plan.node.instances.push(InstanceConf {
        name: name.into(),
        vrid: Vrid::new(vrid).expect("literal"),
        priority: Priority::new(priority).expect("literal"),
        version: Version::V3,
        family: if v6 { Family::V6 } else { Family::V4 },
        state: WantedState::Backup,
        interface: InterfaceId(0),
        advert_interval: Duration::from_millis(interval_ms),
        addresses: addresses.iter().map(|a| a.ip).collect(),
        source: None,
        track_source: false,
        destination: Destination::Multicast(group.parse().expect("literal")),
        ttl: 255,
        check_unicast_source: false,
        auth: Auth::None,
        checksum: Checksum::Auto,
        preempt: true,
        preempt_delay: Duration::ZERO,
        down_timer_adverts: 3,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        skip_check_addresses: false,
        strict: false,
        accept: true,
        owner_ignore_adverts: false,
        dont_track_primary: false,
        tracks: Vec::new(),
        group: None,
        announce: Announce {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
        },
        lease: Some(Lease { lifetime: Duration::from_secs(3), refresh: Duration::from_millis(500) }),
        startup_delay: Duration::ZERO,
        notify_priority_changes: false,
    });
    plan.instances.push(InstancePlan {
        addresses,
        excluded: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        promote_secondaries: false,
        vmac: None,
        garp_extra: None,
        notify: Notify::default(),
        linkbeat_polling: false,
        rx_buffer: None,
        places: Places::default(),
        span: Default::default(),
    });
    plan.instances.len() - 1
}

/// A keeper on a thread inside a node.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    thread: Option<std::thread::JoinHandle<Ended>>,
}

impl Running {
    pub(crate) fn start(node: &Node, plan: KeeperPlan) -> Running {
        Self::start_with(node, plan, |_| {})
    }

    /// In this machine's own namespace: for plans that touch nothing of it.
    pub(crate) fn here(plan: KeeperPlan) -> Running {
        Self::at(None, plan, |_| {})
    }

    pub(crate) fn start_with(
        node: &Node,
        plan: KeeperPlan,
        change: impl FnOnce(&mut Options) + Send + 'static,
    ) -> Running {
        Self::at(Some(node.path().to_owned()), plan, change)
    }

    fn at(
        path: Option<PathBuf>,
        plan: KeeperPlan,
        change: impl FnOnce(&mut Options) + Send + 'static,
    ) -> Running {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (tx, rx) = std::sync::mpsc::channel();
        let lines = log.clone();
        let thread = std::thread::spawn(move || {
            if let Some(path) = path {
                netns::enter(&path).expect("namespace");
            }
            let sink = Arc::new(move |level, text: &str| {
                lines.lock().expect("no panic").push(format!("{level:?} {text}"));
            });
            let mut options = Options::new(sink);
            options.schedule = false;
            change(&mut options);
            let (keeper, handle) = Keeper::new(plan, options).expect("starts");
            tx.send(handle).expect("waits");
            keeper.run()
        });
        let handle = rx.recv().expect("started");
        Running { handle, log, thread: Some(thread) }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lock().expect("no panic").clone()
    }

    #[track_caller]
    pub(crate) fn wait_for_line(&self, text: &str) {
        wait(|| self.lines().iter().any(|l| l.contains(text)), || format!("{text:?} in {:#?}", self.lines()));
    }

    /// Drops the only handle.
    pub(crate) fn abandon(mut self) -> Ended {
        let thread = self.thread.take().expect("once");
        drop(self);
        thread.join().expect("no panic")
    }

    pub(crate) fn stop(mut self) -> Ended {
        self.handle.stop().expect("runs");
        self.thread.take().expect("once").join().expect("no panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.handle.stop();
            let _ = thread.join();
        }
    }
}

#[track_caller]
pub(crate) fn wait(mut done: impl FnMut() -> bool, what: impl Fn() -> String) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {}", what());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `ip -j …` in a node.
pub(crate) fn ip_json(node: &Node, words: &[&str]) -> serde_json::Value {
    let mut all = vec!["ip", "-j", "-d"];
    all.extend(words);
    let out = node.run(&all).expect("ip");
    if out.stdout.is_empty() {
        return serde_json::Value::Array(Vec::new());
    }
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stdout)))
}

/// Runs a command in a node; it must succeed.
#[track_caller]
pub(crate) fn sh(node: &Node, script: &str) -> String {
    let out = node.run(&["sh", "-c", script]).expect("sh");
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Whether an interface of a node has this address.
pub(crate) fn has(node: &Node, interface: &str, ip: &str) -> bool {
    find(node, interface, ip).is_some()
}

/// What `ip -j` says of an address.
pub(crate) fn find(node: &Node, interface: &str, ip: &str) -> Option<serde_json::Value> {
    let all = ip_json(node, &["addr", "show"]);
    let link = all.as_array()?.iter().find(|l| l["ifname"] == interface)?;
    link["addr_info"].as_array()?.iter().find(|a| a["local"] == ip).cloned()
}
