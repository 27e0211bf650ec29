//! Keywords: `acl`; and conditions as all rules take them.

use evenkeel_base::Words;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] =
    &[Keyword::proxy("acl", Sections::ANY_NAMED, acl, "A name for a test of traffic.")
        .example("acl static path_beg -i /static /images")];

fn acl(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if words.is_empty() {
        ctx.warn("no-effect", "'acl' without a name does nothing", ctx.at); // as in the original
        return Ok(());
    }
    let name = args::word(ctx, words, "a name")?;
    p.acls.define(name, words, &mut ctx.names).map_err(|mut fault| {
        p.broken_acls.insert(name.str().into_owned());
        if fault.code != "refused" {
            fault.message = format!("error detected while parsing ACL '{name}' : {}", fault.message);
        }
        fault
    })
}

/// True if the condition among these words uses an ACL whose own line is faulty: that has been complained of, its
/// users are not.
pub(crate) fn uses_broken(p: &ProxyDraft, words: &Words<'_>) -> bool {
    let mut rest = words.rest().iter().skip_while(|word| !(word.is("if") || word.is("unless")));
    rest.any(|word| {
        let text = word.str();
        let name = text.trim_start_matches('!');
        p.broken_acls.contains(name) && !p.acls.is_defined(name)
    })
}
