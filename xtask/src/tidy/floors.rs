//! The floor rule: a room imports only rooms below it, or the ones named here; brains import few crates of others.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A room: its package, floor and the rooms of its own floor that it may import.
struct Room {
    name: &'static str,
    floor: u8,
    beside: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room { name: "base", floor: 0, beside: &[] },
    Room { name: "wire", floor: 1, beside: &[] },
    Room { name: "vrrp", floor: 1, beside: &["wire"] },
    Room { name: "bfd", floor: 1, beside: &["wire"] },
    Room { name: "http", floor: 1, beside: &[] },
    Room { name: "balance", floor: 1, beside: &[] },
    Room { name: "health", floor: 1, beside: &["http"] },
    Room { name: "stats", floor: 1, beside: &[] },
    Room { name: "expr", floor: 1, beside: &["http"] },
    Room { name: "rules", floor: 1, beside: &["http", "expr"] },
    Room { name: "plan", floor: 2, beside: &[] },
    Room { name: "conf", floor: 2, beside: &["plan"] },
    Room { name: "sys", floor: 3, beside: &[] },
    Room { name: "probe", floor: 3, beside: &["sys"] },
    Room { name: "keeper", floor: 3, beside: &["sys", "probe"] },
    Room { name: "lab", floor: 3, beside: &["sys"] },
    Room { name: "proxy", floor: 3, beside: &["sys", "probe"] },
    Room { name: "admin", floor: 3, beside: &["sys", "proxy"] },
    Room { name: "app", floor: 4, beside: &[] },
    Room { name: "e2e", floor: 4, beside: &[] },
];

/// The highest floor of the brains: no clock, socket, file, thread.
const PURE_FLOOR_MAX: u8 = 2;

/// What brains may import from outside; each is data or text handling and touches nothing. `hmac`, `md-5` and `sha2` are
/// digests: proofs on packets, converters.
const PURE_CRATES: &[&str] = &["bstr", "hmac", "md-5", "memchr", "regex", "sha2", "smallvec", "thiserror"];

/// What brains' tests may import from outside.
const PURE_TEST_CRATES: &[&str] = &["expect-test", "proptest"];

/// Whose servers and networks tests of the hands may use.
const LAB: &str = "lab";

/// The folders of the rooms without clocks, sockets, files and threads.
pub(super) fn pure_rooms() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().filter(|room| room.floor <= PURE_FLOOR_MAX).map(|room| room.name)
}

/// Checks every edge that `cargo metadata` knows.
pub(super) fn check(root: &Path) -> Vec<String> {
    let metadata = match metadata(root) {
        Ok(metadata) => metadata,
        Err(why) => return vec![format!("cargo metadata: {why}")],
    };
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: Vec<&Value> = packages.iter().filter(|p| p["source"].is_null()).collect();
    let mut breaches = Vec::new();
    for package in &members {
        let Some(room) = room_of(package) else {
            // Beside the house: chores and end-to-end tests, which ship nothing.
            let place = package["manifest_path"].as_str().unwrap_or_default();
            if place.starts_with(&*root.join("crates").to_string_lossy()) {
                breaches.push(format!("{} is in no floor's table (xtask, floors.rs)", package["name"]));
            }
            continue;
        };
        for edge in package["dependencies"].as_array().into_iter().flatten() {
            breaches.extend(edge_breach(room, edge));
        }
    }
    for room in
        ROOMS.iter().filter(|room| !members.iter().any(|p| room_of(p).is_some_and(|r| r.name == room.name)))
    {
        breaches.push(format!("room {} is in the table of floors and not in the workspace", room.name));
    }
    breaches.extend(licences(root, packages));
    breaches
}

fn metadata(root: &Path) -> Result<Value, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // One platform: other platforms' crates need not be there.
    cargo.current_dir(root).args(["metadata", "--format-version", "1", "--locked", "--filter-platform"]);
    let out = cargo.arg("x86_64-unknown-linux-gnu").output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).trim().to_owned());
    }
    serde_json::from_slice(&out.stdout).map_err(|e| e.to_string())
}

fn room_of(package: &Value) -> Option<&'static Room> {
    let name = package["name"].as_str()?;
    let folder = if name == "evenkeel" { "app" } else { name.strip_prefix("evenkeel-")? };
    ROOMS.iter().find(|room| room.name == folder)
}

fn edge_breach(room: &Room, edge: &Value) -> Option<String> {
    let name = edge["name"].as_str().unwrap_or_default();
    let for_tests = edge["kind"] == "dev";
    let from = room.name;
    if edge["path"].is_null() {
        let known = PURE_CRATES.contains(&name) || (for_tests && PURE_TEST_CRATES.contains(&name));
        let fine = room.floor > PURE_FLOOR_MAX || known;
        return (!fine).then(|| format!("{from} (floor {}) may not import the crate {name}", room.floor));
    }
    let Some(to) = room_of(edge) else { return Some(format!("{from} imports {name}, which is no room")) };
    let for_lab = for_tests && to.name == LAB && room.floor == to.floor;
    let fine = to.floor < room.floor || room.beside.contains(&to.name) || for_lab;
    (!fine).then(|| format!("{from} (floor {}) may not import {} (floor {})", room.floor, to.name, to.floor))
}

/// Every dependency comes from crates.io, under a licence that `deny.toml` allows.
fn licences(root: &Path, packages: &[Value]) -> Vec<String> {
    let allowed = match std::fs::read_to_string(root.join("deny.toml")) {
        Ok(text) => allowed_licences(&text),
        Err(why) => return vec![format!("deny.toml: {why}")],
    };
    let mut breaches = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !licence_fits(licence, &allowed) {
            breaches.push(format!("{name} is under \"{licence}\", which deny.toml does not allow"));
        }
        let source = package["source"].as_str().unwrap_or("registry+");
        if !source.starts_with("registry+") {
            breaches.push(format!("{name} comes from {source}: only crates.io is allowed"));
        }
    }
    breaches
}

/// The strings of deny.toml's `allow = [ … ]` under `[licenses]`.
fn allowed_licences(text: &str) -> Vec<String> {
    let section = text.split("[licenses]").nth(1).unwrap_or_default();
    let list = section.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An SPDX expression without `WITH` inside parentheses: one side of every `OR` must be allowed whole.
fn licence_fits(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace(['(', ')'], " ").replace('/', " OR ");
    let every = |part: &str| part.split(" AND ").all(|one| allowed.iter().any(|a| a == one.trim()));
    if expression.contains(" AND ") && expression.contains(" OR ") {
        // Mixed: strict reading, every name must be allowed.
        return expression.split(" AND ").all(|part| part.split(" OR ").any(every));
    }
    expression.split(" OR ").any(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_read_as_spdx_says() {
        let allowed = allowed_licences("[licenses]\nallow = [\n  \"MIT\",\n  \"Apache-2.0\",\n]\n");
        for (expression, want) in [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
            ("", false),
        ] {
            assert_eq!(licence_fits(expression, &allowed), want, "{expression}");
        }
    }

    #[test]
    fn edges_go_down_or_to_named_rooms() {
        let room = |name: &str| ROOMS.iter().find(|r| r.name == name).expect("in the table");
        for (from, edge, fine) in [
            ("conf", r#"{"name":"evenkeel-plan","path":"x","kind":null}"#, true),
            ("plan", r#"{"name":"evenkeel-conf","path":"x","kind":null}"#, false),
            ("http", r#"{"name":"evenkeel-sys","path":"x","kind":"dev"}"#, false),
            ("http", r#"{"name":"tokio","kind":null}"#, false),
            ("http", r#"{"name":"proptest","kind":"dev"}"#, true),
            ("http", r#"{"name":"proptest","kind":null}"#, false),
            ("proxy", r#"{"name":"tokio","kind":null}"#, true),
            ("proxy", r#"{"name":"evenkeel-lab","path":"x","kind":"dev"}"#, true),
            ("proxy", r#"{"name":"evenkeel-lab","path":"x","kind":null}"#, false),
            ("http", r#"{"name":"evenkeel-lab","path":"x","kind":"dev"}"#, false),
            ("proxy", r#"{"name":"evenkeel-admin","path":"x","kind":null}"#, false),
        ] {
            let edge: Value = serde_json::from_str(edge).expect("a row is JSON");
            assert_eq!(edge_breach(room(from), &edge).is_none(), fine, "{from} {edge}");
        }
    }
}
