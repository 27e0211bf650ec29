//! Answers that the proxy makes itself: their grammar (configuration manual: `http-request return`) and their making.

use evenkeel_base::{Diagnostic, Word, Words};
use evenkeel_expr::{Env, LogFormat, Use};
use evenkeel_http::{Limits, ResponseHead, error_page, parse_response, reason_phrase};

use crate::actions::headers::field_name;
use crate::registry::{Context, is_cond};

/// Most `hdr` arguments of one reply: more than any file needs, few enough for a head.
const FIELDS_MAX: usize = 64;

/// The pages of a section: what it has instead of the built-in ones.
pub trait Pages {
    /// The whole answer that the section sends for a status (`errorfile`, `http-error`); `None`: the built-in one.
    fn page(&self, status: u16) -> Option<&[u8]>;
    /// The same of an `http-errors` section.
    fn section_page(&self, section: &str, status: u16) -> Option<&[u8]>;
}

/// A section without pages of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl Pages for BuiltIn {
    fn page(&self, _: u16) -> Option<&[u8]> {
        None
    }

    fn section_page(&self, _: &str, _: u16) -> Option<&[u8]> {
        None
    }
}

/// A reply, compiled.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status, where no file has another.
    pub status: u16,
    /// What is in it.
    pub content: Content,
    /// `hdr` arguments, in order; none with whole pages.
    pub fields: Vec<(Box<[u8]>, LogFormat)>,
}

/// The source of a reply's body.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing but a head.
    Empty,
    /// `default-errorfiles`: the section's page for the status.
    Page,
    /// `errorfiles <name>`: the page of an `http-errors` section, else the section's own.
    SectionPage(Box<str>),
    /// `errorfile <file>`: a whole answer, status included.
    Whole(Box<[u8]>),
    /// `string`, `file`.
    Text {
        /// `content-type`
        content_type: Box<[u8]>,
        /// The bytes.
        body: Box<[u8]>,
    },
    /// `lf-string`, `lf-file`.
    Format {
        /// `content-type`
        content_type: Box<[u8]>,
        /// The body.
        body: LogFormat,
    },
}

/// Which keyword a reply belongs to: its status and content where the user says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyUse {
    /// `http-request deny`
    DenyRequest,
    /// `http-response deny`
    DenyResponse,
    /// `http-request tarpit`
    Tarpit,
    /// `return`
    Return,
    /// `http-error`, whose status must be written.
    Error,
}

impl ReplyUse {
    fn status(self) -> u16 {
        match self {
            ReplyUse::DenyRequest => 403,
            ReplyUse::DenyResponse => 502,
            ReplyUse::Tarpit | ReplyUse::Error => 500,
            ReplyUse::Return => 200,
        }
    }

    /// Without arguments but a status, these send the section's page.
    fn sends_pages(self) -> bool {
        match self {
            ReplyUse::DenyRequest | ReplyUse::DenyResponse | ReplyUse::Tarpit => true,
            ReplyUse::Return | ReplyUse::Error => false,
        }
    }
}

/// What was read of a reply before it is judged as a whole.
#[derive(Default)]
struct Draft {
    status: Option<(u16, Word)>,
    content_type: Option<Word>,
    source: Option<(Source, Word, Option<Word>)>,
    fields: Vec<(Box<[u8]>, LogFormat)>,
    arguments: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    DefaultErrorfiles,
    Errorfile,
    Errorfiles,
    File,
    Text,
    FormatFile,
    FormatText,
}

impl Source {
    fn named(word: &Word) -> Option<Source> {
        Some(match word.bytes() {
            b"default-errorfiles" => Source::DefaultErrorfiles,
            b"errorfile" => Source::Errorfile,
            b"errorfiles" => Source::Errorfiles,
            b"file" => Source::File,
            b"string" => Source::Text,
            b"lf-file" => Source::FormatFile,
            b"lf-string" => Source::FormatText,
            _ => return None,
        })
    }
}

/// Reads a reply up to the condition.
pub fn parse(words: &mut Words<'_>, cx: &mut Context<'_>, kind: ReplyUse) -> Result<Reply, Diagnostic> {
    let mut draft = Draft::default();
    let place = words.last_span();
    while let Some(word) = words.peek().filter(|w| !is_cond(w)) {
        words.next();
        draft.arguments += 1;
        match word.bytes() {
            b"status" | b"deny_status" => {
                let value = words.expect("a status")?;
                draft.status = Some((status(value)?, value.clone()));
            }
            b"content-type" => draft.content_type = Some(words.expect("a media type")?.clone()),
            b"hdr" => field(words, cx, &mut draft)?,
            _ => match Source::named(word) {
                Some(_) if draft.source.is_some() => {
                    let message = format!("`{word}` is the second source of one reply");
                    return Err(Diagnostic::error("surplus-argument", message, word.span));
                }
                Some(Source::DefaultErrorfiles) => {
                    draft.source = Some((Source::DefaultErrorfiles, word.clone(), None));
                }
                Some(source) => {
                    let value = words.expect("a file, a name or text")?;
                    draft.source = Some((source, word.clone(), Some(value.clone())));
                }
                None => {
                    let message = format!("`{word}` is not known here");
                    return Err(Diagnostic::error("surplus-argument", message, word.span)
                        .help("A reply has `status`, `content-type`, `hdr` and one source of its body."));
                }
            },
        }
    }
    if kind == ReplyUse::Error && draft.status.is_none() {
        return Err(Diagnostic::error("missing-argument", "`status` is missing", place.after()));
    }
    finish(draft, cx, kind)
}

fn status(word: &Word) -> Result<u16, Diagnostic> {
    word.str().parse::<u16>().ok().filter(|n| (200..=599).contains(n)).ok_or_else(|| {
        Diagnostic::error("invalid-status", format!("`{word}` is no status: 200 to 599 are"), word.span)
    })
}

fn field(words: &mut Words<'_>, cx: &mut Context<'_>, draft: &mut Draft) -> Result<(), Diagnostic> {
    let name_word = words.expect("the name of a header field")?;
    let name = field_name(name_word)?;
    let value = cx.format(words.expect("the value of the header field")?)?;
    let framing = [&b"content-length"[..], b"content-type", b"transfer-encoding"];
    if framing.iter().any(|f| f.eq_ignore_ascii_case(&name)) {
        let message = format!("`{name_word}` is set by the reply itself, so this is left out");
        cx.names.warn(Diagnostic::warning("no-effect", message, name_word.span));
        return Ok(());
    }
    if draft.fields.len() >= FIELDS_MAX {
        let message = format!("a reply has at most {FIELDS_MAX} `hdr`");
        return Err(Diagnostic::error("too-many", message, name_word.span));
    }
    draft.fields.push((name, value));
    Ok(())
}

fn finish(draft: Draft, cx: &mut Context<'_>, kind: ReplyUse) -> Result<Reply, Diagnostic> {
    let status = draft.status.as_ref().map_or(kind.status(), |(n, _)| *n);
    let content_type = draft.content_type;
    let only_status = draft.arguments == usize::from(draft.status.is_some());
    let content = match draft.source {
        None if kind.sends_pages() && only_status => page(status, draft.status.as_ref())?,
        None => {
            if let Some(word) = &content_type {
                let message = "without a body there is nothing of that type";
                cx.names.warn(Diagnostic::warning("no-effect", message, word.span));
            }
            Content::Empty
        }
        Some((Source::DefaultErrorfiles, ..)) => page(status, draft.status.as_ref())?,
        Some((source, word, Some(value))) => {
            content(source, &word, &value, (status, content_type.as_ref()), cx)?
        }
        Some((_, word, None)) => {
            return Err(Diagnostic::error("missing-argument", "the argument is missing", word.span.after()));
        }
    };
    let whole = matches!(content, Content::Page | Content::SectionPage(_) | Content::Whole(_));
    let fields = if whole { Vec::new() } else { draft.fields };
    Ok(Reply { status, content, fields })
}

fn page(status: u16, word: Option<&(u16, Word)>) -> Result<Content, Diagnostic> {
    if error_page(status).is_some() {
        return Ok(Content::Page);
    }
    let span = word.map(|(_, w)| w.span).unwrap_or_default();
    let message = format!("there is no page for status {status}");
    Err(Diagnostic::error("no-such-page", message, span)
        .help("Say what the reply holds, for instance `status 418 content-type text/plain string \"…\"`."))
}

fn content(
    source: Source,
    keyword: &Word,
    value: &Word,
    (status, content_type): (u16, Option<&Word>),
    cx: &mut Context<'_>,
) -> Result<Content, Diagnostic> {
    let body: Box<[u8]> = match source {
        Source::DefaultErrorfiles => return Ok(Content::Page),
        Source::Errorfiles => return Ok(Content::SectionPage(value.str().into())),
        Source::Errorfile => {
            let bytes = cx.file(value)?;
            if bytes.is_empty() {
                return Ok(Content::Whole(Box::default()));
            }
            if let Err(why) = whole_answer(&bytes, &mut Answer::default()) {
                let message = format!("`{value}` does not hold an HTTP response: {why}");
                return Err(Diagnostic::error("invalid-page", message, value.span));
            }
            return Ok(Content::Whole(bytes.into()));
        }
        Source::File | Source::FormatFile => cx.file(value)?.into(),
        Source::Text | Source::FormatText => value.bytes().into(),
    };
    if body.is_empty() {
        return Ok(Content::Empty);
    }
    if matches!(status, 204 | 304) {
        let message = format!("a response with status {status} has no body");
        return Err(Diagnostic::error("no-body", message, keyword.span));
    }
    let Some(content_type) = content_type.map(|w| Box::from(w.bytes())) else {
        return Err(Diagnostic::error("missing-argument", "a body needs a `content-type`", keyword.span)
            .help("For instance `content-type text/plain`."));
    };
    Ok(match source {
        Source::FormatFile | Source::FormatText => {
            let word = Word { text: body.to_vec().into(), ..value.clone() };
            Content::Format { content_type, body: cx.format_for(&word, Use::Http)? }
        }
        Source::DefaultErrorfiles | Source::Errorfile | Source::Errorfiles | Source::File | Source::Text => {
            Content::Text { content_type, body }
        }
    })
}

/// An answer made here, to be sent by the proxy after the `http-after-response` rules.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Status line and fields.
    pub head: ResponseHead,
    /// The body; not sent to a HEAD request.
    pub body: Vec<u8>,
    /// Nothing is sent at all: the page is an empty file (configuration manual: `errorfile`). The head has the status
    /// for the log.
    pub silent: bool,
}

impl Answer {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.head.clear();
        self.body.clear();
        self.silent = false;
    }

    /// Writes head and body, or the head alone.
    pub fn write_to(&self, head_only: bool, out: &mut Vec<u8>) {
        self.head.write_to(out);
        if !head_only {
            out.extend_from_slice(&self.body);
        }
    }

    /// The page of a section for a status, or the built-in one, or an empty answer.
    pub fn page(&mut self, status: u16, pages: &dyn Pages) {
        match pages.page(status).or_else(|| error_page(status)) {
            Some(bytes) => self.whole(bytes, status),
            None => self.empty(status),
        }
    }

    /// A reply as the rule says.
    pub fn reply(&mut self, reply: &Reply, env: &Env<'_>, pages: &dyn Pages, text: &mut Vec<u8>) {
        match &reply.content {
            Content::Page => return self.page(reply.status, pages),
            Content::SectionPage(section) => {
                return match pages.section_page(section, reply.status) {
                    Some(bytes) => self.whole(bytes, reply.status),
                    None => self.page(reply.status, pages),
                };
            }
            Content::Whole(bytes) => return self.whole(bytes, reply.status),
            Content::Empty | Content::Text { .. } | Content::Format { .. } => {}
        }
        self.clear();
        self.head.set_status(reply.status, reason(reply.status).as_bytes());
        for (name, value) in &reply.fields {
            text.clear();
            value.render(env, text);
            // The original leaves out a field whose value comes out empty.
            if text.is_empty() {
                continue;
            }
            self.head.fields_mut().push(&**name, text);
        }
        match &reply.content {
            Content::Text { content_type, body } => {
                self.body.extend_from_slice(body);
                self.finish(content_type);
            }
            Content::Format { content_type, body } => {
                body.render(env, &mut self.body);
                self.finish(content_type);
            }
            Content::Empty | Content::Page | Content::SectionPage(_) | Content::Whole(_) => self.finish(b""),
        }
    }

    /// An answer without a body.
    pub fn empty(&mut self, status: u16) {
        self.clear();
        self.head.set_status(status, reason(status).as_bytes());
        self.finish(b"");
    }

    /// An answer that is ready as bytes; no bytes are silence. Bytes that make no response (a page that nobody checked)
    /// become an answer without a body.
    pub fn whole(&mut self, bytes: &[u8], status: u16) {
        if bytes.is_empty() {
            self.empty(status);
            self.silent = true;
        } else if whole_answer(bytes, self).is_err() {
            self.empty(status);
        }
    }

    fn finish(&mut self, content_type: &[u8]) {
        // RFC 9110 §8.6: no Content-Length where there can be no content.
        if !matches!(self.head.status(), 100..=199 | 204 | 304) {
            let length = self.body.len().to_string();
            self.head.fields_mut().push("content-length", length.as_bytes());
        }
        if !self.body.is_empty() && !content_type.is_empty() {
            self.head.fields_mut().push("content-type", content_type);
        }
    }
}

/// The reason of our own answers: 302 is "Found" here as in the original's redirects and replies.
fn reason(status: u16) -> &'static str {
    match status {
        302 => "Found",
        _ => reason_phrase(status),
    }
}

fn whole_answer(bytes: &[u8], answer: &mut Answer) -> Result<(), &'static str> {
    answer.clear();
    match parse_response(bytes, &mut answer.head, &Limits::default()) {
        Ok(Some(end)) => {
            answer.body.extend_from_slice(bytes.get(end..).unwrap_or_default());
            Ok(())
        }
        Ok(None) => Err("its head has no end"),
        Err(_) => Err("its head is malformed"),
    }
}
