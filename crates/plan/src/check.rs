//! What a backend's health checks do.

use crate::pending::CheckKind;

/// The check of a backend.
#[derive(Clone, Debug, Default)]
pub struct CheckPlan {
    /// What is sent and expected.
    pub kind: CheckKind,
}
