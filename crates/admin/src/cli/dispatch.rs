//! Finding the command, checking who asks, answering; `help`.

use bstr::{BStr, BString, ByteSlice};
use evenkeel_base::{Instant, Support, WallTime, near};
use evenkeel_proxy::runtime::Orders;
use evenkeel_proxy::world::World;

use super::command::{self, Call, Command, Mode, Reply, Session, Severity, SeverityOutput};
use super::line::{CommandLine, WORDS_MAX};
use crate::desk::Desk;

/// Commands that an unknown one may have meant, at most.
const SUGGESTIONS_MAX: usize = 5;
/// The width of a command and its arguments in `help`.
const HELP_WIDTH: usize = 40;

/// Runs one command line.
pub fn run(
    world: &World,
    orders: &Orders,
    desk: &Desk,
    session: &mut Session,
    line: &CommandLine,
    now: Instant,
    date: WallTime,
) -> Reply {
    if line.too_many {
        return Reply::error(format!("A command has at most {WORDS_MAX} words."));
    }
    if let Some(prefix) = line.words.first().filter(|w| w.starts_with(b"@")) {
        return Reply::error(format!(
            "'{prefix}' selects a process on the master's socket: not built yet: master-worker mode."
        ));
    }
    let Some(command) = find(&line.words) else { return unknown(session, &line.words) };
    if session.level < command.level {
        return Reply::error("Permission denied");
    }
    match command.mode {
        Mode::Any => {}
        Mode::Expert if session.expert => {}
        Mode::Experimental if session.experimental => {}
        Mode::Expert => return Reply::error("This command is restricted to expert mode only."),
        Mode::Experimental => return Reply::error("This command is restricted to experimental mode only."),
    }
    let mut call = Call {
        world,
        orders,
        desk,
        session,
        args: line.words.get(command.length()..).unwrap_or_default(),
        payload: line.payload.as_ref().map(|p| p.as_bstr()),
        command,
        now,
        date,
    };
    (command.run)(&mut call)
}

/// The command that these words begin with: of several the one with most words.
pub fn find(words: &[BString]) -> Option<&'static Command> {
    command::all().filter(|c| matched(c, words) == c.length()).max_by_key(|c| c.length())
}

/// How far a command is supported, written as the manual does: `set server <backend>/<server> addr`.
pub fn support(form: &str) -> Option<Support> {
    if form.starts_with('@') {
        return Some(Support::Refused("not built yet: master-worker mode"));
    }
    let plain: Vec<&str> = form.split_ascii_whitespace().filter(|w| !w.contains('<')).collect();
    let plain = plain.join(" ");
    if let Some((_, why)) = super::refused::FORMS.iter().find(|(f, _)| *f == plain) {
        return Some(Support::Refused(why));
    }
    find(&words(&plain)).map(|command| command.support)
}

/// How many of a command's words are there, in order.
fn matched(command: &Command, words: &[BString]) -> usize {
    command.words.split(' ').zip(words).take_while(|(a, b)| *b == a).count()
}

fn unknown(session: &Session, words: &[BString]) -> Reply {
    let near = nearest(session, words);
    let (head, commands) = if words.is_empty() || near.is_empty() {
        ("Unknown command. Please enter one of the following commands only:", listed(session))
    } else {
        ("Unknown command, but maybe one of the following ones is a better match:", near)
    };
    Reply::Say(Severity::Error, table(head, commands))
}

/// Every command that this connection could use, the topics' tables in one alphabet.
fn listed(session: &Session) -> Vec<&'static Command> {
    let mut all: Vec<_> = command::all().filter(|c| session.has(c.mode) && !is_own(c)).collect();
    all.sort_by_key(|c| c.words);
    all
}

/// The three that `help` always lists last.
fn is_own(command: &Command) -> bool {
    matches!(command.words, "help" | "prompt" | "quit")
}

/// The commands that begin with the same words, or whose words look like these.
fn nearest(session: &Session, words: &[BString]) -> Vec<&'static Command> {
    let all = listed(session);
    let known = all.iter().map(|c| matched(c, words)).max().unwrap_or(0);
    let mut left: Vec<_> = all.into_iter().filter(|c| matched(c, words) == known).collect();
    let Some(word) = words.get(known) else { return left };
    let word = word.to_str_lossy();
    let next = |c: &&Command| c.words.split(' ').nth(known).unwrap_or("");
    let starts: Vec<_> = left.iter().copied().filter(|c| next(c).starts_with(word.as_ref())).collect();
    if !starts.is_empty() {
        return starts;
    }
    let mut found = Vec::new();
    while found.len() < SUGGESTIONS_MAX {
        let Some(name) = near::nearest(&word, left.iter().map(next)) else { break };
        let (hits, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|c| next(c) == name);
        found.extend(hits);
        left = rest;
    }
    // A command that is right as far as it goes is helped best by all that may follow.
    if found.is_empty() && known > 0 { left } else { found }
}

/// `help`: all, or those that the words fit.
pub(super) fn help(call: &mut Call<'_>) -> Reply {
    let head = "The following commands are valid at this level:";
    let matches = if call.args.is_empty() { Vec::new() } else { nearest(call.session, call.args) };
    let commands = if matches.is_empty() { listed(call.session) } else { matches };
    Reply::Say(Severity::Info, table(head, commands))
}

fn table(head: &str, commands: Vec<&'static Command>) -> String {
    let mut text = format!("{head}\n");
    for c in commands.into_iter().filter(|c| !is_own(c)).chain(command::all().filter(|c| is_own(c))) {
        let usage = if c.args.is_empty() { c.words.to_string() } else { format!("{} {}", c.words, c.args) };
        let note = match c.support {
            Support::Refused(why) => format!(" ({why})"),
            Support::Supported | Support::Accepted(_) | Support::Obsolete(_) => String::new(),
        };
        text.push_str(&format!("  {usage:<HELP_WIDTH$}: {}{note}\n", c.doc));
    }
    text
}

/// A reply as bytes, with the empty line that ends it. Questions are answered elsewhere.
pub fn render(session: &Session, reply: Reply) -> Vec<u8> {
    let mut out = match reply {
        Reply::Done | Reply::Quit | Reply::Ask(_) => Vec::new(),
        Reply::Data(bytes) => bytes,
        Reply::Say(severity, text) => {
            let prefix = match session.severity {
                SeverityOutput::None => String::new(),
                SeverityOutput::Number => format!("[{}]: ", severity.number()),
                SeverityOutput::Word => format!("[{}]: ", severity.word()),
            };
            (prefix + &text).into_bytes()
        }
    };
    out.push(b'\n');
    out
}

/// Words of a test or a tool as the reader gives them.
pub fn words(text: &str) -> Vec<BString> {
    text.split_ascii_whitespace().map(|w| BStr::new(w).to_owned()).collect()
}
