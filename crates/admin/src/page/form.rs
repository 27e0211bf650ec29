//! The administrators' form: `s` servers, `action`, `b` backend, as the original's form and the scripts that post to it
//! have them.

use bstr::{BString, ByteSlice};
use evenkeel_base::{Instant, ServerId};
use evenkeel_http::uri::{Plus, percent_decode};
use evenkeel_proxy::world::{Admin, Health, World};

use crate::cli::command::{find_proxy, server_of};
use crate::deeds;

/// What the form can do, with its words on the page.
pub(super) const ACTIONS: &[(&str, &str)] = &[
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill sessions"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    State(Admin),
    Checks(bool),
    Force(Health),
    AgentChecks(bool),
    ForceAgent(bool),
    Shutdown,
}

impl Action {
    fn named(name: &[u8]) -> Option<Action> {
        Some(match name {
            // `stop` and `start` are of older releases' forms.
            b"ready" | b"start" => Action::State(Admin::Ready),
            b"drain" => Action::State(Admin::Drain),
            b"maint" | b"stop" => Action::State(Admin::Maint),
            b"dhlth" => Action::Checks(false),
            b"ehlth" => Action::Checks(true),
            b"hrunn" => Action::Force(Health::Up),
            b"hnolb" => Action::Force(Health::Stopping),
            b"hdown" => Action::Force(Health::Down),
            b"dagent" => Action::AgentChecks(false),
            b"eagent" => Action::AgentChecks(true),
            b"arunn" => Action::ForceAgent(true),
            b"adown" => Action::ForceAgent(false),
            b"shutdown" => Action::Shutdown,
            _ => return None,
        })
    }

    /// Does it; true if there was something to do.
    fn run(self, world: &World, id: ServerId, now: Instant) -> bool {
        match self {
            Action::State(admin) => {
                world.set_admin(id, admin, now);
                true
            }
            Action::Checks(on) => deeds::switch_check(world, id, on).unwrap_or(false),
            Action::Force(health) => deeds::force_health(world, id, health, now).is_ok(),
            Action::AgentChecks(on) => deeds::switch_agent(world, id, on).unwrap_or(false),
            Action::ForceAgent(up) => deeds::force_agent(world, id, up, now).is_ok(),
            Action::Shutdown => {
                deeds::shut_sessions(world, id);
                true
            }
        }
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All was done.
    Done,
    /// Some servers were not known.
    Partial,
    /// There was nothing to do.
    Nothing,
    /// The form made no sense.
    Invalid,
    /// Not for this user.
    Denied,
}

impl Outcome {
    /// As the address says it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Outcome::Done => "DONE",
            Outcome::Partial => "PART",
            Outcome::Nothing => "NONE",
            Outcome::Invalid => "ERRP",
            Outcome::Denied => "DENY",
        }
    }

    /// What the page says of a code, and whether it is good.
    pub(super) fn words(code: &str) -> (bool, &'static str) {
        match code {
            "DONE" => (true, "Done."),
            "NONE" => (false, "Nothing has changed."),
            "PART" => (false, "Done in part: some of the servers are not known here."),
            "ERRP" => (false, "Nothing was done: the form names no known backend, server or action."),
            "EXCD" => (false, "Nothing was done: the form is too long. Check fewer servers at once."),
            "DENY" => (false, "Nothing was done: this page is for reading only."),
            _ => (false, "How it went is not known."),
        }
    }
}

/// Does what a form says.
pub(super) fn act(world: &World, body: &[u8], now: Instant) -> Outcome {
    let fields = fields(body);
    let last = |name: &[u8]| fields.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_bstr());
    let servers: Vec<&BString> = fields.iter().filter(|(n, _)| n == "s").map(|(_, v)| v).collect();
    if servers.is_empty() {
        return Outcome::Nothing;
    }
    let Some(action) = last(b"action").and_then(|name| Action::named(name)) else {
        return Outcome::Invalid;
    };
    let Some(proxy) = last(b"b").and_then(|name| find_proxy(&world.plan, name, |p| p.back.is_some())) else {
        return Outcome::Invalid;
    };
    let known: Vec<ServerId> =
        servers.iter().filter_map(|name| server_of(&world.plan, proxy, name.as_bstr())).collect();
    if known.is_empty() {
        return Outcome::Invalid;
    }
    let done = known.iter().filter(|id| action.run(world, **id, now)).count();
    match (done, known.len() < servers.len()) {
        (0, _) => Outcome::Nothing,
        (_, true) => Outcome::Partial,
        (_, false) => Outcome::Done,
    }
}

/// Names and values of `application/x-www-form-urlencoded`; what cannot be decoded is left out.
fn fields(body: &[u8]) -> Vec<(BString, BString)> {
    body.split(|b| *b == b'&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once_str("=")?;
            let decode = |text: &[u8]| percent_decode(text, Plus::Everywhere).map(BString::from);
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}
