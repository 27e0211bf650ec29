//! The steps of a check: `tcp-check` and `http-check` rules, or those behind an `option …-check`.

use regex::bytes::Regex;

use crate::status::Status;

/// Which rules a script was written in. It decides how answers are read and how faults are worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A connection only, or a preset on plain bytes: faults name no step.
    Plain,
    /// `tcp-check` rules: faults name their step.
    TcpCheck,
    /// `http-check` rules.
    HttpCheck,
}

/// A check from start to end.
#[derive(Clone, Debug)]
pub struct Script {
    /// See [`Family`].
    pub family: Family,
    /// The connection that comes first where no step says so; its step has no number.
    pub opening: Connect,
    /// In order.
    pub steps: Vec<Step>,
}

/// One rule.
#[derive(Clone, Debug)]
pub enum Step {
    /// `connect`: opens a new connection, closing the last.
    Connect(Connect),
    /// `send`, `send-binary`.
    Send {
        /// The bytes.
        bytes: Vec<u8>,
        /// Its `comment`.
        comment: Option<String>,
    },
    /// `http-check send`.
    Request(HttpRequest),
    /// `expect`.
    Expect(Box<Expect>),
    /// `comment`: for the step after it.
    Comment(String),
}

/// How to connect.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Connect {
    /// Another port than the server's check port.
    pub port: Option<u16>,
    /// `ssl`.
    pub tls: bool,
    /// `send-proxy`.
    pub send_proxy: bool,
    /// `linger`: close in order; otherwise a reset.
    pub linger: bool,
    /// Its `comment`.
    pub comment: Option<String>,
}

/// `option httpchk` and `http-check send` together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// `meth`.
    pub method: Vec<u8>,
    /// `uri`.
    pub uri: Vec<u8>,
    /// `ver`, such as `HTTP/1.0`.
    pub version: Vec<u8>,
    /// `hdr`, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// `body`.
    pub body: Vec<u8>,
    /// Its `comment`.
    pub comment: Option<String>,
}

impl Default for HttpRequest {
    /// `option httpchk` alone.
    fn default() -> Self {
        Self {
            method: b"OPTIONS".to_vec(),
            uri: b"/".to_vec(),
            version: b"HTTP/1.0".to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
            comment: None,
        }
    }
}

/// What an answer must be, and what follows when it is or isn't.
#[derive(Clone, Debug)]
pub struct Expect {
    /// What to look for.
    pub pattern: Pattern,
    /// `!`.
    pub negate: bool,
    /// `min-recv`. With it, the first look that has enough bytes decides; without it, no match waits for more.
    pub min_recv: Option<usize>,
    /// Its `comment`.
    pub comment: Option<String>,
    /// `ok-status`, when this is the last step.
    pub ok_status: Option<Status>,
    /// `error-status`.
    pub error_status: Option<Status>,
    /// `tout-status`.
    pub timeout_status: Option<Status>,
    /// `on-success`.
    pub on_success: Option<Info>,
    /// `on-error`.
    pub on_error: Option<Info>,
    /// Where the code to report is, where the protocol has one.
    pub code: Option<CodeAt>,
    /// The answer says its own length: nothing is decided before all of it is there.
    pub frame: Option<Frame>,
}

impl Expect {
    /// With nothing but a pattern.
    pub fn new(pattern: Pattern) -> Self {
        Self {
            pattern,
            negate: false,
            min_recv: None,
            comment: None,
            ok_status: None,
            error_status: None,
            timeout_status: None,
            on_success: None,
            on_error: None,
            code: None,
            frame: None,
        }
    }
}

/// What to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Info {
    /// These words.
    Text(String),
    /// The answer from this byte to the end of its line, blanks before it cut.
    LineFrom(usize),
}

/// Where a numeric code stands in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeAt {
    /// Three decimal digits at the start.
    Digits,
    /// The value of the byte after the first of these.
    After(&'static [u8]),
}

/// How a message says its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A definite length behind one byte of tag (X.690 §8.1.3).
    Ber,
}

impl Frame {
    /// True if the first message is there to its end.
    pub(crate) fn is_whole(self, data: &[u8]) -> bool {
        match self {
            Frame::Ber => ber_len(data).is_some_and(|len| data.len() >= len),
        }
    }
}

/// Tag, length and contents together; `None`: the length itself is not whole, or is none.
fn ber_len(data: &[u8]) -> Option<usize> {
    const LONG_FORM: u8 = 0x80;
    let first = *data.get(1)?;
    if first < LONG_FORM {
        return Some(2 + usize::from(first));
    }
    let octets = data.get(2..)?.get(..usize::from(first - LONG_FORM))?;
    let len = octets.iter().try_fold(0_usize, |len, b| len.checked_mul(256)?.checked_add(usize::from(*b)))?;
    len.checked_add(2 + octets.len())
}

/// What an answer is compared with.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// `string`: these bytes somewhere in the answer (HTTP: in the body).
    Text(Vec<u8>),
    /// `rstring`.
    Regex(Regex),
    /// `binary`: the same as `string`, written in hexadecimal.
    Binary(Vec<u8>),
    /// `rbinary`: over the answer in uppercase hexadecimal.
    BinaryRegex(Regex),
    /// `status`: codes and ranges, both ends included.
    Status(Vec<(u16, u16)>),
    /// `rstatus`.
    StatusRegex(Regex),
    /// `hdr` and `fhdr`.
    Header {
        /// The name; compared without regard to case.
        name: Match,
        /// The value; `None`: the header's presence is enough.
        value: Option<Match>,
        /// `fhdr`: the value as a whole; `hdr`: its parts between commas.
        full: bool,
    },
}

/// `-m` and its pattern.
#[derive(Clone, Debug)]
pub enum Match {
    /// `str`.
    Exact(Vec<u8>),
    /// `beg`.
    Begin(Vec<u8>),
    /// `end`.
    End(Vec<u8>),
    /// `sub`.
    Sub(Vec<u8>),
    /// `reg`; for a header's name it has to ignore case itself.
    Regex(Regex),
}

impl Match {
    /// Compares.
    pub fn is_match(&self, text: &[u8], ignore_case: bool) -> bool {
        use bstr::ByteSlice;
        let same = |a: &[u8], b: &[u8]| if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b };
        match self {
            Match::Exact(want) => same(text, want),
            Match::Begin(want) => text.get(..want.len()).is_some_and(|head| same(head, want)),
            Match::End(want) => text.len() >= want.len() && same(&text[text.len() - want.len()..], want),
            Match::Sub(want) if ignore_case => {
                text.to_ascii_lowercase().contains_str(want.to_ascii_lowercase())
            }
            Match::Sub(want) => text.contains_str(want),
            Match::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Script {
    /// A check that only connects.
    pub fn connect(opening: Connect) -> Self {
        Self { family: Family::Plain, opening, steps: Vec::new() }
    }

    /// `option httpchk` without `http-check` rules but `send`: the request, then 2xx or 3xx.
    pub fn http(opening: Connect, request: HttpRequest) -> Self {
        Self::http_rules(opening, vec![Step::Request(request)])
    }

    /// `http-check` rules. Where no `expect` follows the last request, one for 2xx and 3xx is added.
    pub fn http_rules(opening: Connect, mut steps: Vec<Step>) -> Self {
        let unanswered = steps.iter().rev().find_map(|step| match step {
            Step::Request(_) => Some(true),
            Step::Expect(_) => Some(false),
            Step::Connect(_) | Step::Send { .. } | Step::Comment(_) => None,
        });
        if unanswered == Some(true) {
            steps.push(Step::Expect(Box::new(Expect::new(Pattern::Status(vec![(200, 399)])))));
        }
        Self { family: Family::HttpCheck, opening, steps }
    }

    /// True if the server has the first word on one of the connections.
    pub fn begins_with_answer(&self) -> bool {
        let opening = Step::Connect(Connect::default());
        let spoken: Vec<&Step> = std::iter::once(&opening)
            .chain(self.steps.iter().filter(|step| !matches!(step, Step::Comment(_))))
            .collect();
        spoken.windows(2).any(|two| matches!(two, [Step::Connect(_), Step::Expect(_)]))
    }

    /// `tcp-check` rules.
    pub fn tcp_rules(opening: Connect, steps: Vec<Step>) -> Self {
        Self { family: Family::TcpCheck, opening, steps }
    }
}

/// Reads `status`' argument: `200,300-310`. `None` where it is malformed.
pub fn parse_statuses(text: &str) -> Option<Vec<(u16, u16)>> {
    text.split(',')
        .map(|part| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            let (low, high) = (low.parse().ok()?, high.parse().ok()?);
            (low <= high).then_some((low, high))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framed_messages_end_where_they_say() {
        let rows: [(&[u8], bool); 7] = [
            (b"", false),
            (b"0", false),
            (b"0\x02\x02", false),
            (b"0\x02\x02\x01", true),
            (b"0\x82\x00", false),
            (b"0\x82\x00\x01\x05", true),
            (b"0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false),
        ];
        for (data, whole) in rows {
            assert_eq!(Frame::Ber.is_whole(data), whole, "{data:?}");
        }
    }

    #[test]
    fn who_speaks_first() {
        let connect = || Step::Connect(Connect::default());
        let expect = || Step::Expect(Box::new(Expect::new(Pattern::Text(b"220".to_vec()))));
        let send = || Step::Send { bytes: b"PING".to_vec(), comment: None };
        let comment = || Step::Comment("hello".into());
        let rows = [
            (vec![], false),
            (vec![expect()], true),
            (vec![comment(), expect()], true),
            (vec![send(), expect()], false),
            (vec![connect(), send(), expect(), connect(), expect()], true),
        ];
        for (steps, first) in rows {
            let script = Script::tcp_rules(Connect::default(), steps);
            assert_eq!(script.begins_with_answer(), first, "{:?}", script.steps);
        }
    }
}
