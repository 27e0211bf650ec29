//! Patterns: what a sample is compared with, by one of thirteen methods (configuration manual §7.1). The same tables
//! serve ACLs, which ask whether any pattern matches, and maps, which ask which one.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

use bstr::{BString, ByteSlice};

use crate::arg;
use crate::regex::Regex;
use crate::value::{Kind, Value, embedded_ipv4};

/// How patterns are compared (`-m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Match {
    /// The sample exists.
    Found,
    /// The sample is true.
    Bool,
    /// Numbers, ranges, comparisons.
    Int,
    /// Addresses and networks.
    Ip,
    /// Bytes given in hexadecimal.
    Bin,
    /// The sample's length.
    Len,
    /// Exactly.
    Str,
    /// At the beginning.
    Beg,
    /// Anywhere.
    Sub,
    /// A part between slashes.
    Dir,
    /// A part between dots, colons, slashes and question marks.
    Dom,
    /// At the end.
    End,
    /// A regular expression.
    Reg,
}

impl Match {
    /// Every method with its name.
    pub const ALL: [(&'static str, Match); 13] = [
        ("found", Match::Found),
        ("bool", Match::Bool),
        ("int", Match::Int),
        ("ip", Match::Ip),
        ("bin", Match::Bin),
        ("len", Match::Len),
        ("str", Match::Str),
        ("beg", Match::Beg),
        ("sub", Match::Sub),
        ("dir", Match::Dir),
        ("dom", Match::Dom),
        ("end", Match::End),
        ("reg", Match::Reg),
    ];

    /// The method of that name.
    pub fn named(name: &str) -> Option<Match> {
        Match::ALL.iter().find(|(n, _)| *n == name).map(|(_, m)| *m)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Match::ALL.iter().find(|(_, m)| *m == self).map_or("", |(n, _)| n)
    }

    /// What a sample of this type is matched with when nothing is said; bytes have no default.
    pub const fn default_for(kind: Kind) -> Option<Match> {
        match kind {
            Kind::Bool => Some(Match::Bool),
            Kind::Int => Some(Match::Int),
            Kind::Addr | Kind::Ipv4 | Kind::Ipv6 => Some(Match::Ip),
            Kind::Str | Kind::Method => Some(Match::Str),
            Kind::Any | Kind::Bin => None,
        }
    }

    /// The type that a sample is cast to before it is compared.
    pub const fn wants(self) -> Kind {
        match self {
            Match::Found => Kind::Any,
            Match::Bool | Match::Int => Kind::Int,
            Match::Ip => Kind::Addr,
            Match::Bin => Kind::Bin,
            Match::Len
            | Match::Str
            | Match::Beg
            | Match::Sub
            | Match::Dir
            | Match::Dom
            | Match::End
            | Match::Reg => Kind::Str,
        }
    }

    /// True if patterns are texts that `-i` applies to.
    pub const fn has_case(self) -> bool {
        match self {
            Match::Str | Match::Beg | Match::Sub | Match::Dir | Match::Dom | Match::End | Match::Reg => true,
            Match::Found | Match::Bool | Match::Int | Match::Ip | Match::Bin | Match::Len => false,
        }
    }
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a number or range.
    #[error("`{text}` is neither a number nor a range")]
    Number {
        /// What was written.
        text: BString,
    },
    /// Not an address or network.
    #[error("`{text}` is no address, nor a network")]
    Address {
        /// What was written.
        text: BString,
    },
    /// Not pairs of hexadecimal digits.
    #[error("`{text}` is not an even number of hexadecimal digits")]
    Hex {
        /// What was written.
        text: BString,
    },
    /// A bad regular expression.
    #[error("{0}")]
    Regex(#[from] crate::regex::RegexError),
    /// A method that takes none.
    #[error("the match method `{}` takes no pattern", .0.name())]
    NotTaken(Match),
}

/// A comparison before numbers (`ge 5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `eq`.
    Eq,
    /// `ge`.
    Ge,
    /// `gt`.
    Gt,
    /// `le`.
    Le,
    /// `lt`.
    Lt,
}

impl Operator {
    /// The operator of that name.
    pub fn named(word: &[u8]) -> Option<Self> {
        match word {
            b"eq" => Some(Operator::Eq),
            b"ge" => Some(Operator::Ge),
            b"gt" => Some(Operator::Gt),
            b"le" => Some(Operator::Le),
            b"lt" => Some(Operator::Lt),
            _ => None,
        }
    }
}

/// The patterns of one ACL line or map, by the order they were given in.
#[derive(Clone, Debug)]
pub struct Patterns {
    method: Match,
    body: Body,
    len: u32,
    /// Whole methods are compared: what is well known has one spelling, `-i` is for the others.
    of_methods: bool,
}

#[derive(Clone, Debug)]
enum Body {
    /// `found`, `bool`.
    Nothing,
    Ranges(Vec<(i64, i64, u32)>),
    Networks(Networks),
    Text {
        exact: Texts,
        folded: Texts,
    },
    Bytes(Vec<(Vec<u8>, u32)>),
    Regexes(Vec<(Regex, u32)>),
}

impl Patterns {
    /// No patterns yet.
    pub fn new(method: Match) -> Self {
        let body = match method {
            Match::Found | Match::Bool => Body::Nothing,
            Match::Int | Match::Len => Body::Ranges(Vec::new()),
            Match::Ip => Body::Networks(Networks::default()),
            Match::Bin => Body::Bytes(Vec::new()),
            Match::Reg => Body::Regexes(Vec::new()),
            Match::Str | Match::Beg | Match::Sub | Match::Dir | Match::Dom | Match::End => {
                Body::Text { exact: Texts::new(method, false), folded: Texts::new(method, true) }
            }
        };
        Self { method, body, len: 0, of_methods: false }
    }

    /// No patterns yet, of whole methods.
    pub fn methods() -> Self {
        Self { of_methods: true, ..Self::new(Match::Str) }
    }

    /// How they are compared.
    pub fn method(&self) -> Match {
        self.method
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds one.
    pub fn add(&mut self, text: &[u8], operator: Operator, ignore_case: bool) -> Result<(), PatternError> {
        let at = self.len;
        match &mut self.body {
            // The original ignores patterns of these methods: an old file may carry a stray word.
            Body::Nothing => {}
            Body::Ranges(ranges) => {
                let (low, high) =
                    range(text, operator).ok_or_else(|| PatternError::Number { text: text.into() })?;
                ranges.push((low, high, at));
            }
            Body::Networks(networks) => {
                if !networks.add(text, at) {
                    return Err(PatternError::Address { text: text.into() });
                }
            }
            // A well-known method is never taken for another spelling of it.
            Body::Text { exact, folded } => {
                if ignore_case && !(self.of_methods && is_known_method(text)) { folded } else { exact }
                    .add(text, at);
            }
            Body::Bytes(list) => {
                let bytes = arg::unhex(text).ok_or_else(|| PatternError::Hex { text: text.into() })?;
                list.push((bytes, at));
            }
            Body::Regexes(list) => list.push((Regex::new(text, ignore_case)?, at)),
        }
        self.len += 1;
        Ok(())
    }

    /// To be called after the last [`Patterns::add`]: orders the tables for searching.
    pub fn finish(&mut self) {
        match &mut self.body {
            Body::Networks(networks) => networks.finish(),
            Body::Text { exact, folded } => {
                exact.finish();
                folded.finish();
            }
            Body::Nothing | Body::Ranges(_) | Body::Bytes(_) | Body::Regexes(_) => {}
        }
    }

    /// True if any pattern matches.
    pub fn matches(&self, value: &Value<'_>) -> bool {
        match self.method {
            Match::Found => true,
            Match::Bool => value.to_int().is_some_and(|n| n != 0),
            Match::Int
            | Match::Ip
            | Match::Bin
            | Match::Len
            | Match::Str
            | Match::Beg
            | Match::Sub
            | Match::Dir
            | Match::Dom
            | Match::End
            | Match::Reg => self.find(value).is_some(),
        }
    }

    /// The pattern that matches: the finest of texts and networks kept in tables, else the first in order.
    pub fn find(&self, value: &Value<'_>) -> Option<u32> {
        match &self.body {
            Body::Nothing => None,
            Body::Ranges(ranges) => {
                let n = match self.method {
                    Match::Len => i64::try_from(text_of(value).len()).ok()?,
                    _ => value.to_int()?, // Match::Int is the only other method with ranges
                };
                ranges.iter().find(|(low, high, _)| (*low..=*high).contains(&n)).map(|(_, _, at)| *at)
            }
            Body::Networks(networks) => networks.find(value.to_ip()?),
            Body::Text { exact, folded } => {
                let text = text_of(value);
                let found = exact.find(&text);
                if found.is_none() && self.of_methods && is_known_method(&text) {
                    None
                } else {
                    found.or_else(|| folded.find(&text))
                }
            }
            Body::Bytes(list) => {
                let bytes = value.to_text();
                list.iter().find(|(pattern, _)| pattern.as_slice() == bytes.as_ref()).map(|(_, at)| *at)
            }
            Body::Regexes(list) => {
                let text = text_of(value);
                list.iter().find(|(regex, _)| regex.is_match(&text)).map(|(_, at)| *at)
            }
        }
    }

    /// The regular expression at a position, for maps that fill in what it matched.
    pub(crate) fn regex(&self, at: u32) -> Option<&Regex> {
        match &self.body {
            Body::Regexes(list) => list.iter().find(|(_, n)| *n == at).map(|(regex, _)| regex),
            Body::Nothing | Body::Ranges(_) | Body::Networks(_) | Body::Text { .. } | Body::Bytes(_) => None,
        }
    }
}

/// A sample as the text that it is compared as: bytes end at the first zero (configuration manual §7.1.3).
fn text_of<'v>(value: &'v Value<'_>) -> Cow<'v, [u8]> {
    match value {
        Value::Bin(b) => {
            let end = b.find_byte(0).unwrap_or(b.len());
            Cow::Borrowed(b.get(..end).unwrap_or_default())
        }
        Value::Bool(_)
        | Value::Int(_)
        | Value::Ipv4(_)
        | Value::Ipv6(_)
        | Value::Str(_)
        | Value::Method(_) => value.to_text(),
    }
}

fn is_known_method(text: &[u8]) -> bool {
    evenkeel_http::Method::of(text) != evenkeel_http::Method::Other
}

/// `5`, `5:9`, `5:`, `:9`, under an operator.
fn range(text: &[u8], operator: Operator) -> Option<(i64, i64)> {
    let (low, high) = match text.find_byte(b':') {
        Some(colon) => {
            let (low, high) = (text.get(..colon)?, text.get(colon + 1..)?);
            if low.is_empty() && high.is_empty() {
                return None;
            }
            let low = if low.is_empty() { i64::MIN } else { arg::int(low)? };
            let high = if high.is_empty() { i64::MAX } else { arg::int(high)? };
            if low > high {
                return None;
            }
            (low, high)
        }
        None => {
            let n = arg::int(text)?;
            (n, n)
        }
    };
    Some(match operator {
        Operator::Eq => (low, high),
        Operator::Ge => (low, i64::MAX),
        // Past either end of the range there is nothing: an empty range.
        Operator::Gt => (high.saturating_add(1), if high == i64::MAX { i64::MIN } else { i64::MAX }),
        Operator::Le => (i64::MIN, high),
        Operator::Lt => (if low == i64::MIN { i64::MAX } else { i64::MIN }, low.saturating_sub(1)),
    })
}

/// A mask and its networks, each with its position.
type Group<T> = (T, Vec<(T, u32)>);

/// Networks grouped by mask, each group sorted: a lookup is one search per mask in use.
#[derive(Clone, Debug, Default)]
struct Networks {
    v4: Vec<Group<u32>>,
    v6: Vec<Group<u128>>,
}

impl Networks {
    fn add(&mut self, text: &[u8], at: u32) -> bool {
        let (address, mask) = match text.find_byte(b'/') {
            Some(slash) => (text.get(..slash).unwrap_or_default(), text.get(slash + 1..)),
            None => (text, None),
        };
        if let Some(ip) = arg::ipv4(address) {
            let Some(mask) = mask.map_or(Some(u32::MAX), |m| arg::mask4(m).map(u32::from)) else {
                return false;
            };
            push(&mut self.v4, mask, u32::from(ip) & mask, at);
            return true;
        }
        let Some(ip) = arg::ipv6(address) else { return false };
        let bits = match mask {
            None => 128,
            Some(m) => match arg::int(m).and_then(|n| u32::try_from(n).ok()) {
                Some(bits) if bits <= 128 => bits,
                _ => return false, // not a bit count
            },
        };
        let mask = arg::prefix6(bits);
        push(&mut self.v6, mask, u128::from(ip) & mask, at);
        true
    }

    /// The finest masks first.
    fn finish(&mut self) {
        self.v4.sort_by_key(|(mask, _)| std::cmp::Reverse(mask.count_ones()));
        self.v4.iter_mut().for_each(|(_, nets)| sort_unique(nets));
        self.v6.sort_by_key(|(mask, _)| std::cmp::Reverse(mask.count_ones()));
        self.v6.iter_mut().for_each(|(_, nets)| sort_unique(nets));
    }

    fn find(&self, ip: IpAddr) -> Option<u32> {
        match ip {
            IpAddr::V4(v4) => {
                let mapped = u128::from(v4.to_ipv6_mapped());
                search(&self.v4, u32::from(v4)).or_else(|| search(&self.v6, mapped))
            }
            IpAddr::V6(v6) => {
                let inside = embedded_ipv4(v6).map(u32::from);
                search(&self.v6, u128::from(v6)).or_else(|| search(&self.v4, inside?))
            }
        }
    }
}

fn push<T: PartialEq>(groups: &mut Vec<Group<T>>, mask: T, net: T, at: u32) {
    match groups.iter_mut().find(|(m, _)| *m == mask) {
        Some((_, nets)) => nets.push((net, at)),
        None => groups.push((mask, vec![(net, at)])),
    }
}

fn sort_unique<T: Ord + Copy>(nets: &mut Vec<(T, u32)>) {
    nets.sort();
    nets.dedup_by_key(|(net, _)| *net);
}

fn search<T: Ord + Copy + std::ops::BitAnd<Output = T>>(groups: &[Group<T>], ip: T) -> Option<u32> {
    groups.iter().find_map(|(mask, nets)| {
        let net = ip & *mask;
        let found = nets.binary_search_by(|(n, _)| n.cmp(&net)).ok()?;
        nets.get(found).map(|(_, at)| *at)
    })
}

/// A text and its position.
type Text = (Box<[u8]>, u32);

/// Text patterns. Where the place of the match is fixed (exact, beginning, end) they are grouped by length and sorted,
/// so that a lookup is one search per length in use; elsewhere they are tried in order.
#[derive(Clone, Debug)]
struct Texts {
    method: Match,
    /// Patterns are in lower case, samples are folded as they are read.
    fold: bool,
    by_length: Vec<(usize, Vec<Text>)>,
    list: Vec<Text>,
}

impl Texts {
    fn new(method: Match, fold: bool) -> Self {
        Self { method, fold, by_length: Vec::new(), list: Vec::new() }
    }

    fn add(&mut self, text: &[u8], at: u32) {
        let mut text = text;
        // Delimiters around the pattern are ignored (configuration manual §7.1.3).
        if let Some(delimiters) = self.delimiters() {
            text = text.trim_start_with(|c| delimiters.contains(&(c as u8)));
            text = text.trim_end_with(|c| delimiters.contains(&(c as u8)));
        }
        let text: Box<[u8]> = if self.fold { text.to_ascii_lowercase().into() } else { text.into() };
        if self.by_length() {
            match self.by_length.iter_mut().find(|(len, _)| *len == text.len()) {
                Some((_, group)) => group.push((text, at)),
                None => self.by_length.push((text.len(), vec![(text, at)])),
            }
        } else {
            self.list.push((text, at));
        }
    }

    fn by_length(&self) -> bool {
        matches!(self.method, Match::Str | Match::Beg | Match::End)
    }

    fn delimiters(&self) -> Option<&'static [u8]> {
        match self.method {
            Match::Dir => Some(b"/?"),
            Match::Dom => Some(b"/?.:"),
            Match::Found
            | Match::Bool
            | Match::Int
            | Match::Ip
            | Match::Bin
            | Match::Len
            | Match::Str
            | Match::Beg
            | Match::Sub
            | Match::End
            | Match::Reg => None,
        }
    }

    fn finish(&mut self) {
        self.by_length.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
        for (_, group) in &mut self.by_length {
            group.sort();
            group.dedup_by(|a, b| a.0 == b.0);
        }
    }

    fn find(&self, text: &[u8]) -> Option<u32> {
        if self.by_length() {
            return self.by_length.iter().find_map(|(len, group)| {
                let part = match self.method {
                    Match::Str => (text.len() == *len).then_some(text),
                    Match::End => text.len().checked_sub(*len).and_then(|at| text.get(at..)),
                    _ => text.get(..*len), // Match::Beg is the only other method grouped by length
                }?;
                let found = group.binary_search_by(|(pattern, _)| self.compare(pattern, part)).ok()?;
                group.get(found).map(|(_, at)| *at)
            });
        }
        let delimiters = self.delimiters();
        self.list
            .iter()
            .find(|(pattern, _)| match delimiters {
                Some(delimiters) => self.has_part(text, pattern, delimiters),
                None => self.has(text, pattern),
            })
            .map(|(_, at)| *at)
    }

    fn compare(&self, pattern: &[u8], text: &[u8]) -> Ordering {
        if !self.fold {
            return pattern.cmp(text);
        }
        pattern.iter().copied().cmp(text.iter().map(u8::to_ascii_lowercase))
    }

    fn same(&self, pattern: &[u8], text: &[u8]) -> bool {
        if self.fold { pattern.eq_ignore_ascii_case(text) } else { pattern == text }
    }

    fn has(&self, text: &[u8], pattern: &[u8]) -> bool {
        match (self.fold, pattern.len()) {
            (_, 0) => true,
            (false, _) => text.find(pattern).is_some(),
            (true, len) => text.windows(len).any(|part| pattern.eq_ignore_ascii_case(part)),
        }
    }

    /// True if `pattern` stands in `text` between delimiters or ends.
    fn has_part(&self, text: &[u8], pattern: &[u8], delimiters: &[u8]) -> bool {
        if pattern.is_empty() {
            return false;
        }
        let edge = |b: Option<&u8>| b.is_none_or(|b| delimiters.contains(b));
        let ends = text.len().checked_sub(pattern.len());
        ends.is_some_and(|last| {
            (0..=last).any(|at| {
                let end = at + pattern.len();
                let before = at.checked_sub(1).and_then(|i| text.get(i));
                edge(before)
                    && edge(text.get(end))
                    && text.get(at..end).is_some_and(|part| self.same(pattern, part))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Match, ignore_case: bool, patterns: &[&str], text: &str, want: bool) {
        let mut set = Patterns::new(method);
        for p in patterns {
            set.add(p.as_bytes(), Operator::Eq, ignore_case).expect("a pattern of this table");
        }
        set.finish();
        let value = match method {
            Match::Int => Value::Int(text.parse().expect("a number of this table")),
            _ => Value::text(text.as_bytes()),
        };
        assert_eq!(set.matches(&value), want, "{method:?} {patterns:?} on {text}");
    }

    #[test]
    fn texts() {
        let png = "/images/png/logo/32x32.png";
        let url = "http://www1.dc-eu.example.com:80/blah";
        for (method, patterns, text, want) in [
            (Match::Str, &["a", "bc"][..], "bc", true),
            (Match::Str, &["a", "bc"], "bcd", false),
            (Match::Beg, &["/static", "/img"], "/img/x", true),
            (Match::Beg, &["/static", "/img"], "/im", false),
            (Match::Beg, &["/STATIC"], "/static", false),
            (Match::End, &[".png", ".jpg"], "/a.jpg", true),
            (Match::End, &[".png"], "png", false),
            (Match::Sub, &["b/c"], "/a/b/c", true),
            (Match::Dir, &["/images"], png, true),
            (Match::Dir, &["images/png"], png, true),
            (Match::Dir, &["32x32.png"], png, true),
            (Match::Dir, &["32x32"], png, false),
            (Match::Dom, &["www1"], url, true),
            (Match::Dom, &[".www1"], url, true),
            (Match::Dom, &["dc-eu.example"], url, true),
            (Match::Dom, &["eu"], url, false),
            (Match::Dom, &["dc-eu.example:80"], url, false),
            (Match::Dom, &[":80"], url, true),
            (Match::Len, &["2:3"], "abc", true),
            (Match::Bin, &["616263"], "abc", true),
            (Match::Reg, &["^a.c$"], "abc", true),
            (Match::Ip, &["10.0.0.0/8", "1.2.3.4"], "10.9.9.9", true),
            (Match::Ip, &["10.0.0.0/255.0.0.0"], "11.9.9.9", false),
            (Match::Ip, &["10.0.0.0/8"], "::ffff:10.1.1.1", true),
            (Match::Ip, &["::ffff:0:0/96"], "10.1.1.1", true),
            (Match::Ip, &["2001:db8::/32"], "2001:db8:1::1", true),
        ] {
            check(method, false, patterns, text, want);
        }
        for (method, patterns, text, want) in [
            (Match::Str, &["Ab", "B"][..], "aB", true),
            (Match::Beg, &["/STATIC", "/x"], "/sTatic/1", true),
            (Match::End, &[".PNG", ".x", ".y"], "a.png", true),
            (Match::Sub, &["BcD"], "abcde", true),
            (Match::Dom, &["EXAMPLE"], url, true),
            (Match::Reg, &["^A"], "abc", true),
        ] {
            check(method, true, patterns, text, want);
        }
    }

    #[test]
    fn numbers() {
        for (operator, pattern, n, want) in [
            (Operator::Eq, "5", 5, true),
            (Operator::Eq, "1024:", 65535, true),
            (Operator::Eq, ":1023", 1024, false),
            (Operator::Ge, "5", 5, true),
            (Operator::Gt, "5", 5, false),
            (Operator::Le, "5", 6, false),
            (Operator::Lt, "0", -1, true),
            (Operator::Gt, "9223372036854775807", i64::MAX, false),
        ] {
            let mut set = Patterns::new(Match::Int);
            set.add(pattern.as_bytes(), operator, false).expect("a pattern of this table");
            assert_eq!(set.matches(&Value::Int(n)), want, "{operator:?} {pattern} {n}");
        }
        for bad in ["", "x", "5x", "9:5", ":"] {
            assert!(Patterns::new(Match::Int).add(bad.as_bytes(), Operator::Eq, false).is_err(), "{bad}");
        }
    }
}
