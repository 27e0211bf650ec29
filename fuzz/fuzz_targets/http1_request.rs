//! Request heads: no panic, never more bytes taken than given, the same verdict whole and in pieces, and what was
//! accepted reads the same after it was written.
#![no_main]

use evenkeel_http::{
    Limits, RequestHead, Resume, cookie, parse_request, parse_request_more, strip_hop_by_hop, uri,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([control, step], bytes)) = data.split_first_chunk::<2>() else { return };
    let limits = Limits {
        head_max: if control & 1 == 0 { 15360 } else { 64 },
        fields_max: if control & 2 == 0 { 101 } else { 4 },
        relaxed: control & 4 != 0,
    };
    let mut head = RequestHead::new();
    let want = parse_request(bytes, &mut head, &limits);

    let (mut pieces, mut resume, mut got) = (RequestHead::new(), Resume::default(), Ok(None));
    for end in (0..bytes.len()).step_by(usize::from(*step % 16) + 1).chain([bytes.len()]) {
        got = parse_request_more(bytes.get(..end).unwrap_or(bytes), &mut pieces, &limits, &mut resume);
        if got != Ok(None) {
            break;
        }
    }
    assert_eq!(got, want);
    let Ok(Some(n)) = want else { return };
    assert!(n <= bytes.len());

    let text = |head: &RequestHead| {
        let mut out = Vec::new();
        head.write_to(&mut out);
        out
    };
    let written = text(&head);
    assert_eq!(text(&pieces), written);
    let roomy = Limits { relaxed: limits.relaxed, head_max: written.len() + 1, ..Limits::default() };
    let mut again = RequestHead::new();
    assert_eq!(parse_request(&written, &mut again, &roomy), Ok(Some(written.len())));
    assert_eq!(text(&again), written);
    assert_eq!(again.body(), head.body());

    for (name, value) in head.fields().iter() {
        assert!(!name.is_empty());
        assert!(head.fields().contains(name));
        assert!(head.fields().lines(name).any(|line| line == value));
        for n in -3..3 {
            let _ = head.fields().value_nth(name, n);
        }
    }
    let _ = (head.path(), head.query(), head.authority(), head.host(), uri::host_port(head.target()));
    let _ = uri::url_params(head.target(), b'?').count();
    if let Ok(framing) = head.body() {
        head.normalize_framing(framing);
        assert_eq!(head.body(), Ok(framing));
    }
    strip_hop_by_hop(head.fields_mut());
    cookie::remove(head.fields_mut(), b"a");
    assert_eq!(cookie::find(head.fields(), b"a"), None);
    head.set_path(b"/x");
    assert_eq!(
        parse_request(&text(&head), &mut again, &Limits { relaxed: true, head_max: usize::MAX, ..roomy })
            .map(|n| n.is_some()),
        Ok(true)
    );
});
