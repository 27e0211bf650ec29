//! Values, and what is asked for.

use super::Oid;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A signed number.
    Integer(i32),
    /// Bytes.
    Octets(Vec<u8>),
    /// Nothing.
    Null,
    /// An identifier.
    Oid(Oid),
    /// An IPv4 address.
    IpAddress([u8; 4]),
    /// A counter.
    Counter32(u32),
    /// A number that goes up and down.
    Gauge32(u32),
    /// Hundredths of a second.
    TimeTicks(u32),
    /// Anything.
    Opaque(Vec<u8>),
    /// A large counter.
    Counter64(u64),
    /// Nothing of that name.
    NoSuchObject,
    /// No row of that name.
    NoSuchInstance,
    /// Nothing follows.
    EndOfMibView,
}

impl Value {
    /// Its number on the wire (RFC 2741 §5.4).
    pub(super) fn kind(&self) -> u16 {
        match self {
            Value::Integer(_) => 2,
            Value::Octets(_) => 4,
            Value::Null => 5,
            Value::Oid(_) => 6,
            Value::IpAddress(_) => 64,
            Value::Counter32(_) => 65,
            Value::Gauge32(_) => 66,
            Value::TimeTicks(_) => 67,
            Value::Opaque(_) => 68,
            Value::Counter64(_) => 70,
            Value::NoSuchObject => 128,
            Value::NoSuchInstance => 129,
            Value::EndOfMibView => 130,
        }
    }
}

/// A variable with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarBind {
    /// The variable.
    pub name: Oid,
    /// Its value.
    pub value: Value,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRange {
    /// From here on.
    pub start: Oid,
    /// `start` itself counts.
    pub include: bool,
    /// Before here; empty: to the end.
    pub end: Oid,
}

impl SearchRange {
    /// Whether a variable may answer a Next in it.
    pub fn admits(&self, name: &Oid) -> bool {
        let after = if self.include { *name >= self.start } else { *name > self.start };
        after && (self.end.is_empty() || *name < self.end)
    }
}
