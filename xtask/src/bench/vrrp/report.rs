//! The page, from the pieces that were measured.

use std::path::Path;

use super::Keeper;
use super::gaps::{self, Event, PACES, Pace, Sample};
use super::scale::{self, Found, INSTANCES};
use crate::bench::{facts, median};

/// Two questions of the client: what is closer than that is the same.
const RESOLUTION_MS: f64 = 4.0;
/// What issue and manuals call fast at 10 ms: link down, TERM.
const GOALS: &[(&str, Event, f64)] = &[("v3-10ms", Event::LinkDown, 35.0), ("v3-10ms", Event::Term, 8.0)];

/// The whole page.
pub(super) fn document(folder: &Path) -> String {
    let read = |piece: &str| std::fs::read_to_string(folder.join(format!("{piece}.tsv"))).unwrap_or_default();
    let mut tables = String::new();
    for pace in PACES {
        tables.push_str(&table(pace, &gaps::from_text(&read(pace.piece))));
    }
    let scale = scale_table(&scale::from_text(&read(scale::PIECE)));
    format!(
        "# Floating addresses, measured

Written by `cargo xtask bench vrrp` as measured, good or bad.

{facts}
Two machines made of namespaces, the same program on both, priorities 150 and 100; a third one asks the floating address
every 2 ms who is there. Something happens to the master, and then:

* *silence* is the longest time that the client had no answer;
* *answers* is the time from the event to the first answer of the other node. A master that is killed, filtered or whose
  script fails goes on answering for a while, so that silence alone says little there;
* *never* is an answer that did not come: the master whose adverts are filtered lives, and defends the address;
* *two* is the time from the event to when the address was on both nodes for the last time; – is never, ∞ is for good.

Medians, in milliseconds, with the lowest and the highest in parentheses. A row is *reached* if neither silence nor answers is
more than {RESOLUTION_MS:.0} ms (two questions) above Keepalived's, the goals are met, and no two nodes hold the address for good.
{tables}{scale}"
        , facts = facts(&[("Keepalived", "keepalived", "--version")]),
    )
}

fn table(pace: &Pace, samples: &[Sample]) -> String {
    if samples.is_empty() {
        return format!("\n## {}\n\nNot measured yet.\n", pace.title);
    }
    let mut out = format!(
        "\n## {}\n\n| what happens | Keepalived silence | answers | two | Evenkeel silence | answers | two | goal | |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---|\n",
        pace.title
    );
    for event in Event::ALL {
        let of = |keeper| -> Vec<Sample> {
            samples.iter().filter(|s| s.event == event && s.keeper == keeper).copied().collect()
        };
        let (theirs, ours) = (of(Keeper::Keepalived), of(Keeper::Evenkeel));
        let goal = GOALS.iter().find(|(piece, e, _)| *piece == pace.piece && *e == event).map(|(_, _, g)| *g);
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            event.name(),
            cells(&theirs),
            cells(&ours),
            goal.map_or("–".to_owned(), |g| format!("≤ {g:.0}")),
            verdict(&theirs, &ours, goal)
        ));
    }
    out
}

fn cells(samples: &[Sample]) -> String {
    let column = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<f64>>();
    let two = match median(column(|s| s.both_until)) {
        0.0 => "–".to_owned(),
        endless if endless.is_infinite() => "∞".to_owned(),
        until => format!("{until:.0}"),
    };
    format!("{} | {} | {two}", spread(&column(|s| s.silence)), spread(&column(|s| s.takeover)))
}

fn spread(values: &[f64]) -> String {
    if values.is_empty() {
        return "–".to_owned();
    }
    let middle = median(values.to_vec());
    if middle.is_infinite() {
        return "**never**".to_owned();
    }
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let most = if most.is_infinite() { "never".to_owned() } else { format!("{most:.0}") };
    format!("**{middle:.0}** ({least:.0}–{most})")
}

fn verdict(theirs: &[Sample], ours: &[Sample], goal: Option<f64>) -> &'static str {
    if ours.is_empty() || theirs.is_empty() {
        return "–";
    }
    let middle = |samples: &[Sample], of: fn(&Sample) -> f64| median(samples.iter().map(of).collect());
    let slower = |of: fn(&Sample) -> f64| middle(ours, of) > middle(theirs, of) + RESOLUTION_MS;
    // Where the master lives and is only not heard, nobody need take over from it.
    let must_move = ours.iter().any(|s| s.event != Event::Filtered);
    let over = goal.is_some_and(|goal| middle(ours, |s| s.silence) > goal);
    let split = ours.iter().any(|s| s.both_until.is_infinite());
    if slower(|s| s.silence) || must_move && slower(|s| s.takeover) || over || split {
        "missed"
    } else {
        "reached"
    }
}

fn scale_table(found: &[Found]) -> String {
    let mut out = format!("\n## {INSTANCES} instances at 0.1 s\n\n");
    if found.is_empty() {
        return out + "Not measured yet.\n";
    }
    out.push_str(
        "The master's process has one core, the backup's and the capture the other one. 10 s are looked at: adverts that are \
         missing by the gaps between those that came, transitions of the backup, processor time (of one core) and resident \
         memory of all processes.\n\n| |",
    );
    for f in found {
        out.push_str(&format!(" {} |", f.keeper.name()));
    }
    out.push_str("\n|---|");
    out.push_str(&"---:|".repeat(found.len()));
    type Row = (&'static str, fn(&Found) -> String);
    let rows: &[Row] = &[
        ("instances heard", |f| format!("{:.0}", f.seen)),
        ("adverts in 10 s", |f| format!("{:.0}", f.adverts)),
        ("missing adverts", |f| format!("{:.0}", f.missed)),
        ("longest gap, ms", |f| format!("{:.1}", f.longest_gap_ms)),
        ("transitions of the backup", |f| format!("{:.0}", f.flaps)),
        ("master, % of a core", |f| format!("{:.1}", f.master_cpu)),
        ("backup, % of a core", |f| format!("{:.1}", f.backup_cpu)),
        ("master, MiB", |f| format!("{:.1}", f.master_mib)),
        ("backup, MiB", |f| format!("{:.1}", f.backup_mib)),
        ("all addresses there after, s", |f| format!("{:.1}", f.start_s)),
    ];
    for (name, value) in rows {
        out.push_str(&format!("\n| {name} |"));
        for f in found {
            out.push_str(&format!(" {} |", value(f)));
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_reached_only_if_nothing_is_worse() {
        let sample = |silence, takeover, both_until| Sample {
            event: Event::Term,
            keeper: Keeper::Evenkeel,
            silence,
            takeover,
            both_until,
        };
        let theirs = [sample(10.0, 10.0, 0.0)];
        for (ours, goal, want) in [
            (sample(14.0, 14.0, 0.0), None, "reached"),
            (sample(15.0, 10.0, 0.0), None, "missed"),
            (sample(10.0, 15.0, 0.0), None, "missed"),
            (sample(10.0, 10.0, 50.0), None, "reached"),
            (sample(10.0, 10.0, f64::INFINITY), None, "missed"),
            (sample(10.0, 10.0, 0.0), Some(8.0), "missed"),
        ] {
            assert_eq!(verdict(&theirs, &[ours], goal), want, "{ours:?}");
        }
        assert_eq!(verdict(&theirs, &[], None), "–");
    }
}
