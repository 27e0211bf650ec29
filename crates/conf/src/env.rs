//! The variables that a configuration sees: the process's at the start, then whatever `setenv` and its kin make of
//! them while the files are read.

use bstr::{BStr, BString, ByteSlice};
use std::collections::BTreeMap;

/// Longest text that [`Environment::expand`] makes: no address or path comes near it.
const EXPANDED_MAX: usize = 64 * 1024;

/// Variables by name. The caller fills it from the process; `read` applies the `global` section's changes to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    vars: BTreeMap<BString, BString>,
}

/// A name that the system would refuse: empty, or with `=` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid argument")]
pub struct BadName;

impl Environment {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The variable's value, if it is set.
    pub fn get(&self, name: &[u8]) -> Option<&BStr> {
        self.vars.get(name.as_bstr()).map(|value| value.as_bstr())
    }

    /// Sets a variable, over an older value.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), BadName> {
        if name.is_empty() || name.contains(&b'=') {
            return Err(BadName);
        }
        self.vars.insert(name.into(), value.into());
        Ok(())
    }

    /// Forgets a variable.
    pub fn unset(&mut self, name: &[u8]) {
        self.vars.remove(name.as_bstr());
    }

    /// Forgets all variables that `keep` refuses.
    pub fn retain(&mut self, keep: impl Fn(&[u8]) -> bool) {
        self.vars.retain(|name, _| keep(name));
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&BStr, &BStr)> {
        self.vars.iter().map(|(name, value)| (name.as_bstr(), value.as_bstr()))
    }

    /// Resolves `$NAME` and `${NAME}` in an address, where the original does so even outside quotes (`bind`,
    /// `server`, `log` and wherever else an address is read). A variable that is not set is empty; there are no
    /// defaults here, as in the original.
    pub fn expand(&self, text: &[u8]) -> BString {
        let mut out = BString::default();
        let mut rest = text;
        while let Some(dollar) = rest.find_byte(b'$') {
            out.extend_from_slice(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            let braced = rest.strip_prefix(b"{");
            let name_on = braced.unwrap_or(rest);
            let (name, after) = name_on.split_at(name_len(name_on));
            out.extend_from_slice(self.get(name).unwrap_or_default());
            rest = if braced.is_some() { after.strip_prefix(b"}").unwrap_or(after) } else { after };
            if out.len() > EXPANDED_MAX {
                out.truncate(EXPANDED_MAX);
                return out;
            }
        }
        out.extend_from_slice(rest);
        out
    }
}

impl<N: Into<BString>, V: Into<BString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(vars: I) -> Self {
        Self { vars: vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

/// How many bytes at the start of `text` may belong to a variable's name.
pub(crate) fn name_len(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_expand_outside_quotes() {
        let env: Environment = [("PORT", "8080"), ("A", "one two")].into_iter().collect();
        for (text, want) in [
            ("127.0.0.1:$PORT", "127.0.0.1:8080"),
            ("127.0.0.1:${PORT}", "127.0.0.1:8080"),
            ("unix@/tmp/${PORT}.sock", "unix@/tmp/8080.sock"),
            ("127.0.0.1:$PORT-8090", "127.0.0.1:8080-8090"),
            ("127.0.0.1:$NONE", "127.0.0.1:"),
            ("${PORT", "8080"),
            ("$:80", ":80"),
            ("$", ""),
            ("${A}:80", "one two:80"),
            ("${H-127.0.0.1}:80", "-127.0.0.1}:80"),
            ("plain", "plain"),
        ] {
            assert_eq!(env.expand(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn names_that_the_system_refuses() {
        let mut env = Environment::new();
        for (name, ok) in [("A", true), ("", false), ("A=B", false), ("a.b", true)] {
            assert_eq!(env.set(name.as_bytes(), b"x").is_ok(), ok, "{name}");
        }
        env.retain(|name| name == b"A");
        assert_eq!(env.iter().count(), 1);
    }
}
