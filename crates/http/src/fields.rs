//! Header and trailer fields: in order, with the case of their names, in one text.

use crate::known::Known;
use crate::table::trim;

/// Most bytes that the fields of one message may fill, edits included. Beyond it an edit is refused: rules that grow
/// a head without end are a mistake, and offsets are 32 bits.
pub(crate) const TEXT_MAX: usize = 16 << 20;

/// What a start line weighs beside its parts in the original's counters.
pub(crate) const START_LINE_LEN: u64 = 20;
/// What the end of the fields weighs there, and the end of a chunked body.
pub(crate) const END_LEN: u64 = 1;

/// A range of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

impl Part {
    /// Callers hold `end ≤ TEXT_MAX`.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        Self { start: start as u32, len: (end - start) as u32 }
    }

    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end()).unwrap_or_default()
    }

    pub(crate) fn end(self) -> usize {
        self.start as usize + self.len as usize
    }
}

/// One field line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: Part,
    pub(crate) value: Part,
    pub(crate) known: Known,
    /// The text holds exactly `name: value\r\n` here, so that runs of lines are written in one copy.
    pub(crate) whole: bool,
}

/// A field name to look for: recognized once, then compared as a number where it is a well-known one.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    known: Known,
    bytes: &'a [u8],
}

impl From<Known> for Name<'static> {
    fn from(known: Known) -> Self {
        Name { known, bytes: known.as_str().as_bytes() }
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Name { known: Known::of(bytes), bytes }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Name<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Name::from(bytes.as_slice())
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Name::from(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Name<'a> {
    fn from(text: &'a String) -> Self {
        Name::from(text.as_bytes())
    }
}

impl<'a> From<&'a Vec<u8>> for Name<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Name::from(bytes.as_slice())
    }
}

impl<'a> From<&'a bstr::BStr> for Name<'a> {
    fn from(bytes: &'a bstr::BStr) -> Self {
        let bytes: &[u8] = bytes;
        Name::from(bytes)
    }
}

impl<'a> From<&'a bstr::BString> for Name<'a> {
    fn from(bytes: &'a bstr::BString) -> Self {
        Name::from(bytes.as_slice())
    }
}

impl<'a> Name<'a> {
    /// The bytes asked for.
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Which well-known name it is.
    pub fn known(self) -> Known {
        self.known
    }

    #[inline]
    fn is(self, field: &Field, text: &[u8]) -> bool {
        field.known == self.known
            && (self.known != Known::Other || field.name.of(text).eq_ignore_ascii_case(self.bytes))
    }
}

/// Fields in order. Cleared and used again, it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub(crate) text: Vec<u8>,
    pub(crate) list: Vec<Field>,
    /// Bits of the well-known names that may be in the list (a removed one's bit may stay).
    present: u64,
}

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.list.clear();
        self.present = 0;
    }

    /// What the end of a chunked body with these trailers weighs in the original's counters and logs.
    pub fn counted_as_trailers(&self) -> u64 {
        self.counted_len() + END_LEN
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True where there is no line.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every line: name and value.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> + ExactSizeIterator {
        self.list.iter().map(|f| (f.name.of(&self.text), f.value.of(&self.text)))
    }

    /// The values of the lines of this name, each whole.
    pub fn lines<'a, 'n>(&'a self, name: impl Into<Name<'n>>) -> Lines<'a, 'n> {
        let name = name.into();
        let list: &[Field] = if self.may_have(name) { &self.list } else { &[] };
        Lines { name, text: &self.text, list: list.iter() }
    }

    /// The value of the first line of this name.
    pub fn first<'n>(&self, name: impl Into<Name<'n>>) -> Option<&[u8]> {
        self.lines(name).next()
    }

    /// The value of the last line of this name.
    pub fn last<'n>(&self, name: impl Into<Name<'n>>) -> Option<&[u8]> {
        self.lines(name).next_back()
    }

    /// Whether a line has this name.
    pub fn contains<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        let name = name.into();
        self.may_have(name) && self.list.iter().any(|f| name.is(f, &self.text))
    }

    /// The value of the line of this well-known name, if there is just one.
    pub(crate) fn only(&self, known: Known) -> Only<'_> {
        if !self.may_have_known(known) {
            return Only::None;
        }
        let mut lines = self.list.iter().filter(|f| f.known == known);
        match (lines.next(), lines.next()) {
            (None, _) => Only::None,
            (Some(line), None) => Only::One(line.value.of(&self.text)),
            (Some(_), Some(_)) => Only::Several,
        }
    }

    /// The n-th line of this name: 1 is the first, -1 the last, 0 the last as well.
    pub fn line_nth<'n>(&self, name: impl Into<Name<'n>>, n: i32) -> Option<&[u8]> {
        match n {
            1.. => self.lines(name).nth(n as usize - 1),
            ..=0 => self.lines(name).nth_back((n.unsigned_abs() as usize).saturating_sub(1)),
        }
    }

    /// The comma-separated values of all lines of this name, in order. As the original's `hdr()`, this cuts dates and
    /// Set-Cookie at their commas too: for those, [`Fields::lines`].
    pub fn values<'a, 'n>(&'a self, name: impl Into<Name<'n>>) -> AllValues<'a, 'n> {
        AllValues { lines: self.lines(name), values: Values { line: &[], at: None } }
    }

    /// The n-th comma-separated value: 1 is the first, -1 the last, 0 the last as well.
    pub fn value_nth<'n>(&self, name: impl Into<Name<'n>>, n: i32) -> Option<&[u8]> {
        let name = name.into();
        let wanted = match n {
            1.. => n as usize - 1,
            ..=0 => {
                let from_end = (n.unsigned_abs() as usize).max(1);
                self.values(name).count().checked_sub(from_end)?
            }
        };
        self.values(name).nth(wanted)
    }

    /// Adds a line at the end. CR, LF and NUL become spaces: no rule and no variable can end a head early. False
    /// where the text is full.
    pub fn push<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> bool {
        let name = name.into();
        match self.append(name.known, name.bytes, &[value]) {
            Some(field) => {
                self.add(field);
                true
            }
            None => false,
        }
    }

    /// Removes all lines of this name and adds one at the end.
    pub fn set<'n>(&mut self, name: impl Into<Name<'n>>, value: &[u8]) -> bool {
        let name = name.into();
        self.remove(name);
        self.push(name, value)
    }

    /// Removes all lines of this name; says how many there were.
    pub fn remove<'n>(&mut self, name: impl Into<Name<'n>>) -> usize {
        let name = name.into();
        if !self.may_have(name) {
            return 0;
        }
        let before = self.list.len();
        let text = &self.text;
        self.list.retain(|f| !name.is(f, text));
        if name.known != Known::Other {
            self.present &= !name.known.bit();
        }
        before - self.list.len()
    }

    /// Removes the lines for which `which(name, value)` holds; says how many.
    pub fn remove_where(&mut self, mut which: impl FnMut(&[u8], &[u8]) -> bool) -> usize {
        let before = self.list.len();
        let text = &self.text;
        self.list.retain(|f| !which(f.name.of(text), f.value.of(text)));
        before - self.list.len()
    }

    /// Gives every line of this name a new value where `edit` has one. Says how many changed.
    pub fn replace_lines<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> usize {
        let name = name.into();
        let mut changed = 0;
        for i in self.indexes(name) {
            let Some(new) = self.value_at(i).and_then(&mut edit) else { continue };
            changed += usize::from(self.set_value_at(i, &[&new]));
        }
        changed
    }

    /// Gives every comma-separated value of this name a new one where `edit` has one; separators and the white space
    /// around them stay. Says how many changed.
    pub fn replace_values<'n>(
        &mut self,
        name: impl Into<Name<'n>>,
        mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> usize {
        let name = name.into();
        let mut changed = 0;
        let mut line = Vec::new();
        for i in self.indexes(name) {
            let Some(old) = self.value_at(i) else { continue };
            line.clear();
            let (mut copied, mut here) = (0, 0);
            for (value, range) in ranges_of(old) {
                let Some(new) = edit(value) else { continue };
                // The blanks around a value go with it, as in the original.
                line.extend_from_slice(old.get(copied..range.start).unwrap_or_default().trim_ascii_end());
                line.extend_from_slice(&new);
                let after = old.get(range.end..).unwrap_or_default();
                copied = range.end + (after.len() - after.trim_ascii_start().len());
                here += 1;
            }
            if here == 0 {
                continue;
            }
            line.extend_from_slice(old.get(copied..).unwrap_or_default());
            if self.set_value_at(i, &[&line]) {
                changed += here;
            }
        }
        changed
    }

    /// What these fields weigh in the original's counters and logs: names and values, without the words of Connection
    /// that belong to this hop alone.
    pub(crate) fn counted_len(&self) -> u64 {
        if !self.may_have_known(Known::Connection) {
            return self.list.iter().map(|f| u64::from(f.name.len) + u64::from(f.value.len)).sum();
        }
        self.list
            .iter()
            .map(|f| {
                let value = f.value.of(&self.text);
                let value_len = match f.known {
                    Known::Connection => {
                        let own = |v: &&[u8]| {
                            !v.eq_ignore_ascii_case(b"close") && !v.eq_ignore_ascii_case(b"keep-alive")
                        };
                        match values_of(value).filter(own).map(|v| v.len() + 2).sum::<usize>() {
                            0 => return 0,
                            joined => joined - 2,
                        }
                    }
                    _ => value.len(), // every other field is passed on whole
                };
                (f.name.len as usize + value_len) as u64
            })
            .sum()
    }

    /// Writes the lines without the empty one that ends them.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.reserve(self.text.len() + self.list.len() * 4);
        let mut run = 0..0;
        for field in &self.list {
            let start = field.name.start as usize;
            let end = field.value.end() + 2;
            if field.whole && run.end == start {
                run.end = end;
                continue;
            }
            out.extend_from_slice(self.text.get(run).unwrap_or_default());
            if field.whole {
                run = start..end;
                continue;
            }
            run = 0..0;
            out.extend_from_slice(field.name.of(&self.text));
            out.extend_from_slice(b": ");
            out.extend_from_slice(field.value.of(&self.text));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.text.get(run).unwrap_or_default());
    }

    /// Positions of the lines of this name. Edits by position keep all positions.
    pub(crate) fn indexes(&self, name: Name<'_>) -> smallvec::SmallVec<[usize; 8]> {
        let list: &[Field] = if self.may_have(name) { &self.list } else { &[] };
        list.iter().enumerate().filter(|(_, f)| name.is(f, &self.text)).map(|(i, _)| i).collect()
    }

    pub(crate) fn value_at(&self, i: usize) -> Option<&[u8]> {
        self.list.get(i).map(|f| f.value.of(&self.text))
    }

    /// Gives a line the value that the pieces make together.
    pub(crate) fn set_value_at(&mut self, i: usize, pieces: &[&[u8]]) -> bool {
        self.edit_at(i, 0..usize::MAX, pieces)
    }

    /// Replaces a range of a line's value, without allocating: the line is written anew at the end of the text.
    pub(crate) fn edit_at(&mut self, i: usize, range: std::ops::Range<usize>, pieces: &[&[u8]]) -> bool {
        let Some(old) = self.list.get(i).copied() else { return false };
        let value = old.value.start as usize;
        let cut = |n: usize| value + n.min(old.value.len as usize);
        let (head, tail) = (value..cut(range.start), cut(range.end)..old.value.end());
        let added: usize = pieces.iter().map(|p| p.len()).sum();
        if self.text.len() + old.name.len as usize + old.value.len as usize + added + 4 > TEXT_MAX {
            return false;
        }
        let start = self.text.len();
        self.text.extend_from_within(old.name.start as usize..old.name.end());
        let name = Part::new(start, self.text.len());
        self.text.extend_from_slice(b": ");
        let start = self.text.len();
        self.text.extend_from_within(head);
        for piece in pieces {
            self.extend_clean(piece);
        }
        self.text.extend_from_within(tail);
        let value = Part::new(start, self.text.len());
        self.text.extend_from_slice(b"\r\n");
        if let Some(field) = self.list.get_mut(i) {
            *field = Field { name, value, known: old.known, whole: true };
        }
        true
    }

    /// Removes all lines of a well-known name but the first.
    pub(crate) fn keep_first(&mut self, known: Known) {
        let mut seen = false;
        self.list.retain(|f| f.known != known || !std::mem::replace(&mut seen, true));
    }

    pub(crate) fn remove_at(&mut self, i: usize) {
        if i < self.list.len() {
            self.list.remove(i);
        }
    }

    pub(crate) fn add(&mut self, field: Field) {
        self.present |= field.known.bit();
        self.list.push(field);
    }

    #[inline]
    pub(crate) fn may_have_known(&self, known: Known) -> bool {
        self.present & known.bit() != 0
    }

    #[inline]
    fn may_have(&self, name: Name<'_>) -> bool {
        self.present & name.known.bit() != 0
    }

    fn append(&mut self, known: Known, name: &[u8], pieces: &[&[u8]]) -> Option<Field> {
        let added: usize = pieces.iter().map(|p| p.len()).sum();
        if name.is_empty() || self.text.len() + name.len() + added + 4 > TEXT_MAX {
            return None;
        }
        let start = self.text.len();
        self.extend_clean(name);
        let name = Part::new(start, self.text.len());
        self.text.extend_from_slice(b": ");
        let start = self.text.len();
        for piece in pieces {
            self.extend_clean(piece);
        }
        let value = Part::new(start, self.text.len());
        self.text.extend_from_slice(b"\r\n");
        Some(Field { name, value, known, whole: true })
    }

    fn extend_clean(&mut self, bytes: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        if memchr::memchr3(b'\r', b'\n', 0, bytes).is_none() {
            return;
        }
        for b in self.text.iter_mut().skip(start) {
            if matches!(b, b'\r' | b'\n' | 0) {
                *b = b' ';
            }
        }
    }
}

/// How many lines a name has; see [`Fields::only`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only<'a> {
    None,
    One(&'a [u8]),
    Several,
}

/// The values of the lines of one name; see [`Fields::lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a, 'n> {
    name: Name<'n>,
    text: &'a [u8],
    list: std::slice::Iter<'a, Field>,
}

impl<'a> Iterator for Lines<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.list.find(|f| self.name.is(f, self.text)).map(|f| f.value.of(self.text))
    }
}

/// The comma-separated values of all lines of one name; see [`Fields::values`].
#[derive(Clone, Debug)]
pub struct AllValues<'a, 'n> {
    lines: Lines<'a, 'n>,
    values: Values<'a>,
}

impl<'a> Iterator for AllValues<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(value) = self.values.next() {
                return Some(value);
            }
            self.values = values_of(self.lines.next()?);
        }
    }
}

impl DoubleEndedIterator for Lines<'_, '_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.list.rfind(|f| self.name.is(f, self.text)).map(|f| f.value.of(self.text))
    }
}

/// The comma-separated values of one line, trimmed. Commas in quoted strings do not separate; an empty line is one
/// empty value, as in the original's `hdr_cnt`.
pub fn values_of(line: &[u8]) -> Values<'_> {
    Values { line, at: Some(0) }
}

fn ranges_of(line: &[u8]) -> impl Iterator<Item = (&[u8], std::ops::Range<usize>)> {
    let base = line.as_ptr() as usize;
    values_of(line).map(move |value| {
        let start = value.as_ptr() as usize - base;
        (value, start..start + value.len())
    })
}

/// See [`values_of`].
#[derive(Clone, Debug)]
pub struct Values<'a> {
    line: &'a [u8],
    at: Option<usize>,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.line.get(self.at?..)?;
        let len = comma(rest);
        self.at = len.map(|n| self.line.len() - rest.len() + n + 1);
        Some(trim(rest.get(..len.unwrap_or(rest.len())).unwrap_or_default()))
    }
}

/// Offset of the first comma outside of quotes.
fn comma(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b',', b'"', text.get(from..)?)?;
        if text.get(at) == Some(&b',') {
            return Some(at);
        }
        from = quote_end(text, at + 1)?;
    }
}

/// Offset after the quote that ends a quoted string (RFC 9110 §5.6.4) whose content starts at `at`.
pub(crate) fn quote_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in lines {
            assert!(fields.push(*name, value.as_bytes()));
        }
        fields
    }

    fn written(fields: &Fields) -> String {
        let mut out = Vec::new();
        fields.write_to(&mut out);
        String::from_utf8(out).expect("tests are text").replace("\r\n", "|")
    }

    #[test]
    fn values_are_those_of_the_original() {
        for (line, want) in [
            ("a,b", &["a", "b"][..]),
            ("a , b ,c", &["a", "b", "c"]),
            ("a,,b", &["a", "", "b"]),
            ("", &[""]),
            (",", &["", ""]),
            ("a,", &["a", ""]),
            (r#""a,b",c"#, &[r#""a,b""#, "c"]),
            (r#""a\",b",c"#, &[r#""a\",b""#, "c"]),
            (r#""a"#, &[r#""a"#]),
            (r#"a"b,c"d,e"#, &[r#"a"b,c"d"#, "e"]),
            ("'a,b'", &["'a", "b'"]),
            (r#""\"#, &[r#""\"#]),
            ("a\tb", &["a\tb"]),
        ] {
            let got: Vec<_> = values_of(line.as_bytes()).map(|v| v.as_bstr()).collect();
            assert_eq!(got, want, "{line}");
        }
    }

    #[test]
    fn occurrences_count_from_both_ends() {
        let f = fields(&[("X", "a,b"), ("Y", "n"), ("x", "c")]);
        for (n, want) in
            [(1, Some("a")), (3, Some("c")), (4, None), (-1, Some("c")), (-3, Some("a")), (-4, None)]
        {
            assert_eq!(f.value_nth("X", n), want.map(str::as_bytes), "{n}");
        }
        assert_eq!(f.line_nth("x", 1), Some(&b"a,b"[..]));
        assert_eq!(f.line_nth("x", -1), Some(&b"c"[..]));
        assert_eq!(f.line_nth("x", 3), None);
        assert_eq!(f.value_nth("x", i32::MIN), None);
        assert_eq!(f.value_nth("x", 0), Some(&b"c"[..]));
        assert_eq!(f.values("x").count(), 3);
        assert!(!f.contains("z"));
    }

    #[test]
    fn edits_keep_order_and_case() {
        let mut f = fields(&[("Host", "a"), ("X-One", "1"), ("x-one", "2"), ("Cookie", "c")]);
        assert_eq!(written(&f), "Host: a|X-One: 1|x-one: 2|Cookie: c|");
        assert_eq!(f.replace_lines("X-ONE", |v| (v == b"2").then(|| b"two".to_vec())), 1);
        assert_eq!(written(&f), "Host: a|X-One: 1|x-one: two|Cookie: c|");
        assert!(f.set("Host", b"b"));
        assert_eq!(written(&f), "X-One: 1|x-one: two|Cookie: c|Host: b|");
        assert_eq!(f.remove("x-one"), 2);
        assert_eq!(f.remove("x-one"), 0);
        assert_eq!(f.remove_where(|name, value| name == b"Cookie" && value == b"c"), 1);
        assert_eq!(written(&f), "Host: b|");
        assert_eq!(f.first(Known::Cookie), None);
        f.clear();
        assert!(f.is_empty() && f.first("host").is_none());
    }

    #[test]
    fn values_are_replaced_within_their_line() {
        let mut f = fields(&[("V", "a,  b ,\"a,b\",a"), ("v", "b")]);
        assert_eq!(f.replace_values("v", |v| (v == b"a").then(|| b"long".to_vec())), 2);
        assert_eq!(written(&f), "V: long,  b ,\"a,b\",long|v: b|");
        assert_eq!(f.replace_values("none", |_| Some(Vec::new())), 0);
    }

    #[test]
    fn no_edit_can_break_a_line() {
        let mut f = fields(&[("A\r\nB", "x\r\nEvil: 1\r\n\r\n\0")]);
        assert_eq!(written(&f), "A  B: x  Evil: 1     |");
        f.replace_lines("A  B", |_| Some(b"\n".to_vec()));
        assert_eq!(written(&f), "A  B:  |");
        assert!(!f.push("", b"no name"));
        assert!(!f.push("x", &vec![b'x'; TEXT_MAX]), "bounded");
        assert_eq!(f.len(), 1);
    }
}
