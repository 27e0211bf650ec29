//! Response heads and the chunks after them: no panic, never more bytes taken than given, the same data and verdict
//! whole and in pieces.
#![no_main]

use evenkeel_http::{
    ChunkDecoder, ChunkStep, Framing, Kind, Limits, Method, ResponseHead, Resume, cookie, parse_response,
    parse_response_more,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([control, step], bytes)) = data.split_first_chunk::<2>() else { return };
    let step = usize::from(*step % 16) + 1;
    if control & 1 != 0 {
        return chunks(bytes, step);
    }
    let limits = Limits { relaxed: control & 2 != 0, ..Limits::default() };
    let mut head = ResponseHead::new();
    let want = parse_response(bytes, &mut head, &limits);
    let (mut pieces, mut resume, mut got) = (ResponseHead::new(), Resume::default(), Ok(None));
    for end in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
        got = parse_response_more(bytes.get(..end).unwrap_or(bytes), &mut pieces, &limits, &mut resume);
        if got != Ok(None) {
            break;
        }
    }
    assert_eq!(got, want);
    let Ok(Some(n)) = want else { return };
    let rest = bytes.get(n..).expect("a head takes no more than was given");

    let text = |head: &ResponseHead| {
        let mut out = Vec::new();
        head.write_to(&mut out);
        out
    };
    let written = text(&head);
    assert_eq!(text(&pieces), written);
    let roomy = Limits { head_max: written.len() + 1, ..limits };
    assert_eq!(parse_response(&written, &mut pieces, &roomy), Ok(Some(written.len())));
    assert_eq!(text(&pieces), written);

    cookie::prefix_set(head.fields_mut(), b"a", b"s1~");
    cookie::remove_set(head.fields_mut(), b"a");
    assert_eq!(cookie::find_set(head.fields(), b"a"), None);
    if let Ok(framing) = head.body(Method::Get) {
        head.normalize_framing(framing);
        assert_eq!(head.body(Method::Get), Ok(framing));
        if framing == Framing::Chunked {
            chunks(rest, step);
        }
    }
});

fn chunks(bytes: &[u8], step: usize) {
    let whole = dechunk(bytes, usize::MAX);
    assert_eq!(dechunk(bytes, step), whole);
    if let Ok((_, Some(end))) = whole {
        assert!(end <= bytes.len());
    }
}

/// The data and where the body ended; the kind of the fault.
fn dechunk(bytes: &[u8], step: usize) -> Result<(Vec<u8>, Option<usize>), Kind> {
    let mut decoder = ChunkDecoder::new();
    let (mut at, mut end, mut data) = (0, 0usize, Vec::new());
    loop {
        let piece = bytes.get(at..end).expect("never more consumed than given");
        match decoder.decode(piece).map_err(|e| e.kind)? {
            ChunkStep::More if end == bytes.len() => return Ok((data, None)),
            ChunkStep::More => {
                at = end;
                end = end.saturating_add(step).min(bytes.len());
            }
            ChunkStep::Data { start, end } => {
                assert!(start < end);
                data.extend_from_slice(piece.get(start..end).expect("data lies within the input"));
                at += end;
            }
            ChunkStep::End { consumed } => return Ok((data, Some(at + consumed))),
        }
    }
}
