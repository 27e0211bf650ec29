//! What a field holds and how each output writes it.

use bstr::BStr;

/// Largest integer that JSON readers hold exactly (`show schema json` promises not to exceed it).
const JSON_INT_MAX: u64 = (1 << 53) - 1;

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// 32 bits, unsigned.
    U32(u32),
    /// 64 bits, unsigned.
    U64(u64),
    /// 32 bits, signed.
    S32(i32),
    /// A fraction; only `show info float` has them.
    Flt(f64),
    /// Text.
    Str(std::borrow::Cow<'a, BStr>),
}

impl<'a> Value<'a> {
    /// Text that is borrowed.
    pub fn str(text: &'a str) -> Self {
        Value::Str(std::borrow::Cow::Borrowed(BStr::new(text)))
    }

    /// The type's name in typed and JSON output.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::U32(_) => "u32",
            Value::U64(_) => "u64",
            Value::S32(_) => "s32",
            Value::Flt(_) => "flt",
            Value::Str(_) => "str",
        }
    }

    /// As in plain and typed output: no quoting.
    pub fn plain(&self, out: &mut Vec<u8>) {
        match self {
            Value::U32(n) => push(out, n),
            Value::U64(n) => push(out, n),
            Value::S32(n) => push(out, n),
            Value::Flt(n) => push(out, &fraction(*n)),
            Value::Str(s) => out.extend_from_slice(s),
        }
    }

    /// As in CSV: text is quoted only where it must be (RFC 4180).
    pub fn csv(&self, out: &mut Vec<u8>) {
        match self {
            Value::Str(s) => csv_text(s, out),
            Value::U32(_) | Value::U64(_) | Value::S32(_) | Value::Flt(_) => self.plain(out),
        }
    }

    /// As a JSON value.
    pub fn json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Str(s) => json_text(s, out),
            Value::U64(n) => push(out, &(*n).min(JSON_INT_MAX)),
            Value::U32(_) | Value::S32(_) | Value::Flt(_) => self.plain(out),
        }
    }
}

/// `%f` without the zeros at its end, as the original prints fractions.
fn fraction(n: f64) -> String {
    let text = format!("{n:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Appends what `n` prints as.
pub(crate) fn push(out: &mut Vec<u8>, n: &impl std::fmt::Display) {
    use std::io::Write;
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{n}");
}

/// A CSV cell: quoted if it holds a comma, a quote or a line end; quotes are doubled.
pub fn csv_text(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for b in text {
        if *b == b'"' {
            out.push(b'"');
        }
        out.push(*b);
    }
    out.push(b'"');
}

/// A JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD.
pub fn json_text(text: &[u8], out: &mut Vec<u8>) {
    use bstr::ByteSlice;
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if c < ' ' => push(out, &format_args!("\\u{:04x}", u32::from(c))),
            c => push(out, &c),
        }
    }
    out.push(b'"');
}

/// Where a value comes from (management manual §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `M`
    Metric,
    /// `S`
    Status,
    /// `K`
    Key,
    /// `C`
    Config,
    /// `P`
    Product,
}

/// How it behaves, for aggregation (management manual §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// `A`
    Age,
    /// `a`
    Average,
    /// `C`
    Counter,
    /// `D`
    Duration,
    /// `G`
    Gauge,
    /// `L`
    Limit,
    /// `M`
    Max,
    /// `N`
    Name,
    /// `O`
    Output,
    /// `R`
    Rate,
}

/// What it is a value of (management manual §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `P`
    Process,
    /// `S`
    Service,
}

/// The three letters of typed output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags(pub Origin, pub Nature, pub Scope);

impl Tags {
    /// The letters.
    pub fn letters(self) -> [u8; 3] {
        let origin = match self.0 {
            Origin::Metric => b'M',
            Origin::Status => b'S',
            Origin::Key => b'K',
            Origin::Config => b'C',
            Origin::Product => b'P',
        };
        let nature = match self.1 {
            Nature::Age => b'A',
            Nature::Average => b'a',
            Nature::Counter => b'C',
            Nature::Duration => b'D',
            Nature::Gauge => b'G',
            Nature::Limit => b'L',
            Nature::Max => b'M',
            Nature::Name => b'N',
            Nature::Output => b'O',
            Nature::Rate => b'R',
        };
        let scope = match self.2 {
            Scope::Process => b'P',
            Scope::Service => b'S',
        };
        [origin, nature, scope]
    }

    /// The words of JSON output.
    pub fn words(self) -> [&'static str; 3] {
        let origin = match self.0 {
            Origin::Metric => "Metric",
            Origin::Status => "Status",
            Origin::Key => "Key",
            Origin::Config => "Config",
            Origin::Product => "Product",
        };
        let nature = match self.1 {
            Nature::Age => "Age",
            Nature::Average => "Avg",
            Nature::Counter => "Counter",
            Nature::Duration => "Duration",
            Nature::Gauge => "Gauge",
            Nature::Limit => "Limit",
            Nature::Max => "Max",
            Nature::Name => "Name",
            Nature::Output => "Output",
            Nature::Rate => "Rate",
        };
        let scope = match self.2 {
            Scope::Process => "Process",
            Scope::Service => "Service",
        };
        [origin, nature, scope]
    }

    /// `,"tags":{…},"value":{…}`: the end of every JSON item.
    pub(crate) fn json(self, value: &Value<'_>, out: &mut Vec<u8>) {
        let [origin, nature, scope] = self.words();
        push(
            out,
            &format_args!(
                "\"tags\":{{\"origin\":\"{origin}\",\"nature\":\"{nature}\",\"scope\":\"{scope}\"}},\
                 \"value\":{{\"type\":\"{}\",\"value\":",
                value.type_name()
            ),
        );
        value.json(out);
        out.extend_from_slice(b"}}");
    }

    /// `:MGP:u32:1`: the end of every typed line.
    pub(crate) fn typed(self, value: &Value<'_>, out: &mut Vec<u8>) {
        out.push(b':');
        out.extend_from_slice(&self.letters());
        push(out, &format_args!(":{}:", value.type_name()));
        value.plain(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_each_form() {
        let long = "a".repeat(3);
        for (text, csv, json) in [
            ("L4OK", "L4OK", r#""L4OK""#),
            ("* L7TOUT", "* L7TOUT", r#""* L7TOUT""#),
            ("a,b", r#""a,b""#, r#""a,b""#),
            ("l,\"1", r#""l,""1""#, r#""l,\"1""#),
            ("two\nlines\t\u{1}", "\"two\nlines\t\u{1}\"", r#""two\nlines\t\u0001""#),
            ("", "", r#""""#),
            (&long, "aaa", r#""aaa""#),
        ] {
            let (mut c, mut j) = (Vec::new(), Vec::new());
            Value::str(text).csv(&mut c);
            Value::str(text).json(&mut j);
            assert_eq!((BStr::new(&c), BStr::new(&j)), (BStr::new(csv), BStr::new(json)));
        }
    }

    #[test]
    fn numbers_in_each_form() {
        for (value, plain, json) in [
            (Value::U32(7), "7", "7"),
            (Value::S32(-1), "-1", "-1"),
            (Value::U64(u64::MAX), "18446744073709551615", "9007199254740991"),
            (Value::Flt(49.15), "49.15", "49.15"),
            (Value::Flt(12.0), "12", "12"),
        ] {
            let (mut p, mut j) = (Vec::new(), Vec::new());
            value.plain(&mut p);
            value.json(&mut j);
            assert_eq!((BStr::new(&p), BStr::new(&j)), (BStr::new(plain), BStr::new(json)));
        }
    }
}
