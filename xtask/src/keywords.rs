//! `cargo xtask keywords`: how many of the original's names are supported, accepted, obsolete, refused, unknown.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use evenkeel_base::Support;
use evenkeel_conf::lower::coverage::{Registry, support};
use evenkeel_rules::RuleSet;
use evenkeel_rules::registry;

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
    List { file: "fetches.txt", support: fetch },
    List { file: "fetches_registered.txt", support: fetch },
    List { file: "converters.txt", support: converter },
    List { file: "converters_registered.txt", support: converter },
    List { file: "acl_derivatives_registered.txt", support: acl },
    List { file: "log_format_aliases.txt", support: alias },
    List { file: "http_request_actions.txt", support: |name| action(&[RuleSet::HttpRequest], name) },
    List { file: "http_response_actions.txt", support: |name| action(&[RuleSet::HttpResponse], name) },
    List {
        file: "http_after_response_actions.txt",
        support: |name| action(&[RuleSet::HttpAfterResponse], name),
    },
    List { file: "tcp_request_actions.txt", support: |name| action(TCP, name) },
    List {
        file: "tcp_request_connection_actions.txt",
        support: |name| action(&[RuleSet::TcpConnection], name),
    },
    List { file: "tcp_request_session_actions.txt", support: |name| action(&[RuleSet::TcpSession], name) },
    List { file: "tcp_request_content_actions.txt", support: |name| action(&[RuleSet::TcpContent], name) },
    List { file: "tcp_response_content_actions.txt", support: |name| action(&[RuleSet::TcpResponse], name) },
    List { file: "stats_csv_fields.txt", support: stat_field },
    List { file: "show_info_fields.txt", support: info_field },
    List { file: "cli_commands.txt", support: evenkeel_admin::cli::dispatch::support },
    List { file: "cli_commands_registered.txt", support: evenkeel_admin::cli::dispatch::support },
    List { file: "master_cli_commands.txt", support: evenkeel_admin::cli::dispatch::support },
    List { file: "quic_initial_actions.txt", support: |name| action(&[RuleSet::QuicInitial], name) },
    List { file: "../../keepalived/keywords-2.4.txt", support: evenkeel_conf::keepalived::keyword::support },
];

/// The rule sets of `tcp-request`.
const TCP: &[RuleSet] = &[RuleSet::TcpConnection, RuleSet::TcpSession, RuleSet::TcpContent];

fn fetch(name: &str) -> Option<Support> {
    evenkeel_expr::fetch::find(name).map(|entry| entry.support)
}

fn converter(name: &str) -> Option<Support> {
    evenkeel_expr::conv::find(name).map(|entry| entry.support)
}

fn stat_field(name: &str) -> Option<Support> {
    evenkeel_stats::fields::ALL.iter().find(|field| field.name == name).map(|_| Support::Supported)
}

fn info_field(name: &str) -> Option<Support> {
    evenkeel_stats::info::ALL.iter().find(|item| item.name == name).map(|_| Support::Supported)
}

fn acl(name: &str) -> Option<Support> {
    let base = evenkeel_expr::acl::derivative(name).map_or(name, |(base, _)| base);
    fetch(base)
}

fn alias(name: &str) -> Option<Support> {
    let name = name.trim_start_matches('%');
    evenkeel_expr::logformat::ALIASES.iter().find(|alias| alias.name == name).map(|_| Support::Supported)
}

/// The lists name some actions with their first argument, others with parentheses.
fn action(sets: &[RuleSet], name: &str) -> Option<Support> {
    let word = name.split([' ', '(']).next().unwrap_or(name);
    sets.iter().find_map(|set| registry::find(*set, word)).map(|entry| entry.support)
}

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
