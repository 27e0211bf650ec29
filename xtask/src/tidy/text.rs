//! What no tracked file may say, and links between documents.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Largest file that is looked into; pictures are not.
const TEXT_MAX: u64 = 4 << 20;

/// Places of one machine. Split so that this table does not find itself.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/b/"), concat!("/home", "/")];

/// Words about how the work was done: a file speaks of the project only.
const WORK_WORDS: &[&str] = &[
    concat!("work", "tree"),
    concat!("col", "league"),
    concat!("language ", "model"),
    concat!("chat", "bot"),
    concat!("this ", "sandbox"),
];

/// Where such words are right, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Checks every text and every link.
pub(super) fn check(root: &Path, files: &[String]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files {
        let path = root.join(file);
        if std::fs::metadata(&path).is_ok_and(|m| m.len() > TEXT_MAX) {
            breaches.push(format!("{file}: larger than {TEXT_MAX} bytes"));
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        breaches.extend(words(file, &text));
        if file.ends_with(".md") {
            breaches.extend(links(root, file, &text));
        }
    }
    breaches
}

fn words(file: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let lower = line.to_lowercase();
        let paths = MACHINE_PATHS.iter().filter(|path| line.contains(**path));
        let words = WORK_WORDS.iter().filter(|word| lower.contains(**word));
        for found in paths.chain(words) {
            if !EXCEPTIONS.iter().any(|(name, word, _)| *name == file && word == found) {
                breaches.push(format!("{file}:{}: `{found}` does not belong into the project", n + 1));
            }
        }
    }
    breaches
}

/// Links that lead nowhere.
fn links(root: &Path, file: &str, text: &str) -> Vec<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut breaches = Vec::new();
    for (line, target) in targets(text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = target.split_once('#').map_or((target.as_str(), None), |(p, a)| (p, Some(a)));
        let whole = if path.is_empty() { PathBuf::from(file) } else { flat(&folder.join(path)) };
        let at = root.join(&whole);
        if !at.exists() {
            breaches.push(format!("{file}:{line}: {target} is not there"));
            continue;
        }
        if let Some(anchor) = anchor.filter(|_| whole.extension().is_some_and(|e| e == "md")) {
            let other = std::fs::read_to_string(&at).unwrap_or_default();
            if !anchors(&other).contains(anchor) {
                breaches.push(format!("{file}:{line}: {} has no heading #{anchor}", whole.display()));
            }
        }
    }
    breaches
}

/// A path without `.` and `..`.
fn flat(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            Component::Normal(name) => out.push(name),
            Component::RootDir | Component::Prefix(_) => {}
        }
    }
    out
}

/// Every `](target)` outside of code, with its line from 1.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (n, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Inside backticks nothing is a link.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for piece in prose.split("](").skip(1) {
            if let Some((target, _)) = piece.split_once(')') {
                found.push((n + 1, target.trim().to_owned()));
            }
        }
    }
    found
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        found.insert(kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "a [b](c.md) and `[x](y)` [d](e#f)\n```\n[g](h)\n```\n![p](q.png)";
        let want = [(1, "c.md"), (1, "e#f"), (5, "q.png")].map(|(n, t)| (n, t.to_owned()));
        assert_eq!(targets(text), want);
    }

    #[test]
    fn headings_become_anchors() {
        let found = anchors("# One: two\n```\n# no\n```\n## `a` b_c\n#none");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a-b_c", "one-two"]);
    }

    #[test]
    fn words_of_the_workshop_are_found() {
        assert_eq!(words("x", concat!("see /wo", "rk/y")).len(), 1);
        assert_eq!(words("x", "a session of a client, an agent check").len(), 0);
    }
}
