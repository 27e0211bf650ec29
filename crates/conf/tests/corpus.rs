//! Configurations from the wild: none panics, what cannot run says only what is not built yet or not there, each once;
//! and the files that must run do. Skipped where the files are not at hand.
#![expect(clippy::print_stdout, reason = "a skipped test says why, and the walk what it found")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use evenkeel_base::{Diagnostic, Level};
use evenkeel_conf::{Environment, Input, Inputs, Outside, load};

/// A machine that has nothing that the files name, but for the error pages that come with Debian's haproxy: where the
/// originals accept a file as it is, they had those.
struct Bare;

/// A page for a status.
const PAGE: &[u8] = b"HTTP/1.0 503 Service Unavailable\r\n\r\nsorry\n";

impl Outside for Bare {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        match path.starts_with("/etc/haproxy/errors/") {
            true => Ok(PAGE.to_vec()),
            false => Err("No such file or directory".to_owned()),
        }
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
        Ok(if page { PAGE.to_vec() } else { Vec::new() })
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
    text: String,
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
        // Not all of them are UTF-8.
        let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let is_master_worker = text.contains("master-worker");
        let said = Said { name, text, faults, is_master_worker };
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

/// What the originals say of each file of the corpus: the newest release, and Debian 12's.
fn verdicts() -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(shared().join("corpus/verdicts.tsv")).unwrap_or_default();
    let rows = text.lines().filter_map(|line| line.strip_prefix("haproxy/"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let [name, newest, debian, ..] = *cells else { panic!("three columns: {row}") };
        (name.to_owned(), (newest.to_owned(), debian.to_owned()))
    })
    .collect()
}

/// What is wrong with a file's errors, if each may be only a refused keyword or, where `env`, something missing.
fn wrong(file: &Said, env: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut once = BTreeSet::new();
    let text = file.text.lines().collect::<Vec<_>>();
    for (line, fault) in file.errors() {
        let say = |what: &str| format!("{}:{line}: {what}: {} {}", file.name, fault.code, fault.message);
        match fault.code {
            "refused" => {
                if !fault.message.contains("not built yet") {
                    wrong.push(say("refused for no reason"));
                }
            }
            code if env && MISSING.contains(&code) => {}
            _ => wrong.push(say("neither refused nor missing")),
        }
        // The place: a line of the file that has the word that the message names.
        let here = (*line as usize).checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or_default();
        let named = fault.message.split(['\'', '`']).nth(1).unwrap_or_default();
        let words = named.split(|c: char| c.is_whitespace() || c == '(').filter(|w| !w.is_empty());
        if named.is_empty() || !words.clone().any(|word| here.contains(word)) {
            wrong.push(say(&format!("not what stands there, {here:?}")));
        }
        if !once.insert(&fault.message) {
            wrong.push(say("twice"));
        }
    }
    wrong
}

#[test]
fn files_from_the_wild_name_only_what_is_missing() {
    let Some(files) = walk("corpus/haproxy", &Bare) else { return };
    let verdicts = verdicts();
    assert_eq!(verdicts.len(), files.len(), "each file has its verdict");
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all_wrong = Vec::new();
    for file in &files {
        let (newest, debian) = verdicts.get(&file.name).expect("it has a verdict");
        // Where an original misses something of its machine, so may we; elsewhere nothing is missing.
        let env = newest == "env" || debian == "env";
        all_wrong.extend(wrong(file, env));
        for (_, fault) in file.errors().filter(|(_, fault)| fault.code == "refused") {
            *refusals.entry(&fault.message).or_default() += 1;
        }
    }
    let passed = files.iter().filter(|f| f.passes()).count();
    println!("{passed} of {} pass as they are", files.len());
    for (message, count) in refusals {
        println!("{count:>4} files: {message}");
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
    assert!(passed >= RUN_MIN, "only {passed} pass as they are");
}

#[test]
fn files_from_the_wild_run_where_they_belong() {
    let Some(files) = walk("corpus/haproxy", &Furnished) else { return };
    let verdicts = verdicts();
    let mut all_wrong = Vec::new();
    for file in &files {
        all_wrong.extend(wrong(file, false));
        // What today's release refuses runs here, with a word about it. (`master-worker`, which it refuses too, is what
        // Debian's release wants.)
        let old = verdicts.get(&file.name).is_some_and(|(newest, _)| newest == "obsolete");
        let told = file.faults.iter().any(|(_, fault)| fault.code.starts_with("obsolete"));
        assert!(!old || told || file.is_master_worker, "{}: nothing is said of its old forms", file.name);
    }
    assert!(all_wrong.is_empty(), "{}", all_wrong.join("\n"));
    let passed = files.iter().filter(|f| f.passes()).count();
    println!("{passed} of {} run", files.len());
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
