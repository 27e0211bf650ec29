//! `evenkeel check`: the friendly door to a configuration, haproxy's or keepalived's. Every mistake with its place, then
//! one line that says whether it can run; two nodes' keepalived.conf are compared, too.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use evenkeel_base::{Diagnostic, Level, SourceMap};
use evenkeel_conf::Input;

use crate::argv::Command;
use crate::keepalived::check::{self as keeper, Checked};
use crate::keepalived::dump::json::Object;
use crate::render::{self, Classic, Snippet};
use crate::run::{self, Loaded};
use crate::say::{self, Exit, Voice};

/// What `evenkeel help check` adds.
pub(crate) const MORE: &str = "\
Each file or folder is one configuration, of haproxy or of keepalived, told apart by what is in it; `-` is standard input,
for haproxy. A folder with a keepalived.conf is a node. Two keepalived files or nodes are compared as a pair as well: what is
right alone and wrong together. Exit code 0: all of them can run, and there is no error.

  --together             all of them are one configuration, in this order (as several -f of haproxy)
  --elsewhere            keepalived's files are for other machines: this one is not asked for interfaces and addresses; so with
                         several of them
  --apart                two keepalived files have nothing to do with each other
  --snippets, --classic  mistakes with their lines and carets, or in the original's form; by default the first on a terminal
  --format json          for machines: one object per configuration, each in its line
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
    apart: bool,
    elsewhere: bool,
    json: bool,
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
    let keepers = wish.names.iter().filter(|name| is_keepers(name)).count();
    // At most one of two nodes can be this machine.
    let mut out = Outcome { elsewhere: wish.elsewhere || keepers > 1, ..Outcome::default() };
    if wish.together {
        out.haproxy(&wish.names, &wish);
    } else {
        for name in &wish.names {
            out.one(name, &wish);
        }
    }
    if let ([a, b], false) = (out.keepers.as_slice(), wish.apart) {
        let report = keeper::compare(a, b);
        let title = format!("{} and {}", a.name, b.name);
        out.pair(&report, &title, &wish);
    }
    if wish.json && !wish.quiet {
        say::print(&out.json);
    }
    if out.failed { Exit::Failed } else { Exit::Ok }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Outcome {
    failed: bool,
    /// keepalived's files are for other machines.
    elsewhere: bool,
    /// Something was shown: a line is left free before the next.
    shown: bool,
    /// keepalived's files, for the comparison.
    keepers: Vec<Checked>,
    /// One line per configuration.
    json: String,
}

impl Outcome {
    /// One name: a file of either kind, or a folder that may have both.
    fn one(&mut self, name: &OsString, wish: &Wish) {
        let path = PathBuf::from(name);
        let keepers = is_keepers(name);
        if keepers {
            self.keepalived(&path, wish);
        }
        if !keepers || has_haproxy(&path) {
            self.haproxy(std::slice::from_ref(name), wish);
        }
    }

    fn haproxy(&mut self, names: &[OsString], wish: &Wish) {
        let loaded = load_haproxy(names, wish);
        let title = names.iter().map(title).collect::<Vec<_>>().join(" + ");
        let classic = |d: &[Diagnostic], sources: &SourceMap| {
            let style = Classic { pid: std::process::id(), preamble: &[], show_diag: wish.all };
            render::classic(d, sources, &style)
        };
        let can = can(&loaded);
        self.show(&loaded.diagnostics, &loaded.sources, wish, &classic, "haproxy", &title, can);
        self.failed |= loaded.plan.is_none();
    }

    fn keepalived(&mut self, path: &Path, wish: &Wish) {
        let checked = keeper::read(path, self.elsewhere);
        let report = checked.report();
        let title = title(&path.as_os_str().to_owned());
        let classic = |_: &[Diagnostic], _: &SourceMap| keeper::classic(&report);
        let verdict = checked.verdict();
        self.show(&report.diagnostics, &report.sources, wish, &classic, "keepalived", &title, verdict);
        self.failed |= !checked.is_well();
        self.keepers.push(checked);
    }

    fn pair(&mut self, report: &keeper::Report, title: &str, wish: &Wish) {
        let worst = report.diagnostics.iter().map(|d| d.level).max();
        let verdict = match worst {
            Some(Level::Error) => "do not work together",
            Some(Level::Warning) => "work together, but not in every failure as one would think",
            Some(Level::Notice | Level::Diag) | None => "work together",
        };
        let classic = |_: &[Diagnostic], _: &SourceMap| keeper::classic(report);
        self.show(&report.diagnostics, &report.sources, wish, &classic, "pair", title, verdict);
        self.failed |= worst == Some(Level::Error);
    }

    /// Shows what was found, and the line that answers the question.
    #[allow(clippy::too_many_arguments, reason = "one configuration's whole outcome")]
    fn show(
        &mut self,
        diagnostics: &[Diagnostic],
        sources: &SourceMap,
        wish: &Wish,
        classic: &dyn Fn(&[Diagnostic], &SourceMap) -> String,
        kind: &str,
        title: &str,
        verdict: &str,
    ) {
        if wish.quiet {
            return;
        }
        if wish.json {
            self.json += &json(diagnostics, sources, wish, kind, title, verdict);
            return;
        }
        if std::mem::replace(&mut self.shown, true) {
            say::print("\n");
        }
        say::print(&text(diagnostics, sources, wish, classic));
        let count = render::summary(diagnostics).unwrap_or_else(|| "Nothing to complain about".to_string());
        say::print(&format!("{count}. {title} {verdict}.\n"));
    }
}

fn wish(args: &[OsString]) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut switches = true;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.to_str() {
            Some("--") if switches => switches = false,
            Some("--together") if switches => wish.together = true,
            Some("--elsewhere") if switches => wish.elsewhere = true,
            Some("--apart") if switches => wish.apart = true,
            Some("--format=json" | "--json") if switches => wish.json = true,
            Some("--format") if switches => match rest.next().and_then(|word| word.to_str()) {
                Some("json") => wish.json = true,
                Some("text") => wish.json = false,
                other => return Err(format!("--format {}", other.unwrap_or_default())),
            },
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

/// One configuration of haproxy.
fn load_haproxy(names: &[OsString], wish: &Wish) -> Loaded {
    let mut inputs = Vec::new();
    for name in names {
        if name == "-" {
            let mut text = Vec::new();
            // What cannot be read is missing, and the reader says so.
            let _ = io::stdin().lock().take(STDIN_MAX).read_to_end(&mut text);
            inputs.push(Input::Text { name: "<stdin>".to_string(), text });
        } else {
            inputs.push(Input::Path(PathBuf::from(name)));
        }
    }
    let command = Command { diagnostics: wish.all, check: true, ..Command::default() };
    run::prepare(inputs, &command).loaded
}

/// True if a name stands for keepalived's files, or a folder with them.
fn is_keepers(name: &OsString) -> bool {
    let path = Path::new(name);
    name != "-" && if path.is_dir() { keeper::file_of(path).is_some() } else { is_keepalived(path) }
}

/// True if a folder has files for haproxy, too.
fn has_haproxy(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    names.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|ext| ext == "cfg"))
}

fn title(name: &OsString) -> String {
    if name == "-" { "<stdin>".to_string() } else { say::base_name(name) }
}

/// What was found, for people or in the original's form.
fn text(
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
    wish: &Wish,
    classic: &dyn Fn(&[Diagnostic], &SourceMap) -> String,
) -> String {
    let out = io::stdout();
    let terminal = out.is_terminal();
    if !wish.snippets.unwrap_or(terminal) {
        return classic(diagnostics, sources);
    }
    let width = if terminal { say::terminal_width(&out) } else { render::WIDTH_DEFAULT };
    let style = Snippet { color: terminal && say::colors(), width, show_diag: wish.all };
    let text = render::snippets(diagnostics, sources, &style);
    if text.is_empty() { text } else { text + "\n" }
}

/// One configuration as one line of JSON.
fn json(
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
    wish: &Wish,
    kind: &str,
    title: &str,
    verdict: &str,
) -> String {
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    let shown = diagnostics.iter().filter(|d| wish.all || d.level > Level::Diag);
    object.text("name", title).text("kind", kind).text("verdict", verdict).objects(
        "findings",
        shown,
        |o, d| {
            let level = match d.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Notice => "notice",
                Level::Diag => "diag",
            };
            o.text("level", level).text("code", d.code).text("message", &d.message);
            if let Some(span) = d.span {
                let place = sources.place(span);
                o.text("file", place.file).bare("line", place.line).bare("column", place.column);
            }
            if let Some(note) = &d.note {
                o.text("note", note);
            }
            o.objects("also", &d.labels, |o, label| {
                let place = sources.place(label.span);
                o.text("file", place.file)
                    .bare("line", place.line)
                    .bare("column", place.column)
                    .text("text", &label.text);
            });
            o.all("help", &d.help);
        },
    );
    object.close();
    out + "\n"
}

/// Whether a configuration of haproxy can run, in words.
fn can(loaded: &Loaded) -> &'static str {
    debug_assert!(loaded.plan.is_none() || loaded.diagnostics.iter().all(|d| d.level < Level::Error));
    match &loaded.plan {
        None => "cannot run",
        Some(plan) if !run::listens(plan) => "can be read, but listens on nothing and would not start",
        Some(_) => "can run",
    }
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
        assert_eq!(read("--format json a").map(|w| (w.json, w.names.len())), Ok((true, 1)));
        assert_eq!(read("--format yaml a"), Err("--format yaml".to_string()));
        assert_eq!(read("--frob a"), Err("--frob".to_string()));
    }
}
