//! What a configuration says, as words: sections, lines, words, each with its place. No meaning yet.
//!
//! A word may be empty (`""`): in the original it ends a list of arguments.

use crate::env::Environment;
use evenkeel_base::Span;
pub use evenkeel_base::word::Word;
use std::sync::Arc;

/// One statement: at least one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words, never none.
    pub words: Vec<Word>,
    /// From the first word's start to the last one's end.
    pub span: Span,
}

impl Line {
    /// A line of these words; `None` without any.
    pub fn new(words: Vec<Word>) -> Option<Self> {
        let span = words.first()?.span.to(words.last()?.span);
        Some(Self { words, span })
    }

    /// The first word.
    pub fn keyword(&self) -> &Word {
        self.words.first().expect("Line::new refuses an empty line, and nothing takes words away")
    }

    /// The words after the first.
    pub fn args(&self) -> &[Word] {
        self.words.get(1..).unwrap_or(&[])
    }

    /// The argument at `index`, counted from 0 after the keyword.
    pub fn arg(&self, index: usize) -> Option<&Word> {
        self.args().get(index)
    }
}

macro_rules! section_kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal,)*) => {
        /// The sections of HAProxy 1.x to 3.x.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SectionKind {
            $($(#[$doc])* $kind,)*
            /// A misspelt section's word. The reader has diagnosed it: there is nothing to say about its lines.
            Unknown,
        }

        impl SectionKind {
            /// Every known section, in the order of the manual.
            pub const ALL: &[SectionKind] = &[$(SectionKind::$kind,)*];

            /// The word that starts the section; `""` for [`SectionKind::Unknown`].
            pub const fn word(self) -> &'static str {
                match self {
                    $(SectionKind::$kind => $word,)*
                    SectionKind::Unknown => "",
                }
            }
        }
    };
}

section_kinds! {
    /// `global`: the process.
    Global = "global",
    /// `defaults`: what proxies inherit.
    Defaults = "defaults",
    /// `frontend`: where clients arrive.
    Frontend = "frontend",
    /// `backend`: where requests go.
    Backend = "backend",
    /// `listen`: both in one.
    Listen = "listen",
    /// `peers`: stick-table neighbours.
    Peers = "peers",
    /// `resolvers`: name servers.
    Resolvers = "resolvers",
    /// `mailers`: mail alerts.
    Mailers = "mailers",
    /// `userlist`: names and passwords.
    Userlist = "userlist",
    /// `cache`: the small object cache.
    Cache = "cache",
    /// `program`: external programs run by the master.
    Program = "program",
    /// `http-errors`: groups of error files.
    HttpErrors = "http-errors",
    /// `ring`: buffers for logs and traces.
    Ring = "ring",
    /// `log-forward`: syslog listeners.
    LogForward = "log-forward",
    /// `log-profile`: log formats per step.
    LogProfile = "log-profile",
    /// `fcgi-app`: FastCGI applications.
    FcgiApp = "fcgi-app",
    /// `crt-store`: certificates.
    CrtStore = "crt-store",
    /// `traces`: what to trace.
    Traces = "traces",
    /// `acme`: certificate authorities to ask.
    Acme = "acme",
    /// `healthcheck`: named check sequences.
    Healthcheck = "healthcheck",
    /// `namespace_list`: network namespaces.
    NamespaceList = "namespace_list",
}

impl SectionKind {
    /// True if the section needs no name.
    pub fn may_be_anonymous(self) -> bool {
        matches!(self, SectionKind::Global | SectionKind::Defaults)
    }

    /// The section that `word` starts, if it is one's first word. Case counts, as in the original.
    pub fn of(word: &Word) -> Option<SectionKind> {
        SectionKind::ALL.iter().copied().find(|kind| word.is(kind.word()))
    }
}

/// A section and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which one.
    pub kind: SectionKind,
    /// The line that starts it, with the section's word.
    pub head: Line,
    /// The lines in it, as written. `setenv`, `presetenv`, `unsetenv` and `resetenv` of `global` are here too, checked
    /// and applied by the reader.
    pub lines: Vec<Line>,
    /// The variables as they were at the section's end: what addresses are expanded with. Shared between sections.
    pub env: Arc<Environment>,
}

impl Section {
    /// The section's name, where one was given.
    pub fn name(&self) -> Option<&Word> {
        self.head.arg(0)
    }
}

/// All sections of all files, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ast {
    /// The sections. Lines outside any section have been diagnosed and are gone.
    pub sections: Vec<Section>,
}
