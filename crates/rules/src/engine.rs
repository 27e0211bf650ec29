//! The engine: walks a list of rules over an exchange.

use std::cell::RefCell;
use std::time::Duration;

use bstr::BString;
use evenkeel_base::Span;
use evenkeel_expr::env::{Stored, VarScope, Write};
use evenkeel_expr::{Answer, Blame, ConnFacts, Env, Phase, StreamFacts, World};
use evenkeel_http::{RequestHead, ResponseHead};

use crate::action::Action;
use crate::edit;
use crate::line::{Found, Head, LineDeed, LineRule};
use crate::registry::Rule;
use crate::reply::{self, Pages};
use crate::set::{RuleSet, Stage};

/// Most captures of one direction that a rule may fill: far more than a log line has.
const CAPTURES_MAX: usize = 1024;
/// Most variables of one exchange.
const VARIABLES_MAX: usize = 65_536;

/// What a list of rules looks at and changes.
pub struct Exchange<'x> {
    /// The client's connection. `set-src` and `set-dst` change it: HTTP rules get the exchange's own copy where the
    /// list has such rules ([`changes_addresses`]).
    pub conn: &'x mut ConnFacts,
    /// The exchange so far.
    pub stream: &'x mut StreamFacts,
    /// The request's head.
    pub req: Option<&'x mut RequestHead>,
    /// The response's head.
    pub res: Option<&'x mut ResponseHead>,
    /// What is buffered of the body or stream in the direction being judged.
    pub payload: &'x [u8],
    /// True if no more payload will come.
    pub payload_complete: bool,
    /// True where nothing more is waited for; see [`Env::settled`].
    pub settled: bool,
    /// True for requests to a proxy (`option http-use-proxy-header`): `auth` asks with 407 then.
    pub to_proxy: bool,
    /// Everything outside.
    pub world: &'x dyn World,
    /// Changes that expressions asked the world for.
    pub writes: &'x Writes,
    /// The section's pages.
    pub pages: &'x dyn Pages,
    /// What the proxy must do besides.
    pub effects: &'x mut Effects,
}

impl Exchange<'_> {
    /// The same for expressions.
    pub fn env(&self) -> Env<'_> {
        Env {
            conn: self.conn,
            stream: self.stream,
            req: self.req.as_deref(),
            res: self.res.as_deref(),
            payload: self.payload,
            payload_complete: self.payload_complete,
            settled: self.settled,
            world: self.world,
        }
    }
}

/// Deeds that the proxy carries out after a list of rules, whatever its verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Rewrites that failed: counted as `wrew`.
    pub failed_rewrites: u32,
    /// `disable-l7-retry`: only failed connections may be tried again.
    pub no_retry: bool,
    /// Field lines of a 103 answer (`early-hint`), each with its line end; sent before the final answer.
    pub early_hints: Vec<u8>,
}

/// Changes that expressions ask for (`set-var`, `capture-req` as converters). [`World::write`] puts them here; the
/// engine carries out those of the exchange before the next rule. Variables of the session and the process have
/// another home: the world keeps them at once and does not put them here.
#[derive(Debug, Default)]
pub struct Writes(RefCell<Vec<Write>>);

impl Writes {
    /// Keeps a change until it is applied.
    pub fn push(&self, write: Write) {
        self.0.borrow_mut().push(write);
    }

    /// What is asked for a variable and not applied yet ([`World::written`]).
    pub fn variable(&self, scope: VarScope, slot: u32) -> Option<Option<Stored>> {
        self.0.borrow().iter().rev().find_map(|write| match write {
            Write::Var { scope: s, slot: n, value } if (*s, *n) == (scope, slot) => Some(value.clone()),
            Write::Var { .. } | Write::CaptureRequest { .. } | Write::CaptureResponse { .. } => None,
        })
    }

    /// Forgets what was asked for: who ends an exchange leaves nothing to the next one.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Applies and forgets what was asked for.
    pub fn apply(&self, stream: &mut StreamFacts) {
        if self.0.borrow().is_empty() {
            return;
        }
        for write in self.0.borrow_mut().drain(..) {
            match write {
                Write::Var { scope: VarScope::Txn | VarScope::Req | VarScope::Res, slot, value } => {
                    if let Some(place) = slot_of(&mut stream.vars, slot, VARIABLES_MAX) {
                        *place = value;
                    }
                }
                // The world keeps these itself.
                Write::Var { scope: VarScope::Sess | VarScope::Proc, .. } => {}
                Write::CaptureRequest { slot, value } => keep(&mut stream.request_captures, slot, value),
                Write::CaptureResponse { slot, value } => keep(&mut stream.response_captures, slot, value),
            }
        }
    }
}

/// The place of a slot; the list grows to it. `None` past the bound.
pub(crate) fn slot_of<T>(list: &mut Vec<Option<T>>, slot: u32, max: usize) -> Option<&mut Option<T>> {
    let slot = slot as usize;
    if slot >= max {
        return None;
    }
    if list.len() <= slot {
        list.resize_with(slot + 1, || None);
    }
    list.get_mut(slot)
}

/// Fills a capture slot.
pub(crate) fn keep(captures: &mut Vec<Option<BString>>, slot: u32, value: BString) {
    if let Some(place) = slot_of(captures, slot, CAPTURES_MAX) {
        *place = Some(value);
    }
}

/// Sets a variable, wherever it lives.
pub(crate) fn set_variable(x: &mut Exchange<'_>, variable: crate::action::Variable, value: Option<Stored>) {
    match variable.scope {
        VarScope::Txn | VarScope::Req | VarScope::Res => {
            if let Some(place) = slot_of(&mut x.stream.vars, variable.slot, VARIABLES_MAX) {
                *place = value;
            }
        }
        VarScope::Sess | VarScope::Proc => {
            x.world.write(Write::Var { scope: variable.scope, slot: variable.slot, value });
        }
    }
}

/// Memory that is used again for every list: one per shard is enough.
#[derive(Debug)]
pub struct Scratch {
    /// The answer, after a verdict that has one. For `http-after-response`, take its head out, walk the list with it
    /// as the response, and put it back.
    pub answer: reply::Answer,
    pub(crate) value: Vec<u8>,
    pub(crate) other: Vec<u8>,
    /// `strict-mode` of the list that is being walked.
    strict: bool,
    /// A line rule allowed the request: later ones cannot deny it.
    allowed: bool,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            answer: reply::Answer::default(),
            value: Vec::new(),
            other: Vec::new(),
            strict: true,
            allowed: false,
        }
    }
}

/// What a list of rules decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule ended the evaluation.
    Continue,
    /// A rule lets it pass: nothing more of this list counts.
    Accept,
    /// Send [`Scratch::answer`]; counts as denied.
    Deny,
    /// Send it after `timeout tarpit`; counts as denied.
    Tarpit,
    /// Send it; `return`.
    Return,
    /// Send it; `redirect`.
    Redirect,
    /// Send it; `auth`.
    Auth,
    /// Close without an answer.
    Reject,
    /// Close towards the server.
    Close,
    /// Drop the client without a sign.
    SilentDrop,
    /// Wait for the body, then go on at [`Outcome::at`].
    WaitForBody {
        /// For so long at most.
        time: Duration,
        /// Until so many bytes are there; 0: all of them.
        at_least: u64,
    },
    /// A condition cannot be decided yet: bring more payload, or settle, and walk the list again from its start.
    WaitForData,
    /// A rewrite failed in strict mode: send [`Scratch::answer`], which is the 500 page.
    Failed,
}

impl Verdict {
    /// Who ended the exchange and when, for the log line (configuration manual §8.5); `None` if it goes on.
    pub fn termination(self, set: RuleSet) -> Option<(Blame, Phase)> {
        let phase = if set.is_response() { Phase::Headers } else { Phase::Request };
        match self {
            Verdict::Continue | Verdict::Accept | Verdict::WaitForBody { .. } | Verdict::WaitForData => None,
            Verdict::Deny => Some((Blame::Proxy, phase)),
            Verdict::Tarpit => Some((Blame::Proxy, Phase::Tarpit)),
            Verdict::Return | Verdict::Redirect | Verdict::Auth => Some((Blame::Local, phase)),
            // The original says so for responses too; a server's data that is rejected ends in its data phase.
            Verdict::Reject if set == RuleSet::TcpResponse => Some((Blame::Proxy, Phase::Data)),
            Verdict::Reject | Verdict::SilentDrop => Some((Blame::Proxy, Phase::Request)),
            Verdict::Close => Some((Blame::Server, phase)),
            Verdict::Failed => Some((Blame::Internal, phase)),
        }
    }
}

/// A verdict and the rule that spoke it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was decided.
    pub verdict: Verdict,
    /// Where to go on after [`Verdict::WaitForBody`]; the number of rules otherwise.
    pub at: usize,
    /// The line of the rule that decided.
    pub rule: Option<Span>,
}

/// What one action came to.
pub(crate) enum Step {
    /// Go on.
    Next,
    /// Go on; the edit could not be made.
    RewriteFailed,
    /// No more rules of this group.
    EndStage(Verdict),
    /// No more rules.
    End(Verdict),
}

/// Walks a list from rule `from` on (0, or [`Outcome::at`] of a wait). The list is in its order of evaluation
/// ([`crate::registry::order`]).
pub fn run(rules: &[Rule], from: usize, x: &mut Exchange<'_>, scratch: &mut Scratch) -> Outcome {
    if from == 0 {
        scratch.strict = true;
        scratch.allowed = false;
    }
    let done = |verdict, rule| Outcome { verdict, at: rules.len(), rule };
    let mut ended: Option<(Stage, Verdict, Span)> = None;
    for (at, rule) in rules.iter().enumerate().skip(from) {
        if ended.is_some_and(|(stage, ..)| stage == rule.stage) {
            continue;
        }
        if let Some(cond) = &rule.cond {
            let answer = cond.answer(&x.env());
            x.writes.apply(x.stream);
            match answer {
                Answer::Yes => {}
                Answer::Unknown if !x.settled => return done(Verdict::WaitForData, Some(rule.span)),
                Answer::No | Answer::Unknown => continue,
            }
        }
        let step = act(&rule.action, x, scratch);
        x.writes.apply(x.stream);
        match step {
            Step::Next => {}
            Step::RewriteFailed => {
                x.effects.failed_rewrites = x.effects.failed_rewrites.saturating_add(1);
                if scratch.strict {
                    scratch.answer.page(500, x.pages);
                    return done(Verdict::Failed, Some(rule.span));
                }
            }
            Step::EndStage(verdict) => ended = Some((rule.stage, verdict, rule.span)),
            Step::End(verdict @ Verdict::WaitForBody { .. }) => {
                return Outcome { verdict, at: at + 1, rule: Some(rule.span) };
            }
            Step::End(verdict) => return done(verdict, Some(rule.span)),
        }
    }
    match ended {
        Some((_, verdict, span)) => done(verdict, Some(span)),
        None => done(Verdict::Continue, None),
    }
}

/// True if a rule of the list changes the connection's addresses.
pub fn changes_addresses(rules: &[Rule]) -> bool {
    rules.iter().any(|r| matches!(r.action, Action::SetAddress { .. }))
}

fn act(action: &Action, x: &mut Exchange<'_>, scratch: &mut Scratch) -> Step {
    let Scratch { answer, value, other, .. } = scratch;
    match action {
        Action::Accept => Step::EndStage(Verdict::Accept),
        Action::Deny(reply) => {
            // Formats in the reply are about this answer.
            x.stream.status = reply.status;
            answer.reply(reply, &x.env(), x.pages, value);
            Step::End(Verdict::Deny)
        }
        Action::Tarpit(reply) => {
            // Formats in the reply are about this answer.
            x.stream.status = reply.status;
            answer.reply(reply, &x.env(), x.pages, value);
            Step::End(Verdict::Tarpit)
        }
        Action::Return(reply) => {
            // Formats in the reply are about this answer.
            x.stream.status = reply.status;
            answer.reply(reply, &x.env(), x.pages, value);
            Step::End(Verdict::Return)
        }
        Action::Redirect(redirect) => match redirect.answer(&x.env(), value, answer) {
            true => Step::End(Verdict::Redirect),
            false => Step::Next,
        },
        Action::Auth { realm } => {
            ask_for_password(realm, x, answer);
            Step::End(Verdict::Auth)
        }
        Action::Reject => Step::End(Verdict::Reject),
        Action::Close => Step::End(Verdict::Close),
        Action::SilentDrop => Step::End(Verdict::SilentDrop),
        Action::Header { name, value: format, replace } => edit::header(name, format, *replace, x, value),
        Action::DelHeader(names) => edit::del_header(names, x),
        Action::ReplaceHeader(replace) => edit::replace_header(replace, x, value, other),
        Action::SetTarget { part, value: format } => edit::set_target(*part, format, x, value),
        Action::ReplaceTarget(replace) => edit::replace_target(replace, x, value, other),
        Action::NormalizeUri(normalizer) => match edit::normalize(*normalizer, x) {
            Ok(()) => Step::Next,
            Err(()) => {
                // configuration manual: `normalize-uri … strict` answers broken sequences with 400.
                answer.page(400, x.pages);
                Step::End(Verdict::Return)
            }
        },
        Action::SetStatus { status, reason } => edit::set_status(*status, reason.as_deref(), x),
        Action::SetVar(set) => edit::set_var(set, x, value),
        Action::UnsetVar(variable) => {
            set_variable(x, *variable, None);
            Step::Next
        }
        Action::LogLevel(level) => {
            x.stream.log_level = Some(*level);
            Step::Next
        }
        Action::Capture(capture) => edit::capture(capture, x),
        Action::EarlyHint { name, value: format } => edit::early_hint(name, format, x, value),
        Action::SetAddress { side, port, value } => edit::set_address(*side, *port, value, x),
        Action::SetTimeout { which, value } => edit::set_timeout(*which, value, x),
        Action::WaitForBody { time, at_least } => wait_for_body(*time, *at_least, x),
        Action::Strict(on) => {
            scratch.strict = *on;
            Step::Next
        }
        Action::DisableL7Retry => {
            x.effects.no_retry = true;
            Step::Next
        }
        Action::Line(rule) => line(rule, x, scratch),
        Action::Nothing => Step::Next,
    }
}

fn wait_for_body(time: Duration, at_least: u64, x: &Exchange<'_>) -> Step {
    let enough = at_least > 0 && x.payload.len() as u64 >= at_least;
    match x.payload_complete || enough {
        true => Step::Next,
        false => Step::End(Verdict::WaitForBody { time, at_least }),
    }
}

fn ask_for_password(realm: &[u8], x: &Exchange<'_>, answer: &mut reply::Answer) {
    let (status, field) = match x.to_proxy {
        true => (407, "proxy-authenticate"),
        false => (401, "www-authenticate"),
    };
    answer.page(status, x.pages);
    let challenge = [b"Basic realm=\"", realm, b"\""].concat();
    answer.head.fields_mut().set(field, &challenge);
}

fn line(rule: &LineRule, x: &mut Exchange<'_>, scratch: &mut Scratch) -> Step {
    let refuses = match rule.deed {
        LineDeed::Deny | LineDeed::Tarpit | LineDeed::Pass | LineDeed::Allow => true,
        LineDeed::Add { .. } | LineDeed::Replace(_) | LineDeed::Delete => false,
    };
    if refuses && scratch.allowed {
        return Step::Next;
    }
    let denied = if x.res.is_some() { 502 } else { 403 };
    let mut head = match (x.res.as_deref_mut(), x.req.as_deref_mut()) {
        (Some(res), _) => Head::Response(res),
        (None, Some(req)) => Head::Request(req),
        (None, None) => return Step::Next,
    };
    match (rule.apply(&mut head), &rule.deed) {
        (Err(()), _) => Step::RewriteFailed,
        (Ok(Found::Nothing), _) => Step::Next,
        (Ok(Found::Line), LineDeed::Allow) => {
            scratch.allowed = true;
            Step::Next
        }
        (Ok(Found::Line), LineDeed::Pass) => Step::EndStage(Verdict::Continue),
        (Ok(Found::Line), LineDeed::Deny) => {
            scratch.answer.page(denied, x.pages);
            Step::End(Verdict::Deny)
        }
        (Ok(Found::Line), LineDeed::Tarpit) => {
            scratch.answer.page(500, x.pages);
            Step::End(Verdict::Tarpit)
        }
        (Ok(Found::Line), LineDeed::Add { .. } | LineDeed::Replace(_) | LineDeed::Delete) => Step::Next,
    }
}
