//! From the user's files to the Plan.
//!
//! ```text
//! files, folders   source   bytes and their names            (the only step that touches files)
//!  └ lines         lex      words: quotes, escapes, variables
//!    └ AST         read     conditions (cond), variables (env), sections (ast); never fails
//!      └ Plan      lower    keywords, defaults, names to ids, cross checks; only from an AST without errors
//! ```
//! Nothing here prints or exits: what is wrong comes back as diagnostics.
#![forbid(unsafe_code)]

pub mod ast;
pub mod cond;
pub mod env;
pub mod keepalived;
pub mod lex;
mod load;
pub mod lower;
pub mod pair;
pub mod read;
pub mod source;

pub use ast::{Ast, Line, Section, SectionKind, Word};
pub use cond::{CondEnv, CondError};
pub use env::Environment;
pub use load::{Loaded, load};
pub use lower::Outside;
pub use read::{Inputs, POINTED_CODES, READER_CODES, read};
pub use source::Input;
