//! The project's own chores: `cargo xtask <chore>`.

use std::process::ExitCode;

mod keywords;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("keywords") => keywords::run(args.any(|arg| arg == "--list")),
        _ => {
            eprintln!("usage: cargo xtask keywords [--list]   coverage of the original's keyword lists");
            ExitCode::from(2)
        }
    }
}
