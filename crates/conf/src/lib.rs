//! From the user's files to the Plan: `source` reads them, `lex` cuts them into words, the AST says what stands where.
//!
//! Nothing here prints or exits: what is wrong comes back as diagnostics. Only `source` touches files.
#![forbid(unsafe_code)]

pub mod ast;

pub use ast::{Ast, Line, Section, SectionKind, Word};
