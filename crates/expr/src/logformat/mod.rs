//! Log-format strings: text with `%` aliases and `%[expressions]` (configuration manual §8.2.6). The same grammar makes
//! log lines, header values, redirect targets and unique ids; what differs is in [`Use`].

mod alias;
mod builtin;
mod parse;
mod write;

pub mod timers;

use bstr::BString;
use evenkeel_base::{Diagnostic, Level};

use crate::env::Env;
use crate::expr::Expr;
use crate::needs::{self, Needs, Place, Used};

pub use alias::{ALIASES, Alias};
pub use builtin::{Builtin, error_line};

/// Where the string is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Log lines: `log-format`, `error-log-format`, `log-format-sd`. What is empty is `-`, runs of spaces are one.
    Log,
    /// `unique-id-format`: runs of spaces are one, values are made safe for headers.
    UniqueId,
    /// Header values, targets, bodies, redirects: values are made safe for headers, spaces stay.
    Http,
    /// `set-var-fmt` and others that keep the text as it is.
    Plain,
}

impl Use {
    /// `-` for what is empty.
    fn is_mandatory(self) -> bool {
        match self {
            Use::Log => true,
            Use::UniqueId | Use::Http | Use::Plain => false,
        }
    }

    fn merges_spaces(self) -> bool {
        match self {
            Use::Log | Use::UniqueId => true,
            Use::Http | Use::Plain => false,
        }
    }

    /// Control characters of values become `%XX`.
    fn encodes(self) -> bool {
        match self {
            Use::UniqueId | Use::Http => true,
            Use::Log | Use::Plain => false,
        }
    }
}

/// How one value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags {
    /// `Q`: between double quotes.
    pub quote: bool,
    /// `X`: in hexadecimal.
    pub hex: bool,
    /// `E`: `"`, `\` and `]` after a backslash.
    pub escape: bool,
    /// `M`: `-` for what is empty.
    pub mandatory: bool,
}

#[derive(Clone, Debug)]
enum Node {
    Text(BString),
    /// A run of spaces that is one space, and none at the beginning.
    Space,
    Alias(&'static Alias, Flags),
    Expr(Box<Expr>, Flags),
}

/// A log-format string, compiled.
#[derive(Clone, Debug)]
pub struct LogFormat {
    nodes: Vec<Node>,
    used: Vec<Used>,
    how: Use,
}

impl LogFormat {
    /// Writes the string for an exchange behind what `out` holds.
    pub fn render(&self, env: &Env<'_>, out: &mut Vec<u8>) {
        let mut after_space = self.how.merges_spaces();
        for node in &self.nodes {
            match node {
                Node::Text(text) => {
                    out.extend_from_slice(text);
                    after_space = false;
                }
                Node::Space => {
                    if !after_space {
                        out.push(b' ');
                    }
                    after_space = true;
                }
                Node::Alias(alias, flags) => {
                    if (alias.write)(env, *flags, out) {
                        after_space = false;
                    }
                }
                Node::Expr(expr, flags) => {
                    write::value(expr.eval(env), *flags, self.how.encodes(), out);
                    after_space = false;
                }
            }
        }
    }

    /// The text if the string is nothing but text.
    pub fn as_text(&self) -> Option<&[u8]> {
        match self.nodes.as_slice() {
            [] => Some(b""),
            [Node::Text(text)] => Some(text),
            _ => None, // something to evaluate
        }
    }

    /// How it is used.
    pub fn usage(&self) -> Use {
        self.how
    }

    /// All that it looks at.
    pub fn needs(&self) -> Needs {
        self.used.iter().fold(Needs::NOTHING, |n, u| n.and(u.needs))
    }

    /// The fetches and aliases it uses.
    pub fn used(&self) -> &[Used] {
        &self.used
    }

    /// True if an alias of that name (`%hr`: `"hr"`) is used.
    pub fn uses_alias(&self, name: &str) -> bool {
        self.nodes.iter().any(|n| matches!(n, Node::Alias(alias, _) if alias.name == name))
    }

    /// Errors for fetches that can give nothing in `place`.
    pub fn check(&self, place: Place) -> Vec<Diagnostic> {
        // An alias gives `-` where it has nothing, as in the original: only fetches are faults.
        let fetches = self.used.iter().filter(|u| alias::find(u.name).is_none());
        needs::check(fetches, place, Level::Error)
    }
}
