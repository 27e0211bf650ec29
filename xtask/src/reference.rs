//! `cargo xtask reference`: docs/keywords/, from the registries. One page per registry, one row per name.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use evenkeel_admin::cli::command::{Command, all as commands};
use evenkeel_base::Support;
use evenkeel_conf::keepalived::keyword::{self as keepalived, Block};
use evenkeel_conf::lower::coverage::{Registry, told};
use evenkeel_expr::arg::{ArgKind, Params};
use evenkeel_expr::{acl, conv, fetch, logformat};
use evenkeel_rules::{RuleSet, registry as actions};

/// Where the pages are.
const FOLDER: &str = "docs/keywords";
/// The page of the sources' constants.
const BOUNDS: &str = "limits.md";

/// One page.
struct Page {
    file: &'static str,
    title: &'static str,
    lead: &'static str,
    heads: &'static [&'static str],
    rows: fn() -> Vec<Row>,
}

/// One name.
struct Row {
    name: String,
    support: Support,
    /// Ready for the table: by [`cell`] or [`code`].
    cells: Vec<String>,
}

const PAGES: &[Page] = &[
    Page {
        file: "sections.md",
        title: "Sections",
        lead: "The words that begin a section.",
        heads: &["what it does"],
        rows: || conf(Registry::Section, false),
    },
    Page {
        file: "global.md",
        title: "The `global` section",
        lead: "Keywords of the process.",
        heads: &["what it does", "example"],
        rows: || conf(Registry::Global, true),
    },
    Page {
        file: "proxies.md",
        title: "`defaults`, `frontend`, `backend`, `listen`",
        lead: "Keywords of the proxies.",
        heads: &["what it does", "example"],
        rows: || conf(Registry::Proxy, true),
    },
    Page {
        file: "bind.md",
        title: "Options of `bind` lines",
        lead: "What may follow the address.",
        heads: &["what it does"],
        rows: || conf(Registry::Bind, false),
    },
    Page {
        file: "server.md",
        title: "Options of `server` lines",
        lead: "What may follow the address, also in `default-server` and `server-template`.",
        heads: &["what it does"],
        rows: || conf(Registry::Server, false),
    },
    Page {
        file: "keepalived.md",
        title: "keepalived.conf: the keeper",
        lead: "Keywords of global settings, static blocks, scripts, BFD, sync groups and instances. Besides them a file has \
               `include` with its relatives, `@id` lines, `$NAME=` definitions, `~SEQ` and `~LST`; and for us alone \
               `!evenkeel lease off|SECONDS`, a comment for the original, in `global_defs` or `vrrp_instance`.",
        heads: &["in", "arguments", "what it does", "example"],
        rows: || keeper_rows(|block| block < Block::VirtualServer),
    },
    Page {
        file: "keepalived-director.md",
        title: "keepalived.conf: the director",
        lead: "Keywords of `virtual_server`, `real_server` and their checks. They are read and judged; none is in effect until the director is built.",
        heads: &["in", "arguments", "what it does", "example"],
        rows: || keeper_rows(|block| block >= Block::VirtualServer),
    },
    Page {
        file: "actions.md",
        title: "Actions of rules",
        lead: "What `tcp-request`, `http-request` and their relatives can do, and in which of them.",
        heads: &["in", "what it does", "example"],
        rows: action_rows,
    },
    Page {
        file: "fetches.md",
        title: "Sample fetches",
        lead: "What expressions look at. Arguments in brackets may be left out.",
        heads: &["arguments", "gives", "what it does"],
        rows: || {
            let row = |f: &fetch::Fetch| Row {
                name: f.name.to_owned(),
                support: f.support,
                cells: vec![cell(&arguments(f.params)), lower(f.out), cell(f.doc)],
            };
            fetch::all().map(row).collect()
        },
    },
    Page {
        file: "converters.md",
        title: "Converters",
        lead: "What may follow a fetch after a comma. `any`: the type that goes in.",
        heads: &["arguments", "takes", "gives", "what it does"],
        rows: || {
            let row = |c: &conv::Converter| Row {
                name: c.name.to_owned(),
                support: c.support,
                cells: vec![cell(&arguments(c.params)), lower(c.takes), lower(c.gives), cell(c.doc)],
            };
            conv::all().map(row).collect()
        },
    },
    Page {
        file: "acls.md",
        title: "ACL keywords",
        lead: "Fetches with a way of matching; every other fetch is an ACL keyword under its own name, with `-m`.",
        heads: &["stands for"],
        rows: acl_rows,
    },
    Page {
        file: "log-format.md",
        title: "Aliases of log-format strings",
        lead: "What `%` letters stand for. `%[expression]` gives the rest.",
        heads: &["what it tells"],
        rows: || {
            let row = |a: &logformat::Alias| Row {
                name: format!("%{}", a.name),
                support: Support::Supported,
                cells: vec![cell(a.doc)],
            };
            logformat::ALIASES.iter().map(row).collect()
        },
    },
    Page {
        file: "commands.md",
        title: "Runtime commands",
        lead: "What a stats socket understands, and the level that it takes.",
        heads: &["arguments", "takes", "what it does"],
        rows: || {
            let row = |c: &Command| Row {
                name: c.words.to_owned(),
                support: c.support,
                cells: vec![code(c.args), format!("{:?}", c.level).to_lowercase(), cell(c.doc)],
            };
            commands().map(row).collect()
        },
    },
    Page {
        file: "statistics.md",
        title: "Fields of the statistics",
        lead: "The columns of `show stat` and of the page's CSV, in their order, then the lines of `show info`.",
        heads: &["of", "what it tells"],
        rows: || {
            let stat = evenkeel_stats::fields::ALL.iter().map(|f| (f.name, "show stat", f.doc));
            let info = evenkeel_stats::info::ALL.iter().map(|i| (i.name, "show info", i.doc));
            let row = |(name, of, doc): (&str, &str, &str)| Row {
                name: name.to_owned(),
                support: Support::Supported,
                cells: vec![code(of), cell(doc)],
            };
            stat.chain(info).map(row).collect()
        },
    },
];

/// Writes all pages; with `--check` tells which would change.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let check = args.iter().any(|arg| arg == "--check");
    let folder = crate::root().join(FOLDER);
    let mut index = INDEX.to_owned();
    let mut texts = Vec::new();
    for page in PAGES {
        let rows = (page.rows)();
        index.push_str(&index_row(page, &rows));
        texts.push((page.file, page_text(page, &rows)));
    }
    texts.push(("README.md", index));
    match limits() {
        Ok(text) => texts.push((BOUNDS, text)),
        Err(why) => {
            eprintln!("the sources' bounds: {why}");
            return ExitCode::FAILURE;
        }
    }
    let mut stale = false;
    for (file, text) in texts {
        let path = folder.join(file);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            println!("{FOLDER}/{file} is not what the sources say: run `cargo xtask reference`");
            // Bounds are tuned often; a page that lags behind a number is told, not an error.
            stale |= file != BOUNDS;
            continue;
        }
        if let Err(why) = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, text)) {
            eprintln!("{}: {why}", path.display());
            return ExitCode::FAILURE;
        }
        println!("written: {FOLDER}/{file}");
    }
    if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Rooms whose bounds concern tests and the demo only.
const UNBOUNDED: &[&str] = &["crates/lab/", "crates/app/src/demo/"];

const LIMITS: &str = "# Bounds

Every queue, table, name and loop has one. Written by `cargo xtask reference` from the constants in the sources; what a
configuration sets (`maxconn`, `tune.bufsize`, timeouts) stands in the other pages. ([all pages](README.md))

| where | bound | value | what it bounds |
|---|---|---|---|
";

/// The table of all constants that end in `_MAX`.
fn limits() -> std::io::Result<String> {
    let mut files = Vec::new();
    rust_files(&crate::root().join("crates"), &mut files)?;
    let mut out = LIMITS.to_owned();
    let root = crate::root();
    for path in files {
        let file = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        if UNBOUNDED.iter().any(|folder| file.starts_with(folder)) || !file.contains("/src/") {
            continue;
        }
        for (name, value, doc) in bounds(&fs::read_to_string(&path)?) {
            let _ = writeln!(out, "| `{file}` | `{name}` | {} | {} |", code(&value), cell(&doc));
        }
    }
    Ok(out)
}

fn rust_files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Name, value and comment of each documented `const …_MAX` before the tests.
fn bounds(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut doc = String::new();
    for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
        if let Some(comment) = line.trim_start().strip_prefix("///") {
            doc.push_str(comment);
            continue;
        }
        let item = line.trim_start_matches("pub").trim_start_matches("(crate)").trim_start_matches("(super)");
        if let Some(rest) = item.trim_start().strip_prefix("const ")
            && let Some((name, rest)) = rest.split_once(": ")
            && let Some((_, value)) = rest.split_once(" = ")
            && let Some(value) = value.strip_suffix(';')
            && name.contains("_MAX")
            && !doc.is_empty()
        {
            found.push((name.to_owned(), value.to_owned(), doc.trim().to_owned()));
        }
        doc.clear();
    }
    found
}

const INDEX: &str = "# Keyword reference

Written by `cargo xtask reference` from the registries that the program itself reads; `--check` tells whether it is
fresh. What each keyword means in full is in HAProxy's configuration manual; these pages say how far it is built here. [Bounds](limits.md) has the limits that no keyword sets.

| level | meaning |
|---|---|
| supported | does what the manual says |
| accepted | read and checked, has no effect here, for the reason given |
| obsolete | old releases' form: works as it did, with a warning that gives today's |
| refused | an error that names the keyword and says why, such as *not built yet* |

| page | names | supported | accepted | obsolete | refused |
|---|---:|---:|---:|---:|---:|
";

fn index_row(page: &Page, rows: &[Row]) -> String {
    let mut counts = [0; 4];
    for row in rows {
        let level = match row.support {
            Support::Supported => 0,
            Support::Accepted(_) => 1,
            Support::Obsolete(_) => 2,
            Support::Refused(_) => 3,
        };
        counts[level] += 1;
    }
    let [supported, accepted, obsolete, refused] = counts;
    let names = rows.len();
    format!(
        "| [{}]({}) | {names} | {supported} | {accepted} | {obsolete} | {refused} |\n",
        page.title, page.file
    )
}

fn page_text(page: &Page, rows: &[Row]) -> String {
    let mut out = format!("# {}\n\n{} ([all pages](README.md))\n\n", page.title, page.lead);
    out.push_str("| name | level |");
    for head in page.heads {
        // Writing to a string never fails.
        let _ = write!(out, " {head} |");
    }
    out.push_str("\n|---|---|");
    out.push_str(&"---|".repeat(page.heads.len()));
    out.push('\n');
    for Row { name, support, cells } in rows {
        let level = match support {
            Support::Supported => "supported".to_owned(),
            Support::Accepted(why) => format!("accepted: {why}"),
            Support::Obsolete(today) => format!("obsolete; today: {today}"),
            Support::Refused(why) => format!("refused: {why}"),
        };
        let _ = write!(out, "| {} | {} |", code(name), cell(&level));
        for text in cells {
            let _ = write!(out, " {text} |");
        }
        out.push('\n');
    }
    out
}

/// Text inside a table; between backticks it is code already.
fn cell(text: &str) -> String {
    let text = text.replace('|', "\\|").replace('\n', " ");
    let piece =
        |(n, piece): (usize, &str)| if n % 2 == 0 { piece.replace('<', "&lt;") } else { piece.to_owned() };
    text.split('`').enumerate().map(piece).collect::<Vec<_>>().join("`")
}

/// Code inside a table; nothing for nothing.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

fn conf(registry: Registry, examples: bool) -> Vec<Row> {
    let row = |t: evenkeel_conf::lower::coverage::Told| {
        let mut cells = vec![cell(t.doc)];
        if examples {
            cells.push(code(t.example));
        }
        Row { name: t.name.to_owned(), support: t.support, cells }
    };
    told(registry).into_iter().map(row).collect()
}

/// Keywords of keepalived.conf in some blocks, by block and name.
fn keeper_rows(belongs: fn(Block) -> bool) -> Vec<Row> {
    let mut keywords: Vec<_> =
        keepalived::ALL.iter().copied().flatten().filter(|k| belongs(k.block)).collect();
    keywords.sort_by_key(|k| (k.block, k.name));
    let row = |k: &keepalived::Keyword| Row {
        name: k.name.to_owned(),
        support: k.support,
        cells: vec![cell(k.block.word()), code(k.args), cell(k.doc), code(&k.example.replace('\n', " "))],
    };
    keywords.into_iter().map(row).collect()
}

const SETS: [RuleSet; 8] = [
    RuleSet::QuicInitial,
    RuleSet::TcpConnection,
    RuleSet::TcpSession,
    RuleSet::TcpContent,
    RuleSet::TcpResponse,
    RuleSet::HttpRequest,
    RuleSet::HttpResponse,
    RuleSet::HttpAfterResponse,
];

fn action_rows() -> Vec<Row> {
    let row = |e: &actions::Entry| {
        let sets: Vec<String> =
            SETS.iter().filter(|set| e.sets.has(**set)).map(|set| code(set.keyword())).collect();
        Row {
            name: e.name.to_owned(),
            support: e.support,
            cells: vec![sets.join(", "), cell(e.doc), code(e.example)],
        }
    };
    actions::entries().map(row).collect()
}

fn acl_rows() -> Vec<Row> {
    let derived = acl::derivatives().map(|name| {
        let (base, how) = acl::derivative(name).unwrap_or((name, evenkeel_expr::pattern::Match::Str));
        let support = fetch::find(base).map_or(Support::Supported, |f| f.support);
        Row { name: name.to_owned(), support, cells: vec![code(&format!("{base} -m {}", how.name()))] }
    });
    let predefined = acl::predefined().map(|(name, line)| Row {
        name: name.to_owned(),
        support: Support::Supported,
        cells: vec![code(line)],
    });
    derived.chain(predefined).collect()
}

fn lower(kind: evenkeel_expr::Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

fn arguments(params: Params) -> String {
    let mut out = String::new();
    for (n, kind) in params.kinds.iter().enumerate() {
        let name = match kind {
            ArgKind::Choice(words) => words.join("/"),
            ArgKind::Map(_) => "file".to_owned(),
            ArgKind::MapDefault(_) => "default".to_owned(),
            ArgKind::Int | ArgKind::Index => "number".to_owned(),
            ArgKind::IntOrVar => "number or variable".to_owned(),
            ArgKind::Str => "text".to_owned(),
            ArgKind::Var | ArgKind::OptVar => "variable".to_owned(),
            ArgKind::CaptureReq | ArgKind::CaptureRes => "capture slot".to_owned(),
            ArgKind::Bool
            | ArgKind::Hex
            | ArgKind::Ipv4
            | ArgKind::Ipv6
            | ArgKind::Mask4
            | ArgKind::Mask6
            | ArgKind::Backend
            | ArgKind::Frontend
            | ArgKind::Server
            | ArgKind::Userlist
            | ArgKind::Regex
            | ArgKind::Separators
            | ArgKind::Environment
            | ArgKind::Field
            | ArgKind::Offset => format!("{kind:?}").to_lowercase(),
        };
        let comma = if n == 0 { "" } else { ", " };
        let text = if n < params.min { format!("{comma}{name}") } else { format!("[{comma}{name}]") };
        out.push_str(&text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_need_a_comment() {
        let text = "/// Most\n/// of it.\npub(crate) const A_MAX: usize = 1 << 2;\nconst B_MAX: u8 = 1;\n/// No.\nconst C: u8 = 2;\n";
        assert_eq!(bounds(text), [("A_MAX".to_owned(), "1 << 2".to_owned(), "Most of it.".to_owned())]);
    }

    #[test]
    fn every_page_has_rows_and_every_row_its_cells() {
        for page in PAGES {
            let rows = (page.rows)();
            assert!(!rows.is_empty(), "{}", page.file);
            for row in &rows {
                assert_eq!(row.cells.len(), page.heads.len(), "{} {}", page.file, row.name);
            }
        }
    }
}
