//! The timers of a log line (configuration manual §8.4), in milliseconds; -1: not reached.
//!
//! ```text
//! accept ── handshake ── first byte ── head ── queue left ── connected ── response head ── end
//!   ├── Th ──┼──── Ti ────┼──── TR ───┼── Tw ──┼──── Tc ────┼────── Tr ──────┼──── Td ─────┤
//!   ├──────────── Tq ─────────────────┤        Ta = from the first byte, Tu = without Ti
//!   └───────────────────────────────── Tt ─────────────────────────────────────────────────┘
//! ```
//!
//! Every step is counted in whole milliseconds from the start before steps are subtracted, so that the figures of a
//! line add up as in the original.

use evenkeel_base::Instant;

use crate::env::Env;

const UNKNOWN: i64 = -1;

/// Milliseconds from the start of the exchange to a step.
fn at(env: &Env<'_>, step: Option<Instant>) -> Option<i64> {
    step.map(|step| step.since(env.stream.start).as_millis() as i64)
}

/// `%Th`.
pub fn handshake(env: &Env<'_>) -> i64 {
    at(env, env.stream.timers.handshake).unwrap_or(0)
}

/// `%Ti`.
pub fn idle(env: &Env<'_>) -> i64 {
    at(env, env.stream.timers.request_start).map_or(UNKNOWN, |first| (first - handshake(env)).max(0))
}

/// The part of the time that belongs to nobody's request: handshake and idle time.
fn before(env: &Env<'_>) -> i64 {
    match idle(env) {
        UNKNOWN => 0,
        idle => idle + handshake(env),
    }
}

/// `%TR`.
pub fn request(env: &Env<'_>) -> i64 {
    at(env, env.stream.timers.request_head).map_or(UNKNOWN, |head| (head - before(env)).max(0))
}

/// `%Tq`.
pub fn tq(env: &Env<'_>) -> i64 {
    at(env, env.stream.timers.request_head).unwrap_or(UNKNOWN)
}

/// `%Tw`.
pub fn queue(env: &Env<'_>) -> i64 {
    let from = at(env, env.stream.timers.request_head).unwrap_or(0);
    at(env, env.stream.timers.queued).map_or(UNKNOWN, |left| (left - from).max(0))
}

/// `%Tc`.
pub fn connect(env: &Env<'_>) -> i64 {
    let timers = &env.stream.timers;
    match (at(env, timers.queued), at(env, timers.connected)) {
        (Some(from), Some(to)) => (to - from).max(0),
        (None, _) | (_, None) => UNKNOWN,
    }
}

/// `%Tr`.
pub fn response(env: &Env<'_>) -> i64 {
    let timers = &env.stream.timers;
    match (at(env, timers.connected), at(env, timers.response_head)) {
        (Some(from), Some(to)) => (to - from).max(0),
        (None, _) | (_, None) => UNKNOWN,
    }
}

/// `%Td`.
pub fn data(env: &Env<'_>) -> i64 {
    let timers = &env.stream.timers;
    let from = match timers.response_head {
        Some(head) => Some(head),
        None if env.stream.tunnel => timers.connected,
        None => None,
    };
    at(env, from).map_or(UNKNOWN, |from| (total(env) - from).max(0))
}

/// `%Tt`.
pub fn total(env: &Env<'_>) -> i64 {
    let end = env.stream.timers.end.unwrap_or_else(|| env.world.now());
    at(env, Some(end)).unwrap_or(0)
}

/// `%Ta`.
pub fn active(env: &Env<'_>) -> i64 {
    (total(env) - before(env)).max(0)
}

/// `%Tu`.
pub fn user(env: &Env<'_>) -> i64 {
    (total(env) - idle(env).max(0)).max(0)
}
