//! `evenkeel check` for keepalived.conf: one node's file, and two nodes' side by side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use evenkeel_base::{Diagnostic, FileId, Level, SourceMap, Span};
use evenkeel_conf::keepalived::{Exit, Loaded};
use evenkeel_conf::pair::{self, Node, Side, Spot};

use super::argv::Command;
use super::config;
use super::machine::Machine;

/// Largest script that is looked into.
const SCRIPT_MAX: u64 = 256 * 1024;

/// One file, read.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As the user gave it.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) loaded: Loaded,
}

/// Diagnostics with the files that they are about.
#[derive(Debug)]
pub(crate) struct Report {
    /// What is said.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The files.
    pub(crate) sources: Arc<SourceMap>,
}

/// Reads one file, or the keepalived.conf of a folder; `elsewhere`: it is for another machine.
pub(crate) fn read(path: &Path, elsewhere: bool) -> Checked {
    let machine = if elsewhere { Machine::Another } else { Machine::This };
    let file = file_of(path).unwrap_or_else(|| path.to_path_buf());
    let loaded = config::load_for(machine, &file, &config::env(&Command::default()));
    Checked { name: path.display().to_string(), loaded }
}

/// The keepalived.conf of a folder, if that is what it is.
pub(crate) fn file_of(path: &Path) -> Option<PathBuf> {
    let inside = path.join("keepalived.conf");
    inside.is_file().then_some(inside)
}

impl Checked {
    /// What is said of it.
    pub(crate) fn report(&self) -> Report {
        Report {
            diagnostics: self.loaded.findings.iter().map(|f| f.diagnostic.clone()).collect(),
            sources: Arc::clone(&self.loaded.sources),
        }
    }

    /// Whether it can run, in words.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.loaded.exit {
            Exit::Clean => "can run",
            Exit::Tolerated => "can run, but not all of it as written",
            Exit::Security => "can run, but runs scripts that others may change",
            Exit::Fatal => "cannot run",
        }
    }

    /// True if nothing is wrong.
    pub(crate) fn is_well(&self) -> bool {
        let errors = self.loaded.findings.iter().any(|f| f.diagnostic.level == Level::Error);
        !errors && !config::is_fatal(self.loaded.exit)
    }
}

/// What is wrong with two nodes together.
pub(crate) fn compare(a: &Checked, b: &Checked) -> Report {
    let script = |path: &str| read_script(path);
    let none = |_: &str| Vec::new();
    let one = Side { name: &a.name, plan: &a.loaded.plan, script: &script, interface: &none };
    let other = Side { name: &b.name, plan: &b.loaded.plan, script: &script, interface: &none };
    let findings = pair::compare(&one, &other);
    let mut sources = SourceMap::new();
    for loaded in [&a.loaded, &b.loaded] {
        for n in 0..loaded.sources.len() {
            let file = FileId(u32::try_from(n).unwrap_or(u32::MAX));
            sources.add(loaded.sources.name(file), loaded.sources.text(file).to_vec());
        }
    }
    let shift = u32::try_from(a.loaded.sources.len()).unwrap_or(u32::MAX);
    let place = |spot: Spot| match spot.node {
        Node::A => spot.span,
        Node::B => Span { file: FileId(spot.span.file.0.saturating_add(shift)), ..spot.span },
    };
    let diagnostics = findings
        .into_iter()
        .map(|finding| {
            let what = Diagnostic::new(finding.level, finding.code, finding.message, place(finding.at));
            let also = finding.also.into_iter();
            also.fold(what, |what, (spot, text)| what.label(place(spot), text)).help(finding.help)
        })
        .collect();
    Report { diagnostics, sources: Arc::new(sources) }
}

fn read_script(path: &str) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > SCRIPT_MAX {
        return None;
    }
    std::fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// All diagnostics in keepalived's own shape.
pub(crate) fn classic(report: &Report) -> String {
    report.diagnostics.iter().map(|d| config::classic(d, &report.sources) + "\n").collect()
}
