//! Which of the originals' names are known, for `cargo xtask keywords` and the test that walks all lists.

use evenkeel_base::{Support, Word};

use super::keyword::{ALL, Found, Index, Sections};
use super::{bind, others, server};
use crate::ast::SectionKind;

/// A table of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// Keywords of `global`.
    Global,
    /// Keywords of proxy sections; also longer forms such as `balance url_param`.
    Proxy,
    /// Options of `bind` lines.
    Bind,
    /// Options of `server` lines.
    Server,
    /// Section names.
    Section,
}

/// How far a name is supported; `None`: it is not known.
pub fn support(registry: Registry, name: &str) -> Option<Support> {
    match registry {
        Registry::Global => keyword(name, Sections::GLOBAL),
        Registry::Proxy => keyword(name, Sections::ANY),
        Registry::Bind => bind::OPTIONS.iter().find(|o| o.name == name).map(|o| o.support),
        Registry::Server => server::OPTIONS.iter().find(|o| o.name == name).map(|o| o.support),
        Registry::Section => SectionKind::of(&Word::bare(name)).and_then(others::support),
    }
}

fn keyword(name: &str, place: Sections) -> Option<Support> {
    let words: Vec<Word> = name.split_ascii_whitespace().map(Word::bare).collect();
    match Index::default().find(&words, place) {
        Found::Here(keyword, _) => Some(keyword.support),
        // The lists name some families by their first word alone, such as `stats`.
        Found::Family(_) if words.len() == 1 => Some(Support::Supported),
        Found::Elsewhere(..) | Found::Family(_) | Found::Unknown => None,
    }
}

/// A name as the reference tells it.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The name.
    pub name: &'static str,
    /// How far it is supported.
    pub support: Support,
    /// What it does, one sentence; may be empty.
    pub doc: &'static str,
    /// A line that uses it; may be empty.
    pub example: &'static str,
}

/// Every name of a registry with its support, in order.
pub fn all(registry: Registry) -> Vec<(&'static str, Support)> {
    told(registry).into_iter().map(|told| (told.name, told.support)).collect()
}

/// Every name of a registry with all that is known of it, in order.
pub fn told(registry: Registry) -> Vec<Told> {
    let plain = |name, support, doc| Told { name, support, doc, example: "" };
    let keywords = |place: Sections| {
        let here = ALL.iter().copied().flatten().filter(|k| k.sections.meets(place));
        here.map(|k| Told { example: k.example, ..plain(k.name, k.support, k.doc) }).collect()
    };
    let mut names: Vec<Told> = match registry {
        Registry::Global => keywords(Sections::GLOBAL),
        Registry::Proxy => keywords(Sections::ANY),
        Registry::Bind => bind::OPTIONS.iter().map(|o| plain(o.name, o.support, o.doc)).collect(),
        Registry::Server => server::OPTIONS.iter().map(|o| plain(o.name, o.support, o.doc)).collect(),
        Registry::Section => SectionKind::ALL
            .iter()
            .filter_map(|kind| Some(plain(kind.word(), others::support(*kind)?, "")))
            .collect(),
    };
    names.sort_by_key(|told| told.name);
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use evenkeel_base::Support;

    use crate::lower::keyword::{ALL, Apply, Sections};
    use crate::lower::testing::load_text;

    /// The line of an entry, in a section where it may stand.
    fn example(name: &str, example: &str, sections: Sections) -> String {
        let line = if example.is_empty() { name } else { example };
        let places = [
            (Sections::GLOBAL, "global"),
            (Sections::LISTEN, "listen l"),
            (Sections::FRONTEND, "frontend f"),
            (Sections::BACKEND, "backend b"),
            (Sections::NAMED_DEFAULTS, "defaults d"),
            (Sections::ANONYMOUS_DEFAULTS, "defaults"),
        ];
        let head =
            places.iter().find(|(place, _)| sections.meets(*place)).map_or("listen l", |(_, head)| head);
        format!(
            "http-errors pages\n errorfile 503 /etc/page.http\n errorfile 404 /etc/page.http\nbackend other\n server s1 127.0.0.1:1\n{head}\n {line}\n"
        )
    }

    #[test]
    fn every_example_runs() {
        for keyword in ALL.iter().copied().flatten() {
            let text = example(keyword.name, keyword.example, keyword.sections);
            let (_, said) = load_text(&text);
            let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("E ")).collect();
            match keyword.support {
                Support::Refused(reason) => {
                    assert!(errors.len() == 1 && errors[0].contains(reason), "{text}{said}");
                }
                Support::Supported | Support::Accepted(_) | Support::Obsolete(_) => {
                    assert!(errors.is_empty(), "{text}{said}");
                }
            }
        }
    }

    #[test]
    fn entries_are_sound() {
        let mut seen = BTreeSet::new();
        for keyword in ALL.iter().copied().flatten() {
            let name = keyword.name;
            for (place, label) in [(Sections::GLOBAL, "global"), (Sections::ANY, "proxy")] {
                if keyword.sections.meets(place) {
                    assert!(seen.insert((name, label)), "{name} has two entries in {label}");
                }
            }
            let fits = match keyword.apply {
                Apply::Global(_) => keyword.sections == Sections::GLOBAL,
                Apply::Proxy(_) | Apply::Switch(_) => !keyword.sections.meets(Sections::GLOBAL),
                Apply::Nothing => !matches!(keyword.support, Support::Supported | Support::Obsolete(_)),
            };
            assert!(fits, "{name}: sections, support and function disagree");
        }
    }

    /// Words that have broken parsers.
    const WORDS: &[&str] = &[
        "\"\"",
        "0",
        "-1",
        "1",
        "256",
        "99999999999999999999",
        "x",
        "%[",
        "%[src]",
        "%{",
        "{",
        "}",
        "!",
        "if",
        "unless",
        "or",
        "||",
        ":",
        ",",
        "::",
        "[",
        "]",
        "@",
        "+",
        "-",
        "=",
        "é",
        "\\xff",
        "a/b",
        "1-0",
        "3-1:2",
        "(",
        ")",
        "f(",
        "f(,)",
        "hdr(x),lower",
        "src",
        "path_beg",
        "-i",
        "-m",
        "-f",
        "--",
        "/etc/x",
        "127.0.0.1:80",
        ":80",
        "ipv6@",
        "unix@",
        "fd@",
        "10s",
        "1x",
        "GET",
        "200",
        "len",
        "code",
        "status",
        "string",
        "on",
        "off",
        "str(x)",
        "req.hdr(",
        "%",
        "\\\\",
        "^(",
        "[a",
        "*",
        "listen",
        "other",
        "s1",
        "ssl",
        "check",
        "rgx",
        "hdr",
        "uri",
        "set-var(txn.x)",
        "deny",
        "return",
        "set-header",
        "capture",
        "redirect",
        "accept",
        "reject",
    ];

    #[test]
    fn no_words_panic() {
        const SEED: u64 = 7;
        const ROUNDS: usize = 40;
        let mut rng = evenkeel_base::rng::Rng::new(SEED);
        for keyword in ALL.iter().copied().flatten() {
            let mut text = String::new();
            for _ in 0..ROUNDS {
                let mut line = keyword.name.to_owned();
                for _ in 0..rng.below(6) {
                    line.push(' ');
                    line.push_str(WORDS[rng.below(WORDS.len() as u32) as usize]);
                }
                text.push_str(&example(keyword.name, &line, keyword.sections));
            }
            load_text(&text);
        }
        for _ in 0..ROUNDS * ROUNDS {
            let mut bind = "bind :80".to_owned();
            let mut server = "server s 127.0.0.1:80".to_owned();
            for _ in 0..rng.below(4) {
                let option = super::bind::OPTIONS[rng.below(super::bind::OPTIONS.len() as u32) as usize].name;
                bind.push_str(&format!(" {option} {}", WORDS[rng.below(WORDS.len() as u32) as usize]));
                let option =
                    super::server::OPTIONS[rng.below(super::server::OPTIONS.len() as u32) as usize].name;
                server.push_str(&format!(" {option} {}", WORDS[rng.below(WORDS.len() as u32) as usize]));
            }
            load_text(&format!("listen l\n {bind}\n {server}\n"));
        }
    }
}
