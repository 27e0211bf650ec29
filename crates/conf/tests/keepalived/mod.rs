//! The machine for tests of the keepalived reader, and the real Keepalived beside it.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_conf::keepalived::{Class, Env, FileFacts, FileKind, Loaded, Outside, Owner, load};

/// Programs are looked for here, by both.
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// This machine, but for its interfaces: `lo`, `eth0`, `eth1`, as in the namespace that the original runs in.
pub(crate) struct Machine;

impl Outside for Machine {
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|e| e.to_string())
    }

    fn list_folder(&self, path: &str) -> Option<Vec<String>> {
        let entries = fs::read_dir(path).ok()?;
        Some(entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect())
    }

    fn look(&self, path: &str) -> Result<FileFacts, String> {
        let meta = fs::metadata(path).map_err(|e| e.to_string())?;
        let kind = if meta.is_file() {
            FileKind::File
        } else if meta.is_dir() {
            FileKind::Folder
        } else {
            FileKind::Other
        };
        Ok(FileFacts { kind, uid: meta.uid(), gid: meta.gid(), mode: meta.permissions().mode() & 0o7777 })
    }

    fn real_path(&self, path: &str) -> Option<String> {
        Some(fs::canonicalize(path).ok()?.to_string_lossy().into_owned())
    }

    fn user(&self, name: &str) -> Option<Owner> {
        let fields = entry("/etc/passwd", name)?;
        Some(Owner { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }

    fn group(&self, name: &str) -> Option<u32> {
        entry("/etc/group", name)?.get(2)?.parse().ok()
    }

    fn has_interface(&self, name: &str) -> bool {
        matches!(name, "lo" | "eth0" | "eth1")
    }

    fn has_address(&self, _: IpAddr) -> bool {
        true
    }

    fn resolves(&self, host: &str) -> bool {
        // Nothing but what getaddrinfo makes of numbers: the namespace has no name servers.
        host == "localhost"
            || host.parse::<IpAddr>().is_ok()
            || (!host.is_empty() && host.split('.').all(|part| part.parse::<u32>().is_ok()))
    }

    fn environment(&self, name: &str) -> Option<Vec<u8>> {
        (name == "PATH").then(|| SEARCH.as_bytes().to_vec())
    }
}

fn entry(path: &str, name: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}

/// Reads a file as the reader would on this machine.
pub(crate) fn ours(path: &Path) -> Loaded {
    let node = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let node = node.trim().split('.').next().unwrap_or("").to_owned();
    let env = Env { config_id: node.clone(), instance: node, random_seed: 1 };
    load(&path.to_string_lossy(), &env, &Machine)
}

/// What the original said of a file.
#[derive(Debug, Default)]
pub(crate) struct Theirs {
    /// Its exit code.
    pub(crate) code: i32,
    /// Lines of the file that it complained about.
    pub(crate) lines: BTreeMap<u32, Vec<String>>,
    /// All of it.
    pub(crate) text: String,
}

/// Runs the original's `-t` on files, all in one namespace of its own. The error says why that is not possible here.
pub(crate) fn theirs(paths: &[PathBuf]) -> Result<Vec<Theirs>, String> {
    let version =
        Command::new("keepalived").arg("-v").output().map_err(|e| format!("no keepalived here: {e}"))?;
    if !version.stderr.starts_with(b"Keepalived v2.2.7") {
        return Err("the keepalived here is not 2.2.7".to_owned());
    }
    let mut script =
        "set -e; ip link add eth0 type veth peer name eth1; ip link set lo up; ip link set eth0 up; \
                      ip link set eth1 up; ip addr add 10.0.0.1/24 dev eth0; set +e; cd /\n"
            .to_owned();
    for path in paths {
        let path = path.display();
        // Writing to a string never fails.
        let _ = writeln!(script, "echo @@@; timeout 20 keepalived -t -f '{path}' 2>&1; echo \"rc=$?\"");
    }
    let output = Command::new("unshare")
        .args(["-n", "--", "sh", "-c", &script])
        .env_clear()
        .env("PATH", SEARCH)
        .output()
        .map_err(|e| format!("no unshare here: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts: Vec<&str> = text.split("@@@\n").skip(1).collect();
    if parts.len() != paths.len() {
        return Err(format!("no namespaces here: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(parts.iter().zip(paths).map(|(part, path)| said(part, path)).collect())
}

fn said(part: &str, path: &Path) -> Theirs {
    let (text, code) = part.rsplit_once("rc=").unwrap_or((part, "-1"));
    let own = format!("({}: Line ", path.display());
    let mut lines: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let place = line.strip_prefix(&own).or_else(|| line.strip_prefix("(Line "));
        let Some((number, message)) = place.and_then(|p| p.split_once(") ")) else { continue };
        let Ok(number) = number.parse() else { continue };
        lines.entry(number).or_default().push(message.to_owned());
    }
    Theirs { code: code.trim().parse().unwrap_or(-1), lines, text: text.to_owned() }
}

/// Where the two differ, in words; empty where they agree.
pub(crate) fn differences(path: &Path, theirs: &Theirs) -> String {
    let ours = ours(path);
    let mut out = String::new();
    let code = i32::from(ours.exit.code());
    let mut all = BTreeSet::new();
    for finding in &ours.findings {
        let d = &finding.diagnostic;
        let spans = d.span.iter().chain(d.labels.iter().map(|label| &label.span));
        let places: Vec<u32> = spans.map(|span| ours.sources.place(*span).line).collect();
        all.extend(places.iter().copied());
        let told =
            places.iter().any(|line| theirs.lines.contains_key(line)) || theirs.text.contains(&d.message);
        // Without an interface it ends before it looks at the whole.
        let told = told || theirs.text.contains("Non-existent interface specified");
        if finding.class == Class::Tolerated && !told && theirs.code != 2 {
            let _ = writeln!(out, "  only we say: line {:?} {}: {}", places.first(), d.code, d.message);
        }
    }
    if code != theirs.code {
        let _ = writeln!(out, "  exit code {code}, theirs {}", theirs.code);
    }
    // Some faults it tells at the end of the block.
    let same = |message: &String| ours.findings.iter().any(|f| f.diagnostic.message == *message);
    let missed: Vec<u32> = theirs
        .lines
        .iter()
        .filter(|(line, messages)| !all.contains(line) && !messages.iter().any(same))
        .map(|(line, _)| *line)
        .collect();
    if !missed.is_empty() && theirs.code != 2 {
        let _ = writeln!(out, "  only they complain about lines {missed:?}");
    }
    if out.is_empty() {
        return out;
    }
    for finding in &ours.findings {
        let d = &finding.diagnostic;
        let line = d.span.map_or(0, |span| ours.sources.place(span).line);
        let _ = writeln!(out, "    we:   {line}: {:?} {}", finding.class, d.message);
    }
    for line in theirs.text.lines() {
        let _ = writeln!(out, "    they: {line}");
    }
    out
}

/// A folder of this test's own, removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evenkeel-keepalived-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the system's temporary folder can be written");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("the folder was just made");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder of shared files, if it is beside the project.
pub(crate) fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("EVENKEEL_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    Some(shared).filter(|path| path.is_dir())
}
