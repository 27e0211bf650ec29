//! Nodes that keep floating addresses: ours, or the original's, side by side on one switch, with a client that asks who
//! answers. What happens to them is told by tables of [`Step`]s, the same for every program.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use evenkeel_lab::netns::{Echo, Holders, Lab, LabBuilder, Node, Prober, Proc, Way};

use crate::program::{Program, ours};
use crate::{LOOK_EVERY, PATIENCE, skip};

/// How often a client asks, and a node is looked at.
pub const EVERY: Duration = Duration::from_millis(2);
/// Where a node's configuration is.
pub const CONF: &str = "/etc/keepalived/keepalived.conf";

/// Who keeps a node's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Ours.
    Ours,
    /// The original.
    Keepalived,
}

impl Keeper {
    /// Its program: `KEEPALIVED_BIN`, else on the path or where Debian has it; ours as [`ours`]. `None` if it is not there.
    pub fn path(self) -> Option<PathBuf> {
        match self {
            Keeper::Ours => keeps().then(|| ours().to_owned()),
            Keeper::Keepalived => {
                if let Some(path) = std::env::var_os("KEEPALIVED_BIN") {
                    return Some(PathBuf::from(path));
                }
                let path = std::env::var_os("PATH").unwrap_or_default();
                let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
                folders.map(|f| f.join("keepalived")).find(|p| p.is_file())
            }
        }
    }

    /// Ours, unless `EVENKEEL_PROGRAM=keepalived` asks what the original makes of our own tests.
    pub fn wanted() -> Keeper {
        match std::env::var("EVENKEEL_PROGRAM").as_deref() {
            Ok("keepalived") => Keeper::Keepalived,
            Ok(_) | Err(_) => Keeper::Ours,
        }
    }
}

/// Whether our program can be asked to keep addresses.
fn keeps() -> bool {
    static KEEPS: OnceLock<bool> = OnceLock::new();
    *KEEPS.get_or_init(|| {
        let out = Command::new(ours()).args(["keepalived", "--version"]).output();
        out.is_ok_and(|out| out.status.success())
    })
}

/// Who plays `a` and `b`.
pub type Cast = [Keeper; 2];

/// Ours against ours, and each against the other; where something is not there, it is said. `EVENKEEL_PROGRAM=keepalived`
/// leaves the original to itself.
pub fn casts() -> Vec<Cast> {
    const ALL: [Cast; 3] = [
        [Keeper::Ours, Keeper::Ours],
        [Keeper::Ours, Keeper::Keepalived],
        [Keeper::Keepalived, Keeper::Ours],
    ];
    if Keeper::wanted() == Keeper::Keepalived {
        return vec![[Keeper::Keepalived; 2]];
    }
    let [ours, original] = [Keeper::Ours, Keeper::Keepalived].map(there);
    let is = |keeper| if keeper == Keeper::Ours { ours } else { original };
    ALL.into_iter().filter(|cast| cast.iter().all(|k| is(*k))).collect()
}

/// Whether a program is there; said aloud if not.
pub fn there(keeper: Keeper) -> bool {
    let there = keeper.path().is_some();
    if !there {
        skip(format!("{keeper:?} is not there"));
    }
    there
}

/// Something that happens, or that must come to pass.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The daemon of a node is started.
    Start(&'static str),
    /// It is asked to end, and does.
    Term(&'static str),
    /// It is killed, with all its children, at once.
    Kill(&'static str),
    /// It is asked to read its file again.
    Hup(&'static str),
    /// A node's configuration is written: an instance, see [`instance`].
    Conf(&'static str, &'static str),
    /// A file is written.
    Put(&'static str, &'static str, &'static str),
    /// A command on a node will succeed, tried again until it does.
    Does(&'static str, &'static [&'static str]),
    /// A command runs on a node, with whatever result.
    Run(&'static str, &'static [&'static str]),
    /// The cable is pulled at the switch or put back: interface number.
    Port(&'static str, usize, bool),
    /// The interface is taken down by the node's operator or up again.
    Iface(&'static str, usize, bool),
    /// The node drops packets, in nft's words.
    Block(&'static str, Way, &'static str),
    /// The node drops none.
    Unblock(&'static str),
    /// The switch drops packets from one node to another.
    Cut(&'static str, &'static str, &'static str),
    /// The switch drops none.
    Heal,
    /// Only this node will hold the address with this number, and answer the client.
    Holds(usize, &'static str),
    /// Only this node will hold the address, whether it answers or not.
    Has(usize, &'static str),
    /// This node will answer the client, whoever holds the address by its own account.
    Answers(usize, &'static str),
    /// Both will hold the address.
    Both(usize),
    /// Nobody will hold the address.
    Nobody(usize),
    /// This node will not hold the address.
    Lost(usize, &'static str),
    /// Only this node holds the address, and so for this many milliseconds.
    Stays(usize, &'static str, u64),
    /// The daemon of a node will have said this.
    Says(&'static str, &'static str),
    /// The daemon of a node has never said this.
    Quiet(&'static str, &'static str),
    /// A file of a node will have this in it.
    File(&'static str, &'static str, &'static str),
}

/// A configuration with one instance on `eth0`: `lines` are separated by semicolons, and go into it.
pub fn instance(lines: &str, vips: &[&str]) -> String {
    let lines: String = lines.split(';').map(|l| format!("    {}\n", l.trim())).collect();
    let vips: String = vips.iter().map(|v| format!("        {v}\n")).collect();
    format!(
        "vrrp_instance VI_1 {{\n    interface eth0\n    virtual_router_id 51\n{lines}    virtual_ipaddress {{\n{vips}    }}\n}}\n"
    )
}

/// A node with its daemon.
#[derive(Debug)]
struct Host {
    name: &'static str,
    daemon: Option<Proc>,
    /// What daemons that have ended said.
    said: String,
}

/// Two nodes, `a` and `b`, a client, and the addresses between them. Dropping it removes everything.
#[derive(Debug)]
pub struct Pair {
    hosts: Vec<Host>,
    vips: Vec<Vip>,
    _echoes: Vec<Echo>,
    /// The network.
    pub lab: Lab,
    name: String,
    /// More switches for a node's daemon.
    args: [Vec<String>; 2],
}

#[derive(Debug)]
struct Vip {
    holders: Holders,
    prober: Prober,
}

/// What a pair is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    name: String,
    cast: Cast,
    builder: LabBuilder,
    args: [Vec<String>; 2],
}

impl Setup {
    /// Two machines whose command `keepalived` is what `cast` says; no links yet.
    ///
    /// # Panics
    /// If a program is not there: ask [`there`] before.
    pub fn new(name: &str, cast: Cast) -> Setup {
        let mut builder = Lab::new();
        for (node, keeper) in ["a", "b"].into_iter().zip(cast) {
            let program = keeper.path().expect("it was asked whether it is there");
            builder = builder.machine(node).program(node, "keepalived", program);
        }
        Setup {
            name: format!("{name} {cast:?}"),
            cast,
            builder: builder.node("client", &[]),
            args: Default::default(),
        }
    }

    /// One switch, and `interface` of each machine on it; a client too. Addresses are a node's in CIDR form.
    #[must_use]
    pub fn net(self, interface: &str, a: &[&str], b: &[&str], client: &[&str]) -> Setup {
        let builder = self.builder.link_as("a", "switch", interface, a).link_as("b", "switch", interface, b);
        Setup { builder: builder.link("client", "switch", client), ..self }
    }

    /// Whatever else the lab should have.
    #[must_use]
    pub fn with(self, more: impl FnOnce(LabBuilder) -> LabBuilder) -> Setup {
        Setup { builder: more(self.builder), ..self }
    }

    /// More switches for those whose daemon is `keeper`.
    #[must_use]
    pub fn args(mut self, keeper: Keeper, args: &[&str]) -> Setup {
        for (own, _) in self.args.iter_mut().zip(self.cast).filter(|(_, k)| *k == keeper) {
            own.extend(args.iter().map(|a| (*a).to_owned()));
        }
        self
    }

    /// Our program as a command of its own on both: `haproxy`, say.
    #[must_use]
    pub fn ours_as(self, name: &str) -> Setup {
        let program = Program::Ours.path().expect("ours is always there");
        self.with(|lab| lab.program("a", name, &program).program("b", name, &program))
    }

    /// Builds it, and watches `vips`.
    ///
    /// # Panics
    /// If that does not work.
    #[track_caller]
    pub fn build(self, vips: &[&str]) -> Pair {
        let lab = self.builder.build().expect("what is possible in small is possible in large");
        let nodes: Vec<&Node> = ["a", "b"].iter().map(|n| lab.node(n)).collect();
        let echoes = nodes.iter().map(|n| Echo::start(n).expect("a port of its own")).collect();
        let vips = vips.iter().map(|vip| {
            let vip: IpAddr = vip.parse().expect("literal");
            Vip {
                holders: Holders::start(&nodes, vip, EVERY).expect("threads"),
                prober: Prober::start(lab.node("client"), vip, EVERY).expect("a socket"),
            }
        });
        let (vips, name) = (vips.collect(), self.name);
        let hosts = ["a", "b"].map(|name| Host { name, daemon: None, said: String::new() });
        Pair { hosts: hosts.into(), vips, _echoes: echoes, lab, name, args: self.args }
    }

    /// Who plays.
    pub fn cast(&self) -> Cast {
        self.cast
    }
}

impl Pair {
    /// Writes a configuration.
    ///
    /// # Panics
    /// If the node is not there.
    #[track_caller]
    pub fn conf(&self, node: &str, text: impl AsRef<[u8]>) {
        self.lab.node(node).put(CONF, text, 0o644).expect("a machine");
    }

    /// Starts a node's daemon.
    ///
    /// # Panics
    /// If it runs already.
    #[track_caller]
    pub fn start(&mut self, node: &str) {
        let usual = format!(
            "keepalived -n -l -D -f {CONF} -p /run/keepalived.pid -r /run/keepalived_vrrp.pid -c /run/keepalived_checkers.pid"
        );
        let number = self.hosts.iter().position(|h| h.name == node).unwrap_or_default();
        let more = self.args.get(number).map(Vec::as_slice).unwrap_or_default();
        let words: Vec<&str> = usual.split(' ').chain(more.iter().map(String::as_str)).collect();
        let daemon = self.lab.node(node).spawn(&words);
        let host = self.host(node);
        assert!(host.daemon.is_none(), "{node} has a daemon");
        host.daemon = Some(daemon.expect("it starts"));
    }

    /// A node's daemon.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn daemon(&mut self, node: &str) -> &mut Proc {
        self.host(node).daemon.as_mut().expect("it was started")
    }

    /// Takes a node's daemon, to end it in a way of one's own.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn take(&mut self, node: &str) -> Proc {
        let host = self.host(node);
        let daemon = host.daemon.take().expect("it was started");
        host.said += &(daemon.stdout() + &daemon.stderr());
        daemon
    }

    /// Everything that a node's daemons said.
    #[track_caller]
    pub fn said(&mut self, node: &str) -> String {
        let host = self.host(node);
        let now = host.daemon.as_ref().map(|d| d.stdout() + &d.stderr());
        host.said.clone() + &now.unwrap_or_default()
    }

    /// What the client sees of an address.
    pub fn prober(&self, vip: usize) -> Option<&Prober> {
        self.vips.get(vip).map(|v| &v.prober)
    }

    /// Who holds an address.
    pub fn holders(&self, vip: usize) -> Option<&Holders> {
        self.vips.get(vip).map(|v| &v.holders)
    }

    #[track_caller]
    fn host(&mut self, node: &str) -> &mut Host {
        self.hosts.iter_mut().find(|h| h.name == node).expect("a or b")
    }

    /// Does one step after the other.
    ///
    /// # Panics
    /// If one does not come to pass, with everything that was said.
    #[track_caller]
    pub fn play(&mut self, steps: &[Step]) {
        for (n, step) in steps.iter().enumerate() {
            if let Err(why) = self.step(*step) {
                let told = |pair: &mut Pair, node| format!("--- {node} said:\n{}", pair.said(node));
                panic!(
                    "{}: step {n}, {step:?}: {why}\n{}\n{}",
                    self.name.clone(),
                    told(self, "a"),
                    told(self, "b")
                );
            }
        }
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        let failed = |e: evenkeel_lab::netns::LabError| e.to_string();
        match step {
            Step::Start(node) => self.start(node),
            Step::Term(node) => {
                let mut daemon = self.take(node);
                daemon.signal(15).map_err(|e| e.to_string())?;
                let ended = daemon.wait(PATIENCE).map_err(|e| e.to_string())?;
                ended.ok_or("it does not end")?;
            }
            Step::Kill(node) => {
                self.take(node).kill_tree().map_err(|e| e.to_string())?;
            }
            Step::Hup(node) => self.daemon(node).signal(1).map_err(|e| e.to_string())?,
            Step::Conf(node, text) => self.conf(node, text),
            Step::Put(node, path, text) => self.lab.node(node).put(path, text, 0o755).map_err(failed)?,
            Step::Run(node, words) => {
                self.lab.node(node).run(words).map_err(failed)?;
            }
            Step::Does(node, words) => self.until(|pair| {
                pair.lab.node(node).run(words).is_ok_and(|out| out.status.success()).then_some(())
            })?,
            Step::Port(node, interface, up) => self.lab.set_link(node, interface, up).map_err(failed)?,
            Step::Iface(node, interface, up) => self.lab.node(node).set_up(interface, up).map_err(failed)?,
            Step::Block(node, way, what) => self.lab.node(node).block(way, what).map_err(failed)?,
            Step::Unblock(node) => self.lab.node(node).unblock().map_err(failed)?,
            Step::Cut(from, to, what) => self.lab.block(from, to, what).map_err(failed)?,
            Step::Heal => self.lab.unblock().map_err(failed)?,
            Step::Holds(vip, node) => {
                let since = Instant::now();
                self.until(|pair| {
                    let vip = pair.vips.get(vip)?;
                    let answers = vip.prober.last().is_some_and(|a| a.asked > since && a.from == node);
                    (pair.only(&vip.holders, node) && answers).then_some(())
                })?;
            }
            Step::Has(vip, node) => {
                self.until(|pair| pair.only(&pair.vips.get(vip)?.holders, node).then_some(()))?;
            }
            Step::Answers(vip, node) => {
                let since = Instant::now();
                self.until(|pair| {
                    let last = pair.vips.get(vip)?.prober.last()?;
                    (last.asked > since && last.from == node).then_some(())
                })?;
            }
            Step::Both(vip) => self.until(|p| (p.vips.get(vip)?.holders.now().len() == 2).then_some(()))?,
            Step::Lost(vip, node) => self.until(|pair| {
                let number = pair.hosts.iter().position(|h| h.name == node)?;
                (!pair.vips.get(vip)?.holders.now().contains(&number)).then_some(())
            })?,
            Step::Nobody(vip) => self.until(|p| p.vips.get(vip)?.holders.now().is_empty().then_some(()))?,
            Step::Stays(vip, node, ms) => {
                let end = Instant::now() + Duration::from_millis(ms);
                while Instant::now() < end {
                    let vip = self.vips.get(vip).ok_or("there is no such address")?;
                    if !self.only(&vip.holders, node) {
                        return Err(format!("held by {:?}", vip.holders.now()));
                    }
                    std::thread::sleep(LOOK_EVERY);
                }
            }
            Step::Says(node, text) => self.until(|pair| pair.said(node).contains(text).then_some(()))?,
            Step::Quiet(node, text) => {
                if self.said(node).contains(text) {
                    return Err("it did".to_owned());
                }
            }
            Step::File(node, path, text) => self.until(|pair| {
                let file = pair.lab.node(node).read(path).unwrap_or_default();
                String::from_utf8_lossy(&file).contains(text).then_some(())
            })?,
        }
        Ok(())
    }

    fn only(&self, holders: &Holders, node: &str) -> bool {
        let number = self.hosts.iter().position(|h| h.name == node);
        number.is_some_and(|n| holders.now() == [n])
    }

    fn until(&mut self, mut done: impl FnMut(&mut Pair) -> Option<()>) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if done(self).is_some() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let held: Vec<Vec<usize>> = self.vips.iter().map(|v| v.holders.now()).collect();
                let last: Vec<_> = self.vips.iter().map(|v| v.prober.last().map(|l| l.from)).collect();
                return Err(format!("in vain; held by {held:?}, answered by {last:?}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Whether a row of this name is played: `EVENKEEL_ROW` has a word of those that are, for looking at one.
pub fn wanted(name: &str) -> bool {
    std::env::var("EVENKEEL_ROW").map_or(true, |row| name.contains(&row))
}

/// Says on stderr what was played, and how long it took.
pub fn played(name: &str, cast: Cast, began: Instant) {
    eprintln!("{name} {cast:?}: {} ms", began.elapsed().as_millis());
}

/// How many pairs live at once: they mostly wait.
const AT_ONCE: usize = 8;

/// Runs `act` for each of `rows`, some at a time.
///
/// # Panics
/// In the end, if any did; each has said why.
#[track_caller]
pub fn each<T: Sync>(rows: &[T], act: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut failed = 0;
        while let Some(row) = rows.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let act = std::panic::AssertUnwindSafe(|| act(row));
            failed += usize::from(std::panic::catch_unwind(act).is_err());
        }
        failed
    };
    let failed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or(1)).sum()
    });
    assert_eq!(failed, 0, "rows failed, see above");
}
