//! Pieces of HTML: text, numbers, tooltips.

use std::fmt::Write;

/// Appends text with what HTML would take for markup escaped.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#10;"),
            c => out.push(c),
        }
    }
}

/// The same as a new string.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

/// A number with thin spaces between its thousands.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A byte count in its own size: `12.3 MB` (powers of 1000).
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut scaled = n as f64;
    let mut unit = 0;
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("B");
    if unit == 0 { format!("{n} B") } else { format!("{scaled:.1} {name}") }
}

/// One row of a table under construction.
pub(super) struct Cells<'o> {
    /// Where it goes.
    pub(super) out: &'o mut String,
}

impl Cells<'_> {
    /// A cell with a number.
    pub(super) fn number(&mut self, n: u64) {
        self.text("", &number(n), "");
    }

    /// A cell with a number that stands out unless it is zero.
    pub(super) fn fault(&mut self, n: u64) {
        self.text(if n > 0 { "bad" } else { "zero" }, &number(n), "");
    }

    /// A cell with a limit; `-` for none.
    pub(super) fn limit(&mut self, n: Option<u32>) {
        match n {
            Some(n) if n > 0 => self.number(u64::from(n)),
            Some(_) | None => self.text("zero", "–", ""),
        }
    }

    /// A cell with a number and what it consists of.
    pub(super) fn explained(&mut self, n: u64, tip: &str) {
        self.text("", &number(n), tip);
    }

    /// Cells without content.
    pub(super) fn empty(&mut self, count: usize) {
        for _ in 0..count {
            self.out.push_str("<td></td>");
        }
    }

    /// A cell with text; the tooltip is shown where there is one.
    pub(super) fn text(&mut self, class: &str, text: &str, tip: &str) {
        self.out.push_str("<td");
        if !class.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(self.out, " class=\"{class}\"");
        }
        if !tip.is_empty() {
            self.out.push_str(" title=\"");
            escape(tip, self.out);
            self.out.push('"');
        }
        self.out.push('>');
        if tip.is_empty() {
            escape(text, self.out);
        } else {
            self.out.push_str("<u>");
            escape(text, self.out);
            self.out.push_str("</u>");
        }
        self.out.push_str("</td>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers() {
        assert_eq!(escaped("<a href='x'>&\"\n"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&#10;");
        for (n, want) in [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(number(n).replace('\u{202f}', " "), want);
        }
        for (n, want) in [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (999_999, "1.0 MB")] {
            assert_eq!(bytes(n), want);
        }
        assert!(bytes(u64::MAX).ends_with("PB"));
    }
}
