//! From the user's files to the Plan.
//!
//! ```text
//! files, folders   source   bytes and their names            (the only step that touches files)
//!  └ lines         lex      words: quotes, escapes, variables
//!    └ AST         read     conditions (cond), variables (env), sections (ast); never fails
//! ```
//! Nothing here prints or exits: what is wrong comes back as diagnostics.
#![forbid(unsafe_code)]

pub mod ast;
pub mod cond;
pub mod env;
pub mod lex;
pub mod read;
pub mod source;

pub use ast::{Ast, Line, Section, SectionKind, Word};
pub use cond::{CondEnv, CondError};
pub use env::Environment;
pub use read::{Inputs, POINTED_CODES, READER_CODES, read};
pub use source::Input;
