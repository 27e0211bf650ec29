//! `-t`: is this configuration right? The original's lines and exit codes; on a terminal with the source lines.

use std::io::{self, IsTerminal};

use evenkeel_base::Diagnostic;

use super::argv::Command;
use super::config;
use super::log::{Log, Process, Wishes};
use crate::render::{self, Snippet};
use crate::say::{self, Exit, Voice};

/// The exit code with `-e` where a file is missing.
const MISSING: u8 = 4;

/// The exit code of what was reported and passed over.
const TOLERATED: u8 = 5;

/// Checks and says what is wrong.
pub(crate) fn run(command: &Command) -> Exit {
    let log = Log::open(Wishes::new(command), Process::Parent.ident(None, None), Process::Parent);
    let path = config::path(command);
    if let Err(unreadable) = config::look(&path) {
        log.info(&unreadable.to_string());
        return if command.strict { Exit::Code(MISSING) } else { Exit::Ok };
    }
    let loaded = config::load(&path, &config::env(command), command);
    let to_screen = command.test == Some(None) && io::stderr().is_terminal();
    if to_screen {
        let diagnostics: Vec<Diagnostic> = loaded.findings.iter().map(|f| f.diagnostic.clone()).collect();
        let style =
            Snippet { color: say::colors(), width: say::terminal_width(&io::stderr()), show_diag: false };
        Voice::new(false).write(&render::snippets(&diagnostics, &loaded.sources, &style));
    } else {
        config::say(&log, &loaded.findings, &loaded.sources);
    }
    match loaded.exit.code() {
        0 if command.doubtful => Exit::Code(TOLERATED),
        0 => Exit::Ok,
        code => Exit::Code(code),
    }
}
