//! ACLs: named tests, and the conditions made of them (configuration manual §7.1, §7.2, §7.4).

mod cond;
mod derivative;
mod predefined;
mod test;

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_base::{Diagnostic, Word, Words, near};

use crate::env::Names;
use crate::needs::Used;
use crate::pattern::Match;

pub use cond::{Cond, Policy};
pub use test::{Answer, Test};

/// Most tests under one name: far above any file, so that a generated one cannot grow without end.
const TESTS_MAX: usize = 1 << 16;

/// The fetch and method behind an ACL keyword.
pub fn derivative(name: &str) -> Option<(&'static str, Match)> {
    derivative::ALL.iter().find(|(n, _, _)| *n == name).map(|(_, fetch, method)| (*fetch, *method))
}

/// Every ACL keyword.
pub fn derivatives() -> impl Iterator<Item = &'static str> {
    derivative::ALL.iter().map(|(name, _, _)| *name)
}

/// Every predefined ACL: name and what it stands for.
pub fn predefined() -> impl Iterator<Item = (&'static str, &'static str)> {
    predefined::ALL.iter().copied()
}

/// The tests of one name, of which any is enough.
#[derive(Clone, Debug)]
pub struct Acl {
    name: String,
    tests: Vec<Arc<Test>>,
}

/// The named ACLs of one section.
#[derive(Clone, Debug, Default)]
pub struct AclTable {
    acls: BTreeMap<String, Acl>,
}

impl AclTable {
    /// No ACLs but the predefined ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line `acl name words…`; several of one name are alternatives.
    pub fn define(
        &mut self,
        name: &Word,
        words: &mut Words<'_>,
        names: &mut dyn Names,
    ) -> Result<(), Diagnostic> {
        let shown = name.str();
        if let Some(c) =
            shown.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')))
        {
            let text = format!("`{c}` cannot be in the name of an ACL");
            return Err(Diagnostic::error("bad-acl-name", text, name.span)
                .help("Letters, digits, `-`, `_`, `.` and `:` can."));
        }
        if shown.eq_ignore_ascii_case("or") {
            return Err(Diagnostic::error(
                "bad-acl-name",
                "`or` joins conditions, so no ACL can have this name",
                name.span,
            ));
        }
        let test = Test::parse(words, names)?;
        let acl = self
            .acls
            .entry(shown.clone().into_owned())
            .or_insert_with(|| Acl { name: shown.into_owned(), tests: Vec::new() });
        if acl.tests.len() >= TESTS_MAX {
            return Err(Diagnostic::error("too-many", "too many lines for one ACL", name.span));
        }
        acl.tests.push(Arc::new(test));
        Ok(())
    }

    /// True if an ACL of that name was defined here.
    pub fn is_defined(&self, name: &str) -> bool {
        self.acls.contains_key(name)
    }

    /// Every ACL defined here.
    pub fn iter(&self) -> impl Iterator<Item = &Acl> {
        self.acls.values()
    }

    /// The tests of a name, or of the predefined ACL of that name.
    fn tests(&self, name: &Word, names: &mut dyn Names) -> Result<Vec<Arc<Test>>, Diagnostic> {
        let shown = name.str();
        if let Some(acl) = self.acls.get(shown.as_ref()) {
            return Ok(acl.tests.clone());
        }
        if let Some((_, text)) = predefined::ALL.iter().find(|(n, _)| *n == shown) {
            let words: Vec<Word> = text
                .split(' ')
                .map(|part| Word { text: part.into(), span: name.span, quoted: false })
                .collect();
            return Ok(vec![Arc::new(Test::parse(&mut Words::new(&words, name.span), names)?)]);
        }
        let mut unknown = Diagnostic::error("unknown-acl", format!("there is no ACL `{shown}`"), name.span);
        let known = self.acls.keys().map(String::as_str).chain(predefined::ALL.iter().map(|(n, _)| *n));
        if let Some(near) = near::nearest(&shown, known) {
            unknown = unknown.help(format!("Did you mean `{near}`?"));
        }
        Err(unknown)
    }
}

impl Acl {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fetches it uses, for [`crate::needs::check`].
    pub fn used(&self) -> impl Iterator<Item = &Used> {
        self.tests.iter().map(|t| t.expr().used())
    }
}
