//! `cargo xtask keywords`: how many of the original's names are supported, accepted, obsolete, refused, unknown.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use evenkeel_base::Support;
use evenkeel_conf::lower::coverage::{Registry, support};

/// A list of names and who knows them.
struct List {
    file: &'static str,
    support: fn(&str) -> Option<Support>,
}

const LISTS: &[List] = &[
    List { file: "global_keywords.txt", support: |name| support(Registry::Global, name) },
    List { file: "global_keywords_registered.txt", support: |name| support(Registry::Global, name) },
    List { file: "proxy_keywords.txt", support: |name| support(Registry::Proxy, name) },
    List { file: "proxy_keyword_forms_4.2.txt", support: |name| support(Registry::Proxy, name) },
    List { file: "proxy_keywords_not_in_matrix.txt", support: |name| support(Registry::Proxy, name) },
    List { file: "bind_options.txt", support: |name| support(Registry::Bind, name) },
    List { file: "server_options.txt", support: |name| support(Registry::Server, name) },
];

/// Prints the table, with every name if `list`.
pub fn run(list: bool) -> ExitCode {
    let shared = std::env::var_os("EVENKEEL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let folder = shared.join("compat/haproxy/keywords");
    println!(
        "{:<36} {:>6} {:>10} {:>9} {:>9} {:>8} {:>8}",
        "list", "names", "supported", "accepted", "obsolete", "refused", "unknown"
    );
    let mut unknown_total = 0;
    for entry in LISTS {
        let text = match fs::read_to_string(folder.join(entry.file)) {
            Ok(text) => text,
            Err(why) => {
                println!("{:<36} not there: {why}", entry.file);
                continue;
            }
        };
        let names: Vec<&str> = text
            .lines()
            .map(|line| line.split('\t').next().unwrap_or("").trim())
            .filter(|name| !name.is_empty() && !name.starts_with('#'))
            .collect();
        let mut counts = [0usize; 5];
        let mut rows = Vec::new();
        for name in &names {
            let (column, text) = match (entry.support)(name) {
                Some(Support::Supported) => (0, "supported".to_owned()),
                Some(Support::Accepted(why)) => (1, format!("accepted: {why}")),
                Some(Support::Obsolete(today)) => (2, format!("obsolete: {today}")),
                Some(Support::Refused(why)) => (3, format!("refused: {why}")),
                None => (4, "UNKNOWN".to_owned()),
            };
            counts[column] += 1;
            rows.push(format!("    {name:<50} {text}"));
        }
        unknown_total += counts[4];
        println!(
            "{:<36} {:>6} {:>10} {:>9} {:>9} {:>8} {:>8}",
            entry.file,
            names.len(),
            counts[0],
            counts[1],
            counts[2],
            counts[3],
            counts[4]
        );
        if list {
            println!("{}", rows.join("\n"));
        }
    }
    if unknown_total == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
