//! Old keywords that are rules: `block`, `redirect`, and those of 1.x that edit heads as lines of text (`reqrep`,
//! `reqdel`, `rspadd` …). The last were removed in 2.1; here they do what 1.5 did, with today's form in a warning.
//!
//! A line rule sees the request line or status line first, then each field as `Name: value`, in the spelling in which
//! it came.

use evenkeel_base::{Diagnostic, Support, Word, Words};
use evenkeel_expr::regex::Regex;
use evenkeel_http::{RequestHead, ResponseHead, Version};

use crate::action::Action;
use crate::redirect::{self, Style};
use crate::registry::{Context, Rule, parse_cond};
use crate::reply::{Content, Reply};
use crate::set::{RuleSet, Stage};

/// A rule on lines.
#[derive(Clone, Debug)]
pub struct LineRule {
    /// What a line must match; of no use to [`LineDeed::Add`].
    pub regex: Option<Regex>,
    /// What is done then.
    pub deed: LineDeed,
}

/// What a line rule does.
#[derive(Clone, Debug)]
pub enum LineDeed {
    /// `reqadd`, `rspadd`: a field is added.
    Add {
        /// Its name.
        name: Box<[u8]>,
        /// Its value.
        value: Box<[u8]>,
    },
    /// `reqrep`, `rsprep`: the whole line becomes this, `\1` being the first group.
    Replace(Box<[u8]>),
    /// `reqdel`, `rspdel`: the line goes. Request and status lines stay.
    Delete,
    /// `reqallow`: later denials no longer count.
    Allow,
    /// `reqdeny`, `rspdeny`
    Deny,
    /// `reqtarpit`
    Tarpit,
    /// `reqpass`: no more line rules.
    Pass,
}

/// One keyword of a section.
pub struct Keyword {
    /// Its name.
    pub name: &'static str,
    /// The list that its rules go to.
    pub set: RuleSet,
    /// How far it is supported; for old ones, today's form.
    pub support: Support,
    /// What it does, one sentence without a final dot.
    pub doc: &'static str,
    /// A line that uses it.
    pub example: &'static str,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Block,
    Redirect,
    Line { ignore_case: bool, deed: fn() -> LineDeed },
    Replace { ignore_case: bool },
    Add,
}

const REQ: RuleSet = RuleSet::HttpRequest;
const RES: RuleSet = RuleSet::HttpResponse;

const fn old(
    name: &'static str,
    set: RuleSet,
    form: Form,
    example: &'static str,
    today: &'static str,
    doc: &'static str,
) -> Keyword {
    Keyword { name, set, support: Support::Obsolete(today), doc, example, form }
}

const fn line(ignore_case: bool, deed: fn() -> LineDeed) -> Form {
    Form::Line { ignore_case, deed }
}

/// All of them.
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "redirect",
        set: REQ,
        support: Support::Supported,
        doc: "Sends the client elsewhere, after all `http-request` rules",
        example: "redirect prefix https://example.org code 301 if { path_beg /login }",
        form: Form::Redirect,
    },
    old("block", REQ, Form::Block, "block if { path_beg /private }", "http-request deny if …", "Denies requests, before all other rules"),
    old("reqadd", REQ, Form::Add, r"reqadd X-Proto:\ http", "http-request add-header <name> <value>", "Adds a field to the request"),
    old("reqrep", REQ, Form::Replace { ignore_case: false }, r"reqrep ^([^\ ]*)\ /static/(.*) \1\ /\2", "http-request replace-path or replace-header", "Replaces lines of the request"),
    old("reqirep", REQ, Form::Replace { ignore_case: true }, r"reqirep ^Host:\ www(.*) Host:\ \1", "http-request replace-path or replace-header", "Replaces lines of the request in any case"),
    old("reqdel", REQ, line(false, || LineDeed::Delete), "reqdel ^X-Debug:", "http-request del-header <name>", "Removes fields of the request"),
    old("reqidel", REQ, line(true, || LineDeed::Delete), "reqidel ^x-debug:", "http-request del-header <name>", "Removes fields of the request in any case"),
    old("reqallow", REQ, line(false, || LineDeed::Allow), "reqallow ^GET", "http-request allow if …", "Lets requests pass that a later rule would deny"),
    old("reqiallow", REQ, line(true, || LineDeed::Allow), "reqiallow ^get", "http-request allow if …", "Lets requests pass that a later rule would deny, in any case"),
    old("reqdeny", REQ, line(false, || LineDeed::Deny), r"reqdeny \.exe", "http-request deny if …", "Denies requests"),
    old("reqideny", REQ, line(true, || LineDeed::Deny), r"reqideny \.exe", "http-request deny if …", "Denies requests in any case"),
    old("reqpass", REQ, line(false, || LineDeed::Pass), "reqpass ^Host:", "http-request allow if …", "Leaves out the line rules that follow"),
    old("reqipass", REQ, line(true, || LineDeed::Pass), "reqipass ^host:", "http-request allow if …", "Leaves out the line rules that follow, in any case"),
    old("reqtarpit", REQ, line(false, || LineDeed::Tarpit), "reqtarpit ^User-Agent:.*bot", "http-request tarpit if …", "Holds requests, then answers with an error"),
    old("reqitarpit", REQ, line(true, || LineDeed::Tarpit), "reqitarpit ^user-agent:.*bot", "http-request tarpit if …", "Holds requests, then answers with an error, in any case"),
    old("rspadd", RES, Form::Add, r"rspadd X-Via:\ proxy", "http-response add-header <name> <value>", "Adds a field to the response"),
    old("rsprep", RES, Form::Replace { ignore_case: false }, r"rsprep ^Location:\ 127.0.0.1(.*) Location:\ www\1", "http-response replace-header", "Replaces lines of the response"),
    old("rspirep", RES, Form::Replace { ignore_case: true }, r"rspirep ^server:.* Server:\ x", "http-response replace-header", "Replaces lines of the response in any case"),
    old("rspdel", RES, line(false, || LineDeed::Delete), "rspdel ^Server:", "http-response del-header <name>", "Removes fields of the response"),
    old("rspidel", RES, line(true, || LineDeed::Delete), "rspidel ^server:", "http-response del-header <name>", "Removes fields of the response in any case"),
    old("rspdeny", RES, line(false, || LineDeed::Deny), "rspdeny ^Content-Length:.*9999", "http-response deny if …", "Denies responses"),
    old("rspideny", RES, line(true, || LineDeed::Deny), "rspideny ^content-length:.*9999", "http-response deny if …", "Denies responses in any case"),
];

/// The keyword of that name.
pub fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|k| k.name == name)
}

impl Keyword {
    /// Reads what follows the keyword. The warning about old ones is the caller's.
    pub fn parse(&self, words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Rule, Vec<Diagnostic>> {
        let start = words.last_span();
        let (action, stage) = self.action(words, cx).map_err(|e| vec![e])?;
        let cond = parse_cond(words, cx)?;
        if matches!(self.form, Form::Block) && cond.is_none() {
            let place = words.last_span().after();
            return Err(vec![Diagnostic::error(
                "missing-argument",
                "`if` and a condition are missing",
                place,
            )]);
        }
        Ok(Rule { cond, action, stage, span: start.to(words.last_span()) })
    }

    fn action(&self, words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<(Action, Stage), Diagnostic> {
        let rule = |regex, deed| (Action::Line(Box::new(LineRule { regex, deed })), Stage::Lines);
        match self.form {
            Form::Block => {
                let reply = Reply { status: 403, content: Content::Page, fields: Vec::new() };
                Ok((Action::Deny(Box::new(reply)), Stage::Block))
            }
            Form::Redirect => {
                let redirect = redirect::parse(words, cx, Style::Fixed)?;
                Ok((Action::Redirect(Box::new(redirect)), Stage::Redirect))
            }
            Form::Line { ignore_case, deed } => {
                let regex = cx.regex(words.expect("a regular expression")?, ignore_case)?;
                Ok(rule(Some(regex), deed()))
            }
            Form::Replace { ignore_case } => {
                let regex = cx.regex(words.expect("a regular expression")?, ignore_case)?;
                let template = words.expect("the replacement")?;
                Ok(rule(Some(regex), LineDeed::Replace(template.bytes().into())))
            }
            Form::Add => {
                let word = words.expect("a header field")?;
                let (name, value) = split_field(word.bytes()).ok_or_else(|| bad_field(word))?;
                let deed = LineDeed::Add { name: name.into(), value: value.into() };
                Ok((Action::Line(Box::new(LineRule { regex: None, deed })), Stage::Adds))
            }
        }
    }
}

fn bad_field(word: &Word) -> Diagnostic {
    Diagnostic::error("invalid-field", format!("`{word}` is no header field"), word.span)
        .help("Write it as one word: `X-Name:\\ value`.")
}

/// Name and value of a field as text, without white space around.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.get(1..)?.trim_ascii();
    (!name.is_empty() && !name.iter().any(u8::is_ascii_whitespace)).then_some((name, value))
}

/// What a line rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing that ends the evaluation.
    Nothing,
    /// A line that makes the request allowed, denied, …
    Line,
}

/// What a line rule is applied to.
pub(crate) enum Head<'h> {
    Request(&'h mut RequestHead),
    Response(&'h mut ResponseHead),
}

impl Head<'_> {
    fn fields(&self) -> &evenkeel_http::Fields {
        match self {
            Head::Request(head) => head.fields(),
            Head::Response(head) => head.fields(),
        }
    }

    fn fields_mut(&mut self) -> &mut evenkeel_http::Fields {
        match self {
            Head::Request(head) => head.fields_mut(),
            Head::Response(head) => head.fields_mut(),
        }
    }

    fn first_line(&self) -> Vec<u8> {
        match self {
            Head::Request(head) => [head.method(), head.target(), head.version().as_bytes()].join(&b' '),
            Head::Response(head) => {
                let status = head.status().to_string();
                [head.version().as_bytes(), status.as_bytes(), head.reason()].join(&b' ')
            }
        }
    }

    /// Reads an edited request or status line. What cannot be one changes nothing.
    fn set_first_line(&mut self, line: &[u8]) -> bool {
        let mut parts = line.splitn(3, |b| *b == b' ');
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { return false };
        let rest = parts.next().unwrap_or_default();
        let version = |text: &[u8]| match text {
            b"HTTP/1.0" => Some(Version::Http10),
            b"HTTP/1.1" => Some(Version::Http11),
            _ => None,
        };
        match self {
            Head::Request(head) => {
                let Some(version) = version(rest) else { return false };
                head.set_method(first);
                head.set_target(second);
                head.set_version(version);
            }
            Head::Response(head) => {
                let status = std::str::from_utf8(second).ok().and_then(|s| s.parse::<u16>().ok());
                let (Some(version), Some(status @ 100..=999)) = (version(first), status) else {
                    return false;
                };
                head.set_status(status, rest);
                head.set_version(version);
            }
        }
        true
    }
}

impl LineRule {
    /// Applies the rule. `Err` if an edited line is no line any more.
    pub(crate) fn apply(&self, head: &mut Head<'_>) -> Result<Found, ()> {
        match (&self.deed, &self.regex) {
            (LineDeed::Add { name, value }, _) => {
                head.fields_mut().push(&**name, value).then_some(Found::Nothing).ok_or(())
            }
            (LineDeed::Replace(template), Some(regex)) => replace(regex, template, head),
            (LineDeed::Delete, Some(regex)) => {
                let mut line = Vec::new();
                head.fields_mut().remove_where(|name, value| {
                    field_line(name, value, &mut line);
                    regex.is_match(&line)
                });
                Ok(Found::Nothing)
            }
            (LineDeed::Allow | LineDeed::Deny | LineDeed::Tarpit | LineDeed::Pass, Some(regex)) => {
                Ok(if any_line(regex, head) { Found::Line } else { Found::Nothing })
            }
            (_, None) => Ok(Found::Nothing), // only Add has no regex: see Keyword::action
        }
    }
}

fn field_line(name: &[u8], value: &[u8], line: &mut Vec<u8>) {
    line.clear();
    line.extend_from_slice(name);
    line.extend_from_slice(b": ");
    line.extend_from_slice(value);
}

fn any_line(regex: &Regex, head: &Head<'_>) -> bool {
    let mut line = Vec::new();
    regex.is_match(&head.first_line())
        || head.fields().iter().any(|(name, value)| {
            field_line(name, value, &mut line);
            regex.is_match(&line)
        })
}

fn replace(regex: &Regex, template: &[u8], head: &mut Head<'_>) -> Result<Found, ()> {
    let mut new = Vec::new();
    if regex.expand(&head.first_line(), template, &mut new) && !head.set_first_line(&new) {
        return Err(());
    }
    let mut line = Vec::new();
    let mut hit = false;
    let mut edited: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(head.fields().len());
    for (name, value) in head.fields().iter() {
        field_line(name, value, &mut line);
        new.clear();
        if !regex.expand(&line, template, &mut new) {
            edited.push((name.to_vec(), value.to_vec()));
            continue;
        }
        hit = true;
        // An empty replacement deletes the line, as in 1.x.
        if new.is_empty() {
            continue;
        }
        let (name, value) = split_field(&new).ok_or(())?;
        edited.push((name.to_vec(), value.to_vec()));
    }
    if hit {
        let fields = head.fields_mut();
        fields.clear();
        for (name, value) in &edited {
            fields.push(name, value);
        }
    }
    Ok(Found::Nothing)
}
