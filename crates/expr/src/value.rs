//! What a fetch gives and a converter takes, and the casts between the types (configuration manual §7.1).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bstr::BString;

use crate::env::Stored;

/// A sample. Borrows from the message where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `true`/`false`.
    Bool(bool),
    /// A signed number.
    Int(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text.
    Str(Cow<'a, [u8]>),
    /// Bytes.
    Bin(Cow<'a, [u8]>),
    /// A method: text, but matched as a method.
    Method(Cow<'a, [u8]>),
}

/// The type of a [`Value`], as entries of the registries declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Known only when evaluated (`var`), or the same as the input (`debug`).
    Any,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Int`].
    Int,
    /// An address of either family.
    Addr,
    /// [`Value::Ipv4`].
    Ipv4,
    /// [`Value::Ipv6`].
    Ipv6,
    /// [`Value::Str`].
    Str,
    /// [`Value::Bin`].
    Bin,
    /// [`Value::Method`].
    Method,
}

impl Kind {
    /// The name in messages and in the original's `-dK` lists.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Bool => "bool",
            Kind::Int => "sint",
            Kind::Addr => "addr",
            Kind::Ipv4 => "ipv4",
            Kind::Ipv6 => "ipv6",
            Kind::Str => "str",
            Kind::Bin => "bin",
            Kind::Method => "meth",
        }
    }

    /// True if a value of this type can be turned into `to` at all (it may still fail for a given value).
    pub const fn casts_to(self, to: Kind) -> bool {
        match (self, to) {
            (Kind::Any, _) | (_, Kind::Any) => true,
            (Kind::Bool | Kind::Int, Kind::Addr | Kind::Ipv4 | Kind::Ipv6) => matches!(self, Kind::Int),
            (Kind::Bool | Kind::Int, Kind::Method) => false,
            (Kind::Bool | Kind::Int, _) => true,
            (Kind::Addr | Kind::Ipv4, Kind::Bool | Kind::Method) => false,
            (Kind::Addr | Kind::Ipv4, _) => true,
            (Kind::Ipv6, Kind::Bool | Kind::Int | Kind::Method) => false,
            (Kind::Ipv6, _) => true,
            (Kind::Str, _) => true,
            (Kind::Bin | Kind::Method, Kind::Str | Kind::Bin | Kind::Method) => true,
            (Kind::Bin | Kind::Method, _) => false,
        }
    }
}

impl<'a> Value<'a> {
    /// Text that lives as long as the evaluation.
    pub fn text(text: &'a [u8]) -> Self {
        Value::Str(Cow::Borrowed(text))
    }

    /// Text made on the way.
    pub fn owned(text: Vec<u8>) -> Self {
        Value::Str(Cow::Owned(text))
    }

    /// An address of either family.
    pub fn ip(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(ip) => Value::Ipv4(ip),
            IpAddr::V6(ip) => Value::Ipv6(ip),
        }
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Ipv4(_) => Kind::Ipv4,
            Value::Ipv6(_) => Kind::Ipv6,
            Value::Str(_) => Kind::Str,
            Value::Bin(_) => Kind::Bin,
            Value::Method(_) => Kind::Method,
        }
    }

    /// The original's implicit cast; `None` where it fails for this value.
    pub fn cast(self, to: Kind) -> Option<Value<'a>> {
        match to {
            Kind::Any => Some(self),
            Kind::Bool => Some(Value::Bool(self.to_bool()?)),
            Kind::Int => Some(Value::Int(self.to_int()?)),
            Kind::Addr => Some(Value::ip(self.to_ip()?)),
            Kind::Ipv4 => Some(Value::Ipv4(self.to_ipv4()?)),
            Kind::Ipv6 => Some(Value::Ipv6(self.to_ipv6()?)),
            Kind::Str => Some(Value::Str(match self {
                // Bytes end at the first zero where they become text.
                Value::Bin(b) => until_zero(b),
                other => other.into_text(),
            })),
            Kind::Bin => Some(Value::Bin(self.into_bytes())),
            Kind::Method => Some(Value::Method(self.into_text())),
        }
    }

    /// As text: what headers and logs show.
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bool(b) => Cow::Borrowed(if b { b"1" } else { b"0" }),
            Value::Int(n) => Cow::Owned(n.to_string().into_bytes()),
            Value::Ipv4(ip) => Cow::Owned(ip.to_string().into_bytes()),
            Value::Ipv6(ip) => Cow::Owned(ipv6_text(ip).into_bytes()),
            Value::Str(t) | Value::Bin(t) | Value::Method(t) => t,
        }
    }

    /// The same without giving the value up.
    pub fn to_text(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Str(t) | Value::Bin(t) | Value::Method(t) => Cow::Borrowed(t),
            Value::Bool(_) | Value::Int(_) | Value::Ipv4(_) | Value::Ipv6(_) => self.clone().into_text(),
        }
    }

    /// As bytes: numbers are eight of them, big end first; addresses four or sixteen.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bool(b) => Cow::Owned(i64::from(b).to_be_bytes().to_vec()),
            Value::Int(n) => Cow::Owned(n.to_be_bytes().to_vec()),
            Value::Ipv4(ip) => Cow::Owned(ip.octets().to_vec()),
            Value::Ipv6(ip) => Cow::Owned(ip.octets().to_vec()),
            Value::Str(t) | Value::Bin(t) | Value::Method(t) => t,
        }
    }

    /// As a number.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Value::Bool(b) => Some(i64::from(*b)),
            Value::Int(n) => Some(*n),
            Value::Ipv4(ip) => Some(i64::from(u32::from(*ip))),
            Value::Str(t) => leading_int(t),
            Value::Ipv6(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// As a truth: not zero.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            Value::Int(_) | Value::Str(_) => self.to_int().map(|n| n != 0),
            Value::Ipv4(_) | Value::Ipv6(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// As an address of either family.
    pub fn to_ip(&self) -> Option<IpAddr> {
        match self {
            Value::Int(n) => Some(IpAddr::V4(Ipv4Addr::from(*n as u32))),
            Value::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Value::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Value::Str(t) => text_ip(t),
            Value::Bool(_) | Value::Method(_) | Value::Bin(_) => None,
        }
    }

    /// As an IPv4 address; IPv6 ones only if they carry one.
    pub fn to_ipv4(&self) -> Option<Ipv4Addr> {
        match self.to_ip()? {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(ip) => embedded_ipv4(ip),
        }
    }

    /// As an IPv6 address; IPv4 ones are mapped (`::ffff:a.b.c.d`).
    pub fn to_ipv6(&self) -> Option<Ipv6Addr> {
        match self.to_ip()? {
            IpAddr::V4(ip) => Some(ip.to_ipv6_mapped()),
            IpAddr::V6(ip) => Some(ip),
        }
    }

    /// An IPv4 address out of a mapped one (`::ffff:a.b.c.d`); anything else as it is.
    pub(crate) fn unmapped(self) -> Self {
        match self {
            Value::Ipv6(ip) => match ip.to_ipv4_mapped() {
                Some(v4) => Value::Ipv4(v4),
                None => Value::Ipv6(ip),
            },
            Value::Bool(_)
            | Value::Int(_)
            | Value::Ipv4(_)
            | Value::Str(_)
            | Value::Bin(_)
            | Value::Method(_) => self,
        }
    }

    /// To keep in a variable.
    pub fn to_stored(&self) -> Stored {
        match self {
            Value::Bool(b) => Stored::Bool(*b),
            Value::Int(n) => Stored::Int(*n),
            Value::Ipv4(ip) => Stored::Ipv4(*ip),
            Value::Ipv6(ip) => Stored::Ipv6(*ip),
            Value::Str(t) | Value::Method(t) => Stored::Str(BString::from(t.as_ref())),
            Value::Bin(b) => Stored::Bin(b.to_vec()),
        }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(b) => Value::Bool(b),
            Value::Int(n) => Value::Int(n),
            Value::Ipv4(ip) => Value::Ipv4(ip),
            Value::Ipv6(ip) => Value::Ipv6(ip),
            Value::Str(t) => Value::Str(Cow::Owned(t.into_owned())),
            Value::Bin(t) => Value::Bin(Cow::Owned(t.into_owned())),
            Value::Method(t) => Value::Method(Cow::Owned(t.into_owned())),
        }
    }
}

impl<'a> From<&'a Stored> for Value<'a> {
    fn from(stored: &'a Stored) -> Self {
        match stored {
            Stored::Bool(b) => Value::Bool(*b),
            Stored::Int(n) => Value::Int(*n),
            Stored::Ipv4(ip) => Value::Ipv4(*ip),
            Stored::Ipv6(ip) => Value::Ipv6(*ip),
            Stored::Str(t) => Value::Str(Cow::Borrowed(t.as_slice())),
            Stored::Bin(b) => Value::Bin(Cow::Borrowed(b)),
        }
    }
}

impl From<Stored> for Value<'_> {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Bool(b) => Value::Bool(b),
            Stored::Int(n) => Value::Int(n),
            Stored::Ipv4(ip) => Value::Ipv4(ip),
            Stored::Ipv6(ip) => Value::Ipv6(ip),
            Stored::Str(t) => Value::Str(Cow::Owned(t.into())),
            Stored::Bin(b) => Value::Bin(Cow::Owned(b)),
        }
    }
}

fn until_zero(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let Some(end) = bytes.iter().position(|b| *b == 0) else { return bytes };
    match bytes {
        Cow::Borrowed(b) => Cow::Borrowed(b.get(..end).unwrap_or_default()),
        Cow::Owned(mut b) => {
            b.truncate(end);
            Cow::Owned(b)
        }
    }
}

/// The number a text starts with: an optional `-`, then digits, stopping at anything else. Text without digits is 0,
/// no text at all is nothing; numbers past the range stay at its end.
pub(crate) fn leading_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let mut n: i64 = 0;
    for b in digits {
        if !b.is_ascii_digit() {
            break;
        }
        let d = i64::from(b - b'0');
        n = n.saturating_mul(10);
        n = if negative { n.saturating_sub(d) } else { n.saturating_add(d) };
    }
    Some(n)
}

/// An address as text, with an optional port after IPv4 (RFC 7239 §6).
pub(crate) fn text_ip(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip);
    }
    let (host, port) = text.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    host.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// The IPv4 address inside a mapped, compatible or 6to4 IPv6 address (configuration manual §7.1.6).
pub(crate) fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    let n = u128::from(ip);
    if n >> 32 == 0 || n >> 32 == 0xffff {
        return Some(Ipv4Addr::from(n as u32));
    }
    if n >> 112 == 0x2002 && n << 48 == 0 {
        return Some(Ipv4Addr::new(o[2], o[3], o[4], o[5]));
    }
    None
}

/// As `inet_ntop` writes it: `std` does the same but for `::a.b.c.d`, which it leaves in groups.
fn ipv6_text(ip: Ipv6Addr) -> String {
    let n = u128::from(ip);
    if n >> 32 == 0 && n >> 16 != 0 {
        return format!("::{}", Ipv4Addr::from(n as u32));
    }
    ip.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_numbers_as_in_the_original() {
        for (text, want) in [
            ("12abc", Some(12)),
            ("-12", Some(-12)),
            (" 12", Some(0)),
            ("abc", Some(0)),
            ("1.5", Some(1)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
        ] {
            assert_eq!(leading_int(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn texts_become_addresses() {
        for (text, want) in [
            ("1.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("1.2.3.4:", None),
            ("::1", Some("::1")),
            ("1.2.3", None),
            ("", None),
        ] {
            assert_eq!(text_ip(text.as_bytes()).map(|ip| ip.to_string()).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn ipv6_carries_ipv4() {
        for (text, want) in [
            ("::ffff:1.2.3.4", Some("1.2.3.4")),
            ("::1.2.3.4", Some("1.2.3.4")),
            ("2002:102:304::", Some("1.2.3.4")),
            ("2001:db8::1", None),
        ] {
            let ip: Ipv6Addr = text.parse().expect("a literal of this table");
            assert_eq!(embedded_ipv4(ip).map(|ip| ip.to_string()).as_deref(), want, "{text}");
        }
    }
}
