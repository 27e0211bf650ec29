//! The registry of sample fetches (configuration manual §7.3.2–7.3.7): a table per topic.

mod auth;
mod body;
pub(crate) mod capture;
mod client;
mod constant;
mod cookie;
mod field;
mod process;
mod proxy;
mod refused;
mod request;
mod response;
mod timer;
mod tls;
mod url;
pub(crate) mod var;

use evenkeel_base::Support;

use crate::arg::{Args, Params};
use crate::env::Env;
use crate::needs::Needs;
use crate::value::{Kind, Value};

/// Gives one value.
pub type One = for<'a> fn(&'a Args, &Env<'a>) -> Option<Value<'a>>;

/// Gives all values, one by one, until the callee says `true`.
pub type Each = for<'a> fn(&'a Args, &Env<'a>, &mut dyn FnMut(Value<'a>) -> bool);

/// How a fetch is evaluated.
#[derive(Clone, Copy, Debug)]
pub enum Eval {
    /// Never: the entry is refused.
    Refused,
    /// There is one value at most.
    One(One),
    /// There may be several: `one` picks, `each` shows them all to an ACL.
    Many {
        /// For expressions.
        one: One,
        /// For ACLs.
        each: Each,
    },
}

/// An entry of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub params: Params,
    /// The type of its result.
    pub out: Kind,
    /// What it looks at, which says where it may stand.
    pub needs: Needs,
    /// How far it is supported.
    pub support: Support,
    /// One sentence.
    pub doc: &'static str,
    /// Expressions with what they give for the exchange of the documentation; `-`: nothing.
    pub examples: &'static [(&'static str, &'static str)],
    /// How it is evaluated.
    pub eval: Eval,
}

impl Fetch {
    /// A result now may differ later in the same exchange, until the environment is settled.
    pub(crate) fn may_change(&self) -> bool {
        const PASSING: Needs =
            Needs::REQUEST.and(Needs::REQUEST_KEPT).and(Needs::RESPONSE).and(Needs::MESSAGE);
        self.needs.touches(PASSING) || self.name == "wait_end"
    }

    /// With these arguments a result is a block of fixed bounds: once it is there, more bytes don't change it.
    pub(crate) fn is_fixed(&self, args: &Args) -> bool {
        match self.name {
            "req.payload" | "res.payload" | "payload" => args.int(1).is_some_and(|len| len > 0),
            name => matches!(name, "req.payload_lv" | "res.payload_lv" | "payload_lv"),
        }
    }
}

/// Every topic.
pub const ALL: &[&[Fetch]] = &[
    constant::ENTRIES,
    process::ENTRIES,
    proxy::ENTRIES,
    client::ENTRIES,
    request::ENTRIES,
    url::ENTRIES,
    field::ENTRIES,
    cookie::ENTRIES,
    body::ENTRIES,
    response::ENTRIES,
    auth::ENTRIES,
    capture::ENTRIES,
    var::ENTRIES,
    timer::ENTRIES,
    tls::ENTRIES,
    refused::ENTRIES,
];

/// Every entry.
pub fn all() -> impl Iterator<Item = &'static Fetch> {
    ALL.iter().copied().flatten()
}

/// The entry of that name.
pub fn find(name: &str) -> Option<&'static Fetch> {
    all().find(|f| f.name == name)
}

/// A supported entry with one value.
const fn one(
    name: &'static str,
    params: Params,
    out: Kind,
    needs: Needs,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
    eval: One,
) -> Fetch {
    Fetch { name, params, out, needs, support: Support::Supported, doc, examples, eval: Eval::One(eval) }
}

/// A supported entry with several values.
#[expect(clippy::too_many_arguments, reason = "a row of a table")]
const fn many(
    name: &'static str,
    params: Params,
    out: Kind,
    needs: Needs,
    doc: &'static str,
    examples: &'static [(&'static str, &'static str)],
    one: One,
    each: Each,
) -> Fetch {
    Fetch {
        name,
        params,
        out,
        needs,
        support: Support::Supported,
        doc,
        examples,
        eval: Eval::Many { one, each },
    }
}

/// The same under an older name.
const fn alias(name: &'static str, of: Fetch, today: &'static str) -> Fetch {
    Fetch { name, support: Support::Obsolete(today), ..of }
}

/// The same under another name that is as good.
const fn also(name: &'static str, of: Fetch) -> Fetch {
    Fetch { name, ..of }
}

/// An entry that is known and refused.
const fn refused(name: &'static str, why: &'static str) -> Fetch {
    Fetch {
        name,
        params: crate::arg::NONE,
        out: Kind::Any,
        needs: Needs::NOTHING,
        support: Support::Refused(why),
        doc: why,
        examples: &[],
        eval: Eval::Refused,
    }
}
