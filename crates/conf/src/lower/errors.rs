//! Keywords: `errorfile`, `errorloc…`, `errorfiles`, `http-error`.

use std::sync::Arc;

use bstr::ByteSlice;
use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_plan::proxy::ErrorPage;

use super::args;
use super::context::Ctx;
use super::draft::ProxyDraft;
use super::keyword::{Keyword, Outcome, Sections};

/// The topic's table.
pub(crate) const KEYWORDS: &[Keyword] = &[
    Keyword::proxy("errorfile", Sections::ANY, errorfile, "A whole answer from a file for a status.")
        .example("errorfile 503 /etc/haproxy/errors/503.http"),
    Keyword::proxy("errorfiles", Sections::ANY, errorfiles, "Answers from an `http-errors` section.")
        .example("errorfiles pages 404 503"),
    Keyword::proxy(
        "errorloc",
        Sections::ANY,
        |p, ctx, words| location(p, ctx, words, 302),
        "A redirect in place of an error.",
    )
    .example("errorloc 503 https://example.org/sorry"),
    Keyword::proxy(
        "errorloc302",
        Sections::ANY,
        |p, ctx, words| location(p, ctx, words, 302),
        "A redirect in place of an error.",
    )
    .example("errorloc302 503 https://example.org/sorry"),
    Keyword::proxy(
        "errorloc303",
        Sections::ANY,
        |p, ctx, words| location(p, ctx, words, 303),
        "A redirect to be fetched with GET in place of an error.",
    )
    .example("errorloc303 503 https://example.org/sorry"),
    Keyword::proxy("http-error", Sections::ANY, http_error, "A whole answer, written on the line.")
        .example("http-error status 503 content-type text/plain string sorry"),
];

/// Largest error file. It has to fit into a buffer.
const PAGE_MAX: usize = 16_384;

/// `<code> <what>`: the status must be one that the proxy gives itself.
fn status<'a>(ctx: &Ctx<'_>, words: &mut Words<'a>, what: &str) -> Result<(u16, &'a Word), Diagnostic> {
    let keyword = ctx.keyword;
    let place = words.last_span().after();
    let (Some(code), Some(value)) = (words.next(), words.next()) else {
        let message = format!("{keyword} : expects <status_code> and {what} as arguments.");
        return Err(Diagnostic::error("missing-argument", message, place.to(words.last_span().after())));
    };
    Ok((known_status(code, &|code| format!("{keyword} : status code '{code}' not handled."))?, value))
}

/// A status that the proxy gives itself.
fn known_status(word: &Word, message: &dyn Fn(&str) -> String) -> Result<u16, Diagnostic> {
    let number = word.str().parse().ok().filter(|code| evenkeel_http::error_page(*code).is_some());
    number.ok_or_else(|| Diagnostic::error("bad-status", message(&word.str()), word.span))
}

fn keep(p: &mut ProxyDraft, status: u16, bytes: Arc<[u8]>) {
    p.proxy.errors.retain(|page| page.status != status);
    p.proxy.errors.push(ErrorPage { status, bytes });
}

/// `errorfiles <section> [<code>…]`: all pages of the section, or those of the codes.
fn errorfiles(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let section = args::word(ctx, words, "<name>")?;
    let Some(pages) = ctx.http_errors.get(section.str().as_ref()).cloned() else {
        let message = format!("unable to find the http-errors section '{section}'.");
        let fault = Diagnostic::error("unknown-http-errors", message, section.span);
        return Err(
            match evenkeel_base::near::nearest(&section.str(), ctx.http_errors.keys().map(String::as_str)) {
                Some(near) => fault.note(format!("did you mean `{near}`?")),
                None => fault,
            },
        );
    };
    if words.is_empty() {
        pages.into_iter().for_each(|page| keep(p, page.status, page.bytes));
        return Ok(());
    }
    while let Some(code) = words.next() {
        let status = known_status(code, &|code| format!("errorfiles : status code '{code}' not handled."))?;
        match pages.iter().find(|page| page.status == status) {
            Some(page) => keep(p, status, Arc::clone(&page.bytes)),
            None => {
                let message =
                    format!("status code {status} not found in the http-errors section '{section}'.");
                ctx.warn("no-effect", message, code.span);
            }
        }
    }
    Ok(())
}

/// `errorfile <code> <file>` of an `http-errors` section.
pub(crate) fn section_page(ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Result<ErrorPage, Diagnostic> {
    ctx.keyword = "errorfile";
    let (status, path) = status(ctx, words, "<file>")?;
    Ok(ErrorPage { status, bytes: read_page(ctx, path, "errorfile")? })
}

fn errorfile(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    let (status, path) = status(ctx, words, "<file>")?;
    let bytes = read_page(ctx, path, "errorfile")?;
    keep(p, status, bytes);
    Ok(())
}

/// A file with a whole answer. An empty one means: close without a word.
fn read_page(ctx: &mut Ctx<'_>, path: &Word, who: &str) -> Result<Arc<[u8]>, Diagnostic> {
    if let Some(page) = ctx.pages.get(&path.text) {
        return Ok(Arc::clone(page)); // the lines of `defaults` come here for every proxy
    }
    let page: Arc<[u8]> = Arc::from(load_page(ctx, path, who)?);
    ctx.pages.insert(path.text.clone(), Arc::clone(&page));
    Ok(page)
}

fn load_page(ctx: &Ctx<'_>, path: &Word, who: &str) -> Result<Vec<u8>, Diagnostic> {
    let bytes = ctx.outside.read_file(&path.str()).map_err(|why| {
        Diagnostic::error("missing-file", format!("{who} : error opening file '{path}'."), path.span)
            .note(why)
    })?;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let wrong = |why: String| {
        Diagnostic::error("bad-error-file", format!("{who} : '{path}': {why}"), path.span)
            .help("An error file holds a whole answer: a status line, headers, an empty line, a body.")
    };
    if bytes.len() > PAGE_MAX {
        return Err(wrong(format!("file too large (max {PAGE_MAX} bytes)")));
    }
    let page = with_crlf(&bytes);
    let mut head = evenkeel_http::ResponseHead::new();
    let limits = evenkeel_http::Limits::default();
    match evenkeel_http::parse_response(&page, &mut head, &limits) {
        Ok(Some(_)) => Ok(page),
        Ok(None) => Err(wrong("unable to parse headers (the empty line is missing)".to_owned())),
        Err(error) => Err(wrong(format!("unable to parse headers ({error})"))),
    }
}

/// Lines of the head end with CRLF on the wire, and with LF alone in most people's files.
fn with_crlf(file: &[u8]) -> Vec<u8> {
    let mut page = Vec::with_capacity(file.len() + 64);
    let mut rest = file;
    while let Some(end) = rest.find_byte(b'\n') {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        page.extend_from_slice(line);
        page.extend_from_slice(b"\r\n");
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
    }
    page.extend_from_slice(rest);
    page
}

fn location(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>, redirect: u16) -> Outcome {
    let (status, url) = status(ctx, words, "<url>")?;
    let reason = if redirect == 302 { "Found" } else { evenkeel_http::reason_phrase(redirect) };
    let mut page =
        format!("HTTP/1.1 {redirect} {reason}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: ")
            .into_bytes();
    page.extend_from_slice(url.bytes());
    page.extend_from_slice(b"\r\n\r\n");
    keep(p, status, Arc::from(page));
    args::spare(ctx, words);
    Ok(())
}

/// What `http-error` says before it is put together.
#[derive(Default)]
struct Reply<'a> {
    content_type: Option<&'a Word>,
    body: Option<Vec<u8>>,
    whole: Option<Arc<[u8]>>,
    headers: Vec<(&'a Word, &'a Word)>,
}

/// `http-error status <code> [content-type <type>] [{errorfile|file|string} <payload>] [hdr <name> <value>]*`.
fn http_error(p: &mut ProxyDraft, ctx: &mut Ctx<'_>, words: &mut Words<'_>) -> Outcome {
    if !words.take_if("status") {
        let place = words.peek().map_or(words.last_span().after(), |w| w.span);
        let message = "http-error : expects at least a <status> as arguments.";
        return Err(Diagnostic::error("missing-argument", message, place));
    }
    let place = words.last_span().after();
    let code = words.next().ok_or_else(|| {
        let message = "http-error : 'status' expects <status_code> as argument";
        Diagnostic::error("missing-argument", message, place)
    })?;
    let status = known_status(code, &|code| format!("http-error : Unexpected status code '{code}'"))?;
    let mut reply = Reply::default();
    while let Some(word) = words.next() {
        match word.str().as_ref() {
            "content-type" => reply.content_type = Some(args::word(ctx, words, "<ctype>")?),
            "string" => reply.body = Some(args::word(ctx, words, "<str>")?.bytes().to_vec()),
            "file" => {
                let path = args::word(ctx, words, "<file>")?;
                reply.body = Some(ctx.outside.read_file(&path.str()).map_err(|why| {
                    let message = format!("http-error : error opening file '{path}'");
                    Diagnostic::error("missing-file", message, path.span).note(why)
                })?);
            }
            "errorfile" => {
                let path = args::word(ctx, words, "<file>")?;
                reply.whole = Some(read_page(ctx, path, "http-error")?);
            }
            "hdr" => {
                let name = args::word(ctx, words, "<name>")?;
                let value = args::word(ctx, words, "<fmt>")?;
                if value.bytes().contains(&b'%') {
                    return Err(formats_refused(value));
                }
                reply.headers.push((name, value));
            }
            "default-errorfiles" => return Ok(()),
            "errorfiles" => {
                let reason = "not built yet: http-errors sections";
                return Err(super::run::refused("http-error … errorfiles", reason, word.span));
            }
            "lf-string" | "lf-file" => return Err(formats_refused(word)),
            _ => {
                let message = format!("http-error : '{word}' is not known here");
                return Err(Diagnostic::error("bad-choice", message, word.span).help(
                    "It takes content-type, string, file, errorfile, hdr, default-errorfiles and errorfiles.",
                ));
            }
        }
    }
    match whole_reply(status, &reply, ctx)? {
        Some(page) => keep(p, status, page),
        None => p.proxy.errors.retain(|page| page.status != status), // the default page
    }
    Ok(())
}

fn formats_refused(word: &Word) -> Diagnostic {
    super::run::refused("http-error", "not built yet: formats in error pages", word.span)
}

fn whole_reply(status: u16, reply: &Reply<'_>, ctx: &mut Ctx<'_>) -> Result<Option<Arc<[u8]>>, Diagnostic> {
    if reply.whole.is_some() {
        return Ok(reply.whole.clone());
    }
    let Some(body) = &reply.body else {
        if let Some(kind) = reply.content_type {
            let message = format!(
                "content-type '{kind}' ignored by the http reply because neither errorfile nor payload defined."
            );
            ctx.warn("unused-type", message, kind.span);
        }
        return Ok(None);
    };
    if body.len() > PAGE_MAX {
        let message = format!("http-error : payload too large (max {PAGE_MAX} bytes)");
        return Err(Diagnostic::error("bad-error-file", message, ctx.line));
    }
    let reason = evenkeel_http::reason_phrase(status);
    let mut page = format!("HTTP/1.1 {status} {reason}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    if let Some(kind) = reply.content_type {
        header(&mut page, b"content-type", kind.bytes());
    }
    for (name, value) in &reply.headers {
        header(&mut page, name.bytes(), value.bytes());
    }
    page.extend_from_slice(b"\r\n");
    page.extend_from_slice(body);
    Ok(Some(Arc::from(page)))
}

fn header(page: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    page.extend_from_slice(name);
    page.extend_from_slice(b": ");
    page.extend_from_slice(value);
    page.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lower::testing::{plan_of, says};

    #[test]
    fn pages() {
        let plan = plan_of(
            "defaults\n errorfile 503 /etc/page.http\n errorloc 400 http://e/\n errorloc303 403 http://f/\nbackend b\n \
             http-error status 404 content-type text/plain string gone hdr x-a b\n errorloc302 403 http://g/\n",
        );
        let mut got = String::new();
        for page in &plan.proxies[0].errors {
            got.push_str(&format!("{} {:?}\n", page.status, bstr::BStr::new(&page.bytes)));
        }
        expect![[r#"
            503 "HTTP/1.0 503 Sorry\r\n\r\nsorry\n"
            400 "HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://e/\r\n\r\n"
            404 "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\ncontent-type: text/plain\r\nx-a: b\r\n\r\ngone"
            403 "HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://g/\r\n\r\n"
        "#]].assert_eq(&got);
    }

    #[test]
    fn lines_of_files() {
        for (file, want) in [
            ("a\nb: c\n\nx\ny\n", "a\r\nb: c\r\n\r\nx\ny\n"),
            ("a\r\n\r\nx", "a\r\n\r\nx"),
            ("a\nb", "a\r\nb"),
            ("", ""),
        ] {
            assert_eq!(super::with_crlf(file.as_bytes()), want.as_bytes(), "{file:?}");
        }
    }

    #[test]
    fn faults() {
        says(
            "backend b\n errorfile\n errorfile 200\n errorfile 503 /nonexist\n errorfile 999 /etc/page.http\n \
             errorfile x /etc/page.http\n errorfile 503 /etc/page.http x\n errorloc 503\n errorloc302 a b\n http-error\n \
             http-error status\n http-error status 999\n http-error status 503 content-type a\n \
             http-error status 503 lf-string %ci\n http-error status 503 foo\n http-error status 404 file /nonexist\n errorfiles a\n \
             errorfiles pag\n errorfiles page 503 404\nhttp-errors page\n errorfile 503 /etc/page.http\n",
            expect![[r#"
                E 2:11 missing-argument: errorfile : expects <status_code> and <file> as arguments.
                E 3:11 missing-argument: errorfile : expects <status_code> and <file> as arguments.
                E 4:16 missing-file: errorfile : error opening file '/nonexist'.
                E 5:12 bad-status: errorfile : status code '999' not handled.
                E 6:12 bad-status: errorfile : status code 'x' not handled.
                E 7:31 surplus-argument: 'errorfile' cannot handle unexpected argument 'x'
                E 8:10 missing-argument: errorloc : expects <status_code> and <url> as arguments.
                E 9:14 bad-status: errorloc302 : status code 'a' not handled.
                E 10:12 missing-argument: http-error : expects at least a <status> as arguments.
                E 11:19 missing-argument: http-error : 'status' expects <status_code> as argument
                E 12:20 bad-status: http-error : Unexpected status code '999'
                W 13:37 unused-type: content-type 'a' ignored by the http reply because neither errorfile nor payload defined.
                E 14:24 refused: 'http-error' cannot be used: not built yet: formats in error pages
                E 15:24 bad-choice: http-error : 'foo' is not known here
                E 16:29 missing-file: http-error : error opening file '/nonexist'
                E 17:13 unknown-http-errors: unable to find the http-errors section 'a'.
                E 18:13 unknown-http-errors: unable to find the http-errors section 'pag'.
                W 19:22 no-effect: status code 404 not found in the http-errors section 'page'.
            "#]],
        );
    }
}
