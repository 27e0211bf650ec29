//! The project's own chores: `cargo xtask <chore>`.

mod bench;
mod keywords;
mod reference;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One chore.
struct Chore {
    name: &'static str,
    args: &'static str,
    doc: &'static str,
    run: fn(&[String]) -> ExitCode,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "tidy",
        args: "",
        doc: "the house rules: floors, bans, lengths, links, licences",
        run: tidy::run,
    },
    Chore {
        name: "keywords",
        args: "[--list]",
        doc: "coverage of the original's lists of keywords",
        run: |args| keywords::run(args.iter().any(|arg| arg == "--list")),
    },
    Chore {
        name: "reference",
        args: "[--check]",
        doc: "writes docs/keywords/ from the registries",
        run: reference::run,
    },
    Chore {
        name: "bench",
        args: "[--quick] [--seconds N] [--rounds N] [--only NAME] [--binary PATH] [--no-write]",
        doc: "measures against haproxy and nginx, writes docs/benchmarks.md",
        run: bench::run,
    },
    Chore {
        name: "bench vrrp",
        args: "[--piece NAME] [--rounds N] [--only EVENT] [--binary PATH] [--no-write]",
        doc: "measures against keepalived, writes docs/benchmarks-vrrp.md",
        // Found by its first word, above.
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chore = args.first().and_then(|name| CHORES.iter().find(|chore| chore.name == name));
    match (chore, args.get(1..)) {
        (Some(chore), Some(rest)) => (chore.run)(rest),
        (Some(_) | None, _) => {
            eprintln!("usage: cargo xtask <chore>");
            for Chore { name, args, doc, .. } in CHORES {
                eprintln!("  {:<60} {doc}", format!("{name} {args}"));
            }
            ExitCode::from(2)
        }
    }
}

/// The project's root folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
