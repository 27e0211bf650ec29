//! What the keywords fill. Names stay names here; `judge` makes ids of them.

use evenkeel_plan::keeper::KeeperGlobal;

/// Everything that the file said.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// `global_defs` and what stands beside it.
    pub(crate) global: KeeperGlobal,
}
