//! `include` and its relatives: names with braces, `*`, `?` and `[…]`, resolved through [`Outside`].

use bstr::ByteSlice;

use super::outside::{FileKind, Outside};

/// Most names that the braces of one pattern make.
const BRACES_MAX: usize = 256;

/// Most files that one pattern names.
const MATCHES_MAX: usize = 1_000;

/// What an `include` insists on; `include_check` sets the floor, the letters after `include` add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Checks {
    /// What is found must be readable.
    pub(crate) readable: bool,
    /// A name without wildcards must be there.
    pub(crate) found: bool,
    /// A name with wildcards must match something.
    pub(crate) wildcard: bool,
    /// Each alternative of braces must match something.
    pub(crate) braces: bool,
}

impl Checks {
    const ALL: Checks = Checks { readable: true, found: true, wildcard: true, braces: true };

    /// What `word` asks for beside the present level, if it is one of the words that include.
    pub(crate) fn of(word: &[u8], level: Checks) -> Option<Checks> {
        Some(match word {
            b"include" => level,
            b"includer" => Checks { readable: true, ..level },
            b"includem" => Checks { readable: true, found: true, ..level },
            b"includew" => Checks { readable: true, wildcard: true, ..level },
            b"includeb" => Checks { readable: true, braces: true, ..level },
            b"includea" => Checks::ALL,
            _ => return None,
        })
    }

    /// `include_check [+|-] OPTIONS…`: the new level; `Err` holds the first word that is none.
    pub(crate) fn set<'w>(self, words: &[&'w str]) -> Result<Checks, &'w str> {
        let [first, ..] = words else { return Ok(Checks::ALL) };
        let relative = first.starts_with(['+', '-']);
        let mut level = if relative { self } else { Checks::default() };
        let mut on = true;
        for word in words {
            let name = match word.strip_prefix('+') {
                Some(name) => {
                    on = true;
                    name
                }
                None => match word.strip_prefix('-') {
                    Some(name) => {
                        on = false;
                        name
                    }
                    None => word,
                },
            };
            match name {
                "" => {}
                "readable" => level.readable = on,
                "match" => level.found = on,
                "wildcard_match" => level.wildcard = on,
                "brace_match" => level.braces = on,
                _ => return Err(word),
            }
        }
        if level.found || level.wildcard || level.braces {
            level.readable = true;
        }
        Ok(level)
    }
}

/// What a pattern names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// The files and folders in order, by alternative.
    pub(crate) paths: Vec<String>,
    /// True if some alternative of braces matched nothing.
    pub(crate) gaps: bool,
    /// True if the pattern has wildcards.
    pub(crate) wild: bool,
}

/// The files that `pattern` names, seen from `folder`.
pub(crate) fn expand(pattern: &str, folder: &str, outside: &dyn Outside) -> Matches {
    let mut matches = Matches { wild: is_wild(pattern), ..Matches::default() };
    for name in alternatives(pattern) {
        let before = matches.paths.len();
        let path = if name.starts_with('/') || folder.is_empty() { name } else { format!("{folder}/{name}") };
        if is_wild(&path) {
            walk(&path, outside, &mut matches.paths);
        } else if outside.look(&path).is_ok() {
            matches.paths.push(path);
        }
        matches.gaps |= matches.paths.len() == before;
        matches.paths.truncate(MATCHES_MAX);
    }
    matches
}

fn is_wild(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// csh's `{a,b}`: all names that the braces make, in order.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(name) = open.pop() {
        match first_brace(&name) {
            Some((start, end, parts)) if done.len() + open.len() < BRACES_MAX => {
                for part in parts.into_iter().rev() {
                    open.push(format!("{}{part}{}", &name[..start], &name[end..]));
                }
            }
            Some(_) | None => done.push(name),
        }
    }
    done
}

/// The first `{…}` with its matching end: where it starts, where it ends, what stands between its commas.
fn first_brace(name: &str) -> Option<(usize, usize, Vec<&str>)> {
    let start = name.find('{')?;
    let mut depth = 0_usize;
    let mut from = start + 1;
    let mut parts = Vec::new();
    for (n, byte) in name.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b',' if depth == 1 => {
                parts.push(&name[from..n]);
                from = n + 1;
            }
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    parts.push(&name[from..n]);
                    return Some((start, n + 1, parts));
                }
            }
            _ => {}
        }
    }
    None
}

/// Follows a path with wildcards, folder by folder.
fn walk(path: &str, outside: &dyn Outside, found: &mut Vec<String>) {
    let absolute = path.starts_with('/');
    let mut heads = vec![String::new()];
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for (n, part) in parts.iter().enumerate() {
        let last = n + 1 == parts.len();
        let mut next = Vec::new();
        for head in &heads {
            let base = if head.is_empty() { if absolute { "/" } else { "." } } else { head.as_str() };
            let join = |name: &str| match (head.is_empty(), absolute) {
                (true, true) => format!("/{name}"),
                (true, false) => name.to_owned(),
                (false, _) => format!("{head}/{name}"),
            };
            if !is_wild(part) {
                next.push(join(part));
                continue;
            }
            let mut names = outside.list_folder(base).unwrap_or_default();
            names.retain(|name| matches_wild(part.as_bytes(), name.as_bytes()));
            names.sort();
            next.extend(names.iter().take(MATCHES_MAX).map(|name| join(name)));
        }
        next.truncate(MATCHES_MAX);
        next.retain(|path| match outside.look(path) {
            Ok(facts) => last || facts.kind == FileKind::Folder,
            Err(_) => false,
        });
        heads = next;
    }
    found.extend(heads.into_iter().filter(|head| !head.is_empty()));
}

/// `*`, `?`, `[a-z]`, `[!a-z]`; a dot at the start must be written.
fn matches_wild(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    // Positions after the last `*`, to come back to: linear in practice, never exponential.
    let (mut p, mut n) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            back = Some((p, n));
        } else if let Some(len) = one_matches(&pattern[p.min(pattern.len())..], name[n]) {
            p += len;
            n += 1;
        } else if let Some((star, from)) = back {
            p = star;
            n = from + 1;
            back = Some((star, n));
        } else {
            return false;
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|b| *b == b'*')
}

/// How long the part of the pattern is that matches `byte`.
fn one_matches(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'\\' => (pattern.get(1) == Some(&byte)).then_some(2),
        b'[' => {
            let Some(close) = pattern[1..].find_byte(b']').filter(|at| *at > 0) else {
                return (byte == b'[').then_some(1);
            };
            let set = &pattern[1..=close];
            let (negative, set) = match set.first() {
                Some(b'!' | b'^') => (true, &set[1..]),
                _ => (false, set),
            };
            let mut hit = false;
            let mut at = 0;
            while let Some(&low) = set.get(at) {
                if set.get(at + 1) == Some(&b'-')
                    && let Some(&high) = set.get(at + 2)
                {
                    hit |= (low..=high).contains(&byte);
                    at += 3;
                } else {
                    hit |= low == byte;
                    at += 1;
                }
            }
            (hit != negative).then_some(close + 2)
        }
        other => (*other == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_make_names_in_order() {
        for (pattern, want) in [
            ("a", &["a"] as &[&str]),
            ("{a,b}", &["a", "b"]),
            ("{foo/{,cat,dog},bar}", &["foo/", "foo/cat", "foo/dog", "bar"]),
            ("x{1,2}{a,b}", &["x1a", "x1b", "x2a", "x2b"]),
            ("a{b", &["a{b"]),
        ] {
            assert_eq!(alternatives(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn wildcards_match_as_in_a_shell() {
        for (pattern, name, want) in [
            ("*", "a.conf", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.conf", "a.conf", true),
            ("*.conf", "a.cfg", false),
            ("a?c", "abc", true),
            ("a[b-d]c", "acc", true),
            ("a[!b-d]c", "acc", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c", false),
            ("[", "[", true),
            ("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches_wild(pattern.as_bytes(), name.as_bytes()), want, "{pattern} {name}");
        }
    }
}
