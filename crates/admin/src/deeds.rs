//! What commands and the page's form do to servers and counters. Every deed is one function, so that both doors agree.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use evenkeel_balance::Weight;
use evenkeel_base::{Instant, ListenerId, ProxyId, ServerId};
use evenkeel_proxy::world::{Cleared, Health, World};

use crate::rows;

/// Why a deed was not done, in the original's words where it has the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undone {
    /// The state of a server that tracks another one is that one's.
    #[error("cannot change health on a tracking server.")]
    Tracking,
    /// There is no agent check.
    #[error("agent checks are not enabled on this server.")]
    NoAgent,
    /// There is no health check to enable.
    #[error("Health check was not configured on this server, cannot enable.")]
    NoCheck,
    /// There is no agent check to enable.
    #[error("Agent was not configured on this server, cannot enable.")]
    NoAgentToEnable,
    /// There is no health check to change.
    #[error("health checks are not enabled on this server")]
    NoCheckToChange,
}

/// `set server … health`: a server with a check asks its machine; others change at once.
pub fn force_health(world: &World, id: ServerId, to: Health, now: Instant) -> Result<(), Undone> {
    if world.plan.server(id).line.track.is_some() {
        return Err(Undone::Tracking);
    }
    world.force_health(id, to, false, now);
    Ok(())
}

/// `set server … agent`.
pub fn force_agent(world: &World, id: ServerId, up: bool, now: Instant) -> Result<(), Undone> {
    if world.plan.server(id).line.agent.is_none() || !world.server(id).agent_enabled.load(Relaxed) {
        return Err(Undone::NoAgent);
    }
    world.force_health(id, if up { Health::Up } else { Health::Down }, true, now);
    Ok(())
}

/// `enable health`, `disable health`. True if it changed anything.
pub fn switch_check(world: &World, id: ServerId, on: bool) -> Result<bool, Undone> {
    if !world.plan.server(id).line.check {
        return if on { Err(Undone::NoCheck) } else { Ok(false) };
    }
    let changes = world.server(id).check_enabled.load(Relaxed) != on;
    world.enable_check(id, false, on);
    Ok(changes)
}

/// `enable agent`, `disable agent`. True if it changed anything.
pub fn switch_agent(world: &World, id: ServerId, on: bool) -> Result<bool, Undone> {
    if world.plan.server(id).line.agent.is_none() {
        return if on { Err(Undone::NoAgentToEnable) } else { Ok(false) };
    }
    let changes = world.server(id).agent_enabled.load(Relaxed) != on;
    world.enable_check(id, true, on);
    Ok(changes)
}

/// `shutdown sessions server`.
pub fn shut_sessions(world: &World, id: ServerId) {
    world.shut_sessions(id);
}

/// What is wrong with a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWeight {
    /// No digits at its start.
    #[error("Empty weight string empty or preceded by garbage")]
    Empty,
    /// Something after the number.
    #[error("Trailing garbage in weight string")]
    Garbage,
    /// A percentage below zero.
    #[error("Relative weight must be positive.")]
    Negative,
    /// A number outside 0 to 256.
    #[error("Absolute weight can only be between 0 and 256 inclusive.")]
    Range,
    /// Not 0 and not the initial weight, of a backend whose algorithm knows no others.
    #[error("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.")]
    Static,
}

impl BadWeight {
    /// The original leaves the line end out of some messages.
    pub fn ends_line(self) -> bool {
        match self {
            BadWeight::Empty | BadWeight::Garbage => false,
            BadWeight::Negative | BadWeight::Range | BadWeight::Static => true,
        }
    }
}

/// `set weight`: a number, or a percentage of the initial weight.
pub fn set_weight(world: &World, id: ServerId, text: &str, now: Instant) -> Result<(), BadWeight> {
    let plan = world.plan.server(id);
    let initial = i64::from(plan.line.weight.get());
    let digits_at = usize::from(text.starts_with('-'));
    let digits = text.get(digits_at..).unwrap_or("").bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(BadWeight::Empty);
    }
    let (number, rest) = text.split_at(digits_at + digits);
    // A number that does not fit is out of range either way.
    let number: i64 = number.parse().unwrap_or(if digits_at == 0 { i64::MAX } else { i64::MIN });
    let max = i64::from(Weight::MAX.get());
    let weight = match rest {
        "" if (0..=max).contains(&number) => number,
        "" => return Err(BadWeight::Range),
        "%" if number < 0 => return Err(BadWeight::Negative),
        "%" => initial.saturating_mul(number).checked_div(100).unwrap_or(0).min(max),
        _ => return Err(BadWeight::Garbage),
    };
    let dynamic = world.plan.back(plan.backend).is_none_or(|b| b.algorithm.is_dynamic());
    if !dynamic && weight != 0 && weight != initial {
        return Err(BadWeight::Static);
    }
    let weight = u32::try_from(weight).ok().and_then(Weight::new).ok_or(BadWeight::Range)?;
    world.set_weight(id, weight, now);
    Ok(())
}

/// `clear counters`: maxima start again from what is now; with `all`, counters too.
pub fn clear_counters(world: &World, all: bool) {
    for live in &world.proxies {
        live.front_sessions.clear_max();
        live.back_sessions.clear_max();
        live.queued.clear_max();
        live.front_connection_rate.clear_max();
        live.front_session_rate.clear_max();
        live.front_request_rate.clear_max();
        live.back_session_rate.clear_max();
    }
    for live in &world.servers {
        live.sessions.clear_max();
        live.queued.clear_max();
        live.rate.clear_max();
    }
    world.listeners.iter().for_each(|l| l.sessions.clear_max());
    world.connections.clear_max();
    world.connection_rate.clear_max();
    world.session_rate.clear_max();
    if !all {
        return;
    }
    let proxies = || (0..world.proxies.len() as u32).map(ProxyId);
    let now = Cleared {
        fronts: proxies().map(|id| rows::raw_front(world, id)).collect(),
        backs: proxies().map(|id| rows::raw_back(world, id)).collect(),
        servers: (0..world.servers.len() as u32).map(|n| rows::raw_server(world, ServerId(n))).collect(),
        listeners: (0..world.listeners.len() as u32)
            .map(|n| rows::raw_listener(world, ListenerId(n)))
            .collect(),
    };
    *world.cleared.write().unwrap_or_else(PoisonError::into_inner) = now;
}
