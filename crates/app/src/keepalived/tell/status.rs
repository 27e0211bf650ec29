//! `evenkeel status`: what runs here and what needs somebody.

use super::{InstanceShot, Shot, count, span};
use crate::keepalived::dump::State;
use crate::keepalived::dump::json::Object;

/// For people.
pub(crate) fn text(shot: &Shot) -> String {
    let needs: Vec<String> = shot.instances.iter().flat_map(InstanceShot::needs).collect();
    let mut states = Vec::new();
    for state in [State::Master, State::Backup, State::Fault, State::Init] {
        let n = shot.instances.iter().filter(|i| i.state == state).count();
        if n > 0 {
            states.push(format!("{n} {}", state.word()));
        }
    }
    let states = if states.is_empty() { "no instance".to_string() } else { states.join(", ") };
    let verdict = match needs.len() {
        0 => "nothing needs you".to_string(),
        1 => "1 thing needs you".to_string(),
        n => format!("{n} things need you"),
    };
    let mut out =
        format!("node {}   keeper running {}   {states}   {verdict}\n", shot.node, span(shot.uptime));
    for instance in &shot.instances {
        out.push_str(&one(instance));
    }
    if !needs.is_empty() {
        out.push_str(&format!("{verdict}:\n"));
        for need in needs {
            out.push_str(&format!("  {need}\n"));
        }
    }
    out
}

fn one(i: &InstanceShot) -> String {
    let place = if i.held { "here" } else { "not here" };
    let addresses = if i.addresses.is_empty() { "no address".to_string() } else { i.addresses.join(", ") };
    let mut out = format!(
        "{}   {addresses} on {}   {place}, {} since {}",
        i.name,
        i.interface,
        i.state.word(),
        span(i.since)
    );
    if let Some(group) = &i.group {
        out.push_str(&format!("   group {group}"));
    }
    out.push_str(&format!("\n    priority {}", priority(i)));
    match &i.peer {
        Some(peer) => out.push_str(&format!(
            "   last advert {} ago from {} (priority {})",
            span(peer.ago),
            peer.address,
            peer.priority
        )),
        None => out.push_str("   no advert heard"),
    }
    if let (true, Some(lease)) = (i.held, i.lease) {
        out.push_str(&format!("   lease {} s", lease.as_secs()));
    }
    out.push('\n');
    out
}

/// `102 = 100 + 2 (chk)`.
fn priority(i: &InstanceShot) -> String {
    if let Some(set) = i.parts.operator {
        return format!("{} (set by the operator to {set}, the file says {})", i.priority, i.parts.base);
    }
    if i.parts.weights.is_empty() {
        return i.priority.to_string();
    }
    let mut out = format!("{} = {}", i.priority, i.parts.base);
    for (name, weight) in &i.parts.weights {
        let sign = if *weight < 0 { '-' } else { '+' };
        out.push_str(&format!(" {sign} {} ({name})", weight.unsigned_abs()));
    }
    out
}

/// For machines.
pub(crate) fn json(shot: &Shot) -> String {
    let mut out = String::new();
    let mut o = Object::open(&mut out);
    o.text("node", &shot.node)
        .bare("pid", shot.pid)
        .bare("uptime_s", shot.uptime.as_secs())
        .objects("instances", &shot.instances, instance)
        .objects("tracks", &shot.tracks, |o, track| {
            o.text("name", &track.name).text("kind", track.kind);
            match track.up {
                Some(up) => o.bare("up", up),
                None => o.bare("up", "null"),
            };
            if let Some(value) = track.value {
                o.bare("value", value);
            }
        })
        .object("counters", |o| {
            for (name, value) in &shot.counters {
                o.bare(name, value);
            }
        })
        .bare("timer_latest_us", shot.latest.as_micros());
    o.close();
    out.push('\n');
    out
}

fn instance(o: &mut Object<'_>, i: &InstanceShot) {
    o.text("name", &i.name).text("state", i.state.word()).bare("since_ms", i.since.as_millis());
    if let Some(group) = &i.group {
        o.text("group", group);
    }
    o.text("interface", &i.interface)
        .bare("vrid", i.vrid)
        .bare("version", i.version)
        .bare("priority", i.priority)
        .bare("priority_file", i.parts.base);
    if let Some(set) = i.parts.operator {
        o.bare("priority_operator", set);
    }
    o.objects("weights", &i.parts.weights, |o, (name, weight)| {
        o.text("track", name).bare("weight", weight);
    });
    if let Some(peer) = &i.peer {
        o.object("peer", |o| {
            o.text("address", &peer.address.to_string())
                .bare("priority", peer.priority)
                .bare("ago_ms", peer.ago.as_millis());
        });
    }
    o.all("addresses", &i.addresses).bare("held", i.held);
    match i.lease {
        Some(lease) => o.bare("lease_s", lease.as_secs()),
        None => o.bare("lease_s", "null"),
    };
    o.all("faults", &i.faults)
        .objects("doubts", &i.doubts, |o, d| {
            o.text("kind", d.kind).text("title", &d.title).text("cause", &d.cause).text("advice", &d.advice);
        })
        .object("counters", |o| {
            for (name, value) in &i.counters {
                o.bare(name, value);
            }
        });
}

/// The line of `evenkeel why` without a name, where there are several.
pub(crate) fn brief(i: &InstanceShot) -> String {
    format!("{} is {} since {}, {}", i.name, i.state.word(), span(i.since), count(i.entries.len(), "entry"))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn people_see_first_what_needs_them() {
        let want = "\
node lb1   keeper running 3 d 4 h   1 MASTER, 1 FAULT   2 things need you
VI_1   192.0.2.100/24 on eth0   here, MASTER since 3 d 4 h
    priority 102 = 100 + 2 (chk)   last advert 0.4 s ago from 192.0.2.2 (priority 90)   lease 3 s
VI_2   192.0.2.100/24 on eth1   not here, FAULT since 42 s
    priority 90 (set by the operator to 90, the file says 90)   no advert heard
2 things need you:
  VI_1: two masters: 192.0.2.2 goes on as master
    → let IP protocol 112 pass
  VI_2 is in FAULT: interface eth1 is down
";
        assert_eq!(text(&sample::shot()), want);
    }

    #[test]
    fn machines_get_one_line() {
        let text = json(&sample::shot());
        assert_eq!(text.matches('\n').count(), 1);
        for part in [
            r#""node":"lb1","pid":77,"uptime_s":273660,"instances":[{"name":"VI_1","state":"MASTER","#,
            r#""weights":[{"track":"chk","weight":2}],"peer":{"address":"192.0.2.2","priority":90,"ago_ms":400}"#,
            r#""held":true,"lease_s":3,"faults":[],"doubts":[{"kind":"other-master","#,
            r#""tracks":[{"name":"chk","kind":"script","up":true}],"counters":{"packets_sent":9},"timer_latest_us":1500}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
