//! Layer 4: `virtual_server`, `virtual_server_group`, `real_server`, the checks and `SSL`.
//!
//! - [`draft`]: what the keywords fill; `service`, `real`, `checker`, `http`: the keywords; `pace`: those that all have
//! - `global`: what `global_defs` says of it
//! - [`judge`]: inheritance, defaults, and what only the whole can tell

pub(crate) mod checker;
pub(crate) mod draft;
pub(crate) mod global;
pub(crate) mod http;
pub(crate) mod judge;
pub(crate) mod pace;
pub(crate) mod real;
pub(crate) mod service;
#[cfg(test)]
mod tests;

pub(crate) use draft::LvsDraft;
