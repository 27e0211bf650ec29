//! What is said of a file, and what it means for the exit code of `-t`.

use evenkeel_base::{Diagnostic, Span};

/// What a finding means for the original's exit code, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The original says nothing of it, or says it and exits with 0.
    Remark,
    /// The original reports it, goes on without it, and exits with 5.
    Tolerated,
    /// A script that is not safe: exits with 6.
    Security,
    /// An included file that had to be there is not: exits with 6 and reads no further.
    Missing,
    /// A keyword without its parameter: exits with 2 at once.
    Fatal,
}

/// What `-t` exits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exit {
    /// Nothing to complain about.
    Clean,
    /// Something was reported and passed over.
    Tolerated,
    /// Unsafe scripts, or an included file that had to be there.
    Security,
    /// Not usable.
    Fatal,
}

impl Exit {
    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Clean => 0,
            Exit::Tolerated => 5,
            Exit::Security => 6,
            Exit::Fatal => 2,
        }
    }

    /// What all findings together come to.
    pub fn of(findings: &[Finding]) -> Exit {
        match findings.iter().map(|f| f.class).max() {
            None | Some(Class::Remark) => Exit::Clean,
            Some(Class::Tolerated) => Exit::Tolerated,
            Some(Class::Security | Class::Missing) => Exit::Security,
            Some(Class::Fatal) => Exit::Fatal,
        }
    }
}

/// One fault or doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it means for the exit code.
    pub class: Class,
    /// What is said.
    pub diagnostic: Diagnostic,
}

impl Finding {
    /// A mistake that is passed over: exit code 5.
    pub fn tolerated(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { class: Class::Tolerated, diagnostic: Diagnostic::error(code, message, span) }
    }

    /// Something that is taken, though not as written (a value that is cut or replaced): exit code 5.
    pub fn adjusted(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { class: Class::Tolerated, diagnostic: Diagnostic::warning(code, message, span) }
    }

    /// A doubt that does not change the exit code.
    pub fn remark(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { class: Class::Remark, diagnostic: Diagnostic::warning(code, message, span) }
    }

    /// A keyword without its parameter: exit code 2.
    pub fn fatal(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { class: Class::Fatal, diagnostic: Diagnostic::error(code, message, span) }
    }

    /// An unsafe script: exit code 6.
    pub fn security(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self { class: Class::Security, diagnostic: Diagnostic::warning(code, message, span) }
    }

    /// Adds words for under the caret.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.note(text);
        self
    }

    /// Adds a sentence of help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.help(text);
        self
    }

    /// Adds a second place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.diagnostic = self.diagnostic.label(span, text);
        self
    }
}
