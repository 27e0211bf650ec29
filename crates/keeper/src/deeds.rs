//! The brain's outputs, carried out.

use evenkeel_base::Instant;
use evenkeel_plan::keeper::KeeperPlan;
use evenkeel_vrrp::conf::InstanceId;
use evenkeel_vrrp::{Input, Node, Notice, Output, Subject};

use crate::control::{LogLevel, Told};
use crate::hands::Hands;
use crate::holdings::{Failure, Holding, Tools};
use crate::path;

/// Something that somebody takes away again and again is set again so often within a minute before it counts as lost.
const RESTORED_MAX: u32 = 20;
const RESTORED_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// Carries out everything that the brain wants. `next` is the plan that comes into force at [`Output::Reloaded`].
pub(crate) fn drain(
    hands: &mut Hands,
    node: &mut Node,
    plan: &mut KeeperPlan,
    next: &mut Option<Box<KeeperPlan>>,
    now: Instant,
) {
    while let Some(output) = node.poll() {
        match output {
            Output::Send(packet) => path::send(hands, &packet),
            Output::Take { instance, lease } => {
                let failures = with(hands, plan, instance, |h, tools| h.take(tools, instance, lease));
                report(hands, node, instance, failures, now);
            }
            Output::Refresh { instance, lease } => {
                let failures = with(hands, plan, instance, |h, tools| h.refresh(tools, instance, lease));
                report(hands, node, instance, failures, now);
            }
            Output::Release(instance) => release(hands, plan, instance),
            Output::Announce { instance, repeat } => {
                hands.announce(plan, instance, repeat);
                hands.announcer.on_time(now);
            }
            Output::Notify(notice) => tell(hands, plan, &notice),
            Output::RunScript(track) => {
                if let Some(outcome) = hands.notifier.run_track(plan, track) {
                    node.handle(Input::ScriptEnded { track, outcome }, now);
                }
            }
            Output::KillScript(track) => hands.notifier.kill_track(plan, track),
            Output::Probe { interface, address } => hands.probe(interface, address),
            Output::Reloaded => {
                if let Some(next) = next.take() {
                    crate::reload::swap(hands, plan, *next, now);
                }
            }
            Output::Log(event) => {
                let level = match (event.is_trouble(), event.is_detail()) {
                    (true, _) => LogLevel::Warning,
                    (false, true) => LogLevel::Detail,
                    (false, false) => LogLevel::Info,
                };
                hands.log(level, &event.to_string());
            }
        }
    }
}

/// Likewise at the end, for who keeps what it has.
pub(crate) fn drain_but_release(hands: &mut Hands, node: &mut Node, plan: &KeeperPlan) {
    while let Some(output) = node.poll() {
        match output {
            Output::Send(packet) => path::send(hands, &packet),
            Output::Notify(notice) => tell(hands, plan, &notice),
            Output::Log(event) => hands.log(LogLevel::Info, &event.to_string()),
            Output::KillScript(track) => hands.notifier.kill_track(plan, track),
            Output::Take { .. }
            | Output::Refresh { .. }
            | Output::Release(_)
            | Output::Announce { .. }
            | Output::RunScript(_)
            | Output::Probe { .. }
            | Output::Reloaded => {}
        }
    }
}

/// Does something with an instance's holding.
pub(crate) fn with(
    hands: &mut Hands,
    plan: &KeeperPlan,
    id: InstanceId,
    f: impl FnOnce(&mut Holding, &mut Tools<'_>) -> Vec<Failure>,
) -> Vec<Failure> {
    let n = id.0 as usize;
    let Some(holding) = hands.holdings.get_mut(n) else { return Vec::new() };
    let mut holding = std::mem::take(holding);
    let (indexes, vmacs) = (&hands.indexes, &hands.vmacs);
    let index = |i: evenkeel_vrrp::conf::InterfaceId| indexes.get(i.0 as usize).copied().flatten();
    let place = |id: InstanceId, address: &evenkeel_plan::keeper::Address| {
        vmacs.place(plan, id, address).or_else(|| index(address.interface)).filter(|index| *index != 0)
    };
    let mut tools = Tools { rtnl: &mut hands.rtnl, links: &hands.links, plan, index: &index, place: &place };
    let failures = f(&mut holding, &mut tools);
    if let Some(back) = hands.holdings.get_mut(n) {
        *back = holding;
    }
    failures
}

fn report(hands: &mut Hands, node: &mut Node, id: InstanceId, failures: Vec<Failure>, now: Instant) {
    for failure in &failures {
        hands.log(LogLevel::Warning, &format!("cannot set {failure}"));
    }
    if let Some(first) = failures.iter().find(|f| !f.no_track) {
        node.handle(Input::AddressFailed(id, &first.to_string()), now);
    }
}

pub(crate) fn release(hands: &mut Hands, plan: &KeeperPlan, id: InstanceId) {
    let failures = with(hands, plan, id, |h, tools| h.release(tools, id));
    for failure in failures {
        hands.log(LogLevel::Warning, &format!("cannot remove {failure}"));
    }
    let Some(instance) = plan.instances.get(id.0 as usize) else { return };
    let gone: std::collections::BTreeSet<_> = crate::holdings::addresses(instance).map(|a| a.ip).collect();
    hands.announcer.forget(|one| gone.contains(&one.ip));
}

/// Something of an instance may be gone: what is held is set again; if that fails, it is lost.
pub(crate) fn look_after(
    hands: &mut Hands,
    node: &mut Node,
    plan: &KeeperPlan,
    id: InstanceId,
    now: Instant,
) {
    let Some(holding) = hands.holdings.get_mut(id.0 as usize) else { return };
    if !holding.held {
        return;
    }
    if now.since(holding.restored_since) > RESTORED_WITHIN {
        holding.restored_since = now;
        holding.restored = 0;
    }
    holding.restored += 1;
    let (lease, times) = (holding.lease, holding.restored);
    hands.counters.restored += 1;
    let name = plan.node.instances.get(id.0 as usize).map_or("", |i| i.name.as_str()).to_owned();
    if times > RESTORED_MAX {
        let text = format!(
            "({name}) an address, route or rule was taken away {times} times within a minute: giving up"
        );
        hands.log(LogLevel::Error, &text);
        node.handle(Input::Lost(id), now);
        return;
    }
    hands.log(LogLevel::Warning, &format!("({name}) an address, route or rule was taken away; set again"));
    let failures = with(hands, plan, id, |h, tools| h.take(tools, id, lease));
    let lost = failures.iter().any(|f| !f.no_track);
    for failure in failures {
        hands.log(LogLevel::Warning, &format!("cannot set {failure}"));
    }
    if lost {
        node.handle(Input::Lost(id), now);
    } else {
        // Whoever took it may have announced it elsewhere.
        hands.announce(plan, id, 1);
    }
}

fn tell(hands: &mut Hands, plan: &KeeperPlan, notice: &Notice) {
    let found = match notice.subject {
        Subject::Instance(id) => {
            let n = id.0 as usize;
            plan.node.instances.get(n).map(|i| &i.name).zip(plan.instances.get(n).map(|p| &p.notify))
        }
        Subject::Group(id) => {
            let n = id.0 as usize;
            plan.node.groups.get(n).map(|g| &g.name).zip(plan.groups.get(n).map(|p| &p.notify))
        }
    };
    let Some((name, notify)) = found else { return };
    hands.notifier.tell(plan, notice, name, notify);
    let told = Told {
        subject: notice.subject,
        name: name.clone(),
        became: notice.became,
        priority: notice.priority,
    };
    hands.publish(&told);
}
