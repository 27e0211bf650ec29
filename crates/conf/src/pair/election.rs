//! Who wins, and whether a tracked failure can change that.

use evenkeel_vrrp::conf::{TrackKind, TrackUse, WantedState};

use super::Instance;
use super::finding::Finding;

pub(super) fn check(one: &Instance<'_>, other: &Instance<'_>) -> Vec<Finding> {
    let (x, y) = (one.conf.priority, other.conf.priority);
    let mut findings = Vec::new();
    findings.extend(equal(one, other));
    findings.extend([one, other].into_iter().filter_map(owner_weights));
    if x == y || x.is_owner() || y.is_owner() {
        return findings;
    }
    let (best, next) = if well(one) >= well(other) { (one, other) } else { (other, one) };
    findings.extend(best.conf.tracks.iter().filter_map(|used| stays(best, next, used)));
    findings
}

fn equal(one: &Instance<'_>, other: &Instance<'_>) -> Option<Finding> {
    let priority = one.conf.priority.get();
    if one.conf.priority != other.conf.priority {
        return None;
    }
    let masters = one.conf.state == WantedState::Master && other.conf.state == WantedState::Master;
    let there = other.beside("priority", "the same here");
    let at = one.spot("priority");
    let help = format!("Give one node a lower priority, such as {}.", priority.saturating_sub(10).max(1));
    Some(if masters {
        let message = format!(
            "{}: both nodes are `state MASTER` with priority {priority}: both take the addresses at the start",
            one.conf.name
        );
        Finding::error("both-master", message, at, help).also(there)
    } else {
        let message = format!(
            "{}: both nodes have priority {priority}: who wins is left to their addresses",
            one.conf.name
        );
        Finding::warning("equal-priority", message, at, help).also(there)
    })
}

/// An owner's priority never changes (RFC 9568 §6.1), so a weight on it does nothing.
fn owner_weights(of: &Instance<'_>) -> Option<Finding> {
    let used = of.conf.tracks.iter().find(|used| of.conf.priority.is_owner() && used.weight != 0)?;
    let name = name(of, used);
    Some(Finding::warning(
        "owner-weight",
        format!(
            "{}: {} owns the addresses (priority 255): the weight of {name} changes nothing",
            of.conf.name, of.side.name
        ),
        of.spot(&format!("weight/{name}")),
        "Use a priority below 255, or `weight 0` (fault).",
    ))
}

/// The priority while all is well.
fn well(of: &Instance<'_>) -> i32 {
    priority(of, None)
}

/// The priority while all is well but `failed`. A file's value is not known here: it counts as 0.
fn priority(of: &Instance<'_>, failed: Option<&TrackUse>) -> i32 {
    let base = i32::from(of.conf.priority.get());
    if !weights_count(of) {
        return base;
    }
    let sum: i32 = of
        .conf
        .tracks
        .iter()
        .filter(|used| plain(of, used))
        .map(|used| {
            let bad = failed.is_some_and(|f| f.track == used.track);
            match (used.weight > 0, bad) {
                (true, false) | (false, true) => used.weight,
                (true, true) | (false, false) => 0,
            }
        })
        .sum();
    base.saturating_add(sum).clamp(1, 254)
}

/// In a sync group members' weights count only with `sync_group_tracking_weight` (manual, vrrp_sync_group).
fn weights_count(of: &Instance<'_>) -> bool {
    let groups = &of.side.plan.node.groups;
    of.conf.group.is_none_or(|id| groups.get(id.0 as usize).is_none_or(|group| group.tracking_weight))
}

fn plain(of: &Instance<'_>, used: &TrackUse) -> bool {
    let kind = of.side.plan.node.tracks.get(used.track.0 as usize).map(|track| &track.kind);
    !used.reverse && !matches!(kind, Some(TrackKind::File))
}

fn name(of: &Instance<'_>, used: &TrackUse) -> String {
    let track = of.side.plan.node.tracks.get(used.track.0 as usize);
    track.map(|track| track.name.clone()).unwrap_or_default()
}

/// The failure of `used` on the master leaves the addresses where they are.
fn stays(best: &Instance<'_>, next: &Instance<'_>, used: &TrackUse) -> Option<Finding> {
    if used.weight == 0 || !plain(best, used) {
        return None;
    }
    let (name, instance) = (name(best, used), &best.conf.name);
    let spot = best.spot(&format!("weight/{name}"));
    if !weights_count(best) {
        return Some(Finding::warning(
            "group-weight",
            format!(
                "{instance} is in a sync group: the weight {} of {name} changes nothing, its failure is a fault",
                used.weight
            ),
            spot,
            "Write `weight 0`, or `sync_group_tracking_weight` in the group.",
        ));
    }
    let (before, after, rival) = (well(best), priority(best, Some(used)), well(next));
    if !next.conf.preempt {
        return Some(
            Finding::error(
                "failure-cannot-move-vip",
                format!(
                    "if {name} fails on {}, {instance} stays there: {} has `nopreempt` and does not take over from a master that still speaks",
                    best.side.name, next.side.name
                ),
                spot,
                "Use `weight 0` (fault) on both nodes: a node in fault is silent.",
            )
            .also(next.beside("nopreempt", "nopreempt here")),
        );
    }
    // RFC 9568 §6.4.2: a backup leaves an advert of its own priority alone, so equal is not enough.
    (after >= rival).then(|| {
        let sum = format!("{before} − {} = {after}", before - after);
        let above = if after == rival { "is not below" } else { "is still above" };
        let need = before - rival + 1;
        let hint = if used.weight < 0 {
            format!("a weight of -{need} or lower")
        } else {
            format!("a weight of {} or higher", used.weight.saturating_add(after - rival + 1))
        };
        Finding::error(
            "failure-cannot-move-vip",
            format!("if {name} fails on {}, {instance} stays there: {sum} {above} {rival}", best.side.name),
            spot,
            format!("Use {hint}, or `weight 0` (fault), on both nodes."),
        )
        .also(next.beside("priority", format!("priority {} here", next.conf.priority.get())))
    })
}
