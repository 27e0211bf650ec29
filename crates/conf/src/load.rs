//! The whole way: from what `-f` names to a Plan.

use std::sync::Arc;

use evenkeel_base::{Diagnostic, Level, SourceMap};
use evenkeel_plan::Plan;

use crate::env::Environment;
use crate::lower::{self, Outside};
use crate::read::{Inputs, read};

/// What came of a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// What will run; none if anything is wrong.
    pub plan: Option<Plan>,
    /// What is to be said, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, to name places with.
    pub sources: Arc<SourceMap>,
}

/// Reads and lowers. `env` is the process's environment at first, and what `setenv` and the like made of it at the end.
/// What the reader finds doesn't keep the rest from being checked: all mistakes come in one run.
pub fn load(inputs: &Inputs<'_>, env: &mut Environment, outside: &dyn Outside) -> Loaded {
    let (ast, map, mut diagnostics) = read(inputs, env);
    let sources = Arc::new(map);
    let (plan, more) = lower::lower(&ast, &sources, outside);
    diagnostics.extend(more);
    diagnostics.sort_by_key(|d| (d.span.is_none(), d.span));
    let sound = diagnostics.iter().all(|d| d.level < Level::Error);
    Loaded { plan: plan.filter(|_| sound), diagnostics, sources }
}
