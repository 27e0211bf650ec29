//! End-to-end tests of the real binary: what they start, what they talk to, what they read.
//!
//! - [`program`]: our binary and, for the twin tests, the original's
//! - [`daemon`]: a proxy that runs with a configuration of the test's
//! - [`keeper`]: nodes that keep floating addresses, ours or the original's, and scripts of what happens to them
//! - [`capture`]: what crosses a switch, and what `tshark` thinks of it
//! - [`mail`]: a mail server that keeps what it is given
//! - [`port`]: ports that nobody else gets, ports that refuse, ports that swallow
//! - [`wire`]: a connection's end, as a client or a server uses it, byte for byte
//! - [`script`]: such ends told by tables
//! - [`site`]: asking as a browser does, from a node of a lab or from here
//! - [`origin`]: servers behind the proxy
//! - [`syslog`]: where logs arrive
//! - [`terminal`]: programs that want one, their screens and keys
//! - [`mask`]: what must not matter when two transcripts are compared
//!
//! These helpers panic where a test cannot go on; nothing ships from here.
#![allow(clippy::print_stderr, reason = "skipped tests say why")]

pub mod capture;
pub mod daemon;
pub mod keeper;
pub mod mail;
pub mod mask;
pub mod origin;
pub mod port;
pub mod program;
pub mod script;
pub mod site;
pub mod syslog;
pub mod terminal;
pub mod wire;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up; nothing is measured against it.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often something without an event to wait for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Says on stderr that a test does not run, and why.
pub fn skip(reason: impl std::fmt::Display) {
    eprintln!("skipped: {reason}");
}

/// Waits until `done`.
///
/// # Panics
/// If it never comes: `what` says what was waited for.
#[track_caller]
pub fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The project's root.
///
/// # Panics
/// Never: the package stands two folders below it.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("tests/e2e is two folders deep").to_owned()
}

/// A file of the folder that is shared with, and no part of, the project; `None`, said aloud, where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("EVENKEEL_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let Ok(path) = base.join(path).canonicalize() else {
        skip(format!("{} is not there", base.join(path).display()));
        return None;
    };
    Some(path)
}
