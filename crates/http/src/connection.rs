//! The Connection field: what one hop says to the next.

use crate::fields::{Fields, Only};
use crate::known::Known;
use crate::method::Version;
use crate::request::RequestHead;
use crate::response::ResponseHead;
use crate::table::trim;

/// What the Connection lines of a head ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions(u8);

const CLOSE: u8 = 1;
const KEEP_ALIVE: u8 = 2;
const UPGRADE: u8 = 4;
const OTHER: u8 = 8;

/// Bytes of the longest word that is looked for.
const WORD_MAX: usize = b"keep-alive".len();

fn of_word(word: &[u8]) -> u8 {
    if word.eq_ignore_ascii_case(b"close") {
        CLOSE
    } else if word.eq_ignore_ascii_case(b"keep-alive") {
        KEEP_ALIVE
    } else if word.eq_ignore_ascii_case(b"upgrade") {
        UPGRADE
    } else if word.is_empty() {
        0
    } else {
        OTHER
    }
}

impl ConnectionOptions {
    /// Reads the Connection lines; Proxy-Connection is nobody's business.
    pub fn of(fields: &Fields) -> Self {
        match fields.only(Known::Connection) {
            Only::None => return Self::default(),
            // A line with one word, as nearly all are.
            Only::One(word) if word.len() <= WORD_MAX && !word.contains(&b',') => {
                return Self(of_word(trim(word)));
            }
            Only::One(_) | Only::Several => {}
        }
        Self(fields.values(Known::Connection).fold(0, |options, word| options | of_word(word)))
    }

    /// `close` is among them.
    pub fn close(self) -> bool {
        self.0 & CLOSE != 0
    }

    /// `keep-alive` is among them.
    pub fn keep_alive(self) -> bool {
        self.0 & KEEP_ALIVE != 0
    }

    /// `upgrade` is among them.
    pub fn upgrade(self) -> bool {
        self.0 & UPGRADE != 0
    }

    /// Names of other fields are among them.
    pub fn other(self) -> bool {
        self.0 & OTHER != 0
    }

    /// Whether the sender means to go on after this message (RFC 9112 §9.3).
    pub fn wants_keep_alive(self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close(),
            Version::Http10 => self.keep_alive() && !self.close(),
        }
    }
}

impl RequestHead {
    /// What its Connection lines ask for.
    pub fn connection(&self) -> ConnectionOptions {
        ConnectionOptions::of(&self.fields)
    }

    /// Whether the client means to send more requests.
    pub fn wants_keep_alive(&self) -> bool {
        self.connection().wants_keep_alive(self.version())
    }
}

impl ResponseHead {
    /// What its Connection lines ask for.
    pub fn connection(&self) -> ConnectionOptions {
        ConnectionOptions::of(&self.fields)
    }

    /// Whether the server means to take more requests.
    pub fn wants_keep_alive(&self) -> bool {
        self.connection().wants_keep_alive(self.version())
    }
}

/// Takes `close` and `keep-alive` out of the Connection lines, for each hop says its own. As in the original, other
/// options (`upgrade`, names of fields) stay with the fields that they name, and so do Keep-Alive and
/// Proxy-Connection.
pub fn strip_hop_by_hop(fields: &mut Fields) {
    if !fields.may_have_known(Known::Connection) {
        return;
    }
    let options = ConnectionOptions::of(fields);
    if options == ConnectionOptions::default() {
        return;
    }
    if !options.upgrade() && !options.other() {
        fields.remove(Known::Connection);
        return;
    }
    let ours =
        |value: &[u8]| value.eq_ignore_ascii_case(b"close") || value.eq_ignore_ascii_case(b"keep-alive");
    let mut at = 0;
    for _ in 0..fields.len() {
        let Some((name, value)) = fields.iter().nth(at) else { return };
        if Known::of(name) != Known::Connection || !crate::values_of(value).any(ours) {
            at += 1;
            continue;
        }
        let mut kept: Vec<u8> = Vec::with_capacity(value.len());
        for value in crate::values_of(value).filter(|v| !ours(v) && !v.is_empty()) {
            if !kept.is_empty() {
                kept.extend_from_slice(b", ");
            }
            kept.extend_from_slice(value);
        }
        if kept.is_empty() {
            fields.remove_at(at);
        } else {
            fields.set_value_at(at, &[&kept]);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    #[test]
    fn options_of_all_lines_count() {
        for (lines, v11, v10) in [
            (&[][..], true, false),
            (&["close"], false, false),
            (&["Keep-Alive"], true, true),
            (&["keep-alive, CLOSE"], false, false),
            (&["upgrade"], true, false),
            (&["x", "close"], false, false),
            (&["closed"], true, false),
            (&[""], true, false),
        ] {
            let mut fields = Fields::new();
            for line in lines {
                fields.push(Known::Connection, line.as_bytes());
            }
            fields.push(Known::ProxyConnection, b"close");
            let options = ConnectionOptions::of(&fields);
            assert_eq!(options.wants_keep_alive(Version::Http11), v11, "{lines:?}");
            assert_eq!(options.wants_keep_alive(Version::Http10), v10, "{lines:?}");
        }
    }

    #[test]
    fn only_this_hop_s_options_go() {
        for (lines, want) in [
            (&["close"][..], &[][..]),
            (&["close, X-Foo, keep-alive"], &["X-Foo"]),
            (&["keep-alive, Upgrade", "close"], &["Upgrade"]),
            (&["X-Foo", "close"], &["X-Foo"]),
            (&["close", "a,b", "keep-alive"], &["a,b"]),
        ] {
            let mut fields = Fields::new();
            for line in lines {
                fields.push(Known::Connection, line.as_bytes());
                fields.push("X-Foo", b"stays");
            }
            strip_hop_by_hop(&mut fields);
            let got: Vec<_> = fields.lines(Known::Connection).map(|v| v.as_bstr()).collect();
            assert_eq!(got, want, "{lines:?}");
            assert_eq!(fields.lines("x-foo").count(), lines.len());
        }
    }
}
