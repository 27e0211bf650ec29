//! keepalived.conf → [`KeeperPlan`]. One keyword, one entry, one function; a file per topic.
//!
//! ```text
//! files      load      bytes, `include`s                          (through Outside)
//!  └ lines   lex       comments, quotes, braces → pieces with places
//!            define    `@id`, `$NAME=`, `${NAME}`, `~SEQ`, `~LST`
//!    └ runs  run       the pieces through the registry once per daemon, as the original reads its file once per process:
//!                      a keyword is known, unknown, or another daemon's
//!      └ draft         what the keywords filled
//!        └ Plan        judge: names → ids, defaults, what only the whole can tell
//! ```
//!
//! Reading never fails: what is wrong is a [`Finding`], with the class that decides what `-t` exits with; the original
//! goes on after nearly every mistake, and so does this. Nothing here prints or touches the system.

mod address;
mod auth;
mod bfd;
mod context;
mod define;
mod draft;
mod election;
mod finding;
mod global;
mod global_files;
mod global_vrrp;
mod group;
mod hints;
mod include;
mod instance;
mod judge;
mod judge_instance;
pub mod keyword;
mod lex;
mod load;
mod lvs;
mod names;
mod outside;
mod route;
mod rule;
mod run;
mod scheduling;
mod script;
mod statics;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod track;
mod tracked;

use std::sync::Arc;

use evenkeel_base::SourceMap;
use evenkeel_plan::keeper::KeeperPlan;

pub use finding::{Class, Exit, Finding};
pub use outside::{FileFacts, FileKind, Outside, Owner};

/// What a configuration is read with, beside its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    /// What `@id` lines are compared with: `-i`/`--config-id`, else the node's name up to its first dot.
    pub config_id: String,
    /// For `${_INSTANCE}`: `-i`, else the host's name.
    pub instance: String,
    /// Seed of `${_RANDOM}` where `random_seed` says nothing.
    pub random_seed: u64,
}

/// What came of a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// What will run, as far as the file could be understood: always there, as the original runs whatever it understood.
    /// Not to be run where `exit` is [`Exit::Fatal`].
    pub plan: KeeperPlan,
    /// What is to be said, in the order of the files, each fault once.
    pub findings: Vec<Finding>,
    /// The files, to name places with.
    pub sources: Arc<SourceMap>,
    /// What `-t` exits with.
    pub exit: Exit,
}

/// Reads `path`, and judges it. Asks `outside` for files, users, interfaces; says nothing itself.
pub fn load(path: &str, env: &Env, outside: &dyn Outside) -> Loaded {
    load_within(path, env, outside, define::Bounds::USUAL)
}

/// The same within other bounds.
fn load_within(path: &str, env: &Env, outside: &dyn Outside, bounds: define::Bounds) -> Loaded {
    let script = load::read(path, env, outside, bounds);
    let sources = Arc::new(script.map);
    let mut draft = draft::Draft::default();
    let mut ctx = context::Ctx::new(outside);
    run::run(&script.pieces, script.end, &mut draft, &mut ctx);
    let plan = judge::judge(draft, &mut ctx, &sources);
    let mut findings = script.findings;
    findings.extend(ctx.into_findings());
    findings.sort_by_key(|f| (f.diagnostic.span.is_none(), f.diagnostic.span));
    let exit = Exit::of(&findings);
    Loaded { plan, findings, sources, exit }
}
