//! Cookies as the original reads them: RFC 6265 pairs, with the commas and `$` attributes of RFC 2965.
//!
//! Names are compared with their case, values are the raw bytes, quotes included.

use crate::fields::{Fields, Name, quote_end};
use crate::known::Known;
use crate::table::is_ows;
use smallvec::SmallVec;
use std::ops::Range;

/// Most cookies of one name that are edited in one line; later ones keep their values.
const EDITS_MAX: usize = 64;
/// A Cookie line up to this length is edited without allocating.
const LINE_USUAL: usize = 1024;

/// One piece of a Cookie line between separators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The name; starts with `$` for an attribute of RFC 2965.
    pub name: &'a [u8],
    /// The value; `None` without a `=`.
    pub value: Option<&'a [u8]>,
    /// Where the name starts and the value ends in the line.
    pub range: Range<usize>,
    /// Where the value is in the line; empty at the end of `range` without a `=`.
    pub value_range: Range<usize>,
}

/// The pieces of a Cookie line; see [`pairs`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    line: &'a [u8],
    at: usize,
}

/// The pieces of a Cookie line in order. `;` and `,` separate; between double quotes they do not. Pieces without a
/// name are left out.
pub fn pairs(line: &[u8]) -> Pairs<'_> {
    Pairs { line, at: 0 }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        loop {
            let start = self.at;
            let rest = self.line.get(start..).filter(|rest| !rest.is_empty())?;
            let equal = rest.iter().position(|b| matches!(b, b'=' | b';' | b','));
            let (name_end, has_value) = match equal {
                Some(n) => (start + n, self.line.get(start + n) == Some(&b'=')),
                None => (self.line.len(), false),
            };
            let end = if has_value { value_end(self.line, name_end + 1) } else { name_end };
            self.at = end + 1;
            let name = trimmed(self.line, start..name_end);
            if name.is_empty() {
                continue;
            }
            let value = if has_value { trimmed(self.line, name_end + 1..end) } else { name.end..name.end };
            let name_bytes = self.line.get(name.clone()).unwrap_or_default();
            return Some(Pair {
                name: name_bytes,
                value: if has_value { self.line.get(value.clone()) } else { None },
                range: name.start..value.end.max(name.end),
                value_range: value,
            });
        }
    }
}

/// Offset of the separator that ends a value which starts at `at`.
fn value_end(line: &[u8], mut at: usize) -> usize {
    loop {
        match line.get(at) {
            None => return line.len(),
            Some(b';' | b',') => return at,
            Some(b'"') => match quote_end(line, at + 1) {
                Some(after) => at = after,
                None => return line.len(),
            },
            Some(_) => at += 1,
        }
    }
}

/// A range without the white space around; empty ranges keep their end.
fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start, range.end);
    while start < end && line.get(start).is_some_and(|b| is_ows(*b)) {
        start += 1;
    }
    while end > start && line.get(end - 1).is_some_and(|b| is_ows(*b)) {
        end -= 1;
    }
    start..end
}

/// The values of all request cookies of this name, over all Cookie lines.
pub fn find_all<'a>(fields: &'a Fields, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    fields.lines(Known::Cookie).flat_map(pairs).filter(move |p| p.name == name).filter_map(|p| p.value)
}

/// The value of the first request cookie of this name: the one that persistence looks at.
pub fn find<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a [u8]> {
    fields.lines(Known::Cookie).flat_map(pairs).find_map(|p| if p.name == name { p.value } else { None })
}

/// Takes all request cookies of this name out, with their `$` attributes; a line that has no cookie left goes. The
/// others keep their bytes. Says how many lines changed.
pub fn remove(fields: &mut Fields, name: &[u8]) -> usize {
    let mut changed = 0;
    for i in fields.indexes(Name::from(Known::Cookie)).into_iter().rev() {
        let Some(left) = fields.value_at(i).and_then(|line| without(line, name)) else { continue };
        if left.is_empty() {
            fields.remove_at(i);
            changed += 1;
        } else {
            changed += usize::from(fields.set_value_at(i, &[&left]));
        }
    }
    changed
}

/// The line without the cookies of this name; `None` where it has none. What was cut leaves the separator before it
/// and one space.
fn without(line: &[u8], name: &[u8]) -> Option<SmallVec<[u8; LINE_USUAL]>> {
    let is_it = |p: &Pair<'_>| p.name == name && p.value.is_some();
    if !pairs(line).any(|p| is_it(&p)) {
        return None;
    }
    let mut left = SmallVec::new();
    // Where the last piece that stays ends, whether there is one, and whether pieces after it were cut.
    let (mut end, mut kept, mut cutting, mut cut) = (0, false, false, false);
    for piece in pairs(line) {
        cutting = is_it(&piece) || (cutting && piece.name.starts_with(b"$"));
        if cutting {
            cut = true;
            continue;
        }
        match (kept, cut) {
            (_, false) => left.extend_from_slice(line.get(end..piece.range.end).unwrap_or_default()),
            (false, true) => left.extend_from_slice(line.get(piece.range.clone()).unwrap_or_default()),
            (true, true) => {
                let separator = line.iter().skip(end).find(|b| !is_ows(**b));
                left.extend_from_slice(if separator == Some(&b',') { b", " } else { b"; " });
                left.extend_from_slice(line.get(piece.range.clone()).unwrap_or_default());
            }
        }
        (end, kept, cut) = (piece.range.end, true, false);
    }
    if !cutting {
        left.extend_from_slice(line.get(end..).unwrap_or_default());
    }
    Some(left)
}

/// Gives the request cookies of this name another value, where `edit` has one. Says how many changed.
pub fn replace(fields: &mut Fields, name: &[u8], mut edit: impl FnMut(&[u8]) -> Option<Vec<u8>>) -> usize {
    let mut changed = 0;
    for i in fields.indexes(Name::from(Known::Cookie)) {
        for nth in 0..EDITS_MAX {
            let Some(line) = fields.value_at(i) else { break };
            let Some(pair) = pairs(line).filter(|p| p.name == name && p.value.is_some()).nth(nth) else {
                break;
            };
            let Some(new) = pair.value.and_then(&mut edit) else { continue };
            let range = pair.value_range.clone();
            changed += usize::from(fields.edit_at(i, range, &[&clean(&new)]));
        }
    }
    changed
}

/// Cuts the first `len` bytes off the value of the request cookies of this name, without allocating (mode prefix).
pub fn strip_prefix(fields: &mut Fields, name: &[u8], mut len: impl FnMut(&[u8]) -> Option<usize>) -> usize {
    let mut changed = 0;
    for i in fields.indexes(Name::from(Known::Cookie)) {
        for nth in 0..EDITS_MAX {
            let Some(line) = fields.value_at(i) else { break };
            let Some(pair) = pairs(line).filter(|p| p.name == name && p.value.is_some()).nth(nth) else {
                break;
            };
            let Some(cut) = pair.value.and_then(&mut len) else { continue };
            let start = pair.value_range.start;
            let end = pair.value_range.end.min(start.saturating_add(cut));
            changed += usize::from(fields.edit_at(i, start..end, &[]));
        }
    }
    changed
}

/// A value that stays one value: separators and quotes of a new one become `_`.
fn clean(value: &[u8]) -> Vec<u8> {
    value.iter().map(|b| if matches!(b, b';' | b',') { b'_' } else { *b }).collect()
}

/// The cookie that a Set-Cookie line sets: everything to the first `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value, quotes included.
    pub value: &'a [u8],
    /// Where the value is in the line.
    pub value_range: Range<usize>,
    /// The rest of the line: from the `;` on, or empty.
    pub attributes: &'a [u8],
}

/// Reads a Set-Cookie line. `None` without a `=` or without a name. A comma does not end the value here: old dates
/// have some.
pub fn parse_set_cookie(line: &[u8]) -> Option<SetCookie<'_>> {
    let name_end = line.iter().position(|b| matches!(b, b'=' | b';'))?;
    if line.get(name_end) != Some(&b'=') {
        return None;
    }
    let mut end = name_end + 1;
    loop {
        match line.get(end) {
            None | Some(b';') => break,
            Some(b'"') => match quote_end(line, end + 1) {
                Some(after) => end = after,
                None => end = line.len(),
            },
            Some(_) => end += 1,
        }
    }
    let name = line.get(trimmed(line, 0..name_end)).filter(|name| !name.is_empty())?;
    let value_range = trimmed(line, name_end + 1..end);
    Some(SetCookie {
        name,
        value: line.get(value_range.clone())?,
        value_range,
        attributes: line.get(end..).unwrap_or_default(),
    })
}

/// The values of all cookies of this name that a response sets.
pub fn find_set_all<'a>(fields: &'a Fields, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    fields
        .lines(Known::SetCookie)
        .filter_map(parse_set_cookie)
        .filter(move |c| c.name == name)
        .map(|c| c.value)
}

/// The value of the first cookie of this name that a response sets.
pub fn find_set<'a>(fields: &'a Fields, name: &[u8]) -> Option<&'a [u8]> {
    fields
        .lines(Known::SetCookie)
        .filter_map(parse_set_cookie)
        .find_map(|c| if c.name == name { Some(c.value) } else { None })
}

/// Takes the Set-Cookie lines of this name out; says how many.
pub fn remove_set(fields: &mut Fields, name: &[u8]) -> usize {
    if !fields.contains(Known::SetCookie) {
        return 0;
    }
    fields.remove_where(|field, value| {
        Known::of(field) == Known::SetCookie && parse_set_cookie(value).is_some_and(|c| c.name == name)
    })
}

/// Gives the cookies of this name that a response sets another value (mode rewrite); attributes stay.
pub fn replace_set(fields: &mut Fields, name: &[u8], value: &[u8]) -> usize {
    edit_set(fields, name, value, |range| range)
}

/// Puts `prefix` before the value of the cookies of this name that a response sets (mode prefix).
pub fn prefix_set(fields: &mut Fields, name: &[u8], prefix: &[u8]) -> usize {
    edit_set(fields, name, prefix, |range| range.start..range.start)
}

/// Writes `piece` over the part of the value that `place` says.
fn edit_set(
    fields: &mut Fields,
    name: &[u8],
    piece: &[u8],
    place: fn(Range<usize>) -> Range<usize>,
) -> usize {
    let mut changed = 0;
    for i in fields.indexes(Name::from(Known::SetCookie)) {
        let Some(cookie) = fields.value_at(i).and_then(parse_set_cookie) else { continue };
        if cookie.name != name {
            continue;
        }
        let range = place(cookie.value_range);
        changed += usize::from(fields.edit_at(i, range, &[piece]));
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    fn cookies(lines: &[&str]) -> Fields {
        let mut fields = Fields::new();
        for line in lines {
            fields.push("Cookie", line.trim().as_bytes());
        }
        fields
    }

    fn lines(fields: &Fields) -> Vec<String> {
        fields.iter().map(|(_, v)| v.to_str_lossy().into_owned()).collect()
    }

    #[test]
    fn values_are_those_of_the_original() {
        for (line, a, b) in [
            ("a=1; b=2", Some("1"), Some("2")),
            ("a=1;b=2", Some("1"), Some("2")),
            ("a=1,b=2", Some("1"), Some("2")),
            (r#"a="1;2"; b=3"#, Some(r#""1;2""#), Some("3")),
            ("a = 1 ; b= 2", Some("1"), Some("2")),
            ("$Version=1; a=1; $Path=/; b=2", Some("1"), Some("2")),
            ("a; b=2", None, Some("2")),
            ("a=; b=2", Some(""), Some("2")),
            ("a=1; a=2; b", Some("1"), None),
            ("A=1; B=2", None, None),
            ("a=1=2; b=x=y", Some("1=2"), Some("x=y")),
            ("=1; b=2", None, Some("2")),
            (";;a=1;; b=2", Some("1"), Some("2")),
            (r#"a="1\"2"; b=3"#, Some(r#""1\"2""#), Some("3")),
            ("a=1 2; b=3 ;", Some("1 2"), Some("3")),
            (r#"a="1", b=4"#, Some(r#""1""#), Some("4")),
            ("aa=9; a=1", Some("1"), None),
            (r#"a="1; b=2"#, Some(r#""1; b=2"#), None),
            ("a b=1; b=2", None, Some("2")),
            ("", None, None),
        ] {
            let fields = cookies(&[line]);
            assert_eq!(
                find(&fields, b"a").map(|v| v.as_bstr()),
                a.map(|v| v.as_bytes().as_bstr()),
                "a in {line}"
            );
            assert_eq!(
                find(&fields, b"b").map(|v| v.as_bstr()),
                b.map(|v| v.as_bytes().as_bstr()),
                "b in {line}"
            );
        }
        assert_eq!(find_all(&cookies(&["a=1", "b=2; a=3"]), b"a").count(), 2);
    }

    #[test]
    fn ranges_are_exact() {
        let line = br#" a = "x;y" ;b; $P=/z"#;
        let got: Vec<_> = pairs(line).map(|p| (&line[p.range], &line[p.value_range])).collect();
        assert_eq!(
            got,
            [(&br#"a = "x;y""#[..], &br#""x;y""#[..]), (&b"b"[..], &b""[..]), (&b"$P=/z"[..], &b"/z"[..]),]
        );
    }

    #[test]
    fn a_removed_cookie_leaves_the_others_as_the_original_does() {
        for (line, want) in [
            (&["SRV=s1"][..], &[][..]),
            (&["a=1; SRV=s1; b=2"], &["a=1; b=2"]),
            (&["SRV=s1; b=2"], &["b=2"]),
            (&["a=1; SRV=s1"], &["a=1"]),
            (&["a=1;SRV=s1;b=2"], &["a=1; b=2"]),
            (&["a=1,SRV=s1,b=2"], &["a=1, b=2"]),
            (&["a=1 ; SRV = s1 ; b=2"], &["a=1; b=2"]),
            (&["$Version=1; SRV=s1; $Path=/; $Domain=x; b=2; $Path=/z"], &["$Version=1; b=2; $Path=/z"]),
            (&["a=1; $Path=/a; SRV=s1; $Path=/"], &["a=1; $Path=/a"]),
            (&["SRV=s1; SRV=s1; a=1"], &["a=1"]),
            (&["a=1", "SRV=s1", "b=2"], &["a=1", "b=2"]),
            (&["SRV=; a=1"], &["a=1"]),
            (&["SRV; a=1"], &["SRV; a=1"]),
            (&[r#"a="x;y"; SRV=s1; b"#], &[r#"a="x;y"; b"#]),
            (&["a; SRV=s1; b"], &["a; b"]),
            (&["SRV=s1;"], &[]),
            (&[" SRV=s1 ;  b=2"], &["b=2"]),
            (&["a=1; =x; b=2; SRV=1"], &["a=1; =x; b=2"]),
        ] {
            let mut fields = cookies(line);
            remove(&mut fields, b"SRV");
            assert_eq!(lines(&fields), want, "{line:?}");
        }
    }

    #[test]
    fn values_change_in_place() {
        let tilde = |v: &[u8]| memchr::memchr(b'~', v).map(|n| n + 1);
        for (line, want) in [
            ("SID=s1~abc", "SID=abc"),
            ("a=1; SID=s1~abc; b=2", "a=1; SID=abc; b=2"),
            ("SID=abc", "SID=abc"),
            ("SID=~abc", "SID=abc"),
            ("SID=s1~", "SID="),
            (r#"SID="s1~abc"; b=2"#, r#"SID=abc"; b=2"#),
            ("SID=s1~a~b", "SID=a~b"),
            ("SID=s1~a; SID=s1~b", "SID=a; SID=b"),
        ] {
            let mut fields = cookies(&[line]);
            strip_prefix(&mut fields, b"SID", tilde);
            assert_eq!(lines(&fields), [want], "{line}");
        }
        let mut fields = cookies(&["a=1; b=2; a=3"]);
        assert_eq!(replace(&mut fields, b"a", |v| (v == b"3").then(|| b"x;y".to_vec())), 1);
        assert_eq!(lines(&fields), ["a=1; b=2; a=x_y"]);
    }

    #[test]
    fn set_cookie_lines_as_the_original_edits_them() {
        for (line, rewritten, prefixed) in [
            ("SRV=x", "SRV=s1", "SRV=s1~x"),
            ("SRV=abc; path=/; HttpOnly", "SRV=s1; path=/; HttpOnly", "SRV=s1~abc; path=/; HttpOnly"),
            ("SRV=; path=/", "SRV=s1; path=/", "SRV=s1~; path=/"),
            (r#"SRV="q w"; path=/"#, "SRV=s1; path=/", r#"SRV=s1~"q w"; path=/"#),
            ("SRV=x ; p", "SRV=s1 ; p", "SRV=s1~x ; p"),
            ("a=1, SRV=x", "a=1, SRV=x", "a=1, SRV=x"),
            ("a=1; SRV=x", "a=1; SRV=x", "a=1; SRV=x"),
            ("SRV", "SRV", "SRV"),
            ("srv=x", "srv=x", "srv=x"),
            (
                "SRV=x; Expires=Wed, 09 Jun 2021 10:18:14 GMT",
                "SRV=s1; Expires=Wed, 09 Jun 2021 10:18:14 GMT",
                "SRV=s1~x; Expires=Wed, 09 Jun 2021 10:18:14 GMT",
            ),
        ] {
            let mut fields = Fields::new();
            fields.push("Set-Cookie", line.as_bytes());
            let mut other = fields.clone();
            replace_set(&mut fields, b"SRV", b"s1");
            assert_eq!(lines(&fields), [rewritten]);
            prefix_set(&mut other, b"SRV", b"s1~");
            assert_eq!(lines(&other), [prefixed]);
            let removed = remove_set(&mut other, b"SRV");
            assert_eq!(removed, usize::from(line != rewritten), "{line}");
        }
        let cookie = parse_set_cookie(b"a=b; path=/").expect("valid");
        assert_eq!((cookie.name, cookie.value, cookie.attributes), (&b"a"[..], &b"b"[..], &b"; path=/"[..]));
    }
}
