//! A problem in the user's files as data. Parsers collect these and go on; only the door prints them.

use crate::span::Span;

/// How grave a diagnostic is, in the original's classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Shown only on request (`-dD`).
    Diag,
    /// For information.
    Notice,
    /// The file runs, but something is doubtful.
    Warning,
    /// The file cannot run.
    Error,
}

/// A second place that explains the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there, in a few words.
    pub text: String,
}

/// One fault, said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave.
    pub level: Level,
    /// A stable short name such as `unknown-keyword`, for tests and for `evenkeel check`.
    pub code: &'static str,
    /// What is wrong, one sentence without a final dot, without the place.
    pub message: String,
    /// Where; `None` where no file is involved.
    pub span: Option<Span>,
    /// A few words printed under the caret.
    pub note: Option<String>,
    /// Other places.
    pub labels: Vec<Label>,
    /// What to do: each a full sentence.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// A diagnostic at a place.
    pub fn new(level: Level, code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self {
            level,
            code,
            message: message.into(),
            span: Some(span),
            note: None,
            labels: Vec::new(),
            help: Vec::new(),
        }
    }

    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self::new(Level::Error, code, message, span)
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, message: impl Into<String>, span: Span) -> Self {
        Self::new(Level::Warning, code, message, span)
    }

    /// The same without a place.
    pub fn nowhere(level: Level, code: &'static str, message: impl Into<String>) -> Self {
        Self { span: None, ..Self::new(level, code, message, Span::default()) }
    }

    /// Adds words for under the caret.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    /// Adds a sentence of help.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Adds a second place.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }
}
