//! Switching on and off, shutting down, clearing.

use std::sync::atomic::Ordering::Relaxed;

use bstr::ByteSlice;
use evenkeel_base::ServerId;
use evenkeel_plan::global::CliLevel;
use evenkeel_proxy::shard::Order;
use evenkeel_proxy::world::Admin;

use super::command::{Call, Command, Question, Reply, command};
use super::show;
use crate::{deeds, rows};

pub(super) const ALL: &[Command] = &[
    command("enable server", "<bk>/<srv>", "take a server out of maintenance (see also `set server`)", |c| {
        state(c, Admin::Ready)
    })
    .admin(),
    command("disable server", "<bk>/<srv>", "put a server into maintenance (see also `set server`)", |c| {
        state(c, Admin::Maint)
    })
    .admin(),
    command("enable health", "<bk>/<srv>", "check a server's health again", |c| check(c, true)).admin(),
    command("disable health", "<bk>/<srv>", "stop checking a server's health", |c| check(c, false)).admin(),
    command("enable agent", "<bk>/<srv>", "ask a server's agent again", |c| agent(c, true)).admin(),
    command("disable agent", "<bk>/<srv>", "stop asking a server's agent", |c| agent(c, false)).admin(),
    command("enable frontend", "<frontend>", "accept connections again", enable_frontend).admin(),
    command("disable frontend", "<frontend>", "accept no connections for now", disable_frontend).admin(),
    command("shutdown frontend", "<frontend>", "close a frontend's sockets for good", shutdown_frontend)
        .admin(),
    command("shutdown session", "<id>", "cut a session", shutdown_session).admin(),
    command("shutdown sessions server", "<bk>/<srv>", "cut all sessions of a server", shutdown_sessions)
        .admin(),
    command("clear counters", "[all]", "start maxima, or all counters, again", clear_counters).operator(),
];

fn on_server(call: &Call<'_>, deed: impl FnOnce(ServerId) -> Result<(), deeds::Undone>) -> Reply {
    match call.server(call.arg(0)).map(deed) {
        Ok(Ok(())) => Reply::Done,
        Ok(Err(why)) => Reply::error(why.to_string()),
        Err(reply) => reply,
    }
}

fn state(call: &mut Call<'_>, admin: Admin) -> Reply {
    let (world, now) = (call.world, call.now);
    on_server(call, |id| {
        // `enable server` ends maintenance and leaves a drained server drained.
        if admin == Admin::Maint || world.server(id).admin() == Admin::Maint {
            world.set_admin(id, admin, now);
        }
        Ok(())
    })
}

fn check(call: &mut Call<'_>, on: bool) -> Reply {
    on_server(call, |id| deeds::switch_check(call.world, id, on).map(drop))
}

fn agent(call: &mut Call<'_>, on: bool) -> Reply {
    on_server(call, |id| deeds::switch_agent(call.world, id, on).map(drop))
}

fn enable_frontend(call: &mut Call<'_>) -> Reply {
    let id = match call.frontend(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    let listening = &call.world.proxy(id).listening;
    match listening.load(Relaxed) {
        rows::STOPPED => Reply::error("Frontend was previously shut down, cannot enable."),
        rows::OPEN => Reply::error("All sockets are already enabled."),
        _ => {
            listening.store(rows::OPEN, Relaxed);
            call.orders.all(|| Order::Pause(Some(id), false));
            Reply::Done
        }
    }
}

fn disable_frontend(call: &mut Call<'_>) -> Reply {
    let id = match call.frontend(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    let listening = &call.world.proxy(id).listening;
    match listening.load(Relaxed) {
        rows::STOPPED => Reply::error("Frontend was previously shut down, cannot disable."),
        rows::PAUSED => Reply::error("All sockets are already disabled."),
        _ => {
            listening.store(rows::PAUSED, Relaxed);
            call.orders.all(|| Order::Pause(Some(id), true));
            Reply::Done
        }
    }
}

fn shutdown_frontend(call: &mut Call<'_>) -> Reply {
    let id = match call.frontend(call.arg(0)) {
        Ok(id) => id,
        Err(reply) => return reply,
    };
    if call.world.proxy(id).listening.swap(rows::STOPPED, Relaxed) == rows::STOPPED {
        return Reply::error("Frontend was already shut down.");
    }
    call.orders.all(|| Order::StopListening(Some(id)));
    Reply::Done
}

fn shutdown_session(call: &mut Call<'_>) -> Reply {
    let text = call.arg(0);
    match show::session_number(text.as_bytes()).filter(|_| text.starts_with(b"0x")) {
        Some(id) => Reply::Ask(Question::Kill(id)),
        None => Reply::error("Session pointer expected (use 'show sess')."),
    }
}

fn shutdown_sessions(call: &mut Call<'_>) -> Reply {
    on_server(call, |id| {
        deeds::shut_sessions(call.world, id);
        Ok(())
    })
}

fn clear_counters(call: &mut Call<'_>) -> Reply {
    let all = match call.arg(0).as_bytes() {
        b"all" => true,
        b"server" => return Reply::error("Counters of one server cannot be cleared: not built yet."),
        _ => false,
    };
    if all && call.session.level < CliLevel::Admin {
        return Reply::error("Permission denied");
    }
    deeds::clear_counters(call.world, all);
    call.orders.all(|| Order::ClearTimes(all));
    Reply::Done
}
