//! Types of other rooms under one roof, and stand-ins for those that have not landed yet.
#![allow(missing_docs)]

pub use evenkeel_expr::{Cond, Expr, LogFormat};

#[derive(Clone, Debug, Default)]
pub struct Rule;
#[derive(Clone, Debug)]
pub struct UseBackend {
    pub target: UseBackendTarget,
    pub cond: Option<Cond>,
}
#[derive(Clone, Debug)]
pub enum UseBackendTarget {
    Static(evenkeel_base::ProxyId),
    Dynamic(LogFormat),
}
