//! What must hold for every input: the pieces in which bytes come change nothing, and what is written reads the same.

use evenkeel_http::{
    ChunkDecoder, ChunkStep, Limits, Malformed, RequestHead, ResponseHead, Resume, parse_request,
    parse_request_more, parse_response, parse_response_more, write_chunk_head, write_last_chunk,
};
use proptest::prelude::*;

/// Pieces that heads are made of, good and bad: random bytes alone would hardly ever get past the first line.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            &b"GET / HTTP/1.1\r\n"[..], b"POST http://a/x?y HTTP/1.0\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404\r\n",
            b"Host: a\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"X:\r\n", b"x-y:  z \r\n",
            b"Cookie: a=b; c\n", b" fold\r\n", b"\r\n", b"\n", b"CONNECT a:80 HTTP/1.1\r\n",
        ]),
        2 => prop::sample::select(vec![
            &b"\r"[..], b" ", b":", b"\0", b"\x7f", b"\xe9", b"HTTP/", b"A", b",", b"\"", b"\t", b"GET", b"/",
        ]),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(|v| &*v.leak()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Everything that a parse says, as text, so that two can be compared.
fn request_whole(bytes: &[u8], limits: &Limits) -> (Result<Option<usize>, Malformed>, Vec<u8>) {
    let mut head = RequestHead::new();
    let result = parse_request(bytes, &mut head, limits);
    (result, request_text(&head, &result))
}

fn request_text(head: &RequestHead, result: &Result<Option<usize>, Malformed>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Ok(Some(_)) = result {
        head.write_to(&mut out);
    }
    out
}

fn limits() -> impl Strategy<Value = Limits> {
    (prop::sample::select(vec![40, 120, 15360]), prop::sample::select(vec![3, 101]), any::<bool>())
        .prop_map(|(head_max, fields_max, relaxed)| Limits { head_max, fields_max, relaxed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_in_pieces_is_the_same_request(bytes in soup(), limits in limits(), step in 1usize..9) {
        let (want, text) = request_whole(&bytes, &limits);
        let (mut head, mut resume) = (RequestHead::new(), Resume::default());
        let mut got = Ok(None);
        for end in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
            got = parse_request_more(&bytes[..end], &mut head, &limits, &mut resume);
            if got != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(got, want);
        prop_assert_eq!(request_text(&head, &got), text);
        prop_assert!(!matches!(got, Ok(Some(n)) if n > bytes.len()));
    }

    #[test]
    fn a_response_in_pieces_is_the_same_response(bytes in soup(), limits in limits(), step in 1usize..9) {
        let (mut whole, mut head, mut resume) = (ResponseHead::new(), ResponseHead::new(), Resume::default());
        let want = parse_response(&bytes, &mut whole, &limits);
        let mut got = Ok(None);
        for end in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
            got = parse_response_more(&bytes[..end], &mut head, &limits, &mut resume);
            if got != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(got, want);
        if let Ok(Some(n)) = got {
            prop_assert!(n <= bytes.len());
            let (mut a, mut b) = (Vec::new(), Vec::new());
            whole.write_to(&mut a);
            head.write_to(&mut b);
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn what_is_written_reads_the_same(bytes in soup(), relaxed in any::<bool>()) {
        let limits = Limits { relaxed, ..Limits::default() };
        if let (Ok(Some(_)), text) = request_whole(&bytes, &limits) {
            let (result, again) = request_whole(&text, &limits);
            prop_assert_eq!(result, Ok(Some(text.len())));
            prop_assert_eq!(again, text);
        }
        let mut head = ResponseHead::new();
        if let Ok(Some(_)) = parse_response(&bytes, &mut head, &limits) {
            let (mut text, mut again) = (Vec::new(), Vec::new());
            head.write_to(&mut text);
            prop_assert_eq!(parse_response(&text, &mut head, &limits), Ok(Some(text.len())));
            head.write_to(&mut again);
            prop_assert_eq!(again, text);
        }
    }

    #[test]
    fn edits_never_break_a_head(bytes in soup(), name in "[!-9;-~]{1,8}", value in prop::collection::vec(any::<u8>(), 0..20)) {
        let limits = Limits { relaxed: true, ..Limits::default() };
        let mut head = RequestHead::new();
        if parse_request(&bytes, &mut head, &limits).is_ok_and(|n| n.is_some()) {
            head.set_path(&value);
            head.set_query(&value);
            head.set_method(&value);
            head.fields_mut().push(&name, &value);
            head.fields_mut().replace_values("x-y", |_| Some(value.clone()));
            head.fields_mut().replace_lines("cookie", |_| Some(value.clone()));
            evenkeel_http::cookie::remove(head.fields_mut(), b"a");
            let mut text = Vec::new();
            head.write_to(&mut text);
            let lines = head.fields().len();
            let mut again = RequestHead::new();
            // A new method or target may not suit each other; the lines must stay the same lines.
            if parse_request(&text, &mut again, &limits) == Ok(Some(text.len())) {
                prop_assert_eq!(again.fields().len(), lines);
            }
            let ends = text.windows(4).position(|w| w == b"\r\n\r\n");
            prop_assert_eq!(ends, text.len().checked_sub(4));
        }
    }

    #[test]
    fn chunks_in_pieces_are_the_same_body(
        data in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        noise in prop::option::of((0usize..200, any::<u8>())),
        step in 1usize..50,
    ) {
        let mut bytes = Vec::new();
        for chunk in &data {
            write_chunk_head(chunk.len() as u64, &mut bytes);
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        let mut trailers = evenkeel_http::Fields::new();
        trailers.push("X", b"y");
        write_last_chunk(&trailers, &mut bytes);
        bytes.extend_from_slice(b"GET / HTTP/1.1");
        if let Some((at, b)) = noise
            && let Some(place) = bytes.get_mut(at)
        {
            *place = b;
        }
        let whole = dechunk(&bytes, usize::MAX);
        prop_assert_eq!(dechunk(&bytes, step), whole.clone());
        if noise.is_none() {
            prop_assert_eq!(whole, Ok((data.concat(), Some(bytes.len() - 14))));
        }
    }
}

/// The data and where the body ended; the kind of the fault.
fn dechunk(bytes: &[u8], step: usize) -> Result<(Vec<u8>, Option<usize>), evenkeel_http::Kind> {
    let mut decoder = ChunkDecoder::new();
    let (mut at, mut end, mut data) = (0, 0, Vec::new());
    loop {
        let piece = bytes.get(at..end).unwrap_or_default();
        match decoder.decode(piece).map_err(|e| e.kind)? {
            ChunkStep::More if end == bytes.len() => return Ok((data, None)),
            ChunkStep::More => {
                at = end;
                end = end.saturating_add(step).min(bytes.len());
            }
            ChunkStep::Data { start, end } => {
                data.extend_from_slice(&piece[start..end]);
                at += end;
            }
            ChunkStep::End { consumed } => return Ok((data, Some(at + consumed))),
        }
    }
}
