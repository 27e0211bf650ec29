//! `cargo xtask tidy`: the rules of the house that no compiler checks. Every breach is one line; none means success.
//!
//! - [`floors`]: who may import whom, licences and sources of dependencies
//! - [`source`]: what Rust files may say, and how long they may be
//! - [`text`]: what no tracked file may say; links between documents

mod floors;
mod lexed;
mod source;
mod text;

use std::path::Path;
use std::process::{Command, ExitCode};

/// Prints every breach.
pub(crate) fn run(_args: &[String]) -> ExitCode {
    let root = crate::root();
    let files = match tracked(&root) {
        Ok(files) => files,
        Err(why) => {
            eprintln!("tidy: cannot list the tracked files: {why}");
            return ExitCode::FAILURE;
        }
    };
    let mut breaches = floors::check(&root);
    breaches.extend(source::check(&root, &files));
    breaches.extend(text::check(&root, &files));
    for breach in &breaches {
        println!("tidy: {breach}");
    }
    match breaches.len() {
        0 => {
            println!("tidy: {} files, all well", files.len());
            ExitCode::SUCCESS
        }
        n => {
            println!("tidy: {n} breaches");
            ExitCode::FAILURE
        }
    }
}

/// All files that belong to the project, new ones included, as paths from the root.
fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let out = git.output().map_err(|e| format!("git: {e}"))?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).trim().to_owned());
    }
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(text.lines().filter(|file| root.join(file).is_file()).map(str::to_owned).collect())
}
