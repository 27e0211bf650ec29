//! Published configurations through the real Keepalived 2.2.7 and through the reader: the same exit code, and every item
//! that the original complains about is named. Skipped where there is no Keepalived, or no right to make a namespace.
#![expect(clippy::print_stdout, reason = "a skipped test says why")]

mod keepalived;

use std::path::PathBuf;

use evenkeel_conf::keepalived::keyword;

#[test]
fn published_files_get_the_originals_verdicts() {
    let Some(shared) = keepalived::shared() else {
        return println!("skipped: no corpus beside the project (EVENKEEL_SHARED names its folder)");
    };
    let mut paths: Vec<PathBuf> = Vec::new();
    for (folder, filter) in [("corpus/keepalived", ""), ("seeds", "keepalived")] {
        let entries = std::fs::read_dir(shared.join(folder)).expect("the corpus has its folders");
        let found = entries.filter_map(|e| Some(e.ok()?.path()));
        paths.extend(found.filter(|p| {
            p.extension().is_some_and(|e| e == "conf")
                && p.file_name().is_some_and(|n| n.to_string_lossy().contains(filter))
        }));
    }
    paths.sort();
    if !keyword::ALL.iter().copied().flatten().any(|k| k.name == "virtual_server") {
        let directs =
            |p: &PathBuf| std::fs::read_to_string(p).is_ok_and(|text| text.contains("virtual_server"));
        let before = paths.len();
        paths.retain(|p| !directs(p));
        println!("skipped: {} files with virtual servers, which are not read yet", before - paths.len());
    }
    let theirs = match keepalived::theirs(&paths) {
        Ok(theirs) => theirs,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut out = String::new();
    let mut differing = 0;
    for (path, theirs) in paths.iter().zip(&theirs) {
        let differences = keepalived::differences(path, theirs);
        if !differences.is_empty() {
            differing += 1;
            out.push_str(&format!("{}\n{differences}", path.display()));
        }
    }
    assert!(out.is_empty(), "{differing} of {} files:\n{out}", paths.len());
}
