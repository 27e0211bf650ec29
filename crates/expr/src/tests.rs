//! The registries as a whole.
