//! Rules of files that people use: each compiles, or what it waits for is named.
#![allow(clippy::print_stdout, reason = "a skipped test says why")]

mod common;

use std::path::PathBuf;

use common::{Book, words};
use evenkeel_base::{Diagnostic, Span, Words};
use evenkeel_expr::AclTable;
use evenkeel_rules::{Context, RuleSet, line, parse_rule};

/// Faults that are the test's or another room's: names, files and userlists that the test does not have.
const EXPECTED: [&str; 4] = ["refused", "unreadable-file", "unknown-userlist", "unknown-argument"];

fn rule_set(first: &str, second: &str) -> Option<(RuleSet, usize)> {
    Some(match (first, second) {
        ("http-request", _) => (RuleSet::HttpRequest, 1),
        ("http-response", _) => (RuleSet::HttpResponse, 1),
        ("http-after-response", _) => (RuleSet::HttpAfterResponse, 1),
        ("tcp-request", "connection") => (RuleSet::TcpConnection, 2),
        ("tcp-request", "session") => (RuleSet::TcpSession, 2),
        ("tcp-request", "content") => (RuleSet::TcpContent, 2),
        ("tcp-response", "content") => (RuleSet::TcpResponse, 2),
        _ => return None,
    })
}

/// The faults of one file's rules, and how many rules compiled.
fn faults(text: &str) -> (usize, Vec<(String, Diagnostic)>) {
    let (mut good, mut bad) = (0, Vec::new());
    let mut acls = AclTable::default();
    let mut book = Book::default();
    for text in text.lines() {
        let words = words(text.split(" #").next().unwrap_or_default().trim_start());
        let Some(first) = words.first().map(|w| w.str().into_owned()) else { continue };
        let second = words.get(1).map(|w| w.str().into_owned()).unwrap_or_default();
        if ["frontend", "backend", "listen", "defaults", "global"].contains(&first.as_str()) {
            acls = AclTable::default();
        }
        let mut cursor = Words::new(&words, Span::default());
        cursor.next();
        let result = if first == "acl" {
            let Some(name) = cursor.next() else { continue };
            acls.define(name, &mut cursor, &mut book).map_err(|e| vec![e])
        } else if let Some((set, skip)) = rule_set(&first, &second) {
            for _ in 1..skip {
                cursor.next();
            }
            parse_rule(&mut cursor, &mut Context::new(set, &acls, &mut book, "fe")).map(drop)
        } else if let Some(keyword) = line::find(&first) {
            keyword.parse(&mut cursor, &mut Context::new(keyword.set, &acls, &mut book, "fe")).map(drop)
        } else {
            continue;
        };
        match result {
            Ok(()) => good += 1,
            Err(errors) => bad.extend(errors.into_iter().map(|e| (text.trim().to_owned(), e))),
        }
    }
    (good, bad)
}

#[test]
fn rules_of_real_files_compile_or_are_named() {
    let root = std::env::var_os("EVENKEEL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folders = ["corpus/haproxy", "seeds"].map(|f| root.join(f));
    let mut files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "cfg"))
        .collect();
    if files.is_empty() {
        println!("skipped: no files in {}", root.display());
        return;
    }
    files.sort();
    let mut total = 0;
    let mut wrong = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).expect("a file that was listed");
        let (good, bad) = faults(&String::from_utf8_lossy(&bytes));
        total += good;
        for (line, error) in bad {
            if !EXPECTED.contains(&error.code) {
                wrong.push(format!("{}: {line}\n  {} {}", path.display(), error.code, error.message));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(total > 0, "the files have rules");
    println!("{total} rules and ACLs compiled");
}
