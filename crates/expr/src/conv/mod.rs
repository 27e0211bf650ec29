//! The registry of converters (configuration manual §7.3.1): a table per topic.

pub(crate) mod cipher;
mod clock;
mod digest;
pub mod encode;
mod lookup;
mod mapping;
mod number;
mod refused;
mod text;
mod variable;

use evenkeel_base::Support;

use crate::arg::{Args, Params};
use crate::env::Env;
use crate::value::{Kind, Value};

/// Turns a value, already cast to the entry's input type, into another.
pub type Convert = for<'a> fn(Value<'a>, &'a Args, &Env<'a>) -> Option<Value<'a>>;

/// An entry of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Converter {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub params: Params,
    /// The type it takes; others are cast.
    pub takes: Kind,
    /// The type of its result; [`Kind::Any`]: the same as went in.
    pub gives: Kind,
    /// How far it is supported.
    pub support: Support,
    /// One sentence.
    pub doc: &'static str,
    /// Expressions with what they give; `-`: nothing.
    pub examples: &'static [(&'static str, &'static str)],
    /// What it does.
    pub eval: Convert,
}

impl Converter {
    /// The type of the result for an input of that type.
    pub(crate) fn result(&self, input: Kind) -> Kind {
        match self.gives {
            Kind::Any => input,
            known => known,
        }
    }
}

/// Every topic.
pub const ALL: &[&[Converter]] = &[
    text::ENTRIES,
    number::ENTRIES,
    encode::ENTRIES,
    digest::ENTRIES,
    cipher::ENTRIES,
    clock::ENTRIES,
    mapping::ENTRIES,
    variable::ENTRIES,
    lookup::ENTRIES,
    refused::ENTRIES,
];

/// Every entry.
pub fn all() -> impl Iterator<Item = &'static Converter> {
    ALL.iter().copied().flatten()
}

/// The entry of that name.
pub fn find(name: &str) -> Option<&'static Converter> {
    all().find(|c| c.name == name)
}

type Rows = &'static [(&'static str, &'static str)];

/// A supported entry.
const fn entry(
    name: &'static str,
    params: Params,
    takes: Kind,
    gives: Kind,
    doc: &'static str,
    examples: Rows,
    eval: Convert,
) -> Converter {
    Converter { name, params, takes, gives, support: Support::Supported, doc, examples, eval }
}

/// An entry that is known and refused.
const fn refused(name: &'static str, why: &'static str) -> Converter {
    Converter {
        name,
        params: crate::arg::NONE,
        takes: Kind::Any,
        gives: Kind::Any,
        support: Support::Refused(why),
        doc: why,
        examples: &[],
        eval: |_, _, _| None,
    }
}
