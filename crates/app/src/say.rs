//! What the program says on its standard error, in the original's shape: a level, the process number, the text. The
//! version and the path of the program go before the first message, as the original does.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use evenkeel_base::{Level, version};

use crate::render::{self, Classic, Snippet};
use crate::run::Loaded;

/// What becomes of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All well.
    Ok,
    /// It failed, or the answer is no.
    Failed,
    /// The original's third answer: nothing to listen on, or a condition that cannot be read.
    Unclear,
    /// Another code that scripts know.
    Code(u8),
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => 0.into(),
            Exit::Failed => 1.into(),
            Exit::Unclear => 2.into(),
            Exit::Code(code) => code.into(),
        }
    }
}

/// The voice of one run.
#[derive(Debug)]
pub(crate) struct Voice {
    quiet: bool,
    introduced: bool,
}

impl Voice {
    /// A voice, or a silent one (`-q`).
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, introduced: false }
    }

    /// True if nothing is said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// True where people look: messages may then have carets and colours.
    pub(crate) fn on_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Says something, in the original's shape; people are spared the introduction.
    pub(crate) fn say(&mut self, level: Level, text: impl Display) {
        if !self.introduced && !self.on_terminal() {
            self.introduced = true;
            for line in introduction() {
                self.write(&render::classic_line(Level::Notice, std::process::id(), &line));
            }
        }
        self.write(&render::classic_line(level, std::process::id(), &text.to_string()));
    }

    /// Says what is wrong with a configuration: with carets to people, in the original's lines to all else.
    pub(crate) fn report(&mut self, loaded: &Loaded, show_diag: bool) {
        let text = if self.on_terminal() {
            let style = Snippet { color: colors(), width: terminal_width(&io::stderr()), show_diag };
            render::snippets(&loaded.diagnostics, &loaded.sources, &style)
        } else {
            let preamble = if self.introduced { Vec::new() } else { introduction() };
            let style = Classic { pid: std::process::id(), preamble: &preamble, show_diag };
            self.introduced |= loaded.diagnostics.iter().any(|d| d.level >= Level::Warning);
            render::classic(&loaded.diagnostics, &loaded.sources, &style)
        };
        self.write(&text);
    }

    /// Writes text as it is.
    pub(crate) fn write(&self, text: &str) {
        if !self.quiet {
            // Where standard error is gone there is nowhere to say so.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

/// Who speaks: the version and the path of the program.
fn introduction() -> Vec<String> {
    let path = std::env::current_exe().map(|p| p.display().to_string()).unwrap_or_default();
    vec![format!("haproxy version is {}", version::FULL), format!("path to executable is {path}")]
}

/// Writes to standard output; what cannot be written (a closed pipe) is no fault of ours.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// True unless the user asked for none (<https://no-color.org>) or the terminal has none.
pub(crate) fn colors() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Columns of the terminal behind a stream.
pub(crate) fn terminal_width(stream: &impl std::os::fd::AsFd) -> usize {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        Ok(_) | Err(_) => render::WIDTH_DEFAULT,
    }
}

/// What the system said, without the number that Rust adds.
pub(crate) fn system_words(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error ") {
        text.truncate(end);
    }
    text
}

/// The last part of a path, as text.
pub(crate) fn base_name(path: &OsStr) -> String {
    std::path::Path::new(path).file_name().unwrap_or(path).to_string_lossy().into_owned()
}

/// A panic is a fault of ours: says where, so that it can be reported. The release build aborts after it.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
        let payload = info.payload();
        let why = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no words");
        let thread = std::thread::current();
        let text = format!(
            "internal fault{place} in thread {}: {why}. This is a bug of Evenkeel {}, please report it.",
            thread.name().unwrap_or("?"),
            version::OWN,
        );
        let mut lines = render::classic_line(Level::Error, std::process::id(), &text);
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            lines.push_str(&format!("{trace}\n"));
        }
        let _ = io::stderr().lock().write_all(lines.as_bytes());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_lose_their_number() {
        assert_eq!(system_words(&io::Error::from_raw_os_error(13)), "Permission denied");
        assert_eq!(system_words(&io::Error::other("no route")), "no route");
    }
}
