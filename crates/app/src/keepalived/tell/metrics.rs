//! Metrics in Prometheus' text format, for `evenkeel status --metrics` and a textfile collector.

use std::fmt::Write;

use super::{InstanceShot, Shot};

/// All of them.
pub(crate) fn text(shot: &Shot) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: &[(String, String)]| {
        if rows.is_empty() {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP evenkeel_vrrp_{name} {help}\n# TYPE evenkeel_vrrp_{name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(out, "evenkeel_vrrp_{name}{labels} {value}");
        }
    };
    let each = |value: &dyn Fn(&InstanceShot) -> Option<String>| -> Vec<(String, String)> {
        shot.instances.iter().filter_map(|i| Some((labels(i, &[]), value(i)?))).collect()
    };
    family(
        "state",
        "gauge",
        "State of the instance: 0 init, 1 backup, 2 master, 3 fault.",
        &each(&|i| Some(i.state.number().to_string())),
    );
    family(
        "state_seconds",
        "gauge",
        "Time in this state.",
        &each(&|i| Some(i.since.as_secs_f64().to_string())),
    );
    family("priority", "gauge", "Priority that is announced.", &each(&|i| Some(i.priority.to_string())));
    family(
        "addresses_held",
        "gauge",
        "Whether the addresses are set here.",
        &each(&|i| Some(u8::from(i.held).to_string())),
    );
    family(
        "last_advert_seconds",
        "gauge",
        "Time since the last advert of another router.",
        &each(&|i| i.peer.as_ref().map(|peer| peer.ago.as_secs_f64().to_string())),
    );
    let doubts: Vec<(String, String)> = shot
        .instances
        .iter()
        .flat_map(|i| i.doubts.iter().map(|d| (labels(i, &[("kind", d.kind)]), "1".to_string())))
        .collect();
    family("doubt", "gauge", "Something is wrong with the election (split brain).", &doubts);
    let names: Vec<&'static str> = shot
        .instances
        .first()
        .map(|i| i.counters.iter().map(|(name, _)| *name).collect())
        .unwrap_or_default();
    for name in names {
        let rows: Vec<(String, String)> = shot
            .instances
            .iter()
            .filter_map(|i| {
                let (_, value) = i.counters.iter().find(|(known, _)| *known == name)?;
                Some((labels(i, &[]), value.to_string()))
            })
            .collect();
        family(&format!("{name}_total"), "counter", &format!("Count of {}.", name.replace('_', " ")), &rows);
    }
    let tracks: Vec<(String, String)> = shot
        .tracks
        .iter()
        .filter_map(|track| {
            let labels = format!("{{track=\"{}\",kind=\"{}\"}}", escape(&track.name), track.kind);
            Some((labels, u8::from(track.up?).to_string()))
        })
        .collect();
    family("track_up", "gauge", "Whether a tracked thing is well.", &tracks);
    for (name, value) in &shot.counters {
        let rows = [(String::new(), value.to_string())];
        family(
            &format!("keeper_{name}_total"),
            "counter",
            &format!("Count of {}.", name.replace('_', " ")),
            &rows,
        );
    }
    let latest = [(String::new(), shot.latest.as_secs_f64().to_string())];
    family("timer_latest_seconds", "gauge", "Longest time from a timer's end to its turn.", &latest);
    let uptime = [(String::new(), shot.uptime.as_secs().to_string())];
    family("uptime_seconds", "gauge", "Time since the VRRP process started.", &uptime);
    out
}

fn labels(i: &InstanceShot, more: &[(&str, &str)]) -> String {
    let mut out = format!(
        "{{instance=\"{}\",interface=\"{}\",vrid=\"{}\"",
        escape(&i.name),
        escape(&i.interface),
        i.vrid
    );
    for (name, value) in more {
        let _ = write!(out, ",{name}=\"{}\"", escape(value));
    }
    out.push('}');
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_family_has_one_head() {
        let mut shot = sample::shot();
        shot.instances[1].name = "a\"b".into();
        let text = text(&shot);
        for line in [
            "evenkeel_vrrp_state{instance=\"VI_1\",interface=\"eth0\",vrid=\"51\"} 2",
            "evenkeel_vrrp_state{instance=\"a\\\"b\",interface=\"eth1\",vrid=\"51\"} 3",
            "evenkeel_vrrp_doubt{instance=\"VI_1\",interface=\"eth0\",vrid=\"51\",kind=\"other-master\"} 1",
            "evenkeel_vrrp_adverts_sent_total{instance=\"VI_1\",interface=\"eth0\",vrid=\"51\"} 7",
            "evenkeel_vrrp_track_up{track=\"chk\",kind=\"script\"} 1",
            "evenkeel_vrrp_uptime_seconds 273660",
            "evenkeel_vrrp_keeper_packets_sent_total 9",
            "evenkeel_vrrp_timer_latest_seconds 0.0015",
        ] {
            assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line}\n{text}");
        }
        let heads: Vec<&str> = text.lines().filter(|l| l.starts_with("# TYPE")).collect();
        for (n, head) in heads.iter().enumerate() {
            assert!(!heads[..n].contains(head), "{head} twice");
        }
    }
}
