//! `evenkeel check`: the friendly door to a configuration. Every mistake with its place, then one line that says whether
//! it can run.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use evenkeel_base::Level;
use evenkeel_conf::Input;

use crate::argv::Command;
use crate::render::{self, Classic, Snippet};
use crate::run::{self, Loaded};
use crate::say::{self, Exit, Voice};

/// What `evenkeel help check` adds.
pub(crate) const MORE: &str = "\
Each file or folder is one configuration; `-` is standard input. Exit code 0: all of them can run.

  --together             all of them are one configuration, in this order (as several -f of haproxy)
  --snippets, --classic  mistakes with their lines and carets, or in HAProxy's form; by default the first on a terminal
  --all                  also what is merely suspicious
  --quiet                only the exit code
";

/// Largest configuration taken from standard input, as for files.
const STDIN_MAX: u64 = 64 * 1024 * 1024;

/// Bytes looked at to tell whose language a file is in.
const SNIFF_MAX: u64 = 64 * 1024;

/// First words of lines that only keepalived's files have.
const KEEPALIVED_WORDS: &[&str] = &[
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "vrrp_track_process",
    "virtual_server",
    "virtual_server_group",
    "static_ipaddress",
    "static_routes",
    "bfd_instance",
];

#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    names: Vec<OsString>,
    together: bool,
    snippets: Option<bool>,
    all: bool,
    quiet: bool,
}

/// Runs the command.
pub(crate) fn run(args: &[OsString]) -> Exit {
    let voice = Voice::new(false);
    let wish = match wish(args) {
        Ok(wish) => wish,
        Err(word) => {
            voice.write(&format!("evenkeel check: unknown switch {word}\n\n{MORE}"));
            return Exit::Failed;
        }
    };
    if wish.names.is_empty() {
        voice.write(&format!("evenkeel check: which file?\n\n{MORE}"));
        return Exit::Failed;
    }
    let groups: Vec<&[OsString]> =
        if wish.together { vec![&wish.names] } else { wish.names.iter().map(std::slice::from_ref).collect() };
    let mut exit = Exit::Ok;
    for (n, group) in groups.iter().enumerate() {
        if n > 0 && !wish.quiet {
            say::print("\n");
        }
        if check(group, &wish) != Exit::Ok {
            exit = Exit::Failed;
        }
    }
    exit
}

fn wish(args: &[OsString]) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut switches = true;
    for arg in args {
        match arg.to_str() {
            Some("--") if switches => switches = false,
            Some("--together") if switches => wish.together = true,
            Some("--snippets") if switches => wish.snippets = Some(true),
            Some("--classic") if switches => wish.snippets = Some(false),
            Some("--all") if switches => wish.all = true,
            Some("--quiet" | "-q") if switches => wish.quiet = true,
            Some(other) if switches && other.starts_with('-') && other != "-" => {
                return Err(other.to_string());
            }
            Some(_) | None => wish.names.push(arg.clone()),
        }
    }
    Ok(wish)
}

/// One configuration.
fn check(names: &[OsString], wish: &Wish) -> Exit {
    let mut inputs = Vec::new();
    for name in names {
        if name == "-" {
            let mut text = Vec::new();
            // What cannot be read is missing, and the reader says so.
            let _ = io::stdin().lock().take(STDIN_MAX).read_to_end(&mut text);
            inputs.push(Input::Text { name: "<stdin>".to_string(), text });
            continue;
        }
        let path = PathBuf::from(name);
        if is_keepalived(&path) {
            let text = "is a keepalived file: these are not built yet, so it was not checked";
            Voice::new(wish.quiet).write(&format!("{} {text}.\n", path.display()));
            return Exit::Failed;
        }
        inputs.push(Input::Path(path));
    }
    let command = Command { diagnostics: wish.all, check: true, ..Command::default() };
    let loaded = run::prepare(inputs, &command).loaded;
    if !wish.quiet {
        say::print(&show(&loaded, wish));
        let title = names.iter().map(title).collect::<Vec<_>>().join(" + ");
        say::print(&format!("{}\n", verdict(&loaded, &title)));
    }
    if loaded.plan.is_some() { Exit::Ok } else { Exit::Failed }
}

fn title(name: &OsString) -> String {
    if name == "-" { "<stdin>".to_string() } else { say::base_name(name) }
}

fn show(loaded: &Loaded, wish: &Wish) -> String {
    let out = io::stdout();
    let terminal = out.is_terminal();
    if wish.snippets.unwrap_or(terminal) {
        let width = if terminal { say::terminal_width(&out) } else { render::WIDTH_DEFAULT };
        let style = Snippet { color: terminal && say::colors(), width, show_diag: wish.all };
        let text = render::snippets(&loaded.diagnostics, &loaded.sources, &style);
        return if text.is_empty() { text } else { text + "\n" };
    }
    let style = Classic { pid: std::process::id(), preamble: &[], show_diag: wish.all };
    render::classic(&loaded.diagnostics, &loaded.sources, &style)
}

/// The line that answers the question.
fn verdict(loaded: &Loaded, title: &str) -> String {
    let count =
        render::summary(&loaded.diagnostics).unwrap_or_else(|| "Nothing to complain about".to_string());
    let can = match &loaded.plan {
        None => "cannot run",
        Some(plan) if !run::listens(plan) => "can be read, but listens on nothing and would not start",
        Some(_) => "can run",
    };
    debug_assert!(loaded.plan.is_none() || loaded.diagnostics.iter().all(|d| d.level < Level::Error));
    format!("{count}. {title} {can}.")
}

fn is_keepalived(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "keepalived.conf") {
        return true;
    }
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut text = Vec::new();
    let _ = file.take(SNIFF_MAX).read_to_end(&mut text);
    text.split(|b| *b == b'\n').any(|line| {
        let word = line
            .trim_ascii_start()
            .split(|b| b.is_ascii_whitespace() || *b == b'{')
            .next()
            .unwrap_or_default();
        KEEPALIVED_WORDS.iter().any(|known| known.as_bytes() == word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let read = |line: &str| wish(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(read("--together a b").map(|w| (w.together, w.names.len())), Ok((true, 2)));
        assert_eq!(read("--classic -").map(|w| (w.snippets, w.names.len())), Ok((Some(false), 1)));
        assert_eq!(read("-- --all").map(|w| (w.all, w.names.len())), Ok((false, 1)));
        assert_eq!(read("--frob a"), Err("--frob".to_string()));
    }
}
