//! Two nodes of one cluster side by side: what is legal in each file alone and wrong as a pair. Pure: both plans are handed
//! in, with what is known of the machines; what comes back names the two places and the remedy.
//!
//! - [`finding`]: what a finding is
//! - `matching`: which instance of one node stands for which of the other
//! - `protocol`: what makes adverts of one node worthless to the other
//! - `election`: who wins when, and whether a failure can change it
//! - `machine`: addresses, scripts and names of the nodes themselves

mod election;
pub mod finding;
mod machine;
mod matching;
mod protocol;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use evenkeel_plan::keeper::{InstancePlan, KeeperPlan};
use evenkeel_vrrp::InstanceConf;
use evenkeel_vrrp::conf::InstanceId;

pub use finding::{Finding, Node, Spot};

/// One node.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// How people call it: the folder or file that it was read from.
    pub name: &'a str,
    /// What its file asks for.
    pub plan: &'a KeeperPlan,
    /// What a script file says, where it can be read.
    pub script: &'a dyn Fn(&str) -> Option<String>,
    /// Addresses with prefix lengths that an interface is known to have beside those of the file.
    pub interface: &'a dyn Fn(&str) -> Vec<(IpAddr, u8)>,
}

/// An instance with all that is said of it.
#[derive(Clone, Copy)]
struct Instance<'a> {
    node: Node,
    side: &'a Side<'a>,
    conf: &'a InstanceConf,
    plan: &'a InstancePlan,
}

impl<'a> Side<'a> {
    fn instances(&'a self, node: Node) -> impl Iterator<Item = Instance<'a>> {
        let both = self.plan.node.instances.iter().zip(&self.plan.instances);
        both.map(move |(conf, plan)| Instance { node, side: self, conf, plan })
    }
}

impl<'a> Instance<'a> {
    /// The place of a keyword, or of the block where it is not said.
    fn spot(&self, keyword: &str) -> Spot {
        Spot::new(self.node, self.plan.places.of(keyword).unwrap_or(self.plan.span))
    }

    /// The same on `other`'s side, as a label.
    fn beside(&self, keyword: &str, text: impl Into<String>) -> (Spot, String) {
        (self.spot(keyword), text.into())
    }

    fn is(&self, side: &Side<'_>, id: InstanceId) -> bool {
        side.plan.node.instances.get(id.0 as usize).is_some_and(|conf| std::ptr::eq(conf, self.conf))
    }
}

/// Everything that is wrong with the pair, in the order of the first file.
pub fn compare(a: &Side<'_>, b: &Side<'_>) -> Vec<Finding> {
    let pairing = matching::pair_up(a, b);
    let mut findings = pairing.alone;
    for (one, other) in &pairing.pairs {
        findings.extend(protocol::check(one, other));
        findings.extend(election::check(one, other));
    }
    findings.extend(matching::groups(a, b, &pairing.pairs));
    findings.extend(machine::check(a, b));
    findings
}
