//! What a keyword's function may ask and tell: the names of the configuration, the line it stands on, diagnostics,
//! and the world outside.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bstr::BString;
use evenkeel_base::{Diagnostic, Level, Span, Support};
use evenkeel_plan::proxy::ErrorPage;

use super::bind::BindDraft;
use super::names::NameBook;
use crate::ast::Section;
use crate::env::Environment;

/// What lowering needs from the machine. `conf::source` implements it over the real one, tests over rows of data.
pub trait Outside {
    /// A file's bytes; the error is the system's word.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String>;
    /// The addresses of a host name, best first; none if it is unknown.
    fn resolve(&self, host: &str) -> Vec<IpAddr>;
    /// An environment variable as it was at the start.
    fn environment(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Most diagnostics of one run: nobody reads more, and a broken huge file must not take minutes.
const DIAGNOSTICS_MAX: usize = 2_000;

/// What stands before a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Prefix {
    /// Nothing.
    #[default]
    Plain,
    /// `no`.
    No,
    /// `default`.
    Default,
}

/// The state of lowering, handed to every keyword's function.
pub(crate) struct Ctx<'o> {
    /// Names and ids; also what expressions resolve their names with.
    pub(crate) names: NameBook<'o>,
    /// The machine.
    pub(crate) outside: &'o dyn Outside,
    /// What stands before the keyword of this line.
    pub(crate) prefix: Prefix,
    /// The keyword of this line, all its words.
    pub(crate) keyword: &'static str,
    /// Where it stands.
    pub(crate) at: Span,
    /// The whole line.
    pub(crate) line: Span,
    /// The variables that addresses are expanded with (even unquoted): as at the end of the section.
    pub(crate) env: Arc<Environment>,
    /// `unix-bind prefix`.
    pub(crate) unix_bind_prefix: Option<PathBuf>,
    /// `unix-bind`: what `bind` lines start with.
    pub(crate) unix_bind: BindDraft,
    /// `log-send-hostname` was given: log lines name the host where no format is given.
    pub(crate) logs_hostname: bool,
    /// `log` lines of `global` that name no format: positions in its list.
    pub(crate) unshaped_logs: Vec<usize>,
    /// `global` has a `stats` line.
    pub(crate) global_stats: bool,
    /// Some line asks for the address that clients connected to.
    pub(crate) uses_destination: bool,
    /// Error pages read, by path.
    pub(crate) pages: BTreeMap<BString, Arc<[u8]>>,
    /// `nbproc`.
    pub(crate) processes: u32,
    /// `nbthread`.
    pub(crate) threads: Option<u32>,
    /// Names of `resolvers` sections.
    pub(crate) resolvers: Vec<String>,
    /// `http-errors` sections.
    pub(crate) http_errors: BTreeMap<String, Vec<ErrorPage>>,
    /// What has been found wrong.
    diags: Vec<Diagnostic>,
}

impl<'o> Ctx<'o> {
    /// Before the first line.
    pub(crate) fn new(names: NameBook<'o>, outside: &'o dyn Outside) -> Self {
        Self {
            names,
            outside,
            prefix: Prefix::Plain,
            keyword: "",
            at: Span::default(),
            line: Span::default(),
            env: Arc::default(),
            unix_bind_prefix: None,
            unix_bind: BindDraft::default(),
            logs_hostname: false,
            unshaped_logs: Vec::new(),
            global_stats: false,
            uses_destination: false,
            pages: BTreeMap::new(),
            processes: 1,
            threads: None,
            resolvers: vec!["default".to_owned()],
            http_errors: BTreeMap::new(),
            diags: Vec::new(),
        }
    }

    /// Before the lines of a section.
    pub(crate) fn enter_section(&mut self, section: &Section) {
        self.env = Arc::clone(&section.env);
        self.line = section.head.span;
        self.at = section.head.span;
        self.prefix = Prefix::Plain;
        self.keyword = section.kind.word();
    }

    /// What a switch is after this line: on, off after `no`, `by_default` after `default`.
    pub(crate) fn on(&self, by_default: bool) -> bool {
        match self.prefix {
            Prefix::Plain => true,
            Prefix::No => false,
            Prefix::Default => by_default,
        }
    }

    /// Notes a fault and goes on. The same fault at the same place counts once (lines of `defaults` are read again for
    /// every proxy).
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if self.diags.len() < DIAGNOSTICS_MAX && !self.diags.contains(&diagnostic) {
            self.diags.push(diagnostic);
        }
    }

    /// A warning at a place.
    pub(crate) fn warn(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.report(Diagnostic::warning(code, message, span));
    }

    /// An error at a place.
    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.report(Diagnostic::error(code, message, span));
    }

    /// What is to be said of something that was used and works: nothing, that it is old, or that it has no effect.
    pub(crate) fn report_support(&mut self, name: &str, support: Support, span: Span) {
        match support {
            Support::Obsolete(today) => self.report(
                Diagnostic::warning(
                    "obsolete-keyword",
                    format!("the '{name}' directive is obsolete, and still works"),
                    span,
                )
                .note(format!("today: {today}")),
            ),
            Support::Accepted(reason) => self.report(Diagnostic::new(
                Level::Diag,
                "no-effect",
                format!("'{name}' has no effect: {reason}"),
                span,
            )),
            Support::Supported | Support::Refused(_) => {}
        }
    }

    /// All that was found.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diags
    }
}
