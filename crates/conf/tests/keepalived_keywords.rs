//! Every name of Keepalived 2.4's keyword list is known: nothing real is ever called unknown.
#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::fs;
use std::path::PathBuf;

use evenkeel_conf::keepalived::keyword::support;

/// In the list, but in no manual: nobody says where it may stand.
const PLACELESS: &[&str] = &["hashed"];

#[test]
fn every_listed_name_is_known() {
    let shared = std::env::var_os("EVENKEEL_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let Ok(text) = fs::read_to_string(shared.join("compat/keepalived/keywords-2.4.txt")) else {
        return println!("skipped: no keyword list beside the project (EVENKEEL_SHARED names its folder)");
    };
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    let unknown: Vec<&str> =
        names.filter(|name| support(name).is_none() && !PLACELESS.contains(name)).collect();
    assert!(unknown.is_empty(), "{} unknown names: {unknown:?}", unknown.len());
}
