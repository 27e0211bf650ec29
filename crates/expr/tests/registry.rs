//! The registries as a whole: every example runs, every name of the reference lists is known.
#![allow(clippy::print_stderr)] // a skipped test says why

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use common::{Book, Stage, word};
use evenkeel_base::Support;
use evenkeel_expr::{Expr, acl, conv, fetch, logformat};

#[test]
fn every_example_gives_what_it_says() {
    let mut wrong = Vec::new();
    let fetches = fetch::all().flat_map(|f| f.examples);
    for (text, want) in fetches.chain(conv::all().flat_map(|c| c.examples)) {
        let stage = Stage::new();
        let mut names = Book::new();
        let got = match Expr::parse(&word(text), &mut names) {
            Ok(expr) => match expr.eval(&stage.env()) {
                Some(value) => String::from_utf8_lossy(&value.into_text()).into_owned(),
                None => "-".into(),
            },
            Err(fault) => format!("{} ({:?})", fault.message, fault.span),
        };
        if got != *want {
            wrong.push(format!("{text}: {got}, not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_entry_is_whole() {
    let mut seen = BTreeSet::new();
    for f in fetch::all() {
        assert!(seen.insert(f.name), "fetch {} stands twice", f.name);
        assert!(!f.doc.is_empty() && f.params.min <= f.params.kinds.len(), "{}", f.name);
    }
    seen.clear();
    for c in conv::all() {
        assert!(seen.insert(c.name), "converter {} stands twice", c.name);
        assert!(!c.doc.is_empty() && c.params.min <= c.params.kinds.len(), "{}", c.name);
    }
    for name in acl::derivatives() {
        let (fetch, _) = acl::derivative(name).expect("a name of its own list");
        assert!(fetch::find(fetch).is_some(), "{name} stands for {fetch}, which is not there");
    }
}

fn shared(file: &str) -> Option<Vec<String>> {
    let root = std::env::var_os("EVENKEEL_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let path = root.join("compat/haproxy/keywords").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(str::to_owned).filter(|l| !l.is_empty()).collect()),
        Err(error) => {
            eprintln!("skipped: {}: {error}", path.display());
            None
        }
    }
}

type Known<'a> = &'a dyn Fn(&str) -> bool;

#[test]
fn every_name_of_the_reference_lists_is_known() {
    let fetch = |name: &str| fetch::find(name).is_some() || acl::derivative(name).is_some();
    let converter = |name: &str| conv::find(name).is_some();
    let keyword = |name: &str| acl::derivative(name).is_some();
    let alias = |name: &str| logformat::ALIASES.iter().any(|a| name.strip_prefix('%') == Some(a.name));
    let lists: [(&str, Known<'_>); 6] = [
        ("fetches.txt", &fetch),
        ("fetches_registered.txt", &fetch),
        ("converters.txt", &converter),
        ("converters_registered.txt", &converter),
        ("acl_derivatives_registered.txt", &keyword),
        ("log_format_aliases.txt", &alias),
    ];
    for (file, known) in lists {
        let Some(names) = shared(file) else { continue };
        let missing: Vec<_> = names.iter().filter(|n| !known(n)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn refusals_say_why() {
    for f in fetch::all() {
        if let Support::Refused(why) = f.support {
            assert!(why.starts_with("not built yet"), "{}: {why}", f.name);
            let fault = Expr::parse(&word(f.name), &mut Book::new()).expect_err("a refused fetch");
            assert!(fault.message.contains(f.name) && fault.message.contains(why), "{}", fault.message);
        }
    }
}
