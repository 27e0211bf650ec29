//! Keywords: `capture …`, `declare capture`.

use evenkeel_base::{Diagnostic, Words};
use evenkeel_plan::Mode;
use evenkeel_plan::front::{Capture, CookieCapture};

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("capture cookie", Sections::FRONT_OWN, cookie, "Logs a cookie of request and response.")
        .example("capture cookie SESSION len 32"),
    Keyword::proxy("capture request header", Sections::FRONT_OWN, request, "Logs a header of requests.")
        .example("capture request header Host len 64"),
    Keyword::proxy("capture response header", Sections::FRONT_OWN, response, "Logs a header of responses.")
        .example("capture response header Location len 64"),
    Keyword::proxy("declare capture", Sections::FRONT_OWN, declare, "Makes a place for a capture by rules.")
        .example("declare capture request len 64"),
];

/// Longest captured cookie: one byte less than `tune.http.cookielen`'s default.
const COOKIE_LEN_MAX: u32 = 63;
/// Most captures of a section and direction.
pub(crate) const CAPTURES_MAX: usize = 1_024;

/// `<name> len <length>`.
fn name_and_len(
    ctx: &mut Ctx<'_>,
    words: &mut Words<'_>,
    message: &str,
) -> Result<(Vec<u8>, u32), Diagnostic> {
    let missing = |words: &Words<'_>| {
        let place = words.peek().map_or(words.last_span().after(), |w| w.span);
        Diagnostic::error("missing-argument", message, place)
    };
    let Some(name) = words.next() else { return Err(missing(words)) };
    if !words.take_if("len") {
        return Err(missing(words));
    }
    let Some(len) = words.next() else { return Err(missing(words)) };
    let length = len.str().parse().unwrap_or_else(|_| {
        ctx.warn(
            "bad-number",
            format!("'{}' : '{len}' is no length, and counts as 0", ctx.keyword),
            len.span,
        );
        0 // as in the original
    });
    Ok((name.bytes().to_vec(), length))
}

fn cookie(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let (name, mut len) = name_and_len(ctx, words, "'capture' expects 'cookie' <cookie_name> 'len' <len>.")?;
    args::spare(ctx, words);
    if len > COOKIE_LEN_MAX {
        let message = format!("truncating capture length to {COOKIE_LEN_MAX} bytes for {}.", p.title());
        ctx.warn("long-capture", message, words.last_span());
        len = COOKIE_LEN_MAX;
    }
    // A name that ends with `=` is a whole name, any other the start of one.
    p.front.cookie_capture = Some(match name.strip_suffix(b"=") {
        Some(whole) => CookieCapture { name: whole.to_vec(), exact: true, len },
        None => CookieCapture { name, exact: false, len },
    });
    Ok(())
}

fn request(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let (name, len) =
        name_and_len(ctx, words, "'capture request' expects 'header' <header_name> 'len' <len>.")?;
    add(p, ctx, true, Capture { name, len }).map(|_| ())
}

fn response(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let (name, len) =
        name_and_len(ctx, words, "'capture response' expects 'header' <header_name> 'len' <len>.")?;
    add(p, ctx, false, Capture { name, len }).map(|_| ())
}

/// Adds a place for a capture; returns its number.
pub(crate) fn add(
    p: &mut ProxyDraft,
    ctx: &mut Ctx<'_>,
    of_request: bool,
    capture: Capture,
) -> Result<u32, Diagnostic> {
    let list = if of_request { &mut p.front.request_captures } else { &mut p.front.response_captures };
    if list.len() >= CAPTURES_MAX {
        return Err(Diagnostic::error("too-many", format!("more than {CAPTURES_MAX} captures"), ctx.at));
    }
    list.push(capture);
    let slot = list.len() as u32 - 1;
    ctx.names.set_captures(p.front.request_captures.len() as u32, p.front.response_captures.len() as u32);
    Ok(slot)
}

fn declare(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let fault = |words: &Words<'_>, message: &str| {
        let place = words.peek().map_or(words.last_span().after(), |w| w.span);
        Diagnostic::error("bad-capture", message, place)
    };
    let of_request = words.take_if("request");
    if !of_request && !words.take_if("response") {
        return Err(fault(words, "'declare capture' requires a direction ('request' or 'response')"));
    }
    if !words.take_if("len") {
        return Err(fault(words, "'declare capture' requires a capture length ('len')"));
    }
    let Some(len) = words.next() else {
        let message = "'declare capture': 'len' requires a numeric value that represents the capture length";
        return Err(fault(words, message));
    };
    let len = len.str().parse().ok().filter(|len| *len > 0);
    let len = len.ok_or_else(|| Diagnostic::error("bad-number", "length must be > 0", words.last_span()))?;
    args::spare(ctx, words);
    add(p, ctx, of_request, Capture { name: Vec::new(), len }).map(|_| ())
}

/// At a section's end.
pub(crate) fn end(p: &mut ProxyDraft, ctx: &mut Ctx<'_>) {
    let front = &mut p.front;
    if p.proxy.mode == Mode::Tcp && front.cookie_capture.take().is_some() {
        let message = format!("'capture' statement ignored for {} as it requires HTTP mode.", p.title());
        ctx.warn("needs-http", message, p.proxy.span);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn slots_in_order() {
        let plan = plan_of(
            "frontend f\n mode http\n bind :80\n capture request header Host len 20\n declare capture request len 5\n \
             capture response header Location len 9\n capture cookie A len 100\nlisten l\n mode http\n bind :81\n capture cookie B= len 5\n",
        );
        let got: Vec<String> = plan
            .proxies
            .iter()
            .filter_map(|p| p.front.as_ref())
            .map(|f| format!("{:?}\n{:?}\n{:?}", f.request_captures, f.response_captures, f.cookie_capture))
            .collect();
        expect![[r#"
            [Capture { name: [72, 111, 115, 116], len: 20 }, Capture { name: [], len: 5 }]
            [Capture { name: [76, 111, 99, 97, 116, 105, 111, 110], len: 9 }]
            Some(CookieCapture { name: [65], exact: false, len: 63 })
            []
            []
            Some(CookieCapture { name: [66], exact: true, len: 5 })"#]]
        .assert_eq(&got.join("\n"));
    }

    #[test]
    fn faults() {
        says(
            "defaults\n timeout client 1\n timeout server 1\n timeout connect 1\n capture cookie a len 3\nlisten l\n mode http\n bind :80\n capture\n \
             capture cookie\n capture cookie a\n capture cookie a len\n capture cookie a len x\n capture request\n capture request header a\n \
             capture request header a len 10 x\n capture foo\n declare capture\n declare capture request\n declare capture request len\n \
             declare capture request len 0\nbackend b\n capture cookie a len 3\n",
            expect![[r#"
                E 5:2 misplaced-keyword: 'capture cookie' not allowed in 'defaults' section.
                E 9:9 unknown-keyword: 'capture' expects one of 'cookie', 'request header', 'response header' as argument
                E 10:16 missing-argument: 'capture' expects 'cookie' <cookie_name> 'len' <len>.
                E 11:18 missing-argument: 'capture' expects 'cookie' <cookie_name> 'len' <len>.
                E 12:22 missing-argument: 'capture' expects 'cookie' <cookie_name> 'len' <len>.
                W 13:23 bad-number: 'capture cookie' : 'x' is no length, and counts as 0
                E 14:10 unknown-keyword: 'capture' only supports 'cookie', 'request header', 'response header' (got 'request')
                E 15:26 missing-argument: 'capture request' expects 'header' <header_name> 'len' <len>.
                E 16:34 surplus-argument: 'capture request header' cannot handle unexpected argument 'x'
                E 17:10 unknown-keyword: 'capture' only supports 'cookie', 'request header', 'response header' (got 'foo')
                E 18:17 bad-capture: 'declare capture' requires a direction ('request' or 'response')
                E 19:25 bad-capture: 'declare capture' requires a capture length ('len')
                E 20:29 bad-capture: 'declare capture': 'len' requires a numeric value that represents the capture length
                E 21:30 bad-number: length must be > 0
                W 23:2 misplaced-keyword: 'capture cookie' ignored because backend 'b' has no frontend capability.
            "#]],
        );
    }
}
