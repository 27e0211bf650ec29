//! What happened, as data: from it come log lines, the recorder's entries and metrics.

use crate::conf::InstanceId;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An instance entered another state.
    Entered(InstanceId),
}
