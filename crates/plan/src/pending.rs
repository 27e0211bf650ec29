//! Stand-ins for types of rooms that have not landed yet; each goes as its room lands.
#![allow(missing_docs)]

#[derive(Clone, Debug, Default)]
pub struct Expr;
#[derive(Clone, Debug, Default)]
pub struct Cond;
#[derive(Clone, Debug, Default)]
pub struct LogFormat;
#[derive(Clone, Debug, Default)]
pub struct Rule;
#[derive(Clone, Debug, Default)]
pub struct UseBackend;
