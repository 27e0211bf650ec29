//! Configurations from the wild: none panics, what cannot run says only what is not built yet or not there, each once;
//! and the files that must run do. Skipped where the files are not at hand.
#![expect(clippy::print_stdout, reason = "a skipped test says why, and the walk what it found")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use evenkeel_base::{Diagnostic, Level};
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

/// A machine that has every file and knows every name.
struct Furnished;

impl Outside for Furnished {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        let page = path.ends_with(".http") || path.contains("error");
        Ok(if page { b"HTTP/1.0 503 Service Unavailable\r\n\r\nsorry\n".to_vec() } else { Vec::new() })
    }

    fn resolve(&self, _: &str) -> Vec<IpAddr> {
        vec![IpAddr::from([127, 0, 0, 1])]
    }
}

/// Codes of errors that say that something is missing, not that the file is wrong.
const MISSING: &[&str] = &["unreadable-file", "missing-file", "unknown-host"];
/// How many files of the corpus must run.
const RUN_MIN: usize = 24;

fn shared() -> PathBuf {
    std::env::var_os("EVENKEEL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from)
}

/// What is said of a file.
struct Said {
    name: String,
    /// Place and fault, all that is a notice at least.
    faults: Vec<(u32, Diagnostic)>,
    /// `master-worker` is in its `global` section.
    is_master_worker: bool,
}

impl Said {
    fn errors(&self) -> impl Iterator<Item = &(u32, Diagnostic)> {
        self.faults.iter().filter(|(_, fault)| fault.level == Level::Error)
    }

    fn passes(&self) -> bool {
        self.errors().next().is_none()
    }
}

/// Loads each file of a folder; `None`, with a word why, where it is not there.
fn walk(folder: &str, machine: &dyn Outside) -> Option<Vec<Said>> {
    let folder = shared().join(folder);
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: {} is not there (EVENKEEL_SHARED names its folder)", folder.display());
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "cfg"));
    paths.sort();
    let said = paths.iter().map(|path| {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let inputs = Inputs { inputs: vec![Input::Path(path.clone())], ..Inputs::default() };
        let loaded = load(&inputs, &mut Environment::new(), machine);
        let line = |d: &Diagnostic| d.span.map_or(0, |span| loaded.sources.place(span).line);
        let faults = loaded.diagnostics.iter().filter(|d| d.level >= Level::Notice);
        let faults = faults.map(|d| (line(d), d.clone())).collect();
        let is_master_worker = fs::read_to_string(path).is_ok_and(|text| text.contains("master-worker"));
        let said = Said { name, faults, is_master_worker };
        assert_eq!(
            loaded.plan.is_some(),
            said.passes(),
            "{}: a plan where nothing is wrong, and only there",
            said.name
        );
        said
    });
    Some(said.collect())
}

/// Errors that are neither something missing nor something not built yet.
fn wrong(files: &[Said]) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files {
        for (line, fault) in file.errors() {
            if fault.code != "refused" && !MISSING.contains(&fault.code) {
                wrong.push(format!("{}:{line}: {} {}", file.name, fault.code, fault.message));
            }
        }
    }
    wrong
}

#[test]
fn files_from_the_wild_name_only_what_is_missing() {
    let Some(files) = walk("corpus/haproxy", &Bare) else { return };
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &files {
        let mut once = BTreeSet::new();
        for (line, fault) in file.errors() {
            assert!(
                once.insert((&fault.message, fault.code == "refused" || *line > 0)),
                "{}: twice: {}",
                file.name,
                fault.message
            );
            if fault.code == "refused" {
                *refusals.entry(&fault.message).or_default() += 1;
            }
        }
    }
    println!("{} of {} pass as they are", files.iter().filter(|f| f.passes()).count(), files.len());
    for (message, count) in refusals {
        println!("{count:>4} files: {message}");
    }
    let wrong = wrong(&files);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_from_the_wild_run_where_they_belong() {
    let Some(files) = walk("corpus/haproxy", &Furnished) else { return };
    let verdicts = fs::read_to_string(shared().join("corpus/verdicts.tsv")).unwrap_or_default();
    let verdicts: BTreeMap<&str, &str> = verdicts
        .lines()
        .filter_map(|line| line.strip_prefix("haproxy/")?.split_once('\t'))
        .map(|(name, verdicts)| (name, verdicts.split('\t').next().unwrap_or_default()))
        .collect();
    assert_eq!(verdicts.len(), files.len(), "each file has its verdict");
    for file in &files {
        for (line, fault) in file.errors() {
            assert_eq!(fault.code, "refused", "{}:{line}: {}", file.name, fault.message);
        }
        // What today's release refuses runs here, with a word about it. (`master-worker`, which it refuses too, is what
        // Debian's release wants.)
        let old = verdicts.get(file.name.as_str()) == Some(&"obsolete");
        let told = file.faults.iter().any(|(_, fault)| fault.code.starts_with("obsolete"));
        assert!(!old || told || file.is_master_worker, "{}: nothing is said of its old forms", file.name);
    }
    let passed = files.iter().filter(|f| f.passes()).count();
    println!("{passed} of {} run", files.len());
    assert!(passed >= RUN_MIN);
}

#[test]
fn the_files_that_must_run() {
    let Some(files) = walk("seeds", &Bare) else { return };
    for file in &files {
        let errors: Vec<_> =
            file.errors().map(|(line, fault)| format!("{line}: {}", fault.message)).collect();
        assert!(errors.is_empty(), "{}: {}", file.name, errors.join("\n"));
    }
    assert!(!files.is_empty());
}
