//! Field names that the proxy itself looks at: recognized once, compared as numbers from then on.

macro_rules! known {
    ($($variant:ident $text:literal,)*) => {
        /// A well-known field name. `Other` for all the rest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs)] // each variant is the field of that name
        pub enum Known {
            /// None of the names below.
            Other,
            $(#[doc = $text] $variant,)*
        }

        impl Known {
            /// The name in lower case, as the original writes it; empty for `Other`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    Known::Other => "",
                    $(Known::$variant => $text,)*
                }
            }

            #[cfg(test)]
            const ALL: &'static [Known] = &[$(Known::$variant),*];
        }
    };
}

// At most 63 names: `Fields` keeps one bit for each.
known! {
    Accept "accept",
    AcceptEncoding "accept-encoding",
    AcceptLanguage "accept-language",
    Age "age",
    Authorization "authorization",
    CacheControl "cache-control",
    Connection "connection",
    ContentEncoding "content-encoding",
    ContentLength "content-length",
    ContentType "content-type",
    Cookie "cookie",
    Date "date",
    Etag "etag",
    Expect "expect",
    Expires "expires",
    Forwarded "forwarded",
    Host "host",
    IfModifiedSince "if-modified-since",
    IfNoneMatch "if-none-match",
    KeepAlive "keep-alive",
    LastModified "last-modified",
    Location "location",
    Origin "origin",
    Pragma "pragma",
    ProxyAuthenticate "proxy-authenticate",
    ProxyAuthorization "proxy-authorization",
    ProxyConnection "proxy-connection",
    Range "range",
    Referer "referer",
    SecWebsocketAccept "sec-websocket-accept",
    SecWebsocketKey "sec-websocket-key",
    Server "server",
    SetCookie "set-cookie",
    Te "te",
    Trailer "trailer",
    TransferEncoding "transfer-encoding",
    Upgrade "upgrade",
    UserAgent "user-agent",
    Vary "vary",
    Via "via",
    WwwAuthenticate "www-authenticate",
    XForwardedFor "x-forwarded-for",
    XForwardedProto "x-forwarded-proto",
}

impl Known {
    /// Bytes of the longest of these names.
    pub(crate) const LEN_MAX: usize = Known::SecWebsocketAccept.as_str().len();

    /// Recognizes a name of any case: by length and first letter, then one comparison (two at most).
    pub fn of(name: &[u8]) -> Known {
        let Some(first) = name.first() else { return Known::Other };
        let (a, b) = match (name.len(), first | 0x20) {
            (2, b't') => (Known::Te, Known::Other),
            (3, b'a') => (Known::Age, Known::Other),
            (3, b'v') => (Known::Via, Known::Other),
            (4, b'd') => (Known::Date, Known::Other),
            (4, b'e') => (Known::Etag, Known::Other),
            (4, b'h') => (Known::Host, Known::Other),
            (4, b'v') => (Known::Vary, Known::Other),
            (5, b'r') => (Known::Range, Known::Other),
            (6, b'a') => (Known::Accept, Known::Other),
            (6, b'c') => (Known::Cookie, Known::Other),
            (6, b'e') => (Known::Expect, Known::Other),
            (6, b'o') => (Known::Origin, Known::Other),
            (6, b'p') => (Known::Pragma, Known::Other),
            (6, b's') => (Known::Server, Known::Other),
            (7, b'e') => (Known::Expires, Known::Other),
            (7, b'r') => (Known::Referer, Known::Other),
            (7, b't') => (Known::Trailer, Known::Other),
            (7, b'u') => (Known::Upgrade, Known::Other),
            (8, b'l') => (Known::Location, Known::Other),
            (9, b'f') => (Known::Forwarded, Known::Other),
            (10, b'c') => (Known::Connection, Known::Other),
            (10, b'k') => (Known::KeepAlive, Known::Other),
            (10, b's') => (Known::SetCookie, Known::Other),
            (10, b'u') => (Known::UserAgent, Known::Other),
            (12, b'c') => (Known::ContentType, Known::Other),
            (13, b'a') => (Known::Authorization, Known::Other),
            (13, b'c') => (Known::CacheControl, Known::Other),
            (13, b'i') => (Known::IfNoneMatch, Known::Other),
            (13, b'l') => (Known::LastModified, Known::Other),
            (14, b'c') => (Known::ContentLength, Known::Other),
            (15, b'a') => (Known::AcceptEncoding, Known::AcceptLanguage),
            (15, b'x') => (Known::XForwardedFor, Known::Other),
            (16, b'c') => (Known::ContentEncoding, Known::Other),
            (16, b'p') => (Known::ProxyConnection, Known::Other),
            (16, b'w') => (Known::WwwAuthenticate, Known::Other),
            (17, b'i') => (Known::IfModifiedSince, Known::Other),
            (17, b's') => (Known::SecWebsocketKey, Known::Other),
            (17, b't') => (Known::TransferEncoding, Known::Other),
            (17, b'x') => (Known::XForwardedProto, Known::Other),
            (18, b'p') => (Known::ProxyAuthenticate, Known::Other),
            (19, b'p') => (Known::ProxyAuthorization, Known::Other),
            (20, b's') => (Known::SecWebsocketAccept, Known::Other),
            _ => return Known::Other,
        };
        if is_lower(name, a.as_str().as_bytes()) {
            a
        } else if b != Known::Other && is_lower(name, b.as_str().as_bytes()) {
            b
        } else {
            Known::Other
        }
    }

    /// This name's bit in a set of names.
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// Whether `name` is `lower`, which has letters and dashes only, in any case. Eight bytes at a time: this runs for
/// each field of each message.
fn is_lower(name: &[u8], lower: &[u8]) -> bool {
    if name.len() != lower.len() {
        return false;
    }
    let (names, name_rest) = name.as_chunks::<8>();
    let (lowers, lower_rest) = lower.as_chunks::<8>();
    names.iter().zip(lowers).all(|(a, b)| same(*a, *b))
        && match (name.last_chunk::<8>(), lower.last_chunk::<8>()) {
            // The last eight overlap the others: no loop over the rest.
            (Some(a), Some(b)) => same(*a, *b),
            (_, _) => name_rest.iter().zip(lower_rest).all(|(a, b)| a.to_ascii_lowercase() == *b),
        }
}

/// Setting bit 5 makes letters small and leaves a dash. Of the other bytes only CR becomes one of them, a dash: unlike
/// those it has neither bit 5 nor bit 6.
fn same(name: [u8; 8], lower: [u8; 8]) -> bool {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let name = u64::from_le_bytes(name);
    name | SMALL == u64::from_le_bytes(lower) && (name | name >> 1) & SMALL == SMALL
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn every_name_is_recognized_in_any_case() {
        for known in Known::ALL {
            let name = known.as_str();
            assert_eq!(Known::of(name.as_bytes()), *known, "{name}");
            assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), *known, "{name}");
            assert_eq!(Known::of(format!("{name}x").as_bytes()), Known::Other, "{name}x");
            let mut wrong = name.as_bytes().to_vec();
            *wrong.last_mut().expect("names are not empty") = b'~';
            assert_eq!(Known::of(&wrong), Known::Other, "{name} with another last letter");
            for at in 0..name.len() {
                for b in (0..=u8::MAX).filter(|b| !b.eq_ignore_ascii_case(&name.as_bytes()[at])) {
                    let mut wrong = name.as_bytes().to_vec();
                    wrong[at] = b;
                    let other = Known::of(&wrong);
                    assert!(
                        other == Known::Other || other.as_str().as_bytes().eq_ignore_ascii_case(&wrong),
                        "{name} with {b} at {at} is not {other:?}"
                    );
                }
            }
        }
        assert!(Known::ALL.len() < 64, "one bit each");
        assert_eq!(Known::ALL.iter().map(|k| k.as_str().len()).max(), Some(Known::LEN_MAX));
        assert_eq!(Known::of(b""), Known::Other);
    }
}
