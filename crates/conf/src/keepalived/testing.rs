//! A machine of rows, and what is said of a text, for tests.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::define::Bounds;
use super::{Env, FileFacts, FileKind, Loaded, Outside, Owner, load_within};

/// The machine of tests: interfaces eth0 and eth1, users root, nobody and keepalived_script, a few programs.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Files by path.
    pub(crate) files: BTreeMap<String, String>,
    /// Facts that differ from root's `0755`.
    pub(crate) facts: BTreeMap<String, FileFacts>,
}

impl Rows {
    /// A machine whose configuration is `text`.
    pub(crate) fn with(text: &str) -> Self {
        let mut rows = Rows::default();
        rows.files.insert("k.conf".to_owned(), text.to_owned());
        rows
    }

    /// One more file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    fn folder(&self, path: &str) -> bool {
        let inside = format!("{}/", path.trim_end_matches('/'));
        path == "/"
            || PROGRAMS.iter().any(|p| p.starts_with(&inside))
            || self.files.keys().any(|p| p.starts_with(&inside))
    }
}

const PROGRAMS: &[&str] = &["/bin/true", "/usr/bin/killall", "/etc/keepalived/check.sh"];

impl Outside for Rows {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files
            .get(path)
            .map(|text| text.clone().into_bytes())
            .ok_or_else(|| "No such file or directory".to_owned())
    }

    fn list_folder(&self, path: &str) -> Option<Vec<String>> {
        let inside = if path == "." { String::new() } else { format!("{}/", path.trim_end_matches('/')) };
        let names = self.files.keys().filter_map(|p| p.strip_prefix(&inside));
        Some(names.map(|rest| rest.split('/').next().unwrap_or("").to_owned()).collect())
    }

    fn look(&self, path: &str) -> Result<FileFacts, String> {
        if let Some(facts) = self.facts.get(path) {
            return Ok(*facts);
        }
        let kind = if self.files.contains_key(path) || PROGRAMS.contains(&path) {
            FileKind::File
        } else if self.folder(path) {
            FileKind::Folder
        } else {
            return Err("No such file or directory".to_owned());
        };
        Ok(FileFacts { kind, uid: 0, gid: 0, mode: 0o755 })
    }

    fn real_path(&self, path: &str) -> Option<String> {
        self.look(path).ok().map(|_| path.to_owned())
    }

    fn user(&self, name: &str) -> Option<Owner> {
        match name {
            "root" => Some(Owner { uid: 0, gid: 0 }),
            "keepalived_script" => Some(Owner { uid: 900, gid: 900 }),
            "nobody" => Some(Owner { uid: 65534, gid: 65534 }),
            _ => None,
        }
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.user(name).map(|owner| owner.gid)
    }

    fn has_interface(&self, name: &str) -> bool {
        matches!(name, "lo" | "eth0" | "eth1")
    }

    fn has_address(&self, _: IpAddr) -> bool {
        true
    }

    fn resolves(&self, host: &str) -> bool {
        host == "localhost" || host.parse::<IpAddr>().is_ok()
    }

    fn environment(&self, name: &str) -> Option<Vec<u8>> {
        (name == "PATH").then(|| b"/usr/bin:/bin".to_vec())
    }
}

/// Reads a text as `k.conf`.
pub(crate) fn loaded(text: &str) -> Loaded {
    loaded_from(&Rows::with(text))
}

/// Reads `k.conf` of a machine.
pub(crate) fn loaded_from(rows: &Rows) -> Loaded {
    let env = Env { config_id: "main".to_owned(), instance: "lb1".to_owned(), random_seed: 7 };
    // Small ones: what grows without end is met soon.
    load_within("k.conf", &env, rows, Bounds { lines: 2_000, bytes: 1024 * 1024 })
}

/// What is said of a text: `line:column class code: message / note [labels]`, a finding a line.
pub(crate) fn said(loaded: &Loaded) -> String {
    let mut out = String::new();
    for finding in &loaded.findings {
        let diagnostic = &finding.diagnostic;
        if let Some(span) = diagnostic.span {
            let place = loaded.sources.place(span);
            out.push_str(&format!("{}:{} ", place.line, place.column));
        }
        out.push_str(&format!("{:?} {}: {}", finding.class, diagnostic.code, diagnostic.message));
        if let Some(note) = &diagnostic.note {
            out.push_str(&format!(" / {note}"));
        }
        if !diagnostic.labels.is_empty() {
            let lines: Vec<String> =
                diagnostic.labels.iter().map(|l| loaded.sources.place(l.span).line.to_string()).collect();
            out.push_str(&format!(" [{}]", lines.join(" ")));
        }
        out.push('\n');
    }
    out
}
