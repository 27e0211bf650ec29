//! The registry of actions and the parser of rule lines.

use evenkeel_base::{Diagnostic, Level, Span, Support, Word, Words, near};
use evenkeel_expr::regex::Regex;
use evenkeel_expr::{AclTable, Cond, Expr, LogFormat, Names, Place, Use};

use crate::action::Action;
use crate::actions;
use crate::set::{RuleSet, Sets, Stage};

/// One action in one or several rule sets. A name that means different things in different sets has an entry each.
pub struct Entry {
    /// The name, without the part in parentheses.
    pub name: &'static str,
    /// Where it may stand.
    pub sets: Sets,
    /// How far it is supported.
    pub support: Support,
    /// What it does, one sentence without a final dot.
    pub doc: &'static str,
    /// A rule line after the set's keyword; empty for refused ones.
    pub example: &'static str,
    pub(crate) parse: Parse,
}

/// Reads an action's arguments up to the condition.
pub(crate) type Parse = fn(&mut Words<'_>, &mut Context<'_>) -> Result<Action, Diagnostic>;

impl Entry {
    pub(crate) const fn new(
        name: &'static str,
        sets: Sets,
        parse: Parse,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, sets, support: Support::Supported, doc, example, parse }
    }

    pub(crate) const fn refused(
        name: &'static str,
        sets: Sets,
        why: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            sets,
            support: Support::Refused(why),
            doc,
            example: "",
            parse: |_, _| Ok(Action::Nothing),
        }
    }

    pub(crate) const fn accepted(mut self, why: &'static str) -> Self {
        self.support = Support::Accepted(why);
        self
    }
}

/// All entries, by topic.
pub const ALL: &[&[Entry]] = &[
    actions::flow::ENTRIES,
    actions::headers::ENTRIES,
    actions::target::ENTRIES,
    actions::variables::ENTRIES,
    actions::session::ENTRIES,
    actions::others::ENTRIES,
];

/// Every entry.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    ALL.iter().flat_map(|topic| topic.iter())
}

/// The action of that name in a rule set.
pub fn find(set: RuleSet, name: &str) -> Option<&'static Entry> {
    entries().find(|e| e.name == name && e.sets.has(set))
}

/// A rule, compiled.
#[derive(Clone, Debug)]
pub struct Rule {
    /// When; `None`: always.
    pub cond: Option<Cond>,
    /// What.
    pub action: Action,
    /// Which group of the list it belongs to.
    pub stage: Stage,
    /// The line.
    pub span: Span,
}

/// Brings a list into its order of evaluation. Rules of one group keep their order.
pub fn order(rules: &mut [Rule]) {
    rules.sort_by_key(|r| r.stage);
}

/// What surrounds the line that is read.
pub struct Context<'c> {
    /// The list that the rule goes to.
    pub set: RuleSet,
    /// Named ACLs seen so far.
    pub acls: &'c AclTable,
    /// Everything else that has a name.
    pub names: &'c mut dyn Names,
    /// Name of the section, which is the default realm of `auth`.
    pub section: &'c str,
    /// True in backends: request rules there know which backend was chosen.
    pub backend: bool,
    /// The action's name as written and what stands in its parentheses.
    pub(crate) head: Head,
}

/// An action's first word, taken apart.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) name: Option<Word>,
    pub(crate) argument: Option<Word>,
}

impl<'c> Context<'c> {
    /// The surroundings of a line.
    pub fn new(set: RuleSet, acls: &'c AclTable, names: &'c mut dyn Names, section: &'c str) -> Self {
        Self { set, acls, names, section, backend: false, head: Head::default() }
    }

    /// What expressions of this line may look at.
    pub fn place(&self) -> Place {
        match self.set {
            RuleSet::QuicInitial | RuleSet::TcpConnection => Place::TcpConnection,
            RuleSet::TcpSession => Place::TcpSession,
            RuleSet::TcpContent | RuleSet::HttpRequest if self.backend => Place::BackendRequest,
            RuleSet::TcpContent | RuleSet::HttpRequest => Place::FrontendRequest,
            RuleSet::TcpResponse | RuleSet::HttpResponse | RuleSet::HttpAfterResponse => Place::Response,
        }
    }

    /// A log-format string that becomes part of a message.
    pub(crate) fn format(&mut self, word: &Word) -> Result<LogFormat, Diagnostic> {
        self.format_for(word, Use::Http)
    }

    /// A log-format string.
    pub(crate) fn format_for(&mut self, word: &Word, how: Use) -> Result<LogFormat, Diagnostic> {
        let format = LogFormat::parse(word, self.names, how)?;
        self.first_error(format.check(self.place()))?;
        Ok(format)
    }

    /// A sample expression.
    pub(crate) fn expr(&mut self, words: &mut Words<'_>) -> Result<Expr, Diagnostic> {
        let expr = Expr::parse_words(words, self.names)?;
        self.first_error(expr.check(self.place()))?;
        Ok(expr)
    }

    /// One fault is enough for one value; what is less than an error is a warning.
    fn first_error(&mut self, found: Vec<Diagnostic>) -> Result<(), Diagnostic> {
        for diagnostic in found {
            match diagnostic.level {
                Level::Error => return Err(diagnostic),
                Level::Diag | Level::Notice | Level::Warning => self.names.warn(diagnostic),
            }
        }
        Ok(())
    }

    /// A regular expression.
    pub(crate) fn regex(&mut self, word: &Word, ignore_case: bool) -> Result<Regex, Diagnostic> {
        Regex::new(word.bytes(), ignore_case)
            .map_err(|why| Diagnostic::error("invalid-regex", why.to_string(), word.span))
    }

    /// What stands in the parentheses of the action's name.
    pub(crate) fn argument(&self, what: &str) -> Result<Word, Diagnostic> {
        let place = self.head.name.as_ref().map(|w| w.span).unwrap_or_default();
        self.head.argument.clone().filter(|w| !w.text.is_empty()).ok_or_else(|| {
            Diagnostic::error("missing-argument", format!("{what} in parentheses is missing"), place.after())
        })
    }

    /// Content of a file named in the configuration.
    pub(crate) fn file(&mut self, word: &Word) -> Result<Vec<u8>, Diagnostic> {
        self.names.file(&word.str(), word.span).map_err(|why| {
            Diagnostic::error("unreadable-file", format!("cannot read `{word}`: {why}"), word.span)
        })
    }
}

/// Reads what follows a rule set's keyword: action, arguments, condition.
pub fn parse_rule(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Rule, Vec<Diagnostic>> {
    let start = words.peek().map_or(words.last_span(), |w| w.span);
    let entry = take_action(words, cx).map_err(|e| vec![e])?;
    let action = (entry.parse)(words, cx).map_err(|e| vec![e])?;
    let cond = parse_cond(words, cx)?;
    Ok(Rule { cond, action, stage: Stage::Main, span: start.to(words.last_span()) })
}

/// Reads what follows `stats http-request`: `allow`, `deny` or `auth`. The realm of the page is the default one of
/// `auth`: give it as [`Context::section`].
pub fn parse_stats_rule(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Rule, Vec<Diagnostic>> {
    match words.peek() {
        Some(w) if !(w.is("allow") || w.is("deny") || w.is("auth")) => {
            let message = format!("`{w}` is no action of stats http-request: allow, deny and auth are");
            Err(vec![Diagnostic::error("unknown-action", message, w.span)])
        }
        Some(_) | None => parse_rule(words, cx),
    }
}

/// Reads `if …` or `unless …`, if there is one, to the end of the line.
pub fn parse_cond(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<Option<Cond>, Vec<Diagnostic>> {
    match words.peek() {
        None => Ok(None),
        Some(w) if is_cond(w) => {
            let cond = Cond::parse(words, cx.acls, cx.names)?;
            words.finish().map_err(|e| vec![e])?;
            let place = cx.place();
            cond.check(place).into_iter().for_each(|warning| cx.names.warn(warning));
            Ok(Some(cond))
        }
        Some(w) => Err(vec![
            Diagnostic::error("surplus-argument", format!("`{w}` is not known here"), w.span)
                .help("What follows an action's arguments is `if` or `unless` and a condition."),
        ]),
    }
}

/// True for the words that start a condition.
pub(crate) fn is_cond(word: &Word) -> bool {
    !word.quoted && (word.is("if") || word.is("unless"))
}

fn take_action(words: &mut Words<'_>, cx: &mut Context<'_>) -> Result<&'static Entry, Diagnostic> {
    let word = words.expect("an action")?;
    let text = word.bytes();
    let open = text.iter().position(|b| *b == b'(');
    let name = word.part(0, open.unwrap_or(text.len()));
    let argument = match open {
        None => None,
        Some(open) if text.last() == Some(&b')') => Some(word.part(open + 1, text.len() - 1)),
        Some(_) => {
            let message = format!("the parenthesis in `{word}` is never closed");
            return Err(Diagnostic::error("unclosed-parenthesis", message, word.span));
        }
    };
    let Some(entry) = find(cx.set, &name.str()) else {
        return Err(unknown(&name, cx.set));
    };
    cx.head = Head { name: Some(name), argument };
    if let Support::Refused(why) = entry.support {
        let name = format!("{} {}", cx.set.keyword(), entry.name);
        return Err(Diagnostic::error("refused", format!("'{name}' cannot be used: {why}"), word.span));
    }
    Ok(entry)
}

fn unknown(name: &Word, set: RuleSet) -> Diagnostic {
    let text = name.str();
    if text.starts_with("lua.") {
        let message = format!("'{} {text}' cannot be used: not built yet: Lua", set.keyword());
        return Diagnostic::error("refused", message, name.span);
    }
    let elsewhere: Vec<&str> =
        ALL_SETS.iter().filter(|other| find(**other, &text).is_some()).map(|other| other.keyword()).collect();
    let error =
        Diagnostic::error("unknown-action", format!("`{text}` is no action of {}", set.keyword()), name.span);
    if !elsewhere.is_empty() {
        return error.help(format!("It exists in {}.", elsewhere.join(", ")));
    }
    let known = entries().filter(|e| e.sets.has(set)).map(|e| e.name);
    match near::nearest(&text, known) {
        Some(near) => error.help(format!("Did you mean `{near}`?")),
        None => error,
    }
}

const ALL_SETS: [RuleSet; 8] = [
    RuleSet::QuicInitial,
    RuleSet::TcpConnection,
    RuleSet::TcpSession,
    RuleSet::TcpContent,
    RuleSet::TcpResponse,
    RuleSet::HttpRequest,
    RuleSet::HttpResponse,
    RuleSet::HttpAfterResponse,
];
