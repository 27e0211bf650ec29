//! What there is: variables by name, in the order in which SNMP walks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;

use evenkeel_wire::agentx::{Oid, SearchRange, Value};

/// All variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    values: BTreeMap<Oid, Value>,
    objects: BTreeSet<Oid>,
}

impl Rows {
    /// Adds a value of a column (or a scalar, with index 0).
    pub fn put(&mut self, object: &Oid, index: &[u32], value: Value) {
        if !self.objects.contains(object) {
            self.objects.insert(object.clone());
        }
        self.values.insert(object.with(index), value);
    }

    /// The value of that name; else whether the object or only the row is not there (RFC 2741 §7.2.3.1).
    pub(super) fn get(&self, name: &Oid) -> Value {
        if let Some(value) = self.values.get(name) {
            return value.clone();
        }
        let known =
            self.objects.range(..=name.clone()).next_back().is_some_and(|object| object.contains(name));
        if known { Value::NoSuchInstance } else { Value::NoSuchObject }
    }

    /// The first variable in a range.
    pub(super) fn next(&self, range: &SearchRange) -> Option<(&Oid, &Value)> {
        let from = if range.include { Bound::Included(&range.start) } else { Bound::Excluded(&range.start) };
        let (name, value) = self.values.range((from, Bound::Unbounded)).next()?;
        range.admits(name).then_some((name, value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Oid, &Value)> {
        self.values.iter()
    }
}

/// Writes the columns of one table.
pub(super) struct Table<'a> {
    rows: &'a mut Rows,
    entry: Oid,
}

impl<'a> Table<'a> {
    /// The entry is the table with `.1` behind it; a group of scalars is its own.
    pub(super) fn new(rows: &'a mut Rows, base: &[u32], entry: &[u32]) -> Self {
        Self { rows, entry: Oid::new(base).unwrap_or_default().with(entry) }
    }

    /// One row, to be filled.
    pub(super) fn row<'t>(&'t mut self, index: &'t [u32]) -> Row<'t> {
        Row { rows: self.rows, entry: &self.entry, index }
    }
}

/// Writes one row: columns without a value are left out.
pub(super) struct Row<'t> {
    rows: &'t mut Rows,
    entry: &'t Oid,
    index: &'t [u32],
}

impl Row<'_> {
    pub(super) fn value(&mut self, column: u32, value: Value) {
        self.rows.put(&self.entry.with(&[column]), self.index, value);
    }

    pub(super) fn text(&mut self, column: u32, text: &str) {
        self.value(column, Value::Octets(text.as_bytes().to_vec()));
    }

    pub(super) fn text_if(&mut self, column: u32, text: Option<&str>) {
        if let Some(text) = text {
            self.text(column, text);
        }
    }

    pub(super) fn integer(&mut self, column: u32, n: i64) {
        let n = i32::try_from(n).unwrap_or(if n < 0 { i32::MIN } else { i32::MAX });
        self.value(column, Value::Integer(n));
    }

    pub(super) fn gauge(&mut self, column: u32, n: u64) {
        self.value(column, Value::Gauge32(u32::try_from(n).unwrap_or(u32::MAX)));
    }

    /// `true(1)`, `false(2)`; also `enabled` and `disabled`.
    pub(super) fn truth(&mut self, column: u32, yes: bool) {
        self.integer(column, if yes { 1 } else { 2 });
    }

    /// A counter of 32 bits runs over by itself.
    pub(super) fn counter(&mut self, column: u32, n: u64) {
        self.value(column, Value::Counter32(n as u32));
    }

    pub(super) fn counter64(&mut self, column: u32, n: u64) {
        self.value(column, Value::Counter64(n));
    }

    pub(super) fn address(&mut self, column: u32, address: IpAddr) {
        self.value(column, Value::Octets(octets(address)));
    }

    pub(super) fn address_type(&mut self, column: u32, address: IpAddr) {
        self.integer(column, i64::from(address_type(address)));
    }
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// InetAddressType of RFC 4001.
pub(super) fn address_type(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 2,
    }
}

/// Positions count from 1.
pub(super) fn index(position: usize) -> u32 {
    u32::try_from(position).map_or(u32::MAX, |n| n.saturating_add(1))
}
