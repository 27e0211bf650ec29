//! The registries against the lists of names that the project promises to know.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::path::PathBuf;

use evenkeel_stats::{Kind, fields, info};

/// The lines of a list of names, or `None` with the reason printed.
fn names(file: &str) -> Option<Vec<String>> {
    let root = std::env::var_os("EVENKEEL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join("compat/haproxy/keywords").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(str::to_owned).collect()),
        Err(why) => {
            println!("skipped: {}: {why}", path.display());
            None
        }
    }
}

#[test]
fn every_column_is_registered_once() {
    let Some(names) = names("stats_csv_fields.txt") else { return };
    for name in names {
        assert_eq!(fields::ALL.iter().filter(|f| f.name == name).count(), 1, "{name}");
    }
}

#[test]
fn every_item_of_process_information_is_registered_once() {
    let Some(names) = names("show_info_fields.txt") else { return };
    for name in names {
        assert_eq!(info::ALL.iter().filter(|i| i.name == name).count(), 1, "{name}");
    }
}

#[test]
fn every_metric_of_an_object_has_a_field() {
    let kinds = [
        ("haproxy_frontend_", Kind::Frontend),
        ("haproxy_backend_", Kind::Backend),
        ("haproxy_server_", Kind::Server),
        ("haproxy_listener_", Kind::Listener),
    ];
    for file in ["prometheus_metrics.txt", "prometheus_metrics_extra_counters.txt"] {
        let Some(names) = names(file) else { return };
        for name in names {
            let Some((kind, rest)) =
                kinds.iter().find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(prefix)?)))
            else {
                continue;
            };
            assert!(fields::ALL.iter().any(|f| f.metric(kind) == Some(rest)), "{name}");
        }
    }
}

#[test]
fn docs_are_there_and_fit_into_quotes() {
    for (name, doc) in
        fields::ALL.iter().map(|f| (f.name, f.doc)).chain(info::ALL.iter().map(|i| (i.name, i.doc)))
    {
        assert!(!doc.is_empty() && !doc.contains('"') && !doc.ends_with('.'), "{name}");
    }
}
