//! What the page's address asks for, after the configured URI: `;csv`, `;up`, `;st=DONE`, `?scope=web` and others.

use bstr::ByteSlice;
use evenkeel_http::uri::{Plus, percent_decode};

/// Letters of `scope=` that are looked at.
const SCOPE_MAX: usize = 64;

/// Which form is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Format {
    /// For people.
    #[default]
    Html,
    /// `;csv`
    Csv,
    /// `;json`
    Json,
    /// `;json-schema`
    Schema,
    /// `;typed`
    Typed,
}

/// The options of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The form.
    pub(super) format: Format,
    /// `;up`: no servers that are down.
    pub(super) up: bool,
    /// `;no-maint`: no servers in maintenance.
    pub(super) no_maint: bool,
    /// `;norefresh`
    pub(super) norefresh: bool,
    /// `;st=`: how the form's last deed went.
    pub(super) outcome: Option<String>,
    /// `scope=`: part of the names of the proxies looked for.
    pub(super) scope: String,
}

impl Query {
    /// Reads a request's target. What is not known is not looked at, as in the original.
    pub(super) fn read(target: &[u8], uri: &[u8]) -> Self {
        let path = evenkeel_http::uri::path_start(uri).map_or(uri, |at| uri.get(at..).unwrap_or_default());
        let rest = target.strip_prefix(path).unwrap_or(target);
        let mut query = Self::default();
        for word in rest.split_str(&[b';'][..]).flat_map(|w| w.split(|b| matches!(b, b'?' | b'&'))) {
            match word {
                b"csv" => query.format = Format::Csv,
                b"json" => query.format = Format::Json,
                b"json-schema" => query.format = Format::Schema,
                b"typed" => query.format = Format::Typed,
                b"up" => query.up = true,
                b"no-maint" => query.no_maint = true,
                b"norefresh" => query.norefresh = true,
                _ => query.read_pair(word),
            }
        }
        query
    }

    fn read_pair(&mut self, word: &[u8]) {
        if let Some(code) = word.strip_prefix(b"st=") {
            self.outcome = Some(code.to_str_lossy().into_owned());
        } else if let Some(scope) = word.strip_prefix(b"scope=") {
            let scope = percent_decode(scope, Plus::Everywhere).unwrap_or_default();
            // Nothing else can be part of a proxy's name, and it goes into links.
            let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
            self.scope = scope.to_str_lossy().chars().filter(plain).take(SCOPE_MAX).collect();
        }
    }

    /// True if a proxy of that name is looked for; case does not matter.
    pub(super) fn wants(&self, name: &str) -> bool {
        let (name, scope) = (name.to_ascii_lowercase(), self.scope.to_ascii_lowercase());
        name.contains(&scope)
    }

    /// The options that stay when the page is asked for again, as its address has them.
    pub(super) fn options(&self) -> String {
        let mut out = String::new();
        for (on, word) in [(self.up, ";up"), (self.no_maint, ";no-maint"), (self.norefresh, ";norefresh")] {
            if on {
                out.push_str(word);
            }
        }
        out + &self.scope_option()
    }

    /// `?scope=web`, if anything is looked for.
    pub(super) fn scope_option(&self) -> String {
        if self.scope.is_empty() { String::new() } else { format!("?scope={}", self.scope) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Addresses that the original's page links to, and what they mean there.
    #[test]
    fn addresses_say_what_is_wanted() {
        for (target, uri, want) in [
            ("/st", "/st", "Html"),
            ("/st;csv;norefresh", "/st", "Csv ;norefresh"),
            ("/haproxy?stats;csv", "/haproxy?stats", "Csv"),
            ("/haproxy?stats;up;norefresh;st=DONE", "/haproxy?stats", "Html ;up;norefresh DONE"),
            ("/st;json?scope=be", "/st", "Json ?scope=be"),
            ("/st;json-schema", "/st", "Schema"),
            ("/st;csv;scope=b%65", "/st", "Csv ?scope=be"),
            ("/st?scope=%3Cscript%3E", "/st", "Html ?scope=script"),
            ("/st;no-maint;bogus", "/st", "Html ;no-maint"),
            ("/elsewhere", "/st", "Html"),
            ("", "/st", "Html"),
        ] {
            let query = Query::read(target.as_bytes(), uri.as_bytes());
            let got =
                format!("{:?} {} {}", query.format, query.options(), query.outcome.as_deref().unwrap_or(""));
            assert_eq!(got.split_whitespace().collect::<Vec<_>>().join(" "), want, "{target}");
        }
        let query = Query::read(b"/st?scope=We", b"/st");
        assert!(query.wants("web") && query.wants("MYWEB") && !query.wants("app"));
    }
}
