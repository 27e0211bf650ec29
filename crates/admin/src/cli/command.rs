//! What a command is, and the list of all.

use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use evenkeel_base::{Instant, ProxyId, ServerId, Support, WallTime};
use evenkeel_plan::global::CliLevel;
use evenkeel_plan::{Plan, Proxy};
use evenkeel_proxy::runtime::Orders;
use evenkeel_proxy::world::World;

use super::{own, refused, servers, set, show, switch};
use crate::desk::Desk;

/// One entry of the registry.
pub struct Command {
    /// The words that name it.
    pub words: &'static str,
    /// Its arguments, as `help` shows them.
    pub args: &'static str,
    /// What it does, in a few words.
    pub doc: &'static str,
    /// The level needed; [`CliLevel::User`] for everybody.
    pub level: CliLevel,
    /// The mode needed.
    pub mode: Mode,
    /// How far it is supported.
    pub support: Support,
    /// Does it.
    pub run: fn(&mut Call<'_>) -> Reply,
}

/// Modes that keep dangerous commands out of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Always there.
    Any,
    /// After `expert-mode on`.
    Expert,
    /// After `experimental-mode on`.
    Experimental,
}

/// A supported command for everybody.
pub(super) const fn command(
    words: &'static str,
    args: &'static str,
    doc: &'static str,
    run: fn(&mut Call<'_>) -> Reply,
) -> Command {
    Command { words, args, doc, level: CliLevel::User, mode: Mode::Any, support: Support::Supported, run }
}

impl Command {
    /// The same for operators and administrators.
    pub(super) const fn operator(mut self) -> Self {
        self.level = CliLevel::Operator;
        self
    }

    /// The same for administrators.
    pub(super) const fn admin(mut self) -> Self {
        self.level = CliLevel::Admin;
        self
    }

    /// The same in expert mode only.
    pub(super) const fn expert(mut self) -> Self {
        self.mode = Mode::Expert;
        self
    }

    /// The same in experimental mode only.
    pub(super) const fn experimental(mut self) -> Self {
        self.mode = Mode::Experimental;
        self
    }

    /// How many words name it.
    pub fn length(&self) -> usize {
        self.words.split(' ').count()
    }
}

/// All commands, a table per topic.
pub const ALL: &[&[Command]] = &[own::ALL, show::ALL, servers::ALL, set::ALL, switch::ALL, refused::ALL];

/// All commands in one row.
pub fn all() -> impl Iterator<Item = &'static Command> {
    ALL.iter().copied().flatten()
}

/// How grave a message is; shown after `set severity-output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// 3
    Error,
    /// 4
    Warning,
    /// 6
    Info,
}

impl Severity {
    /// The syslog number.
    pub fn number(self) -> u8 {
        match self {
            Severity::Error => 3,
            Severity::Warning => 4,
            Severity::Info => 6,
        }
    }

    /// The syslog word.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "err",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// What a command answers. An empty line follows each answer.
#[derive(Debug)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// A message.
    Say(Severity, String),
    /// Data.
    Data(Vec<u8>),
    /// The answer needs others: ask them.
    Ask(Question),
    /// Hang up.
    Quit,
}

impl Reply {
    /// A line that says what was wrong.
    pub fn error(text: impl Into<String>) -> Reply {
        Reply::Say(Severity::Error, text.into() + "\n")
    }

    /// A line that says what is.
    pub fn info(text: impl Into<String>) -> Reply {
        Reply::Say(Severity::Info, text.into() + "\n")
    }

    /// A line that says what was done.
    pub fn warning(text: impl Into<String>) -> Reply {
        Reply::Say(Severity::Warning, text.into() + "\n")
    }
}

/// What only others know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// `show sess`: all sessions, or one; with details.
    Sessions {
        /// Only this one.
        id: Option<u64>,
        /// Several lines each.
        details: bool,
    },
    /// `shutdown session`.
    Kill(u64),
    /// `wait`.
    Wait(Duration),
}

/// How messages show their severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SeverityOutput {
    /// Not at all.
    #[default]
    None,
    /// `[3]: `
    Number,
    /// `[err]: `
    Word,
}

/// One connection's settings.
#[derive(Clone, Debug)]
pub struct Session {
    /// What it may do.
    pub level: CliLevel,
    /// `prompt`.
    pub interactive: bool,
    /// `set severity-output`.
    pub severity: SeverityOutput,
    /// `expert-mode`.
    pub expert: bool,
    /// `experimental-mode`.
    pub experimental: bool,
    /// How long it may be idle.
    pub timeout: Duration,
}

impl Session {
    /// A fresh connection.
    pub fn new(level: CliLevel, timeout: Duration) -> Self {
        Self {
            level,
            interactive: false,
            severity: SeverityOutput::None,
            expert: false,
            experimental: false,
            timeout,
        }
    }

    /// True if the mode is on.
    pub fn has(&self, mode: Mode) -> bool {
        match mode {
            Mode::Any => true,
            Mode::Expert => self.expert,
            Mode::Experimental => self.experimental,
        }
    }
}

/// Everything a command sees.
pub struct Call<'a> {
    /// The live state.
    pub world: &'a World,
    /// The shards.
    pub orders: &'a Orders,
    /// The process.
    pub desk: &'a Desk,
    /// The connection.
    pub session: &'a mut Session,
    /// The words after the command's own.
    pub args: &'a [BString],
    /// What followed `<<`.
    pub payload: Option<&'a BStr>,
    /// The command.
    pub command: &'static Command,
    /// The monotonic clock.
    pub now: Instant,
    /// The date.
    pub date: WallTime,
}

impl<'a> Call<'a> {
    /// An argument by position; empty if it is not there.
    pub fn arg(&self, at: usize) -> &'a BStr {
        self.args.get(at).map_or(BStr::new(""), |w| w.as_bstr())
    }

    /// True if one of the arguments is this word.
    pub fn has_word(&self, word: &str) -> bool {
        self.args.iter().any(|w| w == word)
    }

    /// The Plan.
    pub fn plan(&self) -> &'a Plan {
        &self.world.plan
    }

    /// A backend named or, as `#2`, numbered by an argument.
    pub fn backend(&self, name: &BStr) -> Option<&'a Proxy> {
        find_proxy(self.plan(), name, |p| p.back.is_some())
    }

    /// `backend/server`, each by name or by `#` and number.
    pub fn server(&self, text: &BStr) -> Result<ServerId, Reply> {
        find_server(self.plan(), text)
    }

    /// A frontend by name or number.
    pub fn frontend(&self, name: &BStr) -> Result<ProxyId, Reply> {
        if name.is_empty() {
            return Err(Reply::error("A frontend name is expected."));
        }
        find_proxy(self.plan(), name, |p| p.front.is_some())
            .map(|p| p.id)
            .ok_or_else(|| Reply::error("No such frontend."))
    }
}

/// A proxy by name, or by `#` and number.
pub(crate) fn find_proxy<'p>(plan: &'p Plan, name: &BStr, is: fn(&Proxy) -> bool) -> Option<&'p Proxy> {
    let number = numbered(name);
    plan.proxies.iter().find(|p| is(p) && (name == p.name.as_str() || number == Some(p.number)))
}

fn numbered(name: &BStr) -> Option<u32> {
    name.strip_prefix(b"#")?.to_str().ok()?.parse().ok()
}

/// A server by `backend/server`.
pub(crate) fn find_server(plan: &Plan, text: &BStr) -> Result<ServerId, Reply> {
    let Some((backend, server)) = text.split_once_str("/") else {
        return Err(Reply::error("Require 'backend/server'."));
    };
    let Some(proxy) = find_proxy(plan, backend.as_bstr(), |p| p.back.is_some()) else {
        return Err(Reply::error("No such backend."));
    };
    server_of(plan, proxy, server.as_bstr()).ok_or_else(|| Reply::error("No such server."))
}

/// A server of a backend by name, or by `#` and number.
pub(crate) fn server_of(plan: &Plan, proxy: &Proxy, name: &BStr) -> Option<ServerId> {
    let number = numbered(name);
    let back = proxy.back.as_ref()?;
    back.servers.iter().copied().find(|id| {
        let server = plan.server(*id);
        name == server.name.as_str() || number == Some(server.number)
    })
}

/// A number as C's `atol` reads it: what stands at the start, 0 for anything else.
pub(super) fn loose_number(text: &BStr) -> i64 {
    let text = text.to_str_lossy();
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.get(sign..).unwrap_or("").bytes().take_while(u8::is_ascii_digit).count();
    let number = text.get(..sign + digits).unwrap_or("");
    number.parse().unwrap_or(match (digits, number.starts_with('-')) {
        (0, _) => 0,
        (_, true) => i64::MIN,
        (_, false) => i64::MAX,
    })
}
