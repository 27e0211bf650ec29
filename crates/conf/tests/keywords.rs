//! Every name of the original's keyword lists is known: nothing real is ever called unknown.
#![expect(clippy::print_stdout, reason = "a test that skips or counts says so")]

use std::fs;
use std::path::PathBuf;

use evenkeel_conf::lower::coverage::{Registry, support};

/// The lists and the registry that must know their names.
const LISTS: &[(&str, Registry)] = &[
    ("global_keywords.txt", Registry::Global),
    ("global_keywords_registered.txt", Registry::Global),
    ("proxy_keywords.txt", Registry::Proxy),
    ("proxy_keyword_forms_4.2.txt", Registry::Proxy),
    ("proxy_keywords_not_in_matrix.txt", Registry::Proxy),
    ("bind_options.txt", Registry::Bind),
    ("server_options.txt", Registry::Server),
];

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("EVENKEEL_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    Some(shared.join("compat/haproxy/keywords")).filter(|path| path.is_dir())
}

#[test]
fn every_listed_name_is_known() {
    let Some(folder) = folder() else {
        println!("skipped: no keyword lists beside the project (EVENKEEL_SHARED names their folder)");
        return;
    };
    let mut unknown = Vec::new();
    for (file, registry) in LISTS {
        let text = fs::read_to_string(folder.join(file)).expect("the list is there");
        let names = text.lines().map(|line| line.split('\t').next().unwrap_or("").trim());
        for name in names.filter(|name| !name.is_empty() && !name.starts_with('#')) {
            if support(*registry, name).is_none() {
                unknown.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{} unknown names:\n{}", unknown.len(), unknown.join("\n"));
}
