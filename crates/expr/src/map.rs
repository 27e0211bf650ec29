//! Maps: pattern files whose lines carry a value (configuration manual §7.3.1, `map`).

use bstr::{BString, ByteSlice};

use crate::arg;
use crate::pattern::{Match, Operator, Patterns};
use crate::value::{Kind, Value};

/// A map file, compiled.
#[derive(Clone, Debug)]
pub struct Map {
    keys: Patterns,
    values: Vec<Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Text(BString),
    Int(i64),
    Ip(std::net::IpAddr),
}

/// What is wrong in a map file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// A bad key.
    #[error("line {line}: {error}")]
    Key {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        error: crate::pattern::PatternError,
    },
    /// A value that is not of the map's type.
    #[error("line {line}: `{text}` is not of type {}", .kind.name())]
    Value {
        /// Line, from 1.
        line: usize,
        /// The value.
        text: BString,
        /// The map's output type.
        kind: Kind,
    },
}

impl Map {
    /// Reads a map file.
    pub fn read(file: &[u8], method: Match, output: Kind) -> Result<Self, MapError> {
        let mut keys = Patterns::new(method);
        let mut values = Vec::new();
        for (line, key, value) in lines(file) {
            keys.add(key, Operator::Eq, false).map_err(|error| MapError::Key { line, error })?;
            let bad = || MapError::Value { line, text: value.into(), kind: output };
            values.push(match output {
                Kind::Int => Entry::Int(arg::int(value).ok_or_else(bad)?),
                Kind::Addr => Entry::Ip(
                    arg::ipv4(value)
                        .map(Into::into)
                        .or_else(|| arg::ipv6(value).map(Into::into))
                        .ok_or_else(bad)?,
                ),
                _ => Entry::Text(value.into()), // every other output is text
            });
        }
        keys.finish();
        Ok(Self { keys, values })
    }

    /// The value of the matching key.
    pub fn find<'a>(&'a self, input: &Value<'_>) -> Option<Value<'a>> {
        let at = self.keys.find(input)?;
        Some(match self.values.get(at as usize)? {
            Entry::Text(text) => Value::text(text),
            Entry::Int(n) => Value::Int(*n),
            Entry::Ip(ip) => Value::ip(*ip),
        })
    }

    /// The same with `\0`–`\9` in the value filled in from what the key's regular expression matched (`map_regm`).
    pub fn expand(&self, input: &Value<'_>) -> Option<Value<'static>> {
        let at = self.keys.find(input)?;
        let Entry::Text(template) = self.values.get(at as usize)? else { return None };
        let mut out = Vec::new();
        self.keys.regex(at)?.expand(&input.to_text(), template, &mut out);
        Some(Value::owned(out))
    }
}

/// The lines of a map file: number, key, value. Comments and empty lines are left out.
fn lines(file: &[u8]) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
    pattern_lines(file).map(|(line, text)| {
        let end = text.find_byteset(b" \t").unwrap_or(text.len());
        let (key, value) = text.split_at(end);
        (line, key, value.trim_with(|c| c == ' ' || c == '\t'))
    })
}

/// The lines of a pattern file: number and text, without leading blanks, comments and empty lines
/// (configuration manual §7.1, `-f`).
pub(crate) fn pattern_lines(file: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    file.split_str("\n").enumerate().filter_map(|(at, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') {
            return None;
        }
        let text = line.trim_start_with(|c| c == ' ' || c == '\t');
        (!text.is_empty()).then_some((at + 1, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finest_key_wins() {
        let file = b"# comment\n  2.22.246.0/23    United Kingdom      \n2.0.0.0/8 Europe\r\n\n1.1.1.1\tAU\n";
        let map = Map::read(file, Match::Ip, Kind::Str).expect("a map of this test");
        for (ip, want) in [
            ("2.22.247.9", Some("United Kingdom")),
            ("2.1.1.1", Some("Europe")),
            ("1.1.1.1", Some("AU")),
            ("9.9.9.9", None),
        ] {
            let found = map.find(&Value::text(ip.as_bytes())).map(|v| v.into_text().into_owned());
            assert_eq!(found.as_deref(), want.map(str::as_bytes), "{ip}");
        }
    }

    #[test]
    fn bad_lines_are_named() {
        let err = Map::read(b"a 1\nb x\n", Match::Str, Kind::Int).expect_err("`x` is no number");
        assert_eq!(err.to_string(), "line 2: `x` is not of type sint");
    }
}
