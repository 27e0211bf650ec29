//! The topics of the registry.

pub(crate) mod flow;
pub(crate) mod headers;
pub(crate) mod others;
pub(crate) mod session;
pub(crate) mod target;
pub(crate) mod variables;
