//! What a backend's health checks do.

use evenkeel_health::CheckKind;

/// The check of a backend.
#[derive(Clone, Debug)]
pub struct CheckPlan {
    /// What is sent and expected.
    pub kind: CheckKind,
}
