//! What must not matter when two transcripts are compared: the case and order of header fields, how bodies are cut into
//! chunks, times, ports, process numbers.

use std::net::SocketAddr;
use std::sync::OnceLock;

use regex::Regex;

/// A transcript of HTTP messages in a form that can be compared: names in lower case and sorted, chunks joined.
pub fn http(bytes: &[u8]) -> String {
    let (mut out, mut rest) = (String::new(), bytes);
    while !rest.is_empty() {
        let Some(end) = find(rest, b"\r\n\r\n").filter(|_| is_head(rest)) else {
            out.push_str(&shorten(rest));
            return out;
        };
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let (line, fields) = canonical(&head);
        out.push_str(&line);
        out.push('\n');
        for (name, value) in &fields {
            out.push_str(&format!("{name}: {value}\n"));
        }
        out.push('\n');
        if let Some(after) = rest.strip_prefix(DEFAULT_PAGE).filter(|_| line.starts_with("HTTP/")) {
            // Everyone has a text of their own.
            rest = find(after, b"</html>\n").map_or(&[][..], |at| &after[at + 8..]);
            out = out.replace(&format!("content-length: {}\n", size_of(&fields)), "content-length: N\n");
            out.push_str("[default page]\n");
            continue;
        }
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_ascii_lowercase());
        if field("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
            rest = unchunk(rest, &mut out);
        } else if line.starts_with("HTTP/") && is_head(rest) {
            // To HEAD, or without a body by its status: the next answer follows.
        } else if let Some(n) = field("content-length").and_then(|v| v.parse::<usize>().ok()) {
            let n = n.min(rest.len());
            out.push_str(&shorten(&rest[..n]));
            rest = &rest[n..];
        } else if line.starts_with("HTTP/") && !is_head(rest) {
            out.push_str(&shorten(rest));
            rest = &[];
        }
    }
    out
}

/// How the pages begin that proxies have for statuses where the user has none.
const DEFAULT_PAGE: &[u8] = b"<html><body><h1>";

fn size_of(fields: &[(String, String)]) -> &str {
    fields.iter().find(|(n, _)| n == "content-length").map(|(_, v)| v.as_str()).unwrap_or_default()
}

/// The fields of `Connection` and what else only the next hop sees may stand anywhere; all others keep their order among
/// those of one name.
fn canonical(head: &str) -> (String, Vec<(String, String)>) {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let mut fields: Vec<(String, String)> = lines
        .map(|l| l.split_once(':').unwrap_or((l, "")))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    // Stable: the order among fields of one name counts.
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    (first, fields)
}

fn is_head(bytes: &[u8]) -> bool {
    static HEAD: OnceLock<regex::bytes::Regex> = OnceLock::new();
    let pattern = r"^(HTTP/1\.\d \d{3}|[A-Z]+ [^ \r\n]+ HTTP/1\.\d\r\n)";
    HEAD.get_or_init(|| regex::bytes::Regex::new(pattern).expect("it is a literal")).is_match(bytes)
}

fn unchunk<'a>(mut rest: &'a [u8], out: &mut String) -> &'a [u8] {
    let mut body = Vec::new();
    loop {
        let size = find(rest, b"\r\n").and_then(|end| {
            let text = std::str::from_utf8(&rest[..end]).ok()?;
            let n = usize::from_str_radix(text.split(';').next()?.trim(), 16).ok()?;
            Some((n, end + 2))
        });
        let Some((n, at)) = size else {
            out.push_str(&format!("{}[cut]{}", shorten(&body), shorten(rest)));
            return &[];
        };
        rest = &rest[at..];
        if n == 0 {
            break;
        }
        body.extend_from_slice(&rest[..n.min(rest.len())]);
        rest = rest.get(n + 2..).unwrap_or_default();
    }
    out.push_str(&format!("{}[last chunk]\n", shorten(&body)));
    while let Some(end) = find(rest, b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
        rest = &rest[end + 2..];
        if line.is_empty() {
            return rest;
        }
        out.push_str(&format!("{line}\n"));
    }
    out.push_str("[cut]");
    &[]
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

/// Long bodies by their length and a sum.
fn shorten(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 4096;
    if bytes.len() <= SHOWN_MAX {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("[{} bytes, {:08x}]", bytes.len(), evenkeel_lab::web::crc32(bytes))
}

/// A log line, with names for the ports of `known` and letters for what differs from run to run: times, other ports, process
/// numbers, unique numbers. What is -1, 0 for a reason or has a `+` keeps it.
pub fn log(line: &str, known: &[(String, SocketAddr)]) -> String {
    static RULES: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        [
            (r"^(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ", "${1}DATE "),
            (r"\[\d+\]: ", "[PID]: "),
            (r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]", "[DATE]"),
            (r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "DATE"),
            (r"127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:PORT"),
            // `option httplog clf`: the port and milliseconds.
            (r#"" "" \d+ \d+ ""#, r#"" "" PORT N ""#),
            (r#"" \d+ \d+ \d+ \d+ \d+ ([-A-Za-z]{4}) "#, r#"" N N N N N $1 "#),
        ]
        .into_iter()
        .map(|(pattern, with)| (Regex::new(pattern).expect("it is a literal"), with))
        .collect()
    });
    let mut out = line.trim_end().to_owned();
    for (name, addr) in known {
        out = out.replace(&addr.to_string(), &format!("127.0.0.1:<{name}>"));
        out = out.replace(&format!(":{} ", addr.port()), &format!(":<{name}> "));
    }
    for (pattern, with) in rules {
        out = pattern.replace_all(&out, *with).into_owned();
    }
    timers(&out)
}

/// `0/0/1/2/3` before a status, and `0/1/2` of tcplog: numbers of milliseconds become `N`; `-1` and `+` stay.
fn timers(line: &str) -> String {
    static TIMERS: OnceLock<Regex> = OnceLock::new();
    let pattern = r" (\+?-?\d+(?:/\+?-?\d+){2,4}) (\+?-?\d{1,9}) ";
    let rule = TIMERS.get_or_init(|| Regex::new(pattern).expect("it is a literal"));
    let masked = |found: &regex::Captures<'_>| {
        let times: Vec<String> = found[1]
            .split('/')
            .map(|t| match t.strip_prefix('+') {
                Some(_) => "+N".to_owned(),
                None if t.starts_with('-') => t.to_owned(),
                None => "N".to_owned(),
            })
            .collect();
        format!(" {} {} ", times.join("/"), &found[2])
    };
    // Only the first: the counts of connections further on look alike.
    rule.replace(line, masked).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_messages_look_equal() {
        let a = b"HTTP/1.1 200 OK\r\nB: 2\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nT: t\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
        let b = b"HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: t\r\n\r\nHTTP/1.1 204 No\r\n\r\n";
        assert_eq!(http(a), http(b));
        assert_eq!(
            http(a),
            "HTTP/1.1 200 OK\na: 1\nb: 2\ntransfer-encoding: chunked\n\nabc[last chunk]\nt: t\nHTTP/1.1 204 No\n\n"
        );
        assert_eq!(http(b"no http at all"), "no http at all");
        assert_eq!(
            http(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
            "HTTP/1.1 200 OK\ncontent-length: 9\n\nshort"
        );
    }

    #[test]
    fn log_lines_keep_what_counts() {
        let known = [("fe".to_owned(), "127.0.0.1:3333".parse().expect("literal"))];
        for (line, want) in [
            (
                "<134>Nov 21 11:09:49 haproxy[812]: 127.0.0.1:45678 [21/Nov/2025:11:09:49.123] fe be/s1 0/0/1/22/23 200 85 - - ---- 1/1/0/0/+1 0/0 \"GET / HTTP/1.1\"",
                "<134>DATE haproxy[PID]: 127.0.0.1:PORT [DATE] fe be/s1 N/N/N/N/N 200 85 - - ---- 1/1/0/0/+1 0/0 \"GET / HTTP/1.1\"",
            ),
            ("x fe be/<NOSRV> 0/-1/-1/-1/+5 503 85 - -", "x fe be/<NOSRV> N/-1/-1/-1/+N 503 85 - -"),
            ("x fe be/s1 0/0/+5 85 -- 1/1/0/0/0 0/0", "x fe be/s1 N/N/+N 85 -- 1/1/0/0/0 0/0"),
            ("127.0.0.1:3333 -1/-1/-1/-1/9 400 0 x", "127.0.0.1:<fe> -1/-1/-1/-1/N 400 0 x"),
        ] {
            assert_eq!(log(line, &known), want);
        }
    }
}
