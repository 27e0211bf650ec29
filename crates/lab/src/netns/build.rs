//! Describing a network and bringing it up.

use std::path::PathBuf;

use super::ip::{LabError, ip, remove, sweep, unique_prefix};
use super::node::{FILTER, Node, nft};

/// The switch that nodes are on when nothing else is said.
const SWITCH_DEFAULT: &str = "switch";
/// Longest name of a node or switch.
const NAME_MAX: usize = 32;

/// A network as described so far; mistakes are reported by [`LabBuilder::build`].
#[derive(Clone, Debug, Default)]
pub struct LabBuilder {
    nodes: Vec<String>,
    machines: Vec<String>,
    programs: Vec<(String, String, PathBuf)>,
    switches: Vec<String>,
    links: Vec<Link>,
    routes: Vec<(String, String, String)>,
    sysctls: Vec<(String, String, String)>,
}

#[derive(Clone, Debug)]
struct Link {
    node: String,
    switch: String,
    /// `eth<n>` if nothing else is said.
    interface: Option<String>,
    addresses: Vec<String>,
}

impl LabBuilder {
    /// A node on the common switch with `addresses` in CIDR form (`10.0.0.1/24`, `fd00::1/64`). With no addresses it is not
    /// plugged in: use [`LabBuilder::link`].
    #[must_use]
    pub fn node(mut self, name: &str, addresses: &[&str]) -> Self {
        self.nodes.push(name.to_owned());
        if addresses.is_empty() { self } else { self.link(name, SWITCH_DEFAULT, addresses) }
    }

    /// One more interface of `node`, on `switch` (made when first named). A node's interfaces are `eth0`, `eth1`, … in the
    /// order of their links.
    #[must_use]
    pub fn link(self, node: &str, switch: &str, addresses: &[&str]) -> Self {
        self.plug(node, switch, None, addresses)
    }

    /// The same with a name of the interface's own, as `ens33`.
    #[must_use]
    pub fn link_as(self, node: &str, switch: &str, interface: &str, addresses: &[&str]) -> Self {
        self.plug(node, switch, Some(interface.to_owned()), addresses)
    }

    /// A node, not plugged in yet, that has files, processes and a host name of its own too: `/run`, `/tmp`, `/root`,
    /// `/var/lib` are empty, `/etc` is a folder of links whose files [`Node::put`] replaces, and `/usr/local/bin` has the
    /// commands of [`LabBuilder::program`] alone.
    #[must_use]
    pub fn machine(mut self, name: &str) -> Self {
        self.nodes.push(name.to_owned());
        self.machines.push(name.to_owned());
        self
    }

    /// A command called `name` on machine `node`: the program at `file`, found before any other of its name.
    #[must_use]
    pub fn program(mut self, node: &str, name: &str, file: impl Into<PathBuf>) -> Self {
        self.programs.push((node.to_owned(), name.to_owned(), file.into()));
        self
    }

    fn plug(mut self, node: &str, switch: &str, interface: Option<String>, addresses: &[&str]) -> Self {
        if !self.switches.iter().any(|s| s == switch) {
            self.switches.push(switch.to_owned());
        }
        let addresses = addresses.iter().map(|a| (*a).to_owned()).collect();
        self.links.push(Link { node: node.to_owned(), switch: switch.to_owned(), interface, addresses });
        self
    }

    /// A route on `node`: `to` is a network or `default`, `via` a gateway.
    #[must_use]
    pub fn route(mut self, node: &str, to: &str, via: &str) -> Self {
        self.routes.push((node.to_owned(), to.to_owned(), via.to_owned()));
        self
    }

    /// A kernel setting on `node`, as in `net.ipv4.ip_forward` = `1`.
    #[must_use]
    pub fn sysctl(mut self, node: &str, key: &str, value: &str) -> Self {
        self.sysctls.push((node.to_owned(), key.to_owned(), value.to_owned()));
        self
    }

    /// Brings it up. If a step fails, what was made is removed.
    pub fn build(self) -> Result<Lab, LabError> {
        sweep();
        self.check_names()?;
        let prefix = unique_prefix();
        // From here on dropping `lab` removes whatever exists of it.
        let mut lab = Lab { nodes: Vec::new(), switches: Vec::new(), cables: Vec::new() };
        for name in &self.switches {
            let netns = format!("{prefix}sw-{name}");
            lab.switches.push((name.clone(), netns.clone()));
            ip(&["netns", "add", &netns])?;
            ip(&[
                "-n",
                &netns,
                "link",
                "add",
                "br0",
                "type",
                "bridge",
                "stp_state",
                "0",
                "forward_delay",
                "0",
            ])?;
            ip(&["-n", &netns, "link", "set", "br0", "up"])?;
        }
        for name in &self.nodes {
            let node = Node::new(name.clone(), format!("{prefix}{name}"), self.interfaces_of(name));
            let netns = node.netns().to_owned();
            lab.nodes.push(node);
            ip(&["netns", "add", &netns])?;
            ip(&["-n", &netns, "link", "set", "lo", "up"])?;
        }
        for (n, link) in self.links.iter().enumerate() {
            let cable = plug_in(&lab, link, n, self.number_of(n))?;
            lab.cables.push(cable);
        }
        for (node, to, via) in &self.routes {
            ip(&["-n", lab.known(node)?.netns(), "route", "add", to, "via", via])?;
        }
        for (node, key, value) in &self.sysctls {
            let path = format!("/proc/sys/{}", key.replace('.', "/"));
            let netns = lab.known(node)?.netns();
            ip(&["netns", "exec", netns, "sh", "-c", "printf %s \"$1\" >\"$2\"", "sh", value, &path])?;
        }
        for name in &self.machines {
            let own = self.programs.iter().filter(|(node, _, _)| node == name);
            let programs: Vec<_> = own.map(|(_, name, file)| (name.clone(), file.clone())).collect();
            let node = lab.nodes.iter_mut().find(|n| n.name() == name);
            node.ok_or_else(|| LabError::Unknown(name.clone()))?.become_machine(&programs)?;
        }
        Ok(lab)
    }

    fn check_names(&self) -> Result<(), LabError> {
        for names in [&self.nodes, &self.switches] {
            for (i, name) in names.iter().enumerate() {
                let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
                let fits = (1..=NAME_MAX).contains(&name.len());
                if !plain || !fits || names.iter().take(i).any(|other| other == name) {
                    return Err(LabError::Name(name.clone()));
                }
            }
        }
        Ok(())
    }

    /// The number of a link among those of its node.
    fn number_of(&self, n: usize) -> usize {
        let node = self.links.get(n).map(|l| &l.node);
        self.links.iter().take(n).filter(|l| Some(&l.node) == node).count()
    }

    /// The names of a node's interfaces.
    fn interfaces_of(&self, node: &str) -> Vec<String> {
        let links = self.links.iter().filter(|l| l.node == node).enumerate();
        links.map(|(n, l)| l.interface.clone().unwrap_or_else(|| format!("eth{n}"))).collect()
    }
}

fn plug_in(lab: &Lab, link: &Link, n: usize, interface: usize) -> Result<Cable, LabError> {
    let node = lab.known(&link.node)?;
    let eth = node.interfaces().get(interface).cloned().unwrap_or_default();
    let node = node.netns();
    let found = lab.switches.iter().find(|(name, _)| *name == link.switch);
    let Some((_, switch)) = found else { return Err(LabError::Unknown(link.switch.clone())) };
    let port = format!("port{n}");
    ip(&["-n", switch, "link", "add", "name", &port, "type", "veth", "peer", "name", &eth, "netns", node])?;
    ip(&["-n", switch, "link", "set", &port, "master", "br0", "up"])?;
    ip(&["-n", node, "link", "set", &eth, "up"])?;
    for address in &link.addresses {
        add_address(node, &eth, address)?;
    }
    Ok(Cable { node: link.node.clone(), interface, switch: switch.clone(), port })
}

pub(super) fn add_address(netns: &str, interface: &str, address: &str) -> Result<(), LabError> {
    let mut args = vec!["-n", netns, "addr", "add", address, "dev", interface];
    if address.contains(':') {
        // Without duplicate detection the address is usable at once.
        args.push("nodad");
    }
    ip(&args).map(|_| ())
}

/// A network that is up. Dropping it kills what runs inside and removes it.
#[derive(Debug)]
pub struct Lab {
    nodes: Vec<Node>,
    switches: Vec<(String, String)>,
    cables: Vec<Cable>,
}

/// Which port of which switch (by its namespace) an interface is plugged into.
#[derive(Debug)]
struct Cable {
    node: String,
    interface: usize,
    switch: String,
    port: String,
}

impl Lab {
    /// An empty description.
    #[expect(clippy::new_ret_no_self, reason = "a lab begins as its description")]
    pub fn new() -> LabBuilder {
        LabBuilder::default()
    }

    /// The node called `name`.
    ///
    /// # Panics
    /// If the description had none: a mistake in the test that asks.
    #[track_caller]
    pub fn node(&self, name: &str) -> &Node {
        match self.known(name) {
            Ok(node) => node,
            Err(e) => panic!("{e}"),
        }
    }

    /// The switch called `name` (the common one is `switch`) as a node to run captures in: `br0` sees what crosses it.
    pub fn switch(&self, name: &str) -> Result<Node, LabError> {
        let found = self.switches.iter().find(|(n, _)| n == name);
        let (name, netns) = found.ok_or_else(|| LabError::Unknown(name.to_owned()))?;
        Ok(Node::new(name.clone(), netns.clone(), vec!["br0".to_owned()]))
    }

    /// All nodes, in the order of their description.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Pulls the cable of interface number `interface` of `node`, or plugs it in again: the node sees its carrier go, and keeps
    /// its addresses.
    pub fn set_link(&self, node: &str, interface: usize, up: bool) -> Result<(), LabError> {
        let Cable { switch, port, .. } = self.cable(node, interface)?;
        ip(&["-n", switch, "link", "set", port, if up { "up" } else { "down" }]).map(|_| ())
    }

    /// Lets the switch drop what goes from the first interface of `from` to that of `to` and matches `what` (in nft's words,
    /// as `meta l4proto 112`; empty: everything), until [`Lab::unblock`]. Neither node sees its carrier go.
    pub fn block(&self, from: &str, to: &str, what: &str) -> Result<(), LabError> {
        let (from, to) = (self.cable(from, 0)?, self.cable(to, 0)?);
        let base = "{ type filter hook forward priority 0; policy accept; }";
        nft(&from.switch, &["add", "table", "bridge", FILTER])?;
        nft(&from.switch, &["add", "chain", "bridge", FILTER, "between", base])?;
        let rule = ["add", "rule", "bridge", FILTER, "between", "iifname", &from.port, "oifname", &to.port];
        let rule = rule.into_iter().chain(what.split_ascii_whitespace()).chain(["counter", "drop"]);
        nft(&from.switch, &rule.collect::<Vec<_>>())
    }

    /// Ends all of [`Lab::block`].
    pub fn unblock(&self) -> Result<(), LabError> {
        for (_, switch) in &self.switches {
            nft(switch, &["add", "table", "bridge", FILTER])?;
            nft(switch, &["delete", "table", "bridge", FILTER])?;
        }
        Ok(())
    }

    fn cable(&self, node: &str, interface: usize) -> Result<&Cable, LabError> {
        let cable = self.cables.iter().find(|c| c.node == node && c.interface == interface);
        cable.ok_or_else(|| LabError::Unknown(node.to_owned()))
    }

    fn known(&self, name: &str) -> Result<&Node, LabError> {
        self.nodes.iter().find(|n| n.name() == name).ok_or_else(|| LabError::Unknown(name.to_owned()))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in &self.nodes {
            remove(node.netns());
        }
        for (_, netns) in &self.switches {
            remove(netns);
        }
    }
}
