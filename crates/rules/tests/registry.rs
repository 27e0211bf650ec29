//! The registry against the list of actions that the project promises to know.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

use std::path::PathBuf;

use evenkeel_rules::{RuleSet, registry};

const COLUMNS: [RuleSet; 8] = [
    RuleSet::QuicInitial,
    RuleSet::TcpConnection,
    RuleSet::TcpSession,
    RuleSet::TcpContent,
    RuleSet::TcpResponse,
    RuleSet::HttpRequest,
    RuleSet::HttpResponse,
    RuleSet::HttpAfterResponse,
];

fn lines(file: &str) -> Option<Vec<String>> {
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
fn every_action_stands_where_the_matrix_says() {
    let Some(lines) = lines("actions_matrix.txt") else { return };
    for line in lines.iter().filter(|l| !l.starts_with('#')) {
        let mut cells = line.split('\t');
        let name = cells.next().and_then(|n| n.split(' ').next()).unwrap_or_default();
        for (cell, set) in cells.zip(COLUMNS) {
            assert_eq!(registry::find(set, name).is_some(), cell == "X", "{} {name}", set.keyword());
        }
    }
}

#[test]
fn every_listed_action_is_known() {
    for (file, set) in [
        ("quic_initial_actions.txt", RuleSet::QuicInitial),
        ("tcp_request_connection_actions.txt", RuleSet::TcpConnection),
        ("tcp_request_session_actions.txt", RuleSet::TcpSession),
        ("tcp_request_content_actions.txt", RuleSet::TcpContent),
        ("tcp_response_content_actions.txt", RuleSet::TcpResponse),
        ("http_request_actions.txt", RuleSet::HttpRequest),
        ("http_response_actions.txt", RuleSet::HttpResponse),
        ("http_after_response_actions.txt", RuleSet::HttpAfterResponse),
    ] {
        let Some(lines) = lines(file) else { return };
        for line in lines.iter().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let name = line.split([' ', '(', '\t']).next().unwrap_or_default();
            assert!(registry::find(set, name).is_some(), "{} {name}", set.keyword());
        }
    }
}
