//! What a backend's health checks do.

use evenkeel_health::{Connect, Script};

/// The check of a backend.
#[derive(Clone, Debug)]
pub struct CheckPlan {
    /// What is sent and expected.
    pub script: Script,
    /// `http-check send-state`.
    pub send_state: bool,
}

impl Default for CheckPlan {
    /// A connection, nothing more.
    fn default() -> Self {
        Self { script: Script::connect(Connect::default()), send_state: false }
    }
}
