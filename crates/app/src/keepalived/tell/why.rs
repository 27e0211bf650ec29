//! `evenkeel why`: how an instance came to be what it is, out of its recorder.

use super::status;
use super::{EntryShot, InstanceShot, Shot, count, span};
use crate::keepalived::dump::json::Object;
use crate::keepalived::log::Date;

/// Entries shown that led to the state.
const LED_MAX: usize = 6;

/// Entries shown since.
const SINCE_MAX: usize = 6;

/// For people. `name`: one instance; `all`: the whole recorder.
pub(crate) fn text(shot: &Shot, name: Option<&str>, all: bool) -> Result<String, String> {
    let chosen = choose(shot, name)?;
    let parts: Vec<String> =
        chosen.iter().map(|i| if all { whole(shot, i) } else { short(shot, i) }).collect();
    Ok(parts.join("\n"))
}

/// The instance of that name, or all of them.
fn choose<'a>(shot: &'a Shot, name: Option<&str>) -> Result<Vec<&'a InstanceShot>, String> {
    let Some(name) = name else { return Ok(shot.instances.iter().collect()) };
    match shot.instances.iter().find(|i| i.name == name) {
        Some(instance) => Ok(vec![instance]),
        None => {
            let names = shot.instances.iter().map(|i| i.name.as_str());
            let meant = evenkeel_base::near::nearest(name, names.clone());
            let meant = meant.map(|m| format!(" Did you mean {m}?")).unwrap_or_default();
            let names = names.collect::<Vec<_>>().join(", ");
            Err(format!("no instance is called {name}.{meant} There are: {names}\n"))
        }
    }
}

/// The last change of state, what led to it and what came after.
fn short(shot: &Shot, i: &InstanceShot) -> String {
    let changes: Vec<usize> =
        i.entries.iter().enumerate().filter(|(_, e)| e.because.is_some()).map(|(n, _)| n).collect();
    let Some(&last) = changes.last() else {
        return format!("{} on {}. Nothing is recorded yet.\n", status::brief(i), shot.node);
    };
    let before = changes.len().checked_sub(2).and_then(|n| changes.get(n).copied());
    let entry = &i.entries[last];
    let because = entry.because.as_deref().unwrap_or_default();
    let mut out = format!(
        "{} on {} is {} since {}, because {because}\n",
        i.name,
        shot.node,
        i.state.word(),
        moment(shot, entry)
    );
    let first = before.map_or(0, |n| n + 1);
    let led = &i.entries[first..=last];
    let skipped = led.len().saturating_sub(LED_MAX);
    out.push_str(&skipping(skipped));
    for entry in &led[skipped..] {
        out.push_str(&row(shot, entry));
    }
    let since = &i.entries[last + 1..];
    let skipped = since.len().saturating_sub(SINCE_MAX);
    out.push_str(&skipping(skipped));
    for entry in &since[skipped..] {
        out.push_str(&row(shot, entry));
    }
    if let Some(before) = before {
        let before = &i.entries[before];
        let for_long = entry.at.as_micros().saturating_sub(before.at.as_micros());
        let for_long = span(std::time::Duration::from_micros(for_long));
        out.push_str(&format!("  before that: {} for {for_long}", before.state.word()));
    } else {
        out.push_str("  before that: nothing is recorded");
    }
    out.push_str(&format!(
        "; {} of state in the recorder, evenkeel why {} --all\n",
        count(changes.len(), "change"),
        i.name
    ));
    for need in i.needs() {
        out.push_str(&format!("  needs you: {need}\n"));
    }
    out
}

fn skipping(n: usize) -> String {
    if n == 0 { String::new() } else { format!("  … {} more\n", n) }
}

fn whole(shot: &Shot, i: &InstanceShot) -> String {
    let mut out = format!("{} on {}\n", status::brief(i), shot.node);
    for entry in &i.entries {
        out.push_str(&row(shot, entry));
    }
    out
}

fn row(shot: &Shot, entry: &EntryShot) -> String {
    let because = entry.because.as_ref().map(|b| format!(", because {b}")).unwrap_or_default();
    format!("  {}  {}{because}\n", moment(shot, entry), entry.text)
}

/// The time, with the date where it is not today.
fn moment(shot: &Shot, entry: &EntryShot) -> String {
    let (at, now) = (Date::local(entry.at), Date::local(shot.now));
    let whole = at.iso_millis();
    if whole.split(' ').next() == now.iso_millis().split(' ').next() { at.time_millis() } else { whole }
}

/// For machines: the whole recorder.
pub(crate) fn json(shot: &Shot, name: Option<&str>) -> Result<String, String> {
    let chosen = choose(shot, name)?;
    let mut out = String::new();
    let mut o = Object::open(&mut out);
    o.text("node", &shot.node).objects("instances", chosen, |o, i| {
        o.text("name", &i.name).text("state", i.state.word()).bare("since_ms", i.since.as_millis()).objects(
            "entries",
            &i.entries,
            |o, entry| {
                o.bare("at_us", entry.at.as_micros())
                    .text("state", entry.state.word())
                    .bare("priority", entry.priority)
                    .text("text", &entry.text);
                if let Some(because) = &entry.because {
                    o.text("because", because);
                }
            },
        );
    });
    o.close();
    out.push('\n');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Times of day depend on the machine's zone: only what follows is compared.
    fn without_times(text: &str) -> String {
        let date = |word: &str| word.len() >= 12 && word.as_bytes().get(2) == Some(&b':');
        text.split(' ')
            .map(|word| if date(word.trim_end_matches(',')) { "T" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn the_first_line_answers() {
        let shot = sample::shot();
        let text = text(&shot, Some("VI_1"), false).expect("it is there");
        let want = "\
VI_1 on lb1 is MASTER since T because nobody spoke for 3.609 s
  T  hears 192.0.2.2: priority 90, every 1000 ms
  T  Receive advertisement timeout
  T  Entering MASTER STATE, because nobody spoke for 3.609 s
  before that: BACKUP for 3.6 s; 2 changes of state in the recorder, evenkeel why VI_1 --all
  needs you: VI_1: two masters: 192.0.2.2 goes on as master
    → let IP protocol 112 pass
";
        assert_eq!(without_times(&text), want);
    }

    #[test]
    fn wrong_names_are_told() {
        let shot = sample::shot();
        let why = text(&shot, Some("VI_3"), false).expect_err("not there");
        assert!(why.starts_with("no instance is called VI_3. Did you mean VI_"), "{why}");
        assert!(text(&shot, None, true).expect("all").contains("VI_2 is FAULT"));
        assert!(json(&shot, Some("VI_1")).expect("there").contains(r#""because":"nobody spoke"#));
    }
}
