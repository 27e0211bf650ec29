//! KEEPALIVED-MIB: what is tracked, by whom, with which weight. Left out: weights of definitions, which are resolved where
//! they are used.

use evenkeel_plan::keeper::TrackPlan;
use evenkeel_plan::keeper::script::ParamMatch;
use evenkeel_vrrp::conf::{TrackConf, TrackId, TrackKind, TrackUse};
use evenkeel_vrrp::track::Health;
use evenkeel_vrrp::view::TrackView;

use super::facts::script;
use super::rows::{Table, index};
use super::{Facts, KEEPALIVED, Rows};

/// A kind of tracked things, with its tables.
#[derive(Clone, Copy)]
struct Kind {
    is: fn(&TrackKind) -> bool,
    by_instances: u32,
    by_groups: u32,
}

const SCRIPTS: Kind =
    Kind { is: |kind| matches!(kind, TrackKind::Script { .. }), by_instances: 5, by_groups: 15 };
const FILES: Kind = Kind { is: |kind| matches!(kind, TrackKind::File), by_instances: 12, by_groups: 16 };
const BFDS: Kind = Kind { is: |kind| matches!(kind, TrackKind::Bfd), by_instances: 17, by_groups: 19 };
const PROCESSES: Kind =
    Kind { is: |kind| matches!(kind, TrackKind::Process { .. }), by_instances: 20, by_groups: 22 };

pub(super) fn fill(facts: &Facts<'_>, rows: &mut Rows) {
    for kind in [SCRIPTS, FILES, BFDS, PROCESSES] {
        let mut table = Table::new(rows, KEEPALIVED, &[2, kind.by_instances, 1]);
        for (n, instance) in facts.plan.node.instances.iter().enumerate() {
            named(facts, &mut table, n, &instance.tracks, kind);
        }
        let mut table = Table::new(rows, KEEPALIVED, &[2, kind.by_groups, 1]);
        for (n, group) in facts.plan.node.groups.iter().enumerate() {
            named(facts, &mut table, n, &group.tracks, kind);
        }
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 4, 1]);
    for (n, instance) in facts.plan.node.instances.iter().enumerate() {
        interfaces(facts, &mut table, n, &instance.tracks);
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 14, 1]);
    for (n, group) in facts.plan.node.groups.iter().enumerate() {
        interfaces(facts, &mut table, n, &group.tracks);
    }
    definitions(facts, rows);
}

fn conf<'a>(facts: &Facts<'a>, id: TrackId) -> Option<&'a TrackConf> {
    facts.plan.node.tracks.get(id.0 as usize)
}

fn named(facts: &Facts<'_>, table: &mut Table<'_>, user: usize, uses: &[TrackUse], kind: Kind) {
    let of_kind = uses.iter().filter_map(|by| Some((by, conf(facts, by.track)?)));
    for (n, (by, track)) in of_kind.filter(|(_, track)| (kind.is)(&track.kind)).enumerate() {
        let at = [index(user), index(n)];
        let mut row = table.row(&at);
        row.text(2, &track.name);
        row.integer(3, i64::from(by.weight));
        row.truth(4, by.reverse);
    }
}

fn interfaces(facts: &Facts<'_>, table: &mut Table<'_>, user: usize, uses: &[TrackUse]) {
    for by in uses {
        let Some(TrackConf { name, kind: TrackKind::Interface(id) }) = conf(facts, by.track) else {
            continue;
        };
        let at = [index(user), facts.interface_index(*id)];
        let mut row = table.row(&at);
        row.text(1, name);
        row.integer(2, i64::from(by.weight));
        row.truth(3, by.reverse);
    }
}

fn definitions(facts: &Facts<'_>, rows: &mut Rows) {
    let of = |kind: Kind| {
        let all = facts.node.view().tracks().zip(&facts.plan.tracks);
        all.filter(move |(track, _)| (kind.is)(&track.conf.kind)).enumerate()
    };
    let mut table = Table::new(rows, KEEPALIVED, &[2, 9, 1]);
    for (n, (track, plan)) in of(SCRIPTS) {
        let TrackKind::Script { interval, rise, fall, .. } = &track.conf.kind else { continue };
        let at = [index(n)];
        let mut row = table.row(&at);
        row.text(2, &track.conf.name);
        if let TrackPlan::Script(Some(plan)) = plan {
            row.text(3, &script(plan));
        }
        row.integer(4, interval.as_secs() as i64);
        // init(1), bad(2), good(3).
        row.integer(
            6,
            match track.health {
                Health::Unknown => 1,
                Health::Down => 2,
                Health::Up => 3,
            },
        );
        row.gauge(7, u64::from(*rise));
        row.gauge(8, u64::from(*fall));
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 13, 1]);
    for (n, (track, plan)) in of(FILES) {
        let at = [index(n)];
        let mut row = table.row(&at);
        row.text(2, &track.conf.name);
        if let TrackPlan::File { path, .. } = plan {
            row.text(3, path);
        }
        row.integer(4, track.value);
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 18, 1]);
    for (n, (track, _)) in of(BFDS) {
        let at = [index(n)];
        let mut row = table.row(&at);
        row.text(2, &track.conf.name);
        row.integer(3, i64::from(track.health == Health::Up));
    }
    let mut table = Table::new(rows, KEEPALIVED, &[2, 21, 1]);
    for (n, (track, plan)) in of(PROCESSES) {
        process(facts, &mut table, n, track, plan);
    }
}

fn process(facts: &Facts<'_>, table: &mut Table<'_>, n: usize, track: TrackView<'_>, plan: &TrackPlan) {
    let TrackKind::Process { fork_delay, terminate_delay } = &track.conf.kind else { return };
    let TrackPlan::Process { command, params, param_match, full_command, quorum, quorum_max } = plan else {
        return;
    };
    let at = [index(n)];
    let mut row = table.row(&at);
    row.text(2, &track.conf.name);
    row.text(3, command);
    row.text_if(4, params.as_ref().map(|params| params.join(" ")).as_deref());
    row.integer(
        5,
        match (params, param_match) {
            (None, _) => 0,
            (Some(_), ParamMatch::Exact) => 1,
            (Some(_), ParamMatch::Partial) => 2,
            (Some(_), ParamMatch::Initial) => 3,
        },
    );
    row.gauge(8, u64::from(*quorum));
    row.integer(9, quorum_max.map_or(-1, i64::from));
    row.gauge(10, fork_delay.as_micros() as u64);
    row.gauge(11, terminate_delay.as_micros() as u64);
    row.truth(12, *full_command);
    row.integer(13, facts.processes.get(&track.id).map_or(0, |count| *count as i64));
    row.truth(14, track.health == Health::Up);
}
