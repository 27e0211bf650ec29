//! Object identifiers.

use std::fmt;
use std::str::FromStr;

/// Identifiers have so many parts at most (RFC 2578 §3.5).
pub const OID_LEN_MAX: usize = 128;

/// An object identifier: 128 parts at most. Ordered as SNMP walks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Oid(Vec<u32>);

impl Oid {
    /// `None` for more than 128 parts.
    pub fn new(parts: &[u32]) -> Option<Self> {
        (parts.len() <= OID_LEN_MAX).then(|| Self(parts.to_vec()))
    }

    /// The parts.
    pub fn parts(&self) -> &[u32] {
        &self.0
    }

    /// True for the null identifier: `0.0` in words, no parts here.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This with parts behind; what is more than 128 is cut off.
    pub fn with(&self, parts: &[u32]) -> Self {
        let room = OID_LEN_MAX - self.0.len();
        let mut all = self.0.clone();
        all.extend(parts.iter().take(room));
        Self(all)
    }

    /// Whether `other` lies in this subtree (or is it).
    pub fn contains(&self, other: &Oid) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0.0");
        }
        for (n, part) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// Text that is no identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOid;

impl FromStr for Oid {
    type Err = NoOid;

    /// Reads `1.3.6.1` and `.1.3.6.1`.
    fn from_str(text: &str) -> Result<Self, NoOid> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let mut parts = Vec::new();
        for part in text.split('.') {
            if parts.len() == OID_LEN_MAX || part.starts_with('+') {
                return Err(NoOid);
            }
            parts.push(part.parse().map_err(|_| NoOid)?);
        }
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_written_and_ordered() {
        for (text, want) in [
            ("1.3.6.1", Ok(vec![1, 3, 6, 1])),
            (".1.3", Ok(vec![1, 3])),
            ("4294967295", Ok(vec![u32::MAX])),
            ("", Err(NoOid)),
            ("1..3", Err(NoOid)),
            ("1.+3", Err(NoOid)),
            ("1.4294967296", Err(NoOid)),
            ("..1", Err(NoOid)),
        ] {
            assert_eq!(text.parse::<Oid>().map(|oid| oid.0), want, "{text}");
        }
        let oid = |text: &str| text.parse::<Oid>().expect("a row");
        assert_eq!(oid(".1.3.6").to_string(), "1.3.6");
        assert_eq!(Oid::default().to_string(), "0.0");
        assert!(oid("1.3") < oid("1.3.1") && oid("1.3.9") < oid("1.3.10") && oid("1.3.9.9") < oid("1.3.10"));
        assert!(oid("1.3").contains(&oid("1.3.1")) && oid("1.3").contains(&oid("1.3")));
        assert!(!oid("1.3").contains(&oid("1.30")) && !oid("1.3.1").contains(&oid("1.3")));
        assert!(Oid::new(&[1; 128]).is_some() && Oid::new(&[1; 129]).is_none());
        assert_eq!(Oid(vec![1; 127]).with(&[2, 3]).parts().len(), 128);
        assert_eq!("1.".repeat(128).parse::<Oid>(), Err(NoOid));
    }
}
