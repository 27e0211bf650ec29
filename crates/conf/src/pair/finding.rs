//! What is wrong with a pair.

use evenkeel_base::{Level, Span};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// The first.
    A,
    /// The second.
    B,
}

/// A place in one node's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Whose file.
    pub node: Node,
    /// Where in it.
    pub span: Span,
}

impl Spot {
    /// A place.
    pub fn new(node: Node, span: Span) -> Self {
        Self { node, span }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable short name such as `failure-cannot-move-vip`.
    pub code: &'static str,
    /// Error: the addresses will be held twice, or by nobody. Warning: it works, and surprises.
    pub level: Level,
    /// One sentence without a final dot, with the nodes' names.
    pub message: String,
    /// Where.
    pub at: Spot,
    /// The other place or places, each with a few words.
    pub also: Vec<(Spot, String)>,
    /// What to write: full sentences.
    pub help: String,
}

impl Finding {
    /// Two nodes that will not work together.
    pub(super) fn error(code: &'static str, message: String, at: Spot, help: impl Into<String>) -> Self {
        Self { code, level: Level::Error, message, at, also: Vec::new(), help: help.into() }
    }

    /// Two nodes that will surprise.
    pub(super) fn warning(code: &'static str, message: String, at: Spot, help: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(code, message, at, help) }
    }

    /// Adds a second place.
    pub(super) fn also(mut self, other: (Spot, String)) -> Self {
        self.also.push(other);
        self
    }
}
