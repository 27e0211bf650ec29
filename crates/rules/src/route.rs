//! Rules that choose a backend or a server, and those that decide about persistence and monitoring.

use evenkeel_base::{Diagnostic, ProxyId, ServerId, Span, Words};
use evenkeel_expr::{Cond, Env, LogFormat, Use};

use crate::registry::{Context, parse_cond};

/// `use_backend`.
#[derive(Clone, Debug)]
pub struct UseBackend {
    /// Which.
    pub target: BackendTarget,
    /// When; `None`: always.
    pub cond: Option<Cond>,
    /// The line.
    pub span: Span,
}

/// A backend, or how its name is found.
#[derive(Clone, Debug)]
pub enum BackendTarget {
    /// Known when the file is read.
    Static(ProxyId),
    /// Found per request.
    Dynamic(LogFormat),
}

/// `use-server`.
#[derive(Clone, Debug)]
pub struct UseServer {
    /// Which.
    pub target: ServerTarget,
    /// When; `None`: always.
    pub cond: Option<Cond>,
    /// The line.
    pub span: Span,
}

/// A server, or how its name is found.
#[derive(Clone, Debug)]
pub enum ServerTarget {
    /// Known when the file is read.
    Static(ServerId),
    /// Found per request.
    Dynamic(LogFormat),
}

/// `force-persist`, `ignore-persist`, `monitor fail`: a condition and its line.
#[derive(Clone, Debug)]
pub struct When {
    /// When; `None`: always.
    pub cond: Option<Cond>,
    /// The line.
    pub span: Span,
}

impl When {
    /// Reads a condition that must be there.
    pub fn parse(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<When, Vec<Diagnostic>> {
        let start = words.last_span();
        let cond = parse_cond(words, cx)?;
        if cond.is_none() {
            let place = words.last_span().after();
            let error =
                Diagnostic::error("missing-argument", "`if` or `unless` and a condition are missing", place);
            return Err(vec![error]);
        }
        Ok(When { cond, span: start.to(words.last_span()) })
    }

    /// True if one of the conditions holds.
    pub fn any(rules: &[When], env: &Env<'_>) -> bool {
        rules.iter().any(|r| holds(r.cond.as_ref(), env))
    }
}

fn holds(cond: Option<&Cond>, env: &Env<'_>) -> bool {
    cond.is_none_or(|c| c.holds(env))
}

impl UseBackend {
    /// Reads what follows `use_backend`.
    pub fn parse(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<UseBackend, Vec<Diagnostic>> {
        let start = words.last_span();
        let word = words.expect("the name of a backend").map_err(|e| vec![e])?;
        let target = match cx.names.backend(&word.str()) {
            Some(id) => BackendTarget::Static(id),
            None if word.bytes().contains(&b'%') => {
                BackendTarget::Dynamic(cx.format_for(word, Use::Plain).map_err(|e| vec![e])?)
            }
            None => {
                let message = format!("there is no backend named `{word}`");
                return Err(vec![Diagnostic::error("unknown-backend", message, word.span)]);
            }
        };
        let cond = parse_cond(words, cx)?;
        Ok(UseBackend { target, cond, span: start.to(words.last_span()) })
    }

    /// The backend of the first rule that holds. `None` leaves the choice to `default_backend`; so does a name found
    /// at run time that no backend has (configuration manual: `use_backend`).
    pub fn choose(rules: &[UseBackend], env: &Env<'_>, text: &mut Vec<u8>) -> Option<ProxyId> {
        let rule = rules.iter().find(|r| holds(r.cond.as_ref(), env))?;
        match &rule.target {
            BackendTarget::Static(id) => Some(*id),
            BackendTarget::Dynamic(format) => {
                text.clear();
                format.render(env, text);
                env.world.backend_named(text)
            }
        }
    }
}

impl UseServer {
    /// Reads what follows `use-server`.
    pub fn parse(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<UseServer, Vec<Diagnostic>> {
        let start = words.last_span();
        let word = words.expect("the name of a server").map_err(|e| vec![e])?;
        let known = cx.names.current().and_then(|backend| cx.names.server(backend, &word.str()));
        let target = match known {
            Some(id) => ServerTarget::Static(id),
            None if word.bytes().contains(&b'%') => {
                ServerTarget::Dynamic(cx.format_for(word, Use::Plain).map_err(|e| vec![e])?)
            }
            None => {
                let message = format!("there is no server named `{word}` in this backend");
                return Err(vec![Diagnostic::error("unknown-server", message, word.span)]);
            }
        };
        let cond = parse_cond(words, cx)?;
        Ok(UseServer { target, cond, span: start.to(words.last_span()) })
    }

    /// The server of the first rule that holds and whose server `usable` accepts: a server that is down is passed
    /// over, and the next rules are tried (configuration manual: `use-server`).
    pub fn choose(
        rules: &[UseServer],
        backend: ProxyId,
        env: &Env<'_>,
        text: &mut Vec<u8>,
        mut usable: impl FnMut(ServerId) -> bool,
    ) -> Option<ServerId> {
        for rule in rules {
            if !holds(rule.cond.as_ref(), env) {
                continue;
            }
            let server = match &rule.target {
                ServerTarget::Static(id) => Some(*id),
                ServerTarget::Dynamic(format) => {
                    text.clear();
                    format.render(env, text);
                    env.world.server_named(backend, text)
                }
            };
            // A name that no server has ends the search, as in the original.
            let server = server?;
            if usable(server) {
                return Some(server);
            }
        }
        None
    }
}
