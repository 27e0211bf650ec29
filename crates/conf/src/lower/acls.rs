//! Keywords: `acl`; and conditions as all rules take them.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_expr::Cond;
use evenkeel_expr::acl::derivative;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] =
    &[Keyword::proxy("acl", Sections::ANY_NAMED, acl, "A name for a test of traffic.")
        .example("acl static path_beg -i /static /images")];

fn acl(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let name = args::word(ctx, words, "a name")?;
    p.acls.define(name, words, &mut ctx.names).inspect_err(|_| {
        p.broken_acls.insert(name.str().into_owned());
    })
}

/// `if …` or `unless …` at the end of a rule, if it has one. A fault is reported here, and `None` returned: a plan with
/// faults never runs.
pub(crate) fn condition(p: &ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Option<Cond> {
    if !Cond::starts(words) {
        return None;
    }
    // An ACL whose own line is faulty has been complained of; its users are not.
    let known_broken = words.rest().iter().any(|word| {
        let text = word.str();
        let name = text.trim_start_matches('!');
        p.broken_acls.contains(name) && !p.acls.is_defined(name) && derivative(name).is_none()
    });
    if known_broken {
        words.take_rest();
        return None;
    }
    match Cond::parse(words, &p.acls, &mut ctx.names) {
        Ok(cond) => Some(cond),
        Err(faults) => {
            faults.into_iter().for_each(|fault: Diagnostic| ctx.report(fault));
            words.take_rest();
            None
        }
    }
}
