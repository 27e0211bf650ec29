//! Configurations from the wild: none panics, and what cannot run says only what is not built yet or not there.
#![expect(clippy::print_stdout, reason = "a test that skips or counts says so")]

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use evenkeel_base::Level;
use evenkeel_conf::{Environment, Input, Inputs, Outside, load};

/// A machine that has nothing that the files name.
struct Bare;

impl Outside for Bare {
    fn read_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("No such file or directory".to_owned())
    }

    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        Vec::new()
    }
}

fn shared() -> PathBuf {
    std::env::var_os("EVENKEEL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from)
}

/// Codes of errors that say that something is missing, not that the file is wrong.
const MISSING: &[&str] = &["refused", "unreadable-file", "missing-file", "unknown-host"];

/// Loads each file; returns how many pass, and what else is wrong with any.
fn walk(folder: &str) -> Option<(usize, usize, Vec<String>)> {
    let folder = shared().join(folder);
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: {} is not there (EVENKEEL_SHARED names its folder)", folder.display());
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "cfg"));
    paths.sort();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let (mut passed, mut wrong) = (0, Vec::new());
    for path in &paths {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let inputs = Inputs { inputs: vec![Input::Path(path.clone())], ..Inputs::default() };
        let loaded = load(&inputs, &mut Environment::new(), &Bare);
        let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.level == Level::Error).collect();
        passed += usize::from(errors.is_empty());
        let mut why = Vec::new();
        for error in &errors {
            let place = error.span.map_or(0, |span| loaded.sources.place(span).line);
            if error.code == "refused" {
                *refusals.entry(error.message.clone()).or_default() += 1;
                why.push(error.message.clone());
            } else if !MISSING.contains(&error.code) {
                wrong.push(format!("{name}:{place}: {} {}", error.code, error.message));
            } else {
                why.push(error.message.clone());
            }
        }
        println!("{name}: {}", if errors.is_empty() { "passes".to_owned() } else { why.join(" | ") });
        assert_eq!(
            loaded.plan.is_some(),
            errors.is_empty(),
            "{name}: a plan where nothing is wrong, and only there"
        );
    }
    println!("{passed} of {} pass", paths.len());
    let mut refusals: Vec<_> = refusals.into_iter().collect();
    refusals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (message, count) in refusals {
        println!("{count:>4} files: {message}");
    }
    Some((passed, paths.len(), wrong))
}

/// The least number of them that must pass on a bare machine.
const PASS_MIN: usize = 24;

#[test]
fn files_from_the_wild() {
    if let Some((passed, _, wrong)) = walk("corpus/haproxy") {
        assert!(wrong.is_empty(), "{} errors about what is built:\n{}", wrong.len(), wrong.join("\n"));
        assert!(passed >= PASS_MIN, "only {passed} pass");
    }
}

#[test]
fn the_files_that_must_run() {
    if let Some((passed, all, wrong)) = walk("seeds") {
        assert_eq!((passed, wrong), (all, Vec::new()));
    }
}
