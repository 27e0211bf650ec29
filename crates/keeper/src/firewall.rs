//! What the firewall does for us: packets to the addresses of instances that do not accept them (`no_accept`, strict mode) are
//! dropped, and interfaces of virtual MACs say nothing of groups by themselves. The rules stand while we run: a rule for an
//! address that is not here meets no packet.

use std::net::IpAddr;

use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_sys::child::Spawn;

use crate::vmac::Vmacs;

/// Rules of iptables are told from others by nothing: they are removed as they were added, so they are kept.
#[derive(Debug, Default)]
pub(crate) struct Firewall {
    /// Commands that undo what was done, in order.
    undo: Vec<Spawn>,
    /// What stands now.
    standing: Option<Wanted>,
}

/// What the rules are made of.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Wanted {
    how: How,
    closed: Vec<IpAddr>,
    /// Names of our interfaces, with those below.
    vmacs: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    Nftables { table: String, priority: i32, counters: bool },
    Iptables { input: String, output: Option<String>, sets: Option<Vec<String>> },
}

impl Default for How {
    fn default() -> Self {
        // keepalived.conf(5): nftables where nothing is said, table `keepalived`, priority -1.
        How::Nftables { table: "keepalived".into(), priority: -1, counters: false }
    }
}

impl Firewall {
    /// The commands that bring the rules from what stands to what the plan wants. Empty: nothing to do.
    pub(crate) fn change(
        &mut self,
        plan: &KeeperPlan,
        vmacs: &Vmacs,
        name: &dyn Fn(u32) -> Option<String>,
    ) -> Vec<Spawn> {
        let wanted = wanted(plan, vmacs, name);
        if self.standing.as_ref().map_or(wanted.is_empty(), |standing| *standing == wanted) {
            return Vec::new();
        }
        let mut commands = std::mem::take(&mut self.undo);
        self.standing = None;
        if !wanted.is_empty() {
            let (set, undo) = wanted.commands();
            commands.extend(set);
            self.undo = undo;
            self.standing = Some(wanted);
        }
        commands
    }

    /// The commands that remove everything.
    pub(crate) fn clear(&mut self) -> Vec<Spawn> {
        self.standing = None;
        std::mem::take(&mut self.undo)
    }
}

fn wanted(plan: &KeeperPlan, vmacs: &Vmacs, name: &dyn Fn(u32) -> Option<String>) -> Wanted {
    let mut closed = Vec::new();
    for (conf, instance) in plan.node.instances.iter().zip(&plan.instances) {
        if !conf.accept && !conf.priority.is_owner() {
            closed.extend(crate::holdings::addresses(instance).map(|a| a.ip));
        }
    }
    closed.sort_unstable();
    closed.dedup();
    let vmacs = vmacs.names().filter_map(|(own, lower)| Some((own.to_owned(), name(lower)?))).collect();
    let firewall = &plan.global.firewall;
    let how = match (&firewall.nftables, &firewall.iptables) {
        (None, Some(chains)) => How::Iptables {
            input: chains.first().cloned().unwrap_or_else(|| "INPUT".into()),
            output: match chains.len() {
                0 => Some("OUTPUT".into()),
                1 => None,
                _ => chains.get(1).cloned(),
            },
            sets: firewall.ipsets.clone(),
        },
        (table, _) => How::Nftables {
            table: table.clone().filter(|t| !t.is_empty()).unwrap_or_else(|| "keepalived".into()),
            priority: firewall.nftables_priority.unwrap_or(-1),
            counters: firewall.nftables_counters,
        },
    };
    Wanted { how, closed, vmacs }
}

fn command(program: &str, words: &[&str]) -> Spawn {
    let args = std::iter::once(program).chain(words.iter().copied()).map(str::to_owned).collect();
    Spawn { args, user: None, umask: None }
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.vmacs.is_empty()
    }

    /// What sets it, and what undoes that.
    fn commands(&self) -> (Vec<Spawn>, Vec<Spawn>) {
        match &self.how {
            How::Nftables { table, priority, counters } => {
                let text = self.nft(table, *priority, *counters);
                let undo = format!("delete table ip {table}; delete table ip6 {table}");
                (vec![command("nft", &[&text])], vec![command("nft", &[&undo])])
            }
            How::Iptables { input, output, sets } => self.iptables(input, output.as_deref(), sets.as_deref()),
        }
    }

    /// One transaction: an older table of the same name, left by a killed run, is replaced.
    fn nft(&self, table: &str, priority: i32, counters: bool) -> String {
        let counter = if counters { "counter " } else { "" };
        let mut text = String::new();
        for family in ["ip", "ip6"] {
            text += &format!("add table {family} {table}\ndelete table {family} {table}\n");
            text += &format!("table {family} {table} {{\n");
            let v6 = family == "ip6";
            let closed: Vec<String> =
                self.closed.iter().filter(|ip| ip.is_ipv6() == v6).map(IpAddr::to_string).collect();
            let hook = |name: &str| {
                format!("chain {name} {{\ntype filter hook {name}put priority {priority}; policy accept;\n")
            };
            let mut input = hook("in");
            let mut output = hook("out");
            if !closed.is_empty() {
                let kind = if v6 { "ipv6_addr" } else { "ipv4_addr" };
                text += &format!("set vips {{\ntype {kind}\nelements = {{ {} }}\n}}\n", closed.join(", "));
                if v6 {
                    // Neighbours must find us all the same.
                    input += &format!(
                        "icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 daddr @vips {counter}accept\n"
                    );
                    output += &format!(
                        "icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} ip6 saddr @vips {counter}accept\n"
                    );
                }
                input += &format!("{family} daddr @vips {counter}drop\n");
                if v6 {
                    // An IPv4 address may be chosen as the source of any connection of this host.
                    output += &format!("{family} saddr @vips {counter}drop\n");
                }
            }
            if !self.vmacs.is_empty() {
                let map: Vec<String> =
                    self.vmacs.iter().map(|(own, lower)| format!("\"{own}\" : \"{lower}\"")).collect();
                text += &format!(
                    "map vmac_map {{\ntype iface_index : iface_index\nelements = {{ {} }}\n}}\n",
                    map.join(", ")
                );
                if v6 {
                    let names: Vec<String> = self.vmacs.iter().map(|(own, _)| format!("\"{own}\"")).collect();
                    let names = names.join(", ");
                    output += &format!(
                        "icmpv6 type mld2-listener-report meta oifkind \"macvlan\" {counter}dup to ip6 daddr device oif \
                         map @vmac_map drop\n"
                    );
                    output += &format!("icmpv6 type nd-router-solicit oif {{ {names} }} {counter}drop\n");
                } else {
                    output += &format!(
                        "ip protocol igmp meta oifkind \"macvlan\" {counter}dup to ip daddr device oif map @vmac_map drop\n"
                    );
                }
            }
            text += &format!("{input}}}\n{output}}}\n}}\n");
        }
        text
    }

    fn iptables(
        &self,
        input: &str,
        output: Option<&str>,
        sets: Option<&[String]>,
    ) -> (Vec<Spawn>, Vec<Spawn>) {
        let (mut set, mut undo) = (Vec::new(), Vec::new());
        let mut rule = |program: &str, chain: &str, words: &[&str], at_end: bool| {
            let add = if at_end { "-A" } else { "-I" };
            set.push(command(program, &[&["-w", add, chain], words].concat()));
            undo.push(command(program, &[&["-w", "-D", chain], words].concat()));
        };
        if let Some(names) = sets {
            let first = names.first().cloned().unwrap_or_else(|| "keepalived".into());
            let second = names.get(1).cloned().unwrap_or_else(|| format!("{first}6"));
            let mut made = Vec::new();
            let mut gone = Vec::new();
            for (name, family, v6) in [(&first, "inet", false), (&second, "inet6", true)] {
                made.push(command("ipset", &["create", name, "hash:ip", "family", family, "-exist"]));
                made.push(command("ipset", &["flush", name]));
                for ip in self.closed.iter().filter(|ip| ip.is_ipv6() == v6) {
                    made.push(command("ipset", &["add", name, &ip.to_string(), "-exist"]));
                }
                gone.push(command("ipset", &["destroy", name]));
                let program = if v6 { "ip6tables" } else { "iptables" };
                if v6 {
                    for kind in ["135", "136"] {
                        let words =
                            ["-p", "icmpv6", "--icmpv6-type", kind, "-m", "set", "--match-set", name, "dst"];
                        rule(program, input, &[&words[..], &["-j", "ACCEPT"]].concat(), true);
                    }
                }
                rule(program, input, &["-m", "set", "--match-set", name, "dst", "-j", "DROP"], true);
                if let Some(output) = output {
                    rule(program, output, &["-m", "set", "--match-set", name, "src", "-j", "DROP"], true);
                }
            }
            made.extend(set);
            undo.extend(gone);
            return (made, undo);
        }
        for ip in &self.closed {
            let text = ip.to_string();
            let program = if ip.is_ipv6() { "ip6tables" } else { "iptables" };
            rule(program, input, &["-d", &text, "-j", "DROP"], false);
            if let Some(output) = output {
                rule(program, output, &["-s", &text, "-j", "DROP"], false);
            }
            if ip.is_ipv6() {
                for kind in ["135", "136"] {
                    let words = ["-d", &text, "-p", "icmpv6", "--icmpv6-type", kind, "-j", "ACCEPT"];
                    rule(program, input, &words, false);
                }
            }
        }
        (set, undo)
    }
}
